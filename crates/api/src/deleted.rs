//! What was deleted and can be brought back for a day, where that is not said beside the thing itself.

use serde::{Deserialize, Serialize};

use crate::{
    dataset::Snapshot,
    deploy::{DeploySpec, Target, TargetKind},
    event::Tag,
    host::Freed,
    id::{DeploymentId, ProjectId, RegistryId, RunId, SnapshotId, TargetId},
    job::Job,
    package::Registry,
};

/// What a run's checkpoints are called where they are deleted and brought back.
pub const CHECKPOINTS: &str = "checkpoints";

/// A file or folder that was deleted among the artifacts of a run, or its checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedArtifact {
    /// As `run.artifacts` named it; of checkpoints [`CHECKPOINTS`].
    pub path: String,
    /// They take their room until it goes for good.
    pub size_bytes: u64,
    pub deleted_ms: i64,
}

/// The files among a run's artifacts, and the checkpoints, that [`RestoreArtifact`] brings back, the newest deletion first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListDeletedArtifacts {
    pub run: RunId,
}

/// Brings a file or a folder of a run back that was deleted within a day, or a part of a folder that was: as it was deleted
/// last. Refused where something stands at its place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreArtifact {
    pub run: RunId,
    /// As `run.list_deleted_artifacts` names it, or a folder of such.
    pub path: String,
}

/// Deletes what [`RestoreArtifact`] would bring back for good, however often it was deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PurgeArtifact {
    pub run: RunId,
    /// As `run.list_deleted_artifacts` names it, or a folder of such.
    pub path: String,
}

/// A snapshot that was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedSnapshot {
    pub project: ProjectId,
    pub snapshot: SnapshotId,
    pub number: u32,
    pub rows: u64,
    pub deleted_ms: i64,
    /// What nothing else uses: so much is freed when it goes for good.
    pub frees_bytes: u64,
}

/// The snapshots of a project that [`RestoreSnapshot`] brings back, the newest deletion first.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListDeletedSnapshots {
    pub project: ProjectId,
}

/// Brings a snapshot back that was deleted within a day, under its number, or under the next one where another has that.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreSnapshot {
    pub snapshot: SnapshotId,
}

/// Deletes a snapshot for good that was deleted, and frees what only it used.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PurgeSnapshot {
    pub snapshot: SnapshotId,
}

/// A target that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedTarget {
    pub target: TargetId,
    pub name: String,
    pub kind: TargetKind,
    pub created_ms: i64,
    pub removed_ms: i64,
}

/// The targets that [`RestoreTarget`] brings back, the newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListRemovedTargets {}

/// Brings a target back that was removed within a day. Refused where another has its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreTarget {
    pub target: TargetId,
}

/// A registry that was removed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RemovedRegistry {
    pub registry: Registry,
    pub removed_ms: i64,
}

/// The registries that [`RestoreRegistry`] brings back, the newest first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListRemovedRegistries {}

/// Brings a registry back that was removed within a day, with what is known to have been pushed to it; with its password
/// only where the host that removed it still knows that, for ten minutes. Refused where another has its name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreRegistry {
    pub registry: RegistryId,
}

/// A deployment that was deleted, as it was wanted last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeletedDeployment {
    pub deployment: DeploymentId,
    pub project: ProjectId,
    pub name: String,
    pub target_name: String,
    pub model_name: String,
    pub version_number: u32,
    pub spec: DeploySpec,
    pub deleted_ms: i64,
}

/// The deployments of a project, or of all, that [`RestoreDeployment`] deploys again, the newest deletion first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListDeletedDeployments {
    #[serde(default)]
    pub project: Option<ProjectId>,
}

/// Deploys a deployment again that was deleted within a day, as it was wanted last; a job. What was watched of it does not
/// come back. Refused where another has its name on its target.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RestoreDeployment {
    pub deployment: DeploymentId,
}

crate::requests! { METHODS;
    ListDeletedArtifacts => "run.list_deleted_artifacts" -> Vec<DeletedArtifact>, |me| vec![Tag::Run(me.run)];
    RestoreArtifact => "run.restore_artifact" -> DeletedArtifact;
    PurgeArtifact => "run.purge_artifact" -> Freed;
    ListDeletedSnapshots => "data.list_deleted" -> Vec<DeletedSnapshot>, |me| vec![Tag::Data(me.project)];
    RestoreSnapshot => "data.restore" -> Snapshot;
    PurgeSnapshot => "data.purge" -> Freed;
    ListRemovedTargets => "target.list_removed" -> Vec<RemovedTarget>, |_me| vec![Tag::Deployments];
    RestoreTarget => "target.restore" -> Target;
    ListRemovedRegistries => "registry.list_removed" -> Vec<RemovedRegistry>, |_me| vec![Tag::Packages];
    RestoreRegistry => "registry.restore" -> Registry;
    ListDeletedDeployments => "deploy.list_deleted" -> Vec<DeletedDeployment>, |_me| vec![Tag::Deployments, Tag::Projects];
    RestoreDeployment => "deploy.restore" -> Job;
}
