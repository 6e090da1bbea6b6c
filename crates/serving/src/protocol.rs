//! The ways to ask: each protocol reads a body into a record batch and writes the answers back; what
//! lies between is here, once, for all of them.
//!
//! | | |
//! |---|---|
//! | `POST /predict` | JSON rows: see [`rows`] |
//! | `POST /v1/models/M:predict` | KServe v1: see [`kserve`] |
//! | `/v2/…` | the Open Inference Protocol: see [`open_inference`] |
//! | `GET /signature` | inputs and outputs, for forms |
//! | `GET /metrics` | Prometheus |

mod kserve;
mod open_inference;
mod parsed;
mod rows;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use api::config::ColumnType;
use arrow_array::RecordBatch;
use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http_body_util::BodyExt as _;
use infer::rows::{GoOn, RowError};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};

use self::parsed::Parsed;
use crate::{answer::Failure, server::Server};

/// Marks the app's own sample calls, which are neither counted nor logged.
const SAMPLE_HEADER: &str = "x-slipway-sample";
/// Says that tensors follow the JSON in binary form.
const BINARY_HEADER: &str = "inference-header-content-length";
/// From this size, a body is parsed where it can't hold up other requests.
const LARGE_BODY: usize = 64 << 10;
/// Large bodies take as many times the limit together.
const LARGE_AT_ONCE: usize = 4;
/// What room is counted in, in bytes.
pub(crate) const ROOM_UNIT: usize = 1 << 10;
/// A body too large is read to its end up to as many times the limit.
const THROWN_AWAY: usize = 4;

/// Units of room for large bodies, by the limit of one.
pub(crate) fn room(limit: usize) -> usize {
    (limit.saturating_mul(LARGE_AT_ONCE) / ROOM_UNIT).min(Semaphore::MAX_PERMITS)
}

pub(crate) fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/", get(about))
        .route("/signature", get(signature))
        .route("/metrics", get(metrics))
        .route("/predict", post(rows::predict))
        .merge(kserve::router())
        .merge(open_inference::router())
        .fallback(async |request: Request| {
            Failure::NotFound(format!(
                "there is nothing at {} {}: see GET / for what there is",
                request.method(),
                request.uri().path()
            ))
        })
        .with_state(server)
}

async fn about(State(server): State<Arc<Server>>) -> Json<Value> {
    let (name, version) = (&server.config.name, server.config.version_number);
    let mut about = json!({
        "model": name,
        "version": version,
        "content": server.model.content(),
        "paths": [
            "/predict",
            "/signature",
            "/metrics",
            "/v1/models",
            format!("/v1/models/{name}"),
            format!("/v1/models/{name}:predict"),
            "/v2",
            "/v2/health/live",
            "/v2/health/ready",
            format!("/v2/models/{name}"),
            format!("/v2/models/{name}/ready"),
            format!("/v2/models/{name}/infer"),
            format!("/v2/models/{name}/versions/{version}"),
            format!("/v2/models/{name}/versions/{version}/ready"),
            format!("/v2/models/{name}/versions/{version}/infer"),
        ],
    });
    if let Some(positive) = server.model.head().signature.positive() {
        about["probability_of"] = json!(positive);
    }
    Json(about)
}

async fn signature(State(server): State<Arc<Server>>) -> Json<Value> {
    Json(json!(server.model.head().signature))
}

async fn metrics(State(server): State<Arc<Server>>) -> Response {
    let model = (server.config.name.as_str(), server.config.version_number, server.model.content());
    let page = server.metrics.page(model, server.started_ms);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response()
}

