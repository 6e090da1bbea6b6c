//! Journeys: whole roads through the real programs, as a person takes them.

mod counterparts;
mod road;
