//! Registries, and packages: OCI images made without Docker.

use serde::{Deserialize, Serialize};

use crate::{
    event::Tag,
    id::{PackageId, RegistryId, VersionId},
    job::Job,
};

/// An OCI registry that the workspace knows. Its password is in the secret store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registry {
    pub id: RegistryId,
    pub name: String,
    /// `host[:port]`, with a path prefix where the registry has one.
    pub address: String,
    pub username: Option<String>,
    /// `http://` instead of TLS; only for loopback unless a person insists.
    pub plain_http: bool,
    /// PEM of the registry's own certificate authority.
    pub ca_pem: Option<String>,
    /// Where the credentials come from: "secret store", "Docker's config", "none".
    pub credentials: String,
    pub created_ms: i64,
}

/// A built image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Package {
    pub id: PackageId,
    pub version: VersionId,
    /// `sha256:…` of the manifest: same serving binary and model version, same digest.
    pub digest: String,
    pub layers: Vec<Layer>,
    pub size_bytes: u64,
    /// "linux/amd64".
    pub platform: String,
    pub pushes: Vec<Push>,
    pub created_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    pub digest: String,
    pub size_bytes: u64,
    /// "serving" or "model".
    pub what: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Push {
    pub registry: RegistryId,
    pub registry_name: String,
    /// `host/repository`.
    pub repository: String,
    pub tag: String,
    /// Blobs that were sent; the others were there already.
    pub sent_bytes: u64,
    pub skipped_bytes: u64,
    pub pushed_ms: i64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListRegistries {}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AddRegistry {
    pub name: String,
    pub address: String,
    #[serde(default)]
    pub username: Option<String>,
    /// Goes straight to the secret store.
    #[serde(default)]
    pub password: Option<String>,
    #[serde(default)]
    pub plain_http: bool,
    #[serde(default)]
    pub ca_pem: Option<String>,
}

/// Another password, and another user where one is named. What was pushed there, and what is deployed from there, stays;
/// a cluster's pull secret has it with the next rollout.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetRegistryPassword {
    pub registry: RegistryId,
    /// By default the user of before.
    #[serde(default)]
    pub username: Option<String>,
    /// Goes straight to the secret store.
    pub password: String,
}

/// Forgets a registry, and deletes its password from the secret store; for a day [`crate::deleted::RestoreRegistry`] brings it
/// back. Refused while something is deployed from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemoveRegistry {
    pub registry: RegistryId,
}

/// Asks the registry's `/v2/` with our credentials.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckRegistry {
    pub registry: RegistryId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegistryCheck {
    pub ok: bool,
    pub message: String,
    pub hint: Option<String>,
}

/// Builds the image of a version, as a job; its subject is the package.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BuildPackage {
    pub version: VersionId,
}

/// Pushes, as a job, building first where there is no package yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PushPackage {
    pub version: VersionId,
    pub registry: RegistryId,
    /// By default the model's name.
    #[serde(default)]
    pub repository: Option<String>,
    /// By default `vNUMBER`.
    #[serde(default)]
    pub tag: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListPackages {
    #[serde(default)]
    pub version: Option<VersionId>,
}

/// Writes the image as an OCI layout tar, as a job, for `podman load` or a USB stick. A file that is there is refused
/// (`conflict`) unless `overwrite` is set, and then stays until the new one is whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExportPackage {
    pub package: PackageId,
    pub path: String,
    #[serde(default)]
    pub overwrite: bool,
}

crate::requests! { METHODS;
    ListRegistries => "registry.list" -> Vec<Registry>, |_me| vec![Tag::Packages, Tag::Secrets];
    AddRegistry => "registry.add" -> Registry;
    SetRegistryPassword => "registry.password" -> Registry;
    RemoveRegistry => "registry.remove" -> ();
    CheckRegistry => "registry.check" -> RegistryCheck;
    BuildPackage => "package.build" -> Job;
    PushPackage => "package.push" -> Job;
    ListPackages => "package.list" -> Vec<Package>, |_me| vec![Tag::Packages];
    ExportPackage => "package.export" -> Job;
}
