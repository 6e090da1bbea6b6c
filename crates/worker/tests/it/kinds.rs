//! Each kind of model on each kind of task, from plan to bundle.

use api::{
    config::{DataConfig, ModelChoice, TrainingConfig},
    evaluation::{Evaluation, Task},
    worker::{EventBody, Outcome},
};

use crate::runs::{TestRun, customers, training};

fn figure(evaluation: &Evaluation, name: &str) -> f64 {
    evaluation.test.iter().find(|figure| figure.name == name).unwrap_or_else(|| panic!("no figure {name}")).value
}

fn quick(model: ModelChoice) -> TrainingConfig {
    TrainingConfig { epochs: Some(12), rounds: Some(60), ..training(model) }
}

#[test]
fn two_classes() {
    for (model, at_least) in [(ModelChoice::Linear, 0.6), (ModelChoice::Mlp, 0.8), (ModelChoice::Trees, 0.85)] {
        let run = TestRun::table(&customers(2500, 1), "left", Task::BinaryClassification, quick(model), 0);
        let evaluation = run.succeed();
        assert_eq!(evaluation.classes, ["no", "yes"]);
        assert!(figure(&evaluation, "roc_auc") > at_least, "{model:?}: ROC AUC {}", figure(&evaluation, "roc_auc"));
        assert!(evaluation.threshold.is_some());
        let said = std::fs::read_to_string(run.path().join("stdout.log")).unwrap();
        let first = if model == ModelChoice::Trees {
            "round 1 of 60: validation loss 0."
        } else {
            "epoch 1 of 12: validation loss "
        };
        assert!(said.starts_with(first), "{model:?} says {said}");
        assert_eq!(run.bundle().threshold, evaluation.threshold.map(|threshold| threshold.value));
    }
}

#[test]
fn what_is_no_input_is_said_in_the_report() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rows.csv"), customers(600, 4)).unwrap();
    let config = DataConfig {
        paths: vec!["rows.csv".to_owned()],
        target: Some("left".to_owned()),
        ignore: vec!["region".to_owned(), "spend".to_owned()],
        ..DataConfig::default()
    };
    let settings = quick(ModelChoice::Linear);
    let run = TestRun::from_table(folder, &config, "left", Task::BinaryClassification, settings, 0);
    let said = "Not used as input: \"region\" (ignored), \"spend\" (ignored).";
    assert!(run.succeed().remarks.iter().any(|remark| remark == said));
}

#[test]
fn several_classes() {
    for model in [ModelChoice::Linear, ModelChoice::Mlp, ModelChoice::Trees] {
        let run = TestRun::table(&customers(2000, 2), "plan", Task::MulticlassClassification, quick(model), 0);
        let evaluation = run.succeed();
        assert_eq!(evaluation.classes, ["basic", "plus", "pro"]);
        let accuracy = figure(&evaluation, "accuracy");
        assert!(accuracy > 0.5, "{model:?}: accuracy {accuracy}");
    }
}

#[test]
fn a_number() {
    for model in [ModelChoice::Linear, ModelChoice::Mlp, ModelChoice::Trees] {
        let config = TrainingConfig {
            epochs: Some(40),
            learning_rate: (model != ModelChoice::Trees).then_some(0.005),
            ..quick(model)
        };
        let run = TestRun::table(&customers(2000, 3), "spend", Task::Regression, config, 0);
        let evaluation = run.succeed();
        let r2 = figure(&evaluation, "r2");
        assert!(r2 > 0.8, "{model:?}: R² {r2}");
    }
}

#[test]
fn what_a_run_leaves_behind() {
    let run = TestRun::table(&customers(1500, 4), "left", Task::BinaryClassification, quick(ModelChoice::Mlp), 0);
    run.succeed();
    let bundle = run.bundle();
    let files: Vec<&str> = bundle.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        files,
        [
            "evaluation.json",
            "examples.json",
            "preprocessing.json",
            "profile.json",
            "reference.parquet",
            "weights.safetensors"
        ]
    );
    let inputs: Vec<&str> = bundle.signature.inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(inputs, ["age", "usage", "plan", "region", "spend"]);
    assert_eq!(bundle.lineage["seed"], "7");
    let examples: Vec<serde_json::Value> =
        serde_json::from_slice(&std::fs::read(run.path().join("model/examples.json")).unwrap()).unwrap();
    assert_eq!(examples.len(), 5);
    assert!(examples[0]["plan"].is_string());

    let events = run.events();
    assert!(
        matches!(&events[0].body, EventBody::Started { resumed: false, params, .. } if params["model"] == "mlp" && params["epochs"] == "12")
    );
    assert!(matches!(events.last().unwrap().body, EventBody::Done { outcome: Outcome::Finished, .. }));
    let evaluated = events.iter().find_map(|event| match &event.body {
        EventBody::Evaluated { validation } => Some(validation),
        _ => None,
    });
    assert!(evaluated.unwrap()["roc_auc"] > 0.5);
    let last_loss = events.iter().filter_map(|event| match &event.body {
        EventBody::Metric { key, step, .. } if key == "loss/train" => Some(*step),
        _ => None,
    });
    assert!(last_loss.max().unwrap() > 100);
    assert!(
        events.iter().any(
            |event| matches!(&event.body, EventBody::Progress { memory_bytes: Some(bytes), .. } if *bytes > 1 << 20)
        )
    );
    assert!(
        events
            .iter()
            .any(|event| matches!(&event.body, EventBody::Metric { key, .. } if key == "average_precision/validation"))
    );
}

