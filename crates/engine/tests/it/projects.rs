//! Folders become projects, move, are copied, go wrong and away.

use api::{
    ErrorCode,
    config::{ProjectFile, Ragged},
    dataset::{AddData, GetDataset},
    job::{CancelJob, JobState},
    project::{
        CreateProject, DeleteProject, EditProjectFile, FileThere, GetOverview, GetProject, ListProjects, LookAt,
        OpenProject, SameId, Stage as Stop, StationState,
    },
};
use serde_json::json;

use crate::stage::{Stage, table};

async fn create(stage: &Stage, name: &str) -> api::project::Project {
    stage.write(&format!("{name}/data.csv"), &table(60, 1));
    let mut file = ProjectFile { name: name.to_owned(), ..ProjectFile::default() };
    file.data.paths = vec!["data.csv".to_owned()];
    file.data.target = Some("y".to_owned());
    let project = stage.create(name, file).await;
    stage.call(GetProject { project }).await
}

fn open(path: &std::path::Path, same_id: SameId) -> OpenProject {
    OpenProject { path: path.to_string_lossy().into_owned(), same_id }
}

#[tokio::test]
async fn a_project_is_created_listed_and_forgotten_but_its_folder_stays() {
    let stage = Stage::new().await;
    let project = create(&stage, "first").await;
    let listed = stage.call(ListProjects {}).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(
        listed[0].road.iter().map(|station| station.stage).collect::<Vec<_>>(),
        [Stop::Data, Stop::Train, Stop::Evaluate, Stop::Model, Stop::Deploy, Stop::Watch]
    );
    let overview = stage.call(GetOverview { project: project.id }).await;
    assert!(overview.headline.contains("predicts y"), "{}", overview.headline);
    stage.call(DeleteProject { project: project.id }).await;
    assert!(stage.call(ListProjects {}).await.is_empty());
    assert!(stage.path("first/slipway.toml").is_file());
    // The id in the file is the project's still.
    assert_eq!(stage.call(open(&stage.path("first"), SameId::Ask)).await.id, project.id);
}

#[tokio::test]
async fn a_folder_of_scripts_is_a_project_whose_runs_are_programs() {
    let stage = Stage::new().await;
    stage.write("scripts/train.py", "print('hello')\n");
    let path = stage.path("scripts").to_string_lossy().into_owned();
    let look = stage.call(LookAt { paths: vec![path.clone()], ragged: Ragged::Error }).await;
    assert!(look.problems.is_empty() && look.columns.is_empty(), "{:?}", look.problems);
    let project = stage.create("scripts", look.proposal).await;
    let project = stage.call(GetProject { project }).await;
    assert_eq!(project.name, "scripts");
    assert!(project.file_error.is_none(), "{:?}", project.file_error);
    let overview = stage.call(GetOverview { project: project.id }).await;
    assert!(overview.headline.starts_with("no data yet"), "{}", overview.headline);
    let data = overview.road.iter().find(|station| station.stage == Stop::Data).unwrap();
    assert_eq!((data.state, data.detail.as_str()), (StationState::Empty, "No data yet"));
    let waits: Vec<&str> = overview.waits.iter().map(|waiting| waiting.title.as_str()).collect();
    assert_eq!(waits, ["Track a program"]);
    let text = std::fs::read_to_string(stage.path("scripts/slipway.toml")).unwrap();
    assert!(!text.contains("target"), "{text}");
    // Data that are added later are data like any other.
    stage.write("rows.csv", "a,b\n1,2\n3,4\n5,6\n");
    let rows = stage.path("rows.csv").to_string_lossy().into_owned();
    stage.done(stage.call(AddData { project: project.id, paths: vec![rows] }).await).await;
    let dataset = stage.call(GetDataset { project: project.id }).await;
    assert!(dataset.files == 1 && dataset.problem.is_none(), "{dataset:?}");
    let overview = stage.call(GetOverview { project: project.id }).await;
    assert!(overview.waits.iter().any(|waiting| waiting.title == "Choose what to predict"), "{:?}", overview.waits);
}

