//! A table for other programs: a menu that copies it as Markdown or saves it as CSV.

use charts::{
    text_table::{csv_line, markdown},
    tick::utc,
};
use leptos::prelude::*;

use super::{
    button::IconButton,
    icon,
    menu::{Item, Menus},
    save,
    toast::Toasts,
    words,
};

/// For whom the cells are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// For people: rounded, "–" where there is nothing.
    Markdown,
    /// For programs: all digits, empty where there is nothing.
    Csv,
}

impl Form {
    pub(crate) fn number(self, value: Option<f64>) -> String {
        match (self, value) {
            (Self::Markdown, Some(value)) => words::figure(value),
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
    pub(crate) fn taken(self, toasts: Toasts, (one, many): (&str, &str), form: Form) {
        let count = words::counted(self.rows.len() as u64, one, many);
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
) -> impl IntoView {
    let toasts = Toasts::get();
    view! { <TakeMenu take=move |form| table(form).taken(toasts, of, form) /> }
}

/// The menu alone, for a table that must first be fetched.
#[component]
pub(crate) fn TakeMenu(take: impl Fn(Form) + Copy + 'static) -> impl IntoView {
    let menus = Menus::get();
    let items = move || {
        vec![
            Item::new("Copy as Markdown", icon::COPY, move || take(Form::Markdown)),
            Item::new("Save as CSV", icon::DOWNLOAD, move || take(Form::Csv)),
        ]
    };
    view! { <IconButton label="Copy or save the table" mark=icon::DOWNLOAD on_press=move |event| menus.open_at(&event, items()) /> }
}

#[cfg(test)]
mod tests {
    use super::*;

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
