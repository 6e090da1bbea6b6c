//! Layer norm (Ba et al., 2016) and batch norm (Ioffe & Szegedy, 2015), one pass each way.

use candle_core::{CpuStorage, CustomOp3, D, Layout, Result, Shape, Tensor};

use super::slices::{Real, map_three, real};

/// Normalises over the last dimension; `weight` and `bias` are `[features]`.
pub fn layer_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Result<Tensor> {
    let features = x.dim(D::Minus1)?;
    if x.device().is_cpu() {
        let groups = Groups {
            count: x.elem_count() / features,
            blocks: 1,
            span: features,
            weighing: Weighing::ByPlace,
            epsilon,
        };
        return x.contiguous()?.apply_op3(weight, bias, groups);
    }
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    centred.broadcast_div(&(variance + epsilon)?.sqrt()?)?.broadcast_mul(weight)?.broadcast_add(bias)
}

/// What batch norm gives beside its values: the statistics of this batch, for the running ones.
pub struct BatchNormed {
    pub values: Tensor,
    pub mean: Tensor,
    /// Biased, as it normalised.
    pub variance: Tensor,
}

/// Normalises each channel over the rows (and the pixels) of the batch, as training does. `x` is
/// `[rows, features]` or `[rows, features, height, width]`.
pub fn batch_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f64) -> Result<BatchNormed> {
    let (rows, features) = (x.dim(0)?, x.dim(1)?);
    let span = x.elem_count() / (rows * features);
    let flat =
        x.detach().reshape((rows, features, span))?.transpose(0, 1)?.contiguous()?.reshape((features, rows * span))?;
    let mean = flat.mean(1)?;
    let variance = flat.broadcast_sub(&mean.unsqueeze(1)?)?.sqr()?.mean(1)?;
    let values = if x.device().is_cpu() {
        let groups = Groups { count: features, blocks: rows, span, weighing: Weighing::ByGroup, epsilon };
        x.contiguous()?.apply_op3(weight, bias, groups)?
    } else {
        let x3 = x.reshape((rows, features, span))?;
        let centred = x3.broadcast_sub(&x3.mean_keepdim((0, 2))?)?;
        let spread = (centred.sqr()?.mean_keepdim((0, 2))? + epsilon)?.sqrt()?;
        let scaled = centred.broadcast_div(&spread)?.broadcast_mul(&weight.reshape((1, features, 1))?)?;
        scaled.broadcast_add(&bias.reshape((1, features, 1))?)?.reshape(x.shape())?
    };
    Ok(BatchNormed { values, mean, variance })
}

/// Whether `weight` has one value for each place in a group (layer norm) or one for each group
/// (batch norm).
#[derive(Clone, Copy, PartialEq)]
enum Weighing {
    ByPlace,
    ByGroup,
}

/// Values that are normalised together: group g is `blocks` runs of `span` values, run b at
/// `(b · count + g) · span`.
#[derive(Clone, Copy)]
struct Groups {
    count: usize,
    blocks: usize,
    span: usize,
    weighing: Weighing,
    epsilon: f64,
}

/// All three gradients in one flat tensor: of x, then of the weight, then of the bias.
struct GroupsGradient(Groups);

impl Groups {
    /// The places of a group's values, each with its place in `weight`.
    fn places(self, group: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
        (0..self.blocks).flat_map(move |block| {
            let start = (block * self.count + group) * self.span;
            (0..self.span)
                .map(move |place| (start + place, if self.weighing == Weighing::ByPlace { place } else { group }))
        })
    }

    /// Mean and 1 / standard deviation.
    fn statistics<T: Real>(self, x: &[T], group: usize) -> (T, T) {
        let count: T = real((self.blocks * self.span) as f64);
        let mean = self.places(group).fold(T::zero(), |sum, (place, _)| sum + x[place]) / count;
        let variance =
            self.places(group).fold(T::zero(), |sum, (place, _)| sum + (x[place] - mean) * (x[place] - mean)) / count;
        (mean, (variance + real(self.epsilon)).sqrt().recip())
    }

    fn normalize<T: Real>(self, x: &[T], weight: &[T], bias: &[T]) -> Vec<T> {
        let mut values = vec![T::zero(); x.len()];
        for group in 0..self.count {
            let (mean, scale) = self.statistics(x, group);
            for (place, at) in self.places(group) {
                values[place] = (x[place] - mean) * scale * weight[at] + bias[at];
            }
        }
        values
    }

    fn gradients<T: Real>(self, x: &[T], weight: &[T], gradient: &[T]) -> Vec<T> {
        let mut all = vec![T::zero(); x.len() + 2 * weight.len()];
        let (of_x, others) = all.split_at_mut(x.len());
        let (of_weight, of_bias) = others.split_at_mut(weight.len());
        let count: T = real((self.blocks * self.span) as f64);
        for group in 0..self.count {
            let (mean, scale) = self.statistics(x, group);
            let (mut sum, mut product) = (T::zero(), T::zero());
            for (place, at) in self.places(group) {
                let normal = (x[place] - mean) * scale;
                of_weight[at] += gradient[place] * normal;
                of_bias[at] += gradient[place];
                sum += gradient[place] * weight[at];
                product += gradient[place] * weight[at] * normal;
            }
            for (place, at) in self.places(group) {
                let normal = (x[place] - mean) * scale;
                of_x[place] = scale * (gradient[place] * weight[at] - (sum + normal * product) / count);
            }
        }
        all
    }
}

impl CustomOp3 for Groups {
    fn name(&self) -> &'static str {
        "normalize"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let values =
            map_three!("normalize", (x, x_layout), (weight, weight_layout), (bias, bias_layout), |x, weight, bias| {
                self.normalize(x, weight, bias)
            });
        Ok((values, x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        _res: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let all = x.apply_op3_no_bwd(weight, &gradient.contiguous()?, &GroupsGradient(*self))?;
        let (values, features) = (x.elem_count(), weight.elem_count());
        Ok((
            Some(all.narrow(0, 0, values)?.reshape(x.shape())?),
            Some(all.narrow(0, values, features)?),
            Some(all.narrow(0, values + features, features)?),
        ))
    }
}

impl CustomOp3 for GroupsGradient {
    fn name(&self) -> &'static str {
        "normalize-gradient"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let all = map_three!(
            "normalize-gradient",
            (x, x_layout),
            (weight, weight_layout),
            (gradient, gradient_layout),
            |x, weight, gradient| self.0.gradients(x, weight, gradient)
        );
        let values = x_layout.shape().elem_count() + 2 * weight_layout.shape().elem_count();
        Ok((all, Shape::from(values)))
    }
}
