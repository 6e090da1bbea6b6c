//! The gate before every route: Host, Origin, and on `/api` the bearer token.
//!
//! A page of a stranger that reaches our port by a name of its own (DNS rebinding) fails at Host; a
//! script of a stranger fails at Origin; another program of another user fails at the token.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use api::{ApiError, ErrorCode};

use crate::{Host, refusal::Refusal, sending};

/// The origins of our own window.
const WINDOW_ORIGINS: [&str; 2] = ["tauri://localhost", "http://tauri.localhost"];
/// The names of this machine that a request may come by.
const LOOPBACK: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];
/// The one route of `/api` that needs no token: it gives one for a key.
const SESSION: &str = "/api/session";

/// Bytes of a page's address, and of a part of it.
const LONGEST_PATH: usize = 2_000;
const LONGEST_NAME: usize = 255;

/// What the pages may load and reach: themselves. A page that another program wrote stands in a frame of theirs without
/// an address of its own (`srcdoc`), which inherits this: what it holds in itself is `data:`, and no link of it leads the
/// frame to another's address (`frame-src`) nor to one of ours (`frame-ancestors`).
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' blob: data:; media-src 'self' blob: data:; font-src 'self' data:; frame-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What an answer of `/api` may do where a browser takes it for a page: nothing. Files that other programs wrote come by
/// it, and a page or a drawing among them must not act with the right of who reads it: `sandbox` gives it an origin of
/// its own, which reaches no storage, no channel and no answer of ours, and no script of it runs.
const POLICY_OF_API: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; \
    font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Lets a request through, or refuses it with the reason.
pub(crate) async fn guard(State(host): State<Host>, request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api/");
    let mut response = match check(&host, &request, api) {
        Ok(()) => {
            // Only who may ask counts as a client that keeps the host alive, and does so until it is answered.
            let _asking = host.activity.listen();
            sending::hold(&host.room, &host.staging, next.run(request).await).await
        }
        Err(error) => {
            host.access.refused.note(request.uri().path(), &error.message);
            Refusal(error).into_response()
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    let policy = if api { POLICY_OF_API } else { POLICY };
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    let caching = if api { "no-store" } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}

fn check(host: &Host, request: &Request, api: bool) -> Result<(), ApiError> {
    let headers = request.headers();
    check_host(headers, host.port)?;
    check_origin(headers, host.port)?;
    if !api && is_no_page(request.uri().path()) {
        return Err(ApiError::not_found("No page has so long an address."));
    }
    // A preflight carries no token; what it asks for will.
    let open = !api || request.method() == Method::OPTIONS || request.uri().path() == SESSION;
    if open || bearer(headers).is_some_and(|token| host.access.admits(token)) {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::Unauthorized, "This request carries no valid token.")
        .with_hint("Open the page again with `slipway open`, which makes a new key."))
}

/// Whether an address is longer than any file's name or path may be.
fn is_no_page(path: &str) -> bool {
    path.len() > LONGEST_PATH || path.split('/').any(|part| part.len() > LONGEST_NAME)
}

pub(crate) fn check_host(headers: &HeaderMap, port: u16) -> Result<(), ApiError> {
    let mut names = headers.get_all(header::HOST).iter();
    let name = names.next().and_then(|name| name.to_str().ok()).unwrap_or_default();
    if names.next().is_none() && LOOPBACK.iter().any(|own| name == format!("{own}:{port}")) {
        return Ok(());
    }
    let why = match name {
        "" => "The request names no host, or none that can be read.".to_owned(),
        name => format!("This host does not answer to the name \"{name}\"."),
    };
    Err(ApiError::new(ErrorCode::Unauthorized, why).with_hint(format!("Use http://127.0.0.1:{port}.")))
}

pub(crate) fn check_origin(headers: &HeaderMap, port: u16) -> Result<(), ApiError> {
    match headers.get(header::ORIGIN) {
        None => Ok(()),
        Some(origin) if is_ours(origin, port) => Ok(()),
        Some(origin) => Err(ApiError::new(
            ErrorCode::Unauthorized,
            format!("Pages of {} may not ask this host.", String::from_utf8_lossy(origin.as_bytes())),
        )),
    }
}

/// Whether an Origin is that of our window or of a page that this host served.
pub(crate) fn is_ours(origin: &HeaderValue, port: u16) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    WINDOW_ORIGINS.contains(&origin) || LOOPBACK.iter().any(|own| origin == format!("http://{own}:{port}"))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    // The scheme's case says nothing (RFC 9110, 11.1).
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}
