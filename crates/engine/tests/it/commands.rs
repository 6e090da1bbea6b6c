//! Any program as a run: what its folder says is what the run is, however often it is read.

use std::{collections::BTreeMap, io::Write as _};

use api::{
    ErrorCode, RunId,
    config::ProjectFile,
    dataset::TakeSnapshot,
    run::{
        BeginCommand, DATA_CHANGED, EditRun, EndCommand, GetRun, GetRunLog, ListRuns, LogStream, ProjectIdOr, RunState,
        StartCommand,
    },
    run_diff::{DiffPart, DiffRuns, RunDiff},
    search::Environment,
    series::{Point, Viewport},
    spending::BudgetConfig,
};
use engine::tracking::client::{self, Batch};
use serde_json::json;

use crate::stage::{Stage, table};

async fn begin(stage: &Stage, pid: u32) -> (api::ProjectId, RunId, std::path::PathBuf) {
    stage.write("p/data.csv", &table(20, 1));
    let mut file = ProjectFile { name: "p".to_owned(), ..ProjectFile::default() };
    file.data.paths = vec!["data.csv".to_owned()];
    let path = stage.path("p").to_string_lossy().into_owned();
    let project = stage.create("p", file).await;
    let environment =
        BTreeMap::from([("API_TOKEN".to_owned(), "hush".to_owned()), ("LANG".to_owned(), "C".to_owned())]);
    let begun = stage
        .call(BeginCommand {
            run: None,
            trial: None,
            project: None,
            directory: path,
            command: vec!["python".to_owned(), "train.py".to_owned()],
            environment,
            code: None,
            pid,
            pid_started_ms: engine::process::started_ms(pid).unwrap_or(0),
            name: None,
            budget: Default::default(),
        })
        .await;
    (project, begun.run, begun.folder.into())
}

fn append(folder: &std::path::Path, lines: &[serde_json::Value]) {
    let mut file = std::fs::File::options().create(true).append(true).open(folder.join("events.jsonl")).unwrap();
    for line in lines {
        let mut line = line.clone();
        line["v"] = json!(1);
        line["time_ms"] = json!(1_700_000_000_000_i64);
        writeln!(file, "{line}").unwrap();
    }
}

fn metric(step: i64, value: f64) -> serde_json::Value {
    json!({"event": "metric", "key": "loss", "step": step, "value": value})
}

#[tokio::test]
async fn events_are_counted_once_across_restarts() {
    let mut stage = Stage::new().await;
    let (_, run, folder) = begin(&stage, std::process::id()).await;
    append(&folder, &(0..500).map(|step| metric(step, 1.0 / (step + 1) as f64)).collect::<Vec<_>>());
    stage
        .until("the points are read", async |stage| {
            let now = stage.call(GetRun { run }).await;
            now.metrics.first().is_some_and(|loss| loss.count == 500).then_some(())
        })
        .await;
    stage.reopen().await;
    append(&folder, &(500..750).map(|step| metric(step, 1.0)).collect::<Vec<_>>());
    // A line that is still being written waits for its end.
    std::fs::File::options()
        .append(true)
        .open(folder.join("events.jsonl"))
        .unwrap()
        .write_all(b"{\"v\":1,\"ti")
        .unwrap();
    let ended = stage.call(EndCommand { run }).await;
    assert_eq!(ended.metrics[0].count, 750);
    assert_eq!(ended.state, RunState::Running);
    std::fs::File::options()
        .append(true)
        .open(folder.join("events.jsonl"))
        .unwrap()
        .write_all(b"me_ms\":5,\"event\":\"metric\",\"key\":\"loss\",\"step\":750,\"value\":\"NaN\"}\n")
        .unwrap();
    append(&folder, &[json!({"event": "done", "outcome": "failed", "message": null, "hint": null, "exit_code": 3})]);
    let ended = stage.call(EndCommand { run }).await;
    assert_eq!((ended.metrics[0].count, ended.state, ended.exit_code), (751, RunState::Failed, Some(3)));
    assert!(ended.metrics[0].last.is_nan());
    assert!(ended.ended_because.unwrap().message.contains("exit code 3"));
    let view = engine::run::series_view(&stage.engine, Viewport::whole(run, "loss"), 2000).await.unwrap();
    assert_eq!(view.len(), 751);
}

