//! The columns of the run table: which there are, and which of them a person wants to see.

use std::collections::BTreeSet;

use api::{
    id::SplitId,
    run::{RunRow, RunState},
    spending::money,
    tracking::Scope,
};
use charts::{plot::Size, role::Role, spark};
use leptos::prelude::*;

use super::{Facts, actions::Actions};
use crate::{
    frame::place::Place,
    parts::{
        button::IconButton,
        chart::spark as small,
        curve_look::{forget, keep, kept},
        icon,
        menu::{Item, MenuButton, Menus},
        stage::run_state,
        table::Column,
        when::Ago,
        words,
    },
};

/// How a column is called, as a filter calls it too: `metric.KEY`, `param.KEY`.
const METRIC: &str = "metric.";
const PARAM: &str = "param.";

/// Params that say the same as another column, or nothing about how good a run is.
const DULL: [&str; 3] = ["model", "device", "threads"];

/// What a person chose for this project or experiment; nobody having chosen, the table chooses by what differs and by
/// its width.
#[derive(Clone, Copy)]
pub(super) struct Chosen {
    scope: Memo<Option<Scope>>,
    names: RwSignal<Option<BTreeSet<String>>>,
}

impl Chosen {
    pub(super) fn of(place: Place) -> Self {
        let scope = place.scope;
        let read = move || serde_json::from_str(&kept(&place_of(scope.get()?))?).ok();
        let names = RwSignal::new(untrack(read));
        Effect::new(move |before: Option<Option<Scope>>| {
            let now = scope.get();
            if before.is_some_and(|before| before != now) {
                names.set(read());
            }
            now
        });
        Self { scope, names }
    }

    /// The metrics and params that are shown, in their order.
    pub(super) fn names(self, facts: &Facts) -> Vec<String> {
        self.names.with(|chosen| shown(facts, chosen.as_ref(), is_wide()))
    }

    /// What a person chose, as an address or a saved view has it.
    pub(super) fn chosen(self) -> Option<BTreeSet<String>> {
        self.names.get()
    }

    pub(super) fn set(self, names: Option<BTreeSet<String>>) {
        if let Some(scope) = self.scope.get_untracked() {
            match names.as_ref().and_then(|names| serde_json::to_string(names).ok()) {
                Some(text) => keep(&place_of(scope), &text),
                None => forget(&place_of(scope)),
            }
        }
        self.names.set(names);
    }

    /// From the first choice on all of them are the person's: no column comes or goes by itself.
    fn toggle(self, facts: &Facts, name: &str) {
        let mut names =
            self.names.get_untracked().unwrap_or_else(|| untrack(|| self.names(facts)).into_iter().collect());
        if !names.remove(name) {
            names.insert(name.to_owned());
        }
        self.set(Some(names));
    }
}

/// Where the choice is kept.
fn place_of(scope: Scope) -> String {
    match scope {
        Scope::Project(project) => format!("slipway.columns.{project}"),
        Scope::Experiment(experiment) => format!("slipway.columns.{experiment}"),
    }
}

/// The button that opens the menu of columns.
#[component]
pub(super) fn ColumnChooser(chosen: Chosen, facts: RwSignal<Facts>) -> impl IntoView {
    let menus = Menus::get();
    let items = move || {
        let mut items = vec![Item::check(
            "Chosen by Slipway",
            move || chosen.names.with(Option::is_none),
            move || {
                let as_they_are = || facts.with(|facts| chosen.names(facts)).into_iter().collect();
                let by_itself = chosen.names.with_untracked(Option::is_none);
                chosen.set(by_itself.then(|| untrack(as_they_are)));
            },
        )];
        for name in facts.with_untracked(known) {
            let (group, label) = match name.strip_prefix(METRIC) {
                Some(key) => ("Metrics", words::key(key)),
                None => ("Parameters", words::param(name.strip_prefix(PARAM).unwrap_or(&name))),
            };
            let (seen, toggled) = (name.clone(), name);
            let is_shown = move || facts.with(|facts| chosen.names(facts)).contains(&seen);
            let toggle = move || facts.with_untracked(|facts| chosen.toggle(facts, &toggled));
            items.push(Item::check(label, is_shown, toggle).under(group));
        }
        items
    };
    view! { <IconButton label="Columns" mark=icon::COLUMNS_3 on_press=move |event| menus.open_at(&event, items()) /> }
}

