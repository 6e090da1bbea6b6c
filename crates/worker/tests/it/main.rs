//! The worker as the host sees it: a process, a folder, and what it leaves there.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails there")]

mod accuracy;
mod checkpoints;
mod failures;
mod kinds;
mod memory;
mod probe;
mod resume;
mod runs;
mod usage;
mod wgpu;
