//! Series: the pyramid says what the points say, however they came in.

use api::series::{KeptFigure, NonFinite, Point};
use store::{Store, points::Window};

use crate::{open, run_id, run_row, with_project};

fn value(step: i64) -> f64 {
    ((step as f64) * 0.37).sin() * (1.0 + step as f64 / 1000.0)
}

fn points(range: std::ops::Range<i64>) -> Vec<Point> {
    range.map(|step| Point { step, time_ms: 1_700_000_000_000 + step * 10, value: value(step) }).collect()
}

/// A store with a run whose series was appended in pieces of the given size.
async fn with_series(total: i64, piece: i64) -> (tempfile::TempDir, Store, i64) {
    let (folder, store) = open();
    with_project(&store).await;
    store.write(|tx| store::run::put(tx, &run_row(1))).await.unwrap();
    let mut at = 0;
    while at < total {
        let new = points(at..total.min(at + piece));
        at += new.len() as i64;
        let count = store.write(move |tx| store::metric::append(tx, run_id(1), "loss", &new)).await.unwrap();
        assert_eq!(count, at as u64);
    }
    let (number, _) = store.read(|c| store::metric::find(c, run_id(1), "loss")).await.unwrap().unwrap();
    (folder, store, number)
}

#[tokio::test]
async fn buckets_are_the_minimum_maximum_and_last_of_their_points() {
    for (total, piece) in [(70_000, 70_000), (70_000, 977), (40_001, 1)] {
        // One by one is slow through the writer; the pieces matter around the levels' births only.
        let piece = if piece == 1 { 3 } else { piece };
        let (_folder, store, number) = with_series(total, piece).await;
        let view =
            store.read(move |c| store::points::view(c, number, Window::steps(i64::MIN, i64::MAX), 1000)).await.unwrap();
        assert!(!view.raw && view.len() <= 1001, "{} points", view.len());
        assert!(view.len() > 500, "{} points", view.len());
        let mut from = 0;
        for (index, last) in view.last.iter().enumerate() {
            let to = view.step[index] as i64;
            let covered: Vec<f64> = (from..=to).map(value).collect();
            assert_eq!(*last, value(to));
            assert_eq!(view.min[index], covered.iter().copied().fold(f64::INFINITY, f64::min));
            assert_eq!(view.max[index], covered.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            let mean = covered.iter().sum::<f64>() / covered.len() as f64;
            assert!((view.mean[index] - mean).abs() < 1e-9, "{} is not {mean}", view.mean[index]);
            from = to + 1;
        }
        assert_eq!(from, total, "no point is dropped");
    }
}

#[tokio::test]
async fn a_window_touches_the_chunks_that_it_holds_something_of_and_the_open_end() {
    let (_folder, store, number) = with_series(5_000, 5_000).await;
    let everything = (i64::MIN, i64::MAX);
    let at = |step: i64| 1_700_000_000_000 + step * 10;
    let cases: [(_, _, _, &[(u64, u64)]); 9] = [
        (everything, everything, 5_000, &[(0, 5_000)]),
        // What came since does not count.
        (everything, everything, 2_050, &[(0, 2_050)]),
        (everything, everything, 2_048, &[(0, 2_048)]),
        (everything, everything, 0, &[]),
        ((1_024, 2_047), everything, 5_000, &[(1_024, 2_048), (4_096, 5_000)]),
        ((1_023, 1_024), everything, 5_000, &[(0, 2_048), (4_096, 5_000)]),
        ((3_500, 3_500), everything, 4_096, &[(3_072, 4_096)]),
        (everything, (at(2_048), at(2_048)), 5_000, &[(2_048, 3_072), (4_096, 5_000)]),
        ((0, 10), (at(2_048), at(2_048)), 4_096, &[]),
    ];
    for (steps, times, end, expected) in cases {
        let window = Window { steps, times };
        let touched = store.read(move |c| store::points::touched(c, number, window, end)).await.unwrap();
        let touched: Vec<(u64, u64)> = touched.into_iter().map(|span| (span.start, span.end)).collect();
        assert_eq!(touched, expected, "{window:?} of {end}");
    }
}

#[tokio::test]
async fn every_point_comes_back_however_it_came_in() {
    for (total, piece) in [(1, 1), (1_023, 1_023), (1_024, 1_000), (5_000, 7), (2_048, 2_048)] {
        let (_folder, store, number) = with_series(total, piece).await;
        let all = store.read(move |c| store::points::raw_points(c, number, 0, u64::MAX)).await.unwrap();
        assert_eq!(all, points(0..total), "{total} in pieces of {piece}");
        let (skip, limit) = (total as u64 / 3, total as u64 / 2);
        let some = store.read(move |c| store::points::raw_points(c, number, skip, limit)).await.unwrap();
        assert_eq!(some, points(skip as i64..(skip + limit) as i64), "{total} in pieces of {piece}");
    }
}

#[tokio::test]
async fn what_is_taken_back_from_a_step_on_is_as_if_it_never_came() {
    // The last is longer than what of a series is in memory at once.
    for (total, piece, from) in [(5_000, 977, 3_000), (5_000, 5_000, 0), (10, 10, 20), (140_000, 50_000, 135_001)] {
        let (_folder, store, _) = with_series(total, piece).await;
        let told = async |store: &Store| {
            let cells = store.read(|c| store::metric::cells(c, run_id(1))).await.unwrap();
            (store.read(|c| store::metric::summaries(c, run_id(1))).await.unwrap(), cells)
        };
        store.write(move |tx| store::metric::forget_from(tx, run_id(1), from)).await.unwrap();
        let kept = total.min(from);
        let found = store.read(|c| store::metric::find(c, run_id(1), "loss")).await.unwrap();
        assert_eq!(found.map(|(_, count)| count), (kept > 0).then_some(kept as u64));
        if kept > 0 {
            let (_folder, never, _) = with_series(kept, piece).await;
            assert_eq!(told(&store).await, told(&never).await);
        }
        let again = points(kept..total);
        store.write(move |tx| store::metric::append(tx, run_id(1), "loss", &again)).await.unwrap();
        let (number, _) = store.read(|c| store::metric::find(c, run_id(1), "loss")).await.unwrap().unwrap();
        let all = store.read(move |c| store::points::raw_points(c, number, 0, u64::MAX)).await.unwrap();
        assert_eq!(all, points(0..total));
    }
}

#[tokio::test]
async fn where_a_series_lies_is_known_of_its_chunks_and_its_tail() {
    for total in [1, 900, 1_024, 5_000] {
        let (_folder, store, number) = with_series(total, 700).await;
        let late = [Point { step: -3, time_ms: 9, value: 7.0 }];
        store.write(move |tx| store::metric::append(tx, run_id(1), "loss", &late)).await.unwrap();
        let found = store.read(move |c| store::points::extent(c, number)).await.unwrap();
        let last_ms = 1_700_000_000_000 + (total - 1) * 10;
        assert_eq!(found, Some(Window { steps: (-3, total - 1), times: (9, last_ms) }), "of {total}");
        assert_eq!(store.read(|c| store::points::extent(c, 404)).await.unwrap(), None);
    }
}

#[tokio::test]
async fn the_final_figure_is_among_those_that_the_most_is_of() {
    let (_folder, store, _) = with_series(10, 10).await;
    let figure = async |value: f64| {
        store.write(move |tx| store::metric::set_figure(tx, run_id(1), "loss", value)).await.unwrap();
        let summary = store.read(|c| store::metric::summary(c, run_id(1), "loss")).await.unwrap().unwrap();
        (summary.min, summary.last, summary.max)
    };
    let (least, _, most) = figure(value(3)).await;
    assert_eq!(figure(most + 1.0).await, (least, most + 1.0, most + 1.0));
    assert_eq!(figure(least - 1.0).await, (least - 1.0, least - 1.0, most));
}

#[tokio::test]
async fn a_figure_that_was_not_logged_last_says_the_step_of_the_model_that_was_kept() {
    let (_folder, store, _) = with_series(10, 10).await;
    let losses = [(0, 0.9), (10, 0.2), (20, f64::NAN), (30, 0.2), (40, 0.4)];
    let losses = losses.map(|(step, value)| Point { step, time_ms: step, value });
    store.write(move |tx| store::metric::append(tx, run_id(1), "loss/validation", &losses)).await.unwrap();
    let kept = async |figure: f64| {
        store.write(move |tx| store::metric::set_figure(tx, run_id(1), "loss", figure)).await.unwrap();
        let all = store.read(|c| store::metric::summaries(c, run_id(1))).await.unwrap();
        all.into_iter().find(|series| series.key == "loss").unwrap().kept
    };
    assert_eq!(kept(value(9)).await, None, "what was logged last is no other");
    assert_eq!(kept(value(3)).await, Some(KeptFigure { step: Some(10), logged: value(9) }));
    store.write(move |tx| store::metric::set_figure(tx, run_id(1), "f1/validation", 0.5)).await.unwrap();
    let alone = store.read(|c| store::metric::summary(c, run_id(1), "f1/validation")).await.unwrap().unwrap();
    assert_eq!((alone.count, alone.kept), (0, None), "nothing of it was logged");
}

#[tokio::test]
async fn what_is_sent_again_counts_once() {
    let (_folder, store, number) = with_series(1_500, 100).await;
    let again = points(1_400..1_500);
    let count = store.write(move |tx| store::metric::append(tx, run_id(1), "loss", &again)).await.unwrap();
    assert_eq!(count, 1_500);
    // An earlier step with another value is a point of its own, and doesn't stand for the series.
    let late = [Point { step: 3, time_ms: 9, value: 7.0 }];
    let count = store.write(move |tx| store::metric::append(tx, run_id(1), "loss", &late)).await.unwrap();
    let summary = store.read(|c| store::metric::summaries(c, run_id(1))).await.unwrap().remove(0);
    assert_eq!((count, summary.step, summary.last), (1_501, 1_499, value(1_499)));
    let all = store.read(move |c| store::points::raw_points(c, number, 0, u64::MAX)).await.unwrap();
    assert_eq!(all.len(), 1_501);
}

#[tokio::test]
async fn what_is_sent_again_counts_once_however_long_ago_it_came() {
    let (_folder, store, number) = with_series(5_000, 1_000).await;
    let append = async |new: Vec<Point>| {
        store.write(move |tx| store::metric::append(tx, run_id(1), "loss", &new)).await.unwrap()
    };
    // Chunks that are sealed long since, and a batch that reaches over all of them.
    assert_eq!(append(points(0..1_000)).await, 5_000);
    assert_eq!(append(points(0..5_000)).await, 5_000);
    assert_eq!(append(vec![points(4_321..4_322)[0], points(17..18)[0]]).await, 5_000);
    // The same within one batch, in the series' first batch too.
    let point = Point { step: 9_000, time_ms: 5, value: 1.0 };
    assert_eq!(append(vec![point, point, point]).await, 5_001);
    assert_eq!(append(vec![Point { value: f64::NAN, ..point }, Point { value: f64::NAN, ..point }]).await, 5_002);
    let count = store.write(move |tx| store::metric::append(tx, run_id(1), "first", &[point, point])).await.unwrap();
    assert_eq!(count, 1);
    // One that differs in its step, time or value is another.
    let old = points(2_000..2_001)[0];
    let others = vec![
        Point { step: 2_001, ..old },
        Point { time_ms: old.time_ms + 1, ..old },
        Point { value: old.value + 1.0, ..old },
        old,
    ];
    assert_eq!(append(others.clone()).await, 5_005);
    assert_eq!(append(others).await, 5_005);
    let all = store.read(move |c| store::points::raw_points(c, number, 0, u64::MAX)).await.unwrap();
    assert_eq!(all.len(), 5_005);
}

#[tokio::test]
async fn points_of_one_step_are_told_apart_by_their_times() {
    let (_folder, store) = open();
    with_project(&store).await;
    store.write(|tx| store::run::put(tx, &run_row(1))).await.unwrap();
    let append = async |new: Vec<Point>| {
        store.write(move |tx| store::metric::append(tx, run_id(1), "loss", &new)).await.unwrap()
    };
    let at = |time_ms: i64| Point { step: 0, time_ms: time_ms / 3, value: (time_ms % 3) as f64 };
    for from in (0..6_000).step_by(500) {
        assert_eq!(append((from..from + 500).map(at).collect()).await, from as u64 + 500);
    }
    for again in [0..10, 3_000..3_600, 0..6_000] {
        assert_eq!(append(again.map(at).collect()).await, 6_000);
    }
}

#[tokio::test]
async fn a_number_and_nan_of_one_step_and_time_are_told_as_mlflow_tells_them() {
    let (_folder, store) = open();
    with_project(&store).await;
    store.write(|tx| store::run::put(tx, &run_row(1))).await.unwrap();
    let nan = f64::NAN;
    // Recorded of MLflow's server, which keeps NaN as a 0 that is marked.
    for (key, values, last) in [
        ("a", [nan, 1.0], 1.0),
        ("b", [1.0, nan], 1.0),
        ("c", [nan, -1.0], nan),
        ("d", [-1.0, nan], nan),
        ("e", [0.0, nan], 0.0),
        ("f", [nan, 0.0], nan),
    ] {
        for piece in [1, 2] {
            let name = format!("{key}{piece}");
            let points = values.map(|value| Point { step: 1, time_ms: 7, value });
            for new in points.chunks(piece).map(<[Point]>::to_vec) {
                let name = name.clone();
                store.write(move |tx| store::metric::append(tx, run_id(1), &name, &new)).await.unwrap();
            }
            let all = store.read(|c| store::metric::summaries(c, run_id(1))).await.unwrap();
            let came = all.iter().find(|one| one.key == name).unwrap().last;
            assert!(came == last || (came.is_nan() && last.is_nan()), "{name}: {came}");
        }
    }
}

#[tokio::test]
async fn whether_points_came_in_order_is_known() {
    let came = |steps_and_times: &'static [(i64, i64)], piece: usize| async move {
        let (_folder, store) = open();
        with_project(&store).await;
        store.write(|tx| store::run::put(tx, &run_row(1))).await.unwrap();
        let points: Vec<Point> = steps_and_times
            .iter()
            .map(|(step, time_ms)| Point { step: *step, time_ms: *time_ms, value: 1.0 })
            .collect();
        for new in points.chunks(piece).map(<[Point]>::to_vec) {
            store.write(move |tx| store::metric::append(tx, run_id(1), "loss", &new)).await.unwrap();
        }
        let (number, _) = store.read(|c| store::metric::find(c, run_id(1), "loss")).await.unwrap().unwrap();
        store.read(move |c| store::metric::is_in_order(c, number)).await.unwrap()
    };
    for piece in [1, 2, 9] {
        assert!(came(&[(0, 5), (1, 5), (1, 6), (7, 7)], piece).await);
        assert!(!came(&[(0, 5), (1, 4)], piece).await, "an earlier time");
        assert!(!came(&[(1, 5), (0, 6)], piece).await, "a smaller step");
        assert!(!came(&[(0, 5), (2, 6), (1, 7), (3, 8)], piece).await, "it stays so");
    }
    // What is there twice came once.
    assert!(came(&[(0, 5), (0, 5), (1, 6)], 9).await);
}

