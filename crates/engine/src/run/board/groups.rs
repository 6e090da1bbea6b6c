//! Rows that share values: how many there are, and what their metrics come to.

use std::{borrow::Cow, cmp::Ordering, collections::HashMap, convert::Infallible, hash::Hash};

use api::{
    RunId, SplitId,
    run_table::{GroupFigure, RunGroup, RunGroups},
};
use store::Connection;
use tune::intervals::{summarize, usual};

use super::{Asked, Board, Page, Query, Table, cells, matched, order};
use crate::run::filter::Field;

/// What rows are grouped by, and what is summed up.
#[derive(Debug)]
pub(crate) struct Grouping {
    /// Each with its name, as a filter has it.
    pub(crate) by: Vec<(String, Field)>,
    pub(crate) metrics: Vec<String>,
    /// The rows that runs must have been validated on to be summed up, where it matters.
    pub(crate) validated_on: Option<SplitId>,
    /// Each with whether it descends; the first counts most.
    pub(crate) orders: Vec<(GroupOrder, bool)>,
    /// Whether groups that are equal by those, or all where there are none, stand by their values from the highest down.
    pub(crate) descending: bool,
}

/// How groups stand. What is missing stands last, whatever the direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupOrder {
    /// By one of the values that they are grouped by.
    Value(usize),
    Runs,
    /// By the mean of one of the metrics.
    Mean(usize),
}

/// Figures of one answer: of more metrics it has fewer groups.
const MOST_FIGURES: usize = 1_000_000;

/// How many groups of so many metrics one answer has at most; one in any case.
const fn fitting(metrics: usize) -> usize {
    if metrics <= 1 {
        return MOST_FIGURES;
    }
    let groups = MOST_FIGURES / metrics;
    if groups == 0 { 1 } else { groups }
}

type Key<'t> = Vec<Option<Cow<'t, str>>>;

/// A group with those of its runs that have a metric, each with when it began.
#[derive(Debug)]
pub(crate) struct Members {
    pub(crate) group: RunGroup,
    pub(crate) measured: Vec<(RunId, i64)>,
}

/// Groups with their runs, how many groups there are in all, and how many runs these hold.
pub(crate) type Membership = (Vec<Members>, u64, u64);

impl Board {
    /// The groups of the runs that match; offset and limit of the query count groups. Blocks.
    pub(crate) fn groups(
        &self,
        connection: &Connection,
        asked: &Asked,
        query: &Query,
        grouping: &Grouping,
    ) -> store::Result<RunGroups> {
        let tables = self.fresh(connection, asked.moment, &query.experiments)?;
        let (only, rows) = matched(connection, &tables, query, asked)?;
        let runs = rows.len() as u64;
        let other_rows = rows.iter().filter(|at| grouping.has_other_rows(only[at.0], at.1)).count() as u64;
        let found = by_values(&only, grouping, rows);
        // A hundred thousand groups have millions of figures, of which the page's are told.
        let ordering = grouping.by_order_alone();
        let mut groups: Vec<(RunGroup, Vec<(usize, u32)>)> =
            found.into_iter().map(|(key, rows)| (group(&only, &ordering, key, &rows), rows)).collect();
        groups.sort_unstable_by(|(left, _), (right, _)| compare(left, right, &ordering));
        let total = groups.len() as u64;
        let most = fitting(grouping.metrics.len()).min(query.limit as usize);
        let page = groups.into_iter().skip(query.offset as usize).take(most);
        let patience = asked.patience();
        let told = |(head, rows): (RunGroup, Vec<(usize, u32)>)| {
            Ok(RunGroup { figures: figures(&only, grouping, &rows, || patience.check())?, ..head })
        };
        let groups = page.map(told).collect::<store::Result<_>>()?;
        Ok(RunGroups { groups, total, runs, other_rows, notes: Vec::new() })
    }

