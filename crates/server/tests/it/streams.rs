use std::time::Duration;

use api::{
    event::{Event, Tag},
    run::LogChunk,
};
use engine::tracking::client::{self, Batch};
use futures::StreamExt as _;

use crate::{mlflow::Open, running::Running};

/// The next event of a stream; a comment that keeps it alive is passed over.
async fn next(stream: &mut (impl futures::Stream<Item = String> + Unpin)) -> Event {
    let line = tokio::time::timeout(Duration::from_secs(10), stream.next())
        .await
        .expect("an event in time")
        .expect("an open stream");
    serde_json::from_str(&line).unwrap()
}

/// The data lines of a server-sent stream.
async fn lines(running: &Running, path: &str) -> impl futures::Stream<Item = String> + Unpin {
    let response = running.http.get(running.url(path)).bearer_auth(running.token()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let bytes = response.bytes_stream();
    let state = (Box::pin(bytes), String::new());
    Box::pin(futures::stream::unfold(state, async |(mut bytes, mut text)| {
        loop {
            if let Some(end) = text.find("\n\n") {
                let block: String = text.drain(..end + 2).collect();
                let data: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
                if !data.is_empty() {
                    return Some((data.join("\n"), (bytes, text)));
                }
                continue;
            }
            let chunk = bytes.next().await?.ok()?;
            text.push_str(&String::from_utf8_lossy(&chunk));
        }
    }))
}

#[tokio::test]
async fn a_stream_says_hello_then_what_changed_then_goodbye() {
    let running = Running::start().await;
    let mut events = lines(&running, "/api/events").await;
    assert_eq!(next(&mut events).await, Event::Hello { protocol: api::PROTOCOL });
    assert_eq!(running.host.activity.idle(), Duration::ZERO);
    running.host.engine.changed(Tag::Settings);
    assert_eq!(next(&mut events).await, Event::Changed { tag: Tag::Settings });
    running.host.ending.cancel();
    assert!(matches!(next(&mut events).await, Event::Goodbye { .. }));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_call_under_way_keeps_the_host_busy_until_it_is_answered() {
    let running = Running::start().await;
    // Every reader of the database is taken, so that the call waits for one.
    let mut gates = Vec::new();
    for _ in 0..4 {
        let store = running.host.engine.store().clone();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let (gate, opens) = std::sync::mpsc::channel::<()>();
        let read = async move {
            store
                .read(move |_| {
                    let _ = begun.send(());
                    let _ = opens.recv();
                    Ok(())
                })
                .await
        };
        tokio::spawn(read);
        begins.await.unwrap();
        gates.push(gate);
    }
    let asked = tokio::spawn(running.call().bearer_auth(running.token()).send());
    let busy = async {
        while running.host.activity.idle() != Duration::ZERO {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), busy).await.expect("the call keeps the host");
    assert!(!asked.is_finished());
    drop(gates);
    assert_eq!(asked.await.unwrap().unwrap().status(), 200);
    assert_ne!(running.host.activity.idle(), Duration::ZERO);
}

#[tokio::test]
async fn a_reader_that_fell_behind_is_told_to_ask_again() {
    let running = Running::start().await;
    let mut events = lines(&running, "/api/events").await;
    assert_eq!(next(&mut events).await, Event::Hello { protocol: api::PROTOCOL });
    // More at once than the bus keeps; this test's thread sends them before the stream can read.
    for _ in 0..5_000 {
        running.host.engine.changed(Tag::Jobs);
    }
    let mut said_hello = false;
    for _ in 0..5_000 {
        if matches!(next(&mut events).await, Event::Hello { .. }) {
            said_hello = true;
            break;
        }
    }
    assert!(said_hello);
}

/// It is looked at four times a second: its params and tags may have 64 MiB.
#[tokio::test]
async fn the_log_of_a_run_is_followed_without_reading_what_hangs_on_it() {
    let open = Open::start().await;
    let (running, run) = (&open.running, open.run().await);
    let id = run.parse().unwrap();
    let batch = Batch { params: vec![("lr".to_owned(), "0.1".to_owned())], ..Batch::default() };
    client::log(&running.host.engine, id, batch).await.unwrap();
    std::fs::create_dir_all(running.host.engine.workspace().run(id)).unwrap();
    std::fs::write(running.host.engine.workspace().run(id).join("stdout.log"), "said\n").unwrap();
    // Whoever reads the run whole fails on what is no text.
    let damaged = running.host.engine.store().write(|tx| {
        tx.execute_batch("UPDATE param SET value = x'ff'")?;
        Ok(())
    });
    damaged.await.unwrap();
    let path = format!("/api/runs/{run}/log");
    let mut log = lines(running, &path).await;
    let chunk: LogChunk = serde_json::from_str(&log.next().await.unwrap()).unwrap();
    assert_eq!((chunk.text.as_str(), chunk.end), ("said\n", 5));
}

#[tokio::test]
async fn the_log_of_an_unknown_run_is_an_error_and_no_stream() {
    let running = Running::start().await;
    for (run, status) in [("nonsense", 400), ("00000000000000000000000000000001", 404)] {
        let request = running.http.get(running.url(&format!("/api/runs/{run}/log"))).bearer_auth(running.token());
        assert_eq!(request.send().await.unwrap().status(), status, "{run}");
    }
}
