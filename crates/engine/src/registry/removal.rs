//! A registry is removed so that it comes back for a day. Its password is deleted from the secret store at once: only the
//! host that did so knows it for ten minutes more, in its memory, and nothing writes it down.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::bail;
use api::{
    ApiError, ErrorCode, PackageId, RegistryId,
    deleted::{ListRemovedRegistries, RemovedRegistry, RestoreRegistry},
    event::Tag,
    package::{Push, Registry, RemoveRegistry},
};
use serde::{Deserialize, Serialize};
use store::{Transaction, setting};

use super::{credentials, find};
use crate::{
    Engine,
    deleted::{self, Kept, Kind},
    secret,
};

const KNOWN_FOR: Duration = Duration::from_secs(600);

/// The passwords of registries that were removed lately.
#[derive(Default)]
pub(crate) struct Removed {
    passwords: Mutex<HashMap<RegistryId, (Instant, String)>>,
}

impl Removed {
    fn lock(&self) -> MutexGuard<'_, HashMap<RegistryId, (Instant, String)>> {
        self.passwords.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A registry as it was removed.
#[derive(Debug, Serialize, Deserialize)]
struct Gone {
    registry: Registry,
    /// What is known to have been pushed to it.
    pushes: Vec<(PackageId, Push)>,
}

/// Refused while something is deployed from it.
pub async fn remove(engine: &Engine, request: RemoveRegistry) -> anyhow::Result<()> {
    let registry = find(engine, request.registry).await?;
    let (id, now_ms) = (registry.id, engine.now_ms());
    let used = engine
        .store()
        .read(move |c| {
            let all = store::deployment::list(c, None)?;
            Ok(all.into_iter().filter(|row| row.spec.registry == Some(id)).map(|row| row.name).collect::<Vec<_>>())
        })
        .await?;
    if !used.is_empty() {
        bail!(
            ApiError::new(ErrorCode::InUse, format!("{} pull their image from {}.", used.join(", "), registry.name))
                .with_hint("Delete the deployments first.")
        );
    }
    let name = secret::registry_name(&registry);
    // One that can't be read is not brought back, and is no reason to stay.
    let password = secret::get(engine, &name).await.unwrap_or_default();
    let remove = move |tx: &Transaction<'_>| {
        let pushes = store::package::pushed_to(tx, id)?;
        store::registry::delete(tx, id)?;
        deleted::keep(tx, Kind::Registry, &id.to_string(), &Gone { registry, pushes }, now_ms)?;
        deleted::let_go(tx, Kind::Registry, now_ms)
    };
    // Written first: where that fails the registry stays with its password.
    engine.store().write_durable(remove).await?;
    if let Some(password) = password {
        know(engine, id, password);
    }
    engine.changed(Tag::Packages);
    secret::remove(engine, &name).await
}

/// Knows a password for a while.
fn know(engine: &Engine, id: RegistryId, password: String) {
    let since = Instant::now();
    engine.removed().lock().insert(id, (since, password));
    let weak = engine.downgrade();
    tokio::spawn(async move {
        tokio::time::sleep(KNOWN_FOR).await;
        if let Some(engine) = weak.upgrade() {
            // Not that of another removal since.
            engine.removed().lock().retain(|other, (known, _)| *other != id || *known != since);
        }
    });
}

pub async fn list(engine: &Engine, _: ListRemovedRegistries) -> anyhow::Result<Vec<RemovedRegistry>> {
    let now_ms = engine.now_ms();
    let all = engine.store().read(move |c| deleted::list::<Gone>(c, Kind::Registry, now_ms)).await?;
    let told = |kept: Kept<Gone>| RemovedRegistry { registry: kept.value.registry, removed_ms: kept.deleted_ms };
    Ok(all.into_iter().map(told).collect())
}

pub async fn restore(engine: &Engine, request: RestoreRegistry) -> anyhow::Result<Registry> {
    let (id, now_ms) = (request.registry, engine.now_ms());
    let restore = move |tx: &Transaction<'_>| {
        let Some(kept) = deleted::newest::<Gone>(tx, Kind::Registry, &id.to_string(), now_ms)? else {
            let missing = format!("No registry with the id {id} was removed here within a day.");
            return Err(ApiError::not_found(missing).with_hint("Add it anew: `slipway registry add`.").into());
        };
        let Gone { registry, pushes } = kept.value;
        if store::registry::by_name(tx, &registry.name)?.is_some() {
            let taken = format!("Another registry is called {} now.", registry.name);
            return Err(ApiError::new(ErrorCode::Conflict, taken).with_hint("Remove that one first.").into());
        }
        store::registry::insert(tx, &registry)?;
        for (package, push) in &pushes {
            // Its model may have been deleted for good.
            if store::package::get(tx, *package)?.is_some() {
                store::package::add_push(tx, *package, push)?;
            }
        }
        setting::delete(tx, &kept.name)?;
        Ok(registry)
    };
    let registry = engine.store().write_durable(restore).await?;
    let password = engine.removed().lock().remove(&id).map(|(_, password)| password);
    if let Some(password) = password
        && let Err(failure) = secret::put(engine, &secret::registry_name(&registry), &password, None).await
    {
        tracing::warn!(
            error = format!("{failure:#}"),
            registry = registry.name,
            "a registry is back without its password"
        );
    }
    engine.changed(Tag::Packages);
    Ok(Registry { credentials: credentials(engine, &registry).await, ..registry })
}
