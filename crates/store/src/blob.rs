//! Content by BLAKE3, written once: `blobs/ab/cdef…`.
//!
//! Bytes go to a temporary name, are fsynced, then renamed: a crash leaves the old state or the new
//! one. Where the disk damaged a blob, putting the same bytes again mends it. Everything here blocks; callers on an async runtime use a blocking thread. Which records use
//! a blob stands in [`crate::blob_use`].

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::error::{Result, StoreError};

/// The BLAKE3 of a blob's bytes; 64 hex digits in text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobHash([u8; 32]);

impl BlobHash {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
    /// Of a file's bytes, whatever its size.
    pub fn of_file(path: &Path) -> io::Result<Self> {
        let mut hasher = Hasher::new(false);
        copy(&mut File::open(path)?, &mut hasher, &mut silent)?;
        Ok(Self(*hasher.blake3.finalize().as_bytes()))
    }
}

impl fmt::Display for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobHash({self})")
    }
}

impl FromStr for BlobHash {
    type Err = blake3::HexError;
    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        blake3::Hash::from_hex(text).map(|hash| Self(*hash.as_bytes()))
    }
}

impl Serialize for BlobHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BlobHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Told bytes as they are read; `Break` stops the work.
pub type Progress<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

/// What was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    pub hash: BlobHash,
    pub size_bytes: u64,
    /// Where it was asked for, computed in the same read.
    pub sha256: Option<[u8; 32]>,
    /// The bytes were not here before, or were damaged.
    pub new: bool,
}

/// The folder of blobs.
#[derive(Debug, Clone)]
pub struct Blobs {
    folder: PathBuf,
}

impl Blobs {
    pub fn open(folder: PathBuf) -> Result<Self> {
        let incoming = folder.join("incoming");
        fs::create_dir_all(&incoming).map_err(failed("the blob folder can't be made:", &incoming))?;
        // What a crash left half written.
        if let Ok(entries) = fs::read_dir(&incoming) {
            for entry in entries.flatten() {
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(Self { folder })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a blob stands, whether or not it is there. For readers that verify by themselves.
    pub fn path(&self, hash: &BlobHash) -> PathBuf {
        let name = hash.to_string();
        self.folder.join(&name[..2]).join(&name[2..])
    }

    pub fn contains(&self, hash: &BlobHash) -> bool {
        self.path(hash).is_file()
    }

    pub fn size_bytes(&self, hash: &BlobHash) -> Result<u64> {
        match fs::metadata(self.path(hash)) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::MissingBlob(*hash)),
            Err(error) => Err(failed("the blob can't be read:", &self.path(hash))(error)),
        }
    }

    pub fn put_bytes(&self, bytes: &[u8]) -> Result<Stored> {
        let mut writer = self.writer(false)?;
        writer.write_all(bytes).map_err(failed("the blob can't be written in", &self.folder))?;
        writer.finish()
    }

    /// Puts a file: shares its bytes where the file system can (reflink), else copies them. `progress`
    /// is told bytes as they are read; its `Break` errs with `Stopped` and leaves nothing.
    pub fn put_file(&self, path: &Path, with_sha256: bool, progress: Progress<'_>) -> Result<Stored> {
        let temporary = self.folder.join("incoming").join(format!("{}.reflink", uuid::Uuid::now_v7().simple()));
        if reflink_copy::reflink(path, &temporary).is_ok() {
            // Hash our copy, not the user's file: it may change meanwhile.
            let keep =
                tempfile::TempPath::try_from_path(&temporary).map_err(failed("the copy can't be kept:", &temporary))?;
            let mut hasher = Hasher::new(with_sha256);
            let mut file = File::open(&temporary).map_err(failed("the copy can't be read:", &temporary))?;
            copy(&mut file, &mut hasher, progress)
                .map_err(failed("the copy can't be read:", &temporary))?
                .ok_or(StoreError::Stopped)?;
            let file = File::options()
                .write(true)
                .open(&temporary)
                .map_err(failed("the copy can't be synced:", &temporary))?;
            file.sync_all().map_err(failed("the copy can't be synced:", &temporary))?;
            return self.settle(keep, hasher);
        }
        let mut file = File::open(path).map_err(failed("the file can't be read:", path))?;
        let mut writer = self.writer(with_sha256)?;
        copy(&mut file, &mut writer, progress)
            .map_err(failed("the file can't be copied into the workspace:", path))?
            .ok_or(StoreError::Stopped)?;
        writer.finish()
    }

    /// A blob that is written piece by piece; nothing is there before [`BlobWriter::finish`].
    pub fn writer(&self, with_sha256: bool) -> Result<BlobWriter<'_>> {
        let incoming = self.folder.join("incoming");
        let file = NamedTempFile::new_in(&incoming).map_err(failed("a blob can't be made in", &incoming))?;
        Ok(BlobWriter { blobs: self, file, hasher: Hasher::new(with_sha256) })
    }

