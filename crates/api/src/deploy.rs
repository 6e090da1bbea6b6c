//! Targets, deployments, rollouts.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    event::Tag,
    id::{DeploymentId, ModelId, ProjectId, RegistryId, RolloutId, TargetId, VersionId},
    job::Job,
};

/// The name of this machine's target, which every workspace has.
pub const THIS_MACHINE: &str = "This machine";

/// A target's name within a sentence: "this machine", every other as it was given.
pub fn in_sentence(target: &str) -> &str {
    if target == THIS_MACHINE { "this machine" } else { target }
}

/// A place that models are deployed to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Target {
    pub id: TargetId,
    pub name: String,
    pub kind: TargetKind,
    pub capability: Capability,
    pub created_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TargetKind {
    /// A supervised process on this machine; there from the beginning.
    ThisMachine,
    Kubernetes {
        /// `None`: `KUBECONFIG` or `~/.kube/config`.
        kubeconfig: Option<String>,
        context: String,
        namespace: String,
        /// Whether new deployments make the namespace if it is missing.
        #[serde(default)]
        create_namespace: bool,
    },
}

/// What a target can do; what it can't is not offered, with the reason.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Capability {
    pub needs_image: bool,
    pub replicas: bool,
    pub diff: bool,
    pub logs: bool,
    /// Reasons for what is missing, to be shown.
    pub reasons: Vec<String>,
}

/// A context of a kubeconfig.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KubeContext {
    pub name: String,
    pub cluster: String,
    pub server: String,
    pub user: String,
    pub namespace: Option<String>,
    pub current: bool,
    pub kubeconfig: String,
}

/// How a target answered when asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetCheck {
    pub ok: bool,
    /// "Kubernetes 1.36.2, 3 nodes, linux/amd64".
    pub message: String,
    pub hint: Option<String>,
    /// Empty where we may not list them, and on this machine.
    pub namespaces: Vec<String>,
}

/// Something that happened to a deployment, in the target's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentEvent {
    /// What it happened to: "pod/fraud-7c…", "process 4711".
    pub object: String,
    /// The target's word: "Pulled", "BackOff", "Started" …
    pub reason: String,
    pub message: String,
    /// Whether the target calls it a warning.
    pub warning: bool,
    /// How often it happened, 1 or more; `at_ms` is the last time.
    pub count: u32,
    pub at_ms: i64,
}

/// What the person asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeploySpec {
    /// `[a-z0-9-]`, at most 40: the Kubernetes name.
    pub name: String,
    pub target: TargetId,
    pub version: VersionId,
    pub replicas: u32,
    /// Where the image is pushed to; needed for targets that need an image.
    pub registry: Option<RegistryId>,
    pub repository: Option<String>,
    pub cpu_millis: Option<u32>,
    pub memory_mb: Option<u32>,
    /// Share of requests logged for drift, 0 to 1; 0 logs nothing.
    pub log_share: f64,
    pub log_days: u32,
    /// Columns that are never logged: those marked sensitive. Said by the host at each rollout; what a caller names here is not read.
    #[serde(default)]
    pub not_logged: Vec<String>,
    /// Kubernetes: make the namespace if it is missing.
    pub create_namespace: bool,
    /// This machine: a fixed port, or any free one.
    pub port: Option<u16>,
}

/// A model kept running on a target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    pub id: DeploymentId,
    pub project: ProjectId,
    pub model: ModelId,
    pub model_name: String,
    pub name: String,
    pub target: TargetId,
    pub target_name: String,
    pub spec: DeploySpec,
    pub version_number: u32,
    pub state: DeploymentState,
    /// Why, where it is degraded or failed: the target's own reason and what to do.
    pub problem: Option<crate::ApiError>,
    pub instances: Vec<Instance>,
    /// Where it answers, from this machine ("http://127.0.0.1:41207"), or in the cluster.
    pub address: Option<String>,
    /// Newest first.
    pub rollouts: Vec<Rollout>,
    /// The version that [`RollBack`] without `to` goes to; `None` where there is no step back.
    #[serde(default)]
    pub back_to: Option<u32>,
    pub monitored: bool,
    pub created_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentState {
    Rolling,
    Ready,
    /// It answers, but not with all instances.
    Degraded,
    Failed,
    Deleting,
    /// The target can't be asked now.
    Unknown,
}

