//! What MLflow's own stores hold beside runs: logged models, the registry, datasets, tags of experiments.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use api::{
    RunId,
    logged::RestoreLogged,
    model::ListOtherModels,
    registered::{ListDeletedModels, RestoreModel},
    run::{GetLineage, ListRuns},
    source::{AddSource, Kind, ListDeletedSources, ListSources, ReadSource, RemoveSource, RestoreSource},
    tracking::{EditExperiment, ListExperiments, LoggedModel, LoggedStatus, PurgeRuns, Stage as ModelStage},
};
use engine::tracking::{
    artifacts, experiments, logged,
    registry::{self, NewVersion, Registered},
};

use crate::{
    sources::{copy, fixture},
    stage::Stage,
};

/// One journey in one of MLflow's own stores, and the folder that it names as its place.
struct Kept {
    kind: Kind,
    path: PathBuf,
    folder: PathBuf,
}

/// The same journey, once in each of them.
fn both(stage: &Stage, name: &str) -> [Kept; 2] {
    [files(&stage.path(&format!("{name}-files"))), database(&stage.path(&format!("{name}-database")))]
}

fn files(folder: &Path) -> Kept {
    let path = folder.join("mlruns");
    copy(&fixture("foreign/tests/fixtures/mlruns-models"), &path);
    Kept { kind: Kind::MlflowFiles, folder: path.clone(), path }
}

/// The database with the files that it speaks of.
fn database(folder: &Path) -> Kept {
    fs::create_dir_all(folder).unwrap();
    let path = folder.join("mlflow.db");
    fs::copy(fixture("store/tests/fixtures/mlflow-models.db"), &path).unwrap();
    let own = rusqlite::Connection::open(&path).unwrap();
    let place = folder.to_string_lossy();
    for (table, column) in [
        ("runs", "artifact_uri"),
        ("logged_models", "artifact_location"),
        ("model_versions", "source"),
        ("model_versions", "storage_location"),
    ] {
        let sql = format!("UPDATE {table} SET {column} = replace({column}, '/srv/store', ?1)");
        own.execute(&sql, [&place]).unwrap();
    }
    let one = |sql: &str| own.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let run = Path::new(&one("SELECT artifact_uri FROM runs WHERE name = 'first'")).join("weights");
    let model = PathBuf::from(one("SELECT artifact_location FROM logged_models WHERE name = 'forest'"));
    fs::create_dir_all(&run).unwrap();
    fs::create_dir_all(model.join("data")).unwrap();
    fs::write(run.join("weights.bin"), "weights of a run").unwrap();
    fs::write(model.join("MLmodel"), "model_id: forest\n").unwrap();
    fs::write(model.join("data/forest.bin"), "a forest").unwrap();
    Kept { kind: Kind::MlflowDb, folder: folder.to_owned(), path }
}

async fn add(stage: &Stage, kept: &Kept) {
    let path = kept.path.to_string_lossy().into_owned();
    let job = stage.call(AddSource { path, kind: Some(kept.kind), project: None, once: true }).await;
    stage.done(job).await;
}

async fn read_on(stage: &Stage) {
    let source = stage.call(ListSources {}).await.remove(0);
    let job = stage.call(ReadSource { source: source.id }).await;
    stage.done(job).await;
}

async fn run(stage: &Stage, name: &str) -> RunId {
    for experiment in stage.call(ListExperiments::default()).await {
        let filter = format!("name = '{name}'");
        let request = ListRuns { experiment: Some(experiment.id), filter, ..ListRuns::default() };
        if let Some(row) = stage.call(request).await.rows.first() {
            return row.id;
        }
    }
    panic!("there is no run {name}")
}

async fn lineage(stage: &Stage, run: RunId) -> Vec<(String, String, String)> {
    let nodes = stage.call(GetLineage { run }).await;
    nodes.into_iter().map(|node| (node.kind, node.label, node.detail)).collect()
}

fn text(mut file: fs::File) -> String {
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    text
}

