//! Drift from one snapshot to another: every column but those that are ignored.

use std::path::Path;

use anyhow::Context as _;
use api::{ApiError, config::ProjectFile, dataset::Role, drift::DriftReport};
use data::{
    drift::{
        compare::{self, ColumnSpec, Options},
        floor::Floors,
        sampling,
    },
    table,
};

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
    let reference = sampling::read(reference, "the reference", sampling::MOST_ROWS).map_err(ApiError::from)?;
    let current = sampling::read(current, "the newer rows", sampling::MOST_ROWS).map_err(ApiError::from)?;
    let options = Options { drift_share: file.monitoring.drift_share, seed: 0 };
    let report = compare::compare(&reference.batches, &current.batches, &columns, &options, &mut Floors::default())
        .map_err(|error| ApiError::invalid(error.to_string()))
        .context("compare the snapshots")?;
    let remarks = reference.remark.into_iter().chain(current.remark).collect();
    Ok(DriftReport { remarks, ..report })
}
