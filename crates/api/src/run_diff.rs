//! What differs between runs, said once for the window and the command line.

use serde::{Deserialize, Serialize};

use crate::{
    event::Tag,
    id::{ProjectId, RunId, SnapshotId},
};

/// So many runs are laid beside each other at most.
pub const MOST: usize = 100;

/// What stands in a [`DiffRow`] where it was not noted what a run had: that is no difference.
pub const NOT_KNOWN: &str = "not known";

/// The key of the row of [`DiffPart::Data`] that says which snapshot a run had.
pub const SNAPSHOT: &str = "snapshot";

/// Compares 2 to [`MOST`] runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiffRuns {
    pub runs: Vec<RunId>,
    /// What is equal is told too.
    #[serde(default)]
    pub all: bool,
    /// Also what the machine did (`system/…`), which no two runs have the same.
    #[serde(default)]
    pub system: bool,
}

/// Runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunDiff {
    /// As they were asked for.
    pub runs: Vec<DiffedRun>,
    /// By part, then by key.
    pub rows: Vec<DiffRow>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffedRun {
    pub id: RunId,
    pub name: String,
    /// The run below it whose figures and params stand here, of a program without figures of its own
    /// ([`Below`](crate::run_table::Below)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures_of: Option<String>,
    #[serde(default)]
    pub snapshot: Option<DiffedSnapshot>,
    #[serde(default)]
    pub is_deleted: bool,
    /// Its metrics whose last value is that of the model that was kept, where another was logged last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of_kept: Vec<String>,
}

/// The data that a run had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffedSnapshot {
    pub id: SnapshotId,
    pub project: ProjectId,
    /// Within the dataset: the first of another dataset has the same.
    pub number: u32,
    /// Equal of those runs alone that have the same bytes, read in the same way, whatever their projects and numbers are.
    pub data: u32,
}

impl RunDiff {
    /// Whose data differ from those of the run at `beside`, or without one from those of the first run that has any: the
    /// snapshot that they are laid beside, the run, and its own.
    pub fn data_apart(&self, beside: Option<usize>) -> Vec<(&DiffedSnapshot, &DiffedRun, &DiffedSnapshot)> {
        let of = |at: usize| self.runs.get(at).and_then(|run| run.snapshot.as_ref());
        let first = || self.runs.iter().find_map(|run| run.snapshot.as_ref());
        let Some(from) = beside.map_or_else(first, of) else { return Vec::new() };
        let others = self.runs.iter().filter_map(|run| Some((from, run, run.snapshot.as_ref()?)));
        others.filter(|(_, _, to)| to.data != from.data).collect()
    }
}

/// One thing of all runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiffRow {
    pub part: DiffPart,
    pub key: String,
    /// In the order of the runs; `None` where a run has none, the text [`NOT_KNOWN`] where nobody noted its packages
    /// or its machine.
    pub values: Vec<Option<DiffCell>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiffPart {
    Params,
    Environment,
    Code,
    /// Snapshots, and the datasets that clients logged.
    Data,
    Command,
    /// Without those that clients set for themselves (`mlflow.…`).
    Tags,
    /// The last values, without what is about the machine.
    Metrics,
}

/// A value: of metrics a number, else a text. A number that is none (`NaN`, `Infinity`, `-Infinity`) is a text on the
/// wire, and so comes back as one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DiffCell {
    Text(String),
    #[serde(with = "crate::series::float")]
    Number(f64),
}

/// Compares the code of two runs, file by file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffCode {
    pub from: RunId,
    pub to: RunId,
}

/// How the code of one run became that of another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CodeDiff {
    /// From the one run's files to the other's; `None` where they can't be laid beside each other, or where nothing
    /// that is known differs and not everything is known.
    pub between: Option<Patch>,
    /// What each had not committed, where that is not part of `between`.
    pub from_uncommitted: Option<Patch>,
    pub to_uncommitted: Option<Patch>,
    /// Whole sentences: what could not be compared, and why.
    pub remarks: Vec<String>,
}

/// Changes of files, as `git diff` tells them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Patch {
    /// The first of them, in git's order.
    pub files: Vec<FilePatch>,
    /// So many more differ.
    pub more_files: u64,
    /// There was more to read than is ever read: neither the files nor the lines of the last are all.
    #[serde(default)]
    pub is_cut: bool,
}

