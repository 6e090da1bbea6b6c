//! The forward pass against values recorded by `reference.py` beside (numpy, float64) or on paper.

use api::evaluation::Task;
use candle_core::{Device, Tensor};
use hessboost::{
    config::TrainingParams,
    data::DMatrix,
    objective::{Multiclass, Objective, RegLoss},
    training::{Trainer, train},
};
use infer::{
    forward::Forward,
    model::classes_of,
    network::{Layer, Network, NetworkError, TargetScale, Weights},
    preprocessing::Matrix,
    trees::Trees,
};

use crate::making::linear;

/// Printed by `reference.py`.
const CONVOLUTIONAL: [f64; 6] = [
    0.210_836_764_744_347_23,
    0.261_396_995_775_302_8,
    -1.053_340_982_366_272_5,
    -3.420_704_793_323_175,
    1.698_916_000_324_162_8,
    2.159_882_448_176_482_2,
];
const PERCEPTRON: [f64; 4] =
    [0.598_610_566_136_542_5, 0.209_717_059_707_222_32, 1.206_439_502_290_192_4, 0.163_437_566_284_961_8];

fn matrix(values: &[f32], width: usize) -> Matrix {
    Matrix { values: values.to_vec(), rows: values.len() / width, width }
}

/// The pass is in f32, the reference in f64.
fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
    }
}

/// sin(1), sin(2), …: the same weights in the script.
fn fill(network: &Network) -> Weights {
    let mut next = 0.0_f32;
    let parameters = network.parameters().into_iter();
    parameters
        .map(|parameter| {
            let count: usize = parameter.shape.iter().product();
            let values: Vec<f32> = (0..count)
                .map(|_| {
                    next += 1.0;
                    if parameter.name.ends_with("variance") { 1.0 + next.sin().abs() } else { next.sin() }
                })
                .collect();
            (parameter.name, Tensor::from_vec(values, parameter.shape, &Device::Cpu).unwrap())
        })
        .collect()
}

#[test]
fn scores_of_each_task() {
    let rows = matrix(&[1.0, 2.0, -3.0, 0.5], 2);
    let binary = linear(&[0.5, -1.0], &[0.25], TargetScale::default());
    let scores = binary.scores(&rows, Task::BinaryClassification, 2).unwrap();
    // 1 / (1 + e^1.25), 1 / (1 + e^1.75)
    close(&scores.values, &[0.222_700_14, 0.148_047_2]);
    assert_eq!(classes_of(&scores, Task::BinaryClassification, Some(0.2), &[]), [1, 0]);
    assert_eq!(classes_of(&scores, Task::BinaryClassification, None, &[]), [0, 0]);

    let regression = linear(&[0.5, -1.0], &[0.25], TargetScale { mean: 100.0, std: 10.0 });
    close(&regression.scores(&rows, Task::Regression, 0).unwrap().values, &[87.5, 82.5]);

    let multiclass = linear(&[1.0, 0.0, 0.0, 1.0, 0.0, 0.0], &[0.0, 0.0, 0.0], TargetScale::default());
    let scores = multiclass.scores(&rows, Task::MulticlassClassification, 3).unwrap();
    close(&scores.values[..3], &[0.244_728_47, 0.665_240_96, 0.090_030_57]);
    let called = |factors: &[f64]| classes_of(&scores, Task::MulticlassClassification, None, factors);
    assert_eq!(called(&[]), [1, 1]);
    assert_eq!(called(&[1.0, 1.0, 1.0]), [1, 1]);
    // 0.24 · 3 exceeds 0.67; the second row's first class is far less probable.
    assert_eq!(called(&[3.0, 1.0, 1.0]), [0, 1]);
    assert!(multiclass.scores(&rows, Task::MulticlassClassification, 4).is_err());
}

#[test]
fn extreme_logits_stay_probabilities() {
    let network = linear(&[1.0, 0.0, 0.0, 1.0], &[0.0, 0.0], TargetScale::default());
    let scores = network.scores(&matrix(&[1e4, -1e4, 3e38, 3e38], 2), Task::MulticlassClassification, 2).unwrap();
    assert_eq!(scores.values, [1.0, 0.0, 0.5, 0.5]);
}

