//! What we apply: namespace, pull secret, deployment, service; as JSON, with our fields only, so that
//! server-side apply leaves everything else to whoever owns it.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use engine::ports::{Image, PortError, Result, Wanted};
use serde_json::{Value, json};

/// The two ports of the serving program.
pub(crate) const SERVING_PORT: u16 = 8080;
pub(crate) const CONTROL_PORT: u16 = 8081;
/// The log may grow to this in a pod; the volume's limit leaves room for what is being written.
const LOG_BYTES: u64 = 256 << 20;
const LOG_VOLUME: &str = "320Mi";
/// How long an ending pod waits for the last fetch of its log.
const DRAIN_SECS: u32 = 30;
const USER: i64 = 65532;
const DEFAULT_MEMORY_MB: u32 = 512;

/// One object with the way to it.
pub(crate) struct Object {
    /// "deployment/fraud".
    pub(crate) title: String,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) body: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Secret,
    Deployment,
    Service,
}

/// The label by which the pods of a deployment are found; an id, so that two workspaces in one
/// namespace never meet.
pub(crate) fn selector(deployment: api::DeploymentId) -> String {
    format!("app.kubernetes.io/instance={deployment}")
}

pub(crate) fn secret_name(name: &str) -> String {
    format!("{name}-pull")
}

fn labels(wanted: &Wanted) -> Value {
    json!({
        "app.kubernetes.io/name": wanted.name,
        "app.kubernetes.io/instance": wanted.deployment.to_string(),
        "app.kubernetes.io/managed-by": "slipway",
    })
}

/// In the order in which they are applied: a pod needs its secret.
pub(crate) fn all(wanted: &Wanted, namespace: &str) -> Result<Vec<Object>> {
    let image = wanted.image.as_ref().ok_or_else(|| {
        PortError::permanent(api::ErrorCode::Internal, format!("{} has no image to deploy", wanted.name))
    })?;
    let mut objects = Vec::new();
    if let Some(body) = pull_secret(wanted, image, namespace) {
        let name = secret_name(&wanted.name);
        objects.push(Object { title: format!("secret/{name}"), kind: Kind::Secret, name, body });
    }
    let name = wanted.name.clone();
    objects.push(Object {
        title: format!("deployment/{name}"),
        kind: Kind::Deployment,
        name: name.clone(),
        body: deployment(wanted, image, namespace),
    });
    objects.push(Object {
        title: format!("service/{name}"),
        kind: Kind::Service,
        name,
        body: service(wanted, namespace),
    });
    Ok(objects)
}

pub(crate) fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name, "labels": { "app.kubernetes.io/managed-by": "slipway" } } })
}

fn pull_secret(wanted: &Wanted, image: &Image, namespace: &str) -> Option<Value> {
    let found = image.credentials.as_ref()?;
    let host = image.registry_address.split('/').next().unwrap_or_default();
    let auth = BASE64_STANDARD.encode(format!("{}:{}", found.username, found.password));
    let config = json!({ "auths": { host: { "username": found.username, "password": found.password, "auth": auth } } });
    Some(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": { "name": secret_name(&wanted.name), "namespace": namespace, "labels": labels(wanted) },
        "type": "kubernetes.io/dockerconfigjson",
        "data": { ".dockerconfigjson": BASE64_STANDARD.encode(config.to_string()) },
    }))
}

fn deployment(wanted: &Wanted, image: &Image, namespace: &str) -> Value {
    let mut pod_labels = labels(wanted);
    pod_labels["app.kubernetes.io/version"] = json!(wanted.version_number.to_string());
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": wanted.name, "namespace": namespace, "labels": labels(wanted) },
        "spec": {
            "replicas": wanted.replicas,
            "revisionHistoryLimit": 3,
            "selector": { "matchLabels": { "app.kubernetes.io/instance": wanted.deployment.to_string() } },
            // The old pods answer until new ones do.
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 0, "maxSurge": 1 } },
            "template": { "metadata": { "labels": pod_labels }, "spec": pod(wanted, image) },
        },
    })
}

fn pod(wanted: &Wanted, image: &Image) -> Value {
    let (os, architecture) = image.platform.split_once('/').unwrap_or(("linux", "amd64"));
    let logs = wanted.log_share > 0.0;
    let mut spec = json!({
        "automountServiceAccountToken": false,
        "enableServiceLinks": false,
        "nodeSelector": { "kubernetes.io/os": os, "kubernetes.io/arch": architecture },
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        // What `preStop` may take, and then as long for the last answers.
        "terminationGracePeriodSeconds": if logs { 2 * DRAIN_SECS } else { DRAIN_SECS },
        "containers": [container(wanted, image)],
    });
    if image.credentials.is_some() {
        spec["imagePullSecrets"] = json!([{ "name": secret_name(&wanted.name) }]);
    }
    if logs {
        spec["volumes"] = json!([{ "name": "requests", "emptyDir": { "sizeLimit": LOG_VOLUME } }]);
    }
    spec
}

