//! Files as they stood in the commits of a git repository. Read by `gix`, in this process: a program `git` a file
//! and commit would be thousands of them, and there may be none.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    rc::Rc,
};

use gix::{ObjectId, Repository};

use crate::{ForeignError, Result, file::WHOLE, value::Value};

/// Files whose values are kept: most commits leave most files as they are.
const KEPT: usize = 256;
/// Bytes of the files whose values are kept, at most.
const KEPT_BYTES: u64 = 32 << 20;
/// Bytes of the files that are parsed for one commit, at most.
const COMMIT_BYTES: u64 = 64 << 20;

/// A repository, and a folder in it.
pub(super) struct History {
    repository: Repository,
    /// The folder of `dvc.yaml` below the repository's.
    pub(super) prefix: String,
    root: PathBuf,
    kept: HashMap<ObjectId, Rc<Value>>,
    kept_bytes: u64,
    /// Bytes that were parsed for the commit that is read.
    parsed: u64,
}

/// What git tells of a commit.
pub(super) struct Commit {
    pub(super) id: ObjectId,
    pub(super) message: String,
    pub(super) author: String,
    pub(super) time_ms: i64,
    tree: ObjectId,
}

/// Commits along first parents.
#[derive(Default)]
pub(super) struct Commits {
    /// The newest first.
    pub(super) read: Vec<Commit>,
    /// The one that can't be read and ends them, as at the edge of a shallow clone, and why.
    pub(super) end: Option<(ObjectId, gix::Error)>,
    /// The one before those that were wanted.
    pub(super) older: Option<ObjectId>,
}

/// Why a file of a commit has no value.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("git: {0}")]
    Git(#[from] gix::Error),
    #[error("it is larger than {} MiB", WHOLE >> 20)]
    Large,
    #[error("the files that this commit's dvc.yaml names hold more than {} MiB together", COMMIT_BYTES >> 20)]
    Much,
    #[error("it is no UTF-8 text")]
    NoText,
    #[error("{0}")]
    Malformed(#[from] crate::value::Malformed),
    #[error("{0}")]
    File(#[from] std::io::Error),
}

impl History {
    /// # Errors
    /// Where the folder is in no git repository with a commit.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        let none = |why: String| ForeignError::NotOne { path: folder.to_owned(), what: "folder under git", why };
        let absolute = folder.canonicalize().map_err(crate::file::failed(folder))?;
        let repository = gix::discover(&absolute).map_err(|error| none(error.to_string()))?;
        let root = repository.workdir().ok_or_else(|| none("its repository has no files checked out".to_owned()))?;
        let root = root.canonicalize().map_err(crate::file::failed(root))?;
        let below = absolute.strip_prefix(&root).map_err(|_| none("its repository lies elsewhere".to_owned()))?;
        let prefix = below.to_str().ok_or_else(|| none("its name is no UTF-8".to_owned()))?.replace('\\', "/");
        Ok(Self { repository, prefix, root, kept: HashMap::new(), kept_bytes: 0, parsed: 0 })
    }

    /// Begins with another commit, which may name as much as the one before.
    pub(super) fn next(&mut self) {
        self.parsed = 0;
    }

    /// The folders in which git keeps where its branches are.
    pub(super) fn heads(&self) -> Vec<PathBuf> {
        let (own, shared) = (self.repository.git_dir(), self.repository.common_dir());
        // A commit moves its branch in the one, and another branch is noted in the other.
        let folders = [own.join("logs"), shared.join("refs")].into_iter();
        folders.filter(|folder| folder.is_dir()).collect()
    }

    /// The newest commits of the current branch along first parents; none before its first.
    ///
    /// # Errors
    /// Where the branch names no commit.
    pub(super) fn commits(&self, most: usize) -> Result<Commits> {
        let broken = |error: gix::Error| {
            let why = format!("its head can't be read: {error}");
            ForeignError::NotOne { path: self.root.clone(), what: "git repository", why }
        };
        let head = self.repository.head().map_err(broken)?;
        if head.is_unborn() {
            return Ok(Commits::default());
        }
        let mut commits = Commits::default();
        let mut next = Some(head.into_peeled_id().map_err(broken)?.detach());
        while let Some(id) = next {
            if commits.read.len() == most {
                commits.older = Some(id);
                break;
            }
            match self.commit(id) {
                Ok((commit, parent)) => {
                    commits.read.push(commit);
                    next = parent;
                }
                Err(error) => {
                    commits.end = Some((id, error));
                    break;
                }
            }
        }
        Ok(commits)
    }

    fn commit(&self, id: ObjectId) -> std::result::Result<(Commit, Option<ObjectId>), gix::Error> {
        let commit = self.repository.find_commit(id)?;
        let parent = commit.parent_ids().next().map(gix::Id::detach);
        let author = commit.author().map(|author| author.name.to_string()).unwrap_or_default();
        let time_ms = commit.time().map(|time| time.seconds.saturating_mul(1000)).unwrap_or_default();
        let message = commit.message_raw_sloppy().to_string().trim().to_owned();
        let tree = commit.tree_id()?.detach();
        Ok((Commit { id, message, author, time_ms, tree }, parent))
    }

    /// The value of a file in a commit, by its path below the repository; `None` where there is no such file.
    ///
    /// # Errors
    /// Where there is one that can't be read.
    pub(super) fn value(&mut self, commit: &Commit, path: &str) -> std::result::Result<Option<Rc<Value>>, Unread> {
        let Some(entry) = self.repository.find_tree(commit.tree)?.lookup_entry_by_path(path)? else {
            return Ok(None);
        };
        if !entry.mode().is_blob() {
            return Ok(None);
        }
        let id = entry.object_id();
        if let Some(value) = self.kept.get(&id) {
            return Ok(Some(Rc::clone(value)));
        }
        let size = self.repository.find_header(id)?.size();
        if size > WHOLE {
            return Err(Unread::Large);
        }
        self.parsed += size;
        if self.parsed > COMMIT_BYTES {
            return Err(Unread::Much);
        }
        let blob = self.repository.find_blob(id)?;
        let value = Rc::new(parse(path, std::str::from_utf8(&blob.data).map_err(|_| Unread::NoText)?)?);
        self.kept_bytes += size;
        if self.kept.len() >= KEPT || self.kept_bytes > KEPT_BYTES {
            self.kept.clear();
            self.kept_bytes = size;
        }
        self.kept.insert(id, Rc::clone(&value));
        Ok(Some(value))
    }

    /// The value of a file that DVC keeps in its cache beside git; `None` where the cache does not hold it.
    ///
    /// # Errors
    /// Where it holds one that can't be read.
    pub(super) fn cached(&self, md5: &str, path: &str) -> std::result::Result<Option<Rc<Value>>, Unread> {
        if md5.len() != 32 || !md5.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let file = self.root.join(".dvc/cache/files/md5").join(&md5[..2]).join(&md5[2..]);
        if !file.is_file() {
            return Ok(None);
        }
        Ok(Some(Rc::new(parse(path, &crate::file::text(&file)?)?)))
    }
}

fn parse(path: &str, text: &str) -> std::result::Result<Value, Unread> {
    Ok(match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("json") => Value::from_json(text)?,
        Some("toml") => Value::from_toml(text)?,
        Some("py") => super::python::params(text),
        _ => Value::from_yaml(text)?,
    })
}
