//! Other tools' logs become runs, once, and are read on while they grow.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::Path,
};

use api::{
    media::{GetMedium, ListMedia, MediumContent, SaveMedium},
    run::{ListRuns, RunKind},
    source::{AddSource, Kind, ListSources, LookForLogs, ReadSource, RemoveSource},
    tracking::{ListExperiments, RestoreRuns},
};

use crate::stage::Stage;

fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

async fn add(stage: &Stage, path: &Path, kind: Option<Kind>) {
    let path = path.to_string_lossy().into_owned();
    let job = stage.call(AddSource { path, kind, project: None, once: true }).await;
    stage.done(job).await;
}

/// Name and points of each series, of all runs.
async fn series(stage: &Stage) -> Vec<(String, String, u64)> {
    let mut found = Vec::new();
    for experiment in stage.call(ListExperiments::default()).await {
        let request = ListRuns { experiment: Some(experiment.id), limit: Some(1000), ..ListRuns::default() };
        for row in stage.call(request).await.rows {
            let run = stage.call(api::run::GetRun { run: row.id }).await;
            assert_eq!(run.kind, RunKind::Imported);
            found.extend(run.metrics.into_iter().map(|metric| (run.name.clone(), metric.key, metric.count)));
        }
    }
    found.sort_unstable();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_store_is_read_once_and_read_on() {
    let stage = Stage::new().await;
    let folder = stage.path("mlruns");
    copy(&fixture("foreign/tests/fixtures/mlruns"), &folder);
    let found = stage.call(LookForLogs { folder: folder.to_string_lossy().into_owned() }).await;
    assert_eq!((found.len(), found[0].kind, found[0].known), (1, Kind::MlflowFiles, None));
    add(&stage, &folder, None).await;
    let first = series(&stage).await;
    let expected = [("first: of two", "loss", 3), ("first: of two", "train/acc", 3)];
    let expected = expected.map(|(run, key, count)| (run.to_owned(), key.to_owned(), count));
    assert_eq!(first, expected);
    let source = stage.call(ListSources {}).await.remove(0);
    assert!(source.runs > 1 && source.error.is_none(), "{source:?}");

    // Nothing new, nothing twice.
    let job = stage.call(ReadSource { source: source.id }).await;
    stage.done(job).await;
    assert_eq!(series(&stage).await, first);

    // A point that is appended comes with the next reading, alone.
    let metric = metric_file(&folder);
    let mut text = fs::read_to_string(&metric).unwrap();
    text.push_str("1999999999999 0.125 987654\n");
    fs::write(&metric, text).unwrap();
    let job = stage.call(ReadSource { source: source.id }).await;
    stage.done(job).await;
    let then = series(&stage).await;
    let points = |all: &[(String, String, u64)]| all.iter().map(|(_, _, count)| count).sum::<u64>();
    assert_eq!(points(&then), points(&first) + 1);

    // The log is never touched, and what became of it can go.
    let removed = stage.call(RemoveSource { source: source.id, keep_runs: false }).await;
    // The others of the log were deleted before, and stay so.
    let names: BTreeSet<&String> = then.iter().map(|(run, ..)| run).collect();
    assert_eq!(removed.runs.len(), names.len());
    assert!(metric.is_file() && series(&stage).await.is_empty() && stage.call(ListSources {}).await.is_empty());
    // Its runs can come back, and the log be read again beside them.
    stage.call(RestoreRuns { runs: removed.runs }).await;
    assert_eq!(series(&stage).await, then);
}

/// A metric of the first run that has one.
fn metric_file(folder: &Path) -> std::path::PathBuf {
    let mut all: Vec<_> = ignore::WalkBuilder::new(folder)
        .standard_filters(false)
        .build()
        .flatten()
        .map(ignore::DirEntry::into_path)
        .filter(|path| path.is_file() && path.parent().is_some_and(|parent| parent.ends_with("metrics")))
        .collect();
    all.sort();
    all.swap_remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_broke_off_counts_nothing_twice() {
    let stage = Stage::new().await;
    let folder = stage.path("mlruns");
    copy(&fixture("foreign/tests/fixtures/mlruns"), &folder);
    add(&stage, &folder, None).await;
    let first = series(&stage).await;
    let id = stage.call(ListSources {}).await[0].id;
    // As a host leaves it that was killed after some of it was committed.
    stage
        .engine
        .store()
        .write(move |tx| {
            let mut row = store::source::get(tx, id)?.unwrap();
            row.is_whole = false;
            row.mark = serde_json::Value::Null;
            store::source::put(tx, &row)
        })
        .await
        .unwrap();
    let job = stage.call(ReadSource { source: id }).await;
    stage.done(job).await;
    assert_eq!(series(&stage).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn mlflows_database_is_read_beside_its_server() {
    let stage = Stage::new().await;
    let path = stage.path("mlflow.db");
    fs::copy(fixture("store/tests/fixtures/mlflow.db"), &path).unwrap();
    let folder = path.parent().unwrap().to_string_lossy().into_owned();
    let found = stage.call(LookForLogs { folder }).await;
    assert!(found.iter().any(|log| log.kind == Kind::MlflowDb), "{found:?}");
    add(&stage, &path, Some(Kind::MlflowDb)).await;
    let first = series(&stage).await;
    assert!(!first.is_empty());
    let id = stage.call(ListSources {}).await[0].id;
    let job = stage.call(ReadSource { source: id }).await;
    stage.done(job).await;
    assert_eq!(series(&stage).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_log_is_refused_with_what_is_read() {
    let stage = Stage::new().await;
    stage.write("notes/readme.txt", "nothing");
    let path = stage.path("notes").to_string_lossy().into_owned();
    let refused = stage.try_call(AddSource { path, kind: None, project: None, once: true }).await.unwrap_err();
    assert!(refused.message.contains("no run log"), "{}", refused.message);
    assert!(refused.hint.unwrap().contains("TensorBoard"));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_log_becomes_runs() {
    for (name, kind) in [("tensorboard", Kind::TensorBoard), ("wandb", Kind::Wandb), ("dvclive", Kind::DvcLive)] {
        let stage = Stage::new().await;
        let folder = stage.path(name);
        copy(&fixture("foreign/tests/fixtures").join(name), &folder);
        let found = stage.call(LookForLogs { folder: folder.to_string_lossy().into_owned() }).await;
        let log = found.iter().find(|log| log.kind == kind).unwrap_or_else(|| panic!("{name}: {found:?}"));
        add(&stage, Path::new(&log.path), Some(kind)).await;
        let first = series(&stage).await;
        assert!(first.iter().any(|(_, _, count)| *count > 1), "{name}: {first:?}");
        let source = stage.call(ListSources {}).await.remove(0);
        assert!(source.error.is_none(), "{name}: {source:?}");
        let job = stage.call(ReadSource { source: source.id }).await;
        stage.done(job).await;
        assert_eq!(series(&stage).await, first, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn media_of_a_log_are_read_where_they_stand() {
    let stage = Stage::new().await;
    let folder = stage.path("tensorboard");
    copy(&fixture("foreign/tests/fixtures/tensorboard"), &folder);
    add(&stage, &folder, None).await;
    let mut found = HashMap::new();
    for experiment in stage.call(ListExperiments::default()).await {
        let request = ListRuns { experiment: Some(experiment.id), limit: Some(1000), ..ListRuns::default() };
        for row in stage.call(request).await.rows {
            for of in stage.call(ListMedia { run: row.id }).await.keys {
                found.insert(of.key.clone(), (row.id, of));
            }
        }
    }
    let medium = async |key: &str| {
        let (run, of) = &found[key];
        let shown = stage.call(GetMedium { run: *run, key: key.to_owned(), step: None }).await;
        assert_eq!((shown.kind, Some(&shown.step)), (of.kind, of.steps.last()), "{key}");
        shown.content
    };
    assert!(matches!(medium("words").await, MediumContent::Text { text, .. } if !text.is_empty()));
    assert!(
        matches!(medium("weights").await, MediumContent::Histogram { edges, counts } if edges.len() == counts.len() + 1)
    );
    assert!(matches!(medium("picture").await, MediumContent::Bytes { size_bytes } if size_bytes > 8));
    let (run, _) = found["picture"];
    let to = stage.path("saved.png");
    let save = SaveMedium { run, key: "picture".to_owned(), step: None, to: to.to_string_lossy().into_owned() };
    stage.call(save.clone()).await;
    assert!(fs::read(&to).unwrap().starts_with(b"\x89PNG"));
    // What is there is never written over, and a log that is gone says so.
    let error = stage.try_call(save).await.unwrap_err();
    assert!(error.message.contains("is there already"), "{error:?}");
    fs::remove_dir_all(&folder).unwrap();
    let error = stage.try_call(GetMedium { run, key: "picture".to_owned(), step: None }).await.unwrap_err();
    assert!(error.message.contains("can't be read"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_are_media_by_their_names() {
    let stage = Stage::new().await;
    let folder = stage.path("mlruns");
    copy(&fixture("foreign/tests/fixtures/mlruns"), &folder);
    let run = folder.join("100000000000000001").join("a".repeat(32));
    let artifacts = run.join("artifacts");
    fs::create_dir_all(artifacts.join("images")).unwrap();
    for (name, bytes) in [
        ("images/sample+step+1+timestamp+5+u.png", b"one".as_slice()),
        ("images/sample+step+20+timestamp+6+u.png", b"whole"),
        ("images/sample+step+20+timestamp+6+u+compressed.webp", b"small"),
        ("note.txt", b"words"),
        ("scores.json", br#"{"columns": ["name", "score"], "data": [["a", 0.5], ["b", null]]}"#),
        ("page.html", b"<script>"),
        ("model/MLmodel", b""),
        ("model/requirements.txt", b"left out"),
    ] {
        fs::create_dir_all(artifacts.join(name).parent().unwrap()).unwrap();
        fs::write(artifacts.join(name), bytes).unwrap();
    }
    fs::write(run.join("tags/mlflow.loggedArtifacts"), r#"[{"path": "scores.json", "type": "table"}]"#).unwrap();
    add(&stage, &folder, None).await;
    let run: api::RunId = "a".repeat(32).parse().unwrap();
    let keys = stage.call(ListMedia { run }).await.keys;
    let told: Vec<_> = keys.iter().map(|of| (of.key.as_str(), of.steps.as_slice())).collect();
    for expected in [("sample", [1, 20].as_slice()), ("note.txt", &[0]), ("scores.json", &[0])] {
        assert!(told.contains(&expected), "{expected:?} of {told:?}");
    }
    assert!(!told.iter().any(|(key, _)| key.contains("html") || key.contains("requirements")), "{told:?}");
    let medium = async |key: &str, step| stage.call(GetMedium { run, key: key.to_owned(), step }).await.content;
    // Of step 20 the whole picture, not its small copy.
    let to = stage.path("saved");
    let save = SaveMedium { run, key: "sample".to_owned(), step: None, to: to.to_string_lossy().into_owned() };
    assert_eq!(stage.call(save).await.step, 20);
    assert_eq!(fs::read(&to).unwrap(), b"whole");
    assert_eq!(medium("sample", Some(1)).await, MediumContent::Bytes { size_bytes: 3 });
    assert_eq!(medium("note.txt", None).await, MediumContent::Text { text: "words".to_owned(), is_cut: false });
    let rows = vec![vec!["a".to_owned(), "0.5".to_owned()], vec!["b".to_owned(), String::new()]];
    let columns = vec!["name".to_owned(), "score".to_owned()];
    assert_eq!(medium("scores.json", None).await, MediumContent::Table { columns, rows, total_rows: 2 });
    // What its first bytes don't tell to be a picture is not sent as one.
    let refused = engine::run::media::bytes(&stage.engine, run, "sample", Some(1)).await.unwrap_err();
    assert!(refused.to_string().contains("in no format"), "{refused}");
    let error = stage.try_call(GetMedium { run, key: "sample".to_owned(), step: Some(2) }).await.unwrap_err();
    assert!(error.message.contains("at step 2"), "{error:?}");
}
