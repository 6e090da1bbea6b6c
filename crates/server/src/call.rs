//! `POST /api/call`: every request of the protocol; and `POST /api/session`, which gives the token for it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use axum::{
    Json,
    extract::{FromRequest as _, Path, Request, State},
    http::{HeaderValue, StatusCode},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize as _, de::DeserializeOwned};
use serde_json::Value;

use api::{
    ApiError, ErrorCode, Request as _,
    call::Call,
    host::{MakeKey, OpenSession, PageKey, Session, StopHost},
    tracking::{GetTracking, RenewTracking},
};

use crate::{CALL_LIMIT_BYTES, Host, KEY_LIMIT_BYTES, refusal::Refusal};

/// Names the request in our log.
pub(crate) const REQUEST_ID: &str = "x-request-id";
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A longer name is no method's; it would only fill the log.
const LONGEST_METHOD: usize = 100;

/// Dispatches one call.
pub(crate) async fn call(State(host): State<Host>, request: Request) -> Response {
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut response = match read(&host, request).await {
        Ok(call) => logged(&host, id, call).await,
        Err(error) => Refusal(error).into_response(),
    };
    response.headers_mut().insert(REQUEST_ID, HeaderValue::from(id));
    response
}

async fn read(host: &Host, request: Request) -> Result<Call<Value>, ApiError> {
    let call: Call<Value> = body(host, "call", CALL_LIMIT_BYTES, request).await?;
    if call.method.len() > LONGEST_METHOD {
        return Err(ApiError::invalid(format!("A method's name has no {} characters.", call.method.len())));
    }
    Ok(call)
}

/// The JSON of a request's body, which arrives within the host's patience.
pub(crate) async fn body<T: DeserializeOwned>(
    host: &Host,
    what: &str,
    limit_bytes: usize,
    request: Request,
) -> Result<T, ApiError> {
    let body = tokio::time::timeout(host.patience, Json::<T>::from_request(request, &())).await;
    let body = body.map_err(|_| ApiError::invalid(format!("The {what} did not arrive within {:?}.", host.patience)))?;
    let Json(body) = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::invalid(format!("The {what} is larger than the limit of {} MB.", limit_bytes >> 20))
        }
        _ => ApiError::invalid(format!("The {what} can't be read: {}.", rejection.body_text())),
    })?;
    Ok(body)
}

async fn logged(host: &Host, id: u64, call: Call<Value>) -> Response {
    let (method, since) = (call.method.clone(), Instant::now());
    let answer = answer(host, call).await;
    let millis = since.elapsed().as_millis() as u64;
    match answer {
        Ok(value) => {
            tracing::debug!(id, method, millis, "answered");
            Json(value).into_response()
        }
        Err(error) => {
            if error.code == ErrorCode::Internal {
                tracing::error!(id, method, millis, "failed: {error}");
            } else {
                tracing::info!(id, method, millis, code = ?error.code, "refused: {error}");
            }
            Refusal(error).into_response()
        }
    }
}

async fn answer(host: &Host, call: Call<Value>) -> Result<Value, ApiError> {
    // The keys are this room's own: the engine knows nothing of pages and addresses.
    if call.method == MakeKey::METHOD {
        let key = host.access.make_key().map_err(|error| no_randomness(&error))?;
        host.activity.await_use();
        let address = page_address(host.port, &key);
        return serde_json::to_value(PageKey { address })
            .map_err(|error| ApiError::new(ErrorCode::Internal, format!("Can't write the address: {error}.")));
    }
    if hands_out_address(&call) {
        host.activity.await_use();
    }
    // In a task of its own: a caller that hangs up must not cut a write in half, and a panic is that
    // of one call.
    let (engine, asking) = (host.engine.clone(), host.activity.listen());
    let stops = call.method == StopHost::METHOD;
    let task = tokio::spawn(async move {
        let _asking = asking;
        engine::dispatch::dispatch(&engine, &call.method, call.params).await
    });
    let answer = task.await.unwrap_or_else(|error| {
        Err(ApiError::new(ErrorCode::Internal, format!("The call broke off inside the host: {error}."))
            .with_hint("The log has the place: see Settings, or `slipway log`."))
    });
    if stops && answer.is_ok() {
        // The engine has stopped what was to be stopped; that the process ends is the host's affair.
        host.ending.cancel();
    }
    answer
}

/// Whether the answer is an address for MLflow's clients that a person uses later.
fn hands_out_address(call: &Call<Value>) -> bool {
    let is_for_later = || GetTracking::deserialize(&call.params).is_ok_and(|asked| asked.for_later);
    call.method == RenewTracking::METHOD || call.method == GetTracking::METHOD && is_for_later()
}

/// The address that a person opens; the key behind `#` is good once.
pub fn page_address(port: u16, key: &str) -> String {
    format!("http://127.0.0.1:{port}/#{key}")
}

/// Trades a one-time key for a session token.
pub(crate) async fn open_session(State(host): State<Host>, request: Request) -> Result<Json<Session>, Refusal> {
    let OpenSession { key } = body(&host, "key", KEY_LIMIT_BYTES, request).await?;
    match host.access.trade(&key).map_err(|error| no_randomness(&error))? {
        Some(token) => Ok(Json(Session { token })),
        None => Err(Refusal(
            ApiError::new(ErrorCode::Unauthorized, "This address was opened before, or is of an earlier host.")
                .with_hint("Get a new one with `slipway open`."),
        )),
    }
}

/// Anything else under `/api`.
pub(crate) async fn no_such_route(Path(rest): Path<String>) -> Refusal {
    Refusal(ApiError::not_found(format!("There is no route /api/{rest}.")))
}

fn no_randomness(error: &std::io::Error) -> ApiError {
    ApiError::new(ErrorCode::Internal, format!("The system gave no random bytes for a key: {error}."))
}
