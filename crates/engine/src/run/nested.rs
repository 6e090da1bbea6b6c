//! Runs that stand under a run, and the one that it stands under.

use api::{
    RunId,
    run::{GetNested, NESTED, Nested, NestedRun},
    tracking::PARENT_TAG,
};

use crate::{Engine, run};

pub async fn get(engine: &Engine, request: GetNested) -> anyhow::Result<Nested> {
    let id = request.run;
    run::find(engine, id).await?;
    let nested = engine.store().read(move |c| {
        // A client may name any run as its parent, one that was never here, and itself.
        let parent = store::tag::of_run(c, id)?.get(PARENT_TAG).and_then(|parent| parent.parse::<RunId>().ok());
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
