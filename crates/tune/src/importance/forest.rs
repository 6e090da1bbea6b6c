//! A forest of regression trees over binned columns, and the variance of their predictions by column.

use std::collections::HashMap;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Column;

const TREES: usize = 32;
/// A set of bins is the bits of a u64.
const BINS: usize = 64;
/// A node with fewer rows is a leaf.
const SPLIT_ROWS: u32 = 6;
const LEAF_ROWS: u32 = 3;

/// A column sorted into bins. Missing values have a bin of their own: the first.
struct Binned {
    /// The bin of each row.
    bins: Vec<u8>,
    /// The share of the rows that each bin has.
    shares: Vec<f64>,
    is_ordered: bool,
}

/// Rows of a bin within a node.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    rows: u32,
    sum: f64,
}

/// The best division of a node: rows whose bin of the column is in the set go left.
struct Split {
    column: usize,
    left: u64,
    gain: f64,
}

/// A part of the space, with what is predicted there.
struct Leaf {
    value: f64,
    /// The columns that its path asks for, with the bins that are left of each.
    path: Vec<(usize, u64)>,
}

/// Of each column the share of the trees' variance that follows from it alone.
pub(super) fn shares(columns: &[Column], values: &[f64], rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut shares = vec![0.0; columns.len()];
    let rows = values.len();
    if rows < 2 {
        return shares;
    }
    let binned: Vec<Binned> = columns.iter().map(|column| bin(column, rows)).collect();
    // To the range from −1 to 1, so that no square is beyond every float.
    let scale = values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    let values: Vec<f64> = values.iter().map(|value| if scale > 0.0 { value / scale } else { 0.0 }).collect();
    let mut trees = 0;
    for _ in 0..TREES {
        let mut drawn: Vec<u32> = (0..rows).map(|_| rng.random_range(0..rows as u32)).collect();
        // In the order of memory.
        drawn.sort_unstable();
        let mut leaves = Vec::new();
        grow(&binned, &values, &mut drawn, &mut Vec::new(), &mut leaves);
        trees += usize::from(add_variances(&binned, &leaves, &mut shares));
    }
    shares.iter_mut().for_each(|share| *share /= f64::max(1.0, trees as f64));
    shares
}

fn bin(column: &Column, rows: usize) -> Binned {
    let (bins, is_ordered) = match column {
        Column::Numbers(numbers) => (bin_numbers(numbers), true),
        Column::Categories(categories) => (bin_categories(categories), false),
    };
    let mut shares = vec![0.0; BINS];
    bins.iter().for_each(|bin| shares[usize::from(*bin)] += 1.0 / rows as f64);
    Binned { bins, shares, is_ordered }
}

