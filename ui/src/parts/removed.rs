//! Targets and registries that were removed within a day: each comes back.

use api::{
    deleted::{
        ListRemovedRegistries, ListRemovedTargets, RemovedRegistry, RemovedTarget, RestoreRegistry, RestoreTarget,
    },
    deploy::TargetKind,
    id::{RegistryId, TargetId},
};
use leptos::prelude::*;

use super::{
    button::Pending,
    deleted::{Deleted, DeletedItem},
    toast::Toasts,
};
use crate::client::{Client, query::query};

/// Nothing where there are none.
#[component]
pub(crate) fn RemovedTargets() -> impl IntoView {
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let all = query(|| Some(ListRemovedTargets {}));
    let items = Memo::new(move |_| all.value.with(|all| all.iter().flatten().map(target).collect::<Vec<_>>()));
    let restore = move |DeletedItem { key, .. }| {
        let Ok(target) = key.parse::<TargetId>() else { return };
        pending.run(async move { client.call(RestoreTarget { target }).await }, move |target| {
            toasts.done(format!("Restored {}", target.name));
        });
    };
    view! { <Deleted title="Removed targets" of=("removed target", "removed targets") act="Removed" items busy=pending.busy restore /> }
}

/// Nothing where there are none.
#[component]
pub(crate) fn RemovedRegistries() -> impl IntoView {
    let (client, toasts, pending) = (Client::get(), Toasts::get(), Pending::new());
    let all = query(|| Some(ListRemovedRegistries {}));
    let items = Memo::new(move |_| all.value.with(|all| all.iter().flatten().map(registry).collect::<Vec<_>>()));
    let restore = move |DeletedItem { key, .. }| {
        let Ok(registry) = key.parse::<RegistryId>() else { return };
        pending.run(async move { client.call(RestoreRegistry { registry }).await }, move |registry| {
            toasts.done(format!("Restored {}", registry.name));
        });
    };
    view! { <Deleted title="Removed registries" of=("removed registry", "removed registries") act="Removed" items busy=pending.busy restore /> }
}

fn target(one: &RemovedTarget) -> DeletedItem {
    let name = match &one.kind {
        TargetKind::ThisMachine => one.name.clone(),
        TargetKind::Kubernetes { context, namespace, .. } => {
            format!("{} · context {context} · namespace {namespace}", one.name)
        }
    };
    DeletedItem { key: one.target.to_string(), name, deleted_ms: one.removed_ms, size_bytes: None }
}

fn registry(one: &RemovedRegistry) -> DeletedItem {
    let RemovedRegistry { registry, removed_ms } = one;
    let name = format!("{} · {}", registry.name, registry.address);
    DeletedItem { key: registry.id.to_string(), name, deleted_ms: *removed_ms, size_bytes: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_target_says_where_it_leads() {
        let kind = TargetKind::Kubernetes {
            kubeconfig: None,
            context: "kind".to_owned(),
            namespace: "models".to_owned(),
            create_namespace: false,
        };
        let id = TargetId::from_bytes([1; 16]);
        let one = RemovedTarget { target: id, name: "test".to_owned(), kind, created_ms: 1, removed_ms: 2 };
        let item = target(&one);
        assert_eq!((item.name.as_str(), item.deleted_ms), ("test · context kind · namespace models", 2));
        assert_eq!(item.key.parse::<TargetId>().ok(), Some(id));
    }
}
