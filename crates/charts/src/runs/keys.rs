//! Which metrics and params of runs are looked at first, and which axes a chart of them has until a person chooses.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use api::{
    figure::is_more_better,
    run::{RunKind, RunTable},
};

/// How a column is called, as a filter calls it too: `metric.KEY`, `param.KEY`, `tag.KEY`.
pub const METRIC: &str = "metric.";
pub const PARAM: &str = "param.";
pub const TAG: &str = "tag.";

/// Axes of parallel coordinates until a person chooses them.
const AXES: usize = 6;

/// The keys that runs have.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    pub metrics: &'a [String],
    /// Metrics that few of the runs have, those of the most runs first.
    pub rare: &'a [String],
    pub params: &'a [String],
    pub tags: &'a [String],
    /// What runs below the programs have.
    pub below_metrics: &'a BTreeSet<String>,
    pub below_params: &'a BTreeSet<String>,
    /// Params that are not the same in all of the runs, what tells most first.
    pub differing: &'a [String],
    /// The metric that ranks.
    pub ranked_by: Option<&'a str>,
}

impl Keys<'_> {
    /// All of them as columns, what is looked at first first: metrics, params, tags.
    pub fn known(&self) -> Vec<String> {
        let rank = |key: &&String| match key.as_str() {
            key if Some(key) == self.ranked_by => 0,
            "loss/validation" => 1,
            "roc_auc/validation" | "f1/validation" | "accuracy/validation" | "r2/validation" | "mae/validation" => 2,
            key if key.ends_with("/validation") => 3,
            "loss/train" => 4,
            key if key.starts_with("system/") => 9,
            key => 5 + by_name(key),
        };
        let of_below = self.below_metrics.iter().filter(|key| !self.metrics.contains(key));
        let mut metrics: Vec<&String> = self.metrics.iter().chain(of_below).collect();
        // What most runs have comes before what few have, and of that what more of them have.
        let place = |key: &&String| self.rare.iter().position(|rare| rare == *key).filter(|_| rank(key) > 0);
        metrics.sort_by_cached_key(|key| (place(key).is_some(), rank(key), place(key)));
        let of_below = self.below_params.iter().filter(|key| !self.params.contains(key));
        let mut params: Vec<&String> = self.params.iter().chain(of_below).collect();
        let place = |key: &&String| self.differing.iter().position(|own| own == *key).unwrap_or(self.differing.len());
        params.sort_by_cached_key(|key| (place(key), order_of_param(key)));
        let metrics = metrics.into_iter().map(|key| format!("{METRIC}{key}"));
        let tags = self.tags.iter().map(|key| format!("{TAG}{key}"));
        metrics.chain(params.into_iter().map(|key| format!("{PARAM}{key}"))).chain(tags).collect()
    }

    /// The metric that a chart is about until a person chooses: the one that ranks, else the first that is no machine's.
    pub fn first_metric(&self) -> Option<String> {
        let ranked = self.ranked_by.map(|key| format!("{METRIC}{key}"));
        ranked.or_else(|| self.known().into_iter().find(|name| name.starts_with(METRIC)))
    }

    /// What lies along a scatter until a person chooses: the first param that differs, else the first that there is.
    pub fn first_param(&self) -> Option<String> {
        let known = self.known();
        let first = known.iter().find(|name| self.differs(name));
        first.or_else(|| known.iter().find(|name| name.starts_with(PARAM))).or(known.first()).cloned()
    }

    /// The axes of parallel coordinates until a person chooses: the params that differ, and at last the metric that they are
    /// turned for.
    pub fn first_axes(&self) -> Vec<String> {
        let metric = self.first_metric();
        let room = AXES - usize::from(metric.is_some());
        self.known().into_iter().filter(|name| self.differs(name)).take(room).chain(metric).collect()
    }

    /// Whether a column is a param that is not the same in all of the runs.
    fn differs(&self, name: &str) -> bool {
        name.strip_prefix(PARAM).is_some_and(|key| self.differing.iter().any(|own| own == key))
    }
}

/// How soon a figure that a client named is looked at, from 0 to 3: what says by its name what is good, a loss or a score,
/// of data that were held out first; then what else is of such data; then the others.
pub fn by_name(key: &str) -> u8 {
    const HELD_OUT: [&str; 5] = ["val", "valid", "validation", "test", "eval"];
    let lower = key.to_lowercase();
    let is_held_out = lower.split(|letter: char| !letter.is_alphanumeric()).any(|word| HELD_OUT.contains(&word));
    match (is_more_better(key).is_some(), is_held_out) {
        (true, true) => 0,
        (true, false) => 1,
        (false, true) => 2,
        (false, false) => 3,
    }
}

