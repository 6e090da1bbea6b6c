//! The pages: wasm by cargo, bindings by wasm-bindgen as a library, and the assets beside them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::{place, shell};

/// Where the pages go unless told otherwise: beside the programs, as the host expects them.
pub(crate) fn default_out() -> PathBuf {
    place::programs(false).join("ui")
}

/// Builds the pages into `out`. The folder is replaced at the end, so that a running host never
/// serves half of two builds.
pub(crate) fn build(out: &Path, release: bool) -> Result<()> {
    shell::step("The pages", || {
        let profile = if release { "wasm-release" } else { "dev" };
        shell::run(&mut shell::cargo(&[
            "build",
            "--package",
            "ui",
            "--target",
            "wasm32-unknown-unknown",
            "--profile",
            profile,
        ]))?;
        let folder = if release { "wasm-release" } else { "debug" };
        let wasm = place::target().join("wasm32-unknown-unknown").join(folder).join("ui.wasm");
        let fresh = out.with_extension("new");
        let _ = fs::remove_dir_all(&fresh);
        fs::create_dir_all(&fresh)?;
        let mut bindgen = Bindgen::new();
        bindgen
            .input_path(&wasm)
            .out_name("ui")
            .typescript(false)
            .debug(false)
            .keep_debug(false)
            .remove_name_section(release);
        // Debug sections would make a page of a hundred megabytes; panics carry their place all the same.
        bindgen.web(true).context("choose the web target")?;
        bindgen.generate(&fresh).with_context(|| format!("bind {}", wasm.display()))?;
        let ui = place::root().join("ui");
        for file in ["index.html", "boot.js"] {
            fs::copy(ui.join(file), fresh.join(file)).with_context(|| format!("copy ui/{file}"))?;
        }
        copy_folder(&ui.join("src/style"), &fresh.join("style"))?;
        copy_folder(&place::root().join("assets/fonts"), &fresh.join("fonts"))?;
        copy_folder(&place::root().join("assets/icons"), &fresh.join("icons"))?;
        let old = out.with_extension("old");
        let _ = fs::remove_dir_all(&old);
        if out.exists() {
            fs::rename(out, &old)?;
        }
        if let Some(parent) = out.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::rename(&fresh, out)?;
        let _ = fs::remove_dir_all(&old);
        println!("   {}", out.display());
        Ok(())
    })
}

pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
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
