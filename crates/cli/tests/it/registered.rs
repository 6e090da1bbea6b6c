//! What MLflow's clients registered, by the command line: shown, named, tagged, staged, described, saved, deleted; and
//! what of the run table the window had alone.

use serde_json::{Value, json};

use crate::{
    program::{Place, said},
    tracking::Client,
};

const HEAD: &str = "flavors:\n  python_function: {loader_module: mlflow.sklearn}\nsignature:\n  inputs: '[{\"type\": \"double\", \"name\": \"age\"}]'\n";

/// A model `churn` whose first version is a run's `model` folder.
fn churn(place: &Place, client: &Client) -> String {
    let run = client.run(&json!(0), "deep", "0.1", 4.0);
    let folder = place.workspace().join("runs").join(&run).join("artifacts/model");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("MLmodel"), HEAD).unwrap();
    client.post("registered-models/create", &json!({ "name": "churn" }));
    let source = format!("runs:/{run}/model");
    client.post("model-versions/create", &json!({ "name": "churn", "source": source, "run_id": run }));
    client.post("model-versions/create", &json!({ "name": "churn", "source": "s3://bucket/churn" }));
    run
}

fn version(client: &Client, number: &str) -> Value {
    let found = client.post("registered-models/get-latest-versions", &json!({ "name": "churn" }));
    let all = found["model_versions"].as_array().unwrap();
    all.iter().find(|one| one["version"] == number).cloned().unwrap_or(Value::Null)
}