/// The columns: what every run has, and the named metrics and params.
pub(super) fn columns(
    facts: &Facts,
    names: &[String],
    picked: RwSignal<Vec<String>>,
    actions: Actions,
) -> Vec<Column<RunRow>> {
    let best_split = facts.best_split;
    let mut columns = vec![
        Column::new("", 38.0, move |row: &RunRow| {
            let id = row.id.to_string();
            let name = format!("Select {}", row.name);
            let at = move || picked.with(|picked| picked.iter().position(|other| *other == id));
            view! {
                <span class="pick" role="checkbox" aria-label=name>
                    {move || {
                        let class = at().map_or("swatch".to_owned(), |at| format!("swatch on fill {}", Role::series(at).class()));
                        view! { <i class=class></i> }
                    }}
                </span>
            }
        }),
        Column::new("Run", 190.0, move |row: &RunRow| name_cell(row, best_split)).sorted_by("name").grows(),
        Column::new(
            "Model",
            74.0,
            |row: &RunRow| view! { <span class="muted">{row.model.clone().map(|model| model.replace('_', " "))}</span> },
        ),
    ];
    for key in names.iter().filter_map(|name| name.strip_prefix(METRIC)).map(str::to_owned) {
        let best = facts.ranked_by.as_ref().is_some_and(|(best, _)| *best == key);
        let cell_key = key.clone();
        let title = words::key(&key);
        let title = title.strip_suffix(", validation").map_or(title.clone(), ToOwned::to_owned);
        let width = (title.chars().count() as f64 * 6.0 + 34.0).clamp(82.0, 170.0);
        // A figure between 0 and 1 of which more is better is a share: a thin bar lets rows be compared.
        let more = facts.ranked_by.as_ref().is_some_and(|(_, more)| *more);
        let share = move |value: f64| (best && more && (0.0..=1.0).contains(&value)).then_some(value * 100.0);
        columns.push(
            Column::new(title, width, move |row: &RunRow| {
                row.metrics.get(&cell_key).map_or_else(
                    || view! { <span class="faint">"–"</span> }.into_any(),
                    |cell| {
                        view! {
                            <span class="ranked" class:bad=!cell.last.is_finite() class:strong=best>
                                {words::figure(cell.last)}
                                {share(cell.last).map(|width| view! { <i style:width=format!("{width:.1}%")></i> })}
                            </span>
                        }
                        .into_any()
                    },
                )
            })
            .number()
            .sorted_by(format!("metric.{key}")),
        );
        if best {
            let cell_key = key.clone();
            columns.push(Column::new("Curve", 94.0, move |row: &RunRow| {
                row.metrics.get(&cell_key).filter(|cell| cell.spark.len() > 1).map(|cell| {
                    let values: Vec<f64> = cell.spark.iter().map(|value| f64::from(*value)).collect();
                    small(spark::draw(&values, Role::Series(3), Size { width: 72.0, height: 18.0 }))
                })
            }));
        }
    }
    for key in names.iter().filter_map(|name| name.strip_prefix(PARAM)).map(str::to_owned) {
        let cell_key = key.clone();
        let title = words::param(&key);
        let width = (title.chars().count() as f64 * 6.0 + 28.0).clamp(72.0, 150.0);
        columns.push(
            Column::new(title, width, move |row: &RunRow| {
                view! { <span class="muted">{row.params.get(&cell_key).cloned().unwrap_or_else(|| "–".to_owned())}</span> }
            })
            .number()
            .sorted_by(format!("param.{key}")),
        );
    }
    if facts.has_cost {
        columns.push(
            Column::new("Cost", 86.0, |row: &RunRow| view! { <span class="muted">{cost(row)}</span> })
                .number()
                .sorted_by("cost"),
        );
    }
    columns.extend([
        Column::new("Took", 94.0, |row: &RunRow| view! { <span class="muted">{row.duration_secs.map(words::duration)}</span> }).number().sorted_by("duration"),
        Column::new("Data", 50.0, |row: &RunRow| view! { <span class="muted">{row.snapshot_number.map(|number| format!("v{number}"))}</span> }),
        Column::new("Started", 86.0, |row: &RunRow| view! { <span class="faint"><Ago ms=row.created_ms /></span> }).number().sorted_by("created"),
        Column::new("", 44.0, move |row: &RunRow| {
            let row = row.clone();
            view! { <MenuButton items=move || actions.items(&row) label="What can be done with this run" /> }
        }),
    ]);
    columns
}

