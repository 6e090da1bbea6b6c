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

/// The colour of a run's state.
pub(crate) const fn run_tone(state: RunState) -> &'static str {
    match state {
        RunState::Queued => "",
        RunState::Running => "accent",
        RunState::Stopped => "warn",
        RunState::Finished => "good",
        RunState::Failed | RunState::Killed => "bad",
    }
}

/// The word of a run's state; what runs and is no training is not called one.
pub(crate) const fn run_word(state: RunState, kind: RunKind) -> &'static str {
    match (state, kind) {
        (RunState::Queued, _) => "queued",
        (RunState::Running, RunKind::Training) => "training",
        (RunState::Running, _) => "running",
        (RunState::Stopped, _) => "stopped",
        (RunState::Finished, _) => "finished",
        (RunState::Failed, _) => "failed",
        (RunState::Killed, _) => "killed",
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
pub(crate) fn RunChip(#[prop(into)] state: Signal<RunState>, kind: RunKind) -> impl IntoView {
    let text = Signal::derive(move || run_word(state.get(), kind).to_owned());
    let tone = Signal::derive(move || run_tone(state.get()).to_owned());
    view! { <Chip dot=true text tone /> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_training_is_said_to_train() {
        assert_eq!(run_word(RunState::Running, RunKind::Training), "training");
        assert_eq!(run_word(RunState::Running, RunKind::Client), "running");
        assert_eq!(run_word(RunState::Running, RunKind::Command), "running");
        assert_eq!(run_word(RunState::Finished, RunKind::Training), "finished");
    }
}
