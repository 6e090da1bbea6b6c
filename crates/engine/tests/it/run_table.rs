//! The run table beyond a page: groups, stretches of ids, cells, several orders.

use api::{
    ErrorCode, RunId,
    run::{EditRun, FindRuns, GetRuns, ListRuns, Run, RunKind},
    run_diff::{DiffCell, DiffPart, DiffRow, DiffRuns, NOT_KNOWN},
    run_table::{
        AssessParams, GroupFigure, GroupRuns, Listing, PickRuns, Pieces, RunGroups, TabulateRuns, filled as filled_row,
        values::{ListValues, RunValue},
    },
    series::Point,
    tracking::{CreateExperiment, Dataset, Experiment, PurgeRuns, RunInput, Scope, TrashRuns},
};
use engine::tracking::client::{self, Batch, Begin};
use store::run::RunRow;

use crate::stage::Stage;

/// Six runs of two models and three seeds; the last has no loss, and the one before no model.
async fn filled(stage: &Stage) -> (Experiment, Vec<RunId>) {
    let request = CreateExperiment { name: "sweep".to_owned(), folder: String::new() };
    let experiment = stage.call(request).await;
    let mut runs = Vec::new();
    for (at, (model, seed, loss)) in [
        (Some("trees"), "1", Some(0.5)),
        (Some("trees"), "2", Some(0.25)),
        (Some("the \"mlp\", wide"), "10", Some(f64::NAN)),
        (Some("the \"mlp\", wide"), "1", Some(0.75)),
        (None, "2", Some(0.125)),
        (Some("trees"), "10", None),
    ]
    .into_iter()
    .enumerate()
    {
        let begin = Begin { name: Some(format!("r{at}")), started_ms: Some(1_000 * at as i64), ..Begin::default() };
        let run = client::begin(&stage.engine, &experiment.number.to_string(), begin).await.unwrap().row.run.id;
        let point = |value| ("loss".to_owned(), vec![Point { step: 0, time_ms: 1, value }]);
        let text = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let batch = Batch {
            series: loss.map(point).into_iter().collect(),
            params: [Some(text("seed", seed)), model.map(|model| text("the model", model))]
                .into_iter()
                .flatten()
                .collect(),
            tags: Vec::new(),
            of_models: Vec::new(),
        };
        client::log(&stage.engine, run, batch).await.unwrap();
        runs.push(run);
    }
    (experiment, runs)
}

#[tokio::test]
async fn a_filter_that_takes_long_stops_no_other_search_and_no_closing() {
    let stage = Stage::new().await;
    let (experiment, runs) = filled(&stage).await;
    let text = "a".repeat(8_000);
    for run in &runs {
        let batch = Batch { tags: vec![("text".to_owned(), format!("{text}{run}"))], ..Batch::default() };
        client::log(&stage.engine, *run, batch).await.unwrap();
    }
    let piece = "a".repeat(200);
    let conditions: Vec<String> = (0..900).map(|at| format!("tag.text like '%{piece}_{at}%'")).collect();
    let list =
        |filter: &str| ListRuns { experiment: Some(experiment.id), filter: filter.to_owned(), ..ListRuns::default() };
    let slow = list(&conditions.join(" or "));
    let patience = std::time::Duration::from_secs(15);
    // More than there are readers of the database: one whose caller has gone gives its own back.
    for at in 0..6 {
        let quick = async {
            let batch = Batch { params: vec![("at".to_owned(), at.to_string())], ..Batch::default() };
            let begin = Begin { name: Some(format!("quick {at}")), ..Begin::default() };
            let run = client::begin(&stage.engine, &experiment.number.to_string(), begin).await.unwrap().row.run.id;
            client::log(&stage.engine, run, batch).await.unwrap();
            stage.call(list(&format!("param.at = '{at}'"))).await.total
        };
        tokio::select! {
            biased;
            slow = stage.try_call(slow.clone()) => panic!("it took no time: {slow:?}"),
            quick = tokio::time::timeout(patience, quick) => assert_eq!(quick.unwrap(), 1),
        }
    }
    let slow = tokio::spawn({
        let engine = stage.engine.clone();
        async move { engine::run::list(&engine, slow).await }
    });
    // It is under way once it has been waited for.
    tokio::time::timeout(std::time::Duration::from_millis(300), async { std::future::pending::<()>().await })
        .await
        .unwrap_err();
    tokio::time::timeout(patience, stage.engine.close()).await.unwrap();
    assert!(slow.await.unwrap().is_err());
}

