//! Copying what a person names into a folder of theirs: whole or not there, and over nothing.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use api::{ApiError, ErrorCode};
use data::{error::DataError, scan};

use crate::{
    blocking::{Step, Tell},
    halves::Half,
    jobs::cancelled,
    package, project_file, storage,
};

/// Left free on the disk that is copied to.
const KEEP_FREE_BYTES: u64 = 64 * 1024 * 1024;

/// Read and written at once: a copy that is cancelled stops after so much.
const PIECE_BYTES: usize = 4 * 1024 * 1024;

/// What is to be copied into a folder.
pub(crate) struct Copy {
    folder: PathBuf,
    plans: Vec<Plan>,
}

/// One source with what is to be copied of it.
struct Plan {
    destination: PathBuf,
    is_folder: bool,
    files: Vec<scan::TreeFile>,
}

impl Copy {
    /// Files and folders, each by its own name. An error where something is there already, where there is no
    /// room, or where a link leads out of a folder. Only names and sizes are read.
    pub(crate) fn plan(sources: &[PathBuf], folder: &Path) -> anyhow::Result<Self> {
        let mut plans: Vec<Plan> = Vec::new();
        for source in sources {
            let plan = plan(source, folder)?;
            if plans.iter().any(|other| other.destination == plan.destination) {
                bail!(taken(&plan.destination));
            }
            plans.push(plan);
        }
        let copy = Self { folder: folder.to_owned(), plans };
        check_space(folder, copy.size_bytes())?;
        Ok(copy)
    }

    /// As [`Self::plan`], for a folder that becomes a project: one folder gives its entries, but its `slipway.toml`,
    /// which the project gets anew. The data paths that [`data::look::look`] proposes for the same sources lead here.
    pub(crate) fn as_project(sources: &[PathBuf], folder: &Path) -> anyhow::Result<Self> {
        let [source] = sources else { return Self::plan(sources, folder) };
        if !source.is_dir() {
            return Self::plan(sources, folder);
        }
        let mut entries: BTreeMap<PathBuf, Plan> = BTreeMap::new();
        for file in scan::tree(source).map_err(ApiError::from)? {
            let mut parts = file.relative.components();
            let Some(first) = parts.next().filter(|first| first.as_os_str() != project_file::NAME) else { continue };
            let destination = folder.join(first);
            let relative = parts.as_path().to_owned();
            if is_taken(&destination) {
                bail!(taken(&destination));
            }
            let is_folder = !relative.as_os_str().is_empty();
            let plan = entries.entry(destination.clone()).or_insert(Plan { destination, is_folder, files: Vec::new() });
            plan.files.push(scan::TreeFile { relative, ..file });
        }
        let copy = Self { folder: folder.to_owned(), plans: entries.into_values().collect() };
        check_space(folder, copy.size_bytes())?;
        Ok(copy)
    }

    fn size_bytes(&self) -> u64 {
        self.plans.iter().flat_map(|plan| &plan.files).map(|file| file.size_bytes).sum()
    }

    /// Copies; what was copied. All of it is there afterwards, or nothing: it is copied beside its places and
    /// renamed. `halves` has the notes of what is half-written.
    pub(crate) fn make(self, halves: &Path, tell: Tell<'_, Step>) -> anyhow::Result<Vec<PathBuf>> {
        if self.plans.is_empty() {
            return Ok(Vec::new());
        }
        let half = Half::begin(&self.folder, halves)?;
        let copies: Vec<PathBuf> = (0..self.plans.len()).map(|index| half.path().join(index.to_string())).collect();
        let mut copied = Copied { all_bytes: self.size_bytes(), done_bytes: 0, tell };
        for (plan, copy) in self.plans.iter().zip(&copies) {
            write(plan, copy, &mut copied).with_context(|| format!("copy to {}", plan.destination.display()))?;
        }
        let mut placed = Vec::new();
        for (plan, copy) in self.plans.into_iter().zip(&copies) {
            if let Err(error) = place(copy, &plan.destination) {
                remove(&placed);
                return Err(error);
            }
            placed.push(plan.destination);
        }
        Ok(placed)
    }
}