/// A process or pod.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    pub name: String,
    pub version_number: Option<u32>,
    pub ready: bool,
    /// "Running", "ErrImagePull" …
    pub state: String,
    pub reason: Option<String>,
    pub restarts: u32,
    pub started_ms: Option<i64>,
}

/// One change of a deployment, as a timeline of resumable steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    pub id: RolloutId,
    pub version: VersionId,
    pub version_number: u32,
    /// "deploy", "update", "roll back", "scale".
    pub kind: String,
    /// `None` while under way.
    pub outcome: Option<RolloutEnd>,
    pub steps: Vec<RolloutStep>,
    pub started_ms: i64,
    pub ended_ms: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutEnd {
    Done,
    Failed,
    /// By a person before anything was applied: what ran before goes on.
    Cancelled,
    /// By a person after it was applied: this version goes on.
    CancelledApplied,
}

impl RolloutEnd {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled | Self::CancelledApplied => "cancelled",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RolloutStep {
    pub title: String,
    pub detail: String,
    /// `None` while under way.
    pub ok: Option<bool>,
    pub at_ms: i64,
}

/// What will be done, before it is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeployPlan {
    /// Sentences, in order: "Build the image (11.2 MB)", "Push 1 of 2 layers to harbour/fraud".
    pub steps: Vec<String>,
    pub diff: Vec<ObjectDiff>,
    /// What would be ignored, is missing, or won't fit.
    pub warnings: Vec<String>,
    /// Something that makes it fail for certain.
    pub blocked: Option<crate::ApiError>,
}

/// One object of the target, from a server-side dry run where there is one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ObjectDiff {
    /// "deployment/fraud"; on this machine the deployment's name.
    pub object: String,
    /// "create", "change", "unchanged", "delete".
    pub action: String,
    pub lines: Vec<DiffLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiffLine {
    /// '+', '-' or ' '.
    pub sign: char,
    pub text: String,
}

/// The answer of a sample call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallAnswer {
    pub rows: Vec<Value>,
    pub latency_ms: f64,
    /// Which instance answered, through what ("port-forward to pod …").
    pub through: String,
    pub status: u16,
    /// The server's own error text, where the status is not 200.
    pub error: Option<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListTargets {}

/// Contexts found in the kubeconfig (by default `KUBECONFIG` or `~/.kube/config`).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListContexts {
    #[serde(default)]
    pub kubeconfig: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddTarget {
    pub name: String,
    pub kind: TargetKind,
}

/// Forgets a target; for a day [`crate::deleted::RestoreTarget`] brings it back. Refused while something is deployed there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RemoveTarget {
    pub target: TargetId,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckTarget {
    pub target: TargetId,
}

/// Asks a place that is no target yet, as [`CheckTarget`] asks one that is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LookAtTarget {
    pub kind: TargetKind,
}

/// What a deployment starts from before anybody changes it: as the one of that name runs now, with the new version;
/// else what `slipway.toml` says. Asks nothing outside.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProposeDeploy {
    pub version: VersionId,
    /// By default the model's name, as targets take it.
    #[serde(default)]
    pub name: Option<String>,
    /// By default where the one deployment of that name runs, else this machine.
    #[serde(default)]
    pub target: Option<TargetId>,
}

/// What deploying would do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlanDeploy {
    pub spec: DeploySpec,
}