/// The logged model that version 2 is.
async fn forest(stage: &Stage, model: &Registered) -> LoggedModel {
    let id = model.versions.iter().find(|version| version.number == 2).unwrap().logged.clone().unwrap();
    logged::get(&stage.engine, &id).await.unwrap().0
}

async fn check_whole(stage: &Stage, kind: Kind) {
    let (first, second) = (run(stage, "first").await, run(stage, "second").await);
    let experiments = stage.call(ListExperiments::default()).await;
    let churn = experiments.iter().find(|one| one.name == "churn").unwrap();
    assert_eq!(churn.tags["team"], "growth");
    assert_eq!(churn.tags["mlflow.note.content"], "Who leaves.");

    let model = registry::get(&stage.engine, "churn-model").await.unwrap();
    assert_eq!((model.row.notes.as_str(), model.tags["owner"].as_str()), ("Who leaves.", "ada"));
    assert_eq!(model.aliases(), [("champion".to_owned(), 2)]);
    let [three, two, one] = model.versions.as_slice() else { panic!("{model:?}") };
    assert_eq!((three.source.as_str(), three.run), ("s3://bucket/model", None));
    assert_eq!(three.run_link.as_deref(), Some("https://example.org/run"));
    assert_eq!((two.tags["number"].as_str(), two.run), ("two", Some(first)));
    assert_eq!(two.source, format!("models:/{}", two.logged.clone().unwrap()));
    // What lies among the run's artifacts is read through us.
    assert_eq!((one.source.clone(), one.run), (format!("runs:/{first}/weights"), Some(first)));
    assert_eq!((one.notes.notes.as_str(), one.notes.stage), ("The first.", ModelStage::Staging));
    assert!(registry::get(&stage.engine, "bare").await.unwrap().versions.is_empty());

    let forest = forest(stage, &model).await;
    assert_eq!((forest.name.as_str(), forest.kind.as_deref(), forest.run), ("forest", Some("sklearn"), Some(first)));
    assert_eq!((forest.status, forest.experiment), (LoggedStatus::Ready, churn.id));
    assert_eq!((forest.params["trees"].as_str(), forest.tags["kind"].as_str()), ("100", "trees"));
    let figures: Vec<_> = forest
        .metrics
        .iter()
        .map(|one| (one.key.as_str(), one.dataset_name.as_deref(), one.step, one.value.to_string()))
        .collect();
    let figure = |key, dataset, step, value: &str| (key, dataset, step, value.to_owned());
    let mut expect = vec![figure("accuracy", None, 2, "0.9"), figure("auc", Some("churn.csv"), 3, "0.75")];
    // Of MLflow's file store the newest of a key counts, as MLflow itself reads it.
    if kind == Kind::MlflowDb {
        expect.insert(0, figure("accuracy", None, 1, "0.8"));
    }
    assert_eq!(figures, expect);

    let of = |list: &[(&str, &str, &str)]| -> Vec<(String, String, String)> {
        list.iter().map(|(kind, label, detail)| ((*kind).into(), (*label).into(), (*detail).into())).collect()
    };
    assert_eq!(
        lineage(stage, first).await,
        of(&[
            ("dataset", "churn.csv", "training, abc123"),
            ("run", "first", ""),
            ("logged model", "forest", "sklearn, ready"),
            ("version", "churn-model v1", &one.source),
            ("version", "churn-model v2", "champion"),
        ])
    );
    assert_eq!(
        lineage(stage, second).await,
        of(&[
            ("logged model", "forest", "sklearn, ready"),
            ("run", "second", ""),
            ("logged model", "broken", "upload failed")
        ])
    );
    let filter = "dataset.name = 'churn.csv'".to_owned();
    let request = ListRuns { experiment: Some(churn.id), filter, ..ListRuns::default() };
    assert_eq!(stage.call(request).await.rows.len(), 1);
    let names: Vec<_> = stage.call(ListOtherModels::default()).await.into_iter().map(|model| model.name).collect();
    assert_eq!(names, ["bare", "churn-model"]);
}

