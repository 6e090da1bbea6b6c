//! The tests, with the numbers of Evidently 0.7.23 (`legacy/calculations/stattests`) and scipy 1.17.
//!
//! Numbers are given sorted, categories as counts over the same cells. What can't be computed (no
//! rows, no spread) is NaN, as there.

use statrs::function::{erf::erfc, gamma::checked_gamma_ur};

use super::{kolmogorov, sample::counted};

/// Above this many distinct reference values numbers are binned (Evidently's `get_binned_data`).
const BINNED_ABOVE: usize = 20;
/// Squares and differences of greater numbers may be more than a float holds.
const LARGEST: f64 = 1e150;

/// p-value of the two-sample Kolmogorov–Smirnov test, as `scipy.stats.ks_2samp` (two-sided, `auto`).
pub fn ks(reference: &[f64], current: &[f64]) -> f64 {
    if reference.is_empty() || current.is_empty() {
        return f64::NAN;
    }
    kolmogorov::two_sample(kolmogorov::statistic(reference, current), reference.len(), current.len())
}

/// First Wasserstein distance over the reference's standard deviation (at least 0.001). Where numbers are
/// beyond 1e150 all are made smaller first: the distance has no unit.
pub fn wasserstein(reference: &[f64], current: &[f64]) -> f64 {
    if reference.is_empty() || current.is_empty() {
        return f64::NAN;
    }
    let ends = [reference.first(), reference.last(), current.first(), current.last()];
    let largest = ends.into_iter().flatten().fold(0.0_f64, |largest, end| largest.max(end.abs()));
    if largest > LARGEST && largest.is_finite() {
        let smaller = |side: &[f64]| -> Vec<f64> { side.iter().map(|value| value / largest * LARGEST).collect() };
        return wasserstein(&smaller(reference), &smaller(current));
    }
    let (reference_share, current_share) = (1.0 / reference.len() as f64, 1.0 / current.len() as f64);
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    let mut last = reference[0].min(current[0]);
    while i < reference.len() || j < current.len() {
        let value = match (reference.get(i), current.get(j)) {
            (Some(a), Some(b)) => a.min(*b),
            (Some(a), None) => *a,
            (None, Some(b)) => *b,
            (None, None) => break,
        };
        sum += (i as f64 * reference_share - j as f64 * current_share).abs() * (value - last);
        last = value;
        while reference.get(i) == Some(&value) {
            i += 1;
        }
        while current.get(j) == Some(&value) {
            j += 1;
        }
    }
    sum / norm(reference)
}

/// What Evidently divides the Wasserstein distance by.
pub fn norm(reference: &[f64]) -> f64 {
    let rows = reference.len() as f64;
    let mean = reference.iter().sum::<f64>() / rows;
    (reference.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / rows).sqrt().max(0.001)
}

/// p-value of Pearson's chi² of the current counts against the reference's shares
/// (`scipy.stats.chisquare`): the reference counts as exactly known.
pub fn chisquare(reference: &[u64], current: &[u64]) -> f64 {
    let factor = total(current) / total(reference);
    let statistic: f64 = reference
        .iter()
        .zip(current)
        .map(|(expected, observed)| {
            let expected = *expected as f64 * factor;
            (*observed as f64 - expected).powi(2) / expected
        })
        .sum();
    chi_square_tail(statistic, reference.len() - 1)
}

/// p-value of the chi² test that both sides have the same shares (`scipy.stats.chi2_contingency`
/// without correction): the reference counts as a sample too.
pub fn homogeneity(reference: &[u64], current: &[u64]) -> f64 {
    let (left, right) = (total(reference), total(current));
    let (mut statistic, mut cells) = (0.0, 0_usize);
    for (a, b) in reference.iter().zip(current).filter(|(a, b)| **a + **b > 0) {
        let both = (a + b) as f64 / (left + right);
        statistic += (*a as f64 - both * left).powi(2) / (both * left);
        statistic += (*b as f64 - both * right).powi(2) / (both * right);
        cells += 1;
    }
    if cells < 2 { 1.0 } else { chi_square_tail(statistic, cells - 1) }
}

fn chi_square_tail(statistic: f64, degrees: usize) -> f64 {
    if degrees == 0 || statistic.is_nan() {
        return f64::NAN;
    }
    if statistic.is_infinite() {
        return 0.0;
    }
    if statistic <= 0.0 {
        return 1.0;
    }
    checked_gamma_ur(degrees as f64 / 2.0, statistic / 2.0).unwrap_or(f64::NAN)
}

/// p-value of the pooled Z test that the share of the first value is the same on both sides.
pub fn z(reference: &[u64], current: &[u64]) -> f64 {
    if reference.len() == 1 {
        return 1.0;
    }
    let (n1, n2) = (total(reference), total(current));
    let (p1, p2) = (1.0 - reference[0] as f64 / n1, 1.0 - current[0] as f64 / n2);
    let pooled = (p1 * n1 + p2 * n2) / (n1 + n2);
    let score = (p1 - p2) / (pooled * (1.0 - pooled) * (1.0 / n1 + 1.0 / n2)).sqrt();
    erfc(score.abs() / std::f64::consts::SQRT_2)
}

