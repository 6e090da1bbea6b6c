//! `slipway exec -- COMMAND…`: any program as a run.
//!
//! At a terminal the program has one of its own behind ours ([`pty`]), so that it shows what it shows
//! without us; in a pipe it has pipes, our stdin and our group, so that Ctrl-C reaches it by itself.
//! The environment is the caller's, and names the run, the folder of its artifacts ([`variables`]) and where MLflow's
//! client finds us ([`mlflow`]). What it writes goes on and into the run's folder. The host, or for a moment the lock,
//! is needed only to enter the run and to say that it is over; everything between stands in the folder's events, as a
//! worker's does.
//!
//! Stdout is the program's alone: with `--json` how it ended is the last line of stderr ([`Report`]).

mod capture;
mod journal;
mod mlflow;
mod program;
#[cfg(unix)]
mod pty;
mod python;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::{Duration, Instant},
};

use api::{
    ApiError, ErrorCode, RunId,
    run::{BeginCommand, BegunCommand, EndCommand, Run, StartCommand},
    search::TrialOf,
    worker::{EventBody, Outcome as Ended},
};
use clap::Args;
use client::workspace::Workspace;
use engine::run::uncommitted;
use meter::{Meter, Sample};
use serde::Serialize;
use tokio::sync::oneshot;

use crate::{
    commands::Budget,
    context::{Context, Outcome, absolute, current_folder, environment, named_project},
    interrupts::Interrupts,
    open_files,
    output::Output,
    session::Session,
};
use journal::Journal;
use program::{Program, Variables};

const COMMAND: &str = "slipway exec";
/// The variable that names the run.
const RUN: &str = "SLIPWAY_RUN";
/// What the program started may hold its output open; it is heard so long after the program's end.
const LAST_WORDS: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// The run's name; by default two words
    #[arg(long)]
    name: Option<String>,
    /// Start no host and set nothing for MLflow's client; by default what it logs comes here
    #[arg(long)]
    no_host: bool,
    #[command(flatten)]
    budget: Budget,
    /// The trial of a search that it is: the search's id, a colon and the trial's number
    #[arg(long, hide = true, value_name = "SEARCH:NUMBER", value_parser = trial)]
    trial: Option<TrialOf>,
    /// The id that its run is to have, as whoever begins it without a terminal waits for it
    #[arg(long, hide = true, value_name = "ID", conflicts_with = "trial")]
    run: Option<RunId>,
    /// How many files the program may have open, where whoever begins it may have more
    #[arg(long, hide = true, value_name = "NUMBER", conflicts_with = "detach")]
    open_files: Option<u64>,
    /// Return once the run is entered; the program goes on without this terminal
    #[arg(long, conflicts_with_all = ["no_host", "trial", "run"])]
    detach: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<String>,
}

fn trial(text: &str) -> Result<TrialOf, String> {
    let (search, number) = text.split_once(':').ok_or("an id, a colon and a number were expected")?;
    let search = search.parse().map_err(|error: api::id::NotAnId| error.to_string())?;
    Ok(TrialOf { search, number: number.parse().map_err(|_| format!("\"{number}\" is not a number"))? })
}

/// How it ended, for programs: with `--json`, one line on stderr.
#[derive(Debug, Serialize)]
struct Report<'a> {
    run: RunId,
    name: &'a str,
    state: Ended,
    exit_code: i32,
    /// Why it ended, where the program's end doesn't say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
}

/// Refuses an option that is none of ours, which would be taken for the program.
pub(crate) fn refuse_option<T: Args>(command: &str, program: &[String]) -> Outcome {
    let Some(word) = program.first().filter(|word| word.starts_with('-')) else { return Ok(()) };
    let known = T::augment_args(clap::Command::new("known"));
    let known = known.get_arguments().filter(|own| !own.is_hide_set()).filter_map(clap::Arg::get_long);
    let known = known.map(|long| format!("--{long}")).collect::<Vec<_>>().join(", ");
    let error = ApiError::invalid(format!("Unexpected argument {word} where the program is expected."));
    Err(error.with_hint(format!("`slipway {command}` has {known}; what follows the program is the program's own.")))
}

