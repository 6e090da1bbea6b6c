//! What a validation part says of a model while it is trained.

use api::evaluation::{Figure, Task};
use data::metrics::{binary::evaluate_binary, multiclass::evaluate_multiclass, regression::evaluate_regression};
use infer::forward::Scores;

/// Figures that are worth a curve, by task; the log loss is shown as `loss/validation`.
const SHOWN: [&str; 6] = ["average_precision", "roc_auc", "accuracy", "balanced_accuracy", "rmse", "r2"];

/// One validation of a model.
#[derive(Debug, Clone)]
pub struct Measured {
    /// What early stopping makes small: log loss, or the squared error in units of the target's
    /// variance.
    pub loss: f64,
    /// By series key: "average_precision/validation".
    pub curves: Vec<(String, f64)>,
}

/// Measures scores against targets. A score that is not finite makes the loss NaN.
pub fn measure(scores: &Scores, targets: &[f64], task: Task, target_std: f64) -> Measured {
    if scores.values.iter().any(|value| !value.is_finite()) {
        return Measured { loss: f64::NAN, curves: Vec::new() };
    }
    let figures = match task {
        Task::BinaryClassification => evaluate_binary(&classes(targets), &scores.values, 0.5),
        Task::MulticlassClassification => evaluate_multiclass(&classes(targets), &scores.values, scores.width),
        Task::Regression => evaluate_regression(targets, &scores.values),
    };
    let find = |name: &str| figures.iter().find(|figure| figure.name == name).map(|figure| figure.value);
    let loss = match task {
        Task::Regression => find("rmse").map(|rmse| (rmse / target_std).powi(2)),
        _ => find("log_loss"),
    };
    Measured { loss: loss.unwrap_or(f64::NAN), curves: curves(task, &figures) }
}

/// Class indices as the metrics take them.
pub fn classes(targets: &[f64]) -> Vec<u32> {
    targets.iter().map(|target| *target as u32).collect()
}

fn curves(task: Task, figures: &[Figure]) -> Vec<(String, f64)> {
    let shown = figures.iter().filter(|figure| SHOWN.contains(&figure.name.as_str()) && figure.value.is_finite());
    // Two classes: accuracy says nothing of a rare one.
    let shown = shown.filter(|figure| task != Task::BinaryClassification || !figure.name.ends_with("accuracy"));
    shown.map(|figure| (format!("{}/validation", figure.name), figure.value)).collect()
}
