//! The bus of announcements: what every connected client is told.
//!
//! Events are hints. A subscriber that falls behind loses the oldest, is told so by
//! `RecvError::Lagged`, and asks everything again.

use api::event::Event;
use tokio::sync::broadcast;

/// Events that a slow subscriber may be behind before it has to ask everything again.
const BEHIND: usize = 1024;

#[derive(Debug, Clone)]
pub struct Events {
    sender: broadcast::Sender<Event>,
}

impl Default for Events {
    fn default() -> Self {
        Self { sender: broadcast::Sender::new(BEHIND) }
    }
}

impl Events {
    pub fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    pub fn send(&self, event: Event) {
        // Nobody listening is fine.
        let _ = self.sender.send(event);
    }

    /// Something that a person should hear once.
    pub fn notice(&self, title: impl Into<String>, body: impl Into<String>, link: Option<String>) {
        self.send(Event::Notice { title: title.into(), body: body.into(), link });
    }
}
