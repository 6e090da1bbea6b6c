//! Wrong filters, paths that lead out and what is far too large: each is told why, and nothing is kept of it.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Open, limits::told};

#[tokio::test]
async fn a_wrong_filter_is_told_where_and_what_was_expected() {
    let open = Open::start().await;
    for (path, filter, why) in [
        ("runs/search", "metrics.loss >", "column 15: a value was expected"),
        ("runs/search", "metrics.loss 0.5", "column 14: =, !=, <, <=, >, >=, \"~\", \"like\""),
        ("runs/search", "metrics.loss > 1 and", "column 21: a condition after \"and\" was expected"),
        ("runs/search", "(metrics.loss > 1", "column 18: \")\" was expected"),
        ("runs/search", "params.lr = '0.1", "column 13: the quote is not closed"),
        ("runs/search", "size = 3", "column 1: there is no field \"size\""),
        ("experiments/search", "(name = 'a'", "column 12: \")\" was expected"),
        ("logged-models/search", "(name = 'a'", "column 12: \")\" was expected"),
    ] {
        let body = json!({ "experiment_ids": ["0"], "max_results": 10, "filter": filter });
        open.refused(&format!("mlflow/{path}"), body, why).await;
    }
    for path in ["registered-models/search", "model-versions/search"] {
        let url = format!("{}/api/2.0/mlflow/{path}?filter=%28name%20%3D%20%27a%27", open.address);
        let answer = open.running.http.get(url).send().await.unwrap();
        let message = told(answer, StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE").await;
        assert!(message.contains("column 12: \")\" was expected"), "{path}: {message}");
    }
}

/// Of those that `tests/mlflow/artifacts.py` tries the ones that a client which tidies its addresses sends as they are.
const LEAVING: [&str; 9] = [
    "..%2fx",
    "%2e%2e%2fx",
    "%252e%252e/x",
    "%252e%252e%252fx",
    "..%252f..%252fx",
    "d%2f..%2f..%2fx",
    "c:/x",
    "C:%5cx",
    "%2f%2fetc/passwd",
];

#[tokio::test]
async fn a_path_that_leads_out_is_refused_by_uploads_in_parts_and_by_lists_of_models() {
    let open = Open::start().await;
    let run = open.run().await;
    let (_, made) = open.post("mlflow/logged-models", json!({ "experiment_id": "0", "name": "m" })).await;
    let model = made["model"]["info"]["model_id"].as_str().unwrap();
    let folder = format!("0/{run}/artifacts");
    let begun = json!({ "path": "model.bin", "num_parts": 1 });
    let (_, begun) = open.post(&format!("mlflow-artifacts/mpu/create/{folder}"), begun).await;
    let parts = json!([{ "part_number": 1, "etag": "" }]);
    let body = json!({ "path": "model.bin", "num_parts": 1, "upload_id": begun["upload_id"], "parts": parts });
    let part = begun["credentials"][0]["url"].as_str().unwrap();
    open.running.http.put(part).body("whole").send().await.unwrap();
    for path in LEAVING {
        for action in ["create", "complete", "abort"] {
            open.refused(&format!("mlflow-artifacts/mpu/{action}/{path}"), body.clone(), "Invalid path").await;
        }
        let listed = format!("logged-models/{model}/artifacts/directories?artifact_directory_path={path}");
        let answer = open.running.http.get(format!("{}/api/2.0/mlflow/{listed}", open.address)).send().await.unwrap();
        let message = told(answer, StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE").await;
        assert!(message.contains("Invalid path"), "{path}: {message}");
    }
    // None of them ended the upload that was begun, or put it anywhere.
    let (status, said) = open.post(&format!("mlflow-artifacts/mpu/complete/{folder}"), body).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    let listed = open.get(&format!("api/2.0/mlflow/artifacts/list?run_id={run}")).await;
    assert_eq!(listed["files"], json!([{ "path": "model.bin", "is_dir": false, "file_size": 5 }]));
}

#[tokio::test]
async fn what_is_far_too_large_is_refused_and_none_of_it_is_kept() {
    let open = Open::start().await;
    let run = open.run().await;
    let value = "v".repeat(10_000_000);
    let of_experiment = json!({ "experiment_id": "0", "key": "absurd", "value": value });
    open.refused("mlflow/experiments/set-experiment-tag", of_experiment, "longer than 20000 characters").await;
    let (_, made) = open.post("mlflow/registered-models/create", json!({ "name": "m" })).await;
    assert_eq!(made["registered_model"]["name"], "m", "{made}");
    let of_model = json!({ "name": "m", "key": "absurd", "value": value });
    open.refused("mlflow/registered-models/set-tag", of_model, "at most 100000 as its value").await;
    let point = |at: i64| json!({ "key": "m", "value": 1.0, "timestamp": at, "step": at });
    let long_key = json!([{ "key": "absurd".repeat(1_000_000), "value": "1" }]);
    for texts in ["params", "tags"] {
        let batch = json!({ "run_id": run, "metrics": [point(0)], texts: long_key });
        open.refused("mlflow/runs/log-batch", batch, "1 to 250 characters").await;
    }
    let metrics: Vec<Value> = (0..100_000).map(point).collect();
    let batch = json!({ "run_id": run, "metrics": metrics });
    open.refused("mlflow/runs/log-batch", batch, "at most 1000 metrics. Got 100000 metrics").await;

    let came = open.get(&format!("api/2.0/mlflow/runs/get?run_id={run}")).await;
    let data = &came["run"]["data"];
    assert_eq!([&data["metrics"], &data["params"]], [&Value::Null; 2], "{data}");
    assert!(!data.to_string().contains("absurd"), "{data}");
    let experiment = open.get("api/2.0/mlflow/experiments/get?experiment_id=0").await;
    assert!(!experiment.to_string().contains("absurd"), "{experiment}");
}
