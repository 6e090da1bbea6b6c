//! A piece of what a reader told, in one transaction: runs entered or brought up to date, and what is of them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
};

use api::{
    ApiError, ErrorCode, ExperimentId, RunId, SourceId,
    run::{Code, Run, RunKind},
    series::Point,
    source::{Kind, Source},
    tracking::Experiment,
};
use foreign::{Head, Surroundings};
use store::{
    StoreError, Transaction,
    medium::MediumRow,
    run::RunRow,
    source::{Became, SourceRow},
};

use super::{
    heard::{Heard, tag_of},
    models::{self, Others, Wrote},
};
use crate::{
    Engine,
    run::{Lists, name, surroundings::masked_command},
    tracking::client::{self, code_of},
};

/// The tag under which readers tell that a run is deleted in its own tool.
const LIFECYCLE_TAG: &str = "mlflow.lifecycle_stage";

/// What was told and is not committed yet.
#[derive(Default)]
pub(super) struct Piece {
    pub(super) heads: Vec<Head>,
    /// Of the heads' params and tags.
    pub(super) text_bytes: usize,
    pub(super) series: Vec<OfSeries>,
    /// By the run's key in its log.
    pub(super) media: Vec<(String, MediumRow)>,
    /// What the runs wrote to the terminal, by the run's key in its log.
    pub(super) output: HashMap<String, String>,
    pub(super) output_bytes: usize,
    pub(super) others: Others,
    pub(super) count: usize,
}

/// What is told of a run's series, in the order in which it is told; of a run by its key in its log.
pub(super) enum OfSeries {
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

/// Where a piece is written to.
pub(super) struct Place {
    pub(super) engine: Engine,
    pub(super) source: Source,
    /// What the last reading told, which broke off, is told anew.
    pub(super) anew: bool,
    /// How the source stands once the piece is committed, where that differs.
    pub(super) kept: Option<SourceRow>,
    pub(super) now_ms: i64,
}

/// What a piece became.
#[derive(Default)]
pub(super) struct Written {
    pub(super) changed: HashSet<RunId>,
    pub(super) lists: HashSet<Lists>,
    /// The runs whose heads were told.
    pub(super) told: HashSet<RunId>,
    pub(super) others: Wrote,
    /// Runs whose files are of what was told before.
    pub(super) stale: Vec<RunId>,
    pub(super) output: Vec<(RunId, String)>,
    pub(super) patches: Vec<(RunId, PathBuf)>,
}

impl Piece {
    /// Nothing was told.
    pub(super) fn is_empty(&self) -> bool {
        let Self { heads, series, media, output, others, .. } = self;
        heads.is_empty() && series.is_empty() && media.is_empty() && output.is_empty() && others.len() == 0
    }

    /// Writes what was told.
    pub(super) fn write(self, tx: &Transaction<'_>, place: Place) -> store::Result<Written> {
        let Place { engine, source, anew, kept, now_ms } = place;
        let mut written = Written::default();
        if anew {
            forget(tx, source.id)?;
            written.stale = store::source::runs(tx, source.id)?;
        }
        let Some(now) = store::source::get(tx, source.id)? else { return Err(StoreError::from(forgotten())) };
        // What came of the log would stand where nobody sees it.
        super::refuse_if_resting(tx, &now.source)?;
        if let Some(row) = kept {
            store::source::keep(tx, &row)?;
        }
        // Before the runs that are told under the new names.
        models::rename_groups(tx, source.id, &self.others.renamed, now_ms)?;
        for head in self.heads {
            let (replaces, patch) = (head.replaces, head.surroundings.patch.clone());
            let Some(row) = put(tx, &engine, &source, head, now_ms)? else { continue };
            written.stale.extend(replaces.then_some(row.run.id));
            written.patches.extend(patch.map(|patch| (row.run.id, patch)));
            written.lists.insert(Lists::of(&row.run));
            written.changed.insert(row.run.id);
            written.told.insert(row.run.id);
        }
        write_series(tx, source.id, self.series, &mut written)?;
        for (key, row) in self.media {
            if let Some(run) = store::source::run(tx, source.id, &key)?.run() {
                match source.kind {
                    // A picture that is logged without a step stands at 0, as often as it is logged.
                    Kind::TensorBoard => store::medium::put_beside(tx, run, &row)?,
                    _ => store::medium::put(tx, run, &row)?,
                }
                written.changed.insert(run);
            }
        }
        for (key, text) in self.output {
            if let Some(run) = store::source::run(tx, source.id, &key)?.run() {
                written.output.push((run, text));
                written.changed.insert(run);
            }
        }
        written.others = models::put(tx, &engine, &source, self.others, now_ms)?;
        written.changed.extend(&written.others.runs);
        Ok(written)
    }
}

/// Writes what was told of series, in the order in which it was told.
fn write_series(
    tx: &Transaction<'_>,
    source: SourceId,
    series: Vec<OfSeries>,
    written: &mut Written,
) -> store::Result<()> {
    let mut known: HashMap<String, Option<RunId>> = HashMap::new();
    for told in series {
        let (OfSeries::Points { run: key, .. }
        | OfSeries::Rewound { run: key, .. }
        | OfSeries::Forgotten { run: key, .. }) = &told;
        let run = match known.get(key) {
            Some(run) => *run,
            None => {
                let run = store::source::run(tx, source, key)?.run();
                let row = run.map(|run| store::run::bare(tx, run)).transpose()?.flatten();
                written.lists.extend(row.map(|row| Lists::of(&row.run)));
                known.insert(key.clone(), run);
                run
            }
        };
        // A run that a person deleted for good stays deleted.
        let Some(run) = run else { continue };
        written.changed.insert(run);
        match told {
            OfSeries::Points { key, points, .. } => {
                store::metric::append(tx, run, &key, &points)?;
            }
            OfSeries::Rewound { step, .. } => {
                store::metric::forget_from(tx, run, step)?;
                store::medium::forget_from(tx, source, run, step)?;
            }
            OfSeries::Forgotten { key: Some(key), .. } => store::metric::forget_series(tx, run, &key)?,
            OfSeries::Forgotten { key: None, .. } => store::metric::forget(tx, run)?,
        }
    }
    Ok(())
}

pub(super) fn forgotten() -> ApiError {
    ApiError::not_found("The log was forgotten while it was read, or its project.")
}

/// Forgets what is told anew.
pub(super) fn forget(tx: &Transaction<'_>, source: SourceId) -> store::Result<()> {
    store::source::forget_points(tx, source)?;
    store::medium::forget(tx, source)
}

/// Enters a run of the log, or brings it up to date; not one that a person deleted for good.
fn put(
    tx: &Transaction<'_>,
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
fn replace(tx: &Transaction<'_>, run: RunId, says: &[(String, String)], heard: &mut Heard) -> store::Result<()> {
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
fn id_of(tx: &Transaction<'_>, source: SourceId, head: &Head) -> store::Result<RunId> {
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
    tx: &Transaction<'_>,
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
    fn a_name_that_is_taken_stands_behind_that_of_the_folder_above() {
        assert_eq!(below_its_folder("/home/me/vision/mnist/run/metrics.csv", "mnist").as_deref(), Some("vision/mnist"));
        assert_eq!(below_its_folder(r"C:\work\work", "work").as_deref(), Some("work/work"));
        assert_eq!(below_its_folder("/mnist", "mnist"), None);
        assert_eq!(below_its_folder("/home/me/mlruns", "Default"), None);
    }
}
