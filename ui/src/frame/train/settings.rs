//! The settings of one training as a person types them: each key of `[training]`, its default seen in
//! its field, and what is mistyped said there instead of being taken for the default.

use std::collections::BTreeMap;

use api::{
    config::{DataKind, ModelChoice, Optimizer, TrainingConfig},
    host::{Hardware, NamedDevice},
    hyperparameter::{NetworkDefaults, TreeDefaults},
    worker::Device,
};
use leptos::prelude::*;

/// The texts of the form.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) model: RwSignal<String>,
    pub(super) device: RwSignal<String>,
    pub(super) optimizer: RwSignal<String>,
    pub(super) balance: RwSignal<bool>,
    texts: StoredValue<BTreeMap<&'static str, RwSignal<String>>>,
    base: StoredValue<TrainingConfig>,
    is_images: bool,
}

/// What is wrong, by key.
pub(super) type Mistakes = BTreeMap<&'static str, String>;

impl Settings {
    pub(super) fn new(base: &TrainingConfig, is_images: bool) -> Self {
        let whole = |value: Option<usize>| value.map(|value| value.to_string()).unwrap_or_default();
        let decimal = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let texts = [
            ("seed", base.seed.to_string()),
            ("threads", whole(Some(base.threads).filter(|threads| *threads > 0))),
            ("epochs", whole(base.epochs)),
            ("rounds", whole(base.rounds)),
            ("batch_size", whole(base.batch_size)),
            ("learning_rate", decimal(base.learning_rate)),
            ("weight_decay", decimal(base.weight_decay)),
            ("dropout", decimal(base.dropout)),
            ("hidden", base.hidden.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
            ("patience", whole(base.patience)),
            ("max_depth", whole(base.max_depth)),
            ("l2", decimal(base.l2)),
        ];
        let texts = texts.into_iter().map(|(key, text)| (key, RwSignal::new(text))).collect();
        Self {
            model: RwSignal::new(base.model.word().to_owned()),
            device: RwSignal::new(base.device.word().to_owned()),
            optimizer: RwSignal::new(if base.optimizer == Optimizer::Sgd { "sgd" } else { "adamw" }.to_owned()),
            balance: RwSignal::new(base.balance),
            texts: StoredValue::new(texts),
            base: StoredValue::new(base.clone()),
            is_images,
        }
    }

    pub(super) fn text(self, key: &'static str) -> RwSignal<String> {
        self.texts.with_value(|texts| texts.get(key).copied()).unwrap_or_else(|| RwSignal::new(String::new()))
    }

    /// What will be trained: trees for tables and a network for images where nobody chose.
    pub(super) fn trained(self) -> ModelChoice {
        let data = if self.is_images { DataKind::Images } else { DataKind::Table };
        model_of(&self.model.get()).on(data)
    }

    /// The devices that the model can't take on this machine, by their key, each with why.
    pub(super) fn refused(self, machine: &Hardware) -> BTreeMap<String, String> {
        let is_trees = self.trained() == ModelChoice::Trees;
        let reason = |named: &NamedDevice| if is_trees { named.trees.clone() } else { named.networks.clone() };
        let refused = |named| reason(named).map(|reason| (named.device.word().to_owned(), reason));
        machine.devices.iter().filter_map(refused).collect()
    }

    fn optimizer(self) -> Optimizer {
        if self.optimizer.with(|optimizer| optimizer == "sgd") { Optimizer::Sgd } else { Optimizer::Adamw }
    }

    /// What a field that is left empty stands for.
    pub(super) fn default_of(self, key: &str) -> String {
        let (network, trees) = (NetworkDefaults::of(self.trained(), self.optimizer()), TreeDefaults::default());
        let is_trees = self.trained() == ModelChoice::Trees;
        match key {
            "threads" => "all cores".to_owned(),
            "epochs" => network.epochs.to_string(),
            "rounds" => trees.rounds.to_string(),
            "batch_size" => {
                format!("{} to {}, by rows", NetworkDefaults::batch_size(0), NetworkDefaults::batch_size(usize::MAX))
            }
            "learning_rate" if is_trees => trees.learning_rate.to_string(),
            "learning_rate" => network.learning_rate.to_string(),
            "weight_decay" => network.weight_decay.to_string(),
            "dropout" => network.dropout.to_string(),
            "hidden" => network.hidden.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            "patience" if is_trees => trees.patience.to_string(),
            "patience" => network.patience.to_string(),
            "max_depth" => trees.max_depth.to_string(),
            "l2" => trees.l2.to_string(),
            _ => "0".to_owned(),
        }
    }

    /// The keys behind "More" that this model uses; others keep what `slipway.toml` says.
    pub(super) fn more_of(self) -> Vec<&'static str> {
        let all = ["hidden", "dropout", "max_depth", "l2", "batch_size", "weight_decay", "patience", "threads"];
        all.into_iter().filter(|key| self.trained().uses(key)).collect()
    }

