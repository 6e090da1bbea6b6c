//! The program itself, in workspaces and folders of the test's own.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails there")]

mod executing;
mod hosting;
mod once;
mod program;