#[test]
fn a_convolutional_network_computes_what_the_reference_does() {
    let network = Network {
        input: vec![1, 5, 5],
        layers: vec![
            Layer::Convolution { inputs: 1, outputs: 2, kernel: 3, padding: 1, stride: 1 },
            Layer::BatchNorm { features: 2, epsilon: 1e-5 },
            Layer::Relu,
            Layer::MaxPool { size: 2 },
            Layer::Dropout { rate: 0.5 },
            Layer::Flatten,
            Layer::Linear { inputs: 8, outputs: 3 },
        ],
        target: TargetScale::default(),
    };
    let weights = fill(&network);
    let input: Vec<f32> = (0..50).map(|at| (at as f32 * 0.7).cos()).collect();
    let found = network.compute(&weights, &input, 2, &Device::Cpu).unwrap();
    let found: Vec<f64> = found.into_iter().map(f64::from).collect();
    close(&found, &CONVOLUTIONAL);
}

#[test]
fn a_perceptron_with_layer_norm_computes_what_the_reference_does() {
    let network = Network {
        input: vec![3],
        layers: vec![
            Layer::Linear { inputs: 3, outputs: 4 },
            Layer::LayerNorm { features: 4, epsilon: 1e-5 },
            Layer::Gelu,
            Layer::Linear { inputs: 4, outputs: 2 },
        ],
        target: TargetScale::default(),
    };
    let weights = fill(&network);
    let found = network.compute(&weights, &[0.1, -0.2, 0.3, 1.0, 2.0, -3.0], 2, &Device::Cpu).unwrap();
    let found: Vec<f64> = found.into_iter().map(f64::from).collect();
    close(&found, &PERCEPTRON);
}

#[test]
fn weights_that_don_t_fit_are_named() {
    let Forward::Network { network, mut weights, .. } = linear(&[1.0], &[0.0], TargetScale::default()) else {
        panic!("a network")
    };
    weights.insert("0.bias".into(), Tensor::zeros(2, candle_core::DType::F32, &Device::Cpu).unwrap());
    assert!(matches!(network.check(&weights), Err(NetworkError::WrongShape { name, .. }) if name == "0.bias"));
    weights.remove("0.weight");
    assert!(matches!(network.check(&weights), Err(NetworkError::MissingWeight(name)) if name == "0.weight"));
}

#[test]
fn trees_survive_xgboost_s_form_and_one_row_equals_its_batch() {
    let values: Vec<f32> = (0..400).map(|at| if at % 37 == 0 { f32::NAN } else { (at % 19) as f32 }).collect();
    for (objective, classes) in [
        (Objective::BinaryLogistic(RegLoss::default()), 2),
        (Objective::Softprob(Multiclass::new(3).unwrap()), 3),
        (Objective::SquaredError(RegLoss::default()), 0),
    ] {
        let labels: Vec<f32> =
            (0..100).map(|row| if classes == 0 { row as f32 } else { (row % classes) as f32 }).collect();
        let data = DMatrix::from_dense(&values, 100, 4).unwrap().with_labels(&labels).unwrap();
        let params = TrainingParams::builder().objective(objective).max_depth(3).build().unwrap();
        let trees = Trees::new(train(&params, &data, 8).unwrap());
        let again = Trees::from_ubjson(&trees.to_ubjson().unwrap()).unwrap();
        let whole = again.predict(&values).unwrap();
        assert_eq!(whole, trees.predict(&values).unwrap());
        for (row, expected) in values.chunks(4).zip(whole.chunks(again.width())) {
            assert_eq!(again.predict(row).unwrap(), expected);
        }
    }
}

#[test]
fn early_stopping_s_best_round_survives_the_file() {
    let values: Vec<f32> = (0..400).map(|at| ((at * 7919) % 101) as f32).collect();
    let labels = |shift: usize| (0..100).map(|row| ((row * 31 + shift) % 17) as f32).collect::<Vec<_>>();
    let data = |shift| DMatrix::from_dense(&values, 100, 4).unwrap().with_labels(&labels(shift)).unwrap();
    let params = TrainingParams::builder().max_depth(4).build().unwrap();
    let (training, validation) = (data(0), data(5));
    let stop = std::num::NonZeroUsize::new(5).unwrap();
    let booster = Trainer::new(&params, &training, 60)
        .eval(&validation, "validation")
        .early_stopping_rounds(stop)
        .train()
        .unwrap()
        .model;
    assert!(booster.best_iteration().unwrap() + 1 < booster.num_boost_rounds(), "later rounds were trained");
    let trees = Trees::new(booster);
    let again = Trees::from_ubjson(&trees.to_ubjson().unwrap()).unwrap();
    assert_eq!(again.predict(&values).unwrap(), trees.predict(&values).unwrap());
}
