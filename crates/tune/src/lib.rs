//! Search for hyperparameters, as arithmetic: which values to try next, which trials to stop early, and which
//! hyperparameters mattered. No run is started here, and the clock and the disk are never read.
//!
//! A sampler is a function of a seed and the [`trial::Row`]s so far: a search that was interrupted goes on from its
//! rows as if it never had been. Rows stand in the order in which their trials were started, and none is taken
//! away; a trial that is started again is a new row.

pub mod asha;
pub mod grid;
pub mod importance;
pub mod intervals;
pub mod parzen;
pub mod random;
pub mod space;
pub mod tpe;
pub mod trial;
