//! Secrets: kept, moved, deleted, and the way out of a store that can't be reached any more.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use api::{
    ErrorCode, RegistryId,
    deleted::{ListRemovedRegistries, RestoreRegistry},
    host::{
        DeleteSecret, GetSettings, ListSecrets, MoveSecrets, PutSettings, SecretBackend, SecretsState, SetSecret,
        Settings,
    },
    package::{ListRegistries, Registry, RemoveRegistry, SetRegistryPassword},
    tracking::{GetTracking, RenewTracking},
};
use async_trait::async_trait;
use engine::ports::{PortError, Result, SecretStore};

use crate::stage::Stage;

/// What a machine's two stores keep.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Stores>);

#[derive(Default)]
struct Stores {
    keychain: BTreeMap<String, String>,
    file: BTreeMap<String, String>,
    /// The keychain can't be reached.
    is_locked: bool,
}

impl Kept {
    fn stores(&self) -> MutexGuard<'_, Stores> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_keychain(&self) {
        self.stores().is_locked = true;
    }
}

/// One of the two stores.
pub(crate) struct KeptIn(pub(crate) Arc<Kept>, pub(crate) SecretBackend);

impl KeptIn {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<String, String>) -> T) -> Result<T> {
        let mut stores = self.0.stores();
        match self.1 {
            SecretBackend::Keychain if stores.is_locked => {
                Err(PortError::permanent(ErrorCode::Unreachable, "The played keychain is locked"))
            }
            SecretBackend::Keychain => Ok(work(&mut stores.keychain)),
            SecretBackend::File => Ok(work(&mut stores.file)),
        }
    }
}

#[async_trait]
impl SecretStore for KeptIn {
    fn backend(&self) -> SecretBackend {
        self.1
    }
    async fn check(&self) -> Result<()> {
        self.with(|_| ())
    }
    async fn get(&self, name: &str) -> Result<Option<String>> {
        self.with(|kept| kept.get(name).cloned())
    }
    async fn set(&self, name: &str, value: &str) -> Result<()> {
        self.with(|kept| drop(kept.insert(name.to_owned(), value.to_owned())))
    }
    async fn delete(&self, name: &str) -> Result<()> {
        self.with(|kept| drop(kept.remove(name)))
    }
}

async fn set(stage: &Stage, name: &str) -> SecretsState {
    let backend = Some(SecretBackend::Keychain);
    stage.call(SetSecret { name: name.to_owned(), value: format!("of {name}"), backend }).await
}

fn names(state: &SecretsState) -> Vec<&str> {
    state.names.iter().map(|secret| secret.name.as_str()).collect()
}

#[tokio::test]
async fn secrets_are_moved_and_gone_from_where_they_were() {
    let stage = Stage::new().await;
    set(&stage, "one").await;
    set(&stage, "two").await;
    let refused = SetSecret { name: "three".to_owned(), value: "3".to_owned(), backend: Some(SecretBackend::File) };
    assert_eq!(stage.try_call(refused).await.unwrap_err().code, ErrorCode::Conflict);
    let moved = stage.call(MoveSecrets { to: SecretBackend::File, forget: false }).await;
    assert_eq!((names(&moved.state), moved.state.backend), (vec!["one", "two"], Some(SecretBackend::File)));
    assert!(moved.forgotten.is_empty());
    let stores = stage.place.secrets.stores();
    assert_eq!(stores.file["one"], "of one");
    assert!(stores.keychain.is_empty(), "{:?}", stores.keychain);
}

#[tokio::test]
async fn settings_do_not_say_that_secrets_are_kept_elsewhere() {
    let stage = Stage::new().await;
    set(&stage, "one").await;
    let settings = stage.call(GetSettings {}).await;
    assert_eq!(settings.secret_store, Some(SecretBackend::Keychain));
    let elsewhere = Settings { secret_store: Some(SecretBackend::File), ..settings.clone() };
    let refused = stage.try_call(PutSettings { settings: elsewhere }).await.unwrap_err();
    assert!(refused.code == ErrorCode::Conflict && refused.hint.is_some(), "{refused:?}");
    // Whoever read them before anything was chosen changes the rest.
    let unaware = Settings { notifications: false, secret_store: None, ..settings };
    let put = stage.call(PutSettings { settings: unaware }).await;
    assert_eq!((put.secret_store, put.notifications), (Some(SecretBackend::Keychain), false));
    assert_eq!(stage.call(GetSettings {}).await, put);
}

