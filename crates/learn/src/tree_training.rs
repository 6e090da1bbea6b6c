//! Trains gradient-boosted trees, in stretches of rounds.
//!
//! A stretch ends when a checkpoint is due, a stop was asked for, or patience ran out; the next one
//! continues its booster. Continuing is bit-identical to never having stopped (hessboost numbers its
//! random draws by round), so the clock may decide where stretches end. Early stopping is ours,
//! because its state has to be in the checkpoint.
//!
//! Rare classes are not weighed up: measured, trees with weights and corrected probabilities are worse
//! by every figure than without (docs/decisions/0006). What imbalance needs happens on validation: the
//! decision threshold of two classes and the factors of more are chosen there.

use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError},
};

use api::{
    evaluation::Task,
    worker::{Device, EventBody, LogLevel},
};
use hessboost::{
    config::{Device as TreeDevice, TrainingParams},
    data::{DMatrix, FeatureType},
    metric::{CustomMetric, EvalMetric},
    model::{BoostedModel, ModelFormat},
    objective::{Multiclass, Objective, RegLoss},
    training::{RoundEval, Trainer},
};
use infer::{forward::Forward, preprocessing::Matrix, trees::Trees};
use serde::{Deserialize, Serialize};

use crate::{
    checkpoint::{self, Which},
    dataset::{Dataset, Part, Rows},
    error::LearnError,
    hyperparameters::TreeSettings,
    measure,
    progress::{Place, Progress},
    random::{Purpose, Random},
    run::{Ending, Run},
    stopping::EarlyStopping,
};

const BOOSTER_FILE: &str = "booster.bin";

/// The first checkpoint comes after this many rounds, so that a stop soon after the start loses
/// nothing; later ones after this time, but never so often that starting stretches (which bins all
/// rows and predicts them by all trees so far) takes more than a part of this many of all the time.
const FIRST_CHECKPOINT_ROUND: u64 = 10;
const CHECKPOINT_MS: i64 = 10_000;
const STRETCH_SETUPS: i64 = 25;

/// The training loss of a round is measured on at most this many rows: on all of a large table it
/// takes longer than growing the tree.
const CURVE_ROWS: usize = 20_000;

/// Categories with at most this many values split by sets of values; more are split by frequency.
const MOST_SET_VALUES: usize = 32;

/// What stands among the metrics for those that have their [`Curves`].
const CURVES: &str = "curves";

/// What the newest round's answers on the validation part say beside its loss: its curves, by series key.
type Curves = Arc<Mutex<Vec<(String, f64)>>>;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct State {
    rounds: u64,
    stopping: EarlyStopping,
    finished: bool,
}

/// Why a stretch of rounds ended.
#[derive(Debug)]
enum Pause {
    CheckpointDue,
    StopAsked,
    Failed(LearnError),
}

/// When a stretch began, and how long it took until its first round was done.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    started_ms: i64,
    setup_ms: Option<i64>,
}

impl Stretch {
    fn end_round(&mut self, now_ms: i64) {
        self.setup_ms.get_or_insert(now_ms - self.started_ms);
    }

    fn checkpoint_due(&self, now_ms: i64) -> bool {
        let at_least = CHECKPOINT_MS.max(self.setup_ms.unwrap_or(0) * STRETCH_SETUPS);
        now_ms - self.started_ms >= at_least
    }
}

/// Trains, or goes on where the last checkpoint is; gives the trees up to the best round.
pub fn train(run: &mut Run<'_>, dataset: &Dataset<'_>, settings: &TreeSettings) -> Result<Ending, LearnError> {
    let params = params(run, settings, dataset.classes.0.len())?;
    let types = feature_types(dataset);
    let rows = dataset.rows(Part::Training)?;
    let curve = sampled(&rows, run.plan.training.seed);
    if curve.targets.len() < rows.targets.len() {
        let (few, all) = (curve.targets.len(), rows.targets.len());
        run.events
            .log(LogLevel::Info, format!("loss/train is measured on a sample of {few} of {all} training rows"))?;
    }
    let (training, training_rows) = matrix(rows, &types)?;
    let (curve, _) = matrix(curve, &types)?;
    let (validation, validation_rows) = matrix(dataset.rows(Part::Validation)?, &types)?;
    let mut state = State { rounds: 0, stopping: EarlyStopping::new(settings.patience), finished: false };
    let mut booster = None;
    if let Some(last) = checkpoint::read::<State>(run.folder, Which::Last)? {
        let decoded = BoostedModel::decode(last.file(BOOSTER_FILE)?, ModelFormat::Binary);
        booster = Some(decoded.map_err(|error| last.malformed(BOOSTER_FILE, &error))?);
        state = last.state;
    }
    let mut progress = Progress::new(run.surroundings, state.rounds, training_rows as f64);
    let curves = Curves::default();
    while !state.finished {
        let mut pause = None;
        let mut stretch = Stretch { started_ms: run.now_ms(), setup_ms: None };
        let trained = {
            let measured = measured(run, validation_rows, dataset.classes.0.len(), curves.clone());
            let (state, pause, run, progress) = (&mut state, &mut pause, &mut *run, &mut progress);
            let (stretch, curves) = (&mut stretch, &curves);
            let rounds = settings.rounds - state.rounds as usize;
            let mut trainer = Trainer::new(&params, &training, rounds)
                .eval(&curve, "training")
                .eval(&validation, "validation")
                .custom_metric(Box::new(measured));
            if let Some(booster) = &booster {
                trainer = trainer.init_model(booster);
            }
            let hook =
                move |round: RoundEval<'_>| match end_round(run, state, settings, progress, stretch, round, curves) {
                    ControlFlow::Continue(()) => ControlFlow::Continue(()),
                    ControlFlow::Break(reason) => {
                        *pause = reason;
                        ControlFlow::Break(())
                    }
                };
            trainer.on_round(hook).train()?
        };
        if let Some(Pause::Failed(error)) = pause {
            return Err(error);
        }
        checkpoint(run, &state, &trained.model)?;
        booster = Some(trained.model);
        if matches!(pause, Some(Pause::StopAsked)) {
            return Ok(Ending::Stopped);
        }
    }
    let (step, steps) = (state.rounds, settings.rounds as u64);
    progress.end(&mut run.events, Place { epoch: None, step, steps })?;
    finish(run, booster, &state, settings)
}

