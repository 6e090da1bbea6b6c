//! How much memory a GPU has of its own. wgpu doesn't say; where it runs on Vulkan, the driver does.
#![expect(unsafe_code, reason = "the driver is asked through Vulkan's own functions; see the comments there")]

use wgpu::Adapter;

/// Bytes of the memory that is local to the device; `None` where the backend doesn't tell.
#[cfg(not(target_vendor = "apple"))]
pub(crate) fn local_bytes(adapter: &Adapter) -> Option<u64> {
    // SAFETY: the adapter is only read, and lives as long as the borrow of `adapter`.
    let vulkan = unsafe { adapter.as_hal::<wgpu::hal::api::Vulkan>() }?;
    let instance = vulkan.shared_instance().raw_instance();
    // SAFETY: the physical device belongs to this instance, which `vulkan` keeps alive; the call
    // only fills a structure that it returns.
    let properties = unsafe { instance.get_physical_device_memory_properties(vulkan.raw_physical_device()) };
    // VK_MEMORY_HEAP_DEVICE_LOCAL_BIT
    const DEVICE_LOCAL: u32 = 1;
    let heaps = properties.memory_heaps.iter().take(properties.memory_heap_count as usize);
    heaps.filter(|heap| heap.flags.as_raw() & DEVICE_LOCAL != 0).map(|heap| heap.size).max()
}

/// Metal's figure is the system's memory, shared with the processor: not the GPU's own.
#[cfg(target_vendor = "apple")]
pub(crate) fn local_bytes(_adapter: &Adapter) -> Option<u64> {
    None
}
