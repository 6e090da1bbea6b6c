//! Runs are moved into another experiment, and so into its project: from their rows and from a run's page.

use std::collections::BTreeMap;

use api::{
    id::{ExperimentId, RunId},
    tracking::{Experiment, GetRunPlaces, ListExperiments, MoveRuns as MoveThem, RunPlace},
};
use leptos::prelude::*;

use super::{
    button::{Button, Pending},
    dialog::Dialog,
    field::{Labelled, Select, Switch},
    states::Load,
    toast::Toasts,
    words,
};
use crate::client::{Client, query::query};

/// Runs of which is asked where they are: of more nobody knows afterwards where they were.
const KNOWN: usize = 10_000;

#[component]
pub(crate) fn MoveRuns(
    open: RwSignal<bool>,
    /// Read when the dialog opens.
    #[prop(into)]
    runs: Signal<Vec<RunId>>,
    /// They are moved.
    #[prop(optional)]
    on_moved: Option<Callback<()>>,
) -> impl IntoView {
    view! {
        <Dialog open title="Move to another experiment">
            <Form open runs=runs.get_untracked() on_moved />
        </Dialog>
    }
}

#[component]
fn Form(open: RwSignal<bool>, runs: Vec<RunId>, on_moved: Option<Callback<()>>) -> impl IntoView {
    let client = Client::get();
    let toasts = Toasts::get();
    let pending = Pending::new();
    let experiments = query(|| Some(ListExperiments::default()));
    let chosen = RwSignal::new(String::new());
    let count = runs.len() as u64;
    // Of more the host refuses what can't be moved.
    let asked = (runs.len() <= KNOWN).then(|| GetRunPlaces { runs: runs.clone() });
    let is_asked = asked.is_some();
    let known = query(move || asked.clone());
    // A run whose parent stands elsewhere is found below nothing in the table.
    let with_children = RwSignal::new(true);
    let moved = Memo::new(move |_| {
        let takes_all = with_children.get();
        known.value.with(|known| {
            let known = known.as_ref()?;
            let below = known.below.iter().filter(|_| takes_all);
            Some(known.named.iter().chain(below).cloned().collect::<Vec<_>>())
        })
    });
    let below = Memo::new(move |_| known.value.with(|known| known.as_ref().map(|known| known.below.len() as u64)));
    let refused = Memo::new(move |_| {
        let moved = moved.get().unwrap_or_default();
        experiments.value.with(|all| refusals(all.as_deref().unwrap_or_default(), &moved))
    });
    let rooted = Signal::derive(move || {
        let why = refused.with(|refused| refused.values().next().cloned());
        why.map(|why| format!("{why}: it can be moved among that project's experiments."))
    });
    // The first that can be chosen stands chosen, as it is seen.
    Effect::new(move |_| {
        if is_asked && moved.with(Option::is_none) {
            return;
        }
        let all = experiments.value.with(|all| choices(all.as_deref().unwrap_or_default()));
        let first = refused.with(|refused| all.into_iter().find(|(id, _)| !refused.contains_key(id)));
        if let Some((id, _)) = first.filter(|_| chosen.with_untracked(String::is_empty)) {
            chosen.set(id);
        }
    });
    let runs = StoredValue::new(runs);
    let go = move || {
        let Ok(to) = chosen.get_untracked().parse::<ExperimentId>() else { return };
        let request = MoveThem { runs: runs.get_value(), to, with_children: with_children.get_untracked() };
        let name = experiments.value.with_untracked(|all| {
            all.iter().flatten().find(|experiment| experiment.id == to).map(|experiment| experiment.name.clone())
        });
        let back = moved.with_untracked(|moved| way_back(moved.as_deref().unwrap_or_default(), to));
        let count = moved.with_untracked(|moved| moved.as_ref().map_or(count, |moved| moved.len() as u64));
        pending.run(async move { client.call(request).await }, move |()| {
            open.try_set(false);
            let moved = words::counted(count, "run", "runs");
            let said = format!("Moved {moved} to {}", name.unwrap_or_default());
            if back.is_empty() {
                toasts.done(said);
            } else {
                toasts.undoable_all(client, said, back);
            }
            if let Some(on_moved) = on_moved {
                on_moved.try_run(());
            }
        });
    };
    let blocked = Signal::derive(move || pending.busy.get() || chosen.with(String::is_empty));
    view! {
        <div class="content form">
            <Load query=experiments lines=1 let:experiments>
                <Labelled label="Experiment" hint="In the experiment of a project they are runs of that project." warning=rooted>
                    <Select value=chosen options=Signal::derive(move || experiments.with(|all| choices(all))) refused />
                </Labelled>
            </Load>
            {move || told_below(below.get(), is_asked).map(|label| view! { <Switch value=with_children label /> })}
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Move" kind="primary" disabled=blocked on_press=go />
        </footer>
    }
}

