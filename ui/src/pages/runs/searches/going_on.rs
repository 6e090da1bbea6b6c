//! The dialog that goes on with a search that is over or stopped, with another budget, further trials, and more or fewer
//! of them at once.

use api::{
    ApiError, SearchId,
    search::{ResumeSearch, Search},
};
use leptos::prelude::*;

use crate::{
    client::Client,
    parts::{
        button::{Button, Pending},
        dialog::Dialog,
        field::{Labelled, TextField},
        icon,
        limits::{LimitFields, Limits},
        states::Problem,
    },
};

#[component]
pub(super) fn GoOn(open: RwSignal<bool>, search: Signal<Search>) -> impl IntoView {
    view! { <Dialog open title="Go on with other limits"><Form open search=search.get_untracked() /></Dialog> }
}

#[component]
fn Form(open: RwSignal<bool>, search: Search) -> impl IntoView {
    let (client, pending) = (Client::get(), Pending::new());
    let (limits, wrong) = (Limits::of(&search.config.budget), RwSignal::new(None::<ApiError>));
    let trials = RwSignal::new(search.planned.to_string());
    let parallel = RwSignal::new(search.config.parallel.to_string());
    let id = search.id;
    let go_on = move || {
        let asked = match untrack(|| resume(id, (&trials.get(), &parallel.get()), limits)) {
            Ok(asked) => asked,
            Err(why) => {
                wrong.set(Some(ApiError::invalid(why)));
                return;
            }
        };
        pending.run_or(
            async move { client.call(asked).await },
            move |_| {
                open.try_set(false);
            },
            move |error| drop(wrong.try_set(Some(error))),
        );
    };
    view! {
        <div class="content form">
            <div class="two-fields">
                <Labelled label="Trials at most" hint="Those that were tried count."><TextField value=trials kind="number" /></Labelled>
                <Labelled label="Trials at once" hint="As far as memory allows."><TextField value=parallel kind="number" /></Labelled>
            </div>
            <LimitFields limits hint="Of all trials together." />
        </div>
        {move || wrong.get().map(|error| view! { <div class="content"><Problem error /></div> })}
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Go on" mark=icon::PLAY kind="primary" disabled=pending.busy on_press=go_on />
        </footer>
    }
}

fn resume(search: SearchId, (trials, parallel): (&str, &str), limits: Limits) -> Result<ResumeSearch, String> {
    let trials = trials.trim().parse().map_err(|_| "Trials are a whole number.")?;
    let parallel = parallel.trim().parse().map_err(|_| "Trials at once are a whole number.")?;
    let budget = Some(limits.budget()?);
    Ok(ResumeSearch { search, trials: Some(trials), parallel: Some(parallel), budget, environment: None })
}
