//! Experiments, clients' runs and the run table over them.

use std::collections::BTreeMap;

use api::{
    ErrorCode, ProjectId, RunId,
    model::{ListModels, ListOtherModels},
    run::{EditRun, ListRuns, Nearness, ProjectIdOr, ResolveRuns, RunTable},
    series::Point,
    tracking::{
        CreateExperiment, DeleteExperiment, EditExperiment, Experiment, ListExperiments, LoggedModel, LoggedStatus,
        MoveExperiment, MoveRuns, PurgeExperiment, PurgeRuns, RestoreExperiment, RestoreRuns, Scope,
        Stage as ModelStage, TrashRuns, VersionNotes,
    },
};
use engine::{
    run::board::{Order, Query, View},
    tracking::{
        artifacts,
        client::{self, Batch, Begin, Searched},
        experiments, history, logged,
        registry::{self, NewVersion},
    },
};

use crate::{artifact_places::keep, place, stage::Stage};

async fn experiment(stage: &Stage, name: &str) -> Experiment {
    stage.call(CreateExperiment { name: name.to_owned(), folder: String::new() }).await
}

async fn begin(stage: &Stage, experiment: &Experiment, name: &str, started_ms: i64) -> RunId {
    let begin = Begin { name: Some(name.to_owned()), started_ms: Some(started_ms), ..Begin::default() };
    client::begin(&stage.engine, &experiment.number.to_string(), begin).await.unwrap().row.run.id
}

async fn log(stage: &Stage, run: RunId, metrics: &[(&str, f64)], params: &[(&str, &str)], tags: &[(&str, &str)]) {
    let point = |value| vec![Point { step: 0, time_ms: 1, value }];
    let texts =
        |list: &[(&str, &str)]| list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let batch = Batch {
        series: metrics.iter().map(|(key, value)| ((*key).to_owned(), point(*value))).collect(),
        params: texts(params),
        tags: texts(tags),
        of_models: Vec::new(),
    };
    client::log(&stage.engine, run, batch).await.unwrap();
}

async fn table(stage: &Stage, experiment: &Experiment, filter: &str, sort: Option<&str>) -> RunTable {
    let request = ListRuns {
        experiment: Some(experiment.id),
        filter: filter.to_owned(),
        sort: sort.map(str::to_owned),
        ..ListRuns::default()
    };
    stage.call(request).await
}

async fn check(stage: &Stage, experiment: &Experiment, filter: &str, expected: &[&str]) {
    let mut names: Vec<String> =
        table(stage, experiment, filter, None).await.rows.into_iter().map(|row| row.name).collect();
    names.sort_unstable();
    assert_eq!(names, expected, "{filter}");
}

/// Five runs: the loss falls from `a` to `d`, `e` has none; `c`'s is no number.
async fn filled(stage: &Stage) -> Experiment {
    let experiment = experiment(stage, "sweep").await;
    for (at, (name, loss)) in [("a", Some(0.9)), ("b", Some(0.5)), ("c", Some(f64::NAN)), ("d", Some(0.1)), ("e", None)]
        .into_iter()
        .enumerate()
    {
        let run = begin(stage, &experiment, name, at as i64).await;
        let loss: Vec<(&str, f64)> = loss.map(|loss| ("loss", loss)).into_iter().collect();
        let lr = ["0.1", "0.01"][at % 2];
        log(stage, run, &loss, &[("lr", lr)], &[("team", "Blue 100%_sure")][..usize::from(at < 2)]).await;
    }
    experiment
}

#[tokio::test]
async fn filters_mean_what_they_mean_in_mlflow_and_more() {
    let stage = Stage::new().await;
    let sweep = filled(&stage).await;
    check(&stage, &sweep, "metrics.loss < 0.6", &["b", "d"]).await;
    check(&stage, &sweep, "metrics.loss != 0.5 and params.lr = '0.1'", &["a", "c"]).await;
    // A run without the value matches no comparison, and the negation of each.
    check(&stage, &sweep, "not metrics.loss < 0.6", &["a", "c", "e"]).await;
    check(&stage, &sweep, "metric.loss > 0.8 or name = 'e'", &["a", "e"]).await;
    check(&stage, &sweep, "(name = 'a' or name = 'b') and not param.lr = '0.1'", &["b"]).await;
    check(&stage, &sweep, "tags.team LIKE 'Blue%'", &["a", "b"]).await;
    check(&stage, &sweep, "tags.team LIKE 'blue%'", &[]).await;
    check(&stage, &sweep, "tags.team ILIKE 'blue%'", &["a", "b"]).await;
    check(&stage, &sweep, "tags.team IS NULL", &["c", "d", "e"]).await;
    check(&stage, &sweep, "param.lr > 0.05", &["a", "c", "e"]).await;
    // What a person types is no pattern.
    check(&stage, &sweep, "\"100%_s\"", &["a", "b"]).await;
    check(&stage, &sweep, "100_", &[]).await;
    check(&stage, &sweep, "team", &["a", "b"]).await;
}

