//! Interrupted by `kill -9` or a stop, and resumed: the same bits as without.

use std::fs;

use api::{
    config::{ModelChoice, Optimizer, TrainingConfig},
    evaluation::Task,
    worker::{EventBody, Outcome},
};

use crate::runs::{TestRun, customers, training};

/// Runs once whole, and once interrupted at each of some places; compares bundle, metrics and figures.
fn check(make: impl Fn() -> TestRun, interruptions: &[&dyn Fn(&EventBody) -> bool]) {
    let whole = make();
    whole.succeed();
    let broken = make();
    for interruption in interruptions {
        let mut worker = broken.start();
        broken.wait_for(&mut worker, interruption);
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    assert!(!broken.path().join("model").exists(), "it was not interrupted early enough");
    broken.succeed();
    let resumed =
        broken.events().iter().filter(|event| matches!(event.body, EventBody::Started { resumed: true, .. })).count();
    assert_eq!(resumed, interruptions.len());
    same(&whole, &broken);
}

pub(crate) fn same(whole: &TestRun, other: &TestRun) {
    let bytes = |run: &TestRun, file: &str| fs::read(run.path().join("model").join(file)).ok();
    for file in ["weights.safetensors", "trees.ubj"] {
        assert!(bytes(whole, file) == bytes(other, file), "{file} differs");
    }
    assert_eq!(String::from_utf8(whole.bundle_head()).unwrap(), String::from_utf8(other.bundle_head()).unwrap());
    assert!(whole.metrics() == other.metrics(), "the metrics differ");
}

pub(crate) fn checkpointed(body: &EventBody) -> bool {
    matches!(body, EventBody::Checkpoint { best: false, .. })
}

fn step_reached(wanted: i64) -> impl Fn(&EventBody) -> bool {
    move |body| matches!(body, EventBody::Metric { key, step, .. } if *step >= wanted && !key.starts_with("system/"))
}

#[test]
fn perceptron() {
    let config = TrainingConfig { epochs: Some(30), patience: Some(0), ..training(ModelChoice::Mlp) };
    let make = || TestRun::table(&customers(6000, 5), "left", Task::BinaryClassification, config.clone(), 0);
    // 31 steps an epoch: the second kill is in the middle of an epoch, behind a checkpoint.
    check(make, &[&checkpointed, &step_reached(400)]);
}

#[test]
fn linear_model_by_sgd() {
    let config = TrainingConfig { epochs: Some(40), optimizer: Optimizer::Sgd, ..training(ModelChoice::Linear) };
    check(|| TestRun::table(&customers(6000, 6), "spend", Task::Regression, config.clone(), 0), &[&checkpointed]);
}

#[test]
fn trees() {
    let config = TrainingConfig { rounds: Some(300), patience: Some(40), ..training(ModelChoice::Trees) };
    let make = || TestRun::table(&customers(20_000, 7), "left", Task::BinaryClassification, config.clone(), 0);
    check(make, &[&checkpointed, &step_reached(25)]);
}

#[test]
fn convolutional_network() {
    let images = tempfile::tempdir().unwrap();
    crate::kinds::bars(images.path(), 200, 16);
    let config = TrainingConfig { epochs: Some(12), patience: Some(0), ..training(ModelChoice::Cnn) };
    check(|| TestRun::images(images.path(), config.clone(), 0), &[&checkpointed]);
}

#[test]
fn a_stop_is_followed_between_steps_and_resumed() {
    for model in [ModelChoice::Mlp, ModelChoice::Trees] {
        let config = TrainingConfig { epochs: Some(20), rounds: Some(200), patience: Some(0), ..training(model) };
        let make = || TestRun::table(&customers(12_000, 8), "left", Task::BinaryClassification, config.clone(), 0);
        let (whole, stopped) = (make(), make());
        whole.succeed();
        let mut worker = stopped.start();
        stopped.wait_for(&mut worker, checkpointed);
        fs::write(stopped.path().join("control"), "stop\n").unwrap();
        worker.wait().unwrap();
        let events = stopped.events();
        assert!(
            matches!(events.last().unwrap().body, EventBody::Done { outcome: Outcome::Stopped, .. }),
            "{model:?}: {:?}",
            events.last()
        );
        assert!(!stopped.path().join("model").exists());
        stopped.succeed();
        same(&whole, &stopped);
    }
}

#[test]
fn a_half_written_line_is_cut_and_nothing_is_said_twice() {
    let config = TrainingConfig { epochs: Some(8), ..training(ModelChoice::Linear) };
    let run = TestRun::table(&customers(1000, 9), "left", Task::BinaryClassification, config, 0);
    run.succeed();
    let (head, metrics) = (run.bundle_head(), run.metrics());
    let events = run.path().join("events.jsonl");
    let mut text = fs::read_to_string(&events).unwrap();
    text.push_str("{\"v\":1,\"time_ms\":17");
    fs::write(&events, text).unwrap();
    // Finished runs come to the same end from their last checkpoint.
    run.succeed();
    assert_eq!(run.bundle_head(), head);
    assert_eq!(run.metrics(), metrics);
}
