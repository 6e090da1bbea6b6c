//! The run table in memory: a column a key, so that any filter, order and group over a hundred thousand runs takes
//! milliseconds.
//!
//! An experiment is read when it is first asked for. Whoever commits something of a run announces it (`Tag::Run`), and
//! what was announced is read anew before the next answer: what was acknowledged is found.

mod cells;
mod column;
mod commonest;
mod datasets;
mod groups;
mod matching;
mod order;
mod patience;
mod rows;
mod values;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use api::{ExperimentId, RunId};
use store::{
    Connection,
    run_columns::{self, Of, RunHead},
    run_input::{self, DatasetHead},
};

use super::filter::{Field, Filter};
pub(crate) use cells::{Column, Told, moment, number};
use column::{Columns, Numbers, Texts};
pub(crate) use commonest::Commonest;
use datasets::Datasets;
pub(crate) use groups::{GroupOrder, Grouping, Members};
use patience::Patience;
pub(crate) use patience::{Asked, Asking};
use rows::Rows;

/// How long a change of a table waits for those who read it, before it copies the table.
const READERS: Duration = Duration::from_millis(100);
/// Room for so many changed runs is kept.
const STALE: usize = 1_024;
/// Rows that are matched together, by one condition after the other; between two it is seen whether that goes on.
const BLOCK: usize = 1_024;
/// What a metric takes beside its key where it is told, about.
const METRIC_BYTES: usize = 64;

/// The tables of the experiments that were asked for, and the runs that changed since they were read.
#[derive(Debug, Default)]
pub(crate) struct Board {
    tables: Mutex<Tables>,
    stale: Mutex<Stale>,
    /// The workspace is being closed: no search goes on.
    closing: Arc<AtomicBool>,
}

/// Whoever searches keeps the tables as they were: the lock is not held while rows are matched.
type Tables = HashMap<ExperimentId, Arc<Table>>;

/// Runs that changed, each with when that was announced.
#[derive(Debug, Default)]
struct Stale {
    now: u64,
    runs: HashMap<RunId, u64>,
    /// What was announced up to here is read, and forgotten.
    read: u64,
}

/// A moment between announcements. Taken before a transaction begins, it says what that transaction sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(u64);

/// One order of the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    pub field: Field,
    pub descending: bool,
}

/// Which of the runs that can be restored are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum View {
    #[default]
    Active,
    Deleted,
    All,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub experiments: Vec<ExperimentId>,
    pub view: View,
    pub filter: Filter,
    /// The first counts most; the newest stand first among equals.
    pub orders: Vec<Order>,
    pub offset: u64,
    pub limit: u64,
}

/// A page of runs in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    pub runs: Vec<RunId>,
    /// How many match in all.
    pub total: u64,
}

/// An experiment's runs by column.
#[derive(Debug, Clone)]
struct Table {
    experiment: ExperimentId,
    rows: Rows,
    /// It was read by one who saw everything that was forgotten as read.
    is_current: bool,
    /// Each row's: apart from the rows, since every search looks at all of them.
    standing: Vec<Standing>,
    /// Bytes of each row's notes, metrics, params and tags, about.
    bytes: Vec<u32>,
    metrics: Columns<Numbers>,
    params: Columns<Texts>,
    tags: Columns<Texts>,
    datasets: Datasets,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Active,
    Deleted,
    /// Runs that are not there any more leave their row empty.
    Gone,
}

impl Standing {
    const fn of(head: &RunHead) -> Self {
        if head.deleted { Self::Deleted } else { Self::Active }
    }

    fn is_in(self, view: View) -> bool {
        match view {
            View::Active => self == Self::Active,
            View::Deleted => self == Self::Deleted,
            View::All => self != Self::Gone,
        }
    }
}

impl Board {
    /// Notes that something of a run was committed.
    pub(crate) fn touch(&self, run: RunId) {
        let mut stale = locked(&self.stale);
        stale.now += 1;
        let now = stale.now;
        stale.runs.insert(run, now);
    }

    /// To be asked before the connection that [`Self::page`] is given begins to read. What is asked by it ends once
    /// the second is dropped, as it is when a caller goes away.
    pub(crate) fn ask(&self) -> (Asked, Asking) {
        let moment = Moment(locked(&self.stale).now);
        patience::ask(moment, Arc::clone(&self.closing))
    }

    /// Ends every search, now and later.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Forgets an experiment's table: it is read whole when it is asked for again.
    pub(crate) fn forget(&self, experiment: ExperimentId) {
        locked(&self.tables).remove(&experiment);
    }

    /// The runs that match, in their order. Blocks; `connection` sees everything that was announced before it was asked.
    pub(crate) fn page(&self, connection: &Connection, asked: &Asked, query: &Query) -> store::Result<Page> {
        Ok(self.page_within(connection, asked, query, usize::MAX)?.0)
    }

