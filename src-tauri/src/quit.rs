//! Quitting asks where work is under way: keep working in the background, or stop it (resumable).

use tauri::{AppHandle, Manager as _};
use tauri_plugin_dialog::{DialogExt as _, MessageDialogButtons, MessageDialogResult};

use crate::connection::Connection;

const KEEP: &str = "Keep working";
const STOP: &str = "Stop it and quit";
const CANCEL: &str = "Cancel";

pub(crate) fn ask(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let work = app.state::<Connection>().work().await;
        if work.is_empty() {
            app.exit(0);
            return;
        }
        let handle = app.clone();
        app.dialog()
            .message(format!(
                "Still under way: {}.\n\nKept working, all of it goes on without the window. Stopped, trainings can be \
                 resumed later, and other jobs are cancelled; what is deployed on this machine goes on answering, and \
                 is watched again once Slipway is opened.",
                work.join(", ")
            ))
            .title("Quit Slipway?")
            .buttons(MessageDialogButtons::YesNoCancelCustom(KEEP.to_owned(), STOP.to_owned(), CANCEL.to_owned()))
            .show_with_result(move |answer| {
                tauri::async_runtime::spawn(async move {
                    match answer {
                        MessageDialogResult::Yes => handle.exit(0),
                        MessageDialogResult::Custom(label) if label == KEEP => handle.exit(0),
                        MessageDialogResult::No => stop(&handle).await,
                        MessageDialogResult::Custom(label) if label == STOP => stop(&handle).await,
                        _ => {}
                    }
                });
            });
    });
}

async fn stop(app: &AppHandle) {
    app.state::<Connection>().stop_work().await;
    app.exit(0);
}
