//! An artifact that is larger than what the host may hold goes through it in pieces.

use std::{env, fs, iter, process::Command};

use axum::body::Bytes;
use reqwest::{Body, StatusCode};

use super::Open;

/// Says to the test that it is alone in its process: what others hold there would count.
const ALONE: &str = "SLIPWAY_TEST_ALONE";
const NAME: &str = "mlflow::large::a_large_artifact_is_never_in_memory";
const PIECE: usize = 1 << 20;
const PIECES: usize = 256;

#[test]
fn a_large_artifact_is_never_in_memory() {
    if env::var_os(ALONE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(there_and_back());
    }
    let alone = Command::new(env::current_exe().unwrap()).args(["--exact", NAME]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&alone.stdout);
    assert!(alone.status.success(), "{said}{}", String::from_utf8_lossy(&alone.stderr));
    assert!(said.contains("1 passed"), "{said}");
}

/// The most memory that this process ever had resident, in KiB: nothing between two looks is missed.
fn peak_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches("kB").trim().parse().unwrap()
}

/// Sends an artifact and gets it again, each piece once: the host, which is in this process, and the client.
async fn there_and_back() {
    let open = Open::start().await;
    let run = open.run().await;
    let address = |name: &str| format!("{}/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{name}", open.address);
    let piece = Bytes::from(vec![0; PIECE]);
    let send = async |name: &str, pieces: usize| {
        let body = iter::repeat_n(piece.clone(), pieces).map(Ok::<_, std::io::Error>);
        let put = open.running.http.put(address(name)).header("content-length", PIECE * pieces);
        let answer = put.body(Body::wrap_stream(futures::stream::iter(body))).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
    };
    let get = async |name: &str| {
        let mut answer = open.running.http.get(address(name)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{name}");
        let mut came = 0;
        while let Some(part) = answer.chunk().await.unwrap() {
            assert!(part.chunks(PIECE).all(|part| *part == piece[..part.len()]), "behind {came}");
            came += part.len();
        }
        came
    };
    // What every exchange takes is there once the first was.
    send("small.bin", 1).await;
    assert_eq!(get("small.bin").await, PIECE);
    let before = peak_kib();
    send("large.bin", PIECES).await;
    let sent = peak_kib();
    assert_eq!(get("large.bin").await, PIECE * PIECES);
    let got = peak_kib();
    let whole = PIECE * PIECES / 1024;
    assert!(sent - before < whole / 4, "sending {whole} KiB took {} KiB", sent - before);
    assert!(got - sent < whole / 4, "getting {whole} KiB took {} KiB", got - sent);
}
