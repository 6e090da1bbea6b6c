//! Everything outside, as the engine asks for it: which adapter a record names.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use api::{
    ErrorCode,
    deploy::{KubeContext, TargetKind},
    host::SecretBackend,
};
use async_trait::async_trait;
use engine::ports::{Adapters, PortError, Registry, Result, SecretStore, Target};

use crate::{
    docker_config::DockerConfig,
    kubernetes::{self, Kubernetes},
    oci::OciRegistry,
    secrets::{AgeFile, Keychain},
    this_machine::ThisMachine,
};

/// A build from source makes the serving program last; whoever needs it first waits this long.
pub(crate) const BUILD_PATIENCE: Duration = Duration::from_secs(20 * 60);

/// What mends a serving program of images that is missing.
const IMAGE_HINT: &str = if cfg!(all(target_os = "linux", not(target_arch = "x86_64"))) {
    "Install a linker for it (Debian: `apt-get install gcc-x86-64-linux-gnu libc6-dev-amd64-cross`), then `cargo xtask \
     build` makes it. SLIPWAY_SERVING_IMAGE names one that was made elsewhere."
} else {
    "On Linux `cargo xtask build` makes it; an installed Slipway brings it along. SLIPWAY_SERVING_IMAGE names one."
};

/// What the caller found in its surroundings. The adapters read no environment of their own, but for
/// the proxies and what a kubeconfig's plugins need.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    pub workspace: PathBuf,
    /// `slipway-serving` for this machine.
    pub serving_program: Option<PathBuf>,
    /// The static one for images, linux/amd64.
    pub serving_image_binary: Option<PathBuf>,
    pub home: Option<PathBuf>,
    /// The folder of Docker's `config.json`: `DOCKER_CONFIG`, or `~/.docker`.
    pub docker_config: Option<PathBuf>,
    /// `KUBECONFIG`.
    pub kubeconfig: Option<OsString>,
    /// `PATH`, for a kubeconfig's plugins.
    pub path: Option<OsString>,
    /// `SLIPWAY_SECRETS_KEY`: the key of the encrypted file.
    pub secrets_key: Option<String>,
}

impl Surroundings {
    /// Reads the environment, and looks for the serving programs beside `program` (this process's
    /// own) and where an installation keeps them.
    pub fn of(workspace: &Path, program: &Path) -> Self {
        let home = std::env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(PathBuf::from);
        let beside = |name: &str, variable: &str| {
            let named = std::env::var_os(variable).map(PathBuf::from);
            let folder = program.parent().unwrap_or(Path::new("."));
            let file = format!("{name}{}", if name == "slipway-serving" { std::env::consts::EXE_SUFFIX } else { "" });
            let places = [
                folder.join(&file),
                folder.join("../lib/slipway").join(&file),
                folder.join("../Resources").join(&file),
            ];
            // A build from source names it before it is there.
            named.or_else(|| places.into_iter().find(|place| place.is_file() || is_being_built(place)))
        };
        Self {
            workspace: workspace.to_owned(),
            serving_program: beside("slipway-serving", "SLIPWAY_SERVING"),
            // On linux/amd64 our own serving program is the static one.
            serving_image_binary: beside("slipway-serving-linux-amd64", "SLIPWAY_SERVING_IMAGE").or_else(|| {
                cfg!(all(target_os = "linux", target_arch = "x86_64"))
                    .then(|| beside("slipway-serving", "SLIPWAY_SERVING"))
                    .flatten()
            }),
            docker_config: std::env::var_os("DOCKER_CONFIG")
                .map(PathBuf::from)
                .or_else(|| home.as_ref().map(|home| home.join(".docker"))),
            home,
            kubeconfig: std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()),
            path: std::env::var_os("PATH"),
            secrets_key: std::env::var("SLIPWAY_SECRETS_KEY").ok().filter(|key| !key.is_empty()),
        }
    }
}

/// The engine's [`Adapters`].
pub struct Outside {
    surroundings: Surroundings,
    file: AgeFile,
    sessions: kubernetes::Sessions,
}

impl Outside {
    pub fn new(surroundings: Surroundings) -> Self {
        crate::http::install_provider();
        let file = AgeFile::new(&surroundings.workspace, surroundings.secrets_key.clone());
        Self { surroundings, file, sessions: kubernetes::Sessions::default() }
    }
}

#[async_trait]
impl Adapters for Outside {
    async fn registry(&self, registry: &api::package::Registry, password: Option<String>) -> Result<Arc<dyn Registry>> {
        let (registry, docker) = (registry.clone(), DockerConfig::of(&self.surroundings));
        // Docker's credential helpers are programs that are waited for.
        let made = tokio::task::spawn_blocking(move || OciRegistry::new(&registry, password, docker.as_ref())).await;
        let made = made.map_err(|error| PortError::permanent(ErrorCode::Internal, error.to_string()))??;
        Ok(Arc::new(made))
    }

