//! The words that every process of Slipway speaks: ids, records, requests, events, errors.
//!
//! Only serde lives here: no clock, no randomness, no I/O, so that the same types compile for the
//! window's wasm and for every native process. A record is written once, here; no room keeps a
//! second copy of a type "for the wire".
//!
//! Conventions: times are milliseconds since the Unix epoch and end in `_ms`; sizes end in
//! `_bytes`; optional means "not known" or "not set", never "zero".

pub mod call;
pub mod config;
pub mod dataset;
pub mod deleted;
pub mod deploy;
pub mod drift;
pub mod error;
pub mod evaluation;
pub mod event;
pub mod export;
pub mod figure;
pub mod grouping;
pub mod host;
pub mod hyperparameter;
pub mod id;
pub mod job;
pub mod logged;
pub mod media;
pub mod model;
pub mod monitor;
pub mod package;
pub mod project;
pub mod registered;
pub mod run;
pub mod run_diff;
pub mod run_table;
pub mod search;
pub mod series;
pub mod source;
pub mod spending;
pub mod table_view;
pub mod tracking;
pub mod worker;

pub use call::Request;
pub use error::{ApiError, ErrorCode};
pub use id::*;

/// The version of requests, events, plans and worker files. A host reads this one and the previous.
pub const PROTOCOL: u32 = 5;
