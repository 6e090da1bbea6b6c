//! Optimisers against their papers' formulas in f64, and their way through a checkpoint.

use std::collections::BTreeMap;

use api::config::Optimizer as Kind;
use candle_core::{Device, Tensor, Var};
use learn::optimize::Optimizer;

const RATE: f64 = 0.1;
const DECAY: f64 = 0.01;

fn weights() -> BTreeMap<String, Var> {
    let weight = Tensor::new(&[[1.0f32, -2.0], [0.5, 3.0]], &Device::Cpu).unwrap();
    let bias = Tensor::new(&[0.25f32, -1.5], &Device::Cpu).unwrap();
    [("weight".to_owned(), weight), ("bias".to_owned(), bias)]
        .map(|(name, value)| (name, Var::from_tensor(&value).unwrap()))
        .into()
}

/// Steps down Σ w⁴ / 4, whose gradient is w³.
fn descend(optimizer: &mut Optimizer, weights: &BTreeMap<String, Var>, steps: usize) {
    for _ in 0..steps {
        let sum =
            weights.values().map(|weight| (weight.sqr().unwrap().sqr().unwrap() / 4.0).unwrap().sum_all().unwrap());
        let sum = sum.reduce(|a, b| (a + b).unwrap()).unwrap();
        optimizer.step(&sum.backward().unwrap(), RATE).unwrap();
    }
}

fn flat(weights: &BTreeMap<String, Var>) -> Vec<f32> {
    weights.values().flat_map(|weight| weight.flatten_all().unwrap().to_vec1::<f32>().unwrap()).collect()
}

/// The same in f64, number by number. The bias (first in name order) is not decayed.
fn expected(kind: Kind, steps: i32) -> Vec<f64> {
    let start: [(f64, f64); 6] = [(0.25, 0.0), (-1.5, 0.0), (1.0, DECAY), (-2.0, DECAY), (0.5, DECAY), (3.0, DECAY)];
    start
        .into_iter()
        .map(|(mut weight, decay)| {
            let (mut first, mut second) = (0.0, 0.0);
            for step in 1..=steps {
                let gradient = weight.powi(3);
                match kind {
                    Kind::Adamw => {
                        first = 0.9 * first + 0.1 * gradient;
                        second = 0.999 * second + 0.001 * gradient * gradient;
                        let (mean, spread) = (first / (1.0 - 0.9f64.powi(step)), second / (1.0 - 0.999f64.powi(step)));
                        weight = weight - RATE * decay * weight - RATE * mean / (spread.sqrt() + 1e-8);
                    }
                    Kind::Sgd => {
                        first = 0.9 * first + gradient + decay * weight;
                        weight -= RATE * first;
                    }
                }
            }
            weight
        })
        .collect()
}

#[test]
fn steps_follow_the_formulas() {
    for kind in [Kind::Adamw, Kind::Sgd] {
        let weights = weights();
        let mut optimizer = Optimizer::new(kind, DECAY, &weights).unwrap();
        descend(&mut optimizer, &weights, 5);
        for (found, expected) in flat(&weights).into_iter().zip(expected(kind, 5)) {
            assert!((f64::from(found) - expected).abs() < 2e-5, "{kind:?}: {found} instead of {expected}");
        }
    }
}

#[test]
fn moments_saved_and_resumed_give_the_same_bits() {
    for kind in [Kind::Adamw, Kind::Sgd] {
        let whole = weights();
        let mut optimizer = Optimizer::new(kind, DECAY, &whole).unwrap();
        descend(&mut optimizer, &whole, 3);
        let (steps, moments) = (optimizer.steps(), optimizer.moments().unwrap());
        let again: BTreeMap<String, Var> = whole
            .iter()
            .map(|(name, weight)| (name.clone(), Var::from_tensor(&weight.as_tensor().copy().unwrap()).unwrap()))
            .collect();
        descend(&mut optimizer, &whole, 4);
        let mut resumed = Optimizer::new(kind, DECAY, &again).unwrap();
        resumed.resume(steps, &moments).unwrap();
        descend(&mut resumed, &again, 4);
        assert_eq!(
            flat(&whole).iter().map(|v| v.to_bits()).collect::<Vec<_>>(),
            flat(&again).iter().map(|v| v.to_bits()).collect::<Vec<_>>()
        );
    }
}
