//! Journeys: whole roads through the real programs, as a person takes them.

mod clicks;
mod counterparts;
mod pages;
mod road;
