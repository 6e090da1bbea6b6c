//! Docker's `config.json`: credentials that the user's other tools already have.
//!
//! Read only. `auths` holds base64 of `user:password`; `credHelpers` (per registry) and `credsStore`
//! name a program that is asked by Docker's credential protocol. Either may give an identity token
//! instead of a password: good for an OAuth exchange with the registry's sign-in service only.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use api::ErrorCode;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use engine::ports::{Credentials, PortError, Result};
use serde::Deserialize;

use crate::{outside::Surroundings, programs};

/// A helper may ask the person first; nobody waits longer for an answer.
const HELPER_TIMEOUT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ConfigFile {
    auths: BTreeMap<String, Auth>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// What Docker's configuration has for a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Found {
    Password(Credentials),
    IdentityToken(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// Where Docker's configuration is, and its helpers are looked for.
#[derive(Debug, Clone, Default)]
pub struct DockerConfig {
    /// `DOCKER_CONFIG`, or `~/.docker`.
    pub folder: PathBuf,
    pub path: OsString,
}

impl DockerConfig {
    /// `None` where there is no folder to look in.
    pub fn of(surroundings: &Surroundings) -> Option<Self> {
        let path = programs::search_path(surroundings.path.as_deref(), surroundings.home.as_deref());
        Some(Self { folder: surroundings.docker_config.clone()?, path })
    }
}

/// The credentials for `host[:port]`, if Docker's configuration has some that we can use.
///
/// A damaged file or a helper that fails counts as none: it is not our file to complain about. A helper that hangs is
/// an error, since what it would have said may be needed.
pub fn credentials(docker: &DockerConfig, host: &str) -> Result<Option<Found>> {
    let Ok(text) = std::fs::read_to_string(docker.folder.join("config.json")) else { return Ok(None) };
    let config: ConfigFile = match serde_json::from_str(&text) {
        Ok(config) => config,
        Err(error) => {
            tracing::warn!(%error, folder = %docker.folder.display(), "Docker's config.json can't be read");
            return Ok(None);
        }
    };
    let keys = keys_of(host);
    for key in &keys {
        if let Some(helper) = config.cred_helpers.get(key) {
            return ask(docker, helper, key, HELPER_TIMEOUT);
        }
    }
    for (name, auth) in &config.auths {
        if keys.iter().any(|key| key == name || same_host(name, key))
            && let Some(found) = decode(auth)
        {
            return Ok(Some(found));
        }
    }
    let Some(helper) = config.creds_store else { return Ok(None) };
    for key in &keys {
        if let Some(found) = ask(docker, &helper, key, HELPER_TIMEOUT)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Docker Hub is known by its historic address.
fn keys_of(host: &str) -> Vec<String> {
    let mut keys = vec![host.to_owned()];
    if matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io") {
        keys.push("https://index.docker.io/v1/".to_owned());
        keys.push("index.docker.io".to_owned());
    }
    keys
}

/// `https://host/v2/` and `host` are one.
fn same_host(name: &str, host: &str) -> bool {
    let bare = name.trim_start_matches("https://").trim_start_matches("http://");
    bare.split('/').next() == Some(host)
}

fn decode(auth: &Auth) -> Option<Found> {
    if let Some(token) = auth.identitytoken.as_ref().filter(|token| !token.is_empty()) {
        return Some(Found::IdentityToken(token.clone()));
    }
    let password = |username: &str, password: &str| {
        Found::Password(Credentials { username: username.to_owned(), password: password.to_owned() })
    };
    if let (Some(username), Some(secret)) = (&auth.username, &auth.password) {
        return Some(password(username, secret));
    }
    let bytes = BASE64_STANDARD.decode(auth.auth.as_deref()?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (username, secret) = text.split_once(':')?;
    (!username.is_empty()).then(|| password(username, secret))
}

fn ask(docker: &DockerConfig, helper: &str, key: &str, patience: Duration) -> Result<Option<Found>> {
    let name = format!("docker-credential-{helper}");
    let Some(program) = programs::find(&docker.path, &name) else {
        tracing::warn!(name, "Docker's credential helper can't be found");
        return Ok(None);
    };
    let answer = match told(&program, &docker.path, key, patience) {
        Ok(answer) => answer,
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            let seconds = patience.as_secs();
            let said = format!("Docker's credential helper {name} did not answer for {key} within {seconds} s.");
            return Err(PortError::permanent(ErrorCode::Unreachable, said).with_hint(format!(
                "See what it waits for (`echo {key} | {name} get`), or give a password with `slipway registry password`.",
            )));
        }
        Err(error) => {
            tracing::warn!(%error, name, "Docker's credential helper can't be asked");
            return Ok(None);
        }
    };
    let helped: Option<Helped> = answer.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    // By Docker's convention this user announces an identity token.
    Ok(helped.map(|helped| {
        if helped.username == "<token>" {
            Found::IdentityToken(helped.secret)
        } else {
            Found::Password(Credentials { username: helped.username, password: helped.secret })
        }
    }))
}

/// What a helper answers for a key; `None` where it fails. One that is not done in time is ended: `TimedOut`.
fn told(program: &Path, path: &OsStr, key: &str, patience: Duration) -> io::Result<Option<Vec<u8>>> {
    let until = Instant::now() + patience;
    let mut child = Command::new(program)
        .env("PATH", path)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that doesn't read says by its exit what it makes of that.
        let _ = stdin.write_all(key.as_bytes());
    }
    let (sender, answer) = mpsc::channel();
    if let Some(mut stdout) = child.stdout.take() {
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.read_to_end(&mut bytes).map(|_| bytes);
            let _ = sender.send(read);
        });
    }
    let answer = answer.recv_timeout(patience);
    loop {
        if let Some(status) = child.try_wait()? {
            let bytes = answer.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            return Ok(status.success().then_some(bytes));
        }
        if Instant::now() >= until {
            let _ = child.kill();
            let _ = child.wait();
            return Err(io::ErrorKind::TimedOut.into());
        }
        thread::sleep(LOOK_AGAIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), text).unwrap();
        folder
    }

    fn found(folder: &tempfile::TempDir, host: &str) -> Option<Found> {
        let path = folder.path().as_os_str().to_owned();
        credentials(&DockerConfig { folder: folder.path().to_owned(), path }, host).unwrap()
    }

    fn password(folder: &tempfile::TempDir, host: &str) -> Option<(String, String)> {
        match found(folder, host)? {
            Found::Password(found) => Some((found.username, found.password)),
            Found::IdentityToken(_) => None,
        }
    }

    #[test]
    fn an_identity_token_comes_before_the_empty_password_beside_it() {
        let folder = folder_with(r#"{"auths":{"r.example":{"auth":"MDAwMDo=","identitytoken":"refresh"}}}"#);
        assert!(matches!(found(&folder, "r.example"), Some(Found::IdentityToken(token)) if token == "refresh"));
    }

    #[test]
    fn base64_of_user_and_password_is_read_for_that_host_only() {
        let folder =
            folder_with(r#"{"auths":{"https://registry.example:5000/v2/":{"auth":"YW5uOnB3OjE="},"other":{}}}"#);
        assert_eq!(password(&folder, "registry.example:5000"), Some(("ann".to_owned(), "pw:1".to_owned())));
        assert!(found(&folder, "registry.example").is_none());
        assert!(found(&folder, "other").is_none());
    }

    #[test]
    fn docker_hub_is_found_by_its_historic_address() {
        let folder = folder_with(r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"}}}"#);
        assert_eq!(password(&folder, "docker.io"), Some(("a".to_owned(), "b".to_owned())));
    }

    #[test]
    fn a_damaged_file_and_a_missing_helper_are_none() {
        assert!(found(&folder_with("{"), "h").is_none());
        let folder = folder_with(r#"{"credHelpers":{"h":"that-does-not-exist"}}"#);
        assert!(found(&folder, "h").is_none());
    }

    /// A helper is asked by its standard input, and may say that it has an identity token.
    #[cfg(unix)]
    #[test]
    fn helpers_are_found_along_the_path_and_asked() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = folder_with(r#"{"credsStore":"all","credHelpers":{"one.example":"one","none.example":"one"}}"#);
        let write = |name: &str, script: &str| {
            let program = folder.path().join(format!("docker-credential-{name}"));
            std::fs::write(&program, script).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        write(
            "one",
            "#!/bin/sh\nread host\n[ $1 = get ] && [ $host = one.example ] || exit 1\necho '{\"Username\":\"<token>\",\"Secret\":\"refresh\"}'\n",
        );
        write("all", "#!/bin/sh\nread host\necho \"{\\\"Username\\\":\\\"ann\\\",\\\"Secret\\\":\\\"of $host\\\"}\"\n");
        assert!(matches!(found(&folder, "one.example"), Some(Found::IdentityToken(token)) if token == "refresh"));
        assert_eq!(password(&folder, "two.example"), Some(("ann".to_owned(), "of two.example".to_owned())));
        assert!(found(&folder, "none.example").is_none(), "the helper named for it refused");
    }

    #[cfg(unix)]
    #[test]
    fn a_helper_that_hangs_is_ended_and_named() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = folder_with("{}");
        let program = folder.path().join("docker-credential-asleep");
        std::fs::write(&program, "#!/bin/sh\nexec sleep 600\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::join_paths([folder.path(), Path::new("/bin"), Path::new("/usr/bin")]).unwrap();
        let docker = DockerConfig { folder: folder.path().to_owned(), path };
        let failure = ask(&docker, "asleep", "one.example", Duration::from_millis(200)).err().unwrap();
        let said = failure.error.message;
        assert!(said.contains("docker-credential-asleep did not answer for one.example"), "{said}");
    }
}
