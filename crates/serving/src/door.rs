//! The public port: opened, or taken over from the server before, and closed without losing a request.
//!
//! Two servers of one deployment share a socket file (`--handover`). The next one, once it has loaded
//! its model, asks the one before for its listening socket: from then on both accept from one queue, so
//! that when the old one stops accepting, no connection is refused or dropped. A door that is told to
//! close takes no new connection; on those that are kept alive each answer says `Connection: close`,
//! and only after [`LINGER`] are the idle ones closed: a client that keeps asking meets no closed one.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::serve::Listener;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::watch,
};

#[cfg(unix)]
pub(crate) use handover::{Handing, take};

/// How long a connection that is kept alive may wait for its client's next request at the end.
const LINGER: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A listener that can be closed while its connections live on.
#[derive(Debug)]
pub(crate) struct Door {
    /// `None` once it is closed.
    listener: Option<TcpListener>,
    address: SocketAddr,
    closed: watch::Receiver<bool>,
    open: Arc<()>,
}

/// The other side of a [`Door`]: closes it, and knows how many are inside.
#[derive(Debug)]
pub(crate) struct Key {
    closing: watch::Sender<bool>,
    open: Arc<()>,
}

impl Door {
    pub(crate) fn new(listener: TcpListener) -> io::Result<(Self, Key)> {
        let (closing, closed) = watch::channel(false);
        let open = Arc::new(());
        let address = listener.local_addr()?;
        Ok((Self { listener: Some(listener), address, closed, open: open.clone() }, Key { closing, open }))
    }
}

impl Key {
    /// Takes no new connection from now on; returns when all are gone, or after [`LINGER`].
    pub(crate) async fn close(&self) {
        let _ = self.closing.send(true);
        let until = tokio::time::Instant::now() + LINGER;
        // The door and this key hold it too.
        while Arc::strong_count(&self.open) > 2 && tokio::time::Instant::now() < until {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

impl Listener for Door {
    type Io = Visit;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visit, SocketAddr) {
        if let Some(listener) = &mut self.listener {
            tokio::select! {
                (stream, address) = Listener::accept(listener) => {
                    return (Visit { stream, _open: self.open.clone() }, address);
                }
                _ = self.closed.wait_for(|closed| *closed) => {}
            }
            self.listener = None;
        }
        std::future::pending().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection that is counted while it lives.
#[derive(Debug)]
pub(crate) struct Visit {
    stream: TcpStream,
    _open: Arc<()>,
}

impl AsyncRead for Visit {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Visit {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(unix)]
mod handover {
    use std::{
        fs,
        io::{self, IoSlice, IoSliceMut},
        mem::MaybeUninit,
        net::TcpListener as StdListener,
        os::{
            fd::{AsFd as _, OwnedFd},
            unix::net::{UnixListener as StdUnixListener, UnixStream},
        },
        path::{Path, PathBuf},
        time::Duration,
    };

    use anyhow::{Context as _, bail};
    use rustix::net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
        recvmsg, sendmsg,
    };
    use tokio::{
        net::{TcpListener, UnixListener},
        task::JoinHandle,
    };

    /// The server before answers at once, or hangs.
    const PATIENCE: Duration = Duration::from_secs(5);

    /// The listening socket of the server that runs, if one does and listens where it should.
    pub(crate) async fn take(file: &Path, listen: std::net::SocketAddr) -> Option<TcpListener> {
        let file = file.to_owned();
        let taken = tokio::task::spawn_blocking(move || receive(&file)).await.ok()?;
        let listener = match taken {
            Ok(listener) => listener,
            Err(error) => {
                note_failure(&error);
                return None;
            }
        };
        let address = listener.local_addr().ok()?;
        // Another address is wanted now: that one is opened beside it.
        if listen.port() != 0 && address != listen {
            return None;
        }
        listener.set_nonblocking(true).ok()?;
        TcpListener::from_std(listener).ok()
    }

    /// Nobody there is the usual case; anything else is worth a line.
    fn note_failure(error: &anyhow::Error) {
        let nobody = error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused));
        if !nobody {
            crate::say(&format!("the server before did not hand its port over: {error:#}"));
        }
    }

    fn receive(file: &Path) -> anyhow::Result<StdListener> {
        let stream = UnixStream::connect(file)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut byte = [0];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        recvmsg(&stream, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::empty())
            .map_err(io::Error::from)
            .context("read its answer")?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(mut sockets) = message
                && let Some(socket) = sockets.next()
            {
                return Ok(StdListener::from(socket));
            }
        }
        bail!("it sent no socket")
    }

    fn send(stream: &UnixStream, socket: &OwnedFd) -> io::Result<()> {
        let sockets = [socket.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&sockets));
        sendmsg(stream, &[IoSlice::new(&[0])], &mut control, SendFlags::empty())?;
        Ok(())
    }

    /// Gives the listening socket to whoever may open the file: our own user.
    pub(crate) struct Handing(JoinHandle<()>);

    impl Handing {
        pub(crate) fn start(file: PathBuf, listener: &TcpListener) -> anyhow::Result<Self> {
            let named = || format!("offer the port at {} (--handover)", file.display());
            let socket = listener.as_fd().try_clone_to_owned().with_context(named)?;
            let beside = file.with_extension("opening");
            match fs::remove_file(&beside) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).with_context(named)?,
                _ => {}
            }
            let offered = StdUnixListener::bind(&beside).with_context(named)?;
            offered.set_nonblocking(true).with_context(named)?;
            let offered = UnixListener::from_std(offered).with_context(named)?;
            // Rename last: until then the server before has the name, and can still hand over.
            fs::rename(&beside, &file).with_context(named)?;
            Ok(Self(tokio::spawn(async move {
                loop {
                    let Ok((stream, _)) = offered.accept().await else {
                        // Out of file descriptors, most likely: it passes.
                        tokio::time::sleep(super::LOOK_AGAIN).await;
                        continue;
                    };
                    let sent = stream.into_std().and_then(|stream| send(&stream, &socket));
                    if let Err(error) = sent {
                        crate::say(&format!("the port was not handed over: {error}"));
                    }
                }
            })))
        }

        /// Gives nothing away any more, and lets go of the socket: held here, it would go on taking in
        /// connections that nobody accepts.
        pub(crate) async fn stop(self) {
            self.0.abort();
            let _ = self.0.await;
        }
    }
}
