//! Kubernetes as a target, by `kube`: a deployment and a service in one namespace, applied by the
//! server with our field manager, waited for in the cluster's own words.

mod access;
mod difference;
mod events;
mod forward;
mod objects;
mod pod_log;
mod reasons;
mod rollout;
mod sessions;

pub use access::{Places, contexts};
pub(crate) use sessions::Sessions;

use std::{sync::Arc, time::Duration};

use api::{
    DeploymentId, ErrorCode,
    deploy::{Capability, DeploymentEvent, Instance, LogLines, TargetCheck},
};
use async_trait::async_trait;
use engine::ports::{Connection, Port, PortError, Result, Steps, Target, TargetPlan, Wanted};
use k8s_openapi::api::{
    apps::v1::{Deployment, ReplicaSet},
    core::v1::{Event, Namespace, Node, Pod, Secret, Service},
};
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::Value;

use crate::{
    http,
    kubernetes::{
        access::Session,
        objects::{Kind, Object},
        reasons::failed,
    },
};

/// Who owns the fields that we apply.
const MANAGER: &str = "slipway";

/// A cluster that doesn't answer for this long while something rolls out has vanished.
const VANISHED_AFTER: Duration = Duration::from_secs(45);

pub struct Kubernetes {
    session: Arc<Session>,
    client: Client,
    context: String,
    namespace: String,
    vanished_after: Duration,
}

impl Kubernetes {
    pub async fn connect(places: &Places, context: &str, namespace: &str) -> Result<Self> {
        Ok(Self::within(Arc::new(access::connect(places, context).await?), context, namespace))
    }

    /// By what was signed in with before.
    pub(crate) fn within(session: Arc<Session>, context: &str, namespace: &str) -> Self {
        Self {
            client: session.requests.clone(),
            session,
            context: context.to_owned(),
            namespace: namespace.to_owned(),
            vanished_after: VANISHED_AFTER,
        }
    }

    /// Another patience with a cluster that doesn't answer while something rolls out.
    #[must_use]
    pub fn vanished_after(self, vanished_after: Duration) -> Self {
        Self { vanished_after, ..self }
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn events(&self) -> Api<Event> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn dynamic(&self, kind: Kind) -> Api<DynamicObject> {
        let gvk = match kind {
            Kind::Secret => GroupVersionKind::gvk("", "v1", "Secret"),
            Kind::Deployment => GroupVersionKind::gvk("apps", "v1", "Deployment"),
            Kind::Service => GroupVersionKind::gvk("", "v1", "Service"),
        };
        Api::namespaced_with(self.client.clone(), &self.namespace, &ApiResource::from_gvk(&gvk))
    }

    /// A refused or failed request; one that the sign-in is to blame for has the next caller sign in anew.
    fn failed(&self, what: &str, error: kube::Error) -> PortError {
        self.session.note(&error);
        failed(&format!("Can't {what} in {} of {}", self.namespace, self.context), error)
    }

    async fn pods_of(&self, deployment: DeploymentId) -> Result<Vec<Pod>> {
        let parameters = ListParams::default().labels(&objects::selector(deployment));
        let mut pods = self.pods().list(&parameters).await.map_err(|error| self.failed("list pods", error))?.items;
        pods.sort_by(|one, other| one.metadata.creation_timestamp.cmp(&other.metadata.creation_timestamp));
        Ok(pods)
    }

    async fn namespace_exists(&self) -> Result<bool> {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        match namespaces.get_opt(&self.namespace).await {
            Ok(found) => Ok(found.is_some()),
            // Who may not look at namespaces may still be allowed into one.
            Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(true),
            Err(error) => Err(self.failed("look", error)),
        }
    }

    /// Nodes that could take the image, and what the cluster has otherwise; `None` where we may not look.
    async fn nodes(&self) -> Result<Option<Vec<Node>>> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        match nodes.list(&ListParams::default()).await {
            Ok(found) => Ok(Some(found.items)),
            Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(None),
            Err(error) => Err(self.failed("list nodes", error)),
        }
    }