    /// What was typed, or what is wrong with it. Only fields that are shown are judged.
    /// `refused` says why the chosen device can't be taken here.
    pub(super) fn read(self, refused: Option<String>) -> Result<TrainingConfig, Mistakes> {
        let mut mistakes = Mistakes::new();
        let mut training = self.base.get_value();
        training.model = model_of(&self.model.get());
        training.device = device_of(&self.device.get());
        training.balance = self.balance.get();
        let is_trees = self.trained() == ModelChoice::Trees;
        if !is_trees {
            training.optimizer = self.optimizer();
        }
        let mut shown = vec!["seed", "learning_rate", if is_trees { "rounds" } else { "epochs" }];
        shown.extend(self.more_of());
        for key in shown {
            let text = self.text(key).get();
            if let Err(wrong) = put(&mut training, key, text.trim()) {
                mistakes.insert(key, wrong);
            }
        }
        if let Some(reason) = refused {
            mistakes.insert("device", reason);
        }
        if mistakes.is_empty() { Ok(training) } else { Err(mistakes) }
    }
}

/// Sets one key from its text; empty leaves it to the default.
fn put(training: &mut TrainingConfig, key: &str, text: &str) -> Result<(), String> {
    match key {
        "seed" => training.seed = if text.is_empty() { 0 } else { text.parse().map_err(|_| whole_wanted(0))? },
        "threads" => training.threads = whole(text, 0)?.unwrap_or(0),
        "epochs" => training.epochs = whole(text, 1)?,
        "rounds" => training.rounds = whole(text, 1)?,
        "batch_size" => training.batch_size = whole(text, 1)?,
        "patience" => training.patience = whole(text, 0)?,
        "max_depth" => training.max_depth = whole(text, 1)?,
        "learning_rate" => training.learning_rate = decimal(text, |rate| rate > 0.0, "a number above 0, such as 0.01")?,
        "weight_decay" => training.weight_decay = decimal(text, |decay| decay >= 0.0, "a number from 0, such as 0.01")?,
        "l2" => training.l2 = decimal(text, |l2| l2 >= 0.0, "a number from 0, such as 5")?,
        "dropout" => {
            training.dropout =
                decimal(text, |share| (0.0..1.0).contains(&share), "a share from 0 to below 1, such as 0.1")?;
        }
        "hidden" => {
            let widths = text.split([',', ' ']).filter(|width| !width.is_empty());
            let widths: Result<Vec<usize>, String> =
                widths.map(|width| whole(width, 1).map(Option::unwrap_or_default)).collect();
            training.hidden =
                widths.map_err(|_| "Give widths from 1, separated by commas, such as 128, 64.".to_owned())?;
        }
        _ => {}
    }
    Ok(())
}

fn whole_wanted(least: usize) -> String {
    format!("Give a whole number from {least}, or leave it empty.")
}

fn whole(text: &str, least: usize) -> Result<Option<usize>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse::<usize>().ok().filter(|value| *value >= least).map(Some).ok_or_else(|| whole_wanted(least))
}

fn decimal(text: &str, is_fine: impl Fn(f64) -> bool, wanted: &str) -> Result<Option<f64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite() && is_fine(*value));
    value.map(Some).ok_or_else(|| format!("Give {wanted}, or leave it empty."))
}

/// The name of a key's field, and what it does.
pub(super) const fn words_of(key: &str) -> (&'static str, &'static str) {
    match key.as_bytes() {
        b"max_depth" => ("Max depth", "Levels of one tree."),
        b"l2" => ("L2", "Pulls the leaves towards 0."),
        b"patience" => ("Patience", "Without a better validation metric so long, it ends; 0 never."),
        b"threads" => ("Threads", "Equal results need equal threads."),
        b"batch_size" => ("Batch size", "Rows a step."),
        b"weight_decay" => ("Weight decay", "Pulls weights towards 0."),
        b"hidden" => ("Hidden layers", "Their widths, separated by commas."),
        b"dropout" => ("Dropout", "Share of units left out at each step."),
        _ => ("", ""),
    }
}

fn model_of(key: &str) -> ModelChoice {
    [ModelChoice::Linear, ModelChoice::Mlp, ModelChoice::Trees, ModelChoice::Cnn]
        .into_iter()
        .find(|model| model.word() == key)
        .unwrap_or_default()
}

fn device_of(key: &str) -> Device {
    [Device::Cpu, Device::Cuda, Device::Metal, Device::Wgpu]
        .into_iter()
        .find(|device| device.word() == key)
        .unwrap_or_default()
}
