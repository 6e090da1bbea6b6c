//! What was deleted or removed is listed and comes back by its command, or goes for good.

use std::{io::Write as _, process::Stdio};

use serde_json::json;

use crate::{
    program::{Place, said},
    tracking::{Client, names},
};

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
fn files_of_a_run_are_deleted_restored_and_deleted_for_good() {
    let place = Place::with_project();
    place.json(&["project", "show"]);
    let client = Client::of(&place);
    let run = client.run(&json!(0), "deep", "0.1", 4.0);
    place.json(&["run", "move", "deep", "--to", "small"]);
    let folder = place.workspace().join("runs").join(&run).join("artifacts");
    std::fs::create_dir_all(folder.join("plots")).unwrap();
    for (name, content) in [("notes.txt", "12345"), ("plots/a.txt", "first"), ("plots/b.txt", "second")] {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let of_run = |more: &[&str]| text(&place, &[&["run", "artifacts", "deep"], more].concat());
    let files = |more: &[&str]| names(&place.json(&[&["run", "artifacts", "deep"], more].concat()), "path");
    let all = ["artifacts/notes.txt", "artifacts/plots/a.txt", "artifacts/plots/b.txt"];
    assert_eq!(files(&[]), all);

    let told = of_run(&["--delete", "artifacts/plots"]);
    let said_of_it = "artifacts/plots is deleted; its 11 B go with the first cleaning a day later.\n\
                      Back: slipway run artifacts deep --restore artifacts/plots\n";
    assert_eq!(told, said_of_it);
    assert_eq!(files(&[]), all[..1]);
    assert_eq!(files(&["--deleted"]), all[1..]);
    let csv = of_run(&["--deleted", "--csv"]);
    assert!(csv.starts_with("file,size_bytes,deleted\r\nartifacts/plots/a.txt,5,"), "{csv}");
    // A file of the folder comes back alone, and stands in the way of the whole folder.
    assert_eq!(of_run(&["--restore", all[2]]), "artifacts/plots/b.txt is back (6 B).\n");
    let taken = place.run(&["run", "artifacts", "deep", "--restore", "artifacts/plots"]);
    assert_eq!(taken.status.code(), Some(1), "{}", said(&taken));
    assert!(said(&taken).contains("Something else stands at \"artifacts/plots\" now."), "{}", said(&taken));
    assert_eq!(of_run(&["--restore", all[1]]), "artifacts/plots/a.txt is back (5 B).\n");
    assert_eq!(files(&[]), all);
    assert_eq!(std::fs::read_to_string(folder.join("plots/a.txt")).unwrap(), "first");

    // Whose it is stands in the way back, also where it was the latest.
    let told = text(&place, &["run", "artifacts", "latest", "--delete", all[0]]);
    assert!(told.ends_with(&format!("\nBack: slipway run artifacts {run} --restore {}\n", all[0])), "{told}");
    assert_eq!(back(&place, &told), "artifacts/notes.txt is back (5 B).\n");
    of_run(&["--delete", all[0]]);
    assert_eq!(of_run(&["--purge", all[0]]), "artifacts/notes.txt is deleted for good; 5 B freed.\n");
    assert_eq!(of_run(&["--deleted"]), "Nothing of the run's files was deleted within a day.\n");
    assert_eq!(files(&[]), all[1..]);
    for act in ["--restore", "--purge"] {
        let gone = "`slipway run artifacts RUN --deleted` lists what was.";
        refused(&place, &["run", "artifacts", "deep", act, all[0]], gone);
    }
    let both = place.run(&["run", "artifacts", "deep", "--delete", all[1], "--purge", all[1]]);
    assert_eq!(both.status.code(), Some(2), "{}", said(&both));
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
