//! Drift from one snapshot to another: every column but those that are ignored.

use std::path::Path;

use anyhow::Context as _;
use api::{ApiError, config::ProjectFile, dataset::Role, drift::DriftReport};
use arrow_array::RecordBatch;
use data::{
    drift::{
        compare::{self, ColumnSpec, Options},
        floor::Floors,
    },
    table,
};

/// Rows of a side that are compared at most; of more, every n-th batch, so that memory is bounded.
const MOST_ROWS: u64 = 500_000;

pub(crate) fn compare(reference: &Path, current: &Path, file: &ProjectFile) -> anyhow::Result<DriftReport> {
    let described = table::describe(reference).map_err(ApiError::from)?;
    let columns: Vec<ColumnSpec> = described
        .columns
        .iter()
        .filter(|(name, _)| !matches!(data::column::role(name, &file.data), Role::Ignored | Role::Group))
        .map(|(name, kind)| ColumnSpec {
            test: file.monitoring.tests.get(name).copied(),
            threshold: file.monitoring.thresholds.get(name).copied(),
            ..ColumnSpec::new(name, *kind)
        })
        .collect();
    let (reference, current) = (rows(reference)?, rows(current)?);
    let options = Options { drift_share: file.monitoring.drift_share, seed: 0 };
    compare::compare(&reference, &current, &columns, &options, &mut Floors::default())
        .map_err(|error| ApiError::invalid(error.to_string()))
        .context("compare the snapshots")
}

fn rows(parquet: &Path) -> anyhow::Result<Vec<RecordBatch>> {
    let total = table::describe(parquet).map_err(ApiError::from)?.rows;
    let every = total.div_ceil(MOST_ROWS).max(1) as usize;
    let batches = table::batches(parquet, None).map_err(ApiError::from)?;
    batches.step_by(every).map(|batch| Ok(batch.map_err(ApiError::from)?)).collect()
}
