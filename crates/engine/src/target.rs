//! Places that models are deployed to: this machine from the beginning, clusters as they are added.

use std::sync::Arc;

use anyhow::bail;
use api::{
    ApiError, ErrorCode, TargetId,
    deleted::{ListRemovedTargets, RemovedTarget, RestoreTarget},
    deploy::{
        AddTarget, Capability, CheckTarget, KubeContext, ListContexts, ListTargets, LookAtTarget, RemoveTarget, Target,
        TargetCheck, TargetKind,
    },
    event::Tag,
};
use store::{Transaction, setting, target::TargetRow};

use crate::{
    Engine,
    deleted::{self, Kept, Kind},
    error, ports,
};

/// Every workspace has it under the same id.
pub(crate) const THIS_MACHINE: TargetId = TargetId::from_bytes(*b"this machine\0\0\0\0");

/// Enters this machine where a new workspace has no targets yet.
async fn rows(engine: &Engine) -> anyhow::Result<Vec<TargetRow>> {
    let rows = engine.store().read(store::target::list).await?;
    if rows.iter().any(|row| row.id == THIS_MACHINE) {
        return Ok(rows);
    }
    let row = TargetRow {
        id: THIS_MACHINE,
        name: api::deploy::THIS_MACHINE.to_owned(),
        kind: TargetKind::ThisMachine,
        created_ms: 0,
    };
    engine
        .store()
        .write(move |tx| match store::target::get(tx, row.id)? {
            Some(_) => Ok(()),
            None => store::target::insert(tx, &row),
        })
        .await?;
    Ok(engine.store().read(store::target::list).await?)
}

pub(crate) async fn find(engine: &Engine, id: TargetId) -> anyhow::Result<TargetRow> {
    rows(engine).await?.into_iter().find(|row| row.id == id).ok_or_else(|| error::missing("target", id))
}

pub(crate) async fn connect(engine: &Engine, row: &TargetRow) -> anyhow::Result<Arc<dyn ports::Target>> {
    Ok(engine.adapters().target(&row.kind).await?)
}

/// What a kind of target can do; a cluster that can't be reached now can still do what clusters do.
fn described(row: TargetRow, capability: Capability) -> Target {
    Target { id: row.id, name: row.name, kind: row.kind, capability, created_ms: row.created_ms }
}

pub async fn list(engine: &Engine, _: ListTargets) -> anyhow::Result<Vec<Target>> {
    let mut targets = Vec::new();
    for row in rows(engine).await? {
        let capability = able(engine, &row).await;
        targets.push(described(row, capability));
    }
    Ok(targets)
}

async fn able(engine: &Engine, row: &TargetRow) -> Capability {
    match connect(engine, row).await {
        Ok(port) => port.capability(),
        Err(failure) => {
            let reason = error::told(&failure).to_string();
            let cluster = !matches!(row.kind, TargetKind::ThisMachine);
            Capability { needs_image: cluster, replicas: cluster, diff: true, logs: true, reasons: vec![reason] }
        }
    }
}

pub async fn contexts(engine: &Engine, request: ListContexts) -> anyhow::Result<Vec<KubeContext>> {
    Ok(engine.adapters().contexts(request.kubeconfig.as_deref()).await?)
}

pub async fn add(engine: &Engine, request: AddTarget) -> anyhow::Result<Target> {
    let name = request.name.trim().to_owned();
    if name.is_empty() {
        bail!(ApiError::invalid("A target needs a name."));
    }
    if let TargetKind::Kubernetes { namespace, .. } = &request.kind {
        if !is_label(namespace) {
            bail!(
                ApiError::invalid(format!("\"{namespace}\" is not a namespace's name."))
                    .with_hint("It has small letters, digits and dashes, at most 63.")
            );
        }
    } else {
        bail!(ApiError::new(ErrorCode::Conflict, "This machine is a target already."));
    }
    let port = engine.adapters().target(&request.kind).await?;
    let others = rows(engine).await?;
    let row =
        TargetRow { id: TargetId::from_bytes(engine.new_id()), name, kind: request.kind, created_ms: engine.now_ms() };
    if others.iter().any(|other| other.name == row.name) {
        bail!(
            ApiError::new(ErrorCode::Conflict, format!("There is a target {} already.", row.name))
                .with_hint("Choose another name.")
        );
    }
    let written = row.clone();
    engine.store().write_durable(move |tx| store::target::insert(tx, &written)).await?;
    engine.changed(Tag::Deployments);
    Ok(described(row, port.capability()))
}

