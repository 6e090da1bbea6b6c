#![cfg(unix)]

use crate::program::{Place, said};

const PRINTS: &str = r#"echo hello; echo '{"metric": "loss", "value": 0.5, "step": 1}'; echo '{"metric": "loss", "value": 0.25}'; echo oh >&2; exit 7"#;

#[test]
fn a_commands_exit_code_output_and_metrics_are_kept() {
    let place = Place::with_project();
    let mut command = place.command(&["exec", "--name", "tried", "--", "sh", "-c", PRINTS]);
    let output = command.env("MY_TOKEN", "very secret").env("MY_SETTING", "plain").output().unwrap();
    assert_eq!(output.status.code(), Some(7), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("hello\n"));
    assert!(said(&output).contains("oh\n"));
    let run = place.json(&["run", "show", "tried"]);
    assert_eq!(
        (run["kind"].as_str(), run["state"].as_str(), run["exit_code"].as_i64()),
        (Some("command"), Some("failed"), Some(7))
    );
    assert_eq!(run["environment"]["MY_SETTING"], "plain");
    assert_eq!(run["environment"]["MY_TOKEN"], "•••");
    for part in ["machine.cpu", "machine.gpu", "machine.memory"] {
        assert!(run["environment"][part].as_str().is_some_and(|fact| !fact.is_empty()), "{part}: {run}");
    }
    let told = String::from_utf8(place.run(&["run", "show", "tried"]).stdout).unwrap();
    let gpu = told.lines().find_map(|line| line.strip_prefix("gpu "));
    assert_eq!(gpu.map(str::trim), run["environment"]["machine.gpu"].as_str(), "{told}");
    assert!(!run.to_string().contains("very secret"));
    let loss = run["metrics"].as_array().unwrap().iter().find(|metric| metric["key"] == "loss").unwrap();
    assert_eq!((loss["count"].as_u64(), loss["step"].as_i64(), loss["last"].as_f64()), (Some(2), Some(2), Some(0.25)));
    for used in ["system/cpu", "system/memory_bytes"] {
        assert!(run["metrics"].as_array().unwrap().iter().any(|metric| metric["key"] == used), "{used}: {run}");
    }
    let log = place.run(&["run", "log", "tried"]);
    assert!(String::from_utf8_lossy(&log.stdout).starts_with("hello\n"));
    assert_eq!(String::from_utf8_lossy(&place.run(&["run", "log", "tried", "--stderr"]).stdout), "oh\n");
}

