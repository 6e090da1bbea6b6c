//! What a reader tells becomes runs: committed in pieces, so that neither memory nor a transaction grows with the log.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    io::Write as _,
};

use anyhow::Context as _;
use api::{
    ApiError, ErrorCode, ExperimentId, ProjectId, RunId,
    event::Tag,
    figure::counted,
    media::{MediumKind, medium_by_name},
    source::{Source, SourceWarning},
};
use foreign::{Head, Mark, Media, Reader, Told};
use store::{medium::MediumRow, source::SourceRow};
use tokio::task::JoinHandle;

use super::{
    around,
    committing::{OfSeries, Piece, Place, Written, forget, forgotten},
    following,
    models::Wrote,
};
use crate::{
    Engine, error,
    jobs::JobContext,
    run::{self, Lists, name, uncommitted},
    tracking::texts::MOST_TEXT,
};

/// Points in one transaction, about.
const POINTS: usize = 100_000;
/// Media in one transaction.
const MEDIA: usize = 1_000;
/// Bytes of output that are written at once.
const OUTPUT: usize = 4 << 20;
/// Runs in one transaction.
const RUNS: usize = 1_000;
/// Bytes of params and tags that are written at once, about.
const TEXTS: usize = 16 << 20;
/// Bytes of a param or a tag that is taken: it is in memory wherever its run is looked at.
const LONGEST_TEXT: usize = 4 << 20;
/// Characters of a key that are said.
const SAID: usize = 80;
/// Warnings that are kept; the rest are counted.
const WARNINGS: usize = 100;

#[derive(Debug, Clone, Default)]
pub(super) struct Taken {
    pub(super) runs: u64,
    pub(super) points: u64,
    /// Where its runs stand, by name.
    pub(super) experiments: Vec<String>,
    /// Another program keeps the rest to itself for now.
    pub(super) waits: bool,
    /// Some of its runs are not over.
    pub(super) is_open: bool,
    /// What this reading could not read, and said of it.
    pub(super) warned: u64,
}

struct Taking<'a> {
    engine: &'a Engine,
    source: Source,
    /// As it stands while what is committed ends at no mark.
    broken: SourceRow,
    /// The mark that what is committed ends at, and nothing behind it.
    reached: Option<Mark>,
    piece: Piece,
    /// What is committed while the next piece is told.
    pending: Option<Pending>,
    taken: Taken,
    warnings: Vec<SourceWarning>,
    warned: u64,
    /// Files that are read from their beginning again.
    anew: Vec<String>,
    media: u64,
    /// Why the rest can't be read for now.
    waits: Option<String>,
    changed: HashSet<RunId>,
    told: HashSet<RunId>,
    lists: HashSet<Lists>,
    /// Whose models changed, and whether any did.
    projects: HashSet<ProjectId>,
    models: bool,
    /// Until something is told.
    begun: Option<Begun>,
    context: Option<&'a JobContext>,
}

/// A piece that is being committed.
struct Pending {
    written: JoinHandle<store::Result<Written>>,
    /// Where it ends.
    mark: Option<Mark>,
    /// The mark is kept once what stands in files is written.
    is_late: bool,
}

/// A reading of which nothing is committed yet.
#[derive(Clone, Copy)]
struct Begun {
    /// The last reading broke off: what it told is told anew.
    anew: bool,
}

