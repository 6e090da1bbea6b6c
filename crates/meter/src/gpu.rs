//! NVIDIA's GPUs, by the library that comes with the driver.
//!
//! A GPU counts its energy as a whole. Of what it used between two looks a tree has its share ([`Occupants`]), and all
//! who compute on it have theirs, measured by us or not: what trees side by side are told adds up to no more than the
//! GPU used.

use std::{collections::HashSet, time::Duration};

use nvml_wrapper::{
    Device, Nvml,
    enum_wrappers::device::TemperatureSensor,
    enums::device::UsedGpuMemory,
    error::NvmlError,
    struct_wrappers::device::{ProcessInfo, ProcessUtilizationSample},
};
use sysinfo::Pid;

use crate::{ENERGY_JOULES, MEGABYTE, Sample, tree::Tree};

pub(crate) struct Gpus {
    nvml: Nvml,
    devices: Vec<Known>,
    /// The tree's shares of the GPUs that it was on, while it was.
    own_joules: Option<f64>,
    /// The tree's processes at the look before: what has ended since then used a GPU, too.
    before: HashSet<Pid>,
}

/// What is known of one GPU from the looks before.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    energy: Energy,
    /// The tree's share of it; `None` where the tree was not on it.
    share: Option<f64>,
    /// When the driver took the newest of its samples that we have read.
    sampled_us: u64,
}

/// Who computed on a GPU since the look before.
#[derive(Debug, Clone, Copy, Default)]
struct Occupants {
    /// A process of the tree is on it now.
    is_on: bool,
    /// Other trees that are on it now.
    others: usize,
    /// The tree's utilisation, summed over the driver's samples, and that of all processes.
    own_utilization: u64,
    utilization: u64,
}

impl Occupants {
    /// The part of the GPU's energy that is the tree's: as its part of the utilisation, and where the driver samples
    /// none, or all are idle, the same for each tree on it. `None` where the tree is not on it.
    fn share(self) -> Option<f64> {
        if !self.is_on && self.own_utilization == 0 {
            return None;
        }
        Some(match self.utilization {
            0 => 1.0 / (self.others as f64 + 1.0),
            all => self.own_utilization as f64 / all as f64,
        })
    }

    /// Adds what the driver sampled; the tree is all of these processes.
    fn sampled(&mut self, samples: &[ProcessUtilizationSample], is_own: impl Fn(Pid) -> bool) {
        for sample in samples {
            // The multiprocessors take nearly all of the power. A driver may answer more than it has filled in.
            let utilization = u64::from(sample.sm_util);
            if sample.pid == 0 || utilization > 100 {
                continue;
            }
            self.utilization += utilization;
            if is_own(Pid::from_u32(sample.pid)) {
                self.own_utilization += utilization;
            }
        }
    }
}

/// What one GPU has used since the first look.
#[derive(Debug, Clone, Copy, Default)]
struct Energy {
    counter_mj: Option<u64>,
    joules: f64,
}

impl Energy {
    /// Adds what the driver counted since the last look, or else the power over the time; returns the difference.
    fn add(&mut self, counter_mj: Option<u64>, watts: Option<f64>, elapsed: Option<Duration>) -> Option<f64> {
        let before = std::mem::replace(&mut self.counter_mj, counter_mj);
        let elapsed = elapsed?;
        let joules = match (before, counter_mj) {
            (Some(before), Some(now)) => now.saturating_sub(before) as f64 / 1000.0,
            _ => watts? * elapsed.as_secs_f64(),
        };
        self.joules += joules;
        Some(joules)
    }
}

impl Gpus {
    /// Errors are a sentence for people.
    pub(crate) fn open() -> Result<Self, String> {
        let nvml = Nvml::init().map_err(|error| reason(&error))?;
        let count = nvml.device_count().map_err(|error| reason(&error))?;
        if count == 0 {
            return Err("No NVIDIA GPU is measured: the driver shows none.".to_owned());
        }
        let devices = vec![Known::default(); count as usize];
        Ok(Self { nvml, devices, own_joules: None, before: HashSet::new() })
    }

