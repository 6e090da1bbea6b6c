//! Runs that stand under a run, and the one that it stands under.

use std::collections::{BTreeMap, HashSet};

use api::{
    RunId,
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
