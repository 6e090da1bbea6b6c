//! Files in their folders, as the lines of a tree. Only what is open becomes a line, and of a long folder its first
//! entries, so that a run of thousands of files costs no more than what is seen of it.

use std::collections::{BTreeMap, BTreeSet};

use api::run::Artifact;

/// Entries of a folder that are shown at once; each press shows as many more.
pub(super) const PIECE: usize = 200;
/// Folders stand open at first while no more lines than these are shown.
const OPEN_AT_FIRST: usize = 24;

/// A line of the tree; `depth` is how many folders it stands in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Line {
    Folder {
        /// "model/layers".
        path: String,
        name: String,
        depth: usize,
        /// Files in it and in the folders below.
        count: u64,
        size_bytes: u64,
    },
    File {
        /// As it is now.
        file: Artifact,
        /// With its folders where it was found by its words.
        name: String,
        depth: usize,
    },
    /// What of a folder is not shown yet.
    More { folder: String, depth: usize, left: usize },
}

impl Line {
    /// What tells it from others and stays while its figures change, so that who stands on it does, too.
    pub(super) fn key(&self) -> String {
        match self {
            Self::Folder { path, .. } => format!("folder {path}"),
            // Found by its words it is called otherwise than in its folder.
            Self::File { file, name, .. } if *name == file.path => format!("path {name}"),
            Self::File { file, .. } => format!("file {}", file.path),
            Self::More { folder, .. } => format!("more {folder}"),
        }
    }

    /// The files that it stands for.
    pub(super) const fn count(&self) -> u64 {
        match self {
            Self::Folder { count, .. } => *count,
            Self::File { .. } => 1,
            Self::More { left, .. } => *left as u64,
        }
    }

    pub(super) const fn size_bytes(&self) -> u64 {
        match self {
            Self::Folder { size_bytes, .. } => *size_bytes,
            Self::File { file, .. } => file.size_bytes,
            Self::More { .. } => 0,
        }
    }

    pub(super) const fn modified_ms(&self) -> i64 {
        match self {
            Self::File { file, .. } => file.modified_ms,
            Self::Folder { .. } | Self::More { .. } => 0,
        }
    }
}

/// A folder with all that lies in it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Folder {
    folders: BTreeMap<String, Folder>,
    /// Each with its name.
    files: Vec<(String, Artifact)>,
    count: u64,
    size_bytes: u64,
}

impl Folder {
    /// The folder that holds all.
    pub(super) fn of(files: &[Artifact]) -> Self {
        let mut top = Self::default();
        for file in files {
            let (folder, name) = file.path.rsplit_once('/').unwrap_or(("", &file.path));
            let mut now = &mut top;
            now.take(file);
            for part in folder.split('/').filter(|part| !part.is_empty()) {
                now = now.folders.entry(part.to_owned()).or_default();
                now.take(file);
            }
            now.files.push((name.to_owned(), file.clone()));
        }
        top
    }

    fn take(&mut self, file: &Artifact) {
        self.count += 1;
        self.size_bytes += file.size_bytes;
    }

