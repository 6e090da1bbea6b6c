//! Folders that are read as one log: all logs of one kind below them, and those that come.

use std::{
    cmp::Reverse,
    collections::HashSet,
    path::{Path, PathBuf},
};

use api::source::Kind;
use foreign::Found;

/// Whether several logs can be read as one of their folder.
pub(super) fn is_of_one_kind(logs: &[Found]) -> bool {
    logs.first().is_some_and(|first| first.kind.is_gathered() && logs.iter().all(|log| log.kind == first.kind))
}

/// The folders that can be read as one, each with how many of the logs lie below it: of each kind the innermost that holds
/// all of them. A folder is one source, so that of two kinds with the same the one of more logs has it.
pub(super) fn folders(logs: &[Found]) -> Vec<(Found, u64)> {
    let mut found: Vec<(Found, u64)> = Vec::new();
    for kind in [Kind::TensorBoard, Kind::Wandb, Kind::DvcLive, Kind::Metrics] {
        let paths: Vec<&Path> = logs.iter().filter(|log| log.kind == kind).map(|log| log.path.as_path()).collect();
        if let [_, _, ..] = paths[..]
            && let Some(path) = above(&paths)
            && logs.iter().all(|log| log.path != path)
        {
            found.push((Found { kind, path }, paths.len() as u64));
        }
    }
    found.sort_by_key(|(_, logs)| Reverse(*logs));
    let mut taken = HashSet::new();
    found.retain(|(folder, _)| taken.insert(folder.path.clone()));
    found
}

/// The innermost folder above all of them.
fn above(paths: &[&Path]) -> Option<PathBuf> {
    let mut folder = paths.first()?.parent()?;
    while !paths.iter().all(|path| path.starts_with(folder)) {
        folder = folder.parent()?;
    }
    Some(folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_folder_that_holds_all_logs_of_a_kind_is_one() {
        let log = |kind, path: &str| Found { kind, path: PathBuf::from(path) };
        let csv = |at: u32| log(Kind::Metrics, &format!("/p/lightning_logs/version_{at}/metrics.csv"));
        let logs = [csv(0), csv(1), csv(2), log(Kind::MlflowFiles, "/p/mlruns"), log(Kind::Wandb, "/p/wandb")];
        assert_eq!(folders(&logs), [(log(Kind::Metrics, "/p/lightning_logs"), 3)]);
        assert!(!is_of_one_kind(&logs) && is_of_one_kind(&logs[..3]) && !is_of_one_kind(&logs[3..4]));
        assert_eq!(folders(&logs[2..]), []);
        // One folder is one source: that of more logs, and of as many the first.
        let live = |at: u32| log(Kind::DvcLive, &format!("/p/lightning_logs/live_{at}/dvclive"));
        let both = [csv(0), csv(1), csv(2), live(0), live(1)];
        assert_eq!(folders(&both), [(log(Kind::Metrics, "/p/lightning_logs"), 3)]);
        assert_eq!(folders(&both[1..]), [(log(Kind::DvcLive, "/p/lightning_logs"), 2)]);
    }
}
