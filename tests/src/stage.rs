//! The engine itself in this process, with the real outside world and a clock that tests turn.
//!
//! What a journey shows through the host's programs, tests of deploying and watching look at from
//! nearer: they change what the engine sees (its clock, the serving program, the file of a model)
//! between two calls.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use adapters::outside::{Outside, Surroundings};
use anyhow::{Context as _, Result, bail, ensure};
use api::{
    ApiError, ErrorCode, ProjectId, Request, RunId, VersionId,
    config::ProjectFile,
    deploy::{DeploySpec, Deployment, GetDeployment, StartDeploy},
    job::{Job, JobState, Subject},
    model::{RegisterModel, Version},
    project::CreateProject,
    run::StartRun,
};
use async_trait::async_trait;
use engine::{
    Engine, Mode, Options, WorkerProgram,
    clock::{Clock, SystemClock},
    workspace::Workspace,
};

use crate::process::read;

/// Longer than any single step takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// The machine's clock, ahead by as much as a test turned it: waits take what they take.
#[derive(Debug, Default)]
pub struct AheadClock(AtomicI64);

impl AheadClock {
    pub fn turn(&self, by: Duration) {
        self.0.fetch_add(by.as_millis() as i64, Ordering::SeqCst);
    }
}

#[async_trait]
impl Clock for AheadClock {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms() + self.0.load(Ordering::SeqCst)
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}

/// An open workspace in a folder of the test's; what it left running ends with it.
pub struct Stage {
    pub engine: Engine,
    pub clock: Arc<AheadClock>,
    _running: Running,
    pub folder: tempfile::TempDir,
}

/// Serving processes outlive their host by design; a test's must not outlive the test.
struct Running {
    workspace: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        for pid in serving_pids(&self.workspace) {
            let _ = read(Command::new("kill").args(["-9", &pid.to_string()]));
        }
    }
}

