//! The gate on what the window draws: each table has a menu that copies it as Markdown or saves it as CSV, each chart
//! one that saves it as SVG or PNG, or the comment above it says why not.

use std::{fs, process::Command};

use anyhow::Result;

use crate::{place, shell};

/// Begins the comment above what has no menu of its own; the reason stands behind it.
const REASON: &str = "// no menu: ";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Table,
    Chart,
}

impl Kind {
    /// How many a line draws. A chart is a drawing that is laid into the page.
    fn drawn(self, line: &str) -> usize {
        match self {
            Self::Table => count(&format!("{line}\n"), &["<table ", "<table>", "<table\n", "<Table ", "<Table\n"]),
            Self::Chart => count(line, &["inner_html="]),
        }
    }

    fn menus(self, text: &str) -> usize {
        match self {
            Self::Table => count(text, &["<TakeTable", "<TakeMenu"]),
            Self::Chart => count(text, &["save::svg("]).min(count(text, &["save::png("])),
        }
    }

    const fn way_out(self) -> &'static str {
        match self {
            Self::Table => "draws a table that nobody can take: give it `TakeTable`",
            Self::Chart => "draws a chart that nobody can save: draw it by `Picture` or `ChartCard`",
        }
    }
}

fn count(text: &str, words: &[&str]) -> usize {
    words.iter().map(|word| text.matches(*word).count()).sum()
}

/// What has no menu, file by file.
pub(crate) fn missing() -> Result<Vec<String>> {
    let files = shell::read(Command::new("git").args(["ls-files", "ui/src/*.rs"]).current_dir(place::root()))?;
    let mut wrong = Vec::new();
    for file in files.lines() {
        let text = fs::read_to_string(place::root().join(file))?;
        for kind in [Kind::Table, Kind::Chart] {
            let say = |line: usize| format!("{file}:{line} {}, or say above it why not (`{REASON}…`)", kind.way_out());
            wrong.extend(without_menu(&text, kind).into_iter().map(say));
        }
        let say = |line: usize| format!("{file}:{line} says why something has no menu, and nothing is drawn below it");
        wrong.extend(idle_reasons(&text).into_iter().map(say));
    }
    Ok(wrong)
}

/// The lines, from 1, that draw what has no menu of its own: neither in its function, nor in one that draws nothing, such
/// as the one of its card's title line. A file without any menu may write the text that another file's menu takes.
fn without_menu(text: &str, kind: Kind) -> Vec<usize> {
    let code = code(text);
    let is_of_others = kind == Kind::Table && kind.menus(code) == 0;
    let (mut first, mut spare, mut bare) = (1, 0, Vec::new());
    for function in code.split("\n}\n") {
        let menus = if is_of_others { count(function, &["-> TextTable"]) } else { kind.menus(function) };
        let drawn = drawn(function, kind);
        if drawn.is_empty() {
            spare += menus;
        }
        bare.extend(drawn.into_iter().skip(menus).map(|line| first + line));
        first += function.matches('\n').count() + 2;
    }
    bare.split_off(spare.min(bare.len()))
}

/// The lines, from 0, that draw something, each as often as it does, but those below a reason.
fn drawn(function: &str, kind: Kind) -> Vec<usize> {
    let mut lines = Vec::new();
    let mut before = "";
    for (at, line) in function.lines().enumerate() {
        if !is_comment(line) && !is_reason(before) {
            lines.extend(std::iter::repeat_n(at, kind.drawn(line)));
        }
        before = line;
    }
    lines
}

/// The lines, from 1, of reasons above what draws nothing.
fn idle_reasons(text: &str) -> Vec<usize> {
    let lines: Vec<&str> = text.lines().collect();
    let draws = |line: &str| !is_comment(line) && [Kind::Table, Kind::Chart].iter().any(|kind| kind.drawn(line) > 0);
    let is_idle = |at: &usize| is_reason(lines[*at]) && !lines.get(*at + 1).copied().is_some_and(draws);
    (0..lines.len()).filter(is_idle).map(|at| at + 1).collect()
}

/// What is compiled into the window: tests stand last.
fn code(text: &str) -> &str {
    text.split("\n#[cfg(test)]\n").next().unwrap_or(text)
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

fn is_reason(line: &str) -> bool {
    line.trim_start().strip_prefix(REASON).is_some_and(|why| !why.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(body: &str) -> String {
        format!("fn one() {{\n    {body}\n}}\n")
    }

    #[test]
    fn each_table_has_a_menu_of_its_own() {
        let bare = |text: &str| without_menu(text, Kind::Table);
        let (table, menu) = ("<table class=\"any\">", "<TakeTable of table />");
        let taken = function(&format!("{menu}{table}</table>"));
        assert!(bare(&taken).is_empty());
        assert!(bare(&function("<TakeMenu take /> <Table\n rows />")).is_empty());
        assert!(bare(&function("let rows: Vec<Table> = table_rows();")).is_empty());
        // A second one in the file, in the function, and two on a line.
        assert_eq!(bare(&(taken.clone() + &function(table))), [5]);
        assert_eq!(bare(&function(&format!("{menu}{table}\n{table}"))), [3]);
        assert_eq!(bare(&function(&format!("{table}{table}"))), [2, 2]);
        assert_eq!(bare(&function("<Table rows />")), [2]);
        // What a test draws is never seen, and what a comment says is not drawn.
        let test = format!("{taken}\n#[cfg(test)]\nmod tests {{\n    {table}\n}}\n");
        assert!(bare(&test).is_empty());
        assert!(bare(&function("// As <table > has it.")).is_empty());
    }

    #[test]
    fn a_menu_may_stand_in_a_title_line_of_the_same_file_and_serves_one_table() {
        let head = function("<TakeTable of table />");
        let table = function("<Table rows />");
        assert!(without_menu(&(head.clone() + &table), Kind::Table).is_empty());
        assert_eq!(without_menu(&format!("{table}{head}{table}"), Kind::Table), [8]);
        // Menus beside a table are of that one.
        let full = function("<TakeTable /> <TakeTable /> <table>");
        assert_eq!(without_menu(&(full + &table), Kind::Table), [5]);
        // Its text is taken by a menu of another file.
        let text = "fn as_text() -> TextTable {\n    rows()\n}\n";
        assert!(without_menu(&(table.clone() + text), Kind::Table).is_empty());
        assert_eq!(without_menu(&format!("{table}{text}{table}"), Kind::Table), [8]);
    }

    #[test]
    fn a_chart_is_saved_as_a_drawing_and_as_a_picture() {
        let bare = |body: &str| without_menu(&function(body), Kind::Chart);
        assert!(bare("save::svg(a); save::png(b); <div inner_html=drawn></div>").is_empty());
        assert_eq!(bare("save::svg(a); <div inner_html=drawn></div>"), [2]);
    }

    #[test]
    fn a_reason_is_written_above_what_it_is_about() {
        let bare = |why: &str| without_menu(&function(&format!("{why}\n    <table>")), Kind::Table);
        assert!(bare("// no menu: it is Markdown already").is_empty());
        assert_eq!(bare("// no menu: "), [3], "nothing is said");
        assert_eq!(bare("// It is Markdown already"), [3]);
        assert_eq!(idle_reasons("// no menu: why\n<table>\n// no menu: why\n\n<table>"), [3]);
        assert_eq!(idle_reasons("<table>\n// no menu: why"), [2]);
    }
}
