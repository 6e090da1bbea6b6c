//! Snapshots: what changed, kept once, rebuilt, compared, exported, deleted.

use std::ops::ControlFlow;

use api::{
    ErrorCode, ProjectId,
    config::ProjectFile,
    dataset::{
        AddData, CompareSnapshots, DeleteSnapshot, ExportSnapshot, GetDataset, GetPreview, GetProfile, PlanSnapshot,
        TakeSnapshot,
    },
    deleted::{ListDeletedSnapshots, PurgeSnapshot, RestoreSnapshot},
    host::{CollectGarbage, GetStorage, Storage},
    job::{CancelJob, GetJob, JobState, LeaveJob, ListJobs, Prepared, Subject},
    project::{DeleteProject, EditProjectFile, GetProject, PurgeProject},
};
use engine::watching::How;

use crate::stage::{PATIENCE, Stage, table};

pub(crate) async fn project(stage: &Stage) -> ProjectId {
    stage.write("p/data/a.csv", &table(200, 1));
    let mut file = ProjectFile { name: "p".to_owned(), ..ProjectFile::default() };
    file.data.paths = vec!["data".to_owned()];
    file.data.target = Some("y".to_owned());
    stage.create("p", file).await
}

async fn take(stage: &Stage, project: ProjectId) -> api::SnapshotId {
    let job = stage.call(TakeSnapshot { project, message: None }).await;
    match stage.done(job).await.subject {
        Subject::Snapshot(snapshot) => snapshot,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_unchanged_folder_is_free_and_a_changed_one_is_seen_as_the_system_tells_it() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = take(&stage, project).await;
    assert_eq!(take(&stage, project).await, first);
    assert!(stage.call(PlanSnapshot { project }).await.unchanged);

    assert_eq!(stage.engine.watch().how(project), Some(How::Told));
    assert_eq!(stage.call(GetProject { project }).await.polled, None);
    let step = || drop(stage.write("p/data/b.csv", &table(50, 2)));
    let seen = as_told(&stage, project, "the added file is seen", step, async |stage| {
        stage.call(GetDataset { project }).await.changed
    })
    .await;
    assert_eq!((seen.added, seen.changed, seen.removed), (1, 0, 0));
    assert_eq!(seen.names, ["data/b.csv"]);

    let second = take(&stage, project).await;
    let dataset = stage.call(GetDataset { project }).await;
    assert_eq!(dataset.changed, None);
    let newest = &dataset.snapshots[0];
    assert_eq!((newest.id, newest.number, newest.parent, newest.rows), (second, 2, Some(first), 250));
    assert_eq!(newest.message, "data/b.csv added, 50 more rows");
}

/// Does it, and expects the answer to follow by what the system tells alone: nothing is looked at from time to time, so that
/// no look but that of the hint can have seen it.
async fn as_told<T>(
    stage: &Stage,
    project: ProjectId,
    what: &str,
    step: impl FnOnce(),
    ask: impl AsyncFnMut(&Stage) -> Option<T>,
) -> T {
    let told = async {
        while !stage.engine.watch().is_told_of_all(project) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, told).await.unwrap_or_else(|_| panic!("never watched: {what}"));
    step();
    let answer = stage.until(what, ask).await;
    assert!(stage.engine.watch().is_told_of_all(project), "{what}");
    answer
}

#[tokio::test]
async fn a_changed_and_a_removed_file_and_another_slipway_toml_are_seen_as_the_system_tells_them() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    stage.write("p/data/b.csv", &table(50, 2));
    take(&stage, project).await;
    let change = async |stage: &Stage| {
        stage.call(GetDataset { project }).await.changed.map(|seen| (seen.added, seen.changed, seen.removed))
    };

    // As many bytes as before: the time alone is another.
    let other = std::fs::read_to_string(stage.path("p/data/a.csv")).unwrap().replace("red", "ref");
    let step = || drop(stage.write("p/data/a.csv", &other));
    let seen = as_told(&stage, project, "the changed file is seen", step, change).await;
    assert_eq!(seen, (0, 1, 0));

    let step = || std::fs::remove_file(stage.path("p/data/b.csv")).unwrap();
    as_told(&stage, project, "the removed file is seen", step, async |stage| {
        change(stage).await.filter(|seen| *seen == (0, 1, 1))
    })
    .await;

    let text = std::fs::read_to_string(stage.path("p/slipway.toml")).unwrap();
    let step = || drop(stage.write("p/slipway.toml", &format!("description = \"seen\"\n{text}")));
    as_told(&stage, project, "the other slipway.toml is read", step, async |stage| {
        (stage.call(GetProject { project }).await.description.as_deref() == Some("seen")).then_some(())
    })
    .await;
}