    /// Reads a whole blob, verified.
    pub fn read(&self, hash: &BlobHash) -> Result<Vec<u8>> {
        let bytes = match fs::read(self.path(hash)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(StoreError::MissingBlob(*hash)),
            Err(error) => return Err(failed("the blob can't be read:", &self.path(hash))(error)),
        };
        let found = BlobHash::of(&bytes);
        if found == *hash { Ok(bytes) } else { Err(self.damaged(hash, found)) }
    }

    /// Reads a blob through and compares it with its hash.
    pub fn verify(&self, hash: &BlobHash) -> Result<()> {
        let path = self.path(hash);
        match BlobHash::of_file(&path) {
            Ok(found) if found == *hash => Ok(()),
            Ok(found) => Err(self.damaged(hash, found)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::MissingBlob(*hash)),
            Err(error) => Err(failed("the blob can't be read:", &path)(error)),
        }
    }

    /// Copies a blob to `destination` (shared where possible), verified before it has its name.
    pub fn copy_to(&self, hash: &BlobHash, destination: &Path) -> Result<()> {
        self.copy_telling(hash, destination, &mut silent)
    }

    /// As [`Self::copy_to`]. `progress` is told bytes as they are copied; its `Break` errs with `Stopped` and
    /// leaves nothing.
    pub fn copy_telling(&self, hash: &BlobHash, destination: &Path, progress: Progress<'_>) -> Result<()> {
        let source = self.path(hash);
        if !source.is_file() {
            return Err(StoreError::MissingBlob(*hash));
        }
        let folder = destination.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(failed("the folder can't be made:", folder))?;
        let temporary = folder.join(format!(".{}.part", uuid::Uuid::now_v7().simple()));
        let keep =
            tempfile::TempPath::try_from_path(&temporary).map_err(failed("the file can't be written:", destination))?;
        let shared = reflink_copy::reflink(&source, &temporary).is_ok();
        let source = if shared { &temporary } else { &source };
        let mut from = File::open(source).map_err(failed("the blob can't be read:", source))?;
        let mut into = Hashed { file: None, hasher: Hasher::new(false) };
        if !shared {
            into.file = Some(File::create(&temporary).map_err(failed("the file can't be written:", destination))?);
        }
        copy(&mut from, &mut into, progress)
            .map_err(failed("the file can't be written:", destination))?
            .ok_or(StoreError::Stopped)?;
        let found = BlobHash(*into.hasher.blake3.finalize().as_bytes());
        if found != *hash {
            return Err(self.damaged(hash, found));
        }
        make_writable(&temporary).map_err(failed("the file can't be written:", destination))?;
        keep.persist(destination).map_err(|error| failed("the file can't be written:", destination)(error.error))
    }

