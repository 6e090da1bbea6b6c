//! A folder as one log: the logs of one kind below it, looked for at each reading, so that a new one comes with the others.
//! Their runs are named by where they lie, and stand together under the folder's name; those of Weights & Biases, which
//! name themselves, stand as they say.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use api::source::Kind;
use serde::{Deserialize, Serialize};

use crate::{
    ForeignError, Found, Head, Mark, Reader, Result, Sink, Told,
    file::{failed, warning},
    look,
};

/// Reads the logs of one kind below a folder.
pub(crate) struct Gathered {
    kind: Kind,
    folder: PathBuf,
    /// Logs within it that are read by themselves, and folders of them.
    others: Vec<PathBuf>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct GatheredMark {
    /// By the path below the folder.
    logs: BTreeMap<String, Mark>,
}

impl Gathered {
    pub(crate) const fn new(kind: Kind, folder: PathBuf, others: Vec<PathBuf>) -> Self {
        Self { kind, folder, others }
    }

    /// A path below the folder, the same on each system.
    fn below(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.folder).unwrap_or(path);
        let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        parts.join("/")
    }

    /// Calls a run by where its log lies, among those of the folder.
    fn name(&self, head: &mut Head, log: &Path) {
        if self.kind == Kind::Wandb {
            return;
        }
        let is_file = log.is_file();
        // What DVCLive calls its folder says nothing of the run.
        let is_within = is_file || log.ends_with("dvclive");
        let mut name = self.below(log.parent().filter(|_| is_within).unwrap_or(log));
        // Several files of other names may lie in one folder.
        if let Some(stem) = log.file_stem().filter(|stem| is_file && *stem != "metrics") {
            let stem = stem.to_string_lossy();
            name = if name.is_empty() { stem.into_owned() } else { format!("{name}/{stem}") };
        }
        let folder = self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.is_empty() && !folder.is_empty() {
            name.clone_from(&folder);
        }
        if !name.is_empty() {
            head.name = name;
        }
        head.group = folder;
    }

    /// What a log told, with its runs' keys made those of the folder.
    fn within(&self, told: Told, found: &Found) -> Told {
        let log = self.below(&found.path);
        let key = |run: String| format!("{log}/{run}");
        match told {
            Told::Run(mut head) => {
                self.name(&mut head, &found.path);
                head.key = key(head.key);
                Told::Run(head)
            }
            Told::Points { run, key: of, points } => Told::Points { run: key(run), key: of, points },
            Told::Forgotten { run, key: of, place } => Told::Forgotten { run: key(run), key: of, place },
            Told::Media { run, key: of, step, time_ms, media, location } => {
                Told::Media { run: key(run), key: of, step, time_ms, media, location }
            }
            Told::Inputs(mut inputs) => {
                inputs.run = key(inputs.run);
                Told::Inputs(inputs)
            }
            Told::Logged(mut head) => {
                head.run = head.run.map(key);
                Told::Logged(head)
            }
            Told::Model(mut head) => {
                head.versions.iter_mut().for_each(|version| version.run = version.run.take().map(key));
                Told::Model(head)
            }
            Told::Rewound { run, step } => Told::Rewound { run: key(run), step },
            Told::Output { run, text } => Told::Output { run: key(run), text },
            told => told,
        }
    }
}

impl Reader for Gathered {
    fn read(&self, mark: &Mark, sink: &mut Sink<'_>) -> Result<Mark> {
        // A drive that is away holds nothing, and what was read of it stays.
        fs::read_dir(&self.folder).map_err(failed(&self.folder))?;
        let mut all: GatheredMark = mark.place();
        let mut logs = look::of_kind(&self.folder, self.kind);
        logs.retain(|found| !self.others.iter().any(|other| found.path.starts_with(other)));
        if logs.is_empty() && all.logs.is_empty() {
            let tool = self.kind.tool();
            let why = format!("no log of this kind ({tool}) lies below it: what comes is read while it is followed");
            sink(warning(&self.folder, why)).map_err(ForeignError::NotTaken)?;
        }
        for found in logs {
            sink(Told::Still).map_err(ForeignError::NotTaken)?;
            let log = self.below(&found.path);
            let before = all.logs.get(&log).cloned().unwrap_or_default();
            let read = look::open_one(&found).read(&before, &mut |told| match told {
                Told::Checkpoint(mark) => {
                    all.logs.insert(log.clone(), mark);
                    sink(Told::Checkpoint(Mark::of(&all, &self.folder)?))
                }
                told => sink(self.within(told, &found)),
            });
            match read {
                Ok(mark) => drop(all.logs.insert(log, mark)),
                Err(ForeignError::NotTaken(error)) => return Err(ForeignError::NotTaken(error)),
                // It may be written anew just now, or be gone: the others are read all the same.
                Err(error) => {
                    let why = format!("it was left out: {error}");
                    sink(warning(&found.path, why)).map_err(ForeignError::NotTaken)?;
                }
            }
        }
        Mark::of(&all, &self.folder)
    }
}
