//! What `git diff` writes, read file by file.

use api::run_diff::{FileChange, FilePatch, Patch};

/// So many files are told.
const MOST_FILES: usize = 200;
/// The hunks of all files together; those of a file that no longer fit are left out, its counts stay.
const MOST_BYTES: usize = 256 << 10;

/// The files of a patch, each with its counts and, as far as there is room, its hunks.
pub(super) fn read(text: &str) -> Patch {
    let mut reading = Reading::default();
    for line in text.split_inclusive('\n') {
        reading.line(line);
    }
    reading.end_file();
    reading.patch
}

/// A patch without the files whose changes are no text: git can't apply what it did not write down. `None` where
/// changes stand in it otherwise than `git diff` tells those of one file: coloured, without its first lines, or as
/// those of a merge.
pub(super) fn without_binary(patch: &[u8]) -> Option<(Vec<u8>, bool)> {
    let starts = |with: &[u8]| {
        let is_start = |at: &usize| patch[*at..].starts_with(with) && (*at == 0 || patch[*at - 1] == b'\n');
        (0..patch.len()).filter(is_start).collect::<Vec<usize>>()
    };
    let merged = ["diff --cc ", "diff --combined "].iter().any(|with| !starts(with.as_bytes()).is_empty());
    let starts = starts(b"diff --git ");
    let before = &patch[..starts.first().copied().unwrap_or(patch.len())];
    let is_told = before.split(|byte| *byte == b'\n').all(|line| match starts.is_empty() {
        true => line.trim_ascii().is_empty(),
        false => !line.starts_with(b"@@"),
    });
    if merged || !is_told {
        return None;
    }
    let ends = starts.iter().skip(1).copied().chain([patch.len()]);
    let (mut kept, mut was_left_out) = (Vec::with_capacity(patch.len()), false);
    for (from, to) in starts.iter().copied().zip(ends) {
        let file = &patch[from..to];
        let is_binary = file.split(|byte| *byte == b'\n').take_while(|line| !line.starts_with(b"@@")).any(is_no_text);
        if is_binary {
            was_left_out = true;
        } else {
            kept.extend_from_slice(file);
        }
    }
    Some((kept, was_left_out))
}

fn is_no_text(line: &[u8]) -> bool {
    line.starts_with(b"Binary files ") || line == b"GIT binary patch"
}

#[derive(Default)]
struct Reading {
    patch: Patch,
    file: Option<FilePatch>,
    /// Lines of the hunk that are still to come, of the earlier file and of the later one. Within a hunk every line is
    /// one of it, whatever it looks like.
    left: (u64, u64),
    bytes: usize,
}

impl Reading {
    fn line(&mut self, line: &str) {
        let is_in_hunk = self.left != (0, 0);
        if is_in_hunk || line.starts_with('\\') {
            self.hunk_line(line);
        } else if let Some(names) = line.strip_prefix("diff --git ") {
            self.end_file();
            self.file = Some(FilePatch {
                path: same_name(names.trim_end_matches(['\n', '\r'])),
                renamed_from: None,
                change: FileChange::Changed,
                added: 0,
                removed: 0,
                text: Some(String::new()),
                is_binary: false,
            });
        } else if line.starts_with("@@ ") {
            self.left = counts(line).unwrap_or_default();
            self.keep(line);
        } else if let Some(file) = &mut self.file {
            header(file, line.trim_end_matches(['\n', '\r']));
        }
    }

    fn hunk_line(&mut self, line: &str) {
        let Some(file) = &mut self.file else { return };
        match line.as_bytes().first() {
            Some(b'+') => {
                file.added += 1;
                self.left.1 = self.left.1.saturating_sub(1);
            }
            Some(b'-') => {
                file.removed += 1;
                self.left.0 = self.left.0.saturating_sub(1);
            }
            Some(b'\\') => {}
            _ => self.left = (self.left.0.saturating_sub(1), self.left.1.saturating_sub(1)),
        }
        self.keep(line);
    }

    fn keep(&mut self, line: &str) {
        let Some(file) = &mut self.file else { return };
        let Some(text) = &mut file.text else { return };
        if self.bytes + text.len() + line.len() > MOST_BYTES {
            file.text = None;
        } else {
            text.push_str(line);
        }
    }

    fn end_file(&mut self) {
        self.left = (0, 0);
        let Some(mut file) = self.file.take() else { return };
        if self.patch.files.len() == MOST_FILES {
            self.patch.more_files += 1;
            return;
        }
        if file.is_binary {
            file.text = None;
        }
        self.bytes += file.text.as_ref().map_or(0, String::len);
        self.patch.files.push(file);
    }
}

/// A line between a file's first one and its hunks.
fn header(file: &mut FilePatch, line: &str) {
    if line.starts_with("new file mode ") {
        file.change = FileChange::Added;
    } else if line.starts_with("deleted file mode ") {
        file.change = FileChange::Removed;
    } else if let Some(from) = line.strip_prefix("rename from ") {
        (file.change, file.renamed_from) = (FileChange::Renamed, Some(unquoted(from).to_owned()));
    } else if let Some(to) = line.strip_prefix("rename to ") {
        unquoted(to).clone_into(&mut file.path);
    } else if let Some(name) = line.strip_prefix("--- ").or_else(|| line.strip_prefix("+++ ")) {
        let name = unquoted(name.trim_end_matches('\t'));
        if let Some(name) = name.strip_prefix("a/").or_else(|| name.strip_prefix("b/")) {
            name.clone_into(&mut file.path);
        }
    } else if is_no_text(line.as_bytes()) {
        file.is_binary = true;
    }
}

