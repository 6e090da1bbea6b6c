//! Drift against recorded values of Evidently and scipy (`fixtures/drift/record.py`), and our own
//! verdict: quiet without drift, awake with it.

use std::{sync::Arc, time::Instant};

use api::{
    config::{ColumnType, DataConfig},
    drift::{Distribution, DriftTest, Verdict},
    monitor::ColumnPart,
};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use data::drift::{
    alert::{AlertChange, AlertState},
    choice,
    compare::{ColumnSpec, Options, benjamini_hochberg, compare},
    floor::{Floors, Question, effective_size, round_size},
    kolmogorov, part,
    sample::Values,
    sampling, statistic,
    window::{WindowRule, window_closes},
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

fn fixture(name: &str) -> Value {
    let path = format!("{}/fixtures/drift/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> Vec<RecordBatch> {
    vec![
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap(),
    ]
}

fn column(values: &Value, numeric: bool) -> ArrayRef {
    let values = values.as_array().unwrap().iter();
    if numeric {
        Arc::new(values.map(Value::as_f64).collect::<Float64Array>())
    } else {
        Arc::new(values.map(Value::as_str).collect::<StringArray>())
    }
}

#[test]
fn values_and_plain_verdicts_are_evidentlys() {
    let mut seen = 0;
    for case in fixture("evidently")["cases"].as_array().unwrap() {
        let numeric = case["numeric"].as_bool().unwrap();
        let kind = if numeric { ColumnType::Decimal } else { ColumnType::Category };
        let reference = batch(vec![("x", column(&case["reference"], numeric))]);
        let current = batch(vec![("x", column(&case["current"], numeric))]);
        let asked = case["asked"].as_array().unwrap().iter().map(|expected| (expected, true));
        for (expected, ask) in std::iter::once((&case["default"], false)).chain(asked) {
            let test: DriftTest = serde_json::from_value(expected["test"].clone()).unwrap();
            let spec = ColumnSpec { test: ask.then_some(test), ..ColumnSpec::new("x", kind) };
            let report = compare(&reference, &current, &[spec], &Options::default(), &mut Floors::default()).unwrap();
            let found = &report.columns[0];
            let what = format!("{}, {test:?}", case["name"]);
            assert_eq!(found.test, test, "{what}");
            assert_eq!(found.threshold, expected["threshold"].as_f64().unwrap(), "{what}");
            match expected["value"].as_f64() {
                Some(value) => {
                    let room = 1e-9 * value.abs() + 1e-13;
                    assert!((found.value.unwrap() - value).abs() <= room, "{what}: {:?} is not {value}", found.value);
                }
                None => assert!(!found.value.unwrap().is_finite(), "{what}: {:?}", found.value),
            }
            assert_eq!(found.evidently_drifted, expected["drifted"].as_bool(), "{what}");
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn p_values_are_scipys() {
    let recorded = fixture("scipy");
    for case in recorded["ks"].as_array().unwrap() {
        let size = |key: &str| case[key].as_u64().unwrap() as usize;
        let (statistic, expected) = (case["statistic"].as_f64().unwrap(), case["p"].as_f64().unwrap());
        let found = kolmogorov::two_sample(statistic, size("n1"), size("n2"));
        assert!((found - expected).abs() <= 1e-8 * expected + 1e-12, "{case}: {found}");
    }
    for case in recorded["homogeneity"].as_array().unwrap() {
        let table: Vec<Vec<u64>> = serde_json::from_value(case["table"].clone()).unwrap();
        let (found, expected) = (statistic::homogeneity(&table[0], &table[1]), case["p"].as_f64().unwrap());
        assert!((found - expected).abs() < 1e-10, "{case}: {found}");
    }
    for case in recorded["false_discovery"].as_array().unwrap() {
        let given: Vec<Option<f64>> = serde_json::from_value(case["p"].clone()).unwrap();
        let expected: Vec<f64> = serde_json::from_value(case["adjusted"].clone()).unwrap();
        for (found, expected) in benjamini_hochberg(&given).iter().zip(expected) {
            assert!((found.unwrap() - expected).abs() < 1e-12, "{case}: {found:?}");
        }
    }
}

#[test]
fn defaults_are_evidentlys() {
    assert_eq!(choice::default_test(true, 1000, 6), DriftTest::Ks);
    assert_eq!(choice::default_test(true, 1000, 5), DriftTest::Chisquare);
    assert_eq!(choice::default_test(true, 1000, 2), DriftTest::Z);
    assert_eq!(choice::default_test(false, 1000, 400), DriftTest::Chisquare);
    assert_eq!(choice::default_test(true, 1001, 6), DriftTest::Wasserstein);
    assert_eq!(choice::default_test(true, 1001, 5), DriftTest::Jensenshannon);
    assert_eq!(choice::default_test(false, 1001, 2), DriftTest::Jensenshannon);
}

/// Six columns as production has them: a bell, a long tail, an evenly spread number, four values,
/// two values, and 400 categories, some rare.
struct World(ChaCha8Rng);

const NAMES: [&str; 6] = ["bell", "tail", "even", "four", "two", "many"];

impl World {
    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.0.random::<f64>()).sum::<f64>() - 6.0
    }

    /// `rows` rows; `shift` moves the bell by so many standard deviations.
    fn rows(&mut self, rows: usize, shift: f64) -> Vec<RecordBatch> {
        let bell: Float64Array = (0..rows).map(|_| Some(self.bell() + shift)).collect();
        let tail: Float64Array = (0..rows).map(|_| Some(self.bell().exp())).collect();
        let even: Float64Array = (0..rows).map(|_| Some(self.0.random_range(0.0..100.0))).collect();
        let mut text = |values: f64, skew: f64| -> StringArray {
            (0..rows).map(|_| Some(format!("v{}", (self.0.random::<f64>().powf(skew) * values) as u32))).collect()
        };
        let (four, two, many) = (text(4.0, 1.0), text(2.0, 3.0), text(400.0, 1.5));
        batch(vec![
            ("bell", Arc::new(bell)),
            ("tail", Arc::new(tail)),
            ("even", Arc::new(even)),
            ("four", Arc::new(four)),
            ("two", Arc::new(two)),
            ("many", Arc::new(many)),
        ])
    }
}

fn specs() -> Vec<ColumnSpec> {
    NAMES
        .iter()
        .map(|name| {
            let numeric = matches!(*name, "bell" | "tail" | "even");
            ColumnSpec::new(name, if numeric { ColumnType::Decimal } else { ColumnType::Category })
        })
        .collect()
}

/// Alerts over `windows` windows of `size` rows, and how many windows drifted or were left undecided.
fn watch(reference_rows: usize, size: usize, windows: usize, shift: f64, seed: u64) -> (Vec<String>, usize, usize) {
    let mut world = World(ChaCha8Rng::seed_from_u64(seed));
    let reference = world.rows(reference_rows, 0.0);
    let (mut floors, mut states) = (Floors::default(), [AlertState::default(); NAMES.len()]);
    let (mut alerts, mut drifted, mut undecided) = (Vec::new(), 0, 0);
    for window in 0..windows {
        let current = world.rows(size, shift);
        let report = compare(&reference, &current, &specs(), &Options::default(), &mut floors).unwrap();
        for (state, column) in states.iter_mut().zip(&report.columns) {
            drifted += usize::from(column.verdict == Verdict::Drifted);
            undecided += usize::from(column.verdict == Verdict::TooFewToDecide);
            if state.after(column.verdict, 2, 3) == AlertChange::Raised {
                alerts.push(format!("{} in window {window}: {:?}", column.column, column.value));
            }
        }
    }
    (alerts, drifted, undecided)
}

#[test]
fn without_drift_nothing_is_alarmed() {
    for (reference, size) in [(20_000, 100), (20_000, 1000), (2000, 1000), (1000, 100), (1000, 1000)] {
        let (alerts, drifted, undecided) = watch(reference, size, 200, 0.0, 42);
        println!("reference {reference}, 200 windows of {size}: {drifted} drifted, {undecided} undecided, {alerts:?}");
        assert!(alerts.is_empty(), "reference {reference}, windows of {size}: {alerts:?}");
    }
}

#[test]
fn a_real_shift_is_found_in_two_windows() {
    for (reference, size) in [(20_000, 100), (20_000, 1000), (1000, 100), (1000, 1000)] {
        let (alerts, ..) = watch(reference, size, 4, 0.5, 5);
        assert_eq!(alerts.len(), 1, "reference {reference}, windows of {size}: {alerts:?}");
        assert!(alerts[0].starts_with("bell in window 1:"), "{alerts:?}");
    }
}

#[test]
fn a_floor_over_the_threshold_decides_nothing() {
    let mut world = World(ChaCha8Rng::seed_from_u64(1));
    let reference = world.rows(20_000, 0.0);
    let mut floors = Floors::default();
    let current = world.rows(1000, 0.0);
    let report = compare(&reference, &current, &specs(), &Options::default(), &mut floors).unwrap();
    let many = report.columns.iter().find(|column| column.column == "many").unwrap();
    assert_eq!(
        (many.test, many.verdict, many.evidently_drifted),
        (DriftTest::Jensenshannon, Verdict::TooFewToDecide, Some(true))
    );
    assert!(many.floor.unwrap() > 0.1 && many.sentence.contains("too few to decide"), "{many:?}");
    assert_eq!((report.drifted, report.dataset_drifted), (0, false));
    // The cache answers the next window of that size, and survives being stored.
    let stored: Floors = serde_json::from_str(&serde_json::to_string(&floors).unwrap()).unwrap();
    assert_eq!(stored, floors);
    let mut again = stored;
    let second = compare(&reference, &current, &specs(), &Options::default(), &mut again).unwrap();
    assert_eq!((again, second), (floors, report));
}

/// Numbers near both ends of what a float holds, as a client may send them: their differences and squares are
/// beyond it.
#[test]
fn numbers_at_the_ends_of_the_range_are_compared_and_survive_being_stored() {
    let plain: Vec<f64> = (0..2000).map(|row| f64::from(row % 50)).collect();
    let ends: Vec<f64> =
        (0..2000).map(|row| [1e308, -1e308][row % 2] * (1.0 + f64::from(row as u32 % 50) / 100.0)).collect();
    let sentinels: Vec<f64> = (0..2000).map(|row| if row % 40 == 0 { f64::MAX } else { f64::from(row % 50) }).collect();
    let side = |values: &[f64]| batch(vec![("x", Arc::new(Float64Array::from(values.to_vec())) as ArrayRef)]);
    for asked in [None, Some(DriftTest::Wasserstein), Some(DriftTest::Jensenshannon), Some(DriftTest::Ks)] {
        let spec = ColumnSpec { test: asked, ..ColumnSpec::new("x", ColumnType::Decimal) };
        for (reference, current, drifted) in
            [(&plain, &ends, true), (&ends, &plain, true), (&ends, &ends, false), (&sentinels, &sentinels, false)]
        {
            let (left, right) = (side(reference), side(current));
            let report =
                compare(&left, &right, std::slice::from_ref(&spec), &Options::default(), &mut Floors::default())
                    .unwrap();
            let column = &report.columns[0];
            assert_eq!(column.verdict == Verdict::Drifted, drifted, "{asked:?}: {column:?}");
            assert!(column.value.unwrap().is_finite(), "{asked:?}: {column:?}");
            if let Some(Distribution::Numeric { current, .. }) = &column.distribution {
                assert!(current.edges.iter().all(|edge| edge.is_finite()), "{:?}", current.edges);
                assert_eq!(current.counts.iter().sum::<u64>(), 2000);
            }
            let stored = serde_json::to_string(&report).unwrap();
            assert_eq!(serde_json::from_str::<api::drift::DriftReport>(&stored).unwrap(), report);
        }
    }
}

/// The quick way to the floor's distances against the plain one: windows drawn, sorted, measured.
#[test]
fn a_floor_is_the_quantile_of_drawn_windows() {
    let mut world = World(ChaCha8Rng::seed_from_u64(9));
    let mut reference: Vec<f64> = (0..5000).map(|_| (world.bell() * 4.0).round()).collect();
    reference.sort_unstable_by(f64::total_cmp);
    let size = 100;
    for (test, measure) in [
        (DriftTest::Wasserstein, (|a, b| statistic::wasserstein(a, b)) as fn(&[f64], &[f64]) -> f64),
        (DriftTest::Jensenshannon, |a, b| {
            let (a, b) = statistic::cells(a, b);
            statistic::jensen_shannon(&a, &b)
        }),
    ] {
        let mut drawn: Vec<f64> = (0..4000)
            .map(|_| {
                let mut window: Vec<f64> =
                    (0..size).map(|_| reference[world.0.random_range(0..reference.len())]).collect();
                window.sort_unstable_by(f64::total_cmp);
                measure(&reference, &window)
            })
            .collect();
        drawn.sort_unstable_by(f64::total_cmp);
        let values = Values::Numbers(reference.clone());
        let floor = Floors::default()
            .find(Question { column: "x", test, reference: &values, current_rows: 102, threshold: 0.0, seed: 0 })
            .unwrap();
        // 500 windows say the 99 % quantile to within the quantiles beside it.
        let (low, high) = (drawn[(4000.0 * 0.975) as usize], drawn[(4000.0 * 0.998) as usize]);
        assert!((low..=high).contains(&floor), "{test:?}: {floor} is not in {low}..{high}");
    }
    assert_eq!((effective_size(5000, 102), effective_size(1200, 1000)), (100, 545));
    assert_eq!([7, 10, 99, 100, 124, 8213, 1_000_000].map(round_size), [7, 10, 80, 100, 100, 8000, 1_000_000]);
}

#[test]
fn what_can_not_be_compared_says_so() {
    let text = |values: Vec<Option<&str>>| Arc::new(values.into_iter().collect::<StringArray>()) as ArrayRef;
    let full = batch(vec![("a", text(vec![Some("x"); 4])), ("secret", text(vec![Some("x"); 4]))]);
    let empty = batch(vec![("a", text(vec![None; 4]))]);
    let category = |name| ColumnSpec::new(name, ColumnType::Category);
    let specs = [
        ColumnSpec { sensitive: true, ..category("secret") },
        category("a"),
        category("gone"),
        ColumnSpec::new("a", ColumnType::Text),
    ];
    let report = compare(&full, &empty, &specs, &Options::default(), &mut Floors::default()).unwrap();
    let verdicts: Vec<Verdict> = report.columns.iter().map(|column| column.verdict).collect();
    assert_eq!(verdicts, [Verdict::NotWatched, Verdict::Drifted, Verdict::NoValues, Verdict::NotWatched]);
    let gone = &report.columns[1];
    assert_eq!((gone.current_missing, gone.value, gone.sentence.as_str()), (1.0, None, "Missing 0 % → 100 %"));
    assert!(report.columns[0].distribution.is_none() && report.columns[0].value.is_none());
    assert_eq!((report.drifted, report.dataset_drifted), (1, true));
}

#[test]
fn missing_values_are_drift_where_their_share_changes_by_more_than_a_tenth_and_than_chance() {
    let numbers = |rows: usize, missing: usize| {
        let values = (0..rows).map(|row| (row >= missing).then_some((row * 7 % 31) as f64));
        batch(vec![("x", Arc::new(values.collect::<Float64Array>()) as ArrayRef)])
    };
    let verdict = |before: (usize, usize), after: (usize, usize)| {
        let spec = [ColumnSpec::new("x", ColumnType::Decimal)];
        let (reference, current) = (numbers(before.0, before.1), numbers(after.0, after.1));
        let report = compare(&reference, &current, &spec, &Options::default(), &mut Floors::default()).unwrap();
        report.columns[0].missing_drifted
    };
    assert!(!verdict((5000, 1000), (1000, 290)), "nine points");
    assert!(verdict((5000, 1000), (1000, 310)), "eleven points");
    assert!(verdict((5000, 1000), (1000, 80)), "fewer are drift, too");
    assert!(!verdict((5000, 1000), (20, 7)), "15 points of 20 rows are chance");
    assert!(verdict((5000, 1000), (20, 14)), "half of them are not");
}

#[test]
fn sentences_say_what_changed() {
    let numbers = |values: Vec<f64>| batch(vec![("x", Arc::new(Float64Array::from(values)) as ArrayRef)]);
    let sentence = |reference: Vec<RecordBatch>, current: Vec<RecordBatch>, kind| {
        compare(&reference, &current, &[ColumnSpec::new("x", kind)], &Options::default(), &mut Floors::default())
            .unwrap()
            .columns
            .remove(0)
            .sentence
    };
    let range = |from: i32| numbers((from..from + 61).map(f64::from).collect());
    assert_eq!(sentence(range(1), range(28), ColumnType::Integer), "Median 31 → 58");
    let text = |values: Vec<&str>| batch(vec![("x", Arc::new(StringArray::from(values)) as ArrayRef)]);
    let (before, after) = (text(vec!["web", "web", "shop", "shop"]), text(vec!["web", "app", "app", "app"]));
    assert_eq!(sentence(before, after, ColumnType::Category), "“app” 0 % → 75 %; 1 new value in 75 % of rows");
}

#[test]
fn windows_close_by_rule() {
    let day = WindowRule::parse("1 day", 1000).unwrap();
    assert_eq!(day, WindowRule::Time { interval_ms: 86_400_000, min_rows: 1000 });
    assert_eq!(WindowRule::parse("6 hours", 5).unwrap(), WindowRule::Time { interval_ms: 21_600_000, min_rows: 5 });
    let rows = WindowRule::parse(" 1,000 rows ", 5).unwrap();
    assert_eq!(rows, WindowRule::Rows { rows: 1000 });
    for wrong in ["", "day", "0 rows", "-1 day", "1 fortnight", "1.5 days", "1000"] {
        let error = WindowRule::parse(wrong, 1).unwrap_err().to_string();
        assert!(error.contains(&format!("{wrong:?}")) && error.contains("1 day"), "{error}");
    }
    assert!(!window_closes(86_399_999, 0, 5000, day));
    assert!(window_closes(86_400_000, 0, 1000, day));
    assert!(!window_closes(86_400_000, 0, 999, day), "it waits for its rows");
    assert!(window_closes(200_000_000, 0, 1000, day));
    assert!(!window_closes(i64::MAX, 0, 999, rows) && window_closes(0, 0, 1000, rows));
    assert_eq!((rows.room(400), day.room(400)), (Some(600), None));
}

#[test]
fn alerts_last_two_windows_in_and_three_out() {
    use AlertChange::{Cleared, Nothing, Raised};
    use Verdict::{Drifted as D, Same as S, TooFewToDecide as T};
    let mut state = AlertState::default();
    let steps = [
        (D, Nothing),
        (S, Nothing),
        (D, Nothing),
        (T, Nothing),
        (D, Nothing),
        (D, Raised),
        (D, Nothing),
        (S, Nothing),
        (S, Nothing),
        (D, Nothing),
        (S, Nothing),
        (S, Nothing),
        (S, Cleared),
        (D, Nothing),
        (D, Raised),
    ];
    for (step, (verdict, expected)) in steps.into_iter().enumerate() {
        assert_eq!(state.after(verdict, 2, 3), expected, "step {step}");
    }
}

#[test]
fn a_large_comparison_is_quick() {
    let mut world = World(ChaCha8Rng::seed_from_u64(3));
    let rows = 100_000;
    let mut side = || -> Vec<RecordBatch> {
        let names: Vec<String> =
            (0..30).map(|index| format!("{}{index}", if index < 20 { "n" } else { "c" })).collect();
        batch(
            names
                .iter()
                .enumerate()
                .map(|(index, name)| {
                    let array: ArrayRef = if index < 20 {
                        Arc::new((0..rows).map(|_| Some(world.0.random::<f64>())).collect::<Float64Array>())
                    } else {
                        Arc::new(
                            (0..rows)
                                .map(|_| Some(format!("v{}", world.0.random_range(0..50))))
                                .collect::<StringArray>(),
                        )
                    };
                    (name.as_str(), array)
                })
                .collect(),
        )
    };
    let (reference, current) = (side(), side());
    let columns: Vec<ColumnSpec> = reference[0]
        .schema()
        .fields()
        .iter()
        .map(|field| {
            ColumnSpec::new(
                field.name(),
                if field.name().starts_with('n') { ColumnType::Decimal } else { ColumnType::Category },
            )
        })
        .collect();
    let mut floors = Floors::default();
    for floors_known in [false, true] {
        let start = Instant::now();
        let report = compare(&reference, &current, &columns, &Options::default(), &mut floors).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        println!("100,000 x 30 x 2, floors known {floors_known}: {seconds:.2} s");
        assert_eq!(report.drifted, 0);
        // Generous: the machine is shared, and the build is not the released one.
        assert!(seconds < 20.0, "{seconds} s");
    }
}

#[test]
fn a_sample_of_a_large_table_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = std::iter::once("n\n".to_owned()).chain((0..30_000).map(|row| format!("{row}\n"))).collect();
    std::fs::write(folder.path().join("a.csv"), text).unwrap();
    let config = DataConfig { paths: vec!["a.csv".to_owned()], ..DataConfig::default() };
    let parquet = folder.path().join("t.parquet");
    let files = data::scan::files(folder.path(), &config).unwrap();
    data::table::convert(&files, &config, &parquet, &mut data::progress::silent).unwrap();
    let whole = sampling::read(&parquet, "the reference", 30_000, &mut data::progress::silent).unwrap();
    assert_eq!((whole.batches.len(), whole.rows, whole.remark), (4, 30_000, None));
    let some = sampling::read(&parquet, "the reference", 16_000, &mut data::progress::silent).unwrap();
    assert_eq!(some.batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 16_384);
    assert_eq!(
        some.remark.as_deref(),
        Some("Of the reference, 16,384 of 30,000 rows were compared: every 2nd stretch of 8,192 rows.")
    );
}

#[test]
fn bars_of_whole_numbers_are_whole_numbers_wide() {
    let hours = |from: u32, to: u32| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values((0..480).map(|row| f64::from(row % (to - from) + from))))
    };
    let specs = [ColumnSpec::new("hour", ColumnType::Integer)];
    let (reference, current) = (batch(vec![("hour", hours(0, 24))]), batch(vec![("hour", hours(3, 23))]));
    let report = compare(&reference, &current, &specs, &Options::default(), &mut Floors::default()).unwrap();
    let Some(Distribution::Numeric { reference, current }) = &report.columns[0].distribution else {
        panic!("{:?}", report.columns[0].distribution);
    };
    assert_eq!((reference.edges.len(), reference.edges[0], reference.edges[24]), (25, -0.5, 23.5));
    assert_eq!(reference.counts, [20; 24]);
    assert_eq!((current.counts[2], current.counts[3], current.counts[22], current.counts[23]), (0, 24, 24, 0));
}

