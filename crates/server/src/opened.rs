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
    http::{Uri, uri::PathAndQuery},
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
    let mut request = request;
    let path = format!("/{}", utf8_percent_encode(name, NON_ALPHANUMERIC));
    *request.uri_mut() = Uri::from(path.parse::<PathAndQuery>().map_err(io::Error::other)?);
    let sent = ServeDir::with_backend("", Opened(Arc::new(file))).try_call(request).await?;
    Ok(sent.map(Body::new))
}
