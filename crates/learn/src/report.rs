//! The end of a run: figures on validation and test, and the bundle that the model version will be.
//!
//! The test part is read here for the first time, and once. What is shown as the model's answers in
//! the bundle (the drift reference) comes from the bundle itself, opened as serving will open it.

use std::{
    fs::{self, File},
    io::Write,
    path::Path,
    sync::Arc,
};

use api::{
    config::{ColumnType, DataConfig, DataKind},
    dataset::{Profile, Role},
    evaluation::{Evaluation, Task},
    worker::{EventBody, Plan},
};
use arrow_array::{ArrayRef, RecordBatch, TimestampMillisecondArray, UInt64Array};
use arrow_schema::Schema;
use arrow_select::{concat::concat_batches, take::take_record_batch};
use data::metrics::{
    Predictions,
    baseline::Baseline,
    report::{Subject, assemble},
};
use infer::{
    bundle::{self, EVALUATION_FILE, EXAMPLES_FILE, PROFILE_FILE, REFERENCE_FILE},
    forward::{Forward, Scores},
    model::Model,
    preprocessing::{ColumnRule, Preprocessing, Rule},
    rows::to_json,
};
use parquet::{arrow::ArrowWriter, basic::Compression, file::properties::WriterProperties};

use crate::{
    dataset::{Dataset, Part, Rows},
    error::LearnError,
    measure::classes,
    network_training::class_counts,
    random::{Purpose, Random},
    run::Run,
};

const MOST_REFERENCE_ROWS: usize = 50_000;
const EXAMPLES: usize = 5;

/// Evaluates the model and writes `evaluation.json` and `model/`.
pub fn write(run: &mut Run<'_>, dataset: &Dataset<'_>, forward: &Forward) -> Result<(), LearnError> {
    run.events.flush()?;
    let (evaluation, validation_targets) = evaluate(run.plan, dataset, forward)?;
    let threshold = evaluation.threshold.as_ref().map(|threshold| threshold.value);
    let class_factors = evaluation.decision.as_ref().map_or_else(Vec::new, |decision| decision.factors.clone());
    let parts = |files| bundle::Parts {
        task: run.plan.task,
        kind: run.plan.training.model,
        data: run.plan.data.kind,
        target: run.plan.target.clone(),
        classes: dataset.classes.0.clone(),
        threshold,
        class_factors: class_factors.clone(),
        lineage: run.plan.lineage.clone(),
        preprocessing: &dataset.preprocessing,
        forward,
        files,
    };
    let draft = run.folder.join("model.draft");
    bundle::write(&draft, parts(Vec::new()))?;
    let model = bundle::open(&draft)?;
    let sample = sample(run.plan, dataset, &validation_targets)?;
    let evaluation_bytes = json(run.folder, &evaluation)?;
    let files = vec![
        (REFERENCE_FILE.to_owned(), reference(run.plan, &model, &sample)?),
        (PROFILE_FILE.to_owned(), json(run.folder, &profile(run, dataset)?)?),
        (
            EXAMPLES_FILE.to_owned(),
            json(run.folder, &examples(run.plan, &dataset.preprocessing, &sample, &validation_targets)?)?,
        ),
        (EVALUATION_FILE.to_owned(), evaluation_bytes.clone()),
    ];
    bundle::write(&run.folder.join("model"), parts(files))?;
    write_synced(&run.folder.join(EVALUATION_FILE), &evaluation_bytes)?;
    fs::remove_dir_all(&draft).map_err(LearnError::io("remove", &draft))?;
    let validation = evaluation.validation.iter().map(|figure| (figure.name.clone(), figure.value)).collect();
    run.events.send(EventBody::Evaluated { validation })
}

fn evaluate(plan: &Plan, dataset: &Dataset<'_>, forward: &Forward) -> Result<(Evaluation, Vec<f64>), LearnError> {
    let class_names = &dataset.classes.0;
    let training = training_targets(dataset)?;
    let baseline = match plan.task {
        Task::Regression => Baseline::of_values(&training),
        _ => Baseline::of_counts(&class_counts(&training, class_names.len())),
    };
    let scored = |part: Part| -> Result<(Rows, Scores), LearnError> {
        let rows = dataset.rows(part)?;
        let scores = forward.scores(&rows.matrix, plan.task, class_names.len())?;
        Ok((rows, scores))
    };
    let (validation, validation_scores) = scored(Part::Validation)?;
    let (test, test_scores) = scored(Part::Test)?;
    let subject = Subject {
        classes: class_names,
        unit: None,
        config: &plan.evaluation,
        baseline: &baseline,
        balance: plan.training.balance,
        rows: dataset.counts(),
        seed: plan.training.seed,
        remarks: dataset.remarks.clone(),
    };
    let (validation_classes, test_classes) = (indices(plan, &validation), indices(plan, &test));
    let evaluation = assemble(
        subject,
        predictions(plan.task, &validation_classes, &validation, &validation_scores),
        predictions(plan.task, &test_classes, &test, &test_scores),
    )?;
    Ok((evaluation, validation.targets))
}

