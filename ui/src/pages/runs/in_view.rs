//! What tells the runs in view apart, which the columns follow that nobody chose.
//!
//! It is looked at anew where a filter is applied: no column comes or goes while one is written, or while the table is
//! scrolled.

use std::collections::{BTreeMap, BTreeSet};

use api::{run::RunTable, tracking::Scope};
use charts::runs::keys;

/// Which runs are in view; their order is none of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matched {
    pub(super) scope: Scope,
    pub(super) deleted: bool,
    pub(super) filter: String,
}

/// What is known of the runs in view by their first rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct InView {
    /// Metrics that fewer than half of them have, and those that none has.
    pub(super) rare: Vec<String>,
    pub(super) absent: BTreeSet<String>,
    /// Metrics that several have, with one value.
    pub(super) alike: BTreeSet<String>,
    /// Params that are not the same in all of them, what tells most first; behind them those that tell runs apart which a
    /// filter leaves out.
    pub(super) differing: Vec<String>,
    /// One of them says what it cost.
    pub(super) has_cost: bool,
    /// Of clients' runs neither is known.
    pub(super) has_model: bool,
    pub(super) has_snapshot: bool,
}

impl InView {
    /// Nothing of a table without rows. `before` are the params that tell the runs apart where nothing is filtered.
    fn of(table: &RunTable, before: &[String]) -> Option<Self> {
        if table.rows.is_empty() {
            return None;
        }
        // By what rows have, not by all keys: of thousands of keys most rows have few.
        let mut values = BTreeMap::<&str, (usize, u64, bool)>::new();
        for row in &table.rows {
            let below =
                row.below.iter().flat_map(|below| &below.metrics).filter(|(key, _)| !row.metrics.contains_key(*key));
            for (key, cell) in row.metrics.iter().chain(below) {
                let bits = cell.last.to_bits();
                let one = values.entry(key.as_str()).or_insert((0, bits, true));
                *one = (one.0 + 1, one.1, one.2 && one.1 == bits);
            }
        }
        let alike = values.iter().filter(|(_, (having, _, is_one))| *having > 1 && *is_one);
        let mut differing = keys::differing(table);
        let others: Vec<String> = before.iter().filter(|key| !differing.contains(key)).cloned().collect();
        differing.extend(others);
        let mut now = Self {
            rare: keys::rare(table),
            absent: table.metric_keys.iter().filter(|key| !values.contains_key(key.as_str())).cloned().collect(),
            alike: alike.map(|(key, _)| (*key).to_owned()).collect(),
            differing,
            ..Self::default()
        };
        now.note(table);
        Some(now)
    }

    /// Whether a metric of all of them is no column: none of the runs has it, or few of them in a narrow window, where others
    /// are had by more.
    pub(super) fn leaves_out(&self, key: &str, all: &[String], is_wide: bool) -> bool {
        let mut shown = all.iter().filter(|key| !key.starts_with("system/"));
        let is_rare = |key: &str| self.rare.iter().any(|rare| rare == key);
        self.absent.contains(key) && shown.clone().any(|key| !self.absent.contains(key))
            || !is_wide && is_rare(key) && shown.any(|key| !is_rare(key))
    }

    /// Further rows of the same runs: what one of them has is a column from then on.
    fn note(&mut self, table: &RunTable) {
        self.has_cost |= table.rows.iter().any(|row| row.cost.is_some());
        self.has_model |= table.rows.iter().any(|row| row.model.is_some());
        self.has_snapshot |= table.rows.iter().any(|row| row.snapshot_number.is_some());
    }
}

/// What the columns follow, and what they will follow once the filter is written.
#[derive(Debug, Default)]
pub(super) struct Followed {
    of: Option<Matched>,
    seen: InView,
    held: Option<(Matched, InView)>,
}

/// How an answer came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coming<'a> {
    /// The runs have other keys than before.
    pub(super) is_new: bool,
    /// The filter is still written.
    pub(super) is_writing: bool,
    /// The params that tell the runs apart where nothing is filtered.
    pub(super) differing: &'a [String],
}

impl Followed {
    /// Takes rows that came, and tells what the columns follow from then on.
    pub(super) fn came(&mut self, of: &Matched, table: &RunTable, coming: Coming<'_>) -> InView {
        let Coming { is_new, is_writing, differing } = coming;
        // Of other experiments other params do.
        let is_of_others = self.of.as_ref().is_some_and(|own| own.scope != of.scope);
        let differing: &[String] = if is_of_others { &[] } else { differing };
        if self.of.as_ref() == Some(of) {
            self.held = None;
            if let Some(now) = is_new.then(|| InView::of(table, differing)).flatten() {
                self.seen = now;
            }
            self.seen.note(table);
        } else if let Some((_, held)) = self.held.as_mut().filter(|(held, _)| !is_new && *held == *of) {
            held.note(table);
        } else {
            // Where nothing is found the columns stay.
            self.held = InView::of(table, differing).map(|now| (of.clone(), now));
        }
        if !is_writing || self.of.is_none() {
            self.applied(of);
        }
        self.seen.clone()
    }

