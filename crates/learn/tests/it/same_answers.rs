//! What is trained is what is served: the training's own forward pass against `infer`'s, through a
//! bundle written to disk and opened again, from raw rows with gaps and with categories that no
//! training row had.
//!
//! Trees must agree to the bit. Networks compute the same sums in another order (`infer` takes many
//! rows at once; its convolution is Candle's, ours is an unfolded product), so their answers may
//! differ by f32 rounding: [`TOLERANCE`], stated relative to the larger of the value and 1.

use std::{collections::BTreeMap, fs, path::Path};

use api::{
    config::{ModelChoice, TrainingConfig},
    evaluation::{Evaluation, Task},
    worker::{EventBody, Plan, WorkerEvent},
};
use arrow_array::{Array, RecordBatch};
use candle_core::{Device, Tensor};
use hessboost::{
    data::{DMatrix, FeatureType},
    model::{BoostedModel, Iterations, ModelFormat},
};
use infer::{
    bundle,
    forward::{Forward, sigmoid, softmax},
    model::Model,
    network::{Layer, Network, TargetScale},
    preprocessing::Matrix,
};
use learn::{
    dataset::{Dataset, Part},
    hyperparameters::NetworkSettings,
    layers::{self, Parameters},
    random::{Purpose, Random},
    run::{self, Surroundings},
};
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use crate::plans::{pictures, tabular, training, with_much_validation};

/// A few units in the last place of f32, over sums of a few hundred products.
const TOLERANCE: f64 = 2e-6;

/// Rows that training would take in one step.
const BATCH: usize = 16;

const TASKS: [(&str, Task); 3] =
    [("left", Task::BinaryClassification), ("plan", Task::MulticlassClassification), ("spend", Task::Regression)];

fn assert_close(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    assert!(!found.is_empty(), "{what}: nothing was compared");
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs() / expected.abs().max(1.0);
        assert!(error <= TOLERANCE, "{what}, value {place}: infer says {found}, the training said {expected}");
    }
}

/// The training's pass, batch by batch, without dropout; then what the task makes of its outputs.
fn learned(network: &Network, parameters: &mut Parameters, matrix: &Matrix, task: Task) -> Vec<f64> {
    let mut random = Random::new(1, Purpose::Noise);
    let mut scores = Vec::new();
    for rows in matrix.values.chunks(BATCH * matrix.width) {
        let mut shape = vec![rows.len() / matrix.width];
        shape.extend_from_slice(&network.input);
        let rows = Tensor::from_slice(rows, shape, &Device::Cpu).unwrap();
        let outputs = layers::forward(network, parameters, &rows, &mut random).unwrap();
        for raw in outputs.to_vec2::<f32>().unwrap() {
            match task {
                Task::BinaryClassification => scores.push(sigmoid(f64::from(raw[0]))),
                Task::MulticlassClassification => softmax(&raw, &mut scores),
                Task::Regression => scores.push(f64::from(raw[0]) * network.target.std + network.target.mean),
            }
        }
    }
    scores
}

fn opened(folder: &Path, plan: &Plan, dataset: &Dataset<'_>, forward: &Forward) -> Model {
    let parts = bundle::Parts {
        task: plan.task,
        kind: plan.training.model,
        data: plan.data.kind,
        target: plan.target.clone(),
        classes: dataset.classes.0.clone(),
        threshold: None,
        class_factors: Vec::new(),
        lineage: BTreeMap::new(),
        preprocessing: &dataset.preprocessing,
        forward,
        files: Vec::new(),
    };
    bundle::write(&folder.join("model"), parts).unwrap();
    bundle::open(&folder.join("model")).unwrap()
}

/// The raw rows of a part, as a client would send them: without the target.
fn raw(dataset: &Dataset<'_>, part: Part) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    dataset
        .visit(part, |batch, _targets| {
            let inputs = &dataset.preprocessing.columns;
            let places: Vec<usize> =
                inputs.iter().filter_map(|column| batch.schema().index_of(&column.name).ok()).collect();
            batches.push(batch.project(&places).unwrap());
            Ok(())
        })
        .unwrap();
    batches
}

fn served(model: &Model, batches: &[RecordBatch]) -> Vec<f64> {
    batches.iter().flat_map(|batch| model.scores(batch).unwrap().values).collect()
}

/// One row at a time, as most requests come.
fn served_one_by_one(model: &Model, batches: &[RecordBatch]) -> Vec<f64> {
    batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(|row| batch.slice(row, 1)))
        .flat_map(|row| model.scores(&row).unwrap().values)
        .collect()
}