/// What a client logs late, or again after it went back to a checkpoint, stands where it belongs.
#[tokio::test]
async fn a_view_goes_along_the_steps_however_they_came() {
    for total in [600, 70_000] {
        let (_folder, store) = open();
        with_project(&store).await;
        store.write(|tx| store::run::put(tx, &run_row(1))).await.unwrap();
        for part in [total / 2..total, 0..total / 2, total / 4..total / 3] {
            let mut new = points(part);
            new.iter_mut().for_each(|point| point.time_ms += total - point.step);
            store.write(move |tx| store::metric::append(tx, run_id(1), "loss", &new)).await.unwrap();
        }
        let (number, _) = store.read(|c| store::metric::find(c, run_id(1), "loss")).await.unwrap().unwrap();
        let view =
            store.read(move |c| store::points::view(c, number, Window::steps(i64::MIN, i64::MAX), 1000)).await.unwrap();
        assert_eq!(view.raw, total == 600);
        assert!(view.step.is_sorted() && view.len() > 300, "{} points", view.len());
    }
}

#[tokio::test]
async fn a_deep_zoom_shows_raw_steps() {
    let (_folder, store, number) = with_series(50_000, 4096).await;
    let view = store.read(move |c| store::points::view(c, number, Window::steps(31_000, 31_499), 2000)).await.unwrap();
    assert!(view.raw);
    assert_eq!(view.len(), 500);
    assert_eq!(view.last[7], value(31_007));
    assert_eq!(view.time_ms[7], (1_700_000_000_000_i64 + 310_070) as f64);
}

