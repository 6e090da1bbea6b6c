//! A target that a test plays: what is applied to it answers, unless the test says otherwise.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use api::{
    DeploymentId, ErrorCode, ProjectId, RunId, VersionId,
    config::{ColumnType, ModelChoice, ProjectFile},
    deploy::{
        Capability, DeploySpec, Deployment, DeploymentEvent, GetDeployment, Instance, LogLines, StartDeploy,
        TargetCheck, TargetKind,
    },
    evaluation::{Figure, PartRows, Task},
    job::{Job, Subject},
    model::{BundleFile, Input, Signature, Version},
    run::{Run, RunKind, RunState},
};
use arrow_array::{Float64Array, RecordBatch};
use async_trait::async_trait;
use engine::ports::{self, Connection, HttpAnswer, HttpRequest, Port, PortError, Steps, Target, TargetPlan, Wanted};
use parquet::{arrow::ArrowWriter, file::metadata::KeyValue};
use serde_json::json;
use store::{model::ModelRow, run::RunRow, version::VersionRow};
use tokio::sync::Notify;

use crate::{
    secrets::Kept,
    stage::{Stage, table},
};

/// Rows of a segment, which are a window.
pub(crate) const ROWS: usize = 200;

/// What runs there and what it logged; shared with the connections.
#[derive(Default)]
pub(crate) struct Place {
    state: Mutex<State>,
    pub(crate) secrets: Arc<Kept>,
}

#[derive(Default)]
struct State {
    running: HashMap<DeploymentId, Wanted>,
    /// Why nothing starts any more.
    broken: Option<String>,
    /// It answers nobody who wants something gone.
    keeps: bool,
    /// It can't be asked what runs there.
    silent: bool,
    /// What ran there has ended, and is to be started again.
    ended: bool,
    /// What the next change waits for.
    gate: Option<Arc<Notify>>,
    /// It takes images, whose serving program is being built.
    building: bool,
    /// Requests that its counters tell.
    requests: u64,
    /// Rows that its counters say it logged.
    logged: u64,
    /// Its request log is not to be had.
    hides_log: bool,
    segments: Vec<(serde_json::Value, Vec<u8>)>,
    /// Receipt of what is logged next, from here on.
    since_ms: i64,
    /// Rows that the log lost, as it tells them.
    lost: Vec<serde_json::Value>,
    /// Ids of segments, as often as they were fetched.
    fetched: Vec<String>,
}

impl Place {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on nothing starts, for this reason; `None` mends it.
    pub(crate) fn break_with(&self, why: Option<&str>) {
        self.state().broken = why.map(str::to_owned);
    }

    /// Whether what runs there can't be deleted from now on.
    pub(crate) fn keep_all(&self, keeps: bool) {
        self.state().keeps = keeps;
    }

    /// From now on nobody is told what runs there.
    pub(crate) fn fall_silent(&self) {
        self.state().silent = true;
    }

    /// What runs there ends by itself.
    pub(crate) fn end(&self) {
        self.state().ended = true;
    }

    /// The next change waits in the middle, until it is let go on.
    pub(crate) fn hold(&self) -> Arc<Notify> {
        Arc::clone(self.state().gate.insert(Arc::default()))
    }

    /// From now on it takes images, and their serving program is being built.
    pub(crate) fn build(&self) {
        self.state().building = true;
    }

    pub(crate) fn is_building(&self) -> bool {
        self.state().building
    }

    pub(crate) fn fetched(&self) -> Vec<String> {
        self.state().fetched.clone()
    }

    /// The version that answers.
    pub(crate) fn serves(&self) -> Option<u32> {
        self.state().running.values().next().map(|wanted| wanted.version_number)
    }

    /// Says when what is logged from now on came; by default it is as old as can be.
    pub(crate) fn log_since(&self, since_ms: i64) {
        self.state().since_ms = since_ms;
    }

    /// It was asked so often by now; its log is to be had, or not.
    pub(crate) fn count(&self, requests: u64, has_log: bool) {
        let mut state = self.state();
        (state.requests, state.hides_log) = (requests, !has_log);
    }

    /// So many rows were logged by now, as the counters say.
    pub(crate) fn count_logged(&self, rows: u64) {
        self.state().logged = rows;
    }

    /// What the log has lost by now, all in one stretch.
    pub(crate) fn lose(&self, rows: u64) {
        let lost = json!({ "from_ms": 1000, "to_ms": 1000 + rows, "rows": rows, "reason": "the log was too large" });
        self.state().lost = vec![lost];
    }

