//! The content of a dataset's files as one id.
//!
//! A manifest lists files by name with the BLAKE3 of their bytes; the BLAKE3 of that list is the
//! content id of a snapshot. Times and inodes stand beside, only to know which files need no
//! second reading: they are no part of the id.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

use api::dataset::Change;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    error::{DataError, thousands},
    progress::{Progress, report},
    scan::{self, ScannedFile},
};

/// Files sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Manifest {
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub name: String,
    pub size_bytes: u64,
    /// In hexadecimal.
    pub blake3: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    pub modified_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inode: Option<u64>,
}

/// Files that were found to have the bytes of their entry though their times differ (a copied folder):
/// path, size and time. Kept, it spares the next look a reading.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Proven {
    files: BTreeMap<String, (u64, i64)>,
}

/// Which hashes to compute in the one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hashes {
    Blake3,
    Blake3AndSha256,
}

/// Hashes all files; those that stand in `previous` with the same name, size, time and inode are
/// not read again. Progress is in bytes, of reused files too.
pub fn build(
    files: &[ScannedFile],
    previous: Option<&Manifest>,
    hashes: Hashes,
    progress: Progress<'_>,
) -> Result<Manifest, DataError> {
    let known: BTreeMap<&str, &Entry> =
        previous.iter().flat_map(|manifest| &manifest.entries).map(|entry| (entry.name.as_str(), entry)).collect();
    let mut entries = Vec::with_capacity(files.len());
    for file in files {
        match known.get(file.name.as_str()) {
            Some(entry) if is_unread(entry, file) && (hashes == Hashes::Blake3 || entry.sha256.is_some()) => {
                report(progress, file.size_bytes)?;
                entries.push((*entry).clone());
            }
            _ => entries.push(hash(file, hashes, progress)?),
        }
    }
    entries.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(Manifest { entries })
}

impl Manifest {
    /// BLAKE3 over names, sizes and content hashes: equal content has an equal id.
    pub fn content(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"slipway manifest 1\n");
        for entry in &self.entries {
            // Lengths first, so that no name can be mistaken for the end of another.
            hasher.update(&(entry.name.len() as u64).to_le_bytes());
            hasher.update(entry.name.as_bytes());
            hasher.update(&entry.size_bytes.to_le_bytes());
            hasher.update(entry.blake3.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The files below `root`, each proven to be the one that was entered: its size and time are still
    /// those, or else its bytes have the hash. Progress is in bytes that had to be read.
    pub fn stand(
        &self,
        root: &Path,
        proven: &mut Proven,
        progress: Progress<'_>,
    ) -> Result<Vec<ScannedFile>, DataError> {
        self.entries.iter().map(|entry| entry.stand(root, proven, progress)).collect()
    }

    pub fn size_bytes(&self) -> u64 {
        self.entries.iter().map(|entry| entry.size_bytes).sum()
    }

    /// How the files found now differ, by name, size, time and inode, without reading them.
    /// `None` where nothing does. A touched file counts as changed until it is hashed.
    pub fn change(&self, files: &[ScannedFile], seen_ms: i64) -> Option<Change> {
        const NAMES_SHOWN: usize = 3;
        let known: BTreeMap<&str, &Entry> = self.entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
        let now: BTreeMap<&str, &ScannedFile> = files.iter().map(|file| (file.name.as_str(), file)).collect();
        let mut change = Change { seen_ms, ..Change::default() };
        let mut names = Vec::new();
        for (name, file) in &now {
            match known.get(name) {
                None => change.added += 1,
                Some(entry) if !is_unread(entry, file) => change.changed += 1,
                Some(_) => continue,
            }
            names.push((*name).to_owned());
        }
        for name in known.keys().filter(|name| !now.contains_key(*name)) {
            change.removed += 1;
            names.push((*name).to_owned());
        }
        names.truncate(NAMES_SHOWN);
        change.names = names;
        (change.added + change.changed + change.removed > 0).then_some(change)
    }
}

impl Entry {
    /// See [`Manifest::stand`].
    pub fn stand(&self, root: &Path, proven: &mut Proven, progress: Progress<'_>) -> Result<ScannedFile, DataError> {
        let path = root.join(&self.name);
        let differs = |expected: String, found: String| DataError::NotAsTaken { path: path.clone(), expected, found };
        let expected = || format!("{} bytes with the BLAKE3 {}", thousands(self.size_bytes), short(&self.blake3));
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => return Err(differs(expected(), "something that is no file".to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(differs(expected(), "nothing".to_owned()));
            }
            Err(error) => return Err(DataError::io("read", &path)(error)),
        };
        if metadata.len() != self.size_bytes {
            return Err(differs(expected(), format!("{} bytes", thousands(metadata.len()))));
        }
        let file = ScannedFile {
            name: self.name.clone(),
            size_bytes: self.size_bytes,
            modified_ms: scan::modified_ms(&metadata),
            inode: self.inode,
            path: path.clone(),
        };
        let key = path.to_string_lossy();
        let seen = (file.size_bytes, file.modified_ms);
        if file.modified_ms != self.modified_ms && proven.files.get(&*key) != Some(&seen) {
            let found = hash(&file, Hashes::Blake3, progress)?;
            if (found.size_bytes, &found.blake3) != (self.size_bytes, &self.blake3) {
                return Err(differs(expected(), format!("other bytes, with the BLAKE3 {}", short(&found.blake3))));
            }
            proven.files.insert(key.into_owned(), seen);
        }
        Ok(file)
    }
}

/// Enough of a hash to tell two apart.
fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

fn is_unread(entry: &Entry, file: &ScannedFile) -> bool {
    entry.size_bytes == file.size_bytes && entry.modified_ms == file.modified_ms && entry.inode == file.inode
}

fn hash(file: &ScannedFile, hashes: Hashes, progress: Progress<'_>) -> Result<Entry, DataError> {
    const BUFFER_BYTES: usize = 1 << 20;
    let mut source = File::open(&file.path).map_err(DataError::io("open", &file.path))?;
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut blake3 = blake3::Hasher::new();
    let mut sha256 = (hashes == Hashes::Blake3AndSha256).then(Sha256::new);
    let mut size_bytes = 0;
    loop {
        let read = source.read(&mut buffer).map_err(DataError::io("read", &file.path))?;
        if read == 0 {
            break;
        }
        blake3.update(&buffer[..read]);
        if let Some(sha256) = &mut sha256 {
            sha256.update(&buffer[..read]);
        }
        size_bytes += read as u64;
        report(progress, read as u64)?;
    }
    Ok(Entry {
        name: file.name.clone(),
        // What was read, not what was seen before: a file that grew meanwhile is entered as hashed.
        size_bytes,
        blake3: blake3.finalize().to_hex().to_string(),
        sha256: sha256.map(|sha256| hex(&sha256.finalize())),
        modified_ms: file.modified_ms,
        inode: file.inode,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
