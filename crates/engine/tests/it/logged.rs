//! Models that clients logged, as the window and the command line see them.

use api::{
    ErrorCode,
    host::{CollectGarbage, Freed},
    logged::{DeleteLogged, GetLogged, ListLogged, LoggedAt, LoggedBy, LoggedList, RegisterLogged, RestoreLogged},
    model::DeleteVersion,
    registered::GetClientVersion,
    run::{GetLineage, Run},
    tracking::{CreateExperiment, Experiment, LoggedMetric, LoggedModel, LoggedStatus, Scope},
};
use engine::tracking::{
    client::{self, Begin},
    logged::{
        self, New,
        searching::{self, OnDataset, Sought},
    },
    registry::{self, NewVersion},
};

use crate::stage::Stage;

#[tokio::test]
async fn a_logged_model_is_shown_with_its_run_its_files_and_what_was_registered_from_it() {
    let stage = Stage::new().await;
    let sweep = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;
    let begin = Begin { name: Some("one".to_owned()), started_ms: Some(1), ..Begin::default() };
    let run = client::begin(&stage.engine, &sweep.number.to_string(), begin).await.unwrap().row.run;
    let new =
        |name: &str, run| New { name: Some(name.to_owned()), kind: Some("sklearn".to_owned()), run, ..New::default() };
    let made = logged::create(&stage.engine, &sweep, new("forest", Some(run.id))).await.unwrap().0.id;
    let bare = logged::create(&stage.engine, &sweep, new("bare", None)).await.unwrap().0.id;
    logged::change(&stage.engine, &made, |model| model.status = LoggedStatus::Ready).await.unwrap();
    let folder = stage.engine.workspace().logged(&made).join("artifacts");
    std::fs::create_dir_all(folder.join("data")).unwrap();
    std::fs::write(folder.join("MLmodel"), "flavors:\n  python_function:\n    python_version: 3.12.1\n").unwrap();
    std::fs::write(folder.join("data/model.pkl"), "0123").unwrap();
    registry::create(&stage.engine, "churn", None, Vec::new()).await.unwrap();
    let source = format!("models:/{made}");
    let version = NewVersion { source, logged: Some(made.clone()), ..NewVersion::default() };
    let version = registry::add_version(&stage.engine, "churn", version).await.unwrap().id;

    let of_run = stage.call(ListLogged { of: LoggedBy::Run(run.id), deleted: false }).await;
    assert_eq!((of_run.total, of_run.models[0].name.as_str()), (1, "forest"));
    let all = stage.call(ListLogged { of: LoggedBy::Within(Scope::Experiment(sweep.id)), deleted: false }).await;
    assert_eq!(all.total, 2);

    let detail = stage.call(GetLogged { model: made.clone() }).await;
    assert_eq!(detail.run, Some(("one".to_owned(), run.page())));
    assert_eq!((detail.model.status, detail.experiment_name.as_str()), (LoggedStatus::Ready, "sweep"));
    let files: Vec<&str> = detail.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(files, ["MLmodel", "data/model.pkl"]);
    assert_eq!(detail.described.unwrap().flavors[0].name, "python_function");
    let registered = &detail.versions[0];
    assert_eq!((registered.id, registered.name.as_str(), registered.number), (version, "churn", 1));
    assert!(registered.page.ends_with(&format!("?version={version}")), "{}", registered.page);
    let kinds: Vec<&str> = detail.lineage.iter().map(|node| node.kind.as_str()).collect();
    assert_eq!(kinds, ["run", "logged model", "version"]);
    assert_eq!(detail.lineage[2].from, [1]);

    // The lineage of the run leads to it, and its address is that of the run's page.
    let nodes = stage.call(GetLineage { run: run.id }).await;
    let node = nodes.iter().find(|node| node.id == made).unwrap();
    assert_eq!(node.link, Some(format!("{}?tab=models&model={made}", run.page())));

    let alone = stage.call(GetLogged { model: bare.clone() }).await;
    assert_eq!((alone.run, alone.files.len(), alone.lineage.len()), (None, 0, 1));
    let of_none = stage.call(ListLogged { of: LoggedBy::NoRun, deleted: false }).await;
    assert_eq!((of_none.total, of_none.models[0].id.as_str()), (1, bare.as_str()));

    let read = async |path: &str| logged::shown::file(&stage.engine, &made, path).await;
    assert!(read("data/model.pkl").await.is_ok());
    for path in ["../artifacts/MLmodel", "data", "/etc/passwd", "none"] {
        assert!(read(path).await.is_err(), "{path}");
    }
    let error = stage.try_call(GetLogged { model: "m-none".to_owned() }).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotFound);
}

