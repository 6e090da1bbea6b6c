//! Where the person is: the project or the experiment that the address names.

use std::collections::HashMap;

use api::{
    id::{ExperimentId, ProjectId},
    project::{GetProject, ListProjects, Project, ProjectSummary},
    tracking::{Experiment, ListExperiments, Scope},
};
use leptos::{prelude::*, reactive::graph::Observer};
use leptos_router::hooks::use_location;

use crate::client::query::{Query, query};

/// The project of the address, and what is known of it; pages share one question.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) project: Memo<Option<ProjectId>>,
    /// The project that is at hand: the address's, and on a page of the machine the one that the person came
    /// from, or opened last.
    pub(crate) at_hand: Memo<Option<ProjectId>>,
    pub(crate) known: Query<Project>,
    /// Whose runs the address names: a project's, or those of an experiment without one.
    pub(crate) scope: Memo<Option<Scope>>,
    /// The experiment of the address, where it names one and it is known.
    pub(crate) experiment: Memo<Option<Experiment>>,
    /// The address names a project or an experiment by what is no id.
    pub(crate) is_lost: Memo<bool>,
    /// How each run table stood when it was open last in this window: what its address has behind the path.
    tables: RwSignal<HashMap<Scope, String>>,
}

impl Place {
    pub(crate) fn provide() {
        let path = use_location().pathname;
        let project = Memo::new(move |_| path.with(|path| of_path(path)));
        // Start is where another project is chosen: there none is at hand.
        let is_start = Memo::new(move |_| path.with(|path| path == "/"));
        let on_machine = Memo::new(move |_| project.get().is_none() && !is_start.get());
        let projects = query(move || on_machine.get().then_some(ListProjects {}));
        let at_hand = Memo::new(move |before: Option<&Option<ProjectId>>| {
            if !on_machine.get() {
                return project.get();
            }
            // A page of the machine that is opened by its address has no page before it.
            before.copied().flatten().or_else(|| projects.value.with(|projects| last_opened(projects.as_deref()?)))
        });
        Effect::new(move |_| {
            if let Some(project) = project.get()
                && let Ok(Some(storage)) = window().local_storage()
            {
                let _ = storage.set_item(LAST, &project.to_string());
            }
        });
        let known = query(move || at_hand.get().map(|project| GetProject { project }));
        let scope = Memo::new(move |_| path.with(|path| scope_of(path)));
        let is_experiment = Memo::new(move |_| matches!(scope.get(), Some(Scope::Experiment(_))));
        let all = query(move || is_experiment.get().then_some(ListExperiments::default()));
        let experiment = Memo::new(move |_| {
            let Some(Scope::Experiment(id)) = scope.get() else { return None };
            all.value.with(|all| all.as_ref()?.iter().find(|experiment| experiment.id == id).cloned())
        });
        let names_one = |path: &String| path.starts_with("/p/") || path.starts_with("/e/");
        let is_lost = Memo::new(move |_| scope.get().is_none() && path.with(names_one));
        let tables = RwSignal::new(HashMap::new());
        provide_context(Self { project, at_hand, known, scope, experiment, is_lost, tables });
    }

    pub(crate) fn get() -> Self {
        expect_context()
    }

    /// The project's id on a page that has one in its address: followed by what follows signals,
    /// else as it is now.
    pub(crate) fn id(self) -> ProjectId {
        let project = if Observer::get().is_some() { self.project.get() } else { self.project.get_untracked() };
        project.unwrap_or(ProjectId::from_bytes([0; 16]))
    }

    /// The same for what is done at a press, outside of what follows signals.
    pub(crate) fn id_now(self) -> ProjectId {
        untrack(move || self.id())
    }

    pub(crate) fn name(self) -> String {
        self.known.value.with(|project| project.as_ref().map(|project| project.name.clone())).unwrap_or_default()
    }

