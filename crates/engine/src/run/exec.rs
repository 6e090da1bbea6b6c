//! A program by a `slipway exec` of its own that outlives us: for whoever has no terminal, and for a search's trials.
//!
//! It has no input, what it says is its run's, and what our own program says of a beginning that failed is kept until the
//! process is over.

use std::{
    ffi::OsString,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, bail};
use api::{
    ApiError, ErrorCode, ProjectId, RunId,
    run::{DIRECTORY, GetRun, Run, StartCommand},
    search::{Environment, TrialOf},
    spending::BudgetConfig,
};
use tempfile::TempPath;
use tokio::runtime::Handle;

use crate::{
    Engine, folder, project,
    run::{self, called_program, name, process::detach, spending, surroundings},
};

/// What is kept of the last words of a program that could not be begun.
const LAST_WORDS_BYTES: u64 = 2_000;
/// Our own words about a run's beginning are no reason.
const OWN_WORDS: &str = "slipway: ";
/// Between two looks at whether a run is entered.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Of a folder with very much under git the state of the code takes a while.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at whether a program's process is over, which is to be buried then.
const BURY_EVERY: Duration = Duration::from_secs(1);

/// What is to be begun.
pub(crate) struct Exec<'a> {
    pub(crate) project: ProjectId,
    pub(crate) name: Option<String>,
    pub(crate) of: Of,
    pub(crate) directory: &'a Path,
    /// By default the host's own variables.
    pub(crate) environment: Option<&'a Environment>,
    /// What it has beside these, or instead.
    pub(crate) variables: Vec<(&'static str, String)>,
    /// Its own limits, where it has any.
    pub(crate) budget: BudgetConfig,
    /// The program and its arguments.
    pub(crate) words: Vec<String>,
}

/// As what a program's run is entered.
pub(crate) enum Of {
    Trial(TrialOf),
    Run(RunId),
}

/// Our own program, which begins the others.
pub(crate) fn program(engine: &Engine) -> Result<&Path, ApiError> {
    engine.options().program.as_deref().ok_or_else(|| {
        ApiError::new(ErrorCode::Unsupported, "This process can't start programs.")
            .with_hint("Ask a host: `slipway serve`.")
    })
}

/// Begins a program; what is said of it before it runs goes to the file.
pub(crate) fn spawn(engine: &Engine, exec: &Exec<'_>) -> anyhow::Result<(Child, TempPath)> {
    let program = program(engine)?;
    let said = tempfile::Builder::new()
        .prefix("said-")
        .tempfile_in(engine.workspace().halves())
        .context("keep what a program says")?;
    let mut command = Command::new(program);
    if let Some(Environment(variables)) = exec.environment {
        command.env_clear().envs(variables);
    }
    command
        // The workspace is the one of this host, whatever the variables say.
        .env("SLIPWAY_HOME", engine.workspace().folder())
        .env(DIRECTORY, exec.directory)
        .envs(exec.variables.iter().map(|(name, value)| (name, value)))
        .arg("exec");
    if let Some(name) = &exec.name {
        command.args(["--name", name]);
    }
    command.args(["--project", &exec.project.to_string()]);
    if let Some(most) = engine.options().open_files {
        command.args(["--open-files", &most.to_string()]);
    }
    match &exec.of {
        Of::Trial(of) => command.args(["--trial", &format!("{}:{}", of.search, of.number)]),
        Of::Run(run) => command.args(["--run", &run.to_string()]),
    };
    let BudgetConfig { max_cost, max_hours, max_kwh } = exec.budget;
    for (option, most) in [("--max-cost", max_cost), ("--max-hours", max_hours), ("--max-kwh", max_kwh)] {
        if let Some(most) = most {
            command.args([option, &most.to_string()]);
        }
    }
    command
        .arg("--")
        .args(&exec.words)
        .current_dir(exec.directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said.reopen().context("keep what a program says")?);
    detach(&mut command);
    let child = command.spawn().map_err(|error| {
        ApiError::new(ErrorCode::Internal, format!("{} can't be started: {error}.", program.display()))
    })?;
    Ok((child, said.into_temp_path()))
}

