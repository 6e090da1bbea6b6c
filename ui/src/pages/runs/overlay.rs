//! Selected runs over each other in the pane beside the table: a few curves, and what differs.

use std::collections::BTreeMap;

use api::{run_diff::MOST, table_view::Plotted};
use leptos::prelude::*;

use super::{
    Facts,
    columns::metrics::ByMetric,
    comparison::Seen,
    differs::{Differs, Figures},
    overlaid::{Compared, DRAWN, Overlaid, offer_own},
    plots::{self, Whose},
};
use crate::parts::{
    button::Button,
    curve_look::{Look, LookChoice},
    field::{Segments, Select},
    icon::{self, icon},
    pane::Pane,
    states::Empty,
    words,
};

/// What the pane shows instead of curves where only what differs is asked for.
const DIFF: &str = "diff";
/// What the pane can show, as the canvas of Compare does.
const VIEWS: [(&str, &str); 4] = [("", "Curves"), ("parallel", "Parallel"), ("scatter", "Scatter"), (DIFF, "Diff")];
/// Charts that are drawn until somebody chooses one.
const CHARTS: usize = 3;

/// The figures that are curves of these runs, each with how many of them have it: the one that ranks, then what most
/// have, of as many those that look like a loss. What the machine did comes last.
pub(super) fn by_worth(runs: &[Compared], ranked: Option<&str>) -> Vec<(String, usize)> {
    let mut having = BTreeMap::<&str, usize>::new();
    for key in runs.iter().flat_map(|run| &run.curves) {
        *having.entry(key).or_default() += 1;
    }
    let mut all: Vec<(String, usize)> = having.into_iter().map(|(key, runs)| (key.to_owned(), runs)).collect();
    all.sort_by_cached_key(|(key, runs)| {
        let is_validation = ["validation", "valid", "val"].iter().any(|part| words_of(key).any(|word| word == *part));
        let is_other = ranked != Some(key.as_str());
        (is_other, is_system(key), std::cmp::Reverse(*runs), !is_loss(key), !is_validation)
    });
    all
}

/// What is drawn of them by itself: the one that ranks and the losses, or else what most have. Few have little to say
/// of the others: a figure that fewer than half of the best known one's runs have is left to the choice.
fn first(known: &[(String, usize)], ranked: Option<&str>) -> Vec<String> {
    let most = known.iter().filter(|(key, _)| !is_system(key)).map(|(_, runs)| *runs).max().unwrap_or_default();
    let is_worth = |(key, runs): &&(String, usize)| {
        ranked == Some(key.as_str()) || (is_loss(key) && !is_system(key) && runs * 2 >= most)
    };
    let mut first: Vec<String> = known.iter().filter(is_worth).take(CHARTS).map(|(key, _)| key.clone()).collect();
    if first.is_empty() {
        first.extend(known.first().map(|(key, _)| key.clone()));
    }
    first
}

/// The one that was chosen, where a run has it.
fn only(known: &[(String, usize)], curve: &str) -> Vec<String> {
    known.iter().filter(|(key, _)| key == curve).map(|(key, _)| key.clone()).collect()
}

pub(super) fn is_system(key: &str) -> bool {
    key.starts_with("system/")
}

/// "loss/train", "train_loss", "val.loss".
fn is_loss(key: &str) -> bool {
    words_of(key).any(|word| word == "loss")
}

fn words_of(key: &str) -> impl Iterator<Item = String> {
    key.split(|letter: char| !letter.is_alphanumeric()).map(str::to_lowercase)
}

