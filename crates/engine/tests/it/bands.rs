//! Curves of many runs summed up by groups, against what is calculated of the same points one by one.

use api::{
    RunId,
    run::Run,
    run_table::{AggregateRuns, BandAxis, BandPoint, Listing, RunBands},
    series::Point,
    tracking::{CreateExperiment, Experiment, Scope},
};
use engine::tracking::client::{self, Batch, Begin};
use store::run::RunRow;

use crate::stage::Stage;

const BEGAN_MS: i64 = 1_700_000_000_000;

/// A run's points: its place, so many steps, a step each so many milliseconds.
fn points(at: usize, steps: i64, every_ms: i64) -> Vec<Point> {
    let began_ms = BEGAN_MS + at as i64 * 1_000;
    (0..steps).map(|step| Point { step, time_ms: began_ms + step * every_ms, value: value(at, step) }).collect()
}

fn value(at: usize, step: i64) -> f64 {
    1e6 + ((at * 7 + 3) as f64 * 0.31).sin() + step as f64 / 10.0 * (at + 1) as f64
}

/// Six runs: of three of model "a" one ends early, two are of "b", and one of no model; and one of "b" without the metric.
async fn filled(stage: &Stage) -> (Experiment, Vec<RunId>) {
    let experiment = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;
    let mut runs = Vec::new();
    let all = [Some("a"), Some("a"), Some("a"), Some("b"), Some("b"), None, Some("b")];
    for (at, model) in all.into_iter().enumerate() {
        let began_ms = BEGAN_MS + at as i64 * 1_000;
        let begin = Begin { name: Some(format!("r{at}")), started_ms: Some(began_ms), ..Begin::default() };
        let run = client::begin(&stage.engine, &experiment.number.to_string(), begin).await.unwrap().row.run.id;
        let mut own = points(at, if at == 2 { 5 } else { 11 }, if at == 1 { 2_000 } else { 1_000 });
        if at == 3 {
            own[4].value = f64::NAN;
        }
        let series = if at < 6 { vec![("loss".to_owned(), own)] } else { Vec::new() };
        let params = model.map(|model| ("model".to_owned(), model.to_owned())).into_iter().collect();
        client::log(&stage.engine, run, Batch { series, params, ..Batch::default() }).await.unwrap();
        runs.push(run);
    }
    (experiment, runs)
}

fn asked(experiment: &Experiment) -> AggregateRuns {
    let of = Scope::Experiment(experiment.id);
    AggregateRuns {
        list: Listing { of, deleted: false, filter: String::new(), sort: None, descending: false },
        by: vec!["param.model".to_owned()],
        metric: "loss".to_owned(),
        along: BandAxis::Step,
        over: None,
        log: false,
        from: None,
        to: None,
        points: None,
        groups: None,
        within_ms: None,
    }
}

/// What pandas says of the same values: count, mean, std, min, max.
fn check(point: &BandPoint, x: f64, values: &[f64]) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    assert_eq!((point.x, point.runs), (x, values.len() as u64));
    assert!((point.mean - mean).abs() < 1e-8, "{point:?}, not {mean}");
    match point.sd {
        Some(sd) => assert!((sd - (squares / (count - 1.0)).sqrt()).abs() < 1e-7, "{point:?}"),
        None => assert_eq!(values.len(), 1),
    }
    let ends = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    assert!((point.min - ends.0).abs() < 1e-8 && (point.max - ends.1).abs() < 1e-8, "{point:?}, not {ends:?}");
}

fn named(bands: &RunBands) -> Vec<(Option<&str>, u64, u64)> {
    bands.bands.iter().map(|band| (band.values[0].as_deref(), band.runs, band.measured)).collect()
}

