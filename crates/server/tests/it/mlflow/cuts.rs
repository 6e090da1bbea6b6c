//! Params and tags that are longer than is kept: cut, as MLflow's server cuts them, and the request is answered as any.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::Open;

const KEPT: usize = 65_536;

/// The value of a key in a list of params or tags.
fn value<'a>(list: &'a Value, key: &str) -> &'a str {
    let pair = list.as_array().unwrap().iter().find(|pair| pair["key"] == key);
    pair.unwrap_or_else(|| panic!("{key} is not there"))["value"].as_str().unwrap()
}

async fn data(open: &Open, run: &str) -> Value {
    open.get(&format!("api/2.0/mlflow/runs/get?run_id={run}")).await["run"]["data"].clone()
}

#[tokio::test]
async fn what_is_longer_than_is_kept_is_cut_on_every_way_to_a_run() {
    let open = Open::start().await;
    let long = format!("begins{}", "v".repeat(70_000));
    let pair = |key: &str, value: &str| json!({ "key": key, "value": value });
    let tags = json!([pair("begun", &long), pair("whole", &long[..KEPT])]);
    let (status, made) = open.post("mlflow/runs/create", json!({ "experiment_id": "0", "tags": tags })).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    assert_eq!(value(&made["run"]["data"]["tags"], "begun"), &long[..KEPT]);
    let run = made["run"]["info"]["run_id"].as_str().unwrap();
    // Of two bytes each, behind one of one: the limit is within a character.
    let letters = format!("a{}", "ü".repeat(40_000));
    let metric = json!({ "key": "loss", "value": 0.5, "timestamp": 1, "step": 0 });
    for (path, body) in [
        ("log-parameter", json!({ "run_id": run, "key": "single", "value": long })),
        ("set-tag", json!({ "run_id": run, "key": "single", "value": long })),
        ("set-tag", json!({ "run_id": run, "key": "absurd", "value": "v".repeat(10_000_000) })),
        ("set-tag", json!({ "run_id": run, "key": "mlflow.note.content", "value": long })),
        (
            "log-batch",
            json!({
                "run_id": run, "metrics": [metric], "params": [pair("batch", &letters), pair("beside", "1")],
                "tags": [pair("batch", &letters)],
            }),
        ),
    ] {
        let (status, said) = open.post(&format!("mlflow/runs/{path}"), body).await;
        assert_eq!((status, said), (StatusCode::OK, json!({})), "{path}");
    }
    let data = data(&open, run).await;
    let (params, tags) = (&data["params"], &data["tags"]);
    for (list, key, whole) in [
        (params, "single", &long),
        (params, "batch", &letters),
        (tags, "begun", &long),
        (tags, "single", &long),
        (tags, "batch", &letters),
        (tags, "mlflow.note.content", &long),
    ] {
        let kept = value(list, key);
        assert!(whole.starts_with(kept) && (KEPT - 1..=KEPT).contains(&kept.len()), "{key}: {}", kept.len());
    }
    assert_eq!(value(tags, "whole"), &long[..KEPT]);
    assert_eq!(value(tags, "absurd").len(), KEPT);
    // Nothing beside it is lost.
    assert_eq!((value(params, "beside"), &data["metrics"][0]["value"]), ("1", &json!(0.5)), "{}", data["metrics"]);
}

#[tokio::test]
async fn a_param_that_was_cut_is_the_same_where_what_is_kept_is() {
    let open = Open::start().await;
    let run = open.run().await;
    let long = "v".repeat(70_000);
    let single = |value: &str| json!({ "run_id": run, "key": "config", "value": value });
    let batch = |value: &str| {
        let pair = |value: &str| json!([{ "key": "config", "value": value }]);
        json!({ "run_id": run, "params": pair(value) })
    };
    let other_end = format!("{long}, and more");
    for value in [&long, &long, &other_end] {
        assert_eq!(open.post("mlflow/runs/log-parameter", single(value)).await.0, StatusCode::OK);
        assert_eq!(open.post("mlflow/runs/log-batch", batch(value)).await.0, StatusCode::OK);
    }
    let other = format!("w{long}");
    for (path, body) in [("log-parameter", single(&other)), ("log-batch", batch(&other)), ("log-batch", batch("v"))] {
        open.refused(&format!("mlflow/runs/{path}"), body, "Changing param values is not allowed").await;
    }
    assert_eq!(value(&data(&open, &run).await["params"], "config"), &long[..KEPT]);
}

#[tokio::test]
async fn texts_of_logged_models_are_cut_as_a_runs_are() {
    let open = Open::start().await;
    let long = "x".repeat(1_000_000);
    let pair = |key: &str| json!([{ "key": key, "value": long }]);
    let made = json!({ "experiment_id": "0", "name": "m", "params": pair("begun"), "tags": pair("begun") });
    let (status, made) = open.post("mlflow/logged-models", made).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let id = made["model"]["info"]["model_id"].as_str().unwrap();
    let url = format!("api/2.0/mlflow/logged-models/{id}");
    // The same again is no other.
    for key in ["later", "later", "begun"] {
        let params = json!({ "params": pair(key) });
        let (status, said) = open.post(&format!("mlflow/logged-models/{id}/params"), params).await;
        assert_eq!(status, StatusCode::OK, "{said}");
    }
    let tagging =
        open.running.http.patch(format!("{}/{url}/tags", open.address)).json(&json!({ "tags": pair("later") }));
    assert_eq!(tagging.send().await.unwrap().status(), StatusCode::OK);
    let told = open.get(&url).await;
    let model = &told["model"];
    for key in ["begun", "later"] {
        assert_eq!(value(&model["data"]["params"], key), &long[..KEPT], "{key}");
        assert_eq!(value(&model["info"]["tags"], key), &long[..KEPT], "{key}");
    }
}
