//! The pages: wasm by cargo, bindings by wasm-bindgen as a library, and the assets beside them.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::{place, shell, wasm};

/// Where the pages go unless told otherwise: beside the programs, as the host expects them.
pub(crate) fn default_out() -> PathBuf {
    place::programs(false).join("ui")
}

/// The step's title.
pub(crate) const STEP: &str = "The pages";

/// Builds the pages into `out`. The folder is replaced at the end, so that a running host never
/// serves half of two builds.
pub(crate) fn build(out: &Path, release: bool) -> Result<()> {
    shell::step(STEP, || {
        let toolchain = wasm::toolchain()?;
        let (profile, folder) = if release { ("wasm-release", "wasm-release") } else { ("dev", "debug") };
        let arguments = ["build", "--package", "ui", "--target", "wasm32-unknown-unknown", "--profile", profile];
        shell::run(&mut toolchain.cargo(&arguments))?;
        let wasm = toolchain.target().join("wasm32-unknown-unknown").join(folder).join("ui.wasm");
        let made_of = made_of(&wasm)?;
        // Beside the folder, so that installers don't take it along.
        let mark = out.with_extension("made-of");
        if out.is_dir() && fs::read_to_string(&mark).is_ok_and(|before| before == made_of) {
            return Ok(());
        }
        let fresh = out.with_extension("new");
        let _ = fs::remove_dir_all(&fresh);
        fs::create_dir_all(&fresh)?;
        bind(&wasm, &fresh)?;
        for (from, to) in assets() {
            let to = fresh.join(to);
            if from.is_dir() {
                copy_folder(&from, &to)?;
            } else {
                fs::copy(&from, &to).with_context(|| format!("copy {}", from.display()))?;
            }
        }
        replace(&fresh, out)?;
        fs::write(&mark, &made_of)?;
        println!("   {}", out.display());
        Ok(())
    })
}

/// What lies beside the program of the pages, and under which name.
fn assets() -> [(PathBuf, &'static str); 5] {
    let root = place::root();
    [
        (root.join("ui/index.html"), "index.html"),
        (root.join("ui/boot.js"), "boot.js"),
        (root.join("ui/src/style"), "style"),
        (root.join("assets/fonts"), "fonts"),
        (root.join("assets/icons"), "icons"),
    ]
}

fn bind(wasm: &Path, fresh: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    // Debug sections would make a page of a hundred megabytes; panics carry their place all the same.
    bindgen.input_path(wasm).out_name("ui").typescript(false).debug(false).keep_debug(false).remove_name_section(true);
    bindgen.web(true).context("choose the web target")?;
    bindgen.generate(fresh).with_context(|| format!("bind {}", wasm.display()))
}

fn replace(fresh: &Path, out: &Path) -> Result<()> {
    let old = out.with_extension("old");
    let _ = fs::remove_dir_all(&old);
    if out.exists() {
        fs::rename(out, &old)?;
    }
    if let Some(parent) = out.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::rename(fresh, out)?;
    let _ = fs::remove_dir_all(&old);
    Ok(())
}

/// Name, size and time of everything that the pages are made of, xtask included: while that is the
/// same, so are they.
fn made_of(wasm: &Path) -> Result<String> {
    let mut text = String::new();
    let mut files = vec![wasm.to_owned()];
    files.extend(std::env::current_exe());
    files.extend(assets().map(|(path, _)| path));
    while let Some(path) = files.pop() {
        if path.is_dir() {
            let mut inside = fs::read_dir(&path)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
            inside.sort();
            files.extend(inside);
            continue;
        }
        let about = fs::metadata(&path).with_context(|| format!("look at {}", path.display()))?;
        let changed = about.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        writeln!(text, "{} {} {}", path.display(), about.len(), changed.as_nanos())?;
    }
    Ok(text)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_an_asset_changes_what_the_pages_are_made_of() {
        let folder = std::env::temp_dir().join(format!("xtask-pages-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let wasm = folder.join("ui.wasm");
        fs::write(&wasm, "one").unwrap();
        let before = made_of(&wasm).unwrap();
        assert_eq!(before, made_of(&wasm).unwrap());
        fs::write(&wasm, "other").unwrap();
        assert_ne!(before, made_of(&wasm).unwrap());
        fs::remove_file(&wasm).unwrap();
        assert!(made_of(&wasm).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
