//! The command line as a whole: groups, options that every command has, and where each group goes.

use std::ffi::OsString;

use clap::{Parser, Subcommand, error::ErrorKind};
use client::workspace::Workspace;
use serde_json::Value;

use api::ApiError;

use crate::{
    commands::{
        data, deploy, host, job, model, monitor, open, project, registry, run, search, source, target, tracking,
    },
    context::{Context, Outcome},
    exec, measuring,
    output::Output,
    serve,
    session::Session,
};

const AFTER: &str = "\
Names do wherever an id is asked for. The project is that of the current folder, or --project.
With a host running, commands ask it; without one short commands open the workspace themselves,
and longer ones start a host that ends by itself when they are done.

Exit codes: 0 done, 1 failed, 2 wrong input, 3 not found, 4 unreachable or refused, 5 the workspace
is held by another process, 130 interrupted. `slipway exec` passes its command's own code on.

Variables: SLIPWAY_HOME moves the workspace; SLIPWAY_LOG chooses what its log keeps; SLIPWAY_WORKER,
SLIPWAY_SERVING, SLIPWAY_SAMPLES, SLIPWAY_UI, SLIPWAY_DESKTOP name programs and assets elsewhere.";

/// From a project folder to a running, watched model
#[derive(Debug, Parser)]
#[command(name = "slipway", version, after_help = AFTER, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// Print the answer as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The project, by id, name or folder
    #[arg(long, global = true, value_name = "PROJECT")]
    project: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Open a project in the window, or print the address of its page
    Open(open::Open),
    /// Make, list, look at and edit projects
    #[command(subcommand)]
    Project(project::ProjectCommand),
    /// Open a sample project
    #[command(subcommand)]
    Sample(project::SampleCommand),
    /// Keep, preview, measure and compare data
    #[command(subcommand)]
    Data(data::DataCommand),
    /// Train, follow, compare and read runs
    #[command(subcommand)]
    Run(run::RunCommand),
    /// Search for hyperparameters of trainings or of any program
    #[command(subcommand)]
    Search(search::SearchCommand),
    /// Run any program as a tracked run
    #[command(after_help = "For example: slipway exec --name first -- python train.py --lr 0.1")]
    Exec(exec::Exec),
    /// Print the address that MLflow's clients log to
    #[command(after_help = "A shell gives it to what it starts: export MLFLOW_TRACKING_URI=$(slipway tracking)")]
    Tracking(tracking::TrackingArguments),
    /// Group runs: make, rename, delete and restore experiments
    #[command(subcommand)]
    Experiment(tracking::ExperimentCommand),
    /// Run logs of other tools, read where they lie
    #[command(subcommand)]
    Source(source::SourceCommand),
    /// Register models, name their versions, predict
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Registries and the images that go there
    #[command(subcommand)]
    Registry(registry::RegistryCommand),
    /// The places that models are deployed to
    #[command(subcommand)]
    Target(target::TargetCommand),
    /// Deploy, call, scale, roll back
    #[command(subcommand)]
    Deploy(deploy::DeployCommand),
    /// Watch deployments: traffic, drift, alerts
    #[command(subcommand)]
    Monitor(monitor::MonitorCommand),
    /// Everything that runs or ran
    #[command(subcommand)]
    Job(job::JobCommand),
    /// What this machine has, and which workers start on it
    Hardware(host::HardwareArguments),
    #[command(subcommand)]
    /// The workspace's settings
    Settings(host::SettingsCommand),
    /// Passwords and keys, kept in the system's keychain or an encrypted file
    #[command(subcommand)]
    Secret(host::SecretCommand),
    /// What takes the workspace's space, and freeing it
    #[command(subcommand)]
    Storage(host::StorageCommand),
    /// Slipway's own log
    Log(host::LogArguments),
    /// Be the host: keep the workspace open for the window, browsers and commands
    Serve(serve::Serve),
    /// Tell what a process and all that it started use
    #[command(hide = true)]
    Meter(measuring::MeterArguments),
    /// Tell NVIDIA's GPUs and their memory as JSON
    #[command(hide = true)]
    Gpus,
    /// Call any method of the API with JSON parameters
    Call {
        /// For example run.get
        method: String,
        /// Its parameters as a JSON object
        #[arg(default_value = "{}")]
        params: String,
    },
    /// Print completions for a shell
    Completions {
        /// The shell that they are for
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// What the command is called in the error of another that finds the workspace held.
    const fn name(&self) -> &'static str {
        match self {
            Self::Open(_) => "slipway open",
            Self::Project(_) => "slipway project",
            Self::Sample(_) => "slipway sample",
            Self::Data(_) => "slipway data",
            Self::Run(_) => "slipway run",
            Self::Search(_) => "slipway search",
            Self::Exec(_) => "slipway exec",
            Self::Tracking(_) => "slipway tracking",
            Self::Experiment(_) => "slipway experiment",
            Self::Source(_) => "slipway source",
            Self::Model(_) => "slipway model",
            Self::Registry(_) => "slipway registry",
            Self::Target(_) => "slipway target",
            Self::Deploy(_) => "slipway deploy",
            Self::Monitor(_) => "slipway monitor",
            Self::Job(_) => "slipway job",
            Self::Hardware(_) => "slipway hardware",
            Self::Settings(_) => "slipway settings",
            Self::Secret(_) => "slipway secret",
            Self::Storage(_) => "slipway storage",
            Self::Log(_) => "slipway log",
            Self::Serve(_) => "slipway serve",
            Self::Meter(_) => "slipway meter",
            Self::Gpus => "slipway gpus",
            Self::Call { .. } => "slipway call",
            Self::Completions { .. } => "slipway completions",
        }
    }
}

