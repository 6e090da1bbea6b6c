//! The host's introduction, and its end as far as it is the engine's.

use std::sync::atomic::Ordering;

use anyhow::bail;
use api::{
    ApiError, ErrorCode, PROTOCOL,
    deploy::TargetKind,
    figure::counted,
    host::{GetHost, HostInfo, MakeKey, PageKey, StopHost},
    run::{RunKind, StopRun},
};

use crate::{Engine, run, tracking};

pub async fn get(engine: &Engine, _request: GetHost) -> anyhow::Result<HostInfo> {
    Ok(HostInfo {
        protocol: PROTOCOL,
        version: engine.options().version.clone(),
        workspace: engine.workspace().folder().to_string_lossy().into_owned(),
        pid: std::process::id(),
        started_ms: engine.started_ms(),
        work: work(engine).await?,
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        tracking_port: Some(engine.tracking_port().load(Ordering::Relaxed)).filter(|port| *port != 0),
    })
}

/// So many runs of clients are named; there may be thousands.
const NAMED: usize = 5;

/// What keeps a host alive without clients: jobs, runs, clients' runs that may be logged to again, deployments here,
/// deployments that are watched.
pub async fn work(engine: &Engine) -> anyhow::Result<Vec<String>> {
    let mut work = engine.jobs().alive();
    let (runs, deployments, here) = engine
        .store()
        .read(|c| {
            let here: Vec<api::TargetId> = store::target::list(c)?
                .into_iter()
                .filter(|row| row.kind == TargetKind::ThisMachine)
                .map(|row| row.id)
                .collect();
            Ok((store::run::unfinished(c)?, store::deployment::list(c, None)?, here))
        })
        .await?;
    work.extend(
        runs.into_iter().filter(|row| row.run.kind == RunKind::Command).map(|row| format!("Run {}", row.run.name)),
    );
    let tracking::UnderWay { names, count } = tracking::under_way(engine, NAMED).await?;
    let more = count - names.len();
    work.extend(names.into_iter().map(|name| format!("Run {name} of an MLflow client")));
    if more > 0 {
        work.push(counted(more as u64, "more run of an MLflow client", "more runs of MLflow clients"));
    }
    for row in deployments {
        if here.contains(&row.target) {
            work.push(format!("{} runs on this machine", row.name));
        } else if row.monitored {
            work.push(format!("{} is watched", row.name));
        }
    }
    Ok(work)
}

/// Stops what was asked to be stopped; that the process ends is its own affair.
pub async fn stop(engine: &Engine, request: StopHost) -> anyhow::Result<()> {
    if !request.stop_work {
        return Ok(());
    }
    for row in engine.store().read(store::run::unfinished).await? {
        if row.run.kind == RunKind::Training {
            run::stop(engine, StopRun { run: row.run.id }).await?;
        }
    }
    engine.jobs().cancel_all();
    engine.jobs().settled().await;
    Ok(())
}

/// Keys belong to whoever serves the pages, and are answered there.
pub async fn key(_engine: &Engine, _request: MakeKey) -> anyhow::Result<PageKey> {
    bail!(
        ApiError::new(ErrorCode::Unsupported, "No host serves pages here.")
            .with_hint("Start one: `slipway serve`, then `slipway open`.")
    )
}
