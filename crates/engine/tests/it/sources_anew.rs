//! Logs of which another run was written into the same place.

use std::fs;

use api::{
    media::ListMedia,
    run::{GetRun, ListRuns, Run},
    source::{Kind, ListSources, ReadSource},
    tracking::ListExperiments,
};

use crate::{
    sources::{add, copy, fixture},
    stage::Stage,
};

async fn only_run(stage: &Stage) -> Run {
    let mut rows = Vec::new();
    for experiment in stage.call(ListExperiments::default()).await {
        let request = ListRuns { experiment: Some(experiment.id), ..ListRuns::default() };
        rows.extend(stage.call(request).await.rows);
    }
    assert_eq!(rows.len(), 1);
    stage.call(GetRun { run: rows[0].id }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_training_of_dvclive_leaves_nothing_of_the_one_before() {
    let stage = Stage::new().await;
    let folder = stage.path("dvclive");
    copy(&fixture("foreign/tests/fixtures/dvclive"), &folder);
    let loss = folder.join("plots/metrics/loss.tsv");
    fs::write(&loss, "timestamp\tstep\tloss\n1600000000000\t0\t1\n1600000001000\t1\t0.5\n").unwrap();
    add(&stage, &folder, Some(Kind::DvcLive)).await;
    let first = only_run(&stage).await;
    assert!(first.metrics.len() > 1 && first.params.contains_key("lr"), "{first:?}");
    assert_eq!(first.started_ms, Some(1_600_000_000_000));
    assert!(!stage.call(ListMedia::of(first.id)).await.keys.is_empty());

    fs::remove_dir_all(folder.join("plots")).unwrap();
    fs::remove_file(folder.join("metrics.json")).unwrap();
    fs::create_dir_all(loss.parent().unwrap()).unwrap();
    fs::write(&loss, "timestamp\tstep\tloss\n1700000000000\t0\t0.75\n").unwrap();
    fs::write(folder.join("params.yaml"), "depth: 2\n").unwrap();
    let source = stage.call(ListSources {}).await.remove(0).id;
    let job = stage.call(ReadSource { source }).await;
    stage.done(job).await;
    let second = only_run(&stage).await;
    let metrics: Vec<_> = second.metrics.iter().map(|metric| (metric.key.as_str(), metric.count)).collect();
    assert_eq!((second.id, metrics), (first.id, vec![("loss", 1)]));
    assert_eq!(second.params.keys().collect::<Vec<_>>(), ["depth"]);
    assert_eq!(second.started_ms, Some(1_700_000_000_000));
    assert!(stage.call(ListMedia::of(first.id)).await.keys.is_empty());
}
