//! Errors as MLflow's clients know them.

use api::{ApiError, ErrorCode};
use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

pub(super) const INVALID: &str = "INVALID_PARAMETER_VALUE";
pub(super) const MISSING: &str = "RESOURCE_DOES_NOT_EXIST";
pub(super) const EXISTS: &str = "RESOURCE_ALREADY_EXISTS";

#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID, message)
    }

    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, MISSING, message)
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
            ErrorCode::Conflict => (StatusCode::BAD_REQUEST, EXISTS),
            ErrorCode::InUse | ErrorCode::Cancelled => (StatusCode::BAD_REQUEST, "INVALID_STATE"),
            ErrorCode::Unauthorized => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
            ErrorCode::Forbidden => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
            ErrorCode::Unsupported | ErrorCode::WrongProtocol => (StatusCode::NOT_IMPLEMENTED, "NOT_IMPLEMENTED"),
            ErrorCode::Unreachable | ErrorCode::Busy => (StatusCode::SERVICE_UNAVAILABLE, "TEMPORARILY_UNAVAILABLE"),
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
