//! MLflow's own database, as its client 3.17.2 left it: `tests/fixtures/make_mlflow_db.py` made the files, and
//! `make_models.py` of the readers of other logs the one with models.

use std::{fs, path::PathBuf};

use api::{run::RunState, series::Point};
use rusqlite::Connection;
use store::{
    StoreError,
    mlflow_db::{Dataset, MlflowDb},
};
use tempfile::TempDir;

/// A copy of a fixture, which a test may write to.
fn copy(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    fs::copy(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name), &path).unwrap();
    (folder, path)
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn what_mlflow_wrote_is_read() {
    let (_folder, path) = copy("mlflow.db");
    let database = MlflowDb::open(&path).unwrap();
    assert_eq!(database.schema(), Some("dc11669786a5"));
    let experiments = database.experiments().unwrap();
    let said: Vec<_> = experiments.iter().map(|one| (one.id, &*one.name, one.deleted)).collect();
    assert_eq!(said, [(0, "Default", false), (1, "churn", false), (2, "old", true)]);
    assert_eq!(experiments[1].tags, pairs(&[("team", "growth")]));
    assert_eq!(experiments[1].artifact_location.as_deref(), Some("/srv/artifacts"));

    let runs = database.runs(0, 2).unwrap();
    let more = database.runs(runs[1].cursor, 2).unwrap();
    assert_eq!((runs.len(), more.len()), (2, 1));
    let first = &runs[0];
    assert_eq!((first.name.as_deref(), first.state, first.deleted), (Some("first"), Some(RunState::Finished), false));
    assert_eq!((first.started_ms, first.ended_ms), (Some(1_700_000_000_000), Some(1_700_000_002_000)));
    assert_eq!(first.params, pairs(&[("lr", "0.1"), ("opt/name", "adam")]));
    let tags = [("mlflow.note.content", "Best so far."), ("mlflow.runName", "first"), ("mlflow.user", "ada")];
    assert_eq!(first.tags, pairs(&tags));
    let last = |step, time_ms, value| Point { step, time_ms, value };
    let latest = [
        ("loss".to_owned(), last(249, 1_700_000_000_249, 0.004)),
        ("odd/value".to_owned(), last(3, 1_700_000_001_000, 0.5)),
    ];
    assert_eq!(first.latest, latest);
    let dataset = Dataset {
        name: "churn.csv".to_owned(),
        digest: "abc123".to_owned(),
        source_type: Some("http".to_owned()),
        source: Some("{\"url\": \"https://example.org/churn.csv\"}".to_owned()),
        schema: None,
        profile: None,
        tags: pairs(&[("mlflow.data.context", "training")]),
    };
    assert_eq!(first.inputs, [dataset]);
    assert_eq!((runs[1].state, runs[1].deleted), (Some(RunState::Failed), true));
    assert_eq!((more[0].state, more[0].ended_ms), (Some(RunState::Running), None));
    assert_eq!(database.run(&first.id).unwrap().as_ref(), Some(first));
    assert_eq!(database.run("none").unwrap(), None);
}

#[test]
fn histories_come_in_pieces_with_every_point() {
    let (_folder, path) = copy("mlflow.db");
    let database = MlflowDb::open(&path).unwrap();
    let run = database.runs(0, 1).unwrap().remove(0).id;
    let (mut points, mut after) = (Vec::new(), None);
    loop {
        let (piece, next) = database.history(&run, "loss", after, 100).unwrap();
        assert!(piece.len() <= 100);
        points.extend(piece);
        after = next;
        if after.is_none() {
            break;
        }
    }
    let expect: Vec<Point> = (0..250_i32)
        .map(|step| Point {
            step: step.into(),
            time_ms: 1_700_000_000_000 + i64::from(step),
            value: 1.0 / f64::from(step + 1),
        })
        .collect();
    assert_eq!(points, expect);
    let (odd, _) = database.history(&run, "odd/value", None, 100).unwrap();
    assert!(odd[0].value.is_nan());
    assert_eq!([odd[1].value, odd[2].value, odd[3].value], [f64::INFINITY, f64::NEG_INFINITY, 0.5]);

    let (mut all, mut cursor) = (0, 0);
    loop {
        let piece = database.points(cursor, 100).unwrap();
        assert!(piece.points.iter().all(|(of, key, _)| *of == run && ["loss", "odd/value"].contains(&&**key)));
        all += piece.points.len();
        cursor = piece.cursor;
        if piece.last {
            break;
        }
    }
    assert_eq!(all, 254);
    assert_eq!(database.points(cursor, 100).unwrap().cursor, cursor);
}

