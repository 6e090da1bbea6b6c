//! One run, from its plan to its bundle.

use std::{collections::BTreeMap, fs, path::Path};

use api::{
    config::{DataKind, ModelChoice},
    worker::{EventBody, LogLevel, Outcome, Plan},
};
use infer::forward::Forward;

use crate::{
    checkpoint,
    control::Control,
    dataset::Dataset,
    error::LearnError,
    events::Events,
    hyperparameters::{NetworkSettings, TreeSettings},
    network_training, report, tree_training,
};

pub const PLAN_FILE: &str = "plan.json";

/// What this crate does not find out by itself.
pub struct Surroundings<'a> {
    pub now_ms: &'a (dyn Fn() -> i64 + Sync),
    /// Resident memory of this process.
    pub memory_bytes: &'a (dyn Fn() -> Option<u64> + Sync),
    /// Memory of this machine; where it is not known, nothing is too large.
    pub machine_bytes: Option<u64>,
    /// What the machine is, by name: "cpu", "gpu".
    pub machine: &'a BTreeMap<String, String>,
    pub process_id: u32,
    /// Takes a line for who reads the run's output.
    pub say: &'a (dyn Fn(&str) + Sync),
    /// Called once, before the last event of a training that did not fail: behind that nobody reads.
    pub ending: &'a (dyn Fn() + Sync),
}

/// A run under way: its folder, and the words that it exchanges there.
pub struct Run<'a> {
    pub folder: &'a Path,
    pub plan: &'a Plan,
    pub events: Events<'a>,
    pub control: Control<'a>,
    pub surroundings: &'a Surroundings<'a>,
}

/// How a training loop ended.
#[derive(Debug)]
pub enum Ending {
    Trained(Box<Forward>),
    /// Asked to; a checkpoint is there.
    Stopped,
}

impl Run<'_> {
    pub fn now_ms(&self) -> i64 {
        (self.surroundings.now_ms)()
    }
}

/// Reads a run's plan.
pub fn read_plan(folder: &Path) -> Result<Plan, LearnError> {
    let path = folder.join(PLAN_FILE);
    let bytes = fs::read(&path).map_err(LearnError::io("read", &path))?;
    serde_json::from_slice(&bytes).map_err(|error| LearnError::Malformed { path, reason: error.to_string() })
}

/// Trains what the plan says, or goes on where the last checkpoint in the folder is; evaluates; writes
/// the bundle. All events but a failure's `done` are written here.
pub fn train(folder: &Path, plan: &Plan, surroundings: &Surroundings<'_>) -> Result<Outcome, LearnError> {
    let mut run = Run {
        folder,
        plan,
        events: Events::open(folder, surroundings)?,
        control: Control::new(folder, surroundings),
        surroundings,
    };
    let left = checkpoint::settle(folder)?;
    check(plan)?;
    let dataset = Dataset::open(plan)?;
    let trees = TreeSettings::new(&plan.training);
    let network = NetworkSettings::new(&plan.training, dataset.counts().training as usize);
    let is_trees = plan.training.model == ModelChoice::Trees;
    run.events.send(EventBody::Started {
        pid: surroundings.process_id,
        device: plan.training.device.word().to_owned(),
        threads: plan.training.threads,
        resumed: left.last,
        params: if is_trees { trees.params(&plan.training) } else { network.params(&plan.training) },
    })?;
    run.events.send(EventBody::Machine { facts: surroundings.machine.clone() })?;
    if left.cut_off {
        let on = if left.last { "it goes on from the last whole one" } else { "none is whole yet: it starts anew" };
        run.events.log(LogLevel::Warn, format!("The run was killed while it wrote a checkpoint; {on}"))?;
    }
    let ending = if is_trees {
        tree_training::train(&mut run, &dataset, &trees)?
    } else {
        network_training::train(&mut run, &dataset, network)?
    };
    let outcome = match ending {
        Ending::Trained(forward) => {
            report::write(&mut run, &dataset, &forward)?;
            Outcome::Finished
        }
        Ending::Stopped => Outcome::Stopped,
    };
    (surroundings.ending)();
    run.events.send(EventBody::Done { outcome, message: None, hint: None, exit_code: None })?;
    run.control.followed();
    Ok(outcome)
}

fn check(plan: &Plan) -> Result<(), LearnError> {
    let images = plan.data.kind == DataKind::Images;
    let reason = match plan.training.model {
        ModelChoice::Default => "it does not say which model to train",
        ModelChoice::Trees if images => "trees can't be trained on images",
        ModelChoice::Cnn if !images => "a convolutional network can't be trained on a table",
        _ => return Ok(()),
    };
    Err(LearnError::Plan { reason: reason.to_owned(), hint: "Choose another model for this kind of data." })
}
