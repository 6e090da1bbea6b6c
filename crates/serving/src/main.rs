//! `slipway-serving`: one model behind HTTP, as one static program without a shell beside it.
//!
//! It knows nothing of the workspace, of Kubernetes or of the host: it is told all in flags or
//! variables (see [`config`]), and leaves what the host wants in the request log and on `/metrics`.

mod answer;
mod config;
mod control;
mod door;
mod guard;
mod metrics;
mod pre_stop;
mod predictor;
mod protocol;
mod request_log;
mod server;

use std::{process::ExitCode, time::SystemTime};

use clap::Parser;

/// Prediction allocates a little for every request; the static C library's allocator is slow at it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let line = config::CommandLine::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::new(error).context("start the threads of the server")),
    };
    let outcome = runtime.block_on(async {
        match line.command {
            Some(config::Command::PreStop) => pre_stop::run(&line.config).await,
            None => server::run(line.config).await,
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    say(&format!("failed: {error:#}"));
    ExitCode::FAILURE
}

/// One line of the log, on stderr, where supervisors and pods look for it.
fn say(line: &str) {
    eprintln!("{} {line}", jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ"));
}

/// Milliseconds since the epoch.
fn now_ms() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
