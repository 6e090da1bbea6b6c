//! The inventory runs everywhere, with and without a driver.

use gpu::{inventory, inventory_of};
use wgpu::Backends;

#[test]
fn every_adapter_is_named_and_of_a_known_kind() {
    let gpus = inventory();
    println!("{gpus:#?}");
    for gpu in &gpus {
        assert!(!gpu.name.is_empty() && !gpu.vendor.is_empty(), "{gpu:?}");
        assert!(["Vulkan", "Metal", "DX12"].contains(&gpu.backend.as_str()), "{gpu:?}");
        assert!(["discrete", "integrated", "virtual", "software", "other"].contains(&gpu.kind.as_str()), "{gpu:?}");
        // A software adapter has no memory of its own, and is always called what it is.
        if gpu.name.to_lowercase().contains("llvmpipe") {
            assert_eq!((gpu.kind.as_str(), gpu.memory_bytes), ("software", None), "{gpu:?}");
        }
    }
    let first_software = gpus.iter().position(|gpu| gpu.kind == "software").unwrap_or(gpus.len());
    assert!(gpus[first_software..].iter().all(|gpu| gpu.kind == "software"), "software adapters come last");
}

#[test]
fn a_machine_without_any_adapter_has_an_empty_list() {
    // What wgpu finds where no driver is: no backend to ask.
    assert!(inventory_of(Backends::empty()).is_empty());
}