#[tokio::test]
async fn a_metric_without_a_key_is_left_out_and_the_run_goes_on() {
    let stage = Stage::new().await;
    let (_, run, folder) = begin(&stage, std::process::id()).await;
    let keyed = |key: &str| json!({"event": "metric", "key": key, "step": 0, "value": 1.0});
    append(&folder, &[keyed(""), keyed("a\u{7}b"), keyed("line\nbreak"), metric(0, 2.0), keyed("größe (cm)")]);
    append(&folder, &[json!({"event": "done", "outcome": "finished", "message": null, "hint": null, "exit_code": 0})]);
    let ended = stage.call(EndCommand { run }).await;
    let keys: Vec<&str> = ended.metrics.iter().map(|metric| metric.key.as_str()).collect();
    assert_eq!((keys, ended.state), (vec!["größe (cm)", "loss"], RunState::Finished));
}

#[tokio::test]
async fn what_a_client_measures_of_its_programs_run_is_the_clients() {
    let stage = Stage::new().await;
    let (_, run, folder) = begin(&stage, std::process::id()).await;
    let (cpu, energy) = ("system/cpu_utilization_percentage", "system/energy_joules");
    let ours = |key: &str, step: i64| json!({"event": "metric", "key": key, "step": step, "value": 50.0});
    append(&folder, &[ours(cpu, 0), ours(cpu, 2), ours(energy, 2)]);
    stage
        .until("our points are read", async |stage| {
            let now = stage.call(GetRun { run }).await;
            (now.metrics.iter().map(|metric| metric.count).sum::<u64>() == 3).then_some(())
        })
        .await;
    let log = async |steps: [i64; 2]| {
        let points = steps.map(|step| Point { step, time_ms: 5 + step, value: 10.0 }).to_vec();
        let batch = Batch { series: vec![(cpu.to_owned(), points)], ..Batch::default() };
        client::log(&stage.engine, run, batch).await.unwrap();
    };
    log([0, 1]).await;
    append(&folder, &[ours(cpu, 4), ours(energy, 4)]);
    log([2, 3]).await;
    append(&folder, &[json!({"event": "done", "outcome": "finished", "message": null, "hint": null, "exit_code": 0})]);
    let ended = stage.call(EndCommand { run }).await;
    let told = |key: &str| ended.metrics.iter().find(|own| own.key == key).map(|own| (own.count, own.max));
    assert_eq!((told(cpu), told(energy)), (Some((4, 10.0)), Some((2, 50.0))));
    assert_eq!(ended.environment["machine.by_client"], cpu);
}

#[tokio::test]
async fn a_process_that_vanished_is_told_as_killed() {
    let stage = Stage::new().await;
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .arg("--list")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let pid = child.id();
    child.wait().unwrap();
    let (_, run, folder) = begin(&stage, pid).await;
    append(&folder, &[metric(1, 2.0)]);
    let killed = stage
        .until("the run is buried", async |stage| {
            let now = stage.call(GetRun { run }).await;
            now.state.is_over().then_some(now)
        })
        .await;
    assert_eq!(killed.state, RunState::Killed);
    assert_eq!(killed.metrics[0].count, 1, "what it wrote before is kept");
    assert!(killed.ended_because.unwrap().hint.is_some());
}

