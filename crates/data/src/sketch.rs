//! What can be told of a column without keeping it: sketches that take values one by one and can be
//! merged.
//!
//! - [`Distinct`]: exact up to 10,000 values, then HyperLogLog with 2¹⁴ registers (Flajolet et al.
//!   2007, with the small-range correction): a standard error of 0.8 %.
//! - [`Quantiles`]: exact up to 20,000 different numbers, then a merging t-digest (Dunning and Ertl 2019, scale
//!   function k₁, compression 500): errors below 0.1 % of rank in the middle, less at the ends.
//! - [`Frequent`]: exact up to 10,000 values, then Space-Saving (Metwally et al. 2005) with as many
//!   counters: a value in more than 0.01 % of the rows is never missed.
//! - [`Moments`]: Welford's mean and variance, merged by Chan's formula.

use std::collections::{HashMap, HashSet};

const EXACT_VALUES: usize = 10_000;
const REGISTER_BITS: u32 = 14;

/// How many different values there are, by their hashes.
#[derive(Debug, Clone, Default)]
pub struct Distinct {
    exact: HashSet<u64>,
    registers: Vec<u8>,
}

impl Distinct {
    pub fn see(&mut self, hash: u64) {
        if self.registers.is_empty() {
            self.exact.insert(hash);
            if self.exact.len() > EXACT_VALUES {
                self.estimate_from_now();
            }
        } else {
            self.register(hash);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        if other.registers.is_empty() {
            other.exact.iter().for_each(|hash| self.see(*hash));
            return;
        }
        if self.registers.is_empty() {
            self.estimate_from_now();
        }
        self.registers.iter_mut().zip(&other.registers).for_each(|(mine, other)| *mine = (*mine).max(*other));
    }

    pub fn is_exact(&self) -> bool {
        self.registers.is_empty()
    }

    pub fn count(&self) -> u64 {
        if self.is_exact() {
            return self.exact.len() as u64;
        }
        let registers = self.registers.len() as f64;
        let sum: f64 = self.registers.iter().map(|rank| 0.5_f64.powi(i32::from(*rank))).sum();
        let raw = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / sum;
        let empty = self.registers.iter().filter(|rank| **rank == 0).count();
        let estimate =
            if raw <= 2.5 * registers && empty > 0 { registers * (registers / empty as f64).ln() } else { raw };
        estimate.round() as u64
    }

    fn estimate_from_now(&mut self) {
        self.registers = vec![0; 1 << REGISTER_BITS];
        for hash in std::mem::take(&mut self.exact) {
            self.register(hash);
        }
    }

    fn register(&mut self, hash: u64) {
        let place = (hash >> (64 - REGISTER_BITS)) as usize;
        let rest = hash << REGISTER_BITS;
        let rank = (rest.leading_zeros().min(64 - REGISTER_BITS) + 1) as u8;
        self.registers[place] = self.registers[place].max(rank);
    }
}

const EXACT_NUMBERS: usize = 20_000;
const PENDING_NUMBERS: usize = 4_000;
const COMPRESSION: f64 = 500.0;

/// The distribution of numbers.
#[derive(Debug, Clone, Default)]
pub struct Quantiles {
    /// How often each number came that is not in the digest; while that is empty, all of them.
    counts: HashMap<u64, u64>,
    /// Mean and weight, by mean.
    digest: Vec<(f64, f64)>,
    count: u64,
    min: f64,
    max: f64,
}

impl Quantiles {
    /// Only finite values.
    pub fn see(&mut self, value: f64) {
        self.add(value, 1);
    }

    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        (self.min, self.max) =
            if self.count == 0 { (other.min, other.max) } else { (self.min.min(other.min), self.max.max(other.max)) };
        self.count += other.digest.iter().map(|(_, weight)| *weight as u64).sum::<u64>();
        self.digest.extend(&other.digest);
        let mut counts: Vec<_> = other.counts.iter().map(|(bits, count)| (f64::from_bits(*bits), *count)).collect();
        counts.sort_by(|left, right| left.0.total_cmp(&right.0));
        counts.into_iter().for_each(|(value, count)| self.add(value, count));
        if !self.digest.is_empty() {
            self.compress();
        }
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn min(&self) -> f64 {
        self.min
    }

    pub fn max(&self) -> f64 {
        self.max
    }