    async fn plan_object(&self, object: &Object, wanted: &Wanted, plan: &mut TargetPlan) -> Result<()> {
        let api = self.dynamic(object.kind);
        let what = format!("plan {}", object.title);
        let live = api.get_opt(&object.name).await.map_err(|error| self.failed(&what, error))?;
        if let Some(live) = &live
            && !is_ours(live, wanted.deployment)
        {
            let message =
                format!("{} exists in {} already, and is not of this deployment", object.title, self.namespace);
            return Err(
                PortError::permanent(ErrorCode::Conflict, message).with_hint("Choose another name or namespace.")
            );
        }
        let gentle = PatchParams { dry_run: true, ..PatchParams::apply(MANAGER) };
        let after = match api.patch(&object.name, &gentle, &Patch::Apply(&object.body)).await {
            Ok(after) => after,
            // Somebody else set a field of ours: deploying takes it over, which must be seen before.
            Err(kube::Error::Api(status)) if status.is_conflict() => {
                plan.warnings.push(format!("Deploying takes fields over: {}", status.message));
                let forced = gentle.force();
                api.patch(&object.name, &forced, &Patch::Apply(&object.body))
                    .await
                    .map_err(|error| self.failed(&what, error))?
            }
            Err(error) => return Err(self.failed(&what, error)),
        };
        let before = live.map(|live| to_value(&live)).transpose()?;
        plan.diff.push(difference::of(&object.title, before.as_ref(), &to_value(&after)?));
        Ok(())
    }

    async fn apply_object(&self, object: &Object) -> Result<()> {
        let parameters = PatchParams::apply(MANAGER).force();
        self.dynamic(object.kind)
            .patch(&object.name, &parameters, &Patch::Apply(&object.body))
            .await
            .map(|_| ())
            .map_err(|error| self.failed(&format!("apply {}", object.title), error))
    }

