//! Type-checks the workspace for Windows and macOS from Linux.
//!
//! What can be run only there compiles behind `cfg`; this gate keeps it compiling.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{place, python, shell, system};

pub(crate) fn check() -> Result<()> {
    shell::step("Windows", windows)?;
    shell::step("macOS", macos)
}

fn windows() -> Result<()> {
    target("x86_64-pc-windows-gnu")?;
    system::for_platforms()?;
    shell::run(&mut check_command("x86_64-pc-windows-gnu"))
}

/// C sources of crates are compiled by zig, which carries macOS's libc headers; Cocoa's headers
/// aren't there, so Objective-C files become empty ones. Linking needs Apple's SDK and isn't tried.
fn macos() -> Result<()> {
    const TRIPLE: &str = "aarch64-apple-darwin";
    target(TRIPLE)?;
    let venv = python::venv("zig", &["ziglang"])?;
    let python = python::program(&venv, "python");
    let cc = script(&venv, "cc", &python)?;
    let cxx = script(&venv, "c++", &python)?;
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
    // The pages are for wasm alone.
    shell::cargo(&["check", "--workspace", "--exclude", "ui", "--target", triple])
}

/// A compiler that drops what zig does not know and leaves Objective-C out.
fn script(venv: &Path, tool: &str, python: &Path) -> Result<PathBuf> {
    let path = venv.join(format!("bin/zig-{tool}"));
    let empty = venv.join("empty.c");
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
fn executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(Into::into)
}

#[cfg(not(unix))]
fn executable(_: &Path) -> Result<()> {
    anyhow::bail!("this check runs on Linux")
}
