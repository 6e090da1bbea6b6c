//! Trains linear models, perceptrons and convolutional networks.
//!
//! Everything that decides a weight's bits is a function of the plan and of the state in the
//! checkpoint: the order of an epoch's rows comes from the seed and the epoch's number, noise from a
//! stream whose place is saved. The clock only decides when checkpoints and events are written.
//!
//! Rare classes are weighed up by the square root of their rarity, and the outputs' biases are
//! corrected for it afterwards (subtracting each class's log weight, as for a changed prior), so that
//! probabilities stay what they claim to be. Which class is called is chosen on validation, as of trees.

use std::collections::BTreeMap;

use api::{
    config::TrainingConfig,
    evaluation::Task,
    worker::{EventBody, LogLevel},
};
use candle_core::{Device, Tensor};
use data::metrics::decision::is_imbalanced;
use infer::{
    forward::Forward,
    network::{Layer, Network, TargetScale, Weights},
    preprocessing::Mode,
};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::{
    checkpoint::{self, Which, tensor_bytes},
    dataset::{Dataset, Part, Rows},
    error::LearnError,
    hyperparameters::NetworkSettings,
    layers::{self, Parameters},
    measure::{self, measure},
    nn::loss::{Targets, loss},
    optimize::Optimizer,
    progress::{Place, Progress},
    random::{Purpose, Random, RandomState},
    run::{Ending, Run},
    schedule::Schedule,
    stopping::EarlyStopping,
};

const WEIGHTS_FILE: &str = "weights.safetensors";
const MOMENTS_FILE: &str = "moments.safetensors";

/// At the end of an epoch a checkpoint is written if the last one is this old, in mid-epoch if it is
/// older than the second.
const CHECKPOINT_EPOCH_MS: i64 = 1_000;
const CHECKPOINT_MS: i64 = 10_000;

const LARGEST_CLASS_WEIGHT: f64 = 30.0;

/// All that a resume needs beside the weights and the moments.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    /// Optimiser steps taken.
    steps: u64,
    /// Epochs that are complete, and batches of the one that is not.
    epoch: u64,
    batch: usize,
    noise: RandomState,
    stopping: EarlyStopping,
    finished: bool,
}

struct Training<'a> {
    task: Task,
    config: &'a TrainingConfig,
    settings: NetworkSettings,
    network: Network,
    parameters: Parameters,
    optimizer: Optimizer,
    schedule: Schedule,
    device: Device,
    rows: Rows,
    validation: Rows,
    class_weights: Vec<f32>,
    /// Pictures are shifted by up to one pixel.
    shifted: bool,
    noise: Random,
    state: State,
    /// The weights of the best validation so far, and whether the disk has them.
    best: Option<(Weights, bool)>,
    checkpoint_ms: Option<i64>,
}

/// Trains, or goes on where the last checkpoint is; gives the model with the best weights.
pub fn train(run: &mut Run<'_>, dataset: &Dataset<'_>, settings: NetworkSettings) -> Result<Ending, LearnError> {
    let mut training = Training::new(run, dataset, settings)?;
    training.resume(run)?;
    let batches = training.batches();
    let rows_per_step = training.rows.targets.len() as f64 / batches as f64;
    let mut progress = Progress::new(run.surroundings, training.state.steps, rows_per_step);
    while !training.state.finished {
        let order = Random::new(training.config.seed, Purpose::Shuffling { epoch: training.state.epoch })
            .permutation(training.rows.targets.len());
        while training.state.batch < batches {
            if run.control.stop() {
                training.checkpoint(run)?;
                return Ok(Ending::Stopped);
            }
            training.step(run, &order)?;
            progress.tell(&mut run.events, training.place())?;
            if training.checkpoint_due(run, CHECKPOINT_MS) {
                training.checkpoint(run)?;
            }
        }
        training.end_epoch(run)?;
        if training.state.finished || training.checkpoint_due(run, CHECKPOINT_EPOCH_MS) {
            training.checkpoint(run)?;
        }
    }
    progress.end(&mut run.events, training.place())?;
    training.finish(run)
}

