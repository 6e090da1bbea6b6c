//! Where a probability becomes "yes", chosen on the validation part.

use api::{
    config::{EvaluationConfig, ThresholdRule},
    evaluation::Threshold,
};

use super::ranking::{Cut, Ranking};

/// The best threshold by the project's rule. It lies half-way between the last score that is called
/// positive and the next, so that rounding in another process calls no row differently.
pub fn choose(ranking: &Ranking, config: &EvaluationConfig) -> Threshold {
    match config.threshold {
        ThresholdRule::F1 => by_f1(ranking),
        ThresholdRule::Cost => by_cost(ranking, config.cost_false_negative, config.cost_false_positive),
    }
}

fn by_f1(ranking: &Ranking) -> Threshold {
    let positives = ranking.positives();
    if positives == 0 {
        return Threshold { value: 0.5, reason: "no positive row on validation to choose by".to_owned() };
    }
    let f1 =
        |cut: &Cut| 2.0 * cut.true_positives as f64 / (cut.true_positives + cut.false_positives + positives) as f64;
    let (mut best, mut best_f1) = (0, -1.0);
    for (group, cut) in ranking.cuts().iter().enumerate() {
        let f1 = f1(cut);
        if f1 > best_f1 {
            (best, best_f1) = (group, f1);
        }
    }
    Threshold { value: below(ranking, best), reason: format!("F1 {best_f1:.2} on validation") }
}

fn by_cost(ranking: &Ranking, false_negative: f64, false_positive: f64) -> Threshold {
    let positives = ranking.positives();
    let cost = |cut: &Cut| {
        (positives - cut.true_positives) as f64 * false_negative + cut.false_positives as f64 * false_positive
    };
    // To call nothing positive is a choice too: it costs every positive.
    let (mut best, mut best_cost) = (None, positives as f64 * false_negative);
    for (group, cut) in ranking.cuts().iter().enumerate() {
        let cost = cost(cut);
        if cost < best_cost {
            (best, best_cost) = (Some(group), cost);
        }
    }
    let value = match best {
        Some(group) => below(ranking, group),
        None => ranking.scores.first().map_or(1.0, |top| f64::midpoint(*top, 1.0).max(top.next_up())),
    };
    let per_thousand = best_cost * 1000.0 / ranking.order.len().max(1) as f64;
    Threshold { value, reason: format!("cost {per_thousand:.1} per 1,000 rows on validation") }
}

/// Between the score of a group and the next lower one (0 below the lowest).
fn below(ranking: &Ranking, group: usize) -> f64 {
    let score = ranking.scores[group];
    let next = ranking.scores.get(group + 1).copied().unwrap_or(0.0).min(score);
    let middle = f64::midpoint(score, next);
    // Neighbouring floats have no middle of their own.
    if middle > next { middle } else { score }
}
