//! What other tools' logs hold beside numbers: it goes where a form has a place for it, and the rest is counted.

use std::{collections::BTreeMap, io::Read as _};

use api::{ApiError, export::ExportFormat, media::MediumKind};
use foreign::Media;
use store::run::RunRow;

use super::{Exporting, Form, Left, counted};
use crate::run::media::{Held, InLog, in_log};

/// Bytes of a medium at most: TensorBoard's files hold each in one record, and of these 64 MiB are read.
const LARGEST: u64 = 32 << 20;

/// A medium of a step, its bytes in their own encoding.
pub(super) struct Medium {
    pub(super) key: String,
    pub(super) step: i64,
    pub(super) time_ms: i64,
    pub(super) content: Media,
}

/// What becomes of a medium.
pub(super) enum Fate {
    Written,
    /// It has no place.
    Left,
    /// Its log went, or changed since it was read; or its bytes are of no known format, or too many.
    Unread,
}

impl Exporting {
    /// Writes the media that stand in the log that a run came from, and says how many of them are left out.
    pub(super) fn media(
        &self,
        row: &RunRow,
        form: &mut dyn Form,
        left: &mut Left,
        step: &mut dyn FnMut(f64, &str) -> Result<(), ApiError>,
    ) -> anyhow::Result<()> {
        let format = self.request.format;
        // They are artifacts there, and these were not asked for.
        if format == ExportFormat::Mlflow && !self.request.artifacts {
            return Ok(());
        }
        let id = row.run.id;
        let (mut without, mut unread) = (BTreeMap::<MediumKind, u64>::new(), 0);
        for (key, at, kind) in self.read(move |c| store::medium::list(c, id))? {
            step(0.7, &format!(", {key}"))?;
            match self.medium(row, form, (key, at, kind))? {
                Fate::Written => {}
                Fate::Left => *without.entry(kind).or_default() += 1,
                Fate::Unread => unread += 1,
            }
        }
        let place = match format {
            ExportFormat::Mlflow => "among MLflow's artifacts",
            ExportFormat::Tensorboard => "in the event files that are written here",
            ExportFormat::Csv | ExportFormat::Parquet => "in a table of metrics",
        };
        if !without.is_empty() {
            let total: u64 = without.values().sum();
            let kinds: Vec<String> = without.iter().map(|(kind, count)| of_kind(*kind, *count)).collect();
            let media = counted(total, "medium of its log has", "media of its log have");
            left.say(format!("{}: {media} no place {place}: {}.", row.run.name, kinds.join(", ")));
        }
        if unread > 0 {
            let media = counted(unread, "medium of its log", "media of its log");
            left.say(format!("{}: {media} can't be read any more, or can't be shown.", row.run.name));
        }
        Ok(())
    }

    fn medium(
        &self,
        row: &RunRow,
        form: &mut dyn Form,
        (key, step, kind): (String, i64, MediumKind),
    ) -> anyhow::Result<Fate> {
        let format = self.request.format;
        // Of Weights & Biases' media those that are files are artifacts, of whatever kind.
        let may_be_artifact = format == ExportFormat::Mlflow && row.artifacts.is_some();
        let has_place = match (format, kind) {
            (ExportFormat::Csv | ExportFormat::Parquet, _) => false,
            (_, MediumKind::Image | MediumKind::Audio | MediumKind::Text | MediumKind::Histogram) => true,
            (_, MediumKind::Table) => format == ExportFormat::Mlflow,
            (_, MediumKind::Drawing | MediumKind::Video | MediumKind::Page) => may_be_artifact,
        };
        if !has_place {
            return Ok(Fate::Left);
        }
        let opened = self.handle.block_on(in_log(&self.engine, row.run.id, key.clone(), step));
        let Ok(InLog { time_ms, held, .. }) = opened else { return Ok(Fate::Unread) };
        let content = match held {
            Held::File(_) if may_be_artifact => return Ok(Fate::Written),
            Held::Told(content) => content,
            Held::File(file) => {
                let mut bytes = Vec::new();
                if file.take(LARGEST + 1).read_to_end(&mut bytes).is_err() {
                    return Ok(Fate::Unread);
                }
                match kind {
                    MediumKind::Image => Media::Image(bytes),
                    MediumKind::Audio => Media::Audio(bytes),
                    MediumKind::Text => Media::Text(String::from_utf8_lossy(&bytes).into_owned()),
                    _ => return Ok(Fate::Left),
                }
            }
        };
        let length = match &content {
            Media::Image(bytes) | Media::Audio(bytes) => bytes.len(),
            Media::Text(text) => text.len(),
            Media::File(_) | Media::Histogram(_) | Media::Table { .. } => 0,
        };
        match length as u64 > LARGEST {
            true => Ok(Fate::Unread),
            false => form.medium(Medium { key, step, time_ms, content }),
        }
    }
}

fn of_kind(kind: MediumKind, count: u64) -> String {
    match kind {
        MediumKind::Image => counted(count, "picture", "pictures"),
        MediumKind::Drawing => counted(count, "drawing", "drawings"),
        MediumKind::Audio => counted(count, "sound", "sounds"),
        MediumKind::Video => counted(count, "video", "videos"),
        MediumKind::Page => counted(count, "page", "pages"),
        MediumKind::Text => counted(count, "text", "texts"),
        MediumKind::Table => counted(count, "table", "tables"),
        MediumKind::Histogram => counted(count, "histogram", "histograms"),
    }
}
