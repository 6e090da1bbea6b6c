//! The record of a split, which later runs inherit: which part each known row or group belongs to.
//!
//! The file: the magic line, the number of entries, then for each entry 16 bytes of hash and one
//! byte of part, sorted by hash, and the BLAKE3 of all that. 17 bytes a distinct row.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    io::{BufWriter, Write},
    path::Path,
};

use crate::{error::DataError, row_hash::RowHash, whole_file};

const MAGIC: &[u8; 16] = b"slipway split 1\n";
const ENTRY_BYTES: usize = 17;
const SEAL_BYTES: usize = 32;

/// Parts by row or group hash.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SplitRecord {
    pub(crate) parts: HashMap<RowHash, u8, BuildHasherDefault<HashedAlready>>,
}

impl SplitRecord {
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The part that a row or group was given.
    pub fn part(&self, hash: RowHash) -> Option<u8> {
        self.parts.get(&hash).copied()
    }

    pub fn read(path: &Path) -> Result<Self, DataError> {
        let bytes = std::fs::read(path).map_err(DataError::io("read", path))?;
        Self::from_bytes(&bytes)
            .map_err(|reason| DataError::SplitRecord { path: path.to_owned(), reason: reason.to_owned() })
    }

    /// To a temporary name, synced, renamed; equal records have equal bytes.
    pub fn write(&self, path: &Path) -> Result<(), DataError> {
        let bytes = self.to_bytes();
        whole_file::write(path, |file| {
            let mut out = BufWriter::new(file);
            out.write_all(&bytes).and_then(|()| out.flush()).map_err(DataError::io("write", path))
        })
    }

    /// The file's bytes, for a caller that keeps it elsewhere.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut entries: Vec<(RowHash, u8)> = self.parts.iter().map(|(hash, part)| (*hash, *part)).collect();
        entries.sort_unstable();
        let mut bytes = Vec::with_capacity(MAGIC.len() + 8 + entries.len() * ENTRY_BYTES + SEAL_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&(entries.len() as u64).to_le_bytes());
        for (hash, part) in entries {
            bytes.extend_from_slice(&hash.to_le_bytes());
            bytes.push(part);
        }
        let seal = blake3::hash(&bytes);
        bytes.extend_from_slice(seal.as_bytes());
        bytes
    }

    /// The opposite of [`Self::to_bytes`]; the error says what is wrong with them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, &'static str> {
        let rest = bytes.strip_prefix(MAGIC).ok_or("it doesn't start as one")?;
        let (body, seal) =
            bytes.split_at_checked(bytes.len() - SEAL_BYTES.min(bytes.len())).ok_or("it is cut short")?;
        if blake3::hash(body).as_bytes() != seal {
            return Err("it is cut short or damaged");
        }
        let entries = rest.get(8..rest.len() - SEAL_BYTES).ok_or("it is cut short")?;
        let mut record = Self::default();
        for entry in entries.chunks_exact(ENTRY_BYTES) {
            let mut hash = [0; 16];
            hash.copy_from_slice(&entry[..16]);
            record.parts.insert(u128::from_le_bytes(hash), entry[16]);
        }
        Ok(record)
    }
}

/// Row hashes need no second hashing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HashedAlready(u64);

impl Hasher for HashedAlready {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64;
    }
}
