//! The worker as the host sees it: a process, a folder, and what it leaves there.

mod accuracy;
mod failures;
mod kinds;
mod probe;
mod resume;
mod runs;
mod wgpu;
