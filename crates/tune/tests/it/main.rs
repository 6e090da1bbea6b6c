//! What this crate promises, from the outside.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails there")]

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tune::{space::Space, trial::Trial};

mod asha;
mod importance;
mod intervals;
mod samplers;
mod spaces;

/// What `fixtures/record.py` recorded.
fn recorded<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{name}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn space(json: Json) -> Space {
    serde_json::from_value(json).unwrap()
}

/// `lr=0.1 model=trees`.
fn said(trial: &Trial) -> String {
    trial.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn near(found: f64, expected: f64, tolerance: f64) -> bool {
    (found - expected).abs() <= tolerance * (1.0 + expected.abs())
}
