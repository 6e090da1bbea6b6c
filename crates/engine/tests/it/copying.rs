//! Files and folders copied into a project: whole or not there.

use std::path::Path;

use api::{
    ApiError, ErrorCode,
    config::{ProjectFile, Ragged},
    dataset::{AddData, GetDataset, TakeSnapshot},
    job::{CancelJob, Job, JobState, RetryJob},
    project::{CreateProject, GetProject, LookAt, OpenSample},
};

use crate::{
    data::project,
    stage::{Stage, table},
};

async fn create(stage: &Stage, name: &str, from: &Path) -> Result<Job, ApiError> {
    let mut file = ProjectFile { name: name.to_owned(), ..ProjectFile::default() };
    // Of a folder its entries are copied.
    let read = from.file_name().filter(|_| from.is_file()).map_or(".".into(), |name| name.to_string_lossy());
    file.data.paths = vec![read.into_owned()];
    let copy_from = vec![from.to_string_lossy().into_owned()];
    stage.try_call(CreateProject { path: stage.path(name).to_string_lossy().into_owned(), file, copy_from }).await
}

/// Everything below a folder, hidden entries included.
fn below(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().unwrap().is_dir() {
            names.extend(below(&entry.path()).into_iter().map(|inner| format!("{name}/{inner}")));
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_with_links_and_pipes_is_copied_as_a_snapshot_would_see_it() {
    use std::os::unix::fs::symlink;
    let stage = Stage::new().await;
    for name in ["a.csv", "deep/b.csv", ".kept/c.csv", ".hidden.csv"] {
        stage.write(&format!("drop/{name}"), &table(30, 1));
    }
    let drop = stage.path("drop");
    for (to, link) in [("..", "deep/up"), (".", "circle"), ("a.csv", "newest.csv"), (".kept/c.csv", "c.csv")] {
        symlink(to, drop.join(link)).unwrap();
    }
    assert!(std::process::Command::new("mkfifo").arg(drop.join("pipe.csv")).status().unwrap().success());
    let project = stage.project_of(create(&stage, "p", &drop).await.unwrap()).await;
    assert_eq!(below(&stage.path("p")), ["a.csv", "c.csv", "deep/b.csv", "slipway.toml"]);
    assert_eq!(stage.call(GetDataset { project }).await.files, 3);
}

/// What is looked at and copied becomes a project whose data are read; its data paths.
async fn becomes(stage: &Stage, name: &str, from: &[&str], files: u64) -> Vec<String> {
    let paths: Vec<String> = from.iter().map(|from| stage.path(from).to_string_lossy().into_owned()).collect();
    let look = stage.call(LookAt { paths: paths.clone(), ragged: Ragged::Error }).await;
    let path = stage.path(name).to_string_lossy().into_owned();
    let job = stage.call(CreateProject { path, file: look.proposal, copy_from: paths }).await;
    let project = stage.project_of(job).await;
    let dataset = stage.call(GetDataset { project }).await;
    assert_eq!((dataset.problem, dataset.files), (None, files));
    stage.done(stage.call(TakeSnapshot { project, message: None }).await).await;
    stage.call(GetProject { project }).await.file.data.paths
}

#[tokio::test]
async fn what_is_copied_lies_where_the_proposed_data_paths_read() {
    let stage = Stage::new().await;
    for name in ["flat/a.csv", "flat/b.csv", "deep/tables/a.csv", "deep/tables/b.csv", "other/c.csv"] {
        stage.write(name, &table(30, 1));
    }
    assert_eq!(becomes(&stage, "p1", &["flat"], 2).await, ["a.csv", "b.csv"]);
    assert_eq!(below(&stage.path("p1")), ["a.csv", "b.csv", "slipway.toml"]);
    assert_eq!(becomes(&stage, "p2", &["deep"], 2).await, ["tables"]);
    assert_eq!(becomes(&stage, "p3", &["flat/b.csv", "other/c.csv"], 2).await, ["b.csv", "c.csv"]);
    assert_eq!(becomes(&stage, "p4", &["flat", "other"], 3).await, ["flat/a.csv", "flat/b.csv", "other/c.csv"]);

    // A folder that was a project elsewhere: what it holds is taken, and it is a project of its own.
    stage.write("copied/slipway.toml", "version = 1\n[data]\npaths = [\"a.csv\"]\n");
    stage.write("copied/a.csv", &table(30, 1));
    assert_eq!(becomes(&stage, "p5", &["copied"], 1).await, ["a.csv"]);

    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sample-projects/digits/images");
    for class in ["3", "7"] {
        let folder = stage.path(&format!("photos/images/{class}"));
        std::fs::create_dir_all(&folder).unwrap();
        for picture in std::fs::read_dir(samples.join(class)).unwrap().flatten().take(3) {
            std::fs::copy(picture.path(), folder.join(picture.file_name())).unwrap();
        }
    }
    assert_eq!(becomes(&stage, "p6", &["photos"], 6).await, ["images"]);
    assert_eq!(becomes(&stage, "p7", &["photos/images"], 6).await, ["."]);
    assert_eq!(becomes(&stage, "p8", &["photos/images/3", "photos/images/7"], 6).await, ["."]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_copy_that_fails_leaves_nothing_and_can_be_tried_again() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    stage.write("drop/a.csv", &table(30, 1));
    let outside = stage.write("outside/b.csv", &table(30, 2));
    std::os::unix::fs::symlink(&outside, stage.path("drop/link.csv")).unwrap();
    let refused = create(&stage, "q", &stage.path("drop")).await.unwrap_err();
    assert!(refused.message.contains("link.csv") && refused.message.contains("leads out"), "{refused:?}");
    assert!(!stage.path("q").exists(), "the folder was made for the copy only");

    // Of two that are added, both or none.
    let add = |names: [&str; 2]| {
        let paths = names.iter().map(|name| stage.path(name).to_string_lossy().into_owned()).collect();
        AddData { project, paths }
    };
    let before = below(&stage.path("p"));
    stage.try_call(add(["outside", "drop"])).await.unwrap_err();
    assert_eq!(below(&stage.path("p")), before);
    stage.write("other/outside", "x");
    let twice = stage.try_call(add(["outside", "other/outside"])).await.unwrap_err();
    assert_eq!(twice.code, ErrorCode::Conflict, "{twice:?}");
    assert_eq!(below(&stage.path("p")), before);

    // What can't be written into slipway.toml is taken out again.
    let good = std::fs::read_to_string(stage.path("p/slipway.toml")).unwrap();
    stage.write("p/slipway.toml", "version = [");
    std::fs::remove_file(stage.path("drop/link.csv")).unwrap();
    let failed = stage.over(stage.call(add(["outside", "drop"])).await).await;
    assert_eq!(failed.state, JobState::Failed);
    assert_eq!(below(&stage.path("p")), before);
    stage.write("p/slipway.toml", &good);
    stage.done(stage.call(RetryJob { job: failed.id }).await).await;
    let dataset = stage.call(GetDataset { project }).await;
    assert_eq!((dataset.files, below(&stage.path("p")).len()), (3, before.len() + 2));
    stage.project_of(create(&stage, "q", &stage.path("drop")).await.unwrap()).await;
}

#[tokio::test]
async fn a_copy_that_does_not_fit_is_refused_before_it_is_begun() {
    let stage = Stage::new().await;
    let path = stage.write("drop/large.csv", "x,y\n");
    // A hole: it is large and takes no room, where the file system has such files.
    let size_bytes = fs4::available_space(stage.folder.path()).unwrap() + (1 << 30);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    if file.set_len(size_bytes).is_err() {
        return;
    }
    let refused = create(&stage, "p", &path).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NoSpace, "{refused:?}");
    assert!(!stage.path("p").exists());
}

#[tokio::test]
async fn a_copy_that_is_cancelled_leaves_nothing_and_can_be_retried() {
    let stage = Stage::new().await;
    let path = stage.write("drop/large.csv", "x,y\n");
    // Larger than what is copied until the cancel is heard.
    let rows = table(2_000, 1).into_bytes();
    let bytes: Vec<u8> = rows.iter().copied().cycle().take(256 << 20).collect();
    std::fs::write(&path, bytes).unwrap();
    let job = create(&stage, "p", &path).await.unwrap();
    stage.call(CancelJob { job: job.id }).await;
    let over = stage.over(job).await;
    // Where the file system shares the bytes it may have been faster.
    if over.state == JobState::Done {
        return;
    }
    assert_eq!((over.state, over.retryable), (JobState::Cancelled, true));
    assert!(!stage.path("p").exists(), "the folder was made for the copy only");
    std::fs::write(&path, table(50, 1)).unwrap();
    let again = stage.done(stage.call(RetryJob { job: over.id }).await).await;
    assert!(again.message.contains("is a project"), "{}", again.message);
    assert_eq!(below(&stage.path("p")), ["large.csv", "slipway.toml"]);
}

#[cfg(unix)]
#[tokio::test]
async fn what_has_no_name_and_a_link_that_leads_nowhere_are_refused_plainly() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let refused = stage.try_call(AddData { project, paths: vec!["/".to_owned()] }).await.unwrap_err();
    assert_eq!((refused.code, refused.message.as_str()), (ErrorCode::Invalid, "/ has no name that a copy could have."));
    let refused = stage.try_call(AddData { project, paths: Vec::new() }).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Invalid, "{refused:?}");

    let samples = stage.path("documents/Slipway Samples");
    std::fs::create_dir_all(&samples).unwrap();
    std::os::unix::fs::symlink("nowhere", samples.join("diabetes")).unwrap();
    let refused = stage.try_call(OpenSample { name: "diabetes".to_owned() }).await.unwrap_err();
    assert!(refused.message.contains("is there already, and is not the sample"), "{refused:?}");
}
