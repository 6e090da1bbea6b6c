//! Artifacts of a folder that the run's own program writes to, which may leave links there at any moment.

use std::io::Write as _;

use engine::tracking::artifacts::{self, Place};

/// Writes a file as the proxy does.
pub(crate) async fn keep(place: &Place, bytes: &[u8]) {
    let (coming, mut file) = artifacts::begin(place, &"ab".repeat(16)).await.unwrap();
    file.write_all(bytes).unwrap();
    coming.finish().unwrap();
}

#[cfg(unix)]
mod of_links {
    use std::{
        fs,
        io::{Read as _, Write as _},
        os::unix::fs::symlink,
        path::{Path, PathBuf},
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
    };

    use api::{
        RunId,
        run::{Artifact, ListArtifacts, Run, RunKind},
        tracking::CreateExperiment,
    };
    use engine::tracking::{
        artifacts::{self, Entry, Place},
        client::{self, Begin},
    };
    use store::run::RunRow;

    use super::keep;
    use crate::stage::Stage;

    /// A client's run, the folder of its artifacts, and one outside of it.
    async fn begun(stage: &Stage) -> (RunRow, PathBuf, PathBuf) {
        let sweep = stage.call(CreateExperiment { name: "sweep".to_owned(), folder: String::new() }).await;
        let row = client::begin(&stage.engine, &sweep.number.to_string(), Begin::default()).await.unwrap().row;
        let (own, outside) = (stage.engine.workspace().run(row.run.id).join("artifacts"), stage.path("outside"));
        for folder in [&own, &outside] {
            fs::create_dir_all(folder).unwrap();
        }
        (row, own, outside)
    }

    fn at(stage: &Stage, row: &RunRow, parts: &[&str]) -> Place {
        let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        artifacts::of_run(&stage.engine, row, &parts)
    }

    #[tokio::test]
    async fn no_artifact_is_reached_through_a_link_that_a_program_left() {
        let stage = Stage::new().await;
        let (row, own, outside) = begun(&stage).await;
        fs::write(outside.join("x.txt"), "outside").unwrap();
        symlink(&outside, own.join("link")).unwrap();
        symlink(outside.join("x.txt"), own.join("y.txt")).unwrap();
        let fresh = "ab".repeat(16);
        let refused = artifacts::begin(&at(&stage, &row, &["link", "made", "x.txt"]), &fresh).await.err().unwrap();
        assert_eq!(refused.to_string(), "Invalid path");
        for leading in [&["link", "x.txt"][..], &["y.txt"]] {
            let refused = artifacts::file(&at(&stage, &row, leading)).await.unwrap_err();
            assert_eq!(refused.to_string(), "Invalid path", "{leading:?}");
        }
        assert_eq!(artifacts::list(&at(&stage, &row, &["link"])).await.unwrap(), []);
        let refused = artifacts::delete(&stage.engine, &at(&stage, &row, &["link", "x.txt"])).await.unwrap_err();
        assert_eq!(refused.to_string(), "Invalid path");
        // The link itself is the run's.
        assert!(artifacts::delete(&stage.engine, &at(&stage, &row, &["y.txt"])).await.unwrap());
        assert!(own.join("y.txt").symlink_metadata().is_err());
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);

