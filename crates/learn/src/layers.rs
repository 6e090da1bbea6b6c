//! A network while it is trained: its weights, how they begin, and the forward pass with gradients.
//!
//! The list of layers is `infer`'s, so that what is trained is what is served; `same_answers` among the
//! tests compares the two passes, layer by layer and from raw rows to answers.

use std::collections::BTreeMap;

use api::{config::ModelChoice, evaluation::Task};
use candle_core::{Device, Result, Tensor, Var};
use infer::{
    network::{Layer, Network, TargetScale, Weights},
    preprocessing::Mode,
};

use crate::{
    hyperparameters::NetworkSettings,
    nn::{
        convolution::{Windows, convolution},
        dropout::dropout,
        linear::linear,
        normalization::{batch_norm, layer_norm},
        pooling::{global_average_pool, max_pool},
    },
    random::Random,
};

/// Share of a new batch in batch norm's running statistics.
const RUNNING_SHARE: f64 = 0.1;

/// The layers of a model choice for features of this form and width.
pub fn design(
    model: ModelChoice,
    settings: &NetworkSettings,
    mode: Mode,
    width: usize,
    outputs: usize,
    target: TargetScale,
) -> Network {
    let mut layers = Vec::new();
    let (input, mut features) = match mode {
        Mode::Images(shape) => {
            let flat = pictures(&mut layers, (shape.channels, shape.height, shape.width), model);
            (vec![shape.channels, shape.height, shape.width], flat)
        }
        Mode::Scaled | Mode::Trees => (vec![width], width),
    };
    for hidden in &settings.hidden {
        layers.push(Layer::Linear { inputs: features, outputs: *hidden });
        layers.push(Layer::Relu);
        if settings.dropout > 0.0 {
            layers.push(Layer::Dropout { rate: settings.dropout });
        }
        features = *hidden;
    }
    layers.push(Layer::Linear { inputs: features, outputs });
    Network { input, layers, target }
}

/// Convolutions and pools until a picture is at most 4 on a side; gives the features that are left.
fn pictures(
    layers: &mut Vec<Layer>,
    (mut channels, mut height, mut width): (usize, usize, usize),
    model: ModelChoice,
) -> usize {
    if model == ModelChoice::Cnn {
        let mut outputs = 32;
        while height.min(width) >= 4 {
            layers.push(Layer::Convolution { inputs: channels, outputs, kernel: 3, padding: 1, stride: 1 });
            layers.push(Layer::Relu);
            layers.push(Layer::MaxPool { size: 2 });
            (channels, height, width) = (outputs, height / 2, width / 2);
            outputs = (outputs * 2).min(128);
        }
    }
    layers.push(Layer::Flatten);
    channels * height * width
}

/// What a network has learned so far.
#[derive(Debug)]
pub struct Parameters {
    pub trained: BTreeMap<String, Var>,
    /// Batch norm's running statistics.
    pub running: BTreeMap<String, Tensor>,
}

impl Parameters {
    /// He's uniform initialisation (He et al., 2015) in front of ReLU, LeCun's for the outputs.
    pub fn new(network: &Network, random: &mut Random, device: &Device) -> Result<Self> {
        let (mut trained, mut running) = (BTreeMap::new(), BTreeMap::new());
        let last = network.layers.len().saturating_sub(1);
        for (index, layer) in network.layers.iter().enumerate() {
            for parameter in layer.parameters(index) {
                let shape = parameter.shape.as_slice();
                let ones =
                    parameter.name.ends_with("variance") || (shape.len() == 1 && parameter.name.ends_with("weight"));
                let value = if shape.len() > 1 {
                    let inputs: usize = shape[1..].iter().product();
                    let gain = if index == last { 3.0 } else { 6.0 };
                    Tensor::from_vec(
                        random.uniform(shape.iter().product(), (gain / inputs as f32).sqrt()),
                        shape,
                        device,
                    )?
                } else {
                    Tensor::full(if ones { 1f32 } else { 0.0 }, shape, device)?
                };
                if parameter.trained {
                    trained.insert(parameter.name, Var::from_tensor(&value)?);
                } else {
                    running.insert(parameter.name, value);
                }
            }
        }
        Ok(Self { trained, running })
    }

