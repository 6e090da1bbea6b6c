//! The fields of wandb's messages (`wandb_internal.proto`, 0.31) that say what was logged; the others are skipped.

use std::collections::BTreeMap;

use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Record {
    #[prost(oneof = "What", tags = "2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 17, 18, 20, 21, 22, 23, 25, 26, 27, 100")]
    pub(crate) what: Option<What>,
}

/// What a record is; bytes where nothing in it is read.
#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum What {
    #[prost(message, tag = "2")]
    History(History),
    #[prost(message, tag = "3")]
    Summary(Items),
    #[prost(bytes, tag = "4")]
    Output(Vec<u8>),
    #[prost(message, tag = "5")]
    Config(Items),
    #[prost(message, tag = "6")]
    Files(Files),
    #[prost(message, tag = "7")]
    Stats(Stats),
    #[prost(message, tag = "8")]
    Artifact(Box<Artifact>),
    #[prost(bytes, tag = "9")]
    TensorBoard(Vec<u8>),
    #[prost(message, tag = "10")]
    Alert(Alert),
    #[prost(bytes, tag = "11")]
    Telemetry(Vec<u8>),
    #[prost(message, tag = "12")]
    Metric(Metric),
    #[prost(message, tag = "13")]
    OutputRaw(OutputRaw),
    #[prost(message, tag = "17")]
    Run(Box<Run>),
    #[prost(message, tag = "18")]
    Exit(Exit),
    #[prost(bytes, tag = "20")]
    Final(Vec<u8>),
    #[prost(bytes, tag = "21")]
    Header(Vec<u8>),
    #[prost(bytes, tag = "22")]
    Footer(Vec<u8>),
    #[prost(bytes, tag = "23")]
    Preempting(Vec<u8>),
    #[prost(message, tag = "25")]
    UseArtifact(UseArtifact),
    #[prost(message, tag = "26")]
    Environment(Box<Environment>),
    #[prost(message, tag = "27")]
    OutputLogger(OutputLogger),
    #[prost(bytes, tag = "100")]
    Request(Vec<u8>),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Run {
    #[prost(string, tag = "1")]
    pub(crate) run_id: String,
    /// The user or team.
    #[prost(string, tag = "2")]
    pub(crate) entity: String,
    #[prost(string, tag = "3")]
    pub(crate) project: String,
    #[prost(message, optional, tag = "4")]
    pub(crate) config: Option<Items>,
    #[prost(string, tag = "6")]
    pub(crate) group: String,
    #[prost(string, tag = "7")]
    pub(crate) job_type: String,
    #[prost(string, tag = "8")]
    pub(crate) display_name: String,
    #[prost(string, tag = "9")]
    pub(crate) notes: String,
    #[prost(string, repeated, tag = "10")]
    pub(crate) tags: Vec<String>,
    #[prost(string, tag = "12")]
    pub(crate) sweep_id: String,
    #[prost(string, tag = "13")]
    pub(crate) host: String,
    #[prost(message, optional, tag = "17")]
    pub(crate) start_time: Option<Time>,
    #[prost(bool, tag = "18")]
    pub(crate) resumed: bool,
    #[prost(message, optional, tag = "21")]
    pub(crate) git: Option<Git>,
    #[prost(message, optional, tag = "23")]
    pub(crate) branch_point: Option<BranchPoint>,
}

/// Where a run goes on that is a fork of another, or of its own earlier steps.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BranchPoint {
    #[prost(string, tag = "1")]
    pub(crate) run: String,
    #[prost(double, tag = "2")]
    pub(crate) value: f64,
    #[prost(string, tag = "3")]
    pub(crate) metric: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Git {
    /// Without a password.
    #[prost(string, tag = "1")]
    pub(crate) remote_url: String,
    #[prost(string, tag = "2")]
    pub(crate) commit: String,
}

/// Files that were added to the run's.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Files {
    #[prost(message, repeated, tag = "1")]
    pub(crate) files: Vec<FilesItem>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct FilesItem {
    /// Below the run's files.
    #[prost(string, tag = "1")]
    pub(crate) path: String,
}

