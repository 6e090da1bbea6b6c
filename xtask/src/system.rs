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
    "dbus-daemon",
    "dunst",
    "openbox",
    "xdotool",
    "haskell-gtk-sni-tray-utils",
    "rox-filer",
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

/// What links the inference server of images (linux/amd64) on a Linux machine of another kind.
pub(crate) const IMAGES: &[&str] = &["gcc-x86-64-linux-gnu", "libc6-dev-amd64-cross"];

/// What `cargo xtask run` needs beyond Rust.
pub(crate) fn for_run() -> Result<()> {
    shell::step("System libraries of the window", || packages(WINDOW))
}

/// What `cargo xtask test` needs beyond that.
pub(crate) fn for_test() -> Result<()> {
    shell::step("Counterparts of the tests", || {
        packages(TEST)?;
        if cfg!(all(target_os = "linux", not(target_arch = "x86_64"))) { packages(IMAGES) } else { Ok(()) }
    })
}

/// Compilers of C for Windows, for the type check from Linux.
pub(crate) fn for_platforms() -> Result<()> {
    packages(&["gcc-mingw-w64-x86-64", "g++-mingw-w64-x86-64", "python3-venv"])
}

/// A package manager that is not asked to install by itself, with its names for Debian's packages.
struct Family {
    program: &'static str,
    install: &'static str,
    /// Debian's name → the names here, or nothing where it has no package; what is in none of the lists is
    /// called the same.
    names: &'static [(&'static str, &'static str)],
}

const FAMILIES: [Family; 4] = [
    Family {
        program: "dnf",
        install: "sudo dnf install -y",
        names: &[
            ("libwebkit2gtk-4.1-dev", "webkit2gtk4.1-devel"),
            ("libayatana-appindicator3-dev", "libayatana-appindicator-gtk3-devel"),
            ("librsvg2-dev", "librsvg2-devel"),
            ("build-essential", "gcc gcc-c++ make"),
            ("pkg-config", "pkgconf-pkg-config"),
            ("xvfb", "xorg-x11-server-Xvfb"),
            ("webkit2gtk-driver", "webkit2gtk4.1"),
            ("chromium-driver", "chromedriver"),
            ("docker-registry", "docker-distribution"),
            ("apache2-utils", "httpd-tools"),
            ("containernetworking-plugins", "containernetworking-plugins"),
            ("etcd-server", "etcd"),
            ("iproute2", "iproute"),
            ("mesa-vulkan-drivers", "mesa-vulkan-drivers"),
            ("python3-venv", "python3"),
            ("haskell-gtk-sni-tray-utils", ""),
        ],
    },
    Family {
        program: "pacman",
        install: "sudo pacman -S --needed",
        names: &[
            ("libwebkit2gtk-4.1-dev", "webkit2gtk-4.1"),
            ("libayatana-appindicator3-dev", "libayatana-appindicator"),
            ("librsvg2-dev", "librsvg"),
            ("build-essential", "base-devel"),
            ("pkg-config", "pkgconf"),
            ("xvfb", "xorg-server-xvfb"),
            ("dbus-daemon", "dbus"),
            ("webkit2gtk-driver", "webkit2gtk-4.1"),
            ("chromium-driver", "chromium"),
            ("docker-registry", "distribution"),
            ("apache2-utils", "apache"),
            ("containernetworking-plugins", "cni-plugins"),
            ("etcd-server", "etcd"),
            ("mesa-vulkan-drivers", "vulkan-swrast"),
            ("python3-venv", "python"),
            ("haskell-gtk-sni-tray-utils", ""),
            ("rox-filer", ""),
        ],
    },
    Family {
        program: "zypper",
        install: "sudo zypper install -y",
        names: &[
            ("libwebkit2gtk-4.1-dev", "webkit2gtk3-devel"),
            ("libayatana-appindicator3-dev", "libayatana-appindicator3-devel"),
            ("librsvg2-dev", "librsvg-devel"),
            ("build-essential", "gcc gcc-c++ make"),
            ("xvfb", "xorg-x11-server-Xvfb"),
            ("dbus-daemon", "dbus-1-daemon"),
            ("webkit2gtk-driver", "webkit2gtk3-minibrowser"),
            ("chromium-driver", "chromedriver"),
            ("docker-registry", "distribution-registry"),
            ("containernetworking-plugins", "cni-plugins"),
            ("etcd-server", "etcd"),
            ("mesa-vulkan-drivers", "libvulkan_lvp"),
            ("python3-venv", "python3"),
            ("haskell-gtk-sni-tray-utils", ""),
            ("rox-filer", ""),
        ],
    },
    Family {
        program: "apk",
        install: "sudo apk add",
        names: &[
            ("libwebkit2gtk-4.1-dev", "webkit2gtk-4.1-dev"),
            ("libayatana-appindicator3-dev", "libayatana-appindicator-dev"),
            ("librsvg2-dev", "librsvg-dev"),
            ("build-essential", "build-base"),
            ("dbus-daemon", "dbus"),
            ("pkg-config", "pkgconf"),
            ("webkit2gtk-driver", "webkit2gtk-4.1"),
            ("chromium-driver", "chromium-chromedriver"),
            ("containernetworking-plugins", "cni-plugins"),
            ("etcd-server", "etcd"),
            ("mesa-vulkan-drivers", "mesa-vulkan-swrast"),
            ("python3-venv", "python3"),
            ("haskell-gtk-sni-tray-utils", ""),
            ("rox-filer", ""),
        ],
    },
];

impl Family {
    /// The line that installs Debian's packages by their names here.
    fn line(&self, wanted: &[&str]) -> String {
        let name = |wanted: &&str| {
            self.names
                .iter()
                .find(|(debian, _)| debian == wanted)
                .map_or((*wanted).to_owned(), |(_, here)| (*here).to_owned())
        };
        let mut names: Vec<String> = wanted.iter().map(name).filter(|name| !name.is_empty()).collect();
        names.dedup();
        format!("{} {}", self.install, names.join(" "))
    }
}

/// Installs what of these is missing, where this system's package manager is known.
pub(crate) fn packages(wanted: &[&str]) -> Result<()> {
    if cfg!(target_os = "macos") || cfg!(windows) {
        println!("   nothing to install on this system");
        return Ok(());
    }
    if !shell::is_there("dpkg-query") {
        // Whether they are there is not asked: each of these systems would need a way of its own.
        match FAMILIES.iter().find(|family| shell::is_there(family.program)) {
            Some(family) => println!("   If something is missing here, this installs it: {}", family.line(wanted)),
            None => {
                println!("   If the build misses a library, install what these are called here: {}", wanted.join(" "))
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_systems_get_the_line_in_their_own_names() {
        assert_eq!(
            FAMILIES[0].line(WINDOW),
            "sudo dnf install -y webkit2gtk4.1-devel libayatana-appindicator-gtk3-devel librsvg2-devel gcc gcc-c++ make \
             pkgconf-pkg-config"
        );
        assert!(FAMILIES[1].line(&["rox-filer", "git"]).ends_with("--needed git"));
    }
}