/// Notes a round; `Break` ends the stretch, without a reason where the training itself is over.
fn end_round(
    run: &mut Run<'_>,
    state: &mut State,
    settings: &TreeSettings,
    progress: &mut Progress<'_>,
    stretch: &mut Stretch,
    round: RoundEval<'_>,
    curves: &Curves,
) -> ControlFlow<Option<Pause>> {
    stretch.end_round(run.now_ms());
    state.rounds = round.iteration() as u64 + 1;
    match note(run, state, settings, progress, round, curves) {
        Err(error) => return ControlFlow::Break(Some(Pause::Failed(error))),
        Ok(()) if state.finished => return ControlFlow::Break(None),
        Ok(()) => {}
    }
    if run.control.stop() {
        return ControlFlow::Break(Some(Pause::StopAsked));
    }
    if state.rounds == FIRST_CHECKPOINT_ROUND || stretch.checkpoint_due(run.now_ms()) {
        return ControlFlow::Break(Some(Pause::CheckpointDue));
    }
    ControlFlow::Continue(())
}

fn note(
    run: &mut Run<'_>,
    state: &mut State,
    settings: &TreeSettings,
    progress: &mut Progress<'_>,
    round: RoundEval<'_>,
    curves: &Curves,
) -> Result<(), LearnError> {
    let (step, mut loss) = (state.rounds, f64::NAN);
    for (dataset, metric, value) in round.scores() {
        let (validation, metric) = (dataset == "validation", metric.split('@').next().unwrap_or(metric));
        if metric == CURVES {
            continue;
        }
        let key = if validation { "loss/validation" } else { "loss/train" };
        if !value.is_finite() {
            return Err(LearnError::Diverged { step, loss: value, learning_rate: settings.learning_rate });
        }
        run.events.metric(key, step, value)?;
        if validation {
            loss = value;
        }
        if validation && metric == "rmse" {
            run.events.metric("rmse/validation", step, value)?;
        }
    }
    for (key, value) in std::mem::take(&mut *curves.lock().unwrap_or_else(PoisonError::into_inner)) {
        run.events.metric(&key, step, value)?;
    }
    (run.surroundings.say)(&format!("round {step} of {}: validation loss {loss:.5}", settings.rounds));
    state.stopping.better(loss, step, step);
    state.finished = state.stopping.exhausted() || step >= settings.rounds as u64;
    progress.tell(&mut run.events, Place { epoch: None, step, steps: settings.rounds as u64 })
}

fn checkpoint(run: &mut Run<'_>, state: &State, booster: &BoostedModel) -> Result<(), LearnError> {
    if let Some(best) = state.stopping.best {
        let trees = booster.slice(..best.at as usize, 1)?.encode(ModelFormat::Binary)?;
        let size = checkpoint::write(run.folder, Which::Best, state, &[(BOOSTER_FILE, trees)])?;
        run.events.send(EventBody::Checkpoint { step: best.at, best: true, size_bytes: size })?;
    }
    let size =
        checkpoint::write(run.folder, Which::Last, state, &[(BOOSTER_FILE, booster.encode(ModelFormat::Binary)?)])?;
    run.events.send(EventBody::Checkpoint { step: state.rounds, best: false, size_bytes: size })
}

fn finish(
    run: &mut Run<'_>,
    booster: Option<BoostedModel>,
    state: &State,
    settings: &TreeSettings,
) -> Result<Ending, LearnError> {
    let (Some(booster), Some(best)) = (booster, state.stopping.best) else {
        return Err(LearnError::Malformed {
            path: run.folder.join("checkpoints/last"),
            reason: "it is finished without a round".to_owned(),
        });
    };
    let why = if state.rounds < settings.rounds as u64 { "stopped early" } else { "trained all rounds" };
    run.events.log(
        LogLevel::Info,
        format!("{why}; the best is round {} with a validation loss of {:.5}", best.at, best.loss),
    )?;
    Ok(Ending::Trained(Box::new(Forward::Trees(Trees::new(booster.slice(..best.at as usize, 1)?)))))
}