#[tokio::test]
async fn a_million_points_open_without_reading_them() {
    let (folder, store, number) = with_series(1_000_000, 50_000).await;
    let all = async || {
        store.read(move |c| store::points::view(c, number, Window::steps(i64::MIN, i64::MAX), 2000)).await.unwrap()
    };
    let view = all().await;
    assert!(!view.raw && !view.is_empty() && view.len() <= 2300, "{} points", view.len());
    assert_eq!(*view.last.last().unwrap(), value(999_999));
    // Neither the points nor the buckets of 16 of them are read, but 17 chunks of a thousand. How long that takes is measured
    // by the bench.
    let connection = store::Connection::open(folder.path().join("slipway.db")).unwrap();
    let damaged = connection.execute("UPDATE points SET bytes = x'00' WHERE level < 2", []).unwrap();
    let read: usize = connection
        .query_row("SELECT count(*) FROM points WHERE level >= 2", [], |row| Ok(row.get::<_, i64>(0)? as usize))
        .unwrap();
    assert!(damaged > 1_000 && read <= 20, "{damaged} chunks, and {read} above them");
    assert_eq!(all().await, view);
    let near = store.read(move |c| store::points::view(c, number, Window::steps(31_000, 31_499), 2000)).await;
    assert!(near.is_err(), "from near by the points are read");
}

