//! The gates: fmt, clippy, tidy, docs, deny.

use std::process::Command;

use anyhow::Result;

use crate::{place, shell, tidy, wasm};

/// Packages that are built for this machine in one call; the others have features or targets of
/// their own.
pub(crate) const HOST: &[&str] = &[
    "unison", "api", "store", "client", "data", "charts", "foreign", "tune", "meter", "engine", "adapters", "server",
    "cli", "journeys",
];
/// Built apart from the host, so that their features never reach it.
pub(crate) const APART: &[&[&str]] = &[&["infer", "learn", "gpu", "worker", "serving"]];

pub(crate) fn all() -> Result<()> {
    shell::step("fmt", || shell::run(&mut shell::cargo(&["fmt", "--all", "--check"])))?;
    shell::step("tidy", tidy::check)?;
    clippy()?;
    docs()?;
    deny()
}

fn clippy() -> Result<()> {
    let clippy = |packages: &[&str], more: &[&str]| {
        let mut cargo = shell::cargo(&["clippy", "--all-targets"]);
        for package in packages {
            cargo.args(["--package", package]);
        }
        cargo.args(more).args(["--", "--deny", "warnings"]);
        shell::run(&mut cargo)
    };
    shell::step("clippy: host", || clippy(HOST, &[]))?;
    for packages in APART {
        shell::step("clippy: worker and serving", || clippy(packages, &[]))?;
    }
    shell::step("clippy: window", || clippy(&["slipway-desktop", "xtask"], &["--features", "tauri/custom-protocol"]))?;
    let toolchain = wasm::toolchain()?;
    if !toolchain.is_ours() {
        println!("\nclippy: pages is skipped: another compiler than clippy's builds them here");
        return Ok(());
    }
    shell::step("clippy: pages", || {
        let arguments = ["clippy", "--package", "ui", "--target", "wasm32-unknown-unknown", "--", "--deny", "warnings"];
        shell::run(&mut toolchain.cargo(&arguments))
    })
}

fn docs() -> Result<()> {
    shell::step("docs", || {
        // The command line alone: its program has the name of a page of the others.
        let host: Vec<&str> = HOST.iter().copied().filter(|package| *package != "cli").collect();
        for packages in [&host[..], APART[0], &["slipway-desktop", "xtask"]] {
            shell::run(&mut doc(shell::cargo(&["doc"]), packages))?;
        }
        shell::run(&mut doc(shell::cargo(&["doc"]), &["cli"]))?;
        let toolchain = wasm::toolchain()?;
        shell::run(&mut doc(toolchain.cargo(&["doc", "--target", "wasm32-unknown-unknown"]), &["ui"]))
    })
}

fn doc(mut cargo: Command, packages: &[&str]) -> Command {
    cargo.args(["--no-deps", "--document-private-items"]);
    for package in packages {
        cargo.args(["--package", package]);
    }
    cargo.env("RUSTDOCFLAGS", "--deny warnings --allow rustdoc::private_intra_doc_links");
    cargo
}

/// cargo-deny for bans, licences and sources; built once into the cache, from the registry.
fn deny() -> Result<()> {
    shell::step("deny", || {
        let tools = place::cache().join("tools");
        let program = place::program(&tools.join("bin"), "cargo-deny");
        if !program.exists() {
            println!("   building cargo-deny once");
            let mut install = Command::new("cargo");
            install
                .args(["install", "--debug", "--locked", "--quiet", "cargo-deny", "--version", CARGO_DENY, "--root"])
                .arg(&tools);
            install
                .env("CARGO_TARGET_DIR", place::cache().join("tools-target"))
                .env("CARGO_PROFILE_DEV_DEBUG", "false");
            shell::run(&mut install)?;
        }
        shell::run(Command::new(program).args(["check", "bans", "licenses", "sources"]).current_dir(place::root()))
    })
}

const CARGO_DENY: &str = "0.20.2";
