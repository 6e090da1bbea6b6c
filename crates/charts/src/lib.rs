//! Every drawing, with plotters over one backend of our own that writes SVG: the same code draws in
//! the window, in a report and in a test.
//!
//! A drawing names colours by role and never by value; [`export`] resolves them for a file. This
//! room knows neither the document nor the host: data in, SVG out, with the transform between
//! pixels and data for the crosshair and the zoom.

pub mod axis;
mod backend;
pub mod bars;
pub mod confusion;
pub mod contour;
pub mod curves;
pub mod distribution_steps;
pub mod export;
mod frame;
pub mod group;
pub mod heat;
pub mod importance;
pub mod line;
pub mod parallel;
pub mod plot;
pub mod ramp;
pub mod role;
pub mod runs;
pub mod scatter;
pub mod shape;
pub mod smooth;
pub mod spark;
pub mod text;
pub mod text_table;
pub mod tick;
pub mod values;
