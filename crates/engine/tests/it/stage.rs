//! What a journey stands on: an engine in a folder of its own, without the outside world.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use api::{
    ApiError, ErrorCode, ProjectId, Request,
    config::ProjectFile,
    event::Event,
    job::{GetJob, Job, Prepared, Subject},
    project::CreateProject,
};
use async_trait::async_trait;
use engine::{
    Engine, Mode, Options, WorkerProgram,
    clock::SystemClock,
    ports::{self, PortError},
    workspace::Workspace,
};

use crate::{
    place::{Place, PlaceTarget},
    secrets::KeptIn,
};

/// Longer than any test takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(240);

/// Adapters of a machine with nothing outside but a target that the test plays.
struct Played(Arc<Place>);

fn absent<T>(what: &str) -> ports::Result<T> {
    Err(PortError::permanent(ErrorCode::Unsupported, format!("This test has no {what}.")))
}

#[async_trait]
impl ports::Adapters for Played {
    async fn registry(&self, _: &api::package::Registry, _: Option<String>) -> ports::Result<Arc<dyn ports::Registry>> {
        absent("registry")
    }
    async fn target(&self, _: &api::deploy::TargetKind) -> ports::Result<Arc<dyn ports::Target>> {
        Ok(Arc::new(PlaceTarget(Arc::clone(&self.0))))
    }
    async fn contexts(&self, _: Option<&str>) -> ports::Result<Vec<api::deploy::KubeContext>> {
        Ok(Vec::new())
    }
    async fn secrets(&self, backend: api::host::SecretBackend) -> ports::Result<Arc<dyn ports::SecretStore>> {
        Ok(Arc::new(KeptIn(Arc::clone(&self.0.secrets), backend)))
    }
    async fn default_secret_backend(&self) -> api::host::SecretBackend {
        api::host::SecretBackend::File
    }
    async fn serving_image_is_being_built(&self) -> bool {
        self.0.is_building()
    }
    async fn serving_image_binary(&self) -> ports::Result<PathBuf> {
        absent("serving binary")
    }
}

pub(crate) struct Stage {
    pub(crate) place: Arc<Place>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) engine: Engine,
}

pub(crate) fn options(folder: &Path, mode: Mode) -> Options {
    options_with(folder, mode, Arc::default())
}

