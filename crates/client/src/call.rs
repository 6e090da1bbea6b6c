//! Typed calls: a request goes out as `POST /api/call`, its response or an [`ApiError`] comes back.

use std::time::Duration;

use api::{
    ApiError, ErrorCode, Request,
    call::Call,
    host::HostFile,
    series::{self, Series, Viewports},
};
use serde_json::Value;

use crate::{host_file, workspace::Workspace};

/// A connection to one host.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    host: HostFile,
    /// Where the next host of the same workspace is found, if it is known.
    workspace: Option<Workspace>,
}

impl Client {
    /// A client of the host that the file names; nothing is sent yet.
    pub fn new(host: HostFile) -> Result<Self, ApiError> {
        // The host is on loopback: a proxy from the environment must not see the token.
        let http = reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(2)).build();
        let http = http.map_err(|error| ApiError::new(ErrorCode::Internal, format!("Can't set up HTTP: {error}.")))?;
        Ok(Self { http, host, workspace: None })
    }

    pub(crate) fn of(self, workspace: &Workspace) -> Self {
        Self { workspace: Some(workspace.clone()), ..self }
    }

    /// The same client at the host that the workspace has now, where that is another.
    pub(crate) fn moved(&self) -> Option<Self> {
        let host = host_file::read(self.workspace.as_ref()?)?;
        (host != self.host).then(|| Self { host, ..self.clone() })
    }

    pub fn host(&self) -> &HostFile {
        &self.host
    }

    /// Asks the host.
    pub async fn call<R: Request>(&self, request: R) -> Result<R::Response, ApiError> {
        let answer = self.post(&Call { method: R::METHOD.to_owned(), params: request }).await?;
        read_json(R::METHOD, answer).await
    }

    /// Asks a method by name, for callers that pass JSON through.
    pub async fn call_json(&self, method: &str, params: Value) -> Result<Value, ApiError> {
        let answer = self.post(&Call { method: method.to_owned(), params }).await?;
        read_json(method, answer).await
    }

    /// Fetches viewports of series, in their order; `None` where a run has no such series.
    pub async fn series(&self, viewports: &Viewports) -> Result<Vec<Option<Series>>, ApiError> {
        let request = self.http.post(format!("{}/api/series", self.host.address)).bearer_auth(&self.host.token);
        let answer = request.json(viewports).send().await.map_err(|error| self.gone(&error))?;
        let answer = refuse_errors("series", answer).await?;
        let bytes = answer.bytes().await.map_err(|error| self.gone(&error))?;
        series::many_from_bytes(&bytes)
            .map_err(|error| ApiError::new(ErrorCode::WrongProtocol, format!("The host's answer is {error}.")))
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("{}{path}", self.host.address)).bearer_auth(&self.host.token)
    }

    pub(crate) fn put(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.put(format!("{}{path}", self.host.address)).bearer_auth(&self.host.token)
    }

    async fn post<T: serde::Serialize>(&self, call: &T) -> Result<reqwest::Response, ApiError> {
        let request = self.http.post(format!("{}/api/call", self.host.address)).bearer_auth(&self.host.token);
        request.json(call).send().await.map_err(|error| self.gone(&error))
    }

    /// The error of a host that doesn't answer.
    pub(crate) fn gone(&self, error: &reqwest::Error) -> ApiError {
        let why = std::error::Error::source(error).map_or_else(|| error.to_string(), |source| root(source).to_string());
        ApiError::new(
            ErrorCode::Unreachable,
            format!("The host at {} (process {}) doesn't answer: {why}.", self.host.address, self.host.pid),
        )
        .with_hint("If it has ended, the next command starts without it.")
    }
}

fn root<'a>(mut error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    while let Some(source) = error.source() {
        error = source;
    }
    error
}

/// Passes a good answer on and turns a refusal into the error that its body carries.
pub(crate) async fn refuse_errors(what: &str, answer: reqwest::Response) -> Result<reqwest::Response, ApiError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = answer.bytes().await.unwrap_or_default();
    Err(serde_json::from_slice(&body).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(&body).chars().take(300).collect::<String>();
        ApiError::new(ErrorCode::Internal, format!("The host answered {what} with {status}: {text}"))
    }))
}

async fn read_json<T: serde::de::DeserializeOwned>(method: &str, answer: reqwest::Response) -> Result<T, ApiError> {
    let answer = refuse_errors(method, answer).await?;
    let body = answer.bytes().await.map_err(|error| {
        ApiError::new(ErrorCode::Unreachable, format!("The host's answer to {method} was cut off: {error}."))
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        ApiError::new(ErrorCode::WrongProtocol, format!("The host's answer to {method} can't be read: {error}."))
            .with_hint("Host and command are of different versions: end the host with `slipway serve --stop`.")
    })
}
