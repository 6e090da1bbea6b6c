//! What the program was started with: paths, which the page opens as if they had been dropped on it, and the address
//! of a page of ours (`--page=/r/ID`), to which it goes.
//!
//! They wait here until the page asks: it may not be there yet when they come.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::Serialize;
use tauri::{AppHandle, Emitter as _, Manager as _, State, Url};

const PAGE: &str = "--page=";

/// What came and was not taken yet.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<Arrived>);

#[derive(Default, Serialize)]
pub(crate) struct Arrived {
    paths: Vec<String>,
    /// "/r/0190…"; the newest alone.
    page: Option<String>,
}

/// Keeps what a start's arguments name and tells the page that something waits.
pub(crate) fn came(app: &AppHandle, arguments: &[String], directory: &Path) {
    let paths: Vec<String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .map(|argument| path_of(argument, directory).to_string_lossy().into_owned())
        .collect();
    let page = arguments.iter().rev().find_map(|argument| page_of(argument));
    if paths.is_empty() && page.is_none() {
        return;
    }
    let waiting = app.state::<Waiting>();
    let mut waiting = waiting.0.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.paths.extend(paths);
    waiting.page = page.or(waiting.page.take());
    drop(waiting);
    let _ = app.emit("arrived", true);
}

/// A desktop gives paths or `file:` addresses.
fn path_of(argument: &str, directory: &Path) -> PathBuf {
    let address = argument.starts_with("file:").then(|| Url::parse(argument).ok()?.to_file_path().ok()).flatten();
    address.unwrap_or_else(|| directory.join(argument))
}

/// An address within our pages: what leads elsewhere is none.
fn page_of(argument: &str) -> Option<String> {
    let page = argument.strip_prefix(PAGE)?;
    (page.starts_with('/') && !page.starts_with("//")).then(|| page.to_owned())
}

#[tauri::command]
pub(crate) fn take_arrivals(waiting: State<'_, Waiting>) -> Arrived {
    std::mem::take(&mut *waiting.0.lock().unwrap_or_else(PoisonError::into_inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_from_where_the_program_was_started() {
        let directory = Path::new("/home/ada");
        assert_eq!(path_of("data.csv", directory), Path::new("/home/ada/data.csv"));
        assert_eq!(path_of("/tmp/data.csv", directory), Path::new("/tmp/data.csv"));
    }

    #[test]
    fn a_page_is_one_of_ours() {
        assert_eq!(page_of("--page=/r/7").as_deref(), Some("/r/7"));
        assert!(
            ["--page=//evil.example", "--page=https://evil.example", "/r/7"]
                .iter()
                .all(|other| page_of(other).is_none())
        );
    }

    #[cfg(unix)]
    #[test]
    fn an_address_of_a_file_is_its_path() {
        assert_eq!(path_of("file:///tmp/my%20data.csv", Path::new("/")), Path::new("/tmp/my data.csv"));
    }
}
