use crate::program::{Place, said};

#[test]
fn completions_are_printed_for_every_shell() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let output = place.run(&["completions", shell]);
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && script.contains("slipway") && script.contains("monitor"), "{shell}");
    }
    assert!(!place.workspace().exists(), "completions open no workspace");
}

#[test]
fn without_a_host_a_command_answers_by_itself() {
    let place = Place::new();
    let settings = place.json(&["settings", "show"]);
    // Not as text: the order of keys hangs on how serde_json was built beside other packages.
    let expected = serde_json::json!({
        "memory_limit_bytes": null,
        "notifications": true,
        "reference_above_bytes": 21_474_836_480_u64,
        "samples_folder": null,
        "secret_store": null,
        "theme": "system",
    });
    assert_eq!(settings, expected);
    assert_eq!(place.json(&["settings", "set", "theme=dark"])["theme"], "dark");
    assert_eq!(place.json(&["settings", "show"])["theme"], "dark");
    assert!(!place.workspace().join("host.json").exists());
    // The log of these commands is there, and nothing of it was on stderr.
    assert_eq!(said(&place.run(&["settings", "show"])), "");
}

#[test]
fn outside_of_a_project_the_way_in_is_said() {
    let place = Place::new();
    let output = place.run(&["run", "list"]);
    assert_eq!(output.status.code(), Some(3));
    let said = said(&output);
    assert!(said.contains("slipway.toml") && said.contains("hint: ") && said.contains("--project"), "{said}");
    let as_json: serde_json::Value = serde_json::from_slice(&place.run(&["run", "list", "--json"]).stderr).unwrap();
    assert_eq!(as_json["code"], "not_found");
}

#[test]
fn a_folder_with_a_file_is_a_project_by_being_there() {
    let place = Place::with_project();
    assert_eq!(place.json(&["run", "list"])["total"], 0);
    let projects = place.json(&["project", "list"]);
    assert_eq!(projects[0]["project"]["name"], "small");
    // From elsewhere it is named.
    let mut command = place.command(&["--json", "--project", "small", "run", "list"]);
    assert!(command.current_dir(place.path()).output().unwrap().status.success());
}

#[test]
fn wrong_words_are_usage_errors() {
    let place = Place::new();
    for wrong in [&["run", "start", "--model", "nonsense"][..], &["nonsense"], &["call", "job.list", "no json"]] {
        assert_eq!(place.run(wrong).status.code(), Some(2), "{wrong:?}");
    }
}
