//! Which files a dataset is made of, now.
//!
//! Only names, sizes and times: no file is opened here. A path of `[data]` may be a file, a folder
//! or a glob. What it reaches must lie in the project's folder, also through symbolic links, unless
//! the person wrote an absolute path.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs::Metadata,
    path::{Component, Path, PathBuf},
    time::UNIX_EPOCH,
};

use api::config::{DataConfig, DataKind};
use globset::{GlobBuilder, GlobMatcher};
use ignore::WalkBuilder;

use crate::error::DataError;

/// One file of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannedFile {
    /// Absolute, links resolved: what to open.
    pub path: PathBuf,
    /// Relative to the root with forward slashes on every system; absolute where the person's path was.
    pub name: String,
    pub size_bytes: u64,
    pub modified_ms: i64,
    /// The file's number in its file system, where the system has one.
    pub inode: Option<u64>,
}

impl ScannedFile {
    /// The same file as it is now.
    pub fn again(&self) -> Result<Self, DataError> {
        let metadata = std::fs::metadata(&self.path).map_err(DataError::io("read", &self.path))?;
        Ok(Self {
            size_bytes: metadata.len(),
            modified_ms: modified_ms(&metadata),
            inode: inode(&metadata),
            ..self.clone()
        })
    }
}

/// What a file's name says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// CSV, TSV and the like.
    Delimited,
    Parquet,
    JsonLines,
    ArrowIpc,
    Image,
}

/// The format that a file's extension names.
pub fn format(path: &Path) -> Option<FileFormat> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match extension.as_str() {
        "csv" | "tsv" | "tab" | "psv" => FileFormat::Delimited,
        "parquet" | "pq" => FileFormat::Parquet,
        "jsonl" | "ndjson" => FileFormat::JsonLines,
        "arrow" | "feather" | "ipc" => FileFormat::ArrowIpc,
        "png" | "jpg" | "jpeg" | "bmp" | "gif" | "webp" => FileFormat::Image,
        _ => return None,
    })
}

/// The files that the data paths match, sorted by name, each once. An error where there is none.
pub fn files(root: &Path, config: &DataConfig) -> Result<Vec<ScannedFile>, DataError> {
    let found = matched(root, config)?;
    if found.is_empty() {
        let what = match config.kind {
            DataKind::Table => "table",
            DataKind::Images => "image",
        };
        return Err(DataError::NoFiles { root: root.to_owned(), paths: config.paths.clone(), what });
    }
    Ok(found)
}

/// Files of the dataset's kind in the root that its paths don't match: they could be added.
pub fn beside(root: &Path, config: &DataConfig) -> Result<Vec<ScannedFile>, DataError> {
    let inside: BTreeSet<PathBuf> = matched(root, config)?.into_iter().map(|file| file.path).collect();
    let root = canonical(root)?;
    let mut search = Search { root: &root, kind: config.kind, found: BTreeMap::new(), skipped: None };
    search.walk(&root, &root, None)?;
    Ok(search.found.into_values().filter(|file| !inside.contains(&file.path)).collect())
}

/// Every file of a kind below a folder that nobody has named yet, and why others were passed over:
/// what can't be read, and what a link reaches outside of the folder.
pub(crate) fn everything(root: &Path, kind: DataKind) -> Result<(Vec<ScannedFile>, Vec<DataError>), DataError> {
    let root = canonical(root)?;
    let mut search = Search { root: &root, kind, found: BTreeMap::new(), skipped: Some(Vec::new()) };
    search.walk(&root, &root, None)?;
    Ok((search.found.into_values().collect(), search.skipped.unwrap_or_default()))
}

/// A place outside of the root that the dataset takes files from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Links resolved, where it is there.
    pub folder: PathBuf,
    /// What lies in its sub-folders counts too.
    pub deep: bool,
    /// Only this entry of the folder counts.
    pub only: Option<PathBuf>,
}

/// The places that absolute data paths name: what to watch beside the root. Also of paths where nothing is now.
pub fn outside(root: &Path, config: &DataConfig) -> Vec<Place> {
    let Ok(root) = canonical(root) else { return Vec::new() };
    let mut places: Vec<Place> = Vec::new();
    let mut add = |place: Place| {
        if !place.folder.starts_with(&root) && !places.contains(&place) {
            places.push(place);
        }
    };
    for given in config.paths.iter().map(Path::new).filter(|path| path.is_absolute()) {
        let base = if given.exists() { given.to_owned() } else { literal_prefix(given) };
        // The entry itself may come and go, be replaced, or be a link that is set anew.
        if let (Some(above), Some(name)) = (base.parent(), base.file_name()) {
            let folder = canonical(above).unwrap_or_else(|_| above.to_owned());
            add(Place { only: Some(folder.join(name)), folder, deep: false });
        }
        let Ok(target) = canonical(&base) else { continue };
        if target.is_dir() {
            let wild = given.components().count() - base.components().count();
            add(Place { folder: target, deep: wild != 1, only: None });
        } else if let Some(above) = target.parent() {
            add(Place { folder: above.to_owned(), deep: false, only: Some(target.clone()) });
        }
    }
    places
}

