//! The bars with default settings, on the sample projects: the mean of three seeds of the
//! split.

use api::{
    config::{DataConfig, ModelChoice, TrainingConfig},
    evaluation::Task,
};

use crate::runs::{TestRun, sample_project, training};

/// Of average precision, between trees and a line on card fraud.
const MARGIN: f64 = 0.3;

fn mean(name: &str, run: impl Fn(u64) -> TestRun) -> f64 {
    let values = [1, 2, 3].map(|seed| {
        let evaluation = run(seed).succeed();
        evaluation.test.iter().find(|figure| figure.name == name).unwrap().value
    });
    values.iter().sum::<f64>() / 3.0
}

#[test]
fn digits() {
    let images = sample_project("digits").join("images");
    let accuracy = mean("accuracy", |seed| TestRun::images(&images, training(ModelChoice::Cnn), seed));
    assert!(accuracy >= 0.97, "accuracy {accuracy}");
}

#[test]
fn breast_cancer() {
    let area = mean("roc_auc", |seed| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        std::fs::copy(sample_project("breast-cancer").join("breast-cancer.csv"), folder.path().join("data/rows.csv"))
            .unwrap();
        let config = DataConfig {
            paths: vec!["data/rows.csv".to_owned()],
            target: Some("diagnosis".to_owned()),
            ..DataConfig::default()
        };
        TestRun::from_table(
            folder,
            &config,
            "diagnosis",
            Task::BinaryClassification,
            training(ModelChoice::Trees),
            seed,
        )
    });
    assert!(area >= 0.985, "ROC AUC {area}");
}

/// The sample's promise: no line separates fraud, and what finds it is combinations. A third of the
/// training rows and few rounds, since a line is out of its depth long before that.
#[test]
fn card_fraud_is_no_matter_of_a_line() {
    let average_precision = |config: TrainingConfig| {
        let folder = tempfile::tempdir().unwrap();
        data::samples::card_fraud(1, folder.path(), &mut data::progress::silent).unwrap();
        let data = DataConfig {
            paths: vec!["data".to_owned()],
            target: Some("is_fraud".to_owned()),
            timestamp: Some("timestamp".to_owned()),
            ..DataConfig::default()
        };
        let run = TestRun::from_table(folder, &data, "is_fraud", Task::BinaryClassification, config, 0);
        let path = run.plan().data.parts;
        let mut parts = std::fs::read(&path).unwrap();
        parts.iter_mut().enumerate().filter(|(row, part)| **part == 0 && row % 3 > 0).for_each(|(_, part)| *part = 3);
        std::fs::write(&path, parts).unwrap();
        let evaluation = run.succeed();
        let test = evaluation.test.iter().find(|figure| figure.name == "average_precision").unwrap();
        (test.value, test.interval.unwrap())
    };
    let (line, line_interval) = average_precision(TrainingConfig { epochs: Some(5), ..training(ModelChoice::Linear) });
    let (trees, trees_interval) = average_precision(TrainingConfig {
        rounds: Some(100),
        learning_rate: Some(0.1),
        ..training(ModelChoice::Trees)
    });
    println!("average precision: a line {line:.3} {line_interval:?}, trees {trees:.3} {trees_interval:?}");
    assert!(trees > line + MARGIN, "trees {trees}, a line {line}");
    assert!(trees_interval.0 > line_interval.1, "{trees_interval:?} overlaps {line_interval:?}");
    // A tenth of the frauds are drawn as honest payments: nobody finds all.
    assert!(trees < 0.95, "{trees}");
}
