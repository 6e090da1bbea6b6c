//! What really runs: asked of the targets again and again, and brought back where it should run.

use std::{sync::Arc, time::Duration};

use api::{
    ApiError, DeploymentId, ErrorCode,
    deploy::{DeploymentState, Instance},
    event::Tag,
};
use store::deployment::DeploymentRow;

use crate::{
    Engine, Mode, WeakEngine,
    deploy::{find, rounds::Rounds, take_up, wanted::Asked},
    error, target,
};

/// How often a host looks at each deployment.
const EVERY: Duration = Duration::from_secs(5);

/// Looks at one deployment and writes what was seen.
pub(crate) async fn at(engine: &Engine, id: DeploymentId) -> anyhow::Result<()> {
    let row = find(engine, id).await?;
    if row.state == DeploymentState::Deleting {
        return Ok(());
    }
    let seen = async {
        let port = target::connect(engine, &target::find(engine, row.target).await?).await?;
        let instances = port.instances(row.id, &row.name).await?;
        let address = port.address(row.id, &row.name).await?;
        anyhow::Ok((instances, address))
    };
    let (state, problem, address, instances) = match seen.await {
        Ok((instances, address)) => {
            let (state, problem) = judge(&row, &instances);
            (state, problem, address, instances)
        }
        // While it rolls, the rollout itself says what is wrong.
        Err(_) if row.state == DeploymentState::Rolling => return Ok(()),
        Err(failure) => {
            let told = error::told(&failure);
            (DeploymentState::Unknown, Some(told), row.address.clone(), row.instances.clone())
        }
    };
    let (was, version) = (is_changing(row.state), row.version);
    let changed = engine
        .store()
        .write(move |tx| {
            // A rollout that ended, or began, since it was looked at knows better than what was seen then.
            let now = store::deployment::get(tx, id)?;
            if now.is_none_or(|now| is_changing(now.state) != was || now.version != version) {
                return Ok(false);
            }
            store::deployment::update_seen(tx, id, state, problem.as_ref(), address.as_deref(), &instances)
        })
        .await?;
    if changed {
        engine.changed(Tag::Deployments);
    }
    Ok(())
}

const fn is_changing(state: DeploymentState) -> bool {
    matches!(state, DeploymentState::Rolling | DeploymentState::Deleting)
}

fn judge(row: &DeploymentRow, instances: &[Instance]) -> (DeploymentState, Option<ApiError>) {
    if row.state == DeploymentState::Rolling {
        return (DeploymentState::Rolling, None);
    }
    let wanted = row.spec.replicas.max(1) as usize;
    let current = |instance: &&Instance| {
        instance.ready && instance.version_number.is_none_or(|number| number == row.version_number)
    };
    let good = instances.iter().filter(current).count();
    let answering = instances.iter().filter(|instance| instance.ready).count();
    if good >= wanted {
        return (DeploymentState::Ready, None);
    }
    let reason = instances.iter().find(|instance| !instance.ready).and_then(|instance| {
        let said = instance.reason.clone().unwrap_or_default();
        Some(format!("{} is {}: {said}", instance.name, instance.state)).filter(|_| instance.state != "Running")
    });
    // What the rollout said is closer to the cause than what is seen afterwards.
    let problem =
        row.problem.clone().filter(|problem| problem.code != ErrorCode::Unreachable || answering == 0).or_else(|| {
            let message =
                reason.unwrap_or_else(|| format!("{good} of {wanted} instances of v{} answer.", row.version_number));
            Some(ApiError::new(ErrorCode::Internal, message).with_hint("Look at its logs."))
        });
    (if answering > 0 { DeploymentState::Degraded } else { DeploymentState::Failed }, problem)
}

/// Brings back what should run on this machine and doesn't: after a reboot, or a crash of its process.
async fn keep(engine: &Engine, row: &DeploymentRow) -> anyhow::Result<()> {
    if matches!(row.state, DeploymentState::Deleting | DeploymentState::Rolling) {
        return Ok(());
    }
    let port = target::connect(engine, &target::find(engine, row.target).await?).await?;
    if port.capability().needs_image {
        return Ok(());
    }
    // What was wanted last may have failed; what was good before is what ran.
    let id = row.id;
    let Some(good) = engine.store().read(move |c| store::deployment::newest_good(c, id)).await? else {
        return Ok(());
    };
    let spec = api::deploy::DeploySpec { version: good.rollout.version, ..good.spec };
    let asked = Asked::of(engine, &spec).await?;
    let wanted = asked.wanted(engine, &spec, row.id, None).await?;
    if port.keep(&wanted).await? {
        // It logs what may be logged now, and not what might be when it was rolled out.
        let spec = api::deploy::DeploySpec { not_logged: wanted.not_logged, ..spec };
        let rollout = good.rollout.id;
        engine.store().write(move |tx| store::deployment::set_rollout_spec(tx, rollout, &spec)).await?;
        tracing::info!(name = row.name, "a serving process was started again");
        engine.changed(Tag::Deployments);
    }
    Ok(())
}

/// Takes up what an earlier host left unfinished, then looks again and again. Only in the host.
pub(crate) async fn start(engine: &Engine) -> anyhow::Result<()> {
    if engine.options().mode != Mode::Host {
        return Ok(());
    }
    take_up::all(engine).await?;
    tokio::spawn(tend(engine.downgrade()));
    Ok(())
}

async fn tend(weak: WeakEngine) {
    let mut rounds = Rounds::default();
    while let Some(engine) = weak.upgrade() {
        let rows = engine.store().read(|c| store::deployment::list(c, None)).await.unwrap_or_default();
        for row in rows {
            let engine = engine.clone();
            rounds.go(row.id, async move {
                if let Err(error) = keep(&engine, &row).await {
                    tracing::warn!(name = row.name, error = format!("{error:#}"), "a deployment can't be brought back");
                }
                if let Err(error) = at(&engine, row.id).await {
                    tracing::warn!(name = row.name, error = format!("{error:#}"), "a deployment can't be looked at");
                }
            });
        }
        let clock = Arc::clone(engine.clock());
        // While it waits, it must not keep the workspace open.
        drop(engine);
        clock.sleep(EVERY).await;
    }
}
