//! The columns of the run table: which there are, and which of them a person wants to see.

use std::collections::{BTreeMap, HashMap};

use api::{
    id::SplitId,
    run::{RunRow, RunState},
    spending::money,
    tracking::{PARENT_TAG, Scope},
};
use charts::{plot::Size, role::Role, spark};
use leptos::prelude::*;

use super::{Facts, actions::Actions};
use crate::{
    frame::place::Place,
    parts::{
        chart::spark as small,
        curve_look::{forget, keep, kept},
        menu::MenuButton,
        stage::run_state,
        table::Column,
        when::Ago,
        words,
    },
};

/// How a column is called, as a filter calls it too: `metric.KEY`, `param.KEY`.
pub(super) const METRIC: &str = "metric.";
pub(super) const PARAM: &str = "param.";
pub(super) const TAG: &str = "tag.";

/// Columns of what every run has, in their order: what filters call it, and the title. The last two stand there only
/// once they are asked for.
pub(super) const PLAIN: [(&str, &str); 8] = [
    ("experiment", "Experiment"),
    ("model", "Model"),
    ("cost", "Cost"),
    ("duration", "Took"),
    ("snapshot", "Data"),
    ("created", "Started"),
    ("state", "State"),
    ("commit", "Commit"),
];

/// Those of them that say something of these runs.
fn telling(facts: &Facts) -> Names {
    let tells = |name: &str| match name {
        "experiment" => facts.is_of_all,
        "model" => facts.has_model,
        "cost" => facts.has_cost,
        "snapshot" => facts.has_snapshot,
        "state" | "commit" => false,
        _ => true,
    };
    PLAIN.iter().filter(|(name, _)| tells(name)).map(|(name, _)| (*name).to_owned()).collect()
}

/// What a choice of columns is: these, in this order.
pub(super) type Names = Vec<String>;

/// The least and the greatest value of a metric, over all runs that the filter passes.
pub(super) type Ranges = BTreeMap<String, (f64, f64)>;

/// Params that say the same as another column, or nothing about how good a run is.
const DULL: [&str; 3] = ["model", "device", "threads"];

/// What a person chose for this project or experiment; nobody having chosen, the table chooses by what differs and by
/// its width.
#[derive(Clone, Copy)]
pub(super) struct Chosen {
    scope: Memo<Option<Scope>>,
    names: RwSignal<Option<Names>>,
    /// Those that stay at the left.
    pub(super) pinned: RwSignal<Names>,
    /// Those of [`PLAIN`] that a person wants.
    plain: RwSignal<Option<Names>>,
    /// Pixels, of those that a person drew.
    pub(super) widths: RwSignal<BTreeMap<String, f64>>,
    /// Whether the cells of metrics are coloured.
    pub(super) shaded: RwSignal<bool>,
}

impl Chosen {
    pub(super) fn of(place: Place) -> Self {
        let scope = place.scope;
        let chosen = Self {
            scope,
            names: RwSignal::new(untrack(|| read(scope, ""))),
            pinned: RwSignal::new(untrack(|| read(scope, ".pinned")).unwrap_or_default()),
            plain: RwSignal::new(untrack(|| read(scope, ".plain"))),
            widths: RwSignal::new(untrack(|| read(scope, ".widths")).unwrap_or_default()),
            shaded: RwSignal::new(untrack(|| read(scope, ".shaded")).unwrap_or(true)),
        };
        Effect::new(move |before: Option<Option<Scope>>| {
            let now = scope.get();
            if before.is_some_and(|before| before != now) {
                chosen.names.set(read(scope, ""));
                chosen.pinned.set(read(scope, ".pinned").unwrap_or_default());
                chosen.plain.set(read(scope, ".plain"));
                chosen.widths.set(read(scope, ".widths").unwrap_or_default());
                chosen.shaded.set(read(scope, ".shaded").unwrap_or(true));
            }
            now
        });
        chosen
    }

    /// The metrics and params that are shown, in their order.
    pub(super) fn names(self, facts: &Facts) -> Vec<String> {
        self.names.with(|chosen| shown(facts, chosen.as_ref(), is_wide()))
    }

    /// What a person chose, as an address or a saved view has it.
    pub(super) fn chosen(self) -> Option<Names> {
        self.names.get()
    }

