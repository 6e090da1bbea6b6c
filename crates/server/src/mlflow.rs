//! MLflow's REST protocol, for its unchanged clients: on a listener of its own, behind a token of its own.
//!
//! This room knows MLflow's shapes and words; what they mean is `engine::tracking`'s. Every route stands under
//! `/api/2.0` and `/ajax-api/2.0`, and where clients of MLflow 3 ask there under `3.0`. Errors are
//! `{"error_code", "message"}` with MLflow's status.

mod artifacts;
mod cuts;
mod datasets;
mod experiments;
mod failure;
mod fields;
mod front;
mod guard;
mod logged;
mod metrics;
mod parts;
mod registry;
mod runs;
mod wire;

use axum::{
    Extension, Json, Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware,
    routing::{any, delete, get, patch, post},
};
use serde_json::json;

use crate::{
    Host,
    large::{LARGE_BYTES, LargeBodies},
};
use failure::Failure;

/// MLflow's own limit is a megabyte, which profiles of datasets may exceed.
const BODY_LIMIT_BYTES: usize = 32 << 20;
/// Large bodies that are read at once, and of the longest those that come at once: of shorter ones more.
const LARGE_AT_ONCE: usize = 2;
const LARGE_COMING: usize = 4;
/// Files that come at once.
const FILES_COMING: usize = 64;
/// The version of MLflow that is spoken.
const SPOKEN: &str = "3.18.0";

type Answer<T> = Result<Json<T>, Failure>;
/// What MLflow answers to a write.
type Done = Answer<Empty>;

#[derive(Debug, serde::Serialize)]
struct Empty {}

const fn done() -> Json<Empty> {
    Json(Empty {})
}

/// Every route, behind the guard. `port` is the listener's.
pub fn router(host: Host, port: u16) -> Router {
    let one = |prefix: &str| {
        Router::new()
            .nest(&format!("{prefix}/mlflow"), tracking().merge(registered()))
            .nest(&format!("{prefix}/mlflow-artifacts"), proxy())
    };
    let mut all = Router::new()
        .route("/", get(front::page))
        .route("/health", get(|| async { "OK" }))
        .route("/version", get(|| async { SPOKEN }))
        .route("/get-artifact", get(artifacts::of_run));
    for prefix in ["/api/2.0", "/ajax-api/2.0", "/api/3.0", "/ajax-api/3.0"] {
        all = all.merge(one(prefix));
    }
    all.fallback(any(no_such_route))
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT_BYTES))
        .layer(Extension(LargeBodies::new(LARGE_COMING, (LARGE_BYTES, BODY_LIMIT_BYTES), LARGE_AT_ONCE)))
        .layer(Extension(artifacts::Coming::new(FILES_COMING)))
        .layer(Extension(cuts::Said::default()))
        .layer(middleware::from_fn_with_state((host.clone(), port), guard::guard))
        .with_state(host)
}

fn tracking() -> Router<Host> {
    Router::new()
        .route("/server-info", get(server_info))
        .route("/experiments/create", post(experiments::create))
        .route("/experiments/get", get(experiments::get))
        .route("/experiments/get-by-name", get(experiments::get_by_name))
        .route("/experiments/search", get(experiments::search).post(experiments::search))
        .route("/experiments/update", post(experiments::update))
        .route("/experiments/delete", post(experiments::delete))
        .route("/experiments/restore", post(experiments::restore))
        .route("/experiments/set-experiment-tag", post(experiments::set_tag))
        .route("/experiments/delete-experiment-tag", post(experiments::delete_tag))
        .route("/experiments/search-datasets", post(datasets::search))
        .route("/runs/create", post(runs::create))
        .route("/runs/get", get(runs::get))
        .route("/runs/update", post(runs::update))
        .route("/runs/delete", post(runs::delete))
        .route("/runs/restore", post(runs::restore))
        .route("/runs/search", post(runs::search))
        .route("/runs/log-metric", post(runs::log_metric))
        .route("/runs/log-parameter", post(runs::log_parameter))
        .route("/runs/log-batch", post(runs::log_batch))
        .route("/runs/log-model", post(runs::log_model))
        .route("/runs/log-inputs", post(datasets::log_inputs))
        .route("/runs/outputs", post(datasets::log_outputs))
        .route("/runs/set-tag", post(runs::set_tag))
        .route("/runs/delete-tag", post(runs::delete_tag))
        .route("/metrics/get-history", get(metrics::history))
        .route("/metrics/get-history-bulk", get(metrics::history_bulk))
        .route("/metrics/get-history-bulk-interval", get(metrics::history_bulk_interval))
        .route("/artifacts/list", get(artifacts::list_of_run))
        .route("/artifacts/presigned-upload-url", post(artifacts::no_presigned))
        .route("/artifacts/presigned-download-url", post(artifacts::no_presigned))
        .route("/logged-models", post(logged::create))
        .route("/logged-models/search", post(logged::search))
        .route("/logged-models/{id}", get(logged::get).patch(logged::finalize).delete(logged::delete))
        .route("/logged-models/{id}/tags", patch(logged::set_tags))
        .route("/logged-models/{id}/tags/{key}", delete(logged::delete_tag))
        .route("/logged-models/{id}/params", post(logged::log_params))
        .route("/logged-models/{id}/artifacts/directories", get(logged::artifacts))
}

