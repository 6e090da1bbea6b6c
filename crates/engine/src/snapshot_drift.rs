//! Drift from one snapshot to another: every column but those that are ignored.

use std::path::Path;

use anyhow::Context as _;
use api::{ApiError, config::ProjectFile, dataset::Role, drift::DriftReport};
use data::{
    drift::{
        DriftError,
        compare::{self, ColumnSpec, Options},
        floor::Floors,
        sampling::{self, Side},
    },
    table,
};

use crate::{
    blocking::{Step, Tell},
    jobs::cancelled,
};

/// How far the work is once the rows of both sides are read.
const READ: f64 = 0.4;

pub(crate) fn compare(
    reference: &Path,
    current: &Path,
    file: &ProjectFile,
    tell: Tell<'_, Step>,
) -> anyhow::Result<DriftReport> {
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
    let all = described.rows + table::describe(current).map_err(ApiError::from)?.rows;
    let mut read = 0;
    let mut side = |parquet: &Path, name: &str| -> anyhow::Result<Side> {
        let mut progress = |rows: u64| {
            read += rows;
            let message = format!("Reads {name}");
            tell(Step { fraction: READ * read as f64 / all.max(1) as f64, message })
        };
        Ok(sampling::read(parquet, name, sampling::MOST_ROWS, &mut progress).map_err(ApiError::from)?)
    };
    let (reference, current) = (side(reference, "the reference")?, side(current, "the newer rows")?);
    let options = Options { drift_share: file.monitoring.drift_share, seed: 0 };
    let mut done = 0;
    let mut progress = |new: u64| {
        done += new;
        let message = format!("Compares the columns, {done} of {}", columns.len());
        tell(Step { fraction: READ + (1.0 - READ) * done as f64 / columns.len().max(1) as f64, message })
    };
    let mut floors = Floors::default();
    let (before, now) = (&reference.batches, &current.batches);
    let report = match compare::compare_while(before, now, &columns, &options, &mut floors, &mut progress) {
        Ok(report) => report,
        Err(DriftError::Cancelled) => return Err(cancelled().into()),
        Err(error) => return Err(ApiError::invalid(error.to_string())).context("compare the snapshots"),
    };
    let remarks = reference.remark.into_iter().chain(current.remark).collect();
    Ok(DriftReport { remarks, ..report })
}