#[tokio::test]
async fn runs_are_found_by_a_metric_that_is_not_finite() {
    let stage = Stage::new().await;
    let (sweep, runs) = filled(&stage).await;
    let infinite = vec![("loss".to_owned(), vec![Point { step: 1, time_ms: 2, value: f64::INFINITY }])];
    client::log(&stage.engine, runs[3], Batch { series: infinite, ..Batch::default() }).await.unwrap();
    let found = async |filter: &str| {
        let list = ListRuns { experiment: Some(sweep.id), filter: filter.to_owned(), ..ListRuns::default() };
        let mut names: Vec<String> = stage.call(list).await.rows.into_iter().map(|row| row.name).collect();
        names.sort();
        names
    };
    assert_eq!(found("metric.loss = nan").await, ["r2"]);
    // Never one that has none.
    assert_eq!(found("metric.loss != NaN").await, ["r0", "r1", "r3", "r4"]);
    assert_eq!(found("metrics.loss = inf").await, ["r3"]);
    assert_eq!(found("metric.loss < Infinity").await, ["r0", "r1", "r4"]);
    assert_eq!(found("metric.loss > -inf and not metric.loss = inf").await, ["r0", "r1", "r4"]);
    let filter = "metric.loss > nan".to_owned();
    let list = ListRuns { experiment: Some(sweep.id), filter, ..ListRuns::default() };
    let refused = stage.try_call(list).await.unwrap_err();
    assert!(refused.message.contains("column 15:"), "{refused}");
}

#[tokio::test]
async fn importance_is_of_a_sample_of_the_runs_that_have_the_metric() {
    let stage = Stage::new().await;
    let (sweep, runs) = filled(&stage).await;
    let first = runs[0];
    // So many more that not all are looked at, of which every third has none.
    let copies = stage.engine.store().write(move |tx| {
        let row = store::run::bare(tx, first)?.unwrap();
        for number in 1..=6_300_u128 {
            let id = RunId::from_bytes(number.to_be_bytes());
            let run = Run { id, ..row.run.clone() };
            store::run::put(tx, &RunRow { run, ..row.clone() })?;
            store::param::put(tx, id, "seed", &number.to_string())?;
            let value = if number % 3 == 0 { f64::NAN } else { number as f64 };
            store::metric::append(tx, id, "loss", &[Point { step: 0, time_ms: 1, value }])?;
        }
        Ok(())
    });
    copies.await.unwrap();
    let assess = AssessParams { list: listing(&sweep, ""), metric: "loss".to_owned() };
    let found = stage.call(assess.clone()).await;
    // With the four of the six that have a finite loss.
    assert_eq!((found.runs, found.runs_used), (4_204, 4_096));
    assert_eq!(found.params[0].param, "seed");
    assert!(found.params[0].share > 0.9, "{found:?}");
    assert_eq!(stage.call(assess).await, found);
}

fn listing(experiment: &Experiment, filter: &str) -> Listing {
    let (of, filter) = (Scope::Experiment(experiment.id), filter.to_owned());
    Listing { of, deleted: false, filter, sort: Some("created".to_owned()), descending: false }
}

fn grouped(experiment: &Experiment, by: &[&str], sort: Option<&str>, descending: bool) -> GroupRuns {
    let list = Listing { sort: sort.map(str::to_owned), descending, ..listing(experiment, "") };
    let by = by.iter().map(|name| (*name).to_owned()).collect();
    GroupRuns { list, by, metrics: vec!["loss".to_owned()], validated_on: None, offset: 0, limit: None }
}

