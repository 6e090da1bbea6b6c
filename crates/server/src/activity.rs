//! Whether anybody uses the host: it ends after a while without a client and without work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Counts requests under way and open event streams, and remembers when the last of them ended.
#[derive(Debug)]
pub struct Activity {
    started: Instant,
    last_millis: AtomicU64,
    listening: AtomicUsize,
    awaited: AtomicBool,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            last_millis: AtomicU64::new(0),
            listening: AtomicUsize::new(0),
            awaited: AtomicBool::new(false),
        }
    }
}

impl Activity {
    /// How long nobody has waited for an answer or listened.
    pub fn idle(&self) -> Duration {
        if self.listening.load(Ordering::Relaxed) > 0 {
            return Duration::ZERO;
        }
        self.started.elapsed().saturating_sub(Duration::from_millis(self.last_millis.load(Ordering::Relaxed)))
    }

    /// Whether somebody was given an address, of a page or for MLflow's clients, and may use it any time.
    pub fn awaits_use(&self) -> bool {
        self.awaited.load(Ordering::Relaxed)
    }

    pub(crate) fn await_use(&self) {
        self.awaited.store(true, Ordering::Relaxed);
    }

    fn touch(&self) {
        self.last_millis.store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Counts who listens, or waits for an answer, until what this returns is dropped.
    pub(crate) fn listen(self: &Arc<Self>) -> Listener {
        self.listening.fetch_add(1, Ordering::Relaxed);
        Listener(self.clone())
    }
}

#[derive(Debug)]
pub(crate) struct Listener(Arc<Activity>);

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.touch();
        self.0.listening.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_keeps_the_host_busy() {
        let activity = Arc::new(Activity::default());
        let listener = activity.listen();
        assert_eq!(activity.idle(), Duration::ZERO);
        drop(listener);
        let after = activity.idle();
        std::thread::yield_now();
        assert!(activity.idle() >= after);
    }
}
