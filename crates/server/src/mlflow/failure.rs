//! Errors as MLflow's clients know them.

use api::{ApiError, ErrorCode};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{refusal::shortened, upload::Unreceived};

pub(super) const INVALID: &str = "INVALID_PARAMETER_VALUE";
pub(super) const MISSING: &str = "RESOURCE_DOES_NOT_EXIST";
const EXISTS: &str = "RESOURCE_ALREADY_EXISTS";
const DENIED: &str = "PERMISSION_DENIED";

#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: shortened(message.into()) }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID, message)
    }

    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, MISSING, message)
    }

    /// What was not sent in time: clients send that again.
    pub(super) fn late(message: impl Into<String>) -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "DEADLINE_EXCEEDED", message)
    }

    /// Of a request that gives a name: one that another has.
    pub(super) fn of_name(error: anyhow::Error) -> Self {
        Self::of(error, StatusCode::BAD_REQUEST, EXISTS)
    }

    /// Of a request that writes or deletes files: what was imported, and what a training made, is only read.
    pub(super) fn of_files(error: anyhow::Error) -> Self {
        Self::of(error, StatusCode::FORBIDDEN, DENIED)
    }

    /// What a conflict is to MLflow's clients depends on what they asked for.
    fn of(error: anyhow::Error, status: StatusCode, code: &'static str) -> Self {
        let is_conflict = engine::error::told(&error).code == ErrorCode::Conflict;
        let failure = Self::from(error);
        if is_conflict { Self { status, code, ..failure } } else { failure }
    }

    /// A required field that is not there.
    pub(super) fn required(name: &str) -> Self {
        Self::invalid(format!(
            "Missing value for required parameter '{name}'. See the API docs for more information about request parameters."
        ))
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let (status, code) = match error.code {
            ErrorCode::Invalid | ErrorCode::InvalidProjectFile => (StatusCode::BAD_REQUEST, INVALID),
            ErrorCode::NotFound => (StatusCode::NOT_FOUND, MISSING),
            ErrorCode::Conflict | ErrorCode::InUse | ErrorCode::Cancelled => (StatusCode::BAD_REQUEST, "INVALID_STATE"),
            ErrorCode::Unauthorized => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
            ErrorCode::Forbidden => (StatusCode::FORBIDDEN, DENIED),
            ErrorCode::Unsupported | ErrorCode::WrongProtocol => (StatusCode::NOT_IMPLEMENTED, "NOT_IMPLEMENTED"),
            // Nothing of the request was done. Clients send such a one again; after 503 those of MLflow 3.18 do so only of
            // what may be done twice, and a run or a model that they begin would be lost.
            ErrorCode::Busy => (StatusCode::TOO_MANY_REQUESTS, "REQUEST_LIMIT_EXCEEDED"),
            ErrorCode::Unreachable => (StatusCode::SERVICE_UNAVAILABLE, "TEMPORARILY_UNAVAILABLE"),
            ErrorCode::NoSpace => (StatusCode::INSUFFICIENT_STORAGE, "RESOURCE_EXHAUSTED"),
            ErrorCode::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
        };
        let message = match error.hint {
            Some(hint) => format!("{} {hint}", error.message),
            None => error.message,
        };
        Self::new(status, code, message)
    }
}

impl From<Unreceived> for Failure {
    fn from(reason: Unreceived) -> Self {
        let is_late = matches!(reason, Unreceived::StoodStill(_));
        let error = ApiError::from(reason);
        if is_late { Self::late(error.to_string()) } else { error.into() }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let told = engine::error::told(&error);
        if told.code == ErrorCode::Internal {
            tracing::error!(error = format!("{error:#}"), "a request of MLflow's protocol failed");
        }
        told.into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error_code": self.code, "message": self.message }))).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `_UNPROCESSED_REQUEST_RESPONSE_CODES` of MLflow's `utils/rest_utils.py` has them, since 3.18.
    #[test]
    fn what_was_not_done_is_told_so_that_a_client_asks_again() {
        let busy = || ApiError::new(ErrorCode::Busy, "Another program keeps the workspace's slipway.db locked.");
        for failure in [Failure::from(busy()), Failure::of_name(busy().into()), Failure::late("It did not arrive.")] {
            assert!([408, 429].contains(&failure.status.as_u16()), "{failure:?}");
        }
        let other = Failure::from(ApiError::new(ErrorCode::Unreachable, "It does not answer."));
        assert_eq!((other.status.as_u16(), other.code), (503, "TEMPORARILY_UNAVAILABLE"));
    }

    #[test]
    fn a_message_with_megabytes_of_what_was_sent_is_short() {
        let told = Failure::missing(format!("Run with id={} not found", "ü".repeat(5_000_000))).message;
        assert!(told.starts_with("Run with id=ü") && told.ends_with("ü not found"), "{told}");
        assert!(told.chars().count() <= 600, "{}", told.len());
        let whole = "ü".repeat(1_007);
        assert_eq!(Failure::missing(whole.clone()).message, whole);
    }
}
