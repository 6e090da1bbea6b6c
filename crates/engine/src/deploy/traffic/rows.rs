//! The rows of a file as requests have them, in an order that is spread over the whole file.

use std::path::Path;

use anyhow::Context as _;
use api::{config::DataConfig, model::Input};
use arrow_array::{RecordBatch, UInt64Array};
use arrow_select::take::take_record_batch;
use serde_json::Value;
use store::version::VersionRow;

/// Where to begin in the order in which rows are sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum First {
    /// That place, which must be there.
    Row(u64),
    /// Behind what was sent; at the first place where that was the end.
    After(u64),
}

/// Rows of a file, from the place `first` on, and over the end from the beginning.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) rows: Vec<Value>,
    pub(super) first: u64,
    /// Rows of the whole file.
    pub(super) total: u64,
}

/// At most `most` rows as JSON objects with the model's inputs only, typed as the model has them.
pub(super) fn read(
    path: &Path,
    version: &VersionRow,
    config: DataConfig,
    first: First,
    most: u64,
) -> anyhow::Result<Found> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let inputs = &version.version.signature.inputs;
    let mut config = DataConfig { paths: vec![name], target: None, timestamp: None, group: None, ..config };
    config.ignore.clear();
    config.types = inputs.iter().map(|input| (input.name.clone(), input.kind)).collect();
    // A folder of tables is one table.
    let (root, config) =
        if path.is_dir() { (path, DataConfig { paths: vec![".".to_owned()], ..config }) } else { (folder, config) };
    let files = data::scan::files(root, &config)?;
    let work = tempfile::tempdir().context("make a folder for the rows")?;
    let table = work.path().join("traffic.parquet");
    let total = data::table::convert(&files, &config, &table, &mut data::progress::silent)?.rows;
    let first = match first {
        First::Row(row) => row,
        First::After(row) => row % total.max(1),
    };
    if first >= total {
        return Ok(Found { rows: Vec::new(), first, total });
    }
    let wanted: Vec<u64> = (0..most.min(total)).map(|place| row_at((first + place) % total, total)).collect();
    Ok(Found { rows: take(&table, inputs, &wanted)?, first, total })
}

/// The row that stands at a place of the order: each stands there once, and any stretch of the order is spread over
/// the whole file. Tables often stand in the order of time, and a thousand rows of one morning are no sample of the
/// file. It goes around the file in steps of the golden ratio, which leaves no gap that is larger than about twice
/// another (three-distance theorem).
fn row_at(place: u64, total: u64) -> u64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let near = ((total as f64 * GOLDEN) as u64).max(1);
    // Some number below the next prime has no divisor in common with it.
    let step = (near..).find(|step| common_divisor(*step, total) == 1).unwrap_or(1);
    (u128::from(place) * u128::from(step) % u128::from(total)) as u64
}

fn common_divisor(one: u64, other: u64) -> u64 {
    if other == 0 { one } else { common_divisor(other, one % other) }
}

/// The wanted rows of a converted table, in the order in which they are wanted.
fn take(table: &Path, inputs: &[Input], wanted: &[u64]) -> anyhow::Result<Vec<Value>> {
    let mut places: Vec<usize> = (0..wanted.len()).collect();
    places.sort_unstable_by_key(|place| wanted[*place]);
    let mut rows = vec![Value::Null; wanted.len()];
    let (mut left, mut before) = (places.as_slice(), 0);
    for batch in data::table::batches(table, None)? {
        if left.is_empty() {
            break;
        }
        let batch = batch?;
        let after = before + batch.num_rows() as u64;
        let (here, later) = left.split_at(left.partition_point(|place| wanted[*place] < after));
        let picked: UInt64Array = here.iter().map(|place| wanted[*place] - before).collect();
        let found = infer::rows::to_json(&take_record_batch(&inputs_of(&batch, inputs)?, &picked)?)?;
        for (place, row) in here.iter().zip(found) {
            rows[*place] = row;
        }
        (left, before) = (later, after);
    }
    Ok(rows)
}

/// The columns of a batch that the model takes.
fn inputs_of(batch: &RecordBatch, inputs: &[Input]) -> anyhow::Result<RecordBatch> {
    let schema = batch.schema();
    let fields = schema.fields().iter().enumerate();
    let kept = fields.filter(|(_, field)| inputs.iter().any(|input| &input.name == field.name()));
    let kept: Vec<usize> = kept.map(|(index, _)| index).collect();
    Ok(batch.project(&kept)?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use api::config::ColumnType;
    use serde_json::json;

    use super::*;

    #[test]
    fn each_row_stands_once_in_the_order_and_any_stretch_is_spread_over_the_file() {
        for total in [1, 2, 3, 25, 569, 2000, 10_007] {
            let rows: BTreeSet<u64> = (0..total).map(|place| row_at(place, total)).collect();
            assert_eq!(rows.len() as u64, total, "of {total} rows");
            assert!(rows.last().is_some_and(|last| *last < total));
        }
        let total = 90_000;
        for first in [0, 1000, 57_000] {
            let mut rows: Vec<u64> = (first..first + 1000).map(|place| row_at(place, total)).collect();
            rows.sort_unstable();
            let widest = rows.windows(2).map(|pair| pair[1] - pair[0]).max();
            // Evenly they would be 90 apart.
            assert!(widest.is_some_and(|widest| widest < 270), "from {first} on: {widest:?}");
        }
    }

    #[test]
    fn rows_are_taken_in_the_order_in_which_they_are_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let text: String = (0..20_000).map(|row| format!("{row},{}\n", row % 7)).collect();
        std::fs::write(folder.path().join("rows.csv"), format!("x,unused\n{text}")).unwrap();
        let config = DataConfig { paths: vec!["rows.csv".to_owned()], ..DataConfig::default() };
        let files = data::scan::files(folder.path(), &config).unwrap();
        let table = folder.path().join("rows.parquet");
        data::table::convert(&files, &config, &table, &mut data::progress::silent).unwrap();
        let input = Input {
            name: "x".to_owned(),
            kind: ColumnType::Integer,
            optional: false,
            sensitive: false,
            categories: Vec::new(),
            range: None,
            shape: Vec::new(),
        };
        // Batches have 8,192 rows.
        let rows = take(&table, &[input], &[19_999, 0, 8192, 8191, 12_345]).unwrap();
        let expected = [19_999, 0, 8192, 8191, 12_345].map(|x| json!({ "x": x }));
        assert_eq!(rows, expected);
    }
}
