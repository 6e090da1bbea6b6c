//! `slipway search`: hyperparameters of trainings, or of any program.
//!
//! The host searches, with trainings and with programs; a program's trials are given this terminal's environment.

use std::collections::BTreeMap;

use api::{
    ApiError, ErrorCode, SearchId,
    job::GetJob,
    search::{
        AssessTrials, DeleteSearch, Direction, EarlyStopping, GetSearch, ListSearches, RestoreSearch, ResumeSearch,
        Search, SearchConfig, SearchMethod, SearchState, StartSearch, StopSearch, Trial, Value, Written,
    },
    spending::Spent,
};
use charts::text_table::{csv_line, markdown};
use clap::{Args, Subcommand};

use super::{Budget, run::importance};
use crate::{
    context::{Context, Outcome, absolute, current_folder, environment},
    exec::refuse_option,
    names,
    output::{self, pairs, pass, table},
    words,
};

/// What a search without a `[search]` needs.
const OF_A_PROGRAM: &str = "For example: slipway search start --try 'lr=1e-4..0.1:log' --metric loss --goal min --trials 20 \
                            -- python train.py --lr '${lr}'";

#[derive(Debug, Subcommand)]
pub(crate) enum SearchCommand {
    /// Searches as `[search]` of slipway.toml says; every option overrides it for this search
    #[command(after_help = OF_A_PROGRAM)]
    Start(Box<Start>),
    /// Lists the project's searches
    List {
        /// Those that were forgotten, instead of those that are there
        #[arg(long)]
        deleted: bool,
        /// Print CSV, with all digits
        #[arg(long)]
        csv: bool,
    },
    /// Shows a search with its trials
    Show {
        /// A search's name or id, or `latest`
        search: String,
        /// Print its trials as CSV
        #[arg(long, conflicts_with = "markdown")]
        csv: bool,
        /// Print its trials as a table of Markdown
        #[arg(long)]
        markdown: bool,
    },
    /// Which hyperparameters the judged value follows, over the finished trials
    Importance {
        /// A search's name or id, or `latest`
        search: String,
        /// Print CSV, with all digits
        #[arg(long)]
        csv: bool,
    },
    /// Stops a search and its running trials; what they reached counts when it is resumed
    Stop {
        /// A search's name or id, or `latest`
        search: String,
    },
    /// Goes on with a search that was stopped or failed, or with more trials
    Resume {
        /// A search's name or id, or `latest`
        search: String,
        /// So many trials in all
        #[arg(long)]
        trials: Option<u64>,
        /// So many at once, as far as memory allows; by default as many as before
        #[arg(long)]
        parallel: Option<u32>,
        #[command(flatten)]
        budget: Budget,
        /// Return at once; the search goes on in the host
        #[arg(long)]
        detach: bool,
    },
    /// Forgets a search; its runs stay
    Delete {
        /// A search's name or id, or `latest`
        search: String,
    },
    /// Brings a search back that was forgotten
    Restore {
        /// Its name or id, as `list --deleted` has it, or `latest`
        search: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// The search's name, with which its runs' names begin; by default two words
    #[arg(long)]
    name: Option<String>,
    /// grid, random or tpe
    #[arg(long, value_parser = super::parse_word::<SearchMethod>)]
    method: Option<SearchMethod>,
    /// The series that is judged; by default what ranks the project's runs
    #[arg(long)]
    metric: Option<String>,
    /// min or max: whether less or more of the metric is better
    #[arg(long, value_parser = super::parse_word::<Direction>)]
    goal: Option<Direction>,
    /// How many at most
    #[arg(long)]
    trials: Option<u64>,
    /// How many at once, as far as memory allows
    #[arg(long)]
    parallel: Option<u32>,
    /// GPUs that each trial of a program sees where several run at once; 0 is all
    #[arg(long)]
    gpus: Option<u32>,
    /// The same seed tries the same values; without one each search draws its own and keeps it
    #[arg(long)]
    seed: Option<u64>,
    /// none or asha: stop trials that are not among the best
    #[arg(long, value_parser = super::parse_word::<EarlyStopping>)]
    early_stopping: Option<EarlyStopping>,
    /// Steps of the metric before a trial may be stopped early
    #[arg(long)]
    min_steps: Option<u64>,
    /// One of so many goes on at each rung
    #[arg(long)]
    reduction: Option<u64>,
    #[command(flatten)]
    budget: Budget,
    /// What to try: `learning_rate=1e-4..0.1:log`, `max_depth=2..8:int`, `model=trees,mlp`; instead of the file's space
    #[arg(long = "try", value_name = "NAME=VALUES", value_parser = tried_as)]
    space: Vec<(String, Written)>,
    /// Return at once; the search goes on in the host
    #[arg(long)]
    detach: bool,
    /// Trainings, where `[search]` names a program
    #[arg(long, conflicts_with = "program")]
    trainings: bool,
    /// A program instead of trainings, with '${name}' where a value is to stand
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    program: Vec<String>,
}

impl Start {
    /// The project's `[search]` with the given options over it.
    fn over(&self, file: &SearchConfig) -> SearchConfig {
        let space: BTreeMap<String, Written> = self.space.iter().cloned().collect();
        SearchConfig {
            method: self.method.unwrap_or(file.method),
            metric: self.metric.clone().or_else(|| file.metric.clone()),
            goal: self.goal.or(file.goal),
            trials: self.trials.unwrap_or(file.trials),
            parallel: self.parallel.unwrap_or(file.parallel),
            gpus: self.gpus.unwrap_or(file.gpus),
            seed: self.seed.or(file.seed),
            early_stopping: self.early_stopping.unwrap_or(file.early_stopping),
            min_steps: self.min_steps.unwrap_or(file.min_steps),
            reduction: self.reduction.unwrap_or(file.reduction),
            command: match (self.program.is_empty(), self.trainings) {
                (false, _) => Some(self.program.clone()),
                (true, false) => file.command.clone(),
                (true, true) => None,
            },
            budget: self.budget.given().over(&file.budget),
            space: if space.is_empty() { file.space.clone() } else { space },
        }
    }
}

pub(crate) async fn run(context: &mut Context, command: SearchCommand) -> Outcome {
    match command {
        SearchCommand::Start(start) => {
            refuse_option::<Start>("search start", &start.program)?;
            context.lasting().await?;
            let project = context.project().await?;
            let config = start.over(&project.file.search);
            // What the file names runs in the file's folder, what is typed where it is typed.
            let directory = match start.program.is_empty() {
                true => None,
                false => Some(absolute(&current_folder()?)?),
            };
            let environment = config.command.is_some().then(environment);
            let config = Some(config);
            let (project, name) = (project.id, start.name);
            let request =
                StartSearch { project, config, training: None, directory, environment, variables: None, name };
            let search = context.call(request).await?;
            go_on(context, search, start.detach).await
        }
        SearchCommand::List { deleted, csv } => {
            let project = context.project_id().await?;
            let searches = context.call(ListSearches { project, deleted }).await?;
            match csv {
                true => pass(&list_written(&searches)).map(drop),
                false => context.output.show(&searches, |list| listed(list, deleted)),
            }
        }
        SearchCommand::Show { search, csv, markdown } => {
            let search = find(context, &search).await?;
            match (csv, markdown) {
                (true, _) => pass(&trials(&search, true).csv()).map(drop),
                (_, true) => pass(&trials(&search, false).markdown()).map(drop),
                _ => context.output.show(&search, shown),
            }
        }
        SearchCommand::Importance { search, csv } => {
            let search = find(context, &search).await?.id;
            importance::told(context, &context.call(AssessTrials { search }).await?, csv)
        }
        SearchCommand::Stop { search } => {
            context.lasting().await?;
            let search = find(context, &search).await?.id;
            context.output.show(&context.call(StopSearch { search }).await?, shown)
        }
        SearchCommand::Resume { search, trials, parallel, budget, detach } => {
            context.lasting().await?;
            let search = find(context, &search).await?;
            let environment = search.command.is_some().then(environment);
            let given = budget.given();
            let budget = (!given.is_empty()).then(|| given.over(&search.config.budget));
            let search =
                context.call(ResumeSearch { search: search.id, trials, parallel, budget, environment }).await?;
            go_on(context, search, detach).await
        }
        SearchCommand::Delete { search } => {
            let search = find(context, &search).await?;
            context.call(DeleteSearch { search: search.id }).await?;
            context.output.show(&search, |search| {
                format!(
                    "The search {} is forgotten; its runs stay.\nBack: slipway search restore {}",
                    search.name, search.id
                )
            })
        }
        SearchCommand::Restore { search } => {
            let search = match search.parse::<SearchId>() {
                Ok(search) => search,
                Err(_) => among(context, &search, true).await?.id,
            };
            let search = context.call(RestoreSearch { search }).await?;
            context.output.show(&search, |search| format!("The search {} is back.", search.name))
        }
    }
}

/// Sees a search to its end, which prints it.
async fn go_on(context: &Context, search: Search, detach: bool) -> Outcome {
    let id = search.id;
    if let Some(job) = search.job {
        let job = context.call(GetJob { job }).await?;
        if let Err(error) = context.follow_unless(detach, job).await {
            let search = context.call(GetSearch { search: id }).await?;
            if search.state == SearchState::Running && error.code == ErrorCode::Cancelled {
                let name = words::shell(&search.name);
                let hint =
                    format!("`slipway search show {name}` says how it stands; `slipway search stop {name}` stops it.");
                return Err(error.with_hint(hint));
            }
            // Its budget says more than that it was stopped.
            return Err(search.error.filter(|_| search.state == SearchState::Stopped).unwrap_or(error));
        }
    }
    let search = context.call(GetSearch { search: id }).await?;
    context.output.show(&search, shown)
}

/// A search of the project by id, by the short form of its id, by name, or `latest`.
async fn find(context: &Context, named: &str) -> Outcome<Search> {
    if let Ok(search) = named.parse() {
        return context.call(GetSearch { search }).await;
    }
    among(context, named, false).await
}

/// The same without its id, of those that are there or of those that were forgotten.
async fn among(context: &Context, named: &str, deleted: bool) -> Outcome<Search> {
    let project = context.project_id().await?;
    let all = context.call(ListSearches { project, deleted }).await?;
    let fits = |search: &&Search| named == "latest" || search.name == named || names::is_meant(search.id, named);
    // Newest first: of two of a name the newer one is meant.
    let (what, list) = match deleted {
        true => ("forgotten search", "`slipway search list --deleted` names them."),
        false => ("search", "`slipway search list` names them."),
    };
    all.iter().find(fits).cloned().ok_or_else(|| match named {
        "latest" => ApiError::not_found(format!("The project has no {what} yet.")),
        _ => ApiError::not_found(format!("There is no {what} \"{named}\".")).with_hint(list),
    })
}

fn value(trial: &Trial) -> String {
    trial.value.map_or_else(|| "–".to_owned(), words::figure)
}

fn tried_as(text: &str) -> Result<(String, Written), String> {
    let (name, values) = text.split_once('=').ok_or("a name, \"=\" and values were expected, as in depth=2..8:int")?;
    Ok((name.trim().to_owned(), values.parse()?))
}

/// A value with few digits; `--json` has all of them.
fn tried(value: &Value) -> String {
    match value {
        Value::Number(number) => words::figure(*number),
        other => other.to_string(),
    }
}

fn listed(searches: &[Search], deleted: bool) -> String {
    let row = |search: &Search| {
        let best = search.best_trial().map_or_else(|| "–".to_owned(), value);
        let trials = format!("{} of {}", search.over(), search.planned);
        let method = words::word(&search.config.method);
        let when = words::time(search.deleted_ms.unwrap_or(search.created_ms));
        let mut row = vec![search.name.clone(), words::word(&search.state), method, trials, best, when];
        row.extend(deleted.then(|| search.id.short()));
        row
    };
    let mut head = vec!["search", "state", "method", ">trials", ">best", if deleted { "forgotten" } else { "started" }];
    head.extend(deleted.then_some("id"));
    table(&head, searches.iter().map(row))
}

/// A row a search, for programs.
fn list_written(searches: &[Search]) -> String {
    let row = |search: &Search| {
        let best = search.best_trial();
        let judged = search.judged.as_ref();
        vec![
            search.id.to_string(),
            search.name.clone(),
            words::word(&search.state),
            words::word(&search.config.method),
            judged.map(|(metric, _)| metric.clone()).unwrap_or_default(),
            judged.map(|(_, goal)| words::word(goal)).unwrap_or_default(),
            search.over().to_string(),
            search.planned.to_string(),
            best.and_then(|trial| trial.value).map(words::digits).unwrap_or_default(),
            best.and_then(|trial| trial.name.clone()).unwrap_or_default(),
            words::exact_time(search.created_ms),
            search.ended_ms.map(words::exact_time).unwrap_or_default(),
            search.deleted_ms.map(words::exact_time).unwrap_or_default(),
        ]
    };
    let head = [
        "id",
        "name",
        "state",
        "method",
        "metric",
        "goal",
        "over",
        "planned",
        "best",
        "best_run",
        "created",
        "ended",
        "forgotten",
    ];
    output::csv(&head, searches.iter().map(row))
}

/// "0.4 h of at most 2 h".
fn used(spent: &Spent) -> String {
    spent.limits().into_iter().map(|limit| spent.told(limit)).collect::<Vec<_>>().join(", ")
}

fn shown(search: &Search) -> String {
    let judged = search.judged.as_ref().map(|(key, direction)| match direction {
        Direction::Min => format!("{key}, less is better"),
        Direction::Max => format!("{key}, more is better"),
    });
    let best = search.best_trial().map(|trial| {
        format!("{} with {}", trial.name.clone().unwrap_or_else(|| format!("trial {}", trial.number)), value(trial))
    });
    let resumable = matches!(search.state, SearchState::Stopped | SearchState::Failed);
    let head = pairs(&[
        ("search", Some(format!("{} ({})", search.name, search.id))),
        ("state", Some(words::word(&search.state))),
        ("error", search.error.as_ref().map(ToString::to_string)),
        ("judged by", judged),
        (
            "seed",
            search.config.seed.filter(|_| search.config.method != SearchMethod::Grid).map(|seed| seed.to_string()),
        ),
        ("trials", Some(format!("{} of {}", search.over(), search.planned))),
        ("at once", search.held_back.clone()),
        ("early stopping", search.remark.clone()),
        ("budget", search.spent.as_ref().map(used)),
        ("best", best),
        ("go on", resumable.then(|| format!("slipway search resume {}", words::shell(&search.name)))),
    ]);
    format!("{head}\n\n{}", trials(search, false).shown())
}

/// The trials as a table: each heading with whether its cells are numbers, and a row a trial.
struct Trials {
    head: Vec<(String, bool)>,
    rows: Vec<Vec<String>>,
}

/// The trials as they were begun, with all digits for programs, else with few.
fn trials(search: &Search, is_exact: bool) -> Trials {
    let names: Vec<&String> = search.config.space.keys().collect();
    let own = [("trial", true), ("run", false), ("outcome", false), ("value", true), ("step", true)];
    let mut head: Vec<(String, bool)> =
        own.into_iter().map(|(title, is_number)| (title.to_owned(), is_number)).collect();
    head.extend(names.iter().map(|name| ((*name).clone(), false)));
    head.push(("why".to_owned(), false));
    let row = |trial: &Trial| {
        let step = trial.step.map_or_else(String::new, |step| step.to_string());
        let name = trial.name.clone().unwrap_or_default();
        let reached = match is_exact {
            true => trial.value.map_or_else(String::new, |value| format!("{value:?}")),
            false => value(trial),
        };
        let given = |value: &Value| if is_exact { value.to_string() } else { tried(value) };
        let mut row = vec![trial.number.to_string(), name, words::word(&trial.outcome), reached, step];
        row.extend(names.iter().map(|name| trial.values.get(*name).map_or_else(String::new, given)));
        row.push(search.why(trial).unwrap_or_default());
        row
    };
    let rows = search.trials.iter().map(row).collect();
    Trials { head, rows }
}

impl Trials {
    fn shown(self) -> String {
        let right =
            |(title, is_number): &(String, bool)| if *is_number { format!(">{title}") } else { output::named(title) };
        let head: Vec<String> = self.head.iter().map(right).collect();
        table(&head.iter().map(String::as_str).collect::<Vec<_>>(), self.rows)
    }

    fn csv(self) -> String {
        csv_line(self.head.iter().map(|(title, _)| title)) + &self.rows.into_iter().map(csv_line).collect::<String>()
    }

    fn markdown(self) -> String {
        let (titles, is_number): (Vec<String>, Vec<bool>) = self.head.into_iter().unzip();
        markdown(&titles, &is_number, &self.rows)
    }
}
