//! Jobs: everything that takes time is a row, with progress, cancellable, resumed or failed plainly.

use serde::{Deserialize, Serialize};

use crate::{
    event::Tag,
    id::{DeploymentId, JobId, PackageId, ProjectId, RunId, SearchId, SnapshotId, VersionId},
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub id: JobId,
    pub project: Option<ProjectId>,
    pub kind: JobKind,
    /// "Train brisk-heron", "Push fraud:7 to harbour".
    pub title: String,
    pub state: JobState,
    /// 0 to 1, where it is known.
    pub fraction: Option<f64>,
    /// What it is doing now, or how it ended.
    pub message: String,
    pub error: Option<crate::ApiError>,
    pub seconds_left: Option<f64>,
    /// Why it waits, while it is queued ("needs 2.1 GB, 1.4 GB are free").
    pub waits_for: Option<String>,
    /// What it made or works on.
    pub subject: Subject,
    pub created_ms: i64,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    pub retryable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Into a project's folder: a new project, a sample, more data.
    Copy,
    Snapshot,
    /// What a snapshot is read from, built again.
    Cache,
    Profile,
    Compare,
    Export,
    Train,
    /// Starting trainings until the best hyperparameters are found.
    Search,
    Predict,
    Package,
    Push,
    Deploy,
    Traffic,
    /// Reading another tool's run log.
    Import,
    /// Giving back what deleted records left in the database.
    Compact,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Queued,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl JobState {
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// The record that a job made or works on, once there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Subject {
    #[default]
    None,
    Project(ProjectId),
    Snapshot(SnapshotId),
    Run(RunId),
    Search(SearchId),
    Version(VersionId),
    Package(PackageId),
    Deployment(DeploymentId),
}

/// An answer that is kept once it was computed. Who is told `UnderWay` asks again after that job: as long as it
/// runs, the same question is answered by the same job. Where it fails within a moment its error is the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prepared<T> {
    Ready(T),
    UnderWay(JobId),
}

/// Newest first; running and queued ones stand before those that are over.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListJobs {
    #[serde(default)]
    pub project: Option<ProjectId>,
    #[serde(default)]
    pub limit: Option<u32>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetJob {
    pub job: JobId,
}

/// Cancels it for all who wait for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CancelJob {
    pub job: JobId,
}

/// One who waits for what a job makes waits no longer: the job is cancelled with the last who asked for it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeaveJob {
    pub job: JobId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobLeft {
    /// Others wait for it still.
    pub goes_on: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RetryJob {
    pub job: JobId,
}

/// The job's own log, newest lines last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetJobLog {
    pub job: JobId,
}

crate::requests! { METHODS;
    ListJobs => "job.list" -> Vec<Job>, |_me| vec![Tag::Jobs];
    GetJob => "job.get" -> Job, |_me| vec![Tag::Jobs];
    CancelJob => "job.cancel" -> Job;
    LeaveJob => "job.leave" -> JobLeft;
    RetryJob => "job.retry" -> Job;
    GetJobLog => "job.log" -> Vec<String>, |_me| vec![Tag::Jobs];
}
