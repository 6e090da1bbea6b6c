//! Which Python packages the models of a run need, as their client logged it with them: MLflow writes
//! `requirements.txt` and `python_env.yaml` beside each.

use std::{
    collections::BTreeMap,
    io::Read as _,
    path::{Path, PathBuf},
};

use api::run::{PACKAGE, package_name};
use cap_std::fs::Dir;
use store::run::RunRow;

use crate::{Engine, beneath};

/// Folders of a run's artifacts, and its logged models, that are looked into.
const MOST: usize = 32;
/// A longer file is none that a client wrote.
const MOST_BYTES: u64 = 256 << 10;

/// By the names under which a run's environment has them; empty where nothing was logged.
pub(super) async fn of_run(engine: &Engine, row: &RunRow) -> anyhow::Result<BTreeMap<String, String>> {
    let id = row.run.id;
    let logged = engine.store().read(move |c| {
        let ids = store::logged_model::ids_of_run(c, id)?;
        let place = |model: String| Ok((store::logged_model::artifacts(c, &model)?, model));
        ids.into_iter().take(MOST).map(place).collect::<store::error::Result<Vec<_>>>()
    });
    let own = |model: &str| engine.workspace().logged(model).join("artifacts");
    let models =
        logged.await?.into_iter().map(|(elsewhere, model)| elsewhere.map_or_else(|| own(&model), PathBuf::from));
    let models: Vec<PathBuf> = models.collect();
    let artifacts = match &row.artifacts {
        Some(elsewhere) => PathBuf::from(elsewhere),
        None => engine.workspace().run(id).join("artifacts"),
    };
    Ok(tokio::task::spawn_blocking(move || looked_up(&artifacts, &models)).await?)
}

fn looked_up(artifacts: &Path, models: &[PathBuf]) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut take = |folder: &Dir, below: &Path| {
        let text = |name: &str| read(folder, &below.join(name));
        if let Some(text) = text("requirements.txt") {
            list(&text, &mut all);
        }
        if let Some(version) = text("python_env.yaml").as_deref().and_then(python) {
            all.entry(format!("{PACKAGE}python")).or_insert(version);
        }
    };
    models.iter().filter_map(|model| beneath::folder(model).ok()).for_each(|folder| take(&folder, Path::new("")));
    let Ok(folder) = beneath::folder(artifacts) else { return all };
    take(&folder, Path::new(""));
    let entries = folder.entries().into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<PathBuf> = folders.map(|entry| entry.file_name().into()).collect();
    names.sort();
    names.iter().take(MOST).for_each(|name| take(&folder, name));
    all
}

/// Those that a file lists, by the same names; none where it can't be read, or a link leads to it.
pub(crate) fn listed(path: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let text = path.parent().zip(path.file_name()).and_then(|(folder, name)| {
        let folder = beneath::folder(folder).ok()?;
        read(&folder, Path::new(name))
    });
    if let Some(text) = text {
        list(&text, &mut all);
    }
    all
}

/// Adds the packages of a text; of several of one name the first counts.
fn list(text: &str, all: &mut BTreeMap<String, String>) {
    for (name, version) in text.lines().filter_map(required) {
        all.entry(format!("{PACKAGE}{name}")).or_insert(version);
    }
}

fn read(folder: &Dir, path: &Path) -> Option<String> {
    let mut text = String::new();
    beneath::file(folder, path).ok()?.take(MOST_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The package of a line and its version, or what it may be: "2.1.0" of `numpy==2.1.0`, ">=2" of `numpy>=2`.
fn required(line: &str) -> Option<(String, String)> {
    let line = line.split(['#', ';']).next()?.trim();
    let end = line.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']')?.1,
        None => rest,
    };
    let rest = rest.trim();
    let version = rest.strip_prefix("==").filter(|version| !version.contains(',')).unwrap_or(rest).trim();
    // An address may hold a secret, and an option or a path is no package.
    let is_one = name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !rest.starts_with(['@', '/', ':', '\\']);
    is_one.then(|| (package_name(name), if version.is_empty() { "any".to_owned() } else { version.to_owned() }))
}

/// The interpreter's version in a `python_env.yaml`.
fn python(text: &str) -> Option<String> {
    let version = text.lines().find_map(|line| line.strip_prefix("python:"))?.trim().trim_matches(['"', '\'']);
    (!version.is_empty()).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_requirements_is_a_package_and_its_version() {
        let told = |line: &str| required(line).map(|(name, version)| format!("{name} {version}"));
        assert_eq!(told("Scikit_Learn==1.5.0  # pinned").as_deref(), Some("scikit-learn 1.5.0"));
        assert_eq!(told("torch[cuda,x] == 2.4.1+cu121; python_version < '3.13'").as_deref(), Some("torch 2.4.1+cu121"));
        assert_eq!(told("mlflow>=2,<3").as_deref(), Some("mlflow >=2,<3"));
        assert_eq!(told("pandas").as_deref(), Some("pandas any"));
        for none in
            ["", "# only words", "-r more.txt", "own @ https://user:hush@host/x.whl", "./here", "https://host/x"]
        {
            assert_eq!(told(none), None, "{none}");
        }
    }
}
