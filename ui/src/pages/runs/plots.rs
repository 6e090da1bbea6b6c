//! Runs drawn instead of listed, those that the filter matches or those that are compared: parallel coordinates, a
//! scatter, and what a metric follows.
//!
//! What is drawn, of which values, and what is brushed of it stands in the address (`?view=parallel&axes=…&brush=…`).

pub(super) mod importance;
mod parallel;
mod scatter;
mod values;

use api::{
    ApiError,
    run_table::{GroupRuns, Listing, PickRuns, Pieces, TabulateRuns},
    table_view::Plotted,
};
use charts::{
    role::Role,
    runs::{Cells, MOST},
    shape::Mark,
};
use leptos::{prelude::*, task::spawn_local};

use self::values::of_compared;
use super::{
    Facts,
    columns::{self, METRIC, Names},
    comparison::{legend, marks},
    overlaid::Compared,
};
use crate::{
    client::{Client, events::sleep, pace, query::paced},
    parts::{curves::NAMED, field::Segments, words},
};

/// Whose runs are drawn.
#[derive(Clone, Copy)]
pub(super) enum Whose {
    /// Those that the table's filter matches.
    Listed(Signal<Option<Listing>>),
    /// With what groups are made by, where each has the colour that it has beside the charts.
    Compared(Memo<Vec<Compared>>, Option<RwSignal<String>>),
}

/// What can be done with the runs that are brushed besides filtering to them.
#[derive(Clone, Copy)]
pub(super) struct These {
    pub(super) label: &'static str,
    /// With their ids, in the order of the table.
    pub(super) act: Callback<Vec<String>>,
}

/// The view that is no chart: what the compared runs logged beside numbers.
pub(super) const MEDIA: &str = "media";

/// What stands beside the filter line: the table, or one of the charts.
#[component]
pub(super) fn Switcher(plotted: RwSignal<Plotted>) -> impl IntoView {
    let options = vec![("", "Table"), ("parallel", "Parallel"), ("scatter", "Scatter"), ("importance", "Importance")];
    view! { <Choice plotted options /> }
}

/// The same of compared runs: their curves, one of the charts, or their media.
#[component]
pub(super) fn CanvasSwitcher(plotted: RwSignal<Plotted>) -> impl IntoView {
    let options = [("", "Curves"), ("parallel", "Parallel"), ("scatter", "Scatter"), ("importance", "Importance")];
    let options = options.into_iter().chain([(MEDIA, "Media")]).collect::<Vec<_>>();
    view! { <Choice plotted options /> }
}

/// The same of a search's trials, which have a table of their own.
#[component]
pub(super) fn TrialsSwitcher(plotted: RwSignal<Plotted>) -> impl IntoView {
    let options = vec![("parallel", "Parallel"), ("scatter", "Scatter"), ("importance", "Importance")];
    view! { <Choice plotted options /> }
}

#[component]
fn Choice(plotted: RwSignal<Plotted>, options: Vec<(&'static str, &'static str)>) -> impl IntoView {
    let view = RwSignal::new(plotted.with_untracked(|plotted| plotted.view.clone()));
    Effect::new(move |_| view.set(plotted.with(|plotted| plotted.view.clone())));
    let chosen = Callback::new(move |()| plotted.update(|plotted| plotted.view = view.get_untracked()));
    view! { <Segments value=view options name="What the runs are shown as" on_choose=chosen /> }
}

