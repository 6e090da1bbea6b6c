//! What a training is compared with: the model that a retraining shall replace, else the newest run.

use api::{
    dataset::{Snapshot, SnapshotPlan},
    deploy::ListDeployments,
    id::{DeploymentId, ProjectId},
    model::ListModels,
    run::{ListRuns, ProjectIdOr},
};
use leptos::prelude::*;

use crate::{client::query::query, parts::words};

/// A model that is there: "v1" or a run's name, and the number of the snapshot that it was trained on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Before {
    pub(super) name: String,
    pub(super) snapshot: u32,
}

/// The version that the deployment of an alert has, else the newest finished training; none until that is known,
/// and within it none where nothing was trained.
pub(super) fn before(
    project: ProjectId,
    deployment: Signal<Option<DeploymentId>>,
    has_alert: Signal<bool>,
) -> Memo<Option<Option<Before>>> {
    let deployments = query(move || has_alert.get().then_some(ListDeployments { project: Some(project) }));
    let models = query(move || has_alert.get().then_some(ListModels::of(project)));
    let runs = query(move || {
        Some(ListRuns {
            project: ProjectIdOr(project),
            filter: "state = \"finished\" and kind = \"training\"".to_owned(),
            sort: Some("created".to_owned()),
            descending: true,
            limit: Some(1),
            ..Default::default()
        })
    });
    let deployed = move || {
        let id = deployment.get()?;
        let version =
            deployments.value.with(|all| all.iter().flatten().find(|one| one.id == id).map(|one| one.spec.version))?;
        models.value.with(|models| {
            let version = models.iter().flatten().flat_map(|model| &model.versions).find(|one| one.id == version)?;
            Some(Before { name: format!("v{}", version.number), snapshot: version.snapshot_number? })
        })
    };
    Memo::new(move |_| {
        let is_known =
            !has_alert.get() || (deployments.value.with(Option::is_some) && models.value.with(Option::is_some));
        if !is_known {
            return None;
        }
        let newest = runs.value.with(|table| {
            let row = table.as_ref()?.rows.first();
            Some(row.and_then(|row| Some(Before { name: row.name.clone(), snapshot: row.snapshot_number? })))
        })?;
        Some(deployed().or(newest))
    })
}

/// What the run sees: the same data, settings and seed give the same model. `snapshots` are newest first.
pub(super) fn trained_on(
    plan: &SnapshotPlan,
    is_chosen: bool,
    snapshots: &[Snapshot],
    before: Option<&Before>,
) -> String {
    if is_chosen {
        return "Trains on the snapshot that you chose.".to_owned();
    }
    let Some(newest) = snapshots.first() else {
        return format!("First a snapshot of the data is taken: {}.", words::bytes(plan.size_bytes));
    };
    if !plan.unchanged {
        return format!(
            "The data changed: a new snapshot of {} is taken first, {} of it new.",
            words::bytes(plan.size_bytes),
            words::bytes(plan.new_bytes)
        );
    }
    match before {
        None => format!("Trains on data v{}: nothing changed since.", newest.number),
        Some(Before { name, snapshot }) if *snapshot == newest.number => format!(
            "The data have not changed since {name} was trained on data v{snapshot}: with the same settings and seed \
             this gives the same model."
        ),
        Some(Before { name, snapshot }) => {
            let older = snapshots.iter().find(|older| older.number == *snapshot);
            let new = older.map_or_else(String::new, |older| format!(": {}", difference(older.rows, newest.rows)));
            format!("{name} was trained on data v{snapshot}; this run takes data v{}{new}.", newest.number)
        }
    }
}

/// "90,000 more rows".
fn difference(older: u64, newer: u64) -> String {
    let rows =
        |count: u64, how: &str| format!("{} {how} {}", words::count(count), if count == 1 { "row" } else { "rows" });
    match newer.cmp(&older) {
        std::cmp::Ordering::Greater => rows(newer - older, "more"),
        std::cmp::Ordering::Less => rows(older - newer, "fewer"),
        std::cmp::Ordering::Equal => "as many rows, and not the same ones".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use api::id::{DatasetId, SnapshotId};

    use super::*;

    fn snapshot(number: u32, rows: u64) -> Snapshot {
        Snapshot {
            id: SnapshotId::from_bytes([number as u8; 16]),
            dataset: DatasetId::from_bytes([0; 16]),
            number,
            parent: None,
            content: String::new(),
            message: String::new(),
            rows,
            columns: 3,
            size_bytes: 0,
            files: 1,
            kept: true,
            created_ms: 0,
        }
    }

    fn check(unchanged: bool, snapshots: &[Snapshot], before: Option<(&str, u32)>, expected: &str) {
        let plan = SnapshotPlan {
            files: 1,
            size_bytes: 2_000_000,
            new_bytes: 1_000_000,
            reflink: false,
            free_bytes: 0,
            unchanged,
            referenced: false,
        };
        let before = before.map(|(name, snapshot)| Before { name: name.to_owned(), snapshot });
        let said = trained_on(&plan, false, snapshots, before.as_ref());
        assert!(said.contains(expected), "{said}");
    }

    #[test]
    fn what_is_new_is_said_against_what_was_trained() {
        let two = [snapshot(2, 690_000), snapshot(1, 600_000)];
        check(true, &two, Some(("v1", 1)), "v1 was trained on data v1; this run takes data v2: 90,000 more rows.");
        check(
            true,
            &two,
            Some(("brisk-heron", 2)),
            "have not changed since brisk-heron was trained on data v2: with the",
        );
        check(true, &two, None, "Trains on data v2");
        check(false, &two, Some(("v1", 1)), "The data changed: a new snapshot of 2.0 MB");
        check(true, &[snapshot(2, 9), snapshot(1, 10)], Some(("v1", 1)), "1 fewer row.");
        // The older snapshot is gone.
        check(true, &two[..1], Some(("v1", 1)), "this run takes data v2.");
        check(false, &[], None, "First a snapshot of the data is taken");
    }
}
