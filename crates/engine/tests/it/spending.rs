//! What runs cost, and the budget that stops them.

use std::{collections::BTreeMap, io::Write as _};

use api::{
    ErrorCode, ProjectId,
    config::{ModelChoice, ProjectFile, TrainingConfig},
    host::{PutSettings, Settings},
    job::{JobState, Subject},
    project::EditProjectFile,
    run::{
        BeginCommand, BegunCommand, EndCommand, GetRun, ListRuns, ProjectIdOr, ResumeRun, RunState, StartRun, StopRun,
    },
    spending::BudgetConfig,
};
use serde_json::json;

use crate::stage::{Stage, has_worker, table};

async fn project(stage: &Stage, budget: BudgetConfig) -> ProjectId {
    stage.write("p/data.csv", &table(600, 1));
    let mut file = ProjectFile { name: "p".to_owned(), budget, ..ProjectFile::default() };
    file.data.paths = vec!["data.csv".to_owned()];
    file.data.target = Some("y".to_owned());
    stage.create("p", file).await
}

async fn begin(stage: &Stage, pid: u32) -> BegunCommand {
    stage.call(command(stage, pid)).await
}

fn command(stage: &Stage, pid: u32) -> BeginCommand {
    BeginCommand {
        run: None,
        project: None,
        directory: stage.path("p").to_string_lossy().into_owned(),
        command: vec!["python".to_owned(), "train.py".to_owned()],
        environment: BTreeMap::new(),
        code: None,
        pid,
        pid_started_ms: engine::process::started_ms(pid).unwrap_or(0),
        name: None,
        trial: None,
        budget: BudgetConfig::default(),
    }
}

fn append(folder: &str, lines: &[serde_json::Value]) {
    let path = std::path::Path::new(folder).join("events.jsonl");
    let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
    for line in lines {
        let mut line = line.clone();
        line["v"] = json!(1);
        line["time_ms"] = line.get("time_ms").cloned().unwrap_or_else(|| json!(1_700_000_000_000_i64));
        writeln!(file, "{line}").unwrap();
    }
}

fn joules(step: i64, value: f64) -> serde_json::Value {
    json!({"event": "metric", "key": "system/energy_joules", "step": step, "value": value})
}

async fn price(stage: &Stage, per_hour: Option<f64>, per_kwh: Option<f64>) {
    let settings = Settings {
        price_per_hour: per_hour,
        price_per_kwh: per_kwh,
        currency: "EUR".to_owned(),
        ..Settings::default()
    };
    stage.call(PutSettings { settings }).await;
}

/// A process that lives until it is asked to end.
#[cfg(unix)]
fn sleeper() -> u32 {
    let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
    let pid = child.id();
    // Buried as soon as it ends, so that its pid is seen to be gone.
    std::thread::spawn(move || child.wait());
    pid
}

#[tokio::test]
async fn a_run_costs_its_time_and_its_energy_at_the_prices_of_its_start() {
    let stage = Stage::new().await;
    let project = project(&stage, BudgetConfig::default()).await;
    let free = begin(&stage, std::process::id()).await;
    price(&stage, Some(36.0), Some(0.5)).await;
    let priced = begin(&stage, std::process::id()).await;
    assert!(!priced.has_budget);
    // Dearer now; what runs already keeps its price.
    price(&stage, Some(1e6), Some(1e6)).await;
    let started = stage.call(GetRun { run: priced.run }).await.started_ms.unwrap();
    let done = |time_ms: i64| json!({"event": "done", "outcome": "finished", "message": null, "hint": null, "exit_code": 0, "time_ms": time_ms});
    append(&priced.folder, &[joules(1, 10.0), joules(3, 7.2e6), done(started + 100_000)]);
    append(&free.folder, &[done(started + 100_000)]);
    for run in [priced.run, free.run] {
        stage.call(EndCommand { run }).await;
    }
    let spent = stage.call(GetRun { run: priced.run }).await.spent.unwrap();
    assert_eq!((spent.seconds, spent.joules), (100.0, Some(7.2e6)));
    // 100 s at 36 an hour are 1, and 2 kWh at 0.5 are 1.
    assert_eq!((spent.cost, spent.terms.currency.as_str()), (Some(2.0), "EUR"));
    let without = stage.call(GetRun { run: free.run }).await.spent.unwrap();
    assert_eq!((without.cost, without.joules), (None, None));

    let list = |filter: &str| ListRuns {
        project: ProjectIdOr(project),
        filter: filter.to_owned(),
        sort: Some("cost".to_owned()),
        ..ListRuns::default()
    };
    let dear = stage.call(list("cost > 1.9 and cost < 2.1")).await;
    assert_eq!((dear.total, dear.rows[0].id, dear.rows[0].cost), (1, priced.run, Some(2.0)));
    assert_eq!(stage.call(list("cost is null")).await.rows[0].id, free.run);
    assert_eq!(stage.try_call(list("cost ~ \"much\"")).await.unwrap_err().code, ErrorCode::Invalid);
}

