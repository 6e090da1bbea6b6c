//! The pages, read from the folder beside the program: the same files that the host serves.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use tauri::utils::assets::{AssetKey, AssetsIter, CspHash};

/// Tauri's context with our pages instead of the embedded ones, which only say that they are missing.
pub(crate) fn context() -> tauri::Context {
    let mut context = tauri::generate_context!();
    if let Some(folder) = folder() {
        context.set_assets(Box::new(Pages { folder }));
    }
    context
}

/// `SLIPWAY_UI`, or `ui` beside the program, or where the installers put it.
fn folder() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned));
    let candidates =
        std::env::var_os("SLIPWAY_UI").map(PathBuf::from).into_iter().chain(beside.into_iter().flat_map(|folder| {
            [folder.join("ui"), folder.join("../share/slipway/ui"), folder.join("../Resources/ui")]
        }));
    candidates.into_iter().find(|folder| folder.join("index.html").is_file())
}

struct Pages {
    folder: PathBuf,
}

impl tauri::Assets<tauri::Wry> for Pages {
    fn get(&self, key: &AssetKey) -> Option<Cow<'_, [u8]>> {
        let relative = key.as_ref().trim_start_matches('/');
        let inside = !relative.split(['/', '\\']).any(|part| part == "..");
        inside.then(|| std::fs::read(self.folder.join(relative)).ok()).flatten().map(Cow::Owned)
    }

    fn iter(&self) -> Box<AssetsIter<'_>> {
        Box::new(std::iter::empty())
    }

    fn csp_hashes(&self, _: &AssetKey) -> Box<dyn Iterator<Item = CspHash<'_>> + '_> {
        Box::new(std::iter::empty())
    }
}
