//! Runs are moved into another experiment, and so into its project: from their rows and from a run's page.

use api::{
    id::{ExperimentId, RunId},
    tracking::{Experiment, ListExperiments, MoveRuns as MoveThem},
};
use leptos::prelude::*;

use super::{
    button::{Button, Pending},
    dialog::Dialog,
    field::{Labelled, Select},
    states::Load,
    toast::Toasts,
    words,
};
use crate::client::{Client, query::query};

#[component]
pub(crate) fn MoveRuns(
    open: RwSignal<bool>,
    /// Read when the dialog opens.
    #[prop(into)]
    runs: Signal<Vec<RunId>>,
) -> impl IntoView {
    view! {
        <Dialog open title="Move to another experiment">
            <Form open runs=runs.get_untracked() />
        </Dialog>
    }
}

#[component]
fn Form(open: RwSignal<bool>, runs: Vec<RunId>) -> impl IntoView {
    let client = Client::get();
    let toasts = Toasts::get();
    let pending = Pending::new();
    let experiments = query(|| Some(ListExperiments { deleted: false }));
    let chosen = RwSignal::new(String::new());
    // The first stands chosen, as it is seen.
    Effect::new(move |_| {
        let first = experiments.value.with(|all| choices(all.as_deref().unwrap_or_default()).into_iter().next());
        if let Some((id, _)) = first.filter(|_| chosen.with_untracked(String::is_empty)) {
            chosen.set(id);
        }
    });
    let count = runs.len() as u64;
    let runs = StoredValue::new(runs);
    let go = move || {
        let Ok(to) = chosen.get_untracked().parse::<ExperimentId>() else { return };
        let request = MoveThem { runs: runs.get_value(), to };
        let name = experiments.value.with_untracked(|all| {
            all.iter().flatten().find(|experiment| experiment.id == to).map(|experiment| experiment.name.clone())
        });
        pending.run(async move { client.call(request).await }, move |()| {
            open.try_set(false);
            let moved = words::counted(count, "run", "runs");
            toasts.done(format!("Moved {moved} to {}", name.unwrap_or_default()));
        });
    };
    let blocked = Signal::derive(move || pending.busy.get() || chosen.with(String::is_empty));
    view! {
        <div class="content form">
            <Load query=experiments lines=1 let:experiments>
                <Labelled label="Experiment" hint="In the experiment of a project they are runs of that project.">
                    <Select value=chosen options=Signal::derive(move || experiments.with(|all| choices(all))) />
                </Labelled>
            </Load>
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Move" kind="primary" disabled=blocked on_press=go />
        </footer>
    }
}

/// Their ids, and their names behind their folders, in the order of what is read.
fn choices(all: &[Experiment]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = all
        .iter()
        .map(|one| {
            let label = if one.folder.is_empty() { one.name.clone() } else { format!("{} / {}", one.folder, one.name) };
            (one.id.to_string(), label)
        })
        .collect();
    all.sort_by_key(|(_, label)| label.to_lowercase());
    all
}