/// A project whose data lie outside of its folder: all of a folder and one file, both by absolute paths.
async fn project_of_data_elsewhere(stage: &Stage) -> ProjectId {
    stage.write("p/notes.txt", "no data");
    let (folder, file) = (stage.path("shared/all"), stage.path("shared/alone.csv"));
    stage.write("shared/all/a.csv", &table(100, 1));
    stage.write("shared/alone.csv", &table(100, 2));
    let mut file_of_project = ProjectFile { name: "p".to_owned(), ..ProjectFile::default() };
    file_of_project.data.paths = [folder, file].iter().map(|path| path.to_string_lossy().into_owned()).collect();
    file_of_project.data.target = Some("y".to_owned());
    stage.create("p", file_of_project).await
}

#[tokio::test]
async fn data_outside_of_the_folder_are_watched_too() {
    let stage = Stage::new().await;
    let project = project_of_data_elsewhere(&stage).await;
    take(&stage, project).await;
    assert_eq!(stage.call(GetProject { project }).await.polled, None);
    let follows = async |what: &str, wanted: (u64, u64, u64), step: &dyn Fn()| {
        as_told(&stage, project, what, step, async |stage| {
            let seen = stage.call(GetDataset { project }).await.changed?;
            ((seen.added, seen.changed, seen.removed) == wanted).then_some(())
        })
        .await;
    };
    let (first, deep) = (stage.path("shared/all/a.csv"), stage.path("shared/all/deep/b.csv"));
    follows("a file more", (1, 0, 0), &|| drop(stage.write("shared/all/deep/b.csv", &table(50, 3)))).await;
    follows("the file of its own is another", (1, 1, 0), &|| drop(stage.write("shared/alone.csv", &table(50, 4))))
        .await;
    follows("a file is gone", (1, 1, 1), &|| std::fs::remove_file(&first).unwrap()).await;
    follows("another took its place", (0, 2, 0), &|| std::fs::rename(&deep, &first).unwrap()).await;
}

#[tokio::test]
async fn data_outside_of_the_folder_on_a_network_mount_are_polled() {
    let stage = Stage::with_mount(Some("shared")).await;
    let project = project_of_data_elsewhere(&stage).await;
    take(&stage, project).await;
    assert_eq!(stage.engine.watch().how(project), Some(How::Told), "the folder itself is on this machine");
    let told = stage.call(GetProject { project }).await.polled.expect("the person is told");
    assert!(told.contains("data") && told.contains("network drive") && told.contains("every 5 s"), "{told}");
    stage.write("shared/all/b.csv", &table(50, 3));
    stage.until("the host looks by itself", async |stage| stage.call(GetDataset { project }).await.changed).await;
    // Data that are named no more are looked at no more.
    let set = vec![("data.paths".to_owned(), serde_json::json!(["here.csv"]))];
    stage.write("p/here.csv", &table(50, 5));
    assert_eq!(stage.call(EditProjectFile { project, set }).await.polled, None);
}

#[tokio::test]
async fn a_folder_on_a_network_mount_is_polled() {
    let stage = Stage::on_the_network().await;
    let project = project(&stage).await;
    assert_eq!(stage.engine.watch().how(project), Some(How::Polled));
    let told = stage.call(GetProject { project }).await.polled.expect("the person is told");
    assert!(told.contains("network drive") && told.contains("every 5 s"), "{told}");
    stage.write("p/data/b.csv", &table(50, 2));
    take(&stage, project).await;
    // Nothing but the host's own look can see these: the folder is watched by nobody.
    stage.write("p/data/a.csv", &table(210, 1));
    stage.write("p/data/c.csv", &table(50, 3));
    std::fs::remove_file(stage.path("p/data/b.csv")).unwrap();
    let seen = stage
        .until("all three changes are seen", async |stage| {
            let seen = stage.call(GetDataset { project }).await.changed;
            seen.filter(|seen| seen.added + seen.changed + seen.removed == 3)
        })
        .await;
    assert_eq!((seen.added, seen.changed, seen.removed), (1, 1, 1));
    assert_eq!(seen.names, ["data/a.csv", "data/c.csv", "data/b.csv"]);
}