#[tokio::test]
async fn a_command_has_a_name_masked_secrets_and_a_place_in_the_list() {
    let stage = Stage::new().await;
    let (project, run, _) = begin(&stage, std::process::id()).await;
    let now = stage.call(GetRun { run }).await;
    assert!(now.name.contains('-'));
    assert_ne!(now.environment["API_TOKEN"], "hush");
    assert_eq!(now.environment["LANG"], "C");
    let tags = BTreeMap::from([("owner".to_owned(), Some("me".to_owned()))]);
    stage.call(EditRun { run, name: None, notes: Some("Tried\nonce".to_owned()), tags: BTreeMap::new() }).await;
    stage.call(EditRun { run, name: Some("mine".to_owned()), notes: None, tags }).await;
    let edited = stage.call(GetRun { run }).await;
    assert_eq!((edited.name.as_str(), edited.notes.as_str()), ("mine", "Tried\nonce"));
    let list =
        |filter: &str| ListRuns { project: ProjectIdOr(project), filter: filter.to_owned(), ..ListRuns::default() };
    assert_eq!(stage.call(list("mine and tag.owner = me and state = running")).await.total, 1);
    assert_eq!(stage.call(list("not mine")).await.total, 0);
    assert_eq!(stage.try_call(list("mine and (")).await.unwrap_err().code, ErrorCode::Invalid);
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_that_can_not_be_begun_says_why_and_a_run_says_how_it_is_run_again() {
    let stage = Stage::new().await;
    let (project, run, _) = begin(&stage, std::process::id()).await;
    let start = |words: &[&str], directory: Option<String>| StartCommand {
        project,
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        directory,
        environment: None,
        variables: None,
        name: None,
        budget: Default::default(),
    };
    // Instead of `slipway`, one that enters no run.
    stage.program(
        "echo 'slipway: said before' >&2; echo 'error: It is full.' >&2; echo ' hint: Free some.' >&2; exit 2",
    );
    let refused = stage.try_call(start(&["sh"], None)).await.unwrap_err();
    assert_eq!((refused.message.as_str(), refused.hint.as_deref()), ("It is full.", Some("Free some.")));
    stage.program("exit 3");
    let silent = stage.try_call(start(&["sh"], None)).await.unwrap_err();
    assert!(silent.message.contains("could not be started"), "{silent}");
    // Its own limits are told to the program that begins it.
    stage.program("echo \"error: $*\" >&2; exit 2");
    let limited = |max_hours: f64| {
        let budget = BudgetConfig { max_hours: Some(max_hours), max_kwh: Some(2.0), ..BudgetConfig::default() };
        StartCommand { budget, ..start(&["sh"], None) }
    };
    let told = stage.try_call(limited(0.5)).await.unwrap_err();
    assert!(told.message.ends_with(" --max-hours 0.5 --max-kwh 2 -- sh"), "{told}");
    for (wrong, code) in [
        (limited(-1.0), ErrorCode::Invalid),
        (start(&[], None), ErrorCode::Invalid),
        (start(&["curl", "--token", "•••"], None), ErrorCode::Invalid),
        (start(&["sh"], Some("/no/such/folder".to_owned())), ErrorCode::NotFound),
        (start(&["no-such-program-anywhere"], None), ErrorCode::NotFound),
        (start(&["./data.csv"], None), ErrorCode::Invalid),
    ] {
        assert_eq!(stage.try_call(wrong).await.unwrap_err().code, code);
    }
    let again = StartCommand::again(&stage.call(GetRun { run }).await).unwrap();
    assert_eq!((again.project, again.command), (project, vec!["python".to_owned(), "train.py".to_owned()]));
    assert_eq!(again.directory.as_deref(), stage.path("p").to_str());
    let taken = BeginCommand {
        run: Some(run),
        trial: None,
        project: None,
        directory: stage.path("p").to_string_lossy().into_owned(),
        command: vec!["python".to_owned()],
        environment: BTreeMap::new(),
        code: None,
        pid: std::process::id(),
        pid_started_ms: 0,
        name: None,
        budget: BudgetConfig::default(),
    };
    assert_eq!(stage.try_call(taken.clone()).await.unwrap_err().code, ErrorCode::Conflict);
    // A name is one line that a terminal shows as it is, from there too.
    for (name, is_one) in
        [("a\nb", false), ("\u{1b}[31mred", false), (&*"n".repeat(201), false), (" own ", true), ("", true)]
    {
        let named = BeginCommand { run: None, name: Some(name.to_owned()), ..taken.clone() };
        match stage.try_call(named).await {
            Ok(_) => assert!(is_one, "{name:?} was taken"),
            Err(refused) => assert_eq!((refused.code, is_one), (ErrorCode::Invalid, false), "{name:?}"),
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn variables_stand_beside_what_a_program_runs_in_and_a_folder_may_be_named() {
    let stage = Stage::new().await;
    let (project, ..) = begin(&stage, std::process::id()).await;
    let folder = stage.path("elsewhere");
    std::fs::create_dir(&folder).unwrap();
    // Instead of `slipway`, one that tells what it was given.
    stage.program("echo \"error: $(pwd), $OWN, $THEIRS, ${PATH:+a path}.\" >&2; exit 2");
    let of = |pairs: &[(&str, &str)]| {
        Some(Environment(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()))
    };
    let start = |environment: Option<Environment>, variables: Option<Environment>| StartCommand {
        project,
        command: vec!["sh".to_owned()],
        directory: Some(folder.to_string_lossy().into_owned()),
        environment,
        variables,
        name: None,
        budget: BudgetConfig::default(),
    };
    let own = std::env::var("PATH").unwrap();
    for (environment, expected) in
        [(None, "one, , a path"), (of(&[("PATH", &own), ("OWN", "0"), ("THEIRS", "2")]), "one, 2, a path")]
    {
        let told = stage.try_call(start(environment, of(&[("OWN", "one")]))).await.unwrap_err().message;
        assert_eq!(told, format!("{}, {expected}.", folder.display()));
    }
    for wrong in ["", "A=B", "A\0"] {
        let refused = stage.try_call(start(None, of(&[(wrong, "hunter2")]))).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Invalid);
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
    }
    assert!(!format!("{:?}", start(None, of(&[("OWN", "hunter2")]))).contains("hunter2"));
}

/// What a process does announces nothing: it is looked for again and again.
#[cfg(unix)]
async fn seen<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(tokio::time::Instant::now() < until, "never: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_is_buried_though_nobody_waits_for_its_run_any_more() {
    let stage = Stage::new().await;
    let (project, ..) = begin(&stage, std::process::id()).await;
    // Instead of `slipway`, one that enters no run and ends when it is told to.
    stage.program("echo $$ > \"$0.new\"; mv \"$0.new\" \"$0.pid\"; while [ ! -e \"$0.end\" ]; do sleep 0.05; done");
    let start = StartCommand {
        project,
        command: vec!["sh".to_owned()],
        directory: None,
        environment: None,
        variables: None,
        name: None,
        budget: BudgetConfig::default(),
    };
    let (told, end) = (stage.path("program.pid"), stage.path("program.end"));
    let told = || std::fs::read_to_string(&told).ok()?.trim().parse::<i32>().ok();
    let pid = tokio::select! {
        answer = stage.try_call(start) => panic!("answered though no run is entered: {:?}", answer.map(|run| run.id)),
        pid = seen("the program begins", told) => rustix::process::Pid::from_raw(pid).unwrap(),
    };
    std::fs::write(end, "").unwrap();
    // One that is over and not buried can still be asked whether it is there.
    let is_gone = || rustix::process::test_kill_process(pid).is_err().then_some(());
    seen("the process is buried", is_gone).await;
}

#[tokio::test]
async fn a_runs_log_goes_on_where_the_last_answer_ended_and_cuts_no_character() {
    let stage = Stage::new().await;
    let (_, run, folder) = begin(&stage, std::process::id()).await;
    let read = async |after: u64, limit_bytes: Option<u64>| {
        stage.call(GetRunLog { run, stream: LogStream::Stdout, after, limit_bytes }).await
    };
    assert_eq!((read(0, None).await.text.as_str(), read(0, None).await.total), ("", 0), "nothing is written yet");
    std::fs::write(folder.join("stdout.log"), "aé\n").unwrap();
    let half = read(0, Some(2)).await;
    assert_eq!((half.text.as_str(), half.end, half.total), ("a", 1, 4), "é is two bytes long");
    let rest = read(half.end, None).await;
    assert_eq!((rest.text.as_str(), rest.start, rest.end), ("é\n", 1, 4));
    assert_eq!(read(rest.end, None).await.text, "");
    std::fs::write(folder.join("stderr.log"), "oh\n").unwrap();
    let stderr = GetRunLog { run, stream: LogStream::Stderr, after: 0, limit_bytes: None };
    assert_eq!(stage.call(stderr).await.text, "oh\n");
}

#[tokio::test]
async fn programs_note_their_data_and_a_diff_compares_the_content_not_the_number() {
    let stage = Stage::new().await;
    let begin = async |folder: &str| {
        let program = BeginCommand {
            run: None,
            trial: None,
            project: None,
            directory: stage.path(folder).to_string_lossy().into_owned(),
            command: vec!["python".to_owned()],
            environment: BTreeMap::new(),
            code: None,
            pid: std::process::id(),
            pid_started_ms: 0,
            name: None,
            budget: BudgetConfig::default(),
        };
        stage.call(program).await.run
    };
    let mut runs = Vec::new();
    // The first two have the same rows; each is the first version of its own dataset.
    for (folder, seed) in [("p", 1), ("q", 1), ("r", 2)] {
        stage.write(&format!("{folder}/data.csv"), &table(20, seed));
        let mut file = ProjectFile { name: folder.to_owned(), ..ProjectFile::default() };
        file.data.paths = vec!["data.csv".to_owned()];
        let project = stage.create(folder, file).await;
        let without = begin(folder).await;
        assert_eq!(stage.call(GetRun { run: without }).await.snapshot, None, "there is none yet");
        stage.done(stage.call(TakeSnapshot { project, message: None }).await).await;
        runs.push(begin(folder).await);
    }
    let diff = async |runs: &[RunId]| stage.call(DiffRuns { runs: runs.to_vec(), all: false, system: false }).await;
    let data = |diff: &RunDiff, key: &str| {
        let row = diff.rows.iter().find(|row| row.part == DiffPart::Data && row.key == key)?;
        Some(serde_json::to_string(&row.values).unwrap())
    };
    assert_eq!(data(&diff(&runs[..2]).await, "snapshot"), None, "the same rows");
    let apart = diff(&runs[1..]).await;
    let told = data(&apart, "snapshot").unwrap();
    assert!(told.contains("q/") && told.contains("r/") && told.matches(" v1 (").count() == 2, "{told}");
    let named: Vec<_> =
        apart.data_apart(None).into_iter().map(|(from, run, to)| (from.number, run.id, to.number)).collect();
    assert_eq!(named, [(1, runs[2], 1)]);

    // What the folder holds since is no snapshot's.
    stage.write("q/data.csv", &table(30, 1));
    let later = begin("q").await;
    let noted = stage.call(GetRun { run: later }).await;
    assert_eq!(
        (noted.snapshot_number, noted.environment[DATA_CHANGED].as_str()),
        (Some(1), "1 file changed (data.csv)")
    );
    let since = diff(&[runs[1], later]).await;
    let told = data(&since, "changed since the snapshot").unwrap();
    assert!(told.contains("1 file changed"), "{told}");
    assert!(!since.rows.iter().any(|row| row.part == DiffPart::Environment && row.key == DATA_CHANGED), "{since:?}");
}

#[tokio::test]
async fn a_command_outside_of_every_project_is_told_what_to_do() {
    let stage = Stage::new().await;
    let refused = stage
        .try_call(BeginCommand {
            run: None,
            trial: None,
            project: None,
            directory: stage.path("").to_string_lossy().into_owned(),
            command: vec!["true".to_owned()],
            environment: BTreeMap::new(),
            code: None,
            pid: 1,
            pid_started_ms: 0,
            name: None,
            budget: Default::default(),
        })
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotFound);
    assert!(refused.hint.is_some());
}
