//! The Train dialog: an address with `?train=1` opens it, on any page of a project. It says what
//! will be trained on and lets a person choose otherwise for this run only.

mod before;
mod settings;

use api::{
    config::{DataConfig, ModelChoice},
    dataset::{AddData, GetDataset, GetProfile, PlanSnapshot, Profile, Role, WarningKind},
    evaluation::usual_positive,
    id::{AlertId, ProjectId, SnapshotId},
    job::Subject,
    monitor::ListAlerts,
    project::EditProjectFile,
    run::StartRun,
    spending::BudgetConfig,
    worker::Device,
};
use leptos::prelude::*;
use leptos_router::hooks::{use_navigate, use_query_map};

use self::{
    before::{before, trained_on},
    settings::{Mistakes, Settings, words_of},
};
use super::{
    asked,
    machine::Machine,
    place::{self, Place},
};
use crate::{
    client::{
        Client,
        query::{prepared::prepared, query},
    },
    parts::{
        button::{Button, Pending},
        dialog::Dialog,
        field::{Labelled, Select, Switch, TextField},
        icon,
        limits::{FoldedLimits, Limits},
        states::Load,
        toast::Toasts,
        under_way::{Started, Starting},
        words,
    },
};

/// The dialog, closed until the address asks for it.
#[component]
pub(crate) fn TrainDialog() -> impl IntoView {
    let place = Place::get();
    let open = asked::opened_by("train");
    let asked = use_query_map();
    // From an alert, or from the page that watches a model: a retraining.
    let title = Signal::derive(move || {
        let again = asked.with(|asked| asked.get("alert").is_some() || asked.get("train").as_deref() == Some("again"));
        if again { "Retrain" } else { "Train" }.to_owned()
    });
    view! {
        <Dialog open title>
            <Load query=place.known lines=4 let:_project><TrainForm open /></Load>
        </Dialog>
    }
}

