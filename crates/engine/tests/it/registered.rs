//! Models that clients registered, as a person reads and changes them: what the window and the command line ask.

use api::{
    ApiError, ErrorCode, ModelId, Request, RunId, VersionId,
    event::Tag,
    model::{DeleteVersion, FindVersion, ListOtherModels, SetAlias},
    registered::{
        ClientVersionDetail, DeleteModel, DescribeModel, Described, FindModel, GetClientVersion, PurgeModel, PutStages,
        RenameModel, ResolveVersion, RestoreModel, RestoreVersion, SaveVersionFile, SetStage, Staged, TagModel,
    },
    run::{DeleteArtifact, GetRun, ListArtifacts, SaveArtifact},
    tracking::{CreateExperiment, DeleteExperiment, PurgeExperiment, PurgeRuns, Stage as ModelStage, TrashRuns},
};
use engine::tracking::{
    client::{self, Begin},
    registry::{self, NewVersion},
};

use crate::stage::Stage;

const HEAD: &str = r#"flavors:
  python_function: {loader_module: mlflow.sklearn}
  sklearn: {sklearn_version: 1.8.0}
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}]'
  outputs: '[{"type": "long", "required": true}]'
"#;

/// A model `churn` with two versions: one of a run's files, one that lies elsewhere.
struct Churn {
    run: RunId,
    one: VersionId,
    two: VersionId,
}

async fn churn(stage: &Stage) -> Churn {
    let experiment = CreateExperiment { name: "sweep".to_owned(), folder: String::new() };
    let number = stage.call(experiment).await.number.to_string();
    let begin = Begin { name: Some("deep".to_owned()), started_ms: Some(1), ..Begin::default() };
    let run = client::begin(&stage.engine, &number, begin).await.unwrap().row.run.id;
    let folder = stage.engine.workspace().run(run).join("artifacts/model/data");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("../MLmodel"), HEAD).unwrap();
    std::fs::write(folder.join("model.bin"), "weights").unwrap();
    std::fs::write(folder.join("../../beside.txt"), "no part of the model").unwrap();
    registry::create(&stage.engine, "churn", None, Vec::new()).await.unwrap();
    let source = format!("runs:/{run}/model");
    let new = NewVersion { source, run: Some(run.to_string()), ..NewVersion::default() };
    let one = registry::add_version(&stage.engine, "churn", new).await.unwrap().id;
    let new = NewVersion { source: "s3://bucket/churn".to_owned(), ..NewVersion::default() };
    let two = registry::add_version(&stage.engine, "churn", new).await.unwrap().id;
    Churn { run, one, two }
}

async fn refused<R: Request>(stage: &Stage, request: R) -> ApiError {
    stage.try_call(request).await.err().unwrap()
}

async fn get(stage: &Stage, version: VersionId) -> ClientVersionDetail {
    stage.call(GetClientVersion { version }).await
}

async fn resolved(stage: &Stage, reference: &str) -> VersionId {
    stage.call(ResolveVersion { reference: reference.to_owned(), project: None }).await.version
}

