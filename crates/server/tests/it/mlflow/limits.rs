//! Bodies that are too large or stand still, and results that are too many: MLflow's codes, and why.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use reqwest::{Body, Response, StatusCode};
use serde_json::{Value, json};

use super::Open;
use crate::running::Running;

/// MLflow's code and its message.
async fn told(answer: Response, status: StatusCode, code: &str) -> String {
    let came = answer.status();
    let said: Value = answer.json().await.unwrap();
    assert_eq!((came, &said["error_code"]), (status, &json!(code)), "{said}");
    said["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_body_that_stands_still_is_late_and_leaves_nothing() {
    let open = Open::start().await;
    let run = open.run().await;
    let folder = format!("0/{run}/artifacts");
    let begun = json!({ "path": "parts.bin", "num_parts": 1 });
    let (_, begun) = open.post(&format!("mlflow-artifacts/mpu/create/{folder}"), begun).await;
    let part = begun["credentials"][0]["url"].as_str().unwrap();
    let of = |path: &str| format!("{}/api/2.0/{path}", open.address);
    let http = &open.running.http;
    for (request, why) in [
        (http.put(of(&format!("mlflow-artifacts/artifacts/{folder}/model.bin"))), "stood still"),
        (http.put(part), "stood still"),
        (http.post(of("mlflow/runs/log-batch")).header("content-type", "application/json"), "did not arrive"),
        // These are told nothing by their bodies.
        (http.delete(of("mlflow/logged-models/m-0123")), "did not arrive"),
        (http.delete(of("mlflow/logged-models/m-0123/tags/team")), "did not arrive"),
        (http.post(of("mlflow/artifacts/presigned-upload-url")), "did not arrive"),
    ] {
        let first = stream::iter([Ok::<_, std::io::Error>(b"{".to_vec())]);
        let answer = request.body(Body::wrap_stream(first.chain(stream::pending()))).send().await.unwrap();
        let message = told(answer, StatusCode::REQUEST_TIMEOUT, "DEADLINE_EXCEEDED").await;
        assert!(message.contains(why), "{message}");
    }
    let listed = open.get(&format!("api/2.0/mlflow/artifacts/list?run_id={run}")).await;
    assert_eq!(listed["files"], Value::Null, "{listed}");
}

#[tokio::test]
async fn a_request_that_is_too_large_is_told_how_large_it_may_be() {
    let mut running = Running::start().await;
    // It takes its time where the machine is busy.
    running.host.patience = Duration::from_secs(60);
    let open = Open::of(running).await;
    let run = open.run().await;
    let large = vec![b' '; (32 << 20) + 1];
    for path in ["runs/log-batch", "runs/search", "experiments/create"] {
        let request = open.running.http.post(format!("{}/api/2.0/mlflow/{path}", open.address));
        let request = request.header("content-type", "application/json").body(large.clone());
        let answer = request.send().await.unwrap();
        let message = told(answer, StatusCode::PAYLOAD_TOO_LARGE, "INVALID_PARAMETER_VALUE").await;
        assert!(message.contains("larger than 32 MB"), "{message}");
    }
    // A file may be.
    let file = format!("{}/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/model.bin", open.address);
    let answer = open.running.http.put(file).body(large).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn results_beyond_the_bounds_are_refused() {
    let open = Open::start().await;
    let run = open.run().await;
    let get = async |path: &str, most: &str| {
        let sign = if path.contains('?') { '&' } else { '?' };
        let url = format!("{}/api/2.0/mlflow/{path}{sign}max_results={most}", open.address);
        open.running.http.get(url).send().await.unwrap()
    };
    let post = async |path: &str, most: &str| {
        let url = format!("{}/api/2.0/mlflow/{path}", open.address);
        let body = json!({ "experiment_ids": ["0"], "max_results": most });
        open.running.http.post(url).json(&body).send().await.unwrap()
    };
    let history = format!("metrics/get-history?run_id={run}&metric_key=loss");
    let interval = format!("metrics/get-history-bulk-interval?run_ids={run}&metric_key=loss");
    for (path, most, why) in [
        ("experiments/search", Some(50_000), "between 1 and 50000"),
        ("registered-models/search", Some(1_000), "between 1 and 1000, but got value"),
        ("model-versions/search", Some(200_000), "between 1 and 200000, but got value"),
        (interval.as_str(), Some(2_500), "between 1 and 2500"),
        (history.as_str(), None, "'max_results'"),
    ] {
        let mut wrong = vec![-1];
        if let Some(most) = most {
            assert_eq!(get(path, &most.to_string()).await.status(), StatusCode::OK, "{path}");
            wrong.extend([0, most + 1]);
        }
        for wrong in wrong {
            let answer = get(path, &wrong.to_string()).await;
            let message = told(answer, StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE").await;
            assert!(message.contains(why), "{path} of {wrong}: {message}");
        }
        told(get(path, "ten").await, StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE").await;
    }
    assert_eq!(post("runs/search", "50000").await.status(), StatusCode::OK);
    for (path, wrong, why) in [
        ("runs/search", "-1", "at least 1 and at most 50000"),
        ("runs/search", "0", "at least 1 and at most 50000"),
        ("runs/search", "50001", "at least 1 and at most 50000"),
        ("logged-models/search", "-1", "positive"),
    ] {
        let message = told(post(path, wrong).await, StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE").await;
        assert!(message.contains(why), "{path} of {wrong}: {message}");
    }
}