/// Runs the program and returns its exit code. `project` is what `--project` names.
pub(crate) async fn run(workspace: &Workspace, output: Output, project: Option<&str>, exec: Exec) -> Outcome<u8> {
    refuse_option::<Exec>("exec", &exec.command)?;
    // Before anything is entered for it.
    engine::run::called_program::check(&exec.command, &current_folder()?, std::env::var_os("PATH").as_deref())?;
    if exec.detach {
        return detached(workspace, output, project, exec).await.map(|()| 0);
    }
    let files = exec.open_files.or_else(open_files::own);
    let (begun, told) = begin(workspace, output, project, &exec).await?;
    // Where no host runs, this process became one for it.
    if let Some(most) = files {
        open_files::lower(most);
    }
    if !output.json {
        output.say(&format!("slipway: run {} ({})", begun.name, begun.run.short()));
    }
    let folder = PathBuf::from(&begun.folder);
    let journal = Journal::open(&folder).map_err(|error| unwritable(&folder, &error))?;
    let variables = [variables(begun.run, &folder), told].concat();
    let status = match supervise(&folder, &journal, &exec, &variables).await {
        Ok(status) => status,
        Err(error) => {
            let done = EventBody::Done {
                outcome: Ended::Failed,
                message: Some(error.message.clone()),
                hint: error.hint.clone(),
                exit_code: None,
            };
            journal.write(done);
            journal.close().await;
            end(workspace, &begun, output).await;
            return Err(error);
        }
    };
    let code = exit_code(status);
    let (outcome, own) = match code {
        0 => (Ended::Finished, None),
        code if was_interrupted(status) => (Ended::Stopped, Some(format!("It was interrupted (exit code {code})."))),
        code => (Ended::Failed, Some(format!("It ended with exit code {code}."))),
    };
    journal.write(EventBody::Done { outcome, message: own.clone(), hint: None, exit_code: Some(code) });
    journal.close().await;
    let ended = end(workspace, &begun, output).await;
    // What the host knows better, such as the budget that ended it.
    let because = ended.and_then(|run| run.ended_because).filter(|error| Some(&error.message) != own.as_ref());
    if let Some(error) = because.as_ref().filter(|_| !output.json) {
        output.say(&format!("slipway: {}", within_line(&error.message)));
        error.hint.iter().for_each(|hint| output.say(&format!(" hint: {hint}")));
    }
    if output.json {
        let because = because.map(|error| error.message);
        let report = Report { run: begun.run, name: &begun.name, state: outcome, exit_code: code, because };
        let line = serde_json::to_string(&report).map_err(|error| {
            ApiError::new(ErrorCode::Internal, format!("Can't write the run's end as JSON: {error}."))
        })?;
        output.say(&line);
    }
    Ok(u8::try_from(code).unwrap_or(1))
}

/// Lets a host run the program, here and in this terminal's environment.
async fn detached(workspace: &Workspace, output: Output, project: Option<&str>, exec: Exec) -> Outcome {
    let session = Session::lasting(workspace).await?;
    let context = Context { workspace: workspace.clone(), session, output, project: project.map(str::to_owned) };
    let started = StartCommand {
        project: context.project_id().await?,
        command: exec.command,
        directory: Some(absolute(&current_folder()?)?),
        environment: Some(environment()),
        variables: None,
        name: exec.name,
        budget: exec.budget.given(),
    };
    output.show(&context.call(started).await?, begun)
}

/// What is said of a program that a host began.
pub(crate) fn begun(run: &Run) -> String {
    format!("{} ({}) has started.\nIts output: slipway run log {} --follow", run.name, run.id.short(), run.id)
}

