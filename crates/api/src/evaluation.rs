//! The report of a run: figures on the test part, touched once, with intervals and curves.

use serde::{Deserialize, Serialize};

use crate::dataset::Histogram;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    BinaryClassification,
    MulticlassClassification,
    Regression,
}

/// Words that mean yes, in lower case.
const YES: [&str; 15] =
    ["yes", "y", "true", "t", "1", "positive", "pos", "ja", "oui", "si", "sí", "sim", "da", "fraud", "malignant"];

/// The positive class of two where nobody names one: of two numbers the larger; else the one that means yes, if only
/// one does; else the later in the alphabet.
pub fn usual_positive<'a>(one: &'a str, other: &'a str) -> &'a str {
    let first = match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(first), Ok(second)) => first > second,
        _ => {
            let means_yes = |value: &str| YES.contains(&value.trim().to_lowercase().as_str());
            match (means_yes(one), means_yes(other)) {
                (true, false) => true,
                (false, true) => false,
                _ => one > other,
            }
        }
    };
    if first { one } else { other }
}

/// Whether two texts name the same class: equal, or equal as numbers ("1" and "1.0").
pub fn is_same_class(one: &str, other: &str) -> bool {
    one == other || one.parse::<f64>().is_ok_and(|number| other.parse() == Ok(number))
}

/// The class of a row of more than two classes: the greatest probability after each is multiplied by its class's
/// factor, the first among equals. Without factors the most probable class.
pub fn class_of(probabilities: &[f64], factors: &[f64]) -> usize {
    let score = |class: usize| probabilities[class] * factors.get(class).copied().unwrap_or(1.0);
    (1..probabilities.len()).fold(0, |best, class| if score(class) > score(best) { class } else { best })
}

/// Figures of a binary task that are of its positive class alone.
const OF_ONE_CLASS: [&str; 4] = ["average_precision", "f1", "precision", "recall"];

/// All that was measured. Figures carry scikit-learn's names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    pub task: Task,
    /// Class names in the model's order; the positive one is `classes[1]` of a binary task.
    pub classes: Vec<String>,
    pub rows: PartRows,
    /// On the test part, in the order to show.
    pub test: Vec<Figure>,
    /// On the validation part: what runs are ranked by.
    pub validation: Vec<Figure>,
    /// The metric that ranks, by name, and whether more is better.
    pub primary: String,
    pub more_is_better: bool,
    /// Chosen on validation; stored with the model.
    pub threshold: Option<Threshold>,
    /// Of more than two classes, where rare ones are preferred: chosen on validation; stored with the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    pub confusion: Option<Confusion>,
    pub per_class: Vec<ClassFigures>,
    pub roc: Vec<Curve>,
    pub precision_recall: Vec<Curve>,
    pub calibration: Vec<CalibrationCurve>,
    pub residuals: Option<Residuals>,
    /// Sentences that a reader must know ("12 test rows equal training rows and were left out").
    pub remarks: Vec<String>,
}

impl Evaluation {
    /// The class that one-class figures are of; none but of a binary task.
    pub fn positive(&self) -> Option<&str> {
        self.classes.get(1).filter(|_| self.task == Task::BinaryClassification).map(String::as_str)
    }

    /// The class that a figure is of, where it is of one alone.
    pub fn class_of(&self, figure: &str) -> Option<&str> {
        self.positive().filter(|_| OF_ONE_CLASS.contains(&figure))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PartRows {
    pub training: u64,
    pub validation: u64,
    pub test: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// "average_precision", "roc_auc", "rmse" …
    pub name: String,
    #[serde(with = "crate::series::float")]
    pub value: f64,
    /// Bootstrap 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// The dummy baseline's figure on the same rows.
    #[serde(with = "crate::series::float::option", default)]
    pub baseline: Option<f64>,
    pub more_is_better: bool,
    /// Of the target, where the figure has one ("€").
    pub unit: Option<String>,
}

impl Figure {
    /// Whether it is better than another of the same name. Every number is better than what is none.
    pub fn beats(&self, other: &Figure) -> Option<bool> {
        let better = if self.more_is_better { self.value > other.value } else { self.value < other.value };
        let is_number = !self.value.is_nan() && other.value.is_nan();
        (self.name == other.name).then_some(better || is_number)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    pub value: f64,
    /// "F1 0.81 on validation", "cost 12.4 per 1,000 rows on validation".
    pub reason: String,
}

/// How one of more than two classes is called.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// One a class, in the model's order: see [`class_of`].
    pub factors: Vec<f64>,
    /// "macro F1 0.61 on validation, 0.52 by probability alone".
    pub reason: String,
}

/// `counts[actual][predicted]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    pub counts: Vec<Vec<u64>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassFigures {
    pub class: String,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    pub support: u64,
}

/// At most 500 points, chosen so that no corner of the staircase is lost by more than a pixel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    pub class: String,
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    /// Threshold at each point.
    pub threshold: Vec<f64>,
    pub area: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalibrationCurve {
    pub class: String,
    pub mean_predicted: Vec<f64>,
    pub fraction_positive: Vec<f64>,
    pub counts: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Residuals {
    /// A seeded sample of at most 2,000 rows.
    pub predicted: Vec<f64>,
    pub actual: Vec<f64>,
    pub histogram: Histogram,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_positive_class_is_what_means_yes_or_the_larger_or_the_later() {
        let both = |one, other| {
            assert_eq!(usual_positive(one, other), usual_positive(other, one));
            usual_positive(one, other)
        };
        assert_eq!(both("ja", "nein"), "ja");
        assert_eq!(both("Yes", "no"), "Yes");
        assert_eq!(both("malignant", "benign"), "malignant");
        assert_eq!(both("true", "false"), "true");
        assert_eq!(both("0", "1"), "1");
        // Numbers are compared as numbers, also where one of them is a 1.
        assert_eq!(both("1", "2"), "2");
        assert_eq!(both("9", "10"), "10");
        assert_eq!(both("cat", "dog"), "dog");
        assert_eq!(both("yes", "true"), "yes");
    }

    #[test]
    fn a_number_beats_what_is_none_whichever_is_better() {
        for more_is_better in [true, false] {
            let figure = |value| {
                let (name, interval, baseline, unit) = ("r2".to_owned(), None, None, None);
                Figure { name, value, interval, baseline, more_is_better, unit }
            };
            let beats = |one: f64, other: f64| figure(one).beats(&figure(other));
            assert_eq!(beats(0.5, f64::NAN), Some(true));
            assert_eq!((beats(f64::NAN, 0.5), beats(f64::NAN, f64::NAN)), (Some(false), Some(false)));
            assert_eq!((beats(0.5, 0.25), beats(0.25, 0.5)), (Some(more_is_better), Some(!more_is_better)));
        }
    }
}
