//! Searches with a program: begun by the host, in the terminal's environment.
#![cfg(unix)]

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::program::{Place, said};

const PATIENCE: Duration = Duration::from_secs(120);

/// A program whose `loss` is its first argument after so many seconds.
fn lasts(seconds: &str) -> String {
    format!("sleep {seconds}; echo \"{{\\\"metric\\\": \\\"loss\\\", \\\"value\\\": $0}}\"")
}

/// A program that takes 20 MB, after so many seconds 180 more, and stays until this file is there.
fn grows(after: &str, until: &str) -> String {
    let program = r#"touch began-$0
[ -e UNTIL ] || {
    (
        head -c 20000000 /dev/zero; sleep AFTER; head -c 180000000 /dev/zero
        echo '{"metric": "full", "value": 1}' >&3
        n=0; until [ -e UNTIL ] || [ $n -ge 600 ]; do n=$((n + 1)); sleep 0.1; done
    ) | tail -n 1 | wc -c
} 3>&1
"#;
    program.replace("UNTIL", until).replace("AFTER", after) + &lasts("0")
}

fn start<'a>(options: &[&'a str], program: &'a str) -> Vec<&'a str> {
    let judged = ["search", "start", "--name", "bowl", "--metric", "loss", "--goal", "min", "--method", "grid"];
    [&judged[..], options, &["--", "sh", "-c", program, "${x}"]].concat()
}

fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn show(place: &Place) -> Value {
    place.json(&["search", "show", "bowl"])
}

fn outcomes(search: &Value) -> Vec<&str> {
    search["trials"].as_array().unwrap().iter().map(|trial| trial["outcome"].as_str().unwrap()).collect()
}

/// How many trials ran at once at most, by the begin and end of their runs.
fn most_at_once(place: &Place, search: &Value) -> usize {
    let runs = search["trials"].as_array().unwrap().iter().map(|trial| {
        let run = place.json(&["run", "show", trial["run"].as_str().unwrap()]);
        (run["started_ms"].as_i64().unwrap(), run["ended_ms"].as_i64().unwrap())
    });
    let runs: Vec<(i64, i64)> = runs.collect();
    let at = |moment: i64| runs.iter().filter(|(begun, ended)| *begun <= moment && moment < *ended).count();
    runs.iter().map(|(begun, _)| at(*begun)).max().unwrap_or(0)
}

#[test]
fn a_programs_trials_run_in_the_terminals_environment_below_the_run_of_their_search() {
    let place = Place::with_project();
    let program = "echo \"{\\\"metric\\\": \\\"loss\\\", \\\"value\\\": $0$OF_THE_TERMINAL}\"";
    let mut command = place.command(&start(&["--try", "x=3,1,2"], program));
    let output = command.env("OF_THE_TERMINAL", "5").env("MY_TOKEN", "very secret").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let search = show(&place);
    assert_eq!((search["state"].as_str(), outcomes(&search)), (Some("finished"), vec!["finished"; 3]));
    let best = &search["trials"][search["best"].as_u64().unwrap() as usize - 1];
    assert_eq!((best["values"]["x"].as_i64(), best["value"].as_f64()), (Some(1), Some(15.0)));

    let parent = place.json(&["run", "show", search["run"].as_str().unwrap()]);
    let text = |value: &Value, key: &str| value[key].as_str().map(str::to_owned);
    assert_eq!((text(&parent, "kind"), text(&parent, "state")), (Some("search".into()), Some("finished".into())));
    assert_eq!(
        (text(&parent["params"], "space.x"), text(&parent["params"], "method")),
        (Some("3,1,2".into()), Some("grid".into()))
    );
    // Drawn, since none was named, and kept.
    let seed = search["config"]["seed"].as_u64().unwrap();
    assert_eq!(text(&parent["params"], "seed"), Some(seed.to_string()));
    let logged = parent["metrics"].as_array().unwrap().iter().find(|metric| metric["key"] == "best/loss").unwrap();
    assert_eq!((logged["last"].as_f64(), logged["step"].as_i64()), (Some(15.0), best["number"].as_i64()));
    for trial in search["trials"].as_array().unwrap() {
        let run = place.json(&["run", "show", trial["run"].as_str().unwrap()]);
        assert_eq!(
            (&run["tags"]["mlflow.parentRunId"], &run["tags"]["slipway.search"]),
            (&search["run"], &search["id"])
        );
        assert_eq!(run["environment"]["OF_THE_TERMINAL"], "5");
    }
    // They are drawn like any runs, by the name of their search.
    let drawn = place.json(&["run", "plot", "--filter", "parent = 'bowl'", "--scatter", "param.x,metric.loss"]);
    assert_eq!((drawn["total"].as_u64(), drawn["left_out"].as_u64()), (Some(3), Some(0)), "{drawn}");
    let database = std::fs::read(place.workspace().join("slipway.db")).unwrap();
    let log = std::fs::read(place.workspace().join("slipway.db-wal")).unwrap_or_default();
    let holds = |bytes: &[u8]| bytes.windows(11).any(|window| window == b"very secret");
    assert!(!holds(&database) && !holds(&log), "the environment is never written down");
}

