//! What a run of a log ran on and in, kept as that of a program that runs here: its environment without secrets, Python's
//! packages by name, and what was not committed.

use std::collections::BTreeMap;

use api::run::{MACHINE, PACKAGE};
use foreign::Surroundings;

use crate::run::{requirements, surroundings::masked};

/// The interpreter, among the packages, and where nothing is known of those.
const PYTHON_PACKAGE: &str = "package.python";
const PYTHON: &str = "machine.python";
/// Bytes of a fact that is kept: a log may say anything.
const LONGEST: usize = 16 << 10;

/// Brings what is known of a run's environment together, secrets masked. Reads the file of its packages.
pub(super) fn gather(surroundings: &mut Surroundings) {
    let told = std::mem::take(&mut surroundings.environment);
    let of_ours = |name: &str| name.starts_with(MACHINE) || name.starts_with(PACKAGE);
    // Of names of ours none is that of a secret, and a package may be called after one.
    let (mut known, variables): (BTreeMap<_, _>, BTreeMap<_, _>) =
        told.into_iter().filter(|(_, fact)| fact.len() <= LONGEST).partition(|(name, _)| of_ours(name));
    known.extend(masked(variables.into_iter().map(|(name, value)| (name.into(), value.into()))));
    if let Some(path) = surroundings.requirements.take() {
        for (name, version) in requirements::listed(&path) {
            known.entry(name).or_insert(version);
        }
    }
    // One package would say that there are no others.
    let is_alone = known.keys().filter(|name| name.starts_with(PACKAGE)).count() == 1;
    if let Some(version) = known.remove(PYTHON_PACKAGE) {
        known.insert(if is_alone { PYTHON } else { PYTHON_PACKAGE }.to_owned(), version);
    }
    surroundings.environment = known;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_stand_beside_what_was_told_and_a_secret_is_masked() {
        let folder = tempfile::tempdir().expect("a folder");
        let requirements = folder.path().join("requirements.txt");
        std::fs::write(&requirements, "Google_Auth==2.1\npython==9\ntorch==2.4.1+cu121\n").expect("a file");
        let long = "x".repeat(20_000);
        let told = [("PWD", "/w"), ("SLURM_JWT", "eyJ"), ("package.python", "3.11.7"), ("package.long", long.as_str())];
        let environment = told.map(|(name, fact)| (name.to_owned(), fact.to_owned())).into();
        let mut surroundings =
            Surroundings { environment, requirements: Some(requirements), ..Surroundings::default() };
        gather(&mut surroundings);
        let expect = [
            ("PWD", "/w"),
            ("SLURM_JWT", "•••"),
            ("package.google-auth", "2.1"),
            ("package.python", "3.11.7"),
            ("package.torch", "2.4.1+cu121"),
        ];
        let expect = expect.map(|(name, fact)| (name.to_owned(), fact.to_owned()));
        assert_eq!(surroundings, Surroundings { environment: expect.into(), ..Surroundings::default() });
    }

    #[test]
    fn an_interpreter_alone_does_not_say_that_there_are_no_packages() {
        let alone = |name: &str| Surroundings {
            environment: [(name.to_owned(), "3.11.7".to_owned())].into(),
            ..Surroundings::default()
        };
        let mut surroundings = alone(PYTHON_PACKAGE);
        gather(&mut surroundings);
        assert_eq!(surroundings, alone(PYTHON));
    }
}
