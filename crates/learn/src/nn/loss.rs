//! What training makes small. Targets are plain numbers, so only the model's outputs carry a
//! gradient; each loss is one pass, with the gradient computed beside the value.
//!
//! A weighted loss is Σ wᵢ·lossᵢ / Σ wᵢ, as PyTorch's `weight=` has it.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::slices::{Real, map_one, real};

/// The targets of one batch.
#[derive(Debug, Clone)]
pub enum Targets {
    /// Class indices; outputs are logits `[rows, classes]`: softmax cross-entropy.
    Classes(Vec<u32>),
    /// 0 or 1; outputs are logits `[rows, 1]`: binary cross-entropy.
    Binary(Vec<f32>),
    /// Numbers; outputs are `[rows, 1]`: squared error.
    Numbers(Vec<f32>),
    /// Numbers; outputs are `[rows, 1]`: Huber's loss, quadratic up to `delta`, linear beyond.
    Huber { targets: Vec<f32>, delta: f64 },
}

/// The mean loss of a batch, a scalar. `weights` has one number a row; empty weighs all alike.
pub fn loss(outputs: &Tensor, targets: &Targets, weights: &[f32]) -> Result<Tensor> {
    let width = outputs.elem_count() / targets.len().max(1);
    let op = Loss { targets: targets.clone(), weights: weights.to_vec(), width };
    if outputs.device().is_cpu() {
        return outputs.contiguous()?.apply_op1(op);
    }
    // Elsewhere the gradient is computed here and handed over as constant: the loss is replaced by
    // outputs · gradient, which has the same gradient, plus a constant that gives it its value.
    let values: Vec<f32> = outputs.detach().flatten_all()?.to_vec1()?;
    let (value, gradient) = op.compute(&values);
    let gradient = Tensor::from_vec(gradient, outputs.shape(), outputs.device())?;
    let product = (outputs * gradient)?.sum_all()?;
    let shift = f64::from(value) - f64::from(product.detach().to_scalar::<f32>()?);
    product + shift
}

impl Targets {
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Binary(values) | Self::Numbers(values) | Self::Huber { targets: values, .. } => values.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

struct Loss {
    targets: Targets,
    weights: Vec<f32>,
    width: usize,
}

/// The gradient of the loss, from the outputs.
struct LossGradient(Loss);

impl Loss {
    fn weight<T: Real>(&self, row: usize) -> T {
        self.weights.get(row).map_or_else(T::one, |weight| real(f64::from(*weight)))
    }

    /// The loss and its gradient with respect to the outputs.
    fn compute<T: Real>(&self, outputs: &[T]) -> (T, Vec<T>) {
        let rows = self.targets.len();
        let total = (0..rows).fold(T::zero(), |sum, row| sum + self.weight(row));
        let total = if total > T::zero() { total } else { T::one() };
        let mut gradient = vec![T::zero(); outputs.len()];
        let mut sum = T::zero();
        for row in 0..rows {
            let weight = self.weight::<T>(row) / total;
            let places = row * self.width..(row + 1) * self.width;
            let (outputs, gradient) = (&outputs[places.clone()], &mut gradient[places]);
            let one = match &self.targets {
                Targets::Classes(classes) => cross_entropy(outputs, classes[row] as usize, gradient),
                Targets::Binary(targets) => {
                    binary_cross_entropy(outputs[0], real(f64::from(targets[row])), &mut gradient[0])
                }
                Targets::Numbers(targets) => squared(outputs[0], real(f64::from(targets[row])), &mut gradient[0]),
                Targets::Huber { targets, delta } => {
                    huber(outputs[0], real(f64::from(targets[row])), real(*delta), &mut gradient[0])
                }
            };
            sum += weight * one;
            for value in gradient {
                *value *= weight;
            }
        }
        (sum, gradient)
    }
}

/// -log softmax(outputs)\[class\], by log-sum-exp.
fn cross_entropy<T: Real>(outputs: &[T], class: usize, gradient: &mut [T]) -> T {
    let largest = outputs
        .iter()
        .fold(T::neg_infinity(), |largest, value| if *value > largest || value.is_nan() { *value } else { largest });
    let sum = outputs.iter().fold(T::zero(), |sum, value| sum + (*value - largest).exp());
    for (gradient, value) in gradient.iter_mut().zip(outputs) {
        *gradient = (*value - largest).exp() / sum;
    }
    gradient[class] -= T::one();
    // Grouped so that large logits don't swallow the logarithm.
    sum.ln() + (largest - outputs[class])
}

/// max(z, 0) - z·y + log(1 + e^-|z|): stable for every z.
fn binary_cross_entropy<T: Real>(output: T, target: T, gradient: &mut T) -> T {
    let small = (-output.abs()).exp();
    let probability = if output >= T::zero() { (T::one() + small).recip() } else { small / (T::one() + small) };
    *gradient = probability - target;
    // `max` would swallow NaN.
    let positive = if output > T::zero() || output.is_nan() { output } else { T::zero() };
    positive - output * target + small.ln_1p()
}

fn squared<T: Real>(output: T, target: T, gradient: &mut T) -> T {
    let error = output - target;
    *gradient = error + error;
    error * error
}

fn huber<T: Real>(output: T, target: T, delta: T, gradient: &mut T) -> T {
    let error = output - target;
    let half: T = real(0.5);
    if error.abs() <= delta {
        *gradient = error;
        half * error * error
    } else {
        *gradient = delta * error.signum();
        delta * (error.abs() - half * delta)
    }
}

impl CustomOp1 for Loss {
    fn name(&self) -> &'static str {
        "loss"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((map_one!("loss", storage, layout, |outputs| vec![self.compute(outputs).0]), Shape::from(())))
    }

    fn bwd(&self, arg: &Tensor, _res: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let op = LossGradient(Self { targets: self.targets.clone(), weights: self.weights.clone(), width: self.width });
        Ok(Some(arg.apply_op1_no_bwd(&op)?.broadcast_mul(gradient)?))
    }
}

impl CustomOp1 for LossGradient {
    fn name(&self) -> &'static str {
        "loss-gradient"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let gradient = map_one!("loss-gradient", storage, layout, |outputs| self.0.compute(outputs).1);
        Ok((gradient, layout.shape().clone()))
    }
}
