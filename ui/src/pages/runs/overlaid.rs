//! What several runs show together: one chart a figure with a line a run or a group.

use std::collections::{BTreeMap, BTreeSet};

use api::{
    grouping::Own,
    id::RunId,
    run::{MetricSummary, Run, RunRow, seconds, step_metric},
};
use charts::{axis::Axis, line::LineChart};
use leptos::prelude::*;

use super::{
    colours::is_dashed_at,
    comparison::{self, Seen},
    overlay::is_system,
};
use crate::parts::{
    chart::{ChartCard, looked::Kept},
    curve_look::{Look, shared},
    curves::{RunLines, Wanted, counted, lines_of_runs, most_points, scale},
    kept_figure, words,
};

/// At most so many runs are drawn in the pane beside the table, where there is no room for more names.
pub(super) const DRAWN: usize = 8;

/// Of a run what is laid beside others.
#[derive(Clone, PartialEq)]
pub(super) struct Compared {
    pub(super) id: RunId,
    pub(super) name: String,
    /// Its place among the colours ([`super::colours`]).
    pub(super) place: usize,
    /// Milliseconds since 1970.
    pub(super) began_ms: i64,
    /// Once it is over.
    pub(super) duration_secs: Option<f64>,
    pub(super) params: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, String>,
    /// What it has of its own that others can share.
    pub(super) own: Own,
    /// The newest value of each figure.
    pub(super) values: BTreeMap<String, f64>,
    /// Figures that are curves: measured more than once.
    pub(super) curves: BTreeSet<String>,
    pub(super) is_deleted: bool,
    /// Figures whose newest value is not what was logged last, but of the model that was kept.
    pub(super) of_kept: Vec<MetricSummary>,
    /// How many points each figure has, where that is known.
    pub(super) counts: BTreeMap<String, u64>,
}

impl Compared {
    /// Whether its colour is also that of a run before it.
    pub(super) fn is_dashed(&self) -> bool {
        is_dashed_at(self.place)
    }

    /// The metric that one of its curves lies over until a person chooses, as its log says.
    fn step_metric(&self, key: &str) -> Option<&str> {
        step_metric(&self.tags, key, |over| self.curves.contains(over))
    }

    /// Its name where there is no place for a mark beside it: of a deleted run it says so.
    pub(super) fn called(&self) -> String {
        if self.is_deleted { format!("{} (deleted)", self.name) } else { self.name.clone() }
    }
}

/// Runs of one name get the end of their ids to it: each line is named, hidden and saved by itself.
pub(super) fn told_apart(mut runs: Vec<Compared>) -> Vec<Compared> {
    let mut times = BTreeMap::<String, usize>::new();
    for run in &runs {
        *times.entry(run.name.clone()).or_default() += 1;
    }
    for run in runs.iter_mut().filter(|run| times.get(&run.name).is_some_and(|times| *times > 1)) {
        let id = run.id.to_string();
        run.name = format!("{} {}", run.name, &id[id.len().saturating_sub(4)..]);
    }
    runs
}

impl From<&RunRow> for Compared {
    fn from(row: &RunRow) -> Self {
        Self {
            id: row.id,
            name: row.name.clone(),
            place: 0,
            began_ms: row.began_ms(),
            duration_secs: row.duration_secs,
            params: row.params.clone(),
            tags: row.tags.clone(),
            own: row.own(),
            values: row.metrics.iter().map(|(key, cell)| (key.clone(), cell.last)).collect(),
            curves: row.metrics.iter().filter(|(_, cell)| cell.spark.len() > 1).map(|(key, _)| key.clone()).collect(),
            // A table is of those that are deleted or of those that are not.
            is_deleted: false,
            of_kept: Vec::new(),
            counts: BTreeMap::new(),
        }
    }
}

impl From<&Run> for Compared {
    fn from(run: &Run) -> Self {
        Self {
            id: run.id,
            name: run.name.clone(),
            place: 0,
            began_ms: run.began_ms(),
            duration_secs: run.started_ms.zip(run.ended_ms).map(|(from, to)| seconds(from, to)),
            params: run.params.clone(),
            tags: run.tags.clone(),
            own: run.own(),
            values: run.metrics.iter().map(|metric| (metric.key.clone(), metric.last)).collect(),
            curves: run.metrics.iter().filter(|metric| metric.count > 1).map(|metric| metric.key.clone()).collect(),
            is_deleted: run.deleted_ms.is_some(),
            of_kept: run.metrics.iter().filter(|metric| kept_figure::of(metric).is_some()).cloned().collect(),
            counts: run.metrics.iter().map(|metric| (metric.key.clone(), metric.count)).collect(),
        }
    }
}

