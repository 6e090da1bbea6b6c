//! What a log said of a record when it was last read: by this a later reading tells what a person chose here since, and
//! leaves it.

use std::collections::BTreeMap;

use api::SourceId;
use store::{Transaction, source::RecordKind};

/// Before the name of a tag.
const TAG: &str = "tag.";

/// What a tag is noted as.
pub(super) fn tag_of(key: &str) -> String {
    format!("{TAG}{key}")
}

/// What a log said of one record.
pub(super) struct Heard {
    source: SourceId,
    /// The record's kind and id.
    of: String,
    /// A mark of each thing that was said: of a long text too it is short.
    said: BTreeMap<String, String>,
    /// The log is heard of it for the first time.
    is_first: bool,
    is_changed: bool,
}

impl Heard {
    pub(super) fn of(
        tx: &Transaction<'_>,
        source: SourceId,
        kind: &str,
        id: &impl std::fmt::Display,
    ) -> store::Result<Self> {
        let of = format!("{kind}/{id}");
        let known = store::source::record(tx, source, RecordKind::Heard, &of)?;
        let is_first = known.is_none();
        let said = known.map(|known| serde_json::from_str(&known)).transpose()?.unwrap_or_default();
        Ok(Self { source, of, said, is_first, is_changed: is_first })
    }

    pub(super) const fn is_first(&self) -> bool {
        self.is_first
    }

    /// Notes what the log says of `what`. Whether it is taken: not where another than what it said before stands `here`,
    /// which a person chose.
    pub(super) fn takes(&mut self, what: &str, here: Option<&str>, says: &str) -> bool {
        match (self.note(what, says), here) {
            _ if self.is_first => true,
            (Some(before), Some(here)) => before == mark(here),
            (before, here) => before.is_none() && here.is_none(),
        }
    }

    /// Whether the log said this of `what` when it was last read.
    pub(super) fn says(&self, what: &str, text: &str) -> bool {
        self.said.get(what) == Some(&mark(text))
    }

    /// Notes what the log says of `what`. Whether it is another than before.
    pub(super) fn is_news(&mut self, what: &str, says: &str) -> bool {
        self.note(what, says).is_none_or(|before| before != mark(says))
    }

    /// Notes that the log says nothing of `what` any more. Whether what it said before stands `here`.
    pub(super) fn ends(&mut self, what: &str, here: &str) -> bool {
        let before = self.said.remove(what);
        self.is_changed |= before.is_some();
        before.is_some_and(|before| before == mark(here))
    }

    /// The tags that the log said.
    pub(super) fn tags(&self) -> Vec<String> {
        self.said.keys().filter_map(|what| what.strip_prefix(TAG)).map(ToOwned::to_owned).collect()
    }

    fn note(&mut self, what: &str, says: &str) -> Option<String> {
        let now = mark(says);
        if self.said.get(what) == Some(&now) {
            return Some(now);
        }
        self.is_changed = true;
        self.said.insert(what.to_owned(), now)
    }

    pub(super) fn keep(self, tx: &Transaction<'_>) -> store::Result<()> {
        if !self.is_changed {
            return Ok(());
        }
        let said = serde_json::to_string(&self.said)?;
        store::source::keep_record(tx, self.source, RecordKind::Heard, &self.of, &said)
    }
}

/// As good as the text itself, and of 16 characters.
fn mark(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..16].to_owned()
}