/// The place of a param among those that are looked at first, whatever tells runs apart.
pub fn order_of_param(key: &str) -> usize {
    const FIRST: [&str; 7] = ["learning_rate", "lr", "max_depth", "hidden", "rounds", "epochs", "batch_size"];
    FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len())
}

/// Metrics that fewer than half of these runs have, those that more of them have first.
pub fn rare(table: &RunTable) -> Vec<String> {
    let having = |key: &String| table.rows.iter().filter(|row| row.figure(key).is_some()).count();
    let of_below = below(table).0.into_iter().filter(|key| !table.metric_keys.contains(key));
    let all = table.metric_keys.iter().cloned().chain(of_below).map(|key| (having(&key), key));
    let mut rare: Vec<(usize, String)> = all.filter(|(having, _)| having * 2 < table.rows.len()).collect();
    rare.sort_by_key(|(having, _)| Reverse(*having));
    rare.into_iter().map(|(_, key)| key).collect()
}

/// The metrics and params of runs below these, in whose place they are shown.
pub fn below(table: &RunTable) -> (BTreeSet<String>, BTreeSet<String>) {
    let below = || table.rows.iter().filter_map(|row| row.below.as_ref());
    let metrics = below().flat_map(|below| below.metrics.keys()).cloned().collect();
    (metrics, below().flat_map(|below| below.params.keys()).cloned().collect())
}

/// Params that are not the same in all of these runs, those of several values before what some runs only lack; those of a
/// search are its own matter.
pub fn differing(table: &RunTable) -> Vec<String> {
    let runs = || table.rows.iter().filter(|row| row.kind != RunKind::Search);
    let of_below = below(table).1.into_iter().filter(|key| !table.param_keys.contains(key));
    let mut differing: Vec<String> = table.param_keys.iter().cloned().chain(of_below).collect();
    differing.retain(|key| {
        let mut values = runs().map(|row| row.param(key).map(|(value, _)| value));
        values.next().is_some_and(|first| values.any(|other| other != first))
    });
    let is_lacked_alone = |key: &String| has_one_value(runs().map(|row| row.param(key).map(|(value, _)| value)));
    // What autolog wrote of one run is no column for the others, while there are params that tell most of them apart.
    let is_common =
        |key: &String| table.rows.iter().filter(|row| row.param(key).is_some()).count() * 2 >= table.rows.len();
    if differing.iter().any(|key| is_common(key) && !is_lacked_alone(key)) {
        differing.retain(is_common);
    }
    differing.sort_by_cached_key(|key| (is_lacked_alone(key), order_of_param(key)));
    differing
}

/// The params that are not the same in all of some compared runs, those of several values before what some only lack.
pub fn differing_among(runs: &[&BTreeMap<String, String>]) -> Vec<String> {
    let keys: BTreeSet<&String> = runs.iter().flat_map(|params| params.keys()).collect();
    let differs = |key: &&String| {
        let mut values = runs.iter().map(|params| params.get(*key));
        values.next().is_some_and(|first| values.any(|other| other != first))
    };
    let mut differing: Vec<String> = keys.into_iter().filter(differs).cloned().collect();
    let is_lacked_alone = |key: &String| has_one_value(runs.iter().map(|params| params.get(key).map(String::as_str)));
    differing.sort_by_cached_key(|key| (is_lacked_alone(key), order_of_param(key)));
    differing
}

/// Whether all runs that have a param agree on it.
fn has_one_value<'run>(values: impl Iterator<Item = Option<&'run str>>) -> bool {
    let mut values = values.flatten();
    values.next().is_none_or(|first| values.all(|other| other == first))
}

#[cfg(test)]
mod tests {
    use api::{
        RunId,
        run::{MetricCell, RunRow, RunState},
    };

    use super::*;

    fn row(number: u8, metrics: &[&str], params: &[(&str, &str)]) -> RunRow {
        let metric = |key: &&str| ((*key).to_owned(), MetricCell { last: 1.0, spark: Vec::new() });
        let param = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let id = RunId::from_bytes([number; 16]);
        RunRow {
            params: params.iter().map(param).collect(),
            metrics: metrics.iter().map(metric).collect(),
            ..RunRow::bare(id, format!("r{number}"), RunKind::Client, RunState::Finished)
        }
    }

