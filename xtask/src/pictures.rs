//! The guide's pictures: taken by the test run, and the ones that the documents show copied beside them.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};

use crate::{place, programs, shell, system, window};

/// Where the test run leaves every picture that it takes.
pub(crate) fn taken() -> PathBuf {
    place::target().join("pictures")
}

/// Takes them anew and puts those that are shown into `docs/guide/pictures`.
pub(crate) fn pictures() -> Result<()> {
    system::for_run()?;
    system::for_test()?;
    window::build(&window::default_out(), false)?;
    programs::host(false)?;
    programs::worker(false)?;
    programs::serving()?;
    shell::step("The pages' pictures", || {
        let mut cargo = shell::cargo(&["test", "--package", "journeys", "--", "pages::"]);
        programs::environment(&mut cargo, false);
        shell::run(cargo.env("SLIPWAY_PICTURES", taken()))
    })?;
    let guide = place::root().join("docs/guide/pictures");
    fs::create_dir_all(&guide)?;
    for name in shown()? {
        let from = taken().join(&name);
        ensure!(from.is_file(), "the documents show {name}, and no test takes it");
        fs::copy(&from, guide.join(&name)).with_context(|| format!("copy {name}"))?;
        println!("   docs/guide/pictures/{name}");
    }
    Ok(())
}

/// The names of the pictures in the README and the guide.
fn shown() -> Result<BTreeSet<String>> {
    let files = shell::read(Command::new("git").args(["ls-files", "*.md"]).current_dir(place::root()))?;
    let mut names = BTreeSet::new();
    for file in files.lines() {
        names.extend(named(&fs::read_to_string(place::root().join(file))?));
    }
    Ok(names)
}

fn named(text: &str) -> Vec<String> {
    let after = text.split("pictures/").skip(1);
    after.filter_map(|rest| rest.split(')').next()).filter(|name| name.ends_with(".png")).map(str::to_owned).collect()
}

/// Fails on a document that shows a picture which is not there.
pub(crate) fn check() -> Result<()> {
    let missing: Vec<String> =
        shown()?.into_iter().filter(|name| !place::root().join("docs/guide/pictures").join(name).is_file()).collect();
    ensure!(
        missing.is_empty(),
        "not in docs/guide/pictures: {}; `cargo xtask pictures` takes them",
        missing.join(", ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_found_by_how_it_is_shown() {
        assert_eq!(named("![Runs](pictures/runs.png) and ![](docs/guide/pictures/a-b.png)."), ["runs.png", "a-b.png"]);
        assert!(named("taken into pictures/ by hand").is_empty());
    }
}
