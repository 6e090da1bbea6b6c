//! Runs that stand under a run, and the one that it stands under.

use std::collections::{BTreeMap, HashSet};

use api::{
    ExperimentId, ProjectId, RunId,
    run::{GetNested, NESTED, Nested, NestedRun},
    tracking::{GetRunPlaces, PARENT_TAG, RunPlace, RunPlaces},
};

use crate::{
    Engine, run,
    tracking::{Announcer, client},
};

/// The run that one with these tags says it stands under.
pub(crate) fn parent_of(tags: &BTreeMap<String, String>) -> Option<RunId> {
    tags.get(PARENT_TAG).and_then(|parent| parent.parse().ok())
}

/// Announces runs under which others came or went, soon and once for many: their pages say what stands below them.
pub(crate) fn announce(engine: &Engine, parents: impl IntoIterator<Item = RunId>) {
    parents.into_iter().for_each(|parent| Announcer::page_soon(engine, parent));
}

pub async fn places(engine: &Engine, request: GetRunPlaces) -> anyhow::Result<RunPlaces> {
    let found = engine.store().read(move |c| {
        let named = named(c, &request.runs)?;
        Ok(RunPlaces { below: below(c, &named)?, named })
    });
    Ok(found.await?)
}

/// Where runs are.
///
/// # Errors
/// One of them is not there.
pub(crate) fn named(c: &store::Connection, runs: &[RunId]) -> store::Result<Vec<RunPlace>> {
    let place = |id: &RunId| -> store::Result<RunPlace> {
        match store::run::bare(c, *id)? {
            Some(row) => Ok(RunPlace::of(&row.run)),
            None => Err(client::missing(*id).into()),
        }
    };
    runs.iter().map(place).collect()
}

/// The runs below these, at any depth. One that is in another experiment than the run above it was put there by somebody,
/// as a script is that logs into an experiment of its own: it is left out, with what stands below it.
pub(crate) fn below(c: &store::Connection, named: &[RunPlace]) -> store::Result<Vec<RunPlace>> {
    // A client may name any run as its parent, itself and one below it too.
    let mut known: HashSet<RunId> = named.iter().map(|place| place.id).collect();
    let mut below: Vec<RunPlace> = Vec::new();
    let of = |parent: &RunPlace, known: &mut HashSet<RunId>| -> store::Result<Vec<RunPlace>> {
        let rows = store::run::below_in(c, parent.id, parent.experiment)?;
        Ok(rows.iter().filter(|row| known.insert(row.run.id)).map(|row| RunPlace::of(&row.run)).collect())
    };
    for parent in named {
        below.extend(of(parent, &mut known)?);
    }
    let mut at = 0;
    while at < below.len() {
        let next = of(&below[at], &mut known)?;
        below.extend(next);
        at += 1;
    }
    Ok(below)
}

/// The experiment in which a run of a project with these tags begins beside the run that it is to stand below: a search may
/// have been moved, and its next trial goes with it. `None` where it stands below none of the project's.
pub(crate) fn experiment_above(
    c: &store::Connection,
    project: ProjectId,
    tags: &[(String, String)],
) -> store::Result<Option<ExperimentId>> {
    let named = tags.iter().find(|(key, _)| key == PARENT_TAG).and_then(|(_, parent)| parent.parse().ok());
    let Some(parent) = named else { return Ok(None) };
    let above = store::run::bare(c, parent)?.map(|row| row.run);
    let above = above.filter(|run| run.project == Some(project) && run.deleted_ms.is_none());
    Ok(above.map(|run| run.experiment))
}

pub async fn get(engine: &Engine, request: GetNested) -> anyhow::Result<Nested> {
    let id = request.run;
    run::find(engine, id).await?;
    let nested = engine.store().read(move |c| {
        // A client may name any run as its parent, one that was never here, and itself.
        let parent = parent_of(&store::tag::of_run(c, id)?);
        let parent = parent.filter(|parent| *parent != id).map(|parent| store::run::bare(c, parent)).transpose()?;
        let (children, total) = store::run::below(c, id, NESTED)?;
        Ok(Nested {
            parent: parent.flatten().map(|row| NestedRun::of(&row.run)),
            children: children.iter().map(|row| NestedRun::of(&row.run)).collect(),
            total,
        })
    });
    Ok(nested.await?)
}

#[cfg(test)]
mod tests {
    use api::{config::ProjectFile, run::RunKind};
    use store::{Connection, Transaction, project::ProjectRow, run::RunRow};

    use super::*;
    use crate::tracking::experiments;

    #[test]
    fn a_trial_begins_where_its_search_was_moved_to() {
        let mut connection = Connection::open_in_memory().unwrap();
        store::migrate::migrate(&mut connection, std::path::Path::new("in memory")).unwrap();
        let tx = connection.transaction().unwrap();
        let project = ProjectId::from_bytes([3; 16]);
        let row = ProjectRow {
            id: project,
            path: "/p".to_owned(),
            file: ProjectFile::default(),
            sample: None,
            created_ms: 1,
            opened_ms: 1,
        };
        store::project::put(&tx, &row).unwrap();
        let experiment = experiments::new(ExperimentId::from_bytes([1; 16]), Some(project), "moved to".to_owned(), 0);
        store::experiment::insert(&tx, &experiment).unwrap();
        let search = RunId::from_bytes([2; 16]);
        let mut row = RunRow::new(search, (experiment.id, Some(project)), "a search".to_owned(), RunKind::Search, 0);
        store::run::put(&tx, &row).unwrap();
        let of = |tx: &Transaction<'_>, project: ProjectId, parent: &str| {
            let tags =
                [("slipway.trial", "1"), (PARENT_TAG, parent)].map(|(key, value)| (key.to_owned(), value.to_owned()));
            experiment_above(tx, project, &tags).unwrap()
        };
        assert_eq!(of(&tx, project, &search.to_string()), Some(experiment.id));
        // Of another project, of nobody, of no run that there is, and of one that was deleted.
        assert_eq!(of(&tx, ProjectId::from_bytes([4; 16]), &search.to_string()), None);
        assert_eq!((of(&tx, project, "none"), of(&tx, project, &"ab".repeat(16))), (None, None));
        row.run.deleted_ms = Some(1);
        store::run::put(&tx, &row).unwrap();
        assert_eq!(of(&tx, project, &search.to_string()), None);
    }
}
