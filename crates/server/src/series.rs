//! `GET /api/series`: one viewport of one series, as binary columns; `POST /api/series`: many at once. `GET /api/blob/points`:
//! every point of some as CSV.

use axum::{
    body::Body,
    extract::{Query, Request, State, rejection::QueryRejection},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use engine::{Engine, run::export};
use futures::{StreamExt as _, future, stream};
use serde::Deserialize;

use api::{
    ApiError, RunId,
    series::{self, Series, Viewport, Viewports},
};

use crate::{
    CALL_LIMIT_BYTES, Host,
    call::{self, Came},
    refusal::Refusal,
};

/// Nobody's screen is wider.
const MOST_POINTS: u32 = 20_000;
/// Of many series together: an answer of 72 MB at most.
const MOST_POINTS_IN_ALL: u32 = 1_000_000;
const DEFAULT_POINTS: u32 = 1_000;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    run: RunId,
    key: String,
    #[serde(default)]
    from: Option<i64>,
    #[serde(default)]
    to: Option<i64>,
    #[serde(default)]
    from_ms: Option<i64>,
    #[serde(default)]
    to_ms: Option<i64>,
    #[serde(default)]
    points: Option<u32>,
}

pub(crate) async fn one(
    State(host): State<Host>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(Asked { run, key, from, to, from_ms, to_ms, points }) = asked?;
    let viewport = Viewport { from, to, from_ms, to_ms, ..Viewport::whole(run, key) };
    let series = series_of(&host.engine, viewport, points.unwrap_or(DEFAULT_POINTS)).await?;
    Ok(binary(series.to_bytes()))
}

pub(crate) async fn many(State(host): State<Host>, request: Request) -> Result<Response, Refusal> {
    let Came { body, place: _place } = call::body::<Viewports>(&host, "question", CALL_LIMIT_BYTES, request).await?;
    Ok(binary(series::many_to_bytes(&many_of(&host.engine, body).await?)))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Whole {
    /// A list of [`Viewport`]s as JSON: a file is asked for by its address alone.
    series: String,
}

/// The points of viewports as CSV, all of them, read as the client takes them.
pub(crate) async fn points(
    State(host): State<Host>,
    asked: Result<Query<Whole>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(Whole { series }) = asked?;
    let viewports: Vec<Viewport> = serde_json::from_str(&series)
        .map_err(|error| ApiError::invalid(format!("The series of the address can't be read: {error}.")))?;
    let told = |error: anyhow::Error| engine::error::told(&error);
    let (head, telling) = export::points::tell(&host.engine, viewports).await.map_err(told)?;
    let pieces = stream::try_unfold(telling, move |telling| {
        let host = host.clone();
        async move { telling.next(&host.engine).await }
    });
    let all = stream::once(future::ready(Ok(head))).chain(pieces);
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], Body::from_stream(all)).into_response())
}

fn binary(bytes: Vec<u8>) -> Response {
    let mut response = bytes.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response
}

/// The same for callers in this process.
pub async fn series_of(engine: &Engine, viewport: Viewport, points: u32) -> Result<Series, ApiError> {
    let view = engine::run::series_view(engine, viewport, points.clamp(1, MOST_POINTS)).await;
    view.map_err(|error| engine::error::told(&error))
}

/// Many for callers in this process; `None` where a run has no such series.
pub async fn many_of(engine: &Engine, viewports: Viewports) -> Result<Vec<Option<Series>>, ApiError> {
    let each = MOST_POINTS_IN_ALL / u32::try_from(viewports.series.len().max(1)).unwrap_or(u32::MAX);
    let points = viewports.points.min(each).clamp(1, MOST_POINTS);
    let views = engine::run::series_views(engine, Viewports { points, ..viewports }).await;
    views.map_err(|error| engine::error::told(&error))
}