#[tokio::test]
async fn a_folder_with_a_file_of_its_own_is_opened_and_not_made() {
    let stage = Stage::new().await;
    let path = stage.path("clone").to_string_lossy().into_owned();
    let look = async || stage.call(LookAt { paths: vec![path.clone()], ragged: Ragged::Error }).await;
    stage.write("clone/data.csv", &table(60, 1));
    assert_eq!(look().await.file, FileThere::None);
    stage.write("clone/slipway.toml", "name = \"clone\"\n\n[data]\npath = [\"data.csv\"]\n");
    let looked = look().await;
    assert_eq!(looked.file, FileThere::Bad);
    assert!(looked.problems[0].message.contains("data.path"), "{:?}", looked.problems);
    stage.write("clone/slipway.toml", "name = \"clone\"\n\n[data]\npaths = [\"data.csv\"]\ntarget = \"y\"\n");
    let looked = look().await;
    assert_eq!((looked.file, looked.project), (FileThere::Good, None));
    let project = stage.call(open(&stage.path("clone"), SameId::Ask)).await;
    assert_eq!((project.name.as_str(), look().await.project), ("clone", Some(project.id)));
}

#[tokio::test]
async fn a_copied_folder_is_asked_about_and_a_moved_one_is_the_same() {
    let stage = Stage::new().await;
    let project = create(&stage, "one").await;
    std::fs::create_dir(stage.path("two")).unwrap();
    for name in ["slipway.toml", "data.csv"] {
        std::fs::copy(stage.path("one").join(name), stage.path("two").join(name)).unwrap();
    }
    let asked = stage.try_call(open(&stage.path("two"), SameId::Ask)).await.unwrap_err();
    assert_eq!(asked.code, ErrorCode::Conflict);
    let new = stage.call(open(&stage.path("two"), SameId::NewProject)).await;
    assert_ne!(new.id, project.id);
    assert!(std::fs::read_to_string(stage.path("two/slipway.toml")).unwrap().contains(&new.id.to_string()));

    std::fs::rename(stage.path("one"), stage.path("moved")).unwrap();
    let moved = stage.call(open(&stage.path("moved"), SameId::Ask)).await;
    assert_eq!(moved.id, project.id);
    assert_eq!(moved.path, stage.path("moved").to_string_lossy());
    // Nor is a link that was left in the old place another folder.
    #[cfg(unix)]
    {
        std::fs::rename(stage.path("moved"), stage.path("real")).unwrap();
        std::os::unix::fs::symlink(stage.path("real"), stage.path("moved")).unwrap();
        let moved = stage.call(open(&stage.path("real"), SameId::Ask)).await;
        assert_eq!(moved.id, project.id);
        assert_eq!(moved.path, stage.path("real").to_string_lossy());
    }
}

#[tokio::test]
async fn a_copy_of_a_forgotten_project_is_asked_about() {
    let stage = Stage::new().await;
    let project = create(&stage, "one").await;
    std::fs::create_dir(stage.path("two")).unwrap();
    for name in ["slipway.toml", "data.csv"] {
        std::fs::copy(stage.path("one").join(name), stage.path("two").join(name)).unwrap();
    }
    stage.call(DeleteProject { project: project.id }).await;
    let paths = vec![stage.path("two").to_string_lossy().into_owned()];
    let looked = stage.call(LookAt { paths, ragged: Ragged::Error }).await;
    assert_eq!(looked.same_id_as.map(|twin| twin.path), Some(project.path.clone()));
    let asked = stage.try_call(open(&stage.path("two"), SameId::Ask)).await.unwrap_err();
    assert_eq!(asked.code, ErrorCode::Conflict);
    // What was forgotten comes back where it was, or where a person says that it is.
    let back = stage.call(open(&stage.path("one"), SameId::Ask)).await;
    assert_eq!((back.id, back.path), (project.id, project.path));
    stage.call(DeleteProject { project: project.id }).await;
    let same = stage.call(open(&stage.path("two"), SameId::SamePlace)).await;
    assert_eq!((same.id, same.path), (project.id, stage.path("two").to_string_lossy().into_owned()));
}

