//! `slipway-desktop`: the window. A client of the host like any other, with what a browser can't
//! do: native menus, dialogs, dropped paths, notifications, the tray. No logic of the product.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod commands;
mod connection;
mod graphics;
mod menu;
mod notices;
mod pages;
mod quit;
mod tray;

use tauri::{Manager as _, WebviewUrl, WebviewWindowBuilder, WindowEvent};

fn main() {
    graphics::work_around_drivers();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("A TLS provider was installed before.");
    }
    let built = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, arguments, directory| {
            show(app);
            connection::open_argument(app, arguments.get(1).map(String::as_str), &directory);
        }))
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_opener::init())
        .plugin(tauri_plugin_window_state::Builder::default().build())
        .manage(connection::Connection::default())
        .manage(tray::Tray::default())
        .invoke_handler(tauri::generate_handler![
            commands::host_connection,
            commands::pick_folder,
            commands::pick_files,
            commands::save_path,
            commands::reveal,
            commands::notify,
        ])
        .menu(menu::build)
        .on_menu_event(|app, event| menu::chosen(app, event.id().as_ref()))
        .on_window_event(|window, event| {
            if let WindowEvent::CloseRequested { api, .. } = event {
                // With a tray the window only hides; without one, closing it is quitting.
                api.prevent_close();
                if window.state::<tray::Tray>().is_there() {
                    let _ = window.hide();
                } else {
                    quit::ask(window.app_handle());
                }
            }
        })
        .setup(|app| {
            WebviewWindowBuilder::new(app, "main", WebviewUrl::App("index.html".into()))
                .title("Slipway")
                .inner_size(1280.0, 800.0)
                .min_inner_size(760.0, 520.0)
                .build()?;
            tray::build(app.handle());
            connection::start(app.handle());
            Ok(())
        })
        .build(pages::context());
    match built {
        Ok(app) => app.run(|_, _| {}),
        Err(error) => {
            eprintln!("Slipway's window can't be opened: {error}.");
            eprintln!("Without a display, `slipway serve` gives the same pages to a browser.");
            std::process::exit(1);
        }
    }
}

/// Brings the window to the front.
pub(crate) fn show(app: &tauri::AppHandle) {
    if let Some(window) = app.get_webview_window("main") {
        let _ = window.show();
        let _ = window.unminimize();
        let _ = window.set_focus();
    }
}
