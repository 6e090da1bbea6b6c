//! Large bodies: few of them come, and are in memory, at once. The others wait for their turn; who sends little does not wait.

use std::sync::Arc;

use axum::{body::HttpBody as _, extract::Request};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A body that may take much more memory once it is read: JSON of many small values takes fifteen times its bytes.
pub(crate) const LARGE_BYTES: usize = 1 << 20;

/// How many of these are there at once; the others wait for their turn.
#[derive(Debug, Clone)]
pub(crate) struct LargeBodies {
    /// From their first byte on: also of clients that stand still within one.
    coming: Arc<Semaphore>,
    /// Those that are read now.
    pub(crate) reading: Arc<Semaphore>,
}

impl LargeBodies {
    pub(crate) fn new(coming: usize, reading: usize) -> Self {
        Self { coming: Arc::new(Semaphore::new(coming)), reading: Arc::new(Semaphore::new(reading)) }
    }

    /// Waits for the place of a request's body among those that come; a small one needs none.
    pub(crate) fn coming(request: &Request) -> impl Future<Output = Option<OwnedSemaphorePermit>> + use<> {
        // One that does not say its length may be large.
        let is_small = request.body().size_hint().upper().is_some_and(|bytes| bytes <= LARGE_BYTES as u64);
        let places = request.extensions().get::<Self>().cloned().filter(|_| !is_small);
        async move {
            match places {
                Some(places) => places.coming.acquire_owned().await.ok(),
                None => None,
            }
        }
    }
}

/// How many values a text of JSON has, or a few more: one behind each comma and bracket outside of its texts.
pub(crate) fn values(text: &[u8]) -> usize {
    let (mut count, mut is_text, mut is_escaped) = (0, false, false);
    for byte in text {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b',' | b'[' | b'{' if !is_text => count += 1,
            _ => {}
        }
    }
    count
}
