//! `slipway model logged`: the models that MLflow's clients logged.

use serde_json::json;

use crate::{
    program::{Place, said},
    tracking::{Client, names},
};

#[test]
fn models_that_a_client_logged_are_listed_and_shown() {
    let place = Place::with_project();
    let client = Client::of(&place);
    let run = client.run(&json!(0), "first", "0.1", 1.0);
    let params = json!([{ "key": "depth", "value": "3" }]);
    let new = json!({ "experiment_id": "0", "name": "forest", "model_type": "sklearn", "source_run_id": run, "params": params });
    let model = client.post("logged-models", &new)["model"]["info"]["model_id"].as_str().unwrap().to_owned();
    client.post("registered-models/create", &json!({ "name": "churn" }));
    let source = format!("models:/{model}");
    client.post("model-versions/create", &json!({ "name": "churn", "source": source, "model_id": model }));
    let of_run = place.json(&["model", "logged", "list", &run]);
    assert_eq!((&of_run["total"], names(&of_run["models"], "name")), (&json!(1), vec!["forest".to_owned()]));
    assert_eq!(place.json(&["model", "logged", "list"])["total"], 1);
    let listed = String::from_utf8_lossy(&place.run(&["model", "logged", "list"]).stdout).into_owned();
    assert!(listed.contains("first") && listed.contains("Default"), "{listed}");
    let output = place.run(&["model", "logged", "show", "forest"]);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    for word in ["forest", "sklearn", "first", "depth", "churn:1", &model] {
        assert!(shown.contains(word), "{word} in {shown}{}", said(&output));
    }
    assert_eq!(place.run(&["model", "logged", "show", "none"]).status.code(), Some(3));
}

#[test]
fn models_that_a_client_logged_are_registered_deleted_and_restored() {
    let place = Place::with_project();
    let client = Client::of(&place);
    let run = client.run(&json!(0), "first", "0.1", 1.0);
    let model = |name: &str| {
        let new = json!({ "experiment_id": "0", "name": name, "source_run_id": run });
        client.post("logged-models", &new)["model"]["info"]["model_id"].as_str().unwrap().to_owned()
    };
    let (forest, net) = (model("forest"), model("m-net"));
    let logged = |arguments: &[&str]| place.run(&[&["model", "logged"], arguments].concat());
    let text = |arguments: &[&str]| {
        let output = logged(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let of_none = "Listed by: slipway model list --without-project";
    let registered = text(&["register", "forest", "--name", "churn"]);
    assert_eq!(registered, format!("churn:1 is registered.\n{of_none}"));
    let folder = place.workspace().join("runs").join(&run).join("artifacts/deep");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("MLmodel"), "flavors: {}\n").unwrap();
    let of_folder = ["register", "--run", &run, "--folder", "deep", "--name", "churn"];
    assert_eq!(text(&of_folder), format!("churn:2 is registered.\n{of_none}"));
    assert_eq!(logged(&["register", "--run", &run, "--name", "churn"]).status.code(), Some(2));
    assert_eq!(logged(&["register", "forest"]).status.code(), Some(2));

    let refused = logged(&["delete", &forest]);
    assert!(said(&refused).contains("churn v1 was registered from the files of forest"), "{}", said(&refused));
    let back = text(&["delete", "m-net"]);
    assert_eq!(back, format!("m-net is deleted.\nBack: slipway model logged restore {net}"));
    let gone = logged(&["show", "m-net"]);
    assert_eq!(gone.status.code(), Some(3));
    assert!(said(&gone).contains(&format!("`slipway model logged restore {net}`")), "{}", said(&gone));
    let deleted = place.json(&["model", "logged", "list", "--deleted"]);
    assert_eq!((&deleted["total"], names(&deleted["models"], "id")), (&json!(1), vec![net.clone()]));
    assert_eq!(names(&place.json(&["model", "logged", "list", &run])["models"], "id"), [forest]);
    assert_eq!(text(&["restore", "m-net"]), "m-net is back.");
    assert!(text(&["show", "m-net"]).contains(&net));
    assert_eq!(place.json(&["model", "logged", "list", "--without-run"])["total"], 0);
}
