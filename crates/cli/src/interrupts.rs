//! Ctrl-C, heard from one moment on.
//!
//! A listener is taken once and kept: one that is made anew for every wait loses what comes
//! between two of them.

use api::{ApiError, ErrorCode};

use crate::context::Outcome;

pub(crate) struct Interrupts {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
    #[cfg(windows)]
    signal: tokio::signal::windows::CtrlC,
}

impl Interrupts {
    /// From here on Ctrl-C ends nothing by itself.
    pub(crate) fn take() -> Outcome<Self> {
        #[cfg(unix)]
        let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt());
        #[cfg(windows)]
        let signal = tokio::signal::windows::ctrl_c();
        let signal =
            signal.map_err(|error| ApiError::new(ErrorCode::Internal, format!("Ctrl-C can't be heard: {error}.")))?;
        Ok(Self { signal })
    }

    /// Resolves with the next press.
    pub(crate) async fn next(&mut self) {
        if self.signal.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}
