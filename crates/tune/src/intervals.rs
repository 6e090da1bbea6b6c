//! Means with their spread, of all runs and of groups of runs.

use std::collections::BTreeMap;

/// What several values of one metric come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// How many values there were, those that are not a number left out.
    pub count: usize,
    /// How many were not a number; nothing below is of them.
    pub nan: usize,
    pub mean: f64,
    /// The sample standard deviation (n − 1); `None` of fewer than two values, or where one is infinite.
    pub deviation: Option<f64>,
    pub min: f64,
    pub max: f64,
}

/// Runs that share a value of a param or tag.
#[derive(Debug, Clone, PartialEq)]
pub struct Group<K> {
    /// `None` of the runs that have none.
    pub key: Option<K>,
    /// How many runs there are, those without the metric included.
    pub runs: usize,
    /// `None` where no run has a value that is a number.
    pub summary: Option<Summary>,
}

/// Sums values up; `None` where none is a number.
pub fn summarize(values: impl IntoIterator<Item = f64>) -> Option<Summary> {
    let mut nan = 0;
    let numbers: Vec<f64> = values
        .into_iter()
        .filter(|value| {
            nan += usize::from(value.is_nan());
            !value.is_nan()
        })
        .collect();
    let count = numbers.len();
    if count == 0 {
        return None;
    }
    let (min, max) = extremes(&numbers);
    let mean = mean(&numbers, min, max);
    // In two passes: the squares of large numbers that hardly differ would cancel.
    let squares: f64 = numbers.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (squares / (count as f64 - 1.0)).sqrt();
    let deviation = (count > 1 && min.is_finite() && max.is_finite()).then_some(deviation);
    Some(Summary { count, nan, mean, deviation, min, max })
}

/// Where finite values lie: from the least to the greatest. Those beyond Tukey's outer fences (three times the distance of
/// the quartiles away from them; Exploratory Data Analysis, 1977) are left out where they take most of that: the others would
/// lie within a fifth of it. Fewer than four values are taken as they are. `None` where none is finite.
pub fn usual(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    const FENCE: f64 = 3.0;
    const FLAT: f64 = 5.0;
    let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    let (min, max) = extremes(&values);
    if values.len() < 4 {
        return (min <= max).then_some((min, max));
    }
    let quarter = values.len() / 4;
    let upper = values.len() - 1 - quarter;
    let low = *values.select_nth_unstable_by(quarter, f64::total_cmp).1;
    let high = *values.select_nth_unstable_by(upper, f64::total_cmp).1;
    let reach = FENCE * (high - low);
    values.retain(|value| (low - reach..=high + reach).contains(value));
    let (least, most) = extremes(&values);
    // Where most are the same nothing tells the others apart but their whole range.
    let is_flat = most > least && max - min > FLAT * (most - least);
    Some(if is_flat { (least, most) } else { (min, max) })
}

/// The least and the greatest; the wrong way round of no values.
fn extremes(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| (min.min(*value), max.max(*value)))
}

/// Groups runs by a value that each has or not, in the order of the values, those without one last. A run is its
/// group's value and its metric, where it has one.
pub fn groups<K: Ord>(runs: impl IntoIterator<Item = (Option<K>, Option<f64>)>) -> Vec<Group<K>> {
    let mut keyed: BTreeMap<K, (usize, Vec<f64>)> = BTreeMap::new();
    let mut without = (0, Vec::new());
    for (key, value) in runs {
        let (runs, values) = match key {
            Some(key) => keyed.entry(key).or_default(),
            None => &mut without,
        };
        *runs += 1;
        values.extend(value);
    }
    let group = |key, (runs, values)| Group { key, runs, summary: summarize(values) };
    let mut groups: Vec<Group<K>> = keyed.into_iter().map(|(key, found)| group(Some(key), found)).collect();
    if without.0 > 0 {
        groups.push(group(None, without));
    }
    groups
}

fn mean(numbers: &[f64], min: f64, max: f64) -> f64 {
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    // A sum may be beyond every float where its mean is not.
    let is_beyond = !mean.is_finite() && min.is_finite() && max.is_finite();
    let mean = if is_beyond { numbers.iter().map(|value| value / count).sum() } else { mean };
    if mean.is_nan() { mean } else { mean.clamp(min, max) }
}
