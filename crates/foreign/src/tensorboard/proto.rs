//! The fields of TensorBoard's messages (`event.proto`, `summary.proto`, `tensor.proto`, `hparams/plugin_data.proto`)
//! that say what was logged; the others are skipped.

use std::collections::HashMap;

use half::{bf16, f16};
use prost::{
    Enumeration, Message,
    encoding::{DecodeContext, decode_key, skip_field},
};

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
    #[prost(message, optional, tag = "7")]
    pub(crate) session_log: Option<SessionLog>,
}

/// `SessionLog.START`.
pub(crate) const START: i32 = 1;

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct SessionLog {
    #[prost(int32, tag = "1")]
    pub(crate) status: i32,
}

/// Whether the writer of a version says where it goes on from an earlier step.
pub(crate) fn says_restarts(version: &str) -> bool {
    let number = version.strip_prefix("brain.Event:").and_then(|number| number.parse::<f64>().ok());
    number.is_some_and(|number| number >= 2.0)
}

/// What an event holds that is not read. It is skipped where it stands: a graph has megabytes.
pub(crate) fn unread(mut event: &[u8]) -> Vec<&'static str> {
    let mut found = Vec::new();
    while !event.is_empty() {
        let Ok((tag, kind)) = decode_key(&mut event) else { break };
        let of = match tag {
            // Of a graph and of one with its signatures.
            4 | 9 => Some("graphs"),
            8 => Some("run metadata"),
            _ => None,
        };
        found.extend(of.filter(|of| !found.contains(of)));
        if skip_field(kind, tag, &mut event, DecodeContext::default()).is_err() {
            break;
        }
    }
    found
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
    #[prost(uint32, tag = "1")]
    pub(crate) height: u32,
    #[prost(uint32, tag = "2")]
    pub(crate) width: u32,
    /// PNG, JPEG, GIF or WebP.
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) encoded: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Audio {
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) encoded: Vec<u8>,
    #[prost(string, tag = "5")]
    pub(crate) content_type: String,
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

