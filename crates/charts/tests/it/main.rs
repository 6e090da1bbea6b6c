//! The drawings as SVG, kept as snapshots, and what must hold of any of them.

mod drawings;
mod ticks;
mod tokens;
