//! This machine: processor, memory, disk, GPUs, and which builds of the worker start on it.
//!
//! The host never loads a GPU driver: `slipway-worker --probe` does, in a process of its own, and
//! its answer is kept until the program changes or a person asks again.

use std::{path::Path, process::Stdio, time::Duration};

use api::{
    ApiError, ErrorCode,
    config::{DataKind, ModelChoice},
    event::Tag,
    host::{GetHardware, Hardware, NamedDevice, WorkerInfo},
    worker::{Device, Gpu, Probe, ProbeDevice},
};
use serde::{Deserialize, Serialize};
use sysinfo::{Disks, System};

use crate::{Engine, WorkerProgram, error};

/// A driver that hangs must not hang the page.
const PATIENCE: Duration = Duration::from_secs(20);
const SETTING: &str = "probes";

/// Cells (rows × columns) from which a GPU gains over its transfers; below, `auto` stays on the CPU.
const GAINS_FROM_CELLS: u64 = 5_000_000;

/// What one build of the worker answered, and of which file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Probed {
    backend: String,
    path: String,
    /// Length and time of the program: another build is probed anew.
    stamp: (u64, i64),
    /// Why it does not start.
    outcome: Result<Probe, String>,
}

pub async fn get(engine: &Engine, request: GetHardware) -> anyhow::Result<Hardware> {
    let probes = probes(engine, request.probe).await?;
    let folder = engine.workspace().folder().to_owned();
    let measured = tokio::task::spawn_blocking(move || measure(&folder)).await?;
    let mut gpus: Vec<Gpu> = Vec::new();
    for probe in probes.iter().filter_map(|probed| probed.outcome.as_ref().ok()) {
        gpus.extend(probe.gpus.iter().filter(|gpu| !gpus.contains(gpu)).cloned().collect::<Vec<_>>());
    }
    let workers = probes.iter().map(info).collect::<Vec<_>>();
    Ok(Hardware { gpus, workers, auto: told(&probes), devices: named(&probes), ..measured })
}

/// What [`choose`] says to each device, before anybody names it.
fn named(probes: &[Probed]) -> Vec<NamedDevice> {
    let refused = |device, trees| choose(probes, device, trees, 0).err().map(|failure| error::told(&failure).message);
    let is_software = |wanted| {
        let mut offers = probes.iter().flat_map(devices).filter(|one| one.device == wanted).peekable();
        offers.peek().is_some() && offers.all(|one| one.software)
    };
    [Device::Cpu, Device::Cuda, Device::Metal, Device::Wgpu]
        .map(|device| NamedDevice {
            device,
            trees: refused(device, true),
            networks: refused(device, false),
            software: is_software(device),
        })
        .into()
}

/// The device of a run, settled before its plan is written: a resume uses the same.
///
/// Errs where a person named a device that no worker can use, with the worker's own reason.
pub async fn settle(
    engine: &Engine,
    wanted: Device,
    model: ModelChoice,
    kind: DataKind,
    cells: u64,
) -> anyhow::Result<(Device, WorkerProgram)> {
    let probes = probes(engine, false).await?;
    let trees = model == ModelChoice::Trees || (model == ModelChoice::Default && kind == DataKind::Table);
    choose(&probes, wanted, trees, cells)
}

/// The device, and the worker that has it.
fn choose(probes: &[Probed], wanted: Device, trees: bool, cells: u64) -> anyhow::Result<(Device, WorkerProgram)> {
    let large = cells >= GAINS_FROM_CELLS;
    let (device, probed) = match wanted {
        Device::Auto => match best_gpu(probes, trees).filter(|_| large) {
            Some((probed, gpu)) => (gpu.device, Some(probed)),
            None => (Device::Cpu, with_device(probes, Device::Cpu)),
        },
        named if !can_train(named, trees) => anyhow::bail!(unfit(named)),
        named => (named, with_device(probes, named)),
    };
    match probed {
        Some(probed) => {
            Ok((device, WorkerProgram { backend: probed.backend.clone(), path: probed.path.clone().into() }))
        }
        None => anyhow::bail!(cannot(device, probes)),
    }
}

/// Trees have kernels for wgpu, networks for CUDA and Metal.
const fn can_train(device: Device, trees: bool) -> bool {
    match device {
        Device::Auto | Device::Cpu => true,
        Device::Wgpu => trees,
        Device::Cuda | Device::Metal => !trees,
    }
}