    pub(super) fn set(self, names: Option<Names>) {
        self.write("", names.as_ref());
        self.names.set(names);
    }

    /// From the first choice on all of them are the person's: no column comes or goes by itself.
    pub(super) fn toggle(self, facts: &Facts, name: &str) {
        let mut names = untrack(|| self.names(facts));
        match names.iter().position(|own| own == name) {
            Some(at) => drop(names.remove(at)),
            None => names.push(name.to_owned()),
        }
        self.set(Some(names));
    }

    /// Puts one of the shown columns before or behind its neighbour, `by` places on.
    pub(super) fn shift(self, facts: &Facts, name: &str, by: isize) {
        self.set(Some(moved(untrack(|| self.names(facts)), name, by)));
    }

    pub(super) fn pin(self, name: &str) {
        self.pinned.update(|pinned| match pinned.iter().position(|own| own == name) {
            Some(at) => drop(pinned.remove(at)),
            None => pinned.push(name.to_owned()),
        });
        self.pinned.with_untracked(|pinned| self.write(".pinned", Some(pinned)));
    }

    pub(super) fn set_pinned(self, pinned: Names) {
        self.write(".pinned", Some(&pinned));
        self.pinned.set(pinned);
    }

    /// Those of [`PLAIN`] that are shown.
    pub(super) fn plain(self, facts: &Facts) -> Names {
        self.plain.get().unwrap_or_else(|| telling(facts))
    }

    pub(super) fn toggle_plain(self, facts: &Facts, name: &str) {
        let mut names = untrack(|| self.plain(facts));
        match names.iter().position(|own| own == name) {
            Some(at) => drop(names.remove(at)),
            None => names.push(name.to_owned()),
        }
        self.write(".plain", Some(&names));
        self.plain.set(Some(names));
    }

    /// Nothing is chosen any more.
    pub(super) fn forget(self) {
        self.set(None);
        self.write::<Names>(".plain", None);
        self.plain.set(None);
    }

    /// Whether a person chose what is shown.
    pub(super) fn is_own(self) -> bool {
        self.names.with(Option::is_some) || self.plain.with(Option::is_some)
    }

    /// Draws a column to a width, or gives it its own again.
    pub(super) fn widen(self, name: String, width: Option<f64>) {
        self.widths.update(|widths| match width {
            Some(width) => drop(widths.insert(name, width)),
            None => drop(widths.remove(&name)),
        });
        self.widths.with_untracked(|widths| self.write(".widths", Some(widths)));
    }

    pub(super) fn shade(self, is_shaded: bool) {
        self.write(".shaded", Some(&is_shaded));
        self.shaded.set(is_shaded);
    }

    fn write<T: serde::Serialize>(self, what: &str, value: Option<&T>) {
        let Some(place) = self.scope.get_untracked().map(|scope| format!("{}{what}", place_of(scope))) else { return };
        match value.and_then(|value| serde_json::to_string(value).ok()) {
            Some(text) => keep(&place, &text),
            None => forget(&place),
        }
    }
}

fn read<T: serde::de::DeserializeOwned>(scope: Memo<Option<Scope>>, what: &str) -> Option<T> {
    serde_json::from_str(&kept(&format!("{}{what}", place_of(scope.get()?)))?).ok()
}

/// The names with one of them so many places on; at an end it stays.
fn moved(mut names: Names, name: &str, by: isize) -> Names {
    if let Some(at) = names.iter().position(|own| own == name) {
        let to = at.saturating_add_signed(by).min(names.len() - 1);
        let name = names.remove(at);
        names.insert(to, name);
    }
    names
}

/// Whether the name is of a metric, and what it is called.
pub(super) fn called(name: &str) -> (&'static str, String) {
    match (name.strip_prefix(METRIC), name.strip_prefix(PARAM), name.strip_prefix(TAG)) {
        (Some(key), ..) => ("Metrics", words::key(key)),
        (_, Some(key), _) => ("Parameters", words::param(key)),
        (.., Some(key)) => ("Tags", key.to_owned()),
        _ => ("", name.to_owned()),
    }
}

/// Where the choice is kept.
fn place_of(scope: Scope) -> String {
    match scope {
        Scope::Project(project) => format!("slipway.columns.{project}"),
        Scope::Experiment(experiment) => format!("slipway.columns.{experiment}"),
        Scope::All => "slipway.columns.all".to_owned(),
    }
}

