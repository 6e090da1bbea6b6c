//! The columns of the run table: which there are, and which of them a person wants to see.

pub(super) mod metrics;
mod nesting;

use std::collections::{BTreeMap, HashMap};

use api::{
    id::SplitId,
    run::{RunRow, RunState},
    spending::money,
    tracking::{SOURCE_TAG, Scope},
};
use charts::runs::keys;
use leptos::prelude::*;

use self::{
    metrics::{ByMetric, Told, metric_columns},
    nesting::{mark, of_below, under},
};
use super::{
    Facts,
    actions::{Actions, OfRun},
    pick,
};
use crate::{
    frame::place::Place,
    parts::{
        curve_look::{forget, keep, kept},
        menu::MenuButton,
        stage::{run_tone, run_word},
        table::Column,
        when::Ago,
        words,
    },
};

/// How a column is called, as a filter calls it too: `metric.KEY`, `param.KEY`.
pub(super) const METRIC: &str = keys::METRIC;
pub(super) const PARAM: &str = keys::PARAM;
pub(super) const TAG: &str = keys::TAG;

/// The column that always stands first: what a run is called.
pub(super) const NAME: &str = "name";

/// Columns of what every run has: what filters call it, and the title. Those after the sixth stand there only once they are
/// asked for.
pub(super) const PLAIN: [(&str, &str); 14] = [
    ("experiment", "Experiment"),
    ("model", "Model"),
    ("cost", "Cost"),
    ("duration", "Took"),
    ("snapshot", "Data"),
    ("started", "Started"),
    ("state", "State"),
    ("kind", "Kind"),
    ("user", "User"),
    ("device", "Device"),
    ("commit", "Commit"),
    ("created", "Created"),
    ("ended", "Ended"),
    ("id", "Id"),
];
/// Those of them that stand before the figures, where nobody chose their place.
const BEFORE: [&str; 2] = ["experiment", "model"];

/// Those of them that say something of these runs.
fn telling(facts: &Facts) -> Names {
    let tells = |name: &str| match name {
        "experiment" => facts.is_of_all,
        "model" => facts.in_view.has_model,
        "cost" => facts.in_view.has_cost,
        "snapshot" => facts.in_view.has_snapshot,
        "duration" | "started" => true,
        _ => false,
    };
    PLAIN.iter().filter(|(name, _)| tells(name)).map(|(name, _)| (*name).to_owned()).collect()
}

/// What a choice of columns is: these, in this order.
pub(super) type Names = Vec<String>;

/// Between what the values of a metric lie over all runs that the filter passes, but for those far off.
pub(super) type Ranges = BTreeMap<String, (f64, f64)>;

/// Params that say the same as another column, or nothing about how good a run is.
const DULL: [&str; 3] = ["model", "device", "threads"];

/// What a person chose for this project or experiment; nobody having chosen, the table chooses by what differs and by
/// its width.
#[derive(Clone, Copy)]
pub(super) struct Chosen {
    scope: Memo<Option<Scope>>,
    /// Those that are shown, in their order: all of them where [`NAME`] stands among them, else the metrics, params and
    /// tags, as they were kept before the others had a place.
    names: RwSignal<Option<Names>>,
    /// Those of [`PLAIN`] that a person wanted then.
    plain_before: RwSignal<Option<Names>>,
    /// Those that stay at the left.
    pub(super) pinned: RwSignal<Names>,
    /// Pixels, of those that a person drew.
    pub(super) widths: RwSignal<Widths>,
    /// Whether the cells of metrics are coloured.
    pub(super) shaded: RwSignal<bool>,
    /// What is good of metrics, and whose curves are shown.
    pub(super) told: RwSignal<Told>,
    /// Whether an address named what is shown, which is kept for no other time.
    is_lent: RwSignal<bool>,
}

/// Pixels by a column's name, as the order names it.
pub(super) type Widths = BTreeMap<String, f64>;

