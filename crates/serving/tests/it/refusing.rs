//! What is refused, with which status and sentence.

use std::{fs, io::Read};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
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
        // Rows that no data bear out: nothing may be laid out for them.
        (infer, tensor("amount", "FP32", json!([1_u64 << 58]), json!([])), 400, "has 0 values, but its shape is"),
        (infer, tensor("amount", "FP32", json!([1_u64 << 58, 8, 8, 1]), json!([])), 400, "has 0 values"),
        (infer, tensor("amount", "FP32", json!([u64::MAX >> 1, 2]), json!([1.0])), 400, "has 1 values"),
        (infer, tensor("amount", "FP32", json!([1_u64 << 58, 0]), json!([])), 400, "has 0 values"),
        (infer, tensor("amount", "FP32", json!([1, 2]), json!([1.0, 2.0])), 400, "one value a row"),
        (infer, tensor("amuont", "FP32", json!([1]), json!([1.0])), 400, "did you mean \"amount\"?"),
        (
            infer,
            json!({ "inputs": [
                { "name": "amount", "shape": [1], "datatype": "FP32", "data": [1.0] },
                { "name": "amount", "shape": [1], "datatype": "FP32", "data": [2.0] },
            ] }),
            400,
            "\"amount\" is there twice",
        ),
        (infer, json!({ "inputs": [] }), 400, "the input \"amount\" (FP64) is missing"),
    ] {
        check(&server, path, body, status, sentence).await;
    }
    // JSON has no NaN and no infinity, and neither is let in by another door.
    for (body, sentence) in [
        ("{", "the body is not JSON"),
        ("", "the body is not JSON"),
        ("[{\"amount\": NaN}]", "the body is not JSON"),
        ("[{\"amount\": 1e999}]", "the body is not JSON"),
        ("[{\"amount\": \"NaN\"}]", "expected a number"),
        ("[{\"amount\": true}]", "expected a number"),
        ("[{\"amount\": [1]}]", "expected a number"),
    ] {
        let answer = server.client.post(format!("{}/predict", server.address)).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{body}");
        let text = answer.text().await.unwrap();
        assert!(text.contains(sentence), "{body}: {text}");
    }
}

