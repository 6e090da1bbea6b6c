//! Counts of actual against predicted classes, and every figure that is made of them alone.
//!
//! Formulas are scikit-learn's (`metrics/_classification.py`) with `zero_division=0`; macro averages
//! run over the classes that occur among actual or predicted ones, as `labels=None` does there.

use api::evaluation::{ClassFigures, Confusion};

/// `counts[actual * classes + predicted]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    counts: Vec<u64>,
    classes: usize,
}

/// The mean over classes of precision, recall and F1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Macro {
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
}

impl Tally {
    pub fn new(classes: usize) -> Self {
        Self { counts: vec![0; classes * classes], classes }
    }

    /// Of a binary task: `[[true negatives, false positives], [false negatives, true positives]]`.
    pub fn binary(true_negatives: u64, false_positives: u64, false_negatives: u64, true_positives: u64) -> Self {
        Self { counts: vec![true_negatives, false_positives, false_negatives, true_positives], classes: 2 }
    }

    pub fn add(&mut self, actual: usize, predicted: usize, times: u64) {
        self.counts[actual * self.classes + predicted] += times;
    }

    fn hits(&self, class: usize) -> u64 {
        self.counts[class * self.classes + class]
    }

    fn actual(&self, class: usize) -> u64 {
        self.counts[class * self.classes..(class + 1) * self.classes].iter().sum()
    }

    fn predicted(&self, class: usize) -> u64 {
        (0..self.classes).map(|row| self.counts[row * self.classes + class]).sum()
    }

    fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub fn accuracy(&self) -> f64 {
        ratio((0..self.classes).map(|class| self.hits(class)).sum(), self.total())
    }

    /// Mean recall over the classes that occur; `balanced_accuracy_score`.
    pub fn balanced_accuracy(&self) -> f64 {
        let recalls: Vec<f64> =
            (0..self.classes).filter(|class| self.actual(*class) > 0).map(|class| self.recall(class)).collect();
        recalls.iter().sum::<f64>() / recalls.len() as f64
    }

    pub fn precision(&self, class: usize) -> f64 {
        ratio(self.hits(class), self.predicted(class))
    }

    pub fn recall(&self, class: usize) -> f64 {
        ratio(self.hits(class), self.actual(class))
    }

    pub fn f1(&self, class: usize) -> f64 {
        ratio(2 * self.hits(class), self.actual(class) + self.predicted(class))
    }

    pub fn macro_average(&self) -> Macro {
        let mut sums = Macro { precision: 0.0, recall: 0.0, f1: 0.0 };
        let mut present = 0.0;
        for class in (0..self.classes).filter(|class| self.actual(*class) + self.predicted(*class) > 0) {
            sums.precision += self.precision(class);
            sums.recall += self.recall(class);
            sums.f1 += self.f1(class);
            present += 1.0;
        }
        Macro { precision: sums.precision / present, recall: sums.recall / present, f1: sums.f1 / present }
    }

    /// Matthews' correlation in Gorodkin's form for any number of classes; 0 where it is undefined.
    pub fn matthews(&self) -> f64 {
        let total = self.total() as f64;
        let (mut trace, mut cross, mut actual_square, mut predicted_square) = (0.0, 0.0, 0.0, 0.0);
        for class in 0..self.classes {
            let (actual, predicted) = (self.actual(class) as f64, self.predicted(class) as f64);
            trace += self.hits(class) as f64;
            cross += actual * predicted;
            actual_square += actual * actual;
            predicted_square += predicted * predicted;
        }
        let spread = (total * total - actual_square) * (total * total - predicted_square);
        if spread > 0.0 { (trace * total - cross) / spread.sqrt() } else { 0.0 }
    }

    /// The matrix as the report has it.
    pub fn matrix(&self) -> Confusion {
        Confusion { counts: self.counts.chunks(self.classes).map(<[u64]>::to_vec).collect() }
    }

    /// One line for each class, in the model's order.
    pub fn per_class(&self, names: &[String]) -> Vec<ClassFigures> {
        names
            .iter()
            .enumerate()
            .take(self.classes)
            .map(|(class, name)| ClassFigures {
                class: name.clone(),
                precision: self.precision(class),
                recall: self.recall(class),
                f1: self.f1(class),
                support: self.actual(class),
            })
            .collect()
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
