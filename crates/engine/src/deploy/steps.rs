//! The steps of a rollout, written as they happen.

use std::sync::{Mutex, MutexGuard, PoisonError};

use api::{RolloutId, deploy::RolloutStep, event::Tag};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{Engine, jobs::JobContext, ports::Steps};

/// Told by the engine and by adapters; each change is written in order.
pub(crate) struct StepLog {
    context: JobContext,
    steps: Mutex<Vec<RolloutStep>>,
    changes: mpsc::UnboundedSender<Vec<RolloutStep>>,
    writer: JoinHandle<()>,
}

impl StepLog {
    /// Goes on behind the steps that an interrupted attempt left; one that was under way has failed.
    pub(crate) fn new(context: &JobContext, rollout: RolloutId, mut before: Vec<RolloutStep>) -> Self {
        for step in before.iter_mut().filter(|step| step.ok.is_none()) {
            step.ok = Some(false);
            step.detail = "Slipway ended while this was under way; it is done again.".to_owned();
        }
        let (changes, inbox) = mpsc::unbounded_channel();
        let writer = tokio::spawn(write(context.engine().clone(), rollout, inbox));
        Self { context: context.clone(), steps: Mutex::new(before), changes, writer }
    }

    fn steps(&self) -> MutexGuard<'_, Vec<RolloutStep>> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Vec<RolloutStep>)) {
        let mut steps = self.steps();
        change(&mut steps);
        // The writer ends only after the sender.
        let _ = self.changes.send(steps.clone());
    }

    /// Ends the step under way, and returns when all is written.
    pub(crate) async fn end(self, outcome: Result<(), &str>) {
        self.change(|steps| {
            if let Some(last) = steps.last_mut().filter(|step| step.ok.is_none()) {
                last.ok = Some(outcome.is_ok());
                if let Err(reason) = outcome {
                    last.detail = reason.to_owned();
                }
            }
        });
        drop(self.changes);
        // A panic there was logged there.
        let _ = self.writer.await;
    }
}

async fn write(engine: Engine, rollout: RolloutId, mut inbox: mpsc::UnboundedReceiver<Vec<RolloutStep>>) {
    while let Some(mut steps) = inbox.recv().await {
        // Only the newest matters.
        while let Ok(newer) = inbox.try_recv() {
            steps = newer;
        }
        if let Err(error) = engine.store().write(move |tx| store::deployment::put_steps(tx, rollout, &steps)).await {
            tracing::warn!(%error, "a rollout's steps can't be written");
        }
        engine.changed(Tag::Deployments);
    }
}

impl Steps for StepLog {
    fn begin(&self, title: &str, detail: &str) {
        let at_ms = self.context.engine().now_ms();
        self.change(|steps| {
            if let Some(last) = steps.last_mut().filter(|step| step.ok.is_none()) {
                last.ok = Some(true);
            }
            steps.push(RolloutStep { title: title.to_owned(), detail: detail.to_owned(), ok: None, at_ms });
        });
        self.context.progress(None, title);
        self.context.log(if detail.is_empty() { title.to_owned() } else { format!("{title}: {detail}") });
    }

    fn detail(&self, detail: &str) {
        if self.steps().last().is_some_and(|step| step.detail == detail) {
            return;
        }
        self.change(|steps| {
            if let Some(last) = steps.last_mut() {
                last.detail = detail.to_owned();
            }
        });
        let title = self.steps().last().map(|step| step.title.clone()).unwrap_or_default();
        self.context.progress(None, format!("{title}: {detail}"));
    }

    fn is_cancelled(&self) -> bool {
        self.context.is_cancelled()
    }
}