    /// A folder of this one, as its line shows it: where one holds a folder alone, both stand in one line. With the path
    /// of the inner one below this one.
    fn shown<'a>(name: &str, folder: &'a Self) -> (String, &'a Self) {
        let (mut name, mut folder) = (name.to_owned(), folder);
        while let (Some((inner, only)), 1) = (folder.folders.iter().next(), folder.entries()) {
            name = joined(&name, inner);
            folder = only;
        }
        (name, folder)
    }

    fn entries(&self) -> usize {
        self.folders.len() + self.files.len()
    }

    /// The folders that stand open at first: from the top down, while all stays a glance.
    pub(super) fn first_open(&self) -> BTreeSet<String> {
        let mut open = BTreeSet::new();
        let mut lines = self.entries();
        let mut level = vec![(String::new(), self)];
        while !level.is_empty() {
            let mut below = Vec::new();
            for (path, folder) in level {
                for (name, inner) in &folder.folders {
                    let (name, inner) = Self::shown(name, inner);
                    if lines + inner.entries() <= OPEN_AT_FIRST {
                        lines += inner.entries();
                        let path = joined(&path, &name);
                        open.extend(around(&path));
                        below.push((path, inner));
                    }
                }
            }
            level = below;
        }
        open
    }

    /// The lines: folders before files, each by name. `shown` is how many entries of a folder are, where a person asked
    /// for more than [`PIECE`].
    pub(super) fn lines(&self, open: &BTreeSet<String>, shown: &BTreeMap<String, usize>) -> Vec<Line> {
        let mut lines = Vec::new();
        self.level("", 0, open, shown, &mut lines);
        lines
    }

    fn level(
        &self,
        path: &str,
        depth: usize,
        open: &BTreeSet<String>,
        shown: &BTreeMap<String, usize>,
        lines: &mut Vec<Line>,
    ) {
        let most = shown.get(path).copied().unwrap_or(PIECE);
        for (name, folder) in self.folders.iter().take(most) {
            let (name, folder) = Self::shown(name, folder);
            let own = joined(path, &name);
            let (count, size_bytes) = (folder.count, folder.size_bytes);
            let is_open = open.contains(&own);
            lines.push(Line::Folder { path: own.clone(), name, depth, count, size_bytes });
            if is_open {
                folder.level(&own, depth + 1, open, shown, lines);
            }
        }
        let rest = most.saturating_sub(self.folders.len());
        let files = self.files.iter().take(rest);
        lines.extend(files.map(|(name, file)| Line::File { file: file.clone(), name: name.clone(), depth }));
        let left = self.entries().saturating_sub(most);
        if left > 0 {
            lines.push(Line::More { folder: path.to_owned(), depth, left });
        }
    }
}

