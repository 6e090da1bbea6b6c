//! Which keys a file store can hold: MLflow keeps each as a file, and the parts before its last as folders.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
    path::Path,
};

/// Bytes that file systems keep of one name.
pub(super) const LONGEST_PART: usize = 255;
/// Bytes of a whole key, so that its path is one that systems open.
const LONGEST: usize = 2_000;
/// Characters of a key that are said.
const SAID: usize = 80;
/// What Windows takes for a device, whatever stands behind a dot; `COM` and `LPT` with a digit, too.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// What the disk that a store is written to tells apart, and takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Disk {
    /// `Loss` and `loss` are one file, as they mostly are on macOS and on Windows.
    knows_no_case: bool,
    /// Names of files are those that Windows knows.
    is_windows: bool,
    /// Bytes of a whole path that the system opens.
    longest_path: usize,
}

impl Disk {
    /// The disk of a store, of which a file is named: another system's disk may be mounted on this one.
    pub(super) fn of(file: &Path) -> Self {
        let other = file.file_name().and_then(|name| name.to_str()).map(str::to_uppercase);
        let is_one = other.is_some_and(|other| file.exists() && file.with_file_name(other).exists());
        Self {
            knows_no_case: is_one || cfg!(any(windows, target_os = "macos")),
            is_windows: cfg!(windows),
            longest_path: if cfg!(windows) {
                32_000
            } else if cfg!(target_os = "macos") {
                1_023
            } else {
                4_095
            },
        }
    }

    /// What is one on it where this is.
    fn told_apart(self, key: &str) -> String {
        if !self.knows_no_case {
            return key.to_owned();
        }
        // By letter: a text's own last sigma is another than one within it. Upper first, since several have one upper
        // form.
        key.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
    }
}

/// A key that has no place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// "param", "tag", "metric" or "alias".
    pub kind: &'static str,
    pub key: String,
    pub why: Why,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// MLflow takes no such key.
    Name,
    /// No file has so long a name.
    Length,
    /// No path has so many bytes where the store stands.
    Path,
    /// Windows calls no file so: it takes the name for a device, or drops its end.
    System,
    /// A key that is kept: `loss` would be a file where `loss/train` needs a folder, or be the file that `Loss` is.
    Beside(String),
}

impl Display for Refused {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { kind, key, why } = self;
        let shown = shown(key);
        match why {
            Why::Name => write!(f, "MLflow takes no {kind} named \"{shown}\"."),
            Why::Length => {
                write!(f, "The {kind} \"{shown}\" is left out: its name of {} bytes is too long for a file.", key.len())
            }
            Why::Path => {
                write!(f, "The {kind} \"{shown}\" is left out: the path of its file is too long for this system.")
            }
            Why::System => write!(f, "The {kind} \"{shown}\" is left out: Windows has no file of this name."),
            Why::Beside(other) => {
                let other = self::shown(other);
                write!(f, "The {kind} \"{shown}\" is left out: MLflow's file store can't hold it beside \"{other}\".")
            }
        }
    }
}

fn shown(key: &str) -> String {
    let start: String = key.chars().take(SAID).collect();
    if start.len() < key.len() { format!("{start}…") } else { start }
}

/// The keys that have no place in a folder. Of two that clash the first is kept.
pub(super) fn refused<'k>(
    disk: Disk,
    folder: &Path,
    kind: &'static str,
    keys: impl IntoIterator<Item = &'k str>,
) -> Vec<Refused> {
    let (mut kept, mut refused) = (BTreeMap::new(), Vec::new());
    for key in keys {
        match why(disk, folder, key, &kept) {
            None => drop(kept.insert(disk.told_apart(key), key)),
            Some(why) => refused.push(Refused { kind, key: key.to_owned(), why }),
        }
    }
    refused
}

/// `kept` are keys by what the disk tells apart of them.
fn why(disk: Disk, folder: &Path, key: &str, kept: &BTreeMap<String, &str>) -> Option<Why> {
    if !is_key(disk, key) {
        return Some(Why::Name);
    }
    if key.len() > LONGEST || key.split('/').any(|part| part.len() > LONGEST_PART) {
        return Some(Why::Length);
    }
    if folder.as_os_str().len() + 1 + key.len() > disk.longest_path {
        return Some(Why::Path);
    }
    if disk.is_windows && key.split('/').any(is_no_name) {
        return Some(Why::System);
    }
    let own = disk.told_apart(key);
    let same = kept.get(&own).copied().filter(|other| *other != key);
    let folders = || own.match_indices('/').map(|(at, _)| at);
    let above = || folders().find_map(|at| kept.get(&own[..at]).copied());
    // `a/x` and `A/y` would share a folder, and one of them be read under the other's name.
    let beside = || {
        let is_called_else = |other: &str, depth| !key.split('/').take(depth).eq(other.split('/').take(depth));
        folders()
            .zip(1..)
            .find_map(|(at, depth)| first_in(&own[..=at], kept).filter(|other| is_called_else(other, depth)))
    };
    let below = || first_in(&format!("{own}/"), kept);
    same.or_else(above).or_else(beside).or_else(below).map(|other| Why::Beside(other.to_owned()))
}

/// A key that is kept in a folder, whose name ends with a slash.
fn first_in<'k>(folder: &str, kept: &BTreeMap<String, &'k str>) -> Option<&'k str> {
    let (own, key) = kept.range(folder.to_owned()..).next()?;
    own.starts_with(folder).then_some(*key)
}