#[test]
fn the_registry_is_read() {
    let (_folder, path) = copy("mlflow.db");
    let database = MlflowDb::open(&path).unwrap();
    let models = database.models().unwrap();
    let [model] = models.as_slice() else { panic!("{models:?}") };
    assert_eq!((&*model.name, model.description.as_deref()), ("churn-model", Some("Who leaves.")));
    assert_eq!(model.tags, pairs(&[("owner", "ada")]));
    assert_eq!(model.aliases, [("champion".to_owned(), 2)]);
    let versions = database.versions(model, 0, 2).unwrap();
    let more = database.versions(model, versions[1].version, 2).unwrap();
    let numbers: Vec<_> = versions.iter().chain(&more).map(|version| (version.version, version.tags.clone())).collect();
    let expect = [(1, "0"), (2, "1"), (3, "2")].map(|(version, number)| (version, pairs(&[("number", number)])));
    assert_eq!(numbers, expect);
    assert_eq!(versions[0].source.as_deref(), Some("/srv/artifacts/0"));
    assert_eq!(versions[0].run, Some(database.runs(0, 1).unwrap().remove(0).id));
}

#[test]
fn what_is_not_read_is_counted() {
    let (_folder, path) = copy("mlflow.db");
    assert_eq!(MlflowDb::open(&path).unwrap().unread().unwrap(), [0; 5]);
    let server = Connection::open(&path).unwrap();
    server
        .execute_batch(
            "CREATE TABLE trace_info (request_id TEXT); INSERT INTO trace_info VALUES ('tr-1'), ('tr-2');
             CREATE TABLE assessments (assessment_id TEXT);
             CREATE TABLE evaluation_datasets (dataset_id TEXT); INSERT INTO evaluation_datasets VALUES ('d-1');
             CREATE TABLE mcp_servers (name TEXT);
             CREATE TABLE skills (name TEXT); INSERT INTO skills VALUES ('a'), ('b'), ('c');",
        )
        .unwrap();
    assert_eq!(MlflowDb::open(&path).unwrap().unread().unwrap(), [2, 0, 1, 0, 3]);
}

#[test]
fn the_schema_of_mlflow_1_0_lacks_what_came_later() {
    let (_folder, path) = copy("mlflow-1.0.db");
    let database = MlflowDb::open(&path).unwrap();
    assert_eq!(database.schema(), Some("451aebb31d03"));
    let runs = database.runs(0, 10).unwrap();
    let [run] = runs.as_slice() else { panic!("{runs:?}") };
    assert_eq!((run.name.as_deref(), run.user.as_deref(), run.deleted_ms), (None, Some("ada"), None));
    let last = Point { step: 0, time_ms: 1_550_000_000_002, value: 0.7 };
    assert_eq!(run.latest, [("loss".to_owned(), last)]);
    assert_eq!(database.history(&run.id, "loss", None, 10).unwrap().0.len(), 3);
    assert_eq!(database.experiments().unwrap()[0].created_ms, None);
    assert_eq!(database.models().unwrap(), []);
}

#[test]
fn a_server_writes_on_while_it_is_read() {
    for journal in ["wal", "delete"] {
        let (_folder, path) = copy("mlflow.db");
        let mut server = Connection::open(&path).unwrap();
        server.pragma_update(None, "journal_mode", journal).unwrap();
        let database = MlflowDb::open(&path).unwrap();
        let run = database.runs(0, 1).unwrap().remove(0).id;
        let piece = database.points(0, 1000).unwrap();
        assert!(piece.last);
        let insert =
            "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES ('loss', ?2, 1, ?1, 999, 0)";
        let write = server.transaction().unwrap();
        write.execute(insert, rusqlite::params![run, 0.25]).unwrap();
        assert_eq!(database.points(piece.cursor, 1000).unwrap().points, [], "{journal}: not committed");
        // In both modes a reader that is done does not keep the server from committing.
        write.commit().unwrap();
        let new = database.points(piece.cursor, 1000).unwrap();
        let point = Point { step: 999, time_ms: 1, value: 0.25 };
        assert_eq!(new.points, [(run, "loss".to_owned(), point)], "{journal}");
    }
}