    /// The address of a page of this project: `link("runs")`; of an experiment without one it is that of its own.
    pub(crate) fn link(self, page: &str) -> String {
        match self.whose() {
            Some(Scope::Experiment(experiment)) => address_of(experiment, page),
            // Each run stands with its own experiment.
            Some(Scope::All) => match page.strip_prefix("runs/") {
                Some(run) => format!("/r/{run}"),
                None => format!("/{page}"),
            },
            _ => address(self.id(), page),
        }
    }

    /// The address of the runs here, with their table as it stood last.
    pub(crate) fn runs(self) -> String {
        let stood = self.whose().map(|scope| self.stood(scope)).unwrap_or_default();
        format!("{}{stood}", self.link("runs"))
    }

    /// The address of a page of any project; the table of its runs is as it stood last.
    pub(crate) fn page_of(self, project: ProjectId, page: &str) -> String {
        let stood = if page == "runs" { self.stood(Scope::Project(project)) } else { String::new() };
        format!("{}{stood}", address(project, page))
    }

    /// Keeps how the run table of the address stands, for the ways back to it.
    pub(crate) fn keep_table(self, stands: String) {
        let Some(scope) = self.scope.get_untracked() else { return };
        if self.tables.with_untracked(|tables| tables.get(&scope) != Some(&stands)) {
            self.tables.update(|tables| drop(tables.insert(scope, stands)));
        }
    }

    fn stood(self, scope: Scope) -> String {
        let of = |tables: &HashMap<Scope, String>| tables.get(&scope).cloned().unwrap_or_default();
        if Observer::get().is_some() { self.tables.with(of) } else { self.tables.with_untracked(of) }
    }

    fn whose(self) -> Option<Scope> {
        if Observer::get().is_some() { self.scope.get() } else { self.scope.get_untracked() }
    }
}

/// Where the browser keeps the project that was opened last in it.
const LAST: &str = "slipway.project";

/// The project that was opened last in this window, while it is known, else the newest of any.
fn last_opened(projects: &[ProjectSummary]) -> Option<ProjectId> {
    let storage = window().local_storage().ok().flatten();
    let kept = storage.and_then(|storage| storage.get_item(LAST).ok().flatten()).and_then(|id| id.parse().ok());
    let known = kept.filter(|kept| projects.iter().any(|summary| summary.project.id == *kept));
    known.or_else(|| projects.iter().max_by_key(|summary| summary.project.opened_ms).map(|summary| summary.project.id))
}

/// The address of a page of a project.
pub(crate) fn address(project: ProjectId, page: &str) -> String {
    if page.is_empty() { format!("/p/{project}") } else { format!("/p/{project}/{page}") }
}

/// The address of a page of an experiment that belongs to no project.
pub(crate) fn address_of(experiment: ExperimentId, page: &str) -> String {
    format!("/e/{experiment}/{page}")
}

/// The address of the runs of all experiments.
pub(crate) const ALL_RUNS: &str = "/runs";

fn of_path(path: &str) -> Option<ProjectId> {
    path.strip_prefix("/p/")?.split('/').next()?.parse().ok()
}

fn scope_of(path: &str) -> Option<Scope> {
    let experiment = || path.strip_prefix("/e/")?.split('/').next()?.parse::<ExperimentId>().ok();
    let all = || (path == ALL_RUNS).then_some(Scope::All);
    of_path(path).map(Scope::Project).or_else(|| experiment().map(Scope::Experiment)).or_else(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_project_or_an_experiment() {
        let id = "0190000000007000800000000000000a";
        let (project, experiment) = (id.parse().unwrap(), id.parse().unwrap());
        assert_eq!(scope_of(&address(project, "runs")), Some(Scope::Project(project)));
        assert_eq!(scope_of(&address_of(experiment, "runs/7")), Some(Scope::Experiment(experiment)));
        assert_eq!(of_path(&address_of(experiment, "runs")), None);
        assert!(["/", "/e/none/runs", "/experiments"].iter().all(|path| scope_of(path).is_none()));
    }
}