/// A full disk is no reader that went away.
#[test]
#[cfg(target_os = "linux")]
fn a_log_that_can_not_be_written_is_an_error() {
    let place = Place::with_project();
    place.run(&["exec", "--no-host", "--name", "told", "--", "echo", "hello"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let log = place.command(&["run", "log", "told"]).stdout(full).output().unwrap();
    assert_eq!(log.status.code(), Some(1), "{}", said(&log));
    assert!(said(&log).contains("Can't write the answer"), "{}", said(&log));
}

/// Computes in a process that is over before it is, and has 30 MB for a moment.
#[cfg(target_os = "linux")]
const SHORT: &str = r#"
sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done'
head -c 30000000 /dev/zero | (sleep 0.5; tail -n 1) | wc -c
"#;

#[cfg(target_os = "linux")]
#[test]
fn a_program_of_a_second_has_what_it_used_and_cost() {
    let place = Place::with_project();
    assert!(place.run(&["settings", "set", "price_per_hour=3600"]).status.success());
    let output = place.run(&["exec", "--name", "short", "--", "sh", "-c", SHORT]);
    assert!(output.status.success(), "{}", said(&output));
    let run = place.json(&["run", "show", "short"]);
    let used = |key: &str, what: &str| {
        let metric = run["metrics"].as_array().unwrap().iter().find(|metric| metric["key"] == key);
        metric.and_then(|metric| metric[what].as_f64()).unwrap_or_else(|| panic!("no {key} in {run}"))
    };
    // What ended between two looks is known to who waited for it.
    assert!(used("system/cpu_seconds", "last") > 0.05, "{run}");
    assert!(used("system/cpu_seconds", "count") >= 2.0, "{run}");
    assert!(used("system/memory_bytes", "max") > 1e6, "{run}");
    assert!(run["spent"]["cost"].as_f64().unwrap() > 0.4, "{run}");
}

#[test]
fn a_detached_program_is_the_hosts_and_is_run_again() {
    let place = Place::with_project();
    let over = |name: &str| {
        let begun = std::time::Instant::now();
        loop {
            let run = place.json(&["run", "show", name]);
            if run["state"] != "running" {
                return run;
            }
            assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{name} goes on: {run}");
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    };
    let script = "pwd; echo $OF_THE_TERMINAL; sleep 1; exit 3";
    let limited = ["exec", "--detach", "--name", "away", "--max-hours", "2", "--max-kwh", "3"];
    let mut command = place.command(&[&limited[..], &["--", "sh", "-c", script]].concat());
    let output = command.env("OF_THE_TERMINAL", "seen").output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("away ("), "{output:?}");
    let run = over("away");
    assert_eq!((run["kind"].as_str(), run["exit_code"].as_i64()), (Some("command"), Some(3)), "{run}");
    let log = String::from_utf8_lossy(&place.run(&["run", "log", "away"]).stdout).into_owned();
    assert!(log.ends_with("\nseen\n"), "{log}");
    let own = |run: &serde_json::Value, limit: &str| run["spent"]["terms"]["own"][limit].as_f64();
    assert_eq!((own(&run, "max_hours"), own(&run, "max_kwh")), (Some(2.0), Some(3.0)), "{run}");
    let refused = place.run(&["run", "again", "away", "--max-cost", "1"]);
    assert!(!refused.status.success() && said(&refused).contains("no price is set"), "{}", said(&refused));
    let again = place.run(&["run", "again", "away", "--name", "once-more", "--max-hours", "0.5"]);
    assert!(again.status.success(), "{}", said(&again));
    let second = over("once-more");
    assert_eq!((&second["command"], &second["environment"]["PWD"]), (&run["command"], &run["environment"]["PWD"]));
    assert_eq!((own(&second, "max_hours"), own(&second, "max_kwh")), (Some(0.5), Some(3.0)), "{second}");
    let shown = String::from_utf8(place.run(&["run", "show", "away"]).stdout).unwrap();
    assert!(shown.contains(&format!("sh -c '{script}'")), "as a shell takes it: {shown}");
    for (refused, why) in
        [(["end", "away", "--as=failed"], "away is over already"), (["diff", "away", "away"], "named several times")]
    {
        let refused = place.run(&[&["run"], &refused[..]].concat());
        assert!(!refused.status.success() && said(&refused).contains(why), "{}", said(&refused));
    }
    let lost = place.run(&["exec", "--detach", "--name", "lost", "--", "no-such-program-anywhere"]);
    assert_eq!(lost.status.code(), Some(3), "{}", said(&lost));
    assert_eq!(place.run(&["run", "show", "lost"]).status.code(), Some(3), "no run is entered");
}

#[test]
#[cfg(target_os = "linux")]
fn a_host_has_more_files_open_than_it_was_given_and_the_programs_that_it_begins_have_not() {
    let place = Place::with_project();
    let begin = place.command(&["exec", "--detach", "--name", "files", "--", "sh", "-c", "ulimit -S -n"]);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -S -n 200 && exec \"$0\" \"$@\""]).arg(begin.get_program()).args(begin.get_args());
    for (name, value) in begin.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.current_dir(place.project()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    // The host began with it.
    let host = place.json(&["serve", "--status"])["pid"].as_u64().unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{host}/limits")).unwrap();
    let limits = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let limits: Vec<u64> = limits.split_whitespace().take(2).map(|limit| limit.parse().unwrap_or(u64::MAX)).collect();
    assert_eq!(limits[0], limits[1].min(65_536), "{limits:?}");
    let begun = std::time::Instant::now();
    while place.json(&["run", "show", "files"])["state"] == "running" {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "it goes on");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let log = place.run(&["run", "log", "files"]);
    assert_eq!(String::from_utf8_lossy(&log.stdout), "200\n", "{}", said(&log));
}

#[test]
fn a_pipe_gets_the_stream_that_it_asked_for_and_a_person_is_told_of_the_other() {
    let place = Place::with_project();
    place.run(&["exec", "--name", "broken", "--", "sh", "-c", "echo 'no such file' >&2; exit 1"]);
    let log = place.run(&["run", "log", "broken"]);
    assert_eq!(String::from_utf8_lossy(&log.stdout), "");
    assert!(said(&log).contains("Nothing was written to stdout; add --stderr for stderr."), "{}", said(&log));
    let stderr = place.run(&["run", "log", "broken", "--stderr"]);
    assert_eq!(
        (said(&stderr), String::from_utf8(stderr.stdout).unwrap()),
        (String::new(), "no such file\n".to_owned())
    );
    place.run(&["exec", "--name", "silent", "--", "true"]);
    let silent = place.run(&["run", "log", "silent"]);
    assert!(silent.status.success() && silent.stdout.is_empty() && said(&silent).is_empty(), "{}", said(&silent));
}

#[test]
fn the_commit_and_whether_a_tracked_file_differs_from_it_are_kept() {
    let place = Place::with_project();
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=Me", "-c", "user.email=me@example.org", "-c", "commit.gpgsign=false"];
        let mut command = std::process::Command::new("git");
        let output = command.args(who).args(arguments).current_dir(place.project()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let code = |name: &str| {
        let output = place.run(&["exec", "--name", name, "--", "true"]);
        assert!(output.status.success(), "{}", said(&output));
        place.json(&["run", "show", name])["code"].clone()
    };
    git(&["init", "-q"]);
    git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    assert!(code("before-the-first-commit").is_null());
    std::fs::write(place.project().join("train.py"), "print(1)\n").unwrap();
    git(&["add", "train.py"]);
    git(&["commit", "-q", "-m", "One"]);
    let commit = git(&["rev-parse", "HEAD"]);
    // The table and slipway.toml are there without being tracked.
    assert_eq!(code("clean"), serde_json::json!({ "commit": commit, "branch": "trunk", "dirty": false }));
    std::fs::write(place.project().join("train.py"), "print(2)\n").unwrap();
    git(&["checkout", "-q", "--detach"]);
    assert_eq!(code("edited"), serde_json::json!({ "commit": commit, "branch": null, "dirty": true }));
    let left = place.json(&["run", "artifacts", "edited"]);
    assert_eq!(left[0]["path"], "code/uncommitted.patch", "{left}");
    let diff = place.run(&["run", "diff", "clean", "edited", "--code"]);
    let diff = String::from_utf8_lossy(&diff.stdout).into_owned();
    assert_eq!(diff.trim_end(), "train.py  +1 −1\n@@ -1 +1 @@\n-print(1)\n+print(2)");
    // As a patch it leads from the one run's code to the other's.
    let patch = place.run(&["run", "diff", "clean", "edited", "--code", "--patch"]);
    assert!(patch.status.success(), "{}", said(&patch));
    let file = place.path().join("edited.patch");
    std::fs::write(&file, &patch.stdout).unwrap();
    git(&["checkout", "-q", "--", "train.py"]);
    git(&["apply", file.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(place.project().join("train.py")).unwrap(), "print(2)\n");
    assert_eq!(place.run(&["run", "diff", "clean", "edited", "--patch"]).status.code(), Some(2), "of code alone");
}

#[test]
fn what_a_program_leaves_in_the_folder_that_it_is_told_is_its_runs() {
    let place = Place::with_project();
    let script =
        r#"echo "$SLIPWAY_RUN"; mkdir "$SLIPWAY_ARTIFACTS/plots"; echo 1 > "$SLIPWAY_ARTIFACTS/plots/loss.txt""#;
    let output = place.run(&["exec", "--name", "left", "--", "sh", "-c", script]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), place.json(&["run", "show", "left"])["id"]);
    let artifacts = place.json(&["run", "artifacts", "left"]);
    let file = |index: usize| (artifacts[index]["path"].as_str(), artifacts[index]["size_bytes"].as_u64());
    assert_eq!(file(0), (Some("artifacts/plots/loss.txt"), Some(2)), "{artifacts}");
    assert_eq!(artifacts.as_array().unwrap().len(), 1);
}

#[test]
fn deleted_checkpoints_come_back_by_the_command_that_is_said_or_are_freed_at_once() {
    let place = Place::with_project();
    place.run(&["exec", "--no-host", "--name", "trained", "--", "echo", "hello"]);
    let id = place.json(&["run", "show", "trained"])["id"].as_str().unwrap().to_owned();
    let checkpoint = place.workspace().join("runs").join(id).join("checkpoints/last");
    std::fs::create_dir_all(&checkpoint).unwrap();
    std::fs::write(checkpoint.join("weights"), "four").unwrap();
    let printed = |arguments: &[&str]| {
        let output = place.run(arguments);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let asked = printed(&["run", "delete", "trained", "--checkpoints-only", "--dry-run"]);
    assert!(asked.ends_with("they could be restored for a day.\n") && checkpoint.exists(), "{asked}");
    let told = printed(&["run", "delete", "trained", "--checkpoints-only"]);
    assert!(told.ends_with("\nBack: slipway run artifacts trained --restore checkpoints\n"), "{told}");
    assert!(!checkpoint.exists());
    let listed = place.json(&["run", "artifacts", "trained", "--deleted"]);
    assert_eq!((listed[0]["path"].as_str(), listed[0]["size_bytes"].as_u64()), (Some("checkpoints"), Some(4)));
    printed(&["run", "artifacts", "trained", "--restore", "checkpoints"]);
    assert!(checkpoint.join("weights").exists());
    let told = printed(&["run", "delete", "trained", "--checkpoints-only", "--for-good"]);
    assert!(told.contains("are deleted for good; "), "{told}");
    assert_eq!(place.json(&["run", "artifacts", "trained", "--deleted"]), serde_json::json!([]));
}

/// What the program is told for MLflow's client: address, experiment, tags; its run; and whether the token is "$0"'s.
const TELLS: &str = r#"
printf '%s\n' "$MLFLOW_TRACKING_URI" "$MLFLOW_EXPERIMENT_ID" "$MLFLOW_RUN_CONTEXT" "$SLIPWAY_RUN"
test "$0" = "http://slipway:$MLFLOW_TRACKING_PASSWORD@${MLFLOW_TRACKING_URI#http://}" -a -n "$MLFLOW_TRACKING_USERNAME"
echo $?"#;

fn told(output: &std::process::Output) -> Vec<String> {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn mlflows_client_in_a_program_finds_its_projects_experiment() {
    let place = Place::with_project();
    place.json(&["project", "show"]);
    let tracking = place.json(&["tracking"]);
    let address = tracking["address"].as_str().unwrap().to_owned();
    let bare = format!("http://127.0.0.1:{}", tracking["port"]);
    let lines = told(&place.run(&["exec", "--name", "logging", "--", "sh", "-c", TELLS, &address]));
    assert_eq!(lines[4], "0", "a user and the address' token stand in variables of their own");
    let experiments = place.json(&["experiment", "list"]);
    let own = experiments.as_array().unwrap().iter().find(|experiment| experiment["name"] == "small").unwrap();
    assert_eq!(lines[..2], [bare.clone(), own["number"].to_string()]);
    let tags: serde_json::Value = serde_json::from_str(&lines[2]).unwrap();
    assert_eq!(tags, serde_json::json!({ "mlflow.parentRunId": lines[3], "slipway.program": lines[3] }));

    // Within another `slipway exec` the address is ours, and is in neither run's words.
    let token = address.split([':', '@']).nth(2).unwrap();
    let within = |variable: &str, value: &str| {
        let mut command = place.command(&["exec", "--name", "within", "--", "sh", "-c", TELLS, &address]);
        let output = command.env("MLFLOW_TRACKING_URI", &address).env(variable, value).output().unwrap();
        (told(&output), said(&output))
    };
    let (lines, words) = within("MLFLOW_EXPERIMENT_NAME", "other");
    assert_eq!(lines[..2], [bare, String::new()], "the experiment is the caller's");
    assert!(!words.contains("MLFLOW"), "{words}");
    let run = place.json(&["run", "show", &lines[3]]);
    assert!(!run.to_string().contains(token), "{run}");
    assert!(run["environment"]["MLFLOW_TRACKING_URI"].as_str().unwrap().starts_with("http://slipway:•••@"), "{run}");
    let (lines, _) = within("MLFLOW_TRACKING_TOKEN", "of another server");
    assert_eq!(lines[0], address, "the caller's credentials stay, and the address has ours");
    let (lines, words) = within("MLFLOW_TRACKING_URI", "http://127.0.0.1:1");
    assert_eq!(lines[..3], ["http://127.0.0.1:1", "", ""]);
    assert_eq!(words.matches("MLFLOW_TRACKING_URI stays").count(), 1, "{words}");
}

#[test]
fn without_a_host_nothing_is_set_for_mlflows_client() {
    let place = Place::with_project();
    let output = place.run(&["exec", "--no-host", "--", "sh", "-c", TELLS]);
    assert_eq!(told(&output)[..3], ["", "", ""]);
    assert_eq!(said(&output).matches("--no-host").count(), 1, "{}", said(&output));
    assert!(!place.workspace().join("host.json").exists());
}

#[test]
fn a_program_runs_where_the_secret_store_does_not_answer() {
    let place = Place::with_project();
    place.json(&["settings", "set", "secret_store=keychain"]);
    let output = place.run(&["exec", "--", "sh", "-c", TELLS]);
    assert_eq!(told(&output)[..3], ["", "", ""]);
    assert_eq!(said(&output).matches("MLFLOW_TRACKING_URI is not set: ").count(), 1, "{}", said(&output));
}

#[test]
fn a_named_project_gets_the_run_wherever_the_command_runs() {
    let place = Place::with_project();
    assert!(place.run(&["project", "list"]).status.success());
    let elsewhere = tempfile::tempdir().unwrap();
    let project = place.project();
    // By its folder, which is opened for it; then by its name.
    for (name, project) in [("by-folder", project.to_str().unwrap()), ("by-name", "small")] {
        let arguments = ["--project", project, "exec", "--name", name, "--", "pwd"];
        let output = place.command(&arguments).current_dir(elsewhere.path()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let stood = std::path::PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end());
        assert_eq!(stood.canonicalize().unwrap(), elsewhere.path().canonicalize().unwrap());
        assert_eq!(place.json(&["run", "show", name])["state"], "finished");
    }
    let arguments = ["--project", "nobody", "exec", "--", "true"];
    let output = place.command(&arguments).current_dir(elsewhere.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output).contains("no project called nobody"), "{}", said(&output));
}

#[test]
fn with_json_the_last_line_of_stderr_says_how_it_ended_and_stdout_is_the_programs() {
    let place = Place::with_project();
    let output = place.run(&["--json", "exec", "--name", "told", "--", "sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stdout).as_ref()), (Some(7), "out\n"));
    let said = said(&output);
    let (mut lines, run) = (said.lines(), place.json(&["run", "show", "told"]));
    let report: serde_json::Value = serde_json::from_str(lines.next_back().unwrap()).unwrap();
    let expect = serde_json::json!({ "run": run["id"], "name": "told", "state": "failed", "exit_code": 7 });
    assert_eq!(report, expect);
    assert_eq!(lines.collect::<Vec<_>>(), ["err"]);
}

#[test]
fn what_is_no_program_is_refused_before_a_run_is_entered() {
    let place = Place::with_project();
    for (words, code, told) in [
        (&["--", "no-such-program-here"][..], 3, "no-such-program-here"),
        (&["--", "python3 long.py"], 3, "Drop the quotes"),
        (&["--max-seconds", "5", "--", "true"], 2, "Unexpected argument --max-seconds"),
    ] {
        let output = place.run(&[&["exec"], words].concat());
        assert_eq!(output.status.code(), Some(code), "{words:?}: {}", said(&output));
        assert!(said(&output).contains(told), "{words:?}: {}", said(&output));
        assert!(code == 3 || said(&output).contains("--max-hours"), "{}", said(&output));
    }
    let output = place.run(&["search", "start", "--trails", "3", "--try", "x=1", "--", "true"]);
    assert!(said(&output).contains("Unexpected argument --trails") && said(&output).contains("--trials"));
    assert_eq!(place.json(&["run", "list"])["total"], 0);
}

#[test]
fn stdin_and_folder_are_the_callers() {
    let place = Place::with_project();
    let mut command = place.command(&["exec", "--", "sh", "-c", "pwd; cat"]);
    let mut child = command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"typed").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.trim_end().ends_with("typed") && text.contains("project"), "{text}");
}

#[test]
fn a_request_to_end_reaches_the_program_and_stands_in_the_run() {
    let place = Place::with_project();
    let mut command = place.command(&["exec", "--name", "ended", "--", "sh", "-c", "echo ready; exec sleep 600"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut ready).unwrap();
    assert_eq!(ready, "ready\n");
    let pid = rustix::process::Pid::from_raw(child.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(128 + 15));
    let run = place.json(&["run", "show", "ended"]);
    assert_eq!((run["state"].as_str(), run["exit_code"].as_i64()), (Some("stopped"), Some(143)));
}

#[test]
fn a_log_that_is_followed_tells_what_comes_and_ends_with_the_run() {
    let place = Place::with_project();
    let script = "echo one; while [ ! -e go ]; do sleep 0.05; done; echo two";
    let mut command = place.command(&["exec", "--name", "followed", "--", "sh", "-c", script]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    assert_eq!(line, "one\n", "it has begun");

    let mut command = place.command(&["run", "log", "followed", "--follow"]);
    let mut follower = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut told = std::io::BufReader::new(follower.stdout.take().unwrap());
    line.clear();
    std::io::BufRead::read_line(&mut told, &mut line).unwrap();
    assert_eq!(line, "one\n");
    std::fs::write(place.project().join("go"), "").unwrap();
    line.clear();
    std::io::Read::read_to_string(&mut told, &mut line).unwrap();
    assert_eq!(line, "two\n");
    assert!(follower.wait().unwrap().success() && child.wait().unwrap().success());
}

#[cfg(target_os = "linux")]
#[test]
fn the_program_of_a_killed_exec_ends_with_it() {
    let place = Place::with_project();
    let mut command = place.command(&["exec", "--name", "cut-off", "--", "sh", "-c", "echo $$; exec sleep 600"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut pid = String::new();
    std::io::BufRead::read_line(&mut output, &mut pid).unwrap();
    let status = std::path::Path::new("/proc").join(pid.trim()).join("status");
    assert!(status.is_file());
    child.kill().unwrap();
    child.wait().unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    // One that ended stays as a zombie until whoever inherited it looks.
    while std::fs::read_to_string(&status).is_ok_and(|text| !text.contains("State:\tZ")) {
        assert!(std::time::Instant::now() < until, "the program goes on");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    // The host looks after it from time to time.
    while place.json(&["run", "show", "cut-off"])["state"] == "running" {
        assert!(std::time::Instant::now() < until, "nobody noticed");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(place.json(&["run", "show", "cut-off"])["state"], "killed");
}

#[test]
fn a_second_request_ends_a_program_that_does_not_listen() {
    let place = Place::with_project();
    let script = "trap 'echo asked' TERM; echo ready; while true; do sleep 0.1; done";
    let mut command = place.command(&["exec", "--name", "deaf", "--", "sh", "-c", script]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut ready = String::new();
    std::io::BufRead::read_line(&mut output, &mut ready).unwrap();
    let asked = String::from_utf8_lossy(&place.run(&["run", "stop", "deaf"]).stdout).into_owned();
    assert!(asked.contains("Ask again"), "{asked}");
    let mut heard = String::new();
    std::io::BufRead::read_line(&mut output, &mut heard).unwrap();
    assert_eq!(heard.trim(), "asked", "it was to be asked first");
    place.run(&["run", "stop", "deaf"]);
    child.wait().unwrap();
    assert_eq!(place.json(&["run", "show", "deaf"])["exit_code"], 128 + 9);
    place.run(&["serve", "--stop"]);
}

#[test]
fn values_and_steps_at_the_ends_of_their_range_neither_end_the_program_nor_hide_the_runs() {
    let place = Place::with_project();
    let lines = r#"echo '{"metric": "a", "value": 1e308, "step": 9223372036854775807}'; echo '{"metric": "a", "value": NaN}'; echo out"#;
    let output = place.run(&["exec", "--name", "wide", "--", "sh", "-c", lines]);
    assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).ends_with("out\n"), "{}", said(&output));
    let listed = place.run(&["run", "list"]);
    assert!(listed.status.success(), "{}", said(&listed));
    assert!(String::from_utf8_lossy(&listed.stdout).contains("wide"));
}

/// `slipway exec` behind a terminal of the test's.
#[cfg(target_os = "linux")]
fn at_terminal(place: &Place, name: &str, script: &str) -> std::process::Child {
    typed(place, &format!("exec --name {name} -- sh -c '{script}'"))
}

/// `slipway` with these words behind a terminal of the test's, through util-linux's `script`.
#[cfg(target_os = "linux")]
pub(crate) fn typed(place: &Place, words: &str) -> std::process::Child {
    let inner = format!("stty rows 33 cols 77; exec {} {words}", env!("CARGO_BIN_EXE_slipway"));
    let mut command = place.command(&[]);
    let surroundings: Vec<_> =
        command.get_envs().map(|(key, value)| (key.to_owned(), value.map(ToOwned::to_owned))).collect();
    command = std::process::Command::new("script");
    for (key, value) in surroundings {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    command.args(["-qec", &inner, "/dev/null"]).current_dir(place.project());
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap()
}

/// Reads until the words have come; what came is returned.
#[cfg(target_os = "linux")]
pub(crate) fn until(from: &mut impl std::io::Read, words: &str) -> String {
    let mut came = Vec::new();
    let mut byte = [0];
    while !String::from_utf8_lossy(&came).contains(words) {
        assert_eq!(from.read(&mut byte).unwrap(), 1, "it ended with {}", String::from_utf8_lossy(&came));
        came.push(byte[0]);
    }
    String::from_utf8_lossy(&came).into_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn at_a_terminal_the_program_has_one_of_its_own() {
    let place = Place::with_project();
    let script = "test -d $SLIPWAY_ARTIFACTS && test -t 0 && test -t 1 && test -t 2 && stty size; read line; echo got $line; exit 5";
    let mut child = at_terminal(&place, "shown", script);
    let mut stdout = child.stdout.take().unwrap();
    until(&mut stdout, "33 77");
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"typed\r").unwrap();
    until(&mut stdout, "got typed");
    assert_eq!(child.wait().unwrap().code(), Some(5));
    let run = place.json(&["run", "show", "shown"]);
    assert_eq!((run["state"].as_str(), run["exit_code"].as_i64()), (Some("failed"), Some(5)));
    let log = String::from_utf8_lossy(&place.run(&["run", "log", "shown"]).stdout).into_owned();
    assert!(log.contains("33 77") && log.contains("got typed"), "{log}");
}

#[cfg(target_os = "linux")]
#[test]
fn at_a_terminal_a_job_is_a_bar_that_ends_as_one_line() {
    let place = Place::with_project();
    let mut child = typed(&place, "data snapshot");
    let mut shown = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut shown).unwrap();
    assert!(child.wait().unwrap().success(), "{shown}");
    // A bar has two spaces behind its title, a plain line a colon.
    assert!(shown.contains("Snapshot of small  "), "no bar: {shown:?}");
    let ended: Vec<&str> = shown.lines().filter(|line| line.contains("Snapshot of small: ")).collect();
    assert!(ended.len() == 1 && ended[0].trim_end().ends_with(')'), "{shown:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_at_the_terminal_is_the_programs() {
    let place = Place::with_project();
    let mut child = at_terminal(&place, "broken-off", "echo ready; exec sleep 600");
    let mut stdout = child.stdout.take().unwrap();
    until(&mut stdout, "ready");
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, &[3]).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let run = place.json(&["run", "show", "broken-off"]);
    assert_eq!((run["state"].as_str(), run["exit_code"].as_i64()), (Some("stopped"), Some(130)));
}

fn budget(place: &Place, limit: &str) {
    let path = place.project().join("slipway.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, format!("{text}\n[budget]\n{limit}\n")).unwrap();
}

#[test]
fn a_program_that_used_its_budget_is_stopped_and_its_run_says_so() {
    let place = Place::with_project();
    assert!(place.run(&["settings", "set", "price_per_hour=3600", "currency=EUR"]).status.success());
    budget(&place, "max_cost = 2");
    let output = place.run(&["exec", "--name", "dear", "--", "sleep", "300"]);
    assert_eq!(output.status.code(), Some(143), "{}", said(&output));
    assert!(said(&output).contains("slipway: stopped by the budget: it used "), "{}", said(&output));
    let run = place.json(&["run", "show", "dear"]);
    assert_eq!(run["state"], "stopped", "{run}");
    let because = run["ended_because"]["message"].as_str().unwrap();
    assert!(
        because.starts_with("Stopped by the budget: it used ") && because.ends_with(" of at most 2.00 EUR."),
        "{because}"
    );
    assert!(run["spent"]["cost"].as_f64().unwrap() >= 2.0, "{run}");
    let shown = String::from_utf8_lossy(&place.run(&["run", "show", "dear"]).stdout).into_owned();
    assert!(shown.contains("EUR") && shown.contains("budget"), "{shown}");
    let listed = place.json(&["run", "list", "--filter", "cost > 1"]);
    assert_eq!(listed["total"], 1, "{listed}");
    // A price that is taken away leaves a limit that could never be reached.
    assert!(place.run(&["settings", "set", "price_per_hour="]).status.success());
    let refused = place.run(&["exec", "--", "true"]);
    assert!(!refused.status.success() && said(&refused).contains("no price is set"), "{}", said(&refused));
}

#[test]
fn without_a_host_it_is_said_that_nobody_watches_the_budget() {
    let place = Place::with_project();
    budget(&place, "max_hours = 1");
    let output = place.run(&["exec", "--no-host", "--", "true"]);
    assert!(output.status.success() && said(&output).contains("only a host watches the budget"), "{}", said(&output));
}

#[cfg(unix)]
#[test]
fn the_packages_that_a_programs_interpreter_has_are_its_runs_environment() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::with_project();
    let environment = place.project().join("env");
    std::fs::create_dir_all(environment.join("bin")).unwrap();
    std::fs::write(environment.join("pyvenv.cfg"), "home = /usr/bin\nversion = 3.12.4\n").unwrap();
    let python = environment.join("bin/python");
    std::fs::write(&python, "#!/bin/sh\nexit 0\n").unwrap();
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    let site = environment.join("lib/python3.12/site-packages");
    let run = |name: &str, version: &str| {
        let _ = std::fs::remove_dir_all(&site);
        std::fs::create_dir_all(site.join(format!("numpy-{version}.dist-info"))).unwrap();
        let output = place.run(&["exec", "--name", name, "--", "env/bin/python", "train.py"]);
        assert!(output.status.success(), "{}", said(&output));
    };
    run("older", "1.26.4");
    run("newer", "2.1.0");
    let environment = &place.json(&["run", "show", "older"])["environment"];
    assert_eq!((&environment["package.numpy"], &environment["package.python"]), (&"1.26.4".into(), &"3.12.4".into()));
    let diff = place.json(&["run", "diff", "older", "newer"]);
    let packages = diff["rows"].as_array().unwrap().iter().filter(|row| row["key"] == "package.numpy");
    assert_eq!(packages.map(|row| row["values"].clone()).collect::<Vec<_>>(), [serde_json::json!(["1.26.4", "2.1.0"])]);
}
