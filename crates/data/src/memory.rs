//! How much memory a training will take, before it starts: what a queue admits by.
//!
//! A worker holds its training and validation rows as one matrix of f32, whatever the files were. So the estimate is
//! cells times bytes, and a base for the process; of a convolutional network also what a batch is on its way through
//! it, which is most. A test in `worker` holds it to within twice of what is measured, either way.

use api::{
    config::{ColumnType, ModelChoice, TrainingConfig},
    dataset::{Column, Role},
    hyperparameter::NetworkDefaults,
};

use crate::images::brought_to;

/// The program, its libraries and what every training needs.
const BASE_BYTES: u64 = 48 << 20;
/// Distinct values of a category: nobody has counted them.
const DISTINCT: u64 = 16;
/// Parts of a datetime.
const PARTS: u64 = 5;
/// Targets, order, gradients and predictions.
const BYTES_PER_ROW: u64 = 64;
/// f32, and for trees the bin that it falls into.
const BYTES_PER_CELL: u64 = 4;
const BYTES_PER_TREE_CELL: u64 = 8;

/// Pictures that are not looked at are taken for coloured.
const CHANNELS: u64 = 3;
/// Of a picture's cells: those of the test part are read when the others are let go.
const CELLS_HELD: f64 = 0.8;
/// Of a project's pictures, where a share must do.
const TRAINED: f64 = 0.65;
/// Of each pixel of a batch: the windows and outputs of all layers of a convolutional network, with their gradients.
const BYTES_PER_PIXEL: u64 = 3000;
/// Of a weight: itself, its gradient, two moments, the best so far.
const BYTES_PER_WEIGHT: u64 = 5 * 4;

/// What a training is on, as far as it is known before it starts.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    Table {
        rows: u64,
        columns: &'a [Column],
    },
    Images {
        images: u64,
        /// The usual width and height in pixels; where they are not known, the largest that a network is trained on.
        sides: Option<(u32, u32)>,
    },
}

/// Bytes that a worker will have resident at its peak.
pub fn of_training(training: &TrainingConfig, content: Content<'_>) -> u64 {
    let held = match content {
        Content::Table { rows, columns } => of_table(training.model, rows, columns),
        Content::Images { images, sides } => of_images(training, images, sides),
    };
    BASE_BYTES.saturating_add(held)
}

fn of_table(model: ModelChoice, rows: u64, columns: &[Column]) -> u64 {
    let trees = matches!(model, ModelChoice::Trees | ModelChoice::Default);
    let features = columns.iter().filter(|column| column.role == Role::Feature);
    let width: u64 = features.map(|column| width(column.kind, trees)).sum();
    let cell = if trees { BYTES_PER_TREE_CELL } else { BYTES_PER_CELL };
    rows.saturating_mul(width.saturating_mul(cell).saturating_add(BYTES_PER_ROW))
}

/// Columns of the matrix that one of the table becomes at most.
const fn width(kind: ColumnType, trees: bool) -> u64 {
    match kind {
        ColumnType::Boolean | ColumnType::Integer | ColumnType::Decimal | ColumnType::Category if trees => 1,
        ColumnType::Boolean | ColumnType::Integer | ColumnType::Decimal => 2,
        // "Other" and "missing" come beside the known ones.
        ColumnType::Category => DISTINCT + 2,
        ColumnType::Datetime if trees => PARTS,
        ColumnType::Datetime => PARTS + 1,
        ColumnType::Text | ColumnType::Image => 0,
    }
}

fn of_images(training: &TrainingConfig, images: u64, sides: Option<(u32, u32)>) -> u64 {
    let (width, height) = sides.unwrap_or((u32::MAX, u32::MAX));
    let pixels = (brought_to(width) * brought_to(height)) as u64;
    let cells = pixels * CHANNELS;
    let rows = images.saturating_mul(cells * BYTES_PER_CELL + BYTES_PER_ROW);
    let trained = (images as f64 * TRAINED) as usize;
    let batch = training.batch_size.unwrap_or(NetworkDefaults::batch_size(trained)).min(trained.max(1)) as u64;
    let network = match training.model {
        ModelChoice::Cnn | ModelChoice::Default => batch.saturating_mul(pixels * BYTES_PER_PIXEL),
        model => {
            let open = NetworkDefaults::of(model, training.optimizer).hidden;
            let hidden = training.hidden.first().or(open.first()).copied().unwrap_or(1);
            (hidden as u64).saturating_mul(cells * BYTES_PER_WEIGHT)
        }
    };
    ((rows as f64 * CELLS_HELD) as u64).saturating_add(network)
}