#[tokio::test]
async fn not_a_number_is_kept_and_left_out_of_extremes() {
    let (_folder, store) = open();
    with_project(&store).await;
    store.write(|tx| store::run::put(tx, &run_row(1))).await.unwrap();
    let values = [1.0, f64::NAN, f64::INFINITY, -2.0, f64::NAN];
    let new: Vec<Point> =
        values.iter().enumerate().map(|(step, value)| Point { step: step as i64, time_ms: 0, value: *value }).collect();
    store.write(move |tx| store::metric::append(tx, run_id(1), "loss", &new)).await.unwrap();
    let summary = store.read(|c| store::metric::summaries(c, run_id(1))).await.unwrap().remove(0);
    assert!(summary.last.is_nan());
    assert_eq!((summary.min, summary.max, summary.count), (-2.0, f64::INFINITY, 5));
    let (number, _) = store.read(|c| store::metric::find(c, run_id(1), "loss")).await.unwrap().unwrap();
    let view = store.read(move |c| store::points::view(c, number, Window::steps(0, 10), 100)).await.unwrap();
    assert!(view.last[1].is_nan() && view.last[2] == f64::INFINITY);
}

/// Zoomed out as far as it goes, one NaN among 100,000 values is still known, whichever piece brought it.
#[tokio::test]
async fn what_is_not_finite_is_counted_in_every_bucket_and_left_out_of_its_extremes() {
    let odd = [(7, f64::NAN), (40_000, f64::INFINITY), (40_001, f64::NAN), (99_999, f64::NEG_INFINITY)];
    for piece in [100_000, 977] {
        let (_folder, store) = open();
        with_project(&store).await;
        store.write(|tx| store::run::put(tx, &run_row(1))).await.unwrap();
        let mut all = points(0..100_000);
        odd.iter().for_each(|(step, value)| all[*step].value = *value);
        for new in all.chunks(piece).map(<[Point]>::to_vec) {
            store.write(move |tx| store::metric::append(tx, run_id(1), "loss", &new)).await.unwrap();
        }
        let (number, _) = store.read(|c| store::metric::find(c, run_id(1), "loss")).await.unwrap().unwrap();
        for size in [2_000, 300, 20] {
            let view = store
                .read(move |c| store::points::view(c, number, Window::steps(i64::MIN, i64::MAX), size))
                .await
                .unwrap();
            assert!(!view.raw && view.non_finite.len() == view.len(), "{size}: {} points", view.len());
            let holding = |step: usize| view.non_finite[view.step.partition_point(|last| *last < step as f64)];
            for (step, value) in odd {
                let (held, one) = (holding(step), NonFinite::of(value));
                assert!(held.nan >= one.nan && held.plus >= one.plus && held.minus >= one.minus, "{step}: {held}");
            }
            let sum = view.non_finite.iter().fold(NonFinite::default(), |mut sum, one| {
                sum += *one;
                sum
            });
            assert_eq!(sum, NonFinite { nan: 2, plus: 1, minus: 1 }, "{size} in pieces of {piece}");
            let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
            assert!(finite(&view.min) && finite(&view.max) && finite(&view.mean), "{size} in pieces of {piece}");
        }
        // Near by they are themselves.
        let view =
            store.read(move |c| store::points::view(c, number, Window::steps(39_990, 40_010), 300)).await.unwrap();
        assert!(view.raw && view.last[10] == f64::INFINITY && view.last[11].is_nan() && view.non_finite.is_empty());
    }
}