/// A client writes several, each of what it has learned since.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Environment {
    #[prost(string, tag = "1")]
    pub(crate) os: String,
    /// "CPython 3.11.7".
    #[prost(string, tag = "2")]
    pub(crate) python: String,
    /// The image of its container.
    #[prost(string, tag = "4")]
    pub(crate) docker: String,
    #[prost(string, repeated, tag = "5")]
    pub(crate) args: Vec<String>,
    /// The script's path.
    #[prost(string, tag = "6")]
    pub(crate) program: String,
    #[prost(message, optional, tag = "9")]
    pub(crate) git: Option<Git>,
    /// The folder that it ran in.
    #[prost(string, tag = "11")]
    pub(crate) root: String,
    #[prost(string, tag = "12")]
    pub(crate) host: String,
    #[prost(string, tag = "13")]
    pub(crate) username: String,
    #[prost(uint32, tag = "16")]
    pub(crate) cpu_count: u32,
    #[prost(uint32, tag = "17")]
    pub(crate) cpu_count_logical: u32,
    #[prost(string, tag = "18")]
    pub(crate) gpu_type: String,
    #[prost(uint32, tag = "19")]
    pub(crate) gpu_count: u32,
    #[prost(message, optional, tag = "21")]
    pub(crate) memory: Option<Memory>,
    #[prost(message, optional, tag = "22")]
    pub(crate) cpu: Option<Cpu>,
    #[prost(message, optional, tag = "23")]
    pub(crate) apple: Option<Apple>,
    #[prost(message, repeated, tag = "24")]
    pub(crate) gpu_nvidia: Vec<GpuNvidia>,
    #[prost(string, tag = "25")]
    pub(crate) cuda_version: String,
    /// Slurm's variables, each without `SLURM_` and in small letters.
    #[prost(btree_map = "string, string", tag = "27")]
    pub(crate) slurm: BTreeMap<String, String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Memory {
    /// Bytes.
    #[prost(uint64, tag = "1")]
    pub(crate) total: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Cpu {
    #[prost(string, tag = "3")]
    pub(crate) model: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Apple {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GpuNvidia {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
}

/// `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Time {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(crate) nanos: i32,
}

impl Time {
    pub(crate) fn millis(self) -> i64 {
        self.seconds.saturating_mul(1000).saturating_add(i64::from(self.nanos / 1_000_000))
    }
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct History {
    #[prost(message, repeated, tag = "1")]
    pub(crate) item: Vec<Item>,
    #[prost(message, optional, tag = "2")]
    pub(crate) step: Option<Step>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Step {
    #[prost(int64, tag = "1")]
    pub(crate) num: i64,
}

/// `ConfigRecord`, `SummaryRecord`: what was set and what was taken away.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Items {
    #[prost(message, repeated, tag = "1")]
    pub(crate) update: Vec<Item>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) remove: Vec<Item>,
}

/// `HistoryItem`, of which `ConfigItem` and `SummaryItem` are the part with `value_json`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Item {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    /// In place of `key` where it is not empty.
    #[prost(string, repeated, tag = "2")]
    pub(crate) nested_key: Vec<String>,
    #[prost(oneof = "Typed", tags = "3, 4, 5, 6, 7, 8")]
    pub(crate) typed: Option<Typed>,
    #[prost(string, tag = "16")]
    pub(crate) value_json: String,
}

/// The value itself, which newer versions write in place of `value_json`.
#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Typed {
    #[prost(int32, tag = "3")]
    None(i32),
    #[prost(bool, tag = "4")]
    Boolean(bool),
    #[prost(sint64, tag = "5")]
    Integer(i64),
    #[prost(double, tag = "6")]
    Number(f64),
    #[prost(string, tag = "7")]
    Text(String),
    #[prost(string, tag = "8")]
    Json(String),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Stats {
    #[prost(message, optional, tag = "2")]
    pub(crate) timestamp: Option<Time>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) item: Vec<StatsItem>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StatsItem {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(string, tag = "16")]
    pub(crate) value_json: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct OutputRaw {
    #[prost(string, tag = "3")]
    pub(crate) line: String,
}

/// Text that a script wrote to the log beside its output.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OutputLogger {
    #[prost(string, tag = "1")]
    pub(crate) line: String,
}

/// What was said of a metric, or of those of a pattern.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Metric {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// "val/*", in place of the name.
    #[prost(string, tag = "2")]
    pub(crate) glob_name: String,
    #[prost(string, tag = "4")]
    pub(crate) step_metric: String,
    /// The client says of one metric what was said of the pattern.
    #[prost(bool, tag = "10")]
    pub(crate) expanded_from_glob: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Alert {
    #[prost(string, tag = "1")]
    pub(crate) title: String,
    #[prost(string, tag = "2")]
    pub(crate) text: String,
    #[prost(string, tag = "3")]
    pub(crate) level: String,
}

/// One that the run logged.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Artifact {
    #[prost(string, tag = "4")]
    pub(crate) kind: String,
    #[prost(string, tag = "5")]
    pub(crate) name: String,
    #[prost(string, tag = "6")]
    pub(crate) digest: String,
    #[prost(string, tag = "7")]
    pub(crate) description: String,
    #[prost(string, repeated, tag = "11")]
    pub(crate) aliases: Vec<String>,
    #[prost(message, optional, tag = "12")]
    pub(crate) manifest: Option<Manifest>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Manifest {
    #[prost(message, repeated, tag = "4")]
    pub(crate) contents: Vec<ManifestEntry>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct ManifestEntry {
    /// The address of what is named only, and kept by nobody.
    #[prost(string, tag = "3")]
    pub(crate) reference: String,
    /// Bytes.
    #[prost(int64, tag = "4")]
    pub(crate) size: i64,
    /// Where its client kept it, on its machine.
    #[prost(string, tag = "6")]
    pub(crate) local_path: String,
}

/// One that the run was given.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct UseArtifact {
    #[prost(string, tag = "1")]
    pub(crate) id: String,
    #[prost(string, tag = "2")]
    pub(crate) kind: String,
    /// With its version: "digits:v3".
    #[prost(string, tag = "3")]
    pub(crate) name: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Exit {
    #[prost(int32, tag = "1")]
    pub(crate) exit_code: i32,
    /// Seconds.
    #[prost(int32, tag = "2")]
    pub(crate) runtime: i32,
    /// One of several writers has ended, and the run goes on.
    #[prost(bool, tag = "3")]
    pub(crate) not_complete: bool,
}