/// An experiment with a run.
async fn begun(stage: &Stage) -> (Experiment, Run) {
    let sweep = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;
    let begin = Begin { name: Some("one".to_owned()), started_ms: Some(1), ..Begin::default() };
    let run = client::begin(&stage.engine, &sweep.number.to_string(), begin).await.unwrap().row.run;
    (sweep, run)
}

async fn logged(stage: &Stage, of: &Experiment, name: &str, run: &Run) -> LoggedModel {
    let new = New { name: Some(name.to_owned()), run: Some(run.id), ..New::default() };
    logged::create(&stage.engine, of, new).await.unwrap().0
}

fn files(stage: &Stage, model: &str, bytes: usize) -> std::path::PathBuf {
    let folder = stage.engine.workspace().logged(model);
    std::fs::create_dir_all(folder.join("artifacts")).unwrap();
    std::fs::write(folder.join("artifacts/MLmodel"), vec![b'#'; bytes]).unwrap();
    folder
}

#[tokio::test]
async fn a_name_is_found_among_all_and_a_list_fills_only_what_it_answers() {
    let stage = Stage::new().await;
    let (sweep, run) = begun(&stage).await;
    let mut of_one = Vec::new();
    for name in ["oldest", "m-net", "twice", "twice"] {
        of_one.push(logged(&stage, &sweep, name, &run).await);
    }
    let like = of_one[0].clone();
    let newer = move |number: i64| LoggedModel {
        id: format!("m-{number:032x}"),
        name: format!("newer {number}"),
        created_ms: like.created_ms + 10_000 + number,
        params: [("depth".to_owned(), number.to_string())].into(),
        ..like.clone()
    };
    let put = move |tx: &store::Transaction<'_>| {
        (0..1_000).try_for_each(|number| store::logged_model::put(tx, &newer(number)))
    };
    stage.engine.store().write(put).await.unwrap();

    for of in [LoggedBy::Within(Scope::All), LoggedBy::Run(run.id)] {
        let all = stage.call(ListLogged { of, deleted: false }).await;
        assert_eq!((all.total, all.models.len(), all.deleted), (1_004, 1_000, 0));
        let first = &all.models[0];
        assert_eq!((first.name.as_str(), first.params["depth"].as_str()), ("newer 999", "999"));
    }
    for (at, name) in [(0, "oldest"), (1, "m-net")] {
        assert_eq!(stage.call(GetLogged { model: name.to_owned() }).await.model.id, of_one[at].id);
    }
    let error = stage.try_call(GetLogged { model: "twice".to_owned() }).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Invalid);
    let hint = error.hint.unwrap();
    assert!(of_one[2..].iter().all(|model| hint.contains(&model.id)), "{hint}");
}

