//! What a reader tells becomes runs: committed in pieces, so that neither memory nor a transaction grows with the log.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs,
    io::Write as _,
};

use anyhow::Context as _;
use api::{
    ApiError, ErrorCode, ExperimentId, ProjectId, RunId, SourceId,
    event::Tag,
    figure::counted,
    media::{MediumKind, medium_by_name},
    run::{Code, Run, RunKind},
    series::Point,
    source::{Kind, Source, SourceWarning},
    tracking::Experiment,
};
use foreign::{Head, Mark, Media, Reader, Surroundings, Told};
use store::{
    StoreError,
    medium::MediumRow,
    run::RunRow,
    source::{Became, SourceRow},
};

use super::{
    around, following,
    heard::{Heard, tag_of},
    models::{self, Others},
};
use crate::{
    Engine, error,
    jobs::JobContext,
    run::{self, Lists, name, surroundings::masked_command, uncommitted},
    tracking::{
        client::{self, code_of},
        texts::MOST_TEXT,
    },
};

/// The tag under which readers tell that a run is deleted in its own tool.
const LIFECYCLE_TAG: &str = "mlflow.lifecycle_stage";
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

/// What was told and is not committed yet.
#[derive(Default)]
struct Piece {
    heads: Vec<Head>,
    /// Of the heads' params and tags.
    text_bytes: usize,
    series: Vec<OfSeries>,
    /// By the run's key in its log.
    media: Vec<(String, MediumRow)>,
    /// What the runs wrote to the terminal, by the run's key in its log.
    output: HashMap<String, String>,
    output_bytes: usize,
    others: Others,
    count: usize,
}

/// What is told of a run's series, in the order in which it is told; of a run by its key in its log.
enum OfSeries {
    Points {
        run: String,
        key: String,
        points: Vec<Point>,
    },
    /// From a step on it is told anew.
    Rewound {
        run: String,
        step: i64,
    },
    /// A series that is told anew; without a key all of the run.
    Forgotten {
        run: String,
        key: Option<String>,
    },
}

struct Taking<'a> {
    engine: &'a Engine,
    source: Source,
    /// As it stands while what is committed ends at no mark.
    broken: SourceRow,
    /// The mark that what is committed ends at, and nothing behind it.
    reached: Option<Mark>,
    piece: Piece,
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

/// A reading of which nothing is committed yet.
#[derive(Clone, Copy)]
struct Begun {
    /// The last reading broke off: what it told is told anew.
    anew: bool,
}