/// The columns: what every run has, and the named metrics and params.
pub(super) fn columns(
    facts: &Facts,
    names: &[String],
    chosen: Chosen,
    ranges: &Ranges,
    picked: Memo<HashMap<String, usize>>,
    actions: Actions,
) -> Vec<Column<RunRow>> {
    let best_split = facts.best_split;
    let (pinned, widths, is_shaded) = (chosen.pinned.get(), chosen.widths.get(), chosen.shaded.get());
    let width_of = |name: &str, own: f64| widths.get(name).copied().unwrap_or(own);
    let is_pinned = |name: &String| pinned.contains(name);
    // Pinned ones stand first, and the name behind what they are picked by.
    let names: Vec<&String> =
        names.iter().filter(|name| is_pinned(name)).chain(names.iter().filter(|name| !is_pinned(name))).collect();
    let mut columns = vec![
        Column::new("", 38.0, move |row: &RunRow| {
            let id = row.id.to_string();
            let name = format!("Select {}", row.name);
            let at = move || picked.with(|picked| picked.get(&id).copied());
            view! {
                <span class="pick" role="checkbox" aria-label=name>
                    {move || {
                        let class = at().map_or("swatch".to_owned(), |at| format!("swatch on fill {}", Role::series(at).class()));
                        view! { <i class=class></i> }
                    }}
                </span>
            }
        })
        .pinned(true),
        Column::new("Run", width_of("name", 174.0), move |row: &RunRow| name_cell(row, best_split))
            .sorted_by("name")
            .pinned(true)
            .grows(),
    ];
    let mut shown = Vec::new();
    for name in names {
        let start = shown.len();
        match (name.strip_prefix(METRIC), name.strip_prefix(PARAM), name.strip_prefix(TAG)) {
            (Some(key), ..) => {
                let range = ranges.get(key).copied().filter(|_| is_shaded);
                shown.extend(metric_columns(facts, key, range));
            }
            (_, Some(key), _) => shown.push(text_column(words::param(key), name, key, |row| &row.params).number()),
            (.., Some(key)) => shown.push(text_column(key.to_owned(), name, key, |row| &row.tags)),
            _ => {}
        }
        if let Some(column) = shown.get_mut(start) {
            column.width = width_of(&column.sort, column.width);
            column.is_pinned = is_pinned(name);
        }
    }
    let is_free = |column: &Column<RunRow>| !column.is_pinned;
    let first_free = shown.iter().position(is_free).unwrap_or(shown.len());
    let free = shown.split_off(first_free);
    columns.extend(shown);
    // The curve of a pinned metric is not pinned.
    let plain = chosen.plain(facts);
    let mut own = PLAIN.iter().filter(|(name, _)| plain.iter().any(|own| own == name));
    let before = ["experiment", "model"];
    let (first, last): (Vec<_>, Vec<_>) = own.by_ref().partition(|(name, _)| before.contains(name));
    columns.extend(first.into_iter().map(|(name, title)| plain_column(name, title, &width_of)));
    columns.extend(free);
    columns.extend(last.into_iter().map(|(name, title)| plain_column(name, title, &width_of)));
    columns.push(Column::new("", 44.0, move |row: &RunRow| {
        let row = row.clone();
        view! { <MenuButton items=move || actions.items(&row) label="What can be done with this run" /> }
    }));
    columns
}

