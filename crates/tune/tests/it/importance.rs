//! Importance of params, against Optuna's fANOVA and scipy's Spearman.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;
use tune::importance::{Column, Importances, MOST_ROWS, assess, spearman};

use crate::{near, recorded};

#[derive(Deserialize)]
struct Recorded {
    rows: Vec<[f64; 4]>,
    kinds: Vec<String>,
    values: Vec<f64>,
    fanova: BTreeMap<String, f64>,
    spearman: BTreeMap<String, f64>,
}

fn numbers(name: &str, values: impl Iterator<Item = f64>) -> (String, Column) {
    (name.to_owned(), Column::Numbers(values.collect()))
}

fn order(found: &Importances) -> Vec<&str> {
    found.params.iter().map(|param| param.name.as_str()).collect()
}

#[test]
fn shares_are_about_those_of_optuna() {
    let recorded: Recorded = recorded("importance");
    let mut params: Vec<_> = ["a", "b", "c", "d"]
        .into_iter()
        .enumerate()
        .map(|(at, name)| numbers(name, recorded.rows.iter().map(|row| row[at])))
        .collect();
    params.push(("kind".to_owned(), Column::of_texts(recorded.kinds.iter().map(|kind| Some(kind.as_str())))));
    let found = assess(&params, &recorded.values, 0);
    assert_eq!((found.rows, found.rows_used), (400, 400));
    assert_eq!(order(&found)[..3], ["a", "b", "kind"]);
    // Both are of forests: theirs uniform between the bounds, ours as the rows are.
    for param in &found.params {
        let expected = recorded.fanova[&param.name];
        assert!((param.share - expected).abs() < 0.03, "{}: {} instead of {expected}", param.name, param.share);
        match recorded.spearman.get(&param.name) {
            Some(expected) => assert!(near(param.correlation.unwrap(), *expected, 1e-12)),
            None => assert_eq!(param.correlation, None),
        }
    }
    assert!(near(found.params.iter().map(|param| param.share).sum(), 1.0, 1e-12));
    assert!((0.9..=1.0).contains(&found.alone), "{}", found.alone);
    assert_eq!(assess(&params, &recorded.values, 0), found);
}

#[test]
fn known_shares_of_variance_are_found() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let rows: Vec<[f64; 3]> = (0..3000).map(|_| rng.random()).collect();
    // Variances of 3x and y are as 9 to 1; a learning rate over five orders of magnitude counts by its logarithm.
    let params = [
        numbers("rate", rows.iter().map(|row| 10f64.powf(-5.0 * row[0]))),
        numbers("small", rows.iter().map(|row| row[1])),
        numbers("none", rows.iter().map(|row| row[2])),
    ];
    let metric: Vec<f64> = rows.iter().map(|row| 3.0 * row[0] + row[1]).collect();
    let found = assess(&params, &metric, 0);
    assert_eq!(order(&found), ["rate", "small", "none"]);
    for (param, expected) in found.params.iter().zip([0.9, 0.1, 0.0]) {
        assert!((param.share - expected).abs() < 0.02, "{param:?}");
    }
    assert!(found.params[0].correlation.unwrap() < -0.9);
}

#[test]
fn what_only_two_explain_together_is_said_to_be_missing() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let rows: Vec<[bool; 2]> = (0..2000).map(|_| rng.random()).collect();
    let params = [0, 1].map(|at| {
        let texts: Vec<&str> = rows.iter().map(|row| if row[at] { "yes" } else { "no" }).collect();
        (at.to_string(), Column::of_texts(texts.into_iter().map(Some)))
    });
    let metric: Vec<f64> = rows.iter().map(|row| f64::from(u8::from(row[0] != row[1]))).collect();
    assert!(assess(&params, &metric, 0).alone < 0.05);
}

#[test]
fn a_param_that_counts_only_beside_a_value_of_another_has_its_share() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let rows: Vec<(bool, f64)> = (0..4000).map(|_| rng.random()).collect();
    let params = [
        ("kind".to_owned(), Column::Categories(rows.iter().map(|row| Some(u32::from(row.0))).collect())),
        numbers("rate", rows.iter().map(|row| row.1)),
    ];
    let metric: Vec<f64> = rows.iter().map(|row| if row.0 { 1.0 } else { row.1 }).collect();
    let found = assess(&params, &metric, 0);
    // The variance is 1/16 of the kind, 1/48 of the rate and 1/48 of both in concert.
    for (param, (name, expected)) in found.params.iter().zip([("kind", 0.75), ("rate", 0.25)]) {
        assert!(param.name == name && (param.share - expected).abs() < 0.02, "{param:?}");
    }
    assert!((found.alone - 0.8).abs() < 0.02, "{}", found.alone);
}

