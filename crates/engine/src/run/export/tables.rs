//! Runs as two tables: a row a run, and a row a point.

mod columns;

use std::{
    collections::BTreeMap,
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
    file::properties::{EnabledStatistics, WriterProperties},
};

use super::{Form, Left, Told};
use crate::run::{
    board::{moment, number},
    start::word,
};
use columns::{Cell, Columns, Kind};

/// Columns of a table that has dictionaries, each of which takes 70 kB before there is anything in it, and an index of its pages,
/// which is held until the file ends.
const FEW_COLUMNS: usize = 256;
/// Rows of points that are gathered before they are written.
const POINTS_AT_ONCE: usize = 1 << 16;

/// The columns that every run has.
const COLUMNS: [(&str, Kind); 12] = [
    ("id", Kind::Text),
    ("name", Kind::Text),
    ("experiment", Kind::Text),
    ("state", Kind::Text),
    ("kind", Kind::Text),
    ("user", Kind::Text),
    ("created", Kind::Time),
    ("started", Kind::Time),
    ("ended", Kind::Time),
    ("seconds", Kind::Number),
    ("commit", Kind::Text),
    ("notes", Kind::Text),
];

/// Keys, each with the place of its column.
type Places = BTreeMap<String, usize>;

/// The columns beside those that every run has.
#[derive(Default)]
pub(super) struct Keys {
    metrics: Places,
    params: Places,
    tags: Places,
}

impl Keys {
    pub(super) fn add(&mut self, run: &Run) {
        let add = |keys: &mut Places, key: &String| {
            if !keys.contains_key(key) {
                keys.insert(key.clone(), 0);
            }
        };
        run.metrics.iter().for_each(|metric| add(&mut self.metrics, &metric.key));
        run.params.keys().for_each(|key| add(&mut self.params, key));
        run.tags.keys().for_each(|key| add(&mut self.tags, key));
    }

    /// Once all are known.
    fn placed(mut self) -> Self {
        let all = self.params.values_mut().chain(self.metrics.values_mut()).chain(self.tags.values_mut());
        all.zip(COLUMNS.len()..).for_each(|(place, at)| *place = at);
        self
    }

    fn count(&self) -> usize {
        COLUMNS.len() + self.params.len() + self.metrics.len() + self.tags.len()
    }

    /// All columns, in their order.
    fn columns(&self) -> impl Iterator<Item = (String, Kind)> {
        let fixed = COLUMNS.into_iter().map(|(name, kind)| (name.to_owned(), kind));
        let params = named("param", &self.params, Kind::Text);
        let metrics = named("metric", &self.metrics, Kind::Number);
        fixed.chain(params).chain(metrics).chain(named("tag", &self.tags, Kind::Text))
    }
}

fn named(what: &'static str, keys: &Places, kind: Kind) -> impl Iterator<Item = (String, Kind)> {
    keys.keys().map(move |key| (format!("{what}.{key}"), kind))
}

/// What a run has, each with the place of its column.
fn cells(told: &Told, keys: &Keys) -> Vec<(usize, Cell)> {
    let run = &told.run;
    let text = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty()).map(Cell::Text);
    let ended = run.ended_ms.zip(run.started_ms);
    let fixed: [Option<Cell>; COLUMNS.len()] = [
        Some(Cell::Text(run.id.to_string())),
        text(&run.name),
        text(&told.group.name),
        text(&word(&run.state)),
        text(&word(&run.kind)),
        run.user.clone().map(Cell::Text),
        Some(Cell::Time(run.created_ms)),
        // As the run table has it.
        Some(Cell::Time(run.began_ms())),
        run.ended_ms.map(Cell::Time),
        ended.map(|(end, start)| Cell::Number(end.saturating_sub(start) as f64 / 1000.0)),
        run.code.as_ref().map(|code| Cell::Text(code.commit.clone())),
        text(&run.notes),
    ];
    let fixed = fixed.into_iter().enumerate().filter_map(|(at, cell)| Some((at, cell?)));
    // What came since the columns were looked for has none.
    let of = |places: &Places, key: &String, cell: Cell| places.get(key).map(|place| (*place, cell));
    let texts = |(key, value): (&String, &String), places: &Places| of(places, key, Cell::Text(value.clone()));
    let params = run.params.iter().filter_map(|pair| texts(pair, &keys.params));
    let metrics = run.metrics.iter().filter_map(|metric| of(&keys.metrics, &metric.key, Cell::Number(metric.last)));
    let tags = run.tags.iter().filter_map(|pair| texts(pair, &keys.tags));
    fixed.chain(params).chain(metrics).chain(tags).collect()
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
    Csv { runs: csv::Writer<BufWriter<File>>, points: csv::Writer<BufWriter<File>> },
    Parquet { runs: Columns, points: ArrowWriter<File>, gathered: Gathered },
}

