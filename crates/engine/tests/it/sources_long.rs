//! What is longer in a log than it may be here: as much of it stands as is kept, and that is said.

use std::fs;

use api::{
    run::{GetRun, ListRuns},
    source::{Kind, ListSources},
    tracking::ListExperiments,
};
use engine::tracking::registry;

use crate::{
    sources::{add, copy, fixture},
    stage::Stage,
};

/// What was said of the one log, with its places.
async fn said(stage: &Stage) -> Vec<(String, String)> {
    let source = stage.call(ListSources {}).await.remove(0);
    assert!(source.error.is_none(), "{source:?}");
    source.warnings.into_iter().map(|warning| (warning.place, warning.message)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_of_a_runs_name_and_notes_is_said() {
    let stage = Stage::new().await;
    let folder = stage.path("mlruns");
    copy(&fixture("foreign/tests/fixtures/mlruns"), &folder);
    let run = folder.join("100000000000000001").join("a".repeat(32));
    let (name, notes) = ("n".repeat(600), "✓".repeat(30_000));
    fs::write(run.join("tags/mlflow.note.content"), &notes).unwrap();
    let meta = fs::read_to_string(run.join("meta.yaml")).unwrap();
    fs::write(run.join("meta.yaml"), meta.replace("'first: of two'", &name)).unwrap();
    add(&stage, &folder, None).await;
    let experiments = stage.call(ListExperiments::default()).await;
    let churn = experiments.iter().find(|one| one.name == "churn").unwrap().id;
    let rows = stage.call(ListRuns { experiment: Some(churn), ..ListRuns::default() }).await.rows;
    let row = rows.iter().find(|row| name.starts_with(&row.name)).unwrap();
    let kept = stage.call(GetRun { run: row.id }).await;
    assert_eq!((kept.name.len(), kept.notes.len()), (500, 65_535));
    assert!(notes.starts_with(&kept.notes));
    let said = said(&stage).await;
    for wanted in [
        "the notes were cut: they have 90000 bytes, more than are kept",
        "the name was cut: it has more characters than are kept",
    ] {
        let found: Vec<_> = said.iter().filter(|(_, message)| message == wanted).collect();
        let [(place, _)] = found.as_slice() else { panic!("{wanted}: {said:?}") };
        assert!(place.contains(&"a".repeat(32)), "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_of_the_notes_of_a_registered_model_is_said() {
    let stage = Stage::new().await;
    let folder = stage.path("mlruns");
    copy(&fixture("foreign/tests/fixtures/mlruns-models"), &folder);
    for (meta, was) in [("bare/meta.yaml", "null"), ("churn-model/version-1/meta.yaml", "The first.")] {
        let meta = folder.join("models").join(meta);
        let long = format!("description: {}", "d".repeat(70_000));
        let text = fs::read_to_string(&meta).unwrap().replace(&format!("description: {was}"), &long);
        fs::write(&meta, text).unwrap();
    }
    add(&stage, &folder, Some(Kind::MlflowFiles)).await;
    let bare = registry::get(&stage.engine, "bare").await.unwrap();
    assert_eq!(bare.row.notes, "d".repeat(65_536));
    let first = registry::version(&stage.engine, "churn-model", "1").await.unwrap();
    assert_eq!(first.notes.notes, "d".repeat(65_536));
    let said = said(&stage).await;
    for of in ["the model \"bare\"", "version 1 of the model \"churn-model\""] {
        let wanted = format!("The notes of {of} were cut: they have 70000 bytes, more than are kept.");
        assert!(said.iter().any(|(_, message)| *message == wanted), "{wanted}: {said:?}");
    }
}