/// All metrics and params in the order in which they stand: the ranking metric first, then other validation figures,
/// then losses, the system's last; of the params those first that a person turns first.
fn known(facts: &Facts) -> Vec<String> {
    const FIRST: [&str; 6] = ["learning_rate", "max_depth", "hidden", "rounds", "epochs", "batch_size"];
    let ranked = facts.ranked_by.as_ref().map(|(key, _)| key.as_str());
    let rank = |key: &&String| match key.as_str() {
        key if Some(key) == ranked => 0,
        "loss/validation" => 1,
        "roc_auc/validation" | "f1/validation" | "accuracy/validation" | "r2/validation" | "mae/validation" => 2,
        key if key.ends_with("/validation") => 3,
        "loss/train" => 4,
        key if key.starts_with("system/") => 6,
        _ => 5,
    };
    let mut metrics: Vec<&String> = facts.metric_keys.iter().collect();
    metrics.sort_by_key(rank);
    let mut params: Vec<&String> = facts.param_keys.iter().collect();
    params.sort_by_key(|key| FIRST.iter().position(|first| first == key).unwrap_or(FIRST.len()));
    let metrics = metrics.into_iter().map(|key| format!("{METRIC}{key}"));
    metrics.chain(params.into_iter().map(|key| format!("{PARAM}{key}"))).collect()
}

/// The columns that are shown: those that were chosen; else the ranking metric and a few more, and the params that
/// tell runs apart.
fn shown(facts: &Facts, chosen: Option<&BTreeSet<String>>, is_wide: bool) -> Vec<String> {
    let mut names = known(facts);
    if let Some(chosen) = chosen {
        names.retain(|name| chosen.contains(name));
        return names;
    }
    let others = if is_wide { 4 } else { 1 };
    let (mut metrics, mut params) = (others + usize::from(facts.ranked_by.is_some()), if is_wide { 5 } else { 2 });
    names.retain(|name| {
        let left = match (name.strip_prefix(METRIC), name.strip_prefix(PARAM)) {
            (Some(key), _) if !key.starts_with("system/") => &mut metrics,
            (_, Some(key)) if facts.differing.iter().any(|one| one == key) && !DULL.contains(&key) => &mut params,
            _ => return false,
        };
        let fits = *left > 0;
        *left = left.saturating_sub(1);
        fits
    });
    names
}

/// Whether the window has room for more than the columns that every comparison needs.
fn is_wide() -> bool {
    window().inner_width().ok().and_then(|width| width.as_f64()).is_some_and(|width| width >= 1500.0)
}

const OTHER_ROWS: &str = "Validated on other rows than the newest run: of another snapshot, or split otherwise. The figures can't be compared.";

fn cost(row: &RunRow) -> String {
    row.cost.map_or_else(|| "–".to_owned(), |cost| money(cost, row.currency.as_deref().unwrap_or_default()))
}

fn name_cell(row: &RunRow, best_split: Option<SplitId>) -> impl IntoView + use<> {
    let (tone, word) = run_state(row.state);
    let live = row.state == RunState::Running;
    let dot = match (row.state, tone) {
        (RunState::Finished | RunState::Queued, _) => "dot faint".to_owned(),
        (_, tone) => format!("dot {tone}{}", if live { " live" } else { "" }),
    };
    view! {
        <span class="flex">
            <i class=dot title=word></i>
            <b class="cut">{row.name.clone()}</b>
            {(!row.versions.is_empty()).then(|| view! { <span class="chip accent" title="Registered as a model version">"model"</span> })}
            {row.has_other_rows(best_split).then(|| view! { <span class="chip" title=OTHER_ROWS>"other rows"</span> })}
            {row.fraction.filter(|_| live).map(|fraction| view! { <span class="faint caption num">{words::percent((fraction * 100.0).round() / 100.0)}</span> })}
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let own = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        Facts {
            metric_keys: own(&["f1/validation", "loss/train", "loss/validation", "pr_auc/validation", "system/cpu"]),
            tag_keys: Vec::new(),
            param_keys: own(&["device", "l2", "max_depth", "rounds", "seed"]),
            differing: own(&["device", "l2", "max_depth", "rounds"]),
            ranked_by: Some(("pr_auc/validation".to_owned(), true)),
            best_split: None,
            has_cost: false,
        }
    }

    #[test]
    fn nobody_having_chosen_the_ranking_metric_stands_first_and_only_params_that_differ() {
        assert_eq!(
            shown(&facts(), None, false),
            ["metric.pr_auc/validation", "metric.loss/validation", "param.max_depth", "param.rounds"]
        );
        let wide = shown(&facts(), None, true);
        assert_eq!(wide.last().unwrap(), "param.l2");
        assert!(!wide.iter().any(|name| name.contains("system/") || name == "param.device" || name == "param.seed"));
    }

    #[test]
    fn what_was_chosen_is_shown_whatever_the_width_and_what_is_unknown_here_waits() {
        let chosen = ["param.seed", "metric.system/cpu", "metric.gone"].map(str::to_owned).into();
        for is_wide in [false, true] {
            assert_eq!(shown(&facts(), Some(&chosen), is_wide), ["metric.system/cpu", "param.seed"]);
        }
        assert!(shown(&facts(), Some(&BTreeSet::new()), true).is_empty());
    }
}
