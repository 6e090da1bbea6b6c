//! What clients of the MLflow protocol log, and experiments beyond one project.
//!
//! The wire is the server's: here stand the meanings. Whatever a client may do, a person may do by the window and the
//! command line too, through the same functions. The exceptions are what programs say of themselves (values, params,
//! datasets, files, a run's begin and end, versions of files that lie elsewhere), deleting single files, and the tags
//! of experiments and of logged models: these a person sees, and a client changes.

pub mod artifacts;
pub mod client;
pub mod experiments;
pub mod folders;
pub mod gone;
pub mod history;
pub mod logged;
pub(crate) mod measured;
mod own_run;
pub mod registered;
pub mod registry;
pub(crate) mod texts;
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
};

use crate::{
    Engine,
    run::{self, Lists},
};

/// How long what clients log is gathered before it is announced: a thousand small requests a second are not a thousand
/// announcements.
const GATHER: Duration = Duration::from_millis(200);

/// A client's run may be quiet for so long and still be under way.
const QUIET: Duration = Duration::from_secs(24 * 3600);

/// What was logged and not announced yet, and which runs clients wrote to.
#[derive(Debug, Default)]
pub(crate) struct Announcer {
    waiting: Mutex<HashMap<RunId, Waiting>>,
    /// When a client last wrote to its run, since this host started.
    touched: Mutex<HashMap<RunId, i64>>,
}

#[derive(Debug)]
struct Waiting {
    /// None where nothing of the run itself changed.
    lists: Option<Lists>,
    newest: BTreeMap<String, NewestPoint>,
}

impl Announcer {
    /// Notes that a client wrote to its run.
    pub(crate) fn touch(engine: &Engine, run: RunId) {
        engine.announcer().touched.lock().unwrap_or_else(PoisonError::into_inner).insert(run, engine.now_ms());
    }

    /// Announces a run's newest points and its change, soon. The run table knows of it at once.
    pub(crate) fn soon(engine: &Engine, run: RunId, lists: Lists, newest: Vec<NewestPoint>) {
        engine.board().touch(run);
        Self::touch(engine, run);
        Self::gather(engine, run, Some(lists), newest);
    }

    /// Announces soon that a run's page shows something else, such as what stands below it: no list does.
    pub(crate) fn page_soon(engine: &Engine, run: RunId) {
        Self::gather(engine, run, None, Vec::new());
    }

    fn gather(engine: &Engine, run: RunId, lists: Option<Lists>, newest: Vec<NewestPoint>) {
        let mut waiting = engine.announcer().waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let first = waiting.is_empty();
        let entry = waiting.entry(run).or_insert_with(|| Waiting { lists, newest: BTreeMap::new() });
        entry.lists = entry.lists.or(lists);
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

/// Clients' runs that are under way.
pub(crate) struct UnderWay {
    /// Of those that were begun first.
    pub(crate) names: Vec<String>,
    /// Of all.
    pub(crate) count: usize,
}

/// Clients' runs that are under way as far as anybody can tell: not over by their clients' word, and begun, logged to
/// or changed within a day. One below a program's run that is over ended with that program. Those that their
/// budget ended go on with their processes, whose clients may log more. `named` of them are named.
pub(crate) async fn under_way(engine: &Engine, named: usize) -> anyhow::Result<UnderWay> {
    let now_ms = engine.now_ms();
    // A client says its own times: one that is far ahead would never end.
    let is_recent = move |at_ms: i64| at_ms.abs_diff(now_ms) <= QUIET.as_millis() as u64;
    let touched = || engine.announcer().touched.lock().unwrap_or_else(PoisonError::into_inner);
    let recent: HashSet<RunId> =
        touched().iter().filter(|(_, at_ms)| is_recent(**at_ms)).map(|(run, _)| *run).collect();
    let (first, count, known) = engine
        .store()
        .read(move |c| {
            let mut ended: HashMap<RunId, bool> = HashMap::new();
            let mut is_over = |run: RunId| -> store::Result<bool> {
                if let Some(known) = ended.get(&run) {
                    return Ok(*known);
                }
                let row = store::run::bare(c, run)?;
                let over = row.is_some_and(|row| row.run.kind.is_supervised() && row.run.state.is_over());
                ended.insert(run, over);
                Ok(over)
            };
            let mut first: BTreeMap<(i64, RunId), String> = BTreeMap::new();
            let (mut count, mut known) = (0, HashSet::new());
            store::run::each_open_of_clients(c, &mut |run| {
                let parent = run.parent.and_then(|parent| parent.parse().ok());
                if parent.map(&mut is_over).transpose()?.unwrap_or(false) {
                    return Ok(());
                }
                let is_touched = recent.contains(&run.id);
                if is_touched {
                    known.insert(run.id);
                }
                let is_under_way =
                    is_touched || is_recent(run.created_ms) || store::run::logged_ms(c, run.id)?.is_some_and(is_recent);
                if is_under_way {
                    count += 1;
                    let place = (run.created_ms, run.id);
                    if first.len() < named || first.last_key_value().is_some_and(|(last, _)| place < *last) {
                        first.insert(place, run.name.to_owned());
                    }
                    if first.len() > named {
                        first.pop_last();
                    }
                }
                Ok(())
            })?;
            Ok((first, count, known))
        })
        .await?;
    // One that was begun since the read stays.
    touched().retain(|run, at_ms| *at_ms >= now_ms || known.contains(run) && is_recent(*at_ms));
    let spent = engine.measured().spent().await?;
    let count = count + spent.len();
    Ok(UnderWay { names: first.into_values().chain(spent).take(named).collect(), count })
}

fn tell(engine: &Engine) {
    let waiting = std::mem::take(&mut *engine.announcer().waiting.lock().unwrap_or_else(PoisonError::into_inner));
    let lists: Vec<Lists> = waiting.values().filter_map(|waiting| waiting.lists).collect();
    for (run, waiting) in waiting {
        if !waiting.newest.is_empty() {
            let newest = waiting.newest.into_values().collect();
            engine.events().send(Event::Points { run, newest });
        }
        // The run table knows of what it shows since that was committed: read anew once more, the runs of a flood would
        // hold up the next search.
        engine.events().send(Event::Changed { tag: Tag::Run(run) });
    }
    run::announce_lists(engine, lists);
}
