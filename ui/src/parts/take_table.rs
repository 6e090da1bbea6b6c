//! A table for other programs: a menu that copies it as Markdown or saves it as CSV.

use api::ApiError;
use charts::{
    text_table::{csv_line, markdown},
    tick::utc,
};
use leptos::{prelude::*, task::spawn_local};

use super::{
    button::IconButton,
    icon::{self, Icon},
    menu::{Item, Menus},
    save,
    toast::Toasts,
    words,
};

/// For whom the cells are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people and their texts: rounded, "–" where there is nothing.
    Markdown,
    /// For programs: all digits, empty where there is nothing.
    Csv,
}

impl Form {
    pub(crate) fn number(self, value: Option<f64>) -> String {
        match (self, value) {
            (Self::Markdown, Some(value)) => words::written(value),
            (Self::Csv, Some(value)) => value.to_string(),
            (_, None) => self.nothing(),
        }
    }

    pub(crate) fn text(self, value: Option<&str>) -> String {
        value.map_or_else(|| self.nothing(), str::to_owned)
    }

    /// Milliseconds since 1970, in UTC.
    pub(crate) fn moment(self, ms: Option<i64>) -> String {
        ms.map_or_else(|| self.nothing(), utc)
    }

    pub(crate) fn size(self, bytes: u64) -> String {
        match self {
            Self::Markdown => words::bytes(bytes),
            Self::Csv => bytes.to_string(),
        }
    }

    fn nothing(self) -> String {
        match self {
            Self::Markdown => "–".to_owned(),
            Self::Csv => String::new(),
        }
    }
}

/// A table as text.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct TextTable {
    /// Title, and whether its cells are numbers.
    pub(crate) head: Vec<(String, bool)>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl TextTable {
    /// Each title with whether its cells are numbers.
    pub(crate) fn of<const N: usize>(head: [(&str, bool); N], rows: impl Iterator<Item = [String; N]>) -> Self {
        let head = head.map(|(title, is_number)| (title.to_owned(), is_number)).to_vec();
        Self { head, rows: rows.map(|row| row.to_vec()).collect() }
    }

    fn written(self, form: Form) -> String {
        let (titles, is_number): (Vec<String>, Vec<bool>) = self.head.into_iter().unzip();
        match form {
            Form::Markdown => markdown(&titles, &is_number, &self.rows),
            Form::Csv => csv_line(&titles) + &self.rows.into_iter().map(csv_line).collect::<String>(),
        }
    }

    /// Copies or saves it; `of` is one row and several, as of [`TakeTable`].
    pub(crate) fn taken(self, toasts: Toasts, of: (&str, &str), form: Form) {
        let total = self.rows.len() as u64;
        self.taken_of(toasts, of, form, total);
    }

    /// The same of the first rows of so many.
    fn taken_of(self, toasts: Toasts, (one, many): (&str, &str), form: Form, total: u64) {
        let here = self.rows.len() as u64;
        let count = match total > here {
            true => format!("the first {} of {}", words::count(here), words::counted(total, one, many)),
            false => words::counted(here, one, many),
        };
        let text = self.written(form);
        match form {
            Form::Markdown => toasts.copy_unseen(&text, "Copied as Markdown", &count),
            Form::Csv => save::csv(toasts, many, text, Some(count)),
        }
    }
}

#[component]
pub(crate) fn TakeTable(
    /// One row and several: "trial", "trials"; the file is called as the latter.
    of: (&'static str, &'static str),
    table: impl Fn(Form) -> TextTable + Copy + 'static,
    /// Another where what saves the file stands beside it.
    #[prop(default = icon::DOWNLOAD)]
    mark: Icon,
) -> impl IntoView {
    let toasts = Toasts::get();
    view! { <TakeMenu take=move |form| table(form).taken(toasts, of, form) mark /> }
}

/// The menu alone, for a table that must first be fetched.
#[component]
pub(crate) fn TakeMenu(
    take: impl Fn(Form) + Copy + 'static,
    #[prop(default = icon::DOWNLOAD)] mark: Icon,
    /// How many rows a list has that comes page by page.
    #[prop(into, optional)]
    total: Signal<Option<u64>>,
) -> impl IntoView {
    let menus = Menus::get();
    let items = move || {
        let which = which(total.get_untracked());
        vec![
            Item::new(format!("Copy as Markdown{which}"), icon::COPY, move || take(Form::Markdown)),
            Item::new(format!("Save as CSV{which}"), icon::DOWNLOAD, move || take(Form::Csv)),
        ]
    };
    view! { <IconButton label="Copy or save the table" mark on_press=move |event| menus.open_at(&event, items()) /> }
}

/// Rows of a list from an offset on, and how many it has in all.
pub(crate) type Page = (Vec<Vec<Option<String>>>, u64);

