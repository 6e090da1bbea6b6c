//! Searches for hyperparameters, with the real worker and with commands that the test plays.

use std::collections::BTreeMap;

use api::{
    ErrorCode, JobId, ProjectId, SearchId,
    config::{ModelChoice, ProjectFile, TrainingConfig},
    job::{GetJob, JobKind, JobState, ListJobs},
    model::RegisterModel,
    project::EditProjectFile,
    run::{GetRun, RunKind, RunState, StopRun},
    search::{
        DeleteSearch, Direction, EarlyStopping, Environment, GetSearch, KILLED_TAG, ListSearches, RUNG_TAG,
        RestoreSearch, ResumeSearch, SEARCH_TAG, Search, SearchConfig, SearchMethod, SearchState, StartSearch,
        StopSearch, TRIAL_TAG, TrialOutcome, Value, Written,
    },
    spending::BudgetConfig,
    tracking::PARENT_TAG,
};
use serde_json::json;

use crate::{
    stage::{Stage, has_worker, table},
    training::kill,
};

/// A workspace with a project whose table is searched over.
async fn staged() -> (Stage, ProjectId) {
    let stage = Stage::new().await;
    stage.write("p/data.csv", &table(400, 1));
    let mut file = ProjectFile { name: "Searched".to_owned(), ..ProjectFile::default() };
    file.data.paths = vec!["data.csv".to_owned()];
    file.data.target = Some("y".to_owned());
    file.training.threads = 1;
    file.training.rounds = Some(10);
    file.evaluation.bootstrap = 20;
    let project = stage.create("p", file).await;
    (stage, project)
}

fn values(values: &[Value]) -> Written {
    Written { values: Some(values.to_vec()), ..Written::default() }
}

fn space(params: &[(&str, Written)]) -> BTreeMap<String, Written> {
    params.iter().map(|(name, written)| ((*name).to_owned(), written.clone())).collect()
}

fn start(project: ProjectId, config: SearchConfig, training: Option<TrainingConfig>) -> StartSearch {
    let name = Some("try".to_owned());
    StartSearch { project, config: Some(config), training, directory: None, environment: None, variables: None, name }
}

fn resume(search: SearchId) -> ResumeSearch {
    ResumeSearch { search, trials: None, parallel: None, budget: None, environment: None }
}

/// Every combination of some values.
fn grid(space: BTreeMap<String, Written>) -> SearchConfig {
    SearchConfig { method: SearchMethod::Grid, space, ..SearchConfig::default() }
}

/// Begins a search, and tells it once it is over.
async fn searched(stage: &Stage, project: ProjectId, config: SearchConfig, training: Option<TrainingConfig>) -> Search {
    let begun = stage.call(start(project, config, training)).await;
    over(stage, begun.id).await
}

/// The search once it is over.
async fn over(stage: &Stage, search: SearchId) -> Search {
    let job = stage.call(GetSearch { search }).await.job.unwrap();
    let job = stage.call(GetJob { job }).await;
    stage.over(job).await;
    stage.call(GetSearch { search }).await
}

#[tokio::test]
async fn a_project_file_that_is_not_in_force_begins_no_search() {
    let (stage, project) = staged().await;
    stage.write("p/slipway.toml", "version = [");
    let config = SearchConfig { space: rates(&[0.1]), ..SearchConfig::default() };
    let refused = stage.try_call(start(project, config, Some(long()))).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidProjectFile, "{refused}");
}

/// Long enough to be stopped in the middle.
fn long() -> TrainingConfig {
    TrainingConfig {
        model: ModelChoice::Mlp,
        epochs: Some(400),
        patience: Some(0),
        threads: 1,
        ..TrainingConfig::default()
    }
}

fn rates(rates: &[f64]) -> BTreeMap<String, Written> {
    space(&[("learning_rate", values(&rates.iter().copied().map(Value::Number).collect::<Vec<_>>()))])
}

