//! Everything that the tables room promises, tested through its public functions.

mod drift;
mod metrics;
