//! How curves are looked at: along steps, times, the share of a run or another metric, on which axes, and how much they
//! are smoothed. On a page of its own it stands in the address, so that a link shows the same.

use charts::{
    axis::Axis,
    line::{Line, LineChart},
    plot::Scale,
};
use leptos::prelude::*;
use leptos_router::params::ParamsMap;

use super::{
    chart::looked::LOOKS,
    curves::{Along, Over, gap_of},
    field::Select,
    words,
};
use crate::frame::address::keep_in_address;

/// What names an axis that is another metric begins with.
const METRIC: &str = "metric.";
/// Each chart along the metric that its log lays it over, where it does; others along steps.
const OWN: &str = "own";

/// What a look is called in an address.
#[derive(Clone, Copy)]
pub(crate) struct Named {
    along: &'static str,
    log: &'static str,
    /// Where it is smoothed.
    smooth: Option<&'static str>,
}

/// That of curves.
pub(crate) const CURVES: Named = Named { along: "along", log: "log", smooth: Some("smooth") };
/// That of what the machine did, which stands on the page of the same run.
pub(crate) const MACHINE: Named = Named { along: "machine", log: "machine-log", smooth: None };
/// What of an address says how curves are looked at, whichever of a run's tabs is shown.
pub(crate) const NAMES: &[&str] = &["along", "log", "smooth", "machine", "machine-log", LOOKS];

/// How much is smoothed is kept for all runs.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    /// Along a metric where it begins with "metric.".
    pub(crate) along: RwSignal<String>,
    /// Along what it is until somebody chooses.
    first: &'static str,
    /// The axis is somebody's choice, so it isn't changed by itself.
    pub(crate) is_along_chosen: RwSignal<bool>,
    /// The log lays some over another metric.
    has_own: RwSignal<bool>,
    /// Of "x" and "y" those that are logarithmic.
    log: RwSignal<String>,
    smoothing: RwSignal<f64>,
    /// Whether a person chose how much.
    is_chosen: RwSignal<bool>,
}

const SMOOTHING: &str = "slipway.smoothing";
/// Until somebody chooses, a curve of fewer points is shown as it is: smoothing would only shift it.
const FEW: usize = 120;

impl Look {
    /// Along steps.
    pub(crate) fn new() -> Self {
        Self::along_first("step")
    }

    /// Along time, for what is measured by the clock.
    pub(crate) fn over_time() -> Self {
        Self::along_first("time")
    }

    fn along_first(first: &'static str) -> Self {
        let chosen: Option<f64> = kept(SMOOTHING).and_then(|kept| kept.parse().ok());
        Self {
            along: RwSignal::new(first.to_owned()),
            first,
            is_along_chosen: RwSignal::new(false),
            has_own: RwSignal::new(false),
            log: RwSignal::new(String::new()),
            smoothing: RwSignal::new(chosen.unwrap_or(0.6)),
            is_chosen: RwSignal::new(chosen.is_some()),
        }
    }

    /// As the address says, which then follows what is chosen.
    pub(crate) fn of_address(self, query: Memo<ParamsMap>, named: Named) -> Self {
        let given = |key: &str| query.with_untracked(|query| query.get(key)).filter(|value| !value.is_empty());
        if let Some(along) = given(named.along) {
            self.along.set(along);
            self.is_along_chosen.set(true);
        }
        self.log.set(given(named.log).unwrap_or_default());
        if let Some(by) = named.smooth.and_then(given).and_then(|text| smoothing_of(&text)) {
            self.smoothing.set(by);
            self.is_chosen.set(true);
        }
        keep_in_address(move || {
            let along = self.along.get();
            let is_said = self.is_along_chosen.get() || along != self.first && along != OWN;
            let smoothed = || if self.is_chosen.get() { format!("{:.2}", self.smoothing.get()) } else { String::new() };
            [(named.along, if is_said { along } else { String::new() }), (named.log, self.log.get())]
                .into_iter()
                .chain(named.smooth.map(|name| (name, smoothed())))
                .collect()
        });
        self
    }

    /// Says that the log lays some over another metric: they lie along it unless a person chose.
    pub(crate) fn offer_own(self) {
        self.has_own.set(true);
        if !self.is_along_chosen.get_untracked() && self.along.with_untracked(|along| along == self.first) {
            self.along.set(OWN.to_owned());
        }
    }

    /// The same of a chart that its log lays over a metric, if over any.
    pub(crate) fn of_chart(self, own: Memo<Option<String>>) -> Self {
        let seen = move || self.along.with(|along| own.with(|own| seen_along(along, own.as_deref())));
        let along = RwSignal::new(untrack(seen));
        Effect::new(move |_| {
            let now = seen();
            if along.with_untracked(|along| *along != now) {
                along.set(now);
            }
        });
        Self { along, ..self }
    }

