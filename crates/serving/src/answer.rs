//! How a request fails: a status and one sentence, as `{"error": "…"}` in every protocol (the form
//! of the Open Inference Protocol and of KServe v1).

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Invalid(String),
    #[error(transparent)]
    Row(#[from] infer::rows::RowError),
    #[error("{0}")]
    NotFound(String),
    #[error(
        "the body has more than {limit} bytes: send fewer rows in one request, or start the server with a larger --body-limit-bytes"
    )]
    TooLarge { limit: usize },
    #[error(
        "the answer took longer than {seconds} s: send fewer rows in one request, or try again when the server is less busy"
    )]
    TimedOut { seconds: u64 },
    #[error("the request did not arrive whole within {seconds} s: send it again")]
    Unfinished { seconds: u64 },
    #[error(
        "a page of {origin} may only ask with the content type application/json: a browser then asks first whether it may"
    )]
    Unasked { origin: String },
    #[error("the body is encoded as {encoding:?}, which is not read here: send it as plain JSON")]
    Encoded { encoding: String },
    #[error("the server is answering as many requests as it may: try again in a second, or run more instances")]
    Overloaded,
    #[error("the server is ending: try again, another instance will answer")]
    Ending,
    #[error("the model failed on these rows: {0}")]
    Model(String),
}

impl Failure {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::Row(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unfinished { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::Unasked { .. } | Self::Encoded { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TimedOut { .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Overloaded | Self::Ending => StatusCode::SERVICE_UNAVAILABLE,
            Self::Model(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = self.status();
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            crate::say(&format!("a request failed: {self}"));
        }
        let mut response = (status, Json(json!({ "error": self.to_string() }))).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