fn indices(plan: &Plan, rows: &Rows) -> Vec<u32> {
    if plan.task == Task::Regression { Vec::new() } else { classes(&rows.targets) }
}

fn predictions<'a>(task: Task, actual: &'a [u32], rows: &'a Rows, scores: &'a Scores) -> Predictions<'a> {
    match task {
        Task::BinaryClassification => Predictions::Binary { actual, probability: &scores.values },
        Task::MulticlassClassification => {
            Predictions::Multiclass { actual, probability: &scores.values, classes: scores.width }
        }
        Task::Regression => Predictions::Regression { actual: &rows.targets, predicted: &scores.values },
    }
}

fn training_targets(dataset: &Dataset<'_>) -> Result<Vec<f64>, LearnError> {
    let mut all = Vec::new();
    dataset.visit_targets(Part::Training, |targets| all.extend(targets))?;
    Ok(all)
}

/// A seeded sample of the validation part, raw.
struct Sample {
    rows: RecordBatch,
    /// Their places in the validation part.
    places: Vec<usize>,
}

fn sample(plan: &Plan, dataset: &Dataset<'_>, targets: &[f64]) -> Result<Sample, LearnError> {
    let wanted = if plan.data.kind == DataKind::Images { 2_000 } else { MOST_REFERENCE_ROWS };
    let places = Random::new(plan.training.seed, Purpose::Sampling).sample(targets.len(), wanted);
    let (mut batches, mut row, mut next) = (Vec::new(), 0, places.iter().copied().peekable());
    dataset.visit(Part::Validation, |batch, _targets| {
        let mut chosen = Vec::new();
        while let Some(place) = next.next_if(|place| *place < row + batch.num_rows()) {
            chosen.push((place - row) as u64);
        }
        row += batch.num_rows();
        batches.push(take_record_batch(batch, &UInt64Array::from(chosen))?);
        Ok(())
    })?;
    let schema = batches.first().map(RecordBatch::schema).unwrap_or_else(|| Schema::empty().into());
    let all = concat_batches(&schema, &batches)?;
    let inputs: Vec<usize> =
        dataset.preprocessing.columns.iter().filter_map(|column| all.schema().index_of(&column.name).ok()).collect();
    Ok(Sample { rows: all.project(&inputs)?, places })
}

/// The sampled rows beside the model's answers, as Parquet. Of images only the answers are kept:
/// pixels have no drift test, and would be most of the bundle. Sensitive columns are never watched,
/// and a bundle travels: they stay out.
fn reference(plan: &Plan, model: &Model, sample: &Sample) -> Result<Vec<u8>, LearnError> {
    let answers = model.predict(&sample.rows)?;
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    let inputs = (plan.data.kind == DataKind::Table).then_some(&sample.rows);
    for batch in inputs.into_iter().chain([&answers]) {
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            if !is_sensitive(plan, field.name()) {
                fields.push(field.clone());
                columns.push(column.clone());
            }
        }
    }
    parquet_bytes(&RecordBatch::try_new(Schema::new(fields).into(), columns)?)
}

fn is_sensitive(plan: &Plan, name: &str) -> bool {
    plan.columns.iter().any(|column| column.sensitive && column.name == name)
}

fn parquet_bytes(batch: &RecordBatch) -> Result<Vec<u8>, LearnError> {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties))?;
    writer.write(batch)?;
    writer.close()?;
    Ok(bytes)
}

