//! Files as they stood in the commits of a git repository, and as they lie in its workspace. Commits are read by `gix`,
//! in this process: a program `git` a file and commit would be thousands of them, and there may be none.

use std::{
    collections::{BTreeSet, HashMap},
    fs::Metadata,
    path::{Path, PathBuf},
    rc::Rc,
};

use gix::{
    ObjectId, Repository,
    objs::{TreeRefIter, tree::EntryMode},
};

use crate::{ForeignError, Result, file::WHOLE, value::Value};

/// Files whose values are kept: most commits leave most files as they are.
const KEPT: usize = 256;
/// Bytes of the files whose values are kept, at most.
const KEPT_BYTES: u64 = 32 << 20;
/// Bytes of the commits' folders that are kept, at most.
const FOLDER_BYTES: usize = 32 << 20;
/// Files that are asked for in a folder before its names have an index.
const SCANNED: usize = 16;
/// Bytes of the files that are parsed for one commit, at most.
const COMMIT_BYTES: u64 = 64 << 20;

/// A repository, and a folder in it.
pub(super) struct History {
    pub(super) repository: Repository,
    /// The folder of `dvc.yaml` below the repository's.
    pub(super) prefix: String,
    pub(super) root: PathBuf,
    kept: HashMap<ObjectId, Rc<Value>>,
    kept_bytes: u64,
    /// Most stay from one commit to the next as they are, and a `dvc.yaml` may name thousands of files of one.
    folders: HashMap<ObjectId, Folder>,
    folder_bytes: usize,
    /// Bytes that were parsed for the commit that is read.
    parsed: u64,
    /// The files that were asked for of the commit that is read, there or not.
    pub(super) named: BTreeSet<String>,
    /// Of the workspace's files.
    lying_values: HashMap<String, Rc<Value>>,
    /// When the newest of these was changed.
    pub(super) modified_ms: i64,
}

/// A folder of a commit as git keeps it.
struct Folder {
    data: Vec<u8>,
    hash: gix::hash::Kind,
    /// How often a name was looked up in it.
    asked: usize,
    index: Option<HashMap<Vec<u8>, Entry>>,
}

/// What has a name in a folder.
type Entry = (EntryMode, ObjectId);

impl Folder {
    fn get(&mut self, name: &[u8]) -> Option<Entry> {
        let mut entries = TreeRefIter::from_bytes(&self.data, self.hash).flatten();
        if self.asked < SCANNED {
            self.asked += 1;
            let found = entries.find(|entry| **entry.filename == *name)?;
            return Some((found.mode, found.oid.to_owned()));
        }
        let entry =
            |entry: gix::objs::tree::EntryRef<'_>| (entry.filename.to_vec(), (entry.mode, entry.oid.to_owned()));
        self.index.get_or_insert_with(|| entries.map(entry).collect()).get(name).copied()
    }
}

/// What git tells of a commit.
pub(super) struct Commit {
    pub(super) id: ObjectId,
    pub(super) message: String,
    pub(super) author: String,
    pub(super) time_ms: i64,
    tree: ObjectId,
}

