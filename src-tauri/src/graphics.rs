//! WebKitGTK's DMABUF renderer shows blank or slow windows with NVIDIA's driver: it is turned off
//! there, before any thread starts.

/// Starts this program again with the workaround set, where it is needed.
#[cfg(target_os = "linux")]
pub(crate) fn work_around_drivers() {
    use std::os::unix::process::CommandExt as _;

    const VARIABLE: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";
    let nvidia = std::path::Path::new("/proc/driver/nvidia/version").exists();
    if !nvidia || std::env::var_os(VARIABLE).is_some() {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        // Only returns where it fails; then the window is tried without the workaround.
        let _ = std::process::Command::new(program).args(std::env::args_os().skip(1)).env(VARIABLE, "1").exec();
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn work_around_drivers() {}
