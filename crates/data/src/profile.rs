//! Every column measured in one streaming pass, with what a person should be warned of.
//!
//! What is exact and what is estimated stands in [`crate::sketch`] and [`crate::association`].

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
};

use api::{
    config::{ColumnType, DataConfig, DataKind},
    dataset::{ColumnProfile, Histogram, NumericProfile, Profile, Role, ValueCount},
    evaluation::Task,
};
use arrow_array::RecordBatch;

use crate::{
    association::{Cell, RowSample},
    bars,
    column::{self, Values},
    error::DataError,
    images, profile_warnings,
    progress::{Progress, report},
    row_hash::RowHasher,
    sketch::{Distinct, Distribution, Frequent, Moments, Quantiles},
    table,
};

/// Beyond this many rows equal ones are not counted: their hashes would take too much memory.
const MOST_HASHED_ROWS: u64 = 5_000_000;
const TOP_VALUES: usize = 20;
const FEW_INTEGERS: u64 = 50;
const QUANTILES: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

/// Measures a converted table with the roles, target and sensitive columns of `config`.
/// Progress is in rows.
pub fn profile(parquet: &Path, config: &DataConfig, progress: Progress<'_>) -> Result<Profile, DataError> {
    let described = table::describe(parquet)?;
    let batches = table::batches(parquet, None)?;
    let schema = batches.schema().clone();
    let is_images = images::is_index(&schema);
    let kind = if is_images { DataKind::Images } else { config.kind };
    let config = DataConfig { kind, ..config.clone() };
    let hasher = RowHasher::new(&schema, |name| !is_images || name == images::CONTENT);
    let mut columns: Vec<Measured> = described.columns.iter().map(|(name, kind)| Measured::new(name, *kind)).collect();
    let target = config.target.as_ref().and_then(|target| columns.iter().position(|column| column.name == *target));
    let mut sample = RowSample::new(columns.len());
    let mut rows_seen: HashSet<u128> = HashSet::new();
    let counts_rows = described.rows <= MOST_HASHED_ROWS;
    let mut duplicates = 0;
    for batch in batches {
        let batch = batch?;
        if counts_rows {
            duplicates += hasher.hashes(&batch).into_iter().filter(|hash| !rows_seen.insert(*hash)).count() as u64;
        }
        measure(&mut columns, &batch);
        if let Some(target) = target {
            draw(&mut sample, &batch, target);
        }
        report(progress, batch.num_rows() as u64)?;
    }
    drop(rows_seen);

    let task = target.map(|place| column::task(columns[place].kind, columns[place].distinct.count()));
    let associations = match task {
        Some(task) => sample.associations(columns.len(), task != Task::Regression),
        None => vec![None; columns.len()],
    };
    let columns: Vec<ColumnProfile> = columns
        .into_iter()
        .zip(associations)
        .enumerate()
        .map(|(place, (column, association))| {
            let role = column::role(&column.name, &config);
            let association = association.filter(|_| Some(place) != target && role != Role::Ignored);
            column.finish(role, &config, association)
        })
        .collect();
    let duplicate_rows = counts_rows.then_some(duplicates);
    let warnings = profile_warnings::find(&columns, described.rows, duplicate_rows, task);
    Ok(Profile { rows: described.rows, duplicate_rows, columns, reading: described.notes, warnings })
}

/// One column under measurement.
struct Measured {
    name: String,
    kind: ColumnType,
    count: u64,
    missing: u64,
    zeros: u64,
    infinite: u64,
    distinct: Distinct,
    frequent: Frequent,
    quantiles: Quantiles,
    moments: Moments,
}