    /// The same of what is measured by the clock: it lies along time where the others lie along steps or a metric.
    pub(crate) fn by_clock(self) -> Self {
        let along = RwSignal::new(self.along.with_untracked(|along| by_clock(along)));
        Effect::new(move |_| {
            let now = self.along.with(|along| by_clock(along));
            if along.with_untracked(|along| *along != now) {
                along.set(now);
            }
        });
        Self { along, ..self }
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

    /// The same as what is asked for.
    pub(crate) fn over(self) -> Option<Over> {
        self.by_metric().map(|key| Over { key, log: self.is_log('x') })
    }

    pub(crate) fn is_log(self, axis: char) -> bool {
        self.log.with(|log| log.contains(axis))
    }

    /// The horizontal axis of a chart.
    pub(crate) fn x_axis(self) -> Axis {
        x_axis(self.along(), self.by_metric().as_deref(), self.is_log('x'))
    }

    /// How the vertical axis of a chart is scaled until that chart's menu says otherwise.
    pub(crate) fn y_scale(self) -> Scale {
        if self.is_log('y') { Scale::Log } else { Scale::Linear }
    }

    /// From where on the points of a chart are not joined.
    pub(crate) fn gap_of(self, lines: &[Line]) -> Option<f64> {
        let is_by_time = self.by_metric().is_none() && matches!(self.along(), Along::Seconds | Along::Clock);
        if is_by_time { gap_of(lines) } else { None }
    }

    /// What of a chart stands nowhere: points without a value of the other metric, as many as `without` says, those
    /// that a logarithm leaves out, and those that were not looked at but for one in so many.
    pub(crate) fn left_out(self, without: u64, one_in: u64, chart: Signal<LineChart>) -> Vec<String> {
        let is_log = self.is_log('x');
        let mut notes = Vec::new();
        if one_in > 0 {
            notes.push(format!("drawn from 1 in {} points", words::count(one_in)));
        }
        if let Some(key) = self.by_metric().filter(|_| without > 0) {
            // Over a metric a log axis is asked for what it can show.
            let positive = if is_log { "a positive " } else { "" };
            notes.push(format!(
                "{} without {positive}{}",
                words::counted(without, "point", "points"),
                words::key(&key)
            ));
        }
        let not_positive = if is_log { chart.with(LineChart::left_out) } else { 0 };
        if not_positive > 0 {
            notes.push(format!("{} not above 0", words::counted(not_positive as u64, "point", "points")));
        }
        notes
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

    /// Smooths otherwise from now on, and in this browser the next time too.
    fn smooth(self, by: f64) {
        self.smoothing.set(by);
        self.is_chosen.set(true);
        keep(SMOOTHING, &by.to_string());
    }
}

/// The metric that all lie over.
pub(crate) fn shared<'a>(mut over: impl Iterator<Item = Option<&'a str>>) -> Option<&'a str> {
    let first = over.next()??;
    over.all(|one| one == Some(first)).then_some(first)
}

/// What a chart lies along that its log lays over a metric, where all lie along `along`.
fn seen_along(along: &str, own: Option<&str>) -> String {
    match (along, own) {
        (OWN, Some(own)) => format!("{METRIC}{own}"),
        (OWN, None) => "step".to_owned(),
        (along, _) => along.to_owned(),
    }
}

/// What lies along this, of what has no step of the program's.
fn by_clock(along: &str) -> String {
    let has_step = ["step", OWN].contains(&along) || along.starts_with(METRIC);
    if has_step { "time" } else { along }.to_owned()
}

fn smoothing_of(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| (0.0..=0.98).contains(value))
}

