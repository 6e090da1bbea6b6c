//! The program itself, in workspaces and folders of the test's own.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails there")]

mod by_values;
mod executing;
mod experiments;
mod exporting;
mod following;
mod hosting;
mod logged;
mod media;
mod naming;
mod once;
mod opening;
mod program;
mod registered;
mod searching;
#[path = "../../../../tests/src/skipped.rs"]
#[allow(unreachable_pub, dead_code, reason = "the journeys' own, of which a suite takes what it needs")]
mod skipped;
mod sources;
mod storing;
mod tracking;
mod undoing;
mod written;