/// Reads a source on and commits it. Blocks.
pub(super) fn take(
    engine: &Engine,
    mut row: SourceRow,
    reader: &dyn Reader,
    context: Option<&JobContext>,
) -> anyhow::Result<Taken> {
    let runtime = tokio::runtime::Handle::current();
    let id = row.source.id;
    let before = row.clone();
    if !before.is_whole {
        row.mark = serde_json::Value::Null;
    }
    row.is_whole = false;
    let mut taking = Taking {
        engine,
        source: row.source.clone(),
        broken: row.clone(),
        reached: None,
        piece: Piece::default(),
        pending: None,
        taken: Taken::default(),
        warnings: Vec::new(),
        warned: 0,
        anew: Vec::new(),
        media: 0,
        waits: None,
        changed: HashSet::new(),
        told: HashSet::new(),
        lists: HashSet::new(),
        projects: HashSet::new(),
        models: false,
        begun: Some(Begun { anew: !before.is_whole }),
        context,
    };
    let read = reader.read(&Mark(row.mark.clone()), &mut |told| taking.hear(told).map_err(untaken));
    let read = read.map_err(anyhow::Error::from).and_then(|mark| taking.commit(Some(mark.clone())).map(|()| mark));
    let settled = taking.settle();
    let read = read.and_then(|mark| settled.map(|()| mark));
    if taking.media > 0 {
        let message = format!(
            "{} media of kinds that are not shown here were left out: open them in the tool that wrote them.",
            taking.media
        );
        taking.warn(taking.source.path.clone(), message, false);
    }
    taking.taken.warned = taking.warned;
    let source = &mut row.source;
    // A reading that tells nothing new leaves what the one before said, also where it only finds that a run is over.
    if taking.warned > 0 || taking.taken.points > 0 {
        // From its beginning on all of it was said again.
        if before.is_whole && !before.mark.is_null() {
            taking.add_to(&before.source);
        }
        (source.warnings, source.warned) = (std::mem::take(&mut taking.warnings), taking.warned);
    }
    source.read_ms = Some(engine.now_ms());
    let waits = taking.waits.map(|why| {
        ApiError::new(ErrorCode::Busy, why).with_hint(
            "What was read until now stays. A followed log is read on by itself, another by `slipway source read`.",
        )
    });
    source.error = read.as_ref().err().map(error::told).or(waits);
    let has_told = taking.begun.is_none();
    let anew = taking.begun.is_some_and(|begun| begun.anew && source.error.is_none());
    match &read {
        Ok(mark) if has_told || source.error.is_none() => (row.mark, row.is_whole) = (mark.0.clone(), true),
        // A log that can't be read now, as of a drive that is away, has told nothing: all stays as it was.
        _ if !has_told => (row.mark, row.is_whole) = (before.mark, before.is_whole),
        // Broken off: the next one goes on from what is committed.
        _ => {
            if let Some(mark) = taking.reached.take() {
                (row.mark, row.is_whole) = (mark.0, true);
            }
        }
    }
    let source = &row.source;
    let (mut taken, changed, lists) = (taking.taken, taking.changed, taking.lists);
    let (projects, models) = (taking.projects, taking.models);
    taken.waits = source.error.as_ref().is_some_and(|error| error.code == ErrorCode::Busy);
    let into: BTreeSet<ExperimentId> = lists.iter().map(|lists| lists.experiment).collect();
    (taken.is_open, taken.experiments) = runtime.block_on(engine.store().write(move |tx| {
        if anew {
            forget(tx, id)?;
        }
        store::source::keep(tx, &row)?;
        let mut names = Vec::new();
        for experiment in into {
            names.extend(store::experiment::get(tx, experiment)?.map(|found| found.name));
        }
        names.sort();
        Ok((store::source::is_open(tx, id)?, names))
    }))?;
    changed.into_iter().for_each(|run| engine.changed(Tag::Run(run)));
    run::announce_lists(engine, lists);
    projects.into_iter().for_each(|project| engine.changed(Tag::Models(project)));
    if models {
        engine.changed(Tag::ClientModels);
    }
    engine.changed(Tag::Experiments);
    read.map(|_| taken)
}

/// What a reader is told of what was not taken: as it is, so that it is known again behind the reader's own error.
fn untaken(error: anyhow::Error) -> Box<dyn std::error::Error + Send + Sync> {
    error.reallocate_into_boxed_dyn_error_without_backtrace()
}

