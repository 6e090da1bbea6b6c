//! Two sets of rows, column by column: Evidently's numbers and verdict, and our own verdict beside.

use api::{
    config::ColumnType,
    drift::{ColumnDrift, DriftReport, DriftTest, Verdict},
};
use arrow_array::RecordBatch;

use super::{
    DriftError, choice, describe,
    floor::{Floors, Question},
    sample::{Sample, Values, aligned},
    statistic,
};
use crate::progress::{Progress, silent};

/// A column to compare.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSpec {
    pub name: String,
    pub kind: ColumnType,
    /// Never logged: stands as not watched.
    pub sensitive: bool,
    /// Instead of Evidently's default; passed over where it can't be asked of the type.
    pub test: Option<DriftTest>,
    /// Instead of the test's default.
    pub threshold: Option<f64>,
}

impl ColumnSpec {
    /// A column with every default.
    pub fn new(name: &str, kind: ColumnType) -> Self {
        Self { name: name.to_owned(), kind, sensitive: false, test: None, threshold: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Share of drifted columns from which the dataset counts as drifted.
    pub drift_share: f64,
    /// Of the windows that floors are drawn from.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { drift_share: 0.5, seed: 0 }
    }
}

/// Compares `current` with `reference`. `floors` belongs to this reference and grows by what had to
/// be drawn.
///
/// Our verdict: a distance counts as drift if it reaches its threshold and exceeds its floor; where
/// the floor itself reaches the threshold, a distance that doesn't exceed it decides nothing.
/// p-values count after Benjamini and Hochberg's correction over all columns that have one; that of
/// chi² is then the two-sample one, since Evidently's takes the reference's shares as exactly known.
/// A share of missing values that changed by [`MISSING_LIMIT`] is drift of its own.
pub fn compare(
    reference: &[RecordBatch],
    current: &[RecordBatch],
    columns: &[ColumnSpec],
    options: &Options,
    floors: &mut Floors,
) -> Result<DriftReport, DriftError> {
    compare_while(reference, current, columns, options, floors, &mut silent)
}

/// The same for a caller who shows how far it is, in columns, or stops it.
pub fn compare_while(
    reference: &[RecordBatch],
    current: &[RecordBatch],
    columns: &[ColumnSpec],
    options: &Options,
    floors: &mut Floors,
    progress: Progress<'_>,
) -> Result<DriftReport, DriftError> {
    let mut measured = Vec::with_capacity(columns.len());
    for column in columns {
        measured.push(measure(reference, current, column, options.seed, floors)?);
        if progress(1).is_break() {
            return Err(DriftError::Cancelled);
        }
    }
    let own: Vec<Option<f64>> = measured.iter().map(|(_, p_value)| *p_value).collect();
    let adjusted = benjamini_hochberg(&own);
    let mut columns: Vec<ColumnDrift> = measured.into_iter().map(|(column, _)| column).collect();
    for (column, adjusted) in columns.iter_mut().zip(adjusted) {
        if let Some(adjusted) = adjusted {
            column.adjusted = Some(adjusted);
            let drifted = choice::evidently_verdict(column.test, adjusted, column.threshold);
            column.verdict = if drifted || column.missing_drifted { Verdict::Drifted } else { Verdict::Same };
        }
    }
    let count = |verdict| columns.iter().filter(|column| column.verdict == verdict).count();
    let (drifted, same) = (count(Verdict::Drifted), count(Verdict::Same));
    let share = if drifted == 0 { 0.0 } else { drifted as f64 / (drifted + same) as f64 };
    let rows = |batches: &[RecordBatch]| batches.iter().map(|batch| batch.num_rows() as u64).sum();
    Ok(DriftReport {
        reference_rows: rows(reference),
        current_rows: rows(current),
        columns,
        drifted: drifted as u32,
        share,
        dataset_drifted: drifted > 0 && share >= options.drift_share,
        remarks: Vec::new(),
    })
}

/// The column's report, and the p-value that is corrected over columns.
fn measure(
    reference: &[RecordBatch],
    current: &[RecordBatch],
    column: &ColumnSpec,
    seed: u64,
    floors: &mut Floors,
) -> Result<(ColumnDrift, Option<f64>), DriftError> {
    let fallback = column.test.unwrap_or(DriftTest::Jensenshannon);
    let mut report = ColumnDrift {
        column: column.name.clone(),
        kind: column.kind,
        test: fallback,
        value: None,
        adjusted: None,
        threshold: column.threshold.unwrap_or(choice::default_threshold(fallback)),
        floor: None,
        verdict: Verdict::NotWatched,
        evidently_drifted: None,
        reference_missing: 0.0,
        current_missing: 0.0,
        missing_drifted: false,
        distribution: None,
        sentence: "Sensitive: never logged, so not watched".to_owned(),
    };
    if column.sensitive {
        return Ok((report, None));
    }
    if matches!(column.kind, ColumnType::Text | ColumnType::Image) {
        report.sentence = "Free text and images are not compared".to_owned();
        return Ok((report, None));
    }
    let sides =
        (Sample::read(reference, &column.name, column.kind)?, Sample::read(current, &column.name, column.kind)?);
    report.verdict = Verdict::NoValues;
    let (Some(reference), Some(current)) = sides else {
        report.sentence = "The column is missing on one side".to_owned();
        return Ok((report, None));
    };
    (report.reference_missing, report.current_missing) = (reference.missing_share(), current.missing_share());
    report.missing_drifted = missing_drifted(&reference, &current);
    if reference.present() == 0 || current.present() == 0 {
        if report.missing_drifted {
            report.verdict = Verdict::Drifted;
            report.sentence = format!("Missing {}", describe::missing(&reference, &current));
        } else {
            report.sentence = "No values to compare on one side".to_owned();
        }
        return Ok((report, None));
    }
    report.distribution = describe::distribution(&reference, &current, column.kind);
    report.sentence = describe::sentence(&reference, &current, column.kind);
    let compared = Compared::new(&reference, &current, column.test);
    report.test = compared.test;
    report.threshold = column.threshold.unwrap_or(choice::default_threshold(compared.test));
    report.value = Some(compared.value);
    report.evidently_drifted = Some(choice::evidently_verdict(compared.test, compared.value, report.threshold));
    report.floor = floors.find(Question {
        column: &column.name,
        test: compared.test,
        reference: &reference.values,
        current_rows: current.present(),
        threshold: report.threshold,
        seed,
    });
    report.verdict = distance_verdict(compared.value, report.threshold, report.floor);
    if report.missing_drifted {
        report.verdict = Verdict::Drifted;
    } else if let (Verdict::TooFewToDecide, Some(floor)) = (report.verdict, report.floor) {
        report.sentence.push_str(&format!(
            "; too few to decide: chance alone reaches {}, the limit is {}",
            describe::number(floor),
            describe::number(report.threshold)
        ));
    }
    Ok((report, compared.p_value))
}

/// By how much the share of missing values may change, up or down, until that alone is drift.
pub const MISSING_LIMIT: f64 = 0.1;

/// Whether the share of missing values changed by the limit, and by more than chance does in 99 of 100 windows: the
/// tests leave missing values out (as Evidently does), so that a column whose values stop coming is the same to them.
fn missing_drifted(reference: &Sample, current: &Sample) -> bool {
    let (before, after) = (reference.rows as f64, current.rows as f64);
    if before == 0.0 || after == 0.0 {
        return false;
    }
    let change = (current.missing_share() - reference.missing_share()).abs();
    // Two proportions, pooled; 2.576 is the 99.5 % quantile of the normal distribution.
    let pooled = (reference.missing + current.missing) as f64 / (before + after);
    let chance = 2.576 * (pooled * (1.0 - pooled) * (1.0 / before + 1.0 / after)).sqrt();
    change >= MISSING_LIMIT && change > chance
}

/// Our verdict on a distance; p-values get theirs after correction.
fn distance_verdict(value: f64, threshold: f64, floor: Option<f64>) -> Verdict {
    let floor = floor.unwrap_or(0.0);
    if value >= threshold && value > floor {
        Verdict::Drifted
    } else if floor >= threshold {
        Verdict::TooFewToDecide
    } else {
        Verdict::Same
    }
}

struct Compared {
    test: DriftTest,
    /// Evidently's number.
    value: f64,
    /// What our own verdict corrects, where the test has a p-value.
    p_value: Option<f64>,
}

impl Compared {
    fn new(reference: &Sample, current: &Sample, asked: Option<DriftTest>) -> Self {
        match (&reference.values, &current.values) {
            (Values::Numbers(left), Values::Numbers(right)) => {
                let distinct = distinct_of_both(left, right, choice::FEW_VALUES + 1);
                let test = asked.unwrap_or_else(|| choice::default_test(true, left.len(), distinct));
                match test {
                    DriftTest::Ks => Self::of_p_value(test, statistic::ks(left, right)),
                    DriftTest::Wasserstein => Self { test, value: statistic::wasserstein(left, right), p_value: None },
                    DriftTest::Jensenshannon | DriftTest::Psi => {
                        let (left, right) = statistic::cells(left, right);
                        Self::of_cells(test, &left, &right)
                    }
                    DriftTest::Chisquare | DriftTest::Z => {
                        let (_, left, right) = aligned(&super::sample::counted(left), &super::sample::counted(right));
                        Self::of_cells(test, &left, &right)
                    }
                }
            }
            (Values::Categories(left), Values::Categories(right)) => {
                let (keys, left, right) = aligned(left, right);
                let rows = left.iter().sum::<u64>() as usize;
                let test = asked
                    .filter(|test| choice::applies(*test, false))
                    .unwrap_or_else(|| choice::default_test(false, rows, keys.len()));
                Self::of_cells(test, &left, &right)
            }
            // Both sides are read as the same type.
            _ => Self { test: DriftTest::Jensenshannon, value: f64::NAN, p_value: None },
        }
    }

