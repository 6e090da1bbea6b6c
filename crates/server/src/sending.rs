//! Answers that wait for their clients: large ones take so much memory together, and those beyond it wait in files that have no
//! name. Whoever reads gets the same either way, and is not kept waiting by those who don't.

use std::{
    convert::Infallible,
    io::{self, Seek as _, Write as _},
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::{HeaderValue, header},
    response::Response,
};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::opened;

/// What large answers take of memory, all of them together.
const ROOM_BYTES: usize = 64 << 20;
/// An answer of more is large.
const LARGE_BYTES: u64 = 256 << 10;
/// What is given away of the room at once.
const UNIT_BYTES: usize = 1 << 10;
/// A connection takes a few of these at once, also where it keeps copies of them.
const SLICE_BYTES: usize = 64 << 10;

/// Room in memory for large answers.
#[derive(Debug, Clone)]
pub struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self::of(ROOM_BYTES)
    }
}

impl Room {
    /// Room for so many bytes.
    pub fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / UNIT_BYTES)))
    }

    fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(units).ok()
    }
}

/// The place that a large answer has while it is composed, which goes with it until it is [held](hold).
#[derive(Debug, Clone)]
pub(crate) struct Composed {
    _place: Arc<OwnedSemaphorePermit>,
}

impl Composed {
    pub(crate) fn of(place: OwnedSemaphorePermit) -> Self {
        Self { _place: Arc::new(place) }
    }
}

/// The same answer, whose body waits where there is room for it.
pub(crate) async fn hold(room: &Room, staging: &Path, mut response: Response) -> Response {
    // Given back once the answer stands in its room or its file.
    let _composed = response.extensions_mut().remove::<Composed>();
    // A file, and what is read as it is sent, says no size here.
    if response.body().size_hint().exact().is_none_or(|bytes| bytes <= LARGE_BYTES) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = match axum::body::to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        Err(error) => {
            return Response::from_parts(parts, Body::from_stream(futures::stream::iter([Err::<Bytes, _>(error)])));
        }
    };
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let place = room.take(bytes.len());
    if place.is_none() {
        match in_file(staging, bytes.clone()).await {
            Ok(body) => return Response::from_parts(parts, body),
            // Where the disk is full, memory is what there is.
            Err(error) => tracing::warn!(%error, "an answer is held in memory for which there is no room"),
        }
    }
    Response::from_parts(parts, Body::new(Slices(Bytes::from_owner(Held { bytes, _place: place }))))
}

async fn in_file(staging: &Path, bytes: Bytes) -> io::Result<Body> {
    let staging = staging.to_owned();
    let written = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&staging)?;
        if !engine::storage::has_room(&staging, bytes.len() as u64)? {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let mut file = tempfile::tempfile_in(&staging)?;
        file.write_all(&bytes)?;
        file.rewind()?;
        Ok::<_, io::Error>(file)
    });
    let sent = opened::send(written.await??, "answer", Request::new(Body::empty())).await?;
    Ok(sent.into_body())
}

/// An answer in memory, and its place there, which is given back with the last slice of it: a connection may hold some once all
/// are taken, and each keeps the whole.
struct Held {
    bytes: Bytes,
    _place: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What of an answer is not taken yet.
struct Slices(Bytes);

impl HttpBody for Slices {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let slice = self.0.len().min(SLICE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.0.split_to(slice)))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn what_finds_no_room_waits_in_a_file_and_is_the_same() {
        let (staging, room) = (tempfile::tempdir().unwrap(), Room::of(1 << 20));
        let text: Vec<u8> = (0..1_000_000_u32).map(|at| (at % 251) as u8).collect();
        let held = async |text: Vec<u8>| hold(&room, staging.path(), Response::new(Body::from(text))).await;
        let (first, second) = (held(text.clone()).await, held(text.clone()).await);
        assert!(room.take(100 << 10).is_none(), "the first takes nearly all of it");
        assert_eq!(first.body().size_hint().exact(), Some(1_000_000));
        assert_eq!(second.body().size_hint().exact(), None, "the second is a file");
        for answer in [second, first] {
            assert_eq!(answer.headers()[header::CONTENT_LENGTH], "1000000");
            assert!(axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap() == text);
        }
        assert!(room.take(1 << 20).is_some(), "what was sent takes nothing");
        // What is small is not counted.
        let _all = room.take(1 << 20);
        let small = held(b"small".to_vec()).await;
        assert_eq!(small.body().size_hint().exact(), Some(5));
    }

    #[tokio::test]
    async fn what_stands_gives_back_the_place_that_it_was_composed_at() {
        let staging = tempfile::tempdir().unwrap();
        let places = Arc::new(Semaphore::new(1));
        // In its room, in a file, and small.
        for (room, bytes) in [(1 << 20, 1_000_000), (1 << 10, 1_000_000), (1 << 20, 5)] {
            let mut response = Response::new(Body::from(vec![7_u8; bytes]));
            let place = Arc::clone(&places).try_acquire_owned().unwrap();
            response.extensions_mut().insert(Composed::of(place));
            assert_eq!(places.available_permits(), 0);
            let _unread = hold(&Room::of(room), staging.path(), response).await;
            assert_eq!(places.available_permits(), 1, "{bytes} bytes, which nobody has read yet");
        }
    }

    #[tokio::test]
    async fn what_a_connection_still_holds_keeps_its_place() {
        let (staging, room) = (tempfile::tempdir().unwrap(), Room::of(1 << 20));
        let answer = hold(&room, staging.path(), Response::new(Body::from(vec![7_u8; 1_000_000]))).await;
        let mut slices: Vec<_> = answer.into_body().into_data_stream().collect().await;
        assert!(slices.len() > 1, "it goes out in slices");
        slices.truncate(1);
        assert!(room.take(1 << 20).is_none(), "one slice keeps the whole");
        slices.clear();
        assert!(room.take(1 << 20).is_some());
    }
}
