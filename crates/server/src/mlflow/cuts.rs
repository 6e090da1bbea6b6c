//! Params and tags as requests bring them, and what is cut of them.
//!
//! MLflow's server cuts a run's params at 6,000 characters and its tags at 8,000, and answers as if it had kept them whole
//! (`MLFLOW_TRUNCATE_LONG_VALUES`, by default): a script that logs a long configuration goes on. So it does here, at a
//! limit of our own, and our log says what was cut.

use std::{
    collections::HashSet,
    fmt::Display,
    sync::{Arc, Mutex, PoisonError},
};

use engine::run::name;

use super::{failure::Failure, wire::Pair};

/// What is remembered of what was said; beyond, it is said again.
const MOST_SAID: usize = 1_000;

/// What our log said: it says the same of a run or a logged model and its key once.
#[derive(Debug, Clone, Default)]
pub(super) struct Said(Arc<Mutex<HashSet<String>>>);

impl Said {
    fn is_news(&self, of: &str, kind: &str, key: &str) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() >= MOST_SAID {
            said.clear();
        }
        said.insert(format!("{of} {kind} {key}"))
    }
}

#[derive(Debug)]
struct Cut {
    kind: &'static str,
    key: String,
    came_bytes: usize,
    kept_bytes: usize,
}

/// What was cut of one request's params and tags.
#[derive(Debug, Default)]
pub(super) struct Cuts(Vec<Cut>);

impl Cuts {
    /// Params as they are kept.
    pub(super) fn params(&mut self, list: Vec<Pair>) -> Result<Vec<(String, String)>, Failure> {
        self.kept("param", list)
    }

    /// Tags as they are kept.
    pub(super) fn tags(&mut self, list: Vec<Pair>) -> Result<Vec<(String, String)>, Failure> {
        self.kept("tag", list)
    }

    fn kept(&mut self, kind: &'static str, list: Vec<Pair>) -> Result<Vec<(String, String)>, Failure> {
        let mut kept = Vec::with_capacity(list.len());
        for Pair { key, mut value } in list {
            name::check_key(&key)?;
            if let Some(came_bytes) = name::cut(&mut value) {
                self.0.push(Cut { kind, key: key.clone(), came_bytes, kept_bytes: value.len() });
            }
            kept.push((key, value));
        }
        Ok(kept)
    }

    /// Says what was cut, once it is kept: `of` is the id of its run or its logged model.
    pub(super) fn say(self, said: &Said, of: impl Display) {
        if self.0.is_empty() {
            return;
        }
        let of = of.to_string();
        for Cut { kind, key, came_bytes, kept_bytes } in self.0 {
            if said.is_news(&of, kind, &key) {
                tracing::warn!(
                    of,
                    key,
                    came_bytes,
                    kept_bytes,
                    "a client's {kind} is longer than is kept, and was cut"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(lengths: &[(&str, usize)]) -> Vec<Pair> {
        lengths.iter().map(|(key, length)| Pair { key: (*key).to_owned(), value: "v".repeat(*length) }).collect()
    }

    #[test]
    fn what_is_longer_than_is_kept_is_cut_and_noted() {
        let mut cuts = Cuts::default();
        let params = cuts.params(pairs(&[("short", 5), ("whole", 65_536), ("config", 70_000)])).unwrap();
        let tags = cuts.tags(pairs(&[("config", 10_000_000)])).unwrap();
        let lengths: Vec<usize> = params.iter().chain(&tags).map(|(_, value)| value.len()).collect();
        assert_eq!(lengths, [5, 65_536, 65_536, 65_536]);
        let noted: Vec<(&str, &str, usize)> =
            cuts.0.iter().map(|cut| (cut.kind, cut.key.as_str(), cut.came_bytes)).collect();
        assert_eq!(noted, [("param", "config", 70_000), ("tag", "config", 10_000_000)]);
        assert!(cuts.tags(pairs(&[("what?", 1)])).is_err());
    }

    #[test]
    fn what_was_cut_is_said_once_and_does_not_fill_the_memory() {
        let said = Said::default();
        assert!(said.is_news("a", "param", "config") && said.is_news("a", "tag", "config"));
        assert!(said.is_news("b", "param", "config"));
        assert!(!said.is_news("a", "param", "config"));
        assert!((0..2 * MOST_SAID).all(|run| said.is_news(&run.to_string(), "param", "config")));
        assert!(said.0.lock().unwrap().len() <= MOST_SAID);
    }
}
