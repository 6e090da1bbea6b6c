//! The gate on what is compiled twice: the worker must ask of what it shares with the host the same features that
//! the host does, or tables and the learning stack are built once more.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail};

use crate::shell;

/// What the two must differ in: the host never links a GPU.
const APART: [&str; 1] = ["hessboost"];

/// Crate with its version → features.
type Features = BTreeMap<String, BTreeSet<String>>;

/// Fails where a crate that both programs use has other features in one of them.
pub(crate) fn check() -> Result<()> {
    let wrong = differences(&features("cli")?, &features("worker")?);
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("{}\nName these features in crates/unison/Cargo.toml.", wrong.join("\n"))
}

fn features(package: &str) -> Result<Features> {
    let arguments = ["tree", "--package", package, "--edges", "normal", "--prefix", "none", "--format", "{p}|{f}"];
    Ok(parse(&shell::read(&mut shell::cargo(&arguments))?))
}

/// Lines of `cargo tree`: `name vVERSION|feature,feature`, `(*)` where it was printed before.
fn parse(tree: &str) -> Features {
    let mut all = Features::new();
    // A proc macro's own dependencies are compiled for the compiler, with features of their own.
    for line in tree.lines().filter(|line| !line.contains("(proc-macro)") && !line.contains("(/")) {
        if let Some((name, features)) = line.trim_end_matches(" (*)").split_once('|') {
            let features = features.split(',').filter(|feature| !feature.is_empty()).map(str::to_owned);
            all.entry(name.trim().to_owned()).or_default().extend(features);
        }
    }
    all
}

fn differences(host: &Features, worker: &Features) -> Vec<String> {
    let shared = host.iter().filter_map(|(name, ours)| Some((name, ours, worker.get(name)?)));
    shared
        .filter(|(name, ours, theirs)| ours != theirs && !APART.iter().any(|apart| name.starts_with(apart)))
        .map(|(name, ours, theirs)| {
            let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
                let only: Vec<&str> = one.difference(other).map(String::as_str).collect();
                if only.is_empty() { "nothing more".to_owned() } else { only.join(", ") }
            };
            format!("{name}: the host turns on {}, the worker {}", only(ours, theirs), only(theirs, ours))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_that_only_one_program_wants_is_named() {
        let host = parse("cli v0.1.0 (/x)|\nchrono v0.4.45|std,serde\nhessboost v0.4.6|\nserde v1.0.0 (proc-macro)|a");
        let worker = parse("chrono v0.4.45|std (*)\nhessboost v0.4.6|wgpu\nash v0.38.0|");
        assert_eq!(differences(&host, &worker), ["chrono v0.4.45: the host turns on serde, the worker nothing more"]);
    }
}
