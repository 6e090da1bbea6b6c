//! How much memory a training is admitted with: what the worker's own rule says of the data.
//!
//! It knows rows and columns from a snapshot; before the first one there are only the files' number and size.

use api::{
    ProjectId,
    config::{DataKind, TrainingConfig},
};
use data::memory::{Content, of_training};
use store::snapshot::SnapshotRow;

use crate::{Engine, snapshot};

/// What a worker needs besides its table, where nothing better is known.
const WORKER_BYTES: u64 = 256 << 20;
/// Bytes in memory for one of a file of a table, where nothing better is known.
const FILE_FACTOR: u64 = 4;

/// The files of a project as they lie in its folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Files {
    pub(super) kind: DataKind,
    pub(super) count: u64,
    pub(super) bytes: u64,
}

/// Of a training that begins: by the newest snapshot, as much larger as the files have become since.
pub(super) async fn of_start(
    engine: &Engine,
    project: ProjectId,
    training: &TrainingConfig,
    files: Files,
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
            let grown = files.bytes as f64 / row.snapshot.size_bytes.max(1) as f64;
            (of_snapshot(engine, training, &row).await as f64 * grown.max(1.0)) as u64
        }
        None => of_files(training, files),
    })
}

/// Of a training on a snapshot.
pub(super) async fn of_snapshot(engine: &Engine, training: &TrainingConfig, row: &SnapshotRow) -> u64 {
    let rows = row.snapshot.rows;
    match row.config.kind {
        DataKind::Images => of_training(training, Content::Images { images: rows, sides: sides(engine, row).await }),
        DataKind::Table => of_training(training, Content::Table { rows, columns: &row.columns }),
    }
}

/// The usual width and height of a snapshot's pictures, where their index is at hand: it is not built for this.
async fn sides(engine: &Engine, row: &SnapshotRow) -> Option<(u32, u32)> {
    let index = snapshot::cache::built_table(engine, row)?;
    let read = tokio::task::spawn_blocking(move || data::images::sides(&index)).await;
    read.ok().and_then(Result::ok).flatten()
}

fn of_files(training: &TrainingConfig, files: Files) -> u64 {
    match files.kind {
        DataKind::Images => of_training(training, Content::Images { images: files.count, sides: None }),
        DataKind::Table => WORKER_BYTES.saturating_add(files.bytes.saturating_mul(FILE_FACTOR)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_table_alone_are_taken_for_a_worker_and_four_times_their_size() {
        let of = |bytes| of_files(&TrainingConfig::default(), Files { kind: DataKind::Table, count: 1, bytes });
        assert_eq!(of(0), WORKER_BYTES);
        assert_eq!(of(1 << 30), WORKER_BYTES + (4 << 30));
        assert_eq!(of(u64::MAX), u64::MAX);
    }

    #[test]
    fn pictures_alone_are_taken_for_large_ones_whatever_their_files_take() {
        let of = |count, bytes| of_files(&TrainingConfig::default(), Files { kind: DataKind::Images, count, bytes });
        assert_eq!(of(1000, 1 << 20), of(1000, 1 << 30));
        // 64 × 64 pixels of three channels in f32.
        assert!(of(10_000, 1) - of(9_000, 1) > 1000 * 64 * 64 * 3 * 4 / 2);
    }
}
