//! The space that is searched: `[search.space]` of `slipway.toml`.

use std::collections::{BTreeMap, HashSet, btree_map};

pub use api::search::Written;
use serde::{Deserialize, Serialize};

use crate::trial::{Trial, Value};

/// Whole numbers up to here are exact as f64.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;
/// What is longer is a range.
const MOST_VALUES: usize = 10_000;

/// What is wrong with a space, for a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpaceError {
    #[error("the space names no hyperparameter: add one, such as `lr = {{ min = 1e-5, max = 0.1, log = true }}`")]
    Empty,
    #[error("{0:?} can't name a hyperparameter: a name has no braces, no line breaks and no space at its ends")]
    Name(String),
    #[error("{name}: {fault}")]
    Domain { name: String, fault: Fault },
}

/// What is wrong with one hyperparameter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("needs either `values` or both `min` and `max`")]
    Incomplete,
    #[error("`values` stands alone: take away `min`, `max`, `log`, `step` and `int`")]
    Both,
    #[error("`values` is empty")]
    NoValues,
    #[error("{0} `values` are more than 10000: a range, as `{{ min = 0, max = 1 }}`, has no such limit")]
    TooMany(usize),
    #[error("{0} stands in `values` twice")]
    Twice(String),
    #[error("`{0}` is not a finite number")]
    NotFinite(&'static str),
    #[error("`min` is above `max`")]
    Reversed,
    #[error("`log` needs `min` above 0")]
    LogOfZero,
    #[error("`log` and `step` exclude each other")]
    LogAndStep,
    #[error("`step` must be above 0")]
    Step,
    #[error("`int` needs a whole `{0}` between -2^53 and 2^53")]
    NotWhole(&'static str),
    #[error("`step` divides the range into more than 2^53 parts")]
    TooFine,
}

/// The hyperparameters that are searched and what each may be, in the order of their names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Written>", into = "BTreeMap<String, Written>")]
pub struct Space(BTreeMap<String, Domain>);

/// What one hyperparameter may be.
#[derive(Debug, Clone, PartialEq)]
pub enum Domain {
    /// One of these; their order means nothing.
    Values(Vec<Value>),
    Range(Range),
}

/// Numbers from `min` to `max`, both included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    pub min: f64,
    pub max: f64,
    /// Sampled so that each order of magnitude is as likely as another.
    pub log: bool,
    /// Only `min`, `min + step`, `min + 2 step` … up to `max`; of whole numbers at least 1.
    pub step: Option<f64>,
    pub int: bool,
}

impl TryFrom<BTreeMap<String, Written>> for Space {
    type Error = SpaceError;

    fn try_from(written: BTreeMap<String, Written>) -> Result<Self, SpaceError> {
        if written.is_empty() {
            return Err(SpaceError::Empty);
        }
        let mut domains = BTreeMap::new();
        for (name, written) in written {
            let is_odd = |letter: char| letter.is_control() || letter == '{' || letter == '}';
            if name.is_empty() || name.trim() != name || name.contains(is_odd) {
                return Err(SpaceError::Name(name));
            }
            match Domain::try_from(written) {
                Ok(domain) => domains.insert(name, domain),
                Err(fault) => return Err(SpaceError::Domain { name, fault }),
            };
        }
        Ok(Self(domains))
    }
}

impl From<Space> for BTreeMap<String, Written> {
    fn from(space: Space) -> Self {
        space.0.into_iter().map(|(name, domain)| (name, domain.into())).collect()
    }
}

impl Space {
    pub fn iter(&self) -> btree_map::Iter<'_, String, Domain> {
        self.0.iter()
    }

    /// The trial that a run's params describe; `None` where one is missing or not of the space.
    pub fn read(&self, params: &BTreeMap<String, String>) -> Option<Trial> {
        let read = |(name, domain): (&String, &Domain)| Some((name.clone(), domain.parse(params.get(name)?)?));
        self.iter().map(read).collect()
    }
}

impl<'a> IntoIterator for &'a Space {
    type Item = (&'a String, &'a Domain);
    type IntoIter = btree_map::Iter<'a, String, Domain>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl TryFrom<Written> for Domain {
    type Error = Fault;

    fn try_from(written: Written) -> Result<Self, Fault> {
        let Written { values, min, max, log, step, int } = written;
        if let Some(values) = values {
            if min.is_some() || max.is_some() || log || step.is_some() || int {
                return Err(Fault::Both);
            }
            return of_values(values);
        }
        let (Some(min), Some(max)) = (min, max) else { return Err(Fault::Incomplete) };
        let range = Range { min, max, log, step, int };
        range.check()?;
        Ok(Self::Range(range))
    }
}

fn of_values(values: Vec<Value>) -> Result<Domain, Fault> {
    if values.is_empty() {
        return Err(Fault::NoValues);
    }
    if values.len() > MOST_VALUES {
        return Err(Fault::TooMany(values.len()));
    }
    let (mut texts, mut wholes, mut numbers) = (HashSet::new(), HashSet::new(), HashSet::new());
    for value in &values {
        if value.number().is_some_and(|number| !number.is_finite()) {
            return Err(Fault::NotFinite("values"));
        }
        // The same text would be the same param of a run; 1 and 1.0 are the same with different texts.
        let bits = value.number().map(|number| (number + 0.0).to_bits());
        let (own, other) =
            if matches!(value, Value::Integer(_)) { (&mut wholes, &numbers) } else { (&mut numbers, &wholes) };
        let is_known = bits.is_some_and(|bits| other.contains(&bits));
        own.extend(bits);
        if !texts.insert(value.to_string()) || is_known {
            return Err(Fault::Twice(value.to_string()));
        }
    }
    Ok(Domain::Values(values))
}

