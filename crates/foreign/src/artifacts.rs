//! Where the artifacts of MLflow's addresses lie on this machine: one rule for its file store and its database.

use std::path::{Path, PathBuf};

use api::figure::counted;

use crate::registry::{is_folder_of, local};

/// The scheme of what a server keeps for its clients.
const PROXIED: &str = "mlflow-artifacts:";

/// What an address leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Folder {
    At(PathBuf),
    /// A folder that is not of MLflow's layout for these artifacts.
    Refused(PathBuf),
    None,
}

impl Folder {
    pub fn path(self) -> Option<PathBuf> {
        match self {
            Self::At(path) => Some(path),
            Self::Refused(_) | Self::None => None,
        }
    }
}

/// What a server with its default settings keeps for its clients beside its store, a folder or a database.
pub fn of_server(store: &Path) -> Option<PathBuf> {
    Some(store.parent()?.join("mlartifacts"))
}

/// What of an address lies on this machine: a path, or what a server keeps beside its store. `mlflow-artifacts:/1/…` names
/// no server, `mlflow-artifacts://host:5000/1/…` does.
pub fn place(address: &str, store: &Path) -> Option<PathBuf> {
    let Some(rest) = address.strip_prefix(PROXIED) else { return local(address) };
    let path = match rest.strip_prefix("//") {
        Some(named) => named.split_once('/').map_or("", |(_, path)| path),
        None => rest,
    };
    let path = path.trim_start_matches('/');
    let is_plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    of_server(store).map(|folder| folder.join(path)).filter(|_| is_plain)
}

/// Where the artifacts of this id lie: in a folder of MLflow's layout, `…/ID/artifacts`, of which no link leads
/// elsewhere. A log may name any folder of this machine as its run's.
pub fn folder(address: Option<&str>, id: &str, store: &Path) -> Folder {
    let Some(named) = address.and_then(|address| place(address, store)).filter(|path| path.is_dir()) else {
        return Folder::None;
    };
    if is_folder_of(&named, id) { Folder::At(named) } else { Folder::Refused(named) }
}

/// Whether an address is of another machine, or of a server that keeps nothing beside this store.
pub fn is_elsewhere(address: &str, store: &Path) -> bool {
    if address.starts_with(PROXIED) {
        return !of_server(store).is_some_and(|folder| folder.is_dir());
    }
    let scheme = address.split_once(':').map_or("", |(scheme, _)| scheme);
    // One letter is a drive.
    let is_scheme =
        scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme && scheme != "file"
}

/// What is said of runs whose artifacts are not found; the address is that of one of them.
pub fn not_found(runs: u64, address: &str) -> String {
    format!(
        "artifacts of {} are not read, where they have any: their addresses (such as {}) lead to nothing on this machine. \
         What a server keeps for its clients is read from the folder mlartifacts beside this log",
        counted(runs, "run", "runs"),
        without_secrets(address)
    )
}

/// An address may hold a password, and what stands behind a question mark may sign it.
fn without_secrets(address: &str) -> String {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    format!("{scheme}://{}/{path}", host.rsplit('@').next().unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_keeps_lies_beside_its_store() {
        let store = Path::new("/srv/mlruns");
        let kept = Some(PathBuf::from("/srv/mlartifacts/1/abc/artifacts"));
        for address in [
            "mlflow-artifacts:/1/abc/artifacts",
            "mlflow-artifacts:///1/abc/artifacts",
            "mlflow-artifacts://host:5000/1/abc/artifacts",
        ] {
            assert_eq!(place(address, store), kept, "{address}");
        }
        for address in ["mlflow-artifacts:/1/../../etc", "mlflow-artifacts:/", "mlflow-artifacts://host", "s3://a/b"] {
            assert_eq!(place(address, store), None, "{address}");
        }
        for (address, elsewhere) in [
            ("s3://bucket/1", true),
            ("dbfs:/databricks/1", true),
            ("mlflow-artifacts:/1/abc/artifacts", true),
            ("file:///srv/mlruns/1", false),
            ("/srv/mlruns/1", false),
            ("./mlruns/1", false),
            (r"C:\mlruns\1", false),
        ] {
            assert_eq!(is_elsewhere(address, store), elsewhere, "{address}");
        }
        let said = not_found(2, "ftp://ada:secret@host/1/abc?token=secret");
        assert!(said.contains("2 runs") && said.contains("ftp://host/1/abc)") && !said.contains("secret"), "{said}");
    }
}