#[tokio::test]
async fn a_limit_of_cost_needs_a_price_and_a_price_is_no_debt() {
    let stage = Stage::new().await;
    project(&stage, BudgetConfig { max_cost: Some(1.0), ..BudgetConfig::default() }).await;
    let refused = stage.try_call(command(&stage, std::process::id())).await.unwrap_err();
    assert_eq!((refused.code, refused.key.as_deref()), (ErrorCode::Invalid, Some("budget.max_cost")));
    price(&stage, Some(1.0), None).await;
    assert!(begin(&stage, std::process::id()).await.has_budget);
    let debt = Settings { price_per_hour: Some(-1.0), ..Settings::default() };
    assert_eq!(stage.try_call(PutSettings { settings: debt }).await.unwrap_err().code, ErrorCode::Invalid);
    // The same of what clients' runs without a project may use.
    let none = Settings { tracking_max_hours: Some(0.0), ..Settings::default() };
    let refused = stage.try_call(PutSettings { settings: none }).await.unwrap_err();
    assert!(refused.message.ends_with("can't be kept: `max_hours` must be hours above 0."), "{refused:?}");
    let unpriced = Settings { tracking_max_cost: Some(1.0), ..Settings::default() };
    let refused = stage.try_call(PutSettings { settings: unpriced.clone() }).await.unwrap_err();
    assert!(refused.message.contains("no price is set"), "{refused:?}");
    stage.call(PutSettings { settings: Settings { price_per_kwh: Some(1.0), ..unpriced } }).await;
}

