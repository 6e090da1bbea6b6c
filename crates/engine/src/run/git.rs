//! The program `git`, asked to read: without locks, hooks, drivers of the user's for diffs, or the network, and so that
//! its answer is the same whatever the user has set.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::io::AsyncReadExt as _;

/// It is given up after this long: a repository on a slow disk must not hold what waits for it.
const PATIENCE: Duration = Duration::from_secs(20);
/// A line of its that names something.
pub(super) const LINE_BYTES: usize = 16 << 10;

/// Where we were started from within a hook of git's, these would name that repository; the last two change how diffs
/// are written, whatever its command says.
const UNSET: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_DIFF_OPTS",
    "GIT_EXTERNAL_DIFF",
];

/// What it said, up to the limit.
pub(super) struct Said {
    pub(super) bytes: Vec<u8>,
    /// There was more.
    pub(super) is_cut: bool,
}

impl Said {
    pub(super) fn line(&self) -> String {
        String::from_utf8_lossy(&self.bytes).trim().to_owned()
    }
}

/// Runs it on a folder; `None` where it is not there, refuses, or takes too long.
pub(super) async fn ask(
    folder: &Path,
    variables: &[(&str, &Path)],
    arguments: &[&str],
    most_bytes: usize,
) -> Option<Said> {
    let mut command = tokio::process::Command::new("git");
    for name in UNSET {
        command.env_remove(name);
    }
    command
        .arg("--no-optional-locks")
        // Writing an index, of ours too, would run one. Git's own word for none, on Windows as well.
        .args(["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"])
        .args(["-c", "core.quotePath=false", "-c", "diff.relative=false", "-c", "diff.suppressBlankEmpty=false"])
        // Without this file nothing that compares would answer.
        .args(["-c", "diff.orderFile=/dev/null"])
        .arg("-C")
        .arg(folder)
        .args(arguments)
        // What a partial clone has not fetched is not fetched for us.
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let heard = async {
        let mut child = command.spawn().ok()?;
        let mut stdout = child.stdout.take()?;
        let mut bytes = Vec::new();
        (&mut stdout).take(most_bytes as u64 + 1).read_to_end(&mut bytes).await.ok()?;
        if bytes.len() > most_bytes {
            bytes.truncate(most_bytes);
            return Some(Said { bytes, is_cut: true });
        }
        child.wait().await.ok()?.success().then_some(Said { bytes, is_cut: false })
    };
    tokio::time::timeout(PATIENCE, heard).await.ok().flatten()
}

/// How a diff is asked for, so that it is the same whatever the user has set.
pub(super) const DIFF: [&str; 15] = [
    "diff",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--ignore-submodules=dirty",
    "--submodule=short",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--find-renames",
    "-l1000",
    "--unified=3",
    "--inter-hunk-context=0",
    "--diff-algorithm=myers",
    "--indent-heuristic",
    "--full-index",
];
