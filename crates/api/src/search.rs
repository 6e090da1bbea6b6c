//! Search for hyperparameters: which are tried, how, and what became of each trial.
//!
//! A trial is a run like any other, with the tags [`SEARCH_TAG`] and [`TRIAL_TAG`], below the run that is the search
//! itself. The host begins them all: trainings, and programs by `slipway exec`.

mod written;

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    ErrorCode,
    config::TrainingConfig,
    event::Tag,
    id::{JobId, ProjectId, RunId, SearchId},
    run_table::ParamImportances,
    spending::{BudgetConfig, Spent},
};

/// The tag of a run that names its search, by id.
pub const SEARCH_TAG: &str = "slipway.search";
/// The tag of a run that is its number in its search, from 1.
pub const TRIAL_TAG: &str = "slipway.trial";
/// The tag of a trial's run that is the rung at which it was stopped early, from 1.
pub const RUNG_TAG: &str = "slipway.rung";
/// The tag of a trial's run that is how often something killed it while its search went on.
pub const KILLED_TAG: &str = "slipway.killed";
/// After something killed a trial its values are tried again so often at most.
pub const TRIED_AGAIN: u64 = 2;

/// `[search]`: which hyperparameters are tried, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchConfig {
    pub method: SearchMethod,
    /// The series that is judged, such as "average_precision/validation"; by default what ranks the project's runs.
    pub metric: Option<String>,
    /// Whether less or more of it is better; needed where a metric is named.
    pub goal: Option<Direction>,
    /// Trials at most; a grid ends earlier where it is smaller.
    pub trials: u64,
    /// Trials at once, as far as memory allows.
    pub parallel: u32,
    /// GPUs that each trial of a program sees where several run at once; 0 is all.
    pub gpus: u32,
    /// The same seed and the same results lead to the same trials; by default each search draws its own, which it keeps.
    pub seed: Option<u64>,
    pub early_stopping: EarlyStopping,
    /// Steps of the metric before a trial may be stopped early.
    pub min_steps: u64,
    /// One of so many goes on at each rung.
    pub reduction: u64,
    /// The program that is searched with, and its arguments, with `${name}` where a value is to stand; by default trainings.
    pub command: Option<Vec<String>>,
    /// What all trials together may use at most.
    pub budget: BudgetConfig,
    /// By hyperparameter: a key of `[training]`, or a name that the command has as `${name}`.
    pub space: BTreeMap<String, Written>,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            method: SearchMethod::Tpe,
            metric: None,
            goal: None,
            trials: 20,
            parallel: 1,
            gpus: 1,
            seed: None,
            early_stopping: EarlyStopping::None,
            min_steps: 1,
            reduction: 3,
            command: None,
            budget: BudgetConfig::default(),
            space: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchMethod {
    /// Every combination.
    Grid,
    Random,
    /// The tree-structured Parzen estimator: values near those that went well.
    #[default]
    Tpe,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlyStopping {
    #[default]
    None,
    /// Asynchronous successive halving: a trial that is not among the best of its rung is stopped.
    Asha,
}

/// A hyperparameter as it is written: `values`, or a range.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table, as `{ min = 0, max = 1 }` or `{ values = [1, 2] }`")]
pub struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Each order of magnitude is as likely as another.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub log: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
    /// Whole numbers alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub int: bool,
}

/// One value of one hyperparameter. Its text is the same everywhere and reads back as the same value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a value is a number, a text, true or false")]
pub enum Value {
    Bool(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

impl Value {
    /// The value as a number; a bool and a text are none.
    pub const fn number(&self) -> Option<f64> {
        match self {
            Self::Integer(whole) => Some(*whole as f64),
            Self::Number(number) => Some(*number),
            Self::Bool(_) | Self::Text(_) => None,
        }
    }

    /// Whether both mean the same: 1 is 1.0, but not "1".
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Integer(one), Self::Integer(two)) => one == two,
            _ => match (self.number(), other.number()) {
                (Some(one), Some(two)) => one == two,
                _ => self == other,
            },
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(yes) => write!(formatter, "{yes}"),
            Self::Integer(whole) => write!(formatter, "{whole}"),
            // The shortest that reads back as the same bits, with a point or an exponent; zero has no sign.
            Self::Number(number) => write!(formatter, "{:?}", number + 0.0),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

/// Whether less or more of a metric is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Min,
    Max,
}

impl Direction {
    /// The value as a loss: less is better.
    pub const fn loss(self, value: f64) -> f64 {
        match self {
            Self::Min => value,
            Self::Max => -value,
        }
    }
}

/// What is searched with, where it is no training of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchCommand {
    /// The program and its arguments, with `${name}` where a hyperparameter's value is to stand.
    pub words: Vec<String>,
    /// Where it runs.
    pub directory: String,
}