/// The metric that a curve lies over in all runs that have it, as their logs say.
fn own_of<'runs>(runs: &'runs [Compared], key: &str) -> Option<&'runs str> {
    shared(runs.iter().filter(|run| run.curves.contains(key)).map(|run| run.step_metric(key)))
}

/// Where the logs lay a curve that is drawn over another metric it lies so until a person chooses.
pub(super) fn offer_own(look: Look, chosen: Memo<Vec<Compared>>, drawn: Memo<Vec<String>>) {
    let has_own = Memo::new(move |_| {
        chosen.with(|chosen| drawn.with(|drawn| drawn.iter().any(|key| own_of(chosen, key).is_some())))
    });
    Effect::new(move |before: Option<bool>| {
        let now = has_own.get();
        if now && before != Some(true) {
            look.offer_own();
        }
        now
    });
}

/// How many of the runs have the curve, where not all have: said beside its name.
fn having(runs: &[Compared], key: &str) -> Option<String> {
    let drawn = runs.iter().filter(|run| run.curves.contains(key)).count();
    if drawn == runs.len() {
        return None;
    }
    let is_once = |run: &Compared| !run.curves.contains(key) && run.values.contains_key(key);
    // One value is no curve.
    let have = match (runs.iter().any(is_once), drawn) {
        (false, _) => "",
        (true, 1) => " has more than one point",
        (true, _) => " have more than one point",
    };
    let all = words::counted(runs.len() as u64, "run", "runs");
    Some(format!("{} of {all}{have}", words::count(drawn as u64)))
}

/// One figure of all runs.
#[component]
pub(super) fn Overlaid(
    key: String,
    chosen: Memo<Vec<Compared>>,
    cross: RwSignal<Option<f64>>,
    seen: Seen,
    #[prop(default = 190.0)] height: f64,
    /// Where it is kept how a person looks at it.
    #[prop(optional)]
    kept: Option<Kept>,
) -> impl IntoView {
    let laid_over = {
        let key = key.clone();
        Memo::new(move |_| chosen.with(|chosen| own_of(chosen, &key).map(ToOwned::to_owned)))
    };
    let look = seen.look.of_chart(laid_over);
    // What lies along something of its own has no place in common with the others.
    let cross = if laid_over.with_untracked(Option::is_some) { RwSignal::new(None) } else { cross };
    let zoom = RwSignal::new(kept.as_ref().and_then(Kept::zoom));
    let (title, unit, part) = words::in_unit(&key);
    let is_machine = is_system(&key);
    let (asked, name) = (key.clone(), key.clone());
    let wanted = move |key: &str| {
        chosen.with(|chosen| {
            let roles = comparison::roles(chosen, "");
            let with = chosen.iter().filter(|run| run.curves.contains(key));
            let wanted = |run: &Compared| {
                let (name, role) = (run.called(), *roles.get(&run.id)?);
                Some(Wanted { run: run.id, key: key.to_owned(), name, role, began_ms: run.began_ms })
            };
            with.filter_map(wanted).collect()
        })
    };
    let (own, fetching) = lines_of_runs(move || wanted(&asked), move || look.along(), move || look.over(), zoom);
    let curves = Memo::new(move |_| {
        let RunLines { lines, left_out, one_in, .. } = own.get();
        let mut lines =
            seen.bands.with(|bands| chosen.with(|chosen| comparison::drawn(lines, chosen, bands, seen.pinned())));
        scale(&mut lines, part);
        (lines, left_out, one_in)
    });
    // Sixty rounds beside two thousand steps are a stroke at the edge: such runs start as shares.
    let differ = Memo::new(move |_| {
        // What the machine did says nothing of how long the others are.
        if is_machine || look.by_metric().is_some() {
            return false;
        }
        let ends = own.with(|own| own.lines.iter().filter_map(|(_, line)| line.x.last().copied()).collect::<Vec<_>>());
        let most = ends.iter().copied().fold(0.0, f64::max);
        ends.iter().any(|end| *end > 0.0 && most / end > 5.0)
    });
    Effect::new(move |before: Option<bool>| {
        let now = differ.get();
        let is_free = zoom.with_untracked(Option::is_none) && !look.is_along_chosen.get_untracked();
        if now && before != Some(true) && is_free && seen.look.along.with_untracked(|along| along == "step") {
            seen.look.along.set("share".to_owned());
        }
        before == Some(true) || now
    });
    let smoothing = look.smoothing_of(move || curves.with(|(lines, ..)| most_points(lines)), zoom);
    let chart = Signal::derive(move || {
        let lines = curves.with(|(lines, ..)| lines.clone());
        LineChart {
            name: name.clone(),
            gap: look.gap_of(&lines),
            // Along a metric the neighbours of a point are not those before it.
            smoothing: if is_machine || look.by_metric().is_some() { 0.0 } else { smoothing.get() },
            lines,
            x: look.x_axis(),
            y: Axis { unit: unit.to_owned(), from_zero: is_machine, scale: look.y_scale(), ..Axis::default() },
            has_marks: true,
            ..LineChart::default()
        }
    });
    let noted = key.clone();
    let note = Signal::derive(move || {
        let (without, one_in) = curves.with(|(_, left_out, one_in)| (*left_out, *one_in));
        let mut notes: Vec<String> = chosen.with(|chosen| having(chosen, &noted)).into_iter().collect();
        // Two figures of one part of the machine, in bytes and in per cent, have one title.
        notes.extend(Some(unit.to_owned()).filter(|unit| !unit.is_empty()));
        notes.extend(look.left_out(without, one_in, chart));
        if seen.bands.with(|bands| !bands.is_empty()) {
            notes.push("mean ± sd".to_owned());
        }
        notes.join(", ")
    });
    let on_zoom = Callback::new(move |to: Option<(f64, f64)>| zoom.set(to));
    let loss = key.starts_with("loss/");
    let points = Signal::derive(move || {
        let count = |chosen: &[Compared], run: RunId, key: &str| {
            chosen.iter().find(|one| one.id == run)?.counts.get(key).copied()
        };
        chosen.with(|chosen| counted(own.get().in_view, |run, key| count(chosen, run, key)))
    });
    view! { <ChartCard title note chart height cross can_be_log=true prefers_log=loss on_zoom names_each=true points kept fetching /> }
}