#[test]
fn the_trials_of_a_search_are_a_table_for_programs_and_one_that_was_forgotten_is_listed() {
    let place = Place::with_project();
    // One value each, when it is over: early stopping has nothing to judge by.
    let output = place.run(&start(&["--try", "x=2.5,1.5", "--early-stopping", "asha"], &lasts("0")));
    assert!(output.status.success(), "{}", said(&output));
    let told = |arguments: &[&str]| String::from_utf8(place.run(arguments).stdout).unwrap();
    let shown = told(&["search", "show", "bowl"]);
    assert!(shown.contains("No trial reported `loss` while it went: nothing could be ended early."), "{shown}");
    let csv = told(&["search", "show", "bowl", "--csv"]);
    assert!(csv.starts_with("trial,run,outcome,value,step,x,why\r\n1,bowl-1,finished,2.5,"), "{csv}");
    assert!(csv.ends_with(",1.5,\r\n") && csv.lines().count() == 3, "{csv}");
    let list = told(&["search", "list", "--csv"]);
    assert!(list.starts_with("id,name,state,method,metric,goal,over,planned,best,best_run,created,"), "{list}");
    assert!(list.contains(",bowl,finished,grid,loss,min,2,2,1.5,bowl-2,"), "{list}");
    let markdown = told(&["search", "show", "bowl", "--markdown"]);
    assert!(markdown.starts_with("| trial | run | outcome | value | step | x | why |\n| ---: | ---"), "{markdown}");
    let id = show(&place)["id"].as_str().unwrap().to_owned();
    let short = &id[24..];
    assert!(!told(&["search", "list", "--deleted"]).contains(short));
    // The run that a search is says where its trials are.
    assert!(told(&["run", "show", "bowl"]).ends_with("Its trials: slipway search show bowl\n"));
    place.json(&["search", "delete", "bowl"]);
    let listed = told(&["search", "list", "--deleted"]);
    assert!(listed.contains("bowl") && listed.contains(short), "{listed}");
    assert!(!told(&["search", "list"]).contains("bowl"));
    let unknown = place.run(&["search", "restore", "bow"]);
    assert!(said(&unknown).contains("There is no forgotten search \"bow\""), "{}", said(&unknown));
    assert_eq!(place.json(&["search", "restore", "bowl"])["id"], id.as_str());
    assert_eq!(show(&place)["name"], "bowl");
}

#[test]
fn a_search_by_a_metric_that_no_trial_measured_says_which_they_did() {
    let place = Place::with_project();
    let program = "echo '{\"metric\": \"loss\", \"value\": 1}'; echo '{\"metric\": \"accuracy\", \"value\": 1}'";
    let judged = ["search", "start", "--name", "bowl", "--metric", "los", "--goal", "min", "--method", "grid"];
    let asked = [&judged[..], &["--try", "x=1,2", "--", "sh", "-c", program, "${x}"]].concat();
    let output = place.run(&asked);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let search = show(&place);
    assert_eq!((search["state"].as_str(), outcomes(&search)), (Some("failed"), vec!["failed"; 2]), "{search}");
    for told in [said(&output), search["error"].to_string().replace("\\\"", "\"")] {
        assert!(told.contains("None of the 2 trials that ended measured \"los\"."), "{told}");
        assert!(told.contains("They measured accuracy, loss. Did you mean \"loss\"?"), "{told}");
    }
    let word = place.run(&start(&["--try", "x=a"], "echo $0"));
    assert_eq!(word.status.code(), Some(2));
    assert!(said(&word).contains("a range or several choices were expected"), "{}", said(&word));
}