#[test]
fn values_far_out_of_both_sides_share_an_outermost_bar() {
    let tail = |rows: u32, times: f64| -> ArrayRef {
        let share = move |row: u32| (f64::from(row) + 0.5) / f64::from(rows);
        Arc::new(Float64Array::from_iter_values((0..rows).map(|row| times * (1.0 / (1.0 - share(row)) - 1.0))))
    };
    let specs = [ColumnSpec::new("amount", ColumnType::Decimal)];
    let (reference, current) = (batch(vec![("amount", tail(2000, 1.0))]), batch(vec![("amount", tail(1000, 2.0))]));
    let report = compare(&reference, &current, &specs, &Options::default(), &mut Floors::default()).unwrap();
    let Some(Distribution::Numeric { reference, current }) = &report.columns[0].distribution else {
        panic!("{:?}", report.columns[0].distribution);
    };
    assert_eq!((reference.edges.len(), &reference.edges), (32, &current.edges));
    // Twice 19, beyond which one of 20 rows of the wider side lies.
    assert!((36.0..40.0).contains(&reference.edges[30]), "{:?}", reference.edges);
    assert_eq!((reference.counts.iter().sum::<u64>(), current.counts.iter().sum::<u64>()), (2000, 1000));
    assert!(current.counts[30].abs_diff(50) <= 2, "{:?}", current.counts);
    assert!((reference.edges[31] - 3999.0).abs() < 1e-3, "the largest value of both: {:?}", reference.edges);
}

