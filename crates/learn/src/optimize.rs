//! Optimisers whose whole state is ours: AdamW (Loshchilov & Hutter, 2019) and SGD with momentum
//! (as PyTorch has it). On the CPU one step is one pass over each weight; elsewhere it is composed
//! of tensor operations.

use std::{cell::RefCell, collections::BTreeMap};

use api::config::Optimizer as Kind;
use candle_core::{CpuStorage, Error, InplaceOp2, Layout, Result, Tensor, Var, backprop::GradStore};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;
const MOMENTUM: f64 = 0.9;

/// Moves weights against their gradients.
#[derive(Debug)]
pub struct Optimizer {
    kind: Kind,
    weight_decay: f64,
    /// Steps taken so far; Adam's bias correction needs it.
    steps: u64,
    weights: Vec<Weight>,
}

#[derive(Debug)]
struct Weight {
    name: String,
    value: Var,
    /// Biases and norms are not decayed.
    decayed: bool,
    moments: RefCell<Moments>,
}

/// `first` is Adam's mean or SGD's momentum; `second` (Adam's) is empty for SGD.
#[derive(Debug)]
enum Moments {
    Host { first: Vec<f32>, second: Vec<f32> },
    Device { first: Tensor, second: Option<Tensor> },
}

/// The numbers of one step.
#[derive(Clone, Copy)]
struct Step {
    kind: Kind,
    rate: f64,
    decay: f64,
    /// Adam's bias corrections, 1 - βᵗ.
    corrections: (f64, f64),
    first_step: bool,
}

impl Optimizer {
    pub fn new(kind: Kind, weight_decay: f64, weights: &BTreeMap<String, Var>) -> Result<Self> {
        let weights = weights.iter().map(|(name, value)| Weight::new(kind, name, value)).collect::<Result<_>>()?;
        Ok(Self { kind, weight_decay, steps: 0, weights })
    }

    /// One step along gradients at a learning rate. A weight without a gradient stays.
    pub fn step(&mut self, gradients: &GradStore, rate: f64) -> Result<()> {
        self.steps += 1;
        let corrections = (1.0 - BETA1.powf(self.steps as f64), 1.0 - BETA2.powf(self.steps as f64));
        for weight in &self.weights {
            if let Some(gradient) = gradients.get(weight.value.as_tensor()) {
                let decay = if weight.decayed { self.weight_decay } else { 0.0 };
                weight
                    .step(gradient, Step { kind: self.kind, rate, decay, corrections, first_step: self.steps == 1 })?;
            }
        }
        Ok(())
    }

    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Every moment by name, for a checkpoint: `first.NAME`, `second.NAME`.
    pub fn moments(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut all = BTreeMap::new();
        for weight in &self.weights {
            let shape = weight.value.shape();
            let device = candle_core::Device::Cpu;
            let (first, second) = match &*weight.moments.borrow() {
                Moments::Host { first, second } => {
                    let second =
                        if second.is_empty() { None } else { Some(Tensor::from_slice(second, shape, &device)?) };
                    (Tensor::from_slice(first, shape, &device)?, second)
                }
                Moments::Device { first, second } => {
                    (first.to_device(&device)?, second.as_ref().map(|second| second.to_device(&device)).transpose()?)
                }
            };
            all.insert(format!("first.{}", weight.name), first);
            if let Some(second) = second {
                all.insert(format!("second.{}", weight.name), second);
            }
        }
        Ok(all)
    }

    /// Goes on from a checkpoint's moments.
    pub fn resume(&mut self, steps: u64, moments: &BTreeMap<String, Tensor>) -> Result<()> {
        let find =
            |name: String| moments.get(&name).cloned().ok_or_else(|| Error::CannotFindTensor { path: name }.bt());
        for weight in &self.weights {
            let first = find(format!("first.{}", weight.name))?;
            let second = if self.kind == Kind::Adamw { Some(find(format!("second.{}", weight.name))?) } else { None };
            let values = |tensor: &Tensor| tensor.flatten_all()?.to_vec1::<f32>();
            let mut kept = weight.moments.borrow_mut();
            *kept = match &*kept {
                Moments::Host { .. } => Moments::Host {
                    first: values(&first)?,
                    second: second.as_ref().map(values).transpose()?.unwrap_or_default(),
                },
                Moments::Device { first: old, .. } => Moments::Device {
                    first: first.to_device(old.device())?,
                    second: second.map(|second| second.to_device(old.device())).transpose()?,
                },
            };
        }
        self.steps = steps;
        Ok(())
    }
}

