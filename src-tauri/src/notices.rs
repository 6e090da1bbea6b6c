//! Desktop notifications: the window's answer to alerts and to notices of finished work.

use std::time::Duration;

use api::{event::Event, host::GetSettings};
use futures::StreamExt as _;
use tauri::{AppHandle, Manager as _};
use tauri_plugin_notification::NotificationExt as _;

use crate::connection;

/// Listens for as long as the window lives; a host that ends is waited for, not started again:
/// the page does that when somebody asks it something.
pub(crate) async fn listen(app: &AppHandle) {
    let connection = connection::of(app);
    let mut first = Some(connection.client().await);
    loop {
        let found = match first.take() {
            Some(started) => started.map(Some),
            None => connection.running().await,
        };
        match found {
            Ok(None) => {}
            Ok(Some(client)) => {
                let events = client.events(Duration::from_secs(20));
                futures::pin_mut!(events);
                while let Some(event) = events.next().await {
                    let Some((title, body, always)) = words(&event) else { continue };
                    let wanted = client.call(GetSettings {}).await.is_ok_and(|settings| settings.notifications);
                    // What the person is looking at needs no notification; an alert does.
                    let looking =
                        app.get_webview_window("main").is_some_and(|window| window.is_focused().unwrap_or(false));
                    if wanted && (always || !looking) {
                        let _ = app.notification().builder().title(title).body(body).show();
                    }
                }
            }
            Err(error) if !connection::is_temporary(&error) => return,
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

fn words(event: &Event) -> Option<(String, String, bool)> {
    match event {
        Event::AlertRaised { alert } => {
            Some((format!("Drift on {}", alert.deployment_name), alert.sentence.clone(), true))
        }
        Event::Notice { title, body, .. } => Some((title.clone(), body.clone(), false)),
        _ => None,
    }
}
