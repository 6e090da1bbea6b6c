//! Files for the person, in their folder for downloads: whole or not there, under a name that every system takes, and
//! nothing that is there is replaced. The webviews' own downloads do otherwise on each system, and none says where.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use api::{ApiError, ErrorCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use tauri::{AppHandle, Manager as _};
use tokio::{
    fs::{self, File, OpenOptions},
    io::AsyncWriteExt as _,
};

use crate::connection;

/// Files of one name that are told apart by numbers, at most.
const MOST: u32 = 10_000;
/// Bytes of a name without its ending: systems take 255 in all, and some keep a part of them.
const LONGEST: usize = 120;
const LONGEST_ENDING: usize = 16;

/// Where a file is now.
#[derive(Debug, Serialize)]
pub(crate) struct Saved {
    path: String,
    /// Its name, which may have a number by now.
    name: String,
    /// The folder's name alone, as a person calls it.
    folder: String,
}

/// Saves what a page made: a text, or bytes in base64.
#[tauri::command]
pub(crate) async fn save_file(
    app: AppHandle,
    name: String,
    text: Option<String>,
    encoded: Option<String>,
) -> Result<Saved, ApiError> {
    let bytes = match (text, encoded) {
        (Some(text), _) => text.into_bytes(),
        (None, encoded) => STANDARD
            .decode(encoded.unwrap_or_default())
            .map_err(|error| ApiError::new(ErrorCode::Internal, format!("{name} can't be saved: {error}.")))?,
    };
    let mut half = Half::begin(folder(&app).await?, &name).await?;
    half.write(&bytes).await?;
    half.finish().await
}

/// Saves a file of the host's by the address that pages have of it, however large: piece by piece.
#[tauri::command]
pub(crate) async fn save_from_host(app: AppHandle, name: String, address: String) -> Result<Saved, ApiError> {
    let client = connection::of(&app).client().await?;
    let mut download = client.download(&address).await?;
    let mut half = Half::begin(folder(&app).await?, &name).await?;
    while let Some(part) = download.part().await? {
        half.write(&part).await?;
    }
    half.finish().await
}

/// The person's folder for downloads; where the system names none, or it can't be made, what stands for it at home.
async fn folder(app: &AppHandle) -> Result<PathBuf, ApiError> {
    let (downloads, home) = (app.path().download_dir().ok(), app.path().home_dir().ok());
    if let Some(downloads) = downloads
        && fs::create_dir_all(&downloads).await.is_ok()
    {
        return Ok(downloads);
    }
    let none = || ApiError::new(ErrorCode::Internal, "There is no folder for downloads and no home folder to save in.");
    let home = home.ok_or_else(none)?;
    let usual = home.join("Downloads");
    Ok(if usual.is_dir() { usual } else { home })
}

/// A file on its way: `NAME.part` until it is whole, and gone where it does not become so.
struct Half {
    file: File,
    place: PathBuf,
    folder: PathBuf,
    name: String,
    is_whole: bool,
}

impl Half {
    async fn begin(folder: PathBuf, name: &str) -> Result<Self, ApiError> {
        let name = safe(name);
        let (file, place) = create(&folder, &format!("{name}.part")).await?;
        Ok(Self { file, place, folder, name, is_whole: false })
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), ApiError> {
        self.file.write_all(bytes).await.map_err(|error| unwritable(&self.place, &error))
    }

    async fn finish(mut self) -> Result<Saved, ApiError> {
        self.file.flush().await.map_err(|error| unwritable(&self.place, &error))?;
        // An empty file takes the name, so that renaming replaces ours and nobody else's.
        let (taken, path) = create(&self.folder, &self.name).await?;
        drop(taken);
        if let Err(error) = fs::rename(&self.place, &path).await {
            let _ = fs::remove_file(&path).await;
            return Err(unwritable(&path, &error));
        }
        self.is_whole = true;
        let called = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Saved { name: called(&path), folder: called(&self.folder), path: path.to_string_lossy().into_owned() })
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        if !self.is_whole {
            let _ = std::fs::remove_file(&self.place);
        }
    }
}

