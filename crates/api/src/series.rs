//! Series of numbers on the wire: JSON floats that may be NaN or ±∞, and the binary form of
//! `GET /api/series`, of which `POST /api/series` answers many: for each of [`Viewports`] a `u32` of its length and the
//! series, a length of 0 where there is none.
//!
//! Binary layout (little-endian): magic `SLPS`, `u32` version 4, `u32` columns, `u32` points, `u32`
//! flags (bit 0: raw points rather than a pyramid's level; bit 1: over another metric; bit 2: points rather than buckets),
//! `u32` points left out, `u32` one point in how many was looked at, then the columns one after another, each `points`
//! f64 values. Points: `step, time_ms, value`. Buckets: `step, time_ms, min, max, mean, last`, where step and time are
//! those of the bucket's last point; and, where a bucket holds what is no finite number, how many NaN, +∞ and −∞ each
//! bucket holds. Over another metric the other's value comes last.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::id::RunId;

/// One measured value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub step: i64,
    pub time_ms: i64,
    pub value: f64,
}

/// How many values of a bucket are no finite numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NonFinite {
    pub nan: u64,
    /// +∞
    pub plus: u64,
    /// −∞
    pub minus: u64,
}

impl NonFinite {
    /// None or one of a kind.
    pub fn of(value: f64) -> Self {
        Self {
            nan: u64::from(value.is_nan()),
            plus: u64::from(value == f64::INFINITY),
            minus: u64::from(value == f64::NEG_INFINITY),
        }
    }

    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// Of all kinds.
    pub const fn count(self) -> u64 {
        self.nan + self.plus + self.minus
    }
}

impl std::ops::AddAssign for NonFinite {
    fn add_assign(&mut self, other: Self) {
        self.nan += other.nan;
        self.plus += other.plus;
        self.minus += other.minus;
    }
}

/// "3 NaN, 1 +∞"; nothing of none.
impl std::fmt::Display for NonFinite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kinds = [(self.nan, "NaN"), (self.plus, "+∞"), (self.minus, "−∞")];
        let said: Vec<String> =
            kinds.iter().filter(|(count, _)| *count > 0).map(|(count, kind)| format!("{count} {kind}")).collect();
        f.write_str(&said.join(", "))
    }
}

/// What stands beside a figure that is of the model that a training kept, and not what was logged last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KeptFigure {
    /// The step of that model: that of the lowest validation loss. `None` where several runs were asked for at once, or
    /// no loss was logged.
    #[serde(default)]
    pub step: Option<i64>,
    /// What was logged last, at the series' step.
    #[serde(with = "float")]
    pub logged: f64,
}

/// Serialises a float as a JSON number, or as `"NaN"`, `"Infinity"`, `"-Infinity"`.
pub mod float {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() {
            serializer.serialize_f64(*value)
        } else if value.is_nan() {
            serializer.serialize_str("NaN")
        } else if *value > 0.0 {
            serializer.serialize_str("Infinity")
        } else {
            serializer.serialize_str("-Infinity")
        }
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Float(f64),
        Text(String),
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        match Number::deserialize(deserializer)? {
            Number::Float(value) => Ok(value),
            Number::Text(text) => match text.as_str() {
                "NaN" => Ok(f64::NAN),
                "Infinity" => Ok(f64::INFINITY),
                "-Infinity" => Ok(f64::NEG_INFINITY),
                other => Err(D::Error::custom(format!("\"{other}\" is not a number"))),
            },
        }
    }

    /// The same for an optional float.
    pub mod option {
        use serde::{Deserialize, Deserializer, Serializer};

        pub fn serialize<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
            match value {
                Some(value) => super::serialize(value, serializer),
                None => serializer.serialize_none(),
            }
        }

        #[derive(Deserialize)]
        struct Wrapped(#[serde(with = "super")] f64);

        pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
            Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|Wrapped(value)| value))
        }
    }
}

/// A list of floats by the rule of [`float`]: JSON has no number for what a sparkline may hold.
pub mod floats {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Wrapped(#[serde(with = "super::float")] f64);

    pub fn serialize<S: Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(|value| Wrapped(f64::from(*value))))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
        Ok(Vec::<Wrapped>::deserialize(deserializer)?.into_iter().map(|Wrapped(value)| value as f32).collect())
    }
}