pub(super) struct Tables {
    keys: Keys,
    id: String,
    name: String,
    out: Out,
}

impl Tables {
    pub(super) fn csv(folder: &Path, keys: Keys) -> anyhow::Result<Self> {
        let keys = keys.placed();
        let open = |name: &str| create(folder, name).map(|file| csv::Writer::from_writer(BufWriter::new(file)));
        let (mut runs, mut points) = (open("runs.csv")?, open("points.csv")?);
        runs.write_record(keys.columns().map(|(name, _)| name)).context("write runs.csv")?;
        points.write_record(POINT_COLUMNS).context("write points.csv")?;
        Ok(Self::new(keys, Out::Csv { runs, points }))
    }

    pub(super) fn parquet(folder: &Path, keys: Keys) -> anyhow::Result<Self> {
        let keys = keys.placed();
        let runs = Columns::begin(create(folder, "runs.parquet")?, keys.columns())?;
        let points = writer(create(folder, "points.parquet")?, point_schema())?;
        Ok(Self::new(keys, Out::Parquet { runs, points, gathered: Gathered::default() }))
    }

    fn new(keys: Keys, out: Out) -> Self {
        Self { keys, id: String::new(), name: String::new(), out }
    }
}

impl Form for Tables {
    fn begin(&mut self, told: &Told, _: &mut Left) -> anyhow::Result<()> {
        self.id = told.run.id.to_string();
        self.name.clone_from(&told.run.name);
        let cells = cells(told, &self.keys);
        match &mut self.out {
            Out::Csv { runs, .. } => {
                let mut row = vec![String::new(); self.keys.count()];
                for (place, cell) in cells {
                    row[place] = shown(cell);
                }
                runs.write_record(row).context("write runs.csv")
            }
            Out::Parquet { runs, .. } => runs.push(cells.into_iter()),
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
            Out::Csv { mut runs, mut points } => {
                runs.flush().context("write runs.csv")?;
                points.flush().context("write points.csv")
            }
            Out::Parquet { runs, mut points, mut gathered } => {
                runs.finish()?;
                write_points(&mut points, &mut gathered)?;
                points.close().map(drop).context("write points.parquet")
            }
        }
    }
}

fn create(folder: &Path, name: &str) -> anyhow::Result<File> {
    let path = folder.join(name);
    File::create_new(&path).with_context(|| format!("write {}", path.display()))
}