fn values(groups: &RunGroups) -> Vec<String> {
    let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
    groups.groups.iter().map(|group| group.values.iter().map(shown).collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test]
async fn groups_have_their_mean_and_the_deviation_that_pandas_has() {
    let stage = Stage::new().await;
    let (sweep, _) = filled(&stage).await;
    let groups = stage.call(grouped(&sweep, &["param.\"the model\""], None, false)).await;
    assert_eq!(values(&groups), ["the \"mlp\", wide", "trees", "–"]);
    assert_eq!((groups.total, groups.runs), (3, 6));
    // pandas 3.1.1: DataFrame.groupby("model", dropna=False).loss.agg(["count", "mean", "std", "min", "max"])
    let figures: Vec<GroupFigure> = groups.groups.iter().map(|group| group.figures[0].unwrap()).collect();
    let figure = |runs, mean, sd, min, max| GroupFigure { runs, mean, sd, min, max, usual: None };
    assert_eq!(
        figures,
        [
            figure(1, 0.75, None, 0.75, 0.75),
            figure(2, 0.375, Some(0.176_776_695_296_636_9), 0.25, 0.5),
            figure(1, 0.125, None, 0.125, 0.125),
        ]
    );
    assert_eq!(groups.groups.iter().map(|group| group.runs).collect::<Vec<_>>(), [2, 3, 1]);
    // Without anything to group by, all are one.
    let whole = stage.call(grouped(&sweep, &[], None, false)).await;
    assert_eq!((whole.groups.len(), whole.groups[0].runs, whole.groups[0].filter.as_str()), (1, 6, ""));
    assert_eq!(whole.groups[0].figures[0].unwrap().max, 0.75);
    // What the colours of the table are measured by.
    assert_eq!(whole.groups[0].figures[0].unwrap().usual, Some((0.125, 0.75)));
}

#[tokio::test]
async fn a_group_names_the_filter_that_its_runs_alone_pass() {
    let stage = Stage::new().await;
    let (sweep, _) = filled(&stage).await;
    let groups = stage.call(grouped(&sweep, &["param.\"the model\"", "param.seed", "state"], None, false)).await;
    assert_eq!(groups.total, 6);
    for group in &groups.groups {
        let request = ListRuns { experiment: Some(sweep.id), filter: group.filter.clone(), ..ListRuns::default() };
        let found = stage.call(request).await;
        assert_eq!(found.total, group.runs, "{}", group.filter);
        let own = found.rows[0].params.get("the model");
        assert_eq!(own, group.values[0].as_ref(), "{}", group.filter);
    }
}

#[tokio::test]
async fn groups_stand_by_number_by_mean_and_by_size_and_page_by_page() {
    let stage = Stage::new().await;
    let (sweep, _) = filled(&stage).await;
    let order = async |sort, descending| values(&stage.call(grouped(&sweep, &["param.seed"], sort, descending)).await);
    assert_eq!(order(None, false).await, ["1", "2", "10"]);
    assert_eq!(order(Some("param.seed"), true).await, ["10", "2", "1"]);
    // The mean of the third is of nothing: it stands last both ways.
    assert_eq!(order(Some("metric.loss"), false).await, ["2", "1", "10"]);
    assert_eq!(order(Some("metric.loss"), true).await, ["1", "2", "10"]);
    let models = |descending| grouped(&sweep, &["param.\"the model\""], Some("runs"), descending);
    assert_eq!(values(&stage.call(models(true)).await), ["trees", "the \"mlp\", wide", "–"]);
    // By several, each in its direction: two of each seed, then by the mean, which the third has not.
    assert_eq!(order(Some("runs desc, metric.loss asc"), false).await, ["2", "1", "10"]);
    assert_eq!(order(Some("runs, metric.loss desc"), false).await, ["1", "2", "10"]);
    assert_eq!(order(Some("runs asc, param.seed desc"), false).await, ["10", "2", "1"]);
    let second = GroupRuns { offset: 1, limit: Some(1), ..models(true) };
    let second = stage.call(second).await;
    assert_eq!((values(&second), second.total), (vec!["the \"mlp\", wide".to_owned()], 3));
    for wrong in ["metric.loss", "created", "nothing", "param."] {
        let error = stage.try_call(grouped(&sweep, &[wrong], None, false)).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Invalid, "{wrong}: {}", error.message);
    }
    let error = stage.try_call(grouped(&sweep, &["state"], Some("runs, duration desc"), false)).await.unwrap_err();
    assert!(error.message.contains("\"duration\""), "{}", error.message);
    let error = stage.try_call(grouped(&sweep, &["state"], Some("duration"), false)).await.unwrap_err();
    assert!(error.message.contains("duration"), "{}", error.message);
}

#[tokio::test]
async fn all_that_match_are_picked_without_being_fetched() {
    let stage = Stage::new().await;
    let (sweep, runs) = filled(&stage).await;
    let pick = |filter: &str, offset, limit| PickRuns { list: listing(&sweep, filter), offset, limit, evenly_by: None };
    let all = stage.call(pick("", 0, None)).await;
    assert_eq!((all.runs, all.total), (runs.clone(), 6));
    let some = stage.call(pick("param.seed = 1 or param.seed = 2", 1, Some(2))).await;
    assert_eq!((some.runs, some.total), (vec![runs[1], runs[3]], 4));
    // By turns of their model: trees, mlp, none, and trees again.
    let evenly = |by: &str| PickRuns { evenly_by: Some(by.to_owned()), ..pick("", 0, Some(4)) };
    let some = stage.call(evenly("param.\"the model\"")).await;
    assert_eq!((some.runs, some.total), (vec![runs[0], runs[1], runs[2], runs[4]], 6));
    assert_eq!(stage.try_call(evenly("metric.loss")).await.unwrap_err().code, ErrorCode::Invalid);
    // By several together: each model is in one state, and no seed of it comes twice.
    let some = stage.call(evenly("param.\"the model\", state, kind")).await;
    assert_eq!(some.runs, [runs[0], runs[1], runs[2], runs[4]]);
    let some = stage.call(evenly("param.seed, param.\"the model\"")).await;
    assert_eq!(some.runs, runs[..4]);
    // What was deleted is not picked with the rest.
    stage.call(TrashRuns { runs: vec![runs[0]] }).await;
    assert_eq!(stage.call(pick("", 0, None)).await.runs, runs[1..]);
    let past = stage.call(pick("", 100, Some(u64::MAX))).await;
    assert_eq!((past.runs, past.total), (Vec::new(), 5));
}

