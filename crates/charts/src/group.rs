//! Runs of a group as one line: their mean, with a band of their extremes or their deviation.

use std::collections::BTreeSet;

use api::{
    figure::{count, counted},
    run_table::RunBand,
};

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

/// What values come to that need not be kept: by Welford's algorithm, so that large values that hardly differ do not
/// cancel (Knuth, The Art of Computer Programming, vol. 2, 4.2.2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    pub count: u64,
    pub mean: f64,
    /// The squares of what they are away from their mean, added up.
    squares: f64,
    pub min: f64,
    pub max: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self { count: 0, mean: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Moments {
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let away = value - self.mean;
        self.mean += away / self.count as f64;
        self.squares += away * (value - self.mean);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// The sample standard deviation (n − 1); `None` of fewer than two values.
    pub fn deviation(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / (self.count as f64 - 1.0)).sqrt())
    }
}

/// A curve as a member of a group. It counts where it has begun and not ended, between its points by linear
/// interpolation; values that are not finite are stepped over.
#[derive(Debug, Clone, PartialEq)]
pub struct Member(Vec<(f64, f64)>);

impl Member {
    pub fn of(x: &[f64], y: &[f64]) -> Self {
        let points = x.iter().copied().zip(y.iter().copied());
        let mut points: Vec<(f64, f64)> = points.filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
        if !points.is_sorted_by(|left, right| left.0 <= right.0) {
            points.sort_by(|left, right| left.0.total_cmp(&right.0));
        }
        Self(points)
    }

    /// Its value at a place of the axis; `None` before its begin and behind its end.
    pub fn at(&self, x: f64) -> Option<f64> {
        let after = self.0.partition_point(|point| point.0 < x);
        let (right_x, right) = *self.0.get(after)?;
        if right_x <= x {
            return Some(right);
        }
        let (left_x, left) = *self.0.get(after.checked_sub(1)?)?;
        Some(left + (right - left) * (x - left_x) / (right_x - left_x))
    }
}

/// The mean of lines at every x that one of them has, with the band around it, by the rule of [`Member`]. More than
/// [`MOST`] places are thinned evenly, the first and the last kept.
pub fn mean(name: impl Into<String>, role: Role, lines: &[Line], spread: Spread) -> Line {
    let members: Vec<Member> = lines.iter().map(|line| Member::of(&line.x, &line.y)).collect();
    let mut places: Vec<f64> = members.iter().flat_map(|member| &member.0).map(|(x, _)| *x).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let (mut x, mut y, mut band) = (Vec::new(), Vec::new(), Vec::new());
    for place in thinned(&places) {
        let mut moments = Moments::default();
        members.iter().filter_map(|member| member.at(place)).for_each(|value| moments.add(value));
        if moments.count == 0 {
            continue;
        }
        x.push(place);
        y.push(moments.mean);
        band.push(match spread {
            Spread::Extremes => (moments.min, moments.max),
            Spread::Deviation => around(moments.mean, moments.deviation()),
        });
    }
    Line { band, ..Line::new(name, role, x, y) }
}

/// The mean with its deviation beneath and above; that of one value is nothing.
fn around(mean: f64, deviation: Option<f64>) -> (f64, f64) {
    let deviation = deviation.unwrap_or(0.0);
    (mean - deviation, mean + deviation)
}

/// A group as the host summed it up, in the same form: its mean ± standard deviation.
pub fn of_band(band: &RunBand, role: Role) -> Line {
    let points = &band.points;
    Line {
        key: group_of(band),
        band: points.iter().map(|point| around(point.mean, point.sd)).collect(),
        ..Line::new(
            name_of_line(band),
            role,
            points.iter().map(|point| point.x).collect(),
            points.iter().map(|point| point.mean).collect(),
        )
    }
}

/// What a group is called that the host summed up; without anything to group by it is all runs.
pub fn name_of(band: &RunBand) -> String {
    named(&group_of(band), band.runs)
}

/// The same of its line, which is the mean of those that have the metric: "0.1 (2 of 4 runs)".
fn name_of_line(band: &RunBand) -> String {
    match band.measured < band.runs {
        true => {
            format!("{} ({} of {})", group_of(band), count(band.measured), counted(band.runs, "run", "runs"))
        }
        false => name_of(band),
    }
}

fn group_of(band: &RunBand) -> String {
    called(band.values.iter().map(Option::as_deref))
}

/// What a group is called by the values that its runs share, one for each that they are grouped by.
pub fn called<'value>(values: impl IntoIterator<Item = Option<&'value str>>) -> String {
    let values: Vec<&str> = values.into_iter().map(|value| value.unwrap_or(NONE)).collect();
    if values.is_empty() { "all".to_owned() } else { values.join(" · ") }
}

/// A group with how many runs it has: "0.1 (2 runs)".
fn named(group: &str, runs: u64) -> String {
    format!("{group} ({})", counted(runs, "run", "runs"))
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
        if members.is_empty() {
            return None;
        }
        let name = named(group, members.len() as u64);
        Some(Line { key: group.clone(), ..mean(name, Role::series(at), &members, Spread::Deviation) })
    };
    order.iter().zip(members).enumerate().filter_map(mean).collect()
}

fn thinned(places: &[f64]) -> Vec<f64> {
    if places.len() <= MOST {
        return places.to_vec();
    }
    (0..MOST).map(|index| places[index * (places.len() - 1) / (MOST - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_line_says_how_many_of_its_runs_have_the_metric() {
        let named = |runs, measured| {
            let values = vec![Some("0.1".to_owned())];
            let band = RunBand { values, runs, measured, read: measured, filter: String::new(), points: Vec::new() };
            (of_band(&band, Role::series(0)).name, name_of(&band))
        };
        assert_eq!(named(1_000, 1_000), ("0.1 (1,000 runs)".to_owned(), "0.1 (1,000 runs)".to_owned()));
        assert_eq!(named(4, 2), ("0.1 (2 of 4 runs)".to_owned(), "0.1 (4 runs)".to_owned()));
    }
}
