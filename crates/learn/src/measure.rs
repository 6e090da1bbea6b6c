//! What a validation part says of a model while it is trained.

use api::evaluation::{Figure, Task, class_of};
use data::metrics::{
    binary::evaluate_binary, confusion::Tally, multiclass::evaluate_multiclass, ranking::Ranking,
    regression::evaluate_regression,
};
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

/// Measures scores against targets. A score that is not finite makes the loss NaN. The figure that the project's file
/// asks to rank its runs by has a curve, too: a search stops trials early by it.
pub fn measure(scores: &Scores, targets: &[f64], task: Task, target_std: f64, asked: Option<&str>) -> Measured {
    if scores.values.iter().any(|value| !value.is_finite()) {
        return Measured { loss: f64::NAN, curves: Vec::new() };
    }
    let figures = figures(task, targets, &scores.values, scores.width);
    let find = |name: &str| figures.iter().find(|figure| figure.name == name).map(|figure| figure.value);
    let loss = match task {
        Task::Regression => find("rmse").map(|rmse| (rmse / target_std).powi(2)),
        _ => find("log_loss"),
    };
    Measured { loss: loss.unwrap_or(f64::NAN), curves: curves(task, &figures, asked) }
}

/// The curves of a round of trees beside its loss, from one sorting of the answers or one pass over them: a round takes
/// far less time than an epoch. With what ranks the project's runs, as [`measure`] has it.
pub fn of_round(
    answers: &[f32],
    targets: &[f32],
    task: Task,
    classes: usize,
    asked: Option<&str>,
) -> Vec<(String, f64)> {
    let mut found = match task {
        Task::BinaryClassification => {
            let ranking = Ranking::new(targets.len(), |row| targets[row] > 0.5, |row| f64::from(answers[row]));
            let (area, precision) = ranking.areas(|_| 1);
            vec![("average_precision".to_owned(), precision), ("roc_auc".to_owned(), area)]
        }
        Task::MulticlassClassification => {
            let tally = tally(answers, targets, classes);
            let (accuracy, balanced) = (tally.accuracy(), tally.balanced_accuracy());
            vec![("accuracy".to_owned(), accuracy), ("balanced_accuracy".to_owned(), balanced)]
        }
        Task::Regression => Vec::new(),
    };
    // The squared error of a round is its loss, which says it.
    let is_known = |name: &str| name == "rmse" || found.iter().any(|(known, _)| known == name);
    if let Some(asked) = asked.filter(|asked| !is_known(asked)) {
        let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect::<Vec<f64>>();
        let figures = figures(task, &wide(targets), &wide(answers), classes);
        found.extend(figures.into_iter().filter(|figure| figure.name == asked).map(|it| (it.name, it.value)));
    }
    let finite = found.into_iter().filter(|(_, value)| value.is_finite());
    finite.map(|(name, value)| (format!("{name}/validation"), value)).collect()
}

/// Counts by the most probable class.
fn tally(answers: &[f32], targets: &[f32], classes: usize) -> Tally {
    let (mut tally, mut probabilities) = (Tally::new(classes), Vec::with_capacity(classes));
    for (row, target) in answers.chunks_exact(classes).zip(targets) {
        probabilities.clear();
        probabilities.extend(row.iter().copied().map(f64::from));
        tally.add(*target as usize, class_of(&probabilities, &[]), 1);
    }
    tally
}

fn figures(task: Task, targets: &[f64], scores: &[f64], width: usize) -> Vec<Figure> {
    match task {
        Task::BinaryClassification => evaluate_binary(&classes(targets), scores, 0.5),
        Task::MulticlassClassification => evaluate_multiclass(&classes(targets), scores, width),
        Task::Regression => evaluate_regression(targets, scores),
    }
}

/// Class indices as the metrics take them.
pub fn classes(targets: &[f64]) -> Vec<u32> {
    targets.iter().map(|target| *target as u32).collect()
}

fn curves(task: Task, figures: &[Figure], asked: Option<&str>) -> Vec<(String, f64)> {
    // Two classes: accuracy says nothing of a rare one.
    let says_much = |name: &str| task != Task::BinaryClassification || !name.ends_with("accuracy");
    let is_shown = |name: &str| Some(name) == asked || SHOWN.contains(&name) && says_much(name);
    let shown = figures.iter().filter(|figure| is_shown(&figure.name) && figure.value.is_finite());
    shown.map(|figure| (format!("{}/validation", figure.name), figure.value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_of_trees_has_a_curve_of_what_ranks_runs() {
        let curve = |task, answers: &[f32], targets: &[f32], classes, asked: Option<&str>| {
            let curves = of_round(answers, targets, task, classes, asked);
            curves.into_iter().map(|(name, value)| format!("{name} {value:.2}")).collect::<Vec<_>>()
        };
        let two = |asked| curve(Task::BinaryClassification, &[0.9, 0.2, 0.4, 0.1], &[1.0, 0.0, 1.0, 0.0], 2, asked);
        assert_eq!(two(None), ["average_precision/validation 1.00", "roc_auc/validation 1.00"]);
        // By its own threshold of a half one of the two is called.
        assert_eq!(two(Some("recall")).last().unwrap(), "recall/validation 0.50");
        assert_eq!(two(Some("roc_auc")).len(), 2, "nothing twice");
        let answers = [0.8, 0.1, 0.1, 0.2, 0.5, 0.3, 0.6, 0.3, 0.1, 0.7, 0.2, 0.1];
        let three = curve(Task::MulticlassClassification, &answers, &[0.0, 1.0, 2.0, 0.0], 3, None);
        assert_eq!(three, ["accuracy/validation 0.75", "balanced_accuracy/validation 0.67"]);
        let number = |asked| curve(Task::Regression, &[1.0, 3.0], &[2.0, 3.0], 1, asked);
        assert!(number(None).is_empty() && number(Some("rmse")).is_empty());
        assert_eq!(number(Some("mae")), ["mae/validation 0.50"]);
    }
}
