//! Deployments: a model version kept running on a target.
//!
//! What is wanted stands in the deployment's row before anything is done, each change is a rollout
//! with its steps, and every step can be done again: a rollout that a crash interrupted is taken up
//! by the next host. Rolling back is wanting again what an earlier rollout wanted.

pub mod again;
pub mod ask;
mod callers;
mod history;
pub mod look;
pub(crate) mod propose;
pub(crate) mod rollout;
pub(crate) mod rounds;
pub(crate) mod sensitive;
mod steps;
mod take_up;
pub mod traffic;
mod wanted;

use anyhow::bail;
use api::{
    ApiError, DeploymentId, ErrorCode, RolloutId,
    deploy::{
        DeleteDeployment, DeployPlan, DeploySpec, Deployment, DeploymentEvent, DeploymentState, FollowDeploymentLogs,
        GetDeployment, GetDeploymentEvents, GetDeploymentLogs, ListDeployments, LogLines, PlanDeploy, RollBack,
        Rollout, ScaleDeployment, StartDeploy, in_sentence,
    },
    event::Tag,
    job::{Job, JobKind, Subject},
    project::{Happening, Stage, StationState},
};
use store::deployment::{DeploymentRow, RolloutRow};

use crate::{
    Engine, Mode, error,
    jobs::{self, JobContext, NewJob},
    monitor, package,
    ports::{AWAITS_PROGRAM, CredentialSource},
    project, registry, target,
};

/// Rollouts that a deployment's page shows.
const SHOWN_ROLLOUTS: usize = 30;
/// Events that are told at once; a busy cluster has more of them than a person reads.
const TOLD_EVENTS: usize = 200;
/// How far back a way back is looked for.
const HISTORY: u32 = 1000;

pub(crate) async fn find(engine: &Engine, id: DeploymentId) -> anyhow::Result<DeploymentRow> {
    let found = engine.store().read(move |c| store::deployment::get(c, id)).await?;
    found.ok_or_else(|| error::missing("deployment", id))
}

async fn shown(engine: &Engine, row: DeploymentRow) -> anyhow::Result<Deployment> {
    let id = row.id;
    let rollouts = engine.store().read(move |c| store::deployment::rollouts(c, id, HISTORY)).await?;
    let back_to = history::before(&rollouts).map(|before| before.rollout.version_number);
    Ok(Deployment {
        id: row.id,
        project: row.project,
        model: row.model,
        model_name: row.model_name,
        name: row.name,
        target: row.target,
        target_name: row.target_name,
        spec: row.spec,
        version_number: row.version_number,
        state: row.state,
        problem: row.problem,
        instances: row.instances,
        address: row.address,
        rollouts: rollouts.into_iter().take(SHOWN_ROLLOUTS).map(|row| row.rollout).collect(),
        back_to,
        monitored: row.monitored,
        created_ms: row.created_ms,
    })
}

pub async fn list(engine: &Engine, request: ListDeployments) -> anyhow::Result<Vec<Deployment>> {
    let rows = engine.store().read(move |c| store::deployment::list(c, request.project)).await?;
    let mut all = Vec::with_capacity(rows.len());
    for row in rows {
        all.push(shown(engine, row).await?);
    }
    Ok(all)
}

/// As last seen; where no host looks by itself, it is looked at now.
pub async fn get(engine: &Engine, request: GetDeployment) -> anyhow::Result<Deployment> {
    if engine.options().mode == Mode::Once {
        look::at(engine, request.deployment).await?;
    }
    let row = find(engine, request.deployment).await?;
    shown(engine, row).await
}

/// What deploying would do. The image is built for it, because the cluster is asked about exactly it.
pub async fn plan(engine: &Engine, request: PlanDeploy) -> anyhow::Result<DeployPlan> {
    let spec = request.spec;
    let asked = wanted::Asked::of(engine, &spec).await?;
    let mut plan = DeployPlan { steps: Vec::new(), diff: Vec::new(), warnings: Vec::new(), blocked: None };
    if let Some(existing) = asked.existing.as_ref().filter(|row| row.version != asked.version.version.id) {
        let before = package::version(engine, existing.version).await?;
        plan.warnings.extend(callers::changes(&before.version.signature, &asked.version.version.signature));
    }
    if let Err(failure) = plan_on(engine, &spec, &asked, &mut plan).await {
        plan.blocked.get_or_insert(error::told(&failure));
    }
    if plan.blocked.is_none() && asked.existing.as_ref().is_some_and(|row| begins_to_log(row, &spec)) {
        plan.steps.push("Watch it: requests are logged from now on".to_owned());
    }
    Ok(plan)
}

