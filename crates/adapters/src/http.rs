//! HTTP clients and what their failures mean to a person.

use std::{error::Error, time::Duration};

use api::ErrorCode;
use async_trait::async_trait;
use engine::ports::{Connection, HttpAnswer, HttpRequest, PortError, Result};

/// One provider for every TLS connection of the process; whoever comes second finds it there.
pub(crate) fn install_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A client over rustls with the system's roots, and the given authority beside them.
pub(crate) fn client(ca_pem: Option<&str>, connect: Duration, read: Duration) -> Result<reqwest::Client> {
    install_provider();
    let mut builder = reqwest::Client::builder().connect_timeout(connect).read_timeout(read);
    if let Some(pem) = ca_pem {
        let certificates = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).unwrap_or_default();
        if certificates.is_empty() {
            return Err(PortError::permanent(ErrorCode::Invalid, "The certificate authority is not PEM")
                .with_hint("It starts with -----BEGIN CERTIFICATE-----."));
        }
        for certificate in certificates {
            builder = builder.add_root_certificate(certificate);
        }
    }
    builder.build().map_err(|error| {
        PortError::permanent(ErrorCode::Internal, format!("An HTTP client can't be made: {}", reasons(&error)))
    })
}

/// A failed exchange as a sentence that begins with `cannot`.
pub(crate) fn failed(cannot: &str, error: reqwest::Error) -> PortError {
    if let Some(status) = error.status() {
        let message = format!("{cannot}: it answers {status}");
        return match status.as_u16() {
            401 | 403 => PortError::permanent(ErrorCode::Forbidden, message).with_hint("Check the user and password."),
            429 | 500.. => PortError::temporary(ErrorCode::Unreachable, message),
            _ => PortError::permanent(ErrorCode::Invalid, message),
        };
    }
    let reason = reasons(&error);
    if let Some(tls) = find::<rustls::Error>(&error) {
        let hint = match tls {
            rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
                "Its certificate is signed by an authority that this machine doesn't know: give the authority's PEM with the registry."
            }
            rustls::Error::InvalidCertificate(_) => "Its certificate is not good for this address.",
            _ => "Does it speak TLS at this port? A registry without TLS must be added as plain HTTP.",
        };
        return PortError::permanent(ErrorCode::Unreachable, format!("{cannot}: {reason}")).with_hint(hint);
    }
    let failure = PortError::temporary(ErrorCode::Unreachable, format!("{cannot}: {reason}"));
    if error.is_connect() {
        failure.with_hint("Is the address right, and is it running?")
    } else if error.is_timeout() {
        failure.with_hint("It did not answer in time.")
    } else {
        failure.with_hint("The connection was cut.")
    }
}

/// The whole chain of causes, without what repeats.
pub(crate) fn reasons(error: &dyn Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        next = error.source();
    }
    parts.join(": ")
}

/// Looks for a cause of one type; an `io::Error` hides what it wraps from `source`.
pub(crate) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        if let Some(wrapped) = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref)
            && let Some(found) = find::<T>(wrapped)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// A client for loopback: no proxy, no TLS. It is cheap to clone.
pub(crate) fn loopback() -> Result<reqwest::Client> {
    install_provider();
    let builder =
        reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(5)).timeout(Duration::from_secs(60));
    builder.build().map_err(|error| {
        PortError::permanent(ErrorCode::Internal, format!("An HTTP client can't be made: {}", reasons(&error)))
    })
}

/// A way to one instance, over an address on loopback.
pub(crate) struct LoopbackConnection {
    pub(crate) client: reqwest::Client,
    /// `http://127.0.0.1:PORT`.
    pub(crate) address: String,
    pub(crate) through: String,
    pub(crate) instance: String,
    pub(crate) token: Option<String>,
    /// What must live as long as this does (a port-forward).
    pub(crate) _keep: Box<dyn Send + Sync>,
}

#[async_trait]
impl Connection for LoopbackConnection {
    fn address(&self) -> String {
        self.address.clone()
    }

    fn through(&self) -> String {
        self.through.clone()
    }

    fn instance(&self) -> String {
        self.instance.clone()
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer> {
        let url = format!("{}{}", self.address, request.path);
        let mut builder = match request.body {
            Some(body) => self.client.post(url).header("content-type", "application/json").body(body),
            None => self.client.get(url),
        };
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        if let Some(token) = &self.token {
            builder = builder.bearer_auth(token);
        }
        let cannot = format!("Can't reach {} ({})", self.instance, self.through);
        let answer = builder.send().await.map_err(|error| failed(&cannot, error))?;
        let status = answer.status().as_u16();
        let headers = answer
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let body = answer.bytes().await.map_err(|error| failed(&cannot, error))?.to_vec();
        Ok(HttpAnswer { status, headers, body })
    }
}
