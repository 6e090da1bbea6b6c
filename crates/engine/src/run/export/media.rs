//! What runs hold by step beside numbers: it goes where a form has a place for it, and the rest is counted.

use std::{
    collections::{BTreeMap, HashSet},
    fs::File,
    io::Read as _,
    time::UNIX_EPOCH,
};

use api::{
    ApiError,
    export::ExportFormat,
    media::{MediumContent, MediumKind},
    tracking::{NAME_TAG, NOTE_TAG},
};
use foreign::{Histogram, Media, mlflow_image::LoggedImage};
use store::run::RunRow;

use super::{Exporting, Form, Left, Told, artifacts_of, counted, open_artifact};
use crate::run::media::{Entry, Held, InLog, Lies, histogram, in_log, is_named_by_log, logged};

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

/// Media of a run that are left out.
#[derive(Default)]
struct Out {
    without: BTreeMap<MediumKind, u64>,
    unread: u64,
}

impl Out {
    fn count(&mut self, kind: MediumKind, fate: &Fate) {
        match fate {
            Fate::Written => {}
            Fate::Left => *self.without.entry(kind).or_default() += 1,
            Fate::Unread => self.unread += 1,
        }
    }

    /// `whose` is where they stand, behind a space, where that is not among the run's own files.
    fn say(&self, run: &str, whose: &str, place: &str, left: &mut Left) {
        let media = |count: u64| counted(count, "medium", "media");
        if !self.without.is_empty() {
            let total: u64 = self.without.values().sum();
            let kinds: Vec<String> = self.without.iter().map(|(kind, count)| of_kind(*kind, *count)).collect();
            let have = if total == 1 { "has" } else { "have" };
            left.say(format!("{run}: {}{whose} {have} no place {place}: {}.", media(total), kinds.join(", ")));
        }
        if self.unread > 0 {
            left.say(format!("{run}: {}{whose} can't be read any more, or can't be shown.", media(self.unread)));
        }
    }
}

/// What a form has no room for has no place there.
const fn place(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Mlflow => "among MLflow's artifacts",
        ExportFormat::Tensorboard => "in the event files that are written here",
        ExportFormat::Csv | ExportFormat::Parquet => "in a table of metrics",
    }
}

impl Exporting {
    /// Writes the media of a run, those of the log that it came from and, where a form takes no artifacts, those that were
    /// logged among these by step. What is left out is counted and said: where a form takes no artifacts, all that it has no
    /// place for.
    pub(super) fn media(
        &self,
        row: &RunRow,
        told: &Told,
        form: &mut dyn Form,
        left: &mut Left,
        step: &mut dyn FnMut(f64, &str) -> Result<(), ApiError>,
    ) -> anyhow::Result<()> {
        let format = self.request.format;
        let is_store = format == ExportFormat::Mlflow;
        // They are artifacts there, and these were not asked for.
        if is_store && !self.request.artifacts {
            return Ok(());
        }
        let (id, name) = (row.run.id, &row.run.name);
        let of_logs = self.read(move |c| store::medium::list(c, id))?;
        let has_log = !of_logs.is_empty();
        // A file store has the artifacts as they lie.
        let artifacts = if is_store { Vec::new() } else { artifacts_of(row, &self.engine.workspace().run(row.run.id)) };
        let (mut in_logs, mut own, mut known) = (Out::default(), Out::default(), HashSet::new());
        for (key, at, entry) in logged(&row.run, &artifacts, of_logs) {
            step(0.7, &format!(", {key}"))?;
            let fate = self.medium(row, form, (key, at, &entry))?;
            match entry.lies {
                Lies::Log(_) => in_logs.count(entry.kind, &fate),
                Lies::Artifact(path) => {
                    own.count(entry.kind, &fate);
                    known.insert(path);
                }
            }
        }
        in_logs.say(name, " of its log", place(format), left);
        own.say(name, "", place(format), left);
        if is_store {
            return Ok(());
        }
        // A small copy of a picture is nothing of its own.
        let is_copy = |path: &str| {
            let image = path.strip_prefix("artifacts/").and_then(LoggedImage::of);
            image.is_some_and(|image| image.compressed)
        };
        let others = artifacts.iter().map(|artifact| artifact.path.as_str());
        let others = others.filter(|&path| !known.contains(path) && !is_copy(path) && !is_named_by_log(has_log, path));
        self.say_without(told, others.count() as u64, left)
    }