/// What `mlflow.utils.validation` lets through: letters, digits and `/ _ . - : space`, and as a path its own normal
/// form below the folder. Windows knows no colon in a file's name, nor does MLflow there.
fn is_key(disk: Disk, key: &str) -> bool {
    let known =
        |letter: char| letter.is_alphanumeric() || "/_.- ".contains(letter) || (letter == ':' && !disk.is_windows);
    key.chars().all(known) && key.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Whether Windows would open a device in place of a file, or a file of another name.
fn is_no_name(part: &str) -> bool {
    if part.ends_with(['.', ' ']) {
        return true;
    }
    let stem = part.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let is_numbered = |rest: &str| rest.chars().count() == 1 && rest.chars().all(char::is_numeric);
    DEVICES.iter().any(|device| {
        stem.strip_prefix(*device).is_some_and(|rest| match *device {
            "com" | "lpt" => is_numbered(rest),
            _ => rest.is_empty(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINUX: Disk = Disk { knows_no_case: false, is_windows: false, longest_path: 4_095 };
    const MACOS: Disk = Disk { knows_no_case: true, is_windows: false, longest_path: 1_023 };
    const WINDOWS: Disk = Disk { knows_no_case: true, is_windows: true, longest_path: 32_000 };

    fn said(disk: Disk, keys: &[&str]) -> Vec<String> {
        let refused = refused(disk, Path::new("/store/0/run/metrics"), "metric", keys.iter().copied());
        refused.iter().map(Refused::to_string).collect()
    }

    fn check(keys: &[&str], expect: &[&str]) {
        for disk in [LINUX, MACOS, WINDOWS] {
            assert_eq!(said(disk, keys), expect, "{keys:?}");
        }
    }

    fn beside(key: &str, other: &str) -> String {
        format!("The metric \"{key}\" is left out: MLflow's file store can't hold it beside \"{other}\".")
    }

    #[test]
    fn of_keys_that_clash_the_first_is_kept() {
        check(&["loss", "loss.x", "lossy/a"], &[]);
        check(&["loss", "loss/train", "loss/a/b"], &[&beside("loss/train", "loss"), &beside("loss/a/b", "loss")]);
        check(&["loss.x", "loss/train", "loss"], &[&beside("loss", "loss/train")]);
        // What is kept itself is no clash, and what was left out stands in nobody's way.
        check(&["a", "a", "a/b", "a/b/c"], &[&beside("a/b", "a"), &beside("a/b/c", "a")]);
    }

    #[test]
    fn what_no_file_is_called_has_no_place() {
        check(
            &["", "../out", "quo\"te"],
            &[
                "MLflow takes no metric named \"\".",
                "MLflow takes no metric named \"../out\".",
                "MLflow takes no metric named \"quo\"te\".",
            ],
        );
        let long = "k".repeat(100_000);
        let expect =
            format!("The metric \"{}…\" is left out: its name of 100000 bytes is too long for a file.", &long[..SAID]);
        check(&[&long, &"k".repeat(255)], &[&expect]);
        let deep = "k/".repeat(999);
        let deep = &deep[..1_997];
        let expect =
            format!("The metric \"{}…\" is left out: the path of its file is too long for this system.", &deep[..SAID]);
        assert_eq!((said(LINUX, &[deep]), said(MACOS, &[deep])), (Vec::new(), vec![expect]));
    }

    #[test]
    fn what_a_disk_takes_for_one_file_is_a_clash() {
        let keys = ["Loss", "loss", "LOSS/train", "ΣΑΣ", "σας", "loss.x"];
        let expect = [beside("loss", "Loss"), beside("LOSS/train", "Loss"), beside("σας", "ΣΑΣ")];
        assert_eq!((said(MACOS, &keys), said(WINDOWS, &keys)), (expect.to_vec(), expect.to_vec()));
        assert_eq!(said(LINUX, &keys), Vec::<String>::new());
        assert_eq!(said(MACOS, &["a/B", "A"]), [beside("A", "a/B")]);
        assert_eq!(
            said(MACOS, &["a/x", "a/y", "A/z", "a/b/x", "a/B/y"]),
            [beside("A/z", "a/x"), beside("a/B/y", "a/b/x")]
        );
        assert_eq!(said(MACOS, &["a", "a", "b/c", "b/c"]), Vec::<String>::new());
    }

    #[test]
    fn what_windows_has_no_file_for_is_left_out_there() {
        let keys = ["nul", "a/Con.txt", "COM1", "lpt¹.x", "aux /b", "loss.", "loss /x"];
        let expect = keys.map(|key| format!("The metric \"{key}\" is left out: Windows has no file of this name."));
        assert_eq!(said(WINDOWS, &keys), expect);
        assert_eq!(said(LINUX, &keys), Vec::<String>::new());
        assert_eq!(said(WINDOWS, &["null", "com", "com10", "company", "conv1.weight", ".x"]), Vec::<String>::new());
        assert_eq!(said(WINDOWS, &["a:b"]), ["MLflow takes no metric named \"a:b\"."]);
    }

    #[test]
    fn a_disk_is_asked_whether_it_knows_case() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("meta.yaml");
        std::fs::write(&file, "").unwrap();
        let is_here = folder.path().join("Meta.Yaml").exists();
        assert_eq!(Disk::of(&file).knows_no_case, is_here || cfg!(any(windows, target_os = "macos")));
        if !is_here {
            // As such a disk would answer.
            std::fs::write(folder.path().join("META.YAML"), "").unwrap();
            assert!(Disk::of(&file).knows_no_case);
        }
    }
}