/// How much was copied, and who is told of it.
struct Copied<'a> {
    all_bytes: u64,
    done_bytes: u64,
    tell: Tell<'a, Step>,
}

impl Copied<'_> {
    /// Errs where the copy was cancelled.
    fn add(&mut self, bytes: u64) -> anyhow::Result<()> {
        self.done_bytes += bytes;
        let message = format!("Copies, {} of {}", package::size(self.done_bytes), package::size(self.all_bytes));
        let fraction = self.done_bytes as f64 / self.all_bytes.max(1) as f64;
        if (self.tell)(Step { fraction, message }).is_break() {
            bail!(cancelled());
        }
        Ok(())
    }
}

/// Copies a folder to a place where nothing is yet.
pub(crate) fn copy_tree(source: &Path, destination: &Path, tell: Tell<'_, Step>) -> anyhow::Result<()> {
    let files = scan::tree(source).map_err(ApiError::from)?;
    let mut copied = Copied { all_bytes: files.iter().map(|file| file.size_bytes).sum(), done_bytes: 0, tell };
    write(&Plan { destination: destination.to_owned(), is_folder: true, files }, destination, &mut copied)
}

/// Takes back what was copied, where what it was for failed.
pub(crate) fn remove(copied: &[PathBuf]) {
    for path in copied {
        storage::remove_folder(path);
    }
}

fn plan(source: &Path, folder: &Path) -> anyhow::Result<Plan> {
    let Some(name) = source.file_name() else {
        bail!(
            ApiError::invalid(format!("{} has no name that a copy could have.", source.display()))
                .with_hint("Name the files or folders in it.")
        );
    };
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

fn write(plan: &Plan, copy: &Path, copied: &mut Copied<'_>) -> anyhow::Result<()> {
    if !plan.is_folder {
        for file in &plan.files {
            copy_file(file, copy, copied).with_context(|| format!("copy {}", file.path.display()))?;
        }
        return Ok(());
    }
    fs::create_dir_all(copy)?;
    for file in &plan.files {
        let to = copy.join(&file.relative);
        if let Some(above) = to.parent() {
            fs::create_dir_all(above)?;
        }
        copy_file(file, &to, copied).with_context(|| format!("copy {}", file.path.display()))?;
    }
    Ok(())
}

/// Shares the bytes where the file system can, else copies them piece by piece.
fn copy_file(file: &scan::TreeFile, to: &Path, copied: &mut Copied<'_>) -> anyhow::Result<()> {
    copied.add(0)?;
    if reflink_copy::reflink(&file.path, to).is_ok() {
        return copied.add(file.size_bytes);
    }
    let (mut from, mut into) = (fs::File::open(&file.path)?, fs::File::create(to)?);
    let mut piece = vec![0; PIECE_BYTES.min(file.size_bytes as usize + 1)];
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 {
            break;
        }
        into.write_all(&piece[..read])?;
        copied.add(read as u64)?;
    }
    into.set_permissions(from.metadata()?.permissions())?;
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
pub(crate) fn is_taken(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn taken(destination: &Path) -> ApiError {
    ApiError::new(ErrorCode::Conflict, format!("{} is there already.", destination.display()))
        .with_hint("Rename or remove one of the two.")
}

pub(crate) fn check_space(folder: &Path, needed_bytes: u64) -> anyhow::Result<()> {
    // The folder may be made for the copy. Where the system doesn't say, the copy itself will.
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    let free_bytes = fs4::available_space(there).unwrap_or(u64::MAX);
    if needed_bytes == 0 || free_bytes >= needed_bytes.saturating_add(KEEP_FREE_BYTES) {
        return Ok(());
    }
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    bail!(
        ApiError::new(
            ErrorCode::NoSpace,
            format!(
                "A copy of {:.1} MB does not fit: {:.1} MB are free at {}, and {:.1} MB stay free.",
                megabytes(needed_bytes),
                megabytes(free_bytes),
                folder.display(),
                megabytes(KEEP_FREE_BYTES)
            ),
        )
        .with_hint("Free some space, or choose a folder on another disk.")
    );
}
