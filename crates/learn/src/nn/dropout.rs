//! Dropout by masks from our own generator, so that a resumed run draws the same ones.

use candle_core::{DType, Result, Tensor};
use rand::Rng;

/// Zeroes values with probability `rate` and scales the others by 1 / (1 - rate) (inverted
/// dropout: Srivastava et al., 2014), so that inference is the identity.
pub fn dropout(x: &Tensor, rate: f64, random: &mut impl Rng) -> Result<Tensor> {
    if rate <= 0.0 {
        return Ok(x.clone());
    }
    // 32 bits a value: a mask of 24-bit uniform floats would cost the same draws.
    let limit = (rate.min(1.0) * f64::from(u32::MAX)) as u32;
    let kept = (1.0 / (1.0 - rate)) as f32;
    let mask: Vec<f32> = (0..x.elem_count()).map(|_| if random.random::<u32>() < limit { 0.0 } else { kept }).collect();
    let mask = Tensor::from_vec(mask, x.shape(), x.device())?;
    x * if x.dtype() == DType::F32 { mask } else { mask.to_dtype(x.dtype())? }
}
