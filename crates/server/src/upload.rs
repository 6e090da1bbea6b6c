//! `PUT /api/upload`: what is dropped on a page in a browser, streamed into a staging folder.
//!
//! The files of one drop share a batch and keep their relative paths in it; no name leaves it.
//! A file appears under its name only when it is complete.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use axum::{
    Json,
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    http::{HeaderMap, header},
};
use futures::StreamExt as _;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;

use api::{ApiError, ErrorCode, figure, host::Uploaded};

use crate::{Host, refusal::Refusal};

/// How often the free space is asked again while a body of unknown length arrives.
const ASK_AGAIN_BYTES: u64 = 64 << 20;
/// A drop that no project took is forgotten after this.
const FORGET_AFTER: Duration = Duration::from_secs(24 * 3600);
/// How often it is looked for such drops while the host runs.
pub(crate) const FORGET_EVERY: Duration = Duration::from_secs(3600);
const DEEPEST: usize = 32;
const LONGEST_NAME: usize = 255;
/// Of bytes: with the workspace's own path it fits every system's limit but the shortest.
const LONGEST_PATH: usize = 2048;
/// Characters of a refused path that are told.
const SHOWN: usize = 200;

/// Why a body did not become a file.
#[derive(Debug)]
pub(crate) enum Unreceived {
    /// Nothing of it came for as long as the host waits.
    StoodStill(Duration),
    Other(ApiError),
}

impl From<ApiError> for Unreceived {
    fn from(error: ApiError) -> Self {
        Self::Other(error)
    }
}