impl<'a> Training<'a> {
    fn new(run: &Run<'a>, dataset: &Dataset<'_>, settings: NetworkSettings) -> Result<Self, LearnError> {
        let config = &run.plan.training;
        let task = run.plan.task;
        let device = layers::device(config.device)?;
        let (rows, validation) = (dataset.rows(Part::Training)?, dataset.rows(Part::Validation)?);
        let scale = if task == Task::Regression { target_scale(&rows.targets) } else { TargetScale::default() };
        let outputs = layers::outputs(task, dataset.classes.0.len());
        let mode = dataset.preprocessing.mode;
        let network = layers::design(config.model, &settings, mode, rows.matrix.width, outputs, scale);
        check_size(&network, run.surroundings.machine_bytes)?;
        let parameters = Parameters::new(&network, &mut Random::new(config.seed, Purpose::Initialization), &device)?;
        let optimizer = Optimizer::new(settings.optimizer, settings.weight_decay, &parameters.trained)?;
        let steps = (rows.targets.len().div_ceil(settings.batch_size) * settings.epochs) as u64;
        let class_weights = if settings.balance && task != Task::Regression {
            class_weights(&rows.targets, dataset.classes.0.len())
        } else {
            Vec::new()
        };
        let noise = Random::new(config.seed, Purpose::Noise);
        let state = State {
            steps: 0,
            epoch: 0,
            batch: 0,
            noise: noise.state(config.seed),
            stopping: EarlyStopping::new(settings.patience),
            finished: false,
        };
        Ok(Self {
            task,
            config,
            schedule: Schedule::new(settings.learning_rate, steps),
            shifted: matches!(mode, Mode::Images(_)),
            settings,
            network,
            parameters,
            optimizer,
            device,
            rows,
            validation,
            class_weights,
            noise,
            state,
            best: None,
            checkpoint_ms: None,
        })
    }

    fn resume(&mut self, run: &Run<'_>) -> Result<(), LearnError> {
        let Some(last) = checkpoint::read::<State>(run.folder, Which::Last)? else {
            return Ok(());
        };
        self.parameters.set(&last.tensors(WEIGHTS_FILE)?)?;
        self.optimizer.resume(last.state.steps, &last.tensors(MOMENTS_FILE)?)?;
        self.noise = Random::resume(&last.state.noise).ok_or_else(|| LearnError::Malformed {
            path: run.folder.join("checkpoints/last"),
            reason: "its random state is no number".to_owned(),
        })?;
        self.state = last.state;
        if self.state.stopping.best.is_some()
            && let Some(best) = checkpoint::read::<State>(run.folder, Which::Best)?
        {
            let weights = best.tensors(WEIGHTS_FILE)?;
            let weights = weights.into_iter().map(|(name, value)| Ok((name, value.to_device(&self.device)?)));
            self.best = Some((weights.collect::<Result<_, candle_core::Error>>()?, true));
        }
        Ok(())
    }

    fn batches(&self) -> usize {
        self.rows.targets.len().div_ceil(self.settings.batch_size)
    }

    fn place(&self) -> Place {
        let steps = (self.batches() * self.settings.epochs) as u64;
        let epoch = (self.state.epoch + 1).min(self.settings.epochs as u64);
        Place { epoch: Some((epoch, self.settings.epochs as u64)), step: self.state.steps, steps }
    }

    fn step(&mut self, run: &mut Run<'_>, order: &[usize]) -> Result<(), LearnError> {
        let from = self.state.batch * self.settings.batch_size;
        let chosen = &order[from..(from + self.settings.batch_size).min(order.len())];
        let (rows, targets, weights) = self.gather(chosen)?;
        let outputs = layers::forward(&self.network, &mut self.parameters, &rows, &mut self.noise)?;
        let loss = loss(&outputs, &targets, &weights)?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        let rate = self.schedule.rate(self.state.steps);
        if !value.is_finite() {
            return Err(LearnError::Diverged { step: self.state.steps + 1, loss: value, learning_rate: rate });
        }
        self.optimizer.step(&loss.backward()?, rate)?;
        self.state.steps += 1;
        self.state.batch += 1;
        run.events.metric("loss/train", self.state.steps, value)?;
        run.events.metric("learning_rate", self.state.steps, rate)
    }

