//! Clients that do not take their answers, and that do not go on with what they send.

use std::time::Duration;

use engine::tracking::client::{self, Batch};
use futures::{StreamExt as _, stream::FuturesUnordered};
use reqwest::StatusCode;
use server::Host;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
};

use api::series::Point;

use crate::mlflow::{Open, listening};

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_given_up() {
    let open = Open::start().await;
    // One for itself: on a busy machine who reads may stand still for so long, too.
    let short = listening(Host { write_patience: Duration::from_millis(500), ..open.running.host.clone() }).await;
    let run = open.run().await;
    // More than the buffers of both sides hold.
    let points = (0..200_000).map(|at| Point { step: at, time_ms: at, value: at as f64 }).collect();
    let batch = Batch { series: vec![("loss".to_owned(), points)], ..Batch::default() };
    client::log(&open.running.host.engine, run.parse().unwrap(), batch).await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = short.trim_start_matches("http://");
    let mut stream = socket.connect(address.parse().unwrap()).await.unwrap();
    let path = format!("/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key=loss");
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // Without reading, a client learns by what it sends that nobody is there any more.
    let given_up = async {
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), given_up).await.expect("the connection is closed");
    // One that reads gets all of it, also on a machine that is so busy that it stands still for a while.
    let answer = open.running.http.get(format!("{}{path}", open.address)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let told: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(told["metrics"].as_array().map(Vec::len), Some(200_000));
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_until_one_ends() {
    let open = Open::start().await;
    let few = listening(Host { connections: 2, ..open.running.host.clone() }).await;
    let address = few.trim_start_matches("http://");
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The first to be answered are those that are taken.
        stream.write_all(format!("GET /health HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await.unwrap();
        assert!(stream.read(&mut [0; 1_024]).await.unwrap() > 0);
        held.push(stream);
    }
    let mut next = Box::pin(open.running.http.get(format!("{few}/health")).send());
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut next).await.is_err(), "it waits for its turn");
    // The other listener has its own.
    assert_eq!(
        open.running.http.get(format!("{}/health", open.address)).send().await.unwrap().status(),
        StatusCode::OK
    );
    drop(held.pop());
    let came = tokio::time::timeout(Duration::from_secs(60), next).await.expect("its turn comes").unwrap();
    assert_eq!(came.status(), StatusCode::OK);
}

#[tokio::test]
async fn of_large_bodies_that_stand_still_few_are_held() {
    let open = Open::start().await;
    let run = open.run().await;
    let address = open.address.trim_start_matches("http://");
    let head = format!(
        "POST /api/2.0/mlflow/runs/log-batch HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        32 << 20
    );
    let most = vec![b' '; 31 << 20];
    let mut sending = (0..6)
        .map(async |_| {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&most).await.unwrap();
            stream
        })
        .collect::<FuturesUnordered<_>>();
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(sending.next().await);
    }
    // Of the others no more is taken than the buffers of both sides hold, and who sends little does not wait.
    assert!(tokio::time::timeout(Duration::from_millis(300), sending.next()).await.is_err());
    let tag = serde_json::json!({ "run_id": run, "key": "team", "value": "a" });
    let set = open.running.http.post(format!("{}/api/2.0/mlflow/runs/set-tag", open.address)).json(&tag);
    assert_eq!(set.send().await.unwrap().status(), StatusCode::OK);
    drop(held);
    for _ in 0..2 {
        let next = tokio::time::timeout(Duration::from_secs(60), sending.next()).await;
        assert!(next.expect("their turn comes").is_some());
    }
}

/// Begins a request of so many bytes that stands still within them.
async fn begun(address: &str, bytes: usize, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/2.0/mlflow/runs/log-batch HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {bytes}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; sent]).await.unwrap();
    stream
}

/// A request that is larger than what needs no place, and whole.
fn large(open: &Open, address: &str, run: &str) -> impl Future<Output = reqwest::Response> + use<> {
    let body = format!("{{{}\"run_id\": \"{run}\"}}", " ".repeat(3 << 19));
    let asked = open.running.http.post(format!("http://{address}/api/2.0/mlflow/runs/log-batch"));
    let sent = asked.header("content-type", "application/json").body(body).send();
    async { tokio::time::timeout(Duration::from_secs(10), sent).await.expect("it does not wait for long").unwrap() }
}

#[tokio::test]
async fn bodies_of_some_megabytes_that_stand_still_keep_no_other_waiting() {
    let open = Open::start().await;
    let run = open.run().await;
    let address = open.address.trim_start_matches("http://");
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(begun(address, 5 << 20, 2 << 20).await);
    }
    assert_eq!(large(&open, address, &run).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_longest_bodies_give_up_their_places_to_who_waits_once_they_stand_still() {
    let open = Open::start().await;
    let run = open.run().await;
    let address = listening(Host { patience: Duration::from_secs(20), ..open.running.host.clone() }).await;
    let address = address.trim_start_matches("http://");
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(begun(address, 32 << 20, 2 << 20).await);
    }
    // For as long as nobody waits they may stand still.
    tokio::time::sleep(Duration::from_secs(3)).await;
    for stream in &held {
        assert!(stream.try_read(&mut [0; 64]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
    }
    assert_eq!(large(&open, address, &run).await.status(), StatusCode::OK);
    let mut answers = held
        .into_iter()
        .map(async |mut stream: TcpStream| {
            let mut told = vec![0; 4_096];
            let count = stream.read(&mut told).await.unwrap();
            String::from_utf8_lossy(&told[..count]).into_owned()
        })
        .collect::<FuturesUnordered<_>>();
    let told = answers.next().await.unwrap();
    assert!(told.starts_with("HTTP/1.1 408") && told.contains("stood still while other large ones waited"), "{told}");
}

#[tokio::test]
async fn of_files_that_stand_still_so_many_are_open() {
    let open = Open::start().await;
    let run = open.run().await;
    let address = open.address.trim_start_matches("http://");
    let file = format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts");
    let mut held = Vec::new();
    for number in 0..64 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("PUT {file}/{number} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 9\r\n\r\nhalf");
        stream.write_all(head.as_bytes()).await.unwrap();
        held.push(stream);
    }
    let folder = open.running.host.engine.workspace().run(run.parse().unwrap()).join("artifacts");
    let begun = async {
        while std::fs::read_dir(&folder).map_or(0, Iterator::count) < held.len() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), begun).await.expect("all of them begin");
    let mut next = Box::pin(open.running.http.put(format!("{}{file}/next", open.address)).body("whole").send());
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut next).await.is_err(), "it waits for its turn");
    let listed = open.get(&format!("api/2.0/mlflow/artifacts/list?run_id={run}")).await;
    assert!(listed["files"].is_null(), "{listed}");
    drop(held.pop());
    let came = tokio::time::timeout(Duration::from_secs(60), next).await.expect("its turn comes").unwrap();
    assert_eq!(came.status(), StatusCode::OK);
}
