//! Runs of a group as one line: their mean, with a band of their extremes or their deviation.

use std::collections::BTreeSet;

use api::{
    figure::{count, counted},
    run_table::RunBand,
    series::NonFinite,
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

/// What curves come to at a place.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Stand {
    /// Of those that have a number.
    pub moments: Moments,
    /// Of those that are not finite there, by kind.
    pub non_finite: NonFinite,
    /// How many of these have no number there.
    pub diverged: u64,
}

impl Stand {
    /// Adds what [`Member::at`] and [`Member::odd_at`] say of a curve.
    pub fn add(&mut self, value: Option<f64>, odd: Option<f64>) {
        if let Some(value) = value {
            self.moments.add(value);
        }
        if let Some(odd) = odd {
            self.non_finite += NonFinite::of(odd);
            self.diverged += u64::from(value.is_none());
        }
    }

    /// No curve stands there.
    pub const fn is_none(&self) -> bool {
        self.moments.count == 0 && self.diverged == 0
    }

    /// The mean; NaN where no curve has a number.
    pub const fn mean(&self) -> f64 {
        if self.moments.count == 0 { f64::NAN } else { self.moments.mean }
    }

    /// The smallest and the largest value; NaN where no curve has a number.
    pub const fn extremes(&self) -> (f64, f64) {
        if self.moments.count == 0 { (f64::NAN, f64::NAN) } else { (self.moments.min, self.moments.max) }
    }
}

/// A curve as a member of a group. It counts where it has begun and not ended, between its points by linear
/// interpolation; values that are not finite are stepped over.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// Its points that are finite, by their place.
    points: Vec<(f64, f64)>,
    /// The others, by theirs.
    odd: Vec<(f64, f64)>,
}

impl Member {
    pub fn of(x: &[f64], y: &[f64]) -> Self {
        let points = x.iter().copied().zip(y.iter().copied()).filter(|(x, _)| x.is_finite());
        let (mut points, mut odd): (Vec<_>, Vec<_>) = points.partition(|(_, y)| y.is_finite());
        for points in [&mut points, &mut odd] {
            if !points.is_sorted_by(|left, right| left.0 <= right.0) {
                points.sort_by(|left, right| left.0.total_cmp(&right.0));
            }
        }
        Self { points, odd }
    }

    /// Its value at a place of the axis; `None` before its begin and behind its end.
    pub fn at(&self, x: f64) -> Option<f64> {
        let ((left_x, left), (right_x, right)) = match beside(&self.points, x) {
            [_, Some((right_x, right))] if right_x <= x => return Some(right),
            [left, right] => left.zip(right)?,
        };
        Some(left + (right - left) * (x - left_x) / (right_x - left_x))
    }

    /// The value that is not finite at a place: that of a point there, that between two of them, and that behind its last
    /// number, or before its first, as far as it reaches.
    pub fn odd_at(&self, x: f64) -> Option<f64> {
        if self.odd.is_empty() {
            return None;
        }
        let [number_before, number_after] = beside(&self.points, x);
        if number_after.is_some_and(|(at, _)| at <= x) {
            return None;
        }
        let [before, after] = beside(&self.odd, x);
        let here = after.filter(|(at, _)| *at <= x);
        // What lies nearer than a number does.
        let before = before.filter(|odd| number_before.is_none_or(|number| number.0 < odd.0));
        let after = after.filter(|odd| number_after.is_none_or(|number| number.0 > odd.0));
        let nearest = match (number_before, number_after) {
            (Some(_), Some(_)) => before.and(after).and(before),
            (Some(_), None) => after.and(before.or(after)),
            (None, Some(_)) => before,
            (None, None) => before.and(after).and(before),
        };
        here.or(nearest).map(|(_, odd)| odd)
    }
}

/// The last point before a place, and the first one at or behind it, of points in their order.
fn beside(points: &[(f64, f64)], x: f64) -> [Option<(f64, f64)>; 2] {
    let after = points.partition_point(|point| point.0 < x);
    [after.checked_sub(1).and_then(|before| points.get(before)).copied(), points.get(after).copied()]
}

/// The mean of lines at every x that one of them has, with the band around it, by the rule of [`Member`]. More than
/// [`MOST`] places are thinned evenly, the first and the last kept.
pub fn mean(name: impl Into<String>, role: Role, lines: &[Line], spread: Spread) -> Line {
    let members: Vec<Member> = lines.iter().map(|line| Member::of(&line.x, &line.y)).collect();
    let points = members.iter().flat_map(|member| member.points.iter().chain(&member.odd));
    let mut places: Vec<f64> = points.map(|(x, _)| *x).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    let (mut x, mut stands) = (Vec::new(), Vec::new());
    for place in thinned(&places) {
        let mut stand = Stand::default();
        members.iter().for_each(|member| stand.add(member.at(place), member.odd_at(place)));
        if !stand.is_none() {
            x.push(place);
            stands.push(stand);
        }
    }
    let band = stands.iter().map(|stand| match spread {
        Spread::Extremes => stand.extremes(),
        Spread::Deviation => around(stand.mean(), stand.moments.deviation()),
    });
    let odd = stands.iter().map(|stand| (stand.non_finite, stand.moments.count + stand.diverged));
    let y = stands.iter().map(Stand::mean).collect();
    with_odd(Line { band: band.collect(), ..Line::new(name, role, x, y) }, odd)
}

