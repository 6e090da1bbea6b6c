//! Every combination, one after another: the last hyperparameter by name changes first, each from its first value
//! to its last.

use std::collections::{HashMap, HashSet};

use crate::{
    space::{Domain, Space},
    trial::{Row, Trial},
};

/// Why a space has no grid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    #[error("{0} has infinitely many values: a grid needs `values`, `step` or `int`")]
    Infinite(String),
    #[error("the grid has more than 2^63 trials")]
    TooLarge,
}

/// How many trials the grid has.
///
/// # Errors
/// Where a hyperparameter is any number between two bounds, or the number of trials has no end in sight.
pub fn size(space: &Space) -> Result<u64, GridError> {
    space.iter().try_fold(1u64, |size, (name, domain)| {
        let count = domain.count().ok_or_else(|| GridError::Infinite(name.clone()))?;
        size.checked_mul(count).filter(|size| *size < 1 << 63).ok_or(GridError::TooLarge)
    })
}

/// The trial at an index of the grid; `None` beyond its end.
///
/// # Errors
/// As [`size`].
pub fn trial(space: &Space, index: u64) -> Result<Option<Trial>, GridError> {
    let mut rest = index;
    if index >= size(space)? {
        return Ok(None);
    }
    let mut trial = Trial::new();
    for (name, domain) in space.iter().rev() {
        let count = domain.count().unwrap_or(1);
        trial.insert(name.clone(), nth(domain, rest % count));
        rest /= count;
    }
    Ok(Some(trial))
}

/// The first trial of the grid that has no row yet, whatever became of those that have; `None` once all have.
///
/// # Errors
/// As [`size`].
pub fn next(space: &Space, rows: &[Row]) -> Result<Option<Trial>, GridError> {
    let size = size(space)?;
    let places = places(space);
    let tried: HashSet<u64> = rows.iter().filter_map(|row| index(space, &places, &row.trial)).collect();
    // One of so many indices is free, since each row takes at most one.
    match (0..size).take(tried.len() + 1).find(|index| !tried.contains(index)) {
        Some(free) => trial(space, free),
        None => Ok(None),
    }
}

fn nth(domain: &Domain, index: u64) -> crate::trial::Value {
    match domain {
        Domain::Values(_) => domain.value(index as f64),
        Domain::Range(range) => domain.value(range.at(index as f64)),
    }
}

/// Where the text of each value stands, so that a row of a long list is not looked for from its beginning.
type Places<'a> = HashMap<&'a str, HashMap<String, usize>>;

fn places(space: &Space) -> Places<'_> {
    let of = |domain: &Domain| match domain {
        Domain::Values(values) => values.iter().enumerate().map(|(at, value)| (value.to_string(), at)).collect(),
        Domain::Range(_) => HashMap::new(),
    };
    space.iter().map(|(name, domain)| (name.as_str(), of(domain))).collect()
}

/// Where a trial stands in the grid; `None` where it is not of it.
fn index(space: &Space, places: &Places<'_>, trial: &Trial) -> Option<u64> {
    space.iter().try_fold(0u64, |index, (name, domain)| {
        let value = trial.get(name)?;
        let place = places.get(name.as_str()).and_then(|places| places.get(&value.to_string()));
        let place = place.map(|place| *place as f64).filter(|place| domain.value(*place).is_same(value));
        let coordinate = place.or_else(|| domain.coordinate(value))?;
        let own = match domain {
            Domain::Values(_) => coordinate,
            Domain::Range(range) => range.stride().map_or(0.0, |stride| ((coordinate - range.min) / stride).round()),
        };
        nth(domain, own as u64).is_same(value).then(|| index * domain.count().unwrap_or(1) + own as u64)
    })
}
