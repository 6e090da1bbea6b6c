//! The files as they lie beside the commits, where what they say is not what the checked-out commit says: one run, which
//! DVC calls the workspace and which changes as they do.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use serde::{Deserialize, Serialize};

use super::{
    Content, Lock, content,
    history::{At, Commit, History},
};
use crate::Result;

/// Names its run, which no commit's id does.
pub(super) const KEY: &str = "workspace";

/// What was read of it.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct WorkspaceMark {
    /// The commit that it was compared with, and what that one's `dvc.yaml` names.
    head: Option<String>,
    of_head: BTreeSet<String>,
    /// What both `dvc.yaml` name, by paths below the repository.
    pub(super) files: BTreeSet<String>,
    /// A mark of what was told of it last.
    told: Option<u64>,
    /// Its run was told.
    is_run: bool,
}

/// What is to be told of it.
#[derive(Default)]
pub(super) struct Changed {
    /// It has a run, which is told anew.
    pub(super) is_run: bool,
    /// Nothing where it is as it was committed.
    pub(super) content: Content,
    pub(super) is_dirty: bool,
    /// When the newest of its files was changed; 0 where none was read.
    pub(super) time_ms: i64,
    /// What can't be read, by its path.
    pub(super) warnings: BTreeSet<(String, String)>,
}

impl WorkspaceMark {
    /// Keeps what the checked-out commit names, where it was read just now.
    pub(super) fn note(&mut self, head: &Commit, named: &BTreeSet<String>) {
        self.head = Some(head.id.to_string());
        self.of_head.clone_from(named);
    }

    /// What changed of it since it was told. Without a `head` nothing is committed yet.
    pub(super) fn look(
        &mut self,
        history: &mut History,
        head: Option<&Commit>,
        branch: Option<&str>,
    ) -> Result<Option<Changed>> {
        let id = head.map(|head| head.id.to_string());
        if self.head != id {
            self.of_head.clear();
            self.head.clone_from(&id);
        }
        if let Some(head) = head
            && self.of_head.is_empty()
        {
            content(history, At::Commit(head), Lock::Passed, &mut |_: &str, _: String| Ok(()))?;
            self.of_head.clone_from(&history.named);
        }
        self.files.clone_from(&self.of_head);
        let mut changed = Changed::default();
        if !head.is_some_and(|head| self.of_head.iter().all(|path| history.is_same(head, path))) {
            self.compare(history, head, &mut changed)?;
        }
        let mark = mark(&changed, (id, branch));
        // Of one that never differed there is nothing to tell.
        let is_there = changed.is_dirty || self.told.is_some() || !changed.warnings.is_empty();
        if !is_there || self.told == Some(mark) {
            return Ok(None);
        }
        self.told = Some(mark);
        self.is_run |= changed.is_dirty;
        changed.is_run = self.is_run;
        Ok(Some(changed))
    }

    fn compare(&mut self, history: &mut History, head: Option<&Commit>, changed: &mut Changed) -> Result<()> {
        let mut known = BTreeSet::new();
        let committed = match head {
            Some(head) => content(history, At::Commit(head), Lock::Passed, &mut |path: &str, message: String| {
                known.insert((path.to_owned(), message));
                Ok(())
            })?,
            None => None,
        };
        let own = content(history, At::Workspace, Lock::Passed, &mut |path: &str, message: String| {
            changed.warnings.insert((path.to_owned(), message));
            Ok(())
        })?;
        self.files.extend(history.named.iter().cloned());
        // What the commit's files say, too, is said of the commit.
        changed.warnings.retain(|said| !known.contains(said));
        let (committed, own) = (committed.unwrap_or_default(), own.unwrap_or_default());
        // Where all is deleted, or not checked out, nothing was tried that would be another run.
        changed.is_dirty = !own.is_empty() && hash(&own) != hash(&committed);
        if changed.is_dirty {
            changed.time_ms = history.modified_ms;
            changed.content = own;
        }
        Ok(())
    }
}

/// Another number for other content. Another version of this program may have others: then it is told once more.
fn hash(content: &Content) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&content.params, &content.tags).hash(&mut hasher);
    for (key, (step, value)) in &content.metrics {
        (key, step, value.to_bits()).hash(&mut hasher);
    }
    hasher.finish()
}

fn mark(changed: &Changed, at: (Option<String>, Option<&str>)) -> u64 {
    let mut hasher = DefaultHasher::new();
    (hash(&changed.content), changed.is_dirty, &changed.warnings, at).hash(&mut hasher);
    hasher.finish()
}
