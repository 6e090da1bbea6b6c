//! The program itself, started as a pod or the host starts it.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has failed")]

mod answering;
mod handing;
mod logging;
mod refusing;
mod running;
