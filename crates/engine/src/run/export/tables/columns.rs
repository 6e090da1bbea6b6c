//! A table of runs as Parquet that may have a column for each of fifty thousand keys. What the runs have is gathered by
//! column, and of what they have not nothing is held; a part of the file is written one column after the other. A writer
//! of rows begins all columns of a part at once, and what compresses a column takes 20 kB before there is anything in it.

use std::{fs::File, sync::Arc};

use anyhow::Context as _;
use arrow_schema::{DataType, Field, Schema};
use parquet::{
    data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type},
    file::writer::SerializedFileWriter,
};

use super::{time_type, writer};

/// Bytes that are gathered before they are a part of the file, and runs.
pub(super) const PART_BYTES: usize = 64 << 20;
const RUNS_AT_ONCE: usize = 1 << 16;

const WRITING: &str = "write runs.parquet";

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    /// Milliseconds since 1970.
    Time,
    Number,
}

/// What a run has in a column: none of those that it has nothing in.
pub(super) enum Cell {
    Text(String),
    Time(i64),
    Number(f64),
}

enum Values {
    Texts(Vec<ByteArray>),
    Times(Vec<i64>),
    Numbers(Vec<f64>),
}

struct Column {
    /// The rows of the part that have something in it.
    rows: Vec<usize>,
    values: Values,
}

impl Column {
    fn new(kind: Kind) -> Self {
        let values = match kind {
            Kind::Text => Values::Texts(Vec::new()),
            Kind::Time => Values::Times(Vec::new()),
            Kind::Number => Values::Numbers(Vec::new()),
        };
        Self { rows: Vec::new(), values }
    }

    /// The bytes that it takes.
    fn add(&mut self, row: usize, cell: Cell) -> usize {
        let bytes = match (&mut self.values, cell) {
            (Values::Texts(texts), Cell::Text(text)) => {
                let bytes = size_of::<ByteArray>() + text.len();
                texts.push(ByteArray::from(text.into_bytes()));
                bytes
            }
            (Values::Times(times), Cell::Time(time)) => {
                times.push(time);
                size_of::<i64>()
            }
            (Values::Numbers(numbers), Cell::Number(number)) => {
                numbers.push(number);
                size_of::<f64>()
            }
            // A column has cells of its own kind alone.
            _ => return 0,
        };
        self.rows.push(row);
        bytes + size_of::<usize>()
    }

    /// What was gathered, which is let go of here.
    fn take(&mut self) -> Self {
        let values = match &mut self.values {
            Values::Texts(texts) => Values::Texts(std::mem::take(texts)),
            Values::Times(times) => Values::Times(std::mem::take(times)),
            Values::Numbers(numbers) => Values::Numbers(std::mem::take(numbers)),
        };
        Self { rows: std::mem::take(&mut self.rows), values }
    }
}

pub(super) struct Columns {
    out: SerializedFileWriter<File>,
    columns: Vec<Column>,
    /// Runs in the part that is gathered.
    rows: usize,
    pub(super) held_bytes: usize,
}

impl Columns {
    pub(super) fn begin(file: File, named: impl Iterator<Item = (String, Kind)>) -> anyhow::Result<Self> {
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for (name, kind) in named {
            let data_type = match kind {
                Kind::Text => DataType::Utf8,
                Kind::Time => time_type(),
                Kind::Number => DataType::Float64,
            };
            fields.push(Field::new(name, data_type, true));
            columns.push(Column::new(kind));
        }
        let (out, _) = writer(file, Arc::new(Schema::new(fields)))?.into_serialized_writer().context(WRITING)?;
        Ok(Self { out, columns, rows: 0, held_bytes: 0 })
    }

    /// Adds a run by what it has, each with the place of its column, which no two have.
    pub(super) fn push(&mut self, run: impl Iterator<Item = (usize, Cell)>) -> anyhow::Result<()> {
        for (place, cell) in run {
            let column = self.columns.get_mut(place).context("find the column of a run's figure")?;
            self.held_bytes += column.add(self.rows, cell);
        }
        self.rows += 1;
        if self.rows < RUNS_AT_ONCE && self.held_bytes < PART_BYTES { Ok(()) } else { self.write() }
    }

