//! What MLflow's own server answers to the same questions.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Open;

#[tokio::test]
async fn the_tag_of_a_name_is_deleted_and_the_name_stays() {
    let open = Open::start().await;
    let run = open.run().await;
    let key = "mlflow.runName";
    let told = async || {
        let told = open.get(&format!("api/2.0/mlflow/runs/get?run_id={run}")).await;
        let tags = told["run"]["data"]["tags"].as_array().cloned().unwrap_or_default();
        let tag = tags.into_iter().find(|tag| tag["key"] == key).map(|tag| tag["value"].clone());
        (told["run"]["info"]["run_name"].clone(), tag)
    };
    let delete = async || open.post("mlflow/runs/delete-tag", json!({ "run_id": run, "key": key })).await.0;
    let set = async |value: &str| {
        let body = json!({ "run_id": run, "key": key, "value": value });
        assert_eq!(open.post("mlflow/runs/set-tag", body).await.0, StatusCode::OK);
    };
    let (name, tag) = told().await;
    assert_eq!(tag.as_ref(), Some(&name));
    // An empty name names nothing.
    set("").await;
    assert_eq!(told().await, (name.clone(), tag));
    assert_eq!((delete().await, told().await, delete().await), (StatusCode::OK, (name, None), StatusCode::NOT_FOUND));
    set("again").await;
    assert_eq!(told().await, (json!("again"), Some(json!("again"))));
    assert_eq!(delete().await, StatusCode::OK);
    open.post("mlflow/runs/update", json!({ "run_id": run, "run_name": "once more" })).await;
    assert_eq!(told().await, (json!("once more"), Some(json!("once more"))));
}

#[tokio::test]
async fn what_mlflow_must_be_told_must_be_told_here() {
    let open = Open::start().await;
    let run = open.run().await;
    for (path, body, field) in [
        ("mlflow/runs/outputs", json!({ "run_id": run }), "models"),
        ("mlflow/runs/outputs", json!({ "run_id": run, "models": null }), "models"),
        ("mlflow/logged-models/search", json!({}), "experiment_ids"),
        ("mlflow/logged-models/search", json!({ "experiment_ids": null }), "experiment_ids"),
    ] {
        open.refused(path, body, &format!("Missing value for required parameter '{field}'. See the API docs")).await;
    }
    for (path, body) in [
        ("mlflow/runs/outputs", json!({ "run_id": run, "models": [] })),
        ("mlflow/logged-models/search", json!({ "experiment_ids": [] })),
    ] {
        assert_eq!(open.post(path, body).await, (StatusCode::OK, json!({})));
    }
}

#[tokio::test]
async fn of_a_deleted_model_no_files_are_listed() {
    let open = Open::start().await;
    let (_, made) = open.post("mlflow/logged-models", json!({ "experiment_id": "0", "name": "m" })).await;
    let id = made["model"]["info"]["model_id"].as_str().unwrap();
    let path = format!("api/2.0/mlflow/logged-models/{id}");
    let root = format!("mlflow-artifacts:/0/models/{id}/artifacts");
    assert_eq!(open.get(&format!("{path}/artifacts/directories")).await, json!({ "root_uri": root }));
    let deleted = open.running.http.delete(format!("{}/{path}", open.address)).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::OK);
    for of in ["", "/artifacts/directories"] {
        let said = open.get(&format!("{path}{of}")).await;
        assert_eq!(said["error_code"], "RESOURCE_DOES_NOT_EXIST", "{of}: {said}");
    }
    let told = open.get(&format!("{path}?allow_deleted=true")).await;
    assert_eq!(told["model"]["info"]["name"], "m", "{told}");
}

