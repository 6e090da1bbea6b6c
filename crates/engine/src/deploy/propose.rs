//! What a deployment starts from before anybody changes it: as the one of that name runs now, so that an update
//! changes what was asked for and nothing else; a new one as `slipway.toml` says.

use api::deploy::{DeploySpec, ProposeDeploy, TargetKind};

use crate::{Engine, deploy::sensitive, package, project, target};

pub(crate) async fn propose(engine: &Engine, request: ProposeDeploy) -> anyhow::Result<DeploySpec> {
    let version = package::version(engine, request.version).await?.version;
    let name = request.name.filter(|name| !name.is_empty()).unwrap_or_else(|| fitting_name(&version.model_name));
    let (project, not_logged) = (version.project, sensitive::of(engine, &version).await?);
    let known = engine.store().read(move |c| store::deployment::list(c, Some(project))).await?;
    let mut same = known
        .into_iter()
        .filter(|row| row.name == name && row.model == version.model)
        .filter(|row| request.target.is_none_or(|target| row.target == target));
    // On two targets it is not for us to say which of them is meant.
    if let (Some(row), None) = (same.next(), same.next()) {
        return Ok(DeploySpec { version: version.id, not_logged, ..row.spec });
    }
    let target = match request.target {
        Some(target) => target,
        None => target::find(engine, target::THIS_MACHINE).await?.id,
    };
    let place = engine.store().read(move |c| store::target::get(c, target)).await?.map(|row| row.kind);
    let create_namespace = matches!(place, Some(TargetKind::Kubernetes { create_namespace: true, .. }));
    let file = project::find(engine, project).await?.file;
    let named = file.packaging.registry;
    let registries = engine.store().read(store::registry::list).await?;
    let registry = match &named {
        Some(named) => registries.iter().find(|registry| registry.name == *named),
        None => registries.first().filter(|_| registries.len() == 1),
    };
    Ok(DeploySpec {
        name,
        target,
        version: version.id,
        replicas: 1,
        registry: registry.map(|registry| registry.id),
        repository: file.packaging.repository,
        cpu_millis: None,
        memory_mb: None,
        log_share: file.monitoring.log_share,
        log_days: file.monitoring.log_days,
        not_logged,
        create_namespace,
        port: None,
    })
}

/// A model's name as every target takes it: small letters, digits and dashes, a letter first, at most 40.
fn fitting_name(name: &str) -> String {
    let lower = name.to_lowercase();
    let fitting = lower.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '-' });
    let text: String = fitting.skip_while(|one| !one.is_ascii_lowercase()).take(40).collect();
    let text = text.trim_matches('-');
    if text.is_empty() { "model".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::fitting_name;

    #[test]
    fn a_models_name_becomes_one_that_targets_take() {
        assert_eq!(fitting_name("Card fraud 2"), "card-fraud-2");
        assert_eq!(fitting_name("2. Modell (Köln)"), "modell--k-ln");
        assert_eq!(fitting_name("模型"), "model");
        assert_eq!(fitting_name(&"x".repeat(60)).len(), 40);
    }
}