fn network_agrees(folder: &Path, plan: &Plan, what: &str) {
    let dataset = Dataset::open(plan).unwrap();
    let config = TrainingConfig { dropout: Some(0.0), ..plan.training.clone() };
    let settings = NetworkSettings::new(&config, dataset.counts().training as usize);
    let outputs = layers::outputs(plan.task, dataset.classes.0.len());
    let scale = match plan.task {
        Task::Regression => TargetScale { mean: 60.0, std: 20.0 },
        _ => TargetScale::default(),
    };
    let mode = dataset.preprocessing.mode;
    let network = layers::design(config.model, &settings, mode, dataset.preprocessing.width(), outputs, scale);
    let mut parameters = Parameters::new(&network, &mut Random::new(3, Purpose::Initialization), &Device::Cpu).unwrap();
    let forward = Forward::Network { network: network.clone(), weights: parameters.weights(), device: Device::Cpu };
    let model = opened(folder, plan, &dataset, &forward);
    for part in [Part::Training, Part::Validation, Part::Test] {
        let expected = learned(&network, &mut parameters, &dataset.rows(part).unwrap().matrix, plan.task);
        let batches = raw(&dataset, part);
        let what = format!("{what}, {} rows", part.name());
        assert_close(&served(&model, &batches), &expected, &what);
        assert_close(&served_one_by_one(&model, &batches), &expected, &format!("{what} one by one"));
    }
}

#[test]
fn the_table_has_gaps_and_categories_that_training_never_saw() {
    let folder = tempfile::tempdir().unwrap();
    let plan = tabular(folder.path(), "left", Task::BinaryClassification, training(ModelChoice::Mlp));
    let dataset = Dataset::open(&plan).unwrap();
    let (seen, served) = (raw(&dataset, Part::Training), raw(&dataset, Part::Validation));
    let missing = |batches: &[RecordBatch], name: &str| -> usize {
        batches.iter().map(|batch| batch.column_by_name(name).unwrap().null_count()).sum()
    };
    let unseen = |batches: &[RecordBatch]| {
        let countries =
            batches.iter().map(|batch| infer::columns::texts(batch.column_by_name("country").unwrap()).unwrap());
        countries.map(|column| column.iter().filter(|value| *value == Some("unseen")).count()).sum::<usize>()
    };
    assert_eq!((missing(&seen, "amount"), missing(&seen, "country"), unseen(&seen)), (0, 0, 0));
    assert!(missing(&seen, "age") > 0 && missing(&seen, "at") > 0);
    assert!(missing(&served, "amount") > 0 && missing(&served, "country") > 0 && unseen(&served) > 0);
}

#[test]
fn linear_models_and_perceptrons_of_every_task() {
    for model in [ModelChoice::Linear, ModelChoice::Mlp] {
        for (target, task) in TASKS {
            let folder = tempfile::tempdir().unwrap();
            let plan = tabular(folder.path(), target, task, training(model));
            network_agrees(folder.path(), &plan, &format!("{model:?} of {task:?}"));
        }
    }
}

#[test]
fn networks_on_pictures() {
    for (model, classes, coloured) in [
        (ModelChoice::Cnn, 2, false),
        (ModelChoice::Cnn, 3, true),
        (ModelChoice::Mlp, 3, false),
        (ModelChoice::Linear, 2, true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let plan = pictures(folder.path(), classes, coloured, training(model));
        network_agrees(folder.path(), &plan, &format!("{model:?} of {classes} classes of pictures"));
    }
}

/// The layers that no default design has yet. Batch norm is compared with its running statistics
/// set to the batch's, which is what the two passes share.
#[test]
fn every_layer_there_is() {
    let layers = vec![
        Layer::Convolution { inputs: 2, outputs: 5, kernel: 3, padding: 1, stride: 2 },
        Layer::BatchNorm { features: 5, epsilon: 1e-5 },
        Layer::Gelu,
        Layer::MaxPool { size: 2 },
        Layer::Convolution { inputs: 5, outputs: 7, kernel: 2, padding: 0, stride: 1 },
        Layer::Dropout { rate: 0.0 },
        Layer::GlobalAveragePool,
        Layer::Linear { inputs: 7, outputs: 6 },
        Layer::LayerNorm { features: 6, epsilon: 1e-5 },
        Layer::Relu,
        Layer::Linear { inputs: 6, outputs: 3 },
    ];
    let network = Network { input: vec![2, 11, 14], layers, target: TargetScale::default() };
    let mut parameters = Parameters::new(&network, &mut Random::new(3, Purpose::Initialization), &Device::Cpu).unwrap();
    let values = Random::new(5, Purpose::Sampling).uniform(BATCH * 2 * 11 * 14, 2.0);
    let matrix = Matrix { values, rows: BATCH, width: 2 * 11 * 14 };
    let expected = learned(&network, &mut parameters, &matrix, Task::MulticlassClassification);

    // After one batch the running statistics are a tenth of it; undo that and the unbiasing.
    let count = (BATCH * 6 * 7) as f64;
    let mean = ((&parameters.running["1.mean"]) * 10.0).unwrap();
    let variance =
        ((((&parameters.running["1.variance"] - 0.9).unwrap() * 10.0).unwrap()) * ((count - 1.0) / count)).unwrap();
    parameters.running.insert("1.mean".to_owned(), mean);
    parameters.running.insert("1.variance".to_owned(), variance);
    let forward = Forward::Network { network, weights: parameters.weights(), device: Device::Cpu };
    let found = forward.scores(&matrix, Task::MulticlassClassification, 3).unwrap().values;
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
    }
}

