//! Points and buckets as bytes: light for the tail, which is written with every request, compressed for what is sealed.

use api::series::{NonFinite, Point};
use pco::{ChunkConfig, DeltaSpec, ModeSpec, data_types::Number, standalone};

use super::{BUCKET_CHUNK, Bucket};
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
    put_order(&mut bytes, points.iter().map(|point| point.step))?;
    put_order(&mut bytes, points.iter().map(|point| point.time_ms))?;
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

/// A chunk of buckets: while it is open as they are, since it is written anew with every chunk of points that is sealed;
/// once it is full as columns like those of the points: step, time, min, max, sum, last, count; and how many NaN, +∞ and
/// −∞ there are, where there are any.
pub(crate) fn encode_buckets(buckets: &[Bucket]) -> Result<Vec<u8>> {
    if (buckets.len() as u64) < BUCKET_CHUNK { Ok(encode_open(buckets)) } else { encode_full(buckets) }
}

fn encode_full(buckets: &[Bucket]) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(buckets.len() * 24);
    put_order(&mut bytes, buckets.iter().map(|bucket| bucket.step))?;
    put_order(&mut bytes, buckets.iter().map(|bucket| bucket.time_ms))?;
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

/// Stands where a sealed chunk has its first column's length, and is longer than any.
const OPEN: [u8; 4] = [0xff; 4];
/// Words of 8 bytes that an open chunk has of each bucket.
const WORDS: usize = 10;

/// [`OPEN`], then the ten numbers of each bucket.
fn encode_open(buckets: &[Bucket]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(OPEN.len() + buckets.len() * WORDS * 8);
    bytes.extend_from_slice(&OPEN);
    for bucket in buckets {
        let Bucket { step, time_ms, min, max, sum, numbers, last, non_finite } = bucket;
        let NonFinite { nan, plus, minus } = non_finite;
        let words: [[u8; 8]; WORDS] = [
            step.to_le_bytes(),
            time_ms.to_le_bytes(),
            min.to_le_bytes(),
            max.to_le_bytes(),
            sum.to_le_bytes(),
            last.to_le_bytes(),
            numbers.to_le_bytes(),
            nan.to_le_bytes(),
            plus.to_le_bytes(),
            minus.to_le_bytes(),
        ];
        bytes.extend_from_slice(words.as_flattened());
    }
    bytes
}

fn decode_open(bytes: &[u8]) -> Result<Vec<Bucket>> {
    let (words, rest) = bytes.as_chunks::<8>();
    let (buckets, more) = words.as_chunks::<WORDS>();
    if !rest.is_empty() || !more.is_empty() {
        return Err(damaged("it ends early"));
    }
    let bucket = |words: &[[u8; 8]; WORDS]| {
        let [step, time_ms, min, max, sum, last, numbers, nan, plus, minus] = *words;
        Bucket {
            step: i64::from_le_bytes(step),
            time_ms: i64::from_le_bytes(time_ms),
            min: f64::from_le_bytes(min),
            max: f64::from_le_bytes(max),
            sum: f64::from_le_bytes(sum),
            numbers: u64::from_le_bytes(numbers),
            last: f64::from_le_bytes(last),
            non_finite: NonFinite {
                nan: u64::from_le_bytes(nan),
                plus: u64::from_le_bytes(plus),
                minus: u64::from_le_bytes(minus),
            },
        }
    };
    Ok(buckets.iter().map(bucket).collect())
}

pub(crate) fn decode_buckets(mut bytes: &[u8]) -> Result<Vec<Bucket>> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(open) = bytes.strip_prefix(&OPEN) {
        return decode_open(open);
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
    put(bytes, &values.collect::<Vec<_>>(), &ChunkConfig::default().with_compression_level(EFFORT))
}

/// A column that usually ascends, as steps and times do. Then it is its differences that are small, and nothing has to be
/// tried out, which takes several times as long as the packing and, of these, finds nothing better.
fn put_order(bytes: &mut Vec<u8>, values: impl Iterator<Item = i64>) -> Result<()> {
    let values: Vec<i64> = values.collect();
    let mut config = ChunkConfig::default().with_compression_level(EFFORT);
    if values.is_sorted() {
        config = config.with_mode_spec(ModeSpec::Classic).with_delta_spec(DeltaSpec::TryConsecutive(1));
    }
    put(bytes, &values, &config)
}

fn put<T: Number>(bytes: &mut Vec<u8>, values: &[T], config: &ChunkConfig) -> Result<()> {
    let packed = standalone::simple_compress(values, config).map_err(|error| damaged(&error.to_string()))?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(count: u64) -> Vec<Bucket> {
        let values = [0.5, f64::NAN, -3.0, f64::INFINITY, 0.0];
        let point = |at: u64| Point { step: at as i64, time_ms: 7 * at as i64, value: values[at as usize % 5] };
        let bucket = |at: u64| {
            let mut bucket = Bucket::of(point(16 * at));
            (1..16).for_each(|more| bucket.add(Bucket::of(point(16 * at + more))));
            bucket
        };
        (0..count).map(bucket).collect()
    }

    /// NaN equals nothing.
    fn shown(buckets: &[Bucket]) -> String {
        format!("{buckets:?}")
    }

    #[test]
    fn an_open_chunk_is_as_it_was_and_so_is_a_full_one() {
        for count in [1, 3, BUCKET_CHUNK - 1, BUCKET_CHUNK] {
            let all = buckets(count);
            assert_eq!(shown(&decode_buckets(&encode_buckets(&all).unwrap()).unwrap()), shown(&all), "{count}");
            // As programs before wrote open ones.
            assert_eq!(shown(&decode_buckets(&encode_full(&all).unwrap()).unwrap()), shown(&all), "{count}");
        }
        assert!(encode_buckets(&buckets(BUCKET_CHUNK - 1)).unwrap().starts_with(&OPEN));
        assert!(!encode_buckets(&buckets(BUCKET_CHUNK)).unwrap().starts_with(&OPEN));
    }

    #[test]
    fn a_chunk_that_is_cut_off_is_damaged() {
        for count in [2, BUCKET_CHUNK] {
            let bytes = encode_buckets(&buckets(count)).unwrap();
            assert!(decode_buckets(&bytes[..bytes.len() - 1]).is_err(), "{count}");
        }
    }

    #[test]
    fn steps_and_times_come_back_in_whatever_order_they_came() {
        let points = |of: fn(i64) -> (i64, i64)| -> Vec<Point> {
            let times = (0..1024).map(of);
            times.map(|(step, time_ms)| Point { step, time_ms, value: 0.25 * step as f64 }).collect()
        };
        let all = [
            points(|at| (at, 1_700_000_000_000 + 13 * at)),
            points(|at| (1024 - at, 5)),
            points(|at| (at * 7919 % 1024, i64::MAX - at)),
            points(|at| (if at == 0 { i64::MIN } else { i64::MAX }, at)),
        ];
        for points in all {
            assert_eq!(decode_sealed(&encode_sealed(&points).unwrap()).unwrap(), points);
        }
    }
}
