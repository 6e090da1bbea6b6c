//! Which params a metric follows, over all runs that a filter matches: [`tune::importance`] on the run table's cells.

use anyhow::bail;
use api::{
    ApiError,
    run::SYSTEM,
    run_table::{AssessParams, ParamImportance, ParamImportances, SparseRow},
};
use tune::importance::{self, Column as Values};

use super::{
    board::{Column, Order},
    filter::{self, Field},
    meant, table,
};
use crate::{Engine, nearest::did_you_mean};

/// Of fewer runs any order of the params can be chance.
const FEWEST: usize = 5;
/// The forest is grown from it: the same runs have the same answer.
const SEED: u64 = 4;
/// Metrics that an error names.
const NAMED: usize = 12;

/// The params that differ, by how much of the metric they explain.
pub async fn assess(engine: &Engine, request: AssessParams) -> anyhow::Result<ParamImportances> {
    if request.metric.is_empty() {
        bail!(ApiError::invalid("The importance of params is for a metric, and none is named."));
    }
    let filter = meant::filter(engine, request.list.of, &request.list.filter).await?;
    let (list, metric, board) = (request.list, request.metric, engine.clone());
    let (asked, _asking) = engine.board().ask();
    let (metrics, metric, keys, (rows, runs)) = engine
        .store()
        .read(move |c| {
            let by = vec![Order { field: Field::Id, descending: false }];
            let query = table::query(c, &list, filter, by, 0, u64::from(u32::MAX))?;
            let [metrics, keys, _] = board.board().keys(c, &asked, &query.experiments)?;
            let metric = key_of(metric, &metrics);
            let params = keys.iter().cloned().map(Field::Param);
            let of_metric = [Field::Metric(metric.clone())];
            let columns: Vec<Column> = of_metric.into_iter().chain(params).map(Column::Field).collect();
            // Of so many runs as are looked at: of a hundred thousand the texts would fill the memory.
            let cells = board.board().cells_of_some(c, &asked, &query, (&metric, &columns), some)?;
            Ok((metrics, metric, keys, cells))
        })
        .await?;
    if !metrics.is_empty() && metrics.binary_search(&metric).is_err() {
        bail!(unmeasured(&metric, &metrics));
    }
    Ok(tokio::task::spawn_blocking(move || of_rows(&keys, runs, rows)).await?)
}

/// A metric's key, which may be named as the filter names it.
pub(super) fn key_of(metric: String, metrics: &[String]) -> String {
    let is_known = |key: &String| metrics.binary_search(key).is_ok();
    match filter::field(&metric) {
        Ok(Field::Metric(key)) if !is_known(&metric) && is_known(&key) => key,
        _ => metric,
    }
}

/// A metric that no run has, of those that the runs have; what a machine used is seldom meant.
pub(super) fn unmeasured(metric: &str, metrics: &[String]) -> ApiError {
    let own: Vec<&str> = metrics.iter().map(String::as_str).filter(|key| !key.starts_with(SYSTEM)).collect();
    let meant = did_you_mean(metric, own.iter().copied());
    let few = own.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    let more = if own.len() > NAMED { " …" } else { "" };
    let error = ApiError::not_found(format!("No run here has a metric \"{metric}\".{meant}"));
    if own.is_empty() { error } else { error.with_hint(format!("There are {few}{more}.")) }
}

/// Of so many rows the places of those that are looked at.
pub(crate) fn some(rows: usize) -> Vec<usize> {
    importance::sample(rows, SEED)
}

