//! OCI registries, by `oci-client`.
//!
//! A blob is asked for by `HEAD` first and streamed only where it is missing; an upload's session is
//! private to it, so a blob that was cut off is sent again from its start, the finished ones never.

mod identity;

use std::time::Duration;

use api::{ErrorCode, package::RegistryCheck};
use async_trait::async_trait;
use engine::ports::{CredentialSource, Credentials, PortError, PushBlob, PushManifest, Registry, Result};
use futures::{StreamExt as _, TryStreamExt as _};
use oci_client::{
    Client, Reference, RegistryOperation,
    client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol},
    errors::{OciDistributionError, OciEnvelope, OciErrorCode},
    secrets::RegistryAuth,
};
use tokio::sync::mpsc;
use tokio_util::io::ReaderStream;

use crate::{
    docker_config::{self, DockerConfig, Found},
    http,
};

/// One PATCH request each; progress moves as often.
const CHUNK_BYTES: usize = 1 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Some registries hash a whole blob before they answer.
const READ_TIMEOUT: Duration = Duration::from_secs(120);

pub struct OciRegistry {
    client: Client,
    http: reqwest::Client,
    scheme: &'static str,
    /// As the person wrote it: host, port and path prefix.
    address: String,
    credentials: Option<Credentials>,
    /// Exchanged for a token before each operation, where there is no password.
    identity_token: Option<String>,
    source: CredentialSource,
}

