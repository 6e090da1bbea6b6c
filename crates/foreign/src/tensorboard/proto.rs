//! The fields of TensorBoard's messages (`event.proto`, `summary.proto`, `tensor.proto`, `hparams/plugin_data.proto`)
//! that say what was logged; the others are skipped.

use std::collections::HashMap;

use prost::{Enumeration, Message};

/// That in which steps may go back.
pub(crate) const VERSION: &str = "brain.Event:2";

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub(crate) wall_time: f64,
    #[prost(int64, tag = "2")]
    pub(crate) step: i64,
    /// In a file's first event: [`VERSION`].
    #[prost(string, optional, tag = "3")]
    pub(crate) file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub(crate) summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub(crate) value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Value {
    #[prost(string, tag = "1")]
    pub(crate) tag: String,
    #[prost(float, optional, tag = "2")]
    pub(crate) simple_value: Option<f32>,
    #[prost(message, optional, tag = "4")]
    pub(crate) image: Option<Image>,
    #[prost(message, optional, tag = "5")]
    pub(crate) histo: Option<Histo>,
    #[prost(message, optional, tag = "6")]
    pub(crate) audio: Option<Audio>,
    #[prost(message, optional, tag = "8")]
    pub(crate) tensor: Option<Tensor>,
    #[prost(message, optional, tag = "9")]
    pub(crate) metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Image {
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) encoded: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Audio {
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) encoded: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Histo {
    #[prost(double, tag = "1")]
    pub(crate) min: f64,
    #[prost(double, tag = "2")]
    pub(crate) max: f64,
    /// Right edges.
    #[prost(double, repeated, tag = "6")]
    pub(crate) bucket_limit: Vec<f64>,
    #[prost(double, repeated, tag = "7")]
    pub(crate) bucket: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Metadata {
    #[prost(message, optional, tag = "1")]
    pub(crate) plugin: Option<Plugin>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Plugin {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) content: Vec<u8>,
}

/// `DataType`, those of a summary's tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub(crate) enum Dtype {
    Invalid = 0,
    Float = 1,
    Double = 2,
    Int32 = 3,
    String = 7,
    Int64 = 9,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Tensor {
    #[prost(enumeration = "Dtype", tag = "1")]
    pub(crate) dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) shape: Option<Shape>,
    /// Little-endian.
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) content: Vec<u8>,
    #[prost(float, repeated, tag = "5")]
    pub(crate) float_val: Vec<f32>,
    #[prost(double, repeated, tag = "6")]
    pub(crate) double_val: Vec<f64>,
    #[prost(int32, repeated, tag = "7")]
    pub(crate) int_val: Vec<i32>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub(crate) string_val: Vec<Vec<u8>>,
    #[prost(int64, repeated, tag = "10")]
    pub(crate) int64_val: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Shape {
    #[prost(message, repeated, tag = "2")]
    pub(crate) dim: Vec<Dim>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Dim {
    #[prost(int64, tag = "1")]
    pub(crate) size: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct HparamsData {
    #[prost(message, optional, tag = "3")]
    pub(crate) start: Option<SessionStart>,
    #[prost(message, optional, tag = "4")]
    pub(crate) end: Option<SessionEnd>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SessionStart {
    #[prost(map = "string, message", tag = "1")]
    pub(crate) hparams: HashMap<String, Any>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SessionEnd {
    /// 1 success, 2 failure, 3 running.
    #[prost(int32, tag = "1")]
    pub(crate) status: i32,
    #[prost(double, tag = "2")]
    pub(crate) end_time_secs: f64,
}

/// `google.protobuf.Value`, where it is single.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Any {
    #[prost(double, optional, tag = "2")]
    pub(crate) number: Option<f64>,
    #[prost(string, optional, tag = "3")]
    pub(crate) text: Option<String>,
    #[prost(bool, optional, tag = "4")]
    pub(crate) truth: Option<bool>,
}

impl Any {
    pub(crate) fn shown(&self) -> String {
        match (&self.text, self.number, self.truth) {
            (Some(text), ..) => text.clone(),
            (None, Some(number), _) => number.to_string(),
            (None, None, Some(truth)) => truth.to_string(),
            (None, None, None) => String::new(),
        }
    }
}

impl Tensor {
    /// All its elements as numbers, where it is of numbers. One given value stands for all, as `TensorProto` has it.
    pub(crate) fn numbers(&self) -> Option<Vec<f64>> {
        let content = &self.content;
        let mut numbers: Vec<f64> = match self.dtype() {
            Dtype::Float if content.is_empty() => self.float_val.iter().map(|value| f64::from(*value)).collect(),
            Dtype::Float => fixed(content, |bytes| f64::from(f32::from_le_bytes(bytes))),
            Dtype::Double if content.is_empty() => self.double_val.clone(),
            Dtype::Double => fixed(content, f64::from_le_bytes),
            Dtype::Int32 if content.is_empty() => self.int_val.iter().map(|value| f64::from(*value)).collect(),
            Dtype::Int32 => fixed(content, |bytes| f64::from(i32::from_le_bytes(bytes))),
            Dtype::Int64 if content.is_empty() => self.int64_val.iter().map(|value| *value as f64).collect(),
            Dtype::Int64 => fixed(content, |bytes| i64::from_le_bytes(bytes) as f64),
            Dtype::Invalid | Dtype::String => return None,
        };
        let sizes = self.shape.iter().flat_map(|shape| &shape.dim).map(|dim| usize::try_from(dim.size).unwrap_or(0));
        let full = sizes.fold(1_usize, usize::saturating_mul);
        if let [one] = numbers[..]
            && (1..=1 << 16).contains(&full)
        {
            numbers.resize(full, one);
        }
        Some(numbers)
    }
}

fn fixed<const N: usize>(content: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    content.as_chunks().0.iter().map(|bytes| number(*bytes)).collect()
}
