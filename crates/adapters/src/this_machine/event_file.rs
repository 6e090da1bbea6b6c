//! What happened to a deployment's process: a line of JSON each in `events.jsonl` of its folder, oldest first.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use api::deploy::DeploymentEvent;

/// Events that are told.
const TOLD: usize = 200;
/// Where the file has more, the older half is forgotten.
const LONGEST_BYTES: u64 = 256 * 1024;

pub(super) struct EventFile {
    path: PathBuf,
}

impl EventFile {
    pub(super) fn new(folder: &Path) -> Self {
        Self { path: folder.join("events.jsonl") }
    }

    /// Newest first.
    pub(super) fn read(&self) -> Vec<DeploymentEvent> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        // A line that a crash cut is left out.
        text.lines().rev().filter_map(|line| serde_json::from_str(line).ok()).take(TOLD).collect()
    }

    /// Enters what happened; the same again at once only counts. What can't be written keeps no process from its work.
    pub(super) fn add(&self, event: DeploymentEvent) {
        if let Err(error) = self.try_add(event) {
            tracing::warn!(%error, file = %self.path.display(), "an event of a deployment can't be written");
        }
    }

    fn try_add(&self, mut event: DeploymentEvent) -> io::Result<()> {
        let mut known = self.read();
        let same = |last: &DeploymentEvent| {
            (&last.object, &last.reason, &last.message) == (&event.object, &event.reason, &event.message)
        };
        let repeats = known.first().is_some_and(same);
        if repeats {
            event.count += known.remove(0).count;
        } else if fs::metadata(&self.path).map_or(0, |file| file.len()) < LONGEST_BYTES {
            let mut file = File::options().create(true).append(true).open(&self.path)?;
            return file.write_all(line(&event)?.as_bytes());
        } else {
            known.truncate(known.len() / 2);
        }
        let lines: io::Result<String> = known.iter().rev().chain([&event]).map(line).collect();
        let lines = lines?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut whole = tempfile::NamedTempFile::new_in(folder)?;
        whole.write_all(lines.as_bytes())?;
        whole.persist(&self.path).map(drop).map_err(|error| error.error)
    }
}

/// With its break before it: a line that a crash cut takes no other with it.
fn line(event: &DeploymentEvent) -> io::Result<String> {
    Ok(format!("\n{}", serde_json::to_string(event)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(message: &str, at_ms: i64) -> DeploymentEvent {
        DeploymentEvent {
            object: "process 1".to_owned(),
            reason: "Started".to_owned(),
            message: message.to_owned(),
            warning: false,
            count: 1,
            at_ms,
        }
    }

    #[test]
    fn events_come_newest_first_and_the_same_again_only_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = EventFile::new(folder.path());
        assert_eq!(file.read(), []);
        for (message, at_ms) in [("one", 1), ("two", 2), ("two", 3)] {
            file.add(event(message, at_ms));
        }
        assert_eq!(file.read(), [DeploymentEvent { count: 2, ..event("two", 3) }, event("one", 1)]);
        let mut half = File::options().append(true).open(folder.path().join("events.jsonl")).unwrap();
        half.write_all(b"\n{\"object\":").unwrap();
        assert_eq!(file.read().len(), 2, "what a crash cut is left out");
        file.add(event("three", 4));
        assert_eq!(file.read()[0].at_ms, 4);
    }

    #[test]
    fn the_file_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let file = EventFile::new(folder.path());
        let long = "x".repeat(10_000);
        for number in 0..100 {
            file.add(event(&format!("{number}{long}"), number));
        }
        let bytes = fs::metadata(folder.path().join("events.jsonl")).unwrap().len();
        assert!(bytes < LONGEST_BYTES * 2, "{bytes}");
        assert_eq!(file.read()[0].at_ms, 99);
    }
}
