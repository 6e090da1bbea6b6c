//! `GET /api/blob/…`: files of a run, of a client's version and logged model, and pictures of a snapshot, with ranges.
//!
//! A path is only ever looked up among the names that the engine lists: none is joined unseen.

use axum::{
    extract::{Path, Query, Request, State, rejection::QueryRejection},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};

use api::{ApiError, ErrorCode, RunId, SnapshotId, VersionId};

use crate::{Host, opened, refusal::Refusal};

/// A file that a run produced, by its path in `run.artifacts`.
pub(crate) async fn artifact(
    State(host): State<Host>,
    Path((run, path)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let run: RunId = run.parse().map_err(|error: api::id::NotAnId| ApiError::invalid(error.to_string()))?;
    let file = engine::run::artifact(&host.engine, run, &path).await;
    send_opened(file.map_err(|error| engine::error::told(&error))?, &path, request).await
}

/// A file of a version that a client registered, by its path in `model.client_version`.
pub(crate) async fn version_file(
    State(host): State<Host>,
    Path((version, path)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let version: VersionId = version.parse().map_err(|error: api::id::NotAnId| ApiError::invalid(error.to_string()))?;
    let file = engine::tracking::registered::file(&host.engine, version, &path).await;
    send_opened(file.map_err(|error| engine::error::told(&error))?, &path, request).await
}

/// A file of a model that a client logged, by its path in `model.logged`.
pub(crate) async fn logged_file(
    State(host): State<Host>,
    Path((model, path)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let file = engine::tracking::logged::shown::file(&host.engine, &model, &path).await;
    send_opened(file.map_err(|error| engine::error::told(&error))?, &path, request).await
}

#[derive(serde::Deserialize)]
pub(crate) struct At {
    key: String,
    #[serde(default)]
    step: Option<i64>,
    #[serde(default)]
    turn: Option<u64>,
}

/// A medium of a run by its key and step: a picture, a drawing, a sound, a video, a page. What its bytes say that it is, it
/// is sent as; a drawing and a page, which are text, under the policy of all answers here, that lets nothing of them act.
pub(crate) async fn medium(
    State(host): State<Host>,
    Path(run): Path<String>,
    at: Result<Query<At>, QueryRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let Query(At { key, step, turn }) = at?;
    let run: RunId = run.parse().map_err(|error: api::id::NotAnId| ApiError::invalid(error.to_string()))?;
    let found = engine::run::media::bytes(&host.engine, run, &key, (step, turn)).await;
    let (bytes, kind) = found.map_err(|error| engine::error::told(&error))?;
    let mut response = match bytes {
        engine::run::media::Bytes::File(file, name) => send_opened(file, &name, request).await?,
        engine::run::media::Bytes::Held(bytes) => bytes.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// All of a medium, as a file to be saved.
pub(crate) async fn whole_medium(
    State(host): State<Host>,
    Path(run): Path<String>,
    at: Result<Query<At>, QueryRejection>,
    request: Request,
) -> Result<Response, Refusal> {
    let Query(At { key, step, turn }) = at?;
    let run: RunId = run.parse().map_err(|error: api::id::NotAnId| ApiError::invalid(error.to_string()))?;
    match engine::run::media::whole(&host.engine, run, &key, (step, turn)).await {
        Ok(engine::run::media::Bytes::File(file, name)) => send_opened(file, &name, request).await,
        Ok(engine::run::media::Bytes::Held(bytes)) => Ok(bytes.into_response()),
        Err(error) => Err(Refusal(engine::error::told(&error))),
    }
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
    let file = file.ok_or_else(missing)?;
    let opened = tokio::fs::File::open(&file).await.map_err(|error| {
        let is_gone = error.kind() == std::io::ErrorKind::NotFound;
        let code = if is_gone { ErrorCode::NotFound } else { ErrorCode::Internal };
        Refusal(ApiError::new(code, format!("Can't read {}: {error}.", file.display())))
    })?;
    send_opened(opened.into_std().await, &path, request).await
}

async fn send_opened(file: std::fs::File, path: &str, request: Request) -> Result<Response, Refusal> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let sent = opened::send(file, name, request).await;
    sent.map_err(|error| Refusal(ApiError::new(ErrorCode::Internal, format!("Can't read {path}: {error}."))))
}
