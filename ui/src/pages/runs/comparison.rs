//! How a comparison is looked at: along what, on which axes, in which groups, beside which baseline. It stands in the
//! address, so that a link shows the same.

use std::collections::{BTreeMap, BTreeSet};

use api::{grouping, id::RunId, run_table::parts, table_view::field};
use charts::{
    group,
    line::{Line, Weight},
    role::Role,
    shape::Mark,
};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use super::{
    columns::metrics::ByMetric,
    groups::{choices, title_of},
    overlaid::Compared,
    overlay::is_system,
};
use crate::{
    frame::address::keep_in_address,
    parts::{
        curve_look::{CURVES, Look, LookChoice},
        curves::NAMED,
        field::{Select, Switch},
    },
};

/// How runs are laid over each other.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pub(super) look: Look,
    /// What groups are made by, as a filter names it, by commas; empty where each run has its line.
    pub(super) bands: RwSignal<String>,
    /// The baseline's id.
    pub(super) pin: RwSignal<String>,
    /// Whether what the machine did is shown, too.
    pub(super) system: RwSignal<bool>,
    /// Whether more of a figure is better, where a person says so of the table's.
    pub(super) better: Signal<ByMetric>,
}

impl Seen {
    /// Each run a line over steps.
    pub(super) fn plain(look: Look) -> Self {
        let text = || RwSignal::new(String::new());
        let better = Signal::stored(ByMetric::new());
        Self { look, bands: text(), pin: text(), system: RwSignal::new(false), better }
    }

    /// As the address says, which then follows what is chosen.
    pub(super) fn of_address(query: Memo<ParamsMap>) -> Self {
        let seen = Self::plain(Look::new().of_address(query, CURVES));
        let given = |key: &str| query.with_untracked(|query| query.get(key)).unwrap_or_default();
        seen.bands.set(given("bands"));
        seen.pin.set(given("pin"));
        seen.system.set(given(SYSTEM) == "1");
        keep_in_address(move || {
            vec![("bands", seen.bands.get()), ("pin", seen.pin.get()), (SYSTEM, said_of(seen.system))]
        });
        seen
    }

    pub(super) fn pinned(self) -> Option<RunId> {
        self.pin.with(|pin| pin.parse().ok())
    }

    /// Pins a run, or none where it is the one.
    pub(super) fn toggle_pin(self, run: RunId) {
        let is_pinned = self.pin.with_untracked(|pin| pin.parse() == Ok(run));
        self.pin.set(if is_pinned { String::new() } else { run.to_string() });
    }
}

/// What the address calls the switch that shows what the machine did.
pub(super) const SYSTEM: &str = "system";

/// What the address says of it.
pub(super) fn said_of(is_on: RwSignal<bool>) -> String {
    if is_on.get() { "1".to_owned() } else { String::new() }
}

/// Whether something is known of what the machine did.
pub(super) fn is_measured(runs: &[Compared]) -> bool {
    runs.iter().flat_map(|run| run.values.keys()).any(|key| is_system(key))
}

/// The switch that shows what the machine did, where something is known of it.
#[component]
pub(super) fn SystemSwitch(value: RwSignal<bool>, #[prop(into)] is_there: Signal<bool>) -> impl IntoView {
    let shows = Memo::new(move |_| is_there.get() || value.get());
    move || shows.get().then(|| view! { <Switch value label="System metrics" /> })
}

/// What a run's group is called.
fn group_of(run: &Compared, bands: &str) -> String {
    group::called(grouping::values_of((&run.params, &run.tags, &run.own), bands))
}

/// The groups of runs, numbers in their order.
pub(super) fn groups(runs: &[Compared], bands: &str) -> Vec<String> {
    group::in_order(runs.iter().map(|run| group_of(run, bands)))
}

/// The place of each run among the colours: its own, or its group's.
fn places(runs: &[Compared], bands: &str) -> Vec<usize> {
    if bands.is_empty() {
        return runs.iter().map(|run| run.place).collect();
    }
    let groups = groups(runs, bands);
    let place = |run: &Compared| {
        let own = group_of(run, bands);
        groups.iter().position(|group| *group == own).unwrap_or(0)
    };
    runs.iter().map(place).collect()
}

/// The colour of each run: its own, or its group's.
pub(super) fn roles(runs: &[Compared], bands: &str) -> BTreeMap<RunId, Role> {
    runs.iter().zip(places(runs, bands)).map(|(run, at)| (run.id, Role::series(at))).collect()
}

/// The mark of the run at this place, or of the group: those of groups are not dashed, as their curves are not.
const fn mark_at(place: usize, bands: &str) -> Mark {
    let mark = Mark::series(place);
    Mark { is_dashed: bands.is_empty() && mark.is_dashed, ..mark }
}

