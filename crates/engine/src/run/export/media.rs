//! What other tools' logs hold beside numbers: pictures go where a form has a place for them, and the rest is counted.

use std::{collections::BTreeMap, io::Read as _};

use api::{ApiError, export::ExportFormat, media::MediumKind};
use foreign::Media;
use store::run::RunRow;

use super::{Exporting, Form, Left, counted};
use crate::run::media::{Held, in_log};

/// Bytes of a picture at most: TensorBoard's files hold each in one record, and of these 64 MiB are read.
const LARGEST: u64 = 32 << 20;

/// A picture of a step, in its own encoding.
pub(super) struct Picture {
    pub(super) key: String,
    pub(super) step: i64,
    pub(super) time_ms: i64,
    pub(super) bytes: Vec<u8>,
}

/// What becomes of a medium.
enum Fate {
    Written,
    /// It has no place.
    Left,
    /// Its log went, or changed since it was read; or it is no picture that can be read, or too large.
    Unread,
}

impl Exporting {
    /// Writes the pictures that stand in the log that a run came from, and says how much of its other media is left out.
    pub(super) fn media(
        &self,
        row: &RunRow,
        form: &mut dyn Form,
        left: &mut Left,
        step: &mut dyn FnMut(f64, &str) -> Result<(), ApiError>,
    ) -> anyhow::Result<()> {
        let format = self.request.format;
        // Pictures are artifacts there, and these were not asked for.
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
            let pictures = counted(unread, "medium of its log", "media of its log");
            left.say(format!("{}: {pictures} can't be read any more, or can't be drawn.", row.run.name));
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
        let has_place = matches!(format, ExportFormat::Mlflow | ExportFormat::Tensorboard);
        // Of Weights & Biases' media those that are files are artifacts, of whatever kind.
        let may_be_artifact = format == ExportFormat::Mlflow && row.artifacts.is_some();
        if !has_place || kind != MediumKind::Image && !may_be_artifact {
            return Ok(Fate::Left);
        }
        let opened = self.handle.block_on(in_log(&self.engine, row.run.id, key.clone(), step));
        let Ok((time_ms, held)) = opened else { return Ok(Fate::Unread) };
        let bytes = match held {
            Held::File(_) if may_be_artifact => return Ok(Fate::Written),
            _ if kind != MediumKind::Image => return Ok(Fate::Left),
            Held::Told(Media::Image(bytes)) => bytes,
            Held::File(file) => {
                let mut bytes = Vec::new();
                match file.take(LARGEST + 1).read_to_end(&mut bytes) {
                    Ok(_) => bytes,
                    Err(_) => return Ok(Fate::Unread),
                }
            }
            Held::Told(_) => return Ok(Fate::Left),
        };
        let is_written = bytes.len() as u64 <= LARGEST && form.picture(Picture { key, step, time_ms, bytes })?;
        Ok(if is_written { Fate::Written } else { Fate::Unread })
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
