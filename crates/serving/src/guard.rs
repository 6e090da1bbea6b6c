//! Who may ask: the Host check against pages that resolve a name of theirs to loopback, and the
//! token of the control port.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde_json::json;

#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    /// Empty allows any.
    pub(crate) hosts: Arc<[String]>,
    /// BLAKE3 of the token: comparing hashes takes the same time for every wrong one.
    pub(crate) token: Option<blake3::Hash>,
}

pub(crate) async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match refusal(&guard, request.headers(), request.uri()) {
        Some((status, error)) => (status, Json(json!({ "error": error }))).into_response(),
        None => next.run(request).await,
    }
}

fn refusal(guard: &Guard, headers: &HeaderMap, uri: &Uri) -> Option<(StatusCode, String)> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if !guard.hosts.is_empty() {
        // HTTP/2 has it in the address instead.
        let host = header(header::HOST).or_else(|| uri.authority().map(|authority| authority.as_str()));
        let name = host.map(without_port).unwrap_or_default();
        if !guard.hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(name)) {
            let error = format!("the Host header {name:?} is not one of those that this server answers to");
            return Some((StatusCode::FORBIDDEN, error));
        }
    }
    if let Some(expected) = guard.token {
        let token = header(header::AUTHORIZATION)
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token);
        if token.is_none_or(|token| blake3::hash(token.as_bytes()) != expected) {
            let error = "the request log needs \"Authorization: Bearer TOKEN\", with the token of this server";
            return Some((StatusCode::UNAUTHORIZED, error.to_owned()));
        }
    }
    None
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // "[::1]" has colons of its own.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::without_port;

    #[test]
    fn a_port_is_no_part_of_the_name() {
        for (host, name) in
            [("a:80", "a"), ("a", "a"), ("[::1]:8080", "[::1]"), ("[::1]", "[::1]"), ("127.0.0.1:1", "127.0.0.1")]
        {
            assert_eq!(without_port(host), name);
        }
    }
}
