//! The lifecycle, one module a stage, in the order of the road: call upstream, announce downstream.
//!
//! An [`Engine`] is an open workspace. A request of `api` becomes a call of a handler in
//! [`dispatch`]; whatever takes time is a job ([`jobs`]); after each commit [`Engine::changed`]
//! announces what changed. External systems are reached through [`ports`] only, time through
//! [`clock`]; nothing here reads the environment, prints, or knows of HTTP.

pub mod ballast;
mod beneath;
mod blocking;
pub mod clock;
mod copying;
pub mod dataset;
mod deleted;
pub mod deploy;
pub mod dispatch;
pub mod error;
pub mod events;
pub mod folder;
mod halves;
pub mod hardware;
pub mod host;
pub mod host_log;
pub mod jobs;
pub mod model;
pub mod monitor;
pub mod nearest;
mod output;
pub mod overview;
pub mod package;
pub mod ports;
pub mod process;
pub mod project;
pub mod project_file;
pub mod registry;
pub mod run;
pub mod sample;
pub mod search;
pub mod secret;
pub mod settings;
pub mod snapshot;
mod snapshot_drift;
pub mod source;
pub mod storage;
pub mod target;
pub mod tracking;
mod uploads;
pub mod watching;
pub mod workspace;

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicU16},
};

use api::{
    RunId,
    event::{Event, Tag},
};
use store::Store;

use crate::{clock::Clock, events::Events, jobs::Jobs, workspace::Workspace};

/// Runs that are announced one by one where they change together.
const MOST_ANNOUNCED: usize = 50;

/// Whether the engine lives on, with its loops, or answers one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The host: watching, jobs, monitoring.
    Host,
    /// One command: no watching, no monitoring, no other jobs.
    Once,
}

/// A build of the worker that may start here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerProgram {
    /// "cpu", "cuda", "metal".
    pub backend: String,
    pub path: PathBuf,
}

/// All that an engine is given from outside.
#[derive(Clone)]
pub struct Options {
    pub mode: Mode,
    pub clock: Arc<dyn Clock>,
    pub adapters: Arc<dyn ports::Adapters>,
    /// The program's version, for the host's introduction and the lineage.
    pub version: String,
    /// What the holder of the lock is called in another's error: "slipway serve".
    pub command: String,
    /// The caller holds the workspace's lock already (by `client::lock`); the engine takes none.
    pub lock_held: bool,
    /// `sample-projects`, as the program brings it.
    pub samples: Option<PathBuf>,
    /// The user's documents folder.
    pub documents: Option<PathBuf>,
    /// Builds of the worker, best first.
    pub workers: Vec<WorkerProgram>,
    /// `slipway` itself, which runs the programs that a search begins; none where nothing of the kind is to be begun.
    pub program: Option<PathBuf>,
    /// How many files such a program may have open, where this process itself may have more than it was given.
    pub open_files: Option<u64>,
    /// A table of mounts in the form of `/proc/self/mounts`, where the system is not to be asked which
    /// folders are on the network.
    pub mounts: Option<PathBuf>,
}

/// An open workspace. Clones share it; it closes, and frees the lock, with the last one.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

/// What is being built now, by the id of its snapshot or project.
type Building = std::sync::Mutex<std::collections::HashMap<[u8; 16], Arc<tokio::sync::Mutex<()>>>>;

struct Inner {
    options: Options,
    workspace: Workspace,
    store: Store,
    events: Events,
    jobs: Jobs,
    passes: monitor::Passes,
    folders: folder::Folders,
    watching: watching::Watching,
    opened: model::Opened,
    board: run::board::Board,
    announcer: tracking::Announcer,
    measured: tracking::measured::Measured,
    texts: Arc<tracking::texts::Texts>,
    /// Places for large pages of runs that are composed.
    large_pages: Arc<tokio::sync::Semaphore>,
    tracking_token: tokio::sync::Mutex<Option<String>>,
    tracking_port: AtomicU16,
    following: source::Following,
    searches: search::Searches,
    building: Building,
    /// A project's file is read, changed and written by one at a time.
    editing: tokio::sync::Mutex<()>,
    removed: registry::removal::Removed,
    /// Held by work that puts blobs before the record that uses them, or that writes into the cache;
    /// collecting takes it alone.
    blob_gate: Arc<tokio::sync::RwLock<()>>,
    started_ms: i64,
    /// Freed after everything above is closed.
    _lock: Option<workspace::Lock>,
}

