//! Runs as two tables: a row a run, and a row a point.

use std::{
    collections::BTreeSet,
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use api::{run::Run, series::Point};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};

use super::{Form, Left, Told};
use crate::run::{
    board::{moment, number},
    start::word,
};

/// Rows of runs that a batch of Parquet holds, and cells: runs may have tens of thousands of keys together.
const RUNS_AT_ONCE: usize = 512;
const CELLS_AT_ONCE: usize = 1 << 18;
/// Bytes of runs that are gathered before they are a part of the file, and of their texts before they are a batch.
const PART_BYTES: usize = 64 << 20;
/// Columns of a table that has dictionaries: each takes 70 kB before there is anything in it.
const DICTIONARIES: usize = 256;
/// Rows of points that are gathered before they are written.
const POINTS_AT_ONCE: usize = 1 << 16;

/// The columns beside those that every run has.
#[derive(Default)]
pub(super) struct Keys {
    metrics: BTreeSet<String>,
    params: BTreeSet<String>,
    tags: BTreeSet<String>,
}

impl Keys {
    pub(super) fn add(&mut self, run: &Run) {
        let add = |keys: &mut BTreeSet<String>, key: &String| {
            if !keys.contains(key) {
                keys.insert(key.clone());
            }
        };
        run.metrics.iter().for_each(|metric| add(&mut self.metrics, &metric.key));
        run.params.keys().for_each(|key| add(&mut self.params, key));
        run.tags.keys().for_each(|key| add(&mut self.tags, key));
    }
}

#[derive(Clone, PartialEq)]
enum Cell {
    Text(Option<String>),
    /// Milliseconds since 1970.
    Time(Option<i64>),
    Number(Option<f64>),
}

impl Cell {
    /// What its text takes; a number takes no room to speak of.
    fn text_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.as_ref().map_or(0, String::len),
            Self::Time(_) | Self::Number(_) => 0,
        }
    }
}

/// The columns of a run with its cells: always the same ones in the same order.
fn cells(told: &Told, keys: &Keys) -> Vec<(String, Cell)> {
    let run = &told.run;
    let text = |value: &str| Cell::Text(Some(value.to_owned()).filter(|value| !value.is_empty()));
    let ended = run.ended_ms.zip(run.started_ms);
    let mut cells = vec![
        ("id".to_owned(), Cell::Text(Some(run.id.to_string()))),
        ("name".to_owned(), text(&run.name)),
        ("experiment".to_owned(), text(&told.group.name)),
        ("state".to_owned(), text(&word(&run.state))),
        ("kind".to_owned(), text(&word(&run.kind))),
        ("user".to_owned(), Cell::Text(run.user.clone())),
        ("created".to_owned(), Cell::Time(Some(run.created_ms))),
        // As the run table has it.
        ("started".to_owned(), Cell::Time(Some(run.began_ms()))),
        ("ended".to_owned(), Cell::Time(run.ended_ms)),
        ("seconds".to_owned(), Cell::Number(ended.map(|(end, start)| end.saturating_sub(start) as f64 / 1000.0))),
        ("commit".to_owned(), Cell::Text(run.code.as_ref().map(|code| code.commit.clone()))),
        ("notes".to_owned(), text(&run.notes)),
    ];
    let figure = |key: &String| run.metrics.iter().find(|metric| metric.key == *key).map(|metric| metric.last);
    cells.extend(keys.params.iter().map(|key| (format!("param.{key}"), Cell::Text(run.params.get(key).cloned()))));
    cells.extend(keys.metrics.iter().map(|key| (format!("metric.{key}"), Cell::Number(figure(key)))));
    cells.extend(keys.tags.iter().map(|key| (format!("tag.{key}"), Cell::Text(run.tags.get(key).cloned()))));
    cells
}

/// Points of runs, gathered.
#[derive(Default)]
struct Gathered {
    run_ids: Vec<String>,
    runs: Vec<String>,
    keys: Vec<String>,
    steps: Vec<i64>,
    times: Vec<i64>,
    values: Vec<f64>,
}

pub(super) const POINT_COLUMNS: [&str; 6] = ["run_id", "run", "key", "step", "time", "value"];

enum Out {
    Csv {
        runs: csv::Writer<BufWriter<File>>,
        points: csv::Writer<BufWriter<File>>,
        is_begun: bool,
    },
    Parquet {
        runs: Option<ArrowWriter<File>>,
        points: ArrowWriter<File>,
        rows: Vec<Vec<(String, Cell)>>,
        /// Of the texts in these rows.
        text_bytes: usize,
        gathered: Gathered,
    },
}

pub(super) struct Tables {
    folder: PathBuf,
    keys: Keys,
    id: String,
    name: String,
    out: Out,
}

impl Tables {
    pub(super) fn csv(folder: &Path, keys: Keys) -> anyhow::Result<Self> {
        let open = |name: &str| create(folder, name).map(|file| csv::Writer::from_writer(BufWriter::new(file)));
        let mut points = open("points.csv")?;
        points.write_record(POINT_COLUMNS).context("write points.csv")?;
        Ok(Self::new(folder, keys, Out::Csv { runs: open("runs.csv")?, points, is_begun: false }))
    }

