//! Logs that grow while they are followed, and those that a person keeps beside git.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};

use api::{
    ErrorCode,
    config::ProjectFile,
    event::{Event, Tag},
    job::CancelJob,
    project::{DeleteProject, PurgeProject, RestoreProject},
    run::{EditRun, Ending, GetRun, ListArtifacts, ListRuns, MarkEnded, Run, RunState},
    series::Point,
    source::{
        AddSource, FollowSource, Kind, ListDeletedSources, ListSources, ReadSource, RemoveSource, RestoreSource, Source,
    },
    tracking::{ListExperiments, MoveExperiment},
};
use foreign::tensorboard::write::EventFile;

use crate::{
    sources::{copy, fixture, series},
    stage::Stage,
};

async fn follow(stage: &Stage, path: &Path, kind: Kind) {
    let path = path.to_string_lossy().into_owned();
    let job = stage.call(AddSource { path, kind: Some(kind), project: None, once: false }).await;
    stage.done(job).await;
}

async fn source(stage: &Stage) -> Source {
    stage.call(ListSources {}).await.remove(0)
}

async fn read_on(stage: &Stage) -> Source {
    let job = stage.call(ReadSource { source: source(stage).await.id }).await;
    stage.done(job).await;
    source(stage).await
}

pub(crate) async fn runs(stage: &Stage) -> Vec<Run> {
    let mut found = Vec::new();
    for experiment in stage.call(ListExperiments::default()).await {
        let request = ListRuns { experiment: Some(experiment.id), limit: Some(1000), ..ListRuns::default() };
        for row in stage.call(request).await.rows {
            found.push(stage.call(GetRun { run: row.id }).await);
        }
    }
    found.sort_by_key(|run| run.created_ms);
    found
}

async fn points(stage: &Stage) -> u64 {
    series(stage).await.iter().map(|(_, _, count)| count).sum()
}

/// Waits for so many more points, and that it is announced of which run and where it stands.
async fn grows(stage: &Stage, what: &str, by: u64, write: impl FnOnce()) {
    let before = points(stage).await;
    let mut events = stage.engine.events().subscribe();
    write();
    stage.until(what, async |stage| (points(stage).await == before + by).then_some(())).await;
    let (mut of_run, mut of_scope) = (false, false);
    // What is committed is announced after it, so that it may be read before.
    while !(of_run && of_scope) {
        let event = tokio::time::timeout(Duration::from_secs(60), events.recv()).await.expect(what);
        if let Ok(Event::Changed { tag }) = event {
            of_run |= matches!(tag, Tag::Run(_));
            of_scope |= matches!(tag, Tag::Experiment(_));
        }
    }
}

