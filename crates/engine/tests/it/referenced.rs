//! Snapshots that only reference their files: believed by hash, found where the project is now.

use std::{
    path::Path,
    time::{Duration, SystemTime},
};

use api::{
    ErrorCode, ProjectId, SnapshotId,
    config::{DataKind, ProjectFile},
    dataset::{ExportSnapshot, GetDataset, GetPreview, PlanSnapshot, TakeSnapshot},
    job::{JobState, Subject},
    project::{EditProjectFile, OpenProject, SameId},
    run::{GetRun, StartRun},
};

use crate::stage::{Stage, table};

async fn create(stage: &Stage, kind: DataKind) -> ProjectId {
    let mut file = ProjectFile { name: "p".to_owned(), ..ProjectFile::default() };
    file.data.paths = vec!["data".to_owned()];
    file.data.target = (kind == DataKind::Table).then(|| "y".to_owned());
    (file.data.kind, file.data.reference) = (kind, true);
    stage.create("p", file).await
}

async fn take(stage: &Stage, project: ProjectId) -> SnapshotId {
    let done = stage.done(stage.call(TakeSnapshot { project, message: None }).await).await;
    let Subject::Snapshot(snapshot) = done.subject else { panic!("{:?}", done.subject) };
    assert!(!stage.call(GetDataset { project }).await.snapshots[0].kept);
    snapshot
}

fn rewrite(path: &Path, bytes: &[u8], at: SystemTime) {
    std::fs::write(path, bytes).unwrap();
    touch(path, at);
}

fn touch(path: &Path, at: SystemTime) {
    std::fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
}

fn lose_the_cache(stage: &Stage, snapshot: SnapshotId) {
    std::fs::remove_dir_all(stage.engine.workspace().snapshot_cache(snapshot)).unwrap();
}

#[tokio::test]
async fn rows_are_read_again_only_of_the_bytes_that_were_recorded() {
    let stage = Stage::new().await;
    let path = stage.write("p/data/a.csv", &table(200, 1));
    let project = create(&stage, DataKind::Table).await;
    let snapshot = take(&stage, project).await;
    let preview = GetPreview { snapshot, offset: 0, limit: 5 };
    let rows = stage.prepared(preview.clone()).await;

    let (bytes, then) = (std::fs::read(&path).unwrap(), std::fs::metadata(&path).unwrap().modified().unwrap());
    lose_the_cache(&stage, snapshot);
    touch(&path, then + Duration::from_secs(60));
    assert_eq!(stage.prepared(preview.clone()).await, rows, "the same bytes at another time are the same file");

    // As many other bytes: only the hash tells.
    let other = String::from_utf8(bytes.clone()).unwrap().replacen("0.", "1.", 1);
    rewrite(&path, other.as_bytes(), then + Duration::from_secs(120));
    assert_eq!(stage.prepared(preview.clone()).await, rows, "the cache holds what was recorded");
    lose_the_cache(&stage, snapshot);
    let refused = stage.try_call(preview.clone()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Conflict);
    let told = &refused.message;
    assert!(told.contains(&*path.to_string_lossy()) && told.contains("expected") && told.contains("BLAKE3"), "{told}");
    assert!(refused.hint.unwrap().contains("bring back what was there"));

    // A training on that snapshot is not begun, and says the same; on the newest it would be.
    let start = StartRun { snapshot: Some(snapshot), ..StartRun::of(project) };
    let job = stage.over(stage.call(start).await).await;
    let error = job.error.unwrap();
    assert_eq!((job.state, error.code, &error.message), (JobState::Failed, ErrorCode::Conflict, told));
    let Subject::Run(run) = job.subject else { panic!("{:?}", job.subject) };
    assert!(stage.call(GetRun { run }).await.state.is_over());

    rewrite(&path, &bytes, then + Duration::from_secs(180));
    assert_eq!(stage.prepared(preview).await, rows, "what was brought back is read");
}

#[tokio::test]
async fn the_same_files_are_kept_once_that_is_wished_and_referenced_again() {
    let stage = Stage::new().await;
    stage.write("p/data/a.csv", &table(200, 1));
    let project = create(&stage, DataKind::Table).await;
    let referenced = take(&stage, project).await;
    let again = stage.done(stage.call(TakeSnapshot { project, message: None }).await).await;
    assert_eq!((again.subject, again.message.as_str()), (Subject::Snapshot(referenced), "Nothing changed since v1"));

    for (number, reference) in [(2, false), (3, true)] {
        let set = vec![("data.reference".to_owned(), serde_json::json!(reference))];
        stage.call(EditProjectFile { project, set }).await;
        let plan = stage.call(PlanSnapshot { project }).await;
        assert_eq!((plan.unchanged, plan.referenced, plan.new_bytes > 0), (false, reference, !reference));
        let done = stage.done(stage.call(TakeSnapshot { project, message: None }).await).await;
        let snapshots = stage.call(GetDataset { project }).await.snapshots;
        assert_eq!((snapshots[0].number, snapshots[0].kept), (number, !reference), "{}", done.message);
        assert_eq!(snapshots[0].content, snapshots[1].content);
        assert!(stage.call(PlanSnapshot { project }).await.unchanged);
    }
    let kept = stage.call(GetDataset { project }).await.snapshots[1].id;
    std::fs::remove_file(stage.path("p/data/a.csv")).unwrap();
    lose_the_cache(&stage, kept);
    assert_eq!(stage.prepared(GetPreview { snapshot: kept, offset: 0, limit: 5 }).await.rows.len(), 5);
}

