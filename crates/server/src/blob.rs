//! `GET /api/blob/…`: files of a run and of a snapshot, with ranges.
//!
//! A path is only ever looked up among the names that the engine lists: none is joined unseen.

use std::path::PathBuf;

use axum::{
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};
use tower_http::services::ServeFile;

use api::{ApiError, ErrorCode, RunId, SnapshotId, run::ListArtifacts};

use crate::{Host, events::ask, refusal::Refusal};

/// A file that a run produced, by its path in `run.artifacts`.
pub(crate) async fn artifact(
    State(host): State<Host>,
    Path((run, path)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let run: RunId = run.parse().map_err(|error: api::id::NotAnId| ApiError::invalid(error.to_string()))?;
    let artifacts = ask(&host, ListArtifacts { run }).await?;
    if !artifacts.iter().any(|artifact| artifact.path == path) {
        return Err(Refusal(ApiError::not_found(format!("The run has no file {path}."))));
    }
    let folder = host.engine.workspace().run(run);
    let places = [folder.join(&path), folder.join("artifacts").join(&path)];
    let file = places.into_iter().find(|place| place.is_file());
    send(file.ok_or_else(|| ApiError::not_found(format!("The file {path} is gone from the run's folder.")))?, request)
        .await
}

/// A file of a snapshot, by its path in the dataset: how pictures are shown.
pub(crate) async fn snapshot_file(
    State(_host): State<Host>,
    Path((snapshot, path)): Path<(String, String)>,
    _request: Request,
) -> Result<Response, Refusal> {
    let snapshot: SnapshotId =
        snapshot.parse().map_err(|error: api::id::NotAnId| ApiError::invalid(error.to_string()))?;
    Err(Refusal(ApiError::new(ErrorCode::Unsupported, format!("{path} of snapshot {snapshot} can't be read yet."))))
}

async fn send(file: PathBuf, request: Request) -> Result<Response, Refusal> {
    let shown = file.display().to_string();
    let sent = ServeFile::new(file).try_call(request).await;
    sent.map(|response| response.into_response())
        .map_err(|error| Refusal(ApiError::new(ErrorCode::Internal, format!("Can't read {shown}: {error}."))))
}
