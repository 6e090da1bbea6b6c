//! What is said of a figure that is of the model that a training kept, and not of what was logged last: the same on a run's
//! page and where runs are compared.

use api::{run::MetricSummary, series::KeptFigure};

use super::words;

/// What is known of a last value that is the kept model's, where another stands at the end of its curve.
pub(crate) fn of(metric: &MetricSummary) -> Option<KeptFigure> {
    metric.kept.filter(|kept| words::figure(kept.logged) != words::figure(metric.last))
}

/// Why the last value is not the one that its curve ends with.
pub(crate) fn explained(metric: &MetricSummary) -> Option<String> {
    let KeptFigure { step, logged } = of(metric)?;
    let at = step.map(|step| format!(", of step {}", words::step(step as f64))).unwrap_or_default();
    Some(format!(
        "{} is the figure of the model that was kept{at}: the one with the lowest validation loss. Logged last, at step {}, \
         was {}.",
        words::figure(metric.last),
        words::step(metric.step as f64),
        words::figure(logged),
    ))
}

/// The step of the last value; of a kept model's it says so.
pub(crate) fn step(metric: &MetricSummary) -> String {
    let step = |step: i64| words::step(step as f64);
    match of(metric) {
        Some(KeptFigure { step: Some(kept), .. }) => format!("kept model, {}", step(kept)),
        Some(KeptFigure { step: None, .. }) => "kept model".to_owned(),
        // What a report found has no step.
        None if metric.count == 0 => "–".to_owned(),
        None => step(metric.step),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_models_figure_says_that_the_curve_ends_elsewhere() {
        let metric = |kept| MetricSummary {
            key: "roc_auc/validation".to_owned(),
            count: 60,
            step: 60,
            last: 0.912,
            min: 0.5,
            max: 0.93,
            time_ms: 0,
            kept,
        };
        let other = metric(Some(KeptFigure { step: Some(40), logged: 0.887 }));
        assert_eq!(step(&other), "kept model, 40");
        let said = explained(&other).unwrap();
        assert!(said.starts_with("0.9120 is the figure of the model that was kept, of step 40:"), "{said}");
        assert!(said.ends_with("Logged last, at step 60, was 0.8870."), "{said}");
        assert_eq!(step(&metric(Some(KeptFigure { step: None, logged: 0.887 }))), "kept model");
        for same in [None, Some(KeptFigure { step: Some(60), logged: 0.912_000_01 })] {
            assert_eq!((step(&metric(same)), explained(&metric(same))), ("60".to_owned(), None));
        }
    }
}
