//! The registry as MLflow's clients see it: names that several projects have, prompts, times.

use api::{
    ErrorCode, ModelId, ProjectId, RunId,
    config::ProjectFile,
    tracking::{ListExperiments, Stage as ModelStage},
};
use engine::tracking::{
    client::{self, Begin},
    logged::{self, New},
    registry::{
        self, NewVersion,
        searching::{self, Sought},
    },
};
use store::model::ModelRow;

use crate::stage::{Stage, table};

async fn project(stage: &Stage, folder: &str, name: &str) -> ProjectId {
    stage.write(&format!("{folder}/data.csv"), &table(20, 1));
    let mut file = ProjectFile { name: name.to_owned(), ..ProjectFile::default() };
    file.data.paths = vec!["data.csv".to_owned()];
    stage.create(folder, file).await
}

/// A project's model, as a training's first version makes it.
async fn model(stage: &Stage, project: ProjectId, name: &str) -> ModelId {
    // Each project's is another's, and so is each name's.
    let mut bytes = *project.as_bytes();
    bytes[0] ^= name.len() as u8;
    let id = ModelId::from_bytes(bytes);
    let row = ModelRow {
        id,
        project: Some(project),
        name: name.to_owned(),
        created_ms: 1,
        updated_ms: 1,
        notes: String::new(),
    };
    stage.engine.store().write(move |tx| store::model::insert(tx, &row)).await.unwrap();
    id
}

async fn run(stage: &Stage, project: ProjectId) -> RunId {
    let all = stage.call(ListExperiments::default()).await;
    let own = all.into_iter().find(|one| one.project == Some(project)).unwrap();
    let begin = Begin { name: Some("one".to_owned()), started_ms: Some(1), ..Begin::default() };
    client::begin(&stage.engine, &own.number.to_string(), begin).await.unwrap().row.run.id
}

fn of_run(run: RunId) -> NewVersion {
    NewVersion { source: format!("runs:/{run}/model"), run: Some(run.to_string()), ..NewVersion::default() }
}

fn sought(filter: &str) -> Sought {
    Sought { filter: filter.to_owned(), most: 100, ..Sought::default() }
}

async fn models(stage: &Stage, filter: &str) -> Vec<String> {
    let found = searching::models_found(&stage.engine, sought(filter)).await.unwrap();
    found.page.into_iter().map(|model| model.name).collect()
}

async fn versions(stage: &Stage, filter: &str) -> Vec<String> {
    let found = searching::versions_found(&stage.engine, sought(filter)).await.unwrap();
    let mut all: Vec<String> = found.page.into_iter().map(|one| format!("{} {}", one.name, one.number)).collect();
    all.sort_unstable();
    all
}

