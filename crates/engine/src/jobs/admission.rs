//! Memory: whoever needs some waits until it is free, oldest first; one always runs, however much it needs.
//!
//! A training is a job that waits here, with its need as it was computed. A program of a search is admitted with what
//! trials before it were seen to use.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use tokio::sync::Notify;

use super::{JobContext, cancelled, lock};
use crate::Engine;

/// Other programs give memory back without a word: a job that waits for it looks again this often.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Memory of admitted jobs, and the queue by age.
#[derive(Default)]
pub(super) struct Admission {
    memory: Mutex<Memory>,
    freed: Notify,
}

#[derive(Default)]
struct Memory {
    used_bytes: u64,
    running: usize,
    waiting: BTreeMap<u64, ()>,
    next: u64,
}

/// Memory held by what was admitted.
pub(crate) struct Admitted {
    engine: Engine,
    memory_bytes: u64,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let jobs = self.engine.jobs();
        {
            let mut memory = lock(&jobs.admission.memory);
            memory.used_bytes -= self.memory_bytes;
            memory.running -= 1;
        }
        jobs.admission.freed.notify_waiters();
    }
}

impl Admitted {
    /// Notes what is in use already, whoever let it in.
    pub(crate) fn of(engine: &Engine, memory_bytes: u64) -> Self {
        let mut memory = lock(&engine.jobs().admission.memory);
        memory.used_bytes += memory_bytes;
        memory.running += 1;
        drop(memory);
        Self { engine: engine.clone(), memory_bytes }
    }

    /// It was seen to need more than it was let in with.
    pub(crate) fn grow(&mut self, memory_bytes: u64) {
        let more = memory_bytes.saturating_sub(self.memory_bytes);
        lock(&self.engine.jobs().admission.memory).used_bytes += more;
        self.memory_bytes += more;
    }
}

/// A place in the queue, left when it is dropped, admitted or not.
pub(crate) struct Turn {
    engine: Engine,
    number: u64,
    limit: u64,
}

impl Turn {
    pub(crate) async fn take(engine: &Engine) -> anyhow::Result<Self> {
        let limit = memory_limit(engine).await?;
        let mut memory = lock(&engine.jobs().admission.memory);
        let number = memory.next;
        memory.next += 1;
        memory.waiting.insert(number, ());
        drop(memory);
        Ok(Self { engine: engine.clone(), number, limit })
    }

    /// Admits it where it is the first in line and its memory is free, or nothing else runs; otherwise says what it
    /// needs and what is free. `promised_bytes` is what those that run will still take of what the machine has.
    pub(crate) fn admit(&self, memory_bytes: u64, promised_bytes: u64) -> (Option<Admitted>, Short) {
        let available = available_bytes().map(|bytes| bytes.saturating_sub(promised_bytes));
        let (free, is_admitted) = {
            let memory = lock(&self.engine.jobs().admission.memory);
            let first = memory.waiting.keys().next() == Some(&self.number);
            let free = free_bytes(self.limit, memory.used_bytes, available);
            (free, first && (memory.running == 0 || memory_bytes <= free))
        };
        (is_admitted.then(|| Admitted::of(&self.engine, memory_bytes)), Short { memory_bytes, free })
    }
}

/// "needs 2.1 GB, 1.0 GB are free".
#[derive(Debug, Clone, Copy)]
pub(crate) struct Short {
    memory_bytes: u64,
    free: u64,
}

impl std::fmt::Display for Short {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "needs {}, {} are free", gigabytes(self.memory_bytes), gigabytes(self.free))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.engine.jobs().admission.memory).waiting.remove(&self.number);
        self.engine.jobs().admission.freed.notify_waiters();
    }
}

/// Waits for the job's turn and for its memory; `None` where it needs none. Errs where the job is cancelled meanwhile.
pub(super) async fn admit(context: &JobContext, memory_bytes: u64) -> anyhow::Result<Option<Admitted>> {
    if memory_bytes == 0 {
        return Ok(None);
    }
    let engine = context.engine().clone();
    let turn = Turn::take(&engine).await?;
    let mut told = None;
    loop {
        let freed = engine.jobs().admission.freed.notified();
        tokio::pin!(freed);
        // Registered before looking, so that a place freed in between is not missed.
        freed.as_mut().enable();
        let (admitted, short) = turn.admit(memory_bytes, 0);
        if let Some(admitted) = admitted {
            if short.memory_bytes > short.free {
                context.log(format!(
                    "warning: It {short}. It starts all the same, since nothing else of Slipway's runs: close other \
                     programs if the machine becomes slow."
                ));
            }
            return Ok(Some(admitted));
        }
        let short = short.to_string();
        if told.as_ref() != Some(&short) {
            context.change(|job| job.waits_for = Some(short.clone())).await?;
            told = Some(short);
        }
        tokio::select! {
            () = freed => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = context.inner.cancel.cancelled() => anyhow::bail!(cancelled()),
        }
    }
}

/// What a job may take now: what ours have left of their share, and no more than the machine has.
fn free_bytes(limit: u64, used_bytes: u64, available: Option<u64>) -> u64 {
    limit.saturating_sub(used_bytes).min(available.unwrap_or(u64::MAX))
}

/// Memory that programs can still have without swapping; `None` where the system does not say.
fn available_bytes() -> Option<u64> {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    Some(system.available_memory()).filter(|bytes| *bytes > 0)
}

/// Memory that jobs may use together: the setting, else 80 % of the machine's.
async fn memory_limit(engine: &Engine) -> anyhow::Result<u64> {
    let settings: Option<api::host::Settings> = engine.store().read(|c| store::setting::get(c, "settings")).await?;
    if let Some(limit) = settings.and_then(|settings| settings.memory_limit_bytes) {
        return Ok(limit);
    }
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    Ok(system.total_memory() / 5 * 4)
}

pub(crate) fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_free_is_the_lesser_of_our_share_and_of_what_the_machine_has() {
        assert_eq!(free_bytes(800, 300, Some(200)), 200, "other programs have the rest");
        assert_eq!(free_bytes(800, 700, Some(200)), 100);
        assert_eq!(free_bytes(800, 900, Some(200)), 0, "a lone job may have taken more than the share");
        assert_eq!(free_bytes(800, 300, None), 500, "a system that does not say is not waited for");
    }
}