impl Chosen {
    pub(super) fn of(place: Place) -> Self {
        let chosen = Self {
            scope: place.scope,
            names: RwSignal::new(None),
            plain_before: RwSignal::new(None),
            pinned: RwSignal::new(Names::new()),
            widths: RwSignal::new(Widths::new()),
            shaded: RwSignal::new(true),
            told: RwSignal::new(Told::default()),
            is_lent: RwSignal::new(false),
        };
        untrack(|| chosen.remember());
        Effect::new(move |before: Option<Option<Scope>>| {
            let now = chosen.scope.get();
            if before.is_some_and(|before| before != now) {
                untrack(|| chosen.remember());
            }
            now
        });
        chosen
    }

    /// What an address says of it: the columns that somebody chose, and those that stay at the left.
    pub(super) fn named(self) -> (Option<Names>, Names) {
        (self.names.get(), self.pinned.get())
    }

    /// Shows what an address names; with one that names nothing, what was kept here comes back.
    pub(super) fn show(self, names: Option<Names>, pinned: Names) {
        if names.is_none() && pinned.is_empty() {
            if self.is_lent.get_untracked() {
                self.is_lent.set(false);
                untrack(|| self.remember());
            }
            return;
        }
        self.is_lent.set(true);
        if names.is_some() {
            self.plain_before.set(None);
            self.names.set(names);
        }
        self.pinned.set(pinned);
    }

    /// Takes what was chosen before.
    fn remember(self) {
        self.names.set(self.read(""));
        self.plain_before.set(self.read::<Names>(".plain").map(|names| {
            // The start of a run was called so.
            names.into_iter().map(|name| if name == "created" { "started".to_owned() } else { name }).collect()
        }));
        self.pinned.set(self.read(".pinned").unwrap_or_default());
        self.widths.set(self.read(".widths").unwrap_or_default());
        self.shaded.set(self.read(".shaded").unwrap_or(true));
        let by_metric = |what: &str| self.read::<ByMetric>(what).unwrap_or_default();
        self.told.set(Told { better: by_metric(".better"), curves: by_metric(".curves") });
    }

    /// The columns that are shown behind the run's name, in their order.
    pub(super) fn names(self, facts: &Facts) -> Names {
        let plain = self.plain_before.get().unwrap_or_else(|| telling(facts));
        self.names.with(|chosen| shown(facts, chosen.as_ref(), &plain, is_wide()))
    }

    /// What a person chose, as a saved view has it.
    pub(super) fn chosen(self, facts: &Facts) -> Option<Names> {
        let names = self.names.get();
        match names {
            Some(names) if is_whole(&names) => Some(names),
            _ => self.is_own().then(|| whole(self.names(facts))),
        }
    }

    pub(super) fn set(self, names: Option<Names>) {
        self.write("", names.as_ref());
        self.write::<Names>(".plain", None);
        self.plain_before.set(None);
        self.names.set(names);
    }

    /// From the first choice on all of them are the person's: no column comes or goes by itself.
    pub(super) fn toggle(self, facts: &Facts, name: &str) {
        let mut names = untrack(|| self.names(facts));
        match names.iter().position(|own| own == name) {
            Some(at) => drop(names.remove(at)),
            None => names.push(name.to_owned()),
        }
        self.set(Some(whole(names)));
    }

