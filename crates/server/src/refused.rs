//! What is said in the log of requests that may not ask: anybody on this machine can send them, as many
//! and as long as they like, and must not fill the disk with our log.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// One line in as long.
const EVERY: Duration = Duration::from_secs(60);
/// Characters of a path, and of a reason, that are told.
const LONGEST: usize = 100;

/// Refused requests since the last line.
#[derive(Debug, Default)]
pub(crate) struct Refused(Mutex<Since>);

#[derive(Debug, Default)]
struct Since {
    told: Option<Instant>,
    untold: u64,
}

impl Refused {
    /// Logs the first refusal of a minute, with the number of those before that were not told.
    pub(crate) fn note(&self, path: &str, reason: &str) {
        if let Some(untold) = self.counted(Instant::now()) {
            tracing::warn!(path = cut(path), untold, "refused: {}", cut(reason));
        }
    }

    /// The refusals that were not told, where it is time for a line.
    fn counted(&self, now: Instant) -> Option<u64> {
        let mut since = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if since.told.is_some_and(|told| now.duration_since(told) < EVERY) {
            since.untold += 1;
            return None;
        }
        since.told = Some(now);
        Some(std::mem::take(&mut since.untold))
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_one_line_and_no_refusal_is_lost() {
        let (refused, start) = (Refused::default(), Instant::now());
        let at = |seconds: u64| refused.counted(start + Duration::from_secs(seconds));
        assert_eq!(at(0), Some(0));
        for second in 1..60 {
            assert_eq!(at(second), None);
        }
        assert_eq!(at(60), Some(59));
        assert_eq!(at(61), None);
        assert_eq!(at(500), Some(1));
    }

    #[test]
    fn a_line_is_short() {
        assert_eq!(cut("/api/call"), "/api/call");
        assert_eq!(cut(&"ä".repeat(60_000)).chars().count(), LONGEST + 1);
    }
}
