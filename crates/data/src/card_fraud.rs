//! Synthetic card payments, by a seeded generator.
//!
//! Nobody's payments: every value is drawn here. What it promises, and a test holds it to:
//! - 60 days of 9,000 payments, 0.48 % of them fraud; the last fifth by time has over 500 frauds.
//! - Fraud is a matter of combinations (a far place *and* an unusual amount, many payments *and*
//!   tiny amounts *online*, a shell in `v1`, `v2`, the sign of `v3 · v4`); each sign alone is common
//!   among honest payments, so that no line separates them, and trees do much better.
//! - A tenth of the frauds are drawn as honest payments are: nobody can find those.
//! - The second period, the ten days after, has higher amounts, later hours and another mix of
//!   merchants, with new ones among them; what makes a payment fraud stays.

use std::{f64::consts::TAU, path::Path, sync::Arc};

use api::config::ColumnType;
use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMillisecondArray};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use crate::{
    error::DataError,
    progress::{Progress, report},
    table::ParquetOut,
    whole_file,
};

const DAY_ROWS: usize = 9_000;
const FRAUD_SHARE: f64 = 0.0048;
const FIRST_DAYS: std::ops::Range<u32> = 0..60;
const SECOND_DAYS: std::ops::Range<u32> = 60..70;
pub(crate) const ROWS: u64 = SECOND_DAYS.end as u64 * DAY_ROWS as u64;
/// 2026-03-01, as good as any: the data is made up.
const START_MS: i64 = 1_772_323_200_000;
const DAY_MS: i64 = 86_400_000;

const CATEGORIES: [(&str, f64, f64); 10] = [
    // Name, how common, typical amount.
    ("groceries", 0.26, 38.0),
    ("restaurants", 0.17, 27.0),
    ("fuel", 0.11, 52.0),
    ("online_shopping", 0.15, 45.0),
    ("electronics", 0.05, 140.0),
    ("travel", 0.05, 190.0),
    ("clothing", 0.08, 60.0),
    ("health", 0.06, 35.0),
    ("games", 0.04, 14.0),
    ("transport", 0.03, 9.0),
];
const MERCHANTS: usize = 10;
const NEW_MERCHANTS: usize = 4;
const COUNTRIES: [(&str, f64); 7] =
    [("DE", 0.46), ("FR", 0.17), ("NL", 0.12), ("AT", 0.09), ("PL", 0.07), ("GB", 0.05), ("US", 0.04)];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Period {
    First,
    Second,
}

#[derive(Debug, Clone)]
struct Payment {
    time_ms: i64,
    amount: f64,
    merchant: String,
    category: &'static str,
    country: &'static str,
    hour: i64,
    distance_km: f64,
    card_age_days: i64,
    payments_last_day: i64,
    amount_ratio: f64,
    v: [f64; 6],
    is_fraud: i64,
}

/// Writes the first period to `data/transactions.parquet` and the second to
/// `second-period/transactions.parquet` below the folder. The same seed gives the same bytes.
pub(crate) fn generate(seed: u64, folder: &Path, progress: Progress<'_>) -> Result<(), DataError> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let first = folder.join("data").join("transactions.parquet");
    write(&first, FIRST_DAYS, Period::First, &mut random, progress)?;
    let second = folder.join("second-period").join("transactions.parquet");
    write(&second, SECOND_DAYS, Period::Second, &mut random, progress)
}

fn write(
    path: &Path,
    days: std::ops::Range<u32>,
    period: Period,
    random: &mut ChaCha8Rng,
    progress: Progress<'_>,
) -> Result<(), DataError> {
    use ColumnType::{Category, Datetime, Decimal, Integer};
    let columns: Vec<(String, ColumnType)> = [
        ("timestamp", Datetime),
        ("amount", Decimal),
        ("merchant", Category),
        ("category", Category),
        ("country", Category),
        ("hour", Integer),
        ("distance_km", Decimal),
        ("card_age_days", Integer),
        ("payments_last_day", Integer),
        ("amount_ratio", Decimal),
        ("v1", Decimal),
        ("v2", Decimal),
        ("v3", Decimal),
        ("v4", Decimal),
        ("v5", Decimal),
        ("v6", Decimal),
        ("is_fraud", Integer),
    ]
    .map(|(name, kind)| (name.to_owned(), kind))
    .to_vec();
    whole_file::write(path, |file| {
        let mut out = ParquetOut::new(file, path, &columns)?;
        for number in days {
            out.write(arrays(&day(number, period, random)))?;
            report(progress, DAY_ROWS as u64)?;
        }
        out.finish(&["Synthetic: made by Slipway's generator.".to_owned()])
    })
}

/// A day's payments by time, with its exact share of frauds (carried over days, so that every part
/// of a split by time holds what it should).
fn day(number: u32, period: Period, random: &mut ChaCha8Rng) -> Vec<Payment> {
    let frauds_until = |day: u32| (f64::from(day) * DAY_ROWS as f64 * FRAUD_SHARE).floor() as usize;
    let frauds = frauds_until(number + 1) - frauds_until(number);
    let mut labels = vec![false; DAY_ROWS];
    labels[..frauds].fill(true);
    labels.shuffle(random);
    let mut payments: Vec<Payment> =
        labels.into_iter().map(|is_fraud| payment(number, period, is_fraud, random)).collect();
    payments.sort_by_key(|payment| payment.time_ms);
    payments
}