    /// "NVIDIA H200, NVIDIA H200".
    pub(crate) fn names(&self) -> String {
        let name = |index: usize| {
            let device = u32::try_from(index).ok().and_then(|at| self.nvml.device_by_index(at).ok());
            device.and_then(|device| device.name().ok()).unwrap_or_else(|| format!("GPU {index}"))
        };
        (0..self.devices.len()).map(name).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn look(&mut self, tree: &Tree, elapsed: Option<Duration>) -> Vec<Sample> {
        let mut samples = Vec::new();
        let members = tree.members();
        let is_own = |pid: Pid| members.contains(&pid) || self.before.contains(&pid);
        for (index, known) in self.devices.iter_mut().enumerate() {
            // One that fell off the bus is left out and the others go on.
            let Some(device) = u32::try_from(index).ok().and_then(|at| self.nvml.device_by_index(at).ok()) else {
                continue;
            };
            let mut add = |key: &str, value: f64| samples.push((format!("system/gpu_{index}_{key}"), value));
            if let Ok(rates) = device.utilization_rates() {
                add("utilization_percentage", f64::from(rates.gpu));
            }
            if let Ok(memory) = device.memory_info() {
                add("memory_usage_megabytes", memory.used as f64 / MEGABYTE);
                add("memory_usage_percentage", memory.used as f64 / memory.total.max(1) as f64 * 100.0);
            }
            let watts = device.power_usage().ok().map(|milliwatts| f64::from(milliwatts) / 1000.0);
            if let Some(watts) = watts {
                add("power_usage_watts", watts);
            }
            if let Ok(celsius) = device.temperature(TemperatureSensor::Gpu) {
                add("temperature_celsius", f64::from(celsius));
            }
            let processes = device.running_compute_processes().unwrap_or_default();
            let own = own_memory(&processes, members);
            if let Some(bytes) = own {
                add("process_memory_megabytes", bytes as f64 / MEGABYTE);
            }
            let mut occupants = Occupants {
                is_on: own.is_some(),
                others: tree.others(processes.iter().map(|process| Pid::from_u32(process.pid))),
                ..Occupants::default()
            };
            occupants.sampled(&utilization(&device, &mut known.sampled_us), is_own);
            let now = occupants.share();
            // What left the GPU since the look before was on it for a part of the time.
            let share = now.or(known.share);
            known.share = now;
            let used = known.energy.add(device.total_energy_consumption().ok(), watts, elapsed);
            if let Some(used) = used {
                add("energy_joules", known.energy.joules);
                if let Some(share) = share {
                    *self.own_joules.get_or_insert_default() += used * share;
                }
            }
        }
        self.before.clone_from(members);
        samples.extend(self.own_joules.map(|joules| (ENERGY_JOULES.to_owned(), joules)));
        samples
    }
}

/// A GPU as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gpu {
    /// The driver's number, which its series have, too.
    pub index: u32,
    pub name: String,
    pub uuid: String,
    pub total_bytes: u64,
    pub free_bytes: u64,
}

/// The GPUs of this machine; none where there is no driver.
///
/// # Errors
/// Where there is one, and it does not say what there is: a sentence for people.
pub fn gpus() -> Result<Vec<Gpu>, String> {
    let nvml = match Nvml::init() {
        Ok(nvml) => nvml,
        Err(NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound | NvmlError::DriverNotLoaded) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(reason(&error)),
    };
    let count = nvml.device_count().map_err(|error| reason(&error))?;
    let gpu = |index: u32| {
        let device = nvml.device_by_index(index).ok()?;
        let (memory, uuid) = (device.memory_info().ok()?, device.uuid().ok()?);
        let name = device.name().unwrap_or_default();
        Some(Gpu { index, name, uuid, total_bytes: memory.total, free_bytes: memory.free })
    };
    let found: Vec<Gpu> = (0..count).filter_map(gpu).collect();
    if found.is_empty() && count > 0 {
        return Err(format!("No NVIDIA GPU is measured: the driver says nothing of {count}."));
    }
    Ok(found)
}

/// How busy each process kept a GPU since the samples that were read before; none where the driver tells none.
fn utilization(device: &Device<'_>, sampled_us: &mut u64) -> Vec<ProcessUtilizationSample> {
    let since = *sampled_us;
    let mut samples = device.process_utilization_stats(since).unwrap_or_default();
    samples.retain(|sample| sample.timestamp > since);
    *sampled_us = samples.iter().map(|sample| sample.timestamp).max().unwrap_or(since);
    samples
}

