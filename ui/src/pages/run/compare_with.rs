//! The runs that a run is laid beside: found by their names, or the first of its own experiment.

use api::{
    id::RunId,
    run::{FindRuns, FoundRun, ListRuns, Run, RunRow},
    run_diff::MOST,
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use crate::{
    client::query::{paced, query},
    frame::place::Place,
    parts::{
        button::Button,
        dialog::Dialog,
        field::TextField,
        icon,
        states::{Problem, Skeleton},
        when::Ago,
        words,
    },
};

/// So many runs are offered at once.
const OFFERED: usize = 20;
/// Milliseconds between two looks while a name is written.
const PAUSE_MS: i32 = 250;

#[component]
pub(super) fn CompareWith(open: RwSignal<bool>, run: Signal<Run>) -> impl IntoView {
    let title = Signal::derive(move || format!("Compare {} with", run.with(|run| run.name.clone())));
    view! {
        <Dialog open title>
            <Choice open run />
        </Dialog>
    }
}

/// A run that can be chosen.
#[derive(Debug, Clone, PartialEq)]
struct Offered {
    id: RunId,
    name: String,
    experiment: String,
    created_ms: i64,
}

impl From<&RunRow> for Offered {
    fn from(row: &RunRow) -> Self {
        let (name, experiment) = (row.name.clone(), row.experiment.clone());
        Self { id: row.id, name, experiment, created_ms: row.created_ms }
    }
}

impl From<&FoundRun> for Offered {
    fn from(found: &FoundRun) -> Self {
        let (name, experiment) = (found.name.clone(), found.experiment.clone());
        Self { id: found.id, name, experiment, created_ms: found.created_ms }
    }
}

/// What stands in the list: what was chosen and is not among what was found stays at its head, and the run itself is not
/// offered.
fn offered(own: RunId, chosen: &[Offered], found: Vec<Offered>) -> Vec<Offered> {
    let stays = |one: &&Offered| found.iter().all(|other| other.id != one.id);
    let before: Vec<Offered> = chosen.iter().filter(stays).cloned().collect();
    before.into_iter().chain(found.into_iter().filter(|one| one.id != own).take(OFFERED)).collect()
}

/// Where the runs are compared, this one as the baseline.
fn address(own: RunId, others: &[Offered]) -> String {
    let others = others.iter().map(|other| other.id);
    let all: Vec<String> = [own].into_iter().chain(others).take(MOST).map(|run| run.to_string()).collect();
    format!("runs?compare={}&pin={own}", all.join(","))
}

#[component]
fn Choice(open: RwSignal<bool>, run: Signal<Run>) -> impl IntoView {
    let (place, navigate) = (Place::get(), StoredValue::new_local(use_navigate()));
    let (own, experiment) = run.with_untracked(|run| (run.id, run.experiment));
    let wanted = RwSignal::new(String::new());
    let named = Memo::new(move |_| wanted.with(|wanted| wanted.trim().to_owned()));
    let chosen = RwSignal::new(Vec::<Offered>::new());
    // One more than is shown: the run itself may be among them.
    let limit = Some(OFFERED as u32 + 1);
    let beside = query(move || {
        let is_asked = named.with(String::is_empty);
        is_asked.then(|| ListRuns { experiment: Some(experiment), limit, ..ListRuns::default() })
    });
    let by_name = paced(
        move || {
            let words = named.get();
            (!words.is_empty()).then_some(FindRuns { words, limit })
        },
        PAUSE_MS,
    );
    let found = Memo::new(move |_| {
        if named.with(String::is_empty) {
            beside.value.with(|table| Some(table.as_ref()?.rows.iter().map(Offered::from).collect::<Vec<_>>()))
        } else {
            by_name.value.with(|found| Some(found.as_ref()?.iter().map(Offered::from).collect::<Vec<_>>()))
        }
    });
    let shown = Memo::new(move |_| {
        let found = found.get().unwrap_or_default();
        chosen.with(|chosen| offered(own, chosen, found))
    });
    let error = Memo::new(move |_| beside.error.get().or_else(|| by_name.error.get()));
    let waits = Memo::new(move |_| found.with(Option::is_none) && error.with(Option::is_none));
    let none = Memo::new(move |_| !waits.get() && error.with(Option::is_none) && shown.with(Vec::is_empty));
    let toggle = move |one: &Offered| {
        chosen.update(|chosen| match chosen.iter().position(|other| other.id == one.id) {
            Some(at) => drop(chosen.remove(at)),
            None => chosen.push(one.clone()),
        });
    };
    let go = move || {
        let to = untrack(|| place.link(&chosen.with(|chosen| address(own, chosen))));
        open.set(false);
        navigate.with_value(|navigate| navigate(&to, Default::default()));
    };
    let label = Signal::derive(move || match chosen.with(Vec::len) {
        0 => "Compare".to_owned(),
        others => format!("Compare {}", words::counted(others as u64 + 1, "run", "runs")),
    });
    view! {
        <div class="content form">
            <TextField value=wanted name="Find runs by name" placeholder="Find runs by name, in any experiment" mark=icon::SEARCH />
            {move || error.get().map(|error| view! { <Problem error /> })}
            {move || waits.get().then(|| view! { <Skeleton lines=4 /> })}
            <div class="column-list" role="list">
                <For each=move || shown.get() key=|one| one.id let:one>
                    {
                        let (id, name, experiment, ms) = (one.id, one.name.clone(), one.experiment.clone(), one.created_ms);
                        let is_on = move || chosen.with(|chosen| chosen.iter().any(|other| other.id == id));
                        view! {
                            <div role="listitem" class="column-line flex">
                                <label class="grow flex cut">
                                    <input type="checkbox" prop:checked=is_on on:change=move |_| toggle(&one) />
                                    <span class="cut">{name}</span>
                                    <span class="faint caption">{experiment}" · "<Ago ms /></span>
                                </label>
                            </div>
                        }
                    }
                </For>
                {move || none.get().then(|| view! {
                    <p class="faint padded">{if named.with(String::is_empty) { "Its experiment has no other run." } else { "No other run is called so." }}</p>
                })}
            </div>
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label kind="primary" disabled=Signal::derive(move || chosen.with(Vec::is_empty)) on_press=go />
        </footer>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: u8) -> Offered {
        Offered {
            id: RunId::from_bytes([number; 16]),
            name: format!("r{number}"),
            experiment: "wine".to_owned(),
            created_ms: 0,
        }
    }

    #[test]
    fn what_was_chosen_stays_while_others_are_looked_for() {
        let own = run(1).id;
        let names = |chosen: &[Offered], found: Vec<Offered>| {
            offered(own, chosen, found).into_iter().map(|one| one.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&[], vec![run(1), run(2)]), ["r2"], "a run is not laid beside itself");
        assert_eq!(names(&[run(3)], vec![run(2)]), ["r3", "r2"]);
        assert_eq!(names(&[run(3)], vec![run(2), run(3)]), ["r2", "r3"]);
    }

    #[test]
    fn the_run_is_the_baseline_of_its_comparison() {
        let (own, other) = (run(1).id, run(2).id);
        assert_eq!(address(own, &[run(2)]), format!("runs?compare={own},{other}&pin={own}"));
        let many: Vec<Offered> = (2..200).map(run).collect();
        assert_eq!(address(own, &many).matches(',').count(), MOST - 1);
    }
}
