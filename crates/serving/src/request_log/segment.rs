//! The rows of a segment, before they are a file.

use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use arrow_select::concat::concat_batches;
use parquet::{
    arrow::ArrowWriter,
    basic::Compression,
    file::{metadata::KeyValue, properties::WriterProperties},
};

use super::folder::{self, Gap};

/// The column with the server's time of receipt.
pub(super) const RECEIVED: &str = "_received_ms";

/// One request's rows as they are logged. An output that has an input's name is logged as
/// `_output_NAME`.
pub(super) fn row(
    inputs: &RecordBatch,
    outputs: &RecordBatch,
    not_watched: &[String],
    received_ms: i64,
) -> Result<RecordBatch, ArrowError> {
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (field, array) in inputs.schema().fields().iter().zip(inputs.columns()) {
        if !not_watched.contains(field.name()) {
            fields.push(field.as_ref().clone());
            arrays.push(array.clone());
        }
    }
    for (field, array) in outputs.schema().fields().iter().zip(outputs.columns()) {
        let taken = inputs.schema().fields().iter().any(|input| input.name() == field.name());
        let name = if taken { format!("_output_{}", field.name()) } else { field.name().clone() };
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array.clone());
    }
    fields.push(Field::new(RECEIVED, DataType::Int64, false));
    arrays.push(Arc::new(Int64Array::from(vec![received_ms; inputs.num_rows()])));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

/// The segment that is being filled.
#[derive(Debug)]
pub(super) struct Open {
    most_rows: usize,
    instance: String,
    model: String,
    sequence: u64,
    batches: Vec<(RecordBatch, i64)>,
    rows: usize,
}

/// A segment's rows, ready to be written.
#[derive(Debug)]
pub(super) struct Closed {
    /// Instance and sequence: what makes its id unique.
    pub(super) name: String,
    pub(super) model: String,
    pub(super) batches: Vec<RecordBatch>,
    pub(super) rows: u64,
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
}

impl Open {
    pub(super) fn new(most_rows: usize, instance: String, model: String) -> Self {
        Self { most_rows, instance, model, sequence: 0, batches: Vec::new(), rows: 0 }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= self.most_rows
    }

    pub(super) fn push(&mut self, rows: RecordBatch, received_ms: i64) {
        self.rows += rows.num_rows();
        self.batches.push((rows, received_ms));
    }

    /// Takes the first rows, at most `most_rows`, splitting a request that is larger.
    pub(super) fn close(&mut self) -> Option<Closed> {
        let (from_ms, mut to_ms) = (self.batches.first()?.1, i64::MIN);
        let mut taken = Vec::new();
        let mut room = self.most_rows;
        while room > 0 && !self.batches.is_empty() {
            let (batch, received_ms) = self.batches.remove(0);
            to_ms = received_ms;
            if batch.num_rows() > room {
                self.batches.insert(0, (batch.slice(room, batch.num_rows() - room), received_ms));
                taken.push(batch.slice(0, room));
                room = 0;
            } else {
                room -= batch.num_rows();
                taken.push(batch);
            }
        }
        let rows = self.most_rows - room;
        self.rows -= rows;
        self.sequence += 1;
        let name = format!("{}-{:08}", self.instance, self.sequence);
        Some(Closed { name, model: self.model.clone(), batches: taken, rows: rows as u64, from_ms, to_ms })
    }
}

impl Closed {
    /// What is lost, if it can't be kept.
    pub(super) fn gap(&self) -> Gap {
        Gap { from_ms: self.from_ms, to_ms: self.to_ms, rows: self.rows, reason: folder::UNWRITTEN.into() }
    }

    /// The whole file, in memory: a segment is small.
    pub(super) fn to_parquet(&self) -> anyhow::Result<Vec<u8>> {
        let rows = concat_batches(&self.batches[0].schema(), &self.batches)?;
        let about = [
            ("slipway.rows", self.rows.to_string()),
            ("slipway.from_ms", self.from_ms.to_string()),
            ("slipway.to_ms", self.to_ms.to_string()),
            ("slipway.model", self.model.clone()),
        ];
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(about.map(|(key, value)| KeyValue::new(key.into(), value)).to_vec()))
            .build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties))?;
        writer.write(&rows)?;
        writer.close()?;
        Ok(bytes)
    }
}