    /// Sorted once, to be asked many times.
    pub fn finish(mut self) -> Distribution {
        if !self.digest.is_empty() {
            self.compress();
            let digest = with_ends(self.digest);
            return Distribution { count: self.count, min: self.min, max: self.max, steps: None, digest };
        }
        let mut values: Vec<(f64, u64)> =
            self.counts.iter().map(|(bits, count)| (f64::from_bits(*bits), *count)).collect();
        values.sort_by(|left, right| left.0.total_cmp(&right.0));
        let mut before = 0;
        for (_, count) in &mut values {
            before += *count;
            *count = before;
        }
        Distribution { count: self.count, min: self.min, max: self.max, steps: Some(values), digest: Vec::new() }
    }

    fn add(&mut self, value: f64, count: u64) {
        if self.count == 0 {
            (self.min, self.max) = (value, value);
        }
        self.count += count;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        // 0.0 and -0.0 are one number.
        let value = if value == 0.0 { 0.0 } else { value };
        *self.counts.entry(value.to_bits()).or_default() += count;
        let most = if self.digest.is_empty() { EXACT_NUMBERS } else { PENDING_NUMBERS };
        if self.counts.len() > most {
            self.compress();
        }
    }

    fn compress(&mut self) {
        let mut all = std::mem::take(&mut self.digest);
        all.extend(self.counts.drain().map(|(bits, count)| (f64::from_bits(bits), count as f64)));
        all.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.total_cmp(&right.1)));
        let total: f64 = all.iter().map(|(_, weight)| weight).sum();
        let mut before = 0.0;
        let mut started = scale(0.0);
        for (mean, weight) in all {
            match self.digest.last_mut() {
                Some((last, held)) if scale((before + weight) / total) - started <= 1.0 => {
                    *held += weight;
                    *last = between(*last, mean, weight / *held);
                }
                _ => {
                    started = scale(before / total);
                    self.digest.push((mean, weight));
                }
            }
            before += weight;
        }
    }
}

/// The scale function k₁: no centroid of several numbers spans more than 1 of it.
fn scale(share: f64) -> f64 {
    COMPRESSION / std::f64::consts::TAU * (2.0 * share.clamp(0.0, 1.0) - 1.0).asin()
}

/// A centroid that spans more is one number that came often. Values are interpolated between the middles of
/// centroids: ends of its own keep its neighbours out of it.
fn with_ends(digest: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let total: f64 = digest.iter().map(|(_, weight)| weight).sum();
    let mut apart = Vec::with_capacity(digest.len());
    let mut before = 0.0;
    for (mean, weight) in digest {
        let span = scale((before + weight) / total) - scale(before / total);
        before += weight;
        if span > 1.0 && weight > 2.0 {
            apart.extend([(mean, 1.0), (mean, weight - 2.0), (mean, 1.0)]);
        } else {
            apart.push((mean, weight));
        }
    }
    apart
}

/// A finished [`Quantiles`].
#[derive(Debug, Clone)]
pub struct Distribution {
    count: u64,
    min: f64,
    max: f64,
    /// Each number with how many are at most it, where all were kept.
    steps: Option<Vec<(f64, u64)>>,
    digest: Vec<(f64, f64)>,
}

impl Distribution {
    /// Whether every number was kept.
    pub fn is_exact(&self) -> bool {
        self.steps.is_some()
    }

    /// The value below which that share of the values lies, with numpy's linear interpolation.
    pub fn quantile(&self, share: f64) -> f64 {
        if self.count == 0 {
            return f64::NAN;
        }
        if let Some(steps) = &self.steps {
            let place = share * (self.count - 1) as f64;
            let at = |index: u64| steps[steps.partition_point(|(_, until)| *until <= index).min(steps.len() - 1)].0;
            let (low, high) = (at(place.floor() as u64), at(place.ceil() as u64));
            return between(low, high, place.fract());
        }
        // Each centroid stands in the middle of its weight.
        let wanted = share * self.count as f64;
        let (mut last_at, mut last_value, mut before) = (0.0, self.min, 0.0);
        for (mean, weight) in &self.digest {
            let at = before + weight / 2.0;
            if wanted < at {
                return between(last_value, *mean, (wanted - last_at) / (at - last_at));
            }
            (last_at, last_value) = (at, *mean);
            before += weight;
        }
        let rest = before - last_at;
        if rest <= 0.0 { self.max } else { between(last_value, self.max, (wanted - last_at) / rest) }
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn min(&self) -> f64 {
        self.min
    }

    pub fn max(&self) -> f64 {
        self.max
    }

    /// The commonest numbers first, equally common ones by size; none where they were not all kept.
    pub fn commonest(&self, most: usize) -> Vec<(f64, u64)> {
        let mut before = 0;
        let mut counts: Vec<(f64, u64)> = Vec::new();
        for (value, until) in self.steps.iter().flatten() {
            counts.push((*value, until - before));
            before = *until;
        }
        counts.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.total_cmp(&right.0)));
        counts.truncate(most);
        counts
    }

    /// How many values are below `value`.
    pub fn rank_below(&self, value: f64) -> f64 {
        match &self.steps {
            Some(steps) => match steps.partition_point(|(seen, _)| *seen < value) {
                0 => 0.0,
                place => steps[place - 1].1 as f64,
            },
            None => self.rank(value),
        }
    }

    /// How many values are at most `value`.
    pub fn rank(&self, value: f64) -> f64 {
        if let Some(steps) = &self.steps {
            let place = steps.partition_point(|(seen, _)| *seen <= value);
            return if place == 0 { 0.0 } else { steps[place - 1].1 as f64 };
        }
        if value < self.min {
            return 0.0;
        }
        if value >= self.max {
            return self.count as f64;
        }
        let (mut last_at, mut last_value, mut before) = (0.0, self.min, 0.0);
        for (mean, weight) in &self.digest {
            let at = before + weight / 2.0;
            if value < *mean {
                return last_at + (at - last_at) * share(last_value, *mean, value);
            }
            (last_at, last_value) = (at, *mean);
            before += weight;
        }
        last_at + (self.count as f64 - last_at) * share(last_value, self.max, value)
    }
}

