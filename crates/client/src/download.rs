//! Downloads: a file that the host keeps, as its bytes come.

use api::ApiError;

use crate::{call, call::Client};

/// A file on its way.
#[derive(Debug)]
pub struct Download {
    client: Client,
    answer: reqwest::Response,
}

impl Client {
    /// Asks for a file by the address that pages have of it, such as `/api/blob/runs/RUN/metrics.json`.
    pub async fn download(&self, address: &str) -> Result<Download, ApiError> {
        // One that begins otherwise could lead to another host, which would be told the token.
        if !address.starts_with("/api/blob/") {
            return Err(ApiError::invalid(format!("{address} is no file of the host's.")));
        }
        let answer = self.get(address).send().await.map_err(|error| self.gone(&error))?;
        Ok(Download { client: self.clone(), answer: call::refuse_errors(address, answer).await? })
    }
}

impl Download {
    /// The next bytes; `None` once the file is whole. One that breaks off is an error.
    pub async fn part(&mut self) -> Result<Option<Vec<u8>>, ApiError> {
        let part = self.answer.chunk().await.map_err(|error| self.client.gone(&error))?;
        Ok(part.map(Vec::from))
    }
}
