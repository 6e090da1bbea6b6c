//! The image's configuration and manifest, as the OCI image specification 1.1 has them.
//!
//! Own structures instead of a library's: theirs keep annotations in hash maps, whose order, and
//! with it the digest, changes from process to process.

use std::collections::BTreeMap;

use serde::Serialize;
use store::package::PackageBlob;

use crate::package::layer::Layer;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// "nonroot" by the custom of distroless images.
const USER: &str = "65532:65532";
/// Nothing in an image says when it was built: equal content has an equal digest.
const CREATED: &str = "1970-01-01T00:00:00Z";

#[derive(Serialize)]
struct Config {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    config: Runtime,
    rootfs: RootFs,
    history: Vec<History>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Runtime {
    user: &'static str,
    exposed_ports: BTreeMap<&'static str, BTreeMap<String, String>>,
    env: Vec<String>,
    entrypoint: Vec<&'static str>,
    working_dir: &'static str,
    labels: BTreeMap<String, String>,
    stop_signal: &'static str,
}

#[derive(Serialize)]
struct RootFs {
    r#type: &'static str,
    diff_ids: Vec<String>,
}

#[derive(Serialize)]
struct History {
    created: &'static str,
    created_by: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a> {
    schema_version: u32,
    media_type: &'static str,
    config: Descriptor<'a>,
    layers: Vec<Descriptor<'a>>,
    annotations: &'a BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor<'a> {
    media_type: &'a str,
    digest: &'a str,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<&'static str, String>>,
}

impl<'a> Descriptor<'a> {
    pub(crate) fn of(blob: &'a PackageBlob) -> Self {
        Self { media_type: &blob.media_type, digest: &blob.digest, size: blob.size_bytes, annotations: None }
    }

    pub(crate) fn with_annotations(self, annotations: BTreeMap<&'static str, String>) -> Self {
        Self { annotations: Some(annotations), ..self }
    }
}

/// What the image says of the model that it holds.
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) number: u32,
    /// Everything that the model came from, by name.
    pub(crate) lineage: BTreeMap<String, String>,
}

impl About {
    /// Annotations of the manifest and labels of the configuration alike: a registry shows the one, a
    /// container's runtime the other.
    pub(crate) fn annotations(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::from([
            ("org.opencontainers.image.title".to_owned(), self.name.clone()),
            ("org.opencontainers.image.version".to_owned(), self.number.to_string()),
            (
                "org.opencontainers.image.description".to_owned(),
                format!("{} v{}, served by Slipway", self.name, self.number),
            ),
        ]);
        all.extend(self.lineage.iter().map(|(key, value)| (format!("slipway.lineage.{key}"), value.clone())));
        all
    }
}

pub(crate) fn config(about: &About, layers: &[Layer]) -> serde_json::Result<Vec<u8>> {
    let history = |what: &str| History { created: CREATED, created_by: format!("slipway package: {what}") };
    serde_json::to_vec(&Config {
        created: CREATED,
        architecture: "amd64",
        os: "linux",
        config: Runtime {
            user: USER,
            exposed_ports: BTreeMap::from([("8080/tcp", BTreeMap::new())]),
            env: vec![format!("SLIPWAY_NAME={}", about.name), format!("SLIPWAY_VERSION_NUMBER={}", about.number)],
            entrypoint: vec!["/slipway-serving"],
            working_dir: "/",
            labels: about.annotations(),
            stop_signal: "SIGTERM",
        },
        rootfs: RootFs { r#type: "layers", diff_ids: layers.iter().map(|layer| layer.diff_id.clone()).collect() },
        history: layers.iter().map(|layer| history(&layer.blob.what)).collect(),
    })
}

pub(crate) fn manifest(about: &About, config: &PackageBlob, layers: &[Layer]) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Manifest {
        schema_version: 2,
        media_type: MANIFEST,
        config: Descriptor::of(config),
        layers: layers.iter().map(|layer| Descriptor::of(&layer.blob)).collect(),
        annotations: &about.annotations(),
    })
}