fn writer(file: File, schema: SchemaRef) -> anyhow::Result<ArrowWriter<File>> {
    let builder = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
    let properties = if schema.fields().len() <= FEW_COLUMNS {
        builder
    } else {
        let builder = builder.set_dictionary_enabled(false).set_statistics_enabled(EnabledStatistics::Chunk);
        builder.set_offset_index_disabled(true)
    };
    ArrowWriter::try_new(file, schema, Some(properties.build())).context("begin a Parquet file")
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

fn shown(cell: Cell) -> String {
    match cell {
        Cell::Text(text) => text,
        Cell::Time(time) => moment(time),
        Cell::Number(value) => number(value).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use api::{
        ExperimentId, RunId,
        run::{MetricSummary, RunKind},
    };
    use store::run::RunRow;

    use super::{columns::PART_BYTES, *};

    /// A run with such notes and so many metrics.
    fn told(number: u8, note: usize, metrics: usize) -> Told {
        let experiment = (ExperimentId::from_bytes([1; 16]), None);
        let row = RunRow::new(RunId::from_bytes([number; 16]), experiment, "run".to_owned(), RunKind::Client, 0);
        let metric = |at: usize| MetricSummary {
            key: format!("m{at}"),
            count: 0,
            step: 0,
            last: at as f64,
            min: at as f64,
            max: at as f64,
            time_ms: 0,
            kept: None,
        };
        let run = Run { notes: "x".repeat(note), metrics: (0..metrics).map(metric).collect(), ..row.run };
        Told { run, group: Default::default(), inputs: Vec::new(), models: Default::default() }
    }

    /// Tables in a folder with a column for each of so many metrics.
    fn tables(folder: &Path, metrics: usize) -> Tables {
        let metrics = (0..metrics).map(|key| (format!("m{key}"), 0)).collect();
        Tables::parquet(folder, Keys { metrics, ..Keys::default() }).unwrap()
    }

    #[test]
    fn however_long_the_texts_that_runs_have_no_more_of_them_is_held_than_fits() {
        let folder = tempfile::tempdir().unwrap();
        let (mut tables, mut most) = (tables(folder.path(), 10), 0);
        for number in 0..20 {
            tables.begin(&told(number, 8 << 20, 0), &mut Left::default()).unwrap();
            let Out::Parquet { runs, .. } = &tables.out else { panic!("no Parquet") };
            most = most.max(runs.held_bytes);
        }
        assert!(most > 0 && most < PART_BYTES, "{most} bytes");
        Box::new(tables).finish().unwrap();
    }

    #[test]
    fn what_every_run_has_stands_before_its_keys() {
        let mut keys = Keys::default();
        let mut run = told(1, 3, 2).run;
        run.params.insert("lr".to_owned(), "0.1".to_owned());
        run.tags.insert("a".to_owned(), String::new());
        keys.add(&run);
        let keys = keys.placed();
        let names: Vec<String> = keys.columns().map(|(name, _)| name).collect();
        assert_eq!(names[COLUMNS.len() - 1..], ["notes", "param.lr", "metric.m0", "metric.m1", "tag.a"]);
        assert_eq!(names.len(), keys.count());
        let told = Told { run, ..told(1, 0, 0) };
        let has = |name: &str, what: &str| {
            let at = names.iter().position(|one| one == name).unwrap();
            let found = cells(&told, &keys).into_iter().find(|(place, _)| *place == at);
            assert_eq!(found.map(|(_, cell)| shown(cell)).as_deref(), Some(what), "{name}");
        };
        [("name", "run"), ("notes", "xxx"), ("param.lr", "0.1"), ("metric.m1", "1.0"), ("tag.a", "")]
            .into_iter()
            .for_each(|(name, what)| has(name, what));
    }

    /// Says to the test that it is alone in its process: what others hold there would count.
    #[cfg(target_os = "linux")]
    const ALONE: &str = "SLIPWAY_TEST_ALONE";

    /// It was 1 GB while all columns of a part were begun at once.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_column_for_each_of_fifty_thousand_keys_takes_little_memory() {
        let name = "run::export::tables::tests::a_column_for_each_of_fifty_thousand_keys_takes_little_memory";
        if std::env::var_os(ALONE).is_none() {
            let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
            let alone = alone.args(["--exact", name]).env(ALONE, "1").output().unwrap();
            let said = String::from_utf8_lossy(&alone.stdout);
            assert!(alone.status.success(), "{said}{}", String::from_utf8_lossy(&alone.stderr));
            assert!(said.contains("1 passed"), "{said}");
            return;
        }
        let peak_kib = || -> usize {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
            peak.trim().trim_end_matches("kB").trim().parse().unwrap()
        };
        let folder = tempfile::tempdir().unwrap();
        let runs = [told(1, 0, 50_000), told(2, 0, 50_000)];
        let before = peak_kib();
        let mut tables = tables(folder.path(), 50_000);
        runs.iter().for_each(|run| tables.begin(run, &mut Left::default()).unwrap());
        Box::new(tables).finish().unwrap();
        let took = peak_kib() - before;
        assert!(took < 400 << 10, "{took} KiB");
    }
}
