//! What was watched of a deployment: fetched segments of its request log, closed windows with the pieces of
//! segments that they took, gaps.

use api::{DeploymentId, VersionId, WindowId, drift::DriftReport, monitor::Gap};
use rusqlite::{Connection, Error, OptionalExtension as _, Row, Transaction, params};

use crate::{column::Json, error::Result, id_column};

pub(crate) const CREATE: &str = "
CREATE TABLE segment (
    deployment BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    name       TEXT NOT NULL,    -- the segment's id: what is fetched twice is counted once
    instance   TEXT NOT NULL,
    version    BLOB NOT NULL,
    rows       INTEGER NOT NULL,
    taken      INTEGER NOT NULL, -- rows that closed windows have
    from_ms    INTEGER NOT NULL, -- receipt of its first and last row
    to_ms      INTEGER NOT NULL,
    file       TEXT NOT NULL,    -- in the deployment's folder
    PRIMARY KEY (deployment, name)
) WITHOUT ROWID;
CREATE INDEX segment_open ON segment (deployment, version, from_ms) WHERE taken < rows;
CREATE TABLE window (
    id         BLOB PRIMARY KEY,
    deployment BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    version    BLOB NOT NULL,
    number     INTEGER NOT NULL, -- the version's, for a version that is gone
    from_ms    INTEGER NOT NULL,
    to_ms      INTEGER NOT NULL,
    rows       INTEGER NOT NULL,
    report     TEXT NOT NULL     -- JSON
) WITHOUT ROWID;
CREATE INDEX window_deployment ON window (deployment, to_ms);
CREATE TABLE gap (
    deployment BLOB NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
    from_ms    INTEGER NOT NULL,
    to_ms      INTEGER NOT NULL,
    reason     TEXT NOT NULL,
    PRIMARY KEY (deployment, from_ms, reason)
) WITHOUT ROWID;
";

/// Which rows of which segment a window took: the second version of the database knows.
pub(crate) const CREATE_PIECE: &str = "
CREATE TABLE piece (
    window   BLOB NOT NULL REFERENCES window (id) ON DELETE CASCADE,
    segment  TEXT NOT NULL,
    from_row INTEGER NOT NULL,
    rows     INTEGER NOT NULL,
    PRIMARY KEY (window, segment)
) WITHOUT ROWID;
";

/// A fetched piece of a request log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRow {
    pub deployment: DeploymentId,
    pub name: String,
    pub instance: String,
    pub version: VersionId,
    pub rows: u64,
    pub taken: u64,
    pub from_ms: i64,
    pub to_ms: i64,
    pub file: String,
}

/// A closed window with all that was found in it.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowRow {
    pub id: WindowId,
    pub deployment: DeploymentId,
    pub version: VersionId,
    pub version_number: u32,
    pub from_ms: i64,
    pub to_ms: i64,
    pub rows: u64,
    pub report: DriftReport,
}

/// Rows of a segment that a window takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The segment's name.
    pub segment: String,
    pub from_row: u64,
    pub rows: u64,
}

/// A piece, and where its rows lie now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPiece {
    /// The segment's, in the deployment's folder; none once its rows are forgotten.
    pub file: Option<String>,
    pub from_row: u64,
    pub rows: u64,
}

fn read_segment(row: &Row<'_>) -> rusqlite::Result<SegmentRow> {
    Ok(SegmentRow {
        deployment: id_column!(row, 0, DeploymentId),
        name: row.get(1)?,
        instance: row.get(2)?,
        version: id_column!(row, 3, VersionId),
        rows: row.get::<_, i64>(4)? as u64,
        taken: row.get::<_, i64>(5)? as u64,
        from_ms: row.get(6)?,
        to_ms: row.get(7)?,
        file: row.get(8)?,
    })
}

const SEGMENT: &str = "deployment, name, instance, version, rows, taken, from_ms, to_ms, file";

/// Enters a fetched segment; `false` if it was there already.
pub fn add_segment(transaction: &Transaction<'_>, row: &SegmentRow) -> Result<bool> {
    let added = transaction
        .prepare_cached(&format!(
            "INSERT OR IGNORE INTO segment ({SEGMENT}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        ))?
        .execute(params![
            row.deployment.as_bytes(),
            row.name,
            row.instance,
            row.version.as_bytes(),
            row.rows as i64,
            row.taken as i64,
            row.from_ms,
            row.to_ms,
            row.file,
        ])?;
    Ok(added > 0)
}

pub fn has_segment(connection: &Connection, deployment: DeploymentId, name: &str) -> Result<bool> {
    Ok(connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM segment WHERE deployment = ?1 AND name = ?2)")?
        .query_row(params![deployment.as_bytes(), name], |row| row.get(0))?)
}

/// Rows and newest segment that were fetched from an instance.
pub fn fetched(connection: &Connection, deployment: DeploymentId, instance: &str) -> Result<(u64, Option<String>)> {
    Ok(connection
        .prepare_cached(
            "SELECT coalesce(sum(rows), 0), max(name) FROM segment WHERE deployment = ?1 AND instance = ?2",
        )?
        .query_row(params![deployment.as_bytes(), instance], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))?)
}