/// Whether `--json` is among our own arguments; what follows `--` is another program's.
pub(crate) fn asks_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    arguments.take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

/// What is wrong with arguments that can't be read, for programs: the first paragraph is what, the rest the way out.
pub(crate) fn wrong(error: &clap::Error) -> ApiError {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return ApiError::invalid("The command is not whole.").with_hint("`--help` behind it lists what can follow.");
    }
    let text = error.render().to_string();
    let on_one_line = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut parts = text.trim().split("\n\n").map(on_one_line);
    let message = parts.next().unwrap_or_default();
    let rest: Vec<String> = parts.map(|part| part.trim_end_matches('.').to_owned()).collect();
    let error = ApiError::invalid(format!("{}.", message.trim_start_matches("error: ").trim_end_matches('.')));
    if rest.is_empty() { error } else { error.with_hint(format!("{}.", rest.join(". "))) }
}

/// Does what the command line says; the answer is the exit code.
pub(crate) async fn run(arguments: Arguments) -> Outcome<u8> {
    let output = Output::new(arguments.json);
    match arguments.command {
        Command::Completions { shell } => return completions(shell, output),
        Command::Meter(asked) => return measuring::run(asked).await,
        Command::Gpus => return Ok(measuring::gpus()),
        Command::Project(project::ProjectCommand::Keys) => return project::keys(output).map(|()| 0),
        _ => {}
    }
    let workspace = Workspace::locate()?;
    crate::own_log::start(workspace.logs());
    match arguments.command {
        Command::Serve(serve) => return serve::run(workspace, output, serve).await.map(|()| 0),
        Command::Exec(exec) => return exec::run(&workspace, output, arguments.project.as_deref(), exec).await,
        _ => {}
    }
    let session = Session::open(&workspace, arguments.command.name()).await?;
    let mut context = Context { workspace, session, output, project: arguments.project };
    let answered = answer(&mut context, arguments.command).await;
    context.session.close().await;
    answered.map(|()| 0)
}

