//! Where each page and tab is, in a workspace whose model went the whole road.

use anyhow::{Context as _, Result};
use api::{
    DeploymentId, ExperimentId, JobId, ProjectId, RunId, VersionId, WindowId, monitor::Monitoring,
    tracking::CreateExperiment,
};
use client::call::Client;

/// What the pages show.
pub struct Places {
    pub project: ProjectId,
    /// The run that was really trained.
    pub model: RunId,
    /// The run whose page is opened.
    pub run: RunId,
    pub version: VersionId,
    pub deployment: DeploymentId,
    pub job: JobId,
    /// A cell of the heat map: the loudest column of the newest window.
    pub cell: (WindowId, String),
    /// A project with two snapshots that differ.
    pub changed: ProjectId,
    /// One that belongs to no project.
    pub experiment: ExperimentId,
}

/// An experiment in a folder, as a program's first run makes one.
pub async fn experiment(client: &Client) -> Result<ExperimentId> {
    let asked = CreateExperiment { name: "resnet-baseline".to_owned(), folder: "vision".to_owned() };
    Ok(client.call(asked).await?.id)
}

/// The loudest column of the newest window.
pub fn loudest(seen: &Monitoring) -> Result<(WindowId, String)> {
    let window = seen.windows.last().context("no window is closed")?;
    let cell = window.cells.iter().max_by(|left, right| left.intensity.total_cmp(&right.intensity));
    Ok((window.id, cell.context("the window has no cell")?.column.clone()))
}

impl Places {
    /// The page behind each entry of the rail.
    pub fn pages(&self) -> Vec<(&'static str, String)> {
        let Self { project, run, version, deployment, .. } = self;
        let of = |rest: &str| format!("/p/{project}{rest}");
        vec![
            ("start", "/".to_owned()),
            ("overview", of("")),
            ("data", of("/data")),
            ("profile", of("/data?tab=profile")),
            ("runs", of("/runs")),
            ("run", of(&format!("/runs/{run}"))),
            ("evaluation", of(&format!("/runs/{run}?tab=evaluation"))),
            ("models", of("/models")),
            ("model", of(&format!("/models/{version}"))),
            ("deploy", of("/deploy")),
            ("monitor", of(&format!("/monitor/{deployment}"))),
            ("experiments", "/experiments".to_owned()),
            ("hardware", "/hardware".to_owned()),
            ("jobs", "/jobs".to_owned()),
            ("settings", "/settings".to_owned()),
        ]
    }

    /// What else has an address: tabs, panes, dialogs.
    pub fn parts(&self) -> Vec<(&'static str, String)> {
        let Self { project, model, run, version, deployment, job, cell: (window, column), changed, experiment } = self;
        let of = |rest: &str| format!("/p/{project}{rest}");
        let run_tab = |tab: &str| of(&format!("/runs/{run}?tab={tab}"));
        let model_tab = |tab: &str| of(&format!("/models/{version}?tab={tab}"));
        let settings = |tab: &str| format!("/settings?tab={tab}");
        vec![
            ("drift", format!("/p/{changed}/data?tab=drift")),
            ("train", of("/data?train=1")),
            ("runs-filtered", of("/runs?filter=param.learning_rate%20%3E%200.05")),
            ("runs-deleted", of("/runs?deleted=1")),
            ("experiment-runs", format!("/e/{experiment}/runs")),
            ("compare", of(&format!("/runs?compare={run},{model}"))),
            ("params", run_tab("params")),
            ("artifacts", run_tab("artifacts")),
            ("logs", run_tab("logs")),
            ("system", run_tab("system")),
            ("lineage", run_tab("lineage")),
            ("code", run_tab("code")),
            ("report", model_tab("report")),
            ("signature", model_tab("signature")),
            ("package", model_tab("package")),
            ("files", model_tab("files")),
            ("deployment", of(&format!("/deploy?deployment={deployment}"))),
            ("deploy-dialog", of(&format!("/deploy?version={version}"))),
            ("cell", of(&format!("/monitor/{deployment}?window={window}&column={column}"))),
            ("job-log", format!("/jobs?log={job}")),
            ("tracking", settings("tracking")),
            ("outside", settings("outside")),
            ("secrets", settings("secrets")),
            ("storage", settings("storage")),
            ("log", settings("log")),
        ]
    }
}