fn params(run: &Run<'_>, settings: &TreeSettings, classes: usize) -> Result<TrainingParams, LearnError> {
    let (objective, metrics) = match run.plan.task {
        Task::BinaryClassification => (Objective::BinaryLogistic(RegLoss::default()), vec![EvalMetric::LogLoss]),
        Task::MulticlassClassification => (Objective::Softprob(Multiclass::new(classes)?), vec![EvalMetric::MLogLoss]),
        Task::Regression => (Objective::SquaredError(RegLoss::default()), vec![EvalMetric::Rmse]),
    };
    let config = &run.plan.training;
    let mut builder = TrainingParams::builder()
        .objective(objective)
        .eta(settings.learning_rate)
        .max_depth(settings.max_depth)
        .lambda(settings.l2)
        .subsample(settings.row_share)
        .colsample_bytree(settings.column_share)
        .seed(config.seed)
        .nthread(config.threads.max(1))
        .device(device(config.device)?);
    for metric in metrics {
        builder = builder.eval_metric(metric);
    }
    Ok(builder.build()?)
}

fn device(device: Device) -> Result<TreeDevice, LearnError> {
    let refused = |device, reason: &str| Err(LearnError::Device { device, reason: reason.to_owned() });
    match device {
        Device::Auto | Device::Cpu => Ok(TreeDevice::Cpu),
        Device::Cuda => refused("cuda", "trees are trained on the CPU or by wgpu"),
        Device::Metal => refused("metal", "trees are trained on the CPU or by wgpu"),
        #[cfg(feature = "wgpu")]
        Device::Wgpu => match hessboost::backend::wgpu::unavailable_reason() {
            None => Ok(TreeDevice::Wgpu),
            Some(reason) => refused("wgpu", &reason),
        },
        #[cfg(not(feature = "wgpu"))]
        Device::Wgpu => refused("wgpu", "it was built without it"),
    }
}

/// The adapter that trees are trained on by wgpu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WgpuAdapter {
    pub name: String,
    pub software: bool,
}

/// Starts the driver; `None` where none works or the build has no wgpu.
#[cfg(feature = "wgpu")]
pub fn wgpu_adapter() -> Option<WgpuAdapter> {
    use hessboost::backend::wgpu;
    let works = wgpu::available();
    works.then(|| WgpuAdapter {
        name: wgpu::device_name().unwrap_or_default(),
        software: wgpu::is_software_adapter() == Some(true),
    })
}

/// Starts the driver; `None` where none works or the build has no wgpu.
#[cfg(not(feature = "wgpu"))]
pub fn wgpu_adapter() -> Option<WgpuAdapter> {
    None
}

fn feature_types(dataset: &Dataset<'_>) -> Vec<FeatureType> {
    let categorical = |codes: Option<usize>| codes.is_some_and(|codes| codes <= MOST_SET_VALUES);
    let kind = |codes| if categorical(codes) { FeatureType::Categorical } else { FeatureType::Numerical };
    dataset.preprocessing.features().into_iter().map(|feature| kind(feature.codes)).collect()
}

/// The rows that the training's curve is measured on: all of a small table.
fn sampled(rows: &Rows, seed: u64) -> Rows {
    if rows.targets.len() <= CURVE_ROWS {
        return rows.clone();
    }
    let chosen = Random::new(seed, Purpose::Sampling).sample(rows.targets.len(), CURVE_ROWS);
    let values = chosen.iter().flat_map(|row| rows.matrix.row(*row)).copied().collect();
    Rows {
        matrix: Matrix { values, rows: chosen.len(), width: rows.matrix.width },
        targets: chosen.iter().map(|row| rows.targets[*row]).collect(),
    }
}

fn matrix(rows: Rows, types: &[FeatureType]) -> Result<(DMatrix, usize), LearnError> {
    let Rows { matrix, targets } = rows;
    let targets: Vec<f32> = targets.into_iter().map(|target| target as f32).collect();
    let built = DMatrix::from_dense_vec(matrix.values, matrix.rows, matrix.width)?
        .with_labels(&targets)?
        .with_feature_types(types)?;
    Ok((built, matrix.rows))
}

/// Takes the curves of a round, on the validation part only: sorting all training rows in every round would cost more
/// than growing the tree. The value itself is nobody's.
fn measured(run: &Run<'_>, validation_rows: usize, classes: usize, curves: Curves) -> CustomMetric {
    let (task, asked) = (run.plan.task, run.plan.evaluation.metric.clone());
    CustomMetric::new(CURVES, true, move |answers, targets, _weights| {
        // Validation comes last: of a training part with as many rows nothing stays.
        if targets.len() == validation_rows {
            *curves.lock().unwrap_or_else(PoisonError::into_inner) =
                measure::of_round(answers, targets, task, classes, asked.as_deref());
        }
        0.0
    })
}