fn unfit(device: Device) -> ApiError {
    if device == Device::Wgpu {
        ApiError::invalid("The device wgpu trains trees only.")
            .with_hint("Take `cpu`, `cuda` or `metal` for this model, or `model = \"trees\"`.")
    } else {
        ApiError::invalid(format!("The device {} doesn't train trees.", device.word()))
            .with_hint("Take `cpu` or `wgpu` for trees, or another model.")
    }
}

fn with_device(probes: &[Probed], device: Device) -> Option<&Probed> {
    probes.iter().find(|probed| devices(probed).iter().any(|one| one.device == device))
}

fn devices(probed: &Probed) -> &[ProbeDevice] {
    probed.outcome.as_ref().map_or(&[], |probe| &probe.devices)
}

fn cannot(device: Device, probes: &[Probed]) -> ApiError {
    let reasons: Vec<String> = probes
        .iter()
        .filter_map(|probed| probed.outcome.as_ref().err().map(|reason| format!("{}: {reason}", probed.backend)))
        .collect();
    let why = match (probes.is_empty(), reasons.is_empty()) {
        (true, _) => "there is no worker program beside this one".to_owned(),
        (false, true) => "no worker offers it on this machine".to_owned(),
        (false, false) => reasons.join("; "),
    };
    ApiError::new(ErrorCode::Unsupported, format!("Nothing here can train on {}: {why}.", device.word())).with_hint(
        "Hardware lists what each worker can use and how to mend it; `device = \"auto\"` takes what is there.",
    )
}

/// The best device for a kind of model that is no software adapter, and the worker that has it. Each
/// kind has its own: one that is best for networks must not keep trees from theirs.
fn best_gpu(probes: &[Probed], trees: bool) -> Option<(&Probed, &ProbeDevice)> {
    let all = probes.iter().flat_map(|probed| devices(probed).iter().map(move |device| (probed, device)));
    all.filter(|(_, one)| one.device != Device::Cpu && !one.software && can_train(one.device, trees))
        .min_by_key(|(_, one)| one.device != Device::Cuda)
}

/// What `auto` takes, as a sentence for people.
fn told(probes: &[Probed]) -> String {
    let named = |trees| best_gpu(probes, trees).map(|(_, gpu)| format!("{} ({})", gpu.name, gpu.device.word()));
    match (named(true), named(false)) {
        (Some(trees), Some(networks)) => format!(
            "Large trainings of trees take {trees}, large ones of networks and linear models {networks}, small ones the CPU."
        ),
        (Some(trees), None) => {
            format!("Large trainings of trees take {trees}, small ones, networks and linear models the CPU.")
        }
        (None, Some(networks)) => {
            format!("Large trainings of networks and linear models take {networks}, small ones and trees the CPU.")
        }
        (None, None) => "Every training takes the CPU: no worker found a GPU that it can train on.".to_owned(),
    }
}

async fn probes(engine: &Engine, again: bool) -> anyhow::Result<Vec<Probed>> {
    let known: Vec<Probed> =
        engine.store().read(|connection| store::setting::get(connection, SETTING)).await?.unwrap_or_default();
    let mut probes = Vec::new();
    let mut fresh = false;
    for program in &engine.options().workers {
        let stamp = stamp(&program.path);
        let same = |probed: &&Probed| probed.path == program.path.to_string_lossy() && Some(probed.stamp) == stamp;
        match known.iter().find(same).filter(|_| !again) {
            Some(probed) => probes.push(probed.clone()),
            None => {
                fresh = true;
                probes.push(Probed {
                    backend: program.backend.clone(),
                    path: program.path.to_string_lossy().into_owned(),
                    stamp: stamp.unwrap_or_default(),
                    outcome: probe(&program.path).await,
                });
            }
        }
    }
    if fresh {
        let written = probes.clone();
        engine.store().write(move |tx| store::setting::put(tx, SETTING, &written)).await?;
        engine.changed(Tag::Hardware);
    }
    Ok(probes)
}

fn stamp(path: &Path) -> Option<(u64, i64)> {
    let metadata = std::fs::metadata(path).ok()?;
    let modified = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some((metadata.len(), modified.as_millis() as i64))
}

