//! What a row says of the runs above and below it.

use api::{run::RunRow, run_table::BELOW, tracking::PARENT_TAG};
use leptos::prelude::*;

/// What is said of a run that stands under another.
pub(super) fn under(row: &RunRow) -> Option<String> {
    row.tags.get(PARENT_TAG)?;
    Some(format!("child of {}", row.parent.as_deref().unwrap_or("a run that is not here")))
}

/// Whose a figure or param is that is not the row's own.
pub(super) fn of_below(row: &RunRow, is_below: bool) -> Option<String> {
    let below = row.below.as_ref().filter(|_| is_below)?;
    Some(format!("Of {}, which this program started in another experiment", below.name))
}

/// The mark of such a one.
pub(super) fn mark(is_below: bool) -> Option<impl IntoView> {
    is_below.then(|| view! { <span class="faint of-below">{format!(" {BELOW}")}</span> })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_says_which_it_stands_under() {
        let row = |tags: serde_json::Value, parent: Option<&str>| -> RunRow {
            let id = api::RunId::from_bytes([1; 16]);
            let row = serde_json::json!({
                "id": id, "name": "fold-1", "kind": "client", "state": "finished", "model": null, "snapshot_number": null,
                "commit": null, "created_ms": 0, "duration_secs": null, "fraction": null, "params": {}, "tags": tags,
                "metrics": {}, "versions": [], "parent": parent,
            });
            serde_json::from_value(row).unwrap()
        };
        let below = serde_json::json!({ PARENT_TAG: "00000000000000000000000000000abc" });
        assert_eq!(under(&row(serde_json::json!({}), None)), None);
        assert_eq!(under(&row(below.clone(), Some("baseline"))).as_deref(), Some("child of baseline"));
        assert_eq!(under(&row(below, None)).as_deref(), Some("child of a run that is not here"));
    }

    #[test]
    fn what_is_of_a_run_below_says_so() {
        let row: RunRow = serde_json::from_value(serde_json::json!({
            "id": api::RunId::from_bytes([1; 16]), "name": "one", "kind": "command", "state": "finished", "model": null,
            "snapshot_number": null, "commit": null, "created_ms": 0, "duration_secs": null, "fraction": null, "tags": {},
            "params": { "lr": "0.1" }, "metrics": {}, "versions": [],
            "below": {
                "run": api::RunId::from_bytes([2; 16]), "name": "inner", "params": { "lr": "0.2", "depth": "3" },
                "metrics": { "val_loss": { "last": 0.5, "spark": [] } },
            },
        }))
        .unwrap();
        assert_eq!((row.param("lr"), row.param("depth")), (Some(("0.1", false)), Some(("3", true))));
        assert_eq!(row.figure("val_loss").map(|(cell, is_below)| (cell.last, is_below)), Some((0.5, true)));
        assert_eq!(of_below(&row, false), None);
        assert!(of_below(&row, true).is_some_and(|said| said.starts_with("Of inner, which")));
    }
}