#[test]
fn each_bar_leads_back_to_the_rows_that_were_counted_in_it() {
    let text = |values: Vec<String>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let numbers = |values: Vec<Option<f64>>| -> ArrayRef { Arc::new(Float64Array::from(values)) };
    // Long tails, a value on an edge, few values, and more categories than are shown.
    let tailed = |far: f64| (0..400).map(|row| Some(f64::from(row % 100))).chain([Some(far), None]).collect();
    let few = |from: u32| (0..402).map(|row| Some(f64::from(row % 7 + from))).collect();
    let many = |from: u32| (0..402).map(|row| format!("value {}", row % 30 + from)).collect();
    let side = |far, from| {
        batch(vec![("tailed", numbers(tailed(far))), ("few", numbers(few(from))), ("many", text(many(from)))])
    };
    let (reference, current) = (side(1e6, 0), side(-1e6, 3));
    let specs = [
        ColumnSpec::new("tailed", ColumnType::Decimal),
        ColumnSpec::new("few", ColumnType::Integer),
        ColumnSpec::new("many", ColumnType::Category),
    ];
    let report = compare(&reference, &current, &specs, &Options::default(), &mut Floors::default()).unwrap();
    for column in &report.columns {
        let count = |part| {
            let rows = part::rows_in(&current[0], column, part).unwrap().unwrap();
            rows.into_iter().filter(|fits| *fits).count() as u64
        };
        let (seen, counts) = match column.distribution.as_ref().unwrap() {
            Distribution::Numeric { reference, current } => (&reference.counts, &current.counts),
            Distribution::Categories { reference, current, .. } => (reference, current),
        };
        let found: Vec<u64> = (0..counts.len() as u32).map(|bar| count(ColumnPart::Bar { bar })).collect();
        assert_eq!(found, *counts, "{}", column.column);
        let unseen: u64 = seen.iter().zip(counts).filter(|(seen, _)| **seen == 0).map(|(_, count)| count).sum();
        assert_eq!(count(ColumnPart::Unseen), unseen, "{}", column.column);
        assert_eq!(count(ColumnPart::Missing), u64::from(column.column == "tailed"));
    }
    // Of a long text its beginning is kept, and what tells two of one beginning apart.
    let long = |end: &str| format!("{}{end}", "a".repeat(100_000));
    let texts = batch(vec![("many", text(vec![long("b"), long("c"), long("c")]))]);
    let specs = [ColumnSpec::new("many", ColumnType::Category)];
    let report = compare(&texts, &texts, &specs, &Options::default(), &mut Floors::default()).unwrap();
    let Some(Distribution::Categories { values, .. }) = &report.columns[0].distribution else { panic!("{report:?}") };
    assert!(values.len() == 2 && values.iter().all(|value| value.chars().count() < 220), "{values:?}");
    let rows = part::rows_in(&texts[0], &report.columns[0], ColumnPart::Bar { bar: 0 }).unwrap().unwrap();
    assert_eq!(rows.into_iter().filter(|fits| *fits).count(), 2);
    let other = batch(vec![("another", numbers(vec![Some(1.0)]))]);
    assert_eq!(part::rows_in(&other[0], &report.columns[0], ColumnPart::Unseen).unwrap(), None);
}
