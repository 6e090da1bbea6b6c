//! `slipway run plot --follow` and `run list --follow`: runs are shown anew until they are over, and no longer.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    program::{Place, said},
    tracking::Client,
};

const BEGAN_MS: i64 = 1_700_000_000_000;

/// A run of a client that goes on.
fn begin(client: &Client) -> String {
    let body = json!({ "experiment_id": "0", "run_name": "live", "start_time": BEGAN_MS });
    client.post("runs/create", &body)["run"]["info"]["run_id"].as_str().unwrap().to_owned()
}

fn log(client: &Client, run: &str, step: i64, value: f64) {
    let timestamp = BEGAN_MS + 1_000 * (step + 1);
    let metric = json!({ "run_id": run, "key": "loss", "value": value, "timestamp": timestamp, "step": step });
    client.post("runs/log-metric", &metric);
}

/// Follows the run in a picture, where its series is only to come.
fn followed(place: &Place) -> (Child, PathBuf) {
    let file = place.path().join("live.svg");
    let picture = file.to_str().unwrap();
    let mut command = place.command(&["run", "plot", "live", "--metric", "loss", "--follow", "--svg", picture]);
    (command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap(), file)
}

/// The picture once it is another one.
fn drawn(file: &Path, before: &str) -> String {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        match std::fs::read_to_string(file) {
            Ok(svg) if svg != before => return svg,
            _ => assert!(Instant::now() < until, "nothing new was drawn"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn new_points_of_a_run_are_drawn_until_it_is_over() {
    let place = Place::new();
    let client = Client::of(&place);
    let run = begin(&client);
    let (mut follower, file) = followed(&place);
    log(&client, &run, 0, 4.0);
    log(&client, &run, 1, 2.0);
    let first = drawn(&file, "");
    log(&client, &run, 90, 1.0);
    let second = drawn(&file, &first);
    assert!(follower.try_wait().unwrap().is_none(), "it ends before the run");
    log(&client, &run, 900, 0.5);
    client.post("runs/update", &json!({ "run_id": run, "status": "FINISHED", "end_time": BEGAN_MS + 1_000_000 }));
    let ended = follower.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", said(&ended));
    assert!(String::from_utf8_lossy(&ended.stdout).contains("live.svg is written."), "{}", said(&ended));
    // What came last is in it.
    assert_ne!(std::fs::read_to_string(&file).unwrap(), second);
}

#[test]
fn a_run_that_is_deleted_is_followed_no_more() {
    let place = Place::new();
    let client = Client::of(&place);
    let run = begin(&client);
    log(&client, &run, 0, 4.0);
    let (follower, file) = followed(&place);
    drawn(&file, "");
    client.post("runs/delete", &json!({ "run_id": run }));
    let ended = follower.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", said(&ended));
    assert!(said(&ended).contains(&format!("Back: slipway run restore {run}")), "{}", said(&ended));
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_the_following_and_leaves_a_whole_picture() {
    let place = Place::new();
    let client = Client::of(&place);
    let run = begin(&client);
    log(&client, &run, 0, 4.0);
    let (follower, file) = followed(&place);
    let svg = drawn(&file, "");
    let pid = follower.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ended = follower.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", said(&ended));
    assert!(svg.trim_end().ends_with("</svg>") && said(&ended).contains("followed no more"), "{}", said(&ended));
    let mut left = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.all(|name| !name.to_string_lossy().starts_with(".slipway-")));
    assert_eq!(place.json(&["run", "show", "live"])["state"], "running", "it goes on");
}

#[test]
#[cfg(target_os = "linux")]
fn at_a_terminal_new_points_are_drawn_over_the_old() {
    use crate::executing::{typed, until};
    let place = Place::new();
    let client = Client::of(&place);
    let run = begin(&client);
    let mut follower = typed(&place, "run plot live --follow");
    let mut shown = follower.stdout.take().unwrap();
    until(&mut shown, "No points yet.");
    log(&client, &run, 0, 4.0);
    log(&client, &run, 1, 2.0);
    // Each drawing begins on an empty screen.
    until(&mut shown, "\x1b[2Jloss");
    until(&mut shown, "4 ┤");
    log(&client, &run, 2, 64.0);
    until(&mut shown, "64 ┤");
    client.post("runs/update", &json!({ "run_id": run, "status": "FINISHED", "end_time": BEGAN_MS + 5_000 }));
    assert!(follower.wait().unwrap().success());
}

/// Follows the list through a pipe.
fn listed(place: &Place, options: &[&str]) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut command = place.command(&[options, &["run", "list", "--everywhere", "--follow"]].concat());
    let mut follower = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(follower.stdout.take().unwrap()).lines().map(Result::unwrap);
    (follower, lines)
}

#[test]
fn rows_of_the_list_that_changed_follow_until_no_run_goes_on() {
    let place = Place::new();
    let client = Client::of(&place);
    client.run(&json!(0), "over", "0.1", 4.0);
    let run = begin(&client);
    let (follower, lines) = listed(&place, &["--json"]);
    let mut rows = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
    let first: Vec<Value> = rows.by_ref().take(2).collect();
    assert!(first.iter().any(|row| row["name"] == "live" && row["state"] == "running"), "{first:?}");
    log(&client, &run, 0, 4.0);
    let measured = rows.find(|row| row["metrics"]["loss"]["last"] == json!(4.0)).unwrap();
    assert_eq!(measured["name"], "live", "{measured}");
    client.post("runs/update", &json!({ "run_id": run, "status": "FINISHED", "end_time": BEGAN_MS + 9_000 }));
    let last = rows.last().unwrap();
    assert_eq!((&last["name"], &last["state"]), (&json!("live"), &json!("finished")), "{last}");
    let ended = follower.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", said(&ended));
    // Of runs that are over the list is printed once.
    let (over, lines) = listed(&place, &[]);
    let lines: Vec<String> = lines.collect();
    assert!(lines.len() == 3 && lines[0].starts_with("run "), "{lines:?}");
    assert!(over.wait_with_output().unwrap().status.success());
    let refused = place.run(&["run", "list", "--everywhere", "--follow", "--csv"]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_the_following_of_the_list() {
    let place = Place::new();
    let client = Client::of(&place);
    begin(&client);
    let (follower, mut lines) = listed(&place, &[]);
    assert!(lines.by_ref().take(2).any(|line| line.starts_with("live")));
    let pid = follower.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let ended = follower.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", said(&ended));
    assert!(said(&ended).contains("followed no more"), "{}", said(&ended));
}

#[test]
#[cfg(target_os = "linux")]
fn at_a_terminal_the_list_is_shown_over_itself() {
    use crate::executing::{typed, until};
    let place = Place::new();
    let client = Client::of(&place);
    let run = begin(&client);
    let mut follower = typed(&place, "run list --everywhere --follow");
    let mut shown = follower.stdout.take().unwrap();
    until(&mut shown, "\x1b[2J");
    until(&mut shown, "running");
    client.post("runs/update", &json!({ "run_id": run, "status": "FINISHED", "end_time": BEGAN_MS + 5_000 }));
    until(&mut shown, "\x1b[2J");
    until(&mut shown, "finished");
    assert!(follower.wait().unwrap().success());
}
