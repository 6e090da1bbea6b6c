//! `slipway-worker`: trains one run, in a process of its own, so that a crash, an exhausted memory or
//! a driver's fault ends one run and nothing else.
//!
//! `slipway-worker FOLDER` follows the plan in a run's folder, or goes on from its last checkpoint;
//! what it says, it writes there (see `api::worker`). `slipway-worker --probe` prints what it can
//! train on. It knows nothing of the workspace, the host and the network.

mod memory;
mod probe;
mod threads;
mod train;
mod usage;

use std::{path::PathBuf, process::ExitCode};

/// Training allocates a tensor for every operation: measured, this allocator doubles its speed.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "usage: slipway-worker FOLDER | --probe";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [flag] if flag == "--probe" => match probe::print() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("the probe failed: {error:#}")),
        },
        [folder] if !folder.starts_with('-') => train::run(&PathBuf::from(folder)),
        _ => fail(USAGE),
    }
}

#[expect(clippy::print_stderr, reason = "stderr.log is where the host looks when there are no events")]
fn fail(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::from(2)
}