impl From<Domain> for Written {
    fn from(domain: Domain) -> Self {
        match domain {
            Domain::Values(values) => Self { values: Some(values), ..Self::default() },
            Domain::Range(Range { min, max, log, step, int }) => {
                Self { values: None, min: Some(min), max: Some(max), log, step, int }
            }
        }
    }
}

impl Domain {
    /// The value as samplers see it: the index of a category, or the number; `None` where it is not of the domain.
    pub fn coordinate(&self, value: &Value) -> Option<f64> {
        match self {
            Self::Values(values) => values.iter().position(|own| own.is_same(value)).map(|index| index as f64),
            Self::Range(range) => value.number().filter(|number| (range.min..=range.max).contains(number)),
        }
    }

    /// The value at a coordinate; the nearest of the domain where it is outside.
    pub fn value(&self, coordinate: f64) -> Value {
        match self {
            Self::Values(values) => values[(coordinate.max(0.0) as usize).min(values.len() - 1)].clone(),
            Self::Range(range) => range.value(coordinate),
        }
    }

    /// The value whose text this is.
    pub fn parse(&self, text: &str) -> Option<Value> {
        match self {
            Self::Values(values) => {
                let same_text = values.iter().find(|value| value.to_string() == text);
                // A program may write 1e-05 where we wrote 1e-5.
                let same_number = || {
                    let number = Value::Number(text.parse().ok()?);
                    values.iter().find(|value| value.is_same(&number))
                };
                same_text.or_else(same_number).cloned()
            }
            Self::Range(range) => {
                let number = self.coordinate(&Value::Number(text.trim().parse().ok()?))?;
                if range.int && number.fract() != 0.0 { None } else { Some(range.typed(number)) }
            }
        }
    }

    /// Whether there is only one value.
    pub fn is_single(&self) -> bool {
        self.count() == Some(1)
    }

    /// How many values there are; `None` where any number between two bounds is one.
    pub fn count(&self) -> Option<u64> {
        match self {
            Self::Values(values) => Some(values.len() as u64),
            Self::Range(range) if range.min == range.max => Some(1),
            Self::Range(range) => range.stride().map(|_| range.last_index() as u64 + 1),
        }
    }
}

impl Range {
    fn check(&self) -> Result<(), Fault> {
        let numbers = [("min", Some(self.min)), ("max", Some(self.max)), ("step", self.step)];
        for (key, number) in numbers {
            let Some(number) = number else { continue };
            if !number.is_finite() {
                return Err(Fault::NotFinite(key));
            }
            if self.int && (number.fract() != 0.0 || number.abs() > LARGEST_WHOLE) {
                return Err(Fault::NotWhole(key));
            }
        }
        if self.min > self.max {
            return Err(Fault::Reversed);
        }
        if !(self.max - self.min).is_finite() {
            return Err(Fault::NotFinite("max - min"));
        }
        if self.step.is_some_and(|step| step <= 0.0) {
            return Err(Fault::Step);
        }
        if self.log && self.min <= 0.0 {
            return Err(Fault::LogOfZero);
        }
        if self.log && self.step.is_some_and(|step| !(self.int && step == 1.0)) {
            return Err(Fault::LogAndStep);
        }
        if self.stride().is_some() && self.last_index() >= LARGEST_WHOLE {
            return Err(Fault::TooFine);
        }
        Ok(())
    }

    /// The distance of neighbours, where there is one.
    pub fn stride(&self) -> Option<f64> {
        if self.int { Some(self.step.unwrap_or(1.0)) } else { self.step }
    }

    /// How many strides fit; with some air, since 0.1 + 0.2 is above 0.3.
    fn last_index(&self) -> f64 {
        self.stride().map_or(0.0, |stride| ((self.max - self.min) / stride + 1e-8).floor())
    }

    /// The largest value that is reached.
    pub fn last(&self) -> f64 {
        if self.stride().is_some() { self.at(self.last_index()) } else { self.max }
    }

    /// So many strides above the least, without the dust of binary fractions: 0.3, not 0.30000000000000004.
    pub fn at(&self, index: f64) -> f64 {
        let stride = self.stride().unwrap_or(0.0);
        let exact = index.mul_add(stride, self.min);
        if exact.abs() < stride * 1e-9 {
            return 0.0;
        }
        let short = if self.int { exact } else { format!("{exact:.14e}").parse().unwrap_or(exact) };
        short.clamp(self.min, self.max)
    }

    fn typed(&self, number: f64) -> Value {
        if self.int { Value::Integer(number as i64) } else { Value::Number(number) }
    }

    /// The nearest value of the range.
    pub fn value(&self, number: f64) -> Value {
        let nearest = match self.stride() {
            Some(stride) => self.at(((number - self.min) / stride).round().clamp(0.0, self.last_index())),
            None => number.clamp(self.min, self.max),
        };
        self.typed(nearest)
    }
}