#[test]
fn share_step_and_time_left_are_of_one_moment() {
    // Patience ends the trees before their last round.
    let patient = TrainingConfig { rounds: Some(5000), patience: Some(3), ..training(ModelChoice::Trees) };
    for config in [quick(ModelChoice::Mlp), quick(ModelChoice::Trees), patient] {
        let run = TestRun::table(&customers(1500, 4), "left", Task::BinaryClassification, config, 0);
        run.succeed();
        let told: Vec<_> = run
            .events()
            .into_iter()
            .filter_map(|event| match event.body {
                EventBody::Progress { step, steps, fraction, seconds_left, .. } => {
                    Some((step, steps.unwrap(), fraction.unwrap(), seconds_left))
                }
                _ => None,
            })
            .collect();
        for (step, steps, fraction, left) in &told {
            assert!((fraction - *step as f64 / *steps as f64).abs() < 1e-9, "step {step} of {steps} at {fraction}");
            assert!(step < steps || left.is_none(), "step {step} of {steps}, {left:?} s left");
        }
        let (step, steps, ..) = told.last().unwrap();
        assert_eq!(step, steps, "the last step is told");
    }
}

#[test]
fn no_value_of_a_sensitive_column_is_in_the_model() {
    let run = TestRun::table(&customers(1500, 4), "left", Task::BinaryClassification, quick(ModelChoice::Trees), 0);
    let mut plan = run.plan();
    plan.columns
        .iter_mut()
        .filter(|column| ["age", "spend", "region"].contains(&column.name.as_str()))
        .for_each(|column| column.sensitive = true);
    run.write_plan(&plan);
    run.succeed();
    let folder = run.path().join("model");
    let parquet = folder.join("reference.parquet");
    let names: Vec<String> =
        data::table::describe(&parquet).unwrap().columns.into_iter().map(|(name, _)| name).collect();
    assert!(names.iter().any(|name| name == "usage"), "{names:?}");
    assert!(!names.iter().any(|name| ["age", "spend", "region"].contains(&name.as_str())), "{names:?}");
    let json = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
    };
    let examples = json("examples.json");
    let examples = examples.as_array().unwrap();
    for name in ["age", "spend", "region"] {
        assert!(
            examples.iter().all(|row| row[name] == examples[0][name] && !row[name].is_null()),
            "{name}: {examples:?}"
        );
    }
    assert!(examples.iter().any(|row| row["usage"] != examples[0]["usage"]));
    // Nor in the signature, which a server tells everybody.
    let signature = run.bundle().signature;
    let told = |input: &api::model::Input| input.range.is_some() || !input.categories.is_empty();
    assert!(signature.inputs.iter().any(|input| input.name == "usage" && told(input)), "{signature:?}");
    assert!(!signature.inputs.iter().any(|input| input.sensitive && told(input)), "{signature:?}");
    assert_eq!(signature.inputs.iter().filter(|input| input.sensitive).count(), 3);
    for column in json("profile.json")["columns"].as_array().unwrap() {
        if column["sensitive"] == true {
            assert!(column["numeric"].is_null() && column["top"].as_array().unwrap().is_empty(), "{column}");
        }
    }
}

/// Bright pictures with a bar across or upright: a CNN must find the direction.
pub(crate) fn bars(folder: &std::path::Path, pictures: u32, side: u32) {
    let mut numbers = crate::runs::Numbers::new(3);
    for class in ["across", "upright"] {
        std::fs::create_dir_all(folder.join(class)).unwrap();
        for index in 0..pictures {
            let at = (numbers.next() * f64::from(side)) as u32;
            let picture = image::GrayImage::from_fn(side, side, |x, y| {
                let on = if class == "across" { y == at } else { x == at };
                image::Luma([if on { 200 } else { (numbers.next() * 120.0) as u8 }])
            });
            picture.save(folder.join(class).join(format!("{index}.png"))).unwrap();
        }
    }
}

#[test]
fn pictures() {
    let images = tempfile::tempdir().unwrap();
    bars(images.path(), 150, 12);
    let run = TestRun::images(images.path(), TrainingConfig { epochs: Some(10), ..training(ModelChoice::Cnn) }, 0);
    let evaluation = run.succeed();
    let accuracy = figure(&evaluation, "accuracy");
    assert!(accuracy > 0.9, "accuracy {accuracy}");
    assert_eq!(run.bundle().signature.inputs[0].shape, [12, 12, 1]);
}
