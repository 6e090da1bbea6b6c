//! The pages with one more script: a copy of their folder, so that what is measured is what is built.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::built;

/// A copy of the pages under `folder` whose document loads `script` before anything else.
pub(crate) fn pages(folder: &Path, script: &str) -> Result<PathBuf> {
    let copy = folder.join("pages");
    copy_folder(&built("SLIPWAY_UI")?, &copy)?;
    fs::write(copy.join("bench.js"), script)?;
    let index = copy.join("index.html");
    let document = fs::read_to_string(&index)?;
    let (head, rest) = document.split_once("<script").context("the pages' document has no script")?;
    fs::write(&index, format!("{head}<script src=\"/bench.js\"></script>\n<script{rest}"))?;
    // The host prefers a compressed copy, which would be the document without our script.
    let _ = fs::remove_file(copy.join("index.html.gz"));
    Ok(copy)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