#[tokio::test]
async fn a_person_registers_as_a_client_does() {
    let stage = Stage::new().await;
    let (sweep, run) = begun(&stage).await;
    let model = logged(&stage, &sweep, "forest", &run).await;
    let by_client = NewVersion {
        source: format!("models:/{}", model.id),
        run: Some(run.id.to_string()),
        logged: Some(model.id.clone()),
        ..NewVersion::default()
    };
    registry::create(&stage.engine, "other", None, Vec::new()).await.unwrap();
    let by_client = registry::add_version(&stage.engine, "other", by_client).await.unwrap();
    let from = |model: &str| LoggedAt::Model(model.to_owned());
    let register =
        async |from: LoggedAt, name: &str| stage.try_call(RegisterLogged { from, name: name.to_owned() }).await;

    // The name is made with the first version, and has the next one.
    let first = register(from("forest"), " churn ").await.unwrap();
    let second = register(from(&model.id), "churn").await.unwrap();
    assert_eq!((first.name.as_str(), first.number, second.number), ("churn", 1, 2));
    assert!(first.page.ends_with(&format!("?version={}", first.id)), "{}", first.page);
    let own = registry::version(&stage.engine, "churn", "1").await.unwrap();
    assert_eq!((&own.source, &own.location), (&by_client.source, &by_client.location));
    assert_eq!((own.run, &own.run_told, &own.logged), (by_client.run, &by_client.run_told, &by_client.logged));
    let kinds = stage.call(GetClientVersion { version: first.id }).await.lineage;
    let kinds: Vec<&str> = kinds.iter().map(|node| node.kind.as_str()).collect();
    assert_eq!(kinds, ["run", "logged model", "version"]);

    // A folder of a run's artifacts, if a model is in it.
    let folder = stage.engine.workspace().run(run.id).join("artifacts/deep/model");
    std::fs::create_dir_all(&folder).unwrap();
    let at = |path: &str| LoggedAt::Folder { run: run.id, path: path.to_owned() };
    assert_eq!(register(at("deep/model"), "churn").await.unwrap_err().code, ErrorCode::NotFound);
    std::fs::write(folder.join("MLmodel"), "flavors: {}\n").unwrap();
    let third = register(at("deep/model"), "churn").await.unwrap();
    assert_eq!(third.number, 3);
    let detail = stage.call(GetClientVersion { version: third.id }).await;
    assert_eq!(detail.version.run, Some(run.id));
    assert_eq!(detail.files.unwrap()[0].path, "MLmodel");
    assert_eq!(register(at("deep/../model"), "churn").await.unwrap_err().code, ErrorCode::Invalid);

    // What is refused leaves no name behind.
    for (from, name) in [(from("none"), "fresh"), (from("forest"), "a/b"), (from("forest"), " ")] {
        assert!(register(from, name).await.is_err(), "{name:?}");
    }
    assert!(registry::get(&stage.engine, "fresh").await.is_err());
}

fn part(freed: &Freed) -> Option<(u64, u64)> {
    let part = freed.parts.iter().find(|part| part.name == "Logged models");
    part.map(|part| (part.bytes, part.records))
}

#[tokio::test]
async fn a_logged_model_is_deleted_restored_and_a_day_later_collected() {
    let stage = Stage::new().await;
    let (sweep, run) = begun(&stage).await;
    let mut ids = Vec::new();
    for name in ["registered", "once registered", "fresh", "past", "without files"] {
        ids.push(logged(&stage, &sweep, name, &run).await.id);
    }
    let folders: Vec<_> = ids[..4].iter().map(|id| files(&stage, id, 100)).collect();
    let delete = async |model: &str| stage.try_call(DeleteLogged { model: model.to_owned() }).await;
    let restore = async |model: &str| stage.try_call(RestoreLogged { model: model.to_owned() }).await;
    let list = async |deleted: bool| {
        let LoggedList { models, deleted, .. } = stage.call(ListLogged { of: LoggedBy::Run(run.id), deleted }).await;
        (models.into_iter().map(|model| model.name).collect::<Vec<_>>(), deleted)
    };
    let mut versions = Vec::new();
    for id in &ids[..2] {
        let (from, name) = (LoggedAt::Model(id.clone()), "churn".to_owned());
        versions.push(stage.call(RegisterLogged { from, name }).await.id);
    }

    let refused = delete("registered").await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::InUse);
    assert!(refused.message.contains("churn v1"), "{}", refused.message);
    assert!(delete("fresh").await.unwrap().deleted_ms.is_some());
    assert_eq!(delete(&ids[2]).await.unwrap_err().code, ErrorCode::Conflict);
    assert!(delete("fresh").await.unwrap_err().hint.unwrap().contains(&ids[2]));
    assert_eq!(list(true).await, (vec!["fresh".to_owned()], 1));
    assert_eq!(list(false).await.0.len(), 4);
    let (from, name) = (LoggedAt::Model(ids[2].clone()), "churn".to_owned());
    assert_eq!(stage.try_call(RegisterLogged { from, name }).await.unwrap_err().code, ErrorCode::Conflict);
    let by_client =
        NewVersion { source: format!("models:/{}", ids[2]), logged: Some(ids[2].clone()), ..NewVersion::default() };
    assert!(registry::add_version(&stage.engine, "churn", by_client).await.is_err());
    assert_eq!(restore("fresh").await.unwrap().deleted_ms, None);
    assert_eq!(restore(&ids[2]).await.unwrap_err().code, ErrorCode::Conflict);
    assert_eq!(list(true).await, (Vec::new(), 0));

    // All but one were deleted long ago, as a client may do it whatever points at them.
    delete("fresh").await.unwrap();
    let past = [0, 1, 3, 4].map(|at| ids[at].clone());
    let long_ago = move |tx: &store::Transaction<'_>| {
        past.iter().try_for_each(|id| store::logged_model::set_deleted(tx, id, Some(1)))
    };
    stage.engine.store().write(long_ago).await.unwrap();
    // This version can still be brought back.
    stage.call(DeleteVersion { version: versions[1] }).await;
    let would = stage.call(CollectGarbage { dry_run: true }).await;
    assert_eq!(part(&would), Some((100, 2)), "{would:?}");
    assert!(folders[3].exists());
    assert_eq!(stage.call(CollectGarbage { dry_run: false }).await, would);
    let there: Vec<bool> = folders.iter().map(|folder| folder.exists()).collect();
    assert_eq!(there, [true, true, true, false]);
    for id in &ids[3..] {
        assert_eq!(restore(id).await.unwrap_err().code, ErrorCode::NotFound);
    }
    assert_eq!(restore("once registered").await.unwrap().id, ids[1]);
    assert_eq!(part(&stage.call(CollectGarbage { dry_run: false }).await), None);
}