fn surroundings<T>(use_them: impl FnOnce(&Surroundings<'_>) -> T) -> T {
    let machine = BTreeMap::new();
    use_them(&Surroundings {
        now_ms: &|| 0,
        memory_bytes: &|| None,
        machine_bytes: None,
        machine: &machine,
        process_id: 1,
        say: &|_| {},
        ending: &|| {},
    })
}

fn events(folder: &Path) -> Vec<EventBody> {
    let text = fs::read_to_string(folder.join("events.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str::<WorkerEvent>(line).unwrap().body).collect()
}

/// The booster as it was trained, from its checkpoint, on the matrix that it was trained on.
fn boosted(folder: &Path, dataset: &Dataset<'_>, part: Part) -> Vec<f64> {
    let bytes = fs::read(folder.join("checkpoints/best/booster.bin")).unwrap();
    let booster = BoostedModel::decode(&bytes, ModelFormat::Binary).unwrap();
    let types: Vec<FeatureType> = dataset
        .preprocessing
        .features()
        .iter()
        .map(|feature| match feature.codes {
            Some(codes) if codes <= 32 => FeatureType::Categorical,
            _ => FeatureType::Numerical,
        })
        .collect();
    let matrix = dataset.rows(part).unwrap().matrix;
    let matrix =
        DMatrix::from_dense_vec(matrix.values, matrix.rows, matrix.width).unwrap().with_feature_types(&types).unwrap();
    booster.predict(&matrix, Iterations::Best).unwrap().into_vec().into_iter().map(f64::from).collect()
}

#[test]
fn trees_of_every_task_to_the_bit() {
    for (target, task) in TASKS {
        let folder = tempfile::tempdir().unwrap();
        let config = TrainingConfig { rounds: Some(25), ..training(ModelChoice::Trees) };
        let plan = tabular(folder.path(), target, task, config);
        surroundings(|surroundings| run::train(folder.path(), &plan, surroundings)).unwrap();
        let dataset = Dataset::open(&plan).unwrap();
        let model = bundle::open(&folder.path().join("model")).unwrap();
        for part in [Part::Training, Part::Validation, Part::Test] {
            let (expected, batches) = (boosted(folder.path(), &dataset, part), raw(&dataset, part));
            assert!(served(&model, &batches) == expected, "{task:?}: {} rows", part.name());
            assert!(served_one_by_one(&model, &batches) == expected, "{task:?}: {} rows one by one", part.name());
        }
    }
}

/// What drift is measured against is at most 50,000 rows of validation, the same ones for a seed.
#[test]
fn a_large_validation_part_gives_a_sample() {
    let sampled = |seed: u64| {
        let folder = tempfile::tempdir().unwrap();
        let config = TrainingConfig { rounds: Some(2), seed, ..training(ModelChoice::Trees) };
        let plan = with_much_validation(folder.path(), 50_010, "left", Task::BinaryClassification, config);
        surroundings(|surroundings| run::train(folder.path(), &plan, surroundings)).unwrap();
        assert_eq!(Dataset::open(&plan).unwrap().counts().validation, 50_100);
        fs::read(folder.path().join("model").join(bundle::REFERENCE_FILE)).unwrap()
    };
    let (first, again) = (sampled(7), sampled(7));
    assert!(first == again, "a seed gives its sample");
    let file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut &file, &first).unwrap();
    assert_eq!(SerializedFileReader::new(file).unwrap().metadata().file_metadata().num_rows(), 50_000);
}

/// Of each actual class how often each was called, by the served model.
fn called(model: &Model, dataset: &Dataset<'_>, part: Part) -> Vec<Vec<u64>> {
    let classes = &model.head().classes;
    let mut counts = vec![vec![0; classes.len()]; classes.len()];
    let mut actual = dataset.rows(part).unwrap().targets.into_iter();
    for batch in raw(dataset, part) {
        let answers = model.predict(&batch).unwrap();
        for called in infer::columns::texts(answers.column(0)).unwrap().iter() {
            let called = classes.iter().position(|class| Some(class.as_str()) == called).unwrap();
            counts[actual.next().unwrap() as usize][called] += 1;
        }
    }
    counts
}

#[test]
fn rare_classes_are_called_as_they_were_evaluated() {
    for model in [ModelChoice::Linear, ModelChoice::Mlp, ModelChoice::Trees] {
        for balance in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let config = TrainingConfig { epochs: Some(20), rounds: Some(40), balance, ..training(model) };
            let plan = tabular(folder.path(), "rating", Task::MulticlassClassification, config);
            surroundings(|surroundings| run::train(folder.path(), &plan, surroundings)).unwrap();
            let evaluation: Evaluation =
                serde_json::from_slice(&fs::read(folder.path().join("evaluation.json")).unwrap()).unwrap();
            let served = bundle::open(&folder.path().join("model")).unwrap();
            let factors = evaluation.decision.map_or_else(Vec::new, |decision| decision.factors);
            assert_eq!(served.head().class_factors, factors, "{model:?}");
            assert!(balance || factors.is_empty(), "{model:?}: {factors:?}");
            println!("{model:?}, balance {balance}: {factors:?}");
            let dataset = Dataset::open(&plan).unwrap();
            let counts = called(&served, &dataset, Part::Test);
            assert_eq!(Some(counts), evaluation.confusion.map(|confusion| confusion.counts), "{model:?}");
        }
    }
}

/// The curve of a training and the report agree: the best validation loss that was shown live is
/// the one that the finished model has.
#[test]
fn the_report_has_the_best_loss_of_the_curve() {
    for (target, task) in TASKS {
        for model in [ModelChoice::Linear, ModelChoice::Mlp, ModelChoice::Trees] {
            let folder = tempfile::tempdir().unwrap();
            let config = TrainingConfig { epochs: Some(4), rounds: Some(25), ..training(model) };
            let plan = tabular(folder.path(), target, task, config);
            surroundings(|surroundings| run::train(folder.path(), &plan, surroundings)).unwrap();
            let best = events(folder.path())
                .into_iter()
                .filter_map(|event| match event {
                    EventBody::Metric { key, value, .. } if key == "loss/validation" => Some(value),
                    _ => None,
                })
                .fold(f64::INFINITY, f64::min);
            let evaluation: Evaluation =
                serde_json::from_slice(&fs::read(folder.path().join("evaluation.json")).unwrap()).unwrap();
            let figure = |name: &str| {
                evaluation
                    .validation
                    .iter()
                    .find(|figure| figure.name == name)
                    .unwrap_or_else(|| panic!("no {name}"))
                    .value
            };
            let reported = match (task, model) {
                (Task::Regression, ModelChoice::Trees) => figure("rmse"),
                // A network's loss is the squared error in units of the training target's variance.
                (Task::Regression, _) => {
                    let targets = Dataset::open(&plan).unwrap().rows(Part::Training).unwrap().targets;
                    let mean = targets.iter().sum::<f64>() / targets.len() as f64;
                    let variance =
                        targets.iter().map(|target| (target - mean).powi(2)).sum::<f64>() / targets.len() as f64;
                    figure("rmse").powi(2) / variance
                }
                _ => figure("log_loss"),
            };
            let error = (reported - best).abs() / best.abs().max(1e-3);
            assert!(error < 1e-5, "{model:?} of {task:?}: the curve's best is {best}, the report says {reported}");
        }
    }
}

/// A search ends trials early by what ranks its runs: each training tells it in every round or epoch.
#[test]
fn what_ranks_a_run_has_a_point_in_every_round_and_epoch() {
    for asked in [None, Some("log_loss"), Some("mae")] {
        for (target, task) in TASKS {
            if asked.is_some_and(|asked| (asked == "mae") != (task == Task::Regression)) {
                continue;
            }
            for model in [ModelChoice::Linear, ModelChoice::Mlp, ModelChoice::Trees] {
                let folder = tempfile::tempdir().unwrap();
                let config = TrainingConfig { epochs: Some(4), rounds: Some(4), patience: Some(0), ..training(model) };
                let mut plan = tabular(folder.path(), target, task, config);
                plan.evaluation.metric = asked.map(str::to_owned);
                surroundings(|surroundings| run::train(folder.path(), &plan, surroundings)).unwrap();
                let evaluation: Evaluation =
                    serde_json::from_slice(&fs::read(folder.path().join("evaluation.json")).unwrap()).unwrap();
                let ranking = format!("{}/validation", evaluation.primary);
                let is_point = |event: &EventBody| matches!(event, EventBody::Metric { key, .. } if *key == ranking);
                let points = events(folder.path()).iter().filter(|event| is_point(event)).count();
                assert_eq!(points, 4, "{model:?} of {task:?}: {ranking}");
            }
        }
    }
}