/// `DataType`, those of a summary's tensors: texts, and numbers but the complex and the quantised ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub(crate) enum Dtype {
    Invalid = 0,
    Float = 1,
    Double = 2,
    Int32 = 3,
    Uint8 = 4,
    Int16 = 5,
    Int8 = 6,
    String = 7,
    Int64 = 9,
    Bool = 10,
    Bfloat16 = 14,
    Uint16 = 17,
    Half = 19,
    Uint32 = 22,
    Uint64 = 23,
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
    /// Also of the smaller integers.
    #[prost(int32, repeated, tag = "7")]
    pub(crate) int_val: Vec<i32>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub(crate) string_val: Vec<Vec<u8>>,
    #[prost(int64, repeated, tag = "10")]
    pub(crate) int64_val: Vec<i64>,
    #[prost(bool, repeated, tag = "11")]
    pub(crate) bool_val: Vec<bool>,
    /// The 16 bits of each half or bfloat16.
    #[prost(int32, repeated, tag = "13")]
    pub(crate) half_val: Vec<i32>,
    #[prost(uint32, repeated, tag = "16")]
    pub(crate) uint32_val: Vec<u32>,
    #[prost(uint64, repeated, tag = "17")]
    pub(crate) uint64_val: Vec<u64>,
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
        let mut numbers = if self.content.is_empty() { self.listed()? } else { self.packed()? };
        let sizes = self.shape.iter().flat_map(|shape| &shape.dim).map(|dim| usize::try_from(dim.size).unwrap_or(0));
        let full = sizes.fold(1_usize, usize::saturating_mul);
        if let [one] = numbers[..]
            && (1..=1 << 16).contains(&full)
        {
            numbers.resize(full, one);
        }
        Some(numbers)
    }

    /// Those that stand in the list of their type.
    fn listed(&self) -> Option<Vec<f64>> {
        let bits = |value: &i32| u16::try_from(value & 0xffff).unwrap_or_default();
        let halves = |of: fn(u16) -> f64| self.half_val.iter().map(|value| of(bits(value))).collect();
        Some(match self.dtype() {
            Dtype::Float => self.float_val.iter().map(|value| f64::from(*value)).collect(),
            Dtype::Double => self.double_val.clone(),
            Dtype::Int32 | Dtype::Uint8 | Dtype::Int16 | Dtype::Int8 | Dtype::Uint16 => {
                self.int_val.iter().map(|value| f64::from(*value)).collect()
            }
            Dtype::Int64 => self.int64_val.iter().map(|value| *value as f64).collect(),
            Dtype::Uint32 => self.uint32_val.iter().map(|value| f64::from(*value)).collect(),
            Dtype::Uint64 => self.uint64_val.iter().map(|value| *value as f64).collect(),
            Dtype::Bool => self.bool_val.iter().map(|value| f64::from(u8::from(*value))).collect(),
            Dtype::Half => halves(half),
            Dtype::Bfloat16 => halves(bfloat16),
            Dtype::Invalid | Dtype::String => return None,
        })
    }

    /// Those that stand in its bytes.
    fn packed(&self) -> Option<Vec<f64>> {
        let content = &self.content;
        Some(match self.dtype() {
            Dtype::Float => fixed(content, |bytes| f64::from(f32::from_le_bytes(bytes))),
            Dtype::Double => fixed(content, f64::from_le_bytes),
            Dtype::Int8 => fixed(content, |bytes| f64::from(i8::from_le_bytes(bytes))),
            Dtype::Int16 => fixed(content, |bytes| f64::from(i16::from_le_bytes(bytes))),
            Dtype::Int32 => fixed(content, |bytes| f64::from(i32::from_le_bytes(bytes))),
            Dtype::Int64 => fixed(content, |bytes| i64::from_le_bytes(bytes) as f64),
            Dtype::Uint8 | Dtype::Bool => fixed(content, |bytes| f64::from(u8::from_le_bytes(bytes))),
            Dtype::Uint16 => fixed(content, |bytes| f64::from(u16::from_le_bytes(bytes))),
            Dtype::Uint32 => fixed(content, |bytes| f64::from(u32::from_le_bytes(bytes))),
            Dtype::Uint64 => fixed(content, |bytes| u64::from_le_bytes(bytes) as f64),
            Dtype::Half => fixed(content, |bytes| half(u16::from_le_bytes(bytes))),
            Dtype::Bfloat16 => fixed(content, |bytes| bfloat16(u16::from_le_bytes(bytes))),
            Dtype::Invalid | Dtype::String => return None,
        })
    }
}

fn half(bits: u16) -> f64 {
    f16::from_bits(bits).to_f64()
}

fn bfloat16(bits: u16) -> f64 {
    bf16::from_bits(bits).to_f64()
}

fn fixed<const N: usize>(content: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    content.as_chunks().0.iter().map(|bytes| number(*bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_read_is_found_behind_and_before_what_is() {
        // A field of bytes, of fewer than 128.
        let bytes = |tag: u8, bytes: &[u8]| [&[tag << 3 | 2, bytes.len() as u8][..], bytes].concat();
        let step = [2_u8 << 3, 0x80, 0x01];
        let event = |fields: &[&[u8]]| fields.concat();
        let (graph, metadata) = (bytes(4, b"a graph"), bytes(8, b"of a run"));
        assert_eq!(unread(&event(&[&step, &graph])), ["graphs"]);
        assert_eq!(unread(&event(&[&graph, &step, &metadata, &bytes(9, b"another")])), ["graphs", "run metadata"]);
        assert_eq!(unread(&event(&[&step, &bytes(5, b"\x22\x01")])), [""; 0]);
        // One that is cut off.
        assert_eq!(unread(&graph[..graph.len() - 1]), ["graphs"]);
        let read = Event::decode(&*event(&[&graph, &step])).unwrap();
        assert_eq!(read, Event { step: 128, ..Event::default() });
    }
}