    /// The groups with most of the runs that match, as many as the query's limit, in their order, with the runs of each
    /// that have a metric. Blocks.
    pub(crate) fn members(
        &self,
        connection: &Connection,
        asked: &Asked,
        query: &Query,
        grouping: &Grouping,
        metric: &str,
    ) -> store::Result<Membership> {
        let tables = self.fresh(connection, asked.moment, &query.experiments)?;
        let (only, rows) = matched(connection, &tables, query, asked)?;
        let runs = rows.len() as u64;
        let found = by_values(&only, grouping, rows);
        let total = found.len() as u64;
        let mut found: Vec<(RunGroup, Vec<(usize, u32)>)> =
            found.into_iter().map(|(key, rows)| (group(&only, grouping, key, &rows), rows)).collect();
        // Among equals by their values, so that each answer has the same.
        found.sort_unstable_by(|(left, _), (right, _)| {
            right.runs.cmp(&left.runs).then_with(|| compare(left, right, grouping))
        });
        found.truncate(query.limit as usize);
        found.sort_unstable_by(|(left, _), (right, _)| compare(left, right, grouping));
        let members = |(group, rows): (RunGroup, Vec<(usize, u32)>)| {
            let has = |at: &(usize, u32)| cells::metric(only[at.0], metric, at.1 as usize).is_some();
            let run = |at: (usize, u32)| only[at.0].rows.run(at.1 as usize);
            let measured = rows.into_iter().filter(has).map(run).map(|run| (run.id(), run.began_ms()));
            Members { group, measured: measured.collect() }
        };
        Ok((found.into_iter().map(members).collect(), total, runs))
    }

    /// A page of runs in their order, which takes them in turn from the groups that they fall into. Blocks.
    pub(crate) fn page_evenly(
        &self,
        connection: &Connection,
        asked: &Asked,
        query: &Query,
        by: &[(String, Field)],
    ) -> store::Result<Page> {
        let tables = self.fresh(connection, asked.moment, &query.experiments)?;
        let (only, matched) = matched(connection, &tables, query, asked)?;
        let total = matched.len() as u64;
        let names = cells::experiments(connection, query.experiments.iter().copied(), cells::sorts(query))?;
        let sorted = order::first(&only, matched, (&query.orders, &names), u64::MAX, &asked.patience())?;
        let sorted = sorted.get(query.offset.min(total) as usize..).unwrap_or_default();
        let key = |(index, row): &(usize, u32)| -> Key<'_> {
            by.iter().map(|(_, field)| cells::text(only[*index], *row as usize, field)).collect()
        };
        let keys = sorted.iter().map(key);
        let runs = in_turn(keys, query.limit.min(total) as usize).into_iter().map(|at| {
            let (index, row) = sorted[at];
            only[index].rows.run(row as usize).id()
        });
        Ok(Page { runs: runs.collect(), total })
    }
}

/// Rows by the values that they share.
fn by_values<'t>(
    tables: &[&'t Table],
    grouping: &Grouping,
    rows: Vec<(usize, u32)>,
) -> HashMap<Key<'t>, Vec<(usize, u32)>> {
    let mut found: HashMap<Key<'t>, Vec<(usize, u32)>> = HashMap::new();
    for at in rows {
        let key = |(_, field): &(String, Field)| cells::text(tables[at.0], at.1 as usize, field);
        found.entry(grouping.by.iter().map(key).collect()).or_default().push(at);
    }
    found
}

/// The places of so many of these, taken in turn from each of the groups that they stand in; in their order.
fn in_turn<K: Eq + Hash>(keys: impl Iterator<Item = K>, most: usize) -> Vec<usize> {
    let mut counts = HashMap::<K, usize>::new();
    let turn = |(at, key): (usize, K)| {
        let count = counts.entry(key).or_default();
        *count += 1;
        (*count, at)
    };
    let mut places: Vec<(usize, usize)> = keys.enumerate().map(turn).collect();
    places.sort_unstable();
    places.truncate(most);
    let mut places: Vec<usize> = places.into_iter().map(|(_, at)| at).collect();
    places.sort_unstable();
    places
}

impl Grouping {
    /// The same with no figures but those that groups stand by.
    fn by_order_alone(&self) -> Self {
        let mut metrics = Vec::new();
        let alone = |(order, descending): &(GroupOrder, bool)| match *order {
            GroupOrder::Mean(at) => {
                metrics.push(self.metrics[at].clone());
                (GroupOrder::Mean(metrics.len() - 1), *descending)
            }
            order => (order, *descending),
        };
        let orders = self.orders.iter().map(alone).collect();
        Self { by: self.by.clone(), metrics, validated_on: self.validated_on, orders, descending: self.descending }
    }

    /// By the rule of [`api::run::RunRow::has_other_rows`].
    fn has_other_rows(&self, table: &Table, row: u32) -> bool {
        let own = table.rows.run(row as usize).split();
        self.validated_on.zip(own).is_some_and(|(asked, own)| asked != own)
    }
}

