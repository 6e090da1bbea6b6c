//! The gate on the rooms' edges: reads the table in ARCHITECTURE.md and every manifest.

use std::{collections::BTreeMap, fs};

use anyhow::{Context, Result, bail};

use crate::{menus, pictures, place, shell, unison};

/// Fails on a dependency that the table does not have.
pub(crate) fn check() -> Result<()> {
    let allowed = allowed()?;
    let metadata = shell::read(&mut shell::cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let packages = metadata["packages"].as_array().context("cargo metadata has no packages")?;
    let names: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap_or_default();
        let room = room(name);
        let Some(may) = allowed.get(room) else {
            wrong.push(format!("{name} stands in no row of the table in ARCHITECTURE.md"));
            continue;
        };
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let on = dependency["name"].as_str().unwrap_or_default();
            if names.contains(&on) && !may.iter().any(|one| one == "anything" || one == self::room(on)) {
                wrong.push(format!("{name} depends on {on}; it may depend on: {}", may.join(", ")));
            }
        }
    }
    wrong.extend(long_files()?);
    wrong.extend(menus::missing()?);
    if wrong.is_empty() {
        unison::check()?;
        pictures::check()?;
        println!("{} packages, every edge is in the table", packages.len());
        return Ok(());
    }
    bail!("{}", wrong.join("\n"))
}

fn room(package: &str) -> &str {
    match package {
        "slipway-desktop" => "src-tauri",
        "journeys" => "tests",
        other => other,
    }
}

/// Rows of the form `| room | what it is | may depend on |`.
fn allowed() -> Result<BTreeMap<String, Vec<String>>> {
    let text = fs::read_to_string(place::root().join("ARCHITECTURE.md"))?;
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if let [rooms, _, may] = cells[..] {
            for room in rooms.split(", ") {
                rows.insert(room.to_owned(), may.split(", ").map(str::to_owned).collect());
            }
        }
    }
    anyhow::ensure!(rows.contains_key("api"), "ARCHITECTURE.md has no table of rooms");
    Ok(rows)
}

/// No source file over 800 lines: split by idea.
fn long_files() -> Result<Vec<String>> {
    let files = shell::read(std::process::Command::new("git").args(["ls-files", "*.rs"]).current_dir(place::root()))?;
    let mut long = Vec::new();
    for file in files.lines() {
        let lines = fs::read_to_string(place::root().join(file)).map(|text| text.lines().count()).unwrap_or(0);
        if lines > 800 {
            long.push(format!("{file} has {lines} lines; split it by idea (800 at the most)"));
        }
    }
    Ok(long)
}