#[tokio::test]
async fn a_grid_tries_each_point_once_and_its_best_trial_is_a_run_like_any_other() {
    if !has_worker() {
        return;
    }
    let (stage, project) = staged().await;
    let depths = values(&[Value::Integer(1), Value::Integer(2)]);
    let all = space(&[("max_depth", depths), ("l2", values(&[Value::Number(1.0), Value::Number(5.0)]))]);
    let config = SearchConfig { parallel: 2, ..grid(all) };
    let begun = stage.call(start(project, config, None)).await;
    assert_eq!(begun.planned, 4);
    assert!(begun.config.seed.is_some(), "it is kept, for none was named");
    let search = over(&stage, begun.id).await;
    assert_eq!((search.state, search.trials.len()), (SearchState::Finished, 4), "{:?}", search.error);
    let tried: std::collections::BTreeSet<String> =
        search.trials.iter().map(|trial| format!("{:?}", trial.values)).collect();
    assert_eq!(tried.len(), 4, "no point twice");
    let (key, direction) = search.judged.clone().unwrap();
    assert!(key.ends_with("/validation"), "{key}");
    let best = search.trials.iter().find(|trial| Some(trial.number) == search.best).unwrap();
    let mut rows = std::collections::BTreeSet::new();
    for trial in &search.trials {
        assert_eq!(trial.outcome, TrialOutcome::Finished);
        assert!(direction.loss(best.value.unwrap()) <= direction.loss(trial.value.unwrap()));
        let run = stage.call(GetRun { run: trial.run }).await;
        assert_eq!(run.tags[SEARCH_TAG], search.id.to_string());
        assert_eq!(run.tags[TRIAL_TAG], trial.number.to_string());
        assert_eq!(run.tags[PARENT_TAG], search.run.unwrap().to_string());
        rows.insert((run.snapshot, run.split));
        assert_eq!(run.params["max_depth"], trial.values["max_depth"].to_string());
    }
    assert_eq!(rows.len(), 1, "the figures of all are of the same rows");
    let parent = stage.call(GetRun { run: search.run.unwrap() }).await;
    assert_eq!((parent.kind, parent.state, parent.name.as_str()), (RunKind::Search, RunState::Finished, "try"));
    assert_eq!((parent.params["method"].as_str(), parent.params["space.max_depth"].as_str()), ("grid", "1,2"));
    let logged = parent.metrics.iter().find(|metric| metric.key == format!("best/{key}")).unwrap();
    assert_eq!((Some(logged.last), logged.step), (best.value, best.number as i64));
    let version = stage.call(RegisterModel { run: best.run, name: None, aliases: Vec::new() }).await;
    assert_eq!(version.number, 1);
    let listed = stage.call(ListSearches { project, deleted: false }).await;
    assert_eq!(listed.iter().map(|search| search.id).collect::<Vec<_>>(), [search.id]);
    let again = stage.try_call(resume(search.id)).await.unwrap_err();
    assert_eq!(again.code, ErrorCode::Conflict);
}

#[tokio::test]
async fn early_stopping_ends_a_trial_that_is_not_among_the_best() {
    if !has_worker() {
        return;
    }
    let (stage, project) = staged().await;
    // One after the other: what comes after the first is compared with it.
    let config = SearchConfig {
        metric: Some("loss/validation".to_owned()),
        goal: Some(Direction::Min),
        early_stopping: EarlyStopping::Asha,
        min_steps: 3,
        ..grid(rates(&[0.01, 1e-7, 1e-8]))
    };
    let training = TrainingConfig { epochs: Some(200), ..long() };
    let search = searched(&stage, project, config, Some(training)).await;
    assert_eq!(search.state, SearchState::Finished, "{:?}", search.error);
    let best = search.trials.iter().find(|trial| Some(trial.number) == search.best).unwrap();
    assert_eq!(best.values["learning_rate"], Value::Number(0.01));
    let stopped: Vec<_> = search.trials.iter().filter(|trial| trial.outcome == TrialOutcome::StoppedEarly).collect();
    assert!(!stopped.is_empty(), "{:?}", search.trials);
    for trial in stopped {
        assert!(trial.step.is_some() && trial.step < best.step, "{trial:?}, {best:?}");
        let run = stage.call(GetRun { run: trial.run }).await;
        assert_eq!(run.state, RunState::Stopped);
        let rung = trial.rung.unwrap().to_string();
        assert_eq!(run.tags[RUNG_TAG], rung);
        let why = search.why(trial).unwrap();
        assert!(why.starts_with(&format!("pruned by ASHA at rung {rung} (step ")), "{why}");
    }
}