async fn answer(context: &mut Context, command: Command) -> Outcome {
    match command {
        Command::Open(open) => open::run(context, open).await,
        Command::Project(command) => project::run(context, command).await,
        Command::Sample(command) => project::run_sample(context, command).await,
        Command::Data(command) => data::run(context, command).await,
        Command::Run(command) => run::run(context, command).await,
        Command::Search(command) => search::run(context, command).await,
        Command::Tracking(arguments) => tracking::address(context, &arguments).await,
        Command::Experiment(command) => tracking::experiment(context, command).await,
        Command::Source(command) => source::run(context, command).await,
        Command::Model(command) => model::run(context, command).await,
        Command::Registry(command) => registry::run(context, command).await,
        Command::Target(command) => target::run(context, command).await,
        Command::Deploy(command) => deploy::run(context, command).await,
        Command::Monitor(command) => monitor::run(context, command).await,
        Command::Job(command) => job::run(context, command).await,
        Command::Hardware(arguments) => host::hardware(context, arguments).await,
        Command::Settings(command) => host::settings(context, command).await,
        Command::Secret(command) => host::secret(context, command).await,
        Command::Storage(command) => host::storage(context, command).await,
        Command::Log(arguments) => host::log(context, arguments).await,
        Command::Call { method, params } => {
            let params: Value = serde_json::from_str(&params).map_err(|error| {
                ApiError::invalid(format!("The parameters are no JSON: {error}."))
                    .with_hint("For example: '{\"run\": \"…\"}'")
            })?;
            let answer = context.session.call_json(&method, params).await?;
            Output { json: true, ..context.output }.show(&answer, |_| String::new())
        }
        // Answered before the workspace is opened.
        Command::Serve(_) | Command::Exec(_) | Command::Meter(_) | Command::Gpus | Command::Completions { .. } => {
            Ok(())
        }
    }
}

fn completions(shell: clap_complete::Shell, output: Output) -> Outcome<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut <Arguments as clap::CommandFactory>::command(), "slipway", &mut script);
    output.print(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    /// Commands, arguments and options without a line in `--help`.
    fn unsaid(command: &clap::Command, path: &str, missing: &mut Vec<String>) {
        let path = format!("{path} {}", command.get_name());
        if command.get_about().is_none() {
            missing.push(path.clone());
        }
        let silent =
            command.get_arguments().filter(|argument| argument.get_help().is_none() && !argument.is_hide_set());
        missing.extend(silent.map(|argument| format!("{path} {}", argument.get_id())));
        for inner in command.get_subcommands() {
            unsaid(inner, &path, missing);
        }
    }

    #[test]
    fn help_says_what_every_argument_is() {
        let mut missing = Vec::new();
        unsaid(&Arguments::command(), "", &mut missing);
        assert!(missing.is_empty(), "without a line in --help:\n{}", missing.join("\n"));
    }

    #[test]
    fn wrong_arguments_are_told_to_programs_as_one_sentence_and_the_way_out() {
        let told = |arguments: &[&str]| wrong(&Arguments::try_parse_from(arguments).unwrap_err());
        let error = told(&["slipway", "--json", "run", "start", "--no-such-option"]);
        assert!(error.message.starts_with("unexpected argument '--no-such-option' found"), "{}", error.message);
        assert!(error.hint.unwrap().contains("Usage: slipway run start"));
        assert_eq!(told(&["slipway", "run"]).message, "The command is not whole.");
        let asks = |arguments: &[&str]| asks_for_json(arguments.iter().map(OsString::from));
        assert!(asks(&["slipway", "run", "list", "--json"]));
        assert!(!asks(&["slipway", "exec", "--", "python", "--json"]));
    }

    #[test]
    fn an_alias_is_removed_only_where_that_is_said() {
        let alias =
            |rest: &[&str]| Arguments::try_parse_from([&["slipway", "model", "alias", "m", "champion"], rest].concat());
        assert!(alias(&[]).is_err(), "the version was forgotten");
        assert!(alias(&["1"]).is_ok() && alias(&["--remove"]).is_ok());
        assert!(alias(&["1", "--remove"]).is_err());
    }

    #[test]
    fn what_follows_exec_is_the_programs_own() {
        let parsed = Arguments::try_parse_from(["slipway", "exec", "--", "python", "train.py", "--json"]).unwrap();
        assert!(!parsed.json);
        let parsed = Arguments::try_parse_from(["slipway", "--json", "exec", "python", "--project", "x"]).unwrap();
        assert!(parsed.json && parsed.project.is_none());
    }
}
