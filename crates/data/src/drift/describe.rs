//! A column's difference for eyes: both distributions over the same edges, and one sentence.

use std::borrow::Cow;

use api::{config::ColumnType, dataset::Histogram, drift::Distribution};

use super::{
    sample::{Sample, Values, aligned, counted},
    statistic::histogram,
};
use crate::{bars, metrics::bootstrap::percentile};

/// Numbers with at most as many distinct values are shown value by value.
const SHOWN_BY_VALUE: usize = 20;
/// Categories shown; the others stand together as the last one.
const SHOWN_CATEGORIES: usize = 20;
/// Characters of a category that a report keeps: who asks chooses its length.
const SHOWN_CHARACTERS: usize = 200;

/// Both sides over the same edges or values.
pub fn distribution(reference: &Sample, current: &Sample, kind: ColumnType) -> Option<Distribution> {
    match (&reference.values, &current.values) {
        (Values::Numbers(reference), Values::Numbers(current)) => {
            let distinct = |side: &[f64]| side.chunk_by(|a, b| a == b).take(SHOWN_BY_VALUE + 1).count();
            if kind != ColumnType::Datetime && distinct(reference).max(distinct(current)) <= SHOWN_BY_VALUE {
                let (keys, left, right) = aligned(&counted(reference), &counted(current));
                if keys.len() <= SHOWN_BY_VALUE {
                    let values = keys.into_iter().map(number).collect();
                    return Some(Distribution::Categories { values, reference: left, current: right });
                }
            }
            Some(numeric(reference, current, kind))
        }
        (Values::Categories(reference), Values::Categories(current)) => Some(categories(reference, current)),
        _ => None,
    }
}

/// Both sides over the same edges, laid by both: what lies far out of one may be the middle of the other.
fn numeric(reference: &[f64], current: &[f64], kind: ColumnType) -> Distribution {
    let least = |share: f64| percentile(reference, share).min(percentile(current, share));
    let most = |share: f64| percentile(reference, share).max(percentile(current, share));
    let is_whole = |side: &[f64]| side.iter().all(|value| value.fract() == 0.0);
    let is_whole = kind != ColumnType::Datetime && is_whole(reference) && is_whole(current);
    let quantile = |share: f64| if share < 0.5 { least(share) } else { most(share) };
    let edges = bars::edges(least(0.0), most(1.0), is_whole, quantile);
    let side = |sorted: &[f64]| Histogram { edges: edges.clone(), counts: histogram(sorted, &edges) };
    Distribution::Numeric { reference: side(reference), current: side(current) }
}

fn categories(reference: &[(String, u64)], current: &[(String, u64)]) -> Distribution {
    let (keys, left, right) = aligned(reference, current);
    let mut rows: Vec<(String, u64, u64)> =
        keys.into_iter().zip(left).zip(right).map(|((k, a), b)| (k, a, b)).collect();
    rows.sort_by(|a, b| (b.1 + b.2).cmp(&(a.1 + a.2)).then_with(|| a.0.cmp(&b.0)));
    if rows.len() > SHOWN_CATEGORIES {
        let others = rows.split_off(SHOWN_CATEGORIES - 1);
        let (count, sums) = (others.len(), others.iter().fold((0, 0), |sums, (_, a, b)| (sums.0 + a, sums.1 + b)));
        rows.push((format!("{count} others"), sums.0, sums.1));
    }
    Distribution::Categories {
        values: rows.iter().map(|row| named(&row.0).into_owned()).collect(),
        reference: rows.iter().map(|row| row.1).collect(),
        current: rows.iter().map(|row| row.2).collect(),
    }
}

/// A category as a report names it: a long one by its beginning and a hash of the whole, so that two stay two.
pub(super) fn named(value: &str) -> Cow<'_, str> {
    match value.char_indices().nth(SHOWN_CHARACTERS) {
        None => Cow::Borrowed(value),
        Some((end, _)) => {
            let hash = blake3::hash(value.as_bytes()).to_hex();
            Cow::Owned(format!("{}… ({})", &value[..end], &hash[..8]))
        }
    }
}

