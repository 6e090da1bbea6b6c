//! The gate before MLflow's routes: Host, Origin, and the token as the password of basic auth.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use subtle::ConstantTimeEq as _;

use super::failure::Failure;
use crate::{Host, guard, sending};

pub(super) async fn guard(State((host, port)): State<(Host, u16)>, request: Request, next: Next) -> Response {
    let is_got = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = match check(&host, port, request.uri().path(), request.headers()).await {
        Ok(asker) => {
            // Whoever looks whether somebody answers is no client that keeps the host alive.
            let _asking = matches!(asker, Asker::Client).then(|| host.activity.listen());
            sending::hold(&host.room, &host.staging, next.run(request).await).await
        }
        Err(failure) => {
            host.access.refused.note(request.uri().path(), "MLflow's protocol");
            failure.into_response()
        }
    };
    // Only what is got is kept by a browser, or taken for another kind. A client that writes reads every header of
    // every answer, which in Python takes as long as a tenth of our own work.
    if is_got {
        let headers = response.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

enum Asker {
    /// Of one of the routes that are open to everybody.
    Anybody,
    Client,
}

async fn check(host: &Host, port: u16, path: &str, headers: &HeaderMap) -> Result<Asker, Failure> {
    guard::check_host(headers, port).and_then(|()| guard::check_origin(headers, port)).map_err(refused)?;
    // Whether somebody answers is no secret, and is asked before a client signs in; a link's page says the link alone.
    if matches!(path, "/" | "/health" | "/version") {
        return Ok(Asker::Anybody);
    }
    let given = password(headers);
    // The token is at hand; the setting is read, which costs as much as the rest of a small request.
    let admitted = match &given {
        None => Ok(false),
        Some(given) => {
            let token = engine::tracking::token::current(&host.engine).await;
            token.map(|token| bool::from(token.as_bytes().ct_eq(given.as_bytes())))
        }
    };
    if matches!(admitted, Ok(true)) || engine::settings::current(&host.engine).await?.tracking_open {
        return Ok(Asker::Client);
    }
    admitted?;
    Err(unauthorized(if given.is_none() { "carries no token" } else { "carries another token" }))
}

fn refused(error: api::ApiError) -> Failure {
    Failure::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", error.to_string())
}

fn unauthorized(what: &str) -> Failure {
    let message = format!(
        "This request {what}. Copy the address from Slipway's status bar, or run `slipway tracking`: it stands in MLFLOW_TRACKING_URI."
    );
    Failure::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message)
}

/// The password of basic auth, or a bearer token.
fn password(headers: &HeaderMap) -> Option<String> {
    let (scheme, given) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(given.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(given.trim()).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}