/// One file of a folder that is copied as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    /// What to read.
    pub path: PathBuf,
    /// Its place in the copy.
    pub relative: PathBuf,
    pub size_bytes: u64,
}

/// What a copy of a folder takes, each file once, with the rules of a search: hidden entries, pipes, sockets
/// and devices are left out, and a link to what is in the folder leads to it by its own name. An error where
/// a link leads out of the folder.
pub fn tree(folder: &Path) -> Result<Vec<TreeFile>, DataError> {
    let root = canonical(folder)?;
    let mut found = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![(root.clone(), PathBuf::new())];
    while let Some((folder, relative)) = open.pop() {
        // A link to a folder above leads to what is found anyway.
        if !seen.insert(folder.clone()) {
            continue;
        }
        for entry in std::fs::read_dir(&folder).map_err(DataError::io("read", &folder))? {
            let entry = entry.map_err(DataError::io("read", &folder))?;
            let name = entry.file_name();
            if is_hidden(&name) {
                continue;
            }
            let target = canonical(&entry.path())?;
            let Ok(own) = target.strip_prefix(&root) else {
                return Err(DataError::LinkOut { folder: root, link: entry.path() });
            };
            // What hides in the folder is reached by its link only, and called as that.
            let hides = own.components().any(|part| is_hidden(part.as_os_str()));
            let place = if hides { relative.join(name) } else { own.to_owned() };
            let metadata = std::fs::metadata(&target).map_err(DataError::io("read", &target))?;
            if metadata.is_dir() {
                open.push((target, place));
            } else if metadata.is_file() {
                let file = TreeFile { path: target.clone(), relative: place, size_bytes: metadata.len() };
                found.entry(target).or_insert(file);
            }
        }
    }
    Ok(found.into_values().collect())
}

/// Hidden entries belong to tools, and are no data.
pub(crate) fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn matched(root: &Path, config: &DataConfig) -> Result<Vec<ScannedFile>, DataError> {
    let root = canonical(root)?;
    let mut search = Search { root: &root, kind: config.kind, found: BTreeMap::new(), skipped: None };
    for path in &config.paths {
        search.matched_by(path)?;
    }
    Ok(search.found.into_values().collect())
}

/// A search for files of one kind.
struct Search<'a> {
    root: &'a Path,
    kind: DataKind,
    /// By name.
    found: BTreeMap<String, ScannedFile>,
    /// Gathers what is wrong; without it the first wrong thing ends the search.
    skipped: Option<Vec<DataError>>,
}

impl Search<'_> {
    fn matched_by(&mut self, path: &str) -> Result<(), DataError> {
        let (root, given) = (self.root, Path::new(path));
        // An absolute path is the person's own word: what lies below it belongs to the dataset, wherever it is.
        let within = if given.is_absolute() { None } else { Some(root) };
        let literal = root.join(given);
        if literal.exists() {
            let target = canonical(&literal)?;
            confine(root, within, &target, path)?;
            let boundary = if within.is_some() { root.to_owned() } else { target.clone() };
            let metadata = std::fs::metadata(&target).map_err(DataError::io("read", &target))?;
            if metadata.is_dir() {
                return self.walk(&target, &boundary, None);
            }
            if !metadata.is_file() {
                return Err(DataError::NotAFile { path: literal });
            }
            // A file named by itself is taken whatever its extension: reading it will say what is wrong.
            self.insert(target, &metadata);
            return Ok(());
        }
        if !path.contains(['*', '?', '[', '{']) {
            return Err(DataError::Missing { path: literal });
        }
        let base = root.join(literal_prefix(given));
        if !base.exists() {
            return Ok(());
        }
        let base = canonical(&base)?;
        confine(root, within, &base, path)?;
        let rest = given.components().skip(literal_prefix(given).components().count()).collect::<PathBuf>();
        let matcher = glob(path, &rest)?;
        let boundary = if within.is_some() { root.to_owned() } else { base.clone() };
        self.walk(&base, &boundary, Some(&matcher))
    }

    fn walk(&mut self, folder: &Path, boundary: &Path, matcher: Option<&GlobMatcher>) -> Result<(), DataError> {
        // Git's ignore rules don't count here: data is what people keep out of git. Hidden files do:
        // they belong to tools (.DS_Store, .ipynb_checkpoints).
        let walker = WalkBuilder::new(folder).standard_filters(false).hidden(true).follow_links(true).build();
        for entry in walker {
            let entry = match entry {
                Ok(entry) => entry,
                // A link to a folder above leads to what is found anyway.
                Err(error) if is_loop(&error) => continue,
                Err(error) => {
                    self.pass_over(walk_error(folder, error))?;
                    continue;
                }
            };
            let relative = entry.path().strip_prefix(folder).unwrap_or(entry.path());
            if entry.file_type().is_some_and(|kind| kind.is_file()) && self.is_wanted(matcher, entry.path(), relative) {
                self.take(entry.path(), boundary)?;
            }
        }
        Ok(())
    }

    fn is_wanted(&self, matcher: Option<&GlobMatcher>, path: &Path, relative: &Path) -> bool {
        suits(format(path), self.kind) && matcher.is_none_or(|matcher| matcher.is_match(slashed(relative)))
    }

    fn take(&mut self, path: &Path, boundary: &Path) -> Result<(), DataError> {
        let target = canonical(path)?;
        if !target.starts_with(boundary) {
            return self.pass_over(DataError::Outside { root: self.root.to_owned(), path: name(self.root, path) });
        }
        // A name is a path once more in slipway.toml and in manifests, and both are text.
        if target.to_str().is_none() {
            return self.pass_over(DataError::NotUtf8 { file: name(self.root, path) });
        }
        let metadata = std::fs::metadata(&target).map_err(DataError::io("read", &target))?;
        self.insert(target, &metadata);
        Ok(())
    }

    fn pass_over(&mut self, error: DataError) -> Result<(), DataError> {
        match &mut self.skipped {
            Some(skipped) => skipped.push(error),
            None => return Err(error),
        }
        Ok(())
    }

    fn insert(&mut self, path: PathBuf, metadata: &Metadata) {
        let name = name(self.root, &path);
        let file = ScannedFile {
            name: name.clone(),
            size_bytes: metadata.len(),
            modified_ms: modified_ms(metadata),
            inode: inode(metadata),
            path,
        };
        self.found.insert(name, file);
    }
}

