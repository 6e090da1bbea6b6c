//! Trainings and executed commands.

use std::collections::{BTreeMap, HashMap};

use api::{
    AlertId, ApiError, ExperimentId, JobId, ProjectId, RunId, SnapshotId, SplitId, VersionId,
    run::{Code, FoundRun, Run, RunKind, RunProgress, RunState},
    tracking::PARENT_TAG,
};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use crate::{
    column::{Json, Word},
    error::Result,
    id_column, logged_model, metric, of_runs, param, tag,
};

pub(crate) const CREATE: &str = "
CREATE TABLE run (
    id             BLOB PRIMARY KEY,
    project        BLOB NOT NULL REFERENCES project (id) ON DELETE CASCADE,
    experiment     BLOB NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    name           TEXT NOT NULL,
    kind           TEXT NOT NULL,
    state          TEXT NOT NULL,
    ended_because  TEXT,    -- JSON
    snapshot       BLOB REFERENCES snapshot (id),
    split          BLOB REFERENCES split (id),
    job            BLOB REFERENCES job (id) ON DELETE SET NULL,
    alert          BLOB,
    code           TEXT,    -- JSON
    seed           INTEGER,
    device         TEXT,
    model          TEXT,    -- what is trained: 'trees' …
    notes          TEXT NOT NULL,
    progress       TEXT,    -- JSON
    command        TEXT,    -- JSON
    exit_code      INTEGER,
    environment    TEXT NOT NULL,
    has_evaluation INTEGER NOT NULL,
    ranked_by      TEXT,    -- the validation metric that ranks, as a key
    ranked_value   REAL,
    more_is_better INTEGER,
    resumable      INTEGER NOT NULL,
    pid            INTEGER,
    pid_started_ms INTEGER,
    events_offset  INTEGER NOT NULL, -- bytes of events.jsonl whose rows are committed
    created_ms     INTEGER NOT NULL,
    started_ms     INTEGER,
    ended_ms       INTEGER
) WITHOUT ROWID;
CREATE INDEX run_project ON run (project, created_ms);
CREATE INDEX run_state ON run (state);
CREATE INDEX run_snapshot ON run (snapshot);
CREATE INDEX run_split ON run (split);
";

/// Version 3: a run of an experiment without a project, a client's user, deletion that can be undone, artifacts that
/// lie elsewhere.
///
/// Runs are counted, and their names looked for, in the indexes alone; an index of the names would be taken for
/// [`best`], too, which then goes through all of a project's runs.
pub(crate) const REBUILD: &str = "
CREATE TABLE run_new (
    id             BLOB PRIMARY KEY,
    project        BLOB REFERENCES project (id) ON DELETE CASCADE,
    experiment     BLOB NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
    name           TEXT NOT NULL,
    kind           TEXT NOT NULL,
    state          TEXT NOT NULL,
    ended_because  TEXT,    -- JSON
    snapshot       BLOB REFERENCES snapshot (id),
    split          BLOB REFERENCES split (id),
    job            BLOB REFERENCES job (id) ON DELETE SET NULL,
    alert          BLOB,
    code           TEXT,    -- JSON
    seed           INTEGER,
    device         TEXT,
    model          TEXT,    -- what is trained: 'trees' …
    notes          TEXT NOT NULL,
    progress       TEXT,    -- JSON
    command        TEXT,    -- JSON
    exit_code      INTEGER,
    environment    TEXT NOT NULL,
    has_evaluation INTEGER NOT NULL,
    ranked_by      TEXT,    -- the validation metric that ranks, as a key
    ranked_value   REAL,
    more_is_better INTEGER,
    resumable      INTEGER NOT NULL,
    pid            INTEGER,
    pid_started_ms INTEGER,
    events_offset  INTEGER NOT NULL, -- bytes of events.jsonl whose rows are committed
    created_ms     INTEGER NOT NULL,
    started_ms     INTEGER,
    ended_ms       INTEGER,
    user           TEXT,
    deleted_ms     INTEGER,
    artifacts      TEXT,    -- the folder of an imported run's artifacts
    address        TEXT     -- of its artifacts, as clients know it, of a run that was moved
) WITHOUT ROWID;
INSERT INTO run_new SELECT *, NULL, NULL, NULL, NULL FROM run;
DROP TABLE run;
ALTER TABLE run_new RENAME TO run;
CREATE INDEX run_project ON run (project, created_ms, deleted_ms, name);
CREATE INDEX run_experiment ON run (experiment, created_ms, deleted_ms);
CREATE INDEX run_ranked ON run (project, created_ms) WHERE ranked_by IS NOT NULL AND deleted_ms IS NULL;
CREATE INDEX run_state ON run (state);
CREATE INDEX run_snapshot ON run (snapshot);
CREATE INDEX run_split ON run (split);
CREATE INDEX run_job ON run (job) WHERE job IS NOT NULL;
CREATE INDEX run_alert ON run (alert) WHERE alert IS NOT NULL;
";

