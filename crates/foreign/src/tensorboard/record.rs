//! TFRecord's framing: `u64` length, masked crc32c of the length, data, masked crc32c of the data, all little-endian.

use std::{
    fs::File,
    io::{BufReader, Read as _, Seek as _, SeekFrom, Write},
    path::Path,
};

use crate::{Result, file};

/// Bytes of a record that is read; a longer one, a graph say, is skipped.
const LARGEST: u64 = 64 << 20;
/// Bytes that no event has: protobuf writes none of 2 GiB.
const IMPOSSIBLE: u64 = 2 << 30;
const BUFFER: usize = 1 << 20;
/// Bytes before and after the data.
const HEAD: u64 = 12;
const TAIL: u64 = 4;

/// `masked_crc32c` of TensorFlow's `crc32c.h`.
pub(crate) fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Writes one record.
pub(crate) fn write(file: &mut impl Write, data: &[u8]) -> std::io::Result<()> {
    let length = (data.len() as u64).to_le_bytes();
    file.write_all(&length)?;
    file.write_all(&masked(&length).to_le_bytes())?;
    file.write_all(data)?;
    file.write_all(&masked(data).to_le_bytes())
}

/// What stands next in a file.
pub(crate) enum Next<'a> {
    Data(&'a [u8]),
    /// Left out; the reading goes on behind it.
    Bad(&'static str),
    /// Its length is damaged, or is one that no record has, so nothing behind it can be found.
    Lost,
    /// The file ends here, perhaps within a record.
    End,
}

/// The records of a file as long as it was when it was opened.
pub(crate) struct Records {
    file: BufReader<File>,
    length: u64,
    data: Vec<u8>,
    /// The byte behind the last whole record.
    pub(crate) offset: u64,
    /// The checksum that stands behind the last record that was read.
    pub(crate) checksum: u32,
    /// The four bytes before `offset`, whatever the record was.
    pub(crate) last: u32,
}

impl Records {
    pub(crate) fn open(path: &Path, offset: u64) -> Result<Self> {
        let mut file = file::open(path).map_err(file::failed(path))?;
        let length = file.metadata().map_err(file::failed(path))?.len();
        file.seek(SeekFrom::Start(offset)).map_err(file::failed(path))?;
        Ok(Self {
            file: BufReader::with_capacity(BUFFER, file),
            length,
            data: Vec::new(),
            offset,
            checksum: 0,
            last: 0,
        })
    }

    /// Whether a file still has the checksum that stood before `offset`; 0 is not known.
    pub(crate) fn stands(path: &Path, offset: u64, checksum: u32) -> Result<bool> {
        let mut file = file::open(path).map_err(file::failed(path))?;
        let mut bytes = [0; TAIL as usize];
        file.seek(SeekFrom::Start(offset.saturating_sub(TAIL))).map_err(file::failed(path))?;
        match file.read_exact(&mut bytes) {
            Ok(()) => Ok(checksum == 0 || u32::from_le_bytes(bytes) == checksum),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(file::failed(path)(error)),
        }
    }

    pub(crate) fn next(&mut self) -> std::io::Result<Next<'_>> {
        let left = self.length.saturating_sub(self.offset);
        if left < HEAD + TAIL {
            return Ok(Next::End);
        }
        let mut head = [0; HEAD as usize];
        self.file.read_exact(&mut head)?;
        // A file that is longer than what of it has come, as one over a network: the rest may come.
        if head == [0; HEAD as usize] {
            return Ok(Next::End);
        }
        let (size, sum) = head.split_at(8);
        if masked(size).to_le_bytes() != sum {
            return Ok(Next::Lost);
        }
        let size = size.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte));
        if left - HEAD - TAIL < size {
            // What is that long never comes, though its checksum is right.
            return Ok(if size < IMPOSSIBLE { Next::End } else { Next::Lost });
        }
        self.offset += HEAD + size + TAIL;
        if size > LARGEST {
            self.file.seek(SeekFrom::Start(self.offset - TAIL))?;
            let mut sum = [0; TAIL as usize];
            self.file.read_exact(&mut sum)?;
            self.last = u32::from_le_bytes(sum);
            return Ok(Next::Bad("the record is larger than 64 MiB"));
        }
        self.data.resize((size + TAIL) as usize, 0);
        self.file.read_exact(&mut self.data)?;
        let (data, sum) = self.data.split_at(size as usize);
        self.checksum = sum.iter().rev().fold(0, |all, byte| all << 8 | u32::from(*byte));
        self.last = self.checksum;
        Ok(if masked(data) == self.checksum { Next::Data(data) } else { Next::Bad("the record's checksum is wrong") })
    }
}
