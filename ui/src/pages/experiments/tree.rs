//! Experiments in their folders, as the lines of a tree.

use std::collections::{BTreeMap, BTreeSet};

use api::{
    id::ProjectId,
    tracking::{Experiment, NOTE_TAG},
};

use crate::parts::take_table::{Form, TextTable};

/// A line of the tree; `depth` is how many folders it stands in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Line {
    Folder {
        /// "vision/resnet".
        path: String,
        name: String,
        depth: usize,
        /// Experiments in it and in the folders below.
        count: usize,
        is_open: bool,
    },
    One {
        experiment: Box<Experiment>,
        depth: usize,
    },
}

impl Line {
    /// What tells it from others: it stays itself while its figures change, and a folder where it is folded.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Folder { path, .. } => format!("{path}/"),
            Self::One { experiment, depth } => format!("{} {depth} {}", experiment.id, experiment.name),
        }
    }
}

/// Whether an experiment stands in a folder, or in one below it.
pub(super) fn is_in(experiment: &Experiment, folder: &str) -> bool {
    rest(&experiment.folder, folder).is_some()
}

/// The lines: folders before experiments, each by name; what is in a folded folder is left out.
pub(super) fn lines(all: &[Experiment], folded: &BTreeSet<String>) -> Vec<Line> {
    let mut lines = Vec::new();
    level(all, "", 0, folded, &mut lines);
    lines
}

fn level(all: &[Experiment], folder: &str, depth: usize, folded: &BTreeSet<String>, lines: &mut Vec<Line>) {
    let below: BTreeSet<&str> = all
        .iter()
        .filter_map(|one| rest(&one.folder, folder)?.split('/').next())
        .filter(|name| !name.is_empty())
        .collect();
    for name in below {
        let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
        let count = all.iter().filter(|one| rest(&one.folder, &path).is_some()).count();
        let is_open = !folded.contains(&path);
        lines.push(Line::Folder { path: path.clone(), name: name.to_owned(), depth, count, is_open });
        if is_open {
            level(all, &path, depth + 1, folded, lines);
        }
    }
    let mut own: Vec<&Experiment> = all.iter().filter(|one| one.folder == folder).collect();
    own.sort_by_key(|one| one.name.to_lowercase());
    lines.extend(own.into_iter().map(|one| Line::One { experiment: Box::new(one.clone()), depth }));
}

/// What of a folder's path comes behind another that it is or lies in.
fn rest<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    if folder.is_empty() {
        return Some(path);
    }
    let rest = path.strip_prefix(folder)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// The first line of what a person wrote about it.
pub(super) fn note(experiment: &Experiment) -> Option<String> {
    let line = experiment.tags.get(NOTE_TAG)?.lines().find(|line| !line.trim().is_empty())?;
    Some(line.trim().trim_start_matches('#').trim().to_owned())
}

/// A line an experiment, in their order without their folders' lines; programs get the whole note.
pub(super) fn as_text(all: &[Experiment], projects: &BTreeMap<ProjectId, String>, form: Form) -> TextTable {
    let row = |one: &Experiment| {
        let project = one.project.map(|id| projects.get(&id).cloned().unwrap_or_else(|| id.to_string()));
        let told = match form {
            Form::Markdown => note(one),
            Form::Csv => one.tags.get(NOTE_TAG).cloned(),
        };
        [
            one.name.clone(),
            form.text(Some(one.folder.as_str()).filter(|folder| !folder.is_empty())),
            form.text(project.as_deref()),
            one.runs.to_string(),
            form.moment(one.changed_ms()),
            form.text(told.as_deref()),
        ]
    };
    let head = [
        ("Experiment", false),
        ("Folder", false),
        ("Project", false),
        ("Runs", true),
        ("Last change", false),
        ("Note", false),
    ];
    let mut all: Vec<&Experiment> = all.iter().collect();
    all.sort_by_cached_key(|one| (one.folder.clone(), one.name.to_lowercase()));
    TextTable::of(head, all.into_iter().map(row))
}

#[cfg(test)]
mod tests {
    use api::id::ExperimentId;