/// Whatever order they came in, near by are the points themselves: of two that wrote at once, and of one that says no
/// step.
#[tokio::test]
async fn zooming_in_ends_at_the_points_though_they_came_in_no_order() {
    let (_folder, store) = open();
    with_project(&store).await;
    store.write(|tx| store::run::put(tx, &run_row(1))).await.unwrap();
    // The one begins at step 0 and the other at its end, and each point comes after one of the other's.
    let twice: Vec<Point> = (0..40_000)
        .map(|at: i64| {
            let step = if at % 2 == 0 { at / 2 } else { 39_999 - at / 2 };
            Point { step, time_ms: at, value: step as f64 }
        })
        .collect();
    let still: Vec<Point> =
        (0..20_000).map(|at: i64| Point { step: 0, time_ms: at * 1000, value: at as f64 }).collect();
    for (key, all) in [("twice", twice), ("still", still)] {
        for new in all.chunks(700).map(<[Point]>::to_vec) {
            store.write(move |tx| store::metric::append(tx, run_id(1), key, &new)).await.unwrap();
        }
    }
    let view = async |key: &'static str, window: Window, points: u64| {
        store
            .read(move |c| {
                let (number, _) = store::metric::find(c, run_id(1), key)?.unwrap();
                store::points::view(c, number, window, points)
            })
            .await
            .unwrap()
    };
    let near = view("twice", Window::steps(1_000, 1_100), 1_000).await;
    assert!(near.raw && near.last == (1_000..=1_100).map(f64::from).collect::<Vec<_>>());
    let whole = view("twice", Window::steps(i64::MIN, i64::MAX), 1_000).await;
    assert!(!whole.raw && whole.step.is_sorted() && (500..=1_000).contains(&whole.len()), "{}", whole.len());
    let times = Window { times: (5_000_000, 5_099_000), ..Window::steps(0, 0) };
    let near = view("still", times, 1_000).await;
    assert!(near.raw && near.last == (5_000..5_100).map(f64::from).collect::<Vec<_>>());
    // More than fit are put together as they are, none left out.
    let times = Window { times: (0, 9_999_000), ..Window::steps(0, 0) };
    let far = view("still", times, 1_000).await;
    assert!(!far.raw && far.min[0] == 0.0 && far.max.last() == Some(&9_999.0) && far.len() >= 500);
}

