//! What was measured, beside its bar. Times are the best of three medians, and are not judged where
//! the machine had other things to do.

use std::{process::ExitCode, time::Duration};

use anyhow::{Result, bail};

/// The 1-minute load over which a time says more of the machine than of us.
const BUSY: f64 = 2.0;
/// The code that this program ends with where no bar was missed and a time was not judged; xtask knows it.
const NOT_JUDGED: u8 = 3;

#[derive(Default)]
pub(crate) struct Figures {
    lines: Vec<Figure>,
}

struct Figure {
    what: String,
    value: f64,
    bar: f64,
    unit: &'static str,
    load: f64,
    /// Sizes are the same on a busy machine.
    is_time: bool,
    note: String,
}

impl Figure {
    fn verdict(&self) -> &'static str {
        match (self.value < self.bar, self.is_time && self.load > BUSY) {
            (true, _) => "met",
            (false, true) => "not judged",
            (false, false) => "MISSED",
        }
    }
}

impl Figures {
    pub(crate) fn time(&mut self, what: impl Into<String>, value: Duration, bar: Duration, note: impl Into<String>) {
        let (value, bar) = (value.as_secs_f64() * 1000.0, bar.as_secs_f64() * 1000.0);
        self.add(what.into(), value, bar, "ms", true, note.into());
    }

    pub(crate) fn size(&mut self, what: impl Into<String>, bytes: u64, bar: u64, note: impl Into<String>) {
        self.add(what.into(), bytes as f64 / 1e6, bar as f64 / 1e6, "MB", false, note.into());
    }

    fn add(&mut self, what: String, value: f64, bar: f64, unit: &'static str, is_time: bool, note: String) {
        let figure = Figure { what, value, bar, unit, load: load(), is_time, note };
        println!("{}: {value:.1} {unit} ({})", figure.what, figure.verdict());
        self.lines.push(figure);
    }

    pub(crate) fn print(&self) {
        println!("\n| what | measured | bar | 1-minute load | verdict | |\n|---|---:|---:|---:|---|---|");
        for Figure { what, value, bar, unit, load, note, .. } in &self.lines {
            let index = self.lines.iter().position(|line| line.what == *what);
            let verdict = index.map_or("", |index| self.lines[index].verdict());
            println!("| {what} | {value:.1} {unit} | < {bar:.0} {unit} | {load:.1} | {verdict} | {note} |");
        }
    }

    /// Fails where a bar was missed on a machine that had time, and says with its code where a time
    /// was not judged.
    pub(crate) fn judge(&self) -> Result<ExitCode> {
        let of = |verdict: &str| {
            let lines = self.lines.iter().filter(|line| line.verdict() == verdict);
            lines.map(|line| line.what.as_str()).collect::<Vec<_>>().join("; ")
        };
        let (missed, unjudged) = (of("MISSED"), of("not judged"));
        if !missed.is_empty() {
            bail!("missed: {missed}");
        }
        if unjudged.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!("not judged, the machine was busy: {unjudged}");
        Ok(ExitCode::from(NOT_JUDGED))
    }
}

/// The machine's 1-minute load.
pub(crate) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(f64::NAN)
}

pub(crate) fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied().unwrap_or_default()
}
