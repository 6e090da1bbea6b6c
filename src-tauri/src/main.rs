//! `slipway-desktop`: the window. A client of the host like any other, with what a browser can't
//! do: native menus, dialogs, dropped paths, notifications, the tray. No logic of the product.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod arrivals;
mod commands;
mod connection;
mod graphics;
mod menu;
mod notices;
mod pages;
mod quit;
mod saving;
mod tray;

use std::path::Path;

use tauri::{Manager as _, WebviewUrl, WebviewWindowBuilder, WindowEvent};
use tauri_plugin_window_state::StateFlags;

fn main() {
    graphics::work_around_drivers();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("A TLS provider was installed before.");
    }
    let built = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, arguments, directory| {
            show(app);
            arrivals::came(app, arguments.get(1..).unwrap_or_default(), Path::new(&directory));
        }))
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_opener::init())
        // Not whether it is seen: a window that was closed into the tray must not start hidden.
        .plugin(
            tauri_plugin_window_state::Builder::default()
                .with_state_flags(StateFlags::all() & !StateFlags::VISIBLE)
                .build(),
        )
        .manage(connection::Connection::default())
        .manage(arrivals::Waiting::default())
        .manage(tray::Tray::default())
        .invoke_handler(tauri::generate_handler![
            commands::host_connection,
            commands::pick_folder,
            commands::pick_files,
            commands::save_path,
            saving::save_file,
            saving::save_from_host,
            commands::picture,
            arrivals::take_arrivals,
            commands::reveal,
            commands::notify,
        ])
        .menu(menu::build)
        .on_menu_event(|app, event| menu::chosen(app, event.id().as_ref()))
        .on_window_event(|window, event| {
            if let WindowEvent::CloseRequested { api, .. } = event {
                api.prevent_close();
                close(window.clone());
            }
        })
        .setup(|app| {
            let window = WebviewWindowBuilder::new(app, "main", WebviewUrl::App("index.html".into()))
                .title("Slipway")
                .inner_size(1280.0, 800.0)
                .min_inner_size(760.0, 520.0)
                // Where the person is, as the pages say it: a list of windows is read by it.
                .on_document_title_changed(|window, title| {
                    let _ = window.set_title(&title);
                });
            // WebKitGTK may refuse a page the clipboard otherwise; to the others a press is enough.
            #[cfg(target_os = "linux")]
            let window = window.enable_clipboard_access();
            window.build()?;
            tray::build(app.handle());
            let arguments: Vec<String> = std::env::args().skip(1).collect();
            if let Ok(directory) = std::env::current_dir() {
                arrivals::came(app.handle(), &arguments, &directory);
            }
            connection::start(app.handle());
            Ok(())
        })
        .build(pages::context());
    match built {
        Ok(app) => app.run(happened),
        Err(error) => {
            eprintln!("Slipway's window can't be opened: {error}.");
            eprintln!("Without a display, `slipway serve` gives the same pages to a browser.");
            std::process::exit(1);
        }
    }
}

/// A press on the dock's icon brings a window back that was closed into the tray, and files that are
/// opened with us come as addresses.
#[cfg(target_os = "macos")]
fn happened(app: &tauri::AppHandle, event: tauri::RunEvent) {
    match event {
        tauri::RunEvent::Reopen { .. } => show(app),
        tauri::RunEvent::Opened { urls } => {
            let paths: Vec<String> = urls.iter().map(ToString::to_string).collect();
            show(app);
            arrivals::came(app, &paths, Path::new("/"));
        }
        _ => {}
    }
}

#[cfg(not(target_os = "macos"))]
fn happened(_: &tauri::AppHandle, _: tauri::RunEvent) {}

/// Where a tray can bring it back the window only hides; elsewhere closing it is quitting.
fn close(window: tauri::Window) {
    std::thread::spawn(move || {
        if window.state::<tray::Tray>().is_shown() {
            let _ = window.hide();
        } else {
            quit::ask(window.app_handle());
        }
    });
}

/// Brings the window to the front.
pub(crate) fn show(app: &tauri::AppHandle) {
    if let Some(window) = app.get_webview_window("main") {
        let _ = window.show();
        let _ = window.unminimize();
        let _ = window.set_focus();
    }
}
