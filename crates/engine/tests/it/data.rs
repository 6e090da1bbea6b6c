//! Snapshots: what changed, kept once, rebuilt, compared, exported, deleted.

use api::{
    ErrorCode, ProjectId,
    config::ProjectFile,
    dataset::{
        AddData, CompareSnapshots, DeleteSnapshot, ExportSnapshot, GetDataset, GetPreview, GetProfile, PlanSnapshot,
        TakeSnapshot,
    },
    host::{CollectGarbage, GetStorage},
    job::Subject,
    project::{CreateProject, DeleteProject},
};

use crate::stage::{Stage, table};

pub(crate) async fn project(stage: &Stage) -> ProjectId {
    stage.write("p/data/a.csv", &table(200, 1));
    let mut file = ProjectFile { name: "p".to_owned(), ..ProjectFile::default() };
    file.data.paths = vec!["data".to_owned()];
    file.data.target = Some("y".to_owned());
    stage
        .call(CreateProject { path: stage.path("p").to_string_lossy().into_owned(), file, copy_from: Vec::new() })
        .await
        .id
}

async fn take(stage: &Stage, project: ProjectId) -> api::SnapshotId {
    let job = stage.call(TakeSnapshot { project, message: None }).await;
    match stage.done(job).await.subject {
        Subject::Snapshot(snapshot) => snapshot,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_unchanged_folder_is_free_and_a_changed_one_is_seen_within_two_seconds() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = take(&stage, project).await;
    assert_eq!(take(&stage, project).await, first);
    assert!(stage.call(PlanSnapshot { project }).await.unchanged);

    let begun = std::time::Instant::now();
    stage.write("p/data/b.csv", &table(50, 2));
    let seen =
        stage.until("the added file is seen", async |stage| stage.call(GetDataset { project }).await.changed).await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!((seen.added, seen.changed, seen.removed), (1, 0, 0));
    assert_eq!(seen.names, ["data/b.csv"]);

    let second = take(&stage, project).await;
    let dataset = stage.call(GetDataset { project }).await;
    assert_eq!(dataset.changed, None);
    let newest = &dataset.snapshots[0];
    assert_eq!((newest.id, newest.number, newest.parent, newest.rows), (second, 2, Some(first), 250));
    assert_eq!(newest.message, "data/b.csv added, 50 more rows");
}

#[tokio::test]
async fn rows_profiles_and_comparisons_come_from_the_kept_bytes() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = take(&stage, project).await;
    // The folder may change, and the cache may go: the snapshot doesn't.
    stage.write("p/data/a.csv", &table(200, 9).replace("red", "gold"));
    std::fs::remove_dir_all(stage.engine.workspace().snapshot_cache(first)).unwrap();
    let preview = stage.call(GetPreview { snapshot: first, offset: 198, limit: 10 }).await;
    assert_eq!((preview.total_rows, preview.rows.len()), (200, 2));
    assert!(preview.rows.iter().flatten().flatten().all(|cell| cell != "gold"));
    let profile = stage.call(GetProfile { snapshot: first }).await;
    assert_eq!(profile.rows, 200);
    assert_eq!(profile, stage.call(GetProfile { snapshot: first }).await);
    let second = take(&stage, project).await;
    let report = stage.call(CompareSnapshots { reference: first, current: second }).await;
    assert_eq!((report.reference_rows, report.current_rows), (200, 200));
    let colour = report.columns.iter().find(|column| column.column == "colour").unwrap();
    assert_eq!(colour.verdict, api::drift::Verdict::Drifted);
}

#[tokio::test]
async fn a_deleted_snapshot_frees_what_no_other_uses() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = take(&stage, project).await;
    stage.write("p/data/b.csv", &table(5_000, 2));
    let second = take(&stage, project).await;
    let freed = stage.call(DeleteSnapshot { snapshot: second }).await;
    assert!(freed.bytes >= std::fs::metadata(stage.path("p/data/b.csv")).unwrap().len(), "{freed:?}");
    let export = stage.path("out");
    let job = stage.call(ExportSnapshot { snapshot: first, folder: export.to_string_lossy().into_owned() }).await;
    stage.done(job).await;
    assert_eq!(std::fs::read(export.join("data/a.csv")).unwrap(), std::fs::read(stage.path("p/data/a.csv")).unwrap());
    assert_eq!(stage.call(CollectGarbage { dry_run: true }).await.bytes, 0);
    let storage = stage.call(GetStorage {}).await;
    assert_eq!(storage.collectable_bytes, 0);
    assert!(storage.parts.iter().any(|part| part.size_bytes > 0));
    stage.call(DeleteProject { project }).await;
    assert!(stage.call(CollectGarbage { dry_run: false }).await.bytes > 0);
    assert_eq!(stage.engine.blobs().list().unwrap(), vec![], "a forgotten project leaves no bytes");
}

#[tokio::test]
async fn added_files_are_data_and_files_from_elsewhere_are_copied_in() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    stage.write("p/later/c.csv", &table(30, 3));
    let beside = stage
        .until("the file beside is seen", async |stage| {
            let dataset = stage.call(GetDataset { project }).await;
            (!dataset.beside.is_empty()).then_some(dataset.beside)
        })
        .await;
    assert_eq!(beside[0].path, "later/c.csv");
    let outside = stage.write("elsewhere/d.csv", &table(30, 4));
    let paths = vec!["later/c.csv".to_owned(), outside.to_string_lossy().into_owned()];
    let dataset = stage.call(AddData { project, paths }).await;
    assert_eq!(dataset.files, 3);
    assert!(stage.path("p/d.csv").is_file());
}

#[tokio::test]
async fn bad_data_fails_the_job_with_file_line_and_way_out() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    stage.write("p/data/a.csv", "x,y\n1,2\n1,2,3\n");
    let job = stage.over(stage.call(TakeSnapshot { project, message: None }).await).await;
    let error = job.error.unwrap();
    assert_eq!(error.code, ErrorCode::Invalid);
    assert!(error.message.contains("a.csv, line 3"), "{}", error.message);
    assert!(error.hint.is_some());
    assert!(stage.call(GetDataset { project }).await.snapshots.is_empty());
}
