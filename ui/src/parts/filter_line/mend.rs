//! A name in a filter that no run here has, put right: the host says what was meant, this only writes it in its place.

use api::{
    run::{FilterNote, KeyKind},
    run_table,
};

use super::complete::{Wants, after, pieces};

/// What stands before a key, as MLflow names it too.
const fn prefixes(kind: KeyKind) -> &'static [&'static str] {
    match kind {
        KeyKind::Metric => &["metric.", "metrics."],
        KeyKind::Param => &["param.", "params.", "parameter.", "parameters."],
        KeyKind::Tag => &["tag.", "tags."],
    }
}

/// What is meant, and the filter with it in the place of what was written; `None` where nothing is near, or where the
/// filter no longer names the key.
pub(crate) fn mended(text: &str, note: &FilterNote) -> Option<(String, String)> {
    let meant = note.meant.clone()?;
    let mut wants = Wants::Condition;
    for piece in pieces(text) {
        let word = &text[piece.place.clone()];
        if matches!(wants, Wants::Condition | Wants::Join)
            && !piece.is_operator
            && let Some(prefix) = prefixes(note.kind).iter().find(|prefix| word.starts_with(**prefix))
            && run_table::unquoted(&word[prefix.len()..]) == note.key
        {
            let (head, tail) = (&text[..piece.place.start], &text[piece.place.end..]);
            // As the grammar names it, whatever the key has in it.
            let named = run_table::named("", &meant);
            let named = named.strip_prefix('.')?;
            return Some((meant, format!("{head}{prefix}{named}{tail}")));
        }
        wants = after(wants, word, piece.is_operator);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(kind: KeyKind, key: &str, meant: Option<&str>) -> FilterNote {
        FilterNote { sentence: String::new(), kind, key: key.to_owned(), meant: meant.map(str::to_owned) }
    }

    #[test]
    fn what_is_meant_takes_the_place_of_what_was_written() {
        let los = note(KeyKind::Metric, "los", Some("loss"));
        let mended_to = |text: &str, note: &FilterNote| mended(text, note).map(|(_, text)| text);
        assert_eq!(mended("metric.los < 0.1", &los), Some(("loss".to_owned(), "metric.loss < 0.1".to_owned())));
        let depth = note(KeyKind::Param, "max_dept", Some("max_depth"));
        let text = "state = finished and params.max_dept = 3";
        assert_eq!(mended_to(text, &depth).unwrap(), "state = finished and params.max_depth = 3");
        let top = note(KeyKind::Metric, "Top  5", Some("top 5"));
        assert_eq!(mended_to("(metrics.\"Top  5\" > 1)", &top).unwrap(), "(metrics.\"top 5\" > 1)");
        let team = note(KeyKind::Tag, "taem", Some("team"));
        assert_eq!(mended_to("tags.`taem` = a", &team).unwrap(), "tags.team = a");
        assert_eq!(mended("metric.los < 0.1", &note(KeyKind::Metric, "los", None)), None);
    }

    #[test]
    fn a_value_of_that_name_stays() {
        let los = note(KeyKind::Metric, "los", Some("loss"));
        for text in
            ["", "param.lr = \"metric.los\"", "name = metric.los", "los", "state in (metric.los)", "param.los = 1"]
        {
            assert_eq!(mended(text, &los), None, "{text}");
        }
    }
}