impl Taking<'_> {
    fn hear(&mut self, told: Told) -> anyhow::Result<()> {
        if self.context.is_some_and(JobContext::is_cancelled) {
            return Err(crate::jobs::cancelled().into());
        }
        if following::is_stopped(self.engine, self.source.id) {
            return Err(forgotten().into());
        }
        match told {
            Told::Still => return Ok(()),
            Told::Run(head) => self.run(head),
            Told::Points { run, key, points } => {
                self.piece.count += points.len();
                self.piece.series.push(OfSeries::Points { run, key, points });
            }
            Told::Forgotten { run, key, place } => {
                let is_of = |of: &str, series: &str| of == run && key.as_ref().is_none_or(|key| key == series);
                let mut gone = 0;
                self.piece.series.retain(|told| match told {
                    OfSeries::Points { run, key, points } if is_of(run, key) => {
                        gone += points.len();
                        false
                    }
                    _ => true,
                });
                self.piece.count = self.piece.count.saturating_sub(gone);
                self.piece.series.push(OfSeries::Forgotten { run, key });
                self.anew.push(place);
            }
            Told::Rewound { run, step } => {
                self.piece.media.retain(|(of, medium)| *of != run || medium.step < step);
                self.piece.series.push(OfSeries::Rewound { run, step });
            }
            Told::Checkpoint(mark) => return self.commit(Some(mark)),
            Told::Media { run, key, step, time_ms, media, location: Some(location) } => {
                let Some(kind) = kind_of(&media) else {
                    self.media += 1;
                    return Ok(());
                };
                let location = serde_json::to_value(location)?;
                self.piece.media.push((run, MediumRow { key, step, time_ms, kind, source: self.source.id, location }));
            }
            Told::Media { .. } => self.media += 1,
            Told::Inputs(inputs) => self.piece.others.inputs.push(inputs),
            Told::Logged(head) => self.piece.others.logged.push(head),
            Told::Renamed { was, now } => self.piece.others.renamed.push((was, now)),
            Told::Models(standing) => self.piece.others.standing = Some(standing),
            Told::Model(head) => self.piece.others.models.push(head),
            Told::Group(head) => self.piece.others.groups.push(head),
            Told::Output { run, text } => {
                self.piece.output_bytes += text.len();
                self.piece.output.entry(run).or_default().push_str(&text);
            }
            Told::Warning { place, message } => self.warn(place, message, false),
            Told::LeftOut { place, message } => self.warn(place, message, true),
            Told::Anew { place, message } => {
                self.anew.push(place.clone());
                self.warn(place, message, false);
            }
            Told::Waits { why } => self.waits = Some(why),
        }
        let Piece { heads, text_bytes, media, others, count, output_bytes, .. } = &self.piece;
        if *output_bytes >= OUTPUT
            || *text_bytes >= TEXTS
            || heads.len() >= RUNS
            || *count >= POINTS
            || media.len() >= MEDIA
            || others.len() >= RUNS
        {
            self.commit(None)?;
        }
        Ok(())
    }

    /// Takes a run but for those of its texts that are far too long, or too many together. What is cut is said, too.
    fn run(&mut self, mut head: Head) {
        let (mut bytes, mut long, mut beyond) = (0, Vec::new(), 0);
        for (kind, pairs) in [("param", &mut head.params), ("tag", &mut head.tags)] {
            pairs.retain(|(key, value)| {
                let own = key.len() + value.len();
                if value.len() > LONGEST_TEXT {
                    let key: String = key.chars().take(SAID).collect();
                    long.push(format!(
                        "the {kind} \"{key}\" was left out: it has {} bytes, more than {LONGEST_TEXT}",
                        value.len()
                    ));
                    return false;
                }
                if bytes + own > MOST_TEXT {
                    beyond += 1;
                    return false;
                }
                bytes += own;
                true
            });
        }
        if beyond > 0 {
            let what = counted(beyond, "param or tag was", "params and tags were");
            long.push(format!("{what} left out: those of a run have {MOST_TEXT} bytes together at most"));
        }
        if let Some(bytes) = head.notes.as_mut().and_then(name::cut_notes) {
            long.push(format!("the notes were cut: they have {bytes} bytes, more than are kept"));
        }
        for (what, told) in [("name", Some(&head.name)), ("user", head.user.as_ref())] {
            if told.is_some_and(|told| name::of_log(told).len() < told.len()) {
                long.push(format!("the {what} was cut: it has more characters than are kept"));
            }
        }
        around::gather(&mut head.surroundings);
        bytes += head.surroundings.environment.iter().map(|(name, fact)| name.len() + fact.len()).sum::<usize>();
        self.piece.text_bytes += bytes;
        let place = format!("{}, run {}", self.source.path, head.key);
        for message in long {
            // A run is told as often as it changes.
            if !self.warnings.iter().any(|said| said.place == place && said.message == message) {
                self.warn(place.clone(), message, true);
            }
        }
        self.piece.heads.push(head);
    }

    /// How the source stands once what was told is committed: up to a mark, or broken off.
    fn row_at(&self, mark: Option<&Mark>) -> SourceRow {
        let mut row = self.broken.clone();
        let Some(mark) = mark else { return row };
        let goes_on = !row.mark.is_null();
        (row.mark, row.is_whole) = (mark.0.clone(), true);
        let source = &mut row.source;
        // What was said of what stands up to the mark is not said again.
        source.warnings.retain(|warning| goes_on && warning.of_rows && !self.warnings.contains(warning));
        source.warnings.extend(self.warnings.iter().cloned());
        source.warnings.truncate(WARNINGS);
        source.warned = self.warned.max(source.warnings.len() as u64);
        row
    }

    fn warn(&mut self, place: String, message: String, of_rows: bool) {
        self.warned += 1;
        if self.warnings.len() < WARNINGS {
            self.warnings.push(SourceWarning { place, message, of_rows });
        }
    }

    /// What was said before of rows that stand still stays said, before what this reading says.
    fn add_to(&mut self, before: &Source) {
        let is_anew = |warning: &SourceWarning| self.anew.iter().any(|place| warning.place.starts_with(place));
        let stays = |warning: &&SourceWarning| warning.of_rows && !is_anew(warning) && !self.warnings.contains(warning);
        let kept: Vec<SourceWarning> = before.warnings.iter().filter(stays).cloned().collect();
        // Beyond those that are kept nobody knows which they were.
        let uncounted = before.warned.saturating_sub(before.warnings.len() as u64);
        self.warned += kept.len() as u64 + if self.anew.is_empty() { uncounted } else { 0 };
        self.warnings.splice(0..0, kept);
        self.warnings.truncate(WARNINGS);
    }

    /// Begins to commit what was told, up to the mark where the log is read on, if it is told; the reader tells the next
    /// piece meanwhile, and [`Self::settle`] waits for this one.
    fn commit(&mut self, mark: Option<Mark>) -> anyhow::Result<()> {
        self.settle()?;
        if let Some(context) = self.context {
            let Taken { runs, points, .. } = self.taken;
            context.progress(None, format!("{}, {}", counted(runs, "run", "runs"), counted(points, "point", "points")));
        }
        let piece = std::mem::take(&mut self.piece);
        // A mark behind which nothing was told makes a difference only to what was committed without one.
        let has_told = self.begun.is_none();
        if piece.is_empty() && !(has_told && self.reached.is_none() && mark.is_some()) {
            return Ok(());
        }
        self.taken.points += piece.count as u64;
        let begun = self.begun;
        // One that stands as broken off stays so until a mark is told.
        // What stands in files is behind the database: the mark is kept once they are written.
        let mut heads = piece.heads.iter();
        let takes_back = begun.is_some_and(|begun| begun.anew) || heads.clone().any(|head| head.replaces);
        let is_late = takes_back || !piece.output.is_empty() || heads.any(|head| head.surroundings.patch.is_some());
        let is_other = begun.is_some() || mark.is_some() || self.reached.is_some();
        let place = Place {
            engine: self.engine.clone(),
            source: self.source.clone(),
            anew: begun.is_some_and(|begun| begun.anew),
            kept: is_other.then(|| self.row_at(mark.as_ref().filter(|_| !is_late))),
            now_ms: self.engine.now_ms(),
        };
        let store = self.engine.store().clone();
        let runtime = tokio::runtime::Handle::current();
        let written = runtime.spawn(async move { store.write(move |tx| piece.write(tx, place)).await });
        self.pending = Some(Pending { written, mark, is_late });
        // What is told from here on belongs behind what stands in files.
        if is_late { self.settle() } else { Ok(()) }
    }

    /// Waits until the piece before is committed, and writes what of it stands in files.
    fn settle(&mut self) -> anyhow::Result<()> {
        let Some(Pending { written, mark, is_late }) = self.pending.take() else { return Ok(()) };
        let runtime = tokio::runtime::Handle::current();
        let written = runtime.block_on(written).context("wait for what was read to be kept")??;
        (self.begun, self.reached) = (None, mark.clone().filter(|_| !is_late));
        for run in written.stale {
            for path in
                [run::output_of(self.engine.workspace(), run), uncommitted::path_of(self.engine.workspace(), run)]
            {
                match fs::remove_file(&path) {
                    // The mark stays back, so that the next reading removes it.
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(error).with_context(|| format!("remove {}", path.display()));
                    }
                    _ => {}
                }
            }
        }
        for (run, patch) in written.patches {
            if let Err(error) = uncommitted::keep_file(self.engine.workspace(), run, &patch) {
                self.warn(patch.display().to_string(), format!("what was not committed is not kept: {error}"), false);
            }
        }
        for (run, text) in written.output {
            let path = run::output_of(self.engine.workspace(), run);
            let write = || {
                fs::create_dir_all(path.parent().unwrap_or(&path))?;
                fs::File::options().append(true).create(true).open(&path)?.write_all(text.as_bytes())
            };
            write().with_context(|| format!("write {}", path.display()))?;
        }
        if let Some(mark) = mark.filter(|_| is_late) {
            let row = self.row_at(Some(&mark));
            runtime.block_on(self.engine.store().write(move |tx| store::source::keep(tx, &row)))?;
            self.reached = Some(mark);
        }
        let place = self.source.path.clone();
        let Wrote { apart, models, projects, .. } = written.others;
        apart.into_iter().for_each(|message| self.warn(place.clone(), message, false));
        self.models |= models;
        self.projects.extend(projects);
        // A log tells a run again where something of it changed.
        self.told.extend(written.told);
        self.taken.runs = self.told.len() as u64;
        self.changed.extend(written.changed);
        self.lists.extend(written.lists);
        Ok(())
    }
}

/// `None` of a file of a kind that is not shown.
fn kind_of(media: &Media) -> Option<MediumKind> {
    Some(match media {
        Media::Image(_) => MediumKind::Image,
        Media::Audio(_) => MediumKind::Audio,
        Media::Text(_) => MediumKind::Text,
        Media::Table { .. } => MediumKind::Table,
        Media::Histogram(_) => MediumKind::Histogram,
        Media::File(path) => return medium_by_name(path.to_str()?).map(|(_, kind)| kind),
    })
}

#[cfg(test)]
mod tests {
    use store::StoreError;

    use super::*;

    #[test]
    fn a_full_disk_under_a_reading_is_told_as_such() {
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let failed = StoreError::File { what: "can't write", path: "/srv/slipway.db".into(), source: full };
        let read = foreign::ForeignError::NotTaken(untaken(failed.into()));
        let told = error::told(&read.into());
        assert!(told.code == ErrorCode::NoSpace && told.hint.is_some(), "{told}");
        assert!(told.message.starts_with("Can't keep what was read: The disk is full: "), "{told}");
        let read = foreign::ForeignError::NotTaken(untaken(forgotten().into()));
        assert_eq!(error::told(&read.into()).code, ErrorCode::NotFound);
    }
}