fn text(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_clients_version_is_changed_by_the_command_line_and_seen_by_its_client() {
    let place = Place::new();
    let client = Client::of(&place);
    churn(&place, &client);

    let shown = text(&place, &["model", "show", "churn/1"]);
    for part in ["churn:1", "deep", "python_function", "age", "load_model(\"models:/churn/1\")", "deployable"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(text(&place, &["model", "alias", "churn", "champion", "1"]).contains("churn@champion is churn:1."));
    text(&place, &["model", "tag", "churn@champion", "team=growth", "gone=soon"]);
    text(&place, &["model", "tag", "churn:1", "gone="]);
    text(&place, &["model", "stage", "churn:1", "production"]);
    let moved = text(&place, &["model", "stage", "churn:2", "production", "--archive"]);
    assert_eq!(moved.trim(), "churn:2 stands in production; 1 other version is archived.");
    text(&place, &["model", "describe", "churn:1", "Who leaves."]);
    text(&place, &["model", "describe", "churn", "All of it."]);
    text(&place, &["model", "tag", "churn", "owner=ada"]);
    let one = version(&client, "1");
    assert_eq!((&one["aliases"], &one["current_stage"]), (&json!(["champion"]), &json!("Archived")), "{one}");
    assert_eq!(
        (&one["tags"], &one["description"]),
        (&json!([{ "key": "team", "value": "growth" }]), &json!("Who leaves."))
    );
    assert_eq!(version(&client, "2")["current_stage"], "Production");
    let lineage = text(&place, &["run", "lineage", "deep"]);
    let lines: Vec<Vec<&str>> = lineage.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((lines[0][..3].join(" "), lines[1][..2].join(" ")), ("what name from".into(), "run deep".into()));
    assert_eq!(lines[2], ["version", "churn", "v1", "deep", "champion"], "{lineage}");
    let gone = text(&place, &["model", "alias", "churn", "champion", "--remove"]);
    assert_eq!(gone, "churn has no alias champion any more.\n");
    assert!(version(&client, "1")["aliases"].is_null(), "a client is told of none");
    assert_eq!(place.run(&["model", "alias", "churn", "champion", "--remove"]).status.code(), Some(3));

    // What is refused says why; a version of a client's is never deployed.
    assert_eq!(place.run(&["model", "stage", "churn:1", "live"]).status.code(), Some(2));
    assert_eq!(place.run(&["model", "show", "churn:9"]).status.code(), Some(3));
    let native = place.run(&["model", "predict", "churn:1", "--row", "{}"]);
    assert!(said(&native).contains("not a bundle of ours"), "{}", said(&native));
    let serve = "`mlflow models serve -m models:/churn/1`";
    for args in [&["model", "predict", "churn:1", "--row", "{}"][..], &["deploy", "start", "churn:1"]] {
        let refused = said(&place.run(args));
        assert!(refused.contains(serve), "{refused}");
    }
}

#[test]
fn files_are_saved_and_versions_and_models_deleted() {
    let place = Place::new();
    let client = Client::of(&place);
    let run = churn(&place, &client);
    assert!(text(&place, &["model", "files", "churn:1"]).contains("MLmodel"));
    let saved = place.path().join("MLmodel");
    let save = ["model", "files", "churn:1", "--save", "MLmodel", "--to", saved.to_str().unwrap()];
    text(&place, &save);
    assert_eq!(std::fs::read_to_string(&saved).unwrap(), HEAD);
    assert!(!place.run(&save).status.success(), "a file that is there stays");
    let again = place.path().join("again");
    let artifact = ["run", "artifacts", &run, "--save", "artifacts/model/MLmodel", "--to", again.to_str().unwrap()];
    text(&place, &artifact);
    assert_eq!(std::fs::read_to_string(&again).unwrap(), HEAD);
    let kept = place.run(&["run", "artifacts", &run, "--delete", "artifacts/model/MLmodel"]);
    assert!(said(&kept).contains("churn v1 was registered from the files of"), "{}", said(&kept));
    let none = place.run(&["run", "artifacts", &run, "--delete", "artifacts/none"]);
    assert_eq!(none.status.code(), Some(3), "{}", said(&none));

    text(&place, &["model", "rename", "churn", "leavers"]);
    let back = |said: String| said.lines().last().unwrap().strip_prefix("Back: slipway ").unwrap().to_owned();
    let restore = |command: &str| text(&place, &command.split(' ').collect::<Vec<_>>());
    let told = text(&place, &["model", "delete", "leavers:1"]);
    assert!(told.starts_with("The version is deleted; for a day it can be restored."), "{told}");
    let first = back(told);
    assert!(text(&place, &["model", "show", "leavers"]).contains("leavers:2"));
    assert_eq!(place.run(&["model", "show", "leavers:1"]).status.code(), Some(3));
    assert_eq!(restore(&first).trim(), "leavers:1 is back.");
    assert!(text(&place, &["model", "show", "leavers:1"]).contains("leavers:1"));
    let whole = back(text(&place, &["model", "delete", "leavers", "--whole"]));
    assert_eq!(place.run(&["model", "show", "leavers"]).status.code(), Some(3));
    assert_eq!(restore(&whole).trim(), "leavers is back.");
    assert!(text(&place, &["model", "show", "leavers"]).contains("leavers:2"));
    assert_eq!(place.run(&["model", "restore", "leavers"]).status.code(), Some(3));
    assert_eq!(place.run(&first.split(' ').collect::<Vec<_>>()).status.code(), Some(3));

    // Without an id: as the list of what was deleted names it.
    text(&place, &["model", "delete", "leavers:1"]);
    let gone = place.run(&["model", "show", "leavers:1"]);
    assert!(said(&gone).contains("`slipway model restore leavers:1`"), "{}", said(&gone));
    text(&place, &["model", "delete", "leavers", "--whole"]);
    let gone = place.run(&["model", "show", "leavers"]);
    assert!(said(&gone).contains("`slipway model restore leavers --whole`"), "{}", said(&gone));
    let listed = text(&place, &["model", "list", "--deleted"]);
    assert!(listed.contains("leavers:1") && listed.contains("model, 1 version"), "{listed}");
    let unclear = place.run(&["model", "restore", "leavers"]);
    assert!(said(&unclear).contains("2 deleted models fit"), "{}", said(&unclear));
    assert_eq!(text(&place, &["model", "restore", "leavers", "--whole"]).trim(), "leavers is back.");
    assert_eq!(text(&place, &["model", "restore", "leavers"]).trim(), "leavers:1 is back.");
    assert!(place.json(&["model", "list", "--deleted"]).as_array().unwrap().is_empty());

    // For good: at once, or of what was deleted before.
    assert!(
        text(&place, &["model", "delete", "leavers:1", "--for-good"]).starts_with("The version is deleted for good;")
    );
    assert_eq!(place.run(&["model", "restore", "leavers:1"]).status.code(), Some(3));
    text(&place, &["model", "delete", "leavers", "--whole"]);
    assert!(text(&place, &["model", "purge", "leavers"]).starts_with("leavers is deleted for good;"));
    assert!(place.json(&["model", "list", "--deleted"]).as_array().unwrap().is_empty());
}

#[test]
fn an_edit_that_changes_nothing_is_refused_and_a_comparison_has_two_names() {
    let place = Place::new();
    let client = Client::of(&place);
    for (name, lr) in [("slow", "0.1"), ("fast", "0.2")] {
        client.run(&json!(0), name, lr, 4.0);
    }
    let edited = place.run(&["run", "edit", "slow"]);
    assert_eq!(edited.status.code(), Some(2));
    assert!(said(&edited).contains("Say --name, --notes or --tag"), "{}", said(&edited));
    assert!(text(&place, &["run", "edit", "slow", "--notes", "too slow"]).contains("too slow"));
    let differs = text(&place, &["run", "diff", "slow", "fast"]);
    assert!(differs.contains("lr"), "{differs}");
    assert_eq!(text(&place, &["run", "compare", "slow", "fast"]), differs);
}

#[test]
fn a_view_is_saved_opened_and_deleted() {
    let place = Place::new();
    let client = Client::of(&place);
    for (name, lr, loss) in [("slow", "0.1", 4.0), ("fast", "0.2", 8.0), ("other", "0.3", 1.0)] {
        client.run(&json!(0), name, lr, loss);
    }
    fn views<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["run", "views"], more, &["--experiment", "Default"]].concat()
    }
    fn list<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["run", "list", "--view", "low", "--experiment", "Default"], more].concat()
    }
    let save = ["save", "low", "--filter", "metric.loss < 1.5", "--sort", "metric.loss", "--columns", "param.lr"];
    text(&place, &views(&save));
    let listed = text(&place, &views(&["list"]));
    assert!(listed.contains("low") && listed.contains("metric.loss < 1.5"), "{listed}");
    let rows = place.json(&list(&[]));
    let names: Vec<&str> = rows["rows"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["other", "slow"]);
    assert_eq!(text(&place, &list(&["--csv"])), "name,state,param.lr\r\nother,finished,0.3\r\nslow,finished,0.1\r\n");
    // What is given stands before what the view says.
    let rows = place.json(&list(&["--sort", "metric.loss", "--descending"]));
    assert_eq!(rows["rows"][0]["name"], "slow");
    text(&place, &views(&["delete", "low"]));
    let gone = place.run(&list(&[]));
    assert_eq!(gone.status.code(), Some(3));
    assert!(said(&gone).contains("No view is saved here."), "{}", said(&gone));
    let deleted = text(&place, &views(&["list", "--deleted"]));
    assert!(deleted.contains("metric.loss < 1.5"), "{deleted}");
    text(&place, &views(&["restore", "low"]));
    assert_eq!(place.json(&list(&[]))["rows"].as_array().unwrap().len(), 2);
    assert_eq!(place.run(&views(&["save", "nothing"])).status.code(), Some(2));
}

