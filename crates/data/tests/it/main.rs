//! Everything that the tables room promises, tested through its public functions.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails there")]

mod delimited_properties;
mod drift;
mod files;
mod foreign;
mod metrics;
mod profiling;
mod reading;
mod splitting;
