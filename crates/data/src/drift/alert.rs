//! When drift is worth a word: it must last, and so must its absence.

use api::drift::Verdict;
use serde::{Deserialize, Serialize};

/// What is remembered of one column between windows; the caller keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AlertState {
    pub raised: bool,
    /// Consecutive windows that speak for a change: drifted ones before an alert, quiet ones during it.
    pub streak: u32,
}

/// What a window changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertChange {
    Nothing,
    Raised,
    Cleared,
}

impl AlertState {
    /// Takes one more window into account: an alert is raised after `raise_after` drifted windows in
    /// a row and cleared after `clear_after` quiet ones. A window that decides nothing breaks either row.
    pub fn after(&mut self, verdict: Verdict, raise_after: u32, clear_after: u32) -> AlertChange {
        let (for_change, needed) = if self.raised {
            (verdict == Verdict::Same, clear_after.max(1))
        } else {
            (verdict == Verdict::Drifted, raise_after.max(1))
        };
        self.streak = if for_change { self.streak.saturating_add(1) } else { 0 };
        if self.streak < needed {
            return AlertChange::Nothing;
        }
        *self = Self { raised: !self.raised, streak: 0 };
        if self.raised { AlertChange::Raised } else { AlertChange::Cleared }
    }
}
