//! The artifact proxy: files of runs and of logged models, streamed in both directions.
//!
//! A path is split, decoded as often as it is encoded, and refused where a part of it could lead out; what is left
//! names a run or a logged model, in whose folder alone anything is read or written.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Extension, Json,
    body::Body,
    extract::{Request, State},
    http::{HeaderName, StatusCode, header},
    response::Response,
};
use engine::{
    ballast::freeing,
    tracking::artifacts::{self, Place},
};
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    Answer, Done, done,
    failure::Failure,
    fields::{Fields, Unread},
    runs::run_id,
    wire::FileInfo,
};
use crate::{Host, opened, upload};

/// The place that a path of the proxy names. A path that is refused says nothing of what is there.
pub(super) async fn place(host: &Host, path: &str) -> Result<Place, Failure> {
    let parts = safe(path)?;
    Ok(artifacts::place(&host.engine, &parts).await?)
}

/// What a proxy or a client encoded twice is decoded until nothing changes, as MLflow does.
pub(super) fn decoded(path: &str) -> Result<String, Failure> {
    let mut decoded = path.to_owned();
    for _ in 0..8 {
        let once = percent_encoding::percent_decode_str(&decoded).decode_utf8();
        let once = once.map_err(|_| Failure::invalid("Invalid path: a name in it is no UTF-8."))?.into_owned();
        if once == decoded {
            break;
        }
        decoded = once;
    }
    Ok(decoded)
}

/// The parts of a path that leads nowhere but down.
pub(super) fn safe(path: &str) -> Result<Vec<String>, Failure> {
    let refused = || Failure::invalid("Invalid path");
    let decoded = decoded(path)?;
    if decoded.starts_with('/') {
        return Err(refused());
    }
    let trimmed = decoded.trim_end_matches('/');
    if trimmed.is_empty() {
        return Ok(Vec::new());
    }
    // What leads elsewhere gets MLflow's words alone; what is too long, or can't be kept on this system, is told why.
    let leads = trimmed.split('/').any(|part| matches!(part, "" | "." | ".."));
    let parts = upload::parts(trimmed, kept).map_err(|error| match leads {
        true => refused(),
        false => Failure::invalid(format!("Invalid path: {}", error.message)),
    })?;
    if decoded.contains('#') || leads_elsewhere_on_windows(trimmed) {
        return Err(refused());
    }
    Ok(parts.into_iter().map(str::to_owned).collect())
}

/// A name that the file system keeps as it is: a log is called `2026-11-29T11:22:33.log`, but not on Windows.
fn kept(name: &str) -> bool {
    !cfg!(windows) || !name.contains(['\\', ':', '<', '>', '"', '|', '?', '*']) && !name.ends_with(['.', ' '])
}

/// A path that Windows would go up or to a drive by is refused on every system: its client may fetch the folder there. It may be any
/// folder on the way, so that each part is looked at as one that a path begins with.
fn leads_elsewhere_on_windows(path: &str) -> bool {
    let begins_elsewhere = |part: &str| {
        let is_drive = part.as_bytes().get(1) == Some(&b':') && matches!(part.as_bytes().get(2), None | Some(b'\\'));
        is_drive || part.starts_with('\\')
    };
    path.split('/').any(begins_elsewhere) || path.split(['/', '\\']).any(|part| part == "..")
}

/// The part of the address behind the route, still encoded.
pub(super) fn tail<'a>(request: &'a Request, route: &str) -> &'a str {
    // The nested router has taken what stands before.
    request.uri().path().strip_prefix(route).unwrap_or_default()
}

const ROUTE: &str = "/artifacts/";

pub(super) async fn download(State(host): State<Host>, request: Request) -> Result<Response, Failure> {
    let place = place(&host, tail(&request, ROUTE)).await?;
    send(&place, request).await
}

#[derive(Debug, Deserialize)]
pub(super) struct OfRun {
    run_id: Option<String>,
    run_uuid: Option<String>,
    path: Option<String>,
}

/// `get-artifact?run_uuid=…&path=…`, as MLflow's pages ask.
pub(super) async fn of_run(State(host): State<Host>, request: Request) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let asked = Request::from_parts(parts.clone(), Body::empty());
    let Fields(OfRun { run_id: id, run_uuid, path }) =
        <Fields<OfRun> as axum::extract::FromRequest<Host>>::from_request(asked, &host).await?;
    let parts_of_path = safe(&path.unwrap_or_default())?;
    let told = engine::tracking::client::get(&host.engine, run_id(id, run_uuid)?).await?;
    let place = artifacts::seen_of_run(&host.engine, &told.row, &parts_of_path);
    send(&place, Request::from_parts(parts, body)).await
}

