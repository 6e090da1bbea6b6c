//! `POST /api/call`: every request of the protocol; and `POST /api/session`, which gives the token for it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use axum::{
    Json,
    body::Body,
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

use crate::{
    CALL_LIMIT_BYTES, CALL_LIMIT_VALUES, Host, KEY_LIMIT_BYTES,
    large::{self, LARGE_BYTES, LargeBodies, NotCome, Place, values},
    refusal::Refusal,
};

/// Names the request in our log.
pub(crate) const REQUEST_ID: &str = "x-request-id";
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A longer name is no method's; it would only fill the log.
const LONGEST_METHOD: usize = 100;
/// In characters.
const LONGEST_SENTENCE: usize = 1_000;

/// Dispatches one call.
pub(crate) async fn call(State(host): State<Host>, request: Request) -> Response {
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut response = match read(&host, request).await {
        // The place is kept until the call is answered: what a large one asks is in memory as long.
        Ok(Came { body, place: _place }) => logged(&host, id, body).await,
        Err(error) => Refusal(error).into_response(),
    };
    response.headers_mut().insert(REQUEST_ID, HeaderValue::from(id));
    response
}

async fn read(host: &Host, request: Request) -> Result<Came<Call<Value>>, ApiError> {
    let call: Came<Call<Value>> = body(host, "call", CALL_LIMIT_BYTES, request).await?;
    if call.body.method.len() > LONGEST_METHOD {
        return Err(ApiError::invalid(format!("A method's name has no {} characters.", call.body.method.len())));
    }
    Ok(call)
}

/// What a body says, and the place of a large one among those that are there at once.
pub(crate) struct Came<T> {
    pub(crate) body: T,
    pub(crate) place: Option<Place>,
}

/// The JSON of a request's body, which arrives within the host's patience once its turn came.
pub(crate) async fn body<T: DeserializeOwned>(
    host: &Host,
    what: &str,
    limit_bytes: usize,
    request: Request,
) -> Result<Came<T>, ApiError> {
    let place = LargeBodies::coming(&request);
    let place = turn(host.patience, place).await?;
    let (parts, body) = request.into_parts();
    let coming = large::bytes(Request::from_parts(parts.clone(), body), place.as_ref(), host.patience);
    let bytes = tokio::time::timeout(host.patience, coming).await;
    let bytes =
        bytes.map_err(|_| ApiError::invalid(format!("The {what} did not arrive within {:?}.", host.patience)))?;
    let bytes = bytes.map_err(|not_come| match not_come {
        NotCome::StoodStill => ApiError::new(ErrorCode::Busy, large::STOOD_STILL),
        NotCome::Refused(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::invalid(format!("The {what} is larger than the limit of {}.", in_words(limit_bytes)))
        }
        NotCome::Refused(rejection) => unreadable(what, &rejection.body_text()),
    })?;
    check_values(what, &bytes)?;
    let whole = Request::from_parts(parts, Body::from(bytes));
    let Json(body) =
        Json::<T>::from_request(whole, &()).await.map_err(|rejection| unreadable(what, &rejection.body_text()))?;
    Ok(Came { body, place })
}

/// Waits for a place, which others may have for long: theirs is kept until they are answered.
async fn turn<T>(patience: Duration, place: impl Future<Output = T>) -> Result<T, ApiError> {
    tokio::time::timeout(patience, place).await.map_err(|_| {
        ApiError::new(ErrorCode::Busy, format!("Other large requests were not answered within {patience:?}."))
            .with_hint("Ask again once they are.")
    })
}

/// Refuses what would take many times its bytes once it is read.
fn check_values(what: &str, text: &[u8]) -> Result<(), ApiError> {
    if text.len() > LARGE_BYTES && values(text) > CALL_LIMIT_VALUES {
        return Err(ApiError::invalid(format!("The {what} has more than {CALL_LIMIT_VALUES} values."))
            .with_hint("Send it in several, or give rows as a file."));
    }
    Ok(())
}

fn unreadable(what: &str, why: &str) -> ApiError {
    ApiError::invalid(format!("The {what} can't be read: {why}."))
}

fn in_words(limit_bytes: usize) -> String {
    match limit_bytes >> 20 {
        0 => format!("{} KB", limit_bytes >> 10),
        mega => format!("{mega} MB"),
    }
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
                tracing::error!(id, method, millis, "failed: {}", sentence(&error));
            } else {
                tracing::info!(id, method, millis, code = ?error.code, "refused: {}", sentence(&error));
            }
            Refusal(error).into_response()
        }
    }
}

/// What our log keeps of an error, which may quote all that was asked.
fn sentence(error: &ApiError) -> String {
    error.to_string().chars().take(LONGEST_SENTENCE).collect()
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
    let OpenSession { key } = body(&host, "key", KEY_LIMIT_BYTES, request).await?.body;
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

#[cfg(test)]
mod tests {
    use axum::body::Bytes;

    use super::*;

    #[tokio::test]
    async fn a_large_call_whose_turn_never_comes_is_told_why() {
        let places = LargeBodies::new(1, (CALL_LIMIT_BYTES, CALL_LIMIT_BYTES), 1);
        let ask = |body: Body| {
            let mut request = Request::new(body);
            request.extensions_mut().insert(places.clone());
            turn(Duration::from_millis(50), LargeBodies::coming(&request))
        };
        let unsaid = || Body::from_stream(futures::stream::empty::<Result<Bytes, std::io::Error>>());
        let first = ask(unsaid()).await.unwrap();
        assert!(first.is_some(), "a body that does not say its length may be large");
        let refused = ask(Body::from(vec![b' '; LARGE_BYTES + 1])).await.unwrap_err();
        assert_eq!((refused.code, refused.message.contains("not answered within 50ms")), (ErrorCode::Busy, true));
        assert!(ask(Body::from("small")).await.unwrap().is_none());
        drop(first);
        assert!(ask(unsaid()).await.unwrap().is_some());
    }

    #[test]
    fn our_log_does_not_repeat_a_long_request() {
        let refused = ApiError::invalid(format!("There is no {}.", "é".repeat(1 << 20)));
        assert_eq!(sentence(&refused).chars().count(), LONGEST_SENTENCE);
    }

    #[test]
    fn a_call_of_too_many_values_is_refused_before_it_is_read() {
        let rows = |count: usize| format!(r#"{{"method": "m", "params": {{"rows": [{}0]}}}}"#, "0,".repeat(count));
        assert!(check_values("call", rows(CALL_LIMIT_VALUES / 2).as_bytes()).is_ok());
        let refused = check_values("call", rows(CALL_LIMIT_VALUES).as_bytes()).unwrap_err();
        assert_eq!(refused.message, "The call has more than 4194304 values.");
        // A picture is one value, however large.
        assert!(check_values("call", format!(r#"{{"picture": "{}"}}"#, ",".repeat(9 << 20)).as_bytes()).is_ok());
    }
}