#[component]
fn TrainForm(open: RwSignal<bool>) -> impl IntoView {
    let place = Place::get();
    let client = Client::get();
    let navigate = StoredValue::new_local(use_navigate());
    let asked = use_query_map();
    let project = place.id_now();
    let file = place.known.value.get_untracked().map(|project| project.file).unwrap_or_default();
    let is_images = file.data.kind == api::config::DataKind::Images;
    let settings = Settings::new(&file.training, is_images);
    let name = RwSignal::new(String::new());
    let machine = Machine::get().now;
    let refused = Memo::new(move |_| {
        machine.value.with(|machine| machine.as_ref().map(|machine| settings.refused(machine)).unwrap_or_default())
    });
    let typed = Memo::new(move |_| {
        settings.read(settings.device.with(|device| refused.with(|refused| refused.get(device).cloned())))
    });
    let wrong = Memo::new(move |_| typed.with(|typed| typed.as_ref().err().cloned().unwrap_or_default()));
    let asks_more = RwSignal::new(false);
    // A mistake is never hidden.
    let is_more = Memo::new(move |_| {
        asks_more.get() || wrong.with(|wrong| settings.more_of().iter().any(|key| wrong.contains_key(key)))
    });
    let (limits, budget) = (Limits::of(&BudgetConfig::default()), file.budget.clone());
    let is_wrong = Memo::new(move |_| !wrong.with(Mistakes::is_empty) || limits.budget().is_err());
    let pending = Pending::new();
    let plan = query(move || Some(PlanSnapshot { project }));
    let snapshot =
        Memo::new(move |_| asked.with(|asked| asked.get("snapshot").and_then(|id| id.parse::<SnapshotId>().ok())));
    let alert = Memo::new(move |_| asked.with(|asked| asked.get("alert").and_then(|id| id.parse::<AlertId>().ok())));
    let alerts = query(move || alert.get().map(|_| ListAlerts { project: Some(project), open_only: false }));
    let answered = Memo::new(move |_| {
        let id = alert.get()?;
        alerts.value.with(|alerts| alerts.iter().flatten().find(|alert| alert.id == id).cloned())
    });
    let deployment = Signal::derive(move || answered.with(|alert| alert.as_ref().map(|alert| alert.deployment)));
    let older = before(project, deployment, Signal::derive(move || alert.with(Option::is_some)));
    let target = file.data.target.clone();
    let dataset = query(move || Some(GetDataset { project }));
    let measured = prepared(move || {
        let newest = dataset.value.with(|dataset| dataset.as_ref()?.snapshots.first().map(|snapshot| snapshot.id));
        newest.map(|snapshot| GetProfile { snapshot })
    });
    let named = file.data.positive.clone();
    let positive =
        Memo::new(move |_| named.clone().or_else(|| measured.query.value.with(|profile| usual(profile.as_ref()?))));
    let data = Memo::new(move |_| place.known.value.get().map(|project| project.file.data).unwrap_or_default());
    let is_trees = Memo::new(move |_| settings.trained() == ModelChoice::Trees);

    let start = move || {
        let (Ok(training), Ok(budget)) = (typed.get_untracked(), untrack(|| limits.budget())) else { return };
        let request = StartRun {
            project,
            training: Some(training),
            snapshot: snapshot.get_untracked(),
            name: Some(name.with_untracked(|name| name.trim().to_owned())).filter(|name| !name.is_empty()),
            alert: alert.get_untracked(),
            budget,
        };
        pending.run(async move { client.call(request).await }, move |job| {
            let to = match job.subject {
                Subject::Run(run) => place::address(project, &format!("runs/{run}")),
                _ => place::address(project, "runs"),
            };
            navigate.try_with_value(|navigate| navigate(&to, Default::default()));
            open.set(false);
        });
    };
    let models: Vec<(String, String)> = if is_images {
        vec![("default", "Small CNN (default)"), ("cnn", "Small CNN"), ("linear", "Linear"), ("mlp", "MLP")]
    } else {
        vec![
            ("default", "Gradient-boosted trees (default)"),
            ("trees", "Gradient-boosted trees"),
            ("linear", "Linear or logistic"),
            ("mlp", "MLP"),
        ]
    }
    .into_iter()
    .map(|(key, label)| (key.to_owned(), label.to_owned()))
    .collect();
    let devices = Signal::derive(move || {
        let known = machine.value.with(|machine| machine.as_ref().map(|machine| machine.devices.clone()));
        let is_software = known.iter().flatten().any(|named| named.device == Device::Wgpu && named.software);
        let wgpu = if is_software { "wgpu, only in software here" } else { "Any GPU (wgpu, trees only)" };
        [("auto", "Automatic"), ("cpu", "CPU"), ("cuda", "CUDA"), ("metal", "Metal"), ("wgpu", wgpu)]
            .map(|(key, label)| (key.to_owned(), label.to_owned()))
            .to_vec()
    });
    view! {
        <div class="content form">
            {move || answered.get().map(|alert| view! { <p class="small">"Answers the alert: "{alert.sentence}</p> })}
            <p class="muted">
                {match target {
                    Some(target) => view! { "Learns to predict " <span class="mono">{target}</span> ". " }.into_any(),
                    None => view! { <span class="warn">"No target is chosen yet: name it on the Data page. "</span> }.into_any(),
                }}
                {move || {
                    let (plan, older) = (plan.value.get()?, older.get()?);
                    dataset.value.with(|dataset| {
                        let snapshots = &dataset.as_ref()?.snapshots;
                        Some(trained_on(&plan, snapshot.get().is_some(), snapshots, older.as_ref()))
                    })
                }}
            </p>
            <Show when=move || snapshot.get().is_none() && plan.value.with(|plan| plan.as_ref().is_some_and(|plan| plan.unchanged))>
                <Newer project />
            </Show>
            {move || data.with(no_inputs).map(|sentence| view! { <p class="muted small">{sentence}</p> })}
            <Doubtful project profile=measured.query.value data />
            {move || positive.get().map(|class| view! { <p class="muted small">{format!("The positive class is \"{class}\": probabilities, precision, recall and F1 are of it.")}</p> })}
            <Labelled label="Model"><Select value=settings.model options=models /></Labelled>
            <div class="two-fields">
                <Labelled label="Device" error=error_of(wrong, "device")><Select value=settings.device options=devices refused /></Labelled>
                <Labelled label="Seed" error=error_of(wrong, "seed")><TextField value=settings.text("seed") class="mono" placeholder="0" /></Labelled>
            </div>
            <div class="two-fields">
                {move || {
                    let (key, label) = if is_trees.get() { ("rounds", "Rounds at most") } else { ("epochs", "Epochs at most") };
                    let default = settings.default_of(key);
                    view! {
                        <Labelled label hint="Ends earlier where validation stops improving." error=error_of(wrong, key)>
                            <TextField value=settings.text(key) class="mono" placeholder=default />
                        </Labelled>
                    }
                }}
                {move || {
                    let default = settings.default_of("learning_rate");
                    view! {
                        <Labelled label="Learning rate" error=error_of(wrong, "learning_rate")>
                            <TextField value=settings.text("learning_rate") class="mono" placeholder=default />
                        </Labelled>
                    }
                }}
            </div>
            <div class="flex folds" class:open=move || is_more.get()>
                <Button
                    label=Signal::derive(move || if is_more.get() { "Fewer settings".to_owned() } else { "More settings".to_owned() })
                    mark=icon::CHEVRON_DOWN
                    kind="quiet s"
                    on_press=move || asks_more.set(!is_more.get_untracked())
                />
            </div>
            {move || is_more.get().then(|| view! { <More settings wrong is_trees name /> })}
            <FoldedLimits limits standing=budget />
        </div>
        <footer>
            <span class="grow caption faint">"For this run only. An empty field takes the default that it shows."</span>
            <Button label="Cancel" on_press=move || open.set(false) />
            <span data-first><Button label="Start training" mark=icon::PLAY kind="primary" disabled=Signal::derive(move || pending.busy.get() || is_wrong.get()) tip=Signal::derive(move || if is_wrong.get() { "A field is wrong: it says so.".to_owned() } else { String::new() }) on_press=start /></span>
        </footer>
    }
}