impl Measured {
    fn new(name: &str, kind: ColumnType) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            count: 0,
            missing: 0,
            zeros: 0,
            infinite: 0,
            distinct: Distinct::default(),
            frequent: Frequent::default(),
            quantiles: Quantiles::default(),
            moments: Moments::default(),
        }
    }

    fn see(&mut self, values: &Values<'_>, row: usize) {
        if values.is_missing(row) {
            self.missing += 1;
            return;
        }
        self.count += 1;
        match values {
            Values::Text(array) => {
                let text = array.value(row);
                self.distinct.see(hash(text.as_bytes()));
                self.frequent.see(text);
            }
            Values::Boolean(array) => {
                let text = if array.value(row) { "true" } else { "false" };
                self.distinct.see(hash(text.as_bytes()));
                self.frequent.see(text);
            }
            _ => {
                let Some(number) = values.number(row) else { return };
                self.see_number(number);
            }
        }
    }

    fn see_number(&mut self, number: f64) {
        let number = if number == 0.0 { 0.0 } else { number };
        self.distinct.see(hash(&number.to_le_bytes()));
        if number.is_infinite() {
            self.infinite += 1;
            return;
        }
        self.zeros += u64::from(number == 0.0);
        self.quantiles.see(number);
        self.moments.see(number);
    }

    fn finish(self, role: Role, config: &DataConfig, target_association: Option<f64>) -> ColumnProfile {
        // An estimate can be above what there is; no column has more values than rows that hold one.
        let distinct = self.distinct.count().min(self.count);
        let is_number = matches!(self.kind, ColumnType::Integer | ColumnType::Decimal | ColumnType::Datetime);
        let distribution = self.quantiles.finish();
        let mut top = self.frequent.top(TOP_VALUES);
        if self.kind == ColumnType::Integer && self.distinct.is_exact() && distinct <= FEW_INTEGERS {
            top = distribution
                .commonest(TOP_VALUES)
                .into_iter()
                .map(|(value, count)| (value.to_string(), count))
                .collect();
        }
        let numeric = (is_number && self.moments.count() > 0.0).then(|| NumericProfile {
            mean: self.moments.mean(),
            std: self.moments.std(),
            min: distribution.min(),
            max: distribution.max(),
            quantiles: QUANTILES.iter().map(|share| (*share, distribution.quantile(*share))).collect(),
            histogram: histogram(&distribution, self.kind),
            zeros: self.zeros,
            infinite: self.infinite,
        });
        ColumnProfile {
            sensitive: config.sensitive.contains(&self.name),
            name: self.name,
            kind: self.kind,
            role,
            count: self.count,
            missing: self.missing,
            distinct,
            distinct_is_exact: self.distinct.is_exact(),
            numeric,
            top: top.into_iter().map(|(value, count)| ValueCount { value, count }).collect(),
            target_association,
        }
    }
}

fn measure(columns: &mut [Measured], batch: &RecordBatch) {
    for (column, array) in columns.iter_mut().zip(batch.columns()) {
        if let Some(values) = Values::of(array) {
            (0..batch.num_rows()).for_each(|row| column.see(&values, row));
        }
    }
}

fn draw(sample: &mut RowSample, batch: &RecordBatch, target: usize) {
    let columns: Vec<Option<Values<'_>>> = batch.columns().iter().map(Values::of).collect();
    for row in 0..batch.num_rows() {
        let class = match cell(columns[target].as_ref(), row) {
            Cell::Missing => continue,
            Cell::Number(number) => number.to_bits(),
            Cell::Text(hash) => hash,
        };
        sample.offer(class, || {
            let cells = columns.iter().map(|values| cell(values.as_ref(), row));
            cells.chain(std::iter::once(cell(columns[target].as_ref(), row))).collect()
        });
    }
}

fn cell(values: Option<&Values<'_>>, row: usize) -> Cell {
    match values {
        Some(values) if values.is_missing(row) => Cell::Missing,
        Some(Values::Text(array)) => Cell::Text(hash(array.value(row).as_bytes())),
        Some(values) => values.number(row).map_or(Cell::Missing, Cell::Number),
        None => Cell::Missing,
    }
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

fn histogram(distribution: &Distribution, kind: ColumnType) -> Histogram {
    let (min, max) = (distribution.min(), distribution.max());
    let edges = bars::edges(min, max, kind == ColumnType::Integer, |share| distribution.quantile(share));
    // A bar holds what is at least its left edge and below its right; the last one both.
    let below = |edge: f64| distribution.rank_below(edge);
    let mut counts = Vec::with_capacity(edges.len() - 1);
    let mut before = 0.0;
    for (index, edge) in edges.iter().enumerate().skip(1) {
        let until = if index == edges.len() - 1 { distribution.count() as f64 } else { below(*edge).round() };
        counts.push((until - before).max(0.0) as u64);
        before = until.max(before);
    }
    Histogram { edges, counts }
}