#[tokio::test]
async fn a_key_that_stands_twice_in_one_object_is_named() {
    let server = start(&[]);
    for (path, body) in [
        (
            "/predict",
            "[{\"amount\": 1, \"country\": \"de\"}, {\"amount\": 1, \"country\": \"de\", \"country\": \"fr\"}]",
        ),
        ("/v1/models/fraud:predict", "{\"instances\": [{\"country\": \"de\", \"amount\": 1, \"country\": null}]}"),
    ] {
        let request =
            server.client.post(format!("{}{path}", server.address)).header("content-type", "application/json");
        let refused = request.body(body).send().await.unwrap();
        assert_eq!(refused.status(), 400);
        let said = refused.text().await.unwrap();
        assert!(said.contains("the key \\\"country\\\" is there twice"), "{said}");
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_limited_too() {
    let server = start(&["--body-limit-bytes", "4096"]);
    let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
    stream.write_all(b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 3000, " ".repeat(3000));
    for _ in 0..2 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    // The rest is read, so that the client sees why.
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
}

#[tokio::test]
async fn a_head_that_is_never_whole_is_given_up() {
    let server = start(&["--idle-secs", "1"]);
    for address in [&server.address, &server.control] {
        for half in ["", "P", "POST /predict HTTP/1.1\r\nHost: x"] {
            let mut stream = TcpStream::connect(address.trim_start_matches("http://")).await.unwrap();
            stream.write_all(half.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            tokio::time::timeout(std::time::Duration::from_secs(60), stream.read_to_end(&mut answer))
                .await
                .expect("the connection is closed")
                .unwrap();
        }
    }
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_given_up() {
    let server = start(&["--write-secs", "1"]);
    // More than the buffers of both sides hold.
    let body = format!("[{}{{\"amount\":1}}]", "{\"amount\":1},".repeat(149_999));
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(server.address.trim_start_matches("http://").parse().unwrap()).await.unwrap();
    let head = format!("POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    // Without reading, a client learns by what it sends that nobody is there any more.
    let given_up = async {
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), given_up).await.expect("the connection is closed");
    assert_eq!(server.post("/predict", &json!([row(1)])).await.0, 200);
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_under_way_at_the_end_is_answered_and_nothing_new_is_taken() {
    let mut server = start(&["--drain-secs", "60"]);
    let body = json!([row(1)]).to_string();
    let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
    let head = format!("POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    while !server.metrics().await.contains("slipway_requests_in_flight 1\n") {
        tokio::task::yield_now().await;
    }
    server.terminate();
    // New connections are refused once it has heard the signal.
    while TcpStream::connect(server.address.trim_start_matches("http://")).await.is_ok() {
        tokio::task::yield_now().await;
    }
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("\"prediction\""), "{answer}");
    assert!(server.child.wait().unwrap().success());
    assert!(!server.home.path().join("ready.json").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_request_that_never_ends_is_cut_off_at_the_end() {
    let mut server = start(&["--drain-secs", "1"]);
    let _stream = stuck(&server).await;
    server.terminate();
    assert!(server.child.wait().unwrap().success(), "it waits no longer than it was told");
}

#[cfg(unix)]
#[test]
fn a_log_folder_without_permission_is_told_at_the_start() {
    use std::os::unix::{fs::PermissionsExt as _, process::CommandExt as _};
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    write_model(&home.path().join("model"));
    let closed = home.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    let mut command = command(home.path());
    let is_root = std::process::Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    if is_root {
        // Root may write anywhere; nobody may not. Its program must be where nobody may read it.
        let program = home.path().join("slipway-serving");
        fs::copy(env!("CARGO_BIN_EXE_slipway-serving"), &program).unwrap();
        let mut as_nobody = std::process::Command::new(program);
        as_nobody.args(command.get_args()).stdin(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
        as_nobody.uid(65534).gid(65534);
        command = as_nobody;
    }
    let mut child = command.arg("--log-dir").arg(closed.join("logs")).spawn().unwrap();
    assert!(!child.wait().unwrap().success());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("closed/logs") && said.contains("ermission denied"), "{said}");
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
async fn too_many_at_once_are_sent_away() {
    // Whichever comes first is computed only after two seconds, and holds the one place meanwhile.
    let server = start(&["--concurrency", "1", "--batch-wait-us", "2000000"]);
    let asked = || server.client.post(format!("{}/predict", server.address)).json(&[row(1)]).send();
    let (one, other) = tokio::try_join!(asked(), asked()).unwrap();
    let (answered, refused) = if one.status() == 200 { (one, other) } else { (other, one) };
    assert_eq!((answered.status().as_u16(), refused.status().as_u16()), (200, 503));
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(server.post("/predict", &json!([row(1)])).await.0, 200, "the place is free again");
}

#[tokio::test]
async fn large_bodies_have_a_room_and_small_ones_need_none() {
    let server = start(&["--body-limit-bytes", "1000000"]);
    let large = format!("[{}{}]", row(1), " ".repeat(900_000));
    let ask = async || {
        let request = server.client.post(format!("{}/predict", server.address));
        request.header("content-type", "application/json").body(large.clone()).send().await.unwrap().status().as_u16()
    };
    assert_eq!(ask().await, 200);
    // One that comes beside an answer may find no room itself: as many come as fill it.
    let mut halves = Vec::new();
    while ask().await != 503 {
        assert!(halves.len() < 100, "a large body is never refused");
        let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
        stream.write_all(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 950000\r\n\r\n").await.unwrap();
        stream.write_all(&vec![b' '; 940_000]).await.unwrap();
        halves.push(stream);
    }
    assert_eq!(server.post("/predict", &json!([row(1)])).await.0, 200, "a small one needs no room");
    drop(halves);
    while ask().await != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn half_a_body_keeps_nobody_away_and_is_told_that_it_is_too_slow() {
    let server = start(&["--concurrency", "1", "--timeout-secs", "2"]);
    let mut stream = stuck(&server).await;
    assert_eq!(server.post("/predict", &json!([row(1)])).await.0, 200);
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn a_page_that_did_not_ask_first_is_refused() {
    let server = start(&[]);
    let post = |kind: &str| {
        let request = server.client.post(format!("{}/predict", server.address)).header("content-type", kind);
        request.header("origin", "http://evil.example").body(json!([row(1)]).to_string()).send()
    };
    assert_eq!(post("text/plain").await.unwrap().status(), 415);
    assert_eq!(post("application/json").await.unwrap().status(), 200);
    let packed = server.client.post(format!("{}/predict", server.address)).header("content-encoding", "gzip");
    let refused = packed.body(vec![0x1f, 0x8b, 8, 0]).send().await.unwrap();
    assert_eq!(refused.status(), 415);
    assert!(refused.text().await.unwrap().contains("gzip"), "what it was packed with is named");
    // Not a page: any content type will do.
    let plain = server.client.post(format!("{}/predict", server.address)).header("content-type", "text/plain");
    assert_eq!(plain.body(json!([row(1)]).to_string()).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_body_that_is_announced_far_too_large_is_refused_at_once() {
    let server = start(&[]);
    let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
    let head = format!("POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", 1_u64 << 60);
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
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