impl SearchCommand {
    /// The names that stand in the words as `${name}`, each once, in the order of the words.
    pub fn names(words: &[String]) -> Vec<&str> {
        let placed = words.iter().flat_map(|word| word.split("${").skip(1));
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in placed.filter_map(|rest| rest.split_once('}')) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// The variables of whoever begins a search with a program, which its trials run in. They may hold secrets: they are
/// kept in the host's memory alone, while the search goes on.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Environment(pub BTreeMap<String, String>);

impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} variables", self.0.len())
    }
}

/// A search with all its trials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Search {
    pub id: SearchId,
    pub project: ProjectId,
    pub name: String,
    /// As it was when the search began.
    pub config: SearchConfig,
    /// What each trial's training begins from; `None` where a command is searched with.
    pub training: Option<TrainingConfig>,
    pub command: Option<SearchCommand>,
    /// The run that is the search itself, which its trials stand below.
    pub run: Option<RunId>,
    pub state: SearchState,
    /// The job that begins its trials.
    pub job: Option<JobId>,
    /// Why fewer trials run at once than asked for, while it is so.
    pub held_back: Option<String>,
    /// What its trials used of its budget, where it has one.
    pub spent: Option<Spent>,
    /// What of it does nothing, such as an early stopping without anything to judge by.
    #[serde(default)]
    pub remark: Option<String>,
    /// Why it failed, or which budget stopped it.
    pub error: Option<crate::ApiError>,
    /// In the order of their start.
    pub trials: Vec<Trial>,
    /// How many it will have; fewer than asked for where the grid is smaller.
    pub planned: u64,
    /// The number of the best trial so far.
    pub best: Option<u64>,
    /// The series that is judged, and whether less or more is better, as far as it is known.
    pub judged: Option<(String, Direction)>,
    pub created_ms: i64,
    pub ended_ms: Option<i64>,
    /// When it was forgotten, where it is.
    #[serde(default)]
    pub deleted_ms: Option<i64>,
}

impl Search {
    /// One that begins, before it has a run, a job or a trial.
    pub fn begun(id: SearchId, project: ProjectId, name: String, config: SearchConfig, created_ms: i64) -> Self {
        Self {
            id,
            project,
            name,
            training: None,
            command: None,
            run: None,
            state: SearchState::Running,
            job: None,
            held_back: None,
            spent: None,
            remark: None,
            error: None,
            trials: Vec::new(),
            planned: 0,
            best: None,
            judged: config.metric.clone().zip(config.goal),
            config,
            created_ms,
            ended_ms: None,
            deleted_ms: None,
        }
    }

    /// Trials that count among those that are planned: what was interrupted goes on, or begins again as another.
    pub fn counted(&self) -> u64 {
        self.trials.iter().filter(|trial| trial.outcome != TrialOutcome::Interrupted).count() as u64
    }

    /// How many of those are over.
    pub fn over(&self) -> u64 {
        let is_over = |trial: &&Trial| !matches!(trial.outcome, TrialOutcome::Interrupted | TrialOutcome::Running);
        self.trials.iter().filter(is_over).count() as u64
    }

    /// How often something killed the trials of these values.
    pub fn kills(&self, values: &BTreeMap<String, Value>) -> u64 {
        self.trials.iter().filter(|trial| trial.values == *values).map(|trial| trial.killed).sum()
    }

    pub fn best_trial(&self) -> Option<&Trial> {
        self.trials.iter().find(|trial| Some(trial.number) == self.best)
    }