impl Engine {
    /// Opens the workspace, making it where there is none. Errs with `busy` and the holder's pid
    /// where another process has it open.
    pub async fn open(workspace: Workspace, options: Options) -> anyhow::Result<Self> {
        workspace.make()?;
        let lock = if options.lock_held { None } else { Some(workspace.lock(&options.command)?) };
        ballast::give_some(&workspace);
        let folder = workspace.folder().to_owned();
        let store = tokio::task::spawn_blocking(move || Store::open(&folder)).await??;
        let started_ms = options.clock.now_ms();
        let engine = Self {
            inner: Arc::new(Inner {
                options,
                workspace,
                store,
                events: Events::default(),
                jobs: Jobs::default(),
                passes: monitor::Passes::default(),
                folders: folder::Folders::default(),
                watching: watching::Watching::default(),
                opened: model::Opened::default(),
                board: run::board::Board::default(),
                announcer: tracking::Announcer::default(),
                measured: tracking::measured::Measured::default(),
                texts: Arc::default(),
                large_pages: Arc::new(tokio::sync::Semaphore::new(tracking::client::LARGE_PAGES)),
                tracking_token: tokio::sync::Mutex::default(),
                tracking_port: AtomicU16::new(0),
                following: source::Following::default(),
                searches: search::Searches::default(),
                building: Building::default(),
                editing: tokio::sync::Mutex::default(),
                removed: registry::removal::Removed::default(),
                blob_gate: Arc::default(),
                started_ms,
                _lock: lock,
            }),
        };
        let halves = engine.workspace().halves();
        if let Err(error) = tokio::task::spawn_blocking(move || halves::clear(&halves)).await? {
            tracing::warn!(error = format!("{error:#}"), "what was left half-written can't be removed");
        }
        if engine.options().mode == Mode::Host {
            ballast::make(&engine).await;
            tracking::artifacts::sweep_halves(&engine);
            tracking::gone::sweep(&engine).await?;
        }
        engine.jobs().after_start(&engine).await?;
        dataset::after_start(&engine).await?;
        run::supervise::after_start(&engine).await?;
        search::after_start(&engine).await?;
        watching::start(&engine).await?;
        deploy::look::start(&engine).await?;
        monitor::start(&engine);
        source::start(&engine).await?;
        Ok(engine)
    }

    /// Closes the workspace, whoever still holds a clone: what is queued is written, then every use of
    /// the database errs. Jobs under way are left to the next host, as after a crash.
    pub async fn close(&self) {
        // A search that takes long is not waited for.
        self.inner.board.close();
        tracking::measured::close(self).await;
        self.inner.store.close().await;
    }

    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    pub fn workspace(&self) -> &Workspace {
        &self.inner.workspace
    }

    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    pub fn blobs(&self) -> &store::blob::Blobs {
        self.inner.store.blobs()
    }

    /// Held while blobs are put whose record is not committed yet, and while the cache is written, so that
    /// collecting leaves them.
    pub async fn hold_blobs(&self) -> tokio::sync::OwnedRwLockReadGuard<()> {
        Arc::clone(&self.inner.blob_gate).read_owned().await
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.options.clock
    }

    pub fn now_ms(&self) -> i64 {
        self.inner.options.clock.now_ms()
    }

    pub fn started_ms(&self) -> i64 {
        self.inner.started_ms
    }

    pub fn adapters(&self) -> &dyn ports::Adapters {
        &*self.inner.options.adapters
    }

