//! What a page may ask of the shell and a browser can't do.

use std::{ffi::OsStr, path::Path};

use api::{ApiError, ErrorCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use tauri::{AppHandle, State};
use tauri_plugin_dialog::{DialogExt as _, FilePath};
use tauri_plugin_notification::NotificationExt as _;
use tauri_plugin_opener::OpenerExt as _;

use crate::connection::Connection;

/// Where the host answers, for the page's own calls.
#[derive(Clone, Serialize)]
pub(crate) struct HostConnection {
    pub(crate) address: String,
    pub(crate) token: String,
}

#[tauri::command]
pub(crate) async fn host_connection(connection: State<'_, Connection>) -> Result<HostConnection, ApiError> {
    connection.get().await
}

#[tauri::command]
pub(crate) async fn pick_folder(app: AppHandle, title: String) -> Option<String> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    app.dialog().file().set_title(title).pick_folder(move |folder| drop(sender.send(folder)));
    receiver.await.ok().flatten().and_then(path)
}

#[tauri::command]
pub(crate) async fn pick_files(app: AppHandle, title: String) -> Vec<String> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    app.dialog()
        .file()
        .set_title(title)
        .add_filter("Tables", &["csv", "tsv", "txt", "parquet", "jsonl", "ndjson", "arrow", "feather"])
        .pick_files(move |files| drop(sender.send(files)));
    receiver.await.ok().flatten().unwrap_or_default().into_iter().filter_map(path).collect()
}

#[tauri::command]
pub(crate) async fn save_path(app: AppHandle, title: String, name: String) -> Option<String> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    app.dialog().file().set_title(title).set_file_name(name).save_file(move |file| drop(sender.send(file)));
    receiver.await.ok().flatten().and_then(path)
}

/// Shows a file or folder in the system's file manager.
#[tauri::command]
pub(crate) fn reveal(app: AppHandle, path: String) -> Result<(), ApiError> {
    app.opener().reveal_item_in_dir(&path).map_err(|error| {
        ApiError::new(ErrorCode::Internal, format!("{path} can't be shown in the file manager: {error}."))
    })
}

/// Larger files are no picture that a model looks at.
const LARGEST_PICTURE: u64 = 20_000_000;

/// A picture that was dropped on a form, as the address that the form takes: a page gets the paths of
/// what is dropped on our window, never the files.
#[tauri::command]
pub(crate) async fn picture(path: String) -> Result<String, ApiError> {
    let ending = Path::new(&path).extension().and_then(OsStr::to_str).unwrap_or_default().to_lowercase();
    let kind = match ending.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        _ => return Err(ApiError::invalid(format!("{path} is not a PNG or JPEG picture."))),
    };
    let unreadable = |error: std::io::Error| ApiError::invalid(format!("{path} can't be read: {error}."));
    let size = tokio::fs::metadata(&path).await.map_err(unreadable)?.len();
    if size > LARGEST_PICTURE {
        return Err(ApiError::invalid(format!("{path} is larger than 20 MB.")).with_hint("Scale the picture down."));
    }
    let bytes = tokio::fs::read(&path).await.map_err(unreadable)?;
    Ok(format!("data:{kind};base64,{}", STANDARD.encode(bytes)))
}

#[tauri::command]
pub(crate) fn notify(app: AppHandle, title: String, body: String) {
    // A machine without a notification service shows none; the page has the alert all the same.
    let _ = app.notification().builder().title(title).body(body).show();
}

fn path(picked: FilePath) -> Option<String> {
    picked.into_path().ok().map(|path| path.to_string_lossy().into_owned())
}