#[tokio::test]
async fn a_version_says_what_it_is_and_where_it_came_from() {
    let stage = Stage::new().await;
    let churn = churn(&stage).await;
    let detail = get(&stage, churn.one).await;
    let files = detail.files.as_deref().unwrap();
    let files: Vec<(&str, u64)> = files.iter().map(|file| (file.path.as_str(), file.size_bytes)).collect();
    assert_eq!(files, [("MLmodel", HEAD.len() as u64), ("data/model.bin", 7)]);
    let described = detail.described.as_ref().unwrap();
    assert_eq!((described.flavors.len(), described.inputs[0].kind.as_str()), (2, "double"));
    assert!(detail.python().ends_with("mlflow.pyfunc.load_model(\"models:/churn/1\")"));
    let nodes: Vec<(&str, &str, &[usize])> =
        detail.lineage.iter().map(|node| (node.kind.as_str(), node.label.as_str(), node.from.as_slice())).collect();
    assert_eq!(nodes, [("run", "deep", &[][..]), ("version", "churn v1", &[0])]);
    assert_eq!(detail.lineage[1].link.as_deref(), Some(format!("/experiments?version={}", churn.one).as_str()));
    assert_eq!(detail.model.client_versions.len(), 2);

    // What lies elsewhere is said, and not guessed at.
    let elsewhere = get(&stage, churn.two).await;
    assert_eq!((elsewhere.files, elsewhere.described), (None, None));
    assert_eq!(elsewhere.lineage.len(), 1);

    // A head that can't be read is said; the rest stays.
    let head = stage.engine.workspace().run(churn.run).join("artifacts/model/MLmodel");
    std::fs::write(head, "flavors: [").unwrap();
    let damaged = get(&stage, churn.one).await;
    assert!(damaged.unreadable.unwrap().starts_with("MLmodel can't be read"));
    assert_eq!(damaged.files.unwrap().len(), 2);
    let none = refused(&stage, GetClientVersion { version: VersionId::from_bytes([7; 16]) }).await;
    assert_eq!(none.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn what_a_person_changes_clients_see_and_undo_takes_back() {
    let stage = Stage::new().await;
    let churn = churn(&stage).await;
    let mut heard = stage.engine.events().subscribe();
    let model = stage.call(FindModel { name: "churn".to_owned(), project: None }).await.id;
    let alias = |version| SetAlias { model, alias: "champion".to_owned(), version };
    let of_client = async |number: &str| registry::version(&stage.engine, "churn", number).await.unwrap();

    let answered = stage.call(alias(Some(churn.one))).await;
    assert_eq!(answered.client_versions[1].aliases, ["champion"]);
    assert_eq!(registry::by_alias(&stage.engine, "churn", "champion").await.unwrap().number, 1);
    assert_eq!(resolved(&stage, "churn@champion").await, churn.one);
    stage.call(alias(Some(churn.two))).await;
    assert_eq!(resolved(&stage, "churn@champion").await, churn.two);
    stage.call(alias(None)).await;
    assert!(registry::by_alias(&stage.engine, "churn", "champion").await.is_err());
    // MLflow's rule, as its own route says it.
    let wrong = SetAlias { model, alias: "v3".to_owned(), version: Some(churn.one) };
    assert!(refused(&stage, wrong).await.message.contains("Invalid alias name"));
    let mut announced = false;
    while let Ok(event) = heard.try_recv() {
        announced |= matches!(event, api::event::Event::Changed { tag: Tag::ClientModels });
    }
    assert!(announced);

    let production = |version, archive| SetStage { version, stage: ModelStage::Production, archive };
    assert_eq!(
        stage.call(production(churn.one, false)).await,
        [Staged { version: churn.one, stage: ModelStage::None }]
    );
    let stages = stage.call(production(churn.two, true)).await;
    assert_eq!(stages.len(), 2);
    assert_eq!(of_client("1").await.notes.stage, ModelStage::Archived);
    stage.call(PutStages { stages }).await;
    let now = (of_client("1").await.notes.stage, of_client("2").await.notes.stage);
    assert_eq!(now, (ModelStage::Production, ModelStage::None));

    for of in [Described::Version(churn.one), Described::Model(model)] {
        let tag = |value: Option<&str>| TagModel { of, key: "team".to_owned(), value: value.map(str::to_owned) };
        stage.call(tag(Some("growth"))).await;
        stage.call(DescribeModel { of, notes: "# Who leaves".to_owned() }).await;
        let long = TagModel { of, key: "k".repeat(251), value: Some(String::new()) };
        assert_eq!(refused(&stage, long).await.code, ErrorCode::Invalid);
    }
    let told = registry::get(&stage.engine, "churn").await.unwrap();
    assert_eq!((told.row.notes.as_str(), told.tags["team"].as_str()), ("# Who leaves", "growth"));
    assert_eq!((of_client("1").await.tags["team"].as_str(), of_client("2").await.tags.len()), ("growth", 0));
    assert_eq!(get(&stage, churn.one).await.version.notes, "# Who leaves");
    let remove = TagModel { of: Described::Version(churn.one), key: "team".to_owned(), value: None };
    stage.call(remove).await;
    assert!(of_client("1").await.tags.is_empty());

    registry::create(&stage.engine, "taken", None, Vec::new()).await.unwrap();
    let rename = |name: &str| RenameModel { model, name: name.to_owned() };
    assert_eq!(refused(&stage, rename("taken")).await.code, ErrorCode::Conflict);
    assert_eq!(refused(&stage, rename("a/b")).await.code, ErrorCode::Invalid);
    assert_eq!(stage.call(rename("who leaves")).await.name, "who leaves");
    assert_eq!(registry::get(&stage.engine, "who leaves").await.unwrap().versions.len(), 2);
    assert!(registry::get(&stage.engine, "churn").await.is_err());
}

#[tokio::test]
async fn a_version_is_found_by_every_name_and_never_deployed() {
    let stage = Stage::new().await;
    let churn = churn(&stage).await;
    for reference in ["churn:1", "churn/1", "models:/churn/1", "churn:v1", &churn.one.to_string()] {
        assert_eq!(resolved(&stage, reference).await, churn.one, "{reference}");
    }
    assert_eq!(resolved(&stage, "churn").await, churn.two);
    let unresolved = async |reference: &str| {
        refused(&stage, ResolveVersion { reference: reference.to_owned(), project: None }).await
    };
    let missing = unresolved("churn:9").await;
    assert_eq!((missing.code, missing.hint.as_deref()), (ErrorCode::NotFound, Some("churn has :2, :1.")));
    assert_eq!(unresolved("chum:1").await.message, "There is no model \"chum\".");
    // A name may have what else would be an alias's mark.
    registry::create(&stage.engine, "a@b", None, Vec::new()).await.unwrap();
    let new = NewVersion { source: "s3://bucket/x".to_owned(), ..NewVersion::default() };
    let odd = registry::add_version(&stage.engine, "a@b", new).await.unwrap().id;
    assert_eq!((resolved(&stage, "a@b").await, resolved(&stage, "a@b:1").await), (odd, odd));

    let native = refused(&stage, FindVersion { reference: "churn:1".to_owned(), project: None }).await;
    assert_eq!(native.code, ErrorCode::Conflict);
    assert!(native.message.starts_with("churn:1: A client registered it"), "{native}");
}

#[tokio::test]
async fn files_are_saved_and_what_is_deleted_frees_its_run() {
    let stage = Stage::new().await;
    let churn = churn(&stage).await;
    let to = stage.path("saved.bin");
    let save = |path: &str, to: &std::path::Path| SaveVersionFile {
        version: churn.one,
        path: path.to_owned(),
        to: to.to_string_lossy().into_owned(),
    };
    let saved = stage.call(save("data/model.bin", &to)).await;
    assert_eq!((saved.size_bytes, std::fs::read_to_string(&to).unwrap().as_str()), (7, "weights"));
    assert_eq!(refused(&stage, save("data/model.bin", &to)).await.code, ErrorCode::Conflict);
    for outside in ["../beside.txt", "data/../../beside.txt", "/etc/passwd", "data", ""] {
        let refusal = refused(&stage, save(outside, &stage.path("never"))).await;
        assert_eq!(refusal.code, ErrorCode::NotFound, "{outside}");
    }
    assert!(!stage.path("never").exists());
    let of_run = stage.path("of_run.txt");
    let path = "artifacts/beside.txt".to_owned();
    let request = SaveArtifact { run: churn.run, path, to: of_run.to_string_lossy().into_owned() };
    assert_eq!(stage.call(request.clone()).await.size_bytes, 20);
    assert_eq!(std::fs::read_to_string(&of_run).unwrap(), "no part of the model");
    assert_eq!(refused(&stage, request).await.code, ErrorCode::Conflict);

    // Of single artifacts those that a version is made of stay, with the folders that they lie in.
    let delete = |path: &str| DeleteArtifact { run: churn.run, path: path.to_owned() };
    for kept in ["artifacts/model", "artifacts/model/data/", "artifacts/model/MLmodel"] {
        assert_eq!(refused(&stage, delete(kept)).await.code, ErrorCode::InUse, "{kept}");
    }
    for (wrong, code) in [
        ("artifacts/", ErrorCode::Invalid),
        ("artifacts", ErrorCode::Invalid),
        ("evaluation.json", ErrorCode::Invalid),
        ("artifacts/model/..", ErrorCode::NotFound),
        ("artifacts/none", ErrorCode::NotFound),
    ] {
        assert_eq!(refused(&stage, delete(wrong)).await.code, code, "{wrong}");
    }
    assert_eq!(stage.call(delete("artifacts/beside.txt")).await.size_bytes, 20);
    assert_eq!(refused(&stage, delete("artifacts/beside.txt")).await.code, ErrorCode::NotFound);
    let left = stage.call(ListArtifacts { run: churn.run }).await;
    let left: Vec<&str> = left.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(left, ["artifacts/model/MLmodel", "artifacts/model/data/model.bin"]);

    // Until the version goes, its run stays; the refusal names a way that is there.
    stage.call(TrashRuns { runs: vec![churn.run] }).await;
    let kept = refused(&stage, PurgeRuns { runs: vec![churn.run] }).await;
    assert_eq!(kept.code, ErrorCode::InUse);
    assert!(kept.hint.unwrap().contains("slipway model delete"));
    let freed = stage.call(DeleteVersion { version: churn.one }).await;
    assert_eq!((freed.bytes, freed.records), (0, 1));
    assert!(registry::version(&stage.engine, "churn", "1").await.is_err());
    // As long as the version can come back, so do its files.
    let kept = refused(&stage, delete("artifacts/model/data")).await;
    assert_eq!(kept.code, ErrorCode::InUse);
    assert!(kept.message.starts_with("churn v1, which is deleted and can still be restored,"), "{kept}");
    assert!(kept.hint.unwrap().contains("`slipway model purge churn:1`"));
    let model = stage.call(FindModel { name: "churn".to_owned(), project: None }).await.id;
    stage.call(PurgeModel { model, version: Some(churn.one) }).await;
    assert_eq!(stage.call(delete("artifacts/model")).await.size_bytes, 7 + HEAD.len() as u64);
    stage.call(PurgeRuns { runs: vec![churn.run] }).await;

    assert_eq!(stage.call(DeleteModel { model }).await.records, 2);
    assert!(stage.call(ListOtherModels::default()).await.is_empty());
    assert_eq!(refused(&stage, GetClientVersion { version: churn.two }).await.code, ErrorCode::NotFound);
}

#[tokio::test]
async fn an_experiment_stays_while_a_version_that_can_be_restored_has_no_other_files() {
    let stage = Stage::new().await;
    let churn = churn(&stage).await;
    let experiment = stage.call(GetRun { run: churn.run }).await.experiment;
    let model = stage.call(FindModel { name: "churn".to_owned(), project: None }).await.id;
    stage.call(DeleteVersion { version: churn.one }).await;
    stage.call(DeleteExperiment { experiment }).await;
    let kept = refused(&stage, PurgeExperiment { experiment }).await;
    assert_eq!(kept.code, ErrorCode::InUse);
    let said = "churn v1, which is deleted and can still be restored, was registered from the files of deep.";
    assert_eq!(kept.message, said);
    assert!(kept.hint.unwrap().contains("`slipway model purge churn:1`"));

    stage.call(PurgeModel { model, version: Some(churn.one) }).await;
    let freed = stage.call(PurgeExperiment { experiment }).await;
    assert_eq!((freed.records, freed.bytes > HEAD.len() as u64), (2, true), "{freed:?}");
}

/// A version with all that can be said of it, as a client sees it.
async fn told(stage: &Stage, churn: &Churn, model: ModelId) -> registry::Version {
    stage.call(SetAlias { model, alias: "champion".to_owned(), version: Some(churn.one) }).await;
    stage.call(SetStage { version: churn.one, stage: ModelStage::Production, archive: false }).await;
    let of = Described::Version(churn.one);
    stage.call(TagModel { of, key: "team".to_owned(), value: Some("growth".to_owned()) }).await;
    stage.call(DescribeModel { of, notes: "# Who leaves".to_owned() }).await;
    registry::version(&stage.engine, "churn", "1").await.unwrap()
}

#[tokio::test]
async fn a_deleted_version_is_gone_for_clients_and_comes_back_as_it_was() {
    let stage = Stage::new().await;
    let churn = churn(&stage).await;
    let model = stage.call(FindModel { name: "churn".to_owned(), project: None }).await.id;
    let before = told(&stage, &churn, model).await;
    let restore = RestoreVersion { version: churn.one };
    assert_eq!(refused(&stage, restore.clone()).await.code, ErrorCode::NotFound, "it stands");

    stage.call(DeleteVersion { version: churn.one }).await;
    assert!(registry::version(&stage.engine, "churn", "1").await.is_err());
    assert!(registry::by_alias(&stage.engine, "churn", "champion").await.is_err());
    let mut heard = stage.engine.events().subscribe();
    let back = stage.call(restore.clone()).await;
    assert_eq!((back.name.as_str(), back.number, back.of_client), ("churn", 1, true));
    assert_eq!(registry::version(&stage.engine, "churn", "1").await.unwrap(), before);
    assert_eq!(registry::by_alias(&stage.engine, "churn", "champion").await.unwrap(), before);
    let mut tags = Vec::new();
    while let Ok(event) = heard.try_recv() {
        tags.extend(match event {
            api::event::Event::Changed { tag } => Some(tag),
            _ => None,
        });
    }
    assert!(tags.contains(&Tag::ClientModels) && tags.contains(&Tag::Run(churn.run)), "{tags:?}");
    assert_eq!(refused(&stage, restore).await.code, ErrorCode::NotFound, "it is back already");

    let new = NewVersion {
        source: "s3://bucket/three".to_owned(),
        run: Some(churn.run.to_string()),
        ..NewVersion::default()
    };
    let three = registry::add_version(&stage.engine, "churn", new).await.unwrap().id;

    // An alias that another version has now stays there, and its run for as long as it can come back.
    stage.call(DeleteVersion { version: churn.one }).await;
    stage.call(SetAlias { model, alias: "champion".to_owned(), version: Some(churn.two) }).await;
    stage.call(TrashRuns { runs: vec![churn.run] }).await;
    let kept = refused(&stage, PurgeRuns { runs: vec![churn.run] }).await;
    assert_eq!(kept.code, ErrorCode::InUse);
    assert!(kept.message.starts_with("churn v1, which is deleted and can still be restored,"), "{kept}");
    assert!(kept.hint.unwrap().contains("`slipway model purge churn:1`"));
    stage.call(RestoreVersion { version: churn.one }).await;
    let now = registry::version(&stage.engine, "churn", "1").await.unwrap();
    assert_eq!((now.run, now.aliases.len(), now.tags), (Some(churn.run), 0, before.tags));
    assert_eq!(registry::by_alias(&stage.engine, "churn", "champion").await.unwrap().number, 2);

    // What a client deletes is gone.
    registry::delete_version(&stage.engine, "churn", "1").await.unwrap();
    assert_eq!(refused(&stage, RestoreVersion { version: churn.one }).await.code, ErrorCode::NotFound);

    // A run that is gone for good is none of a version whose files lie elsewhere.
    stage.call(DeleteVersion { version: three }).await;
    stage.call(PurgeRuns { runs: vec![churn.run] }).await;
    stage.call(RestoreVersion { version: three }).await;
    assert_eq!(registry::version(&stage.engine, "churn", "3").await.unwrap().run, None);
}

#[tokio::test]
async fn a_version_whose_number_or_model_is_gone_does_not_come_back() {
    let stage = Stage::new().await;
    let churn = churn(&stage).await;
    let model = stage.call(FindModel { name: "churn".to_owned(), project: None }).await.id;
    stage.call(DeleteVersion { version: churn.two }).await;
    let new = NewVersion { source: "s3://bucket/other".to_owned(), ..NewVersion::default() };
    assert_eq!(registry::add_version(&stage.engine, "churn", new).await.unwrap().number, 2);
    let taken = refused(&stage, RestoreVersion { version: churn.two }).await;
    assert_eq!((taken.code, taken.message.as_str()), (ErrorCode::Conflict, "churn has another version 2 now."));
    // A refusal takes nothing away: once the number is free, it comes back.
    registry::delete_version(&stage.engine, "churn", "2").await.unwrap();
    stage.call(DeleteModel { model }).await;
    let orphan = refused(&stage, RestoreVersion { version: churn.two }).await;
    assert_eq!(orphan.message, "The model \"churn\" was deleted meanwhile.");
    stage.call(RestoreModel { model }).await;
    assert_eq!(stage.call(RestoreVersion { version: churn.two }).await.number, 2);
}

#[tokio::test]
async fn a_deleted_model_comes_back_with_its_versions_for_a_day() {
    let stage = Stage::new().await;
    let churn = churn(&stage).await;
    let model = stage.call(FindModel { name: "churn".to_owned(), project: None }).await.id;
    told(&stage, &churn, model).await;
    let of = Described::Model(model);
    stage.call(TagModel { of, key: "owner".to_owned(), value: Some("ada".to_owned()) }).await;
    stage.call(DescribeModel { of, notes: "All of it".to_owned() }).await;
    let before = registry::get(&stage.engine, "churn").await.unwrap();
    let delete = async || assert_eq!(stage.call(DeleteModel { model }).await.records, 3);
    let restore = RestoreModel { model };

    delete().await;
    assert!(registry::get(&stage.engine, "churn").await.is_err());
    let created = registry::create(&stage.engine, "churn", None, Vec::new()).await.unwrap().row.id;
    let taken = refused(&stage, restore.clone()).await;
    assert_eq!((taken.code, taken.message.as_str()), (ErrorCode::Conflict, "Another model is called \"churn\" now."));
    stage.call(RenameModel { model: created, name: "other".to_owned() }).await;
    assert_eq!(stage.call(restore.clone()).await.client_versions.len(), 2);
    assert_eq!(registry::get(&stage.engine, "churn").await.unwrap(), before);

    delete().await;
    let older = |tx: &store::Transaction<'_>| {
        let [(name, _)]: [(String, u64); 1] = store::setting::below(tx, store::setting::GONE)?.try_into().unwrap();
        let gone: serde_json::Value = store::setting::get(tx, &name)?.unwrap();
        store::setting::delete(tx, &name)?;
        let mut parts: Vec<&str> = name.split('/').collect();
        let long_ago = format!("{:013}", parts[1].parse::<i64>().unwrap() - 24 * 3_600_000 - 1);
        parts[1] = &long_ago;
        store::setting::put(tx, &parts.join("/"), &gone)
    };
    stage.engine.store().write(older).await.unwrap();
    let late = refused(&stage, restore).await;
    assert_eq!(late.code, ErrorCode::NotFound);
    assert!(late.message.ends_with("was deleted here within a day."), "{late}");
}
