//! What was deleted or removed is listed and comes back by its command, or goes for good.

use std::{io::Write as _, process::Stdio};

use serde_json::{Value, json};

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
fn a_snapshot_and_a_target_come_back_and_what_was_never_deleted_does_not() {
    let place = Place::with_project();
    place.json(&["data", "snapshot"]);
    let snapshots = || place.json(&["data", "list"])["snapshots"].as_array().unwrap().len();
    let told = text(&place, &["data", "delete", "v1"]);
    assert!(told.starts_with("v1 is deleted; its ") && snapshots() == 0, "{told}");
    let listed = text(&place, &["data", "list", "--deleted"]);
    assert!(listed.lines().any(|line| line.split_whitespace().take(2).eq(["v1", "3"])), "{listed}");
    let told = back(&place, &told);
    assert!(told.starts_with("v1 is back: 3 rows, 2 columns, ") && snapshots() == 1, "{told}");
    assert_eq!(place.json(&["data", "preview", "v1"])["total_rows"], 3);
    assert_eq!(place.json(&["data", "list", "--deleted"]), json!([]));
    text(&place, &["data", "delete", "v1"]);
    let told = text(&place, &["data", "purge", "v1"]);
    assert!(told.starts_with("The snapshot is deleted for good; "), "{told}");
    refused(&place, &["data", "restore", "v1"], "There is no deleted snapshot \"v1\".");

    let config = place.path().join("kubeconfig");
    let cluster = "apiVersion: v1\nkind: Config\n\
                   clusters: [{name: here, cluster: {server: 'https://127.0.0.1:1'}}]\n\
                   users: [{name: me, user: {token: hidden}}]\n\
                   contexts: [{name: mine, context: {cluster: here, user: me}}]\n";
    std::fs::write(&config, cluster).unwrap();
    let targets = || names(&place.json(&["target", "list"]), "name");
    let before = targets();
    text(&place, &["target", "add", "cluster", "--context", "mine", "--kubeconfig", config.to_str().unwrap()]);
    let told = text(&place, &["target", "remove", "cluster"]);
    assert_eq!((&*told, targets()), ("cluster is forgotten.\nBack: slipway target restore cluster\n", before.clone()));
    let removed = text(&place, &["target", "list", "--removed"]);
    assert!(removed.contains("mine/default"), "{removed}");
    let told = back(&place, &told);
    assert!(told.contains("mine, namespace default"), "{told}");
    assert_eq!(targets().len(), before.len() + 1);
    assert_eq!(place.json(&["target", "list", "--removed"]), json!([]));
    refused(&place, &["target", "restore", "cluster"], "There is no removed target \"cluster\".");

    // A deployment needs a model first; that none was deleted is known without.
    assert_eq!(place.json(&["deploy", "list", "--all", "--deleted"]), json!([]));
    refused(&place, &["deploy", "restore", "nobody"], "`slipway deploy list --all --deleted`");
}

#[test]
fn a_removed_registry_comes_back_with_its_password_also_where_no_host_ran_before() {
    let place = Place::new();
    place.json(&["settings", "set", "secret_store=file"]);
    let with_password = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"hidden\n").unwrap();
        assert!(child.wait().unwrap().success(), "{arguments:?}");
        // A keychain may ask its person first, which keeps nobody else waiting.
        assert!(place.workspace().join("host.json").exists(), "{arguments:?}");
        assert!(place.run(&["serve", "--stop"]).status.success());
    };
    let add = ["registry", "add", "mine", "127.0.0.1:1/team", "--plain-http", "--username", "me", "--password-stdin"];
    with_password(&add);
    let known = || place.json(&["registry", "list"]);
    let signs_in = |registries: &Value| (registries[0]["username"].clone(), registries[0]["credentials"].clone());
    assert_eq!(signs_in(&known()), (json!("me"), json!("secret store")));
    with_password(&["registry", "password", "mine", "--username", "you"]);
    let before = known();
    assert_eq!(signs_in(&before), (json!("you"), json!("secret store")));

    // Who removes it is the only one that knows its password then, and stays for that.
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