/// A run with what only its supervision needs.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    /// `params`, `tags`, `metrics` and `versions` are filled by [`get`] and ignored by writers.
    pub run: Run,
    pub model: Option<String>,
    /// Metric key, value, whether more is better.
    pub ranked: Option<(String, Option<f64>, bool)>,
    pub pid: Option<u32>,
    pub pid_started_ms: Option<i64>,
    pub events_offset: u64,
    /// Where an imported run's artifacts lie; of others in the run's folder.
    pub artifacts: Option<String>,
    /// Where clients find the artifacts, of a run that was moved: as it was told in its first experiment.
    pub address: Option<String>,
}

impl RunRow {
    /// A run of which nothing is known yet but what it is: queued, in the experiment of its project or of none.
    pub fn new(
        id: RunId,
        (experiment, project): (ExperimentId, Option<ProjectId>),
        name: String,
        kind: RunKind,
        created_ms: i64,
    ) -> Self {
        let run = Run {
            id,
            project,
            experiment,
            name,
            kind,
            state: RunState::Queued,
            ended_because: None,
            snapshot: None,
            snapshot_number: None,
            split: None,
            job: None,
            alert: None,
            code: None,
            seed: None,
            device: None,
            params: BTreeMap::new(),
            tags: BTreeMap::new(),
            notes: String::new(),
            metrics: Vec::new(),
            progress: None,
            command: None,
            exit_code: None,
            environment: BTreeMap::new(),
            versions: Vec::new(),
            has_evaluation: false,
            resumable: false,
            user: None,
            deleted_ms: None,
            spent: None,
            files_at: None,
            created_ms,
            started_ms: None,
            ended_ms: None,
        };
        Self {
            run,
            model: None,
            ranked: None,
            pid: None,
            pid_started_ms: None,
            events_offset: 0,
            artifacts: None,
            address: None,
        }
    }
}

const COLUMNS: &str = "id, project, experiment, name, kind, state, ended_because, snapshot, split, job, alert, code, seed, device, \
    model, notes, progress, command, exit_code, environment, has_evaluation, ranked_by, ranked_value, more_is_better, resumable, \
    pid, pid_started_ms, events_offset, created_ms, started_ms, ended_ms, user, deleted_ms, artifacts, address";

fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<T>> {
    Ok(row.get::<_, Option<Json<T>>>(index)?.map(|Json(value)| value))
}

fn read(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let ranked_by: Option<String> = row.get(21)?;
    let ranked_value: Option<f64> = row.get(22)?;
    let more_is_better: Option<bool> = row.get(23)?;
    Ok(RunRow {
        run: Run {
            id: id_column!(row, 0, RunId),
            project: id_column!(row, 1, Option<ProjectId>),
            experiment: id_column!(row, 2, ExperimentId),
            name: row.get(3)?,
            kind: row.get::<_, Word<RunKind>>(4)?.0,
            state: row.get::<_, Word<RunState>>(5)?.0,
            ended_because: json::<ApiError>(row, 6)?,
            snapshot: id_column!(row, 7, Option<SnapshotId>),
            snapshot_number: None,
            split: id_column!(row, 8, Option<SplitId>),
            job: id_column!(row, 9, Option<JobId>),
            alert: id_column!(row, 10, Option<AlertId>),
            code: json::<Code>(row, 11)?,
            seed: row.get::<_, Option<i64>>(12)?.map(|seed| seed as u64),
            device: row.get(13)?,
            params: BTreeMap::new(),
            tags: BTreeMap::new(),
            notes: row.get(15)?,
            metrics: Vec::new(),
            progress: json::<RunProgress>(row, 16)?,
            command: json(row, 17)?,
            exit_code: row.get(18)?,
            environment: row.get::<_, Json<BTreeMap<String, String>>>(19)?.0,
            versions: Vec::new(),
            has_evaluation: row.get(20)?,
            resumable: row.get(24)?,
            user: row.get(31)?,
            deleted_ms: row.get(32)?,
            spent: None,
            files_at: None,
            created_ms: row.get(28)?,
            started_ms: row.get(29)?,
            ended_ms: row.get(30)?,
        },
        model: row.get(14)?,
        ranked: ranked_by.map(|key| (key, ranked_value, more_is_better.unwrap_or(true))),
        pid: row.get(25)?,
        pid_started_ms: row.get(26)?,
        events_offset: row.get::<_, i64>(27)? as u64,
        artifacts: row.get(33)?,
        address: row.get(34)?,
    })
}