    /// Why a trial ended without a value that counts: "pruned by ASHA at rung 2 (step 9)". `None` of one that goes on or is
    /// finished.
    pub fn why(&self, trial: &Trial) -> Option<String> {
        let told = || trial.because.as_ref().map(|because| because.message.clone());
        match trial.outcome {
            TrialOutcome::Running | TrialOutcome::Finished => None,
            TrialOutcome::StoppedEarly => {
                let step = trial.step.map_or_else(String::new, |step| format!(" (step {step})"));
                Some(match (trial.rung, trial.value) {
                    (Some(rung), _) => format!("pruned by ASHA at rung {rung}{step}"),
                    (None, Some(value)) if !value.is_nan() => format!("pruned by ASHA{step}"),
                    // What is kept of one that is not a number is none.
                    (None, _) => format!("its value was not a number{step}"),
                })
            }
            TrialOutcome::Stopped => Some(told().unwrap_or_else(|| "stopped by a person".to_owned())),
            TrialOutcome::Interrupted => {
                let else_than_stopped = trial.because.as_ref().filter(|because| because.code != ErrorCode::Cancelled);
                Some(match else_than_stopped {
                    Some(because) => format!("{} Its values are tried again.", because.message),
                    None => "interrupted with its search, which tries its values again".to_owned(),
                })
            }
            TrialOutcome::Failed if self.kills(&trial.values) > TRIED_AGAIN => {
                let times = self.kills(&trial.values);
                Some(format!("something killed it {times} times: its values are not tried again"))
            }
            TrialOutcome::Failed => Some(told().unwrap_or_else(|| match (&trial.name, &self.judged) {
                (None, _) => "its run was not started, or is deleted".to_owned(),
                (Some(_), Some((key, _))) => format!("it logged no value of {key}"),
                (Some(_), None) => "it logged no value of a metric that ranks".to_owned(),
            })),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchState {
    Running,
    /// By a person, by its budget or because its host ended; it can be resumed.
    Stopped,
    Finished,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// From 1.
    pub number: u64,
    pub run: RunId,
    /// The run's name; `None` where it was deleted or not begun.
    pub name: Option<String>,
    pub values: BTreeMap<String, Value>,
    pub outcome: TrialOutcome,
    /// The step up to which it was judged.
    pub step: Option<i64>,
    /// The judged value, of a running trial the newest.
    #[serde(with = "crate::series::float::option")]
    pub value: Option<f64>,
    /// The rung at which it was stopped early, from 1.
    #[serde(default)]
    pub rung: Option<u64>,
    /// How often something killed it while its search went on.
    #[serde(default)]
    pub killed: u64,
    /// Why its run ended, as far as that says so.
    #[serde(default)]
    pub because: Option<crate::ApiError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialOutcome {
    Running,
    Finished,
    /// Not among the best of its rung.
    StoppedEarly,
    /// By a person.
    Stopped,
    /// With its search, or by whatever killed it: it goes on, or its values are tried again as another trial.
    Interrupted,
    Failed,
}

/// Begins a search: with the program of its `config`, or with trainings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartSearch {
    pub project: ProjectId,
    /// Instead of the project's `[search]`.
    #[serde(default)]
    pub config: Option<SearchConfig>,
    /// Instead of the project's `[training]`, what each trial begins from.
    #[serde(default)]
    pub training: Option<TrainingConfig>,
    /// Where the program runs; by default the project's folder.
    #[serde(default)]
    pub directory: Option<String>,
    /// What the program runs in; by default the host's own variables.
    #[serde(default)]
    pub environment: Option<Environment>,
    /// Set beside these, where one of the same name is replaced; kept as these are.
    #[serde(default)]
    pub variables: Option<Environment>,
    #[serde(default)]
    pub name: Option<String>,
}

/// Newest first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListSearches {
    pub project: ProjectId,
    /// Those that were forgotten, the last one first, instead of those that are there.
    #[serde(default)]
    pub deleted: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetSearch {
    pub search: SearchId,
}

/// Stops a search and its running trials. What they reached counts when it is resumed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StopSearch {
    pub search: SearchId,
}

/// Goes on with a search that was stopped or failed, or raises the number of trials of one that is finished. Its budget
/// is then the one that is given, or that of the project's `[search]`, or the one that it had.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResumeSearch {
    pub search: SearchId,
    #[serde(default)]
    pub trials: Option<u64>,
    /// Trials at once from now on; by default as many as before.
    #[serde(default)]
    pub parallel: Option<u32>,
    #[serde(default)]
    pub budget: Option<BudgetConfig>,
    /// What a program runs in now; by default the host's own variables.
    #[serde(default)]
    pub environment: Option<Environment>,
}

/// Forgets a search; its runs stay. [`RestoreSearch`] takes that back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteSearch {
    pub search: SearchId,
}

