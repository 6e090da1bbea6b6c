//! `slipway meter`: what a process uses that is not ours, told to the host line by line ([`Metered`]). `slipway gpus`:
//! the GPUs and what of their memory is free, told once ([`GpuRoom`]).
//!
//! A process of its own, since a meter loads NVIDIA's library and the host never does. It ends with the process that it
//! measures, and with its host, of whose end the pipe tells. The host writes a line where a further run of the process
//! is to be measured: a young one is looked at soon, and often.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use api::worker::{GpuRoom, Metered};
use clap::Args;
use engine::process::{self, ProcessId};
use meter::Meter;

use crate::context::Outcome;

/// A run of a moment is seen, too.
const SOON: Duration = Duration::from_millis(250);

#[derive(Debug, Args)]
pub(crate) struct MeterArguments {
    /// The first process of the tree
    pid: u32,
    /// When it started, in milliseconds since 1970
    started_ms: i64,
    /// A folder on the disk whose room is told
    folder: PathBuf,
}

pub(crate) async fn run(asked: MeterArguments) -> Outcome<u8> {
    let told = tokio::task::spawn_blocking(move || tell(&asked)).await;
    // Whoever would hear an error is gone, if it is the pipe's.
    Ok(u8::from(!matches!(told, Ok(Ok(())))))
}

fn tell(asked: &MeterArguments) -> io::Result<()> {
    let process = ProcessId { pid: asked.pid, started_ms: asked.started_ms };
    let (mut meter, mut begun) = (Meter::joining(asked.pid, &asked.folder), Instant::now());
    line(&Metered::Machine { facts: meter.machine() })?;
    let joined = joined();
    let mut pause = SOON;
    loop {
        if wait(pause, &joined) {
            begun = Instant::now();
        }
        pause = meter::pause(begun.elapsed());
        let values = meter.look().into_iter().filter(|(_, value)| value.is_finite()).collect();
        // Asked after the look: what was looked at under a pid that another took over is not told.
        if !process::is_alive(process) {
            return Ok(());
        }
        line(&Metered::Look { values })?;
    }
}

/// Lines of the host, each of which says that a run joined.
fn joined() -> Receiver<()> {
    let (tell, joined) = mpsc::channel();
    std::thread::spawn(move || io::stdin().lines().map_while(Result::ok).try_for_each(|_| tell.send(())));
    joined
}

/// Waits for the next look; `true` where a run joined, which ends the wait soon.
fn wait(pause: Duration, joined: &Receiver<()>) -> bool {
    match joined.recv_timeout(pause) {
        Ok(()) => {
            std::thread::sleep(SOON);
            // Those that join together are looked at together.
            while joined.try_recv().is_ok() {}
            true
        }
        Err(RecvTimeoutError::Timeout) => false,
        // Nobody is there to say so.
        Err(RecvTimeoutError::Disconnected) => {
            std::thread::sleep(pause);
            false
        }
    }
}

/// Prints the GPUs, none where there is no driver. Fails where a driver does not say what there is.
pub(crate) fn gpus() -> u8 {
    let room = |gpu: meter::Gpu| {
        let meter::Gpu { index, name, uuid, total_bytes, free_bytes } = gpu;
        GpuRoom { index, name, uuid, total_bytes, free_bytes }
    };
    let Ok(gpus) = meter::gpus() else { return 1 };
    let rooms: Vec<GpuRoom> = gpus.into_iter().map(room).collect();
    // Whoever would hear an error is gone, if it is the pipe's.
    let told = serde_json::to_writer(io::stdout().lock(), &rooms);
    u8::from(told.is_err())
}

fn line(told: &Metered) -> io::Result<()> {
    let mut line = serde_json::to_vec(told)?;
    line.push(b'\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(&line)?;
    stdout.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_that_join_end_the_wait_for_the_next_look_together() {
        let (tell, joined) = mpsc::channel();
        let moment = Duration::from_millis(1);
        assert!(!wait(moment, &joined));
        tell.send(()).unwrap();
        tell.send(()).unwrap();
        let begun = Instant::now();
        assert!(wait(Duration::from_secs(600), &joined));
        assert!(begun.elapsed() < Duration::from_secs(300));
        assert!(!wait(moment, &joined), "both were heard");
        drop(tell);
        assert!(!wait(moment, &joined));
    }
}
