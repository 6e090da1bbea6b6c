//! Watching a deployment: traffic, latency, errors, windows of drift, alerts.

use serde::{Deserialize, Serialize};

use crate::{
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
    /// Newest last; one series per model version.
    pub windows: Vec<WindowSummary>,
    /// Rows of the window that is open now.
    pub open_rows: u64,
    /// When it closes and how many rows it has, behind "The open window": "closes at 14:00 tomorrow, if it
    /// then has 1,000 rows; 312 so far". The time of day is that of the host's machine.
    pub open_until: String,
    pub alerts: Vec<Alert>,
    /// Stretches in which nothing was fetched.
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

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WindowCell {
    pub column: String,
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
    #[serde(default)]
    pub open_only: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AcknowledgeAlert {
    pub alert: AlertId,
}

crate::requests! { METHODS;
    GetMonitoring => "monitor.get" -> Monitoring, |me| vec![Tag::Monitor(me.deployment), Tag::Deployments];
    GetWindow => "monitor.window" -> WindowDetail;
    CheckNow => "monitor.check" -> Monitoring;
    SetMonitored => "monitor.set" -> Monitoring;
    ListAlerts => "alert.list" -> Vec<Alert>, |_me| vec![Tag::Deployments];
    AcknowledgeAlert => "alert.acknowledge" -> Alert;
}