/// What every run has.
fn plain_column(name: &str, title: &str, width_of: &impl Fn(&str, f64) -> f64) -> Column<RunRow> {
    match name {
        "experiment" => Column::new(title, width_of(name, 130.0), |row: &RunRow| {
            view! { <span class="muted cut" title=row.experiment.clone()>{row.experiment.clone()}</span> }
        }),
        "model" => Column::new(
            title,
            74.0,
            |row: &RunRow| view! { <span class="muted">{row.model.clone().map(|model| model.replace('_', " "))}</span> },
        ),
        "cost" => {
            Column::new(title, width_of(name, 86.0), |row: &RunRow| view! { <span class="muted">{cost(row)}</span> })
                .number()
                .sorted_by(name)
        }
        "duration" => Column::new(
            title,
            width_of(name, 94.0),
            |row: &RunRow| view! { <span class="muted">{row.duration_secs.map(words::duration)}</span> },
        )
        .number()
        .sorted_by(name),
        "snapshot" => Column::new(
            title,
            50.0,
            |row: &RunRow| view! { <span class="muted">{row.snapshot_number.map(|number| format!("v{number}"))}</span> },
        ),
        "state" => Column::new(
            title,
            width_of(name, 86.0),
            |row: &RunRow| view! { <span class="muted">{run_state(row.state).1}</span> },
        )
        .sorted_by(name),
        "commit" => Column::new(title, width_of(name, 86.0), |row: &RunRow| {
            let short = row.commit.as_deref().map(words::short_hash);
            view! { <span class="mono muted" title=row.commit.clone()>{short}</span> }
        })
        .sorted_by(name),
        _ => Column::new(
            title,
            width_of(name, 104.0),
            |row: &RunRow| view! { <span class="faint"><Ago ms=row.began_ms() /></span> },
        )
        .number()
        .sorted_by("created"),
    }
}

/// A param or a tag.
fn text_column(
    title: String,
    name: &str,
    key: &str,
    of: impl Fn(&RunRow) -> &BTreeMap<String, String> + Send + Sync + 'static,
) -> Column<RunRow> {
    let key = key.to_owned();
    let width = (title.chars().count() as f64 * 6.0 + 28.0).clamp(88.0, 150.0);
    Column::new(title, width, move |row: &RunRow| {
        let text = of(row).get(&key).cloned();
        let shown = text.as_deref().map_or_else(|| "–".to_owned(), short);
        let whole = text.filter(|text| *text != shown);
        view! { <span class="muted" title=whole>{shown}</span> }
    })
    .sorted_by(api::table_view::field(name))
}

/// A number with more digits than a column has room for is rounded; the others stand as they were given.
fn short(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && text.len() > 9 && text.contains('.') => words::figure(value),
        _ => text.to_owned(),
    }
}

/// A metric's figure, and of the one that ranks its curve.
fn metric_columns(facts: &Facts, key: &str, range: Option<(f64, f64)>) -> Vec<Column<RunRow>> {
    let mut columns = Vec::new();
    {
        let key = key.to_owned();
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
            .sorted_by(api::run_table::named("metric", &key)),
        );
        // Taken out only to be put back: where nothing is coloured the column stays as it is.
        // The best one's bar tells its rank already.
        if let Some((min, max)) = range.filter(|(min, max)| min < max && !best)
            && let Some(column) = columns.pop()
        {
            let more = facts
                .ranked_by
                .as_ref()
                .filter(|(best, _)| *best == key)
                .map_or_else(|| words::more_is_better(&key), |(_, more)| *more);
            let key = key.clone();
            columns
                .push(column.shaded(move |row: &RunRow| Some(goodness(row.metrics.get(&key)?.last, min, max, more))));
        }
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
    columns
}

/// How good a figure is among the others, from 0 to 1; one that is no number is not coloured.
fn goodness(value: f64, min: f64, max: f64, more: bool) -> f64 {
    let along = ((value - min) / (max - min)).clamp(0.0, 1.0);
    match along {
        _ if !value.is_finite() => 0.0,
        along if more => along,
        along => 1.0 - along,
    }
}

/// All metrics and params in the order in which they stand: the ranking metric first, then other validation figures,
/// then losses, the system's last; of the params those first that a person turns first.
pub(super) fn known(facts: &Facts) -> Names {
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
    // What most runs have comes before what few have.
    let is_rare = |key: &&String| rank(key) > 0 && facts.rare.contains(key);
    metrics.sort_by_key(|key| (is_rare(key), rank(key)));
    let mut params: Vec<&String> = facts.param_keys.iter().collect();
    params.sort_by_key(|key| FIRST.iter().position(|first| first == key).unwrap_or(FIRST.len()));
    let metrics = metrics.into_iter().map(|key| format!("{METRIC}{key}"));
    let tags = facts.tag_keys.iter().map(|key| format!("{TAG}{key}"));
    metrics.chain(params.into_iter().map(|key| format!("{PARAM}{key}"))).chain(tags).collect()
}