/// Jensen–Shannon distance with the natural logarithm, as Evidently and
/// `scipy.spatial.distance.jensenshannon` by default.
pub fn jensen_shannon(reference: &[u64], current: &[u64]) -> f64 {
    let (left, right) = (total(reference), total(current));
    let term = |share: f64, middle: f64| if share > 0.0 { share * (share / middle).ln() } else { 0.0 };
    let sum: f64 = reference
        .iter()
        .zip(current)
        .map(|(a, b)| {
            let (p, q) = (*a as f64 / left, *b as f64 / right);
            let middle = f64::midpoint(p, q);
            term(p, middle) + term(q, middle)
        })
        .sum();
    (sum.max(0.0) / 2.0).sqrt()
}

/// Population stability index; empty cells are filled as Evidently does.
pub fn psi(reference: &[u64], current: &[u64]) -> f64 {
    let (p, q) = (filled(reference), filled(current));
    p.iter().zip(&q).map(|(p, q)| (p - q) * (p / q).ln()).sum()
}

/// Shares; where one is zero, 0.0001, or a millionth of the smallest if that is no greater.
fn filled(counts: &[u64]) -> Vec<f64> {
    let total = total(counts);
    let shares: Vec<f64> = counts.iter().map(|count| *count as f64 / total).collect();
    let smallest = shares.iter().copied().filter(|share| *share > 0.0).fold(f64::INFINITY, f64::min);
    let fill = if smallest <= 0.0001 { smallest / 1e6 } else { 0.0001 };
    shares.into_iter().map(|share| if share == 0.0 { fill } else { share }).collect()
}

fn total(counts: &[u64]) -> f64 {
    counts.iter().sum::<u64>() as f64
}

/// The cells in which Evidently compares numbers: Sturges' bins over both sides where the reference
/// has more than 20 distinct values, else each value.
pub fn cells(reference: &[f64], current: &[f64]) -> (Vec<u64>, Vec<u64>) {
    if reference.chunk_by(|a, b| a == b).nth(BINNED_ABOVE).is_some() {
        let edges = sturges_edges(reference, current);
        return (histogram(reference, &edges), histogram(current, &edges));
    }
    let (_, left, right) = super::sample::aligned(&counted(reference), &counted(current));
    (left, right)
}

/// The cells of the reference alone, as for a comparison with `current_rows` rows like it.
pub fn reference_cells(reference: &[f64], current_rows: usize) -> Vec<u64> {
    if reference.chunk_by(|a, b| a == b).nth(BINNED_ABOVE).is_some() {
        let (low, high) = (reference[0], reference[reference.len() - 1]);
        return histogram(reference, &edges_between(low, high, sturges_bins(reference.len() + current_rows)));
    }
    counted(reference).into_iter().map(|(_, count)| count).collect()
}

/// `numpy.histogram_bin_edges(both, bins="sturges")`.
fn sturges_edges(reference: &[f64], current: &[f64]) -> Vec<f64> {
    let ends = |side: &[f64]| (side.first().copied(), side.last().copied());
    let ((low_a, high_a), (low_b, high_b)) = (ends(reference), ends(current));
    let low = low_a.into_iter().chain(low_b).fold(f64::INFINITY, f64::min);
    let high = high_a.into_iter().chain(high_b).fold(f64::NEG_INFINITY, f64::max);
    let rows = reference.len() + current.len();
    // numpy's own way around, so that its rounding is ours.
    let width = (high - low) / ((rows as f64).log2() + 1.0);
    let bins = if !width.is_finite() {
        sturges_bins(rows)
    } else if width > 0.0 {
        ((high - low) / width).ceil() as usize
    } else {
        1
    };
    edges_between(low, high, bins)
}

fn sturges_bins(rows: usize) -> usize {
    ((rows as f64).log2() + 1.0).ceil() as usize
}

/// `numpy.linspace`, the last edge exact; finite also where the whole width is more than a float holds.
pub fn edges_between(low: f64, high: f64, bins: usize) -> Vec<f64> {
    let step = (high - low) / bins as f64;
    let at = |edge: usize| {
        let share = edge as f64 / bins as f64;
        if step.is_finite() { edge as f64 * step + low } else { low * (1.0 - share) + high * share }
    };
    let mut edges: Vec<f64> = (0..=bins).map(at).collect();
    edges[bins] = high;
    edges
}

/// Counts of sorted values between edges; the last bin is closed, as in `numpy.histogram`.
pub fn histogram(sorted: &[f64], edges: &[f64]) -> Vec<u64> {
    let bins = edges.len() - 1;
    let below = |edge: usize| {
        if edge == bins {
            sorted.partition_point(|value| *value <= edges[edge])
        } else {
            sorted.partition_point(|value| *value < edges[edge])
        }
    };
    (0..bins).map(|bin| (below(bin + 1) - below(bin)) as u64).collect()
}
