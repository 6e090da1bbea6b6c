//! Runs exported, and what was written read back by other readers.

use std::{collections::BTreeMap, path::Path};

use api::{
    ErrorCode, RunId,
    export::{ExportFormat, ExportRuns},
    job::GetJobLog,
    run_table::Listing,
    series::Point,
    source::{AddSource, Kind},
    tracking::{CreateExperiment, Dataset, EditExperiment, ListExperiments, NOTE_TAG, RunInput, Scope, TrashRuns},
};
use arrow_array::{Array as _, Float64Array, StringArray, cast::AsArray as _, types::TimestampMillisecondType};
use engine::tracking::client::{self, Batch, Begin};
use foreign::{
    Found, Head, Mark, Media, Told,
    registry::{Inputs, LoggedHead, ModelHead},
};

use crate::{
    sources::{copy, fixture},
    stage::Stage,
};

const TIME: i64 = 1_700_000_000_000;

/// Two runs of an experiment: one with every kind of number, more points than are held at once, and an artifact.
async fn filled(stage: &Stage) -> (Listing, [RunId; 2]) {
    let experiment = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let point = |step: i64, value: f64| Point { step, time_ms: TIME + step, value };
    let mut runs = Vec::new();
    for name in ["../first: run", "second"] {
        let begin = Begin { name: Some(name.to_owned()), started_ms: Some(TIME), ..Begin::default() };
        let run = client::begin(&stage.engine, &experiment.number.to_string(), begin).await.unwrap().row.run.id;
        let odd = [0.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e-300];
        let long = (0..70_000).map(|step| point(step, step as f64 / 8.0));
        let batch = Batch {
            series: vec![
                ("train/loss".to_owned(), odd.iter().enumerate().map(|(at, value)| point(at as i64, *value)).collect()),
                ("long".to_owned(), long.take(if name == "second" { 2 } else { 70_000 }).collect()),
            ],
            params: vec![pair("lr", "0.01"), pair("größe", "klein")],
            tags: vec![pair("team", "a"), pair("odd\"key", "b")],
            of_models: Vec::new(),
        };
        client::log(&stage.engine, run, batch).await.unwrap();
        runs.push(run);
    }
    let dataset = Dataset {
        name: "rows".to_owned(),
        digest: "d1".to_owned(),
        source_type: "local".to_owned(),
        source: "{\"uri\": \"rows.csv\"}".to_owned(),
        schema: None,
        profile: None,
    };
    let tags = BTreeMap::from([pair("mlflow.data.context", "training")]);
    client::inputs(&stage.engine, runs[0], vec![RunInput { dataset, tags }], Vec::new()).await.unwrap();
    let artifacts = stage.engine.workspace().run(runs[0]).join("artifacts/plots");
    std::fs::create_dir_all(&artifacts).unwrap();
    std::fs::write(artifacts.join("roc.txt"), "a curve").unwrap();
    let list = Listing {
        of: Scope::Experiment(experiment.id),
        deleted: false,
        filter: String::new(),
        sort: Some("created".to_owned()),
        descending: false,
    };
    (list, [runs[0], runs[1]])
}

fn request(stage: &Stage, list: &Listing, format: ExportFormat, name: &str) -> ExportRuns {
    let to = stage.path(name).to_string_lossy().into_owned();
    ExportRuns { list: list.clone(), runs: Vec::new(), format, to, artifacts: true, models: true }
}

/// What a reader of ours finds there.
fn read(kind: Kind, path: &Path) -> (Vec<Head>, BTreeMap<String, Vec<Point>>) {
    let (mut heads, mut series) = (Vec::new(), BTreeMap::<String, Vec<Point>>::new());
    let reader = foreign::open(&Found { kind, path: path.to_owned() });
    reader
        .read(&Mark::default(), &mut |told| {
            match told {
                Told::Run(head) => {
                    heads.retain(|known: &Head| known.key != head.key);
                    heads.push(head);
                }
                Told::Points { run, key, points } => series.entry(format!("{run} {key}")).or_default().extend(points),
                Told::Warning { place, message } | Told::LeftOut { place, message } => panic!("{place}: {message}"),
                _ => {}
            }
            Ok(())
        })
        .unwrap();
    heads.sort_by(|one, other| one.name.cmp(&other.name));
    (heads, series)
}

