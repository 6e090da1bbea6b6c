use serde_json::json;

use crate::{
    program::{Place, said},
    tracking::{Client, names},
};

#[test]
fn a_runs_name_is_looked_up_within_the_experiment_that_is_chosen() {
    let place = Place::new();
    let client = Client::of(&place);
    let [wine, beer] = ["wine", "beer"].map(|name| place.json(&["experiment", "create", name])["number"].clone());
    let base = client.run(&wine, "base", "0.1", 4.0);
    let other = client.run(&wine, "other", "0.2", 2.0);
    let twin = client.run(&beer, "base", "0.3", 8.0);
    let unclear = place.run(&["run", "show", "base"]);
    assert!(said(&unclear).contains("2 runs fit"), "{}", said(&unclear));
    for (experiment, run) in [("wine", &base), ("beer", &twin)] {
        assert_eq!(place.json(&["run", "show", "base", "--experiment", experiment])["id"], *run);
    }
    assert_eq!(place.json(&["run", "show", "latest", "--experiment", "beer"])["id"], twin);
    let diff = place.json(&["run", "diff", "base", "other", "--experiment", "wine"]);
    assert_eq!(names(&diff["runs"], "id"), [base.clone(), other.clone()]);
    let plotted = place.json(&["run", "plot", "other", "--baseline", "base", "--experiment", "wine"]);
    assert_eq!(names(&plotted, "run"), [other.clone(), base.clone()]);
    let scatter = ["run", "plot", "base", "other", "--experiment", "wine", "--scatter", "param.lr,metric.loss"];
    assert!(place.run(&scatter).status.success(), "{}", said(&place.run(&scatter)));
    let elsewhere = place.run(&["run", "show", "other", "--experiment", "beer"]);
    assert_eq!(elsewhere.status.code(), Some(3));
    assert!(said(&elsewhere).contains("in the experiment beer."), "{}", said(&elsewhere));
    assert!(said(&elsewhere).contains(&format!("in the experiment wine: name it by its id, {other}")));
    // What is found is told by a part of its id, which means it from everywhere.
    let found = String::from_utf8(place.run(&["run", "find", "other"]).stdout).unwrap();
    let short = &other[24..];
    assert!(found.contains(short) && !found.contains(&other), "{found}");
    assert_eq!(place.json(&["run", "show", short, "--experiment", "beer"])["id"], other);
    assert_eq!(String::from_utf8(place.run(&["run", "find", "nobody"]).stdout).unwrap(), "No run is called so.\n");
}

#[test]
fn the_list_says_of_a_child_run_which_run_it_stands_under() {
    let place = Place::new();
    let client = Client::of(&place);
    let top = client.run(&json!(0), "top", "0.1", 4.0);
    let child = client.run(&json!(0), "child", "0.1", 4.0);
    let list = |more: &[&str]| {
        let listed = place.run(&[&["run", "list", "--experiment", "Default"], more].concat());
        String::from_utf8(listed.stdout).unwrap()
    };
    assert!(!list(&[]).contains("child of"), "{}", list(&[]));
    client.post("runs/set-tag", &json!({ "run_id": child, "key": "mlflow.parentRunId", "value": top }));
    let listed = list(&[]);
    let line = |begins: &str| {
        let line = listed.lines().find(|line| line.starts_with(begins)).unwrap_or_default();
        line.split_whitespace().take(3).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(listed.contains("child of"), "{listed}");
    assert_eq!((line("child "), line("top")), (own(&["child", "top", "finished"]), own(&["top", "finished", "1"])));
    assert!(list(&["--markdown"]).contains("| child | top |"), "{}", list(&["--markdown"]));
    let csv = list(&["--csv", "--columns", "name,parent", "--sort", "name"]);
    assert_eq!(csv, "name,parent\r\nchild,top\r\ntop,\r\n");
    let row = &place.json(&["run", "list", "--experiment", "Default", "--filter", "name = 'child'"])["rows"][0];
    assert_eq!((&row["parent"], &row["tags"]["mlflow.parentRunId"]), (&json!("top"), &json!(top)));
}

fn own(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}