/// The mark of each run.
pub(super) fn marks(runs: &[Compared], bands: &str) -> Vec<Mark> {
    places(runs, bands).into_iter().map(|place| mark_at(place, bands)).collect()
}

/// What a legend says of them: a run, or a group, each.
pub(super) fn legend(runs: &[Compared], bands: &str) -> Vec<(Mark, String)> {
    let names: Vec<(usize, String)> = if bands.is_empty() {
        runs.iter().map(|run| (run.place, run.called())).collect()
    } else {
        groups(runs, bands).into_iter().enumerate().collect()
    };
    names.into_iter().map(|(place, name)| (mark_at(place, bands), name)).collect()
}

/// The lines to draw: one a run, or one a group with its mean ± standard deviation, and the baseline over all.
pub(super) fn drawn(mut lines: Vec<(RunId, Line)>, runs: &[Compared], bands: &str, pinned: Option<RunId>) -> Vec<Line> {
    let baseline = lines.iter().find(|(run, _)| Some(*run) == pinned).map(|(_, line)| line.clone());
    if bands.is_empty() {
        let is_many = lines.len() > NAMED;
        for (run, line) in &mut lines {
            if Some(*run) == pinned {
                line.weight = Weight::Strong;
            } else if is_many {
                line.weight = Weight::Thin;
            }
            line.is_dashed = runs.iter().find(|one| one.id == *run).is_some_and(Compared::is_dashed);
        }
        // The baseline is drawn last, over the others.
        lines.sort_by_key(|(run, _)| Some(*run) == pinned);
        return lines.into_iter().map(|(_, line)| line).collect();
    }
    let of_runs: BTreeMap<RunId, String> = runs.iter().map(|run| (run.id, group_of(run, bands))).collect();
    let members = lines.into_iter().filter_map(|(run, line)| Some((of_runs.get(&run)?.clone(), line)));
    let mut all = group::means(members.collect(), &groups(runs, bands));
    all.extend(baseline.map(Line::over_groups));
    all
}

