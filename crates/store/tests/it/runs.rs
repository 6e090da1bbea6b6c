//! The run table: filter, order and page over many runs.

use api::series::Point;
use store::run_query::{Comparison, Field, Filter, Query, Value, page};

use crate::{open, project, run_id, run_row, with_project};

fn query(filter: Filter) -> Query {
    let sort = Field::Rank("roc_auc/validation".to_owned());
    Query { project: project(), filter, sort, descending: true, offset: 0, limit: 50 }
}

async fn names(store: &store::Store, query: Query) -> Vec<String> {
    let (rows, _) = store.read(move |c| page(c, &query)).await.unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

async fn with_runs(count: u64) -> (tempfile::TempDir, store::Store) {
    let (folder, store) = open();
    with_project(&store).await;
    store
        .write(move |tx| {
            for number in 0..count {
                let mut row = run_row(number);
                // Of the last two one was never evaluated, and one is ranked by something else.
                row.ranked = match count - number {
                    1 => None,
                    2 => Some(("accuracy/validation".to_owned(), Some(1.0), true)),
                    _ => Some(("roc_auc/validation".to_owned(), Some((number * 7 % 10) as f64 / 10.0), true)),
                };
                store::run::put(tx, &row)?;
                let value = (number * 7 % 10) as f64 / 10.0;
                let point = Point { step: 1, time_ms: 1, value };
                store::metric::append(tx, project(), run_id(number), "roc_auc/validation", &[point])?;
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
async fn runs_are_ranked_and_those_without_a_figure_stand_last() {
    let (_folder, store) = with_runs(8).await;
    assert_eq!(
        names(&store, query(Filter::All)).await,
        ["run-4", "run-1", "run-5", "run-2", "run-3", "run-0", "run-7", "run-6"]
    );
}

#[tokio::test]
async fn filters_compare_metrics_params_and_tags() {
    let (_folder, store) = with_runs(12).await;
    let metric =
        Filter::Compare(Field::Metric("roc_auc/validation".to_owned()), Comparison::GreaterOrEqual, Value::Number(0.8));
    assert_eq!(names(&store, query(metric.clone())).await, ["run-7", "run-4"]);
    // Text "10" is more than 9 as a number.
    let deep = Filter::Compare(Field::Param("depth".to_owned()), Comparison::Greater, Value::Number(9.0));
    assert_eq!(names(&store, query(deep)).await, ["run-11", "run-10"]);
    // What a person types is no pattern.
    assert_eq!(names(&store, query(Filter::Word("100%_s".to_owned()))).await, ["run-3"]);
    assert!(names(&store, query(Filter::Word("r_n".to_owned()))).await.is_empty());
    let others = names(&store, query(Filter::Not(Box::new(metric)))).await;
    assert_eq!(others.len(), 10);
}

#[tokio::test]
async fn a_page_of_ten_thousand_runs_is_quick() {
    let (_folder, store) = with_runs(10_000).await;
    let filter =
        Filter::Compare(Field::Metric("roc_auc/validation".to_owned()), Comparison::Greater, Value::Number(0.5));
    let asked = query(filter);
    let begun = std::time::Instant::now();
    let (rows, total) = store.read(move |c| page(c, &asked)).await.unwrap();
    let taken = begun.elapsed();
    assert_eq!((rows.len(), total), (50, 4000));
    assert!(taken < std::time::Duration::from_millis(1000), "{taken:?}");
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
            Ok([count("run")?, count("metric")?, count("points")?, count("param")?, count("tag")?, count("key")?])
        })
        .await
        .unwrap();
    assert_eq!(left, [0; 6]);
}
