//! Maximum pooling by the place of the maximum, and the mean over a picture.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor};

use super::slices::{Real, map_one, map_two};

/// The maximum over `size × size` windows that don't overlap; an incomplete last row or column of
/// windows is left out. Among equal values the first one gets the gradient, as in PyTorch.
pub fn max_pool(x: &Tensor, size: usize) -> Result<Tensor> {
    let (rows, channels, height, width) = x.dims4()?;
    if x.device().is_cpu() {
        return x.contiguous()?.apply_op1(MaxPool { size, rows, channels, height, width });
    }
    let (tall, wide) = (height / size, width / size);
    let whole = x.narrow(2, 0, tall * size)?.narrow(3, 0, wide * size)?.contiguous()?;
    whole.reshape((rows, channels * tall, size, wide, size))?.max(4)?.max(2)?.reshape((rows, channels, tall, wide))
}

/// The mean over height and width: `[rows, channels]`.
pub fn global_average_pool(x: &Tensor) -> Result<Tensor> {
    x.mean((2, 3))
}

#[derive(Clone, Copy)]
struct MaxPool {
    size: usize,
    rows: usize,
    channels: usize,
    height: usize,
    width: usize,
}

struct MaxPoolGradient(MaxPool);

impl MaxPool {
    fn shape(&self) -> Shape {
        Shape::from((self.rows, self.channels, self.height / self.size, self.width / self.size))
    }

    /// The place of the maximum of each window, in the order of the output.
    fn places<T: Real>(&self, values: &[T]) -> impl Iterator<Item = usize> {
        let (tall, wide) = (self.height / self.size, self.width / self.size);
        let planes = (0..self.rows * self.channels).map(|plane| plane * self.height * self.width);
        planes.flat_map(move |plane| {
            (0..tall * wide).map(move |window| {
                let start = plane + (window / wide) * self.size * self.width + (window % wide) * self.size;
                let mut best = start;
                for down in 0..self.size {
                    for place in start + down * self.width..start + down * self.width + self.size {
                        // NaN must win, or a diverged run would look healthy.
                        if values[place] > values[best] || values[place].is_nan() {
                            best = place;
                        }
                    }
                }
                best
            })
        })
    }

    fn spread<T: Real>(&self, values: &[T], gradient: &[T]) -> Vec<T> {
        let mut spread = vec![T::zero(); values.len()];
        for (place, gradient) in self.places(values).zip(gradient) {
            spread[place] += *gradient;
        }
        spread
    }
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let pooled =
            map_one!("max-pool", storage, layout, |values| self.places(values).map(|place| values[place]).collect());
        Ok((pooled, self.shape()))
    }

    fn bwd(&self, arg: &Tensor, _res: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(arg.apply_op2_no_bwd(&gradient.contiguous()?, &MaxPoolGradient(*self))?))
    }
}

impl CustomOp2 for MaxPoolGradient {
    fn name(&self) -> &'static str {
        "max-pool-gradient"
    }

    fn cpu_fwd(
        &self,
        first: &CpuStorage,
        first_layout: &Layout,
        second: &CpuStorage,
        second_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let spread =
            map_two!("max-pool-gradient", (first, first_layout), (second, second_layout), |values, gradient| self
                .0
                .spread(values, gradient));
        Ok((spread, first_layout.shape().clone()))
    }
}
