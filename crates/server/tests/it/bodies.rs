//! Bodies that are too large, that stand still, or that are no calls: an error that says so, soon.

use std::time::Duration;

use api::{ApiError, ErrorCode};
use futures::{StreamExt as _, stream::FuturesUnordered};
use reqwest::{Response, StatusCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::running::Running;

async fn post(running: &Running, body: impl Into<reqwest::Body>) -> Response {
    let request = running.http.post(running.url("/api/call")).bearer_auth(running.token());
    request.header("content-type", "application/json").body(body).send().await.unwrap()
}

async fn refused(response: Response, status: StatusCode) -> ApiError {
    assert_eq!(response.status(), status);
    response.json().await.unwrap()
}

#[tokio::test]
async fn a_call_that_is_too_large_is_refused() {
    let running = Running::start().await;
    let large = vec![b' '; (64 << 20) + 1];
    let error = refused(post(&running, large).await, StatusCode::BAD_REQUEST).await;
    assert!(error.message.contains("larger than the limit of 64 MB"), "{error}");
}

#[tokio::test]
async fn of_large_calls_that_stand_still_few_are_held() {
    let running = Running::start().await;
    let address = running.address.trim_start_matches("http://");
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            running.token(),
            32 << 20
        )
    };
    let most = vec![b' '; 31 << 20];
    // Both kinds of question have their places together.
    let mut sending = ["/api/call", "/api/call", "/api/call", "/api/series", "/api/series", "/api/call"]
        .map(async |path| {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(head(path).as_bytes()).await.unwrap();
            stream.write_all(&most).await.unwrap();
            stream
        })
        .into_iter()
        .collect::<FuturesUnordered<_>>();
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(sending.next().await);
    }
    // Of the others no more is taken than the buffers of both sides hold, and who sends little does not wait.
    assert!(timeout(Duration::from_millis(300), sending.next()).await.is_err());
    let small = running.call().bearer_auth(running.token()).send().await.unwrap();
    assert_eq!(small.status(), StatusCode::OK);
    drop(held);
    for _ in 0..2 {
        let next = timeout(Duration::from_secs(60), sending.next()).await;
        assert!(next.expect("their turn comes").is_some());
    }
}

#[tokio::test]
async fn what_anybody_may_send_is_small() {
    let running = Running::start().await;
    let session = running.http.post(running.url("/api/session")).header("content-type", "application/json");
    let error = refused(session.body(vec![b' '; (64 << 10) + 1]).send().await.unwrap(), StatusCode::BAD_REQUEST).await;
    assert_eq!(error.message, "The key is larger than the limit of 64 KB.");
}

#[tokio::test]
async fn a_body_that_stands_still_is_given_up() {
    let running = Running::patient(Duration::from_millis(300)).await;
    let pending = || reqwest::Body::wrap_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let error = refused(post(&running, pending()).await, StatusCode::BAD_REQUEST).await;
    assert!(error.message.contains("did not arrive"), "{error}");
    let upload = running.http.put(running.url("/api/upload?path=a.csv")).bearer_auth(running.token()).body(pending());
    let error = refused(upload.send().await.unwrap(), StatusCode::BAD_REQUEST).await;
    assert!(error.message.contains("stood still"), "{error}");
    // The one that needs no token.
    let session = running.http.post(running.url("/api/session")).header("content-type", "application/json");
    let error = refused(session.body(pending()).send().await.unwrap(), StatusCode::BAD_REQUEST).await;
    assert!(error.message.contains("key did not arrive"), "{error}");
}

#[tokio::test]
async fn a_head_that_is_never_whole_is_given_up() {
    let running = Running::start().await;
    let closed = ["", "G", "GET /api/events HTTP/1.1\r\nHost: 127.0.0.1"].map(async |half| {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", running.host.port)).await.unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        timeout(Duration::from_secs(60), stream.read_to_end(&mut answer))
            .await
            .expect("the connection is closed")
            .unwrap();
    });
    futures::future::join_all(closed).await;
}

#[tokio::test]
async fn a_request_that_names_no_host_is_told_so() {
    let running = Running::start().await;
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", running.host.port)).await.unwrap();
    stream.write_all(b"GET /api/events HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(60), stream.read_to_string(&mut answer)).await.expect("it is answered").unwrap();
    assert!(answer.contains(" 401 ") && answer.contains("names no host"), "{answer}");
}

#[tokio::test]
async fn what_is_no_call_is_told_so_in_our_words() {
    let running = Running::start().await;
    for body in ["", "nonsense", "[]", "{\"params\": {}}"] {
        refused(post(&running, body).await, StatusCode::BAD_REQUEST).await;
    }
    let long = format!("{{\"method\": \"{}\", \"params\": {{}}}}", "a".repeat(1 << 20));
    let error = refused(post(&running, long).await, StatusCode::BAD_REQUEST).await;
    assert!(error.message.len() < 200, "{} characters", error.message.len());
    let unknown = refused(post(&running, r#"{"method": "no.such", "params": {}}"#).await, StatusCode::UPGRADE_REQUIRED);
    assert_eq!(unknown.await.code, ErrorCode::WrongProtocol);
    for path in ["/api/series?run=zz&key=k", "/api/series?key=k", "/api/runs/zz/log?after=x", "/api/upload"] {
        let request = if path == "/api/upload" {
            running.http.put(running.url(path))
        } else {
            running.http.get(running.url(path))
        };
        let response = request.bearer_auth(running.token()).send().await.unwrap();
        refused(response, StatusCode::BAD_REQUEST).await;
    }
    let many = (0..1_001).map(|_| r#"{"run":"019a0000-0000-7000-8000-000000000000","key":"k"}"#).collect::<Vec<_>>();
    let many = format!(r#"{{"series":[{}],"points":9}}"#, many.join(","));
    for body in ["nonsense".to_owned(), r#"{"series": [{"run": "zz", "key": "k"}], "points": 9}"#.to_owned(), many] {
        let request = running.http.post(running.url("/api/series")).header("content-type", "application/json");
        let response = request.body(body).bearer_auth(running.token()).send().await.unwrap();
        refused(response, StatusCode::BAD_REQUEST).await;
    }
}
