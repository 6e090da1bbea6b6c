//! Announcements, gathered: what many runs tell of themselves many times a second is asked for once in a while.

use std::{cell::Cell, rc::Rc};

use leptos::task::spawn_local;

use super::events::sleep;

/// Runs whose answer is small: of more of them each answer costs the host.
const FEW: usize = 12;

/// Milliseconds between two looks at so many runs.
pub(crate) const fn of_runs(runs: usize) -> i32 {
    if runs > FEW { 5_000 } else { 1_000 }
}

/// Milliseconds between two looks at the curves of so many series: those of one run's chart slide with each point.
pub(crate) const fn of_series(series: usize) -> i32 {
    match series {
        ..=3 => 0,
        4..=FEW => 500,
        _ => 2_000,
    }
}

/// Milliseconds between two looks at a list of runs.
pub(crate) const LIST_MS: i32 = 1_000;

/// Milliseconds between two looks at all values of so many runs: a hundred thousand are some megabytes.
pub(crate) fn of_cells(runs: usize) -> i32 {
    i32::try_from(runs / 10).unwrap_or(i32::MAX).max(LIST_MS)
}

/// Milliseconds between two looks at what is summed up of all runs of a list, which reads each of them.
pub(crate) const BANDS_MS: i32 = 10_000;

/// Whether a pause is on, and whether something came in it.
#[derive(Debug, Default)]
struct Pace {
    pauses: Cell<bool>,
    came: Cell<bool>,
}

impl Pace {
    /// Something comes: whether it is asked for at once, after which a pause begins.
    fn comes(&self) -> bool {
        let is_first = !self.pauses.replace(true);
        if !is_first {
            self.came.set(true);
        }
        is_first
    }

    /// The pause is over: whether something came in it, which is asked for now, before another pause.
    fn passes(&self) -> bool {
        let again = self.came.replace(false);
        self.pauses.set(again);
        again
    }
}

/// Calls `ask` at once, and then once in so many milliseconds: however often it is told in between, the last is asked for.
pub(crate) fn spaced(pause_ms: impl Fn() -> i32 + 'static, ask: impl Fn() + 'static) -> impl Fn() + 'static {
    let (pace, ask) = (Rc::new(Pace::default()), Rc::new(ask));
    move || {
        let pause_ms = pause_ms();
        if pause_ms == 0 {
            ask();
        } else if pace.comes() {
            ask();
            let (pace, ask) = (pace.clone(), ask.clone());
            spawn_local(async move {
                sleep(pause_ms).await;
                while pace.passes() {
                    ask();
                    sleep(pause_ms).await;
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_announcements_are_two_requests() {
        let pace = Pace::default();
        let asked = (0..100).filter(|_| pace.comes()).count();
        assert_eq!(asked, 1, "the first is asked for at once");
        assert!(pace.passes(), "the others together");
        assert!(!pace.passes(), "nothing came since");
        assert!(pace.comes(), "after a quiet time it is asked at once again");
    }
}
