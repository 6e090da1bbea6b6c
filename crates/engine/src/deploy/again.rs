//! A deployment that was deleted is deployed again for a day as it was wanted last. What was watched of it went for good:
//! it is another deployment, of the same name.

use api::{
    ApiError, DeploymentId, ErrorCode,
    deleted::{DeletedDeployment, ListDeletedDeployments, RestoreDeployment},
    deploy::StartDeploy,
    event::Tag,
    job::Job,
};
use store::{Connection, Transaction, deployment::DeploymentRow, setting};

use crate::{
    Engine,
    deleted::{self, Kept, Kind},
};

/// Notes what is to be deleted. Noted twice, as where its deletion is tried again, the later note counts.
pub(super) async fn note(engine: &Engine, row: &DeploymentRow) -> anyhow::Result<()> {
    let now_ms = engine.now_ms();
    let deleted = DeletedDeployment {
        deployment: row.id,
        project: row.project,
        name: row.name.clone(),
        target_name: row.target_name.clone(),
        model_name: row.model_name.clone(),
        version_number: row.version_number,
        spec: row.spec.clone(),
        deleted_ms: now_ms,
    };
    let note = move |tx: &Transaction<'_>| {
        forget(tx, deleted.deployment)?;
        deleted::keep(tx, Kind::Deployment, &deleted.deployment.to_string(), &deleted, now_ms)?;
        deleted::let_go(tx, Kind::Deployment, now_ms)
    };
    Ok(engine.store().write(note).await?)
}

fn forget(tx: &Transaction<'_>, id: DeploymentId) -> store::Result<()> {
    for kept in deleted::list_any::<DeletedDeployment>(tx, Kind::Deployment)? {
        if kept.value.deployment == id {
            setting::delete(tx, &kept.name)?;
        }
    }
    Ok(())
}

pub async fn list(engine: &Engine, request: ListDeletedDeployments) -> anyhow::Result<Vec<DeletedDeployment>> {
    let now_ms = engine.now_ms();
    let read = move |c: &Connection| {
        let mut gone = Vec::new();
        for Kept { value, .. } in deleted::list::<DeletedDeployment>(c, Kind::Deployment, now_ms)? {
            // One that is noted and still there is being deleted; of a deleted project none is this page's.
            let is_there = store::deployment::get(c, value.deployment)?.is_some();
            if !is_there && store::project::get(c, value.project)?.is_some() {
                gone.push(value);
            }
        }
        Ok(gone)
    };
    let mut all = engine.store().read(read).await?;
    all.retain(|deleted| request.project.is_none_or(|project| deleted.project == project));
    Ok(all)
}

/// Deploys again what was deleted, as a job.
pub async fn restore(engine: &Engine, request: RestoreDeployment) -> anyhow::Result<Job> {
    let (id, now_ms) = (request.deployment, engine.now_ms());
    let read = move |c: &Connection| {
        let kept = deleted::newest::<DeletedDeployment>(c, Kind::Deployment, &id.to_string(), now_ms)?;
        let missing = || {
            ApiError::not_found(format!("No deployment with the id {id} was deleted here within a day."))
                .with_hint("Deploy its version: `slipway deploy start`.")
        };
        let deleted = kept.map(|kept| kept.value).ok_or_else(missing)?;
        if store::deployment::by_name(c, deleted.spec.target, &deleted.name)?.is_some() {
            let target = api::deploy::in_sentence(&deleted.target_name);
            let message = format!("There is another deployment {} on {target} now.", deleted.name);
            let hint = "Deploy the version under another name, or delete that one first.";
            return Err(ApiError::new(ErrorCode::Conflict, message).with_hint(hint).into());
        }
        Ok(deleted.spec)
    };
    let spec = engine.store().read(read).await?;
    let job = super::start(engine, StartDeploy { spec }).await?;
    engine.store().write(move |tx| forget(tx, id)).await?;
    engine.changed(Tag::Deployments);
    Ok(job)
}
