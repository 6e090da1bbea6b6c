//! What clients of the MLflow protocol log, and experiments beyond one project.
//!
//! The wire is the server's: here stand the meanings. Whatever a client may do, a person may do by the window and the
//! command line too, through the same functions.

pub mod artifacts;
pub mod client;
pub mod experiments;
pub mod history;
pub mod logged;
pub mod registry;
pub mod token;
pub mod views;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use api::{
    RunId,
    event::{Event, NewestPoint, Tag},
    tracking::Scope,
};

use crate::Engine;

/// How long what clients log is gathered before it is announced: a thousand small requests a second are not a thousand
/// announcements.
const GATHER: Duration = Duration::from_millis(200);

/// What was logged and not announced yet.
#[derive(Debug, Default)]
pub(crate) struct Announcer(Mutex<HashMap<RunId, Waiting>>);

#[derive(Debug)]
struct Waiting {
    scope: Scope,
    newest: BTreeMap<String, NewestPoint>,
}

impl Announcer {
    /// Announces a run's newest points and its change, soon. The run table knows of it at once.
    pub(crate) fn soon(engine: &Engine, run: RunId, scope: Scope, newest: Vec<NewestPoint>) {
        engine.board().touch(run);
        let mut waiting = engine.announcer().0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = waiting.is_empty();
        let entry = waiting.entry(run).or_insert_with(|| Waiting { scope, newest: BTreeMap::new() });
        entry.newest.extend(newest.into_iter().map(|point| (point.key.clone(), point)));
        drop(waiting);
        if first {
            let engine = engine.downgrade();
            tokio::spawn(async move {
                tokio::time::sleep(GATHER).await;
                if let Some(engine) = engine.upgrade() {
                    tell(&engine);
                }
            });
        }
    }
}

fn tell(engine: &Engine) {
    let waiting = std::mem::take(&mut *engine.announcer().0.lock().unwrap_or_else(PoisonError::into_inner));
    let scopes: HashSet<Scope> = waiting.values().map(|waiting| waiting.scope).collect();
    for (run, waiting) in waiting {
        if !waiting.newest.is_empty() {
            let newest = waiting.newest.into_values().collect();
            engine.events().send(Event::Points { run, newest });
        }
        engine.changed(Tag::Run(run));
    }
    for scope in scopes {
        engine.changed(scope.tag());
    }
}