#[tokio::test]
async fn words_are_looked_for_in_names_params_and_tags() {
    let stage = Stage::new().await;
    let sweep = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;
    let pair = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    for (name, params, tags) in
        [("forest", pair("Depth", "12"), pair("data", "of May")), ("linear", pair("C", "0.5"), pair("data", "of June"))]
    {
        let new = New { name: Some(name.to_owned()), params, tags, ..New::default() };
        logged::create(&stage.engine, &sweep, new).await.unwrap();
    }
    for (filter, expected) in [
        ("FOREST", &["forest"][..]),
        ("depth", &["forest"]),
        ("june", &["linear"]),
        ("data", &["forest", "linear"]),
        ("data may", &["forest"]),
        ("may and params.Depth = '12'", &["forest"]),
        ("may or params.C = '0.5'", &["forest", "linear"]),
        ("july", &[]),
    ] {
        let sought =
            Sought { experiments: vec![sweep.clone()], filter: filter.to_owned(), most: 10, ..Sought::default() };
        let found = searching::search(&stage.engine, sought).await.unwrap().models;
        let mut names: Vec<&str> = found.iter().map(|(model, _)| model.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, expected, "{filter}");
    }
}

/// The names that a search finds, in their order.
async fn found(stage: &Stage, sought: Sought) -> Vec<String> {
    let found = searching::search(&stage.engine, Sought { most: 10, ..sought }).await.unwrap();
    found.models.into_iter().map(|(model, _)| model.name).collect()
}

