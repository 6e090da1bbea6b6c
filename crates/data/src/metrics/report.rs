//! The whole report of a run, from predictions on validation and test.

use api::{
    config::EvaluationConfig,
    evaluation::{Evaluation, Figure, PartRows, Task},
};

use super::{
    Metric, MetricsError, Predictions,
    baseline::Baseline,
    binary,
    calibration::{Bins, calibration},
    curve, decision, multiclass, regression, threshold,
};

/// Bins of a calibration curve.
const CALIBRATION_BINS: usize = 10;
/// Below this share positives count as rare: ranked by average precision, calibrated where they are called.
const RARE: f64 = 0.1;
/// Classes are balanced while the rarest has at least this part of an equal share.
const BALANCED: f64 = 0.5;
/// Points of all curves of one kind together; beyond ten classes each gets fewer.
const POINTS_OF_ALL_CURVES: usize = 5000;
/// Fewer rows of a class than this make its figures rough.
const FEW: u64 = 30;

/// What is being evaluated, beside the predictions.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// Class names in the model's order, the positive one second; empty for a regression.
    pub classes: &'a [String],
    /// Of the target, where it has one ("€").
    pub unit: Option<&'a str>,
    pub config: &'a EvaluationConfig,
    /// Fitted on the training part.
    pub baseline: &'a Baseline,
    /// Whether rare ones of more than two classes may be preferred.
    pub balance: bool,
    pub rows: PartRows,
    pub seed: u64,
    /// Sentences that come before the report's own.
    pub remarks: Vec<String>,
}

/// Measures both parts. What is chosen (the threshold, the factors of classes) is chosen on `validation`; `test` is only
/// measured, with intervals and beside the baseline.
pub fn assemble(
    subject: Subject<'_>,
    validation: Predictions<'_>,
    test: Predictions<'_>,
) -> Result<Evaluation, MetricsError> {
    validation.check("validation")?;
    test.check("test")?;
    let classes = match test {
        Predictions::Binary { .. } => 2,
        Predictions::Multiclass { classes, .. } => classes,
        Predictions::Regression { .. } => 0,
    };
    if subject.classes.len() != classes {
        return Err(MetricsError::ClassNames { names: subject.classes.len(), classes });
    }
    let primary = primary(&validation, subject.config.metric.as_deref())?;
    match (validation, test) {
        (
            Predictions::Binary { actual: validation, probability },
            Predictions::Binary { actual: test, probability: test_probability },
        ) => Ok(of_binary(subject, primary, (validation, probability), (test, test_probability))),
        (
            Predictions::Multiclass { actual: validation, probability, classes },
            Predictions::Multiclass { actual: test, probability: test_probability, classes: test_classes },
        ) if classes == test_classes => {
            Ok(of_multiclass(subject, primary, (validation, probability), (test, test_probability)))
        }
        (
            Predictions::Regression { actual: validation, predicted },
            Predictions::Regression { actual: test, predicted: test_predicted },
        ) => {
            let validation = regression::Scored::new(validation, predicted).figures();
            Ok(of_regression(subject, primary, validation, (test, test_predicted)))
        }
        _ => Err(MetricsError::TasksDiffer),
    }
}

/// The metric that ranks runs: the one asked for, else the task's own. Binary: average precision
/// where positives are rarer than 10 %, else ROC AUC. Multiclass: accuracy where classes are
/// balanced, else balanced accuracy. Regression: RMSE.
pub fn primary(validation: &Predictions<'_>, asked: Option<&str>) -> Result<Metric, MetricsError> {
    let (metrics, own): (&[Metric], &str) = match validation {
        Predictions::Binary { actual, .. } => {
            let share = actual.iter().filter(|class| **class == 1).count() as f64 / actual.len() as f64;
            (&binary::METRICS, if share < RARE { "average_precision" } else { "roc_auc" })
        }
        Predictions::Multiclass { actual, classes, .. } => {
            let mut counts = vec![0_usize; *classes];
            actual.iter().for_each(|class| counts[*class as usize] += 1);
            let rarest = counts.into_iter().min().unwrap_or(0) as f64 / actual.len() as f64;
            let balanced = rarest * *classes as f64 >= BALANCED;
            (&multiclass::METRICS, if balanced { "accuracy" } else { "balanced_accuracy" })
        }
        Predictions::Regression { .. } => (&regression::METRICS, "rmse"),
    };
    let name = asked.unwrap_or(own);
    metrics.iter().find(|metric| metric.name == name).copied().ok_or_else(|| MetricsError::UnknownMetric {
        name: name.to_owned(),
        known: metrics.iter().map(|metric| metric.name).collect(),
    })
}

