//! What a run's other records say of it, in words: tags, and the texts of alerts.

use std::collections::BTreeMap;

use api::{
    figure::{bytes, counted},
    run::STEP_METRIC,
    tracking::{Dataset, RunInput},
};

use super::proto::{Alert, Artifact, Metric, Run, UseArtifact};

/// Before the name of an artifact that the run logged.
const ARTIFACT: &str = "artifact.";
/// Before the name of one that it used.
const USED: &str = "used_artifact.";
/// Kinds of artifacts that the client makes of its own accord: what is in them is told elsewhere.
const OF_ITS_OWN: [&str; 3] = ["run_table", "wandb-history", "job"];
/// Characters of a digest that tell it from others.
const SHORT: usize = 12;

/// A tag's key and value.
type Tag = (String, String);

/// What was logged under an artifact's name, `times` times until now; `None` of what the client makes of its own accord.
pub(super) fn artifact(artifact: &Artifact, times: u64) -> Option<Tag> {
    let Artifact { kind, name, digest, description, aliases, manifest } = artifact;
    if OF_ITS_OWN.contains(&kind.as_str()) {
        return None;
    }
    let files = manifest.as_ref().map(|manifest| {
        // A log may say any size.
        let sizes = manifest.contents.iter().map(|entry| u64::try_from(entry.size).unwrap_or(0));
        let size = sizes.fold(0, u64::saturating_add);
        format!("{} of {}", counted(manifest.contents.len() as u64, "file", "files"), bytes(size))
    });
    let digest: String = digest.chars().take(SHORT).collect();
    let versions = (times > 1).then(|| format!("{times} versions, of which the last"));
    let parts = [Some(kind.clone()), files, Some(aliases.join(", ")), Some(digest), Some(description.clone())];
    let parts: Vec<String> =
        versions.into_iter().chain(parts.into_iter().flatten()).filter(|part| !part.is_empty()).collect();
    Some((format!("{ARTIFACT}{name}"), parts.join(" · ")))
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
