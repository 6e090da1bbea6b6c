//! What the machine needs: system libraries, and the programs that tests use as judges.
//!
//! On the Debian family, as root or with sudo, missing packages are installed; elsewhere the exact
//! line to run is printed. Nothing here downloads a prebuilt binary.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// Libraries that the window is built against.
const WINDOW: &[&str] =
    &["libwebkit2gtk-4.1-dev", "libayatana-appindicator3-dev", "librsvg2-dev", "build-essential", "pkg-config"];

/// Judges and counterparts of the tests: browsers, registries, container tools, a control plane's parts.
const TEST: &[&str] = &[
    "xvfb",
    "openbox",
    "xdotool",
    "webkit2gtk-driver",
    "chromium",
    "chromium-driver",
    "docker-registry",
    "apache2-utils",
    "openssl",
    "skopeo",
    "podman",
    "runc",
    "containerd",
    "containernetworking-plugins",
    "etcd-server",
    "iproute2",
    "mesa-vulkan-drivers",
    "python3-venv",
    "git",
];

/// What `cargo xtask run` needs beyond Rust.
pub(crate) fn for_run() -> Result<()> {
    shell::step("System libraries of the window", || packages(WINDOW))
}

/// What `cargo xtask test` needs beyond that.
pub(crate) fn for_test() -> Result<()> {
    shell::step("Counterparts of the tests", || packages(TEST))
}

/// Compilers of C for Windows, for the type check from Linux.
pub(crate) fn for_platforms() -> Result<()> {
    packages(&["gcc-mingw-w64-x86-64", "g++-mingw-w64-x86-64", "python3-venv"])
}

/// Installs what of these is missing, where this system's package manager is known.
pub(crate) fn packages(wanted: &[&str]) -> Result<()> {
    if cfg!(target_os = "macos") || cfg!(windows) {
        println!("   nothing to install on this system");
        return Ok(());
    }
    if !shell::is_there("dpkg-query") {
        println!("   This is not a Debian system. If the build misses a library, install what these are called here:");
        println!("   {}", wanted.join(" "));
        return Ok(());
    }
    let missing: Vec<&str> = wanted.iter().copied().filter(|package| !installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("   missing: {}", missing.join(" "));
    let line = format!("apt-get install -y --no-install-recommends {}", missing.join(" "));
    let mut apt = apt().with_context(|| format!("Run as root: {line}"))?;
    // An old list of packages is the commonest reason for a failed install on a fresh machine.
    if !shell::succeeds(apt.arg("update")) {
        println!("   apt-get update failed; going on with the list that is there");
    }
    let mut install = self::apt()?;
    install.args(["install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]).args(&missing);
    shell::run(&mut install).with_context(|| format!("Run as root, then try again: {line}"))
}

fn installed(package: &str) -> bool {
    shell::read(Command::new("dpkg-query").args(["-W", "-f=${Status}", package]))
        .is_ok_and(|status| status.contains("ok installed"))
}

fn apt() -> Result<Command> {
    let root = shell::read(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let mut command = if root {
        Command::new("apt-get")
    } else if shell::is_there("sudo") {
        let mut sudo = Command::new("sudo");
        sudo.arg("apt-get");
        sudo
    } else {
        bail!("Packages can only be installed as root, and there is no sudo.")
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}