#[tokio::test]
async fn a_run_keeps_limits_of_its_own_before_those_of_its_project() {
    let stage = Stage::new().await;
    project(&stage, BudgetConfig { max_hours: Some(1.0), max_kwh: Some(2.0), ..BudgetConfig::default() }).await;
    let with = |max_hours: f64| {
        let budget = BudgetConfig { max_hours: Some(max_hours), ..BudgetConfig::default() };
        BeginCommand { budget, ..command(&stage, std::process::id()) }
    };
    let refused = stage.try_call(with(-1.0)).await.unwrap_err();
    assert_eq!((refused.code, refused.message.as_str()), (ErrorCode::Invalid, "`max_hours` must be hours above 0."));
    let begun = stage.call(with(0.5)).await;
    assert!(begun.has_budget);
    let terms = stage.call(GetRun { run: begun.run }).await.spent.unwrap().terms;
    assert_eq!((terms.budget.max_hours, terms.budget.max_kwh), (Some(0.5), Some(2.0)));
    assert_eq!((terms.own.max_hours, terms.own.max_kwh), (Some(0.5), None));
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_that_used_its_budget_is_stopped_and_says_so() {
    let stage = Stage::new().await;
    project(&stage, BudgetConfig { max_kwh: Some(0.001), max_hours: Some(1.0), ..BudgetConfig::default() }).await;
    let begun = begin(&stage, sleeper()).await;
    append(&begun.folder, &[joules(1, 3599.0)]);
    stage
        .until("its energy is read", async |stage| {
            let now = stage.call(GetRun { run: begun.run }).await;
            assert!(!now.state.is_over(), "{:?}", now.ended_because);
            now.spent.unwrap().joules.map(drop)
        })
        .await;
    append(&begun.folder, &[joules(2, 3601.0)]);
    let over = stage
        .until("it is stopped", async |stage| {
            let now = stage.call(GetRun { run: begun.run }).await;
            now.state.is_over().then_some(now)
        })
        .await;
    let because = over.ended_because.unwrap();
    assert_eq!((over.state, because.code), (RunState::Stopped, ErrorCode::Cancelled));
    assert_eq!(because.message, "Stopped by the budget: it used 0.001 kWh of at most 0.001 kWh.");
    assert!(because.hint.unwrap().contains("[budget]"));
}

#[tokio::test]
async fn a_training_that_used_its_budget_is_stopped_and_goes_on_once_it_is_raised() {
    if !has_worker() {
        return;
    }
    let stage = Stage::new().await;
    // Three seconds.
    let hours = 3.0 / 3600.0;
    let project = project(&stage, BudgetConfig { max_hours: Some(hours), ..BudgetConfig::default() }).await;
    let training = TrainingConfig {
        model: ModelChoice::Mlp,
        epochs: Some(100_000),
        patience: Some(0),
        threads: 1,
        ..TrainingConfig::default()
    };
    let start = StartRun { training: Some(training), ..StartRun::of(project) };
    let job = stage.call(start).await;
    let Subject::Run(run) = job.subject else { panic!("{:?}", job.subject) };
    let job = stage.over(job).await;
    assert_eq!(job.state, JobState::Cancelled, "{:?}", job.error);
    let stopped = stage.call(GetRun { run }).await;
    assert_eq!(stopped.state, RunState::Stopped);
    assert!(stopped.resumable, "its checkpoint is kept");
    let message = stopped.ended_because.unwrap().message;
    assert!(message.starts_with("Stopped by the budget: it used "), "{message}");
    let used = stopped.spent.unwrap().seconds;
    assert!(used >= 3.0, "{used}");

    let refused = stage.try_call(ResumeRun { run, budget: Default::default() }).await.unwrap_err();
    assert!(refused.code == ErrorCode::Conflict && refused.message.contains("no budget left"), "{}", refused.message);
    stage.call(EditProjectFile { project, set: vec![("budget.max_hours".to_owned(), json!(1.0))] }).await;
    let job = stage.call(ResumeRun { run, budget: BudgetConfig::default() }).await;
    stage
        .until("it goes on", async |stage| {
            let now = stage.call(GetRun { run }).await;
            assert!(!now.state.is_over(), "{:?}", now.ended_because);
            now.spent.filter(|spent| spent.seconds > used).map(drop)
        })
        .await;
    stage.call(StopRun { run }).await;
    stage.over(job).await;
    let by_hand = stage.call(GetRun { run }).await;
    assert_eq!(by_hand.state, RunState::Stopped);
    assert!(!by_hand.ended_because.unwrap().message.contains("budget"));

    // More for this run alone, which stays when it is resumed again.
    stage.call(EditProjectFile { project, set: vec![("budget.max_hours".to_owned(), json!(hours))] }).await;
    let own = |max_hours| BudgetConfig { max_hours: Some(max_hours), ..BudgetConfig::default() };
    for (budget, hint) in [(BudgetConfig::default(), "[budget]"), (own(hours), "--max-hours")] {
        let refused = stage.try_call(ResumeRun { run, budget }).await.unwrap_err();
        assert!(refused.hint.as_ref().is_some_and(|told| told.contains(hint)), "{refused:?}");
    }
    for budget in [own(1.0), BudgetConfig::default()] {
        let job = stage.call(ResumeRun { run, budget }).await;
        stage.call(StopRun { run }).await;
        stage.over(job).await;
        assert_eq!(stage.call(GetRun { run }).await.spent.unwrap().terms.budget, own(1.0));
    }
}
