//! What the palette finds.

use std::rc::Rc;

use api::{
    deploy::ListDeployments,
    host::Theme,
    id::RunId,
    model::ListModels,
    project::ListProjects,
    run::{FindRuns, GetRun, ListRuns, ProjectIdOr},
    tracking::ListExperiments,
};
use leptos::prelude::*;

use super::{Entry, Place, of_project};
use crate::{
    client::{Client, query::query},
    frame::{address, arrivals::Arrivals, keys::ShortcutsOpen, place, rail, theme},
    parts::{
        icon::{self, Icon},
        toast::Toasts,
    },
};

/// Runs that are looked through for each wish.
const RUNS: u32 = 50;
/// Letters of which runs beyond the project at hand are looked for: one of them is in every name.
const LETTERS: usize = 2;

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
    ("Searches for hyperparameters", icon::SLIDERS_HORIZONTAL, "runs?searches=1"),
    ("New search for hyperparameters…", icon::SLIDERS_HORIZONTAL, "runs?search=new"),
    ("Roll back or scale a deployment", icon::UNDO_2, "deploy"),
    ("Check for drift", icon::EYE, "monitor"),
];

/// Each word alone, as the run list's filter takes words.
fn words_of(text: &str) -> String {
    let quoted = |word: &str| format!("\"{}\"", word.replace(['"', '\\'], ""));
    text.split_whitespace().map(quoted).collect::<Vec<_>>().join(" ")
}

/// The run whose id the text is, or to which a link leads: ours, or one that MLflow's client printed.
fn run_named(text: &str) -> Option<RunId> {
    let text = text.trim();
    let id = text.rsplit_once("/runs/").map_or(text, |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(rest));
    id.parse().ok()
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
    // By their names alone, wherever they stand.
    let elsewhere = query(move || {
        let words = text.with(|text| text.trim().to_owned());
        (words.chars().count() >= LETTERS).then_some(FindRuns { words, limit: Some(RUNS) })
    });
    let named = query(move || text.with(|text| run_named(text)).map(|run| GetRun { run }));
    let experiments = query(|| Some(ListExperiments::default()));
    let models = query(move || place.at_hand.get().map(ListModels::of));
    let deployments = query(move || place.at_hand.get().map(|project| ListDeployments { project: Some(project) }));
    let arrivals = Arrivals::get();
    let (client, toasts) = (Client::get(), Toasts::get());
    let shortcuts = expect_context::<ShortcutsOpen>().0;
    let training = address::training(place);
    let go = go.clone();
    Signal::derive_local(move || {
        let to = |link: String| -> Rc<dyn Fn()> {
            let go = go.clone();
            Rc::new(move || go(link.clone()))
        };
        let mut all = Vec::new();
        for (page, label, mark, key) in rail::PAGES {
            if let Some(link) = of_project(place, page) {
                all.push(Entry::new("Page", label, mark, to(link)).by(format!("g {key}")));
            }
        }
        if let Some(link) = training.get() {
            all.push(Entry::new("Action", "Train or retrain", icon::PLAY, to(link)));
        }
        if let Some(link) = of_project(place, "").map(|link| format!("{link}?settings=1")) {
            all.push(Entry::new("Action", "Project settings", icon::SETTINGS, to(link)));
        }
        for (link, label, mark, key) in rail::MACHINE {
            all.push(Entry::new("Page", label, mark, to(link.to_owned())).by(format!("g {key}")));
        }
        let action = |label: &str, mark, act: Rc<dyn Fn()>| Entry::new("Action", label, mark, act);
        all.push(Entry::new("Page", "Start: projects and samples", icon::HOUSE, to("/".to_owned())).by("g 0"));
        all.push(action("Open folder…", icon::FOLDER_OPEN, Rc::new(move || arrivals.choose_folder())));
        all.push(action("Open tables…", icon::FILE, Rc::new(move || arrivals.choose_files())));
        all.push(action("Keyboard shortcuts", icon::KEYBOARD, Rc::new(move || shortcuts.set(true))).by("?"));
        for (label, mark, link) in SETTINGS {
            all.push(Entry::new("Page", label, mark, to(link.to_owned())));
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
                    all.push(Entry::new(kind, &deployment.name, mark, to(link)));
                }
            }
        }
        for summary in projects.value.get().unwrap_or_default() {
            let link = place::address(summary.project.id, "");
            all.push(Entry::new("Project", summary.project.name, icon::FOLDER, to(link)));
        }
        all.push(Entry::new("Page", "Runs of all experiments", icon::ACTIVITY, to(place::ALL_RUNS.to_owned())));
        for experiment in
            experiments.value.get().unwrap_or_default().into_iter().filter(|experiment| !experiment.is_own)
        {
            let link = place::address_of(experiment.id, "runs");
            all.push(Entry::new("Experiment", experiment.name, icon::FOLDER_OPEN, to(link)));
        }
        if let Some(run) = named.value.get() {
            let link = run.page();
            all.push(Entry { is_named: true, ..Entry::new("Run", run.name, icon::ACTIVITY, to(link)) });
        }
        let at_hand = runs.value.get().map(|table| table.rows).unwrap_or_default();
        for run in elsewhere.value.get().unwrap_or_default() {
            if at_hand.iter().all(|own| own.id != run.id) {
                let label = format!("{} of {}", run.name, run.experiment);
                all.push(Entry::new("Run", label, icon::ACTIVITY, to(format!("/r/{}", run.id))));
            }
        }
        for run in at_hand {
            if let Some(link) = of_project(place, &format!("runs/{}", run.id)) {
                all.push(Entry::new("Run", run.name, icon::ACTIVITY, to(link)));
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
                    all.push(Entry::new("Model", label, icon::BOX, to(link)));
                }
            }
            for version in model.client_versions {
                if let Some(link) = of_project(place, &format!("models?version={}", version.id)) {
                    let label = format!("{} v{}", model.name, version.number);
                    all.push(Entry::new("Model", label, icon::BOX, to(link)));
                }
            }
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_named_by_its_id_and_by_every_link_to_it() {
        let id = "0190000000007000800000000000000a";
        let run = id.parse().ok();
        for text in [
            format!(" {id} "),
            format!("http://slipway:secret@127.0.0.1:7777/#/experiments/0/runs/{id}"),
            format!("http://127.0.0.1:7777/#/experiments/0/runs/{id}/artifacts"),
            format!("http://127.0.0.1:8888/e/0190000000007000800000000000000b/runs/{id}?tab=logs"),
        ] {
            assert_eq!(run_named(&text), run, "{text}");
        }
        assert!(
            ["", "brisk heron", "http://127.0.0.1:7777/#/experiments/0", "/runs/7"]
                .iter()
                .all(|text| run_named(text).is_none())
        );
    }
}