/// Files of what was imported are read where they lie, and neither written nor deleted.
async fn check_files(stage: &Stage) {
    let model = registry::get(&stage.engine, "churn-model").await.unwrap();
    let forest = forest(stage, &model).await;
    let at = async |parts: &[&str]| {
        let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        artifacts::of_logged(&stage.engine, &forest.id, &parts).await.unwrap()
    };
    let listed = artifacts::list(&at(&[]).await).await.unwrap();
    assert_eq!(listed.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["MLmodel", "data"]);
    let file = at(&["data", "forest.bin"]).await;
    assert_eq!(text(artifacts::file(&file).await.unwrap()), "a forest");
    assert!(artifacts::delete(&stage.engine, &file).await.is_err());
    let refused = artifacts::begin(&at(&["new"]).await, &"ab".repeat(16)).await.err().unwrap();
    assert!(refused.to_string().contains("is read where it lies"), "{refused:#}");
    let run = run(stage, "first").await;
    let weights = engine::run::artifact(&stage.engine, run, "artifacts/weights/weights.bin").await.unwrap();
    assert_eq!(text(weights), "weights of a run");
}

#[tokio::test(flavor = "multi_thread")]
async fn models_of_mlflows_own_stores_stand_as_a_clients_do() {
    let stage = Stage::new().await;
    for (kept, stage) in both(&stage, "log").iter().zip([Stage::new().await, Stage::new().await]) {
        add(&stage, kept).await;
        let source = stage.call(ListSources {}).await.remove(0);
        assert_eq!((source.warnings, source.error), (vec![], None), "{:?}", kept.kind);
        check_whole(&stage, kept.kind).await;
        check_files(&stage).await;
        // Nothing new, nothing twice.
        read_on(&stage).await;
        check_whole(&stage, kept.kind).await;
    }
}

/// Writes to the store what its owner does: another version with an alias, a tag, an alias that goes.
fn go_on(kept: &Kept) {
    go_on_as(kept, "churn-model");
}

