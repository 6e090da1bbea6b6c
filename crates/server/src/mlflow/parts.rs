//! Multipart uploads through the proxy: each part is sent to an address of its own and kept beside the others, and
//! the last request puts them together.

use std::{collections::HashMap, path::PathBuf};

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use engine::tracking::artifacts;
use serde::{Deserialize, Serialize};

use super::{
    Answer, Done,
    artifacts::{Coming, decoded, finish, place, reached, safe, tail},
    done,
    failure::Failure,
    fields::{Fields, Int, required},
};
use crate::{Host, upload};

/// As large object stores allow.
const MOST_PARTS: i64 = 10_000;
/// Bytes of what lets a client in: each part's address is told with it.
const LONGEST_AUTHORIZATION: usize = 4 << 10;

#[derive(Debug, Deserialize)]
pub(super) struct Create {
    path: Option<String>,
    num_parts: Option<Int>,
}

#[derive(Debug, Serialize)]
pub(super) struct Created {
    upload_id: String,
    credentials: Vec<Credential>,
}

#[derive(Debug, Serialize)]
struct Credential {
    url: String,
    part_number: i64,
    headers: HashMap<&'static str, String>,
}

/// The folder of an upload's parts. The id is random: who knows it began it.
fn folder(host: &Host, upload: &str) -> Result<PathBuf, Failure> {
    let known = upload.len() == 32 && upload.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !known {
        return Err(Failure::invalid("There is no such upload."));
    }
    Ok(host.staging.join(format!("parts-{upload}")))
}

/// What an upload was begun for, kept beside its parts.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Begun {
    /// The parts of the file's path.
    path: Vec<String>,
    parts: i64,
}

/// Where that is kept: no part is called so.
const BEGUN: &str = "begun.json";

impl Begun {
    async fn of(folder: &std::path::Path) -> Result<Self, Failure> {
        let none = || Failure::missing("There is no such upload: it was completed or aborted, or never begun.");
        let text = tokio::fs::read(folder.join(BEGUN)).await.map_err(|_| none())?;
        serde_json::from_slice(&text).map_err(|error| anyhow::Error::new(error).context("read what was begun").into())
    }

    async fn keep(&self, folder: &std::path::Path) -> anyhow::Result<()> {
        tokio::fs::create_dir_all(folder).await?;
        Ok(tokio::fs::write(folder.join(BEGUN), serde_json::to_vec(self)?).await?)
    }
}

/// The whole path of the file: the route names its folder, the body its name. Clients before MLflow 3.18 send the file's
/// path on their own machine, which may be one of Windows: both signs part its folders, encoded or not, as there.
fn path(folder: &str, path: Option<String>) -> Result<String, Failure> {
    let path = required(path.filter(|path| !path.is_empty()), "path")?;
    let name = name_in(&path);
    let name = decoded(name)?;
    match name_in(&name) {
        "" => Err(Failure::invalid("Invalid path")),
        name => Ok(format!("{}/{name}", folder.trim_end_matches('/'))),
    }
}

fn name_in(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or_default()
}

pub(super) async fn create(State(host): State<Host>, request: Request) -> Answer<Created> {
    let at = tail(&request, "/mpu/create/").to_owned();
    let (own, headers) = reached(&request);
    let Fields(asked) = <Fields<Create> as axum::extract::FromRequest<Host>>::from_request(request, &host).await?;
    let parts = required(asked.num_parts, "num_parts")?.0;
    if !(1..=MOST_PARTS).contains(&parts) {
        return Err(Failure::invalid(format!("An upload has 1 to {MOST_PARTS} parts, not {parts}.")));
    }
    if let Some(length) = headers.values().map(String::len).find(|length| *length > LONGEST_AUTHORIZATION) {
        return Err(Failure::invalid(format!(
            "The request's Authorization has {length} bytes, more than the {LONGEST_AUTHORIZATION} that each part is told."
        )));
    }
    let path = path(&at, asked.path)?;
    // Before any part of it comes.
    artifacts::check_writable(&place(&host, &path).await?).map_err(Failure::of_files)?;
    let begun = Begun { path: safe(&path)?, parts };
    let upload = upload::fresh_name()?;
    let folder = folder(&host, &upload)?;
    begun.keep(&folder).await.map_err(|error| error.context("begin the upload"))?;
    let credentials = (1..=parts).map(|part_number| Credential {
        url: format!("http://{own}/api/2.0/mlflow-artifacts/mpu/part/{upload}/{part_number}"),
        part_number,
        headers: headers.clone(),
    });
    Ok(Json(Created { credentials: credentials.collect(), upload_id: upload }))
}

