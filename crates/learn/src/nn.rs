//! Layers and losses with right gradients, over Candle's tensors.
//!
//! Candle's own backward pass is silently wrong for some layers (layer norm, pooling: see
//! `docs/decisions`), and slow for others (convolution). So each layer that we train with stands
//! here, with a finite-difference check in `tests/it/gradients.rs`. On the CPU a layer is one pass
//! over plain slices; on another device it is composed of Candle operations whose gradients the
//! same tests check. This module knows nothing of files, data or training loops.

pub mod convolution;
pub mod dropout;
pub mod linear;
pub mod loss;
pub mod normalization;
pub mod pooling;
pub mod slices;
