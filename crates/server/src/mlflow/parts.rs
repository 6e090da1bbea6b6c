//! Multipart uploads through the proxy: each part is sent to an address of its own and kept beside the others, and
//! the last request puts them together.

use std::{collections::HashMap, path::PathBuf};

use axum::{
    Json,
    extract::{Path, Request, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use engine::tracking::artifacts;
use serde::{Deserialize, Serialize};

use super::{
    Answer, Done,
    artifacts::{finish, half_of, place, tail},
    done,
    failure::Failure,
    fields::{Fields, Int, required},
};
use crate::{Host, upload};

/// As large object stores allow.
const MOST_PARTS: i64 = 10_000;

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

/// The whole path of the file: the route names its folder, the body its name.
fn path(folder: &str, name: Option<String>) -> Result<String, Failure> {
    let name = required(name.filter(|name| !name.is_empty()), "path")?;
    let name = name.rsplit('/').next().unwrap_or_default().to_owned();
    Ok(format!("{}/{name}", folder.trim_end_matches('/')))
}

pub(super) async fn create(State(host): State<Host>, request: Request) -> Answer<Created> {
    let at = tail(&request, "/mpu/create/").to_owned();
    let own = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let headers: HashMap<&'static str, String> =
        authorization.map(|value| ("Authorization", value.to_owned())).into_iter().collect();
    let Fields(asked) = <Fields<Create> as axum::extract::FromRequest<Host>>::from_request(request, &host).await?;
    let parts = required(asked.num_parts, "num_parts")?.0;
    if !(1..=MOST_PARTS).contains(&parts) {
        return Err(Failure::invalid(format!("An upload has 1 to {MOST_PARTS} parts, not {parts}.")));
    }
    place(&host, &path(&at, asked.path)?).await?;
    let upload = upload::fresh_name()?;
    let folder = folder(&host, &upload)?;
    tokio::fs::create_dir_all(&folder).await.map_err(|error| anyhow::Error::new(error).context("begin the upload"))?;
    let credentials = (1..=parts).map(|part_number| Credential {
        url: format!("http://{own}/api/2.0/mlflow-artifacts/mpu/part/{upload}/{part_number}"),
        part_number,
        headers: headers.clone(),
    });
    Ok(Json(Created { credentials: credentials.collect(), upload_id: upload }))
}

pub(super) async fn put(
    State(host): State<Host>,
    Path((upload_id, number)): Path<(String, u32)>,
    request: Request,
) -> Result<Response, Failure> {
    let folder = folder(&host, &upload_id)?;
    if !tokio::fs::try_exists(&folder).await.unwrap_or(false) {
        return Err(Failure::missing("There is no such upload."));
    }
    let half = folder.join(format!(".{number}.{}", upload::fresh_name()?));
    upload::receive(&host, &half, request).await?;
    finish(&half, &folder.join(number.to_string())).await?;
    Ok(([(header::ETAG, format!("\"{number}\""))], "").into_response())
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
    let place = place(&host, &path(&at, asked.path)?).await?;
    let target = artifacts::target(&place).await?;
    let half = half_of(&target)?;
    let mut numbers: Vec<i64> = asked.parts.iter().map(|part| part.part_number.0).collect();
    numbers.sort_unstable();
    // A part that is named twice would be written twice: a short request could fill the disk.
    if let Some(twice) = numbers.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Failure::invalid(format!("The part {} is named twice.", twice[0])));
    }
    let files: Vec<PathBuf> = numbers.iter().map(|number| folder.join(number.to_string())).collect();
    if let Some((number, _)) = numbers.iter().zip(&files).find(|(_, file)| !file.is_file()) {
        return Err(Failure::invalid(format!("The part {number} of this upload was not sent.")));
    }
    let (into, from) = (half.clone(), folder.clone());
    tokio::task::spawn_blocking(move || join(&into, &files))
        .await
        .map_err(anyhow::Error::from)?
        .map_err(|error| anyhow::Error::new(error).context("put the parts together"))?;
    finish(&half, &target).await?;
    artifacts::written(&host.engine, &place).await?;
    let _ = tokio::fs::remove_dir_all(&from).await;
    Ok(done())
}

fn join(into: &std::path::Path, parts: &[PathBuf]) -> std::io::Result<()> {
    let written = (|| {
        let mut file = std::fs::File::create_new(into)?;
        for part in parts {
            std::io::copy(&mut std::fs::File::open(part)?, &mut file)?;
        }
        file.sync_all()
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(into);
    }
    written
}

pub(super) async fn abort(State(host): State<Host>, Fields(asked): Fields<Complete>) -> Done {
    let folder = folder(&host, &required(asked.upload_id, "upload_id")?)?;
    let _ = tokio::fs::remove_dir_all(folder).await;
    Ok(done())
}
