//! What the metrics of the run table come to over all runs that match.

use std::collections::BTreeMap;

use api::run_table::{GroupFigure, GroupRuns, Listing};
use leptos::prelude::*;

use super::{
    Facts,
    columns::{METRIC, Names},
};
use crate::{
    client::{pace, query::paced},
    parts::words,
};

/// Of each metric that is shown, and of the one that ranks.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Figures {
    pub(super) of: BTreeMap<String, GroupFigure>,
    /// Runs that match and are in none of them, for they were validated on other rows.
    pub(super) other_rows: u64,
}

/// What the metrics come to over all runs that match and can be compared, whether their rows were fetched or not: what the colour of a cell
/// is measured by, and what stands at the table's foot.
pub(super) fn figures(list: Signal<Option<Listing>>, names: Memo<Names>, facts: RwSignal<Facts>) -> Memo<Figures> {
    let metrics = Memo::new(move |_| {
        let keys = |name: &String| name.strip_prefix(METRIC).map(str::to_owned);
        let mut metrics = names.with(|names| names.iter().filter_map(keys).collect::<Names>());
        let ranked_by = facts.with(|facts| facts.ranked_by.as_ref().map(|(key, _)| key.clone()));
        metrics.extend(ranked_by.filter(|key| !metrics.contains(key)));
        metrics
    });
    // The same in any order.
    let list = Memo::new(move |_| list.get().map(|list| Listing { sort: None, descending: false, ..list }));
    let validated_on = Memo::new(move |_| facts.with(|facts| facts.best_split));
    let asked = move || {
        let (metrics, validated_on) = (metrics.get(), validated_on.get());
        let list = list.get().filter(|_| !metrics.is_empty())?;
        Some(GroupRuns { list, by: Vec::new(), metrics, validated_on, offset: 0, limit: Some(1) })
    };
    let answer = paced(asked, pace::LIST_MS);
    let known = Memo::new(move |before: Option<&Known>| {
        let list = list.get();
        let has_answer = answer.value.with(Option::is_some);
        if let Some(before) = before.filter(|before| !has_answer && before.is_still_of(list.as_ref())) {
            return before.clone();
        }
        let figures = answer
            .value
            .with(|answer| answer.as_ref().and_then(|answer| answer.groups.first()).map(|group| group.figures.clone()));
        let figures = figures.unwrap_or_default();
        let of = metrics.with(|metrics| {
            let known = metrics.iter().zip(figures);
            known.filter_map(|(key, figure)| figure.map(|figure| (key.clone(), figure))).collect()
        });
        let other_rows = answer.value.with(|answer| answer.as_ref().map_or(0, |answer| answer.other_rows));
        Known { list, figures: Figures { of, other_rows } }
    });
    Memo::new(move |_| known.with(|known| known.figures.clone()))
}

/// Figures, and the list that they are of.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    list: Option<Listing>,
    figures: Figures,
}

impl Known {
    /// While something lies over the table no list is asked for, and right after that no answer has come: what the table
    /// showed stays, so that its columns are not built anew twice.
    fn is_still_of(&self, list: Option<&Listing>) -> bool {
        list.is_none_or(|list| self.list.as_ref() == Some(list))
    }
}

/// What is said of the runs that figures leave out, behind how many they are of; nothing where there are none.
pub(super) fn other_rows(count: u64) -> Option<String> {
    match count {
        0 => None,
        1 => Some("; 1 is validated on other rows".to_owned()),
        more => Some(format!("; {} are validated on other rows", words::count(more))),
    }
}

#[cfg(test)]
mod tests {
    use api::tracking::Scope;

    use super::*;

    #[test]
    fn what_lies_over_the_table_leaves_its_figures() {
        let list = |filter: &str| Listing {
            of: Scope::All,
            deleted: false,
            filter: filter.to_owned(),
            sort: None,
            descending: false,
        };
        let known = Known { list: Some(list("a")), figures: Figures::default() };
        assert!(known.is_still_of(None), "while it is covered");
        assert!(known.is_still_of(Some(&list("a"))), "and before the answer after that");
        assert!(!known.is_still_of(Some(&list("b"))));
    }
}