impl OciRegistry {
    /// `docker` is asked where there is no password.
    pub fn new(
        registry: &api::package::Registry,
        password: Option<String>,
        docker: Option<&DockerConfig>,
    ) -> Result<Self> {
        let address = registry.address.trim_end_matches('/').to_owned();
        let host = host_of(&address).to_owned();
        let mut identity_token = None;
        let (credentials, source) = match (&registry.username, password) {
            (Some(username), Some(password)) => {
                (Some(Credentials { username: username.clone(), password }), CredentialSource::SecretStore)
            }
            _ => match docker.map(|docker| docker_config::credentials(docker, &host)).transpose()?.flatten() {
                Some(Found::Password(found)) => (Some(found), CredentialSource::DockerConfig),
                Some(Found::IdentityToken(token)) => {
                    identity_token = Some(token);
                    (None, CredentialSource::IdentityToken)
                }
                None => (None, CredentialSource::None),
            },
        };
        let ca = registry.ca_pem.as_deref().map(str::trim).filter(|pem| !pem.is_empty());
        let config = ClientConfig {
            protocol: if registry.plain_http { ClientProtocol::Http } else { ClientProtocol::Https },
            extra_root_certificates: ca
                .map(|pem| Certificate { encoding: CertificateEncoding::Pem, data: pem.as_bytes().to_vec() })
                .into_iter()
                .collect(),
            connect_timeout: Some(CONNECT_TIMEOUT),
            read_timeout: Some(READ_TIMEOUT),
            user_agent: concat!("slipway/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let http = http::client(ca, CONNECT_TIMEOUT, READ_TIMEOUT)?;
        // `Client::new` falls back to a client without our certificate authority; `http::client`
        // above has refused a wrong one already.
        let client = Client::try_from(config).map_err(|error| failed(&address, "set up the connection", error))?;
        Ok(Self {
            client,
            http,
            scheme: if registry.plain_http { "http" } else { "https" },
            address,
            credentials,
            identity_token,
            source,
        })
    }

    /// What the client signs in with; an identity token is exchanged for one of this operation.
    async fn auth(&self, image: &Reference, operation: RegistryOperation) -> Result<RegistryAuth> {
        if let Some(token) = &self.identity_token {
            let place = identity::Place { scheme: self.scheme, host: image.resolve_registry() };
            let scope = identity::scope(image.repository(), operation);
            return identity::exchange(&self.http, place, token, &scope)
                .await
                .map(RegistryAuth::Bearer)
                .map_err(|error| self.failed("sign in", error));
        }
        Ok(match &self.credentials {
            Some(found) => RegistryAuth::Basic(found.username.clone(), found.password.clone()),
            None => RegistryAuth::Anonymous,
        })
    }

    fn reference(&self, repository: &str, tag: &str) -> Reference {
        let (host, prefix) = self.address.split_once('/').unwrap_or((&self.address, ""));
        let repository = if prefix.is_empty() { repository.to_owned() } else { format!("{prefix}/{repository}") };
        Reference::with_tag(host.to_owned(), repository, tag.to_owned())
    }

    async fn authorise(&self, image: &Reference, operation: RegistryOperation) -> Result<()> {
        let auth = self.auth(image, operation).await?;
        self.client.auth(image, &auth, operation).await.map(|_| ()).map_err(|error| self.failed("sign in", error))
    }

    fn failed(&self, what: &str, error: OciDistributionError) -> PortError {
        let mut failure = failed(&self.address, what, error);
        if failure.error.code == ErrorCode::Forbidden && self.identity_token.is_some() {
            let host = host_of(&self.address);
            failure.error.hint =
                Some(format!("The identity token is no longer good: sign in with `docker login {host}` again."));
        } else if failure.error.code == ErrorCode::Forbidden && self.credentials.is_none() {
            failure.error.hint = Some(format!(
                "It asks for a password: give one with `slipway registry password` or under Settings, Registries, or sign in with `docker login {}`.",
                host_of(&self.address)
            ));
        }
        failure
    }

    async fn greet(&self) -> Result<String> {
        let image = self.reference("slipway", "latest");
        // With a bearer realm this is where a wrong password shows; with basic it shows below.
        let auth = self.auth(&image, RegistryOperation::Pull).await?;
        let token = self
            .client
            .auth(&image, &auth, RegistryOperation::Pull)
            .await
            .map_err(|error| self.failed("sign in", error))?;
        let url = format!("{}://{}/v2/", self.scheme, image.resolve_registry());
        let mut request = self.http.get(&url);
        request = match (token, &self.credentials) {
            (Some(token), _) => request.bearer_auth(token),
            (None, Some(found)) => request.basic_auth(&found.username, Some(&found.password)),
            (None, None) => request,
        };
        let answer = request.send().await.map_err(|error| self.failed("ask", error.into()))?;
        let status = answer.status().as_u16();
        match status {
            200 => Ok(match &self.credentials {
                Some(found) => {
                    format!("{} answers and lets {} in (from {})", self.address, found.username, self.source)
                }
                None if self.identity_token.is_some() => {
                    format!("{} answers and lets us in ({})", self.address, self.source)
                }
                None => format!("{} answers; it asks for no password to look", self.address),
            }),
            401 | 403 => Err(self.failed("sign in", OciDistributionError::UnauthorizedError { url })),
            _ => Err(self.failed(
                "ask",
                OciDistributionError::ServerError {
                    code: status,
                    url,
                    message: answer.text().await.unwrap_or_default(),
                },
            )),
        }
    }
}

#[async_trait]
impl Registry for OciRegistry {
    async fn check(&self) -> RegistryCheck {
        match self.greet().await {
            Ok(message) => RegistryCheck { ok: true, message, hint: None },
            Err(failure) => RegistryCheck { ok: false, message: failure.error.message, hint: failure.error.hint },
        }
    }

    async fn blob_exists(&self, repository: &str, digest: &str) -> Result<bool> {
        let image = self.reference(repository, "latest");
        self.authorise(&image, RegistryOperation::Push).await?;
        self.authorise(&image, RegistryOperation::Pull).await?;
        self.client
            .blob_exists(&image, digest)
            .await
            .map_err(|error| self.failed(&format!("ask for {}", short(digest)), error))
    }

    async fn push_blob(&self, repository: &str, blob: &PushBlob, sent: &(dyn Fn(u64) + Send + Sync)) -> Result<()> {
        let image = self.reference(repository, "latest");
        self.authorise(&image, RegistryOperation::Push).await?;
        let file = tokio::fs::File::open(&blob.path).await.map_err(|error| {
            let message = format!("{} can't be read to be pushed: {error}", blob.path.display());
            PortError::permanent(ErrorCode::Internal, message).with_hint("Build the package again.")
        })?;
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut total = 0;
        // A chunk is taken from the stream once the one before it was accepted.
        let chunks =
            ReaderStream::with_capacity(file, CHUNK_BYTES).map_err(OciDistributionError::from).inspect(move |chunk| {
                // The receiver lives as long as the push.
                let _ = sender.send(total);
                total += chunk.as_ref().map_or(0, |bytes| bytes.len() as u64);
            });
        let mut push = std::pin::pin!(self.client.push_blob_stream_chunked(&image, chunks.boxed()));
        let what = format!("push {}", short(&blob.digest));
        let answer = loop {
            tokio::select! {
                answer = &mut push => break answer.map_err(|error| self.failed(&what, error))?,
                Some(bytes) = receiver.recv() => sent(bytes),
            }
        };
        if answer.blob_digest != blob.digest {
            return Err(PortError::permanent(
                ErrorCode::Internal,
                format!("{} is damaged on this disk: its bytes are {}", short(&blob.digest), answer.blob_digest),
            )
            .with_hint("Build the package again."));
        }
        if !self.blob_exists(repository, &blob.digest).await? {
            return Err(wrong_digest(&self.address, &blob.digest, "nothing under it"));
        }
        sent(blob.size_bytes);
        Ok(())
    }

    async fn push_manifest(&self, repository: &str, tag: &str, manifest: &PushManifest) -> Result<()> {
        let image = self.reference(repository, tag);
        self.authorise(&image, RegistryOperation::Push).await?;
        let media_type = manifest.media_type.parse().map_err(|_| {
            PortError::permanent(ErrorCode::Internal, format!("\"{}\" is no media type", manifest.media_type))
        })?;
        let what = format!("push the manifest {repository}:{tag}");
        self.client
            .push_manifest_raw(&image, manifest.bytes.clone(), media_type)
            .await
            .map_err(|error| self.failed(&what, error))?;
        self.authorise(&image, RegistryOperation::Pull).await?;
        let auth = self.auth(&image, RegistryOperation::Pull).await?;
        let kept = self
            .client
            .fetch_manifest_digest(&image, &auth)
            .await
            .map_err(|error| self.failed(&format!("read {repository}:{tag} back"), error))?;
        if kept != manifest.digest {
            return Err(wrong_digest(&self.address, &manifest.digest, &kept));
        }
        Ok(())
    }

    fn credentials(&self) -> (Option<Credentials>, CredentialSource) {
        (self.credentials.clone(), self.source)
    }

    fn address(&self) -> &str {
        &self.address
    }
}

fn host_of(address: &str) -> &str {
    address.split('/').next().unwrap_or(address)
}

/// Enough of a digest for a person to tell two apart.
fn short(digest: &str) -> String {
    digest
        .strip_prefix("sha256:")
        .map_or_else(|| digest.to_owned(), |hex| format!("sha256:{}…", &hex[..hex.len().min(12)]))
}

fn wrong_digest(address: &str, expected: &str, found: &str) -> PortError {
    PortError::permanent(ErrorCode::Internal, format!("{address} keeps other bytes than were sent: expected {expected}, found {found}"))
        .with_hint("The registry, or a proxy before it, is damaged: what it has now must not be deployed. Push again, or to another registry.")
}

/// What failed, why, and the way out; and whether it may pass by itself.
fn failed(address: &str, what: &str, error: OciDistributionError) -> PortError {
    let cannot = format!("Can't {what} at {address}");
    let host = host_of(address);
    let forbidden = |reason: String| {
        PortError::permanent(ErrorCode::Forbidden, format!("{cannot}: {reason}"))
            .with_hint(format!(
                "Check the user and password for {host}, and that they may push there. `slipway registry password` gives others, \
                 as does Settings, Registries."
            ))
    };
    match told_by_registry(error) {
        OciDistributionError::RequestError(error) => http::failed(&cannot, error),
        OciDistributionError::UnauthorizedError { .. } => forbidden("it refuses our credentials (401)".to_owned()),
        OciDistributionError::AuthenticationFailure(reason) => {
            forbidden(format!("its sign-in service refuses: {reason}"))
        }
        OciDistributionError::RegistryError { envelope, .. } => {
            let reason = envelope
                .errors
                .iter()
                .map(|one| if one.message.is_empty() { format!("{:?}", one.code) } else { one.message.clone() })
                .collect::<Vec<_>>()
                .join("; ");
            let has = |code: OciErrorCode| envelope.errors.iter().any(|one| one.code == code);
            if has(OciErrorCode::Unauthorized) || has(OciErrorCode::Denied) {
                forbidden(reason)
            } else if has(OciErrorCode::Toomanyrequests) {
                PortError::temporary(ErrorCode::Unreachable, format!("{cannot}: {reason}"))
                    .with_hint("It limits requests: try again later.")
            } else if has(OciErrorCode::DigestInvalid) || has(OciErrorCode::SizeInvalid) {
                // The bytes were changed on the way, or the upload lost some: a new upload may pass.
                PortError::temporary(ErrorCode::Internal, format!("{cannot}: {reason}"))
                    .with_hint("The bytes that arrived have another digest than those sent; a proxy may change them.")
            } else if has(OciErrorCode::BlobUploadUnknown) || has(OciErrorCode::BlobUploadInvalid) {
                PortError::temporary(ErrorCode::Unreachable, format!("{cannot}: {reason}"))
            } else {
                PortError::permanent(ErrorCode::Invalid, format!("{cannot}: {reason}"))
                    .with_hint("The registry's log, or who runs it, knows more.")
            }
        }
        OciDistributionError::ServerError { code, message, .. } => {
            let message = message.trim();
            let reason =
                if message.is_empty() { format!("it answers {code}") } else { format!("it answers {code}: {message}") };
            match code {
                401 | 403 => forbidden(reason),
                429 | 500.. => PortError::temporary(ErrorCode::Unreachable, format!("{cannot}: {reason}"))
                    .with_hint("The registry has a fault of its own or is busy: look at its log."),
                413 => PortError::permanent(ErrorCode::NoSpace, format!("{cannot}: {reason}"))
                    .with_hint("Something before the registry limits the size of a request."),
                _ => PortError::permanent(ErrorCode::Invalid, format!("{cannot}: {reason}"))
                    .with_hint(format!("Is {address} the address of an OCI registry?")),
            }
        }
        OciDistributionError::IoError(error) => {
            PortError::temporary(ErrorCode::Unreachable, format!("{cannot}: {error}"))
        }
        other => PortError::permanent(ErrorCode::Invalid, format!("{cannot}: {other}"))
            .with_hint(format!("Is {address} the address of an OCI registry?")),
    }
}

/// The client reads the registry's own words for some calls only: for the others they are in the body.
fn told_by_registry(error: OciDistributionError) -> OciDistributionError {
    match error {
        OciDistributionError::ServerError { code, url, message } if (400..500).contains(&code) => {
            match serde_json::from_str::<OciEnvelope>(&message) {
                Ok(envelope) if !envelope.errors.is_empty() => OciDistributionError::RegistryError { envelope, url },
                _ => OciDistributionError::ServerError { code, url, message },
            }
        }
        other => other,
    }
}