    /// Takes the values of a checkpoint over.
    pub fn set(&mut self, values: &BTreeMap<String, Tensor>) -> Result<()> {
        let find = |name: &String| {
            values.get(name).ok_or_else(|| candle_core::Error::CannotFindTensor { path: name.clone() }.bt())
        };
        for (name, weight) in &self.trained {
            weight.set(&find(name)?.to_device(weight.device())?)?;
        }
        for (name, value) in &mut self.running {
            *value = find(name)?.to_device(value.device())?;
        }
        Ok(())
    }

    /// As `infer` computes with them, without gradients. They share memory with the weights.
    pub fn weights(&self) -> Weights {
        let trained = self.trained.iter().map(|(name, weight)| (name.clone(), weight.as_detached_tensor()));
        trained.chain(self.running.iter().map(|(name, value)| (name.clone(), value.clone()))).collect()
    }
}

/// Computes a batch as training does: with dropout, batch statistics and a trail of gradients.
pub fn forward(network: &Network, parameters: &mut Parameters, rows: &Tensor, random: &mut Random) -> Result<Tensor> {
    let mut x = rows.clone();
    for (index, layer) in network.layers.iter().enumerate() {
        let weight = |name: &str| {
            let name = format!("{index}.{name}");
            parameters
                .trained
                .get(&name)
                .map(Var::as_tensor)
                .ok_or_else(|| candle_core::Error::CannotFindTensor { path: name }.bt())
        };
        x = match *layer {
            Layer::Linear { .. } => linear(&x, weight("weight")?, weight("bias")?)?,
            Layer::Convolution { kernel, padding, stride, .. } => {
                convolution(&x, weight("weight")?, weight("bias")?, Windows { kernel, padding, stride })?
            }
            Layer::LayerNorm { epsilon, .. } => layer_norm(&x, weight("weight")?, weight("bias")?, epsilon)?,
            Layer::BatchNorm { features, epsilon } => {
                let normed = batch_norm(&x, weight("weight")?, weight("bias")?, epsilon)?;
                let count = (x.elem_count() / features) as f64;
                // The running variance is unbiased, as PyTorch's.
                let variance = (normed.variance * (count / (count - 1.0).max(1.0)))?;
                run_along(parameters, format!("{index}.mean"), &normed.mean)?;
                run_along(parameters, format!("{index}.variance"), &variance)?;
                normed.values
            }
            Layer::Relu => x.relu()?,
            Layer::Gelu => x.gelu_erf()?,
            Layer::Dropout { rate } => dropout(&x, rate, random)?,
            Layer::MaxPool { size } => max_pool(&x, size)?,
            Layer::GlobalAveragePool => global_average_pool(&x)?,
            Layer::Flatten => x.flatten_from(1)?,
        };
    }
    Ok(x)
}

fn run_along(parameters: &mut Parameters, name: String, batch: &Tensor) -> Result<()> {
    if let Some(running) = parameters.running.get_mut(&name) {
        *running = ((&*running * (1.0 - RUNNING_SHARE))? + (batch * RUNNING_SHARE)?)?.detach();
    }
    Ok(())
}

/// Outputs of a network: one for two classes or a number, else one a class.
pub fn outputs(task: Task, classes: usize) -> usize {
    if task == Task::MulticlassClassification { classes } else { 1 }
}

/// Where a network computes in this build.
pub fn device(device: api::worker::Device) -> std::result::Result<Device, crate::error::LearnError> {
    use api::worker::Device as Wanted;
    let refused = |name, reason: String| Err(crate::error::LearnError::Device { device: name, reason });
    match device {
        Wanted::Auto | Wanted::Cpu => Ok(Device::Cpu),
        Wanted::Cuda => Device::new_cuda(0).or_else(|error| refused("cuda", error.to_string())),
        Wanted::Metal => Device::new_metal(0).or_else(|error| refused("metal", error.to_string())),
        Wanted::Wgpu => refused("wgpu", "only trees are trained on it".to_owned()),
    }
}