#[tokio::test]
async fn bands_are_the_mean_and_the_deviation_of_the_runs_that_stand_there() {
    let stage = Stage::new().await;
    let (sweep, _) = filled(&stage).await;
    let found = stage.call(asked(&sweep)).await;
    assert_eq!(named(&found), [(Some("a"), 3, 3), (Some("b"), 3, 2), (None, 1, 1)]);
    assert_eq!((found.total, found.runs, found.is_whole()), (3, 7, true));
    assert!(found.bands.iter().all(|band| band.read == band.measured && band.points.len() == 11), "{found:?}");
    for step in 0..11 {
        let at = step as usize;
        let of_a: Vec<f64> =
            [0, 1, 2].into_iter().filter(|run| *run < 2 || step < 5).map(|run| value(run, step)).collect();
        check(&found.bands[0].points[at], step as f64, &of_a);
        // What is no number is stepped over, as between two points.
        check(&found.bands[1].points[at], step as f64, &[value(3, step), value(4, step)]);
        check(&found.bands[2].points[at], step as f64, &[value(5, step)]);
    }
    assert_eq!(found.bands[2].filter, "param.model is null");
    assert_eq!(found.said()[1], "6 runs have the metric, 1 does not.");

    // Along time since each run's own begin; the second of "a" is half as fast.
    let seconds =
        AggregateRuns { along: BandAxis::Seconds, from: Some(0.0), to: Some(10.0), points: Some(11), ..asked(&sweep) };
    let found = stage.call(seconds).await;
    for second in 0..=4 {
        let half = (value(1, second / 2) + value(1, (second + 1) / 2)) / 2.0;
        check(&found.bands[0].points[second as usize], second as f64, &[value(0, second), half, value(2, second)]);
    }
    // Along the share of each; the third of "a" has come to its end with the fourth step.
    let share =
        AggregateRuns { along: BandAxis::Share, from: Some(0.0), to: Some(100.0), points: Some(11), ..asked(&sweep) };
    let found = stage.call(share.clone()).await;
    check(&found.bands[0].points[5], 50.0, &[value(0, 5), value(1, 5), value(2, 2)]);
    check(&found.bands[0].points[10], 100.0, &[value(0, 10), value(1, 10), value(2, 4)]);
    let whole = stage.call(AggregateRuns { from: None, to: None, ..share }).await;
    assert_eq!(whole.bands[0].points.last().map(|point| point.x), Some(100.0));
    // A part of the steps, by two of the groups, and without anything to group by.
    let part = stage.call(AggregateRuns { from: Some(3.0), to: Some(6.0), groups: Some(2), ..asked(&sweep) }).await;
    assert_eq!((part.bands.len(), part.total, part.runs, part.shown()), (2, 3, 7, 6));
    assert_eq!(part.bands[0].points.iter().map(|point| point.x).collect::<Vec<_>>(), [3.0, 4.0, 5.0, 6.0]);
    check(&part.bands[1].points[0], 3.0, &[value(3, 3), value(4, 3)]);
    let all = stage.call(AggregateRuns { by: Vec::new(), ..asked(&sweep) }).await;
    check(&all.bands[0].points[10], 10.0, &[0, 1, 3, 4, 5].map(|run| value(run, 10)));
}

#[tokio::test]
async fn runs_that_diverge_are_counted_where_the_mean_is_without_them() {
    let stage = Stage::new().await;
    let experiment = stage.call(CreateExperiment { name: "diverging".to_owned(), folder: String::new() }).await;
    // One of three is not finite from step 6 on, one for a step; and the only one of "b" from its begin.
    for (at, model, from, to, odd) in [
        (0, "a", 6, 11, f64::NAN),
        (1, "a", 4, 5, f64::INFINITY),
        (2, "a", 0, 0, 0.0),
        (3, "b", 0, 11, f64::NEG_INFINITY),
    ] {
        let begin = Begin { started_ms: Some(BEGAN_MS), ..Begin::default() };
        let run = client::begin(&stage.engine, &experiment.number.to_string(), begin).await.unwrap().row.run.id;
        let mut own = points(at, 11, 1_000);
        own.iter_mut().filter(|point| (from..to).contains(&point.step)).for_each(|point| point.value = odd);
        let tokens = own.iter().map(|point| Point { value: point.step as f64 * 100.0, ..*point }).collect();
        let series = vec![("loss".to_owned(), own), ("tokens".to_owned(), tokens)];
        let params = vec![("model".to_owned(), model.to_owned())];
        client::log(&stage.engine, run, Batch { series, params, ..Batch::default() }).await.unwrap();
    }
    let over = AggregateRuns {
        over: Some("tokens".to_owned()),
        from: Some(0.0),
        to: Some(1_000.0),
        points: Some(11),
        ..asked(&experiment)
    };
    for (request, pace) in [(asked(&experiment), 1.0), (over, 100.0)] {
        let found = stage.call(request).await;
        let [a, b] = &found.bands[..] else { panic!("{found:?}") };
        assert_eq!((a.points.len(), a.diverged, b.points.len(), b.diverged), (11, 1, 11, 1), "{found:?}");
        for step in 0..11_i64 {
            let point = &a.points[step as usize];
            let there: Vec<f64> =
                [0, 1, 2].into_iter().filter(|run| *run > 0 || step < 6).map(|run| value(run, step)).collect();
            check(point, step as f64 * pace, &there);
            let odd = (point.non_finite.nan, point.non_finite.plus, point.diverged);
            assert_eq!(odd, (u64::from(step >= 6), u64::from(step == 4), u64::from(step >= 6)), "step {step}");
            let none = &b.points[step as usize];
            assert_eq!((none.runs, none.non_finite.minus, none.diverged), (0, 1, 1), "step {step}");
            assert!(none.mean.is_nan() && none.sd.is_none() && none.min.is_nan(), "{none:?}");
        }
        let said = "2 curves diverged: where one is not finite, the mean is of the others.".to_owned();
        assert!(found.said().contains(&said), "{:?}", found.said());
    }
}

