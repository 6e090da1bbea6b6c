//! Programs that others brought: sign-in plugins of clouds, Docker's credential helpers.
//!
//! An app that was not started from a shell has a short `PATH`; they are looked for where they are usually
//! installed, too.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// Folders that clouds and package managers install them into.
const USUAL_FOLDERS: [&str; 7] = [
    "/usr/local/bin",
    "/usr/bin",
    "/opt/homebrew/bin",
    "/home/linuxbrew/.linuxbrew/bin",
    "/usr/lib/google-cloud-sdk/bin",
    "/snap/bin",
    "/usr/local/google-cloud-sdk/bin",
];
/// The same below the user's folder.
const USUAL_HOME_FOLDERS: [&str; 6] =
    [".local/bin", "bin", ".krew/bin", "google-cloud-sdk/bin", ".asdf/shims", ".nix-profile/bin"];

/// `path` with the usual folders behind it.
pub(crate) fn search_path(path: Option<&OsStr>, home: Option<&Path>) -> OsString {
    let mut folders: Vec<PathBuf> = path.map(|path| std::env::split_paths(path).collect()).unwrap_or_default();
    let usual = USUAL_FOLDERS.iter().map(PathBuf::from);
    let at_home = home.into_iter().flat_map(|home| USUAL_HOME_FOLDERS.iter().map(move |folder| home.join(folder)));
    for folder in usual.chain(at_home) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    std::env::join_paths(folders).unwrap_or_else(|_| path.unwrap_or_default().to_owned())
}

/// A program by its name, the first along the path.
pub(crate) fn find(path: &OsStr, name: &str) -> Option<PathBuf> {
    std::env::split_paths(path)
        .map(|folder| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
        .find(|file| file.is_file())
}