/// A run with its params, tags, metrics and versions.
pub fn get(connection: &Connection, id: RunId) -> Result<Option<RunRow>> {
    let Some(mut row) = bare(connection, id)? else { return Ok(None) };
    row.run.params = param::of_run(connection, id)?;
    row.run.tags = tag::of_run(connection, id)?;
    row.run.metrics = metric::summaries(connection, id)?;
    row.run.versions = versions(connection, id)?;
    if let Some(snapshot) = row.run.snapshot {
        row.run.snapshot_number = connection
            .prepare_cached("SELECT number FROM snapshot WHERE id = ?1")?
            .query_row(params![snapshot.as_bytes()], |row| row.get(0))
            .optional()?;
    }
    Ok(Some(row))
}

/// A run without what stands in other tables.
pub fn bare(connection: &Connection, id: RunId) -> Result<Option<RunRow>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM run WHERE id = ?1"))?;
    Ok(statement.query_row(params![id.as_bytes()], read).optional()?)
}

/// The same of several.
pub fn bare_of(connection: &Connection, ids: &[RunId]) -> Result<HashMap<RunId, RunRow>> {
    let mut found = HashMap::with_capacity(ids.len());
    of_runs::each(connection, &format!("SELECT {COLUMNS} FROM run WHERE id"), ids, &mut |row| {
        let row = read(row)?;
        found.insert(row.run.id, row);
        Ok(())
    })?;
    Ok(found)
}

/// The model versions made of a run.
pub fn versions(connection: &Connection, id: RunId) -> Result<Vec<VersionId>> {
    let mut statement = connection.prepare_cached("SELECT id FROM version WHERE run = ?1 ORDER BY id")?;
    let rows = statement.query_map(params![id.as_bytes()], |row| Ok(id_column!(row, 0, VersionId)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Supervised runs that were running or queued: after a start, what to adopt or to give up.
pub fn unfinished(connection: &Connection) -> Result<Vec<RunRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM run WHERE state IN ('queued', 'running') AND kind IN ('training', 'command') ORDER BY created_ms, id"
    ))?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// A client's run that nobody said is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open<'r> {
    pub id: RunId,
    pub name: &'r str,
    pub created_ms: i64,
    /// The run that it stands below, as its client says.
    pub parent: Option<&'r str>,
}

/// Looks at each of the clients' runs that nobody said are over, in no order: there may be a hundred thousand, of which none
/// is held.
pub fn each_open_of_clients(connection: &Connection, each: &mut dyn FnMut(Open<'_>) -> Result<()>) -> Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, created_ms, (SELECT value FROM tag WHERE tag.run = run.id AND tag.key = ?1)
         FROM run WHERE state = 'running' AND kind = 'client' AND deleted_ms IS NULL",
    )?;
    let mut rows = statement.query(params![PARENT_TAG])?;
    while let Some(row) = rows.next()? {
        each(Open {
            id: id_column!(row, 0, RunId),
            name: row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?,
            created_ms: row.get(2)?,
            parent: row.get_ref(3)?.as_str_or_null().map_err(rusqlite::Error::from)?,
        })?;
    }
    Ok(())
}

/// The time of a run's newest point.
pub fn logged_ms(connection: &Connection, id: RunId) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT max(time_ms) FROM metric WHERE run = ?1")?;
    Ok(statement.query_row(params![id.as_bytes()], |row| row.get(0))?)
}

