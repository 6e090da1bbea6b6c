//! The behaviour suite of the port `Target`: one list of what a place that models run on must do, run
//! against each adapter. What only one of them can get wrong stands in [`faults`].

mod faults;
mod ground;

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use api::{
    ErrorCode,
    deploy::{DeploymentEvent, Instance},
};
use engine::ports::{HttpRequest, Port, PortError, Steps, Target, Wanted};
use journeys::{
    cluster::{self, Cluster},
    process::{self, skipped_without},
    registry::Registry,
    stage::Stage,
};
use serde_json::{Value, json};

use self::ground::{Ground, Versions};

/// What a target says while it works.
#[derive(Default)]
pub(crate) struct Told {
    lines: Mutex<Vec<String>>,
    changed: tokio::sync::Notify,
}

impl Told {
    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, line: String) {
        self.lock().push(line);
        self.changed.notify_waiters();
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.lock().clone()
    }

    /// Waits until it has said a line with these words.
    pub(crate) async fn heard(&self, words: &str) {
        loop {
            let changed = self.changed.notified();
            if self.lock().iter().any(|line| line.contains(words)) {
                return;
            }
            changed.await;
        }
    }
}

impl Steps for Told {
    fn begin(&self, title: &str, detail: &str) {
        self.tell(format!("{title} {detail}"));
    }