#[tokio::test]
async fn a_snapshot_under_way_says_how_far_it_is_and_stops_at_once_with_nothing_half_written() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    stage.write("p/data/a.csv", &table(60_000, 1));
    let row = engine::project::find(&stage.engine, project).await.unwrap();
    let caches = stage.engine.workspace().snapshots_cache();
    let size = format!("of {:.1} MB", std::fs::metadata(stage.path("p/data/a.csv")).unwrap().len() as f64 / 1e6);
    for stop_at in ["Reads data/a.csv", "Looks through the rows", "Converts the rows", "Writes the record"] {
        let mut told: Vec<(f64, String)> = Vec::new();
        let mut stop = |fraction: f64, message: &str| {
            told.push((fraction, message.to_owned()));
            if message.starts_with(stop_at) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let stopped = engine::snapshot::take(&stage.engine, &row, None, &mut stop).await.unwrap_err();
        assert_eq!(engine::error::told(&stopped).code, ErrorCode::Cancelled, "{stop_at}: {stopped:#}");
        assert!(told.last().is_some_and(|(_, last)| last.starts_with(stop_at)), "{stop_at}: went on to {told:?}");
        assert!(told.is_sorted_by(|(one, _), (other, _)| one <= other), "{told:?}");
        for (_, message) in told.iter().filter(|(_, message)| message.contains("the rows")) {
            assert!(message.ends_with(&size), "{message} does not say {size}");
        }
        let left = std::fs::read_dir(&caches).into_iter().flatten().flatten().map(|entry| entry.path());
        assert_eq!(left.collect::<Vec<_>>(), Vec::<std::path::PathBuf>::new(), "{stop_at}");
        let incoming = std::fs::read_dir(stage.engine.blobs().folder().join("incoming")).unwrap();
        assert_eq!(incoming.count(), 0, "{stop_at}");
        assert!(stage.call(GetDataset { project }).await.snapshots.is_empty());
    }
    take(&stage, project).await;
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_read_again_and_one_that_never_holds_still_is_refused() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let row = engine::project::find(&stage.engine, project).await.unwrap();
    // Read in six pieces; the reading waits for what the report does, one piece ahead.
    let path = stage.write("p/data/a.csv", &table(60_000, 1));
    let mut pieces = 0;
    let mut grow = |_: f64, message: &str| {
        if message == "Reads data/a.csv" {
            use std::io::Write as _;
            pieces += 1;
            let mut file = std::fs::File::options().append(true).open(&path).unwrap();
            file.write_all(b"0.5,0.5,red,no\n").unwrap();
        }
        ControlFlow::Continue(())
    };
    let refused = engine::snapshot::take(&stage.engine, &row, None, &mut grow).await.unwrap_err();
    let told = engine::error::told(&refused);
    assert_eq!(
        (told.code, told.message.as_str()),
        (ErrorCode::Conflict, "data/a.csv changes while it is read."),
        "{refused:#}"
    );
    assert!(pieces > 12, "three readings, not {pieces} pieces");
    assert!(stage.call(GetDataset { project }).await.snapshots.is_empty());

    let mut pieces = 0;
    let mut replace = |_: f64, message: &str| {
        if message == "Reads data/a.csv" {
            pieces += 1;
            if pieces == 2 {
                // Whole at once: half of it would be read as what it is.
                let new = path.with_extension("new");
                std::fs::write(&new, table(300, 2)).unwrap();
                std::fs::rename(new, &path).unwrap();
            }
        }
        ControlFlow::Continue(())
    };
    let (taken, _) = engine::snapshot::take(&stage.engine, &row, None, &mut replace).await.unwrap();
    let size_bytes = std::fs::metadata(&path).unwrap().len();
    assert_eq!(
        (taken.rows, taken.size_bytes),
        (300, size_bytes),
        "the file as it is at the end, and nothing of before"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_snapshot_that_waits_for_another_can_be_cancelled() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let row = engine::project::find(&stage.engine, project).await.unwrap();
    let (begin, begun) = tokio::sync::oneshot::channel();
    let (go_on, wait) = std::sync::mpsc::channel();
    let engine = stage.engine.clone();
    let first = tokio::spawn(async move {
        let mut first = Some((begin, wait));
        let mut report = |_: f64, _: &str| {
            if let Some((begin, wait)) = first.take() {
                begin.send(()).unwrap();
                wait.recv().unwrap();
            }
            ControlFlow::Continue(())
        };
        engine::snapshot::take(&engine, &row, None, &mut report).await
    });
    begun.await.unwrap();
    let job = stage.call(TakeSnapshot { project, message: None }).await;
    stage.call(CancelJob { job: job.id }).await;
    assert_eq!(stage.over(job).await.state, JobState::Cancelled);
    go_on.send(()).unwrap();
    first.await.unwrap().unwrap();
}

#[tokio::test]
async fn collecting_frees_drops_caches_and_floors_that_nothing_needs_and_says_which() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let snapshot = take(&stage, project).await;
    stage.prepared(GetProfile { snapshot }).await;
    let workspace = stage.engine.workspace().clone();
    let cache = |name: &str, bytes: usize| {
        let path = workspace.cache().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, vec![b'x'; bytes]).unwrap();
    };
    // A version, a snapshot and settings that are no more, and what dead processes left half-made.
    cache("models/0190a1b2c3d4e5f60718293a4b5c6d7e/bundle.json", 300);
    cache("snapshots/.half-abc/table.parquet.partial", 40);
    cache(&format!("snapshots/{snapshot}/profile-0000000000000000.json"), 50);
    cache(&format!("snapshots/{snapshot}/.tmpabc"), 6);
    cache("reading-0190a1b2c3d4e5f60718293a4b5c6d7e.jsonl", 7);
    stage.engine.store().write(|tx| store::setting::put(tx, "floors/gone", &[1, 2, 3])).await.unwrap();
    let upload = |name: &str, bytes: usize, hours: u64| {
        let path = workspace.uploads().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, vec![b'x'; bytes]).unwrap();
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(3600 * hours);
        for place in [&path, path.parent().unwrap()] {
            std::fs::File::open(place).unwrap().set_modified(then).unwrap();
        }
    };
    upload("old/a.csv", 1000, 2);
    upload("new/a.csv", 2000, 0);

    let storage = stage.call(GetStorage {}).await;
    let size = |name: &str| storage.parts.iter().find(|part| part.name == name).unwrap().size_bytes;
    assert_eq!((size("Uploads"), size("Cached models"), size("Drift limits")), (3000, 300, 7));
    assert!(size("Cached tables") > 0 && size("Cached profiles and comparisons") > 50, "{:?}", storage.parts);

    let would = stage.call(CollectGarbage { dry_run: true }).await;
    assert_eq!(storage.collectable_bytes, would.bytes);
    let freed = stage.call(CollectGarbage { dry_run: false }).await;
    assert_eq!(freed, would);
    let part = |name: &str| {
        freed.parts.iter().find(|part| part.name == name).map_or((0, 0), |part| (part.bytes, part.records))
    };
    assert_eq!(part("Cached models"), (300, 1));
    assert_eq!(part("Cached tables"), (40, 1));
    assert_eq!(part("Cached profiles and comparisons"), (50, 1));
    assert_eq!(part("Unfinished work"), (13, 2));
    assert_eq!(part("Drift limits"), (7, 1));
    assert_eq!(part("Uploads"), (1000, 1));
    assert_eq!((freed.bytes, freed.records), (1410, 7));

    // What is needed is there still.
    let table = workspace.snapshot_cache(snapshot).join("table.parquet");
    let made = std::fs::metadata(&table).unwrap().modified().unwrap();
    stage.prepared(GetPreview { snapshot, offset: 0, limit: 1 }).await;
    assert_eq!(std::fs::metadata(&table).unwrap().modified().unwrap(), made);
    assert!(workspace.uploads().join("new/a.csv").is_file());
    assert_eq!(stage.call(CollectGarbage { dry_run: true }).await.bytes, 0);
}

