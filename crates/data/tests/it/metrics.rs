//! Every figure against scikit-learn's, recorded by `fixtures/metrics/record.py`.

use std::time::Instant;

use api::{
    config::{EvaluationConfig, ThresholdRule},
    evaluation::{Figure, PartRows, Task},
};
use data::metrics::{
    MetricsError, Predictions,
    baseline::Baseline,
    binary::{self, evaluate_binary},
    bootstrap,
    calibration::{Bins, calibration},
    curve,
    multiclass::{self, evaluate_multiclass},
    ranking::Ranking,
    regression::{self, evaluate_regression},
    report::{Subject, assemble, primary},
    threshold,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

fn cases(name: &str) -> Vec<Value> {
    let path = format!("{}/fixtures/metrics/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let fixture: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    fixture["cases"].as_array().unwrap().clone()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn classes(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|value| value.as_u64().unwrap() as u32).collect()
}

fn close(found: f64, expected: &Value, what: &str) {
    match expected.as_f64() {
        Some(expected) => {
            let room = 1e-10 * expected.abs().max(1.0);
            assert!((found - expected).abs() <= room, "{what}: {found} where scikit-learn has {expected}");
        }
        None => assert!(found.is_nan(), "{what}: {found} where scikit-learn has NaN"),
    }
}

fn check(figures: &[Figure], expected: &Value, case: &str) {
    assert_eq!(figures.len(), expected.as_object().unwrap().len(), "{case}");
    for figure in figures {
        close(figure.value, &expected[&figure.name], &format!("{case}: {}", figure.name));
    }
}

fn check_values(metrics: &[data::metrics::Metric], values: &[f64], expected: &Value, case: &str) {
    for (metric, value) in metrics.iter().zip(values) {
        close(*value, &expected[metric.name], &format!("{case}: baseline {}", metric.name));
    }
}

#[test]
fn binary_figures_are_scikit_learns() {
    for case in cases("binary") {
        let name = case["name"].as_str().unwrap();
        let (actual, probability) = (classes(&case["actual"]), floats(&case["probability"]));
        let at = case["threshold"].as_f64().unwrap();
        check(&evaluate_binary(&actual, &probability, at), &case["figures"], name);
        let scored = binary::Scored::new(&actual, &probability);
        assert_eq!(serde_json::to_value(scored.tally(at).matrix().counts).unwrap(), case["confusion"], "{name}");
        if !case["baseline"].is_null() {
            let baseline = Baseline::of_counts(&[70, 30]).binary(&actual).unwrap();
            check_values(&binary::METRICS, &baseline, &case["baseline"], name);
        }
    }
}

#[test]
fn rare_positives_are_calibrated_where_they_are_called() {
    // 1 of 100 is positive, and the 64 rows at the top hold half of them.
    let probability: Vec<f64> = (0..6400).map(|row| f64::from(row) / 6400.0).collect();
    let actual: Vec<bool> = (0..6400).map(|row| if row < 6336 { row % 198 == 0 } else { row % 2 == 0 }).collect();
    let bins = Bins::halving(probability.len(), 30);
    let found = calibration("yes", |row| actual[row], &probability, &bins);
    assert_eq!(found.counts.iter().sum::<u64>(), 6400);
    assert_eq!(found.counts.len(), 8, "{:?}", found.counts);
    // An edge between two rows may fall to either side.
    for (count, expected) in found.counts.iter().zip([3200, 1600, 800, 400, 200, 100, 50, 50]) {
        assert!(count.abs_diff(expected) <= 1, "{:?}", found.counts);
    }
    assert_close(found.fraction_positive.last().copied(), 0.5);
    assert_close(found.fraction_positive.first().copied(), 17.0 / 3200.0);
    assert_eq!(Bins::halving(40, 30), Bins::Quantiles(Vec::new()), "too few rows for two bins");
}

fn assert_close(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 0.02), "{found:?}, not {expected}");
}

