//! Rows in the order of falling score: sorted once, then walked by every figure that hangs on order.

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
    pub fn areas(&self, weight: impl Fn(usize) -> u32) -> (f64, f64) {
        let (mut hits, mut misses) = (0_u64, 0_u64);
        // Pairs of a positive before a negative, in halves; and precision summed over positives.
        let (mut half_pairs, mut precision_sum) = (0_u128, 0.0);
        let mut rank = 0;
        for &end in &self.ends {
            let (mut group_hits, mut group_misses) = (0_u64, 0_u64);
            while rank < end {
                let count = u64::from(weight(rank));
                if self.positive[rank] {
                    group_hits += count;
                } else {
                    group_misses += count;
                }
                rank += 1;
            }
            half_pairs += u128::from(group_misses) * u128::from(2 * hits + group_hits);
            hits += group_hits;
            misses += group_misses;
            if group_hits > 0 {
                precision_sum += group_hits as f64 * (hits as f64 / (hits + misses) as f64);
            }
        }
        let area =
            if hits == 0 || misses == 0 { f64::NAN } else { half_pairs as f64 / 2.0 / (hits as f64 * misses as f64) };
        (area, if hits == 0 { 0.0 } else { precision_sum / hits as f64 })
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

    /// How many ranks from the top score at least `threshold`.
    pub fn ranks_from(&self, threshold: f64) -> usize {
        let groups = self.scores.partition_point(|score| *score >= threshold);
        if groups == 0 { 0 } else { self.ends[groups - 1] }
    }

    pub fn positives(&self) -> u64 {
        self.positive.iter().filter(|positive| **positive).count() as u64
    }
}
