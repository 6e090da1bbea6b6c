//! The bars of a release build: how soon the window shows its projects, what an idle host holds,
//! how fast every page is answered with 10,000 runs, how long an image takes.
//!
//! `cargo xtask bench release` builds the programs and starts this one with their places in the
//! environment. Words after it choose parts: `start memory pages image`. A bar that was missed ends
//! the program with an error; where the machine was too busy to judge a time, its code is 3.

mod figure;
mod filled;
mod image;
mod memory;
mod pages;
mod start;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use figure::Figures;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    if let Some(stranger) = chosen.iter().find(|name| !PARTS.contains(&name.as_str())) {
        bail!("\"{stranger}\" is no part of this bench. There are: {}.", PARTS.join(", "));
    }
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|one| one == name);
    let mut figures = Figures::default();
    if wanted("memory") {
        memory::measure(&mut figures).await?;
    }
    if wanted("start") {
        start::measure(&mut figures).await?;
    }
    if wanted("image") {
        image::measure(&mut figures).await?;
    }
    if wanted("pages") {
        pages::measure(&mut figures).await?;
    }
    figures.print();
    figures.judge()
}

const PARTS: [&str; 4] = ["start", "memory", "pages", "image"];

/// A built program or folder, by the variable that names it.
fn built(variable: &str) -> Result<PathBuf> {
    let path = std::env::var_os(variable)
        .map(PathBuf::from)
        .with_context(|| format!("{variable} is not set: start this by `cargo xtask bench release`"))?;
    anyhow::ensure!(path.exists(), "{variable} names {}, which is not there", path.display());
    Ok(path)
}
