//! The curves of a classifier's report, as charts of lines: ROC, precision over recall, calibration.

use api::evaluation::{CalibrationCurve, Curve};

use crate::{
    axis::Axis,
    line::{Line, LineChart},
    role::Role,
};

/// At most so many classes have a curve of their own; more can't be told apart.
pub const CLASSES: usize = 8;

/// True positives over false positives, with the diagonal of guessing.
pub fn roc(curves: &[Curve]) -> LineChart {
    let mut lines = vec![Line::reference("guessing", vec![0.0, 1.0], vec![0.0, 1.0])];
    lines.extend(of_classes(curves));
    chart("ROC curve", lines, "false positive rate")
}

/// Precision over recall, with the share of positives as what guessing gets.
pub fn precision_recall(curves: &[Curve], share_of_positives: Option<f64>) -> LineChart {
    let mut lines = Vec::new();
    if let Some(share) = share_of_positives {
        lines.push(Line::reference("guessing", vec![0.0, 1.0], vec![share, share]));
    }
    lines.extend(of_classes(curves));
    chart("Precision over recall", lines, "recall")
}

/// How often what was predicted with some probability came true, with the diagonal of the honest.
pub fn calibration(curves: &[CalibrationCurve]) -> LineChart {
    let mut lines = vec![Line::reference("calibrated", vec![0.0, 1.0], vec![0.0, 1.0])];
    for (index, curve) in curves.iter().take(CLASSES).enumerate() {
        let role = Role::series(index);
        lines.push(Line::new(curve.class.clone(), role, curve.mean_predicted.clone(), curve.fraction_positive.clone()));
    }
    LineChart { has_marks: true, ..chart("Calibration", lines, "predicted") }
}

fn of_classes(curves: &[Curve]) -> impl Iterator<Item = Line> + '_ {
    curves.iter().take(CLASSES).enumerate().map(|(index, curve)| {
        // Recall runs down with the threshold: the axis needs it ascending.
        let mut points: Vec<(f64, f64)> = curve.x.iter().copied().zip(curve.y.iter().copied()).collect();
        if points.first().zip(points.last()).is_some_and(|(first, last)| first.0 > last.0) {
            points.reverse();
        }
        let (x, y) = points.into_iter().unzip();
        Line::new(curve.class.clone(), Role::series(index), x, y)
    })
}

fn chart(name: &str, lines: Vec<Line>, x: &str) -> LineChart {
    LineChart {
        name: name.to_owned(),
        lines,
        x: Axis::unit_interval(x),
        y: Axis::unit_interval(""),
        ..LineChart::default()
    }
}
