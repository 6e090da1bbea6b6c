//! The native menu: what it offers are the pages' own actions, sent to them by name.

use tauri::{
    AppHandle, Emitter as _, Wry,
    menu::{Menu, MenuItem, PredefinedMenuItem, Submenu},
};

/// Items that are the page's: id, label, shortcut. The page listens to `menu` and gets the id.
const GO: &[(&str, &str, &str)] = &[
    ("go:/", "Start", "CmdOrCtrl+0"),
    ("go:overview", "Overview", "CmdOrCtrl+1"),
    ("go:data", "Data", "CmdOrCtrl+2"),
    ("go:runs", "Runs", "CmdOrCtrl+3"),
    ("go:models", "Models", "CmdOrCtrl+4"),
    ("go:deploy", "Deploy", "CmdOrCtrl+5"),
    ("go:monitor", "Monitor", "CmdOrCtrl+6"),
    ("go:hardware", "Hardware", "CmdOrCtrl+7"),
    ("go:jobs", "Jobs", "CmdOrCtrl+8"),
    ("go:experiments", "Experiments", "CmdOrCtrl+9"),
    ("go:settings", "Settings", "CmdOrCtrl+,"),
];

pub(crate) fn build(app: &AppHandle) -> tauri::Result<Menu<Wry>> {
    let item = |id: &str, label: &str, key: Option<&str>| MenuItem::with_id(app, id, label, true, key);
    let project = Submenu::with_items(
        app,
        "Project",
        true,
        &[
            &item("open-folder", "Open Folder…", Some("CmdOrCtrl+O"))?,
            &item("open-files", "Open Tables…", Some("CmdOrCtrl+Shift+O"))?,
            &PredefinedMenuItem::separator(app)?,
            &item("train", "Train", Some("CmdOrCtrl+T"))?,
            &PredefinedMenuItem::separator(app)?,
            &item("quit", "Quit Slipway", Some("CmdOrCtrl+Q"))?,
        ],
    )?;
    let go = Submenu::new(app, "Go", true)?;
    for (id, label, key) in GO {
        go.append(&item(id, label, Some(key))?)?;
    }
    go.append(&PredefinedMenuItem::separator(app)?)?;
    go.append(&item("palette", "Search or Run a Command…", Some("CmdOrCtrl+K"))?)?;
    let help = Submenu::with_items(
        app,
        "Help",
        true,
        &[&item("shortcuts", "Keyboard Shortcuts", None)?, &item("go:settings", "About Slipway", None)?],
    )?;
    let menu = Menu::new(app)?;
    #[cfg(target_os = "macos")]
    menu.append(&own(app)?)?;
    menu.append(&project)?;
    #[cfg(not(target_os = "linux"))]
    menu.append(&edit(app)?)?;
    menu.append_items(&[&go, &help])?;
    Ok(menu)
}

/// The first menu of macOS bears the program's name, whatever stands in it.
#[cfg(target_os = "macos")]
fn own(app: &AppHandle) -> tauri::Result<Submenu<Wry>> {
    Submenu::with_items(
        app,
        "Slipway",
        true,
        &[
            &MenuItem::with_id(app, "go:settings", "About Slipway", true, None::<&str>)?,
            &PredefinedMenuItem::separator(app)?,
            &PredefinedMenuItem::services(app, None)?,
            &PredefinedMenuItem::separator(app)?,
            &PredefinedMenuItem::hide(app, None)?,
            &PredefinedMenuItem::hide_others(app, None)?,
            &PredefinedMenuItem::show_all(app, None)?,
        ],
    )
}

/// macOS knows these shortcuts only by a menu. On Linux the web view has them itself, and items of a
/// menu would do nothing (muda needs libxdo for them).
#[cfg(not(target_os = "linux"))]
fn edit(app: &AppHandle) -> tauri::Result<Submenu<Wry>> {
    Submenu::with_items(
        app,
        "Edit",
        true,
        &[
            &PredefinedMenuItem::undo(app, None)?,
            &PredefinedMenuItem::redo(app, None)?,
            &PredefinedMenuItem::separator(app)?,
            &PredefinedMenuItem::cut(app, None)?,
            &PredefinedMenuItem::copy(app, None)?,
            &PredefinedMenuItem::paste(app, None)?,
            &PredefinedMenuItem::select_all(app, None)?,
        ],
    )
}

/// Quitting is the shell's; everything else is the page's.
pub(crate) fn chosen(app: &AppHandle, id: &str) {
    match id {
        "quit" => crate::quit::ask(app),
        "show" => crate::show(app),
        other => {
            crate::show(app);
            let _ = app.emit("menu", other);
        }
    }
}
