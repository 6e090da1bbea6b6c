//! What the target says happened to a deployment, newest first, while the pane is open.

use api::{
    deploy::{DeploymentEvent, GetDeploymentEvents},
    id::DeploymentId,
};
use leptos::prelude::*;

use crate::{
    client::{events::is_hidden, query::query},
    parts::{
        button::Button,
        states::Problem,
        when::{Ago, Now},
        words,
    },
};

/// Events that are shown before more are asked for.
const FEW: usize = 6;

#[component]
pub(super) fn Events(id: DeploymentId) -> impl IntoView {
    let events = query(move || Some(GetDeploymentEvents { deployment: id }));
    // A cluster announces nothing to us: it is asked again as the page's clock ticks.
    let clock = Now::get();
    Effect::new(move |first: Option<()>| {
        clock.track();
        if first.is_some() && !is_hidden() {
            events.refresh();
        }
    });
    let all = Memo::new(move |_| events.value.get());
    let whole = RwSignal::new(false);
    let more = move || !whole.get() && all.with(|all| all.as_ref().is_some_and(|all| all.len() > FEW));
    view! {
        <h3>"Events"</h3>
        {move || events.error.get().map(|error| view! { <Problem error /> })}
        {move || all.get().map(|all| {
            if all.is_empty() {
                return view! { <p class="small muted">"Nothing that the target still remembers."</p> }.into_any();
            }
            let shown = if whole.get() { usize::MAX } else { FEW };
            view! { <div class="card list">{all.into_iter().take(shown).map(line).collect_view()}</div> }.into_any()
        })}
        <Show when=more>
            <div><Button label="Earlier events" kind="quiet s" on_press=move || whole.set(true) /></div>
        </Show>
    }
}

fn line(event: DeploymentEvent) -> impl IntoView {
    let (tone, kind) = if event.warning { ("warn", "Warning") } else { ("faint", "Normal") };
    let times = (event.count > 1).then(|| words::counted(u64::from(event.count), "time", "times"));
    view! {
        <div class="event">
            <i class=format!("dot {tone}") role="img" aria-label=kind title=kind></i>
            <div class="grow">
                <div class="flex"><span class:warn=event.warning>{event.reason}</span><span class="mono small faint cut" title=event.object.clone()>{event.object.clone()}</span></div>
                <div class="small muted">{event.message}</div>
            </div>
            <span class="small faint end">{times.map(|times| view! { <span class="num">{times}</span>" · " })}<Ago ms=event.at_ms /></span>
        </div>
    }
}
