//! `slipway source`: a log that is added is followed, let go of, read on, forgotten and brought back.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::program::{Place, said};

/// What a run last measured of its loss.
fn loss(place: &Place) -> Value {
    place.json(&["run", "show", "fast"])["metrics"][0]["last"].clone()
}

#[test]
fn a_log_is_followed_let_go_of_read_on_forgotten_and_brought_back() {
    let place = Place::new();
    let log = place.path().join("kept/fast/metrics.csv");
    std::fs::create_dir_all(log.parent().unwrap()).unwrap();
    std::fs::write(&log, "step,loss\n0,0.5\n").unwrap();
    let write = |line: &str| {
        let mut file = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    };
    let text = |arguments: &[&str]| {
        let output = place.run(&[&["source"], arguments].concat());
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let runs = || place.json(&["run", "list", "--everywhere"])["total"].clone();
    place.json(&["source", "add", log.to_str().unwrap(), "--once"]);
    let sources = place.json(&["source", "list"]);
    let path = sources[0]["path"].as_str().unwrap().to_owned();
    assert_eq!((&sources[0]["watched"], loss(&place)), (&json!(false), json!(0.5)), "{sources}");
    assert!(text(&["list"]).trim_end().ends_with("read once"), "{}", text(&["list"]));

    // What came while nobody followed it is read without being asked for.
    write("1,0.25\n");
    assert_eq!(text(&["follow", "fast/metrics.csv"]), format!("{path} is followed.\n"));
    let since = Instant::now();
    while loss(&place) != json!(0.25) {
        assert!(since.elapsed() < Duration::from_secs(60), "it is not read on");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(text(&["list"]).trim_end().ends_with("followed"), "{}", text(&["list"]));
    let let_go = format!("{path} is followed no more; `slipway source read` reads it on.\n");
    assert_eq!(text(&["follow", "metrics.csv", "--off"]), let_go);
    assert_eq!(place.json(&["source", "list"])[0]["watched"], false);
    write("2,0.125\n");
    text(&["read", "metrics.csv"]);
    assert_eq!(loss(&place), json!(0.125));

    // The way back is printed whole.
    let told = text(&["remove", "metrics.csv"]);
    assert!(told.starts_with("The log is forgotten; deleted runs: 1. "), "{told}");
    assert_eq!((runs(), text(&["list"])), (json!(0), "No log is read. `slipway source look` finds them.\n".to_owned()));
    let forgotten = place.json(&["source", "list", "--deleted"]);
    assert_eq!((&forgotten[0]["path"], &forgotten[0]["runs"]), (&json!(path), &json!(1)));
    let table = text(&["list", "--deleted"]);
    let line = table.lines().find(|line| line.contains(&path)).unwrap_or_else(|| panic!("{table}"));
    assert_eq!(line.split_whitespace().nth(3), Some("1"), "{table}");
    let csv = text(&["list", "--deleted", "--csv"]);
    assert!(csv.starts_with(&format!("kind,path,deleted_runs,forgotten\r\nMetrics files,{path},1,")), "{csv}");
    let back = told.split('`').nth(1).unwrap().strip_prefix("slipway source ").unwrap();
    let back: Vec<&str> = back.split(' ').map(|word| word.trim_matches('\'')).collect();
    assert_eq!(text(&back), format!("{path} is read again.\n"));
    assert_eq!((runs(), loss(&place)), (json!(1), json!(0.125)));
    assert_eq!(text(&["list", "--deleted"]), "No log was forgotten within a day.\n");

    // Its runs may stay, and the log comes back all the same.
    assert_eq!(text(&["remove", "metrics.csv", "--keep-runs"]), "The log is forgotten.\n");
    assert_eq!((runs(), &place.json(&["source", "list", "--deleted"])[0]["runs"]), (json!(1), &json!(0)));
    text(&["restore", &path]);
    assert_eq!(place.json(&["source", "list"])[0]["path"], json!(path));
    for (arguments, told) in [
        (["follow", "nothing"], "`slipway source list` names them."),
        (["remove", "nothing"], "`slipway source list` names them."),
        (["restore", "nothing"], "`slipway source list --deleted` names those that were"),
    ] {
        let refused = place.run(&[&["source"], &arguments[..]].concat());
        assert_eq!(refused.status.code(), Some(3), "{arguments:?}: {}", said(&refused));
        assert!(said(&refused).contains(told), "{arguments:?}: {}", said(&refused));
    }
}

#[test]
fn logs_of_a_folder_are_found_and_read_as_one_and_a_reading_that_failed_is_done_again() {
    let place = Place::new();
    let folder = place.path().join("many");
    for name in ["slow", "fast"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
        std::fs::write(folder.join(name).join("metrics.csv"), "step,loss\n0,0.5\n").unwrap();
    }
    let text = |arguments: &[&str]| {
        let output = place.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let many = folder.to_str().unwrap();
    let looked = text(&["source", "look", many]);
    let ends = |with: &str| looked.lines().filter(|line| line.ends_with(with)).count();
    assert_eq!((ends("metrics.csv"), ends("  2 logs, can be read as one")), (2, 1), "{looked}");
    assert_eq!(text(&["source", "look"]), "There is no run log that can be read.\n");
    let read = place.json(&["source", "add", many, "--kind", "metrics", "--once"]);
    assert!(read["message"].as_str().unwrap().starts_with("2 runs and 2 points read"), "{read}");
    let looked = text(&["source", "look", many]);
    let rows: Vec<&str> = looked.lines().skip(1).collect();
    assert!(rows.len() == 2 && rows.iter().all(|row| row.ends_with("is read")), "{looked}");
    for (kind, code, told) in [("wandb", 1, "is read already, as another tool's log."), ("csv", 2, "mlflow_files")] {
        let refused = place.run(&["source", "add", many, "--kind", kind]);
        assert_eq!(refused.status.code(), Some(code), "{}", said(&refused));
        assert!(said(&refused).contains(told), "{kind}: {}", said(&refused));
    }

    let file = place.path().join("alone/metrics.csv");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "step,loss\n0,0.5\n").unwrap();
    place.json(&["source", "add", file.to_str().unwrap(), "--once"]);
    std::fs::rename(&file, place.path().join("away.csv")).unwrap();
    let failed = place.run(&["source", "read", "alone/metrics.csv"]);
    assert!(!failed.status.success(), "{}", said(&failed));
    assert_eq!(place.json(&["job", "show", "latest"])["state"], "failed");
    let waited = place.run(&["job", "wait", "latest"]);
    assert_eq!(waited.status.code(), failed.status.code(), "{}", said(&waited));
    std::fs::rename(place.path().join("away.csv"), &file).unwrap();
    let again = place.json(&["job", "retry", "latest"]);
    assert_eq!(again["state"], "done", "{again}");
    assert_eq!(place.json(&["job", "wait", "latest"])["id"], again["id"]);
    let jobs = text(&["job", "list"]);
    assert!(jobs.lines().nth(1).is_some_and(|newest| newest.contains("done")), "{jobs}");
    // What is over is not cancelled.
    assert_eq!(place.json(&["job", "cancel", "latest"])["state"], "done");
}
