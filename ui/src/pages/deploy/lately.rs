//! Below the matrix: where each deployment answers, and what was rolled out lately.

use api::{
    deploy::{Deployment, DeploymentState, Rollout, in_sentence},
    id::DeploymentId,
};
use leptos::prelude::*;

use crate::{
    pages::deploy::{
        rollouts::{HEAD, ROLLOUTS, cells, rollout_tone, said, what},
        state,
    },
    parts::{
        button::CopyButton,
        card::Card,
        take_table::{Form, TakeTable, TextTable},
        when::Ago,
        words,
    },
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
                <Card title="Lately" flush=true extra=ViewFn::from(move || view! {
                    <TakeTable of=ROLLOUTS table=move |form| rolled.with_untracked(|rolled| as_text(rolled, form)) />
                })>
                    <div class="list">
                        <For each=move || rolled.get() key=|(one, rollout)| (one.id, rollout.id, rollout.outcome) let((one, rollout))>
                            {row(one, rollout, open)}
                        </For>
                    </div>
                </Card>
                <Card title="Addresses" flush=true extra=ViewFn::from(move || view! {
                    <TakeTable of=("address", "addresses") table=move |form| all.with_untracked(|all| addresses_as_text(all, form)) />
                })>
                    <div class="list">
                        <For each=move || all.get() key=|one| (one.id, one.address.clone(), one.state as u8) let:one>{address(one)}</For>
                    </div>
                </Card>
            </div>
        </Show>
    }
}

fn as_text(rolled: &[(Deployment, Rollout)], form: Form) -> TextTable {
    let own = [("Deployment", false), ("Target", false)];
    let row = |(one, rollout): &(Deployment, Rollout)| {
        let own = [one.name.clone(), one.target_name.clone()];
        own.into_iter().chain(cells(rollout, form)).collect()
    };
    TextTable {
        head: own.into_iter().chain(HEAD).map(|(title, is_number)| (title.to_owned(), is_number)).collect(),
        rows: rolled.iter().map(row).collect(),
    }
}

fn addresses_as_text(all: &[Deployment], form: Form) -> TextTable {
    let row = |one: &Deployment| {
        let address = form.text(one.address.as_deref());
        [one.name.clone(), one.target_name.clone(), state(one.state).0.to_owned(), address]
    };
    let head = [("Deployment", false), ("Target", false), ("State", false), ("Address", false)];
    TextTable::of(head, all.iter().map(row))
}

fn row(one: Deployment, rollout: Rollout, open: RwSignal<Option<DeploymentId>>) -> impl IntoView {
    let (said, tone) = (said(&rollout), rollout_tone(rollout.outcome));
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