    /// The filter is written: what came of these runs is what the columns follow, where that is something else.
    pub(super) fn applied(&mut self, of: &Matched) -> Option<InView> {
        let (of, now) = self.held.take_if(|(held, _)| *held == *of)?;
        (self.of, self.seen) = (Some(of), now);
        Some(self.seen.clone())
    }
}

#[cfg(test)]
mod tests {
    use api::run::{MetricCell, RunKind, RunRow, RunState};

    use super::*;

    fn row(metrics: &[(&str, f64)], params: &[(&str, &str)]) -> RunRow {
        let metric = |(key, last): &(&str, f64)| ((*key).to_owned(), MetricCell { last: *last, spark: Vec::new() });
        let param = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let id = api::RunId::from_bytes([1; 16]);
        RunRow {
            params: params.iter().map(param).collect(),
            metrics: metrics.iter().map(metric).collect(),
            ..RunRow::bare(id, "run".to_owned(), RunKind::Client, RunState::Finished)
        }
    }

    fn table(rows: Vec<RunRow>) -> RunTable {
        let own = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        RunTable {
            total: rows.len() as u64,
            rows,
            metric_keys: own(&["accuracy", "loss", "steps"]),
            param_keys: own(&["depth", "lr"]),
            tag_keys: Vec::new(),
            ranked_by: None,
            best_split: None,
            notes: Vec::new(),
        }
    }

    fn matched(filter: &str) -> Matched {
        Matched { scope: Scope::All, deleted: false, filter: filter.to_owned() }
    }

    /// Nets that differ in `lr` and trees that differ in `depth`.
    fn nets() -> Vec<RunRow> {
        [("0.1", 0.5), ("0.2", 0.4)]
            .map(|(lr, loss)| row(&[("loss", loss), ("steps", 9.0)], &[("lr", lr), ("depth", "1")]))
            .into()
    }

    fn trees() -> Vec<RunRow> {
        [("1", 0.7), ("2", 0.8)]
            .map(|(depth, accuracy)| row(&[("accuracy", accuracy)], &[("lr", "0.1"), ("depth", depth)]))
            .into()
    }

    fn came(followed: &mut Followed, filter: &str, rows: Vec<RunRow>, is_writing: bool) -> InView {
        let differing = ["lr".to_owned(), "depth".to_owned()];
        followed.came(&matched(filter), &table(rows), Coming { is_new: false, is_writing, differing: &differing })
    }

    #[test]
    fn what_tells_the_runs_of_a_filter_apart_comes_first() {
        let mut followed = Followed::default();
        let all = came(&mut followed, "", [nets(), trees()].concat(), false);
        assert_eq!(
            (all.differing, all.absent.len(), all.alike.len()),
            (vec!["lr".to_owned(), "depth".to_owned()], 0, 1)
        );
        let seen = came(&mut followed, "metric.accuracy > 0", trees(), false);
        assert_eq!(seen.differing, ["depth", "lr"]);
        assert_eq!(seen.absent, BTreeSet::from(["loss".to_owned(), "steps".to_owned()]));
        assert!(seen.alike.is_empty());
        let seen = came(&mut followed, "metric.loss > 0", nets(), false);
        assert_eq!(
            (seen.differing, seen.alike),
            (vec!["lr".to_owned(), "depth".to_owned()], BTreeSet::from(["steps".to_owned()]))
        );
    }

    #[test]
    fn while_a_filter_is_written_and_where_it_finds_nothing_the_columns_stay() {
        let mut followed = Followed::default();
        let all = came(&mut followed, "", [nets(), trees()].concat(), true);
        assert_eq!(all.differing, ["lr", "depth"], "the first rows are waited for by nobody");
        assert_eq!(came(&mut followed, "acc", trees(), true), all);
        assert_eq!(came(&mut followed, "accuracy", trees()[..1].to_vec(), true), all);
        assert_eq!(followed.applied(&matched("acc")), None, "that is not what was written in the end");
        assert_eq!(came(&mut followed, "nothing", Vec::new(), false), all);
        assert_eq!(came(&mut followed, "acc", trees(), true), all);
        let applied = followed.applied(&matched("acc")).unwrap();
        assert_eq!(applied.differing, ["depth", "lr"]);
        assert_eq!(followed.applied(&matched("acc")), None);
        // Further rows, and another order, change nothing.
        assert_eq!(came(&mut followed, "acc", nets(), false), applied);
        assert_eq!(came(&mut followed, "", [nets(), trees()].concat(), false), all);
    }

    #[test]
    fn what_one_row_has_is_a_column_from_then_on() {
        let mut followed = Followed::default();
        assert!(!came(&mut followed, "", nets(), false).has_cost);
        let dear: Vec<RunRow> = nets().into_iter().map(|row| RunRow { cost: Some(1.0), ..row }).collect();
        assert!(came(&mut followed, "", dear, false).has_cost);
        assert!(came(&mut followed, "", nets(), false).has_cost, "as the table is scrolled");
        assert!(!came(&mut followed, "lr", nets(), false).has_cost);
    }
}