impl From<Unreceived> for ApiError {
    fn from(reason: Unreceived) -> Self {
        match reason {
            Unreceived::StoodStill(patience) => {
                Self::invalid(format!("The upload stood still for {patience:?}.")).with_hint("Send it again.")
            }
            Unreceived::Other(error) => error,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Placed {
    path: String,
    #[serde(default)]
    batch: Option<String>,
}

pub(crate) async fn upload(
    State(host): State<Host>,
    placed: Result<Query<Placed>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Uploaded>, Refusal> {
    let Query(Placed { path, batch }) = placed?;
    let relative = inside(&path)?;
    let (batch, folder) = batch_folder(&host.staging, batch).await?;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    check_space(&host.staging, announced.unwrap_or(0))?;
    let target = folder.join(&relative);
    let parent = target.parent().unwrap_or(&folder);
    tokio::fs::create_dir_all(parent).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists | std::io::ErrorKind::NotADirectory => {
            ApiError::new(ErrorCode::Conflict, format!("A file of this drop stands where {path} needs a folder."))
        }
        _ => unwritable(parent, &error),
    })?;
    if tokio::fs::try_exists(&target).await.unwrap_or(true) {
        return Err(Refusal(twice(&path)));
    }
    let half = folder.join(format!("{}.half", fresh_name()?));
    let stored = match tokio::fs::File::create_new(&half).await {
        Ok(file) => store(&host, file, &half, body).await.map_err(ApiError::from),
        Err(error) => Err(unwritable(&half, &error)),
    };
    let stored = match stored {
        Ok(()) => place(&half, &target, &path).await,
        Err(error) => Err(error),
    };
    if let Err(error) = stored {
        // What is left of a broken upload is of no use; the error is what counts.
        let _ = tokio::fs::remove_file(&half).await;
        return Err(Refusal(error));
    }
    Ok(Json(Uploaded { batch, folder: folder.display().to_string(), paths: vec![target.display().to_string()] }))
}

/// Gives a whole file its name, which only one of two uploads gets.
async fn place(half: &Path, target: &Path, path: &str) -> Result<(), ApiError> {
    match tokio::fs::File::create_new(target).await {
        Ok(_) => tokio::fs::rename(half, target).await.map_err(|error| unwritable(target, &error)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(twice(path)),
        Err(error) => Err(unwritable(target, &error)),
    }
}

fn twice(path: &str) -> ApiError {
    ApiError::new(ErrorCode::Conflict, format!("{path} was uploaded already in this drop."))
}

/// Writes a request's body into a new file, which is called `path` in what is said.
pub(crate) async fn receive(
    host: &Host,
    file: tokio::fs::File,
    path: &Path,
    request: axum::extract::Request,
) -> Result<(), Unreceived> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    check_space(path.parent().unwrap_or(path), announced.unwrap_or(0))?;
    store(host, file, path, request.into_body()).await
}

async fn store(host: &Host, mut file: tokio::fs::File, path: &Path, body: Body) -> Result<(), Unreceived> {
    let mut chunks = body.into_data_stream();
    let mut unasked = 0;
    loop {
        let next = tokio::time::timeout(host.patience, chunks.next()).await;
        let Some(chunk) = next.map_err(|_| Unreceived::StoodStill(host.patience))? else { break };
        let chunk = chunk.map_err(|error| ApiError::invalid(format!("The upload broke off: {error}.")))?;
        file.write_all(&chunk).await.map_err(|error| unwritable(path, &error))?;
        unasked += chunk.len() as u64;
        if unasked >= ASK_AGAIN_BYTES {
            unasked = 0;
            check_space(&host.staging, 0)?;
        }
    }
    Ok(file.sync_all().await.map_err(|error| unwritable(path, &error))?)
}

/// The path of a dropped file within its batch; anything that could lead out of it is refused.
pub(crate) fn inside(path: &str) -> Result<PathBuf, ApiError> {
    // A backslash, a colon or a trailing dot means something else on Windows.
    parts(path, |name| !name.contains(['\\', ':']) && !name.ends_with(['.', ' '])).map(|parts| parts.iter().collect())
}

/// The names of a path that leads nowhere but down, all of which are `kept` as they are.
pub(crate) fn parts(path: &str, kept: impl Fn(&str) -> bool) -> Result<Vec<&str>, ApiError> {
    let refuse = |why: &str| {
        let path = path.chars().take(SHOWN).collect::<String>();
        ApiError::invalid(format!("\"{path}\" can't be the path of an upload: {why}."))
    };
    let parts: Vec<&str> = path.split('/').collect();
    if path.len() > LONGEST_PATH {
        return Err(refuse("it is too long"));
    }
    if parts.len() > DEEPEST {
        return Err(refuse("it is too deep"));
    }
    for part in &parts {
        if part.is_empty() || *part == "." || *part == ".." {
            return Err(refuse("it must be relative, without \".\" and \"..\""));
        }
        if part.chars().any(char::is_control) || !kept(part) {
            return Err(refuse("a name in it has characters that not every system keeps"));
        }
        if part.len() > LONGEST_NAME {
            return Err(refuse("a name in it is too long"));
        }
    }
    Ok(parts)
}

async fn batch_folder(staging: &Path, batch: Option<String>) -> Result<(String, PathBuf), ApiError> {
    if let Some(batch) = batch {
        let known = batch.len() == 32 && batch.bytes().all(|byte| byte.is_ascii_hexdigit());
        let folder = staging.join(&batch);
        if known && tokio::fs::try_exists(&folder).await.unwrap_or(false) {
            return Ok((batch, folder));
        }
        return Err(
            ApiError::not_found("This drop is not known to the host any more.").with_hint("Drop the files again.")
        );
    }
    let batch = fresh_name()?;
    let folder = staging.join(&batch);
    tokio::fs::create_dir_all(&folder).await.map_err(|error| unwritable(&folder, &error))?;
    Ok((batch, folder))
}

pub(crate) fn fresh_name() -> Result<String, ApiError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        ApiError::new(ErrorCode::Internal, format!("The system gave no random bytes for a name: {error}."))
    })?;
    Ok(hex::encode(bytes))
}

