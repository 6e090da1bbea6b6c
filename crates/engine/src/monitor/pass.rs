//! One pass over one deployment.

use anyhow::Context as _;
use api::{
    DeploymentId,
    deploy::{DeploymentState, Instance},
    event::Tag,
    figure::counted,
    monitor::Gap,
};
use store::{deployment::DeploymentRow, traffic::Counts};

use crate::{
    Engine, deploy, error,
    monitor::{EVERY, alert, config, fetch, problem_name, scrape, window},
    ports::{HttpRequest, Port, Target},
    target,
};

/// Points of traffic are kept for this long; totals stay.
const KEEP_POINTS_MS: i64 = 7 * 86_400_000;
/// Longer without a look is a gap.
const GAP_MS: i64 = 4 * EVERY.as_millis() as i64 + 60_000;

/// Looks at every instance, closes windows, follows alerts. `close` also closes open segments.
pub(crate) async fn run(engine: &Engine, id: DeploymentId, close: bool) -> anyhow::Result<()> {
    let turn = engine.passes().of(id);
    let _turn = turn.lock().await;
    let row = deploy::find(engine, id).await?;
    if row.state == DeploymentState::Deleting {
        return Ok(());
    }
    let looked = look(engine, &row, close).await;
    // Also where nothing could be asked: the days pass all the same.
    let kept = expire(engine, &row).await;
    let result = looked.and(kept);
    // The page shows why nothing comes, also when nobody asked just now.
    let (name, problem) = (problem_name(id), result.as_ref().err().map(error::told));
    engine
        .store()
        .write(move |tx| match &problem {
            Some(problem) => store::setting::put(tx, &name, problem),
            None => store::setting::delete(tx, &name),
        })
        .await?;
    engine.changed(Tag::Monitor(id));
    result
}

/// What a deployment logged that is not watched grows old, too.
pub(crate) async fn expire_unwatched(engine: &Engine, id: DeploymentId) -> anyhow::Result<()> {
    let turn = engine.passes().of(id);
    let _turn = turn.lock().await;
    let row = deploy::find(engine, id).await?;
    if row.state == DeploymentState::Deleting {
        return Ok(());
    }
    expire(engine, &row).await
}