#[test]
fn a_lock_is_said_with_the_way_out_and_passes() {
    let (_folder, path) = copy("mlflow.db");
    let database = MlflowDb::open(&path).unwrap();
    let server = Connection::open(&path).unwrap();
    server.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = database.experiments().unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("stop the MLflow server"), "{error}");
    server.execute_batch("COMMIT").unwrap();
    assert_eq!(database.experiments().unwrap().len(), 3);
}

#[test]
fn a_write_ahead_log_that_cant_be_shared_is_read_without() {
    let (folder, path) = copy("mlflow.db");
    Connection::open(&path).unwrap().pragma_update(None, "journal_mode", "wal").unwrap();
    // Stands for a folder that can't be written to, which the tests' user may be able to.
    fs::create_dir(folder.path().join("mlflow.db-shm")).unwrap();
    let before = fs::read(&path).unwrap();
    assert_eq!(MlflowDb::open(&path).unwrap().experiments().unwrap().len(), 3);
    assert!(fs::read(&path).unwrap() == before);
}

#[test]
fn an_experiment_whose_id_is_a_text_is_left_out_alone() {
    let (_folder, path) = copy("mlflow.db");
    Connection::open(&path)
        .unwrap()
        .execute_batch(
            "PRAGMA foreign_keys = OFF;
             CREATE TABLE other AS SELECT * FROM experiments;
             DROP TABLE experiments;
             ALTER TABLE other RENAME TO experiments;
             INSERT INTO experiments (experiment_id, name) VALUES ('first', 'of a text');",
        )
        .unwrap();
    let database = MlflowDb::open(&path).unwrap();
    assert_eq!(database.experiments().unwrap().len(), 3);
    assert_eq!(database.experiments_without_number().unwrap(), 1);
}

#[test]
fn a_damaged_database_is_told_by_its_own_name() {
    let (_folder, path) = copy("mlflow.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0xff);
    fs::write(&path, bytes).unwrap();
    let error = MlflowDb::open(&path).and_then(|database| database.experiments()).unwrap_err();
    assert!(matches!(error, StoreError::DamagedMlflow { .. }) && !error.is_damaged(), "{error:?}");
    let said = error.to_string();
    assert!(said.starts_with(&format!("{} is damaged: ", path.display())), "{said}");
    assert!(said.contains("sqlite3 mlflow.db \".recover\""), "{said}");
}

#[test]
fn what_is_no_such_database_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, content: Option<&[u8]>, why: &str| {
        let path = folder.path().join(name);
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        let error = MlflowDb::open(&path).err().unwrap();
        assert!(matches!(error, StoreError::NotMlflow { .. }) && error.to_string().contains(why), "{error}");
    };
    check("missing.db", None, "no such file");
    check("empty.db", Some(b""), "no table experiments");
    check("junk.db", Some(&[7; 8192]), "no SQLite database");
    check("", None, "no such file");
    // A whole header over half a file.
    let (_folder, path) = copy("mlflow.db");
    let bytes = fs::read(&path).unwrap();
    for end in [100, 1024, 5000, bytes.len() / 2] {
        fs::write(&path, &bytes[..end]).unwrap();
        if let Ok(database) = MlflowDb::open(&path) {
            let _ = (database.runs(0, 10), database.points(0, 1000), database.models());
        }
    }
}

#[test]
fn rows_of_wrong_types_are_left_out_and_counted() {
    let (_folder, path) = copy("mlflow.db");
    let server = Connection::open(&path).unwrap();
    server
        .execute_batch(
            "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)
             SELECT 'wrong', 'many', 1, run_uuid, 1, 0 FROM runs WHERE name = 'first';
             INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)
             SELECT 'whole', 3, 1, run_uuid, 1, 0 FROM runs WHERE name = 'first';
             UPDATE runs SET start_time = 'soon', user_id = x'ff' WHERE name = 'first';",
        )
        .unwrap();
    let database = MlflowDb::open(&path).unwrap();
    let piece = database.points(0, 1000).unwrap();
    assert_eq!((piece.points.len(), piece.left_out), (255, 1));
    let run = database.runs(0, 1).unwrap().remove(0);
    assert_eq!((run.started_ms, run.user.as_deref()), (None, Some("\u{fffd}")));
}

