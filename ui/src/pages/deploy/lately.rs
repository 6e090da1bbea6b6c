//! Below the matrix: where each deployment answers, and what was rolled out lately.

use api::{
    deploy::{Deployment, DeploymentState, Rollout, RolloutEnd, in_sentence},
    id::DeploymentId,
};
use leptos::prelude::*;

use crate::{
    pages::deploy::rollouts::{rollout_tone, what},
    parts::{button::CopyButton, card::Card, when::Ago, words},
};

/// Rollouts that are listed.
const LISTED: usize = 8;

#[component]
pub(super) fn Lately(
    deployments: RwSignal<Option<Vec<Deployment>>>,
    open: RwSignal<Option<DeploymentId>>,
) -> impl IntoView {
    let all = Memo::new(move |_| deployments.get().unwrap_or_default());
    let rolled = Memo::new(move |_| {
        let mut rolled: Vec<(Deployment, Rollout)> = all.with(|all| {
            all.iter().flat_map(|one| one.rollouts.iter().map(|rollout| (one.clone(), rollout.clone()))).collect()
        });
        rolled.sort_by_key(|(_, rollout)| std::cmp::Reverse(rollout.started_ms));
        rolled.truncate(LISTED);
        rolled
    });
    view! {
        <Show when=move || !all.with(Vec::is_empty)>
            <div class="columns section">
                <Card title="Lately" flush=true>
                    <div class="list">
                        <For each=move || rolled.get() key=|(one, rollout)| (one.id, rollout.id, rollout.outcome) let((one, rollout))>
                            {row(one, rollout, open)}
                        </For>
                    </div>
                </Card>
                <Card title="Addresses" flush=true>
                    <div class="list">
                        <For each=move || all.get() key=|one| (one.id, one.address.clone(), one.state as u8) let:one>{address(one)}</For>
                    </div>
                </Card>
            </div>
        </Show>
    }
}

fn row(one: Deployment, rollout: Rollout, open: RwSignal<Option<DeploymentId>>) -> impl IntoView {
    let said = rollout.outcome.map_or("under way", RolloutEnd::word);
    let tone = rollout_tone(rollout.outcome);
    let took = rollout.ended_ms.map(|end| words::duration((end - rollout.started_ms) as f64 / 1000.0));
    let id = one.id;
    let what = what(&rollout);
    view! {
        <button type="button" on:click=move |_| open.set(Some(id))>
            <i class=format!("dot {tone}")></i>
            <span class="cut">{what}</span>
            <span class="small muted cut grow">{format!("{} on {}", one.name, in_sentence(&one.target_name))}</span>
            <span class=format!("small {tone}")>{said}</span>
            <span class="small faint end">{took.map(|took| format!("{took} · "))}<Ago ms=rollout.started_ms /></span>
        </button>
    }
}

fn address(one: Deployment) -> impl IntoView {
    let answers = matches!(one.state, DeploymentState::Ready | DeploymentState::Degraded);
    view! {
        <div>
            <span class="cut">{one.name}</span>
            {match one.address {
                Some(address) => view! {
                    <code class="mono small cut grow end" class:faint=!answers title=address.clone()>{address.clone()}</code>
                    <CopyButton text=address label="Copy the address" />
                }.into_any(),
                None => view! { <span class="small faint grow end">"none yet"</span> }.into_any(),
            }}
        </div>
    }
}