#[tokio::test]
async fn numbers_stand_before_what_is_none_and_that_before_what_is_missing() {
    let stage = Stage::new().await;
    let sweep = filled(&stage).await;
    let order = async |sort, descending| {
        let request =
            ListRuns { experiment: Some(sweep.id), sort: Some(String::from(sort)), descending, ..ListRuns::default() };
        stage.call(request).await.rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert_eq!(order("metric.loss", false).await, ["d", "b", "a", "c", "e"]);
    assert_eq!(order("metric.loss", true).await, ["a", "b", "d", "c", "e"]);
    assert_eq!(order("created", true).await, ["e", "d", "c", "b", "a"]);
    let keys = table(&stage, &sweep, "", None).await;
    assert_eq!((keys.metric_keys, keys.param_keys), (vec!["loss".to_owned()], vec!["lr".to_owned()]));
    assert_eq!(keys.tag_keys, ["team"]);
}

#[tokio::test]
async fn what_was_logged_is_found_at_once() {
    let stage = Stage::new().await;
    let sweep = experiment(&stage, "live").await;
    let run = begin(&stage, &sweep, "one", 1).await;
    for step in 0..20 {
        log(&stage, run, &[("loss", f64::from(step))], &[], &[("step", &step.to_string())]).await;
        let found = table(&stage, &sweep, &format!("tags.step = '{step}'"), None).await;
        assert_eq!(found.total, 1, "step {step}");
    }
    let moved = experiment(&stage, "elsewhere").await;
    stage.call(MoveRuns::alone(vec![run], moved.id)).await;
    assert_eq!(table(&stage, &sweep, "", None).await.total, 0);
    assert_eq!(table(&stage, &moved, "tags.step = '19'", None).await.total, 1);
}

#[tokio::test]
async fn an_experiment_goes_into_a_project_and_out_with_its_runs() {
    let stage = Stage::new().await;
    // The experiment is older than the project, which is no reason to take it for the project's own.
    let sweep = filled(&stage).await;
    let project = crate::data::project(&stage).await;
    let of_project = async || {
        let request = ListRuns { project: ProjectIdOr(project), ..ListRuns::default() };
        stage.call(request).await.rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert_eq!(of_project().await, [""; 0]);
    let moved = stage.call(MoveExperiment { experiment: sweep.id, to: Some(project) }).await;
    assert_eq!((moved.project, moved.is_own), (Some(project), false));
    assert_eq!(of_project().await, ["e", "d", "c", "b", "a"]);
    check(&stage, &moved, "metrics.loss < 0.6", &["b", "d"]).await;
    let late = begin(&stage, &moved, "late", 9).await;
    assert_eq!(of_project().await[0], "late");

    let all = stage.call(ListExperiments::default()).await;
    let own = all.iter().find(|one| one.is_own && one.project == Some(project)).unwrap();
    for (experiment, to) in [(own.id, None), (sweep.id, Some(ProjectId::from_bytes([9; 16])))] {
        assert!(stage.try_call(MoveExperiment { experiment, to }).await.is_err());
    }
    stage.call(MoveExperiment { experiment: sweep.id, to: None }).await;
    assert_eq!(of_project().await, [""; 0]);
    log(&stage, late, &[("loss", 0.0)], &[], &[]).await;
    check(&stage, &moved, "metrics.loss < 0.2", &["d", "late"]).await;
    // What was moved into a project is no less deleted by itself.
    stage.call(MoveExperiment { experiment: sweep.id, to: Some(project) }).await;
    stage.call(DeleteExperiment { experiment: sweep.id }).await;
    assert!(stage.try_call(MoveExperiment { experiment: sweep.id, to: None }).await.is_err());
    assert_eq!(of_project().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_log_and_ask_at_once_each_finds_its_own() {
    let stage = std::sync::Arc::new(Stage::new().await);
    let sweep = experiment(&stage, "crowd").await;
    let clients = (0..8).map(|client| {
        let (stage, sweep) = (std::sync::Arc::clone(&stage), sweep.clone());
        tokio::spawn(async move {
            for turn in 0..25 {
                let name = format!("run-{client}-{turn}");
                let run = begin(&stage, &sweep, &name, i64::from(turn)).await;
                log(&stage, run, &[("loss", f64::from(turn))], &[], &[("own", &name)]).await;
                let found =
                    table(&stage, &sweep, &format!("tags.own = '{name}' and metrics.loss = {turn}"), None).await;
                assert_eq!(found.total, 1, "{name}");
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    assert_eq!(table(&stage, &sweep, "", None).await.total, 200);
}

#[tokio::test]
async fn a_page_of_a_hundred_thousand_runs_is_told_from_memory() {
    let stage = Stage::new().await;
    let sweep = experiment(&stage, "many").await;
    let of = sweep.clone();
    stage
        .engine
        .store()
        .write(move |tx| {
            for number in 0_u64..100_000 {
                let mut bytes = [0; 16];
                bytes[8..].copy_from_slice(&number.to_be_bytes());
                bytes[0] = 1;
                let id = RunId::from_bytes(bytes);
                store::run::put(tx, &place::bare_run(id, &of, number as i64))?;
                let point = Point { step: 0, time_ms: 1, value: (number * 7_919 % 100_003) as f64 };
                store::metric::append(tx, id, "loss", &[point])?;
                store::param::put(tx, id, "lr", ["0.1", "0.01", "0.001"][number as usize % 3])?;
            }
            Ok(())
        })
        .await
        .unwrap();
    let ask = async || table(&stage, &sweep, "metrics.loss < 50000 and params.lr = '0.01'", Some("metric.loss")).await;
    let first = ask().await;
    assert_eq!(first.rows.len(), 100);
    assert!(first.rows.is_sorted_by_key(|row| row.metrics["loss"].last as u64), "in order");
    // Orders by what no run has, of which each would be looked at wherever two runs are equal.
    let field = |name: &str| engine::run::filter::order_of(name, None).unwrap().0;
    let order = |name: &str| Order { field: field(name), descending: false };
    let orders = |name: &str| std::iter::repeat_n(order(name), 10_000).chain([order("metric.loss")]).collect();
    for name in ["param.nothing", "param.lr"] {
        let query = Query {
            experiments: vec![sweep.id],
            view: View::Active,
            filter: engine::run::filter::parse("").unwrap(),
            orders: orders(name),
            offset: 0,
            limit: 3,
        };
        let Searched { told, total, .. } = client::search(&stage.engine, Vec::new(), query).await.unwrap();
        assert_eq!((told.len(), total), (3, 100_000));
        assert!(told.is_sorted_by_key(|told| told.row.run.metrics[0].last as u64), "in order");
    }
    // Of the database nothing but the rows of the page is read: what is gone there, unannounced, is found and in order. How
    // long it takes is measured by the bench.
    let emptied = stage.engine.store().write(|tx| {
        tx.execute_batch("UPDATE metric SET last = 1e9; DELETE FROM param")?;
        Ok(())
    });
    emptied.await.unwrap();
    let again = ask().await;
    let ids = |table: &RunTable| table.rows.iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!((again.total, ids(&again)), (first.total, ids(&first)));
    assert_eq!((again.rows[0].metrics["loss"].last, again.rows[0].params.len()), (1e9, 0));
}

#[tokio::test]
async fn of_large_pages_of_runs_few_are_composed_at_once_and_small_ones_do_not_wait() {
    let stage = Stage::new().await;
    let (large, small) = (experiment(&stage, "large").await, experiment(&stage, "small").await);
    let long = "x".repeat(200_000);
    for at in 0..6 {
        let run = begin(&stage, &large, "one", at).await;
        log(&stage, run, &[], &[], &[("long", &long)]).await;
    }
    let run = begin(&stage, &small, "one", 1).await;
    log(&stage, run, &[("loss", 0.5)], &[], &[]).await;
    let search = async |experiment: &Experiment| {
        let filter = engine::run::filter::parse("").unwrap();
        let (experiments, orders) = (vec![experiment.id], Vec::new());
        let query = Query { experiments, view: View::Active, filter, orders, offset: 0, limit: 1_000 };
        client::search(&stage.engine, Vec::new(), query).await.unwrap()
    };
    let mut held = Vec::new();
    for _ in 0..2 {
        let Searched { told, total, place } = search(&large).await;
        assert_eq!((told.len(), total), (6, 6));
        assert!(told.iter().all(|told| told.row.run.tags["long"] == long));
        held.push(place.expect("a large page has a place"));
    }
    let mut third = Box::pin(search(&large));
    let waits = tokio::time::timeout(std::time::Duration::from_millis(300), &mut third).await;
    assert!(waits.is_err(), "a third waits for the place of one before");
    let quick = search(&small).await;
    assert!(quick.told.len() == 1 && quick.place.is_none());
    drop(held.pop());
    assert_eq!(third.await.told.len(), 6);
}

#[tokio::test]
async fn runs_that_are_equal_by_one_order_stand_by_the_next() {
    let stage = Stage::new().await;
    let sweep = experiment(&stage, "equals").await;
    let figures = [(0.5, "0.1"), (0.5, "0.2"), (0.25, "0.1"), (0.25, "0.2"), (0.25, "0.1")];
    let mut runs = Vec::new();
    for (at, (loss, lr)) in figures.into_iter().enumerate() {
        let run = begin(&stage, &sweep, &at.to_string(), at as i64).await;
        log(&stage, run, &[("loss", loss)], &[("lr", lr)], &[]).await;
        runs.push(run);
    }
    // Of these, in the order of their ids.
    let by_id = |mut some: Vec<usize>| {
        some.sort_by_key(|at| runs[*at]);
        some.into_iter().map(|at| at.to_string()).collect::<String>()
    };
    let reversed = |text: String| text.chars().rev().collect::<String>();
    let order = async |by: &[(&str, bool)], limit| {
        let field = |name: &str| engine::run::filter::order_of(name, None).unwrap().0;
        let orders = by.iter().map(|(name, descending)| Order { field: field(name), descending: *descending });
        let query = Query {
            experiments: vec![sweep.id],
            view: View::Active,
            filter: engine::run::filter::parse("").unwrap(),
            orders: orders.collect(),
            offset: 0,
            limit,
        };
        let Searched { told, total, .. } = client::search(&stage.engine, Vec::new(), query).await.unwrap();
        assert_eq!(total, 5);
        told.into_iter().map(|told| told.row.run.name).collect::<Vec<_>>().concat()
    };
    let (less, more) = (by_id(vec![2, 3, 4]), by_id(vec![0, 1]));
    // The newest stand first among equals.
    assert_eq!(order(&[("metric.loss", false)], 9).await, "43210");
    assert_eq!(order(&[("metric.loss", false), ("run_id", false)], 9).await, format!("{less}{more}"));
    let last = reversed(by_id(vec![2, 4]));
    assert_eq!(order(&[("metric.loss", true), ("param.lr", false), ("run_id", true)], 9).await, format!("01{last}3"));
    assert_eq!(order(&[("param.lr", true), ("metric.loss", false), ("run_id", false)], 2).await, "31");
    assert_eq!(order(&[("run_id", true)], 9).await, reversed(by_id(vec![0, 1, 2, 3, 4])));
    assert_eq!(order(&[], 2).await, "43");
}

#[tokio::test]
async fn pages_of_a_series_are_the_series_whatever_order_it_came_in() {
    let stage = Stage::new().await;
    let sweep = experiment(&stage, "paged").await;
    for late in [None, Some(1_500), Some(0)] {
        let run = begin(&stage, &sweep, "one", 1).await;
        let mut points: Vec<Point> =
            (0..2_500_i64).map(|step| Point { step, time_ms: step / 2, value: step as f64 }).collect();
        // One that was held up on its way: it is told where its time is.
        if let Some(late) = late {
            let held_up = points.remove(late);
            points.push(held_up);
        }
        for piece in points.chunks(700) {
            let batch = Batch { series: vec![("loss".to_owned(), piece.to_vec())], ..Batch::default() };
            client::log(&stage.engine, run, batch).await.unwrap();
        }
        let key = || "loss".to_owned();
        let all = history::page(&stage.engine, run, key(), 0, u64::MAX).await.unwrap().points;
        assert_eq!(all.iter().map(|point| point.step).collect::<Vec<_>>(), (0..2_500).collect::<Vec<_>>());
        let mut paged = Vec::new();
        for skip in (0..).step_by(900) {
            let page = history::page(&stage.engine, run, key(), skip, 900).await.unwrap();
            paged.extend(page.points);
            assert_eq!(page.has_more, skip < 1_800, "after {skip}");
            if !page.has_more {
                break;
            }
        }
        assert_eq!(paged, all);
        assert_eq!(history::page(&stage.engine, run, key(), 2_500, 9).await.unwrap(), history::Page::default());
    }
}

#[tokio::test]
async fn deleted_runs_and_experiments_come_back_until_they_are_deleted_for_good() {
    let stage = Stage::new().await;
    let sweep = filled(&stage).await;
    let rows = table(&stage, &sweep, "name = 'a'", None).await.rows;
    stage.call(TrashRuns { runs: vec![rows[0].id] }).await;
    check(&stage, &sweep, "", &["b", "c", "d", "e"]).await;
    let deleted = ListRuns { experiment: Some(sweep.id), deleted: true, ..ListRuns::default() };
    assert_eq!(stage.call(deleted).await.rows[0].name, "a");
    stage.call(RestoreRuns { runs: vec![rows[0].id] }).await;
    check(&stage, &sweep, "", &["a", "b", "c", "d", "e"]).await;

    stage.call(DeleteExperiment { experiment: sweep.id }).await;
    let there = stage.call(ListExperiments::default()).await;
    assert!(there.iter().all(|one| one.id != sweep.id));
    let taken = stage.try_call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await.unwrap_err();
    assert!(taken.message.contains("already exists in deleted state"), "{}", taken.message);
    stage.call(RestoreExperiment { experiment: sweep.id }).await;
    check(&stage, &sweep, "", &["a", "b", "c", "d", "e"]).await;

    let kept = stage.engine.workspace().run(rows[0].id).join("artifacts");
    std::fs::create_dir_all(&kept).unwrap();
    std::fs::write(kept.join("weights.bin"), vec![0; 12_345]).unwrap();
    let refused = stage.try_call(PurgeExperiment { experiment: sweep.id }).await.unwrap_err();
    assert!(refused.message.contains("is not deleted"), "{}", refused.message);
    stage.call(DeleteExperiment { experiment: sweep.id }).await;
    let freed = stage.call(PurgeExperiment { experiment: sweep.id }).await;
    assert_eq!((freed.records, freed.bytes >= 12_345), (6, true), "{freed:?}");
    assert!(!kept.exists());
}

#[tokio::test]
async fn numbers_of_experiments_never_come_again() {
    let stage = Stage::new().await;
    let there = stage.call(ListExperiments::default()).await;
    let default = there.iter().find(|one| one.number == 0).unwrap().id;
    stage.call(DeleteExperiment { experiment: default }).await;
    let refused = stage.try_call(PurgeExperiment { experiment: default }).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Conflict);
    assert!(refused.message.contains("clients that name no experiment log there"), "{}", refused.message);
    assert_eq!(stage.call(RestoreExperiment { experiment: default }).await.number, 0);

    let first = experiment(&stage, "first").await;
    stage.call(DeleteExperiment { experiment: first.id }).await;
    stage.call(PurgeExperiment { experiment: first.id }).await;
    assert_eq!(experiment(&stage, "second").await.number, first.number + 1);
}

#[tokio::test]
async fn an_experiment_changes_with_its_runs() {
    let stage = Stage::new().await;
    let changed = async |experiment: &Experiment| {
        let all = stage.call(ListExperiments::default()).await;
        all.iter().find(|one| one.id == experiment.id).unwrap().changed_ms()
    };
    let all = stage.call(ListExperiments::default()).await;
    let default = all.iter().find(|one| one.number == 0).unwrap();
    assert_eq!(changed(default).await, None, "nobody knows when it was made");
    let later_ms = stage.engine.now_ms() + 60_000;
    let run = begin(&stage, default, "r", later_ms).await;
    assert_eq!(changed(default).await, Some(later_ms));
    stage.call(TrashRuns { runs: vec![run] }).await;
    assert_eq!(changed(default).await, None);
}

#[tokio::test]
async fn folders_and_notes_of_experiments() {
    let stage = Stage::new().await;
    let made = stage.call(CreateExperiment { name: "resnet".to_owned(), folder: "/vision// large ".to_owned() }).await;
    assert_eq!(made.folder, "vision/large");
    let edit = EditExperiment {
        folder: Some("nlp".to_owned()),
        notes: Some("# Why".to_owned()),
        tags: [("team".to_owned(), Some("Blue".to_owned())), ("old".to_owned(), Some("x".to_owned()))].into(),
        ..EditExperiment::of(made.id)
    };
    stage.call(edit).await;
    let tags = [("old".to_owned(), None), ("never there".to_owned(), None)].into();
    let edited = stage.call(EditExperiment { tags, ..EditExperiment::of(made.id) }).await;
    assert_eq!(edited.plain_tags(), BTreeMap::from([("team".to_owned(), "Blue".to_owned())]));
    for (key, value) in [(String::new(), "x".to_owned()), ("team".to_owned(), "x".repeat(20_001))] {
        let tags = [(key, Some(value))].into();
        let refused = stage.try_call(EditExperiment { tags, ..EditExperiment::of(made.id) }).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Invalid, "{refused}");
    }
    assert_eq!((edited.folder.as_str(), edited.tags["mlflow.note.content"].as_str()), ("nlp", "# Why"));
    let found = async |words: &str| {
        let found = experiments::search(&stage.engine, View::Active, Some(words), &[]).await.unwrap();
        found.into_iter().map(|one| one.name).collect::<Vec<_>>()
    };
    for words in [
        "RES",
        "nlp",
        "why",
        "why not nothing",
        "blue",
        "tag.team = 'Blue'",
        "folder = 'nlp'",
        "within in ('nlp', 'x')",
        "notes ~ 'WHY' and created > 1000",
    ] {
        assert_eq!(found(words).await, ["resnet"], "{words}");
    }
    assert_eq!(found("vision").await, [""; 0]);
    let by_folder = experiments::search(&stage.engine, View::Active, None, &["folder DESC".to_owned()]).await.unwrap();
    assert_eq!(by_folder.into_iter().map(|one| one.name).collect::<Vec<_>>(), ["resnet", "Default"]);
    // A person's list is asked so, too, and stays in its order.
    let list = async |filter: &str| {
        stage.try_call(ListExperiments { filter: filter.to_owned(), ..ListExperiments::default() }).await
    };
    let listed = |found: Vec<Experiment>| found.into_iter().map(|one| one.name).collect::<Vec<_>>();
    assert_eq!(listed(list("not within = 'vision'").await.unwrap()), ["Default", "resnet"]);
    assert_eq!(listed(list("blue or tag.team = 'red'").await.unwrap()), ["resnet"]);
    let refused = list("size = 3").await.unwrap_err();
    assert!(refused.hint.is_some_and(|hint| hint.contains("folder")), "{}", refused.message);
}

#[tokio::test]
async fn a_model_that_a_client_registered_stands_where_its_run_does() {
    let stage = Stage::new().await;
    let project = place::project(&stage).await;
    let own = stage.call(ListExperiments::default()).await;
    let own = own.into_iter().find(|one| one.project == Some(project)).unwrap();
    let run = begin(&stage, &own, "one", 1).await;
    registry::create(&stage.engine, "churn", None, Vec::new()).await.unwrap();
    let tags = vec![("team".to_owned(), "risk".to_owned())];
    registry::create(&stage.engine, "elsewhere", Some("# Of *nobody*".to_owned()), tags).await.unwrap();
    let new = NewVersion { source: format!("runs:/{run}/model"), run: Some(run.to_string()), ..NewVersion::default() };
    registry::add_version(&stage.engine, "churn", new).await.unwrap();
    registry::set_alias(&stage.engine, "churn", "champion", Some("1")).await.unwrap();
    let models = stage.call(ListModels::of(project)).await;
    assert_eq!(models.len(), 1, "{models:?}");
    let version = &models[0].client_versions[0];
    assert_eq!((models[0].name.as_str(), version.number, version.run), ("churn", 1, Some(run)));
    assert_eq!(version.aliases, ["champion"]);
    // What no project has is found all the same, with or without a version.
    let others = stage.call(ListOtherModels::default()).await;
    assert_eq!(others.iter().map(|model| model.name.as_str()).collect::<Vec<_>>(), ["elsewhere"]);
    assert_eq!((others[0].notes.as_str(), others[0].tags["team"].as_str()), ("# Of *nobody*", "risk"));
    let new = NewVersion {
        source: "s3://bucket/x".to_owned(),
        description: Some("better".to_owned()),
        tags: vec![("kind".to_owned(), "trees".to_owned())],
        ..NewVersion::default()
    };
    registry::add_version(&stage.engine, "elsewhere", new).await.unwrap();
    let version = stage.call(ListOtherModels::default()).await.remove(0).client_versions.remove(0);
    assert_eq!(
        (version.notes.as_str(), version.tags["kind"].as_str(), version.stage),
        ("better", "trees", ModelStage::None)
    );
}

/// A model that a run logs, with a file of 12,345 bytes.
async fn log_model(stage: &Stage, experiment: &Experiment, run: RunId) -> (String, std::path::PathBuf) {
    let new = logged::New { run: Some(run), ..logged::New::default() };
    let (model, _) = logged::create(&stage.engine, experiment, new).await.unwrap();
    let place = artifacts::of_logged(&stage.engine, &model.id, &["model.bin".to_owned()]).await.unwrap();
    keep(&place, &[0; 12_345]).await;
    (model.id, place.shown())
}

#[tokio::test]
async fn a_moved_runs_models_outlive_the_experiment_that_they_were_logged_in() {
    let stage = Stage::new().await;
    let (old, new) = (experiment(&stage, "old").await, experiment(&stage, "new").await);
    let run = begin(&stage, &old, "one", 1).await;
    let (model, file) = log_model(&stage, &old, run).await;
    stage.call(MoveRuns::alone(vec![run], new.id)).await;
    // A client that still knows the old experiment logs one more.
    let (late, late_file) = log_model(&stage, &old, run).await;
    stage.call(DeleteExperiment { experiment: old.id }).await;
    let freed = stage.call(PurgeExperiment { experiment: old.id }).await;
    assert_eq!((freed.records, freed.bytes), (1, 0), "{freed:?}");
    for (model, file) in [(model, file), (late, late_file)] {
        assert!(file.exists());
        assert_eq!(logged::get(&stage.engine, &model).await.unwrap().0.experiment, new.id);
    }
}

#[tokio::test]
async fn runs_go_for_good_with_the_models_that_they_logged_unless_a_version_points_there() {
    let stage = Stage::new().await;
    let sweep = experiment(&stage, "sweep").await;
    let mut runs = Vec::new();
    for at in 0..4 {
        runs.push(begin(&stage, &sweep, ["free", "logged", "files", "proxied"][at], at as i64).await);
    }
    let (free, file) = log_model(&stage, &sweep, runs[0]).await;
    let (logged, _) = log_model(&stage, &sweep, runs[1]).await;
    registry::create(&stage.engine, "churn", None, Vec::new()).await.unwrap();
    let sources = [
        (format!("models:/{logged}"), None, Some(logged)),
        (format!("runs:/{}/model", runs[2]), Some(runs[2].to_string()), None),
        (format!("mlflow-artifacts:/{}/{}/artifacts/model", sweep.number, runs[3]), Some(runs[3].to_string()), None),
    ];
    for (source, run, logged) in sources {
        let new = NewVersion { source, run, logged, ..NewVersion::default() };
        registry::add_version(&stage.engine, "churn", new).await.unwrap();
    }
    for (at, name) in [(1, "logged"), (2, "files"), (3, "proxied")] {
        stage.call(TrashRuns { runs: runs.clone() }).await;
        // Also where the run that is refused is not the first: nothing is deleted then.
        let refused = stage.try_call(PurgeRuns { runs: vec![runs[0], runs[at]] }).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InUse);
        assert_eq!(refused.message, format!("churn v{at} was registered from the files of {name}."));
        stage.call(RestoreRuns { runs: runs.clone() }).await;
        stage.call(DeleteExperiment { experiment: sweep.id }).await;
        let refused = stage.try_call(PurgeExperiment { experiment: sweep.id }).await.unwrap_err();
        assert!(refused.message.contains("was registered from the files of"), "{refused}");
        stage.call(RestoreExperiment { experiment: sweep.id }).await;
        assert_eq!(table(&stage, &sweep, "", None).await.total, 4);
    }
    stage.call(TrashRuns { runs: runs.clone() }).await;
    let freed = stage.call(PurgeRuns { runs: vec![runs[0], runs[0]] }).await;
    assert_eq!((freed.records, freed.bytes), (1, 12_345), "{freed:?}");
    assert!(!file.exists() && logged::get(&stage.engine, &free).await.is_err());
    for number in ["1", "2", "3"] {
        registry::delete_version(&stage.engine, "churn", number).await.unwrap();
    }
    assert_eq!(stage.call(PurgeRuns { runs: runs[1..].to_vec() }).await.records, 3);
    assert_eq!(stage.try_call(PurgeRuns { runs }).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_run_is_found_by_its_name_or_the_end_of_its_id_wherever_it_stands() {
    let stage = Stage::new().await;
    let (first, second) = (experiment(&stage, "first").await, experiment(&stage, "second").await);
    let gone = begin(&stage, &first, "twin", 1).await;
    let there = begin(&stage, &second, "twin", 2).await;
    begin(&stage, &second, "other", 3).await;
    stage.call(DeleteExperiment { experiment: first.id }).await;
    let find_of = |named: &str, of| stage.call(ResolveRuns { named: named.to_owned(), of });
    let find = |named: &str| find_of(named, Scope::All);
    let found = find("twin").await.into_iter().map(|run| (run.id, run.experiment, run.nearness, run.deleted));
    assert_eq!(
        found.collect::<Vec<_>>(),
        [(there, "second".to_owned(), Nearness::Shared, false), (gone, "first".to_owned(), Nearness::Elsewhere, true)]
    );
    assert!(find(&there.short().to_uppercase()).await.iter().any(|run| run.id == there));
    let begun = &there.to_string()[..12];
    assert!(find(begun).await.iter().any(|run| run.id == there), "{begun}");
    assert!(find("twi").await.is_empty());
    let third = experiment(&stage, "third").await;
    let here = begin(&stage, &third, "twin", 3).await;
    let found = find_of("twin", Scope::Experiment(third.id)).await;
    let found: Vec<_> = found.into_iter().map(|run| (run.id, run.nearness)).collect();
    assert_eq!(found, [(here, Nearness::Own), (there, Nearness::Elsewhere), (gone, Nearness::Elsewhere)]);
}

#[tokio::test]
async fn a_copy_of_a_version_outlives_what_it_was_copied_from() {
    let stage = Stage::new().await;
    let sweep = experiment(&stage, "sweep").await;
    let run = begin(&stage, &sweep, "one", 1).await;
    let (logged, file) = log_model(&stage, &sweep, run).await;
    for name in ["first", "files", "copies"] {
        registry::create(&stage.engine, name, None, Vec::new()).await.unwrap();
    }
    let add = async |name: &str, source: String, run: Option<String>, logged: Option<&String>| {
        let new = NewVersion { source, run, logged: logged.cloned(), ..NewVersion::default() };
        registry::add_version(&stage.engine, name, new).await
    };
    add("first", format!("models:/{logged}"), None, Some(&logged)).await.unwrap();
    add("files", format!("runs:/{run}/model"), Some(run.to_string()), None).await.unwrap();
    registry::set_alias(&stage.engine, "first", "best", Some("1")).await.unwrap();
    let told = |version: registry::Version| (version.source, version.location, version.run, version.logged);
    let location = format!("mlflow-artifacts:/{}/models/{logged}/artifacts", sweep.number);
    let files = format!("runs:/{run}/model");
    for (source, kept) in [
        ("models:/first/1", ("models:/first/1", &location, Some(&logged))),
        ("models:/first@best", ("models:/first/1", &location, Some(&logged))),
        ("models:/first/LATEST", ("models:/first/1", &location, Some(&logged))),
        ("models:/files/none", ("models:/files/1", &files, None)),
        ("models:/copies/1", ("models:/copies/1", &location, Some(&logged))),
    ] {
        let copy = told(add("copies", source.to_owned(), None, None).await.unwrap());
        assert_eq!(copy, (kept.0.to_owned(), kept.1.clone(), Some(run), kept.2.cloned()), "{source}");
    }
    let other = begin(&stage, &sweep, "two", 1).await.to_string();
    for source in ["models:/first/1", "models:/first/2", "models:/none/1", "models:/first/staging", "models:/first@x"] {
        assert!(add("copies", source.to_owned(), Some(other.clone()), None).await.is_err(), "{source}");
    }
    registry::delete_version(&stage.engine, "first", "1").await.unwrap();
    registry::delete(&stage.engine, "files").await.unwrap();
    assert_eq!(registry::version(&stage.engine, "copies", "1").await.unwrap().location, location);
    stage.call(TrashRuns { runs: vec![run] }).await;
    for number in ["1", "2", "3", "5"] {
        let refused = stage.try_call(PurgeRuns { runs: vec![run] }).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InUse, "before {number} was deleted: {refused}");
        assert!(file.exists());
        registry::delete_version(&stage.engine, "copies", number).await.unwrap();
    }
    let refused = stage.try_call(PurgeRuns { runs: vec![run] }).await.unwrap_err();
    assert_eq!(refused.message, "copies v4 was registered from the files of one.");
    registry::delete_version(&stage.engine, "copies", "4").await.unwrap();
    assert_eq!(stage.call(PurgeRuns { runs: vec![run] }).await.records, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_changed_at_once_is_all_kept() {
    let stage = std::sync::Arc::new(Stage::new().await);
    let sweep = experiment(&stage, "sweep").await;
    let run = begin(&stage, &sweep, "one", 1).await;
    let (model, _) = log_model(&stage, &sweep, run).await;
    registry::create(&stage.engine, "churn", None, Vec::new()).await.unwrap();
    let new = || NewVersion { source: "s3://models/1".to_owned(), ..NewVersion::default() };
    for _ in 0..2 {
        registry::add_version(&stage.engine, "churn", new()).await.unwrap();
    }
    let mut tasks = Vec::new();
    for at in 0..50 {
        let (stage, model) = (std::sync::Arc::clone(&stage), model.clone());
        tasks.push(tokio::spawn(async move {
            let engine = &stage.engine;
            if at == 25 {
                logged::change(engine, &model, |model| model.status = LoggedStatus::Ready).await.unwrap();
                registry::transition(engine, "churn", "1", api::tracking::Stage::Production, false).await.unwrap();
            }
            let tag = move |model: &mut LoggedModel| drop(model.tags.insert(format!("tag{at}"), at.to_string()));
            logged::change(engine, &model, tag).await.unwrap();
            let note = move |notes: &mut VersionNotes| notes.notes.push('.');
            registry::edit_version(engine, "churn", "1", note).await.unwrap();
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    let (model, _) = logged::get(&stage.engine, &model).await.unwrap();
    assert_eq!((model.status, model.tags.len()), (LoggedStatus::Ready, 50));
    let version = registry::version(&stage.engine, "churn", "1").await.unwrap();
    assert_eq!((version.notes.stage, version.notes.notes.len()), (api::tracking::Stage::Production, 50));
    let other =
        registry::transition(&stage.engine, "churn", "2", api::tracking::Stage::Production, true).await.unwrap();
    let archived = registry::version(&stage.engine, "churn", "1").await.unwrap();
    assert_eq!(
        (other.notes.stage, archived.notes.stage),
        (api::tracking::Stage::Production, api::tracking::Stage::Archived)
    );
    assert_eq!(archived.notes.notes.len(), 50, "its notes stay");
}

#[tokio::test]
async fn a_runs_row_stays_short_whatever_a_client_calls_it() {
    let stage = Stage::new().await;
    let experiment = experiment(&stage, "sweep").await;
    let run = begin(&stage, &experiment, "short", 1).await;
    let long = "ü".repeat(501);
    let number = experiment.number.to_string();
    let named = Begin { name: Some(long.clone()), ..Begin::default() };
    let of_user = Begin { user: Some(long.clone()), ..Begin::default() };
    let tagged = vec![("mlflow.runName".to_owned(), long.clone())];
    let refusals = [
        client::begin(&stage.engine, &number, named).await.err(),
        client::begin(&stage.engine, &number, of_user).await.err(),
        client::change(&stage.engine, run, client::Change { name: Some(long), ..client::Change::default() })
            .await
            .err(),
        client::log(&stage.engine, run, Batch { tags: tagged, ..Batch::default() }).await.err(),
    ];
    for refused in refusals {
        let told = engine::error::told(&refused.unwrap());
        assert_eq!(told.code, ErrorCode::Invalid);
        assert!(told.message.contains("at most 500 characters, not 501"), "{}", told.message);
    }
    let notes = EditRun { run, name: None, notes: Some("n".repeat(70_000)), tags: BTreeMap::default() };
    let refused = stage.try_call(notes).await.unwrap_err();
    assert!(refused.message.contains("at most 65536 bytes"), "{}", refused.message);
    let tagged = |key: &str, value: Option<&str>| {
        let tags = BTreeMap::from([(key.to_owned(), value.map(str::to_owned))]);
        EditRun { run, name: Some("other".to_owned()), notes: None, tags }
    };
    let (long_key, long_value) = ("k".repeat(251), "v".repeat(65_537));
    for (key, value, why) in [
        (&*long_key, "1", "1 to 250 characters"),
        ("", "1", "1 to 250 characters"),
        ("../x", "1", "as a path"),
        ("what?", "1", "'?' stands in it"),
        ("team", &*long_value, "has 65537 bytes, more than 65536"),
    ] {
        let refused = stage.try_call(tagged(key, Some(value))).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::Invalid);
        assert!(refused.message.contains(why), "{}", refused.message);
    }
    // What stands there is removed whatever it is called.
    stage.call(tagged("what?", None)).await;
    stage.call(EditRun { name: Some("short".to_owned()), ..tagged("team", Some("vision")) }).await;
    check(&stage, &experiment, "", &["short"]).await;
}

#[tokio::test]
async fn of_a_run_that_was_deleted_for_good_no_upload_leaves_a_file() {
    let stage = Stage::new().await;
    let experiment = experiment(&stage, "sweep").await;
    let run = begin(&stage, &experiment, "gone", 1).await;
    let parts = [run.to_string().replace('-', ""), "artifacts".to_owned(), "model".to_owned()];
    let place = artifacts::place(&stage.engine, &parts).await.unwrap();
    stage.call(TrashRuns { runs: vec![run] }).await;
    stage.call(PurgeRuns { runs: vec![run] }).await;
    // The upload had begun before, and ends now.
    keep(&place, b"weights").await;
    let refused = engine::error::told(&artifacts::written(&stage.engine, &place).await.unwrap_err());
    assert_eq!(refused.code, ErrorCode::NotFound);
    let target = place.shown();
    assert!(!target.parent().unwrap().exists(), "{} is there", target.display());
}
