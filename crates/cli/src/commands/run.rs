//! `slipway run`: starting, watching, comparing and reading runs.

mod artifacts;
mod bands;
mod by_values;
mod chosen;
mod curves;
mod diff;
mod export;
pub(super) mod importance;
mod list;
mod media;
mod several;
mod views;
mod written;

use std::{io::IsTerminal as _, time::Duration};

use api::{
    ApiError, RunId,
    config::{ModelChoice, Optimizer, TrainingConfig},
    evaluation::{Evaluation, Figure},
    figure::counted,
    job::Subject,
    run::{
        DATA_CHANGED, EditRun, Ending, FindRuns, FoundRun, GetEvaluation, GetLineage, GetNested, GetRun, GetRunLog,
        LineageNode, LogStream, MACHINE_GPU, MACHINE_UNMEASURED, MarkEnded, MetricSummary, Nested, ResumeRun, Run,
        RunKind, SYSTEM, StartCommand, StartRun, StopRun, seconds,
    },
    run_diff::DiffRuns,
    search::ListSearches,
    spending::{Spent, money},
    worker::Device,
};
use clap::{Args, Subcommand};

use crate::{
    context::{Context, Outcome, environment},
    exec::begun,
    output::{self, one_line, pairs, table},
    words,
};

#[derive(Debug, Subcommand)]
pub(crate) enum RunCommand {
    /// Trains a model with the project's settings; every option overrides one of them for this run
    Start(Box<Start>),
    /// Lists runs: the best first where a project's are ranked by a validation metric, else the newest first
    List(Box<list::List>),
    /// Finds runs of every experiment by a part of their names, the newest first
    Find {
        /// What the name has in it, in any case; several words in any order
        #[arg(required = true, value_name = "WORD")]
        words: Vec<String>,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: u32,
        /// Print CSV
        #[arg(long)]
        csv: bool,
    },
    /// Shows a run: state, metrics, parameters, where it came from
    Show {
        /// A run's name or id, or `latest`
        run: String,
        /// The experiment, by name or number, that the run's name is looked up in
        #[arg(long)]
        experiment: Option<String>,
        /// Show what the machine and the program used as well (`system/…`)
        #[arg(long)]
        system: bool,
        /// Print CSV, with all digits: a row a param, a tag and a series
        #[arg(long)]
        csv: bool,
    },
    /// Stops a training after its step, so that it can be resumed; asks a program to stop, and ends it when asked again
    Stop {
        /// A run's name or id, or `latest`
        run: String,
    },
    /// Marks a client's or an imported run as ended whose program died and can't say so
    End {
        /// A run's name or id, or `latest`
        run: String,
        /// How it ended: failed or killed
        #[arg(long = "as", value_name = "HOW", default_value = "killed", value_parser = super::parse_word::<Ending>)]
        ending: Ending,
    },
    /// Goes on with a stopped, failed or killed training
    Resume {
        /// A run's name or id, or `latest`
        run: String,
        #[command(flatten)]
        budget: super::Budget,
        /// Return at once; the training goes on in the host
        #[arg(long)]
        detach: bool,
    },
    /// Runs a program's run once more: the same command, in the same folder, in this terminal's environment. A limit
    /// that is not given is as it was
    Again {
        /// A run's name or id, or `latest`
        run: String,
        /// The new run's name; by default two words
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        budget: super::Budget,
    },
    /// Changes a run's name, notes or tags
    Edit {
        /// A run's name or id, or `latest`
        run: String,
        /// A new name
        #[arg(long)]
        name: Option<String>,
        /// New notes
        #[arg(long)]
        notes: Option<String>,
        /// An empty value removes the tag
        #[arg(long = "tag", value_name = "KEY=VALUE")]
        tags: Vec<String>,
    },
    /// Prints the report: metrics on the test part with their intervals
    Evaluation {
        /// A run's name or id, or `latest`
        run: String,
    },
    /// Prints what a run wrote, byte for byte: colours and progress bars are as its program drew them. At a terminal, where
    /// nothing was written to the one stream, the other is shown instead
    Log {
        /// A run's name or id, or `latest`
        run: String,
        /// What it wrote to stderr instead of stdout
        #[arg(long)]
        stderr: bool,
        /// Go on until the run is over
        #[arg(long, short)]
        follow: bool,
    },
    /// Lists the files that a run produced, saves one, or deletes a file or folder of them so that it can be restored
    Artifacts(artifacts::Artifacts),
    /// Saved views of the run table: filter, order, groups and columns under a name
    #[command(subcommand)]
    Views(views::ViewsCommand),
    /// Pictures, sounds, videos, pages, texts, tables and histograms of a run by step
    #[command(subcommand)]
    Media(media::MediaCommand),
    /// Writes runs as an MLflow file store, TensorBoard event files, CSV or Parquet
    Export(export::Export),
    /// Draws series of runs, or runs by their values, in the terminal or in a picture; with --json prints what is drawn
    Plot(Box<curves::Plot>),
    /// Shows what differs between runs: params, environment, code, data, command, tags, metrics
    #[command(alias = "compare")]
    Diff {
        /// Runs by name or id, or `latest`
        #[arg(required = true, num_args = 2.., value_name = "RUN")]
        runs: Vec<String>,
        /// The experiment, by name or number, that the runs' names are looked up in
        #[arg(long)]
        experiment: Option<String>,
        /// Show what is equal too
        #[arg(long, conflicts_with = "code")]
        all: bool,
        /// Lay what the machine and the programs used beside each other as well (`system/…`)
        #[arg(long, conflicts_with = "code")]
        system: bool,
        /// Show how the files of two runs' code differ, line by line
        #[arg(long)]
        code: bool,
        /// With --code: what `git apply` takes
        #[arg(long, requires = "code")]
        patch: bool,
        /// Print CSV, with all digits
        #[arg(long, conflicts_with_all = ["code", "markdown"])]
        csv: bool,
        /// Print a table of Markdown
        #[arg(long, conflicts_with = "code")]
        markdown: bool,
    },
    /// Tells which params a metric follows, by fANOVA
    Importance(importance::Importance),
    #[command(flatten)]
    Several(several::SeveralCommand),
    /// Shows what a run came from and what came from it
    Lineage {
        /// A run's name or id, or `latest`
        run: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// The run's name; by default two words
    #[arg(long)]
    name: Option<String>,
    /// Train on this snapshot; by default the data as it is now
    #[arg(long)]
    snapshot: Option<String>,
    /// default, linear, mlp, trees or cnn
    #[arg(long, value_parser = super::parse_word::<ModelChoice>)]
    model: Option<ModelChoice>,
    /// auto, cpu, cuda, metal or wgpu
    #[arg(long, value_parser = super::parse_word::<Device>)]
    device: Option<Device>,
    /// The same seed and data give the same model
    #[arg(long)]
    seed: Option<u64>,
    /// 0: as many as there are cores
    #[arg(long)]
    threads: Option<usize>,
    /// How often a network sees the data
    #[arg(long)]
    epochs: Option<usize>,
    /// Rows or pictures in one step
    #[arg(long)]
    batch_size: Option<usize>,
    /// adamw or sgd
    #[arg(long, value_parser = super::parse_word::<Optimizer>)]
    optimizer: Option<Optimizer>,
    /// How far a step goes
    #[arg(long, value_parser = super::parse_number)]
    learning_rate: Option<f64>,
    /// How much large weights are held down
    #[arg(long, value_parser = super::parse_number)]
    weight_decay: Option<f64>,
    /// Share of a layer that is left out in each step, 0 to 1
    #[arg(long, value_parser = super::parse_number)]
    dropout: Option<f64>,
    /// Widths of the hidden layers: 256,128
    #[arg(long, value_delimiter = ',')]
    hidden: Vec<usize>,
    /// Epochs or rounds without a better metric before training stops; 0 never stops early
    #[arg(long)]
    patience: Option<usize>,
    /// How many trees at most
    #[arg(long)]
    rounds: Option<usize>,
    /// How deep a tree may grow
    #[arg(long)]
    max_depth: Option<usize>,
    /// How much the values of leaves are held down
    #[arg(long, value_parser = super::parse_number)]
    l2: Option<f64>,
    /// Don't prefer rare classes
    #[arg(long)]
    no_balance: bool,
    #[command(flatten)]
    budget: super::Budget,
    /// Return at once; the training goes on in the host
    #[arg(long)]
    detach: bool,
}

impl Start {
    /// The project's `[training]` with the given options over it; `None` where none is given.
    fn over(&self, file: &TrainingConfig) -> Option<TrainingConfig> {
        let mut config = file.clone();
        fn set<T: Copy>(value: &mut T, given: Option<T>) {
            if let Some(given) = given {
                *value = given;
            }
        }
        set(&mut config.model, self.model);
        set(&mut config.device, self.device);
        set(&mut config.seed, self.seed);
        set(&mut config.threads, self.threads);
        set(&mut config.optimizer, self.optimizer);
        config.epochs = self.epochs.or(config.epochs);
        config.batch_size = self.batch_size.or(config.batch_size);
        config.learning_rate = self.learning_rate.or(config.learning_rate);
        config.weight_decay = self.weight_decay.or(config.weight_decay);
        config.dropout = self.dropout.or(config.dropout);
        config.patience = self.patience.or(config.patience);
        config.rounds = self.rounds.or(config.rounds);
        config.max_depth = self.max_depth.or(config.max_depth);
        config.l2 = self.l2.or(config.l2);
        if !self.hidden.is_empty() {
            config.hidden.clone_from(&self.hidden);
        }
        config.balance &= !self.no_balance;
        (config != *file).then_some(config)
    }
}

pub(crate) async fn run(context: &mut Context, command: RunCommand) -> Outcome {
    match command {
        RunCommand::Start(start) => {
            context.lasting().await?;
            let project = context.project().await?;
            let snapshot = match &start.snapshot {
                Some(named) => Some(context.snapshot(Some(named)).await?),
                None => None,
            };
            let training = start.over(&project.file.training);
            let job = context
                .call(StartRun {
                    project: project.id,
                    training,
                    snapshot,
                    name: start.name,
                    alert: None,
                    budget: start.budget.given(),
                })
                .await?;
            train(context, start.detach, job).await
        }
        RunCommand::List(list) => list::run(context, *list).await,
        RunCommand::Find { words, limit, csv } => {
            let found = context.call(FindRuns { words: words.join(" "), limit: Some(limit) }).await?;
            if csv {
                let row = |run: &FoundRun| {
                    let (name, experiment) = (run.name.clone(), run.experiment.clone());
                    let created = words::exact_time(run.created_ms);
                    vec![run.id.to_string(), name, experiment, words::word(&run.state), created]
                };
                return output::pass_csv(&["id", "name", "experiment", "state", "created"], found.iter().map(row));
            }
            context.output.show(&found, |found| {
                let row = |run: &FoundRun| {
                    let (name, experiment) = (one_line(&run.name), one_line(&run.experiment));
                    vec![name, experiment, words::word(&run.state), words::time(run.created_ms), run.id.short()]
                };
                if found.is_empty() {
                    return "No run is called so.".to_owned();
                }
                table(&["run", "experiment", "state", "created", "id"], found.iter().map(row))
            })
        }
        RunCommand::Resume { run, budget, detach } => {
            context.lasting().await?;
            let job = context.call(ResumeRun { run: context.run(&run).await?, budget: budget.given() }).await?;
            train(context, detach, job).await
        }
        RunCommand::Show { run, experiment, system, csv } => {
            let experiment = context.experiment_if_named(experiment.as_deref()).await?;
            let run = context.run_of(&run, experiment.as_ref()).await?;
            if csv {
                let run = context.call(GetRun { run }).await?;
                return output::pass(&written::of(&run, system)).map(drop);
            }
            let nested = context.call(GetNested { run }).await?;
            let run = context.call(GetRun { run }).await?;
            let below = match measures_below(&run, &nested).filter(|_| !context.output.json) {
                Some(run) => Some(context.call(GetRun { run }).await?),
                None => None,
            };
            let search = search_of(context, &run).await?;
            context.output.show(&run, |run| {
                let below = below.as_ref().map_or_else(String::new, figures_below);
                let head = if system { shown_whole(run) } else { shown(run) };
                let trials = search.map(|name| format!("\n\nIts trials: slipway search show {}", words::shell(&name)));
                format!("{head}{below}{}{}", around(run.id, &nested), trials.unwrap_or_default())
            })
        }
        RunCommand::Stop { run } => {
            // Where nobody follows it yet, the host that starts takes it up and stops it.
            context.lasting().await?;
            let run = context.call(StopRun { run: context.run(&run).await? }).await?;
            context.output.show(&run, |run| match (run.state.is_over(), run.kind) {
                (true, _) => format!("{} is {}.", run.name, words::word(&run.state)),
                (false, RunKind::Training) => format!("{} stops after its step.", run.name),
                (false, RunKind::Command | RunKind::Client | RunKind::Imported | RunKind::Search) => {
                    format!("{} was asked to stop. Ask again to end it at once.", run.name)
                }
            })
        }
        RunCommand::End { run, ending } => {
            let run = context.call(MarkEnded { run: context.run(&run).await?, ending }).await?;
            context.output.show(&run, |run| format!("{} is marked as {}.", run.name, words::word(&run.state)))
        }
        RunCommand::Again { run, name, budget } => {
            context.lasting().await?;
            let run = context.call(GetRun { run: context.run(&run).await? }).await?;
            let again = StartCommand::again(&run).ok_or_else(|| match run.kind {
                RunKind::Training => ApiError::invalid(format!("{} is a training.", run.name))
                    .with_hint("It goes on with `slipway run resume`, and a new one starts with `slipway run start`."),
                _ => ApiError::invalid(format!("{} is no program of a project whose folder is known.", run.name))
                    .with_hint("Only what `slipway exec` or the window ran can be run again."),
            })?;
            let budget = budget.given().over(&again.budget);
            let again = StartCommand { environment: Some(environment()), name, budget, ..again };
            context.output.show(&context.call(again).await?, begun)
        }
        RunCommand::Edit { run, name, notes, tags } => {
            if name.is_none() && notes.is_none() && tags.is_empty() {
                return Err(ApiError::invalid("There is nothing to change.")
                    .with_hint("Say --name, --notes or --tag KEY=VALUE; `slipway run show` shows what stands there."));
            }
            let tags = tags.iter().map(|pair| tag(pair)).collect::<Outcome<_>>()?;
            let run = context.call(EditRun { run: context.run(&run).await?, name, notes, tags }).await?;
            context.output.show(&run, shown)
        }
        RunCommand::Evaluation { run } => {
            context.output.show(&context.call(GetEvaluation { run: context.run(&run).await? }).await?, evaluation)
        }
        RunCommand::Log { run, stderr, follow } => {
            if follow {
                context.lasting().await?;
            }
            let run = context.run(&run).await?;
            let streams = [("stdout", LogStream::Stdout), ("stderr", LogStream::Stderr)];
            let [chosen, other] = if stderr { [streams[1], streams[0]] } else { streams };
            if log(context, run, chosen.1, follow).await? > 0 || context.output.json {
                return Ok(());
            }
            // What a program says of its failure is often in the other.
            let is_there =
                context.call(GetRunLog { run, stream: other.1, after: 0, limit_bytes: None }).await?.total > 0;
            if !is_there {
                return Ok(());
            }
            // A pipe or a file gets what it asked for.
            if !std::io::stdout().is_terminal() {
                let option = if stderr { "leave out --stderr" } else { "add --stderr" };
                context.output.say(&format!("Nothing was written to {}; {option} for {}.", chosen.0, other.0));
                return Ok(());
            }
            context
                .output
                .say(&format!("Nothing was written to {}; this is what was written to {}:", chosen.0, other.0));
            log(context, run, other.1, false).await.map(drop)
        }
        RunCommand::Views(command) => views::run(context, command).await,
        RunCommand::Artifacts(asked) => artifacts::run(context, asked).await,
        RunCommand::Media(command) => media::run(context, command).await,
        RunCommand::Export(export) => export::run(context, export).await,
        RunCommand::Plot(plot) => curves::run(context, *plot).await,
        RunCommand::Diff { runs, experiment, code: true, patch, .. } => {
            diff::code(context, &runs, experiment.as_deref(), patch).await
        }
        RunCommand::Diff { runs, experiment, all, system, csv, markdown, .. } => {
            let runs = diff::meant(context, &runs, experiment.as_deref()).await?;
            let form = match (csv, markdown) {
                (true, _) => diff::Form::Csv,
                (_, true) => diff::Form::Markdown,
                _ => diff::Form::Shown,
            };
            diff::run(context, DiffRuns { runs, all, system }, form).await
        }
        RunCommand::Importance(asked) => importance::run(context, asked).await,
        RunCommand::Several(command) => several::run(context, command).await,
        RunCommand::Lineage { run } => {
            let nodes = context.call(GetLineage { run: context.run(&run).await? }).await?;
            context.output.show(&nodes, |nodes| {
                let row = |node: &LineageNode| {
                    let from = node.from.iter().filter_map(|index| nodes.get(*index)).map(|from| from.label.clone());
                    vec![
                        node.kind.clone(),
                        node.label.clone(),
                        from.collect::<Vec<_>>().join(", "),
                        node.detail.clone(),
                    ]
                };
                table(&["what", "name", "from", ""], nodes.iter().map(row))
            })
        }
    }
}

/// Follows a training and shows its run; shared with `slipway monitor retrain`.
pub(crate) async fn train(context: &Context, detach: bool, job: api::job::Job) -> Outcome {
    let job = context.follow_unless(detach, job).await?;
    match job.subject {
        Subject::Run(run) => context.output.show(&context.call(GetRun { run }).await?, shown),
        _ => context.output.show(&job, |job| job.message.clone()),
    }
}

pub(crate) fn tag(pair: &str) -> Outcome<(String, Option<String>)> {
    match pair.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), Some(value.to_owned()).filter(|value| !value.is_empty()))),
        None => Err(ApiError::invalid(format!("\"{pair}\" is no KEY=VALUE."))
            .with_hint(format!("`{pair}=` with nothing behind it removes the tag."))),
    }
}

