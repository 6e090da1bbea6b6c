//! Where each page and tab is, in a workspace whose model went the whole road.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result};
use api::{
    DeploymentId, ExperimentId, JobId, ProjectId, RunId, SearchId, VersionId, WindowId,
    config::TrainingConfig,
    monitor::Monitoring,
    search::{SearchConfig, StartSearch, Value, Written},
    tracking::CreateExperiment,
};
use client::call::Client;
use serde_json::json;

use crate::{
    road,
    tracked::{BEGAN_MS, Tracked},
};

/// What a log has of a step.
const PICTURES: [&[u8]; 2] = [
    include_bytes!("../../crates/foreign/tests/fixtures/dvclive/plots/images/sample.png"),
    include_bytes!("../../crates/foreign/tests/fixtures/dvclive/plots/images/steps/3.png"),
];

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
    pub logged: Logged,
    /// One that is over, and its project.
    pub search: (ProjectId, SearchId),
}

/// What a client logged, in an experiment of its own.
pub struct Logged {
    pub experiment: ExperimentId,
    /// One with media, a model, and a run below it.
    pub run: RunId,
    /// One with the same media.
    pub other: RunId,
    /// A model that no run made.
    pub model: String,
}

/// Runs as MLflow's client logs them, with what has a tab of its own.
pub async fn logged(client: &Client) -> Result<Logged> {
    let tracked = Tracked::new(client, "segmentation").await?;
    let points: Vec<(&str, i64, f64)> = (0..50_i64).map(|step| ("loss", step, 1.0 / (step + 1) as f64)).collect();
    let run = tracked.log("unet", &[("lr", "0.1")], &points).await?;
    let other = tracked.log("unet-wide", &[("lr", "0.2")], &points).await?;
    let below = tracked.log("unet-fold-1", &[("lr", "0.1")], &points).await?;
    let parent = json!({"run_id": below.to_string(), "key": "mlflow.parentRunId", "value": run.to_string()});
    tracked.post("set-tag", parent).await?;
    for run in [run, other] {
        for (step, picture) in [1, 20].into_iter().zip(PICTURES) {
            let path = format!("images/mask+step+{step}+timestamp+{BEGAN_MS}+u.png");
            tracked.keep(run, &path, picture).await?;
        }
        tracked.keep(run, "words.txt", b"The mask covers the road.").await?;
    }
    for run in [run, other, below] {
        let end = json!({"run_id": run.to_string(), "status": "FINISHED", "end_time": BEGAN_MS + 60_000});
        tracked.post("update", end).await?;
    }
    tracked.model("unet", Some(run)).await?;
    let model = tracked.model("unet-distilled", None).await?;
    Ok(Logged { experiment: tracked.experiment.id, run, other, model })
}

/// A search of two short trials, to its end, in a sample's project.
pub async fn searched(client: &Client) -> Result<(ProjectId, SearchId)> {
    let project = road::open_sample(client, "penguins").await?.id;
    let rates = Written { values: Some([0.1, 0.3].map(Value::Number).to_vec()), ..Written::default() };
    let space = BTreeMap::from([("learning_rate".to_owned(), rates)]);
    let config = Some(SearchConfig { trials: 2, space, ..SearchConfig::default() });
    let training = Some(TrainingConfig { rounds: Some(20), ..TrainingConfig::default() });
    let request =
        StartSearch { project, config, training, directory: None, environment: None, variables: None, name: None };
    let search = client.call(request).await?;
    road::finished(client, search.job.context("the search has no job")?, Duration::from_secs(300)).await?;
    Ok((project, search.id))
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
        let Self { project, model, run, version, deployment, job, cell: (window, column), changed, experiment, .. } =
            self;
        let Logged { experiment: segmentation, run: unet, other, model: distilled } = &self.logged;
        let (searched, search) = &self.search;
        let of_unet = |tab: &str| format!("/e/{segmentation}/runs/{unet}?tab={tab}");
        let searches = |rest: &str| format!("/p/{searched}/runs?{rest}");
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
            ("compare-groups", of("/runs?compare=groups&group=param.model")),
            ("compare-media", format!("/e/{segmentation}/runs?compare={unet},{other}&canvas=view%3Dmedia")),
            ("below", of_unet("below")),
            ("media", of_unet("media")),
            ("logged-models", of_unet("models")),
            ("logged-model", format!("/experiments?logged={distilled}")),
            ("searches", searches("searches=1")),
            ("search", searches(&format!("search={search}"))),
            ("search-dialog", searches("search=new")),
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