/// Segments of one version that no window has whole, by receipt.
pub fn open_segments(connection: &Connection, deployment: DeploymentId, version: VersionId) -> Result<Vec<SegmentRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {SEGMENT} FROM segment WHERE deployment = ?1 AND version = ?2 AND taken < rows ORDER BY from_ms, name"
    ))?;
    let rows = statement.query_map(params![deployment.as_bytes(), version.as_bytes()], read_segment)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// Versions that have rows in no window.
pub fn open_versions(connection: &Connection, deployment: DeploymentId) -> Result<Vec<VersionId>> {
    let mut statement =
        connection.prepare_cached("SELECT DISTINCT version FROM segment WHERE deployment = ?1 AND taken < rows")?;
    let rows = statement.query_map(params![deployment.as_bytes()], |row| Ok(id_column!(row, 0, VersionId)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub fn open_rows(connection: &Connection, deployment: DeploymentId, version: VersionId) -> Result<u64> {
    let rows: i64 = connection
        .prepare_cached("SELECT coalesce(sum(rows - taken), 0) FROM segment WHERE deployment = ?1 AND version = ?2 AND taken < rows")?
        .query_row(params![deployment.as_bytes(), version.as_bytes()], |row| row.get(0))?;
    Ok(rows as u64)
}

/// What the log's days are over for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expired {
    /// In the deployment's folder, to be deleted.
    pub files: Vec<String>,
    /// Rows that no window took, and the receipt of the first and last segment that held them.
    pub untaken: u64,
    pub from_ms: i64,
    pub to_ms: i64,
}

/// Forgets the rows of segments that ended before `before_ms`, whether a window took them or not.
pub fn expire_segments(transaction: &Transaction<'_>, deployment: DeploymentId, before_ms: i64) -> Result<Expired> {
    let files = transaction
        .prepare_cached("SELECT file FROM segment WHERE deployment = ?1 AND to_ms < ?2 AND file <> ''")?
        .query_map(params![deployment.as_bytes(), before_ms], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    let (untaken, from_ms, to_ms): (i64, i64, i64) = transaction
        .prepare_cached(
            "SELECT coalesce(sum(rows - taken), 0), coalesce(min(from_ms), 0), coalesce(max(to_ms), 0)
             FROM segment WHERE deployment = ?1 AND to_ms < ?2 AND taken < rows",
        )?
        .query_row(params![deployment.as_bytes(), before_ms], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    // The name stays, so that a late second fetch is still known.
    transaction
        .prepare_cached(
            "UPDATE segment SET file = '', taken = rows
             WHERE deployment = ?1 AND to_ms < ?2 AND (file <> '' OR taken < rows)",
        )?
        .execute(params![deployment.as_bytes(), before_ms])?;
    Ok(Expired { files, untaken: untaken as u64, from_ms, to_ms })
}

/// Closes a window: its rows are taken from the segments in the same transaction.
pub fn close(transaction: &Transaction<'_>, window: &WindowRow, pieces: &[Piece]) -> Result<()> {
    transaction
        .prepare_cached("INSERT INTO window (id, deployment, version, number, from_ms, to_ms, rows, report) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
        .execute(params![
            window.id.as_bytes(),
            window.deployment.as_bytes(),
            window.version.as_bytes(),
            window.version_number,
            window.from_ms,
            window.to_ms,
            window.rows as i64,
            Json(&window.report),
        ])?;
    let mut take = transaction.prepare_cached("UPDATE segment SET taken = ?3 WHERE deployment = ?1 AND name = ?2")?;
    let mut remember =
        transaction.prepare_cached("INSERT INTO piece (window, segment, from_row, rows) VALUES (?1, ?2, ?3, ?4)")?;
    for Piece { segment, from_row, rows } in pieces {
        take.execute(params![window.deployment.as_bytes(), segment, (from_row + rows) as i64])?;
        remember.execute(params![window.id.as_bytes(), segment, *from_row as i64, *rows as i64])?;
    }
    Ok(())
}

/// What a window took of each segment, in the order in which it took them.
pub fn pieces(connection: &Connection, window: &WindowRow) -> Result<Vec<KeptPiece>> {
    let mut statement = connection.prepare_cached(
        "SELECT segment.file, piece.from_row, piece.rows FROM piece
         JOIN segment ON segment.deployment = ?2 AND segment.name = piece.segment
         WHERE piece.window = ?1 ORDER BY segment.from_ms, segment.name",
    )?;
    let rows = statement.query_map(params![window.id.as_bytes(), window.deployment.as_bytes()], |row| {
        Ok(KeptPiece {
            file: Some(row.get::<_, String>(0)?).filter(|file| !file.is_empty()),
            from_row: row.get::<_, i64>(1)? as u64,
            rows: row.get::<_, i64>(2)? as u64,
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<WindowRow> {
    Ok(WindowRow {
        id: id_column!(row, 0, WindowId),
        deployment: id_column!(row, 1, DeploymentId),
        version: id_column!(row, 2, VersionId),
        version_number: row.get(3)?,
        from_ms: row.get(4)?,
        to_ms: row.get(5)?,
        rows: row.get::<_, i64>(6)? as u64,
        report: match row.get::<_, Json<DriftReport>>(7) {
            Ok(Json(report)) => report,
            Err(Error::FromSqlConversionFailure(_, _, error)) => unreadable(row.get::<_, i64>(6)? as u64, &*error),
            Err(error) => return Err(error),
        },
    })
}

/// Stands for a report that can't be read, so that the other windows can be.
fn unreadable(rows: u64, error: &(dyn std::error::Error + Send + Sync)) -> DriftReport {
    DriftReport {
        reference_rows: 0,
        current_rows: rows,
        columns: Vec::new(),
        drifted: 0,
        share: 0.0,
        dataset_drifted: false,
        remarks: vec![format!("What was found in this window can't be read: {error}.")],
    }
}

const COLUMNS: &str = "id, deployment, version, number, from_ms, to_ms, rows, report";

pub fn get(connection: &Connection, id: WindowId) -> Result<Option<WindowRow>> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM window WHERE id = ?1"))?;
    Ok(statement.query_row(params![id.as_bytes()], read).optional()?)
}

/// The newest `limit`, oldest of them first; of one version, or all.
pub fn newest(
    connection: &Connection,
    deployment: DeploymentId,
    version: Option<VersionId>,
    limit: u32,
) -> Result<Vec<WindowRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM window WHERE deployment = ?1 AND (?2 IS NULL OR version = ?2) ORDER BY to_ms DESC, id DESC LIMIT ?3"
    ))?;
    let version = version.as_ref().map(VersionId::as_bytes);
    let rows = statement.query_map(params![deployment.as_bytes(), version, limit], read)?;
    let mut rows: Vec<WindowRow> = rows.collect::<rusqlite::Result<_>>()?;
    rows.reverse();
    Ok(rows)
}

/// `limit` windows of every version that stand `skip` behind the newest, oldest of them first.
pub fn page(connection: &Connection, deployment: DeploymentId, skip: u64, limit: u32) -> Result<Vec<WindowRow>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM window WHERE deployment = ?1 ORDER BY to_ms DESC, id DESC LIMIT ?2 OFFSET ?3"
    ))?;
    let skip = i64::try_from(skip).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![deployment.as_bytes(), limit, skip], read)?;
    let mut rows: Vec<WindowRow> = rows.collect::<rusqlite::Result<_>>()?;
    rows.reverse();
    Ok(rows)
}

/// Closed windows of a deployment.
pub fn count(connection: &Connection, deployment: DeploymentId) -> Result<u64> {
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM window WHERE deployment = ?1")?
        .query_row(params![deployment.as_bytes()], |row| row.get(0))?;
    Ok(count as u64)
}

/// A gap that goes on is lengthened.
pub fn add_gap(transaction: &Transaction<'_>, deployment: DeploymentId, gap: &Gap) -> Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO gap (deployment, from_ms, to_ms, reason) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (deployment, from_ms, reason) DO UPDATE SET to_ms = max(to_ms, excluded.to_ms)",
        )?
        .execute(params![deployment.as_bytes(), gap.from_ms, gap.to_ms, gap.reason])?;
    Ok(())
}

/// A gap whose reason is a number that grows, and `what`: the same with a smaller number makes way for it.
pub fn grow_gap(transaction: &Transaction<'_>, deployment: DeploymentId, gap: &Gap, what: &str) -> Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM gap WHERE deployment = ?1 AND from_ms >= ?2 AND from_ms <= ?3
             AND substr(reason, -length(?4)) = ?4",
        )?
        .execute(params![deployment.as_bytes(), gap.from_ms, gap.to_ms, what])?;
    add_gap(transaction, deployment, gap)
}

/// The newest, oldest of them first.
pub fn gaps(connection: &Connection, deployment: DeploymentId, limit: u32) -> Result<Vec<Gap>> {
    let mut statement = connection.prepare_cached(
        "SELECT from_ms, to_ms, reason FROM gap WHERE deployment = ?1 ORDER BY from_ms DESC LIMIT ?2",
    )?;
    let rows = statement.query_map(params![deployment.as_bytes(), limit], |row| {
        Ok(Gap { from_ms: row.get(0)?, to_ms: row.get(1)?, reason: row.get(2)? })
    })?;
    let mut gaps: Vec<Gap> = rows.collect::<rusqlite::Result<_>>()?;
    gaps.reverse();
    Ok(gaps)
}
