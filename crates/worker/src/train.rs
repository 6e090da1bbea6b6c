//! One run, and how its failure is told: as the `done` event that the host waits for.

use std::{
    io::{self, Write as _},
    panic::{self, AssertUnwindSafe},
    path::Path,
    process::ExitCode,
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use api::worker::{EventBody, Outcome};
use learn::{
    error::LearnError,
    events::Events,
    run::{self, Surroundings},
};

use meter::Meter;

use crate::{fail, memory::Memory, threads, usage::Usage};

/// Follows the plan in a folder. The exit code is 0 where a `done` event says how it ended.
pub(crate) fn run(folder: &Path) -> ExitCode {
    let plan = run::read_plan(folder);
    threads::fix(plan.as_ref().map_or(1, |plan| plan.training.threads));
    let (memory, machine) = (Memory::new(), Meter::new(std::process::id(), folder).machine());
    let usage = Mutex::new(plan.is_ok().then(|| Usage::watch(folder, now_ms)));
    let end_usage = || drop(usage.lock().unwrap_or_else(PoisonError::into_inner).take());
    let surroundings = Surroundings {
        now_ms: &now_ms,
        memory_bytes: &|| memory.resident_bytes(),
        machine_bytes: Memory::of_machine(),
        machine: &machine,
        process_id: std::process::id(),
        say: &say,
        ending: &end_usage,
    };
    let trained = plan.map_err(Failure::Learn).and_then(|plan| {
        let train = AssertUnwindSafe(|| run::train(folder, &plan, &surroundings));
        match panic::catch_unwind(train) {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(error)) => Err(Failure::Learn(error)),
            Err(panic) => Err(Failure::Panic(panic_text(&*panic))),
        }
    });
    end_usage();
    match trained {
        Ok(_) => ExitCode::SUCCESS,
        Err(failure) => tell(folder, &surroundings, &failure),
    }
}

/// A line of `stdout.log`. A disk that is full for it is no reason to end a training.
fn say(line: &str) {
    drop(writeln!(io::stdout().lock(), "{line}"));
}

enum Failure {
    Learn(LearnError),
    Panic(String),
}

impl Failure {
    fn message(&self) -> String {
        match self {
            Self::Learn(error) => error.to_string(),
            Self::Panic(text) => format!("The training crashed by a fault of ours: {text}."),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Learn(error) => error.hint(),
            Self::Panic(_) => Some("The place stands in the run's stderr.log; please report it. Resuming goes on from the last checkpoint.".to_owned()),
        }
    }
}

fn tell(folder: &Path, surroundings: &Surroundings<'_>, failure: &Failure) -> ExitCode {
    let done = EventBody::Done {
        outcome: Outcome::Failed,
        message: Some(failure.message()),
        hint: failure.hint(),
        exit_code: None,
    };
    let told = Events::open(folder, surroundings).and_then(|mut events| events.send(done));
    match told {
        Ok(()) => ExitCode::FAILURE,
        // The folder is gone or full: the process's own output is all that is left.
        Err(error) => fail(&format!("{} It could not be told either: {error}", failure.message())),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no reason was given".to_owned())
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as i64)
}
