//! The address for clients of the MLflow protocol: asked for when a person is about to copy it. Its token is never
//! shown, and no signal of a page holds it.

use api::{
    ApiError,
    event::{Event, Tag},
    tracking::{GetTracking, Tracking},
};
use leptos::{prelude::*, task::spawn_local};

use super::toast::Toasts;
use crate::client::Client;

/// What is known of the address.
#[derive(Clone, Copy)]
pub(crate) struct TrackingAddress {
    client: Client,
    toasts: Toasts,
    /// With its token.
    whole: StoredValue<Option<String>>,
    pub(crate) port: RwSignal<Option<u16>>,
    /// Why there is none.
    pub(crate) refused: RwSignal<Option<ApiError>>,
}

impl TrackingAddress {
    pub(crate) fn new() -> Self {
        let address = Self {
            client: Client::get(),
            toasts: Toasts::get(),
            whole: StoredValue::new(None),
            port: RwSignal::new(None),
            refused: RwSignal::new(None),
        };
        // Whoever renews the token announces it, and a page that was hidden did not hear that: what is known may open
        // nothing any more.
        address.client.on_event(move |event| {
            let may_be_another = matches!(event, Event::Hello { .. } | Event::Changed { tag: Tag::Secrets });
            if may_be_another && address.whole.try_update_value(Option::take).flatten().is_some() {
                address.ask();
            }
        });
        address
    }

    /// Asks for it anew, so that a press copies it at once: a browser lets a page write to the clipboard only then.
    pub(crate) fn ask(self) {
        spawn_local(async move {
            let answer = self.client.call(GetTracking::default()).await;
            self.hear(answer);
        });
    }

    /// Takes an answer that is here.
    pub(crate) fn take(self, tracking: Tracking) {
        self.hear(Ok(tracking));
    }

    fn hear(self, answer: Result<Tracking, ApiError>) {
        let (whole, port, refused) = match answer {
            Ok(Tracking { address, port, .. }) => (Some(address), Some(port), None),
            Err(error) => (None, None, Some(error)),
        };
        self.whole.try_update_value(|known| *known = whole);
        self.port.try_set(port);
        self.refused.try_set(refused);
    }

    /// Copies the whole address.
    pub(crate) fn copy(self) {
        if let Some(address) = self.whole.get_value() {
            return self.put(&address);
        }
        spawn_local(async move {
            match self.client.call(GetTracking::default()).await {
                Ok(tracking) => {
                    self.put(&tracking.address);
                    self.take(tracking);
                }
                Err(error) => {
                    self.toasts.error(&error);
                    self.hear(Err(error));
                }
            }
        });
    }

    fn put(self, address: &str) {
        let detail = "Set MLFLOW_TRACKING_URI to it. It has a token in it: treat it as a password.";
        self.toasts.copy_unseen(address, "Copied the address for MLflow's clients", detail);
    }
}

/// The address as it is shown: without its token, and without its port until that is known.
pub(crate) fn shown(port: Option<u16>) -> String {
    port.map_or_else(|| "127.0.0.1".to_owned(), |port| format!("127.0.0.1:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_not_shown() {
        assert_eq!(shown(Some(5577)), "127.0.0.1:5577");
        assert_eq!(shown(None), "127.0.0.1");
    }
}
