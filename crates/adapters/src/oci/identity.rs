//! Identity tokens: what `docker login` keeps for registries that sign in through a browser.
//!
//! Such a token is an OAuth refresh token. The registry's sign-in service gives a token of one scope for
//! it, by the distribution specification's `POST` (grant type `refresh_token`); `oci-client` has only its
//! `GET` with a password.

use oci_client::{RegistryOperation, errors::OciDistributionError};
use serde::Deserialize;

/// Where the registry answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) scheme: &'a str,
    pub(super) host: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    token: Option<String>,
}

pub(super) fn scope(repository: &str, operation: RegistryOperation) -> String {
    let rights = match operation {
        RegistryOperation::Pull => "pull",
        RegistryOperation::Push => "pull,push",
    };
    format!("repository:{repository}:{rights}")
}

/// A token of one scope.
pub(super) async fn exchange(
    http: &reqwest::Client,
    place: Place<'_>,
    identity_token: &str,
    scope: &str,
) -> Result<String, OciDistributionError> {
    let url = format!("{}://{}/v2/", place.scheme, place.host);
    let refused = |reason: String| OciDistributionError::AuthenticationFailure(reason);
    let greeting = http.get(&url).send().await?;
    let challenge = greeting.headers().get(reqwest::header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
    let challenge = challenge.and_then(Challenge::read);
    let Some(Challenge { realm, service }) = challenge else {
        return Err(refused("it has no sign-in service that takes identity tokens".to_owned()));
    };
    let form = [
        ("grant_type", "refresh_token"),
        ("service", service.as_deref().unwrap_or(place.host)),
        ("client_id", "slipway"),
        ("scope", scope),
        ("refresh_token", identity_token),
    ];
    let form = form.map(|(name, value)| format!("{name}={}", encoded(value))).join("&");
    let request = http.post(&realm).header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = request.body(form).send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        return Err(refused(format!("{status} {}", text.trim())));
    }
    let answer: Answer = serde_json::from_str(&text)
        .map_err(|error| OciDistributionError::RegistryTokenDecodeError(error.to_string()))?;
    answer.access_token.or(answer.token).ok_or_else(|| refused("it gave no token".to_owned()))
}

/// A value of a form: everything but letters, digits and `-._~` as `%XX`.
fn encoded(value: &str) -> String {
    use std::fmt::Write as _;
    value.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// `Bearer realm="…",service="…"`.
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    realm: String,
    service: Option<String>,
}

impl Challenge {
    fn read(header: &str) -> Option<Self> {
        let (scheme, mut rest) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service) = (None, None);
        // A quoted value may have commas: read it to its closing quote.
        while let Some((name, after)) = rest.split_once("=\"") {
            let (value, after) = after.split_once('"')?;
            match name.trim_matches([',', ' ']).to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value.to_owned()),
                "service" => service = Some(value.to_owned()),
                _ => {}
            }
            rest = after;
        }
        Some(Self { realm: realm?, service })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_read_whatever_stands_in_it() {
        let header = r#"Bearer realm="https://a.example/token?x=1",service="r.example",scope="repository:a:pull,push""#;
        let found = Challenge::read(header).unwrap();
        assert_eq!(found.realm, "https://a.example/token?x=1");
        assert_eq!(found.service.as_deref(), Some("r.example"));
        assert_eq!(Challenge::read(r#"Basic realm="x""#), None);
        assert_eq!(Challenge::read("Bearer"), None);
        assert_eq!(Challenge::read(r#"Bearer realm="open"#), None);
    }

    #[test]
    fn a_form_keeps_what_is_in_a_token() {
        assert_eq!(encoded("a+b/c=&d é"), "a%2Bb%2Fc%3D%26d%20%C3%A9");
    }
}