fn payment(day: u32, period: Period, is_fraud: bool, random: &mut ChaCha8Rng) -> Payment {
    let mut traits = Traits::honest(random);
    if is_fraud {
        traits.defraud(random);
    }
    traits.into_payment(day, period, is_fraud, random)
}

/// What a payment is like, before it has numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Traits {
    far: bool,
    unusual_amount: bool,
    tiny: bool,
    busy: bool,
    night: bool,
    new_card: bool,
    category: Option<usize>,
    /// On the shell in `v1`, `v2`.
    on_shell: bool,
    /// `v3 · v4` large and positive.
    aligned: bool,
}

impl Traits {
    /// Each sign of fraud is common among honest payments, and independent of the others.
    fn honest(random: &mut ChaCha8Rng) -> Self {
        Self {
            far: random.random_bool(0.025),
            unusual_amount: random.random_bool(0.025),
            tiny: random.random_bool(0.05),
            busy: random.random_bool(0.025),
            night: random.random_bool(0.06),
            new_card: random.random_bool(0.08),
            category: None,
            on_shell: random.random_bool(0.025),
            aligned: random.random_bool(0.03),
        }
    }

    /// One of five schemes; a tenth of the frauds stay as they are.
    fn defraud(&mut self, random: &mut ChaCha8Rng) {
        let online = Some(3);
        match random.random_range(0..100) {
            0..10 => {}
            10..32 => {
                self.far = true;
                self.unusual_amount = true;
                self.tiny = false;
            }
            32..54 => {
                self.tiny = true;
                self.unusual_amount = false;
                self.busy = true;
                self.category = online;
            }
            54..76 => {
                self.on_shell = true;
                self.night = true;
            }
            _ => {
                self.aligned = true;
                self.new_card = true;
            }
        }
    }

    fn into_payment(self, day: u32, period: Period, is_fraud: bool, random: &mut ChaCha8Rng) -> Payment {
        let category = self.category.unwrap_or_else(|| category(period, random));
        let (name, _, typical) = CATEGORIES[category];
        let hour = self.hour(period, random);
        let time_ms = START_MS + i64::from(day) * DAY_MS + hour * 3_600_000 + random.random_range(0..3_600_000);
        let ratio = if self.unusual_amount { 3.0 * exp(0.35, random) } else { exp(0.45, random).min(2.6) };
        let dearer = if period == Period::Second { 1.6 } else { 1.0 };
        let amount = if self.tiny { random.random_range(0.5..3.0) } else { typical * ratio * exp(0.25, random) };
        let distance_km = if self.far { 350.0 * exp(0.7, random) } else { 6.0 * exp(1.0, random) };
        let payments_last_day = if self.busy { random.random_range(8..25) } else { random.random_range(0..7) };
        let card_age_days = if self.new_card { random.random_range(1..45) } else { random.random_range(45..3000) };
        Payment {
            time_ms,
            amount: rounded(amount * dearer, 2),
            merchant: merchant(category, period, random),
            category: name,
            country: country(random),
            hour,
            distance_km: rounded(distance_km, 1),
            card_age_days,
            payments_last_day,
            amount_ratio: rounded(ratio, 2),
            v: self.measures(random),
            is_fraud: i64::from(is_fraud),
        }
    }

    fn hour(self, period: Period, random: &mut ChaCha8Rng) -> i64 {
        let hour = if self.night {
            f64::from(random.random_range(0..6))
        } else {
            (14.0 + 3.6 * normal(random)).clamp(6.0, 23.0)
        };
        // Later hours, and more nights.
        let shift = if period == Period::Second && !self.night { 4.0 * random.random::<f64>() + 1.0 } else { 0.0 };
        (hour + shift).floor() as i64 % 24
    }

    /// Two measures around a shell, two with a hidden sign, two of noise. Each has the same mean for
    /// fraud and for honest payments.
    fn measures(self, random: &mut ChaCha8Rng) -> [f64; 6] {
        let radius = if self.on_shell { 2.6 + 0.15 * normal(random) } else { 0.95 * normal(random) };
        let angle = random.random::<f64>() * TAU;
        let (mut third, mut fourth) = (normal(random), normal(random));
        if self.aligned {
            let sign = if random.random_bool(0.5) { 1.0 } else { -1.0 };
            third = sign * (1.7 + 0.4 * normal(random).abs());
            fourth = sign * (1.7 + 0.4 * normal(random).abs());
        } else if third * fourth > 1.5 {
            fourth = -fourth;
        }
        let measures = [radius * angle.cos(), radius * angle.sin(), third, fourth, normal(random), normal(random)];
        measures.map(|value| rounded(value, 3))
    }
}