    /// Deletes the pull secret of a version before, once no pod needs it: a password must not outlive its use. What
    /// was rolled out stands also where that fails.
    async fn drop_pull_secret(&self, wanted: &Wanted) {
        let (secrets, name) = (self.dynamic(Kind::Secret), objects::secret_name(&wanted.name));
        let gone = match secrets.get_opt(&name).await {
            Ok(Some(live)) if is_ours(&live, wanted.deployment) => {
                secrets.delete(&name, &DeleteParams::background()).await.map(|_| ())
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = gone {
            tracing::warn!(%error, name, "a pull secret that is not needed any more can't be deleted");
        }
    }
}

fn is_ours(object: &DynamicObject, deployment: DeploymentId) -> bool {
    let labels = object.metadata.labels.as_ref();
    labels
        .and_then(|labels| labels.get("app.kubernetes.io/instance"))
        .is_some_and(|found| *found == deployment.to_string())
}

fn to_value(object: &DynamicObject) -> Result<Value> {
    serde_json::to_value(object).map_err(|error| PortError::permanent(ErrorCode::Internal, error.to_string()))
}

/// "linux/amd64".
fn platform(node: &Node) -> Option<String> {
    let info = node.status.as_ref()?.node_info.as_ref()?;
    Some(format!("{}/{}", info.operating_system, info.architecture))
}

#[async_trait]
impl Target for Kubernetes {
    fn capability(&self) -> Capability {
        Capability { needs_image: true, replicas: true, diff: true, logs: true, reasons: Vec::new() }
    }

    async fn check(&self) -> Result<TargetCheck> {
        let version = self.client.apiserver_version().await.map_err(|error| self.failed("ask", error))?;
        let nodes = self.nodes().await?;
        let mut platforms: Vec<String> = nodes.iter().flatten().filter_map(platform).collect();
        platforms.sort_unstable();
        platforms.dedup();
        let nodes = match &nodes {
            Some(nodes) => {
                let called = if nodes.len() == 1 { "node" } else { "nodes" };
                format!("{} {called}, {}", nodes.len(), platforms.join(" and "))
            }
            None => "its nodes are not ours to see".to_owned(),
        };
        let all: Api<Namespace> = Api::all(self.client.clone());
        let namespaces = match all.list_metadata(&ListParams::default()).await {
            Ok(found) => found.items.into_iter().filter_map(|item| item.metadata.name).collect(),
            Err(_) => Vec::new(),
        };
        // Whether we may do here what deploying needs.
        let allowed = self.deployments().list_metadata(&ListParams::default().limit(1)).await;
        let hint = allowed.err().map(|error| self.failed("list deployments", error).error.to_string());
        Ok(TargetCheck {
            ok: hint.is_none(),
            message: format!("Kubernetes {}, {nodes}", version.git_version.trim_start_matches('v')),
            hint,
            namespaces,
        })
    }

    async fn plan(&self, wanted: &Wanted) -> Result<TargetPlan> {
        let mut plan = TargetPlan::default();
        let image = wanted.image.as_ref();
        let needed = image.map_or("linux/amd64", |image| image.platform.as_str());
        match self.nodes().await? {
            Some(nodes) if nodes.is_empty() => {
                plan.warnings.push("The cluster has no nodes now: pods wait until it has one.".to_owned())
            }
            Some(nodes) if !nodes.iter().any(|node| platform(node).as_deref() == Some(needed)) => {
                let found: Vec<String> = nodes.iter().filter_map(platform).collect();
                let message = format!("The image is for {needed}, and the cluster's nodes are {}", found.join(", "));
                plan.blocked = Some(
                    PortError::permanent(ErrorCode::Unsupported, message)
                        .with_hint("Add a node of that kind, or choose another cluster.")
                        .into(),
                );
                return Ok(plan);
            }
            Some(_) => {}
            None => plan.warnings.push(format!("We may not see the cluster's nodes; the image needs {needed}.")),
        }
        if let Some(host) = image.map(|image| image.registry_address.as_str())
            && ["localhost", "127.0.0.1", "[::1]"].iter().any(|loopback| host.starts_with(loopback))
        {
            plan.warnings.push(format!("{host} is this machine: only a cluster on this machine can pull from it."));
        }
        let objects = objects::all(wanted, &self.namespace)?;
        if !self.namespace_exists().await? {
            if !wanted.create_namespace {
                let missing =
                    PortError::permanent(ErrorCode::NotFound, format!("There is no namespace {}", self.namespace));
                plan.blocked = Some(missing.with_hint("Have it made with the deployment, or choose another.").into());
                return Ok(plan);
            }
            plan.steps.push(format!("Make the namespace {}", self.namespace));
            // A dry run needs the namespace: all of it is new.
            plan.diff.push(difference::of(
                &format!("namespace/{}", self.namespace),
                None,
                &objects::namespace(&self.namespace),
            ));
            plan.diff.extend(objects.iter().map(|object| difference::of(&object.title, None, &object.body)));
        } else {
            for object in &objects {
                self.plan_object(object, wanted, &mut plan).await?;
            }
        }
        let changes = plan
            .diff
            .iter()
            .filter(|diff| diff.action != "unchanged")
            .map(|diff| diff.object.as_str())
            .collect::<Vec<_>>();
        plan.steps.push(if changes.is_empty() {
            "Nothing to apply".to_owned()
        } else {
            format!("Apply {}", changes.join(", "))
        });
        let pods = if wanted.replicas == 1 { "1 pod".to_owned() } else { format!("{} pods", wanted.replicas) };
        let verb = if wanted.replicas == 1 { "answers" } else { "answer" };
        plan.steps.push(format!("Wait until {pods} of version {} {verb}", wanted.version_number));
        Ok(plan)
    }

    async fn apply(&self, wanted: &Wanted, steps: &dyn Steps) -> Result<()> {
        if wanted.create_namespace && !self.namespace_exists().await? {
            steps.begin("Make the namespace", &self.namespace);
            let namespaces: Api<Namespace> = Api::all(self.client.clone());
            let body = objects::namespace(&self.namespace);
            let made = namespaces.patch(&self.namespace, &PatchParams::apply(MANAGER), &Patch::Apply(&body)).await;
            made.map_err(|error| self.failed("make the namespace", error))?;
        }
        let objects = objects::all(wanted, &self.namespace)?;
        // An object of that name that isn't ours must not be taken over.
        for object in &objects {
            let live = self.dynamic(object.kind).get_opt(&object.name).await;
            let live = live.map_err(|error| self.failed(&format!("look at {}", object.title), error))?;
            if live.is_some_and(|live| !is_ours(&live, wanted.deployment)) {
                let message =
                    format!("{} exists in {} already, and is not of this deployment", object.title, self.namespace);
                return Err(
                    PortError::permanent(ErrorCode::Conflict, message).with_hint("Choose another name or namespace.")
                );
            }
        }
        steps.begin("Apply", &objects.iter().map(|object| object.title.as_str()).collect::<Vec<_>>().join(", "));
        for object in &objects {
            self.apply_object(object).await?;
        }
        Ok(())
    }

    async fn wait(&self, wanted: &Wanted, steps: &dyn Steps) -> Result<()> {
        rollout::wait(self, wanted, steps).await?;
        if wanted.image.as_ref().is_some_and(|image| image.credentials.is_none()) {
            self.drop_pull_secret(wanted).await;
        }
        Ok(())
    }

    /// The cluster keeps what it was told by itself.
    async fn keep(&self, _wanted: &Wanted) -> Result<bool> {
        Ok(false)
    }

    async fn scale(&self, wanted: &Wanted, replicas: u32) -> Result<()> {
        let wanted = Wanted { replicas, ..wanted.clone() };
        let objects = objects::all(&wanted, &self.namespace)?;
        for object in objects.iter().filter(|object| object.kind == Kind::Deployment) {
            self.apply_object(object).await?;
        }
        Ok(())
    }

    async fn instances(&self, deployment: DeploymentId, _name: &str) -> Result<Vec<Instance>> {
        Ok(self.pods_of(deployment).await?.iter().map(rollout::instance).collect())
    }

    async fn address(&self, _deployment: DeploymentId, name: &str) -> Result<Option<String>> {
        Ok(Some(format!("http://{name}.{}.svc", self.namespace)))
    }

    async fn logs_after(
        &self,
        deployment: DeploymentId,
        name: &str,
        instance: Option<&str>,
        after: Option<&str>,
        lines: u32,
    ) -> Result<LogLines> {
        let pods: Vec<String> =
            self.pods_of(deployment).await?.into_iter().filter_map(|pod| pod.metadata.name).collect();
        let chosen: Vec<&String> =
            pods.iter().filter(|pod| instance.is_none_or(|wanted| wanted == pod.as_str())).collect();
        if chosen.is_empty() {
            let message = format!("{} has no pod {}", name, instance.unwrap_or("at all"));
            return Err(PortError::permanent(ErrorCode::NotFound, message));
        }
        let mut ends = after.map(pod_log::Ends::parse).unwrap_or_default();
        let mut all = Vec::new();
        for pod in &chosen {
            let said = match self.pods().logs(pod, &ends.parameters(pod, lines)).await {
                Ok(text) => ends.behind(pod, &text),
                // A container that never started has said nothing; once is enough to say so.
                Err(kube::Error::Api(status)) if status.code == 400 && after.is_none() => vec![status.message.clone()],
                Err(kube::Error::Api(status)) if status.code == 400 => Vec::new(),
                Err(error) => return Err(self.failed(&format!("read the log of {pod}"), error)),
            };
            all.extend(said.into_iter().map(|line| if chosen.len() > 1 { format!("{pod}: {line}") } else { line }));
        }
        Ok(LogLines { lines: all, end: ends.told() })
    }

    async fn events(&self, deployment: DeploymentId, name: &str) -> Result<Vec<DeploymentEvent>> {
        let mut ours = events::Ours::default();
        let live = self.dynamic(Kind::Deployment).get_opt(name).await;
        let live = live.map_err(|error| self.failed(&format!("look at {name}"), error))?;
        if let Some(live) = live.filter(|live| is_ours(live, deployment)) {
            ours.add(&live.metadata);
        }
        let sets: Api<ReplicaSet> = Api::namespaced(self.client.clone(), &self.namespace);
        match sets.list_metadata(&ListParams::default().labels(&objects::selector(deployment))).await {
            Ok(found) => found.items.iter().for_each(|set| ours.add_set(&set.metadata)),
            // Who may not look at replica sets may still be told of pods.
            Err(kube::Error::Api(status)) if status.is_forbidden() => {}
            Err(error) => return Err(self.failed("list replica sets", error)),
        }
        self.pods_of(deployment).await?.iter().for_each(|pod| ours.add(&pod.metadata));
        let all = self.events().list(&ListParams::default()).await;
        let all = all.map_err(|error| self.failed("list events", error))?;
        Ok(events::told(all.items, &ours))
    }

    async fn delete(&self, deployment: DeploymentId, name: &str) -> Result<()> {
        let service: Api<Service> = Api::namespaced(self.client.clone(), &self.namespace);
        let secret: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        let gone = |what: &str, answer: std::result::Result<(), kube::Error>| match answer {
            Ok(()) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(error) => Err(self.failed(&format!("delete {what}"), error)),
        };
        // Never what another made under this name.
        let kinds = [
            (Kind::Deployment, name.to_owned()),
            (Kind::Service, name.to_owned()),
            (Kind::Secret, objects::secret_name(name)),
        ];
        for (kind, name) in kinds {
            let live = self
                .dynamic(kind)
                .get_opt(&name)
                .await
                .map_err(|error| self.failed(&format!("look at {name}"), error))?;
            if live.is_none_or(|live| !is_ours(&live, deployment)) {
                continue;
            }
            let parameters = DeleteParams::background();
            let answer = match kind {
                Kind::Deployment => self.deployments().delete(&name, &parameters).await.map(|_| ()),
                Kind::Service => service.delete(&name, &parameters).await.map(|_| ()),
                Kind::Secret => secret.delete(&name, &parameters).await.map(|_| ()),
            };
            gone(&name, answer)?;
        }
        Ok(())
    }

    async fn connect(
        &self,
        deployment: DeploymentId,
        name: &str,
        instance: Option<&str>,
        port: Port,
    ) -> Result<Box<dyn Connection>> {
        let pods = self.pods_of(deployment).await?;
        let named = |pod: &&Pod| pod.metadata.name.as_deref() == instance;
        let pod = match instance {
            Some(_) => pods.iter().find(named),
            // The newest that answers.
            None => pods.iter().rev().find(|pod| rollout::instance(pod).ready),
        };
        let Some(pod) = pod.and_then(|pod| pod.metadata.name.clone()) else {
            let what = instance.map_or_else(|| "pod that answers".to_owned(), |instance| format!("pod {instance}"));
            return Err(PortError::temporary(ErrorCode::Unreachable, format!("{name} has no {what}"))
                .with_hint("Look at its instances."));
        };
        let number = match port {
            Port::Serving => objects::SERVING_PORT,
            Port::Control => objects::CONTROL_PORT,
        };
        let pods: Api<Pod> = Api::namespaced(self.session.streams.clone(), &self.namespace);
        let forward = forward::open(pods, &pod, number).await?;
        Ok(Box::new(http::LoopbackConnection {
            client: self.session.http.clone(),
            address: format!("http://{}", forward.address),
            through: format!("port-forward to pod {pod}"),
            instance: pod,
            token: None,
            _keep: Box::new(forward),
        }))
    }
}
