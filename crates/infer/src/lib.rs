//! What a model needs to answer: its bundle, its preprocessing, and the only forward pass.
//!
//! `learn` fits [`preprocessing::Preprocessing`], evaluates through [`forward::Forward`] and writes
//! a [`bundle`]; `engine` and `serving` open it as a [`model::Model`]. In and out are Arrow record
//! batches; tensors begin after preprocessing. Nothing here trains, reads the clock, the
//! environment or the network.
//!
//! The way of a row:
//!
//! ```text
//! JSON ── rows::from_json ──► RecordBatch ── Preprocessing::apply ──► Matrix (f32)
//!      ── Forward::scores ──► Scores ── Model::predict ──► RecordBatch ── rows::to_json ──► JSON
//! ```

pub mod bundle;
pub mod columns;
pub mod forward;
pub mod images;
pub mod model;
pub mod network;
pub mod preprocessing;
pub mod rows;
pub mod trees;