fn options_with(folder: &Path, mode: Mode, place: Arc<Place>) -> Options {
    let worker =
        std::env::var_os("SLIPWAY_WORKER").map(|path| WorkerProgram { backend: "cpu".to_owned(), path: path.into() });
    Options {
        mode,
        clock: Arc::new(SystemClock),
        adapters: Arc::new(Played(place)),
        version: "0.0.0-test".to_owned(),
        command: "the test".to_owned(),
        lock_held: false,
        samples: Some(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../sample-projects")),
        documents: Some(folder.join("documents")),
        workers: worker.into_iter().collect(),
        program: Some(folder.join("program")),
        open_files: None,
        mounts: None,
    }
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let (folder, place) = (tempfile::tempdir().unwrap(), Arc::<Place>::default());
        let options = options_with(folder.path(), Mode::Host, Arc::clone(&place));
        let engine = Engine::open(Workspace::at(folder.path().join("workspace")), options).await.unwrap();
        Self { place, folder, engine }
    }

    /// A stage whose folder is said to be on a network mount.
    pub(crate) async fn on_the_network() -> Self {
        Self::with_mount(None).await
    }

    /// A stage with a folder of the user's that is said to be a network mount; all of them without a name.
    pub(crate) async fn with_mount(name: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (table, root) = (folder.path().join("mounts"), folder.path().canonicalize().unwrap());
        let here = name.map_or(root.clone(), |name| root.join(name));
        std::fs::write(&table, format!("/dev/sda1 / ext4 rw 0 0\nnas:/us {} nfs4 rw 0 0\n", here.display())).unwrap();
        let options = Options { mounts: Some(table), ..options(folder.path(), Mode::Host) };
        let engine = Engine::open(Workspace::at(folder.path().join("workspace")), options).await.unwrap();
        Self { place: Arc::default(), folder, engine }
    }

    /// A folder of the user's.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Plays `slipway` by this line of a shell.
    #[cfg(unix)]
    pub(crate) fn program(&self, line: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.write("program", &format!("#!/bin/sh\n{line}\n"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Changes the last byte of a stored file where it stands, as a failing disk does.
    pub(crate) fn damage(&self, hash: &store::blob::BlobHash) {
        let path = self.engine.store().blobs().path(hash);
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        let mut permissions = std::fs::metadata(&path).unwrap().permissions();
        #[expect(clippy::permissions_set_readonly_false, reason = "a folder of the test's, gone after it")]
        permissions.set_readonly(false);
        std::fs::set_permissions(&path, permissions).unwrap();
        std::fs::write(&path, bytes).unwrap();
    }

    pub(crate) async fn call<R: Request>(&self, request: R) -> R::Response {
        self.try_call(request).await.unwrap_or_else(|error| panic!("{}: {error}", R::METHOD))
    }

    pub(crate) async fn try_call<R: Request>(&self, request: R) -> Result<R::Response, ApiError> {
        engine::dispatch::call(&self.engine, request).await
    }

    /// Waits for a job and expects it to be done.
    pub(crate) async fn done(&self, job: Job) -> Job {
        let job = self.over(job).await;
        assert_eq!(job.state, api::job::JobState::Done, "{}: {:?}", job.title, job.error);
        job
    }

    pub(crate) async fn over(&self, job: Job) -> Job {
        tokio::time::timeout(PATIENCE, self.engine.jobs().wait(&self.engine, job.id))
            .await
            .expect("the job ends")
            .unwrap()
    }

    /// Creates a project in a folder of the user's, without copies.
    pub(crate) async fn create(&self, folder: &str, file: ProjectFile) -> ProjectId {
        let path = self.path(folder).to_string_lossy().into_owned();
        let job = self.call(CreateProject { path, file, copy_from: Vec::new() }).await;
        self.project_of(job).await
    }

    /// The project that a job makes.
    pub(crate) async fn project_of(&self, job: Job) -> ProjectId {
        match self.done(job).await.subject {
            Subject::Project(project) => project,
            other => panic!("{other:?}"),
        }
    }

    /// The answer to a question that may have to be computed first.
    pub(crate) async fn prepared<T, R: Request<Response = Prepared<T>> + Clone>(&self, request: R) -> T {
        loop {
            match self.call(request.clone()).await {
                Prepared::Ready(answer) => return answer,
                Prepared::UnderWay(job) => drop(self.done(self.call(GetJob { job }).await).await),
            }
        }
    }

    /// Waits until a question has the wanted answer, asking again after each announcement.
    pub(crate) async fn until<T>(&self, what: &str, mut ask: impl AsyncFnMut(&Self) -> Option<T>) -> T {
        let mut events = self.engine.events().subscribe();
        let wait = async {
            loop {
                if let Some(answer) = ask(self).await {
                    return answer;
                }
                match events.recv().await {
                    Ok(Event::Goodbye { .. }) | Ok(_) => {}
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"))
    }

    /// Closes the engine as a crash would not, and opens the workspace again.
    pub(crate) async fn reopen(&mut self) {
        self.reopen_with(|options| options).await;
    }

    /// The same with other options.
    pub(crate) async fn reopen_with(&mut self, change: impl Fn(Options) -> Options) {
        let (folder, place) = (self.folder.path(), &self.place);
        let once = open_when_free(folder, || change(options_with(folder, Mode::Host, Arc::clone(place))));
        let old = std::mem::replace(&mut self.engine, placeholder().await);
        drop(old);
        self.engine = once.await;
    }
}

async fn placeholder() -> Engine {
    let folder = tempfile::tempdir().unwrap().keep();
    Engine::open(Workspace::at(folder.join("workspace")), options(&folder, Mode::Once)).await.unwrap()
}

pub(crate) async fn open(folder: &Path) -> Engine {
    Engine::open(Workspace::at(folder.join("workspace")), options(folder, Mode::Host)).await.unwrap()
}

/// Loops hold the engine for moments only; the lock is free when the last lets go.
async fn open_when_free(folder: &Path, options: impl Fn() -> Options) -> Engine {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        match Engine::open(Workspace::at(folder.join("workspace")), options()).await {
            Ok(engine) => return engine,
            Err(error) if engine::error::told(&error).code == ErrorCode::Busy => {
                assert!(tokio::time::Instant::now() < until, "the workspace never became free: {error:#}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error:#}"),
        }
    }
}

/// Whether a built worker is given; says so where it is not.
pub(crate) fn has_worker() -> bool {
    let has = std::env::var_os("SLIPWAY_WORKER").is_some();
    if !has {
        crate::skipped::skipped("SLIPWAY_WORKER names no worker");
    }
    has
}

/// Rows that a tree learns: `y` is yes where `x` is large, with some noise.
pub(crate) fn table(rows: usize, seed: u64) -> String {
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
        text.push_str(&format!("{x:.5},{z:.5},{colour},{y}\n"));
    }
    text
}
