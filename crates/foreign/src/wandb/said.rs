//! What a run's other records say of it, in words: tags, and the texts of alerts.

use std::{collections::BTreeMap, path::Path};

use api::{
    figure::{bytes, counted},
    run::STEP_METRIC,
    tracking::{Dataset, RunInput},
};

use super::{
    proto::{Alert, Artifact, Manifest, ManifestEntry, Metric, Run, UseArtifact},
    value,
};

/// Before the name of an artifact that the run logged.
const ARTIFACT: &str = "artifact.";
/// Before the name of one that it used.
const USED: &str = "used_artifact.";
/// Kinds of artifacts that the client makes of its own accord: what is in them is told elsewhere.
const OF_ITS_OWN: [&str; 3] = ["run_table", "wandb-history", "job"];
/// Characters of the name of a folder that are told.
const LONGEST_FOLDER: usize = 200;
/// Characters of a digest that tell it from others.
const SHORT: usize = 12;

/// A tag's key and value.
type Tag = (String, String);

/// What was logged under an artifact's name, `times` times until now; `None` of what the client makes of its own accord.
/// `files` is the folder of the run's files.
pub(super) fn artifact(artifact: &Artifact, times: u64, files: &Path) -> Option<Tag> {
    let Artifact { kind, name, digest, description, aliases, manifest } = artifact;
    if OF_ITS_OWN.contains(&kind.as_str()) {
        return None;
    }
    let held = manifest.as_ref().map(|manifest| {
        // A log may say any size.
        let sizes = manifest.contents.iter().map(|entry| u64::try_from(entry.size).unwrap_or(0));
        let size = sizes.fold(0, u64::saturating_add);
        let lies = lies(manifest, files).map(|lies| format!(", {lies}")).unwrap_or_default();
        format!("{} of {}{lies}", counted(manifest.contents.len() as u64, "file", "files"), bytes(size))
    });
    let digest: String = digest.chars().take(SHORT).collect();
    let versions = (times > 1).then(|| format!("{times} versions, of which the last"));
    let parts = [Some(kind.clone()), held, Some(aliases.join(", ")), Some(digest), Some(description.clone())];
    let parts: Vec<String> =
        versions.into_iter().chain(parts.into_iter().flatten()).filter(|part| !part.is_empty()).collect();
    Some((format!("{ARTIFACT}{name}"), parts.join(" · ")))
}

/// Where what is in an artifact lies; `None` of an empty one.
fn lies(manifest: &Manifest, files: &Path) -> Option<String> {
    let (all, is_here) = (&manifest.contents, |entry: &&ManifestEntry| is_among(&entry.local_path, files));
    let here = all.iter().filter(is_here).count();
    if here == all.len() {
        return (here > 0).then(|| "among the run's files".to_owned());
    }
    if here > 0 {
        return Some(format!("of which {here} among the run's files"));
    }
    if all.iter().all(|entry| !entry.reference.is_empty()) {
        return Some("elsewhere by their addresses".to_owned());
    }
    let kept = all.iter().find_map(|entry| entry.local_path.rsplit_once(['/', '\\']));
    let kept = kept.map(|(folder, _)| folder.chars().take(LONGEST_FOLDER).collect::<String>());
    Some(kept.map_or_else(|| "not in this log".to_owned(), |folder| format!("not in this log but in {folder}")))
}

/// Whether a path of the machine that the run was on is of a file that lies among the run's files now, wherever the log was
/// moved since.
fn is_among(local_path: &str, files: &Path) -> bool {
    let Some(run) = files.parent().and_then(Path::file_name).and_then(|name| name.to_str()) else { return false };
    let parts: Vec<&str> = local_path.split(['/', '\\']).collect();
    let above = parts.windows(2).rposition(|pair| pair == [run, "files"]);
    above.is_some_and(|at| value::file_below(&parts[at + 2..].join("/"), files).is_ok())
}

/// What was used under an artifact's name.
pub(super) fn used(artifact: &UseArtifact) -> Tag {
    (format!("{USED}{}", artifact.name), artifact.kind.clone())
}

/// The same as a dataset that the run was given, where it is one.
pub(super) fn dataset(artifact: &UseArtifact) -> Option<RunInput> {
    let UseArtifact { id, kind, name } = artifact;
    let dataset = Dataset {
        name: name.clone(),
        digest: id.clone(),
        source_type: "wandb".to_owned(),
        source: name.clone(),
        schema: None,
        profile: None,
    };
    kind.eq_ignore_ascii_case("dataset").then(|| RunInput { dataset, tags: BTreeMap::new() })
}

/// Over which metric one lies, or those of a pattern.
pub(super) fn step_metric(metric: &Metric) -> Option<Tag> {
    let Metric { name, glob_name, step_metric, expanded_from_glob } = metric;
    let name = if name.is_empty() { glob_name } else { name };
    let is_said = !name.is_empty() && !step_metric.is_empty() && !expanded_from_glob;
    is_said.then(|| (format!("{STEP_METRIC}{name}"), step_metric.clone()))
}

/// From where a run goes on that is a fork of another, or begins again at an earlier step of its own.
pub(super) fn branch(run: &Run) -> Option<Tag> {
    let point = run.branch_point.as_ref()?;
    let at = format!("{} {}", point.metric, point.value);
    let is_own = point.run == run.run_id;
    Some(if is_own {
        ("rewound_to".to_owned(), at)
    } else {
        ("forked_from".to_owned(), format!("{} at {at}", point.run))
    })
}

pub(super) fn alert(alert: &Alert) -> String {
    let Alert { title, text, level } = alert;
    let parts = [level, title, text].map(String::as_str);
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}
