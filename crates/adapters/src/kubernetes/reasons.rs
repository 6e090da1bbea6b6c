//! Why a cluster refuses or a pod doesn't come up, in the cluster's own words, and what to do.

use api::ErrorCode;
use engine::ports::PortError;
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod};

use crate::http::reasons;

/// What stops a pod or a rollout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Obstacle {
    /// The cluster's word: "ErrImagePull".
    pub(crate) reason: String,
    /// The cluster's sentence.
    pub(crate) message: String,
    pub(crate) hint: &'static str,
    /// Seconds that it may last before the rollout counts as failed: some pass by themselves.
    pub(crate) patience_secs: u64,
}

impl Obstacle {
    fn new(reason: &str, message: Option<&String>) -> Self {
        let (hint, patience_secs) = advice(reason);
        Self { reason: reason.to_owned(), message: message.cloned().unwrap_or_default(), hint, patience_secs }
    }

    /// "ErrImagePull: the cluster's sentence".
    pub(crate) fn sentence(&self) -> String {
        if self.message.is_empty() { self.reason.clone() } else { format!("{}: {}", self.reason, self.message) }
    }
}

/// What to do about a reason that the kubelet, the scheduler or a controller gives.
fn advice(reason: &str) -> (&'static str, u64) {
    match reason {
        "ErrImagePull" | "ImagePullBackOff" => (
            "The node can't pull the image: check that the registry's address is reachable from the cluster, that its certificate is trusted there, and the credentials.",
            15,
        ),
        "InvalidImageName" => {
            ("The registry's address or the repository has characters that an image's name can't have.", 0)
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            ("The node can't start the container: the message says what it misses.", 15)
        }
        "CrashLoopBackOff" | "Error" => ("The serving program ends by itself: look at the deployment's logs.", 3),
        "OOMKilled" => ("It needs more memory than its limit: deploy again with more.", 0),
        "Unschedulable" => ("No node takes it: ask for less CPU or memory, or add a node.", 60),
        "FailedCreate" => {
            ("The namespace's quota or a policy of the cluster forbids the pod: ask for less, or have it raised.", 5)
        }
        "ProgressDeadlineExceeded" => ("The cluster gave up waiting: look at the pods' states above.", 0),
        "Evicted" => ("The node was short of memory or disk.", 30),
        _ => ("Look at the pod with `kubectl describe pod`.", 60),
    }
}

/// What keeps a pod from being ready, if something does.
pub(crate) fn of_pod(pod: &Pod) -> Option<Obstacle> {
    let status = pod.status.as_ref()?;
    for container in status.init_container_statuses.iter().flatten().chain(status.container_statuses.iter().flatten()) {
        let Some(state) = &container.state else { continue };
        if let Some(waiting) = &state.waiting {
            let reason = waiting.reason.as_deref().unwrap_or("Waiting");
            if reason == "CrashLoopBackOff" {
                // Why it ended says more than that it did so again and again.
                let last = container.last_state.as_ref().and_then(|last| last.terminated.as_ref());
                let mut obstacle = Obstacle::new(
                    last.and_then(|last| last.reason.as_deref())
                        .filter(|reason| *reason == "OOMKilled")
                        .unwrap_or(reason),
                    waiting.message.as_ref(),
                );
                if let Some(last) = last {
                    obstacle.message = format!("it ended with code {}; {}", last.exit_code, obstacle.message);
                }
                return Some(obstacle);
            }
            if !matches!(reason, "ContainerCreating" | "PodInitializing" | "Waiting") {
                return Some(Obstacle::new(reason, waiting.message.as_ref()));
            }
        }
        if let Some(ended) = &state.terminated {
            let mut obstacle = Obstacle::new(ended.reason.as_deref().unwrap_or("Error"), ended.message.as_ref());
            obstacle.message =
                format!("it ended with code {}. {}", ended.exit_code, obstacle.message).trim_end().to_owned();
            return Some(obstacle);
        }
    }
    if let Some(reason) = &status.reason {
        return Some(Obstacle::new(reason, status.message.as_ref()));
    }
    let unscheduled = status.conditions.iter().flatten().find(|condition| {
        condition.type_ == "PodScheduled"
            && condition.status == "False"
            && condition.reason.as_deref() == Some("Unschedulable")
    })?;
    Some(Obstacle::new("Unschedulable", unscheduled.message.as_ref()))
}

/// What keeps a deployment from making pods at all: quota, policies, the deadline.
pub(crate) fn of_deployment(deployment: &Deployment) -> Option<Obstacle> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let failed = conditions.iter().find(|condition| {
        (is(&condition.type_, "ReplicaFailure") && is(&condition.status, "True"))
            || (is(&condition.type_, "Progressing") && is(&condition.status, "False"))
    })?;
    Some(Obstacle::new(failed.reason.as_deref().unwrap_or("Failed"), failed.message.as_ref()))
}

fn is(found: &Option<String>, word: &str) -> bool {
    found.as_deref() == Some(word)
}

