//! What lies below a folder that other programs write to: opened from the folder on, so that no link leads out of it,
//! also one that takes the place of a folder while it is opened.

use std::{
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
