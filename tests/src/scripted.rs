//! The pages with one more script, so that what is looked at is what is built: it loads before
//! anything else and tells us by requests on loopback what the page shows.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A copy of the built pages under `folder` whose document loads `script` before anything else.
pub fn pages(built: &Path, folder: &Path, script: &str) -> Result<PathBuf> {
    let copy = folder.join("pages");
    copy_folder(built, &copy)?;
    fs::write(copy.join("bench.js"), script)?;
    let index = copy.join("index.html");
    let document = fs::read_to_string(&index)?;
    let (head, rest) = document.split_once("<script").context("the pages' document has no script")?;
    fs::write(&index, format!("{head}<script src=\"/bench.js\"></script>\n<script{rest}"))?;
    // The host prefers a compressed copy, which would be the document without our script.
    let _ = fs::remove_file(copy.join("index.html.gz"));
    Ok(copy)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Waits for the script's next request and reads its JSON body.
pub async fn told(listener: &TcpListener) -> Result<serde_json::Value> {
    let (stream, _) = listener.accept().await?;
    read(stream).await
}

/// Reads one request's JSON body and answers it.
pub async fn read(mut stream: TcpStream) -> Result<serde_json::Value> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 1024];
        let read = stream.read(&mut part).await?;
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        if let Some(value) = body.and_then(|body| serde_json::from_str(&body).ok()) {
            stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await?;
            return Ok(value);
        }
        ensure!(read > 0, "the page's report was cut off: {text}");
    }
}