/// Answers one prediction request: reads the body, takes a place, predicts, counts and logs.
///
/// `read` makes rows (and what it wants to remember) of the body, `write` makes the answer.
async fn answer<T: Send>(
    server: &Server,
    request: Request,
    read: impl FnOnce(&Server, &Value, GoOn<'_>) -> Result<(RecordBatch, T), Failure> + Send,
    write: impl FnOnce(&Server, &RecordBatch, T) -> Result<Value, Failure> + Send,
) -> Response {
    let (received, received_ms) = (Instant::now(), crate::now_ms());
    let sample = request.headers().get(SAMPLE_HEADER).is_some_and(|value| value == "1");
    let seconds = server.config.timeout_secs;
    let longest = Duration::from_secs(seconds);
    // Not worth reading while nobody could answer it.
    if server.places.available_permits() == 0 {
        return count(server, sample, received, Failure::Overloaded.into_response());
    }
    server.metrics.in_flight.fetch_add(1, Relaxed);
    let _leaves = Leaves(server);
    let pictures = server.model.head().signature.inputs.iter().any(|input| input.kind == ColumnType::Image);
    let binary = request.headers().contains_key(BINARY_HEADER);
    let (page, encoding) = (foreign_page(request.headers()), encoding(request.headers()));
    let arrived = AtomicBool::new(false);
    let work = async {
        if let Some(origin) = page {
            return Err(Failure::Unasked { origin });
        }
        if let Some(encoding) = encoding {
            return Err(Failure::Encoded { encoding });
        }
        let (body, _room) = body(request, server.config.body_limit_bytes, &server.room).await?;
        arrived.store(true, Relaxed);
        // Only now: clients that send half a body must not keep the others away.
        let _place = server.places.try_acquire().map_err(|_| Failure::Overloaded)?;
        if binary {
            return Err(Failure::Invalid("tensors in binary form are not read here: send their data as JSON".into()));
        }
        // Work that blocks is not ended by the timeout around it: it looks at the clock itself.
        let in_time = || received.elapsed() < longest;
        let (inputs, remembered) = {
            // A picture takes a hundred times its file's bytes while it is decoded.
            let _turn =
                if pictures { Some(server.pictures.acquire().await.map_err(|_| Failure::Ending)?) } else { None };
            let read = || read(server, &parse(&body)?, &in_time);
            aside(pictures || body.len() >= LARGE_BODY, read).map_err(|failure| match failure {
                Failure::Row(RowError::Stopped) => Failure::TimedOut { seconds },
                other => other,
            })?
        };
        let outputs = server.predictor.predict(inputs.clone()).await?;
        let answer = aside(body.len() >= LARGE_BODY, || write(server, &outputs, remembered))?;
        if !sample {
            server.metrics.rows.fetch_add(outputs.num_rows() as u64, Relaxed);
            if let Some(log) = &server.log {
                log.record(&inputs, &outputs, received_ms);
            }
        }
        Ok::<_, Failure>(Json(answer).into_response())
    };
    let response = match tokio::time::timeout(longest, work).await {
        Ok(outcome) => outcome.unwrap_or_else(IntoResponse::into_response),
        Err(_) if !arrived.load(Relaxed) => Failure::Unfinished { seconds }.into_response(),
        Err(_) => Failure::TimedOut { seconds }.into_response(),
    };
    count(server, sample, received, response)
}

/// A client that goes away drops the handler: what was counted in must be counted out there too.
struct Leaves<'a>(&'a Server);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.metrics.in_flight.fetch_sub(1, Relaxed);
    }
}

fn count(server: &Server, sample: bool, received: Instant, response: Response) -> Response {
    if sample {
        server.metrics.samples.fetch_add(1, Relaxed);
    } else {
        server.metrics.answered(response.status().as_u16(), received.elapsed());
    }
    response
}

/// Runs what may take long (parsing megabytes, decoding pictures) without holding up this thread's
/// other requests.
fn aside<T>(long: bool, work: impl FnOnce() -> T) -> T {
    if long { tokio::task::block_in_place(work) } else { work() }
}

