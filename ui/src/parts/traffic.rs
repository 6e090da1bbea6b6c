//! The stretch of time that charts of traffic show, and how long each of their points is.

use api::monitor::Monitoring;

/// Points of a chart, whatever stretch it shows.
const STEPS: f64 = 240.0;
const HOUR_MS: f64 = 3_600_000.0;

/// The time that a point counts, which ends at it.
pub(crate) fn step_ms(seen: &Monitoring) -> f64 {
    f64::from(seen.traffic.hours) * HOUR_MS / STEPS
}

/// "per 6 min", "per 90 s": what a bar of a chart of requests counts.
pub(crate) fn each(seen: &Monitoring) -> String {
    let seconds = step_ms(seen) / 1000.0;
    if seconds % 60.0 == 0.0 { format!("per {} min", seconds / 60.0) } else { format!("per {seconds:.0} s") }
}

/// The hours that were asked for, up to now: a time without requests is seen as one.
pub(crate) fn stretch(seen: &Monitoring) -> (f64, f64) {
    let newest = seen.traffic.history.last().map_or(0.0, |point| point.at_ms as f64);
    // The host's clock may be ahead of the browser's.
    let now = js_sys::Date::now().max(newest);
    (now - f64::from(seen.traffic.hours) * HOUR_MS, now)
}
