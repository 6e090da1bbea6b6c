//! Paths that the program was started with: the page opens them as if they had been dropped on it.
//!
//! They wait here until the page asks: it may not be there yet when they come.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use tauri::{AppHandle, Emitter as _, Manager as _, State, Url};

/// What came and was not taken yet.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<Vec<String>>);

/// Keeps the paths among a start's arguments and tells the page that something waits.
pub(crate) fn came(app: &AppHandle, arguments: &[String], directory: &Path) {
    let paths: Vec<String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .map(|argument| path_of(argument, directory).to_string_lossy().into_owned())
        .collect();
    if paths.is_empty() {
        return;
    }
    app.state::<Waiting>().0.lock().unwrap_or_else(PoisonError::into_inner).extend(paths);
    let _ = app.emit("arrived", true);
}

/// A desktop gives paths or `file:` addresses.
fn path_of(argument: &str, directory: &Path) -> PathBuf {
    let address = argument.starts_with("file:").then(|| Url::parse(argument).ok()?.to_file_path().ok()).flatten();
    address.unwrap_or_else(|| directory.join(argument))
}

#[tauri::command]
pub(crate) fn take_arrivals(waiting: State<'_, Waiting>) -> Vec<String> {
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

    #[cfg(unix)]
    #[test]
    fn an_address_of_a_file_is_its_path() {
        assert_eq!(path_of("file:///tmp/my%20data.csv", Path::new("/")), Path::new("/tmp/my data.csv"));
    }
}
