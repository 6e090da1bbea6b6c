//! What only our window can do: native dialogs, dropped paths, the file manager. In a browser each
//! of these is absent, and pages offer uploading instead.

use api::{ApiError, ErrorCode};
use js_sys::{Function, Object, Promise, Reflect};
use serde::{Deserialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;

/// Whether these pages run in our window.
pub(crate) fn is_there() -> bool {
    tauri().is_some()
}

/// Calls a command of the shell.
pub(crate) async fn ask<T: DeserializeOwned>(command: &str, arguments: &[(&str, &str)]) -> Result<T, ApiError> {
    let failed = |why: String| ApiError::new(ErrorCode::Internal, format!("The window can't do \"{command}\": {why}"));
    let invoke: Function = tauri()
        .and_then(|tauri| member(&tauri, "core"))
        .and_then(|core| member(&core, "invoke"))
        .and_then(|invoke| invoke.dyn_into().ok())
        .ok_or_else(|| failed("it is a browser.".to_owned()))?;
    let object = Object::new();
    for (name, value) in arguments {
        let _ = Reflect::set(&object, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    let promise = invoke
        .call2(&JsValue::NULL, &JsValue::from_str(command), &object)
        .and_then(wasm_bindgen::JsCast::dyn_into::<Promise>)
        .map_err(|error| failed(format!("{error:?}.")))?;
    match JsFuture::from(promise).await {
        Ok(value) => from_js(&value).map_err(|error| failed(format!("{error}."))),
        // The shell's own commands fail with an `ApiError`.
        Err(error) => Err(from_js(&error).unwrap_or_else(|_| failed(error.as_string().unwrap_or_default()))),
    }
}

/// A folder chosen by the person in the system's dialog.
pub(crate) async fn pick_folder(title: &str) -> Option<String> {
    ask::<Option<String>>("pick_folder", &[("title", title)]).await.ok().flatten()
}

/// Tables chosen by the person in the system's dialog.
pub(crate) async fn pick_files(title: &str) -> Vec<String> {
    ask("pick_files", &[("title", title)]).await.unwrap_or_default()
}

/// Where the person wants a file to be.
pub(crate) async fn save_path(title: &str, name: &str) -> Option<String> {
    ask::<Option<String>>("save_path", &[("title", title), ("name", name)]).await.ok().flatten()
}

/// Where the shell saved a file.
#[derive(Deserialize)]
pub(crate) struct Saved {
    pub(crate) path: String,
    /// Its name, which may have got a number.
    pub(crate) name: String,
    /// The folder's name alone.
    pub(crate) folder: String,
}

/// Saves a text in the person's folder for downloads.
pub(super) async fn save_text(name: &str, text: &str) -> Result<Saved, ApiError> {
    ask("save_file", &[("name", name), ("text", text)]).await
}

/// Saves bytes there, which come in base64.
pub(super) async fn save_encoded(name: &str, encoded: &str) -> Result<Saved, ApiError> {
    ask("save_file", &[("name", name), ("encoded", encoded)]).await
}

/// Saves a file of the host's there, without its bytes in the page.
pub(super) async fn save_from_host(name: &str, address: &str) -> Result<Saved, ApiError> {
    ask("save_from_host", &[("name", name), ("address", address)]).await
}

/// What the program was started with.
#[derive(Default, Deserialize)]
pub(crate) struct Arrived {
    pub(crate) paths: Vec<String>,
    /// The address of a page of ours.
    pub(crate) page: Option<String>,
}

/// What the program was started with, since this was asked last.
pub(crate) async fn take_arrivals() -> Arrived {
    ask("take_arrivals", &[]).await.unwrap_or_default()
}

/// A picture's file as a `data:` address.
pub(crate) async fn picture(path: &str) -> Result<String, ApiError> {
    ask("picture", &[("path", path)]).await
}

/// Shows a file or folder in the system's file manager.
pub(crate) async fn reveal(path: &str) -> Result<(), ApiError> {
    ask::<()>("reveal", &[("path", path)]).await
}

/// Calls `heard` with the payload of every event of this name, for as long as the page is open.
pub(crate) fn listen<T: DeserializeOwned + 'static>(name: &str, heard: impl Fn(T) + 'static) {
    let listen = tauri()
        .and_then(|tauri| member(&tauri, "event"))
        .and_then(|event| member(&event, "listen"))
        .and_then(|listen| listen.dyn_into::<Function>().ok());
    let Some(listen) = listen else { return };
    let callback = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
        // Some events carry nothing: `null`, which is a payload like any other.
        if let Ok(payload) = from_js(&Reflect::get(&event, &JsValue::from_str("payload")).unwrap_or(JsValue::NULL)) {
            heard(payload);
        }
    });
    let _ = listen.call2(&JsValue::NULL, &JsValue::from_str(name), callback.as_ref());
    callback.forget();
}

fn tauri() -> Option<JsValue> {
    member(web_sys::window()?.as_ref(), "__TAURI__")
}

fn member(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &JsValue::from_str(name)).ok().filter(|value| !value.is_undefined() && !value.is_null())
}

fn from_js<T: DeserializeOwned>(value: &JsValue) -> Result<T, serde_json::Error> {
    let text = js_sys::JSON::stringify(value).ok().and_then(|text| text.as_string());
    serde_json::from_str(text.as_deref().unwrap_or("null"))
}
