//! Where the person is: the project that the address names.

use api::{
    id::ProjectId,
    project::{GetProject, ListProjects, Project},
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
}

impl Place {
    pub(crate) fn provide() {
        let path = use_location().pathname;
        let project = Memo::new(move |_| path.with(|path| of_path(path)));
        // Start is where another project is chosen: there none is at hand. Who comes by the address of a page of the
        // machine comes from none: there it is the one that was opened last.
        let of_machine = Memo::new(move |_| project.with(Option::is_none) && path.with(|path| path != "/"));
        let recent = query(move || of_machine.get().then_some(ListProjects {}));
        let at_hand = Memo::new(move |before: Option<&Option<ProjectId>>| {
            let newest = || recent.value.with(|all| all.iter().flatten().next().map(|newest| newest.project.id));
            let here = project.get();
            if of_machine.get() { before.copied().flatten().or_else(newest) } else { here }
        });
        let known = query(move || at_hand.get().map(|project| GetProject { project }));
        provide_context(Self { project, at_hand, known });
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

    /// The address of a page of this project: `link("runs")`.
    pub(crate) fn link(self, page: &str) -> String {
        address(self.id(), page)
    }
}

/// The address of a page of a project.
pub(crate) fn address(project: ProjectId, page: &str) -> String {
    if page.is_empty() { format!("/p/{project}") } else { format!("/p/{project}/{page}") }
}

fn of_path(path: &str) -> Option<ProjectId> {
    path.strip_prefix("/p/")?.split('/').next()?.parse().ok()
}
