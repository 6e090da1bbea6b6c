//! How long a search may take: one that goes on for ever would keep a reader of the database from all others, and the
//! workspace from being closed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use api::ApiError;
use store::StoreError;

use super::Moment;

/// How long rows are matched at most.
const LONGEST: Duration = Duration::from_secs(20);
/// How long a help beside the answer is looked for.
const HELP: Duration = Duration::from_secs(1);

/// What is known of who asks.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(super) moment: Moment,
    gone: Arc<AtomicBool>,
    closing: Arc<AtomicBool>,
}

/// Lives as long as somebody waits for the answer.
#[derive(Debug)]
pub(crate) struct Asking {
    gone: Arc<AtomicBool>,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

pub(super) fn ask(moment: Moment, closing: Arc<AtomicBool>) -> (Asked, Asking) {
    let gone = Arc::new(AtomicBool::new(false));
    (Asked { moment, gone: Arc::clone(&gone), closing }, Asking { gone })
}

impl Asked {
    /// Errs once the work that begins now is not to go on.
    pub(crate) fn goes_on(&self) -> impl Fn() -> store::Result<()> {
        let patience = self.patience();
        move || patience.check()
    }

    pub(super) fn patience(&self) -> Patience<'_> {
        Patience { asked: self, until: Instant::now() + LONGEST }
    }

    /// Whether there is still time for a help beside the answer, and somebody waits for it.
    pub(crate) fn time_for_help(&self) -> impl Fn() -> bool {
        let patience = Patience { asked: self, until: Instant::now() + HELP };
        move || patience.check().is_ok()
    }
}

/// Ends what takes too long, or what nobody waits for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience<'a> {
    asked: &'a Asked,
    until: Instant,
}

impl Patience<'_> {
    /// # Errors
    /// Where the search is not to go on.
    pub(super) fn check(&self) -> store::Result<()> {
        if self.asked.closing.load(Ordering::Relaxed) {
            return Err(StoreError::Closed);
        }
        if self.asked.gone.load(Ordering::Relaxed) {
            return Err(StoreError::Stopped);
        }
        if Instant::now() < self.until {
            return Ok(());
        }
        let message = format!("The filter takes longer than {} seconds here.", LONGEST.as_secs());
        let hint = "Use fewer conditions, patterns (`like`) with fewer `_`, or compare metrics, params and tags in place of notes.";
        Err(ApiError::invalid(message).with_hint(hint).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(patience: &Patience<'_>) -> String {
        patience.check().map_or_else(|error| error.to_string(), |()| "goes on".to_owned())
    }

    #[test]
    fn a_search_ends_with_its_time_its_caller_and_the_workspace() {
        let closing = Arc::new(AtomicBool::new(false));
        let (asked, asking) = ask(Moment(0), Arc::clone(&closing));
        assert_eq!(said(&asked.patience()), "goes on");
        let late = Patience { until: Instant::now(), ..asked.patience() };
        assert!(said(&late).contains("The filter takes longer than 20 seconds"), "{}", said(&late));
        let has_time = asked.time_for_help();
        assert!(has_time());
        drop(asking);
        assert!(!has_time());
        assert_eq!(said(&asked.patience()), "stopped");
        closing.store(true, Ordering::Relaxed);
        assert_eq!(said(&asked.patience()), "the database is closed");
    }
}
