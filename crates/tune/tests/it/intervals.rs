//! Means with their spread.

use tune::intervals::{groups, summarize, usual};

use crate::near;

#[test]
fn mean_and_sample_deviation() {
    // statistics.stdev([2, 4, 4, 4, 5, 5, 7, 9]) = 2.138089935299395
    let found = summarize([2.0, 4.0, f64::NAN, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
    assert_eq!((found.count, found.nan, found.mean, found.min, found.max), (8, 1, 5.0, 2.0, 9.0));
    assert!(near(found.deviation.unwrap(), 2.138_089_935_299_395, 1e-15));
}

#[test]
fn what_has_no_deviation_has_none() {
    assert_eq!(summarize([]), None);
    assert_eq!(summarize([f64::NAN]), None);
    let one = summarize([3.0]).unwrap();
    assert_eq!((one.mean, one.deviation), (3.0, None));
    let infinite = summarize([3.0, f64::INFINITY]).unwrap();
    assert_eq!((infinite.mean, infinite.deviation, infinite.max), (f64::INFINITY, None, f64::INFINITY));
    let both = summarize([f64::NEG_INFINITY, f64::INFINITY]).unwrap();
    assert!(both.mean.is_nan() && both.deviation.is_none());
}

#[test]
fn large_numbers_keep_their_spread_and_their_mean() {
    let close = summarize([1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0]).unwrap();
    assert_eq!((close.mean, close.deviation), (1e9 + 2.0, Some(1.0)));
    let same = summarize([0.1; 10]).unwrap();
    assert_eq!((same.mean, same.deviation), (0.1, Some(0.0)));
    let huge = summarize([f64::MAX, f64::MAX]).unwrap();
    assert!(near(huge.mean / f64::MAX, 1.0, 1e-15));
}

#[test]
fn what_lies_far_off_leaves_the_usual_range_of_the_others() {
    let mut values: Vec<f64> = (0..20).map(|at| 0.1 + f64::from(at) / 100.0).collect();
    let own = usual(values.iter().copied()).unwrap();
    assert_eq!(own, (values[0], values[19]));
    // One run that diverged, one that is not finite, and one that has no number.
    values.extend([1e9, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]);
    assert_eq!(usual(values.iter().copied()), Some(own));
    values.push(-1e9);
    assert_eq!(usual(values), Some(own));
    // As far off as others are from each other: all of the range is told apart.
    assert_eq!(usual([1.0, 2.0, 3.0, 9.0]), Some((1.0, 9.0)));
    assert_eq!(usual([0.1, 0.2, 0.3, 1e6]), Some((0.1, 0.3)));
    // Where most are the same, the others tell.
    assert_eq!(usual([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0]), Some((0.0, 2.0)));
    assert_eq!(usual([5.0, 1e6]), Some((5.0, 1e6)));
    assert_eq!((usual([f64::NAN, f64::INFINITY]), usual([])), (None, None));
}

#[test]
fn groups_are_in_order_and_those_without_a_value_last() {
    let runs = [
        (Some("b"), Some(1.0)),
        (None, Some(9.0)),
        (Some("a"), Some(2.0)),
        (Some("b"), Some(3.0)),
        (Some("b"), None),
        (Some("b"), Some(f64::NAN)),
        (Some("c"), None),
    ];
    let found: Vec<_> = groups(runs)
        .into_iter()
        .map(|group| (group.key, group.runs, group.summary.map(|summary| (summary.count, summary.mean))))
        .collect();
    let expected = [
        (Some("a"), 1, Some((1, 2.0))),
        (Some("b"), 4, Some((2, 2.0))),
        (Some("c"), 1, None),
        (None, 1, Some((1, 9.0))),
    ];
    assert_eq!(found, expected);
}