fn registered() -> Router<Host> {
    let latest = get(registry::latest_versions).post(registry::latest_versions);
    Router::new()
        .route("/registered-models/create", post(registry::create))
        .route("/registered-models/rename", post(registry::rename))
        .route("/registered-models/update", patch(registry::update))
        .route("/registered-models/delete", delete(registry::delete))
        .route("/registered-models/get", get(registry::get))
        .route("/registered-models/search", get(registry::search))
        .route("/registered-models/get-latest-versions", latest)
        .route("/registered-models/set-tag", post(registry::set_tag))
        .route("/registered-models/delete-tag", delete(registry::delete_tag))
        .route(
            "/registered-models/alias",
            post(registry::set_alias).get(registry::by_alias).delete(registry::delete_alias),
        )
        .route("/model-versions/create", post(registry::versions::create))
        .route("/model-versions/update", patch(registry::versions::update))
        .route("/model-versions/transition-stage", post(registry::versions::transition))
        .route("/model-versions/delete", delete(registry::versions::delete))
        .route("/model-versions/get", get(registry::versions::get))
        .route("/model-versions/search", get(registry::versions::search))
        .route("/model-versions/get-download-uri", get(registry::versions::download_uri))
        .route("/model-versions/set-tag", post(registry::versions::set_tag))
        .route("/model-versions/delete-tag", delete(registry::versions::delete_tag))
}

fn proxy() -> Router<Host> {
    let file = get(artifacts::download).put(artifacts::upload).delete(artifacts::delete);
    Router::new()
        .route("/artifacts", get(artifacts::list))
        .route("/artifacts/{*path}", file.layer(DefaultBodyLimit::disable()))
        .route("/mpu/create/{*path}", post(parts::create))
        .route("/mpu/complete/{*path}", post(parts::complete))
        .route("/mpu/abort/{*path}", post(parts::abort))
        .route("/mpu/part/{upload}/{number}", axum::routing::put(parts::put).layer(DefaultBodyLimit::disable()))
        .route("/presigned/{*path}", get(artifacts::presigned))
}

/// Parts are served to whoever asks for them, and proposed to nobody: on one machine they are more requests, and files that
/// are written twice. Clients of MLflow 3.18 ask this before each folder's first file, whether they may send it at all.
async fn server_info() -> Json<serde_json::Value> {
    Json(json!({
        "store_type": "SqlStore",
        "workspaces_enabled": false,
        "trace_archival_enabled": false,
        "multipart_uploads_enabled": false,
        "multipart_downloads_enabled": false,
        "artifact_serving_enabled": true,
        "artifacts_presigned_only": false,
    }))
}

async fn no_such_route(uri: axum::http::Uri) -> Failure {
    Failure::new(StatusCode::NOT_FOUND, "ENDPOINT_NOT_FOUND", format!("There is no route {} here.", uri.path()))
}

async fn wrong_method(method: axum::http::Method, uri: axum::http::Uri) -> Failure {
    let message = format!("{} can't be asked by {method}.", uri.path());
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "BAD_REQUEST", message)
}