/// Four runs: two of "a" that see tokens at another pace, one of it that tells none, and one of "b" whose tokens stand still.
async fn along_tokens(stage: &Stage) -> Experiment {
    let experiment = stage.call(CreateExperiment { name: "tokens".to_owned(), folder: String::new() }).await;
    for (at, model, pace) in [(0, "a", Some(100.0)), (1, "a", Some(200.0)), (2, "a", None), (3, "b", Some(0.0))] {
        let begin = Begin { started_ms: Some(BEGAN_MS), ..Begin::default() };
        let run = client::begin(&stage.engine, &experiment.number.to_string(), begin).await.unwrap().row.run.id;
        let own = points(at, 11, 1_000);
        let mut series = vec![("loss".to_owned(), own.clone())];
        if let Some(pace) = pace {
            let tokens =
                |point: Point| Point { value: if at == 3 { 500.0 } else { pace * point.step as f64 }, ..point };
            let mut tokens: Vec<Point> = own.into_iter().map(tokens).collect();
            // Where there is no loss: nothing lies there.
            tokens.push(Point { step: 1_000, time_ms: BEGAN_MS + 60_000, value: 1e6 });
            series.push(("tokens".to_owned(), tokens));
        }
        let params = vec![("model".to_owned(), model.to_owned())];
        client::log(&stage.engine, run, Batch { series, params, ..Batch::default() }).await.unwrap();
    }
    experiment
}

#[tokio::test]
async fn bands_lie_along_another_metric() {
    let stage = Stage::new().await;
    let of = along_tokens(&stage).await;
    let over = AggregateRuns { over: Some("tokens".to_owned()), ..asked(&of) };
    let part = AggregateRuns { from: Some(0.0), to: Some(1_000.0), points: Some(11), ..over.clone() };
    let found = stage.call(part).await;
    let [a, b] = &found.bands[..] else { panic!("{found:?}") };
    for place in 0..=10_i64 {
        let half = (value(1, place / 2) + value(1, (place + 1) / 2)) / 2.0;
        check(&a.points[place as usize], place as f64 * 100.0, &[value(0, place), half]);
    }
    // All that was measured at one count of tokens is one place.
    let mean = (0..=10).map(|step| value(3, step)).sum::<f64>() / 11.0;
    check(&b.points[0], 500.0, &[mean]);
    assert_eq!((b.points.len(), found.off_axis, found.is_whole()), (1, 1, true));
    assert!(found.said().contains(&"1 run is without the metric along the axis.".to_owned()), "{:?}", found.said());

    // The axis ends where the last curve does, whatever the other metric measured beyond it.
    let whole = stage.call(over.clone()).await;
    let ends = |bands: &RunBands| {
        bands.bands[0].points.first().zip(bands.bands[0].points.last()).map(|ends| (ends.0.x, ends.1.x))
    };
    assert_eq!((ends(&whole), whole.bands[0].points.len()), (Some((0.0, 2_000.0)), 256));
    check(&whole.bands[0].points[255], 2_000.0, &[value(1, 10)]);
    let logarithmic = stage.call(AggregateRuns { log: true, ..over.clone() }).await;
    assert_eq!(ends(&logarithmic), Some((100.0, 2_000.0)));
    check(&logarithmic.bands[0].points[0], 100.0, &[value(0, 1)]);

    let unknown = AggregateRuns { over: Some("tokns".to_owned()), ..over };
    let unknown = stage.try_call(unknown).await.unwrap_err();
    assert!(unknown.message.contains("\"tokens\""), "{unknown}");
}

