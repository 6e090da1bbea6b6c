//! What can go wrong in the store, typed where a caller branches.

use std::path::PathBuf;

pub type Result<T> = std::result::Result<T, StoreError>;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error(
        "the database {path} is of version {found}, written by a newer Slipway; this one knows version {known}. \
         Update Slipway, or set SLIPWAY_HOME to another folder."
    )]
    Newer { path: PathBuf, found: u32, known: u32 },
    /// The database is new, and yet the folder is a workspace that was in use.
    #[error("the database {path} is empty, but its workspace holds {held}")]
    Lost { path: PathBuf, held: String, copies: Vec<PathBuf> },
    /// Another tool's database that is to be read.
    #[error("{path} is no database of MLflow's: {why}")]
    NotMlflow { path: PathBuf, why: String },
    #[error(
        "the database {path} is locked by another program that writes to it. Try again once that is done, or stop the \
         MLflow server, or copy the database (`sqlite3 mlflow.db \".backup copy.db\"`) and open the copy."
    )]
    Locked { path: PathBuf },
    /// Another tool's database: what it holds is not ours to mend.
    #[error(
        "{path} is damaged: {why}. Ask whoever wrote it for a whole copy, or save what can be read of it \
         (`sqlite3 {name} \".recover\" | sqlite3 saved.db`) and open that.",
        name = path.file_name().unwrap_or_default().to_string_lossy()
    )]
    DamagedMlflow { path: PathBuf, why: String },
    #[error("{path} can't be read: {why}")]
    Mlflow { path: PathBuf, why: String },
    #[error("the database is closed")]
    Closed,
    #[error("{what} {path}: {source}")]
    File { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error("the stored file {path} is damaged: its bytes have the hash {found}")]
    Damaged { path: PathBuf, found: crate::blob::BlobHash },
    #[error("the stored content {0} is missing")]
    MissingBlob(crate::blob::BlobHash),
    /// The caller's progress said so.
    #[error("stopped")]
    Stopped,
    #[error("the points of a series can't be read: {0}")]
    Points(String),
    #[error("a record can't be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A rule that only the transaction can check ("in use", "exists already").
    #[error("{0}")]
    Refused(#[from] api::ApiError),
}

impl StoreError {
    /// Whether the database's file is no database any more.
    pub fn is_damaged(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        matches!(
            error.sqlite_error_code(),
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
        )
    }

    /// Whether another program kept our own database locked for longer than is waited.
    pub fn is_locked(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        matches!(
            error.sqlite_error_code(),
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked)
        )
    }

    /// Whether our own database's file can be read alone.
    pub fn is_read_only(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        error.sqlite_error_code() == Some(rusqlite::ErrorCode::ReadOnly)
    }

    /// Whether a blob is not there, or not what its hash says: putting the same bytes again mends it.
    pub const fn is_lost(&self) -> bool {
        matches!(self, Self::Damaged { .. } | Self::MissingBlob(_))
    }

    /// Whether the disk, or the database's limit, is full.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Sqlite(error) => error.sqlite_error().is_some_and(|error| {
                // What can't be written for want of room beside the database itself is an I/O error to SQLite.
                let beside = [rusqlite::ffi::SQLITE_IOERR_SHMSIZE, rusqlite::ffi::SQLITE_IOERR_WRITE];
                error.code == rusqlite::ErrorCode::DiskFull || beside.contains(&error.extended_code)
            }),
            Self::File { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}