#[component]
pub(super) fn Overlay(
    picked: RwSignal<Vec<String>>,
    /// The picked runs, also those that were scrolled away.
    chosen: Memo<Vec<Compared>>,
    ranked_by: Signal<Option<(String, bool)>>,
    /// The figure that somebody chose; empty where none is.
    curve: RwSignal<String>,
    /// Where all their curves are shown large.
    #[prop(into)]
    compare: Signal<String>,
    /// What a person says of the table's metrics.
    better: Signal<ByMetric>,
    on_open: Callback<String>,
) -> impl IntoView {
    // What the pane shows of them: curves, one of the charts, or what differs.
    let view = RwSignal::new(String::new());
    let plotted = RwSignal::new(Plotted::default());
    Effect::new(move |_| {
        let now = view.get();
        let chart = if now == DIFF { String::new() } else { now };
        if plotted.with_untracked(|plotted| plotted.view != chart) {
            plotted.update(|plotted| plotted.view = chart);
        }
    });
    let is_curves = Memo::new(move |_| view.with(String::is_empty));
    let is_plotted = Memo::new(move |_| plotted.with(|plotted| !plotted.is_table()));
    let is_diff = Memo::new(move |_| view.with(|view| view == DIFF));
    let facts = Signal::derive(move || chosen.with(|chosen| Facts::of_compared(chosen, ranked_by.get())));
    let known = Memo::new(move |_| {
        let ranked = ranked_by.get().map(|(key, _)| key);
        chosen.with(|chosen| by_worth(chosen, ranked.as_deref()))
    });
    let keys = Memo::new(move |_| {
        let curve = curve.get();
        let ranked = ranked_by.get().map(|(key, _)| key);
        known.with(|known| if curve.is_empty() { first(known, ranked.as_deref()) } else { only(known, &curve) })
    });
    let options = Signal::derive(move || {
        let own = curve.get();
        let mut keys = known.with(|known| known.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>());
        if !own.is_empty() && !keys.contains(&own) {
            keys.push(own);
        }
        let named = keys.into_iter().map(|key| (key.clone(), words::key(&key)));
        [(String::new(), "Automatic".to_owned())].into_iter().chain(named).collect::<Vec<_>>()
    });
    let axes = Signal::derive(move || known.with(|known| known.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>()));
    let none = Memo::new(move |_| keys.with(Vec::is_empty) && chosen.with(|chosen| !chosen.is_empty()));
    let cross = RwSignal::new(None);
    let look = Look::new();
    offer_own(look, chosen, keys);
    let seen = Seen { better, ..Seen::plain(look) };
    view! {
        <Pane
            title=Signal::derive(move || words::counted(picked.with(Vec::len) as u64, "run", "runs"))
            extra=ViewFn::from(move || {
                move || (picked.with(Vec::len) > 1).then(|| view! { <a class="btn s" href=move || compare.get()>{icon(icon::LAYERS)}"Compare"</a> })
            })
            on_close=move || picked.set(Vec::new())
        >
            <div class="flex"><Segments value=view options=VIEWS.to_vec() name="What the pane shows of the runs" /></div>
            {move || is_curves.get().then(|| view! {
                <div class="flex wrap pane-tools">
                    <Select value=curve options name="Metric" />
                    <LookChoice look keys=axes />
                </div>
            })}
            {move || (picked.with(Vec::len) > DRAWN).then(|| view! { <p class="small muted">{format!("The first {DRAWN} of them are drawn here; Compare draws up to {MOST}.")}</p> })}
            {move || (none.get() && is_curves.get()).then(|| if curve.with(String::is_empty) {
                view! { <Empty mark=icon::ACTIVITY title="No curve here" text="None of these runs measured a metric more than once. What they have stands below." /> }.into_any()
            } else {
                let text = format!("None of these runs measured {} more than once.", words::key(&curve.get()));
                view! {
                    <Empty mark=icon::ACTIVITY title="No such curve here" text>
                        <Button label="Show what there is" on_press=move || curve.set(String::new()) />
                    </Empty>
                }.into_any()
            })}
            <For each=move || if is_curves.get() { keys.get() } else { Vec::new() } key=Clone::clone let:key>
                <Overlaid key chosen cross seen />
            </For>
            {move || is_plotted.get().then(|| view! {
                <plots::Plots whose=Whose::Compared(chosen, Some(seen.bands)) plotted facts filter=None on_open />
            })}
            {move || is_diff.get().then(|| view! { <Figures chosen seen ranked_by /> })}
            {move || (!is_plotted.get()).then(|| view! { <Differs chosen seen ranked_by /> })}
        </Pane>
    }
}

#[cfg(test)]
mod tests {
    use api::RunId;

    use super::*;

    fn run(number: u8, curves: &[&str]) -> Compared {
        Compared {
            id: RunId::from_bytes([number; 16]),
            name: format!("r{number}"),
            place: 0,
            began_ms: 0,
            duration_secs: None,
            params: BTreeMap::new(),
            tags: BTreeMap::new(),
            own: Default::default(),
            values: BTreeMap::new(),
            curves: curves.iter().map(|key| (*key).to_owned()).collect(),
            is_deleted: false,
            of_kept: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    fn drawn(runs: &[Compared], ranked: Option<&str>) -> Vec<String> {
        first(&by_worth(runs, ranked), ranked)
    }

    #[test]
    fn clients_runs_show_the_curves_that_they_have() {
        let own = ["f1/validation", "loss/train", "loss/validation", "system/cpu_percent"];
        let ours = [run(1, &own), run(2, &own)];
        assert_eq!(drawn(&ours, Some("f1/validation")), ["f1/validation", "loss/validation", "loss/train"]);
        // An experiment has nothing that ranks.
        assert_eq!(drawn(&ours, None), ["loss/validation", "loss/train"]);
        let clients = [run(1, &["acc", "loss"]), run(2, &["acc", "loss", "lr"])];
        assert_eq!(drawn(&clients, None), ["loss"]);
        let mixed = [run(1, &["acc", "train/loss"]), run(2, &["acc"]), run(3, &["acc", "system/cpu_percent"])];
        assert_eq!(drawn(&mixed, None), ["acc"], "a loss that one of three has says little of the others");
        let known: Vec<String> = by_worth(&mixed, None).into_iter().map(|(key, _)| key).collect();
        assert_eq!(known, ["acc", "train/loss", "system/cpu_percent"]);
        assert_eq!(drawn(&[run(1, &["system/cpu_percent"])], None), ["system/cpu_percent"]);
        assert_eq!(drawn(&[run(1, &[])], Some("loss")), [""; 0]);
    }

    #[test]
    fn each_view_of_the_pane_is_curves_a_chart_or_what_differs() {
        for (view, _) in VIEWS.into_iter().filter(|(view, _)| !view.is_empty() && *view != DIFF) {
            assert!(!Plotted { view: view.to_owned(), ..Plotted::default() }.is_table(), "{view} is a chart");
        }
    }

    #[test]
    fn one_that_was_chosen_is_drawn_alone() {
        let known = by_worth(&[run(1, &["acc", "loss"])], None);
        assert_eq!(only(&known, "acc"), ["acc"]);
        assert_eq!(only(&known, "gone"), [""; 0]);
    }
}