/// The project's newest runs but searches, without what stands in other tables.
pub fn newest(connection: &Connection, project: ProjectId, limit: u32) -> Result<Vec<RunRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM run WHERE project = ?1 AND kind <> 'search' AND deleted_ms IS NULL
         ORDER BY created_ms DESC, id DESC LIMIT ?2"
    ))?;
    let rows = statement.query_map(params![project.as_bytes(), limit], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn best_by(order: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM run WHERE project = ?1 AND ranked_by = ?2 AND ranked_value IS NOT NULL AND deleted_ms IS NULL
         AND split IS (SELECT split FROM run WHERE project = ?1 AND ranked_by = ?2 AND ranked_value IS NOT NULL AND deleted_ms IS NULL
                       ORDER BY created_ms DESC LIMIT 1)
         ORDER BY ranked_value {order}, created_ms DESC LIMIT 1"
    )
}

/// The project's best finished run by its newest ranking metric, of those that were validated on the newest one's rows.
pub fn best(connection: &Connection, project: ProjectId) -> Result<Option<RunRow>> {
    let Some((key, more)) = ranking(connection, project)? else { return Ok(None) };
    let mut statement = connection.prepare_cached(&best_by(if more { "DESC" } else { "ASC" }))?;
    Ok(statement.query_row(params![project.as_bytes(), key], read).optional()?)
}

const RANKING: &str = "SELECT ranked_by, more_is_better FROM run
     WHERE project = ?1 AND ranked_by IS NOT NULL AND deleted_ms IS NULL ORDER BY created_ms DESC LIMIT 1";