    #[test]
    fn of_scripts_of_several_kinds_what_tells_most_stands_first() {
        let forest = |number, depth| {
            let params = [("bootstrap", "True"), ("depth", depth)];
            row(number, &["forest_score", "training_score"], &params)
        };
        let sweep = |number, lr| row(number, &["val/loss"], &[("lr", lr), ("model", "mlp")]);
        let rows = vec![
            row(1, &["final_score", "training_score"], &[("C", "1.0")]),
            forest(2, "1"),
            forest(3, "2"),
            sweep(4, "0.1"),
            sweep(5, "0.5"),
            row(6, &[], &[]),
            row(7, &[], &[]),
        ];
        let table = RunTable {
            total: 7,
            rows,
            metric_keys: own(&["final_score", "forest_score", "training_score", "val/loss"]),
            param_keys: own(&["C", "bootstrap", "depth", "lr", "model"]),
            tag_keys: Vec::new(),
            ranked_by: None,
            best_split: None,
            notes: Vec::new(),
        };
        let (rare, differing, none) = (rare(&table), differing(&table), BTreeSet::new());
        assert_eq!(rare, ["training_score", "forest_score", "val/loss", "final_score"]);
        assert_eq!(differing, ["lr", "depth", "C", "bootstrap", "model"]);
        let keys = Keys {
            metrics: &table.metric_keys,
            rare: &rare,
            params: &table.param_keys,
            tags: &[],
            below_metrics: &none,
            below_params: &none,
            differing: &differing,
            ranked_by: None,
        };
        let known = keys.known();
        let metrics = ["metric.val/loss", "metric.training_score", "metric.forest_score", "metric.final_score"];
        assert_eq!(known[..4], metrics, "held out first, and of the others what more runs have");
        assert_eq!(known[4..], ["param.lr", "param.depth", "param.C", "param.bootstrap", "param.model"]);
    }

    #[test]
    fn what_some_runs_only_lack_stands_behind_what_has_several_values() {
        let table = |rows: Vec<RunRow>, params: &[&str]| RunTable {
            total: rows.len() as u64,
            rows,
            metric_keys: Vec::new(),
            param_keys: own(params),
            tag_keys: Vec::new(),
            ranked_by: None,
            best_split: None,
            notes: Vec::new(),
        };
        let of = |params: &[(&str, &str)]| row(1, &[], params);
        let rows = vec![
            of(&[("epochs", "5"), ("dropout", "0.1")]),
            of(&[("epochs", "5"), ("dropout", "0.2")]),
            of(&[("dropout", "0.1")]),
        ];
        let few = table(rows, &["dropout", "epochs"]);
        assert_eq!(differing(&few), ["dropout", "epochs"], "however soon it is looked at by its name");
        let (differing_of_few, none) = (differing(&few), BTreeSet::new());
        let keys = Keys {
            metrics: &[],
            rare: &[],
            params: &few.param_keys,
            tags: &[],
            below_metrics: &none,
            below_params: &none,
            differing: &differing_of_few,
            ranked_by: None,
        };
        assert_eq!(keys.known(), ["param.dropout", "param.epochs"]);
        assert_eq!(keys.first_param().as_deref(), Some("param.dropout"));
        // What most have and agree on does not put away what fewer have, and differ in.
        let rows = vec![
            of(&[("bootstrap", "True")]),
            of(&[("bootstrap", "True")]),
            of(&[("bootstrap", "True"), ("depth", "1")]),
            of(&[("depth", "2")]),
            of(&[]),
        ];
        assert_eq!(differing(&table(rows, &["bootstrap", "depth"])), ["depth", "bootstrap"]);
    }

    fn own(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    #[test]
    fn the_first_axes_are_the_params_that_differ_and_the_metric_that_ranks() {
        let (metrics, params) =
            (own(&["loss/train", "pr_auc/validation"]), own(&["device", "l2", "max_depth", "seed"]));
        let (differing, none) = (own(&["max_depth", "l2"]), BTreeSet::new());
        let keys = Keys {
            metrics: &metrics,
            rare: &[],
            params: &params,
            tags: &[],
            below_metrics: &none,
            below_params: &none,
            differing: &differing,
            ranked_by: Some("pr_auc/validation"),
        };
        assert_eq!(keys.first_axes(), ["param.max_depth", "param.l2", "metric.pr_auc/validation"]);
        assert_eq!(keys.first_param().as_deref(), Some("param.max_depth"));
        let unranked = Keys { ranked_by: None, differing: &[], ..keys };
        assert_eq!(unranked.first_axes(), ["metric.pr_auc/validation"], "of data that were held out");
        assert_eq!(unranked.first_param().as_deref(), Some("param.max_depth"), "the first that there is");
        let many: Vec<String> = (0..20).map(|at| format!("p{at:02}")).collect();
        let wide = Keys { params: &many, differing: &many, ..keys };
        assert_eq!(wide.first_axes().len(), AXES);
    }

    #[test]
    fn what_compared_runs_do_not_share_differs() {
        let params = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let (one, other) = (params(&[("lr", "0.1"), ("model", "mlp")]), params(&[("model", "mlp"), ("l2", "1")]));
        assert_eq!(differing_among(&[&one, &other]), ["lr", "l2"]);
        let third = params(&[("lr", "0.1"), ("model", "tree")]);
        assert_eq!(differing_among(&[&one, &other, &third]), ["model", "lr", "l2"], "what some only lack comes last");
        assert!(differing_among(&[&one]).is_empty());
    }
}
