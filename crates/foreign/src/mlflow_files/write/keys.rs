//! Which keys a file store can hold: MLflow keeps each as a file, and the parts before its last as folders.

use std::{
    collections::BTreeSet,
    fmt::{self, Display, Formatter},
};

/// Bytes that file systems keep of one name.
const LONGEST_PART: usize = 255;
/// Bytes of a whole key, so that its path is one that systems open.
const LONGEST: usize = 2_000;
/// Characters of a key that are said.
const SAID: usize = 80;

/// A key that has no place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// "param", "tag", "metric" or "figure".
    pub kind: &'static str,
    pub key: String,
    pub why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// MLflow takes no such key.
    Name,
    /// No file has so long a name.
    Length,
    /// A key that is kept: `loss` would be a file where `loss/train` needs a folder.
    Beside(String),
}

impl Display for Refused {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { kind, key, why } = self;
        let shown = shown(key);
        match why {
            Why::Name => write!(f, "MLflow takes no {kind} named \"{shown}\"."),
            Why::Length => {
                write!(f, "The {kind} \"{shown}\" is left out: its name of {} bytes is too long for a file.", key.len())
            }
            Why::Beside(other) => {
                let other = self::shown(other);
                write!(f, "The {kind} \"{shown}\" is left out: MLflow's file store can't hold it beside \"{other}\".")
            }
        }
    }
}

fn shown(key: &str) -> String {
    let start: String = key.chars().take(SAID).collect();
    if start.len() < key.len() { format!("{start}…") } else { start }
}

/// The keys that have no place. Of two that clash the first is kept.
pub fn refused<'k>(kind: &'static str, keys: impl IntoIterator<Item = &'k str>) -> Vec<Refused> {
    let (mut kept, mut refused) = (BTreeSet::new(), Vec::new());
    for key in keys {
        match why(key, &kept) {
            None => drop(kept.insert(key)),
            Some(why) => refused.push(Refused { kind, key: key.to_owned(), why }),
        }
    }
    refused
}

fn why(key: &str, kept: &BTreeSet<&str>) -> Option<Why> {
    if !is_key(key) {
        return Some(Why::Name);
    }
    if key.len() > LONGEST || key.split('/').any(|part| part.len() > LONGEST_PART) {
        return Some(Why::Length);
    }
    let above = key.match_indices('/').map(|(at, _)| &key[..at]).find(|folder| kept.contains(folder));
    let folder = format!("{key}/");
    let below = || kept.range(folder.as_str()..).next().copied().filter(|other| other.starts_with(&folder));
    above.or_else(below).map(|other| Why::Beside(other.to_owned()))
}

/// What `mlflow.utils.validation` lets through: letters, digits and `/ _ . - : space`, and as a path its own normal
/// form below the folder. Windows knows no colon in a file's name, nor does MLflow there.
fn is_key(key: &str) -> bool {
    let known =
        |letter: char| letter.is_alphanumeric() || "/_.- ".contains(letter) || (letter == ':' && !cfg!(windows));
    key.chars().all(known) && key.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keys: &[&str], expect: &[&str]) {
        let said: Vec<String> = refused("metric", keys.iter().copied()).iter().map(Refused::to_string).collect();
        assert_eq!(said, expect, "{keys:?}");
    }

    #[test]
    fn of_keys_that_clash_the_first_is_kept() {
        let beside = |key: &str, other: &str| {
            format!("The metric \"{key}\" is left out: MLflow's file store can't hold it beside \"{other}\".")
        };
        check(&["loss", "loss.x", "lossy/a"], &[]);
        check(&["loss", "loss/train", "loss/a/b"], &[&beside("loss/train", "loss"), &beside("loss/a/b", "loss")]);
        check(&["loss.x", "loss/train", "loss"], &[&beside("loss", "loss/train")]);
        // What is kept itself is no clash, and what was left out stands in nobody's way.
        check(&["a", "a", "a/b", "a/b/c"], &[&beside("a/b", "a"), &beside("a/b/c", "a")]);
    }

    #[test]
    fn what_no_file_is_called_has_no_place() {
        check(
            &["", "../out", "quo\"te"],
            &[
                "MLflow takes no metric named \"\".",
                "MLflow takes no metric named \"../out\".",
                "MLflow takes no metric named \"quo\"te\".",
            ],
        );
        let long = "k".repeat(100_000);
        let said =
            format!("The metric \"{}…\" is left out: its name of 100000 bytes is too long for a file.", &long[..SAID]);
        check(&[&long, &"k".repeat(255), &"k/".repeat(999)[..1_997]], &[&said]);
    }
}