/// The number that lies `share` of the way from one to another. Of two near both ends of the range the difference alone
/// is beyond it.
fn between(low: f64, high: f64, share: f64) -> f64 {
    let difference = high - low;
    if difference.is_finite() { low + difference * share } else { low * (1.0 - share) + high * share }
}

/// How far `value` is on the way from `low` to `high`; 1 where that is no way.
fn share(low: f64, high: f64, value: f64) -> f64 {
    let span = high - low;
    if span <= 0.0 {
        return 1.0;
    }
    if span.is_finite() { (value - low) / span } else { (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0) }
}

/// The commonest values.
#[derive(Debug, Clone, Default)]
pub struct Frequent {
    counts: HashMap<String, u64>,
    /// What every value not counted may have at most; zero while all are.
    floor: u64,
}

impl Frequent {
    pub fn see(&mut self, value: &str) {
        self.add(value, 1);
    }

    pub fn merge(&mut self, other: &Self) {
        let mut values: Vec<_> = other.counts.iter().collect();
        values.sort();
        values.into_iter().for_each(|(value, count)| self.add(value, *count));
        self.floor = self.floor.max(other.floor);
    }

    /// Whether no value had to be dropped.
    pub fn is_exact(&self) -> bool {
        self.floor == 0
    }

    /// The commonest first, equally common ones by name.
    pub fn top(&self, most: usize) -> Vec<(String, u64)> {
        let mut values: Vec<_> = self.counts.iter().map(|(value, count)| (value.clone(), *count)).collect();
        values.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        values.truncate(most);
        values
    }

    fn add(&mut self, value: &str, count: u64) {
        if let Some(held) = self.counts.get_mut(value) {
            *held += count;
            return;
        }
        if self.counts.len() >= 2 * EXACT_VALUES {
            self.drop_rare();
        }
        self.counts.insert(value.to_owned(), self.floor + count);
    }

    /// Space-Saving replaces the rarest at each new value; dropping the rarer half at once does the
    /// same in amortised constant time, and the floor keeps the bound.
    fn drop_rare(&mut self) {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        let (_, middle, _) = counts.select_nth_unstable(EXACT_VALUES);
        let middle = *middle;
        self.floor = self.floor.max(middle);
        self.counts.retain(|_, count| *count > middle);
    }
}

/// Mean and variance.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    pub fn see(&mut self, value: f64) {
        self.count += 1.0;
        let difference = value - self.mean;
        self.mean = if difference.is_finite() {
            self.mean + difference / self.count
        } else {
            between(self.mean, value, 1.0 / self.count)
        };
        self.squares += difference * (value - self.mean);
    }

    pub fn merge(&mut self, other: &Self) {
        if other.count == 0.0 {
            return;
        }
        if self.count == 0.0 {
            *self = *other;
            return;
        }
        let count = self.count + other.count;
        let difference = other.mean - self.mean;
        self.squares += other.squares + difference * difference * self.count * other.count / count;
        self.mean = between(self.mean, other.mean, other.count / count);
        self.count = count;
    }

    pub fn count(&self) -> f64 {
        self.count
    }

    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Of the sample, as pandas' `std`: divided by n − 1. Zero for one value; the largest number where the
    /// squares are beyond it.
    pub fn std(&self) -> f64 {
        if self.count < 2.0 { 0.0 } else { (self.squares / (self.count - 1.0)).sqrt().min(f64::MAX) }
    }
}
