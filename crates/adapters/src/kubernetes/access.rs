//! The way to a cluster: kubeconfig, context, and the programs that a kubeconfig signs in with.

use std::{
    collections::HashMap,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use api::{ErrorCode, deploy::KubeContext};
use engine::ports::{PortError, Result};
use kube::{
    Client, Config,
    config::{ExecConfig, ExecInteractiveMode, KubeConfigOptions, Kubeconfig},
};

use crate::{kubernetes::reasons, outside::Surroundings, programs};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Where kubeconfigs and sign-in programs are looked for.
#[derive(Debug, Clone)]
pub struct Places {
    /// Merged in this order, as `KUBECONFIG` says.
    files: Vec<PathBuf>,
    /// The user named the file: then it must be there.
    named: bool,
    path: OsString,
}

impl Places {
    /// `kubeconfig` as the person named it; by default `KUBECONFIG` or `~/.kube/config`.
    pub fn new(kubeconfig: Option<&str>, surroundings: &Surroundings) -> Self {
        let home = surroundings.home.as_deref();
        let (files, named) = match (kubeconfig, &surroundings.kubeconfig) {
            (Some(text), _) => (vec![expand(text, home)], true),
            (None, Some(list)) => {
                (std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect(), false)
            }
            (None, None) => (home.map(|home| home.join(".kube").join("config")).into_iter().collect(), false),
        };
        Self { files, named, path: programs::search_path(surroundings.path.as_deref(), home) }
    }

    /// Changes when a kubeconfig does: each file's size and when it was written, `None` where there is none.
    pub(crate) fn stamp(&self) -> Vec<(PathBuf, Option<(u64, SystemTime)>)> {
        let of = |file: &PathBuf| {
            let known = std::fs::metadata(file).ok();
            (file.clone(), known.and_then(|known| Some((known.len(), known.modified().ok()?))))
        };
        self.files.iter().map(of).collect()
    }

    fn read(&self) -> Result<(Kubeconfig, Vec<PathBuf>)> {
        let mut merged: Option<Kubeconfig> = None;
        let mut read = Vec::new();
        for file in &self.files {
            if !file.exists() && !self.named {
                continue;
            }
            let next = Kubeconfig::read_from(file).map_err(|error| self.unreadable(file, &error))?;
            read.push(file.clone());
            merged = Some(match merged {
                None => next,
                Some(before) => before.merge(next).map_err(|error| self.unreadable(file, &error))?,
            });
        }
        merged.map(|config| (config, read)).ok_or_else(|| {
            let looked: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
            PortError::permanent(
                ErrorCode::NotFound,
                format!("There is no kubeconfig: looked for {}", looked.join(", ")),
            )
            .with_hint("Get one from your cluster's provider, or name the file.")
        })
    }

    fn unreadable(&self, file: &Path, error: &kube::config::KubeconfigError) -> PortError {
        PortError::permanent(
            ErrorCode::Invalid,
            format!("The kubeconfig {} can't be read: {}", file.display(), crate::http::reasons(error)),
        )
        .with_hint("`kubectl config view --kubeconfig FILE` shows the same fault.")
    }
}

/// Every context, the current one first.
pub fn contexts(places: &Places) -> Result<Vec<KubeContext>> {
    if !places.named && !places.files.iter().any(|file| file.exists()) {
        return Ok(Vec::new());
    }
    let (config, files) = places.read()?;
    let shown = files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ");
    let server = |name: &str| {
        let named = config.clusters.iter().find(|cluster| cluster.name == name);
        named.and_then(|cluster| cluster.cluster.as_ref()?.server.clone()).unwrap_or_default()
    };
    let mut found: Vec<KubeContext> = config
        .contexts
        .iter()
        .filter_map(|named| {
            let context = named.context.as_ref()?;
            Some(KubeContext {
                name: named.name.clone(),
                cluster: context.cluster.clone(),
                server: server(&context.cluster),
                user: context.user.clone().unwrap_or_default(),
                namespace: context.namespace.clone(),
                current: config.current_context.as_ref() == Some(&named.name),
                kubeconfig: shown.clone(),
            })
        })
        .collect();
    found.sort_by_key(|context| !context.current);
    Ok(found)
}

/// What one sign-in to a cluster is good for.
pub(crate) struct Session {
    /// Every request must be answered in time.
    pub(crate) requests: Client,
    /// For port-forwards, which are silent for as long as they like.
    pub(crate) streams: Client,
    /// To our end of a port-forward.
    pub(crate) http: reqwest::Client,
    refused: AtomicBool,
}

impl Session {
    /// Hears how a request failed: a token may be over, a certificate exchanged.
    pub(crate) fn note(&self, error: &kube::Error) {
        let refused = match error {
            kube::Error::Api(status) => status.code == 401,
            kube::Error::Auth(_) => true,
            other => crate::http::find::<rustls::Error>(other).is_some(),
        };
        if refused {
            self.refused.store(true, Ordering::Relaxed);
        }
    }

    /// Whether signing in anew may help.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Signs in lazily: the first request shows whether the cluster answers.
pub(crate) async fn connect(places: &Places, context: &str) -> Result<Session> {
    crate::http::install_provider();
    let (mut kubeconfig, files) = places.read()?;
    let cannot = format!("Can't use the context {context}");
    if !kubeconfig.contexts.iter().any(|named| named.name == context) {
        let names: Vec<&str> = kubeconfig.contexts.iter().map(|named| named.name.as_str()).collect();
        return Err(PortError::permanent(ErrorCode::NotFound, format!("The kubeconfig has no context {context}"))
            .with_hint(format!("It has: {}.", names.join(", "))));
    }
    let folder = files.first().and_then(|file| file.parent()).unwrap_or(Path::new("/")).to_owned();
    let user = kubeconfig
        .contexts
        .iter()
        .find(|named| named.name == context)
        .and_then(|named| named.context.as_ref()?.user.clone());
    for named in &mut kubeconfig.auth_infos {
        // Only the chosen user's program must be there.
        if Some(&named.name) == user.as_ref()
            && let Some(exec) = named.auth_info.as_mut().and_then(|info| info.exec.as_mut())
        {
            find_program(exec, &places.path, &folder)?;
        }
    }
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(|error| {
        PortError::permanent(ErrorCode::Invalid, format!("{cannot}: {}", crate::http::reasons(&error)))
            .with_hint("The kubeconfig names something that isn't there.")
    })?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    let mut bounded = config.clone();
    bounded.read_timeout = Some(READ_TIMEOUT);
    bounded.reset_reader_on_write = true;
    // Signing in runs the plugin, which may take its time.
    let made = tokio::task::spawn_blocking(move || Ok((Client::try_from(bounded)?, Client::try_from(config)?))).await;
    let made: std::result::Result<_, kube::Error> =
        made.map_err(|error| PortError::permanent(ErrorCode::Internal, error.to_string()))?;
    let (requests, streams) = made.map_err(|error| reasons::failed(&cannot, error))?;
    Ok(Session { requests, streams, http: crate::http::loopback()?, refused: AtomicBool::new(false) })
}

/// Gives the plugin an absolute path and the longer `PATH`, and takes its messages from it.
fn find_program(exec: &mut ExecConfig, path: &OsString, folder: &Path) -> Result<()> {
    let command = exec.command.clone().unwrap_or_default();
    let found = if Path::new(&command).components().count() > 1 {
        // Relative to the kubeconfig, as kubectl takes it.
        Some(folder.join(&command)).filter(|file| file.is_file())
    } else {
        programs::find(path, &command)
    };
    let Some(found) = found else {
        let hint = exec.install_hint.clone().unwrap_or_else(|| format!("Install {command}, or put it on the PATH."));
        return Err(PortError::permanent(
            ErrorCode::NotFound,
            format!("The kubeconfig signs in with the program {command}, which can't be found"),
        )
        .with_hint(hint));
    };
    exec.command = Some(found.to_string_lossy().into_owned());
    let variables = exec.env.get_or_insert_default();
    if !variables.iter().any(|variable| variable.get("name").is_some_and(|name| name == "PATH")) {
        let entry = [("name", "PATH".to_owned()), ("value", path.to_string_lossy().into_owned())];
        variables.push(entry.map(|(key, value)| (key.to_owned(), value)).into_iter().collect::<HashMap<_, _>>());
    }
    if exec.interactive_mode != Some(ExecInteractiveMode::Always) {
        // The host has no terminal; what the program says is for our error.
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    Ok(())
}

fn expand(text: &str, home: Option<&Path>) -> PathBuf {
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
current-context: two
clusters:
- {name: a, cluster: {server: 'https://127.0.0.1:1'}}
users:
- {name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, installHint: Install it from there.}}}
contexts:
- {name: one, context: {cluster: a, user: u}}
- {name: two, context: {cluster: a, user: u, namespace: models}}
";

    fn places(text: &str) -> (tempfile::TempDir, Places) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, text).unwrap();
        let places = Places::new(file.to_str(), &Surroundings::default());
        (folder, places)
    }

    #[test]
    fn contexts_are_listed_with_the_current_one_first() {
        let (_folder, places) = places(KUBECONFIG);
        let found = contexts(&places).unwrap();
        assert_eq!(found.iter().map(|context| context.name.as_str()).collect::<Vec<_>>(), ["two", "one"]);
        assert_eq!(found[0].namespace.as_deref(), Some("models"));
        assert_eq!(found[0].server, "https://127.0.0.1:1");
    }

    #[tokio::test]
    async fn a_missing_plugin_is_named_with_its_own_hint() {
        let (_folder, places) = places(KUBECONFIG);
        let error = connect(&places, "one").await.err().unwrap();
        assert!(error.error.message.contains("no-such-plugin"), "{error}");
        assert_eq!(error.error.hint.as_deref(), Some("Install it from there."));
    }

    /// A program that only the usual folders have, as for an app that was not started from a shell.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_plugin_that_the_path_lacks_is_found_in_the_usual_folders_and_signs_in() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let (bin, ran) = (home.path().join(".local/bin"), home.path().join("ran"));
        std::fs::create_dir_all(&bin).unwrap();
        let script = format!(
            "#!/bin/sh\necho \"$PATH $KUBERNETES_EXEC_INFO\" >> {}\n\
             echo '{{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \
             \"status\": {{\"token\": \"t\"}}}}'\n",
            ran.display()
        );
        std::fs::write(bin.join("slipway-test-sign-in"), script).unwrap();
        std::fs::set_permissions(bin.join("slipway-test-sign-in"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let file = home.path().join("config");
        std::fs::write(&file, KUBECONFIG.replace("no-such-plugin", "slipway-test-sign-in")).unwrap();
        let of = |home: &Path| Surroundings {
            home: Some(home.to_owned()),
            path: Some("/nowhere".into()),
            ..Surroundings::default()
        };
        let places = Places::new(file.to_str(), &of(home.path()));
        connect(&places, "one").await.map(drop).unwrap();
        let ran = std::fs::read_to_string(&ran).unwrap();
        assert!(ran.contains("/nowhere:") && ran.contains(bin.to_str().unwrap()), "it has the longer path: {ran}");
        assert!(ran.contains("\"interactive\":false"), "the host has no terminal: {ran}");

        // Nobody else's home is looked into.
        let other = tempfile::tempdir().unwrap();
        let error = connect(&Places::new(file.to_str(), &of(other.path())), "one").await.err().unwrap();
        assert!(error.error.message.contains("slipway-test-sign-in"), "{error}");
    }

    #[tokio::test]
    async fn an_unknown_context_lists_those_that_are_there() {
        let (_folder, places) = places(KUBECONFIG);
        let error = connect(&places, "three").await.err().unwrap();
        assert!(error.error.hint.unwrap().contains("one, two"));
    }

    #[test]
    fn a_broken_kubeconfig_is_named_and_a_missing_default_is_none() {
        let (folder, places) = places("contexts: [");
        let error = contexts(&places).unwrap_err();
        assert!(error.error.message.contains(&folder.path().join("config").display().to_string()));
        let home = tempfile::tempdir().unwrap();
        let surroundings = Surroundings { home: Some(home.path().to_owned()), ..Surroundings::default() };
        assert_eq!(contexts(&Places::new(None, &surroundings)).unwrap(), []);
    }
}
