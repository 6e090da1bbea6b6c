//! Training: from a plan and a snapshot's rows to weights, figures and a bundle.
//!
//! [`run::train`] is the whole of it, called by `slipway-worker` in a run's folder. This crate never
//! reads the environment, the clock or the network: time and memory are given as
//! [`run::Surroundings`]; it writes only below the folder. `infer` is the only forward pass that
//! figures come from, and `data` the only place that computes them.
//!
//! On the CPU a run is a function of its plan: the same machine and thread count give the same
//! bits, whether it was interrupted or not (`crates/worker/tests/it/resume.rs`).

pub mod checkpoint;
pub mod classes;
pub mod control;
pub mod dataset;
pub mod error;
pub mod events;
pub mod hyperparameters;
pub mod layers;
pub mod measure;
pub mod network_training;
pub mod nn;
pub mod optimize;
pub mod pictures;
pub mod progress;
pub mod random;
pub mod report;
pub mod run;
pub mod schedule;
pub mod stopping;
pub mod tree_training;
