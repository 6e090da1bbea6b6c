//! How the code of two runs differs, file by file.

use api::{
    RunId,
    config::ProjectFile,
    run::BeginCommand,
    run_diff::{CodeDiff, DiffCode, FileChange, Patch},
    tracking::{GIT_COMMIT_TAG, GIT_DIFF_TAG, GIT_DIRTY_TAG},
};
use engine::{
    run::{command, uncommitted},
    tracking::client::{self, Batch, Begin},
};

use crate::stage::{Stage, table};

async fn with_repository() -> Stage {
    let stage = Stage::new().await;
    stage.write("p/data.csv", &table(20, 1));
    let mut file = ProjectFile { name: "p".to_owned(), ..ProjectFile::default() };
    file.data.paths = vec!["data.csv".to_owned()];
    stage.create("p", file).await;
    git(&stage, &["init", "-q"]);
    stage.write("p/train.py", "rate = 1\nprint(rate)\n");
    stage.write("p/.gitignore", ".env\n");
    commit(&stage);
    stage
}

fn git(stage: &Stage, arguments: &[&str]) -> String {
    let who = ["-c", "user.name=Me", "-c", "user.email=me@example.org", "-c", "commit.gpgsign=false"];
    let mut command = std::process::Command::new("git");
    let output = command.args(who).args(arguments).current_dir(stage.path("p")).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn commit(stage: &Stage) {
    git(stage, &["add", "train.py", ".gitignore"]);
    git(stage, &["commit", "-q", "-m", "More"]);
}

/// A program's run as the command line begins one.
async fn run(stage: &Stage, name: &str) -> RunId {
    let folder = stage.path("p");
    let code = command::code(&folder).await;
    let patch = uncommitted::taken(&folder, code.as_ref()).await;
    let begun = stage
        .call(BeginCommand {
            run: None,
            trial: None,
            project: None,
            directory: folder.to_string_lossy().into_owned(),
            command: vec!["python".to_owned(), "train.py".to_owned()],
            environment: std::collections::BTreeMap::new(),
            code,
            pid: std::process::id(),
            pid_started_ms: 0,
            name: Some(name.to_owned()),
            budget: Default::default(),
        })
        .await;
    patch.into_iter().for_each(|patch| uncommitted::keep(stage.engine.workspace(), begun.run, &patch).unwrap());
    begun.run
}

fn told(patch: &Patch) -> Vec<(&str, FileChange, u64, u64)> {
    patch.files.iter().map(|file| (file.path.as_str(), file.change, file.added, file.removed)).collect()
}

#[tokio::test]
async fn commits_differ_file_by_file_and_so_does_what_was_not_committed() {
    let stage = with_repository().await;
    let first = run(&stage, "first").await;
    stage.write("p/train.py", "rate = 2\nprint(rate)\n");
    stage.write("p/.env", "TOKEN=hush\n");
    stage.write("p/unknown.py", "unknown = 1\n");
    let edited = run(&stage, "edited").await;
    stage.write("p/train.py", "rate = 2\nprint(rate)\nprint(3)\n");
    commit(&stage);
    let last = run(&stage, "last").await;

    let diff = stage.call(DiffCode { from: first, to: edited }).await;
    let between = diff.between.as_ref().unwrap();
    assert_eq!(told(between), [("train.py", FileChange::Changed, 1, 1)]);
    assert_eq!(between.files[0].text.as_deref(), Some("@@ -1,2 +1,2 @@\n-rate = 1\n+rate = 2\n print(rate)\n"));
    assert!(diff.remarks.is_empty() && diff.to_uncommitted.is_none(), "{diff:?}");
    // What was changed already before the commit is no difference to it.
    let diff = stage.call(DiffCode { from: edited, to: last }).await;
    assert_eq!(told(&diff.between.unwrap()), [("train.py", FileChange::Changed, 1, 0)]);
    let diff = stage.call(DiffCode { from: last, to: first }).await;
    assert_eq!(told(&diff.between.unwrap()), [("train.py", FileChange::Changed, 1, 2)]);
    let same = stage.call(DiffCode { from: edited, to: edited }).await;
    assert_eq!(same, CodeDiff { between: Some(Patch::default()), ..CodeDiff::default() });
    // Nothing of the comparison is left in the repository.
    assert_eq!(git(&stage, &["status", "--porcelain", "--untracked-files=no"]), "");
    assert_eq!(git(&stage, &["fsck", "--unreachable", "--no-reflogs"]), "");
}

#[tokio::test]
async fn what_can_not_be_compared_is_said_and_what_is_known_stands_apart() {
    let stage = with_repository().await;
    stage.write("p/train.py", "rate = 2\nprint(rate)\n");
    let edited = run(&stage, "edited").await;
    let named = |commit: &str, diff: &str| Batch {
        tags: [(GIT_COMMIT_TAG, commit), (GIT_DIFF_TAG, diff)].map(|(key, value)| (key.into(), value.into())).into(),
        ..Batch::default()
    };
    let logged = async |batch: Batch| {
        let begun = client::begin(&stage.engine, "0", Begin { name: Some("logged".to_owned()), ..Begin::default() });
        let id = begun.await.unwrap().row.run.id;
        client::log(&stage.engine, id, batch).await.unwrap();
        id
    };
    let diff = "diff --git a/train.py b/train.py\n--- a/train.py\n+++ b/train.py\n@@ -1,2 +1,2 @@\n-rate = 1\n+rate = 3\n print(rate)";
    let head = git(&stage, &["rev-parse", "HEAD"]);
    let by_client = logged(named(&head, diff)).await;
    let compared = stage.call(DiffCode { from: edited, to: by_client }).await;
    let text = compared.between.unwrap().files.remove(0).text.unwrap();
    assert!(text.contains("-rate = 2\n+rate = 3\n"), "{text}");

    // A patch of other files than the commit's: that the commits are one does not say that the code is.
    let other = logged(named(&head, &diff.replace("rate = 1", "speed = 1"))).await;
    let compared = stage.call(DiffCode { from: edited, to: other }).await;
    assert_eq!(compared.between, None);
    let own = compared.from_uncommitted.unwrap();
    assert_eq!(told(&own), [("train.py", FileChange::Changed, 1, 1)]);
    assert!(compared.remarks[0].contains("does not fit"), "{:?}", compared.remarks);

    let elsewhere = logged(named(&"0".repeat(40), "")).await;
    let compared = stage.call(DiffCode { from: edited, to: elsewhere }).await;
    assert!(compared.between.is_none() && compared.from_uncommitted.is_some());
    assert_eq!(compared.remarks, [format!("No repository at hand has both commits, {} and 00000000.", &head[..8])]);
    // An option of git's is no commit.
    let option = logged(named(&format!("--output={}", stage.path("written").display()), "")).await;
    let compared = stage.call(DiffCode { from: edited, to: option }).await;
    assert_eq!(compared.remarks, ["logged has no commit."]);
    assert!(!stage.path("written").exists());
}

#[tokio::test]
async fn code_of_which_something_is_not_known_is_not_said_to_be_the_same() {
    let stage = with_repository().await;
    let head = git(&stage, &["rev-parse", "HEAD"]);
    let logged = async |name: &str, diff: &str| {
        let begun = client::begin(&stage.engine, "0", Begin { name: Some(name.to_owned()), ..Begin::default() });
        let id = begun.await.unwrap().row.run.id;
        let tags = [(GIT_COMMIT_TAG, head.as_str()), (GIT_DIRTY_TAG, "true"), (GIT_DIFF_TAG, diff)];
        let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        client::log(&stage.engine, id, Batch { tags, ..Batch::default() }).await.unwrap();
        id
    };
    let whole = "diff --git a/train.py b/train.py\n--- a/train.py\n+++ b/train.py\n@@ -1,2 +1,2 @@\n-rate = 1\n+rate = 3\n print(rate)\n";
    let (_, plain) = whole.split_once('\n').unwrap();
    let cut = "# More files differed than are kept here.\n";
    let picture =
        "diff --git a/x.png b/x.png\nnew file mode 100644\nindex 0..1\nBinary files /dev/null and b/x.png differ\n";
    for (diff, why) in [
        (String::new(), "were not kept"),
        (cut.to_owned(), "more files than were kept"),
        (format!("{whole}{cut}"), "more files than were kept"),
        (plain.to_owned(), "can't be read"),
        (format!("\u{1b}[1m{whole}"), "can't be read"),
    ] {
        let (one, other) = (logged("one", &diff).await, logged("other", &diff).await);
        let compared = stage.call(DiffCode { from: one, to: other }).await;
        assert_eq!(compared.between, None, "{diff}");
        let said = compared.remarks.iter().filter(|remark| remark.contains(why)).count();
        assert_eq!(said, 2, "{diff}: {:?}", compared.remarks);
    }
    let twice = [logged("one", picture).await, logged("other", picture).await];
    let compared = stage.call(DiffCode { from: twice[0], to: twice[1] }).await;
    assert_eq!(compared.between, Some(Patch::default()));
    // Beside a run that changed nothing, where the repository is at hand.
    let here = run(&stage, "here").await;
    for diff in ["", cut, plain, picture] {
        let compared = stage.call(DiffCode { from: here, to: logged("other", diff).await }).await;
        assert_eq!(compared.between, None, "{diff}");
        let own = compared.to_uncommitted.map(|patch| patch.files.len());
        assert_eq!(own, if diff == picture { Some(1) } else { (diff == cut).then_some(0) }, "{diff}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_the_user_has_set_changes_no_patch_and_no_hook_runs() {
    use std::os::unix::fs::PermissionsExt as _;

    let stage = with_repository().await;
    let first = run(&stage, "first").await;
    let long = |rate: u8| format!("one = 1\n\n# Two\nrate = {rate}\n\nprint(rate)\nprint(one)\n");
    stage.write("p/train.py", &long(1));
    commit(&stage);
    stage.write("p/train.py", &long(2));
    let folder = stage.path("p");
    let taken = async || uncommitted::taken(&folder, command::code(&folder).await.as_ref()).await.unwrap();
    let before = taken().await;
    assert!(String::from_utf8_lossy(&before).contains("\n # Two\n"));
    let ran = stage.path("ran");
    let hook = stage.write("hooks/post-index-change", &format!("#!/bin/sh\n: > '{}'\n", ran.display()));
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let hooks = stage.path("hooks");
    for (key, value) in [
        ("diff.context", "0"),
        ("diff.interHunkContext", "9"),
        ("diff.noprefix", "true"),
        ("diff.mnemonicPrefix", "true"),
        ("diff.algorithm", "patience"),
        ("diff.suppressBlankEmpty", "true"),
        ("diff.orderFile", "order"),
        ("diff.submodule", "log"),
        ("diff.external", "false"),
        ("diff.renames", "false"),
        ("core.abbrev", "9"),
        ("color.ui", "always"),
        ("core.hooksPath", hooks.to_str().unwrap()),
    ] {
        git(&stage, &["config", key, value]);
    }
    assert_eq!(String::from_utf8_lossy(&taken().await), String::from_utf8_lossy(&before));
    let edited = run(&stage, "edited").await;
    git(&stage, &["read-tree", "HEAD"]);
    assert!(ran.exists(), "the hook runs where git is not told otherwise");
    std::fs::remove_file(&ran).unwrap();
    let compared = stage.call(DiffCode { from: first, to: edited }).await;
    assert_eq!(told(&compared.between.unwrap()), [("train.py", FileChange::Changed, 6, 1)]);
    assert!(!ran.exists());
}
