//! Folders that a run goes on from: complete or not there.
//!
//! A checkpoint is written beside its place, synced, and renamed last; the old one steps aside
//! first, since no platform replaces a full folder in one step. A crash between the two renames
//! leaves the old one under its side name, where [`read`] finds it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use candle_core::{Device, Tensor};
use serde::{Serialize, de::DeserializeOwned};

use crate::error::LearnError;

const STATE_FILE: &str = "state.json";

/// Which checkpoint of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Where a resume goes on.
    Last,
    /// The best on validation so far.
    Best,
}

impl Which {
    fn folder(self, run: &Path) -> PathBuf {
        run.join("checkpoints").join(match self {
            Self::Last => "last",
            Self::Best => "best",
        })
    }
}

/// What an interrupted run left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// There is a whole checkpoint to go on from.
    pub last: bool,
    /// The write of another was cut off; what it had written is gone now.
    pub cut_off: bool,
}

/// Ends what a crash cut off, so that only whole checkpoints are there.
pub fn settle(run: &Path) -> Result<Left, LearnError> {
    let mut cut_off = false;
    for which in [Which::Best, Which::Last] {
        let folder = which.folder(run);
        let fresh = folder.with_extension("writing");
        recover(&folder, &folder.with_extension("old"))?;
        cut_off |= fresh.exists();
        remove(&fresh)?;
    }
    Ok(Left { last: Which::Last.folder(run).exists(), cut_off })
}

/// Replaces a checkpoint; gives its size in bytes.
pub fn write(run: &Path, which: Which, state: &impl Serialize, files: &[(&str, Vec<u8>)]) -> Result<u64, LearnError> {
    let folder = which.folder(run);
    let (fresh, old) = (folder.with_extension("writing"), folder.with_extension("old"));
    recover(&folder, &old)?;
    remove(&fresh)?;
    let size = write_fresh(&fresh, state, files).inspect_err(|_| {
        // On a full disk the half would leave no room to say why.
        let _ = remove(&fresh);
    })?;
    if folder.exists() {
        fs::rename(&folder, &old).map_err(LearnError::io("replace", &folder))?;
    }
    fs::rename(&fresh, &folder).map_err(LearnError::io("replace", &folder))?;
    if let Some(parent) = folder.parent() {
        sync_folder(parent)?;
    }
    remove(&old)?;
    Ok(size)
}

fn write_fresh(fresh: &Path, state: &impl Serialize, files: &[(&str, Vec<u8>)]) -> Result<u64, LearnError> {
    fs::create_dir_all(fresh).map_err(LearnError::io("create", fresh))?;
    let state = serde_json::to_vec_pretty(state).map_err(|error| LearnError::io("write", fresh)(error.into()))?;
    let mut size = state.len() as u64;
    write_file(&fresh.join(STATE_FILE), &state)?;
    for (name, bytes) in files {
        size += bytes.len() as u64;
        write_file(&fresh.join(name), bytes)?;
    }
    sync_folder(fresh)?;
    Ok(size)
}

/// A checkpoint as it was written.
pub struct Checkpoint<S> {
    pub state: S,
    folder: PathBuf,
}

/// Reads a checkpoint; `None` where none was written yet.
pub fn read<S: DeserializeOwned>(run: &Path, which: Which) -> Result<Option<Checkpoint<S>>, LearnError> {
    let folder = which.folder(run);
    recover(&folder, &folder.with_extension("old"))?;
    let path = folder.join(STATE_FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LearnError::io("read", &path)(error)),
    };
    let state =
        serde_json::from_slice(&bytes).map_err(|error| LearnError::Malformed { path, reason: error.to_string() })?;
    Ok(Some(Checkpoint { state, folder }))
}

impl<S> Checkpoint<S> {
    pub fn file(&self, name: &str) -> Result<Vec<u8>, LearnError> {
        let path = self.folder.join(name);
        fs::read(&path).map_err(LearnError::io("read", &path))
    }

    pub fn tensors(&self, name: &str) -> Result<BTreeMap<String, Tensor>, LearnError> {
        let tensors = candle_core::safetensors::load_buffer(&self.file(name)?, &Device::Cpu);
        Ok(tensors.map_err(|error| self.malformed(name, &error))?.into_iter().collect())
    }

    /// One of its files holds something else than was written: a crash of ours leaves none such.
    pub fn malformed(&self, name: &str, why: &impl std::fmt::Display) -> LearnError {
        let reason = format!("{why}").lines().next().unwrap_or_default().trim_end_matches('.').to_owned();
        LearnError::Malformed { path: self.folder.join(name), reason }
    }
}

/// Tensors as safetensors, sorted by name: equal tensors give equal bytes.
pub fn tensor_bytes(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, LearnError> {
    let plain = tensors
        .iter()
        .map(|(name, tensor)| Ok((name.as_str(), tensor.to_device(&Device::Cpu)?.contiguous()?)))
        .collect::<Result<Vec<_>, candle_core::Error>>()?;
    let borrowed = plain.iter().map(|(name, tensor)| (*name, tensor));
    Ok(safetensors::serialize(borrowed, None).map_err(candle_core::Error::from)?)
}

/// Ends a replacement that a crash cut between its two renames.
fn recover(folder: &Path, old: &Path) -> Result<(), LearnError> {
    if old.exists() {
        if folder.exists() {
            return remove(old);
        }
        fs::rename(old, folder).map_err(LearnError::io("recover", folder))?;
    }
    Ok(())
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), LearnError> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(LearnError::io("write", path))
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), LearnError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(LearnError::io("sync", folder))
}

/// Windows has no way to sync a folder; NTFS journals the rename.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<(), LearnError> {
    Ok(())
}

fn remove(folder: &Path) -> Result<(), LearnError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LearnError::io("remove", folder)(error)),
        _ => Ok(()),
    }
}