/// What a file store holds beside its runs.
fn others(path: &Path) -> (Vec<Inputs>, Vec<LoggedHead>, Vec<ModelHead>) {
    let (mut inputs, mut logged, mut models) = (Vec::new(), Vec::new(), Vec::new());
    let reader = foreign::open(&Found { kind: Kind::MlflowFiles, path: path.to_owned() });
    reader
        .read(&Mark::default(), &mut |told| {
            match told {
                Told::Inputs(one) => inputs.push(one),
                Told::Logged(head) => logged.push(head),
                Told::Model(head) => models.push(head),
                _ => {}
            }
            Ok(())
        })
        .unwrap();
    (inputs, logged, models)
}

fn bits(points: &[Point]) -> Vec<(i64, i64, u64)> {
    points.iter().map(|point| (point.step, point.time_ms, point.value.to_bits())).collect()
}

#[tokio::test]
async fn a_file_store_has_every_point_tag_and_artifact() {
    let stage = Stage::new().await;
    let (list, runs) = filled(&stage).await;
    let job = stage.call(request(&stage, &list, ExportFormat::Mlflow, "out")).await;
    let job = stage.done(job).await;
    assert!(job.message.contains("2 runs in") && job.message.contains("2 things were left out"), "{}", job.message);
    let (heads, series) = read(Kind::MlflowFiles, &stage.path("out"));
    let (inputs, ..) = others(&stage.path("out"));
    let [input] = &inputs[0].datasets[..] else { panic!("{inputs:?}") };
    assert_eq!((&*input.dataset.name, &*input.dataset.digest, input.context()), ("rows", "d1", Some("training")));
    assert_eq!(heads.iter().map(|head| head.name.as_str()).collect::<Vec<_>>(), ["../first: run", "second"]);
    let first = &heads[0];
    assert_eq!((first.id, first.group.as_str(), first.created_ms), (Some(*runs[0].as_bytes()), "sweep", TIME));
    assert_eq!(first.params.len(), 2, "{:?}", first.params);
    let tag = |key: &str| first.tags.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    assert_eq!((tag("team"), tag("odd\"key")), (Some("a"), None));
    let read = |key: &str| bits(&series[&format!("{} {key}", first.key)]);
    let whole = |key: &'static str| {
        let (engine, run) = (stage.engine.clone(), runs[0]);
        async move {
            let points = engine.store().read(move |c| {
                let (number, count) = store::metric::find(c, run, key)?.unwrap();
                store::points::raw_points(c, number, 0, count)
            });
            bits(&points.await.unwrap())
        }
    };
    assert_eq!(read("train/loss"), whole("train/loss").await);
    assert_eq!((read("long").len(), read("long")), (70_000, whole("long").await));
    let artifacts = first.artifacts.clone().unwrap();
    assert_eq!(std::fs::read_to_string(artifacts.join("plots/roc.txt")).unwrap(), "a curve");
    let meta = std::fs::read_to_string(artifacts.parent().unwrap().join("meta.yaml")).unwrap();
    assert!(meta.contains("/out/1/") && !meta.contains(".half-"), "its places are those it was moved to: {meta}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_experiment_comes_back_with_its_note_tags_and_age() {
    let (stage, other) = (Stage::new().await, Stage::new().await);
    let (list, _) = filled(&stage).await;
    let Scope::Experiment(experiment) = list.of else { panic!("{list:?}") };
    let notes = Some("Why *this* sweep.".to_owned());
    stage.call(EditExperiment { notes, ..EditExperiment::of(experiment) }).await;
    let written = stage.engine.store().write(move |tx| {
        store::experiment::put_created(tx, experiment, TIME)?;
        store::experiment::put_tag(tx, experiment, "team", "a")?;
        store::experiment::put_tag(tx, experiment, "odd\"key", "b")
    });
    written.await.unwrap();
    let job = stage.call(request(&stage, &list, ExportFormat::Mlflow, "out")).await;
    let job = stage.done(job).await;
    let log = stage.call(GetJobLog { job: job.id }).await;
    assert!(log.contains(&"sweep: MLflow takes no tag named \"odd\"key\".".to_owned()), "{log:?}");

    let path = stage.path("out").to_string_lossy().into_owned();
    let job = other.call(AddSource { path, kind: None, project: None, once: true }).await;
    other.done(job).await;
    let experiments = other.call(ListExperiments::default()).await;
    let sweep = experiments.iter().find(|one| one.name == "sweep").unwrap();
    let tag = |key: &str| sweep.tags.get(key).map(String::as_str);
    assert_eq!((tag(NOTE_TAG), tag("team"), sweep.tags.len()), (Some("Why *this* sweep."), Some("a"), 2));
    assert_eq!(sweep.created_ms, TIME);
}