/// Starts a program as a run, and answers once that is entered.
pub async fn start(engine: &Engine, request: StartCommand) -> anyhow::Result<Run> {
    if request.command.first().is_none_or(|program| program.trim().is_empty()) {
        bail!(called_program::none_named());
    }
    if let Some(word) = request.command.iter().find(|word| surroundings::is_masked(word)) {
        bail!(
            ApiError::invalid(format!("\"{word}\" stands for a secret, which no run keeps."))
                .with_hint("Name the program again with the secret itself, or give it in a variable.")
        );
    }
    program(engine)?;
    if let Some(name) = &request.name {
        name::check(name)?;
    }
    let (project, _) = folder::look(engine, request.project).await?;
    // What would be refused with its run.
    spending::terms_with(engine, request.budget.clone(), &project.file.budget).await?;
    let directory = directory_of(request.directory.as_deref(), &project.path)?;
    let environment = with_variables(request.environment, request.variables)?;
    called_program::check(&request.command, &directory, path_of(environment.as_ref()).as_deref())?;
    let run = RunId::from_bytes(engine.new_id());
    let begun = spawn(
        engine,
        &Exec {
            project: project.id,
            name: request.name,
            of: Of::Run(run),
            directory: &directory,
            environment: environment.as_ref(),
            variables: Vec::new(),
            budget: request.budget,
            words: request.command,
        },
    );
    let mut begun = Begun(Some(begun?));
    let since = tokio::time::Instant::now();
    loop {
        // Asked before the run is looked for: a short program is entered and over between the two.
        let ended = begun.ended()?;
        if engine.store().read(move |c| store::run::bare(c, run)).await?.is_some() {
            break;
        }
        if ended.is_some() {
            bail!(reason(&begun.last_words()));
        }
        if since.elapsed() >= PATIENCE {
            begun.kill();
            let message = format!("The program's run was not entered within {} s.", PATIENCE.as_secs());
            bail!(ApiError::new(ErrorCode::Unreachable, message).with_hint("Slipway's own log may say why."));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    run::get(engine, GetRun { run }).await
}

/// The folder in which a program runs: the named one, else its project's.
pub(crate) fn directory_of(named: Option<&str>, of_project: &str) -> anyhow::Result<PathBuf> {
    let directory = named.map_or_else(|| Ok(PathBuf::from(of_project)), project::absolute)?;
    if !directory.is_dir() {
        bail!(
            ApiError::not_found(format!("The folder {} is not there any more.", directory.display()))
                .with_hint("Bring it back, or start the program where it is now.")
        );
    }
    Ok(directory)
}

/// What a program runs in, with the variables that are set beside it; nothing where both are left to the host.
///
/// What is refused is said without the value, which may be a secret.
pub(crate) fn with_variables(
    environment: Option<Environment>,
    variables: Option<Environment>,
) -> Result<Option<Environment>, ApiError> {
    let Some(Environment(variables)) = variables else { return Ok(environment) };
    for (name, value) in &variables {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            return Err(ApiError::invalid(format!("\"{}\" can't be set as a variable.", name.escape_debug()))
                .with_hint("A name is not empty and has no \"=\", and neither has a zero byte."));
        }
    }
    let own =
        || std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut all = environment.map_or_else(|| own().collect(), |Environment(all)| all);
    for (name, value) in variables {
        // Windows knows no two that differ in case alone.
        if cfg!(windows) {
            all.retain(|other, _| !other.eq_ignore_ascii_case(&name));
        }
        all.insert(name, value);
    }
    Ok(Some(Environment(all)))
}

/// The folders in which programs are looked for: the given environment's, else those of the host, whose variables a
/// program has then.
pub(crate) fn path_of(environment: Option<&Environment>) -> Option<OsString> {
    match environment {
        Some(Environment(variables)) => {
            let is_it = |name: &str| name == "PATH" || cfg!(windows) && name.eq_ignore_ascii_case("PATH");
            variables.iter().find(|(name, _)| is_it(name)).map(|(_, path)| OsString::from(path))
        }
        None => std::env::var_os("PATH"),
    }
}

/// A program that was begun, and what is said of it. However the wait for its run ends, also where nobody waits for the
/// answer any more, its process is buried once it is over.
struct Begun(Option<(Child, TempPath)>);

impl Begun {
    fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        let Some((child, _)) = &mut self.0 else { return Ok(None) };
        child.try_wait().context("wait for a program's start")
    }

    fn last_words(&self) -> String {
        self.0.as_ref().map(|(_, said)| last_words(said)).unwrap_or_default()
    }

    fn kill(&mut self) {
        if let Some((child, _)) = &mut self.0 {
            // One that is gone needs no ending.
            let _ = child.kill();
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        // Without a runtime the host itself is ending, and the system buries what it leaves.
        if let (Some((child, said)), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(bury(child, said));
        }
    }
}

/// Waits for a process that is followed by its run's folder, so that the system need not keep it any more.
async fn bury(mut child: Child, _said: TempPath) {
    while matches!(child.try_wait(), Ok(None)) {
        tokio::time::sleep(BURY_EVERY).await;
    }
}

/// What the command line says of an error, as it was: message and hint.
pub(crate) fn reason(words: &str) -> ApiError {
    let words = if words.is_empty() { "The program could not be started, and nothing says why." } else { words };
    let error = ApiError::new(ErrorCode::Conflict, words);
    let Some(told) = words.lines().find_map(|line| line.strip_prefix("error: ")) else { return error };
    let error = ApiError { message: told.to_owned(), ..error };
    match words.lines().find_map(|line| line.strip_prefix(" hint: ")) {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// The last lines of what was said before a program ran; what the program says is in its run.
pub(crate) fn last_words(said: &Path) -> String {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(said)?;
        let total = file.metadata()?.len();
        file.seek(SeekFrom::Start(total.saturating_sub(LAST_WORDS_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let lines: Vec<&str> =
        text.lines().filter(|line| !line.starts_with(OWN_WORDS) && !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join("\n")
}
