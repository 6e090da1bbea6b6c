//! The one dispatch: a request's type routes to its handler, by every wire alike.
//!
//! A handler is `async fn(&Engine, R) -> anyhow::Result<R::Response>` and runs on the caller's task;
//! what blocks is moved to a blocking thread by the handler. The list below is the only table.

use api::{ApiError, ErrorCode, Request};
use serde_json::Value;

use crate::{Engine, error, hardware, host_log, jobs, settings};

macro_rules! handlers {
    ($($request:path => $handler:path,)*) => {
        /// The methods that have a handler.
        pub const HANDLED: &[&str] = &[$(<$request as Request>::METHOD),*];

        async fn route(engine: &Engine, method: &str, params: Value) -> anyhow::Result<Value> {
            match method {
                $(<$request as Request>::METHOD => {
                    let request: $request = parse(method, params)?;
                    // Boxed, so that the largest handler does not size every call.
                    let response: <$request as Request>::Response = Box::pin($handler(engine, request)).await?;
                    Ok(serde_json::to_value(response)?)
                })*
                _ => Err(unknown(method).into()),
            }
        }
    };
}

handlers! {
    // host
    api::host::GetHardware => hardware::get,
    api::host::GetSettings => settings::get,
    api::host::PutSettings => settings::put,
    api::host::GetLog => host_log::get,
    // job
    api::job::ListJobs => jobs::list,
    api::job::GetJob => jobs::get,
    api::job::CancelJob => jobs::cancel,
    api::job::RetryJob => jobs::retry,
    api::job::GetJobLog => jobs::log,
    // host
    api::host::GetHardware => crate::hardware::get,
    api::host::GetSettings => crate::settings::get,
    api::host::PutSettings => crate::settings::put,
    api::host::GetLog => crate::host_log::get,
}

/// Answers a call.
pub async fn dispatch(engine: &Engine, method: &str, params: Value) -> Result<Value, ApiError> {
    route(engine, method, params).await.map_err(|failure| {
        let told = error::told(&failure);
        if told.code == ErrorCode::Internal {
            tracing::error!(method, error = format!("{failure:#}"), "a call failed");
        } else {
            tracing::debug!(method, error = format!("{failure:#}"), "a call was refused");
        }
        told
    })
}

/// The same for callers in this process, typed.
pub async fn call<R: Request>(engine: &Engine, request: R) -> Result<R::Response, ApiError> {
    let broken = |error: serde_json::Error| ApiError::new(ErrorCode::Internal, error.to_string());
    let params = serde_json::to_value(request).map_err(broken)?;
    let response = dispatch(engine, R::METHOD, params).await?;
    serde_json::from_value(response).map_err(broken)
}

fn parse<R: Request>(method: &str, params: Value) -> Result<R, ApiError> {
    let params = if params.is_null() { Value::Object(serde_json::Map::new()) } else { params };
    serde_json::from_value(params).map_err(|error| ApiError::invalid(format!("The parameters of {method} are wrong: {error}.")))
}

fn unknown(method: &str) -> ApiError {
    ApiError::new(ErrorCode::WrongProtocol, format!("This host knows no call \"{method}\"."))
        .with_hint("Host and client are of different versions: update the older one.")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn each_method_has_one_handler() {
        let known: BTreeSet<&str> = api::call::methods().into_iter().collect();
        let handled: BTreeSet<&str> = super::HANDLED.iter().copied().collect();
        assert_eq!(handled.len(), super::HANDLED.len(), "a method is handled twice");
        let missing: Vec<_> = known.difference(&handled).collect();
        assert!(missing.is_empty(), "without a handler: {missing:?}");
    }
}