#[tokio::test]
async fn cells_have_all_digits_and_a_gap_is_none() {
    let stage = Stage::new().await;
    let (sweep, runs) = filled(&stage).await;
    let columns = ["id", "name", "created", "metric.loss", "param.\"the model\"", "tag.none"];
    let columns = columns.iter().map(|name| (*name).to_owned()).collect();
    let request = TabulateRuns { list: listing(&sweep, ""), columns, offset: 2, limit: Some(2), runs: Vec::new() };
    let cells = stage.call(request.clone()).await;
    assert_eq!((cells.total, cells.rows.len()), (6, 2));
    let cell = |row: usize, at: usize| filled_row(cells.rows[row].clone(), 6)[at].clone();
    let row = |id: RunId, rest: [Option<&str>; 5]| {
        let rest = rest.into_iter().map(|cell| cell.map(str::to_owned));
        [Some(id.to_string())].into_iter().chain(rest).collect::<Vec<_>>()
    };
    let (mlp, second) = (Some("the \"mlp\", wide"), Some("1970-01-01T00:00:02Z"));
    assert_eq!(filled_row(cells.rows[0].clone(), 6), row(runs[2], [Some("r2"), second, Some("NaN"), mlp, None]));
    assert_eq!(cell(1, 3).as_deref(), Some("0.75"));
    let last = stage.call(TabulateRuns { offset: 5, ..request.clone() }).await;
    assert_eq!(last.rows[0].iter().map(|(at, _)| *at).collect::<Vec<_>>(), [0, 1, 2, 4]);
    let wrong = TabulateRuns { columns: vec!["nothing".to_owned()], ..request };
    assert_eq!(stage.try_call(wrong).await.unwrap_err().code, ErrorCode::Invalid);
}

#[tokio::test]
async fn a_run_with_thousands_of_keys_makes_no_other_row_longer() {
    let stage = Stage::new().await;
    let (sweep, runs) = filled(&stage).await;
    let all = |filter: &str| TabulateRuns {
        list: listing(&sweep, filter),
        columns: Vec::new(),
        offset: 0,
        limit: None,
        runs: Vec::new(),
    };
    let cells = stage.call(all("")).await;
    assert_eq!((cells.left_out, cells.columns.len()), (0, 16), "{:?}", cells.columns);
    let experiment = cells.columns.iter().position(|name| name == "experiment").unwrap();
    let named = cells.rows.iter().map(|row| filled_row(row.clone(), 16)[experiment].clone());
    assert_eq!(named.collect::<Vec<_>>(), vec![Some(sweep.name.clone()); 6]);
    assert_eq!(cells.columns[13..], ["metric.loss", "param.seed", "param.\"the model\""]);

    let params = (0..5_003).map(|at| (format!("k{at:04}"), "x".to_owned())).collect();
    client::log(&stage.engine, runs[0], Batch { params, ..Batch::default() }).await.unwrap();
    let cells = stage.call(all("param.k5002 = 'x' or name != ''")).await;
    assert_eq!((cells.left_out, cells.columns.len(), cells.total), (6, 5_013, 6));
    let has = |name: &str| cells.columns.iter().any(|column| column == name);
    // What most have, and what is asked for, stands there.
    for (name, is_there) in [
        ("metric.loss", true),
        ("param.seed", true),
        ("param.k0000", true),
        ("param.k5002", true),
        ("param.k5001", false),
    ] {
        assert_eq!(has(name), is_there, "{name}");
    }
    let lengths: Vec<usize> = cells.rows.iter().map(Vec::len).collect();
    assert_eq!(lengths.iter().filter(|length| **length > 15).count(), 1, "{lengths:?}");
    let next = TabulateRuns { columns: cells.columns.clone(), offset: 5, ..all("") };
    assert_eq!(stage.call(next).await.rows.len(), 1);
}

#[tokio::test]
async fn cells_come_in_pieces_by_their_bytes_and_one_row_in_any_case() {
    let stage = Stage::new().await;
    let (sweep, runs) = filled(&stage).await;
    for run in &runs[..3] {
        let tags = (0..600).map(|at| (format!("t{at}"), "x".repeat(8_000))).collect();
        client::log(&stage.engine, *run, Batch { tags, ..Batch::default() }).await.unwrap();
    }
    let (mut offset, mut pieces) = (0, Vec::new());
    while offset < 6 {
        let request =
            TabulateRuns { list: listing(&sweep, ""), columns: Vec::new(), offset, limit: None, runs: Vec::new() };
        let count = stage.call(request).await.rows.len() as u64;
        pieces.push(count);
        offset += count;
    }
    assert_eq!(pieces, [1, 1, 1, 3]);
    // Of no row that is asked for none comes.
    let none =
        TabulateRuns { list: listing(&sweep, ""), columns: Vec::new(), offset: 0, limit: Some(0), runs: Vec::new() };
    let none = stage.call(none).await;
    assert_eq!((none.rows.len(), none.total), (0, 6));
}