#[tokio::test]
async fn a_stretch_of_time_of_a_series_whose_steps_go_to_and_fro_is_drawn_from_its_own_points() {
    let (_folder, store) = open();
    with_project(&store).await;
    store.write(|tx| store::run::put(tx, &run_row(1))).await.unwrap();
    // The same steps were logged five times, one after another: each stretch of time lies over all of them.
    let all: Vec<Point> =
        (0..200_000).map(|at: i64| Point { step: at % 40_000, time_ms: at * 10, value: at as f64 }).collect();
    for new in all.chunks(5_000).map(<[Point]>::to_vec) {
        store.write(move |tx| store::metric::append(tx, run_id(1), "again", &new)).await.unwrap();
    }
    let view = async |times: (i64, i64)| {
        let window = Window { times, ..Window::steps(i64::MIN, i64::MAX) };
        store
            .read(move |c| {
                let (number, _) = store::metric::find(c, run_id(1), "again")?.unwrap();
                store::points::view(c, number, window, 1_100)
            })
            .await
            .unwrap()
    };
    let near = view((900_000, 904_990)).await;
    assert!(near.raw && near.last == (90_000..90_500).map(f64::from).collect::<Vec<_>>(), "{near:?}");
    let far = view((600_000, 999_990)).await;
    assert!(!far.raw && (550..=1_100).contains(&far.len()), "{}", far.len());
    assert!(far.min.iter().all(|value| (60_000.0..100_000.0).contains(value)));
    assert_eq!(far.max.iter().copied().fold(0.0, f64::max), 99_999.0);
    assert!(view((-5, -1)).await.is_empty());
}

