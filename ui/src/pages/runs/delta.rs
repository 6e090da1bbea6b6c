//! How far a figure is from the baseline's.

use super::columns::metrics::ByMetric;
use crate::parts::words;

/// A difference as a person reads it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Delta {
    /// "+0.02 (+4.2 %)".
    pub(super) text: String,
    /// `None` where nothing says whether more is better, or nothing differs.
    pub(super) is_better: Option<bool>,
}

/// Whether more of a figure is better: as the table's ranking says, or as its name does.
pub(super) fn direction(key: &str, ranked_by: Option<&(String, bool)>) -> Option<bool> {
    ranked_by.filter(|(ranked, _)| ranked == key).map(|(_, more)| *more).or_else(|| words::is_more_better(key))
}

/// The same, but for what a person says of the figure.
pub(super) fn direction_of(better: &ByMetric, key: &str, ranked_by: Option<&(String, bool)>) -> Option<bool> {
    better.get(key).copied().or_else(|| direction(key, ranked_by))
}

/// The difference of a value to the baseline's; none where one of them is no number. The share is of the baseline's
/// size, and there is none of zero.
pub(super) fn delta(value: f64, baseline: f64, is_more_better: Option<bool>) -> Option<Delta> {
    let by = value - baseline;
    if !by.is_finite() {
        return None;
    }
    let signed = |by: f64| if by > 0.0 { "+" } else { "" };
    let share = by / baseline.abs() * 100.0;
    let share = if share.is_finite() {
        let digits = if share.abs() < 10.0 { 1 } else { 0 };
        format!(" ({}{} %)", signed(by), words::minus(&format!("{share:.digits$}")))
    } else {
        String::new()
    };
    let text = if by == 0.0 { "±0".to_owned() } else { format!("{}{}{share}", signed(by), words::figure(by)) };
    Some(Delta { text, is_better: is_more_better.filter(|_| by != 0.0).map(|more| (by > 0.0) == more) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_its_share_and_its_side() {
        let told = |value, baseline, more| delta(value, baseline, more).map(|delta| (delta.text, delta.is_better));
        assert_eq!(told(0.75, 0.5, Some(true)), Some(("+0.2500 (+50 %)".to_owned(), Some(true))));
        assert_eq!(told(0.49, 0.5, Some(true)), Some(("−0.0100 (−2.0 %)".to_owned(), Some(false))));
        assert_eq!(told(0.25, 0.5, Some(false)), Some(("−0.2500 (−50 %)".to_owned(), Some(true))));
        assert_eq!(told(1.0, 0.0, None), Some(("+1.000".to_owned(), None)));
        assert_eq!(told(0.5, 0.5, Some(true)), Some(("±0".to_owned(), None)));
        assert_eq!(told(f64::NAN, 0.5, Some(true)), None);
        assert_eq!(told(f64::INFINITY, f64::INFINITY, Some(true)), None);
    }

    #[test]
    fn the_ranking_says_more_than_the_name() {
        let ranked = ("speed".to_owned(), true);
        assert_eq!(direction("speed", Some(&ranked)), Some(true));
        assert_eq!(direction("speed", None), None);
        assert_eq!(direction("loss/validation", Some(&ranked)), Some(false));
        assert_eq!(direction("val_accuracy", None), Some(true));
        // And a person more than both.
        let better = ByMetric::from([("speed".to_owned(), false), ("grad_norm".to_owned(), true)]);
        let said = |key: &str| direction_of(&better, key, Some(&ranked));
        assert_eq!([said("speed"), said("grad_norm"), said("val_accuracy")], [Some(false), Some(true), Some(true)]);
    }
}
