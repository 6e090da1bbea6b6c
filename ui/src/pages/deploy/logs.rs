//! What a deployment's instances wrote: of all or of one, followed while new lines come.

use api::{
    ApiError,
    deploy::{Deployment, FollowDeploymentLogs},
};
use leptos::{html, prelude::*, task::spawn_local};

use crate::{
    client::{Client, events},
    parts::{
        button::Button,
        field::{Select, Switch},
        log::stay_at_end,
        states::Problem,
    },
};

/// Lines that it begins with.
const LINES: u32 = 200;
/// Text beyond this is cut off at its start: the target has the rest.
const KEPT: usize = 400_000;
/// How often a growing log is read.
const TICK_MS: i32 = 1000;

#[component]
pub(super) fn Logs(now: Signal<Deployment>) -> impl IntoView {
    let shown = RwSignal::new(false);
    view! {
        <div class="flex">
            <h3 class="grow">"Log"</h3>
            <Show when=move || !shown.get()><Button label="Show" kind="s" on_press=move || shown.set(true) /></Show>
        </div>
        <Show when=move || shown.get()><Growing now /></Show>
    }
}

#[component]
fn Growing(now: Signal<Deployment>) -> impl IntoView {
    let client = Client::get();
    let deployment = now.with_untracked(|now| now.id);
    let instance = RwSignal::new(String::new());
    let follows = RwSignal::new(true);
    let text = RwSignal::new(None::<String>);
    let error = RwSignal::new(None::<ApiError>);
    let again = RwSignal::new(());
    let options = Memo::new(move |_| {
        let known = now.with(|now| now.instances.iter().map(|one| one.name.clone()).collect::<Vec<_>>());
        let all = [(String::new(), "All instances".to_owned())];
        // One that is gone stays chosen until a person chooses another.
        let gone = Some(instance.get()).filter(|chosen| !chosen.is_empty() && !known.contains(chosen));
        all.into_iter().chain(known.into_iter().chain(gone).map(|name| (name.clone(), name))).collect::<Vec<_>>()
    });
    // What is asked for changes this: who still asks for something else ends.
    let number = StoredValue::new_local(0_u64);
    Effect::new(move |_| {
        again.track();
        let (chosen, goes_on) = (Some(instance.get()).filter(|name| !name.is_empty()), follows.get());
        number.update_value(|number| *number += 1);
        let ours = number.get_value();
        text.set(None);
        error.set(None);
        spawn_local(async move {
            let mut after = None;
            loop {
                let asked = FollowDeploymentLogs { deployment, instance: chosen.clone(), lines: Some(LINES), after };
                let answer = client.call(asked).await;
                if number.try_get_value() != Some(ours) {
                    return;
                }
                let came = match answer {
                    Ok(came) => came,
                    Err(failed) => {
                        error.try_set(Some(failed));
                        return;
                    }
                };
                if !came.lines.is_empty() || text.try_with_untracked(Option::is_none) == Some(true) {
                    text.try_update(|text| add(text.get_or_insert_default(), &came.lines));
                }
                after = Some(came.end);
                if !goes_on {
                    return;
                }
                // More may be there than one answer holds: it is asked at once where something came.
                if came.lines.is_empty() {
                    events::sleep(TICK_MS).await;
                    events::until_seen().await;
                }
                if number.try_get_value() != Some(ours) {
                    return;
                }
            }
        });
    });
    on_cleanup(move || {
        number.try_update_value(|number| *number += 1);
    });
    let node = NodeRef::<html::Div>::new();
    let scrolled = stay_at_end(node, move || text.track());
    view! {
        <div class="flex">
            <span class="grow"><Select value=instance options name="Instance" /></span>
            <Switch value=follows label="Follow" />
            <Button label="Refresh" kind="s" on_press=move || again.set(()) />
        </div>
        {move || error.get().map(|error| view! { <Problem error /> })}
        {move || text.with(|text| text.as_deref() == Some("")).then(|| view! { <p class="small muted">"It has written nothing."</p> })}
        <div class="log tail boxed" class:hidden=move || text.with(|text| text.as_deref().is_none_or(str::is_empty))
            node_ref=node on:scroll=move |_| scrolled() tabindex="0" role="log" aria-label="Log of the deployment">{move || text.get()}</div>
    }
}

fn add(text: &mut String, lines: &[String]) {
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    if text.len() > KEPT {
        let from = text.ceil_char_boundary(text.len() - KEPT / 2);
        text.drain(..from);
    }
}
