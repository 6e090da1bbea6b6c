//! Finds or starts the host, and speaks to it: typed calls, events, uploads, downloads, series.
//!
//! This room knows the files by which a host is found and the wire it speaks; it knows nothing of
//! the engine. The one process-wide choice that it needs, the rustls provider, is installed by the
//! program's `main`.

pub mod call;
pub mod download;
pub mod events;
pub mod find;
pub mod host_file;
pub mod lock;
pub mod start;
pub mod upload;
pub mod workspace;
