//! How well one column alone tells the target, from 0 (not at all) to 1 (it decides it).
//!
//! Over a seeded sample of rows (all of them where they fit): the column's values are put into
//! groups (numbers: 8 to 64 of equal size; text: each value; missing: its own), one half of the sample
//! says what the target is in each group, and the other half judges that, and the other way round;
//! so a column of ids tells nothing. Classes: 2 · AUC − 1, averaged over the classes one against the
//! rest. Numbers: the rank correlation of what was said with what was so. For a number and a target
//! with two classes the plain AUC of the number itself counts too, where it is higher.

use std::collections::HashMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// As many groups of numbers as hold this many rows each, within the bounds.
const GROUP_ROWS: usize = 20;
const GROUPS: std::ops::RangeInclusive<usize> = 8..=64;
const MOST_CLASSES: usize = 40;
const MOST_CELLS: usize = 4_000_000;
const CLASS_ROWS: std::ops::RangeInclusive<usize> = 200..=4_000;
const ALL_ROWS: std::ops::RangeInclusive<usize> = 1_000..=20_000;

/// A cell of the sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    Missing,
    Number(f64),
    /// A text by its hash.
    Text(u64),
}

/// Seeded samples of rows: one of all rows, and one of each class, so that a class of one in a
/// thousand is judged by as many rows as the others.
pub struct RowSample {
    random: ChaCha8Rng,
    all: Reservoir,
    classes: HashMap<u64, Reservoir>,
    class_rows: usize,
}

#[derive(Debug, Default)]
struct Reservoir {
    /// Cells of the row and the target, last.
    rows: Vec<Vec<Cell>>,
    most: usize,
    seen: u64,
}

impl Reservoir {
    /// Vitter's algorithm R.
    fn offer(&mut self, random: &mut ChaCha8Rng, row: &mut dyn FnMut() -> Vec<Cell>) {
        self.seen += 1;
        if self.rows.len() < self.most {
            self.rows.push(row());
            return;
        }
        let place = random.random_range(0..self.seen);
        if place < self.most as u64 {
            self.rows[place as usize] = row();
        }
    }
}

impl RowSample {
    pub fn new(columns: usize) -> Self {
        let fits = MOST_CELLS / (columns.max(1) * MOST_CLASSES);
        let class_rows = fits.clamp(*CLASS_ROWS.start(), *CLASS_ROWS.end());
        let most = (MOST_CELLS / columns.max(1)).clamp(*ALL_ROWS.start(), *ALL_ROWS.end());
        let all = Reservoir { most, ..Reservoir::default() };
        Self { random: ChaCha8Rng::seed_from_u64(0), all, classes: HashMap::new(), class_rows }
    }

    /// Offers a row whose target has that hash; `row` makes its cells, the target last, where it is taken.
    pub fn offer(&mut self, class: u64, mut row: impl FnMut() -> Vec<Cell>) {
        self.all.offer(&mut self.random, &mut row);
        if self.classes.len() < MOST_CLASSES || self.classes.contains_key(&class) {
            let most = self.class_rows;
            let reservoir = self.classes.entry(class).or_insert_with(|| Reservoir { most, ..Reservoir::default() });
            reservoir.offer(&mut self.random, &mut row);
        }
    }

    /// The association of each column with the target.
    pub fn associations(&self, columns: usize, is_classes: bool) -> Vec<Option<f64>> {
        (0..columns)
            .map(|column| if is_classes { self.with_classes(column) } else { self.with_number(column) })
            .collect()
    }

    fn with_classes(&self, column: usize) -> Option<f64> {
        let mut order: Vec<_> = self.classes.iter().filter(|(_, reservoir)| reservoir.rows.len() >= 4).collect();
        order.sort_by_key(|(class, _)| **class);
        if order.len() < 2 {
            return None;
        }
        let mut cells = Vec::new();
        let mut labels = Vec::new();
        for (label, (_, reservoir)) in order.iter().enumerate() {
            cells.extend(reservoir.rows.iter().map(|row| row[column]));
            labels.extend(std::iter::repeat_n(label, reservoir.rows.len()));
        }
        let groups = groups(&cells);
        // Within a class, rows alternate between the halves.
        let half: Vec<usize> =
            order.iter().flat_map(|(_, reservoir)| (0..reservoir.rows.len()).map(|row| row % 2)).collect();
        // Classes are weighed equally: the AUC doesn't depend on their shares.
        let weights: Vec<f64> = order.iter().map(|(_, reservoir)| 1.0 / reservoir.rows.len() as f64).collect();
        let classes = if order.len() == 2 { 1..2 } else { 0..order.len() };
        let count = classes.len() as f64;
        let mut sum = 0.0;
        for class in classes {
            let mut strength = cross_judged(
                &groups,
                &half,
                |row| (f64::from(u8::from(labels[row] == class)), weights[labels[row]]),
                |scores, rows| {
                    let points: Vec<(f64, bool)> =
                        rows.iter().zip(scores).map(|(row, score)| (*score, labels[*row] == class)).collect();
                    2.0 * auc(points) - 1.0
                },
            );
            if order.len() == 2 {
                strength = strength.max(plain(&cells, &labels, class));
            }
            sum += strength.clamp(0.0, 1.0);
        }
        Some(sum / count)
    }

