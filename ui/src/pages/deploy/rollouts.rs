//! A deployment's rollouts: the steps of each, and the way back to any of them by one press.

use api::{
    deploy::{Deployment, RollBack, Rollout, RolloutEnd},
    id::{DeploymentId, RolloutId, VersionId},
};
use leptos::prelude::*;

use crate::{
    client::Client,
    parts::{
        button::{Button, Pending},
        icon,
        take_table::{Form, TakeTable, TextTable},
        toast::Toasts,
        when::Ago,
        words,
    },
};

/// Rollouts that are shown before more are asked for.
const FEW: usize = 6;
/// One and several.
pub(super) const ROLLOUTS: (&str, &str) = ("rollout", "rollouts");
/// The titles of a rollout that is taken as text.
pub(super) const HEAD: [(&str, bool); 5] =
    [("Rollout", false), ("State", false), ("Started", false), ("Ended", false), ("Last step", false)];

/// What goes back: to a rollout, or one step. Nothing is asked first, since going on again is as easy.
#[derive(Clone, Copy)]
pub(super) struct Back {
    client: Client,
    toasts: Toasts,
    pending: Pending,
    deployment: DeploymentId,
    is_changing: Memo<bool>,
}

impl Back {
    pub(super) fn new(now: Signal<Deployment>) -> Self {
        Self {
            client: Client::get(),
            toasts: Toasts::get(),
            pending: Pending::new(),
            deployment: now.with_untracked(|now| now.id),
            is_changing: Memo::new(move |_| now.with(is_changing)),
        }
    }

    /// Two changes at once would undo each other.
    pub(super) fn is_blocked(self) -> bool {
        self.pending.busy.get() || self.is_changing.get()
    }

    pub(super) fn go(self, to: Option<RolloutId>) {
        roll_back(self.client, self.toasts, self.pending, self.deployment, to);
    }
}

/// Begins the way back, and says so.
pub(super) fn roll_back(
    client: Client,
    toasts: Toasts,
    pending: Pending,
    deployment: DeploymentId,
    to: Option<RolloutId>,
) {
    pending.run(async move { client.call(RollBack { deployment, to }).await }, move |job| {
        toasts.note(job.title, None, Some("/jobs".to_owned()));
    });
}

/// Whether a rollout is under way.
pub(super) fn is_changing(now: &Deployment) -> bool {
    now.rollouts.first().is_some_and(|newest| newest.ended_ms.is_none())
}

#[component]
pub(super) fn Rollouts(now: Signal<Deployment>, back: Back) -> impl IntoView {
    let all = Memo::new(move |_| now.with(|now| now.rollouts.clone()));
    let wanted = Memo::new(move |_| now.with(|now| now.spec.version));
    let whole = RwSignal::new(false);
    let shown = move || {
        let count = if whole.get() { usize::MAX } else { FEW };
        all.get().into_iter().take(count).enumerate().collect::<Vec<_>>()
    };
    // An older one that was opened stays so while the newest goes on.
    let key = move |(index, rollout): &(usize, Rollout)| {
        let steps = rollout.steps.iter().map(|step| (step.title.clone(), step.detail.clone(), step.ok));
        (rollout.id, *index == 0, rollout.outcome, leads_back(rollout, wanted.get()), steps.collect::<Vec<_>>())
    };
    view! {
        <div class="flex"><h3 class="grow">"Rollouts"</h3><TakeTable of=ROLLOUTS table=move |form| all.with_untracked(|all| as_text(all, form)) /></div>
        <For each=shown key=key let((index, rollout))>{
            let leads_back = leads_back(&rollout, wanted.get_untracked());
            rolled(rollout, index == 0, leads_back, back)
        }</For>
        <Show when=move || !whole.get() && all.with(Vec::len).gt(&FEW)>
            <div><Button label="Earlier rollouts" kind="quiet s" on_press=move || whole.set(true) /></div>
        </Show>
    }
}

/// "Update v2", "Back to v1".
pub(super) fn what(rollout: &Rollout) -> String {
    match rollout.kind.as_str() {
        "roll back" => format!("Back to v{}", rollout.version_number),
        kind => format!("{} v{}", words::capital(kind), rollout.version_number),
    }
}

fn as_text(all: &[Rollout], form: Form) -> TextTable {
    TextTable::of(HEAD, all.iter().map(|rollout| cells(rollout, form)))
}

