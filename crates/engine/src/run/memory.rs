//! How much memory a training is admitted with: what the worker's own rule says of the table.
//!
//! It knows rows and columns from a snapshot; before the first one there is only the size of the files.

use api::{
    ProjectId,
    config::{DataKind, ModelChoice},
    dataset::Role,
};
use data::memory::{Feature, of_table};
use store::snapshot::SnapshotRow;

use crate::Engine;

/// What a worker needs besides its data, where nothing better is known.
const WORKER_BYTES: u64 = 256 << 20;
/// Bytes in memory for one of a file, where nothing better is known.
const FILE_FACTOR: u64 = 4;

/// Of a training that begins: by the newest snapshot, as much larger as the files have become since.
pub(super) async fn of_start(
    engine: &Engine,
    project: ProjectId,
    model: ModelChoice,
    file_bytes: u64,
) -> anyhow::Result<u64> {
    let newest = engine
        .store()
        .read(move |c| match store::dataset::of_project(c, project)? {
            Some(dataset) => store::snapshot::newest(c, dataset.id),
            None => Ok(None),
        })
        .await?;
    Ok(match newest {
        Some(row) => {
            let grown = file_bytes as f64 / row.snapshot.size_bytes.max(1) as f64;
            (of_snapshot(model, &row) as f64 * grown.max(1.0)) as u64
        }
        None => of_files(file_bytes),
    })
}

/// Of a training on a snapshot.
pub(super) fn of_snapshot(model: ModelChoice, row: &SnapshotRow) -> u64 {
    match row.config.kind {
        DataKind::Images => of_files(row.snapshot.size_bytes),
        DataKind::Table => {
            let features = row.columns.iter().filter(|column| column.role == Role::Feature);
            let features: Vec<_> = features.map(|column| Feature { kind: column.kind, distinct: None }).collect();
            of_table(model, row.snapshot.rows, &features)
        }
    }
}

const fn of_files(bytes: u64) -> u64 {
    WORKER_BYTES.saturating_add(bytes.saturating_mul(FILE_FACTOR))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_alone_are_taken_for_a_worker_and_four_times_their_size() {
        assert_eq!(of_files(0), WORKER_BYTES);
        assert_eq!(of_files(1 << 30), WORKER_BYTES + (4 << 30));
        assert_eq!(of_files(u64::MAX), u64::MAX);
    }
}
