//! What a killed host leaves in the database, and what the next one makes of it.

use api::{
    ErrorCode, JobId,
    dataset::{AddData, ExportSnapshot, GetDataset, TakeSnapshot},
    host::{PutSettings, Settings},
    job::{GetJob, Job, JobKind, JobState, RetryJob, Subject},
    run::{BeginCommand, EndCommand, GetRun, RunState, StartRun, StopRun},
    tracking::{PurgeRuns, TrashRuns},
};
use engine::jobs::{NewJob, retry_with};
use serde_json::Value;
use store::job::JobRow;

use crate::{data::project, stage::Stage};

/// The row of a job that was running when its host died.
async fn leave_running(stage: &Stage, kind: JobKind, subject: Subject, request: Option<Value>) -> JobId {
    let id = JobId::from_bytes(stage.engine.new_id());
    let job = Job {
        id,
        project: None,
        kind,
        title: "left".to_owned(),
        state: JobState::Running,
        fraction: Some(0.5),
        message: String::new(),
        error: None,
        seconds_left: None,
        waits_for: None,
        subject,
        created_ms: 1,
        started_ms: Some(1),
        ended_ms: None,
        retryable: false,
    };
    let row = JobRow { job, request, memory_bytes: 0 };
    stage.engine.store().write(move |tx| store::job::insert(tx, &row)).await.unwrap();
    id
}

async fn over(stage: &Stage, job: JobId) -> Job {
    let job = stage.call(GetJob { job }).await;
    stage.over(job).await
}

#[tokio::test]
async fn what_nobody_takes_up_is_failed_plainly() {
    let mut stage = Stage::new().await;
    let id = leave_running(&stage, JobKind::Package, Subject::None, None).await;
    stage.reopen().await;
    let failed = stage.call(GetJob { job: id }).await;
    assert_eq!(failed.state, JobState::Failed);
    let error = failed.error.unwrap();
    assert_eq!(error.code, ErrorCode::Internal);
    assert!(error.message.contains("ended while"), "{}", error.message);
}

#[tokio::test]
async fn copies_and_predictions_are_failed_plainly_and_can_be_retried() {
    let mut stage = Stage::new().await;
    let project = project(&stage).await;
    let added = stage.write("elsewhere/b.csv", &crate::stage::table(50, 2)).to_string_lossy().into_owned();
    let request = retry_with(&AddData { project, paths: vec![added] });
    let kinds = [JobKind::Copy, JobKind::Predict, JobKind::Export];
    let mut left = Vec::new();
    for kind in kinds {
        // An image's export, unlike that of a snapshot, begins anew.
        left.push(leave_running(&stage, kind, Subject::Project(project), request.clone()).await);
    }
    let profile = leave_running(&stage, JobKind::Profile, Subject::None, None).await;
    stage.reopen().await;
    for id in &left {
        let failed = stage.call(GetJob { job: *id }).await;
        assert_eq!((failed.state, failed.retryable), (JobState::Failed, true));
        assert!(failed.error.unwrap().hint.unwrap().contains("Retry"));
    }
    let failed = stage.call(GetJob { job: profile }).await;
    assert!(!failed.retryable && failed.error.unwrap().hint.unwrap().contains("asked for"));
    stage.done(stage.call(RetryJob { job: left[0] }).await).await;
    assert_eq!(stage.call(GetDataset { project }).await.files, 2);
}

#[tokio::test]
async fn a_snapshot_goes_on() {
    let mut stage = Stage::new().await;
    let project = project(&stage).await;
    let request = TakeSnapshot { project, message: Some("after a death".to_owned()) };
    let id = leave_running(&stage, JobKind::Snapshot, Subject::None, retry_with(&request)).await;
    stage.reopen().await;
    let done = over(&stage, id).await;
    assert_eq!(done.state, JobState::Done, "{:?}", done.error);
    let snapshots = stage.call(GetDataset { project }).await.snapshots;
    assert_eq!(done.subject, Subject::Snapshot(snapshots[0].id));
    assert_eq!(snapshots[0].message, "after a death");
    // What it noted of its way is gone with it.
    let cache = std::fs::read_dir(stage.engine.workspace().cache()).unwrap().flatten();
    let notes: Vec<_> = cache.filter(|entry| entry.file_name().to_string_lossy().starts_with("reading-")).collect();
    assert!(notes.is_empty(), "{notes:?}");
}

#[tokio::test]
async fn what_an_interrupted_snapshot_kept_is_not_read_again() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let data = stage.path("p/data");
    stage.write("p/data/b.csv", "x,z,colour,y\n1,2,3\n");
    // The second file is bad: the first is kept, the snapshot is not.
    let failed = stage.call(TakeSnapshot { project, message: None }).await;
    assert_eq!(stage.over(failed).await.state, JobState::Failed);
    let kept = stage.engine.blobs().list().unwrap();
    assert!(!kept.is_empty());
    // Nobody but its owner can read the first file now; the note of it is enough.
    std::fs::remove_file(data.join("b.csv")).unwrap();
    let before = std::fs::metadata(data.join("a.csv")).unwrap().modified().unwrap();
    let same_length = std::fs::read(data.join("a.csv")).unwrap().len();
    std::fs::write(data.join("a.csv"), vec![b'#'; same_length]).unwrap();
    std::fs::File::options().write(true).open(data.join("a.csv")).unwrap().set_modified(before).unwrap();
    let done = stage.done(stage.call(TakeSnapshot { project, message: None }).await).await;
    assert!(matches!(done.subject, Subject::Snapshot(_)));
    assert_eq!(stage.call(GetDataset { project }).await.snapshots[0].rows, 200);
}

