//! Rows in the order of falling score: sorted once, then walked by every figure that hangs on order.

use std::ops::Range;

/// Rows by falling score, equal scores in one group.
#[derive(Debug, Clone)]
pub struct Ranking {
    /// The row at each rank.
    pub order: Vec<u32>,
    /// Whether the row at each rank is positive.
    pub positive: Vec<bool>,
    /// Distinct scores, falling.
    pub scores: Vec<f64>,
    /// The rank behind the last row of each distinct score.
    pub ends: Vec<usize>,
}

/// What a walk down the ranks has gathered so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Walk {
    /// Positive and negative rows.
    pub hits: u64,
    pub misses: u64,
    /// Pairs of a positive before a negative, in halves: at most rows² / 2, and rows are counted in
    /// 32 bits.
    half_pairs: u64,
    /// Precision at each positive.
    precision_sum: f64,
}

impl Walk {
    #[inline]
    fn step(&mut self, hits: u64, misses: u64) {
        self.half_pairs += misses * (2 * self.hits + hits);
        self.hits += hits;
        self.misses += misses;
        // Before the first drawn row there is nothing to divide by, and nothing to add either.
        let called = (self.hits + self.misses).max(1);
        self.precision_sum += hits as f64 * (self.hits as f64 / called as f64);
    }

    /// Under the ROC curve; NaN where a class is missing.
    pub fn area(&self) -> f64 {
        if self.hits == 0 || self.misses == 0 {
            return f64::NAN;
        }
        self.half_pairs as f64 / 2.0 / (self.hits as f64 * self.misses as f64)
    }

    /// 0 without positives.
    pub fn average_precision(&self) -> f64 {
        if self.hits == 0 { 0.0 } else { self.precision_sum / self.hits as f64 }
    }
}

/// True and false positives if every row down to one distinct score is called positive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    pub true_positives: u64,
    pub false_positives: u64,
}

impl Ranking {
    /// `positive` and `score` say of each of `rows` rows what it is and how it was scored.
    pub fn new(rows: usize, positive: impl Fn(usize) -> bool, score: impl Fn(usize) -> f64) -> Self {
        let mut order: Vec<(f64, u32)> = (0..rows).map(|row| (score(row), row as u32)).collect();
        order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let (mut scores, mut ends) = (Vec::new(), Vec::new());
        for (rank, (score, _)) in order.iter().enumerate() {
            if scores.last() == Some(score) {
                if let Some(end) = ends.last_mut() {
                    *end = rank + 1;
                }
            } else {
                scores.push(*score);
                ends.push(rank + 1);
            }
        }
        Self {
            positive: order.iter().map(|(_, row)| positive(*row as usize)).collect(),
            order: order.into_iter().map(|(_, row)| row).collect(),
            scores,
            ends,
        }
    }

    /// Area under the ROC curve and average precision, where the row at a rank counts `weight(rank)`
    /// times. The area is NaN where a class is missing, average precision 0 without positives, as in
    /// scikit-learn's `roc_auc_score` and `average_precision_score`.
    pub fn areas(&self, weight: impl FnMut(usize) -> u32) -> (f64, f64) {
        let mut walk = Walk::default();
        self.walk(&mut walk, 0..self.ends.len(), weight);
        (walk.area(), walk.average_precision())
    }

    /// Goes down the groups of equal scores, from the best; asks each rank's weight once, in order.
    pub fn walk(&self, walk: &mut Walk, groups: Range<usize>, mut weight: impl FnMut(usize) -> u32) {
        if self.ends.len() == self.positive.len() {
            // No two scores are equal, the common case of a large part: each group is one rank.
            for rank in groups {
                let count = u64::from(weight(rank));
                // A product instead of a branch: whether a row is positive can't be foreseen.
                let hits = count * u64::from(self.positive[rank]);
                walk.step(hits, count - hits);
            }
            return;
        }
        let mut rank = if groups.start == 0 { 0 } else { self.ends[groups.start - 1] };
        for &end in &self.ends[groups] {
            let (mut hits, mut all) = (0_u64, 0_u64);
            while rank < end {
                let count = u64::from(weight(rank));
                hits += count * u64::from(self.positive[rank]);
                all += count;
                rank += 1;
            }
            walk.step(hits, all - hits);
        }
    }

    /// What each distinct score, taken as the threshold, calls positive.
    pub fn cuts(&self) -> Vec<Cut> {
        let mut cut = Cut { true_positives: 0, false_positives: 0 };
        let mut rank = 0;
        self.ends
            .iter()
            .map(|&end| {
                let hits = self.positive[rank..end].iter().filter(|positive| **positive).count();
                cut.true_positives += hits as u64;
                cut.false_positives += (end - rank - hits) as u64;
                rank = end;
                cut
            })
            .collect()
    }

    /// How many distinct scores are at least `threshold`.
    pub fn groups_from(&self, threshold: f64) -> usize {
        self.scores.partition_point(|score| *score >= threshold)
    }

    pub fn positives(&self) -> u64 {
        self.positive.iter().filter(|positive| **positive).count() as u64
    }
}
