//! Bodies that are too large or stand still, and results that are too many: MLflow's codes, and why.

use std::time::Duration;

use api::tracking::{Dataset, RunInput};
use engine::tracking::client::{self, Batch};
use futures::{StreamExt as _, stream};
use reqwest::{Body, Response, StatusCode};
use serde_json::{Value, json};
use server::Host;

use super::{Open, listening};

/// MLflow's code and its message.
pub(super) async fn told(answer: Response, status: StatusCode, code: &str) -> String {
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
    let impatient = Host { patience: Duration::from_millis(300), ..open.running.host.clone() };
    let address = listening(impatient).await;
    let part = begun["credentials"][0]["url"].as_str().unwrap().replace(&open.address, &address);
    let of = |path: &str| format!("{address}/api/2.0/{path}");
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
    let open = Open::start().await;
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

#[tokio::test]
async fn searches_of_endless_orders_and_filters_are_refused() {
    let open = Open::start().await;
    let all = |order: Value, count: usize| json!({ "experiment_ids": ["0"], "max_results": 10, "order_by": vec![order; count] });
    for (path, order) in [
        ("runs/search", json!("params.nothing")),
        ("experiments/search", json!("name")),
        ("logged-models/search", json!({ "field_name": "name" })),
    ] {
        let path = format!("mlflow/{path}");
        assert_eq!(open.post(&path, all(order.clone(), 32)).await.0, StatusCode::OK, "{path}");
        open.refused(&path, all(order, 10_000), "10000 orders, more than 32").await;
        let of = |filter: String| json!({ "experiment_ids": ["0"], "max_results": 10, "filter": filter });
        open.refused(&path, of("a ".repeat(1 << 20)), "at most 524288 bytes, not 2097152").await;
        open.refused(&path, of(format!("tags.a in ({})", vec!["'a'"; 10_001].join(","))), "10000 values").await;
    }
    let datasets = vec![json!({ "dataset_name": "d" }); 1_001];
    let body = json!({ "experiment_ids": ["0"], "datasets": datasets });
    open.refused("mlflow/logged-models/search", body, "at most 1000 datasets").await;
    // What is named again and again is looked up once.
    let body = json!({ "experiment_ids": vec!["0"; 100_000], "max_results": 10 });
    assert_eq!(open.post("mlflow/runs/search", body.clone()).await.0, StatusCode::OK);
    assert_eq!(open.post("mlflow/logged-models/search", body).await.0, StatusCode::OK);
    // So is each of very many: all in one read of the database.
    let many: Vec<String> = (0..200_000).map(|number| number.to_string()).collect();
    let (status, made) = open.post("mlflow/logged-models", json!({ "experiment_id": "0" })).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let (status, found) = open.post("mlflow/logged-models/search", json!({ "experiment_ids": many })).await;
    assert_eq!((status, found["models"].as_array().map(Vec::len)), (StatusCode::OK, Some(1)), "{found}");
}

#[tokio::test]
async fn the_models_of_a_run_have_an_end() {
    let open = Open::start().await;
    let run = open.run().await;
    let models = |from: usize, to: usize| {
        let models: Vec<Value> = (from..to).map(|at| json!({ "model_id": format!("m-{at}"), "step": at })).collect();
        json!({ "run_id": run, "models": models })
    };
    assert_eq!(open.post("mlflow/runs/outputs", models(0, 6_000)).await.0, StatusCode::OK);
    let why = "10001 models, more than 10000. Log further models in another run";
    open.refused("mlflow/runs/log-inputs", models(0, 4_001), why).await;
    assert_eq!(open.post("mlflow/runs/log-inputs", models(0, 4_000)).await.0, StatusCode::OK);
    // The same again are no more.
    assert_eq!(open.post("mlflow/runs/outputs", models(0, 6_000)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_is_said_of_models_has_mlflows_lengths() {
    let open = Open::start().await;
    let run = open.run().await;
    let long = |count: usize| "x".repeat(count);
    let model = |kind: String| json!({ "experiment_id": "0", "model_type": kind });
    let (status, made) = open.post("mlflow/logged-models", model(long(500))).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    open.refused("mlflow/logged-models", model(long(501)), "501 characters, more than 500").await;
    let id = made["model"]["info"]["model_id"].as_str().unwrap();
    let point = |name: usize, digest: usize| {
        json!({
            "run_id": run, "key": "loss", "value": 1.0, "timestamp": 1, "step": 0, "model_id": id,
            "dataset_name": long(name), "dataset_digest": long(digest),
        })
    };
    assert_eq!(open.post("mlflow/runs/log-metric", point(500, 36)).await.0, StatusCode::OK);
    open.refused("mlflow/runs/log-metric", point(501, 36), "501 characters, more than 500").await;
    open.refused("mlflow/runs/log-metric", point(500, 37), "37 characters, more than 36").await;
    for path in ["mlflow/runs/log-inputs", "mlflow/runs/outputs"] {
        let of = |id: &str| json!({ "run_id": run, "models": [{ "model_id": id, "step": 1 }] });
        assert_eq!(open.post(path, of(id)).await.0, StatusCode::OK, "{path}");
        open.refused(path, of(&long(37)), "37 characters, more than 36").await;
    }
}

#[tokio::test]
async fn the_place_of_an_experiments_files_has_mlflows_length() {
    let open = Open::start().await;
    let placed = |count: usize| {
        let place = format!("s3://{}", "ü".repeat(count - 5));
        json!({ "name": format!("of {count}"), "artifact_location": place })
    };
    let (status, said) = open.post("mlflow/experiments/create", placed(2_048)).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    open.refused("mlflow/experiments/create", placed(2_049), "2049 characters, more than 2048").await;
}

#[tokio::test]
async fn the_list_of_a_runs_models_has_an_end() {
    let open = Open::start().await;
    let run = open.run().await;
    let model = |padding: usize| {
        let model = json!({
            "artifact_path": "model", "run_id": run, "utc_time_created": "2026-11-30 05:56:27", "flavors": {},
            "padding": "x".repeat(padding),
        });
        json!({ "run_id": run, "model_json": model.to_string() })
    };
    for _ in 0..4 {
        assert_eq!(open.post("mlflow/runs/log-model", model(1_000_000)).await.0, StatusCode::OK);
    }
    open.refused("mlflow/runs/log-model", model(1_000_000), "more than 4194304").await;
    // A short one still has room, and stands behind the others.
    assert_eq!(open.post("mlflow/runs/log-model", model(3)).await.0, StatusCode::OK);
    let told = open.get(&format!("api/2.0/mlflow/runs/get?run_id={run}")).await;
    let tags = told["run"]["data"]["tags"].as_array().unwrap();
    let history = tags.iter().find(|tag| tag["key"] == "mlflow.log-model.history").unwrap();
    let models: Vec<Value> = serde_json::from_str(history["value"].as_str().unwrap()).unwrap();
    assert_eq!((models.len(), &models[4]["padding"]), (5, &json!("xxx")));
}

/// A run with one tag of so many bytes, more than a request may have.
async fn run_with_a_tag(open: &Open, bytes: usize) -> String {
    let run = open.run().await;
    let batch = Batch { tags: vec![("long".to_owned(), "x".repeat(bytes))], ..Batch::default() };
    client::log(&open.running.host.engine, run.parse().unwrap(), batch).await.unwrap();
    run
}

#[tokio::test]
async fn the_params_and_tags_of_a_run_have_an_end_together() {
    let open = Open::start().await;
    let run = run_with_a_tag(&open, (64 << 20) - 1_000).await;
    let text = "x".repeat(1_000);
    let pair = json!({ "key": "more", "value": text });
    for (path, body) in [
        ("set-tag", json!({ "run_id": run, "key": "more", "value": text })),
        ("log-parameter", json!({ "run_id": run, "key": "more", "value": text })),
        ("log-batch", json!({ "run_id": run, "params": [pair] })),
        ("log-batch", json!({ "run_id": run, "tags": [pair] })),
    ] {
        let why = "would have 67108872 bytes together, more than 67108864. Keep long texts as artifacts";
        open.refused(&format!("mlflow/runs/{path}"), body, why).await;
    }
    let short = json!({ "run_id": run, "key": "more", "value": "x" });
    assert_eq!(open.post("mlflow/runs/log-parameter", short).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_page_of_long_runs_ends_before_the_next_one_that_is_too_much() {
    let open = Open::start().await;
    for bytes in [20 << 20, 20 << 20, 33 << 20, 1_000, 1_000] {
        run_with_a_tag(&open, bytes).await;
    }
    let mut body = json!({ "experiment_ids": ["0"], "max_results": 1_000, "order_by": ["start_time", "run_id"] });
    let mut pages = Vec::new();
    let mut seen = std::collections::HashSet::new();
    loop {
        let (status, found) = open.post("mlflow/runs/search", body.clone()).await;
        assert_eq!(status, StatusCode::OK, "{found}");
        let runs = found["runs"].as_array().unwrap();
        seen.extend(runs.iter().map(|run| run["info"]["run_id"].as_str().unwrap().to_owned()));
        pages.push(runs.len());
        match found["next_page_token"].as_str() {
            Some(token) => body["page_token"] = json!(token),
            None => break,
        }
    }
    // Whatever their order: two long ones never stand on one page, and none is left out.
    assert!((3..=4).contains(&pages.len()), "{pages:?}");
    assert_eq!((seen.len(), pages.iter().sum::<usize>()), (5, 5), "{pages:?}");
}

#[tokio::test]
async fn the_datasets_of_a_run_have_an_end_and_those_of_a_page_too() {
    let open = Open::start().await;
    let engine = &open.running.host.engine;
    let given = |name: &str, bytes: usize| RunInput {
        dataset: Dataset {
            name: name.to_owned(),
            digest: "d".to_owned(),
            source_type: "local".to_owned(),
            source: "{}".to_owned(),
            schema: None,
            profile: Some("x".repeat(bytes)),
        },
        tags: Default::default(),
    };
    for bytes in [20 << 20, 20 << 20, 1_000, 1_000] {
        let run = open.run().await.parse().unwrap();
        client::inputs(engine, run, vec![given("a", bytes)], Vec::new()).await.unwrap();
    }
    let mut body = json!({ "experiment_ids": ["0"], "order_by": ["start_time", "run_id"] });
    let mut pages = Vec::new();
    let mut seen = std::collections::HashSet::new();
    loop {
        let (status, found) = open.post("mlflow/runs/search", body.clone()).await;
        assert_eq!(status, StatusCode::OK, "{found}");
        let runs = found["runs"].as_array().unwrap();
        seen.extend(runs.iter().map(|run| run["info"]["run_id"].as_str().unwrap().to_owned()));
        pages.push(runs.len());
        match found["next_page_token"].as_str() {
            Some(token) => body["page_token"] = json!(token),
            None => break,
        }
    }
    // Whatever their order: two long ones never stand on one page, and none is left out.
    assert!((2..=3).contains(&pages.len()), "{pages:?}");
    assert_eq!((seen.len(), pages.iter().sum::<usize>()), (4, 4), "{pages:?}");

    let run = open.run().await.parse().unwrap();
    client::inputs(engine, run, vec![given("a", 40 << 20)], Vec::new()).await.unwrap();
    let more = json!({ "name": "b", "digest": "d", "source_type": "local", "source": "{}", "profile": "x".repeat(16_000_000) });
    let body = json!({ "run_id": run, "datasets": [{ "dataset": more, "tags": [] }] });
    assert_eq!(open.post("mlflow/runs/log-inputs", body).await.0, StatusCode::OK);
    let more = json!({ "name": "c", "digest": "d", "source_type": "local", "source": "{}", "profile": "x".repeat(16_000_000) });
    let body = json!({ "run_id": run, "datasets": [{ "dataset": more, "tags": [] }] });
    open.refused("mlflow/runs/log-inputs", body, "more than 67108864. Keep a long profile as an artifact").await;
    let told = open.get(&format!("api/2.0/mlflow/runs/get?run_id={run}")).await;
    assert_eq!(told["run"]["inputs"]["dataset_inputs"].as_array().map(Vec::len), Some(2), "the last is not half there");
}

/// Tags with so many bytes of values together.
fn tags(mega: usize, each: usize) -> Vec<Value> {
    (0..(mega << 20) / each).map(|at| json!({ "key": format!("k{at}"), "value": "x".repeat(each) })).collect()
}

#[tokio::test]
async fn the_texts_of_models_versions_and_experiments_have_an_end_together() {
    let open = Open::start().await;
    let why = "more than 16777216. Keep long texts as artifacts";
    let made = async |path: &str, body: Value| {
        let (status, said) = open.post(path, body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {said}");
        said
    };
    open.refused("mlflow/experiments/create", json!({ "name": "e", "tags": tags(17, 20_000) }), why).await;
    let experiment = made("mlflow/experiments/create", json!({ "name": "e", "tags": tags(15, 20_000) })).await;
    let tag = |key: String, value: String| json!({ "experiment_id": experiment["experiment_id"], "key": key, "value": value });
    let mut count = 0;
    while count < 200
        && open.post("mlflow/experiments/set-experiment-tag", tag(format!("m{count}"), "x".repeat(20_000))).await.0
            == StatusCode::OK
    {
        count += 1;
    }
    assert!((40..=60).contains(&count), "{count}: a megabyte more");
    open.refused("mlflow/experiments/set-experiment-tag", tag("more".to_owned(), "x".repeat(20_000)), why).await;
    // What is there is written over, and taken away.
    made("mlflow/experiments/set-experiment-tag", tag("m0".to_owned(), "y".repeat(20_000))).await;

    open.refused("mlflow/registered-models/create", json!({ "name": "m", "tags": tags(17, 100_000) }), why).await;
    made("mlflow/registered-models/create", json!({ "name": "m", "tags": tags(16, 100_000) })).await;
    let more = json!({ "name": "m", "key": "more", "value": "x".repeat(100_000) });
    open.refused("mlflow/registered-models/set-tag", more, why).await;
    let version = |tags: Vec<Value>| json!({ "name": "m", "source": "s3://m/files", "tags": tags });
    open.refused("mlflow/model-versions/create", version(tags(17, 100_000)), why).await;

    let logged = |tags: Vec<Value>| json!({ "experiment_id": "0", "tags": tags });
    open.refused("mlflow/logged-models", logged(tags(17, 60_000)), why).await;
    let model = made("mlflow/logged-models", logged(tags(16, 60_000))).await;
    let id = model["model"]["info"]["model_id"].as_str().unwrap();
    let more = json!({ "params": [{ "key": "more", "value": "x".repeat(60_000) }] });
    open.refused(&format!("mlflow/logged-models/{id}/params"), more, why).await;
}

#[tokio::test]
async fn a_page_of_models_or_experiments_ends_before_the_one_that_is_too_much() {
    let open = Open::start().await;
    for at in 0..3 {
        let named = json!({ "name": format!("m{at}"), "tags": tags(15, 100_000) });
        assert_eq!(open.post("mlflow/registered-models/create", named).await.0, StatusCode::OK);
        let version = json!({ "name": format!("m{at}"), "source": "s3://m/files" });
        assert_eq!(open.post("mlflow/model-versions/create", version).await.0, StatusCode::OK);
        let logged = json!({ "experiment_id": "0", "tags": tags(15, 60_000) });
        assert_eq!(open.post("mlflow/logged-models", logged).await.0, StatusCode::OK);
        let experiment = json!({ "name": format!("e{at}"), "tags": tags(15, 20_000) });
        assert_eq!(open.post("mlflow/experiments/create", experiment).await.0, StatusCode::OK);
    }
    // The experiment that is always there is the last of them.
    for (path, of, expected) in
        [("registered-models", "registered_models", [2, 1]), ("experiments", "experiments", [2, 2])]
    {
        let (mut sizes, mut token) = (Vec::new(), String::new());
        loop {
            let found = open.get(&format!("api/2.0/mlflow/{path}/search?max_results=100&page_token={token}")).await;
            sizes.push(found[of].as_array().unwrap().len());
            let Some(next) = found["next_page_token"].as_str() else { break };
            token = next.replace('=', "%3D").replace('+', "%2B");
        }
        assert_eq!(sizes, expected, "{path}");
    }
    let (mut sizes, mut body) = (Vec::new(), json!({ "experiment_ids": ["0"] }));
    loop {
        let (status, found) = open.post("mlflow/logged-models/search", body.clone()).await;
        assert_eq!(status, StatusCode::OK, "{found}");
        sizes.push(found["models"].as_array().unwrap().len());
        let Some(next) = found["next_page_token"].as_str() else { break };
        body["page_token"] = json!(next);
    }
    assert_eq!(sizes, [2, 1]);
    let versions = open.get("api/2.0/mlflow/model-versions/search").await;
    assert_eq!(versions["model_versions"].as_array().map(Vec::len), Some(3), "their own texts are short");
}

#[tokio::test]
async fn what_each_part_of_an_upload_is_told_is_short() {
    let open = Open::start().await;
    let run = open.run().await;
    let begin = async |authorization: usize| {
        let url = format!("{}/api/2.0/mlflow-artifacts/mpu/create/0/{run}/artifacts", open.address);
        let request = open.running.http.post(url).json(&json!({ "path": "model.bin", "num_parts": 2 }));
        request.header("authorization", "x".repeat(authorization)).send().await.unwrap()
    };
    // It would stand in the answer ten thousand times.
    let message = told(begin(100_000).await, StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE").await;
    assert!(message.contains("100000 bytes, more than the 4096"), "{message}");
    let begun: Value = begin(4_096).await.json().await.unwrap();
    assert_eq!(begun["credentials"][1]["headers"]["Authorization"].as_str().map(str::len), Some(4_096), "{begun}");
}

#[tokio::test]
async fn who_looks_whether_somebody_answers_keeps_no_host_alive() {
    let open = Open::start().await;
    let activity = &open.running.host.activity;
    let long = Duration::from_millis(300);
    while activity.idle() < long {
        tokio::task::yield_now().await;
    }
    for path in ["", "health", "version"] {
        let answer = open.running.http.get(format!("{}/{path}", open.address)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "/{path}");
        answer.bytes().await.unwrap();
        assert!(activity.idle() >= long, "/{path}");
    }
    let before = activity.idle();
    open.run().await;
    assert!(activity.idle() < before);
}

#[tokio::test]
async fn what_is_said_of_datasets_is_counted_by_characters() {
    let open = Open::start().await;
    let run = open.run().await;
    let long = |count: usize| "ü".repeat(count);
    let given = |name: usize, tag: usize| {
        let dataset = json!({ "name": long(name), "digest": "d", "source_type": "local", "source": "{}" });
        let tags = json!([{ "key": "mlflow.data.context", "value": long(tag) }]);
        json!({ "run_id": run, "datasets": [{ "dataset": dataset, "tags": tags }] })
    };
    let path = "mlflow/runs/log-inputs";
    let (status, said) = open.post(path, given(500, 500)).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    open.refused(path, given(501, 500), "name exceeds the maximum length of 500").await;
    open.refused(path, given(500, 501), "500 as its value").await;
}