#[tokio::test]
async fn an_export_goes_on_beside_what_it_wrote() {
    let mut stage = Stage::new().await;
    let project = project(&stage).await;
    stage.write("p/data/b.csv", &crate::stage::table(50, 2));
    let taken = stage.done(stage.call(TakeSnapshot { project, message: None }).await).await;
    let Subject::Snapshot(snapshot) = taken.subject else { panic!("{:?}", taken.subject) };
    let folder = stage.path("out");
    std::fs::create_dir_all(folder.join("data")).unwrap();
    std::fs::copy(stage.path("p/data/a.csv"), folder.join("data/a.csv")).unwrap();
    let request = ExportSnapshot { snapshot, folder: folder.to_string_lossy().into_owned() };
    let id = leave_running(&stage, JobKind::Export, Subject::Snapshot(snapshot), retry_with(&request)).await;
    stage.reopen().await;
    assert_eq!(over(&stage, id).await.state, JobState::Done);
    for name in ["data/a.csv", "data/b.csv"] {
        assert_eq!(std::fs::read(folder.join(name)).unwrap(), std::fs::read(stage.path("p").join(name)).unwrap());
    }
    // Another file of that name is never replaced.
    std::fs::write(folder.join("data/a.csv"), "mine").unwrap();
    std::fs::remove_file(folder.join("data/b.csv")).unwrap();
    let refused = stage.over(stage.call(request.clone()).await).await;
    assert_eq!(refused.error.unwrap().code, ErrorCode::Conflict);
    assert_eq!(std::fs::read(folder.join("data/a.csv")).unwrap(), b"mine");
    assert!(!folder.join("data/b.csv").exists(), "it is refused before anything is written");
    // Neither is a link, wherever it leads.
    #[cfg(unix)]
    {
        std::fs::remove_file(folder.join("data/a.csv")).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.join("data/a.csv")).unwrap();
        let refused = stage.over(stage.call(request).await).await;
        assert_eq!(refused.error.unwrap().code, ErrorCode::Conflict);
        assert!(folder.join("data/a.csv").is_symlink());
    }
}

#[tokio::test]
async fn the_job_of_a_run_that_is_over_ends_as_the_run_did() {
    let mut stage = Stage::new().await;
    project(&stage).await;
    for (code, state) in [(0, JobState::Done), (3, JobState::Failed)] {
        let begun = stage
            .call(BeginCommand {
                run: None,
                trial: None,
                project: None,
                directory: stage.path("p").to_string_lossy().into_owned(),
                command: vec!["train".to_owned()],
                environment: std::collections::BTreeMap::new(),
                code: None,
                pid: std::process::id(),
                pid_started_ms: engine::process::started_ms(std::process::id()).unwrap(),
                name: None,
                budget: Default::default(),
            })
            .await;
        let outcome = if code == 0 { "finished" } else { "failed" };
        let done = serde_json::json!({
            "v": 1, "time_ms": 5, "event": "done", "outcome": outcome, "message": null, "hint": null, "exit_code": code,
        });
        std::fs::write(std::path::Path::new(&begun.folder).join("events.jsonl"), format!("{done}\n")).unwrap();
        stage.call(EndCommand { run: begun.run }).await;
        let id = leave_running(&stage, JobKind::Train, Subject::Run(begun.run), None).await;
        stage.reopen().await;
        let job = stage.call(GetJob { job: id }).await;
        assert_eq!(job.state, state, "{:?}", job.error);
        assert!(job.error.is_none_or(|error| error.message.contains("exit code 3")));
    }
}

#[tokio::test]
async fn a_training_that_is_stopped_while_it_waits_is_stopped() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let settings = Settings { memory_limit_bytes: Some(1 << 30), ..Settings::default() };
    stage.call(PutSettings { settings }).await;
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let first = NewJob {
        kind: JobKind::Package,
        title: "holds the memory".to_owned(),
        project: None,
        subject: Subject::None,
        memory_bytes: 1 << 30,
        request: None,
    };
    let first = stage
        .engine
        .jobs()
        .start(&stage.engine, first, |_| async move {
            finished.await?;
            Ok(String::new())
        })
        .await
        .unwrap();
    let start = StartRun::of(project);
    let job = stage.call(start).await;
    let Subject::Run(run) = job.subject else { panic!("{:?}", job.subject) };
    stage.call(StopRun { run }).await;
    assert_eq!(stage.over(job).await.state, JobState::Cancelled);
    assert_eq!(stage.call(GetRun { run }).await.state, RunState::Stopped);
    stage.call(TrashRuns { runs: vec![run] }).await;
    stage.call(PurgeRuns { runs: vec![run] }).await;
    finish.send(()).unwrap();
    stage.done(first).await;
}
