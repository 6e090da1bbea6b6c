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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_given_path_comes_first_and_the_usual_folders_behind_it_once() {
        let given = std::env::join_paths(["/own/bin", "/usr/bin"]).unwrap();
        let folders: Vec<PathBuf> =
            std::env::split_paths(&search_path(Some(&given), Some(Path::new("/home/one")))).collect();
        assert_eq!(folders[..2], [PathBuf::from("/own/bin"), PathBuf::from("/usr/bin")]);
        assert_eq!(folders.iter().filter(|folder| folder.as_os_str() == "/usr/bin").count(), 1);
        for usual in ["/usr/local/bin", "/opt/homebrew/bin", "/home/one/.local/bin", "/home/one/google-cloud-sdk/bin"] {
            assert!(folders.contains(&PathBuf::from(usual)), "{usual}: {folders:?}");
        }
        // An app that was started without any finds the usual ones all the same.
        let without: Vec<PathBuf> = std::env::split_paths(&search_path(None, None)).collect();
        assert_eq!(without.len(), USUAL_FOLDERS.len());
    }

    #[test]
    fn a_program_is_the_first_file_of_its_name_along_the_path() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = format!("sign-in{}", std::env::consts::EXE_SUFFIX);
        std::fs::create_dir(first.path().join(&name)).unwrap();
        std::fs::write(second.path().join(&name), "").unwrap();
        let path = std::env::join_paths([first.path(), second.path()]).unwrap();
        assert_eq!(find(&path, "sign-in"), Some(second.path().join(&name)), "a folder is no program");
        assert_eq!(find(&path, "another"), None);
    }
}
