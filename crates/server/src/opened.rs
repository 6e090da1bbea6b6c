//! Answers with a file that is open already, with ranges and validators: what is sent is what was looked at, whatever
//! took its path's place since.

use std::{
    fs::{File, Metadata},
    future::{Ready, ready},
    io,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, Uri, header, uri::PathAndQuery},
    response::Response,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower_http::services::fs::{Backend, File as Served, ServeDir};

/// The one file there is.
#[derive(Clone)]
struct Opened(Arc<File>);

impl Backend for Opened {
    type File = Sent;
    type Metadata = Metadata;
    type OpenFuture = Ready<io::Result<Sent>>;
    type MetadataFuture = Ready<io::Result<Metadata>>;

    fn open(&self, _: PathBuf) -> Self::OpenFuture {
        ready(self.0.try_clone().map(|file| Sent(tokio::fs::File::from_std(file), Arc::clone(&self.0))))
    }

    fn metadata(&self, _: PathBuf) -> Self::MetadataFuture {
        ready(self.0.metadata())
    }
}

/// The file as it is read, and as it is asked.
struct Sent(tokio::fs::File, Arc<File>);

impl Served for Sent {
    type Metadata = Metadata;
    type MetadataFuture<'a> = Ready<io::Result<Metadata>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        ready(self.1.metadata())
    }
}

impl AsyncRead for Sent {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncSeek for Sent {
    fn start_seek(mut self: Pin<&mut Self>, position: io::SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.0).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Pin::new(&mut self.0).poll_complete(context)
    }
}

/// What the request asks of the file; its kind is guessed from `name`.
pub(crate) async fn send(file: File, name: &str, request: Request) -> io::Result<Response> {
    let (mut parts, _) = request.into_parts();
    let path = format!("/{}", utf8_percent_encode(name, NON_ALPHANUMERIC));
    parts.uri = Uri::from(path.parse::<PathAndQuery>().map_err(io::Error::other)?);
    let range = one_range(&parts.method, &parts.headers, file.metadata()?.len());
    parts.headers.remove(header::RANGE);
    let known = parts.headers.remove(header::IF_RANGE);
    let mut serving = ServeDir::with_backend("", Opened(Arc::new(file)));
    // A client that has a half of an older file gets the whole of this one.
    let is_known = match &known {
        Some(known) if range.is_some() => {
            let whole = serving.try_call(Request::from_parts(parts.clone(), Body::empty())).await?;
            [header::ETAG, header::LAST_MODIFIED].iter().any(|name| whole.headers().get(name) == Some(known))
        }
        _ => true,
    };
    if let Some(range) = range.filter(|_| is_known) {
        parts.headers.insert(header::RANGE, range);
    }
    let sent = serving.try_call(Request::from_parts(parts, Body::empty())).await?;
    Ok(sent.map(Body::new))
}

/// The one range of bytes that is asked for: `5-9`, `5-`, or `-5`, which is the whole of a shorter file. `None` is the whole
/// (RFC 9110, 14.2): of many ranges, of another unit, of what is no range, and of an empty file, as Go and nginx answer.
fn one_range(method: &Method, headers: &HeaderMap, size_bytes: u64) -> Option<HeaderValue> {
    let mut asked = headers.get_all(header::RANGE).iter();
    let (range, None) = (asked.next()?, asked.next()) else { return None };
    if *method != Method::GET || size_bytes == 0 {
        return None;
    }
    let (unit, range) = range.to_str().ok()?.split_once('=')?;
    let (first, last) = range.trim().split_once('-').filter(|_| unit.trim().eq_ignore_ascii_case("bytes"))?;
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => format!("bytes={first}-{last}"),
        (Some(first), None) if last.is_empty() => format!("bytes={first}-"),
        (None, Some(last)) if first.is_empty() => format!("bytes=-{}", last.min(size_bytes)),
        _ => return None,
    };
    HeaderValue::from_str(&range).ok()
}

fn number(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