/// Makes the first file of a name that is not there: `runs.csv`, `runs (2).csv`, …
async fn create(folder: &Path, name: &str) -> Result<(File, PathBuf), ApiError> {
    let mut at = 1;
    loop {
        let path = folder.join(numbered(name, at));
        match OpenOptions::new().write(true).create_new(true).open(&path).await {
            Ok(file) => return Ok((file, path)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && at < MOST => at += 1,
            Err(error) => return Err(unwritable(&path, &error)),
        }
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> ApiError {
    let code = if error.kind() == ErrorKind::StorageFull { ErrorCode::NoSpace } else { ErrorCode::Internal };
    ApiError::new(code, format!("{} can't be written: {error}.", path.display()))
}

fn numbered(name: &str, at: u32) -> String {
    match name.rsplit_once('.') {
        _ if at == 1 => name.to_owned(),
        Some((stem, ending)) => format!("{stem} ({at}).{ending}"),
        None => format!("{name} ({at})"),
    }
}

/// A name that every system takes. It leads into no other folder, is not hidden, and reads as what it is.
fn safe(name: &str) -> String {
    let plain: String = name.chars().map(|letter| if is_bad(letter) { '_' } else { letter }).collect();
    let plain = plain.trim_matches(|letter: char| letter == '.' || letter.is_whitespace());
    let (stem, ending) = match plain.rsplit_once('.') {
        Some((stem, ending)) if ending.len() <= LONGEST_ENDING => (stem, format!(".{ending}")),
        _ => (plain, String::new()),
    };
    match stem[..stem.floor_char_boundary(LONGEST)].trim_end() {
        "" => "file".to_owned(),
        stem if is_device(stem) => format!("_{stem}{ending}"),
        stem => format!("{stem}{ending}"),
    }
}

fn is_bad(letter: char) -> bool {
    // The latter turn the way of the writing: a name would read as if it had another ending.
    letter.is_control()
        || matches!(letter, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether Windows takes it for a device, whatever its ending is.
fn is_device(stem: &str) -> bool {
    let word = stem.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let port = word.strip_prefix("COM").or_else(|| word.strip_prefix("LPT"));
    ["CON", "PRN", "AUX", "NUL"].contains(&word.as_str())
        || port.is_some_and(|number| matches!(number.as_bytes(), [b'0'..=b'9']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_every_system_takes() {
        for (name, expected) in [
            ("Predicted over actual.svg", "Predicted over actual.svg"),
            ("loss/train: \"raw\".csv", "loss_train_ _raw_.csv"),
            ("../../.bashrc", "_.._.bashrc"),
            ("..", "file"),
            ("", "file"),
            (".env", "env"),
            ("report. ", "report"),
            ("line\nbreak.csv", "line_break.csv"),
            ("gpj\u{202e}.exe", "gpj_.exe"),
            ("con", "_con"),
            ("Com1.tar.gz", "_Com1.tar.gz"),
            ("console.csv", "console.csv"),
            ("Größe 100 %.csv", "Größe 100 %.csv"),
        ] {
            assert_eq!(safe(name), expected, "{name:?}");
        }
        let long = safe(&format!("{}.csv", "ö".repeat(300)));
        assert!(long.len() <= LONGEST + 4 && long.ends_with("ö.csv"), "{long}");
    }

    #[tokio::test]
    async fn a_file_is_whole_or_not_there_and_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        let save = async |bytes: &[u8]| {
            let mut half = Half::begin(folder.path().to_owned(), "runs.csv").await.unwrap();
            half.write(bytes).await.unwrap();
            half.finish().await.unwrap()
        };
        assert_eq!(save(b"first").await.name, "runs.csv");
        let second = save(b"second").await;
        assert_eq!(second.name, "runs (2).csv");
        assert_eq!(std::fs::read(&second.path).unwrap(), b"second");
        assert_eq!(std::fs::read(folder.path().join("runs.csv")).unwrap(), b"first");

        let mut broken = Half::begin(folder.path().to_owned(), "runs.csv").await.unwrap();
        broken.write(b"half").await.unwrap();
        drop(broken);
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        assert_eq!(names, ["runs (2).csv", "runs.csv"]);
    }

    #[tokio::test]
    async fn where_it_can_not_be_written_the_place_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let error = Half::begin(folder.path().join("missing"), "runs.csv").await.map(drop).unwrap_err();
        assert!(error.message.contains("runs.csv") && error.message.contains("missing"), "{error:?}");
    }
}
