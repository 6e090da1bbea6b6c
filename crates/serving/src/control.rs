//! The second port: the request log, for the host alone.
//!
//! | | |
//! |---|---|
//! | `GET /v1/logs?after=SEGMENT` | segments behind it, as JSON (see [`Listing`]); acknowledges all up to it |
//! | `GET /v1/logs/SEGMENT` | the segment's bytes, a Parquet file |
//! | `POST /v1/logs/close` | closes the open segment, then lists without acknowledging |
//! | `POST /v1/logs/drain?secs=N` | closes the open segment and waits until all is acknowledged: `{"left": 0}` |
//! | `GET /healthz` | `ok` |

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    answer::Failure,
    request_log::{Listing, RequestLog},
};

type Log = State<Option<Arc<RequestLog>>>;

pub(crate) fn router(log: Option<Arc<RequestLog>>) -> Router {
    Router::new()
        .route("/v1/logs", get(list))
        .route("/v1/logs/{segment}", get(segment))
        .route("/v1/logs/close", post(close))
        .route("/v1/logs/drain", post(drain))
        .route("/healthz", get(async || "ok"))
        .with_state(log)
}

fn not_logged() -> Failure {
    Failure::NotFound("nothing is logged here: the server was started without --log-dir".into())
}

#[derive(Debug, Deserialize)]
struct After {
    after: Option<String>,
}

async fn list(State(log): Log, Query(query): Query<After>) -> Result<Json<Listing>, Failure> {
    let log = log.ok_or_else(not_logged)?;
    Ok(Json(log.list(query.after.as_deref().filter(|after| !after.is_empty()))))
}

async fn segment(State(log): Log, Path(id): Path<String>) -> Result<Response, Failure> {
    let log = log.ok_or_else(not_logged)?;
    let gone = || Failure::NotFound(format!("there is no segment {id:?} any more: list /v1/logs again"));
    let path = log.path(&id).ok_or_else(gone)?;
    let bytes = tokio::fs::read(path).await.map_err(|_| gone())?;
    Ok(([(header::CONTENT_TYPE, "application/vnd.apache.parquet")], bytes).into_response())
}

async fn close(State(log): Log) -> Result<Json<Listing>, Failure> {
    let log = log.ok_or_else(not_logged)?;
    log.close().await;
    Ok(Json(log.list(None)))
}

#[derive(Debug, Deserialize)]
struct Drain {
    secs: Option<u64>,
}

async fn drain(State(log): Log, Query(query): Query<Drain>) -> Json<Value> {
    let longest = Duration::from_secs(query.secs.unwrap_or(30).min(600));
    let left = match log {
        Some(log) => log.drain(longest).await,
        None => 0,
    };
    Json(json!({ "left": left }))
}
