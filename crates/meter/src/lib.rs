//! What a process and all that it started use, and what the machine and its GPUs use meanwhile, under the keys
//! that pages know: `MLflow`'s names where it has them, so that a page shows both alike.
//!
//! It loads NVIDIA's library, so it belongs into a training's or a program's own process, or into one that does nothing
//! else (`slipway meter`), and never into the host.

mod gpu;
mod tree;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use sysinfo::{CpuRefreshKind, MINIMUM_CPU_UPDATE_INTERVAL, Networks, System};

use gpu::Gpus;
pub use gpu::{Gpu, gpus};
use tree::Tree;
pub use tree::{Counters, Rates, waited};

/// Per cent of one core that the process tree takes, so that two busy cores are 200.
pub const CPU: &str = "system/cpu";
/// Resident memory of the process tree; pages that its processes share count in each.
pub const MEMORY_BYTES: &str = "system/memory_bytes";
/// Energy of the GPUs that the process tree computes on, since the first look: its share of what they used.
pub const ENERGY_JOULES: &str = "system/energy_joules";

const MEGABYTE: f64 = 1e6;
/// How long a run is looked at often.
const OFTEN_FOR: Duration = Duration::from_secs(600);
/// Points stand at whole seconds: two looks within one would be two values of one.
const SOON: Duration = Duration::from_secs(1);
const OFTEN: Duration = Duration::from_secs(2);
const SELDOM: Duration = Duration::from_secs(10);

/// One value under its key.
pub type Sample = (String, f64);

/// How long to wait for the next look at a run that has gone on for `elapsed`: as long as it went on, so that a short
/// one is seen too, but no less than 1 s and no longer than 2 s, and every 10 s after ten minutes, so that a day has fewer
/// than 9,000 points of a key.
pub fn pause(elapsed: Duration) -> Duration {
    if elapsed < OFTEN_FOR { elapsed.clamp(SOON, OFTEN) } else { SELDOM }
}

/// Looks at one process tree again and again; rates need two looks.
pub struct Meter {
    tree: Tree,
    machine: Machine,
    gpus: Result<Gpus, String>,
    looked: Option<Instant>,
}

impl Meter {
    /// `root` is the first process of the tree, `folder` lies on the disk whose room is told.
    pub fn new(root: u32, folder: &Path) -> Self {
        Self { tree: Tree::of(root), machine: Machine::new(folder), gpus: Gpus::open(), looked: None }
    }

    /// Of a process that has been going: what it used before now counts for nothing, and the next look has rates.
    pub fn joining(root: u32, folder: &Path) -> Self {
        let mut meter = Self::new(root, folder);
        meter.look();
        meter.tree.forget_used();
        meter
    }

    /// Why no GPU is measured: a sentence.
    pub fn without_gpus(&self) -> Option<&str> {
        self.gpus.as_ref().err().map(String::as_str)
    }

    /// What the machine is: "system", "cpu", "memory", and "gpu", its GPUs or why none is measured.
    pub fn machine(&self) -> BTreeMap<String, String> {
        let mut facts = self.machine.facts();
        let gpus = self.gpus.as_ref().map_or_else(Clone::clone, Gpus::names);
        facts.insert("gpu".to_owned(), gpus);
        facts
    }

    /// What is used now. What can't be known is left out; [`MEMORY_BYTES`] is always there, and [`CPU`] unless the look
    /// before was a moment ago.
    pub fn look(&mut self) -> Vec<Sample> {
        let elapsed = self.elapsed();
        let samples = self.tree.look(elapsed);
        self.with_machine(samples, elapsed)
    }

    /// What was used since the last look, once the tree's first process is over. `waited` is how much more [`waited`]
    /// tells than before that began, where it is this process that waited for it.
    pub fn last(&mut self, waited: Option<Duration>) -> Vec<Sample> {
        let elapsed = self.elapsed();
        let samples = self.tree.last(elapsed, waited);
        self.with_machine(samples, elapsed)
    }

    /// Since the look before; `None` at the first one.
    fn elapsed(&mut self) -> Option<Duration> {
        let now = Instant::now();
        self.looked.replace(now).map(|before| now - before)
    }