    /// The same of runs that have so many bytes together at most, about, but one in any case; and how many they have.
    pub(crate) fn page_within(
        &self,
        connection: &Connection,
        asked: &Asked,
        query: &Query,
        most_bytes: usize,
    ) -> store::Result<(Page, usize)> {
        let tables = self.fresh(connection, asked.moment, &query.experiments)?;
        let (only, matched) = matched(connection, &tables, query, asked)?;
        let total = matched.len() as u64;
        let names = cells::experiments(connection, query.experiments.iter().copied(), cells::sorts(query))?;
        let count = query.offset.saturating_add(query.limit);
        let sorted = order::first(&only, matched, (&query.orders, &names), count, &asked.patience())?;
        let (mut runs, mut bytes) = (Vec::new(), 0_usize);
        for (index, row) in sorted.into_iter().skip(query.offset as usize) {
            let (table, row) = (only[index], row as usize);
            let with = bytes.saturating_add(table.bytes[row] as usize);
            if with > most_bytes && !runs.is_empty() {
                break;
            }
            bytes = with;
            runs.push(table.rows.run(row).id());
        }
        Ok((Page { runs, total }, bytes))
    }

    /// The keys that occur: of metrics, of params, of tags, sorted.
    pub(crate) fn keys(
        &self,
        connection: &Connection,
        asked: &Asked,
        experiments: &[ExperimentId],
    ) -> store::Result<[Vec<String>; 3]> {
        let tables = self.fresh(connection, asked.moment, experiments)?;
        let mut keys: [BTreeSet<&String>; 3] = Default::default();
        for table in experiments.iter().filter_map(|id| tables.get(id)) {
            keys[0].extend(table.metrics.iter().filter(|(_, column)| column.any()).map(|(key, _)| key));
            keys[1].extend(table.params.iter().filter(|(_, column)| column.any()).map(|(key, _)| key));
            keys[2].extend(table.tags.iter().filter(|(_, column)| column.any()).map(|(key, _)| key));
        }
        Ok(keys.map(|keys| keys.into_iter().cloned().collect()))
    }

    /// The datasets that runs of experiments were given, deleted runs too, each once: `most` at most.
    pub(crate) fn datasets(
        &self,
        connection: &Connection,
        asked: &Asked,
        (experiments, most): (&[ExperimentId], usize),
    ) -> store::Result<Vec<(ExperimentId, DatasetHead)>> {
        let tables = self.fresh(connection, asked.moment, experiments)?;
        let mut found = Vec::new();
        for (experiment, table) in experiments.iter().filter_map(|id| tables.get(id).map(|table| (*id, table))) {
            let of = table.datasets.of(|row| table.standing[row] != Standing::Gone);
            found.extend(of.into_iter().take(most - found.len()).map(|dataset| (experiment, dataset.clone())));
        }
        Ok(found)
    }

    /// The tables with everything that was announced before `moment`. What was announced later is read too, and again
    /// the next time: this connection may not see it yet.
    fn fresh(&self, connection: &Connection, moment: Moment, experiments: &[ExperimentId]) -> store::Result<Tables> {
        let mut tables = locked(&self.tables);
        let stale: Vec<RunId> = locked(&self.stale).runs.keys().copied().collect();
        let is_current = |id: &&ExperimentId| tables.get(id).is_some_and(|table| table.is_current);
        let loaded: Vec<ExperimentId> = experiments.iter().filter(|id| !is_current(id)).copied().collect();
        let Moment(moment) = moment;
        // Another, who saw more, may have read and forgotten what this connection does not see.
        let sees_all = moment >= locked(&self.stale).read;
        for experiment in &loaded {
            let table = Table::read(connection, *experiment)?;
            tables.insert(*experiment, Arc::new(Table { is_current: sees_all, ..table }));
        }
        // What was read whole just now holds whatever this connection sees.
        let has_older = tables.keys().any(|id| !loaded.contains(id));
        for run in stale.iter().filter(|_| has_older) {
            let head = run_columns::head_of(connection, *run)?;
            for (experiment, table) in &mut *tables {
                match head.as_ref().filter(|head| head.experiment == *experiment) {
                    Some(_) if loaded.contains(experiment) => {}
                    Some(head) => own(table).put(connection, head)?,
                    None if table.has(*run) => own(table).remove(*run),
                    None => {}
                }
            }
        }
        let mut left = locked(&self.stale);
        left.runs.retain(|_, announced| *announced > moment);
        // A hundred thousand that were announced before anybody asked leave no room behind.
        if left.runs.is_empty() && left.runs.capacity() > STALE {
            left.runs.shrink_to_fit();
        }
        left.read = left.read.max(moment);
        drop(left);
        Ok(experiments.iter().filter_map(|id| tables.get(id).map(|table| (*id, Arc::clone(table)))).collect())
    }
}

