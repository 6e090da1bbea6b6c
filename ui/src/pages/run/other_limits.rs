//! The dialog that goes on with a run, or runs its program once more, with other limits than it had.

use api::{
    ApiError,
    run::{ResumeRun, Run, StartCommand},
    spending::BudgetConfig,
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use crate::{
    client::Client,
    frame::place::Place,
    parts::{
        button::{Button, Pending},
        dialog::Dialog,
        icon,
        limits::{LimitFields, Limits},
        states::Problem,
    },
};

const RESUME: &str = "Resume";

/// What the dialog does with a run; nothing where that can neither go on nor be run again.
pub(super) fn verb(run: &Run) -> Option<&'static str> {
    match run.state.is_over() && run.deleted_ms.is_none() {
        true if run.resumable => Some(RESUME),
        true => StartCommand::again(run).map(|_| "Run it again"),
        false => None,
    }
}

/// What counts where nothing else is given: the run's own limits, then its project's.
fn standing(run: &Run, of_project: &BudgetConfig) -> BudgetConfig {
    run.spent.as_ref().map_or_else(|| of_project.clone(), |spent| spent.terms.own.over(of_project))
}

#[component]
pub(super) fn OtherLimits(open: RwSignal<bool>, run: Signal<Run>) -> impl IntoView {
    let title = Signal::derive(move || format!("{} with other limits", run.with(verb).unwrap_or(RESUME)));
    view! { <Dialog open title><Form open run=run.get_untracked() /></Dialog> }
}

#[component]
fn Form(open: RwSignal<bool>, run: Run) -> impl IntoView {
    let (place, client, pending) = (Place::get(), Client::get(), Pending::new());
    let navigate = StoredValue::new_local(use_navigate());
    let (limits, wrong) = (Limits::of(&BudgetConfig::default()), RwSignal::new(None::<ApiError>));
    let of_project = place.known.value.with_untracked(|known| known.as_ref().map(|known| known.file.budget.clone()));
    let standing = standing(&run, &of_project.unwrap_or_default());
    let label = verb(&run).unwrap_or(RESUME);
    let (id, again) = (run.id, StartCommand::again(&run));
    let go_on = move || {
        let budget = match untrack(|| limits.budget()) {
            Ok(budget) => budget,
            Err(why) => {
                wrong.set(Some(ApiError::invalid(why)));
                return;
            }
        };
        let refused = move |error| drop(wrong.try_set(Some(error)));
        match again.clone() {
            Some(again) => {
                let request = StartCommand { budget: budget.over(&again.budget), ..again };
                pending.run_or(
                    async move { client.call(request).await },
                    move |begun: Run| {
                        open.try_set(false);
                        let to = untrack(|| place.link(&format!("runs/{}", begun.id)));
                        navigate.try_with_value(|navigate| navigate(&to, Default::default()));
                    },
                    refused,
                );
            }
            None => pending.run_or(
                async move { client.call(ResumeRun { run: id, budget }).await },
                move |_| {
                    open.try_set(false);
                },
                refused,
            ),
        }
    };
    view! {
        <div class="content form">
            <p class="small muted">"They take the place of the project's limits. An empty field takes the limit that it shows."</p>
            <LimitFields limits standing />
        </div>
        {move || wrong.get().map(|error| view! { <div class="content"><Problem error /></div> })}
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label mark=icon::PLAY kind="primary" disabled=pending.busy on_press=go_on />
        </footer>
    }
}
