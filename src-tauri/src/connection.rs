//! The window's connection to the host: found or started once, shared by the page and the shell.

use api::{
    ApiError, ErrorCode,
    host::{GetHost, StopHost},
};
use client::{call::Client, find, start, workspace::Workspace};
use tauri::{AppHandle, Emitter as _, Manager as _};
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
    tauri::async_runtime::spawn(async move {
        let arguments: Vec<String> = std::env::args().collect();
        if let Ok(directory) = std::env::current_dir() {
            open_argument(&app, arguments.get(1).map(String::as_str), &directory.to_string_lossy());
        }
        notices::listen(&app).await;
    });
}

/// A path given to the program is for the page to open, as if it had been dropped on it.
pub(crate) fn open_argument(app: &AppHandle, argument: Option<&str>, directory: &str) {
    let Some(argument) = argument.filter(|argument| !argument.starts_with('-')) else { return };
    let path = std::path::Path::new(directory).join(argument);
    let _ = app.emit("open-path", path.to_string_lossy());
}

/// Whether a failed connection is worth another try by itself.
pub(crate) fn is_temporary(error: &ApiError) -> bool {
    matches!(error.code, ErrorCode::Unreachable | ErrorCode::Busy)
}

/// The connection, from any thread of the shell.
pub(crate) fn of(app: &AppHandle) -> tauri::State<'_, Connection> {
    app.state::<Connection>()
}