/// The whole body. One that is too large is read on and thrown away for a while, since a client that is
/// cut off in the middle of sending never sees why. Beyond [`LARGE_BODY`] it takes its bytes of the room that all bodies
/// share, until the permit is dropped; one that finds none is thrown away as well.
async fn body(
    request: Request,
    limit: usize,
    room: &Semaphore,
) -> Result<(Vec<u8>, Option<SemaphorePermit<'_>>), Failure> {
    let known = length(request.headers()).unwrap_or(0);
    // Who asks first is answered first, and who will send more than is thrown away at once.
    let hopeless = known > limit.saturating_mul(THROWN_AWAY);
    if hopeless || known > limit && request.headers().contains_key(header::EXPECT) {
        return Err(Failure::TooLarge { limit });
    }
    let mut body = request.into_body();
    // What is only announced takes no memory yet.
    let mut kept = Vec::with_capacity(if known > limit { 0 } else { known.min(LARGE_BODY) });
    let (mut seen, mut taken, mut crowded) = (0_usize, None, false);
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Failure::Invalid(format!("the body could not be read to its end: {error}")))?;
        let Ok(part) = frame.into_data() else { continue };
        seen += part.len();
        if seen > limit.saturating_mul(THROWN_AWAY) {
            break;
        }
        crowded |= seen <= limit && !take(room, &mut taken, seen.saturating_sub(LARGE_BODY));
        if seen <= limit && !crowded {
            kept.extend_from_slice(&part);
        } else {
            (kept, taken) = (Vec::new(), None);
        }
    }
    match (seen > limit, crowded) {
        (true, _) => Err(Failure::TooLarge { limit }),
        (false, true) => Err(Failure::Overloaded),
        (false, false) => Ok((kept, taken)),
    }
}

/// Takes what is missing of so many bytes; `false` where there is no room.
fn take<'a>(room: &'a Semaphore, taken: &mut Option<SemaphorePermit<'a>>, bytes: usize) -> bool {
    let missing = bytes.div_ceil(ROOM_UNIT) - taken.as_ref().map_or(0, SemaphorePermit::num_permits);
    if missing == 0 {
        return true;
    }
    let Ok(more) =
        u32::try_from(missing).map_err(drop).and_then(|missing| room.try_acquire_many(missing).map_err(drop))
    else {
        return false;
    };
    match taken {
        Some(taken) => taken.merge(more),
        None => *taken = Some(more),
    }
    true
}

/// The origin of a page that a browser let ask without asking us first: it could post rows into the log from
/// anywhere.
fn foreign_page(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let is_json = text(header::CONTENT_TYPE).is_some_and(|kind| kind.trim_start().starts_with("application/json"));
    text(header::ORIGIN).filter(|_| !is_json).map(|origin| origin.into_owned())
}

/// What a body is packed with, where it is.
fn encoding(headers: &HeaderMap) -> Option<String> {
    let named = String::from_utf8_lossy(headers.get(header::CONTENT_ENCODING)?.as_bytes()).trim().to_lowercase();
    Some(named).filter(|named| named != "identity" && !named.is_empty())
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn parse(body: &[u8]) -> Result<Value, Failure> {
    match serde_json::from_slice(body) {
        Ok(Parsed(value)) => Ok(value),
        // It is JSON, but says two things.
        Err(error) if error.is_data() => Err(Failure::Invalid(error.to_string())),
        Err(error) => Err(Failure::Invalid(format!("the body is not JSON: {error}"))),
    }
}

/// Refuses a model or version that is not the one that answers here.
fn known(server: &Server, name: &str, version: Option<&str>) -> Result<(), Failure> {
    let (own, number) = (&server.config.name, server.config.version_number);
    if name != own {
        return Err(Failure::NotFound(format!("there is no model \"{name}\" here: this server answers for \"{own}\"")));
    }
    match version {
        Some(version) if version != number.to_string() && version != format!("v{number}") => Err(Failure::NotFound(
            format!("there is no version \"{version}\" of \"{own}\" here: this server answers for version {number}"),
        )),
        _ => Ok(()),
    }
}

/// 200 while the server takes requests, 503 once it is ending.
fn readiness(server: &Server) -> StatusCode {
    if server.ending.load(Relaxed) { StatusCode::SERVICE_UNAVAILABLE } else { liveness(server) }
}

/// 200 while the model can be asked; 503 asks whoever watches to start the server again.
fn liveness(server: &Server) -> StatusCode {
    if server.predictor.lives() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}