#[test]
fn as_many_programs_run_at_once_as_the_memory_holds_that_the_first_was_seen_to_use() {
    let place = Place::with_project();
    // Of the 300 MB that programs may have together each takes more than half.
    place.json(&["settings", "set", "memory_limit_bytes=300000000"]);
    let program = grows("5", "told");
    let begun = place.run(&start(&["--try", "x=1,2", "--parallel", "2", "--detach"], &program));
    assert!(begun.status.success(), "{}", said(&begun));
    let held_back = until("it says why one runs alone", || {
        let why = show(&place)["held_back"].as_str()?.to_owned();
        why.contains("are free").then_some(why)
    });
    assert!(held_back.starts_with("1 at once instead of 2: the next needs 0.2 GB, 0.1 GB are free"), "{held_back}");
    assert!(!place.project().join("began-2").exists(), "what the first one had before it grew was not its need");
    std::fs::write(place.project().join("told"), "").unwrap();
    let search = until("it ends", || Some(show(&place)).filter(|search| search["state"] == "finished"));
    assert_eq!((most_at_once(&place, &search), search["held_back"].is_null()), (1, true));

    place.json(&["settings", "set", "memory_limit_bytes="]);
    let program = grows("0", "began-3");
    let output = place.run(&start(&["--try", "x=1,2,3", "--parallel", "3"], &program));
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(most_at_once(&place, &show(&place)), 3, "once the first is measured they run beside it");
    let told = String::from_utf8(place.run(&["search", "importance", "bowl"]).stdout).unwrap();
    assert!(told.starts_with("3 runs have a number for this metric; 5 are needed"), "{told}");
}

