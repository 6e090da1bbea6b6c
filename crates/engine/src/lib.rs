//! The lifecycle, one module a stage; jobs, events, ports, dispatch.

pub mod ports;
