//! What the host announces to every connected client, as server-sent events of `GET /api/events`.
//!
//! Events are hints for freshness and for what slides live; after a gap in the stream every query
//! is asked again, so that a lost event loses nothing.

use serde::{Deserialize, Serialize};

use crate::{
    id::{DeploymentId, ExperimentId, JobId, ProjectId, RunId, SearchId},
    job::JobState,
    monitor::Alert,
};

/// What a query's answer hangs on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Tag {
    /// The list of projects, their names and roads.
    Projects,
    /// Anything in one project's file, datasets and snapshots.
    Data(ProjectId),
    /// The list of runs of one project, of all its experiments. Whatever changes a run announces this and its
    /// experiment's.
    Runs(ProjectId),
    /// The list of experiments, their names and folders.
    Experiments,
    /// Logs of other tools that are read.
    Sources,
    /// The list of runs of one experiment, whether or not it belongs to a project.
    Experiment(ExperimentId),
    /// Runs of any experiment: what a list over all of them hangs on. Never announced.
    AnyRuns,
    /// The list of searches of one project.
    Searches(ProjectId),
    /// One search and its trials.
    Search(SearchId),
    /// One run: its state, params, tags, artifacts.
    Run(RunId),
    /// Every run: announced where all runs of an experiment changed at once, which may be very many. No query hangs on it.
    EveryRun,
    /// Models and versions of one project.
    Models(ProjectId),
    /// Models that clients registered, which belong to no project.
    ClientModels,
    /// Models of any project: what a query hangs on that names a version only. Never announced.
    AnyModels,
    /// Packages, registries.
    Packages,
    /// Targets, deployments, rollouts.
    Deployments,
    /// Windows, drift and alerts of one deployment.
    Monitor(DeploymentId),
    Jobs,
    Hardware,
    Settings,
    Secrets,
    Storage,
}

impl Tag {
    /// Whether what hangs on this tag is stale once `changed` was announced.
    pub fn covers(&self, changed: &Self) -> bool {
        match (self, changed) {
            (Self::AnyModels, Self::Models(_) | Self::ClientModels)
            | (Self::AnyRuns, Self::Experiment(_) | Self::Experiments)
            | (Self::Run(_), Self::EveryRun) => true,
            _ => self == changed,
        }
    }
}

/// One announcement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Sent first on every connection, and after the stream fell behind: ask everything again.
    Hello { protocol: u32 },
    /// Records behind this tag were committed.
    Changed { tag: Tag },
    /// New points of a run were committed: `(key, step, value)` of the newest, for live curves.
    Points { run: RunId, newest: Vec<NewestPoint> },
    /// A job moved; the row has the rest.
    Progress { job: JobId, state: JobState, fraction: Option<f64>, message: String, seconds_left: Option<f64> },
    /// A drift lasted: the window shows a desktop notification.
    AlertRaised { alert: Alert },
    /// Something that a person should hear once ("run finished", "deployment failed").
    Notice { title: String, body: String, link: Option<String> },
    /// The host ends: reconnect after `address.json` has a new address, or say that it is gone.
    Goodbye { reason: String },
}

/// The newest committed point of one series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewestPoint {
    pub key: String,
    pub step: i64,
    #[serde(with = "crate::series::float")]
    pub value: f64,
    pub time_ms: i64,
    /// How many points the series has now.
    pub count: u64,
}