/// The choices above the charts.
#[component]
pub(super) fn Tools(seen: Seen, chosen: Memo<Vec<Compared>>) -> impl IntoView {
    let keys = Signal::derive(move || {
        let keys: BTreeSet<String> =
            chosen.with(|chosen| chosen.iter().flat_map(|run| run.curves.iter().cloned()).collect());
        keys.into_iter().collect::<Vec<_>>()
    });
    let is_there = Memo::new(move |_| chosen.with(|chosen| is_measured(chosen)));
    let bands = Signal::derive(move || {
        let mut options = vec![(String::new(), "No groups".to_owned())];
        let (params, tags, own) = chosen.with(|chosen| {
            let params = chosen.iter().flat_map(|run| run.params.keys().cloned()).collect::<BTreeSet<String>>();
            let tags = chosen.iter().flat_map(|run| run.tags.keys().cloned()).collect::<BTreeSet<String>>();
            let own = chosen.iter().flat_map(|run| run.own.keys().copied()).collect::<BTreeSet<&str>>();
            (params, tags, own)
        });
        let offered = choices(params.iter(), tags.iter());
        // What none of them has makes one group of all.
        let is_had = |(name, ..): &(String, String, &str)| name.contains('.') || own.contains(name.as_str());
        let offered = offered.into_iter().filter(is_had);
        options.extend(offered.map(|(name, label, _)| (field(&name), format!("By {label}"))));
        let now = seen.bands.get();
        if options.iter().all(|(name, _)| *name != now) {
            let titles = parts(&now).into_iter().map(title_of).collect::<Vec<_>>().join(", ");
            options.push((now, format!("By {titles}")));
        }
        options
    });
    view! {
        <LookChoice look=seen.look keys />
        <Select value=seen.bands options=bands name="Groups" />
        <SystemSwitch value=seen.system is_there />
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> RunId {
        RunId::from_bytes([number; 16])
    }

    fn run(number: u8, lr: &str) -> Compared {
        let params = [("lr".to_owned(), lr.to_owned())].into();
        Compared {
            id: id(number),
            name: format!("r{number}"),
            place: usize::from(number),
            began_ms: 0,
            duration_secs: None,
            params,
            tags: BTreeMap::new(),
            own: Default::default(),
            values: BTreeMap::new(),
            curves: BTreeSet::new(),
            is_deleted: false,
            of_kept: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    #[test]
    fn runs_are_grouped_by_whatever_the_table_groups_them_by() {
        let of_state = |number: u8, state: &str| Compared {
            own: [("state", state.to_owned())].into(),
            ..run(number, if number > 2 { "1" } else { "2" })
        };
        let runs = [of_state(1, "finished"), of_state(2, "failed"), of_state(3, "finished")];
        assert_eq!(groups(&runs, "state"), ["failed", "finished"]);
        assert_eq!(groups(&runs, "state,param.lr"), ["failed · 2", "finished · 1", "finished · 2"]);
        assert_eq!(groups(&runs, "device"), ["–"]);
    }

    fn line(number: u8, x: &[f64], y: &[f64]) -> (RunId, Line) {
        (id(number), Line::new(format!("r{number}"), Role::series(0), x.to_vec(), y.to_vec()))
    }

    #[test]
    fn a_group_is_its_mean_with_its_deviation_and_numbers_stand_in_their_order() {
        let runs = [run(1, "10"), run(2, "9"), run(3, "10")];
        assert_eq!(groups(&runs, "param.lr"), ["9", "10"]);
        let lines = vec![line(1, &[0.0, 1.0], &[1.0, 2.0]), line(2, &[0.0], &[5.0]), line(3, &[0.0, 1.0], &[3.0, 4.0])];
        let all = drawn(lines, &runs, "param.lr", Some(id(2)));
        let names: Vec<&str> = all.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["9 (1 run)", "10 (2 runs)", "r2"]);
        assert_eq!(all[1].y, [2.0, 3.0]);
        let deviation = 2.0_f64.sqrt();
        assert!((all[1].band[0].1 - 2.0 - deviation).abs() < 1e-12, "{:?}", all[1].band);
        assert_eq!((all[2].weight, all[2].is_dashed), (Weight::Strong, true));
        assert_eq!(roles(&runs, "param.lr")[&id(3)], Role::series(1));
    }

    #[test]
    fn wherever_a_run_is_drawn_it_has_the_dash_of_its_curve_and_a_shape() {
        let runs: Vec<Compared> = (0..10).map(|number| run(number, if number < 9 { "1" } else { "2" })).collect();
        let lines = (0..10).map(|number| line(number, &[0.0], &[1.0])).collect();
        let own = marks(&runs, "");
        let curves: Vec<bool> = drawn(lines, &runs, "", None).iter().map(|line| line.is_dashed).collect();
        assert_eq!(own.iter().map(|mark| mark.is_dashed).collect::<Vec<_>>(), curves);
        assert_eq!(own[0].role, own[8].role);
        assert_ne!(own[0].shape, own[8].shape);
        let told = legend(&runs, "");
        assert_eq!((told.len(), told[8].0, told[8].1.as_str()), (10, own[8], "r8"));
        // A group has one mark, that of all its runs.
        let groups = legend(&runs, "param.lr");
        assert_eq!(groups.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["1", "2"]);
        let of_runs = marks(&runs, "param.lr");
        assert_eq!((of_runs[0], of_runs[8], of_runs[9]), (groups[0].0, groups[0].0, groups[1].0));
    }

    #[test]
    fn a_deleted_run_is_called_so_where_its_name_stands_alone() {
        let gone = Compared { is_deleted: true, ..run(2, "1") };
        assert_eq!((gone.called().as_str(), gone.name.as_str()), ("r2 (deleted)", "r2"));
        let told: Vec<String> = legend(&[run(1, "1"), gone], "").into_iter().map(|(_, name)| name).collect();
        assert_eq!(told, ["r1", "r2 (deleted)"]);
    }

    #[test]
    fn of_very_many_lines_each_is_thin_and_the_baseline_is_over_them() {
        let runs: Vec<Compared> = (0..20).map(|number| run(number, "1")).collect();
        let mut lines: Vec<_> = (0..20).map(|number| line(number, &[0.0], &[1.0])).collect();
        lines[7].1.band = vec![(0.5, 9.0)];
        let all = drawn(lines.clone(), &runs, "", Some(id(3)));
        assert!(all.iter().any(|line| line.band == [(0.5, 9.0)]), "no extreme is dropped");
        assert_eq!((all.len(), all[19].name.as_str(), all[19].weight), (20, "r3", Weight::Strong));
        assert!(all[..19].iter().all(|line| line.weight == Weight::Thin));
        // The colours come again from the ninth on: those lines are dashed.
        let dashed: Vec<&str> = all.iter().filter(|line| line.is_dashed).map(|line| line.name.as_str()).collect();
        assert_eq!(dashed, ["r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"]);
        let few = drawn(lines[..3].to_vec(), &runs, "", None);
        assert!(few.iter().all(|line| line.weight == Weight::Plain));
    }
}
