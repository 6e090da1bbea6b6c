//! External systems, one file each, implementing the engine's ports.
//!
//! What only one product does stays in its file; the engine sees the traits of `engine::ports`.

mod digest;
pub mod docker_config;
pub mod http;
pub mod kubernetes;
pub mod oci;
pub mod outside;
mod programs;
pub mod secrets;
pub mod this_machine;
