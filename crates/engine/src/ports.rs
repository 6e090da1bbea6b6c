//! The outside world as the engine sees it: registries, targets, stores of secrets.
//!
//! The traits here are all that the engine knows of external systems; `adapters` implements them,
//! and one behaviour suite per port runs against every adapter. Nothing here names a product.
//!
//! A failure says whether it may pass by itself ([`PortError::temporary`]): only those are retried.

use std::{fmt, path::PathBuf, sync::Arc};

use api::{
    ApiError, DeploymentId, ErrorCode,
    deploy::{Capability, DeploymentEvent, Instance, KubeContext, LogLines, ObjectDiff, TargetCheck, TargetKind},
    host::SecretBackend,
    package::RegistryCheck,
};
use async_trait::async_trait;

pub type Result<T> = std::result::Result<T, PortError>;

/// The step, planned or under way, of whoever needs a serving program that is still being built.
pub const AWAITS_PROGRAM: &str = "Wait until `cargo xtask run` has built the inference server";

/// What an external system refused or could not do, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct PortError {
    pub error: ApiError,
    /// It may pass by itself (a connection cut, a server that is busy): worth another try.
    pub temporary: bool,
}

impl PortError {
    pub fn permanent(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { error: ApiError::new(code, message), temporary: false }
    }

    pub fn temporary(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { error: ApiError::new(code, message), temporary: true }
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.error.hint = Some(hint.into());
        self
    }
}

impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        error.error
    }
}

/// A user and a password, as a registry takes them. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub username: String,
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Makes the adapters that a record names. One implementor outside of tests: `adapters::Outside`.
#[async_trait]
pub trait Adapters: Send + Sync {
    /// A registry; `password` is the one of the secret store. Without one, Docker's configuration
    /// is asked.
    async fn registry(&self, registry: &api::package::Registry, password: Option<String>) -> Result<Arc<dyn Registry>>;
    async fn target(&self, kind: &TargetKind) -> Result<Arc<dyn Target>>;
    /// The contexts of a kubeconfig; by default of `KUBECONFIG` or `~/.kube/config`.
    async fn contexts(&self, kubeconfig: Option<&str>) -> Result<Vec<KubeContext>>;
    async fn secrets(&self, backend: SecretBackend) -> Result<Arc<dyn SecretStore>>;
    /// Where secrets are kept if nobody chose: the keychain where it answers, else the file.
    async fn default_secret_backend(&self) -> SecretBackend;
    /// Whether the serving binary for images is being made now, so that asking for it takes minutes.
    async fn serving_image_is_being_built(&self) -> bool;
    /// The static serving binary for images (linux/amd64), awaited where it is being built; the error says how to
    /// get one.
    async fn serving_image_binary(&self) -> Result<PathBuf>;
}

/// An OCI registry with our credentials.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Asks whether it speaks the protocol and lets us in.
    async fn check(&self) -> RegistryCheck;
    async fn blob_exists(&self, repository: &str, digest: &str) -> Result<bool>;
    /// Streams a blob. `sent` is told the bytes so far. Errors where the registry keeps other bytes.
    async fn push_blob(&self, repository: &str, blob: &PushBlob, sent: &(dyn Fn(u64) + Send + Sync)) -> Result<()>;
    /// Names an image whose blobs are all there.
    async fn push_manifest(&self, repository: &str, tag: &str, manifest: &PushManifest) -> Result<()>;
    /// What a cluster needs to pull from it, and where the credentials came from.
    fn credentials(&self) -> (Option<Credentials>, CredentialSource);
    /// `host[:port]` and path prefix, without scheme: the first part of an image's reference.
    fn address(&self) -> &str;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialSource {
    SecretStore,
    DockerConfig,
    /// Of Docker's configuration: we can push with it, a cluster can't pull with it.
    IdentityToken,
    None,
}

impl fmt::Display for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SecretStore => "secret store",
            Self::DockerConfig => "Docker's config",
            Self::IdentityToken => "Docker's identity token",
            Self::None => "none",
        })
    }
}

/// A blob on this machine's disk.
#[derive(Debug, Clone)]
pub struct PushBlob {
    /// `sha256:…`.
    pub digest: String,
    pub size_bytes: u64,
    pub path: PathBuf,
}

#[derive(Debug, Clone)]
pub struct PushManifest {
    /// `sha256:…` of `bytes`.
    pub digest: String,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// What should run on a target: complete, so that an earlier one applied again is a roll back.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub deployment: DeploymentId,
    /// `[a-z0-9-]`, at most 40.
    pub name: String,
    pub model_name: String,
    pub version_number: u32,
    pub replicas: u32,
    pub cpu_millis: Option<u32>,
    pub memory_mb: Option<u32>,
    /// Share of requests that are logged; 0 logs nothing.
    pub log_share: f64,
    pub log_days: u32,
    /// Columns that are never logged, beside those that the model itself calls sensitive.
    pub not_logged: Vec<String>,
    pub create_namespace: bool,
    /// A fixed port on this machine.
    pub port: Option<u16>,
    /// For targets that need one.
    pub image: Option<Image>,
    /// The bundle's folder on this machine, for targets that need no image.
    pub bundle: Option<PathBuf>,
}