/// The memory that the tree's processes have on a GPU; none where the driver knows of none of them, as it does in a
/// container with pids of its own.
fn own_memory(processes: &[ProcessInfo], members: &HashSet<Pid>) -> Option<u64> {
    let own = processes.iter().filter(|process| members.contains(&Pid::from_u32(process.pid)));
    own.map(|process| match process.used_gpu_memory {
        UsedGpuMemory::Used(bytes) => bytes,
        UsedGpuMemory::Unavailable => 0,
    })
    .reduce(|a, b| a + b)
}

fn reason(error: &NvmlError) -> String {
    match error {
        NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => {
            "No NVIDIA GPU is measured: NVIDIA's library (NVML) is not on this machine.".to_owned()
        }
        NvmlError::DriverNotLoaded => "No NVIDIA GPU is measured: its driver is not loaded.".to_owned(),
        error => format!("No NVIDIA GPU is measured: {error}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Option<Duration> = Some(Duration::from_secs(1));

    #[test]
    fn energy_is_the_drivers_count_and_else_power_over_time() {
        let mut counted = Energy::default();
        assert_eq!(counted.add(Some(5_000), Some(100.0), None), None);
        assert_eq!(counted.add(Some(7_500), Some(100.0), SECOND), Some(2.5));
        let mut integrated = Energy::default();
        assert_eq!(integrated.add(None, Some(100.0), SECOND), Some(100.0));
        assert_eq!(integrated.add(None, None, SECOND), None);
        assert!((integrated.joules - 100.0).abs() < 1e-9);
    }

    /// The share of the tree of process 1 of a GPU with these utilisations, by process, and so many other trees on it.
    fn share(is_on: bool, others: usize, utilizations: &[(u32, u32)]) -> Option<f64> {
        let sample = |(pid, sm_util): &(u32, u32)| ProcessUtilizationSample {
            pid: *pid,
            timestamp: 1,
            sm_util: *sm_util,
            mem_util: 0,
            enc_util: 0,
            dec_util: 0,
        };
        let samples: Vec<_> = utilizations.iter().map(sample).collect();
        let mut occupants = Occupants { is_on, others, ..Occupants::default() };
        occupants.sampled(&samples, |pid| pid == Pid::from_u32(1));
        occupants.share()
    }

    #[test]
    fn a_tree_has_its_share_of_a_gpus_energy_and_others_have_theirs() {
        assert_eq!(share(true, 0, &[(1, 40)]), Some(1.0), "alone it has all");
        assert_eq!(share(true, 1, &[(1, 60), (2, 20)]), Some(0.75));
        assert_eq!(share(true, 1, &[(1, 30), (2, 20), (1, 30)]), Some(0.75), "of all samples together");
        assert_eq!(share(true, 1, &[(2, 20)]), Some(0.0), "an idle one beside a busy one");
        assert_eq!(share(true, 3, &[]), Some(0.25), "without samples each has the same");
        assert_eq!(share(true, 1, &[(1, 0), (2, 0)]), Some(0.5), "and where all are idle");
        assert_eq!(share(false, 1, &[(2, 90)]), None, "who is not on it has none");
        assert_eq!(share(false, 0, &[(1, 10)]), Some(1.0), "one that has left used it before");
        assert_eq!(share(true, 1, &[(1, 50), (0, 7), (2, 4_000_000)]), Some(1.0), "what was never filled in");
    }

    #[test]
    fn the_shares_of_trees_side_by_side_are_all_of_it() {
        let utilizations = [(1, 33), (2, 51), (3, 7)];
        let of = |own: u32| {
            let swap = |pid: u32| {
                if pid == own {
                    1
                } else if pid == 1 {
                    own
                } else {
                    pid
                }
            };
            let seen: Vec<_> = utilizations.iter().map(|(pid, utilization)| (swap(*pid), *utilization)).collect();
            share(true, 2, &seen).unwrap_or_default()
        };
        assert!((of(1) + of(2) + of(3) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn without_the_library_a_sentence_says_so() {
        let Err(error) = Nvml::builder().lib_path(std::ffi::OsStr::new("libnothing-here.so")).init() else {
            panic!("a library that is not there was loaded")
        };
        assert_eq!(reason(&error), "No NVIDIA GPU is measured: NVIDIA's library (NVML) is not on this machine.");
    }
}