/// How often a growing log is read while somebody follows it.
const LOG_TICK: Duration = Duration::from_millis(300);

/// Prints a stream, and answers how many bytes it has.
async fn log(context: &Context, run: RunId, stream: LogStream, follow: bool) -> Outcome<u64> {
    let mut after = 0;
    loop {
        let over = !follow || context.call(GetRun { run }).await?.state.is_over();
        let chunk = context.call(GetRunLog { run, stream, after, limit_bytes: None }).await?;
        let grew = chunk.end > after;
        after = chunk.end;
        if context.output.json && grew {
            context.output.show(&chunk, |chunk| chunk.text.clone())?;
        } else {
            // The bytes as they are: a line may go on in the next chunk, and the colours and bars are the program's own.
            if !output::write(&chunk.text)? {
                return Ok(after);
            }
        }
        if !grew {
            if over {
                return Ok(after);
            }
            tokio::time::sleep(LOG_TICK).await;
        }
    }
}

/// Each limit, with what is used of it.
fn budget(spent: &Spent) -> Option<String> {
    let limits = spent.limits();
    (!limits.is_empty()).then(|| limits.into_iter().map(|used| spent.told(used)).collect::<Vec<_>>().join("; "))
}

/// The run below a program's that has its figures, where it has none itself: the newest that its client began elsewhere.
fn measures_below(run: &Run, nested: &Nested) -> Option<RunId> {
    let is_bare = run.metrics.iter().all(|metric| metric.key.starts_with(SYSTEM));
    let newest = nested.children.iter().rfind(|child| child.kind == RunKind::Client)?;
    (run.kind == RunKind::Command && is_bare).then_some(newest.id)
}

