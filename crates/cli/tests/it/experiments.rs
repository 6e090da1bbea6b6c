//! Experiments and models are listed by the grammar that filters runs.

use serde_json::json;

use crate::{
    program::{Place, said},
    tracking::{Client, names},
};

#[test]
fn experiments_are_listed_by_a_filter() {
    let place = Place::new();
    place.json(&["experiment", "create", "deeper"]);
    place.json(&["experiment", "edit", "deeper", "--notes", "No *better*.", "--tag", "goal=a=b"]);
    place.json(&["experiment", "create", "text", "--folder", "nlp/large"]);
    for (filter, found) in [
        ("goal", vec!["deeper"]),
        ("tag.goal like 'a%' and not name = 'text'", vec!["deeper"]),
        ("better", vec!["deeper"]),
        ("notes ~ 'no *better'", vec!["deeper"]),
        ("within = 'nlp'", vec!["text"]),
        ("folder = 'nlp'", vec![]),
        ("folder is null", vec!["Default", "deeper"]),
        ("created > '2020-01-01' and folder is not null", vec!["text"]),
        ("LARGE", vec!["text"]),
        ("NLP tex", vec!["text"]),
        ("nlp deeper", vec![]),
    ] {
        assert_eq!(names(&place.json(&["experiment", "list", filter]), "name"), found, "{filter}");
    }
    let none = place.run(&["experiment", "list", "nothing"]);
    assert_eq!(String::from_utf8_lossy(&none.stdout), "No experiment passes the filter.\n", "{}", said(&none));
    let wrong = place.run(&["experiment", "list", "folder ="]);
    assert!(wrong.status.code() == Some(2) && said(&wrong).contains("column 9: a value"), "{}", said(&wrong));
}