#[tokio::test]
async fn a_stopped_search_goes_on_and_tries_nothing_twice() {
    if !has_worker() {
        return;
    }
    let (mut stage, project) = staged().await;
    let config = grid(rates(&[0.01, 0.02]));
    let begun = stage.call(start(project, config, Some(long()))).await;
    let search = begun.id;
    let running = async |stage: &Stage| {
        stage
            .until("a trial runs", async |stage| {
                let now = stage.call(GetSearch { search }).await;
                let trial = now.trials.iter().find(|trial| trial.outcome == TrialOutcome::Running)?;
                let run = stage.try_call(GetRun { run: trial.run }).await.ok()?;
                (run.state == RunState::Running).then_some(())
            })
            .await;
    };
    running(&stage).await;
    let stopped = stage.call(StopSearch { search }).await;
    assert_eq!(stopped.state, SearchState::Stopped);
    assert_eq!(stopped.trials.iter().map(|trial| trial.outcome).collect::<Vec<_>>(), [TrialOutcome::Interrupted]);
    let none = stage.try_call(ResumeSearch { parallel: Some(0), ..resume(search) }).await.unwrap_err();
    assert_eq!((none.code, none.key.as_deref()), (ErrorCode::Invalid, Some("search.parallel")), "{none}");
    let resumed = stage.call(ResumeSearch { parallel: Some(2), ..resume(search) }).await;
    assert_eq!(resumed.config.parallel, 2);
    let twice = stage.try_call(resume(search)).await.unwrap_err();
    assert_eq!(twice.code, ErrorCode::Conflict);
    // The next host takes it up where this one leaves it.
    running(&stage).await;
    stage.reopen().await;
    let done = over(&stage, search).await;
    assert_eq!(done.state, SearchState::Finished, "{:?}", done.error);
    let finished: Vec<String> = done
        .trials
        .iter()
        .filter(|trial| trial.outcome == TrialOutcome::Finished)
        .map(|trial| trial.values["learning_rate"].to_string())
        .collect();
    assert_eq!((finished.len(), finished[0] == finished[1]), (2, false), "{:?}", done.trials);
    let interrupted = done.trials.iter().filter(|trial| trial.outcome == TrialOutcome::Interrupted).count();
    assert!(done.trials.len() == 2 + interrupted, "{:?}", done.trials);
}

#[tokio::test]
async fn a_search_whose_first_trials_fail_says_why() {
    if !has_worker() {
        return;
    }
    let (stage, project) = staged().await;
    stage.call(EditProjectFile { project, set: vec![("data.positive".to_owned(), json!("maybe"))] }).await;
    let config = SearchConfig {
        method: SearchMethod::Random,
        trials: 8,
        space: rates(&[0.01, 0.02]),
        ..SearchConfig::default()
    };
    let search = searched(&stage, project, config, None).await;
    assert_eq!(search.state, SearchState::Failed);
    // One more may have been begun by the look that saw the third one's end.
    assert!((3..=4).contains(&search.trials.len()), "{:?}", search.trials);
    let message = search.error.unwrap().message;
    assert!(message.contains("first 3 trials failed") && message.contains("\"maybe\""), "{message}");
    let job = stage.call(GetJob { job: search.job.unwrap() }).await;
    assert_eq!(job.state, JobState::Failed);
}

#[tokio::test]
async fn a_search_that_failed_ends_well_once_what_its_trials_failed_of_is_mended() {
    if !has_worker() {
        return;
    }
    let (stage, project) = staged().await;
    let positive = |class: &str| EditProjectFile { project, set: vec![("data.positive".to_owned(), json!(class))] };
    stage.call(positive("maybe")).await;
    let depths = [1, 2, 3].map(Value::Integer);
    let config = grid(space(&[("max_depth", values(&depths))]));
    let failed = searched(&stage, project, config, None).await;
    assert_eq!((failed.state, failed.trials.len()), (SearchState::Failed, 3), "{:?}", failed.error);
    // As broken as before it fails again, and says of which.
    stage.call(resume(failed.id)).await;
    let failed = over(&stage, failed.id).await;
    assert_eq!((failed.state, failed.trials.len()), (SearchState::Failed, 6), "{:?}", failed.trials);
    assert_eq!(failed.counted(), 3);
    stage.call(positive("yes")).await;
    stage.call(resume(failed.id)).await;
    let search = over(&stage, failed.id).await;
    assert_eq!((search.state, search.error.clone()), (SearchState::Finished, None));
    let (early, late) = search.trials.split_at(6);
    for trial in early {
        assert_eq!(trial.outcome, TrialOutcome::Interrupted);
        assert!(search.why(trial).unwrap().ends_with("Its values are tried again."), "{:?}", search.why(trial));
    }
    assert_eq!(late.iter().map(|trial| trial.outcome).collect::<Vec<_>>(), [TrialOutcome::Finished; 3]);
    assert_eq!(late.iter().map(|trial| trial.values["max_depth"].clone()).collect::<Vec<_>>(), depths);
    assert!(search.best.is_some_and(|best| best > 6));
}