    async fn target(&self, kind: &TargetKind) -> Result<Arc<dyn Target>> {
        match kind {
            TargetKind::ThisMachine => {
                Ok(Arc::new(ThisMachine::new(&self.surroundings.workspace, self.surroundings.serving_program.clone())?))
            }
            TargetKind::Kubernetes { kubeconfig, context, namespace, .. } => {
                let places = kubernetes::Places::new(kubeconfig.as_deref(), &self.surroundings);
                let session = self.sessions.get(kubeconfig.as_deref(), &places, context).await?;
                Ok(Arc::new(Kubernetes::within(session, context, namespace)))
            }
        }
    }

    async fn contexts(&self, kubeconfig: Option<&str>) -> Result<Vec<KubeContext>> {
        kubernetes::contexts(&kubernetes::Places::new(kubeconfig, &self.surroundings))
    }

    async fn secrets(&self, backend: SecretBackend) -> Result<Arc<dyn SecretStore>> {
        Ok(match backend {
            SecretBackend::Keychain => Arc::new(Keychain),
            SecretBackend::File => Arc::new(self.file.clone()),
        })
    }

    async fn default_secret_backend(&self) -> SecretBackend {
        match Keychain.check().await {
            Ok(()) => SecretBackend::Keychain,
            Err(_) => SecretBackend::File,
        }
    }

    async fn serving_image_is_being_built(&self) -> bool {
        self.surroundings.serving_image_binary.as_deref().is_some_and(is_being_built)
    }

    async fn serving_image_binary(&self) -> Result<PathBuf> {
        if let Some(path) = &self.surroundings.serving_image_binary {
            await_built(path, BUILD_PATIENCE, || false).await;
        }
        match &self.surroundings.serving_image_binary {
            Some(path) if path.is_file() => Ok(path.clone()),
            _ => Err(PortError::permanent(
                ErrorCode::Unsupported,
                "Images can't be built here: the serving program for linux/amd64 is missing",
            )
            .with_hint(IMAGE_HINT)),
        }
    }
}

/// Waits while a program is being made, until `stop` says that nobody wants it any more.
pub(crate) async fn await_built(program: &Path, patience: Duration, stop: impl Fn() -> bool) {
    let until = tokio::time::Instant::now() + patience;
    while is_being_built(program) && !stop() && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A build from source holds a lock on `NAME.building` beside it while the program is being made. A build that was
/// killed leaves the file, but no lock.
pub(crate) fn is_being_built(program: &Path) -> bool {
    let mut mark = program.as_os_str().to_owned();
    mark.push(".building");
    let Ok(file) = std::fs::File::open(mark) else { return false };
    matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_serving_program_for_images_what_mends_it_is_named() {
        let error = Outside::new(Surroundings::default()).serving_image_binary().await.unwrap_err();
        assert_eq!(error.error.code, ErrorCode::Unsupported);
        let hint = error.error.hint.unwrap();
        assert!(hint.contains("xtask build") && hint.contains("SLIPWAY_SERVING_IMAGE"), "{hint}");
        let needs_linker = cfg!(all(target_os = "linux", not(target_arch = "x86_64")));
        assert_eq!(hint.contains("gcc-x86-64-linux-gnu"), needs_linker, "{hint}");
    }

    #[tokio::test]
    async fn a_program_for_images_that_is_being_built_is_told_from_one_that_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("slipway-serving-linux-amd64");
        let mark = std::fs::File::create(folder.path().join("slipway-serving-linux-amd64.building")).unwrap();
        let outside =
            Outside::new(Surroundings { serving_image_binary: Some(program.clone()), ..Surroundings::default() });
        assert!(!outside.serving_image_is_being_built().await, "a killed build");
        mark.lock().unwrap();
        assert!(outside.serving_image_is_being_built().await);
        std::fs::write(&program, "").unwrap();
        drop(mark);
        assert!(!outside.serving_image_is_being_built().await);
        assert_eq!(outside.serving_image_binary().await.unwrap(), program);
    }

    #[tokio::test]
    async fn a_build_that_was_killed_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("slipway-serving");
        let mark = std::fs::File::create(folder.path().join("slipway-serving.building")).unwrap();
        let wait = |patience| await_built(&program, patience, || false);
        let soon = Duration::from_secs(20);
        tokio::time::timeout(soon, wait(Duration::from_secs(3600))).await.expect("nobody builds");

        mark.lock().unwrap();
        let patience = Duration::from_millis(300);
        let started = std::time::Instant::now();
        wait(patience).await;
        assert!(started.elapsed() >= patience, "a build under way is waited for");
        let stopped = await_built(&program, Duration::from_secs(3600), || true);
        tokio::time::timeout(soon, stopped).await.expect("nobody wants it any more");
        drop(mark);
        tokio::time::timeout(soon, wait(Duration::from_secs(3600))).await.expect("the build has ended");
    }
}