async fn look(engine: &Engine, row: &DeploymentRow, close: bool) -> anyhow::Result<()> {
    let config = config(engine, row).await?;
    let port = target::connect(engine, &target::find(engine, row.target).await?).await?;
    let instances = port.instances(row.id, &row.name).await?;
    note_gap(engine, row).await?;
    let failure = read_all(engine, row, &*port, &instances, close).await?;
    if port.capability().needs_image {
        forget_gone(engine, row, &instances).await?;
    }
    let id = row.id;
    for version in engine.store().read(move |c| store::window::open_versions(c, id)).await? {
        let closed = window::close_due(engine, row, version, &config).await?;
        if !closed.is_empty() {
            alert::follow(engine, row, version, &config).await?;
        }
    }
    let now_ms = engine.now_ms();
    if engine.store().write(move |tx| alert::clear_replaced(tx, id, now_ms)).await? {
        engine.changed(Tag::Deployments);
    }
    match failure {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// Reads counters and logs of every instance; one that fails doesn't keep the others from being read.
async fn read_all(
    engine: &Engine,
    row: &DeploymentRow,
    port: &dyn Target,
    instances: &[Instance],
    close: bool,
) -> anyhow::Result<Option<anyhow::Error>> {
    let mut readings = Vec::new();
    let mut failure = None;
    for instance in instances.iter().filter(|instance| instance.ready || instance.state == "Terminating") {
        let read = async {
            let connection = port.connect(row.id, &row.name, Some(&instance.name), Port::Serving).await?;
            let answer =
                connection.send(HttpRequest { path: "/metrics".to_owned(), headers: Vec::new(), body: None }).await?;
            let reading = scrape::read(&String::from_utf8_lossy(&answer.body)).context("read the server's counters")?;
            readings.push((instance.name.clone(), reading, engine.now_ms()));
            // The folder of a log that was turned off stays on this machine, with the last rows of before.
            if row.spec.log_share > 0.0 || !port.capability().needs_image {
                let control = port.connect(row.id, &row.name, Some(&instance.name), Port::Control).await?;
                fetch::run(engine, row, &*control, close).await?;
            }
            anyhow::Ok(())
        };
        match read.await {
            Ok(()) => {}
            // A pod on its way out may be gone by now.
            Err(error) if !instance.ready => tracing::debug!(%error, "an ending instance can't be read"),
            Err(error) => failure = Some(error),
        }
    }
    let (id, now) = (row.id, engine.now_ms());
    // In one commit: what is noted as read is added up too, also where its log can't be fetched.
    let count = move |tx: &store::Transaction<'_>| {
        let mut came = Counts::default();
        for (instance, reading, at_ms) in &readings {
            came.add(&store::traffic::read_in(tx, id, instance, reading.started, &reading.counts, *at_ms)?);
        }
        store::traffic::add(tx, id, now, &came, now - KEEP_POINTS_MS)
    };
    engine.store().write(count).await?;
    Ok(failure)
}

/// While nobody looked, nothing was counted in time: said as a gap, by the deployment as it was till now.
pub(crate) async fn note_gap(engine: &Engine, row: &DeploymentRow) -> anyhow::Result<()> {
    let (id, now) = (row.id, engine.now_ms());
    let seen = engine.store().read(move |c| store::traffic::total(c, id)).await?.map(|total| total.seen_ms);
    if let Some(seen) = seen.filter(|seen| now - seen > GAP_MS) {
        let reason = if row.monitored { "No host looked at it" } else { "It was not watched" };
        let gap = Gap { from_ms: seen, to_ms: now, reason: reason.to_owned() };
        engine.store().write(move |tx| store::window::add_gap(tx, id, &gap)).await?;
    }
    Ok(())
}

/// What a pod had logged and nobody fetched went with it.
async fn forget_gone(engine: &Engine, row: &DeploymentRow, instances: &[Instance]) -> anyhow::Result<()> {
    let id = row.id;
    let known = engine.store().read(move |c| store::traffic::instances(c, id)).await?;
    for (name, counts, at_ms) in known {
        if instances.iter().any(|instance| instance.name == name) {
            continue;
        }
        let now = engine.now_ms();
        engine
            .store()
            .write(move |tx| {
                let (fetched, _) = store::window::fetched(tx, id, &name)?;
                let lost = counts.logged.saturating_sub(fetched);
                if lost > 0 {
                    let reason = format!("{name} was gone before at least {lost} of its last rows were fetched");
                    store::window::add_gap(tx, id, &Gap { from_ms: at_ms, to_ms: now, reason })?;
                }
                store::traffic::forget(tx, id, &name)
            })
            .await?;
    }
    Ok(())
}

/// Deletes logged rows that are older than a person wanted them kept; those that no window took are told as a gap.
async fn expire(engine: &Engine, row: &DeploymentRow) -> anyhow::Result<()> {
    let (id, before) = (row.id, engine.now_ms() - i64::from(row.spec.log_days) * 86_400_000);
    let expired = engine
        .store()
        .write(move |tx| {
            let expired = store::window::expire_segments(tx, id, before)?;
            if expired.untaken > 0 {
                let reason = format!(
                    "{} in no window when the log's days were over",
                    counted(expired.untaken, "row was", "rows were")
                );
                let gap = Gap { from_ms: expired.from_ms, to_ms: expired.to_ms, reason };
                store::window::add_gap(tx, id, &gap)?;
            }
            Ok(expired)
        })
        .await?;
    if expired.untaken > 0 {
        engine.changed(Tag::Monitor(id));
    }
    for file in expired.files {
        let path = engine.workspace().deployment(id).join(file);
        if let Err(error) = tokio::fs::remove_file(&path).await {
            tracing::warn!(%error, path = %path.display(), "an old log segment can't be deleted");
        }
    }
    Ok(())
}
