//! Type-checks the workspace for Windows and macOS from Linux.
//!
//! What can be run only there compiles behind `cfg`; this gate keeps it compiling.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context, Result};

use crate::{place, shell};

pub(crate) fn check() -> Result<()> {
    shell::step("Windows", windows)?;
    shell::step("macOS", macos)
}

fn windows() -> Result<()> {
    target("x86_64-pc-windows-gnu")?;
    if !shell::is_there("x86_64-w64-mingw32-gcc") {
        let mut apt = Command::new("apt-get");
        apt.args(["install", "-y", "--no-install-recommends", "gcc-mingw-w64-x86-64", "g++-mingw-w64-x86-64"]);
        shell::run(&mut apt).context("Install the mingw compilers as root, then try again")?;
    }
    shell::run(&mut check_command("x86_64-pc-windows-gnu"))
}

/// C sources of crates are compiled by zig, which carries macOS's libc headers; Cocoa's headers
/// aren't there, so Objective-C files become empty ones. Linking needs Apple's SDK and isn't tried.
fn macos() -> Result<()> {
    const TRIPLE: &str = "aarch64-apple-darwin";
    target(TRIPLE)?;
    let venv = place::cache().join("venvs/zig");
    if !venv.join("bin/python").exists() {
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        shell::run(Command::new(venv.join("bin/pip")).args(["install", "--quiet", "ziglang"]))?;
    }
    let python = venv.join("bin/python");
    let cc = script("cc", &python, "cc")?;
    let cxx = script("c++", &python, "c++")?;
    let ar = venv.join("bin/zig-ar");
    fs::write(&ar, format!("#!/bin/sh\nexec {} -m ziglang ar \"$@\"\n", python.display()))?;
    executable(&ar)?;
    let mut cargo = check_command(TRIPLE);
    let name = TRIPLE.replace('-', "_");
    cargo.env(format!("CC_{name}"), cc).env(format!("CXX_{name}"), cxx).env(format!("AR_{name}"), ar);
    shell::run(&mut cargo)
}

fn target(triple: &str) -> Result<()> {
    shell::run(Command::new("rustup").args(["target", "add", triple]).current_dir(place::root()))
}

fn check_command(triple: &str) -> Command {
    shell::cargo(&["check", "--workspace", "--exclude", "ui", "--exclude", "xtask", "--target", triple])
}

fn script(name: &str, python: &std::path::Path, tool: &str) -> Result<PathBuf> {
    let path = place::cache().join(format!("venvs/zig/bin/zig-{name}"));
    let empty = place::cache().join("venvs/zig/empty.c");
    fs::write(&empty, "")?;
    fs::write(
        &path,
        format!(
            "#!/bin/bash\narguments=()\nfor argument in \"$@\"; do\n  case \"$argument\" in\n    \
             --target=*|-mmacosx-version-min=*|-mmacos-version-min=*) ;;\n    arm64) ;;\n    -arch) ;;\n    \
             *.m|*.mm) arguments+=({empty}) ;;\n    *) arguments+=(\"$argument\") ;;\n  esac\ndone\n\
             exec {python} -m ziglang {tool} -target aarch64-macos \"${{arguments[@]}}\"\n",
            empty = empty.display(),
            python = python.display(),
        ),
    )?;
    executable(&path)?;
    Ok(path)
}

#[cfg(unix)]
fn executable(path: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(Into::into)
}

#[cfg(not(unix))]
fn executable(_: &std::path::Path) -> Result<()> {
    anyhow::bail!("this check runs on Linux")
}
