//! Where our other programs and assets lie: named by a variable, beside this program, or where an
//! installation keeps them.

use std::path::{Path, PathBuf};

use engine::WorkerProgram;

/// The builds of the worker, best first.
const WORKERS: [(&str, &str); 3] =
    [("cuda", "slipway-worker-cuda"), ("metal", "slipway-worker-metal"), ("cpu", "slipway-worker")];

/// This program's own path.
pub(crate) fn own_program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("slipway"))
}

fn own_folder() -> PathBuf {
    own_program().parent().unwrap_or(Path::new(".")).to_path_buf()
}

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// A program beside ours, or in an installation's folder for what nobody calls by hand.
fn program(name: &str) -> Option<PathBuf> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let folder = own_folder();
    [folder.join(&file), folder.join("../lib/slipway").join(&file)].into_iter().find(|place| place.is_file())
}

/// A folder beside ours, or in an installation's share.
fn folder(variable: &str, name: &str) -> Option<PathBuf> {
    let own = own_folder();
    let places = [own.join(name), own.join("../share/slipway").join(name), own.join("../Resources").join(name)];
    named(variable).or_else(|| places.into_iter().find(|place| place.is_dir()))
}

/// The workers. `SLIPWAY_WORKER` names one or several programs instead, separated as in PATH.
pub(crate) fn workers() -> Vec<WorkerProgram> {
    if let Some(list) = named("SLIPWAY_WORKER") {
        let backend = |path: &Path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            ["cuda", "metal"].into_iter().find(|backend| name.contains(backend)).unwrap_or("cpu").to_owned()
        };
        return std::env::split_paths(&list).map(|path| WorkerProgram { backend: backend(&path), path }).collect();
    }
    let found = WORKERS.iter().filter_map(|(backend, name)| Some(((*backend).to_owned(), program(name)?)));
    found.map(|(backend, path)| WorkerProgram { backend, path }).collect()
}

/// The sample projects that the program brings along.
pub(crate) fn samples() -> Option<PathBuf> {
    folder("SLIPWAY_SAMPLES", "sample-projects")
}

/// The pages.
pub(crate) fn pages() -> Option<PathBuf> {
    folder("SLIPWAY_UI", "ui")
}

/// The window's program, where there is one and a display to show it on.
pub(crate) fn window() -> Option<PathBuf> {
    let display = !cfg!(target_os = "linux") || named("DISPLAY").or_else(|| named("WAYLAND_DISPLAY")).is_some();
    display.then(|| named("SLIPWAY_DESKTOP").or_else(|| program("slipway-desktop"))).flatten()
}

/// The user's documents folder, where opened samples go.
pub(crate) fn documents() -> Option<PathBuf> {
    let user = directories::UserDirs::new()?;
    // Without a configured one (a server), the home folder's own.
    Some(user.document_dir().map_or_else(|| user.home_dir().join("Documents"), Path::to_path_buf))
}
