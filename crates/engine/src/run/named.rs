//! Runs by the names that people use, without reading any table of runs.

use std::{cmp::Reverse, collections::HashMap};

use api::{
    run::{MOST_RESOLVED, Nearness, ResolveRuns, ResolvedRun},
    tracking::Scope,
};

use crate::Engine;

pub async fn find(engine: &Engine, request: ResolveRuns) -> anyhow::Result<Vec<ResolvedRun>> {
    let ResolveRuns { named, of } = request;
    let found = engine.store().read(move |c| {
        let mut found = Vec::new();
        for run in store::run::named(c, &named)? {
            let nearness = nearness(&run, of);
            found.push((nearness, run));
        }
        found.sort_by_key(|(nearness, run)| (*nearness, Reverse((run.created_ms, run.id))));
        // Of each kind some, so that none hides the others.
        let mut counts = HashMap::new();
        found.retain(|(nearness, run)| {
            let count: &mut usize = counts.entry((*nearness, run.deleted)).or_default();
            *count += 1;
            *count <= MOST_RESOLVED
        });
        let told = |(nearness, run): (Nearness, store::run::Named)| ResolvedRun {
            id: run.id,
            name: run.name,
            experiment: run.experiment_name,
            nearness,
            state: run.state,
            created_ms: run.created_ms,
            deleted: run.deleted,
        };
        Ok(found.into_iter().map(told).collect())
    });
    Ok(found.await?)
}

fn nearness(run: &store::run::Named, of: Scope) -> Nearness {
    match (of, run.project) {
        _ if run.experiment_deleted => Nearness::Elsewhere,
        (Scope::Experiment(experiment), _) if run.experiment == experiment => Nearness::Own,
        (Scope::Experiment(_), _) => Nearness::Elsewhere,
        (_, None) => Nearness::Shared,
        (Scope::Project(project), Some(own)) if own == project => Nearness::Own,
        _ => Nearness::Elsewhere,
    }
}
