//! How the code of two runs differs: the files of each are those of its commit under what it had not committed, laid
//! out as trees of git's in a folder of ours, so that the repository stays as it is.

use std::path::{Path, PathBuf};

use api::{
    RunId,
    run::{Code, DIRECTORY, Run, RunKind},
    run_diff::{CodeDiff, DiffCode, Patch},
    tracking::GIT_DIFF_TAG,
};

use super::{
    git, patch,
    uncommitted::{self, Kept},
};
use crate::{Engine, error, project, tracking::client::code_of};

/// No more of a patch is read.
const READ_BYTES: usize = 8 << 20;

pub async fn compare(engine: &Engine, request: DiffCode) -> anyhow::Result<CodeDiff> {
    let (from, to) = (side(engine, request.from).await?, side(engine, request.to).await?);
    let mut diff = CodeDiff::default();
    if [&from, &to].iter().all(|side| side.code.is_none() && side.kept.is_none()) {
        return Ok(diff);
    }
    // Where something is not known, it may differ, though nothing that is known does.
    let unknown: Vec<String> = [&from, &to].into_iter().filter_map(unknown).collect();
    let mut is_known = unknown.is_empty();
    diff.remarks.extend(unknown);
    let mut are_laid = false;
    if let Some((older, newer)) = commits(&from, &to, &mut diff.remarks) {
        if is_known && older == newer && from.kept == to.kept {
            diff.between = Some(Patch::default());
            return Ok(diff);
        }
        match repository(&[older, newer], &[&from, &to]).await {
            Some(root) => {
                let trees = trees(&root, [(&from, older), (&to, newer)], &mut diff.remarks).await;
                let between = match &trees {
                    Some(trees) => between(&root, &trees.variables(), [&trees.ids[0], &trees.ids[1]]).await,
                    None => between(&root, &[], [older, newer]).await,
                };
                if between.is_none() {
                    diff.remarks.push("Git did not tell how the commits differ.".to_owned());
                }
                is_known &= trees.as_ref().is_some_and(|trees| trees.are_whole);
                diff.between = between.filter(|patch| is_known || !patch.files.is_empty());
                are_laid = trees.is_some() && diff.between.is_some();
            }
            None => diff.remarks.push(format!(
                "No repository at hand has both commits, {} and {}.",
                short(older),
                short(newer)
            )),
        }
    }
    if !are_laid {
        let own = |side: &Side| {
            let patch = side.kept.as_ref().map(|kept| read(&kept.bytes, kept.is_cut));
            patch.filter(|patch| patch.is_cut || !patch.files.is_empty())
        };
        (diff.from_uncommitted, diff.to_uncommitted) = (own(&from), own(&to));
    }
    Ok(diff)
}

/// What is not known of what a run had not committed.
fn unknown(side: &Side) -> Option<String> {
    let name = &side.name;
    match &side.kept {
        Some(kept) if patch::without_binary(&kept.bytes).is_none() => Some(format!(
            "What {name} had not committed is not written as `git diff` writes it file by file, and can't be read."
        )),
        Some(kept) if kept.is_cut => Some(format!("{name} had changed more files than were kept.")),
        Some(kept) if !kept.bytes.is_empty() => None,
        _ => side
            .code
            .as_ref()
            .is_some_and(|code| code.dirty)
            .then(|| format!("{name} started with changes that were not committed, and they were not kept.")),
    }
}

/// What is known of a run's code.
struct Side {
    name: String,
    code: Option<Code>,
    kept: Option<Kept>,
    /// Where its repository may be.
    folders: Vec<PathBuf>,
}

async fn side(engine: &Engine, id: RunId) -> anyhow::Result<Side> {
    let row = engine.store().read(move |c| store::run::get(c, id)).await?;
    let row = row.ok_or_else(|| error::missing("run", id))?;
    let run = row.run;
    let mut folders = Vec::new();
    if let Some(id) = run.project
        && let Ok(project) = project::find(engine, id).await
    {
        folders.push(PathBuf::from(project.path));
    }
    let is_of_a_log = run.kind == RunKind::Imported;
    // A program may run elsewhere than in its project's folder.
    let working = run.command.as_ref().filter(|_| !is_of_a_log);
    let working = working.and_then(|_| run.environment.get(DIRECTORY)).map(PathBuf::from);
    folders.extend(working.filter(|folder| folder.is_absolute()));
    // A log may name any folder; it lies within the repository of what wrote it, as a rule.
    folders.extend(row.artifacts.filter(|_| is_of_a_log).map(PathBuf::from));
    let folder = engine.workspace().run(id);
    let kept = tokio::task::spawn_blocking(move || uncommitted::kept(&folder)).await?;
    let tagged = || run.tags.get(GIT_DIFF_TAG).filter(|diff| !diff.is_empty());
    let kept = kept.or_else(|| tagged().map(|diff| Kept::read(diff.clone().into_bytes())));
    Ok(Side { code: code(&run), name: run.name, kept, folders })
}