#[tokio::test]
async fn a_name_of_several_projects_means_that_of_the_run() {
    let stage = Stage::new().await;
    let (one, two) = (project(&stage, "a", "Payments").await, project(&stage, "b", "Cards: EU").await);
    let (of_one, of_two) = (model(&stage, one, "fraud").await, model(&stage, two, "fraud").await);
    let run = run(&stage, two).await;
    let version = registry::add_version(&stage.engine, "fraud", of_run(run)).await.unwrap();
    assert_eq!((version.model, version.name.as_str()), (of_two, "fraud (Cards- EU)"));
    let own = stage.call(ListExperiments::default()).await.into_iter().find(|one| one.project == Some(two)).unwrap();
    let new = New { name: Some("m".to_owned()), run: Some(run), ..New::default() };
    let made = logged::create(&stage.engine, &own, new).await.unwrap().0.id;
    let new = NewVersion { source: format!("models:/{made}"), logged: Some(made.clone()), ..NewVersion::default() };
    assert_eq!(registry::register(&stage.engine, "fraud", new).await.unwrap().model, of_two);
    let tags = logged::get(&stage.engine, &made).await.unwrap().0.tags;
    assert_eq!(tags["mlflow.modelVersions"], r#"[{"name":"fraud (Cards- EU)","version":2}]"#);

    assert_eq!(models(&stage, "").await, ["fraud (Cards- EU)", "fraud (Payments)"]);
    assert_eq!(versions(&stage, "name = 'fraud (Cards- EU)'").await, ["fraud (Cards- EU) 1", "fraud (Cards- EU) 2"]);
    assert_eq!(registry::get(&stage.engine, "fraud (Payments)").await.unwrap().row.id, of_one);
    assert_eq!(registry::get(&stage.engine, &format!("fraud ({two})")).await.unwrap().row.id, of_two);
    let refused = engine::error::told(&registry::get(&stage.engine, "fraud").await.unwrap_err());
    assert_eq!((refused.code, refused.message.as_str()), (ErrorCode::Invalid, "2 projects have a model \"fraud\"."));
    assert!(refused.hint.unwrap().contains("\"fraud (Payments)\" or \"fraud (Cards- EU)\""));
    let elsewhere = NewVersion { source: "s3://bucket/x".to_owned(), ..NewVersion::default() };
    assert!(registry::add_version(&stage.engine, "fraud", elsewhere).await.is_err());
    for taken in ["fraud", "fraud (Payments)"] {
        let refused = registry::create(&stage.engine, taken, None, Vec::new()).await.unwrap_err();
        assert_eq!(engine::error::told(&refused).code, ErrorCode::Conflict, "{taken}");
    }
    // A name that one project has is told as it is.
    model(&stage, one, "churn-1").await;
    assert_eq!(models(&stage, "name like 'churn%'").await, ["churn-1"]);
}

#[tokio::test]
async fn prompts_are_found_only_where_they_are_asked_for() {
    let stage = Stage::new().await;
    let prompt = vec![("mlflow.prompt.is_prompt".to_owned(), "true".to_owned())];
    registry::create(&stage.engine, "greeting", None, prompt.clone()).await.unwrap();
    registry::create(&stage.engine, "churn", Some("Who leaves".to_owned()), Vec::new()).await.unwrap();
    let new = |source: &str, tags| NewVersion { source: source.to_owned(), tags, ..NewVersion::default() };
    registry::add_version(&stage.engine, "greeting", new("dummy-source", prompt)).await.unwrap();
    registry::add_version(&stage.engine, "churn", new("s3://bucket/churn", Vec::new())).await.unwrap();
    let asked = "tags.`mlflow.prompt.is_prompt` = 'true'";
    assert_eq!((models(&stage, "").await, versions(&stage, "").await), (vec!["churn".into()], vec!["churn 1".into()]));
    assert_eq!(models(&stage, "LEAVES").await, ["churn"], "words are looked for in descriptions, too");
    assert_eq!(models(&stage, asked).await, ["greeting"]);
    assert_eq!(versions(&stage, asked).await, ["greeting 1"]);
    assert_eq!(models(&stage, "tag.`mlflow.prompt.is_prompt` != 'true'").await, ["churn"]);
    // By its name it is there.
    assert_eq!(registry::version(&stage.engine, "greeting", "1").await.unwrap().number, 1);
}

#[tokio::test]
async fn words_are_looked_for_in_names_descriptions_tags_and_aliases() {
    let stage = Stage::new().await;
    let engine = &stage.engine;
    let pairs = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    registry::create(engine, "churn", None, pairs("Owner", "Ada")).await.unwrap();
    registry::create(engine, "fraud", Some("Who pays".to_owned()), Vec::new()).await.unwrap();
    let new = |tags, description: &str| NewVersion {
        source: "s3://bucket/x".to_owned(),
        tags,
        description: Some(description.to_owned()),
        ..NewVersion::default()
    };
    registry::add_version(engine, "churn", new(pairs("kind", "Boosted trees"), "")).await.unwrap();
    registry::add_version(engine, "churn", new(Vec::new(), "Trained on May")).await.unwrap();
    registry::add_version(engine, "fraud", new(Vec::new(), "")).await.unwrap();
    registry::set_alias(engine, "churn", "champion", Some("2")).await.unwrap();
    for (words, of_models, of_versions) in [
        ("CHURN", vec!["churn"], vec!["churn 1", "churn 2"]),
        ("ada", vec!["churn"], vec![]),
        ("owner", vec!["churn"], vec![]),
        ("pays", vec!["fraud"], vec![]),
        ("boosted", vec![], vec!["churn 1"]),
        ("kind trees", vec![], vec!["churn 1"]),
        ("may", vec![], vec!["churn 2"]),
        ("champ", vec!["churn"], vec!["churn 2"]),
        ("champ boosted", vec![], vec![]),
        ("fraud or may", vec!["fraud"], vec!["churn 2", "fraud 1"]),
        ("not trees", vec!["churn", "fraud"], vec!["churn 2", "fraud 1"]),
    ] {
        assert_eq!(
            (models(&stage, words).await, versions(&stage, words).await),
            (strings(of_models), strings(of_versions)),
            "{words}"
        );
    }
}

fn strings(texts: Vec<&str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_model_changes_with_its_versions_stages_and_deletions() {
    let stage = Stage::new().await;
    registry::create(&stage.engine, "churn", None, Vec::new()).await.unwrap();
    let elsewhere = || NewVersion { source: "s3://bucket/x".to_owned(), ..NewVersion::default() };
    for _ in 0..2 {
        registry::add_version(&stage.engine, "churn", elsewhere()).await.unwrap();
    }
    let changed = async || {
        let row = registry::get(&stage.engine, "churn").await.unwrap().row;
        let since = row.updated_ms;
        // What comes next comes later.
        let before = ModelRow { updated_ms: 1, ..row };
        stage.engine.store().write(move |tx| store::model::put(tx, &before)).await.unwrap();
        since > 1
    };
    assert!(changed().await);
    registry::transition(&stage.engine, "churn", "1", ModelStage::Production, false).await.unwrap();
    assert!(changed().await, "a version went to a stage");
    registry::transition(&stage.engine, "churn", "2", ModelStage::Production, true).await.unwrap();
    let stages = |one: &registry::Version| (one.number, one.notes.stage);
    let told = registry::get(&stage.engine, "churn").await.unwrap();
    let told: Vec<_> = told.versions.iter().map(stages).collect();
    assert_eq!(told, [(2, ModelStage::Production), (1, ModelStage::Archived)]);
    assert!(changed().await);
    registry::set_alias(&stage.engine, "churn", "best", Some("2")).await.unwrap();
    assert_eq!(registry::by_alias(&stage.engine, "churn", "best").await.unwrap().number, 2);
    // None has it, and none can have it.
    registry::set_alias(&stage.engine, "churn", "latest", None).await.unwrap();
    assert!(registry::set_alias(&stage.engine, "churn", "latest", Some("2")).await.is_err());
    registry::delete_version(&stage.engine, "churn", "1").await.unwrap();
    assert!(changed().await, "a version was deleted");
    assert!(registry::version(&stage.engine, "churn", "1").await.is_err());
    for blank in ["", "  ", "\t"] {
        assert!(registry::create(&stage.engine, blank, None, Vec::new()).await.is_err(), "{blank:?}");
    }
}

#[tokio::test]
async fn a_search_answers_pages_by_its_order() {
    let stage = Stage::new().await;
    for name in ["b", "c", "a"] {
        let tags = vec![("kind".to_owned(), name.to_uppercase())];
        registry::create(&stage.engine, name, None, tags).await.unwrap();
        let new = NewVersion { source: format!("s3://bucket/{name}"), ..NewVersion::default() };
        registry::add_version(&stage.engine, name, new).await.unwrap();
    }
    let page = async |skip: u64| {
        let sought = Sought { order: vec!["name DESC".to_owned()], skip, most: 2, ..Sought::default() };
        let found = searching::models_found(&stage.engine, sought).await.unwrap();
        let names: Vec<String> = found.page.iter().map(|model| model.name.clone()).collect();
        (
            names.join(""),
            found.page.iter().all(|model| model.versions.len() == 1 && model.tags.len() == 1),
            found.has_more,
        )
    };
    assert_eq!([page(0).await, page(2).await], [("cb".to_owned(), true, true), ("a".to_owned(), true, false)]);
    assert_eq!(models(&stage, "tags.kind = 'B' and name in ('b',)").await, ["b"]);
    // MLflow 3.18 takes what a model or version is by this word, too, as it does of runs.
    assert_eq!(models(&stage, "attributes.name = 'b' or attribute.`name` like 'c%'").await, ["b", "c"]);
    assert_eq!(versions(&stage, "attributes.name = 'b' and attributes.version_number = 1").await, ["b 1"]);
    let order = vec!["attributes.name DESC".to_owned()];
    let found = searching::models_found(&stage.engine, Sought { order, ..sought("") }).await.unwrap();
    assert_eq!(found.page.iter().map(|model| model.name.as_str()).collect::<String>(), "cba");
    let found = searching::versions_found(&stage.engine, sought("source = 's3://bucket/c'")).await.unwrap();
    assert_eq!(found.page, [registry::version(&stage.engine, "c", "1").await.unwrap()]);
}
