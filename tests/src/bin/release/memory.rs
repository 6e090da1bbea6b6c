//! What an idle host holds: proportional memory of `slipway serve` and its children, 60 s after its
//! start, with five samples opened and no client.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use journeys::{host::Host, road};

use crate::{built, figure::Figures};

pub(crate) const SAMPLES: [&str; 5] = ["card-fraud", "digits", "penguins", "breast-cancer", "diabetes"];
const BAR: u64 = 120_000_000;
const AFTER: Duration = Duration::from_secs(60);

pub(crate) async fn measure(figures: &mut Figures) -> Result<()> {
    let slipway = built("SLIPWAY_BIN")?;
    let folder = tempfile::tempdir()?;
    for (what, opens) in [("the host that opened five samples", true), ("a host started later", false)] {
        println!("memory: {what}, after {} s", AFTER.as_secs());
        let started = tokio::time::Instant::now();
        let host = Host::start(&slipway, folder.path()).await?;
        if opens {
            let client = host.client().await?;
            for sample in SAMPLES {
                road::open_sample(&client, sample).await?;
            }
        }
        tokio::time::sleep_until(started + AFTER).await;
        let (bytes, processes) = proportional(host.id())?;
        figures.size(format!("memory of {what}"), bytes, BAR, format!("{processes} process(es)"));
    }
    Ok(())
}

/// Proportional set size of a process and all below it, and how many they are.
fn proportional(root: u32) -> Result<(u64, usize)> {
    let mut family = vec![root];
    let mut at = 0;
    while let Some(parent) = family.get(at) {
        family.extend(children(*parent));
        at += 1;
    }
    let mut bytes = 0;
    for process in &family {
        let path = format!("/proc/{process}/smaps_rollup");
        match std::fs::read_to_string(&path) {
            Ok(text) => bytes += pss(&text).with_context(|| format!("{path} has no Pss"))?,
            // A child may end between the two looks.
            Err(_) if *process != root => {}
            Err(error) => return Err(error).with_context(|| format!("read {path}")),
        }
    }
    Ok((bytes, family.len()))
}

fn pss(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

fn children(parent: u32) -> Vec<u32> {
    let Ok(threads) = Path::new(&format!("/proc/{parent}/task")).read_dir() else { return Vec::new() };
    let of_thread = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children")).ok();
    let text: Vec<String> = threads.flatten().filter_map(of_thread).collect();
    text.iter().flat_map(|line| line.split_whitespace()).filter_map(|id| id.parse().ok()).collect()
}
