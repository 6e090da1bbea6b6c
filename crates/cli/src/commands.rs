//! The command line's words: one module a group, and what several groups share.

pub(crate) mod data;
pub(crate) mod deploy;
pub(crate) mod host;
pub(crate) mod job;
pub(crate) mod model;
pub(crate) mod monitor;
pub(crate) mod open;
pub(crate) mod project;
pub(crate) mod registry;
pub(crate) mod run;
pub(crate) mod search;
pub(crate) mod source;
pub(crate) mod target;
pub(crate) mod tracking;

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use api::{ApiError, ErrorCode, spending::BudgetConfig};
use clap::Args;
use serde::de::{DeserializeOwned, IntoDeserializer as _, value::StrDeserializer};

use crate::context::Outcome;

/// Reads a word of the protocol ("trees", "keychain"), so that no list of them is kept twice.
pub(crate) fn parse_word<T: DeserializeOwned>(word: &str) -> Result<T, String> {
    let deserializer: StrDeserializer<'_, serde::de::value::Error> = word.into_deserializer();
    T::deserialize(deserializer).map_err(|error| error.to_string())
}

/// A number; NaN and the infinities are none, and would be lost in JSON.
pub(crate) fn parse_number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err("not a finite number".to_owned()),
    }
}

/// What a run, or all trials of a search together, may use at most.
#[derive(Debug, Args)]
pub(crate) struct Budget {
    /// Stop at this cost, in the settings' currency; of a search that of all trials together. It overrides the one in slipway.toml
    #[arg(long, value_name = "AMOUNT", value_parser = parse_number)]
    max_cost: Option<f64>,
    /// Stop after so many hours; of a search those of all trials together. It overrides the one in slipway.toml
    #[arg(long, value_name = "HOURS", value_parser = parse_number)]
    max_hours: Option<f64>,
    /// Stop after so many kilowatt-hours of the GPUs; of a search those of all trials together. It overrides the one in slipway.toml
    #[arg(long, value_name = "KWH", value_parser = parse_number)]
    max_kwh: Option<f64>,
}

impl Budget {
    /// The limits that are given.
    pub(crate) const fn given(&self) -> BudgetConfig {
        BudgetConfig { max_cost: self.max_cost, max_hours: self.max_hours, max_kwh: self.max_kwh }
    }
}

/// A check that was printed and failed also fails the command.
pub(crate) fn passed(ok: bool, message: &str, hint: Option<String>) -> Outcome {
    if ok {
        return Ok(());
    }
    let mut error = ApiError::new(ErrorCode::Unreachable, message);
    error.hint = hint;
    Err(error)
}

/// Reads a secret from stdin: its first line. On a terminal the typed line is not shown.
pub(crate) fn read_secret(prompt: &str) -> Outcome<String> {
    let stdin = std::io::stdin();
    let hidden = if stdin.is_terminal() {
        let mut stderr = std::io::stderr();
        let _ = write!(stderr, "{prompt}: ").and_then(|()| stderr.flush());
        Some(crate::terminal::hide_typing())
    } else {
        None
    };
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    if hidden.is_some() {
        let _ = writeln!(std::io::stderr());
    }
    read.map_err(|error| ApiError::invalid(format!("The value can't be read from stdin: {error}.")))?;
    let value = line.trim_end_matches(['\r', '\n']).to_owned();
    if value.is_empty() {
        return Err(
            ApiError::invalid("No value came from stdin.").with_hint("Pipe it in: `printf %s VALUE | slipway …`.")
        );
    }
    Ok(value)
}
