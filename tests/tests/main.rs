//! Journeys: whole roads through the real programs, as a person takes them; and behind them the ports'
//! behaviour, run against their real counterparts.

mod answering;
mod clicks;
mod cluster_clicks;
mod counterparts;
mod deploying;
mod dialogs;
#[cfg(target_os = "linux")]
mod disks;
mod dropping;
mod notifying;
mod pages;
mod pushing;
mod road;
mod skipping;
mod starting;
mod stopping;
mod target;
mod tray;
mod watching;
mod watching_clicks;
