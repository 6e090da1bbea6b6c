//! The columns of metrics: which of their values is the better, which has a bar, and which a curve.

use std::collections::BTreeMap;

use api::run::RunRow;
use charts::{plot::Size, role::Role, spark};
use leptos::prelude::*;

use super::{
    super::{
        Facts,
        delta::{direction, direction_of},
    },
    METRIC,
    nesting::{mark, of_below},
};
use crate::parts::{chart::spark as small, table::Column, words};

/// Something that is so or not of metrics, by their keys.
pub(in crate::pages::runs) type ByMetric = BTreeMap<String, bool>;

/// What a person says of metrics, where nobody said it their names do.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::pages::runs) struct Told {
    /// Whether more of it is better.
    pub(in crate::pages::runs) better: ByMetric,
    /// Whether its curve stands beside it.
    pub(in crate::pages::runs) curves: ByMetric,
}

impl Told {
    /// Whether more of a metric is better: as a person says, else as the ranking does, else as far as its name says so.
    pub(in crate::pages::runs) fn is_more_better(&self, facts: &Facts, key: &str) -> Option<bool> {
        direction_of(&self.better, key, facts.ranked_by.as_ref())
    }

    /// The metric by which runs are looked at, and whether more of it is better: the one that ranks them, else the first
    /// that is shown of which it is known what is good.
    pub(in crate::pages::runs) fn lead(&self, facts: &Facts, names: &[String]) -> Option<(String, bool)> {
        let ranked = facts.ranked_by.as_ref().map(|(key, _)| key.as_str());
        let mut shown = names.iter().filter_map(|name| name.strip_prefix(METRIC));
        let first = || shown.find(|key| self.is_more_better(facts, key).is_some());
        let key = ranked.or_else(first)?;
        Some((key.to_owned(), self.is_more_better(facts, key)?))
    }

    /// Whether a metric's curve stands beside it: that of the one that leads, until a person says otherwise.
    pub(in crate::pages::runs) fn has_curve(&self, lead: Option<&(String, bool)>, key: &str) -> bool {
        self.curves.get(key).copied().unwrap_or_else(|| lead.is_some_and(|(own, _)| own == key))
    }
}

/// How long the bar of a figure is, in per cent: a share of which more is better is drawn as it is, another by how good it is
/// among all.
fn bar(value: f64, more: bool, range: Option<(f64, f64)>) -> Option<f64> {
    let is_share = range.is_none_or(|(min, max)| min >= 0.0 && max <= 1.0);
    if more && is_share {
        return (0.0..=1.0).contains(&value).then_some(value * 100.0);
    }
    let (min, max) = range.filter(|(min, max)| min < max)?;
    value.is_finite().then(|| goodness(value, min, max, more) * 100.0)
}

/// What is said of a value beyond an end of a scale, whose colour it has, or of one that is not finite, which has none.
fn beyond(value: f64, scale: Option<(f64, f64)>) -> Option<String> {
    let (min, max) = scale.filter(|(min, max)| !(*min..=*max).contains(&value))?;
    let range = format!("{} to {}", words::figure(min), words::figure(max));
    Some(match value.is_finite() {
        true => format!("Far from the others: the scale goes from {range}"),
        false => format!("Not a finite number: the scale of the others goes from {range}"),
    })
}

/// A metric's figure, and its curve where that is shown.
pub(super) fn metric_columns(
    facts: &Facts,
    key: &str,
    range: Option<(f64, f64)>,
    is_shaded: bool,
    (told, lead): (&Told, Option<&(String, bool)>),
) -> Vec<Column<RunRow>> {
    let title = title_of(facts, key);
    // One run that ended at infinity leaves no measure for the others: beside it each would be the best.
    let range = range.filter(|(min, max)| (max - min).is_finite());
    let is_ranked = facts.ranked_by.as_ref().is_some_and(|(ranked, _)| ranked == key);
    let leads = lead.filter(|(lead, _)| lead == key).map(|(_, more)| *more);
    // The table begins in the order of what ranks: its arrow stands beside its title.
    let arrow = if is_ranked { 8.0 } else { 0.0 };
    let width = (title.chars().count() as f64 * 6.0 + 34.0 + arrow).clamp(82.0 + arrow, 170.0 + arrow);
    let cell_key = key.to_owned();
    // A thin bar lets rows be compared.
    let bar_of = move |value: f64| leads.and_then(|more| bar(value, more, range));
    let is_strong = leads.is_some();
    let more = told.is_more_better(facts, key);
    // The scale of the colours, or of the bar; of a figure of which nobody knows what is good there is none.
    let scale = range.filter(|(min, max)| (is_shaded || leads.is_some()) && min < max).filter(|_| more.is_some());
    let said = move |row: &RunRow, value: f64, is_below: bool| {
        let all = [of_below(row, is_below), beyond(value, scale)];
        let all: Vec<String> = all.into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join(". "))
    };
    let mut column = Column::new(title.clone(), width, move |row: &RunRow| {
        row.figure(&cell_key).map_or_else(
            || view! { <span class="faint">"–"</span> }.into_any(),
            |(cell, is_below)| {
                view! {
                    <span class="ranked" class:bad=!cell.last.is_finite() class:strong=is_strong title=said(row, cell.last, is_below)>
                        {words::figure(cell.last)}{mark(is_below)}
                        {bar_of(cell.last).map(|width| view! { <i style:width=format!("{width:.1}%")></i> })}
                    </span>
                }
                .into_any()
            },
        )
    })
    .number()
    .sorted_by(api::run_table::named("metric", key))
    .rising(more == Some(false));
    // The bar of the one that leads tells its rank already, and of a figure of which nobody knows what is good none is best.
    if let Some((min, max)) = range.filter(|(min, max)| is_shaded && min < max && leads.is_none())
        && let Some(more) = more
    {
        let key = key.to_owned();
        column = column.shaded(move |row: &RunRow| Some(goodness(row.metrics.get(&key)?.last, min, max, more)));
    }
    let mut columns = vec![column];
    if told.has_curve(lead, key) {
        columns.push(curve_column(key, if leads.is_some() { "Curve".to_owned() } else { format!("Curve of {title}") }));
    }
    columns
}

