//! Secrets: which store has them, their names, moving them. Values stay in the store.

use std::sync::Arc;

use anyhow::bail;
use api::{
    ApiError, ErrorCode,
    event::Tag,
    host::{DeleteSecret, ListSecrets, MoveSecrets, MovedSecrets, SecretBackend, SecretName, SecretsState, SetSecret},
    package::Registry,
};

use crate::{Engine, ports::SecretStore, settings, tracking::token};

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
        (Some(backend), Some(Some(asked))) if backend != asked => bail!(kept_in(backend, asked)),
        (Some(backend), _) => backend,
        (None, None) => return Ok(None),
        (None, Some(asked)) => {
            let backend = match asked {
                Some(backend) => backend,
                None => engine.adapters().default_secret_backend().await,
            };
            // Where it can't be reached it is not noted, so that another can be chosen.
            engine.adapters().secrets(backend).await?.check().await?;
            settings::keep_secrets_in(engine, backend).await?;
            backend
        }
    };
    Ok(Some(engine.adapters().secrets(backend).await?))
}

/// Why they can't be kept where it was asked for.
pub(crate) fn kept_in(backend: SecretBackend, asked: SecretBackend) -> ApiError {
    ApiError::new(ErrorCode::Conflict, format!("Secrets are kept in {} already.", called(backend)))
        .with_hint(format!("Move them with `slipway secret move {}`.", word(asked)))
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
        let name = name.to_owned();
        change_names(engine, move |known| known.push(name)).await?;
        engine.changed(Tag::Secrets);
    }
    Ok(())
}

/// A store that can't be reached keeps the value, which nothing asks for any more: there must be a way out.
pub(crate) async fn remove(engine: &Engine, name: &str) -> anyhow::Result<()> {
    if !names(engine).await?.iter().any(|known| known == name) {
        return Ok(());
    }
    if let Some(store) = chosen(engine, None).await?
        && let Err(failure) = store.delete(name).await
    {
        // A store that answers, and yet refuses, is told: it may do so the next time.
        if store.check().await.is_ok() {
            return Err(failure.into());
        }
        tracing::warn!(%failure, name, "a secret is forgotten, and stays in a store that can't be reached");
    }
    let name = name.to_owned();
    change_names(engine, move |known| known.retain(|known| *known != name)).await?;
    engine.changed(Tag::Secrets);
    Ok(())
}

async fn names(engine: &Engine) -> anyhow::Result<Vec<String>> {
    Ok(engine.store().read(|c| store::setting::get(c, NAMES)).await?.unwrap_or_default())
}

/// Reads, changes and writes the names as one step: two secrets that are kept at once are both known.
async fn change_names(engine: &Engine, change: impl FnOnce(&mut Vec<String>) + Send + 'static) -> anyhow::Result<()> {
    let write = move |tx: &store::Transaction<'_>| {
        let mut names: Vec<String> = store::setting::get(tx, NAMES)?.unwrap_or_default();
        change(&mut names);
        names.sort_unstable();
        names.dedup();
        store::setting::put(tx, NAMES, &names)
    };
    Ok(engine.store().write_durable(write).await?)
}

/// Names with what uses them.
async fn shown(engine: &Engine, names: Vec<String>) -> anyhow::Result<Vec<SecretName>> {
    let registries = engine.store().read(store::registry::list).await?;
    let shown = names.into_iter().map(|name| {
        let of_registries = registries.iter().filter(|registry| registry_name(registry) == name);
        let mut used_by: Vec<String> = of_registries.map(|registry| format!("registry {}", registry.name)).collect();
        if name == token::SECRET {
            used_by.push("MLflow's clients".to_owned());
        }
        SecretName { used_by, name }
    });
    Ok(shown.collect())
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
    let names = shown(engine, names(engine).await?).await?;
    Ok(SecretsState { backend, names, problem: problem.map(|error| error.error) })
}

pub async fn set(engine: &Engine, request: SetSecret) -> anyhow::Result<SecretsState> {
    if request.name.trim().is_empty() || request.name.len() > 200 {
        bail!(ApiError::invalid("A secret needs a name of at most 200 characters."));
    }
    check_not_token(&request.name)?;
    put(engine, &request.name, &request.value, request.backend).await?;
    list(engine, ListSecrets {}).await
}

pub async fn delete(engine: &Engine, request: DeleteSecret) -> anyhow::Result<SecretsState> {
    check_not_token(&request.name)?;
    remove(engine, &request.name).await?;
    list(engine, ListSecrets {}).await
}

/// The token of MLflow's clients is renewed and nothing else: every address that was copied holds it.
fn check_not_token(name: &str) -> anyhow::Result<()> {
    if name == token::SECRET {
        bail!(
            ApiError::new(ErrorCode::InUse, format!("{name} is the token in the address of MLflow's clients."))
                .with_hint("Renew it: `slipway tracking --renew`, or Renew beside the address in Settings.")
        );
    }
    Ok(())
}

/// Copies all, reads each back, and only then forgets the old ones: a failure leaves them where they were. What
/// can't be read any more is forgotten where that is asked for.
pub async fn move_all(engine: &Engine, request: MoveSecrets) -> anyhow::Result<MovedSecrets> {
    let from = settings::current(engine).await?.secret_store;
    if from == Some(request.to) {
        return Ok(MovedSecrets { state: list(engine, ListSecrets {}).await?, forgotten: Vec::new() });
    }
    let mut forgotten: Vec<String> = Vec::new();
    let new = engine.adapters().secrets(request.to).await?;
    new.check().await?;
    if let Some(from) = from {
        let old = engine.adapters().secrets(from).await?;
        // Asked once: each name would wait for an answer as long.
        let is_lost = request.forget && old.check().await.is_err();
        let names = names(engine).await?;
        for name in &names {
            let value = if is_lost { Ok(None) } else { old.get(name).await };
            let value = match value {
                Err(_) if request.forget => None,
                value => value?,
            };
            let Some(value) = value else {
                forgotten.push(name.clone());
                continue;
            };
            new.set(name, &value).await?;
            if new.get(name).await?.as_deref() != Some(value.as_str()) {
                bail!(ApiError::new(
                    ErrorCode::Internal,
                    format!("{} did not keep the secret {name}; the secrets stay where they were.", called(request.to))
                ));
            }
        }
        settings::keep_secrets_in(engine, request.to).await?;
        for name in names.iter().filter(|name| !forgotten.contains(name)) {
            if let Err(error) = old.delete(name).await {
                tracing::warn!(%error, name, "a moved secret can't be deleted from its old store");
            }
        }
        let lost = forgotten.clone();
        change_names(engine, move |known| known.retain(|known| !lost.contains(known))).await?;
    } else {
        settings::keep_secrets_in(engine, request.to).await?;
    }
    engine.changed(Tag::Secrets);
    let forgotten = shown(engine, forgotten).await?;
    Ok(MovedSecrets { state: list(engine, ListSecrets {}).await?, forgotten })
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