#[tokio::test]
async fn what_a_file_store_has_no_place_for_is_named_and_the_rest_is_written() {
    let stage = Stage::new().await;
    let experiment = stage.call(CreateExperiment { name: "clash".to_owned(), folder: String::new() }).await;
    let begin = Begin { name: Some("both".to_owned()), started_ms: Some(TIME), ..Begin::default() };
    let run = client::begin(&stage.engine, &experiment.number.to_string(), begin).await.unwrap().row.run.id;
    let pair = |key: &str| (key.to_owned(), "x".to_owned());
    let points = |count: i64| (0..count).map(|step| Point { step, time_ms: TIME, value: 1.0 }).collect::<Vec<_>>();
    let series = [("loss", 1), ("loss/train", 3), ("acc", 2)].map(|(key, count)| (key.to_owned(), points(count)));
    let params = ["model", "model/depth"].map(pair).to_vec();
    let tags = ["team", "team/lead"].map(pair).to_vec();
    let batch = Batch { series: series.to_vec(), params, tags, of_models: Vec::new() };
    client::log(&stage.engine, run, batch).await.unwrap();
    let folder = stage.engine.workspace().run(run);
    std::fs::create_dir_all(folder.join("artifacts")).unwrap();
    std::fs::create_dir_all(folder.join("model")).unwrap();
    std::fs::write(folder.join("artifacts/model"), "a file").unwrap();
    std::fs::write(folder.join("model/weights"), "below a folder of its name").unwrap();
    let list = Listing {
        of: Scope::Experiment(experiment.id),
        deleted: false,
        filter: String::new(),
        sort: None,
        descending: false,
    };
    let job = stage.call(request(&stage, &list, ExportFormat::Mlflow, "out")).await;
    let job = stage.done(job).await;
    assert!(job.message.contains("4 things were left out"), "{}", job.message);
    let mut log = stage.call(GetJobLog { job: job.id }).await;
    log.sort();
    let beside = |kind: &str, key: &str, other: &str| {
        format!("both: The {kind} \"{key}\" is left out: MLflow's file store can't hold it beside \"{other}\".")
    };
    let expected = [
        beside("metric", "loss", "loss/train"),
        beside("param", "model/depth", "model"),
        beside("tag", "team/lead", "team"),
        "both: a file stands where the artifact model/weights belongs.".to_owned(),
    ];
    assert_eq!(log, expected);
    let (heads, series) = read(Kind::MlflowFiles, &stage.path("out"));
    let counts: Vec<usize> = series.values().map(Vec::len).collect();
    assert_eq!((heads.len(), counts), (1, vec![2, 3]), "{:?}", series.keys());
}