    fn gather(&mut self, chosen: &[usize]) -> Result<(Tensor, Targets, Vec<f32>), LearnError> {
        let width = self.rows.matrix.width;
        let mut values = Vec::with_capacity(chosen.len() * width);
        for row in chosen {
            let row = self.rows.matrix.row(*row);
            match (self.shifted, self.network.input.as_slice()) {
                (true, [_, height, width]) => shift(row, *height, *width, &mut self.noise, &mut values),
                _ => values.extend_from_slice(row),
            }
        }
        let mut shape = vec![chosen.len()];
        shape.extend_from_slice(&self.network.input);
        let rows = Tensor::from_vec(values, shape, &self.device)?;
        let targets = chosen.iter().map(|row| self.rows.targets[*row]);
        let scale = self.network.target;
        let weights = match self.class_weights.as_slice() {
            [] => Vec::new(),
            by_class => targets.clone().map(|class| by_class[class as usize]).collect(),
        };
        let targets = match self.task {
            Task::BinaryClassification => Targets::Binary(targets.map(|target| target as f32).collect()),
            Task::MulticlassClassification => Targets::Classes(targets.map(|target| target as u32).collect()),
            Task::Regression => {
                Targets::Numbers(targets.map(|target| ((target - scale.mean) / scale.std) as f32).collect())
            }
        };
        Ok((rows, targets, weights))
    }

    fn end_epoch(&mut self, run: &mut Run<'_>) -> Result<(), LearnError> {
        self.state.epoch += 1;
        self.state.batch = 0;
        let weights = self.calibrated()?;
        let forward = Forward::Network { network: self.network.clone(), weights, device: self.device.clone() };
        let scores = forward.scores(&self.validation.matrix, self.task, self.classes())?;
        let asked = run.plan.evaluation.metric.as_deref();
        let measured = measure(&scores, &self.validation.targets, self.task, self.network.target.std, asked);
        let step = self.state.steps;
        if !measured.loss.is_finite() {
            return Err(LearnError::Diverged { step, loss: measured.loss, learning_rate: self.schedule.rate(step) });
        }
        run.events.metric("loss/validation", step, measured.loss)?;
        let (epoch, epochs) = (self.state.epoch, self.settings.epochs);
        (run.surroundings.say)(&format!("epoch {epoch} of {epochs}: validation loss {:.5}", measured.loss));
        for (key, value) in measured.curves {
            run.events.metric(&key, step, value)?;
        }
        if self.state.stopping.better(measured.loss, self.state.epoch, step) {
            let Forward::Network { weights, .. } = forward else { return Ok(()) };
            let copied = weights.into_iter().map(|(name, value)| Ok((name, value.copy()?)));
            self.best = Some((copied.collect::<Result<_, candle_core::Error>>()?, false));
        }
        self.state.finished = self.state.stopping.exhausted() || self.state.epoch >= self.settings.epochs as u64;
        Ok(())
    }

    fn classes(&self) -> usize {
        match self.network.layers.last() {
            Some(Layer::Linear { outputs, .. }) => *outputs,
            _ => 1,
        }
    }

    /// The weights with the outputs' biases corrected for the classes' weights.
    fn calibrated(&self) -> Result<Weights, LearnError> {
        let mut weights = self.parameters.weights();
        let shifts: Vec<f32> = match (self.task, self.class_weights.as_slice()) {
            (_, []) | (Task::Regression, _) => return Ok(weights),
            (Task::BinaryClassification, by_class) => vec![-(by_class[1] / by_class[0]).ln()],
            (Task::MulticlassClassification, by_class) => by_class.iter().map(|weight| -weight.ln()).collect(),
        };
        let name = format!("{}.bias", self.network.layers.len() - 1);
        if let Some(bias) = weights.get_mut(&name) {
            *bias = (&*bias + Tensor::from_vec(shifts, bias.shape(), &self.device)?)?;
        }
        Ok(weights)
    }

    fn checkpoint_due(&self, run: &Run<'_>, every_ms: i64) -> bool {
        self.checkpoint_ms.is_none_or(|written| run.now_ms() - written >= every_ms)
            && (self.state.batch == 0 || self.checkpoint_ms.is_some())
    }