/// Which part of which series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Viewport {
    pub run: RunId,
    pub key: String,
    /// Steps, both inclusive; open where not given.
    #[serde(default)]
    pub from: Option<i64>,
    #[serde(default)]
    pub to: Option<i64>,
    /// Times in milliseconds since 1970, both inclusive; open where not given.
    #[serde(default)]
    pub from_ms: Option<i64>,
    #[serde(default)]
    pub to_ms: Option<i64>,
    /// Over the values of another metric of the run instead of over its own steps.
    #[serde(default)]
    pub over: Option<OverMetric>,
}

impl Viewport {
    /// All of a series over its steps.
    pub fn whole(run: RunId, key: impl Into<String>) -> Self {
        Self { run, key: key.into(), from: None, to: None, from_ms: None, to_ms: None, over: None }
    }
}

/// Another metric as the horizontal axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OverMetric {
    pub key: String,
    /// Values of it, both inclusive; open where not given.
    #[serde(default)]
    pub from: Option<f64>,
    #[serde(default)]
    pub to: Option<f64>,
    /// The axis is logarithmic: what is not positive is left out.
    #[serde(default)]
    pub log: bool,
    /// However many points there are, each is looked at; else of millions some may have to do, see [`Series::one_in`].
    #[serde(default)]
    pub whole: bool,
}

/// Many viewports at once, as asked by `POST /api/series`; at most [`MOST_VIEWPORTS`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Viewports {
    pub series: Vec<Viewport>,
    /// At most about so many points of each come back.
    pub points: u32,
}

pub const MOST_VIEWPORTS: usize = 1_000;

/// One viewport of one series, as asked by `GET /api/series?run=…&key=…&from=…&to=…&points=…`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Whether these are the raw points; otherwise buckets of the pyramid.
    pub raw: bool,
    pub step: Vec<f64>,
    pub time_ms: Vec<f64>,
    pub last: Vec<f64>,
    /// Of each bucket's finite values, NaN where it has none; empty when raw.
    pub min: Vec<f64>,
    /// As `min`.
    pub max: Vec<f64>,
    /// As `min`.
    pub mean: Vec<f64>,
    /// Of each bucket; empty when raw, or where every value is a finite number.
    pub non_finite: Vec<NonFinite>,
    /// The other metric's value at each point's step, ascending, where one is asked over another; else empty. Of a bucket
    /// that at its last point.
    pub over: Vec<f64>,
    /// Points without a finite value of the other metric at their step.
    pub left_out: u64,
    /// Over another metric one point in about so many was looked at; 0 where all were.
    pub one_in: u64,
}

const MAGIC: &[u8; 4] = b"SLPS";
const VERSION: u32 = 4;
const HEAD: usize = 28;

/// Says why bytes are not a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotASeries(pub &'static str);

impl std::fmt::Display for NotASeries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not a series: {}", self.0)
    }
}

impl std::error::Error for NotASeries {}

impl Series {
    pub fn len(&self) -> usize {
        self.step.len()
    }

    pub fn is_empty(&self) -> bool {
        self.step.is_empty()
    }

    /// Seconds from the run's begin, `Run::began_ms`, to each point: a series that begins late begins late along time, too.
    pub fn seconds_since(&self, began_ms: i64) -> Vec<f64> {
        self.time_ms.iter().map(|time_ms| (time_ms - began_ms as f64) / 1000.0).collect()
    }

