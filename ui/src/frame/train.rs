//! The Train dialog: an address with `?train=1` opens it, on any page of a project. It says what
//! will be trained on and lets a person choose otherwise for this run only.

use api::{
    config::{ModelChoice, TrainingConfig},
    dataset::PlanSnapshot,
    id::{AlertId, SnapshotId},
    job::Subject,
    run::StartRun,
    worker::Device,
};
use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate, use_query_map},
};

use super::place::{self, Place};
use crate::{
    client::{Client, query::query},
    parts::{
        button::{Button, Pending},
        dialog::Dialog,
        field::{Labelled, Select, TextField},
        icon,
        states::Load,
        words,
    },
};

/// The dialog, closed until the address asks for it.
#[component]
pub(crate) fn TrainDialog() -> impl IntoView {
    let asked = use_query_map();
    let here = use_location();
    let navigate = use_navigate();
    let place = Place::get();
    let open = RwSignal::new(false);
    Effect::new(move |_| {
        if asked.with(|asked| asked.get("train").is_some()) {
            open.set(true);
        }
    });
    // Closing it takes the wish out of the address, so that a reload does not open it again.
    Effect::new(move |was: Option<bool>| {
        let is = open.get();
        if was == Some(true) && !is && asked.with_untracked(|asked| asked.get("train").is_some()) {
            let replace = NavigateOptions { replace: true, ..Default::default() };
            navigate(&here.pathname.get_untracked(), replace);
        }
        is
    });
    view! {
        <Dialog open title="Train">
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
    let base = file.training.clone();
    let is_images = file.data.kind == api::config::DataKind::Images;
    let model = RwSignal::new(model_key(base.model).to_owned());
    let device = RwSignal::new(device_key(base.device).to_owned());
    let seed = RwSignal::new(base.seed.to_string());
    let length = RwSignal::new(base.epochs.or(base.rounds).map(|count| count.to_string()).unwrap_or_default());
    let rate = RwSignal::new(base.learning_rate.map(|rate| rate.to_string()).unwrap_or_default());
    let pending = Pending::new();
    let plan = query(move || Some(PlanSnapshot { project }));
    let target = file.data.target.clone();
    let by_rounds = move || model.with(|model| model == "trees" || (model == "default" && !is_images));

    let start = move || {
        let number = |text: RwSignal<String>| text.with_untracked(|text| text.trim().parse::<usize>().ok());
        let mut training = TrainingConfig {
            model: model_of(&model.get_untracked()),
            device: device_of(&device.get_untracked()),
            seed: seed.with_untracked(|seed| seed.trim().parse().unwrap_or(base.seed)),
            learning_rate: rate.with_untracked(|rate| rate.trim().parse().ok()),
            ..base.clone()
        };
        if untrack(by_rounds) {
            training.rounds = number(length);
        } else {
            training.epochs = number(length);
        }
        let named = |name: &str| asked.with_untracked(|asked| asked.get(name));
        let request = StartRun {
            project,
            training: Some(training),
            snapshot: named("snapshot").and_then(|id| id.parse::<SnapshotId>().ok()),
            name: None,
            alert: named("alert").and_then(|id| id.parse::<AlertId>().ok()),
        };
        pending.run(async move { client.call(request).await }, move |job| {
            let to = match job.subject {
                Subject::Run(run) => place::address(project, &format!("runs/{run}")),
                _ => place::address(project, "runs"),
            };
            navigate.with_value(|navigate| navigate(&to, Default::default()));
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
    let devices: Vec<(String, String)> = [
        ("auto", "Best that starts here"),
        ("cpu", "CPU"),
        ("cuda", "CUDA"),
        ("metal", "Metal"),
        ("wgpu", "Any GPU (wgpu, trees only)"),
    ]
    .into_iter()
    .map(|(key, label)| (key.to_owned(), label.to_owned()))
    .collect();
    view! {
        <div class="content form">
            <p class="muted">
                {match target {
                    Some(target) => view! { "Learns to predict " <span class="mono">{target}</span> ". " }.into_any(),
                    None => view! { <span class="warn">"No target is chosen yet: name it on the Data page. "</span> }.into_any(),
                }}
                {move || plan.value.get().map(|plan| if plan.unchanged {
                    "The data have not changed since the newest version.".to_owned()
                } else {
                    format!("The data changed: a new version of {} is taken first, {} of it new.", words::bytes(plan.size_bytes), words::bytes(plan.new_bytes))
                })}
            </p>
            <Labelled label="Model"><Select value=model options=models /></Labelled>
            <div class="two-fields">
                <Labelled label="Device"><Select value=device options=devices /></Labelled>
                <Labelled label="Seed"><TextField value=seed kind="number" class="mono" /></Labelled>
            </div>
            <div class="two-fields">
                <label class="labelled">
                    <span>{move || if by_rounds() { "Rounds at most" } else { "Epochs at most" }}</span>
                    <TextField value=length kind="number" class="mono" placeholder="chosen by default" />
                    <small>"Ends earlier where validation stops improving."</small>
                </label>
                <Labelled label="Learning rate"><TextField value=rate class="mono" placeholder="chosen by default" /></Labelled>
            </div>
        </div>
        <footer>
            <span class="grow caption faint">"For this run only; the defaults stand in slipway.toml."</span>
            <Button label="Cancel" on_press=move || open.set(false) />
            <span data-first><Button label="Start training" mark=icon::PLAY kind="primary" disabled=pending.busy on_press=start /></span>
        </footer>
    }
}

const fn model_key(model: ModelChoice) -> &'static str {
    match model {
        ModelChoice::Default => "default",
        ModelChoice::Linear => "linear",
        ModelChoice::Mlp => "mlp",
        ModelChoice::Trees => "trees",
        ModelChoice::Cnn => "cnn",
    }
}

fn model_of(key: &str) -> ModelChoice {
    [ModelChoice::Linear, ModelChoice::Mlp, ModelChoice::Trees, ModelChoice::Cnn]
        .into_iter()
        .find(|model| model_key(*model) == key)
        .unwrap_or_default()
}

const fn device_key(device: Device) -> &'static str {
    match device {
        Device::Auto => "auto",
        Device::Cpu => "cpu",
        Device::Cuda => "cuda",
        Device::Metal => "metal",
        Device::Wgpu => "wgpu",
    }
}

fn device_of(key: &str) -> Device {
    [Device::Cpu, Device::Cuda, Device::Metal, Device::Wgpu]
        .into_iter()
        .find(|device| device_key(*device) == key)
        .unwrap_or_default()
}