pub(super) async fn put(
    State(host): State<Host>,
    Extension(coming): Extension<Coming>,
    Path((upload_id, number)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Failure> {
    let wrong = || {
        Failure::invalid(format!(
            "Invalid part number '{number}': the parts of an upload are numbered 1 to {MOST_PARTS}."
        ))
    };
    let number: i64 = number.parse().ok().filter(|number| (1..=MOST_PARTS).contains(number)).ok_or_else(wrong)?;
    let folder = folder(&host, &upload_id)?;
    let Begun { parts, .. } = Begun::of(&folder).await?;
    if number > parts {
        return Err(Failure::invalid(format!("Invalid part number '{number}': the upload was begun with {parts}.")));
    }
    let _turn = coming.turn(&host).await?;
    let half = folder.join(format!(".{number}.{}", upload::fresh_name()?));
    let kept = async {
        let file = tokio::fs::File::create_new(&half).await.map_err(keeping)?;
        upload::receive(&host, file, &half, request).await?;
        tokio::fs::rename(&half, folder.join(number.to_string())).await.map_err(keeping)
    };
    if let Err(error) = kept.await {
        let _ = tokio::fs::remove_file(&half).await;
        return Err(error);
    }
    Ok(([(header::ETAG, format!("\"{number}\""))], "").into_response())
}

fn keeping(error: std::io::Error) -> Failure {
    anyhow::Error::new(error).context("keep the part").into()
}

#[derive(Debug, Deserialize)]
pub(super) struct Complete {
    path: Option<String>,
    upload_id: Option<String>,
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Debug, Deserialize)]
struct Part {
    part_number: Int,
}

pub(super) async fn complete(State(host): State<Host>, request: Request) -> Done {
    let at = tail(&request, "/mpu/complete/").to_owned();
    let Fields(asked) = <Fields<Complete> as axum::extract::FromRequest<Host>>::from_request(request, &host).await?;
    let folder = folder(&host, &required(asked.upload_id, "upload_id")?)?;
    let path = path(&at, asked.path)?;
    let place = place(&host, &path).await?;
    if !tokio::fs::try_exists(&folder).await.unwrap_or(false) {
        return Err(Failure::invalid("There is no such upload: it was completed or aborted, or never begun."));
    }
    let begun = Begun::of(&folder).await?;
    if begun.path != safe(&path)? {
        return Err(Failure::invalid(
            "Invalid value for parameter 'path': the upload was begun for another file, and is completed as that alone.",
        ));
    }
    // Looked at before the target: what is refused replaces nothing.
    let numbers = asked.parts.iter().map(|part| part.part_number.0).collect();
    let (files, size_bytes) = files(&folder, begun.parts, numbers).await?;
    let whole = place.shown();
    upload::check_space(whole.parent().unwrap_or(&whole), size_bytes)?;
    let (coming, file) = artifacts::begin(&place, &upload::fresh_name()?).await.map_err(Failure::of_files)?;
    tokio::task::spawn_blocking(move || join(file, &files))
        .await
        .map_err(anyhow::Error::from)?
        .map_err(|error| anyhow::Error::new(error).context("put the parts together"))?;
    finish(coming).await?;
    artifacts::written(&host.engine, &place).await?;
    let _ = tokio::fs::remove_dir_all(&folder).await;
    Ok(done())
}

/// The files of an upload's parts in their order, and their bytes: it is completed by as many as it was begun with,
/// each named once, and each has come.
async fn files(folder: &std::path::Path, parts: i64, mut numbers: Vec<i64>) -> Result<(Vec<PathBuf>, u64), Failure> {
    numbers.sort_unstable();
    if numbers.is_empty() {
        return Err(Failure::invalid("Missing value for required parameter 'parts': an upload has one part at least."));
    }
    if let Some((expected, number)) = (1_i64..).zip(&numbers).find(|(expected, number)| expected != *number) {
        return Err(Failure::invalid(format!(
            "Invalid value for parameter 'parts': they are numbered from 1, each once; part {number} stands where part {expected} is expected."
        )));
    }
    if numbers.last() != Some(&parts) {
        return Err(Failure::invalid(format!(
            "Invalid value for parameter 'parts': the upload was begun with {parts}, and is completed by all of them, not by {}.",
            numbers.len()
        )));
    }
    let (mut files, mut size_bytes) = (Vec::with_capacity(numbers.len()), 0);
    for number in numbers {
        let file = folder.join(number.to_string());
        let Ok(metadata) = tokio::fs::metadata(&file).await else {
            return Err(Failure::invalid(format!(
                "Invalid value for parameter 'parts': part {number} has not come. Send it again, then complete the upload."
            )));
        };
        size_bytes += metadata.len();
        files.push(file);
    }
    Ok((files, size_bytes))
}

fn join(mut into: std::fs::File, parts: &[PathBuf]) -> std::io::Result<()> {
    for part in parts {
        std::io::copy(&mut std::fs::File::open(part)?, &mut into)?;
    }
    into.sync_all()
}

/// The id alone says which upload ends. An address that leads out is refused all the same, as by the other two routes.
pub(super) async fn abort(State(host): State<Host>, request: Request) -> Done {
    let at = tail(&request, "/mpu/abort/").to_owned();
    let Fields(asked) = <Fields<Complete> as axum::extract::FromRequest<Host>>::from_request(request, &host).await?;
    safe(&at)?;
    let folder = folder(&host, &required(asked.upload_id, "upload_id")?)?;
    let _ = tokio::fs::remove_dir_all(folder).await;
    Ok(done())
}
