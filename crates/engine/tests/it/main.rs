//! The engine through its calls, as the window and the command line make them.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod announcing;
mod artifact_places;
mod bands;
mod clients;
mod code_diff;
mod collecting;
mod commands;
mod copying;
mod data;
mod deploying;
mod elsewhere;
mod experiments;
mod exporting;
mod interrupted;
mod logged;
mod measured;
mod media;
mod opening;
mod own_runs;
mod place;
mod project_file;
mod projects;
mod proposing;
mod queue;
mod referenced;
mod registered;
mod registry;
mod restoring;
mod run_table;
mod searching;
mod secrets;
#[path = "../../../../tests/src/skipped.rs"]
#[allow(unreachable_pub, dead_code, reason = "the journeys' own, of which a suite takes what it needs")]
mod skipped;
mod sources;
mod sources_anew;
#[cfg(unix)]
mod sources_begun;
mod sources_followed;
mod sources_gathered;
mod sources_long;
mod sources_models;
mod sources_wandb;
mod spending;
mod stage;
mod tracking;
mod training;
mod undoing;
mod watching;
