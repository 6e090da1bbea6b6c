//! Models that clients logged, as the window and the command line see them.

use api::{
    logged::{GetLogged, ListLogged, LoggedBy},
    run::GetLineage,
    tracking::{CreateExperiment, LoggedStatus, Scope},
};
use engine::tracking::{
    client::{self, Begin},
    logged::{self, New},
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

    let of_run = stage.call(ListLogged { of: LoggedBy::Run(run.id) }).await;
    assert_eq!((of_run.total, of_run.models[0].name.as_str()), (1, "forest"));
    let all = stage.call(ListLogged { of: LoggedBy::Within(Scope::Experiment(sweep.id)) }).await;
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

    let alone = stage.call(GetLogged { model: bare }).await;
    assert_eq!((alone.run, alone.files.len(), alone.lineage.len()), (None, 0, 1));

    let read = async |path: &str| logged::shown::file(&stage.engine, &made, path).await;
    assert!(read("data/model.pkl").await.is_ok());
    for path in ["../artifacts/MLmodel", "data", "/etc/passwd", "none"] {
        assert!(read(path).await.is_err(), "{path}");
    }
    let error = stage.try_call(GetLogged { model: "m-none".to_owned() }).await.unwrap_err();
    assert_eq!(error.code, api::ErrorCode::NotFound);
}
