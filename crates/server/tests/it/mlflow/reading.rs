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
