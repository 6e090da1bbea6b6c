//! The log of a serving process: its newest lines, and what comes after them.

use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

/// How much of a log is read at once.
const AT_ONCE_BYTES: u64 = 256 * 1024;
/// A log that is longer when a process starts begins anew.
pub(super) const LONGEST_BYTES: u64 = 10 << 20;

/// Begins a log anew that is longer than that; what it had stands beside it (`serving.log.1`) until the next time. It
/// is emptied in its place, since the process that runs goes on writing into it.
pub(super) fn shorten(path: &Path, longest_bytes: u64) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(there) if there.len() > longest_bytes => {
            fs::copy(path, path.with_extension("log.1"))?;
            File::options().write(true).open(path)?.set_len(0)
        }
        // Nothing was said yet.
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The newest lines of a file, oldest first.
pub(super) fn tail(path: &Path, lines: usize) -> Vec<String> {
    after(path, None, lines).0
}

/// The lines behind an offset, and the offset behind them; without one, the newest. A line that is still
/// being written comes once it is whole; a log that began anew is read from its beginning.
pub(super) fn after(path: &Path, offset: Option<u64>, lines: usize) -> (Vec<String>, u64) {
    match read(path, offset) {
        Ok((text, end)) => {
            let all: Vec<&str> = text.lines().collect();
            let skipped = if offset.is_none() { all.len().saturating_sub(lines) } else { 0 };
            (all[skipped..].iter().map(|line| (*line).to_owned()).collect(), end)
        }
        // Nothing was said yet.
        Err(_) => (Vec::new(), 0),
    }
}

fn read(path: &Path, offset: Option<u64>) -> io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let start = match offset {
        Some(offset) if offset <= size => offset,
        Some(_) => 0,
        None => size.saturating_sub(AT_ONCE_BYTES),
    };
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(AT_ONCE_BYTES).read_to_end(&mut bytes)?;
    let whole = match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(last) => last + 1,
        // A line longer than what is read at once comes in pieces.
        None if bytes.len() as u64 == AT_ONCE_BYTES => bytes.len(),
        None => 0,
    };
    bytes.truncate(whole);
    Ok((String::from_utf8_lossy(&bytes).into_owned(), start + whole as u64))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn following_gives_each_line_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serving.log");
        assert_eq!(after(&path, None, 2), (Vec::new(), 0), "nothing yet");
        let mut log = File::create(&path).unwrap();
        log.write_all(b"one\ntwo\nthree\nhal").unwrap();
        let (lines, end) = after(&path, None, 2);
        assert_eq!((lines, end), (vec!["two".to_owned(), "three".to_owned()], 14));
        assert_eq!(after(&path, Some(end), 2), (Vec::new(), end));
        log.write_all(b"f\nfive\nsix\n").unwrap();
        let (lines, end) = after(&path, Some(end), 2);
        assert_eq!(lines, ["half", "five", "six"], "what came is never cut");
        // More than is read at once comes in the next answer.
        let long = "x".repeat(1000) + "\n";
        log.write_all(long.repeat(400).as_bytes()).unwrap();
        let (first, middle) = after(&path, Some(end), 2);
        let (second, end) = after(&path, Some(middle), 2);
        assert_eq!((first.len() + second.len(), end), (400, log.metadata().unwrap().len()));
        // Begun anew.
        fs::write(&path, "again\n").unwrap();
        assert_eq!(after(&path, Some(end), 2), (vec!["again".to_owned()], 6));
    }

    #[test]
    fn a_long_log_begins_anew_and_is_followed_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serving.log");
        shorten(&path, 10).unwrap();
        let mut log = File::options().create(true).append(true).open(&path).unwrap();
        log.write_all(b"one\ntwo\n").unwrap();
        shorten(&path, 10).unwrap();
        let (lines, end) = after(&path, None, 9);
        assert_eq!((lines.len(), end), (2, 8), "it is short yet");
        log.write_all(b"three\n").unwrap();
        shorten(&path, 10).unwrap();
        // The process that runs writes on.
        log.write_all(b"four\n").unwrap();
        assert_eq!(after(&path, Some(end), 9), (vec!["four".to_owned()], 5));
        assert_eq!(fs::read_to_string(path.with_extension("log.1")).unwrap(), "one\ntwo\nthree\n");
    }
}
