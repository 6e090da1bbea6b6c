//! What the palette finds.

use std::rc::Rc;

use api::{
    deploy::ListDeployments,
    host::Theme,
    model::ListModels,
    project::ListProjects,
    run::{ListRuns, ProjectIdOr},
};
use leptos::prelude::*;

use super::{Entry, Place, of_project};
use crate::{
    client::{Client, query::query},
    frame::{arrivals::Arrivals, keys::ShortcutsOpen, place, rail, theme},
    parts::{
        icon::{self, Icon},
        toast::Toasts,
    },
};

/// Runs that are looked through for each wish.
const RUNS: u32 = 50;

const SETTINGS: [(&str, Icon, &str); 5] = [
    ("Tracking server: the address for MLflow", icon::ACTIVITY, "/settings?tab=tracking"),
    ("Registries and targets", icon::SETTINGS, "/settings?tab=outside"),
    ("Secrets", icon::LOCK, "/settings?tab=secrets"),
    ("Storage: free disk space", icon::SETTINGS, "/settings?tab=storage"),
    ("Slipway's own log", icon::SCROLL_TEXT, "/settings?tab=log"),
];

/// What a page of the open project does.
const ACTIONS: [(&str, Icon, &str); 5] = [
    ("Look at the data: preview, profile, drift", icon::DATABASE, "data"),
    ("Searches for hyperparameters", icon::SEARCH, "runs?searches=1"),
    ("New search for hyperparameters…", icon::SEARCH, "runs?search=new"),
    ("Roll back or scale a deployment", icon::UNDO_2, "deploy"),
    ("Check for drift", icon::EYE, "monitor"),
];

/// Each word alone, as the run list's filter takes words.
fn words_of(text: &str) -> String {
    let quoted = |word: &str| format!("\"{}\"", word.replace(['"', '\\'], ""));
    text.split_whitespace().map(quoted).collect::<Vec<_>>().join(" ")
}

/// Every entry, newest answers included.
pub(super) fn entries(
    place: Place,
    text: RwSignal<String>,
    go: &Rc<dyn Fn(String)>,
) -> Signal<Vec<Entry>, LocalStorage> {
    let projects = query(|| Some(ListProjects {}));
    // Of ten thousand runs only those that fit are asked for.
    let runs = query(move || {
        place.at_hand.get().map(|project| ListRuns {
            project: ProjectIdOr(project),
            filter: text.with(|text| words_of(text)),
            limit: Some(RUNS),
            ..Default::default()
        })
    });
    let models = query(move || place.at_hand.get().map(|project| ListModels { project }));
    let deployments = query(move || place.at_hand.get().map(|project| ListDeployments { project: Some(project) }));
    let arrivals = Arrivals::get();
    let (client, toasts) = (Client::get(), Toasts::get());
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
                label: "Train or retrain".to_owned(),
                kind: "Action",
                mark: icon::PLAY,
                keys: String::new(),
                act: to(link),
            });
        }
        if let Some(link) = of_project(place, "").map(|link| format!("{link}?settings=1")) {
            all.push(Entry {
                label: "Project settings".to_owned(),
                kind: "Action",
                mark: icon::SETTINGS,
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
        let page = |label: &str, mark, link: &str| Entry { kind: "Page", ..action(label, mark, to(link.to_owned())) };
        for (label, mark, link) in SETTINGS {
            all.push(page(label, mark, link));
        }
        for (label, theme) in
            [("Dark theme", Theme::Dark), ("Light theme", Theme::Light), ("Theme of the system", Theme::System)]
        {
            all.push(action(label, icon::SETTINGS, Rc::new(move || theme::choose(client, toasts, theme))));
        }
        for (label, mark, link) in ACTIONS {
            if let Some(link) = of_project(place, link) {
                all.push(action(label, mark, to(link)));
            }
        }
        for deployment in deployments.value.get().unwrap_or_default() {
            let pages = [
                ("Deployment", icon::UPLOAD, format!("deploy?deployment={}", deployment.id)),
                ("Monitor", icon::EYE, format!("monitor/{}", deployment.id)),
            ];
            for (kind, mark, link) in pages {
                if let Some(link) = of_project(place, &link) {
                    all.push(Entry { kind, ..action(&deployment.name, mark, to(link)) });
                }
            }
        }
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
                if let Some(link) = of_project(place, &format!("deploy?version={}", version.id)) {
                    let label = format!("Deploy {} v{}…", version.model_name, version.number);
                    all.push(action(&label, icon::UPLOAD, to(link)));
                }
                if let Some(link) = of_project(place, &format!("models/{}", version.id)) {
                    let label = format!("{} v{}", version.model_name, version.number);
                    all.push(Entry { label, kind: "Model", mark: icon::BOX, keys: String::new(), act: to(link) });
                }
            }
            for version in model.client_versions {
                if let Some(link) = of_project(place, &format!("models?version={}", version.id)) {
                    let label = format!("{} v{}", model.name, version.number);
                    all.push(Entry { label, kind: "Model", mark: icon::BOX, keys: String::new(), act: to(link) });
                }
            }
        }
        all
    })
}
