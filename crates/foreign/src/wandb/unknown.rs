//! What of a log is not told, until it is said.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::key;

/// Records and values that nothing is known of, or that are not read.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Unknown {
    pub(super) records: usize,
    values: usize,
    /// Why the first value was left out.
    why: Option<String>,
    /// How many of what is known and not read.
    unread: BTreeMap<String, u64>,
}

impl Unknown {
    pub(super) fn value(&mut self, key: &str, why: &str) {
        self.values += 1;
        self.why.get_or_insert_with(|| {
            let shown = key::shown(key);
            // A name that can't be seen is told by its quotes.
            let shown = if shown.trim().is_empty() { "\"\"" } else { shown.as_str() };
            format!("{shown}: {why}")
        });
    }

    pub(super) fn unread(&mut self, of: &str) {
        *self.unread.entry(of.to_owned()).or_default() += 1;
    }

    pub(super) fn said(self) -> Option<String> {
        let values = self.why.map(|why| format!("{} values were left out, the first because of {why}", self.values));
        let records = (self.records > 0).then(|| format!("{} records of unknown kinds were left out", self.records));
        let unread: Vec<String> = self.unread.iter().map(|(of, count)| format!("{of} ({count})")).collect();
        let unread = (!unread.is_empty()).then(|| format!("not read: {}", unread.join(", ")));
        records.into_iter().chain(values).chain(unread).reduce(|before, next| format!("{before}; {next}"))
    }
}