fn x_axis(along: Along, metric: Option<&str>, is_log: bool) -> Axis {
    let mut axis = match (along, metric) {
        (_, Some(metric)) => Axis::labelled(words::key(metric)),
        // To the end of the run, wherever the last value was measured.
        (Along::Share, _) => Axis { unit: "%".to_owned(), range: Some((0.0, 100.0)), ..Axis::labelled("of the run") },
        (Along::Seconds, _) => Axis { unit: "s".to_owned(), ..Axis::default() },
        (Along::Clock, _) => {
            let offset_minutes = -js_sys::Date::new_0().get_timezone_offset() as i32;
            Axis { scale: Scale::Time { offset_minutes }, ..Axis::default() }
        }
        (Along::Step, _) => Axis::steps(),
    };
    // A clock has no powers of ten, and a share begins at nothing.
    if is_log && axis.scale == Scale::Linear && axis.range.is_none() {
        axis.scale = Scale::Log;
    }
    axis
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

/// What curves lie along, on which axes, and how much they are smoothed: the same wherever there are curves.
#[component]
pub(crate) fn LookChoice(
    look: Look,
    /// The metrics that may be the axis.
    #[prop(into)]
    keys: Signal<Vec<String>>,
    /// What a machine used has no noise that a person would take away.
    #[prop(default = true)]
    smooths: bool,
    /// Curves of runs have the clock's time; the means of groups have none.
    #[prop(default = true)]
    of_runs: bool,
) -> impl IntoView {
    let along = Signal::derive(move || {
        let mut keys = keys.get();
        keys.extend(look.by_metric().filter(|own| !keys.contains(own)));
        let mut options = along_options(&keys);
        options.retain(|(key, _)| of_runs || key != "clock");
        if look.has_own.get() || look.along.with(|along| along == OWN) {
            options.insert(0, (OWN.to_owned(), "As the log says".to_owned()));
        }
        options
    });
    let log = ["", "y", "x", "xy"].map(str::to_owned);
    let axes = ["Automatic axes", "Log values", "Log along", "Log both"].map(str::to_owned);
    let axes: Vec<(String, String)> = log.into_iter().zip(axes).collect();
    Effect::new(move |before: Option<String>| {
        let now = look.along.get();
        // That they lie as the log says is what is offered, also once it is known late.
        if now != OWN && before.is_some_and(|before| before != now) {
            look.is_along_chosen.set(true);
        }
        now
    });
    view! {
        <span class="tool-group">
            <Select value=look.along options=along name="Along" />
            <Select value=look.log options=axes name="Axes" />
            {smooths.then(|| view! { <SmoothingChoice look /> })}
        </span>
    }
}

/// Steps, shares, times, each as MLflow and W&B call it, and the metrics by what they are called.
fn along_options(keys: &[String]) -> Vec<(String, String)> {
    let own = [("step", "Step"), ("share", "Share of the run"), ("time", "Relative time"), ("clock", "Wall time")];
    let own = own.map(|(key, name)| (key.to_owned(), name.to_owned()));
    let mut named: Vec<_> = keys.iter().map(|key| (format!("{METRIC}{key}"), words::key(key))).collect();
    named.sort_by(|left, right| left.1.cmp(&right.1));
    own.into_iter().chain(named).collect()
}

/// How much curves are smoothed; the raw line stays behind the smooth one.
#[component]
fn SmoothingChoice(look: Look) -> impl IntoView {
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
    use super::*;

    #[test]
    fn each_curve_can_be_the_axis_by_its_name() {
        let keys = ["tokens", "loss/train"].map(str::to_owned);
        let options = along_options(&keys);
        let named: Vec<(&str, &str)> = options.iter().map(|(key, name)| (key.as_str(), name.as_str())).collect();
        let own = [("step", "Step"), ("share", "Share of the run"), ("time", "Relative time"), ("clock", "Wall time")];
        assert_eq!(named[..4], own);
        assert_eq!(named[4..], [("metric.loss/train", "Loss, training"), ("metric.tokens", "tokens")]);
    }

    #[test]
    fn a_chart_lies_along_what_its_log_says_until_a_person_chooses() {
        assert_eq!(seen_along(OWN, Some("epoch")), "metric.epoch");
        assert_eq!(seen_along(OWN, None), "step");
        assert_eq!(seen_along("time", Some("epoch")), "time");
    }

    #[test]
    fn what_is_measured_by_the_clock_has_no_step() {
        let all = ["step", OWN, "metric.tokens", "share", "time", "clock"].map(by_clock);
        assert_eq!(all, ["time", "time", "time", "share", "time", "clock"]);
    }

    #[test]
    fn what_can_be_logarithmic_is() {
        let scale = |along: Along, metric: Option<&str>| x_axis(along, metric, true).scale;
        assert_eq!(scale(Along::Step, None), Scale::Log);
        assert_eq!(scale(Along::Seconds, None), Scale::Log);
        assert_eq!(scale(Along::Step, Some("tokens")), Scale::Log);
        assert_eq!(scale(Along::Share, None), Scale::Linear);
        assert_eq!(x_axis(Along::Step, Some("tokens"), false).label, "tokens");
    }

    #[test]
    fn a_smoothing_that_can_not_be_is_none() {
        assert_eq!(smoothing_of("0.30"), Some(0.3));
        for text in ["2", "-1", "NaN", "much"] {
            assert_eq!(smoothing_of(text), None);
        }
    }

    #[test]
    fn an_address_keeps_what_names_a_look() {
        for named in [CURVES, MACHINE] {
            let all = [Some(named.along), Some(named.log), named.smooth];
            assert!(all.into_iter().flatten().all(|name| NAMES.contains(&name)));
        }
    }
}