#[tokio::test]
async fn what_a_project_took_of_a_drop_is_not_kept_twice() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let drop = stage.engine.workspace().uploads().join("0123456789abcdef0123456789abcdef");
    for name in ["dropped.csv", "deep/other.csv"] {
        let path = drop.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, table(30, 5)).unwrap();
    }
    let add = |name: &str| AddData { project, paths: vec![drop.join(name).to_string_lossy().into_owned()] };
    stage.done(stage.call(add("dropped.csv")).await).await;
    assert!(stage.path("p/dropped.csv").is_file());
    assert!(!drop.join("dropped.csv").exists() && drop.join("deep/other.csv").is_file());
    stage.done(stage.call(add("deep/other.csv")).await).await;
    assert!(!drop.exists(), "the drop goes with its last file");
    assert!(stage.engine.workspace().uploads().is_dir());
}

#[tokio::test]
async fn rows_profiles_and_comparisons_come_from_the_kept_bytes() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = take(&stage, project).await;
    // The folder may change, and the cache may go: the snapshot doesn't.
    stage.write("p/data/a.csv", &table(200, 9).replace("red", "gold"));
    std::fs::remove_dir_all(stage.engine.workspace().snapshot_cache(first)).unwrap();
    let preview = stage.prepared(GetPreview { snapshot: first, offset: 198, limit: 10 }).await;
    assert_eq!((preview.total_rows, preview.rows.len()), (200, 2));
    assert!(preview.rows.iter().flatten().flatten().all(|cell| cell != "gold"));
    let profile = stage.prepared(GetProfile { snapshot: first }).await;
    assert_eq!(profile.rows, 200);
    assert_eq!(Prepared::Ready(profile), stage.call(GetProfile { snapshot: first }).await, "it is kept");
    let second = take(&stage, project).await;
    let compare = CompareSnapshots { reference: first, current: second };
    let report = stage.prepared(compare.clone()).await;
    assert_eq!(stage.call(compare).await, Prepared::Ready(report.clone()), "it is kept");
    let jobs = stage.call(ListJobs::default()).await;
    assert!(jobs.iter().all(|job| !job.title.starts_with("Profile of")), "a quick one is in no list: {jobs:?}");
    assert_eq!((report.reference_rows, report.current_rows), (200, 200));
    let colour = report.columns.iter().find(|column| column.column == "colour").unwrap();
    assert_eq!(colour.verdict, api::drift::Verdict::Drifted);
}