/// Whether a change turns on the log of what is not watched: it is watched from then on.
fn begins_to_log(before: &DeploymentRow, spec: &DeploySpec) -> bool {
    !before.monitored && before.spec.log_share <= 0.0 && spec.log_share > 0.0
}

async fn plan_on(
    engine: &Engine,
    spec: &DeploySpec,
    asked: &wanted::Asked,
    plan: &mut DeployPlan,
) -> anyhow::Result<()> {
    let port = target::connect(engine, &asked.target).await?;
    let mut digest = None;
    if port.capability().needs_image {
        let place = asked.place(engine, spec).await?;
        if engine.adapters().serving_image_is_being_built().await {
            plan.steps.extend([
                AWAITS_PROGRAM.to_owned(),
                "Build the image".to_owned(),
                format!("Push it to {}/{}", place.registry.name, place.repository),
                format!("Apply it to {} and wait until it answers", in_sentence(&asked.target.name)),
            ]);
            plan.warnings.push("What changes there can be said once the serving program is built.".to_owned());
            return Ok(());
        }
        let built = package::make(engine, &asked.version).await?;
        plan.steps.push(format!("Build the image ({})", package::size(built.package.size_bytes)));
        let (missing, bytes) = package::push::missing(engine, &built, &place).await?;
        let place_name = format!("{}/{}", place.registry.name, place.repository);
        plan.steps.push(match missing {
            0 => format!("Nothing to push: {place_name} has every layer"),
            _ => format!(
                "Push {missing} of {} layers to {place_name} ({})",
                built.blobs.layers.len(),
                package::size(bytes)
            ),
        });
        let (_, source) = registry::connect(engine, &place.registry).await?.credentials();
        if source == CredentialSource::IdentityToken {
            plan.warnings.push(format!(
                "{} is signed in to by an identity token, which the cluster can't pull with: give the registry a user \
                 and a password, or the cluster's nodes rights of their own.",
                place.registry.name
            ));
        }
        digest = Some((place, built.package.digest));
    }
    let existing = asked.existing.as_ref().map(|row| row.id);
    let id = existing.unwrap_or(DeploymentId::from_bytes([0; 16]));
    let wanted =
        asked.wanted(engine, spec, id, digest.as_ref().map(|(place, digest)| (place, digest.as_str()))).await?;
    let seen = port.plan(&wanted).await?;
    plan.steps.extend(seen.steps);
    plan.diff.extend(seen.diff);
    plan.warnings.extend(seen.warnings);
    plan.blocked = seen.blocked;
    Ok(())
}

pub async fn start(engine: &Engine, request: StartDeploy) -> anyhow::Result<Job> {
    let asked = wanted::Asked::of(engine, &request.spec).await?;
    // Wrong before anything is entered: no registry named, a target that is gone.
    let capability = target::connect(engine, &asked.target).await?.capability();
    if capability.needs_image {
        asked.place(engine, &request.spec).await?;
    }
    // The plan has said that more are ignored here.
    let replicas = if capability.replicas { request.spec.replicas } else { 1 };
    let spec = DeploySpec { replicas, ..request.spec };
    let version = &asked.version.version;
    let row = match &asked.existing {
        Some(row) => DeploymentRow { version: version.id, spec, ..row.clone() },
        None => DeploymentRow {
            id: DeploymentId::from_bytes(engine.new_id()),
            project: version.project,
            model: version.model,
            model_name: version.model_name.clone(),
            version: version.id,
            version_number: version.number,
            target: asked.target.id,
            target_name: asked.target.name.clone(),
            name: spec.name.clone(),
            image: None,
            state: DeploymentState::Rolling,
            problem: None,
            address: None,
            instances: Vec::new(),
            monitored: spec.log_share > 0.0,
            created_ms: engine.now_ms(),
            spec,
        },
    };
    let kind = if asked.existing.is_some() { "update" } else { "deploy" };
    let title = format!("Deploy {} v{} to {}", version.model_name, version.number, in_sentence(&asked.target.name));
    roll(engine, row, asked.existing.is_none(), kind, title).await
}

