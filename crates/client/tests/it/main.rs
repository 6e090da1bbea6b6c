//! Finding a host, or nobody, in workspaces of the test's own, and what a host sends.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails there")]

mod downloading;
mod finding;
mod starting;