#[test]
fn binary_curves_and_calibration_are_scikit_learns() {
    for case in cases("binary") {
        let name = case["name"].as_str().unwrap();
        let (actual, probability) = (classes(&case["actual"]), floats(&case["probability"]));
        let ranking = Ranking::new(actual.len(), |row| actual[row] == 1, |row| probability[row]);
        let both = !case["roc"].is_null();
        let pairs = [
            ("roc", curve::roc(name, &ranking, 500)),
            ("precision_recall", curve::precision_recall(name, &ranking, 500)),
        ];
        for (kind, found) in pairs.into_iter().filter(|_| both) {
            let (x, y) = (floats(&case[kind]["x"]), floats(&case[kind]["y"]));
            let expected: Vec<(f64, f64)> = x.into_iter().zip(y).collect();
            for point in found.x.iter().zip(&found.y) {
                let near = expected.iter().any(|other| (point.0 - other.0).abs() + (point.1 - other.1).abs() < 1e-12);
                assert!(near, "{name}: {point:?} is not on scikit-learn's {kind} curve");
            }
            assert!(found.threshold.iter().all(|value| value.is_finite()), "{name}: thresholds cross JSON");
        }
        let tenths = (1..10).map(|tenth| f64::from(tenth) / 10.0).collect();
        for (key, bins) in
            [("calibration_uniform", Bins::Uniform(10)), ("calibration_quantile", Bins::Quantiles(tenths))]
        {
            let found = calibration(name, |row| actual[row] == 1, &probability, &bins);
            assert_eq!(found.counts.iter().sum::<u64>(), actual.len() as u64, "{name}");
            if both {
                let expected = &case[key];
                assert_eq!(found.mean_predicted.len(), expected["mean"].as_array().unwrap().len(), "{name}: {key}");
                for bin in 0..found.mean_predicted.len() {
                    close(found.mean_predicted[bin], &expected["mean"][bin], name);
                    close(found.fraction_positive[bin], &expected["fraction"][bin], name);
                }
            }
        }
    }
}

#[test]
fn multiclass_figures_are_scikit_learns() {
    for case in cases("multiclass") {
        let name = case["name"].as_str().unwrap();
        let (actual, probability) = (classes(&case["actual"]), floats(&case["probability"]));
        let count = case["classes"].as_u64().unwrap() as usize;
        check(&evaluate_multiclass(&actual, &probability, count), &case["figures"], name);
        let tally = multiclass::Scored::new(&actual, &probability, count).tally(&[]);
        assert_eq!(serde_json::to_value(tally.matrix().counts).unwrap(), case["confusion"], "{name}");
        let names: Vec<String> = (0..count).map(|class| class.to_string()).collect();
        for (class, found) in tally.per_class(&names).iter().enumerate() {
            close(found.precision, &case["per_class"]["precision"][class], name);
            close(found.recall, &case["per_class"]["recall"][class], name);
            close(found.f1, &case["per_class"]["f1"][class], name);
            assert_eq!(found.support, case["per_class"]["support"][class].as_u64().unwrap(), "{name}");
        }
        let counts: Vec<u64> =
            case["training_counts"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
        let baseline = Baseline::of_counts(&counts).multiclass(&actual).unwrap();
        check_values(&multiclass::METRICS, &baseline, &case["baseline"], name);
    }
}

#[test]
fn regression_figures_are_scikit_learns() {
    for case in cases("regression") {
        let name = case["name"].as_str().unwrap();
        let (actual, predicted) = (floats(&case["actual"]), floats(&case["predicted"]));
        let figures = evaluate_regression(&actual, &predicted);
        for figure in &figures {
            // Far from zero the digits of a difference are lost before any formula sees them.
            let expected = &case["figures"][&figure.name];
            match expected.as_f64() {
                Some(value) => {
                    assert!(
                        (figure.value - value).abs() <= 1e-9 * value.abs().max(1.0),
                        "{name}: {figure:?} is not {value}"
                    );
                }
                None => assert!(figure.value.is_nan(), "{name}: {figure:?}"),
            }
        }
        let baseline = Baseline::of_values(&floats(&case["training"])).regression(&actual).unwrap();
        check_values(&regression::METRICS, &baseline, &case["baseline"], name);
    }
}

#[test]
fn the_threshold_has_the_best_f1_of_all() {
    for case in cases("binary").into_iter().filter(|case| !case["best_f1"].is_null()) {
        let (actual, probability) = (classes(&case["actual"]), floats(&case["probability"]));
        let scored = binary::Scored::new(&actual, &probability);
        let chosen = threshold::choose(&scored.ranking, &EvaluationConfig::default());
        close(scored.tally(chosen.value).f1(1), &case["best_f1"], case["name"].as_str().unwrap());
    }
}

#[test]
fn a_stated_cost_moves_the_threshold() {
    let (actual, probability) = simulated(5000, 0.1, 3);
    let scored = binary::Scored::new(&actual, &probability);
    let cost = |false_negative: f64, false_positive: f64, at: f64| {
        let counts = scored.tally(at).matrix().counts;
        counts[1][0] as f64 * false_negative + counts[0][1] as f64 * false_positive
    };
    for (miss, alarm) in [(1.0, 1.0), (50.0, 1.0), (1.0, 1000.0)] {
        let config = EvaluationConfig {
            threshold: ThresholdRule::Cost,
            cost_false_negative: miss,
            cost_false_positive: alarm,
            ..EvaluationConfig::default()
        };
        let chosen = threshold::choose(&scored.ranking, &config);
        let least = (0..=1000).map(|step| cost(miss, alarm, f64::from(step) / 1000.0)).fold(f64::INFINITY, f64::min);
        assert!(cost(miss, alarm, chosen.value) <= least, "{chosen:?} costs more than {least}");
    }
}

fn simulated(rows: usize, positives: f64, seed: u64) -> (Vec<u32>, Vec<f64>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..rows)
        .map(|_| {
            let positive = random.random_bool(positives);
            let logit: f64 = random.random_range(-3.0..3.0) + if positive { 1.5 } else { -1.5 };
            (u32::from(positive), 1.0 / (1.0 + (-logit).exp()))
        })
        .unzip()
}

