//! The encoding of a text file: UTF-8, UTF-16, Latin-1 or Windows-1252, decided over all its bytes.
//!
//! Guessing wrong turns names into rubbish without an error, so what can't be decided is an error
//! that asks for the encoding's name. Any encoding that browsers know can be named.

use std::{
    fs::File,
    io::{BufRead, BufReader},
};

use encoding_rs::{DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::{error::DataError, scan::ScannedFile};

/// A decided encoding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextEncoding {
    pub encoding: &'static Encoding,
    /// As people call it: Latin-1 is read as the Windows-1252 that contains it.
    pub name: &'static str,
}

const CHUNK_BYTES: usize = 1 << 20;

/// Decides from a byte order mark, UTF-8 validity, zero bytes and the letters beyond ASCII.
pub fn detect(file: &ScannedFile) -> Result<TextEncoding, DataError> {
    let mut census = Census::default();
    let mut source = open(file)?;
    loop {
        let chunk = source.fill_buf().map_err(DataError::io("read", &file.path))?;
        if chunk.is_empty() {
            break;
        }
        census.see(chunk);
        let length = chunk.len();
        source.consume(length);
    }
    let undecidable = |reason: String| DataError::UndecidableEncoding { file: file.name.clone(), reason };
    let decided = census.decide().map_err(undecidable)?;
    if decided.encoding == UTF_16LE || decided.encoding == UTF_16BE {
        validate(file, decided)?;
    }
    Ok(decided)
}

/// Whether an encoding has this name.
pub fn is_known(label: &str) -> bool {
    Encoding::for_label(label.as_bytes()).is_some()
}

/// The encoding of that name, where the file's bytes really are that.
pub fn named(file: &ScannedFile, label: &str) -> Result<TextEncoding, DataError> {
    let encoding = Encoding::for_label(label.as_bytes())
        .ok_or_else(|| DataError::UnknownEncoding { file: file.name.clone(), label: label.to_owned() })?;
    let named = TextEncoding { encoding, name: encoding.name() };
    validate(file, named)?;
    Ok(named)
}

fn open(file: &ScannedFile) -> Result<BufReader<File>, DataError> {
    let source = File::open(&file.path).map_err(DataError::io("open", &file.path))?;
    Ok(BufReader::with_capacity(CHUNK_BYTES, source))
}

/// Decodes the whole file without keeping it, to find the first line that isn't in that encoding.
fn validate(file: &ScannedFile, encoding: TextEncoding) -> Result<(), DataError> {
    let mut decoder = encoding.encoding.new_decoder_with_bom_removal();
    let mut source = open(file)?;
    let mut text = vec![0_u8; CHUNK_BYTES];
    let mut line = 1;
    loop {
        let chunk = source.fill_buf().map_err(DataError::io("read", &file.path))?;
        let last = chunk.is_empty();
        let mut rest = chunk;
        loop {
            let (result, read, written) = decoder.decode_to_utf8_without_replacement(rest, &mut text, last);
            line += text[..written].iter().filter(|byte| **byte == b'\n').count() as u64;
            rest = &rest[read..];
            match result {
                DecoderResult::InputEmpty => break,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => {
                    let encoding = encoding.name.to_owned();
                    return Err(DataError::Undecodable { file: file.name.clone(), line, encoding });
                }
            }
        }
        if last {
            return Ok(());
        }
        let length = chunk.len();
        source.consume(length);
    }
}

/// What is counted of a file's bytes.
#[derive(Default)]
struct Census {
    start: Vec<u8>,
    length: u64,
    /// The bytes of a UTF-8 character that the chunk's end cut.
    carry: Vec<u8>,
    lines: u64,
    broken_utf8_line: Option<u64>,
    zeros_at_even: u64,
    zeros_at_odd: u64,
    controls: u64,
    /// 0x81, 0x8D, 0x8F, 0x90, 0x9D: unassigned in Windows-1252.
    unassigned: Option<u8>,
    /// 0x80 to 0x9F: letters and signs in Windows-1252, control codes in Latin-1.
    middle: u64,
    high: u64,
    high_beside_high: u64,
    last: u8,
}

