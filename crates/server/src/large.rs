//! Large bodies: few of them come, and are in memory, at once. The others wait for their turn; who sends little does not wait,
//! and who stands still does not keep others waiting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody as _},
    extract::{FromRequest as _, Request, rejection::BytesRejection},
};
use futures::TryStreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A body that may take much more memory once it is read: JSON of many small values takes fifteen times its bytes.
pub(crate) const LARGE_BYTES: usize = 1 << 20;
/// What must have come of a body that others wait for, from one look at it to the next. Whoever sends over a slow line sends
/// more.
const LEAST_BYTES: u64 = 64 << 10;
/// Looks within the host's patience.
const LOOKS: u32 = 10;

/// How many bytes of these are there at once; the others wait for their turn.
#[derive(Debug, Clone)]
pub(crate) struct LargeBodies {
    /// In KiB. From their first byte on: also of clients that stand still within one.
    coming: Arc<Semaphore>,
    /// The least and the most that one takes of it.
    of_one: (u32, u32),
    waiting: Arc<AtomicUsize>,
    /// Those that are read now.
    pub(crate) reading: Arc<Semaphore>,
}

/// The room of a large body.
#[derive(Debug)]
pub(crate) struct Place {
    _room: OwnedSemaphorePermit,
    waiting: Arc<AtomicUsize>,
}

/// Why a body did not come.
pub(crate) enum NotCome {
    /// It stood still while others waited for its place.
    StoodStill,
    Refused(BytesRejection),
}

/// What is told of a body that [stood still](NotCome::StoodStill).
pub(crate) const STOOD_STILL: &str = "The request stood still while other large ones waited for its place: send it again, or in several that are smaller.";

/// Counts one that waits as long as it does.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn begin(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(waiting))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl LargeBodies {
    /// Room for so many of the longest; each takes as much as it is long, but not less than `least` bytes.
    pub(crate) fn new(longest_at_once: usize, (least, longest): (usize, usize), reading: usize) -> Self {
        let [least, longest] = [least, longest].map(kib);
        Self {
            coming: Arc::new(Semaphore::new(longest_at_once * longest as usize)),
            of_one: (least, longest),
            waiting: Arc::default(),
            reading: Arc::new(Semaphore::new(reading)),
        }
    }

    /// Waits for the place of a request's body among those that come; a small one needs none.
    pub(crate) fn coming(request: &Request) -> impl Future<Output = Option<Place>> + use<> {
        // One that does not say its length may be large.
        let says = request.body().size_hint().upper();
        let is_small = says.is_some_and(|bytes| bytes <= LARGE_BYTES as u64);
        let places = request.extensions().get::<Self>().cloned().filter(|_| !is_small);
        async move {
            let places = places?;
            let (least, longest) = places.of_one;
            // What is longer is refused before it is whole.
            let length = says.and_then(|bytes| usize::try_from(bytes).ok()).map_or(longest, kib).clamp(least, longest);
            let _waiting = Waiting::begin(&places.waiting);
            let room = places.coming.acquire_many_owned(length).await.ok()?;
            Some(Place { _room: room, waiting: Arc::clone(&places.waiting) })
        }
    }
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX)
}

/// The body of a request, which has a place if it is large, unless it stands still while others wait for that.
pub(crate) async fn bytes(request: Request, place: Option<&Place>, patience: Duration) -> Result<Bytes, NotCome> {
    let Some(place) = place else { return Bytes::from_request(request, &()).await.map_err(NotCome::Refused) };
    let came = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&came);
    let count = move |piece: &Bytes| {
        counted.fetch_add(piece.len() as u64, Ordering::Relaxed);
    };
    let request = request.map(|body| Body::from_stream(body.into_data_stream().inspect_ok(count)));
    let stands_still = async {
        let mut before = 0;
        loop {
            tokio::time::sleep(patience / LOOKS).await;
            let now = came.load(Ordering::Relaxed);
            if now - before < LEAST_BYTES && place.waiting.load(Ordering::Relaxed) > 0 {
                return;
            }
            before = now;
        }
    };
    tokio::select! {
        biased;
        bytes = Bytes::from_request(request, &()) => bytes.map_err(NotCome::Refused),
        () = stands_still => Err(NotCome::StoodStill),
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
