//! Datasets, snapshots, previews, profiles.

use serde::{Deserialize, Serialize};

use crate::{
    config::{ColumnType, DataKind},
    drift::DriftReport,
    event::Tag,
    id::{DatasetId, ProjectId, SnapshotId},
    job::{Job, Prepared},
};

/// What a project's data paths hold now, beside what was last kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    pub id: DatasetId,
    pub project: ProjectId,
    pub name: String,
    pub kind: DataKind,
    /// The folder differs from the newest snapshot.
    pub changed: Option<Change>,
    /// Files matched by the data paths now.
    pub files: u64,
    pub size_bytes: u64,
    /// Why the folder can't be watched or read now.
    pub problem: Option<crate::ApiError>,
    /// Newest first.
    pub snapshots: Vec<Snapshot>,
    /// Files of supported kinds in the folder outside the data paths, with what they are: they
    /// can be added with one click.
    pub beside: Vec<BesideFile>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BesideFile {
    pub path: String,
    pub size_bytes: u64,
}

/// How the files differ from the newest snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Change {
    pub added: u64,
    pub changed: u64,
    pub removed: u64,
    /// A few names, for the sentence.
    pub names: Vec<String>,
    pub seen_ms: i64,
}

/// The content of a dataset at one moment; never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub id: SnapshotId,
    pub dataset: DatasetId,
    /// 1, 2, 3 … within the dataset, given by this workspace: shown as "v14".
    pub number: u32,
    pub parent: Option<SnapshotId>,
    /// BLAKE3 over the manifest: equal content has an equal id.
    pub content: String,
    /// What changed, as a short sentence ("transactions-2026-11.csv added, 8,210 rows").
    pub message: String,
    pub rows: u64,
    pub columns: u32,
    pub size_bytes: u64,
    pub files: u64,
    /// Whether the bytes are kept here, or only referenced by hash.
    pub kept: bool,
    pub created_ms: i64,
}

/// The schema of a snapshot, as read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub kind: ColumnType,
    pub role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Feature,
    Target,
    Timestamp,
    Group,
    Ignored,
}

/// A window into the rows of a snapshot: cells as text, ready to show; `None` is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preview {
    pub columns: Vec<Column>,
    pub total_rows: u64,
    pub offset: u64,
    pub rows: Vec<Vec<Option<String>>>,
}

/// Every column of a snapshot, measured in one streaming pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub rows: u64,
    /// Rows that are equal to an earlier one.
    pub duplicate_rows: Option<u64>,
    pub columns: Vec<ColumnProfile>,
    /// Sentences about how the files were read ("semicolons, Windows-1252, 3 lines of another width left out").
    pub reading: Vec<String>,
    pub warnings: Vec<ProfileWarning>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    pub name: String,
    pub kind: ColumnType,
    pub role: Role,
    pub sensitive: bool,
    /// Rows that hold a value.
    pub count: u64,
    /// Rows that hold none.
    pub missing: u64,
    /// Exact below 10,000, a HyperLogLog estimate above.
    pub distinct: u64,
    pub distinct_is_exact: bool,
    pub numeric: Option<NumericProfile>,
    /// The commonest values, most frequent first (categories, text, booleans, few-valued integers).
    pub top: Vec<ValueCount>,
    /// Association with the target: AUC-like strength from 0 (none) to 1 (decides it alone).
    pub target_association: Option<f64>,
}

impl ColumnProfile {
    /// The share of rows that hold no value.
    pub fn missing_share(&self) -> f64 {
        self.missing as f64 / (self.count + self.missing).max(1) as f64
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumericProfile {
    pub mean: f64,
    pub std: f64,
    pub min: f64,
    pub max: f64,
    /// At 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99.
    pub quantiles: Vec<(f64, f64)>,
    pub histogram: Histogram,
    pub zeros: u64,
    pub infinite: u64,
}

/// Counts between edges; `edges.len() == counts.len() + 1`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Histogram {
    pub edges: Vec<f64>,
    pub counts: Vec<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueCount {
    pub value: String,
    pub count: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileWarning {
    pub column: Option<String>,
    pub kind: WarningKind,
    /// A whole sentence with what to do.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// The column alone predicts the target.
    Leakage,
    Constant,
    AllMissing,
    ManyMissing,
    /// Nearly every row has its own value.
    LooksLikeId,
    RareClass,
    Other,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetDataset {
    pub project: ProjectId,
}

/// What a snapshot would store: shown before it is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotPlan {
    pub files: u64,
    pub size_bytes: u64,
    /// Bytes that the workspace doesn't have yet.
    pub new_bytes: u64,
    /// Whether the file system shares the bytes (reflink) instead of copying them.
    pub reflink: bool,
    pub free_bytes: u64,
    /// Nothing changed: taking it is free and returns the newest.
    pub unchanged: bool,
    /// The files stay where they are and are only referenced by hash: the project says so, or they
    /// outgrow the limit of the settings.
    #[serde(default)]
    pub referenced: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlanSnapshot {
    pub project: ProjectId,
}

/// Takes a snapshot as a job; where nothing changed, the job ends at once with the newest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TakeSnapshot {
    pub project: ProjectId,
    #[serde(default)]
    pub message: Option<String>,
}

/// Rows of a snapshot; its cache is built first where it was lost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetPreview {
    pub snapshot: SnapshotId,
    pub offset: u64,
    pub limit: u32,
}

/// The profile of a snapshot, with the roles of the project's file; computed once, then kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetProfile {
    pub snapshot: SnapshotId,
}

/// Drift from one snapshot to another, with the roles and tests of the project's file; computed once, then kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CompareSnapshots {
    pub reference: SnapshotId,
    pub current: SnapshotId,
}

/// Writes a snapshot's files into a folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExportSnapshot {
    pub snapshot: SnapshotId,
    pub folder: String,
}

/// Deletes a snapshot; for a day [`crate::deleted::RestoreSnapshot`] brings it back. Refused while a run or version points
/// at it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteSnapshot {
    pub snapshot: SnapshotId,
}

/// Adds files that lie beside the data paths (the sample's second period) to them, as a job; its subject is the
/// project.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddData {
    pub project: ProjectId,
    /// Paths in the project's folder, or outside of it: these are copied in first.
    pub paths: Vec<String>,
}

crate::requests! { METHODS;
    GetDataset => "data.get" -> Dataset, |me| vec![Tag::Data(me.project)];
    PlanSnapshot => "data.plan" -> SnapshotPlan, |me| vec![Tag::Data(me.project)];
    TakeSnapshot => "data.snapshot" -> Job;
    GetPreview => "data.preview" -> Prepared<Preview>;
    GetProfile => "data.profile" -> Prepared<Profile>;
    CompareSnapshots => "data.compare" -> Prepared<DriftReport>;
    ExportSnapshot => "data.export" -> Job;
    DeleteSnapshot => "data.delete" -> crate::deleted::DeletedSnapshot;
    AddData => "data.add" -> Job;
}
