//! The toolchain of the pages: this Rust with the wasm target, or where rustup can't fetch that,
//! Debian's `rustc-web` with a standard library built from its sources.
//!
//! The sources of Debian's standard library only build with Debian's compiler, so that one then
//! compiles the pages whole. Both sides of wasm-bindgen stay on the locked version either way.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{place, shell, system};

const TARGET: &str = "wasm32-unknown-unknown";
const PACKAGES: &[&str] = &["rustc-web", "cargo-web", "rust-web-src"];
const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
/// `fallback` takes Debian's way even where rustup's is open: how the way is tried on a machine that
/// doesn't need it.
const CHOICE: &str = "XTASK_WASM";

/// What compiles the pages.
pub(crate) enum Wasm {
    Ours,
    Debian(Debian),
}

pub(crate) struct Debian {
    linker: PathBuf,
    sysroot: PathBuf,
}

impl Wasm {
    /// Cargo for the pages.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = shell::cargo(arguments);
        if let Self::Debian(debian) = self {
            debian.set(&mut cargo);
            // Rustc's own names for what it builds hold its version; cargo's folder must be apart all
            // the same, or the two compilers would build each other's pages anew.
            cargo.env("CARGO_TARGET_DIR", self.target());
        }
        cargo
    }

    /// The build folder of the pages.
    pub(crate) fn target(&self) -> PathBuf {
        match self {
            Self::Ours => place::target(),
            Self::Debian(_) => place::target().join("debian-wasm"),
        }
    }

    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::Ours)
    }
}

impl Debian {
    fn set(&self, cargo: &mut Command) {
        let name = TARGET.to_uppercase().replace('-', "_");
        let mut flags = OsString::from("--sysroot ");
        flags.push(&self.sysroot);
        cargo
            .env("RUSTC", RUSTC)
            .env_remove("RUSTUP_TOOLCHAIN")
            .env(format!("CARGO_TARGET_{name}_LINKER"), &self.linker)
            .env(format!("CARGO_TARGET_{name}_RUSTFLAGS"), flags);
    }
}

/// The toolchain, set up where it is not there yet.
pub(crate) fn toolchain() -> Result<Wasm> {
    let forced = std::env::var(CHOICE).is_ok_and(|choice| choice == "fallback");
    let sysroot = own_sysroot()?;
    if !forced {
        if sysroot.join("lib/rustlib").join(TARGET).is_dir() {
            return Ok(Wasm::Ours);
        }
        let mut add = Command::new("rustup");
        add.args(["target", "add", TARGET]).current_dir(place::root());
        if shell::is_there("rustup") && shell::run(&mut add).is_ok() {
            return Ok(Wasm::Ours);
        }
    }
    debian(&sysroot).map(Wasm::Debian).with_context(|| {
        format!(
            "This Rust has no target {TARGET}, and rustup did not add it. Add it (rustup target add {TARGET}), or use \
             Debian 12 or newer, where its packages {} replace it",
            PACKAGES.join(", ")
        )
    })
}

fn own_sysroot() -> Result<PathBuf> {
    let printed = shell::read(Command::new("rustc").args(["--print", "sysroot"]).current_dir(place::root()))?;
    Ok(printed.trim().into())
}

fn debian(own: &Path) -> Result<Debian> {
    if !shell::is_there("apt-get") {
        bail!("This is no Debian system.");
    }
    system::packages(PACKAGES)?;
    let version = shell::read(Command::new(RUSTC).arg("--version"))?;
    let version = version.split(' ').nth(1).context("rustc prints no version")?.to_owned();
    let linker = linker(own)?;
    let sysroot = place::cache().join(format!("wasm-{version}"));
    if !sysroot.join("complete").exists() {
        shell::step("The standard library for wasm, built once (2 min of CPU)", || {
            standard_library(&sysroot, &linker)
        })?;
    }
    Ok(Debian { linker, sysroot })
}

/// The linker of this Rust, else LLVM's from Debian.
fn linker(own: &Path) -> Result<PathBuf> {
    let host = format!("lib/rustlib/{}-unknown-linux-gnu", std::env::consts::ARCH);
    for sysroot in [own, Path::new("/usr")] {
        let linker = sysroot.join(&host).join("bin/rust-lld");
        if linker.is_file() {
            return Ok(linker);
        }
    }
    if !shell::is_there("wasm-ld") {
        system::packages(&["lld"])?;
    }
    ensure!(shell::is_there("wasm-ld"), "There is no linker for wasm: install lld.");
    Ok("wasm-ld".into())
}

/// Builds the standard library as dependencies of an empty crate and lays its parts where rustc looks.
fn standard_library(sysroot: &Path, linker: &Path) -> Result<()> {
    let seed = place::cache().join("wasm-seed");
    fs::create_dir_all(seed.join("src"))?;
    // A workspace of its own: it may lie below another's folder.
    let manifest = "[package]\nname = \"seed\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n";
    fs::write(seed.join("Cargo.toml"), manifest)?;
    fs::write(seed.join("src/lib.rs"), "#![no_std]\n")?;
    let target = seed.join("target");
    let _ = fs::remove_dir_all(&target);
    let mut cargo = Command::new(CARGO);
    cargo
        .args(["build", "--release", "-Z", "build-std=std,panic_abort,proc_macro,test", "--target", TARGET])
        .current_dir(&seed)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTC", RUSTC)
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker)
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "-Cembed-bitcode=yes");
    for name in ["RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO", "CARGO_MANIFEST_DIR"] {
        cargo.env_remove(name);
    }
    shell::run(&mut cargo)?;

    let rustlib = sysroot.join("lib/rustlib");
    let lib = rustlib.join(TARGET).join("lib");
    let _ = fs::remove_dir_all(sysroot);
    fs::create_dir_all(&lib)?;
    let mut parts = 0;
    for entry in fs::read_dir(target.join(TARGET).join("release/deps"))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libseed-") {
            fs::copy(entry.path(), lib.join(&name))?;
            parts += 1;
        }
    }
    ensure!(parts > 0, "the standard library's build left no rlib in {}", target.display());
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    link(&Path::new("/usr/lib/rustlib").join(&host), &rustlib.join(&host))?;
    fs::write(sysroot.join("complete"), "")?;
    let _ = fs::remove_dir_all(&target);
    Ok(())
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> Result<()> {
    std::os::unix::fs::symlink(from, to).with_context(|| format!("link {} to {}", to.display(), from.display()))
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> Result<()> {
    bail!("Debian's way is for Debian")
}
