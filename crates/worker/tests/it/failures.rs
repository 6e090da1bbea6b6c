//! What goes wrong is told as the run's last event, with the way out.

use std::fs;

use api::{
    config::{ModelChoice, TrainingConfig},
    evaluation::Task,
    worker::{Device, Outcome},
};

use crate::runs::{TestRun, customers, training};

fn check(run: &TestRun, message: &str, hint: &str) {
    let (outcome, found, found_hint) = run.finish();
    assert_eq!(outcome, Outcome::Failed);
    let (found, found_hint) = (found.unwrap(), found_hint.unwrap_or_default());
    assert!(found.contains(message), "{found}");
    assert!(found_hint.contains(hint), "{found_hint}");
}

#[test]
fn a_loss_that_becomes_nan_names_the_step() {
    for model in [ModelChoice::Linear, ModelChoice::Mlp] {
        let config = TrainingConfig { learning_rate: Some(1e30), ..training(model) };
        let run = TestRun::table(&customers(1000, 1), "spend", Task::Regression, config, 0);
        check(&run, "at step ", "smaller learning rate");
        assert!(!run.path().join("model").exists());
    }
}

#[test]
fn a_network_that_no_machine_holds() {
    let config = TrainingConfig { hidden: vec![2_000_000_000, 1_000_000], ..training(ModelChoice::Mlp) };
    let run = TestRun::table(&customers(200, 1), "left", Task::BinaryClassification, config, 0);
    check(&run, "The network would have 2000", "Make `hidden` smaller");
}

#[test]
fn numbers_beyond_what_a_model_computes_with() {
    let mut csv = String::from("x,y\n");
    (0..80).for_each(|row| {
        csv.push_str(&format!("{},{}\n", row % 7, if row == 41 { "1e300".to_owned() } else { row.to_string() }))
    });
    for model in [ModelChoice::Trees, ModelChoice::Linear] {
        let run = TestRun::table(&csv, "y", Task::Regression, training(model), 0);
        check(&run, "The target \"y\" is 1e300 in row 42", "larger unit");
    }
    // A feature may be as large or infinite: it becomes the largest one, or counts as missing.
    let mut csv = String::from("x,y\n");
    for row in 0..200 {
        let x = ["1e308", "-1e300", "inf", "3"].get(row % 9).map_or_else(|| row.to_string(), |cell| (*cell).to_owned());
        csv.push_str(&format!("{x},{}\n", if row % 3 == 0 { "a" } else { "b" }));
    }
    let config = TrainingConfig { rounds: Some(20), ..training(ModelChoice::Trees) };
    TestRun::table(&csv, "y", Task::BinaryClassification, config, 0).succeed();
}

#[test]
fn a_constant_target() {
    let mut csv = String::from("x,y\n");
    (0..60).for_each(|row| csv.push_str(&format!("{row},{}\n", if row < 3 { "a" } else { "b" })));
    let run = TestRun::table(&csv, "y", Task::BinaryClassification, training(ModelChoice::Trees), 0);
    // All rows of one class go to the test part, as a split by time may do.
    let parts: Vec<u8> = (0..60).map(|row| if row < 3 { 2 } else { u8::from(row % 5 == 0) }).collect();
    fs::write(&run.plan().data.parts, parts).unwrap();
    check(&run, "the one value \"b\"", "another target");
}

#[test]
fn parts_of_another_table() {
    let run = TestRun::table(&customers(100, 1), "left", Task::BinaryClassification, training(ModelChoice::Trees), 0);
    fs::write(&run.plan().data.parts, [0, 1, 2]).unwrap();
    check(&run, "one byte for each row", "start the run anew");
}

#[test]
fn a_corrupt_image_is_named() {
    let images = tempfile::tempdir().unwrap();
    crate::kinds::bars(images.path(), 20, 12);
    let run = TestRun::images(images.path(), training(ModelChoice::Cnn), 0);
    fs::write(images.path().join("across/3.png"), b"\x89PNG no more").unwrap();
    check(&run, "3.png", "Replace the image");
}

#[test]
fn a_device_that_this_build_has_not() {
    for device in [Device::Cuda, Device::Metal, Device::Wgpu] {
        let config = TrainingConfig { device, ..training(ModelChoice::Mlp) };
        let run = TestRun::table(&customers(100, 1), "left", Task::BinaryClassification, config, 0);
        check(&run, "can't train on", "cpu");
    }
}

#[test]
fn a_folder_without_a_plan() {
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_slipway-worker")).arg(folder.path()).output().unwrap();
    assert!(!output.status.success());
    assert!(fs::read_to_string(folder.path().join("events.jsonl")).unwrap().contains("plan.json"));
}