#[cfg(test)]
mod tests {
    use api::run::STEP_METRIC;

    use super::*;

    fn run_of(number: u8, values: &[&str], curves: &[&str]) -> Compared {
        Compared {
            id: RunId::from_bytes([number; 16]),
            name: format!("r{number}"),
            place: 0,
            began_ms: 0,
            duration_secs: None,
            params: BTreeMap::new(),
            tags: BTreeMap::new(),
            own: Own::new(),
            values: values.iter().map(|key| ((*key).to_owned(), 0.5)).collect(),
            curves: curves.iter().map(|key| (*key).to_owned()).collect(),
            is_deleted: false,
            of_kept: Vec::new(),
            counts: BTreeMap::new(),
        }
    }

    #[test]
    fn a_chart_counts_the_runs_that_have_its_curve() {
        let run = run_of;
        let runs = [
            run(1, &["loss", "accuracy", "f1"], &["loss", "accuracy"]),
            run(2, &["loss", "accuracy"], &["loss"]),
            run(3, &["loss", "f1"], &["loss", "f1"]),
        ];
        assert_eq!(having(&runs, "loss"), None);
        assert_eq!(having(&runs[..2], "f1").as_deref(), Some("0 of 2 runs have more than one point"));
        assert_eq!(having(&runs[1..], "f1").as_deref(), Some("1 of 2 runs"));
        let said = having(&runs, "accuracy");
        assert_eq!(said.as_deref(), Some("1 of 3 runs has more than one point"));
        let more = [runs[0].clone(), runs[1].clone(), run(4, &[], &[])];
        assert_eq!(having(&more, "loss").as_deref(), Some("2 of 3 runs"));
    }

    #[test]
    fn curves_lie_over_the_metric_that_all_their_logs_name() {
        let run = |number: u8, tags: &[(&str, &str)], curves: &[&str]| {
            let tags = tags.iter().map(|(tag, over)| (format!("{STEP_METRIC}{tag}"), (*over).to_owned())).collect();
            Compared { tags, ..run_of(number, &[], curves) }
        };
        let says = [("val/*", "epoch")];
        let runs = [
            run(1, &says, &["val/acc", "loss", "epoch"]),
            run(2, &says, &["val/acc", "loss", "epoch"]),
            run(3, &[], &["loss"]),
        ];
        assert_eq!(own_of(&runs, "val/acc"), Some("epoch"), "one without the curve says nothing of it");
        assert_eq!((own_of(&runs, "loss"), own_of(&runs, "epoch"), own_of(&[], "loss")), (None, None, None));
        let differs = [runs[0].clone(), run(4, &[("val/*", "tokens")], &["val/acc", "tokens"])];
        assert_eq!(own_of(&differs, "val/acc"), None);
        let silent = [runs[0].clone(), run(5, &[], &["val/acc", "epoch"])];
        assert_eq!(own_of(&silent, "val/acc"), None);
        let unmeasured = [runs[0].clone(), run(6, &says, &["val/acc"])];
        assert_eq!(own_of(&unmeasured, "val/acc"), None, "it has no such curve");
    }
}
