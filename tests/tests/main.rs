//! Journeys: whole roads through the real programs, as a person takes them; and behind them the ports'
//! behaviour, run against their real counterparts.

mod answering;
mod asking_clicks;
mod breaking;
mod cancelling_clicks;
mod clicks;
mod cluster_clicks;
mod compare_clicks;
mod counterparts;
mod deploying;
mod dialogs;
#[cfg(target_os = "linux")]
mod disks;
mod drawing_clicks;
mod dropping;
mod experiments_clicks;
mod growing_clicks;
mod keeping_clicks;
mod keyboard_clicks;
mod losing;
mod media_clicks;
mod mlflow;
mod newcomer_clicks;
mod notifying;
mod pages;
mod pushing;
mod registered_clicks;
mod road;
mod runs_clicks;
mod search_clicks;
mod skipping;
mod starting;
mod stopping;
mod table_clicks;
mod target;
mod tracking_clicks;
mod training_clicks;
mod tray;
mod undo_clicks;
mod views_clicks;
mod watching;
mod watching_clicks;
