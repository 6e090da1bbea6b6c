//! Copying what a person names into a folder of theirs: whole or not there, and over nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use api::{ApiError, ErrorCode};
use data::{error::DataError, scan};

use crate::storage;

/// Left free on the disk that is copied to.
const KEEP_FREE_BYTES: u64 = 64 * 1024 * 1024;

/// One source with what is to be copied of it.
struct Plan {
    destination: PathBuf,
    is_folder: bool,
    files: Vec<scan::TreeFile>,
}

/// Copies files and folders into a folder, each by its own name; what was copied. All of them are there
/// afterwards, or none: they are copied beside their places and renamed. An error where something is there
/// already, where there is no room, or where a link leads out of a folder.
pub(crate) fn copy_into(sources: &[PathBuf], folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut plans: Vec<Plan> = Vec::new();
    for source in sources {
        let plan = plan(source, folder)?;
        if plans.iter().any(|other| other.destination == plan.destination) {
            bail!(taken(&plan.destination));
        }
        plans.push(plan);
    }
    if plans.is_empty() {
        return Ok(Vec::new());
    }
    check_space(folder, plans.iter().flat_map(|plan| &plan.files).map(|file| file.size_bytes).sum())?;
    // A hidden folder is no data, whoever looks meanwhile.
    let half = tempfile::Builder::new()
        .prefix(".half-")
        .tempdir_in(folder)
        .with_context(|| format!("write in {}", folder.display()))?;
    let copies: Vec<PathBuf> = (0..plans.len()).map(|index| half.path().join(index.to_string())).collect();
    for (plan, copy) in plans.iter().zip(&copies) {
        write(plan, copy).with_context(|| format!("copy to {}", plan.destination.display()))?;
    }
    let mut placed = Vec::new();
    for (plan, copy) in plans.into_iter().zip(&copies) {
        if let Err(error) = place(copy, &plan.destination) {
            remove(&placed);
            return Err(error);
        }
        placed.push(plan.destination);
    }
    Ok(placed)
}

/// Copies a folder to a place where nothing is yet.
pub(crate) fn copy_tree(source: &Path, destination: &Path) -> anyhow::Result<()> {
    let files = scan::tree(source).map_err(ApiError::from)?;
    write(&Plan { destination: destination.to_owned(), is_folder: true, files }, destination)
}

/// Takes back what was copied, where what it was for failed.
pub(crate) fn remove(copied: &[PathBuf]) {
    for path in copied {
        storage::remove_folder(path);
    }
}

fn plan(source: &Path, folder: &Path) -> anyhow::Result<Plan> {
    let name = source.file_name().with_context(|| format!("copy {}", source.display()))?;
    let destination = folder.join(name);
    if is_taken(&destination) {
        bail!(taken(&destination));
    }
    let metadata = fs::metadata(source).with_context(|| format!("read {}", source.display()))?;
    let files = if metadata.is_dir() {
        scan::tree(source).map_err(ApiError::from)?
    } else if metadata.is_file() {
        vec![scan::TreeFile { path: source.to_owned(), relative: PathBuf::new(), size_bytes: metadata.len() }]
    } else {
        bail!(ApiError::from(DataError::NotAFile { path: source.to_owned() }));
    };
    Ok(Plan { destination, is_folder: metadata.is_dir(), files })
}

fn write(plan: &Plan, copy: &Path) -> anyhow::Result<()> {
    if !plan.is_folder {
        for file in &plan.files {
            fs::copy(&file.path, copy).with_context(|| format!("copy {}", file.path.display()))?;
        }
        return Ok(());
    }
    fs::create_dir_all(copy)?;
    for file in &plan.files {
        let to = copy.join(&file.relative);
        if let Some(above) = to.parent() {
            fs::create_dir_all(above)?;
        }
        fs::copy(&file.path, &to).with_context(|| format!("copy {}", file.path.display()))?;
    }
    Ok(())
}

fn place(copy: &Path, destination: &Path) -> anyhow::Result<()> {
    // What came there meanwhile stays: a rename would replace a file.
    if is_taken(destination) {
        bail!(taken(destination));
    }
    fs::rename(copy, destination).with_context(|| format!("copy to {}", destination.display()))
}

/// Also where a link leads nowhere.
fn is_taken(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn taken(destination: &Path) -> ApiError {
    ApiError::new(ErrorCode::Conflict, format!("{} is there already.", destination.display()))
        .with_hint("Rename or remove one of the two.")
}

fn check_space(folder: &Path, needed_bytes: u64) -> anyhow::Result<()> {
    // Where the system doesn't say, the copy itself will.
    let free_bytes = fs4::available_space(folder).unwrap_or(u64::MAX);
    if free_bytes >= needed_bytes.saturating_add(KEEP_FREE_BYTES) {
        return Ok(());
    }
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    bail!(
        ApiError::new(
            ErrorCode::NoSpace,
            format!(
                "A copy of {:.1} MB does not fit: {:.1} MB are free at {}.",
                megabytes(needed_bytes),
                megabytes(free_bytes),
                folder.display()
            ),
        )
        .with_hint("Free some space, or open the folder where it lies.")
    );
}