/// The key that a project's runs are ranked by, and whether more is better: the newest run's.
pub fn ranking(connection: &Connection, project: ProjectId) -> Result<Option<(String, bool)>> {
    Ok(connection
        .prepare_cached(RANKING)?
        .query_row(params![project.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?)
}

const COUNT: &str = "SELECT count(*) FROM run WHERE project = ?1 AND deleted_ms IS NULL";

/// How many runs a project has.
pub fn count(connection: &Connection, project: ProjectId) -> Result<u64> {
    let count: i64 = connection.prepare_cached(COUNT)?.query_row(params![project.as_bytes()], |row| row.get(0))?;
    Ok(count as u64)
}

/// Every run's id and project, for the storage page and the collection.
pub fn ids(connection: &Connection, project: Option<ProjectId>) -> Result<Vec<RunId>> {
    let mut statement = connection.prepare_cached("SELECT id FROM run WHERE ?1 IS NULL OR project = ?1")?;
    let rows =
        statement.query_map(params![project.as_ref().map(ProjectId::as_bytes)], |row| Ok(id_column!(row, 0, RunId)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

const NAMED: &str = "SELECT EXISTS (SELECT 1 FROM run WHERE project = ?1 AND name = ?2)";

/// Whether a name is taken among the project's runs.
pub fn name_taken(connection: &Connection, project: ProjectId, name: &str) -> Result<bool> {
    Ok(connection.prepare_cached(NAMED)?.query_row(params![project.as_bytes(), name], |row| row.get(0))?)
}

/// What a run is called, a deleted one too.
pub fn name(connection: &Connection, id: RunId) -> Result<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT name FROM run WHERE id = ?1")?;
    Ok(statement.query_row([id.as_bytes()], |row| row.get(0)).optional()?)
}

/// A run of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub id: RunId,
    pub name: String,
    pub project: Option<ProjectId>,
    pub experiment: ExperimentId,
    pub experiment_name: String,
    pub experiment_deleted: bool,
    pub state: RunState,
    pub created_ms: i64,
    pub deleted: bool,
}

/// Runs that the beginning of an id may have: of more it says nothing.
const MOST_BEGUN: u32 = 200;

/// The beginning of an id is a stretch of them, which is looked up without reading what lies before or behind it.
const BEGUN: &str = "SELECT id FROM run WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT ?3";

const FOUND: &str = "SELECT id FROM run INDEXED BY run_project WHERE name = ?1 OR substr(id, 13) = ?2";

const TOLD: &str = "SELECT run.name, run.project, experiment.name, experiment.deleted_ms IS NOT NULL, run.created_ms,
     run.deleted_ms IS NOT NULL, run.state, run.experiment FROM run JOIN experiment ON experiment.id = run.experiment WHERE run.id = ?1";

/// The first and the last id that begin with these hex digits; `None` of what is too short or none.
fn beginning(digits: &str) -> Option<(RunId, RunId)> {
    let is_one = (6..=32).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let whole = |text: &str| u128::from_str_radix(text, 16).ok().map(|id| RunId::from_bytes(id.to_be_bytes()));
    if is_one { whole(&format!("{digits:0<32}")).zip(whole(&format!("{digits:f<32}"))) } else { None }
}

/// The runs of a name, or whose id ends in these eight hex digits, wherever they stand; where there is none, those whose id
/// begins with these digits, six at least.
pub fn named(connection: &Connection, named: &str) -> Result<Vec<Named>> {
    let is_short = named.len() == 8 && named.bytes().all(|digit| digit.is_ascii_hexdigit());
    let end = is_short.then(|| u32::from_str_radix(named, 16).ok()).flatten().map(u32::to_be_bytes);
    let mut found = connection.prepare_cached(FOUND)?;
    let ids = found.query_map(params![named, end], |row| Ok(id_column!(row, 0, RunId)))?;
    let mut ids = ids.collect::<rusqlite::Result<Vec<_>>>()?;
    if let (true, Some((first, last))) = (ids.is_empty(), beginning(named)) {
        let mut begun = connection.prepare_cached(BEGUN)?;
        let range = params![first.as_bytes(), last.as_bytes(), MOST_BEGUN];
        let found = begun.query_map(range, |row| Ok(id_column!(row, 0, RunId)))?;
        ids = found.collect::<rusqlite::Result<_>>()?;
    }
    let mut told = connection.prepare_cached(TOLD)?;
    let row = |id: RunId| {
        told.query_row(params![id.as_bytes()], |row| {
            Ok(Named {
                id,
                name: row.get(0)?,
                project: id_column!(row, 1, Option<ProjectId>),
                experiment: id_column!(row, 7, ExperimentId),
                experiment_name: row.get(2)?,
                experiment_deleted: row.get(3)?,
                created_ms: row.get(4)?,
                deleted: row.get(5)?,
                state: row.get::<_, Word<RunState>>(6)?.0,
            })
        })
    };
    Ok(ids.into_iter().map(row).collect::<rusqlite::Result<_>>()?)
}

/// Runs that point at a snapshot.
pub fn using_snapshot(connection: &Connection, snapshot: SnapshotId) -> Result<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT name FROM run WHERE snapshot = ?1 OR split IN (SELECT id FROM split WHERE snapshot = ?1) ORDER BY created_ms",
    )?;
    let rows = statement.query_map(params![snapshot.as_bytes()], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub project: Option<ProjectId>,
    pub experiment: ExperimentId,
    pub deleted: bool,
}

pub fn standing(connection: &Connection, id: RunId) -> Result<Option<Standing>> {
    let mut statement =
        connection.prepare_cached("SELECT project, experiment, deleted_ms IS NOT NULL FROM run WHERE id = ?1")?;
    let found = statement.query_row(params![id.as_bytes()], |row| {
        Ok(Standing {
            project: id_column!(row, 0, Option<ProjectId>),
            experiment: id_column!(row, 1, ExperimentId),
            deleted: row.get(2)?,
        })
    });
    Ok(found.optional()?)
}

/// The newest run with a series below another. The tag's key is written out: only so the index of it is used.
const NEWEST_BELOW: &str = "SELECT run.id FROM run
     JOIN tag ON tag.run = run.id AND tag.key = 'mlflow.parentRunId' AND tag.value = ?1
     JOIN metric ON metric.run = run.id AND metric.key = ?2
     WHERE run.created_ms >= ?3 ORDER BY run.created_ms DESC LIMIT 1";

/// The run that has a series: this one, or the newest that a client logged below it.
pub fn with_series(connection: &Connection, id: RunId, created_ms: i64, key: &str) -> Result<Option<RunId>> {
    if crate::metric::find(connection, id, key)?.is_some() {
        return Ok(Some(id));
    }
    let found = connection
        .prepare_cached(NEWEST_BELOW)?
        .query_row(params![id.to_string(), key, created_ms], |row| Ok(id_column!(row, 0, RunId)));
    Ok(found.optional()?)
}

/// Those that stand under a run; the key is written out for the same reason.
const BELOW: &str = "FROM run WHERE id IN (SELECT run FROM tag WHERE key = 'mlflow.parentRunId' AND value = ?1)
     AND deleted_ms IS NULL";

/// The runs that stand under another and are not deleted, oldest first, and how many there are.
pub fn below(connection: &Connection, parent: RunId, limit: u32) -> Result<(Vec<RunRow>, u64)> {
    let parent = parent.to_string();
    let total = connection
        .prepare_cached(&format!("SELECT count(*) {BELOW}"))?
        .query_row(params![parent], |row| row.get::<_, i64>(0))?;
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} {BELOW} ORDER BY created_ms, id LIMIT ?2"))?;
    let rows = statement.query_map(params![parent, limit], read)?.collect::<rusqlite::Result<_>>()?;
    Ok((rows, total.unsigned_abs()))
}

/// The runs of one experiment that stand under another and are not deleted, oldest first.
pub fn below_in(connection: &Connection, parent: RunId, experiment: ExperimentId) -> Result<Vec<RunRow>> {
    let sql = format!("SELECT {COLUMNS} {BELOW} AND experiment = ?2 ORDER BY created_ms, id");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query_map(params![parent.to_string(), experiment.as_bytes()], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// All names, from an index that has them: no run is read for its own.
const NAMES: &str = "SELECT id, name, created_ms FROM run WHERE deleted_ms IS NULL";

/// The newest runs whose names have all of these words, which are in small letters; deleted ones are left out.
pub fn called(connection: &Connection, words: &[String], limit: usize) -> Result<Vec<FoundRun>> {
    let mut names = connection.prepare_cached(NAMES)?;
    let mut rows = names.query([])?;
    let mut fits: Vec<(i64, RunId)> = Vec::new();
    while let Some(row) = rows.next()? {
        let name = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?.to_lowercase();
        if words.iter().all(|word| name.contains(word.as_str())) {
            fits.push((row.get(2)?, id_column!(row, 0, RunId)));
        }
    }
    fits.sort_unstable_by(|left, right| right.cmp(left));
    fits.truncate(limit);
    let mut one = connection.prepare_cached(
        "SELECT id, name, (SELECT experiment.name FROM experiment WHERE experiment.id = run.experiment), state, created_ms
         FROM run WHERE id = ?1",
    )?;
    let mut found = Vec::with_capacity(fits.len());
    for (_, id) in fits {
        let run = one.query_row([id.as_bytes()], |row| {
            Ok(FoundRun {
                id: id_column!(row, 0, RunId),
                name: row.get(1)?,
                experiment: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                state: row.get::<_, Word<RunState>>(3)?.0,
                created_ms: row.get(4)?,
            })
        });
        found.extend(run.optional()?);
    }
    Ok(found)
}

/// The runs of an experiment, deleted ones too.
pub fn of_experiment(connection: &Connection, experiment: ExperimentId) -> Result<Vec<RunId>> {
    let mut statement = connection.prepare_cached("SELECT id FROM run WHERE experiment = ?1")?;
    let rows = statement.query_map(params![experiment.as_bytes()], |row| Ok(id_column!(row, 0, RunId)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Marks all of an experiment's runs as deleted that are not.
pub fn mark_all(transaction: &Transaction<'_>, experiment: ExperimentId, at_ms: i64) -> Result<()> {
    transaction
        .prepare_cached("UPDATE run SET deleted_ms = ?2 WHERE experiment = ?1 AND deleted_ms IS NULL")?
        .execute(params![experiment.as_bytes(), at_ms])?;
    Ok(())
}

/// Takes the mark from an experiment's runs; with `at_ms` from those alone that were deleted then. Those of a project that
/// was deleted come back with that alone.
pub fn unmark(transaction: &Transaction<'_>, experiment: ExperimentId, at_ms: Option<i64>) -> Result<()> {
    let there = crate::project::is_there("run.project");
    transaction
        .prepare_cached(&format!(
            "UPDATE run SET deleted_ms = NULL WHERE experiment = ?1 AND (?2 IS NULL OR deleted_ms = ?2) AND {there}"
        ))?
        .execute(params![experiment.as_bytes(), at_ms])?;
    Ok(())
}

/// When a run of an experiment was deleted last, of those that still can be restored.
pub fn last_deleted(connection: &Connection, experiment: ExperimentId) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT max(deleted_ms) FROM run WHERE experiment = ?1")?;
    Ok(statement.query_row(params![experiment.as_bytes()], |row| row.get(0))?)
}

/// The name of a run of an experiment that we supervise and that is not over, the oldest first.
pub fn under_way(connection: &Connection, experiment: ExperimentId) -> Result<Option<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT name FROM run WHERE experiment = ?1 AND state IN ('queued', 'running')
         AND kind IN ('training', 'command', 'search') ORDER BY created_ms, id LIMIT 1",
    )?;
    Ok(statement.query_row(params![experiment.as_bytes()], |row| row.get(0)).optional()?)
}

/// Moves a run, and with it the models that it logged; `address` is where clients find its artifacts.
pub fn move_to(
    transaction: &Transaction<'_>,
    id: RunId,
    experiment: ExperimentId,
    project: Option<ProjectId>,
    address: &str,
) -> Result<()> {
    transaction
        .prepare_cached("UPDATE run SET experiment = ?2, project = ?3, address = ?4 WHERE id = ?1")?
        .execute(params![id.as_bytes(), experiment.as_bytes(), project.as_ref().map(ProjectId::as_bytes), address])?;
    logged_model::move_to(transaction, id, experiment)
}

/// Whether an experiment has a run, deleted or not, that we supervise: it is its project's.
pub fn has_supervised(connection: &Connection, experiment: ExperimentId) -> Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM run WHERE experiment = ?1 AND kind IN ('training', 'command', 'search'))",
    )?;
    Ok(statement.query_row(params![experiment.as_bytes()], |row| row.get(0))?)
}