#[tokio::test]
async fn rows_that_were_picked_come_once_each_whatever_begins_and_goes_meanwhile() {
    let stage = Stage::new().await;
    let (sweep, runs) = filled(&stage).await;
    for run in &runs[..2] {
        let tags = (0..600).map(|at| (format!("t{at}"), "x".repeat(8_000))).collect();
        client::log(&stage.engine, *run, Batch { tags, ..Batch::default() }).await.unwrap();
    }
    let list = listing(&sweep, "");
    let picked = stage.call(PickRuns { list: list.clone(), offset: 0, limit: None, evenly_by: None }).await.runs;
    let (mut pieces, mut rows, mut sizes) = (Pieces::of(picked.clone()), Vec::new(), Vec::new());
    while !pieces.following().is_empty() {
        let columns = ["id", "name", "tag.t0"].map(str::to_owned).to_vec();
        let columns = columns.into_iter().chain((1..600).map(|at| format!("tag.t{at}"))).collect();
        let runs = pieces.following();
        let piece = stage.call(TabulateRuns { list: list.clone(), columns, offset: 0, limit: None, runs }).await;
        pieces.came(piece.looked_at);
        sizes.push(piece.rows.len());
        rows.extend(piece.rows.into_iter().map(|row| row[0].1.clone()));
        if sizes.len() == 1 {
            // It sorts before all others, and the last one goes.
            client::begin(&stage.engine, &sweep.number.to_string(), Begin::default()).await.unwrap();
            stage.call(TrashRuns { runs: vec![picked[5]] }).await;
            stage.call(PurgeRuns { runs: vec![picked[5]] }).await;
        }
    }
    assert_eq!(rows, picked[..5].iter().map(ToString::to_string).collect::<Vec<_>>());
    assert!(sizes.len() > 1, "{sizes:?}");
    let many = vec![picked[0]; 10_001];
    let many = TabulateRuns { list, columns: vec!["id".to_owned()], offset: 0, limit: None, runs: many };
    assert_eq!(stage.try_call(many).await.unwrap_err().code, ErrorCode::Invalid);
}

#[tokio::test]
async fn the_second_order_counts_among_equals_of_the_first() {
    let stage = Stage::new().await;
    let (sweep, _) = filled(&stage).await;
    let request = ListRuns {
        experiment: Some(sweep.id),
        sort: Some("param.\"the model\" desc, metric.loss asc".to_owned()),
        ..ListRuns::default()
    };
    let names: Vec<String> = stage.call(request).await.rows.into_iter().map(|row| row.name).collect();
    assert_eq!(names, ["r1", "r0", "r5", "r3", "r2", "r4"]);
}

