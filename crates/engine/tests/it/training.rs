//! The road with the real worker: train, stop, kill, resume, register, predict.

use api::{
    ErrorCode, ProjectId, RunId,
    config::{DataKind, ModelChoice, ProjectFile, TrainingConfig},
    dataset::{DeleteSnapshot, GetDataset, GetPreview, TakeSnapshot},
    deleted::{CHECKPOINTS, RestoreArtifact},
    event::Event,
    host::CollectGarbage,
    job::{CancelJob, Job, JobState, Subject},
    model::{DeleteVersion, FindVersion, GetVersion, ListModels, Predict, PredictFile, RegisterModel, SetAlias},
    project::{DeleteProject, EditProjectFile, GetOverview, PurgeProject},
    run::{
        DeleteCheckpoints, GetEvaluation, GetLineage, GetRun, ListArtifacts, ListRuns, ProjectIdOr, ResumeRun, Run,
        RunState, StartRun, StopRun,
    },
    series::Viewport,
    tracking::{PurgeRuns, RestoreRuns, TrashRuns},
};
use serde_json::json;
use tokio::sync::broadcast::error::TryRecvError;

use crate::stage::{Stage, has_worker, table};

async fn project(stage: &Stage, rows: usize) -> ProjectId {
    stage.write("p/data.csv", &table(rows, 1));
    let mut file = ProjectFile { name: "Big x".to_owned(), ..ProjectFile::default() };
    file.data.paths = vec!["data.csv".to_owned()];
    file.data.target = Some("y".to_owned());
    file.training.threads = 1;
    file.evaluation.bootstrap = 50;
    stage.create("p", file).await
}

fn start(project: ProjectId, training: Option<TrainingConfig>) -> StartRun {
    StartRun { training, ..StartRun::of(project) }
}

fn run_of(job: &Job) -> RunId {
    match job.subject {
        Subject::Run(run) => run,
        other => panic!("{other:?}"),
    }
}

/// Long enough to be stopped in the middle.
fn long() -> Option<TrainingConfig> {
    Some(TrainingConfig {
        model: ModelChoice::Mlp,
        epochs: Some(400),
        patience: Some(0),
        threads: 1,
        ..TrainingConfig::default()
    })
}

async fn under_way(stage: &Stage, run: RunId) -> Run {
    stage
        .until("the run has a checkpoint", async |stage| {
            let now = stage.call(GetRun { run }).await;
            assert!(!now.state.is_over(), "{:?}", now.ended_because);
            now.progress.as_ref().is_some_and(|progress| progress.checkpoint_ms.is_some()).then_some(now)
        })
        .await
}

#[tokio::test]
async fn the_positive_class_is_the_one_that_the_project_names() {
    if !has_worker() {
        return;
    }
    let stage = Stage::new().await;
    let project = project(&stage, 600).await;
    let name = async |value: &str| {
        stage.call(EditProjectFile { project, set: vec![("data.positive".to_owned(), json!(value))] }).await;
    };
    let short = || Some(TrainingConfig { rounds: Some(20), threads: 1, ..TrainingConfig::default() });

    name("maybe").await;
    let refused = stage.call(start(project, short())).await;
    let refused = stage.over(refused).await;
    let error = refused.error.unwrap();
    assert_eq!((refused.state, error.code), (JobState::Failed, ErrorCode::InvalidProjectFile));
    assert!(error.message.contains("\"maybe\"") && error.message.contains("\"no\" and \"yes\""), "{}", error.message);

    name("no").await;
    let job = stage.call(start(project, short())).await;
    let run = run_of(&job);
    stage.done(job).await;
    assert_eq!(stage.call(GetEvaluation { run }).await.positive(), Some("no"));
    let version = stage.call(RegisterModel { run, name: None, aliases: Vec::new() }).await;
    assert_eq!(version.signature.positive(), Some("no"));
    let rows = vec![json!({"x": 0.95, "z": 0.5, "colour": "red"}), json!({"x": 0.05, "z": 0.5, "colour": "red"})];
    let answers = stage.call(Predict { version: version.id, rows }).await.rows;
    let probability = |row: usize| answers[row]["probability"].as_f64().unwrap();
    assert!(probability(0) < probability(1), "{answers:?}");
}