#[test]
fn logged_models_are_read_with_the_runs_that_were_given_and_made_them() {
    let (_folder, path) = copy("mlflow-models.db");
    let database = MlflowDb::open(&path).unwrap();
    let models = database.logged_models(0, 1).unwrap();
    let more = database.logged_models(models[0].cursor, 5).unwrap();
    assert_eq!((models.len(), more.len()), (1, 1));
    let (forest, broken) = (&models[0], &more[0]);
    let runs = database.runs(0, 5).unwrap();
    assert_eq!(
        (&*forest.name, forest.run.as_ref(), forest.kind.as_deref()),
        ("forest", Some(&runs[0].id), Some("sklearn"))
    );
    assert_eq!((forest.status, broken.status, broken.kind.as_deref()), (Some(2), Some(3), None));
    assert_eq!((&forest.params, &forest.tags), (&pairs(&[("trees", "100")]), &pairs(&[("kind", "trees")])));
    let told: Vec<_> =
        forest.metrics.iter().map(|one| (&*one.key, one.step, one.value, one.dataset_name.as_deref())).collect();
    assert_eq!(told, [("accuracy", 1, 0.8, None), ("accuracy", 2, 0.9, None), ("auc", 3, 0.75, Some("churn.csv"))]);
    assert_eq!(runs[0].models, [(forest.id.clone(), Some(2))]);
    assert_eq!(runs[1].models, [(forest.id.clone(), None)]);
    // MLflow keeps an infinity as the greatest float.
    let server = Connection::open(&path).unwrap();
    let sql = "UPDATE logged_model_metrics SET metric_value = -1.7976931348623157e308 WHERE metric_name = 'auc'";
    server.execute(sql, []).unwrap();
    assert_eq!(database.logged_models(0, 1).unwrap()[0].metrics[2].value, f64::NEG_INFINITY);
    // Older schemas have none.
    let (_folder, path) = copy("mlflow-1.0.db");
    assert_eq!(MlflowDb::open(&path).unwrap().logged_models(0, 5).unwrap(), []);
}

#[test]
fn bytes_where_a_text_belongs_are_counted_and_left_out() {
    let (_folder, path) = copy("mlflow.db");
    let before = MlflowDb::open(&path).unwrap().runs(0, 1).unwrap().remove(0);
    assert_eq!(before.bytes, 0);
    let other = Connection::open(&path).unwrap();
    other.execute("UPDATE params SET value = x'000000' WHERE run_uuid = ?1 AND key = 'lr'", [&before.id]).unwrap();
    other.execute("UPDATE tags SET value = x'ff' WHERE run_uuid = ?1 AND key = 'mlflow.user'", [&before.id]).unwrap();
    drop(other);
    let after = MlflowDb::open(&path).unwrap().runs(0, 1).unwrap().remove(0);
    assert_eq!((after.bytes, after.params), (2, pairs(&[("opt/name", "adam")])));
    assert_eq!(after.tags.len(), before.tags.len() - 1);
}

#[test]
fn the_row_of_a_cursor_is_known_by_what_stands_in_it() {
    let (_folder, path) = copy("mlflow.db");
    let database = MlflowDb::open(&path).unwrap();
    let piece = database.points(0, 1000).unwrap();
    let last = database.points(piece.cursor - 1, 1).unwrap();
    assert_eq!((last.cursor, last.sum, last.in_seconds), (piece.cursor, piece.sum, false));
    let server = Connection::open(&path).unwrap();
    server.execute("UPDATE metrics SET step = 7777, timestamp = 1550000000 WHERE rowid = ?1", [piece.cursor]).unwrap();
    let other = database.points(piece.cursor - 1, 1).unwrap();
    assert!(other.sum.is_some() && other.sum != piece.sum && other.in_seconds);
    assert_eq!(other.points[0].2.time_ms, 1_550_000_000_000);
}

#[test]
fn addresses_of_artifacts_are_counted_by_their_scheme() {
    let (_folder, path) = copy("mlflow.db");
    let addresses = || MlflowDb::open(&path).unwrap().artifact_addresses().unwrap();
    // Paths are no addresses.
    assert_eq!(addresses(), []);
    let writer = Connection::open(&path).unwrap();
    writer.execute("UPDATE runs SET artifact_uri = 's3://bucket/' || run_uuid", []).unwrap();
    let first =
        "UPDATE runs SET artifact_uri = 'mlflow-artifacts:/1/a/artifacts' WHERE rowid = (SELECT min(rowid) FROM runs)";
    writer.execute(first, []).unwrap();
    let found = addresses();
    assert_eq!(found.iter().map(|(_, runs)| *runs).collect::<Vec<_>>(), [1, 2]);
    assert!(found[0].0 == "mlflow-artifacts:/1/a/artifacts" && found[1].0.starts_with("s3://bucket/"), "{found:?}");
}
