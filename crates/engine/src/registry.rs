//! Registries that the workspace knows.

pub mod removal;

use std::sync::Arc;

use anyhow::bail;
use api::{
    ApiError, ErrorCode, RegistryId,
    event::Tag,
    package::{AddRegistry, CheckRegistry, ListRegistries, Registry, RegistryCheck, SetRegistryPassword},
};

use crate::{Engine, error, ports, secret};

const LONGEST_NAME_CHARS: usize = 200;

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
    if name.chars().any(char::is_control) || name.chars().count() > LONGEST_NAME_CHARS {
        let message = format!("A registry's name is one line of at most {LONGEST_NAME_CHARS} characters.");
        bail!(ApiError::invalid(message));
    }
    let address = address(&request.address)?;
    let registry = Registry {
        id: RegistryId::from_bytes(engine.new_id()),
        name: name.clone(),
        plain_http: request.plain_http,
        username: filled(request.username),
        ca_pem: filled(request.ca_pem),
        credentials: String::new(),
        created_ms: engine.now_ms(),
        address,
    };
    if request.password.is_some() {
        refuse_unencrypted(&registry)?;
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

/// Replaces its password, and its user where one is named.
pub async fn set_password(engine: &Engine, request: SetRegistryPassword) -> anyhow::Result<Registry> {
    let registry = find(engine, request.registry).await?;
    let Some(username) = filled(request.username).or_else(|| registry.username.clone()) else {
        bail!(
            ApiError::invalid(format!("{} has no user that the password could be of.", registry.name))
                .with_hint("Name the user with it.")
        );
    };
    if request.password.is_empty() {
        bail!(ApiError::invalid("A password can't be empty."));
    }
    refuse_unencrypted(&registry)?;
    secret::put(engine, &secret::registry_name(&registry), &request.password, None).await?;
    let (id, name) = (registry.id, username.clone());
    engine.store().write_durable(move |tx| store::registry::set_username(tx, id, &name)).await?;
    engine.changed(Tag::Packages);
    let registry = Registry { username: Some(username), ..registry };
    Ok(Registry { credentials: credentials(engine, &registry).await, ..registry })
}

fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Without TLS a password is for a registry on this machine only.
fn refuse_unencrypted(registry: &Registry) -> anyhow::Result<()> {
    if registry.plain_http && !is_loopback(&registry.address) {
        bail!(
            ApiError::invalid(format!("A password would cross the network to {} unencrypted.", registry.address))
                .with_hint("Use TLS, or a registry without a password.")
        );
    }
    Ok(())
}

fn is_loopback(address: &str) -> bool {
    let place = address.split('/').next().unwrap_or_default();
    // An IPv6 address stands in brackets, and has colons of its own.
    let host = match place.find(']') {
        Some(end) => &place[..=end],
        None => place.split(':').next().unwrap_or_default(),
    };
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
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
    fn a_password_without_tls_stays_on_this_machine() {
        for here in ["localhost", "localhost:5000/team", "127.0.0.1:5000", "[::1]:5000", "[::1]/team"] {
            assert!(super::is_loopback(here), "{here}");
        }
        for elsewhere in ["registry.example:5000", "localhost.example", "[2001:db8::1]:5000", "10.0.0.1/localhost"] {
            assert!(!super::is_loopback(elsewhere), "{elsewhere}");
        }
    }
}