    /// The same in the order of time. A series comes in that of its steps, in which the times of what several logged at
    /// once, or of what a resumed run logged again, go to and fro.
    pub fn in_time_order(&self) -> Cow<'_, Self> {
        if self.time_ms.is_sorted() {
            return Cow::Borrowed(self);
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by(|left, right| self.time_ms[*left].total_cmp(&self.time_ms[*right]));
        // Columns that it does not have stay empty.
        let sorted = |column: &[f64]| order.iter().filter_map(|at| column.get(*at).copied()).collect::<Vec<f64>>();
        Cow::Owned(Self {
            raw: self.raw,
            step: sorted(&self.step),
            time_ms: sorted(&self.time_ms),
            last: sorted(&self.last),
            min: sorted(&self.min),
            max: sorted(&self.max),
            mean: sorted(&self.mean),
            non_finite: order.iter().filter_map(|at| self.non_finite.get(*at).copied()).collect(),
            over: sorted(&self.over),
            left_out: self.left_out,
            one_in: self.one_in,
        })
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let count = |of: fn(&NonFinite) -> u64| self.non_finite.iter().map(|one| of(one) as f64).collect::<Vec<f64>>();
        let counts = [count(|one| one.nan), count(|one| one.plus), count(|one| one.minus)];
        let (is_over, are_points) = (self.is_over(), self.min.is_empty());
        let mut columns: Vec<&[f64]> = if are_points {
            vec![&self.step, &self.time_ms, &self.last]
        } else {
            vec![&self.step, &self.time_ms, &self.min, &self.max, &self.mean, &self.last]
        };
        if !are_points && !self.non_finite.is_empty() {
            columns.extend(counts.iter().map(Vec::as_slice));
        }
        if is_over {
            columns.push(&self.over);
        }
        let mut bytes = Vec::with_capacity(HEAD + columns.len() * self.len() * 8);
        bytes.extend_from_slice(MAGIC);
        let flags = u32::from(self.raw) | u32::from(is_over) << 1 | u32::from(are_points) << 2;
        let at_most = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let counts = [at_most(self.left_out), at_most(self.one_in)];
        for word in [VERSION, columns.len() as u32, self.len() as u32, flags].into_iter().chain(counts) {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        for column in columns {
            for value in column {
                bytes.extend_from_slice(&value.to_le_bytes());
            }
        }
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotASeries> {
        if bytes.len() < HEAD || &bytes[..4] != MAGIC {
            return Err(NotASeries("the magic is missing"));
        }
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (version, columns, points, flags) = (word(4), word(8) as usize, word(12) as usize, word(16));
        let (raw, is_over, are_points) = (flags & 1 == 1, flags & 2 == 2, flags & 4 == 4);
        let expected: &[usize] = if are_points { &[3] } else { &[6, 9] };
        let own = columns.saturating_sub(usize::from(is_over));
        if version != VERSION || !expected.contains(&own) {
            return Err(NotASeries("the version or the number of columns is unknown"));
        }
        if bytes.len() != HEAD + columns * points * 8 {
            return Err(NotASeries("the length does not fit the header"));
        }
        let column = |index: usize| {
            bytes[HEAD + index * points * 8..HEAD + (index + 1) * points * 8]
                .as_chunks::<8>()
                .0
                .iter()
                .map(|chunk| f64::from_le_bytes(*chunk))
                .collect::<Vec<_>>()
        };
        let over = if is_over { column(own) } else { Vec::new() };
        let (left_out, one_in) = (u64::from(word(20)), u64::from(word(24)));
        let (step, time_ms) = (column(0), column(1));
        let series = Self { raw, step, time_ms, over, left_out, one_in, ..Self::default() };
        if are_points {
            return Ok(Self { last: column(2), ..series });
        }
        let non_finite = if own == 9 {
            let counts = column(6).into_iter().zip(column(7)).zip(column(8));
            let one = |((nan, plus), minus)| NonFinite { nan: nan as u64, plus: plus as u64, minus: minus as u64 };
            counts.map(one).collect()
        } else {
            Vec::new()
        };
        let (min, max, mean, last) = (column(2), column(3), column(4), column(5));
        Ok(Self { min, max, mean, last, non_finite, ..series })
    }

    /// Whether it lies over another metric; so does one of which every point was left out.
    fn is_over(&self) -> bool {
        self.left_out > 0 || self.one_in > 0 || !self.over.is_empty()
    }
}

/// The answer to [`Viewports`]; `None` where a run has no such series.
pub fn many_to_bytes(many: &[Option<Series>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for series in many {
        let one = series.as_ref().map(Series::to_bytes).unwrap_or_default();
        bytes.extend_from_slice(&(one.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&one);
    }
    bytes
}

pub fn many_from_bytes(mut bytes: &[u8]) -> Result<Vec<Option<Series>>, NotASeries> {
    let mut many = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or(NotASeries("a length is cut off"))?;
        let length = u32::from_le_bytes(*length) as usize;
        let (one, rest) = rest.split_at_checked(length).ok_or(NotASeries("it is cut off"))?;
        many.push(if one.is_empty() { None } else { Some(Series::from_bytes(one)?) });
        bytes = rest;
    }
    Ok(many)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_survives_its_bytes() {
        let odd = vec![NonFinite { nan: 3, plus: 0, minus: 1 }, NonFinite::default()];
        for (raw, non_finite) in [(true, vec![]), (false, vec![]), (false, odd)] {
            let side = if raw { vec![] } else { vec![0.5, f64::NAN] };
            let series = Series {
                raw,
                step: vec![1.0, 2.0],
                time_ms: vec![3.0, 4.0],
                last: vec![f64::INFINITY, 6.0],
                min: side.clone(),
                max: side.clone(),
                mean: side,
                non_finite,
                ..Series::default()
            };
            let again = Series::from_bytes(&series.to_bytes()).unwrap();
            assert_eq!(again.to_bytes(), series.to_bytes());
            assert_eq!(again.non_finite, series.non_finite);
        }
        assert!(Series::from_bytes(b"nonsense").is_err());
    }

    #[test]
    fn along_time_a_late_series_begins_late_and_what_was_logged_again_comes_last() {
        // The steps 2 and 3 were logged again by a resumed run.
        let series = Series {
            raw: true,
            step: vec![1.0, 2.0, 2.0, 3.0, 3.0],
            time_ms: vec![11_000.0, 12_000.0, 52_000.0, 13_000.0, 53_000.0],
            last: vec![1.0, 2.0, 2.5, 3.0, 3.5],
            ..Series::default()
        };
        let along = series.in_time_order();
        assert_eq!(along.seconds_since(10_000), [1.0, 2.0, 3.0, 42.0, 43.0]);
        assert_eq!(
            (along.step.as_slice(), along.last.as_slice()),
            (&[1.0, 2.0, 3.0, 2.0, 3.0][..], &[1.0, 2.0, 3.0, 2.5, 3.5][..])
        );
        let odd = NonFinite { nan: 1, plus: 0, minus: 0 };
        let buckets = Series {
            step: vec![1.0, 2.0],
            time_ms: vec![5.0, 4.0],
            last: vec![1.0, 2.0],
            min: vec![0.1, 0.2],
            max: vec![1.1, 1.2],
            mean: vec![0.5, 0.6],
            non_finite: vec![NonFinite::default(), odd],
            ..Series::default()
        };
        let along = buckets.in_time_order();
        assert_eq!(
            (along.min.as_slice(), along.mean.as_slice(), along.non_finite[0]),
            (&[0.2, 0.1][..], &[0.6, 0.5][..], odd)
        );
        assert_eq!(along.in_time_order().as_ref(), along.as_ref());
    }

    #[test]
    fn many_series_survive_their_bytes_and_none_is_none() {
        let over =
            Series { step: vec![4.0], time_ms: vec![5.0], last: vec![6.0], over: vec![0.5], ..Series::default() };
        let column = || vec![0.25];
        let buckets = Series { min: column(), max: column(), mean: column(), ..over.clone() };
        let odd = vec![NonFinite { nan: 1, plus: 0, minus: 2 }];
        let all = vec![
            Some(Series { raw: true, left_out: 7, ..over.clone() }),
            None,
            Some(Series { one_in: 104, ..over }),
            Some(buckets.clone()),
            Some(Series { non_finite: odd, left_out: 3, ..buckets }),
            Some(Series { left_out: 2, ..Series::default() }),
        ];
        let bytes = many_to_bytes(&all);
        assert_eq!(many_from_bytes(&bytes).unwrap(), all);
        assert_eq!(many_from_bytes(&[]).unwrap(), []);
        for end in [2, 9, bytes.len() - 1] {
            assert!(many_from_bytes(&bytes[..end]).is_err(), "cut at {end}");
        }
    }
}
