//! How far apart chance alone puts a window and its reference.
//!
//! A distance between two finite samples of one distribution is never zero: of 100 rows the normed
//! Wasserstein distance exceeds 0.1 in two of three windows, and so does the Jensen–Shannon distance
//! of 1,000 rows over 400 categories. The floor is the 99 % quantile of a distance over windows
//! drawn, with replacement, from the reference itself.
//!
//! The reference is a sample too, and its own noise is not in such windows. They are therefore drawn
//! at the effective size `1 / (1/current + 1/reference)`, at which a distance to the fixed reference
//! spreads as one between two samples does; it is the window's own size where the reference is large.

use api::drift::DriftTest;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{sample::Values, statistic};
use crate::metrics::bootstrap::percentile;

/// Windows drawn for one floor.
const WINDOWS: usize = 500;
const QUANTILE: f64 = 0.99;
/// Floors fall with size: larger windows are only drawn where this size's floor decides nothing.
const FIRST_SIZE: u64 = 4000;

/// The floors of one reference, by column, test and size; the caller keeps them beside it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Floors {
    pub floors: Vec<Floor>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    pub column: String,
    pub test: DriftTest,
    /// Rows of the windows that were drawn.
    pub size: u64,
    pub value: f64,
}

/// The question that a floor answers.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub column: &'a str,
    pub test: DriftTest,
    pub reference: &'a Values,
    pub current_rows: u64,
    /// A floor below this decides; a closer look at a larger size is saved.
    pub threshold: f64,
    pub seed: u64,
}

impl Floors {
    /// The floor of a distance; an upper bound where a smaller size's floor is below the threshold
    /// already. `None` for p-values, which know their size.
    pub fn find(&mut self, question: Question<'_>) -> Option<f64> {
        if question.test.is_p_value() {
            return None;
        }
        let wanted = round_size(effective_size(rows(question.reference), question.current_rows));
        let mut size = wanted.min(FIRST_SIZE);
        loop {
            let value = self.at(question, size);
            if value < question.threshold || size == wanted {
                return Some(value);
            }
            size = round_size(size * 4).min(wanted);
        }
    }

    fn at(&mut self, question: Question<'_>, size: u64) -> f64 {
        let known =
            |floor: &&Floor| floor.column == question.column && floor.test == question.test && floor.size == size;
        if let Some(floor) = self.floors.iter().find(known) {
            return floor.value;
        }
        let value = draw(question, size as usize);
        let (column, test) = (question.column.to_owned(), question.test);
        self.floors.push(Floor { column, test, size, value });
        value
    }
}

fn rows(values: &Values) -> u64 {
    match values {
        Values::Numbers(values) => values.len() as u64,
        Values::Categories(counts) => counts.iter().map(|(_, count)| count).sum(),
    }
}

/// The size of a sample whose noise against an exactly known reference is that of both samples.
pub fn effective_size(reference: u64, current: u64) -> u64 {
    let (reference, current) = (reference.max(1) as f64, current.max(1) as f64);
    ((reference * current / (reference + current)).round() as u64).max(1)
}

/// The next size downwards of ten a decade, so that windows by time, of any size, find their floor
/// in the cache. A smaller size has a greater floor: rounding can only cost an alarm.
pub fn round_size(size: u64) -> u64 {
    const STEPS: [u64; 10] = [100, 125, 160, 200, 250, 320, 400, 500, 630, 800];
    if size < 10 {
        return size.max(1);
    }
    let mut decade = 1;
    while size >= decade * 10 {
        decade *= 10;
    }
    let rounded = STEPS.iter().map(|step| step * decade / 100).filter(|step| *step <= size).max();
    rounded.unwrap_or(decade)
}

fn draw(question: Question<'_>, size: usize) -> f64 {
    let name = format!("{}\0{:?}\0{size}\0{}", question.column, question.test, question.seed);
    let mut random = ChaCha8Rng::from_seed(*blake3::hash(name.as_bytes()).as_bytes());
    let mut distances = match (question.test, question.reference) {
        (DriftTest::Wasserstein, Values::Numbers(reference)) => wasserstein_distances(reference, size, &mut random),
        (test, Values::Numbers(reference)) => {
            cell_distances(test, &statistic::reference_cells(reference, size), size, &mut random)
        }
        (test, Values::Categories(counts)) => {
            let counts: Vec<u64> = counts.iter().map(|(_, count)| *count).collect();
            cell_distances(test, &counts, size, &mut random)
        }
    };
    distances.retain(|distance| distance.is_finite());
    if distances.is_empty() {
        return 0.0;
    }
    distances.sort_unstable_by(f64::total_cmp);
    percentile(&distances, QUANTILE)
}

/// Distances between the reference's cells and windows drawn from them.
fn cell_distances(test: DriftTest, reference: &[u64], size: usize, random: &mut ChaCha8Rng) -> Vec<f64> {
    // The cell of each row: a draw is then one look-up.
    let cells: Vec<u32> = reference
        .iter()
        .enumerate()
        .flat_map(|(cell, count)| std::iter::repeat_n(cell as u32, *count as usize))
        .collect();
    let mut window = vec![0_u64; reference.len()];
    (0..WINDOWS)
        .map(|_| {
            window.fill(0);
            for _ in 0..size {
                let row = (u64::from(random.next_u32()) * cells.len() as u64) >> 32;
                window[cells[row as usize] as usize] += 1;
            }
            if test == DriftTest::Psi {
                statistic::psi(reference, &window)
            } else {
                statistic::jensen_shannon(reference, &window)
            }
        })
        .collect()
}

/// Normed Wasserstein distances between the reference and windows drawn from it, each in time of the
/// window's size: between two drawn values the window's distribution function is constant and crosses
/// the reference's at most once, so that prefix sums give the area between both.
fn wasserstein_distances(reference: &[f64], size: usize, random: &mut ChaCha8Rng) -> Vec<f64> {
    let rows = reference.len();
    let norm = statistic::norm(reference);
    // area[k]: the integral of the reference's distribution function up to its value k.
    let mut area = vec![0.0; rows];
    for k in 1..rows {
        area[k] = area[k - 1] + k as f64 / rows as f64 * (reference[k] - reference[k - 1]);
    }
    let between = |level: f64, from: usize, to: usize| {
        let crossing = ((level * rows as f64) as usize).clamp(from, to);
        let below = level * (reference[crossing] - reference[from]) - (area[crossing] - area[from]);
        let above = area[to] - area[crossing] - level * (reference[to] - reference[crossing]);
        below + above
    };
    let mut ranks = vec![0_usize; size];
    (0..WINDOWS)
        .map(|_| {
            sorted_ranks(&mut ranks, rows, random);
            let mut sum = between(0.0, 0, ranks[0]);
            for (index, pair) in ranks.windows(2).enumerate() {
                sum += between((index + 1) as f64 / size as f64, pair[0], pair[1]);
            }
            (sum + between(1.0, ranks[size - 1], rows - 1)) / norm
        })
        .collect()
}

/// Uniform draws from `0..rows`, rising: exponential steps over their sum are sorted uniforms.
fn sorted_ranks(ranks: &mut [usize], rows: usize, random: &mut ChaCha8Rng) {
    let mut step = || -(1.0 - random.random::<f64>()).ln();
    let mut sum = 0.0;
    let positions: Vec<f64> = ranks
        .iter()
        .map(|_| {
            sum += step();
            sum
        })
        .collect();
    let whole = sum + step();
    for (rank, position) in ranks.iter_mut().zip(positions) {
        *rank = ((position / whole * rows as f64) as usize).min(rows - 1);
    }
}