    /// A closed segment of the request log, with `x` moved by `shift`.
    pub(crate) fn log(&self, content: &str, shift: f64) {
        let mut state = self.state();
        let number = state.segments.len();
        let id = format!("segment-{number:04}");
        let from_ms = state.since_ms + number as i64 * 10 + 1;
        let segment = json!({ "id": id, "rows": ROWS, "from_ms": from_ms, "to_ms": from_ms + 8 });
        state.segments.push((segment, rows(ROWS, shift, Some(content))));
    }
}

/// Rows of one column, `x`, spread evenly over 0 to 1 and moved by `shift`.
fn rows(count: usize, shift: f64, content: Option<&str>) -> Vec<u8> {
    let values = (0..count).map(|row| ((row * 37) % count) as f64 / count as f64 + shift);
    let array: arrow_array::ArrayRef = Arc::new(Float64Array::from_iter_values(values));
    let batch = RecordBatch::try_from_iter([("x", array)]).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    if let Some(content) = content {
        writer.append_key_value_metadata(KeyValue::new("slipway.model".to_owned(), content.to_owned()));
    }
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// One place under the name of every target.
pub(crate) struct PlaceTarget(pub(crate) Arc<Place>);

#[async_trait]
impl Target for PlaceTarget {
    fn capability(&self) -> Capability {
        let needs_image = self.0.is_building();
        Capability { needs_image, replicas: true, diff: false, logs: true, reasons: Vec::new() }
    }

    async fn check(&self) -> ports::Result<TargetCheck> {
        Ok(TargetCheck { ok: true, message: "Played".to_owned(), hint: None, namespaces: Vec::new() })
    }

    async fn plan(&self, _wanted: &Wanted) -> ports::Result<TargetPlan> {
        Ok(TargetPlan::default())
    }

    async fn apply(&self, wanted: &Wanted, steps: &dyn Steps) -> ports::Result<()> {
        steps.begin("Apply", "");
        let gate = self.0.state().gate.take();
        if let Some(gate) = gate {
            gate.notified().await;
        }
        let mut state = self.0.state();
        if let Some(why) = &state.broken {
            return Err(PortError::permanent(ErrorCode::Internal, why.clone()));
        }
        state.running.insert(wanted.deployment, wanted.clone());
        Ok(())
    }

    async fn wait(&self, _wanted: &Wanted, _steps: &dyn Steps) -> ports::Result<()> {
        Ok(())
    }

    async fn keep(&self, wanted: &Wanted) -> ports::Result<bool> {
        let mut state = self.0.state();
        let ended = std::mem::take(&mut state.ended);
        if ended {
            state.running.insert(wanted.deployment, wanted.clone());
        }
        Ok(ended)
    }

    async fn scale(&self, wanted: &Wanted, replicas: u32) -> ports::Result<()> {
        let mut state = self.0.state();
        if let Some(why) = &state.broken {
            return Err(PortError::permanent(ErrorCode::Internal, why.clone()));
        }
        state.running.insert(wanted.deployment, Wanted { replicas, ..wanted.clone() });
        Ok(())
    }

    async fn instances(&self, deployment: DeploymentId, _name: &str) -> ports::Result<Vec<Instance>> {
        let state = self.0.state();
        if state.silent {
            return Err(PortError::permanent(ErrorCode::Unreachable, "The place doesn't answer."));
        }
        let Some(wanted) = state.running.get(&deployment) else { return Ok(Vec::new()) };
        let instance = |number: u32| Instance {
            name: format!("played-{number}"),
            version_number: Some(wanted.version_number),
            ready: true,
            state: "Running".to_owned(),
            reason: None,
            restarts: 0,
            started_ms: Some(1),
        };
        Ok((0..wanted.replicas).map(instance).collect())
    }

    async fn address(&self, _deployment: DeploymentId, _name: &str) -> ports::Result<Option<String>> {
        Ok(Some("http://played".to_owned()))
    }

    async fn logs_after(
        &self,
        _: DeploymentId,
        _: &str,
        instance: Option<&str>,
        after: Option<&str>,
        lines: u32,
    ) -> ports::Result<LogLines> {
        let all = ["one", "two", "three"].map(|line| format!("{} {line}", instance.unwrap_or("all")));
        let begin = after.map_or(all.len().saturating_sub(lines as usize), |end| end.parse().unwrap());
        Ok(LogLines { lines: all[begin..].to_vec(), end: all.len().to_string() })
    }

    async fn events(&self, deployment: DeploymentId, _name: &str) -> ports::Result<Vec<DeploymentEvent>> {
        let event = |wanted: &Wanted| DeploymentEvent {
            object: "played-0".to_owned(),
            reason: "Started".to_owned(),
            message: format!("Version {} is played", wanted.version_number),
            warning: false,
            count: 1,
            at_ms: 1,
        };
        Ok(self.0.state().running.get(&deployment).map(event).into_iter().collect())
    }

    async fn delete(&self, deployment: DeploymentId, _name: &str) -> ports::Result<()> {
        let mut state = self.0.state();
        if state.keeps {
            return Err(PortError::permanent(ErrorCode::Unreachable, "The place is away."));
        }
        state.running.remove(&deployment);
        Ok(())
    }

    async fn connect(
        &self,
        _deployment: DeploymentId,
        _name: &str,
        _instance: Option<&str>,
        _port: Port,
    ) -> ports::Result<Box<dyn Connection>> {
        Ok(Box::new(PlaceConnection(Arc::clone(&self.0))))
    }
}

struct PlaceConnection(Arc<Place>);

#[async_trait]
impl Connection for PlaceConnection {
    fn address(&self) -> String {
        "http://played".to_owned()
    }

    fn through(&self) -> String {
        "nothing".to_owned()
    }

    fn instance(&self) -> String {
        "played-0".to_owned()
    }

    async fn send(&self, request: HttpRequest) -> ports::Result<HttpAnswer> {
        let answer = |body: Vec<u8>| HttpAnswer { status: 200, headers: Vec::new(), body };
        let listing = |state: &State, after: &str| {
            let segments = state.segments.iter().map(|(segment, _)| segment);
            let left: Vec<_> = segments.filter(|segment| segment["id"].as_str().unwrap() > after).collect();
            json!({ "segments": left, "gaps": state.lost }).to_string().into_bytes()
        };
        let mut state = self.0.state();
        Ok(match request.path.as_str() {
            "/metrics" => {
                let requests = format!("slipway_requests_total{{code=\"200\"}} {}\n", state.requests);
                let logged = format!("slipway_log_rows_total {}\n", state.logged);
                answer(format!("slipway_start_time_seconds 1\n{requests}{logged}").into_bytes())
            }
            path if state.hides_log && path.starts_with("/v1/logs") => {
                HttpAnswer { status: 503, headers: Vec::new(), body: b"no log".to_vec() }
            }
            "/predict" => answer(b"{\"rows\":[{}]}".to_vec()),
            "/v1/logs" | "/v1/logs/close" => answer(listing(&state, "")),
            path => match path.strip_prefix("/v1/logs?after=") {
                Some(after) => answer(listing(&state, after)),
                None => {
                    let id = path.strip_prefix("/v1/logs/").unwrap().to_owned();
                    let found = state.segments.iter().find(|(segment, _)| segment["id"] == id.as_str()).unwrap();
                    let bytes = found.1.clone();
                    state.fetched.push(id);
                    answer(bytes)
                }
            },
        })
    }
}

/// A project whose windows are [`ROWS`] rows.
pub(crate) async fn project(stage: &Stage) -> ProjectId {
    stage.write("p/data.csv", &table(50, 1));
    let mut file = ProjectFile { name: "Big x".to_owned(), ..ProjectFile::default() };
    file.data.paths = vec!["data.csv".to_owned()];
    file.data.target = Some("y".to_owned());
    file.monitoring.window = format!("{ROWS} rows");
    stage.create("p", file).await
}

/// The model's next version, with a reference that drift is measured from, and nothing that computes.
/// Its content is `content-NUMBER`.
pub(crate) async fn version(stage: &Stage, project: ProjectId) -> VersionId {
    measured_version(stage, project, None).await
}

/// The same, whose average precision on test is known.
pub(crate) async fn measured_version(stage: &Stage, project: ProjectId, precision: Option<f64>) -> VersionId {
    let (engine, now_ms) = (&stage.engine, stage.engine.now_ms());
    let put = |path: &str, bytes: &[u8]| {
        let stored = engine.blobs().put_bytes(bytes).unwrap();
        let file = BundleFile {
            path: path.to_owned(),
            size_bytes: stored.size_bytes,
            blake3: stored.hash.to_string(),
            sha256: String::new(),
        };
        (file, stored.hash)
    };
    let (files, blobs): (Vec<_>, Vec<_>) =
        [put("bundle.json", b"{}"), put("reference.parquet", &rows(1000, 0.0, None))].into_iter().unzip();
    let (run, id) = (RunId::from_bytes(engine.new_id()), VersionId::from_bytes(engine.new_id()));
    let fresh = ModelRow {
        id: api::ModelId::from_bytes(engine.new_id()),
        project: Some(project),
        name: "big-x".to_owned(),
        created_ms: now_ms,
        updated_ms: now_ms,
        notes: String::new(),
    };
    let enter = move |tx: &store::Transaction<'_>| {
        let model = match store::model::of_project(tx, project)?.pop() {
            Some(known) => known,
            None => {
                store::model::insert(tx, &fresh)?;
                fresh
            }
        };
        let experiment = store::experiment::of_project(tx, project)?.unwrap();
        store::run::put(tx, &trained(run, project, experiment))?;
        let number = store::version::of_model(tx, model.id)?.len() + 1;
        let primary = precision.map(|value| Figure {
            name: "average_precision".to_owned(),
            value,
            interval: None,
            baseline: None,
            more_is_better: true,
            unit: None,
        });
        let version = Version { primary, ..described(id, &model, run, number as u32) };
        let row = VersionRow { version, lineage: [].into(), files };
        store::version::insert(tx, &row, blobs)
    };
    stage.engine.store().write(enter).await.unwrap();
    id
}

