//! Which runs of clients are measured, by connections of real processes; what measures them is played.
#![cfg(target_os = "linux")]

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::atomic::Ordering,
    time::Duration,
};

use api::{
    RunId,
    config::ProjectFile,
    event::Event,
    host::{PutSettings, Settings},
    project::GetOverview,
    run::{BeginCommand, GetRun, Run, RunState},
    series::Point,
    spending::BudgetConfig,
    tracking::{ListExperiments, PARENT_TAG, TrashRuns},
};
use engine::tracking::client::{self, Batch, Begin, Change};
use tokio::sync::broadcast::error::RecvError;

use crate::stage::Stage;

/// Tells what it was asked for and then the same values again and again, as `slipway meter` does until its end. Beside it
/// stands of which processes it was begun.
const METER: &str = r#"
echo "$2" >> "$0.begun"
echo '{"told":"machine","facts":{"cpu":"played","asked":"'"$1 $2"'"}}'
while :; do
    echo '{"told":"look","values":{"system/cpu":50.0,"system/energy_joules":7.0}}' || exit
    sleep 0.5
done"#;

/// A program with a connection to us, which closes with it.
struct Client {
    child: Child,
    peer: SocketAddr,
    _connection: TcpStream,
}

impl Client {
    fn connect(listener: &TcpListener) -> Self {
        let port = listener.local_addr().unwrap().port();
        let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; read -r _");
        let child = Command::new("bash").args(["-c", &script]).stdin(Stdio::piped()).spawn().unwrap();
        let (connection, peer) = listener.accept().unwrap();
        Self { child, peer, _connection: connection }
    }