/// What the search is called that a run is.
async fn search_of(context: &Context, run: &Run) -> Outcome<Option<String>> {
    let Some(project) = run.project.filter(|_| run.kind == RunKind::Search) else { return Ok(None) };
    let all = context.call(ListSearches { project, deleted: false }).await?;
    Ok(all.into_iter().find(|search| search.run == Some(run.id)).map(|search| search.name))
}

fn figures_below(run: &Run) -> String {
    match own(&run.metrics).is_empty() {
        true => String::new(),
        false => format!("\n\nMetrics of {}, which it started:\n{}", one_line(&run.name), figures(&own(&run.metrics))),
    }
}

/// The run that it stands under, and those below it.
fn around(run: RunId, nested: &Nested) -> String {
    const NAMED: usize = 5;
    let mut text = String::new();
    if let Some(parent) = &nested.parent {
        text += &format!("\n\nIts parent run is {} ({}).", one_line(&parent.name), parent.id);
    }
    if nested.total > 0 {
        let names: Vec<String> = nested.children.iter().take(NAMED).map(|child| one_line(&child.name)).collect();
        let more = nested.total - names.len() as u64;
        let more = if more > 0 { format!(" and {} more", words::count(more)) } else { String::new() };
        let runs = counted(nested.total, "child run", "child runs");
        text += &format!(
            "\n\n{runs}: {}{more}. All: slipway run list --everywhere --filter 'parent = \"{run}\"'",
            names.join(", ")
        );
    }
    text
}

