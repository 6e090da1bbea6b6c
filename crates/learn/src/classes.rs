//! What the target's values mean as numbers: class indices, or the number itself.

use std::collections::BTreeSet;

use api::evaluation::{Task, is_same_class};
use arrow_array::{Array, ArrayRef, StringArray};
use infer::columns;

use crate::error::LearnError;

/// The names of a target's classes in the model's order: as numbers where all are numbers, else by
/// the alphabet, as scikit-learn sorts them; but of two the positive class is the second one. Empty for regression.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Classes(pub Vec<String>);

impl Classes {
    /// `positive` goes last, if it is one of two.
    pub fn new(names: BTreeSet<String>, positive: Option<&str>) -> Self {
        let mut names: Vec<String> = names.into_iter().collect();
        if let Some(numbers) = names.iter().map(|name| name.parse::<f64>().ok()).collect::<Option<Vec<f64>>>() {
            let mut order: Vec<usize> = (0..names.len()).collect();
            order.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
            names = order.into_iter().map(|place| std::mem::take(&mut names[place])).collect();
        }
        if names.len() == 2 && positive.is_some_and(|positive| is_same_class(&names[0], positive)) {
            names.reverse();
        }
        Self(names)
    }

    pub fn index(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|class| class == name)
    }
}

/// A target column's values as text; null where missing.
pub fn texts(target: &ArrayRef) -> Result<StringArray, LearnError> {
    Ok(columns::texts(target)?)
}

/// A target column as numbers, NaN where it is missing: class indices, or the values themselves.
pub fn numbers(target: &ArrayRef, task: Task, classes: &Classes) -> Result<Vec<f64>, LearnError> {
    if task == Task::Regression {
        return Ok(columns::numbers(target)?);
    }
    let names = texts(target)?;
    let index = |name: Option<&str>| name.filter(|name| !name.is_empty()).and_then(|name| classes.index(name));
    Ok(names.iter().map(|name| index(name).map_or(f64::NAN, |index| index as f64)).collect())
}

/// Adds a column's values to the names of classes.
pub fn collect(target: &ArrayRef, names: &mut BTreeSet<String>) -> Result<(), LearnError> {
    for name in texts(target)?.iter().flatten().filter(|name| !name.is_empty()) {
        if !names.contains(name) {
            names.insert(name.to_owned());
        }
    }
    Ok(())
}

/// The first value of a regression's target that is no number, with its place in the column.
pub fn first_text(target: &ArrayRef) -> Result<Option<(usize, String)>, LearnError> {
    let (texts, numbers) = (texts(target)?, columns::numbers(target)?);
    let wrong =
        (0..target.len()).find(|row| numbers[*row].is_nan() && texts.is_valid(*row) && !texts.value(*row).is_empty());
    Ok(wrong.map(|row| (row, texts.value(row).to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_sorted_as_numbers_or_by_the_alphabet() {
        let of =
            |names: &[&str], positive| Classes::new(names.iter().map(|name| (*name).to_owned()).collect(), positive).0;
        let sorted = |names: &[&str]| of(names, None);
        assert_eq!(sorted(&["10", "9", "1"]), ["1", "9", "10"]);
        assert_eq!(sorted(&["true", "false"]), ["false", "true"]);
        assert_eq!(sorted(&["malignant", "benign"]), ["benign", "malignant"]);
        assert_eq!(of(&["ja", "nein"], Some("ja")), ["nein", "ja"]);
        assert_eq!(of(&["ja", "nein"], Some("nein")), ["ja", "nein"]);
        assert_eq!(of(&["a", "b", "c"], Some("a")), ["a", "b", "c"]);
    }
}