        keep(&at(&stage, &row, &["plain", "x.txt"]), b"in").await;
        let entry = Entry { name: "x.txt".to_owned(), size_bytes: Some(2) };
        assert_eq!(artifacts::list(&at(&stage, &row, &["plain"])).await.unwrap(), [entry]);
        for (parts, expect) in [
            (&["plain"][..], "'plain' is a folder."),
            (&[], "'' is a folder."),
            (&["none"], "No such artifact: 'none'"),
            (&["plain", "x.txt", "below"], "No such artifact: 'plain/x.txt/below'"),
        ] {
            assert_eq!(artifacts::file(&at(&stage, &row, parts)).await.unwrap_err().to_string(), expect);
        }
        let stands = artifacts::begin(&at(&stage, &row, &["plain", "x.txt", "y"]), &fresh).await.err().unwrap();
        assert_eq!(stands.to_string(), "A file stands where this path needs a folder.");
        let (coming, _) = artifacts::begin(&at(&stage, &row, &["plain"]), &fresh).await.unwrap();
        assert_eq!(coming.finish().unwrap_err().to_string(), "A folder stands where the file is to be.");
        assert_eq!(fs::read_dir(&own).unwrap().count(), 2, "half a file is left");
        assert!(artifacts::delete(&stage.engine, &at(&stage, &row, &["plain"])).await.unwrap());
        assert!(!own.join("plain").exists());
    }

    #[tokio::test]
    async fn a_link_to_an_artifact_is_that_file_in_every_list_and_every_other_is_none() {
        let stage = Stage::new().await;
        let (row, own, outside) = begun(&stage).await;
        fs::create_dir_all(own.join("checkpoints")).unwrap();
        fs::write(own.join("checkpoints/epoch3.pt"), "weights").unwrap();
        fs::write(own.parent().unwrap().join("stdout.log"), "said").unwrap();
        fs::write(outside.join("x.txt"), "outside").unwrap();
        let absolute = own.join("checkpoints/epoch3.pt");
        for (target, link) in [
            (Path::new("checkpoints/epoch3.pt"), "best.pt"),
            (Path::new("../checkpoints/epoch3.pt"), "checkpoints/best.pt"),
            (Path::new("best.pt"), "chained.pt"),
            (Path::new("."), "loop"),
            (Path::new("checkpoints"), "folder"),
            (Path::new("nothing"), "dangling"),
            (Path::new("../stdout.log"), "log"),
            (&absolute, "absolute.pt"),
            (&outside.join("x.txt"), "out.txt"),
            (&outside, "out"),
        ] {
            symlink(target, own.join(link)).unwrap();
        }
        assert!(std::process::Command::new("mkfifo").arg(own.join("pipe")).status().unwrap().success());
        let entry = |name: &str, size_bytes| Entry { name: name.to_owned(), size_bytes };
        let listed = artifacts::list(&at(&stage, &row, &[])).await.unwrap();
        assert_eq!(listed, [entry("best.pt", Some(7)), entry("chained.pt", Some(7)), entry("checkpoints", None)]);
        let below = artifacts::list(&at(&stage, &row, &["checkpoints"])).await.unwrap();
        assert_eq!(below, [entry("best.pt", Some(7)), entry("epoch3.pt", Some(7))]);
        let all = stage.call(ListArtifacts { run: row.run.id }).await;
        let paths: Vec<(&str, u64)> = all.iter().map(|one| (one.path.as_str(), one.size_bytes)).collect();
        let names = ["best.pt", "chained.pt", "checkpoints/best.pt", "checkpoints/epoch3.pt"];
        assert_eq!(
            paths,
            names.map(|name| (format!("artifacts/{name}"), 7)).each_ref().map(|(name, size)| (&**name, *size))
        );
        for name in names {
            let parts: Vec<&str> = name.split('/').collect();
            let mut files = vec![artifacts::file(&at(&stage, &row, &parts)).await.unwrap()];
            files.push(engine::run::artifact(&stage.engine, row.run.id, &format!("artifacts/{name}")).await.unwrap());
            for mut file in files {
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                assert_eq!(text, "weights", "{name}");
            }
        }
        for name in ["log", "out.txt", "dangling", "pipe"] {
            assert!(artifacts::file(&at(&stage, &row, &[name])).await.is_err(), "{name}");
        }
    }

    #[tokio::test]
    async fn no_artifact_is_called_as_one_that_is_still_coming() {
        let stage = Stage::new().await;
        let (row, own, _) = begun(&stage).await;
        let half = artifacts::half_name(&"0f".repeat(16));
        for parts in [&[half.as_str()][..], &["a", &half], &[&half, "a"]] {
            let refused = artifacts::begin(&at(&stage, &row, parts), &"ab".repeat(16)).await.err().unwrap();
            assert!(refused.to_string().contains("choose another name"), "{refused}");
        }
        assert_eq!(fs::read_dir(&own).unwrap().count(), 0);
        let imported = RunRow { artifacts: Some("/srv/mlruns/a".to_owned()), ..row };
        let place = at(&stage, &imported, &["x"]);
        for refused in [
            artifacts::begin(&place, &"ab".repeat(16)).await.err().unwrap(),
            artifacts::delete(&stage.engine, &place).await.unwrap_err(),
        ] {
            assert!(refused.to_string().contains("is read where it lies, in /srv/mlruns/a"), "{refused}");
        }
    }

    #[tokio::test]
    async fn what_a_training_made_is_read_among_its_artifacts_and_nothing_else_of_its_folder() {
        let stage = Stage::new().await;
        let (row, own, _) = begun(&stage).await;
        let folder = stage.engine.workspace().run(row.run.id);
        fs::create_dir_all(folder.join("model/deep")).unwrap();
        fs::write(folder.join("model/deep/bundle.json"), "{}").unwrap();
        fs::write(folder.join("plan.json"), "{}").unwrap();
        fs::write(own.join("notes.txt"), "x").unwrap();
        let seen = |row: &RunRow, parts: &[&str]| {
            let parts: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
            artifacts::seen_of_run(&stage.engine, row, &parts)
        };
        let entry = |name: &str, size_bytes| Entry { name: name.to_owned(), size_bytes };
        let list = async |row: &RunRow, parts: &[&str]| artifacts::list(&seen(row, parts)).await.unwrap();
        assert_eq!(list(&row, &[]).await, [entry("notes.txt", Some(1))], "a client's run made none");
        let row = RunRow { run: Run { kind: RunKind::Training, ..row.run }, ..row };
        assert_eq!(list(&row, &[]).await, [entry("model", None), entry("notes.txt", Some(1))]);
        assert_eq!(list(&row, &["model"]).await, [entry("deep", None)]);
        let mut text = String::new();
        let mut file = artifacts::file(&seen(&row, &["model", "deep", "bundle.json"])).await.unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "{}");
        for parts in [&["plan.json"][..], &["model", "..", "plan.json"]] {
            assert!(artifacts::file(&seen(&row, parts)).await.is_err(), "{parts:?}");
        }
        let place = seen(&row, &["model", "deep"]);
        for refused in [
            artifacts::begin(&place, &"ab".repeat(16)).await.err().unwrap(),
            artifacts::delete(&stage.engine, &place).await.unwrap_err(),
        ] {
            assert!(refused.to_string().contains("What a training made stays as it is"), "{refused}");
        }
        // What a client called so goes before it.
        keep(&at(&stage, &row, &["model", "own.txt"]), b"own").await;
        assert_eq!(list(&row, &["model"]).await, [entry("own.txt", Some(3))]);
    }

    #[tokio::test]
    async fn a_pipe_is_no_artifact_and_nobody_waits_for_it() {
        let stage = Stage::new().await;
        let (row, own, _) = begun(&stage).await;
        let made = std::process::Command::new("mkfifo").arg(own.join("pipe")).status().unwrap();
        assert!(made.success());
        let refused = artifacts::file(&at(&stage, &row, &["pipe"])).await.unwrap_err();
        assert_eq!(refused.to_string(), "No such artifact: 'pipe'");
    }

    /// Until it is told to stop, a link takes the place of a folder and goes again.
    fn swap(folder: &Path, outside: &Path, stop: &AtomicBool) {
        let kept = folder.with_file_name("kept");
        while !stop.load(Ordering::Relaxed) {
            fs::rename(folder, &kept).unwrap();
            // A writer may have made the folder anew, meanwhile.
            if symlink(outside, folder).is_ok() {
                fs::remove_file(folder).unwrap();
            }
            while fs::rename(&kept, folder).is_err() {
                let _ = fs::remove_dir_all(folder);
            }
        }
    }

    async fn read(stage: &Stage, row: &RunRow, id: RunId) -> [Option<String>; 2] {
        let text = |mut file: fs::File| {
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            text
        };
        let of_place = artifacts::file(&at(stage, row, &["deep", "x.txt"])).await;
        let of_run = engine::run::artifact(&stage.engine, id, "artifacts/deep/x.txt").await;
        [of_place.ok().map(text), of_run.ok().map(text)]
    }

    #[tokio::test]
    async fn a_folder_that_is_swapped_for_a_link_lets_nothing_of_outside_be_read_or_written() {
        let stage = Stage::new().await;
        let (row, own, outside) = begun(&stage).await;
        let deep = own.join("deep");
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("x.txt"), "inside").unwrap();
        for name in ["x.txt", "secret.txt"] {
            fs::write(outside.join(name), "outside, and longer").unwrap();
        }
        let stop = Arc::new(AtomicBool::new(false));
        let swapping = std::thread::spawn({
            let (deep, outside, stop) = (deep.clone(), outside.clone(), Arc::clone(&stop));
            move || swap(&deep, &outside, &stop)
        });
        let mut seen = [0_usize; 2];
        for round in 0..2_000 {
            let found = read(&stage, &row, row.run.id).await;
            for text in found {
                seen[usize::from(text.is_some())] += 1;
                assert_eq!(text.unwrap_or_else(|| "inside".to_owned()), "inside");
            }
            let listed = artifacts::list(&at(&stage, &row, &["deep"])).await.unwrap();
            assert!(!listed.iter().any(|entry| entry.name == "secret.txt"), "{listed:?}");
            let all: Vec<Artifact> = stage.call(ListArtifacts { run: row.run.id }).await;
            assert!(!all.iter().any(|one| one.path.contains("secret") || one.size_bytes > 6), "{all:?}");
            if round % 4 == 0
                && let Ok((coming, mut file)) =
                    artifacts::begin(&at(&stage, &row, &["deep", "w.txt"]), &"ab".repeat(16)).await
            {
                file.write_all(b"new").unwrap();
                let _ = coming.finish();
            }
            if round % 50 == 0 {
                let _ = artifacts::delete(&stage.engine, &at(&stage, &row, &["deep", "secret.txt"])).await;
            }
        }
        stop.store(true, Ordering::Relaxed);
        swapping.join().unwrap();
        assert!(seen[0] > 0 && seen[1] > 0, "the folder was always there, or never: {seen:?}");
        let mut left: Vec<_> = fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["secret.txt", "x.txt"]);
    }
}
