//! What a folder holds.

use std::{fs, path::Path};

use api::source::Kind;
use foreign::{Mark, look};

use crate::{copy, read};

fn kinds(folder: &Path) -> Vec<(Kind, String)> {
    let name = |path: &Path| path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/");
    look(folder).iter().map(|found| (found.kind, name(&found.path))).collect()
}

#[test]
fn each_log_is_found_once_the_outermost() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (fixture, name) in [("mlruns", "a/mlruns"), ("dvclive", "b/dvclive")] {
        let from = copy(fixture);
        fs::create_dir_all(at.join(name).parent().unwrap()).unwrap();
        fs::rename(from.keep(), at.join(name)).unwrap();
    }
    let files = [
        ("b/dvc.yaml", ""),
        ("c/metrics.json", "{}"),
        ("c/metrics.csv", ""),
        ("c/train.jsonl", "{\"step\": 1, \"loss\": 2}\n"),
        ("c/data.jsonl", "{\"text\": \"x\", \"label\": 1}\n"),
        ("c/broken.jsonl", "\u{0}"),
        ("a/mlruns/0/metrics.json", "{}"),
        (".hidden/metrics.json", "{}"),
        ("venv/metrics.json", "{}"),
    ];
    for (name, content) in files {
        fs::create_dir_all(at.join(name).parent().unwrap()).unwrap();
        fs::write(at.join(name), content).unwrap();
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(at, at.join("c/loop")).unwrap();
    let expect = [
        (Kind::MlflowFiles, "a/mlruns"),
        (Kind::Dvc, "b/dvc.yaml"),
        (Kind::DvcLive, "b/dvclive"),
        (Kind::Metrics, "c/metrics.csv"),
        (Kind::Metrics, "c/metrics.json"),
        (Kind::Metrics, "c/train.jsonl"),
    ];
    assert_eq!(kinds(at), expect.map(|(kind, name)| (kind, name.to_owned())));
    // The folder itself may be the log.
    assert_eq!(kinds(&at.join("a/mlruns")), [(Kind::MlflowFiles, String::new())]);
    assert_eq!(look(&at.join("nowhere")), []);
    // So may a file, as it was named; beside it nothing is.
    for (kind, file) in [(Kind::Metrics, "c/metrics.json"), (Kind::Metrics, "c/train.jsonl"), (Kind::Dvc, "b/dvc.yaml")]
    {
        assert_eq!(kinds(&at.join(file)), [(kind, String::new())], "{file}");
    }
    assert_eq!(look(&at.join("c/data.jsonl")), []);
    for found in look(at).iter().filter(|found| found.kind != Kind::Dvc) {
        assert_eq!(read(&*foreign::open(found), &Mark::default()).warnings(), [""; 0], "{found:?}");
    }
}

#[test]
fn a_folder_of_event_folders_is_one_log_with_its_notes() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let write = |name: &str| {
        fs::create_dir_all(at.join(name).parent().unwrap()).unwrap();
        fs::write(at.join(name), "{}").unwrap();
    };
    for name in ["x/one/events.out.tfevents.1", "x/two/events.out.tfevents.1", "x/notes/readme.txt", "x/.git/config"] {
        write(name);
    }
    write("x/more/three/events.out.tfevents.1");
    assert_eq!(kinds(at), [(Kind::TensorBoard, "x".to_owned())]);
    // Another tool's log among them stays its own.
    write("x/notes/metrics.json");
    let apart = [
        (Kind::TensorBoard, "x/more"),
        (Kind::Metrics, "x/notes/metrics.json"),
        (Kind::TensorBoard, "x/one"),
        (Kind::TensorBoard, "x/two"),
    ];
    assert_eq!(kinds(at), apart.map(|(kind, name)| (kind, name.to_owned())));
}

#[test]
fn files_of_other_names_are_known_by_steps_and_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let config = "{\"lr\": 0.1, \"model\": \"tree\"}\n";
    let steps = "{\"step\": 0, \"loss\": 2}\n{\"step\": 1, \"loss\": 1}\n";
    let files = [
        ("configured.jsonl", format!("{config}{steps}"), true),
        ("history.csv", "epoch,loss,when\n0,0.5,\n1,,7\n".to_owned(), true),
        ("metrics.tsv", String::new(), true),
        ("results.csv", "   epoch,  train/loss\n    0,   0.5\n    1,   0.25\n".to_owned(), true),
        ("train.ndjson", steps.to_owned(), true),
        ("trial.tsv", "step\tloss\n0\t0.5\n".to_owned(), true),
        // What has no step, or more than numbers beside it, or steps that fall, is data.
        ("a.csv", "name,age\nada,36\n".to_owned(), false),
        ("b.csv", "step,name\n1,ada\n".to_owned(), false),
        ("c.csv", "step,x\n3,1\n1,2\n".to_owned(), false),
        ("d.csv", "step,x\n".to_owned(), false),
        ("e.csv", "\u{0}\u{1}".to_owned(), false),
        ("f.jsonl", config.to_owned(), false),
    ];
    for (name, content, _) in &files {
        fs::write(folder.path().join(name), content).unwrap();
    }
    let expect = files.iter().filter(|(.., is_log)| *is_log).map(|(name, ..)| (Kind::Metrics, (*name).to_owned()));
    assert_eq!(kinds(folder.path()), expect.collect::<Vec<_>>());
    let found = look(&folder.path().join("configured.jsonl"));
    let read = read(&*foreign::open(&found[0]), &Mark::default());
    assert_eq!(read.heads()[0].params, crate::pairs(&[("lr", "0.1"), ("model", "tree")]));
    assert_eq!((read.series("loss"), read.series("lr")), (vec![(0, Some(2.0)), (1, Some(1.0))], Vec::new()));
}
