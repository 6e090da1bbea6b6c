//! Journeys: whole roads through the real programs, as a person takes them; and behind them the ports'
//! behaviour, run against their real counterparts.

mod answering;
mod clicks;
mod cluster_clicks;
mod counterparts;
mod deploying;
#[cfg(target_os = "linux")]
mod disks;
mod notifying;
mod pages;
mod pushing;
mod road;
mod skipping;
mod starting;
mod stopping;
mod target;
mod watching;
mod watching_clicks;
