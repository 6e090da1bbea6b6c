//! ROC and precision-recall curves, thinned to what a picture can show.

use std::collections::BinaryHeap;

use api::evaluation::Curve;

use super::ranking::Ranking;

/// A curve is never longer.
pub const MOST_POINTS: usize = 500;
/// Deviations below this (of an axis) are not seen in any picture.
const INVISIBLE: f64 = 1.0 / 4000.0;

/// False positive rate against true positive rate, from (0, 0) to (1, 1); empty where a class is missing.
pub fn roc(class: &str, ranking: &Ranking, most: usize) -> Curve {
    let (area, _) = ranking.areas(|_| 1);
    let positives = ranking.positives();
    let negatives = ranking.order.len() as u64 - positives;
    if positives == 0 || negatives == 0 {
        return Curve { class: class.to_owned(), x: vec![], y: vec![], threshold: vec![], area: 0.0 };
    }
    let mut points = vec![(0.0, 0.0, above_all(ranking))];
    points.extend(ranking.cuts().iter().zip(&ranking.scores).map(|(cut, score)| {
        (cut.false_positives as f64 / negatives as f64, cut.true_positives as f64 / positives as f64, *score)
    }));
    thinned(class, &points, area, most)
}

/// Recall against precision, from recall 0 (precision 1, by convention) on; empty without positives.
pub fn precision_recall(class: &str, ranking: &Ranking, most: usize) -> Curve {
    let (_, area) = ranking.areas(|_| 1);
    let positives = ranking.positives();
    if positives == 0 {
        return Curve { class: class.to_owned(), x: vec![], y: vec![], threshold: vec![], area: 0.0 };
    }
    let mut points = vec![(0.0, 1.0, above_all(ranking))];
    points.extend(ranking.cuts().iter().zip(&ranking.scores).map(|(cut, score)| {
        let called = cut.true_positives + cut.false_positives;
        (cut.true_positives as f64 / positives as f64, cut.true_positives as f64 / called as f64, *score)
    }));
    thinned(class, &points, area, most)
}

/// A threshold at which nothing is called positive; finite, since it crosses JSON.
fn above_all(ranking: &Ranking) -> f64 {
    ranking.scores.first().copied().unwrap_or(0.0).max(1.0).next_up()
}

/// A stretch of the curve between two kept points, by how far its worst point lies from the chord.
struct Stretch {
    deviation: f64,
    from: usize,
    worst: usize,
    to: usize,
}

impl PartialEq for Stretch {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Stretch {}
impl PartialOrd for Stretch {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Stretch {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.deviation.total_cmp(&other.deviation).then(other.from.cmp(&self.from))
    }
}

/// Keeps the ends and, worst first, the points that lie farthest from what is kept already
/// (Douglas and Peucker's criterion, spent as a budget).
fn thinned(class: &str, points: &[(f64, f64, f64)], area: f64, most: usize) -> Curve {
    let mut kept = vec![0, points.len() - 1];
    let mut stretches = BinaryHeap::from([stretch(points, 0, points.len() - 1)]);
    while kept.len() < most {
        let Some(Stretch { from, worst, to, .. }) = stretches.pop().filter(|found| found.deviation > INVISIBLE) else {
            break;
        };
        kept.push(worst);
        stretches.push(stretch(points, from, worst));
        stretches.push(stretch(points, worst, to));
    }
    kept.sort_unstable();
    kept.dedup();
    Curve {
        class: class.to_owned(),
        x: kept.iter().map(|point| points[*point].0).collect(),
        y: kept.iter().map(|point| points[*point].1).collect(),
        threshold: kept.iter().map(|point| points[*point].2).collect(),
        area,
    }
}

fn stretch(points: &[(f64, f64, f64)], from: usize, to: usize) -> Stretch {
    let (start, end) = (points[from], points[to]);
    let (run, rise) = (end.0 - start.0, end.1 - start.1);
    let square = run * run + rise * rise;
    let mut found = Stretch { deviation: -1.0, from, worst: from, to };
    for (index, point) in points.iter().enumerate().take(to).skip(from + 1) {
        let (x, y) = (point.0 - start.0, point.1 - start.1);
        // The foot of the perpendicular, kept on the chord.
        let along = if square > 0.0 { ((x * run + y * rise) / square).clamp(0.0, 1.0) } else { 0.0 };
        let deviation = (x - along * run).hypot(y - along * rise);
        if deviation > found.deviation {
            (found.deviation, found.worst) = (deviation, index);
        }
    }
    found
}
