//! Two-dimensional convolution as a matrix product: windows are unfolded to rows, so that forward
//! and backward are the same fast multiplication. Candle's own backward is a scalar loop.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::slices::{Real, map_one};

/// Where the windows of a convolution lie.
#[derive(Debug, Clone, Copy)]
pub struct Windows {
    pub kernel: usize,
    pub padding: usize,
    pub stride: usize,
}

impl Windows {
    /// Windows along a side of this length.
    pub fn along(self, side: usize) -> usize {
        (side + 2 * self.padding).saturating_sub(self.kernel) / self.stride + 1
    }
}

/// Cross-correlation, as every deep learning library has it. `x` is `[rows, inputs, height,
/// width]`, `weight` is `[outputs, inputs, kernel, kernel]`, `bias` is `[outputs]`.
pub fn convolution(x: &Tensor, weight: &Tensor, bias: &Tensor, windows: Windows) -> Result<Tensor> {
    let (rows, channels, height, width) = x.dims4()?;
    let outputs = weight.dim(0)?;
    if !x.device().is_cpu() {
        return x
            .conv2d(weight, windows.padding, windows.stride, 1, 1)?
            .broadcast_add(&bias.reshape((1, outputs, 1, 1))?);
    }
    let (tall, wide) = (windows.along(height), windows.along(width));
    let unfolded = x.contiguous()?.apply_op1(Unfold { windows, channels, height, width })?;
    let kernel = weight.reshape((outputs, channels * windows.kernel * windows.kernel))?;
    let products = unfolded.matmul(&kernel.t()?)?.broadcast_add(bias)?;
    products.reshape((rows, tall, wide, outputs))?.permute((0, 3, 1, 2))?.contiguous()
}

/// `[rows, channels, height, width]` to `[rows · windows, channels · kernel²]`.
struct Unfold {
    windows: Windows,
    channels: usize,
    height: usize,
    width: usize,
}

/// Its transpose: adds each window's values back where they came from.
struct Fold {
    unfold: Unfold,
    rows: usize,
}

impl Unfold {
    /// Calls `visit(place in the picture, place in the unfolded row)` for each value of a window
    /// that lies in the picture.
    fn visit(&self, mut visit: impl FnMut(usize, usize)) {
        let Windows { kernel, padding, stride } = self.windows;
        let (tall, wide) = (self.windows.along(self.height), self.windows.along(self.width));
        let patch = self.channels * kernel * kernel;
        for (window, (top, left)) in (0..tall).flat_map(|top| (0..wide).map(move |left| (top, left))).enumerate() {
            for channel in 0..self.channels {
                for down in 0..kernel {
                    let y = top * stride + down;
                    if y < padding || y - padding >= self.height {
                        continue;
                    }
                    let line = (channel * self.height + y - padding) * self.width;
                    let place = window * patch + (channel * kernel + down) * kernel;
                    for right in 0..kernel {
                        let x = left * stride + right;
                        if x >= padding && x - padding < self.width {
                            visit(line + x - padding, place + right);
                        }
                    }
                }
            }
        }
    }

    fn picture(&self) -> usize {
        self.channels * self.height * self.width
    }

    fn unfolded(&self) -> usize {
        self.windows.along(self.height) * self.windows.along(self.width) * self.patch()
    }

    fn patch(&self) -> usize {
        self.channels * self.windows.kernel * self.windows.kernel
    }

    fn unfold<T: Real>(&self, values: &[T]) -> Vec<T> {
        let rows = values.len() / self.picture();
        let mut unfolded = vec![T::zero(); rows * self.unfolded()];
        for (from, to) in values.chunks_exact(self.picture()).zip(unfolded.chunks_exact_mut(self.unfolded())) {
            self.visit(|place, target| to[target] = from[place]);
        }
        unfolded
    }

    fn fold<T: Real>(&self, unfolded: &[T]) -> Vec<T> {
        let rows = unfolded.len() / self.unfolded();
        let mut values = vec![T::zero(); rows * self.picture()];
        for (from, to) in unfolded.chunks_exact(self.unfolded()).zip(values.chunks_exact_mut(self.picture())) {
            self.visit(|place, source| to[place] += from[source]);
        }
        values
    }
}

impl CustomOp1 for Unfold {
    fn name(&self) -> &'static str {
        "unfold"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let rows = layout.shape().elem_count() / self.picture();
        let unfolded = map_one!("unfold", storage, layout, |values| self.unfold(values));
        Ok((unfolded, Shape::from((rows * self.unfolded() / self.patch(), self.patch()))))
    }

    fn bwd(&self, arg: &Tensor, _res: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let Self { windows, channels, height, width } = *self;
        let fold = Fold { unfold: Self { windows, channels, height, width }, rows: arg.dim(0)? };
        Ok(Some(gradient.contiguous()?.apply_op1_no_bwd(&fold)?))
    }
}

impl CustomOp1 for Fold {
    fn name(&self) -> &'static str {
        "fold"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let values = map_one!("fold", storage, layout, |unfolded| self.unfold.fold(unfolded));
        Ok((values, Shape::from((self.rows, self.unfold.channels, self.unfold.height, self.unfold.width))))
    }
}
