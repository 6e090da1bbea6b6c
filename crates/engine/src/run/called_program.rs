//! Whether a program is there, before a run is entered for it: a run of what was mistyped would only be in the way.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf, is_separator},
};

use api::ApiError;

/// What a program's file may be called beside its name.
#[cfg(not(windows))]
const ENDINGS: [&str; 1] = [""];
#[cfg(windows)]
const ENDINGS: [&str; 2] = ["", ".exe"];

/// Refuses a command whose program the system could not start: looked for as it does itself, in the folders of `path`,
/// or from `directory` on where the name has folders of its own. Without a `path` the system has places that we don't
/// know, and nothing is refused.
pub fn check(command: &[String], directory: &Path, path: Option<&OsStr>) -> Result<(), ApiError> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    if program.trim().is_empty() {
        return Err(none_named());
    }
    let has_folders = program.contains(is_separator);
    let places: Vec<PathBuf> = match path {
        _ if has_folders => vec![directory.to_owned()],
        Some(path) => std::env::split_paths(path).map(|place| directory.join(place)).collect(),
        None => return Ok(()),
    };
    let files = places.iter().flat_map(|place| ENDINGS.map(|ending| place.join(format!("{program}{ending}"))));
    let there: Vec<PathBuf> = files.filter(|file| file.is_file()).collect();
    if there.iter().any(|file| is_executable(file)) {
        return Ok(());
    }
    if let Some(file) = there.first() {
        let error = ApiError::invalid(format!("Can't run {program}: {} is not executable.", file.display()));
        return Err(error.with_hint("Name the program that runs it, as in `python train.py`, or `chmod +x` the file."));
    }
    let error = ApiError::not_found(match has_folders {
        true if directory.join(program).is_dir() => format!("Can't run {program}: it is a folder."),
        true => format!("Can't run {program}: from {} there is no such file.", directory.display()),
        false => format!("Can't run {program}: it is in no folder of PATH."),
    });
    Err(error.with_hint(if arguments.is_empty() && program.contains(char::is_whitespace) {
        "Drop the quotes: as one word it is the name of one file."
    } else if !has_folders && directory.join(program).is_file() {
        "A file of this name is in this folder: name it with `./` before it, or the program that runs it, as in `python train.py`."
    } else {
        "Check the name, or give its full path."
    }))
}

/// What is said of a command without a program.
pub(crate) fn none_named() -> ApiError {
    ApiError::invalid("No program is named.").with_hint("For example: `python train.py`.")
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    // What can't be asked is the system's to refuse.
    file.metadata().is_ok_and(|file| file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_file: &Path) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_program_is_found_as_the_system_finds_it_and_else_the_way_out_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let (directory, tools) = (folder.path().join("work"), folder.path().join("tools"));
        for (file, mode) in [("work/train.py", 0o644), ("tools/python", 0o755), ("work/bin/own", 0o755)] {
            let file = folder.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, "").unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let check = |words: &[&str], expect: Option<&str>| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let refused = check(&words, &directory, Some(tools.as_os_str())).err();
            let told = refused.map(|error| format!("{} {}", error.message, error.hint.unwrap_or_default()));
            match (told, expect) {
                (None, None) => {}
                (Some(told), Some(expect)) => assert!(told.contains(expect), "{words:?}: {told}"),
                other => panic!("{words:?}: {other:?}"),
            }
        };
        check(&["python", "train.py"], None);
        check(&["bin/own"], None);
        check(&["../tools/python"], None);
        check(&["pyton", "train.py"], Some("it is in no folder of PATH. Check the name"));
        check(&["python train.py"], Some("Drop the quotes"));
        check(&["train.py"], Some("name it with `./` before it"));
        check(&["./train.py"], Some("is not executable. Name the program that runs it"));
        check(&["./trian.py"], Some("there is no such file"));
        check(&["../tools"], Some("it is a folder. Check the name"));
        check(&["", "train.py"], Some("No program is named."));
        let unknown = ["nothing".to_owned()];
        assert!(super::check(&unknown, &directory, None).is_ok(), "the system has places of its own");
    }
}
