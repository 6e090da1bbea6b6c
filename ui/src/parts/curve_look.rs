//! How curves are looked at: along steps, time, the share of a run or another metric, and how much they are smoothed.

use leptos::prelude::*;

use super::{
    curves::Along,
    field::{Segments, Select},
    words,
};

/// What names an axis that is another metric begins with.
const METRIC: &str = "metric.";

/// Kept for all runs, but for the axis.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    /// Along a metric where it begins with "metric.".
    pub(crate) along: RwSignal<String>,
    smoothing: RwSignal<f64>,
    /// Whether a person chose how much.
    is_chosen: RwSignal<bool>,
}

const SMOOTHING: &str = "slipway.smoothing";
/// Until somebody chooses, a curve of fewer points is shown as it is: smoothing would only shift it.
const FEW: usize = 120;

impl Look {
    pub(crate) fn new() -> Self {
        let chosen: Option<f64> = kept(SMOOTHING).and_then(|kept| kept.parse().ok());
        Self {
            along: RwSignal::new("step".to_owned()),
            smoothing: RwSignal::new(chosen.unwrap_or(0.6)),
            is_chosen: RwSignal::new(chosen.is_some()),
        }
    }

    /// Along time, for what is measured by the clock.
    pub(crate) fn over_time() -> Self {
        Self { along: RwSignal::new("time".to_owned()), ..Self::new() }
    }

    pub(crate) fn along(self) -> Along {
        self.along.with(|along| match along.as_str() {
            "share" => Along::Share,
            "time" => Along::Seconds,
            "clock" => Along::Clock,
            _ => Along::Step,
        })
    }

    /// The metric along which the others lie.
    pub(crate) fn by_metric(self) -> Option<String> {
        self.along.with(|along| along.strip_prefix(METRIC).map(ToOwned::to_owned))
    }

    /// How much a chart's lines are smoothed. What is few is judged by the whole curves, not by the part that is
    /// looked at: a closer look must not change the lines' form.
    pub(crate) fn smoothing_of(
        self,
        points: impl Fn() -> usize + Send + Sync + 'static,
        zoom: RwSignal<Option<(f64, f64)>>,
    ) -> Memo<f64> {
        let has_many = Memo::new(move |before: Option<&bool>| {
            let now = points() >= FEW;
            if zoom.with(Option::is_some) { before.copied().unwrap_or(now) } else { now }
        });
        Memo::new(move |_| if self.is_chosen.get() || has_many.get() { self.smoothing.get() } else { 0.0 })
    }

    /// How much a person wants them to be smoothed.
    pub(crate) fn chosen(self) -> Option<f64> {
        self.is_chosen.get().then(|| self.smoothing.get())
    }

    /// Smooths as an address says.
    pub(crate) fn choose(self, by: f64) {
        self.smoothing.set(by);
        self.is_chosen.set(true);
    }

    /// Smooths otherwise from now on, and in this browser the next time too.
    fn smooth(self, by: f64) {
        self.choose(by);
        keep(SMOOTHING, &by.to_string());
    }
}

/// What this browser remembers under a name.
pub(crate) fn kept(key: &str) -> Option<String> {
    window().local_storage().ok().flatten()?.get_item(key).ok().flatten()
}

pub(crate) fn keep(key: &str, value: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.set_item(key, value);
    }
}

pub(crate) fn forget(key: &str) {
    if let Ok(Some(storage)) = window().local_storage() {
        let _ = storage.remove_item(key);
    }
}

#[component]
pub(crate) fn LookChoice(
    look: Look,
    /// The metrics that may be the axis.
    #[prop(into)]
    keys: Signal<Vec<String>>,
) -> impl IntoView {
    let has_some = Memo::new(move |_| keys.with(|keys| !keys.is_empty()));
    let options = Signal::derive(move || keys.with(|keys| along_options(keys)));
    view! {
        {move || match has_some.get() {
            true => view! { <Select value=look.along options name="Along" /> }.into_any(),
            false => view! { <AlongChoice look /> }.into_any(),
        }}
        <SmoothingChoice look />
    }
}

/// Steps, time, and the metrics by what they are called.
fn along_options(keys: &[String]) -> Vec<(String, String)> {
    let own = [("step", "Steps"), ("time", "Time")].map(|(key, name)| (key.to_owned(), name.to_owned()));
    let mut named: Vec<_> = keys.iter().map(|key| (format!("{METRIC}{key}"), words::key(key))).collect();
    named.sort_by(|left, right| left.1.cmp(&right.1));
    own.into_iter().chain(named).collect()
}

#[component]
pub(crate) fn AlongChoice(look: Look) -> impl IntoView {
    view! { <Segments value=look.along name="Along" options=vec![("step", "Step"), ("time", "Time")] /> }
}

/// How much curves are smoothed; the raw line stays behind the smooth one.
#[component]
pub(crate) fn SmoothingChoice(look: Look) -> impl IntoView {
    view! {
        <label class="flex small muted smoothing" title="Until it is moved, only curves of 120 points and more are smoothed">
            "Smoothing"
            <input
                type="range"
                min="0"
                max="0.98"
                step="0.02"
                prop:value=move || look.smoothing.get().to_string()
                on:input=move |event| {
                    look.smooth(event_target_value(&event).parse().unwrap_or(0.0));
                }
            />
            <span class="num">{move || if look.is_chosen.get() { format!("{:.2}", look.smoothing.get()) } else { "auto".to_owned() }}</span>
        </label>
    }
}

#[cfg(test)]
mod tests {
    use super::along_options;

    #[test]
    fn each_curve_can_be_the_axis_by_its_name() {
        let keys = ["tokens", "loss/train"].map(str::to_owned);
        let options = along_options(&keys);
        let named: Vec<(&str, &str)> = options.iter().map(|(key, name)| (key.as_str(), name.as_str())).collect();
        let own = [("step", "Steps"), ("time", "Time")];
        assert_eq!(named, [&own[..], &[("metric.loss/train", "Loss, training"), ("metric.tokens", "tokens")]].concat());
    }
}
