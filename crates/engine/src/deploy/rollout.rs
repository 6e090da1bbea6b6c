//! One rollout from its row to an answer: image, push, apply, wait, a sample call.

use std::{
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::Context as _;
use api::{
    ApiError, DeploymentId, ErrorCode, RolloutId,
    deploy::{DeploySpec, DeploymentState, RolloutEnd, in_sentence},
    event::Tag,
    project::{Happening, Stage, StationState},
};
use futures::FutureExt as _;
use store::deployment::{DeploymentRow, RolloutRow};

use crate::{
    Engine,
    deploy::{
        self, ask, find, look,
        steps::StepLog,
        wanted::{self, Asked},
    },
    error,
    jobs::JobContext,
    monitor::alert,
    package,
    ports::{self, Steps as _, Wanted},
    target,
};

/// Rolls out, notes how it ended, and looks at what runs then.
pub(crate) async fn run(context: &JobContext, deployment: DeploymentId, rollout: RolloutId) -> anyhow::Result<String> {
    let engine = context.engine();
    let row = find(engine, deployment).await?;
    let found = engine.store().read(move |c| store::deployment::rollout(c, rollout)).await?;
    let found = found.ok_or_else(|| error::missing("rollout", rollout))?;
    let steps = StepLog::new(context, rollout, found.rollout.steps.clone());
    // A rollout that never ends would keep every later change away.
    let applied = AtomicBool::new(false);
    let work = AssertUnwindSafe(advance(context, &row, &found, &steps, &applied)).catch_unwind();
    let result = work.await.unwrap_or_else(|_| Err(panicked()));
    let told = result.as_ref().err().map(error::told);
    steps.end(told.as_ref().map_or(Ok(()), |error| Err(error.message.as_str()))).await;
    let outcome = match &told {
        None => RolloutEnd::Done,
        Some(error) if error.code == ErrorCode::Cancelled && applied.load(Ordering::Relaxed) => {
            RolloutEnd::CancelledApplied
        }
        Some(error) if error.code == ErrorCode::Cancelled => RolloutEnd::Cancelled,
        Some(_) => RolloutEnd::Failed,
    };
    // One that can't be taken back ends like any other: it would keep every later change away, a deletion too.
    let gone = outcome == RolloutEnd::Cancelled
        && taken_back(engine, &row).await.unwrap_or_else(|error| {
            let error = format!("{error:#}");
            tracing::warn!(error, name = row.name, "a deployment that was cancelled can't be taken back");
            false
        });
    if gone {
        announce(engine, &row, &found, told.as_ref()).await?;
        return result;
    }
    let (ended_ms, problem) = (engine.now_ms(), told.clone());
    let before = if outcome == RolloutEnd::Cancelled { ran_before(engine, &row).await? } else { None };
    engine
        .store()
        .write_durable(move |tx| {
            store::deployment::end_rollout(tx, rollout, outcome, ended_ms)?;
            if let Some(before) = before {
                store::deployment::update_wanted(tx, &before)?;
                return store::deployment::set_state(tx, deployment, DeploymentState::Ready, None);
            }
            // At once, and not with the next look at what it is asked.
            alert::clear_replaced(tx, deployment, ended_ms)?;
            let state = if outcome == RolloutEnd::Done { DeploymentState::Ready } else { DeploymentState::Failed };
            store::deployment::set_state(tx, deployment, state, problem.as_ref())
        })
        .await?;
    if let Err(error) = look::at(engine, deployment).await {
        tracing::warn!(%error, "a deployment can't be looked at after its rollout");
    }
    announce(engine, &row, &found, told.as_ref()).await?;
    result
}

/// What ran before, as it is wanted again after a rollout that applied nothing; nothing where it was the first.
async fn ran_before(engine: &Engine, row: &DeploymentRow) -> anyhow::Result<Option<DeploymentRow>> {
    let id = row.id;
    let Some(good) = engine.store().read(move |c| store::deployment::newest_good(c, id)).await? else {
        return Ok(None);
    };
    let version = package::version(engine, good.rollout.version).await?.version;
    Ok(Some(DeploymentRow { model: version.model, version: version.id, spec: good.spec, ..row.clone() }))
}

/// Whether a deployment that never ran is gone again: its first rollout was cancelled before it was applied. An error
/// keeps the record.
async fn taken_back(engine: &Engine, row: &DeploymentRow) -> anyhow::Result<bool> {
    let id = row.id;
    let rollouts = engine.store().read(move |c| store::deployment::rollouts(c, id, 2)).await?;
    if rollouts.len() > 1 {
        return Ok(false);
    }
    let port = target::connect(engine, &target::find(engine, row.target).await?).await?;
    // A part may be there already; a target that doesn't answer keeps the record of it.
    port.delete(id, &row.name).await?;
    deploy::forget(engine, row).await?;
    Ok(true)
}

fn panicked() -> anyhow::Error {
    ApiError::new(ErrorCode::Internal, "The rollout ended by a fault of Slipway itself.")
        .with_hint("Slipway's own log has the place (Settings, Log). Deploying again goes on where it ended.")
        .into()
}

async fn announce(
    engine: &Engine,
    row: &DeploymentRow,
    rollout: &RolloutRow,
    problem: Option<&ApiError>,
) -> anyhow::Result<()> {
    let what = format!("{} v{}", row.model_name, rollout.rollout.version_number);
    let link = format!("/p/{}/deploy", row.project);
    let (state, sentence) = match problem {
        None => (StationState::Good, format!("[{what}]({link}) answers on {}", in_sentence(&row.target_name))),
        Some(problem) if problem.code == ErrorCode::Cancelled => {
            (StationState::Warn, format!("[{what}]({link}) on {}: {}", in_sentence(&row.target_name), problem.message))
        }
        Some(problem) => (
            StationState::Bad,
            format!("[{what}]({link}) was not deployed to {}: {}", in_sentence(&row.target_name), problem.message),
        ),
    };
    // Who cancelled it knows.
    if let Some(problem) = problem.filter(|problem| problem.code != ErrorCode::Cancelled) {
        engine.events().notice(format!("{what} was not deployed"), problem.message.clone(), Some(link));
    }
    let happening = Happening { at_ms: engine.now_ms(), stage: Stage::Deploy, state, sentence };
    let project = row.project;
    engine.store().write(move |tx| store::happening::add(tx, project, &happening)).await?;
    engine.changed(Tag::Deployments);
    engine.changed(Tag::Models(project));
    Ok(())
}

async fn advance(
    context: &JobContext,
    row: &DeploymentRow,
    rollout: &RolloutRow,
    steps: &StepLog,
    applied: &AtomicBool,
) -> anyhow::Result<String> {
    let engine = context.engine();
    let spec = DeploySpec { version: rollout.rollout.version, ..rollout.spec.clone() };
    let asked = Asked::of(engine, &spec).await?;
    let port = target::connect(engine, &asked.target).await?;
    let wanted = prepare(context, row, rollout, &asked, &spec, &*port, steps).await?;
    unless_cancelled(context, || {
        ApiError::new(ErrorCode::Cancelled, "It was cancelled before anything was applied.")
            .with_hint("What ran before goes on.")
    })?;
    if rollout.rollout.kind == "scale" {
        steps.begin("Scale", &format!("to {}", spec.replicas));
        package::push::tried(engine, || port.scale(&wanted, spec.replicas)).await?;
    } else {
        // Applying is idempotent: a cluster that is away for a moment is asked again.
        package::push::tried(engine, || port.apply(&wanted, steps)).await?;
    }
    applied.store(true, Ordering::Relaxed);
    unless_cancelled(context, || {
        let what = format!("v{} on {}", rollout.rollout.version_number, in_sentence(&row.target_name));
        ApiError::new(ErrorCode::Cancelled, format!("It was cancelled after it was applied: {what} goes on."))
            .with_hint("Roll back, or delete the deployment.")
    })?;
    port.wait(&wanted, steps).await?;
    steps.begin("Ask it a sample row", "");
    let answer = ask::sample(engine, row, &asked.version).await?;
    steps.detail(&answer);
    Ok(format!("{} v{} answers on {}", row.model_name, rollout.rollout.version_number, in_sentence(&row.target_name)))
}

/// Ends a rollout that a person cancelled, with what that leaves.
fn unless_cancelled(context: &JobContext, left: impl FnOnce() -> ApiError) -> Result<(), ApiError> {
    if context.is_cancelled() { Err(left()) } else { Ok(()) }
}

/// Brings the model to where the target takes it from.
async fn prepare(
    context: &JobContext,
    row: &DeploymentRow,
    rollout: &RolloutRow,
    asked: &Asked,
    spec: &DeploySpec,
    port: &dyn ports::Target,
    steps: &StepLog,
) -> anyhow::Result<Wanted> {
    let engine = context.engine();
    if !port.capability().needs_image {
        steps.begin("Lay out the model", &package::size(asked.version.version.size_bytes));
        wanted::lay_out(engine, row.id, &asked.version).await?;
        return asked.wanted(engine, spec, row.id, None).await;
    }
    let place = asked.place(engine, spec).await?;
    let digest = match pushed(engine, rollout, asked, &place).await? {
        Some(digest) => digest,
        None => {
            package::await_program(context, || steps.begin(ports::AWAITS_PROGRAM, "")).await?;
            steps.begin("Build the image", "");
            let built = package::make(engine, &asked.version).await?;
            steps.detail(&format!("{}, {}", package::size(built.package.size_bytes), built.package.digest));
            steps.begin(&format!("Push to {}", place.registry.name), "");
            let pushed = package::push::run(engine, &built, &place, &|_, message| {
                steps.detail(&message);
                !steps.is_cancelled()
            })
            .await?;
            let (sent, there) = (package::size(pushed.sent_bytes), package::size(pushed.skipped_bytes));
            steps.detail(&format!("{sent} sent, {there} were there"));
            built.package.digest
        }
    };
    let image = place.reference(&digest);
    let changed = DeploymentRow { image: Some(image), version: spec.version, spec: spec.clone(), ..row.clone() };
    engine.store().write(move |tx| store::deployment::update_wanted(tx, &changed)).await.context("note the image")?;
    asked.wanted(engine, spec, row.id, Some((&place, &digest))).await
}

/// For scaling and rolling back: the image that this version was pushed as, so that nothing else
/// changes.
async fn pushed(
    engine: &Engine,
    rollout: &RolloutRow,
    asked: &Asked,
    place: &package::push::Place,
) -> anyhow::Result<Option<String>> {
    if !matches!(rollout.rollout.kind.as_str(), "scale" | "roll back") {
        return Ok(None);
    }
    let id = asked.version.version.id;
    let packages = engine.store().read(move |c| store::package::list(c, Some(id))).await?;
    let repository = format!("{}/{}", place.registry.address, place.repository);
    let here = |push: &api::package::Push| push.registry == place.registry.id && push.repository == repository;
    Ok(packages.into_iter().find(|row| row.package.pushes.iter().any(here)).map(|row| row.package.digest))
}
