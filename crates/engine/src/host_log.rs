//! Our own log, as the Settings page reads it: files of JSON lines, a file a day, newest last.

use std::{
    fs,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use api::host::{GetLog, LogLine};

use crate::Engine;

/// Enough for the page; older lines are in the files.
const DEFAULT_LIMIT: usize = 500;
/// Read from the end of each file at most.
const TAIL_BYTES: u64 = 4 << 20;

pub async fn get(engine: &Engine, request: GetLog) -> anyhow::Result<Vec<LogLine>> {
    let folder = engine.workspace().logs();
    Ok(tokio::task::spawn_blocking(move || read(&folder, &request)).await??)
}

fn read(folder: &Path, request: &GetLog) -> std::io::Result<Vec<LogLine>> {
    let limit = request.limit.map_or(DEFAULT_LIMIT, |limit| limit as usize);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder)?.flatten().map(|entry| entry.path()).filter(|path| is_log(path)).collect();
    // The day stands in the name, so that the newest sorts last.
    files.sort();
    let needle = request.contains.as_deref().map(str::to_lowercase);
    let wanted = |line: &LogLine| {
        request.level.as_deref().is_none_or(|level| severity(&line.level) >= severity(level))
            && needle
                .as_deref()
                .is_none_or(|needle| line.message.to_lowercase().contains(needle) || line.target.contains(needle))
    };
    let mut newest_first = Vec::new();
    for file in files.iter().rev() {
        let text = tail(file)?;
        newest_first.extend(text.lines().rev().filter_map(parse).filter(wanted).take(limit - newest_first.len()));
        if newest_first.len() >= limit {
            break;
        }
    }
    newest_first.reverse();
    Ok(newest_first)
}

fn is_log(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        name.contains("slipway") || name.ends_with(".jsonl")
    })
}

fn severity(level: &str) -> u8 {
    match level.to_ascii_uppercase().as_str() {
        "ERROR" => 4,
        "WARN" => 3,
        "INFO" => 2,
        "DEBUG" => 1,
        _ => 0,
    }
}

/// The last bytes of a file, from the first whole line on.
fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let length = file.metadata()?.len();
    let start = length.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(if start == 0 { text } else { text.split_once('\n').map(|(_, rest)| rest.to_owned()).unwrap_or_default() })
}

/// A line that was cut off by a crash is passed over.
fn parse(line: &str) -> Option<LogLine> {
    serde_json::from_str(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_filtered_and_stand_newest_last() {
        let folder = tempfile::tempdir().unwrap();
        let line = |at: i64, level: &str, message: &str| {
            serde_json::to_string(&LogLine {
                at_ms: at,
                level: level.to_owned(),
                target: "engine".to_owned(),
                message: message.to_owned(),
            })
            .unwrap()
        };
        fs::write(folder.path().join("slipway.2026-11-22.jsonl"), format!("{}\n", line(1, "ERROR", "old trouble")))
            .unwrap();
        let today =
            format!("{}\n{}\n{{\"at_ms\": 4, \"cut", line(2, "INFO", "started"), line(3, "WARN", "Trouble again"));
        fs::write(folder.path().join("slipway.2026-11-23.jsonl"), today).unwrap();
        let messages = |request: GetLog| {
            read(folder.path(), &request).unwrap().into_iter().map(|line| line.message).collect::<Vec<_>>()
        };
        assert_eq!(messages(GetLog::default()), ["old trouble", "started", "Trouble again"]);
        assert_eq!(
            messages(GetLog { level: Some("warn".to_owned()), ..GetLog::default() }),
            ["old trouble", "Trouble again"]
        );
        assert_eq!(
            messages(GetLog { contains: Some("TROUBLE".to_owned()), limit: Some(1), ..GetLog::default() }),
            ["Trouble again"]
        );
    }
}
