//! Other tools' logs, told by their readers.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod dvc;
mod dvclive;
mod gathered;
mod keys;
mod look;
mod metrics;
mod mlflow_files;
mod mlflow_image;
mod tensorboard;
mod wandb;

use std::path::{Path, PathBuf};

use api::series::Point;
use foreign::{Head, Mark, Reader, Told};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A copy of a fixture's folder, which a test may write to.
fn copy(name: &str) -> tempfile::TempDir {
    fn copy_into(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                copy_into(&entry.path(), &target);
            } else {
                std::fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    copy_into(&fixture(name), folder.path());
    folder
}

/// What was read.
struct Read {
    told: Vec<Told>,
    mark: Mark,
}

fn read(reader: &dyn Reader, mark: &Mark) -> Read {
    let mut told = Vec::new();
    let mark = reader
        .read(mark, &mut |one| {
            if !matches!(one, Told::Still | Told::Checkpoint(_)) {
                told.push(one);
            }
            Ok(())
        })
        .unwrap();
    // As its caller keeps it.
    let mark = serde_json::from_str(&serde_json::to_string(&mark).unwrap()).unwrap();
    Read { told, mark }
}

/// Reads where nothing is new until it is asked whether to go on, which it must be, and ends there.
fn check_can_be_stopped(reader: &dyn Reader) {
    let mark = read(reader, &Mark::default()).mark;
    let mut asked = 0;
    let stopped = reader.read(&mark, &mut |told| {
        assert_eq!(told, Told::Still);
        asked += 1;
        Err("stopped".into())
    });
    assert!(matches!(stopped, Err(foreign::ForeignError::NotTaken(_))), "{stopped:?}");
    assert_eq!(asked, 1);
}

/// Breaks a reading off at the second mark, and reads on from the first: together they tell each point once.
fn check_goes_on(reader: &dyn Reader, points: usize) {
    let count = |told: &Told| if let Told::Points { points, .. } = told { points.len() } else { 0 };
    let (mut marks, mut since, mut before) = (Vec::new(), 0, 0);
    let broken = reader.read(&Mark::default(), &mut |told| {
        since += count(&told);
        if let Told::Checkpoint(mark) = told {
            if !marks.is_empty() {
                return Err("broken off".into());
            }
            before = since;
            marks.push(mark);
        }
        Ok(())
    });
    assert!(broken.is_err() && before > 0 && before < points, "{before} of {points}");
    let rest: usize = read(reader, &marks[0]).told.iter().map(count).sum();
    assert_eq!(before + rest, points);
}

#[test]
fn a_reading_that_finds_nothing_new_can_be_stopped() {
    check_can_be_stopped(&foreign::mlflow_files::MlflowFiles::new(fixture("mlruns")));
    check_can_be_stopped(&foreign::tensorboard::TensorBoard::new(fixture("tensorboard")));
    check_can_be_stopped(&foreign::wandb::Wandb::new(fixture("wandb")));
}

impl Read {
    fn heads(&self) -> Vec<&Head> {
        let heads = self.told.iter().filter_map(|told| if let Told::Run(head) = told { Some(head) } else { None });
        heads.collect()
    }

    fn head(&self, name: &str) -> &Head {
        self.heads().into_iter().find(|head| head.name == name).unwrap()
    }

    /// Steps and values of a series; `None` for a value that is NaN, which equals nothing.
    fn series(&self, of: &str) -> Vec<(i64, Option<f64>)> {
        let points = self.points(of);
        points.iter().map(|point| (point.step, Some(point.value).filter(|value| !value.is_nan()))).collect()
    }

    fn points(&self, of: &str) -> Vec<Point> {
        let points = |told: &Told| match told {
            Told::Points { key, points, .. } if key == of => points.clone(),
            _ => Vec::new(),
        };
        self.told.iter().flat_map(points).collect()
    }

    /// Each as its place and message.
    fn warnings(&self) -> Vec<String> {
        let warning = |told: &Told| match told {
            Told::Warning { place, message } | Told::LeftOut { place, message } | Told::Anew { place, message } => {
                Some(format!("{place}: {message}"))
            }
            _ => None,
        };
        self.told.iter().filter_map(warning).collect()
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Makes a file look as old as nobody writes to it any more.
fn age(path: &Path) {
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(long_ago).unwrap();
}
