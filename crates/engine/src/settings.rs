//! The workspace's settings: one value, with defaults for what was never set.

use api::{
    ApiError,
    event::Tag,
    host::{GetSettings, PORTS, PutSettings, SecretBackend, Settings},
};

use crate::{Engine, project_file, secret};

const NAME: &str = "settings";

/// The settings as they are in force.
pub async fn current(engine: &Engine) -> anyhow::Result<Settings> {
    Ok(engine.store().read(|connection| store::setting::get(connection, NAME)).await?.unwrap_or_default())
}

pub async fn get(engine: &Engine, _: GetSettings) -> anyhow::Result<Settings> {
    current(engine).await
}

/// Settings survive a power cut: they are synced before they are acknowledged. Where secrets are kept, once chosen, is
/// changed by [`secret::move_all`] alone.
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
    if let Some(port) = settings.tracking_port.filter(|port| !PORTS.contains(port)) {
        anyhow::bail!(
            ApiError::invalid(format!("MLflow's clients can't be answered on port {port}."))
                .with_hint("Set one from 1 to 65535, or leave it empty for 5577, or any free one where that is taken.")
        );
    }
    let price = |price: Option<f64>| price.is_none_or(|price| price >= 0.0 && price.is_finite());
    if !price(settings.price_per_hour) || !price(settings.price_per_kwh) {
        anyhow::bail!(ApiError::invalid("A price is an amount of 0 or more.").with_hint("Leave it empty for none."));
    }
    project_file::check_budget(&settings.tracking_budget()).map_err(|error| {
        let message = format!("A limit of runs without a project can't be kept: {}", error.message);
        ApiError { message, ..error }.with_hint("Leave it empty for none.")
    })?;
    if settings.tracking_max_cost.is_some() && settings.price_per_hour.is_none() && settings.price_per_kwh.is_none() {
        anyhow::bail!(
            ApiError::invalid("`tracking_max_cost` can't be kept: no price is set, so nothing costs anything.").with_hint(
                "Set what this machine costs: `slipway settings set price_per_hour=1.20`; or take the limit away first: \
                 `slipway settings set tracking_max_cost=`."
            )
        );
    }
    if settings.currency.chars().count() > 12 || settings.currency.chars().any(char::is_control) {
        anyhow::bail!(
            ApiError::invalid("A currency has at most 12 characters, on one line.").with_hint("Such as EUR or USD.")
        );
    }
    let written = engine
        .store()
        .write_durable(move |tx| {
            let now: Settings = store::setting::get(tx, NAME)?.unwrap_or_default();
            // What is kept in one store can't be read from another: it is moved there.
            let secret_store = match (now.secret_store, settings.secret_store) {
                (Some(now), Some(asked)) if now != asked => return Err(secret::kept_in(now, asked).into()),
                (now, asked) => now.or(asked),
            };
            let settings = Settings { secret_store, ..settings };
            store::setting::put(tx, NAME, &settings)?;
            Ok(settings)
        })
        .await?;
    engine.changed(Tag::Settings);
    Ok(written)
}

/// Notes where secrets are kept from now on; all else stays as it is.
pub(crate) async fn keep_secrets_in(engine: &Engine, backend: SecretBackend) -> anyhow::Result<()> {
    let note = move |tx: &store::Transaction<'_>| {
        let now: Settings = store::setting::get(tx, NAME)?.unwrap_or_default();
        store::setting::put(tx, NAME, &Settings { secret_store: Some(backend), ..now })
    };
    engine.store().write_durable(note).await?;
    engine.changed(Tag::Settings);
    Ok(())
}