#[tokio::test]
async fn event_files_have_every_point_and_the_params() {
    let stage = Stage::new().await;
    let (list, runs) = filled(&stage).await;
    let only = ExportRuns { runs: vec![runs[0]], ..request(&stage, &list, ExportFormat::Tensorboard, "out") };
    let job = stage.call(only).await;
    let job = stage.done(job).await;
    let log = stage.call(GetJobLog { job: job.id }).await;
    assert!(log.iter().any(|line| line.starts_with("Numbers are rounded")), "{log:?}");
    let (heads, series) = read(Kind::TensorBoard, &stage.path("out"));
    let [head] = &heads[..] else { panic!("{heads:?}") };
    assert_eq!(head.name, "_first_ run");
    let param = |key: &str| head.params.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    assert_eq!((param("lr"), param("größe")), (Some("0.01"), Some("klein")));
    let loss = &series[&format!("{} train/loss", head.key)];
    let values: Vec<f64> = loss.iter().map(|point| point.value).collect();
    assert!((values[0] - 0.1).abs() < 1e-8 && values[1].is_nan() && values[2] == f64::INFINITY, "{values:?}");
    assert_eq!(series[&format!("{} long", head.key)].len(), 70_000);
}

#[tokio::test]
async fn tables_have_a_row_a_run_and_a_row_a_point() {
    let stage = Stage::new().await;
    let (list, runs) = filled(&stage).await;
    let job = stage.call(request(&stage, &list, ExportFormat::Csv, "csv")).await;
    stage.done(job).await;
    let mut table = csv::Reader::from_path(stage.path("csv/runs.csv")).unwrap();
    let header = table.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    let cell = |row: usize, name: &str| rows[row][header.iter().position(|own| own == name).unwrap()].to_owned();
    assert_eq!((cell(0, "id"), cell(0, "name")), (runs[0].to_string(), "../first: run".to_owned()));
    assert_eq!((cell(1, "param.größe"), cell(1, "tag.odd\"key")), ("klein".to_owned(), "b".to_owned()));
    assert_eq!(cell(0, "metric.long"), "8749.875");
    assert_eq!(cell(0, "started"), "2023-11-14T22:13:20Z");
    let mut points = csv::Reader::from_path(stage.path("csv/points.csv")).unwrap();
    let points: Vec<csv::StringRecord> = points.records().map(Result::unwrap).collect();
    assert_eq!(points.len(), 70_000 + 2 + 6 + 6);
    let loss = points.iter().filter(|point| point[0] == runs[1].to_string() && &point[2] == "train/loss");
    let values: Vec<&str> = loss.map(|point| &point[5]).collect();
    assert_eq!(values, ["0.1", "NaN", "Infinity", "-Infinity", "-0.0", "1e-300"]);

    let job = stage.call(request(&stage, &list, ExportFormat::Parquet, "parquet")).await;
    stage.done(job).await;
    let batches = |name: &str| -> Vec<arrow_array::RecordBatch> {
        let file = std::fs::File::open(stage.path(name)).unwrap();
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
        reader.build().unwrap().map(Result::unwrap).collect()
    };
    let table = &batches("parquet/runs.parquet")[0];
    let text = |name: &str| table.column_by_name(name).unwrap().as_any().downcast_ref::<StringArray>().unwrap().clone();
    assert_eq!((table.num_rows(), text("param.lr").value(1)), (2, "0.01"));
    assert_eq!(table.column_by_name("started").unwrap().as_primitive::<TimestampMillisecondType>().value(0), TIME);
    let points = batches("parquet/points.parquet");
    assert_eq!(points.iter().map(arrow_array::RecordBatch::num_rows).sum::<usize>(), 70_000 + 2 + 6 + 6);
    let values =
        |batch: &arrow_array::RecordBatch| batch["value"].as_any().downcast_ref::<Float64Array>().unwrap().clone();
    assert_eq!(
        points.iter().map(|batch| values(batch).iter().flatten().filter(|value| value.is_nan()).count()).sum::<usize>(),
        2
    );
}