/// The profile of the whole validation part, raw.
fn profile(run: &Run<'_>, dataset: &Dataset<'_>) -> Result<Profile, LearnError> {
    if run.plan.data.kind == DataKind::Images {
        let rows = dataset.counts().validation;
        return Ok(Profile {
            rows,
            duplicate_rows: None,
            columns: Vec::new(),
            reading: Vec::new(),
            warnings: Vec::new(),
        });
    }
    let path = run.folder.join("validation.parquet");
    let mut writer = None;
    dataset.visit(Part::Validation, |batch, _targets| {
        let open = match &mut writer {
            Some(open) => open,
            empty => {
                let file = File::create(&path).map_err(LearnError::io("create", &path))?;
                empty.insert(ArrowWriter::try_new(file, batch.schema(), None)?)
            }
        };
        Ok(open.write(batch)?)
    })?;
    if let Some(writer) = writer {
        writer.close()?;
    }
    let mut profile = data::profile::profile(&path, &data_config(run.plan), &mut data::progress::silent)?;
    fs::remove_file(&path).map_err(LearnError::io("remove", &path))?;
    // Nobody's values: commonest ones, extremes and quantiles are.
    for column in profile.columns.iter_mut().filter(|column| column.sensitive) {
        (column.numeric, column.top) = (None, Vec::new());
    }
    Ok(profile)
}

/// What the project's file said of the columns, as far as a profile asks.
fn data_config(plan: &Plan) -> DataConfig {
    let named =
        |role: Role| plan.columns.iter().filter(move |column| column.role == role).map(|column| column.name.clone());
    DataConfig {
        kind: plan.data.kind,
        target: Some(plan.target.clone()),
        ignore: named(Role::Ignored).collect(),
        types: plan
            .columns
            .iter()
            .filter(|column| column.kind != ColumnType::Image)
            .map(|column| (column.name.clone(), column.kind))
            .collect(),
        group: named(Role::Group).next(),
        timestamp: named(Role::Timestamp).next(),
        sensitive: plan.columns.iter().filter(|column| column.sensitive).map(|column| column.name.clone()).collect(),
        ..DataConfig::default()
    }
}

/// A few of the sampled rows as JSON, of every class in turn, so that a rare one is among them. What
/// is sensitive has the value that the preprocessing has for everybody, so that an example can be
/// sent and tells of no one.
fn examples(
    plan: &Plan,
    preprocessing: &Preprocessing,
    sample: &Sample,
    targets: &[f64],
) -> Result<Vec<serde_json::Value>, LearnError> {
    let mut order: Vec<usize> = (0..sample.places.len()).collect();
    if plan.task != Task::Regression {
        let mut seen = std::collections::BTreeMap::<u32, usize>::new();
        let turns: Vec<usize> = sample
            .places
            .iter()
            .map(|place| {
                let turn = seen.entry(targets[*place] as u32).or_insert(0);
                *turn += 1;
                *turn
            })
            .collect();
        order.sort_by_key(|row| turns[*row]);
    }
    order.truncate(EXAMPLES);
    let chosen: UInt64Array = order.into_iter().map(|row| row as u64).collect::<Vec<_>>().into();
    let mut rows = to_json(&take_record_batch(&sample.rows, &chosen)?)?;
    for column in preprocessing.columns.iter().filter(|column| column.sensitive) {
        for row in rows.iter_mut().filter_map(serde_json::Value::as_object_mut) {
            row.insert(column.name.clone(), everybodys(column)?);
        }
    }
    Ok(rows)
}

/// A value of a column that is no row's own.
fn everybodys(column: &ColumnRule) -> Result<serde_json::Value, LearnError> {
    Ok(match &column.rule {
        Rule::Number { median, .. } => match column.kind {
            ColumnType::Boolean => (*median >= 0.5).into(),
            ColumnType::Integer => (median.round() as i64).into(),
            _ => (*median).into(),
        },
        Rule::Category { known } => known.first().cloned().into(),
        Rule::Datetime { origin_ms, latest_ms, .. } => {
            let middle = origin_ms.midpoint(*latest_ms);
            let moment: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![middle]));
            let row = to_json(&RecordBatch::try_from_iter([(column.name.as_str(), moment)])?)?;
            row.first().and_then(|row| row.get(&column.name)).cloned().unwrap_or_default()
        }
        Rule::Image(_) | Rule::Empty => serde_json::Value::Null,
    })
}

fn json(folder: &Path, value: &impl serde::Serialize) -> Result<Vec<u8>, LearnError> {
    serde_json::to_vec_pretty(value)
        .map_err(|error| LearnError::Malformed { path: folder.to_owned(), reason: error.to_string() })
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), LearnError> {
    let temporary = path.with_extension("writing");
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().map_err(LearnError::io("write", path))
}