fn category(period: Period, random: &mut ChaCha8Rng) -> usize {
    let place = chosen(CATEGORIES.iter().map(|(_, share, _)| *share), random);
    // People buy more on the net than before.
    if period == Period::Second && place < 2 && random.random_bool(0.35) { 3 + place } else { place }
}

/// Few merchants take most payments; in the second period others lead, and some are new.
fn merchant(category: usize, period: Period, random: &mut ChaCha8Rng) -> String {
    let rank = chosen((1..=MERCHANTS).map(|rank| 1.0 / rank as f64), random);
    let number = match period {
        Period::First => rank,
        Period::Second if random.random_bool(0.3) => MERCHANTS + random.random_range(0..NEW_MERCHANTS),
        Period::Second => MERCHANTS - 1 - rank,
    };
    format!("M{:03}", category * (MERCHANTS + NEW_MERCHANTS) + number)
}

fn country(random: &mut ChaCha8Rng) -> &'static str {
    COUNTRIES[chosen(COUNTRIES.iter().map(|(_, share)| *share), random)].0
}

fn chosen(shares: impl Iterator<Item = f64> + Clone, random: &mut ChaCha8Rng) -> usize {
    let mut left = random.random::<f64>() * shares.clone().sum::<f64>();
    let mut last = 0;
    for (place, share) in shares.enumerate() {
        last = place;
        left -= share;
        if left < 0.0 {
            break;
        }
    }
    last
}

/// Box and Muller's standard normal.
fn normal(random: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (TAU * random.random::<f64>()).cos()
}

/// Lognormal around one.
fn exp(spread: f64, random: &mut ChaCha8Rng) -> f64 {
    (spread * normal(random)).exp()
}

fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

fn arrays(payments: &[Payment]) -> Vec<ArrayRef> {
    let decimal = |of: &dyn Fn(&Payment) -> f64| -> ArrayRef {
        Arc::new(payments.iter().map(|payment| Some(of(payment))).collect::<Float64Array>())
    };
    let integer = |of: &dyn Fn(&Payment) -> i64| -> ArrayRef {
        Arc::new(payments.iter().map(|payment| Some(of(payment))).collect::<Int64Array>())
    };
    let text = |of: &dyn Fn(&Payment) -> String| -> ArrayRef {
        Arc::new(payments.iter().map(|payment| Some(of(payment))).collect::<StringArray>())
    };
    let times: TimestampMillisecondArray = payments.iter().map(|payment| Some(payment.time_ms)).collect();
    let mut arrays: Vec<ArrayRef> = vec![
        Arc::new(times),
        decimal(&|payment| payment.amount),
        text(&|payment| payment.merchant.clone()),
        text(&|payment| payment.category.to_owned()),
        text(&|payment| payment.country.to_owned()),
        integer(&|payment| payment.hour),
        decimal(&|payment| payment.distance_km),
        integer(&|payment| payment.card_age_days),
        integer(&|payment| payment.payments_last_day),
        decimal(&|payment| payment.amount_ratio),
    ];
    arrays.extend((0..6).map(|place| decimal(&|payment| payment.v[place])));
    arrays.push(integer(&|payment| payment.is_fraud));
    arrays
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWN: usize = 40_000;

    fn drawn() -> Vec<(Traits, Traits)> {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        (0..DRAWN)
            .map(|_| {
                let before = Traits::honest(&mut random);
                let mut after = before;
                after.defraud(&mut random);
                (before, after)
            })
            .collect()
    }

    #[test]
    fn a_tenth_of_the_frauds_looks_honest() {
        let same = drawn().iter().filter(|(before, after)| before == after).count() as f64 / DRAWN as f64;
        // Five standard deviations of a binomial share, and the few that had the signs by chance.
        assert!((same - 0.1).abs() < 5.0 * (0.1_f64 * 0.9 / DRAWN as f64).sqrt() + 0.003, "{same}");
    }

    #[test]
    fn each_sign_alone_is_commoner_among_honest_payments() {
        let share = |has: fn(&Traits) -> bool| {
            let drawn = drawn();
            let count = |of: fn(&(Traits, Traits)) -> Traits| drawn.iter().filter(|pair| has(&of(pair))).count() as f64;
            (count(|pair| pair.0) / DRAWN as f64, count(|pair| pair.1) / DRAWN as f64)
        };
        for (name, has) in [
            ("far", (|traits| traits.far) as fn(&Traits) -> bool),
            ("unusual amount", |traits| traits.unusual_amount),
            ("tiny", |traits| traits.tiny),
            ("busy", |traits| traits.busy),
            ("night", |traits| traits.night),
            ("new card", |traits| traits.new_card),
            ("on the shell", |traits| traits.on_shell),
            ("aligned", |traits| traits.aligned),
        ] {
            let (honest, fraud) = share(has);
            // Of the payments with that sign, how many are fraud: never enough to act upon.
            let precision = fraud * FRAUD_SHARE / (fraud * FRAUD_SHARE + honest * (1.0 - FRAUD_SHARE));
            assert!(precision < 0.06, "{name}: {precision} of the payments with that sign are fraud");
        }
    }
}
