use std::path::{Path, PathBuf};

use api::{ApiError, ErrorCode, host::Uploaded};
use reqwest::StatusCode;

use crate::running::Running;

fn put(running: &Running, query: &[(&str, &str)], body: impl Into<reqwest::Body>) -> reqwest::RequestBuilder {
    running.http.put(running.url("/api/upload")).query(query).bearer_auth(running.token()).body(body)
}

#[tokio::test]
async fn files_of_one_drop_keep_their_places() {
    let running = Running::start().await;
    let first: Uploaded =
        put(&running, &[("path", "digits/3/one.png")], "one").send().await.unwrap().json().await.unwrap();
    let query = [("path", "digits/4/two ü.png"), ("batch", first.batch.as_str())];
    let second: Uploaded = put(&running, &query, "two").send().await.unwrap().json().await.unwrap();
    assert_eq!(second.folder, first.folder);
    let folder = Path::new(&first.folder);
    assert!(folder.starts_with(running.folder.path().join("uploads")));
    assert_eq!(std::fs::read(folder.join("digits/3/one.png")).unwrap(), b"one");
    assert_eq!(second.paths.iter().map(PathBuf::from).collect::<Vec<_>>(), [folder.join("digits/4/two ü.png")]);
    // The same name twice is refused, and the first stays.
    let again = put(&running, &[("path", "digits/3/one.png"), ("batch", &first.batch)], "other").send().await.unwrap();
    assert_eq!(again.status(), StatusCode::CONFLICT);
    assert_eq!(std::fs::read(folder.join("digits/3/one.png")).unwrap(), b"one");
}

#[tokio::test]
async fn of_two_uploads_of_one_name_at_once_one_is_told() {
    let running = Running::start().await;
    let first: Uploaded = put(&running, &[("path", "a.csv")], "a").send().await.unwrap().json().await.unwrap();
    let query = [("path", "b.csv"), ("batch", first.batch.as_str())];
    let sent = (0..8).map(|number: usize| put(&running, &query, number.to_string()).send());
    let answers = futures::future::join_all(sent).await;
    let good = answers.into_iter().filter(|answer| answer.as_ref().unwrap().status() == StatusCode::OK).count();
    assert_eq!(good, 1);
    let below = put(&running, &[("path", "a.csv/x"), ("batch", &first.batch)], "x").send().await.unwrap();
    assert_eq!(below.status(), StatusCode::CONFLICT);
}

#[tokio::test]
async fn no_upload_leaves_its_batch() {
    let running = Running::start().await;
    for path in ["../evil.csv", "/etc/evil.csv", "a/../../evil.csv", "a\\..\\evil.csv", "C:/evil.csv", "", "a//b", "."]
    {
        let refused = put(&running, &[("path", path)], "evil").send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{path:?}");
    }
    for batch in ["..", "../..", "nonsense", "00000000000000000000000000000000"] {
        let refused = put(&running, &[("path", "a.csv"), ("batch", batch)], "evil").send().await.unwrap();
        assert_eq!(refused.status(), StatusCode::NOT_FOUND, "{batch:?}");
    }
    let staged = std::fs::read_dir(running.folder.path().join("uploads")).map_or(0, Iterator::count);
    assert_eq!(staged, 0);
    assert!(!running.folder.path().join("evil.csv").exists());
}

#[tokio::test]
async fn what_does_not_fit_the_disk_is_refused_before_it_is_sent() {
    let running = Running::start().await;
    let endless = reqwest::Body::wrap_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = put(&running, &[("path", "huge.csv")], endless).header("content-length", u64::MAX / 4);
    let refused = request.send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::INSUFFICIENT_STORAGE);
    assert_eq!(refused.json::<ApiError>().await.unwrap().code, ErrorCode::NoSpace);
}

#[tokio::test]
async fn a_broken_upload_leaves_nothing_under_its_name() {
    let running = Running::start().await;
    let first: Uploaded = put(&running, &[("path", "a.csv")], "a").send().await.unwrap().json().await.unwrap();
    let chunks = [Ok(b"half".to_vec()), Err(std::io::Error::other("the browser was closed"))];
    let broken = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    assert!(put(&running, &[("path", "b.csv"), ("batch", &first.batch)], broken).send().await.is_err());
    let again: Uploaded = put(&running, &[("path", "b.csv"), ("batch", &first.batch)], "whole")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(std::fs::read(&again.paths[0]).unwrap(), b"whole");
}