#[tokio::test]
async fn runs_stand_by_their_start_their_experiment_and_their_model() {
    let stage = Stage::new().await;
    let (sweep, _) = filled(&stage).await;
    let other = stage.call(CreateExperiment { name: "alpha".to_owned(), folder: String::new() }).await;
    let entered = stage.engine.store().write(move |tx| {
        // One waits, and the other waited for a while.
        for (number, name, started_ms) in [(1, "waits", None), (2, "waited", Some(9_000))] {
            let row =
                RunRow::new(RunId::from_bytes([number; 16]), (other.id, None), name.to_owned(), RunKind::Client, 2_500);
            let run = Run { started_ms, ..row.run };
            store::run::put(tx, &RunRow { run, model: Some("trees".to_owned()), ..row })?;
        }
        Ok(())
    });
    entered.await.unwrap();
    let all = async |sort: &str, filter: &str| {
        let (sort, filter) = (Some(sort.to_owned()), filter.to_owned());
        let request = ListRuns { everywhere: true, sort, filter, ..ListRuns::default() };
        let rows = stage.call(request).await.rows;
        rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    let by_start = ["r0", "r1", "r2", "waits", "r3", "r4", "r5", "waited"];
    // MLflow's start time is the same moment; when they were created is another.
    for sort in ["started", "start_time", "attributes.start_time", "Created"] {
        assert_eq!(all(sort, "").await, by_start, "{sort}");
    }
    assert_eq!(all("created desc", "name ~ 'r2' or name ~ 'wait' or name ~ 'r3'").await[0], "r3");
    assert_eq!(all("started", "started > 2400 and start_time < 3000").await, ["waits"]);
    assert_eq!(all("experiment, started", "").await[..3], ["waits", "waited", "r0"]);
    assert_eq!(all("experiment desc, started", "").await[5..], ["r5", "waits", "waited"]);
    assert_eq!(all("model, started desc", "").await[..2], ["waited", "waits"]);
    assert_eq!(all("started", "model = 'trees'").await, ["waits", "waited"]);

    let list = Listing { of: Scope::All, sort: Some("experiment, started".to_owned()), ..listing(&sweep, "") };
    let columns = ["name", "started", "experiment", "model"].map(str::to_owned).to_vec();
    let cells = stage.call(TabulateRuns { list, columns, offset: 0, limit: Some(2), runs: Vec::new() }).await;
    let row = |at: usize| filled_row(cells.rows[at].clone(), 4).into_iter().flatten().collect::<Vec<_>>();
    assert_eq!(row(0), ["waits", "1970-01-01T00:00:02.5Z", "alpha", "trees"]);
    assert_eq!(row(1), ["waited", "1970-01-01T00:00:09Z", "alpha", "trees"]);
}

#[tokio::test]
async fn runs_are_found_by_their_names_wherever_they_stand() {
    let stage = Stage::new().await;
    let (sweep, runs) = filled(&stage).await;
    let name = Some("Größer 50%_x".to_owned());
    stage.call(EditRun { run: runs[0], name, notes: None, tags: Default::default() }).await;
    let other = stage.call(CreateExperiment { name: "alpha".to_owned(), folder: String::new() }).await;
    let begin = Begin { name: Some("r50".to_owned()), started_ms: Some(9_000), ..Begin::default() };
    client::begin(&stage.engine, &other.number.to_string(), begin).await.unwrap();
    let found = async |words: &str, limit| {
        let found = stage.call(FindRuns { words: words.to_owned(), limit }).await;
        found.into_iter().map(|run| (run.name, run.experiment)).collect::<Vec<_>>()
    };
    let told = |name: &str, experiment: &str| (name.to_owned(), experiment.to_owned());
    assert_eq!(found("50", None).await, [told("r50", "alpha"), told("Größer 50%_x", &sweep.name)]);
    assert!(found(" GRÖSSER", None).await.is_empty());
    assert_eq!(found("50%_ GRÖß", None).await, [told("Größer 50%_x", "sweep")]);
    assert_eq!(found("R", Some(2)).await, [told("r50", "alpha"), told("r5", "sweep")]);
    assert!(found(" ", None).await.is_empty());
    stage.call(TrashRuns { runs: vec![runs[0]] }).await;
    assert_eq!(found("50", None).await, [told("r50", "alpha")]);
}

#[tokio::test]
async fn runs_differ_by_params_tags_metrics_and_the_datasets_of_clients() {
    let stage = Stage::new().await;
    let (_, runs) = filled(&stage).await;
    let input = |digest: &str, context: &str| RunInput {
        dataset: Dataset {
            name: "wine".to_owned(),
            digest: digest.to_owned(),
            source_type: "local".to_owned(),
            source: "wine.csv".to_owned(),
            schema: None,
            profile: None,
        },
        tags: [("mlflow.data.context".to_owned(), context.to_owned())].into(),
    };
    for (run, digest, host) in [(runs[0], "1f", "north"), (runs[1], "2e", "south")] {
        client::inputs(&stage.engine, run, vec![input(digest, "training")], Vec::new()).await.unwrap();
        let tags = vec![("rack".to_owned(), host.to_owned()), ("mlflow.user".to_owned(), host.to_owned())];
        client::log(&stage.engine, run, Batch { tags, ..Batch::default() }).await.unwrap();
    }
    let text = |value: &str| Some(DiffCell::Text(value.to_owned()));
    let row = |part, key: &str, values| DiffRow { part, key: key.to_owned(), values };
    let diff = stage.call(DiffRuns { runs: runs[..2].to_vec(), all: false, system: false }).await;
    assert_eq!(diff.runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(), ["r0", "r1"]);
    assert_eq!(
        diff.rows,
        [
            row(DiffPart::Params, "seed", vec![text("1"), text("2")]),
            row(DiffPart::Data, "dataset wine", vec![text("1f (training)"), text("2e (training)")]),
            row(DiffPart::Tags, "rack", vec![text("north"), text("south")]),
            row(DiffPart::Metrics, "loss", vec![Some(DiffCell::Number(0.5)), Some(DiffCell::Number(0.25))]),
        ]
    );
    // What MLflow's client writes with a model.
    for (run, numpy) in [(runs[0], "1.26.4"), (runs[1], "2.1.0")] {
        let model = stage.engine.workspace().run(run).join("artifacts/model");
        std::fs::create_dir_all(&model).unwrap();
        std::fs::write(model.join("requirements.txt"), format!("mlflow==3.1\nnumpy=={numpy}\n")).unwrap();
        std::fs::write(model.join("python_env.yaml"), "python: 3.12.4\nbuild_dependencies:\n- pip\n").unwrap();
    }
    let required = stage.call(DiffRuns { runs: runs[..2].to_vec(), all: false, system: false }).await;
    let required: Vec<_> = required.rows.into_iter().filter(|row| row.part == DiffPart::Environment).collect();
    assert_eq!(required, [row(DiffPart::Environment, "package.numpy", vec![text("1.26.4"), text("2.1.0")])]);
    // One that logged no model names no package: what it had is not known, and so no difference.
    let with_untold = vec![runs[0], runs[2]];
    let told = stage.call(DiffRuns { runs: with_untold.clone(), all: false, system: false }).await;
    assert!(!told.rows.iter().any(|row| row.part == DiffPart::Environment), "{told:?}");
    let told = stage.call(DiffRuns { runs: with_untold, all: true, system: false }).await;
    assert!(told.rows.contains(&row(DiffPart::Environment, "package.numpy", vec![text("1.26.4"), text(NOT_KNOWN)])));

    let all = stage.call(DiffRuns { runs: runs[..2].to_vec(), all: true, system: false }).await;
    assert!(all.rows.contains(&row(DiffPart::Environment, "package.python", vec![text("3.12.4"), text("3.12.4")])));
    assert!(all.rows.contains(&row(DiffPart::Params, "the model", vec![text("trees"), text("trees")])), "{all:?}");
    let several = stage.call(DiffRuns { runs: runs.clone(), all: false, system: false }).await;
    let model = several.rows.iter().find(|row| row.key == "the model").unwrap();
    assert_eq!((model.values.len(), &model.values[4]), (6, &None));

    let unknown = RunId::from_bytes([9; 16]);
    let several = stage.call(GetRuns { runs: vec![runs[1], unknown, runs[0]] }).await;
    let told: Vec<Option<RunId>> = several.iter().map(|run| run.as_ref().map(|run| run.id)).collect();
    assert_eq!(told, [Some(runs[1]), None, Some(runs[0])]);
    assert!(stage.try_call(GetRuns { runs: vec![unknown; 101] }).await.is_err());
    let alone = stage.try_call(DiffRuns { runs: runs[..1].to_vec(), all: false, system: false }).await.unwrap_err();
    assert_eq!(alone.code, ErrorCode::Invalid);
    let missing = stage
        .try_call(DiffRuns { runs: vec![runs[0], RunId::from_bytes([9; 16])], all: false, system: false })
        .await
        .unwrap_err();
    assert_eq!(missing.code, ErrorCode::NotFound);
    let energy = |value| {
        let points = vec![Point { step: 1, time_ms: 1, value }];
        Batch { series: vec![("system/gpu_0_energy_joules".to_owned(), points)], ..Batch::default() }
    };
    for (run, value) in [(runs[0], 900.0), (runs[1], 400.0)] {
        client::log(&stage.engine, run, energy(value)).await.unwrap();
    }
    let of_machine = async |system| {
        let told = stage.call(DiffRuns { runs: runs[..2].to_vec(), all: false, system }).await;
        told.rows.into_iter().filter(|row| row.key.starts_with("system/")).collect::<Vec<_>>()
    };
    assert!(of_machine(false).await.is_empty());
    let values = vec![Some(DiffCell::Number(900.0)), Some(DiffCell::Number(400.0))];
    assert_eq!(of_machine(true).await, [row(DiffPart::Metrics, "system/gpu_0_energy_joules", values)]);
    stage.call(TrashRuns { runs: vec![runs[0]] }).await;
    let one_gone = stage.call(DiffRuns { runs: runs[..2].to_vec(), all: false, system: false }).await;
    assert_eq!(one_gone.runs.iter().map(|run| run.is_deleted).collect::<Vec<_>>(), [true, false]);
    // Of a model that a training kept, and logged another figure after it.
    let kept = runs[1];
    stage.engine.store().write(move |tx| store::metric::set_figure(tx, kept, "loss", 0.125)).await.unwrap();
    let of_kept = stage.call(DiffRuns { runs: runs[..2].to_vec(), all: false, system: false }).await;
    assert_eq!(of_kept.runs.iter().map(|run| run.of_kept.join(" ")).collect::<Vec<_>>(), ["", "loss"]);
}

#[tokio::test]
async fn a_field_tells_all_of_its_values_those_that_most_runs_have_first() {
    let stage = Stage::new().await;
    let (experiment, runs) = filled(&stage).await;
    let request = CreateExperiment { name: "other".to_owned(), folder: "vision/resnet".to_owned() };
    let other = stage.call(request).await;
    client::begin(&stage.engine, &other.number.to_string(), Begin::default()).await.unwrap();
    let asked = |of: Scope, filter: &str, (field, part): (&str, &str)| ListValues {
        list: Listing { of, ..listing(&experiment, filter) },
        field: field.to_owned(),
        part: part.to_owned(),
        limit: None,
    };
    let told = async |of: Scope, filter: &str, field: &str, part: &str| {
        let answer = stage.call(asked(of, filter, (field, part))).await;
        assert_eq!(answer.total, answer.values.len() as u64);
        let text = |value: RunValue| format!("{} {}", value.value, value.runs);
        answer.values.into_iter().map(text).collect::<Vec<_>>()
    };
    let own = Scope::Experiment(experiment.id);
    assert_eq!(told(own, "", "param.\"the model\"", "").await, ["trees 3", "the \"mlp\", wide 2"]);
    assert_eq!(told(own, "", "param.\"the model\"", "MLP").await, ["the \"mlp\", wide 2"]);
    assert_eq!(told(own, "metric.loss < 0.6", "params.seed", "").await, ["2 2", "1 1"]);
    assert_eq!(told(Scope::All, "", "experiment", "").await, ["sweep 6", "other 1"]);
    assert_eq!(told(Scope::All, "", "folder", "vis").await, ["vision/resnet 1"]);
    assert_eq!(told(Scope::All, "", "within", "").await, ["vision 1", "vision/resnet 1"]);
    assert_eq!(told(own, "", "state", "").await, ["running 6"]);
    assert_eq!(told(own, "", "name", "r5").await, ["r5 1"]);
    let input = |context: &str| RunInput {
        dataset: Dataset {
            name: "wine".to_owned(),
            digest: "d1".to_owned(),
            source_type: "local".to_owned(),
            source: "wine.csv".to_owned(),
            schema: None,
            profile: None,
        },
        tags: [("mlflow.data.context".to_owned(), context.to_owned())].into_iter().collect(),
    };
    client::inputs(&stage.engine, runs[0], vec![input("training")], Vec::new()).await.unwrap();
    client::inputs(&stage.engine, runs[1], vec![input("training")], Vec::new()).await.unwrap();
    assert_eq!(told(own, "", "dataset.name", "").await, ["wine 2"]);
    assert_eq!(told(own, "", "dataset.context", "").await, ["training 2"]);
    assert_eq!(stage.call(ListValues { limit: Some(1), ..asked(own, "", ("name", "")) }).await.values.len(), 1);
    for (field, meant) in [("duration", ""), ("metric.loss", ""), ("notes", ""), ("seed", "Did you mean param.seed?")] {
        let error = stage.try_call(asked(own, "", (field, ""))).await.unwrap_err();
        assert!(error.code == ErrorCode::Invalid && error.message.ends_with(meant), "{field}: {error:?}");
    }
}

#[tokio::test]
async fn runs_are_found_by_the_datasets_that_they_were_given() {
    let stage = Stage::new().await;
    let (sweep, runs) = filled(&stage).await;
    let input = |name: &str, context: Option<&str>| RunInput {
        dataset: Dataset {
            name: name.to_owned(),
            digest: format!("digest of {name}"),
            source_type: "local".to_owned(),
            source: "wine.csv".to_owned(),
            schema: None,
            profile: Some("x".repeat(100_000)),
        },
        tags: context.map(|context| ("mlflow.data.context".to_owned(), context.to_owned())).into_iter().collect(),
    };
    let found = async |filter: &str| {
        let list = ListRuns { experiment: Some(sweep.id), filter: filter.to_owned(), ..ListRuns::default() };
        let rows = stage.call(list).await.rows;
        let mut found: Vec<usize> = rows.iter().map(|row| runs.iter().position(|id| *id == row.id).unwrap()).collect();
        found.sort_unstable();
        found
    };
    assert!(found("dataset.name = 'wine'").await.is_empty());
    // The table was read already: what comes is found all the same.
    let give = async |at: usize, given: Vec<RunInput>| {
        client::inputs(&stage.engine, runs[at], given, Vec::new()).await.unwrap();
    };
    give(0, vec![input("wine", Some("training")), input("beer", Some("evaluation"))]).await;
    give(1, vec![input("wine", None)]).await;
    give(2, vec![input("wine", Some("training"))]).await;
    assert_eq!(found("dataset.name = 'wine'").await, [0, 1, 2]);
    assert_eq!(found("dataset.context = 'training' and dataset.name in ('beer')").await, [0]);
    assert_eq!(found("dataset.digest like '%beer'").await, [0]);
    // A word is sought in their names, too.
    assert_eq!(found("BEE").await, [0]);
    assert_eq!(found("not wine").await, [3, 4, 5]);
    assert_eq!(found("not dataset.context = 'training'").await, [1, 3, 4, 5]);

    let told = async |most: usize| {
        let number = sweep.number.to_string();
        let found = client::datasets(&stage.engine, vec![number.clone(), number, "99".to_owned()], most).await.unwrap();
        assert!(found.iter().all(|(number, _)| *number == sweep.number));
        found.into_iter().map(|(_, dataset)| (dataset.name, dataset.context)).collect::<Vec<_>>()
    };
    let expected = [("beer", Some("evaluation")), ("wine", None), ("wine", Some("training"))];
    let expected = expected.map(|(name, context)| (name.to_owned(), context.map(str::to_owned)));
    assert_eq!(told(1_000).await, expected);
    assert_eq!(told(2).await, expected[..2]);
}