pub fn rename(transaction: &Transaction<'_>, id: RunId, name: &str) -> Result<()> {
    transaction.prepare_cached("UPDATE run SET name = ?2 WHERE id = ?1")?.execute(params![id.as_bytes(), name])?;
    Ok(())
}

/// Writes what a client changes of a run: its name, state and end.
pub fn set_end(transaction: &Transaction<'_>, run: &Run) -> Result<()> {
    transaction
        .prepare_cached("UPDATE run SET name = ?2, state = ?3, ended_ms = ?4 WHERE id = ?1")?
        .execute(params![run.id.as_bytes(), run.name, Word(run.state), run.ended_ms])?;
    Ok(())
}

pub fn set_notes(transaction: &Transaction<'_>, id: RunId, notes: &str) -> Result<()> {
    transaction.prepare_cached("UPDATE run SET notes = ?2 WHERE id = ?1")?.execute(params![id.as_bytes(), notes])?;
    Ok(())
}

/// Enters a run, or writes all of its own columns again.
pub fn put(transaction: &Transaction<'_>, row: &RunRow) -> Result<()> {
    let run = &row.run;
    let (ranked_by, ranked_value, more) = match &row.ranked {
        Some((key, value, more)) => (Some(key), *value, Some(*more)),
        None => (None, None, None),
    };
    transaction
        .prepare_cached(&format!(
            "INSERT INTO run ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
             ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35)
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, state = excluded.state, ended_because = excluded.ended_because,
             snapshot = excluded.snapshot, split = excluded.split, job = excluded.job, alert = excluded.alert, code = excluded.code,
             seed = excluded.seed, device = excluded.device, model = excluded.model, notes = excluded.notes,
             progress = excluded.progress, command = excluded.command, exit_code = excluded.exit_code,
             environment = excluded.environment, has_evaluation = excluded.has_evaluation, ranked_by = excluded.ranked_by,
             ranked_value = excluded.ranked_value, more_is_better = excluded.more_is_better, resumable = excluded.resumable,
             pid = excluded.pid, pid_started_ms = excluded.pid_started_ms, events_offset = excluded.events_offset,
             started_ms = excluded.started_ms, ended_ms = excluded.ended_ms, user = excluded.user,
             deleted_ms = excluded.deleted_ms, artifacts = excluded.artifacts"
        ))?
        .execute(params![
            run.id.as_bytes(),
            run.project.as_ref().map(ProjectId::as_bytes),
            run.experiment.as_bytes(),
            run.name,
            Word(run.kind),
            Word(run.state),
            run.ended_because.as_ref().map(Json),
            run.snapshot.as_ref().map(SnapshotId::as_bytes),
            run.split.as_ref().map(SplitId::as_bytes),
            run.job.as_ref().map(JobId::as_bytes),
            run.alert.as_ref().map(AlertId::as_bytes),
            run.code.as_ref().map(Json),
            run.seed.map(|seed| seed as i64),
            run.device,
            row.model,
            run.notes,
            run.progress.as_ref().map(Json),
            run.command.as_ref().map(Json),
            run.exit_code,
            Json(&run.environment),
            run.has_evaluation,
            ranked_by,
            ranked_value,
            more,
            run.resumable,
            row.pid,
            row.pid_started_ms,
            row.events_offset as i64,
            run.created_ms,
            run.started_ms,
            run.ended_ms,
            run.user,
            run.deleted_ms,
            row.artifacts,
            row.address,
        ])?;
    Ok(())
}