    /// Deletes a blob and says how many bytes that freed.
    pub fn delete(&self, hash: &BlobHash) -> Result<u64> {
        let path = self.path(hash);
        let size = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(failed("the blob can't be read:", &path)(error)),
        };
        #[cfg(windows)]
        make_writable(&path).map_err(failed("the blob can't be deleted:", &path))?;
        fs::remove_file(&path).map_err(failed("the blob can't be deleted:", &path))?;
        Ok(size)
    }

    /// Every blob on the disk with its size, in no order.
    pub fn list(&self) -> Result<Vec<(BlobHash, u64)>> {
        let mut found = Vec::new();
        for shard in
            fs::read_dir(&self.folder).map_err(failed("the blob folder can't be read:", &self.folder))?.flatten()
        {
            let shard_name = shard.file_name().to_string_lossy().into_owned();
            if shard_name.len() != 2 {
                continue;
            }
            let path = shard.path();
            for entry in fs::read_dir(&path).map_err(failed("the blob folder can't be read:", &path))?.flatten() {
                let name = format!("{shard_name}{}", entry.file_name().to_string_lossy());
                if let (Ok(hash), Ok(metadata)) = (name.parse::<BlobHash>(), entry.metadata()) {
                    found.push((hash, metadata.len()));
                }
            }
        }
        Ok(found)
    }

    /// Whether a file beside `path` would share its bytes with us instead of being copied.
    pub fn can_reflink(&self, path: &Path) -> bool {
        let temporary = self.folder.join("incoming").join(format!("{}.probe", uuid::Uuid::now_v7().simple()));
        let shared = reflink_copy::reflink(path, &temporary).is_ok();
        let _ = fs::remove_file(&temporary);
        shared
    }

    fn damaged(&self, hash: &BlobHash, found: BlobHash) -> StoreError {
        StoreError::Damaged { path: self.path(hash), found }
    }

    fn settle(&self, temporary: tempfile::TempPath, hasher: Hasher) -> Result<Stored> {
        let hash = BlobHash(*hasher.blake3.finalize().as_bytes());
        let sha256 = hasher.sha256.map(|sha256| sha256.finalize().into());
        let size_bytes = hasher.size_bytes;
        let path = self.path(&hash);
        if path.is_file() {
            let whole = self.verify(&hash).is_ok();
            if !whole {
                mend(&temporary, &path).map_err(failed("the damaged blob can't be written:", &path))?;
            }
            return Ok(Stored { hash, size_bytes, sha256, new: !whole });
        }
        let shard = self.folder.join(&hash.to_string()[..2]);
        fs::create_dir_all(&shard).map_err(failed("the blob folder can't be made:", &shard))?;
        let mut permissions =
            fs::metadata(&temporary).map_err(failed("the blob can't be read:", &temporary))?.permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&temporary, permissions).map_err(failed("the blob can't be protected:", &temporary))?;
        // Rename last: a crash before this line leaves nothing under the blob's name.
        temporary.persist(&path).map_err(|error| failed("the blob can't be named:", &path)(error.error))?;
        sync_folder(&shard).map_err(failed("the blob folder can't be synced:", &shard))?;
        Ok(Stored { hash, size_bytes, sha256, new: true })
    }
}

/// A blob under way.
pub struct BlobWriter<'a> {
    blobs: &'a Blobs,
    file: NamedTempFile,
    hasher: Hasher,
}

impl BlobWriter<'_> {
    /// Syncs and names it.
    pub fn finish(self) -> Result<Stored> {
        self.file.as_file().sync_all().map_err(failed("the blob can't be synced:", self.file.path()))?;
        self.blobs.settle(self.file.into_temp_path(), self.hasher)
    }
}

impl Write for BlobWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.write_all(&bytes[..written])?;
        Ok(written)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Hashes what is written, into a file where there is one.
struct Hashed {
    file: Option<File>,
    hasher: Hasher,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.as_mut().map_or(Ok(bytes.len()), |file| file.write(bytes))?;
        self.hasher.write(&bytes[..written])
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Hasher {
    blake3: blake3::Hasher,
    sha256: Option<Sha256>,
    size_bytes: u64,
}

impl Hasher {
    fn new(with_sha256: bool) -> Self {
        Self { blake3: blake3::Hasher::new(), sha256: with_sha256.then(Sha256::new), size_bytes: 0 }
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.blake3.update(bytes);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(bytes);
        }
        self.size_bytes += bytes.len() as u64;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `io::copy` with a buffer that suits hashing; `None` where it was stopped.
fn copy(from: &mut impl Read, to: &mut impl Write, progress: Progress<'_>) -> io::Result<Option<()>> {
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(Some(())),
            Ok(count) => {
                to.write_all(&buffer[..count])?;
                if progress(count as u64).is_break() {
                    return Ok(None);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Writes the right bytes over a damaged blob: what is linked to it is mended with it. A crash meanwhile
/// leaves it damaged, as it was.
fn mend(whole: &Path, damaged: &Path) -> io::Result<()> {
    make_writable(damaged)?;
    let (mut from, mut to) = (File::open(whole)?, File::options().write(true).truncate(true).open(damaged)?);
    io::copy(&mut from, &mut to)?;
    to.sync_all()?;
    let mut permissions = to.metadata()?.permissions();
    permissions.set_readonly(true);
    fs::set_permissions(damaged, permissions)
}

fn silent(_bytes: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::File { what, path, source }
}

fn make_writable(path: &Path) -> io::Result<()> {
    let mut permissions = fs::metadata(path)?.permissions();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        permissions.set_mode(0o644);
    }
    #[cfg(not(unix))]
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions)
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// NTFS journals the rename; a folder can't be opened for syncing.
#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
