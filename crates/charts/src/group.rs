//! Runs of a group as one line: their mean, with a band of their extremes or their deviation.

use std::collections::BTreeSet;

use crate::{line::Line, role::Role};

/// What a band spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// The smallest to the largest value.
    Extremes,
    /// A sample standard deviation (n − 1) beneath and above the mean; none of a single run.
    Deviation,
}

/// A group's line has no more points than this.
pub const MOST: usize = 512;

/// The mean of lines at every x that one of them has, with the band around it.
///
/// A line counts where it has begun and not ended, between its points by linear interpolation;
/// values that are not finite are stepped over. More than [`MOST`] places are thinned evenly, the
/// first and the last kept.
pub fn mean(name: impl Into<String>, role: Role, lines: &[Line], spread: Spread) -> Line {
    let members: Vec<Vec<(f64, f64)>> = lines.iter().map(finite).collect();
    let mut places: Vec<f64> = members.iter().flatten().map(|(x, _)| *x).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let places = thinned(&places);
    let (mut x, mut y, mut band) = (Vec::new(), Vec::new(), Vec::new());
    for place in places {
        let values: Vec<f64> = members.iter().filter_map(|member| at(member, place)).collect();
        if values.is_empty() {
            continue;
        }
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        x.push(place);
        y.push(mean);
        band.push(match spread {
            Spread::Extremes => values
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value))),
            Spread::Deviation => {
                let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
                let deviation = if values.len() > 1 { (squares / (count - 1.0)).sqrt() } else { 0.0 };
                (mean - deviation, mean + deviation)
            }
        });
    }
    Line { band, ..Line::new(name, role, x, y) }
}

/// What runs without a value are called as a group.
pub const NONE: &str = "–";

/// Groups once each, numbers in their order and before texts.
pub fn in_order(groups: impl IntoIterator<Item = String>) -> Vec<String> {
    let all: BTreeSet<String> = groups.into_iter().collect();
    let mut all: Vec<String> = all.into_iter().collect();
    let number = |text: &String| text.parse::<f64>().unwrap_or(f64::INFINITY);
    all.sort_by(|left, right| number(left).total_cmp(&number(right)));
    all
}

/// Each group with lines as one: the mean of those, ± their standard deviation, in the colour of its place in `order`.
pub fn means(lines: Vec<(String, Line)>, order: &[String]) -> Vec<Line> {
    let mut members: Vec<Vec<Line>> = vec![Vec::new(); order.len()];
    for (group, line) in lines {
        if let Some(at) = order.iter().position(|other| *other == group) {
            members[at].push(line);
        }
    }
    let mean = |(at, (group, members)): (usize, (&String, Vec<Line>))| {
        let runs = match members.len() {
            0 => return None,
            1 => "1 run".to_owned(),
            count => format!("{count} runs"),
        };
        Some(mean(format!("{group} ({runs})"), Role::series(at), &members, Spread::Deviation))
    };
    order.iter().zip(members).enumerate().filter_map(mean).collect()
}

/// A line's points that can be between others, by x.
fn finite(line: &Line) -> Vec<(f64, f64)> {
    let points = line.x.iter().copied().zip(line.y.iter().copied());
    let mut points: Vec<(f64, f64)> = points.filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    if !points.is_sorted_by(|left, right| left.0 <= right.0) {
        points.sort_by(|left, right| left.0.total_cmp(&right.0));
    }
    points
}

fn at(points: &[(f64, f64)], x: f64) -> Option<f64> {
    let after = points.partition_point(|point| point.0 < x);
    let (right_x, right) = *points.get(after)?;
    if right_x <= x {
        return Some(right);
    }
    let (left_x, left) = *points.get(after.checked_sub(1)?)?;
    Some(left + (right - left) * (x - left_x) / (right_x - left_x))
}

fn thinned(places: &[f64]) -> Vec<f64> {
    if places.len() <= MOST {
        return places.to_vec();
    }
    (0..MOST).map(|index| places[index * (places.len() - 1) / (MOST - 1)]).collect()
}