/// A run without what was measured of its machine, which would stand above and among all that it measured itself.
pub(crate) fn shown(run: &Run) -> String {
    let (mut text, own) = (head(run), own(&run.metrics));
    if !own.is_empty() {
        text += &format!("\n\n{}", figures(&own));
    }
    match run.metrics.len() - own.len() {
        0 => text,
        left => {
            let series = counted(left as u64, "series", "series");
            text + &format!("\n\n{series} of what the machine did: slipway run show {} --system", run.id)
        }
    }
}

/// With what was measured of its machine.
fn shown_whole(run: &Run) -> String {
    let all: Vec<&MetricSummary> = run.metrics.iter().collect();
    if all.is_empty() { head(run) } else { format!("{}\n\n{}", head(run), figures(&all)) }
}

/// What the run measured itself.
fn own(metrics: &[MetricSummary]) -> Vec<&MetricSummary> {
    metrics.iter().filter(|metric| !metric.key.starts_with(SYSTEM)).collect()
}

fn head(run: &Run) -> String {
    let took = run.started_ms.zip(run.ended_ms).map(|(start, end)| words::duration(seconds(start, end)));
    let code = run.code.as_ref().map(|code| {
        let commit: String = code.commit.chars().take(12).collect();
        format!("{commit}{}", if code.dirty { " with changes" } else { "" })
    });
    pairs(&[
        ("run", Some(format!("{} ({})", one_line(&run.name), run.id))),
        ("state", Some(words::word(&run.state))),
        ("deleted", run.deleted_ms.map(|at| format!("{}; back: slipway run restore {}", words::time(at), run.id))),
        ("because", run.ended_because.as_ref().map(ToString::to_string)),
        ("command", run.command.as_deref().map(words::command)),
        ("exit code", run.exit_code.map(|code| code.to_string())),
        ("data", run.snapshot_number.map(|number| data(run, number))),
        ("code", code),
        ("seed", run.seed.map(|seed| seed.to_string())),
        ("device", run.device.clone()),
        ("gpu", run.environment.get(MACHINE_GPU).cloned()),
        ("measured", run.environment.get(MACHINE_UNMEASURED).map(|why| format!("no: {why}"))),
        ("started", run.started_ms.map(words::time)),
        ("took", took),
        ("energy", run.spent.as_ref().and_then(Spent::kwh).map(|kwh| format!("{} kWh", words::figure(kwh)))),
        ("cost", run.spent.as_ref().and_then(|spent| Some(money(spent.cost?, &spent.terms.currency)))),
        ("budget", run.spent.as_ref().and_then(budget)),
        ("params", words::joined(&run.params)),
        ("tags", words::joined(&run.tags)),
        ("notes", Some(run.notes.clone()).filter(|notes| !notes.is_empty())),
    ])
}

