//! One server taking over from another while requests come in.
#![cfg(unix)]

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use serde_json::json;

use crate::running::{Server, row, start_in, write_model};

/// Asks again and again until told to stop; the answers that were good, and whatever went wrong.
fn ask(address: &str, kept_alive: bool, stop: Arc<AtomicBool>) -> tokio::task::JoinHandle<(u64, Vec<String>)> {
    let client = reqwest::Client::builder().pool_max_idle_per_host(usize::from(kept_alive)).build().unwrap();
    let address = format!("{address}/predict");
    tokio::spawn(async move {
        let (mut good, mut wrong) = (0, Vec::new());
        while !stop.load(Ordering::Relaxed) {
            let answer = client.post(&address).json(&json!([row(1)])).send().await;
            match answer.and_then(reqwest::Response::error_for_status) {
                // To its end: an answer that is cut off is none.
                Ok(answer) => match answer.bytes().await {
                    Ok(_) => good += 1,
                    Err(error) => wrong.push(format!("{error:?}")),
                },
                Err(error) => wrong.push(format!("{error:?}")),
            }
        }
        (good, wrong)
    })
}

async fn answered(server: &Server) -> u64 {
    let page = server.metrics().await;
    let line = page.lines().find(|line| line.starts_with("slipway_requests_total{code=\"200\"}")).unwrap_or("x 0");
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_takes_over_the_port_of_the_one_before_and_no_request_is_lost() {
    let home = Arc::new(tempfile::tempdir().unwrap());
    write_model(&home.path().join("model"));
    let file = home.path().join("handover");
    let arguments = ["--handover", file.to_str().unwrap()];
    let mut server = start_in(home.clone(), &arguments);
    let address = server.address.clone();
    let stop = Arc::new(AtomicBool::new(false));
    let asking: Vec<_> = [true, false, true, false].map(|kept| ask(&address, kept, stop.clone())).into();
    for _ in 0..3 {
        let next = start_in(home.clone(), &arguments);
        assert_eq!(next.address, address);
        let mut before = std::mem::replace(&mut server, next);
        before.terminate();
        // Waiting for it must not hold up those who ask.
        let ended = tokio::task::spawn_blocking(move || before.child.wait().unwrap().success());
        assert!(ended.await.unwrap());
        let (first, mut now) = (answered(&server).await, 0);
        while now <= first {
            now = answered(&server).await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    for task in asking {
        let (good, wrong) = task.await.unwrap();
        assert!(good > 0 && wrong.is_empty(), "{good} answers, and {wrong:?}");
    }

    // One that was killed hands nothing over: its port is opened anew, and its file is no obstacle.
    server.child.kill().unwrap();
    server.child.wait().unwrap();
    let after = start_in(home, &arguments);
    assert_eq!(after.post("/predict", &json!([row(1)])).await.0, 200);
}