#[tokio::test]
async fn two_secrets_that_are_kept_at_once_are_both_known() {
    let stage = Stage::new().await;
    set(&stage, "first").await;
    tokio::join!(set(&stage, "one"), set(&stage, "two"), set(&stage, "three"), set(&stage, "one"));
    assert_eq!(names(&stage.call(ListSecrets {}).await), ["first", "one", "three", "two"]);
}

#[tokio::test]
async fn out_of_a_store_that_cannot_be_reached_nothing_is_moved_but_it_can_be_forgotten() {
    let stage = Stage::new().await;
    let registry = registry(&stage).await;
    let password = format!("registry/{registry}");
    set(&stage, &password).await;
    set(&stage, "other").await;
    stage.place.secrets.lock_keychain();
    let state = stage.call(ListSecrets {}).await;
    assert_eq!(names(&state), ["other", &password]);
    assert_eq!(state.problem.unwrap().code, ErrorCode::Unreachable);

    let refused = stage.try_call(MoveSecrets { to: SecretBackend::File, forget: false }).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Unreachable);
    let state = stage.call(ListSecrets {}).await;
    assert_eq!((state.backend, state.names.len()), (Some(SecretBackend::Keychain), 2), "nothing changed");

    let moved = stage.call(MoveSecrets { to: SecretBackend::File, forget: true }).await;
    assert_eq!((moved.state.backend, moved.state.names.len()), (Some(SecretBackend::File), 0));
    assert_eq!(moved.state.problem, None);
    let forgotten: Vec<_> = moved.forgotten.iter().map(|secret| (secret.name.as_str(), secret.used_by.len())).collect();
    assert_eq!(forgotten, [("other", 0), (password.as_str(), 1)], "what was lost is named, with what used it");

    // From here on all works, in the new store.
    let again = SetSecret { name: password.clone(), value: "again".to_owned(), backend: None };
    assert_eq!(names(&stage.call(again).await), [password.as_str()]);
    assert_eq!(stage.place.secrets.stores().file[&password], "again");
}

#[tokio::test]
async fn what_lies_in_a_store_that_cannot_be_reached_can_be_deleted() {
    let stage = Stage::new().await;
    let registry = registry(&stage).await;
    set(&stage, &format!("registry/{registry}")).await;
    set(&stage, "other").await;
    stage.place.secrets.lock_keychain();
    let state = stage.call(DeleteSecret { name: "other".to_owned() }).await;
    assert_eq!(state.names.len(), 1);
    stage.call(RemoveRegistry { registry }).await;
    assert!(stage.call(ListRegistries {}).await.is_empty());
    assert!(stage.call(ListSecrets {}).await.names.is_empty());
}

#[tokio::test]
async fn a_removed_registry_comes_back_with_its_password_while_its_host_knows_it() {
    let mut stage = Stage::new().await;
    let registry = registry(&stage).await;
    let name = format!("registry/{registry}");
    set(&stage, &name).await;
    let before = stage.call(ListRegistries {}).await;
    stage.call(RemoveRegistry { registry }).await;
    assert!(stage.place.secrets.stores().keychain.is_empty(), "its password goes at once");
    let removed = stage.call(ListRemovedRegistries {}).await;
    assert_eq!(removed.iter().map(|removed| removed.registry.id).collect::<Vec<_>>(), [registry]);

    stage.call(RestoreRegistry { registry }).await;
    assert_eq!(stage.place.secrets.stores().keychain[&name], format!("of {name}"));
    assert_eq!(stage.call(ListRegistries {}).await, before);
    assert!(stage.call(ListRemovedRegistries {}).await.is_empty());
    assert_eq!(stage.try_call(RestoreRegistry { registry }).await.unwrap_err().code, ErrorCode::NotFound);

    // Another host never heard of the password, which is written down nowhere.
    stage.call(RemoveRegistry { registry }).await;
    stage.reopen().await;
    stage.call(RestoreRegistry { registry }).await;
    assert_eq!(stage.call(ListRegistries {}).await.len(), 1);
    assert!(stage.place.secrets.stores().keychain.is_empty());
}