fn described(id: VersionId, model: &ModelRow, run: RunId, number: u32) -> Version {
    let input = Input {
        name: "x".to_owned(),
        kind: ColumnType::Decimal,
        optional: false,
        sensitive: false,
        categories: Vec::new(),
        range: None,
        shape: Vec::new(),
    };
    Version {
        id,
        model: model.id,
        project: model.project.unwrap(),
        model_name: model.name.clone(),
        number,
        aliases: Vec::new(),
        run,
        run_name: format!("run-{number}"),
        snapshot: None,
        snapshot_number: None,
        commit: None,
        seed: None,
        kind: ModelChoice::Trees,
        task: Task::BinaryClassification,
        signature: Signature { inputs: vec![input], outputs: Vec::new() },
        size_bytes: 2,
        content: format!("content-{number}"),
        threshold: None,
        primary: None,
        rows: PartRows::default(),
        deployments: Vec::new(),
        kept_by: Vec::new(),
        created_ms: model.created_ms,
    }
}

fn trained(id: RunId, project: ProjectId, experiment: api::ExperimentId) -> RunRow {
    let row = RunRow::new(id, (experiment, Some(project)), id.short(), RunKind::Training, 1);
    let run = Run { state: RunState::Finished, started_ms: Some(1), ended_ms: Some(2), ..row.run };
    RunRow { run, ..row }
}

