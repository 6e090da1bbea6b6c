//! Which GPUs this machine has, asked of the drivers through wgpu.
//!
//! Runs in `slipway-worker --probe` only: a driver that crashes then takes a probe with it, never
//! the host. It knows nothing of training, files and the network.

mod memory;

use std::panic::{AssertUnwindSafe, catch_unwind};

use api::worker::Gpu;
use wgpu::{AdapterInfo, Backend, Backends, DeviceType, Instance, InstanceDescriptor};

/// Every adapter that a driver of this machine offers, once for each backend; software adapters
/// (lavapipe, WARP) have the kind "software". Empty where there is no driver at all.
pub fn inventory() -> Vec<Gpu> {
    inventory_of(Backends::VULKAN | Backends::METAL | Backends::DX12)
}

/// The same for some backends only.
pub fn inventory_of(backends: Backends) -> Vec<Gpu> {
    // A broken driver makes wgpu panic on some machines; to the list it is no GPU.
    catch_unwind(AssertUnwindSafe(|| ask(backends))).unwrap_or_default()
}

fn ask(backends: Backends) -> Vec<Gpu> {
    let mut descriptor = InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    let instance = Instance::new(descriptor);
    let adapters = pollster::block_on(instance.enumerate_adapters(backends));
    let mut gpus: Vec<Gpu> =
        adapters.iter().map(|adapter| describe(&adapter.get_info(), memory::local_bytes(adapter))).collect();
    gpus.sort_by_key(|gpu| rank(&gpu.kind));
    gpus
}

/// Real ones first, the strongest kind before the others.
fn rank(kind: &str) -> u8 {
    match kind {
        "discrete" => 0,
        "integrated" => 1,
        "virtual" => 2,
        "software" => 4,
        _ => 3,
    }
}

fn describe(info: &AdapterInfo, memory_bytes: Option<u64>) -> Gpu {
    let kind = kind(info);
    Gpu {
        name: info.name.trim().to_owned(),
        vendor: vendor(info.vendor).map_or_else(|| format!("0x{:04x}", info.vendor), str::to_owned),
        driver: [info.driver.trim(), info.driver_info.trim()].join(" ").trim().to_owned(),
        backend: backend(info.backend).to_owned(),
        kind: kind.to_owned(),
        // What a software adapter calls its memory is the machine's.
        memory_bytes: memory_bytes.filter(|_| kind != "software"),
    }
}

fn kind(info: &AdapterInfo) -> &'static str {
    // Some software drivers call themselves something else than a CPU.
    let name = info.name.to_lowercase();
    if ["llvmpipe", "lavapipe", "swiftshader", "basic render driver"].iter().any(|software| name.contains(software)) {
        return "software";
    }
    match info.device_type {
        DeviceType::DiscreteGpu => "discrete",
        DeviceType::IntegratedGpu => "integrated",
        DeviceType::VirtualGpu => "virtual",
        DeviceType::Cpu => "software",
        DeviceType::Other => "other",
    }
}

const fn backend(backend: Backend) -> &'static str {
    match backend {
        Backend::Vulkan => "Vulkan",
        Backend::Metal => "Metal",
        Backend::Dx12 => "DX12",
        Backend::Gl => "OpenGL",
        Backend::BrowserWebGpu => "WebGPU",
        Backend::Noop => "none",
    }
}

/// PCI vendor ids, and Mesa's of Khronos.
const fn vendor(id: u32) -> Option<&'static str> {
    Some(match id {
        0x10de => "NVIDIA",
        0x1002 | 0x1022 => "AMD",
        0x8086 => "Intel",
        0x106b => "Apple",
        0x5143 => "Qualcomm",
        0x13b5 => "ARM",
        0x1010 => "Imagination",
        0x1414 => "Microsoft",
        0x1af4 => "Red Hat (virtio)",
        0x15ad => "VMware",
        0x10005 => "Mesa",
        _ => return None,
    })
}
