//! The commits that are read: the newest along the first parents of the current branch, the other local branches and the
//! tags, and the experiments of `dvc exp`, each a commit under `refs/exps`.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap},
    path::PathBuf,
};

use gix::ObjectId;
use serde::{Deserialize, Serialize};

use super::history::{Commit, History};
use crate::{ForeignError, Result};

/// Branches, tags and experiments that are looked at, at most.
pub(super) const REFERENCES: usize = 10_000;
/// Where each kind of them lies.
const BRANCHES: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";
const EXPERIMENTS: &str = "refs/exps/";

/// What stands at a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Labels {
    pub(super) experiment: Option<Experiment>,
    /// Of which it is the newest commit.
    pub(super) branches: BTreeSet<String>,
    pub(super) tags: BTreeSet<String>,
}

/// One of `dvc exp`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Experiment {
    pub(super) name: String,
    /// The commit that it was begun from.
    pub(super) baseline: String,
}

/// What is read of a repository.
#[derive(Default)]
pub(super) struct Commits {
    /// The newest first.
    pub(super) read: Vec<Commit>,
    /// That of the current branch; `None` before its first.
    pub(super) head: Option<ObjectId>,
    /// The current branch, unless a commit is checked out.
    pub(super) branch: Option<String>,
    pub(super) labels: BTreeMap<ObjectId, Labels>,
    /// What can't be read, as the commit at the edge of a shallow clone, and why; nothing before it is.
    pub(super) ends: Vec<(String, gix::Error)>,
    /// The newest of those that are left out.
    pub(super) older: Option<ObjectId>,
    /// There are more branches, tags and experiments than are looked at.
    pub(super) is_cut: bool,
}

impl Commits {
    pub(super) fn labels(&self, id: ObjectId) -> Labels {
        self.labels.get(&id).cloned().unwrap_or_default()
    }
}

/// Commits that are found and not read yet.
#[derive(Default)]
struct Walk {
    /// Whether what came before each is found, too.
    seen: HashMap<ObjectId, bool>,
    /// By time, then as they were found.
    waiting: BinaryHeap<(i64, Reverse<usize>)>,
    /// Each with the commit to go on with.
    found: HashMap<usize, (Commit, Option<ObjectId>)>,
    number: usize,
    ends: Vec<(String, gix::Error)>,
}

impl Walk {
    /// Finds a commit; what comes before it, too, once it is read, unless it stands `alone`.
    fn add(&mut self, history: &History, id: ObjectId, alone: bool) {
        let mut next = Some(id);
        while let Some(id) = next.take() {
            let known = self.seen.get(&id).copied();
            if known.is_some_and(|goes_on| goes_on || alone) {
                return;
            }
            self.seen.insert(id, !alone);
            match history.commit(id) {
                // It was found as one that stands alone: a branch goes through it.
                Ok((_, parent)) if known.is_some() => next = parent,
                Ok((commit, parent)) => {
                    self.waiting.push((commit.time_ms, Reverse(self.number)));
                    self.found.insert(self.number, (commit, parent.filter(|_| !alone)));
                    self.number += 1;
                }
                Err(error) if known.is_none() => self.ends.push((format!("commit {id}"), error)),
                Err(_) => {}
            }
        }
    }

    /// The newest.
    fn next(&mut self) -> Option<(Commit, Option<ObjectId>)> {
        let (_, Reverse(number)) = self.waiting.pop()?;
        self.found.remove(&number)
    }
}

impl History {
    /// The newest commits of all that there is, `most` of them.
    ///
    /// # Errors
    /// Where the current branch names no commit.
    pub(super) fn commits(&self, most: usize) -> Result<Commits> {
        let not_one = |why: String| ForeignError::NotOne { path: self.root.clone(), what: "git repository", why };
        let broken = |error: gix::Error| not_one(format!("its head can't be read: {error}"));
        let head = self.repository.head().map_err(broken)?;
        let mut commits =
            Commits { branch: head.referent_name().map(|name| name.shorten().to_string()), ..Commits::default() };
        if !head.is_unborn() {
            commits.head = Some(head.into_peeled_id().map_err(broken)?.detach());
        }
        let mut walk = Walk::default();
        if let Some(head) = commits.head {
            walk.add(self, head, false);
        }
        let named = self.named_commits(&mut commits);
        for (id, alone) in named.map_err(|error| not_one(format!("its branches can't be read: {error}")))? {
            walk.add(self, id, alone);
        }
        while let Some((commit, parent)) = walk.next() {
            if commits.read.len() == most {
                commits.older = Some(commit.id);
                break;
            }
            if let Some(parent) = parent {
                walk.add(self, parent, false);
            }
            commits.read.push(commit);
        }
        commits.ends.append(&mut walk.ends);
        Ok(commits)
    }