/// Resamples written out row by row, each sorted and measured by itself, give the interval that
/// shared sorting gives; with equal scores and without.
#[test]
fn intervals_are_those_of_resamples_measured_one_by_one() {
    let (rows, resamples, seed) = (400, 60, 3);
    let (actual, exact) = simulated(rows, 0.3, 11);
    let coarse: Vec<f64> = exact.iter().map(|value| (value * 12.0).round() / 12.0).collect();
    for probability in [exact, coarse] {
        let shared = binary::Scored::new(&actual, &probability).intervals(0.5, resamples, seed);
        // Ranks are drawn, so rows have to stand in their order.
        let order = Ranking::new(rows, |row| actual[row] == 1, |row| probability[row]).order;
        let one_by_one = bootstrap::intervals(rows, resamples, seed, |counts| {
            let drawn = order.iter().enumerate().flat_map(|(rank, row)| vec![*row as usize; counts.of(rank) as usize]);
            let (actual, probability): (Vec<u32>, Vec<f64>) = drawn.map(|row| (actual[row], probability[row])).unzip();
            assert_eq!(actual.len(), rows, "as many rows as there were");
            binary::Scored::new(&actual, &probability).figures(0.5)
        });
        for (index, (shared, alone)) in shared.iter().zip(one_by_one).enumerate() {
            let ((low, high), (alone_low, alone_high)) = (shared.unwrap(), alone.unwrap());
            let error = (low - alone_low).abs().max((high - alone_high).abs());
            assert!(error < 1e-9, "{}: {low}..{high}, not {alone_low}..{alone_high}", binary::METRICS[index].name);
        }
    }
}