#[test]
fn an_address_of_the_windows_table_is_saved_whole_and_all_runs_have_views_of_their_own() {
    let place = Place::new();
    let client = Client::of(&place);
    let more = place.json(&["experiment", "create", "more"])["number"].clone();
    client.run(&json!(0), "slow", "0.1", 4.0);
    client.run(&more, "fast", "0.2", 8.0);
    let table =
        "?filter=metric.loss%20%3C%203&pinned=metric.loss&widths=120~metric.loss&flat=1&view=scatter&x=param.lr";
    let address = format!("http://127.0.0.1:4000/experiments/runs{table}");
    let views = place.json(&["run", "views", "save", "seen", "--address", &address, "--everywhere"]);
    let query = views[0]["query"].as_str().unwrap();
    for part in ["pinned=metric", "widths=120", "flat=1", "view=scatter", "x=param"] {
        assert!(query.contains(part), "{part} in {query}");
    }
    // What a view says is saved for other runs as it is.
    let copy = ["run", "views", "save", "seen", "--address", query, "--experiment", "more"];
    assert_eq!(place.json(&copy)[0]["query"], query);
    let names = |scope: &[&str]| -> Vec<String> {
        let listed = place.json(&[&["run", "list", "--view", "seen"], scope].concat());
        let rows = listed["rows"].as_array().unwrap();
        let mut names: Vec<_> = rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&["--everywhere"]), ["fast", "slow"]);
    assert_eq!(names(&["--experiment", "more"]), ["fast"]);
    text(&place, &["run", "views", "delete", "seen", "--everywhere"]);
    assert!(place.json(&["run", "views", "list", "--everywhere"]).as_array().unwrap().is_empty());
    assert_eq!(place.json(&["run", "views", "list", "--experiment", "more"]).as_array().unwrap().len(), 1);

    // What is told and written of all runs is of both experiments.
    let told = text(&place, &["run", "importance", "loss", "--everywhere"]);
    assert!(told.starts_with("2 runs have a number for this metric"), "{told}");
    let to = place.path().join("all");
    text(&place, &["run", "export", to.to_str().unwrap(), "--as", "csv", "--everywhere"]);
    let written: String = std::fs::read_dir(&to)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap_or_default())
        .collect();
    assert!(written.contains("slow") && written.contains("fast"), "{written}");
    // The newest job is shown without its id.
    let job = text(&place, &["job", "show", "latest"]);
    assert!(job.contains("Export 2 runs as CSV") && job.contains(to.to_str().unwrap()), "{job}");
}

