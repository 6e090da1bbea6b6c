//! `slipway meter`: what a process uses that is not ours, told to the host line by line ([`Metered`]).
//!
//! A process of its own, since a meter loads NVIDIA's library and the host never does. It ends with the process that it
//! measures, and with its host, of whose end the pipe tells.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    time::Instant,
};

use api::worker::Metered;
use clap::Args;
use engine::process::{self, ProcessId};
use meter::Meter;

use crate::context::Outcome;

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
    let (mut meter, started) = (Meter::joining(asked.pid, &asked.folder), Instant::now());
    line(&Metered::Machine { facts: meter.machine() })?;
    loop {
        std::thread::sleep(meter::pause(started.elapsed()));
        let values = meter.look().into_iter().filter(|(_, value)| value.is_finite()).collect();
        // Asked after the look: what was looked at under a pid that another took over is not told.
        if !process::is_alive(process) {
            return Ok(());
        }
        line(&Metered::Look { values })?;
    }
}

fn line(told: &Metered) -> io::Result<()> {
    let mut line = serde_json::to_vec(told)?;
    line.push(b'\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(&line)?;
    stdout.flush()
}
