//! The request log: what is in it, what never is, and how it is fetched.

use std::process::Command;

use arrow_array::{
    RecordBatch,
    cast::AsArray,
    types::{Float64Type, Int64Type},
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::running::{Server, command, row, start, start_as, start_in, write_model};

fn ids(listing: &Value) -> Vec<String> {
    listing["segments"].as_array().unwrap().iter().map(|segment| segment["id"].as_str().unwrap().to_owned()).collect()
}

fn row_counts(listing: &Value) -> Vec<u64> {
    listing["segments"].as_array().unwrap().iter().map(|segment| segment["rows"].as_u64().unwrap()).collect()
}

async fn fetch(server: &Server, id: &str) -> RecordBatch {
    let bytes =
        server.client.get(format!("{}/v1/logs/{id}", server.control)).send().await.unwrap().bytes().await.unwrap();
    ParquetRecordBatchReaderBuilder::try_new(bytes)
        .unwrap()
        .with_batch_size(100_000)
        .build()
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn segments_rotate_hold_raw_rows_and_never_what_is_sensitive() {
    let server = start(&["--log-dir", "LOGS", "--log-segment-rows", "10"]);
    let asked: Vec<Value> = (0..24).map(row).collect();
    let (_, answer) = server.post("/predict", &json!(asked)).await;
    let sample =
        server.client.post(format!("{}/predict", server.address)).header("X-Slipway-Sample", "1").json(&[row(99)]);
    sample.send().await.unwrap();
    server.post("/predict", &json!([{ "amount": null }])).await;

    let listing = server.close_log().await;
    assert_eq!(row_counts(&listing), [10, 10, 4]);
    assert_eq!(listing["not_watched"], json!(["name"]));
    let mut seen = 0;
    for id in ids(&listing) {
        let rows = fetch(&server, &id).await;
        let names: Vec<String> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(names, ["amount", "country", "prediction", "probability", "_received_ms"]);
        for at in 0..rows.num_rows() {
            assert_eq!(rows.column(0).as_primitive::<Float64Type>().value(at), asked[seen]["amount"].as_f64().unwrap());
            assert_eq!(rows.column(1).as_string::<i32>().value(at), asked[seen]["country"]);
            assert_eq!(
                rows.column(3).as_primitive::<Float64Type>().value(at),
                answer["rows"][seen]["probability"].as_f64().unwrap()
            );
            let received = rows.column(4).as_primitive::<Int64Type>().value(at);
            assert_eq!(json!(received), listing["segments"][0]["from_ms"]);
            seen += 1;
        }
    }
    assert_eq!(seen, 24);
}

#[tokio::test]
async fn a_cursor_counts_once_over_kill_and_restart() {
    let arguments = ["--log-dir", "LOGS", "--log-segment-rows", "5"];
    let mut server = start(&arguments);
    server.post("/predict", &json!((0..5).map(row).collect::<Vec<_>>())).await;
    let first = ids(&server.close_log().await);
    server.post("/predict", &json!((0..7).map(row).collect::<Vec<_>>())).await;
    let open = server.client.get(format!("{}/healthz", server.control)).send().await.unwrap();
    assert_eq!(open.text().await.unwrap(), "ok");
    // The full segment is on disk before the kill; the two rows behind it are what kill -9 may cost.
    while row_counts(&server.logs(&first[0]).await) != [5] {
        tokio::task::yield_now().await;
    }
    server.child.kill().unwrap();
    server.child.wait().unwrap();

    let again = start_in(server.home.clone(), &arguments);
    let second = again.logs(&first[0]).await;
    assert_eq!(row_counts(&second), [5]);
    again.post("/predict", &json!([row(1)])).await;
    again.close_log().await;
    let third = again.logs(&ids(&second)[0]).await;
    assert_eq!(row_counts(&third), [1]);
    assert_ne!(third["instance"], second["segments"][0]["id"]);
    assert_eq!(row_counts(&again.logs(&ids(&third)[0]).await), [0_u64; 0]);
}

#[tokio::test]
async fn a_full_folder_drops_the_oldest_and_says_so() {
    let server = start(&["--log-dir", "LOGS", "--log-segment-rows", "10", "--log-max-bytes", "6000"]);
    server.post("/predict", &json!((0..100).map(row).collect::<Vec<_>>())).await;
    let listing = server.close_log().await;
    let kept: u64 = row_counts(&listing).iter().sum();
    let lost = listing["gaps"][0]["rows"].as_u64().unwrap();
    assert!(kept > 0 && lost > 0, "{listing}");
    assert_eq!(kept + lost, 100);
    assert!(server.metrics().await.contains(&format!("slipway_log_dropped_rows_total {lost}\n")));
}

/// The disk takes no file over 8 KB: what can't be kept is a stated gap, and the answers go on.
#[cfg(unix)]
#[tokio::test]
async fn a_segment_that_the_disk_refuses_is_a_gap_and_the_next_one_is_kept() {
    let home = std::sync::Arc::new(tempfile::tempdir().unwrap());
    write_model(&home.path().join("model"));
    let whole = command(home.path());
    let mut limited = Command::new("sh");
    // A shell's unit is 512 bytes, or 1024 in bash: 8 or 16 KB. The signal of the limit is not wanted.
    limited.args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$@\"", "sh"]);
    limited.arg(whole.get_program()).args(whole.get_args());
    limited.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let server = start_as(home.clone(), limited, &["--log-dir", "LOGS", "--log-segment-rows", "100000"]);
    // Values that don't compress: about 50 KB.
    let rows: Vec<Value> = (0..3000).map(|at| json!({ "amount": f64::from(at).sqrt(), "country": "de" })).collect();
    let (status, _) = server.post("/predict", &json!(rows)).await;
    assert_eq!(status, 200, "the answer does not hang on the log");
    let listing = server.close_log().await;
    assert_eq!(row_counts(&listing), [0_u64; 0], "{listing}");
    assert_eq!(listing["gaps"][0]["rows"], 3000, "{listing}");
    assert!(server.metrics().await.contains("slipway_log_dropped_rows_total 3000\n"));
    server.post("/predict", &json!([row(1), row(2)])).await;
    assert_eq!(row_counts(&server.close_log().await), [2]);
    let left = std::fs::read_dir(home.path().join("logs")).unwrap().filter_map(Result::ok);
    assert!(left.into_iter().all(|entry| !entry.path().to_string_lossy().ends_with(".writing")), "half a file is left");
}