/// Bins of about equally many rows, equal numbers in the same; each number has its own where there are few.
fn bin_numbers(numbers: &[f64]) -> Vec<u8> {
    let mut sorted: Vec<f64> = numbers.iter().copied().filter(|number| !number.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let mut distinct = sorted.clone();
    distinct.dedup();
    // The least number of each bin but the first.
    let mut edges: Vec<f64> = if distinct.len() < BINS {
        distinct.into_iter().skip(1).collect()
    } else {
        (1..BINS - 1).map(|bin| sorted[bin * sorted.len() / (BINS - 1)]).collect()
    };
    edges.dedup();
    let bin = |number: &f64| if number.is_nan() { 0 } else { edges.partition_point(|edge| edge <= number) as u8 + 1 };
    numbers.iter().map(bin).collect()
}

/// A bin for each of the most frequent categories, and the last one for all others.
fn bin_categories(categories: &[Option<u32>]) -> Vec<u8> {
    let mut counts: HashMap<u32, usize> = HashMap::new();
    categories.iter().flatten().for_each(|category| *counts.entry(*category).or_default() += 1);
    let mut frequent: Vec<(u32, usize)> = counts.into_iter().collect();
    frequent.sort_by_key(|(category, count)| (std::cmp::Reverse(*count), *category));
    let bins: HashMap<u32, u8> =
        frequent.iter().enumerate().map(|(at, (category, _))| (*category, (at + 1).min(BINS - 1) as u8)).collect();
    categories.iter().map(|category| category.map_or(0, |category| bins[&category])).collect()
}

fn grow(binned: &[Binned], values: &[f64], rows: &mut [u32], path: &mut Vec<(usize, u64)>, leaves: &mut Vec<Leaf>) {
    let Some(split) = best_split(binned, values, rows) else {
        let value = rows.iter().map(|row| values[*row as usize]).sum::<f64>() / rows.len() as f64;
        leaves.push(Leaf { value, path: path.clone() });
        return;
    };
    let bins = &binned[split.column].bins;
    let is_left = |row: &u32| split.left >> bins[*row as usize] & 1 == 1;
    // Stable on either side, so that the rows stay in the order of memory.
    rows.sort_by_key(|row| !is_left(row));
    let (left, right) = rows.split_at_mut(rows.partition_point(is_left));
    let before = path.iter().position(|(column, _)| *column == split.column);
    let at = before.unwrap_or_else(|| {
        path.push((split.column, u64::MAX));
        path.len() - 1
    });
    let kept = path[at].1;
    for (side, set) in [(left, split.left), (right, !split.left)] {
        path[at].1 = kept & set;
        grow(binned, values, side, path, leaves);
    }
    path[at].1 = kept;
    if before.is_none() {
        path.pop();
    }
}

/// The division that takes the most off the squared error.
fn best_split(binned: &[Binned], values: &[f64], rows: &[u32]) -> Option<Split> {
    let all = Tally { rows: rows.len() as u32, sum: rows.iter().map(|row| values[*row as usize]).sum() };
    let first = values[rows[0] as usize];
    if all.rows < SPLIT_ROWS || rows.iter().all(|row| values[*row as usize] == first) {
        return None;
    }
    let whole = all.sum * all.sum / f64::from(all.rows);
    // Less than the dust of sums is no gain.
    let mut best = Split { column: 0, left: 0, gain: 1e-12 * f64::from(all.rows) };
    for (column, binned) in binned.iter().enumerate() {
        let mut tallies = [Tally::default(); BINS];
        for row in rows {
            let tally = &mut tallies[usize::from(binned.bins[*row as usize])];
            tally.rows += 1;
            tally.sum += values[*row as usize];
        }
        let mut order = [0u8; BINS];
        let mut present = 0;
        for bin in 0..BINS as u8 {
            if tallies[usize::from(bin)].rows > 0 {
                order[present] = bin;
                present += 1;
            }
        }
        let order = &mut order[..present];
        if !binned.is_ordered {
            // Of all subsets of categories the best is among those in the order of their means (Breiman 1984).
            let mean = |bin: &u8| tallies[usize::from(*bin)].sum / f64::from(tallies[usize::from(*bin)].rows);
            order.sort_by(|one, two| mean(one).total_cmp(&mean(two)));
        }
        let (mut left, mut set) = (Tally::default(), 0u64);
        for bin in order.iter().take(present.saturating_sub(1)) {
            let tally = tallies[usize::from(*bin)];
            left.rows += tally.rows;
            left.sum += tally.sum;
            set |= 1 << bin;
            let right = Tally { rows: all.rows - left.rows, sum: all.sum - left.sum };
            if left.rows < LEAF_ROWS || right.rows < LEAF_ROWS {
                continue;
            }
            let gain =
                left.sum * left.sum / f64::from(left.rows) + right.sum * right.sum / f64::from(right.rows) - whole;
            if gain > best.gain {
                best = Split { column, left: set, gain };
            }
        }
    }
    // Bins that the node doesn't have go where their neighbours go.
    (best.left != 0).then(|| Split { left: widen(best.left, binned[best.column].is_ordered), ..best })
}

/// Of ordered bins all up to the last one.
fn widen(left: u64, is_ordered: bool) -> u64 {
    if is_ordered { u64::MAX >> left.leading_zeros() } else { left }
}

/// Adds each column's share of a tree's variance; false of a tree without any. A leaf weighs the product of its
/// columns' shares, as if columns were independent.
fn add_variances(binned: &[Binned], leaves: &[Leaf], shares: &mut [f64]) -> bool {
    let mass = |column: usize, set: u64| -> f64 {
        binned[column].shares.iter().enumerate().filter(|(bin, _)| set >> bin & 1 == 1).map(|(_, share)| share).sum()
    };
    let (mut total, mut mean) = (0.0, 0.0);
    let mut masses = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        let own: Vec<f64> = leaf.path.iter().map(|(column, set)| mass(*column, *set)).collect();
        let product: f64 = own.iter().product();
        total += product;
        mean += product * leaf.value;
        masses.push((product, own));
    }
    mean /= total;
    let variance =
        leaves.iter().zip(&masses).map(|(leaf, (product, _))| product * (leaf.value - mean).powi(2)).sum::<f64>()
            / total;
    if variance <= 0.0 {
        return false;
    }
    // How far the prediction is from the mean where a column has a bin, whatever the others have.
    let mut marginals = vec![[0.0; BINS]; binned.len()];
    for (leaf, (product, own)) in leaves.iter().zip(&masses) {
        for ((column, set), own) in leaf.path.iter().zip(own) {
            let above = leaf.value - mean;
            for (bin, marginal) in marginals[*column].iter_mut().enumerate() {
                // All leaves add up to 0 around the mean: those that don't ask for the column, which add the same to
                // each bin, to minus those that do.
                *marginal -= product * above;
                if set >> bin & 1 == 1 {
                    *marginal += product / own * above;
                }
            }
        }
    }
    for ((share, binned), marginal) in shares.iter_mut().zip(binned).zip(&marginals) {
        let own: f64 = binned.shares.iter().zip(marginal).map(|(mass, marginal)| mass * marginal * marginal).sum();
        *share += own / variance;
    }
    true
}