    fn end(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    async fn begin(&self, stage: &Stage, below: Option<RunId>) -> RunId {
        let tags = below.into_iter().map(|parent| (PARENT_TAG.to_owned(), parent.to_string())).collect();
        let begin = Begin { tags, peer: Some(self.peer), ..Begin::default() };
        client::begin(&stage.engine, "0", begin).await.unwrap().row.run.id
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // One that has ended already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn run(stage: &Stage, run: RunId) -> Run {
    stage.call(GetRun { run }).await
}

/// How many values the played meter told of a run.
async fn told(stage: &Stage, of: RunId) -> u64 {
    let metrics = run(stage, of).await.metrics;
    metrics.iter().find(|metric| metric.key == "system/cpu").map_or(0, |metric| metric.count)
}

/// Waits until there are more than so many of them.
async fn until_more(stage: &Stage, of: RunId, than: u64) {
    let more = async |stage: &Stage| (told(stage, of).await > than).then_some(());
    stage.until("the run is measured", more).await;
}

async fn end(stage: &Stage, of: RunId, state: RunState) {
    client::change(&stage.engine, of, Change { state: Some(state), ..Change::default() }).await.unwrap();
}

/// Of a run that is not measured.
async fn why(stage: &Stage, of: RunId) -> String {
    run(stage, of).await.environment.get("machine.unmeasured").cloned().unwrap_or_default()
}

async fn log(stage: &Stage, run: RunId, key: &str) {
    let point = Point { step: 0, time_ms: stage.engine.now_ms(), value: 1.0 };
    let batch = Batch { series: vec![(key.to_owned(), vec![point])], ..Batch::default() };
    client::log(&stage.engine, run, batch).await.unwrap();
}

/// A program that we supervise, which is this process.
async fn supervised(stage: &Stage) -> RunId {
    stage.write("p/data.csv", "x,y\n1,a\n2,b\n3,a\n");
    let mut file = ProjectFile { name: "p".to_owned(), ..ProjectFile::default() };
    file.data.paths = vec!["data.csv".to_owned()];
    stage.create("p", file).await;
    let pid = std::process::id();
    let begin = BeginCommand {
        run: None,
        project: None,
        directory: stage.path("p").to_string_lossy().into_owned(),
        command: vec!["python".to_owned()],
        environment: std::collections::BTreeMap::new(),
        code: None,
        pid,
        pid_started_ms: engine::process::started_ms(pid).unwrap(),
        name: None,
        trial: None,
        budget: Default::default(),
    };
    stage.call(begin).await.run
}

async fn stage(settings: Settings, listener: &TcpListener) -> Stage {
    let stage = Stage::new().await;
    stage.program(METER);
    stage.call(PutSettings { settings }).await;
    stage.engine.tracking_port().store(listener.local_addr().unwrap().port(), Ordering::Relaxed);
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_run_is_measured_once_and_only_while_it_goes_on() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let stage_with = async |settings| stage(settings, &listener).await;
    let stage = stage_with(Settings { price_per_hour: Some(3600.0), ..Settings::default() }).await;
    let off = stage_with(Settings { tracking_measured: false, ..Settings::default() }).await;
    let (one, other, mut gone) = (Client::connect(&listener), Client::connect(&listener), Client::connect(&listener));

    let plain = one.begin(&stage, None).await;
    let nested = one.begin(&stage, Some(plain)).await;
    let deeper = one.begin(&stage, Some(nested)).await;
    let elsewhere = other.begin(&stage, Some(plain)).await;
    let within = one.begin(&stage, Some(supervised(&stage).await)).await;
    let turned_off = one.begin(&off, None).await;
    let by_itself = one.begin(&stage, None).await;
    log(&stage, by_itself, "system/cpu_utilization_percentage").await;
    let short = one.begin(&stage, None).await;
    end(&stage, short, RunState::Finished).await;
    let (late, deleted, ended) =
        (other.begin(&stage, None).await, other.begin(&stage, None).await, other.begin(&stage, None).await);
    let closed = gone.begin(&stage, None).await;
    gone.end();
    let own = client::begin(&stage.engine, "0", Begin::default()).await.unwrap().row.run.id;

    let is_met = async |of: RunId| {
        let met = async |stage: &Stage| run(stage, of).await.environment.get("machine.cpu").cloned();
        assert_eq!(stage.until("the process is found", met).await, "played");
    };
    for run in [late, deleted, ended] {
        is_met(run).await;
    }
    // Its own come once it was begun to be measured, as MLflow's client tells them after 10 s.
    log(&stage, late, "system/cpu_utilization_percentage").await;
    stage.call(TrashRuns { runs: vec![deleted] }).await;
    end(&stage, ended, RunState::Finished).await;

    until_more(&stage, plain, 2).await;
    let seen = run(&stage, plain).await;
    assert_eq!(seen.environment["machine.asked"], format!("meter {}", one.child.id()));
    let spent = seen.spent.unwrap();
    assert!(spent.seconds >= 12.0 && spent.seconds < 240.0 && spent.joules == Some(7.0), "{spent:?}");
    assert!((spent.cost.unwrap() - spent.seconds).abs() < 1e-6, "{spent:?}");
    // One of another process, too.
    until_more(&stage, elsewhere, 0).await;

    for of in [nested, deeper, within] {
        assert_eq!(why(&stage, of).await, "It is measured with the run above it.");
    }
    let closed_why = why(&stage, closed).await;
    assert!(closed_why.contains("connection was closed"), "{closed_why}");
    for of in [nested, deeper, within, by_itself, short, late, deleted, ended, closed, own] {
        assert_eq!(told(&stage, of).await, 0);
    }
    for of in [by_itself, short, own] {
        assert!(run(&stage, of).await.environment.is_empty());
    }
    assert!(run(&off, turned_off).await.environment.is_empty());

    // It is measured no longer than it goes on.
    end(&stage, plain, RunState::Failed).await;
    let last = told(&stage, plain).await;
    until_more(&stage, elsewhere, told(&stage, elsewhere).await + 2).await;
    assert_eq!(told(&stage, plain).await, last);

    // One that its client sets back to running goes on where it was.
    let before = run(&stage, plain).await.spent.unwrap();
    let again = Change { state: Some(RunState::Running), peer: Some(one.peer), ..Change::default() };
    client::change(&stage.engine, plain, again).await.unwrap();
    until_more(&stage, plain, last).await;
    let after = run(&stage, plain).await.spent.unwrap();
    assert!(after.seconds > before.seconds + 11.0 && after.joules == Some(14.0), "{before:?} {after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_one_process_share_a_meter_its_energy_and_the_price_of_its_time() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let stage = stage(Settings { price_per_hour: Some(3600.0), ..Settings::default() }, &listener).await;
    let client = Client::connect(&listener);
    let mut runs = Vec::new();
    for _ in 0..10 {
        runs.push(client.begin(&stage, None).await);
    }
    for of in &runs {
        until_more(&stage, *of, 0).await;
    }
    let (mut joules, mut cost, mut longest) = (0.0, 0.0, 0.0_f64);
    for of in &runs {
        let seen = run(&stage, *of).await;
        assert_eq!((seen.environment["machine.cpu"].as_str(), &*why(&stage, *of).await), ("played", ""));
        let spent = seen.spent.unwrap();
        joules += spent.joules.unwrap();
        cost += spent.cost.unwrap();
        longest = longest.max(spent.seconds);
    }
    assert!((joules - 7.0).abs() < 1e-9, "{joules}");
    // A second costs one. Those that were found a second later were not looked at with the others at first.
    assert!(longest >= 12.0 && cost < 2.0 * longest, "{cost} for {longest} s");

    // One that is over is measured no further, and the others are, with those that join them.
    end(&stage, runs[0], RunState::Finished).await;
    let last = told(&stage, runs[0]).await;
    let late = client.begin(&stage, None).await;
    until_more(&stage, late, 0).await;
    let seen = run(&stage, late).await;
    assert_eq!((seen.environment["machine.cpu"].as_str(), seen.spent.unwrap().joules), ("played", Some(0.0)));
    until_more(&stage, runs[1], told(&stage, runs[1]).await).await;
    assert_eq!(told(&stage, runs[0]).await, last);
    let begun = std::fs::read_to_string(stage.path("program.begun")).unwrap();
    assert_eq!(begun.lines().collect::<Vec<_>>(), [client.child.id().to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_run_that_used_its_projects_budget_is_over_and_its_program_goes_on() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let stage = stage(Settings::default(), &listener).await;
    stage.write("p/data.csv", "x,y\n1,a\n2,b\n3,a\n");
    // Two seconds; the limit of cost can't be kept without a price, and refuses nothing.
    let budget = BudgetConfig { max_hours: Some(2.0 / 3600.0), max_cost: Some(1.0), ..BudgetConfig::default() };
    let mut file = ProjectFile { name: "p".to_owned(), budget, ..ProjectFile::default() };
    file.data.paths = vec!["data.csv".to_owned()];
    let project = stage.create("p", file).await;
    let experiments = stage.call(ListExperiments::default()).await;
    let number = experiments.into_iter().find(|one| one.project == Some(project)).unwrap().number.to_string();
    let mut events = stage.engine.events().subscribe();
    let mut client = Client::connect(&listener);
    let begin = Begin { name: Some("dear".to_owned()), peer: Some(client.peer), ..Begin::default() };
    let dear = client::begin(&stage.engine, &number, begin).await.unwrap().row.run.id;
    let elsewhere = client.begin(&stage, Some(dear)).await;

    let told = tokio::time::timeout(Duration::from_secs(120), async {
        loop {
            match events.recv().await {
                Ok(Event::Notice { title, body, link }) if title.contains("budget") => break (title, body, link),
                // Those that were passed over are none that is waited for.
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => panic!("the engine is gone"),
            }
        }
    });
    let (title, body, link) = told.await.unwrap();
    assert_eq!(title, "dear is over its budget");
    assert!(body.starts_with("Over its budget: it used ") && body.contains(" h of at most 0.000556 h."), "{body}");
    assert!(body.contains(&format!("process {}, may go on", client.child.id())), "{body}");
    let over = run(&stage, dear).await;
    assert_eq!((link, over.state), (Some(over.page()), RunState::Stopped));
    assert!(over.ended_ms.is_some() && body.starts_with(&over.ended_because.unwrap().message));
    assert!(client.child.try_wait().unwrap().is_none(), "what we did not start is not ended");
    assert!(!run(&stage, elsewhere).await.state.is_over(), "nor is a run that has no budget");
    let happened = stage.call(GetOverview { project }).await.happened;
    assert!(happened.iter().any(|one| one.sentence.contains("used up its budget")), "{happened:?}");

    // Its client has the last word on how it ended, and why it was ended before stays.
    end(&stage, dear, RunState::Finished).await;
    let ended = run(&stage, dear).await;
    assert_eq!((ended.state, ended.ended_because.is_some()), (RunState::Finished, true));
    end(&stage, dear, RunState::Running).await;
    assert_eq!(run(&stage, dear).await.ended_because, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_run_without_a_project_has_the_limits_of_the_settings() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let limited = Settings { tracking_max_hours: Some(2.0 / 3600.0), ..Settings::default() };
    let stage = stage(limited, &listener).await;
    stage.write("p/data.csv", "x,y\n1,a\n2,b\n3,a\n");
    let mut file = ProjectFile { name: "p".to_owned(), ..ProjectFile::default() };
    file.data.paths = vec!["data.csv".to_owned()];
    let project = stage.create("p", file).await;
    let experiments = stage.call(ListExperiments::default()).await;
    let number = experiments.into_iter().find(|one| one.project == Some(project)).unwrap().number.to_string();
    let (mut client, other) = (Client::connect(&listener), Client::connect(&listener));
    let unowned = client.begin(&stage, None).await;
    let begin = Begin { peer: Some(other.peer), ..Begin::default() };
    let owned = client::begin(&stage.engine, &number, begin).await.unwrap().row.run.id;

    let is_over = async |stage: &Stage| run(stage, unowned).await.state.is_over().then_some(());
    stage.until("it has used its budget", is_over).await;
    let over = run(&stage, unowned).await;
    let because = over.ended_because.unwrap();
    assert_eq!((over.state, over.project), (RunState::Stopped, None));
    assert!(because.message.starts_with("Over its budget: it used "), "{because:?}");
    assert!(because.hint.unwrap().contains("Raise the limits of runs without a project"));
    assert!(client.child.try_wait().unwrap().is_none(), "what we did not start is not ended");
    until_more(&stage, owned, 1).await;
    assert!(!run(&stage, owned).await.state.is_over(), "its project sets no limit");
}
