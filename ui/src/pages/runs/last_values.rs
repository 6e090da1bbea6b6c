//! What compared runs measured once, as bars: there is no curve to lay over another.

use charts::{
    role::Role,
    values::{Value, draw},
};
use leptos::prelude::*;

use super::{
    comparison::{Seen, roles},
    differs::{Ranked, figures},
    overlaid::Compared,
    overlay::is_system,
};
use crate::parts::{
    button::CopyLine,
    card::Card,
    icon,
    picture::{DrawingMenu, HeldMenu, Picture},
    states::Empty,
    words,
};

/// Figures that are drawn; the table below has all.
const FIGURES: usize = 6;
/// Runs that a card has room for.
const RUNS: usize = 20;

/// The figures that are drawn: the one that ranks first; what the machine did, where it is asked for, all of it.
fn drawn(chosen: &[Compared], ranked: Option<&str>, system: bool) -> Vec<String> {
    let mut keys = figures(chosen, system);
    keys.sort_by_key(|key| ranked != Some(key.as_str()));
    let mut others = FIGURES;
    keys.retain(|key| {
        let fits = is_system(key) || others > 0;
        others = others.saturating_sub(usize::from(!is_system(key)));
        fits
    });
    keys
}

/// The values of the first runs that have the figure, and how many more have it.
fn values_of(chosen: &[Compared], key: &str, bands: &str) -> (Vec<Value>, u64) {
    let part = words::in_unit(key).2;
    let roles = roles(chosen, bands);
    let of = |run: &Compared| {
        let role = roles.get(&run.id).copied().unwrap_or(Role::Muted);
        Some(Value { name: run.called(), role, value: run.values.get(key)? * part })
    };
    let mut all: Vec<Value> = chosen.iter().filter_map(of).collect();
    let left = all.len().saturating_sub(RUNS) as u64;
    all.truncate(RUNS);
    (all, left)
}

/// Bars of the figures that these runs have, and how a figure becomes a curve.
#[component]
pub(super) fn LastValues(chosen: Memo<Vec<Compared>>, seen: Seen, ranked_by: Ranked) -> impl IntoView {
    let keys = Memo::new(move |_| {
        let ranked = ranked_by.get().map(|(key, _)| key);
        let system = seen.system.get();
        chosen.with(|chosen| drawn(chosen, ranked.as_deref(), system))
    });
    let none = Memo::new(move |_| keys.with(Vec::is_empty));
    view! {
        {move || match none.get() {
            true => view! {
                <Empty mark=icon::ACTIVITY title="Nothing measured to compare" text="None of these runs logged a metric. What differs in their parameters, code and data stands below." />
            }
            .into_any(),
            false => view! {
                <div class="notices">
                    <div class="flex wrap small muted">
                        "No curves: these metrics were measured once each. A metric that is logged at several steps is drawn as one:"
                        <CopyLine text="mlflow.log_metric(\"loss\", loss, step=epoch)" />
                    </div>
                </div>
            }
            .into_any(),
        }}
        <div class="charts" data-last-values="">
            <For each=move || keys.get() key=Clone::clone let:key>
                <Bars key chosen seen />
            </For>
        </div>
    }
}

#[component]
fn Bars(key: String, chosen: Memo<Vec<Compared>>, seen: Seen) -> impl IntoView {
    let title = words::with_unit(&key).0;
    let (name, figure) = (title.clone(), title.clone());
    let values = Memo::new(move |_| chosen.with(|chosen| seen.bands.with(|bands| values_of(chosen, &key, bands))));
    let left = Memo::new(move |_| values.with(|(_, left)| *left));
    let menu = HeldMenu::new();
    view! {
        <Card title class="h" extra=ViewFn::from(move || view! { <DrawingMenu menu /> })>
            <Picture name of="run" draw=move |width, _| values.with(|(rows, _)| draw(&figure, rows, width)) menu />
            {move || (left.get() > 0).then(|| view! {
                <p class="small muted">{words::counted(left.get(), "more run stands", "more runs stand")}" in the table below."</p>
            })}
        </Card>
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use api::RunId;

    use super::*;

    fn run(number: u8, values: &[(&str, f64)]) -> Compared {
        Compared {
            id: RunId::from_bytes([number; 16]),
            name: format!("r{number}"),
            place: 0,
            began_ms: 0,
            duration_secs: None,
            params: BTreeMap::new(),
            tags: BTreeMap::new(),
            own: Default::default(),
            values: values.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect(),
            curves: BTreeSet::new(),
            is_deleted: false,
            of_kept: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    #[test]
    fn of_each_figure_the_runs_are_counted_that_have_it() {
        let has = |number: u8| if number < 25 { [("acc", 0.5), ("f1", 0.5)] } else { [("acc", 0.5), ("loss", 0.5)] };
        let runs: Vec<Compared> = (0..50).map(|number| run(number, &has(number))).collect();
        let left = |key: &str| {
            let (rows, left) = values_of(&runs, key, "");
            (rows.len(), left)
        };
        assert_eq!([left("acc"), left("f1"), left("none")], [(20, 30), (20, 5), (0, 0)]);
        assert_eq!(drawn(&runs, Some("loss"), false)[0], "loss");
    }

    #[test]
    fn what_the_machine_did_stands_behind_the_figures_where_it_is_asked_for() {
        let own = ["a", "b", "c", "d", "e", "f", "g", "system/cpu", "system/memory_bytes"].map(|key| (key, 2e6));
        let runs = [run(1, &own)];
        assert_eq!(drawn(&runs, None, false), ["a", "b", "c", "d", "e", "f"]);
        assert_eq!(drawn(&runs, None, true)[5..], ["f", "system/cpu", "system/memory_bytes"]);
        assert_eq!(figures(&runs, false).len(), 7);
        assert_eq!(values_of(&runs, "system/memory_bytes", "").0[0].value, 2.0, "in the unit that its title says");
    }
}