#[tokio::test]
async fn the_newest_version_is_the_latest() {
    let open = Open::start().await;
    let by_alias =
        async |alias: &str| open.get(&format!("api/2.0/mlflow/registered-models/alias?name=churn&alias={alias}")).await;
    open.post("mlflow/registered-models/create", json!({ "name": "churn" })).await;
    assert_eq!(by_alias("latest").await["error_code"], "RESOURCE_DOES_NOT_EXIST");
    for _ in 0..2 {
        open.post("mlflow/model-versions/create", json!({ "name": "churn", "source": "s3://bucket/x" })).await;
    }
    let staged = json!({ "name": "churn", "version": "1", "stage": "Production" });
    assert_eq!(open.post("mlflow/model-versions/transition-stage", staged).await.0, StatusCode::OK);
    // The stage of the oldest stands first.
    let latest = open.get("api/2.0/mlflow/registered-models/get-latest-versions?name=churn").await;
    let numbers = |of: &Value| of.as_array().unwrap().iter().map(|one| one["version"].clone()).collect::<Vec<_>>();
    assert_eq!(numbers(&latest["model_versions"]), ["1", "2"]);
    for alias in ["latest", "Latest"] {
        assert_eq!(by_alias(alias).await["model_version"]["version"], "2", "{alias}");
    }
    assert_eq!(by_alias("newest").await["error_code"], "INVALID_PARAMETER_VALUE");
    let copied = json!({ "name": "churn", "source": "models:/churn@latest" });
    let (status, copied) = open.post("mlflow/model-versions/create", copied).await;
    assert_eq!((status, &copied["model_version"]["source"]), (StatusCode::OK, &json!("models:/churn/2")), "{copied}");
    let version =
        async |number: &str| open.get(&format!("api/2.0/mlflow/model-versions/get?name=churn&version={number}")).await;
    assert_eq!(version("%201").await["model_version"]["version"], "1");
    for (number, code) in [("-1", "RESOURCE_DOES_NOT_EXIST"), ("1.0", "INVALID_PARAMETER_VALUE")] {
        assert_eq!(version(number).await["error_code"], code, "{number}");
    }
}

#[tokio::test]
async fn names_are_checked_as_by_mlflow() {
    let open = Open::start().await;
    let run = open.run().await;
    for name in [".", "..", "..a"] {
        open.refused("mlflow/registered-models/create", json!({ "name": name }), "As a path").await;
    }
    for key in ["a//b", "a/../b", "/a", "..", "a#b", "a\nb"] {
        let body = json!({ "experiment_id": "0", "key": key, "value": "x" });
        open.refused("mlflow/experiments/set-experiment-tag", body, "Invalid name").await;
    }
    let said = open.get("api/2.0/mlflow/experiments/get-by-name?experiment_name=").await;
    assert_eq!(said["error_code"], "INVALID_PARAMETER_VALUE", "{said}");
    let param = json!({ "key": "lr", "value": "1" });
    let twice = json!({ "run_id": run, "params": [param, param] });
    open.refused("mlflow/runs/log-batch", twice, "Duplicate parameter keys have been submitted: ['lr']").await;
    open.refused("mlflow/runs/update", json!({ "run_id": run, "status": 99 }), "parameter 'status'").await;
    // An empty name in a tag names nothing.
    let tags = json!([{ "key": "mlflow.runName", "value": "" }]);
    let (_, made) = open.post("mlflow/runs/create", json!({ "experiment_id": "0", "tags": tags })).await;
    assert_ne!(made["run"]["info"]["run_name"], "", "{made}");
}

#[tokio::test]
async fn an_experiment_is_named_by_an_integer_and_a_page_has_a_point() {
    let open = Open::start().await;
    for (path, body) in [
        ("runs/create", json!({ "experiment_id": "churn" })),
        ("runs/search", json!({ "experiment_ids": ["0", "churn"] })),
        ("experiments/update", json!({ "experiment_id": "churn", "new_name": "x" })),
        ("experiments/delete", json!({ "experiment_id": "churn" })),
        ("experiments/search-datasets", json!({ "experiment_ids": ["churn"] })),
        ("logged-models", json!({ "experiment_id": "churn" })),
        ("logged-models/search", json!({ "experiment_ids": ["0", "churn"] })),
    ] {
        let why = "Invalid experiment ID 'churn'. Experiment ID must be a valid integer.";
        open.refused(&format!("mlflow/{path}"), body, why).await;
    }
    let unknown = json!({ "experiment_ids": ["99999999999999999999"] });
    assert_eq!(open.post("mlflow/runs/search", unknown.clone()).await, (StatusCode::OK, json!({})));
    assert_eq!(open.post("mlflow/logged-models/search", unknown).await, (StatusCode::OK, json!({})));
    let run = open.run().await;
    for most in [0, -1] {
        let path = format!("api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=loss&max_results={most}");
        let said = open.get(&path).await;
        assert_eq!(said["error_code"], "INVALID_PARAMETER_VALUE", "{said}");
        assert!(said["message"].as_str().unwrap().contains("It must be a positive integer"), "{said}");
    }
}