/// Kills the worker of the first trial once it has a checkpoint to go on from.
async fn kill_first(stage: &Stage, search: SearchId, killed: u64) {
    let run = stage
        .until("the first trial has a checkpoint", async |stage| {
            let now = stage.call(GetSearch { search }).await;
            let trial = now.trials.first().filter(|trial| trial.killed == killed)?.clone();
            let run = stage.try_call(GetRun { run: trial.run }).await.ok()?;
            let last = stage.engine.workspace().run(run.id).join("checkpoints/last/state.json");
            (trial.outcome == TrialOutcome::Running && run.state == RunState::Running && last.exists()).then_some(run)
        })
        .await;
    kill(stage, run.id).await;
}

#[tokio::test]
async fn a_trial_whose_worker_was_killed_goes_on_from_its_checkpoint() {
    if !has_worker() {
        return;
    }
    let (stage, project) = staged().await;
    let config = grid(rates(&[0.01, 0.02]));
    let begun = stage.call(start(project, config, Some(long()))).await;
    kill_first(&stage, begun.id, 0).await;
    let search = over(&stage, begun.id).await;
    assert_eq!((search.state, search.error.clone()), (SearchState::Finished, None));
    let outcomes: Vec<_> = search.trials.iter().map(|trial| (trial.outcome, trial.killed)).collect();
    assert_eq!(outcomes, [(TrialOutcome::Finished, 1), (TrialOutcome::Finished, 0)], "under its own number");
    let run = stage.call(GetRun { run: search.trials[0].run }).await;
    assert_eq!((run.tags[KILLED_TAG].as_str(), run.state), ("1", RunState::Finished));
    // Each epoch has its one validation: what it had told before counts once.
    let told = run.metrics.iter().find(|metric| metric.key == "loss/validation").unwrap();
    assert_eq!(told.count, 400);
}

#[tokio::test]
async fn a_trial_that_is_killed_again_and_again_has_failed() {
    if !has_worker() {
        return;
    }
    let (stage, project) = staged().await;
    let config = grid(rates(&[0.01]));
    let training = TrainingConfig { epochs: Some(100_000), ..long() };
    let begun = stage.call(start(project, config, Some(training))).await;
    for killed in 0..3 {
        kill_first(&stage, begun.id, killed).await;
    }
    let search = over(&stage, begun.id).await;
    assert_eq!((search.state, search.trials.len()), (SearchState::Failed, 1), "{:?}", search.trials);
    let trial = &search.trials[0];
    assert_eq!((trial.outcome, trial.killed), (TrialOutcome::Failed, 3));
    let why = search.why(trial).unwrap();
    assert_eq!(why, "something killed it 3 times: its values are not tried again");
    let message = search.error.unwrap().message;
    assert!(message.contains("something killed it"), "{message}");
}

#[tokio::test]
async fn early_stopping_judges_trees_by_what_ranks_them() {
    if !has_worker() {
        return;
    }
    let (stage, project) = staged().await;
    // The project's own model and metric, one trial after the other: what learns nothing is ended.
    let config = SearchConfig { early_stopping: EarlyStopping::Asha, ..grid(rates(&[0.3, 1e-6, 1e-7])) };
    let training = TrainingConfig {
        model: ModelChoice::Trees,
        rounds: Some(5_000),
        patience: Some(0),
        max_depth: Some(1),
        threads: 1,
        ..TrainingConfig::default()
    };
    let search = searched(&stage, project, config, Some(training)).await;
    assert_eq!(search.state, SearchState::Finished, "{:?}", search.error);
    assert_eq!(search.judged.clone().unwrap().0, "roc_auc/validation");
    let early = search.trials.iter().filter(|trial| trial.outcome == TrialOutcome::StoppedEarly).count();
    assert!(early > 0, "{:?}", search.trials);
    assert_eq!(search.remark, None);
}

