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
        take_table::{Form, TakeTable, TextTable},
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
        <div class="flex">
            <h3 class="grow">"Events"</h3>
            <Show when=move || all.with(|all| all.as_ref().is_some_and(|all| !all.is_empty()))>
                <TakeTable of=("event", "events") table=move |form| all.with_untracked(|all| as_text(all.as_deref().unwrap_or_default(), form)) />
            </Show>
        </div>
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

/// As Kubernetes calls them.
const fn kind_of(event: &DeploymentEvent) -> &'static str {
    if event.warning { "Warning" } else { "Normal" }
}

fn as_text(all: &[DeploymentEvent], form: Form) -> TextTable {
    let row = |event: &DeploymentEvent| {
        let [object, reason, message] = [&event.object, &event.reason, &event.message].map(Clone::clone);
        let last = form.moment(Some(event.at_ms));
        [kind_of(event).to_owned(), reason, object, message, event.count.to_string(), last]
    };
    let head =
        [("Kind", false), ("Reason", false), ("Object", false), ("Message", false), ("Times", true), ("Last", false)];
    TextTable::of(head, all.iter().map(row))
}

fn line(event: DeploymentEvent) -> impl IntoView {
    let (tone, kind) = (if event.warning { "warn" } else { "faint" }, kind_of(&event));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_taken_in_the_words_of_its_target() {
        let event = DeploymentEvent {
            object: "pod/fraud-7c".to_owned(),
            reason: "BackOff".to_owned(),
            message: "It restarts.".to_owned(),
            warning: true,
            count: 3,
            at_ms: 0,
        };
        let row = ["Warning", "BackOff", "pod/fraud-7c", "It restarts.", "3", "1970-01-01T00:00:00Z"];
        assert_eq!(as_text(&[event], Form::Csv).rows, [row]);
    }
}