/// A refused or failed request as an error that begins with `cannot`.
pub(crate) fn failed(cannot: &str, error: kube::Error) -> PortError {
    match error {
        kube::Error::Api(status) => {
            let reason = status.message.trim();
            let message = if reason.is_empty() {
                format!("{cannot}: the cluster answers {}", status.code)
            } else {
                format!("{cannot}: {reason}")
            };
            match status.code {
                401 => PortError::permanent(ErrorCode::Forbidden, message)
                    .with_hint("The cluster doesn't accept the kubeconfig's credentials: sign in to it again."),
                403 => PortError::permanent(ErrorCode::Forbidden, message)
                    .with_hint("Ask the cluster's administrator for the right, or use another context or namespace; a quota must be raised or asked less of."),
                404 => PortError::permanent(ErrorCode::NotFound, message),
                409 => PortError::permanent(ErrorCode::Conflict, message),
                429 | 500.. => PortError::temporary(ErrorCode::Unreachable, message),
                _ => PortError::permanent(ErrorCode::Invalid, message),
            }
        }
        kube::Error::Auth(error) => PortError::permanent(
            ErrorCode::Forbidden,
            format!("{cannot}: signing in failed: {}", reasons(&error)),
        )
        .with_hint(
            "Run `kubectl get pods` with the same context: it shows the same fault, and may ask you to sign in again.",
        ),
        kube::Error::SerdeError(error) => {
            PortError::permanent(ErrorCode::Invalid, format!("{cannot}: the answer is not of Kubernetes: {error}"))
                .with_hint("Is the server's address in the kubeconfig right?")
        }
        other => {
            if let Some(tls) = crate::http::find::<rustls::Error>(&other) {
                return PortError::permanent(ErrorCode::Unreachable, format!("{cannot}: {tls}"))
                    .with_hint("The kubeconfig's certificate authority doesn't fit the cluster's certificate.");
            }
            PortError::temporary(ErrorCode::Unreachable, format!("{cannot}: {}", reasons(&other)))
                .with_hint("Is the cluster running, and reachable from this network?")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: serde_json::Value) -> Pod {
        serde_json::from_value(json!({ "metadata": { "name": "p" }, "status": status })).unwrap()
    }

    fn waiting(reason: &str, message: &str) -> Pod {
        pod(json!({ "containerStatuses": [{
            "name": "model", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": { "waiting": { "reason": reason, "message": message } },
        }] }))
    }

    #[test]
    fn an_image_that_cannot_be_pulled_gives_the_kubelets_own_words() {
        let obstacle = of_pod(&waiting("ErrImagePull", "rpc error: not found")).unwrap();
        assert_eq!(obstacle.sentence(), "ErrImagePull: rpc error: not found");
        assert!(obstacle.hint.contains("registry"));
    }

    #[test]
    fn a_container_being_made_is_no_obstacle() {
        assert_eq!(of_pod(&waiting("ContainerCreating", "")), None);
        assert_eq!(of_pod(&pod(json!({ "phase": "Pending" }))), None);
    }

    #[test]
    fn a_crash_loop_says_how_it_ended_and_memory_is_named() {
        let crash = |reason: &str, code: i32| {
            pod(json!({ "containerStatuses": [{
                "name": "model", "image": "i", "imageID": "", "ready": false, "restartCount": 4,
                "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 40s" } },
                "lastState": { "terminated": { "exitCode": code, "reason": reason } },
            }] }))
        };
        assert!(of_pod(&crash("Error", 1)).unwrap().sentence().contains("ended with code 1"));
        let memory = of_pod(&crash("OOMKilled", 137)).unwrap();
        assert_eq!(memory.reason, "OOMKilled");
        assert!(memory.hint.contains("memory"));
    }

    #[test]
    fn a_pod_without_a_node_says_why() {
        let obstacle = of_pod(&pod(json!({ "conditions": [{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available: 3 Insufficient cpu.",
        }] })));
        assert!(obstacle.unwrap().message.contains("Insufficient cpu"));
    }

    #[test]
    fn an_exceeded_quota_is_read_from_the_deployment() {
        let deployment: Deployment = serde_json::from_value(json!({ "metadata": { "name": "d" }, "status": { "conditions": [{
            "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "pods \"d-1\" is forbidden: exceeded quota: small",
        }] } }))
        .unwrap();
        let obstacle = of_deployment(&deployment).unwrap();
        assert!(obstacle.message.contains("exceeded quota"));
        assert!(obstacle.hint.contains("quota"));
    }

    #[test]
    fn refusals_keep_the_clusters_sentence_and_only_faults_of_the_server_are_temporary() {
        let answer = |code: u16, message: &str| {
            let status: kube::core::Status =
                serde_json::from_value(json!({ "status": "Failure", "message": message, "reason": "x", "code": code }))
                    .unwrap();
            failed("Can't deploy", kube::Error::Api(Box::new(status)))
        };
        let forbidden = answer(403, "deployments.apps is forbidden: User \"u\" cannot create resource");
        assert_eq!(forbidden.error.code, ErrorCode::Forbidden);
        assert!(forbidden.error.message.contains("cannot create resource"));
        assert!(!forbidden.temporary);
        assert!(answer(503, "").temporary);
        assert_eq!(answer(401, "Unauthorized").error.code, ErrorCode::Forbidden);
    }
}
