//! A death while a checkpoint is written: the last whole one is used, and the run ends with the same
//! bits as one that was never interrupted.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use api::{
    config::{ModelChoice, TrainingConfig},
    evaluation::Task,
    worker::{EventBody, LogLevel, Outcome},
};

use crate::{
    resume::{checkpointed, same},
    runs::{Numbers, TestRun, customers, training},
};

/// What a death leaves at one point of the write.
type Cut = (&'static str, fn(&Path));

/// Every point at which the write of a checkpoint can be cut off, for `last` and for `best`.
const CUTS: [Cut; 7] = [
    ("before the first file", |checkpoints| fs::create_dir(checkpoints.join("last.writing")).unwrap()),
    ("in the middle of a file", |checkpoints| half_written(checkpoints, "last")),
    ("after its files, before the old one steps aside", |checkpoints| copied(checkpoints, "last", "last.writing")),
    ("between the two renames", |checkpoints| {
        half_written(checkpoints, "last");
        fs::rename(checkpoints.join("last"), checkpoints.join("last.old")).unwrap();
    }),
    ("while the old one is removed", |checkpoints| {
        copied(checkpoints, "last", "last.old");
        fs::remove_file(checkpoints.join("last.old/state.json")).unwrap();
    }),
    ("in the middle of the best one's file", |checkpoints| half_written(checkpoints, "best")),
    ("between the best one's renames", |checkpoints| {
        half_written(checkpoints, "best");
        fs::rename(checkpoints.join("best"), checkpoints.join("best.old")).unwrap();
    }),
];

fn copied(checkpoints: &Path, from: &str, to: &str) {
    let to = checkpoints.join(to);
    fs::create_dir(&to).unwrap();
    for entry in fs::read_dir(checkpoints.join(from)).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Its state is there, each further file has half of its bytes.
fn half_written(checkpoints: &Path, which: &str) {
    let to = format!("{which}.writing");
    copied(checkpoints, which, &to);
    for entry in fs::read_dir(checkpoints.join(to)).unwrap().map(Result::unwrap) {
        if entry.file_name() != "state.json" {
            let bytes = fs::read(entry.path()).unwrap();
            fs::write(entry.path(), &bytes[..bytes.len() / 2]).unwrap();
        }
    }
}

fn check_every_cut(make: impl Fn() -> TestRun) {
    let whole = make();
    whole.succeed();
    let killed = make();
    let mut worker = killed.start();
    killed.wait_for(&mut worker, checkpointed);
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert!(!killed.path().join("model").exists(), "it was not interrupted early enough");
    for (place, cut) in CUTS {
        let run = killed.copy();
        let checkpoints = run.path().join("checkpoints");
        // The kill itself may have met a write.
        for left in ["last.writing", "best.writing", "last.old", "best.old"] {
            let _ = fs::remove_dir_all(checkpoints.join(left));
        }
        cut(&checkpoints);
        let was_cut = ["last.writing", "best.writing"].iter().any(|name| checkpoints.join(name).exists());
        run.succeed();
        same(&whole, &run);
        let events = run.events();
        let resumed = events.iter().any(|event| matches!(event.body, EventBody::Started { resumed: true, .. }));
        assert!(resumed, "{place}: it began anew");
        let said = events.iter().any(|event| {
            matches!(&event.body, EventBody::Log { level: LogLevel::Warn, message } if message.contains("last whole one"))
        });
        assert_eq!(said, was_cut, "{place}: what was said of it");
        let left: Vec<_> = fs::read_dir(&checkpoints).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{place}: {left:?} are left");
    }
}

#[test]
fn a_network_goes_on_from_the_last_whole_one() {
    let config = TrainingConfig { epochs: Some(12), patience: Some(0), ..training(ModelChoice::Mlp) };
    check_every_cut(|| TestRun::table(&customers(3000, 15), "left", Task::BinaryClassification, config.clone(), 0));
}

#[test]
fn trees_go_on_from_the_last_whole_one() {
    let config = TrainingConfig { rounds: Some(200), patience: Some(0), ..training(ModelChoice::Trees) };
    check_every_cut(|| TestRun::table(&customers(6000, 17), "left", Task::BinaryClassification, config.clone(), 0));
}

#[test]
fn a_death_in_the_first_write_begins_anew() {
    let config = TrainingConfig { epochs: Some(6), patience: Some(0), ..training(ModelChoice::Mlp) };
    let make = || TestRun::table(&customers(1500, 18), "left", Task::BinaryClassification, config.clone(), 0);
    let (whole, cut) = (make(), make());
    whole.succeed();
    fs::create_dir_all(cut.path().join("checkpoints/last.writing")).unwrap();
    fs::write(cut.path().join("checkpoints/last.writing/state.json"), b"{\"steps\":").unwrap();
    cut.succeed();
    same(&whole, &cut);
    let said = |event: &api::worker::WorkerEvent| matches!(&event.body, EventBody::Log { message, .. } if message.contains("none is whole yet"));
    assert!(cut.events().iter().any(said));
}

/// A disk's fault, not a crash: no write of ours leaves it. It is named, and nothing is trained from it.
#[test]
fn a_damaged_checkpoint_is_named() {
    for (model, file) in [(ModelChoice::Mlp, "weights.safetensors"), (ModelChoice::Trees, "booster.bin")] {
        let config = TrainingConfig { epochs: Some(200), rounds: Some(2000), patience: Some(0), ..training(model) };
        let run = TestRun::table(&customers(3000, 19), "left", Task::BinaryClassification, config, 0);
        let mut worker = run.start();
        run.wait_for(&mut worker, checkpointed);
        fs::write(run.path().join("control"), "stop\n").unwrap();
        worker.wait().unwrap();
        let path = run.path().join("checkpoints/last").join(file);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let (outcome, message, hint) = run.finish();
        assert_eq!(outcome, Outcome::Failed);
        let (message, hint) = (message.unwrap(), hint.unwrap());
        assert!(message.contains(file), "{message}");
        assert!(hint.contains("Start the run anew"), "{hint}");
    }
}

fn until(mut ready: impl FnMut() -> bool) {
    let started = Instant::now();
    while !ready() {
        assert!(started.elapsed() < Duration::from_secs(60), "no checkpoint was written within 60 s");
        std::thread::yield_now();
    }
}

/// Kills it for real while a checkpoint is written, again and again: most deaths leave a half one.
#[test]
fn killed_in_the_write_again_and_again() {
    const DEATHS: u32 = 14;
    // Wide enough for a checkpoint to take some milliseconds.
    let config = TrainingConfig {
        epochs: Some(60),
        patience: Some(0),
        batch_size: Some(256),
        hidden: vec![512, 256],
        ..training(ModelChoice::Mlp)
    };
    let make = || TestRun::table(&customers(1500, 16), "left", Task::BinaryClassification, config.clone(), 0);
    let (whole, broken) = (make(), make());
    whole.succeed();
    let checkpoints = broken.path().join("checkpoints");
    let is_left = |names: [&str; 2]| names.iter().any(|name| checkpoints.join(name).exists());
    let mut numbers = Numbers::new(16);
    let (mut died, mut cut) = (0, 0);
    for _ in 0..DEATHS {
        let has_last = is_left(["last", "last.old"]);
        let before = broken.events().len();
        let mut worker = broken.start();
        // What the death before left is put in order before the run says that it has started.
        until(|| broken.events().len() > before || worker.try_wait().unwrap().is_some());
        until(|| is_left(["last.writing", "best.writing"]) || worker.try_wait().unwrap().is_some());
        let write = Duration::from_millis(12).mul_f64(numbers.next());
        let seen = Instant::now();
        while seen.elapsed() < write {
            std::thread::yield_now();
        }
        worker.kill().unwrap();
        worker.wait().unwrap();
        if broken.path().join("model").exists() {
            break;
        }
        died += 1;
        cut += u32::from(is_left(["last.writing", "best.writing"]));
        assert!(!has_last || is_left(["last", "last.old"]), "the last whole checkpoint is gone");
    }
    println!("{died} deaths, {cut} of them in the middle of a write");
    assert!(cut >= 3, "only {cut} of {died} deaths met a write");
    broken.succeed();
    same(&whole, &broken);
}
