//! What the host writes for a worker, and what a worker appends for the host.
//!
//! The run's folder is the whole conversation:
//! - `plan.json`: a [`Plan`], written by the host before the start; never changed.
//! - `control`: one line, `stop`, written by whoever wants it; read between steps.
//! - `events.jsonl`: one [`WorkerEvent`] a line, appended by the worker, each line in one write.
//! - `stdout.log`, `stderr.log`: the process's own output.
//! - `checkpoints/last`, `checkpoints/best`: folders, replaced by renaming.
//! - `model/`: the bundle (see [`crate::model::BundleFile`]), written once, at the end.
//! - `evaluation.json`: the [`Evaluation`](crate::evaluation::Evaluation).
//! - `artifacts/`: whatever the run produced besides.
//!
//! Sequence of a training's events: `started`, then `progress`, `metric`, `log`, `checkpoint` in
//! any order, `evaluated` at most once, and exactly one `done` unless the process was killed. A
//! resumed run appends a further `started { resumed: true }` behind what is there; its metrics of
//! steps that the file already has are equal to those, and are not written again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    config::{ColumnType, DataKind, EvaluationConfig, TrainingConfig},
    dataset::Role,
    evaluation::Task,
    id::RunId,
};

/// Where tensors are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Device {
    /// The best that starts and gains; never a software adapter.
    #[default]
    Auto,
    Cpu,
    Cuda,
    Metal,
    /// Trees only.
    Wgpu,
}

impl Device {
    /// Its word in `slipway.toml`, and wherever it is named.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Metal => "metal",
            Self::Wgpu => "wgpu",
        }
    }
}

/// All that a worker needs to know. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub protocol: u32,
    pub run: RunId,
    pub project: String,
    pub task: Task,
    pub data: PlanData,
    pub columns: Vec<PlanColumn>,
    pub target: String,
    /// Of two classes the one that goes last; without it they keep their order.
    #[serde(default)]
    pub positive: Option<String>,
    /// Resolved: no `default` model, no `auto` device, threads ≥ 1. A resume uses the same.
    pub training: TrainingConfig,
    pub evaluation: EvaluationConfig,
    /// What the model version will say it came from: snapshot content, code commit, seed.
    pub lineage: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanData {
    pub kind: DataKind,
    /// Tables: the snapshot's Parquet form, rows in the snapshot's order.
    pub parquet: Option<String>,
    /// Images: a folder with one sub-folder per class.
    pub folder: Option<String>,
    /// Images: `(path relative to the folder, class)`, in the order of `parts`.
    pub images: Vec<(String, String)>,
    /// One byte a row or image: 0 training, 1 validation, 2 test, 3 left out.
    pub parts: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanColumn {
    pub name: String,
    pub kind: ColumnType,
    pub role: Role,
    pub sensitive: bool,
}

/// One line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerEvent {
    /// The protocol version.
    pub v: u32,
    pub time_ms: i64,
    #[serde(flatten)]
    pub body: EventBody,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EventBody {
    Started {
        pid: u32,
        device: String,
        threads: usize,
        resumed: bool,
        /// Resolved hyperparameters, kept as the run's params.
        params: BTreeMap<String, String>,
    },
    /// What it runs on. Kept with the run's environment, each under [`crate::run::MACHINE`] and its name.
    Machine {
        facts: BTreeMap<String, String>,
    },
    /// The Python packages that it runs with, by name, and under "python" the interpreter's version. Kept with the run's
    /// environment, each under [`crate::run::PACKAGE`] and its name.
    Packages {
        versions: BTreeMap<String, String>,
    },
    Metric {
        key: String,
        step: i64,
        #[serde(with = "crate::series::float")]
        value: f64,
    },
    /// Where the steps are: place, share and time left of one moment. The last one of a training has the
    /// share 1 and no time left; its evaluation follows.
    Progress {
        epoch: Option<u64>,
        epochs: Option<u64>,
        step: u64,
        steps: Option<u64>,
        fraction: Option<f64>,
        seconds_left: Option<f64>,
        rows_per_second: Option<f64>,
        memory_bytes: Option<u64>,
    },
    Log {
        level: LogLevel,
        message: String,
    },
    Checkpoint {
        step: u64,
        best: bool,
        size_bytes: u64,
    },
    /// `evaluation.json` and `model/` are complete and synced.
    Evaluated {
        /// The validation figures that runs are ranked by, by metric name.
        #[serde(default)]
        validation: BTreeMap<String, f64>,
    },
    Done {
        outcome: Outcome,
        message: Option<String>,
        hint: Option<String>,
        /// For a command: its exit code.
        exit_code: Option<i32>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Info,
    Warn,
    Error,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Finished,
    /// Asked to stop; a checkpoint is there.
    Stopped,
    Failed,
}

/// One line of `slipway meter`, which measures a process that is neither a worker nor a program of `slipway exec`, for all
/// of its runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "told", rename_all = "snake_case")]
pub enum Metered {
    /// The first line: what it runs on, as [`EventBody::Machine`] says it.
    Machine { facts: BTreeMap<String, String> },
    /// Finite values by their keys.
    Look { values: BTreeMap<String, f64> },
}

/// One of the GPUs that `slipway gpus` prints: NVIDIA's, as their driver tells them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuRoom {
    /// The driver's number.
    pub index: u32,
    pub name: String,
    /// "GPU-…", as `CUDA_VISIBLE_DEVICES` takes it.
    pub uuid: String,
    pub total_bytes: u64,
    /// What no process has taken.
    pub free_bytes: u64,
}

/// What `slipway-worker --probe` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    pub protocol: u32,
    /// "cpu", "cuda", "metal": the build.
    pub backend: String,
    /// Devices that it can train on now.
    pub devices: Vec<ProbeDevice>,
    pub gpus: Vec<Gpu>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeDevice {
    pub device: Device,
    pub name: String,
    /// A software adapter (lavapipe): `auto` never takes it.
    pub software: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gpu {
    pub name: String,
    pub vendor: String,
    pub driver: String,
    /// "Vulkan", "Metal", "DX12".
    pub backend: String,
    /// "discrete", "integrated", "virtual", "software".
    pub kind: String,
    pub memory_bytes: Option<u64>,
}
