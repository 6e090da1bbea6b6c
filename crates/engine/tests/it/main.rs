//! The engine through its calls, as the window and the command line make them.

mod commands;
mod data;
mod opening;
mod project_file;
mod projects;
mod queue;
mod stage;
mod training;