#[tokio::test]
async fn kept_bytes_that_were_damaged_are_not_read_as_data() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let snapshot = take(&stage, project).await;
    let (hash, _) = stage.engine.store().blobs().list().unwrap().into_iter().max_by_key(|(_, size)| *size).unwrap();
    let damage = || {
        std::fs::remove_dir_all(stage.engine.workspace().snapshot_cache(snapshot)).unwrap();
        stage.damage(&hash);
    };
    let is_whole = || stage.engine.store().blobs().verify(&hash).is_ok();
    let (file, away) = (stage.path("p/data/a.csv"), stage.path("away.csv"));
    damage();
    std::fs::rename(&file, &away).unwrap();
    let refused = stage.try_call(GetPreview { snapshot, offset: 0, limit: 10 }).await.unwrap_err();
    let place = stage.engine.store().blobs().path(&hash);
    for words in ["data/a.csv", "damaged", &place.display().to_string()] {
        assert!(refused.message.contains(words), "{refused:?}");
    }
    assert!(stage.try_call(GetProfile { snapshot }).await.is_err() && !is_whole());

    // What the message says helps: the file as it was, and the snapshot taken again.
    std::fs::rename(&away, &file).unwrap();
    assert_eq!(take(&stage, project).await, snapshot);
    assert!(is_whole());
    assert_eq!(stage.prepared(GetPreview { snapshot, offset: 0, limit: 10 }).await.rows.len(), 10);

    // While the project has the file as it was, nothing needs to be done.
    damage();
    assert_eq!(stage.prepared(GetPreview { snapshot, offset: 0, limit: 10 }).await.rows.len(), 10);
    assert!(is_whole());

    // A snapshot with a file more reads the damaged one too.
    damage();
    stage.write("p/data/b.csv", &table(50, 2));
    let second = take(&stage, project).await;
    assert!(second != snapshot && is_whole());

    // What says which files a snapshot is made of is put anew as well.
    let manifest = engine::snapshot::find(&stage.engine, second).await.unwrap().manifest;
    stage.damage(&manifest);
    assert_eq!(take(&stage, project).await, second);
    assert!(stage.engine.store().blobs().verify(&manifest).is_ok());
}

