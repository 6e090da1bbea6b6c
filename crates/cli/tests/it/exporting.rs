use std::path::Path;

use serde_json::json;

use crate::{
    program::{Place, said},
    tracking::Client,
};

#[test]
fn an_export_says_what_it_left_out_or_changed() {
    let place = Place::new();
    let client = Client::of(&place);
    client.run(&json!(0), "plain", "0.1", 4.0);
    let export = |name: &str, format: &str| {
        let to = place.path().join(name);
        let output = place.run(&["run", "export", to.to_str().unwrap(), "--as", format, "--everywhere"]);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let events = export("events", "tensorboard");
    let lines: Vec<&str> = events.lines().collect();
    assert!(lines[0].ends_with("; 1 thing was left out or changed, which the job's log names"), "{events}");
    assert_eq!(lines[1..], ["Numbers are rounded to about 7 digits: TensorBoard's scalars have 32 bits."]);
    let log = place.run(&["job", "log", "latest"]);
    assert_eq!(String::from_utf8_lossy(&log.stdout).lines().collect::<Vec<_>>(), lines[1..], "{}", said(&log));
    assert_eq!(export("tables", "csv").lines().count(), 1);
}

/// All files below a folder, by their names.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = entries.flat_map(|path| match path.is_dir() {
        true => files(&path),
        false => vec![path.file_name().unwrap().to_string_lossy().into_owned()],
    });
    below.collect()
}

#[test]
fn what_is_named_or_deleted_is_exported_with_its_artifacts_or_without() {
    let place = Place::new();
    let client = Client::of(&place);
    let run = client.run(&json!(0), "plain", "0.1", 4.0);
    client.run(&json!(0), "other", "0.2", 8.0);
    let artifacts = place.workspace().join("runs").join(&run).join("artifacts");
    std::fs::create_dir_all(&artifacts).unwrap();
    std::fs::write(artifacts.join("confusion.png"), "picture").unwrap();
    let export = |name: &str, more: &[&str]| {
        let to = place.path().join(name);
        let output = place.run(&[&["run", "export", to.to_str().unwrap()], more].concat());
        assert!(output.status.success(), "{more:?}: {}", said(&output));
        files(&to)
    };
    let has = |files: &[String], name: &str| files.iter().filter(|file| *file == name).count();
    let whole = export("whole", &["--as", "mlflow", "--run", "plain"]);
    assert_eq!((has(&whole, "confusion.png"), has(&whole, "loss"), has(&whole, "lr")), (1, 1, 1), "{whole:?}");
    let bare = export("bare", &["--as", "mlflow", "--run", "plain", "--no-artifacts"]);
    assert_eq!((has(&bare, "confusion.png"), has(&bare, "loss")), (0, 1), "{bare:?}");
    let both = export("both", &["--as", "mlflow", "--run", "plain", "--run", "other"]);
    assert_eq!((has(&both, "confusion.png"), has(&both, "loss")), (1, 2), "{both:?}");
    assert!(place.run(&["run", "delete", "other"]).status.success());
    let deleted = export("deleted", &["--as", "mlflow", "--everywhere", "--deleted"]);
    assert_eq!((has(&deleted, "confusion.png"), has(&deleted, "loss")), (0, 1), "{deleted:?}");
}
