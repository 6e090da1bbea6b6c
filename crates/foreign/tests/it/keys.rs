//! Keys that nobody can read: said, left out, and not kept with the mark.

use std::{fs, path::Path};

use api::{series::Point, source::Kind};
use foreign::{Found, Mark, Told, tensorboard::write::EventFile};

use crate::{Read, read, wandb};

fn opened(kind: Kind, path: &Path) -> Box<dyn foreign::Reader> {
    foreign::open(&Found { kind, path: path.to_owned() })
}

/// Expects `loss` alone to be told, that each of these was said, and that the mark is small.
fn check(read: &Read, said: &[&str]) {
    let keys: Vec<&str> = read
        .told
        .iter()
        .filter_map(|told| match told {
            Told::Points { key, .. } | Told::Media { key, .. } => Some(key.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(keys, ["loss"]);
    let warnings = read.warnings();
    for said in said {
        assert!(warnings.iter().any(|warning| warning.contains(said)), "{said}: {warnings:?}");
    }
    assert!(warnings.iter().all(|warning| warning.len() < 1_000));
    let mark = serde_json::to_string(&read.mark).unwrap();
    assert!(mark.len() < 10_000, "{} bytes", mark.len());
}

#[test]
fn of_files_of_metrics() {
    let long = "k".repeat(100_000);
    let folder = tempfile::tempdir().unwrap();
    let said = ["has 100,000 characters, more than 500", "its name is empty", "has control characters"];
    for (name, content) in [
        ("metrics.json", format!(r#"{{"loss": 1, "": 2, "a\nb": 3, "{long}": 4}}"#)),
        ("metrics.jsonl", format!("{{\"step\": 1, \"loss\": 1, \"\": 2, \"a\\nb\": 3, \"{long}\": 4}}\n")),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let read = read(&*opened(Kind::Metrics, &path), &Mark::default());
        check(&read, &said);
        assert!(read.warnings().iter().any(|warning| warning.contains("the series \"a b\" was left out")));
    }
    // A column without a name is none, as before.
    let path = folder.path().join("metrics.csv");
    let long = &long[..1_000];
    fs::write(&path, format!("step,loss,,a\tb,{long}\n1,1,2,3,4\n")).unwrap();
    check(&read(&*opened(Kind::Metrics, &path), &Mark::default()), &["has 1,000 characters", "has control characters"]);
}

#[test]
fn of_many_few_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.json");
    let wrong: String = (0..1_000).map(|at| format!(r#", "a\n{at}": 1"#)).collect();
    fs::write(&path, format!(r#"{{"loss": 1{wrong}}}"#)).unwrap();
    let read = read(&*opened(Kind::Metrics, &path), &Mark::default());
    check(&read, &["others with such names were left out, too"]);
    assert_eq!(read.warnings().len(), 21);
}

#[test]
fn of_params() {
    let folder = tempfile::tempdir().unwrap();
    let long = "k".repeat(1_000);
    fs::write(folder.path().join("params.yaml"), format!("lr: 0.1\n{long}: 2\n\"a\\nb\": 3\n")).unwrap();
    fs::write(folder.path().join("metrics.json"), r#"{"loss": 1}"#).unwrap();
    let read = read(&*opened(Kind::DvcLive, folder.path()), &Mark::default());
    check(&read, &["the param \"a b\" was left out: its name has control characters", "has 1,000 characters"]);
    assert_eq!(read.heads()[0].params, crate::pairs(&[("lr", "0.1")]));
}

#[test]
fn of_tensorboard() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = EventFile::create(folder.path(), 1_700_000_000_000).unwrap();
    let long = "k".repeat(1_000_000);
    for key in ["loss", "", "a\nb", &long] {
        file.points(key, &[Point { step: 1, time_ms: 1_700_000_000_000, value: 0.5 }]).unwrap();
    }
    file.text("", (1, 1_700_000_000_000), "said".to_owned()).unwrap();
    file.text(&long, (1, 1_700_000_000_000), "said".to_owned()).unwrap();
    file.finish().unwrap();
    let reader = opened(Kind::TensorBoard, folder.path());
    let first = read(&*reader, &Mark::default());
    check(&first, &["5 of tags that are empty, too long or no plain text"]);
    assert_eq!(read(&*reader, &first.mark).told, [], "said once");
}

#[test]
fn of_weights_and_biases() {
    let long = "k".repeat(30_000);
    let number = |key: &str| wandb::history(1, key, &wandb::field(16, b"1"));
    let log = wandb::log_of(&[number("loss"), number(""), number("a\nb"), number(&long)]);
    let (folder, _, _) = wandb::run(&log);
    let read = read(&*opened(Kind::Wandb, folder.path()), &Mark::default());
    check(&read, &["3 values were left out, the first because of \"\": its name is empty"]);
}
