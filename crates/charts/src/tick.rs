//! Ticks that never collide, at round values, with labels as short as they may be.

use api::figure::{measured, minus};

use crate::plot::{Range, Scale};

/// A value on an axis with its label.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    pub value: f64,
    pub label: String,
}

/// The finest round ticks for which `fits(ticks)` holds.
pub fn ticks(range: &Range, unit: &str, fits: impl Fn(&[Tick]) -> bool) -> Vec<Tick> {
    let candidates: Vec<Vec<Tick>> = match range.scale {
        Scale::Linear => linear(range, unit),
        Scale::Log => logarithmic(range, unit),
        Scale::Time { offset_minutes } => times(range, offset_minutes),
    };
    candidates.into_iter().find(|ticks| ticks.len() >= 2 && fits(ticks)).unwrap_or_default()
}

/// Sets of ticks, finest first.
fn linear(range: &Range, unit: &str) -> Vec<Vec<Tick>> {
    let span = range.high - range.low;
    if span <= 0.0 || !span.is_finite() {
        return Vec::new();
    }
    let first = (span / 24.0).log10().floor() as i32;
    let mut sets = Vec::new();
    for power in first..first + 4 {
        for factor in [1.0, 2.0, 2.5, 5.0] {
            let step = factor * 10_f64.powi(power);
            if span / step > 24.0 {
                continue;
            }
            let start = (range.low / step - 1e-9).ceil() as i64;
            let end = (range.high / step + 1e-9).floor() as i64;
            let values: Vec<f64> = (start..=end).map(|index| index as f64 * step).collect();
            sets.push(label_all(&values, step, unit));
        }
    }
    sets
}

fn logarithmic(range: &Range, unit: &str) -> Vec<Vec<Tick>> {
    let (low, high) = (range.place(range.low), range.place(range.high));
    if high - low < 0.7 {
        return linear(range, unit);
    }
    let mut sets = Vec::new();
    for factors in [&[1.0, 2.0, 5.0][..], &[1.0, 3.0][..], &[1.0][..]] {
        let mut values = Vec::new();
        for power in low.floor() as i32..=high.ceil() as i32 {
            for factor in factors {
                let value = factor * 10_f64.powi(power);
                if value >= range.low * (1.0 - 1e-9) && value <= range.high * (1.0 + 1e-9) {
                    values.push(value);
                }
            }
        }
        sets.push(
            values.into_iter().map(|value| Tick { value, label: with_unit(&plain(value, value), unit) }).collect(),
        );
    }
    for stride in [2, 3, 5, 10] {
        let powers = (low.ceil() as i32..=high.floor() as i32).filter(|power| power % stride == 0);
        sets.push(
            powers
                .map(|power| {
                    let value = 10_f64.powi(power);
                    Tick { value, label: with_unit(&plain(value, value), unit) }
                })
                .collect(),
        );
    }
    sets
}

/// Labels of equally spaced values: all with the same digits.
fn label_all(values: &[f64], step: f64, unit: &str) -> Vec<Tick> {
    // The largest decides the unit: never "500,000" beside "1.5 M".
    let largest = values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let label = |value: f64| match largest {
        _ if value.abs() < step * 1e-6 => "0".to_owned(),
        1e9..1e15 => minus(&scaled(value, step, 1e9, " G")),
        1e6..1e9 => minus(&scaled(value, step, 1e6, " M")),
        _ => plain(value, step),
    };
    values.iter().map(|value| Tick { value: *value, label: with_unit(&label(*value), unit) }).collect()
}

fn with_unit(text: &str, unit: &str) -> String {
    if unit.is_empty() { text.to_owned() } else { format!("{text} {unit}") }
}

/// A value with the digits that its step needs: 0.25, 1,200, 1.5 M, 3e−5.
fn plain(value: f64, step: f64) -> String {
    let size = value.abs();
    let text = if size < step * 1e-6 {
        return "0".to_owned();
    } else if size >= 1e15 || step < 1e-5 {
        exponent(value)
    } else if size >= 1e9 {
        scaled(value, step, 1e9, " G")
    } else if size >= 1e6 {
        scaled(value, step, 1e6, " M")
    } else if step >= 1.0 && step.fract() == 0.0 {
        grouped(size.round() as u64, value < 0.0)
    } else {
        trimmed_decimals(value, step)
    };
    minus(&text)
}

