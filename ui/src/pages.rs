//! The pages, one module each; no page imports another.

pub(crate) mod data;
pub(crate) mod deploy;
pub(crate) mod experiments;
pub(crate) mod found;
pub(crate) mod hardware;
pub(crate) mod jobs;
pub(crate) mod missing;
pub(crate) mod model;
pub(crate) mod models;
pub(crate) mod monitor;
pub(crate) mod overview;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod settings;
pub(crate) mod start;
