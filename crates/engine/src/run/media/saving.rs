//! A medium as a file of its own, whole.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use api::{
    ApiError, RunId,
    media::{MediumContent, SaveMedium, SavedMedium},
};

use super::{At, Bytes, Held, of_log, open, sniffed};
use crate::{Engine, output::Output};

/// `seen-step3.png`: what a medium of a log is called as a file.
pub(super) fn file_name(key: &str, step: i64, held: &Held) -> String {
    let own = key.rsplit('/').next().unwrap_or_default();
    let ending = match held {
        // Its log names it as its file.
        Held::File(_) => return own.to_owned(),
        Held::Told(foreign::Media::Image(bytes) | foreign::Media::Audio(bytes)) => match sniffed(bytes) {
            Some("image/png") => "png",
            Some("image/jpeg") => "jpg",
            Some("image/gif") => "gif",
            Some("image/webp") => "webp",
            Some("audio/wav") => "wav",
            Some("audio/ogg") => "ogg",
            Some("audio/flac") => "flac",
            Some("audio/mpeg") => "mp3",
            _ => "bin",
        },
        Held::Told(foreign::Media::Text(_)) => "txt",
        Held::Told(foreign::Media::Table { .. }) => "csv",
        Held::Told(foreign::Media::Histogram(_)) => "histogram.json",
        Held::Told(foreign::Media::File(path)) => {
            return path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        }
    };
    format!("{own}-step{step}.{ending}")
}

/// All of a medium, as [`save`] writes it.
pub async fn whole(engine: &Engine, run: RunId, key: &str, at: At) -> anyhow::Result<Bytes> {
    let opened = open(engine, run, key, at).await?;
    match opened.held {
        Held::File(file) => Ok(Bytes::File(file, key.to_owned())),
        Held::Told(media) => Ok(Bytes::Held(tokio::task::spawn_blocking(move || encoded(media)).await??)),
    }
}

/// What a log holds of a medium, as a file.
fn encoded(media: foreign::Media) -> anyhow::Result<Vec<u8>> {
    Ok(match media {
        foreign::Media::Image(bytes) | foreign::Media::Audio(bytes) => bytes,
        foreign::Media::Text(text) => text.into_bytes(),
        foreign::Media::Table { columns, rows } => {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            writer.write_record(&columns)?;
            rows.iter().try_for_each(|row| writer.write_record(row))?;
            writer.into_inner().context("write the table")?
        }
        other => match of_log(other)? {
            MediumContent::Histogram { edges, counts } => {
                serde_json::to_vec(&serde_json::json!({ "bins": edges, "counts": counts }))?
            }
            shown => serde_json::to_vec(&shown)?,
        },
    })
}

pub async fn save(engine: &Engine, request: SaveMedium) -> anyhow::Result<SavedMedium> {
    let SaveMedium { run, key, step, turn, to } = request;
    let to = PathBuf::from(to);
    if !to.is_absolute() {
        bail!(ApiError::invalid(format!("{} is no absolute path.", to.display())));
    }
    let opened = open(engine, run, &key, (step, turn)).await?;
    let output = Output { path: to.clone(), overwrite: None };
    let halves = engine.workspace().halves();
    let size_bytes = tokio::task::spawn_blocking(move || write(&output, &halves, opened.held)).await??;
    Ok(SavedMedium { path: to.to_string_lossy().into_owned(), step: opened.step, size_bytes })
}

fn write(output: &Output, halves: &Path, held: Held) -> anyhow::Result<u64> {
    let shown = output.path.display();
    let (mut file, writing) = output.begin(halves)?;
    let size_bytes = match held {
        Held::File(mut from) => std::io::copy(&mut from, &mut file).with_context(|| format!("write {shown}"))?,
        Held::Told(media) => {
            let bytes = encoded(media)?;
            file.write_all(&bytes).with_context(|| format!("write {shown}"))?;
            bytes.len() as u64
        }
    };
    drop(file);
    writing.finish()?;
    Ok(size_bytes)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{ROWS, histogram, parted},
        *,
    };

    #[test]
    fn what_a_log_holds_is_saved_whole() {
        let row = |at: usize| vec![at.to_string(), "a, b".to_owned()];
        let columns = vec!["n".to_owned(), "text".to_owned()];
        let table = foreign::Media::Table { columns, rows: (0..ROWS + 5).map(row).collect() };
        let name = file_name("eval/rows", 7, &Held::Told(table.clone()));
        assert_eq!(name, "rows-step7.csv");
        let bytes = encoded(table).unwrap();
        let MediumContent::Table { columns, rows, total_rows } = parted(&bytes, b',').unwrap() else { panic!() };
        assert_eq!((columns[1].as_str(), rows[3][1].as_str()), ("text", "a, b"));
        assert_eq!(total_rows, ROWS as u64 + 5);
        let counted = foreign::Histogram { edges: vec![0.0, 1.0, 2.0], counts: vec![3.0, 4.0] };
        let bytes = encoded(foreign::Media::Histogram(counted)).unwrap();
        let again = MediumContent::Histogram { edges: vec![0.0, 1.0, 2.0], counts: vec![3.0, 4.0] };
        assert_eq!(histogram(&bytes).unwrap(), again, "it can be logged as it was saved");
        let picture = Held::Told(foreign::Media::Image(b"\x89PNG one".to_vec()));
        assert_eq!(file_name("seen", 3, &picture), "seen-step3.png");
    }
}
