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
fn every_key_of_a_projects_file_is_explained_without_a_workspace() {
    let place = Place::new();
    let output = place.run(&["project", "keys"]);
    let page = String::from_utf8(output.stdout).unwrap();
    for told in ["| `target` |", "## `[search]`", "| `min_rows` |"] {
        assert!(output.status.success() && page.contains(told), "{told}: {page}");
    }
    assert!(place.json(&["project", "keys"]).as_str().unwrap().starts_with("# `slipway.toml`"));
    assert!(!place.workspace().exists(), "it opens no workspace");
}

/// What the script makes of a half typed line, asked of the shell itself.
#[cfg(unix)]
#[test]
fn bash_completes_commands_and_options() {
    let place = Place::new();
    let script = String::from_utf8(place.run(&["completions", "bash"]).stdout).unwrap();
    let file = place.path().join("completions.bash");
    std::fs::write(&file, script).unwrap();
    let complete = |words: &[&str]| {
        let line = format!(
            "source {}; COMP_WORDS=({}); COMP_CWORD={}; _slipway slipway {} {}; echo ${{COMPREPLY[@]}}",
            file.display(),
            words.join(" "),
            words.len() - 1,
            words[words.len() - 1],
            words[words.len() - 2],
        );
        let output = std::process::Command::new("bash").args(["--norc", "-c", &line]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(complete(&["slipway", "mon"]), "monitor");
    assert_eq!(complete(&["slipway", "run", "resu"]), "resume");
    assert!(complete(&["slipway", "run", "start", "--lea"]).contains("--learning-rate"));
}

/// The other shells read their script without running it.
#[cfg(unix)]
#[test]
fn the_other_shells_can_read_their_completions() {
    let place = Place::new();
    for (shell, arguments) in [("zsh", &["-n"][..]), ("fish", &["--no-execute"]), ("pwsh", &["-NoProfile", "-File"])] {
        let name = if shell == "pwsh" { "powershell" } else { shell };
        let file = place.path().join(format!("completions-{shell}.ps1"));
        std::fs::write(&file, place.run(&["completions", name]).stdout).unwrap();
        match std::process::Command::new(shell).args(arguments).arg(&file).output() {
            Ok(output) => assert!(output.status.success(), "{shell}: {}", said(&output)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                crate::skipped::left_out(&format!("{shell} not installed"));
            }
            Err(error) => panic!("{shell}: {error}"),
        }
    }
}

#[test]
fn without_a_host_a_command_answers_by_itself() {
    let place = Place::new();
    let settings = place.json(&["settings", "show"]);
    // Not as text: the order of keys hangs on how serde_json was built beside other packages.
    let expected = serde_json::json!({
        "currency": "USD",
        "memory_limit_bytes": null,
        "notifications": true,
        "price_per_hour": null,
        "price_per_kwh": null,
        "reference_above_bytes": 20_000_000_000_u64,
        "samples_folder": null,
        "secret_store": null,
        "theme": "system",
        "tracking_max_cost": null,
        "tracking_max_hours": null,
        "tracking_max_kwh": null,
        "tracking_measured": true,
        "tracking_open": false,
        "tracking_port": null,
    });
    assert_eq!(settings, expected);
    assert_eq!(place.json(&["settings", "set", "theme=dark"])["theme"], "dark");
    assert_eq!(place.json(&["settings", "show"])["theme"], "dark");
    let set = place.json(&["settings", "set", "tracking_open=true", "tracking_port=5600"]);
    assert_eq!((&set["tracking_open"], &set["tracking_port"]), (&true.into(), &5600.into()));
    assert!(place.json(&["settings", "set", "tracking_port="])["tracking_port"].is_null());
    for port in ["0", "70000"] {
        let refused = place.run(&["settings", "set", &format!("tracking_port={port}")]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(said(&refused).contains("from 1 to 65535"), "{}", said(&refused));
    }
    assert!(place.json(&["settings", "show"])["tracking_port"].is_null());
    assert!(!place.workspace().join("host.json").exists());
    // The log of these commands is there, and nothing of it was on stderr.
    assert_eq!(said(&place.run(&["settings", "show"])), "");
}

#[test]
fn commands_at_once_all_work_and_what_takes_time_starts_a_host() {
    let place = Place::with_project();
    let both = [&["data", "snapshot"][..], &["settings", "set", "theme=dark"], &["data", "snapshot"], &["run", "list"]];
    let children: Vec<std::process::Child> = both
        .iter()
        .map(|arguments| {
            let mut command = place.command(arguments);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for (child, arguments) in children.into_iter().zip(both) {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    }
    // One of the snapshots found nothing changed, and both went through one host.
    assert_eq!(place.json(&["data", "list"])["snapshots"].as_array().unwrap().len(), 1);
    assert_ne!(place.json(&["serve", "--status"])["pid"], std::process::id());
    assert!(place.run(&["serve", "--stop"]).status.success());
}

#[test]
fn what_reads_a_folder_or_deletes_is_done_by_a_host() {
    let place = Place::with_project();
    let host = place.workspace().join("host.json");
    let folder = place.path().join("elsewhere");
    std::fs::create_dir_all(&folder).unwrap();
    let elsewhere = folder.to_str().unwrap();
    let lasting = [
        &["project", "look", "."][..],
        &["project", "create", elsewhere],
        // Whatever they find, who waits for the workspace is let in meanwhile.
        &["data", "delete", "v1"],
        &["run", "delete", "nobody", "--checkpoints-only"],
        &["model", "delete", "nobody"],
        &["hardware", "--probe"],
        &["project", "forget"],
    ];
    for arguments in lasting {
        assert!(place.run(&["project", "list"]).status.success());
        assert!(!host.exists(), "before {arguments:?}");
        let output = place.run(arguments);
        assert!(host.exists(), "{arguments:?}: {}", said(&output));
        assert!(place.run(&["serve", "--stop"]).status.success());
    }
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
fn a_mistyped_project_is_no_other_one() {
    let place = Place::with_project();
    assert_eq!(place.json(&["run", "list"])["total"], 0);
    for wrong in
        [&["project", "forget", "smal"][..], &["--project", "smal", "run", "list"], &["project", "forget", ".."]]
    {
        let output = place.run(wrong);
        assert_eq!(output.status.code(), Some(3), "{wrong:?}: {}", said(&output));
        assert!(said(&output).contains("There is no project called"), "{}", said(&output));
    }
    assert_eq!(place.json(&["project", "list"])[0]["project"]["name"], "small");
    assert!(place.run(&["project", "forget", "small"]).status.success());
    assert_eq!(place.json(&["project", "list"]), serde_json::json!([]));
    assert_eq!(place.json(&["project", "list", "--deleted"])[0]["name"], "small");
    assert!(place.run(&["project", "restore", "small"]).status.success());
    assert_eq!(place.json(&["project", "list"])[0]["project"]["name"], "small");
    assert!(place.run(&["project", "forget", "small", "--for-good"]).status.success());
    assert_eq!(place.json(&["project", "list", "--deleted"]), serde_json::json!([]));
    assert_eq!(place.run(&["project", "restore", "small"]).status.code(), Some(3));
}

#[test]
fn a_folder_of_programs_is_told_how_they_are_tracked() {
    let place = Place::new();
    std::fs::write(place.project().join("train.py"), "print('hello')\n").unwrap();
    let output = place.run(&["project", "create", &place.project().to_string_lossy()]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("slipway exec -- COMMAND"), "{text}{}", said(&output));
    // What trains needs a target, and says how it is set.
    let output = place.run(&["run", "start"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("slipway project edit data.target=COLUMN"), "{}", said(&output));
}

#[test]
fn whoever_is_in_no_project_is_told_how_one_is_made() {
    let place = Place::new();
    for command in [&["run", "start"][..], &["run", "list"], &["search", "start", "--try", "x=1", "--", "true"]] {
        let told = said(&place.run(command));
        assert!(told.contains("`slipway project create .`"), "{command:?}: {told}");
    }
    let output = place.run(&["project", "create", "new one"]);
    assert_eq!(output.status.code(), Some(3));
    let hint = "`mkdir 'new one'`, then `slipway project create 'new one'`";
    assert!(said(&output).contains(hint), "{}", said(&output));
    assert!(said(&place.run(&["project", "create", "deep/new"])).contains("`mkdir -p deep/new`"));
}

#[test]
fn wrong_words_are_usage_errors() {
    let place = Place::new();
    for wrong in [&["run", "start", "--model", "nonsense"][..], &["nonsense"], &["call", "job.list", "no json"]] {
        assert_eq!(place.run(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn a_folder_whose_table_cant_be_read_becomes_no_project_until_its_lines_are_skipped() {
    let place = Place::new();
    std::fs::write(place.project().join("rows.csv"), "x,y\n1,a\n2,b,c\n3,a\n").unwrap();
    let refused = place.run(&["project", "create", "."]);
    let told = said(&refused);
    assert!(!refused.status.success() && told.contains("rows.csv, line 3") && told.contains("--ragged skip"), "{told}");
    assert!(!place.project().join("slipway.toml").exists());
    let made = place.json(&["project", "create", ".", "--ragged", "skip"]);
    assert_eq!(made["file"]["data"]["ragged"], "skip");
    assert_eq!(made["file"]["data"]["paths"], serde_json::json!(["rows.csv"]));
    let text = std::fs::read_to_string(place.project().join("slipway.toml")).unwrap();
    assert!(text.contains("ragged = \"skip\""), "{text}");
}

#[test]
fn a_folder_of_scripts_is_told_how_its_programs_are_tracked() {
    let place = Place::new();
    std::fs::write(place.project().join("train.py"), "print('hello')\n").unwrap();
    let told = String::from_utf8(place.run(&["project", "create", "."]).stdout).unwrap();
    assert!(told.contains("without data yet") && told.contains("slipway exec -- COMMAND"), "{told}");
}

#[test]
fn a_new_project_says_which_columns_look_like_ids() {
    let place = Place::new();
    let row = |row: usize| format!("B2024-{row:05};{};{}", row % 7, ["ja", "nein"][row % 2]);
    let rows: Vec<String> = (0..1200).map(row).collect();
    let text = format!("Bestellung;menge;verkauft\n{}\n", rows.join("\n"));
    std::fs::write(place.project().join("rows.csv"), text).unwrap();
    let told = said(&place.run(&["project", "create", "."]));
    assert!(told.contains("\"Bestellung\" has more than a thousand different values"), "{told}");
    assert!(!told.contains("menge"), "{told}");
}

#[test]
fn what_a_job_makes_is_the_answer_and_progress_is_beside_it() {
    let place = Place::with_project();
    let newer = place.path().join("newer.csv");
    std::fs::write(&newer, "x,y\n4,b\n").unwrap();
    let added = place.json(&["data", "add", &newer.to_string_lossy()]);
    assert_eq!(added["files"], 2);
    assert!(place.project().join("newer.csv").is_file());
    // Refused by the call: no job is made of it.
    let twice = place.run(&["data", "add", &newer.to_string_lossy()]);
    assert!(said(&twice).contains("is there already"), "{}", said(&twice));
    assert_eq!(place.json(&["job", "list"]).as_array().unwrap().len(), 1);

    place.json(&["data", "snapshot"]);
    let profile = place.run(&["--json", "data", "profile"]);
    let profile: serde_json::Value = serde_json::from_slice(&profile.stdout).unwrap();
    assert_eq!(profile["rows"], 4);
    assert_eq!(place.json(&["data", "preview"])["total_rows"], 4);
    let compared = place.json(&["data", "compare", "v1", "v1"]);
    assert_eq!(compared["drifted"], 0);

    let copied = place.path().join("copied");
    let made = place.json(&["project", "create", &newer.to_string_lossy(), "--folder", &copied.to_string_lossy()]);
    assert_eq!(made["file"]["data"]["paths"], serde_json::json!(["newer.csv"]));
    assert!(copied.join("slipway.toml").is_file());
}

#[test]
fn a_folder_and_several_files_are_copied_to_where_their_data_are_read() {
    let place = Place::new();
    let data = place.path().join("measures");
    std::fs::create_dir_all(&data).unwrap();
    let files = ["a.csv", "b.csv"].map(|name| data.join(name).to_string_lossy().into_owned());
    for file in &files {
        std::fs::write(file, "x,y\n1,a\n2,b\n3,a\n").unwrap();
    }
    let create = |paths: &[&str], folder: &str| {
        let folder = place.path().join(folder);
        let made = place.json(&[&["project", "create"], paths, &["--folder", &folder.to_string_lossy()]].concat());
        assert_eq!(made["file"]["data"]["paths"], serde_json::json!(["a.csv", "b.csv"]));
        let output = place.command(&["--json", "data", "snapshot"]).current_dir(&folder).output().unwrap();
        let taken: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(taken["rows"], 6, "{}", String::from_utf8_lossy(&output.stderr));
        made["name"].clone()
    };
    assert_eq!(create(&[&data.to_string_lossy()], "one"), "measures");
    assert_eq!(create(&[&files[0], &files[1]], "two"), "a");
    let refused = place.run(&["project", "create", &files[0], &files[1]]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--folder"));
}

/// Presses Ctrl-C once the command says the words: how it ended, and what it said from then on.
#[cfg(unix)]
fn interrupted(mut command: std::process::Command, words: &str) -> (std::process::ExitStatus, Vec<String>) {
    use std::io::BufRead as _;
    let mut child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut told = std::io::BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    if told.any(|line| line.contains(words)) {
        let pid = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    }
    let rest = told.collect();
    (child.wait().unwrap(), rest)
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_a_copy_and_leaves_nothing() {
    let place = Place::with_project();
    // A hole: quick to make, and long enough to copy.
    let large = place.path().join("large.csv");
    std::fs::File::create(&large).unwrap().set_len(1 << 30).unwrap();
    let (status, rest) = interrupted(place.command(&["data", "add", &large.to_string_lossy()]), "Copies, ");
    // Where the file system shares the bytes there was nothing to cancel.
    if status.success() {
        return;
    }
    assert_eq!(status.code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("was cancelled")), "{rest:?}");
    let left: Vec<_> = std::fs::read_dir(place.project()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
    assert_eq!(place.json(&["job", "list"])[0]["state"], "cancelled");
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_the_export_of_a_snapshot() {
    let place = Place::with_project();
    let rows = place.project().join("rows");
    std::fs::create_dir(&rows).unwrap();
    // So many files take longer than a signal.
    for number in 0..2000 {
        std::fs::write(rows.join(format!("{number}.csv")), "x,y\n1,a\n2,b\n3,a\n").unwrap();
    }
    place.json(&["project", "edit", "data.paths=rows"]);
    place.json(&["data", "snapshot"]);
    let folder = place.path().join("out");
    let command = place.command(&["data", "export", "v1", &folder.to_string_lossy()]);
    let (status, rest) = interrupted(command, "Export v1");
    // A machine that was quicker than the signal had nothing to cancel.
    if status.success() {
        return;
    }
    assert_eq!(status.code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("was cancelled")), "{rest:?}");
    let left = std::fs::read_dir(folder).into_iter().flatten().flatten();
    assert_eq!(left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".half-")).count(), 0);
    assert_eq!(place.json(&["job", "list"])[0]["state"], "cancelled");
}

#[test]
fn settings_that_are_no_numbers_are_refused() {
    let place = Place::new();
    for given in ["--learning-rate=nan", "--dropout=inf", "--l2=-inf", "--weight-decay=NaN"] {
        let output = place.run(&["run", "start", given]);
        assert_eq!(output.status.code(), Some(2), "{given}: {}", said(&output));
    }
}

#[test]
fn with_json_wrong_arguments_are_told_in_json_too() {
    let place = Place::new();
    let wrong = ["--json", "run", "start", "--no-such-option"];
    for (arguments, code) in [(&wrong[..], 2), (&["--json", "call", "no.such.method"][..], 4)] {
        let output = place.run(arguments);
        let told: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
        assert!(told["message"].is_string() && told["hint"].is_string(), "{told}");
        assert_eq!(output.status.code(), Some(code), "{told}");
    }
    let text = said(&place.run(&wrong[1..]));
    assert!(text.starts_with("error: "), "a person reads another text: {text}");
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Place::new().command(&["completions", "bash"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("Can't write the answer"), "{}", said(&output));
}

#[test]
fn creating_a_project_says_what_was_chosen() {
    let place = Place::new();
    let mut text = "house_id,built,price\n".to_owned();
    (0..60).for_each(|row| text.push_str(&format!("H{row},2026-01-{:02},{}\n", row % 28 + 1, row * 7 % 13)));
    let file = place.path().join("houses.csv");
    std::fs::write(&file, text).unwrap();
    let output = place.run(&["project", "create", &file.display().to_string(), "--target", "price"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("\"built\" is taken as the time of a row"), "{}", said(&output));
    assert!(said(&output).contains("\"house_id\" looks like an id"), "{}", said(&output));
}

#[test]
fn several_logs_are_added_at_once() {
    let place = Place::new();
    let log = |name: &str| {
        let path = place.path().join(name).join("metrics.csv");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "step,loss\n0,0.5\n").unwrap();
        path.to_string_lossy().into_owned()
    };
    let paths = ["a/run", "b/run"].map(log);
    let added = place.json(&["source", "add", &paths[0], &paths[1], "--once", "--no-project"]);
    let messages: Vec<&str> = added.as_array().unwrap().iter().filter_map(|job| job["message"].as_str()).collect();
    let are_read = messages.iter().all(|message| message.starts_with("1 run and 1 point read"));
    assert!(messages.len() == 2 && are_read, "{messages:?}");
    assert_eq!(place.json(&["source", "list"]).as_array().unwrap().len(), 2);
    let refused = place.run(&["source", "add"]);
    assert!(!refused.status.success() && said(&refused).contains("PATH"), "{}", said(&refused));
}