#[test]
fn models_that_belong_to_no_project_stand_behind_a_projects_own_and_are_found_by_a_filter() {
    let place = Place::with_project();
    let client = Client::of(&place);
    client.post("registered-models/create", &json!({ "name": "churn" }));
    client.post("model-versions/create", &json!({ "name": "churn", "source": "s3://bucket/churn" }));
    client.post("registered-models/set-tag", &json!({ "name": "churn", "key": "team", "value": "growth" }));
    let listed = |filter: &str| {
        let output = place.run(&["model", "list", filter]);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    for filter in
        ["", "chur", "growth", "tag.team = 'growth' and version = 1", "created > '2020-01-01'", "v1 s3://", "Churn v1"]
    {
        let listed = listed(filter);
        assert!(listed.contains("Without a project:") && listed.contains("churn:1"), "{filter}: {listed}");
    }
    for filter in ["nothing", "version > 1", "not tag.team is null and alias = 'champion'"] {
        assert_eq!(listed(filter), "No model passes the filter.\n", "{filter}");
    }
    let wrong = place.run(&["model", "list", "nmae = 'churn'"]);
    assert!(wrong.status.code() == Some(2) && said(&wrong).contains("Did you mean \"name\"?"), "{}", said(&wrong));
}

#[test]
fn a_run_is_moved_with_what_stands_below_it_unless_it_is_said_otherwise() {
    let place = Place::new();
    let client = Client::of(&place);
    let mine = place.json(&["experiment", "create", "mine"])["number"].clone();
    let parent = client.run(&mine, "parent", "0.1", 4.0);
    let child = client.run(&mine, "child", "0.1", 4.0);
    client.post("runs/set-tag", &json!({ "run_id": child, "key": "mlflow.parentRunId", "value": parent }));
    let text = |arguments: &[&str]| {
        let output = place.run(arguments);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let count = |experiment: &str| place.json(&["run", "list", "--experiment", experiment])["total"].clone();
    let alone = text(&["run", "move", "parent", "--to", "Default", "--alone"]);
    assert_eq!(alone.lines().next(), Some("1 run is in Default now."));
    assert!(alone.contains("Left where they were: 1 child run,"), "{alone}");
    assert_eq!((count("mine"), count("Default")), (json!(1), json!(1)));
    // Once they stand apart nothing is taken along.
    assert_eq!(text(&["run", "move", "parent", "--to", "mine"]), "1 run is in mine now.\n");
    let moved = place.json(&["run", "move", "parent", "--to", "Default", "--with-children"]);
    assert_eq!(moved, json!([parent, child]));
    assert_eq!((count("mine"), count("Default")), (json!(0), json!(2)));
    let back = text(&["run", "move", "parent", "--to", "mine"]);
    assert!(back.contains("With them: 1 child run;"), "{back}");
    assert_eq!(count("mine"), 2);
}

#[test]
fn a_model_of_a_client_that_belongs_to_no_project_is_listed_with_where_its_files_are() {
    let place = Place::with_project();
    let client = Client::of(&place);
    client.post("registered-models/create", &json!({ "name": "churn" }));
    client.post("model-versions/create", &json!({ "name": "churn", "source": "s3://bucket/churn" }));
    let output = place.run(&["model", "list", "--without-project"]);
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(listed.contains("churn:1") && listed.contains("s3://bucket/churn"), "{listed}{}", said(&output));
    // Outside of projects they are what there is to list.
    let elsewhere = tempfile::tempdir().unwrap();
    let output = place.command(&["model", "list"]).current_dir(elsewhere.path()).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("churn:1"), "{}", said(&output));
    assert!(said(&output).contains("in no project"), "{}", said(&output));
}

#[test]
fn a_folder_of_experiments_is_renamed_with_what_is_in_it() {
    let place = Place::new();
    place.json(&["experiment", "create", "resnet", "--folder", "vision/deep"]);
    place.json(&["experiment", "create", "text", "--folder", "text"]);
    assert_eq!(place.json(&["experiment", "move-folder", "vision", "images"]), 1);
    assert_eq!(names(&place.json(&["experiment", "list"]), "folder"), ["", "images/deep", "text"]);
    let clash = place.run(&["experiment", "move-folder", "images", "text"]);
    assert!(!clash.status.success() && said(&clash).contains("There is a folder text already."), "{}", said(&clash));
}

#[test]
fn a_folder_of_experiments_is_deleted_with_what_is_below_it() {
    let place = Place::new();
    let deep = place.json(&["experiment", "create", "resnet", "--folder", "vision/deep"])["number"].clone();
    place.json(&["experiment", "create", "wide", "--folder", "vision"]);
    place.json(&["experiment", "create", "other", "--folder", "visionary"]);
    place.json(&["experiment", "edit", "Default", "--folder", "vision"]);
    for (arguments, why) in [
        (&["experiment", "delete"][..], "EXPERIMENT"),
        (&["experiment", "delete", "wide", "--folder", "vision"][..], "cannot be used with"),
        (&["experiment", "delete", "--folder", "/"][..], "A folder needs a path"),
        (&["experiment", "delete", "--folder", "visio"][..], "There is no folder visio."),
    ] {
        let refused = place.run(arguments);
        assert!(!refused.status.success() && said(&refused).contains(why), "{}", said(&refused));
    }
    let output = place.run(&["experiment", "delete", "--folder", "vision/"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.starts_with("2 experiments of vision are deleted with 0 runs.\nNot deleted: Default "), "{told}");
    assert!(told.contains("Back: slipway experiment restore NUMBER, of each: "), "{told}{}", said(&output));
    assert_eq!(names(&place.json(&["experiment", "list"]), "name"), ["Default", "other"]);
    place.json(&["experiment", "restore", &deep.to_string()]);
    assert_eq!(names(&place.json(&["experiment", "list"]), "name"), ["Default", "resnet", "other"]);
    // What a project or programs need stays, and that is the answer.
    place.json(&["experiment", "edit", "Default", "--folder", "left"]);
    let kept = place.run(&["experiment", "delete", "--folder", "left"]);
    assert!(!kept.status.success() && said(&kept).contains("Nothing of left can be deleted"), "{}", said(&kept));
}

#[test]
fn where_a_client_puts_a_runs_files_is_said_and_that_they_stay_there() {
    let place = Place::new();
    let client = Client::of(&place);
    let far = json!({ "name": "far", "artifact_location": "s3://bucket/far" });
    let number: u64 = client.post("experiments/create", &far)["experiment_id"].as_str().unwrap().parse().unwrap();
    let run = client.run(&json!(number), "away", "0.1", 4.0);
    let text = |arguments: &[&str]| {
        let output = place.run(arguments);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let told =
        format!("Files that its client logs go to s3://bucket/far/{run}/artifacts: Slipway does not read there.\n");
    assert_eq!(text(&["run", "artifacts", "away"]), told);
    text(&["run", "delete", "away"]);
    let gone = text(&["run", "purge", "away"]);
    assert!(gone.contains("; the files of 1 run lie where its client put them, and stay there."), "{gone}");
}
