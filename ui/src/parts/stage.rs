//! How stations and runs look: icon, colour and word of a state, the same on every page.

use api::{
    project::{Stage, Station, StationState},
    run::{RunKind, RunState},
};
use leptos::prelude::*;

use super::{
    card::Chip,
    icon::{self, Icon},
};

pub(crate) const fn stage_icon(stage: Stage) -> Icon {
    match stage {
        Stage::Data => icon::DATABASE,
        Stage::Train => icon::ACTIVITY,
        Stage::Evaluate => icon::CIRCLE_CHECK,
        Stage::Model => icon::BOX,
        Stage::Deploy => icon::UPLOAD,
        Stage::Watch => icon::EYE,
    }
}

pub(crate) const fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Data => "Data",
        Stage::Train => "Train",
        Stage::Evaluate => "Evaluate",
        Stage::Model => "Model",
        Stage::Deploy => "Deploy",
        Stage::Watch => "Watch",
    }
}

/// The class of a state's colour.
pub(crate) const fn tone(state: StationState) -> &'static str {
    match state {
        StationState::Empty => "faint",
        StationState::Live => "accent",
        StationState::Good => "good",
        StationState::Warn => "warn",
        StationState::Bad => "bad",
    }
}

/// The road in miniature: a stroke a station.
#[component]
pub(crate) fn MiniRoad(road: Vec<Station>) -> impl IntoView {
    let said = road
        .iter()
        .map(|station| format!("{}: {}", stage_name(station.stage), station.figure))
        .collect::<Vec<_>>()
        .join(", ");
    view! {
        <span class="mini" role="img" aria-label=said.clone() title=said>
            {road.into_iter().map(|station| view! { <i class=tone(station.state)></i> }).collect_view()}
        </span>
    }
}

/// The colour and the word of a run's state.
pub(crate) const fn run_state(state: RunState) -> (&'static str, &'static str) {
    match state {
        RunState::Queued => ("", "queued"),
        RunState::Running => ("accent", "training"),
        RunState::Stopped => ("warn", "stopped"),
        RunState::Finished => ("good", "finished"),
        RunState::Failed => ("bad", "failed"),
        RunState::Killed => ("bad", "killed"),
    }
}

/// Who wrote a run down, where it is not Slipway.
pub(crate) const fn run_kind(kind: RunKind) -> Option<&'static str> {
    match kind {
        RunKind::Training | RunKind::Command => None,
        RunKind::Client => Some("logged by a client"),
        RunKind::Imported => Some("imported"),
        RunKind::Search => Some("a search"),
    }
}

#[component]
pub(crate) fn RunChip(
    #[prop(into)] state: Signal<RunState>,
    /// What else runs is not called a training.
    #[prop(default = true)]
    is_training: bool,
) -> impl IntoView {
    let word = move |state| if !is_training && state == RunState::Running { "running" } else { run_state(state).1 };
    view! { <Chip dot=true text=Signal::derive(move || word(state.get()).to_owned()) tone=Signal::derive(move || run_state(state.get()).0.to_owned()) /> }
}