/// Where files are read.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    Commit(&'a Commit),
    /// As they lie there, committed or not.
    Workspace,
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
        Ok(Self {
            repository,
            prefix,
            root,
            kept: HashMap::new(),
            kept_bytes: 0,
            folders: HashMap::new(),
            folder_bytes: 0,
            parsed: 0,
            named: BTreeSet::new(),
            lying_values: HashMap::new(),
            modified_ms: 0,
        })
    }

    /// Begins with another commit, which may name as much as the one before.
    pub(super) fn next(&mut self) {
        self.parsed = 0;
        self.named.clear();
    }

    /// A commit, and its first parent.
    ///
    /// # Errors
    /// Where it can't be read.
    pub(super) fn commit(&self, id: ObjectId) -> std::result::Result<(Commit, Option<ObjectId>), gix::Error> {
        let commit = self.repository.find_commit(id)?;
        let parent = commit.parent_ids().next().map(gix::Id::detach);
        let author = commit.author().map(|author| author.name.to_string()).unwrap_or_default();
        let time_ms = commit.time().map(|time| time.seconds.saturating_mul(1000)).unwrap_or_default();
        let message = commit.message_raw_sloppy().to_string().trim().to_owned();
        let tree = commit.tree_id()?.detach();
        Ok((Commit { id, message, author, time_ms, tree }, parent))
    }

    /// The value of a file, by its path below the repository; `None` where there is no such file.
    ///
    /// # Errors
    /// Where there is one that can't be read.
    pub(super) fn value(&mut self, at: At<'_>, path: &str) -> std::result::Result<Option<Rc<Value>>, Unread> {
        if !self.named.contains(path) {
            self.named.insert(path.to_owned());
        }
        match at {
            At::Commit(commit) => self.committed(commit, path),
            At::Workspace => self.lying(path),
        }
    }

    fn committed(&mut self, commit: &Commit, path: &str) -> std::result::Result<Option<Rc<Value>>, Unread> {
        let Some(id) = self.blob(commit, path)? else { return Ok(None) };
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

    fn blob(&mut self, commit: &Commit, path: &str) -> std::result::Result<Option<ObjectId>, gix::Error> {
        let mut names = Path::new(path).components().map(|name| name.as_os_str().as_encoded_bytes()).peekable();
        let mut folder = commit.tree;
        while let Some(name) = names.next() {
            let found = self.folder(folder)?.get(name);
            if names.peek().is_none() {
                return Ok(found.filter(|(mode, _)| mode.is_blob()).map(|(_, id)| id));
            }
            let Some((_, id)) = found.filter(|(mode, _)| mode.is_tree()) else { return Ok(None) };
            folder = id;
        }
        Ok(None)
    }

    /// A folder of a commit, which is read once.
    fn folder(&mut self, id: ObjectId) -> std::result::Result<&mut Folder, gix::Error> {
        let is_known = self.folders.contains_key(&id);
        let data = if is_known { Vec::new() } else { self.repository.find_tree(id)?.take_data() };
        self.folder_bytes += data.len();
        if !is_known && self.folder_bytes > FOLDER_BYTES {
            self.folders.clear();
            self.folder_bytes = data.len();
        }
        let new = || Folder { data, hash: id.kind(), asked: 0, index: None };
        Ok(self.folders.entry(id).or_insert_with(new))
    }

    fn lying(&mut self, path: &str) -> std::result::Result<Option<Rc<Value>>, Unread> {
        if let Some(value) = self.lying_values.get(path) {
            return Ok(Some(Rc::clone(value)));
        }
        let Some((file, metadata)) = self.file(path) else { return Ok(None) };
        if metadata.len() > WHOLE {
            return Err(Unread::Large);
        }
        self.parsed += metadata.len();
        if self.parsed > COMMIT_BYTES {
            return Err(Unread::Much);
        }
        self.modified_ms = self.modified_ms.max(crate::file::modified_ms(&metadata));
        let value = Rc::new(parse(path, &crate::file::text(&file)?)?);
        self.lying_values.insert(path.to_owned(), Rc::clone(&value));
        Ok(Some(value))
    }

    /// A file of the workspace; `None` where there is none. No link is followed, in commits neither: behind one lies
    /// DVC's cache, or what is not the repository's.
    fn file(&self, path: &str) -> Option<(PathBuf, Metadata)> {
        let file = self.place(path)?;
        let metadata = std::fs::symlink_metadata(&file).ok()?;
        let is_own = metadata.is_file() && file.canonicalize().is_ok_and(|real| real == file);
        is_own.then_some((file, metadata))
    }

    /// The place of a file in the workspace, whether or not it is there; `None` of one that is named outside of it.
    pub(super) fn place(&self, path: &str) -> Option<PathBuf> {
        (path.split('/').next() != Some("..")).then(|| self.root.join(path))
    }

    /// Whether a file lies in the workspace as it stands in a commit, or in neither.
    pub(super) fn is_same(&mut self, commit: &Commit, path: &str) -> bool {
        let (there, here) = (self.blob(commit, path), self.file(path));
        let (id, (file, metadata)) = match (there, here) {
            (Ok(Some(id)), Some(here)) => (id, here),
            (Ok(None), None) => return true,
            _ => return false,
        };
        let size = self.repository.find_header(id).map(|header| header.size()).unwrap_or_default();
        // One that is too large is read in neither.
        size == metadata.len()
            && (size > WHOLE
                || self
                    .repository
                    .find_blob(id)
                    .is_ok_and(|blob| std::fs::read(&file).is_ok_and(|own| own == blob.data)))
    }

    /// The value of a file that DVC keeps in its cache beside git; `None` where the cache does not hold it.
    ///
    /// # Errors
    /// Where it holds one that can't be read.
    pub(super) fn cached(&self, md5: &str, path: &str) -> std::result::Result<Option<Rc<Value>>, Unread> {
        if md5.len() != 32 || !md5.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let below = Path::new(&md5[..2]).join(&md5[2..]);
        // DVC 3 keeps by the kind of hash what DVC 2 kept directly in its cache.
        let mut files =
            self.caches().into_iter().flat_map(|cache| [cache.join("files/md5").join(&below), cache.join(&below)]);
        let Some(file) = files.find(|file| file.is_file()) else { return Ok(None) };
        Ok(Some(Rc::new(parse(path, &crate::file::text(&file)?)?)))
    }

    /// Where DVC keeps its cache: where it is told to, else in its own folder.
    fn caches(&self) -> Vec<PathBuf> {
        let own = self.root.join(".dvc");
        // What only this machine says counts before what is committed.
        let told = ["config.local", "config"].into_iter().filter_map(|name| {
            let config = crate::file::text(&own.join(name)).ok()?;
            cache_dir(&config).map(|folder| own.join(folder))
        });
        told.chain([own.join("cache")]).collect()
    }
}

