//! The tray: the window closes into it, and work goes on.

use std::sync::atomic::{AtomicBool, Ordering};

use tauri::{
    AppHandle, Manager as _,
    menu::{Menu, MenuItem},
    tray::{MouseButton, MouseButtonState, TrayIconBuilder, TrayIconEvent},
};

/// Whether this desktop has a tray for us.
#[derive(Default)]
pub(crate) struct Tray(AtomicBool);

impl Tray {
    /// Whether a window that is hidden now can be brought back by the person. Asks the session bus: not for
    /// the window's own thread.
    pub(crate) fn is_shown(&self) -> bool {
        self.0.load(Ordering::Relaxed) && somebody_shows_it()
    }
}

/// Without a tray (a missing library, a bare window manager) closing the window quits instead.
pub(crate) fn build(app: &AppHandle) {
    if !can_be_built() {
        return;
    }
    match try_build(app) {
        Ok(()) => app.state::<Tray>().0.store(true, Ordering::Relaxed),
        Err(error) => eprintln!("No tray on this desktop: {error}"),
    }
}

fn try_build(app: &AppHandle) -> tauri::Result<()> {
    let show = MenuItem::with_id(app, "show", "Show Slipway", true, None::<&str>)?;
    let quit = MenuItem::with_id(app, "quit", "Quit…", true, None::<&str>)?;
    // A press shows the window, the other button the menu; Linux only knows the menu.
    let mut tray = TrayIconBuilder::with_id("slipway")
        .tooltip("Slipway")
        .menu(&Menu::with_items(app, &[&show, &quit])?)
        .show_menu_on_left_click(false);
    if let Some(icon) = app.default_window_icon() {
        tray = tray.icon(icon.clone());
    }
    tray.on_tray_icon_event(|tray, event| {
        if let TrayIconEvent::Click { button: MouseButton::Left, button_state: MouseButtonState::Up, .. } = event {
            crate::show(tray.app_handle());
        }
    })
    .build(app)?;
    Ok(())
}

/// A desktop without a place for trays (GNOME without its extension, a bare window manager) takes the icon
/// and shows it nowhere. Who shows them owns this name on the session bus.
#[cfg(target_os = "linux")]
fn somebody_shows_it() -> bool {
    let asked = || -> zbus::Result<bool> {
        let bus = zbus::blocking::Connection::session()?;
        Ok(zbus::blocking::fdo::DBusProxy::new(&bus)?.name_has_owner("org.kde.StatusNotifierWatcher".try_into()?)?)
    };
    asked().unwrap_or(false)
}

#[cfg(not(target_os = "linux"))]
fn somebody_shows_it() -> bool {
    true
}

/// A tray needs a session bus and the library that speaks to it.
#[cfg(target_os = "linux")]
fn can_be_built() -> bool {
    let bus = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some_and(|address| !address.is_empty());
    let library =
        ["/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"].iter().any(|folder| {
            ["libayatana-appindicator3.so.1", "libappindicator3.so.1"]
                .iter()
                .any(|name| std::path::Path::new(folder).join(name).exists())
        });
    bus && library
}

#[cfg(not(target_os = "linux"))]
fn can_be_built() -> bool {
    true
}
