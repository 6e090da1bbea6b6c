//! Writing a bundle, opening it, and refusing what was changed.

use std::fs;

use api::evaluation::Task;
use arrow_array::{Array, cast::AsArray, types::Float64Type};
use infer::{
    bundle::{self, BundleError},
    network::TargetScale,
    preprocessing::{Mode, Preprocessing},
};

use crate::making::{linear, parts, plan, rows};

fn written(folder: &std::path::Path) -> Preprocessing {
    let preprocessing = Preprocessing::fit([rows()], &plan(), Mode::Scaled).unwrap();
    let weight: Vec<f32> = (0..preprocessing.width()).map(|at| at as f32 / 10.0 - 0.4).collect();
    let forward = linear(&weight, &[0.1], TargetScale::default());
    let mut parts = parts(Task::BinaryClassification, &["no", "yes"], &preprocessing, &forward);
    parts.threshold = Some(0.4);
    bundle::write(folder, parts).unwrap();
    preprocessing
}

#[test]
fn what_is_written_is_what_is_opened_and_answers_by_the_threshold() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("model");
    let preprocessing = written(&folder);
    let model = bundle::open(&folder).unwrap();
    assert_eq!(*model.preprocessing(), preprocessing);
    assert_eq!(
        model.head().files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
        ["examples.json", "preprocessing.json", "weights.safetensors"]
    );
    let answers = model.predict(&rows()).unwrap();
    let names: Vec<String> = answers.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["prediction", "probability"]);
    assert_eq!(model.head().signature.positive(), Some("yes"));
    let (classes, probabilities) =
        (answers.column(0).as_string::<i32>(), answers.column(1).as_primitive::<Float64Type>());
    for row in 0..classes.len() {
        assert_eq!(classes.value(row) == "yes", probabilities.value(row) >= 0.4);
    }
    assert_eq!(bundle::verify(&folder).unwrap().1, model.content());
}

#[test]
fn factors_of_classes_are_kept_and_older_bundles_have_none() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("model");
    let preprocessing = written(&folder);
    let older = fs::read_to_string(folder.join("bundle.json")).unwrap();
    assert!(older.contains("\"format\": 1") && !older.contains("class_factors"), "{older}");
    assert!(bundle::open(&folder).unwrap().head().class_factors.is_empty());

    // Equal probabilities: the factors alone decide.
    let forward = linear(&vec![0.0; 3 * preprocessing.width()], &[0.0; 3], TargetScale::default());
    let with = |class_factors: &[f64]| {
        let mut parts = parts(Task::MulticlassClassification, &["a", "b", "c"], &preprocessing, &forward);
        parts.class_factors = class_factors.to_vec();
        bundle::write(&folder, parts).unwrap();
        bundle::open(&folder)
    };
    for (factors, format, called) in [(&[][..], 1, "a"), (&[1.0, 3.5, 2.0], 2, "b")] {
        let model = with(factors).unwrap();
        assert_eq!((model.head().format, model.head().class_factors.as_slice()), (format, factors));
        let answers = model.predict(&rows()).unwrap();
        assert!(answers.column(0).as_string::<i32>().iter().all(|class| class == Some(called)));
    }
    for wrong in [&[1.0, 2.0][..], &[1.0, 0.0, 1.0]] {
        assert!(matches!(with(wrong), Err(BundleError::Malformed { .. })), "{wrong:?}");
    }
}

#[test]
fn equal_models_have_equal_bundles_and_replacing_leaves_one_whole() {
    let home = tempfile::tempdir().unwrap();
    let (one, other) = (home.path().join("one"), home.path().join("other"));
    written(&one);
    written(&other);
    written(&other);
    assert_eq!(bundle::open(&one).unwrap().content(), bundle::open(&other).unwrap().content());
    let names: Vec<String> =
        fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 2, "no temporary folder is left: {names:?}");
}

#[test]
fn one_changed_byte_is_refused_with_the_file_s_name() {
    for name in ["weights.safetensors", "preprocessing.json", "examples.json"] {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("model");
        written(&folder);
        let mut bytes = fs::read(folder.join(name)).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(folder.join(name), bytes).unwrap();
        let error = bundle::open(&folder).unwrap_err();
        assert!(matches!(&error, BundleError::Changed { path, .. } if path.ends_with(name)), "{error}");
        assert!(error.to_string().contains("the BLAKE3 hash is"), "{error}");
        fs::remove_file(folder.join(name)).unwrap();
        match bundle::open(&folder) {
            Err(BundleError::MissingFile { file, .. }) => assert!(bundle::travels(name) && file == name),
            Ok(_) => assert!(!bundle::travels(name), "it opens without {name}"),
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn a_path_that_leaves_the_folder_and_a_newer_format_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("model");
    assert!(matches!(bundle::open(&folder), Err(BundleError::NoBundle { .. })));
    written(&folder);
    let head = fs::read_to_string(folder.join("bundle.json")).unwrap();
    for path in ["../outside", "/etc/passwd", "a//b", "C:\\\\x", "./x"] {
        fs::write(folder.join("bundle.json"), head.replace("examples.json", path)).unwrap();
        let error = bundle::open(&folder).unwrap_err();
        assert!(matches!(error, BundleError::OutsidePath { .. }), "{path}: {error}");
    }
    fs::write(folder.join("bundle.json"), r#"{"format": 9}"#).unwrap();
    assert!(matches!(bundle::open(&folder), Err(BundleError::Newer { found: 9, .. })));
}