/// Enters what is wanted and its rollout, then starts the job.
async fn roll(engine: &Engine, mut row: DeploymentRow, new: bool, kind: &str, title: String) -> anyhow::Result<Job> {
    let version = package::version(engine, row.version).await?.version;
    row.spec.not_logged = sensitive::of(engine, &version).await?;
    let rollout = RolloutRow {
        deployment: row.id,
        rollout: Rollout {
            id: RolloutId::from_bytes(engine.new_id()),
            version: row.version,
            version_number: version.number,
            kind: kind.to_owned(),
            outcome: None,
            steps: Vec::new(),
            started_ms: engine.now_ms(),
            ended_ms: None,
        },
        spec: row.spec.clone(),
    };
    let (id, entered, wanted) = (row.id, rollout.clone(), row.clone());
    let before = engine.store().read(move |c| store::deployment::get(c, id)).await?;
    let is_to_be_watched = before.is_some_and(|before| begins_to_log(&before, &row.spec));
    let what = format!("{} v{}", version.model_name, version.number);
    engine
        .store()
        .write_durable(move |tx| {
            project::deletion::refuse_if_deleted(tx, Some(row.project), &what)?;
            refuse_while_changing(tx, row.id, &row.name)?;
            if new {
                // Somebody else asked for the same name since we looked.
                if store::deployment::by_name(tx, row.target, &row.name)?.is_some() {
                    return Err(being(&row.name, "made").into());
                }
                store::deployment::insert(tx, &row)?;
            } else {
                store::deployment::update_wanted(tx, &row)?;
            }
            store::deployment::set_state(tx, row.id, DeploymentState::Rolling, None)?;
            store::deployment::insert_rollout(tx, &entered)
        })
        .await?;
    if is_to_be_watched {
        monitor::turn(engine, id, true).await?;
    }
    engine.changed(Tag::Deployments);
    roll_job(engine, &wanted, &rollout, title).await
}

fn being(name: &str, what: &str) -> ApiError {
    ApiError::new(ErrorCode::Conflict, format!("{name} is being {what} already."))
        .with_hint("Wait until that is done, or cancel its job.")
}

/// Two changes at once would undo each other.
fn refuse_while_changing(
    connection: &store::Connection,
    id: DeploymentId,
    name: &str,
) -> Result<(), store::StoreError> {
    if store::deployment::get(connection, id)?.is_some_and(|row| row.state == DeploymentState::Deleting) {
        return Err(being(name, "deleted").into());
    }
    match store::deployment::rollouts(connection, id, 1)?.first() {
        Some(newest) if newest.rollout.ended_ms.is_none() => Err(being(name, "changed").into()),
        _ => Ok(()),
    }
}

/// The job of a rollout that is entered; killed before this line, the next host makes it.
async fn roll_job(engine: &Engine, row: &DeploymentRow, rollout: &RolloutRow, title: String) -> anyhow::Result<Job> {
    let (deployment, id) = (row.id, rollout.rollout.id);
    let new = NewJob {
        kind: JobKind::Deploy,
        title,
        project: Some(row.project),
        subject: Subject::Deployment(deployment),
        memory_bytes: 0,
        request: again(rollout),
    };
    engine
        .jobs()
        .start(engine, new, async move |context: JobContext| rollout::run(&context, deployment, id).await)
        .await
}

/// The call that a retry of a rollout's job sends: it wants the same once more, as a rollout of its own.
fn again(row: &RolloutRow) -> Option<serde_json::Value> {
    let (deployment, rollout) = (row.deployment, &row.rollout);
    if history::is_scaling(row) {
        jobs::retry_with(&ScaleDeployment { deployment, replicas: row.spec.replicas })
    } else if history::is_roll_back(row) {
        jobs::retry_with(&RollBack { deployment, to: Some(rollout.id) })
    } else {
        jobs::retry_with(&StartDeploy { spec: DeploySpec { version: rollout.version, ..row.spec.clone() } })
    }
}

pub async fn scale(engine: &Engine, request: ScaleDeployment) -> anyhow::Result<Job> {
    let mut row = find(engine, request.deployment).await?;
    if !(1..=100).contains(&request.replicas) {
        bail!(ApiError::invalid("A deployment has 1 to 100 replicas.").with_hint("Delete it to stop it."));
    }
    let port = target::connect(engine, &target::find(engine, row.target).await?).await?;
    let capability = port.capability();
    if !capability.replicas && request.replicas != 1 {
        bail!(ApiError::new(ErrorCode::Unsupported, capability.reasons.join(" ")));
    }
    let title = format!("Scale {} to {}", row.name, request.replicas);
    row.spec.replicas = request.replicas;
    roll(engine, row, false, "scale", title).await
}

/// Wants again what an earlier rollout wanted: the named one, or the one that [`history::before`] finds.
pub async fn roll_back(engine: &Engine, request: RollBack) -> anyhow::Result<Job> {
    let mut row = find(engine, request.deployment).await?;
    let id = row.id;
    let rollouts = engine.store().read(move |c| store::deployment::rollouts(c, id, HISTORY)).await?;
    let found = match request.to {
        Some(to) => rollouts.iter().find(|rollout| rollout.rollout.id == to),
        None => history::before(&rollouts),
    };
    let had = history::versions(&rollouts);
    let found = match (found, request.to) {
        (Some(found), _) => found.clone(),
        (None, Some(to)) => bail!(
            ApiError::not_found(format!("{} has no rollout {to}.", row.name))
                .with_hint(format!("It had {had}: its page shows the rollouts."))
        ),
        (None, None) => bail!(
            ApiError::new(
                ErrorCode::NotFound,
                format!("{} has no version before v{} to go back to.", row.name, row.version_number)
            )
            .with_hint(format!("It had {had}: name the rollout to go to, or deploy the version that you want."))
        ),
    };
    row.version = found.rollout.version;
    // Size is what is wanted now; the version, its limits and its log are what they were.
    row.spec = DeploySpec { replicas: row.spec.replicas, port: row.spec.port, ..found.spec };
    let title = format!("Roll {} back to v{}", row.name, found.rollout.version_number);
    roll(engine, row, false, "roll back", title).await
}