#[tokio::test]
async fn of_very_many_runs_all_are_read_where_there_is_time_and_else_a_part_that_is_said() {
    let stage = Stage::new().await;
    let (sweep, runs) = filled(&stage).await;
    let first = runs[0];
    let copies = stage.engine.store().write(move |tx| {
        let row = store::run::bare(tx, first)?.unwrap();
        for number in 1..=300_u128 {
            let id = RunId::from_bytes(number.to_be_bytes());
            store::run::put(tx, &RunRow { run: Run { id, ..row.run.clone() }, ..row.clone() })?;
            store::param::put(tx, id, "model", if number % 3 == 0 { "c" } else { "d" })?;
            // Longer than there are places.
            let long = (0..600).map(|step| Point { step, time_ms: BEGAN_MS + step, value: number as f64 });
            store::metric::append(tx, id, "loss", &long.collect::<Vec<_>>())?;
        }
        Ok(())
    });
    copies.await.unwrap();
    let found = stage.call(asked(&sweep)).await;
    assert!(found.is_whole() && found.runs == 307, "{:?}", found.said());
    let of_c = &found.bands[2];
    assert_eq!((of_c.values[0].as_deref(), of_c.read), (Some("c"), 100));
    assert_eq!((of_c.points.len(), of_c.points.last().map(|point| point.x)), (256, Some(599.0)));
    let values: Vec<f64> = (1..=300).filter(|number| number % 3 == 0).map(f64::from).collect();
    check(&of_c.points[200], of_c.points[200].x, &values);

    let hurried = stage.call(AggregateRuns { within_ms: Some(0), ..asked(&sweep) }).await;
    let read: u64 = hurried.bands.iter().map(|band| band.read).sum();
    assert!(read > 0 && read < 306 && !hurried.is_whole(), "{read}");
    assert!(hurried.bands.iter().all(|band| band.read > 0), "each group has its turn: {:?}", hurried.said());
    assert!(hurried.said().last().unwrap().contains(&format!("{read} of 306 curves")), "{:?}", hurried.said());

    let unknown = stage.try_call(AggregateRuns { metric: "lss".to_owned(), ..asked(&sweep) }).await.unwrap_err();
    assert!(unknown.message.contains("\"loss\""), "{unknown}");
}

#[tokio::test]
async fn between_points_that_stand_far_apart_a_curve_stands_too() {
    let stage = Stage::new().await;
    let sweep = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;
    let begin = Begin { started_ms: Some(BEGAN_MS), ..Begin::default() };
    let run = client::begin(&stage.engine, &sweep.number.to_string(), begin).await.unwrap().row.run.id;
    let point = |at: i64| Point { step: at * 1_000, time_ms: BEGAN_MS + at * 60_000, value: at as f64 };
    let tokens = |at: i64| Point { value: at as f64 * 1_000.0, ..point(at) };
    let series =
        vec![("loss".to_owned(), (0..=10).map(point).collect()), ("tokens".to_owned(), (0..=10).map(tokens).collect())];
    client::log(&stage.engine, run, Batch { series, ..Batch::default() }).await.unwrap();
    let part = |from: f64, to: f64, along| AggregateRuns {
        by: Vec::new(),
        along,
        from: Some(from),
        to: Some(to),
        points: Some(3),
        ..asked(&sweep)
    };
    let over = |asked: AggregateRuns| AggregateRuns { over: Some("tokens".to_owned()), ..asked };
    let steps = part(4_100.0, 4_200.0, BandAxis::Step);
    for asked in [steps.clone(), over(steps)] {
        let steps = stage.call(asked).await;
        assert_eq!(steps.bands[0].points.len(), 3, "{steps:?}");
        for (found, (x, value)) in steps.bands[0].points.iter().zip([(4_100.0, 4.1), (4_150.0, 4.15), (4_200.0, 4.2)]) {
            check(found, x, &[value]);
        }
    }
    let seconds = stage.call(part(66.0, 72.0, BandAxis::Seconds)).await;
    for (found, (x, value)) in seconds.bands[0].points.iter().zip([(66.0, 1.1), (69.0, 1.15), (72.0, 1.2)]) {
        check(found, x, &[value]);
    }
    assert_eq!(seconds.bands[0].points.len(), 3, "{seconds:?}");
    // Beyond its ends it does not stand.
    let beyond = part(9_900.0, 10_100.0, BandAxis::Step);
    for asked in [beyond.clone(), over(beyond)] {
        let beyond = stage.call(asked).await;
        assert_eq!(beyond.bands[0].points.iter().map(|point| point.x).collect::<Vec<_>>(), [9_900.0, 10_000.0]);
    }
}
