//! The token in the address that clients of the MLflow protocol are given. It opens nothing but that protocol, stays
//! the same until it is renewed, and stands in the secret store.

use std::sync::atomic::Ordering;

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode,
    tracking::{GetTracking, RenewTracking, Tracking},
};

use crate::{Engine, secret, settings};

/// The user's name in the address; the token is the password.
pub const USER: &str = "slipway";
pub(crate) const SECRET: &str = "mlflow-token";

pub async fn get(engine: &Engine, _: GetTracking) -> anyhow::Result<Tracking> {
    let port = engine.tracking_port().load(Ordering::Relaxed);
    if port == 0 {
        bail!(
            ApiError::new(ErrorCode::Unsupported, "No host answers MLflow's clients now.")
                .with_hint("Start one: `slipway serve`.")
        );
    }
    let open = settings::current(engine).await?.tracking_open;
    let token = current(engine).await?;
    Ok(Tracking { address: format!("http://{USER}:{token}@127.0.0.1:{port}"), port, open })
}

pub async fn renew(engine: &Engine, _: RenewTracking) -> anyhow::Result<Tracking> {
    let mut known = engine.tracking_token().lock().await;
    let token = fresh()?;
    secret::put(engine, SECRET, &token, None).await?;
    *known = Some(token);
    drop(known);
    get(engine, GetTracking::default()).await
}

/// The token, made at first use. The secret store is asked once.
pub async fn current(engine: &Engine) -> anyhow::Result<String> {
    let mut known = engine.tracking_token().lock().await;
    if let Some(token) = &*known {
        return Ok(token.clone());
    }
    let token = match secret::get(engine, SECRET).await? {
        Some(token) => token,
        None => {
            let token = fresh()?;
            secret::put(engine, SECRET, &token, None).await?;
            token
        }
    };
    Ok(known.insert(token).clone())
}

fn fresh() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes).context("make a token")?;
    Ok(hex::encode(bytes))
}
