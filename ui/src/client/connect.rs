//! Where the host is and what lets us in: from the shell in our window; in a browser from the one-time
//! key of the address, or from another tab of these pages (docs/decisions/0005).

use api::{
    ApiError, ErrorCode,
    host::{OpenSession, Session},
};
use serde::Deserialize;
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{BroadcastChannel, MessageEvent};

use super::{shell, wire};

const TOKEN: &str = "slipway.token";
/// Heard by pages of this origin in this browser alone, and kept nowhere.
const CHANNEL: &str = "slipway.session";
const ASK: &str = "who has a session?";
/// How long another tab may take to answer.
const PATIENCE_MS: i32 = 400;

/// The host's address and our token. In a browser the origin is empty: the pages came from it.
#[derive(Clone, Deserialize)]
pub(crate) struct Address {
    #[serde(rename = "address")]
    pub(crate) origin: String,
    pub(crate) token: String,
}

/// Asks the shell, or trades the key behind `#`, or takes the token of this tab's session or of another tab's.
pub(crate) async fn find() -> Result<Address, ApiError> {
    if shell::is_there() {
        return shell::ask("host_connection", &[]).await;
    }
    if let Some(key) = take_key() {
        let nobody = Address { origin: String::new(), token: String::new() };
        let body = serde_json::to_string(&OpenSession { key }).unwrap_or_default();
        let answer = wire::send(&nobody, "POST", "/api/session", wire::Body::Json(body)).await?;
        let session: Session = serde_json::from_str(&wire::text(answer).await?).map_err(|error| {
            ApiError::new(ErrorCode::WrongProtocol, format!("The host's session can't be read: {error}."))
        })?;
        keep(&session.token);
        return Ok(Address { origin: String::new(), token: session.token });
    }
    let token = match token() {
        Some(token) => Some(token),
        None => of_another_tab().await.inspect(|token| keep(token)),
    };
    token.map(|token| Address { origin: String::new(), token }).ok_or_else(|| {
        ApiError::new(ErrorCode::Unauthorized, "This page has no key to the host.")
            .with_hint("Run `slipway open` and follow the address that it prints; a key is good once. Links then open in further tabs too.")
    })
}

/// Hands this tab's session to tabs that are opened without a key, and takes a key that is put into the
/// address of an open page: only what stands behind `#` changes then, and the browser loads nothing.
pub(crate) fn listen() {
    if shell::is_there() {
        return;
    }
    let pasted = Closure::<dyn Fn()>::new(|| {
        if key().is_some()
            && let Some(window) = web_sys::window()
        {
            let _ = window.location().reload();
        }
    });
    if let Some(window) = web_sys::window() {
        let _ = window.add_event_listener_with_callback("hashchange", pasted.as_ref().unchecked_ref());
    }
    pasted.forget();
    let Ok(channel) = BroadcastChannel::new(CHANNEL) else { return };
    let answers = channel.clone();
    let asked = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        if event.data().as_string().as_deref() == Some(ASK)
            && let Some(token) = token()
        {
            let _ = answers.post_message(&JsValue::from_str(&token));
        }
    });
    channel.set_onmessage(Some(asked.as_ref().unchecked_ref()));
    asked.forget();
}

/// The session of whichever open tab answers first.
async fn of_another_tab() -> Option<String> {
    let window = web_sys::window()?;
    let channel = BroadcastChannel::new(CHANNEL).ok()?;
    let mut done = None;
    let answered = js_sys::Promise::new(&mut |resolve, _| done = Some(resolve));
    let done = done?;
    let resolve = done.clone();
    let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
        // A third tab may be asking too.
        if event.data().as_string().is_some_and(|said| said != ASK) {
            let _ = resolve.call1(&JsValue::NULL, &event.data());
        }
    });
    channel.set_onmessage(Some(heard.as_ref().unchecked_ref()));
    channel.post_message(&JsValue::from_str(ASK)).ok()?;
    window.set_timeout_with_callback_and_timeout_and_arguments_0(&done, PATIENCE_MS).ok()?;
    let token = JsFuture::from(answered).await.ok().and_then(|answer| answer.as_string());
    channel.close();
    token
}

/// The host refused the token: this tab's session is over.
pub(crate) fn forget_session() {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(TOKEN);
    }
}

/// The key in the address.
fn key() -> Option<String> {
    let key = web_sys::window()?.location().hash().ok()?.trim_start_matches('#').to_owned();
    (key.len() >= 16).then_some(key)
}

/// Takes the key out of the address, so that no history and no copied link carries it.
fn take_key() -> Option<String> {
    let key = key()?;
    let window = web_sys::window()?;
    let location = window.location();
    let address = format!("{}{}", location.pathname().ok()?, location.search().ok()?);
    let _ = window.history().ok()?.replace_state_with_url(&JsValue::NULL, "", Some(&address));
    Some(key)
}

fn token() -> Option<String> {
    storage().and_then(|storage| storage.get_item(TOKEN).ok().flatten())
}

fn keep(token: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(TOKEN, token);
    }
}

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.session_storage().ok().flatten()
}