/// What the metrics come to of the runs of a group, each once `goes_on` says so.
fn figures<E>(
    tables: &[&Table],
    grouping: &Grouping,
    rows: &[(usize, u32)],
    goes_on: impl Fn() -> Result<(), E>,
) -> Result<Vec<Option<GroupFigure>>, E> {
    let figure = |metric: &String| {
        let compared = || rows.iter().filter(move |at| !grouping.has_other_rows(tables[at.0], at.1));
        let values = || compared().filter_map(move |at| cells::metric(tables[at.0], metric, at.1 as usize));
        let summary = summarize(values())?;
        let (mean, sd) = (summary.mean, summary.deviation);
        // By it the cells of the run table are coloured, of which there are no groups.
        let usual = if grouping.by.is_empty() { usual(values()) } else { None };
        Some(GroupFigure { runs: summary.count as u64, mean, sd, min: summary.min, max: summary.max, usual })
    };
    grouping.metrics.iter().map(|metric| goes_on().map(|()| figure(metric))).collect()
}

fn group(tables: &[&Table], grouping: &Grouping, key: Key<'_>, rows: &[(usize, u32)]) -> RunGroup {
    let values: Vec<Option<String>> = key.into_iter().map(|value| value.map(Cow::into_owned)).collect();
    let conditions = grouping.by.iter().zip(&values).map(|((name, field), value)| match value {
        None => format!("{name} is null"),
        // Quotes make a text of it, and a snapshot is a number.
        Some(value) if *field == Field::Snapshot => format!("{name} = {value}"),
        Some(value) => format!("{name} = {}", api::run_table::quoted(value)),
    });
    let filter = conditions.collect::<Vec<_>>().join(" and ");
    let Ok(figures) = figures(tables, grouping, rows, || Ok::<_, Infallible>(()));
    RunGroup { values, runs: rows.len() as u64, figures, filter }
}

fn compare(left: &RunGroup, right: &RunGroup, grouping: &Grouping) -> Ordering {
    let turned = |order: Ordering, descending: bool| if descending { order.reverse() } else { order };
    let value = |at: usize, descending: bool| match (&left.values[at], &right.values[at]) {
        (Some(left), Some(right)) => turned(natural(left, right), descending),
        (left, right) => left.is_none().cmp(&right.is_none()),
    };
    let mean = |group: &RunGroup, at: usize| group.figures[at].map(|figure| figure.mean);
    let by = |(order, descending): &(GroupOrder, bool)| match *order {
        GroupOrder::Value(at) => value(at, *descending),
        GroupOrder::Runs => turned(left.runs.cmp(&right.runs), *descending),
        GroupOrder::Mean(at) => match (mean(left, at), mean(right, at)) {
            (Some(left), Some(right)) => turned(left.total_cmp(&right), *descending),
            (left, right) => left.is_none().cmp(&right.is_none()),
        },
    };
    let first = grouping.orders.iter().map(by).fold(Ordering::Equal, Ordering::then);
    (0..grouping.by.len()).map(|at| value(at, grouping.descending)).fold(first, Ordering::then)
}

/// Numbers as numbers, before texts: "8", "16", "auto".
pub(super) fn natural(left: &str, right: &str) -> Ordering {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| !number.is_nan());
    match (number(left), number(right)) {
        (Some(one), Some(other)) => one.total_cmp(&other).then_with(|| left.cmp(right)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_FIGURES, fitting, in_turn, natural};

    #[test]
    fn of_many_metrics_an_answer_has_fewer_groups() {
        assert_eq!([0, 1, 100, 5_000].map(fitting), [MOST_FIGURES, MOST_FIGURES, 10_000, 200]);
        assert_eq!(fitting(MOST_FIGURES + 1), 1);
    }

    #[test]
    fn each_group_has_its_turn() {
        let taken = |most: usize| in_turn("aaaabbc".chars(), most);
        assert_eq!(taken(3), [0, 4, 6]);
        assert_eq!(taken(4), [0, 1, 4, 6], "the second of the first group comes next");
        assert_eq!(taken(100), [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(taken(0), [0; 0]);
    }

    #[test]
    fn numbers_stand_in_their_order_before_texts() {
        let mut texts = ["auto", "16", "8", "1e-3", "NaN", "0.1"];
        texts.sort_by(|left, right| natural(left, right));
        assert_eq!(texts, ["1e-3", "0.1", "8", "16", "NaN", "auto"]);
    }
}
