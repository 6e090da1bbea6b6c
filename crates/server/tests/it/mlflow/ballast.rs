//! What MLflow's clients delete may take the room that is kept for it.

use std::fs::{OpenOptions, metadata};

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::Open;

#[tokio::test]
async fn what_clients_delete_may_take_the_ballast_which_is_made_anew() {
    let open = Open::start().await;
    let ballast = open.running.folder.path().join("workspace").join("ballast");
    let held = || metadata(&ballast).map_or(0, |metadata| metadata.len());
    let whole = held();
    if whole == 0 {
        // A disk without room for it.
        return;
    }
    let run = open.run().await;
    let artifact = format!("mlflow-artifacts/artifacts/0/{run}/artifacts/a.txt");
    let url = |path: &str| format!("{}/api/2.0/{path}", open.address);
    open.running.http.put(url(&artifact)).body("text").send().await.unwrap();
    let (_, experiment) = open.post("mlflow/experiments/create", json!({ "name": "short-lived" })).await;
    let (_, model) = open.post("mlflow/logged-models", json!({ "experiment_id": "0" })).await;
    let model = model["model"]["info"]["model_id"].as_str().unwrap();
    open.post("mlflow/registered-models/create", json!({ "name": "m" })).await;
    open.post("mlflow/model-versions/create", json!({ "name": "m", "source": "s3://bucket/x" })).await;
    for (method, path, body) in [
        (Method::DELETE, artifact, json!({})),
        (Method::DELETE, format!("mlflow/logged-models/{model}"), json!({})),
        (Method::DELETE, "mlflow/model-versions/delete".to_owned(), json!({ "name": "m", "version": "1" })),
        (Method::DELETE, "mlflow/registered-models/delete".to_owned(), json!({ "name": "m" })),
        (Method::POST, "mlflow/runs/delete".to_owned(), json!({ "run_id": run })),
        (Method::POST, "mlflow/experiments/delete".to_owned(), json!({ "experiment_id": experiment["experiment_id"] })),
    ] {
        // As one that broke off left it.
        OpenOptions::new().write(true).open(&ballast).unwrap().set_len(7).unwrap();
        let answer = open.running.http.request(method, url(&path)).json(&body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(held(), whole, "{path}");
    }
}
