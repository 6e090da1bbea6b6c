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

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(name: &str, vendor: u32, device_type: DeviceType) -> AdapterInfo {
        AdapterInfo {
            name: name.to_owned(),
            vendor,
            driver: "Driver ".to_owned(),
            driver_info: " 1.2".to_owned(),
            ..AdapterInfo::new(device_type, Backend::Vulkan)
        }
    }

    #[test]
    fn a_driver_that_calls_software_a_gpu_is_not_believed() {
        for name in ["llvmpipe (LLVM 19, 256 bits)", "SwiftShader Device", "Microsoft Basic Render Driver"] {
            let gpu = describe(&adapter(name, 0x10005, DeviceType::VirtualGpu), Some(16 << 30));
            assert_eq!((gpu.kind.as_str(), gpu.memory_bytes), ("software", None), "{name}");
        }
        let cpu = describe(&adapter("Anything", 0x8086, DeviceType::Cpu), Some(1));
        assert_eq!((cpu.kind.as_str(), cpu.memory_bytes), ("software", None));
    }

    #[test]
    fn a_gpu_has_its_vendor_driver_and_memory() {
        let gpu = describe(&adapter(" NVIDIA H200 ", 0x10de, DeviceType::DiscreteGpu), Some(139 << 30));
        assert_eq!((gpu.name.as_str(), gpu.vendor.as_str(), gpu.kind.as_str()), ("NVIDIA H200", "NVIDIA", "discrete"));
        assert_eq!((gpu.driver.as_str(), gpu.backend.as_str()), ("Driver 1.2", "Vulkan"));
        assert_eq!(gpu.memory_bytes, Some(139 << 30));
        assert_eq!(describe(&adapter("New", 0xabcd, DeviceType::Other), None).vendor, "0xabcd");
    }

    #[test]
    fn the_strongest_kind_stands_first() {
        let mut kinds = ["software", "other", "virtual", "integrated", "discrete"];
        kinds.sort_by_key(|kind| rank(kind));
        assert_eq!(kinds, ["discrete", "integrated", "virtual", "other", "software"]);
    }
}
