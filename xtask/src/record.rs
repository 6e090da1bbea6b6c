//! How long each step took here before, so that the next run can say how long it will take.
//!
//! Kept in the cache, apart for cold steps (nothing was built before) and warm ones.

use std::{collections::BTreeMap, fs, path::PathBuf};

use crate::place;

/// So many past durations are kept of each step.
const KEPT: usize = 5;

/// Seconds by step, oldest first.
type Record = BTreeMap<String, Vec<f64>>;

fn file() -> PathBuf {
    place::cache().join("times.json")
}

fn read() -> Record {
    fs::read(file()).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn key(title: &str, cold: bool) -> String {
    format!("{}: {title}", if cold { "cold" } else { "warm" })
}

/// Notes what a step took. A record that can't be kept only makes the next forecast poorer.
pub(crate) fn note(title: &str, cold: bool, seconds: f64) {
    let mut record = read();
    add(&mut record, key(title, cold), seconds);
    let fresh = file().with_extension("new");
    if let Ok(text) = serde_json::to_vec_pretty(&record) {
        let _ = fs::create_dir_all(place::cache());
        let _ = fs::write(&fresh, text).and_then(|()| fs::rename(&fresh, file()));
    }
}

fn add(record: &mut Record, key: String, seconds: f64) {
    let past = record.entry(key).or_default();
    past.push((seconds * 10.0).round() / 10.0);
    past.drain(..past.len().saturating_sub(KEPT));
}

/// What a step may take: the middle of what it took here before.
pub(crate) fn expected(title: &str, cold: bool) -> Option<f64> {
    middle(read().get(&key(title, cold))?)
}

fn middle(past: &[f64]) -> Option<f64> {
    let mut past = past.to_vec();
    past.sort_by(f64::total_cmp);
    past.get(past.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_durations_are_forgotten() {
        let mut record = Record::new();
        for seconds in 1..=7 {
            add(&mut record, "warm: pages".to_owned(), f64::from(seconds));
        }
        assert_eq!(record["warm: pages"], [3.0, 4.0, 5.0, 6.0, 7.0]);
    }

    #[test]
    fn one_slow_run_does_not_make_the_forecast() {
        assert_eq!(middle(&[1.0, 90.0, 1.2]), Some(1.2));
        assert_eq!(middle(&[]), None);
    }
}
