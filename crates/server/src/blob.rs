//! `GET /api/blob/…`: files of a run and pictures of a snapshot, with ranges.
//!
//! A path is only ever looked up among the names that the engine lists: none is joined unseen.

use std::path::PathBuf;

use axum::{
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};
use tower_http::services::ServeFile;

use api::{ApiError, ErrorCode, RunId, SnapshotId};

use crate::{Host, refusal::Refusal};

/// A file that a run produced, by its path in `run.artifacts`.
pub(crate) async fn artifact(
    State(host): State<Host>,
    Path((run, path)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let run: RunId = run.parse().map_err(|error: api::id::NotAnId| ApiError::invalid(error.to_string()))?;
    let file = engine::run::artifact_path(&host.engine, run, &path).await;
    send(file.map_err(|error| engine::error::told(&error))?, request).await
}

/// A picture of a snapshot, by its path in the dataset.
pub(crate) async fn picture(
    State(host): State<Host>,
    Path((snapshot, path)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let snapshot: SnapshotId =
        snapshot.parse().map_err(|error: api::id::NotAnId| ApiError::invalid(error.to_string()))?;
    let told = |error: anyhow::Error| engine::error::told(&error);
    let row = engine::snapshot::find(&host.engine, snapshot).await.map_err(told)?;
    let file = engine::snapshot::cache::picture(&host.engine, &row, &path).await.map_err(told)?;
    let missing = || Refusal(ApiError::not_found(format!("The snapshot has no picture {path}.")));
    send(file.ok_or_else(missing)?, request).await
}

async fn send(file: PathBuf, request: Request) -> Result<Response, Refusal> {
    let shown = file.display().to_string();
    let sent = ServeFile::new(file).try_call(request).await;
    sent.map(|response| response.into_response())
        .map_err(|error| Refusal(ApiError::new(ErrorCode::Internal, format!("Can't read {shown}: {error}."))))
}
