//! Secrets: which store has them, their names, moving them. Values stay in the store.

use std::sync::Arc;

use anyhow::bail;
use api::{
    ApiError, ErrorCode,
    event::Tag,
    host::{DeleteSecret, ListSecrets, MoveSecrets, SecretBackend, SecretName, SecretsState, SetSecret, Settings},
    package::Registry,
};

use crate::{Engine, ports::SecretStore, settings};

/// The setting that holds the names; the stores can't list them.
const NAMES: &str = "secret_names";

/// The name under which a registry's password is kept.
pub(crate) fn registry_name(registry: &Registry) -> String {
    format!("registry/{}", registry.id)
}

/// The store that the workspace has chosen; with `choose`, a first use chooses and notes it.
async fn chosen(
    engine: &Engine,
    choose: Option<Option<SecretBackend>>,
) -> anyhow::Result<Option<Arc<dyn SecretStore>>> {
    let backend = match (settings::current(engine).await?.secret_store, choose) {
        (Some(backend), Some(Some(asked))) if backend != asked => bail!(
            ApiError::new(ErrorCode::Conflict, format!("Secrets are kept in {} already.", called(backend)))
                .with_hint(format!("Move them with `slipway secret move {}`.", word(asked)))
        ),
        (Some(backend), _) => backend,
        (None, None) => return Ok(None),
        (None, Some(asked)) => {
            let backend = match asked {
                Some(backend) => backend,
                None => engine.adapters().default_secret_backend().await,
            };
            // Where it can't be reached it is not noted, so that another can be chosen.
            engine.adapters().secrets(backend).await?.check().await?;
            note(engine, backend).await?;
            backend
        }
    };
    Ok(Some(engine.adapters().secrets(backend).await?))
}

async fn note(engine: &Engine, backend: SecretBackend) -> anyhow::Result<()> {
    let settings = Settings { secret_store: Some(backend), ..settings::current(engine).await? };
    settings::put(engine, api::host::PutSettings { settings }).await?;
    Ok(())
}

/// A secret's value, for the engine's own use.
pub(crate) async fn get(engine: &Engine, name: &str) -> anyhow::Result<Option<String>> {
    if !names(engine).await?.iter().any(|known| known == name) {
        return Ok(None);
    }
    match chosen(engine, None).await? {
        Some(store) => Ok(store.get(name).await?),
        None => Ok(None),
    }
}

pub(crate) async fn put(engine: &Engine, name: &str, value: &str, asked: Option<SecretBackend>) -> anyhow::Result<()> {
    if let Some(store) = chosen(engine, Some(asked)).await? {
        store.set(name, value).await?;
        let mut known = names(engine).await?;
        if !known.iter().any(|known| known == name) {
            known.push(name.to_owned());
            put_names(engine, known).await?;
        }
        engine.changed(Tag::Secrets);
    }
    Ok(())
}

pub(crate) async fn remove(engine: &Engine, name: &str) -> anyhow::Result<()> {
    let mut known = names(engine).await?;
    if !known.iter().any(|known| known == name) {
        return Ok(());
    }
    if let Some(store) = chosen(engine, None).await? {
        store.delete(name).await?;
    }
    known.retain(|known| known != name);
    put_names(engine, known).await?;
    engine.changed(Tag::Secrets);
    Ok(())
}

async fn names(engine: &Engine) -> anyhow::Result<Vec<String>> {
    Ok(engine.store().read(|c| store::setting::get(c, NAMES)).await?.unwrap_or_default())
}

async fn put_names(engine: &Engine, mut names: Vec<String>) -> anyhow::Result<()> {
    names.sort_unstable();
    Ok(engine.store().write_durable(move |tx| store::setting::put(tx, NAMES, &names)).await?)
}

pub async fn list(engine: &Engine, _: ListSecrets) -> anyhow::Result<SecretsState> {
    let backend = settings::current(engine).await?.secret_store;
    let problem = match backend {
        Some(backend) => match engine.adapters().secrets(backend).await {
            Ok(store) => store.check().await.err(),
            Err(error) => Some(error),
        },
        None => None,
    };
    let registries = engine.store().read(store::registry::list).await?;
    let names = names(engine).await?.into_iter().map(|name| {
        let used_by = registries.iter().filter(|registry| registry_name(registry) == name);
        SecretName { used_by: used_by.map(|registry| format!("registry {}", registry.name)).collect(), name }
    });
    Ok(SecretsState { backend, names: names.collect(), problem: problem.map(|error| error.error) })
}

pub async fn set(engine: &Engine, request: SetSecret) -> anyhow::Result<SecretsState> {
    if request.name.trim().is_empty() || request.name.len() > 200 {
        bail!(ApiError::invalid("A secret needs a name of at most 200 characters."));
    }
    put(engine, &request.name, &request.value, request.backend).await?;
    list(engine, ListSecrets {}).await
}

pub async fn delete(engine: &Engine, request: DeleteSecret) -> anyhow::Result<SecretsState> {
    remove(engine, &request.name).await?;
    list(engine, ListSecrets {}).await
}

/// Copies all, reads each back, and only then forgets the old ones: a failure leaves them where they were.
pub async fn move_all(engine: &Engine, request: MoveSecrets) -> anyhow::Result<SecretsState> {
    let from = settings::current(engine).await?.secret_store;
    if from == Some(request.to) {
        return list(engine, ListSecrets {}).await;
    }
    let new = engine.adapters().secrets(request.to).await?;
    new.check().await?;
    if let Some(from) = from {
        let old = engine.adapters().secrets(from).await?;
        let names = names(engine).await?;
        for name in &names {
            let Some(value) = old.get(name).await? else { continue };
            new.set(name, &value).await?;
            if new.get(name).await?.as_deref() != Some(value.as_str()) {
                bail!(ApiError::new(
                    ErrorCode::Internal,
                    format!("{} did not keep the secret {name}; the secrets stay where they were.", called(request.to))
                ));
            }
        }
        note(engine, request.to).await?;
        for name in &names {
            if let Err(error) = old.delete(name).await {
                tracing::warn!(%error, name, "a moved secret can't be deleted from its old store");
            }
        }
    } else {
        note(engine, request.to).await?;
    }
    engine.changed(Tag::Secrets);
    list(engine, ListSecrets {}).await
}

fn called(backend: SecretBackend) -> &'static str {
    match backend {
        SecretBackend::Keychain => "the system's keychain",
        SecretBackend::File => "the encrypted file",
    }
}

fn word(backend: SecretBackend) -> &'static str {
    match backend {
        SecretBackend::Keychain => "keychain",
        SecretBackend::File => "file",
    }
}
