//! `cargo xtask full`: everything that must hold before a release, in one table at the end.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::{bench, dist, gates, platforms, shell, test};

/// So many deaths, as the road asks for.
const KILLS: &str = "200";
/// So long the bars wait for a machine that has nothing else to do.
const PATIENCE: Duration = Duration::from_secs(600);

type Check = (&'static str, fn() -> Result<()>);

const CHECKS: [Check; 8] = [
    ("tests, with Kubernetes and PyTorch", || test::test(&test::Options { cluster: true, torch: true, only: None })),
    ("gates", gates::all),
    ("kills at random moments", || bench::bench("kills", &["--times".to_owned(), KILLS.to_owned()])),
    ("fraud beside XGBoost", || bench::bench("fraud", &[])),
    ("tracking beside MLflow", || bench::bench("track", &[])),
    ("installers", dist::dist),
    ("bars of the release build", || bench::release(&[], PATIENCE)),
    ("Windows and macOS", platforms::check),
];

/// Does every check, whatever the others say, and fails at the end where one failed or was not judged.
pub(crate) fn full() -> Result<()> {
    let lines: Vec<(&str, f64, Result<()>)> = CHECKS
        .iter()
        .map(|(name, check)| {
            let started = Instant::now();
            let result = check();
            if let Err(error) = &result {
                eprintln!("\n{name} failed: {error:#}");
            }
            (*name, started.elapsed().as_secs_f64(), result)
        })
        .collect();
    println!("\n{}", table(&lines));
    let failed = lines.iter().filter(|(.., result)| result.is_err()).count();
    if failed > 0 {
        bail!("{failed} of {} did not pass", lines.len());
    }
    Ok(())
}

fn table(lines: &[(&str, f64, Result<()>)]) -> String {
    let mut text = String::from("| check | result | time |\n|---|---|---:|\n");
    for (name, seconds, result) in lines {
        // The whole error stands where it happened; here its first line says which it was.
        let said = match result {
            Ok(()) => "passed".to_owned(),
            Err(error) if error.is::<bench::NotJudged>() => "not judged".to_owned(),
            Err(error) => {
                format!("FAILED: {}", error.to_string().lines().next().unwrap_or_default().replace('|', "/"))
            }
        };
        text += &format!("| {name} | {said} | {} |\n", shell::spoken(*seconds));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_has_one_line_in_the_table() {
        let lines = [("gates", 3.0, Ok(())), ("tests", 65.0, Err(anyhow::anyhow!("one | two\nthree")))];
        let table = table(&lines);
        assert!(table.ends_with("| gates | passed | 3.0 s |\n| tests | FAILED: one / two | 1 min 5 s |\n"), "{table}");
    }

    #[test]
    fn what_was_not_judged_is_called_so() {
        let busy = anyhow::Error::from(bench::NotJudged).context("The bars of the release build");
        let table = table(&[("bars", 3.0, Err(busy))]);
        assert!(table.ends_with("| bars | not judged | 3.0 s |\n"), "{table}");
    }
}