async fn send(place: &Place, request: Request) -> Result<Response, Failure> {
    let file = artifacts::file(place).await?;
    let mut response = opened::send(file, &place.name(), request)
        .await
        .map_err(|error| Failure::from(anyhow::Error::new(error).context("read the artifact")))?;
    // A page of a stranger's must never be a page of ours.
    let name = place.name().replace(['"', '\\'], "_");
    let attached = format!("attachment; filename=\"{}\"", name.chars().filter(char::is_ascii).collect::<String>());
    if let Ok(value) = attached.parse() {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// Files that come at once; the others wait for their turn: each takes three of those that the host may have open, for as long
/// as its client stands still.
#[derive(Debug, Clone)]
pub(super) struct Coming(Arc<Semaphore>);

impl Coming {
    pub(super) fn new(at_once: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once)))
    }

    /// The place of a file that comes, which is waited for as long as a body may stand still.
    pub(super) async fn turn(&self, host: &Host) -> Result<SemaphorePermit<'_>, Failure> {
        let turn = tokio::time::timeout(host.patience, self.0.acquire()).await;
        let late = || Failure::late(format!("Other files have come for {:?}: send it again.", host.patience));
        turn.ok().and_then(Result::ok).ok_or_else(late)
    }
}

pub(super) async fn upload(
    State(host): State<Host>,
    Extension(coming): Extension<Coming>,
    request: Request,
) -> Result<StatusCode, Failure> {
    let _turn = coming.turn(&host).await?;
    let place = place(&host, tail(&request, ROUTE)).await?;
    let (coming, file) = artifacts::begin(&place, &upload::fresh_name()?).await.map_err(Failure::of_files)?;
    upload::receive(&host, tokio::fs::File::from_std(file), &place.shown(), request).await?;
    finish(coming).await?;
    artifacts::written(&host.engine, &place).await?;
    Ok(StatusCode::OK)
}

pub(super) async fn finish(coming: artifacts::Coming) -> Result<(), Failure> {
    Ok(tokio::task::spawn_blocking(move || coming.finish()).await.map_err(anyhow::Error::from)??)
}

pub(super) async fn delete(State(host): State<Host>, request: Request) -> Done {
    let place = place(&host, tail(&request, ROUTE)).await?;
    // One that is not there is deleted already.
    freeing(&host.engine, artifacts::delete(&host.engine, &place)).await.map_err(Failure::of_files)?;
    Ok(done())
}

