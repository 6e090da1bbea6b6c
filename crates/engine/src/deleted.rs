//! Small records that were deleted and can be brought back for a day, as they stood. Runs, experiments and logged models
//! stay where they are, marked; models have rules of their own ([`crate::tracking::gone`]).

use serde::{Serialize, de::DeserializeOwned};
use store::{Connection, Transaction, setting};

use crate::tracking::gone::KEPT_MS;

/// Of each kind so many can be taken back; beyond, the oldest go for good.
const MOST: usize = 1_000;

/// What was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    View,
    Snapshot,
    Target,
    Registry,
    Deployment,
}

impl Kind {
    /// What the names of the settings begin with that keep such.
    const fn prefix(self) -> &'static str {
        match self {
            Self::View => "deleted/view/",
            Self::Snapshot => "deleted/snapshot/",
            Self::Target => "deleted/target/",
            Self::Registry => "deleted/registry/",
            Self::Deployment => "deleted/deployment/",
        }
    }

    /// Such names sort by time.
    fn named(self, at_ms: i64) -> String {
        format!("{}{at_ms:013}/", self.prefix())
    }
}

/// One that is kept.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    /// Of the setting that keeps it.
    pub(crate) name: String,
    /// What it was kept by.
    pub(crate) id: String,
    pub(crate) deleted_ms: i64,
    pub(crate) value: T,
}

/// When a name says that something was deleted, and its id.
fn read(kind: Kind, name: &str) -> Option<(i64, &str)> {
    let (at_ms, id) = name.strip_prefix(kind.prefix())?.split_once('/')?;
    Some((at_ms.parse().ok()?, id))
}

/// Keeps what is deleted under its id.
pub(crate) fn keep<T: Serialize>(
    tx: &Transaction<'_>,
    kind: Kind,
    id: &str,
    value: &T,
    now_ms: i64,
) -> store::Result<()> {
    setting::put(tx, &format!("{}{id}", kind.named(now_ms)), value)
}

/// What can be taken back, the newest deletion first.
pub(crate) fn list<T: DeserializeOwned>(c: &Connection, kind: Kind, now_ms: i64) -> store::Result<Vec<Kept<T>>> {
    let mut all = list_any(c, kind)?;
    all.retain(|kept| kept.deleted_ms >= now_ms - KEPT_MS);
    Ok(all)
}

/// Also what is kept no longer, and was not let go of yet.
pub(crate) fn list_any<T: DeserializeOwned>(c: &Connection, kind: Kind) -> store::Result<Vec<Kept<T>>> {
    let mut all = Vec::new();
    for (name, _) in setting::below(c, kind.prefix())?.into_iter().rev() {
        let Some((deleted_ms, id)) = read(kind, &name) else { continue };
        let id = id.to_owned();
        all.extend(setting::get(c, &name)?.map(|value| Kept { name, id, deleted_ms, value }));
    }
    Ok(all)
}

/// What was deleted last under an id.
pub(crate) fn newest<T: DeserializeOwned>(
    c: &Connection,
    kind: Kind,
    id: &str,
    now_ms: i64,
) -> store::Result<Option<Kept<T>>> {
    let oldest = kind.named(now_ms - KEPT_MS);
    for (name, _) in setting::below(c, kind.prefix())?.into_iter().rev().filter(|(name, _)| *name >= oldest) {
        if let Some((deleted_ms, held)) = read(kind, &name)
            && held == id
        {
            let id = id.to_owned();
            return Ok(setting::get(c, &name)?.map(|value| Kept { name, id, deleted_ms, value }));
        }
    }
    Ok(None)
}

/// The names and ids of what can't be taken back any more.
pub(crate) fn past(c: &Connection, kind: Kind, now_ms: i64) -> store::Result<Vec<(String, String)>> {
    let oldest = kind.named(now_ms - KEPT_MS);
    let all = setting::below(c, kind.prefix())?.into_iter().rev().enumerate();
    let past = all.filter(|(index, (name, _))| *index >= MOST || *name < oldest);
    let named = |(_, (name, _)): (usize, (String, u64))| read(kind, &name).map(|(_, id)| (name.clone(), id.to_owned()));
    Ok(past.filter_map(named).collect())
}

/// Lets go of what can't be taken back any more, where the record is all that is kept.
pub(crate) fn let_go(tx: &Transaction<'_>, kind: Kind, now_ms: i64) -> store::Result<()> {
    past(tx, kind, now_ms)?.iter().try_for_each(|(name, _)| setting::delete(tx, name))
}
