//! An [`ApiError`] as an HTTP answer: the code decides the status, the body carries all of it.

use axum::{
    Json,
    extract::rejection::QueryRejection,
    http::StatusCode,
    response::{IntoResponse, Response},
};

use api::{ApiError, ErrorCode};

/// What a route returns where it can't answer.
#[derive(Debug)]
pub(crate) struct Refusal(pub(crate) ApiError);

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self(ApiError::invalid(format!("The address's parameters can't be read: {}.", rejection.body_text())))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let ApiError { code, message, hint, key } = self.0;
        let told = ApiError { code, message: shortened(message), hint: hint.map(shortened), key: key.map(shortened) };
        (status(code), Json(told)).into_response()
    }
}

/// Characters of the longest message that is told whole. In a longer one stands what was sent, which may have megabytes.
const LONGEST: usize = 2_000;
/// Of such a one, those that are told from its beginning and from its end.
const SHOWN: usize = 250;

pub(crate) fn shortened(message: String) -> String {
    if message.char_indices().nth(LONGEST).is_none() {
        return message;
    }
    let first = message.char_indices().nth(SHOWN).map_or(0, |(at, _)| at);
    let last = message.char_indices().rev().nth(SHOWN - 1).map_or(0, |(at, _)| at);
    format!("{}…{}", &message[..first], &message[last..])
}

fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Invalid => StatusCode::BAD_REQUEST,
        ErrorCode::InvalidProjectFile => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::NotFound => StatusCode::NOT_FOUND,
        ErrorCode::Conflict | ErrorCode::InUse | ErrorCode::Cancelled => StatusCode::CONFLICT,
        ErrorCode::Unauthorized => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::Unreachable => StatusCode::BAD_GATEWAY,
        ErrorCode::Busy => StatusCode::LOCKED,
        ErrorCode::WrongProtocol => StatusCode::UPGRADE_REQUIRED,
        ErrorCode::Unsupported => StatusCode::NOT_IMPLEMENTED,
        ErrorCode::NoSpace => StatusCode::INSUFFICIENT_STORAGE,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn an_answer_tells_little_of_what_was_sent_by_the_megabyte() {
        let sent = "ü".repeat(5_000_000);
        let error =
            ApiError { key: Some(sent.clone()), ..ApiError::not_found(format!("There is no run {sent} here.")) };
        let answer = Refusal(error.with_hint(format!("Look for {sent}."))).into_response();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let told: ApiError = serde_json::from_slice(&body).unwrap();
        assert!(told.message.starts_with("There is no run ü") && told.message.ends_with("ü here."), "{told}");
        for text in [told.message, told.hint.unwrap(), told.key.unwrap()] {
            assert_eq!(text.chars().count(), 2 * SHOWN + 1, "{text}");
        }
    }

    #[test]
    fn what_no_one_sent_by_the_megabyte_is_told_whole() {
        for count in [0, 1, SHOWN, 2 * SHOWN + 7, LONGEST] {
            let whole = "ü".repeat(count);
            assert_eq!(shortened(whole.clone()), whole);
        }
        assert_eq!(shortened("ü".repeat(LONGEST + 1)).chars().count(), 2 * SHOWN + 1);
    }
}
