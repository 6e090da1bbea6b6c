//! The workspace's settings: one value, with defaults for what was never set.

use api::{
    ApiError,
    event::Tag,
    host::{GetSettings, PutSettings, Settings},
};

use crate::Engine;

const NAME: &str = "settings";

/// The settings as they are in force.
pub async fn current(engine: &Engine) -> anyhow::Result<Settings> {
    Ok(engine.store().read(|connection| store::setting::get(connection, NAME)).await?.unwrap_or_default())
}

pub async fn get(engine: &Engine, _: GetSettings) -> anyhow::Result<Settings> {
    current(engine).await
}

/// Settings survive a power cut: they are synced before they are acknowledged.
pub async fn put(engine: &Engine, request: PutSettings) -> anyhow::Result<Settings> {
    let settings = request.settings;
    if let Some(folder) = &settings.samples_folder
        && !std::path::Path::new(folder).is_absolute()
    {
        anyhow::bail!(
            ApiError::invalid(format!("The samples' folder \"{folder}\" is not a whole path."))
                .with_hint("Start it at the root, such as /home/me/Samples.")
        );
    }
    if settings.memory_limit_bytes.is_some_and(|limit| limit < 256 << 20) {
        anyhow::bail!(
            ApiError::invalid("Trainings need at least 256 MB of memory together.")
                .with_hint("Set more, or leave it empty for 80 % of the machine's.")
        );
    }
    let written = settings.clone();
    engine.store().write_durable(move |tx| store::setting::put(tx, NAME, &written)).await?;
    engine.changed(Tag::Settings);
    Ok(settings)
}