/// The columns that are shown: those that were chosen; else the ranking metric and a few more, and the params that
/// tell runs apart.
fn shown(facts: &Facts, chosen: Option<&Names>, is_wide: bool) -> Names {
    let mut names = known(facts);
    if let Some(chosen) = chosen {
        return chosen.iter().filter(|name| names.contains(name)).cloned().collect();
    }
    // Runs of clients have no columns of a training's beside these.
    let (mut metrics, mut params): (usize, usize) = match (facts.ranked_by.is_some(), is_wide) {
        (true, true) => (5, 5),
        (true, false) => (2, 2),
        (false, true) => (5, 6),
        (false, false) => (3, 3),
    };
    // Each says its experiment, which takes the place of one.
    params = params.saturating_sub(usize::from(facts.is_of_all));
    let is_left_out = |key: &str| {
        let is_common = |key: &String| !key.starts_with("system/") && !facts.rare.contains(key);
        !is_wide && facts.rare.iter().any(|rare| rare == key) && facts.metric_keys.iter().any(is_common)
    };
    names.retain(|name| {
        let left = match (name.strip_prefix(METRIC), name.strip_prefix(PARAM)) {
            (Some(key), _) if !key.starts_with("system/") && !is_left_out(key) => &mut metrics,
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

/// What is worth less than a hundredth has no room for its digits; the run's page has them.
fn cost(row: &RunRow) -> String {
    let currency = row.currency.as_deref().unwrap_or_default();
    match row.cost {
        None => "–".to_owned(),
        Some(cost) if cost > 0.0 && cost < 0.005 => format!("< {}", money(0.01, currency)),
        Some(cost) => money(cost, currency),
    }
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
            {row.tags.contains_key(PARENT_TAG).then(|| view! { <span class="faint" title="It stands under another run: its page says which">"↳"</span> })}
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
            rare: Vec::new(),
            tag_keys: Vec::new(),
            param_keys: own(&["device", "l2", "max_depth", "rounds", "seed"]),
            differing: own(&["device", "l2", "max_depth", "rounds"]),
            ranked_by: Some(("pr_auc/validation".to_owned(), true)),
            best_split: None,
            has_cost: false,
            has_model: true,
            is_of_all: false,
            has_snapshot: true,
        }
    }

    #[test]
    fn a_long_number_is_rounded_and_a_text_is_not() {
        assert_eq!(short("0.11152965712345"), words::figure(0.11152965712345));
        for text in ["0.0001771", "12345678901234", "1.2.3-beta.4567", "resnet50.a1_in1k", "NaN"] {
            assert_eq!(short(text), text);
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
    fn what_few_runs_have_comes_behind_what_most_have() {
        let rare = Facts { ranked_by: None, rare: vec!["loss/validation".to_owned()], ..facts() };
        assert_eq!(shown(&rare, None, false)[0], "metric.f1/validation");
        assert!(shown(&rare, None, true).contains(&"metric.loss/validation".to_owned()));
    }

    #[test]
    fn what_was_chosen_is_shown_whatever_the_width_and_what_is_unknown_here_waits() {
        let chosen = ["param.seed", "metric.system/cpu", "metric.gone"].map(str::to_owned).into();
        for is_wide in [false, true] {
            assert_eq!(shown(&facts(), Some(&chosen), is_wide), ["param.seed", "metric.system/cpu"]);
        }
        assert!(shown(&facts(), Some(&Vec::new()), true).is_empty());
    }

    #[test]
    fn a_column_is_put_before_its_neighbour_and_no_further_than_the_end() {
        let names = || ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!(moved(names(), "c", -1), ["a", "c", "b"]);
        assert_eq!(moved(names(), "a", -1), ["a", "b", "c"]);
        assert_eq!(moved(names(), "b", 9), ["a", "c", "b"]);
        assert_eq!(moved(names(), "x", 1), ["a", "b", "c"]);
    }

    #[test]
    fn the_best_figure_is_coloured_most() {
        assert_eq!(goodness(0.9, 0.5, 0.9, true), 1.0);
        assert_eq!(goodness(0.9, 0.5, 0.9, false), 0.0);
        assert_eq!(goodness(f64::NAN, 0.5, 0.9, false), 0.0);
        assert_eq!(goodness(f64::INFINITY, 0.5, 0.9, true), 0.0);
    }
}
