//! What is refused, with which status and sentence.

use std::{fs, io::Read};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::running::{Server, command, row, start, write_model};

async fn check(server: &Server, path: &str, body: Value, status: u16, sentence: &str) {
    let (found, answer) = server.post(path, &body).await;
    assert_eq!(found, status, "{path} {body} {answer}");
    let error = answer["error"].as_str().unwrap();
    assert!(error.contains(sentence), "{error:?} does not say {sentence:?}");
}

#[tokio::test]
async fn wrong_requests_are_told_why() {
    let server = start(&["--body-limit-bytes", "4096"]);
    let tensor = |name: &str, datatype: &str, shape: Value, data: Value| {
        let ann = json!({ "name": "name", "shape": [1], "datatype": "BYTES", "data": ["ann"] });
        json!({ "inputs": [{ "name": name, "shape": shape, "datatype": datatype, "data": data }, ann] })
    };
    let infer = "/v2/models/fraud/infer";
    for (path, body, status, sentence) in [
        ("/predict", json!([{ "country": "de" }]), 400, "row 0 has no value for \"amount\""),
        (
            "/predict",
            json!([{ "amount": "1" }]),
            400,
            "row 0, column \"amount\": expected a number, found the text \"1\"",
        ),
        ("/predict", json!([{ "amuont": 1 }]), 400, "did you mean \"amount\"?"),
        ("/predict", json!(3), 400, "array of rows"),
        ("/predict", json!({ "rows": 3 }), 400, "\"rows\" must be an array"),
        ("/predict", json!([row(1), 3]), 400, "row 1 must be an object"),
        ("/predict", json!([{ "country": "x".repeat(5000) }]), 413, "more than 4096 bytes"),
        ("/nowhere", json!({}), 404, "there is nothing at POST /nowhere"),
        ("/v1/models/other:predict", json!({ "instances": [] }), 404, "there is no model \"other\" here"),
        ("/v1/models/fraud:explain", json!({ "instances": [] }), 404, "only \"predict\""),
        ("/v1/models/fraud:predict", json!({ "rows": [] }), 400, "\"instances\""),
        ("/v1/models/fraud:predict", json!({ "instances": [[1, 2]] }), 400, "amount, country, name"),
        ("/v2/models/fraud/versions/8/infer", json!({ "inputs": [] }), 404, "answers for version 7"),
        (infer, json!({}), 400, "no inference request"),
        (infer, tensor("amount", "BYTES", json!([1]), json!(["1"])), 400, "has datatype BYTES, the model needs FP64"),
        (infer, tensor("amount", "FP32", json!([2]), json!([1.0])), 400, "has 1 values, but its shape is [2]"),
        (infer, tensor("amount", "FP32", json!([1, 2]), json!([1.0, 2.0])), 400, "one value a row"),
        (infer, tensor("amuont", "FP32", json!([1]), json!([1.0])), 400, "did you mean \"amount\"?"),
        (infer, json!({ "inputs": [] }), 400, "the input \"amount\" (FP64) is missing"),
    ] {
        check(&server, path, body, status, sentence).await;
    }
    let text = server.client.post(format!("{}/predict", server.address)).body("{").send().await.unwrap();
    assert_eq!(text.status(), 400);
    assert!(text.text().await.unwrap().contains("the body is not JSON"));
}

/// A request whose body never comes.
async fn stuck(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
    stream.write_all(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n").await.unwrap();
    while !server.metrics().await.contains("slipway_requests_in_flight 1\n") {
        tokio::task::yield_now().await;
    }
    stream
}

#[tokio::test]
async fn too_many_at_once_and_too_slow() {
    let server = start(&["--concurrency", "1", "--timeout-secs", "2"]);
    let mut stream = stuck(&server).await;
    let response = server.client.post(format!("{}/predict", server.address)).json(&[row(1)]).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 504");
    assert_eq!(server.post("/predict", &json!([row(1)])).await.0, 200, "the place is free again");
}

#[tokio::test]
async fn a_foreign_host_and_a_missing_token_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let token = home.path().join("token");
    fs::write(&token, "secret\n").unwrap();
    let server = start(&[
        "--allowed-hosts",
        "127.0.0.1,localhost",
        "--token-file",
        token.to_str().unwrap(),
        "--log-dir",
        "LOGS",
    ]);
    for address in [&server.address, &server.control] {
        let foreign =
            server.client.get(format!("{address}/v1/logs")).header("Host", "evil.example").bearer_auth("secret");
        assert_eq!(foreign.send().await.unwrap().status(), 403);
    }
    assert_eq!(server.get("/v2/health/live").await.0, 200);
    let logs = || server.client.get(format!("{}/v1/logs", server.control));
    assert_eq!(logs().send().await.unwrap().status(), 401);
    assert_eq!(logs().bearer_auth("wrong").send().await.unwrap().status(), 401);
    assert_eq!(logs().bearer_auth("secret").send().await.unwrap().status(), 200);
}

#[test]
fn a_changed_model_is_not_served() {
    let home = tempfile::tempdir().unwrap();
    write_model(&home.path().join("model"));
    let weights = home.path().join("model/weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    let mut child = command(home.path()).spawn().unwrap();
    assert!(!child.wait().unwrap().success());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("weights.safetensors is not as it was written (the BLAKE3 hash is"), "{said}");
}
