//! The fully connected layer.

use candle_core::{Result, Tensor};

/// y = x·Wᵀ + b; `x` is `[rows, inputs]`, `weight` is `[outputs, inputs]`, `bias` is `[outputs]`.
pub fn linear(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    x.matmul(&weight.t()?)?.broadcast_add(bias)
}