#[tokio::test]
async fn a_file_that_lost_its_id_gets_it_back() {
    let stage = Stage::new().await;
    let project = create(&stage, "one").await;
    std::fs::write(stage.path("one/slipway.toml"), "").unwrap();
    assert_eq!(stage.call(open(&stage.path("one"), SameId::Ask)).await.id, project.id);
    assert_eq!(stage.call(ListProjects {}).await.len(), 1);
    assert!(std::fs::read_to_string(stage.path("one/slipway.toml")).unwrap().contains(&project.id.to_string()));
}

#[tokio::test]
async fn a_known_project_that_lost_its_file_gets_it_back() {
    let stage = Stage::new().await;
    let project = create(&stage, "one").await;
    stage.call(EditProjectFile { project: project.id, set: vec![("training.seed".to_owned(), json!(7))] }).await;
    std::fs::remove_file(stage.path("one/slipway.toml")).unwrap();
    let path = stage.path("one").to_string_lossy().into_owned();
    let look = stage.call(LookAt { paths: vec![path.clone()], ragged: Ragged::Error }).await;
    assert_eq!((look.project, look.file, look.proposal.training.seed), (Some(project.id), FileThere::None, 7));
    let request = CreateProject { path, file: look.proposal, copy_from: Vec::new() };
    assert_eq!(stage.project_of(stage.call(request).await).await, project.id);
    assert_eq!(stage.call(ListProjects {}).await.len(), 1);
    let again = stage.call(GetProject { project: project.id }).await;
    assert_eq!((again.file.training.seed, again.file_error), (7, None));
}

#[tokio::test]
async fn the_experiment_is_called_as_the_project_is() {
    let stage = Stage::new().await;
    let project = create(&stage, "one").await;
    let set = vec![("name".to_owned(), json!("Another name"))];
    stage.call(EditProjectFile { project: project.id, set }).await;
    let read = |c: &store::Connection| {
        Ok(c.query_row("SELECT name FROM experiment WHERE number = 1", [], |row| row.get::<_, String>(0))?)
    };
    assert_eq!(stage.engine.store().read(read).await.unwrap(), "Another name");
}

#[tokio::test]
async fn a_file_of_any_size_is_refused_by_its_size() {
    let stage = Stage::new().await;
    let project = create(&stage, "one").await;
    let set = vec![("description".to_owned(), json!("x".repeat(1_100_000)))];
    let refused = stage.try_call(EditProjectFile { project: project.id, set }).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Invalid);
    assert!(refused.message.contains("would have 1.1 MB"), "{}", refused.message);
    assert_eq!(stage.call(GetProject { project: project.id }).await.file_error, None);
    let file = std::fs::File::options().write(true).open(stage.path("one/slipway.toml")).unwrap();
    file.set_len(50_000_000).unwrap();
    let look = stage.call(LookAt { paths: vec![project.path.clone()], ragged: Ragged::Error }).await;
    assert_eq!(look.file, FileThere::Bad);
    assert!(look.problems[0].message.contains("50.0 MB; at most 1 MB is read"), "{:?}", look.problems);
}

