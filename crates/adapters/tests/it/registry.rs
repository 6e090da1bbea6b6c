//! The behaviour suite of the port `Registry`, against a plain registry and one with TLS and a password.

use std::{
    ffi::OsString,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use adapters::{docker_config::DockerConfig, oci::OciRegistry};
use api::{ErrorCode, RegistryId};
use engine::ports::{CredentialSource, PushBlob, PushManifest, Registry};
use sha2::{Digest as _, Sha256};

use crate::registry_process::{self, PASSWORD, USER, missing};

pub(crate) fn record(address: &str, username: Option<&str>, ca_pem: Option<String>) -> api::package::Registry {
    api::package::Registry {
        id: RegistryId::from_bytes([1; 16]),
        name: "harbour".to_owned(),
        address: address.to_owned(),
        username: username.map(str::to_owned),
        plain_http: ca_pem.is_none() && username.is_none(),
        ca_pem,
        credentials: String::new(),
        created_ms: 0,
    }
}

pub(crate) fn open(record: &api::package::Registry, password: Option<&str>, docker: Option<&Path>) -> OciRegistry {
    let docker = docker.map(|folder| DockerConfig { folder: folder.to_owned(), path: OsString::new() });
    OciRegistry::new(record, password.map(str::to_owned), docker.as_ref()).unwrap()
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

pub(crate) fn blob(folder: &Path, bytes: &[u8]) -> PushBlob {
    let path = folder.join(&digest(bytes)[7..]);
    std::fs::write(&path, bytes).unwrap();
    PushBlob { digest: digest(bytes), size_bytes: bytes.len() as u64, path }
}

fn manifest(config: &PushBlob, layer: &PushBlob) -> PushManifest {
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let bytes = serde_json::to_vec(&serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config.digest, "size": config.size_bytes },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer.digest, "size": layer.size_bytes }],
    }))
    .unwrap();
    PushManifest { digest: digest(&bytes), media_type: media_type.to_owned(), bytes }
}

/// What every registry must do for us.
pub(crate) async fn behaves(registry: &dyn Registry) {
    let folder = tempfile::tempdir().unwrap();
    let check = registry.check().await;
    assert!(check.ok, "{}", check.message);

    // 3.5 MB in chunks: progress rises and ends at the size.
    let layer = blob(folder.path(), &(0..3_500_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>());
    assert!(!registry.blob_exists("team/fraud", &layer.digest).await.unwrap());
    let (last, calls) = (AtomicU64::new(0), AtomicU64::new(0));
    let told = |sent: u64| {
        assert!(sent >= last.swap(sent, Ordering::SeqCst), "progress never falls");
        calls.fetch_add(1, Ordering::SeqCst);
    };
    registry.push_blob("team/fraud", &layer, &told).await.unwrap();
    assert_eq!(last.load(Ordering::SeqCst), layer.size_bytes);
    assert!(calls.load(Ordering::SeqCst) >= 4);
    assert!(registry.blob_exists("team/fraud", &layer.digest).await.unwrap());

    // A manifest whose blobs are not all there is refused, and says so.
    let config =
        blob(folder.path(), br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#);
    let image = manifest(&config, &layer);
    let refused = registry.push_manifest("team/fraud", "v1", &image).await.unwrap_err();
    assert!(!refused.temporary, "{refused}");
    registry.push_blob("team/fraud", &config, &|_| {}).await.unwrap();
    registry.push_manifest("team/fraud", "v1", &image).await.unwrap();
    // Again is the same.
    registry.push_manifest("team/fraud", "v1", &image).await.unwrap();

    // A file that was damaged on our disk is not passed off as the blob.
    let mut damaged = blob(folder.path(), b"what was there");
    damaged.digest = digest(b"what should be there");
    let error = registry.push_blob("team/fraud", &damaged, &|_| {}).await.unwrap_err();
    assert!(error.error.message.contains("damaged") && !error.temporary, "{error}");
}

#[tokio::test]
async fn a_plain_registry_behaves() {
    if missing(&["docker-registry"]) {
        return;
    }
    let process = registry_process::start(false);
    let registry = open(&record(&process.address, None, None), None, None);
    behaves(&registry).await;
    assert_eq!(registry.credentials().1, CredentialSource::None);
}

#[tokio::test]
async fn a_registry_with_tls_and_password_behaves_and_refuses_strangers() {
    if missing(&["docker-registry", "openssl", "htpasswd"]) {
        return;
    }
    let process = registry_process::start(true);
    let record = record(&process.address, Some(USER), process.ca_pem.clone());
    behaves(&open(&record, Some(PASSWORD), None)).await;

    let wrong = open(&record, Some("wrong"), None);
    let check = wrong.check().await;
    assert!(!check.ok && check.hint.is_some(), "{}", check.message);
    let error = wrong.blob_exists("team/fraud", &digest(b"x")).await.unwrap_err();
    assert_eq!((error.error.code, error.temporary), (ErrorCode::Forbidden, false), "{error}");

    // Without its authority the certificate is not believed, and the way out is named.
    let stranger = api::package::Registry { ca_pem: None, ..record.clone() };
    let check = open(&stranger, Some(PASSWORD), None).check().await;
    assert!(!check.ok && check.hint.as_deref().unwrap_or_default().contains("PEM"), "{check:?}");

    // Docker's own sign-in is used where no password was given.
    let docker = tempfile::tempdir().unwrap();
    use base64::Engine as _;
    let auth = base64::prelude::BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let config = serde_json::json!({ "auths": { &process.address: { "auth": auth } } });
    std::fs::write(docker.path().join("config.json"), config.to_string()).unwrap();
    let nameless = api::package::Registry { username: None, ..record };
    let registry = open(&nameless, None, Some(docker.path()));
    assert_eq!(registry.credentials().1, CredentialSource::DockerConfig);
    assert!(registry.check().await.ok);
}

#[tokio::test]
async fn skopeo_agrees_on_what_was_pushed() {
    if missing(&["docker-registry", "skopeo"]) {
        return;
    }
    let process = registry_process::start(false);
    let registry = open(&record(&process.address, None, None), None, None);
    behaves(&registry).await;
    let output = std::process::Command::new("skopeo")
        .args(["inspect", "--tls-verify=false", &format!("docker://{}/team/fraud:v1", process.address)])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(seen["Architecture"], "amd64");
    assert_eq!(seen["Layers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_a_temporary_failure() {
    let address = format!("127.0.0.1:{}", registry_process::free_port());
    let registry = open(&record(&address, None, None), None, None);
    let error = registry.blob_exists("a", &digest(b"x")).await.unwrap_err();
    assert!(error.temporary && error.error.code == ErrorCode::Unreachable, "{error}");
    assert!(error.error.message.contains(&address), "{error}");
}

#[test]
fn a_wrong_certificate_authority_is_refused_at_once() {
    let record = record("r.example", Some("u"), Some("not a certificate".to_owned()));
    let error = OciRegistry::new(&record, Some("p".to_owned()), None).err().unwrap();
    assert!(error.error.message.contains("PEM"), "{error}");
}