#[test]
fn intervals_don_t_hang_on_the_number_of_threads() {
    let (actual, probability) = simulated(3000, 0.2, 1);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| binary::Scored::new(&actual, &probability).intervals(0.5, 99, 7))
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn intervals_cover_what_they_should() {
    let (rows, worlds) = (300, 120);
    let (truth_rows, truth_scores) = simulated(200_000, 0.3, 999);
    let truth = binary::Scored::new(&truth_rows, &truth_scores).figures(0.5);
    let mut covered = [0_u32; binary::METRICS.len()];
    for world in 0..worlds {
        let (actual, probability) = simulated(rows, 0.3, world);
        let intervals = binary::Scored::new(&actual, &probability).intervals(0.5, 200, world);
        for (index, interval) in intervals.iter().enumerate() {
            let (low, high) = interval.unwrap();
            covered[index] += u32::from(low <= truth[index] && truth[index] <= high);
        }
    }
    for (metric, covered) in binary::METRICS.iter().zip(covered) {
        let share = f64::from(covered) / worlds as f64;
        assert!((0.87..=1.0).contains(&share), "{}: {share} of 95 % intervals hold the truth", metric.name);
    }
}

#[test]
fn intervals_are_the_same_for_a_seed_and_fast() {
    let (actual, probability) = simulated(100_000, 0.005, 1);
    let scored = binary::Scored::new(&actual, &probability);
    let start = Instant::now();
    let first = scored.intervals(0.5, 500, 7);
    let seconds = start.elapsed().as_secs_f64();
    println!("500 resamples of 100,000 rows: {seconds:.2} s");
    // Generous: the machine is shared, and the build is not the released one.
    assert!(seconds < 20.0, "{seconds} s");
    let small = binary::Scored::new(&actual[..1000], &probability[..1000]);
    assert_eq!(small.intervals(0.5, 50, 7), small.intervals(0.5, 50, 7));
    assert_ne!(small.intervals(0.5, 50, 7), small.intervals(0.5, 50, 8));
    let value = scored.figures(0.5);
    for (index, interval) in first.iter().enumerate() {
        let (low, high) = interval.unwrap();
        assert!(low <= value[index] && value[index] <= high, "{}", binary::METRICS[index].name);
    }
}

#[test]
fn long_curves_keep_their_corners() {
    let (actual, probability) = simulated(50_000, 0.02, 5);
    let ranking = Ranking::new(actual.len(), |row| actual[row] == 1, |row| probability[row]);
    let whole = curve::roc("1", &ranking, usize::MAX);
    let thin = curve::roc("1", &ranking, curve::MOST_POINTS);
    assert!(thin.x.len() <= 500 && whole.x.len() > 500, "{} of {}", thin.x.len(), whole.x.len());
    assert_eq!((thin.x[0], thin.y[0]), (0.0, 0.0));
    assert_eq!((thin.x[thin.x.len() - 1], thin.y[thin.y.len() - 1]), (1.0, 1.0));
    for point in whole.x.iter().zip(&whole.y) {
        let nearest = (1..thin.x.len())
            .map(|end| {
                let (run, rise) = (thin.x[end] - thin.x[end - 1], thin.y[end] - thin.y[end - 1]);
                let (x, y) = (point.0 - thin.x[end - 1], point.1 - thin.y[end - 1]);
                let along = ((x * run + y * rise) / (run * run + rise * rise)).clamp(0.0, 1.0);
                (x - along * run).hypot(y - along * rise)
            })
            .fold(f64::INFINITY, f64::min);
        assert!(nearest < 1.0 / 500.0, "{point:?} lies {nearest} from the thinned curve");
    }
}

fn subject<'a>(classes: &'a [String], config: &'a EvaluationConfig, baseline: &'a Baseline) -> Subject<'a> {
    Subject {
        classes,
        unit: Some("€"),
        config,
        baseline,
        balance: true,
        rows: PartRows::default(),
        seed: 1,
        remarks: vec![],
    }
}

