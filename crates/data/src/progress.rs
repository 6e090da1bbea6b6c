//! How long work in this room says how far it is, and how a caller stops it.
//!
//! Nothing here knows about jobs: the engine gives a function, and what it answers decides whether
//! the work goes on.

use std::ops::ControlFlow;

use crate::error::DataError;

/// Units done since the last report (bytes or rows, as the function that takes it says). Answering
/// `Break` ends the work with [`DataError::Cancelled`].
pub type Progress<'a> = &'a mut dyn FnMut(u64) -> ControlFlow<()>;

/// For callers that neither show progress nor stop.
pub fn silent(_done: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

pub(crate) fn report(progress: &mut dyn FnMut(u64) -> ControlFlow<()>, done: u64) -> Result<(), DataError> {
    match progress(done) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(DataError::Cancelled),
    }
}