#[tokio::test]
async fn an_edit_is_refused_where_the_file_is_wrong_and_the_last_good_one_stays() {
    let stage = Stage::new().await;
    let project = create(&stage, "p").await;
    let edit = |key: &str, value| EditProjectFile { project: project.id, set: vec![(key.to_owned(), value)] };
    let edited = stage.call(edit("training.seed", json!(42))).await;
    assert_eq!(edited.file.training.seed, 42);
    let refused = stage.try_call(edit("split.test", json!(7))).await.unwrap_err();
    assert_eq!((refused.code, refused.key.as_deref()), (ErrorCode::InvalidProjectFile, Some("split.test")));
    // No line is named of a file that was never written.
    let refused = stage.try_call(edit("training.rounds", json!("many"))).await.unwrap_err();
    assert!(refused.message.starts_with("slipway.toml can't have `rounds = \"many\"`: "), "{}", refused.message);
    assert_eq!(refused.hint.as_deref(), Some("Nothing was written."));
    let set = vec![
        ("description".to_owned(), json!("Payments of a year.")),
        ("data.paths".to_owned(), json!(["data", "more/*.csv"])),
        ("data.ragged".to_owned(), json!("skip")),
    ];
    let file = stage.call(EditProjectFile { project: project.id, set }).await.file;
    assert_eq!((file.description.as_deref(), file.data.paths.len()), (Some("Payments of a year."), 2));
    assert_eq!(file.data.ragged, api::config::Ragged::Skip);

    let good = std::fs::read_to_string(stage.path("p/slipway.toml")).unwrap();
    stage.write("p/slipway.toml", &format!("{good}\n[training]\n"));
    // The watcher sees it by itself.
    let seen = stage
        .until("the wrong file is seen", async |stage| {
            let now = stage.call(GetProject { project: project.id }).await;
            now.file_error.is_some().then_some(now)
        })
        .await;
    assert_eq!(seen.file.training.seed, 42);
    assert_eq!(stage.try_call(edit("training.seed", json!(1))).await.unwrap_err().code, ErrorCode::InvalidProjectFile);

    stage.write("p/slipway.toml", &good.replace("seed = 42", "seed = 43"));
    let mended = stage
        .until("the mended file is read", async |stage| {
            let now = stage.call(GetProject { project: project.id }).await;
            (now.file_error.is_none() && now.file.training.seed == 43).then_some(now)
        })
        .await;
    assert_eq!(mended.id, project.id);
}

#[tokio::test]
async fn a_deleted_folder_is_told_and_found_again() {
    let stage = Stage::new().await;
    let project = create(&stage, "p").await;
    std::fs::rename(stage.path("p"), stage.path("away")).unwrap();
    let gone = stage
        .until("the folder is missed", async |stage| {
            let now = stage.call(GetProject { project: project.id }).await;
            now.missing.is_some().then_some(now)
        })
        .await;
    assert_eq!(gone.file.data.target.as_deref(), Some("y"));
    std::fs::rename(stage.path("away"), stage.path("p")).unwrap();
    stage
        .until("the folder is found again", async |stage| {
            stage.call(GetProject { project: project.id }).await.missing.is_none().then_some(())
        })
        .await;
}

#[tokio::test]
async fn samples_are_copied_once_and_never_over_something_else() {
    let stage = Stage::new().await;
    let samples = stage.call(api::project::ListSamples {}).await;
    assert_eq!(samples.len(), 5);
    let penguins = samples.iter().find(|sample| sample.name == "penguins").unwrap();
    let open = async || {
        let job = stage.call(api::project::OpenSample { name: "penguins".to_owned() }).await;
        let project = stage.project_of(job).await;
        stage.call(GetProject { project }).await
    };
    let opened = open().await;
    assert_eq!(opened.sample.as_deref(), Some("penguins"));
    assert!(std::path::Path::new(&penguins.destination).join("slipway.toml").is_file());
    let again = open().await;
    assert_eq!(again.id, opened.id);
    // The generated one takes its time; cancelled, nothing of it is left.
    let fraud = stage.call(api::project::OpenSample { name: "card-fraud".to_owned() }).await;
    stage.call(CancelJob { job: fraud.id }).await;
    assert_eq!(stage.over(fraud).await.state, JobState::Cancelled);
    let left = std::fs::read_dir(stage.path("documents/Slipway Samples")).unwrap().count();
    assert_eq!(left, 1, "penguins");
    stage.write("documents/Slipway Samples/diabetes/mine.txt", "mine");
    let refused = stage.try_call(api::project::OpenSample { name: "diabetes".to_owned() }).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Conflict);
}