/// Files that lie beside the data: with them there is something new to learn. The plan is made anew as they are added.
#[component]
fn Newer(project: ProjectId) -> impl IntoView {
    let toasts = Toasts::get();
    let adding = Starting::new(move |_| toasts.done("Added to the data paths in slipway.toml."));
    let dataset = query(move || Some(GetDataset { project }));
    let beside = Memo::new(move |_| {
        let files = dataset.value.with(|dataset| dataset.as_ref().map(|dataset| dataset.beside.clone()));
        files.unwrap_or_default().into_iter().map(|file| file.path).collect::<Vec<_>>()
    });
    let add = move || adding.start(AddData { project, paths: beside.get_untracked() });
    let what = move || {
        beside.with(|beside| match beside.as_slice() {
            [] => String::new(),
            [only] => format!("{only} lies beside the data."),
            [first, rest @ ..] => {
                format!(
                    "{first} and {} lie beside the data.",
                    words::counted(rest.len() as u64, "more file", "more files")
                )
            }
        })
    };
    view! {
        <Show when=move || !beside.with(Vec::is_empty)>
            <div class="flex">
                <span class="grow small">{what}</span>
                <Button label="Add the newer files to the data" kind="s" mark=icon::PLUS disabled=adding.busy on_press=add />
            </div>
            <Started starting=adding />
        </Show>
    }
}