pub async fn remove(engine: &Engine, request: RemoveTarget) -> anyhow::Result<()> {
    let row = find(engine, request.target).await?;
    if row.id == THIS_MACHINE {
        bail!(ApiError::invalid("This machine is always a target."));
    }
    let used = engine.store().read(move |c| store::deployment::on_target(c, request.target)).await?;
    if !used.is_empty() {
        bail!(
            ApiError::new(ErrorCode::InUse, format!("Still on {}: {}.", row.name, used.join(", ")))
                .with_hint("Delete the deployments first.")
        );
    }
    let now_ms = engine.now_ms();
    let remove = move |tx: &Transaction<'_>| {
        store::target::delete(tx, row.id)?;
        let TargetRow { id: target, name, kind, created_ms } = row;
        let removed = RemovedTarget { target, name, kind, created_ms, removed_ms: now_ms };
        deleted::keep(tx, Kind::Target, &target.to_string(), &removed, now_ms)?;
        deleted::let_go(tx, Kind::Target, now_ms)
    };
    engine.store().write_durable(remove).await?;
    engine.changed(Tag::Deployments);
    Ok(())
}

pub async fn list_removed(engine: &Engine, _: ListRemovedTargets) -> anyhow::Result<Vec<RemovedTarget>> {
    let now_ms = engine.now_ms();
    let all = engine.store().read(move |c| deleted::list::<RemovedTarget>(c, Kind::Target, now_ms)).await?;
    Ok(all.into_iter().map(|kept| kept.value).collect())
}

/// Brings a target back under its id: what was deployed there before knows it by that.
pub async fn restore(engine: &Engine, request: RestoreTarget) -> anyhow::Result<Target> {
    let (id, now_ms) = (request.target, engine.now_ms());
    let restore = move |tx: &Transaction<'_>| {
        let Some(kept) = deleted::newest::<RemovedTarget>(tx, Kind::Target, &id.to_string(), now_ms)? else {
            let missing = format!("No target with the id {id} was removed here within a day.");
            return Err(ApiError::not_found(missing).with_hint("Add it anew: `slipway target add`.").into());
        };
        let Kept { name: setting, value, .. } = kept;
        let row = TargetRow { id, name: value.name, kind: value.kind, created_ms: value.created_ms };
        if store::target::list(tx)?.iter().any(|other| other.name == row.name) {
            let taken = format!("Another target is called {} now.", row.name);
            return Err(ApiError::new(ErrorCode::Conflict, taken).with_hint("Remove that one first.").into());
        }
        store::target::insert(tx, &row)?;
        setting::delete(tx, &setting)?;
        Ok(row)
    };
    let row = engine.store().write_durable(restore).await?;
    engine.changed(Tag::Deployments);
    let capability = able(engine, &row).await;
    Ok(described(row, capability))
}

pub async fn check(engine: &Engine, request: CheckTarget) -> anyhow::Result<TargetCheck> {
    let row = find(engine, request.target).await?;
    Ok(asked(engine, &row.kind).await)
}

pub async fn look(engine: &Engine, request: LookAtTarget) -> anyhow::Result<TargetCheck> {
    Ok(asked(engine, &request.kind).await)
}

/// A place that refuses or can't be reached is an answer, too.
async fn asked(engine: &Engine, kind: &TargetKind) -> TargetCheck {
    let checked = match engine.adapters().target(kind).await {
        Ok(port) => port.check().await,
        Err(failure) => Err(failure),
    };
    checked.unwrap_or_else(|failure| TargetCheck {
        ok: false,
        message: failure.error.message,
        hint: failure.error.hint,
        namespaces: Vec::new(),
    })
}

/// A name as DNS takes it: small letters, digits and dashes, a letter or digit at both ends.
pub(crate) fn is_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.chars().all(|c| plain(c) || c == '-')
        && text.starts_with(plain)
        && text.ends_with(plain)
}