#[test]
fn a_binary_report_is_whole() {
    let (validation, validation_scores) = simulated(2000, 0.05, 1);
    let (test, test_scores) = simulated(2000, 0.05, 2);
    let (names, config) = (["no".to_owned(), "yes".to_owned()], EvaluationConfig::default());
    let baseline = Baseline::of_counts(&[95, 5]);
    let report = assemble(
        subject(&names, &config, &baseline),
        Predictions::Binary { actual: &validation, probability: &validation_scores },
        Predictions::Binary { actual: &test, probability: &test_scores },
    )
    .unwrap();
    assert_eq!((report.task, report.primary.as_str()), (Task::BinaryClassification, "average_precision"));
    assert_eq!(report.test[0].name, "average_precision");
    let chosen = threshold::choose(&binary::Scored::new(&validation, &validation_scores).ranking, &config);
    assert_eq!(report.threshold, Some(chosen), "chosen on validation");
    for figure in &report.test {
        let (low, high) = figure.interval.unwrap();
        assert!(low <= figure.value && figure.value <= high, "{figure:?}");
        assert!(figure.baseline.is_some(), "{figure:?}");
    }
    let average_precision = &report.test[0];
    assert!(average_precision.value > average_precision.baseline.unwrap());
    assert_eq!((report.roc.len(), report.precision_recall.len(), report.calibration.len()), (1, 1, 1));
    // It crosses JSON; the reader may round the last bit of a number.
    let again: api::evaluation::Evaluation = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    assert_eq!((&again.confusion, &again.per_class[1].class), (&report.confusion, &report.per_class[1].class));
    for (again, figure) in again.test.iter().zip(&report.test) {
        assert!(again.name == figure.name && (again.value - figure.value).abs() < 1e-12, "{again:?}");
    }
}

#[test]
fn a_test_part_of_one_class_is_said_and_crosses_json() {
    let (validation, scores) = simulated(200, 0.3, 1);
    let (names, config) = (["no".to_owned(), "yes".to_owned()], EvaluationConfig::default());
    let baseline = Baseline::of_counts(&[70, 30]);
    let report = assemble(
        subject(&names, &config, &baseline),
        Predictions::Binary { actual: &validation, probability: &scores },
        Predictions::Binary { actual: &[0; 40], probability: &scores[..40] },
    )
    .unwrap();
    let area = report.test.iter().find(|figure| figure.name == "roc_auc").unwrap();
    assert!(area.value.is_nan() && area.interval.is_none());
    assert!(report.remarks[0].contains("yes (0)"), "{:?}", report.remarks);
    let text = serde_json::to_string(&report).unwrap();
    serde_json::from_str::<api::evaluation::Evaluation>(&text).unwrap();
}

#[test]
fn a_multiclass_and_a_regression_report_are_whole() {
    let case = &cases("multiclass")[0];
    let (actual, probability) = (classes(&case["actual"]), floats(&case["probability"]));
    let part = Predictions::Multiclass { actual: &actual, probability: &probability, classes: 3 };
    let (names, config) = (["a", "b", "c"].map(str::to_owned), EvaluationConfig::default());
    let report = assemble(subject(&names, &config, &Baseline::of_counts(&[5, 3, 2])), part, part).unwrap();
    assert_eq!((report.primary.as_str(), report.roc.len(), report.per_class.len()), ("accuracy", 3, 3));

    let case = &cases("regression")[0];
    let (actual, predicted) = (floats(&case["actual"]), floats(&case["predicted"]));
    let part = Predictions::Regression { actual: &actual, predicted: &predicted };
    let report = assemble(subject(&[], &config, &Baseline::of_values(&actual)), part, part).unwrap();
    assert_eq!((report.primary.as_str(), report.more_is_better), ("rmse", false));
    assert_eq!(report.test[0].unit.as_deref(), Some("€"));
    let residuals = report.residuals.unwrap();
    assert_eq!(residuals.histogram.counts.iter().sum::<u64>(), actual.len() as u64);
}

/// Rows of three classes (90, 8 and 2 %) with their probabilities: each row's own class is likelier than its share
/// says, and seldom the likeliest where it is rare.
fn rare_classes(seed: u64) -> (Vec<u32>, Vec<f64>) {
    let shares = [0.9_f64, 0.08, 0.02];
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut actual, mut probability) = (Vec::new(), Vec::new());
    for row in 0..3000 {
        let class = [0, 1, 2][usize::from(row % 50 >= 45) + usize::from(row % 50 == 49)];
        let odds = [0, 1, 2].map(|other| {
            let own = if other == class { 2.0 } else { 0.0 };
            shares[other] * (own + random.random_range(-1.5..1.5_f64)).exp()
        });
        actual.push(class as u32);
        probability.extend(odds.map(|value| value / odds.iter().sum::<f64>()));
    }
    (actual, probability)
}

