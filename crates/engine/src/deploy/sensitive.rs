//! Which columns of what a model is asked are never logged: those that were marked sensitive when it was trained,
//! and those that `slipway.toml` marks since.

use api::{
    config::DataConfig,
    deploy::DeploySpec,
    model::{Input, Version},
};

use crate::Engine;

/// A version's sensitive inputs, in the order of its signature.
pub(crate) async fn of(engine: &Engine, version: &Version) -> anyhow::Result<Vec<String>> {
    let project = version.project;
    let row = engine.store().read(move |c| store::project::get(c, project)).await?;
    Ok(columns(version, &row.map(|row| row.file.data).unwrap_or_default()))
}

fn columns(version: &Version, data: &DataConfig) -> Vec<String> {
    let is_sensitive = |input: &&Input| input.sensitive || data.sensitive.contains(&input.name);
    version.signature.inputs.iter().filter(is_sensitive).map(|input| input.name.clone()).collect()
}

/// The columns that a deployment logs although they were marked sensitive since it was rolled out.
pub(crate) fn logged_still(spec: &DeploySpec, version: &Version, data: &DataConfig) -> Vec<String> {
    if spec.log_share <= 0.0 {
        return Vec::new();
    }
    let inputs = &version.signature.inputs;
    let knew = |name: &String| {
        spec.not_logged.contains(name) || inputs.iter().any(|input| input.sensitive && input.name == *name)
    };
    columns(version, data).into_iter().filter(|name| !knew(name)).collect()
}
