//! Time as a port, so that tests turn it.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::watch;

#[async_trait]
pub trait Clock: Send + Sync {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> i64;
    async fn sleep(&self, duration: Duration);
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        jiff::Timestamp::now().as_millisecond()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A clock that stands still until it is turned: for tests of whatever waits.
#[derive(Debug)]
pub struct TurnedClock {
    now_ms: AtomicI64,
    turned: watch::Sender<i64>,
}

impl TurnedClock {
    pub fn at(now_ms: i64) -> Self {
        Self { now_ms: AtomicI64::new(now_ms), turned: watch::Sender::new(now_ms) }
    }

    /// Moves on, waking whoever waited for less.
    pub fn turn(&self, by: Duration) {
        let now = self.now_ms.fetch_add(by.as_millis() as i64, Ordering::SeqCst) + by.as_millis() as i64;
        self.turned.send_replace(now);
    }
}

#[async_trait]
impl Clock for TurnedClock {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.now_ms() + duration.as_millis() as i64;
        let mut turned = self.turned.subscribe();
        // The sender lives as long as the clock, so this ends only by reaching the time.
        let _ = turned.wait_for(|now| *now >= until).await;
    }
}