/// A group's line that says at each point how many of its runs are not finite, of how many.
fn with_odd(line: Line, odd: impl Iterator<Item = (NonFinite, u64)>) -> Line {
    let (non_finite, members): (Vec<NonFinite>, Vec<u64>) = odd.unzip();
    if non_finite.iter().all(|odd| odd.is_none()) { line } else { Line { non_finite, members, ..line } }
}

/// The mean with its deviation beneath and above; that of one value is nothing.
fn around(mean: f64, deviation: Option<f64>) -> (f64, f64) {
    let deviation = deviation.unwrap_or(0.0);
    (mean - deviation, mean + deviation)
}

/// A group as the host summed it up, in the same form: its mean ± standard deviation.
pub fn of_band(band: &RunBand, role: Role) -> Line {
    let points = &band.points;
    let odd = points.iter().map(|point| (point.non_finite, point.runs + point.diverged));
    let line = Line {
        key: group_of(band),
        band: points.iter().map(|point| around(point.mean, point.sd)).collect(),
        ..Line::new(
            name_of_line(band),
            role,
            points.iter().map(|point| point.x).collect(),
            points.iter().map(|point| point.mean).collect(),
        )
    };
    with_odd(line, odd)
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
    fn a_curve_is_not_finite_where_a_value_is_and_from_its_last_number_to_its_end() {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let member = |y: &[f64]| {
            let x: Vec<f64> = (0..y.len()).map(|at| at as f64).collect();
            Member::of(&x, y)
        };
        let is_odd = |member: &Member, x: f64| member.odd_at(x).map(|odd| if odd.is_nan() { "NaN" } else { "inf" });
        let check = |member: &Member, expected: &[(f64, Option<f64>, Option<&str>)]| {
            for (x, value, odd) in expected {
                assert_eq!((member.at(*x), is_odd(member, *x)), (*value, *odd), "at {x} of {member:?}");
            }
        };
        let ends = member(&[1.0, 2.0, nan, inf]);
        check(&ends, &[(-1.0, None, None), (0.5, Some(1.5), None), (1.0, Some(2.0), None)]);
        check(&ends, &[(1.5, None, Some("NaN")), (2.0, None, Some("NaN")), (2.5, None, Some("NaN"))]);
        check(&ends, &[(3.0, None, Some("inf")), (3.5, None, None)]);
        let within = member(&[1.0, nan, nan, 4.0, 5.0]);
        check(&within, &[(0.5, Some(1.5), None), (1.0, Some(2.0), Some("NaN")), (1.5, Some(2.5), Some("NaN"))]);
        check(&within, &[(2.5, Some(3.5), None), (3.5, Some(4.5), None)]);
        let begins = member(&[nan, nan, 3.0]);
        check(&begins, &[(-1.0, None, None), (0.0, None, Some("NaN")), (0.5, None, Some("NaN"))]);
        check(&begins, &[(1.5, None, Some("NaN")), (2.0, Some(3.0), None)]);
        check(
            &member(&[nan, nan]),
            &[(-1.0, None, None), (0.5, None, Some("NaN")), (1.0, None, Some("NaN")), (2.0, None, None)],
        );
    }

    #[test]
    fn a_group_says_how_many_of_its_curves_are_left_out_of_its_mean() {
        let x = || vec![0.0, 1.0, 2.0];
        let line = |y: [f64; 3]| Line::new("", Role::series(0), x(), y.to_vec());
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let lines = [line([1.0, 2.0, nan]), line([3.0, inf, inf]), line([5.0, 6.0, 7.0])];
        let mean = mean("g", Role::series(0), &lines, Spread::Deviation);
        assert_eq!((mean.x.as_slice(), mean.y.as_slice()), (&x()[..], &[3.0, 4.0, 7.0][..]));
        assert_eq!((mean.said_odd(0), mean.said_odd(1).as_deref()), (None, Some("1 of 3 diverged")));
        assert_eq!(mean.said_odd(2).as_deref(), Some("2 of 3 diverged"));
        assert_eq!(mean.non_finite[2], NonFinite { nan: 1, plus: 1, minus: 0 });
        // Where none has a number the line is torn, and marked all the same.
        let none = super::mean("g", Role::series(0), &[line([1.0, nan, nan])], Spread::Deviation);
        assert_eq!((none.x.len(), none.y[2].is_nan(), none.said_odd(2).as_deref()), (3, true, Some("1 of 1 diverged")));
        // All is finite: nothing is said.
        assert!(super::mean("g", Role::series(0), &lines[2..], Spread::Deviation).members.is_empty());
    }

    #[test]
    fn a_groups_line_says_how_many_of_its_runs_have_the_metric() {
        let named = |runs, measured| {
            let values = vec![Some("0.1".to_owned())];
            let band = RunBand {
                values,
                runs,
                measured,
                read: measured,
                diverged: 0,
                filter: String::new(),
                points: Vec::new(),
            };
            (of_band(&band, Role::series(0)).name, name_of(&band))
        };
        assert_eq!(named(1_000, 1_000), ("0.1 (1,000 runs)".to_owned(), "0.1 (1,000 runs)".to_owned()));
        assert_eq!(named(4, 2), ("0.1 (2 of 4 runs)".to_owned(), "0.1 (4 runs)".to_owned()));
    }
}
