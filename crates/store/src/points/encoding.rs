//! Points and buckets as bytes: light for the tail, which is written with every request, compressed for what is sealed.

use api::series::{NonFinite, Point};
use pco::{ChunkConfig, data_types::Number, standalone};

use super::Bucket;
use crate::error::{Result, StoreError};

/// A piece of the tail: a count, zigzag varints of the differences of steps and of times, the values as f64.
pub(crate) fn encode_tail(points: &[Point]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + points.len() * 12);
    bytes.extend_from_slice(&(points.len() as u32).to_le_bytes());
    for column in [|point: &Point| point.step, |point: &Point| point.time_ms] {
        let mut before = 0_i64;
        for point in points {
            let value = column(point);
            put_varint(&mut bytes, value.wrapping_sub(before));
            before = value;
        }
    }
    for point in points {
        bytes.extend_from_slice(&point.value.to_le_bytes());
    }
    bytes
}

pub(crate) fn decode_tail(bytes: &[u8]) -> Vec<Point> {
    let Some((head, mut rest)) = bytes.split_first_chunk::<4>() else { return Vec::new() };
    let count = u32::from_le_bytes(*head) as usize;
    let mut column = || {
        let mut before = 0_i64;
        (0..count)
            .map(|_| {
                before = before.wrapping_add(take_varint(&mut rest));
                before
            })
            .collect::<Vec<_>>()
    };
    let steps = column();
    let times = column();
    let values = rest.as_chunks::<8>().0.iter().map(|chunk| f64::from_le_bytes(*chunk));
    steps.into_iter().zip(times).zip(values).map(|((step, time_ms), value)| Point { step, time_ms, value }).collect()
}

/// A sealed chunk: the columns of steps, times and values, each compressed by pcodec behind its length.
pub(crate) fn encode_sealed(points: &[Point]) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(points.len() * 8);
    put_column(&mut bytes, points.iter().map(|point| point.step))?;
    put_column(&mut bytes, points.iter().map(|point| point.time_ms))?;
    put_column(&mut bytes, points.iter().map(|point| point.value))?;
    Ok(bytes)
}

pub(crate) fn decode_sealed(mut bytes: &[u8]) -> Result<Vec<Point>> {
    let steps: Vec<i64> = take_column(&mut bytes)?;
    let times: Vec<i64> = take_column(&mut bytes)?;
    let values: Vec<f64> = take_column(&mut bytes)?;
    let all = steps.into_iter().zip(times).zip(values);
    Ok(all.map(|((step, time_ms), value)| Point { step, time_ms, value }).collect())
}

/// A chunk of buckets, in the same form: step, time, min, max, sum, last, count; and how many NaN, +∞ and −∞ there
/// are, where there are any.
pub(crate) fn encode_buckets(buckets: &[Bucket]) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(buckets.len() * 24);
    put_column(&mut bytes, buckets.iter().map(|bucket| bucket.step))?;
    put_column(&mut bytes, buckets.iter().map(|bucket| bucket.time_ms))?;
    for column in [|one: &Bucket| one.min, |one: &Bucket| one.max, |one: &Bucket| one.sum, |one: &Bucket| one.last] {
        put_column(&mut bytes, buckets.iter().map(column))?;
    }
    put_column(&mut bytes, buckets.iter().map(|bucket| bucket.numbers))?;
    if buckets.iter().any(|bucket| !bucket.non_finite.is_none()) {
        let counts = [|one: &NonFinite| one.nan, |one: &NonFinite| one.plus, |one: &NonFinite| one.minus];
        for count in counts {
            put_column(&mut bytes, buckets.iter().map(|bucket| count(&bucket.non_finite)))?;
        }
    }
    Ok(bytes)
}

pub(crate) fn decode_buckets(mut bytes: &[u8]) -> Result<Vec<Bucket>> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let steps: Vec<i64> = take_column(&mut bytes)?;
    let times: Vec<i64> = take_column(&mut bytes)?;
    let [min, max, sum, last]: [Vec<f64>; 4] =
        [take_column(&mut bytes)?, take_column(&mut bytes)?, take_column(&mut bytes)?, take_column(&mut bytes)?];
    let numbers: Vec<u64> = take_column(&mut bytes)?;
    // Chunks from before these were counted have ±∞ in their extremes; their NaN nobody knows.
    let seen = |extremes: &[f64], infinity: f64| {
        extremes.iter().map(|value| u64::from(*value == infinity)).collect::<Vec<u64>>()
    };
    let [nan, plus, minus]: [Vec<u64>; 3] = if bytes.is_empty() {
        [vec![0; steps.len()], seen(&max, f64::INFINITY), seen(&min, f64::NEG_INFINITY)]
    } else {
        [take_column(&mut bytes)?, take_column(&mut bytes)?, take_column(&mut bytes)?]
    };
    let counts = [numbers.len(), nan.len(), plus.len(), minus.len()];
    let lengths = [times.len(), min.len(), max.len(), sum.len(), last.len()].into_iter().chain(counts);
    let shortest = lengths.min();
    if shortest.is_none_or(|shortest| shortest < steps.len()) {
        return Err(damaged("its columns differ in length"));
    }
    let bucket = |at: usize| Bucket {
        step: steps[at],
        time_ms: times[at],
        min: min[at],
        max: max[at],
        sum: sum[at],
        numbers: numbers[at],
        last: last[at],
        non_finite: NonFinite { nan: nan[at], plus: plus[at], minus: minus[at] },
    };
    Ok((0..steps.len()).map(bucket).collect())
}

/// Little is gained by more for so few numbers, and writing them is what a client waits for.
const EFFORT: usize = 4;

fn put_column<T: Number>(bytes: &mut Vec<u8>, values: impl Iterator<Item = T>) -> Result<()> {
    let values: Vec<T> = values.collect();
    let packed = standalone::simple_compress(&values, &ChunkConfig::default().with_compression_level(EFFORT))
        .map_err(|error| damaged(&error.to_string()))?;
    bytes.extend_from_slice(&(packed.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&packed);
    Ok(())
}

fn take_column<T: Number>(bytes: &mut &[u8]) -> Result<Vec<T>> {
    let (head, rest) = bytes.split_first_chunk::<4>().ok_or_else(|| damaged("it ends early"))?;
    let length = u32::from_le_bytes(*head) as usize;
    let (packed, rest) = rest.split_at_checked(length).ok_or_else(|| damaged("it ends early"))?;
    *bytes = rest;
    standalone::simple_decompress(packed).map_err(|error| damaged(&error.to_string()))
}

fn damaged(why: &str) -> StoreError {
    StoreError::Points(why.to_owned())
}

fn put_varint(bytes: &mut Vec<u8>, value: i64) {
    let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
    while zigzag >= 0x80 {
        bytes.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    bytes.push(zigzag as u8);
}

fn take_varint(bytes: &mut &[u8]) -> i64 {
    let mut zigzag = 0_u64;
    let mut shift = 0;
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        zigzag |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 || shift > 63 {
            break;
        }
    }
    (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)
}