/// The same of a model that is called so now.
fn go_on_as(kept: &Kept, name: &str) {
    if kept.kind == Kind::MlflowDb {
        let own = rusqlite::Connection::open(&kept.path).unwrap();
        return own
            .execute_batch(&format!(
                "INSERT INTO model_versions (name, version, creation_time, last_updated_time, current_stage, source, status)
                 VALUES ('{name}', 5, 1, 1, 'Production', 's3://bucket/five', 'READY');
                 INSERT INTO registered_model_aliases (name, alias, version) VALUES ('{name}', 'newest', 5);
                 DELETE FROM registered_model_aliases WHERE alias = 'champion';
                 UPDATE model_versions SET current_stage = 'Archived', last_updated_time = last_updated_time + 1 WHERE version = 1;
                 INSERT INTO experiment_tags (experiment_id, key, value) VALUES (1, 'later', 'told');"
            ))
            .unwrap();
    }
    let model = kept.folder.join("models").join(name);
    fs::create_dir(model.join("version-5")).unwrap();
    let meta = "creation_timestamp: 1\ncurrent_stage: Production\nlast_updated_timestamp: 1\n\
                source: s3://bucket/five\nstatus: READY\nversion: 5\n";
    fs::write(model.join("version-5/meta.yaml"), meta).unwrap();
    fs::write(model.join("aliases/newest"), "5").unwrap();
    fs::remove_file(model.join("aliases/champion")).unwrap();
    let one = model.join("version-1/meta.yaml");
    let text = fs::read_to_string(&one).unwrap();
    let time = text.split("last_updated_timestamp: ").nth(1).unwrap().split('\n').next().unwrap();
    let later = (time.parse::<i64>().unwrap() + 1).to_string();
    fs::write(&one, text.replace(time, &later).replace("Staging", "Archived")).unwrap();
    let experiments = fs::read_dir(&kept.folder).unwrap().flatten().map(|entry| entry.path().join("tags"));
    let tags = experiments.into_iter().find(|tags| tags.join("team").is_file()).unwrap();
    fs::write(tags.join("later"), "told").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_in_the_store_is_read_on_and_what_a_person_did_stays() {
    let stage = Stage::new().await;
    for (kept, stage) in both(&stage, "log").iter().zip([Stage::new().await, Stage::new().await]) {
        add(&stage, kept).await;
        // A person deletes one version, writes about another, and deletes a model.
        registry::delete_version(&stage.engine, "churn-model", "3").await.unwrap();
        registry::edit_version(&stage.engine, "churn-model", "1", |notes| notes.notes = "Mine.".to_owned())
            .await
            .unwrap();
        registry::edit_version(&stage.engine, "churn-model", "2", |notes| notes.stage = ModelStage::Production)
            .await
            .unwrap();
        registry::delete(&stage.engine, "bare").await.unwrap();
        go_on(kept);
        read_on(&stage).await;
        let model = registry::get(&stage.engine, "churn-model").await.unwrap();
        let told: Vec<_> =
            model.versions.iter().map(|one| (one.number, one.notes.stage, one.notes.notes.as_str())).collect();
        // The person's change of the first came after the store's.
        let expect =
            [(5, ModelStage::Production, ""), (2, ModelStage::Production, ""), (1, ModelStage::Staging, "Mine.")];
        assert_eq!(told, expect, "{:?}", kept.kind);
        assert_eq!(model.aliases(), [("newest".to_owned(), 5)]);
        assert!(registry::get(&stage.engine, "bare").await.is_err());
        let experiments = stage.call(ListExperiments::default()).await;
        assert_eq!(experiments.iter().find(|one| one.name == "churn").unwrap().tags["later"], "told");
    }
}

/// Does to the store what its owner does.
fn change(kept: &Kept, sql: &str, files: impl FnOnce(&Path)) {
    if kept.kind == Kind::MlflowDb {
        rusqlite::Connection::open(&kept.path).unwrap().execute_batch(sql).unwrap();
    } else {
        files(&kept.folder);
    }
}

/// Deletes the logged model in its store as MLflow does, or restores it.
fn set_forest(kept: &Kept, stage: &str, updated_ms: i64) {
    let sql = format!(
        "UPDATE logged_models SET lifecycle_stage = '{stage}', last_updated_timestamp_ms = {updated_ms} WHERE name = 'forest'"
    );
    change(kept, &sql, |folder| {
        let experiments = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path().join("models"));
        let models = experiments.filter_map(|models| fs::read_dir(models).ok()).flat_map(|models| models.flatten());
        let mut metas = models.map(|model| model.path().join("meta.yaml"));
        let is_forest = |meta: &PathBuf| fs::read_to_string(meta).is_ok_and(|text| text.contains("name: forest"));
        let meta = metas.find(is_forest).unwrap();
        let text = fs::read_to_string(&meta).unwrap();
        let kept = text.lines().filter(|line| !line.starts_with('l'));
        let kept: String = kept.map(|line| format!("{line}\n")).collect();
        fs::write(&meta, format!("{kept}lifecycle_stage: {stage}\nlast_updated_timestamp: {updated_ms}\n")).unwrap();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logged_model_is_deleted_and_restored_as_in_its_store() {
    let stage = Stage::new().await;
    for (kept, stage) in both(&stage, "log").iter().zip([Stage::new().await, Stage::new().await]) {
        add(&stage, kept).await;
        let model = registry::get(&stage.engine, "churn-model").await.unwrap();
        let forest = forest(&stage, &model).await.id;
        let is_deleted = async || logged::get(&stage.engine, &forest).await.unwrap().0.deleted_ms.is_some();
        for (updated_ms, word) in (2_000_000_000_000..).zip(["deleted", "active", "deleted"]) {
            set_forest(kept, word, updated_ms);
            read_on(&stage).await;
            assert_eq!(is_deleted().await, word == "deleted", "{:?}", kept.kind);
        }
        // One that a person brings back here stays, whatever else changes of it there.
        stage.call(RestoreLogged { model: forest.clone() }).await;
        set_forest(kept, "deleted", 2_100_000_000_000);
        read_on(&stage).await;
        assert!(!is_deleted().await, "{:?}", kept.kind);
        assert_eq!(logged::get(&stage.engine, &forest).await.unwrap().0.updated_ms, 2_100_000_000_000);
    }
}

fn rename_experiment(kept: &Kept, was: &str, now: &str) {
    let sql = format!("UPDATE experiments SET name = '{now}' WHERE name = '{was}'");
    change(kept, &sql, |folder| {
        let mut metas = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path().join("meta.yaml"));
        let (was, now) = (format!("name: {was}\n"), format!("name: {now}\n"));
        let is_meant = |meta: &PathBuf| fs::read_to_string(meta).is_ok_and(|text| text.contains(&was));
        let meta = metas.find(is_meant).unwrap();
        let text = fs::read_to_string(&meta).unwrap();
        fs::write(&meta, text.replace(&was, &now)).unwrap();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_is_renamed_as_in_its_store_unless_a_person_did() {
    let stage = Stage::new().await;
    for (kept, stage) in both(&stage, "log").iter().zip([Stage::new().await, Stage::new().await]) {
        add(&stage, kept).await;
        let named = async |name: &str| {
            let all = stage.call(ListExperiments::default()).await;
            all.into_iter().find(|one| one.name == name).map(|one| one.id)
        };
        let churn = named("churn").await.unwrap();
        rename_experiment(kept, "churn", "leavers");
        read_on(&stage).await;
        assert_eq!((named("leavers").await, named("churn").await), (Some(churn), None), "{:?}", kept.kind);
        // What is told under the new name comes into it.
        go_on(kept);
        read_on(&stage).await;
        let experiments = stage.call(ListExperiments::default()).await;
        assert_eq!(experiments.iter().find(|one| one.id == churn).unwrap().tags["later"], "told", "{:?}", kept.kind);
        let edit = EditExperiment { name: Some("ours".to_owned()), ..EditExperiment::of(churn) };
        stage.call(edit).await;
        rename_experiment(kept, "leavers", "theirs");
        read_on(&stage).await;
        assert_eq!((named("ours").await, named("theirs").await), (Some(churn), None), "{:?}", kept.kind);
    }
}

fn rename(kept: &Kept, was: &str, now: &str) {
    let sql = format!(
        "PRAGMA foreign_keys = ON;
         UPDATE registered_models SET name = '{now}', last_updated_time = last_updated_time + 1 WHERE name = '{was}'"
    );
    change(kept, &sql, |folder| {
        let (from, to) = (folder.join("models").join(was), folder.join("models").join(now));
        fs::rename(from, &to).unwrap();
        let meta = to.join("meta.yaml");
        let text = fs::read_to_string(&meta).unwrap();
        fs::write(meta, text.replace(&format!("name: {was}"), &format!("name: {now}"))).unwrap();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_model_is_renamed_as_in_its_store_unless_a_person_did() {
    let stage = Stage::new().await;
    for (kept, stage) in both(&stage, "log").iter().zip([Stage::new().await, Stage::new().await]) {
        add(&stage, kept).await;
        let engine = &stage.engine;
        let mine = |notes: &mut api::tracking::VersionNotes| notes.notes = "Mine.".to_owned();
        registry::edit_version(engine, "churn-model", "1", mine).await.unwrap();
        registry::delete(engine, "bare").await.unwrap();
        let before = registry::get(engine, "churn-model").await.unwrap();
        rename(kept, "churn-model", "leavers");
        rename(kept, "bare", "plain");
        read_on(&stage).await;
        let after = registry::get(engine, "leavers").await.unwrap();
        assert_eq!((after.row.id, after.aliases()), (before.row.id, before.aliases()), "{:?}", kept.kind);
        let ids = |model: &Registered| model.versions.iter().map(|version| version.id).collect::<Vec<_>>();
        assert_eq!((ids(&after), after.versions[2].notes.notes.as_str()), (ids(&before), "Mine."));
        // What a person deleted stays deleted under any name, and what a person called otherwise keeps that name.
        let names = async || {
            stage.call(ListOtherModels::default()).await.into_iter().map(|model| model.name).collect::<Vec<_>>()
        };
        assert_eq!(names().await, ["leavers"], "{:?}", kept.kind);
        registry::edit(engine, "leavers", Some("ours".to_owned()), None).await.unwrap();
        rename(kept, "leavers", "theirs");
        read_on(&stage).await;
        assert_eq!(names().await, ["ours"], "{:?}", kept.kind);
        go_on_as(kept, "theirs");
        read_on(&stage).await;
        assert_eq!(registry::get(engine, "ours").await.unwrap().versions[0].number, 5, "{:?}", kept.kind);
        assert!(stage.call(ListDeletedModels {}).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_of_the_registry_in_its_store_is_deleted_here() {
    let stage = Stage::new().await;
    for (kept, stage) in both(&stage, "log").iter().zip([Stage::new().await, Stage::new().await]) {
        add(&stage, kept).await;
        let engine = &stage.engine;
        let before = registry::get(engine, "churn-model").await.unwrap();
        let sql = "UPDATE model_versions SET current_stage = 'Deleted_Internal' WHERE version = 2;
                   DELETE FROM registered_model_aliases;
                   DELETE FROM registered_models WHERE name = 'bare'";
        change(kept, sql, |folder| {
            let model = folder.join("models/churn-model");
            let meta = model.join("version-2/meta.yaml");
            let text = fs::read_to_string(&meta).unwrap();
            fs::write(meta, text.replace("current_stage: None", "current_stage: Deleted_Internal")).unwrap();
            fs::remove_file(model.join("aliases/champion")).unwrap();
            fs::remove_dir_all(folder.join("models/bare")).unwrap();
        });
        read_on(&stage).await;
        let numbers = |model: &Registered| model.versions.iter().map(|version| version.number).collect::<Vec<_>>();
        let churn = registry::get(engine, "churn-model").await.unwrap();
        assert_eq!((numbers(&churn), churn.aliases()), (vec![3, 1], vec![]), "{:?}", kept.kind);
        assert!(registry::get(engine, "bare").await.is_err(), "{:?}", kept.kind);
        // A version that a client registered here stays, and its model with it.
        let own = NewVersion { source: "s3://ours/model".to_owned(), ..NewVersion::default() };
        registry::add_version(engine, "churn-model", own).await.unwrap();
        let sql = "DELETE FROM model_version_tags; DELETE FROM registered_model_tags; DELETE FROM model_versions;
                   DELETE FROM registered_models WHERE name = 'churn-model'";
        change(kept, sql, |folder| fs::remove_dir_all(folder.join("models/churn-model")).unwrap());
        read_on(&stage).await;
        let churn = registry::get(engine, "churn-model").await.unwrap();
        assert_eq!((churn.row.id, numbers(&churn)), (before.row.id, vec![4]), "{:?}", kept.kind);
        // All of it can be taken back, and stays then.
        let deleted = stage.call(ListDeletedModels {}).await;
        let mut told: Vec<_> = deleted.iter().map(|one| (one.name.as_str(), one.version.map(|(_, of)| of))).collect();
        told.sort_unstable();
        let churn = |number| ("churn-model", Some(number));
        assert_eq!(told, [("bare", None), churn(1), churn(2), churn(3)], "{:?}", kept.kind);
        let bare = deleted.iter().find(|one| one.name == "bare").unwrap().model;
        stage.call(RestoreModel { model: bare }).await;
        read_on(&stage).await;
        assert_eq!(registry::get(engine, "bare").await.unwrap().row.id, bare);
        // One that is made anew under the name is another one.
        let sql = "INSERT INTO registered_models (name, creation_time, last_updated_time) VALUES ('bare', 5, 5)";
        change(kept, sql, |folder| {
            let model = folder.join("models/bare");
            fs::create_dir(&model).unwrap();
            let meta = "creation_timestamp: 5\nlast_updated_timestamp: 5\nname: bare\n";
            fs::write(model.join("meta.yaml"), meta).unwrap();
        });
        read_on(&stage).await;
        let other = registry::get(engine, "bare 2").await.unwrap();
        assert_eq!((other.row.created_ms, other.row.id == bare), (5, false), "{:?}", kept.kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_and_aliases_that_a_person_chose_stay() {
    let stage = Stage::new().await;
    for (kept, stage) in both(&stage, "log").iter().zip([Stage::new().await, Stage::new().await]) {
        add(&stage, kept).await;
        let engine = &stage.engine;
        let churn = async || {
            let all = stage.call(ListExperiments::default()).await;
            all.into_iter().find(|one| one.name == "churn").unwrap()
        };
        let mine = Some("mine".to_owned());
        registry::set_alias(engine, "churn-model", "champion", Some("1")).await.unwrap();
        registry::tag(engine, "churn-model", None, "owner".to_owned(), mine.clone()).await.unwrap();
        registry::tag(engine, "churn-model", Some("2"), "number".to_owned(), mine.clone()).await.unwrap();
        let experiment = churn().await.id;
        experiments::tag(engine, experiment, "team".to_owned(), mine).await.unwrap();
        experiments::tag(engine, experiment, "mlflow.note.content".to_owned(), None).await.unwrap();
        // The store goes on, and its champion goes.
        go_on(kept);
        read_on(&stage).await;
        let model = registry::get(engine, "churn-model").await.unwrap();
        let mut aliases = model.aliases();
        aliases.sort();
        assert_eq!(aliases, [("champion".to_owned(), 1), ("newest".to_owned(), 5)], "{:?}", kept.kind);
        let two = model.versions.iter().find(|version| version.number == 2).unwrap();
        assert_eq!((model.tags["owner"].as_str(), two.tags["number"].as_str()), ("mine", "mine"), "{:?}", kept.kind);
        let tags = churn().await.tags;
        assert_eq!((tags["team"].as_str(), tags["later"].as_str()), ("mine", "told"), "{:?}", kept.kind);
        assert!(!tags.contains_key("mlflow.note.content"), "{:?}", kept.kind);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_ids_that_are_taken_stay_apart_and_that_is_said() {
    let stage = Stage::new().await;
    registry::create(&stage.engine, "churn-model", Some("Ours.".to_owned()), Vec::new()).await.unwrap();
    let own = NewVersion { source: "s3://ours/model".to_owned(), ..NewVersion::default() };
    registry::add_version(&stage.engine, "churn-model", own).await.unwrap();
    let [one, other] = [files(&stage.path("one")), files(&stage.path("other"))];
    add(&stage, &one).await;
    let said = |at: usize| {
        let sources = stage.call(ListSources {});
        async move { sources.await[at].warnings.iter().map(|warning| warning.message.clone()).collect::<Vec<_>>() }
    };
    let apart = "The model \"churn-model\" stands here as \"churn-model 2\": a model here has its name.";
    assert_eq!(said(0).await, [apart]);
    add(&stage, &other).await;
    assert_eq!(said(1).await.len(), 2);
    let ours = registry::get(&stage.engine, "churn-model").await.unwrap();
    assert_eq!((ours.row.notes.as_str(), ours.versions.len()), ("Ours.", 1));
    let (second, third) = (
        registry::get(&stage.engine, "churn-model 2").await.unwrap(),
        registry::get(&stage.engine, "churn-model 3").await.unwrap(),
    );
    let (one, other) = (forest(&stage, &second).await, forest(&stage, &third).await);
    assert_ne!((&one.id, one.run), (&other.id, other.run));
    assert_eq!((one.name, one.metrics.len()), (other.name, other.metrics.len()));
    assert_eq!(third.versions[1].source, format!("models:/{}", other.id));
    assert_eq!(third.versions[2].source, format!("runs:/{}/weights", other.run.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_forgotten_comes_back_with_all_that_came_of_it() {
    let mut stage = Stage::new().await;
    let kept = files(&stage.path("log"));
    add(&stage, &kept).await;
    registry::edit_version(&stage.engine, "churn-model", "1", |notes| notes.notes = "Mine.".to_owned()).await.unwrap();
    registry::delete(&stage.engine, "bare").await.unwrap();
    let model = registry::get(&stage.engine, "churn-model").await.unwrap();
    let forest = forest(&stage, &model).await;
    let first = run(&stage, "first").await;
    let before = lineage(&stage, first).await;
    let source = stage.call(ListSources {}).await.remove(0);

    let removed = stage.call(RemoveSource { source: source.id, keep_runs: false }).await;
    assert_eq!((removed.runs.len(), Path::new(&removed.path)), (2, kept.path.as_path()));
    assert!(stage.call(ListSources {}).await.is_empty());
    assert!(registry::get(&stage.engine, "churn-model").await.is_err());
    assert!(logged::get(&stage.engine, &forest.id).await.unwrap().0.deleted_ms.is_some());
    // The next host brings it back, too.
    stage.reopen().await;
    let listed = stage.call(ListDeletedSources {}).await;
    let (log, told) = (&source, &listed[0]);
    assert_eq!((listed.len(), told.kind, &told.path, told.runs), (1, log.kind, &log.path, 2));
    let restored = stage.call(RestoreSource { path: removed.path.clone() }).await;
    assert_eq!((restored.id, restored.runs), (source.id, 2));
    assert!(stage.call(ListDeletedSources {}).await.is_empty());
    assert_eq!(registry::get(&stage.engine, "churn-model").await.unwrap(), model);
    assert!(registry::get(&stage.engine, "bare").await.is_err());
    assert_eq!(logged::get(&stage.engine, &forest.id).await.unwrap().0, forest);
    assert_eq!(lineage(&stage, run(&stage, "first").await).await, before);
    // It goes on where it was.
    go_on(&kept);
    read_on(&stage).await;
    let model = registry::get(&stage.engine, "churn-model").await.unwrap();
    assert_eq!((model.versions[0].number, model.versions.len()), (5, 4));

    // What a person deleted for good meanwhile does not come back, and a name that was taken stays the other's.
    let removed = stage.call(RemoveSource { source: source.id, keep_runs: false }).await;
    stage.call(PurgeRuns { runs: vec![first] }).await;
    registry::create(&stage.engine, "churn-model", None, Vec::new()).await.unwrap();
    let restored = stage.call(RestoreSource { path: removed.path.clone() }).await;
    assert_eq!(restored.runs, 1);
    assert!(registry::get(&stage.engine, "churn-model").await.unwrap().versions.is_empty());
    let back = registry::get(&stage.engine, "churn-model 2").await.unwrap();
    assert!(back.versions.iter().all(|version| version.run.is_none()), "{back:?}");

    // With its runs kept nothing is deleted; and a log that is added anew is another one.
    let removed = stage.call(RemoveSource { source: source.id, keep_runs: true }).await;
    assert!(removed.runs.is_empty());
    assert_eq!(registry::get(&stage.engine, "churn-model 2").await.unwrap(), back);
    stage.call(RestoreSource { path: removed.path.clone() }).await;
    stage.call(RemoveSource { source: source.id, keep_runs: false }).await;
    add(&stage, &kept).await;
    let refused = stage.try_call(RestoreSource { path: removed.path }).await.unwrap_err();
    assert!(refused.message.contains("was forgotten within a day"), "{}", refused.message);
    assert_ne!(stage.call(ListSources {}).await[0].id, source.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_at_an_address_of_another_machine_are_said_to_be_not_read() {
    let stage = Stage::new().await;
    let path = stage.path("mlflow.db");
    fs::copy(fixture("store/tests/fixtures/mlflow.db"), &path).unwrap();
    let writer = rusqlite::Connection::open(&path).unwrap();
    writer.execute("UPDATE runs SET artifact_uri = 's3://bucket/' || run_uuid || '/artifacts'", []).unwrap();
    drop(writer);
    crate::sources::add(&stage, &path, Some(Kind::MlflowDb)).await;
    let said = stage.call(ListSources {}).await.remove(0).warnings;
    assert!(said.iter().any(|one| one.message.starts_with("artifacts of 3 runs are not read")), "{said:?}");
}
