//! NVIDIA's GPUs, by the library that comes with the driver.

use std::{collections::HashSet, time::Duration};

use nvml_wrapper::{
    Device, Nvml, enum_wrappers::device::TemperatureSensor, enums::device::UsedGpuMemory, error::NvmlError,
};
use sysinfo::Pid;

use crate::{ENERGY_JOULES, MEGABYTE, Sample};

pub(crate) struct Gpus {
    nvml: Nvml,
    energy: Vec<Energy>,
    /// Of the GPUs that the process tree was on, while it was.
    own_joules: Option<f64>,
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
        Ok(Self { nvml, energy: vec![Energy::default(); count as usize], own_joules: None })
    }

    /// "NVIDIA H200, NVIDIA H200".
    pub(crate) fn names(&self) -> String {
        let name = |index: usize| {
            let device = u32::try_from(index).ok().and_then(|at| self.nvml.device_by_index(at).ok());
            device.and_then(|device| device.name().ok()).unwrap_or_else(|| format!("GPU {index}"))
        };
        (0..self.energy.len()).map(name).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn look(&mut self, members: &HashSet<Pid>, elapsed: Option<Duration>) -> Vec<Sample> {
        let mut samples = Vec::new();
        for (index, energy) in self.energy.iter_mut().enumerate() {
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
            let own = own_memory(&device, members);
            if let Some(bytes) = own {
                add("process_memory_megabytes", bytes as f64 / MEGABYTE);
            }
            let used = energy.add(device.total_energy_consumption().ok(), watts, elapsed);
            if let Some(used) = used {
                add("energy_joules", energy.joules);
                if own.is_some() {
                    *self.own_joules.get_or_insert_default() += used;
                }
            }
        }
        samples.extend(self.own_joules.map(|joules| (ENERGY_JOULES.to_owned(), joules)));
        samples
    }
}

/// The memory that the tree's processes have on a GPU; none where the driver knows of none of them, as it does in a
/// container with pids of its own.
fn own_memory(device: &Device<'_>, members: &HashSet<Pid>) -> Option<u64> {
    let processes = device.running_compute_processes().ok()?;
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

    #[test]
    fn without_the_library_a_sentence_says_so() {
        let Err(error) = Nvml::builder().lib_path(std::ffi::OsStr::new("libnothing-here.so")).init() else {
            panic!("a library that is not there was loaded")
        };
        assert_eq!(reason(&error), "No NVIDIA GPU is measured: NVIDIA's library (NVML) is not on this machine.");
    }
}
