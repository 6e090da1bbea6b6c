//! What this crate promises, from the outside.

mod gradients;
mod optimizers;