#[tokio::test]
async fn a_training_checks_its_files_also_where_the_cache_has_their_rows() {
    let stage = Stage::new().await;
    let path = stage.write("p/data/a.csv", &table(200, 1));
    let project = create(&stage, DataKind::Table).await;
    let snapshot = take(&stage, project).await;
    std::fs::remove_file(&path).unwrap();
    stage.write("p/data/b.csv", &table(200, 2));
    let start = StartRun { snapshot: Some(snapshot), ..StartRun::of(project) };
    let job = stage.over(stage.call(start).await).await;
    let error = job.error.unwrap();
    assert_eq!(error.code, ErrorCode::Conflict);
    assert!(error.message.contains("a.csv") && error.message.contains("found nothing"), "{}", error.message);
}

#[tokio::test]
async fn a_project_that_moved_still_finds_its_files() {
    let stage = Stage::new().await;
    stage.write("p/data/a.csv", &table(200, 1));
    let project = create(&stage, DataKind::Table).await;
    let snapshot = take(&stage, project).await;
    let preview = GetPreview { snapshot, offset: 0, limit: 5 };
    let rows = stage.prepared(preview.clone()).await;
    lose_the_cache(&stage, snapshot);

    std::fs::rename(stage.path("p"), stage.path("moved")).unwrap();
    let path = stage.path("moved").to_string_lossy().into_owned();
    assert_eq!(stage.call(OpenProject { path, same_id: SameId::Ask }).await.id, project);
    assert_eq!(stage.prepared(preview.clone()).await, rows);
    let export = ExportSnapshot { snapshot, folder: stage.path("out").to_string_lossy().into_owned() };
    let refused = stage.try_call(export).await.unwrap_err();
    assert!(refused.hint.unwrap().contains("moved"));

    // Another place of the project without the files: those of the first are found where they were.
    lose_the_cache(&stage, snapshot);
    std::fs::rename(stage.path("moved"), stage.path("p")).unwrap();
    stage.write("other/slipway.toml", &std::fs::read_to_string(stage.path("p/slipway.toml")).unwrap());
    let path = stage.path("other").to_string_lossy().into_owned();
    stage.call(OpenProject { path, same_id: SameId::SamePlace }).await;
    assert_eq!(stage.prepared(preview).await, rows);
}

#[tokio::test]
async fn pictures_are_shown_and_trained_from_where_they_are_and_as_they_were() {
    let stage = Stage::new().await;
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sample-projects/digits/images");
    for class in ["3", "7"] {
        let all = std::fs::read_dir(samples.join(class)).unwrap().flatten().map(|entry| entry.path());
        for (index, file) in all.take(4).enumerate() {
            let path = stage.path(&format!("p/data/{class}/{index}.png"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::copy(file, path).unwrap();
        }
    }
    let project = create(&stage, DataKind::Images).await;
    let snapshot = take(&stage, project).await;
    let row = engine::snapshot::find(&stage.engine, snapshot).await.unwrap();
    std::fs::rename(stage.path("p"), stage.path("moved")).unwrap();
    let path = stage.path("moved").to_string_lossy().into_owned();
    stage.call(OpenProject { path, same_id: SameId::Ask }).await;

    let (folder, pictures) = engine::snapshot::cache::pictures(&stage.engine, &row).await.unwrap();
    assert_eq!((folder, pictures.len()), (stage.path("moved"), 8));
    let (one, other) = ("data/3/0.png", "data/7/0.png");
    let picture = async |name| engine::snapshot::cache::picture(&stage.engine, &row, name).await;
    assert_eq!(picture(one).await.unwrap(), Some(stage.path("moved").join(one)));
    assert_eq!(picture("data/3/9.png").await.unwrap(), None);

    std::fs::copy(stage.path("moved").join(other), stage.path("moved").join(one)).unwrap();
    touch(&stage.path("moved").join(one), SystemTime::now() + Duration::from_secs(60));
    let refused = engine::snapshot::cache::pictures(&stage.engine, &row).await.unwrap_err();
    assert!(engine::error::told(&refused).message.contains(one), "{refused:#}");
    assert!(picture(one).await.is_err() && picture(other).await.is_ok());
}
