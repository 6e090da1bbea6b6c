//! Server-sent streams: the host's announcements, and the output of a run as it grows.
//!
//! Both are read by `fetch`, since an `EventSource` can't send the token.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    response::sse::{KeepAlive, Sse},
};
use futures::{Stream, StreamExt as _, stream};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;

use api::{
    ApiError, ErrorCode, PROTOCOL, RunId,
    event::Event,
    run::{GetRunLog, LogChunk, LogStream},
};

use crate::{Host, refusal::Refusal};

type SseEvent = axum::response::sse::Event;

/// How often a proxy or a sleeping laptop is told that the stream lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often a growing log is read; the host's own loop, no client polls.
const LOG_TICK: Duration = Duration::from_millis(250);

/// `GET /api/events`: `Hello` first, and again whenever the reader fell behind.
pub(crate) async fn events(State(host): State<Host>) -> Sse<impl Stream<Item = Result<SseEvent, Infallible>>> {
    // Subscribed before `Hello` is sent: what is committed from then on is heard.
    let heard = host.engine.events().subscribe();
    let listener = host.activity.listen();
    let first = VecDeque::from([Event::Hello { protocol: PROTOCOL }]);
    let state = (heard, host.ending.clone(), first, false, listener);
    let events = stream::unfold(state, |(mut heard, ending, mut waiting, over, listener)| async move {
        if over {
            return None;
        }
        if let Some(event) = waiting.pop_front() {
            return Some((event, (heard, ending, waiting, false, listener)));
        }
        let received = tokio::select! {
            received = heard.recv() => received,
            () = ending.cancelled() => Err(RecvError::Closed),
        };
        let (event, over) = match received {
            Ok(event) => (event, false),
            Err(RecvError::Lagged(missed)) => {
                tracing::debug!(missed, "a client fell behind and asks everything again");
                (Event::Hello { protocol: PROTOCOL }, false)
            }
            Err(RecvError::Closed) => (Event::Goodbye { reason: "The host ends.".to_owned() }, true),
        };
        Some((event, (heard, ending, waiting, over, listener)))
    });
    Sse::new(events.map(|event| Ok(written(&event)))).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

fn written<T: serde::Serialize>(value: &T) -> SseEvent {
    SseEvent::default()
        .json_data(value)
        .unwrap_or_else(|error| SseEvent::default().comment(format!("unwritable: {error}")))
}

/// Which output, and from which byte on.
#[derive(Debug, Deserialize)]
pub(crate) struct LogQuery {
    #[serde(default)]
    stream: Option<LogStream>,
    #[serde(default)]
    after: u64,
}

/// `GET /api/runs/{run}/log`: chunks as they are written, until the run is over and all was sent.
pub(crate) async fn run_log(
    State(host): State<Host>,
    Path(run): Path<String>,
    query: Result<Query<LogQuery>, QueryRejection>,
) -> Result<Sse<impl Stream<Item = Result<SseEvent, Infallible>>>, Refusal> {
    let Query(query) = query?;
    let run: RunId = run.parse().map_err(|error: api::id::NotAnId| ApiError::invalid(error.to_string()))?;
    // Asked once before the stream starts, so that a wrong id is an error and no empty stream.
    engine::run::is_over(&host.engine, run).await.map_err(|error| engine::error::told(&error))?;
    let which = query.stream.unwrap_or(LogStream::Stdout);
    let listener = host.activity.listen();
    let chunks = stream::unfold(Some((host, query.after, listener)), move |state| async move {
        let (host, after, listener) = state?;
        loop {
            let over = engine::run::is_over(&host.engine, run).await.unwrap_or(true);
            // Read after asking: what was written before the end is in it.
            let chunk: LogChunk = match ask(&host, GetRunLog { run, stream: which, after, limit_bytes: None }).await {
                Ok(chunk) => chunk,
                Err(error) => return Some((SseEvent::default().event("error").data(error.to_string()), None)),
            };
            if chunk.end > after {
                let next = chunk.end;
                return Some((written(&chunk), Some((host, next, listener))));
            }
            if over {
                return Some((SseEvent::default().event("end").data("over"), None));
            }
            tokio::select! {
                () = tokio::time::sleep(LOG_TICK) => {}
                () = host.ending.cancelled() => return None,
            }
        }
    });
    Ok(Sse::new(chunks.map(Ok)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Asks the engine by its one dispatch.
pub(crate) async fn ask<R: api::Request>(host: &Host, request: R) -> Result<R::Response, ApiError> {
    let unreadable = |error| ApiError::new(ErrorCode::Internal, format!("{} can't be passed on: {error}.", R::METHOD));
    let params = serde_json::to_value(request).map_err(unreadable)?;
    let answer = engine::dispatch::dispatch(&host.engine, R::METHOD, params).await?;
    serde_json::from_value(answer).map_err(unreadable)
}
