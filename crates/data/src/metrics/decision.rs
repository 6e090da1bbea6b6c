//! Which of more than two classes is called where some are rare, chosen on the validation part.
//!
//! The most probable class is seldom a rare one, however well its rows are told from the others. As two classes
//! have a threshold, more have factors: of each class its rarity to a power. One number is chosen, whatever the
//! number of classes, so that few rows of a rare class suffice to choose it. Probabilities stay as they are.

use api::evaluation::Decision;

use super::multiclass::Scored;

/// Classes are balanced while the commonest has less than this many times the rows of the rarest.
const IMBALANCED: f64 = 1.5;
/// The powers that are tried are the multiples of one by this, from 0 (the most probable class) to 1 (every class as if
/// equally frequent).
const STEPS: u32 = 20;

/// Whether some classes are rare beside others. Shares or counts; those that do not occur are left out.
pub fn is_imbalanced(shares: impl Iterator<Item = f64> + Clone) -> bool {
    let present = shares.filter(|share| *share > 0.0);
    let (rarest, commonest) = (present.clone().fold(f64::INFINITY, f64::min), present.fold(0.0, f64::max));
    commonest >= rarest * IMBALANCED
}

/// The factors with the best macro F1; nothing where classes are balanced or the most probable class is best.
///
/// `shares` are the classes' of the training part.
pub fn choose(validation: &Scored<'_>, shares: &[f64]) -> Option<Decision> {
    if !is_imbalanced(shares.iter().copied()) {
        return None;
    }
    let macro_f1 = |factors: &[f64]| validation.tally(factors).macro_average().f1;
    let plain = macro_f1(&[]);
    let (mut best, mut best_f1) = (None, plain);
    for step in 1..=STEPS {
        let factors = factors(shares, f64::from(step) / f64::from(STEPS));
        let f1 = macro_f1(&factors);
        if f1 > best_f1 {
            (best, best_f1) = (Some(factors), f1);
        }
    }
    best.map(|factors| Decision {
        factors,
        reason: format!("macro F1 {best_f1:.2} on validation, {plain:.2} by the most probable class"),
    })
}

/// How many times rarer than the commonest class each is, to a power; 1 for a class that does not occur.
fn factors(shares: &[f64], power: f64) -> Vec<f64> {
    let commonest = shares.iter().copied().fold(0.0, f64::max);
    shares.iter().map(|share| if *share > 0.0 { (commonest / share).powf(power) } else { 1.0 }).collect()
}
