//! What supervised runs have used of time, energy and money, and what they may use.

use api::{
    RunId, SearchId,
    spending::{Spent, Terms},
};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{column::Json, error::Result};

pub(crate) const CREATE: &str = "
CREATE TABLE run_spending (
    run      BLOB PRIMARY KEY REFERENCES run (id) ON DELETE CASCADE,
    terms    TEXT NOT NULL, -- JSON: prices and limits
    seconds  REAL NOT NULL, -- of processes that are over
    joules   REAL,          -- of processes that are over
    since_ms INTEGER,       -- when the process under way started
    now      REAL,          -- joules of the process under way
    cost     REAL,          -- up to the last news
    stopped  TEXT           -- why the budget stopped it
) WITHOUT ROWID;
";

#[derive(Debug, Clone, PartialEq)]
pub struct Spending {
    pub terms: Terms,
    /// Of processes that are over.
    pub seconds: f64,
    pub joules: Option<f64>,
    /// When the process under way started; `None` while none is.
    pub since_ms: Option<i64>,
    /// What the process under way has told of its energy.
    pub joules_now: Option<f64>,
    /// Why the budget stopped it, once it has.
    pub stopped: Option<String>,
}

impl Spending {
    /// Under new terms, with nothing used.
    pub const fn new(terms: Terms) -> Self {
        Self { terms, seconds: 0.0, joules: None, since_ms: None, joules_now: None, stopped: None }
    }

    /// All of its processes, the one under way until `now_ms`.
    pub fn spent(&self, now_ms: i64) -> Spent {
        let under_way = self.since_ms.map_or(0.0, |since| now_ms.saturating_sub(since).max(0) as f64 / 1000.0);
        let joules = match (self.joules, self.joules_now) {
            (None, None) => None,
            (before, now) => Some(before.unwrap_or(0.0) + now.unwrap_or(0.0)),
        };
        Spent::new(self.terms.clone(), self.seconds + under_way, joules)
    }

    /// A process of the run starts.
    pub fn begin(&mut self, now_ms: i64) {
        self.end(now_ms);
        self.since_ms = Some(now_ms);
    }

    /// The process under way is over.
    pub fn end(&mut self, now_ms: i64) {
        let spent = self.spent(now_ms);
        (self.seconds, self.joules) = (spent.seconds, spent.joules);
        (self.since_ms, self.joules_now) = (None, None);
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Spending> {
    Ok(Spending {
        terms: row.get::<_, Json<Terms>>(0)?.0,
        seconds: row.get(1)?,
        joules: row.get(2)?,
        since_ms: row.get(3)?,
        joules_now: row.get(4)?,
        stopped: row.get(5)?,
    })
}

pub fn get(connection: &Connection, run: RunId) -> Result<Option<Spending>> {
    let mut statement = connection
        .prepare_cached("SELECT terms, seconds, joules, since_ms, now, stopped FROM run_spending WHERE run = ?1")?;
    Ok(statement.query_row(params![run.as_bytes()], read).optional()?)
}

/// What each trial of a search has used.
pub fn of_search(connection: &Connection, search: SearchId) -> Result<Vec<Spending>> {
    let mut statement = connection.prepare_cached(
        "SELECT terms, seconds, joules, since_ms, now, stopped FROM trial JOIN run_spending ON run_spending.run = trial.run
         WHERE trial.search = ?1",
    )?;
    let rows = statement.query_map(params![search.as_bytes()], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Writes it down, with what it costs at `now_ms`.
pub fn put(transaction: &Transaction<'_>, run: RunId, spending: &Spending, now_ms: i64) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO run_spending (run, terms, seconds, joules, since_ms, now, cost, stopped)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            run.as_bytes(),
            Json(&spending.terms),
            spending.seconds,
            spending.joules,
            spending.since_ms,
            spending.joules_now,
            spending.spent(now_ms).cost,
            spending.stopped,
        ])?;
    Ok(())
}