fn append(path: &Path, bytes: &[u8]) {
    fs::File::options().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// As a file that nobody writes to any more.
fn age(path: &Path) {
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
}

/// An event file's bytes: its version, then a series.
fn events(stage: &Stage, count: i64) -> Vec<u8> {
    let folder = tempfile::tempdir_in(stage.folder.path()).unwrap();
    let mut file = EventFile::create(folder.path(), 1_700_000_000_000).unwrap();
    let point = |step| Point { step, time_ms: 1_700_000_000_000 + step, value: 0.5 };
    file.points("loss", &(0..count).map(point).collect::<Vec<_>>()).unwrap();
    file.finish().unwrap();
    fs::read(fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_metrics_become_runs() {
    for (name, content, expect) in [
        (
            "metrics.json",
            r#"{"acc": 0.5, "loss": {"train": NaN}, "note": "good"}"#,
            vec![("acc", 1), ("loss.train", 1)],
        ),
        ("metrics.csv", "step,loss,acc\n0,1.5,\n1,1.25,0.5\n", vec![("acc", 1), ("loss", 2)]),
        (
            "log.jsonl",
            "{\"step\": 0, \"loss\": 1}\n{\"step\": 1, \"loss\": 0.5, \"deep\": {\"er\": 2}}\n",
            vec![("deep.er", 1), ("loss", 2)],
        ),
    ] {
        let stage = Stage::new().await;
        let path = stage.write(&format!("trial/{name}"), content);
        follow(&stage, &path, Kind::Metrics).await;
        let expect: Vec<_> =
            expect.into_iter().map(|(key, count)| ("trial".to_owned(), key.to_owned(), count)).collect();
        assert_eq!(series(&stage).await, expect, "{name}");
        let source = source(&stage).await;
        assert!(source.error.is_none() && source.warned == 0, "{source:?}");
        let told = runs(&stage).await.remove(0);
        assert_eq!(told.tags.get("note").map(String::as_str), (name == "metrics.json").then_some("good"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_appended_come_as_they_are_written() {
    for (name, begin, half, rest) in [
        ("metrics.csv", "step,loss\n0,1.5\n", "1,1.2", "5\n2,1\n"),
        (
            "log.jsonl",
            "{\"step\": 0, \"loss\": 1}\n",
            "{\"step\": 1, \"lo",
            "ss\": 0.5}\n{\"step\": 2, \"loss\": 0.25}\n",
        ),
    ] {
        let stage = Stage::new().await;
        let path = stage.write(name, begin);
        follow(&stage, &path, Kind::Metrics).await;
        // A line that is half written is waited for.
        append(&path, half.as_bytes());
        let read = read_on(&stage).await;
        assert_eq!((points(&stage).await, read.warned, read.error), (1, 0, None), "{name}");
        grows(&stage, name, 2, || append(&path, rest.as_bytes())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_of_the_rows_was_left_out_stays_said_as_long_as_they_are_there() {
    let stage = Stage::new().await;
    let path = stage.write("log.jsonl", "{\"step\": 0, \"loss\": 1}\nno object\n");
    let shown = path.to_string_lossy().into_owned();
    let job = stage.call(AddSource { path: shown, kind: Some(Kind::Metrics), project: None, once: true }).await;
    stage.done(job).await;
    let said = source(&stage).await.warnings;
    assert!(said.len() == 1 && said[0].of_rows && said[0].place.ends_with("log.jsonl, row 2"), "{said:?}");
    append(&path, b"{\"step\": 2, \"loss\": 0.5}\n");
    let read = read_on(&stage).await;
    assert_eq!((points(&stage).await, &read.warnings, read.warned), (2, &said, 1), "more rows were appended");
    fs::write(&path, "{\"step\": 0, \"loss\": 2}\n").unwrap();
    let read = read_on(&stage).await;
    let messages: Vec<&str> = read.warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!((messages, read.warned), (vec!["it is shorter than it was: it was read anew"], 1));
    append(&path, b"{\"step\": 1, \"loss\": 2}\n");
    let read = read_on(&stage).await;
    assert_eq!((read.warnings, read.warned), (Vec::new(), 0), "what was said of the file, not of its rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_let_go_of_and_followed_again() {
    let stage = Stage::new().await;
    let path = stage.write("log.jsonl", "{\"step\": 0, \"loss\": 1}\n");
    follow(&stage, &path, Kind::Metrics).await;
    let id = source(&stage).await.id;
    assert!(!stage.call(FollowSource { source: id, follow: false }).await.watched);
    append(&path, b"{\"step\": 1, \"loss\": 0.5}\n");
    // Longer than a followed log takes to be heard of.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(points(&stage).await, 1, "nobody follows it");
    assert!(!read_on(&stage).await.watched, "a reading leaves it as it is");
    assert_eq!(points(&stage).await, 2);
    append(&path, b"{\"step\": 2, \"loss\": 0.4}\n");
    assert!(stage.call(FollowSource { source: id, follow: true }).await.watched);
    stage.until("what came meanwhile", async |stage| (points(stage).await == 3).then_some(())).await;
    grows(&stage, "followed again", 1, || append(&path, b"{\"step\": 3, \"loss\": 0.3}\n")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_says_where_its_runs_stand_and_what_is_called_as_its_project_is_the_projects() {
    let stage = Stage::new().await;
    stage.write("work/rows.csv", "a\n1\n");
    let project = stage.create("work", ProjectFile { name: "work".to_owned(), ..ProjectFile::default() }).await;
    let add = async |path: &str, project| {
        let path = stage.write(path, "step,loss\n0,1.5\n").to_string_lossy().into_owned();
        let job = stage.call(AddSource { path, kind: Some(Kind::Metrics), project, once: true }).await;
        let told = stage.done(job).await.message;
        // Nobody knows yet whether it is over, and nobody reads it again unasked.
        let told = told.strip_suffix("; it may still be written: `slipway source read` reads on");
        told.expect("it was written just now").to_owned()
    };
    assert_eq!(add("work/trial/metrics.csv", Some(project)).await, "1 run and 1 point read into work");
    let own = stage.call(ListExperiments::default()).await.into_iter().find(|one| one.is_own).unwrap();
    assert_eq!((own.name.as_str(), own.runs), ("work", 1));
    // The newest of its runs is a change of it, too, even where it came within the same millisecond.
    let newest = runs(&stage).await.remove(0).created_ms;
    assert!(own.newest_run_ms == Some(newest) && own.changed_ms() >= Some(newest), "{own:?}");
    assert_eq!(add("other/work/trial/metrics.csv", None).await, "1 run and 1 point read into other/work");
    assert_eq!(add("there/other/work/trial/metrics.csv", None).await, "1 run and 1 point read into other/work 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_log_is_added_as_what_it_is() {
    let stage = Stage::new().await;
    stage.write("p/rows.csv", "a\n1\n");
    let project = stage.create("p", ProjectFile { name: "P".to_owned(), ..ProjectFile::default() }).await;
    let path = stage.write("log.jsonl", "{\"step\": 0, \"loss\": 1}\n").to_string_lossy().into_owned();
    let add = |kind, project, once| AddSource { path: path.clone(), kind: Some(kind), project, once };
    let job = stage.call(add(Kind::Metrics, None, true)).await;
    stage.done(job).await;
    let other = stage.try_call(add(Kind::DvcLive, None, true)).await.unwrap_err();
    assert!(other.code == ErrorCode::Conflict && other.message.contains("as another tool's log"), "{other:?}");
    let elsewhere = stage.try_call(add(Kind::Metrics, Some(project), true)).await.unwrap_err();
    assert!(elsewhere.hint.is_some_and(|hint| hint.contains("experiment move")));
    assert!(!source(&stage).await.watched);
    let job = stage.call(add(Kind::Metrics, None, false)).await;
    stage.done(job).await;
    assert!(source(&stage).await.watched && points(&stage).await == 1, "followed now, and nothing twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn event_files_are_tailed_and_what_stays_cut_off_is_said() {
    let stage = Stage::new().await;
    let whole = events(&stage, 8);
    let cut = whole.len() - 10;
    let path = stage.path("runs/a/events.out.tfevents.1700000000.host");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, &whole[..cut / 2]).unwrap();
    follow(&stage, &stage.path("runs"), Kind::TensorBoard).await;
    let first = points(&stage).await;
    assert!((1..7).contains(&first), "{first}");
    grows(&stage, "the next events", 7 - first, || append(&path, &whole[cut / 2..cut])).await;
    assert_eq!((runs(&stage).await[0].state, source(&stage).await.warned), (RunState::Running, 0));
    // Its writer died within a record.
    age(&path);
    let read = read_on(&stage).await;
    assert!(read.warnings[0].message.contains("cut off") && read.error.is_none(), "{read:?}");
    assert_eq!(runs(&stage).await[0].state, RunState::Finished);
    // And was only slow.
    grows(&stage, "the last event", 1, || append(&path, &whole[cut..])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_that_grow_are_followed() {
    let stage = Stage::new().await;
    let folder = stage.path("dvclive");
    copy(&fixture("foreign/tests/fixtures/dvclive"), &folder);
    follow(&stage, &folder, Kind::DvcLive).await;
    let table = folder.join("plots/metrics/gap.tsv");
    grows(&stage, "DVCLive's rows", 2, || append(&table, b"4\t0.5\n5\t0.25\n")).await;

    let stage = Stage::new().await;
    let folder = stage.path("mlruns");
    copy(&fixture("foreign/tests/fixtures/mlruns"), &folder);
    follow(&stage, &folder, Kind::MlflowFiles).await;
    let metric = crate::sources::metric_file(&folder);
    grows(&stage, "MLflow's lines", 1, || append(&metric, b"1999999999999 0.125 987654\n")).await;

    let stage = Stage::new().await;
    let folder = stage.path("wandb");
    copy(&fixture("foreign/tests/fixtures/wandb"), &folder);
    let log = folder.join("offline-run-20231114_221320-demo0001/run-demo0001.wandb");
    let whole = fs::read(&log).unwrap();
    // Within the rows of history.
    fs::write(&log, &whole[..whole.len() / 2]).unwrap();
    follow(&stage, &folder, Kind::Wandb).await;
    let first = points(&stage).await;
    let all = {
        let other = Stage::new().await;
        let folder = other.path("wandb");
        copy(&fixture("foreign/tests/fixtures/wandb"), &folder);
        follow(&other, &folder, Kind::Wandb).await;
        points(&other).await
    };
    assert!(first < all, "{first} of {all}");
    grows(&stage, "W&B's records", all - first, || append(&log, &whole[whole.len() / 2..])).await;
    let run = runs(&stage).await.remove(0);
    assert_eq!((run.state, source(&stage).await.error), (RunState::Finished, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_is_cancelled_goes_on_where_it_was() {
    let stage = Stage::new().await;
    let (folder, whole) = (stage.path("runs"), events(&stage, 30_000));
    for run in 0..12 {
        let path = folder.join(format!("{run:02}")).join("events.out.tfevents.1700000000.host");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &whole).unwrap();
    }
    let path = folder.to_string_lossy().into_owned();
    let add = AddSource { path, kind: Some(Kind::TensorBoard), project: None, once: true };
    let job = stage.call(add).await;
    stage.until("the first points", async |stage| (points(stage).await > 0).then_some(())).await;
    stage.call(CancelJob { job: job.id }).await;
    stage.over(job).await;
    let before = points(&stage).await;
    let id = source(&stage).await.id;
    let row = stage.engine.store().read(move |c| store::source::get(c, id)).await.unwrap().unwrap();
    assert!(row.is_whole && !row.mark.is_null(), "{before} points are committed, and none is read again");
    let job = stage.call(ReadSource { source: id }).await;
    let job = stage.done(job).await;
    assert_eq!(points(&stage).await, 360_000, "{before} before it: {}", job.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_made_anew_is_followed_on() {
    let stage = Stage::new().await;
    let whole = events(&stage, 8);
    let (half, folder) = (whole.len() / 2, stage.path("runs"));
    let write = |run: &str, bytes: &[u8]| {
        let path = folder.join(run).join("events.out.tfevents.1700000000.host");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    };
    write("a", &whole);
    follow(&stage, &folder, Kind::TensorBoard).await;
    fs::remove_dir_all(&folder).unwrap();
    let path = write("b", &whole[..half]);
    stage.until("the run in the new folder", async |stage| (points(stage).await > 8).then_some(())).await;
    // Once it is heard of again, which is seen to every ten seconds.
    tokio::time::sleep(Duration::from_secs(20)).await;
    append(&path, &whole[half..]);
    stage.until("what came then", async |stage| (points(stage).await == 16).then_some(())).await;
    assert_eq!(source(&stage).await.error, None);
}

/// A network mount tells nothing: each kind of place that is looked at, a folder, a file, a database.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_on_a_network_mount_is_looked_at() {
    let stage = Stage::on_the_network().await;
    let folder = stage.path("mlruns");
    copy(&fixture("foreign/tests/fixtures/mlruns"), &folder);
    follow(&stage, &folder, Kind::MlflowFiles).await;
    let metric = crate::sources::metric_file(&folder);
    // Twice within a second.
    grows(&stage, "MLflow's line", 1, || append(&metric, b"1999999999999 0.125 987654\n")).await;
    grows(&stage, "MLflow's next line", 1, || append(&metric, b"1999999999999 0.125 987655\n")).await;

    let stage = Stage::on_the_network().await;
    let path = stage.write("metrics.csv", "step,loss\n0,1.5\n");
    follow(&stage, &path, Kind::Metrics).await;
    grows(&stage, "a row", 1, || append(&path, b"1,1.25\n")).await;
    // What is not changed is not read: longer than it is looked at again.
    let read = async || source(&stage).await.read_ms;
    tokio::time::sleep(Duration::from_secs(4)).await;
    let first = read().await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(read().await, first);
    // Forgotten, it is looked at no more.
    let removed = stage.call(RemoveSource { source: source(&stage).await.id, keep_runs: true }).await;
    let before = points(&stage).await;
    append(&path, b"2,1.0\n");
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(points(&stage).await, before);
    stage.call(RestoreSource { path: removed.path }).await;
    stage.until("what came meanwhile", async |stage| (points(stage).await == before + 1).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_followed_is_not_read_for_being_read() {
    let stage = Stage::new().await;
    let path = stage.write("metrics.csv", "step,loss\n0,1.5\n");
    follow(&stage, &path, Kind::Metrics).await;
    let first = source(&stage).await.read_ms;
    // Longer than the quiet after which what was heard is acted on: nothing must come, so there is no event to wait for.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(source(&stage).await.read_ms, first);
}

/// A link to a large folder would have all of that watched.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_link_in_a_log_leads_to_is_not_heard_of() {
    let stage = Stage::new().await;
    let (folder, elsewhere, link) = (stage.path("runs"), stage.path("elsewhere"), stage.path("link"));
    let whole = events(&stage, 8);
    let path = folder.join("a/events.out.tfevents.1700000000.host");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, folder.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(&folder, &link).unwrap();
    follow(&stage, &link, Kind::TensorBoard).await;
    let first = source(&stage).await.read_ms;
    fs::write(elsewhere.join("x"), "x").unwrap();
    // As above.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(source(&stage).await.read_ms, first);
    // The log's own folder is heard of behind a link, too.
    let rest = 8 - points(&stage).await;
    grows(&stage, "the next events", rest, || append(&path, &whole[whole.len() / 2..])).await;
}

fn git(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command.current_dir(folder).args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]).args(arguments);
    command.env("GIT_CONFIG_GLOBAL", "").env("GIT_CONFIG_NOSYSTEM", "1");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_commit_of_a_pipeline_is_a_run() {
    let stage = Stage::new().await;
    let yaml = "stages:\n  train:\n    cmd: python train.py\n    params: [lr]\n    metrics:\n    - metrics.json:\n        cache: false\n";
    let commit = |acc: &str, lr: &str, message: &str| {
        stage.write("pipeline/dvc.yaml", yaml);
        stage.write("pipeline/params.yaml", &format!("lr: {lr}\n"));
        let path = stage.write("pipeline/metrics.json", &format!("{{\"acc\": {acc}}}"));
        let folder = path.parent().unwrap();
        git(folder, &["add", "-A"]);
        git(folder, &["commit", "-q", "-m", message]);
    };
    fs::create_dir_all(stage.path("pipeline")).unwrap();
    git(&stage.path("pipeline"), &["init", "-q", "-b", "main"]);
    commit("0.5", "0.1", "First");
    commit("0.75", "0.2", "Second");
    follow(&stage, &stage.path("pipeline/dvc.yaml"), Kind::Dvc).await;
    let told = runs(&stage).await;
    let said = |run: &Run| (run.notes.clone(), run.params["lr"].clone(), run.metrics[0].last, run.code.is_some());
    let mut told: Vec<_> = told.iter().map(said).collect();
    told.sort_by(|left, right| left.0.cmp(&right.0));
    let expect = |notes: &str, lr: &str, acc| (notes.to_owned(), lr.to_owned(), acc, true);
    assert_eq!(told, [expect("First", "0.1", 0.5), expect("Second", "0.2", 0.75)]);
    // A commit that is made while it is followed.
    grows(&stage, "the third commit", 1, || commit("0.875", "0.3", "Third")).await;
    // Its branch stands there now, and at no other.
    let branches = async |stage: &Stage| {
        let at = |run: Run| run.tags.get("git.branch").map(|branch| (run.notes.clone(), branch.clone()));
        let found: Vec<_> = runs(stage).await.into_iter().filter_map(at).collect();
        (found == [("Third".to_owned(), "main".to_owned())]).then_some(())
    };
    stage.until("the branch at the third commit", branches).await;
    let warned = source(&stage).await;
    assert!(warned.error.is_none() && warned.warned == 0, "{warned:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workspace_and_the_experiments_of_a_pipeline_are_followed() {
    let stage = Stage::new().await;
    let yaml = "stages:\n  train:\n    cmd: x\n    params: [lr]\n    metrics: [{out/metrics.json: {cache: false}}]\n";
    stage.write("pipeline/dvc.yaml", yaml);
    stage.write("pipeline/params.yaml", "lr: 0.1\n");
    let folder = stage.path("pipeline");
    git(&folder, &["init", "-q", "-b", "main"]);
    let commit = |message: &str| {
        git(&folder, &["add", "-A"]);
        git(&folder, &["commit", "-q", "-m", message]);
    };
    commit("First");
    follow(&stage, &folder.join("dvc.yaml"), Kind::Dvc).await;
    assert_eq!(runs(&stage).await.len(), 1, "nothing differs from what is committed");
    let until = async |what: &str, name: &str, holds: &dyn Fn(&Run) -> bool| {
        let ask = async |stage: &Stage| runs(stage).await.into_iter().find(|run| run.name == name && holds(run));
        stage.until(what, ask).await
    };
    let acc = |run: &Run| run.metrics.iter().map(|metric| (metric.count, metric.last)).collect::<Vec<_>>();
    // Another param, then metrics in a folder that is made only now, and again others there: each takes the place of
    // what was.
    stage.write("pipeline/params.yaml", "lr: 0.2\n");
    let first = until("the param", "workspace", &|run| run.params.get("lr").is_some_and(|lr| lr == "0.2")).await;
    assert!(first.code.is_some_and(|code| code.dirty && code.branch.as_deref() == Some("main")));
    stage.write("pipeline/out/metrics.json", "{\"acc\": 0.5}");
    until("the metrics", "workspace", &|run| acc(run) == [(1, 0.5)]).await;
    stage.write("pipeline/out/metrics.json", "{\"acc\": 0.25}");
    let last = until("other metrics", "workspace", &|run| acc(run) == [(1, 0.25)]).await;
    assert_eq!(last.id, first.id);
    // Committed, it is the commit's.
    commit("Second");
    until("the clean workspace", "workspace", &|run| run.params.is_empty() && run.metrics.is_empty()).await;
    let told = runs(&stage).await;
    assert!(told.iter().any(|run| run.notes == "Second" && acc(run) == [(1, 0.25)]), "{told:?}");
    // An experiment, whose commit no branch has.
    let written = |arguments: &[&str]| {
        let output = Command::new("git").current_dir(&folder).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let base = written(&["rev-parse", "HEAD"]);
    git(&folder, &["checkout", "-q", "--detach"]);
    stage.write("pipeline/out/metrics.json", "{\"acc\": 0.75}");
    commit("dvc: commit experiment");
    git(&folder, &["update-ref", &format!("refs/exps/{}/{}/puffy-daks", &base[..2], &base[2..]), "HEAD"]);
    git(&folder, &["checkout", "-q", "main"]);
    let tried = until("the experiment", "puffy-daks", &|run| acc(run) == [(1, 0.75)]).await;
    assert_eq!(tried.tags.get("dvc.baseline").map(String::as_str), Some(&base[..7]));
    let source = source(&stage).await;
    assert!(source.error.is_none() && source.warned == 0, "{source:?}");
}

/// MLflow's database, copied, and a connection that writes to it as its server does.
fn database(stage: &Stage) -> (PathBuf, rusqlite::Connection) {
    let path = stage.path("mlflow.db");
    fs::copy(fixture("store/tests/fixtures/mlflow.db"), &path).unwrap();
    let writer = rusqlite::Connection::open(&path).unwrap();
    (path, writer)
}

/// A point more of the first series, as MLflow's server enters it.
const POINT: &str = "INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)
    SELECT key, 0.125, 1999999999999, run_uuid, 987654, 0 FROM metrics ORDER BY rowid LIMIT 1";

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_its_writer_keeps_locked_is_waited_for() {
    let stage = Stage::new().await;
    let (path, writer) = database(&stage);
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // Locked before anything was read: said, and no failure.
    follow(&stage, &path, Kind::MlflowDb).await;
    let waits = source(&stage).await.error.unwrap();
    assert_eq!(waits.code, api::ErrorCode::Busy);
    assert!(waits.message.contains("is locked by a program that writes to it"), "{waits:?}");
    writer.execute_batch("COMMIT").unwrap();
    // It is read by itself once that is over, though nothing of the file changed.
    stage.until("the database is read", async |stage| source(stage).await.error.is_none().then_some(())).await;
    let first = points(&stage).await;
    assert!(first > 0);
    // What was read stays while it is locked again, and what was added comes after.
    writer.execute_batch(&format!("BEGIN EXCLUSIVE; {POINT}")).unwrap();
    let locked = read_on(&stage).await;
    assert!(locked.error.is_some() && points(&stage).await == first, "{locked:?}");
    grows(&stage, "the point", 1, || writer.execute_batch("COMMIT").unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_rows_are_numbered_anew_loses_no_point() {
    let stage = Stage::new().await;
    let (path, writer) = database(&stage);
    follow(&stage, &path, Kind::MlflowDb).await;
    let first = points(&stage).await;
    // As `mlflow gc` leaves it, and a client that logs on: the number of the last row is given again.
    let last = "DELETE FROM metrics WHERE rowid = (SELECT max(rowid) FROM metrics)";
    writer.execute_batch(&format!("BEGIN; {last}; {POINT}; COMMIT")).unwrap();
    read_on(&stage).await;
    assert_eq!(points(&stage).await, first + 1);
    // A run that goes on and of which nothing changed is not told again.
    let job = stage.call(ReadSource { source: source(&stage).await.id }).await;
    let read = stage.done(job).await;
    assert!(read.message.starts_with("0 runs and 0 points"), "{}", read.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_written_anew_replace_those_before() {
    let stage = Stage::new().await;
    let path = stage.write("metrics.csv", "loss\n0.5\n0.25\n");
    let shown = path.to_string_lossy().into_owned();
    let job = stage.call(AddSource { path: shown, kind: Some(Kind::Metrics), project: None, once: true }).await;
    stage.done(job).await;
    assert_eq!(points(&stage).await, 2);
    fs::write(&path, "").unwrap();
    read_on(&stage).await;
    assert_eq!(points(&stage).await, 2, "what was read stays until there is something else");
    fs::write(&path, "loss\n0.75\n0.625\n0.5\n").unwrap();
    read_on(&stage).await;
    assert_eq!(points(&stage).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_reading_lets_it_end() {
    let stage = Stage::new().await;
    let (path, writer) = database(&stage);
    // That it is locked is known after two seconds: each reading lasts so long.
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let path = path.to_string_lossy().into_owned();
    let add = AddSource { path, kind: Some(Kind::MlflowDb), project: None, once: true };
    let first = stage.call(add).await;
    let id = source(&stage).await.id;
    let second = stage.call(ReadSource { source: id }).await;
    let wait = async { (stage.done(first).await, stage.done(second).await) };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("both have read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_with_a_log_of_its_writes_is_read_while_it_is_written() {
    let stage = Stage::new().await;
    let (path, writer) = database(&stage);
    writer.pragma_update(None, "journal_mode", "wal").unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    follow(&stage, &path, Kind::MlflowDb).await;
    let first = points(&stage).await;
    assert!(first > 0 && source(&stage).await.error.is_none());
    grows(&stage, "the point", 1, || writer.execute_batch(&format!("{POINT}; COMMIT")).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_of_runs_that_are_over_comes_too() {
    let stage = Stage::new().await;
    let (path, writer) = database(&stage);
    follow(&stage, &path, Kind::MlflowDb).await;
    let named = async |name: &str| runs(&stage).await.into_iter().find(|run| run.name == name);
    let until = async |what: &str, holds: &dyn Fn(&Run) -> bool, name: &str| {
        let ask = async |_: &Stage| named(name).await.filter(|run| holds(run));
        stage.until(what, ask).await
    };
    let first = named("first").await.unwrap();
    let change = |sql: &str| writer.execute_batch(sql).unwrap();
    let id = "(SELECT run_uuid FROM runs WHERE rowid = 1)";
    change(&format!("INSERT INTO tags (key, value, run_uuid) VALUES ('late', 'yes', {id})"));
    until("the tag", &|run| run.tags.get("late").is_some_and(|value| value == "yes"), "first").await;
    change("UPDATE runs SET name = 'renamed' WHERE rowid = 1");
    until("the name", &|run| run.id == first.id, "renamed").await;
    // Deleted and restored there, it is so here.
    change("UPDATE runs SET lifecycle_stage = 'deleted' WHERE rowid = 1");
    stage.until("the deletion", async |_| named("renamed").await.is_none().then_some(())).await;
    change("UPDATE runs SET lifecycle_stage = 'active' WHERE rowid = 1");
    until("the restored run", &|run| run.deleted_ms.is_none(), "renamed").await;
    // A run that is resumed has the end of the first time until it ends again.
    change("UPDATE runs SET status = 'RUNNING' WHERE rowid = 1");
    until("the resumed run", &|run| run.state == RunState::Running, "renamed").await;
    change("UPDATE runs SET status = 'FINISHED', end_time = end_time + 1000 WHERE rowid = 1");
    until("its end", &|run| run.state == RunState::Finished, "renamed").await;
    // A name that a person gives here stays, whatever it is called there.
    stage.call(EditRun { run: first.id, name: Some("mine".to_owned()), notes: None, tags: Default::default() }).await;
    change("UPDATE runs SET name = 'theirs' WHERE rowid = 1");
    read_on(&stage).await;
    assert_eq!(named("mine").await.unwrap().id, first.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_chose_of_a_run_stays() {
    let stage = Stage::new().await;
    let (path, writer) = database(&stage);
    let change = |sql: &str| writer.execute_batch(sql).unwrap();
    let id = "(SELECT run_uuid FROM runs WHERE rowid = 1)";
    change("UPDATE runs SET status = 'RUNNING', end_time = NULL WHERE rowid = 1");
    change(&format!(
        "INSERT INTO tags (key, value, run_uuid) VALUES ('moved', 'a', {id}), ('gone', 'a', {id}), ('own', 'a', {id})"
    ));
    follow(&stage, &path, Kind::MlflowDb).await;
    let run = runs(&stage).await.into_iter().find(|run| run.tags.contains_key("moved")).unwrap().id;
    let now = async || stage.call(GetRun { run }).await;
    let tags = [("moved", Some("mine")), ("gone", None)];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.map(ToOwned::to_owned)));
    stage.call(EditRun { run, name: None, notes: Some("Mine.".to_owned()), tags: tags.into() }).await;
    stage.call(MarkEnded { run, ending: Ending::Failed }).await;
    // Its log goes on: with a tag of its own, and with other values of those.
    change(&format!("INSERT INTO tags (key, value, run_uuid) VALUES ('late', 'yes', {id})"));
    change(&format!("UPDATE tags SET value = 'b' WHERE key IN ('moved', 'gone', 'own') AND run_uuid = {id}"));
    read_on(&stage).await;
    let told = now().await;
    let of = |key: &str| told.tags.get(key).map(String::as_str);
    assert_eq!([of("moved"), of("gone"), of("own"), of("late")], [Some("mine"), None, Some("b"), Some("yes")]);
    assert_eq!((told.notes.as_str(), told.state), ("Mine.", RunState::Failed));
    // What it says of its end is its own word.
    change("UPDATE runs SET status = 'FINISHED', end_time = start_time + 1000 WHERE rowid = 1");
    read_on(&stage).await;
    assert_eq!(now().await.state, RunState::Finished);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_does_not_say_which_folder_of_this_machine_is_read() {
    let stage = Stage::new().await;
    let (path, writer) = database(&stage);
    let secret = stage.path("secret");
    fs::create_dir_all(&secret).unwrap();
    fs::write(secret.join("key.txt"), "private").unwrap();
    let ids: Vec<String> = writer
        .prepare("SELECT run_uuid FROM runs ORDER BY rowid")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let own = stage.path("store").join(&ids[0]).join("artifacts");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("model.bin"), "weights").unwrap();
    let mut places = vec![own, secret.clone()];
    // A link in a folder of the right name leads to the same place.
    #[cfg(unix)]
    {
        let link = stage.path("store").join(&ids[2]).join("artifacts");
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&secret, &link).unwrap();
        places.push(link);
    }
    for (id, place) in ids.iter().zip(&places) {
        let values = rusqlite::params![place.to_string_lossy(), id];
        let sql = "UPDATE runs SET artifact_uri = ?1, lifecycle_stage = 'active' WHERE run_uuid = ?2";
        writer.execute(sql, values).unwrap();
    }
    follow(&stage, &path, Kind::MlflowDb).await;
    let mut found = Vec::new();
    for run in runs(&stage).await {
        found.extend(stage.call(ListArtifacts { run: run.id }).await.into_iter().map(|artifact| artifact.path));
    }
    assert_eq!(found, ["artifacts/model.bin"]);
    let warnings = source(&stage).await.warnings;
    assert_eq!(warnings.len(), places.len() - 1, "{warnings:?}");
    assert!(warnings[0].message.contains("is no folder") && warnings[0].message.contains("secret"), "{warnings:?}");
}

async fn in_a_project(stage: &Stage) -> api::ProjectId {
    stage.write("p/rows.csv", "a\n1\n");
    stage.create("p", ProjectFile { name: "P".to_owned(), ..ProjectFile::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_rests_while_its_project_is_forgotten_and_goes_on_with_it() {
    let stage = Stage::new().await;
    let project = in_a_project(&stage).await;
    let path = stage.write("log.jsonl", "{\"step\": 0, \"loss\": 1}\n");
    let shown = path.to_string_lossy().into_owned();
    let add = || AddSource { path: shown.clone(), kind: Some(Kind::Metrics), project: Some(project), once: false };
    let job = stage.call(add()).await;
    stage.done(job).await;
    let id = source(&stage).await.id;
    let row = async || stage.engine.store().read(move |c| store::source::get(c, id)).await.unwrap().unwrap();

    stage.call(DeleteProject { project }).await;
    let before = row().await;
    append(&path, b"{\"step\": 1, \"loss\": 0.5}\n");
    // Longer than a followed log takes to be heard of.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(row().await, before, "nobody reads it");
    assert!(stage.call(ListSources {}).await.is_empty());
    let refused = [
        stage.try_call(ReadSource { source: id }).await.unwrap_err(),
        stage.try_call(RemoveSource { source: id, keep_runs: false }).await.unwrap_err(),
        stage.try_call(AddSource { project: None, ..add() }).await.unwrap_err(),
    ];
    for refused in refused {
        assert!(refused.code == ErrorCode::Conflict && refused.hint.unwrap().contains("slipway project restore"));
    }

    stage.call(RestoreProject { project }).await;
    stage.until("what came meanwhile", async |stage| (points(stage).await == 2).then_some(())).await;
    grows(&stage, "followed again", 1, || append(&path, b"{\"step\": 2, \"loss\": 0.4}\n")).await;

    // For good the project takes what came of the log; a person says whether the log is followed again.
    stage.call(DeleteProject { project }).await;
    stage.call(PurgeProject { project }).await;
    let left = source(&stage).await;
    assert_eq!((left.id, left.project, left.watched), (id, None, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_a_log_adds_to_an_experiment_of_a_forgotten_project_come_back_with_it() {
    let stage = Stage::new().await;
    let project = in_a_project(&stage).await;
    let whole = events(&stage, 8);
    let write = |run: &str| {
        let path = stage.path("runs").join(run).join("events.out.tfevents.1700000000.host");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &whole).unwrap();
    };
    write("a");
    let path = stage.path("runs").to_string_lossy().into_owned();
    let job = stage.call(AddSource { path, kind: Some(Kind::TensorBoard), project: None, once: true }).await;
    stage.done(job).await;
    let experiment = runs(&stage).await.remove(0).experiment;
    stage.call(MoveExperiment { experiment, to: Some(project) }).await;
    stage.call(DeleteProject { project }).await;
    write("b");
    let id = read_on(&stage).await.id;
    let deleted = stage.engine.store().read(move |c| {
        let all = store::source::runs(c, id)?;
        assert_eq!((all.len(), store::source::live_runs(c, id)?.len()), (2, 0));
        store::experiment::get(c, experiment)
    });
    assert!(deleted.await.unwrap().unwrap().deleted_ms.is_some());
    stage.call(RestoreProject { project }).await;
    assert_eq!(runs(&stage).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_refused_without_its_project_stays_forgotten_until_somebody_asks_again() {
    let stage = Stage::new().await;
    let project = in_a_project(&stage).await;
    let path = stage.write("log.jsonl", "{\"step\": 0, \"loss\": 1}\n").to_string_lossy().into_owned();
    let add = AddSource { path: path.clone(), kind: Some(Kind::Metrics), project: Some(project), once: true };
    let job = stage.call(add).await;
    stage.done(job).await;
    let id = source(&stage).await.id;
    stage.call(RemoveSource { source: id, keep_runs: false }).await;
    stage.call(DeleteProject { project }).await;
    assert!(stage.call(ListDeletedSources {}).await.is_empty(), "what can't be brought back is not offered");
    let restore = RestoreSource { path };
    let refused = stage.try_call(restore.clone()).await.unwrap_err();
    assert!(refused.code == ErrorCode::Conflict && refused.hint.unwrap().contains("slipway project restore"));
    assert_eq!(stage.engine.store().read(store::source::returning).await.unwrap(), Vec::new());
    stage.call(RestoreProject { project }).await;
    assert!(stage.call(ListSources {}).await.is_empty(), "it waits to be asked for");
    assert_eq!(stage.call(ListDeletedSources {}).await.len(), 1);
    stage.call(restore).await;
    assert_eq!(points(&stage).await, 1);
}