#[test]
fn curves_have_every_axis_of_the_window_and_a_baseline() {
    let place = Place::new();
    let client = Client::of(&place);
    client.run(&json!(0), "slow", "0.1", 4.0);
    let fast = client.run(&json!(0), "fast", "0.2", 8.0);
    for (step, value) in [(0, 0.5), (9, 0.9)] {
        let at = 1_700_000_001_000_i64 + step;
        let metric = json!({ "run_id": fast, "key": "accuracy", "value": value, "timestamp": at, "step": step });
        client.post("runs/log-metric", &metric);
    }
    fn plot<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["run", "plot", "slow", "--metric", "loss", "--width", "20"], more].concat()
    }
    let share = text(&place, &plot(&["--x", "share"]));
    assert!(share.lines().any(|line| line.trim() == "0                100"), "{share}");
    let half = text(&place, &plot(&["--x", "share", "--from", "0", "--to", "1"]));
    assert!(half.lines().any(|line| line.trim_start().starts_with("0 ") && line.ends_with("33.3333")), "{half}");
    let clock = text(&place, &plot(&["--x", "clock", "--height", "8"]));
    assert!(clock.contains("2023-11-1"), "{clock}");
    let log = text(&place, &plot(&["--log", "xy"]));
    assert!(log.lines().any(|line| line.trim() == "1                  3"), "step 0 has no place: {log}");
    let smooth = text(&place, &plot(&["--smooth", "0.9"]));
    assert!(smooth.contains("4 ┤") && !smooth.contains("\n1 ┤"), "{smooth}");
    let beside = text(&place, &plot(&["--baseline", "fast"]));
    assert!(
        beside.contains("slow: −1 (-50.0 %) from fast") || beside.contains("slow: -1 (-50.0 %) from fast"),
        "{beside}"
    );

    let file = place.path().join("all.svg");
    let all = [
        "run",
        "plot",
        "slow",
        "fast",
        "--smooth",
        "0.5",
        "--log",
        "y",
        "--x",
        "clock",
        "--svg",
        file.to_str().unwrap(),
    ];
    text(&place, &all);
    let svg = std::fs::read_to_string(&file).unwrap();
    assert!(svg.contains(">loss: slow</text>") && svg.contains(">accuracy: fast</text>"), "{svg}");
    assert_eq!(svg.matches("<g transform=\"translate(0 ").count(), 2, "one below the other");
    assert!(!svg.contains("class=\"s "), "a file has no style sheet");
    for refused in [["--smooth", "2"], ["--x", "moon"]] {
        assert_eq!(place.run(&plot(&refused)).status.code(), Some(2), "{refused:?}");
    }
    assert_eq!(place.run(&plot(&["--x", "clock", "--log", "x"])).status.code(), Some(2));
}
