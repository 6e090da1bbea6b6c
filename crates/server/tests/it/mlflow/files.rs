//! Artifacts as they are sent: in part or whole, and nothing where a link leads nowhere.

use api::source::{AddSource, Kind};
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::json;

use super::{Open, limits::told};

/// An artifact of a run with ten bytes, and its address.
async fn ten_bytes(open: &Open) -> String {
    let run = open.run().await;
    let url = format!("{}/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/ten.bin", open.address);
    assert_eq!(open.running.http.put(&url).body("0123456789").send().await.unwrap().status(), StatusCode::OK);
    url
}

/// What a request with such headers is answered: its status, its range and its text.
async fn answered(open: &Open, url: &str, headers: &[(&'static str, &str)]) -> (StatusCode, Option<String>, String) {
    let sent: HeaderMap = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    let answer = open.running.http.get(url).headers(sent).send().await.unwrap();
    let range = answer.headers().get("content-range").map(|range| range.to_str().unwrap().to_owned());
    (answer.status(), range, answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_imported_is_denied_to_who_would_write_there() {
    let open = Open::start().await;
    let engine = &open.running.host.engine;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../foreign/tests/fixtures/mlruns-models").to_owned();
    let add = AddSource { path, kind: Some(Kind::MlflowFiles), project: None, once: true };
    let job = engine::dispatch::call(engine, add).await.unwrap();
    let job = engine.jobs().wait(engine, job.id).await.unwrap();
    assert_eq!(job.error, None, "{job:?}");
    let (run, model) = ("69e81ee802b24803b8d3d6a7efefb4e5", "m-b45f71fab90e4f5581b751b9bee38e62");
    for place in [format!("1/{run}/artifacts/weights/x.bin"), format!("1/models/{model}/artifacts/MLmodel")] {
        let url = format!("{}/api/2.0/mlflow-artifacts/artifacts/{place}", open.address);
        for method in [Method::PUT, Method::DELETE] {
            let answer = open.running.http.request(method, &url).body("x").send().await.unwrap();
            let message = told(answer, StatusCode::FORBIDDEN, "PERMISSION_DENIED").await;
            assert!(message.contains("read where it lies"), "{message}");
        }
        let folder = place.rsplit_once('/').unwrap().0;
        let body = json!({ "path": "x.bin", "num_parts": 2 });
        let (status, said) = open.post(&format!("mlflow-artifacts/mpu/create/{folder}"), body).await;
        assert_eq!((status, &said["error_code"]), (StatusCode::FORBIDDEN, &json!("PERMISSION_DENIED")), "{said}");
    }
    for (path, name) in [("mlflow/experiments/create", "churn"), ("mlflow/registered-models/create", "churn-model")] {
        let (status, said) = open.post(path, json!({ "name": name })).await;
        assert_eq!(
            (status, &said["error_code"]),
            (StatusCode::BAD_REQUEST, &json!("RESOURCE_ALREADY_EXISTS")),
            "{said}"
        );
    }
}

#[tokio::test]
async fn one_range_is_sent_and_of_many_or_none_the_whole() {
    let open = Open::start().await;
    let url = ten_bytes(&open).await;
    for (range, part, text) in [
        ("bytes=2-4", "bytes 2-4/10", "234"),
        ("Bytes=02-04", "bytes 2-4/10", "234"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=7-99", "bytes 7-9/10", "789"),
        ("bytes=-3", "bytes 7-9/10", "789"),
        ("bytes=-99", "bytes 0-9/10", "0123456789"),
    ] {
        let expected = (StatusCode::PARTIAL_CONTENT, Some(part.to_owned()), text.to_owned());
        assert_eq!(answered(&open, &url, &[("range", range)]).await, expected, "{range}");
    }
    for range in [
        "bytes=0-1,4-5",
        "bytes=0-1, 20-30",
        "bytes=4-2",
        "bytes=-",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes 0-1",
        "lines=0-1",
        "",
    ] {
        let expected = (StatusCode::OK, None, "0123456789".to_owned());
        assert_eq!(answered(&open, &url, &[("range", range)]).await, expected, "{range}");
    }
    for range in ["bytes=10-", "bytes=20-30", "bytes=-0"] {
        let expected = (StatusCode::RANGE_NOT_SATISFIABLE, Some("bytes */10".to_owned()), String::new());
        assert_eq!(answered(&open, &url, &[("range", range)]).await, expected, "{range}");
    }
    // Of nothing there is no part.
    assert_eq!(open.running.http.put(&url).body("").send().await.unwrap().status(), StatusCode::OK);
    let expected = (StatusCode::OK, None, String::new());
    assert_eq!(answered(&open, &url, &[("range", "bytes=0-")]).await, expected);
}

#[tokio::test]
async fn the_rest_of_an_older_file_is_the_whole_of_the_new_one() {
    let open = Open::start().await;
    let url = ten_bytes(&open).await;
    let first = open.running.http.get(&url).send().await.unwrap();
    let known = ["etag", "last-modified"].map(|name| first.headers()[name].to_str().unwrap().to_owned());
    for known in &known {
        let rest = answered(&open, &url, &[("range", "bytes=5-"), ("if-range", known.as_str())]).await;
        assert_eq!(rest, (StatusCode::PARTIAL_CONTENT, Some("bytes 5-9/10".to_owned()), "56789".to_owned()), "{known}");
    }
    open.running.http.put(&url).body("another one").send().await.unwrap();
    let whole = (StatusCode::OK, None, "another one".to_owned());
    for known in [known[0].as_str(), "\"none\"", "Thu, 01 Jan 1970 00:00:00 GMT"] {
        let came = answered(&open, &url, &[("range", "bytes=5-"), ("if-range", known)]).await;
        assert_eq!(came, whole, "{known}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_that_leads_to_itself_is_no_file() {
    use std::os::unix::fs::symlink;

    use serde_json::{Value, json};

    let open = Open::start().await;
    let run = open.run().await;
    let folder = open.running.host.engine.workspace().run(run.parse().unwrap()).join("artifacts");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("real.txt"), "real").unwrap();
    for (name, target) in [("itself", "itself"), ("there", "back"), ("back", "there"), ("nothing", "nowhere")] {
        symlink(target, folder.join(name)).unwrap();
    }
    let listed = open.get(&format!("api/2.0/mlflow/artifacts/list?run_id={run}")).await;
    assert_eq!(listed["files"], json!([{ "path": "real.txt", "is_dir": false, "file_size": 4 }]));
    for path in ["itself", "itself/below", "there", "back/below", "nothing", "nothing/below"] {
        let listed = open.get(&format!("api/2.0/mlflow/artifacts/list?run_id={run}&path={path}")).await;
        assert!(listed["error_code"].is_null() && listed["files"].is_null(), "{path}: {listed}");
        for route in ["artifacts", "presigned"] {
            let url = format!("{}/api/2.0/mlflow-artifacts/{route}/0/{run}/artifacts/{path}", open.address);
            let answer = open.running.http.get(url).send().await.unwrap();
            let (status, said) = (answer.status(), answer.json::<Value>().await.unwrap());
            assert_eq!((status, &said["error_code"]), (StatusCode::NOT_FOUND, &json!("RESOURCE_DOES_NOT_EXIST")));
            assert!(said["message"].as_str().unwrap().contains("No such artifact"), "{route} of {path}: {said}");
        }
        let url = open.running.url(&format!("/api/blob/runs/{run}/artifacts/{path}"));
        let answer = open.running.http.get(url).bearer_auth(open.running.token()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
