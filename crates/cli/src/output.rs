//! How a command answers: JSON for programs, tables and sentences for people.
//!
//! Answers go to stdout, everything else (progress, errors, hints) to stderr, so that a pipe gets
//! the answer only.
//!
//! Whatever is told here is made [`harmless`] on its way out, so that no command needs to remember it: names, notes
//! and messages come from other programs. The exceptions are what a run's own program wrote (`exec`, `run log`), and
//! cells on their way into a pipe or a file ([`pass`]).

use std::{
    borrow::Cow,
    io::{ErrorKind, IsTerminal, Write as _},
};

use api::{ApiError, ErrorCode};
use charts::text_table::csv_line;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use serde::Serialize;

use crate::terminal;

const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// Where and how answers are printed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
    /// Whether progress may redraw its line.
    pub(crate) live: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        let live = std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self { json, live }
    }

    /// Prints a record: as JSON, or as `human` tells it.
    pub(crate) fn show<T: Serialize>(&self, value: &T, human: impl FnOnce(&T) -> String) -> Result<(), ApiError> {
        if self.json {
            let text = serde_json::to_string_pretty(value).map_err(|error| {
                ApiError::new(ErrorCode::Internal, format!("Can't write the answer as JSON: {error}."))
            })?;
            return line(&harmless_json(&text));
        }
        self.print(&human(value))
    }

    /// Prints lines to stdout. A reader that went away (`| head`) is no error.
    pub(crate) fn print(&self, text: &str) -> Result<(), ApiError> {
        line(&text.lines().map(harmless_line).collect::<Vec<_>>().join("\n"))
    }

    /// Prints a drawing with colours, whose names its maker has made [`harmless`].
    pub(crate) fn print_drawn(&self, drawn: &str) -> Result<(), ApiError> {
        line(drawn)
    }

    /// Tells a person something beside the answer.
    pub(crate) fn say(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{}", harmless(text));
    }
}

fn line(text: &str) -> Result<(), ApiError> {
    let text = text.trim_end_matches('\n');
    if text.is_empty() { Ok(()) } else { write(&format!("{text}\n")).map(drop) }
}

/// Prints text as it is, or says why not: whether there is still a reader. One that went away (`| head`) is no error.
pub(crate) fn write(text: &str) -> Result<bool, ApiError> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(ApiError::new(ErrorCode::Internal, format!("Can't write the answer: {error}."))),
    }
}

/// Prints a record as one line of JSON, of which many follow each other; whether there is still a reader.
pub(crate) fn json_line(value: &impl Serialize) -> Result<bool, ApiError> {
    let text = serde_json::to_string(value)
        .map_err(|error| ApiError::new(ErrorCode::Internal, format!("Can't write the answer as JSON: {error}.")))?;
    write(&format!("{}\n", harmless_json(&text)))
}

/// Prints text byte for byte into a pipe or a file, and harmless at a terminal; whether there is still a reader.
pub(crate) fn pass(text: &str) -> Result<bool, ApiError> {
    if std::io::stdout().is_terminal() { write(&harmless(text)) } else { write(text) }
}

/// A table for other programs, as CSV: whole texts, all digits, times in UTC by ISO 8601, and nothing where there is no
/// value.
pub(crate) fn csv(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    csv_line(head) + &rows.into_iter().map(csv_line).collect::<String>()
}

/// Prints it.
pub(crate) fn pass_csv(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Result<(), ApiError> {
    pass(&csv(head, rows)).map(drop)
}

/// Prints an error as a sentence and its way out; as JSON on stderr where JSON was asked for.
pub(crate) fn print_error(error: &ApiError, json: bool) {
    let mut stderr = std::io::stderr().lock();
    if json {
        let text = serde_json::to_string(error).unwrap_or_else(|_| error.message.clone());
        let _ = writeln!(stderr, "{}", harmless_json(&text));
        return;
    }
    let (start, end) = if coloured(&stderr) { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    // What a person asked for with Ctrl-C went wrong in no way.
    let _ = match error.code {
        ErrorCode::Cancelled => writeln!(stderr, "{}", harmless(&error.message)),
        _ => writeln!(stderr, "{start}error:{end} {}", harmless(&error.message)),
    };
    if let Some(hint) = &error.hint {
        let _ = writeln!(stderr, " hint: {}", harmless(hint));
    }
}

/// What came from data, names or other programs, without what would steer a terminal (an escape sequence clears the
/// screen, or types; an override turns the rest of a line around): such characters are shown as U+FFFD. Lines and tabs
/// stay.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if text.contains(steers) { text.replace(steers, "\u{fffd}").into() } else { text.into() }
}

fn steers(character: char) -> bool {
    let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || character.is_control() && !matches!(character, '\n' | '\t')
}

/// A line of an answer; one that is dim as a whole, as a table's headings are, stays so.
pub(crate) fn harmless_line(line: &str) -> Cow<'_, str> {
    match line.strip_prefix(DIM).and_then(|rest| rest.strip_suffix(PLAIN)) {
        Some(inner) => format!("{DIM}{}{PLAIN}", harmless(inner)).into(),
        None => harmless(line),
    }
}

/// JSON of the same meaning: what would steer a terminal stands in its strings as `\u…`.
fn harmless_json(json: &str) -> Cow<'_, str> {
    if !json.contains(steers) {
        return json.into();
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        match steers(character) {
            true => safe.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => safe.push(character),
        }
    }
    safe.into()
}