/// Enters the run, and says what is set for MLflow's client in it.
async fn begin(
    workspace: &Workspace,
    output: Output,
    project: Option<&str>,
    exec: &Exec,
) -> Outcome<(BegunCommand, Vec<(&'static str, OsString)>)> {
    let folder = current_folder()?;
    let pid = std::process::id();
    // The session, and with it the lock, ends with this function.
    let session = mlflow::session(workspace, exec.no_host, output).await?;
    let project = match project {
        Some(named) => match named_project(&session, named).await {
            Ok(project) => Some(project.id),
            Err(error) => {
                session.close().await;
                return Err(error);
            }
        },
        None => None,
    };
    let code = engine::run::command::code(&folder).await;
    // Before the program starts, which may write into its own files.
    let uncommitted = uncommitted::taken(&folder, code.as_ref()).await;
    let request = BeginCommand {
        project,
        directory: absolute(&folder)?,
        command: engine::run::surroundings::masked_command(&exec.command),
        environment: engine::run::surroundings::masked(std::env::vars_os()),
        code,
        // Ours, not the program's: we write the last event, so we are whose end matters.
        pid,
        pid_started_ms: engine::process::started_ms(pid).unwrap_or_else(crate::words::now_ms),
        name: exec.name.clone(),
        trial: exec.trial,
        run: exec.run,
        budget: exec.budget.given(),
    };
    let begun = match session.call(request).await {
        Ok(begun) => {
            let workspace = engine::workspace::Workspace::at(workspace.folder());
            let kept = uncommitted.map_or(Ok(()), |patch| uncommitted::keep(&workspace, begun.run, &patch));
            if let Err(error) = kept {
                tracing::warn!("what was not committed is not kept: {error}");
            }
            if begun.has_budget && !matches!(session, Session::Host(_)) {
                output.say("slipway: only a host watches the budget: without one nothing stops the program");
            }
            let told = mlflow::variables(&session, begun.run, exec.no_host, output).await;
            Ok((begun, told))
        }
        Err(error) => Err(error),
    };
    session.close().await;
    begun
}

/// A sentence behind our own name.
fn within_line(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// Says that the folder is complete, and answers the run as it ended. Nothing is lost if nobody hears it: the folder
/// has it.
async fn end(workspace: &Workspace, begun: &BegunCommand, output: Output) -> Option<Run> {
    let told = match Session::open(workspace, COMMAND).await {
        Ok(session) => {
            let told = session.call(EndCommand { run: begun.run }).await;
            session.close().await;
            told
        }
        Err(error) => Err(error),
    };
    if let Err(error) = &told {
        tracing::warn!("the run's end is not entered yet: {error}");
        output.say(&format!("slipway: the run's end will be entered by the next command: {}", error.message));
    }
    told.ok()
}

/// By which variables the program finds its run, and the folder whose files are the run's artifacts.
fn variables(run: RunId, folder: &Path) -> Vec<(&'static str, OsString)> {
    vec![(RUN, run.to_string().into()), ("SLIPWAY_ARTIFACTS", folder.join("artifacts").into())]
}

async fn supervise(folder: &Path, journal: &Journal, exec: &Exec, variables: &Variables) -> Outcome<ExitStatus> {
    // Heard from before the program starts: Ctrl-C is for the program, and must not end us.
    let _interrupts = Interrupts::take()?;
    let mut requests = EndRequests::take().map_err(|error| unheard(&error))?;
    let waited_before = meter::waited();
    let mut program = Program::start(&exec.command, variables)?;
    let pid = program.id().unwrap_or_default();
    // The host that begins one hears why it could not begin; the rest is in its run.
    let is_heard = exec.trial.is_none() && exec.run.is_none();
    journal.write(EventBody::Started {
        pid,
        device: "cpu".to_owned(),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        resumed: false,
        params: BTreeMap::new(),
    });
    program.capture(folder, journal, is_heard).await.map_err(|error| unwritable(folder, &error))?;
    let packages = tokio::task::spawn_blocking(packages_of(&exec.command, journal));
    // The first look is awaited, so that even a short program has one.
    let started = Instant::now();
    let meter = match open_meter(pid, folder, journal).await {
        Some(meter) => look(meter, 0, journal, Meter::look).await,
        None => None,
    };
    let (over, is_over) = oneshot::channel();
    let sampler = meter.map(|meter| tokio::spawn(sample(meter, started, journal.clone(), is_over)));
    let status = requests.pass_on_until_end(&mut program).await;
    let waited = meter::waited().zip(waited_before).map(|(now, before)| now.saturating_sub(before));
    if let Some(sampler) = sampler {
        let _ = over.send(waited);
        // A driver that does not answer must not hold the run's end, nor tell of it afterwards.
        let stop = sampler.abort_handle();
        if tokio::time::timeout(LAST_WORDS, sampler).await.is_err() {
            stop.abort();
        }
    }
    program.last_words(LAST_WORDS).await;
    // A disk that does not answer must not hold the run's end.
    if let Ok(Ok(Some(found))) = tokio::time::timeout(LAST_WORDS, packages).await {
        let noted = tokio::task::spawn_blocking(note_packages(found, journal));
        let _ = tokio::time::timeout(LAST_WORDS, noted).await;
    }
    status.map_err(|error| ApiError::new(ErrorCode::Internal, format!("The program's end can't be awaited: {error}.")))
}

/// Notes the packages of a command's interpreter, or answers where they are once the program is over.
fn packages_of(command: &[String], journal: &Journal) -> impl FnOnce() -> Option<python::Found> + use<> {
    let (command, journal) = (command.to_vec(), journal.clone());
    move || {
        let around = python::Surroundings { folder: current_folder().ok()?, variable: &|name| std::env::var_os(name) };
        let found = python::find(&command, &around)?;
        if matches!(found, python::Found::OfUv(_)) {
            return Some(found);
        }
        note_packages(found, &journal)();
        None
    }
}

fn note_packages(found: python::Found, journal: &Journal) -> impl FnOnce() + use<> {
    let journal = journal.clone();
    move || {
        if let Some(versions) = python::packages(&found) {
            journal.write(EventBody::Packages { versions });
        }
    }
}

/// What asks us to end, heard from before the program starts and passed on to it.
struct EndRequests {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl EndRequests {
    #[cfg(unix)]
    fn take() -> std::io::Result<Self> {
        Ok(Self { terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())? })
    }

    // On Windows the console asks every program in it by itself.
    #[cfg(not(unix))]
    fn take() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn pass_on_until_end(&mut self, program: &mut Program) -> std::io::Result<ExitStatus> {
        use rustix::process::{Pid, Signal, kill_process};
        let mut signal = Signal::TERM;
        loop {
            tokio::select! {
                status = program.ended() => return status,
                _ = self.terminate.recv() => {
                    let pid = program.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
                    // It may have ended in between, which is what was asked for.
                    let _ = pid.map(|pid| kill_process(pid, signal));
                    // Who asks again has seen that asking is not enough.
                    signal = Signal::KILL;
                }
            }
        }
    }

    #[cfg(not(unix))]
    async fn pass_on_until_end(&mut self, program: &mut Program) -> std::io::Result<ExitStatus> {
        program.ended().await
    }
}

fn unheard(error: &std::io::Error) -> ApiError {
    ApiError::new(ErrorCode::Internal, format!("The system's requests to end can't be heard: {error}."))
}

/// Looks until the program is over, and then once more at what it used since the look before. What comes with its end
/// is the processor time that it and all that it waited for used in all, where the system tells.
async fn sample(mut meter: Meter, started: Instant, journal: Journal, mut over: oneshot::Receiver<Option<Duration>>) {
    // Each second of a run is told once; the last look counts, also within one that was told.
    let mut told = 0;
    loop {
        tokio::select! {
            () = tokio::time::sleep(meter::pause(started.elapsed())) => {}
            waited = &mut over => {
                let waited = waited.ok().flatten();
                let step = seconds(started).max(told + 1);
                look(meter, step, &journal, move |meter| meter.last(waited)).await;
                return;
            }
        }
        told = seconds(started).max(told + 1);
        match look(meter, told, &journal, Meter::look).await {
            Some(looked) => meter = looked,
            None => return,
        }
    }
}

fn seconds(started: Instant) -> i64 {
    started.elapsed().as_secs() as i64
}

/// One look at the program's tree and the machine, written down.
async fn look(
    mut meter: Meter,
    step: i64,
    journal: &Journal,
    look: impl FnOnce(&mut Meter) -> Vec<Sample> + Send + 'static,
) -> Option<Meter> {
    // Reading every process takes milliseconds: not on the thread that passes output on.
    let (samples, meter) = tokio::task::spawn_blocking(move || (look(&mut meter), meter)).await.ok()?;
    for (key, value) in samples {
        journal.write(EventBody::Metric { key, step, value });
    }
    Some(meter)
}

/// Finding the GPUs can take a moment, too.
async fn open_meter(pid: u32, folder: &Path, journal: &Journal) -> Option<Meter> {
    let folder = folder.to_owned();
    let meter = tokio::task::spawn_blocking(move || Meter::new(pid, &folder)).await.ok()?;
    journal.write(EventBody::Machine { facts: meter.machine() });
    Some(meter)
}

#[cfg(unix)]
fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    // As shells tell a program that a signal ended.
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

#[cfg(not(unix))]
fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or(1)
}

#[cfg(unix)]
fn was_interrupted(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    const SIGINT: i32 = 2;
    const SIGTERM: i32 = 15;
    matches!(status.signal(), Some(SIGINT | SIGTERM)) || status.code() == Some(128 + SIGINT)
}

#[cfg(not(unix))]
fn was_interrupted(status: ExitStatus) -> bool {
    // STATUS_CONTROL_C_EXIT
    status.code() == Some(0xC000_013A_u32.cast_signed())
}

fn unwritable(folder: &Path, error: &std::io::Error) -> ApiError {
    let code = if error.kind() == std::io::ErrorKind::StorageFull { ErrorCode::NoSpace } else { ErrorCode::Internal };
    ApiError::new(code, format!("Can't write into the run's folder {}: {error}.", folder.display()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_meter_names_the_energy_as_the_host_reads_it() {
        assert_eq!(meter::ENERGY_JOULES, api::spending::ENERGY_JOULES);
    }
}
