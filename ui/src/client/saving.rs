//! The one way by which a page gives a person a file. Our window puts it into the folder for downloads and says where;
//! a browser takes it as a download, asks or not, and says itself what it did.

use api::ApiError;
use leptos::task::spawn_local;

use super::{Client, events, shell, wire};

/// How long a browser may take to read what it was given: it asks its person first, or looks for harm.
const READ_WITHIN_MS: i32 = 60_000;

/// What a page made itself.
pub(crate) enum Made {
    /// With its media type.
    Text(&'static str, String),
    /// A `data:` address in base64.
    Data(String),
}

/// Saves what a page made. The answer is where it is; `None` in a browser.
pub(crate) async fn made(name: &str, made: Made) -> Result<Option<shell::Saved>, ApiError> {
    match made {
        Made::Text(_, text) if shell::is_there() => shell::save_text(name, &text).await.map(Some),
        Made::Data(address) if shell::is_there() => {
            let encoded = address.split_once(',').map_or("", |(_, encoded)| encoded);
            shell::save_encoded(name, encoded).await.map(Some)
        }
        Made::Text(kind, text) => {
            hand_over(name, wire::text_address(kind, &text)?);
            Ok(None)
        }
        Made::Data(address) => {
            wire::download(name, &address);
            Ok(None)
        }
    }
}

/// Saves a file of the host's, by its address there.
pub(crate) async fn of_host(client: Client, name: &str, address: &str) -> Result<Option<shell::Saved>, ApiError> {
    if shell::is_there() {
        return shell::save_from_host(name, address).await.map(Some);
    }
    hand_over(name, client.blob(address).await?);
    Ok(None)
}

/// Has the browser download what a `blob:` address holds, and gives the address back later.
fn hand_over(name: &str, address: String) {
    wire::download(name, &address);
    spawn_local(async move {
        events::sleep(READ_WITHIN_MS).await;
        wire::forget_object(&address);
    });
}
