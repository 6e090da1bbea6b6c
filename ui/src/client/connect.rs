//! Where the host is and what lets us in: from the shell in our window, from the one-time key of
//! the address in a browser.

use api::{
    ApiError, ErrorCode,
    host::{OpenSession, Session},
};
use serde::Deserialize;
use wasm_bindgen::JsValue;

use super::{shell, wire};

const TOKEN: &str = "slipway.token";

/// The host's address and our token. In a browser the origin is empty: the pages came from it.
#[derive(Clone, Deserialize)]
pub(crate) struct Address {
    #[serde(rename = "address")]
    pub(crate) origin: String,
    pub(crate) token: String,
}

/// Asks the shell, or trades the key behind `#`, or takes the token of this tab's session.
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
        if let Some(storage) = storage() {
            let _ = storage.set_item(TOKEN, &session.token);
        }
        return Ok(Address { origin: String::new(), token: session.token });
    }
    let token = storage().and_then(|storage| storage.get_item(TOKEN).ok().flatten());
    token.map(|token| Address { origin: String::new(), token }).ok_or_else(|| {
        ApiError::new(ErrorCode::Unauthorized, "This page has no key to the host.")
            .with_hint("Run `slipway open` and follow the address that it prints: each key opens one tab, once.")
    })
}

/// The host refused the token: this tab's session is over.
pub(crate) fn forget_session() {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(TOKEN);
    }
}

/// Takes the key out of the address, so that no history and no copied link carries it.
fn take_key() -> Option<String> {
    let window = web_sys::window()?;
    let location = window.location();
    let key = location.hash().ok()?.trim_start_matches('#').to_owned();
    if key.len() < 16 {
        return None;
    }
    let address = format!("{}{}", location.pathname().ok()?, location.search().ok()?);
    let _ = window.history().ok()?.replace_state_with_url(&JsValue::NULL, "", Some(&address));
    Some(key)
}

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.session_storage().ok().flatten()
}
