//! What "back" means: the rollouts of a deployment as a line that grows and is cut.

use api::deploy::RolloutEnd;
use store::deployment::RolloutRow;

/// What the current rollout replaced, out of all rollouts (newest first).
///
/// Good rollouts make a line: a deployment or an update adds to it, a roll back cuts it after what it went
/// back to, and scaling is no step of it. Back is one step on that line, so that one roll back after
/// another leads on to the first version and never forward again. After an update that failed, back is
/// what the line ends with; after a roll back that failed, it is the same roll back again. One that was
/// cancelled is a step where it was applied, since it goes on, and otherwise as if it had never been.
pub(crate) fn before(rollouts: &[RolloutRow]) -> Option<&RolloutRow> {
    let mut line: Vec<&RolloutRow> = Vec::new();
    for row in rollouts.iter().rev().filter(|row| goes_on(row) && !is_scaling(row)) {
        let same = |known: &&RolloutRow| known.rollout.version == row.rollout.version;
        if is_roll_back(row) {
            let kept = line.iter().rposition(same).unwrap_or(line.len());
            line.truncate(kept);
        } else if line.last().is_some_and(same) {
            line.pop();
        }
        line.push(row);
    }
    let was_taken_back = |row: &RolloutRow| row.rollout.outcome == Some(RolloutEnd::Cancelled);
    match rollouts.iter().find(|row| !is_scaling(row) && !was_taken_back(row)) {
        Some(newest) if goes_on(newest) => line.iter().nth_back(1).copied(),
        Some(newest) if is_roll_back(newest) => Some(newest),
        _ => line.last().copied(),
    }
}

/// Whether the target went on with what this rollout applied.
fn goes_on(row: &RolloutRow) -> bool {
    matches!(row.rollout.outcome, Some(RolloutEnd::Done | RolloutEnd::CancelledApplied))
}

/// The versions that it had, each once, in order: "v1, v2 and v3".
pub(crate) fn versions(rollouts: &[RolloutRow]) -> String {
    let mut numbers: Vec<u32> = rollouts.iter().map(|row| row.rollout.version_number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let names: Vec<String> = numbers.iter().map(|number| format!("v{number}")).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => "nothing".to_owned(),
    }
}

pub(crate) fn is_scaling(row: &RolloutRow) -> bool {
    row.rollout.kind == "scale"
}

pub(crate) fn is_roll_back(row: &RolloutRow) -> bool {
    row.rollout.kind == "roll back"
}

#[cfg(test)]
mod tests {
    use api::{
        DeploymentId, RolloutId, TargetId, VersionId,
        deploy::{DeploySpec, Rollout},
    };

    use super::*;

    /// "deploy 1", "update 2", "roll back 1", "scale 1"; one that failed ends with "!", one that was cancelled
    /// with "?", and with "+" where it was applied by then.
    fn rollouts(told: &[&str]) -> Vec<RolloutRow> {
        let row = |(index, told): (usize, &&str)| {
            let (kind, number) = told.trim_end_matches(['!', '?', '+']).rsplit_once(' ').unwrap();
            let number: u8 = number.parse().unwrap();
            let version = VersionId::from_bytes([number; 16]);
            RolloutRow {
                deployment: DeploymentId::from_bytes([1; 16]),
                rollout: Rollout {
                    id: RolloutId::from_bytes([index as u8; 16]),
                    version,
                    version_number: number.into(),
                    kind: kind.to_owned(),
                    outcome: Some(match told.chars().next_back() {
                        Some('!') => RolloutEnd::Failed,
                        Some('?') => RolloutEnd::Cancelled,
                        Some('+') => RolloutEnd::CancelledApplied,
                        _ => RolloutEnd::Done,
                    }),
                    steps: Vec::new(),
                    started_ms: index as i64,
                    ended_ms: Some(index as i64),
                },
                spec: DeploySpec {
                    name: "fraud".to_owned(),
                    target: TargetId::from_bytes([1; 16]),
                    version,
                    replicas: 1,
                    registry: None,
                    repository: None,
                    cpu_millis: None,
                    memory_mb: None,
                    log_share: 1.0,
                    log_days: 14,
                    not_logged: Vec::new(),
                    create_namespace: true,
                    port: None,
                },
            }
        };
        let mut rows: Vec<RolloutRow> = told.iter().enumerate().map(row).collect();
        rows.reverse();
        rows
    }

    fn check(told: &[&str], expect: Option<u32>) {
        assert_eq!(before(&rollouts(told)).map(|row| row.rollout.version_number), expect, "{told:?}");
    }

    #[test]
    fn back_goes_on_back_and_never_forward() {
        check(&[], None);
        check(&["deploy 1"], None);
        check(&["deploy 1", "update 2", "update 3"], Some(2));
        check(&["deploy 1", "update 2", "update 3", "roll back 2"], Some(1));
        check(&["deploy 1", "update 2", "update 3", "roll back 2", "roll back 1"], None);
        check(&["deploy 1", "update 2", "roll back 1", "update 3"], Some(1));
        check(&["deploy 1", "update 2", "update 1"], Some(2));
        check(&["deploy 1", "update 2", "update 2", "scale 2"], Some(1));
        // Forward by name is a step on the line again.
        check(&["deploy 1", "update 2", "roll back 1", "roll back 2"], Some(1));
    }

    #[test]
    fn what_failed_is_no_step() {
        check(&["deploy 1!"], None);
        check(&["deploy 1", "update 2!"], Some(1));
        check(&["deploy 1", "update 2!", "update 3", "scale 3!"], Some(1));
        check(&["deploy 1", "update 2", "update 3", "roll back 2!"], Some(2));
        check(&["deploy 1", "update 2", "update 3", "roll back 2!", "roll back 2"], Some(1));
        // The same version with other limits, which it did not start with.
        check(&["deploy 1", "update 2", "update 2!"], Some(2));
    }

    #[test]
    fn what_was_cancelled_is_a_step_where_it_was_applied() {
        check(&["deploy 1", "update 2?"], None);
        check(&["deploy 1", "update 2", "update 3?"], Some(1));
        check(&["deploy 1", "update 2", "roll back 1?"], Some(1));
        check(&["deploy 1", "update 2!", "roll back 1?"], Some(1));
        check(&["deploy 1", "update 2+"], Some(1));
        check(&["deploy 1", "update 2+", "update 3"], Some(2));
        check(&["deploy 1", "update 2", "update 3", "roll back 2+"], Some(1));
    }

    #[test]
    fn versions_are_named_once() {
        assert_eq!(versions(&rollouts(&["deploy 1", "update 2", "roll back 1", "update 3!"])), "v1, v2 and v3");
        assert_eq!(versions(&rollouts(&["deploy 1"])), "v1");
    }
}
