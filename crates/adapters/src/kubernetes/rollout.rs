//! Waiting for a rollout: what the pods say, live, until all answer or one can't.

use std::time::Duration;

use api::{ErrorCode, deploy::Instance};
use engine::ports::{PortError, Result, Steps, Wanted};
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};
use kube::api::ListParams;
use tokio::time::Instant;

use crate::kubernetes::{
    Kubernetes, events,
    reasons::{self, Obstacle},
};

/// A cluster that pulls a large image over a slow network still comes up within this.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
const LOOK_AGAIN: Duration = Duration::from_millis(300);

pub(crate) async fn wait(cluster: &Kubernetes, wanted: &Wanted, steps: &dyn Steps) -> Result<()> {
    steps.begin("Wait for the pods", "");
    let started = Instant::now();
    let mut last_answer = Instant::now();
    let mut obstacle: Option<(Obstacle, Instant)> = None;
    loop {
        if steps.is_cancelled() {
            let message =
                format!("Waiting for {} was cancelled; the cluster goes on with what was applied", wanted.name);
            return Err(
                PortError::permanent(ErrorCode::Cancelled, message).with_hint("Roll back, or delete the deployment.")
            );
        }
        match look(cluster, wanted).await {
            Ok(Seen { ready: true, .. }) => {
                steps.detail(&format!("{} of {} pods ready", wanted.replicas, wanted.replicas));
                return Ok(());
            }
            Ok(seen) => {
                last_answer = Instant::now();
                obstacle = match (seen.obstacle, obstacle.take()) {
                    (None, _) => None,
                    // The same trouble under another name goes on ("ErrImagePull", "ImagePullBackOff").
                    (Some(now), Some((before, since))) if now.hint == before.hint => Some((now, since)),
                    (Some(now), _) => Some((now, Instant::now())),
                };
                let said = match &obstacle {
                    Some((obstacle, _)) => Some(obstacle.sentence()),
                    None => seen.event,
                };
                let trouble = said.map(|said| format!(" · {said}")).unwrap_or_default();
                steps.detail(&format!("{} of {} pods ready{trouble}", seen.ready_pods, wanted.replicas));
            }
            Err(error) if error.temporary && last_answer.elapsed() < cluster.vanished_after => {
                steps.detail(&format!("The cluster doesn't answer, asked again: {}", error.error.message));
            }
            Err(error) if error.temporary => {
                let message = format!("The cluster vanished while {} rolled out: {}", wanted.name, error.error.message);
                return Err(PortError::permanent(ErrorCode::Unreachable, message)
                    .with_hint("What was applied goes on there. Deploy again once it answers: what is done already is left as it is."));
            }
            Err(error) => return Err(error),
        }
        if let Some((found, since)) = &obstacle
            && since.elapsed() >= Duration::from_secs(found.patience_secs)
        {
            let log = last_words(cluster, wanted, found).await;
            let message =
                format!("{} v{} doesn't come up: {}{log}", wanted.name, wanted.version_number, found.sentence());
            let pods = cluster.pods_of(wanted.deployment).await.unwrap_or_default();
            return Err(PortError::permanent(ErrorCode::Internal, message).with_hint(way_out(found, &pods, wanted)));
        }
        if started.elapsed() >= PATIENCE {
            let message = format!(
                "{} v{} was not ready within {} min",
                wanted.name,
                wanted.version_number,
                PATIENCE.as_secs() / 60
            );
            return Err(
                PortError::permanent(ErrorCode::Internal, message).with_hint("Look at its instances and their logs.")
            );
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

struct Seen {
    ready: bool,
    ready_pods: usize,
    obstacle: Option<Obstacle>,
    /// What the cluster said last of a pod that isn't ready, where nothing stands in its way.
    event: Option<String>,
}

async fn look(cluster: &Kubernetes, wanted: &Wanted) -> Result<Seen> {
    let deployment = cluster
        .deployments()
        .get(&wanted.name)
        .await
        .map_err(|error| cluster.failed(&format!("look at {}", wanted.name), error))?;
    let pods = cluster.pods_of(wanted.deployment).await?;
    let new: Vec<&Pod> =
        pods.iter().filter(|pod| is_new(pod, wanted) && pod.metadata.deletion_timestamp.is_none()).collect();
    let ready_pods = new.iter().filter(|pod| instance(pod).ready).count();
    let obstacle = new.iter().find_map(|pod| reasons::of_pod(pod)).or_else(|| reasons::of_deployment(&deployment));
    let ready = is_complete(&deployment, wanted.replicas);
    let waiting = new.iter().rev().find(|pod| !instance(pod).ready).filter(|_| obstacle.is_none() && !ready);
    let event = match waiting {
        Some(pod) => newest_event(cluster, pod).await,
        None => None,
    };
    Ok(Seen { ready, ready_pods, obstacle, event })
}

/// "Pulling: Pulling image …". Who may not see events goes without.
async fn newest_event(cluster: &Kubernetes, pod: &Pod) -> Option<String> {
    let of_pod = ListParams::default().fields(&format!("involvedObject.name={}", pod.metadata.name.as_deref()?));
    let found = cluster.events().list(&of_pod).await.ok()?.items;
    let newest = found.into_iter().max_by_key(events::at_ms)?;
    Some(format!("{}: {}", newest.reason.unwrap_or_default(), newest.message.unwrap_or_default()))
}

/// What to do, and whether anything answers meanwhile: on a first deployment nothing does.
fn way_out(obstacle: &Obstacle, pods: &[Pod], wanted: &Wanted) -> String {
    let before = pods.iter().any(|pod| !is_new(pod, wanted) && instance(pod).ready);
    format!("{}{}", obstacle.hint, if before { " The pods of before still answer." } else { "" })
}

fn is_new(pod: &Pod, wanted: &Wanted) -> bool {
    let image = wanted.image.as_ref().map(|image| image.reference.as_str());
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    version_number(pod) == Some(wanted.version_number)
        && containers.into_iter().any(|container| container.image.as_deref() == image)
}

/// As `kubectl rollout status` has it: the controller has seen the newest wish, all pods are of it,
/// and all are available.
fn is_complete(deployment: &Deployment, replicas: u32) -> bool {
    let Some(status) = &deployment.status else { return false };
    let replicas = i32::try_from(replicas).unwrap_or(i32::MAX);
    status.observed_generation >= deployment.metadata.generation
        && deployment.spec.replicas == Some(replicas)
        && status.updated_replicas.unwrap_or(0) == replicas
        && status.replicas.unwrap_or(0) == replicas
        && status.available_replicas.unwrap_or(0) == replicas
}

fn version_number(pod: &Pod) -> Option<u32> {
    pod.metadata.labels.as_ref()?.get("app.kubernetes.io/version")?.parse().ok()
}

/// What a crashing program said last: the cluster only says that it ended.
async fn last_words(cluster: &Kubernetes, wanted: &Wanted, obstacle: &Obstacle) -> String {
    if !matches!(obstacle.reason.as_str(), "CrashLoopBackOff" | "Error") {
        return String::new();
    }
    let Ok(pods) = cluster.pods_of(wanted.deployment).await else { return String::new() };
    let Some(pod) = pods.iter().find(|pod| is_new(pod, wanted)).and_then(|pod| pod.metadata.name.clone()) else {
        return String::new();
    };
    let parameters = kube::api::LogParams { tail_lines: Some(3), ..Default::default() };
    match cluster.pods().logs(&pod, &parameters).await {
        Ok(text) if !text.trim().is_empty() => format!(". It said: {}", text.trim().replace('\n', " ")),
        _ => String::new(),
    }
}

/// A pod as the Deploy page shows it.
pub(crate) fn instance(pod: &Pod) -> Instance {
    let status = pod.status.as_ref();
    let container = status.and_then(|status| status.container_statuses.as_ref()?.first());
    let obstacle = reasons::of_pod(pod);
    let ending = pod.metadata.deletion_timestamp.is_some();
    let phase = status.and_then(|status| status.phase.clone()).unwrap_or_else(|| "Unknown".to_owned());
    Instance {
        name: pod.metadata.name.clone().unwrap_or_default(),
        version_number: version_number(pod),
        ready: !ending && container.is_some_and(|container| container.ready),
        state: match &obstacle {
            _ if ending => "Terminating".to_owned(),
            Some(obstacle) => obstacle.reason.clone(),
            None => phase,
        },
        reason: obstacle.map(|obstacle| format!("{} {}", obstacle.message, obstacle.hint).trim().to_owned()),
        restarts: container.map_or(0, |container| u32::try_from(container.restart_count).unwrap_or(0)),
        started_ms: status.and_then(|status| status.start_time.as_ref()).map(|time| time.0.as_millisecond()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(generation: i64, status: serde_json::Value) -> Deployment {
        serde_json::from_value(json!({
            "metadata": { "name": "f", "generation": generation },
            "spec": { "replicas": 2, "selector": {}, "template": {} }, "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_rollout_is_complete_when_only_new_pods_are_left_and_all_answer() {
        let good = json!({ "observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2 });
        assert!(is_complete(&deployment(2, good.clone()), 2));
        assert!(!is_complete(&deployment(3, good.clone()), 2), "the controller has not seen the newest wish");
        assert!(!is_complete(&deployment(2, good), 3));
        let old_left = json!({ "observedGeneration": 2, "replicas": 3, "updatedReplicas": 2, "availableReplicas": 3 });
        assert!(!is_complete(&deployment(2, old_left), 2));
        assert!(!is_complete(&deployment(2, json!({ "observedGeneration": 2 })), 2));
    }

    fn pod(version: u32, ready: bool) -> Pod {
        serde_json::from_value(json!({
            "metadata": { "name": format!("f-{version}"), "labels": { "app.kubernetes.io/version": version.to_string() } },
            "spec": { "containers": [{ "name": "model", "image": format!("i:{version}") }] },
            "status": { "phase": "Running", "containerStatuses": [{ "name": "model", "image": "i", "imageID": "", "ready": ready, "restartCount": 0 }] },
        }))
        .unwrap()
    }

    #[test]
    fn what_still_answers_is_said_only_where_something_does() {
        let wanted = Wanted {
            deployment: api::DeploymentId::from_bytes([1; 16]),
            name: "f".to_owned(),
            model_name: "f".to_owned(),
            version_number: 2,
            replicas: 1,
            cpu_millis: None,
            memory_mb: None,
            log_share: 0.0,
            log_days: 1,
            not_logged: Vec::new(),
            create_namespace: false,
            port: None,
            image: Some(engine::ports::Image {
                reference: "i:2".to_owned(),
                platform: "linux/amd64".to_owned(),
                registry_address: "i".to_owned(),
                credentials: None,
            }),
            bundle: None,
        };
        let obstacle = Obstacle {
            reason: "ErrImagePull".to_owned(),
            message: "no such image".to_owned(),
            hint: "Push it.",
            patience_secs: 1,
        };
        assert_eq!(way_out(&obstacle, &[pod(2, false)], &wanted), "Push it.");
        assert_eq!(way_out(&obstacle, &[pod(2, false), pod(1, false)], &wanted), "Push it.");
        let still = "Push it. The pods of before still answer.";
        assert_eq!(way_out(&obstacle, &[pod(2, false), pod(1, true)], &wanted), still);
    }

    #[test]
    fn a_pod_that_ends_is_not_ready_any_more() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": { "name": "f-1", "labels": { "app.kubernetes.io/version": "3" }, "deletionTimestamp": "2026-01-01T00:00:00Z" },
            "status": { "phase": "Running", "containerStatuses": [{ "name": "model", "image": "i", "imageID": "", "ready": true, "restartCount": 1 }] },
        }))
        .unwrap();
        let seen = instance(&pod);
        assert_eq!(
            (seen.ready, seen.state.as_str(), seen.version_number, seen.restarts),
            (false, "Terminating", Some(3), 1)
        );
    }
}