/// Brings a search back that was forgotten, as it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreSearch {
    pub search: SearchId,
}

/// Which of the hyperparameters the judged value follows, over the trials that are finished. It is asked of what each trial
/// was given and what it was judged by, whichever run below it logged that.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AssessTrials {
    pub search: SearchId,
}

/// Which trial of a search a command's run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialOf {
    pub search: SearchId,
    pub number: u64,
}

crate::requests! { METHODS;
    StartSearch => "search.start" -> Search;
    ListSearches => "search.list" -> Vec<Search>, |me| vec![Tag::Searches(me.project)];
    GetSearch => "search.get" -> Search, |me| vec![Tag::Search(me.search)];
    StopSearch => "search.stop" -> Search;
    ResumeSearch => "search.resume" -> Search;
    DeleteSearch => "search.delete" -> ();
    RestoreSearch => "search.restore" -> Search;
    AssessTrials => "search.importance" -> ParamImportances, |me| vec![Tag::Search(me.search)];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_says_why_it_ended() {
        let trial = |outcome, rung, value, because: Option<&str>| Trial {
            number: 1,
            run: RunId::from_bytes([1; 16]),
            name: Some("try-1".to_owned()),
            values: BTreeMap::new(),
            outcome,
            step: Some(9),
            value,
            rung,
            killed: 0,
            because: because.map(|why| crate::ApiError::new(crate::ErrorCode::Internal, why)),
        };
        let (id, project) = (SearchId::from_bytes([2; 16]), ProjectId::from_bytes([3; 16]));
        let config =
            SearchConfig { metric: Some("loss".to_owned()), goal: Some(Direction::Min), ..SearchConfig::default() };
        let search = Search::begun(id, project, "try".to_owned(), config, 0);
        let why = |one: Trial| search.why(&one).unwrap_or_default();
        let early = TrialOutcome::StoppedEarly;
        assert_eq!(why(trial(early, Some(2), Some(0.5), None)), "pruned by ASHA at rung 2 (step 9)");
        assert_eq!(why(trial(early, None, Some(0.5), None)), "pruned by ASHA (step 9)");
        assert_eq!(why(trial(early, None, None, None)), "its value was not a number (step 9)");
        assert_eq!(
            why(trial(TrialOutcome::Failed, None, None, Some("It ended with exit code 3."))),
            "It ended with exit code 3."
        );
        assert_eq!(why(trial(TrialOutcome::Failed, None, None, None)), "it logged no value of loss");
        assert_eq!(
            why(Trial { name: None, ..trial(TrialOutcome::Failed, None, None, None) }),
            "its run was not started, or is deleted"
        );
        assert_eq!(why(trial(TrialOutcome::Finished, None, Some(0.1), None)), "");
        let interrupted = |because| why(trial(TrialOutcome::Interrupted, None, None, because));
        assert_eq!(interrupted(None), "interrupted with its search, which tries its values again");
        assert_eq!(interrupted(Some("Something killed it.")), "Something killed it. Its values are tried again.");
        let killed = |killed| Trial { killed, ..trial(TrialOutcome::Failed, None, None, Some("Something killed it.")) };
        let told = |last: u64| {
            let search = Search { trials: vec![killed(1), killed(last)], ..search.clone() };
            search.why(&search.trials[1]).unwrap_or_default()
        };
        assert_eq!(told(1), "Something killed it.");
        assert_eq!(told(2), "something killed it 3 times: its values are not tried again");
    }
}
