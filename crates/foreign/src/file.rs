//! Files of a log: read whole up to a limit, or on from where they ended last time.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use api::run::RunState;

use crate::{ForeignError, Result, Told};

/// Bytes of a file that is read whole, at most.
pub(crate) const WHOLE: u64 = 16 << 20;
/// Bytes that are read on at once, of which no line has more.
pub(crate) const PIECE: usize = 1 << 20;
/// Bytes at the beginning of what was read, and at its end, by which a file is known to be what it was.
const CHECKED_FIRST: u64 = 4 << 10;
const CHECKED_LAST: u64 = 64 << 10;
/// After so long without a change nobody is taken to be writing any more.
pub(crate) const QUIET: Duration = Duration::from_secs(120);

pub(crate) fn warning(place: &Path, message: impl Into<String>) -> Told {
    Told::Warning { place: place.display().to_string(), message: message.into() }
}

/// Of a file that is not what it was.
pub(crate) fn anew(place: &Path, message: impl Into<String>) -> Told {
    Told::Anew { place: place.display().to_string(), message: message.into() }
}

/// Of a last record that stays cut off.
pub(crate) fn cut(place: &Path, offset: u64) -> Told {
    Told::Warning {
        place: format!("{}, byte {offset}", place.display()),
        message:
            "the last record is cut off: whatever wrote it has ended within it, and the rest is read once it comes"
                .to_owned(),
    }
}

pub(crate) fn failed(path: &Path) -> impl FnOnce(io::Error) -> ForeignError + use<> {
    let path = path.to_owned();
    move |source| ForeignError::File { path, source }
}

/// The same of what is written.
pub(crate) fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> ForeignError + use<> {
    let path = path.to_owned();
    move |source| ForeignError::Unwritable { path, source }
}

/// Of a record that is read again and is not what it was.
pub(crate) fn changed(path: &Path, offset: u64) -> ForeignError {
    ForeignError::NotOne {
        path: path.to_owned(),
        what: "log that still holds this",
        why: format!("what stands at byte {offset} was changed since it was read; read the log again"),
    }
}

/// Whether a file of which a record is read again is one still: a pipe that took its place would hold up whoever
/// opens it.
pub(crate) fn check_still(path: &Path, offset: u64) -> Result<()> {
    if fs::symlink_metadata(path).map_err(failed(path))?.is_file() { Ok(()) } else { Err(changed(path, offset)) }
}

/// The text of a small file.
///
/// # Errors
/// Where it can't be read, is larger than [`WHOLE`], no UTF-8, or no file: to open a pipe would wait for its writer.
pub(crate) fn text(path: &Path) -> io::Result<String> {
    check_file(path)?;
    text_of_file(path)
}

/// Opens a file to be read: a pipe that took the place of one that is followed would hold up its reader for ever.
///
/// # Errors
/// Where it can't be opened, or is no file.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    check_file(path)?;
    File::open(path)
}

fn check_file(path: &Path) -> io::Result<()> {
    let no_file = || io::Error::new(io::ErrorKind::InvalidInput, "it is no file");
    if fs::metadata(path)?.is_file() { Ok(()) } else { Err(no_file()) }
}

/// The same of what is known to be a file.
pub(crate) fn text_of_file(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(WHOLE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > WHOLE {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {} MiB", WHOLE >> 20)));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8 text"))
}

/// A number that stands for what lies before the byte `end`: of its first bytes and its last. `None` where the file
/// ends before it.
pub(crate) fn checksum(path: &Path, end: u64) -> Result<Option<u32>> {
    let checksum = || -> io::Result<Option<u32>> {
        let mut file = open(path)?;
        if file.metadata()?.len() < end {
            return Ok(None);
        }
        let mut hasher = crc32fast::Hasher::new();
        let mut add = |from: u64, to: u64| -> io::Result<()> {
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(from))?;
            (&file).take(to - from).read_to_end(&mut bytes)?;
            hasher.update(&bytes);
            Ok(())
        };
        let first = end.min(CHECKED_FIRST);
        add(0, first)?;
        add(end.saturating_sub(CHECKED_LAST).max(first), end)?;
        Ok(Some(hasher.finalize()))
    };
    checksum().map_err(failed(path))
}

/// What lies behind the byte `offset`, at most as much as is read on at once.
pub(crate) fn rest(path: &Path, offset: u64) -> Result<Vec<u8>> {
    let rest = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut file = open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        file.take(PIECE as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    rest().map_err(failed(path))
}

/// When it was changed last, in milliseconds; 0 where the file system does not say.
pub(crate) fn modified_ms(metadata: &Metadata) -> i64 {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or_default()
}

/// When it was made, in milliseconds, where the file system says it, and never behind its last change: one that was copied
/// or unpacked is made later than what stands in it.
pub(crate) fn made_ms(metadata: &Metadata) -> i64 {
    let since = metadata.created().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let made = since.and_then(|since| i64::try_from(since.as_millis()).ok());
    let modified_ms = modified_ms(metadata);
    made.map_or(modified_ms, |made| made.min(modified_ms))
}

/// How long it is since it changed; `None` where the file system does not say, or says a time to come.
pub(crate) fn unchanged_for(metadata: &Metadata) -> Option<Duration> {
    metadata.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok())
}

/// The state of a run whose log does not say it: running until its file has not changed for so long.
pub(crate) fn state(metadata: &Metadata, quiet: Duration) -> RunState {
    if unchanged_for(metadata).is_some_and(|since| since < quiet) { RunState::Running } else { RunState::Finished }
}

/// Tells whole lines of a file from the byte `offset` on, in pieces, and returns where they ended. The last line
/// counts without its line end only where the file is `complete`. `None`: a line was longer than a piece.
pub(crate) fn lines_from(
    path: &Path,
    offset: u64,
    complete: bool,
    each: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<Option<u64>> {
    let mut file = open(path).map_err(failed(path))?;
    file.seek(SeekFrom::Start(offset)).map_err(failed(path))?;
    let mut piece = vec![0; PIECE];
    let mut held = 0;
    let mut offset = offset;
    loop {
        let read = file.read(&mut piece[held..]).map_err(failed(path))?;
        held += read;
        let end = match piece[..held].iter().rposition(|byte| *byte == b'\n') {
            Some(at) => at + 1,
            None if read == 0 && complete => held,
            None if held == piece.len() => return Ok(None),
            None => 0,
        };
        if end > 0 {
            each(&piece[..end])?;
            piece.copy_within(end..held, 0);
            held -= end;
            offset += end as u64;
        }
        if read == 0 && (end == 0 || held == 0) {
            return Ok(Some(offset));
        }
    }
}
