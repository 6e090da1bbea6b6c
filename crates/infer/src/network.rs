//! Linear models, perceptrons and small convolutional networks as a readable list of layers, and
//! their forward pass.
//!
//! The pass uses only Candle operations whose forward was audited (matmul, conv2d, elementwise,
//! reductions); pooling and softmax are our own. `learn` trains the same list with its own layers
//! and hands the weights over by name.

use std::collections::BTreeMap;

use candle_core::{D, DType, Device, Tensor};
use serde::{Deserialize, Serialize};

/// Weights by name: `INDEX.weight`, `INDEX.bias` …, where INDEX is the layer's place in
/// [`Network::layers`]; see [`Network::parameters`]. All are f32.
pub type Weights = BTreeMap<String, Tensor>;

/// A feed-forward network. The last layer's outputs are logits (1 for two classes, else one a
/// class) or the scaled target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// The shape of one row: `[features]`, or `[channels, height, width]`.
    pub input: Vec<usize>,
    pub layers: Vec<Layer>,
    /// Regression: the network was trained on `(target - mean) / std`.
    #[serde(default)]
    pub target: TargetScale,
}

/// How a regression's target was scaled for training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TargetScale {
    pub mean: f64,
    pub std: f64,
}

impl Default for TargetScale {
    fn default() -> Self {
        Self { mean: 0.0, std: 1.0 }
    }
}

/// One layer. What only training does (dropout) is the identity here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "layer", rename_all = "snake_case")]
pub enum Layer {
    /// `weight` is `[outputs, inputs]`, `bias` is `[outputs]`: y = x·Wᵀ + b.
    Linear {
        inputs: usize,
        outputs: usize,
    },
    /// `weight` is `[outputs, inputs, kernel, kernel]`, `bias` is `[outputs]`.
    Convolution {
        inputs: usize,
        outputs: usize,
        kernel: usize,
        padding: usize,
        stride: usize,
    },
    /// Over the channels of `[rows, features]` or `[rows, features, height, width]`, with the
    /// running statistics of training: `weight`, `bias`, `mean`, `variance`, each `[features]`.
    BatchNorm {
        features: usize,
        epsilon: f64,
    },
    /// Over the last dimension: `weight` and `bias`, each `[features]`.
    LayerNorm {
        features: usize,
        epsilon: f64,
    },
    Relu,
    /// The exact one, with erf.
    Gelu,
    Dropout {
        rate: f64,
    },
    /// Kernel = stride = `size`; rows and columns that don't fill a window are left out.
    MaxPool {
        size: usize,
    },
    /// The mean over height and width: `[rows, channels]`.
    GlobalAveragePool,
    Flatten,
}

/// A weight that a network needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    pub shape: Vec<usize>,
    /// False for running statistics.
    pub trained: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    #[error(
        "the network needs the weight \"{0}\", which the file does not have: the bundle is incomplete, train or copy it again"
    )]
    MissingWeight(String),
    #[error(
        "the weight \"{name}\" has the shape {found:?} where the network needs {expected:?}: the bundle is not consistent, train it again"
    )]
    WrongShape { name: String, expected: Vec<usize>, found: Vec<usize> },
    #[error("the network could not be computed: {0}")]
    Tensor(#[from] candle_core::Error),
}

impl Network {
    /// Every weight in the order of the layers.
    pub fn parameters(&self) -> Vec<Parameter> {
        self.layers.iter().enumerate().flat_map(|(index, layer)| layer.parameters(index)).collect()
    }

    /// Fails on the first weight that is missing or of another shape.
    pub fn check(&self, weights: &Weights) -> Result<(), NetworkError> {
        for parameter in self.parameters() {
            let found =
                weights.get(&parameter.name).ok_or_else(|| NetworkError::MissingWeight(parameter.name.clone()))?;
            if found.dims() != parameter.shape {
                return Err(NetworkError::WrongShape {
                    name: parameter.name,
                    expected: parameter.shape,
                    found: found.dims().to_vec(),
                });
            }
        }
        Ok(())
    }

