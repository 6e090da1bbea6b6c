//! Every protocol gives what the model gives.

use infer::{bundle, rows};
use serde_json::{Value, json};

use crate::running::{row, start};

#[tokio::test]
async fn three_protocols_one_answer() {
    let server = start(&[]);
    let model = bundle::open(&server.home.path().join("model")).unwrap();
    let asked: Vec<Value> = (0..5).map(row).collect();
    let expected =
        rows::to_json(&model.predict(&rows::from_json(&model.head().signature, &asked).unwrap()).unwrap()).unwrap();

    for body in [json!(asked), json!({ "rows": asked })] {
        assert_eq!(
            server.post("/predict", &body).await,
            (200, json!({ "rows": expected, "model": "fraud", "version": 7 }))
        );
    }
    assert_eq!(server.post("/predict", &asked[0]).await.1["rows"], json!([expected[0]]));

    let by_place: Vec<Value> = asked.iter().map(|row| json!([row["amount"], row["country"], row["name"]])).collect();
    for instances in [&asked, &by_place] {
        let answer = server.post("/v1/models/fraud:predict", &json!({ "instances": instances })).await;
        assert_eq!(answer, (200, json!({ "predictions": expected })));
    }

    let values = |name: &str| asked.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    let nested: Vec<Value> = values("amount").into_iter().map(|value| json!([value])).collect();
    let body = json!({ "id": "q", "inputs": [
        { "name": "amount", "shape": [5, 1], "datatype": "FP64", "data": nested },
        { "name": "country", "shape": [5], "datatype": "BYTES", "data": values("country") },
        { "name": "name", "shape": [5], "datatype": "BYTES", "data": values("name") },
    ] });
    let (status, answer) = server.post("/v2/models/fraud/versions/7/infer", &body).await;
    assert_eq!(status, 200, "{answer}");
    let answers = |name: &str| expected.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(
        answer,
        json!({ "id": "q", "model_name": "fraud", "model_version": "7", "outputs": [
            { "name": "prediction", "datatype": "BYTES", "shape": [5], "data": answers("prediction") },
            { "name": "probability", "datatype": "FP64", "shape": [5], "data": answers("probability") },
        ] })
    );
    let mut one = body.clone();
    one["outputs"] = json!([{ "name": "probability" }]);
    assert_eq!(server.post("/v2/models/fraud/infer", &one).await.1["outputs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn health_and_words() {
    let server = start(&[]);
    for path in [
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/fraud/ready",
        "/v2/models/fraud/versions/7/ready",
        "/v1/models/fraud",
        "/v2",
        "/",
    ] {
        assert_eq!(server.get(path).await.0, 200, "{path}");
    }
    let (_, words) = server.get("/v2/models/fraud").await;
    assert_eq!(words["versions"], json!(["7"]));
    assert_eq!(
        words["inputs"][1],
        json!({ "name": "country", "datatype": "BYTES", "shape": [-1], "parameters": { "optional": true } })
    );
    let (_, signature) = server.get("/signature").await;
    assert_eq!(signature["inputs"][2]["sensitive"], true);
    // Of which class a probability is, wherever the model is described.
    assert_eq!(signature["outputs"][1], json!({ "name": "probability", "kind": "decimal", "class": "yes" }));
    assert_eq!(words["outputs"][1]["parameters"], json!({ "class": "yes" }));
    assert!(words["outputs"][0].get("parameters").is_none());
    assert_eq!(server.get("/").await.1["probability_of"], "yes");
}

#[tokio::test]
async fn requests_computed_together_get_their_own_answers() {
    let server = start(&["--batch-wait-us", "20000", "--batch-max", "16"]);
    let alone = start(&["--batch-max", "1"]);
    let together = (0..64).map(|number| {
        let (client, address) = (server.client.clone(), server.address.clone());
        tokio::spawn(async move {
            client
                .post(format!("{address}/predict"))
                .json(&[row(number)])
                .send()
                .await
                .unwrap()
                .json::<Value>()
                .await
                .unwrap()
        })
    });
    for (number, answer) in together.collect::<Vec<_>>().into_iter().enumerate() {
        let (answer, expected) = (answer.await.unwrap(), alone.post("/predict", &json!([row(number)])).await.1);
        assert_eq!(answer["rows"][0]["prediction"], expected["rows"][0]["prediction"]);
        let probability = |answer: &Value| answer["rows"][0]["probability"].as_f64().unwrap();
        let apart = (probability(&answer) - probability(&expected)).abs();
        assert!(apart < 1e-6, "row {number} is {apart} apart: a matrix product may round otherwise than a row's");
    }
}

#[tokio::test]
async fn metrics_count_requests_but_not_samples() {
    let server = start(&[]);
    server.post("/predict", &json!([row(1), row(2)])).await;
    server.post("/predict", &json!([{ "country": "de" }])).await;
    let sample =
        server.client.post(format!("{}/predict", server.address)).header("X-Slipway-Sample", "1").json(&[row(3)]);
    assert_eq!(sample.send().await.unwrap().status(), 200);
    let page = server.metrics().await;
    for line in [
        "slipway_requests_total{code=\"200\"} 1\n",
        "slipway_requests_total{code=\"400\"} 1\n",
        "slipway_rows_total 2\n",
        "slipway_sample_requests_total 1\n",
        "slipway_request_duration_seconds_count 2\n",
        "slipway_requests_in_flight 0\n",
    ] {
        assert!(page.contains(line), "{line} is not in\n{page}");
    }
}

/// What one instance tells of its times, by `le`.
fn buckets(page: &str) -> Vec<u64> {
    let lines = page.lines().filter(|line| line.starts_with("slipway_request_duration_seconds_bucket"));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn the_histogram_adds_up_under_many_requests_at_once() {
    let server = start(&["--concurrency", "8"]);
    let asked = (0..200).map(|number| {
        let (client, address) = (server.client.clone(), server.address.clone());
        let body = if number % 10 == 0 { json!([{ "country": "de" }]) } else { json!([row(number)]) };
        tokio::spawn(async move {
            client.post(format!("{address}/predict")).json(&body).send().await.unwrap().status().as_u16()
        })
    });
    let mut by_code = std::collections::BTreeMap::<u16, u64>::new();
    for answer in asked.collect::<Vec<_>>() {
        *by_code.entry(answer.await.unwrap()).or_default() += 1;
    }
    let page = server.metrics().await;
    for (code, count) in &by_code {
        let line = format!("slipway_requests_total{{code=\"{code}\"}} {count}\n");
        assert!(page.contains(&line), "{line} is not in\n{page}");
    }
    let buckets = buckets(&page);
    assert_eq!((buckets.len(), *buckets.last().unwrap()), (27, 200), "26 bounds and +Inf");
    assert!(buckets.windows(2).all(|pair| pair[0] <= pair[1]), "{buckets:?}");
    assert!(page.contains("slipway_request_duration_seconds_count 200\n"), "{page}");
}