/// The chart that the address asks for.
#[component]
pub(super) fn Plots(
    whose: Whose,
    plotted: RwSignal<Plotted>,
    #[prop(into)] facts: Signal<Facts>,
    /// Where what is brushed can be made a filter.
    filter: Option<RwSignal<String>>,
    on_open: Callback<String>,
    /// What else what is brushed can be made.
    #[prop(optional)]
    these: Option<These>,
    /// Compared runs as a list, which an importance is of.
    #[prop(optional, into)]
    list: Option<Signal<Option<Listing>>>,
) -> impl IntoView {
    let list = match whose {
        Whose::Listed(list) => Some(list),
        Whose::Compared(..) => list,
    };
    let view = Memo::new(move |_| plotted.with(|plotted| plotted.view.clone()));
    view! {
        <div class="run-plots">
            {move || match view.get().as_str() {
                "parallel" => view! { <parallel::ParallelView whose plotted facts filter these on_open /> }.into_any(),
                "scatter" => view! { <scatter::ScatterView whose plotted facts on_open /> }.into_any(),
                "importance" => match list {
                    Some(list) => view! { <importance::ImportanceView list plotted facts /> }.into_any(),
                    None => ().into_any(),
                },
                _ => ().into_any(),
            }}
        </div>
    }
}

/// The metric that a chart is about until a person chooses: the one that ranks, else the first that is no machine's.
fn first_metric(facts: &Facts) -> Option<String> {
    facts.keys().first_metric()
}

/// Names of columns as a choice: each with what it is called.
fn options(names: impl IntoIterator<Item = String>) -> Vec<(String, String)> {
    let option = |name: String| {
        let label = axis_called(&name);
        let said = match columns::called(&name).0 {
            "Metrics" => format!("{label} (metric)"),
            "Parameters" => format!("{label} (param)"),
            "Tags" => format!("{label} (tag)"),
            _ => label,
        };
        (name, said)
    };
    names.into_iter().map(option).collect()
}

/// What a column is called as an axis: with its unit.
fn axis_called(name: &str) -> String {
    match name {
        "duration" => "Duration (s)".to_owned(),
        _ => columns::called(name).1,
    }
}

/// The columns that may be an axis: metrics, params and tags, and of what every run has the numbers and its begin. The
/// trials of a search are told by what it tries alone.
fn axes_known(facts: &Facts, whose: Whose) -> Names {
    let mut names = columns::known(facts);
    if matches!(whose, Whose::Compared(_, None)) {
        return names;
    }
    names.extend(["duration", "started"].map(str::to_owned));
    // What compared runs cost is not told with them.
    names.extend(facts.in_view.has_cost.then(|| "cost".to_owned()));
    names
}

/// How many minutes this browser's clock is ahead of UTC.
fn zone_minutes() -> i32 {
    -js_sys::Date::new_0().get_timezone_offset() as i32
}

/// Cells as they are fetched.
#[derive(Clone, Copy)]
struct Fetched {
    cells: RwSignal<Option<Cells>>,
    error: RwSignal<Option<ApiError>>,
    /// Fetches them again, after a failure.
    again: Callback<()>,
}