fn container(wanted: &Wanted, image: &Image) -> Value {
    let mut variables = vec![
        ("SLIPWAY_NAME", wanted.model_name.clone()),
        ("SLIPWAY_VERSION_NUMBER", wanted.version_number.to_string()),
        ("SLIPWAY_DRAIN_SECS", DRAIN_SECS.to_string()),
    ];
    let logs = wanted.log_share > 0.0;
    if logs {
        variables.extend([
            ("SLIPWAY_LOG_DIR", "/requests".to_owned()),
            ("SLIPWAY_LOG_SHARE", wanted.log_share.to_string()),
            ("SLIPWAY_LOG_DAYS", wanted.log_days.to_string()),
            ("SLIPWAY_LOG_MAX_BYTES", LOG_BYTES.to_string()),
        ]);
        if !wanted.not_logged.is_empty() {
            variables.push(("SLIPWAY_NOT_LOGGED", json!(wanted.not_logged).to_string()));
        }
    }
    let memory = format!("{}Mi", wanted.memory_mb.unwrap_or(DEFAULT_MEMORY_MB));
    let mut resources = json!({ "requests": { "cpu": "100m", "memory": memory }, "limits": { "memory": memory } });
    if let Some(millis) = wanted.cpu_millis {
        resources["requests"]["cpu"] = json!(format!("{millis}m"));
        resources["limits"]["cpu"] = json!(format!("{millis}m"));
    }
    let probe = |path: &str, period: u32, failures: u32| json!({ "httpGet": { "path": path, "port": "http" }, "periodSeconds": period, "failureThreshold": failures, "timeoutSeconds": 5 });
    let mut container = json!({
        "name": "model",
        "image": image.reference,
        "ports": [{ "name": "http", "containerPort": SERVING_PORT, "protocol": "TCP" }],
        "env": variables.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
        "startupProbe": probe("/v2/health/live", 1, 120),
        "readinessProbe": probe("/v2/health/ready", 2, 3),
        "livenessProbe": probe("/v2/health/live", 10, 3),
        "resources": resources,
        "securityContext": {
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "runAsNonRoot": true,
            "capabilities": { "drop": ["ALL"] },
        },
    });
    if logs {
        container["volumeMounts"] = json!([{ "name": "requests", "mountPath": "/requests" }]);
        container["lifecycle"] = json!({ "preStop": { "exec": { "command": ["/slipway-serving", "pre-stop"] } } });
    }
    container
}

fn service(wanted: &Wanted, namespace: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": wanted.name, "namespace": namespace, "labels": labels(wanted) },
        "spec": {
            "type": "ClusterIP",
            "selector": { "app.kubernetes.io/instance": wanted.deployment.to_string() },
            // The control port is on purpose in no service: it is reached pod by pod.
            "ports": [{ "name": "http", "port": 80, "targetPort": "http", "protocol": "TCP" }],
        },
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn wanted() -> Wanted {
        Wanted {
            deployment: api::DeploymentId::from_bytes([7; 16]),
            name: "fraud".to_owned(),
            model_name: "fraud".to_owned(),
            version_number: 3,
            replicas: 2,
            cpu_millis: Some(250),
            memory_mb: None,
            log_share: 0.5,
            log_days: 14,
            not_logged: Vec::new(),
            create_namespace: false,
            port: None,
            image: Some(Image {
                reference: "r.example:5000/team/fraud@sha256:00".to_owned(),
                platform: "linux/amd64".to_owned(),
                registry_address: "r.example:5000/team".to_owned(),
                credentials: Some(engine::ports::Credentials { username: "u".to_owned(), password: "p".to_owned() }),
            }),
            bundle: None,
        }
    }

    #[test]
    fn objects_are_what_kubernetes_calls_them() {
        use k8s_openapi::api::{
            apps::v1::Deployment,
            core::v1::{Secret, Service},
        };
        let objects = all(&wanted(), "models").unwrap();
        assert_eq!(
            objects.iter().map(|object| object.title.as_str()).collect::<Vec<_>>(),
            ["secret/fraud-pull", "deployment/fraud", "service/fraud"]
        );
        // Unknown fields would be lost on the way through the types.
        let secret: Secret = serde_json::from_value(objects[0].body.clone()).unwrap();
        assert_eq!(serde_json::to_value(secret).unwrap(), objects[0].body);
        let deployment: Deployment = serde_json::from_value(objects[1].body.clone()).unwrap();
        assert_eq!(serde_json::to_value(deployment).unwrap(), objects[1].body);
        let service: Service = serde_json::from_value(objects[2].body.clone()).unwrap();
        assert_eq!(serde_json::to_value(service).unwrap(), objects[2].body);
    }

    #[test]
    fn a_pod_is_harmless_and_limited() {
        let pod = pod(&wanted(), wanted().image.as_ref().unwrap());
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        let container = &pod["containers"][0];
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(container["resources"]["limits"], json!({ "memory": "512Mi", "cpu": "250m" }));
        assert_eq!(pod["volumes"][0]["emptyDir"]["sizeLimit"], "320Mi");
        assert_eq!(pod["terminationGracePeriodSeconds"], 60);
        assert_eq!(container["lifecycle"]["preStop"]["exec"]["command"], json!(["/slipway-serving", "pre-stop"]));
    }

    #[test]
    fn the_pull_secret_is_for_the_registrys_host_and_absent_without_a_password() {
        let secret = &all(&wanted(), "models").unwrap()[0].body;
        let text = BASE64_STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().unwrap()).unwrap();
        let config: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(config["auths"]["r.example:5000"]["auth"], "dTpw");
        let mut open = wanted();
        open.image.as_mut().unwrap().credentials = None;
        assert_eq!(all(&open, "models").unwrap().len(), 2);
        assert!(pod(&open, open.image.as_ref().unwrap()).get("imagePullSecrets").is_none());
    }

    #[test]
    fn without_a_log_nothing_waits_for_it() {
        let quiet = Wanted { log_share: 0.0, ..wanted() };
        let pod = pod(&quiet, quiet.image.as_ref().unwrap());
        assert!(pod.get("volumes").is_none() && pod["containers"][0].get("lifecycle").is_none());
    }
}