    /// Computes rows: `[rows, …input]` (or flat, `[rows, product of input]`) to `[rows, outputs]`.
    /// Logits, or the scaled target: see [`crate::forward::Forward`] for probabilities.
    pub fn forward(&self, weights: &Weights, rows: &Tensor) -> Result<Tensor, NetworkError> {
        let mut shape = vec![rows.dim(0)?];
        shape.extend_from_slice(&self.input);
        let mut values = rows.reshape(shape)?;
        for (index, layer) in self.layers.iter().enumerate() {
            values = layer.forward(index, weights, &values)?;
        }
        Ok(values)
    }

    /// The same from and to plain numbers, on a device; row-major.
    pub fn compute(
        &self,
        weights: &Weights,
        values: &[f32],
        rows: usize,
        device: &Device,
    ) -> Result<Vec<f32>, NetworkError> {
        let width: usize = self.input.iter().product();
        let input = Tensor::from_slice(values, (rows, width), device)?;
        let output = self.forward(weights, &input)?;
        Ok(output.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?)
    }
}

impl Layer {
    /// The weights of this layer at a place in the list.
    pub fn parameters(&self, index: usize) -> Vec<Parameter> {
        let parameter =
            |name: &str, shape: Vec<usize>, trained| Parameter { name: format!("{index}.{name}"), shape, trained };
        match *self {
            Self::Linear { inputs, outputs } => {
                vec![parameter("weight", vec![outputs, inputs], true), parameter("bias", vec![outputs], true)]
            }
            Self::Convolution { inputs, outputs, kernel, .. } => {
                vec![
                    parameter("weight", vec![outputs, inputs, kernel, kernel], true),
                    parameter("bias", vec![outputs], true),
                ]
            }
            Self::BatchNorm { features, .. } => vec![
                parameter("weight", vec![features], true),
                parameter("bias", vec![features], true),
                parameter("mean", vec![features], false),
                parameter("variance", vec![features], false),
            ],
            Self::LayerNorm { features, .. } => {
                vec![parameter("weight", vec![features], true), parameter("bias", vec![features], true)]
            }
            Self::Relu
            | Self::Gelu
            | Self::Dropout { .. }
            | Self::MaxPool { .. }
            | Self::GlobalAveragePool
            | Self::Flatten => Vec::new(),
        }
    }

    fn forward(&self, index: usize, weights: &Weights, x: &Tensor) -> Result<Tensor, NetworkError> {
        let weight = |name: &str| {
            let name = format!("{index}.{name}");
            weights.get(&name).ok_or(NetworkError::MissingWeight(name))
        };
        Ok(match *self {
            Self::Linear { .. } => x.matmul(&weight("weight")?.t()?)?.broadcast_add(weight("bias")?)?,
            Self::Convolution { outputs, padding, stride, .. } => {
                let bias = weight("bias")?.reshape((1, outputs, 1, 1))?;
                x.conv2d(weight("weight")?, padding, stride, 1, 1)?.broadcast_add(&bias)?
            }
            Self::BatchNorm { features, epsilon } => {
                let shape = if x.rank() == 4 { vec![1, features, 1, 1] } else { vec![1, features] };
                let scale = (weight("weight")? / (weight("variance")? + epsilon)?.sqrt()?)?;
                let shift = (weight("bias")? - (weight("mean")? * &scale)?)?;
                x.broadcast_mul(&scale.reshape(shape.clone())?)?.broadcast_add(&shift.reshape(shape)?)?
            }
            Self::LayerNorm { epsilon, .. } => {
                let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
                let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
                let normal = centred.broadcast_div(&(variance + epsilon)?.sqrt()?)?;
                normal.broadcast_mul(weight("weight")?)?.broadcast_add(weight("bias")?)?
            }
            Self::Relu => x.relu()?,
            Self::Gelu => x.gelu_erf()?,
            Self::Dropout { .. } => x.clone(),
            Self::MaxPool { size } => max_pool(x, size)?,
            Self::GlobalAveragePool => x.mean((2, 3))?,
            Self::Flatten => x.flatten_from(1)?,
        })
    }
}

/// The maximum over windows that don't overlap; an incomplete last row or column is cut off.
fn max_pool(x: &Tensor, size: usize) -> candle_core::Result<Tensor> {
    let (rows, channels, height, width) = x.dims4()?;
    let (tall, wide) = (height / size, width / size);
    let whole = x.narrow(2, 0, tall * size)?.narrow(3, 0, wide * size)?.contiguous()?;
    whole.reshape((rows, channels * tall, size, wide, size))?.max(4)?.max(2)?.reshape((rows, channels, tall, wide))
}