#[test]
fn rare_classes_are_preferred_as_validation_says() {
    let (validation, validation_probability) = rare_classes(1);
    let (test, probability) = rare_classes(2);
    let (names, config) = (["a", "b", "c"].map(str::to_owned), EvaluationConfig::default());
    let baseline = Baseline::of_counts(&[90, 8, 2]);
    let report = |balance, baseline| {
        assemble(
            Subject { balance, ..subject(&names, &config, baseline) },
            Predictions::Multiclass { actual: &validation, probability: &validation_probability, classes: 3 },
            Predictions::Multiclass { actual: &test, probability: &probability, classes: 3 },
        )
        .unwrap()
    };
    let figure = |figures: &[Figure], name: &str| figures.iter().find(|figure| figure.name == name).unwrap().value;
    let (preferred, plain) = (report(true, &baseline), report(false, &baseline));
    let factors = preferred.decision.clone().unwrap().factors;
    assert!(factors[0] == 1.0 && factors[1] > 1.0 && factors[2] > factors[1], "{factors:?}");
    for (preferred, plain) in [(&preferred.validation, &plain.validation), (&preferred.test, &plain.test)] {
        for name in ["f1_macro", "balanced_accuracy"] {
            let (with, without) = (figure(preferred, name), figure(plain, name));
            assert!(with > without + 0.05, "{name}: {with} with, {without} without");
        }
        for name in ["log_loss", "roc_auc_ovr", "brier_score"] {
            assert_eq!(figure(preferred, name), figure(plain, name), "{name}");
        }
    }
    let scored = multiclass::Scored::new(&test, &probability, 3);
    assert_eq!(preferred.confusion, Some(scored.tally(&factors).matrix()));
    // Not where it is switched off, nor where no class is rare in training.
    assert_eq!((plain.decision.as_ref(), plain.confusion), (None, Some(scored.tally(&[]).matrix())));
    assert_eq!(report(true, &Baseline::of_counts(&[4, 3, 3])).decision, None);
}

#[test]
fn the_primary_metric_fits_the_task() {
    let name = |part: Predictions<'_>, asked| primary(&part, asked).map(|metric| metric.name);
    let balanced = Predictions::Binary { actual: &[0, 1, 0, 1], probability: &[0.1; 4] };
    assert_eq!(name(balanced, None), Ok("roc_auc"));
    assert_eq!(name(balanced, Some("f1")), Ok("f1"));
    let mut rare = vec![0; 100];
    rare[0] = 1;
    assert_eq!(name(Predictions::Binary { actual: &rare, probability: &[0.1; 100] }, None), Ok("average_precision"));
    rare[1] = 2;
    let uneven = Predictions::Multiclass { actual: &rare, probability: &[0.3; 300], classes: 3 };
    assert_eq!(name(uneven, None), Ok("balanced_accuracy"));
    let unknown = name(balanced, Some("auc")).unwrap_err();
    assert!(
        matches!(&unknown, MetricsError::UnknownMetric { .. }) && unknown.to_string().contains("roc_auc"),
        "{unknown}"
    );
}

#[test]
fn what_can_not_be_measured_is_refused() {
    let check = |part: Predictions<'_>| part.check("test").unwrap_err();
    assert_eq!(check(Predictions::Binary { actual: &[], probability: &[] }), MetricsError::NoRows { part: "test" });
    let short = Predictions::Binary { actual: &[0, 1], probability: &[0.5] };
    assert!(matches!(check(short), MetricsError::Lengths { expected: 2, found: 1, .. }));
    let diverged = Predictions::Regression { actual: &[1.0, 2.0], predicted: &[1.0, f64::NAN] };
    assert!(matches!(check(diverged), MetricsError::NotFinite { row: 1, .. }));
    let logit = Predictions::Binary { actual: &[0], probability: &[3.0] };
    assert!(matches!(check(logit), MetricsError::NotAProbability { .. }));
    let class = Predictions::Multiclass { actual: &[2], probability: &[0.5, 0.5], classes: 2 };
    assert!(matches!(check(class), MetricsError::NoSuchClass { class: 2, .. }));
}
