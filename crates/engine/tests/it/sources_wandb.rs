//! What a run of Weights & Biases ran on and in stands with it as with a program that runs here.

use std::{fs, path::Path};

use api::{
    run::{Code, GetRun, Run, RunState},
    run_diff::{DiffCode, DiffPart, DiffRuns, FileChange},
    source::{ListSources, ReadSource},
};

use crate::{
    sources::{add, copy, fixture},
    sources_followed::runs,
    stage::Stage,
};

/// What `make_wandb_code.py` committed.
const COMMIT: &str = "196e15e1af55c266ea1f2c1868b492e0fd4bcae6";

/// The repository that the log was made in, as it was.
fn repository(folder: &Path) {
    let git = |arguments: &[&str]| {
        let settings = ["-c", "user.name=ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false"];
        let mut command = std::process::Command::new("git");
        for date in ["GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"] {
            command.env(date, "2023-11-14T22:13:20Z");
        }
        command.args(settings).args(["-c", "core.autocrlf=false"]).args(arguments).current_dir(folder);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("train.py"), "lr = 0.5\n").unwrap();
    fs::write(folder.join("model.txt"), "weights").unwrap();
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    assert_eq!(git(&["rev-parse", "HEAD"]), COMMIT);
}

/// Another run of the same log, changed.
fn with_another(folder: &Path) {
    let other = folder.join("offline-run-20231115_221320-demo0002");
    copy(&folder.join("offline-run-20231114_221320-demo0002"), &other);
    fs::write(other.join("files/requirements.txt"), "numpy==2.2.0\nwandb==0.31.0\n").unwrap();
    let patch = fs::read_to_string(other.join("files/diff.patch")).unwrap();
    fs::write(other.join("files/diff.patch"), patch.replace("+lr = 0.25", "+lr = 0.125")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_of_weights_and_biases_has_its_environment_its_packages_and_its_code() {
    let stage = Stage::new().await;
    repository(&stage.path("code"));
    let folder = stage.path("code/wandb");
    copy(&fixture("foreign/tests/fixtures/wandb_code"), &folder);
    with_another(&folder);
    add(&stage, &folder, None).await;
    let mut all = runs(&stage).await;
    all.sort_by_key(|run| run.environment["package.numpy"].clone());
    let [first, second]: [Run; 2] = all.try_into().unwrap();
    assert_eq!((first.state, first.exit_code), (RunState::Finished, Some(0)));
    assert_eq!(first.code, Some(Code { commit: COMMIT.to_owned(), branch: None, dirty: true }));
    let fact = |key: &str| first.environment.get(key).map(String::as_str);
    assert_eq!(fact("machine.system"), Some("Linux-6.1.0-x86_64-with-glibc2.36"));
    assert_eq!(fact("machine.cpu"), Some("Intel(R) Xeon(R) Processor @ 2.80GHz, 2 cores"));
    assert_eq!((fact("package.python"), fact("package.wandb")), (Some("3.11.7"), Some("0.31.0")));
    assert_eq!(fact("PWD"), Some("/srv/demo/code"));

    // A pattern says it of some metrics, and none lies over itself.
    assert_eq!(["val/acc", "loss", "epoch"].map(|key| first.step_metric(key)), [Some("epoch"), None, None]);

    let ids = vec![first.id, second.id];
    let differs = stage.call(DiffRuns { runs: ids, all: false, system: false }).await.rows;
    let packages: Vec<_> = differs.iter().filter(|row| row.part == DiffPart::Environment).collect();
    assert_eq!(packages.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(), ["package.numpy"]);
    // The log lies in the repository whose commit it names.
    let diff = stage.call(DiffCode { from: first.id, to: second.id }).await;
    let between = diff.between.unwrap_or_else(|| panic!("{:?}", diff.remarks));
    let (path, text) = (between.files[0].path.as_str(), between.files[0].text.as_deref().unwrap());
    assert_eq!((between.files.len(), path, between.files[0].change), (1, "train.py", FileChange::Changed));
    assert!(text.contains("-lr = ") && text.contains("\n+lr = "), "{text}");

    // It stays where the log is told again.
    let source = stage.call(ListSources {}).await.remove(0).id;
    let job = stage.call(ReadSource { source }).await;
    stage.done(job).await;
    let again = stage.call(GetRun { run: first.id }).await;
    assert_eq!((again.environment, again.code), (first.environment, first.code));
}
