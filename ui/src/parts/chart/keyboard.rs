//! A chart by keyboard: arrows take the crosshair from point to point, `+` looks closer, `-` goes
//! back, Escape shows all again. What the crosshair stands at is also said in words.

use charts::{line::LineChart, plot::Scale};

use crate::parts::words;

/// So many points at once with Shift or a page key.
const STRIDE: usize = 10;

/// Where the crosshair goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    First,
    Last,
    Back(usize),
    On(usize),
}

impl Way {
    pub(super) fn of(key: &str, far: bool) -> Option<Self> {
        let stride = if far { STRIDE } else { 1 };
        Some(match key {
            "ArrowLeft" => Self::Back(stride),
            "ArrowRight" => Self::On(stride),
            "PageUp" => Self::Back(STRIDE),
            "PageDown" => Self::On(STRIDE),
            "Home" => Self::First,
            "End" => Self::Last,
            _ => return None,
        })
    }
}

/// The place of the next point of any line within what is seen.
pub(super) fn moved(chart: &LineChart, (low, high): (f64, f64), now: Option<f64>, way: Way) -> Option<f64> {
    let lines = || chart.lines.iter().filter(|line| !line.is_reference).map(|line| line.x.as_slice());
    let first = || lines().filter_map(|x| x.get(x.partition_point(|value| *value < low))).copied().reduce(f64::min);
    let last = || {
        let before = |x: &[f64]| x.partition_point(|value| *value <= high).checked_sub(1).map(|index| x[index]);
        lines().filter_map(before).reduce(f64::max)
    };
    let next =
        |now: f64| lines().filter_map(|x| x.get(x.partition_point(|value| *value <= now))).copied().reduce(f64::min);
    let previous = |now: f64| {
        let before = |x: &[f64]| x.partition_point(|value| *value < now).checked_sub(1).map(|index| x[index]);
        lines().filter_map(before).reduce(f64::max)
    };
    let seen = |x: &f64| (low..=high).contains(x);
    let (step, count): (&dyn Fn(f64) -> Option<f64>, usize) = match (way, now) {
        (Way::First, _) | (Way::On(_), None) => return first().filter(seen),
        (Way::Last, _) | (Way::Back(_), None) => return last().filter(seen),
        (Way::On(count), Some(_)) => (&next, count),
        (Way::Back(count), Some(_)) => (&previous, count),
    };
    let (Ok(to) | Err(to)) = (0..count).try_fold(now?, |at, _| step(at).filter(seen).ok_or(at));
    Some(to)
}

/// Half of what is seen, around the crosshair.
pub(super) fn closer((low, high): (f64, f64), around: Option<f64>) -> (f64, f64) {
    let half = (high - low) / 2.0;
    let from = (around.unwrap_or(low + half) - half / 2.0).clamp(low, high - half);
    (from, from + half)
}

/// "step 120: training 0.34, validation 0.41".
pub(super) fn said(chart: &LineChart, x: f64) -> String {
    let mut place = x;
    let values: Vec<String> = chart
        .lines
        .iter()
        .filter(|line| !line.is_reference)
        .filter_map(|line| {
            let index = line.nearest(x)?;
            place = line.x[index];
            let odd = line.said_odd(index).map(|odd| format!(" ({odd})")).unwrap_or_default();
            let value = format!("{} {} {}", line.name, words::figure(line.y[index]), chart.y.unit);
            Some(value.trim_end().to_owned() + &odd)
        })
        .collect();
    let place = match chart.x.scale {
        Scale::Time { .. } => words::exact(place as i64),
        _ => format!("{} {} {}", chart.x.label, words::figure(place), chart.x.unit),
    };
    format!("{}: {}", place.trim(), values.join(", "))
}

#[cfg(test)]
mod tests {
    use api::series::NonFinite;
    use charts::{axis::Axis, line::Line, role::Role};

    use super::*;

    #[test]
    fn what_is_not_finite_in_a_bucket_is_said_beside_its_value() {
        let mut line = Line::new("loss", Role::series(0), vec![10.0, 20.0], vec![0.5, 0.25]);
        line.non_finite = vec![NonFinite::default(), NonFinite { nan: 3, plus: 1, minus: 0 }];
        let chart = LineChart { lines: vec![line], x: Axis::labelled("step"), ..LineChart::default() };
        assert!(said(&chart, 10.0).ends_with("loss 0.5000"), "{}", said(&chart, 10.0));
        assert!(said(&chart, 19.0).ends_with("loss 0.2500 (3 NaN, 1 +∞)"), "{}", said(&chart, 19.0));
    }
}
