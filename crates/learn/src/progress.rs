//! How far a training is, how fast, and how long it will take: at most twice a second.

use api::worker::EventBody;

use crate::{error::LearnError, events::Events, run::Surroundings};

const TELL_EVERY_MS: i64 = 500;

/// Where a training stands, in its own units.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// None for trees, whose rounds are steps.
    pub epoch: Option<(u64, u64)>,
    pub step: u64,
    pub steps: u64,
}

pub struct Progress<'a> {
    surroundings: &'a Surroundings<'a>,
    started_ms: i64,
    first_step: u64,
    rows_per_step: f64,
    told_ms: Option<i64>,
}

impl<'a> Progress<'a> {
    /// `first_step` is where this process begins: a resumed run's earlier speed says nothing.
    pub fn new(surroundings: &'a Surroundings<'a>, first_step: u64, rows_per_step: f64) -> Self {
        Self { surroundings, started_ms: (surroundings.now_ms)(), first_step, rows_per_step, told_ms: None }
    }

    pub fn tell(&mut self, events: &mut Events<'_>, place: Place) -> Result<(), LearnError> {
        let now = (self.surroundings.now_ms)();
        if self.told_ms.is_some_and(|told| now - told < TELL_EVERY_MS) {
            return Ok(());
        }
        self.told_ms = Some(now);
        self.send(events, place)
    }

    /// Says that the last step is done, also where patience ended it before the others: what comes is the
    /// evaluation. Always told, and the last progress of a training.
    pub fn end(&self, events: &mut Events<'_>, place: Place) -> Result<(), LearnError> {
        self.send(events, Place { steps: place.step, ..place })?;
        events.flush()
    }

    fn send(&self, events: &mut Events<'_>, place: Place) -> Result<(), LearnError> {
        let now = (self.surroundings.now_ms)();
        let seconds = (now - self.started_ms) as f64 / 1000.0;
        let done = place.step.saturating_sub(self.first_step) as f64;
        let left = place.steps.saturating_sub(place.step) as f64;
        let known = done > 0.0 && seconds > 0.0;
        events.send(EventBody::Progress {
            epoch: place.epoch.map(|(epoch, _)| epoch),
            epochs: place.epoch.map(|(_, epochs)| epochs),
            step: place.step,
            steps: Some(place.steps),
            fraction: Some(place.step as f64 / place.steps.max(1) as f64),
            // How long the evaluation takes is not known.
            seconds_left: (known && left > 0.0).then(|| left * seconds / done),
            rows_per_second: known.then(|| done * self.rows_per_step / seconds),
            memory_bytes: (self.surroundings.memory_bytes)(),
        })
    }
}
