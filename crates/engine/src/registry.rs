//! Registries that the workspace knows.

use std::sync::Arc;

use anyhow::bail;
use api::{
    ApiError, ErrorCode, RegistryId,
    event::Tag,
    package::{AddRegistry, CheckRegistry, ListRegistries, Registry, RegistryCheck, RemoveRegistry},
};

use crate::{Engine, error, ports, secret};

pub async fn list(engine: &Engine, _: ListRegistries) -> anyhow::Result<Vec<Registry>> {
    let mut registries = engine.store().read(store::registry::list).await?;
    for registry in &mut registries {
        registry.credentials = credentials(engine, registry).await;
    }
    Ok(registries)
}

/// Where its credentials come from; a store that can't be reached is said on the Secrets page.
async fn credentials(engine: &Engine, registry: &Registry) -> String {
    match connect(engine, registry).await {
        Ok(port) => port.credentials().1.to_string(),
        Err(_) => ports::CredentialSource::None.to_string(),
    }
}

pub(crate) async fn find(engine: &Engine, id: RegistryId) -> anyhow::Result<Registry> {
    let found = engine.store().read(move |c| store::registry::get(c, id)).await?;
    found.ok_or_else(|| error::missing("registry", id))
}

/// The adapter, with the password of the secret store.
pub(crate) async fn connect(engine: &Engine, registry: &Registry) -> anyhow::Result<Arc<dyn ports::Registry>> {
    let password = secret::get(engine, &secret::registry_name(registry)).await?;
    Ok(engine.adapters().registry(registry, password).await?)
}

pub async fn add(engine: &Engine, request: AddRegistry) -> anyhow::Result<Registry> {
    let name = request.name.trim().to_owned();
    if name.is_empty() {
        bail!(ApiError::invalid("A registry needs a name."));
    }
    let address = address(&request.address)?;
    let filled = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let registry = Registry {
        id: RegistryId::from_bytes(engine.new_id()),
        name: name.clone(),
        plain_http: request.plain_http,
        username: filled(request.username),
        ca_pem: filled(request.ca_pem),
        credentials: String::new(),
        created_ms: engine.now_ms(),
        address: address.clone(),
    };
    if registry.plain_http && request.password.is_some() && !is_loopback(&address) {
        bail!(
            ApiError::invalid(format!("A password would cross the network to {address} unencrypted."))
                .with_hint("Use TLS, or a registry without a password.")
        );
    }
    // A wrong certificate or address shows here, before anything is kept.
    engine.adapters().registry(&registry, request.password.clone()).await?;
    let row = registry.clone();
    engine
        .store()
        .write_durable(move |tx| {
            if store::registry::by_name(tx, &row.name)?.is_some() {
                return Err(ApiError::new(ErrorCode::Conflict, format!("There is a registry {} already.", row.name))
                    .with_hint("Choose another name, or remove the other.")
                    .into());
            }
            store::registry::insert(tx, &row)
        })
        .await?;
    if let Some(password) = request.password.filter(|password| !password.is_empty())
        && let Err(failure) = secret::put(engine, &secret::registry_name(&registry), &password, None).await
    {
        let id = registry.id;
        engine.store().write(move |tx| store::registry::delete(tx, id)).await?;
        return Err(failure);
    }
    engine.changed(Tag::Packages);
    Ok(Registry { credentials: credentials(engine, &registry).await, ..registry })
}

/// `host[:port][/prefix]`: a scheme is taken off, anything else is refused.
fn address(text: &str) -> anyhow::Result<String> {
    let text = text.trim();
    let bare =
        text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text).trim_end_matches('/');
    let good = !bare.is_empty()
        && !bare.starts_with('/')
        && bare.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/' | '[' | ']'));
    if !good {
        bail!(
            ApiError::invalid(format!("\"{text}\" is not a registry's address."))
                .with_hint("It is host[:port], with a path where the registry has one: registry.example.com/team.")
        );
    }
    Ok(bare.to_owned())
}

/// Whether `host[:port][/prefix]` is on this machine.
fn is_loopback(address: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|host| {
        let rest = address.strip_prefix(host);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    })
}

pub async fn remove(engine: &Engine, request: RemoveRegistry) -> anyhow::Result<()> {
    let registry = find(engine, request.registry).await?;
    let id = registry.id;
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
    secret::remove(engine, &secret::registry_name(&registry)).await?;
    engine.store().write_durable(move |tx| store::registry::delete(tx, id)).await?;
    engine.changed(Tag::Packages);
    Ok(())
}

pub async fn check(engine: &Engine, request: CheckRegistry) -> anyhow::Result<RegistryCheck> {
    let registry = find(engine, request.registry).await?;
    Ok(connect(engine, &registry).await?.check().await)
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_address_is_host_port_and_path() {
        assert_eq!(super::address(" https://r.example:5000/team/ ").unwrap(), "r.example:5000/team");
        assert_eq!(super::address("localhost:5000").unwrap(), "localhost:5000");
        for wrong in ["", "https://", "a b", "user@host", "host?x"] {
            assert!(super::address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_stays_on_this_machine_by_any_of_its_names() {
        for here in ["localhost", "localhost:5000/team", "127.0.0.1:5000", "[::1]:5000", "[::1]/team"] {
            assert!(super::is_loopback(here), "{here}");
        }
        for elsewhere in ["localhost.example:5000", "127.0.0.10:5000", "[::2]:5000", "registry.example"] {
            assert!(!super::is_loopback(elsewhere), "{elsewhere}");
        }
    }
}