    fn checkpoint(&mut self, run: &mut Run<'_>) -> Result<(), LearnError> {
        self.state.noise = self.noise.state(self.config.seed);
        // The best goes first: if the process dies between the two, the resumed run comes to the
        // same best again.
        if let Some((weights, written @ false)) = &mut self.best {
            let size =
                checkpoint::write(run.folder, Which::Best, &self.state, &[(WEIGHTS_FILE, tensor_bytes(weights)?)])?;
            *written = true;
            let step = self.state.stopping.best.map_or(self.state.steps, |best| best.step);
            run.events.send(EventBody::Checkpoint { step, best: true, size_bytes: size })?;
        }
        let weights: BTreeMap<String, Tensor> = self.parameters.weights();
        let files =
            [(WEIGHTS_FILE, tensor_bytes(&weights)?), (MOMENTS_FILE, tensor_bytes(&self.optimizer.moments()?)?)];
        let size = checkpoint::write(run.folder, Which::Last, &self.state, &files)?;
        self.checkpoint_ms = Some(run.now_ms());
        run.events.send(EventBody::Checkpoint { step: self.state.steps, best: false, size_bytes: size })
    }

    fn finish(self, run: &mut Run<'_>) -> Result<Ending, LearnError> {
        if let Some(best) = self.state.stopping.best {
            let why =
                if self.state.epoch < self.settings.epochs as u64 { "stopped early" } else { "trained all epochs" };
            run.events.log(
                LogLevel::Info,
                format!("{why}; the best is epoch {} with a validation loss of {:.5}", best.at, best.loss),
            )?;
        }
        let weights = match self.best {
            Some((weights, _)) => weights,
            None => self.calibrated()?,
        };
        Ok(Ending::Trained(Box::new(Forward::Network { network: self.network, weights, device: self.device })))
    }
}

fn target_scale(targets: &[f64]) -> TargetScale {
    let count = targets.len() as f64;
    let mean = targets.iter().sum::<f64>() / count;
    let std = (targets.iter().map(|target| (target - mean).powi(2)).sum::<f64>() / count).sqrt();
    TargetScale { mean, std: if std > 0.0 { std } else { 1.0 } }
}

/// √(rows / (classes · rows of the class)), or nothing where classes are balanced.
fn class_weights(targets: &[f64], classes: usize) -> Vec<f32> {
    let mut counts = vec![0usize; classes];
    for target in targets {
        counts[*target as usize] += 1;
    }
    if !is_imbalanced(counts.iter().map(|count| *count as f64)) {
        return Vec::new();
    }
    let share = targets.len() as f64 / counts.iter().filter(|count| **count > 0).count() as f64;
    counts
        .iter()
        .map(|count| if *count == 0 { 1.0 } else { (share / *count as f64).sqrt().min(LARGEST_CLASS_WEIGHT) as f32 })
        .collect()
}

/// Appends a picture (channels first) shifted by up to one pixel each way; what moves in is 0.
fn shift(picture: &[f32], height: usize, width: usize, random: &mut Random, out: &mut Vec<f32>) {
    let (down, right) = (random.random_range(0..3usize), random.random_range(0..3usize));
    for plane in picture.chunks_exact(height * width) {
        for y in 0..height {
            for x in 0..width {
                let (from_y, from_x) = (y + down, x + right);
                let inside = (1..=height).contains(&from_y) && (1..=width).contains(&from_x);
                out.push(if inside { plane[(from_y - 1) * width + from_x - 1] } else { 0.0 });
            }
        }
    }
}

/// A network that can't fit is refused before it takes the machine's memory from everybody.
fn check_size(network: &Network, machine_bytes: Option<u64>) -> Result<(), LearnError> {
    /// Each weight is held as itself, its gradient, two moments, and the best so far.
    const BYTES_PER_WEIGHT: u64 = 5 * 4;
    let of = |shape: &[usize]| shape.iter().fold(1_u64, |all, side| all.saturating_mul(*side as u64));
    let weights = network.parameters().iter().fold(0_u64, |all, parameter| all.saturating_add(of(&parameter.shape)));
    let needed = weights.saturating_mul(BYTES_PER_WEIGHT);
    match machine_bytes {
        Some(free) if needed > free => Err(LearnError::TooManyWeights { weights, needed, free }),
        _ => Ok(()),
    }
}

/// The classes' numbers, for the report's baseline.
pub fn class_counts(targets: &[f64], classes: usize) -> Vec<u64> {
    let mut counts = vec![0; classes];
    for class in measure::classes(targets) {
        counts[class as usize] += 1;
    }
    counts
}
