//! Uploads: a file or folder goes to the host's staging folder, streamed, under its relative path.

use std::path::{Path, PathBuf};

use api::{ApiError, ErrorCode, host::Uploaded};

use crate::{call, call::Client};

impl Client {
    /// Sends a file, or every file of a folder; the answer names where the host keeps them, for
    /// `project.look` and `project.create`.
    pub async fn upload(&self, path: &Path) -> Result<Uploaded, ApiError> {
        let files = files_under(path).map_err(|error| unreadable(path, &error))?;
        let base = path.parent().unwrap_or(path);
        let mut batch: Option<Uploaded> = None;
        for file in files {
            let relative = file.strip_prefix(base).unwrap_or(&file);
            let name = relative.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
            let sent = self.upload_one(batch.as_ref().map(|batch| batch.batch.as_str()), &name, &file).await?;
            match &mut batch {
                Some(batch) => batch.paths.extend(sent.paths),
                None => batch = Some(sent),
            }
        }
        batch.ok_or_else(|| ApiError::invalid(format!("{} has no files to upload.", path.display())))
    }

    async fn upload_one(&self, batch: Option<&str>, name: &str, file: &Path) -> Result<Uploaded, ApiError> {
        let open = tokio::fs::File::open(file).await.map_err(|error| unreadable(file, &error))?;
        let size_bytes = open.metadata().await.map_err(|error| unreadable(file, &error))?.len();
        let mut query = vec![("path", name)];
        query.extend(batch.map(|batch| ("batch", batch)));
        let body = reqwest::Body::wrap_stream(tokio_util::io::ReaderStream::with_capacity(open, 256 * 1024));
        let request = self.put("/api/upload").query(&query).header("content-length", size_bytes).body(body);
        let answer = request.send().await.map_err(|error| self.gone(&error))?;
        let answer = call::refuse_errors("upload", answer).await?;
        answer.json().await.map_err(|error| self.gone(&error))
    }
}

fn files_under(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            // Links are left out: they may lead out of the folder or back into it.
            let kind = entry.file_type()?;
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn unreadable(path: &Path, error: &std::io::Error) -> ApiError {
    ApiError::new(ErrorCode::Invalid, format!("Can't read {}: {error}.", path.display()))
}
