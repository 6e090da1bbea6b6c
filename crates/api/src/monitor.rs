//! Watching a deployment: traffic, latency, errors, windows of drift, alerts.

use serde::{Deserialize, Serialize};

use crate::{
    dataset::Preview,
    drift::{DriftReport, Verdict},
    event::Tag,
    id::{AlertId, DeploymentId, ProjectId, RunId, VersionId, WindowId},
};

/// What the Monitor page shows of one deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Monitoring {
    pub deployment: DeploymentId,
    pub monitored: bool,
    /// "v7, compared with its validation data, every 1,000 rows".
    pub headline: String,
    pub traffic: Traffic,
    /// The newest 200, newest last; one series per model version.
    pub windows: Vec<WindowSummary>,
    /// Closed windows in all.
    #[serde(default)]
    pub windows_in_all: u64,
    /// Rows of the window that is open now.
    pub open_rows: u64,
    /// When it closes and how many rows it has, behind "The open window": "closes at 14:00 tomorrow, if it
    /// then has 1,000 rows; 312 so far". The time of day is that of the host's machine.
    pub open_until: String,
    pub alerts: Vec<Alert>,
    /// Stretches in which nothing was fetched: the newest 1,000, newest last.
    pub gaps: Vec<Gap>,
    /// Sensitive columns, which stand as "not watched".
    pub not_watched: Vec<String>,
    pub problem: Option<crate::ApiError>,
}

/// Sums over instances and over the stretch that was asked for; histograms are added, never percentiles.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Traffic {
    /// The stretch, in hours before now.
    pub hours: u32,
    pub requests: u64,
    pub rows: u64,
    pub errors: u64,
    pub requests_per_second: f64,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// At most 240 points over the stretch, newest last; each adds what came since the one before.
    pub history: Vec<TrafficPoint>,
    /// Since the deployment is watched.
    pub requests_in_all: u64,
    pub since_ms: Option<i64>,
    /// A host counts so often what a watched deployment was asked, in seconds.
    #[serde(default)]
    pub counted_every_secs: u32,
    /// When it last did.
    #[serde(default)]
    pub counted_ms: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrafficPoint {
    pub at_ms: i64,
    pub requests: u64,
    pub errors: u64,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
}

/// A closed window in short: a row of cells in the heat map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowSummary {
    pub id: WindowId,
    pub version: VersionId,
    pub version_number: u32,
    pub from_ms: i64,
    pub to_ms: i64,
    pub rows: u64,
    pub cells: Vec<WindowCell>,
    pub drifted: u32,
    pub dataset_drifted: bool,
}

impl WindowSummary {
    /// Whether a column had rows enough, and values, to say that it drifted or that it did not.
    pub fn is_decided(&self) -> bool {
        self.cells.iter().any(|cell| matches!(cell.verdict, Verdict::Same | Verdict::Drifted))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowCell {
    pub column: String,
    /// What decided: the distance, or the p-value corrected over the columns.
    #[serde(with = "crate::series::float::option", default)]
    pub value: Option<f64>,
    /// How far over its limit, for the colour: 0 none, 1 at the limit.
    pub intensity: f64,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub from_ms: i64,
    pub to_ms: i64,
    /// "No host ran", "pod fraud-7c was gone before its last segment was fetched".
    pub reason: String,
}

/// A drift that lasted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub id: AlertId,
    pub project: ProjectId,
    pub deployment: DeploymentId,
    pub deployment_name: String,
    /// The column; "prediction" for prediction drift.
    pub column: String,
    /// "amount drifted: Wasserstein 0.31, limit 0.10, for 2 windows".
    pub sentence: String,
    pub severity: f64,
    pub raised_ms: i64,
    pub cleared_ms: Option<i64>,
    pub acknowledged_ms: Option<i64>,
    /// The retraining that was started from it.
    pub run: Option<RunId>,
}

impl Alert {
    /// Whether the drift is twice its limit: bad, where less is a warning.
    pub fn is_grave(&self) -> bool {
        self.severity >= 2.0
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetMonitoring {
    pub deployment: DeploymentId,
    /// The stretch of the traffic in hours before now; by default all that is kept, 7 days.
    #[serde(default)]
    pub hours: Option<u32>,
}

/// Everything about one window: distributions of every column beside the reference's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetWindow {
    pub window: WindowId,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowDetail {
    pub summary: WindowSummary,
    pub report: DriftReport,
}

/// Windows further back than the newest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListWindows {
    pub deployment: DeploymentId,
    /// Windows that are newer than the page.
    #[serde(default)]
    pub skip: u64,
    /// Cut to 200.
    pub limit: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowPage {
    /// Newest last.
    pub windows: Vec<WindowSummary>,
    /// Closed windows in all.
    pub total: u64,
}

/// A page of the logged rows that a closed window was counted from, in the order in which it took them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GetWindowRows {
    pub window: WindowId,
    #[serde(default)]
    pub offset: u64,
    /// Cut to 1,000.
    pub limit: u32,
    /// By default every row.
    #[serde(default)]
    pub only: Option<RowsOf>,
}

/// Rows of a window by what one column has in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsOf {
    pub column: String,
    #[serde(flatten)]
    pub part: ColumnPart,
}

/// A part of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "part", rename_all = "snake_case")]
pub enum ColumnPart {
    /// What was counted in one bar of its distribution in the window's report; the first is 0.
    Bar { bar: u32 },
    /// What stands in bars in which the reference has nothing.
    Unseen,
    /// No value, or none that is a finite number.
    Missing,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowRows {
    /// The rows that were asked for, of those that are kept: the time of receipt first, as the timestamp, then
    /// inputs and answers as features.
    pub page: Preview,
    /// Rows of the window that the log no longer keeps.
    pub gone_rows: u64,
    /// For how long the log keeps rows.
    pub log_days: u32,
    /// Columns that are never logged: sensitive ones and pictures.
    pub not_logged: Vec<String>,
}

/// One pass now: fetch segments and metrics, close windows, raise and clear alerts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckNow {
    pub deployment: DeploymentId,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetMonitored {
    pub deployment: DeploymentId,
    pub monitored: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ListAlerts {
    #[serde(default)]
    pub project: Option<ProjectId>,
    /// Without those that are cleared; one that was acknowledged is open until then.
    #[serde(default)]
    pub open_only: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AcknowledgeAlert {
    pub alert: AlertId,
}

crate::requests! { METHODS;
    GetMonitoring => "monitor.get" -> Monitoring, |me| vec![Tag::Monitor(me.deployment), Tag::Deployments];
    ListWindows => "monitor.windows" -> WindowPage, |me| vec![Tag::Monitor(me.deployment)];
    GetWindow => "monitor.window" -> WindowDetail;
    GetWindowRows => "monitor.rows" -> WindowRows;
    CheckNow => "monitor.check" -> Monitoring;
    SetMonitored => "monitor.set" -> Monitoring;
    ListAlerts => "alert.list" -> Vec<Alert>, |_me| vec![Tag::Deployments];
    AcknowledgeAlert => "alert.acknowledge" -> Alert;
}
