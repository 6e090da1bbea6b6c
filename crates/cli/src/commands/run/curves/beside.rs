//! What the means of groups, and other curves, are drawn beside: a baseline run.

use api::run::Run;
use charts::{line::Line, role::Role};
use serde_json::Value;

use super::{Curve, Plot, curves, over_json};
use crate::{
    context::{Context, Outcome},
    words,
};

/// How far each run ends from the baseline.
pub(super) fn ends(curves: &[Curve]) -> Vec<String> {
    let end = |curve: &Curve| curve.series.last.last().copied().filter(|value| value.is_finite());
    let Some(baseline) = curves.iter().find(|curve| curve.is_baseline) else { return Vec::new() };
    let Some(of) = end(baseline) else { return vec![format!("the baseline {} ends with no number", baseline.name)] };
    let others = curves.iter().filter(|curve| !curve.is_baseline);
    let line = |curve: &Curve| Some(away((curve.name.as_str(), end(curve)?), (baseline.name.as_str(), of)));
    others.filter_map(line).collect()
}

/// How far a line ends from the baseline's end.
pub(in crate::commands::run) fn away((name, end): (&str, f64), (baseline, of): (&str, f64)) -> String {
    let by = end - of;
    let sign = if by > 0.0 { "+" } else { "" };
    let share = by / of.abs() * 100.0;
    let share = if share.is_finite() { format!(" ({sign}{share:.1} %)") } else { String::new() };
    format!("{name}: {sign}{}{share} from {baseline}", words::figure(by))
}

/// A series of the run that the means of groups are drawn beside: its line, and what programs are told of it. `None` where
/// it has none, or none along the axis.
pub(in crate::commands::run) async fn curve(
    context: &Context,
    asked: &Plot,
    baseline: &Run,
    key: &str,
) -> Outcome<Option<(Line, Value)>> {
    let is_measured = |key: &str| baseline.metrics.iter().any(|metric| metric.key == key && metric.count > 0);
    if asked.x_metric.as_deref().is_some_and(|over| !is_measured(over)) {
        return Ok(None);
    }
    let curve = curves(context, asked, std::slice::from_ref(baseline), Some(baseline.id), key).await?.pop();
    Ok(curve.map(|curve| {
        let told = match &asked.x_metric {
            Some(over) => over_json(&curve, over),
            None => curve.to_json(),
        };
        let line = Line::of_series(curve.name.clone(), Role::Text, curve.x(asked), &curve.series);
        (line.over_groups(), told)
    }))
}