impl Patch {
    /// The text that `git apply` takes. A file whose lines are not here, for they are no text or too many, is named in a line
    /// before the others, which programs that read patches pass over.
    pub fn unified(&self) -> String {
        let is_told = |file: &&FilePatch| file.text.is_some();
        let missing = self.files.iter().filter(|file| !is_told(file));
        let mut text: String = missing.map(|file| format!("# Not in this patch: {}\n", file.path)).collect();
        if self.more_files > 0 || self.is_cut {
            text.push_str("# More differs than is in this patch.\n");
        }
        self.files.iter().filter(is_told).for_each(|file| text.push_str(&file.unified()));
        text
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePatch {
    /// Below the repository's folder; of a removed file the one that it had.
    pub path: String,
    /// Of a renamed file.
    #[serde(default)]
    pub renamed_from: Option<String>,
    pub change: FileChange,
    /// Lines.
    pub added: u64,
    pub removed: u64,
    /// The hunks, each line with its sign; `None` where it is no text, or where the patch before it is long already.
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub is_binary: bool,
}

impl FilePatch {
    fn unified(&self) -> String {
        let from = self.renamed_from.as_ref().unwrap_or(&self.path);
        let (before, after) = (format!("a/{from}"), format!("b/{}", self.path));
        let about = match self.change {
            FileChange::Added => "new file mode 100644\n".to_owned(),
            FileChange::Removed => "deleted file mode 100644\n".to_owned(),
            FileChange::Renamed => format!("rename from {from}\nrename to {}\n", self.path),
            FileChange::Changed => String::new(),
        };
        let hunks = self.text.as_deref().unwrap_or_default();
        let mut text = format!("diff --git {before} {after}\n{about}");
        if !hunks.is_empty() {
            let none = || "/dev/null".to_owned();
            let before = if self.change == FileChange::Added { none() } else { before };
            let after = if self.change == FileChange::Removed { none() } else { after };
            let end = if hunks.ends_with('\n') { "" } else { "\n" };
            text.push_str(&format!("--- {before}\n+++ {after}\n{hunks}{end}"));
        }
        text
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileChange {
    Added,
    Changed,
    Removed,
    Renamed,
}

crate::requests! { METHODS;
    DiffRuns => "run.diff" -> RunDiff, |me| me.runs.iter().map(|run| Tag::Run(*run)).collect();
    DiffCode => "run.diff_code" -> CodeDiff, |me| vec![Tag::Run(me.from), Tag::Run(me.to)];
}

#[cfg(test)]
mod tests {
    use super::{DiffedRun, DiffedSnapshot, FileChange, FilePatch, Patch, ProjectId, RunDiff, RunId, SnapshotId};

    #[test]
    fn a_patch_is_written_as_git_reads_it() {
        let file = |path: &str, change, text: Option<&str>| FilePatch {
            path: path.to_owned(),
            renamed_from: (change == FileChange::Renamed).then(|| "old.py".to_owned()),
            change,
            added: 1,
            removed: 1,
            text: text.map(str::to_owned),
            is_binary: text.is_none(),
        };
        let files = vec![
            file("train.py", FileChange::Changed, Some("@@ -1 +1 @@\n-a\n+b\n")),
            file("x.png", FileChange::Changed, None),
            file("new.py", FileChange::Added, Some("@@ -0,0 +1 @@\n+b")),
            file("moved.py", FileChange::Renamed, Some("")),
        ];
        assert_eq!(
            Patch { files, more_files: 0, is_cut: false }.unified(),
            "# Not in this patch: x.png\n\
             diff --git a/train.py b/train.py\n--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n-a\n+b\n\
             diff --git a/new.py b/new.py\nnew file mode 100644\n--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+b\n\
             diff --git a/old.py b/moved.py\nrename from old.py\nrename to moved.py\n"
        );
    }

    #[test]
    fn data_are_apart_where_their_content_is() {
        let run = |at: u8, data: Option<u32>| {
            let snapshot = data.map(|data| DiffedSnapshot {
                id: SnapshotId::from_bytes([at; 16]),
                project: ProjectId::from_bytes([at; 16]),
                number: 1,
                data,
            });
            DiffedRun {
                id: RunId::from_bytes([at; 16]),
                name: format!("r{at}"),
                figures_of: None,
                snapshot,
                is_deleted: false,
                of_kept: Vec::new(),
            }
        };
        let runs = vec![run(0, None), run(1, Some(0)), run(2, Some(0)), run(3, Some(1))];
        let diff = RunDiff { runs, rows: Vec::new() };
        let names = |beside| diff.data_apart(beside).iter().map(|apart| apart.1.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names(None), ["r3"]);
        assert_eq!(names(Some(3)), ["r1", "r2"]);
        assert!(names(Some(0)).is_empty(), "a run without data has nothing to lay beside");
    }
}