#[tokio::test]
async fn a_registry_that_can_not_be_removed_keeps_its_password() {
    let stage = Stage::new().await;
    let registry = registry(&stage).await;
    let name = format!("registry/{registry}");
    set(&stage, &name).await;
    let other = rusqlite::Connection::open(stage.engine.store().path()).unwrap();
    // As on a full disk.
    let refuses = "CREATE TRIGGER refuses BEFORE DELETE ON registry BEGIN SELECT RAISE(ABORT, 'full'); END";
    other.execute_batch(refuses).unwrap();
    assert!(stage.try_call(RemoveRegistry { registry }).await.is_err());
    assert_eq!(stage.call(ListRegistries {}).await.len(), 1);
    assert_eq!(stage.place.secrets.stores().keychain[&name], format!("of {name}"));
    other.execute_batch("DROP TRIGGER refuses").unwrap();
    stage.call(RemoveRegistry { registry }).await;
    assert!(stage.place.secrets.stores().keychain.is_empty());
}

#[tokio::test]
async fn a_registry_is_given_another_password_without_being_removed() {
    let stage = Stage::new().await;
    let registry = registry(&stage).await;
    let name = format!("registry/{registry}");
    let give = |username: Option<&str>, password: &str| SetRegistryPassword {
        registry,
        username: username.map(str::to_owned),
        password: password.to_owned(),
    };
    let nobody = stage.try_call(give(None, "one")).await.unwrap_err();
    assert_eq!((nobody.code, nobody.hint.is_some()), (ErrorCode::Invalid, true), "{nobody}");
    assert_eq!(stage.call(give(Some("me"), "one")).await.username.as_deref(), Some("me"));
    assert_eq!(stage.try_call(give(None, "")).await.unwrap_err().code, ErrorCode::Invalid);
    assert_eq!(stage.call(give(None, "two")).await.username.as_deref(), Some("me"), "the user stays");
    let listed = stage.call(ListRegistries {}).await;
    assert_eq!((listed[0].id, listed[0].username.as_deref()), (registry, Some("me")));
    let state = stage.call(ListSecrets {}).await;
    assert_eq!(names(&state), [name.as_str()]);
    let kept = match state.backend.unwrap() {
        SecretBackend::Keychain => stage.place.secrets.stores().keychain[&name].clone(),
        SecretBackend::File => stage.place.secrets.stores().file[&name].clone(),
    };
    assert_eq!(kept, "two");
    let unknown = SetRegistryPassword { registry: RegistryId::from_bytes([0; 16]), ..give(None, "three") };
    assert_eq!(stage.try_call(unknown).await.unwrap_err().code, ErrorCode::NotFound);
}

/// A registry that was added before.
pub(crate) async fn registry(stage: &Stage) -> RegistryId {
    let registry = Registry {
        id: RegistryId::from_bytes(stage.engine.new_id()),
        name: "harbour".to_owned(),
        address: "localhost:5000".to_owned(),
        plain_http: true,
        username: None,
        ca_pem: None,
        credentials: String::new(),
        created_ms: 1,
    };
    let id = registry.id;
    stage.engine.store().write(move |tx| store::registry::insert(tx, &registry)).await.unwrap();
    id
}

#[tokio::test]
async fn the_token_of_mlflows_clients_is_renewed_and_not_deleted() {
    let stage = Stage::new().await;
    stage.engine.tracking_port().store(5577, std::sync::atomic::Ordering::Relaxed);
    let address = stage.call(GetTracking::default()).await.address;
    let secrets = stage.call(ListSecrets {}).await;
    let [token] = secrets.names.as_slice() else { panic!("{secrets:?}") };
    assert_eq!(token.used_by, ["MLflow's clients"]);
    let name = token.name.clone();
    let refused = stage.try_call(DeleteSecret { name: name.clone() }).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InUse);
    assert!(refused.hint.unwrap_or_default().contains("slipway tracking --renew"));
    let set = SetSecret { name, value: "a:b@c".to_owned(), backend: None };
    assert_eq!(stage.try_call(set).await.unwrap_err().code, ErrorCode::InUse);
    assert_eq!(stage.call(GetTracking::default()).await.address, address);
    assert_ne!(stage.call(RenewTracking {}).await.address, address);
}
