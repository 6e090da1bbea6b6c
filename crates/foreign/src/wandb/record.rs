//! The framing of `.wandb` files: a header of 7 bytes, then LevelDB's log format (`log_format.md`) in blocks of 32 KiB
//! that count from the file's first byte. A piece's checksum is crc32 over its type and its data.

use std::{
    fs::File,
    io::{BufReader, Read as _, Seek as _, SeekFrom},
    path::Path,
};

use crate::{ForeignError, Result, file};

/// `:W&B`, the magic number 0xBEE1, the version 0.
pub(crate) const HEADER: [u8; 7] = *b":W&B\xe1\xbe\0";
const BLOCK: u64 = 32 << 10;
/// Bytes before a piece's data: its checksum, length and type.
const HEAD: u64 = 7;
/// Bytes of a record that is read.
const LARGEST: usize = 64 << 20;

/// What stands next in a file.
pub(crate) enum Next<'a> {
    Data(&'a [u8]),
    /// What can't be read, from which byte; the reading goes on behind it.
    Bad(u64, &'static str),
    /// The same in the block that the file ends in: it may be written to yet, and is read again then.
    Waits(u64, &'static str),
    /// The file ends here, perhaps within a record.
    End,
}

/// The records of a file as long as it was when it was opened.
pub(crate) struct Records {
    file: BufReader<File>,
    length: u64,
    /// The byte of the next piece.
    at: u64,
    data: Vec<u8>,
    /// A record's first piece was read, and not its last.
    within: bool,
    /// The byte behind the last whole record.
    pub(crate) offset: u64,
    /// The rest of a record that can't be read is passed over.
    pub(crate) lost: bool,
}

enum Piece {
    Of(u8),
    Bad(u64, &'static str),
    Waits(u64, &'static str),
    End,
}

impl Records {
    /// The records behind `offset`; `lost` as it was when that byte was reached. `None`: the header is not written yet.
    pub(crate) fn open(path: &Path, offset: u64, lost: bool) -> Result<Option<Self>> {
        let mut file = file::open(path).map_err(file::failed(path))?;
        let length = file.metadata().map_err(file::failed(path))?.len();
        if length < HEADER.len() as u64 {
            return Ok(None);
        }
        let mut header = [0; HEADER.len()];
        file.read_exact(&mut header).map_err(file::failed(path))?;
        if header != HEADER {
            let why = "it does not begin as one, or is of a newer version".to_owned();
            return Err(ForeignError::NotOne { path: path.to_owned(), what: "run of Weights & Biases", why });
        }
        let offset = offset.max(HEADER.len() as u64);
        file.seek(SeekFrom::Start(offset)).map_err(file::failed(path))?;
        let file = BufReader::with_capacity(1 << 20, file);
        Ok(Some(Self { file, length, at: offset, data: Vec::new(), within: false, offset, lost }))
    }

    fn go(&mut self, to: u64) -> std::io::Result<()> {
        let by = to.cast_signed().wrapping_sub(self.at.cast_signed());
        self.at = to;
        self.file.seek_relative(by)
    }

    /// Appends the next piece's data.
    fn piece(&mut self) -> std::io::Result<Piece> {
        let left = BLOCK - self.at % BLOCK;
        if left < HEAD {
            if self.at + left > self.length {
                return Ok(Piece::End);
            }
            self.go(self.at + left)?;
        }
        if self.length.saturating_sub(self.at) < HEAD {
            return Ok(Piece::End);
        }
        let head = {
            let mut head = [0; HEAD as usize];
            self.file.read_exact(&mut head)?;
            head
        };
        let [c0, c1, c2, c3, l0, l1, kind] = head;
        let begun = self.at;
        self.at += HEAD;
        let size = u64::from(u16::from_le_bytes([l0, l1]));
        let end = (begun / BLOCK + 1) * BLOCK;
        let is_open = end > self.length;
        // A file that is longer than what of it has come, as one over a network: the rest may come.
        if is_open && head == [0; HEAD as usize] {
            return Ok(Piece::End);
        }
        let why = if self.at + size > end {
            "a piece's length leads out of its block"
        } else if self.at + size > self.length {
            return Ok(Piece::End);
        } else {
            let from = self.data.len();
            self.data.resize(from + usize::from(u16::from_le_bytes([l0, l1])), 0);
            self.file.read_exact(&mut self.data[from..])?;
            self.at += size;
            let mut sum = crc32fast::Hasher::new();
            sum.update(&[kind]);
            sum.update(&self.data[from..]);
            if sum.finalize() == u32::from_le_bytes([c0, c1, c2, c3]) {
                return Ok(Piece::Of(kind));
            }
            "a checksum is wrong"
        };
        if is_open {
            return Ok(Piece::Waits(begun, why));
        }
        // Nothing in the block can be trusted to be where a piece begins.
        self.go(end)?;
        Ok(Piece::Bad(begun, why))
    }

    fn bad(&mut self, from: u64, why: &'static str) -> Next<'_> {
        self.offset = self.at;
        self.lost = true;
        Next::Bad(from, why)
    }

    pub(crate) fn next(&mut self) -> std::io::Result<Next<'_>> {
        self.within = false;
        loop {
            if !self.within {
                self.data.clear();
            }
            let begun = self.at;
            let kind = match self.piece()? {
                Piece::End => return Ok(Next::End),
                Piece::Bad(from, why) => return Ok(self.bad(from, why)),
                Piece::Waits(from, why) => return Ok(Next::Waits(from, why)),
                Piece::Of(kind) => kind,
            };
            match (kind, self.within) {
                (1 | 2, false) => self.lost = false,
                (1 | 2, true) => {
                    let from = self.offset;
                    self.go(begun)?;
                    return Ok(self.bad(from, "a record has no end"));
                }
                (3 | 4, true) => {}
                // Told already, with its first piece.
                (3 | 4, false) if self.lost => {
                    self.offset = self.at;
                    continue;
                }
                _ => return Ok(self.bad(begun, "a piece stands where none of its kind can")),
            }
            if self.data.len() > LARGEST {
                return Ok(self.bad(begun, "the record is larger than 64 MiB"));
            }
            self.within = matches!(kind, 2 | 3);
            if !self.within {
                self.offset = self.at;
                return Ok(Next::Data(&self.data));
            }
        }
    }
}