#[test]
fn a_search_that_its_host_left_goes_on_without_a_terminal() {
    let place = Place::with_project();
    let program = lasts("3");
    let begun = place.run(&start(&["--try", "x=1,2,3", "--detach"], &program));
    assert!(begun.status.success(), "{}", said(&begun));
    let search = until("a trial runs", || {
        let search = show(&place);
        search["trials"].get(0).is_some_and(|trial| !trial["name"].is_null()).then_some(search)
    });
    let host = place.json(&["serve", "--status"]);
    let pid = rustix::process::Pid::from_raw(host["pid"].as_i64().unwrap() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let left = until("the next host says that it was left", || {
        let output = place.run(&["--json", "search", "show", "bowl"]);
        let search: Value = serde_json::from_slice(&output.stdout).ok()?;
        (search["state"] == "stopped").then_some(search)
    });
    assert!(left["error"]["message"].as_str().unwrap().contains("Slipway ended"), "{left}");
    // As the window asks its host for it.
    let mut host = place.command(&["serve", "--keep"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    BufReader::new(host.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    let asked = serde_json::json!({ "search": search["id"] }).to_string();
    let resumed = place.json(&["call", "search.resume", &asked]);
    assert_eq!(resumed["state"], "running");
    let over = until("it ends", || Some(show(&place)).filter(|search| search["state"] == "finished"));
    let finished = outcomes(&over).into_iter().filter(|outcome| *outcome == "finished").count();
    assert_eq!(finished, 3, "{over}");
    place.run(&["serve", "--stop"]);
    host.wait().unwrap();
}

#[test]
fn a_search_whose_trials_used_its_budget_stops_and_goes_on_once_it_is_raised() {
    let place = Place::with_project();
    // Two seconds for all of them.
    let hours = (2.0 / 3600.0).to_string();
    let program = lasts("1.5");
    let output = place.run(&start(&["--try", "x=1,2,3,4", "--max-hours", &hours], &program));
    assert!(said(&output).contains("Stopped by the budget: the trials used "), "{}", said(&output));
    let search = show(&place);
    assert_eq!(search["state"], "stopped");
    assert!(outcomes(&search).len() < 4, "{search}");
    assert!(search["spent"]["seconds"].as_f64().unwrap() >= 2.0);
    let parent = place.json(&["run", "show", search["run"].as_str().unwrap()]);
    assert_eq!(parent["state"], "stopped");
    let refused = place.run(&["search", "resume", "bowl"]);
    assert!(!refused.status.success() && said(&refused).contains("no budget left"), "{}", said(&refused));
    let output = place.run(&["search", "resume", "bowl", "--max-hours", "1"]);
    assert!(output.status.success(), "{}", said(&output));
    let search = show(&place);
    let finished = outcomes(&search).into_iter().filter(|outcome| *outcome == "finished").count();
    assert_eq!((search["state"].as_str(), finished), (Some("finished"), 4));
    let parent = place.json(&["run", "show", search["run"].as_str().unwrap()]);
    assert_eq!(parent["state"], "finished");
}

#[test]
fn a_program_of_the_projects_file_is_searched_and_stopped_with_its_search() {
    let place = Place::with_project();
    let file = place.project().join("slipway.toml");
    let known = std::fs::read_to_string(&file).unwrap();
    let search = "\n[search]\nmetric = \"loss\"\ngoal = \"min\"\ncommand = [\"sleep\", \"${x}\"]\nspace = { x = { values = [600, 700] } }\n";
    std::fs::write(&file, format!("{known}{search}")).unwrap();
    let begun = place.run(&["search", "start", "--name", "bowl", "--detach"]);
    assert!(begun.status.success(), "{}", said(&begun));
    let run = until("a trial runs", || {
        let search = show(&place);
        let trial = search["trials"].get(0).filter(|trial| !trial["name"].is_null())?;
        Some(trial["run"].as_str().unwrap().to_owned())
    });
    let stopped = place.json(&["search", "stop", "bowl"]);
    assert_eq!((stopped["state"].as_str(), outcomes(&stopped)), (Some("stopped"), vec!["interrupted"]));
    let run = place.json(&["run", "show", &run]);
    assert_eq!((run["state"].as_str(), run["command"][0].as_str()), (Some("stopped"), Some("sleep")));

    let unsearched = place.run(&["search", "start", "--try", "y=1,2"]);
    assert!(said(&unsearched).contains("The command has no `${y}`"), "{}", said(&unsearched));
    let unnamed = place.run(&["search", "start", "--try", "x=1,2", "--", "sleep", "${x}${z}"]);
    assert!(said(&unnamed).contains("`search.space` has no z"), "{}", said(&unnamed));
}

#[test]
fn what_is_said_of_gpus_rungs_and_trainings_stands_before_the_projects_file() {
    let place = Place::with_project();
    let file = place.project().join("slipway.toml");
    let known = std::fs::read_to_string(&file).unwrap();
    let search = "\n[search]\nmethod = \"grid\"\nmetric = \"loss\"\ngoal = \"min\"\ngpus = 4\nmin_steps = 5\nreduction = 6\n\
                  command = [\"true\", \"${x}\"]\nspace = { x = { values = [1, 2] } }\n";
    std::fs::write(&file, format!("{known}{search}")).unwrap();
    let numbers = |search: &Value| {
        ["gpus", "min_steps", "reduction"]
            .map(|key| search["config"][key].as_u64().unwrap_or_else(|| panic!("{search}")))
    };
    let program = lasts("0");
    let rungs = ["--early-stopping", "asha", "--gpus", "2", "--min-steps", "3", "--reduction", "7", "--try", "x=1,2"];
    let output = place.run(&start(&rungs, &program));
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(numbers(&show(&place)), [2, 3, 7]);
    let detached = |more: &[&str]| place.json(&[&["search", "start", "--detach"], more].concat());
    let filed = detached(&["--name", "filed"]);
    assert_eq!((numbers(&filed), &filed["command"]["words"][0]), ([4, 5, 6], &"true".into()), "{filed}");
    // It has no program, whether or not its trainings can be begun here.
    let trained = detached(&["--name", "trained", "--trainings", "--try", "max_depth=2,3"]);
    assert!(trained["command"].is_null() && trained["config"]["command"].is_null(), "{trained}");
    assert!(trained["training"].is_object() && filed["training"].is_null(), "{trained}");
    place.run(&["search", "stop", "trained"]);

    for (options, told) in [
        (&["--trainings"][..], "cannot be used with"),
        (&["--min-steps", "0"], "`search.min_steps` must be at least 1"),
        (&["--reduction", "1"], "`search.reduction` must be at least 2"),
    ] {
        let refused = place.run(&start(&[&["--try", "x=1,2"], options].concat(), &program));
        assert_eq!(refused.status.code(), Some(2), "{options:?}: {}", said(&refused));
        assert!(said(&refused).contains(told), "{options:?}: {}", said(&refused));
    }
}
