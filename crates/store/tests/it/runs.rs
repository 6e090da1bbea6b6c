//! Runs and what hangs on them.

use api::series::Point;

use crate::{open, project, run_id, run_row, with_project};

async fn with_runs(count: u64) -> (tempfile::TempDir, store::Store) {
    let (folder, store) = open();
    with_project(&store).await;
    store
        .write(move |tx| {
            for number in 0..count {
                let row = run_row(number);
                store::run::put(tx, &row)?;
                let value = (number * 7 % 10) as f64 / 10.0;
                let point = Point { step: 1, time_ms: 1, value };
                store::metric::append(tx, run_id(number), "roc_auc/validation", &[point])?;
                store::param::put(tx, run_id(number), "depth", &number.to_string())?;
                if number == 3 {
                    store::tag::put(tx, run_id(number), "note", "100%_sure")?;
                }
            }
            Ok(())
        })
        .await
        .unwrap();
    (folder, store)
}

#[tokio::test]
async fn deleting_a_project_takes_everything_below_it() {
    let (_folder, store) = with_runs(5).await;
    store.write(|tx| store::project::delete(tx, project())).await.unwrap();
    let left = store
        .read(|c| {
            let count = |table: &str| -> store::Result<i64> {
                Ok(c.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?)
            };
            Ok([count("run")?, count("metric")?, count("points")?, count("param")?, count("tag")?, count("tail")?])
        })
        .await
        .unwrap();
    assert_eq!(left, [0; 6]);
}

#[tokio::test]
async fn the_default_experiment_outlives_a_project_that_it_was_moved_into() {
    let (_folder, store) = with_runs(1).await;
    let next = store
        .write(|tx| {
            let default = store::experiment::numbered(tx, 0)?.expect("number 0");
            store::experiment::put(tx, &api::tracking::Experiment { project: Some(project()), ..default })?;
            store::project::delete(tx, project())?;
            assert_eq!(store::experiment::numbered(tx, 0)?.and_then(|default| default.project), None);
            let next = api::tracking::Experiment { project: None, ..crate::experiment() };
            // Nor can an empty table keep one from being made.
            tx.execute("DELETE FROM experiment", [])?;
            store::experiment::insert(tx, &next)
        })
        .await
        .unwrap();
    assert_eq!(next, 2);
}

#[tokio::test]
async fn a_name_that_a_deleted_project_hides_is_free_also_for_who_has_the_next_one() {
    let (_folder, store) = with_runs(0).await;
    let other = api::ExperimentId::from_bytes([9; 16]);
    let names = store
        .write(move |tx| {
            store::project::mark_deleted(tx, project(), &true)?;
            let hidden = crate::experiment();
            let named = |name: &str| api::tracking::Experiment {
                id: other,
                project: None,
                is_own: false,
                name: name.to_owned(),
                ..crate::experiment()
            };
            store::experiment::insert(tx, &named("p 2"))?;
            store::experiment::put(tx, &named("p"))?;
            let found = [hidden.id, other].map(|id| store::experiment::get(tx, id));
            found.into_iter().map(|found| Ok(found?.map(|found| found.name))).collect::<store::Result<Vec<_>>>()
        })
        .await
        .unwrap();
    assert_eq!(names, [Some("p 3".to_owned()), Some("p".to_owned())]);
}

#[tokio::test]
async fn a_fact_is_added_to_a_run_and_all_else_of_it_stays() {
    let (_folder, store) = with_runs(2).await;
    let facts = |key: &str, fact: &str| std::collections::BTreeMap::from([(key.to_owned(), fact.to_owned())]);
    let (before, after) = store
        .write(move |tx| {
            assert!(store::run_facts::note(tx, run_id(1), facts("machine.cpu", "one"))?);
            let before = store::run::get(tx, run_id(1))?.expect("it is there");
            assert!(store::run_facts::note(tx, run_id(1), facts("machine.memory", "8 GB"))?);
            assert!(store::run_facts::note(tx, run_id(1), facts("machine.cpu", "another"))?);
            assert!(!store::run_facts::note(tx, run_id(7), facts("machine.cpu", "nobody's"))?);
            assert!(
                store::run::get(tx, run_id(0))?.is_some_and(|row| !row.run.environment.contains_key("machine.cpu"))
            );
            Ok((before, store::run::get(tx, run_id(1))?.expect("it is there")))
        })
        .await
        .unwrap();
    assert_eq!(before.run.environment["machine.cpu"], "one");
    let mut expected = before;
    expected.run.environment.insert("machine.cpu".to_owned(), "another".to_owned());
    expected.run.environment.insert("machine.memory".to_owned(), "8 GB".to_owned());
    assert_eq!(after, expected);
}

#[tokio::test]
async fn only_a_run_that_is_under_way_and_not_deleted_is_going() {
    use api::run::RunState::{Finished, Running};
    let (_folder, store) = with_runs(3).await;
    store
        .write(|tx| {
            for (number, state, deleted_ms) in [(0, Running, None), (1, Running, Some(1)), (2, Finished, None)] {
                let mut row = store::run::get(tx, run_id(number))?.expect("it is there");
                (row.run.state, row.run.deleted_ms) = (state, deleted_ms);
                store::run::put(tx, &row)?;
                let outline = store::run_facts::outline(tx, run_id(number))?.expect("it is there");
                assert_eq!(
                    (outline.is_going, outline.kind, outline.project),
                    (number == 0, row.run.kind, row.run.project)
                );
            }
            assert_eq!(store::run_facts::outline(tx, run_id(9))?, None);
            Ok(())
        })
        .await
        .unwrap();
}