/// What is asked about the runs that stand below them; nothing where there are none.
fn told_below(below: Option<u64>, is_asked: bool) -> Option<String> {
    match below {
        None if !is_asked => Some("Move the runs that stand below them, too".to_owned()),
        None | Some(0) => None,
        Some(1) => Some("Move the child run, too".to_owned()),
        Some(count) => Some(format!("Move the {}, too", words::counted(count, "child run", "child runs"))),
    }
}

/// The experiments that one of the runs can't be moved to, by their ids, each with why.
fn refusals(all: &[Experiment], runs: &[RunPlace]) -> BTreeMap<String, String> {
    let why = |to: &Experiment| {
        runs.iter()
            .find_map(|run| run.kind.stays_because(run.project, to.project).map(|why| format!("{} {why}", run.name)))
    };
    all.iter().filter_map(|to| why(to).map(|why| (to.id.to_string(), why))).collect()
}

/// What brings the runs that were elsewhere back there: a request for each experiment that one was in.
fn way_back(runs: &[RunPlace], to: ExperimentId) -> Vec<MoveThem> {
    let mut homes = BTreeMap::<ExperimentId, Vec<RunId>>::new();
    for run in runs.iter().filter(|run| run.experiment != to) {
        homes.entry(run.experiment).or_default().push(run.id);
    }
    homes.into_iter().map(|(to, runs)| MoveThem::alone(runs, to)).collect()
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

#[cfg(test)]
mod tests {
    use api::{id::ProjectId, run::RunKind};

    use super::*;

    fn experiment(id: u8, project: Option<ProjectId>) -> Experiment {
        Experiment {
            id: ExperimentId::from_bytes([id; 16]),
            number: 0,
            project,
            is_own: false,
            name: String::new(),
            folder: String::new(),
            location: None,
            tags: BTreeMap::new(),
            runs: 0,
            newest_run_ms: None,
            created_ms: 0,
            updated_ms: 0,
            deleted_ms: None,
        }
    }

    fn moved(id: u8, experiment: u8) -> RunPlace {
        RunPlace {
            id: RunId::from_bytes([id; 16]),
            experiment: ExperimentId::from_bytes([experiment; 16]),
            name: "brisk-heron".to_owned(),
            kind: RunKind::Client,
            project: None,
        }
    }

    #[test]
    fn what_was_moved_goes_back_to_where_each_was() {
        let to = ExperimentId::from_bytes([3; 16]);
        let back = way_back(&[moved(1, 1), moved(2, 2), moved(3, 1), moved(4, 3)], to);
        let told: Vec<(ExperimentId, Vec<RunId>)> = back.into_iter().map(|one| (one.to, one.runs)).collect();
        let [one, two] = [1, 2].map(|id| ExperimentId::from_bytes([id; 16]));
        let [first, second, third] = [1, 2, 3].map(|id| RunId::from_bytes([id; 16]));
        assert_eq!(told, [(one, vec![first, third]), (two, vec![second])]);
    }

    #[test]
    fn what_stands_below_them_is_asked_about() {
        assert_eq!((told_below(Some(0), true), told_below(None, true)), (None, None));
        assert_eq!(told_below(Some(1), true).as_deref(), Some("Move the child run, too"));
        assert_eq!(told_below(Some(1_200), true).as_deref(), Some("Move the 1,200 child runs, too"));
        assert!(told_below(None, false).is_some(), "of so many nobody counts them first");
    }

    #[test]
    fn what_we_supervise_is_offered_its_projects_experiments() {
        let project = Some(ProjectId::from_bytes([1; 16]));
        let all = [experiment(1, project), experiment(2, None), experiment(3, Some(ProjectId::from_bytes([2; 16])))];
        let run = |kind| RunPlace { kind, project, ..moved(1, 1) };
        assert!(refusals(&all, &[run(RunKind::Client), run(RunKind::Imported)]).is_empty());
        for kind in [RunKind::Training, RunKind::Command, RunKind::Search] {
            let refused = refusals(&all, &[run(RunKind::Client), run(kind)]);
            assert_eq!(refused.keys().cloned().collect::<Vec<_>>(), [all[1].id.to_string(), all[2].id.to_string()]);
            assert_eq!(refused[&all[1].id.to_string()], "brisk-heron belongs to its project's folder and data");
        }
    }
}