fn glob(path: &str, rest: &Path) -> Result<GlobMatcher, DataError> {
    GlobBuilder::new(&slashed(rest))
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| DataError::Glob { path: path.to_owned(), reason: error.kind().to_string() })
}

/// The part of a glob before its first component with a wildcard.
fn literal_prefix(path: &Path) -> PathBuf {
    path.components()
        .take_while(|component| !component.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']))
        .collect()
}

fn suits(format: Option<FileFormat>, kind: DataKind) -> bool {
    match format {
        Some(FileFormat::Image) => kind == DataKind::Images,
        Some(_) => kind == DataKind::Table,
        None => false,
    }
}

fn is_loop(error: &ignore::Error) -> bool {
    match error {
        ignore::Error::Loop { .. } => true,
        ignore::Error::WithPath { err, .. }
        | ignore::Error::WithDepth { err, .. }
        | ignore::Error::WithLineNumber { err, .. } => is_loop(err),
        _ => false,
    }
}

fn walk_error(folder: &Path, error: ignore::Error) -> DataError {
    let text = error.to_string();
    let path = error_path(&error).unwrap_or_else(|| folder.to_owned());
    // The library's text has the path in it again; the kind and the system's own words say enough.
    let source = match error.io_error().and_then(std::io::Error::raw_os_error) {
        Some(code) => std::io::Error::from_raw_os_error(code),
        None => error.into_io_error().unwrap_or_else(|| std::io::Error::other(text)),
    };
    DataError::Io { doing: "read", path, source }
}

fn error_path(error: &ignore::Error) -> Option<PathBuf> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path.clone()),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => error_path(err),
        ignore::Error::Loop { child, .. } => Some(child.clone()),
        _ => None,
    }
}

fn confine(root: &Path, within: Option<&Path>, target: &Path, path: &str) -> Result<(), DataError> {
    match within {
        Some(within) if !target.starts_with(within) => {
            Err(DataError::Outside { root: root.to_owned(), path: path.to_owned() })
        }
        _ => Ok(()),
    }
}

pub(crate) fn modified_ms(metadata: &Metadata) -> i64 {
    let Ok(modified) = metadata.modified() else { return 0 };
    match modified.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
    }
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> Option<u64> {
    Some(std::os::unix::fs::MetadataExt::ino(metadata))
}

// Windows' file index is not on stable Rust; size and time alone decide there.
#[cfg(not(unix))]
fn inode(_metadata: &Metadata) -> Option<u64> {
    None
}

fn canonical(path: &Path) -> Result<PathBuf, DataError> {
    path.canonicalize().map_err(DataError::io("find", path))
}

/// How a file is called in manifests and messages: the same on every system.
pub(crate) fn name(root: &Path, path: &Path) -> String {
    match path.strip_prefix(root) {
        Ok(relative) => slashed(relative),
        // Windows' canonical form `\\?\C:\…` is for the system, not for people.
        Err(_) if cfg!(windows) => path.to_string_lossy().trim_start_matches(r"\\?\").replace('\\', "/"),
        Err(_) => path.to_string_lossy().into_owned(),
    }
}

fn slashed(path: &Path) -> String {
    path.components()
        .filter(|component| !matches!(component, Component::CurDir))
        .map(|component| component.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}
