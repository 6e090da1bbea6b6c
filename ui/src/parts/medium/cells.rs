//! The begin of a table that another program wrote, of as many rows and columns as a page can hold.

use leptos::prelude::*;

use crate::parts::words;

/// Rows and columns of a table that are shown.
pub(crate) const ROWS: usize = 100;
pub(crate) const COLUMNS: usize = 100;

/// The first rows of a table, and whether it has more of them, or more columns.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Rows {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) has_more_rows: bool,
    pub(crate) has_more_columns: bool,
}

impl Rows {
    /// Of a table with so many rows, of which these are the first.
    pub(crate) fn first_of(columns: &[String], rows: &[Vec<String>], total_rows: u64) -> Self {
        let cells = |row: &[String]| row.iter().take(COLUMNS).cloned().collect::<Vec<_>>();
        let width = rows.iter().map(Vec::len).chain([columns.len()]).max().unwrap_or(0);
        Self {
            head: cells(columns),
            rows: rows.iter().take(ROWS).map(|row| cells(row)).collect(),
            has_more_rows: total_rows > ROWS as u64,
            has_more_columns: width > COLUMNS,
        }
    }

    /// What is not shown.
    fn left_out(&self) -> Option<String> {
        let rows = words::counted(self.rows.len() as u64, "row", "rows");
        match (self.has_more_rows, self.has_more_columns) {
            (false, false) => None,
            (true, false) if self.rows.is_empty() => {
                Some("Its head is shown: the rows begin beyond what is read of it.".to_owned())
            }
            (true, true) if self.rows.is_empty() => Some(format!(
                "The first {COLUMNS} columns of its head are shown: the rows begin beyond what is read of it."
            )),
            (true, false) => Some(format!("The first {rows} are shown.")),
            (false, true) => Some(format!("The first {COLUMNS} columns are shown.")),
            (true, true) => Some(format!("The first {rows} and {COLUMNS} columns are shown.")),
        }
    }
}

#[component]
pub(crate) fn Cells(table: Rows) -> impl IntoView {
    let left_out = table.left_out();
    let Rows { head, rows, .. } = table;
    let cell = |text: String| {
        let whole = text.clone();
        view! { <td><span class="cut" title=whole>{text}</span></td> }
    };
    view! {
        <div class="scrolls seen-whole">
            // no menu: that of the medium (medium.rs) takes it
            <table class="small-table">
                <thead><tr>{head.into_iter().map(|title| view! { <th scope="col">{title}</th> }).collect_view()}</tr></thead>
                <tbody>{rows.into_iter().map(|row| view! { <tr>{row.into_iter().map(cell).collect_view()}</tr> }).collect_view()}</tbody>
            </table>
        </div>
        {left_out.map(|said| view! { <p class="muted small padded">{said}</p> })}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_large_table_the_begin_is_shown_and_it_is_said() {
        let row = |wide: usize| vec!["1".to_owned(); wide];
        let large = Rows::first_of(&row(600), &vec![row(600); 1_000], 5_000);
        assert_eq!((large.head.len(), large.rows.len()), (COLUMNS, ROWS));
        assert!(large.rows.iter().all(|row| row.len() == COLUMNS));
        assert_eq!(large.left_out().as_deref(), Some("The first 100 rows and 100 columns are shown."));
        let long = Rows::first_of(&row(2), &vec![row(2); 101], 101);
        assert_eq!(long.left_out().as_deref(), Some("The first 100 rows are shown."));
        assert_eq!(Rows::first_of(&row(2), &[row(2)], 1).left_out(), None);
        let head = Rows { head: row(COLUMNS), has_more_rows: true, has_more_columns: true, ..Rows::default() };
        assert!(head.left_out().is_some_and(|said| said.contains("100 columns of its head")));
    }
}
