//! Runs that stand under a run, and the one that it stands under.

use std::collections::BTreeMap;

use api::{
    RunId,
    run::{GetNested, NESTED, Nested, NestedRun},
    tracking::PARENT_TAG,
};

use crate::{Engine, run, tracking::Announcer};

/// The run that one with these tags says it stands under.
pub(crate) fn parent_of(tags: &BTreeMap<String, String>) -> Option<RunId> {
    tags.get(PARENT_TAG).and_then(|parent| parent.parse().ok())
}

/// Announces runs under which others came or went, soon and once for many: their pages say what stands below them.
pub(crate) fn announce(engine: &Engine, parents: impl IntoIterator<Item = RunId>) {
    parents.into_iter().for_each(|parent| Announcer::page_soon(engine, parent));
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