#[derive(Debug, Clone)]
pub struct Image {
    /// `host/repository@sha256:…`: the bytes, not a tag that may move.
    pub reference: String,
    /// "linux/amd64".
    pub platform: String,
    pub registry_address: String,
    pub credentials: Option<Credentials>,
}

/// What a target would do, seen by the target itself where it can dry-run.
#[derive(Debug, Clone, Default)]
pub struct TargetPlan {
    pub steps: Vec<String>,
    pub diff: Vec<ObjectDiff>,
    pub warnings: Vec<String>,
    pub blocked: Option<ApiError>,
}

/// Told what happens while a target works; each call is one line of the rollout.
pub trait Steps: Send + Sync {
    /// A new step begins; the one before it is done.
    fn begin(&self, title: &str, detail: &str);
    /// The step under way has news ("1 of 3 pods ready").
    fn detail(&self, detail: &str);
    /// Whether a person asked to stop.
    fn is_cancelled(&self) -> bool;
}

/// The two ports of a serving process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Predictions, health, `/metrics`.
    Serving,
    /// The request log; reached from inside only.
    Control,
}

/// A place that models run on.
///
/// `apply` is declarative and idempotent: applied again after a crash it goes on. Rolling back is
/// applying what was wanted before.
#[async_trait]
pub trait Target: Send + Sync {
    fn capability(&self) -> Capability;
    async fn check(&self) -> Result<TargetCheck>;
    async fn plan(&self, wanted: &Wanted) -> Result<TargetPlan>;
    async fn apply(&self, wanted: &Wanted, steps: &dyn Steps) -> Result<()>;
    /// Returns once all instances of the version answer; errs with the target's own reason.
    async fn wait(&self, wanted: &Wanted, steps: &dyn Steps) -> Result<()>;
    /// Brings back what should run and doesn't (a reboot, a crash), where the target doesn't itself.
    /// `true` if something was started.
    async fn keep(&self, wanted: &Wanted) -> Result<bool>;
    async fn scale(&self, wanted: &Wanted, replicas: u32) -> Result<()>;
    async fn instances(&self, deployment: DeploymentId, name: &str) -> Result<Vec<Instance>>;
    /// Where it answers, as told to people: `http://127.0.0.1:41207`, or the name in the cluster.
    async fn address(&self, deployment: DeploymentId, name: &str) -> Result<Option<String>>;
    /// The newest lines, oldest first; of every instance where none is named.
    async fn logs(
        &self,
        deployment: DeploymentId,
        name: &str,
        instance: Option<&str>,
        lines: u32,
    ) -> Result<Vec<String>> {
        Ok(self.logs_after(deployment, name, instance, None, lines).await?.lines)
    }
    /// All that came after an earlier answer's `end`, which only the adapter reads; without one, the newest
    /// `lines`.
    async fn logs_after(
        &self,
        deployment: DeploymentId,
        name: &str,
        instance: Option<&str>,
        after: Option<&str>,
        lines: u32,
    ) -> Result<LogLines>;
    /// What happened to the deployment and its instances, those that are gone included, as far back as the target
    /// remembers; newest first.
    async fn events(&self, deployment: DeploymentId, name: &str) -> Result<Vec<DeploymentEvent>>;
    /// Idempotent: deleting what is gone succeeds.
    async fn delete(&self, deployment: DeploymentId, name: &str) -> Result<()>;
    /// A way to one instance, by default to any that is ready. It closes when dropped.
    async fn connect(
        &self,
        deployment: DeploymentId,
        name: &str,
        instance: Option<&str>,
        port: Port,
    ) -> Result<Box<dyn Connection>>;
}

/// A way to one instance's port.
#[async_trait]
pub trait Connection: Send + Sync {
    /// `http://127.0.0.1:PORT`, good while this lives.
    fn address(&self) -> String;
    /// "port-forward to pod fraud-7c…", "process 4711".
    fn through(&self) -> String;
    fn instance(&self) -> String;
    /// One HTTP exchange; any status is an answer, an error is a connection that failed.
    async fn send(&self, request: HttpRequest) -> Result<HttpAnswer>;
}

/// A request to a serving process. The adapter adds its token where one is needed.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// With its leading slash and query.
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    /// A body makes it a POST.
    pub body: Option<Vec<u8>>,
}

#[derive(Debug, Clone)]
pub struct HttpAnswer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl HttpAnswer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Where secrets are kept: values go in and come out by name, and are never listed.
#[async_trait]
pub trait SecretStore: Send + Sync {
    fn backend(&self) -> SecretBackend;
    /// Errs with the reason and the way out where the store can't be reached.
    async fn check(&self) -> Result<()>;
    async fn get(&self, name: &str) -> Result<Option<String>>;
    async fn set(&self, name: &str, value: &str) -> Result<()>;
    /// Deleting what isn't there succeeds.
    async fn delete(&self, name: &str) -> Result<()>;
}