impl Census {
    fn see(&mut self, chunk: &[u8]) {
        if self.start.len() < 3 {
            self.start.extend(chunk.iter().take(3 - self.start.len()));
        }
        self.see_utf8(chunk);
        for byte in chunk {
            let byte = *byte;
            match byte {
                0 if self.length.is_multiple_of(2) => self.zeros_at_even += 1,
                0 => self.zeros_at_odd += 1,
                b'\n' => self.lines += 1,
                b'\t' | b'\r' | 0x0B | 0x0C | 0x1A => {}
                1..=0x1F | 0x7F => self.controls += 1,
                0x80..=0xFF => {
                    self.high += 1;
                    self.high_beside_high += u64::from(self.last >= 0x80);
                    self.middle += u64::from(byte < 0xA0);
                    if matches!(byte, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D) {
                        self.unassigned = Some(byte);
                    }
                }
                _ => {}
            }
            self.last = byte;
            self.length += 1;
        }
    }

    fn see_utf8(&mut self, chunk: &[u8]) {
        if self.broken_utf8_line.is_some() {
            return;
        }
        let joined;
        let bytes = if self.carry.is_empty() {
            chunk
        } else {
            joined = [std::mem::take(&mut self.carry).as_slice(), chunk].concat();
            &joined
        };
        if let Err(error) = std::str::from_utf8(bytes) {
            let valid = error.valid_up_to();
            match error.error_len() {
                None => self.carry = bytes[valid..].to_vec(),
                Some(_) => {
                    let before = bytes[..valid].iter().filter(|byte| **byte == b'\n').count() as u64;
                    self.broken_utf8_line = Some(self.lines + before + 1);
                }
            }
        }
    }

    fn decide(&self) -> Result<TextEncoding, String> {
        let broken = self.broken_utf8_line.or((!self.carry.is_empty()).then_some(self.lines + 1));
        let zeros = self.zeros_at_even + self.zeros_at_odd;
        if self.start.starts_with(&[0xFF, 0xFE]) {
            return Ok(TextEncoding { encoding: UTF_16LE, name: "UTF-16 LE" });
        }
        if self.start.starts_with(&[0xFE, 0xFF]) {
            return Ok(TextEncoding { encoding: UTF_16BE, name: "UTF-16 BE" });
        }
        if zeros > 0 {
            // Text in UTF-16 is mostly ASCII in any table: every second byte is zero.
            let characters = self.length / 2;
            if self.length.is_multiple_of(2)
                && self.zeros_at_odd * 10 >= characters * 6
                && self.zeros_at_even * 100 <= characters
            {
                return Ok(TextEncoding { encoding: UTF_16LE, name: "UTF-16 LE" });
            }
            if self.length.is_multiple_of(2)
                && self.zeros_at_even * 10 >= characters * 6
                && self.zeros_at_odd * 100 <= characters
            {
                return Ok(TextEncoding { encoding: UTF_16BE, name: "UTF-16 BE" });
            }
            return Err("it holds zero bytes, as binary files do".to_owned());
        }
        let Some(line) = broken else {
            return Ok(TextEncoding { encoding: UTF_8, name: "UTF-8" });
        };
        if self.start.starts_with(&[0xEF, 0xBB, 0xBF]) {
            return Err(format!("it starts as UTF-8 does, but line {line} holds other bytes"));
        }
        if let Some(byte) = self.unassigned {
            return Err(format!(
                "line {line} is not UTF-8, and the byte 0x{byte:02X} is no letter of Latin-1 or Windows-1252"
            ));
        }
        if self.controls > 0 {
            return Err(format!("line {line} is not UTF-8, and it holds control codes, as binary files do"));
        }
        // In the languages of Latin-1 letters beyond ASCII stand alone among others; runs of them
        // are Cyrillic, Greek or East Asian text, or damaged UTF-8.
        if self.high >= 4 && self.high_beside_high * 2 > self.high {
            return Err(format!("line {line} is not UTF-8, and its letters don't read as Latin-1 or Windows-1252"));
        }
        let name = if self.middle > 0 { "Windows-1252" } else { "Latin-1" };
        Ok(TextEncoding { encoding: WINDOWS_1252, name })
    }
}