fn of_binary(
    subject: Subject<'_>,
    primary: Metric,
    (validation, validation_probability): (&[u32], &[f64]),
    (test, probability): (&[u32], &[f64]),
) -> Evaluation {
    let chosen_on = binary::Scored::new(validation, validation_probability);
    let threshold = threshold::choose(&chosen_on.ranking, subject.config);
    let scored = binary::Scored::new(test, probability);
    let tally = scored.tally(threshold.value);
    let resamples = super::bootstrap::affordable(subject.config.bootstrap, test.len(), 2);
    let baseline = subject.baseline.binary(test);
    let figures = Figures {
        metrics: &binary::METRICS,
        values: &scored.figures(threshold.value),
        intervals: &scored.intervals(threshold.value, resamples, subject.seed),
        baseline: baseline.as_ref().map(|values| values.as_slice()),
    };
    let (test_figures, validation_figures) = (
        figures.list(None, &primary),
        plain_list(&binary::METRICS, &chosen_on.figures(threshold.value), None, &primary),
    );
    let name = subject.classes.get(1).map_or("1", String::as_str);
    let is_rare = share(test, 1) < RARE;
    let bins = if is_rare { Bins::halving(test.len(), FEW) } else { Bins::Uniform(CALIBRATION_BINS) };
    let mut evaluation = frame(subject.clone(), Task::BinaryClassification, primary, test_figures, validation_figures);
    evaluation.roc = vec![curve::roc(name, &scored.ranking, curve::MOST_POINTS)];
    evaluation.precision_recall = vec![curve::precision_recall(name, &scored.ranking, curve::MOST_POINTS)];
    evaluation.calibration = vec![calibration(name, |row| test[row] == 1, probability, &bins)];
    evaluation.confusion = Some(tally.matrix());
    evaluation.per_class = tally.per_class(subject.classes);
    evaluation.threshold = Some(threshold);
    remark_on_classes(&mut evaluation);
    evaluation
}

fn of_multiclass(
    subject: Subject<'_>,
    primary: Metric,
    (validation, validation_probability): (&[u32], &[f64]),
    (test, probability): (&[u32], &[f64]),
) -> Evaluation {
    let classes = subject.classes.len();
    let chosen_on = multiclass::Scored::new(validation, validation_probability, classes);
    let decision = match subject.baseline {
        Baseline::Prior(shares) if subject.balance => decision::choose(&chosen_on, shares),
        _ => None,
    };
    let factors = decision.as_ref().map_or(&[][..], |decision| &decision.factors);
    let scored = multiclass::Scored::new(test, probability, classes);
    let tally = scored.tally(factors);
    let baseline = subject.baseline.multiclass(test);
    let figures = Figures {
        metrics: &multiclass::METRICS,
        values: &scored.figures(factors),
        intervals: &scored.intervals(factors, subject.config.bootstrap, subject.seed),
        baseline: baseline.as_ref().map(|values| values.as_slice()),
    };
    let validation = plain_list(&multiclass::METRICS, &chosen_on.figures(factors), None, &primary);
    let mut evaluation =
        frame(subject.clone(), Task::MulticlassClassification, primary, figures.list(None, &primary), validation);
    let most = (POINTS_OF_ALL_CURVES / classes.max(1)).clamp(50, curve::MOST_POINTS);
    for (class, (name, ranking)) in subject.classes.iter().zip(&scored.rankings).enumerate() {
        evaluation.roc.push(curve::roc(name, ranking, most));
        evaluation.precision_recall.push(curve::precision_recall(name, ranking, most));
        let of_class: Vec<f64> = probability.iter().skip(class).step_by(classes).copied().collect();
        evaluation.calibration.push(calibration(
            name,
            |row| test[row] as usize == class,
            &of_class,
            &Bins::Uniform(CALIBRATION_BINS),
        ));
    }
    evaluation.confusion = Some(tally.matrix());
    evaluation.per_class = tally.per_class(subject.classes);
    evaluation.decision = decision;
    remark_on_classes(&mut evaluation);
    evaluation
}