fn code(run: &Run) -> Option<Code> {
    run.code.clone().or_else(|| code_of(|key| run.tags.get(key).map(String::as_str)))
}

/// The commits, where both are known. What a client calls one may be anything, and would be an option of git's.
fn commits<'side>(from: &'side Side, to: &'side Side, remarks: &mut Vec<String>) -> Option<(&'side str, &'side str)> {
    let mut of = |side: &'side Side| {
        let commit = side.code.as_ref().map(|code| code.commit.as_str());
        let is_one = |commit: &&str| (7..=64).contains(&commit.len()) && commit.bytes().all(|c| c.is_ascii_hexdigit());
        let commit = commit.filter(is_one);
        if commit.is_none() {
            remarks.push(format!("{} has no commit.", side.name));
        }
        commit
    };
    let (from, to) = (of(from), of(to));
    from.zip(to)
}

fn short(commit: &str) -> &str {
    &commit[..commit.len().min(8)]
}

/// The folder of a repository that has both commits.
async fn repository(commits: &[&str; 2], sides: &[&Side; 2]) -> Option<PathBuf> {
    let mut folders: Vec<&PathBuf> = sides.iter().flat_map(|side| &side.folders).collect();
    folders.dedup();
    for folder in folders {
        let Some(root) = git::ask(folder, &[], &["rev-parse", "--show-toplevel"], git::LINE_BYTES).await else {
            continue;
        };
        let root = PathBuf::from(root.line());
        let mut has_both = true;
        for commit in commits {
            let named = format!("{commit}^{{commit}}");
            has_both &= git::ask(&root, &[], &["cat-file", "-e", &named], git::LINE_BYTES).await.is_some();
        }
        if has_both {
            return Some(root);
        }
    }
    None
}

/// Trees of two runs' files; their objects go with the folder.
struct Trees {
    ids: Vec<String>,
    /// Changes in files that are no text are not among them.
    are_whole: bool,
    folder: tempfile::TempDir,
    objects: PathBuf,
    /// The repository's own objects.
    shared: PathBuf,
}

impl Trees {
    fn variables(&self) -> [(&str, &Path); 2] {
        [("GIT_OBJECT_DIRECTORY", self.objects.as_path()), ("GIT_ALTERNATE_OBJECT_DIRECTORIES", self.shared.as_path())]
    }
}

/// `None` where what was not committed does not fit onto its commit.
async fn trees(root: &Path, sides: [(&Side, &str); 2], remarks: &mut Vec<String>) -> Option<Trees> {
    let shared = git::ask(root, &[], &["rev-parse", "--git-path", "objects"], git::LINE_BYTES).await?;
    let folder = tempfile::tempdir().ok()?;
    let objects = folder.path().join("objects");
    tokio::fs::create_dir(&objects).await.ok()?;
    let mut trees = Trees { ids: Vec::new(), are_whole: true, folder, objects, shared: root.join(shared.line()) };
    for (side, commit) in sides {
        let Some(kept) = &side.kept else {
            trees.ids.push(commit.to_owned());
            continue;
        };
        // What can't be read was said already.
        let (bytes, has_binary) = patch::without_binary(&kept.bytes)?;
        if has_binary {
            trees.are_whole = false;
            remarks.push(format!("Changes of {} in files that are no text are not among these.", side.name));
        }
        let Some(tree) = tree(root, &trees, commit, bytes).await else {
            remarks
                .push(format!("What {} had not committed does not fit onto its commit, and stands apart.", side.name));
            return None;
        };
        trees.ids.push(tree);
    }
    Some(trees)
}

/// The tree of a commit under a patch.
async fn tree(root: &Path, trees: &Trees, commit: &str, patch: Vec<u8>) -> Option<String> {
    if patch.is_empty() {
        return Some(commit.to_owned());
    }
    let at = |name: &str| trees.folder.path().join(format!("{name}-{}", trees.ids.len()));
    let (index, file) = (at("index"), at("patch"));
    tokio::fs::write(&file, patch).await.ok()?;
    let own = trees.variables();
    let variables = [own[0], own[1], ("GIT_INDEX_FILE", index.as_path())];
    let file = file.to_str()?;
    git::ask(root, &variables, &["read-tree", commit], git::LINE_BYTES).await?;
    git::ask(
        root,
        &variables,
        &["apply", "--cached", "--whitespace=nowarn", "--no-ignore-whitespace", file],
        git::LINE_BYTES,
    )
    .await?;
    Some(git::ask(root, &variables, &["write-tree"], git::LINE_BYTES).await?.line())
}

async fn between(root: &Path, variables: &[(&str, &Path)], ids: [&str; 2]) -> Option<Patch> {
    let arguments: Vec<&str> = git::DIFF.into_iter().chain(ids).chain(["--"]).collect();
    let said = git::ask(root, variables, &arguments, READ_BYTES).await?;
    Some(read(&said.bytes, said.is_cut))
}

fn read(bytes: &[u8], is_cut: bool) -> Patch {
    Patch { is_cut, ..patch::read(&String::from_utf8_lossy(bytes)) }
}
