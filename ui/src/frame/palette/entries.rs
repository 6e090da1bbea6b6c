//! What the palette finds.

use std::rc::Rc;

use api::{
    model::ListModels,
    project::ListProjects,
    run::{ListRuns, ProjectIdOr},
};
use leptos::prelude::*;

use super::{Entry, Place, of_project};
use crate::{
    client::query::query,
    frame::{arrivals::Arrivals, keys::ShortcutsOpen, place, rail},
    parts::icon,
};

/// Every entry, newest answers included.
pub(super) fn entries(place: Place, go: &Rc<dyn Fn(String)>) -> Signal<Vec<Entry>, LocalStorage> {
    let projects = query(|| Some(ListProjects {}));
    let runs = query(move || {
        place.project.get().map(|project| ListRuns {
            project: ProjectIdOr(project),
            limit: Some(200),
            ..Default::default()
        })
    });
    let models = query(move || place.project.get().map(|project| ListModels { project }));
    let arrivals = Arrivals::get();
    let shortcuts = expect_context::<ShortcutsOpen>().0;
    let go = go.clone();
    Signal::derive_local(move || {
        let to = |link: String| -> Rc<dyn Fn()> {
            let go = go.clone();
            Rc::new(move || go(link.clone()))
        };
        let mut all = Vec::new();
        for (page, label, mark, key) in rail::PAGES {
            if let Some(link) = of_project(place, page) {
                all.push(Entry {
                    label: label.to_owned(),
                    kind: "Page",
                    mark,
                    keys: format!("g {key}"),
                    act: to(link),
                });
            }
        }
        if let Some(link) = of_project(place, "runs?train=1") {
            all.push(Entry {
                label: "Train".to_owned(),
                kind: "Action",
                mark: icon::PLAY,
                keys: String::new(),
                act: to(link),
            });
        }
        for (link, label, mark, key) in rail::MACHINE {
            all.push(Entry {
                label: label.to_owned(),
                kind: "Page",
                mark,
                keys: format!("g {key}"),
                act: to(link.to_owned()),
            });
        }
        let action = |label: &str, mark, act: Rc<dyn Fn()>| Entry {
            label: label.to_owned(),
            kind: "Action",
            mark,
            keys: String::new(),
            act,
        };
        all.push(Entry {
            label: "Start: projects and samples".to_owned(),
            kind: "Page",
            mark: icon::HOUSE,
            keys: "g 0".to_owned(),
            act: to("/".to_owned()),
        });
        all.push(action("Open folder…", icon::FOLDER_OPEN, Rc::new(move || arrivals.choose_folder())));
        all.push(action("Open tables…", icon::FILE, Rc::new(move || arrivals.choose_files())));
        all.push(Entry {
            keys: "?".to_owned(),
            ..action("Keyboard shortcuts", icon::KEYBOARD, Rc::new(move || shortcuts.set(true)))
        });
        for summary in projects.value.get().unwrap_or_default() {
            let link = place::address(summary.project.id, "");
            all.push(Entry {
                label: summary.project.name,
                kind: "Project",
                mark: icon::FOLDER,
                keys: String::new(),
                act: to(link),
            });
        }
        for run in runs.value.get().map(|table| table.rows).unwrap_or_default() {
            if let Some(link) = of_project(place, &format!("runs/{}", run.id)) {
                all.push(Entry {
                    label: run.name,
                    kind: "Run",
                    mark: icon::ACTIVITY,
                    keys: String::new(),
                    act: to(link),
                });
            }
        }
        for model in models.value.get().unwrap_or_default() {
            for version in model.versions {
                if let Some(link) = of_project(place, &format!("models/{}", version.id)) {
                    let label = format!("{}:{}", version.model_name, version.number);
                    all.push(Entry { label, kind: "Model", mark: icon::BOX, keys: String::new(), act: to(link) });
                }
            }
        }
        all
    })
}
