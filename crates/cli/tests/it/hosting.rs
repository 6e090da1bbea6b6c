use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

use crate::program::{Place, said};

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
fn one_workspace_has_one_host_and_commands_find_it() {
    let place = Place::new();
    let mut hosted = Hosted::start(&place);
    assert!(hosted.address.starts_with("http://127.0.0.1:") && hosted.address.contains("/#"), "{}", hosted.address);
    let status = place.json(&["serve", "--status"]);
    assert_eq!(status["pid"], hosted.child.id());
    let second = place.run(&["serve"]);
    assert_eq!(second.status.code(), Some(5));
    assert!(said(&second).contains(&hosted.child.id().to_string()), "{}", said(&second));
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