/// `dir` of the section `cache` of DVC's config, which counts from the folder that it stands in.
fn cache_dir(config: &str) -> Option<&str> {
    let mut is_cache = false;
    for line in config.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            is_cache = section.trim().trim_matches(['\'', '"']) == "cache";
        } else if is_cache
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == "dir"
        {
            return Some(value.trim().trim_matches(['\'', '"']));
        }
    }
    None
}

fn parse(path: &str, text: &str) -> std::result::Result<Value, Unread> {
    Ok(match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("json") => Value::from_json(text)?,
        Some("toml") => Value::from_toml(text)?,
        Some("py") => super::python::params(text),
        _ => Value::from_yaml(text)?,
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;

    #[test]
    fn a_folder_is_read_once_however_many_of_its_files_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let git = |arguments: &[&str]| {
            let mut command = Command::new("git");
            command.current_dir(at).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]).args(arguments);
            let output = command.env("GIT_CONFIG_GLOBAL", "").env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap();
            assert!(output.status.success(), "{output:?}");
        };
        for name in ["sub", "other"] {
            fs::create_dir(at.join(name)).unwrap();
            for number in 0..2 * SCANNED {
                fs::write(at.join(name).join(format!("{number}.json")), format!("{name} {number}")).unwrap();
            }
        }
        git(&["init", "-q", "-b", "main"]);
        git(&["add", "-A"]);
        git(&["commit", "-q", "-m", "All"]);
        let mut history = History::open(at).unwrap();
        let commit = history.commits(1).unwrap().read.remove(0);
        let first = history.blob(&commit, "sub/0.json").unwrap();
        // What is asked of git from now on fails.
        fs::rename(at.join(".git/objects"), at.join(".git/away")).unwrap();
        for turn in 0..2 {
            for number in 0..2 * SCANNED {
                let found = history.blob(&commit, &format!("sub/{number}.json")).unwrap();
                assert!(found.is_some() && (found == first) == (number == 0), "{number}, turn {turn}");
            }
            for none in ["", "sub", "sub/none.json", "sub/0.json/0.json", "0.json", "../sub/0.json"] {
                assert_eq!(history.blob(&commit, none).unwrap(), None, "{none}, turn {turn}");
            }
        }
        assert!(history.blob(&commit, "other/0.json").is_err());
    }
}