/// What stands under [`HEAD`].
pub(super) fn cells(rollout: &Rollout, form: Form) -> [String; 5] {
    let step = rollout.steps.last().map(|step| match step.detail.as_str() {
        "" => step.title.clone(),
        detail => format!("{}: {detail}", step.title),
    });
    [
        what(rollout),
        said(rollout).to_owned(),
        form.moment(Some(rollout.started_ms)),
        form.moment(rollout.ended_ms),
        form.text(step.as_deref()),
    ]
}

/// How it ended, if it has.
pub(super) fn said(rollout: &Rollout) -> &'static str {
    rollout.outcome.map_or("under way", RolloutEnd::word)
}

/// The colour of a rollout's end.
pub(super) const fn rollout_tone(outcome: Option<RolloutEnd>) -> &'static str {
    match outcome {
        None => "info",
        Some(RolloutEnd::Done) => "good",
        Some(RolloutEnd::Failed) => "bad",
        Some(RolloutEnd::Cancelled | RolloutEnd::CancelledApplied) => "warn",
    }
}

/// Whether a rollout is a place to go back to: it was at its target, is no size, and its version is not the one that
/// is `wanted` now.
fn leads_back(rollout: &Rollout, wanted: VersionId) -> bool {
    let was_there = matches!(rollout.outcome, Some(RolloutEnd::Done | RolloutEnd::CancelledApplied));
    was_there && rollout.kind != "scale" && rollout.version != wanted
}

fn rolled(rollout: Rollout, is_newest: bool, leads_back: bool, back: Back) -> impl IntoView {
    let (said, tone) = (said(&rollout), rollout_tone(rollout.outcome));
    let (id, number) = (rollout.id, rollout.version_number);
    view! {
        <details class="rollout" open=is_newest>
            <summary class="flex">
                <i class=format!("dot {tone}")></i>
                <span class="grow">{what(&rollout)}</span>
                <span class=format!("small {tone}")>{said}</span>
                <span class="small faint"><Ago ms=rollout.started_ms /></span>
                {leads_back.then(|| view! {
                    <Button label="Go back to this" mark=icon::UNDO_2 kind="quiet s" disabled=Signal::derive(move || back.is_blocked())
                        tip=format!("v{number} as it was then; the number of replicas stays") on_press=move || back.go(Some(id)) />
                })}
            </summary>
            <ol class="timeline">
                {rollout.steps.into_iter().map(|step| {
                    let tone = match step.ok { None => "info", Some(true) => "good", Some(false) => "bad" };
                    view! { <li><i class=format!("dot {tone}")></i><div class="grow"><div>{step.title}</div><div class="small muted">{step.detail}</div></div><span class="caption faint">{words::clock_with_seconds(step.at_ms)}</span></li> }
                }).collect_view()}
            </ol>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use api::deploy::RolloutStep;

    use super::*;

    fn rollout(version: VersionId, kind: &str, outcome: Option<RolloutEnd>) -> Rollout {
        Rollout {
            id: RolloutId::from_bytes([0; 16]),
            version,
            version_number: 1,
            kind: kind.to_owned(),
            outcome,
            steps: Vec::new(),
            started_ms: 0,
            ended_ms: None,
        }
    }

    #[test]
    fn a_rollout_is_taken_with_the_step_that_it_came_to() {
        let step = |title: &str, detail: &str| RolloutStep {
            title: title.to_owned(),
            detail: detail.to_owned(),
            ok: None,
            at_ms: 0,
        };
        let version = VersionId::from_bytes([1; 16]);
        let back = rollout(version, "roll back", None);
        let failed = rollout(version, "update", Some(RolloutEnd::Failed));
        let failed = Rollout { steps: vec![step("Apply", ""), step("Wait", "no memory")], ended_ms: Some(5), ..failed };
        let csv = as_text(&[failed, back], Form::Csv).rows;
        let began = "1970-01-01T00:00:00Z";
        assert_eq!(csv[0], ["Update v1", "failed", began, began, "Wait: no memory"]);
        assert_eq!(csv[1], ["Back to v1", "under way", began, "", ""]);
    }

    #[test]
    fn what_never_ran_and_what_runs_are_no_places_to_go_back_to() {
        let [first, second] = [1, 2].map(|number| VersionId::from_bytes([number; 16]));
        let done = Some(RolloutEnd::Done);
        for (version, kind, outcome, leads) in [
            (first, "deploy", done, true),
            (first, "update", Some(RolloutEnd::CancelledApplied), true),
            (first, "scale", done, false),
            (first, "update", Some(RolloutEnd::Failed), false),
            (first, "update", Some(RolloutEnd::Cancelled), false),
            (first, "update", None, false),
            (second, "update", done, false),
        ] {
            assert_eq!(leads_back(&rollout(version, kind, outcome), second), leads, "{kind} {outcome:?}");
        }
    }
}
