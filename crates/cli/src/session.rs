//! Who answers a command's calls: the host, or this process itself in mode `once`.
//!
//! Mode `once` holds the workspace's lock for as long as the command takes, so only what reads or
//! writes the database for a moment runs in it. What takes time (a job, a large file) goes on with a
//! host, started for it where none runs, so that two commands at once both work.

use std::time::Duration;

use adapters::outside::{Outside, Surroundings};
use api::{
    ApiError, ErrorCode, Request,
    event::Event,
    series::{Series, Viewports},
};
use client::{
    call::Client,
    find,
    lock::{self, Held},
    workspace::Workspace,
};
use engine::{Engine, Mode, Options, clock::SystemClock};
use futures::{StreamExt as _, stream::BoxStream};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{
    context::{Context, Outcome},
    open_files, places,
};

/// A host that a command started ends so long after its last client and its last work.
const IDLE: Duration = Duration::from_secs(10);

pub(crate) enum Session {
    Host(Client),
    Once(Box<Once>),
    /// Between the two: this process let go of the workspace and the host doesn't answer yet.
    Nobody,
}

/// The workspace, opened by this command alone.
pub(crate) struct Once {
    engine: Engine,
    /// Freed after the engine is closed: fields drop in order.
    _lock: Held,
}

impl Session {
    /// The host where there is one; otherwise the workspace itself.
    pub(crate) async fn open(workspace: &Workspace, command: &str) -> Outcome<Self> {
        match find::find(workspace).await? {
            find::Found::Host(client) => return Ok(Self::Host(client)),
            // A host that is starting answers soon; another command frees the lock soon.
            find::Found::Held(_) | find::Found::Nobody => {}
        }
        let until = tokio::time::Instant::now() + find::PATIENCE;
        loop {
            if let Some(lock) = lock::try_hold(workspace, command)? {
                let engine = open_engine(workspace, Mode::Once, command).await?;
                return Ok(Self::Once(Box::new(Once { engine, _lock: lock })));
            }
            if let find::Found::Host(client) = find::find(workspace).await? {
                return Ok(Self::Host(client));
            }
            if tokio::time::Instant::now() >= until {
                return Err(lock::busy(workspace));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The host, started where there is none: for what takes time or outlives this command.
    pub(crate) async fn lasting(workspace: &Workspace) -> Outcome<Self> {
        find::host_or_start_for(workspace, &places::own_program(), IDLE).await.map(Self::Host)
    }

    pub(crate) async fn call<R: Request>(&self, request: R) -> Outcome<R::Response> {
        match self {
            Self::Host(client) => client.call(request).await,
            Self::Once(once) => engine::dispatch::call(&once.engine, request).await,
            Self::Nobody => Err(nobody()),
        }
    }

    /// A call by its method's name.
    pub(crate) async fn call_json(&self, method: &str, params: serde_json::Value) -> Outcome<serde_json::Value> {
        match self {
            Self::Host(client) => client.call_json(method, params).await,
            Self::Once(once) => engine::dispatch::dispatch(&once.engine, method, params).await,
            Self::Nobody => Err(nobody()),
        }
    }

    /// Announcements from now on; it ends with the host.
    pub(crate) fn events(&self) -> BoxStream<'static, Event> {
        match self {
            Self::Host(client) => client.events(find::PATIENCE).boxed(),
            Self::Once(once) => {
                let heard = once.engine.events().subscribe();
                // Events that were missed are no matter: what they are of is asked again.
                futures::stream::unfold(heard, async |mut heard: Receiver<Event>| {
                    loop {
                        match heard.recv().await {
                            Ok(event) => return Some((event, heard)),
                            Err(RecvError::Lagged(_)) => {}
                            Err(RecvError::Closed) => return None,
                        }
                    }
                })
                .boxed()
            }
            Self::Nobody => futures::stream::empty().boxed(),
        }
    }

    /// Viewports of series, in their order; `None` where a run has no such series.
    pub(crate) async fn series(&self, viewports: Viewports) -> Outcome<Vec<Option<Series>>> {
        match self {
            Self::Host(client) => client.series(&viewports).await,
            Self::Once(once) => server::series::many_of(&once.engine, viewports).await,
            Self::Nobody => Err(nobody()),
        }
    }
}

impl Session {
    /// Lets go of the workspace, the database closed before the lock is free.
    pub(crate) async fn close(self) {
        if let Self::Once(once) = self {
            once.engine.close().await;
        }
    }
}

impl Context {
    /// Goes on with a host, starting one where there is none: for what takes time or outlives this
    /// command.
    pub(crate) async fn lasting(&mut self) -> Outcome {
        self.with_host(true).await
    }

    /// The same with a host that stays at hand for a while: for a page that is opened later.
    pub(crate) async fn staying(&mut self) -> Outcome {
        self.with_host(false).await
    }

    async fn with_host(&mut self, ends_soon: bool) -> Outcome {
        if matches!(self.session, Session::Host(_)) {
            return Ok(());
        }
        // The workspace is let go of first: the host takes the same lock.
        std::mem::replace(&mut self.session, Session::Nobody).close().await;
        self.session = if ends_soon {
            Session::lasting(&self.workspace).await?
        } else {
            Session::Host(find::host_or_start(&self.workspace, &places::own_program()).await?)
        };
        Ok(())
    }
}

fn nobody() -> ApiError {
    ApiError::new(ErrorCode::Unreachable, "The host that this command needs did not start.")
}

/// Opens the engine; the caller holds the workspace's lock.
pub(crate) async fn open_engine(workspace: &Workspace, mode: Mode, command: &str) -> Outcome<Engine> {
    let surroundings = Surroundings::of(workspace.folder(), &places::own_program());
    let options = Options {
        mode,
        clock: std::sync::Arc::new(SystemClock),
        adapters: std::sync::Arc::new(Outside::new(surroundings)),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: command.to_owned(),
        lock_held: true,
        samples: places::samples(),
        documents: places::documents(),
        workers: places::workers(),
        // What a search begins outlives this process only where a host follows it.
        program: (mode == Mode::Host).then(places::own_program),
        open_files: if mode == Mode::Host { open_files::raise() } else { None },
        mounts: None,
    };
    let opened = Engine::open(engine::workspace::Workspace::at(workspace.folder()), options).await;
    opened.map_err(|error| engine::error::told(&error))
}