#[test]
fn missing_values_categories_and_constants() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let rows: Vec<[f64; 2]> = (0..1000).map(|_| rng.random()).collect();
    let is_missing = |row: &[f64; 2]| row[0] < 0.5;
    let params = [
        numbers("sparse", rows.iter().map(|row| if is_missing(row) { f64::NAN } else { row[1] })),
        numbers("constant", rows.iter().map(|_| 3.0)),
        ("named".to_owned(), Column::Categories((0..1000).map(Some).collect())),
        ("absent".to_owned(), Column::Categories(vec![None; 1000])),
        ("short".to_owned(), Column::Numbers(Vec::new())),
    ];
    let mut metric: Vec<f64> = rows.iter().map(|row| if is_missing(row) { 5.0 } else { row[1] }).collect();
    metric[0] = f64::NAN;
    metric[1] = f64::INFINITY;
    let found = assess(&params, &metric, 0);
    assert_eq!((found.rows, found.rows_used), (998, 998));
    assert_eq!(found.params[0].name, "sparse");
    assert!(found.params[0].share > 0.95, "{found:?}");
    assert!(near(found.params[0].correlation.unwrap(), 1.0, 1e-12));
    for param in &found.params[1..] {
        assert_eq!(param.correlation, None, "{}", param.name);
        let most = if param.name == "named" { 0.05 } else { 0.0 };
        assert!(param.share <= most, "{param:?}");
    }
}

#[test]
fn where_nothing_varies_nothing_matters() {
    let params = [numbers("a", (0..50).map(f64::from))];
    for metric in [vec![7.0; 50], vec![0.0; 50], vec![f64::NAN; 50], Vec::new(), vec![1.0], vec![f64::MAX; 50]] {
        let found = assess(&params, &metric, 0);
        assert_eq!((found.params[0].share, found.alone, found.params[0].correlation), (0.0, 0.0, None));
    }
    assert_eq!(assess(&[], &[1.0, 2.0], 0).params, []);
    // The squares of these would be infinite.
    let metric: Vec<f64> = (0..50).map(|at| f64::MAX * (f64::from(at) / 25.0 - 1.0)).collect();
    assert_eq!(assess(&params, &metric, 0).params[0].share, 1.0);
}

#[test]
fn texts_are_numbers_where_all_are() {
    let Column::Numbers(found) = Column::of_texts([Some("1e-05"), None, Some(" 3 ")]) else { panic!("no numbers") };
    assert_eq!((found[0], found[2]), (1e-5, 3.0));
    assert!(found[1].is_nan());
    let found = Column::of_texts([Some("1"), None, Some("adam"), Some("1")]);
    assert_eq!(found, Column::Categories(vec![Some(0), None, Some(1), Some(0)]));
}

#[test]
fn spearman_is_that_of_scipy() {
    #[derive(Deserialize)]
    struct Pairs {
        x: Vec<Option<f64>>,
        y: Vec<Option<f64>>,
        rho: f64,
    }
    for Pairs { x, y, rho } in recorded::<Vec<Pairs>>("spearman") {
        let numbers =
            |side: Vec<Option<f64>>| side.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect::<Vec<_>>();
        let found = spearman(&numbers(x), &numbers(y)).unwrap();
        assert!(near(found, rho, 1e-14), "{found} instead of {rho}");
    }
    assert_eq!(spearman(&[1.0, 1.0], &[1.0, 2.0]), None);
    assert_eq!(spearman(&[1.0], &[2.0]), None);
    assert_eq!(spearman(&[], &[]), None);
}

#[test]
fn a_hundred_thousand_runs_take_about_a_second() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let rows = 100_000;
    let params: Vec<_> = (0..30)
        .map(|at| numbers(&at.to_string(), (0..rows).map(|_| rng.random()).collect::<Vec<f64>>().into_iter()))
        .collect();
    let Column::Numbers(most) = &params[17].1 else { panic!("no numbers") };
    let metric: Vec<f64> = most.iter().map(|value| value + rng.random::<f64>()).collect();
    let start = Instant::now();
    let found = assess(&params, &metric, 0);
    let took = start.elapsed();
    assert_eq!((found.rows, found.rows_used), (rows, MOST_ROWS));
    assert_eq!(found.params[0].name, "17");
    // Generous, since other programs may run beside it; about 0.3 s by itself.
    assert!(took < Duration::from_secs(3), "{took:?}");
}
