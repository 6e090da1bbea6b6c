//! What the cluster says happened to a deployment, its replica sets and its pods.

use std::collections::BTreeSet;

use api::deploy::DeploymentEvent;
use k8s_openapi::{
    api::core::v1::{Event, ObjectReference},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

/// The objects of one deployment, to find their events among those of the namespace.
#[derive(Debug, Default)]
pub(crate) struct Ours {
    ids: BTreeSet<String>,
    /// Of replica sets: their pods that are gone left only their names.
    sets: BTreeSet<String>,
}

impl Ours {
    pub(crate) fn add(&mut self, object: &ObjectMeta) {
        self.ids.extend(object.uid.clone());
    }

    pub(crate) fn add_set(&mut self, set: &ObjectMeta) {
        self.add(set);
        self.sets.extend(set.name.clone());
    }

    /// The id of an object says whose it is, since another may have had its name before.
    fn has(&self, object: &ObjectReference) -> bool {
        let known = object.uid.as_ref().is_some_and(|id| self.ids.contains(id));
        let set = object.name.as_deref().and_then(|name| name.rsplit_once('-')).map(|(set, _)| set);
        known || (object.kind.as_deref() == Some("Pod") && set.is_some_and(|set| self.sets.contains(set)))
    }
}

/// When it happened last.
pub(crate) fn at_ms(event: &Event) -> i64 {
    let series = event.series.as_ref().and_then(|series| series.last_observed_time.as_ref());
    let last = series.map(|time| time.0).or(event.last_timestamp.as_ref().map(|time| time.0));
    let first = event.event_time.as_ref().map(|time| time.0);
    let made = event.metadata.creation_timestamp.as_ref().map(|time| time.0);
    last.or(first).or(made).map_or(0, |time| time.as_millisecond())
}

/// Those of our objects, newest first.
pub(crate) fn told(events: Vec<Event>, ours: &Ours) -> Vec<DeploymentEvent> {
    let mut told: Vec<DeploymentEvent> =
        events.into_iter().filter(|event| ours.has(&event.involved_object)).map(tell).collect();
    told.sort_by_key(|event| std::cmp::Reverse(event.at_ms));
    told
}

fn tell(event: Event) -> DeploymentEvent {
    let at_ms = at_ms(&event);
    let count = event.series.as_ref().and_then(|series| series.count).or(event.count).unwrap_or(1);
    let object = event.involved_object;
    DeploymentEvent {
        object: format!("{}/{}", object.kind.unwrap_or_default().to_lowercase(), object.name.unwrap_or_default()),
        reason: event.reason.unwrap_or_default(),
        message: event.message.unwrap_or_default().trim().to_owned(),
        warning: event.type_.as_deref() == Some("Warning"),
        count: u32::try_from(count).unwrap_or(0).max(1),
        at_ms,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(object: (&str, &str, &str), reason: &str, more: serde_json::Value) -> Event {
        let (kind, name, uid) = object;
        let mut event = json!({
            "metadata": { "name": "e", "creationTimestamp": "2026-01-01T00:00:00Z" },
            "involvedObject": { "kind": kind, "name": name, "uid": uid },
            "reason": reason, "message": "said ", "type": "Normal",
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(event).unwrap()
    }

    fn meta(name: &str, uid: &str) -> ObjectMeta {
        ObjectMeta { name: Some(name.to_owned()), uid: Some(uid.to_owned()), ..ObjectMeta::default() }
    }

    #[test]
    fn events_of_our_objects_are_told_newest_first_also_of_pods_that_are_gone() {
        let mut ours = Ours::default();
        ours.add(&meta("f", "d"));
        ours.add_set(&meta("f-7c9", "s"));
        let all = vec![
            event(("Deployment", "f", "d"), "ScalingReplicaSet", json!({ "lastTimestamp": "2026-01-01T00:00:01Z" })),
            event(("Deployment", "f", "before"), "Other", json!({})),
            event(
                ("Pod", "f-7c9-x2x", "gone"),
                "BackOff",
                json!({
                    "type": "Warning", "count": 4, "lastTimestamp": "2026-01-01T00:00:09Z",
                }),
            ),
            event(("Pod", "f-7c9-too-long", "another"), "Other", json!({})),
            event(
                ("ReplicaSet", "f-7c9", "s"),
                "SuccessfulCreate",
                json!({
                    "eventTime": "2026-01-01T00:00:02.500000Z",
                    "series": { "count": 2, "lastObservedTime": "2026-01-01T00:00:05.000000Z" },
                }),
            ),
        ];
        let told = told(all, &ours);
        let short: Vec<_> =
            told.iter().map(|one| (one.object.as_str(), one.reason.as_str(), one.count, one.warning)).collect();
        assert_eq!(
            short,
            [
                ("pod/f-7c9-x2x", "BackOff", 4, true),
                ("replicaset/f-7c9", "SuccessfulCreate", 2, false),
                ("deployment/f", "ScalingReplicaSet", 1, false),
            ]
        );
        assert_eq!((told[0].message.as_str(), told[0].at_ms - told[1].at_ms), ("said", 4000));
    }
}