/// A value by itself, with four digits that say something: 12.35, 1,235, 0.001235.
pub(crate) fn said(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { measured(value) };
    }
    let step = 10_f64.powi(value.abs().log10().floor() as i32 - 3);
    let text = plain(value, step);
    let ends = text.contains('.') && !text.contains(['e', ' ']);
    if ends { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A moment by itself: "3 Mar 2026 14:05".
pub(crate) fn moment(ms: f64, offset_minutes: i32) -> String {
    let local = (ms as i64).saturating_add(i64::from(offset_minutes) * MINUTE);
    let ((year, month, day), of_day) = (civil(local.div_euclid(DAY)), local.rem_euclid(DAY));
    let date = format!("{day} {} {year}", MONTHS[month as usize - 1]);
    if of_day == 0 { date } else { format!("{date} {:02}:{:02}", of_day / HOUR, of_day / MINUTE % 60) }
}

/// A count with its thousands apart.
pub(crate) fn count(value: u64) -> String {
    grouped(value, false)
}

/// A share of one: "4.2 %".
pub(crate) fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value >= 10.0 || value == 0.0 { format!("{value:.0} %") } else { format!("{value:.1} %") }
}

fn scaled(value: f64, step: f64, by: f64, name: &str) -> String {
    format!("{}{name}", trimmed_decimals(value / by, step / by))
}

fn trimmed_decimals(value: f64, step: f64) -> String {
    let mut digits = 0_usize;
    let mut rest = step;
    while digits < 9 && (rest - rest.round()).abs() > 1e-6 * rest.abs().max(1e-9) {
        rest *= 10.0;
        digits += 1;
    }
    format!("{value:.digits$}")
}

fn exponent(value: f64) -> String {
    let text = format!("{value:.1e}");
    text.replace(".0e", "e")
}

fn grouped(value: u64, negative: bool) -> String {
    format!("{}{}", if negative { "-" } else { "" }, api::figure::count(value))
}

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const STEPS: [i64; 21] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
];
/// Steps of the calendar, in months.
const MONTH_STEPS: [i64; 10] = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1200];

fn times(range: &Range, offset_minutes: i32) -> Vec<Vec<Tick>> {
    let shift = i64::from(offset_minutes) * MINUTE;
    // A moment that stands for "never" may be at the end of all numbers.
    let (low, high) = ((range.low as i64).saturating_add(shift), (range.high as i64).saturating_add(shift));
    let mut sets = Vec::new();
    for step in STEPS {
        if high.saturating_sub(low) / step > 40 {
            continue;
        }
        let first = low.div_euclid(step).saturating_mul(step);
        let all = std::iter::successors(Some(first), |at| at.checked_add(step)).take_while(|at| *at <= high);
        let ticks = all
            .filter(|at| *at >= low)
            .map(|at| Tick { value: at.saturating_sub(shift) as f64, label: time_label(at, step) })
            .collect();
        sets.push(ticks);
    }
    sets.extend(MONTH_STEPS.iter().filter_map(|step| months(low, high, *step, shift)));
    sets
}

/// Ticks at the first of each `step`th month, of local milliseconds; none where they would be too many.
fn months(low: i64, high: i64, step: i64, shift: i64) -> Option<Vec<Tick>> {
    if high.saturating_sub(low) / (step * 28 * DAY) > 40 {
        return None;
    }
    let ((year, month, _), (last_year, last_month, _)) = (civil(low.div_euclid(DAY)), civil(high.div_euclid(DAY)));
    let (first, last) = (year * 12 + month - 1, last_year * 12 + last_month - 1);
    let from = first.div_euclid(step) * step;
    let all = (0..).map(|index| from + index * step).take_while(|at| *at <= last);
    let ticks = all.filter_map(|at| {
        let (year, month) = (at.div_euclid(12), at.rem_euclid(12));
        let local = days(year, month + 1, 1) * DAY;
        let label = if step < 12 { format!("{} {year}", MONTHS[month as usize]) } else { year.to_string() };
        (local >= low && local <= high).then(|| Tick { value: local.saturating_sub(shift) as f64, label })
    });
    Some(ticks.collect())
}

fn time_label(local: i64, step: i64) -> String {
    let of_day = local.rem_euclid(DAY);
    if step >= DAY || of_day == 0 {
        let (_, month, day) = civil(local.div_euclid(DAY));
        return format!("{day} {}", MONTHS[month as usize - 1]);
    }
    let (hour, minute, second) = (of_day / HOUR, of_day / MINUTE % 60, of_day / SECOND % 60);
    if step < MINUTE { format!("{hour:02}:{minute:02}:{second:02}") } else { format!("{hour:02}:{minute:02}") }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment in UTC by ISO 8601, to the second: `2026-11-29T05:00:00Z`.
pub fn utc(ms: i64) -> String {
    let (year, month, day) = civil(ms.div_euclid(DAY));
    let of_day = ms.rem_euclid(DAY);
    let (hour, minute, second) = (of_day / HOUR, of_day / MINUTE % 60, of_day / SECOND % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day since the epoch (Howard Hinnant's `civil_from_days`).
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day since the epoch of a date (Howard Hinnant's `days_from_civil`).
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}
