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
        assert!(listed.contains("In no project:") && listed.contains("churn:1"), "{filter}: {listed}");
    }
    for filter in ["nothing", "version > 1", "not tag.team is null and alias = 'champion'"] {
        assert_eq!(listed(filter), "No model passes the filter.\n", "{filter}");
    }
    let wrong = place.run(&["model", "list", "nmae = 'churn'"]);
    assert!(wrong.status.code() == Some(2) && said(&wrong).contains("Did you mean \"name\"?"), "{}", said(&wrong));
}
