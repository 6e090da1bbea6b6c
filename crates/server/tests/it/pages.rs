use reqwest::{Response, StatusCode};

use crate::running::Running;

async fn with_pages() -> Running {
    let running = Running::start().await;
    let ui = running.folder.path().join("ui");
    std::fs::write(ui.join("index.html"), "<!doctype html>the pages").unwrap();
    std::fs::write(ui.join("app.wasm"), b"\0asm").unwrap();
    std::fs::write(ui.join("app.js"), "plain").unwrap();
    std::fs::write(ui.join("app.js.gz"), b"\x1f\x8bgzipped").unwrap();
    std::fs::write(running.folder.path().join("secret.txt"), "secret").unwrap();
    running
}

async fn get(running: &Running, path: &str) -> Response {
    running.http.get(running.url(path)).send().await.unwrap()
}

#[tokio::test]
async fn files_have_their_types_and_the_policy() {
    let running = with_pages().await;
    let wasm = get(&running, "/app.wasm").await;
    assert_eq!(wasm.headers()["content-type"], "application/wasm");
    let page = get(&running, "/").await;
    let headers = page.headers();
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/html"));
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval';"), "{policy}");
    // What another program's page holds in itself is shown in a frame, which inherits this, and leads nowhere.
    for directive in
        ["media-src 'self' blob: data:", "font-src 'self' data:", "frame-src 'self'", "frame-ancestors 'none'"]
    {
        assert!(policy.split(';').any(|own| own.trim() == directive), "{directive}: {policy}");
    }
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["referrer-policy"], "no-referrer");
    assert_eq!(headers["x-frame-options"], "DENY");
    assert_eq!(page.text().await.unwrap(), "<!doctype html>the pages");
}

#[tokio::test]
async fn an_address_that_only_the_pages_know_gets_the_index() {
    let running = with_pages().await;
    for path in ["/p/1/runs/2", "/settings?x=1"] {
        let page = get(&running, path).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(page.text().await.unwrap(), "<!doctype html>the pages");
    }
    // But not what looks like the API.
    let request = running.http.get(running.url("/api/nothing")).bearer_auth(running.token());
    assert_eq!(request.send().await.unwrap().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_address_that_no_file_can_have_is_not_found() {
    let running = with_pages().await;
    for path in ["/a".repeat(20_000), format!("/{}", "a".repeat(300))] {
        assert_eq!(get(&running, &path).await.status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn compressed_files_are_sent_where_they_are_there() {
    let running = with_pages().await;
    let packed = running.http.get(running.url("/app.js")).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert!(packed.headers()["content-type"].to_str().unwrap().contains("javascript"));
    let plain = get(&running, "/app.js").await;
    assert_eq!(plain.text().await.unwrap(), "plain");
}

#[tokio::test]
async fn no_path_leaves_the_pages() {
    let running = with_pages().await;
    for path in ["/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/%2e%2e%2fsecret.txt"] {
        let text = get(&running, path).await.text().await.unwrap();
        assert!(!text.contains("secret"), "{path} gave {text}");
    }
}