/// What changed most, in a few words: "Median 31 → 58".
pub fn sentence(reference: &Sample, current: &Sample, kind: ColumnType) -> String {
    let mut parts = vec![match (&reference.values, &current.values) {
        (Values::Numbers(reference), Values::Numbers(current)) => numbers(reference, current, kind),
        (Values::Categories(reference), Values::Categories(current)) => shares(reference, current),
        _ => String::new(),
    }];
    if (reference.missing_share() - current.missing_share()).abs() >= 0.01 {
        parts.push(format!("missing {}", missing(reference, current)));
    }
    parts.join("; ")
}

/// Shares of missing values: "2 % → 40 %".
pub fn missing(reference: &Sample, current: &Sample) -> String {
    format!("{} → {}", percent(reference.missing_share()), percent(current.missing_share()))
}

fn numbers(reference: &[f64], current: &[f64], kind: ColumnType) -> String {
    let show = |value| if kind == ColumnType::Datetime { day(value) } else { number(value) };
    let (before, after) = (show(percentile(reference, 0.5)), show(percentile(current, 0.5)));
    if before != after || kind == ColumnType::Datetime {
        return format!("Median {before} → {after}");
    }
    let middle = |side: &[f64]| number(percentile(side, 0.75) - percentile(side, 0.25));
    let (before_spread, after_spread) = (middle(reference), middle(current));
    if before_spread == after_spread {
        return format!("Median {before}, unchanged");
    }
    format!("Median {before}, unchanged; middle half spans {before_spread} → {after_spread}")
}

fn shares(reference: &[(String, u64)], current: &[(String, u64)]) -> String {
    let (keys, left, right) = aligned(reference, current);
    let (before, after) = (left.iter().sum::<u64>() as f64, right.iter().sum::<u64>() as f64);
    let change = |index: &usize| (left[*index] as f64 / before - right[*index] as f64 / after).abs();
    let Some(most) = (0..keys.len()).max_by(|a, b| change(a).total_cmp(&change(b)).then(b.cmp(a))) else {
        return String::new();
    };
    let (p, q) = (left[most] as f64 / before, right[most] as f64 / after);
    let name = named(&keys[most]);
    let mut text = match (percent(p), percent(q)) {
        (before, after) if before == after => format!("“{name}” {before}, unchanged"),
        (before, after) => format!("“{name}” {before} → {after}"),
    };
    let new = left.iter().filter(|count| **count == 0).count();
    if new > 0 {
        let unseen: u64 = left.iter().zip(&right).filter(|(a, _)| **a == 0).map(|(_, b)| b).sum();
        let values = if new == 1 { "1 new value".to_owned() } else { format!("{new} new values") };
        text.push_str(&format!("; {values} in {} of rows", percent(unseen as f64 / after)));
    }
    text
}

/// Three digits that count, as a person would write them.
pub fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let size = value.abs().log10().floor() as i32;
    if !(-4..15).contains(&size) {
        return api::figure::minus(&format!("{value:.2e}"));
    }
    let decimals = (2 - size).max(0) as usize;
    let mut text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    let sign = usize::from(text.starts_with('-'));
    let mut at = text.find('.').unwrap_or(text.len());
    while at > sign + 3 {
        at -= 3;
        text.insert(at, ',');
    }
    api::figure::minus(&text)
}

fn percent(share: f64) -> String {
    let value = share * 100.0;
    if value > 0.0 && value < 0.1 {
        "< 0.1 %".to_owned()
    } else if value < 10.0 {
        format!("{} %", number((value * 10.0).round() / 10.0))
    } else {
        format!("{value:.0} %")
    }
}

fn day(milliseconds: f64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds as i64)
        .map_or_else(|_| number(milliseconds), |time| time.strftime("%Y-%m-%d %H:%M").to_string())
}