fn joined(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The folder that a path lies in; empty at the top.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A folder and those around it.
pub(super) fn around(path: &str) -> impl Iterator<Item = String> {
    std::iter::successors(Some(path), |path| path.rsplit_once('/').map(|(folder, _)| folder)).map(str::to_owned)
}

/// The files that have all these words in their path, the first `most` of them as lines.
pub(super) fn found(files: &[Artifact], wanted: &str, most: usize) -> Vec<Line> {
    let wanted = wanted.to_lowercase();
    let wanted: Vec<&str> = wanted.split_whitespace().collect();
    let fits = |file: &Artifact| {
        let path = file.path.to_lowercase();
        wanted.iter().all(|word| path.contains(word))
    };
    let mut fitting = files.iter().filter(|file| fits(file));
    let line = |file: &Artifact| Line::File { file: file.clone(), name: file.path.clone(), depth: 0 };
    let mut lines: Vec<Line> = fitting.by_ref().take(most).map(line).collect();
    let left = fitting.count();
    if left > 0 {
        lines.push(Line::More { folder: String::new(), depth: 0, left });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, size_bytes: u64) -> Artifact {
        Artifact { path: path.to_owned(), size_bytes, modified_ms: 0 }
    }

    fn read(lines: &[Line]) -> Vec<String> {
        let line = |line: &Line| match line {
            Line::Folder { name, depth, count, size_bytes, .. } => {
                format!("{}{name}/ {count} {size_bytes}", "  ".repeat(*depth))
            }
            Line::File { name, depth, .. } => format!("{}{name}", "  ".repeat(*depth)),
            Line::More { left, .. } => format!("+{left}"),
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn files_stand_in_their_folders_which_say_what_is_below_them() {
        let files = [file("model/a.bin", 10), file("model/layers/b.bin", 5), file("z.txt", 1), file("models/c", 2)];
        let top = Folder::of(&files);
        let none = BTreeMap::new();
        assert_eq!(read(&top.lines(&BTreeSet::new(), &none)), ["model/ 2 15", "models/ 1 2", "z.txt"]);
        let open = ["model".to_owned(), "model/layers".to_owned()].into();
        let whole = ["model/ 2 15", "  layers/ 1 5", "    b.bin", "  a.bin", "models/ 1 2", "z.txt"];
        assert_eq!(read(&top.lines(&open, &none)), whole);
        assert_eq!((parent("model/layers/b.bin"), parent("z.txt")), ("model/layers", ""));
    }

    #[test]
    fn few_files_stand_open_at_first_and_many_are_folded() {
        let few = [file("artifacts/plots/a.png", 1), file("artifacts/b.txt", 1)];
        let open = Folder::of(&few).first_open();
        assert_eq!(open.into_iter().collect::<Vec<_>>(), ["artifacts", "artifacts/plots"]);
        let many: Vec<Artifact> = (0..5_000).map(|number| file(&format!("artifacts/all/{number}"), 1)).collect();
        // The one of thousands doesn't open, and it stands in one line with that which holds it alone.
        let top = Folder::of(&many);
        assert!(top.first_open().is_empty());
        assert_eq!(read(&top.lines(&BTreeSet::new(), &BTreeMap::new())), ["artifacts/all/ 5000 5000"]);
    }

    #[test]
    fn folders_that_hold_a_folder_alone_stand_in_one_line() {
        let top = Folder::of(&[file("code/deep/er/train.py", 1), file("z.txt", 1)]);
        let open = top.first_open();
        assert!(open.contains("code/deep/er"), "{open:?}");
        let lines = top.lines(&open, &BTreeMap::new());
        assert_eq!(read(&lines), ["code/deep/er/ 1 1", "  train.py", "z.txt"]);
        // It stays open where another file comes beside it.
        let top = Folder::of(&[file("code/deep/er/train.py", 1), file("code/deep/run.sh", 1)]);
        assert_eq!(
            read(&top.lines(&open, &BTreeMap::new())),
            ["code/deep/ 2 2", "  er/ 1 1", "    train.py", "  run.sh"]
        );
    }

    #[test]
    fn of_a_long_folder_a_piece_is_shown_and_more_when_it_is_asked_for() {
        let many: Vec<Artifact> = (0..1_000).map(|number| file(&format!("all/{number:04}"), 1)).collect();
        let top = Folder::of(&many);
        let open = ["all".to_owned()].into();
        let lines = top.lines(&open, &BTreeMap::new());
        assert_eq!((lines.len(), read(&lines)[PIECE + 1].as_str()), (PIECE + 2, "+800"));
        let lines = top.lines(&open, &[("all".to_owned(), 1_000)].into());
        assert_eq!((lines.len(), read(&lines)[1_000].as_str()), (1_001, "  0999"));
    }

    #[test]
    fn a_line_stays_the_same_while_its_figures_change() {
        let lines = |size_bytes: u64, modified_ms: i64| {
            let files = [Artifact { modified_ms, ..file("model/a.bin", size_bytes) }];
            Folder::of(&files).lines(&["model".to_owned()].into(), &BTreeMap::new())
        };
        let (before, after) = (lines(0, 1), lines(9, 2));
        let keys = |lines: &[Line]| lines.iter().map(Line::key).collect::<Vec<_>>();
        assert_eq!(keys(&before), keys(&after));
        assert_ne!(before, after);
        assert_eq!(
            after.iter().map(|line| (line.size_bytes(), line.modified_ms())).collect::<Vec<_>>(),
            [(9, 0), (9, 2)]
        );
        // Found by its path it is another line than in its folder.
        assert_ne!(found(&[file("model/a.bin", 1)], "a", 9)[0].key(), after[1].key());
    }

    #[test]
    fn files_are_found_by_all_words_of_their_path() {
        let files = [file("Model/conda.yaml", 1), file("model/weights.bin", 1), file("plots/model.png", 1)];
        assert_eq!(read(&found(&files, " model CONDA ", 9)), ["Model/conda.yaml"]);
        assert_eq!(read(&found(&files, "model", 2)), ["Model/conda.yaml", "model/weights.bin", "+1"]);
    }
}