/// The name in "a/NAME b/NAME", which alone names a file without hunks.
fn same_name(names: &str) -> String {
    let half = names.get(..names.len() / 2).unwrap_or(names);
    let name = unquoted(half);
    name.strip_prefix("a/").unwrap_or(name).to_owned()
}

/// Git puts names with unusual characters in quotes; what it escapes within them stays so.
fn unquoted(name: &str) -> &str {
    name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name)
}

/// How many lines of the earlier and of the later file a hunk has: "@@ -12,3 +12,4 @@"; one where none are told.
fn counts(line: &str) -> Option<(u64, u64)> {
    let mut sides = line.strip_prefix("@@ ")?.split(' ');
    let mut count = |sign: char| {
        let side = sides.next()?.strip_prefix(sign)?;
        side.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok())
    };
    Some((count('-')?, count('+')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "diff --git a/a file.py b/a file.py\nindex 1..2 100644\n--- a/a file.py\t\n+++ b/a file.py\t\n\
        @@ -1,2 +1,3 @@ def it():\n one\n--- a/no header\n+++ b/no header\n+\n\\ No newline at end of file\n\
        diff --git a/gone.txt b/gone.txt\ndeleted file mode 100644\nindex 1..0\n--- a/gone.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-1\n\
        diff --git a/old b/new\nsimilarity index 100%\nrename from old\nrename to new\n\
        diff --git a/logo.png b/logo.png\nnew file mode 100644\nindex 0..1\nBinary files /dev/null and b/logo.png differ\n\
        diff --git a/run.sh b/run.sh\nold mode 100644\nnew mode 100755\n";

    #[test]
    fn files_are_read_with_their_counts_whatever_their_lines_look_like() {
        let patch = read(PATCH);
        let told: Vec<_> =
            patch.files.iter().map(|file| (file.path.as_str(), file.change, file.added, file.removed)).collect();
        assert_eq!(
            told,
            [
                ("a file.py", FileChange::Changed, 2, 1),
                ("gone.txt", FileChange::Removed, 0, 1),
                ("new", FileChange::Renamed, 0, 0),
                ("logo.png", FileChange::Added, 0, 0),
                ("run.sh", FileChange::Changed, 0, 0),
            ]
        );
        assert_eq!(patch.files[2].renamed_from.as_deref(), Some("old"));
        assert!(patch.files[3].is_binary && patch.files[3].text.is_none());
        let text = patch.files[0].text.as_deref().unwrap();
        assert!(text.starts_with("@@ -1,2 +1,3 @@") && text.ends_with("+\n\\ No newline at end of file\n"), "{text}");
    }

    #[test]
    fn of_many_files_the_first_are_told_and_of_long_ones_the_counts() {
        let file = |at: usize, lines: usize| {
            let body = "+one more line\n".repeat(lines);
            format!("diff --git a/{at} b/{at}\n--- a/{at}\n+++ b/{at}\n@@ -0,0 +1,{lines} @@\n{body}")
        };
        let long = read(&format!("{}{}", file(0, 20_000), file(1, 3)));
        assert_eq!((long.files[0].added, &long.files[0].text), (20_000, &None));
        assert!(long.files[1].text.is_some());
        let many = read(&(0..203).map(|at| file(at, 1)).collect::<String>());
        assert_eq!((many.files.len(), many.more_files), (MOST_FILES, 3));
    }

    #[test]
    fn what_is_no_text_is_left_out_of_what_is_applied() {
        let (kept, was_left_out) = without_binary(PATCH.as_bytes()).unwrap();
        assert!(was_left_out);
        let files: Vec<String> =
            read(&String::from_utf8(kept).unwrap()).files.into_iter().map(|file| file.path).collect();
        assert_eq!(files, ["a file.py", "gone.txt", "new", "run.sh"]);
    }

    #[test]
    fn what_is_not_told_file_by_file_is_no_patch_without_changes() {
        let plain = "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-1\n+2\n";
        let coloured = format!("\u{1b}[1mdiff --git a/a.py b/a.py\u{1b}[m\n{plain}");
        let merged = format!(
            "{PATCH}diff --cc a.py\nindex 1,2..3\n--- a/a.py\n+++ b/a.py\n@@@ -1,1 -1,1 +1,1 @@@\n- 1\n -2\n++3\n"
        );
        for patch in [plain, &coloured, &merged, &format!("{plain}{PATCH}"), "changed"] {
            assert_eq!(without_binary(patch.as_bytes()), None, "{patch}");
        }
        for empty in ["", "\n"] {
            assert_eq!(without_binary(empty.as_bytes()), Some((Vec::new(), false)));
        }
        let unmerged = format!("* Unmerged path a.py\n{PATCH}");
        assert_eq!(without_binary(unmerged.as_bytes()), without_binary(PATCH.as_bytes()));
    }
}
