//! Kubernetes as a target, by `kube`.

mod access;
mod reasons;

pub use access::{Places, contexts};