fn curve_column(key: &str, title: String) -> Column<RunRow> {
    let key = key.to_owned();
    Column::new(title, 94.0, move |row: &RunRow| {
        row.figure(&key).filter(|(cell, _)| cell.spark.len() > 1).map(|(cell, _)| {
            let values: Vec<f64> = cell.spark.iter().map(|value| f64::from(*value)).collect();
            small(spark::draw(&values, Role::Series(3), Size { width: 72.0, height: 18.0 }))
        })
    })
}

/// What a metric's column is called: without its part of the data where no other column is called so.
pub(super) fn title_of(facts: &Facts, key: &str) -> String {
    let title = words::key(key);
    let Some(short) = title.strip_suffix(", validation") else { return title };
    let mut others = facts.metric_keys.iter().chain(&facts.below_metrics);
    if others.any(|other| words::key(other) == short) { title } else { short.to_owned() }
}

/// Whether less of a figure is better: by what ranks, else as far as its name says so.
pub(in crate::pages::runs) fn less_is_better(ranked_by: Option<&(String, bool)>, key: &str) -> bool {
    direction(key, ranked_by) == Some(false)
}

/// How good a figure is among the others, from 0 to 1; one that is no number is not coloured.
pub(super) fn goodness(value: f64, min: f64, max: f64, more: bool) -> f64 {
    let along = ((value - min) / (max - min)).clamp(0.0, 1.0);
    match along {
        _ if !value.is_finite() => 0.0,
        along if more => along,
        along => 1.0 - along,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|key| format!("{METRIC}{key}")).collect()
    }

    #[test]
    fn without_a_ranking_the_first_metric_leads_of_which_is_known_what_is_good() {
        let facts = Facts::default();
        let shown = names(&["grad_norm", "val_loss", "accuracy"]);
        let mut told = Told::default();
        let lead = |told: &Told| told.lead(&facts, &shown);
        assert_eq!(lead(&told), Some(("val_loss".to_owned(), false)));
        // A person says it of a name that says nothing, and otherwise than a name does.
        told.better = [("grad_norm".to_owned(), true)].into();
        assert_eq!(lead(&told), Some(("grad_norm".to_owned(), true)));
        told.better = [("val_loss".to_owned(), true)].into();
        assert_eq!(lead(&told), Some(("val_loss".to_owned(), true)));
        assert_eq!(Told::default().lead(&facts, &names(&["grad_norm"])), None);
        // What ranks leads also where it is not shown.
        let ranked = Facts { ranked_by: Some(("f1".to_owned(), true)), ..Facts::default() };
        assert_eq!(Told::default().lead(&ranked, &shown), Some(("f1".to_owned(), true)));
    }

    #[test]
    fn each_metric_may_have_its_curve() {
        let facts = Facts::default();
        let lead = Some(("val_loss".to_owned(), false));
        let heads = |told: &Told, key: &str| -> Vec<String> {
            let columns = metric_columns(&facts, key, None, true, (told, lead.as_ref()));
            columns.into_iter().map(|column| column.title).collect()
        };
        let plain = Told::default();
        assert_eq!((heads(&plain, "val_loss").len(), heads(&plain, "grad_norm").len()), (2, 1));
        let curves = [("grad_norm".to_owned(), true), ("val_loss".to_owned(), false)].into();
        let told = Told { curves, ..Told::default() };
        assert_eq!(heads(&told, "grad_norm"), ["grad_norm", "Curve of grad_norm"]);
        assert_eq!(heads(&told, "val_loss").len(), 1);
    }

    #[test]
    fn what_lies_beyond_the_scale_says_so() {
        let scale = Some((0.1, 0.7));
        assert_eq!([beyond(0.1, scale), beyond(0.7, scale), beyond(1e9, None)], [None, None, None]);
        let far = format!("Far from the others: the scale goes from {} to {}", words::figure(0.1), words::figure(0.7));
        assert_eq!(beyond(1e9, scale), Some(far));
        let infinite = beyond(f64::INFINITY, scale).unwrap();
        assert!(infinite.starts_with("Not a finite number") && beyond(f64::NAN, scale).is_some(), "{infinite}");
        // Beside an outlier the others keep their colours, and it has that of its end.
        let shades = [0.1, 0.4, 0.7, 1e9].map(|value| goodness(value, 0.1, 0.7, true));
        assert_eq!((shades[0], (shades[1] * 10.0).round(), shades[2], shades[3]), (0.0, 5.0, 1.0, 1.0));
    }

    #[test]
    fn a_bar_is_a_share_or_how_good_a_figure_is_among_all() {
        assert_eq!(bar(0.25, true, Some((0.0, 0.5))), Some(25.0));
        assert_eq!(bar(1.5, true, None), None);
        assert_eq!(bar(2.0, false, Some((2.0, 4.0))), Some(100.0));
        assert_eq!(bar(300.0, true, Some((100.0, 500.0))), Some(50.0));
        assert_eq!([bar(f64::NAN, false, Some((0.0, 1.0))), bar(3.0, false, Some((3.0, 3.0)))], [None, None]);
    }
}