/// Inputs that can teach a model nothing, each with the press that takes it out.
#[component]
fn Doubtful(project: ProjectId, profile: RwSignal<Option<Profile>>, data: Memo<DataConfig>) -> impl IntoView {
    let client = Client::get();
    let pending = Pending::new();
    let warnings = Memo::new(move |_| {
        let kinds = [WarningKind::LooksLikeId, WarningKind::AllMissing];
        let warnings = profile.with(|profile| profile.as_ref().map(|profile| profile.warnings.clone()));
        let found = warnings.into_iter().flatten().filter(|warning| kinds.contains(&warning.kind));
        let named = found.filter_map(|warning| Some((warning.column?, warning.message)));
        // The profile has the roles of the moment in which it was asked for.
        named.filter(|(column, _)| data.with(|data| is_input(data, column))).collect::<Vec<_>>()
    });
    let ignore = move |column: String| {
        let mut ignored = data.with_untracked(|data| data.ignore.clone());
        ignored.push(column);
        let request = EditProjectFile { project, set: vec![("data.ignore".to_owned(), ignored.into())] };
        pending.run(async move { client.call(request).await }, |_| {});
    };
    view! {
        <For each=move || warnings.get() key=|(column, _)| column.clone() let((column, message))>
            {
                let label = format!("Ignore {column}");
                view! {
                    <div class="flex">
                        <span class="grow small warn">{message}</span>
                        <Button label kind="s" disabled=pending.busy on_press=move || ignore(column.clone()) />
                    </div>
                }
            }
        </For>
    }
}

/// Whether the project's file lets the model see a column.
fn is_input(data: &DataConfig, column: &str) -> bool {
    let is = |name: &Option<String>| name.as_deref() == Some(column);
    !is(&data.target) && !is(&data.timestamp) && !is(&data.group) && !data.ignore.iter().any(|name| name == column)
}

/// The positive class that a target of two values has where the project's file names none.
fn usual(profile: &Profile) -> Option<String> {
    let target = profile.columns.iter().find(|column| column.role == Role::Target && column.distinct == 2)?;
    match target.top.as_slice() {
        [one, other] => Some(usual_positive(&one.value, &other.value).to_owned()),
        _ => None,
    }
}

/// The columns that the project's file keeps from the model, and why.
fn no_inputs(data: &DataConfig) -> Option<String> {
    let time = data.timestamp.iter().map(|name| format!("{name} (the time of a row)"));
    let group = data.group.iter().map(|name| format!("{name} (groups rows)"));
    let ignored = data.ignore.iter().map(|name| format!("{name} (ignored)"));
    let all: Vec<String> = time.chain(group).chain(ignored).collect();
    (!all.is_empty()).then(|| format!("Not used as input: {}.", all.join(", ")))
}

fn error_of(wrong: Memo<Mistakes>, key: &'static str) -> Signal<Option<String>> {
    Signal::derive(move || wrong.with(|wrong| wrong.get(key).cloned()))
}

/// What few change: everything else of `[training]` that the chosen model uses.
#[component]
fn More(settings: Settings, wrong: Memo<Mistakes>, is_trees: Memo<bool>, name: RwSignal<String>) -> impl IntoView {
    let optimizers = || [("adamw", "AdamW"), ("sgd", "SGD")].map(|(key, label)| (key.to_owned(), label.to_owned()));
    view! {
        <div class="more-settings">
            {move || (!is_trees.get()).then(|| view! {
                <Labelled label="Optimizer"><Select value=settings.optimizer options=optimizers().to_vec() /></Labelled>
            })}
            {move || settings.more_of().into_iter().map(|key| {
                let ((label, hint), default) = (words_of(key), settings.default_of(key));
                view! {
                    <Labelled label hint error=error_of(wrong, key)>
                        <TextField value=settings.text(key) class="mono" placeholder=default />
                    </Labelled>
                }
            }).collect_view()}
            <Labelled label="Name of the run"><TextField value=name placeholder="two words, chosen for you" /></Labelled>
        </div>
        {move || {
            let label = if is_trees.get() { "Prefer rare ones of three and more classes" } else { "Weigh rare classes up" };
            view! { <Switch value=settings.balance label /> }
        }}
    }
}
