//! Finding a host, or nobody, in workspaces of the test's own.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails there")]

mod finding;
mod starting;