    use super::*;

    fn experiment(name: &str, folder: &str) -> Experiment {
        Experiment {
            id: ExperimentId::from_bytes([7; 16]),
            number: 1,
            project: None,
            is_own: false,
            name: name.to_owned(),
            folder: folder.to_owned(),
            location: None,
            tags: [(NOTE_TAG.to_owned(), "\n# Wider nets\nmore".to_owned())].into(),
            runs: 0,
            newest_run_ms: None,
            created_ms: 0,
            updated_ms: 0,
            deleted_ms: None,
        }
    }

    #[test]
    fn experiments_are_taken_with_their_folders_and_whole_notes() {
        let project = ProjectId::from_bytes([1; 16]);
        let one = |name: &str, folder: &str| Experiment { updated_ms: 1_795_928_400_000, ..experiment(name, folder) };
        let all = [Experiment { project: Some(project), ..one("b", "") }, one("a", "vision")];
        let names = BTreeMap::from([(project, "fraud".to_owned())]);
        let csv = as_text(&all, &names, Form::Csv);
        assert_eq!(csv.rows[0], ["b", "", "fraud", "0", "2026-11-29T05:00:00Z", "\n# Wider nets\nmore"]);
        assert_eq!(csv.rows[1][..3], ["a", "vision", ""]);
        assert_eq!(as_text(&all, &names, Form::Markdown).rows[1][5], "Wider nets");
        // A run is a change of its experiment, too; where nothing is known nothing is told.
        let all = [Experiment { newest_run_ms: Some(1_795_932_000_000), ..one("a", "") }, experiment("b", "")];
        let changed = as_text(&all, &names, Form::Csv).rows.iter().map(|row| row[4].clone()).collect::<Vec<_>>();
        assert_eq!(changed, ["2026-11-29T06:00:00Z", ""]);
    }

    fn read(lines: &[Line]) -> Vec<String> {
        let line = |line: &Line| match line {
            Line::Folder { name, depth, count, .. } => format!("{}{name}/ {count}", "  ".repeat(*depth)),
            Line::One { experiment, depth } => format!("{}{}", "  ".repeat(*depth), experiment.name),
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn folders_stand_before_experiments_and_can_be_folded() {
        let all = [
            experiment("zebra", ""),
            experiment("Apple", ""),
            experiment("b", "vision/resnet"),
            experiment("a", "vision"),
            experiment("c", "visionary"),
        ];
        let whole = lines(&all, &BTreeSet::new());
        assert_eq!(read(&whole), ["vision/ 2", "  resnet/ 1", "    b", "  a", "visionary/ 1", "  c", "Apple", "zebra"]);
        let folded = lines(&all, &["vision".to_owned()].into());
        assert_eq!(read(&folded), ["vision/ 2", "visionary/ 1", "  c", "Apple", "zebra"]);
        let is_open = |line: &Line| matches!(line, Line::Folder { path, is_open: true, .. } if path == "vision");
        assert!(whole.iter().any(is_open) && !folded.iter().any(is_open));
        assert_eq!(whole[0].key(), folded[0].key());
    }

    #[test]
    fn a_line_stays_itself_while_runs_come_in() {
        let line = |runs, newest_run_ms, depth| {
            let one = Experiment { runs, newest_run_ms, ..experiment("a", "vision") };
            Line::One { experiment: Box::new(one), depth }
        };
        assert_eq!(line(1, None, 1).key(), line(7, Some(5), 1).key());
        assert_ne!(line(1, None, 1).key(), line(1, None, 2).key());
        let folder = |count| lines(&vec![experiment("a", "vision"); count], &BTreeSet::new()).remove(0).key();
        assert_eq!(folder(1), folder(3));
        assert!(is_in(&experiment("a", "vision/resnet"), "vision") && !is_in(&experiment("a", "visionary"), "vision"));
    }

    #[test]
    fn a_note_is_told_by_its_first_line() {
        let one = experiment("resnet-50", "vision");
        assert_eq!(note(&one).as_deref(), Some("Wider nets"));
    }
}
