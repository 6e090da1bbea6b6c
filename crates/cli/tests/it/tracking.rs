use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::program::{Place, said};

/// MLflow's client, as far as a test needs one: it needs no token where tracking is open.
pub(crate) struct Client {
    port: u16,
}

impl Client {
    pub(crate) fn of(place: &Place) -> Self {
        Self::told(place, &["tracking"])
    }

    /// The same, of the address that another command tells.
    pub(crate) fn told(place: &Place, by: &[&str]) -> Self {
        place.json(&["settings", "set", "tracking_open=true"]);
        let tracking = place.json(by);
        assert_eq!(tracking["open"], true);
        Self { port: tracking["port"].as_u64().unwrap().try_into().unwrap() }
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let head = format!(
            "POST /api/2.0/mlflow/{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            self.port,
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap_or(Value::Null)
    }

    /// A finished run of an experiment, with a param and a series that falls from `loss`.
    pub(crate) fn run(&self, experiment: &Value, name: &str, lr: &str, loss: f64) -> String {
        let began = 1_700_000_000_000_i64;
        let body = json!({ "experiment_id": experiment.to_string(), "run_name": name, "start_time": began });
        let id = self.post("runs/create", &body)["run"]["info"]["run_id"].as_str().unwrap().to_owned();
        let metric = |step: i64| {
            let value = loss / (step + 1) as f64;
            json!({ "key": "loss", "value": value, "timestamp": began + 1000 * (step + 1), "step": step })
        };
        let metrics: Vec<Value> = (0..4).map(metric).collect();
        let params = json!([{ "key": "lr", "value": lr }, { "key": "model", "value": "mlp" }]);
        self.post("runs/log-batch", &json!({ "run_id": id, "params": params, "metrics": metrics }));
        self.post("runs/update", &json!({ "run_id": id, "status": "FINISHED", "end_time": began + 5000 }));
        id
    }
}

pub(crate) fn names(rows: &Value, key: &str) -> Vec<String> {
    rows.as_array().unwrap().iter().map(|row| row[key].as_str().unwrap().to_owned()).collect()
}

fn runs(place: &Place, arguments: &[&str]) -> Vec<String> {
    let mut names = names(&place.json(&[&["run", "list"], arguments].concat())["rows"], "name");
    names.sort();
    names
}

/// A program of a user's that begins a run over a connection which it keeps.
#[cfg(target_os = "linux")]
const PROGRAM: &str = r#"
exec 3<>/dev/tcp/127.0.0.1/$1
body='{"experiment_id": "0", "run_name": "plain"}'
head='POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: 127.0.0.1:%s\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n'
printf "$head" "$1" "${#body}" >&3
printf '%s' "$body" >&3
while :; do :; done & burner=$!
read -r _
kill $burner"#;

#[test]
#[cfg(target_os = "linux")]
fn a_program_that_only_logs_is_measured_with_all_that_it_started() {
    let place = Place::new();
    let client = Client::of(&place);
    // Begun before: it is over by the time at which the other is measured.
    client.run(&json!(0), "short", "0.1", 4.0);
    let mut program = std::process::Command::new("bash");
    program.args(["-c", PROGRAM, "bash", &client.port.to_string()]).stdin(std::process::Stdio::piped());
    let mut program = program.spawn().unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(120);
    let run = loop {
        let run = place.json(&[
            "run",
            "list",
            "--experiment",
            "Default",
            "--filter",
            "name = 'plain' and metric.\"system/cpu\" > 0",
        ]);
        if run["total"] == 1 {
            break place.json(&["run", "show", "plain"]);
        }
        assert!(std::time::Instant::now() < until, "{}", place.json(&["run", "show", "plain"]));
        std::thread::sleep(std::time::Duration::from_millis(200));
    };
    drop(program.stdin.take());
    program.wait().unwrap();
    let last = |key: &str| {
        let metric = run["metrics"].as_array().unwrap().iter().find(|metric| metric["key"] == key);
        metric.unwrap_or_else(|| panic!("no {key} in {run}"))["max"].as_f64().unwrap()
    };
    assert!(last("system/cpu") > 5.0 && last("system/memory_bytes") > 1e6 && last("system/cpu_seconds") > 0.1, "{run}");
    for part in ["machine.cpu", "machine.gpu", "machine.memory"] {
        assert!(run["environment"][part].as_str().is_some_and(|fact| !fact.is_empty()), "{part}: {run}");
    }
    let shown =
        |more: &[&str]| String::from_utf8(place.run(&[&["run", "show", "plain"], more].concat()).stdout).unwrap();
    assert!(!shown(&[]).contains("system/cpu") && shown(&[]).contains("--system"), "{}", shown(&[]));
    assert!(shown(&["--system"]).contains("system/cpu_seconds"));
    let short = place.json(&["run", "show", "short"]);
    assert!(!short.to_string().contains("system/") && short["environment"] == json!({}), "{short}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_meter_ends_with_its_process_and_knows_it_from_another_of_its_number() {
    let place = Place::new();
    let mut program = std::process::Command::new("sleep").arg("5").spawn().unwrap();
    let pid = program.id();
    let waiter = std::thread::spawn(move || program.wait());
    let folder = place.path().to_str().unwrap();
    let started_ms = engine::process::started_ms(pid).unwrap();
    let told = |started_ms: i64| {
        let output = place.run(&["meter", &pid.to_string(), &started_ms.to_string(), folder]);
        assert!(output.status.success(), "{}", said(&output));
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let another = told(started_ms - 60_000);
    assert_eq!(names(&json!(another), "told"), ["machine"]);
    let all = told(started_ms);
    assert!(all.len() > 1 && all[1]["values"]["system/memory_bytes"].as_f64().unwrap() > 0.0, "{all:?}");
    waiter.join().unwrap().unwrap();
}

#[test]
fn what_a_client_calls_its_run_steers_no_terminal() {
    let place = Place::new();
    let client = Client::of(&place);
    let run = client.run(&json!(0), "plain", "0.1", 4.0);
    let child = client.run(&json!(0), "child", "0.1", 4.0);
    let name = "\u{1b}[31mEVIL\u{1b}]0;t\u{7}\u{202e}\nstate  finished";
    client.post("runs/update", &json!({ "run_id": run, "run_name": name }));
    client.post("runs/set-tag", &json!({ "run_id": child, "key": "mlflow.parentRunId", "value": run }));
    for arguments in [&["run", "show", &*run][..], &["run", "show", &*child], &["open", "--run", &*run]] {
        let said = String::from_utf8(place.run(arguments).stdout).unwrap();
        assert!(said.contains("EVIL") && !said.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{arguments:?}: {said:?}");
        assert!(arguments[0] == "open" || !said.contains("\nstate  finished"), "{arguments:?}: {said:?}");
    }
    assert_eq!(place.json(&["run", "show", &run])["name"], name);
    // Programs get the exact bytes.
    let csv = place.run(&["run", "list", "--experiment", "Default", "--csv", "--columns", "name"]);
    assert!(String::from_utf8(csv.stdout).unwrap().contains(name));
}

#[test]
fn a_program_without_figures_is_shown_with_those_of_the_run_that_it_began_elsewhere() {
    let place = Place::with_project();
    let client = Client::of(&place);
    let output = place.run(&["exec", "--", "sh", "-c", "echo $SLIPWAY_RUN"]);
    let program = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    let shown = || String::from_utf8(place.run(&["run", "show", &program]).stdout).unwrap();
    assert!(!shown().contains("Metrics of"), "{}", shown());
    let inner = client.run(&json!(0), "inner", "0.1", 4.0);
    client.post("runs/set-tag", &json!({ "run_id": inner, "key": "mlflow.parentRunId", "value": program }));
    assert!(shown().contains("Metrics of inner, which it started:") && shown().contains("loss"), "{}", shown());
}

#[test]
fn the_address_stays_until_it_is_renewed() {
    let place = Place::new();
    let printed = place.run(&["tracking"]);
    let address = String::from_utf8(printed.stdout).unwrap();
    assert!(address.starts_with("http://slipway:") && address.lines().count() == 1, "{address}");
    assert!(place.workspace().join("host.json").exists());
    assert_eq!(place.json(&["tracking"])["address"], address.trim());
    let renewed = place.json(&["tracking", "--renew"]);
    assert_ne!(renewed["address"], address.trim());
    assert_eq!(place.json(&["tracking"]), renewed);
}

#[test]
fn an_experiment_is_made_renamed_deleted_restored_and_deleted_for_good() {
    let place = Place::new();
    let made = place.json(&["experiment", "create", "resnet", "--folder", "/vision/"]);
    assert_eq!((made["name"].as_str(), made["folder"].as_str()), (Some("resnet"), Some("vision")));
    let number = made["number"].to_string();
    place.json(&["experiment", "edit", &number, "--name", "deeper", "--notes", "No *better*."]);
    let shown = place.run(&["experiment", "edit", "deeper", "--folder", ""]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("deeper") && shown.contains("No *better*.") && !shown.contains("vision"), "{shown}");

    let shown = place.run(&["experiment", "show", &number]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("runs        0") && shown.ends_with("notes       No *better*.\n"), "{shown}");

    let edited = place.json(&["experiment", "edit", "deeper", "--tag", "team=vision", "--tag", "goal=a=b"]);
    assert_eq!((edited["tags"]["team"].as_str(), edited["tags"]["goal"].as_str()), (Some("vision"), Some("a=b")));
    let shown = place.run(&["experiment", "edit", "deeper", "--remove-tag", "team"]);
    assert!(!String::from_utf8_lossy(&shown.stdout).contains("team="), "{}", said(&shown));
    let shown = place.run(&["experiment", "show", "deeper"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.ends_with("tags        goal=a=b\nnotes       No *better*.\n"), "{shown}");
    let missing = place.run(&["experiment", "edit", "deeper", "--remove-tag", "team"]);
    let told = said(&missing);
    assert!(missing.status.code() == Some(3) && told.contains("no tag \"team\"") && told.contains("goal"), "{told}");

    let early = place.run(&["experiment", "purge", "deeper"]);
    assert!(said(&early).contains("is not deleted") && said(&early).contains("experiment delete"), "{}", said(&early));
    place.json(&["experiment", "delete", "deeper"]);
    assert_eq!(names(&place.json(&["experiment", "list"]), "name"), ["Default"]);
    assert_eq!(names(&place.json(&["experiment", "list", "--deleted"]), "name"), ["deeper"]);
    assert_eq!(place.json(&["experiment", "restore", &number])["name"], "deeper");
    place.json(&["experiment", "delete", "deeper"]);
    assert_eq!(place.json(&["experiment", "purge", "deeper"])["records"], 1);
    assert!(place.json(&["experiment", "list", "--deleted"]).as_array().unwrap().is_empty());
    assert_eq!(place.run(&["experiment", "restore", "deeper"]).status.code(), Some(3));
}

#[test]
fn runs_of_no_project_are_named_moved_deleted_and_restored() {
    let place = Place::with_project();
    place.json(&["project", "show"]);
    let client = Client::of(&place);
    let mine = place.json(&["experiment", "create", "mine"])["number"].clone();
    client.run(&mine, "first", "0.1", 4.0);
    client.run(&mine, "second", "0.2", 8.0);
    let twin = client.run(&mine, "twin", "0.3", 1.0);
    client.run(&mine, "twin", "0.3", 1.0);

    assert_eq!(runs(&place, &["--experiment", "mine"]), ["first", "second", "twin", "twin"]);
    assert_eq!(runs(&place, &["--experiment", &mine.to_string(), "--filter", "param.lr = '0.2'"]), ["second"]);
    assert!(runs(&place, &[]).is_empty(), "they are not the project's");
    place.json(&["experiment", "move", "mine", "--to", "small"]);
    assert_eq!(runs(&place, &[]), ["first", "second", "twin", "twin"]);
    let own = place.run(&["experiment", "move", "small"]);
    assert!(said(&own).contains("is the experiment of a project"), "{}", said(&own));
    place.json(&["experiment", "move", "mine"]);
    assert!(runs(&place, &[]).is_empty());
    assert_eq!(place.json(&["run", "show", "second"])["params"]["lr"], "0.2");
    assert_eq!(place.json(&["run", "show", &twin[24..]])["id"], twin);
    let unclear = place.run(&["run", "show", "twin"]);
    assert!(said(&unclear).contains("2 runs fit") && said(&unclear).contains(&twin), "{}", said(&unclear));
    assert!(
        said(&unclear).lines().filter(|line| line.contains("  mine  finished  ")).count() == 2,
        "{}",
        said(&unclear)
    );
    let misspelt = place.run(&["run", "list", "--experiment", "Mime"]);
    assert!(said(&misspelt).contains("Did you mean \"mine\"?"), "{}", said(&misspelt));
    let misspelt = place.run(&["run", "list", "--project", "Smal"]);
    assert!(said(&misspelt).contains("Did you mean \"small\"?"), "{}", said(&misspelt));

    for (arguments, said_of_it) in
        [(["--limit", "0"], "--limit 0"), (["--columns", " , "], "--columns names no column")]
    {
        for form in [&["--csv"][..], &["--json"], &[]] {
            let refused = place.run(&[&["run", "list", "--everywhere"], &arguments[..], form].concat());
            assert!(refused.status.code() == Some(2) && said(&refused).contains(said_of_it), "{}", said(&refused));
        }
    }
    let csv = |more: &[&str]| {
        let list = ["run", "list", "--everywhere", "--csv", "--columns", "name", "--sort", "name"];
        String::from_utf8(place.run(&[&list[..], more].concat()).stdout).unwrap()
    };
    assert_eq!(csv(&["--offset", "1", "--limit", "2"]), "name\r\nsecond\r\ntwin\r\n");
    assert_eq!(csv(&["--filter", "name = 'nobody'"]), "name\r\n");

    place.json(&["run", "move", "first", "--to", "small"]);
    assert_eq!(runs(&place, &[]), ["first"]);

    place.json(&["run", "delete", "second", &twin]);
    assert_eq!(runs(&place, &["--experiment", "mine"]), ["twin"]);
    assert_eq!(runs(&place, &["--experiment", "mine", "--deleted"]), ["second", "twin"]);
    let text = |arguments: &[&str]| String::from_utf8(place.run(arguments).stdout).unwrap().trim().to_owned();
    let again = text(&["run", "delete", &twin]);
    assert_eq!(again, format!("twin was deleted already.\nBack: slipway run restore {twin}"));
    let shown = text(&["run", "show", &twin]);
    assert!(shown.contains(&format!("back: slipway run restore {twin}")), "{shown}");
    place.json(&["run", "restore", "second"]);
    assert_eq!(runs(&place, &["--experiment", "mine"]), ["second", "twin"]);

    let second = place.json(&["run", "show", "second"]);
    let early = place.run(&["run", "purge", second["id"].as_str().unwrap()]);
    assert!(said(&early).contains("is not deleted") && said(&early).contains("run delete"), "{}", said(&early));
    let purged = String::from_utf8(place.run(&["run", "purge", "twin"]).stdout).unwrap();
    assert!(purged.starts_with("1 run is deleted for good; ") && purged.contains(" B in 1 record freed"), "{purged}");
    // Its points are in the database.
    assert!(purged.contains("stay with the database for what comes next"), "{purged}");
    let gone = place.run(&["run", "restore", &twin]);
    assert!(gone.status.code() == Some(3) && said(&gone).contains("deleted for good"), "{}", said(&gone));
    assert!(runs(&place, &["--experiment", "mine", "--deleted"]).is_empty());
}

#[test]
fn what_is_not_found_is_told_with_where_it_was_looked_for_and_where_to_look() {
    let place = Place::with_project();
    place.json(&["project", "show"]);
    let client = Client::of(&place);
    client.run(&json!(0), "alone", "0.1", 4.0);
    let mine = place.json(&["experiment", "create", "mine"])["number"].clone();
    let moved = client.run(&mine, "moved", "0.1", 4.0);
    place.json(&["experiment", "move", "mine", "--to", "small"]);
    let outside = |arguments: &[&str]| {
        let output = place.command(arguments).current_dir(place.path()).output().unwrap();
        (output.status.code(), said(&output))
    };
    assert_eq!(outside(&["run", "show", "alone"]).0, Some(0));
    let (code, nowhere) = outside(&["run", "show", "nope"]);
    assert_eq!(code, Some(3));
    assert!(nowhere.contains("no run \"nope\" in an experiment of no project"), "{nowhere}");
    assert!(nowhere.contains("`slipway run list --everywhere`"), "{nowhere}");
    let (_, elsewhere) = outside(&["run", "show", "moved"]);
    assert!(elsewhere.contains(&format!("One is in the experiment mine: name it by its id, {moved}")), "{elsewhere}");
    let (_, list) = outside(&["run", "list"]);
    assert!(list.contains("--everywhere") && list.contains("--experiment NAME"), "{list}");
    assert!(outside(&["run", "importance", "loss"]).1.contains("--experiment NAME"));

    for (what, name, command, hint) in [
        ("run", "alone", "purge", "Delete it first, with `slipway run delete`"),
        ("run", "alone", "restore", "Nothing is to be done"),
        ("experiment", "mine", "purge", "Delete it first, with `slipway experiment delete`"),
        ("experiment", "mine", "restore", "Nothing is to be done"),
    ] {
        let (code, there) = outside(&[what, command, name]);
        assert_eq!(code, Some(1));
        assert!(there.contains(&format!("{name} is not deleted")) && there.contains(hint), "{there}");
    }
    let trashed = place.json(&["run", "trash", "alone"])[0].clone();
    let (_, gone) = outside(&["run", "show", "alone"]);
    assert!(gone.contains(&format!("`slipway run restore {}`", trashed.as_str().unwrap())), "{gone}");
    place.json(&["experiment", "create", "brief"]);
    place.json(&["experiment", "delete", "brief"]);
    let (_, gone) = outside(&["run", "list", "--experiment", "brief"]);
    assert!(gone.contains("The experiment brief is deleted") && gone.contains("experiment restore"), "{gone}");
}

#[test]
fn a_run_whose_client_died_is_marked_as_ended() {
    let place = Place::with_project();
    place.json(&["project", "show"]);
    let client = Client::of(&place);
    for name in ["lost", "crashed"] {
        client.post("runs/create", &json!({ "experiment_id": "0", "run_name": name }));
    }
    let ended = place.run(&["run", "end", "lost"]);
    assert_eq!(String::from_utf8_lossy(&ended.stdout).trim(), "lost is marked as killed.");
    assert_eq!(place.json(&["run", "end", "crashed", "--as", "failed"])["state"], "failed");
    let again = place.run(&["run", "end", "lost"]);
    assert!(said(&again).contains("lost is over already"), "{}", said(&again));
    assert_eq!(place.run(&["run", "end", "lost", "--as", "finished"]).status.code(), Some(2));
    // A project's own experiment is called as the project is.
    let own = place.run(&["experiment", "edit", "small", "--name", "other"]);
    assert!(said(&own).contains("is the experiment of a project"), "{}", said(&own));
    assert!(said(&own).contains("Rename the project instead"), "{}", said(&own));
    let own = place.run(&["experiment", "delete", "small"]);
    assert!(said(&own).contains("`slipway project forget small`"), "{}", said(&own));
    // Whoever names no experiment logs to this one.
    let default = place.run(&["experiment", "delete", "Default"]);
    assert!(said(&default).contains("Clients that name no experiment log to it"), "{}", said(&default));
}

#[test]
fn what_differs_between_runs_is_told() {
    let place = Place::new();
    let client = Client::of(&place);
    client.run(&json!(0), "slow", "0.1", 4.0);
    client.run(&json!(0), "fast", "0.2", 8.0);
    let compared = place.json(&["run", "diff", "slow", "fast"]);
    let row = |part: &str, key: &str, values: Value| json!({ "part": part, "key": key, "values": values });
    assert_eq!(
        compared["rows"],
        json!([row("params", "lr", json!(["0.1", "0.2"])), row("metrics", "loss", json!([1.0, 2.0]))])
    );
    let all = place.json(&["run", "diff", "slow", "fast", "--all"]);
    assert!(all["rows"].as_array().unwrap().contains(&row("params", "model", json!(["mlp", "mlp"]))), "{all}");
    let shown = String::from_utf8(place.run(&["run", "diff", "slow", "fast"]).stdout).unwrap();
    let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    let told = [["part", "key", "slow", "fast"], ["params", "lr", "0.1", "0.2"], ["metrics", "loss", "1", "2"]];
    assert_eq!(lines, told, "{shown}");
    let csv = String::from_utf8(place.run(&["run", "diff", "slow", "fast", "--csv"]).stdout).unwrap();
    assert_eq!(csv, "part,key,slow,fast\r\nparams,lr,0.1,0.2\r\nmetrics,loss,1,2\r\n");
    // Nothing was measured of these.
    let with_machine = place.run(&["run", "diff", "slow", "fast", "--csv", "--system"]).stdout;
    assert_eq!(String::from_utf8(with_machine).unwrap(), csv);
    let table = String::from_utf8(place.run(&["run", "diff", "slow", "fast", "--markdown"]).stdout).unwrap();
    assert!(table.ends_with("| metrics | loss | 1 | 2 |\n"), "{table}");
    assert_eq!(place.run(&["run", "diff", "slow"]).status.code(), Some(2));
}

#[test]
fn the_importance_of_params_is_told_for_the_runs_of_a_filter() {
    let place = Place::new();
    let client = Client::of(&place);
    for at in 1..=6 {
        client.run(&json!(0), &format!("r{at}"), &format!("0.{at}"), f64::from(at));
    }
    let asked = ["run", "importance", "loss", "--experiment", "Default"];
    let found = place.json(&asked);
    assert_eq!((found["runs"].as_u64(), found["params"][0]["param"].as_str()), (Some(6), Some("lr")), "{found}");
    assert_eq!((&found["params"][0]["share"], &found["params"][0]["correlation"]), (&json!(1.0), &json!(1.0)));
    let shown = String::from_utf8(place.run(&asked).stdout).unwrap();
    assert!(shown.contains("100.0 %") && shown.contains("+1.00") && shown.contains("6 runs"), "{shown}");
    let csv = place.run(&[&asked[..], &["--csv"]].concat());
    assert_eq!(String::from_utf8_lossy(&csv.stdout), "param,importance,rank_correlation\r\nlr,1.0,1.0\r\n");
    let few = place.run(&[&asked[..], &["--filter", "param.lr > 0.3"]].concat());
    let few = String::from_utf8(few.stdout).unwrap();
    assert!(few.starts_with("3 runs have a number for this metric; 5 are needed"), "{few}");
}

#[test]
fn curves_of_runs_are_drawn_together() {
    let place = Place::new();
    let client = Client::of(&place);
    client.run(&json!(0), "slow", "0.1", 4.0);
    client.run(&json!(0), "fast", "0.2", 8.0);
    let plot = |more: &[&str]| place.run(&[&["run", "plot", "slow", "fast", "--metric", "loss"], more].concat());
    let drawn = String::from_utf8(plot(&["--width", "20", "--height", "4"]).stdout).unwrap();
    let lines: Vec<&str> = drawn.lines().collect();
    assert_eq!((lines[0], lines[1], lines[7]), ("loss", "slow", "fast"), "{drawn}");
    assert!(lines[2].starts_with("8 ┤") && lines[8].starts_with("8 ┤"), "one axis for both: {drawn}");
    let timed = String::from_utf8(plot(&["--width", "20", "--x", "time"]).stdout).unwrap();
    assert!(timed.lines().any(|line| line.trim() == "1                  4"), "{timed}");

    let points: Value = serde_json::from_slice(&plot(&["--json"]).stdout).unwrap();
    assert_eq!(names(&points, "name"), ["slow", "fast"]);
    assert_eq!(points[1]["last"], json!([8.0, 4.0, 8.0 / 3.0, 2.0]));

    let file = place.path().join("loss.svg");
    let written = plot(&["--svg", file.to_str().unwrap()]);
    assert!(written.status.success(), "{}", said(&written));
    let svg = std::fs::read_to_string(&file).unwrap();
    assert!(
        svg.starts_with("<svg") && svg.contains(">loss: slow</text>") && svg.contains(">loss: fast</text>"),
        "{svg}"
    );
    assert!(!svg.contains("class=\"s "), "a file has no style sheet");
    let missing = place.run(&["run", "plot", "slow", "--metric", "accuracy"]);
    assert_eq!(missing.status.code(), Some(3));
    assert!(said(&missing).contains("There are: loss"), "{}", said(&missing));
}

#[test]
fn a_run_without_any_series_is_not_drawn_and_told_what_it_has() {
    let place = Place::new();
    let client = Client::of(&place);
    let bare = |name: &str, params: &[&str]| {
        let begun = client.post("runs/create", &json!({ "experiment_id": "0", "run_name": name }));
        let id = begun["run"]["info"]["run_id"].as_str().unwrap().to_owned();
        let params: Vec<Value> = params.iter().map(|key| json!({ "key": key, "value": "1" })).collect();
        client.post("runs/log-batch", &json!({ "run_id": id, "params": params }));
        client.post("runs/update", &json!({ "run_id": id, "status": "FINISHED" }));
        id
    };
    let (empty, params) = (bare("empty", &[]), bare("params", &["lr", "seed"]));
    for more in [&[][..], &["--json"], &["--svg", "nothing.svg"]] {
        for (run, told) in [(&empty, "There is no metric and no param."), (&params, "There are: 2 params.")] {
            let drawn = place.run(&[&["run", "plot", run], more].concat());
            assert_eq!(drawn.status.code(), Some(3), "{more:?}");
            let said = said(&drawn);
            assert!(said.contains("The run has no series to draw.") && said.contains(told), "{said}");
            assert!(said.contains(&format!("slipway run show {run}")), "{said}");
            assert!(drawn.stdout.is_empty(), "{}", String::from_utf8_lossy(&drawn.stdout));
        }
    }
    let both = said(&place.run(&["run", "plot", "empty", "params"]));
    assert!(both.contains("The runs have no series to draw.") && both.contains("There are: 2 params."), "{both}");
    // The machine's series are drawn where they are named.
    let point = json!({ "run_id": empty, "key": "system/cpu", "value": 0.5, "timestamp": 1, "step": 0 });
    client.post("runs/log-metric", &point);
    let told = said(&place.run(&["run", "plot", "empty"]));
    assert!(told.contains("1 series of what the machine did (--metric system/cpu)"), "{told}");
    assert!(place.run(&["run", "plot", "empty", "--metric", "system/cpu"]).status.success());
}

#[test]
fn curves_lie_over_another_metric_or_are_the_means_of_groups() {
    let place = Place::new();
    let client = Client::of(&place);
    let slow = client.run(&json!(0), "slow", "0.1", 4.0);
    client.run(&json!(0), "fast", "0.1", 8.0);
    client.run(&json!(0), "other", "0.2", 1.0);
    for (step, value) in [(0, json!(0.9)), (2, json!(0.5)), (3, json!("NaN"))] {
        let at = 1_700_000_001_000_i64 + step;
        let metric = json!({ "run_id": slow, "key": "accuracy", "value": value, "timestamp": at, "step": step });
        client.post("runs/log-metric", &metric);
    }
    let plot =
        |more: &[&str]| place.run(&[&["run", "plot", "slow", "fast", "other", "--metric", "loss"], more].concat());
    let over = plot(&["--x-metric", "accuracy", "--json"]);
    let over: Value = serde_json::from_slice(&over.stdout).unwrap();
    assert_eq!((&over[0]["over"]["x"], &over[0]["last"]), (&json!([0.5, 0.9]), &json!([4.0 / 3.0, 4.0])), "{over}");
    assert_eq!((&over[0]["over"]["left_out"], &over[1]["over"]["left_out"]), (&json!(2), &json!(4)), "{over}");
    let all = ["run", "plot", "--filter", "", "--everywhere", "--metric", "loss", "--x-metric", "accuracy"];
    let means = place.json(&all);
    let first = &means[0]["bands"][0]["points"][0];
    assert_eq!(
        (&means[0]["off_axis"], &first["x"], &first["mean"]),
        (&json!(2), &json!(0.5), &json!(4.0 / 3.0)),
        "{means}"
    );
    let shown = String::from_utf8(plot(&["--x-metric", "accuracy", "--width", "20"]).stdout).unwrap();
    assert!(shown.contains("\n10 points without accuracy\n"), "{shown}");
    assert!(shown.lines().any(|line| line.trim().starts_with("0.5") && line.contains(" 0.9")), "{shown}");

    let groups = plot(&["--group-by", "param.lr", "--json"]);
    let groups: Value = serde_json::from_slice(&groups.stdout).unwrap();
    assert_eq!(names(&groups, "group"), ["0.1 (2 runs)", "0.2 (1 run)"]);
    assert_eq!((&groups[0]["mean"][0], &groups[1]["mean"][1]), (&json!(6.0), &json!(0.5)));
    let more = groups[0]["mean_plus_sd"][0].as_f64().unwrap();
    assert!((more - 6.0 - 8.0_f64.sqrt()).abs() < 1e-9, "{more}");
    let file = place.path().join("groups.svg");
    let written = plot(&["--group-by", "param.lr", "--svg", file.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&written.stdout).contains("mean ± sd"), "{}", said(&written));
    let svg = std::fs::read_to_string(&file).unwrap();
    assert!(svg.contains(">loss: 0.1 (2 runs)</text>") && svg.contains('Z'), "a band: {svg}");
    let odd = place.run(&["run", "plot", "slow", "fast", "--metric", "accuracy", "--width", "20"]);
    let odd = String::from_utf8_lossy(&odd.stdout).into_owned();
    assert!(odd.contains("slow: 1 NaN") && odd.contains("1 run has a curve of it, 1 does not\n"), "{odd}");
    let of_all = ["run", "plot", "--filter", "", "--everywhere", "--metric", "accuracy", "--width", "20"];
    let of_all = String::from_utf8(place.run(&of_all).stdout).unwrap();
    assert!(of_all.contains("Bands of 3 runs in 1 group.\n1 run has the metric, 2 do not.\n"), "{of_all}");
    assert!(
        of_all.contains("all (1 of 3 runs): 1 of 1 diverged at 3") && of_all.contains("1 curve diverged:"),
        "{of_all}"
    );
    for (refused, code) in [(["--group-by", "lr"], 2), (["--x-metric", "nothing"], 3)] {
        assert_eq!(plot(&refused).status.code(), Some(code), "{refused:?}");
    }
}

#[test]
fn the_means_of_all_runs_that_pass_a_filter_are_drawn_by_group() {
    let place = Place::new();
    let client = Client::of(&place);
    for (name, lr, loss) in [("slow", "0.1", 4.0), ("fast", "0.1", 8.0), ("other", "0.2", 1.0)] {
        client.run(&json!(0), name, lr, loss);
    }
    let plot = |filter: &str, more: &[&str]| {
        place.run(&[&["run", "plot", "--filter", filter, "--everywhere", "--group-by", "param.lr"], more].concat())
    };
    let all: Value = serde_json::from_slice(&plot("", &["--metric", "loss", "--json"]).stdout).unwrap();
    let (first, second) = (&all[0]["bands"][0], &all[0]["bands"][1]);
    assert_eq!(
        (&all[0]["key"], &all[0]["runs"], &first["values"][0]),
        (&json!("loss"), &json!(3), &json!("0.1")),
        "{all}"
    );
    assert_eq!((&first["points"][0]["mean"], &second["points"][0]["sd"]), (&json!(6.0), &json!(null)), "{all}");
    let sd = first["points"][0]["sd"].as_f64().unwrap();
    assert!((sd - 8.0_f64.sqrt()).abs() < 1e-9, "{sd}");
    let shown = String::from_utf8(plot("name = 'slow'", &["--metric", "loss", "--width", "20"]).stdout).unwrap();
    assert!(shown.contains("Bands of 1 run in 1 group.") && shown.contains("mean ± sd"), "{shown}");
    let shares: Value = serde_json::from_slice(&plot("", &["--x", "share", "--json"]).stdout).unwrap();
    let last = shares[0]["bands"][0]["points"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["x"], &last["mean"]), (&json!(100.0), &json!(1.5)), "{shares}");
    for (filter, more, code) in [("name = 'nobody'", "step", 3), ("", "clock", 2)] {
        assert_eq!(plot(filter, &["--metric", "loss", "--x", more]).status.code(), Some(code), "{filter} {more}");
    }
    assert_eq!(place.run(&["run", "plot"]).status.code(), Some(2), "neither runs nor a filter");
}

#[test]
fn runs_are_drawn_by_a_filter_or_a_view_without_naming_them() {
    let place = Place::new();
    let client = Client::of(&place);
    for (name, lr, loss) in [("slow", "0.1", 4.0), ("fast", "0.1", 8.0), ("other", "0.2", 1.0)] {
        client.run(&json!(0), name, lr, loss);
    }
    let plot =
        |more: &[&str]| place.run(&[&["run", "plot", "--experiment", "Default", "--metric", "loss"], more].concat());
    let drawn = |more: &[&str]| {
        let output = plot(&[more, &["--each", "--json"]].concat());
        assert!(output.status.success(), "{more:?}: {}", said(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let filter = ["--filter", "param.lr = '0.1'", "--sort", "metric.loss"];
    assert_eq!(names(&drawn(&filter), "name"), ["slow", "fast"]);
    assert_eq!(names(&drawn(&[&filter[..], &["--descending", "--limit", "1"]].concat()), "name"), ["fast"]);
    let view = ["run", "views", "save", "low", "--filter", "param.lr = '0.2'", "--experiment", "Default"];
    assert!(place.run(&view).status.success());
    assert_eq!(names(&drawn(&["--view", "low"]), "name"), ["other"]);
    let means: Value = serde_json::from_slice(&plot(&["--view", "low", "--json"]).stdout).unwrap();
    assert_eq!(means[0]["runs"], json!(1), "without --each the mean: {means}");
    let beside = plot(&["--filter", "param.lr = '0.2'", "--baseline", "slow", "--smooth", "0.5", "--json"]);
    let beside: Value = serde_json::from_slice(&beside.stdout).unwrap();
    assert_eq!((&beside[0]["runs"], &beside[0]["baseline"]["name"]), (&json!(1), &json!("slow")), "{beside}");
    let shown =
        String::from_utf8(plot(&["--filter", "", "--group-by", "param.lr", "--baseline", "slow"]).stdout).unwrap();
    assert!(shown.contains("0.2 (1 run): ") && shown.contains(" from slow"), "{shown}");
    for (more, code) in [
        (vec!["--filter", "", "--baseline", "nobody"], 3),
        (vec!["--each"], 2),
        (vec!["--view", "none"], 3),
        (vec!["--filter", "name = 'nobody'", "--each"], 3),
        (vec!["--filter", "", "--each", "--follow"], 2),
    ] {
        assert_eq!(plot(&more).status.code(), Some(code), "{more:?}");
    }
    let file = place.path().join("loss.PNG");
    assert!(plot(&["--filter", "", "--each", "--out", file.to_str().unwrap()]).status.success());
    assert!(std::fs::read(&file).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
    std::fs::write(&file, "precious").unwrap();
    let again = ["--filter", "", "--each", "--out", file.to_str().unwrap()];
    let refused = plot(&again);
    assert!(!refused.status.success() && said(&refused).contains("--force"), "{}", said(&refused));
    assert_eq!(std::fs::read(&file).unwrap(), b"precious");
    assert!(plot(&[&again[..], &["--force"]].concat()).status.success());
    assert!(std::fs::read(&file).unwrap().starts_with(b"\x89PNG"));
    assert_eq!(plot(&["--filter", "", "--each", "--out", "loss.gif"]).status.code(), Some(2));
    // A run that is over is followed to its end at once.
    let file = place.path().join("followed.svg");
    let written = place.run(&["run", "plot", "slow", "--follow", "--svg", file.to_str().unwrap()]);
    assert!(written.status.success() && file.is_file(), "{}", said(&written));
}

#[test]
fn runs_are_listed_by_group_and_as_csv_and_markdown() {
    let place = Place::with_project();
    place.json(&["project", "show"]);
    let client = Client::of(&place);
    let mine = place.json(&["experiment", "create", "mine"])["number"].clone();
    for (name, lr, loss) in [("first", "0.1", 4.0), ("second, \"b\"", "0.1", 8.0), ("third|c", "0.2", 1.0)] {
        client.run(&mine, name, lr, loss);
    }
    let list = |arguments: &[&str]| {
        let output = place.run(&[&["run", "list", "--experiment", "mine"], arguments].concat());
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };

    // The last losses are 1, 2 and 0.25; the deviation of 1 and 2 with n − 1 is √½.
    let groups = place.json(&["run", "list", "--experiment", "mine", "--group-by", "param.lr", "--metrics", "loss"]);
    let figure = &groups["groups"][0]["figures"][0];
    assert_eq!((groups["total"].as_u64(), figure["mean"].as_f64()), (Some(2), Some(1.5)), "{groups}");
    assert!((figure["sd"].as_f64().unwrap() - 0.5_f64.sqrt()).abs() < 1e-12, "{groups}");
    assert!(list(&["--group-by", "param.lr"]).contains(" ± "));
    let grouped = list(&["--group-by", "param.lr", "--csv"]);
    assert_eq!(
        grouped.lines().next(),
        Some("param.lr,runs,mean of loss,sd of loss,min of loss,max of loss,runs of loss")
    );
    assert_eq!(grouped.lines().nth(2), Some("0.2,1,0.25,,0.25,0.25,1"));

    let columns = ["--columns", "name,metric.loss,param.lr", "--sort", "param.lr desc, metric.loss asc"];
    let csv = list(&[&columns[..], &["--csv"]].concat());
    let expected =
        "name,metric.loss,param.lr\r\nthird|c,0.25,0.2\r\nfirst,1.0,0.1\r\n\"second, \"\"b\"\"\",2.0,0.1\r\n";
    assert_eq!(csv, expected);
    let markdown = list(&[&columns[..], &["--markdown", "--limit", "1"]].concat());
    assert_eq!(markdown, "| name | metric.loss | param.lr |\n| --- | ---: | --- |\n| third\\|c | 0.25 | 0.2 |\n");
    // A person and a program see what was chosen as well.
    let lines =
        |text: &str| text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
    let table = list(&[&columns[..], &["--limit", "2"]].concat());
    assert_eq!(
        lines(&table),
        ["name metric.loss param.lr", "third|c 0.2500 0.2", "first 1 0.1", "", "2 of 3; --limit shows more"],
        "{table}"
    );
    let cells = place.json(&[&["run", "list", "--experiment", "mine", "--limit", "1"], &columns[..]].concat());
    let row = json!({ "name": "third|c", "metric.loss": 0.25, "param.lr": "0.2" });
    assert_eq!(cells, json!({ "rows": [row], "total": 3 }));
    // What the runs measured and what tells them apart is shown unasked.
    let page = list(&[]);
    assert_eq!(lines(&page)[0], "run state loss lr took started", "{page}");
    assert!(lines(&page).iter().any(|line| line.starts_with("first finished 1 0.1 5.0 s")), "{page}");
    let head = list(&["--markdown"]);
    assert!(head.starts_with("| name | state | metric.loss | param.lr | duration | started |\n"), "{head}");
    // A key is named with what it is the key of, and who leaves that out is told.
    let own = list(&["--group-by", "param.lr", "--metrics", "metric.loss"]);
    assert!(own.contains("1.5000 ±"), "{own}");
    let wrong = |arguments: &[&str]| {
        let output = place.run(&[&["run", "list", "--experiment", "mine"], arguments].concat());
        (output.status.code(), said(&output))
    };
    for arguments in [["--group-by", "lr"], ["--sort", "lr"], ["--columns", "name,lr"], ["--filter", "lr = 0.1"]] {
        let (code, told) = wrong(&arguments);
        assert!(code == Some(2) && told.contains("Did you mean param.lr?"), "{told}");
    }
    for form in [&[][..], &["--csv"], &["--json"]] {
        let (code, told) = wrong(&[&["--columns", "name,metric.los"], form].concat());
        assert_eq!(code, Some(3), "{told}");
        // As JSON its quotes are escaped.
        let told = told.replace('\\', "");
        assert!(told.contains("No run here has a metric \"los\". Did you mean \"loss\"?"), "{told}");
    }
    let (code, told) = wrong(&["--group-by", "param.lrr"]);
    assert!(code == Some(0) && told.contains("No run here has a param \"lrr\". Did you mean \"lr\"?"), "{told}");
    let none = place.run(&["run", "importance", "lss", "--experiment", "mine"]);
    assert_eq!(none.status.code(), Some(3), "{}", said(&none));
    assert!(said(&none).contains("Did you mean \"loss\"?"), "{}", said(&none));
    // Where nothing is found it is said what no run has.
    let misspelt = list(&["--filter", "metric.los < 1"]);
    assert_eq!(misspelt, "No run passes the filter.\nNo run here has a metric \"los\". Did you mean \"loss\"?\n");
    assert_eq!(list(&["--filter", "metric.los < 1", "--columns", "name"]), misspelt);
    let empty = place.json(&["run", "list", "--experiment", "mine", "--filter", "metric.los < 1"]);
    assert_eq!(empty["notes"][0]["sentence"], "No run here has a metric \"los\". Did you mean \"loss\"?");
    client.run(&json!(0), "elsewhere", "0.1", 4.0);
    place.json(&["experiment", "edit", "mine", "--folder", "vision/resnet"]);
    for (filter, found) in [
        ("folder = 'vision/resnet'", vec!["first", "second, \"b\"", "third|c"]),
        ("folder like 'vision%' and name = 'first'", vec!["first"]),
        ("folder != 'vision/resnet'", vec!["elsewhere"]),
        ("folder is null", vec!["elsewhere"]),
        ("folder = 'vision'", vec![]),
        ("within = 'vision'", vec!["first", "second, \"b\"", "third|c"]),
        ("within != 'vision'", vec!["elsewhere"]),
        ("within = 'visio_'", vec![]),
        ("not within like 'vision%' or name not like '%ir%'", vec!["elsewhere", "second, \"b\""]),
        ("mine", vec!["first", "second, \"b\"", "third|c"]),
        ("experiment = 'mine'", vec!["first", "second, \"b\"", "third|c"]),
        ("experiment in ('Default', 'other')", vec!["elsewhere"]),
        ("experiment like 'D%' and param.lr = '0.1'", vec!["elsewhere"]),
    ] {
        assert_eq!(runs(&place, &["--everywhere", "--filter", filter]), found, "{filter}");
    }
    let columns = ["run", "list", "--everywhere", "--columns", "experiment,name", "--filter", "experiment = 'Default'"];
    assert_eq!(place.json(&columns)["rows"], json!([{ "experiment": "Default", "name": "elsewhere" }]));
    let by_folder = ["run", "list", "--everywhere", "--columns", "folder,name", "--sort", "folder, name desc"];
    let rows = place.json(&by_folder)["rows"].clone();
    assert_eq!(rows[0], json!({ "folder": "vision/resnet", "name": "third|c" }));
    // What stands at the top has none, and stands last.
    assert_eq!((rows[3]["name"].as_str(), rows[3]["folder"].as_str()), (Some("elsewhere"), None));
    // All columns that there are, where none is named.
    let all = list(&["--csv", "--filter", "name = 'first'"]);
    let head = all.lines().next().unwrap();
    assert!(head.starts_with("id,name,state") && head.contains(",metric.loss,param.lr,param.model"), "{head}");
    assert_eq!(all.lines().count(), 2);

    let wrong = place.run(&["run", "list", "--experiment", "mine", "--group-by", "metric.loss"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
    assert!(said(&wrong).contains("can't be grouped by"), "{}", said(&wrong));
}

#[test]
#[cfg(unix)]
fn figures_that_a_script_logs_into_an_experiment_of_its_own_stand_in_the_list_and_in_what_differs() {
    let place = Place::with_project();
    let client = Client::of(&place);
    let own = place.json(&["experiment", "create", "own"])["number"].clone();
    for (name, lr, loss) in [("one", "0.1", 4.0), ("two", "0.2", 8.0)] {
        let ran = place.run(&["exec", "--name", name, "--", "true"]);
        assert!(ran.status.success(), "{}", said(&ran));
        let program = place.json(&["run", "show", name])["id"].clone();
        let inner = client.run(&own, &format!("inner-{name}"), lr, loss);
        client.post("runs/set-tag", &json!({ "run_id": inner, "key": "mlflow.parentRunId", "value": program }));
    }
    let text = |arguments: &[&str]| {
        let output = place.run(arguments);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let list = text(&["run", "list"]);
    assert_eq!(words(list.lines().next().unwrap()), ["run", "state", "loss", "lr", "took", "started"], "{list}");
    let one = list.lines().map(words).find(|line| line[0] == "one").unwrap();
    assert_eq!(one[..5], ["one", "finished", "1", "†", "0.1"], "{list}");
    assert!(list.contains("† of a run that the program started"), "{list}");
    let columns = ["run", "list", "--columns", "name,metric.loss,param.lr,figures_of"];
    let chosen = text(&columns);
    let two = chosen.lines().map(words).find(|line| line[0] == "two").unwrap();
    assert_eq!(two, ["two", "2", "†", "0.2", "†", "inner-two"], "{chosen}");
    // CSV has numbers without a mark, and whose they are beside them.
    let csv = place.run(&[&columns[..], &["--csv"]].concat());
    let table = String::from_utf8_lossy(&csv.stdout).into_owned();
    assert!(table.lines().any(|line| line == "one,1.0,0.1,inner-one"), "{table}");
    assert!(said(&csv).contains("2 runs without metrics show those of a run"), "{}", said(&csv));
    let all = text(&["run", "list", "--csv"]);
    let head: Vec<&str> = all.lines().next().unwrap().split(',').collect();
    assert!(["figures_of", "metric.loss", "param.lr"].iter().all(|name| head.contains(name)), "{all}");
    let markdown = text(&["run", "list", "--markdown"]);
    assert!(markdown.contains("| 1.0 † |") && markdown.trim_end().ends_with("names it."), "{markdown}");
    // What is filtered by is a run's own.
    assert_eq!(place.json(&["run", "list", "--filter", "metric.loss < 5"])["total"], 0);
    let differs = text(&["run", "diff", "one", "two"]);
    let figure = differs.lines().map(words).find(|line| line.contains(&"loss".to_owned())).unwrap();
    assert_eq!(figure[figure.len() - 2..], ["1", "2"], "{differs}");
    assert!(differs.contains("Metrics and params of one are those of inner-one, which it started."), "{differs}");
}