    /// Puts one of the shown columns before or behind its neighbour, `by` places on.
    pub(super) fn shift(self, facts: &Facts, name: &str, by: isize) {
        self.set(Some(whole(moved(untrack(|| self.names(facts)), name, by))));
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

    /// Nothing is chosen any more.
    pub(super) fn forget(self) {
        self.set(None);
    }

    /// Whether a person chose what is shown.
    pub(super) fn is_own(self) -> bool {
        self.names.with(Option::is_some) || self.plain_before.with(Option::is_some)
    }

    /// Draws a column to a width, or gives it its own again.
    pub(super) fn widen(self, name: String, width: Option<f64>) {
        let mut widths = self.widths.get_untracked();
        match width {
            Some(width) => drop(widths.insert(name, width)),
            None => drop(widths.remove(&name)),
        }
        self.set_widths(widths);
    }

    pub(super) fn set_widths(self, widths: Widths) {
        self.write(".widths", Some(&widths));
        self.widths.set(widths);
    }

    pub(super) fn shade(self, is_shaded: bool) {
        self.write(".shaded", Some(&is_shaded));
        self.shaded.set(is_shaded);
    }

    pub(super) fn tell(self, told: Told) {
        let some = |by: &ByMetric| Some(by.clone()).filter(|by| !by.is_empty());
        self.write(".better", some(&told.better).as_ref());
        self.write(".curves", some(&told.curves).as_ref());
        self.told.set(told);
    }

    /// Says of a metric whether more of it is better; nothing leaves it to its name.
    pub(super) fn say_better(self, key: &str, more: Option<bool>) {
        let mut told = self.told.get_untracked();
        match more {
            Some(more) => drop(told.better.insert(key.to_owned(), more)),
            None => drop(told.better.remove(key)),
        }
        self.tell(told);
    }

    /// Shows a metric's curve beside it, or no longer.
    pub(super) fn draw_curve(self, key: &str, is_shown: bool) {
        let mut told = self.told.get_untracked();
        told.curves.insert(key.to_owned(), is_shown);
        self.tell(told);
    }

    fn read<T: serde::de::DeserializeOwned>(self, what: &str) -> Option<T> {
        serde_json::from_str(&kept(&format!("{}{what}", place_of(self.scope.get()?)))?).ok()
    }

    fn write<T: serde::Serialize>(self, what: &str, value: Option<&T>) {
        let Some(place) = self.scope.get_untracked().map(|scope| format!("{}{what}", place_of(scope))) else { return };
        match value.and_then(|value| serde_json::to_string(value).ok()) {
            Some(text) => keep(&place, &text),
            None => forget(&place),
        }
    }
}

/// Whether the names are of all columns, and not of metrics, params and tags alone.
fn is_whole(names: &[String]) -> bool {
    !names.iter().all(|name| is_keyed(name))
}

/// Columns as they are kept.
fn whole(names: Names) -> Names {
    [NAME.to_owned()].into_iter().chain(names).collect()
}

fn is_keyed(name: &str) -> bool {
    [METRIC, PARAM, TAG].iter().any(|kind| name.starts_with(kind))
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

/// What kind of column the name is of, and what it is called.
pub(super) fn called(name: &str) -> (&'static str, String) {
    match (name.strip_prefix(METRIC), name.strip_prefix(PARAM), name.strip_prefix(TAG)) {
        (Some(key), ..) => ("Metrics", words::key(key)),
        (_, Some(key), _) => ("Parameters", words::param(key)),
        // What ran, as MLflow's client notes it.
        (.., Some(SOURCE_TAG)) => ("Tags", "Source".to_owned()),
        (.., Some(key)) => ("Tags", key.to_owned()),
        _ => match PLAIN.iter().find(|(own, _)| *own == name) {
            Some((_, title)) => ("Of every run", (*title).to_owned()),
            None => ("", name.to_owned()),
        },
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

/// The columns: the run's name, and those that are named.
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
    let told = chosen.told.get();
    let lead = told.lead(facts, names);
    let width_of = |name: &str, own: f64| widths.get(name).copied().unwrap_or(own);
    let mut columns = vec![
        pick::column(picked, |row: &RunRow| (row.id.to_string(), row.name.as_str())),
        Column::new("Run", width_of(NAME, 174.0), move |row: &RunRow| name_cell(row, best_split))
            .sorted_by(NAME)
            .pinned(true)
            .grows(),
    ];
    let mut shown = Vec::new();
    for name in names {
        let start = shown.len();
        match (name.strip_prefix(METRIC), name.strip_prefix(PARAM), name.strip_prefix(TAG)) {
            (Some(key), ..) => {
                let range = ranges.get(key).copied();
                shown.extend(metric_columns(facts, key, range, is_shaded, (&told, lead.as_ref())));
            }
            (_, Some(key), _) => {
                let param =
                    |row: &RunRow, key: &str| row.param(key).map(|(value, is_below)| (value.to_owned(), is_below));
                shown.push(text_column(name, key, param).number());
            }
            (.., Some(key)) => {
                let tag = |row: &RunRow, key: &str| row.tags.get(key).map(|value| (value.clone(), false));
                shown.push(text_column(name, key, tag));
            }
            _ => shown.extend(plain_column(name)),
        }
        if let Some(column) = shown.get_mut(start) {
            column.width = width_of(&column.sort, column.width);
            column.is_pinned = pinned.contains(name);
        }
    }
    // Pinned ones stand first, behind the name; the curve of a pinned metric is not pinned.
    let (first, free): (Vec<_>, Vec<_>) = shown.into_iter().partition(|column| column.is_pinned);
    columns.extend(first);
    columns.extend(free);
    columns.push(Column::new("", 44.0, move |row: &RunRow| {
        let row = row.clone();
        view! { <MenuButton items=move || actions.items(&OfRun::from(&row)) label="What can be done with this run" /> }
    }));
    columns
}

/// What every run has, each in the width that it takes by itself; `None` of what is none of [`PLAIN`].
fn plain_column(name: &str) -> Option<Column<RunRow>> {
    let (_, title) = PLAIN.iter().find(|(own, _)| *own == name)?;
    let text = |width, of: fn(&RunRow) -> Option<String>| {
        Column::new(*title, width, move |row: &RunRow| {
            let text = of(row);
            let whole = text.clone();
            view! { <span class="muted cut" title=whole>{text}</span> }
        })
    };
    let number = |width, of: fn(&RunRow) -> Option<String>| {
        let cell = move |row: &RunRow| {
            let text = of(row).unwrap_or_else(|| "–".to_owned());
            view! { <span class="muted">{text}</span> }
        };
        Column::new(*title, width, cell).number()
    };
    // The whole one is in the tooltip.
    let hash = |of: fn(&RunRow) -> Option<(String, String)>| {
        Column::new(*title, 86.0, move |row: &RunRow| {
            let (short, whole) = of(row).unzip();
            view! { <span class="mono muted" title=whole>{short}</span> }
        })
    };
    let moment = |of: fn(&RunRow) -> Option<i64>| {
        Column::new(*title, 104.0, move |row: &RunRow| {
            of(row).map(|ms| view! { <span class="faint"><Ago ms /></span> })
        })
        .number()
    };
    let column = match name {
        "experiment" => text(130.0, |row| Some(row.experiment.clone())),
        "model" => text(74.0, |row| row.model.as_ref().map(|model| model.replace('_', " "))),
        "cost" => number(86.0, |row| Some(cost(row))),
        "duration" => number(94.0, |row| row.duration_secs.map(words::duration)),
        "snapshot" => text(56.0, |row| row.snapshot_number.map(|number| format!("v{number}"))),
        "state" => text(86.0, |row| Some(run_word(row.state, row.kind).to_owned())),
        "kind" => text(80.0, |row| Some(row.kind.word().to_owned())),
        "user" => text(86.0, |row| row.user.clone()),
        "device" => text(74.0, |row| row.device.clone()),
        "commit" => hash(|row| row.commit.as_ref().map(|hash| (words::short_hash(hash), hash.clone()))),
        "id" => hash(|row| Some((row.id.short(), row.id.to_string()))),
        "created" => moment(|row| Some(row.created_ms)),
        "ended" => moment(|row| row.ended_ms),
        _ => moment(|row| Some(row.began_ms())),
    };
    Some(column.sorted_by(name))
}

/// A param or a tag: its text, and whether it is that of the run below.
fn text_column(
    name: &str,
    key: &str,
    of: impl Fn(&RunRow, &str) -> Option<(String, bool)> + Send + Sync + 'static,
) -> Column<RunRow> {
    let (key, (_, title)) = (key.to_owned(), called(name));
    let width = (title.chars().count() as f64 * 6.0 + 28.0).clamp(88.0, 150.0);
    Column::new(title, width, move |row: &RunRow| {
        let (text, is_below) = of(row, &key).map_or((None, false), |(text, is_below)| (Some(text), is_below));
        let shown = text.as_deref().map_or_else(|| "–".to_owned(), short);
        let whole = text.filter(|text| *text != shown);
        let said = [whole, of_below(row, is_below)].into_iter().flatten().collect::<Vec<_>>().join(". ");
        let said = Some(said).filter(|said| !said.is_empty());
        view! { <span class="muted" title=said>{shown}{mark(is_below)}</span> }
    })
    .sorted_by(api::table_view::field(name))
}

/// A number with more digits than a column has room for is rounded; the others stand as they were given.
pub(super) fn short(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() && text.len() > 9 && text.contains('.') => words::figure(value),
        _ => text.to_owned(),
    }
}

/// The metrics, params and tags that there are, in the order in which they are looked at.
pub(super) fn known(facts: &Facts) -> Names {
    facts.keys().known()
}

/// The columns that are shown: those that were chosen, else those that the table chooses. `plain` are those of [`PLAIN`] where
/// the choice does not name them.
fn shown(facts: &Facts, chosen: Option<&Names>, plain: &[String], is_wide: bool) -> Names {
    let Some(chosen) = chosen else { return placed(telling_apart(facts, is_wide), plain) };
    let known = known(facts);
    let is_there = |name: &&String| known.contains(name) || PLAIN.iter().any(|(own, _)| own == name);
    let names: Names = chosen.iter().filter(is_there).cloned().collect();
    if is_whole(chosen) { names } else { placed(names, plain) }
}

/// Metrics, params and tags with what every run has, in the places where nobody chose others.
fn placed(keyed: Names, plain: &[String]) -> Names {
    let plain = PLAIN.iter().map(|(name, _)| (*name).to_owned()).filter(|name| plain.contains(name));
    let (before, behind): (Names, Names) = plain.partition(|name| BEFORE.contains(&name.as_str()));
    before.into_iter().chain(keyed).chain(behind).collect()
}

/// The ranking metric and a few more, and the params that tell runs apart.
fn telling_apart(facts: &Facts, is_wide: bool) -> Names {
    let in_view = &facts.in_view;
    let mut names = facts.keys_in_view().known();
    // Metrics stand first, those behind them that are the same in all of the runs.
    names.sort_by_key(|name| match name.strip_prefix(METRIC) {
        Some(key) if facts.ranked_by.as_ref().is_some_and(|(ranked, _)| ranked == key) => 0,
        Some(key) => u8::from(in_view.alike.contains(key)),
        None => 2,
    });
    // Runs of clients have no columns of a training's beside these.
    let (mut metrics, mut params): (usize, usize) = match (facts.ranked_by.is_some(), is_wide) {
        (true, true) => (5, 5),
        (true, false) => (2, 2),
        (false, true) => (5, 6),
        (false, false) => (3, 3),
    };
    // Each says its experiment, which takes the place of one.
    params = params.saturating_sub(usize::from(facts.is_of_all));
    let is_left_out = |key: &str| in_view.leaves_out(key, &facts.metric_keys, is_wide);
    names.retain(|name| {
        let left = match (name.strip_prefix(METRIC), name.strip_prefix(PARAM)) {
            (Some(key), _) if !key.starts_with("system/") && !is_left_out(key) => &mut metrics,
            (_, Some(key)) if in_view.differing.iter().any(|one| one == key) && !DULL.contains(&key) => &mut params,
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

const OTHER_ROWS: &str = "Validated on other rows than the newest run: of another snapshot, or split otherwise. The metrics can't be compared.";

/// What is worth less than a hundredth has no room for its digits; the run's page has them.
fn cost(row: &RunRow) -> String {
    let currency = row.currency.as_deref().unwrap_or_default();
    match row.cost {
        None => "–".to_owned(),
        Some(cost) if cost > 0.0 && cost < 0.005 => format!("< {}", money(0.01, currency)),
        Some(cost) => money(cost, currency),
    }
}

/// What a run's chip says of the model versions that came from it, and what its tip: where an alias stands at one, that name.
fn registered_as(row: &RunRow) -> Option<(String, String)> {
    let title = "Registered as a model version";
    if row.versions.is_empty() {
        return None;
    }
    Some(match row.aliases.as_slice() {
        [] => ("model".to_owned(), title.to_owned()),
        [only] => (only.clone(), format!("{title}, at which the alias {only} stands")),
        [first, others @ ..] => {
            let all = row.aliases.join(", ");
            (format!("{first} +{}", others.len()), format!("{title}, at which the aliases {all} stand"))
        }
    })
}

/// What a run is called, with what else tells it from the others.
pub(super) fn name_cell(row: &RunRow, best_split: Option<SplitId>) -> impl IntoView + use<> {
    let (tone, word) = (run_tone(row.state), run_word(row.state, row.kind));
    let live = row.state == RunState::Running;
    let dot = match (row.state, tone) {
        (RunState::Finished | RunState::Queued, _) => "dot faint".to_owned(),
        (_, tone) => format!("dot {tone}{}", if live { " live" } else { "" }),
    };
    view! {
        <span class="flex">
            <i class=dot title=word></i>
            <b class="cut">{row.name.clone()}</b>
            {registered_as(row).map(|(said, title)| view! { <span class="chip accent" title=title>{said}</span> })}
            {row.has_other_rows(best_split).then(|| view! { <span class="chip" title=OTHER_ROWS>"other rows"</span> })}
            {row.fraction.filter(|_| live).map(|fraction| view! { <span class="faint caption num">{words::percent((fraction * 100.0).round() / 100.0)}</span> })}
            // In words: in this order a run's parent may stand anywhere, or on another page.
            {under(row).map(|under| view! { <span class="faint caption cut under" title=under.clone()>{under.clone()}</span> })}
        </span>
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{
        super::in_view::InView,
        metrics::{goodness, less_is_better, title_of},
        *,
    };

    fn facts() -> Facts {
        let own = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        Facts {
            below_metrics: BTreeSet::new(),
            below_params: BTreeSet::new(),
            metric_keys: own(&["f1/validation", "loss/train", "loss/validation", "pr_auc/validation", "system/cpu"]),
            rare: Vec::new(),
            tag_keys: Vec::new(),
            param_keys: own(&["device", "l2", "max_depth", "rounds", "seed"]),
            differing: own(&["max_depth", "rounds", "device", "l2"]),
            ranked_by: Some(("pr_auc/validation".to_owned(), true)),
            best_split: None,
            in_view: InView {
                differing: own(&["max_depth", "rounds", "device", "l2"]),
                has_model: true,
                has_snapshot: true,
                ..InView::default()
            },
            is_of_all: false,
        }
    }

    #[test]
    fn a_long_number_is_rounded_and_a_text_is_not() {
        assert_eq!(short("0.11152965712345"), words::figure(0.11152965712345));
        for text in ["0.0001771", "12345678901234", "1.2.3-beta.4567", "resnet50.a1_in1k", "NaN"] {
            assert_eq!(short(text), text);
        }
    }

    /// What is shown where nobody chose.
    fn default(facts: &Facts, is_wide: bool) -> Names {
        shown(facts, None, &telling(facts), is_wide)
    }

    #[test]
    fn nobody_having_chosen_the_ranking_metric_stands_first_and_only_params_that_differ() {
        assert_eq!(
            default(&facts(), false),
            [
                "model",
                "metric.pr_auc/validation",
                "metric.loss/validation",
                "param.max_depth",
                "param.rounds",
                "duration",
                "snapshot",
                "started",
            ]
        );
        let wide = default(&facts(), true);
        assert_eq!(wide.iter().rfind(|name| is_keyed(name)).unwrap(), "param.l2");
        assert!(!wide.iter().any(|name| name.contains("system/") || name == "param.device" || name == "param.seed"));
    }

    #[test]
    fn what_runs_below_have_is_a_column_once() {
        let below = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<BTreeSet<_>>();
        let facts = Facts {
            below_metrics: below(&["loss/train", "val_loss"]),
            below_params: below(&["depth"]),
            in_view: InView { differing: vec!["depth".to_owned()], ..facts().in_view },
            ..facts()
        };
        let known = known(&facts);
        assert_eq!(known.iter().filter(|name| *name == "metric.loss/train").count(), 1);
        assert!(known.contains(&"metric.val_loss".to_owned()) && known.contains(&"param.depth".to_owned()));
        assert!(default(&facts, true).contains(&"param.depth".to_owned()));
        assert!(facts.is_below("metric.val_loss") && facts.is_below("param.depth"));
        assert!(!facts.is_below("metric.depth") && !facts.is_below("duration"));
    }

    #[test]
    fn a_runs_chip_says_the_alias_of_its_version() {
        let bare = RunRow::bare(
            api::RunId::from_bytes([1; 16]),
            "r".to_owned(),
            api::run::RunKind::Training,
            RunState::Finished,
        );
        let said = |aliases: &[&str]| {
            let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
            let row = RunRow { versions: vec![api::VersionId::from_bytes([2; 16])], aliases, ..bare.clone() };
            registered_as(&row).unwrap().0
        };
        assert_eq!(registered_as(&bare), None);
        assert_eq!([said(&[]), said(&["champion"]), said(&["champion", "fast"])], ["model", "champion", "champion +1"]);
    }

    #[test]
    fn two_columns_are_not_called_the_same() {
        assert_eq!(title_of(&facts(), "f1/validation"), "F1");
        let below = Facts { below_metrics: BTreeSet::from(["f1".to_owned()]), ..facts() };
        assert_eq!(
            (title_of(&below, "f1/validation"), title_of(&below, "f1")),
            ("F1, validation".to_owned(), "F1".to_owned())
        );
    }

    #[test]
    fn what_few_runs_have_comes_behind_what_most_have() {
        let in_view = InView { rare: vec!["loss/validation".to_owned()], ..facts().in_view };
        let rare = Facts { ranked_by: None, in_view, ..facts() };
        assert_eq!(default(&rare, false)[1], "metric.f1/validation");
        assert!(default(&rare, true).contains(&"metric.loss/validation".to_owned()));
    }

    #[test]
    fn what_tells_the_runs_in_view_apart_comes_first() {
        let own = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<BTreeSet<_>>();
        let in_view = InView {
            differing: ["l2", "max_depth", "rounds"].map(str::to_owned).to_vec(),
            alike: own(&["pr_auc/validation", "loss/validation"]),
            absent: own(&["loss/train"]),
            ..facts().in_view
        };
        let filtered = Facts { in_view, ..facts() };
        let keyed = |facts: &Facts, is_wide| {
            default(facts, is_wide).into_iter().filter(|name| is_keyed(name)).collect::<Vec<_>>()
        };
        let narrow = ["metric.pr_auc/validation", "metric.f1/validation", "param.l2", "param.max_depth"];
        assert_eq!(keyed(&filtered, false), narrow);
        let wide = keyed(&filtered, true);
        assert_eq!(wide[..3], ["metric.pr_auc/validation", "metric.f1/validation", "metric.loss/validation"]);
        assert!(!wide.contains(&"metric.loss/train".to_owned()), "none of them has it");
        // What charts are drawn of does not follow a filter, which a brush of theirs may be.
        assert_eq!(filtered.keys().first_axes(), facts().keys().first_axes());
        let chosen = ["name", "metric.loss/train", "param.seed"].map(str::to_owned).to_vec();
        let of_person = |facts: &Facts| shown(facts, Some(&chosen), &telling(facts), true);
        assert_eq!(of_person(&filtered), of_person(&facts()), "nor does what a person chose");
    }

    #[test]
    fn of_clients_figures_those_stand_first_that_say_what_is_good() {
        let keys = ["grad_norm", "loss", "lr", "lr_schedule", "mean_iou", "test/accuracy", "val/n", "val_loss"];
        let metric_keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let clients = Facts { metric_keys, ranked_by: None, ..facts() };
        let named: Names = known(&clients).into_iter().filter(|name| name.starts_with(METRIC)).collect();
        let keys: Vec<&str> = named.iter().filter_map(|name| name.strip_prefix(METRIC)).collect();
        assert_eq!(keys, ["test/accuracy", "val_loss", "loss", "mean_iou", "val/n", "grad_norm", "lr", "lr_schedule"]);
        // Of what nobody knows what is good no cell is the best.
        let told = Told::default();
        let is_shaded =
            |key: &str| metric_columns(&clients, key, Some((0.0, 1.0)), true, (&told, None))[0].shade.is_some();
        assert!(is_shaded("loss") && is_shaded("test/accuracy") && !is_shaded("grad_norm"));
        let diverged = metric_columns(&clients, "loss", Some((0.1, f64::INFINITY)), true, (&told, None));
        assert!(diverged[0].shade.is_none(), "beside infinity each would be the best");
    }

    #[test]
    fn what_was_chosen_is_shown_whatever_the_width_and_what_is_unknown_here_waits() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Names>();
        let chosen = names(&["name", "ended", "param.seed", "state", "metric.system/cpu", "metric.gone", "gone"]);
        for is_wide in [false, true] {
            let shown = shown(&facts(), Some(&chosen), &telling(&facts()), is_wide);
            assert_eq!(shown, ["ended", "param.seed", "state", "metric.system/cpu"]);
        }
        assert!(shown(&facts(), Some(&names(&["name"])), &telling(&facts()), true).is_empty());
    }

    #[test]
    fn a_choice_from_before_the_others_had_a_place_has_them_where_they_stood() {
        let chosen = ["param.seed", "metric.system/cpu"].map(str::to_owned).to_vec();
        let now = shown(&facts(), Some(&chosen), &telling(&facts()), true);
        assert_eq!(now, ["model", "param.seed", "metric.system/cpu", "duration", "snapshot", "started"]);
        let wanted = ["state".to_owned(), "experiment".to_owned()];
        assert_eq!(shown(&facts(), Some(&chosen), &wanted, true)[..2], ["experiment", "param.seed"]);
        assert_eq!(shown(&facts(), Some(&Names::new()), &wanted, true), ["experiment", "state"]);
        assert_eq!(whole(now)[..2], ["name", "model"]);
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
    fn less_of_a_loss_is_better_and_what_ranks_says_it_of_itself() {
        let ranked = ("cost".to_owned(), false);
        let less = |key| less_is_better(Some(&ranked), key);
        assert_eq!(["cost", "loss/train", "accuracy", "anything"].map(less), [true, true, false, false]);
        assert!(!less_is_better(Some(&("loss".to_owned(), true)), "loss"));
    }

    #[test]
    fn the_best_figure_is_coloured_most() {
        assert_eq!(goodness(0.9, 0.5, 0.9, true), 1.0);
        assert_eq!(goodness(0.9, 0.5, 0.9, false), 0.0);
        assert_eq!(goodness(f64::NAN, 0.5, 0.9, false), 0.0);
        assert_eq!(goodness(f64::INFINITY, 0.5, 0.9, true), 0.0);
    }
}
