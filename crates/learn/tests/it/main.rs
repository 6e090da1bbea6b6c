//! What this crate promises, from the outside.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails there")]

mod gradients;
mod optimizers;
mod plans;
mod same_answers;
