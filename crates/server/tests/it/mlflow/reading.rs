//! What clients read: series of any length, searches.

use api::series::Point;
use engine::tracking::client::{self, Batch};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Open;

/// A run with so many points of `loss`.
async fn logged(open: &Open, points: Vec<Point>) -> String {
    let run = open.run().await;
    let batch = Batch { series: vec![("loss".to_owned(), points)], ..Batch::default() };
    client::log(&open.running.host.engine, run.parse().unwrap(), batch).await.unwrap();
    run
}

fn points(count: i64) -> Vec<Point> {
    (0..count).map(|at| Point { step: at / 2, time_ms: at, value: at as f64 }).collect()
}

fn values(answer: &Value) -> Vec<f64> {
    answer["metrics"].as_array().unwrap().iter().map(|one| one["value"].as_f64().unwrap()).collect()
}

#[tokio::test]
async fn a_long_series_comes_in_pieces_and_in_its_order() {
    let open = Open::start().await;
    let count = 150_000;
    let in_order = logged(&open, points(count)).await;
    let mut held_up = points(count);
    held_up.rotate_left(1);
    let out_of_order = logged(&open, held_up).await;
    for run in [in_order, out_of_order] {
        let path = format!("{}/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=loss", open.address);
        let answer = open.running.http.get(&path).send().await.unwrap();
        assert_eq!(answer.content_length(), None, "it is not made whole before it is sent");
        let whole = values(&answer.json().await.unwrap());
        assert!(whole.iter().enumerate().all(|(at, value)| *value == at as f64));
        assert_eq!(whole.len(), 150_000);
        let path = format!("api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=loss&max_results=100000");
        let first = open.get(&path).await;
        assert_eq!(values(&first).len(), 100_000);
        let token = first["next_page_token"].as_str().unwrap().replace('=', "%3D");
        let second = open.get(&format!("{path}&page_token={token}")).await;
        assert_eq!((values(&second)[0], values(&second).len()), (100_000.0, 50_000));
        assert!(second["next_page_token"].is_null());
    }
}

#[tokio::test]
async fn points_are_sampled_whatever_their_steps() {
    let open = Open::start().await;
    let at = |time_ms: i64| Point { step: 0, time_ms, value: time_ms as f64 };
    let ordered: Vec<Point> = (0..60_000).map(at).collect();
    let mut mixed = ordered.clone();
    mixed.reverse();
    for all in [ordered, mixed] {
        let run = logged(&open, all).await;
        let path = format!("ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids={run}&metric_key=loss");
        let sampled = async |asked: &str| {
            let answer = open.get(&format!("{path}&{asked}")).await;
            answer["metrics"].as_array().map(|_| values(&answer)).unwrap_or_default()
        };
        let hundred = sampled("max_results=100").await;
        assert_eq!(
            (hundred.len(), hundred[0], hundred[1], hundred[98], hundred[99]),
            (100, 0.0, 600.0, 58_800.0, 59_999.0)
        );
        assert_eq!(sampled("max_results=1").await, [59_999.0]);
        assert_eq!(sampled("max_results=2&start_step=0&end_step=0").await, [0.0, 59_999.0]);
        assert!(sampled("start_step=1&end_step=9").await.is_empty());
    }
}

