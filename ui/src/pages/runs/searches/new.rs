//! The dialog that begins a search: as `[search]` of the project's file says, changed for this one.

use std::collections::BTreeMap;

use api::{
    config::TrainingConfig,
    search::{EarlyStopping, SearchConfig, SearchMethod, StartSearch, Written},
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use crate::{
    client::Client,
    frame::place::Place,
    parts::{
        button::{Button, IconButton, Pending},
        dialog::Dialog,
        field::{Labelled, Select, TextField},
        icon,
        states::{Load, Problem},
        words,
    },
};

/// Seldom worth a search: they change no figure, or only by chance.
const NOT_TRIED: [&str; 3] = ["device", "threads", "patience"];

#[component]
pub(super) fn NewSearch(open: RwSignal<bool>) -> impl IntoView {
    let place = Place::get();
    view! {
        <Dialog open title="New search">
            <Load query=place.known lines=4 let:_project><Form open /></Load>
        </Dialog>
    }
}

/// One hyperparameter of the form.
#[derive(Clone, Copy, PartialEq)]
struct Tried {
    number: usize,
    name: RwSignal<String>,
    values: RwSignal<String>,
}

impl Tried {
    fn new(number: usize, name: &str, values: &str) -> Self {
        Self { number, name: RwSignal::new(name.to_owned()), values: RwSignal::new(values.to_owned()) }
    }
}

/// What is tried where nothing is said yet.
const FIRST: [(&str, &str); 2] = [("learning_rate", "0.01..0.3:log"), ("max_depth", "2..8:int")];

#[component]
fn Form(open: RwSignal<bool>) -> impl IntoView {
    let place = Place::get();
    let (client, pending) = (Client::get(), Pending::new());
    let navigate = StoredValue::new_local(use_navigate());
    let file =
        place.known.value.with_untracked(|known| known.as_ref().map(|known| known.file.clone())).unwrap_or_default();
    let config = StoredValue::new(file.search.clone());
    let method = RwSignal::new(word_of(file.search.method).to_owned());
    let trials = RwSignal::new(file.search.trials.to_string());
    let parallel = RwSignal::new(file.search.parallel.to_string());
    let stopping =
        RwSignal::new(if file.search.early_stopping == EarlyStopping::Asha { "asha" } else { "none" }.to_owned());
    let first: Vec<Tried> = if file.search.space.is_empty() {
        FIRST.iter().enumerate().map(|(number, (name, values))| Tried::new(number, name, values)).collect()
    } else {
        let known = file.search.space.iter().enumerate();
        known.map(|(number, (name, written))| Tried::new(number, name, &written.to_string())).collect()
    };
    let next = StoredValue::new(first.len());
    let tried = RwSignal::new(first);
    let wrong = RwSignal::new(None::<api::ApiError>);
    let add = move || {
        let number = next.get_value();
        next.set_value(number + 1);
        tried.update(|tried| tried.push(Tried::new(number, "", "")));
    };
    let space = Memo::new(move |_| space_of(&tried.get()));
    let count = move || space.get().ok().and_then(|space| grid(&space)).filter(|_| method.get() == "grid");
    let begin = move || {
        let space = match space.get_untracked() {
            Ok(space) => space,
            Err(why) => {
                wrong.set(Some(api::ApiError::invalid(why)));
                return;
            }
        };
        let (Ok(trials), Ok(parallel)) =
            (trials.get_untracked().trim().parse(), parallel.get_untracked().trim().parse())
        else {
            wrong.set(Some(api::ApiError::invalid("Trials and trials at once are whole numbers.")));
            return;
        };
        let Some(project) = place.project.get_untracked() else { return };
        let config = SearchConfig {
            method: method_of(&method.get_untracked()),
            early_stopping: if stopping.get_untracked() == "asha" { EarlyStopping::Asha } else { EarlyStopping::None },
            trials,
            parallel,
            space,
            ..config.get_value()
        };
        let request = StartSearch { project, config: Some(config), training: None, command: None, name: None };
        pending.run_or(
            async move { client.call(request).await },
            move |search| {
                let to = place.link(&format!("runs?search={}", search.id));
                navigate.with_value(|navigate| navigate(&to, Default::default()));
                open.try_set(false);
            },
            move |error| drop(wrong.try_set(Some(error))),
        );
    };
    view! {
        <div class="content form">
            <div class="two-fields">
                <Labelled label="Method" hint=hint_of(method)>
                    <Select value=method options=options(&[("tpe", "TPE"), ("random", "Random"), ("grid", "Grid")]) />
                </Labelled>
                <Labelled label="Early stopping">
                    <Select value=stopping options=options(&[("none", "None"), ("asha", "ASHA")]) />
                </Labelled>
                <Labelled label="Trials at most" hint=Signal::derive(move || count().map_or_else(String::new, |count| format!("The grid has {}.", words::count(count))))>
                    <TextField value=trials kind="number" />
                </Labelled>
                <Labelled label="Trials at once" hint="As far as memory allows."><TextField value=parallel kind="number" /></Labelled>
            </div>
            <div class="labelled">
                <span>"What is tried"</span>
                <div class="stack">
                    <For each=move || tried.get() key=|one| one.number let:one>
                        <OneTried one tried />
                    </For>
                    <div><Button label="Another hyperparameter" mark=icon::PLUS kind="quiet s" on_press=add /></div>
                </div>
                <small class="faint">"Values by commas, such as 64,128, or a range: 0.001..0.1:log, 2..8:int."</small>
            </div>
            {move || wrong.get().map(|error| view! { <Problem error /> })}
        </div>
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Search" mark=icon::SEARCH kind="primary" disabled=pending.busy on_press=begin />
        </footer>
    }
}

#[component]
fn OneTried(one: Tried, tried: RwSignal<Vec<Tried>>) -> impl IntoView {
    let Tried { number, name, values } = one;
    let names: Vec<(String, String)> = std::iter::once((String::new(), "Choose…".to_owned()))
        .chain(known().into_iter().map(|key| (key.clone(), words::param(&key))))
        .collect();
    view! {
        <span class="flex" data-tried="">
            <Select value=name options=names name="Hyperparameter" />
            <TextField value=values name="Its values" placeholder="0.001..0.1:log" class="grow" />
            <IconButton label="Don't try it" mark=icon::X on_press=move |_| tried.update(|tried| tried.retain(|one| one.number != number)) />
        </span>
    }
}

/// The keys of `[training]` that can be searched.
fn known() -> Vec<String> {
    let all = serde_json::to_value(TrainingConfig::default()).unwrap_or_default();
    let keys = all.as_object().map(|all| all.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    keys.into_iter().filter(|key| !NOT_TRIED.contains(&key.as_str())).collect()
}

fn space_of(tried: &[Tried]) -> Result<BTreeMap<String, Written>, String> {
    let mut space = BTreeMap::new();
    for one in tried {
        let (name, values) = (one.name.get(), one.values.get());
        if name.is_empty() && values.trim().is_empty() {
            continue;
        }
        if name.is_empty() {
            return Err(format!("Which hyperparameter is to be {values}?"));
        }
        let written = values.parse::<Written>().map_err(|wrong| format!("{}: {wrong}.", words::param(&name)))?;
        if space.insert(name.clone(), written).is_some() {
            return Err(format!("{} stands there twice.", words::param(&name)));
        }
    }
    Ok(space)
}

/// How many points a grid of lists has; of ranges the host knows.
fn grid(space: &BTreeMap<String, Written>) -> Option<u64> {
    space.values().try_fold(1_u64, |product, written| product.checked_mul(written.values.as_ref()?.len() as u64))
}

const fn word_of(method: SearchMethod) -> &'static str {
    match method {
        SearchMethod::Grid => "grid",
        SearchMethod::Random => "random",
        SearchMethod::Tpe => "tpe",
    }
}

fn method_of(word: &str) -> SearchMethod {
    match word {
        "grid" => SearchMethod::Grid,
        "random" => SearchMethod::Random,
        _ => SearchMethod::Tpe,
    }
}

fn options(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(key, label)| ((*key).to_owned(), (*label).to_owned())).collect()
}

fn hint_of(method: RwSignal<String>) -> Signal<String> {
    Signal::derive(move || {
        match method.get().as_str() {
            "grid" => "Every combination.",
            "random" => "Values by chance.",
            _ => "Learns from the trials so far.",
        }
        .to_owned()
    })
}
