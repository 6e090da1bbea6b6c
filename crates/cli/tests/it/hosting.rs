use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    program::{Place, said},
    tracking::Client,
};

/// A host that is ended with the test.
struct Hosted {
    child: Child,
    address: String,
}

impl Hosted {
    fn start(place: &Place) -> Self {
        let mut child =
            place.command(&["serve", "--keep"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        // The address is printed once the host answers.
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim().to_owned() }
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_host_without_client_and_work_ends_by_itself_and_leaves_one_file() {
    let place = Place::new();
    let mut host = place.command(&["serve", "--idle-secs", "1"]).stdout(Stdio::piped()).spawn().unwrap();
    assert!(host.wait().unwrap().success());
    let left: Vec<_> = std::fs::read_dir(place.workspace()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    for gone in ["host.json", "slipway.db-wal", "slipway.db-shm"] {
        assert!(!left.iter().any(|name| name == gone), "{left:?}");
    }
    assert!(left.iter().any(|name| name == "slipway.db"));
}

#[test]
fn a_host_stays_for_a_clients_run_that_is_quiet_and_ends_with_it() {
    let place = Place::new();
    let mut host = place.command(&["serve", "--idle-secs", "3"]).stdout(Stdio::piped()).spawn().unwrap();
    BufReader::new(host.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    // After `slipway tracking` it would stay anyway.
    let client = Client::told(&place, &["call", "tracking.get", "{}"]);
    let begun = json!({ "experiment_id": "0", "run_name": "quiet" });
    let run = client.post("runs/create", &begun)["run"]["info"]["run_id"].clone();
    // Nothing tells that a host does not end: it is given twice as long as one without work lasts.
    let until = Instant::now() + Duration::from_secs(6);
    while Instant::now() < until {
        assert!(host.try_wait().unwrap().is_none(), "the address must stay");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(place.json(&["serve", "--status"])["work"], json!(["Run quiet of an MLflow client"]));
    client.post("runs/update", &json!({ "run_id": run, "status": "FINISHED", "end_time": 1 }));
    assert!(host.wait().unwrap().success());
    assert!(!place.workspace().join("host.json").exists());
}

#[test]
fn a_host_that_ends_soon_stays_for_whoever_has_the_address_for_clients() {
    let place = Place::new();
    let mut host = place.command(&["serve", "--idle-secs", "3"]).stdout(Stdio::piped()).spawn().unwrap();
    BufReader::new(host.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    place.json(&["tracking"]);
    // Nothing tells that a host does not end: it is given twice as long as one that nobody needs lasts.
    let until = Instant::now() + Duration::from_secs(6);
    while Instant::now() < until {
        assert!(host.try_wait().unwrap().is_none(), "the address must stay");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(place.run(&["serve", "--stop"]).status.success());
    host.wait().unwrap();
}

#[test]
fn a_host_that_is_asked_to_end_leaves_one_file() {
    let place = Place::with_project();
    let mut hosted = Hosted::start(&place);
    assert_eq!(place.json(&["settings", "set", "theme=dark"])["theme"], "dark");
    assert!(place.run(&["serve", "--stop"]).status.success());
    assert!(hosted.child.wait().unwrap().success());
    assert!(!place.workspace().join("slipway.db-wal").exists());
    // And so does a command that opened the workspace by itself.
    assert_eq!(place.json(&["settings", "show"])["theme"], "dark");
    assert!(!place.workspace().join("slipway.db-wal").exists());
}

#[test]
fn what_a_host_logs_is_in_a_file_and_is_read_by_level_and_words() {
    let place = Place::new();
    let hosted = Hosted::start(&place);
    let lines = |arguments: &[&str]| place.json(&[&["log"], arguments].concat()).as_array().unwrap().clone();
    let told = lines(&["--contains", "THE HOST ANSWERS"]);
    assert!(told.iter().all(|line| line["level"] == "INFO"), "{told:?}");
    let pid = hosted.child.id().to_string();
    assert_eq!(told.iter().filter(|line| line["message"].as_str().unwrap().contains(&pid)).count(), 1, "{told:?}");
    assert!(lines(&["--level", "error", "--contains", "the host answers"]).is_empty());
    let files: Vec<_> =
        std::fs::read_dir(place.workspace().join("logs")).unwrap().map(|file| file.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    assert!(std::fs::read_to_string(file).unwrap().contains("the host answers"));
}

#[test]
fn the_log_says_once_what_was_cut_of_a_clients_run() {
    let place = Place::new();
    let _hosted = Hosted::start(&place);
    let client = Client::of(&place);
    let made = client.post("runs/create", &json!({ "experiment_id": "0" }));
    let run = made["run"]["info"]["run_id"].as_str().unwrap();
    let long = "v".repeat(70_000);
    // A script may log its configuration again and again.
    for _ in 0..3 {
        client.post("runs/log-parameter", &json!({ "run_id": run, "key": "config", "value": long }));
        client.post("runs/set-tag", &json!({ "run_id": run, "key": "config", "value": long }));
    }
    client.post("runs/log-parameter", &json!({ "run_id": run, "key": "whole", "value": long[..65_536] }));
    let told = place.json(&["log", "--level", "warn", "--contains", "and was cut"]);
    let said: Vec<&str> = told.as_array().unwrap().iter().map(|line| line["message"].as_str().unwrap()).collect();
    let [param, tag] = said.as_slice() else { panic!("{said:?}") };
    for (line, kind) in [(param, "a client's param is longer"), (tag, "a client's tag is longer")] {
        for part in [kind, run, "config", "70000", "65536"] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}

#[test]
fn the_next_host_answers_where_pages_still_ask() {
    let origin = |hosted: &Hosted| hosted.address.split("/#").next().unwrap().to_owned();
    let place = Place::new();
    let first = origin(&Hosted::start(&place));
    // Killed, not ended: what remembers the port is written at once.
    let second = Hosted::start(&place);
    assert_eq!(origin(&second), first);
    drop(second);
    let taken = std::net::TcpListener::bind(first.trim_start_matches("http://")).unwrap();
    let third = Hosted::start(&place);
    assert_ne!(origin(&third), first, "{taken:?}");
    drop((third, taken));
    assert_eq!(origin(&Hosted::start(&place)), first, "what had to be taken once is not kept");
}

#[test]
fn the_port_of_mlflows_clients_that_was_taken_once_is_tried_again() {
    let place = Place::new();
    let port = |place: &Place| {
        let _hosted = Hosted::start(place);
        place.json(&["tracking"])["port"].as_u64().unwrap() as u16
    };
    // Whichever came first is kept: 5577, or any where another host has that.
    let first = port(&place);
    let taken = std::net::TcpListener::bind(("127.0.0.1", first)).unwrap();
    assert_ne!(port(&place), first);
    drop(taken);
    assert_eq!(port(&place), first);
}

#[test]
fn an_older_host_is_asked_to_end_and_a_newer_one_is_not_spoken_to() {
    let place = Place::new();
    let older = OtherHost::start(&place, api::PROTOCOL, "0.0.1");
    // The older one has ended before the command's own host answers.
    place.json(&["open", "--address"]);
    older.ended.join().unwrap();
    assert_eq!(place.json(&["serve", "--status"])["version"], env!("CARGO_PKG_VERSION"));
    assert!(place.run(&["serve", "--stop"]).status.success());

    // The same version of the program with an earlier protocol, as between two builds.
    let earlier = OtherHost::start(&place, api::PROTOCOL - 1, env!("CARGO_PKG_VERSION"));
    place.json(&["open", "--address"]);
    earlier.ended.join().unwrap();
    assert!(place.run(&["serve", "--stop"]).status.success());

    let _newer = OtherHost::start(&place, api::PROTOCOL + 1, "99.0.0");
    let refused = place.run(&["run", "list"]);
    assert!(!refused.status.success());
    assert!(said(&refused).contains("newer") && said(&refused).contains("hint: "), "{}", said(&refused));
}

/// A host of another version, as far as a client sees one: it says who it is, and ends when asked.
struct OtherHost {
    ended: std::thread::JoinHandle<()>,
}

impl OtherHost {
    fn start(place: &Place, protocol: u32, version: &str) -> Self {
        let workspace = client::workspace::Workspace::at(place.workspace());
        let held = client::lock::try_hold(&workspace, "slipway serve").unwrap().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let file = api::host::HostFile {
            protocol,
            version: version.to_owned(),
            pid: std::process::id(),
            pid_started_ms: 1,
            address: format!("http://{address}"),
            token: "token".to_owned(),
        };
        client::host_file::write(&workspace, &file).unwrap();
        let info = serde_json::json!({
            "protocol": protocol, "version": version, "workspace": "", "pid": std::process::id(), "started_ms": 0, "work": [],
            "platform": "",
        });
        let ended = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if answer(connection.unwrap(), &info.to_string()) {
                    client::host_file::remove(&workspace);
                    return drop(held);
                }
            }
        });
        Self { ended }
    }
}

/// Answers calls of one connection; true once one asked the host to end.
fn answer(connection: std::net::TcpStream, info: &str) -> bool {
    use std::io::{Read as _, Write as _};
    let mut reader = BufReader::new(connection);
    loop {
        let (mut length, mut line) = (0, String::new());
        while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        if length == 0 {
            return false;
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let stops = String::from_utf8_lossy(&body).contains("host.stop");
        let body = if stops { "null" } else { info };
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        reader.get_mut().write_all(format!("{head}{body}").as_bytes()).unwrap();
        if stops {
            return true;
        }
    }
}

#[tokio::test]
async fn events_go_on_with_the_next_host() {
    use api::event::Event;
    use futures::StreamExt as _;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let place = Place::new();
    let mut hosted = Hosted::start(&place);
    let workspace = client::workspace::Workspace::at(place.workspace());
    let client = client::find::host(&workspace).await.unwrap().unwrap();
    let mut events = Box::pin(client.events(std::time::Duration::from_secs(60)));
    assert!(matches!(events.next().await, Some(Event::Hello { .. })));
    hosted.child.kill().unwrap();
    hosted.child.wait().unwrap();
    // The next one has another address and another token; after a gap it is Hello again.
    let next = Hosted::start(&place);
    assert_ne!(next.address, hosted.address);
    assert!(matches!(events.next().await, Some(Event::Hello { .. })));
    place.run(&["serve", "--stop"]);
    assert!(matches!(events.next().await, Some(Event::Goodbye { .. })));
    assert!(events.next().await.is_none());
}

#[test]
fn one_workspace_has_one_host_and_commands_find_it() {
    let place = Place::new();
    let mut hosted = Hosted::start(&place);
    assert!(hosted.address.starts_with("http://127.0.0.1:") && hosted.address.contains("/#"), "{}", hosted.address);
    let status = place.json(&["serve", "--status"]);
    assert_eq!(status["pid"], hosted.child.id());
    let host = hosted.address.split('/').take(3).collect::<Vec<_>>().join("/");
    let running = format!("A host runs already: process {}, {host}.", hosted.child.id());
    // A second one is not waited for: its person gets an address of the one that runs.
    let since = Instant::now();
    let second = place.run(&["serve", "--keep"]);
    assert!(second.status.success() && since.elapsed() < Duration::from_secs(8), "{}", said(&second));
    assert!(said(&second).starts_with(&running), "{}", said(&second));
    let address = String::from_utf8(second.stdout).unwrap().trim().to_owned();
    assert_eq!(address.split('#').next(), hosted.address.split('#').next());
    assert_ne!(address, hosted.address, "the key is another");
    let elsewhere = place.run(&["serve", "--port", "1"]);
    assert_eq!(elsewhere.status.code(), Some(5));
    assert!(said(&elsewhere).contains(&format!("error: {running}")), "{}", said(&elsewhere));
    // Another command asks the host, and gets a new address from it.
    let opened = place.json(&["open", "--address"]);
    let address = opened["address"].as_str().unwrap();
    assert_eq!(address.split('#').next(), hosted.address.split('#').next());
    assert_ne!(address, hosted.address);
    assert!(place.run(&["serve", "--stop"]).status.success());
    assert!(hosted.child.wait().unwrap().success());
    assert!(!place.workspace().join("host.json").exists());
}

#[test]
fn a_secret_is_set_through_a_host_so_that_its_keychain_keeps_nobody_waiting() {
    let place = Place::new();
    let mut command = place.command(&["secret", "set", "token", "--backend", "file"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"hidden\n").unwrap();
    assert!(child.wait().unwrap().success());
    // The host is there for a while yet, and is who is asked.
    assert!(place.workspace().join("host.json").exists());
    assert!(place.json(&["secret", "list"]).to_string().contains("token"));
}

#[test]
fn a_host_that_is_killed_leaves_the_workspace_usable() {
    let place = Place::new();
    let mut hosted = Hosted::start(&place);
    hosted.child.kill().unwrap();
    hosted.child.wait().unwrap();
    assert!(place.workspace().join("host.json").exists());
    assert_eq!(place.json(&["settings", "show"])["theme"], "system");
    // And the next host takes over.
    let next = Hosted::start(&place);
    assert_eq!(place.json(&["serve", "--status"])["pid"], next.child.id());
}

#[cfg(unix)]
#[test]
fn a_host_that_is_asked_by_the_system_ends_cleanly() {
    let place = Place::new();
    let mut hosted = Hosted::start(&place);
    let pid = rustix::process::Pid::from_raw(hosted.child.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(hosted.child.wait().unwrap().success());
    assert!(!place.workspace().join("host.json").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_started_host_that_dies_is_buried_while_its_starter_lives() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let place = Place::new();
    let workspace = client::workspace::Workspace::at(place.workspace());
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_slipway"));
    let host = client::start::start(&workspace, program, None).await.unwrap();
    let pid = rustix::process::Pid::from_raw(host.host().pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    // A zombie still takes signals.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while rustix::process::test_kill_process(pid).is_ok() {
        assert!(std::time::Instant::now() < until, "process {} was never waited for", host.host().pid);
        tokio::task::yield_now().await;
    }
}
