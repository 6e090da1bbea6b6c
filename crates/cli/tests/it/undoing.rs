//! What was deleted or removed is listed and comes back by its command, or goes for good.

use std::{io::Write as _, process::Stdio};

use serde_json::json;

use crate::program::{Place, said};

/// What a command that succeeds prints.
fn text(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the command that the answer of a deletion names.
fn back(place: &Place, told: &str) -> String {
    let command = told.lines().last().unwrap().strip_prefix("Back: slipway ").unwrap();
    text(place, &command.split(' ').collect::<Vec<_>>())
}

/// A command that finds nothing to bring back.
fn refused(place: &Place, arguments: &[&str], told: &str) {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", said(&output));
    assert!(said(&output).contains(told), "{arguments:?}: {}", said(&output));
}

#[test]
fn a_removed_registry_comes_back_with_its_password_also_where_no_host_ran_before() {
    let place = Place::new();
    place.json(&["settings", "set", "secret_store=file"]);
    let add = ["registry", "add", "mine", "127.0.0.1:1/team", "--plain-http", "--username", "me", "--password-stdin"];
    let mut add = place.command(&add).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    add.stdin.take().unwrap().write_all(b"hidden\n").unwrap();
    assert!(add.wait().unwrap().success());
    let known = || place.json(&["registry", "list"]);
    let before = known();
    assert_eq!((&before[0]["name"], &before[0]["credentials"]), (&json!("mine"), &json!("secret store")));

    // Who removes it is the only one that knows its password then, and stays for that.
    assert!(place.run(&["serve", "--stop"]).status.success());
    let told = text(&place, &["registry", "remove", "mine"]);
    assert_eq!(told, "mine is forgotten, and its password deleted.\nBack: slipway registry restore mine\n");
    assert_eq!(known(), json!([]));
    assert!(!place.json(&["secret", "list"]).to_string().contains("registry/"));
    let removed = text(&place, &["registry", "list", "--removed"]);
    assert!(removed.lines().any(|line| line.starts_with("mine") && line.contains("127.0.0.1:1/team")), "{removed}");
    back(&place, &told);
    assert_eq!(known(), before);
    assert_eq!(place.json(&["registry", "list", "--removed"]), json!([]));
    refused(&place, &["registry", "restore", "mine"], "There is no removed registry \"mine\".");
}