pub(crate) async fn spec(stage: &Stage, version: VersionId) -> DeploySpec {
    let targets = stage.call(api::deploy::ListTargets {}).await;
    let here = targets.iter().find(|target| target.kind == TargetKind::ThisMachine).unwrap();
    DeploySpec {
        name: "played".to_owned(),
        target: here.id,
        version,
        replicas: 1,
        registry: None,
        repository: None,
        cpu_millis: None,
        memory_mb: None,
        log_share: 1.0,
        log_days: 14,
        not_logged: Vec::new(),
        create_namespace: false,
        port: None,
    }
}

pub(crate) async fn deploy(stage: &Stage, version: VersionId) -> Deployment {
    let job = stage.call(StartDeploy { spec: spec(stage, version).await }).await;
    let deployment = deployment_of(&stage.done(job).await);
    stage.call(GetDeployment { deployment }).await
}

pub(crate) fn deployment_of(job: &Job) -> DeploymentId {
    match job.subject {
        Subject::Deployment(deployment) => deployment,
        other => panic!("{other:?}"),
    }
}

/// A run of a client, as it is entered.
pub(crate) fn bare_run(id: RunId, experiment: &api::tracking::Experiment, started_ms: i64) -> RunRow {
    let row = trained(id, ProjectId::from_bytes([0; 16]), experiment.id);
    let run = Run { project: experiment.project, kind: RunKind::Client, created_ms: started_ms, ..row.run };
    RunRow { run, ..row }
}
