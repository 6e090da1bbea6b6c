//! Jobs: never lost, never two where only one fits, cancelled when asked.

use api::{
    event::Event,
    host::{PutSettings, Settings},
    job::{CancelJob, GetJob, GetJobLog, JobKind, JobState, ListJobs, Subject},
};
use engine::jobs::NewJob;

use crate::stage::{PATIENCE, Stage};

fn job(title: &str, memory_bytes: u64) -> NewJob {
    NewJob {
        kind: JobKind::Export,
        title: title.to_owned(),
        project: None,
        subject: Subject::None,
        memory_bytes,
        request: None,
    }
}

#[tokio::test]
async fn a_job_tells_its_progress_log_and_end() {
    let stage = Stage::new().await;
    let started = stage
        .engine
        .jobs()
        .start(&stage.engine, job("count", 0), |context| async move {
            for step in 0..10 {
                context.progress(f64::from(step) / 10.0, format!("step {step}"));
            }
            context.log("half way");
            // Each line is longer than the one before.
            (0..100).for_each(|line| context.log("x".repeat(9 + line)));
            Ok("counted".to_owned())
        })
        .await
        .unwrap();
    let done = stage.done(started).await;
    assert_eq!((done.message.as_str(), done.fraction), ("counted", Some(1.0)));
    let log = stage.call(GetJobLog { job: done.id }).await;
    assert!(log[0] == "half way" && log.len() == 101 && log.is_sorted_by_key(|line| line.len()), "{log:?}");
}

#[tokio::test]
async fn a_step_that_lasts_is_told_after_one_that_was_over_at_once() {
    let stage = Stage::new().await;
    let mut events = stage.engine.events().subscribe();
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let started = stage
        .engine
        .jobs()
        .start(&stage.engine, job("wait", 0), |context| async move {
            context.progress(None, "quick");
            context.progress(None, "lasts");
            finished.await?;
            Ok(String::new())
        })
        .await
        .unwrap();
    let told = async {
        loop {
            if let Event::Progress { message, .. } = events.recv().await.unwrap()
                && message == "lasts"
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("the step that lasts is told");
    finish.send(()).unwrap();
    stage.done(started).await;
}

#[tokio::test]
async fn a_job_that_would_not_fit_waits_and_says_why() {
    let stage = Stage::new().await;
    let settings = Settings { memory_limit_bytes: Some(1 << 30), ..Settings::default() };
    stage.call(PutSettings { settings }).await;
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let first = stage
        .engine
        .jobs()
        .start(&stage.engine, job("first", 900 << 20), |_| async move {
            finished.await?;
            Ok(String::new())
        })
        .await
        .unwrap();
    stage
        .until("the first runs", async |stage| {
            (stage.call(GetJob { job: first.id }).await.state == JobState::Running).then_some(())
        })
        .await;
    let second = stage
        .engine
        .jobs()
        .start(&stage.engine, job("second", 900 << 20), |_| async { Ok(String::new()) })
        .await
        .unwrap();
    let waits =
        stage.until("the second waits", async |stage| stage.call(GetJob { job: second.id }).await.waits_for).await;
    assert!(waits.contains("needs 0.9 GB"), "{waits}");
    assert_eq!(stage.call(ListJobs::default()).await[0].id, first.id);
    finish.send(()).unwrap();
    stage.done(second).await;
}

#[tokio::test]
async fn a_job_waits_for_what_the_machine_has_left_and_a_lone_one_starts_with_a_warning() {
    let stage = Stage::new().await;
    // A share that no machine has: only what is free now can make the second wait.
    let settings = Settings { memory_limit_bytes: Some(1 << 60), ..Settings::default() };
    stage.call(PutSettings { settings }).await;
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let first = stage
        .engine
        .jobs()
        .start(&stage.engine, job("first", 1 << 20), |_| async move {
            finished.await?;
            Ok(String::new())
        })
        .await
        .unwrap();
    stage
        .until("the first runs", async |stage| {
            (stage.call(GetJob { job: first.id }).await.state == JobState::Running).then_some(())
        })
        .await;
    let second = stage
        .engine
        .jobs()
        .start(&stage.engine, job("second", 1 << 50), |_| async { Ok(String::new()) })
        .await
        .unwrap();
    let waits =
        stage.until("the second waits", async |stage| stage.call(GetJob { job: second.id }).await.waits_for).await;
    assert!(waits.contains("needs 1125899.9 GB") && waits.ends_with("GB are free"), "{waits}");
    finish.send(()).unwrap();
    let second = stage.done(second).await;
    let log = stage.call(GetJobLog { job: second.id }).await;
    assert!(log.iter().any(|line| line.starts_with("warning: It needs 1125899.9 GB")), "{log:?}");
    let log = stage.call(GetJobLog { job: first.id }).await;
    assert!(log.is_empty(), "what fits is not warned of: {log:?}");
}

#[tokio::test]
async fn a_cancelled_job_says_so() {
    let stage = Stage::new().await;
    let started = stage
        .engine
        .jobs()
        .start(&stage.engine, job("endless", 0), |context| async move {
            context.cancelled().await;
            context.check()?;
            Ok(String::new())
        })
        .await
        .unwrap();
    stage.call(CancelJob { job: started.id }).await;
    assert_eq!(stage.over(started).await.state, JobState::Cancelled);
}

#[tokio::test]
async fn a_panic_fails_the_job_and_nothing_else() {
    let stage = Stage::new().await;
    let started =
        stage.engine.jobs().start(&stage.engine, job("broken", 0), |_| async { panic!("on purpose") }).await.unwrap();
    assert_eq!(stage.over(started).await.state, JobState::Failed);
    let next =
        stage.engine.jobs().start(&stage.engine, job("next", 0), |_| async { Ok("fine".to_owned()) }).await.unwrap();
    stage.done(next).await;
}
