//! What a preview makes of a file: by the ending of its name how it is shown, and of its first bytes what there is to show.

use api::{
    media::{MediumKind, delimiter_by_name, medium_by_name},
    run::Artifact,
};

use crate::parts::medium::cells::{COLUMNS, ROWS, Rows};

/// Of a text so many bytes are read.
pub(super) const READ_BYTES: u64 = 64 << 10;

/// How a file is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// As it is written, where it is text at all: nothing of its name says so.
    Text,
    Json,
    /// Cells apart by this byte.
    Table(u8),
    Markdown,
    /// What a browser draws or plays.
    Medium(MediumKind),
}

impl Kind {
    pub(super) fn of(file: &Artifact) -> Self {
        // What a browser draws or plays is what stands under Media, too; all else is read as a text.
        if let Some((_, kind)) = medium_by_name(&file.path).filter(|(_, kind)| kind.has_bytes()) {
            return Self::Medium(kind);
        }
        if let Some(delimiter) = delimiter_by_name(&file.path) {
            return Self::Table(delimiter);
        }
        let name = file.path.rsplit('/').next().unwrap_or_default();
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
        match ending.as_str() {
            "json" | "ipynb" | "geojson" => Self::Json,
            "md" | "markdown" => Self::Markdown,
            _ => Self::Text,
        }
    }
}

/// A text of a file's first bytes; `None` where they are no text. What is cut within a character ends before it.
pub(super) fn text_of(bytes: &[u8], is_cut: bool) -> Option<String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if is_cut && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    (!text.contains('\0')).then(|| text.to_owned())
}

/// JSON in lines, each level two spaces further to the right. Keys keep their order and numbers their digits; what is no
/// JSON, as one that was cut or that holds NaN, is `None`.
pub(super) fn pretty(text: &str) -> Option<String> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let mut written = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
    let mut letters = text.chars().peekable();
    let line = |written: &mut String, depth: usize| {
        written.push('\n');
        written.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(letter) = letters.next() {
        if in_text {
            written.push(letter);
            in_text = is_escaped || letter != '"';
            is_escaped = !is_escaped && letter == '\\';
            continue;
        }
        match letter {
            '"' => {
                written.push(letter);
                in_text = true;
            }
            '{' | '[' => {
                written.push(letter);
                while letters.next_if(|next| next.is_ascii_whitespace()).is_some() {}
                if let Some(end) = letters.next_if(|next| matches!(next, '}' | ']')) {
                    written.push(end);
                } else {
                    depth += 1;
                    line(&mut written, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut written, depth);
                written.push(letter);
            }
            ',' => {
                written.push(letter);
                line(&mut written, depth);
            }
            ':' => written.push_str(": "),
            blank if blank.is_ascii_whitespace() => {}
            other => written.push(other),
        }
    }
    Some(written)
}

/// Reads a table's start; of one that was cut the last line may be half of one, and is left out, but where it has whole
/// all the fields that are shown.
pub(super) fn rows(text: &str, delimiter: u8, is_cut: bool) -> Rows {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).has_headers(false).from_reader(text.as_bytes());
    let mut records = reader.records().map_while(Result::ok).take(ROWS + 2).collect::<Vec<_>>();
    let is_all = records.len() < ROWS + 2;
    let is_short = records.last().is_some_and(|last| last.len() <= COLUMNS);
    if is_cut && is_all && is_short {
        records.pop();
    }
    let width = records.iter().map(csv::StringRecord::len).max().unwrap_or(0);
    let cells = |record: &csv::StringRecord| record.iter().take(COLUMNS).map(str::to_owned).collect::<Vec<_>>();
    let mut all = records.iter();
    let head = all.next().map(cells).unwrap_or_default();
    Rows {
        head,
        rows: all.take(ROWS).map(cells).collect(),
        has_more_rows: is_cut || records.len() > ROWS + 1,
        has_more_columns: width > COLUMNS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_shown_by_the_ending_of_its_name() {
        let kind = |path: &str| Kind::of(&Artifact { path: path.to_owned(), size_bytes: 1, modified_ms: 0 });
        let of = [
            "a/b.JSON",
            "seen/step_2.table.json",
            "c.tsv",
            "README.md",
            "d.svg",
            "report.html",
            "e.m4v",
            "model/MLmodel",
            "a.b/weights",
        ];
        let kinds = [
            Kind::Json,
            Kind::Json,
            Kind::Table(b'\t'),
            Kind::Markdown,
            Kind::Medium(MediumKind::Drawing),
            Kind::Medium(MediumKind::Page),
            Kind::Medium(MediumKind::Video),
            Kind::Text,
            Kind::Text,
        ];
        assert_eq!(of.map(kind), kinds);
    }

    #[test]
    fn bytes_that_are_no_text_are_not_shown_as_such() {
        assert_eq!(text_of(b"\xef\xbb\xbfok", false).as_deref(), Some("ok"));
        assert_eq!((text_of(b"a\0b", false), text_of(b"\x80\x04\x95", true)), (None, None));
        let cut = "Grüße".as_bytes();
        assert_eq!(text_of(&cut[..3], true).as_deref(), Some("Gr"));
        assert_eq!(text_of(&cut[..3], false), None);
    }

    #[test]
    fn json_is_laid_out_and_nothing_of_it_is_changed() {
        let text = r#"{"b":[1e400,0.10],"a":{ },"c":"x, \"y\": [\\","d":[]}"#;
        let wanted = "{\n  \"b\": [\n    1e400,\n    0.10\n  ],\n  \"a\": {},\n  \"c\": \"x, \\\"y\\\": [\\\\\",\n  \"d\": []\n}";
        assert_eq!(pretty(text).as_deref(), Some(wanted));
        assert_eq!((pretty("[NaN]"), pretty("[1,"), pretty("")), (None, None, None));
    }

    #[test]
    fn of_a_table_the_first_rows_are_shown() {
        let told = rows("a,b\n1,\"x,\ny\"\n3\n", b',', false);
        assert_eq!(told.head, ["a", "b"]);
        assert_eq!(told.rows, [vec!["1", "x,\ny"], vec!["3"]]);
        assert!(!told.has_more_rows && !told.has_more_columns);
        let cut = rows("a\tb\n1\t2\n3\t", b'\t', true);
        assert_eq!((cut.rows.len(), cut.has_more_rows), (1, true));
        let long: String = (0..300).map(|row| format!("{row}\n")).collect();
        let long = rows(&long, b',', false);
        assert_eq!((long.rows.len(), long.has_more_rows), (ROWS, true));
        assert!(rows(&",".repeat(150), b',', false).has_more_columns);
    }

    #[test]
    fn a_head_that_is_cut_is_shown_as_far_as_there_is_room() {
        let wide: String = (0..COLUMNS + 50).map(|column| format!("feature_{column},")).collect();
        let cut = rows(&wide, b',', true);
        assert_eq!((cut.head.len(), cut.head[COLUMNS - 1].as_str()), (COLUMNS, "feature_99"));
        assert!(cut.rows.is_empty() && cut.has_more_rows && cut.has_more_columns);
        // Of one whose fields are fewer the last may be half of one.
        assert_eq!(rows("a,b,c", b',', true).head, Vec::<String>::new());
    }
}