/// Refuses what would leave too little room on the disk of a folder.
pub(crate) fn check_space(staging: &Path, needed: u64) -> Result<(), ApiError> {
    let existing = staging.ancestors().find(|folder| folder.is_dir()).unwrap_or(staging);
    let free = fs4::available_space(existing).map_err(|error| unwritable(existing, &error))?;
    if engine::storage::has_room(existing, needed).map_err(|error| unwritable(existing, &error))? {
        return Ok(());
    }
    Err(no_room(existing, needed, free))
}

fn no_room(folder: &Path, needed: u64, free: u64) -> ApiError {
    let what = match needed {
        // A body that comes in chunks does not say its length.
        0 => "The upload".to_owned(),
        needed => format!("The upload of {}", figure::bytes(needed)),
    };
    let message = format!("{what} does not fit: {} are free at {}.", figure::bytes(free), folder.display());
    ApiError::new(ErrorCode::NoSpace, message)
        .with_hint("Free some space, or open the folder where it lies instead of uploading it.")
}

fn unwritable(path: &Path, error: &std::io::Error) -> ApiError {
    let code = if error.kind() == std::io::ErrorKind::StorageFull { ErrorCode::NoSpace } else { ErrorCode::Internal };
    ApiError::new(code, format!("Can't write {}: {error}.", path.display()))
}

/// Deletes drops that nobody took.
pub(crate) async fn forget_old(staging: &Path) {
    let Ok(mut batches) = tokio::fs::read_dir(staging).await else { return };
    while let Ok(Some(batch)) = batches.next_entry().await {
        let modified =
            batch.metadata().await.and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let old = modified.elapsed().is_ok_and(|age| age > FORGET_AFTER);
        if old && let Err(error) = tokio::fs::remove_dir_all(batch.path()).await {
            tracing::warn!("can't remove the old drop {}: {error}", batch.path().display());
        }
    }
}

/// Does so again and again, for as long as it is waited for.
pub(crate) async fn forget_old_every(staging: &Path, pause: Duration) -> Infallible {
    loop {
        tokio::time::sleep(pause).await;
        forget_old(staging).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Elsewhere no program sets the time of a folder so simply.
    #[cfg(unix)]
    #[tokio::test]
    async fn what_grew_old_meanwhile_is_forgotten_too() {
        let staging = tempfile::tempdir().unwrap();
        let [old, new] = ["parts-0", "parts-1"].map(|name| staging.path().join(name));
        for folder in [&old, &new] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("1"), "a part").unwrap();
        }
        let long_ago = SystemTime::now() - FORGET_AFTER - Duration::from_secs(60);
        std::fs::File::open(&old).unwrap().set_modified(long_ago).unwrap();
        let gone = async {
            while tokio::fs::try_exists(&old).await.unwrap() {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            () = gone => {}
            never = forget_old_every(staging.path(), Duration::from_millis(1)) => match never {},
        }
        assert!(new.join("1").exists(), "what is new stays");
    }

    #[test]
    fn what_does_not_fit_is_told_in_a_persons_units() {
        let told = |needed| no_room(Path::new("/srv"), needed, 4_997_120).message;
        assert_eq!(told(20 << 20), "The upload of 21.0 MB does not fit: 5.0 MB are free at /srv.");
        assert_eq!(told(0), "The upload does not fit: 5.0 MB are free at /srv.");
    }

    #[test]
    fn no_path_leaves_the_batch() {
        for wrong in ["", "/etc/passwd", "../a", "a/../../b", "a//b", "./a", "C:/x", "a\\b", "a/\0", "nul.", "a/b/"] {
            assert!(inside(wrong).is_err(), "{wrong:?} was let in");
        }
        assert_eq!(inside("digits/3/img 01.png").unwrap(), Path::new("digits").join("3").join("img 01.png"));
        assert!(inside(&"a/".repeat(40)).is_err());
        let long = vec!["a".repeat(200); 30].join("/");
        assert!(inside(&long).is_err_and(|error| error.message.len() < 400));
    }
}
