//! The window's connection to the host: found or started once, shared by the page and the shell.

use api::{
    ApiError, ErrorCode,
    host::{GetHost, StopHost},
};
use client::{call::Client, find, start, workspace::Workspace};
use tauri::{AppHandle, Manager as _};
use tokio::sync::Mutex;

use crate::{commands::HostConnection, notices};

/// The client, once there is one. A failed start is tried again at the next call.
#[derive(Default)]
pub(crate) struct Connection(Mutex<Option<Client>>);

impl Connection {
    /// The host's address and token, for the page.
    pub(crate) async fn get(&self) -> Result<HostConnection, ApiError> {
        let client = self.client().await?;
        let host = client.host();
        Ok(HostConnection { address: host.address.clone(), token: host.token.clone() })
    }

    /// A client of a host that answers, started where none runs.
    pub(crate) async fn client(&self) -> Result<Client, ApiError> {
        let mut known = self.0.lock().await;
        if let Some(client) = known.as_ref()
            && client.call(GetHost {}).await.is_ok()
        {
            return Ok(client.clone());
        }
        let client = find::host_or_start(&Workspace::locate()?, &start::program()?).await?;
        *known = Some(client.clone());
        Ok(client)
    }

    /// A client of the host that runs now; none is started.
    pub(crate) async fn running(&self) -> Result<Option<Client>, ApiError> {
        let found = find::host(&Workspace::locate()?).await?;
        if let Some(client) = &found {
            *self.0.lock().await = Some(client.clone());
        }
        Ok(found)
    }

    /// What is under way, as short phrases; empty where there is no host to ask.
    pub(crate) async fn work(&self) -> Vec<String> {
        let known = self.0.lock().await.clone();
        match known {
            Some(client) => client.call(GetHost {}).await.map(|info| info.work).unwrap_or_default(),
            None => Vec::new(),
        }
    }

    pub(crate) async fn stop_work(&self) {
        if let Some(client) = self.0.lock().await.as_ref() {
            // The host may be gone before it answers; that is what was asked.
            let _ = client.call(StopHost { stop_work: true }).await;
        }
    }
}

/// Connects in the background, so that the page finds the host there, and listens for notices.
pub(crate) fn start(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move { notices::listen(&app).await });
}

/// Whether a failed connection is worth another try by itself.
pub(crate) fn is_temporary(error: &ApiError) -> bool {
    matches!(error.code, ErrorCode::Unreachable | ErrorCode::Busy)
}

/// The connection, from any thread of the shell.
pub(crate) fn of(app: &AppHandle) -> tauri::State<'_, Connection> {
    app.state::<Connection>()
}
