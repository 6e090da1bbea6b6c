//! The counterparts that journeys run against, all real: the host's own program, an OCI registry
//! with TLS and a password, a Kubernetes control plane with pods, a browser, the window.
//!
//! Each is started by the test that needs it, on loopback, in a temporary folder, and ended with
//! it. A counterpart that is missing is said in one line, and the test counts as skipped ([`skipped`]).

pub mod addresses;
pub mod browser;
pub mod bus;
pub mod cluster;
pub mod desk;
pub mod desktop;
pub mod display;
pub mod host;
pub mod meddler;
pub mod process;
pub mod registry;
pub mod road;
pub mod screen;
pub mod scripted;
pub mod skipped;
pub mod stage;
pub mod tracked;
