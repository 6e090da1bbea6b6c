//! What this build can train on, on this machine: the answer to `--probe`.

use api::worker::{Device, Probe, ProbeDevice};

pub(crate) fn print() -> anyhow::Result<()> {
    let probe = probe();
    #[expect(clippy::print_stdout, reason = "the host reads the answer from here")]
    {
        println!("{}", serde_json::to_string_pretty(&probe)?);
    }
    Ok(())
}

fn probe() -> Probe {
    let mut devices = vec![ProbeDevice { device: Device::Cpu, name: processor(), software: false }];
    devices.extend(tensor_device());
    devices.extend(wgpu_device());
    Probe { protocol: api::PROTOCOL, backend: backend().to_owned(), devices, gpus: gpu::inventory() }
}

fn backend() -> &'static str {
    if cfg!(feature = "cuda") {
        "cuda"
    } else if cfg!(feature = "metal") {
        "metal"
    } else {
        "cpu"
    }
}

fn processor() -> String {
    let mut system = sysinfo::System::new();
    system.refresh_cpu_all();
    let brand = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()).unwrap_or_default();
    if brand.is_empty() { std::env::consts::ARCH.to_owned() } else { brand }
}

/// The device that this build's networks can use beside the CPU, if it starts now.
fn tensor_device() -> Option<ProbeDevice> {
    let device = match backend() {
        "cuda" => Device::Cuda,
        "metal" => Device::Metal,
        _ => return None,
    };
    learn::layers::device(device).ok().map(|_| ProbeDevice { device, name: backend().to_uppercase(), software: false })
}

/// The adapter that trees would be trained on. One without a driver is no device.
fn wgpu_device() -> Option<ProbeDevice> {
    let adapter = learn::tree_training::wgpu_adapter()?;
    Some(ProbeDevice { device: Device::Wgpu, name: adapter.name, software: adapter.software })
}
