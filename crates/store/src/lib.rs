//! SQLite and content-addressed blobs: what Slipway remembers.
//!
//! The only place with SQL. One file per table holds the table's `CREATE`, its row, its readers and
//! its writers; a writer takes a [`rusqlite::Transaction`], a reader a [`rusqlite::Connection`], so
//! that both run inside [`Store::write`] and [`Store::read`]. This room knows nothing of files but
//! the database and the blobs, and nothing of the network or the clock.

pub mod alert;
pub mod alias;
pub mod blob;
pub mod blob_use;
pub mod client_version;
pub mod column;
pub mod database;
pub mod dataset;
pub mod deployment;
pub mod error;
pub mod experiment;
mod fold;
pub mod happening;
pub mod integrity;
pub mod job;
pub mod job_log;
mod key;
pub mod logged_model;
pub mod medium;
pub mod metric;
pub mod migrate;
pub mod mlflow_db;
pub mod model;
mod of_runs;
pub mod package;
pub mod param;
pub mod points;
pub mod project;
pub mod registry;
pub mod run;
pub mod run_columns;
pub mod run_facts;
pub mod run_input;
mod run_pairs;
pub mod run_row;
pub mod search;
pub mod sent_traffic;
pub mod setting;
pub mod snapshot;
pub mod source;
pub mod spending;
pub mod split;
pub mod tag;
mod tail;
pub mod target;
pub mod traffic;
pub mod version;
pub mod window;

pub use database::Store;
pub use error::{Result, StoreError};
pub use rusqlite::{Connection, Transaction};