#[tokio::test]
async fn a_view_in_an_address_is_a_number_as_a_text() {
    let open = Open::start().await;
    let (_, made) = open.post("mlflow/experiments/create", json!({ "name": "gone" })).await;
    open.post("mlflow/experiments/delete", json!({ "experiment_id": made["experiment_id"] })).await;
    for (view, expected) in [("1", &["Default"][..]), ("2", &["gone"]), ("3", &["gone", "Default"])] {
        let found = open.get(&format!("api/2.0/mlflow/experiments/search?max_results=9&view_type={view}")).await;
        let names: Vec<&str> =
            found["experiments"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "view {view}");
    }
    let wrong = format!("{}/api/2.0/mlflow/experiments/search?max_results=9&view_type=4", open.address);
    assert_eq!(open.running.http.get(&wrong).send().await.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn logged_models_are_found_by_their_datasets_and_their_experiment() {
    let open = Open::start().await;
    let run = open.run().await;
    let mut ids = Vec::new();
    for (name, dataset) in [("one", Some("train")), ("two", Some("test")), ("three", None)] {
        let param = json!([{ "key": "depth", "value": name }]);
        let body = json!({ "experiment_id": "0", "name": name, "source_run_id": run, "params": param });
        let (_, made) = open.post("mlflow/logged-models", body).await;
        let id = made["model"]["info"]["model_id"].as_str().unwrap().to_owned();
        let mut metric = json!({ "key": "acc", "value": 0.5, "timestamp": 1, "step": 0, "model_id": id });
        if let Some(dataset) = dataset {
            metric["dataset_name"] = json!(dataset);
            metric["dataset_digest"] = json!("d1");
        }
        let (status, said) = open.post("mlflow/runs/log-batch", json!({ "run_id": run, "metrics": [metric] })).await;
        assert_eq!(status, StatusCode::OK, "{said}");
        ids.push(id);
    }
    let search = async |more: Value| {
        let mut body = json!({ "experiment_ids": ["0"] });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let (status, found) = open.post("mlflow/logged-models/search", body).await;
        assert_eq!(status, StatusCode::OK, "{found}");
        found
    };
    let names = |found: &Value| -> Vec<String> {
        let models = found["models"].as_array().cloned().unwrap_or_default();
        let mut names: Vec<String> =
            models.iter().map(|model| model["info"]["name"].as_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        names
    };
    let train = json!({ "datasets": [{ "dataset_name": "train" }] });
    assert_eq!(names(&search(train).await), ["one"]);
    let either =
        json!({ "datasets": [{ "dataset_name": "train" }, { "dataset_name": "test" }], "filter": "name != 'two'" });
    assert_eq!(names(&search(either).await), ["one"]);
    assert!(names(&search(json!({ "datasets": [{ "dataset_name": "none" }] })).await).is_empty());
    assert_eq!(names(&search(json!({ "filter": "experiment_id = '0' and params.depth = 'three'" })).await), ["three"]);
    assert!(names(&search(json!({ "filter": "experiment_id IN ('7',)" })).await).is_empty());
    // Of the page all is told, whatever was sought.
    let page = json!({ "max_results": 2, "order_by": [{ "field_name": "name", "ascending": true }] });
    let first = search(page.clone()).await;
    assert_eq!(names(&first), ["one", "three"]);
    assert_eq!(first["models"][0]["data"]["params"][0]["value"], "one");
    assert_eq!(first["models"][0]["data"]["metrics"].as_array().unwrap().len(), 1);
    let mut next = page;
    next["page_token"] = first["next_page_token"].clone();
    let second = search(next).await;
    assert_eq!(names(&second), ["two"]);
    assert!(second["next_page_token"].is_null());
    // The model that is searched by its figures has each of them once.
    let by_figure = search(json!({ "filter": "metrics.acc > 0.1 and name = 'two'" })).await;
    assert_eq!(by_figure["models"][0]["data"]["metrics"].as_array().unwrap().len(), 1);
    assert_eq!(by_figure["models"][0]["info"]["model_id"], json!(ids[1]));
}

#[tokio::test]
async fn a_file_is_read_in_parts_at_the_address_that_is_told() {
    let open = Open::start().await;
    let run = open.run().await;
    let path = format!("0/{run}/artifacts/a%20b.bin");
    let url = format!("{}/api/2.0/mlflow-artifacts/artifacts/{path}", open.address);
    open.running.http.put(&url).body("0123456789").send().await.unwrap();
    let asked = format!("{}/api/2.0/mlflow-artifacts/presigned/{path}", open.address);
    let told = open.running.http.get(&asked).header("authorization", "Basic eDp5").send().await.unwrap();
    let told: Value = told.json().await.unwrap();
    let expected = json!({ "url": url, "headers": { "Authorization": "Basic eDp5" }, "file_size": 10 });
    assert_eq!(told, expected);
    let told: Value = open.running.http.get(&asked).send().await.unwrap().json().await.unwrap();
    assert_eq!(told["headers"], json!({}));
    let part = open.running.http.get(told["url"].as_str().unwrap()).header("range", "bytes=8-9").send().await.unwrap();
    assert_eq!((part.status(), part.text().await.unwrap()), (StatusCode::PARTIAL_CONTENT, "89".to_owned()));
    let none = format!("{}/api/2.0/mlflow-artifacts/presigned/0/{run}/artifacts/none.bin", open.address);
    assert_eq!(open.running.http.get(&none).send().await.unwrap().status(), StatusCode::NOT_FOUND);
}
