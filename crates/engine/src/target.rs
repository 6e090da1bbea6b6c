//! Places that models are deployed to: this machine from the beginning, clusters as they are added.

use std::sync::Arc;

use anyhow::bail;
use api::{
    ApiError, ErrorCode, TargetId,
    deploy::{
        AddTarget, Capability, CheckTarget, KubeContext, ListContexts, ListTargets, LookAtTarget, RemoveTarget, Target,
        TargetCheck, TargetKind,
    },
    event::Tag,
};
use store::target::TargetRow;

use crate::{Engine, error, ports};

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
        let capability = match connect(engine, &row).await {
            Ok(port) => port.capability(),
            Err(failure) => {
                let reason = error::told(&failure).to_string();
                let cluster = !matches!(row.kind, TargetKind::ThisMachine);
                Capability { needs_image: cluster, replicas: cluster, diff: true, logs: true, reasons: vec![reason] }
            }
        };
        targets.push(described(row, capability));
    }
    Ok(targets)
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
    engine.store().write_durable(move |tx| store::target::delete(tx, request.target)).await?;
    engine.changed(Tag::Deployments);
    Ok(())
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
