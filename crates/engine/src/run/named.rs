//! Runs by the names that people use, without reading any table of runs.

use std::{cmp::Reverse, collections::HashMap};

use api::run::{MOST_RESOLVED, Nearness, ResolveRuns, ResolvedRun};

use crate::Engine;

pub async fn find(engine: &Engine, request: ResolveRuns) -> anyhow::Result<Vec<ResolvedRun>> {
    let ResolveRuns { named, project } = request;
    let found = engine.store().read(move |c| {
        let mut found = Vec::new();
        for run in store::run::named(c, &named)? {
            let nearness = match run.project {
                _ if run.experiment_deleted => Nearness::Elsewhere,
                None => Nearness::Shared,
                own if own == project => Nearness::Own,
                Some(_) => Nearness::Elsewhere,
            };
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
            experiment: run.experiment,
            nearness,
            state: run.state,
            created_ms: run.created_ms,
            deleted: run.deleted,
        };
        Ok(found.into_iter().map(told).collect())
    });
    Ok(found.await?)
}
