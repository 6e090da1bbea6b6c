//! The behaviour suite of the port `SecretStore`, against the encrypted file; the keychain where one runs.

use std::path::Path;

use adapters::secrets::{AgeFile, Keychain};
use api::ErrorCode;
use engine::ports::SecretStore;

async fn behaves(store: &dyn SecretStore) {
    store.check().await.unwrap();
    let name = "slipway-test/registry/one";
    store.delete(name).await.unwrap();
    assert_eq!(store.get(name).await.unwrap(), None);
    store.set(name, "pässword\nwith lines").await.unwrap();
    store.set("slipway-test/two", "2").await.unwrap();
    assert_eq!(store.get(name).await.unwrap().as_deref(), Some("pässword\nwith lines"));
    store.set(name, "newer").await.unwrap();
    assert_eq!(store.get(name).await.unwrap().as_deref(), Some("newer"));
    store.delete(name).await.unwrap();
    store.delete(name).await.unwrap();
    assert_eq!(store.get(name).await.unwrap(), None);
    assert_eq!(store.get("slipway-test/two").await.unwrap().as_deref(), Some("2"));
    store.delete("slipway-test/two").await.unwrap();
}

#[tokio::test]
async fn the_file_behaves_with_a_key_of_its_own_and_with_a_given_one() {
    let folder = tempfile::tempdir().unwrap();
    behaves(&AgeFile::new(folder.path(), None)).await;
    assert!(folder.path().join("secrets.key").exists());
    let key = std::fs::read_to_string(folder.path().join("secrets.key")).unwrap();
    let other = tempfile::tempdir().unwrap();
    behaves(&AgeFile::new(other.path(), Some(key))).await;
    assert!(!other.path().join("secrets.key").exists(), "a given key is not written down");
}

#[tokio::test]
async fn the_keychain_behaves_where_there_is_one() {
    if let Err(error) = Keychain.check().await {
        assert!(error.error.hint.is_some(), "{error}");
        crate::skipped::left_out(&format!("no keychain runs here ({})", error.error.message));
        return;
    }
    behaves(&Keychain).await;
}

fn bytes_of(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("secrets.age")).unwrap()
}

#[tokio::test]
async fn the_file_is_private_encrypted_and_useless_without_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let store = AgeFile::new(folder.path(), None);
    store.set("registry", "geheim-geheim").await.unwrap();
    assert!(!bytes_of(folder.path()).windows(6).any(|bytes| bytes == b"geheim"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for name in ["secrets.age", "secrets.key"] {
            assert_eq!(std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let key = folder.path().join("secrets.key");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = store.get("registry").await.unwrap_err();
        assert!(error.error.hint.unwrap().contains("chmod 600"));
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    std::fs::remove_file(folder.path().join("secrets.key")).unwrap();
    let before = bytes_of(folder.path());
    let error = store.set("other", "x").await.unwrap_err();
    assert_eq!(error.error.code, ErrorCode::NotFound, "{error}");
    assert_eq!(bytes_of(folder.path()), before, "nothing is overwritten with another key");
    let stranger = AgeFile::new(folder.path(), Some("AGE-SECRET-KEY-1QQQQ".to_owned()));
    assert_eq!(stranger.get("registry").await.unwrap_err().error.code, ErrorCode::Invalid);
}

#[tokio::test]
async fn writers_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = AgeFile::new(folder.path(), None);
    let writes = (0..20).map(|number| {
        let store = store.clone();
        async move { store.set(&format!("n{number}"), &number.to_string()).await.unwrap() }
    });
    futures::future::join_all(writes).await;
    for number in 0..20 {
        assert_eq!(store.get(&format!("n{number}")).await.unwrap(), Some(number.to_string()));
    }
}
