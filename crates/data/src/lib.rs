//! Tables: everything that Slipway knows about rows before a model sees them.
//!
//! The road through this room: [`scan`] finds the files of a dataset, [`manifest`] gives their
//! content one id, [`table`] turns them into the one Parquet form that every later step reads
//! (images: [`images`]), [`preview`] and [`profile`] show it, [`split`] says which row trains and
//! which one tests, [`look`] proposes all of that for a folder that has no `slipway.toml`, and
//! [`samples`] makes the synthetic sample.
//!
//! It knows nothing of SQL, the network, the clock and the environment: paths, seeds and times
//! are given. What takes long reports through [`progress::Progress`] and can be stopped by it.

pub mod association;
mod bars;
mod card_fraud;
pub mod column;
mod column_builder;
pub mod datetime;
pub mod delimited;
pub mod encoding;
pub mod error;
pub mod images;
mod json_lines;
pub mod look;
pub mod manifest;
pub mod memory;
pub mod preview;
pub mod profile;
mod profile_warnings;
pub mod progress;
pub mod row_hash;
pub mod samples;
pub mod scan;
pub mod sketch;
pub mod split;
pub mod split_record;
pub mod survey;
pub mod table;
mod typed_source;
pub mod typing;
mod whole_file;

pub mod drift;
pub mod metrics;
