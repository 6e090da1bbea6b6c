//! The host's HTTP, asked over a real socket.
#![allow(clippy::unwrap_used, reason = "a test that can't go on fails there")]

mod access;
mod bodies;
mod mlflow;
mod pages;
mod records;
mod running;
mod streams;
mod taking;
mod uploads;
