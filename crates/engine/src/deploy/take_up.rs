//! What an earlier host left unfinished: rollouts go on, deletions are done, at the next start.
//!
//! The rows decide, not the jobs: a host that was killed between the two commits left a rollout or a
//! deletion that no job names, which would otherwise keep every later change away.

use std::collections::HashSet;

use api::{
    deploy::DeploymentState,
    job::{JobKind, Subject},
};
use store::{
    deployment::{DeploymentRow, RolloutRow},
    job::JobRow,
};

use crate::{
    Engine,
    deploy::{deletion, remove, roll_job, rollout},
    jobs::JobContext,
};

/// What a deployment's rows say is unfinished.
enum Left {
    Deletion,
    Rollout(Box<RolloutRow>),
}

pub(crate) async fn all(engine: &Engine) -> anyhow::Result<()> {
    let unfinished = engine.store().read(store::job::unfinished).await?;
    let mut taken = HashSet::new();
    for job in unfinished.into_iter().filter(|row| row.job.kind == JobKind::Deploy) {
        let row = match job.job.subject {
            Subject::Deployment(id) => engine.store().read(move |c| store::deployment::get(c, id)).await?,
            _ => None,
        };
        match row {
            Some(row) if taken.insert(row.id) => resume(engine, row, job).await?,
            _ => engine.jobs().fail_interrupted(engine, job).await?,
        }
    }
    for row in engine.store().read(|c| store::deployment::list(c, None)).await? {
        if taken.contains(&row.id) {
            continue;
        }
        match left(engine, &row).await? {
            Some(Left::Deletion) => drop(deletion(engine, row).await?),
            Some(Left::Rollout(rollout)) => {
                let title = format!("Go on with {} v{}", row.name, rollout.rollout.version_number);
                roll_job(engine, &row, &rollout, title).await?;
            }
            None => {}
        }
    }
    Ok(())
}

async fn left(engine: &Engine, row: &DeploymentRow) -> anyhow::Result<Option<Left>> {
    if row.state == DeploymentState::Deleting {
        return Ok(Some(Left::Deletion));
    }
    let id = row.id;
    let newest = engine.store().read(move |c| store::deployment::rollouts(c, id, 1)).await?.into_iter().next();
    let unfinished = newest.filter(|row| row.rollout.ended_ms.is_none());
    Ok(unfinished.map(|row| Left::Rollout(Box::new(row))))
}

async fn resume(engine: &Engine, row: DeploymentRow, job: JobRow) -> anyhow::Result<()> {
    let id = row.id;
    match left(engine, &row).await? {
        Some(Left::Deletion) => {
            let work = async move |context: JobContext| remove(&context, row).await;
            engine.jobs().resume(engine, job, work).await?;
        }
        Some(Left::Rollout(left)) => {
            let rollout = left.rollout.id;
            let work = async move |context: JobContext| rollout::run(&context, id, rollout).await;
            engine.jobs().resume(engine, job, work).await?;
        }
        None => engine.jobs().fail_interrupted(engine, job).await?,
    }
    Ok(())
}
