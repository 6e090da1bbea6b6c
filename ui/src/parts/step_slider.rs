//! Through the steps of something that was logged at some: a slider, and a button that plays them.

use std::time::Duration;

use leptos::prelude::*;

use super::{button::IconButton, icon};

/// How long a step stays while it plays.
const STAYS: Duration = Duration::from_millis(700);

/// Which of its steps is shown.
#[derive(Clone, Copy)]
pub(crate) struct Walk {
    steps: Memo<Vec<i64>>,
    /// Until a step is chosen, the last is shown, also when one comes to it.
    chosen: RwSignal<Option<usize>>,
    at: Memo<usize>,
    pub(crate) step: Memo<Option<i64>>,
    plays: RwSignal<bool>,
}

impl Walk {
    /// `steps` are rising.
    pub(crate) fn new(steps: Memo<Vec<i64>>) -> Self {
        let chosen = RwSignal::new(None::<usize>);
        let at = Memo::new(move |_| {
            let last = steps.with(Vec::len).saturating_sub(1);
            chosen.get().map_or(last, |chosen| chosen.min(last))
        });
        let step = Memo::new(move |_| steps.with(|steps| steps.get(at.get()).copied()));
        let plays = RwSignal::new(false);
        Effect::new(move |_| {
            if !plays.get() {
                return;
            }
            let next = move || {
                let last = steps.with_untracked(Vec::len).saturating_sub(1);
                let now = at.get_untracked();
                if now >= last {
                    plays.set(false);
                } else {
                    chosen.set(Some(now + 1));
                }
            };
            if let Ok(handle) = set_interval_with_handle(next, STAYS) {
                on_cleanup(move || handle.clear());
            }
        });
        Self { steps, chosen, at, step, plays }
    }

    /// Back to the last step: it is about something else now.
    pub(crate) fn forget(self) {
        self.plays.set(false);
        self.chosen.set(None);
    }

    fn play(self) {
        let is_at_end = self.at.get_untracked() + 1 >= self.steps.with_untracked(Vec::len);
        if !self.plays.get_untracked() && is_at_end {
            self.chosen.set(Some(0));
        }
        self.plays.update(|plays| *plays = !*plays);
    }
}

/// Nothing where there is one step only.
#[component]
pub(crate) fn StepSlider(
    walk: Walk,
    /// What it is of.
    #[prop(into)]
    of: Signal<String>,
) -> impl IntoView {
    let has_steps = Memo::new(move |_| walk.steps.with(|steps| steps.len() > 1));
    let slider = move || {
        view! {
            <span class="flex smoothing">
                {move || view! {
                    <IconButton
                        label=if walk.plays.get() { "Pause" } else { "Play" }
                        mark=if walk.plays.get() { icon::SQUARE } else { icon::PLAY }
                        on_press=move |_| walk.play()
                    />
                }}
                <input
                    type="range"
                    min="0"
                    max=move || walk.steps.with(Vec::len).saturating_sub(1)
                    aria-label=move || format!("Step of {}", of.get())
                    aria-valuetext=move || walk.step.get().map(|step| format!("Step {step}"))
                    prop:value=move || walk.at.get().to_string()
                    on:input=move |event| {
                        walk.plays.set(false);
                        walk.chosen.set(event_target_value(&event).parse().ok());
                    }
                />
            </span>
        }
    };
    move || has_steps.get().then(slider)
}
