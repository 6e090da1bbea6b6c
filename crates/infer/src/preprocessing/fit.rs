//! Fitting on training rows, in one streaming pass.
//!
//! The median is exact up to [`SAMPLE`] values; above, it is that of a seeded reservoir sample, so
//! that memory stays bounded on millions of rows. Everything else is exact.

use std::collections::HashMap;

use api::{config::ColumnType, dataset::Role, worker::PlanColumn};
use arrow_array::{Array, ArrayRef, RecordBatch};

use super::{CODED_CATEGORIES, ColumnRule, DATETIME_PARTS, Mode, Preprocessing, PreprocessingError, Rule, apply};
use crate::columns;

/// Values kept for the median of a column.
const SAMPLE: usize = 1 << 16;
/// Distinct categories counted; later ones are rare by construction.
const DISTINCT: usize = 100_000;
/// From this many rows, a category seen once is "other", so that "other" is learned too.
const ROWS_FOR_RARE: u64 = 100;

/// A fit under way: observe every training batch, then finish.
#[derive(Debug)]
pub struct Fit {
    mode: Mode,
    rows: u64,
    columns: Vec<Observed>,
}

#[derive(Debug)]
struct Observed {
    plan: PlanColumn,
    missing: u64,
    seen: Seen,
}

#[derive(Debug)]
enum Seen {
    Number {
        moments: Moments,
        minimum: f64,
        maximum: f64,
        sample: Reservoir,
    },
    Category(HashMap<String, u64>),
    /// Days are counted from the epoch until the origin is known.
    Datetime {
        earliest: i64,
        latest: i64,
        parts: [Moments; DATETIME_PARTS.len()],
    },
    Image,
}

/// Mean and variance by Welford's method.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let (delta, count) = (value - self.mean, self.count as f64);
        // Of two values near both ends of the range the difference alone is beyond it.
        self.mean += if delta.is_finite() { delta / count } else { value / count - self.mean / count };
        self.squares += delta * (value - self.mean);
    }

    /// The population's, and 1 for a constant, so that scaling divides by it safely.
    fn std(&self) -> f64 {
        let std = (self.squares / self.count.max(1) as f64).sqrt();
        if std > 0.0 && std.is_finite() { std } else { 1.0 }
    }
}

/// Algorithm R with a splitmix64 of a fixed seed: the same rows give the same sample.
#[derive(Debug)]
struct Reservoir {
    values: Vec<f64>,
    seen: u64,
    state: u64,
}

impl Reservoir {
    fn new() -> Self {
        Self { values: Vec::new(), seen: 0, state: 0x5151_7761_795f_6d65 }
    }

    fn add(&mut self, value: f64) {
        self.seen += 1;
        if self.values.len() < SAMPLE {
            return self.values.push(value);
        }
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let place = (u128::from(bits) * u128::from(self.seen)) >> 64;
        if let Some(kept) = self.values.get_mut(place as usize) {
            *kept = value;
        }
    }

    fn median(mut self) -> f64 {
        self.values.sort_by(f64::total_cmp);
        let half = self.values.len() / 2;
        if self.values.len() % 2 == 1 {
            self.values[half]
        } else {
            f64::midpoint(self.values[half - 1], self.values[half])
        }
    }
}

impl Preprocessing {
    /// Fits on training rows only. For batches that may fail to be read, drive a [`Fit`].
    pub fn fit(
        batches: impl IntoIterator<Item = RecordBatch>,
        columns: &[PlanColumn],
        mode: Mode,
    ) -> Result<Self, PreprocessingError> {
        let mut fit = Fit::new(columns, mode);
        for batch in batches {
            fit.observe(&batch)?;
        }
        fit.finish()
    }
}

impl Fit {
    pub fn new(columns: &[PlanColumn], mode: Mode) -> Self {
        let columns = columns
            .iter()
            .filter(|column| column.role == Role::Feature && column.kind != ColumnType::Text)
            .map(|column| Observed { plan: column.clone(), missing: 0, seen: Seen::new(column.kind) })
            .collect();
        Self { mode, rows: 0, columns }
    }

    /// Takes training rows in. A feature column that the batch lacks is an error.
    pub fn observe(&mut self, batch: &RecordBatch) -> Result<(), PreprocessingError> {
        self.rows += batch.num_rows() as u64;
        for column in &mut self.columns {
            let values = columns::find(batch, &column.plan.name)
                .ok_or_else(|| PreprocessingError::MissingColumn(column.plan.name.clone()))?;
            column.observe(values).map_err(|source| PreprocessingError::Unreadable {
                column: column.plan.name.clone(),
                kind: column.plan.kind,
                source,
            })?;
        }
        Ok(())
    }