/// A name within a line of others.
pub(crate) fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// What the shell is told: documented in `slipway --help`.
pub(crate) fn exit_code(code: ErrorCode) -> u8 {
    match code {
        ErrorCode::Invalid | ErrorCode::InvalidProjectFile => 2,
        ErrorCode::NotFound => 3,
        ErrorCode::Unreachable | ErrorCode::Unauthorized | ErrorCode::Forbidden | ErrorCode::WrongProtocol => 4,
        ErrorCode::Busy => 5,
        ErrorCode::Cancelled => 130,
        _ => 1,
    }
}

/// Colour goes to terminals only, and where the user has not declined it.
fn coloured(stream: &impl IsTerminal) -> bool {
    let is_wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    stream.is_terminal() && is_wanted && terminal::takes_colours()
}

/// Whether answers may have colours.
pub(crate) fn coloured_answer() -> bool {
    coloured(&std::io::stdout())
}

/// What a heading says: the first `>` or `<` is no part of it, any other is, as in the name of a class.
pub(crate) fn heading_text(heading: &str) -> &str {
    heading.strip_prefix(['>', '<']).unwrap_or(heading)
}

/// A heading that is a name which others gave, whatever it begins with; its column is aligned to the left.
pub(crate) fn named(name: &str) -> String {
    format!("<{name}")
}

/// Aligned columns without frames. A heading that starts with `>` aligns its column to the right; one that is a name goes
/// through [`named`].
pub(crate) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headings.iter().map(|heading| harmless(heading_text(heading))));
    let mut count = 0;
    for row in rows {
        table.add_row(row.iter().map(|cell| harmless(cell)));
        count += 1;
    }
    if count == 0 {
        return "Nothing there.".to_owned();
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        let right = headings.get(index).is_some_and(|heading| heading.starts_with('>'));
        column.set_padding((0, 2));
        column.set_cell_alignment(if right { CellAlignment::Right } else { CellAlignment::Left });
    }
    let mut lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    if coloured_answer()
        && let Some(heading) = lines.first_mut()
    {
        *heading = format!("{DIM}{heading}{PLAIN}");
    }
    lines.join("\n")
}

/// `name  value` lines, the names padded to one width; a pair without a value is left out. Further lines of a value
/// stand below its first, so that none looks like a pair.
pub(crate) fn pairs(pairs: &[(&str, Option<String>)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let below = format!("\n{:width$}  ", "");
    let told = |value: &str| harmless(value.trim_end()).replace('\n', &below);
    let lines = pairs.iter().filter_map(|(name, value)| Some(format!("{name:<width$}  {}", told(value.as_ref()?))));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["brisk-heron".to_owned(), "0.9".to_owned()], vec!["ä".to_owned(), "12.25".to_owned()]];
        assert_eq!(table(&["run", ">value"], rows), "run          value\nbrisk-heron    0.9\nä            12.25");
        assert_eq!(table(&["run"], []), "Nothing there.");
        let counts = [vec!["12".to_owned(), "7".to_owned()]];
        assert_eq!(table(&["><=50K", ">>50K"], counts), "<=50K  >50K\n   12     7");
        let (more, less) = (named(">50K"), named("<=50K"));
        let texts = [vec!["a".to_owned(), "b".to_owned()]];
        assert_eq!(table(&[&more, &less], texts), ">50K  <=50K\na     b");
    }

    #[test]
    fn a_table_for_programs_has_a_head_also_where_it_has_no_row() {
        assert_eq!(csv(&["run", "loss"], [vec!["a, b".to_owned(), String::new()]]), "run,loss\r\n\"a, b\",\r\n");
        assert_eq!(csv(&["run"], []), "run\r\n");
    }

    #[test]
    fn nothing_in_a_record_steers_the_terminal() {
        assert_eq!(table(&["name"], [vec!["a\x1b[2Jb".to_owned()]]), "name\na\u{fffd}[2Jb");
        assert_eq!(pairs(&[("name", Some("\x07\u{9b}31m ä".into()))]), "name  \u{fffd}\u{fffd}31m ä");
        assert_eq!(harmless("two\nlines\tand more"), "two\nlines\tand more");
        assert_eq!(harmless("run \u{202e}gpj.\u{2066}x"), "run \u{fffd}gpj.\u{fffd}x");
        assert_eq!(harmless_line("\x1b[2mname\x1b[31m\x1b[0m"), "\x1b[2mname\u{fffd}[31m\x1b[0m");
        assert_eq!(harmless_line("\x1b[2mname"), "\u{fffd}[2mname");
    }

    #[test]
    fn json_says_the_same_and_steers_nothing() {
        let name = "a\u{9b}31m\u{202e}b";
        let json = serde_json::to_string(name).unwrap();
        assert_eq!(harmless_json(&json), r#""a\u009b31m\u202eb""#);
        assert_eq!(serde_json::from_str::<String>(&harmless_json(&json)).unwrap(), name);
    }

    #[test]
    fn no_line_of_a_value_looks_like_a_pair() {
        assert_eq!(pairs(&[("run", Some("a\nstate  done".into())), ("notes", None)]), "run    a\n       state  done");
    }

    #[test]
    fn pairs_leave_out_what_is_not_there() {
        assert_eq!(pairs(&[("a", Some("1".into())), ("bc", None), ("def", Some("2".into()))]), "a    1\ndef  2");
    }

    #[test]
    fn what_scripts_branch_on_has_its_own_code() {
        let codes =
            [ErrorCode::Invalid, ErrorCode::NotFound, ErrorCode::Unreachable, ErrorCode::Busy, ErrorCode::Internal];
        assert_eq!(codes.map(exit_code), [2, 3, 4, 5, 1]);
    }
}