    fn detail(&self, detail: &str) {
        self.tell(detail.to_owned());
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn this_machine_behaves() {
    let Some(stage) = Stage::new().await.unwrap() else { return };
    let versions = Versions::trained(&stage).await.unwrap();
    let target = stage.engine.adapters().target(&api::deploy::TargetKind::ThisMachine).await.unwrap();
    let ground = Ground::on_this_machine(&stage, &*target, &versions).await.unwrap();
    let result = behaves(&ground).await;
    // What failed in the middle must leave no process behind.
    for wanted in [&ground.first, &ground.rival] {
        target.delete(wanted.deployment, &wanted.name).await.unwrap();
    }
    result.unwrap();
}

#[test]
fn kubernetes_behaves() {
    if cluster::skipped() {
        return;
    }
    if skipped_without(&["docker-registry"]) {
        return;
    }
    if !cluster::inside("target::kubernetes_behaves").unwrap() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::plain(&folder.path().join("registry")).unwrap();
    let mut cluster = Cluster::start(&folder.path().join("cluster"), &[]).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let result = runtime.block_on(on_kubernetes(&registry, &mut cluster));
    if let Err(error) = &result {
        println!("the kubelet said:\n{}\nfailed: {error:?}", cluster.said("kubelet"));
    }
    drop(runtime);
    drop(cluster);
    result.unwrap();
}

async fn on_kubernetes(registry: &Registry, cluster: &mut Cluster) -> Result<()> {
    let Some(stage) = Stage::new().await? else { return Ok(()) };
    let versions = Versions::trained(&stage).await?;
    let target = ground::kubernetes(&cluster.kubeconfig, "models").await?;
    let ground = Ground::on_kubernetes(&stage, &target, cluster, registry, &versions).await?;
    behaves(&ground).await?;
    let wanted = ground.first.clone();
    drop(ground);
    faults::all(cluster, &target, &wanted).await
}

/// Everything that the engine builds on, in the order of a deployment's life.
async fn behaves(ground: &Ground<'_>) -> Result<()> {
    it_plans_without_doing(ground).await.context("plan")?;
    it_comes_up(ground).await.context("come up")?;
    it_answers_and_counts(ground).await.context("answer")?;
    the_request_log_is_fetched_once(ground).await.context("request log")?;
    it_shows_what_was_said(ground).await.context("logs")?;
    it_tells_what_happened(ground).await.context("events")?;
    a_name_or_place_that_is_taken_stays_whose_it_is(ground).await.context("taken")?;
    it_scales_or_says_why_not(ground).await.context("scale")?;
    an_instance_that_dies_is_said_and_replaced(ground).await.context("die")?;
    it_updates(ground).await.context("update")?;
    what_does_not_start_leaves_the_old_one_serving(ground).await.context("broken version")?;
    it_rolls_back(ground).await.context("roll back")?;
    it_deletes_once_and_again(ground).await.context("delete")
}

async fn up(target: &dyn Target, wanted: &Wanted) -> Result<Told, PortError> {
    let told = Told::default();
    target.apply(wanted, &told).await?;
    target.wait(wanted, &told).await?;
    Ok(told)
}

async fn instances(ground: &Ground<'_>) -> Result<Vec<Instance>> {
    Ok(ground.target.instances(ground.first.deployment, &ground.first.name).await?)
}

/// Asks again until the instances are as wanted.
async fn until(ground: &Ground<'_>, what: &str, good: impl Fn(&[Instance]) -> bool) -> Result<Vec<Instance>> {
    let mut now = Vec::new();
    let wanted = async || {
        now = instances(ground).await?;
        Ok(good(&now))
    };
    let seen = process::until(what, Duration::from_secs(60), wanted).await;
    seen.with_context(|| format!("there are {now:?}"))?;
    Ok(now)
}

/// The version that answers a row; as a sample call, unless it should count.
async fn ask(ground: &Ground<'_>, counted: bool) -> Result<Value> {
    let wanted = &ground.first;
    let connection = ground.target.connect(wanted.deployment, &wanted.name, None, Port::Serving).await?;
    let headers = if counted { Vec::new() } else { vec![("x-slipway-sample", "1".to_owned())] };
    let body = Some(serde_json::to_vec(&json!({ "rows": ground.rows }))?);
    let answer = connection.send(HttpRequest { path: "/predict".to_owned(), headers, body }).await?;
    ensure!(answer.status == 200, "{}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    Ok(serde_json::from_slice(&answer.body)?)
}

async fn get(ground: &Ground<'_>, port: Port, path: &str, post: bool) -> Result<Vec<u8>> {
    let wanted = &ground.first;
    let connection = ground.target.connect(wanted.deployment, &wanted.name, None, port).await?;
    let body = post.then(Vec::new);
    let answer = connection.send(HttpRequest { path: path.to_owned(), headers: Vec::new(), body }).await?;
    ensure!(answer.status == 200, "{path} answers {}", answer.status);
    Ok(answer.body)
}

async fn it_plans_without_doing(ground: &Ground<'_>) -> Result<()> {
    ensure!(ground.target.check().await?.ok);
    let plan = ground.target.plan(&ground.first).await?;
    ensure!(plan.blocked.is_none() && !plan.steps.is_empty(), "{plan:?}");
    ensure!(plan.diff.iter().any(|diff| diff.action == "create" && !diff.lines.is_empty()), "{plan:?}");
    ensure!(instances(ground).await?.is_empty(), "a plan started something");
    let none = ground.target.connect(ground.first.deployment, &ground.first.name, None, Port::Serving).await;
    let none = none.err().context("there is a way to nothing")?;
    ensure!(none.error.code == ErrorCode::Unreachable && none.error.hint.is_some(), "{none}");
    Ok(())
}

async fn it_comes_up(ground: &Ground<'_>) -> Result<()> {
    let told = up(ground.target, &ground.first).await?;
    ensure!(!told.all().is_empty(), "it works in silence");
    let before = instances(ground).await?;
    ensure!(before.len() == 1 && before[0].ready, "{before:?}");
    ensure!(before[0].version_number == Some(1) && before[0].restarts == 0 && before[0].started_ms.is_some());
    ensure!(ground.target.address(ground.first.deployment, &ground.first.name).await?.is_some());
    // The same again changes nothing: a host that crashed in the middle applies it once more.
    up(ground.target, &ground.first).await?;
    ensure!(instances(ground).await?[0].name == before[0].name, "the same again started another");
    let plan = ground.target.plan(&ground.first).await?;
    ensure!(plan.diff.iter().all(|diff| diff.action == "unchanged"), "{:?}", plan.diff);
    Ok(())
}

async fn it_answers_and_counts(ground: &Ground<'_>) -> Result<()> {
    ensure!(ask(ground, true).await?["version"] == 1);
    ask(ground, false).await?;
    let page = String::from_utf8(get(ground, Port::Serving, "/metrics", false).await?)?;
    let rows = ground.rows.len();
    ensure!(page.contains(&format!("slipway_rows_total {rows}\n")), "a sample call is counted:\n{page}");
    Ok(())
}

async fn the_request_log_is_fetched_once(ground: &Ground<'_>) -> Result<()> {
    let closed = get(ground, Port::Control, "/v1/logs/close", true).await?;
    let listing: Value = serde_json::from_slice(&closed)?;
    let segments = listing["segments"].as_array().context("no segments")?;
    ensure!(segments.len() == 1 && segments[0]["rows"] == ground.rows.len(), "{listing}");
    let id = segments[0]["id"].as_str().context("a segment has an id")?;
    let bytes = get(ground, Port::Control, &format!("/v1/logs/{id}"), false).await?;
    ensure!(bytes.starts_with(b"PAR1"), "a segment is a Parquet file");
    let left: Value =
        serde_json::from_slice(&get(ground, Port::Control, &format!("/v1/logs?after={id}"), false).await?)?;
    ensure!(left["segments"] == json!([]), "{left}");
    Ok(())
}

async fn it_shows_what_was_said(ground: &Ground<'_>) -> Result<()> {
    let wanted = &ground.first;
    let said = ground.target.logs(wanted.deployment, &wanted.name, None, 50).await?;
    ensure!(said.iter().any(|line| line.contains("answers on")), "{said:?}");
    let name = instances(ground).await?.remove(0).name;
    ensure!(ground.target.logs(wanted.deployment, &wanted.name, Some(&name), 1).await?.len() == 1);
    let first = ground.target.logs_after(wanted.deployment, &wanted.name, None, None, 1).await?;
    let then = ground.target.logs_after(wanted.deployment, &wanted.name, None, Some(&first.end), 1).await?;
    ensure!(first.lines.len() == 1 && then.lines.is_empty(), "{first:?}, then {then:?}");
    Ok(())
}

/// The events once they are as wanted: a place may tell of them a moment later.
async fn told(ground: &Ground<'_>, good: impl Fn(&[DeploymentEvent]) -> bool) -> Result<Vec<DeploymentEvent>> {
    let mut told = Vec::new();
    let wanted = async || {
        told = ground.target.events(ground.first.deployment, &ground.first.name).await?;
        Ok(good(&told))
    };
    let heard = process::until("the events", Duration::from_secs(30), wanted).await;
    heard.with_context(|| format!("it tells only {told:?}"))?;
    Ok(told)
}

async fn it_tells_what_happened(ground: &Ground<'_>) -> Result<()> {
    let name = instances(ground).await?.remove(0).name;
    let of_instance = |event: &DeploymentEvent| event.object.ends_with(&name) && event.reason == "Started";
    let told = told(ground, |told| told.iter().any(of_instance)).await?;
    ensure!(told.is_sorted_by_key(|event| std::cmp::Reverse(event.at_ms)), "not newest first: {told:?}");
    let whole = |event: &DeploymentEvent| event.at_ms > 0 && event.count > 0 && !event.message.is_empty();
    ensure!(told.iter().all(whole), "{told:?}");
    let other = ground.target.events(ground.rival.deployment, &ground.rival.name).await?;
    ensure!(other.is_empty(), "another's events: {other:?}");
    Ok(())
}

async fn a_name_or_place_that_is_taken_stays_whose_it_is(ground: &Ground<'_>) -> Result<()> {
    let rival = &ground.rival;
    let refused = ground.target.apply(rival, &Told::default()).await.err().context("it took what is another's")?;
    ensure!(refused.error.code == ErrorCode::Conflict && !refused.temporary, "{refused}");
    ensure!(refused.error.hint.is_some(), "{refused}");
    // Nor does deleting the one that never was there take the other with it.
    ground.target.delete(rival.deployment, &rival.name).await?;
    ensure!(ask(ground, false).await?["version"] == 1);
    Ok(())
}

async fn it_scales_or_says_why_not(ground: &Ground<'_>) -> Result<()> {
    let capability = ground.target.capability();
    if !capability.replicas {
        let refused = ground.target.scale(&ground.first, 2).await.err().context("it can't scale, and did")?;
        ensure!(refused.error.code == ErrorCode::Unsupported && !capability.reasons.is_empty(), "{refused}");
        return Ok(());
    }
    for replicas in [2, 1] {
        ground.target.scale(&ground.first, replicas).await?;
        let wanted = Wanted { replicas, ..ground.first.clone() };
        ground.target.wait(&wanted, &Told::default()).await?;
        let ready = |now: &[Instance]| now.iter().filter(|instance| instance.ready).count() == replicas as usize;
        let now = until(ground, &format!("{replicas} ready"), ready).await?;
        if replicas > 1 {
            each_is_reached_by_itself(ground, &now).await?;
        }
    }
    until(ground, "the second pod gone", |now| now.len() == 1).await?;
    Ok(())
}

/// Counters and request log of each ready instance by its name, and no two of one process.
async fn each_is_reached_by_itself(ground: &Ground<'_>, instances: &[Instance]) -> Result<()> {
    let wanted = &ground.first;
    let mut logs = BTreeSet::new();
    for instance in instances.iter().filter(|instance| instance.ready) {
        let name = &instance.name;
        let ask = async |port: Port, path: &str| {
            let connection = ground.target.connect(wanted.deployment, &wanted.name, Some(name), port).await?;
            let request = HttpRequest { path: path.to_owned(), headers: Vec::new(), body: None };
            let answer = connection.send(request).await?;
            ensure!(answer.status == 200, "{path} of {name} answers {}", answer.status);
            anyhow::Ok(answer.body)
        };
        let page = String::from_utf8(ask(Port::Serving, "/metrics").await?)?;
        ensure!(page.contains("slipway_start_time_seconds "), "{name} says {page}");
        let listing: Value = serde_json::from_slice(&ask(Port::Control, "/v1/logs").await?)?;
        logs.insert(listing["instance"].to_string());
        let said = ground.target.logs(wanted.deployment, &wanted.name, Some(name), 50).await?;
        ensure!(said.iter().any(|line| line.contains("answers on")), "{name} said {said:?}");
    }
    ensure!(logs.len() == 2, "of two instances these were reached: {logs:?}");
    Ok(())
}

async fn an_instance_that_dies_is_said_and_replaced(ground: &Ground<'_>) -> Result<()> {
    let before = instances(ground).await?.remove(0);
    (ground.kill)(&before)?;
    until(ground, "the death is seen", |now| now.iter().all(|one| !one.ready || one.restarts > 0)).await?;
    // What a host does again and again, where the place doesn't by itself: what no longer answers may be
    // there for a moment still.
    let mut now = Vec::new();
    let another = async || {
        ground.target.keep(&ground.first).await?;
        now = instances(ground).await?;
        Ok(now.iter().any(|one| one.ready))
    };
    let answers = process::until("another instance", Duration::from_secs(60), another).await;
    answers.with_context(|| format!("there are {now:?}"))?;
    ensure!(now.iter().any(|one| one.restarts == 1), "the restart is not counted: {now:?}");
    ensure!(ask(ground, false).await?["version"] == 1);
    ensure!(!ground.target.keep(&ground.first).await?, "it is kept already");
    Ok(())
}

async fn it_updates(ground: &Ground<'_>) -> Result<()> {
    let plan = ground.target.plan(&ground.second).await?;
    ensure!(plan.diff.iter().any(|diff| diff.action == "change" && !diff.lines.is_empty()), "{:?}", plan.diff);
    let address = ground.target.address(ground.first.deployment, &ground.first.name).await?;
    up(ground.target, &ground.second).await?;
    ensure!(ask(ground, false).await?["version"] == 2);
    ensure!(ground.target.address(ground.first.deployment, &ground.first.name).await? == address, "it moved");
    until(ground, "the first version gone", |now| now.iter().all(|one| one.version_number == Some(2))).await?;
    Ok(())
}

async fn what_does_not_start_leaves_the_old_one_serving(ground: &Ground<'_>) -> Result<()> {
    let failure = up(ground.target, &ground.broken).await.err().context("a broken version came up")?;
    ensure!(failure.error.message.contains(ground.reason), "{failure}");
    ensure!(!failure.temporary && failure.error.hint.is_some(), "{failure}");
    told(ground, |told| told.iter().any(|event| event.warning)).await.context("no warning")?;
    ensure!(ask(ground, false).await?["version"] == 2, "the one before is gone");
    Ok(())
}

async fn it_rolls_back(ground: &Ground<'_>) -> Result<()> {
    up(ground.target, &ground.first).await?;
    ensure!(ask(ground, false).await?["version"] == 1);
    until(ground, "only the first version", |now| now.iter().all(|one| one.version_number == Some(1))).await?;
    Ok(())
}

async fn it_deletes_once_and_again(ground: &Ground<'_>) -> Result<()> {
    for _ in 0..2 {
        ground.target.delete(ground.first.deployment, &ground.first.name).await?;
    }
    until(ground, "nothing left", <[Instance]>::is_empty).await?;
    ensure!(ask(ground, false).await.is_err(), "it answers after its end");
    Ok(())
}