    fn write(&mut self) -> anyhow::Result<()> {
        let count = std::mem::take(&mut self.rows);
        if count == 0 {
            return Ok(());
        }
        self.held_bytes = 0;
        // Of each run, whether it has something in the column.
        let mut has = vec![0_i16; count];
        let mut part = self.out.next_row_group().context(WRITING)?;
        for column in &mut self.columns {
            let Column { rows, values } = column.take();
            rows.iter().for_each(|row| has[*row] = 1);
            let mut out = part.next_column().context(WRITING)?.context("find the next column of runs.parquet")?;
            match &values {
                Values::Texts(texts) => out.typed::<ByteArrayType>().write_batch(texts, Some(&has), None),
                Values::Times(times) => out.typed::<Int64Type>().write_batch(times, Some(&has), None),
                Values::Numbers(numbers) => out.typed::<DoubleType>().write_batch(numbers, Some(&has), None),
            }
            .context(WRITING)?;
            out.close().context(WRITING)?;
            rows.iter().for_each(|row| has[*row] = 0);
        }
        part.close().context(WRITING)?;
        Ok(())
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        self.write()?;
        self.out.close().context(WRITING)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{
        Array as _, RecordBatch,
        cast::AsArray as _,
        types::{Float64Type, TimestampMillisecondType},
    };
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    #[test]
    fn of_runs_with_many_keys_no_more_is_held_than_fits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.parquet");
        let (keys, runs) = (20_000, 300);
        let named = (0..keys).map(|key| (format!("metric.m{key}"), Kind::Number));
        let mut columns = Columns::begin(File::create_new(&path).unwrap(), named).unwrap();
        let mut most = 0;
        for at in 0..runs {
            columns.push((0..keys).map(|key| (key, Cell::Number((at * key) as f64)))).unwrap();
            most = most.max(columns.held_bytes);
        }
        assert!(most > PART_BYTES / 2 && most < PART_BYTES, "{most} bytes");
        columns.finish().unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
        let parts = reader.metadata().row_groups().iter().map(|part| part.num_rows()).collect::<Vec<_>>();
        assert_eq!((parts.len(), parts.iter().sum::<i64>()), (2, 300), "{parts:?}");
    }

    #[test]
    fn runs_with_few_of_the_columns_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.parquet");
        let named = [("id", Kind::Text), ("ended", Kind::Time), ("metric.a", Kind::Number), ("metric.b", Kind::Number)];
        let named = named.map(|(name, kind)| (name.to_owned(), kind));
        let mut columns = Columns::begin(File::create_new(&path).unwrap(), named.into_iter()).unwrap();
        let count = RUNS_AT_ONCE + 3;
        for at in 0..count {
            let mut run = vec![(0, Cell::Text(at.to_string()))];
            match at % 3 {
                0 => run.push((2, Cell::Number(f64::NAN))),
                1 => run.extend([(3, Cell::Number(at as f64)), (1, Cell::Time(at as i64))]),
                _ => {}
            }
            columns.push(run.into_iter()).unwrap();
            assert!(columns.rows < RUNS_AT_ONCE);
        }
        columns.finish().unwrap();

        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.metadata().num_row_groups(), 2);
        assert_eq!(reader.schema().field(1).data_type(), &time_type());
        let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
        let mut at = 0;
        for batch in &batches {
            let (ids, ended) = (batch.column(0).as_string::<i32>(), batch.column(1));
            let ended = ended.as_primitive::<TimestampMillisecondType>();
            let figures = |column: usize| batch.column(column).as_primitive::<Float64Type>();
            for row in 0..batch.num_rows() {
                assert_eq!(ids.value(row), at.to_string());
                assert_eq!((figures(2).is_valid(row), figures(3).is_valid(row)), (at % 3 == 0, at % 3 == 1), "{at}");
                assert_eq!(ended.is_valid(row), at % 3 == 1, "{at}");
                if at % 3 == 1 {
                    assert_eq!((ended.value(row), figures(3).value(row)), (at as i64, at as f64));
                }
                assert!(at % 3 != 0 || figures(2).value(row).is_nan());
                at += 1;
            }
        }
        assert_eq!(at, count);
    }
}
