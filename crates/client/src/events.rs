//! The host's announcements as a stream that survives a lost connection.
//!
//! After every connection the first item is [`Event::Hello`]: whoever listens asks everything
//! again then, so that an event lost in between loses nothing.

use std::time::Duration;

use api::{ApiError, ErrorCode, event::Event};
use eventsource_stream::Eventsource as _;
use futures::{Stream, StreamExt as _, stream::BoxStream};

use crate::{call, call::Client};

/// How long the first and the last wait before a new connection are.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LAST_WAIT: Duration = Duration::from_secs(5);

impl Client {
    /// One connection: ends when it is lost.
    pub async fn events_once(&self) -> Result<BoxStream<'static, Result<Event, ApiError>>, ApiError> {
        let answer = self.get("/api/events").send().await.map_err(|error| self.gone(&error))?;
        let answer = call::refuse_errors("events", answer).await?;
        let events = answer.bytes_stream().eventsource().map(|item| match item {
            Ok(item) => serde_json::from_str(&item.data).map_err(|error| {
                ApiError::new(ErrorCode::WrongProtocol, format!("An event of the host can't be read: {error}."))
            }),
            Err(error) => Err(ApiError::new(ErrorCode::Unreachable, format!("The host's events broke off: {error}."))),
        });
        Ok(events.boxed())
    }

    /// Events for as long as the workspace has a host; a lost connection is made anew, to the next
    /// host where the last one was killed. Ends once the host says goodbye, or none has answered for
    /// `give_up`.
    pub fn events(&self, give_up: Duration) -> impl Stream<Item = Event> + Send + use<> {
        struct State {
            client: Client,
            open: Option<BoxStream<'static, Result<Event, ApiError>>>,
            wait: Duration,
            lost_since: Option<tokio::time::Instant>,
            over: bool,
        }
        let state = State { client: self.clone(), open: None, wait: FIRST_WAIT, lost_since: None, over: false };
        futures::stream::unfold(state, move |mut state| async move {
            if state.over {
                return None;
            }
            loop {
                if let Some(open) = &mut state.open {
                    match open.next().await {
                        Some(Ok(event)) => {
                            (state.wait, state.lost_since) = (FIRST_WAIT, None);
                            state.over = matches!(event, Event::Goodbye { .. });
                            return Some((event, state));
                        }
                        // A newer host may send what we don't know: skip it, keep the rest.
                        Some(Err(error)) if error.code == ErrorCode::WrongProtocol => tracing::debug!("{error}"),
                        Some(Err(_)) | None => state.open = None,
                    }
                    continue;
                }
                match state.client.events_once().await {
                    Ok(open) => state.open = Some(open),
                    Err(error) => {
                        // Another host answers at another address, or at this one with another token.
                        if let Some(moved) = state.client.moved() {
                            state.client = moved;
                            continue;
                        }
                        if error.code == ErrorCode::Unauthorized {
                            return None;
                        }
                        let lost = *state.lost_since.get_or_insert_with(tokio::time::Instant::now);
                        if lost.elapsed() >= give_up {
                            return None;
                        }
                        tokio::time::sleep(state.wait).await;
                        state.wait = (state.wait * 2).min(LAST_WAIT);
                    }
                }
            }
        })
    }
}