#[tokio::test]
async fn nothing_is_replaced_and_nothing_half_written_stays() {
    let stage = Stage::new().await;
    let (list, runs) = filled(&stage).await;
    let code = async |request: ExportRuns| stage.try_call(request).await.unwrap_err().code;
    stage.write("there/precious.txt", "kept");
    assert_eq!(code(request(&stage, &list, ExportFormat::Csv, "there")).await, ErrorCode::Conflict);
    assert_eq!(code(request(&stage, &list, ExportFormat::Csv, "there/precious.txt")).await, ErrorCode::Conflict);
    assert_eq!(code(request(&stage, &list, ExportFormat::Csv, "nowhere/out")).await, ErrorCode::NotFound);
    let relative = ExportRuns { to: "out".to_owned(), ..request(&stage, &list, ExportFormat::Csv, "out") };
    assert_eq!(code(relative).await, ErrorCode::Invalid);
    let none = Listing { filter: "name = 'nobody'".to_owned(), ..list.clone() };
    assert_eq!(code(request(&stage, &none, ExportFormat::Csv, "out")).await, ErrorCode::NotFound);
    stage.call(TrashRuns { runs: vec![runs[1]] }).await;
    let gone = ExportRuns { runs: vec![runs[1]], ..request(&stage, &list, ExportFormat::Csv, "out") };
    assert_eq!(code(gone).await, ErrorCode::NotFound);
    // Deleted runs are exported as such where they are asked for.
    let deleted = Listing { deleted: true, ..list.clone() };
    std::fs::create_dir(stage.path("out")).unwrap();
    let job = stage.call(request(&stage, &deleted, ExportFormat::Mlflow, "out")).await;
    stage.done(job).await;
    let (heads, _) = read(Kind::MlflowFiles, &stage.path("out"));
    let [head] = &heads[..] else { panic!("{heads:?}") };
    assert!(head.tags.iter().any(|(key, value)| key == "mlflow.lifecycle_stage" && value == "deleted"));
    // An artifact that leads out of the run's folder stays where it is.
    #[cfg(unix)]
    {
        let outside = stage.write("outside.txt", "a secret");
        let own = stage.engine.workspace().run(runs[0]).join("artifacts");
        std::os::unix::fs::symlink(&outside, own.join("link.txt")).unwrap();
        let job = stage.call(request(&stage, &list, ExportFormat::Mlflow, "linked")).await;
        stage.done(job).await;
        let (heads, _) = read(Kind::MlflowFiles, &stage.path("linked"));
        assert!(!heads[0].artifacts.clone().unwrap().join("link.txt").exists());
    }
    assert_eq!(std::fs::read_to_string(stage.path("there/precious.txt")).unwrap(), "kept");
    let halves = std::fs::read_dir(stage.path("")).unwrap();
    let halves = halves.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".half"));
    assert_eq!(halves.count(), 0);
}

/// The runs of an experiment that was imported, with the recorded models of MLflow's file store.
async fn imported(stage: &Stage) -> Listing {
    let folder = stage.path("mlruns");
    copy(&fixture("foreign/tests/fixtures/mlruns-models"), &folder);
    let path = folder.to_string_lossy().into_owned();
    let job = stage.call(AddSource { path, kind: None, project: None, once: true }).await;
    stage.done(job).await;
    let experiments = stage.call(ListExperiments::default()).await;
    let of = Scope::Experiment(experiments.iter().find(|one| one.name == "churn").unwrap().id);
    Listing { of, deleted: false, filter: String::new(), sort: Some("created".to_owned()), descending: false }
}