/// Asks one build what it can use; a sentence says why it doesn't start.
pub async fn probe(path: &Path) -> Result<Probe, String> {
    let mut command = tokio::process::Command::new(path);
    command.arg("--probe").stdin(Stdio::null()).kill_on_drop(true);
    let output = match tokio::time::timeout(PATIENCE, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(format!("{} is not there", path.display()));
        }
        Ok(Err(error)) => return Err(format!("{} can't be started: {error}", path.display())),
        Err(_) => return Err(format!("it did not answer within {} s; a graphics driver may hang", PATIENCE.as_secs())),
    };
    if output.status.success() {
        return serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("its answer to --probe can't be read ({error}); is it of another version?"));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim().to_owned();
    // The dynamic loader ends a program with 127 before its first line where a library is missing.
    Err(match output.status.code() {
        Some(127) => format!("a library that it is linked with is missing: {last}"),
        Some(code) => format!("it ended with {code}: {last}"),
        None => format!("it was ended by a signal: {last}"),
    })
}

fn info(probed: &Probed) -> WorkerInfo {
    let (devices, reason) = match &probed.outcome {
        Ok(probe) => (probe.devices.iter().map(|device| device.device).collect(), None),
        Err(reason) => (Vec::new(), Some(reason.clone())),
    };
    let mend = reason.as_ref().and_then(|reason| mend(&probed.backend, reason));
    WorkerInfo {
        backend: probed.backend.clone(),
        path: Some(probed.path.clone()),
        starts: reason.is_none(),
        devices,
        reason,
        mend,
    }
}

/// The command that mends it, where we know one.
fn mend(backend: &str, reason: &str) -> Option<String> {
    match backend {
        "cuda" if reason.contains("libcuda.so") => Some("sudo apt-get install nvidia-driver".to_owned()),
        "cuda" if reason.contains("library") => {
            Some("pip install \"cuda-toolkit[cudart,cublas,curand,nvrtc]==13.2.2\" # then put its lib folder on LD_LIBRARY_PATH".to_owned())
        }
        _ if reason.contains("is not there") => Some("cargo xtask build".to_owned()),
        _ => None,
    }
}

fn measure(folder: &Path) -> Hardware {
    let mut system = System::new();
    system.refresh_memory();
    system.refresh_cpu_usage();
    // A load needs two readings; the system's own average over a minute needs none.
    let cores = system.cpus().len().max(1);
    let load = System::load_average().one / cores as f64;
    let disks = Disks::new_with_refreshed_list();
    let disk = disks
        .iter()
        .filter(|disk| folder.starts_with(disk.mount_point()))
        .max_by_key(|disk| disk.mount_point().as_os_str().len());
    Hardware {
        cpu: system
            .cpus()
            .first()
            .map_or_else(|| std::env::consts::ARCH.to_owned(), |cpu| cpu.brand().trim().to_owned()),
        cores: cores as u32,
        cpu_load: load.min(1.0),
        memory_bytes: system.total_memory(),
        memory_used_bytes: system.used_memory(),
        disk_bytes: disk.map_or(0, sysinfo::Disk::total_space),
        disk_free_bytes: disk.map_or(0, sysinfo::Disk::available_space),
        gpus: Vec::new(),
        workers: Vec::new(),
        auto: String::new(),
        devices: Vec::new(),
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, reason = "a test that can't go on fails there")]
mod tests {
    use super::*;

    fn program(folder: &Path, script: &str) -> std::path::PathBuf {
        use std::os::unix::fs::PermissionsExt as _;
        let path = folder.join("worker");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[tokio::test]
    async fn a_worker_that_does_not_start_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let missing =
            "echo 'error while loading shared libraries: libcuda.so.1: cannot open shared object file' >&2; exit 127";
        let reason = probe(&program(folder.path(), missing)).await.unwrap_err();
        assert!(reason.contains("libcuda.so.1") && reason.contains("missing"), "{reason}");
        assert_eq!(mend("cuda", &reason).as_deref(), Some("sudo apt-get install nvidia-driver"));
        let reason = probe(&program(folder.path(), "echo nonsense")).await.unwrap_err();
        assert!(reason.contains("can't be read"), "{reason}");
        let reason = probe(&folder.path().join("nothing")).await.unwrap_err();
        assert!(reason.contains("is not there"), "{reason}");
    }

    fn device(device: Device, name: &str, software: bool) -> ProbeDevice {
        ProbeDevice { device, name: name.to_owned(), software }
    }

