//! How much the params and tags of a run may take together: whoever asks for the run is told all of them at once.
//!
//! They are counted where so much came that they might be too many, and not with each small request.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use api::{ApiError, RunId};

/// Bytes of the keys and values of a run's params and tags.
pub(crate) const MOST_TEXT: usize = 64 << 20;
/// So much of a run of which nothing is known yet, as after a start, may come before it is counted.
const UNCOUNTED: usize = 1 << 20;
/// Runs of which something is known.
const MOST_RUNS: usize = 10_000;

/// How many bytes may come of each run before it is counted again.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    room: Mutex<HashMap<RunId, usize>>,
}

/// Bytes of texts by their keys.
pub(crate) fn bytes_of<'a>(texts: impl IntoIterator<Item = &'a (String, String)>) -> usize {
    texts.into_iter().map(|(key, value)| key.len() + value.len()).sum()
}

/// The same of texts that stand in a map.
pub(crate) fn bytes_in(texts: &BTreeMap<String, String>) -> usize {
    texts.iter().map(|(key, value)| key.len() + value.len()).sum()
}

/// Bytes of the keys and values of what is said of one experiment, model or version.
pub(crate) const MOST_OF_RECORD: usize = 16 << 20;

/// Refuses texts that whoever asks for a record would have to be told of at once. What was there before may stay and
/// become less.
pub(crate) fn check_record(what: &str, before: usize, now: usize) -> Result<(), ApiError> {
    if now <= MOST_OF_RECORD || now <= before {
        return Ok(());
    }
    let message = format!("The texts of this {what} would have {now} bytes together, more than {MOST_OF_RECORD}.");
    Err(ApiError::invalid(message).with_hint("Keep long texts as artifacts, or delete tags that are not needed."))
}

impl Texts {
    /// To be asked in the transaction that wrote so many bytes of texts, behind them.
    ///
    /// # Errors
    /// Where the run has too many with them: none of them is to stay.
    pub(crate) fn check(&self, tx: &store::Transaction<'_>, run: RunId, bytes: usize) -> store::Result<()> {
        if bytes == 0 || self.takes(run, bytes) {
            return Ok(());
        }
        let all = store::param::bytes_of(tx, run)? + store::tag::bytes_of(tx, run)?;
        match MOST_TEXT.checked_sub(usize::try_from(all).unwrap_or(usize::MAX)) {
            Some(room) => {
                self.room.lock().unwrap_or_else(PoisonError::into_inner).insert(run, room);
                Ok(())
            }
            None => Err(ApiError::invalid(format!(
                "The params and tags of run {run} would have {all} bytes together, more than {MOST_TEXT}."
            ))
            .with_hint("Keep long texts as artifacts, or delete tags that are not needed.")
            .into()),
        }
    }

    /// Whether there is room for so much without a count. Where there is none, there is none until it is counted.
    fn takes(&self, run: RunId, bytes: usize) -> bool {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        if room.len() >= MOST_RUNS && !room.contains_key(&run) {
            room.clear();
        }
        let left = room.entry(run).or_insert(UNCOUNTED);
        let rest = left.checked_sub(bytes);
        *left = rest.unwrap_or_default();
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_texts_are_counted_once_they_are_many() {
        let texts = Texts::default();
        let run = |number: usize| RunId::from_bytes((number as u128).to_be_bytes());
        assert!((0..10).all(|_| texts.takes(run(0), UNCOUNTED / 10)));
        assert!(!texts.takes(run(0), UNCOUNTED / 10), "more than may come uncounted");
        assert!(!texts.takes(run(0), 1), "until it is counted");
        assert!(!texts.takes(run(1), UNCOUNTED + 1) && texts.takes(run(2), UNCOUNTED));
        // As many runs as there may be do not fill the memory.
        assert!((0..2 * MOST_RUNS).all(|number| texts.takes(run(3 + number), 1)));
        assert!(texts.room.lock().unwrap().len() <= MOST_RUNS);
    }
}