pub fn delete(transaction: &Transaction<'_>, id: RunId) -> Result<()> {
    transaction.prepare_cached("DELETE FROM run WHERE id = ?1")?.execute(params![id.as_bytes()])?;
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// How SQLite answers a query in a database of the newest version.
    pub(crate) fn plan(sql: &str) -> String {
        let mut connection = Connection::open_in_memory().unwrap();
        crate::migrate::migrate(&mut connection, std::path::Path::new("in memory")).unwrap();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let values = vec![rusqlite::types::Null; statement.parameter_count()];
        let steps = statement.query_map(rusqlite::params_from_iter(values), |row| row.get(3)).unwrap();
        steps.collect::<rusqlite::Result<Vec<String>>>().unwrap().join("; ")
    }

    pub(crate) fn check(sql: &str, expect: &[&str]) {
        let plan = plan(sql);
        let scans = plan.replace("SCAN CONSTANT ROW", "").contains("SCAN");
        assert!(expect.iter().all(|step| plan.contains(step)) && !scans, "{sql}: {plan}");
    }

    #[test]
    fn lists_and_counts_read_no_run_that_they_do_not_tell() {
        check(COUNT, &["run USING COVERING INDEX run_project (project=?)"]);
        check(NAMED, &["run USING COVERING INDEX run_project (project=?)"]);
        check(crate::experiment::RUNS, &["run USING COVERING INDEX run_experiment (experiment=?)"]);
        check(RANKING, &["run USING INDEX run_ranked (project=?)"]);
        // Those of the newest one's split, which the newest that is ranked names.
        check(&best_by("ASC"), &["run USING INDEX run_split (split=?)", "run USING INDEX run_ranked (project=?)"]);
    }

    #[test]
    fn what_the_points_of_a_run_take_is_read_where_they_stand() {
        let by_series = ["points USING PRIMARY KEY (series=?)", "tail USING PRIMARY KEY (series=?)"];
        check(crate::points::BYTES_OF_RUN, &by_series);
    }

    #[test]
    fn names_are_looked_through_without_their_runs() {
        assert!(plan(NAMES).contains("run USING COVERING INDEX run_project"), "{}", plan(NAMES));
    }

    #[test]
    fn a_name_is_looked_for_in_an_index_alone() {
        assert!(plan(FOUND).contains("SCAN run USING COVERING INDEX run_project"), "{}", plan(FOUND));
        check(BEGUN, &["run USING PRIMARY KEY (id>? AND id<?)"]);
        check(TOLD, &["run USING PRIMARY KEY (id=?)", "experiment USING PRIMARY KEY (id=?)"]);
    }

    #[test]
    fn a_beginning_of_an_id_is_a_stretch_of_them() {
        let whole = "019A0b0000007000800000000000000c";
        let (first, last) = beginning("019a0b").unwrap();
        let id: RunId = whole.parse().unwrap();
        assert!(first < id && id < last);
        assert_eq!(beginning(whole), Some((id, id)));
        for wrong in ["", "019a0", "019a0g", "+19a0b", &format!("{whole}0")] {
            assert_eq!(beginning(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn of_what_names_its_job_or_alert_no_other_run_is_read() {
        // What SQLite does by itself to runs whose job is deleted, and what each alert asks.
        for column in ["job", "alert"] {
            let index = format!("run USING COVERING INDEX run_{column} ({column}=?)");
            check(&format!("SELECT id FROM run WHERE {column} = ?1"), &[&index]);
        }
    }

    #[test]
    fn of_the_runs_below_a_run_only_those_are_read() {
        check(NEWEST_BELOW, &["tag USING COVERING INDEX tag_parent (value=?)", "metric USING"]);
        check(&format!("SELECT count(*) {BELOW}"), &["run USING", "tag USING COVERING INDEX tag_parent (value=?)"]);
        for sql in [NEWEST_BELOW, BELOW, crate::tag::PARENT] {
            assert!(sql.contains(&format!("'{PARENT_TAG}'")), "{sql}");
        }
    }
}
