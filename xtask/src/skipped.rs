//! Which tests were skipped, and why: each leaves a line in a file, read out when all have run.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::ErrorKind,
    path::PathBuf,
};

use anyhow::{Context as _, Result};

use crate::place;

/// Where tests leave a line each: name, tab, reason.
pub(crate) fn file() -> PathBuf {
    place::target().join("skipped.tsv")
}

/// Forgets what an earlier run left.
pub(crate) fn forget() -> Result<()> {
    match fs::remove_file(file()) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("forget the skipped tests"),
        _ => Ok(()),
    }
}

/// Says how many were skipped in this run, and why.
pub(crate) fn tell() {
    println!("\n{}", told(&fs::read_to_string(file()).unwrap_or_default()));
}

fn told(lines: &str) -> String {
    let mut by_reason = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (test, why) in lines.lines().filter_map(|line| line.split_once('\t')) {
        by_reason.entry(why).or_default().insert(test);
    }
    let skipped: BTreeSet<&str> = by_reason.values().flatten().copied().collect();
    let mut text = format!("skipped: {}", skipped.len());
    for (why, tests) in &by_reason {
        text += &format!("\n  {why}: {}", tests.iter().copied().collect::<Vec<_>>().join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_names_its_tests_and_each_test_counts_once() {
        let lines = "b\tno etcd\na\tno etcd\na\tno root\na\tno root\n";
        assert_eq!(told(lines), "skipped: 2\n  no etcd: a, b\n  no root: a");
        assert_eq!(told(""), "skipped: 0");
    }
}
