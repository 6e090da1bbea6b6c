//! The host's announcements, read by `fetch` because an `EventSource` can't send the token.
//!
//! Every connection starts with [`Event::Hello`]: all that is shown is asked again then, so that
//! nothing announced in a gap is missed.

use api::{ApiError, ErrorCode, PROTOCOL, event::Event};
use js_sys::{Reflect, Uint8Array};
use leptos::prelude::*;
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::ReadableStreamDefaultReader;

use super::{Client, Link, connect, wire};

const FIRST_WAIT_MS: i32 = 250;
const LAST_WAIT_MS: i32 = 5_000;

/// Listens for as long as the page is open.
pub(crate) async fn listen(client: Client) {
    let mut wait = FIRST_WAIT_MS;
    let mut tries = 0;
    loop {
        match once(client, &mut wait, &mut tries).await {
            Err(error) if error.code == ErrorCode::Unauthorized => {
                connect::forget_session();
                client.link.set(Link::Refused(error));
                return;
            }
            Err(error) if error.code == ErrorCode::WrongProtocol => {
                client.link.set(Link::Refused(error));
                return;
            }
            _ if is_hidden() => {
                until_seen().await;
                continue;
            }
            Err(error) => client.link.set(Link::Lost { why: error.message, tries }),
            Ok(()) => client.link.set(Link::Lost { why: "The host ended the connection.".to_owned(), tries }),
        }
        tries += 1;
        client.forget_address();
        sleep(wait).await;
        wait = (wait * 2).min(LAST_WAIT_MS);
    }
}

/// One connection, until it is lost.
async fn once(client: Client, wait: &mut i32, tries: &mut u32) -> Result<(), ApiError> {
    let answer = wire::send(&client.address().await?, "GET", "/api/events", wire::Body::None).await?;
    let mut lines = Lines::of(&answer)?;
    while let Some(data) = lines.next().await? {
        // A newer host may announce what we don't know: that is skipped.
        let Ok(event) = serde_json::from_str::<Event>(&data) else { continue };
        match &event {
            Event::Hello { protocol } if *protocol != PROTOCOL => {
                return Err(ApiError::new(
                    ErrorCode::WrongProtocol,
                    format!("The host speaks version {protocol} of the protocol, this page version {PROTOCOL}."),
                )
                .with_hint("Reload the page."));
            }
            Event::Hello { .. } => {
                *wait = FIRST_WAIT_MS;
                *tries = 0;
                client.link.set(Link::Up);
                client.ask_again(None);
            }
            Event::Changed { tag } => client.ask_again(Some(tag)),
            Event::Goodbye { .. } => return Ok(()),
            _ => {}
        }
        client.announce(&event);
    }
    Ok(())
}

/// The `data:` of one server-sent event after another.
///
/// A browser opens six connections to a host and no more, over all of its tabs: a stream is held
/// only while its page is seen, and ends when the page is hidden or left.
pub(crate) struct Lines {
    reader: ReadableStreamDefaultReader,
    /// Bytes that are no whole event yet.
    rest: Vec<u8>,
    hidden: Closure<dyn Fn()>,
}

/// What the browser says when a page may be out of sight.
const LEAVING: [&str; 2] = ["visibilitychange", "pagehide"];

impl Lines {
    pub(crate) fn of(answer: &web_sys::Response) -> Result<Self, ApiError> {
        let body = answer.body().ok_or_else(wire::gone)?;
        let reader: ReadableStreamDefaultReader = body.get_reader().dyn_into().map_err(|_| wire::gone())?;
        let held = reader.clone();
        let hidden = Closure::<dyn Fn()>::new(move || {
            // A left page may be kept by the browser, with its connections, for going back.
            let _ = held.cancel();
        });
        let _ = document().add_event_listener_with_callback(LEAVING[0], hidden.as_ref().unchecked_ref());
        let _ = window().add_event_listener_with_callback(LEAVING[1], hidden.as_ref().unchecked_ref());
        Ok(Self { reader, rest: Vec::new(), hidden })
    }

    /// The next event's data; `None` at the end of the stream. Comments (keep-alives) are skipped.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, ApiError> {
        loop {
            if let Some(end) = self.rest.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.rest.drain(..end + 2).collect();
                let text = String::from_utf8_lossy(&block);
                let named = text.lines().any(|line| line.starts_with("event:"));
                let data: Vec<&str> =
                    text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim_start).collect();
                if !data.is_empty() && !named {
                    return Ok(Some(data.join("\n")));
                }
                continue;
            }
            let read = JsFuture::from(self.reader.read()).await.map_err(|_| wire::gone())?;
            let done = Reflect::get(&read, &JsValue::from_str("done")).is_ok_and(|done| done.is_truthy());
            if done {
                return Ok(None);
            }
            if let Ok(value) = Reflect::get(&read, &JsValue::from_str("value")) {
                self.rest.extend(Uint8Array::new(&value).to_vec());
            }
        }
    }

    /// Ends the connection.
    pub(crate) fn cancel(&self) {
        let _ = self.reader.cancel();
    }

    /// Ends the connection for somebody else than who reads it, whose next line is then the end.
    pub(crate) fn ender(&self) -> impl Fn() + use<> {
        let reader = self.reader.clone();
        move || {
            let _ = reader.cancel();
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = document().remove_event_listener_with_callback(LEAVING[0], self.hidden.as_ref().unchecked_ref());
        let _ = window().remove_event_listener_with_callback(LEAVING[1], self.hidden.as_ref().unchecked_ref());
    }
}

/// Whether the page is out of sight.
pub(crate) fn is_hidden() -> bool {
    document().visibility_state() == web_sys::VisibilityState::Hidden
}

/// Waits until the page is seen.
pub(crate) async fn until_seen() {
    while is_hidden() {
        let promise = js_sys::Promise::new(&mut |resolve, _| {
            let once = web_sys::AddEventListenerOptions::new();
            once.set_once(true);
            let _ =
                document().add_event_listener_with_callback_and_add_event_listener_options(LEAVING[0], &resolve, &once);
            // A page that the browser kept is shown again.
            let _ =
                window().add_event_listener_with_callback_and_add_event_listener_options("pageshow", &resolve, &once);
        });
        let _ = JsFuture::from(promise).await;
    }
}

/// Waits without holding anything up.
pub(crate) async fn sleep(milliseconds: i32) {
    let promise = js_sys::Promise::new(&mut |resolve, _| {
        if let Some(window) = web_sys::window() {
            let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
        }
    });
    let _ = JsFuture::from(promise).await;
}