#[tokio::test]
async fn a_folder_becomes_a_registered_model_that_answers() {
    if !has_worker() {
        return;
    }
    let stage = Stage::new().await;
    let project = project(&stage, 600).await;
    let job = stage.call(start(project, None)).await;
    let run = run_of(&job);
    stage.done(job).await;
    let finished = stage.call(GetRun { run }).await;
    assert!(finished.environment.contains_key("machine.cpu"), "{:?}", finished.environment);
    assert!(finished.environment.contains_key("machine.gpu"), "its GPUs, or why none is measured");
    assert_eq!(finished.state, RunState::Finished);
    assert!(finished.has_evaluation && !finished.metrics.is_empty());
    let report = stage.call(GetEvaluation { run }).await;
    assert!(report.validation.iter().any(|figure| figure.name == report.primary));
    assert!(!stage.call(ListArtifacts { run }).await.is_empty());

    // A second run inherits the split: its parts are the same bytes.
    let second = stage.call(start(project, None)).await;
    let second_run = run_of(&second);
    stage.done(second).await;
    let again = stage.call(GetRun { run: second_run }).await;
    assert_eq!((again.snapshot, again.split), (finished.snapshot, finished.split));
    let listed = stage.call(ListRuns { project: ProjectIdOr(project), ..ListRuns::default() }).await;
    assert_eq!(listed.total, 2);
    assert!(listed.rows.iter().all(|row| !row.has_other_rows(listed.best_split)), "the same rows");
    let (key, _) = listed.ranked_by.clone().unwrap();
    assert!(key.ends_with("/validation") && listed.rows.iter().all(|row| row.metrics.contains_key(&key)), "{key}");

    let version = stage.call(RegisterModel { run, name: None, aliases: vec!["champion".to_owned()] }).await;
    assert_eq!((version.model_name.as_str(), version.number), ("big-x", 1));
    let found = stage.call(FindVersion { reference: "big-x@champion".to_owned(), project: None }).await;
    assert_eq!(found.id, version.id);
    let twice = stage.try_call(RegisterModel { run, name: None, aliases: Vec::new() }).await.unwrap_err();
    assert_eq!(twice.code, ErrorCode::Conflict);
    let detail = stage.call(GetVersion { version: version.id }).await;
    assert!(!detail.examples.is_empty() && detail.evaluation.is_some());

    let rows = vec![json!({"x": 0.95, "z": 0.5, "colour": "red"}), json!({"x": 0.05, "z": 0.5, "colour": "red"})];
    let answers = stage.call(Predict { version: version.id, rows }).await.rows;
    assert_eq!((&answers[0]["prediction"], &answers[1]["prediction"]), (&json!("yes"), &json!("no")));
    let wrong = stage.try_call(Predict { version: version.id, rows: vec![json!({"w": 1})] }).await.unwrap_err();
    assert_eq!(wrong.code, ErrorCode::Invalid);
    let (input, output) = (stage.path("p/data.csv"), stage.path("out.csv"));
    let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let file = PredictFile { version: version.id, input: text(&input), output: text(&output), overwrite: false };
    let predicted = stage.done(stage.call(file.clone()).await).await;
    assert_eq!(predicted.subject, Subject::Version(version.id));
    assert!(predicted.message.starts_with("600 rows predicted"), "{}", predicted.message);
    assert_eq!(std::fs::read_to_string(&output).unwrap().lines().count(), 601);
    // What is there is replaced only on demand, and only by something whole.
    std::fs::write(&output, "precious").unwrap();
    let refused = stage.try_call(file.clone()).await.unwrap_err();
    assert_eq!((refused.code, refused.hint.unwrap().contains("--force")), (ErrorCode::Conflict, true));
    let nothing = PredictFile { input: text(&stage.path("p/none.csv")), overwrite: true, ..file.clone() };
    assert_eq!(stage.try_call(nothing).await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(std::fs::read_to_string(&output).unwrap(), "precious");
    stage.done(stage.call(PredictFile { overwrite: true, ..file.clone() }).await).await;
    assert_eq!(std::fs::read_to_string(&output).unwrap().lines().count(), 601);
    let folder = PredictFile { output: text(&stage.path("p")), overwrite: true, ..file.clone() };
    assert_eq!(stage.try_call(folder).await.unwrap_err().code, ErrorCode::Invalid);
    let unknown = PredictFile { output: text(&stage.path("out.xlsx")), ..file.clone() };
    assert_eq!(stage.try_call(unknown).await.unwrap_err().code, ErrorCode::Invalid);
    #[cfg(unix)]
    {
        // A pipe that nobody writes into would be read for ever.
        let pipe = stage.path("pipe.csv");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let piped = PredictFile { input: text(&pipe), output: text(&stage.path("piped.csv")), ..file.clone() };
        let refused = stage.try_call(piped).await.unwrap_err();
        assert!(refused.message.contains("pipe.csv"), "{refused:?}");
    }
    // Cancelled, it leaves no output.
    let (large, cancelled) = (stage.write("large/in.csv", &table(60_000, 3)), stage.path("large/out.csv"));
    let large = PredictFile { input: text(&large), output: text(&cancelled), ..file };
    let job = stage.call(large).await;
    stage.call(CancelJob { job: job.id }).await;
    assert_eq!(stage.over(job).await.state, JobState::Cancelled);
    assert_eq!(std::fs::read_dir(stage.path("large")).unwrap().count(), 1);

    // Nothing that something points at can go.
    stage.call(TrashRuns { runs: vec![run] }).await;
    let in_use = stage.try_call(PurgeRuns { runs: vec![run] }).await.unwrap_err();
    assert_eq!(in_use.code, ErrorCode::InUse);
    stage.call(RestoreRuns { runs: vec![run] }).await;
    let snapshot = finished.snapshot.unwrap();
    assert_eq!(stage.try_call(DeleteSnapshot { snapshot }).await.unwrap_err().code, ErrorCode::InUse);
    let kinds: Vec<String> = stage.call(GetLineage { run }).await.into_iter().map(|node| node.kind).collect();
    assert_eq!(kinds, ["snapshot", "split", "run", "version"]);
    let overview = stage.call(GetOverview { project }).await;
    assert!(overview.happened.iter().any(|happening| happening.sentence.contains("registered")));
    let rows = async || stage.call(ListRuns { project: ProjectIdOr(project), ..ListRuns::default() }).await.rows;
    stage.call(SetAlias { model: version.model, alias: "champion".to_owned(), version: Some(version.id) }).await;
    let of_run = rows().await.into_iter().find(|row| row.id == run).unwrap();
    assert_eq!((of_run.versions, of_run.aliases), (vec![version.id], vec!["champion".to_owned()]));
    stage.call(SetAlias { model: version.model, alias: "champion".to_owned(), version: None }).await;
    assert!(rows().await.iter().all(|row| row.aliases.is_empty()));
    stage.call(DeleteVersion { version: version.id }).await;
    assert!(stage.call(ListModels::of(project)).await.is_empty());
    stage.call(TrashRuns { runs: vec![run] }).await;
    stage.call(PurgeRuns { runs: vec![run] }).await;
    assert!(!stage.engine.workspace().run(run).exists());
    // A project goes with all that was made of it, and leaves no bytes.
    stage.call(RegisterModel { run: second_run, name: None, aliases: vec!["best".to_owned()] }).await;
    stage.call(DeleteProject { project }).await;
    stage.call(PurgeProject { project }).await;
    stage.call(CollectGarbage { dry_run: false }).await;
    assert_eq!(stage.engine.blobs().list().unwrap(), vec![]);
    assert!(!stage.engine.workspace().run(second_run).exists());
}

#[tokio::test]
async fn the_commit_that_a_training_ran_on_is_its_models_too() {
    if !has_worker() {
        return;
    }
    let stage = Stage::new().await;
    let project = project(&stage, 600).await;
    stage.write("p/features.py", "one = 1\n");
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=Me", "-c", "user.email=me@example.org", "-c", "commit.gpgsign=false"];
        let mut command = std::process::Command::new("git");
        let output = command.args(who).args(arguments).current_dir(stage.path("p")).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    git(&["init", "-q"]);
    git(&["add", "features.py"]);
    git(&["commit", "-q", "-m", "One"]);
    let commit = git(&["rev-parse", "HEAD"]);
    let trained = async || {
        let short = TrainingConfig { rounds: Some(5), threads: 1, ..TrainingConfig::default() };
        let job = stage.call(start(project, Some(short))).await;
        let run = run_of(&job);
        stage.done(job).await;
        run
    };

    let clean = stage.call(GetRun { run: trained().await }).await.code.unwrap();
    assert_eq!((clean.commit.as_str(), clean.dirty), (commit.as_str(), false), "data are not tracked");
    stage.write("p/features.py", "one = 2\n");
    let run = trained().await;
    let code = stage.call(GetRun { run }).await.code.unwrap();
    assert_eq!((code.commit.as_str(), code.dirty), (commit.as_str(), true));
    let left = stage.call(api::run::ListArtifacts { run }).await;
    assert!(left.iter().any(|artifact| artifact.path == "code/uncommitted.patch"), "{left:?}");
    let version = stage.call(RegisterModel { run, name: None, aliases: Vec::new() }).await;
    assert_eq!(version.commit.as_deref(), Some(commit.as_str()));
    // What a package's annotations are made of.
    let lineage = stage.call(GetVersion { version: version.id }).await.lineage;
    assert_eq!((lineage["commit"].as_str(), lineage["dirty"].as_str()), (commit.as_str(), "true"));
    let nodes = stage.call(GetLineage { run }).await;
    let ran = nodes.iter().find(|node| node.kind == "run").unwrap();
    assert!(ran.detail.ends_with(&format!("commit {}, with changes", &commit[..8])), "{}", ran.detail);
}

#[tokio::test]
async fn a_stopped_run_resumes_and_a_killed_worker_is_told() {
    if !has_worker() {
        return;
    }
    let stage = Stage::new().await;
    let project = project(&stage, 3_000).await;
    let job = stage.call(start(project, long())).await;
    let run = run_of(&job);
    under_way(&stage, run).await;
    stage.call(StopRun { run }).await;
    assert_eq!(stage.over(job).await.state, JobState::Cancelled);
    let stopped = stage.call(GetRun { run }).await;
    assert_eq!(stopped.state, RunState::Stopped);
    assert!(stopped.resumable);

    // Two hands at once: one of them is told, and one worker is started.
    let (one, other) = tokio::join!(
        stage.try_call(ResumeRun { run, budget: Default::default() }),
        stage.try_call(ResumeRun { run, budget: Default::default() })
    );
    let (job, refused) = match (one, other) {
        (Ok(job), Err(refused)) | (Err(refused), Ok(job)) => (job, refused),
        both => panic!("{both:?}"),
    };
    assert_eq!(refused.code, ErrorCode::Conflict);
    let before = stopped.metrics[0].count;
    stage
        .until("the resumed run goes on", async |stage| {
            let now = stage.call(GetRun { run }).await;
            (now.metrics[0].count > before).then_some(())
        })
        .await;
    kill(&stage, run).await;
    let failed = stage.over(job).await;
    assert_eq!(failed.state, JobState::Failed);
    let killed = stage.call(GetRun { run }).await;
    assert_eq!(killed.state, RunState::Killed);
    assert!(killed.resumable);
    assert!(killed.ended_because.unwrap().hint.unwrap().contains("Resume"));
}

#[tokio::test]
async fn a_stopped_run_without_its_checkpoints_stays_and_is_not_resumed() {
    if !has_worker() {
        return;
    }
    let stage = Stage::new().await;
    let project = project(&stage, 3_000).await;
    let job = stage.call(start(project, long())).await;
    let run = run_of(&job);
    under_way(&stage, run).await;
    let delete = |dry_run| DeleteCheckpoints { runs: vec![run], dry_run, for_good: false };
    let live = stage.try_call(delete(false)).await.unwrap_err();
    assert_eq!(live.code, ErrorCode::InUse);
    stage.call(StopRun { run }).await;
    stage.over(job).await;
    assert!(stage.call(GetRun { run }).await.resumable);

    let checkpoints = stage.engine.workspace().run(run).join("checkpoints");
    let held = stage.call(delete(true)).await;
    assert!(checkpoints.exists() && stage.call(GetRun { run }).await.resumable, "nothing is deleted yet");
    let freed = stage.call(delete(false)).await;
    assert!(freed.bytes > 0 && freed.records == 0 && freed.bytes == held.bytes, "{freed:?}");
    assert!(!checkpoints.exists());
    let kept = stage.call(GetRun { run }).await;
    assert!(kept.state == RunState::Stopped && !kept.resumable && !kept.metrics.is_empty());
    let refused = stage.try_call(ResumeRun { run, budget: Default::default() }).await.unwrap_err();
    assert!(refused.message.contains("no checkpoint"), "{refused}");
    assert_eq!(stage.call(delete(false)).await.bytes, 0, "twice frees nothing more");

    // Brought back, they are gone on from.
    let back = stage.call(RestoreArtifact { run, path: CHECKPOINTS.to_owned() }).await;
    assert_eq!(back.size_bytes, held.bytes);
    let points = kept.metrics[0].count;
    let job = stage.call(ResumeRun { run, budget: Default::default() }).await;
    stage
        .until("the resumed run goes on", async |stage| {
            let now = stage.call(GetRun { run }).await;
            (now.metrics[0].count > points).then_some(())
        })
        .await;
    stage.call(StopRun { run }).await;
    stage.over(job).await;
}

#[tokio::test]
async fn a_run_whose_own_folder_is_deleted_can_be_stopped() {
    if !has_worker() {
        return;
    }
    let stage = Stage::new().await;
    let project = project(&stage, 3_000).await;
    let job = stage.call(start(project, long())).await;
    let run = run_of(&job);
    under_way(&stage, run).await;
    std::fs::remove_dir_all(stage.engine.workspace().run(run)).unwrap();
    stage.call(StopRun { run }).await;
    stage.over(job).await;
    let ended = stage.call(GetRun { run }).await;
    assert!(ended.state.is_over() && ended.ended_because.is_some(), "{ended:?}");
}

#[tokio::test]
async fn a_project_folder_that_is_deleted_while_training_takes_nothing_with_it() {
    if !has_worker() {
        return;
    }
    let stage = Stage::new().await;
    let project = project(&stage, 3_000).await;
    let job = stage.call(start(project, long())).await;
    let run = run_of(&job);
    let snapshot = under_way(&stage, run).await.snapshot.unwrap();
    std::fs::remove_dir_all(stage.path("p")).unwrap();
    let goes_on = async |before: u64| {
        let more = async |stage: &Stage| {
            let now = stage.call(GetRun { run }).await;
            assert!(!now.state.is_over(), "{:?}", now.ended_because);
            (now.metrics[0].count > before).then_some(())
        };
        stage.until("the run goes on", more).await;
    };
    goes_on(stage.call(GetRun { run }).await.metrics[0].count).await;
    stage.call(StopRun { run }).await;
    assert_eq!(stage.over(job).await.state, JobState::Cancelled);
    // Neither the checkpoint nor the data lay in the folder.
    let stopped = stage.call(GetRun { run }).await;
    let job = stage.call(ResumeRun { run, budget: Default::default() }).await;
    goes_on(stopped.metrics[0].count).await;
    stage.call(StopRun { run }).await;
    stage.over(job).await;
    let preview = GetPreview { snapshot, offset: 0, limit: 5 };
    assert_eq!(stage.prepared(preview).await.rows.len(), 5);

    // A new training says what is missing and the way out; on a snapshot it needs nothing of the folder.
    let told = stage.try_call(start(project, None)).await.unwrap_err();
    assert_eq!(told.code, ErrorCode::NotFound);
    assert!(told.message.ends_with("is gone.") && told.hint.unwrap().contains("snapshot"), "{}", told.message);
    let short = Some(TrainingConfig { rounds: Some(5), threads: 1, ..TrainingConfig::default() });
    let job = stage.call(StartRun { snapshot: Some(snapshot), ..start(project, short) }).await;
    let run = run_of(&job);
    stage.done(job).await;
    let finished = stage.call(GetRun { run }).await;
    assert_eq!((finished.state, finished.snapshot), (RunState::Finished, Some(snapshot)));
}

#[tokio::test]
async fn a_trainings_share_step_and_time_left_tell_one_story() {
    if !has_worker() {
        return;
    }
    let stage = Stage::new().await;
    let project = project(&stage, 3_000).await;
    let mut events = stage.engine.events().subscribe();
    let rounds = TrainingConfig { rounds: Some(2000), patience: Some(0), threads: 1, ..TrainingConfig::default() };
    let job = stage.call(start(project, Some(rounds))).await;
    stage.done(job.clone()).await;
    let mut told = 0;
    loop {
        let (fraction, message, left) = match events.try_recv() {
            Ok(Event::Progress { job: of, state: JobState::Running, fraction, message, seconds_left })
                if of == job.id =>
            {
                (fraction.unwrap_or_default(), message, seconds_left)
            }
            Ok(_) | Err(TryRecvError::Lagged(_)) => continue,
            Err(_) => break,
        };
        if message == "Evaluates" {
            assert!((fraction - 0.95).abs() < 1e-9 && left.is_none(), "{fraction}, {left:?} s left");
        } else if let Some((step, steps)) = message.strip_prefix("Step ").and_then(|text| text.split_once(" of ")) {
            let share = step.parse::<f64>().unwrap() / steps.parse::<f64>().unwrap();
            assert!((fraction - (0.1 + 0.85 * share)).abs() < 1e-9, "{message} at {fraction}");
            assert!(share < 1.0, "{message}, {left:?} s left");
            told += 1;
        }
    }
    assert!(told > 0, "a step was told");
}

/// Two classes of digits, written below a folder.
fn digits(stage: &Stage, folder: &str, classes: [&str; 2]) {
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sample-projects/digits/images");
    for (class, of) in ["3", "7"].into_iter().zip(classes) {
        let mut all: Vec<_> =
            std::fs::read_dir(samples.join(of)).unwrap().flatten().map(|entry| entry.path()).collect();
        all.sort();
        for (index, file) in all.into_iter().take(40).enumerate() {
            let path = stage.path(&format!("{folder}/{class}/{index}.png"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::copy(file, path).unwrap();
        }
    }
}

#[tokio::test]
async fn kept_images_of_an_absolute_path_are_trained_from_the_kept_copies() {
    let stage = Stage::new().await;
    digits(&stage, "elsewhere", ["3", "7"]);
    std::fs::create_dir_all(stage.path("p")).unwrap();
    let mut file = ProjectFile { name: "digits".to_owned(), ..ProjectFile::default() };
    file.data.kind = DataKind::Images;
    file.data.paths = vec![stage.path("elsewhere").to_string_lossy().into_owned()];
    file.evaluation.bootstrap = 50;
    let project = stage.create("p", file).await;
    let taken = stage.done(stage.call(TakeSnapshot { project, message: None }).await).await;
    let Subject::Snapshot(snapshot) = taken.subject else { panic!("{:?}", taken.subject) };
    let row = engine::snapshot::find(&stage.engine, snapshot).await.unwrap();
    let pictures = async || engine::snapshot::cache::pictures(&stage.engine, &row).await.unwrap();
    let bytes = |(folder, images): (std::path::PathBuf, Vec<(String, String)>)| {
        let workspace = stage.path("workspace");
        let read = |(name, class): (String, String)| {
            let path = folder.join(name).canonicalize().unwrap();
            assert!(path.starts_with(&workspace), "{}", path.display());
            (class, std::fs::read(path).unwrap())
        };
        images.into_iter().map(read).collect::<Vec<_>>()
    };
    let before = bytes(pictures().await);
    assert_eq!(before.len(), 80);

    let training = TrainingConfig { epochs: Some(2), threads: 1, ..TrainingConfig::default() };
    let trained = async || {
        let start = StartRun { snapshot: Some(snapshot), ..start(project, Some(training.clone())) };
        let job = stage.call(start).await;
        let run = run_of(&job);
        stage.done(job).await;
        let metrics = stage.call(GetRun { run }).await.metrics;
        let figures: Vec<_> = metrics
            .into_iter()
            .filter(|metric| !metric.key.starts_with("system/"))
            .map(|metric| (metric.key, metric.last.to_bits()))
            .collect();
        assert!(!figures.is_empty());
        figures
    };
    let with_worker = has_worker();
    let untouched = if with_worker { Some(trained().await) } else { None };
    // The same names with other pictures, then none at all.
    digits(&stage, "elsewhere", ["1", "0"]);
    assert_eq!(bytes(pictures().await), before);
    if let Some(untouched) = &untouched {
        assert_eq!(&trained().await, untouched);
    }
    std::fs::remove_dir_all(stage.path("elsewhere")).unwrap();
    std::fs::remove_dir_all(stage.engine.workspace().snapshot_cache(snapshot)).unwrap();
    assert_eq!(bytes(pictures().await), before, "also where the cache is laid out anew");
    if let Some(untouched) = &untouched {
        assert_eq!(&trained().await, untouched);
    }
}

#[tokio::test]
async fn a_damaged_picture_is_put_anew_by_taking_the_snapshot_also_in_the_cache() {
    let stage = Stage::new().await;
    digits(&stage, "p", ["3", "7"]);
    let mut file = ProjectFile { name: "digits".to_owned(), ..ProjectFile::default() };
    file.data.kind = DataKind::Images;
    file.data.paths = vec!["3".to_owned(), "7".to_owned()];
    let project = stage.create("p", file).await;
    let take = async || stage.done(stage.call(TakeSnapshot { project, message: None }).await).await;
    let Subject::Snapshot(snapshot) = take().await.subject else { panic!("no snapshot") };
    let row = engine::snapshot::find(&stage.engine, snapshot).await.unwrap();
    let taken = engine::snapshot::manifest(&stage.engine, &row).await.unwrap();
    let name = taken.entries[7].name.clone();
    let cached = engine::snapshot::cache::picture(&stage.engine, &row, &name).await.unwrap().unwrap();
    stage.damage(&taken.entries[7].blake3.parse().unwrap());
    let again = take().await;
    assert_eq!(again.subject, Subject::Snapshot(snapshot));
    assert!(again.message.contains("a stored file was damaged, and is put anew"), "{}", again.message);
    assert_eq!(std::fs::read(cached).unwrap(), std::fs::read(stage.path("p").join(name)).unwrap());
}

#[tokio::test]
async fn a_damaged_model_names_itself_and_is_put_anew_by_registering_it_again() {
    if !has_worker() {
        return;
    }
    let stage = Stage::new().await;
    let project = project(&stage, 300).await;
    let job = stage.call(start(project, None)).await;
    let run = run_of(&job);
    stage.done(job).await;
    let register = async || stage.try_call(RegisterModel { run, name: None, aliases: Vec::new() }).await;
    let version = register().await.unwrap();
    let largest = {
        let files = stage.call(GetVersion { version: version.id }).await.files;
        files.into_iter().max_by_key(|file| file.size_bytes).unwrap()
    };
    stage.damage(&largest.blake3.parse().unwrap());
    let rows = vec![json!({"x": 0.95, "z": 0.5, "colour": "red"})];
    let predict = async || stage.try_call(Predict { version: version.id, rows: rows.clone() }).await;
    let refused = predict().await.unwrap_err();
    assert!(refused.message.contains(&format!("{} of big-x v1", largest.path)), "{refused:?}");

    let again = register().await.unwrap();
    assert_eq!((again.id, again.number), (version.id, 1));
    assert_eq!(predict().await.unwrap().rows.len(), 1);
    assert_eq!(register().await.unwrap_err().code, ErrorCode::Conflict, "it is whole and there already");
}

#[tokio::test]
async fn a_folder_of_pictures_is_predicted_into_a_row_each() {
    if !has_worker() {
        return;
    }
    let stage = Stage::new().await;
    digits(&stage, "p/images", ["3", "7"]);
    let mut file = ProjectFile { name: "digits".to_owned(), ..ProjectFile::default() };
    file.data.kind = DataKind::Images;
    file.data.paths = vec!["images".to_owned()];
    file.evaluation.bootstrap = 50;
    let project = stage.create("p", file).await;
    let training = TrainingConfig { epochs: Some(2), threads: 1, ..TrainingConfig::default() };
    let job = stage.call(start(project, Some(training))).await;
    let run = run_of(&job);
    stage.done(job).await;
    let version = stage.call(RegisterModel { run, name: None, aliases: Vec::new() }).await.id;

    let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let (input, output) = (stage.path("p/images"), stage.path("out.csv"));
    let predict = PredictFile { version, input: text(&input), output: text(&output), overwrite: true };
    stage.done(stage.call(predict.clone()).await).await;
    let written = std::fs::read_to_string(&output).unwrap();
    let lines: Vec<&str> = written.lines().collect();
    assert!(lines[0].starts_with("file,prediction,"), "{}", lines[0]);
    let files: Vec<&str> = lines[1..].iter().filter_map(|line| line.split(',').next()).collect();
    assert_eq!((files.len(), files[0], files.is_sorted()), (80, "3/0.png", true));
    let table = PredictFile { input: text(&stage.path("p/images/3/0.png")), ..predict.clone() };
    assert_eq!(stage.try_call(table).await.unwrap_err().code, ErrorCode::Invalid);

    // As in training: one is named, the others are counted, and nothing is written.
    std::fs::remove_file(&output).unwrap();
    for broken in ["3/1.png", "7/2.png"] {
        std::fs::write(input.join(broken), "no picture").unwrap();
    }
    let failed = stage.over(stage.call(predict).await).await;
    assert!(failed.message.contains("3/1.png") && failed.message.contains('1'), "{}", failed.message);
    assert_eq!((failed.state, output.exists()), (JobState::Failed, false));
}

#[cfg(unix)]
#[tokio::test]
async fn a_worker_killed_in_a_checkpoints_write_can_be_resumed() {
    if !has_worker() {
        return;
    }
    let stage = Stage::new().await;
    let project = project(&stage, 3_000).await;
    let job = stage.call(start(project, long())).await;
    let run = run_of(&job);
    under_way(&stage, run).await;
    kill_between_renames(&stage, run).await;
    assert_eq!(stage.over(job).await.state, JobState::Failed);
    let killed = stage.call(GetRun { run }).await;
    assert!(killed.resumable);

    let job = stage.call(ResumeRun { run, budget: Default::default() }).await;
    let before = killed.metrics[0].count;
    stage
        .until("the resumed run goes on", async |stage| {
            let now = stage.call(GetRun { run }).await;
            (now.metrics[0].count > before).then_some(())
        })
        .await;
    stage.call(StopRun { run }).await;
    assert_eq!(stage.over(job).await.state, JobState::Cancelled);
}

/// Set in the child, which is the host that is killed.
const HOST: &str = "ENGINE_KILLED_HOST";

#[test]
fn a_training_outlives_its_killed_host_and_is_adopted() {
    let test = "training::a_training_outlives_its_killed_host_and_is_adopted";
    if !has_worker() {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Some(folder) = std::env::var_os(HOST) {
        return runtime.block_on(host_until_killed(folder.as_ref()));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut host = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(HOST, folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(host.stdout.take().unwrap()));
    let run: RunId =
        lines.map_while(Result::ok).find_map(|line| line.strip_prefix("under way ")?.parse().ok()).unwrap();
    host.kill().unwrap();
    host.wait().unwrap();
    runtime.block_on(async {
        let stage = Stage { place: Default::default(), engine: crate::stage::open(folder.path()).await, folder };
        let adopted = stage.call(GetRun { run }).await;
        assert_eq!(adopted.state, RunState::Running);
        let job = stage.call(api::job::GetJob { job: adopted.job.unwrap() }).await;
        stage.call(StopRun { run }).await;
        assert_eq!(stage.over(job).await.state, JobState::Cancelled);
        let over = stage.call(GetRun { run }).await;
        assert_eq!(over.state, RunState::Stopped);
        // Steps that were read before the kill are not read twice.
        for metric in &over.metrics {
            let view = engine::run::series_view(&stage.engine, Viewport::whole(run, metric.key.as_str()), 100_000)
                .await
                .unwrap();
            assert!(view.step.windows(2).all(|pair| pair[0] < pair[1]), "{} has a step twice", metric.key);
        }
        assert_eq!(stage.call(GetDataset { project: over.project.unwrap() }).await.snapshots.len(), 1);
    });
}

async fn host_until_killed(folder: &std::path::Path) {
    // The parent deletes the folder; this process never does.
    let kept = tempfile::TempDir::with_prefix_in("host-", folder).unwrap();
    let stage = Stage { place: Default::default(), engine: crate::stage::open(folder).await, folder: kept };
    std::fs::create_dir_all(stage.path("p")).unwrap();
    let project = project(&stage, 3_000).await;
    let run = run_of(&stage.call(start(project, long())).await);
    under_way(&stage, run).await;
    println!("under way {run}");
    std::future::pending::<()>().await;
}

async fn pid(stage: &Stage, run: RunId) -> u32 {
    stage.engine.store().read(move |c| store::run::bare(c, run)).await.unwrap().unwrap().pid.unwrap()
}

pub(crate) async fn kill(stage: &Stage, run: RunId) {
    let pid = sysinfo::Pid::from_u32(pid(stage, run).await);
    assert!(looked_at(pid).process(pid).unwrap().kill());
}

/// Kills the worker between the two renames of a checkpoint's write: the last whole one has stepped
/// aside, the next one is not in its place.
#[cfg(unix)]
async fn kill_between_renames(stage: &Stage, run: RunId) {
    let pid = sysinfo::Pid::from_u32(pid(stage, run).await);
    assert_eq!(looked_at(pid).process(pid).unwrap().kill_with(sysinfo::Signal::Stop), Some(true));
    while looked_at(pid).process(pid).unwrap().status() != sysinfo::ProcessStatus::Stop {
        tokio::task::yield_now().await;
    }
    let checkpoints = stage.engine.workspace().run(run).join("checkpoints");
    let (last, old) = (checkpoints.join("last"), checkpoints.join("last.old"));
    if last.exists() {
        let _ = std::fs::remove_dir_all(&old);
        std::fs::rename(last, &old).unwrap();
    }
    assert!(old.join("state.json").exists());
    kill(stage, run).await;
}

fn looked_at(pid: sysinfo::Pid) -> sysinfo::System {
    let mut system = sysinfo::System::new();
    system.refresh_processes(sysinfo::ProcessesToUpdate::Some(&[pid]), true);
    system
}
