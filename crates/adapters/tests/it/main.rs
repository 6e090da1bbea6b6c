//! The adapters against their real counterparts. One behaviour suite a port runs against each of its
//! adapters; a test whose counterpart is missing says so in one line and returns.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails there")]

mod registry;
mod registry_bearer;
mod registry_process;
mod registry_refusals;
mod secrets;
#[path = "../../../../tests/src/skipped.rs"]
#[allow(unreachable_pub, dead_code, reason = "the journeys' own, of which a suite takes what it needs")]
mod skipped;
mod this_machine;
