//! A series over another one: every pair that comes back was measured, and none that matters is lost.

use api::series::{OverMetric, Point, Series};
use store::Store;

use crate::{open, run_id, run_row, with_project};

async fn store_with<const N: usize>(series: [(&'static str, Vec<Vec<Point>>); N]) -> (tempfile::TempDir, Store) {
    let (folder, store) = open();
    with_project(&store).await;
    store.write(|tx| store::run::put(tx, &run_row(1))).await.unwrap();
    for (key, pieces) in series {
        for piece in pieces {
            store.write(move |tx| store::metric::append(tx, run_id(1), key, &piece)).await.unwrap();
        }
    }
    (folder, store)
}

fn point(step: i64, value: f64) -> Point {
    Point { step, time_ms: step, value }
}

fn over(key: &str) -> OverMetric {
    OverMetric { key: key.to_owned(), from: None, to: None, log: false, whole: false }
}

async fn joined(store: &Store, (from, to): (i64, i64), over: OverMetric, points: u64) -> Series {
    let read = move |c: &store::Connection| {
        let number =
            |key: &str| Ok::<_, store::error::StoreError>(store::metric::find(c, run_id(1), key)?.map(|found| found.0));
        let series = number("loss")?.expect("a series");
        store::points::join(c, series, number(&over.key)?, (from, to), &over, points)
    };
    store.read(read).await.unwrap()
}

const ALL: (i64, i64) = (i64::MIN, i64::MAX);

/// The other series' value tells its step, so that a pair that was never measured is seen.
fn along(step: i64) -> f64 {
    // A permutation of the steps below 3,000,017, which is a prime: the axis goes to and fro.
    ((step * 1_000_003) % 3_000_017) as f64
}

fn loss(step: i64) -> f64 {
    ((step as f64) * 0.001).sin() + if step == 600_006 { 50.0 } else { 0.0 }
}

#[tokio::test]
async fn a_million_points_over_a_million_others_at_other_steps_are_pairs_that_are_there() {
    const COUNT: i64 = 1_000_000;
    let losses: Vec<Point> = (0..COUNT).map(|at| point(at * 2, loss(at * 2))).collect();
    let others: Vec<Point> = (0..COUNT).map(|at| point(at * 3, along(at * 3))).collect();
    let pieces = |all: &[Point]| all.chunks(50_000).map(<[Point]>::to_vec).collect::<Vec<_>>();
    let (_folder, store) = store_with([("loss", pieces(&losses)), ("other", pieces(&others))]).await;
    let each = || OverMetric { whole: true, ..over("other") };
    let some = joined(&store, ALL, over("other"), 1_000).await;
    assert!((5..50).contains(&some.one_in) && some.len() > 300, "{} points, one in {}", some.len(), some.one_in);
    assert!((0..some.len()).all(|at| some.over[at] == along(some.step[at] as i64)), "what comes was measured");
    let all = joined(&store, ALL, each(), 1_000).await;
    assert_eq!(all.one_in, 0);
    // Steps that are multiples of 2 and of 3.
    let partners = (COUNT * 2 - 1) / 6 + 1;
    assert_eq!(all.left_out, (COUNT - partners) as u64);
    assert!(!all.raw && (900..=1_000).contains(&all.len()), "{} points", all.len());
    assert!(all.over.is_sorted());
    for at in 0..all.len() {
        let step = all.step[at] as i64;
        assert_eq!((step % 6, all.over[at], all.last[at]), (0, along(step), loss(step)), "step {step}");
    }
    let most = all.last.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!(most, loss(600_006), "the one spike is there");
    // A part of the axis, and in the end every pair of it.
    let near = OverMetric { from: Some(100_000.0), to: Some(100_300.0), ..each() };
    let near = joined(&store, ALL, near, 1_000).await;
    let expected = (0..partners).filter(|at| (100_000.0..=100_300.0).contains(&along(at * 6))).count();
    assert_eq!((near.raw, near.len(), expected > 10), (true, expected, true));
    let part = joined(&store, (600, 659), over("other"), 1_000).await;
    assert_eq!((part.len(), part.left_out), (10, 20));
}

#[tokio::test]
async fn what_came_late_or_again_meets_the_last_value_of_its_step() {
    let line =
        |range: std::ops::Range<i64>, add: f64| range.map(|step| point(step, step as f64 + add)).collect::<Vec<_>>();
    let mut again = line(1_000..3_000, 0.5);
    again.iter_mut().for_each(|point| point.time_ms += 10_000);
    let others = vec![line(2_000..4_000, 0.0), line(0..2_000, 0.0), again];
    let (_folder, store) = store_with([("loss", vec![line(0..5_000, 0.0)]), ("other", others)]).await;
    let all = joined(&store, ALL, over("other"), 10_000).await;
    assert_eq!((all.raw, all.len(), all.left_out), (true, 4_000, 1_000));
    for (step, over) in all.step.iter().zip(&all.over) {
        let expected = if (1_000.0..3_000.0).contains(step) { step + 0.5 } else { *step };
        assert_eq!(*over, expected);
    }
    let none = joined(&store, ALL, over("nothing"), 100).await;
    assert_eq!((none.len(), none.left_out), (0, 5_000));
}

#[tokio::test]
async fn of_values_that_are_not_finite_one_of_each_kind_stays_and_a_partner_must_be() {
    let value = |step: i64| match step {
        4_321 => f64::NAN,
        4_322 => f64::INFINITY,
        _ => 1.0,
    };
    let losses: Vec<Point> = (0..9_000).map(|step| point(step, value(step))).collect();
    let other = |step: i64| {
        if step < 90 {
            -1.0
        } else if step < 100 {
            f64::NAN
        } else {
            10_f64.powi((step / 1_000) as i32)
        }
    };
    let others: Vec<Point> = (0..9_000).map(|step| point(step, other(step))).collect();
    let (_folder, store) = store_with([("loss", vec![losses]), ("other", vec![others])]).await;
    for (log, left_out) in [(false, 10), (true, 100)] {
        let all = joined(&store, ALL, OverMetric { log, ..over("other") }, 200).await;
        assert_eq!(all.left_out, left_out, "log: {log}");
        let odd: Vec<f64> = all.last.iter().copied().filter(|value| !value.is_finite()).collect();
        assert!(odd.len() == 2 && odd.iter().any(|value| value.is_nan()), "{odd:?}");
        let mut places = all.over.clone();
        places.dedup();
        // Nine decades: on a linear axis the small ones are one stretch.
        assert_eq!(places.len() >= 9, log, "{places:?}");
    }
    // At one place, and at the ends of what a number can be.
    for ends in [[7.0, 7.0], [f64::MIN, f64::MAX]] {
        let losses: Vec<Point> = (0..5_000).map(|step| point(step, step as f64)).collect();
        let others: Vec<Point> = (0..5_000).map(|step| point(step, ends[(step % 2) as usize])).collect();
        let (_folder, store) = store_with([("loss", vec![losses]), ("other", vec![others])]).await;
        let all = joined(&store, ALL, over("other"), 100).await;
        assert!((2..=4).contains(&all.len()) && all.last.contains(&0.0), "{:?}", all.last);
    }
}

/// Clients that never name a step log all at 0: a partner is the newest, and nothing is held for it.
#[tokio::test]
async fn of_points_of_one_step_each_meets_the_newest_value() {
    let of =
        |add: f64| (0..30_000).map(|at| Point { step: 0, time_ms: at, value: at as f64 + add }).collect::<Vec<_>>();
    // The newest was told first.
    let others = of(0.5).into_iter().rev().collect::<Vec<_>>();
    let (_folder, store) = store_with([("loss", vec![of(0.0)]), ("other", vec![others])]).await;
    let all = joined(&store, ALL, over("other"), 1_000).await;
    assert_eq!((all.left_out, all.over, all.last), (0, vec![29_999.5; 2], vec![0.0, 29_999.0]));
}

/// The extremes of the other metric are where this one has no value: what has one is drawn as finely all the same.
#[tokio::test]
async fn what_has_a_partner_is_drawn_finely_wherever_the_others_extremes_are() {
    let losses: Vec<Point> = (0..20_000).map(|step| point(step, (step as f64 * 0.37).sin())).collect();
    let others: Vec<Point> =
        (0..30_000).map(|step| point(step, if step < 20_000 { step as f64 } else { step as f64 * 1e6 })).collect();
    let (_folder, store) = store_with([("loss", vec![losses]), ("other", vec![others])]).await;
    for log in [false, true] {
        let all = joined(&store, (i64::MIN, i64::MAX), OverMetric { log, ..over("other") }, 1_000).await;
        let mut places: Vec<f64> = all.over.clone();
        places.dedup();
        let most = if log { 100 } else { 900 };
        assert!(places.len() > most && all.over.last() > Some(&19_900.0), "{}: {:?}", places.len(), all.over.last());
    }
    // A part of the axis that ends beyond what has a partner.
    let part = OverMetric { from: Some(10_000.0), to: Some(1e12), ..over("other") };
    let part = joined(&store, ALL, part, 1_000).await;
    assert!(!part.raw && part.len() > 900 && part.over[0] < 10_030.0, "{}", part.len());
}

/// What is told of a long series over one of the same steps: from each bucket's last point the steps, and what is drawn.
async fn laid_beside(other: impl Fn(i64) -> f64, asked: OverMetric, points: u64) -> Series {
    let losses: Vec<Point> = (0..LONG).map(|step| point(step, loss(step))).collect();
    let others: Vec<Point> = (0..LONG).map(|step| point(step, other(step))).collect();
    let pieces = |all: &[Point]| all.chunks(50_000).map(<[Point]>::to_vec).collect::<Vec<_>>();
    let (_folder, store) = store_with([("loss", pieces(&losses)), ("other", pieces(&others))]).await;
    let told = joined(&store, ALL, asked, points).await;
    assert!(told.over.is_sorted(), "the axis ascends");
    for at in 0..told.len() {
        let step = told.step[at] as i64;
        assert_eq!((told.over[at], told.last[at]), (other(step), loss(step)), "step {step} was measured");
        if let (Some(min), Some(max)) = (told.min.get(at), told.max.get(at)) {
            assert!(*min <= told.last[at] && told.last[at] <= *max, "step {step}");
        }
    }
    told
}

/// Not a whole number of chunks: the newest stand in the tail.
const LONG: i64 = 700_321;

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

#[tokio::test]
async fn over_a_metric_that_grows_buckets_show_where_each_extreme_is() {
    let tokens = |step: i64| step as f64 * 4_096.0;
    let all = laid_beside(tokens, over("other"), 1_000).await;
    assert!((400..=1_000).contains(&all.len()) && (all.left_out, all.one_in) == (0, 0), "{} points", all.len());
    let spike = (0..all.len()).find(|at| all.max[*at] == loss(600_006)).expect("the one spike");
    let away = (all.over[spike] - tokens(600_006)).abs() / tokens(LONG);
    assert!(away < 0.005, "the spike stands {away} of the axis away");
    assert_eq!(all.over.last(), Some(&tokens(LONG - 1)), "to its end");
    // Nearer, and in the end every point.
    let part = |from: i64, to: i64| OverMetric { from: Some(tokens(from)), to: Some(tokens(to)), ..over("other") };
    let near = laid_beside(tokens, part(300_000, 600_000), 1_000).await;
    assert!(!near.raw && near.len() > 400 && (near.left_out, near.one_in) == (0, 0), "{} points", near.len());
    let width = tokens(1_000);
    assert!(near.over[0] >= tokens(300_000) - width && near.over[near.len() - 1] <= tokens(600_000) + width);
    let each = laid_beside(tokens, part(600_000, 600_499), 1_000).await;
    assert!(each.raw && each.step == (600_000..600_500).map(|step| step as f64).collect::<Vec<_>>());
}

#[tokio::test]
async fn over_a_metric_that_goes_slowly_to_and_fro_nothing_is_left_to_chance() {
    let wave = |step: i64| (step as f64 * 2e-5).sin();
    let all = laid_beside(wave, over("other"), 1_000).await;
    assert_eq!((all.left_out, all.one_in), (0, 0));
    assert!(all.len() > 400 && most(&all.max) == loss(600_006), "{} points", all.len());
}

#[tokio::test]
async fn what_the_axis_cant_show_is_counted_wherever_it_is() {
    let odd = |step: i64| match step {
        0..5 => 0.0,
        5_000..9_000 | 400_000 | 700_300 => f64::NAN,
        _ => step as f64,
    };
    for (log, left_out) in [(false, 4_002), (true, 4_007)] {
        let all = laid_beside(odd, OverMetric { log, ..over("other") }, 1_000).await;
        assert_eq!((all.left_out, all.one_in), (left_out, 0), "log: {log}");
        assert!(most(if all.max.is_empty() { &all.last } else { &all.max }) == loss(600_006));
        // On a log axis the few first points take half of it, so that they come as they are.
        let first: Vec<f64> = all.over.iter().copied().take(40).collect();
        assert_eq!(first.iter().take(3).eq(&[5.0, 6.0, 7.0]), log, "{first:?}");
    }
}
