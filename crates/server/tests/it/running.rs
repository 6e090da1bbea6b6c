//! A server over a real engine in a folder of its own; nothing outside of this machine is reached.

use std::{path::PathBuf, sync::Arc, time::Duration};

use api::{
    ErrorCode,
    deploy::{KubeContext, TargetKind},
    host::SecretBackend,
};
use async_trait::async_trait;
use engine::{
    Engine, Mode, Options,
    clock::SystemClock,
    ports::{Adapters, PortError, Registry, Result, SecretStore, Target},
};
use server::{Host, access::Access, activity::Activity};
use tokio_util::sync::CancellationToken;

/// How long a client may stand still: longer than any does on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A machine with nothing outside.
struct Nothing;

fn nothing<T>() -> Result<T> {
    Err(PortError::permanent(ErrorCode::Unsupported, "There is nothing outside in this test."))
}

#[async_trait]
impl Adapters for Nothing {
    async fn registry(&self, _: &api::package::Registry, _: Option<String>) -> Result<Arc<dyn Registry>> {
        nothing()
    }
    async fn target(&self, _: &TargetKind) -> Result<Arc<dyn Target>> {
        nothing()
    }
    async fn contexts(&self, _: Option<&str>) -> Result<Vec<KubeContext>> {
        nothing()
    }
    async fn secrets(&self, _: SecretBackend) -> Result<Arc<dyn SecretStore>> {
        nothing()
    }
    async fn default_secret_backend(&self) -> SecretBackend {
        SecretBackend::File
    }
    async fn serving_image_is_being_built(&self) -> bool {
        false
    }
    async fn serving_image_binary(&self) -> Result<PathBuf> {
        nothing()
    }
}

pub(crate) struct Running {
    pub(crate) host: Host,
    pub(crate) address: String,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) http: reqwest::Client,
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::patient(PATIENCE).await
    }

    /// One where a body may stand still for so long.
    pub(crate) async fn patient(patience: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A second call finds the provider of the first test.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = Options {
            mode: Mode::Host,
            clock: Arc::new(SystemClock),
            adapters: Arc::new(Nothing),
            version: "0.0.0".to_owned(),
            command: "test".to_owned(),
            lock_held: false,
            samples: None,
            documents: None,
            workers: Vec::new(),
            program: None,
            open_files: None,
            mounts: None,
        };
        let workspace = engine::workspace::Workspace::at(folder.path().join("workspace"));
        let engine = Engine::open(workspace, options).await.unwrap();
        let listener = server::listen(0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let pages = folder.path().join("ui");
        std::fs::create_dir_all(&pages).unwrap();
        let host = Host {
            engine,
            access: Arc::new(Access::new().unwrap()),
            activity: Arc::new(Activity::default()),
            port,
            staging: folder.path().join("uploads"),
            patience,
            write_patience: PATIENCE,
            room: server::sending::Room::default(),
            connections: server::CONNECTIONS,
            pages: Some(pages),
            ending: CancellationToken::new(),
        };
        tokio::spawn(server::serve(listener, host.clone()));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { host, address: format!("http://127.0.0.1:{port}"), folder, http }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    pub(crate) fn token(&self) -> &str {
        self.host.access.host_token()
    }

    /// A call of a method that every engine has.
    pub(crate) fn call(&self) -> reqwest::RequestBuilder {
        self.http.post(self.url("/api/call")).json(&serde_json::json!({"method": "job.list", "params": {}}))
    }
}