/// A blob behind a pipe: who reads it waits.
#[cfg(unix)]
struct Piped {
    path: std::path::PathBuf,
    blob: std::path::PathBuf,
}

#[cfg(unix)]
impl Piped {
    /// The largest blob, which is the rows; without the cache that was built of them.
    fn rows(stage: &Stage, snapshot: api::SnapshotId) -> Self {
        std::fs::remove_dir_all(stage.engine.workspace().snapshot_cache(snapshot)).unwrap();
        let blobs = stage.engine.store().blobs();
        let (hash, _) = blobs.list().unwrap().into_iter().max_by_key(|(_, size)| *size).unwrap();
        let (path, blob) = (blobs.path(&hash), stage.path("blob"));
        std::fs::rename(&path, &blob).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        Self { path, blob }
    }

    /// Lets the reader have the bytes, and those after it the blob.
    async fn open(self) {
        tokio::task::spawn_blocking(move || {
            use std::io::Write as _;
            let bytes = std::fs::read(&self.blob).unwrap();
            // It can be opened once there is a reader.
            let mut pipe = std::fs::File::options().write(true).open(&self.path).unwrap();
            std::fs::rename(&self.blob, &self.path).unwrap();
            pipe.write_all(&bytes).unwrap();
        })
        .await
        .unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn an_answer_that_takes_longer_is_one_job_for_all_who_ask() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let snapshot = take(&stage, project).await;
    let piped = Piped::rows(&stage, snapshot);
    let profile = GetProfile { snapshot };
    let (one, other) = tokio::join!(stage.call(profile.clone()), stage.call(profile.clone()));
    let again = stage.call(profile.clone()).await;
    let listed = stage.call(ListJobs::default()).await;
    piped.open().await;
    let Prepared::UnderWay(job) = one else { panic!("{one:?}") };
    assert_eq!((&other, &again), (&Prepared::UnderWay(job), &Prepared::UnderWay(job)));
    let listed = listed.into_iter().find(|listed| listed.id == job).expect("what takes longer is in the list");
    assert_eq!((listed.project, listed.subject), (Some(project), Subject::Snapshot(snapshot)));
    let done = stage.done(listed).await;
    assert_eq!(done.message, "4 columns of 200 rows");
    assert!(matches!(stage.call(profile).await, Prepared::Ready(profile) if profile.rows == 200));
}

#[cfg(unix)]
#[tokio::test]
async fn an_answer_that_several_wait_for_is_cancelled_with_the_last_of_them() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let snapshot = take(&stage, project).await;
    let piped = Piped::rows(&stage, snapshot);
    let profile = GetProfile { snapshot };
    let (one, other) = tokio::join!(stage.call(profile.clone()), stage.call(profile.clone()));
    let Prepared::UnderWay(job) = one else { panic!("{one:?}") };
    assert_eq!(other, Prepared::UnderWay(job));
    assert!(stage.call(LeaveJob { job }).await.goes_on, "the other waits still");
    assert_eq!(stage.call(GetJob { job }).await.state, JobState::Running);
    assert!(!stage.call(LeaveJob { job }).await.goes_on);
    piped.open().await;
    let job = stage.call(GetJob { job }).await;
    assert_eq!(stage.over(job.clone()).await.state, JobState::Cancelled);
    assert!(!stage.call(LeaveJob { job: job.id }).await.goes_on, "it is over");
    assert_eq!(stage.prepared(profile).await.rows, 200);
}

#[cfg(unix)]
#[tokio::test]
async fn an_answer_whose_job_was_cancelled_is_computed_when_it_is_asked_for_again() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let snapshot = take(&stage, project).await;
    let piped = Piped::rows(&stage, snapshot);
    let preview = GetPreview { snapshot, offset: 0, limit: 5 };
    let asked = stage.call(preview.clone()).await;
    let Prepared::UnderWay(job) = asked else { panic!("{asked:?}") };
    let cancelled = stage.call(CancelJob { job }).await;
    piped.open().await;
    assert_eq!(stage.over(cancelled).await.state, JobState::Cancelled);
    assert_eq!(stage.prepared(preview).await.rows.len(), 5);
}