/// Rows of a list that comes page by page are taken up to so many: a whole data set is exported as its files.
const MOST_ROWS: u64 = 10_000;
/// Rows that are asked for at once.
const PIECE: u32 = 1_000;

/// What a menu says behind what it does where not all rows are taken.
fn which(total: Option<u64>) -> String {
    match total.filter(|total| *total > MOST_ROWS) {
        Some(_) => format!(" (first {} rows)", words::count(MOST_ROWS)),
        None => String::new(),
    }
}

/// The menu of a list that comes page by page.
pub(crate) fn take_pages(
    toasts: Toasts,
    of: (&'static str, &'static str),
    form: Form,
    head: Vec<(String, bool)>,
    ask: impl AsyncFn(u64, u32) -> Result<Page, ApiError> + 'static,
) {
    spawn_local(async move {
        match pages(ask).await {
            Ok((rows, total)) => {
                let row = |row: Vec<Option<String>>| row.iter().map(|cell| form.text(cell.as_deref())).collect();
                TextTable { head, rows: rows.into_iter().map(row).collect() }.taken_of(toasts, of, form, total);
            }
            Err(error) => toasts.error(&error),
        }
    });
}

/// All rows up to [`MOST_ROWS`]; fewer where the list became shorter meanwhile.
async fn pages(ask: impl AsyncFn(u64, u32) -> Result<Page, ApiError>) -> Result<Page, ApiError> {
    let (mut rows, mut total) = ask(0, PIECE).await?;
    while (rows.len() as u64) < total.min(MOST_ROWS) {
        let (more, all) = ask(rows.len() as u64, PIECE).await?;
        total = all;
        if more.is_empty() {
            break;
        }
        rows.extend(more);
    }
    Ok((rows, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_taken_page_by_page_up_to_a_bound() {
        use std::{
            pin::pin,
            task::{Context, Poll, Waker},
        };

        let taken = |total: u64| {
            let ask = async |offset: u64, limit: u32| {
                let count = total.saturating_sub(offset).min(u64::from(limit));
                Ok::<Page, ApiError>(((0..count).map(|at| vec![Some((offset + at).to_string())]).collect(), total))
            };
            // Nothing here waits for anything.
            match pin!(pages(ask)).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Ok((rows, total))) => (rows.len(), rows.last().cloned(), total),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(taken(0), (0, None, 0));
        assert_eq!(taken(1_500), (1_500, Some(vec![Some("1499".to_owned())]), 1_500));
        assert_eq!(taken(2_000_000), (10_000, Some(vec![Some("9999".to_owned())]), 2_000_000));
    }

    #[test]
    fn a_menu_says_beforehand_that_not_all_rows_are_taken() {
        assert_eq!([None, Some(0), Some(10_000)].map(which), ["", "", ""]);
        assert_eq!(which(Some(10_001)), " (first 10,000 rows)");
    }

    #[test]
    fn a_negative_number_is_one_wherever_a_table_is_taken_to() {
        let taken = [Form::Csv, Form::Markdown].map(|form| form.number(Some(-0.5)));
        assert_eq!(taken, ["-0.5", "-0.5000"]);
        assert_eq!(words::figure(-0.5), "−0.5000", "as the window shows it");
    }

    #[test]
    fn moments_and_sizes_are_exact_for_programs() {
        assert_eq!(Form::Csv.moment(Some(1_795_928_400_000)), "2026-11-29T05:00:00Z");
        assert_eq!(Form::Csv.moment(Some(-1)), "1969-12-31T23:59:59Z");
        assert_eq!((Form::Csv.moment(None), Form::Markdown.moment(None)), (String::new(), "–".to_owned()));
        assert_eq!(
            (Form::Csv.size(2_048_000), Form::Markdown.size(2_048_000)),
            ("2048000".to_owned(), words::bytes(2_048_000))
        );
    }

    #[test]
    fn a_table_is_rounded_for_people_and_exact_for_programs() {
        let table = |form: Form| TextTable {
            head: vec![("Run".to_owned(), false), ("Value".to_owned(), true)],
            rows: vec![
                vec![form.text(Some("a,b")), form.number(Some(0.123_456_789_012))],
                vec![form.text(None), form.number(None)],
            ],
        };
        let csv = table(Form::Csv).written(Form::Csv);
        assert_eq!(csv, "Run,Value\r\n\"a,b\",0.123456789012\r\n,\r\n");
        let text = table(Form::Markdown).written(Form::Markdown);
        assert!(text.starts_with("| Run | Value |\n| --- | ---: |\n| a,b | 0.123"), "{text}");
        assert!(text.ends_with("| – | – |\n") && !text.contains("0.123456789012"), "{text}");
    }
}