    fn with_machine(&mut self, mut samples: Vec<Sample>, elapsed: Option<Duration>) -> Vec<Sample> {
        samples.extend(self.machine.look(elapsed));
        if let Ok(gpus) = &mut self.gpus {
            samples.extend(gpus.look(&self.tree, elapsed));
        }
        samples
    }
}

struct Machine {
    system: System,
    networks: Networks,
    folder: PathBuf,
    /// Received and sent when the measuring began, and at the last look.
    first: (u64, u64),
    last: (u64, u64),
}

impl Machine {
    fn new(folder: &Path) -> Self {
        let networks = Networks::new_with_refreshed_list();
        let first = transferred(&networks);
        Self { system: System::new(), networks, folder: folder.to_owned(), first, last: first }
    }

    /// What the system does not tell is left out.
    fn facts(&self) -> BTreeMap<String, String> {
        let mut system = System::new();
        system.refresh_memory();
        system.refresh_cpu_list(CpuRefreshKind::nothing());
        let cpu = system.cpus().first().map(|cpu| cpu.brand().trim()).filter(|brand| !brand.is_empty());
        let cores = match system.cpus().len() {
            1 => "1 core".to_owned(),
            cores => format!("{cores} cores"),
        };
        let memory = system.total_memory() as f64 / 1e9;
        let facts = [
            ("system", System::long_os_version().map(|system| format!("{system}, {}", std::env::consts::ARCH))),
            ("cpu", Some(format!("{}, {cores}", cpu.unwrap_or(std::env::consts::ARCH)))),
            ("memory", (memory > 0.0).then(|| format!("{memory:.0} GB"))),
        ];
        facts.into_iter().filter_map(|(name, fact)| Some((name.to_owned(), fact?))).collect()
    }

    fn look(&mut self, elapsed: Option<Duration>) -> Vec<Sample> {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        self.networks.refresh(true);
        let mut samples = Vec::new();
        let mut add = |key: &str, value: f64| samples.push((format!("system/{key}"), value));
        // The system counts too coarsely for less.
        if elapsed.is_some_and(|elapsed| elapsed >= MINIMUM_CPU_UPDATE_INTERVAL) {
            add("cpu_utilization_percentage", f64::from(self.system.global_cpu_usage()));
        }
        let (used, total) = (self.system.used_memory() as f64, self.system.total_memory() as f64);
        if total > 0.0 {
            add("system_memory_usage_megabytes", used / MEGABYTE);
            add("system_memory_usage_percentage", used / total * 100.0);
        }
        let now = transferred(&self.networks);
        add("network_receive_megabytes", now.0.saturating_sub(self.first.0) as f64 / MEGABYTE);
        add("network_transmit_megabytes", now.1.saturating_sub(self.first.1) as f64 / MEGABYTE);
        if let Some(elapsed) = elapsed {
            add("network_receive_bytes_per_second", per_second(now.0.saturating_sub(self.last.0), elapsed));
            add("network_transmit_bytes_per_second", per_second(now.1.saturating_sub(self.last.1), elapsed));
        }
        self.last = now;
        // Only the folder's own disk is asked: another that no longer answers would hold us up.
        if let Ok(room) = fs4::statvfs(&self.folder) {
            let (total, free) = (room.total_space() as f64, room.available_space() as f64);
            add("disk_available_megabytes", free / MEGABYTE);
            if total > 0.0 {
                let used = total - room.free_space() as f64;
                add("disk_usage_megabytes", used / MEGABYTE);
                add("disk_usage_percentage", used / total * 100.0);
            }
        }
        samples
    }
}

/// Bytes received and sent by all interfaces since the machine started.
fn transferred(networks: &Networks) -> (u64, u64) {
    networks.values().fold((0, 0), |(received, sent), network| {
        (received + network.total_received(), sent + network.total_transmitted())
    })
}

fn per_second(amount: u64, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { amount as f64 / seconds } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_run_is_looked_at_soon_and_a_long_one_seldom() {
        let pause_ms = |elapsed_ms| pause(Duration::from_millis(elapsed_ms)).as_millis();
        assert_eq!([0, 800, 1_100, 1_900, 5_000].map(pause_ms), [1_000, 1_000, 1_100, 1_900, 2_000]);
        assert_eq!(pause_ms(600_000), 10_000);
    }
}