#[tokio::test]
async fn a_deleted_snapshot_frees_what_no_other_uses() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let first = take(&stage, project).await;
    stage.write("p/data/b.csv", &table(5_000, 2));
    let second = take(&stage, project).await;
    let blobs = || stage.engine.blobs().list().unwrap().len();
    let (snapshots, before) = (stage.call(GetDataset { project }).await.snapshots, blobs());
    let deleted = stage.call(DeleteSnapshot { snapshot: second }).await;
    assert!(deleted.frees_bytes >= std::fs::metadata(stage.path("p/data/b.csv")).unwrap().len(), "{deleted:?}");
    assert_eq!(stage.call(GetDataset { project }).await.snapshots.len(), 1);
    // Its files stay for a day.
    stage.call(CollectGarbage { dry_run: false }).await;
    assert_eq!(blobs(), before);
    assert_eq!(stage.call(ListDeletedSnapshots { project }).await.len(), 1);
    assert_eq!(stage.call(RestoreSnapshot { snapshot: second }).await.number, 2);
    assert_eq!(stage.call(GetDataset { project }).await.snapshots, snapshots);
    let gone = stage.try_call(RestoreSnapshot { snapshot: second }).await.unwrap_err();
    assert_eq!(gone.code, ErrorCode::NotFound);
    // One that others were taken after keeps its place among them.
    stage.call(DeleteSnapshot { snapshot: first }).await;
    assert_eq!(stage.call(GetDataset { project }).await.snapshots[0].parent, None);
    stage.call(RestoreSnapshot { snapshot: first }).await;
    assert_eq!(stage.call(GetDataset { project }).await.snapshots, snapshots);

    let deleted = stage.call(DeleteSnapshot { snapshot: second }).await;
    let freed = stage.call(PurgeSnapshot { snapshot: second }).await;
    assert_eq!(freed.bytes, deleted.frees_bytes);
    assert!(blobs() < before && stage.call(ListDeletedSnapshots { project }).await.is_empty());
    let export = stage.path("out");
    let job = stage.call(ExportSnapshot { snapshot: first, folder: export.to_string_lossy().into_owned() }).await;
    stage.done(job).await;
    assert_eq!(std::fs::read(export.join("data/a.csv")).unwrap(), std::fs::read(stage.path("p/data/a.csv")).unwrap());
    assert_eq!(std::fs::read_dir(&export).unwrap().count(), 1, "nothing half-written is left");
    assert_eq!(stage.call(CollectGarbage { dry_run: true }).await.bytes, 0);
    let storage = stage.call(GetStorage {}).await;
    assert_eq!(storage.collectable_bytes, 0);
    assert!(storage.parts.iter().any(|part| part.size_bytes > 0));
    let held = |storage: &Storage| {
        let parts = storage.parts.iter().filter(|part| ["Data and models", "Cached tables"].contains(&&*part.name));
        parts.map(|part| part.size_bytes).sum::<u64>()
    };
    let before = held(&stage.call(GetStorage {}).await);
    stage.call(DeleteProject { project }).await;
    stage.call(CollectGarbage { dry_run: false }).await;
    assert_eq!(held(&stage.call(GetStorage {}).await), before, "it can still be brought back");
    let freed = stage.call(PurgeProject { project }).await;
    assert_eq!(stage.engine.blobs().list().unwrap(), vec![], "a forgotten project leaves no bytes");
    assert_eq!(freed.bytes, before - held(&stage.call(GetStorage {}).await), "{freed:?}");
    assert!(freed.parts.iter().any(|part| part.name == "Data and models" && part.bytes > 0), "{freed:?}");
    assert_eq!(stage.call(CollectGarbage { dry_run: false }).await.bytes, 0);
    assert!(stage.path("p/data/a.csv").is_file());
}

#[tokio::test]
async fn what_could_be_freed_is_not_said_while_work_is_under_way() {
    let stage = Stage::new().await;
    let at_work = stage.engine.hold_blobs().await;
    let told = stage.call(GetStorage {}).await.not_counted.unwrap();
    assert!(told.message.contains("under way"), "{told}");
    let error = stage.try_call(CollectGarbage { dry_run: true }).await.unwrap_err();
    assert_eq!((error.code, &error.message), (ErrorCode::Conflict, &told.message));
    drop(at_work);
    assert_eq!(stage.call(GetStorage {}).await.not_counted, None);
}

