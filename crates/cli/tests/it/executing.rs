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
    assert!(!run.to_string().contains("very secret"));
    let loss = run["metrics"].as_array().unwrap().iter().find(|metric| metric["key"] == "loss").unwrap();
    assert_eq!((loss["count"].as_u64(), loss["step"].as_i64(), loss["last"].as_f64()), (Some(2), Some(2), Some(0.25)));
    assert!(run["metrics"].as_array().unwrap().iter().any(|metric| metric["key"] == "system/memory_bytes"));
    let log = place.run(&["run", "log", "tried"]);
    assert!(String::from_utf8_lossy(&log.stdout).starts_with("hello\n"));
    assert_eq!(String::from_utf8_lossy(&place.run(&["run", "log", "tried", "--stderr"]).stdout), "oh\n");
}

#[test]
fn a_program_that_is_not_there_is_a_failed_run_and_an_error() {
    let place = Place::with_project();
    let output = place.run(&["exec", "--name", "missing", "--", "no-such-program-here"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output).contains("no-such-program-here"));
    assert_eq!(place.json(&["run", "show", "missing"])["state"], "failed");
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