/// Packages and pushes where needed, applies, waits; a job. The same name again is an update.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartDeploy {
    pub spec: DeploySpec,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListDeployments {
    #[serde(default)]
    pub project: Option<ProjectId>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetDeployment {
    pub deployment: DeploymentId,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScaleDeployment {
    pub deployment: DeploymentId,
    pub replicas: u32,
}

/// Back to what the current rollout replaced, or to a named rollout; a job.
///
/// Without `to` it is one step back on the line of good rollouts: a deployment or an update adds to that
/// line, a roll back cuts it after what it went back to, scaling is no step. After v1, v2, v3 a roll back goes
/// to v2, the next one to v1, and a third is refused (`not_found`), naming the versions that there were.
/// After an update that failed it goes to what was good before it; a roll back that failed is tried again.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RollBack {
    pub deployment: DeploymentId,
    /// Any rollout of this deployment, also a later or a failed one: what it wanted is wanted again.
    #[serde(default)]
    pub to: Option<RolloutId>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteDeployment {
    pub deployment: DeploymentId,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetDeploymentLogs {
    pub deployment: DeploymentId,
    #[serde(default)]
    pub instance: Option<String>,
    #[serde(default)]
    pub lines: Option<u32>,
}

/// The log as it grows: asked again and again with the last answer's `end`, each line comes once.
/// Without `after` it begins with the newest `lines`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FollowDeploymentLogs {
    pub deployment: DeploymentId,
    #[serde(default)]
    pub instance: Option<String>,
    #[serde(default)]
    pub lines: Option<u32>,
    #[serde(default)]
    pub after: Option<String>,
}

/// Lines of a log, oldest first, and where they end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLines {
    pub lines: Vec<String>,
    /// For the next [`FollowDeploymentLogs`]; it says nothing to anybody else.
    pub end: String,
}

/// What the target says happened to a deployment, newest first, also after its rollouts: as far back as the target
/// remembers (a cluster mostly an hour).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetDeploymentEvents {
    pub deployment: DeploymentId,
}

/// A sample call, marked and not counted by monitoring.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CallDeployment {
    pub deployment: DeploymentId,
    pub rows: Vec<Value>,
}

/// What a send starts from before anybody changes it: the files that were sent or lie beside the data, and how many rows
/// raise an alert where they drift.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProposeTraffic {
    pub deployment: DeploymentId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficProposal {
    /// Tables in the project's folder that were sent before, and those outside its data paths; the last that was sent
    /// first.
    pub files: Vec<TrafficFile>,
    /// The one of them that is meant where nobody names one: the last that was sent, else the only one.
    #[serde(default)]
    pub chosen: Option<String>,
    /// Paths of the project's own data, the newest last: they are sent too, where one is named.
    #[serde(default)]
    pub data: Vec<String>,
    pub rows: u64,
    /// Windows that so many rows close: as many as an alert takes. 0 where time closes them.
    pub windows: u32,
}

/// A file that can be sent, and how many of its rows were sent before the one that comes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficFile {
    pub path: String,
    pub next_row: u64,
}

/// Sends rows of a file as ordinary, counted requests, as a job: how a sample project shows its second
/// period. They are sent in a fixed order that is spread over the whole file, each row once before any again. The job's message says what was sent, and how much of it was refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendTraffic {
    pub deployment: DeploymentId,
    /// A table in the project's folder.
    pub path: String,
    pub rows: u64,
    /// Rows of that order before the first that is sent; by default where the last send of this file to this deployment
    /// ended. At its end it goes on from its beginning, and no row is sent twice.
    #[serde(default)]
    pub offset: Option<u64>,
    /// Rows in one request.
    #[serde(default)]
    pub batch: Option<u32>,
}

crate::requests! { METHODS;
    ListTargets => "target.list" -> Vec<Target>, |_me| vec![Tag::Deployments];
    ListContexts => "target.contexts" -> Vec<KubeContext>;
    AddTarget => "target.add" -> Target;
    RemoveTarget => "target.remove" -> ();
    CheckTarget => "target.check" -> TargetCheck;
    LookAtTarget => "target.look" -> TargetCheck;
    ProposeDeploy => "deploy.propose" -> DeploySpec, |_me| vec![Tag::Deployments, Tag::Projects];
    PlanDeploy => "deploy.plan" -> DeployPlan;
    StartDeploy => "deploy.start" -> Job;
    ListDeployments => "deploy.list" -> Vec<Deployment>, |_me| vec![Tag::Deployments];
    GetDeployment => "deploy.get" -> Deployment, |_me| vec![Tag::Deployments];
    ScaleDeployment => "deploy.scale" -> Job;
    RollBack => "deploy.rollback" -> Job;
    DeleteDeployment => "deploy.delete" -> Job;
    GetDeploymentLogs => "deploy.logs" -> Vec<String>;
    FollowDeploymentLogs => "deploy.follow_logs" -> LogLines;
    GetDeploymentEvents => "deploy.events" -> Vec<DeploymentEvent>, |_me| vec![Tag::Deployments];
    CallDeployment => "deploy.call" -> CallAnswer;
    ProposeTraffic => "deploy.propose_traffic" -> TrafficProposal, |_me| vec![Tag::Deployments, Tag::Projects];
    SendTraffic => "deploy.traffic" -> Job;
}