pub async fn delete(engine: &Engine, request: DeleteDeployment) -> anyhow::Result<Job> {
    let row = find(engine, request.deployment).await?;
    let (id, name) = (row.id, row.name.clone());
    engine
        .store()
        .write_durable(move |tx| {
            refuse_while_changing(tx, id, &name)?;
            store::deployment::set_state(tx, id, DeploymentState::Deleting, None)
        })
        .await?;
    engine.changed(Tag::Deployments);
    deletion(engine, row).await
}

/// The job of a deletion that is entered.
async fn deletion(engine: &Engine, row: DeploymentRow) -> anyhow::Result<Job> {
    let new = NewJob {
        kind: JobKind::Deploy,
        title: format!("Delete {} from {}", row.name, in_sentence(&row.target_name)),
        project: Some(row.project),
        subject: Subject::Deployment(row.id),
        memory_bytes: 0,
        request: jobs::retry_with(&DeleteDeployment { deployment: row.id }),
    };
    engine.jobs().start(engine, new, async move |context: JobContext| remove(&context, row).await).await
}

async fn remove(context: &JobContext, row: DeploymentRow) -> anyhow::Result<String> {
    let engine = context.engine();
    let done = async {
        let port = target::connect(engine, &target::find(engine, row.target).await?).await?;
        package::push::tried(engine, || port.delete(row.id, &row.name)).await?;
        anyhow::Ok(())
    };
    let id = row.id;
    if let Err(failure) = done.await {
        let problem = error::told(&failure);
        engine
            .store()
            .write(move |tx| store::deployment::set_state(tx, id, DeploymentState::Unknown, Some(&problem)))
            .await?;
        engine.changed(Tag::Deployments);
        return Err(failure);
    }
    again::note(engine, &row).await?;
    forget(engine, &row).await?;
    Ok(format!("{} is gone from {}", row.name, in_sentence(&row.target_name)))
}

/// Deletes the record and the folder of a deployment that is gone from its target.
async fn forget(engine: &Engine, row: &DeploymentRow) -> anyhow::Result<()> {
    let (id, project) = (row.id, row.project);
    let sentence = format!("{} was deleted from {}", row.name, in_sentence(&row.target_name));
    let happening = Happening { at_ms: engine.now_ms(), stage: Stage::Deploy, state: StationState::Good, sentence };
    engine
        .store()
        .write_durable(move |tx| {
            store::setting::delete(tx, &monitor::problem_name(id))?;
            store::happening::add(tx, project, &happening)?;
            store::deployment::delete(tx, id)
        })
        .await?;
    let folder = engine.workspace().deployment(id);
    if let Err(error) = tokio::fs::remove_dir_all(&folder).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, folder = %folder.display(), "a deployment's folder can't be deleted");
    }
    engine.changed(Tag::Deployments);
    engine.changed(Tag::Models(row.project));
    Ok(())
}

pub async fn logs(engine: &Engine, request: GetDeploymentLogs) -> anyhow::Result<Vec<String>> {
    let GetDeploymentLogs { deployment, instance, lines } = request;
    Ok(follow_logs(engine, FollowDeploymentLogs { deployment, instance, lines, after: None }).await?.lines)
}

pub async fn follow_logs(engine: &Engine, request: FollowDeploymentLogs) -> anyhow::Result<LogLines> {
    let row = find(engine, request.deployment).await?;
    let port = target::connect(engine, &target::find(engine, row.target).await?).await?;
    let lines = request.lines.unwrap_or(500).min(10_000);
    Ok(port.logs_after(row.id, &row.name, request.instance.as_deref(), request.after.as_deref(), lines).await?)
}

pub async fn events(engine: &Engine, request: GetDeploymentEvents) -> anyhow::Result<Vec<DeploymentEvent>> {
    let row = find(engine, request.deployment).await?;
    let port = target::connect(engine, &target::find(engine, row.target).await?).await?;
    let mut events = port.events(row.id, &row.name).await?;
    events.truncate(TOLD_EVENTS);
    Ok(events)
}
