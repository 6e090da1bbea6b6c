//! A version that was trained here and deleted: it comes back for a day, with its files, and goes for good after it.

use api::{
    ErrorCode,
    host::CollectGarbage,
    model::{DeleteVersion, GetVersion, ListModels, SetAlias},
    registered::{DeletedModel, Described, ListDeletedModels, PurgeModel, RenameModel, RestoreVersion, TagModel},
};
use engine::tracking::registry;
use store::{blob::BlobHash, setting};

use crate::{
    place::{project, version},
    stage::Stage,
};

fn blobs(stage: &Stage) -> Vec<(BlobHash, u64)> {
    let mut all = stage.engine.blobs().list().unwrap();
    all.sort();
    all
}

#[tokio::test]
async fn a_deleted_version_comes_back_as_it_was_with_its_files() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = version(&stage, project).await;
    let model = stage.call(ListModels::of(project)).await[0].id;
    stage.call(SetAlias { model, alias: "champion".to_owned(), version: Some(first) }).await;
    let (of, value) = (Described::Version(first), Some("growth".to_owned()));
    stage.call(TagModel { of, key: "team".to_owned(), value }).await;
    let (before, files) = (stage.call(ListModels::of(project)).await, blobs(&stage));

    stage.call(DeleteVersion { version: first }).await;
    assert!(stage.call(ListModels::of(project)).await.is_empty());
    let gone = stage.call(ListDeletedModels {}).await;
    assert_eq!(
        gone.iter().map(|gone| (gone.title(), gone.version)).collect::<Vec<_>>(),
        [("big-x:1".to_owned(), Some((first, 1)))]
    );
    stage.call(CollectGarbage { dry_run: false }).await;
    assert_eq!(blobs(&stage), files, "its files stay for a day");

    let back = stage.call(RestoreVersion { version: first }).await;
    assert_eq!((back.name.as_str(), back.number, back.of_client), ("big-x", 1, false));
    assert_eq!(stage.call(ListModels::of(project)).await, before);
    assert_eq!(stage.call(GetVersion { version: first }).await.tags["team"], "growth");
    stage.call(CollectGarbage { dry_run: false }).await;
    assert_eq!(blobs(&stage), files);
    let twice = stage.try_call(RestoreVersion { version: first }).await.unwrap_err();
    assert_eq!(twice.code, ErrorCode::NotFound);

    // What a client deletes is gone at once.
    registry::delete_version(&stage.engine, "big-x", "1").await.unwrap();
    assert!(blobs(&stage).is_empty());
    assert!(stage.call(ListDeletedModels {}).await.is_empty());
}

#[tokio::test]
async fn after_a_day_its_files_are_garbage() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = version(&stage, project).await;
    stage.call(DeleteVersion { version: first }).await;
    let older = |tx: &store::Transaction<'_>| {
        let [(name, _)]: [(String, u64); 1] = setting::below(tx, setting::GONE)?.try_into().unwrap();
        let gone: serde_json::Value = setting::get(tx, &name)?.unwrap();
        setting::delete(tx, &name)?;
        let mut parts: Vec<&str> = name.split('/').collect();
        let long_ago = format!("{:013}", parts[1].parse::<i64>().unwrap() - 24 * 3_600_000 - 1);
        parts[1] = &long_ago;
        setting::put(tx, &parts.join("/"), &gone)
    };
    stage.engine.store().write(older).await.unwrap();
    assert!(!blobs(&stage).is_empty());
    let late = stage.try_call(RestoreVersion { version: first }).await.unwrap_err();
    assert_eq!(late.code, ErrorCode::NotFound);
    stage.call(CollectGarbage { dry_run: false }).await;
    assert!(blobs(&stage).is_empty());
}

#[tokio::test]
async fn a_deleted_version_goes_for_good_at_once_where_that_is_asked() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = version(&stage, project).await;
    let held: u64 = blobs(&stage).iter().map(|(_, size)| size).sum();
    let purge = |gone: &DeletedModel| PurgeModel { model: gone.model, version: gone.version.map(|(id, _)| id) };

    stage.call(DeleteVersion { version: first }).await;
    let [gone]: [DeletedModel; 1] = stage.call(ListDeletedModels {}).await.try_into().unwrap();
    assert_eq!((gone.project, gone.frees_bytes), (Some(project), held));
    // Another version of the same content: the files are needed.
    let second = version(&stage, project).await;
    let gone = stage.call(ListDeletedModels {}).await.remove(0);
    assert!(gone.frees_bytes < held, "{} of {held}", gone.frees_bytes);
    stage.call(purge(&gone)).await;
    assert!(stage.call(ListDeletedModels {}).await.is_empty());
    assert!(!blobs(&stage).is_empty());
    assert_eq!(stage.try_call(RestoreVersion { version: first }).await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(stage.try_call(purge(&gone)).await.unwrap_err().code, ErrorCode::NotFound);

    stage.call(DeleteVersion { version: second }).await;
    let gone = stage.call(ListDeletedModels {}).await.remove(0);
    assert_eq!(gone.frees_bytes, blobs(&stage).iter().map(|(_, size)| size).sum::<u64>());
    let freed = stage.call(purge(&gone)).await;
    assert!(freed.bytes >= gone.frees_bytes, "{} of {}", freed.bytes, gone.frees_bytes);
    assert!(blobs(&stage).is_empty());
}

#[tokio::test]
async fn a_version_whose_number_is_taken_does_not_come_back() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = version(&stage, project).await;
    stage.call(DeleteVersion { version: first }).await;
    // The model went with its only version: this is another of its name.
    version(&stage, project).await;
    let taken = stage.try_call(RestoreVersion { version: first }).await.unwrap_err();
    assert_eq!((taken.code, taken.message.as_str()), (ErrorCode::Conflict, "big-x has another version 1 now."));
    assert_eq!(stage.call(ListDeletedModels {}).await.len(), 1, "a refusal takes nothing away");
}

#[tokio::test]
async fn a_version_does_not_come_back_under_a_name_that_a_client_took() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = version(&stage, project).await;
    stage.call(DeleteVersion { version: first }).await;
    let taken = registry::create(&stage.engine, "big-x", None, Vec::new()).await.unwrap().row.id;
    let refusal = stage.try_call(RestoreVersion { version: first }).await.unwrap_err();
    assert_eq!(refusal.code, ErrorCode::Conflict);
    assert_eq!(refusal.message, "A model that a client registered is called \"big-x\" now.");
    assert!(refusal.hint.unwrap().contains(&format!("slipway model rename {taken} ")));
    assert!(stage.call(ListModels::of(project)).await.is_empty(), "a refusal enters nothing");

    stage.call(RenameModel { model: taken, name: "another".to_owned() }).await;
    let back = stage.call(RestoreVersion { version: first }).await;
    assert_eq!((back.name.as_str(), back.number), ("big-x", 1));
    assert!(registry::get(&stage.engine, "another").await.unwrap().versions.is_empty());
}