impl Table {
    fn read(connection: &Connection, experiment: ExperimentId) -> store::Result<Self> {
        let mut table = Self {
            experiment,
            rows: Rows::default(),
            is_current: false,
            standing: Vec::new(),
            bytes: Vec::new(),
            metrics: Columns::default(),
            params: Columns::default(),
            tags: Columns::default(),
            datasets: Datasets::default(),
        };
        run_columns::heads(connection, experiment, &mut |head| {
            table.place(&head);
        })?;
        table.fill(connection, Of::Experiment(experiment))?;
        Ok(table)
    }

    /// Replaces a run's row, or adds it.
    fn put(&mut self, connection: &Connection, head: &RunHead) -> store::Result<()> {
        let row = self.place(head);
        self.metrics.values_mut().for_each(|column| column.clear(row));
        self.params.values_mut().chain(self.tags.values_mut()).for_each(|column| column.clear(row));
        self.datasets.clear(row);
        self.fill(connection, Of::Run(head.id))
    }

    fn place(&mut self, head: &RunHead) -> usize {
        let row = self.rows.put(head);
        if row == self.standing.len() {
            self.standing.push(Standing::of(head));
            self.bytes.push(0);
        }
        (self.standing[row], self.bytes[row]) = (Standing::of(head), 0);
        add(&mut self.bytes, row, head.notes.len());
        row
    }

    fn fill(&mut self, connection: &Connection, of: Of) -> store::Result<()> {
        let Self { rows, bytes, metrics, params, tags, datasets, .. } = self;
        // A run's values come one after another: it is looked up once for all of them.
        let mut before: Option<(RunId, Option<usize>)> = None;
        let mut row_of = |run: RunId| match before {
            Some((known, row)) if known == run => row,
            _ => {
                let row = rows.place(run);
                before = Some((run, row));
                row
            }
        };
        run_columns::metrics(connection, of, &mut |run, key, value| {
            if let Some(row) = row_of(run) {
                metrics.named(key).set(row, value);
                add(bytes, row, key.len() + METRIC_BYTES);
            }
        })?;
        run_input::heads(connection, of, &mut |run, dataset| {
            if let Some(row) = row_of(run) {
                datasets.add(row, dataset);
            }
        })?;
        for (table, columns) in [("param", params), ("tag", tags)] {
            run_columns::texts(connection, table, of, &mut |run, key, value| {
                if let Some(row) = row_of(run) {
                    columns.named(key).set(row, value);
                    add(bytes, row, key.len() + value.len());
                }
            })?;
        }
        Ok(())
    }

    fn has(&self, run: RunId) -> bool {
        self.rows.place(run).is_some_and(|row| self.standing[row] != Standing::Gone)
    }

    fn remove(&mut self, run: RunId) {
        if let Some(row) = self.rows.place(run) {
            self.standing[row] = Standing::Gone;
        }
    }
}

/// Adds to the bytes of a row.
fn add(bytes: &mut [u32], row: usize, more: usize) {
    bytes[row] = bytes[row].saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
}

/// The tables that are asked, and where in them the rows stand that match: the table's index, the row's.
type Matched<'t> = (Vec<&'t Table>, Vec<(usize, u32)>);

fn matched<'t>(
    connection: &Connection,
    tables: &'t Tables,
    query: &'t Query,
    asked: &Asked,
) -> store::Result<Matched<'t>> {
    let chosen: Vec<(ExperimentId, &Table)> =
        query.experiments.iter().filter_map(|id| tables.get(id).map(|table| (*id, &**table))).collect();
    let mut matched: Vec<(usize, u32)> = Vec::new();
    let patience = asked.patience();
    for (index, (experiment, table)) in chosen.iter().enumerate() {
        let place = matching::Place::of(connection, *experiment, query.experiments.len() > 1);
        let test = matching::Test::of(&place, table, &query.filter, &patience)?;
        for (block, standing) in table.standing.chunks(BLOCK).enumerate() {
            let first = block * BLOCK;
            let mut rows: Vec<bool> = standing.iter().map(|standing| standing.is_in(query.view)).collect();
            test.narrow(table, (first, &mut rows), &patience)?;
            let passing = rows.iter().enumerate().filter(|(_, passes)| **passes);
            matched.extend(passing.map(|(at, _)| (index, (first + at) as u32)));
        }
    }
    Ok((chosen.into_iter().map(|(_, table)| table).collect(), matched))
}

/// The table to be changed. Whoever reads it is waited for a little, since most are done at once; beside a search that
/// takes long the table is copied, once for each such search.
fn own(table: &mut Arc<Table>) -> &mut Table {
    let until = Instant::now() + READERS;
    while Arc::get_mut(table).is_none() && Instant::now() < until {
        std::thread::sleep(Duration::from_micros(200));
    }
    Arc::make_mut(table)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