fn serving_pids(workspace: &Path) -> Vec<u64> {
    let entries = std::fs::read_dir(workspace.join("deployments")).into_iter().flatten().flatten();
    let states = entries.filter_map(|entry| std::fs::read(entry.path().join("process.json")).ok());
    let states = states.filter_map(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    states.filter_map(|state| state["pid"].as_u64()).collect()
}

impl Stage {
    /// `None`, said in one line, where the programs that it starts are not built.
    pub async fn new() -> Result<Option<Self>> {
        Self::within(tempfile::tempdir()?).await
    }

    /// The same in a given folder, such as one of a small disk.
    pub async fn within(folder: tempfile::TempDir) -> Result<Option<Self>> {
        if crate::host::program("SLIPWAY_WORKER").is_none() || crate::host::program("SLIPWAY_SERVING").is_none() {
            return Ok(None);
        }
        // Behind a link, so that a test can put another program in its place.
        link(&serving_program()?, &folder.path().join("serving"))?;
        let clock = Arc::new(AheadClock::default());
        let engine = open(folder.path(), &clock).await?;
        let running = Running { workspace: folder.path().join("workspace") };
        Ok(Some(Self { engine, clock, _running: running, folder }))
    }

    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// The serving program as the engine is told of it.
    pub fn serving(&self) -> PathBuf {
        self.folder.path().join("serving")
    }

    /// Puts another program in the serving program's place; `None` puts the real one back.
    pub fn replace_serving(&self, script: Option<&str>) -> Result<()> {
        let place = self.serving();
        std::fs::remove_file(&place)?;
        match script {
            None => link(&serving_program()?, &place),
            Some(script) => {
                std::fs::write(&place, script)?;
                executable(&place)
            }
        }
    }

    /// Writes a file of the user's, below `user/`.
    pub fn write(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.folder.path().canonicalize()?.join("user").join(name);
        std::fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        std::fs::write(&path, content)?;
        Ok(path)
    }

    pub async fn call<R: Request>(&self, request: R) -> Result<R::Response, ApiError> {
        engine::dispatch::call(&self.engine, request).await
    }

    /// Waits for a job's end, however it ends.
    pub async fn over(&self, job: Job) -> Result<Job> {
        tokio::time::timeout(PATIENCE, self.engine.jobs().wait(&self.engine, job.id)).await?
    }

    /// Waits for a job and expects it to be done.
    pub async fn done(&self, job: Job) -> Result<Job> {
        let job = self.over(job).await?;
        if job.state != JobState::Done {
            bail!("{} is {:?}: {:?}", job.title, job.state, job.error);
        }
        Ok(job)
    }

    /// Waits for a job and expects it to fail; returns why.
    pub async fn failed(&self, job: Job) -> Result<ApiError> {
        let job = self.over(job).await?;
        job.error.with_context(|| format!("{} is {:?}: {}", job.title, job.state, job.message))
    }

    /// Asks again after each announcement, until there is an answer.
    pub async fn until<T>(&self, what: &str, mut ask: impl AsyncFnMut(&Self) -> Result<Option<T>>) -> Result<T> {
        let mut events = self.engine.events().subscribe();
        let wait = async {
            loop {
                if let Some(answer) = ask(self).await? {
                    return Ok(answer);
                }
                use tokio::sync::broadcast::error::RecvError;
                if let Err(error @ RecvError::Closed) = events.recv().await {
                    bail!(error);
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.with_context(|| format!("never: {what}"))?
    }

    /// A project whose `y` a model learns from `x`, `z` (sensitive) and `colour`.
    pub async fn project(&self, name: &str) -> Result<ProjectId> {
        let data = self.write(&format!("{name}/data.csv"), &table(1500, 1, 0.0))?;
        let mut file = ProjectFile { name: name.to_owned(), ..ProjectFile::default() };
        file.data.paths = vec!["data.csv".to_owned()];
        file.data.target = Some("y".to_owned());
        file.data.sensitive = vec!["z".to_owned()];
        file.training.threads = 1;
        file.evaluation.bootstrap = 20;
        file.monitoring.window = "200 rows".to_owned();
        let path = data.parent().context("the file has a folder")?.to_string_lossy().into_owned();
        let job = self.call(CreateProject { path, file, copy_from: Vec::new() }).await?;
        match self.done(job).await?.subject {
            Subject::Project(project) => Ok(project),
            other => bail!("the project's subject is {other:?}"),
        }
    }

    pub async fn train(&self, project: ProjectId) -> Result<RunId> {
        let request = StartRun::of(project);
        let job = self.call(request).await?;
        match self.done(job).await?.subject {
            Subject::Run(run) => Ok(run),
            other => bail!("the training's subject is {other:?}"),
        }
    }

    /// A version that is trained and registered.
    pub async fn version(&self, project: ProjectId) -> Result<Version> {
        let run = self.train(project).await?;
        Ok(self.call(RegisterModel { run, name: None, aliases: Vec::new() }).await?)
    }

    /// Deploys to this machine and waits until it answers.
    pub async fn deploy(&self, name: &str, version: VersionId) -> Result<Deployment> {
        let job = self.call(StartDeploy { spec: self.spec(name, version).await? }).await?;
        match self.done(job).await?.subject {
            Subject::Deployment(deployment) => Ok(self.call(GetDeployment { deployment }).await?),
            other => bail!("the rollout's subject is {other:?}"),
        }
    }

    /// On this machine, as the window proposes it.
    pub async fn spec(&self, name: &str, version: VersionId) -> Result<DeploySpec> {
        let targets = self.call(api::deploy::ListTargets {}).await?;
        let here = targets.iter().find(|target| target.kind == api::deploy::TargetKind::ThisMachine);
        Ok(crate::road::spec(name, here.context("this machine is no target")?.id, version))
    }

    /// Closes the engine and opens the workspace again, as the next host does.
    pub async fn reopen(self) -> Result<Self> {
        self.reopen_after(|| Ok(())).await
    }

    /// The same, with something done while no host runs.
    pub async fn reopen_after(self, meanwhile: impl FnOnce() -> Result<()>) -> Result<Self> {
        let Self { engine, clock, _running, folder } = self;
        drop(engine);
        meanwhile()?;
        let engine = open(folder.path(), &clock).await?;
        Ok(Self { engine, clock, _running, folder })
    }
}

/// Opens the workspace; loops of the engine before hold it for moments, so it may take a while.
async fn open(folder: &Path, clock: &Arc<AheadClock>) -> Result<Engine> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        match Engine::open(Workspace::at(folder.join("workspace")), options(folder, Arc::clone(clock))?).await {
            Ok(engine) => return Ok(engine),
            Err(error) if engine::error::told(&error).code == ErrorCode::Busy => {
                ensure!(tokio::time::Instant::now() < until, "the workspace never became free: {error:#}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => return Err(error),
        }
    }
}

fn options(folder: &Path, clock: Arc<AheadClock>) -> Result<Options> {
    let worker = std::env::var_os("SLIPWAY_WORKER").context("SLIPWAY_WORKER is not set")?;
    let surroundings = Surroundings {
        workspace: folder.join("workspace"),
        serving_program: Some(folder.join("serving")),
        serving_image_binary: Some(serving_program()?),
        home: Some(folder.join("home")),
        ..Surroundings::default()
    };
    Ok(Options {
        mode: Mode::Host,
        clock,
        adapters: Arc::new(Outside::new(surroundings)),
        version: "0.0.0-test".to_owned(),
        command: "the test".to_owned(),
        lock_held: false,
        samples: None,
        documents: Some(folder.join("documents")),
        workers: vec![WorkerProgram { backend: "cpu".to_owned(), path: worker.into() }],
        program: None,
        open_files: None,
        mounts: None,
    })
}

/// Rows that a tree learns: `y` is yes where `x` is large, with some noise. `shift` moves `x`.
pub fn table(rows: usize, seed: u64, shift: f64) -> String {
    let mut state = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31)
    };
    let mut text = String::from("x,z,colour,y\n");
    for _ in 0..rows {
        let (x, z, noise) = (next(), next(), next());
        let colour = ["red", "green", "blue"][(next() * 3.0) as usize % 3];
        let y = if x + 0.2 * (noise - 0.5) > 0.6 { "yes" } else { "no" };
        text.push_str(&format!("{:.5},{z:.5},{colour},{y}\n", x + shift));
    }
    text
}

fn serving_program() -> Result<PathBuf> {
    Ok(PathBuf::from(std::env::var_os("SLIPWAY_SERVING").context("SLIPWAY_SERVING is not set")?))
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> Result<()> {
    Ok(std::os::unix::fs::symlink(from, to)?)
}

#[cfg(not(unix))]
fn link(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to)?;
    Ok(())
}

#[cfg(unix)]
fn executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn executable(_path: &Path) -> Result<()> {
    Ok(())
}