#[derive(Debug, Deserialize)]
pub(super) struct ListPath {
    #[serde(default)]
    path: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Listed {
    #[serde(skip_serializing_if = "Option::is_none")]
    root_uri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<FileInfo>,
}

/// Lists a folder; the paths are relative to it.
pub(super) async fn list(State(host): State<Host>, Fields(asked): Fields<ListPath>) -> Answer<Listed> {
    let parts = safe(asked.path.as_deref().unwrap_or_default())?;
    // Above a run there is nothing to be listed: other runs are not this client's question.
    let Ok(place) = artifacts::place(&host.engine, &parts).await else {
        return Ok(Json(Listed { root_uri: None, files: Vec::new() }));
    };
    let files = artifacts::list(&place).await?;
    Ok(Json(Listed { root_uri: None, files: files.into_iter().map(|entry| info(entry, "")).collect() }))
}

/// A folder's files under its own path.
pub(super) fn info_of(root_uri: String, files: Vec<artifacts::Entry>, under: &str) -> Listed {
    Listed { root_uri: Some(root_uri), files: files.into_iter().map(|entry| info(entry, under)).collect() }
}

fn info(entry: artifacts::Entry, under: &str) -> FileInfo {
    let path = if under.is_empty() { entry.name } else { format!("{under}/{}", entry.name) };
    FileInfo { path, is_dir: entry.size_bytes.is_none(), file_size: entry.size_bytes }
}

#[derive(Debug, Deserialize)]
pub(super) struct ListOfRun {
    run_id: Option<String>,
    run_uuid: Option<String>,
    path: Option<String>,
}

/// Lists a folder of a run's artifacts; the paths are relative to the run's root.
pub(super) async fn list_of_run(State(host): State<Host>, Fields(asked): Fields<ListOfRun>) -> Answer<Listed> {
    let run = run_id(asked.run_id, asked.run_uuid)?;
    let told = engine::tracking::client::get(&host.engine, run).await?;
    let under = safe(asked.path.as_deref().unwrap_or_default())?;
    let place = artifacts::seen_of_run(&host.engine, &told.row, &under);
    let files = artifacts::list(&place).await?;
    Ok(Json(info_of(told.artifact_uri, files, &under.join("/"))))
}

/// Where a file is read in parts: our own address of it, with what lets its client in.
#[derive(Debug, Serialize)]
pub(super) struct Presigned {
    url: String,
    headers: HashMap<&'static str, String>,
    file_size: u64,
}

/// MLflow's client asks for this where it is told to download in parts (`MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD`).
pub(super) async fn presigned(State(host): State<Host>, request: Request) -> Answer<Presigned> {
    let path = tail(&request, "/presigned/").to_owned();
    let file = artifacts::file(&place(&host, &path).await?).await?;
    let file_size = file.metadata().map_err(|error| anyhow::Error::new(error).context("read the artifact"))?.len();
    let (own, headers) = reached(&request);
    let url = format!("http://{own}/api/2.0/mlflow-artifacts/artifacts/{path}");
    Ok(Json(Presigned { url, headers, file_size }))
}

/// The address by which a client reached us, and what let it in: it is to send that to our other addresses, too.
pub(super) fn reached(request: &Request) -> (String, HashMap<&'static str, String>) {
    let sent = |name: HeaderName| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let headers = sent(header::AUTHORIZATION).map(|value| ("Authorization", value));
    (sent(header::HOST).unwrap_or_default(), headers.into_iter().collect())
}

/// The files lie behind the proxy: there is no other address of them.
pub(super) async fn no_presigned(_: Unread) -> Failure {
    let message = "Presigned addresses are not supported: artifacts are read and written through the proxy.";
    Failure::invalid(message)
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn no_path_leads_out_however_it_is_encoded() {
        for wrong in [
            "../x",
            "a/../../x",
            "/etc/passwd",
            "%2e%2e/x",
            "%252e%252e/x",
            "a/%2e%2e/x",
            "a/..%2fx",
            "a%5c..%5cx",
            "C:/x",
            "C:%5cx",
            "C:",
            "%5c%5chost%5cshare",
            "a/b%5c..%5c..%5cx",
            "..%5cx",
            "file:///etc/passwd",
            "a/./b",
            "a//b",
            "a/%00",
            "%25252e%25252e/x",
            "a#b",
            "0/RUN/artifacts/C:%5cWindows%5cx",
            "0/RUN/artifacts/C:/x",
            "0/RUN/artifacts/C:",
            "0/RUN/artifacts/%5c%5chost%5cshare%5cx",
            "0/RUN/artifacts/a/%5cx",
        ] {
            assert!(safe(wrong).is_err(), "{wrong:?} was let in");
        }
        assert_eq!(safe("1/a b%20c/d.txt").unwrap(), ["1", "a b c", "d.txt"]);
        assert!(safe("").unwrap().is_empty());
    }

    #[test]
    fn what_is_too_long_or_no_text_is_told_so() {
        let told = |path: &str| format!("{:?}", safe(path).unwrap_err());
        assert!(told(&"a/".repeat(40)).contains("it is too deep"));
        assert!(told(&format!("a/{}", "x".repeat(256))).contains("a name in it is too long"));
        assert!(told("a/%ff").contains("no UTF-8"));
        assert!(told("a/../b").contains("message: \"Invalid path\""));
    }

    #[cfg(not(windows))]
    #[test]
    fn a_name_is_kept_as_it_is() {
        for name in [
            "2026-11-29T11:22:33.log",
            "a:b",
            "back\\slash",
            "dot.",
            "space ",
            "...",
            "a|b<c>d*e\"?.txt",
            "100%",
            "C:x",
        ] {
            assert_eq!(safe(&format!("0/x/{name}")).unwrap(), ["0", "x", name]);
        }
    }

    #[cfg(windows)]
    #[test]
    fn what_windows_can_not_keep_is_refused_with_the_reason() {
        for name in ["2026-11-29T11:22:33.log", "back\\slash", "dot.", "space ", "a*b"] {
            let refused = safe(&format!("0/x/{name}")).unwrap_err();
            assert!(format!("{refused:?}").contains("that not every system keeps"), "{name}: {refused:?}");
        }
    }
}
