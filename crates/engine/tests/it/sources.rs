//! Other tools' logs become runs, once, and are read on while they grow.

use std::{fs, path::Path};

use api::{
    run::{ListRuns, RunKind},
    source::{AddSource, Kind, ListSources, LookForLogs, ReadSource, RemoveSource},
    tracking::ListExperiments,
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
    let freed = stage.call(RemoveSource { source: source.id, keep_runs: false }).await;
    assert_eq!(freed.records, source.runs);
    assert!(metric.is_file() && series(&stage).await.is_empty());
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