    pub fn jobs(&self) -> &Jobs {
        &self.inner.jobs
    }

    pub(crate) fn folders(&self) -> &folder::Folders {
        &self.inner.folders
    }

    /// Which folders are watched, and how.
    pub fn watch(&self) -> &watching::Watching {
        &self.inner.watching
    }

    pub(crate) fn opened(&self) -> &model::Opened {
        &self.inner.opened
    }

    /// Waits for the cache of a snapshot, or a project's next snapshot: one builds it at a time,
    /// others build theirs meanwhile.
    pub(crate) async fn building(&self, of: [u8; 16]) -> tokio::sync::OwnedMutexGuard<()> {
        let one = {
            let mut all = self.inner.building.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            all.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(all.entry(of).or_default())
        };
        one.lock_owned().await
    }

    /// Held from reading a project's file to having written it.
    pub(crate) async fn editing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.editing.lock().await
    }

    pub(crate) fn blob_gate(&self) -> &tokio::sync::RwLock<()> {
        &self.inner.blob_gate
    }

    /// For loops that must not keep the workspace open.
    pub fn downgrade(&self) -> WeakEngine {
        WeakEngine { inner: Arc::downgrade(&self.inner) }
    }

    pub(crate) fn passes(&self) -> &monitor::Passes {
        &self.inner.passes
    }

    /// Every announcement from now on.
    pub fn events(&self) -> &Events {
        &self.inner.events
    }

    pub(crate) fn board(&self) -> &run::board::Board {
        &self.inner.board
    }

    pub(crate) fn tracking_token(&self) -> &tokio::sync::Mutex<Option<String>> {
        &self.inner.tracking_token
    }

    pub(crate) fn removed(&self) -> &registry::removal::Removed {
        &self.inner.removed
    }

    pub(crate) fn searches(&self) -> &search::Searches {
        &self.inner.searches
    }

    pub(crate) fn following(&self) -> &source::Following {
        &self.inner.following
    }

    /// The port on which MLflow's clients are answered; 0 where they are not.
    pub fn tracking_port(&self) -> &AtomicU16 {
        &self.inner.tracking_port
    }

    pub(crate) fn announcer(&self) -> &tracking::Announcer {
        &self.inner.announcer
    }

    pub(crate) fn measured(&self) -> &tracking::measured::Measured {
        &self.inner.measured
    }

    pub(crate) fn texts(&self) -> &Arc<tracking::texts::Texts> {
        &self.inner.texts
    }

    pub(crate) fn large_pages(&self) -> &Arc<tokio::sync::Semaphore> {
        &self.inner.large_pages
    }

    /// Announces that records behind a tag were committed.
    pub fn changed(&self, tag: Tag) {
        if let Tag::Run(run) = tag {
            self.inner.board.touch(run);
        }
        self.inner.events.send(Event::Changed { tag });
    }

    /// Announces runs that were committed together: each, or of many that any may be among them.
    pub(crate) fn changed_runs(&self, runs: &[RunId]) {
        if runs.len() <= MOST_ANNOUNCED {
            runs.iter().for_each(|run| self.changed(Tag::Run(*run)));
            return;
        }
        runs.iter().for_each(|run| self.inner.board.touch(*run));
        self.changed(Tag::EveryRun);
    }

    /// A fresh id: UUIDv7 by the engine's clock.
    pub fn new_id(&self) -> [u8; 16] {
        let now = self.now_ms().max(0) as u64;
        let timestamp = uuid::Timestamp::from_unix(uuid::NoContext, now / 1000, (now % 1000) as u32 * 1_000_000);
        *uuid::Uuid::new_v7(timestamp).as_bytes()
    }
}

/// An engine that its holder does not keep open.
#[derive(Clone)]
pub struct WeakEngine {
    inner: std::sync::Weak<Inner>,
}

impl WeakEngine {
    /// The engine, if it is still open.
    pub fn upgrade(&self) -> Option<Engine> {
        self.inner.upgrade().map(|inner| Engine { inner })
    }
}