#[tokio::test]
async fn the_sparkline_covers_the_whole_series_in_few_points() {
    let (_folder, store, _) = with_series(5_000, 611).await;
    let spark = store.read(|c| store::metric::cells(c, run_id(1))).await.unwrap().remove("loss").unwrap().spark;
    assert!((12..=24).contains(&spark.len()), "{}", spark.len());
    assert_eq!(spark[0], value(0) as f32);
    let stride = 5_000_f64 / spark.len() as f64;
    let stride = (stride.log2().round().exp2()) as i64;
    assert_eq!(spark[5], value(5 * stride) as f32);
}

#[tokio::test]
async fn a_sparkline_of_values_that_json_has_no_number_for_can_be_read_again() {
    let (_folder, store) = open();
    with_project(&store).await;
    store.write(|tx| store::run::put(tx, &run_row(1))).await.unwrap();
    let values = [1e308, -1e308, f64::NAN, f64::INFINITY, 1.0];
    let points: Vec<Point> =
        values.iter().enumerate().map(|(step, value)| Point { step: step as i64, time_ms: 0, value: *value }).collect();
    store.write(move |tx| store::metric::append(tx, run_id(1), "loss", &points)).await.unwrap();
    let cell = store.read(|c| store::metric::cells(c, run_id(1))).await.unwrap().remove("loss").unwrap();
    assert_eq!(cell.spark[0], f32::MAX);
    let text = serde_json::to_string(&cell).unwrap();
    let again: api::run::MetricCell = serde_json::from_str(&text).unwrap();
    assert!(again.spark[2].is_nan() && again.spark[3] == f32::INFINITY, "{text}");
    assert_eq!((again.spark[0], again.spark[4]), (f32::MAX, 1.0), "{text}");
}
