//! `GET /api/series`: one viewport of one series, as binary columns.

use axum::{
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use engine::Engine;
use serde::Deserialize;

use api::{ApiError, RunId, series::Series};

use crate::{Host, refusal::Refusal};

/// Nobody's screen is wider.
const MOST_POINTS: u32 = 20_000;
const DEFAULT_POINTS: u32 = 1_000;

#[derive(Debug, Deserialize)]
pub(crate) struct Viewport {
    run: RunId,
    key: String,
    #[serde(default)]
    from: Option<i64>,
    #[serde(default)]
    to: Option<i64>,
    #[serde(default)]
    points: Option<u32>,
}

pub(crate) async fn series(
    State(host): State<Host>,
    viewport: Result<Query<Viewport>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(Viewport { run, key, from, to, points }) = viewport?;
    let points = points.unwrap_or(DEFAULT_POINTS).clamp(1, MOST_POINTS);
    let series = series_of(&host.engine, run, &key, from, to, points).await?;
    let mut response = series.to_bytes().into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(response)
}

/// The same for callers in this process. Steps are inclusive, open where not given.
pub async fn series_of(
    engine: &Engine,
    run: RunId,
    key: &str,
    from: Option<i64>,
    to: Option<i64>,
    points: u32,
) -> Result<Series, ApiError> {
    let view = engine::run::series_view(engine, run, key, from, to, points).await;
    view.map_err(|error| engine::error::told(&error))
}
