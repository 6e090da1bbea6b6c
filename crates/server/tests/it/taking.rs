//! Clients that do not take their answers.

use std::time::Duration;

use engine::tracking::client::{self, Batch};
use reqwest::StatusCode;
use tokio::{io::AsyncWriteExt as _, net::TcpSocket};

use api::series::Point;

use crate::{mlflow::Open, running::Running};

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_given_up() {
    let mut running = Running::start().await;
    running.host.write_patience = Duration::from_millis(500);
    let open = Open::of(running).await;
    let run = open.run().await;
    // More than the buffers of both sides hold.
    let points = (0..200_000).map(|at| Point { step: at, time_ms: at, value: at as f64 }).collect();
    let batch = Batch { series: vec![("loss".to_owned(), points)], ..Batch::default() };
    client::log(&open.running.host.engine, run.parse().unwrap(), batch).await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = open.address.trim_start_matches("http://");
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
    // One that reads gets all of it.
    let answer = open.running.http.get(format!("{}{path}", open.address)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let told: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(told["metrics"].as_array().map(Vec::len), Some(200_000));
}