    pub(super) fn parquet(folder: &Path, keys: Keys) -> anyhow::Result<Self> {
        let points = writer(create(folder, "points.parquet")?, point_schema())?;
        let (rows, gathered) = (Vec::new(), Gathered::default());
        Ok(Self::new(folder, keys, Out::Parquet { runs: None, points, rows, text_bytes: 0, gathered }))
    }

    fn new(folder: &Path, keys: Keys, out: Out) -> Self {
        Self { folder: folder.to_path_buf(), keys, id: String::new(), name: String::new(), out }
    }
}

impl Form for Tables {
    fn begin(&mut self, told: &Told, _: &mut Left) -> anyhow::Result<()> {
        self.id = told.run.id.to_string();
        self.name.clone_from(&told.run.name);
        let cells = cells(told, &self.keys);
        match &mut self.out {
            Out::Csv { runs, is_begun, .. } => {
                if !std::mem::replace(is_begun, true) {
                    runs.write_record(cells.iter().map(|(name, _)| name)).context("write runs.csv")?;
                }
                runs.write_record(cells.into_iter().map(|(_, cell)| shown(cell))).context("write runs.csv")
            }
            Out::Parquet { runs, rows, text_bytes, .. } => {
                let most = rows_at_once(cells.len());
                *text_bytes += cells.iter().map(|(_, cell)| cell.text_bytes()).sum::<usize>();
                rows.push(cells);
                if rows.len() < most && *text_bytes < PART_BYTES {
                    return Ok(());
                }
                *text_bytes = 0;
                write_runs(&self.folder, runs, rows)
            }
        }
    }

    fn points(&mut self, key: &str, points: &[Point], _: &mut Left) -> anyhow::Result<()> {
        match &mut self.out {
            Out::Csv { points: out, .. } => {
                for point in points {
                    let (step, time, value) = (point.step.to_string(), moment(point.time_ms), number(point.value));
                    let row = [&self.id, &self.name, key, &step, &time, &*value];
                    out.write_record(row).context("write points.csv")?;
                }
                Ok(())
            }
            Out::Parquet { points: out, gathered, .. } => {
                let names = || std::iter::repeat_n((), points.len());
                gathered.run_ids.extend(names().map(|()| self.id.clone()));
                gathered.runs.extend(names().map(|()| self.name.clone()));
                gathered.keys.extend(names().map(|()| key.to_owned()));
                gathered.steps.extend(points.iter().map(|point| point.step));
                gathered.times.extend(points.iter().map(|point| point.time_ms));
                gathered.values.extend(points.iter().map(|point| point.value));
                if gathered.values.len() >= POINTS_AT_ONCE { write_points(out, gathered) } else { Ok(()) }
            }
        }
    }

    fn artifact(&self, _: &str) -> Option<PathBuf> {
        None
    }

    fn end(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        match self.out {
            Out::Csv { mut runs, mut points, .. } => {
                runs.flush().context("write runs.csv")?;
                points.flush().context("write points.csv")
            }
            Out::Parquet { mut runs, mut points, mut rows, mut gathered, .. } => {
                write_runs(&self.folder, &mut runs, &mut rows)?;
                write_points(&mut points, &mut gathered)?;
                points.close().context("write points.parquet")?;
                runs.map_or(Ok(()), |runs| runs.close().map(drop)).context("write runs.parquet")
            }
        }
    }
}

const fn rows_at_once(columns: usize) -> usize {
    match CELLS_AT_ONCE.checked_div(columns) {
        Some(rows @ 1..=RUNS_AT_ONCE) => rows,
        Some(0) => 1,
        _ => RUNS_AT_ONCE,
    }
}

fn create(folder: &Path, name: &str) -> anyhow::Result<File> {
    let path = folder.join(name);
    File::create_new(&path).with_context(|| format!("write {}", path.display()))
}

fn writer(file: File, schema: SchemaRef) -> anyhow::Result<ArrowWriter<File>> {
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let has_dictionaries = schema.fields().len() <= DICTIONARIES;
    let properties = WriterProperties::builder().set_compression(zstd).set_dictionary_enabled(has_dictionaries).build();
    ArrowWriter::try_new(file, schema, Some(properties)).context("begin a Parquet file")
}

fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()))
}

fn point_schema() -> SchemaRef {
    let kinds = [DataType::Utf8, DataType::Utf8, DataType::Utf8, DataType::Int64, time_type(), DataType::Float64];
    let fields = POINT_COLUMNS.iter().zip(kinds).map(|(name, kind)| Field::new(*name, kind, false));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn write_points(out: &mut ArrowWriter<File>, gathered: &mut Gathered) -> anyhow::Result<()> {
    let Gathered { run_ids, runs, keys, steps, times, values } = std::mem::take(gathered);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(run_ids)),
        Arc::new(StringArray::from(runs)),
        Arc::new(StringArray::from(keys)),
        Arc::new(Int64Array::from(steps)),
        Arc::new(TimestampMillisecondArray::from(times).with_timezone("UTC")),
        Arc::new(Float64Array::from(values)),
    ];
    let batch = RecordBatch::try_new(point_schema(), columns).context("make rows of points")?;
    out.write(&batch).context("write points.parquet")
}