#[tokio::test]
async fn a_column_that_became_sensitive_after_training_is_logged_no_more() {
    let server = start(&["--log-dir", "LOGS", "--not-logged", r#"["country"]"#]);
    server.post("/predict", &json!([row(1)])).await;
    let listing = server.close_log().await;
    assert_eq!(listing["not_watched"], json!(["country", "name"]));
    let rows = fetch(&server, &ids(&listing)[0]).await;
    let names: Vec<String> = rows.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["amount", "prediction", "probability", "_received_ms"]);
}

#[tokio::test]
async fn a_share_is_taken_evenly_and_none_logs_nothing() {
    let server = start(&["--log-dir", "LOGS", "--log-share", "0.25"]);
    for number in 0..40 {
        server.post("/predict", &json!([row(number)])).await;
    }
    let rows: u64 = row_counts(&server.close_log().await).iter().sum();
    // Not a fixed period, which could be that of the client; still near the share at any time.
    assert!((8..=12).contains(&rows), "{rows} of 40");
    let without = start(&[]);
    let answer = without.client.get(format!("{}/v1/logs", without.control)).send().await.unwrap();
    assert_eq!(answer.status(), 404);
}

#[tokio::test]
async fn a_log_that_is_turned_off_offers_what_it_has_and_drops_what_is_too_old() {
    let mut server = start(&["--log-dir", "LOGS"]);
    server.post("/predict", &json!((0..5).map(row).collect::<Vec<_>>())).await;
    let first = ids(&server.close_log().await);
    server.logs(&first[0]).await;
    server.post("/predict", &json!((0..3).map(row).collect::<Vec<_>>())).await;
    server.close_log().await;
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let logs = server.home.path().join("logs");
    // A segment's name begins with the time of its end.
    let (_, rest) = first[0].split_once('-').unwrap();
    let old = logs.join(format!("0000000000001-{rest}.parquet"));
    std::fs::rename(logs.join(format!("{}.parquet", first[0])), &old).unwrap();

    let off = start_in(server.home.clone(), &["--log-dir", "LOGS", "--log-share", "0"]);
    off.post("/predict", &json!([row(1)])).await;
    let listing = off.close_log().await;
    assert_eq!((row_counts(&listing), &listing["gaps"]), (vec![3], &json!([])), "{listing}");
    assert!(!old.exists());
}

#[cfg(unix)]
#[tokio::test]
async fn pre_stop_waits_for_the_last_fetch_and_the_end_loses_nothing() {
    let mut server = start(&["--log-dir", "LOGS"]);
    server.post("/predict", &json!([row(1), row(2)])).await;
    let control = server.control.trim_start_matches("http://").to_owned();
    let hook = tokio::task::spawn_blocking(move || {
        Command::new(env!("CARGO_BIN_EXE_slipway-serving"))
            .args(["pre-stop", "--control", &control, "--drain-secs", "60"])
            .output()
            .unwrap()
    });
    // The hook closes the segment; fetching it lets the hook end, long before its 60 s.
    let segments = loop {
        let segments = ids(&server.logs("").await);
        if !segments.is_empty() {
            break segments;
        }
        tokio::task::yield_now().await;
    };
    server.logs(&segments[0]).await;
    let output = hook.await.unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");

    server.post("/predict", &json!([row(3)])).await;
    server.terminate();
    assert!(server.child.wait().unwrap().success());
    let again = start_in(server.home.clone(), &["--log-dir", "LOGS"]);
    assert_eq!(row_counts(&again.logs(&segments[0]).await), [1], "the open segment was closed at the end");

    let unfetched = Command::new(env!("CARGO_BIN_EXE_slipway-serving"))
        .args(["pre-stop", "--control", again.control.trim_start_matches("http://"), "--drain-secs", "0"])
        .output()
        .unwrap();
    assert!(
        String::from_utf8_lossy(&unfetched.stderr).contains("1 segments of the request log were not fetched"),
        "{unfetched:?}"
    );
}
