//! Disks that are full and folders that may not be read: what fails says so, what was there stays, and the
//! same again works once there is room.
//!
//! The disk is a small one of memory, in a mount namespace of the test's. Root reads everything: rights are
//! tested without the capability that lets it.

use std::{
    fs,
    io::{ErrorKind, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    pin::pin,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use api::{
    ErrorCode,
    config::{ModelChoice, TrainingConfig},
    dataset::{GetDataset, TakeSnapshot},
    deploy::StartDeploy,
    job::{RetryJob, Subject},
    package::{BuildPackage, ListPackages},
    project::{GetProject, OpenProject, SameId},
    run::{GetRun, ResumeRun, Run, StartRun, StopRun},
    tracking::{PurgeRuns, TrashRuns},
};
use journeys::{
    process::{again_behind, read, skipped_without},
    stage::{Stage, table},
};

/// Room for a workspace with a small model, and not for much more.
const DISK: &str = "size=40m";
/// Room for a training whose checkpoints are larger than what is left free.
const LARGER_DISK: &str = "size=160m";
/// So long the disk stays full: a checkpoint is due each second or so.
const FULL_FOR: Duration = Duration::from_secs(30);
/// What is left free: enough for the database to note what failed.
const LEFT_BYTES: u64 = 3 << 20;

fn is_root() -> bool {
    read(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn block_on(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// Fills a disk up to what is left free; emptied when dropped.
struct Filler(PathBuf);

impl Filler {
    fn of(disk: &Path) -> Result<Self> {
        Self::named(disk, "filler")
    }

    fn named(disk: &Path, name: &str) -> Result<Self> {
        let said = read(Command::new("df").args(["--output=avail", "-B1"]).arg(disk))?;
        let free: u64 = said.lines().nth(1).context("df says nothing")?.trim().parse()?;
        let file = disk.join(name);
        match fs::write(&file, vec![1; usize::try_from(free.saturating_sub(LEFT_BYTES))?]) {
            // Somebody else was quicker: it is full.
            Err(error) if error.kind() == ErrorKind::StorageFull => {}
            written => written?,
        }
        Ok(Self(file))
    }
}

impl Drop for Filler {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Does the work on a small disk of its own, in this test started anew behind a mount namespace.
fn on_a_disk(size: &str, test: &str, work: impl AsyncFnOnce(&Path) -> Result<()>) -> Result<()> {
    if skipped_without(&["unshare", "mount", "df"]) {
        return Ok(());
    }
    let as_root: &[&str] = &["unshare", "--mount", "--"];
    let as_user: &[&str] = &["unshare", "--user", "--map-root-user", "--mount", "--"];
    if !again_behind(if is_root() { as_root } else { as_user }, test)? {
        return Ok(());
    }
    let place = tempfile::tempdir()?;
    read(Command::new("mount").args(["-t", "tmpfs", "-o", size, "tmpfs"]).arg(place.path()))?;
    block_on(work(place.path()))?;
    read(Command::new("umount").arg("--lazy").arg(place.path()))?;
    Ok(())
}

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    on_a_disk(DISK, "disks::a_full_disk_is_said_and_loses_nothing", full).unwrap();
}

#[test]
fn on_a_disk_without_a_byte_left_runs_are_deleted_all_the_same() {
    let test = "disks::on_a_disk_without_a_byte_left_runs_are_deleted_all_the_same";
    on_a_disk(DISK, test, deleting).unwrap();
}

#[test]
fn a_training_on_a_full_disk_ends_plainly_and_goes_on_once_there_is_room() {
    let test = "disks::a_training_on_a_full_disk_ends_plainly_and_goes_on_once_there_is_room";
    on_a_disk(LARGER_DISK, test, full_while_training).unwrap();
}

async fn full(disk: &Path) -> Result<()> {
    let Some(stage) = Stage::within(tempfile::tempdir_in(disk)?).await? else { return Ok(()) };
    let project = stage.project("big-x").await?;
    let version = stage.version(project).await?;
    let snapshots = stage.call(GetDataset { project }).await?.snapshots.len();

    // Six megabytes more to keep, and room for three.
    stage.write("big-x/data.csv", &table(200_000, 7, 0.0))?;
    let filler = Filler::of(disk)?;
    let job = stage.call(TakeSnapshot { project, message: None }).await?;
    let failed = stage.over(job).await?;
    let failure = failed.error.clone().with_context(|| format!("it fitted: {failed:?}"))?;
    ensure!(failure.code == ErrorCode::NoSpace && failure.message.contains("disk is full"), "{failure}");
    ensure!(failure.hint.is_some() && failed.retryable, "{failed:?}");
    ensure!(stage.call(GetDataset { project }).await?.snapshots.len() == snapshots, "half a snapshot is kept");

    // The image has the serving program: more than is free.
    let job = stage.call(BuildPackage { version: version.id }).await?;
    let unbuilt = stage.over(job).await?;
    let failure = unbuilt.error.clone().with_context(|| format!("it fitted: {unbuilt:?}"))?;
    ensure!(failure.code == ErrorCode::NoSpace && failure.hint.is_some(), "{failure:?}");
    ensure!(stage.call(ListPackages { version: Some(version.id) }).await?.is_empty());

    // To the brim: what is there can be opened and read, or nobody could make room.
    let brim = disk.join("brim");
    let written = fs::write(&brim, vec![1; 2 * LEFT_BYTES as usize]);
    ensure!(written.is_err_and(|error| error.kind() == ErrorKind::StorageFull), "there is room left");
    let path = stage.call(GetProject { project }).await?.path;
    stage.call(OpenProject { path, same_id: SameId::Ask }).await.context("open it again")?;
    ensure!(stage.call(GetDataset { project }).await?.snapshots.len() == snapshots);
    fs::remove_file(&brim)?;

    drop(filler);
    for job in [failed, unbuilt] {
        let again = stage.call(RetryJob { job: job.id }).await?;
        stage.done(again).await?;
    }
    ensure!(stage.call(GetDataset { project }).await?.snapshots.len() == snapshots + 1);
    ensure!(stage.call(ListPackages { version: Some(version.id) }).await?.len() == 1);
    Ok(())
}

/// To the last byte.
fn fill(disk: &Path, name: &str) -> Result<PathBuf> {
    let path = disk.join(name);
    let mut file = fs::File::create(&path)?;
    for piece in [1 << 20, 1 << 12, 1] {
        loop {
            match file.write_all(&vec![1; piece]) {
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                written => written?,
            }
        }
    }
    Ok(path)
}

async fn deleting(disk: &Path) -> Result<()> {
    let Some(stage) = Stage::within(tempfile::tempdir_in(disk)?).await? else { return Ok(()) };
    let project = stage.project("big-x").await?;
    let run = stage.train(project).await?;
    let mut fillers = vec![fill(disk, "one")?];
    let stage = stage.reopen().await.context("open it on a full disk")?;
    fillers.push(fill(disk, "two")?);
    stage.call(TrashRuns { runs: vec![run] }).await.context("delete a run")?;
    stage.call(PurgeRuns { runs: vec![run] }).await.context("delete it for good")?;
    ensure!(stage.call(GetRun { run }).await.is_err());
    fillers.iter().try_for_each(fs::remove_file)?;
    Ok(())
}

async fn full_while_training(disk: &Path) -> Result<()> {
    let Some(stage) = Stage::within(tempfile::tempdir_in(disk)?).await? else { return Ok(()) };
    let project = stage.project("big-x").await?;
    // A million weights: a checkpoint is several times what is left free.
    let training = TrainingConfig {
        model: ModelChoice::Mlp,
        hidden: vec![1024, 1024],
        epochs: Some(400),
        patience: Some(0),
        threads: 1,
        ..TrainingConfig::default()
    };
    let start = StartRun { training: Some(training), ..StartRun::of(project) };
    let job = stage.call(start).await?;
    let Subject::Run(run) = job.subject else { bail!("the training's subject is {:?}", job.subject) };
    let steps = |run: &Run| run.metrics.iter().map(|metric| metric.count).max().unwrap_or(0);
    let before = stage
        .until("the run has a checkpoint", async |stage| {
            let now = stage.call(GetRun { run }).await?;
            ensure!(!now.state.is_over(), "{:?}", now.ended_because);
            let is_kept = now.progress.as_ref().is_some_and(|progress| progress.checkpoint_ms.is_some());
            Ok((is_kept && steps(&now) > 0).then_some(now))
        })
        .await?;

    // What an older checkpoint gives back is filled again.
    let (mut fillers, mut over) = (Vec::new(), pin!(stage.over(job)));
    let (begun, mut ended) = (Instant::now(), None);
    while ended.is_none() && begun.elapsed() < FULL_FOR {
        fillers.push(Filler::named(disk, &format!("filler-{}", fillers.len()))?);
        ended = tokio::time::timeout(Duration::from_millis(50), over.as_mut()).await.ok();
    }
    drop(fillers);
    // Where not even its end could be written down, that comes with the room.
    let failed = match ended {
        Some(ended) => ended?,
        None => over.await?,
    };
    let failure = failed.error.clone().with_context(|| format!("it fitted: {failed:?}"))?;
    let said = failure.message.to_lowercase();
    ensure!(said.contains("no space") || said.contains("disk is full"), "{failure}");
    ensure!(failure.hint.as_ref().is_some_and(|hint| hint.to_lowercase().contains("space")), "{failure:?}");

    let ended = stage
        .until("what it wrote is read", async |stage| {
            Ok(Some(stage.call(GetRun { run }).await?).filter(|now| now.state.is_over()))
        })
        .await?;
    ensure!(ended.resumable && steps(&ended) >= steps(&before), "{ended:?}");
    let job = stage.call(ResumeRun { run, budget: Default::default() }).await?;
    stage
        .until(
            "it goes on",
            async |stage| Ok((steps(&stage.call(GetRun { run }).await?) > steps(&ended)).then_some(())),
        )
        .await?;
    stage.call(StopRun { run }).await?;
    stage.over(job).await?;
    Ok(())
}

#[test]
fn a_file_or_folder_without_rights_is_named() {
    if skipped_without(&["setpriv"]) {
        return;
    }
    let capabilities = "--bounding-set=-dac_override,-dac_read_search";
    let without = ["setpriv", capabilities, "--inh-caps=-all", "--"];
    let as_they_are = ["env"];
    let test = "disks::a_file_or_folder_without_rights_is_named";
    if !again_behind(if is_root() { &without } else { &as_they_are }, test).unwrap() {
        return;
    }
    block_on(without_rights()).unwrap();
}

async fn without_rights() -> Result<()> {
    let Some(stage) = Stage::new().await? else { return Ok(()) };
    let project = stage.project("big-x").await?;
    let version = stage.version(project).await?;
    let set = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode));

    let data = stage.write("big-x/data.csv", &table(100, 9, 0.0))?;
    set(&data, 0o000)?;
    ensure!(fs::read(&data).is_err(), "this test may read everything, and shows nothing");
    let failure = match stage.call(TakeSnapshot { project, message: None }).await {
        Ok(job) => stage.failed(job).await?,
        Err(refused) => refused,
    };
    ensure!(failure.message.contains("data.csv") && failure.message.contains("ermission denied"), "{failure}");
    ensure!(failure.hint.is_some(), "{failure:?}");
    set(&data, 0o644)?;
    let job = stage.call(TakeSnapshot { project, message: None }).await?;
    stage.done(job).await?;

    let deployments = stage.workspace().join("deployments");
    fs::create_dir_all(&deployments)?;
    set(&deployments, 0o500)?;
    let job = stage.call(StartDeploy { spec: stage.spec("tumours", version.id).await? }).await?;
    let failure = stage.failed(job).await?;
    set(&deployments, 0o755)?;
    ensure!(failure.message.contains("deployments") && failure.message.contains("ermission denied"), "{failure}");
    ensure!(failure.hint.is_some(), "{failure:?}");
    stage.deploy("tumours", version.id).await?;
    Ok(())
}
