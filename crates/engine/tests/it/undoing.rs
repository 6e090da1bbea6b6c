//! What was deleted comes back for a day, or goes for good at once where that is asked.

use std::fs;

use api::{
    ErrorCode, RunId,
    deleted::{ListDeletedArtifacts, PurgeArtifact, RestoreArtifact},
    host::CollectGarbage,
    run::{DeleteArtifact, ListArtifacts},
    tracking::CreateExperiment,
};
use engine::tracking::client::{self, Begin};

use crate::stage::Stage;

/// A client's run with two plots and a note.
async fn with_artifacts(stage: &Stage) -> RunId {
    let sweep = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;
    let run = client::begin(&stage.engine, &sweep.number.to_string(), Begin::default()).await.unwrap().row.run.id;
    let folder = stage.engine.workspace().run(run).join("artifacts");
    fs::create_dir_all(folder.join("plots")).unwrap();
    for (name, text) in [("plots/a.svg", "one"), ("plots/b.svg", "other"), ("note.txt", "kept")] {
        fs::write(folder.join(name), text).unwrap();
    }
    run
}

async fn files(stage: &Stage, run: RunId) -> Vec<String> {
    stage.call(ListArtifacts { run }).await.into_iter().map(|file| file.path).collect()
}

#[tokio::test]
async fn artifacts_that_were_deleted_come_back_whole_or_in_part() {
    let stage = Stage::new().await;
    let run = with_artifacts(&stage).await;
    let all = files(&stage, run).await;
    let (delete, restore) = (
        |path: &str| DeleteArtifact { run, path: path.to_owned() },
        |path: &str| RestoreArtifact { run, path: path.to_owned() },
    );
    assert_eq!(stage.call(delete("artifacts/plots")).await.size_bytes, 8);
    assert_eq!(files(&stage, run).await, ["artifacts/note.txt"]);
    let deleted = stage.call(ListDeletedArtifacts { run }).await;
    let paths: Vec<&str> = deleted.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["artifacts/plots/a.svg", "artifacts/plots/b.svg"]);

    assert_eq!(stage.call(restore("artifacts/plots/b.svg")).await.size_bytes, 5);
    // The folder stands again, so that the rest of it comes back by its own path.
    assert_eq!(stage.try_call(restore("artifacts/plots")).await.unwrap_err().code, ErrorCode::Conflict);
    stage.call(restore("artifacts/plots/a.svg")).await;
    assert_eq!(files(&stage, run).await, all);
    assert!(stage.call(ListDeletedArtifacts { run }).await.is_empty());
    for wrong in ["artifacts/plots", "artifacts/", "artifacts/../stdout.log", "plan.json", ""] {
        assert_eq!(stage.try_call(restore(wrong)).await.unwrap_err().code, ErrorCode::NotFound, "{wrong}");
    }

    // What was deleted last comes back first, and nothing that stands is replaced.
    let note = stage.engine.workspace().run(run).join("artifacts/note.txt");
    stage.call(delete("artifacts/note.txt")).await;
    fs::write(&note, "newer").unwrap();
    assert_eq!(stage.try_call(restore("artifacts/note.txt")).await.unwrap_err().code, ErrorCode::Conflict);
    stage.call(delete("artifacts/note.txt")).await;
    stage.call(restore("artifacts/note.txt")).await;
    assert_eq!(fs::read_to_string(&note).unwrap(), "newer");
    let purge = PurgeArtifact { run, path: "artifacts/note.txt".to_owned() };
    assert_eq!(stage.call(purge.clone()).await.bytes, 4);
    assert_eq!(stage.try_call(purge).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn a_day_later_cleaning_frees_deleted_artifacts() {
    let stage = Stage::new().await;
    let run = with_artifacts(&stage).await;
    stage.call(DeleteArtifact { run, path: "artifacts/plots".to_owned() }).await;
    let collect = |dry_run| CollectGarbage { dry_run };
    assert_eq!(stage.call(collect(true)).await.bytes, 0);

    let aside = stage.engine.workspace().run(run).join("deleted");
    let at = fs::read_dir(&aside).unwrap().next().unwrap().unwrap();
    let at_ms: i64 = at.file_name().to_str().unwrap().parse().unwrap();
    fs::rename(at.path(), aside.join(format!("{:013}", at_ms - 24 * 3_600_000 - 60_000))).unwrap();
    assert!(stage.call(ListDeletedArtifacts { run }).await.is_empty());
    let late = RestoreArtifact { run, path: "artifacts/plots".to_owned() };
    assert_eq!(stage.try_call(late).await.unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(stage.call(collect(true)).await.bytes, 8);
    let freed = stage.call(collect(false)).await;
    assert_eq!((freed.bytes, freed.parts[0].name.as_str()), (8, "Deleted artifacts"));
    assert_eq!(files(&stage, run).await, ["artifacts/note.txt"]);
}
