//! Other tools' logs become runs, once, and are read on while they grow.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use api::{
    RunId, SourceId,
    job::{Job, JobState},
    media::{GetMediumSteps, ListMedia, MediumContent, MediumKind},
    run::{GetRunLog, ListRuns, LogStream, RunKind},
    source::{AddSource, Kind, ListDeletedSources, ListSources, LookForLogs, ReadSource, RemoveSource, RestoreSource},
    tracking::{ListExperiments, PurgeRuns, RestoreRuns, TrashRuns},
};

use crate::{
    media::{medium_at, saved_to},
    stage::Stage,
};

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

pub(crate) fn copy(from: &Path, to: &Path) {
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

pub(crate) async fn add(stage: &Stage, path: &Path, kind: Option<Kind>) -> Job {
    let request = AddSource { path: path.to_string_lossy().into_owned(), kind, project: None, once: true };
    stage.done(stage.call(request).await).await
}

/// Name and points of each series, of all runs.
pub(crate) async fn series(stage: &Stage) -> Vec<(String, String, u64)> {
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
    let read = add(&stage, &folder, None).await;
    assert_eq!(read.message, "3 runs and 6 points read into churn, old; 2 of its runs are deleted");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_host_was_killed_while_it_was_forgotten_is_forgotten() {
    let mut stage = Stage::new().await;
    let folder = stage.path("tensorboard");
    copy(&fixture("foreign/tests/fixtures/tensorboard"), &folder);
    add(&stage, &folder.join("runs"), Some(Kind::TensorBoard)).await;
    let first = series(&stage).await;
    assert!(!first.is_empty());
    let source = stage.call(ListSources {}).await.remove(0);
    let (id, at_ms) = (source.id, stage.engine.now_ms());
    // Between the first commit and the next.
    let leave = move |tx: &store::Transaction<'_>| {
        let runs = store::source::live_runs(tx, id)?;
        let left = serde_json::json!({"at_ms": at_ms, "going": true, "runs": runs, "logged": [], "models": []});
        store::source::set_forgotten(tx, id, Some(&left))
    };
    stage.engine.store().write(leave).await.unwrap();
    assert_eq!(series(&stage).await, first);
    stage.reopen().await;
    assert!(series(&stage).await.is_empty());
    assert!(stage.engine.store().read(store::source::going).await.unwrap().is_empty());
    stage.call(RestoreSource { path: source.path }).await;
    assert_eq!(series(&stage).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_can_not_be_read_is_named_with_the_reason() {
    let stage = Stage::new().await;
    let path = stage.path("mlflow.db");
    let refused = async |content: &[u8], path: &Path| {
        fs::write(stage.path("mlflow.db"), content).unwrap();
        let path = path.to_string_lossy().into_owned();
        stage.try_call(AddSource { path, kind: None, project: None, once: true }).await.unwrap_err().message
    };
    let message = refused(b"no database at all", &path).await;
    assert!(message.contains("mlflow.db is no database of MLflow's: it is no SQLite database"), "{message}");
    let message = refused(b"", path.parent().unwrap()).await;
    assert!(message.contains("it has no table experiments"), "{message}");
    assert!(stage.call(ListSources {}).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_whose_host_was_killed_while_it_came_back_is_back() {
    let mut stage = Stage::new().await;
    let folder = stage.path("tensorboard");
    copy(&fixture("foreign/tests/fixtures/tensorboard"), &folder);
    add(&stage, &folder.join("runs"), Some(Kind::TensorBoard)).await;
    let first = series(&stage).await;
    let id = stage.call(ListSources {}).await.remove(0).id;
    let removed = stage.call(RemoveSource { source: id, keep_runs: false }).await;
    assert!(series(&stage).await.is_empty());
    // Its runs come back also where the log itself is gone.
    fs::rename(&folder, stage.path("away")).unwrap();
    stage.call(RestoreSource { path: removed.path }).await;
    assert_eq!(series(&stage).await, first);
    fs::rename(stage.path("away"), &folder).unwrap();
    stage.call(RemoveSource { source: id, keep_runs: false }).await;
    assert!(series(&stage).await.is_empty());
    // The first of its commits, and no other.
    stage.engine.store().write(move |tx| store::source::set_returning(tx, id)).await.unwrap();
    stage.reopen().await;
    assert_eq!((series(&stage).await, stage.call(ListSources {}).await.len()), (first, 1));
    assert!(stage.engine.store().read(store::source::returning).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_added_again_goes_on_with_the_runs_that_were_kept() {
    let stage = Stage::new().await;
    let folder = stage.path("tensorboard");
    copy(&fixture("foreign/tests/fixtures/tensorboard"), &folder);
    add(&stage, &folder.join("runs"), Some(Kind::TensorBoard)).await;
    let first = series(&stage).await;
    let source = stage.call(ListSources {}).await.remove(0);
    stage.call(RemoveSource { source: source.id, keep_runs: true }).await;
    assert!(stage.call(ListSources {}).await.is_empty());
    assert_eq!(series(&stage).await, first);
    let listed = stage.call(ListDeletedSources {}).await;
    assert_eq!((listed.len(), &listed[0].path, listed[0].runs), (1, &source.path, 0));
    // Two days later it is not offered any more, and still gone on with.
    let (id, at_ms) = (source.id, stage.engine.now_ms() - 48 * 3_600_000);
    let left = serde_json::json!({"at_ms": at_ms, "kept": true, "runs": [], "logged": [], "models": []});
    let age = move |tx: &store::Transaction<'_>| store::source::set_forgotten(tx, id, Some(&left));
    stage.engine.store().write(age).await.unwrap();
    assert!(stage.call(ListDeletedSources {}).await.is_empty());
    add(&stage, &folder.join("runs"), Some(Kind::TensorBoard)).await;
    assert_eq!(series(&stage).await, first);
    let again = stage.call(ListSources {}).await.remove(0);
    assert_eq!((again.id, again.runs), (source.id, source.runs));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_added_twice_at_once_is_one() {
    let stage = Stage::new().await;
    let path = stage.write("metrics.csv", "step,loss\n0,1.5\n").to_string_lossy().into_owned();
    let add = AddSource { path, kind: Some(Kind::Metrics), project: None, once: true };
    let (one, two) = tokio::join!(stage.try_call(add.clone()), stage.try_call(add));
    for job in [one, two] {
        stage.done(job.unwrap()).await;
    }
    assert_eq!(stage.call(ListSources {}).await.len(), 1);
    assert_eq!(series(&stage).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_away_takes_nothing_with_it() {
    let stage = Stage::new().await;
    let (folder, away) = (stage.path("mlruns"), stage.path("away"));
    copy(&fixture("foreign/tests/fixtures/mlruns"), &folder);
    add(&stage, &folder, None).await;
    let first = series(&stage).await;
    let id = stage.call(ListSources {}).await[0].id;
    let read = async || {
        let job = stage.call(ReadSource { source: id }).await;
        stage.over(job).await.state
    };
    // As a drive that is not mounted, or a folder that was moved: twice, since the first failure leaves a mark.
    fs::rename(&folder, &away).unwrap();
    for _ in 0..2 {
        assert_eq!(read().await, JobState::Failed);
        assert_eq!(series(&stage).await, first);
    }
    fs::rename(&away, &folder).unwrap();
    assert_eq!(read().await, JobState::Done);
    assert_eq!(series(&stage).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_deleted_for_good_is_not_read_again() {
    let stage = Stage::new().await;
    let folder = stage.path("mlruns");
    copy(&fixture("foreign/tests/fixtures/mlruns"), &folder);
    add(&stage, &folder, None).await;
    let source = stage.call(ListSources {}).await.remove(0);
    let mut runs = Vec::new();
    for experiment in stage.call(ListExperiments::default()).await {
        let request = ListRuns { experiment: Some(experiment.id), ..ListRuns::default() };
        runs.extend(stage.call(request).await.rows.into_iter().filter(|row| row.name == "first: of two"));
    }
    let [run] = &runs[..] else { panic!("{runs:?}") };
    stage.call(TrashRuns { runs: vec![run.id] }).await;
    stage.call(PurgeRuns { runs: vec![run.id] }).await;
    // Its head is told again, since a tag of it changed.
    let tags = metric_file(&folder).parent().unwrap().with_file_name("tags");
    fs::write(tags.join("later"), "told").unwrap();
    let job = stage.call(ReadSource { source: source.id }).await;
    stage.done(job).await;
    let then = stage.call(ListSources {}).await.remove(0);
    assert_eq!((then.runs, series(&stage).await.len()), (source.runs - 1, 0));
}

/// A metric of the first run that has one.
pub(crate) fn metric_file(folder: &Path) -> std::path::PathBuf {
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
async fn what_a_database_has_beside_runs_and_models_is_counted() {
    let stage = Stage::new().await;
    let path = stage.path("mlflow.db");
    fs::copy(fixture("store/tests/fixtures/mlflow.db"), &path).unwrap();
    let server = rusqlite::Connection::open(&path).unwrap();
    server
        .execute_batch(
            "CREATE TABLE trace_info (request_id TEXT); INSERT INTO trace_info VALUES ('tr-1'), ('tr-2');
             CREATE TABLE assessments (assessment_id TEXT); INSERT INTO assessments VALUES ('a-1');
             CREATE TABLE evaluation_datasets (dataset_id TEXT);
             CREATE TABLE skills (name TEXT); INSERT INTO skills VALUES ('a');",
        )
        .unwrap();
    drop(server);
    add(&stage, &path, Some(Kind::MlflowDb)).await;
    let source = stage.call(ListSources {}).await.remove(0);
    let said: Vec<&str> = source.warnings.iter().map(|warning| warning.message.as_str()).collect();
    let rest = "left out: runs, models and the registry are read";
    let expected = ["2 traces were", "1 assessment was", "1 skill was"].map(|what| format!("{what} {rest}"));
    assert!(expected.iter().all(|one| said.contains(&one.as_str())) && source.error.is_none(), "{said:?}");
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
async fn a_folder_with_one_log_in_it_means_that_log() {
    let stage = Stage::new().await;
    let log = stage.write("results/deep/metrics.csv", "step,loss\n1,0.5\n");
    for _ in 0..2 {
        add(&stage, &stage.path("results"), None).await;
        let sources = stage.call(ListSources {}).await;
        assert_eq!((sources.len(), Path::new(&sources[0].path)), (1, log.as_path()), "{sources:?}");
    }
    // Of several kinds nobody knows which is meant.
    stage.write("results/other/metrics.json", "{\"loss\": 0.25}");
    copy(&fixture("foreign/tests/fixtures/dvclive"), &stage.path("results/dvclive"));
    let path = stage.path("results").to_string_lossy().into_owned();
    let refused = stage.try_call(AddSource { path, kind: None, project: None, once: true }).await.unwrap_err();
    assert!(refused.message.starts_with("There are several logs at"), "{}", refused.message);
    assert!(refused.hint.unwrap().contains("results/deep/metrics.csv ("), "they are named");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_refused_with_the_way_out_and_without_its_password() {
    let stage = Stage::new().await;
    for (address, way) in [
        ("postgresql+psycopg2://ada:secret@db/mlflow", "mlflow-export-import"),
        ("https://mlflow.example.org", "slipway tracking"),
        ("sqlite:///mlflow.db", "by its path"),
    ] {
        let path = address.to_owned();
        let refused = stage.try_call(AddSource { path, kind: None, project: None, once: true }).await.unwrap_err();
        assert!(refused.message.contains("is an address") && !refused.message.contains("secret"), "{refused:?}");
        assert!(refused.hint.as_ref().is_some_and(|hint| hint.contains(way)), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_found_in_any_depth() {
    let stage = Stage::new().await;
    let path = stage.path("one/two/three/mlflow.db");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::copy(fixture("store/tests/fixtures/mlflow.db"), &path).unwrap();
    let folder = stage.path("one").to_string_lossy().into_owned();
    let found = stage.call(LookForLogs { folder }).await;
    assert!(found.iter().any(|log| log.kind == Kind::MlflowDb && log.path.ends_with("mlflow.db")), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_known_by_its_tables_whatever_it_is_called() {
    let stage = Stage::new().await;
    for name in ["kept/tracking.sqlite", "kept/other.db", "named"] {
        fs::create_dir_all(stage.path(name).parent().unwrap()).unwrap();
        fs::copy(fixture("store/tests/fixtures/mlflow.db"), stage.path(name)).unwrap();
    }
    let other = rusqlite::Connection::open(stage.path("kept/another.db")).unwrap();
    other.execute_batch("CREATE TABLE experiments (id INTEGER)").unwrap();
    for (place, names) in [("kept", vec!["kept/other.db", "kept/tracking.sqlite"]), ("named", vec!["named"])] {
        let found = stage.call(LookForLogs { folder: stage.path(place).to_string_lossy().into_owned() }).await;
        let found: Vec<PathBuf> = found.into_iter().map(|log| PathBuf::from(log.path)).collect();
        assert_eq!(found, names.into_iter().map(|name| stage.path(name)).collect::<Vec<_>>());
    }
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
        if kind == Kind::Wandb {
            // What a run wrote to the terminal stands once, however often its log is read.
            let mut said = Vec::new();
            for experiment in stage.call(ListExperiments::default()).await {
                let request = ListRuns { experiment: Some(experiment.id), ..ListRuns::default() };
                for row in stage.call(request).await.rows {
                    let log = GetRunLog { run: row.id, stream: LogStream::Stdout, after: 0, limit_bytes: None };
                    said.push(stage.call(log).await.text);
                }
            }
            said.retain(|text| !text.is_empty());
            assert_eq!(said, ["said\n"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn media_of_a_log_are_read_where_they_stand() {
    let stage = Stage::new().await;
    let folder = stage.path("tensorboard");
    copy(&fixture("foreign/tests/fixtures/tensorboard"), &folder);
    let read = add(&stage, &folder, None).await;
    assert!(read.message.starts_with("2 runs and 9 points"), "each run once: {}", read.message);
    let mut found = HashMap::new();
    for experiment in stage.call(ListExperiments::default()).await {
        let request = ListRuns { experiment: Some(experiment.id), limit: Some(1000), ..ListRuns::default() };
        for row in stage.call(request).await.rows {
            for of in stage.call(ListMedia::of(row.id)).await.keys {
                found.insert(of.key.clone(), (row.id, of));
            }
        }
    }
    let medium = async |key: &str| {
        let (run, of) = &found[key];
        let shown = stage.call(medium_at(*run, key, None)).await;
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
    let save = saved_to(medium_at(run, "picture", None), &to);
    stage.call(save.clone()).await;
    assert!(fs::read(&to).unwrap().starts_with(b"\x89PNG"));
    // What is there is never written over, and a log that is gone says so.
    let error = stage.try_call(save).await.unwrap_err();
    assert!(error.message.contains("is there already"), "{error:?}");
    fs::remove_dir_all(&folder).unwrap();
    let error = stage.try_call(medium_at(run, "picture", None)).await.unwrap_err();
    assert!(error.message.contains("can't be read"), "{error:?}");
}

/// A log of Weights & Biases with these rows of history: step, key and the object.
fn wandb_log(rows: &[(u8, &str, &str)]) -> Vec<u8> {
    // As protobuf writes a field with a length.
    let field = |number: u8, data: &[u8]| {
        let mut field = Vec::new();
        for mut number in [usize::from(number) << 3 | 2, data.len()] {
            while number >= 0x80 {
                field.push(number as u8 | 0x80);
                number >>= 7;
            }
            field.push(number as u8);
        }
        [&field[..], data].concat()
    };
    let mut log = b":W&B\xe1\xbe\0".to_vec();
    for (step, key, object) in rows {
        let item = field(1, &[field(1, key.as_bytes()), field(16, object.as_bytes())].concat());
        let record = field(2, &[&item[..], &field(2, &[0x08, *step])].concat());
        let sum = crc32fast::hash(&[&[1], &record[..]].concat());
        log.extend(sum.to_le_bytes());
        log.extend(u16::try_from(record.len()).unwrap().to_le_bytes());
        log.push(1);
        log.extend(record);
    }
    log
}

#[tokio::test(flavor = "multi_thread")]
async fn media_of_weights_and_biases_stand_by_their_steps() {
    let stage = Stage::new().await;
    let run = stage.path("wandb/offline-run-20231114_221320-demo0001");
    let file = |name: &str, bytes: &[u8]| {
        let path = run.join("files/media").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    file("images/p_1.png", b"\x89PNG one");
    file("images/p_2.png", b"\x89PNG two");
    file("audio/a.wav", b"RIFF\0\0\0\0WAVEfmt ");
    file("table/t.table.json", br#"{"columns": ["n", "x"], "data": [["a", 0.5], ["b", null]]}"#);
    file("html/h.html", b"<b>bold</b>");
    file("videos/v.mp4", b"\0\0\0 ftypisom");
    file("videos/x.mp4", b"<script>");
    file("plotly/y.plotly.json", br#"{"data": []}"#);
    file("object3D/o.pts.json", b"[]");
    let object = |kind: &str, path: &str| format!(r#"{{"_type": "{kind}", "path": "media/{path}"}}"#);
    let rows = [
        (1, "p", object("image-file", "images/p_1.png")),
        (2, "p", object("image-file", "images/p_2.png")),
        (2, "a", object("audio-file", "audio/a.wav")),
        (2, "t", object("table-file", "table/t.table.json")),
        (2, "h", object("html-file", "html/h.html")),
        (2, "v", object("video-file", "videos/v.mp4")),
        (2, "x", object("video-file", "videos/x.mp4")),
        (2, "y", object("plotly-file", "plotly/y.plotly.json")),
        (2, "o", object("object3D-file", "object3D/o.pts.json")),
        (1, "w", r#"{"_type": "histogram", "bins": [0, 1, 2], "values": [3, 4]}"#.to_owned()),
        (
            2,
            "w",
            r#"{"_type": "histogram", "packedBins": {"min": 0, "size": 2, "count": 2}, "values": [5, 6]}"#.to_owned(),
        ),
        (3, "loss", "0.5".to_owned()),
    ];
    let rows: Vec<_> = rows.iter().map(|(step, key, object)| (*step, *key, object.as_str())).collect();
    fs::write(run.join("run-demo0001.wandb"), wandb_log(&rows)).unwrap();
    let read = add(&stage, &stage.path("wandb"), None).await.message;
    assert!(read.contains("; 1 thing was not read (`slipway source list`)"), "{read}");
    let source = stage.call(ListSources {}).await.remove(0);
    assert_eq!((source.warned, source.error), (1, None), "{:?}", source.warnings);
    assert!(source.warnings[0].message.starts_with("1 media of kinds that are not shown"), "{:?}", source.warnings);
    let experiment = stage.call(ListExperiments::default()).await.into_iter().find(|one| one.runs > 0).unwrap();
    let request = ListRuns { experiment: Some(experiment.id), ..ListRuns::default() };
    let id = stage.call(request).await.rows[0].id;
    let keys = stage.call(ListMedia::of(id)).await.keys;
    let told: Vec<_> = keys.iter().map(|of| (of.key.as_str(), of.steps.as_slice())).collect();
    // Their files are not told again by their names.
    let each = [("a", &[2][..]), ("h", &[2]), ("p", &[1, 2]), ("t", &[2]), ("v", &[2]), ("w", &[1, 2])];
    assert_eq!(told, [&each[..], &[("x", &[2]), ("y", &[2])]].concat());
    let kind_of = |key: &str| keys.iter().find(|of| of.key == key).map(|of| of.kind);
    assert_eq!((kind_of("h"), kind_of("v")), (Some(MediumKind::Page), Some(MediumKind::Video)));
    let medium = async |key: &str, step| stage.call(medium_at(id, key, step)).await.content;
    let saved = async |key: &str, step, name: &str| {
        let to = stage.path(name);
        stage.call(saved_to(medium_at(id, key, step), &to)).await;
        fs::read(to).unwrap()
    };
    assert_eq!(saved("p", Some(1), "one.png").await, b"\x89PNG one");
    assert_eq!(saved("p", None, "two.png").await, b"\x89PNG two");
    let (_, kind) = engine::run::media::bytes(&stage.engine, id, "a", (None, None)).await.unwrap();
    assert_eq!(kind, "audio/wav");
    let (edges, counts) = (vec![0.0, 1.0, 2.0], vec![3.0, 4.0]);
    assert_eq!(medium("w", Some(1)).await, MediumContent::Histogram { edges, counts });
    // All of its steps at once, and nothing where there is none.
    let steps = GetMediumSteps { run: id, key: "w".to_owned(), steps: vec![2, 7, 1] };
    let told = stage.call(steps).await;
    assert_eq!((told[0].as_ref().map(|one| one.step), &told[1]), (Some(2), &None));
    assert_eq!(told[2].as_ref().unwrap().content, medium("w", Some(1)).await);
    let steps = GetMediumSteps { run: id, key: "w".to_owned(), steps: (0..101).collect() };
    assert!(stage.try_call(steps).await.unwrap_err().message.starts_with("At most 100 steps"));
    let (edges, counts) = (vec![0.0, 2.0, 4.0], vec![5.0, 6.0]);
    assert_eq!(medium("w", Some(2)).await, MediumContent::Histogram { edges, counts });
    let rows = vec![vec!["a".to_owned(), "0.5".to_owned()], vec!["b".to_owned(), String::new()]];
    let columns = vec!["n".to_owned(), "x".to_owned()];
    assert_eq!(medium("t", None).await, MediumContent::Table { columns, rows, total_rows: 2 });
    assert_eq!(medium("h", None).await, MediumContent::Bytes { size_bytes: 11 });
    let kind_of =
        async |key: &str| engine::run::media::bytes(&stage.engine, id, key, (None, None)).await.map(|(_, kind)| kind);
    assert_eq!(kind_of("h").await.unwrap(), "text/html; charset=utf-8");
    assert_eq!(kind_of("v").await.unwrap(), "video/mp4");
    assert!(kind_of("x").await.is_err(), "its bytes are no video");
    let text = r#"{"data": []}"#.to_owned();
    assert_eq!(medium("y", None).await, MediumContent::Text { text, is_cut: false });
    // A link that took a file's place leads to nothing, and a log that was changed is not taken for what it was.
    #[cfg(unix)]
    {
        fs::remove_file(run.join("files/media/images/p_1.png")).unwrap();
        std::os::unix::fs::symlink(stage.path("one.png"), run.join("files/media/images/p_1.png")).unwrap();
        let error = stage.try_call(medium_at(id, "p", Some(1))).await.unwrap_err();
        assert!(error.message.contains("leads out of its log"), "{error:?}");
    }
    fs::write(run.join("run-demo0001.wandb"), wandb_log(&[(1, "w", "1")])).unwrap();
    let steps = GetMediumSteps { run: id, key: "w".to_owned(), steps: vec![1, 2] };
    assert_eq!(stage.call(steps).await, [None, None], "what can't be read is a gap");
    let error = stage.try_call(medium_at(id, "w", Some(1))).await.unwrap_err();
    assert!(error.message.contains("was changed since it was read"), "{error:?}");
}

/// Writes these rows over the log of a run of Weights & Biases.
fn write_wandb(stage: &Stage, rows: &[(u8, &str, &str)]) {
    let folder = stage.path("wandb/offline-run-20231114_221320-demo0001");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("run-demo0001.wandb"), wandb_log(rows)).unwrap();
}

/// The source and the run of such a log once it is read, and the file that the run's output is kept in.
async fn read_wandb(stage: &Stage, rows: &[(u8, &str, &str)]) -> (SourceId, RunId, PathBuf) {
    write_wandb(stage, rows);
    add(stage, &stage.path("wandb"), None).await;
    let source = stage.call(ListSources {}).await.remove(0).id;
    let run = stage.engine.store().read(move |c| store::source::runs(c, source)).await.unwrap()[0];
    (source, run, stage.engine.workspace().run(run).join("stdout.log"))
}

/// Key, points and last step of each metric of a run.
async fn metrics(stage: &Stage, run: RunId) -> Vec<(String, u64, i64)> {
    let metrics = stage.call(api::run::GetRun { run }).await.metrics;
    metrics.into_iter().map(|metric| (metric.key, metric.count, metric.step)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_log_of_weights_and_biases_replaces_the_one_that_stood_in_its_place() {
    let stage = Stage::new().await;
    let histogram = r#"{"_type": "histogram", "bins": [0, 1, 2], "values": [3, 4]}"#;
    let rows = [(1_u8, "loss", "1"), (2, "loss", "0.5"), (2, "w", histogram)];
    let (source, run, output) = read_wandb(&stage, &rows).await;
    fs::create_dir_all(output.parent().unwrap()).unwrap();
    fs::write(&output, "of the other log\n").unwrap();
    assert_eq!(series(&stage).await[0].2, 2);

    write_wandb(&stage, &[(7, "loss", "0.25")]);
    let job = stage.call(ReadSource { source }).await;
    stage.done(job).await;
    assert_eq!(metrics(&stage, run).await, [("loss".to_owned(), 1, 7)]);
    assert!(stage.call(ListMedia::of(run)).await.keys.is_empty() && !output.exists());
    let said = stage.call(ListSources {}).await.remove(0).warnings;
    assert!(said.iter().any(|said| said.message.contains("shorter than it was")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_replaced_log_wrote_goes_also_where_the_reading_broke_off_before_it_went() {
    let stage = Stage::new().await;
    let (source, run, output) = read_wandb(&stage, &[(1, "loss", "1"), (2, "loss", "0.5")]).await;
    // It can't be removed, as if the host were killed before: what was told is in the database by then.
    fs::create_dir_all(&output).unwrap();
    write_wandb(&stage, &[(7, "loss", "0.25")]);
    let job = stage.call(ReadSource { source }).await;
    assert_eq!(stage.over(job).await.state, JobState::Failed);

    fs::remove_dir(&output).unwrap();
    fs::write(&output, "of the other log\n").unwrap();
    let job = stage.call(ReadSource { source }).await;
    stage.done(job).await;
    assert!(!output.exists());
    assert_eq!(metrics(&stage, run).await, [("loss".to_owned(), 1, 7)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn media_of_dvclive_stand_by_their_steps() {
    let stage = Stage::new().await;
    let folder = stage.path("dvclive");
    copy(&fixture("foreign/tests/fixtures/dvclive"), &folder);
    fs::write(folder.join("plots/images/steps/7.png"), b"\x89PNG seven").unwrap();
    add(&stage, &folder, None).await;
    let source = stage.call(ListSources {}).await.remove(0);
    assert_eq!(source.warned, 0, "{:?}", source.warnings);
    let experiment = stage.call(ListExperiments::default()).await.into_iter().find(|one| one.runs > 0).unwrap();
    let request = ListRuns { experiment: Some(experiment.id), ..ListRuns::default() };
    let run = stage.call(request).await.rows[0].id;
    let told = async || -> Vec<(String, Vec<i64>)> {
        stage.call(ListMedia::of(run)).await.keys.into_iter().map(|of| (of.key, of.steps)).collect()
    };
    assert_eq!(told().await, [("sample.png".to_owned(), vec![0]), ("steps".to_owned(), vec![3, 7])]);
    // A picture without a step is written over: the last is shown, once.
    fs::write(folder.join("plots/images/sample.png"), b"\x89PNG later").unwrap();
    let job = stage.call(ReadSource { source: source.id }).await;
    stage.done(job).await;
    assert_eq!(told().await[0], ("sample.png".to_owned(), vec![0]));
    let (bytes, kind) = engine::run::media::bytes(&stage.engine, run, "sample.png", (None, None)).await.unwrap();
    let engine::run::media::Bytes::File(mut file, _) = bytes else { panic!("{bytes:?}") };
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut file, &mut bytes).unwrap();
    assert_eq!((bytes, kind), (b"\x89PNG later".to_vec(), "image/png"));
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
        ("predictions/step_4.csv", b"name,score\na,0.5\nb,\n"),
        ("predictions/step_8.tsv", b"name\tscore\nc\t1\n"),
        ("predictions/step_9.table.json", br#"{"columns": ["name", "score"], "data": [["d", 2]]}"#),
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
    let keys = stage.call(ListMedia::of(run)).await.keys;
    let told: Vec<_> = keys.iter().map(|of| (of.key.as_str(), of.steps.as_slice())).collect();
    let named = [("note.txt", &[0][..]), ("scores.json", &[0]), ("page.html", &[0])];
    let by_steps = [("sample", &[1, 20][..]), ("predictions", &[4, 8, 9])];
    for expected in by_steps.into_iter().chain(named) {
        assert!(told.contains(&expected), "{expected:?} of {told:?}");
    }
    assert!(!told.iter().any(|(key, _)| key.contains("requirements")), "{told:?}");
    let by_words = async |words: &str| {
        let found = stage.call(ListMedia { words: words.to_owned(), ..ListMedia::of(run) }).await;
        (found.keys.into_iter().map(|of| of.key).collect::<Vec<_>>(), found.total)
    };
    assert_eq!(by_words("JSON scores").await, (vec!["scores.json".to_owned()], 1));
    assert_eq!(by_words("scores note").await, (Vec::new(), 0));
    let by_step: Vec<_> = keys.iter().filter(|of| of.by_step).map(|of| of.key.as_str()).collect();
    assert!(by_step.contains(&"sample"), "{by_step:?}");
    assert!(!["note.txt", "scores.json", "page.html"].iter().any(|file| by_step.contains(file)), "{by_step:?}");
    let medium = async |key: &str, step| stage.call(medium_at(run, key, step)).await.content;
    // Of step 20 the whole picture, not its small copy.
    let to = stage.path("saved");
    assert_eq!(stage.call(saved_to(medium_at(run, "sample", None), &to)).await.step, 20);
    assert_eq!(fs::read(&to).unwrap(), b"whole");
    assert_eq!(medium("sample", Some(1)).await, MediumContent::Bytes { size_bytes: 3 });
    assert_eq!(medium("note.txt", None).await, MediumContent::Text { text: "words".to_owned(), is_cut: false });
    let rows = vec![vec!["a".to_owned(), "0.5".to_owned()], vec!["b".to_owned(), String::new()]];
    let columns = vec!["name".to_owned(), "score".to_owned()];
    let scores = MediumContent::Table { columns: columns.clone(), rows, total_rows: 2 };
    assert_eq!(medium("scores.json", None).await, scores);
    // A table of lines is the same one.
    assert_eq!(medium("predictions", Some(4)).await, scores);
    for (step, cells) in [(8, ["c", "1"]), (9, ["d", "2"])] {
        let rows = vec![cells.map(str::to_owned).to_vec()];
        let wanted = MediumContent::Table { columns: columns.clone(), rows, total_rows: 1 };
        assert_eq!(medium("predictions", Some(step)).await, wanted);
    }
    // What its first bytes don't tell to be a picture is not sent as one.
    let refused = engine::run::media::bytes(&stage.engine, run, "sample", (Some(1), None)).await.unwrap_err();
    assert!(refused.to_string().contains("in no format"), "{refused}");
    let error = stage.try_call(medium_at(run, "sample", Some(2))).await.unwrap_err();
    assert!(error.message.contains("at step 2"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn as_much_of_an_experiments_name_is_taken_as_one_has_here() {
    let stage = Stage::new().await;
    let folder = stage.path("mlruns");
    copy(&fixture("foreign/tests/fixtures/mlruns"), &folder);
    let meta = folder.join("100000000000000001/meta.yaml");
    let text = fs::read_to_string(&meta).unwrap().replace("name: churn", &format!("name: {}", "ü".repeat(100_000)));
    fs::write(&meta, text).unwrap();
    add(&stage, &folder, None).await;
    let names: Vec<String> = stage.call(ListExperiments::default()).await.into_iter().map(|one| one.name).collect();
    assert!(names.contains(&"ü".repeat(500)), "{:?}", names.iter().map(String::len).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_param_of_many_megabytes_is_left_out_and_named() {
    let stage = Stage::new().await;
    let folder = stage.path("mlruns");
    copy(&fixture("foreign/tests/fixtures/mlruns"), &folder);
    let params = folder.join("100000000000000001").join("a".repeat(32)).join("params");
    for (name, bytes) in [("long", 1 << 20), ("huge", 5 << 20)] {
        fs::write(params.join(name), "x".repeat(bytes)).unwrap();
    }
    add(&stage, &folder, None).await;
    let said = stage.call(ListSources {}).await.remove(0).warnings;
    let said: Vec<_> = said.iter().map(|one| one.message.as_str()).filter(|one| one.contains("was left out")).collect();
    assert!(said.iter().any(|one| one.contains("\"huge\"")), "{said:?}");
    assert!(!said.iter().any(|one| one.contains("\"long\"")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_run_with_more_texts_than_a_run_may_have_the_rest_is_left_out_and_counted() {
    let stage = Stage::new().await;
    let folder = stage.path("mlruns");
    copy(&fixture("foreign/tests/fixtures/mlruns"), &folder);
    let params = folder.join("100000000000000001").join("a".repeat(32)).join("params");
    let text = "x".repeat(4 << 20);
    for number in 0..17 {
        fs::write(params.join(format!("long{number}")), &text).unwrap();
    }
    add(&stage, &folder, None).await;
    let said = stage.call(ListSources {}).await.remove(0).warnings;
    let said: Vec<_> = said.iter().map(|one| one.message.as_str()).filter(|one| one.contains("left out")).collect();
    let expect = "2 params and tags were left out: those of a run have 67108864 bytes together at most";
    assert!(said.contains(&expect), "{said:?}");
}