fn write_runs(
    folder: &Path,
    out: &mut Option<ArrowWriter<File>>,
    rows: &mut Vec<Vec<(String, Cell)>>,
) -> anyhow::Result<()> {
    let rows = std::mem::take(rows);
    let Some(first) = rows.first() else { return Ok(()) };
    let field = |(name, cell): &(String, Cell)| {
        let kind = match cell {
            Cell::Text(_) => DataType::Utf8,
            Cell::Time(_) => time_type(),
            Cell::Number(_) => DataType::Float64,
        };
        Field::new(name.clone(), kind, true)
    };
    let schema: SchemaRef = Arc::new(Schema::new(first.iter().map(field).collect::<Vec<_>>()));
    let column = |at: usize| -> ArrayRef {
        let cells = rows.iter().filter_map(|row| row.get(at)).map(|(_, cell)| cell);
        match &first[at].1 {
            Cell::Text(_) => Arc::new(StringArray::from_iter(cells.map(|cell| match cell {
                Cell::Text(text) => text.as_deref(),
                _ => None,
            }))),
            Cell::Time(_) => Arc::new(
                TimestampMillisecondArray::from_iter(cells.map(|cell| match cell {
                    Cell::Time(time) => *time,
                    _ => None,
                }))
                .with_timezone("UTC"),
            ),
            Cell::Number(_) => Arc::new(Float64Array::from_iter(cells.map(|cell| match cell {
                Cell::Number(number) => *number,
                _ => None,
            }))),
        }
    };
    let columns = (0..first.len()).map(column).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).context("make rows of runs")?;
    let out = match out {
        Some(out) => out,
        None => out.insert(writer(create(folder, "runs.parquet")?, schema)?),
    };
    out.write(&batch).context("write runs.parquet")?;
    if out.memory_size() >= PART_BYTES { out.flush().context("write runs.parquet") } else { Ok(()) }
}

fn shown(cell: Cell) -> String {
    match cell {
        Cell::Text(text) => text.unwrap_or_default(),
        Cell::Time(time) => time.map(moment).unwrap_or_default(),
        Cell::Number(value) => value.map(|value| number(value).into_owned()).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use api::{ExperimentId, RunId, run::RunKind};
    use store::run::RunRow;

    use super::*;

    /// The most cells, bytes of texts and bytes of the file's next part that were held at once while runs with such
    /// notes were written beside so many metrics.
    fn held(metrics: usize, runs: u8, note: usize) -> (usize, usize, usize) {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys { metrics: (0..metrics).map(|key| format!("m{key}")).collect(), ..Keys::default() };
        let mut tables = Tables::parquet(folder.path(), keys).unwrap();
        let mut most: (usize, usize, usize) = (0, 0, 0);
        for at in 0..runs {
            let experiment = (ExperimentId::from_bytes([1; 16]), None);
            let row = RunRow::new(RunId::from_bytes([at; 16]), experiment, "run".to_owned(), RunKind::Client, 0);
            let run = Run { notes: "x".repeat(note), ..row.run };
            let told = Told { run, group: Default::default(), inputs: Vec::new(), models: Default::default() };
            tables.begin(&told, &mut Left::default()).unwrap();
            let Out::Parquet { runs, rows, .. } = &tables.out else { panic!("no Parquet") };
            let cells = || rows.iter().flatten().map(|(_, cell)| cell);
            let part = runs.as_ref().map_or(0, ArrowWriter::memory_size);
            most.0 = most.0.max(cells().count());
            most.1 = most.1.max(cells().map(Cell::text_bytes).sum());
            most.2 = most.2.max(part);
        }
        Box::new(tables).finish().unwrap();
        most
    }

    #[test]
    fn however_many_keys_and_long_texts_runs_have_no_more_of_them_is_held_than_fits() {
        let (cells, _, part) = held(20_000, 30, 0);
        assert!(cells > 0 && cells <= CELLS_AT_ONCE && part <= PART_BYTES, "{cells} cells, {part} bytes");
        // As many runs as a batch may have would be more than that.
        let (_, texts, part) = held(10, 20, 8 << 20);
        assert!(texts > 0 && texts < PART_BYTES && part <= PART_BYTES, "{texts} and {part} bytes");
    }

    #[test]
    fn of_runs_with_many_keys_fewer_are_held_at_once() {
        for (columns, rows) in [(0, 512), (12, 512), (1 << 9, 512), (1 << 10, 256), (20_000, 13), (1 << 20, 1)] {
            assert_eq!(rows_at_once(columns), rows, "{columns}");
        }
    }
}
