//! Everything that the tables room promises, tested through its public functions.

mod drift;
mod files;
mod metrics;
mod profiling;
mod reading;
mod splitting;