/// The snapshot that it had, and what of the folder was newer.
fn data(run: &Run, number: u32) -> String {
    let since = run.environment.get(DATA_CHANGED).map(|since| format!("; since then {since}"));
    format!("v{number}{}", since.unwrap_or_default())
}

fn figures(metrics: &[&MetricSummary]) -> String {
    let row = |metric: &&MetricSummary| {
        let (last, low, high) = (words::figure(metric.last), words::figure(metric.min), words::figure(metric.max));
        // A figure of the report has no series.
        let points = words::or_dash(Some(metric.count).filter(|count| *count > 0), words::count);
        vec![metric.key.clone(), last, low, high, points, of_kept_model(metric).unwrap_or_default()]
    };
    let of_kept = if metrics.iter().any(|metric| of_kept_model(metric).is_some()) { "of" } else { "" };
    table(&["metric", ">last", ">min", ">max", ">points", of_kept], metrics.iter().map(row))
}

/// Where the last value is the kept model's, and another was logged last.
fn of_kept_model(metric: &MetricSummary) -> Option<String> {
    let kept = metric.kept.filter(|kept| words::figure(kept.logged) != words::figure(metric.last))?;
    let at = kept.step.map_or_else(String::new, |step| format!(", step {step}"));
    Some(format!("the kept model{at}; logged last: {}", words::figure(kept.logged)))
}