/// The cells of the runs, piece by piece, and again when their figures change.
fn fetched(whose: Whose, names: Memo<Names>) -> Fetched {
    let client = Client::get();
    let (cells, error) = (RwSignal::new(None), RwSignal::new(None));
    let list = match whose {
        Whose::Listed(list) => list,
        // Of these all is here.
        Whose::Compared(chosen, bands) => {
            let fetched = Fetched { cells, error, again: Callback::new(|()| {}) };
            Effect::new(move |_| {
                let cells = chosen.with(|chosen| {
                    let (total, drawn) = (chosen.len() as u64, &chosen[..chosen.len().min(MOST as usize)]);
                    let known = |bands: &String| (marks(chosen, bands), legend(chosen, bands));
                    let (mut marks, legend) = bands.map(|bands| bands.with(known)).unwrap_or_default();
                    marks.truncate(drawn.len());
                    names.with(|names| Cells {
                        total,
                        marks,
                        legend,
                        zone_minutes: zone_minutes(),
                        ..of_compared(drawn, names)
                    })
                });
                fetched.cells.set(Some(cells));
            });
            return fetched;
        }
    };
    // Announces runs that come, go or log: it is one group of all of them.
    let asked = move || {
        let metrics =
            names.with(|names| names.iter().filter_map(|name| name.strip_prefix(METRIC)).map(str::to_owned).collect());
        let list = Listing { sort: None, descending: false, ..list.get()? };
        Some(GroupRuns { list, by: Vec::new(), metrics, validated_on: None, offset: 0, limit: Some(1) })
    };
    let figures = paced(asked, pace::LIST_MS);
    let fetched = Fetched { cells, error, again: Callback::new(move |()| figures.refresh()) };
    let turn = StoredValue::new(Turn::default());
    Effect::new(move |_| {
        fetched.error.set(figures.error.get());
        // Without a list it is covered: what was drawn stays.
        let (Some(list), names) = (list.get(), names.get()) else { return };
        if figures.value.with(Option::is_none) {
            return;
        }
        let own = turn.try_update_value(|turn| turn.begins((list.clone(), names.clone())));
        let Some(Some(own)) = own else { return };
        spawn_local(async move {
            loop {
                let answer = all(client, list.clone(), names.clone()).await;
                if turn.try_update_value(|turn| turn.is_wanted(own)) != Some(true) {
                    return;
                }
                let mut count = 0;
                match answer {
                    Ok(cells) => {
                        count = cells.ids.len();
                        drop(fetched.cells.try_set(Some(cells)));
                    }
                    Err(error) => drop(fetched.error.try_set(Some(error))),
                }
                sleep(pace::of_cells(count)).await;
                let Some(Some(true)) = turn.try_update_value(|turn| turn.ends(own)) else { return };
                if turn.try_update_value(|turn| turn.goes_on(own)) != Some(true) {
                    return;
                }
            }
        });
    });
    fetched
}

/// One fetch of some rows at a time: those of one that lasts longer than the runs are quiet come all the same.
#[derive(Debug, Default)]
struct Turn {
    asked: Option<(Listing, Names)>,
    generation: u64,
    is_busy: bool,
    is_stale: bool,
}

impl Turn {
    /// The number of the fetch that begins now; none where one of the same rows is under way, which then goes on.
    /// Another question does not wait for an answer that nobody wants any more.
    fn begins(&mut self, asked: (Listing, Names)) -> Option<u64> {
        if self.is_busy && self.asked.as_ref() == Some(&asked) {
            self.is_stale = true;
            return None;
        }
        *self = Self { asked: Some(asked), generation: self.generation + 1, is_busy: true, is_stale: false };
        Some(self.generation)
    }

    /// Whether nothing else was asked for since.
    const fn is_wanted(&self, generation: u64) -> bool {
        generation == self.generation
    }

    /// Whether what came must be fetched once more; nothing where nobody wants it.
    fn ends(&mut self, generation: u64) -> Option<bool> {
        if !self.is_wanted(generation) {
            return None;
        }
        self.is_busy = self.is_stale;
        Some(self.is_stale)
    }

    /// Whether it is still to be fetched after a pause.
    fn goes_on(&mut self, generation: u64) -> bool {
        let is_wanted = self.is_wanted(generation);
        self.is_stale &= !is_wanted;
        is_wanted
    }
}

async fn all(client: Client, list: Listing, names: Names) -> Result<Cells, ApiError> {
    let columns = Cells::asked(&names);
    let picked = client.call(PickRuns { list: list.clone(), offset: 0, limit: Some(MOST), evenly_by: None }).await?;
    let mut pieces = Pieces::of(picked.runs);
    let mut cells = Cells { total: picked.total, zone_minutes: zone_minutes(), ..Cells::default() };
    loop {
        let runs = pieces.following();
        if runs.is_empty() {
            return Ok(cells);
        }
        let request = TabulateRuns { list: list.clone(), columns: columns.clone(), offset: 0, limit: None, runs };
        let answer = client.call(request).await?;
        pieces.came(answer.looked_at);
        cells.add(&names, answer);
    }
}