    /// Says what else of a run a form that takes no artifacts has no place for.
    fn say_without(&self, told: &Told, artifacts: u64, left: &mut Left) -> anyhow::Result<()> {
        let run = &told.run;
        let has_words = matches!(self.request.format, ExportFormat::Csv | ExportFormat::Parquet);
        // A column each in a table.
        let tags = run.tags.keys().filter(|key| !has_words && ![NAME_TAG, NOTE_TAG].contains(&key.as_str())).count();
        let notes = u64::from(!has_words && !run.notes.is_empty());
        let left_out = [
            counted_some(tags as u64, "tag", "tags"),
            counted_some(notes, "note", "notes"),
            counted_some(told.inputs.len() as u64, "dataset", "datasets"),
            counted_some(self.models_of(told)?, "logged model", "logged models"),
            counted_some(artifacts, "artifact", "artifacts"),
        ];
        let left_out: Vec<String> = left_out.into_iter().flatten().collect();
        if !left_out.is_empty() {
            let without = place(self.request.format);
            left.say(format!("{}: without a place {without}: {}.", run.name, left_out.join(", ")));
        }
        Ok(())
    }

    /// How many logged models are of a run; what a client deleted is of none any more.
    fn models_of(&self, told: &Told) -> anyhow::Result<u64> {
        if told.models.all.is_empty() {
            return Ok(0);
        }
        let ids: Vec<String> = told.models.all.iter().cloned().collect();
        self.read(move |c| {
            let mut count = 0;
            for id in &ids {
                let model = store::logged_model::get(c, id)?;
                count += u64::from(model.is_some_and(|model| model.deleted_ms.is_none()));
            }
            Ok(count)
        })
    }

    fn medium(
        &self,
        row: &RunRow,
        form: &mut dyn Form,
        (key, step, entry): (String, i64, &Entry),
    ) -> anyhow::Result<Fate> {
        let (format, kind) = (self.request.format, entry.kind);
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
        let (time_ms, held) = match &entry.lies {
            Lies::Log(at) => {
                let opened = self.handle.block_on(in_log(&self.engine, row.run.id, key.clone(), (step, *at)));
                let Ok(InLog { time_ms, held, .. }) = opened else { return Ok(Fate::Unread) };
                (time_ms, held)
            }
            Lies::Artifact(path) => {
                let folder = self.engine.workspace().run(row.run.id);
                let Ok(file) = open_artifact(row, &folder, path) else { return Ok(Fate::Unread) };
                let time_ms = entry.time_ms.or_else(|| modified_ms(&file)).unwrap_or_else(|| row.run.began_ms());
                (time_ms, Held::File(file))
            }
        };
        let content = match held {
            Held::File(_) if may_be_artifact => return Ok(Fate::Written),
            Held::Told(content) => content,
            Held::File(file) => match of_file(file, kind) {
                Ok(content) => content,
                Err(fate) => return Ok(fate),
            },
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

/// What a file of a kind holds, or what becomes of it.
fn of_file(file: File, kind: MediumKind) -> Result<Media, Fate> {
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|_| Fate::Unread)?;
    match kind {
        MediumKind::Image => Ok(Media::Image(bytes)),
        MediumKind::Audio => Ok(Media::Audio(bytes)),
        MediumKind::Text => Ok(Media::Text(String::from_utf8_lossy(&bytes).into_owned())),
        MediumKind::Histogram => match histogram(&bytes) {
            Ok(MediumContent::Histogram { edges, counts }) => Ok(Media::Histogram(Histogram { edges, counts })),
            _ => Err(Fate::Unread),
        },
        MediumKind::Drawing | MediumKind::Video | MediumKind::Page | MediumKind::Table => Err(Fate::Left),
    }
}

fn modified_ms(file: &File) -> Option<i64> {
    let modified = file.metadata().and_then(|metadata| metadata.modified()).ok()?;
    i64::try_from(modified.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

/// `None` of none.
fn counted_some(count: u64, one: &str, many: &str) -> Option<String> {
    (count > 0).then(|| counted(count, one, many))
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