    fn of_p_value(test: DriftTest, value: f64) -> Self {
        Self { test, value, p_value: Some(value).filter(|value| value.is_finite()) }
    }

    fn of_cells(test: DriftTest, reference: &[u64], current: &[u64]) -> Self {
        match test {
            DriftTest::Z => Self::of_p_value(test, statistic::z(reference, current)),
            DriftTest::Chisquare => {
                let value = statistic::chisquare(reference, current);
                Self { test, value, p_value: Some(statistic::homogeneity(reference, current)) }
            }
            DriftTest::Psi => Self { test, value: statistic::psi(reference, current), p_value: None },
            _ => Self { test, value: statistic::jensen_shannon(reference, current), p_value: None },
        }
    }
}

/// Distinct values of two sorted sides together, counted up to `enough`.
fn distinct_of_both(reference: &[f64], current: &[f64], enough: usize) -> usize {
    let firsts = |side: &[f64]| -> Vec<(f64, u64)> {
        side.chunk_by(|a, b| a == b).take(enough).map(|chunk| (chunk[0], 1)).collect()
    };
    aligned(&firsts(reference), &firsts(current)).0.len()
}

/// p-values after Benjamini and Hochberg (1995); `scipy.stats.false_discovery_control`.
pub fn benjamini_hochberg(p_values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64)> =
        p_values.iter().enumerate().filter_map(|(index, value)| value.map(|value| (index, value))).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let tests = order.len();
    let mut adjusted = vec![None; p_values.len()];
    let mut smallest = 1.0_f64;
    for (place, (index, value)) in order.into_iter().enumerate() {
        smallest = smallest.min(value * tests as f64 / (tests - place) as f64);
        adjusted[index] = Some(smallest);
    }
    adjusted
}