/// The rows of a legend of so many that are told by their marks; none of one, or of too many.
fn told(cells: Option<&Cells>) -> Vec<(Mark, String)> {
    let legend = cells.map(|cells| cells.legend.clone()).unwrap_or_default();
    if (2..=NAMED).contains(&legend.len()) { legend } else { Vec::new() }
}

/// Whose each line or point is, where the runs have marks of their own.
#[component]
fn Legend(
    cells: RwSignal<Option<Cells>>,
    /// Whether they are points, told by their shapes.
    #[prop(optional)]
    of_points: bool,
    /// Whether their colours say something else.
    #[prop(into)]
    is_shaded: Signal<bool>,
) -> impl IntoView {
    let rows = Memo::new(move |_| cells.with(|cells| told(cells.as_ref())));
    move || {
        let rows = rows.get();
        let swatch = |mark: Mark| {
            let role = if is_shaded.get() { Role::Muted } else { mark.role };
            let shape = if of_points { mark.shape.class() } else { "" };
            format!("swatch fill {} {shape}", role.class())
        };
        (!rows.is_empty()).then(|| {
            let row = |(mark, name): (Mark, String)| {
                let is_dashed = !of_points && mark.is_dashed;
                view! { <span><i class=swatch(mark) class:dashed=is_dashed></i>{name}</span> }
            };
            view! { <div class="legend">{rows.into_iter().map(row).collect_view()}</div> }
        })
    }
}

/// How many runs are drawn, where they were cut, and from how many on they are drawn together rather than one by one.
fn how_many(cells: &Cells, (one_by_one, together): (usize, &str)) -> String {
    let shown = cells.ids.len() as u64;
    let said = if shown < cells.total {
        format!("the first {} of {} runs, by the table's order", words::count(shown), words::count(cells.total))
    } else {
        words::counted(shown, "run", "runs")
    };
    if cells.ids.len() > one_by_one { format!("{said}, {together}") } else { said }
}

#[cfg(test)]
mod tests {
    use api::tracking::Scope;

    use super::*;

    #[test]
    fn how_many_are_drawn_is_said() {
        let cells = |shown: usize, total: u64| Cells { ids: vec![String::new(); shown], total, ..Cells::default() };
        let told = |cells: &Cells| how_many(cells, (2, "as a density"));
        assert_eq!(told(&cells(1, 1)), "1 run");
        assert_eq!(told(&cells(3, 3)), "3 runs, as a density");
        assert_eq!(told(&cells(3, 9)), "the first 3 of 9 runs, by the table's order, as a density");
    }

    #[test]
    fn each_axis_says_what_it_is_of() {
        let names = ["metric.loss", "param.a", "tag.team", "duration", "started", "cost"].map(str::to_owned);
        let said: Vec<String> = options(names).into_iter().map(|(_, said)| said).collect();
        assert_eq!(said, ["Loss (metric)", "a (param)", "team (tag)", "Duration (s)", "Started", "Cost"]);
    }

    #[test]
    fn a_fetch_that_lasts_is_not_begun_anew_by_each_change() {
        let list = Listing { of: Scope::All, deleted: false, filter: String::new(), sort: None, descending: false };
        let asked = |name: &str| (list.clone(), vec![name.to_owned()]);
        let mut turn = Turn::default();
        assert_eq!(turn.begins(asked("param.lr")), Some(1));
        assert_eq!([turn.begins(asked("param.lr")), turn.begins(asked("param.lr"))], [None, None]);
        assert_eq!(turn.ends(1), Some(true), "what came is drawn, and what changed meanwhile is fetched once");
        assert_eq!(turn.begins(asked("param.lr")), None, "that one is under way");
        assert!(turn.goes_on(1));
        assert_eq!(turn.ends(1), Some(false));
        assert_eq!(turn.begins(asked("param.lr")), Some(2));
        assert_eq!(turn.begins(asked("param.depth")), Some(3), "another axis waits for nothing");
        assert_eq!((turn.ends(2), turn.ends(3)), (None, Some(false)));
    }
}
