//! What lies below a folder that other programs write to: opened from the folder on, so that no link leads out of it,
//! also one that takes the place of a folder while it is opened.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, ErrorKind},
    path::Path,
};

use cap_std::{
    ambient_authority,
    fs::{Dir, Metadata, OpenOptions},
};

/// # Errors
/// Where there is no such folder.
pub(crate) fn folder(root: &Path) -> io::Result<Dir> {
    Dir::open_ambient_dir(root, ambient_authority())
}

/// Opens a file to be read.
///
/// # Errors
/// [`ErrorKind::IsADirectory`] of a folder, [`ErrorKind::NotFound`] of what is neither, [`leads_out`] of a path that
/// goes through a link to elsewhere.
pub(crate) fn file(root: &Dir, relative: &Path) -> io::Result<File> {
    if relative.as_os_str().is_empty() || root.metadata(relative).is_ok_and(|found| found.is_dir()) {
        return Err(ErrorKind::IsADirectory.into());
    }
    let mut options = OpenOptions::new();
    options.read(true);
    // A pipe that took the file's place would be waited for.
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let opened = root.open_with(relative, &options)?.into_std();
    if opened.metadata()?.is_file() { Ok(opened) } else { Err(ErrorKind::NotFound.into()) }
}

/// What a link is one to, if that is a file which lies in the folder: what [`file()`] opens by the link's name.
pub(crate) fn linked(root: &Dir, link: &Path) -> Option<Metadata> {
    // Of a link that leads out, or to nothing, the system's sandbox says no more.
    root.metadata(link).ok().filter(Metadata::is_file)
}

/// Moves what lies at a path of one folder to the same path of another, whose folder is there.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] where something stands there, however lately it came.
pub(crate) fn rename_free(from: &Dir, to: &Dir, path: &Path) -> io::Result<()> {
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
    let folder = |root: &Dir| match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => root.open_dir(parent),
        None => root.try_clone(),
    };
    rename_in(&folder(from)?, &folder(to)?, name)
}

fn rename_in(from: &Dir, to: &Dir, name: &OsStr) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::{fs::RenameFlags, io::Errno};
        match rustix::fs::renameat_with(from, name, to, name, RenameFlags::NOREPLACE) {
            // A file system that can't.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            renamed => return renamed.map_err(io::Error::from),
        }
    }
    rename_by_link(from, to, name)
}

/// A second name of a file replaces nothing; of a folder nothing but an empty one is ever replaced.
fn rename_by_link(from: &Dir, to: &Dir, name: &OsStr) -> io::Result<()> {
    if !from.symlink_metadata(name)?.is_dir() {
        match from.hard_link(name, to, name) {
            Ok(()) => return from.remove_file(name),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(error),
            // A file system without them.
            Err(_) => {}
        }
    }
    if to.symlink_metadata(name).is_ok() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    from.rename(name, to, name)
}

/// The system's number of a path that goes round a loop of links, for which [`ErrorKind`] has no stable word; on Windows, our
/// sandbox's.
#[cfg(unix)]
const ENDLESS: i32 = rustix::io::Errno::LOOP.raw_os_error();
#[cfg(not(unix))]
const ENDLESS: i32 = 1142;

/// Whether an error says that nothing is at a path: also where it goes by a link that leads to itself.
pub(crate) fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) || error.raw_os_error() == Some(ENDLESS)
}

/// Whether an error says that a path leads out of its folder.
pub(crate) fn leads_out(error: &io::Error) -> bool {
    // A refusal of the system's has its number.
    error.kind() == ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

/// Milliseconds since 1970; 0 where the system keeps none.
pub(crate) fn modified_ms(metadata: &Metadata) -> i64 {
    let modified = metadata.modified().ok().map(cap_std::time::SystemTime::into_std);
    let elapsed = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    elapsed.map_or(0, |elapsed| elapsed.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_moved_replaces_nothing() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (from, to) = (folder(one.path()).unwrap(), folder(two.path()).unwrap());
        for rename in [rename_in, rename_by_link] {
            from.create_dir_all("below").unwrap();
            from.write("below/a", "old").unwrap();
            from.write("b", "alone").unwrap();
            to.create_dir_all("below").unwrap();
            to.write("b", "new").unwrap();
            for name in ["below", "b"] {
                let refused = rename(&from, &to, OsStr::new(name)).unwrap_err();
                assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "{name}");
            }
            assert_eq!(to.read_to_string("b").unwrap(), "new");
            to.remove_file("b").unwrap();
            rename(&from, &to, OsStr::new("b")).unwrap();
            assert_eq!(to.read_to_string("b").unwrap(), "alone");
            assert!(!from.exists("b"));
            to.remove_file("b").unwrap();
        }
        rename_free(&from, &to, Path::new("below/a")).unwrap();
        assert_eq!(to.read_to_string("below/a").unwrap(), "old");
        assert!(rename_free(&from, &to, Path::new("below/a")).is_err());
        assert_eq!(to.read_to_string("below/a").unwrap(), "old");
    }
}