    fn with_number(&self, column: usize) -> Option<f64> {
        let rows: Vec<(Cell, f64)> = self
            .all
            .rows
            .iter()
            .filter_map(|row| match row.last() {
                Some(Cell::Number(target)) => Some((row[column], *target)),
                _ => None,
            })
            .collect();
        if rows.len() < 8 {
            return None;
        }
        let cells: Vec<Cell> = rows.iter().map(|(cell, _)| *cell).collect();
        let groups = groups(&cells);
        let half: Vec<usize> = (0..rows.len()).map(|row| row % 2).collect();
        let strength = cross_judged(
            &groups,
            &half,
            |row| (rows[row].1, 1.0),
            |scores, judged| {
                let targets: Vec<f64> = judged.iter().map(|row| rows[*row].1).collect();
                correlation(&ranks(scores), &ranks(&targets))
            },
        );
        Some(strength.clamp(0.0, 1.0))
    }
}

/// The AUC strength of the number itself.
fn plain(cells: &[Cell], labels: &[usize], class: usize) -> f64 {
    let points: Option<Vec<(f64, bool)>> = cells
        .iter()
        .zip(labels)
        .filter(|(cell, _)| **cell != Cell::Missing)
        .map(|(cell, label)| match cell {
            Cell::Number(value) => Some((*value, *label == class)),
            _ => None,
        })
        .collect();
    // Where most is missing, the rest says nothing of the column.
    match points {
        Some(points) if points.len() * 2 > cells.len() => (2.0 * auc(points) - 1.0).abs(),
        _ => 0.0,
    }
}

/// Each row's group.
fn groups(cells: &[Cell]) -> Vec<u64> {
    let mut numbers: Vec<f64> =
        cells.iter().filter_map(|cell| if let Cell::Number(value) = cell { Some(*value) } else { None }).collect();
    numbers.sort_by(f64::total_cmp);
    let count = (numbers.len() / GROUP_ROWS).clamp(*GROUPS.start(), *GROUPS.end());
    let mut edges: Vec<f64> = (1..count).filter_map(|at| numbers.get(numbers.len() * at / count).copied()).collect();
    edges.dedup();
    cells
        .iter()
        .map(|cell| match cell {
            Cell::Missing => u64::MAX,
            Cell::Number(value) => edges.partition_point(|edge| edge <= value) as u64,
            Cell::Text(hash) => *hash,
        })
        .collect()
}

/// Learns the mean target of each group from one half, scores the other, and averages both ways.
fn cross_judged(
    groups: &[u64],
    half: &[usize],
    target: impl Fn(usize) -> (f64, f64),
    judge: impl Fn(&[f64], &[usize]) -> f64,
) -> f64 {
    let mut sum = 0.0;
    for learned in 0..2 {
        let mut means: HashMap<u64, (f64, f64)> = HashMap::new();
        let (mut total, mut weight) = (0.0, 0.0);
        for row in (0..groups.len()).filter(|row| half[*row] == learned) {
            let (value, weighs) = target(row);
            let mean = means.entry(groups[row]).or_default();
            mean.0 += value * weighs;
            mean.1 += weighs;
            total += value * weighs;
            weight += weighs;
        }
        let overall = total / weight;
        // A group seen once is drawn to the overall mean.
        let prior = weight / groups.len() as f64;
        let judged: Vec<usize> = (0..groups.len()).filter(|row| half[*row] != learned).collect();
        let scores: Vec<f64> = judged
            .iter()
            .map(|row| match means.get(&groups[*row]) {
                Some((value, weighs)) => (value + overall * prior) / (weighs + prior),
                None => overall,
            })
            .collect();
        sum += judge(&scores, &judged);
    }
    sum / 2.0
}

/// The area under the ROC curve, ties counted half.
fn auc(mut points: Vec<(f64, bool)>) -> f64 {
    points.sort_by(|left, right| left.0.total_cmp(&right.0));
    let (mut wins, mut negatives, mut start) = (0.0, 0.0, 0);
    let positives = points.iter().filter(|(_, positive)| *positive).count() as f64;
    while start < points.len() {
        let tied = points[start..].iter().take_while(|(score, _)| *score == points[start].0).count();
        let tied_positives = points[start..start + tied].iter().filter(|(_, positive)| *positive).count() as f64;
        let tied_negatives = tied as f64 - tied_positives;
        wins += tied_positives * (negatives + tied_negatives / 2.0);
        negatives += tied_negatives;
        start += tied;
    }
    if positives == 0.0 || negatives == 0.0 { 0.5 } else { wins / (positives * negatives) }
}

/// Ranks with ties at their mean.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|left, right| values[*left].total_cmp(&values[*right]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let tied = order[start..].iter().take_while(|row| values[**row] == values[order[start]]).count();
        let rank = start as f64 + (tied as f64 - 1.0) / 2.0;
        order[start..start + tied].iter().for_each(|row| ranks[*row] = rank);
        start += tied;
    }
    ranks
}

fn correlation(left: &[f64], right: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (left_mean, right_mean) = (mean(left), mean(right));
    let (mut product, mut left_squares, mut right_squares) = (0.0, 0.0, 0.0);
    for (left, right) in left.iter().zip(right) {
        let (left, right) = (left - left_mean, right - right_mean);
        product += left * right;
        left_squares += left * left;
        right_squares += right * right;
    }
    if left_squares == 0.0 || right_squares == 0.0 { 0.0 } else { product / (left_squares * right_squares).sqrt() }
}