    /// A worker with the CPU and these.
    fn worker(backend: &str, mut devices: Vec<ProbeDevice>) -> Probed {
        devices.insert(0, device(Device::Cpu, "processor", false));
        Probed {
            backend: backend.to_owned(),
            path: backend.to_owned(),
            stamp: (0, 0),
            outcome: Ok(Probe { protocol: 1, backend: backend.to_owned(), devices, gpus: Vec::new() }),
        }
    }

    /// What `auto` takes for large trees and large networks, with the worker's name.
    fn auto(probes: &[Probed]) -> [(Device, String); 2] {
        [true, false].map(|trees| {
            let (device, program) = choose(probes, Device::Auto, trees, GAINS_FROM_CELLS).unwrap();
            let small = choose(probes, Device::Auto, trees, GAINS_FROM_CELLS - 1).unwrap();
            assert_eq!(small.0, Device::Cpu, "a small training stays on the CPU");
            (device, program.backend)
        })
    }

    #[test]
    fn each_kind_of_model_gets_the_best_device_that_it_can_use() {
        let cpu = || worker("cpu", vec![device(Device::Wgpu, "Arc", false)]);
        let cuda = || worker("cuda", vec![device(Device::Wgpu, "RTX", false), device(Device::Cuda, "RTX", false)]);
        let metal = || worker("metal", vec![device(Device::Metal, "M5", false)]);
        let takes = |device, backend: &str| (device, backend.to_owned());

        assert_eq!(auto(&[cpu(), cuda()]), [takes(Device::Wgpu, "cpu"), takes(Device::Cuda, "cuda")]);
        assert_eq!(
            told(&[cpu(), cuda()]),
            "Large trainings of trees take Arc (wgpu), large ones of networks and linear models RTX (cuda), small ones the CPU."
        );
        assert_eq!(auto(&[cpu()]), [takes(Device::Wgpu, "cpu"), takes(Device::Cpu, "cpu")]);
        assert_eq!(
            told(&[cpu()]),
            "Large trainings of trees take Arc (wgpu), small ones, networks and linear models the CPU."
        );
        assert_eq!(auto(&[metal()]), [takes(Device::Cpu, "metal"), takes(Device::Metal, "metal")]);
        assert_eq!(
            told(&[metal()]),
            "Large trainings of networks and linear models take M5 (metal), small ones and trees the CPU."
        );
    }

    #[test]
    fn auto_never_takes_a_software_adapter() {
        let soft = worker("soft", vec![device(Device::Wgpu, "llvmpipe", true)]);
        let alone = std::slice::from_ref(&soft);
        assert_eq!(auto(alone).map(|(device, _)| device), [Device::Cpu, Device::Cpu]);
        assert!(told(alone).starts_with("Every training takes the CPU"));
        let in_software = |workers: &[Probed]| {
            named(workers).into_iter().filter(|one| one.software).map(|one| one.device).collect::<Vec<_>>()
        };
        assert_eq!(in_software(alone), [Device::Wgpu], "who names it is told");
        // A real one of another worker is taken there, not where the software has its name.
        let hard = worker("hard", vec![device(Device::Wgpu, "Arc", false)]);
        let both = [soft, hard];
        assert_eq!(auto(&both)[0], (Device::Wgpu, "hard".to_owned()));
        assert!(in_software(&both).is_empty());
    }

    #[test]
    fn a_named_device_that_the_model_cannot_use_is_refused() {
        let workers = [worker("cuda", vec![device(Device::Cuda, "RTX", false), device(Device::Wgpu, "RTX", false)])];
        let refused = |named, trees| choose(&workers, named, trees, 0).unwrap_err().to_string();
        assert!(refused(Device::Cuda, true).contains("doesn't train trees"));
        assert!(refused(Device::Wgpu, false).contains("trains trees only"));
        assert!(refused(Device::Metal, false).contains("no worker offers it"));
        assert_eq!(choose(&workers, Device::Cuda, false, 0).unwrap().0, Device::Cuda);
        let open = named(&workers).into_iter().map(|one| (one.device, one.trees.is_none(), one.networks.is_none()));
        assert_eq!(
            open.collect::<Vec<_>>(),
            [
                (Device::Cpu, true, true),
                (Device::Cuda, false, true),
                (Device::Metal, false, false),
                (Device::Wgpu, true, false),
            ]
        );
    }
}
