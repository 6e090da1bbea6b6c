//! Names in a filter that no run here has: the list is empty then, and a letter may be all that is wrong.

use std::ops::Range;

use api::run_table;

use super::complete::{Wants, after, pieces};

/// A name that no run has, and the one that may be meant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Unknown {
    /// "metric" or "parameter".
    kind: &'static str,
    key: String,
    meant: Option<String>,
    /// Where it stands with what it is, in bytes.
    place: Range<usize>,
    /// As it stands there: "metric.", "params.".
    prefix: String,
}

const METRICS: [&str; 2] = ["metric.", "metrics."];
const PARAMS: [&str; 4] = ["param.", "params.", "parameter.", "parameters."];
/// What the machine did is not offered, and is there all the same.
const SYSTEM: &str = "system/";

/// The first metric or param that a filter names and none of the keys is.
pub(crate) fn unknown(text: &str, metrics: &[String], params: &[String]) -> Option<Unknown> {
    let mut wants = Wants::Condition;
    for piece in pieces(text) {
        let word = &text[piece.place.clone()];
        if matches!(wants, Wants::Condition | Wants::Join) && !piece.is_operator {
            let of = |prefixes: &[&str]| {
                let prefix = prefixes.iter().find(|prefix| word.starts_with(**prefix))?;
                Some(((*prefix).to_owned(), unquoted(&word[prefix.len()..])))
            };
            let named = of(&METRICS).map(|found| ("metric", metrics, found));
            let named = named.or_else(|| of(&PARAMS).map(|found| ("parameter", params, found)));
            if let Some((kind, known, (prefix, key))) = named
                && !key.is_empty()
                && !key.starts_with(SYSTEM)
                && !known.contains(&key)
            {
                let meant = meant(&key, known).cloned();
                return Some(Unknown { kind, key, meant, place: piece.place, prefix });
            }
        }
        wants = after(wants, word, piece.is_operator);
    }
    None
}

impl Unknown {
    /// "No run here has a metric `los`. Did you mean `loss`?"
    pub(crate) fn told(&self) -> String {
        let Self { kind, key, meant, .. } = self;
        let meant = meant.as_ref().map(|meant| format!(" Did you mean `{meant}`?")).unwrap_or_default();
        format!("No run here has a {kind} `{key}`.{meant}")
    }

    /// What is meant, and the filter with it in the place of what was written.
    pub(crate) fn mended(&self, text: &str) -> Option<(String, String)> {
        let meant = self.meant.clone()?;
        let (head, tail) = (text.get(..self.place.start)?, text.get(self.place.end..)?);
        // As the grammar names it, whatever the key has in it.
        let named = run_table::named("", &meant);
        let named = format!("{}{}", self.prefix, named.strip_prefix('.')?);
        Some((meant, format!("{head}{named}{tail}")))
    }
}

/// A key without the quotes that it was written in.
fn unquoted(key: &str) -> String {
    for quote in ['"', '\'', '`'] {
        if let Some(inner) = key.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            let twice: String = [quote, quote].iter().collect();
            return if quote == '`' { inner.replace(&twice, "`") } else { inner.to_owned() };
        }
    }
    key.to_owned()
}

/// The key that is the nearest to what was written: the same in other letters, one that goes on where that ends, or one
/// with a letter or two amiss.
fn meant<'a>(written: &str, known: &'a [String]) -> Option<&'a String> {
    let small = written.to_lowercase();
    let allowed = (written.chars().count() / 3).clamp(1, 2);
    let far = |key: &String| {
        let other = key.to_lowercase();
        let steps = distance(&small, &other);
        // One that goes on is as near as one letter amiss: "loss" and "loss/validation".
        if other.starts_with(&small) { steps.min(1) } else { steps }
    };
    let near = known.iter().map(|key| (far(key), key.len(), key)).filter(|(far, ..)| *far <= allowed);
    near.min().map(|(_, _, key)| key)
}

/// How many letters are put in, taken out or replaced between two texts (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = (0..=right.len()).collect();
    for (row, one) in left.chars().enumerate() {
        let mut now = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let replaced = before[column] + usize::from(one != *other);
            now.push(replaced.min(before[column + 1] + 1).min(now[column] + 1));
        }
        before = now;
    }
    before[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Option<Unknown> {
        let [metrics, params] = [&["loss", "loss/validation", "top 5", "acc"][..], &["lr", "max_depth"]]
            .map(|keys| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
        unknown(text, &metrics, &params)
    }

    #[test]
    fn a_key_that_no_run_has_is_named_with_the_nearest_one() {
        let los = found("metric.los < 0.1").unwrap();
        assert_eq!(los.told(), "No run here has a metric `los`. Did you mean `loss`?");
        assert_eq!(los.mended("metric.los < 0.1").unwrap().1, "metric.loss < 0.1");
        let depth = found("state = finished and params.max_dept = 3").unwrap();
        assert_eq!(depth.told(), "No run here has a parameter `max_dept`. Did you mean `max_depth`?");
        let text = "(metrics.\"Top  5\" > 1)";
        let mended = found(text).unwrap().mended(text);
        assert_eq!(mended.unwrap().1, "(metrics.\"top 5\" > 1)");
        assert_eq!(found("metric.throughput > 3").unwrap().told(), "No run here has a metric `throughput`.");
    }

    #[test]
    fn what_runs_have_and_what_is_no_key_is_not_unknown() {
        for text in [
            "",
            "metric.loss < 0.1 and param.lr = \"metric.los\"",
            "metric.`top 5` > 3",
            "metric.system/cpu_percent > 50",
            "name = metric.los",
            "los",
            "state in (metric.los)",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
