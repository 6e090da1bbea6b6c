//! The drawings as SVG, kept as snapshots, and what must hold of any of them.

#![allow(clippy::unwrap_used, reason = "a test's own helpers fail by panicking")]

mod compare;
mod drawings;
mod spots;
mod ticks;
mod tokens;