/// Forgets what is told anew.
fn forget(tx: &store::Transaction<'_>, source: SourceId) -> store::Result<()> {
    store::source::forget_points(tx, source)?;
    store::medium::forget(tx, source)
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

fn forgotten() -> ApiError {
    ApiError::not_found("The log was forgotten while it was read, or its project.")
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

    /// Commits what was told, up to the mark where the log is read on, if it is told.
    fn commit(&mut self, mark: Option<Mark>) -> anyhow::Result<()> {
        if let Some(context) = self.context {
            let Taken { runs, points, .. } = self.taken;
            context.progress(None, format!("{}, {}", counted(runs, "run", "runs"), counted(points, "point", "points")));
        }
        let Piece { heads, text_bytes: _, series, media, others, count, output, output_bytes: _ } =
            std::mem::take(&mut self.piece);
        let is_empty =
            heads.is_empty() && series.is_empty() && media.is_empty() && output.is_empty() && others.len() == 0;
        // A mark behind which nothing was told makes a difference only to what was committed without one.
        let has_told = self.begun.is_none();
        if is_empty && !(has_told && self.reached.is_none() && mark.is_some()) {
            return Ok(());
        }
        self.taken.points += count as u64;
        let (source, engine) = (self.source.clone(), self.engine.clone());
        let runtime = tokio::runtime::Handle::current();
        let now_ms = engine.now_ms();
        let (written, begun) = (engine.clone(), self.begun);
        // One that stands as broken off stays so until a mark is told.
        // What stands in files is behind the database: the mark is kept once they are written.
        let takes_back = begun.is_some_and(|begun| begun.anew) || heads.iter().any(|head| head.replaces);
        let is_late = takes_back || !output.is_empty() || heads.iter().any(|head| head.surroundings.patch.is_some());
        let is_other = begun.is_some() || mark.is_some() || self.reached.is_some();
        let kept = is_other.then(|| self.row_at(mark.as_ref().filter(|_| !is_late)));
        let (changed, lists, told, wrote, files) = runtime.block_on(engine.store().write(move |tx| {
            let mut stale = Vec::new();
            if begun.is_some_and(|begun| begun.anew) {
                forget(tx, source.id)?;
                stale = store::source::runs(tx, source.id)?;
            }
            let Some(now) = store::source::get(tx, source.id)? else { return Err(StoreError::from(forgotten())) };
            // What came of the log would stand where nobody sees it.
            super::refuse_if_resting(tx, &now.source)?;
            if let Some(row) = kept {
                store::source::keep(tx, &row)?;
            }
            let mut changed = HashSet::new();
            let mut lists = HashSet::new();
            let mut told = HashSet::new();
            let mut patches = Vec::new();
            // Before the runs that are told under the new names.
            models::rename_groups(tx, source.id, &others.renamed, now_ms)?;
            for head in heads {
                let (replaces, patch) = (head.replaces, head.surroundings.patch.clone());
                let Some(row) = put(tx, &written, &source, head, now_ms)? else { continue };
                stale.extend(replaces.then_some(row.run.id));
                patches.extend(patch.map(|patch| (row.run.id, patch)));
                lists.insert(Lists::of(&row.run));
                changed.insert(row.run.id);
                told.insert(row.run.id);
            }
            let mut known: HashMap<String, Option<RunId>> = HashMap::new();
            for told in series {
                let (OfSeries::Points { run: key, .. }
                | OfSeries::Rewound { run: key, .. }
                | OfSeries::Forgotten { run: key, .. }) = &told;
                let run = match known.get(key) {
                    Some(run) => *run,
                    None => {
                        let run = store::source::run(tx, source.id, key)?.run();
                        let row = run.map(|run| store::run::bare(tx, run)).transpose()?.flatten();
                        lists.extend(row.map(|row| Lists::of(&row.run)));
                        known.insert(key.clone(), run);
                        run
                    }
                };
                // A run that a person deleted for good stays deleted.
                let Some(run) = run else { continue };
                changed.insert(run);
                match told {
                    OfSeries::Points { key, points, .. } => {
                        store::metric::append(tx, run, &key, &points)?;
                    }
                    OfSeries::Rewound { step, .. } => {
                        store::metric::forget_from(tx, run, step)?;
                        store::medium::forget_from(tx, source.id, run, step)?;
                    }
                    OfSeries::Forgotten { key: Some(key), .. } => store::metric::forget_series(tx, run, &key)?,
                    OfSeries::Forgotten { key: None, .. } => store::metric::forget(tx, run)?,
                }
            }
            for (key, row) in media {
                if let Some(run) = store::source::run(tx, source.id, &key)?.run() {
                    match source.kind {
                        // A picture that is logged without a step stands at 0, as often as it is logged.
                        Kind::TensorBoard => store::medium::put_beside(tx, run, &row)?,
                        _ => store::medium::put(tx, run, &row)?,
                    }
                    changed.insert(run);
                }
            }
            let mut written_by = Vec::new();
            for (key, text) in output {
                if let Some(run) = store::source::run(tx, source.id, &key)?.run() {
                    written_by.push((run, text));
                    changed.insert(run);
                }
            }
            let wrote = models::put(tx, &written, &source, others, now_ms)?;
            changed.extend(&wrote.runs);
            Ok((changed, lists, told, wrote, (stale, written_by, patches)))
        }))?;
        let (stale, output, patches) = files;
        (self.begun, self.reached) = (None, mark.clone().filter(|_| !is_late));
        for run in stale {
            for path in [run::output_of(engine.workspace(), run), uncommitted::path_of(engine.workspace(), run)] {
                match fs::remove_file(&path) {
                    // The mark stays back, so that the next reading removes it.
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(error).with_context(|| format!("remove {}", path.display()));
                    }
                    _ => {}
                }
            }
        }
        for (run, patch) in patches {
            if let Err(error) = uncommitted::keep_file(engine.workspace(), run, &patch) {
                self.warn(patch.display().to_string(), format!("what was not committed is not kept: {error}"), false);
            }
        }
        for (run, text) in output {
            let path = run::output_of(engine.workspace(), run);
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
        wrote.apart.into_iter().for_each(|message| self.warn(place.clone(), message, false));
        self.models |= wrote.models;
        self.projects.extend(wrote.projects);
        // A log tells a run again where something of it changed.
        self.told.extend(told);
        self.taken.runs = self.told.len() as u64;
        self.changed.extend(changed);
        self.lists.extend(lists);
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

/// Enters a run of the log, or brings it up to date; not one that a person deleted for good.
fn put(
    tx: &store::Transaction<'_>,
    engine: &Engine,
    source: &Source,
    head: Head,
    now_ms: i64,
) -> store::Result<Option<RunRow>> {
    let known = store::source::run(tx, source.id, &head.key)?;
    if known == Became::Gone {
        return Ok(None);
    }
    let known = known.run();
    let before = known.map(|id| store::run::bare(tx, id)).transpose()?.flatten();
    let row = match before {
        Some(row) => row,
        None => {
            let id = id_of(tx, source.id, &head)?;
            let experiment = experiment_of(tx, engine, source, &head.group, now_ms)?;
            let row = client::new_row(id, &experiment, name::of_log(&head.name), RunKind::Imported, head.created_ms);
            // Of an experiment that was deleted, alone or with its project, it comes and goes with that.
            RunRow { run: Run { deleted_ms: experiment.deleted_ms, ..row.run }, ..row }
        }
    };
    let is_new = known.is_none();
    let called = name::of_log(&head.name);
    let was_called = store::source::name_of_run(tx, source.id, &head.key)?;
    // Deleted and restored as it was in its own tool since the last reading; in between a person decides here.
    let was_deleted =
        !is_new && store::tag::get(tx, row.run.id, LIFECYCLE_TAG)?.is_some_and(|state| state == "deleted");
    let deleted_ms = match (was_deleted, is_deleted(&head.tags)) {
        (false, true) => row.run.deleted_ms.or(Some(now_ms)),
        (true, false) => {
            store::tag::remove(tx, row.run.id, LIFECYCLE_TAG)?;
            None
        }
        _ => row.run.deleted_ms,
    };
    let mut heard = Heard::of(tx, source.id, "run", &row.run.id)?;
    // A run that a person marked as ended stays so until the log says something new of its end.
    let is_news = heard.is_news("state", &format!("{:?} {:?}", head.state, head.ended_ms));
    let (state, ended_ms) = if is_news { (head.state, head.ended_ms) } else { (row.run.state, row.run.ended_ms) };
    // Where the log was written anew, or an earlier row of it was read, it says another start than at first.
    let is_earlier = head.created_ms < row.run.started_ms.unwrap_or(row.run.created_ms);
    let started_ms = if !is_new && head.created_ms > 0 && (is_earlier || head.replaces) {
        Some(head.created_ms)
    } else {
        row.run.started_ms
    };
    let noted = Some(row.run.notes.as_str()).filter(|notes| !notes.is_empty());
    let notes = head.notes.filter(|notes| !notes.is_empty() && heard.takes("notes", noted, notes));
    let tagged = code_of(|key| head.tags.iter().find(|(own, _)| own.as_str() == key).map(|(_, value)| value.as_str()));
    let Surroundings { environment, patch, exit_code, requirements: _ } = head.surroundings;
    let code = tagged.or_else(|| head.commit.map(|commit| Code { commit, branch: None, dirty: patch.is_some() }));
    let run = Run {
        // A name that a person gave here stays.
        name: if was_called.as_deref() == Some(row.run.name.as_str()) { called.clone() } else { row.run.name },
        state,
        started_ms,
        ended_ms,
        user: head.user.map(|user| name::of_log(&user)).or(row.run.user),
        code: code.or(row.run.code),
        command: head.command.map(|command| masked_command(&command)).or(row.run.command),
        environment: if environment.is_empty() && !head.replaces { row.run.environment } else { environment },
        exit_code,
        notes: notes.unwrap_or(row.run.notes),
        deleted_ms,
        ..row.run
    };
    // Also where the log names none any more, or one that is not read: what was taken before is not in force then.
    let artifacts = head.artifacts.map(|folder| folder.to_string_lossy().into_owned());
    let row = RunRow { run, artifacts, ..row };
    store::run::put(tx, &row)?;
    if was_called.is_none_or(|was| was != called) {
        store::source::put_run(tx, source.id, &head.key, row.run.id, &called)?;
    }
    if head.replaces && !is_new {
        store::medium::forget_from(tx, source.id, row.run.id, i64::MIN)?;
        replace(tx, row.run.id, &head.tags, &mut heard)?;
    }
    for (key, value) in &head.params {
        store::param::put(tx, row.run.id, key, value)?;
    }
    let here = if heard.is_first() { BTreeMap::new() } else { store::tag::of_run(tx, row.run.id)? };
    for (key, value) in &head.tags {
        // What a person chose here stays.
        if heard.takes(&tag_of(key), here.get(key).map(String::as_str), value) || key == LIFECYCLE_TAG {
            store::tag::put(tx, row.run.id, key, value)?;
        }
    }
    heard.keep(tx)?;
    Ok(Some(row))
}

/// Ends what a log told of a run before; of its tags what the log says no more, and a person left.
fn replace(tx: &store::Transaction<'_>, run: RunId, says: &[(String, String)], heard: &mut Heard) -> store::Result<()> {
    store::metric::forget(tx, run)?;
    store::param::forget(tx, run)?;
    let here = store::tag::of_run(tx, run)?;
    for tag in heard.tags().into_iter().filter(|tag| says.iter().all(|(key, _)| key != tag)) {
        if heard.ends(&tag_of(&tag), here.get(&tag).map_or("", String::as_str)) {
            store::tag::remove(tx, run, &tag)?;
        }
    }
    Ok(())
}

fn is_deleted(tags: &[(String, String)]) -> bool {
    tags.iter().any(|(key, value)| key == LIFECYCLE_TAG && value == "deleted")
}

/// The id that its tool gave it, unless a run has that; else one made of the source and the key.
fn id_of(tx: &store::Transaction<'_>, source: SourceId, head: &Head) -> store::Result<RunId> {
    if let Some(id) = head.id.map(RunId::from_bytes)
        && store::run::standing(tx, id)?.is_none()
    {
        return Ok(id);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(source.as_bytes());
    hasher.update(head.key.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Ok(RunId::from_bytes(bytes))
}

/// The experiment that a group of the log becomes, called as the group is, or as much like it as others allow.
pub(super) fn experiment_of(
    tx: &store::Transaction<'_>,
    engine: &Engine,
    source: &Source,
    group: &str,
    now_ms: i64,
) -> store::Result<Experiment> {
    let known = store::source::group(tx, source.id, group)?;
    if let Some(id) = known
        && let Some(experiment) = store::experiment::get(tx, id)?
    {
        return Ok(experiment);
    }
    let id = ExperimentId::from_bytes(engine.new_id());
    let wanted = if group.is_empty() { source.path.rsplit(['/', '\\']).next().unwrap_or("imported") } else { group };
    let wanted = &*name::of_log(wanted);
    let taken = store::experiment::named(tx, wanted)?.filter(|found| found.deleted_ms.is_none());
    let name = match taken {
        // What is called as its project is the project's own.
        Some(own) if own.is_own && own.project == source.project => {
            store::source::put_group(tx, source.id, group, own.id)?;
            return Ok(own);
        }
        Some(_) => match below_its_folder(&source.path, wanted) {
            Some(longer) => store::experiment::free_name(tx, &longer, id)?,
            None => store::experiment::free_name(tx, wanted, id)?,
        },
        None => wanted.to_owned(),
    };
    let experiment = crate::tracking::experiments::new(id, source.project, name, now_ms);
    store::experiment::insert(tx, &experiment)?;
    store::source::put_group(tx, source.id, group, id)?;
    store::experiment::get(tx, id)?
        .ok_or_else(|| ApiError::new(ErrorCode::Internal, "An experiment that was entered is not there.").into())
}

/// "vision/mnist" of a folder "mnist" within the path of a log; `None` where nothing stands above it.
fn below_its_folder(path: &str, name: &str) -> Option<String> {
    let parts: Vec<&str> = path.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    let at = parts.iter().rposition(|part| *part == name)?;
    let above = parts.get(at.checked_sub(1)?)?;
    Some(format!("{above}/{name}"))
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_name_that_is_taken_stands_behind_that_of_the_folder_above() {
        assert_eq!(below_its_folder("/home/me/vision/mnist/run/metrics.csv", "mnist").as_deref(), Some("vision/mnist"));
        assert_eq!(below_its_folder(r"C:\work\work", "work").as_deref(), Some("work/work"));
        assert_eq!(below_its_folder("/mnist", "mnist"), None);
        assert_eq!(below_its_folder("/home/me/mlruns", "Default"), None);
    }
}
