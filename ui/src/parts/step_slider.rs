//! Through the steps of something that was logged at some: a slider, a button that plays them, and a field that goes to one.

use std::time::Duration;

use api::{
    id::RunId,
    media::{GetNearestStep, nearest},
};
use leptos::{prelude::*, task::spawn_local};

use super::{button::IconButton, field::TextField, icon};
use crate::client::Client;

/// How long a step stays while it plays.
const STAYS: Duration = Duration::from_millis(700);

/// Which of its steps is shown.
#[derive(Clone, Copy)]
pub(crate) struct Walk {
    steps: Memo<Vec<i64>>,
    /// Until a step is chosen, the last is shown, also when one comes to it.
    chosen: RwSignal<Option<usize>>,
    /// The step that was typed, and the nearest that there is once it is known: it need not be among the slider's.
    sought: RwSignal<Option<(i64, Option<i64>)>>,
    at: Memo<usize>,
    pub(crate) step: Memo<Option<i64>>,
    plays: RwSignal<bool>,
}

impl Walk {
    /// `steps` are rising.
    pub(crate) fn new(steps: Memo<Vec<i64>>) -> Self {
        let chosen = RwSignal::new(None::<usize>);
        let sought = RwSignal::new(None::<(i64, Option<i64>)>);
        let at = Memo::new(move |_| {
            let last = steps.with(Vec::len).saturating_sub(1);
            chosen.get().map_or(last, |chosen| chosen.min(last))
        });
        let step = Memo::new(move |_| {
            let found = sought.get().and_then(|(_, found)| found);
            found.or_else(|| steps.with(|steps| steps.get(at.get()).copied()))
        });
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
                    sought.set(None);
                    chosen.set(Some(now + 1));
                }
            };
            if let Ok(handle) = set_interval_with_handle(next, STAYS) {
                on_cleanup(move || handle.clear());
            }
        });
        Self { steps, chosen, sought, at, step, plays }
    }

    /// Back to the last step: it is about something else now.
    pub(crate) fn forget(self) {
        self.choose(None);
    }

    fn choose(self, at: Option<usize>) {
        self.plays.set(false);
        self.sought.set(None);
        self.chosen.set(at);
    }

    fn play(self) {
        let is_at_end = self.at.get_untracked() + 1 >= self.steps.with_untracked(Vec::len);
        if !self.plays.get_untracked() && is_at_end {
            self.choose(Some(0));
        }
        self.plays.update(|plays| *plays = !*plays);
    }

    /// Begins to look for a step; what is shown stays until it is found.
    fn seek(self, wanted: i64) {
        let shown = self.step.get_untracked();
        self.plays.set(false);
        self.sought.set(Some((wanted, shown)));
    }

    /// Shows what was found, unless another was chosen meanwhile or the page was left. Whether it is shown.
    fn arrive(self, wanted: i64, found: i64) -> bool {
        if self.sought.try_get_untracked().flatten().is_none_or(|(sought, _)| sought != wanted) {
            return false;
        }
        let before = self.steps.with_untracked(|steps| steps.partition_point(|step| *step < found));
        self.chosen.set(Some(before));
        self.sought.set(Some((wanted, Some(found))));
        true
    }
}

/// What is said where there is nothing at the step that was typed.
fn said(wanted: i64, found: i64) -> Option<String> {
    (found != wanted).then(|| format!("None at step {wanted}: {found} is the nearest"))
}

/// Nothing where there is one step only.
#[component]
pub(crate) fn StepSlider(
    walk: Walk,
    /// What it is of.
    #[prop(into)]
    of: Signal<String>,
    /// Those who have more steps than are here: a step that is typed is looked for among all of theirs.
    #[prop(into)]
    more: Signal<Vec<RunId>>,
) -> impl IntoView {
    let client = Client::get();
    let has_steps = Memo::new(move |_| walk.steps.with(|steps| steps.len() > 1));
    let typed = RwSignal::new(String::new());
    let of_step = |step: Option<i64>| step.map_or_else(String::new, |step| step.to_string());
    Effect::new(move |_| typed.set(of_step(walk.step.get())));
    // Said once it is known, not while it is looked for.
    let told = RwSignal::new(None::<String>);
    Effect::new(move |_| {
        if walk.sought.with(Option::is_none) {
            told.set(None);
        }
    });
    let seek = Callback::new(move |()| {
        let Ok(wanted) = typed.with_untracked(|typed| typed.trim().parse::<i64>()) else {
            typed.set(of_step(walk.step.get_untracked()));
            return;
        };
        let (key, runs) = (of.get_untracked(), more.get_untracked());
        let here = walk.steps.with_untracked(|steps| nearest(steps.iter().copied(), wanted));
        walk.seek(wanted);
        spawn_local(async move {
            let mut found: Vec<i64> = here.into_iter().collect();
            for run in runs {
                // Of one that has none, or can't be asked, its own card says so.
                found.extend(client.call(GetNearestStep { run, key: key.clone(), step: wanted }).await.ok());
            }
            if let Some(found) = nearest(found, wanted)
                && walk.arrive(wanted, found)
            {
                typed.try_set(found.to_string());
                told.try_set(said(wanted, found));
            }
        });
    });
    let slider = move || {
        view! {
            <span class="flex">
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
                        on:input=move |event| walk.choose(event_target_value(&event).parse().ok())
                    />
                </span>
                <TextField value=typed name="Go to step" class="step" on_change=seek />
                {move || told.get().map(|told| view! { <span class="faint caption" role="status">{told}</span> })}
            </span>
        }
    };
    move || has_steps.get().then(slider)
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn that_another_step_is_shown_is_said() {
        assert_eq!(said(12, 12), None);
        assert_eq!(said(12, 10).as_deref(), Some("None at step 12: 10 is the nearest"));
    }
}