impl Weight {
    fn new(kind: Kind, name: &str, value: &Var) -> Result<Self> {
        let count = value.elem_count();
        let second = kind == Kind::Adamw;
        let moments = if value.device().is_cpu() {
            Moments::Host { first: vec![0.0; count], second: vec![0.0; if second { count } else { 0 }] }
        } else {
            Moments::Device {
                first: value.zeros_like()?,
                second: if second { Some(value.zeros_like()?) } else { None },
            }
        };
        Ok(Self {
            name: name.to_owned(),
            value: value.clone(),
            decayed: value.rank() > 1,
            moments: RefCell::new(moments),
        })
    }

    fn step(&self, gradient: &Tensor, step: Step) -> Result<()> {
        let mut moments = self.moments.borrow_mut();
        if let Moments::Host { .. } = *moments {
            drop(moments);
            return self.value.inplace_op2(&gradient.contiguous()?, &OnePass { step, moments: &self.moments });
        }
        if let Moments::Device { first, second } = &mut *moments {
            let value = self.value.as_detached_tensor();
            let next = match second {
                Some(second) => {
                    *first = ((&*first * BETA1)? + (gradient * (1.0 - BETA1))?)?;
                    *second = ((&*second * BETA2)? + (gradient.sqr()? * (1.0 - BETA2))?)?;
                    let spread = ((&*second / step.corrections.1)?.sqrt()? + EPSILON)?;
                    let moved = (&*first * (step.rate / step.corrections.0))?.div(&spread)?;
                    ((value * (1.0 - step.rate * step.decay))? - moved)?
                }
                None => {
                    let gradient = (gradient + (&value * step.decay)?)?;
                    *first = if step.first_step { gradient } else { ((&*first * MOMENTUM)? + gradient)? };
                    (value - (&*first * step.rate)?)?
                }
            };
            self.value.set(&next)?;
        }
        Ok(())
    }
}

/// Moves a weight and its moments in one pass.
struct OnePass<'a> {
    step: Step,
    moments: &'a RefCell<Moments>,
}

impl InplaceOp2 for OnePass<'_> {
    fn name(&self) -> &'static str {
        "optimizer-step"
    }

    fn cpu_fwd(
        &self,
        weight: &mut CpuStorage,
        weight_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> Result<()> {
        let (CpuStorage::F32(weight), CpuStorage::F32(gradient)) = (weight, gradient) else {
            candle_core::bail!("the optimizer moves f32 weights only");
        };
        let (Some((from, to)), Some((start, end))) =
            (weight_layout.contiguous_offsets(), gradient_layout.contiguous_offsets())
        else {
            candle_core::bail!("the optimizer moves contiguous weights only");
        };
        let (weight, gradient) = (&mut weight[from..to], &gradient[start..end]);
        let Moments::Host { first, second } = &mut *self.moments.borrow_mut() else {
            candle_core::bail!("the optimizer's moments are not on the CPU");
        };
        match self.step.kind {
            Kind::Adamw => self.step.adamw(weight, gradient, first, second),
            Kind::Sgd => self.step.sgd(weight, gradient, first),
        }
        Ok(())
    }
}

impl Step {
    fn adamw(&self, weight: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
        let keep = (1.0 - self.rate * self.decay) as f32;
        let scale = (self.rate / self.corrections.0) as f32;
        let spread = (1.0 / self.corrections.1.sqrt()) as f32;
        let (beta1, beta2, epsilon) = (BETA1 as f32, BETA2 as f32, EPSILON as f32);
        for (((weight, gradient), first), second) in weight.iter_mut().zip(gradient).zip(first).zip(second) {
            *first = beta1 * *first + (1.0 - beta1) * gradient;
            *second = beta2 * *second + (1.0 - beta2) * gradient * gradient;
            *weight = *weight * keep - scale * *first / (second.sqrt() * spread + epsilon);
        }
    }

    fn sgd(&self, weight: &mut [f32], gradient: &[f32], first: &mut [f32]) {
        let (rate, decay, momentum) = (self.rate as f32, self.decay as f32, MOMENTUM as f32);
        for ((weight, gradient), first) in weight.iter_mut().zip(gradient).zip(first) {
            *first = momentum * *first + gradient + decay * *weight;
            *weight -= rate * *first;
        }
    }
}