#[tokio::test]
async fn a_space_that_makes_no_training_is_refused_before_anything_starts() {
    let (stage, project) = staged().await;
    let range = |min: f64, max: f64| Written { min: Some(min), max: Some(max), ..Written::default() };
    for (params, expected) in [
        (space(&[]), "names no hyperparameter"),
        (space(&[("lr", range(0.1, 0.2))]), "no key of `[training]`"),
        (space(&[("learning_rate", range(0.2, 0.1))]), "`min` is above `max`"),
        (space(&[("max_depth", range(2.5, 3.5))]), "none that `[training]` can have"),
    ] {
        let config = SearchConfig { space: params, ..SearchConfig::default() };
        let error = stage.try_call(start(project, config, None)).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Invalid);
        assert!(error.message.contains(expected), "{}", error.message);
    }
    let config = grid(space(&[("l2", range(0.1, 0.2))]));
    let error = stage.try_call(start(project, config, None)).await.unwrap_err();
    assert!(error.message.contains("no grid"), "{}", error.message);
    assert!(stage.call(ListSearches { project, deleted: false }).await.is_empty());
}

/// A search of a program, by its loss.
#[cfg(unix)]
fn of_program() -> SearchConfig {
    SearchConfig {
        command: Some(vec!["true".to_owned(), "${lr}".to_owned()]),
        metric: Some("loss".to_owned()),
        goal: Some(Direction::Min),
        space: space(&[("lr", values(&[Value::Number(0.1), Value::Number(0.2)]))]),
        ..SearchConfig::default()
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_programs_trials_run_in_the_named_folder_with_the_variables_beside_the_hosts() {
    let (stage, project) = staged().await;
    let folder = stage.path("elsewhere");
    std::fs::create_dir(&folder).unwrap();
    stage.program(
        r#"case "$1" in exec) echo "$(pwd) $OWN ${PATH:+kept}" > "$0.given"; exec sleep 600 ;; *) exit 1 ;; esac"#,
    );
    let variables = Some(Environment([("OWN".to_owned(), "one".to_owned())].into()));
    let at = |directory: &std::path::Path| StartSearch {
        directory: Some(directory.to_string_lossy().into_owned()),
        variables: variables.clone(),
        ..start(project, SearchConfig { parallel: 1, ..of_program() }, None)
    };
    let missing = stage.try_call(at(&stage.path("nowhere"))).await.unwrap_err();
    assert_eq!(missing.code, ErrorCode::NotFound);
    let search = stage.call(at(&folder)).await.id;
    let given = async |stage: &Stage| {
        let given = std::fs::read_to_string(stage.path("program.given")).ok()?;
        given.strip_suffix('\n').map(str::to_owned)
    };
    assert_eq!(stage.until("a trial begins", given).await, format!("{} one kept", folder.display()));
    stage.call(StopSearch { search }).await;
}

#[cfg(unix)]
#[tokio::test]
async fn trials_side_by_side_see_gpus_of_their_own_among_those_of_the_caller() {
    let (stage, project) = staged().await;
    let room = |index: u32| {
        let uuid = format!("GPU-{index}");
        json!({ "index": index, "name": "H200", "uuid": uuid, "total_bytes": 9, "free_bytes": 9 })
    };
    let rooms = json!([room(0), room(1), room(2)]);
    stage.program(&format!(
        r#"case "$1" in
        gpus) echo '{rooms}' ;;
        *) echo "$CUDA_DEVICE_ORDER $CUDA_VISIBLE_DEVICES" > "$0.given"; exec sleep 600 ;;
        esac"#
    ));
    for (parallel, gpus, of_caller, expected) in [
        (2, 1, None, "PCI_BUS_ID 0"),
        (2, 2, Some("2,1,0"), " 2,1"),
        (2, 2, Some("1,0"), " 1,0"),
        (2, 0, None, " "),
        (1, 1, None, " "),
    ] {
        let variables = of_caller.map(|called: &str| ("CUDA_VISIBLE_DEVICES".to_owned(), called.to_owned()));
        let environment = Some(Environment(variables.into_iter().collect()));
        let config = SearchConfig { parallel, gpus, ..of_program() };
        let search = stage.call(StartSearch { environment, ..start(project, config, None) }).await.id;
        let given = async |stage: &Stage| {
            let given = std::fs::read_to_string(stage.path("program.given")).ok()?;
            given.strip_suffix('\n').map(str::to_owned)
        };
        assert_eq!(stage.until("a trial begins", given).await, expected, "{parallel}, {gpus}, {of_caller:?}");
        stage.call(StopSearch { search }).await;
        std::fs::remove_file(stage.path("program.given")).unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn of_two_that_go_on_with_a_search_at_once_one_does() {
    let (stage, project) = staged().await;
    stage.program("exec sleep 600");
    let search = stage.call(start(project, of_program(), None)).await.id;
    stage.call(StopSearch { search }).await;
    let (one, two) = tokio::join!(stage.try_call(resume(search)), stage.try_call(resume(search)));
    let refused: Vec<_> = [one, two].into_iter().filter_map(Result::err).collect();
    assert_eq!(refused.iter().map(|error| error.code).collect::<Vec<_>>(), [ErrorCode::Conflict]);
    let jobs = stage.call(ListJobs { project: Some(project), limit: None }).await;
    let of_search = jobs.iter().filter(|job| job.kind == JobKind::Search && !job.state.is_over());
    assert_eq!(of_search.count(), 1);
    stage.call(StopSearch { search }).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_budget_that_no_trial_could_keep_is_refused_before_anything_starts() {
    let (stage, project) = staged().await;
    stage.program("exec sleep 600");
    let search = stage.call(start(project, of_program(), None)).await.id;
    stage.call(StopSearch { search }).await;
    stage.call(EditProjectFile { project, set: vec![("budget.max_cost".to_owned(), json!(1.0))] }).await;
    for refused in [
        stage.try_call(start(project, of_program(), None)).await.unwrap_err(),
        stage.try_call(resume(search)).await.unwrap_err(),
    ] {
        assert_eq!(refused.code, ErrorCode::Invalid);
        assert!(refused.message.contains("`budget.max_cost` can't be kept: no price is set"), "{}", refused.message);
    }
    assert_eq!(stage.call(ListSearches { project, deleted: false }).await.len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn a_search_says_why_its_trials_could_not_be_begun() {
    let (stage, project) = staged().await;
    stage.program("echo 'error: The folder is gone.' >&2; echo ' hint: Bring it back.' >&2; exit 2");
    let many = (1..9).map(Value::Integer).collect::<Vec<_>>();
    let config = SearchConfig { space: space(&[("lr", values(&many))]), ..of_program() };
    let begun = stage.call(start(project, config, None)).await.id;
    let search = over(&stage, begun).await;
    assert_eq!((search.state, search.trials.len()), (SearchState::Failed, 3), "{:?}", search.trials);
    assert_eq!(search.why(&search.trials[0]).as_deref(), Some("its run was not started, or is deleted"));
    let error = search.error.unwrap();
    assert_eq!(error.message, "The first 3 trials failed; the last: The folder is gone.");
    assert_eq!(error.hint.as_deref(), Some("Bring it back."));
}

#[cfg(unix)]
#[tokio::test]
async fn a_search_whose_trials_bring_nothing_new_writes_nothing() {
    let (stage, project) = staged().await;
    let (search, _) = begun(&stage, project).await;
    let other = rusqlite::Connection::open(stage.engine.store().path()).unwrap();
    // It changes with each commit of another connection.
    let version = || -> i64 { other.query_row("PRAGMA data_version", [], |row| row.get(0)).unwrap() };
    // Several looks each time: nothing must come, so there is no event to wait for.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let before = version();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(version(), before);
    stage.call(StopSearch { search }).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_search_that_was_forgotten_comes_back_as_it_was() {
    let (stage, project) = staged().await;
    // Instead of `slipway`, one that begins no run and waits to be ended.
    stage.program("exec sleep 600");
    let search = stage.call(start(project, of_program(), None)).await.id;
    let error = stage.try_call(DeleteSearch { search }).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::InUse);
    stage.call(StopSearch { search }).await;
    let before = stage.call(GetSearch { search }).await;
    stage.call(DeleteSearch { search }).await;
    assert!(stage.call(ListSearches { project, deleted: false }).await.is_empty());
    assert_eq!(stage.try_call(GetSearch { search }).await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(stage.call(RestoreSearch { search }).await, before);
    assert_eq!(stage.call(ListSearches { project, deleted: false }).await, [before]);
    let unknown = SearchId::from_bytes([9; 16]);
    assert_eq!(stage.try_call(RestoreSearch { search: unknown }).await.unwrap_err().code, ErrorCode::NotFound);
}

/// A search of a program whose first trial goes on, with the search's job.
#[cfg(unix)]
async fn begun(stage: &Stage, project: ProjectId) -> (SearchId, JobId) {
    stage.program("exec sleep 600");
    let search = stage.call(start(project, of_program(), None)).await;
    let has_trial = async |stage: &Stage| {
        let now = stage.call(GetSearch { search: search.id }).await;
        (now.trials.len() == 1).then_some(())
    };
    stage.until("the first trial", has_trial).await;
    (search.id, search.job.unwrap())
}

#[cfg(unix)]
#[tokio::test]
async fn who_goes_on_with_a_search_or_forgets_it_waits_for_the_end_of_its_trials() {
    let (stage, project) = staged().await;
    for is_forgotten in [false, true] {
        let (search, job) = begun(&stage, project).await;
        // Answered at once: the search says that it is stopped before its trials are.
        assert!(stage.engine.jobs().cancel(job));
        let is_stopped = async |stage: &Stage| {
            let now = stage.call(GetSearch { search }).await;
            (now.state == SearchState::Stopped).then_some(())
        };
        stage.until("it says that it is stopped", is_stopped).await;
        if is_forgotten {
            stage.call(DeleteSearch { search }).await;
        } else {
            stage.call(resume(search)).await;
        }
        let job = stage.call(GetJob { job }).await;
        assert!(job.state == JobState::Cancelled, "{job:?}");
        if !is_forgotten {
            stage.call(StopSearch { search }).await;
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_search_that_was_forgotten_while_it_ran_keeps_no_host_from_starting() {
    let (mut stage, project) = staged().await;
    let (search, _) = begun(&stage, project).await;
    stage.call(StopSearch { search }).await;
    // As two calls at once could leave it.
    let left = move |tx: &store::Transaction<'_>| {
        let found = store::search::get(tx, search)?.unwrap();
        store::search::put(tx, &Search { state: SearchState::Running, ended_ms: None, ..found })?;
        store::search::mark_deleted(tx, search, Some(1))
    };
    assert!(stage.engine.store().write(left).await.unwrap());
    stage.reopen().await;
    assert!(stage.call(ListSearches { project, deleted: false }).await.is_empty());
    assert_eq!(stage.call(RestoreSearch { search }).await.state, SearchState::Stopped);
}

#[tokio::test]
async fn trainings_that_used_the_budget_of_their_search_are_stopped_and_can_be_resumed() {
    if !has_worker() {
        return;
    }
    let (stage, project) = staged().await;
    // Three seconds for all of them.
    let budget = BudgetConfig { max_hours: Some(3.0 / 3600.0), ..BudgetConfig::default() };
    let config = SearchConfig { parallel: 2, budget, ..grid(rates(&[0.01, 0.02, 0.03])) };
    let training = TrainingConfig { epochs: Some(100_000), ..long() };
    let search = searched(&stage, project, config, Some(training)).await;
    assert_eq!(search.state, SearchState::Stopped);
    let message = search.error.unwrap().message;
    assert!(message.starts_with("Stopped by the budget: the trials used "), "{message}");
    assert_eq!(search.trials.len(), 2, "no further one began");
    for trial in &search.trials {
        assert_eq!(trial.outcome, TrialOutcome::Interrupted);
        let run = stage.call(GetRun { run: trial.run }).await;
        assert_eq!((run.state, run.resumable), (RunState::Stopped, true));
    }
    let refused = stage.try_call(resume(search.id)).await.unwrap_err();
    assert!(refused.code == ErrorCode::Conflict && refused.message.contains("no budget left"), "{}", refused.message);
    stage.call(EditProjectFile { project, set: vec![("search.budget.max_hours".to_owned(), json!(1.0))] }).await;
    let resumed = stage.call(resume(search.id)).await;
    assert_eq!((resumed.state, resumed.config.budget.max_hours), (SearchState::Running, Some(1.0)));
    // Whoever stops the run that is the search stops the search.
    stage.call(StopRun { run: resumed.run.unwrap() }).await;
    assert_eq!(stage.call(GetSearch { search: search.id }).await.state, SearchState::Stopped);
}