/// As MLflow has it since 3.18; before, any point of a metric was compared, and the latest by its time ordered.
#[tokio::test]
async fn of_a_models_metric_the_value_of_the_greatest_step_is_compared_and_ordered_by() {
    let stage = Stage::new().await;
    let sweep = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;
    let begin = Begin { name: Some("one".to_owned()), started_ms: Some(1), ..Begin::default() };
    let run = client::begin(&stage.engine, &sweep.number.to_string(), begin).await.unwrap().row.run.id;
    // Each with the step, the time, the value and the dataset of its points.
    for (name, points) in [
        ("risen", &[(1, 20, 0.2, "train"), (2, 10, 0.8, "test")][..]),
        ("fallen", &[(1, 10, 0.9, "train"), (1, 11, 0.3, "train"), (1, 11, 0.1, "train")]),
        ("bare", &[]),
    ] {
        let new = New { name: Some(name.to_owned()), ..New::default() };
        let model = logged::create(&stage.engine, &sweep, new).await.unwrap().0.id;
        let metrics: Vec<LoggedMetric> = points
            .iter()
            .enumerate()
            .map(|(at, (step, time_ms, value, dataset))| LoggedMetric {
                run,
                key: "acc".to_owned(),
                dataset_name: Some((*dataset).to_owned()),
                // Two points of one dataset, step and time are one; of two digests they are two.
                dataset_digest: Some(format!("d{at}")),
                step: *step,
                time_ms: *time_ms,
                value: *value,
            })
            .collect();
        let put = move |tx: &store::Transaction<'_>| {
            metrics.iter().try_for_each(|metric| store::logged_model::put_metric(tx, &model, metric))
        };
        stage.engine.store().write(put).await.unwrap();
    }
    let on = |name: &str| -> Vec<OnDataset> { vec![(name.to_owned(), None)] };
    let sought = |filter: &str, datasets: Vec<OnDataset>| Sought {
        experiments: vec![sweep.clone()],
        filter: filter.to_owned(),
        datasets,
        ..Sought::default()
    };
    for (filter, datasets, expected) in [
        ("metrics.acc > 0.5", Vec::new(), &["risen"][..]),
        ("metrics.acc < 0.5", Vec::new(), &["fallen"]),
        ("metrics.acc = 0.3", Vec::new(), &["fallen"]),
        ("metrics.acc != 0.8", Vec::new(), &["fallen"]),
        ("metrics.acc > 0.5", on("train"), &[]),
        ("metrics.acc = 0.2", on("train"), &["risen"]),
        ("metrics.acc IS NULL", Vec::new(), &["bare"]),
        ("metrics.acc IS NULL", on("test"), &["bare", "fallen"]),
    ] {
        let mut names = found(&stage, sought(filter, datasets.clone())).await;
        names.sort_unstable();
        assert_eq!(names, expected, "{filter} on {datasets:?}");
    }
    for (datasets, dataset, expected) in [
        (Vec::new(), None, ["fallen", "risen", "bare"]),
        (Vec::new(), on("train").pop(), ["risen", "fallen", "bare"]),
        (on("train"), None, ["risen", "fallen", "bare"]),
    ] {
        let orders = vec![searching::order("metrics.acc", true, dataset.clone()).unwrap()];
        // The models that have no metric on the dataset are not left out while the filter names one.
        let sought = Sought { orders, ..sought("metrics.acc IS NULL OR metrics.acc IS NOT NULL", datasets.clone()) };
        assert_eq!(found(&stage, sought).await, expected, "{datasets:?} {dataset:?}");
    }
}

#[tokio::test]
async fn models_are_found_by_their_status_and_an_unknown_one_is_refused() {
    let stage = Stage::new().await;
    let sweep = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;
    for (name, status) in [("a", LoggedStatus::Pending), ("b", LoggedStatus::Ready), ("c", LoggedStatus::Failed)] {
        let new = New { name: Some(name.to_owned()), ..New::default() };
        let made = logged::create(&stage.engine, &sweep, new).await.unwrap().0.id;
        logged::change(&stage.engine, &made, move |model| model.status = status).await.unwrap();
    }
    let sought = |filter: &str| Sought {
        experiments: vec![sweep.clone()],
        filter: filter.to_owned(),
        most: 10,
        ..Sought::default()
    };
    for (filter, expected) in [
        ("status = 'READY'", &["b"][..]),
        ("attributes.status != 'READY'", &["a", "c"]),
        ("status = 'FAILED'", &["c"]),
        ("status IN ('PENDING', 'FAILED')", &["a", "c"]),
        ("status NOT IN ('PENDING')", &["b", "c"]),
        ("status = 'UNSPECIFIED'", &[]),
    ] {
        let mut names = found(&stage, sought(filter)).await;
        names.sort_unstable();
        assert_eq!(names, expected, "{filter}");
    }
    for wrong in ["status = 'UPLOAD_FAILED'", "status != 'ready'", "status IN ('READY', 'DONE')", "status = 2"] {
        let error = searching::search(&stage.engine, sought(wrong)).await.unwrap_err();
        let told = engine::error::told(&error);
        assert_eq!(told.code, ErrorCode::Invalid, "{wrong}: {told}");
        assert!(told.message.contains("there are PENDING, READY, FAILED, UNSPECIFIED"), "{wrong}: {told}");
    }
}
