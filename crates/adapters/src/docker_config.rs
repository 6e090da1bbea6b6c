//! Docker's `config.json`: credentials that the user's other tools already have.
//!
//! Read only. `auths` holds base64 of `user:password`; `credHelpers` (per registry) and `credsStore`
//! name a program that is asked by Docker's credential protocol.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use engine::ports::Credentials;
use serde::Deserialize;

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
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// The credentials for `host[:port]`, if Docker's configuration in `folder` has some that we can use.
///
/// A damaged file or a helper that fails counts as none: it is not our file to complain about.
pub fn credentials(folder: &Path, host: &str) -> Option<Credentials> {
    let text = std::fs::read_to_string(folder.join("config.json")).ok()?;
    let config: ConfigFile = match serde_json::from_str(&text) {
        Ok(config) => config,
        Err(error) => {
            tracing::warn!(%error, folder = %folder.display(), "Docker's config.json can't be read");
            return None;
        }
    };
    let keys = keys_of(host);
    for key in &keys {
        if let Some(helper) = config.cred_helpers.get(key) {
            return ask(helper, key);
        }
    }
    for (name, auth) in &config.auths {
        if keys.iter().any(|key| key == name || same_host(name, key))
            && let Some(found) = decode(auth)
        {
            return Some(found);
        }
    }
    let helper = config.creds_store?;
    keys.iter().find_map(|key| ask(&helper, key))
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

fn decode(auth: &Auth) -> Option<Credentials> {
    if let (Some(username), Some(password)) = (&auth.username, &auth.password) {
        return Some(Credentials { username: username.clone(), password: password.clone() });
    }
    let bytes = BASE64_STANDARD.decode(auth.auth.as_deref()?).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (username, password) = text.split_once(':')?;
    (!username.is_empty()).then(|| Credentials { username: username.to_owned(), password: password.to_owned() })
}

fn ask(helper: &str, key: &str) -> Option<Credentials> {
    let program = format!("docker-credential-{helper}");
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .inspect_err(|error| tracing::warn!(%error, program, "Docker's credential helper can't be started"))
        .ok()?;
    child.stdin.take()?.write_all(key.as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    if !output.status.success() {
        return None;
    }
    let helped: Helped = serde_json::from_slice(&output.stdout).ok()?;
    // "<token>" announces an identity token, which only an OAuth exchange could use.
    (helped.username != "<token>").then_some(Credentials { username: helped.username, password: helped.secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.json"), text).unwrap();
        folder
    }

    #[test]
    fn base64_of_user_and_password_is_read_for_that_host_only() {
        let folder =
            folder_with(r#"{"auths":{"https://registry.example:5000/v2/":{"auth":"YW5uOnB3OjE="},"other":{}}}"#);
        let found = credentials(folder.path(), "registry.example:5000").unwrap();
        assert_eq!((found.username.as_str(), found.password.as_str()), ("ann", "pw:1"));
        assert!(credentials(folder.path(), "registry.example").is_none());
        assert!(credentials(folder.path(), "other").is_none());
    }

    #[test]
    fn docker_hub_is_found_by_its_historic_address() {
        let folder = folder_with(r#"{"auths":{"https://index.docker.io/v1/":{"auth":"YTpi"}}}"#);
        assert_eq!(credentials(folder.path(), "docker.io").unwrap().username, "a");
    }

    #[test]
    fn a_damaged_file_and_a_missing_helper_are_none() {
        assert!(credentials(folder_with("{").path(), "h").is_none());
        let folder = folder_with(r#"{"credHelpers":{"h":"that-does-not-exist"}}"#);
        assert!(credentials(folder.path(), "h").is_none());
    }
}