#[tokio::test]
async fn a_database_that_knows_no_project_frees_nothing() {
    let stage = Stage::new().await;
    let stored = stage.engine.blobs().put_bytes(b"another database knows it").unwrap();
    let storage = stage.call(GetStorage {}).await;
    assert_eq!((storage.collectable_bytes, storage.not_counted.unwrap().code), (0, ErrorCode::Conflict));
    let error = stage.try_call(CollectGarbage { dry_run: false }).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Conflict);
    assert!(error.message.contains("1 stored file"), "{error}");
    assert!(stage.engine.blobs().contains(&stored.hash));
    // Who deleted the last project means what is left over.
    let project = project(&stage).await;
    stage.call(DeleteProject { project }).await;
    assert!(stage.call(PurgeProject { project }).await.bytes > 0);
    assert!(!stage.engine.blobs().contains(&stored.hash));
}

#[tokio::test]
async fn added_files_are_data_and_files_from_elsewhere_are_copied_in() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    stage.write("p/later/c.csv", &table(30, 3));
    let beside = stage
        .until("the file beside is seen", async |stage| {
            let dataset = stage.call(GetDataset { project }).await;
            (!dataset.beside.is_empty()).then_some(dataset.beside)
        })
        .await;
    assert_eq!(beside[0].path, "later/c.csv");
    let outside = stage.write("elsewhere/d.csv", &table(30, 4));
    let paths = vec!["later/c.csv".to_owned(), outside.to_string_lossy().into_owned()];
    let added = stage.done(stage.call(AddData { project, paths }).await).await;
    assert_eq!(added.subject, Subject::Project(project));
    let dataset = stage.call(GetDataset { project }).await;
    assert_eq!(dataset.files, 3);
    assert!(stage.path("p/d.csv").is_file());
}

#[tokio::test]
async fn data_added_twice_at_once_keep_both() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    let add = |name: &str| {
        let path = stage.write(&format!("elsewhere/{name}"), &table(30, 3));
        AddData { project, paths: vec![path.to_string_lossy().into_owned()] }
    };
    let first = stage.call(add("first.csv")).await;
    let second = stage.call(add("second.csv")).await;
    tokio::join!(stage.done(first), stage.done(second));
    let paths = stage.call(GetProject { project }).await.file.data.paths;
    assert!(["first.csv", "second.csv"].iter().all(|name| paths.contains(&(*name).to_owned())), "{paths:?}");
    // Once, however often and under whatever name it is named.
    let named = ["elsewhere/../p/data/../data/a.csv", "p/data/a.csv", "p/data/a.csv", "p/first.csv"];
    let named = named.map(|name| stage.path(name).to_string_lossy().into_owned()).to_vec();
    let added = stage.done(stage.call(AddData { project, paths: named.clone() }).await).await;
    assert_eq!(added.message, "1 path is added to the data paths");
    let again = stage.done(stage.call(AddData { project, paths: named }).await).await;
    assert_eq!(again.message, "All of it is among the data paths already");
    let paths = stage.call(GetProject { project }).await.file.data.paths;
    assert_eq!(paths.iter().filter(|path| *path == "data/a.csv").count(), 1, "{paths:?}");
    // The folder itself has a name too.
    let whole = AddData { project, paths: vec![stage.path("p").to_string_lossy().into_owned()] };
    stage.done(stage.call(whole).await).await;
    assert_eq!(stage.call(GetProject { project }).await.file.data.paths.last().unwrap(), ".");
}

#[tokio::test]
async fn bad_data_fails_the_job_with_file_line_and_way_out() {
    let stage = Stage::new().await;
    let project = project(&stage).await;
    stage.write("p/data/a.csv", "x,y\n1,2\n1,2,3\n");
    let job = stage.over(stage.call(TakeSnapshot { project, message: None }).await).await;
    let error = job.error.unwrap();
    assert_eq!(error.code, ErrorCode::Invalid);
    assert!(error.message.contains("a.csv, line 3"), "{}", error.message);
    assert!(error.hint.is_some());
    assert!(stage.call(GetDataset { project }).await.snapshots.is_empty());
}
