//! Several logs that are read as one of their folder.

use std::path::Path;

use api::source::{AddSource, Kind, ListSources, LookForLogs, ReadSource, RemoveSource};

use crate::{
    sources::{add, series},
    stage::Stage,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_with_several_logs_of_a_kind_is_one_source() {
    let stage = Stage::new().await;
    let csv = |at: u32| stage.write(&format!("lightning_logs/version_{at}/metrics.csv"), "step,loss\n1,0.5\n");
    let alone = csv(0);
    add(&stage, &alone, None).await;
    csv(1);
    csv(2);
    let folder = stage.path("lightning_logs");
    let look = async || stage.call(LookForLogs { folder: folder.to_string_lossy().into_owned() }).await;
    let offered = look().await.pop().unwrap();
    assert_eq!((Path::new(&offered.path), offered.logs, offered.known), (folder.as_path(), Some(3), None));
    // What is read by itself is not read twice.
    let read = add(&stage, &folder, None).await;
    assert!(read.message.starts_with("2 runs and 2 points read into "), "{}", read.message);
    let of = |at: u32, count| (format!("version_{at}"), "loss".to_owned(), count);
    assert_eq!(series(&stage).await, [of(0, 1), of(1, 1), of(2, 1)]);
    // Now each of them is read, and none is offered again.
    let found = look().await;
    assert!(found.len() == 3 && found.iter().all(|log| log.known.is_some() && log.logs.is_none()), "{found:?}");
    let path = stage.path("lightning_logs/version_1/metrics.csv").to_string_lossy().into_owned();
    let refused = stage.try_call(AddSource { path, kind: None, project: None, once: true }).await.unwrap_err();
    assert!(refused.message.contains("is read already, with the other logs in"), "{}", refused.message);
    // A new run beside them comes with the next reading; the one alone comes with them once it is forgotten.
    csv(3);
    let sources = stage.call(ListSources {}).await;
    let id_of =
        |path: &Path| sources.iter().find(|source| Path::new(&source.path) == path).map(|source| source.id).unwrap();
    stage.call(RemoveSource { source: id_of(&alone), keep_runs: false }).await;
    let job = stage.call(ReadSource { source: id_of(&folder) }).await;
    stage.done(job).await;
    assert_eq!(series(&stage).await, [of(0, 1), of(1, 1), of(2, 1), of(3, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_new_run_is_noticed_while_its_folder_is_followed() {
    let stage = Stage::new().await;
    let csv = |at: u32| stage.write(&format!("lightning_logs/version_{at}/metrics.csv"), "step,loss\n1,0.5\n");
    csv(0);
    let path = stage.path("lightning_logs").to_string_lossy().into_owned();
    // Also where there is one alone until now, if a person says what is meant.
    let job = stage.call(AddSource { path, kind: Some(Kind::Metrics), project: None, once: false }).await;
    stage.done(job).await;
    assert_eq!(series(&stage).await.len(), 1);
    csv(1);
    stage.until("the new run", async |stage| (series(stage).await.len() == 2).then_some(())).await;
}