/// Assesses rows of the metric's cell, which is the first column, and those of the params that they have, chosen of so
/// many runs.
pub(crate) fn of_rows(keys: &[String], runs: u64, rows: Vec<SparseRow>) -> ParamImportances {
    let measured = |row: SparseRow| {
        let (_, text) = row.first().filter(|(at, _)| *at == 0)?;
        let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
        Some((value, row))
    };
    let (metric, rows): (Vec<f64>, Vec<SparseRow>) = rows.into_iter().filter_map(measured).unzip();
    let none = ParamImportances { runs, runs_used: 0, runs_needed: FEWEST as u64, alone: 0.0, params: Vec::new() };
    if metric.len() < FEWEST {
        return none;
    }
    // Of thousands of params most runs have few: what is there is gathered, and a column is made of what differs alone.
    let mut held: Vec<Vec<(usize, &str)>> = vec![Vec::new(); keys.len()];
    for (row, cells) in rows.iter().enumerate() {
        for (column, text) in cells {
            if let Some(of_key) = (*column as usize).checked_sub(1).and_then(|key| held.get_mut(key)) {
                of_key.push((row, text));
            }
        }
    }
    let params = keys.iter().zip(held).filter_map(|(key, held)| {
        let (_, first) = *held.first()?;
        let differs = held.len() < rows.len() || held.iter().any(|(_, text)| *text != first);
        differs.then(|| {
            let mut texts = vec![None; rows.len()];
            for (row, text) in held {
                texts[row] = Some(text);
            }
            (key.clone(), Values::of_texts(texts))
        })
    });
    let params: Vec<(String, Values)> = params.collect();
    let found = importance::assess(&params, &metric, SEED);
    let params = found.params.into_iter().map(|one| ParamImportance {
        param: one.name,
        share: one.share,
        correlation: one.correlation,
    });
    ParamImportances { runs_used: found.rows_used as u64, alone: found.alone, params: params.collect(), ..none }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(metric: &str, lr: usize, model: &str) -> SparseRow {
        let cells = [metric.to_owned(), lr.to_string(), model.to_owned(), "same".to_owned()];
        (0..).zip(cells).collect()
    }

    #[test]
    fn what_a_metric_follows_is_first_and_what_never_differs_is_left_out() {
        let keys = ["lr", "model", "fixed"].map(str::to_owned);
        let mut rows: Vec<_> =
            (0..40).map(|at| row(&(at * 2).to_string(), at, if at % 2 == 0 { "a" } else { "b" })).collect();
        rows.push(row("NaN", 3, "a"));
        let found = of_rows(&keys, 90_000, rows);
        assert_eq!((found.runs, found.runs_used), (90_000, 40));
        let names: Vec<&str> = found.params.iter().map(|one| one.param.as_str()).collect();
        assert_eq!(names, ["lr", "model"]);
        assert!(found.params[0].share > 0.8, "{found:?}");
        assert_eq!(found.params[0].correlation, Some(1.0));
        assert_eq!(found.params[1].correlation, None);
    }

    #[test]
    fn what_some_runs_alone_have_differs() {
        let keys = ["some", "same", "nobody's"].map(str::to_owned);
        let cell = |column: u32, text: &str| (column, text.to_owned());
        let mut rows: Vec<SparseRow> = (0..40)
            .map(|at| match at % 2 {
                0 => vec![cell(0, "1"), cell(1, "x"), cell(2, "y")],
                _ => vec![cell(0, &(at + 100).to_string()), cell(2, "y")],
            })
            .collect();
        // One without the metric.
        rows.push(vec![cell(1, "z"), cell(3, "z")]);
        let found = of_rows(&keys, 41, rows);
        assert_eq!(found.runs_used, 40);
        assert_eq!(found.params.iter().map(|one| one.param.as_str()).collect::<Vec<_>>(), ["some"]);
    }

    #[test]
    fn a_metric_is_named_by_its_key_or_as_the_filter_names_it() {
        let metrics = ["loss", "metric.loss", "system/cpu", "val/loss"].map(str::to_owned);
        let key = |named: &str| key_of(named.to_owned(), &metrics);
        assert_eq!(
            ["loss", "metric.val/loss", "metric.loss", "lss"].map(key),
            ["loss", "val/loss", "metric.loss", "lss"]
        );
        let error = unmeasured("lss", &metrics);
        assert_eq!(error.message, "No run here has a metric \"lss\". Did you mean \"loss\"?");
        assert_eq!(error.hint.unwrap(), "There are loss, metric.loss, val/loss.");
    }

    #[test]
    fn of_few_runs_nothing_is_said() {
        let found = of_rows(&["lr".to_owned()], 2, vec![row("1", 1, "a"), row("2", 2, "b")]);
        assert_eq!((found.runs, found.runs_used, found.runs_needed), (2, 0, 5));
        assert!(found.params.is_empty());
    }
}
