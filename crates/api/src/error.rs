//! What every caller is told when something fails.
//!
//! Inner crates have typed errors where a caller branches on them; the engine says with `anyhow`
//! what was being attempted; at the edge, once, the failure becomes an [`ApiError`]: a code that
//! somebody branches on, a sentence that says what failed, where and why, and the way out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A failed request, as the window, the browser and the command line see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    pub code: ErrorCode,
    /// What failed, where and why, in whole sentences.
    pub message: String,
    /// The way out, where we know one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The key of `slipway.toml` that it is about ("split.test"): a form says it beside that field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// Codes exist only where someone branches on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request itself is wrong: the user can mend it.
    Invalid,
    /// `slipway.toml` is wrong; the last good one stays in force.
    InvalidProjectFile,
    NotFound,
    /// It exists already, or something else holds it.
    Conflict,
    /// Something still points at what was to be deleted.
    InUse,
    /// The caller has no valid token, or comes from a foreign origin.
    Unauthorized,
    /// A remote system refused our credentials or rights.
    Forbidden,
    /// A remote system can't be reached.
    Unreachable,
    /// Another process holds the workspace.
    Busy,
    /// Host and client speak different protocol versions.
    WrongProtocol,
    /// This system or build can't do it; the message says why.
    Unsupported,
    /// The disk is full or a limit is reached.
    NoSpace,
    /// Stopped by a person.
    Cancelled,
    /// A fault of ours, or one that nobody branches on.
    Internal,
}

impl ApiError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, key: None }
    }
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, message)
    }
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ApiError {}
