//! How much memory this process has resident.

use std::sync::Mutex;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Measures this process again and again without allocating anew.
pub(crate) struct Memory {
    system: Mutex<System>,
    process: Pid,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self { system: Mutex::new(System::new()), process: Pid::from_u32(std::process::id()) }
    }

    /// All memory of this machine, or of the container that this process is in.
    pub(crate) fn of_machine() -> Option<u64> {
        let mut system = System::new();
        system.refresh_memory();
        let limit = system.cgroup_limits().map(|limits| limits.total_memory);
        Some(limit.map_or(system.total_memory(), |limit| limit.min(system.total_memory()))).filter(|bytes| *bytes > 0)
    }

    pub(crate) fn resident_bytes(&self) -> Option<u64> {
        let mut system = self.system.lock().ok()?;
        let wanted = ProcessRefreshKind::nothing().with_memory();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[self.process]), false, wanted);
        system.process(self.process).map(sysinfo::Process::memory)
    }
}
