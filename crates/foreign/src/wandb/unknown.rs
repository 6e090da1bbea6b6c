//! What of a log is not told, until it is said.

use serde::{Deserialize, Serialize};

use crate::key;

/// Records and values that nothing is known of.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Unknown {
    pub(super) records: usize,
    values: usize,
    /// Why the first value was left out.
    why: Option<String>,
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

    pub(super) fn said(self) -> Option<String> {
        let values = self.why.map(|why| format!("{} values were left out, the first because of {why}", self.values));
        let records = (self.records > 0).then(|| format!("{} records of unknown kinds were left out", self.records));
        records.into_iter().chain(values).reduce(|before, next| format!("{before}; {next}"))
    }
}