    /// What branches, tags and experiments stand at, and whether it is read without what came before it.
    fn named_commits(&self, commits: &mut Commits) -> std::result::Result<Vec<(ObjectId, bool)>, gix::Error> {
        let platform = self.repository.references()?;
        let mut found = Vec::new();
        // Experiments before tags: of what is left out those are least missed that are commits of a branch, too.
        for prefix in [BRANCHES, EXPERIMENTS, TAGS] {
            for reference in platform.prefixed(prefix)? {
                match reference {
                    Ok(reference) if is_read(&reference.name().as_bstr().to_string()) => found.push(reference),
                    Ok(_) => {}
                    Err(error) => commits.ends.push((prefix.to_owned(), error)),
                }
                if found.len() > REFERENCES {
                    commits.is_cut = true;
                    break;
                }
            }
        }
        found.truncate(REFERENCES);
        let mut named = Vec::new();
        for reference in found {
            let name = reference.name().as_bstr().to_string();
            let id = match reference.into_fully_peeled_id() {
                Ok(id) => id.detach(),
                Err(error) => {
                    commits.ends.push((name, error));
                    continue;
                }
            };
            // A tag may stand at a file.
            if self.repository.find_header(id).is_ok_and(|header| !header.kind().is_commit()) {
                continue;
            }
            let labels = commits.labels.entry(id).or_default();
            let experiment = experiment_of(&name);
            named.push((id, experiment.is_some()));
            if let Some(branch) = name.strip_prefix(BRANCHES) {
                labels.branches.insert(branch.to_owned());
            } else if let Some(tag) = name.strip_prefix(TAGS) {
                labels.tags.insert(tag.to_owned());
            } else if labels.experiment.is_none() {
                labels.experiment = experiment;
            }
        }
        Ok(named)
    }

    /// The folders in which git keeps where its branches, tags and experiments are.
    pub(super) fn heads(&self) -> Vec<PathBuf> {
        let (own, shared) = (self.repository.git_dir(), self.repository.common_dir());
        // A commit moves its branch in the one, and another branch, a tag and an experiment are noted in the other.
        // What is packed leaves the other, too.
        let folders = [own.join("logs"), shared.join("refs")].into_iter();
        folders.filter(|folder| folder.is_dir()).collect()
    }
}

/// Of what DVC keeps under `refs/exps` experiments alone: no stash, queue or mark of one that is running.
fn is_read(name: &str) -> bool {
    !name.starts_with(EXPERIMENTS) || experiment_of(name).is_some()
}

/// Of `refs/exps/ab/cdef…/puffy-daks`, where the commit that it was begun from is `abcdef…`.
fn experiment_of(name: &str) -> Option<Experiment> {
    let mut parts = name.strip_prefix(EXPERIMENTS)?.split('/');
    let (first, rest, name) = (parts.next()?, parts.next()?, parts.next()?);
    let baseline = format!("{first}{rest}");
    let is_id = first.len() == 2 && ObjectId::from_hex(baseline.as_bytes()).is_ok();
    (is_id && parts.next().is_none()).then(|| Experiment { name: name.to_owned(), baseline })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_experiment_is_told_from_what_else_dvc_keeps() {
        let rest = "c".repeat(38);
        let found = experiment_of(&format!("refs/exps/ab/{rest}/puffy-daks")).unwrap();
        assert_eq!((found.name.as_str(), found.baseline), ("puffy-daks", format!("ab{rest}")));
        for other in ["stash", "celery/stash", "celery/failed", "exec/EXEC_HEAD", "temp/0123/name", "ab/cd/name"] {
            assert_eq!(experiment_of(&format!("refs/exps/{other}")), None, "{other}");
        }
        assert_eq!(experiment_of(&format!("refs/exps/ab/{rest}")), None);
        assert_eq!(experiment_of("refs/heads/main"), None);
    }
}