    pub fn finish(self) -> Result<Preprocessing, PreprocessingError> {
        if self.rows == 0 {
            return Err(PreprocessingError::NoRows);
        }
        let (mode, rows) = (self.mode, self.rows);
        let columns = self.columns.into_iter().map(|column| column.finish(mode, rows)).collect();
        let fitted = Preprocessing { mode, rows, columns };
        if fitted.width() == 0 { Err(PreprocessingError::NoFeatures) } else { Ok(fitted) }
    }
}

impl Seen {
    fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Boolean | ColumnType::Integer | ColumnType::Decimal => Self::Number {
                moments: Moments::default(),
                minimum: f64::INFINITY,
                maximum: f64::NEG_INFINITY,
                sample: Reservoir::new(),
            },
            ColumnType::Datetime => Self::Datetime {
                earliest: i64::MAX,
                latest: i64::MIN,
                parts: [Moments::default(); DATETIME_PARTS.len()],
            },
            ColumnType::Category | ColumnType::Text => Self::Category(HashMap::new()),
            ColumnType::Image => Self::Image,
        }
    }
}

impl Observed {
    fn observe(&mut self, values: &ArrayRef) -> Result<(), arrow_schema::ArrowError> {
        match &mut self.seen {
            Seen::Number { moments, minimum, maximum, sample } => {
                let values = if self.plan.kind == ColumnType::Boolean {
                    columns::booleans(values)?
                } else {
                    columns::numbers(values)?
                };
                for value in values {
                    if value.is_nan() {
                        self.missing += 1;
                        continue;
                    }
                    moments.add(value);
                    *minimum = minimum.min(value);
                    *maximum = maximum.max(value);
                    sample.add(value);
                }
            }
            Seen::Category(counts) => {
                let texts = columns::texts(values)?;
                for text in &texts {
                    match text {
                        None | Some("") => self.missing += 1,
                        Some(text) => {
                            let room = counts.len() < DISTINCT;
                            if let Some(count) = counts.get_mut(text) {
                                *count += 1;
                            } else if room {
                                counts.insert(text.to_owned(), 1);
                            }
                        }
                    }
                }
            }
            Seen::Datetime { earliest, latest, parts } => {
                for instant in columns::instants(values)? {
                    let Some((instant, values)) =
                        instant.and_then(|instant| Some((instant, apply::parts(instant, 0)?)))
                    else {
                        self.missing += 1;
                        continue;
                    };
                    *earliest = (*earliest).min(instant);
                    *latest = (*latest).max(instant);
                    parts.iter_mut().zip(values).for_each(|(moments, value)| moments.add(value));
                }
            }
            Seen::Image => self.missing += values.null_count() as u64,
        }
        Ok(())
    }

    fn finish(self, mode: Mode, rows: u64) -> ColumnRule {
        let empty = self.missing == rows;
        let rule = match self.seen {
            Seen::Image => match mode {
                Mode::Images(shape) => Rule::Image(shape),
                Mode::Scaled | Mode::Trees => Rule::Empty,
            },
            _ if empty => Rule::Empty,
            Seen::Number { moments, minimum, maximum, sample } => {
                // Where the squares are beyond the range of numbers, half the values' own range stands for it.
                let std = if moments.squares.is_finite() { moments.std() } else { maximum / 2.0 - minimum / 2.0 };
                Rule::Number { median: sample.median(), mean: moments.mean, std, minimum, maximum }
            }
            Seen::Category(counts) => Rule::Category { known: commonest(counts, rows) },
            Seen::Datetime { earliest, latest, parts } => {
                let mut scales = parts.map(|moments| (moments.mean, moments.std()));
                scales[DATETIME_PARTS.len() - 1].0 -= earliest as f64 / 86_400_000.0;
                Rule::Datetime { origin_ms: earliest, latest_ms: latest, parts: scales }
            }
        };
        let optional = self.missing > 0;
        ColumnRule { name: self.plan.name, kind: self.plan.kind, sensitive: self.plan.sensitive, optional, rule }
    }
}

fn commonest(counts: HashMap<String, u64>, rows: u64) -> Vec<String> {
    let least = if rows >= ROWS_FOR_RARE { 2 } else { 1 };
    let mut known: Vec<(String, u64)> = counts.into_iter().filter(|(_, count)| *count >= least).collect();
    known.sort_by(|(name, count), (other_name, other)| other.cmp(count).then_with(|| name.cmp(other_name)));
    known.truncate(CODED_CATEGORIES);
    known.into_iter().map(|(name, _)| name).collect()
}
