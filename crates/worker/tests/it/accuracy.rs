//! The bars with default settings, on the sample projects: the mean of three seeds of the
//! split.

use api::{
    config::{DataConfig, ModelChoice},
    evaluation::Task,
};

use crate::runs::{TestRun, sample_project, training};

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
