//! The dialog that begins a search: as `[search]` of the project's file says, changed for this one.

use std::collections::BTreeMap;

use api::{
    config::{ModelChoice, TrainingConfig},
    search::{Direction, EarlyStopping, Environment, SearchCommand, SearchConfig, SearchMethod, StartSearch, Written},
};
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;

use crate::{
    client::Client,
    frame::place::Place,
    parts::{
        button::{Button, IconButton, Pending},
        dialog::Dialog,
        field::{Labelled, Segments, Select, TextField},
        icon,
        limits::{LimitFields, Limits},
        program_place::{FoldedPlace, ProgramPlace},
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

/// What is searched with, where it is no training.
const PROGRAM: &str = "program";

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

/// What is tried of a model where nothing is said yet: what changes its training, within what is usual for it.
const fn first(model: ModelChoice) -> [(&'static str, &'static str); 2] {
    match model {
        ModelChoice::Trees | ModelChoice::Default => [("learning_rate", "0.01..0.3:log"), ("max_depth", "2..8:int")],
        _ => [("learning_rate", "0.0001..0.01:log"), ("batch_size", "32,64,128")],
    }
}

/// What the dialog holds, as it is typed.
#[derive(Clone, Copy)]
struct Typed {
    what: RwSignal<String>,
    command: RwSignal<String>,
    /// Where the program runs.
    at: ProgramPlace,
    /// Of trainings, and of the program.
    metric: [RwSignal<String>; 2],
    goal: RwSignal<String>,
    method: RwSignal<String>,
    stopping: RwSignal<String>,
    trials: RwSignal<String>,
    parallel: RwSignal<String>,
    gpus: RwSignal<String>,
    seed: RwSignal<String>,
    min_steps: RwSignal<String>,
    reduction: RwSignal<String>,
    limits: Limits,
    /// Of trainings, and of the program.
    tried: [RwSignal<Vec<Tried>>; 2],
    next: RwSignal<usize>,
}

impl Typed {
    fn of(file: &SearchConfig, model: ModelChoice) -> Self {
        let text = |text: &str| RwSignal::new(text.to_owned());
        let row = |(number, (name, values)): (usize, (&str, &str))| Tried::new(number, name, values);
        let written: Vec<(String, String)> =
            file.space.iter().map(|(name, written)| (name.clone(), written.to_string())).collect();
        let written = written.iter().map(|(name, values)| (name.as_str(), values.as_str()));
        let known: Vec<Tried> = written.enumerate().map(row).collect();
        let usual = first(model);
        let first = || usual.into_iter().enumerate().map(row).collect();
        let next = known.len().max(usual.len());
        let (of_training, of_program) = match (&file.command, known.is_empty()) {
            (Some(_), _) => (first(), known),
            (None, false) => (known, Vec::new()),
            (None, true) => (first(), Vec::new()),
        };
        let words = file.command.iter().flatten().map(String::as_str);
        Self {
            what: text(if file.command.is_some() { PROGRAM } else { "training" }),
            command: RwSignal::new(shlex::try_join(words).unwrap_or_default()),
            at: ProgramPlace::new(),
            metric: [file.command.is_none(), file.command.is_some()]
                .map(|is_its| text(file.metric.as_deref().filter(|_| is_its).unwrap_or_default())),
            goal: text(if file.goal == Some(Direction::Max) { "max" } else { "min" }),
            method: text(word_of(file.method)),
            stopping: text(if file.early_stopping == EarlyStopping::Asha { "asha" } else { "none" }),
            trials: RwSignal::new(file.trials.to_string()),
            parallel: RwSignal::new(file.parallel.to_string()),
            gpus: RwSignal::new(file.gpus.to_string()),
            seed: RwSignal::new(file.seed.map_or_else(String::new, |seed| seed.to_string())),
            min_steps: RwSignal::new(file.min_steps.to_string()),
            reduction: RwSignal::new(file.reduction.to_string()),
            limits: Limits::of(&file.budget),
            tried: [RwSignal::new(of_training), RwSignal::new(of_program)],
            next: RwSignal::new(next),
        }
    }

    fn is_program(self) -> bool {
        self.what.with(|what| what == PROGRAM)
    }

    fn metric(self) -> RwSignal<String> {
        self.metric[usize::from(self.is_program())]
    }

    fn tried(self) -> RwSignal<Vec<Tried>> {
        self.tried[usize::from(self.is_program())]
    }

    fn add(self, name: &str) {
        let number = self.next.get_untracked();
        self.next.set(number + 1);
        self.tried().update(|tried| tried.push(Tried::new(number, name, "")));
    }

    /// Each name of the command has its line: a missing one is added, one without values goes with its name.
    fn follow_command(self) {
        let words = shlex::split(&self.command.get_untracked()).unwrap_or_default();
        let names = SearchCommand::names(&words);
        let tried = self.tried[1];
        let is_kept = |one: &Tried| {
            let (name, values) = (one.name.get_untracked(), one.values.get_untracked());
            names.contains(&name.as_str()) || !values.trim().is_empty()
        };
        tried.update(|tried| tried.retain(is_kept));
        for name in names {
            if !tried.get_untracked().iter().any(|one| one.name.get_untracked() == name) {
                self.add(name);
            }
        }
    }

    /// A hyperparameter that has values and no place in the command.
    fn unplaced(self) -> Option<String> {
        let words = self.command.with(|command| shlex::split(command)).unwrap_or_default();
        let names = SearchCommand::names(&words);
        let tried = self.tried[1].get().into_iter().map(|one| one.name.get());
        let unplaced = tried.filter(|name| !name.is_empty()).find(|name| !names.contains(&name.as_str()))?;
        Some(format!("The command has no ${{{unplaced}}}."))
    }

    /// The folder and the variables of the program, or what is wrong with them; a training has neither.
    fn place(self) -> Result<(Option<String>, Option<Environment>), String> {
        if self.is_program() { Ok((self.at.directory(), self.at.variables()?)) } else { Ok((None, None)) }
    }

    /// What is to be begun, or what is wrong with it.
    fn config(self) -> Result<SearchConfig, String> {
        let whole = "Trials and trials at once are whole numbers.";
        let command = match self.is_program() {
            false => None,
            true => {
                let words = self.command.with(|command| shlex::split(command));
                let words = words.ok_or("The command's quotation marks don't match.")?;
                if words.is_empty() {
                    return Err("Which program is to be run?".to_owned());
                }
                Some(words)
            }
        };
        let metric = Some(self.metric().get().trim().to_owned()).filter(|metric| !metric.is_empty());
        // Trainings are judged by what ranks them, unless another series is named.
        if metric.is_none() && self.is_program() {
            return Err("Which series that the program logs is judged?".to_owned());
        }
        let goal = if self.goal.get() == "max" { Direction::Max } else { Direction::Min };
        let goal = metric.as_ref().map(|_| goal);
        let steps = "Early stopping's steps and one of so many are whole numbers.";
        let is_stopped = self.stopping.get() == "asha";
        // What is typed in a field that is not shown any more says nothing.
        let number = |typed: RwSignal<String>, usual: u64| match is_stopped {
            true => typed.get().trim().parse().map_err(|_| steps),
            false => Ok(usual),
        };
        let usual = SearchConfig::default();
        Ok(SearchConfig {
            command,
            metric,
            goal,
            method: method_of(&self.method.get()),
            early_stopping: if is_stopped { EarlyStopping::Asha } else { EarlyStopping::None },
            trials: self.trials.get().trim().parse().map_err(|_| whole)?,
            parallel: self.parallel.get().trim().parse().map_err(|_| whole)?,
            gpus: self.gpus.get().trim().parse().map_err(|_| "GPUs of each trial are a whole number.")?,
            seed: match self.seed.get().trim() {
                "" => None,
                seed => Some(seed.parse().map_err(|_| "The seed is a whole number.")?),
            },
            min_steps: number(self.min_steps, usual.min_steps)?,
            reduction: number(self.reduction, usual.reduction)?,
            budget: self.limits.budget()?,
            space: space_of(&self.tried().get())?,
        })
    }
}

#[component]
fn Form(open: RwSignal<bool>) -> impl IntoView {
    let place = Place::get();
    let (client, pending) = (Client::get(), Pending::new());
    let navigate = StoredValue::new_local(use_navigate());
    let file =
        place.known.value.with_untracked(|known| known.as_ref().map(|known| known.file.clone())).unwrap_or_default();
    let typed = Typed::of(&file.search, file.training.model.on(file.data.kind));
    let name = RwSignal::new(String::new());
    let wrong = RwSignal::new(None::<api::ApiError>);
    let space = Memo::new(move |_| space_of(&typed.tried().get()));
    let count = move || space.get().ok().and_then(|space| grid(&space)).filter(|_| typed.method.get() == "grid");
    let begin = move || {
        let asked = untrack(|| Ok::<_, String>((typed.config()?, typed.place()?)));
        let (config, (directory, variables)) = match asked {
            Ok(asked) => asked,
            Err(why) => {
                wrong.set(Some(api::ApiError::invalid(why)));
                return;
            }
        };
        let Some(project) = place.project.get_untracked() else { return };
        let config = Some(config);
        let name = Some(name.get_untracked().trim().to_owned()).filter(|name| !name.is_empty());
        let request = StartSearch { project, config, training: None, directory, environment: None, variables, name };
        pending.run_or(
            async move { client.call(request).await },
            move |search| {
                let to = place.link(&format!("runs?search={}", search.id));
                navigate.try_with_value(|navigate| navigate(&to, Default::default()));
                open.try_set(false);
            },
            move |error| drop(wrong.try_set(Some(error))),
        );
    };
    view! {
        <div class="content form">
            <Segments value=typed.what name="What is searched with" options=vec![("training", "Training"), (PROGRAM, "A program")] />
            {move || typed.is_program().then(|| view! { <Program typed /> })}
            <Labelled label="Name" hint="Its runs' names begin with it; by default two words."><TextField value=name placeholder="such as depth and rate" /></Labelled>
            <div class="two-fields">
                <Labelled label="Method" hint=hint_of(typed.method)>
                    <Select value=typed.method options=options(&[("tpe", "TPE"), ("random", "Random"), ("grid", "Grid")]) />
                </Labelled>
                <Labelled label="Early stopping" hint="Of trials that are not among the best.">
                    <Select value=typed.stopping options=options(&[("none", "None"), ("asha", "ASHA")]) />
                </Labelled>
                <Labelled label="Trials at most" hint=Signal::derive(move || count().map_or_else(String::new, |count| format!("The grid has {}.", words::count(count))))>
                    <TextField value=typed.trials kind="number" />
                </Labelled>
                <Labelled label="Trials at once" hint="As far as memory allows."><TextField value=typed.parallel kind="number" /></Labelled>
            </div>
            <div class="labelled">
                <span>"What is tried"</span>
                <div class="stack">
                    <For each=move || typed.tried().get() key=|one| one.number let:one>
                        <OneTried one typed />
                    </For>
                    <div><Button label="Another hyperparameter" mark=icon::PLUS kind="quiet s" on_press=move || typed.add("") /></div>
                </div>
                {move || typed.is_program().then(|| typed.unplaced()).flatten().map(|why| view! { <small class="warn" role="status">{why}</small> })}
                <small class="faint">"Values by commas, such as 64,128, or a range: 0.001..0.1:log, 2..8:int."</small>
            </div>
            <LimitFields limits=typed.limits hint="Of all trials together." />
            <details class="folded">
                <summary>{move || if typed.is_program() { "Seed, GPUs and early stopping" } else { "Judging, seed and early stopping" }}</summary>
                <div class="form">
                    {move || (!typed.is_program()).then(|| view! {
                        <Judged typed hint="Nothing: what ranks the project's runs." placeholder="what ranks the runs" />
                    })}
                    <div class="row-form">
                        <Labelled label="Seed" hint="The same seed tries the same; without one the search draws its own."><TextField value=typed.seed kind="number" /></Labelled>
                        {move || (typed.stopping.get() == "asha").then(|| view! {
                            <Labelled label="Steps before a stop"><TextField value=typed.min_steps kind="number" /></Labelled>
                            <Labelled label="One of … goes on" hint="At each comparison of early stopping."><TextField value=typed.reduction kind="number" /></Labelled>
                        })}
                        {move || typed.is_program().then(|| view! {
                            <Labelled label="GPUs of each trial" hint="Where several run at once; 0 is all."><TextField value=typed.gpus kind="number" /></Labelled>
                        })}
                    </div>
                </div>
            </details>
        </div>
        // Below what scrolls, so that it is seen wherever that stands.
        {move || wrong.get().map(|error| view! { <div class="content"><Problem error /></div> })}
        <footer>
            <Button label="Cancel" on_press=move || open.set(false) />
            <Button label="Search" mark=icon::SLIDERS_HORIZONTAL kind="primary" disabled=pending.busy on_press=begin />
        </footer>
    }
}

/// The program, and what it is judged by.
#[component]
fn Program(typed: Typed) -> impl IntoView {
    view! {
        <Labelled label="Command" hint="With ${name} where a value is to stand. Name the Python of a virtual environment by its path.">
            <TextField
                value=typed.command
                class="mono"
                placeholder="python train.py --lr=${lr}"
                on_change=Callback::new(move |()| typed.follow_command())
            />
        </Labelled>
        <Judged typed hint="A series that it logs." placeholder="loss" />
        <FoldedPlace typed=typed.at kept="They are kept in memory while the search goes on: resumed, it has the host's alone." />
    }
}

#[component]
fn Judged(typed: Typed, hint: &'static str, placeholder: &'static str) -> impl IntoView {
    // It is made anew where a program takes the place of trainings.
    let value = untrack(|| typed.metric());
    view! {
        <div class="two-fields">
            <Labelled label="Judged by" hint><TextField value placeholder /></Labelled>
            <Labelled label="Better is"><Select value=typed.goal options=options(&[("min", "Less"), ("max", "More")]) /></Labelled>
        </div>
    }
}

#[component]
fn OneTried(one: Tried, typed: Typed) -> impl IntoView {
    let Tried { number, name, values } = one;
    let names: Vec<(String, String)> = std::iter::once((String::new(), "Choose…".to_owned()))
        .chain(known().into_iter().map(|key| (key.clone(), words::param(&key))))
        .collect();
    view! {
        <span class="flex" data-tried="">
            {match untrack(|| typed.is_program()) {
                true => view! { <TextField value=name name="Hyperparameter" placeholder="lr" class="short mono" /> }.into_any(),
                false => view! { <Select value=name options=names name="Hyperparameter" /> }.into_any(),
            }}
            <TextField value=values name="Its values" placeholder="0.001..0.1:log" class="grow" />
            <IconButton label="Don't try it" mark=icon::X on_press=move |_| typed.tried().update(|tried| tried.retain(|one| one.number != number)) />
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

#[cfg(test)]
mod tests {
    use api::config::DataKind;

    use super::*;

    #[test]
    fn what_is_tried_first_changes_the_training_of_the_model() {
        let all = [ModelChoice::Trees, ModelChoice::Linear, ModelChoice::Mlp, ModelChoice::Cnn];
        for model in all {
            assert!(first(model).iter().all(|(name, values)| model.uses(name) && values.parse::<Written>().is_ok()));
            assert!(first(model).iter().all(|(name, _)| known().iter().any(|key| key == name)));
        }
        for kind in [DataKind::Table, DataKind::Images] {
            let model = ModelChoice::Default.on(kind);
            assert!(first(model).iter().all(|(name, _)| model.uses(name)));
        }
    }
}
