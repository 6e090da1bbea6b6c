//! A folder that is read as one log: all of a kind below it.

use std::{fs, path::Path};

use api::source::Kind;
use foreign::{Found, Mark, Reader, Told};

use crate::{Read, copy, read};

fn open(kind: Kind, folder: &Path) -> Box<dyn Reader> {
    foreign::open(&Found { kind, path: folder.to_owned() })
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Name, experiment and how many points, of each run in the order in which they are told.
fn runs(read: &Read) -> Vec<(&str, &str, usize)> {
    let count = |of: &str| {
        let points = |told: &Told| match told {
            Told::Points { run, points, .. } if run == of => points.len(),
            _ => 0,
        };
        read.told.iter().map(points).sum()
    };
    read.heads().iter().map(|head| (head.name.as_str(), head.group.as_str(), count(&head.key))).collect()
}

#[test]
fn a_log_that_comes_is_read_with_those_that_were_there() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("lightning_logs");
    let csv = |version: &str, rows: &str| write(&logs.join(version).join("metrics.csv"), &format!("step,loss\n{rows}"));
    csv("version_0", "0,0.5\n");
    csv("version_1", "0,0.25\n1,0.125\n");
    // What lies within another tool's log is its own, and event files take nothing away.
    write(&logs.join("wandb/run-1/run-1.wandb"), "");
    write(&logs.join("wandb/run-1/files/metrics.csv"), "step,loss\n0,9\n");
    write(&logs.join("version_1/events.out.tfevents.1"), "");
    let reader = open(Kind::Metrics, &logs);
    let first = read(&*reader, &Mark::default());
    let expect = [("version_0", "lightning_logs", 1), ("version_1", "lightning_logs", 2)];
    assert_eq!((runs(&first), first.warnings()), (expect.to_vec(), Vec::new()));
    assert_eq!(read(&*reader, &first.mark).told, []);

    csv("version_2", "0,0.75\n");
    csv("version_0", "0,0.5\n1,0.375\n");
    write(&logs.join("version_2/eval.jsonl"), "{\"step\": 0, \"acc\": 0.5}\n");
    let then = read(&*reader, &first.mark);
    let expect = [("version_2/eval", "lightning_logs", 1), ("version_2", "lightning_logs", 1)];
    assert_eq!(runs(&then), expect);
    assert_eq!(then.series("loss"), [(1, Some(0.375)), (0, Some(0.75))]);
    assert_eq!(read(&*reader, &then.mark).told, []);
    // One that is gone takes nothing with it, and what is read by itself is left out.
    fs::remove_dir_all(logs.join("version_1")).unwrap();
    assert_eq!(read(&*reader, &then.mark).told, []);
    let found = Found { kind: Kind::Metrics, path: logs.clone() };
    let others = [logs.join("version_0/metrics.csv"), logs.join("version_2")];
    let rest = read(&*foreign::open_beside(&found, &others), &Mark::default());
    assert!(rest.heads().is_empty() && rest.warnings()[0].contains("no log of this kind (Metrics files)"));
}

#[test]
fn folders_of_dvclive_are_named_by_what_they_lie_in() {
    let folder = tempfile::tempdir().unwrap();
    let all = folder.path().join("sweep");
    for name in ["a/dvclive", "b/dvclive"] {
        fs::create_dir_all(all.join(name).parent().unwrap()).unwrap();
        fs::rename(copy("dvclive").keep(), all.join(name)).unwrap();
    }
    // A project's own params make no log of the folder.
    write(&all.join("params.yaml"), "lr: 0.1\n");
    let both = read(&*open(Kind::DvcLive, &all), &Mark::default());
    let named: Vec<_> = both.heads().iter().map(|head| (head.name.as_str(), head.group.as_str())).collect();
    assert_eq!(named, [("a", "sweep"), ("b", "sweep")]);
    assert_eq!((both.series("loss").len(), both.warnings()), (10, Vec::new()));
    // A folder that is one log stays that, as it was named before.
    let one = read(&*open(Kind::DvcLive, &all.join("a/dvclive")), &Mark::default());
    assert_eq!(one.heads()[0].key, "dvclive");
}

#[test]
fn several_folders_of_offline_runs_are_one() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a/wandb", "b/wandb"] {
        fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        fs::rename(copy("wandb").keep(), folder.path().join(name)).unwrap();
    }
    let one = read(&*open(Kind::Wandb, &folder.path().join("a/wandb")), &Mark::default());
    let both = read(&*open(Kind::Wandb, folder.path()), &Mark::default());
    let keys =
        |read: &Read| read.heads().iter().map(|head| head.key.clone()).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(keys(&both).len(), 2 * keys(&one).len());
    assert_eq!(both.series("loss").len(), 2 * one.series("loss").len());
    assert_eq!(read(&*open(Kind::Wandb, folder.path()), &both.mark).told, []);
}
