//! `slipway storage`: what nothing points at, and the room that deleted records left in the database.

use serde_json::{Value, json};

use crate::{
    program::{Place, said},
    tracking::Client,
};

#[test]
fn what_nothing_points_at_is_counted_and_deleted_and_the_database_gives_its_room_back() {
    let place = Place::new();
    let client = Client::of(&place);
    let kept = client.run(&json!(0), "kept", "0.1", 4.0);
    let runs = place.workspace().join("runs");
    std::fs::create_dir_all(runs.join(&kept).join("artifacts")).unwrap();
    std::fs::write(runs.join(&kept).join("artifacts/notes.txt"), "12345").unwrap();
    // Of no run that is known.
    let left = runs.join("left-behind");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("stdout.log"), vec![b'x'; 3_000]).unwrap();
    let text = |arguments: &[&str]| {
        let output = place.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    // What can be restored is no garbage.
    text(&["run", "artifacts", "kept", "--delete", "artifacts/notes.txt"]);
    let part = json!({ "name": "Runs", "bytes": 3_000, "records": 1 });
    let counts = |freed: &Value| freed["parts"].as_array().is_some_and(|parts| parts.contains(&part));
    let counted = place.json(&["storage", "collect", "--dry-run"]);
    assert!(counts(&counted), "{counted}");
    let told = text(&["storage", "collect", "--dry-run"]);
    assert!(told.starts_with("Nothing is deleted yet; ") && told.contains(" would be freed.\n\npart "), "{told}");
    assert!(told.lines().any(|line| line.split_whitespace().eq(["Runs", "3.0", "kB", "1"])), "{told}");
    assert!(left.join("stdout.log").is_file());
    let freed = place.json(&["storage", "collect"]);
    assert!(counts(&freed) && !left.exists(), "{freed}");
    let told = text(&["storage", "collect"]);
    assert!(told.starts_with("What nothing pointed at is deleted; ") && !told.contains("Runs"), "{told}");
    text(&["run", "artifacts", "kept", "--restore", "artifacts/notes.txt"]);

    // More than a page of the database holds.
    let long = client.run(&json!(0), "long", "0.1", 4.0);
    for batch in 0..4_i64 {
        let point = |step: i64| {
            let value = (step as f64).sin();
            json!({ "key": "wave", "value": value, "timestamp": 1_700_000_010_000_i64 + step, "step": step })
        };
        let metrics: Vec<Value> = (batch * 1_000..(batch + 1) * 1_000).map(point).collect();
        client.post("runs/log-batch", &json!({ "run_id": long, "metrics": metrics }));
    }
    text(&["run", "delete", "long"]);
    text(&["run", "purge", "long"]);
    let unused = || place.json(&["storage", "show"])["compactable_bytes"].as_u64().unwrap();
    let before = unused();
    let shown = text(&["storage", "show"]);
    assert!(before > 0 && shown.contains("of the database is unused: compacting would free it."), "{shown}");
    let told = text(&["storage", "compact"]);
    assert!(told.contains(" given back to the disk; the database takes "), "{told}");
    assert!(unused() < before, "{} of {before}", unused());
    assert_eq!(place.json(&["run", "show", "kept"])["id"], json!(kept));
}