#[tokio::test(flavor = "multi_thread")]
async fn logged_models_and_the_versions_of_them_are_exported() {
    let stage = Stage::new().await;
    let list = imported(&stage).await;
    let job = stage.call(request(&stage, &list, ExportFormat::Mlflow, "out")).await;
    let job = stage.done(job).await;
    assert!(!job.message.contains("left out"), "{}", job.message);
    let (inputs, logged, models) = others(&stage.path("out"));
    let (_, before, registered) = others(&stage.path("mlruns"));
    let id = |key: &Option<String>| key.as_ref().map(|key| key.rsplit('/').next().unwrap().to_owned());
    let told = |heads: &[LoggedHead]| {
        let mut heads: Vec<LoggedHead> = heads.to_vec();
        heads.sort_by(|one, other| one.name.cmp(&other.name));
        for head in &mut heads {
            (head.run, head.files) = (id(&head.run), None);
            head.figures.iter_mut().for_each(|figure| figure.run = id(&Some(figure.run.clone())).unwrap());
        }
        heads
    };
    assert_eq!(told(&logged), told(&before));
    let forest = logged.iter().find(|head| head.name == "forest").unwrap();
    let file = forest.files.as_ref().unwrap().join("data/forest.bin");
    assert!(file.starts_with(stage.path("out")));
    assert_eq!(std::fs::read_to_string(file).unwrap(), "a forest");
    let mut edges: Vec<_> = inputs.iter().flat_map(|inputs| inputs.models.clone()).collect();
    edges.sort();
    assert_eq!(edges, [(forest.id.clone(), None), (forest.id.clone(), Some(2))]);

    let [model] = &models[..] else { panic!("{models:?}") };
    let before = registered.iter().find(|model| model.name == "churn-model").unwrap();
    assert_eq!((&model.name, &model.notes, &model.tags), (&before.name, &before.notes, &before.tags));
    // The third points to no run.
    let [one, two] = &model.versions[..] else { panic!("{model:?}") };
    for (version, before) in [one, two].into_iter().zip(&before.versions) {
        assert_eq!((version.number, version.stage, &version.notes), (before.number, before.stage, &before.notes));
        assert_eq!((&version.tags, &version.aliases, &version.logged), (&before.tags, &before.aliases, &before.logged));
        assert_eq!(id(&version.run), id(&before.run));
        assert!(version.files.as_ref().is_some_and(|files| files.starts_with(stage.path("out")) && files.is_dir()));
    }
    assert_eq!(two.source, format!("models:/{}", forest.id));
    assert!(one.source.starts_with("file:") && one.source.ends_with("/artifacts/weights"), "{}", one.source);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_some_runs_only_what_is_theirs_is_exported_and_versions_on_request() {
    let stage = Stage::new().await;
    let list = imported(&stage).await;
    let without =
        ExportRuns { models: false, artifacts: false, ..request(&stage, &list, ExportFormat::Mlflow, "bare") };
    let job = stage.call(without).await;
    stage.done(job).await;
    let (_, logged, models) = others(&stage.path("bare"));
    assert_eq!((logged.len(), models), (2, vec![]));
    assert!(logged.iter().all(|head| head.files.is_none()), "{logged:?}");

    let filter = "name = 'second'".to_owned();
    let second = Listing { filter, ..list };
    let job = stage.call(request(&stage, &second, ExportFormat::Mlflow, "second")).await;
    stage.done(job).await;
    let (_, logged, models) = others(&stage.path("second"));
    // The one that it was given goes along.
    assert_eq!(logged.len(), 2);
    let numbers: Vec<u32> = models.iter().flat_map(|model| &model.versions).map(|version| version.number).collect();
    assert_eq!(numbers, [2]);
}

fn bytes(artifacts: &Path, path: &str) -> Vec<u8> {
    std::fs::read(artifacts.join(path)).unwrap()
}

/// A medium of TensorBoard's event files: run, key, step, time.
type Seen = (String, String, i64, i64, Media);

/// The media of TensorBoard's event files.
fn media(path: &Path) -> Vec<Seen> {
    let mut found = Vec::new();
    let reader = foreign::open(&Found { kind: Kind::TensorBoard, path: path.to_owned() });
    reader
        .read(&Mark::default(), &mut |told| {
            if let Told::Media { run, key, step, time_ms, media, .. } = told {
                found.push((run.replace('/', "_"), key, step, time_ms, media));
            }
            Ok(())
        })
        .unwrap();
    found.sort_by(|one, other| (&one.0, &one.1, one.2).cmp(&(&other.0, &other.1, other.2)));
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn media_of_a_log_go_along_where_they_have_a_place_and_others_are_counted() {
    let stage = Stage::new().await;
    let folder = stage.path("tensorboard");
    copy(&fixture("foreign/tests/fixtures/tensorboard"), &folder);
    let path = folder.join("runs").to_string_lossy().into_owned();
    let job = stage.call(AddSource { path, kind: None, project: None, once: true }).await;
    stage.done(job).await;
    let experiments = stage.call(ListExperiments::default()).await;
    let of = Scope::Experiment(experiments.iter().find(|one| one.name == "runs").unwrap().id);
    let list =
        Listing { of, deleted: false, filter: String::new(), sort: Some("created".to_owned()), descending: false };
    let export = async |format, name: &str, artifacts| {
        let job = stage.call(ExportRuns { artifacts, ..request(&stage, &list, format, name) }).await;
        let job = stage.done(job).await;
        let mut log = stage.call(GetJobLog { job: job.id }).await;
        log.sort();
        (job.message, log)
    };
    let mut before = media(&folder.join("runs"));

    // What is no picture by its bytes has no size, by which TensorBoard draws it; and every sound there is a WAV.
    let (message, log) = export(ExportFormat::Tensorboard, "events", false).await;
    assert!(message.ends_with("2 things were left out or changed, which the job's log names"), "{message}");
    let place = "in the event files that are written here";
    assert_eq!(
        log,
        [
            format!("new: 1 medium of its log has no place {place}: 1 sound."),
            "new: 2 media of its log can't be read any more, or can't be shown.".to_owned(),
        ]
    );
    before.retain(|(_, key, ..)| !["shot/0", "shot/1", "sound"].contains(&key.as_str()));
    assert_eq!(media(&stage.path("events")), before);
    let keys: Vec<&str> = before.iter().map(|(_, key, ..)| key.as_str()).collect();
    assert_eq!(keys, ["spread", "words", "note/text_summary", "picture", "weights"]);

    let (_, log) = export(ExportFormat::Mlflow, "store", true).await;
    assert_eq!(log, ["new: 1 medium of its log can't be read any more, or can't be shown."]);
    let (heads, _) = read(Kind::MlflowFiles, &stage.path("store"));
    let artifact = |at: usize, path: &str| {
        String::from_utf8_lossy(&bytes(heads[at].artifacts.as_ref().unwrap(), path)).into_owned()
    };
    let Media::Image(picture) = &before[3].4 else { panic!("{:?}", before[3]) };
    assert_eq!(&bytes(heads[1].artifacts.as_ref().unwrap(), "images/picture/step_3.png"), picture);
    assert_eq!(bytes(heads[0].artifacts.as_ref().unwrap(), "images/shot/1/step_1.png"), b"\x89PNG two");
    assert_eq!(artifact(0, "texts/words/step_2.txt"), "said");
    assert_eq!(artifact(1, "texts/note/text_summary/step_3.txt"), "hello *there*");
    let spread = artifact(0, "histograms/spread/step_1.histogram.json");
    assert_eq!(spread, r#"{"bins":[0.0,1.0,2.0],"counts":[3.0,4.0]}"#);
    assert!(artifact(1, "histograms/weights/step_3.histogram.json").starts_with("{\"bins\":["));
    // They are artifacts there, and so not written where these are not wanted.
    assert_eq!(export(ExportFormat::Mlflow, "bare", false).await.1, [""; 0]);

    let (_, log) = export(ExportFormat::Csv, "tables", false).await;
    let counted = "1 picture, 1 text, 1 histogram";
    assert_eq!(log[1], format!("old/train: 3 media of its log have no place in a table of metrics: {counted}."));

    // A log that went is said, and the rest is written.
    std::fs::remove_dir_all(&folder).unwrap();
    let (_, log) = export(ExportFormat::Tensorboard, "late", false).await;
    let gone =
        |run: &str, count: u32| format!("{run}: {count} media of its log can't be read any more, or can't be shown.");
    assert_eq!(log, [gone("new", 5), gone("old/train", 3)]);
}

/// A run of a client with media by step among its artifacts, and what no form but a file store takes.
async fn with_media(stage: &Stage) -> (Listing, Vec<u8>) {
    let (list, runs) = filled(stage).await;
    let mut picture = Vec::new();
    let encoded = image::RgbImage::new(2, 3).write_to(&mut std::io::Cursor::new(&mut picture), image::ImageFormat::Png);
    encoded.unwrap();
    let artifacts = stage.engine.workspace().run(runs[0]).join("artifacts");
    let logged = format!("images/seen~at+step+7+timestamp+{TIME}+0a1b");
    let files: [(&str, &[u8]); 9] = [
        ("samples/step_12.png", &picture),
        (&format!("{logged}.png"), &picture),
        (&format!("{logged}+compressed.webp"), b"RIFF\0\0\0\0WEBP"),
        ("sounds/beep/step_2.wav", b"RIFF\0\0\0\0WAVEfmt "),
        ("sounds/beep/step_3.mp3", b"ID3"),
        ("texts/said/step_1.txt", b"said"),
        ("weights/step_3.histogram.json", br#"{"bins": [0, 1, 2], "counts": [5, 3]}"#),
        ("broken/step_3.histogram.json", b"none"),
        ("rows/step_1.table.json", br#"{"columns": ["n"], "data": [[1]]}"#),
    ];
    for (path, bytes) in files {
        let path = artifacts.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    (list, picture)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_logged_by_step_stands_in_event_files_and_the_rest_is_counted() {
    let stage = Stage::new().await;
    let (list, picture) = with_media(&stage).await;
    let export = async |format, name: &str| {
        let job = stage.call(ExportRuns { artifacts: false, ..request(&stage, &list, format, name) }).await;
        let job = stage.done(job).await;
        let mut log = stage.call(GetJobLog { job: job.id }).await;
        log.sort();
        (job.message, log)
    };
    let (message, log) = export(ExportFormat::Tensorboard, "events").await;
    assert!(message.ends_with("5 things were left out or changed, which the job's log names"), "{message}");
    let place = "in the event files that are written here";
    // Of `roc.txt` nobody says a step.
    assert_eq!(
        log,
        [
            "../first: run: 1 medium can't be read any more, or can't be shown.".to_owned(),
            format!("../first: run: 2 media have no place {place}: 1 sound, 1 table."),
            format!("../first: run: without a place {place}: 2 tags, 1 dataset, 1 artifact."),
            "Numbers are rounded to about 7 digits: TensorBoard's scalars have 32 bits.".to_owned(),
            format!("second: without a place {place}: 2 tags."),
        ]
    );
    let found = media(&stage.path("events"));
    let said: Vec<(&str, i64)> = found.iter().map(|(_, key, step, ..)| (key.as_str(), *step)).collect();
    let expected = [("samples", 12), ("seen/at", 7), ("sounds/beep", 2), ("texts/said", 1), ("weights", 3)];
    assert_eq!(said, expected);
    let held: Vec<&Media> = found.iter().map(|(.., media)| media).collect();
    let histogram = foreign::Histogram { edges: vec![0.0, 1.0, 2.0], counts: vec![5.0, 3.0] };
    assert_eq!(*held[0], Media::Image(picture.clone()));
    assert_eq!((held[1], found[1].3), (&Media::Image(picture), TIME));
    assert_eq!(*held[2], Media::Audio(b"RIFF\0\0\0\0WAVEfmt ".to_vec()));
    assert_eq!((held[3], held[4]), (&Media::Text("said".to_owned()), &Media::Histogram(histogram)));

    let place = "in a table of metrics";
    for (format, name) in [(ExportFormat::Csv, "csv"), (ExportFormat::Parquet, "parquet")] {
        let kinds = "2 pictures, 2 sounds, 1 text, 1 table, 2 histograms";
        let (message, log) = export(format, name).await;
        assert!(message.ends_with("2 things were left out or changed, which the job's log names"), "{message}");
        assert_eq!(
            log,
            [
                format!("../first: run: 8 media have no place {place}: {kinds}."),
                format!("../first: run: without a place {place}: 1 dataset, 1 artifact."),
            ]
        );
    }
}