fn evaluation(report: &Evaluation) -> String {
    let validation =
        |name: &str| report.validation.iter().find(|figure| figure.name == name).map(|figure| figure.value);
    let row = |figure: &Figure| {
        let interval =
            words::or_dash(figure.interval, |(low, high)| format!("{} to {}", words::figure(low), words::figure(high)));
        let mark = if figure.name == report.primary { " *" } else { "" };
        vec![
            format!("{}{mark}", figure.name),
            words::figure(figure.value),
            interval,
            words::or_dash(figure.baseline, words::figure),
            words::or_dash(validation(&figure.name), words::figure),
        ]
    };
    let rows = report.rows;
    let mut lines = vec![
        format!(
            "{}; {} training, {} validation, {} test rows",
            words::word(&report.task),
            words::count(rows.training),
            words::count(rows.validation),
            words::count(rows.test)
        ),
        table(&["on the test part", ">value", "95 %", ">baseline", ">validation"], report.test.iter().map(row)),
    ];
    lines.extend(
        report
            .positive()
            .map(|class| format!("precision, recall, F1, average precision and the threshold are of \"{class}\"")),
    );
    lines.extend(
        report
            .threshold
            .as_ref()
            .map(|threshold| format!("\nthreshold {} ({})", words::figure(threshold.value), threshold.reason)),
    );
    lines.extend(report.decision.as_ref().map(|decision| {
        let factor = |(class, factor): (&String, &f64)| format!("{class} × {}", words::figure(*factor));
        let factors: Vec<String> = report.classes.iter().zip(&decision.factors).map(factor).collect();
        format!("\nrare classes are preferred, {} ({})", factors.join(", "), decision.reason)
    }));
    if let Some(confusion) = &report.confusion {
        let predicted: Vec<String> = report.classes.iter().map(|class| format!(">{class}")).collect();
        let headings: Vec<&str> =
            std::iter::once("actual \\ predicted").chain(predicted.iter().map(String::as_str)).collect();
        let row = |(class, counts): (&String, &Vec<u64>)| {
            std::iter::once(class.clone()).chain(counts.iter().map(|count| words::count(*count))).collect()
        };
        lines.push(format!("\n{}", table(&headings, report.classes.iter().zip(&confusion.counts).map(row))));
    }
    lines.extend(report.remarks.iter().map(|remark| format!("note: {remark}")));
    lines.join("\n")
}
