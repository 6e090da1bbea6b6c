use api::{ApiError, ErrorCode, host::Session};
use reqwest::StatusCode;

use crate::running::Running;

async fn check(request: reqwest::RequestBuilder, status: StatusCode) -> reqwest::Response {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), status);
    response
}

#[tokio::test]
async fn only_the_right_token_opens_the_api() {
    let running = Running::start().await;
    check(running.call().bearer_auth(running.token()), StatusCode::OK).await;
    for wrong in ["", "nonsense", &running.token()[1..]] {
        check(running.call().bearer_auth(wrong), StatusCode::UNAUTHORIZED).await;
    }
    let lower = running.call().header("authorization", format!("bearer {}", running.token()));
    check(lower, StatusCode::OK).await;
    check(running.call().basic_auth("user", Some(running.token())), StatusCode::UNAUTHORIZED).await;
    let refused = check(running.call(), StatusCode::UNAUTHORIZED).await;
    assert_eq!(refused.json::<ApiError>().await.unwrap().code, ErrorCode::Unauthorized);
    // Not in an address, and on every kind of route.
    for path in ["/api/events", "/api/series?run=0&key=k", "/api/blob/runs/0/x", "/api/runs/0/log", "/api/nothing"] {
        check(running.http.get(running.url(path)), StatusCode::UNAUTHORIZED).await;
    }
    let path = format!("/api/events?token={}", running.token());
    check(running.http.get(running.url(&path)), StatusCode::UNAUTHORIZED).await;
    check(running.http.put(running.url("/api/upload?path=a.csv")).body("a"), StatusCode::UNAUTHORIZED).await;
}

#[tokio::test]
async fn a_foreign_name_is_refused_on_every_route() {
    let running = Running::start().await;
    let port = running.host.port;
    for foreign in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        "127.0.0.1".to_owned(),
        format!("127.0.0.1:{}", port ^ 1),
    ] {
        let call = running.call().bearer_auth(running.token()).header("host", &foreign);
        check(call, StatusCode::UNAUTHORIZED).await;
        check(running.http.get(running.url("/")).header("host", &foreign), StatusCode::UNAUTHORIZED).await;
    }
    for own in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("[::1]:{port}")] {
        check(running.call().bearer_auth(running.token()).header("host", own), StatusCode::OK).await;
    }
}

#[tokio::test]
async fn a_foreign_origin_is_refused_and_ours_may_read() {
    let running = Running::start().await;
    let port = running.host.port;
    for foreign in ["http://evil.example", "null", "https://localhost", "http://localhost", "file://", "tauri://evil"] {
        let refused =
            check(running.call().bearer_auth(running.token()).header("origin", foreign), StatusCode::UNAUTHORIZED)
                .await;
        assert!(refused.headers().get("access-control-allow-origin").is_none());
    }
    let own = format!("http://127.0.0.1:{port}");
    for origin in ["tauri://localhost", "http://tauri.localhost", &own] {
        let answer = check(running.call().bearer_auth(running.token()).header("origin", origin), StatusCode::OK).await;
        assert_eq!(answer.headers()["access-control-allow-origin"], origin);
    }
}

#[tokio::test]
async fn a_preflight_of_the_window_is_answered_and_kept() {
    let running = Running::start().await;
    let preflight = |origin: &'static str| {
        let request = running.http.request(reqwest::Method::OPTIONS, running.url("/api/call")).header("origin", origin);
        request
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
    };
    let answer = check(preflight("tauri://localhost"), StatusCode::OK).await;
    let headers = answer.headers();
    assert_eq!(headers["access-control-allow-origin"], "tauri://localhost");
    assert!(headers["access-control-max-age"].to_str().unwrap().parse::<u32>().unwrap() > 3600);
    assert!(headers["access-control-allow-headers"].to_str().unwrap().contains("authorization"));
    check(preflight("http://evil.example"), StatusCode::UNAUTHORIZED).await;
}

#[tokio::test]
async fn a_pages_key_is_good_once() {
    let running = Running::start().await;
    let asked = running.http.post(running.url("/api/call")).bearer_auth(running.token());
    let page: api::host::PageKey = asked
        .json(&serde_json::json!({"method": "host.key", "params": {}}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let (address, key) = page.address.split_once("/#").unwrap();
    assert_eq!(address, running.address);
    let open = |key: &str| running.http.post(running.url("/api/session")).json(&serde_json::json!({ "key": key }));
    let session: Session = check(open(key), StatusCode::OK).await.json().await.unwrap();
    check(running.call().bearer_auth(&session.token), StatusCode::OK).await;
    check(open(key), StatusCode::UNAUTHORIZED).await;
    check(open("nonsense"), StatusCode::UNAUTHORIZED).await;
    check(running.call().bearer_auth(key), StatusCode::UNAUTHORIZED).await;
    check(open(key).header("origin", "http://evil.example"), StatusCode::UNAUTHORIZED).await;
}

#[tokio::test]
async fn wrong_calls_are_errors_with_a_sentence() {
    let running = Running::start().await;
    let call = |body: &'static str| {
        let request = running.http.post(running.url("/api/call")).bearer_auth(running.token());
        request.header("content-type", "application/json").body(body)
    };
    let unknown = check(call(r#"{"method": "nobody.knows", "params": {}}"#), StatusCode::UPGRADE_REQUIRED).await;
    assert!(unknown.json::<ApiError>().await.unwrap().message.contains("nobody.knows"));
    check(call("nonsense"), StatusCode::BAD_REQUEST).await;
    check(call(r#"{"method": "job.get", "params": {"job": "nonsense"}}"#), StatusCode::BAD_REQUEST).await;
    let missing = call(r#"{"method": "job.get", "params": {"job": "00000000000000000000000000000001"}}"#);
    let missing = check(missing, StatusCode::NOT_FOUND).await;
    assert!(missing.headers().contains_key("x-request-id"));
    assert_eq!(missing.headers()["cache-control"], "no-store");
}