fn of_regression(
    subject: Subject<'_>,
    primary: Metric,
    validation: [f64; regression::METRICS.len()],
    (test, predicted): (&[f64], &[f64]),
) -> Evaluation {
    let scored = regression::Scored::new(test, predicted);
    let resamples = super::bootstrap::affordable(subject.config.bootstrap, test.len(), 2);
    let baseline = subject.baseline.regression(test);
    let figures = Figures {
        metrics: &regression::METRICS,
        values: &scored.figures(),
        intervals: &scored.intervals(resamples, subject.seed),
        baseline: baseline.as_ref().map(|values| values.as_slice()),
    };
    let (unit, seed) = (subject.unit, subject.seed);
    let validation = plain_list(&regression::METRICS, &validation, unit, &primary);
    let mut evaluation = frame(subject, Task::Regression, primary, figures.list(unit, &primary), validation);
    evaluation.residuals = Some(regression::residuals(test, predicted, seed));
    evaluation
}

fn frame(subject: Subject<'_>, task: Task, primary: Metric, test: Vec<Figure>, validation: Vec<Figure>) -> Evaluation {
    Evaluation {
        task,
        classes: subject.classes.to_vec(),
        rows: subject.rows,
        test,
        validation,
        primary: primary.name.to_owned(),
        more_is_better: primary.more_is_better,
        threshold: None,
        decision: None,
        confusion: None,
        per_class: Vec::new(),
        roc: Vec::new(),
        precision_recall: Vec::new(),
        calibration: Vec::new(),
        residuals: None,
        remarks: subject.remarks,
    }
}

/// Says which figures can't mean much, and why.
fn remark_on_classes(evaluation: &mut Evaluation) {
    let rare: Vec<String> = evaluation
        .per_class
        .iter()
        .filter(|class| class.support < FEW)
        .map(|class| format!("{} ({})", class.class, class.support))
        .collect();
    if !rare.is_empty() {
        evaluation.remarks.push(format!(
            "Fewer than {FEW} test rows of {}: figures of these classes are rough, and undefined where there is none.",
            rare.join(", ")
        ));
    }
}

fn share(actual: &[u32], class: u32) -> f64 {
    actual.iter().filter(|found| **found == class).count() as f64 / actual.len() as f64
}

/// One part's values with all that stands beside them.
struct Figures<'a> {
    metrics: &'a [Metric],
    values: &'a [f64],
    intervals: &'a [Option<(f64, f64)>],
    baseline: Option<&'a [f64]>,
}

impl Figures<'_> {
    fn list(&self, unit: Option<&str>, primary: &Metric) -> Vec<Figure> {
        let mut figures: Vec<Figure> = self
            .metrics
            .iter()
            .enumerate()
            .map(|(index, metric)| Figure {
                name: metric.name.to_owned(),
                value: self.values[index],
                interval: self.intervals.get(index).copied().flatten(),
                baseline: self.baseline.map(|values| values[index]),
                more_is_better: metric.more_is_better,
                unit: unit.filter(|_| metric.name != "r2").map(str::to_owned),
            })
            .collect();
        // The metric that ranks comes first; the others keep their order.
        figures.sort_by_key(|figure| figure.name != primary.name);
        figures
    }
}

fn plain_list(metrics: &[Metric], values: &[f64], unit: Option<&str>, primary: &Metric) -> Vec<Figure> {
    Figures { metrics, values, intervals: &[], baseline: None }.list(unit, primary)
}

/// Figures in their own order, without intervals or baseline.
pub(super) fn plain_figures(metrics: &[Metric], values: &[f64]) -> Vec<Figure> {
    plain_list(metrics, values, None, &metrics[0])
}
