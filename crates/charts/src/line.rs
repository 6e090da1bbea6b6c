//! Lines over steps or time: the raw line faint behind the smoothed one, the band between the
//! smallest and the largest value of each bucket, gaps as gaps, NaN and ∞ marked, also those inside of a bucket.

use api::{
    figure,
    series::{NonFinite, Series},
};
use plotters::{
    element::{Circle, EmptyElement, PathElement, Polygon, Rectangle},
    series::LineSeries,
    style::{Color as _, ShapeStyle},
};

use crate::{
    axis::Axis,
    frame::{self, Context, Failed, can_show, fill, stroke},
    plot::{Drawing, Plot, Scale, Size},
    role::Role,
    smooth::smooth,
};

/// How much a line stands out among others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Weight {
    /// One of very many.
    Thin,
    #[default]
    Plain,
    /// The one that the others are compared with.
    Strong,
}

impl Weight {
    /// Width in pixels and opacity of its stroke.
    const fn stroke(self) -> (f64, f64) {
        match self {
            Self::Thin => (1.0, 0.6),
            Self::Plain => (1.6, 1.0),
            Self::Strong => (2.8, 1.0),
        }
    }
}

/// One series.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub name: String,
    /// What it is known by while its name changes: that of a group says how many runs it has.
    pub key: String,
    pub role: Role,
    /// Ascending.
    pub x: Vec<f64>,
    /// As long as `x`; NaN and ±∞ are marked.
    pub y: Vec<f64>,
    /// The smallest and the largest value of each bucket; empty where `y` is raw. A [`Weight::Thin`] line goes through
    /// them, others have them behind.
    pub band: Vec<(f64, f64)>,
    /// What is not finite in each bucket, whatever its `y` is; empty where `y` is raw or nothing is.
    pub non_finite: Vec<NonFinite>,
    /// Of a group's line: how many runs stand at each point, of which `non_finite` counts some; empty of any other.
    pub members: Vec<u64>,
    pub is_dashed: bool,
    /// There to compare with: neither smoothed nor in the crosshair.
    pub is_reference: bool,
    pub weight: Weight,
}

impl Line {
    pub fn new(name: impl Into<String>, role: Role, x: Vec<f64>, y: Vec<f64>) -> Self {
        let name = name.into();
        Self {
            key: name.clone(),
            name,
            role,
            x,
            y,
            band: Vec::new(),
            non_finite: Vec::new(),
            members: Vec::new(),
            is_dashed: false,
            is_reference: false,
            weight: Weight::Plain,
        }
    }

    /// A stored series over an axis of as many values: its newest values, within the band of its buckets.
    pub fn of_series(name: impl Into<String>, role: Role, x: Vec<f64>, series: &Series) -> Self {
        let band = series.min.iter().copied().zip(series.max.iter().copied()).collect();
        Self { band, non_finite: series.non_finite.clone(), ..Self::new(name, role, x, series.last.clone()) }
    }

    /// What is not finite at a point: in its bucket, or its value.
    pub fn non_finite_at(&self, index: usize) -> NonFinite {
        let value = || self.y.get(index).map_or_else(NonFinite::default, |value| NonFinite::of(*value));
        self.non_finite.get(index).copied().unwrap_or_else(value)
    }

    /// What is not finite beside the value of a point: "3 NaN" of a bucket, "2 of 8 diverged" of a group. Of a raw point its
    /// value says it.
    pub fn said_odd(&self, index: usize) -> Option<String> {
        let odd = self.non_finite.get(index).filter(|odd| !odd.is_none())?;
        Some(match self.members.get(index) {
            Some(of) => format!("{} of {} diverged", figure::count(odd.count()), figure::count(*of)),
            None => odd.to_string(),
        })
    }

    /// The point of a group's line at which most of its runs are not finite, the first of these.
    pub fn most_diverged(&self) -> Option<usize> {
        let odd = self.members.iter().zip(&self.non_finite).map(|(_, odd)| odd.count()).enumerate();
        odd.filter(|(_, count)| *count > 0)
            .reduce(|most, next| if next.1 > most.1 { next } else { most })
            .map(|(at, _)| at)
    }

    /// A dashed line that is there to compare with: it has no say in the crosshair.
    pub fn reference(name: impl Into<String>, x: Vec<f64>, y: Vec<f64>) -> Self {
        Self { is_dashed: true, is_reference: true, ..Self::new(name, Role::Series(8), x, y) }
    }

    /// The same as what groups are compared with: over their means, and of no group's colour.
    pub fn over_groups(self) -> Self {
        Self { weight: Weight::Strong, is_dashed: true, band: Vec::new(), role: Role::Text, ..self }
    }

    /// A line over values that need not ascend (times, another metric): its points in the order of
    /// x, those of one x in the order given; what has no finite x is left out.
    pub fn over(name: impl Into<String>, role: Role, x: &[f64], y: &[f64]) -> Self {
        let mut points: Vec<(f64, f64)> =
            x.iter().copied().zip(y.iter().copied()).filter(|(x, _)| x.is_finite()).collect();
        points.sort_by(|left, right| left.0.total_cmp(&right.0));
        let (x, y) = points.into_iter().unzip();
        Self::new(name, role, x, y)
    }

    /// Index of the point that is nearest to a value of the horizontal axis.
    pub fn nearest(&self, x: f64) -> Option<usize> {
        let after = self.x.partition_point(|value| *value < x);
        [after.checked_sub(1), Some(after)]
            .into_iter()
            .flatten()
            .filter(|index| *index < self.x.len())
            .min_by(|left, right| (self.x[*left] - x).abs().total_cmp(&(self.x[*right] - x).abs()))
    }
}

/// A chart of lines.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LineChart {
    /// What it shows, for readers.
    pub name: String,
    pub lines: Vec<Line>,
    pub x: Axis,
    pub y: Axis,
    /// 0 shows the raw line only.
    pub smoothing: f64,
    /// Points further apart than this are not joined.
    pub gap: Option<f64>,
    /// Marks each point of the lines that have few: three epochs are points, three thousand a line.
    pub has_marks: bool,
    /// Each point is an amount of the stretch of this width that ends at it: a bar, not a place on a line.
    pub bar_width: Option<f64>,
}

impl LineChart {
    /// How many points a log axis leaves out, for they are not positive. Those of the vertical axis
    /// are marked at its lower edge.
    pub fn left_out(&self) -> usize {
        let is_out = |axis: &Axis, value: f64| axis.scale == Scale::Log && value.is_finite() && value <= 0.0;
        let points = self.lines.iter().flat_map(|line| line.x.iter().zip(&line.y));
        points.filter(|(x, y)| is_out(&self.x, **x) || is_out(&self.y, **y)).count()
    }
}

impl LineChart {
    /// Where the values in view lie but for the lowest and the highest hundredth of them, and at least one each, with some
    /// air: one that lies far from all else presses the others flat. So do whole lines, which then have no say: see
    /// [`Self::far_lines`]. Nothing of so few values that none is far.
    pub fn usual_range(&self) -> Option<(f64, f64)> {
        const AIR: f64 = 0.04;
        let is_log = self.y.scale == Scale::Log;
        let lines = self.values_in_view();
        let far = self.far_among(&lines);
        let near = lines.into_iter().enumerate().filter(|(at, _)| !far.contains(at));
        let (low, high) = but_hundredths(&mut near.flat_map(|(_, values)| values).collect::<Vec<_>>())?;
        if low >= high {
            return None;
        }
        if is_log {
            let factor = (high / low).powf(AIR);
            return Some((low / factor, high * factor));
        }
        let air = (high - low) * AIR;
        // What is measured from nothing up still begins there.
        let low = if self.y.from_zero && low >= 0.0 { 0.0 } else { low - air };
        Some((low, high + air))
    }

    /// How many lines lie so far from most others that these would look flat beside them: fewer than half of them, without
    /// which the rest takes less than a fifth of the height.
    pub fn far_lines(&self) -> usize {
        self.far_among(&self.values_in_view()).len()
    }

    /// Whether what [`Self::usual_range`] leaves out presses the rest into less than a fifth of the height.
    pub fn is_pressed_flat(&self) -> bool {
        if self.y.range.is_some() {
            return false;
        }
        let bands = self.lines.iter().filter(|line| !line.is_reference).flat_map(|line| {
            let ends = line.x.iter().zip(&line.band).filter(move |(x, _)| self.is_in_view(**x));
            ends.flat_map(|(_, band)| [band.0, band.1])
        });
        let bands = bands.filter(|value| self.can_stand(*value));
        let zero = (self.y.from_zero && self.y.scale != Scale::Log).then_some(0.0);
        let values = self.values_in_view().into_iter().flatten().chain(bands).chain(zero);
        let (least, most) = extremes(values);
        self.usual_range().is_some_and(|usual| FLAT * self.height_of(usual) < self.height_of((least, most)))
    }

    fn is_in_view(&self, x: f64) -> bool {
        self.x.range.is_none_or(|(low, high)| (low..=high).contains(&x))
    }

    fn can_stand(&self, y: f64) -> bool {
        y.is_finite() && (self.y.scale != Scale::Log || y > 0.0)
    }

    /// What of each line the vertical axis shows, those that are there to compare with left out.
    fn values_in_view(&self) -> Vec<Vec<f64>> {
        let values = |line: &Line| {
            let points = line.x.iter().copied().zip(line.y.iter().copied());
            points.filter(|(x, y)| self.is_in_view(*x) && self.can_stand(*y)).map(|(_, y)| y).collect::<Vec<f64>>()
        };
        self.lines.iter().filter(|line| !line.is_reference).map(values).collect()
    }

    /// How much of the axis a range takes, by its scale.
    fn height_of(&self, (low, high): (f64, f64)) -> f64 {
        if self.y.scale == Scale::Log { high.ln() - low.ln() } else { high - low }
    }

    /// The places of the lines that are far from the others: one after another, the one that stretches them most is left
    /// out, until they would take less than a fifth of the height.
    fn far_among(&self, lines: &[Vec<f64>]) -> Vec<usize> {
        let span = |(at, values): (usize, &Vec<f64>)| {
            let own = but_hundredths(&mut values.clone()).unwrap_or_else(|| extremes(values.iter().copied()));
            (!values.is_empty()).then_some((at, own))
        };
        let mut near: Vec<(usize, (f64, f64))> = lines.iter().enumerate().filter_map(span).collect();
        let without = |near: &[(usize, (f64, f64))], left_out: Option<usize>| {
            let ends = near.iter().filter(|(at, _)| Some(*at) != left_out).flat_map(|(_, (low, high))| [*low, *high]);
            self.height_of(extremes(ends))
        };
        let whole = without(&near, None);
        let mut far = Vec::new();
        for _ in 0..near.len().saturating_sub(1) / 2 {
            let highest = near.iter().max_by(|left, right| left.1.1.total_cmp(&right.1.1)).map(|line| line.0);
            let lowest = near.iter().min_by(|left, right| left.1.0.total_cmp(&right.1.0)).map(|line| line.0);
            let next = if without(&near, lowest) < without(&near, highest) { lowest } else { highest };
            far.extend(next);
            near.retain(|(at, _)| Some(*at) != next);
            let rest = without(&near, None);
            if rest > 0.0 && FLAT * rest < whole {
                return far;
            }
        }
        Vec::new()
    }
}

/// What takes less than the height's part by this is as good as flat.
const FLAT: f64 = 5.0;

fn extremes(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// The least and the greatest value but for a hundredth at each end, and at least one; nothing of fewer than four.
fn but_hundredths(values: &mut [f64]) -> Option<(f64, f64)> {
    if values.len() < 4 {
        return None;
    }
    let left = values.len().div_ceil(100);
    let high = *values.select_nth_unstable_by(values.len() - 1 - left, f64::total_cmp).1;
    Some((*values.select_nth_unstable_by(left, f64::total_cmp).1, high))
}

/// Lines of more points are not marked: the marks would hide them.
const MARKED: usize = 24;

/// Draws a chart of lines.
pub fn draw(chart: &LineChart, size: Size) -> Drawing {
    // A bar begins before its point, and at zero.
    let begins = chart.bar_width.map(|width| chart.lines.iter().filter_map(move |line| Some(line.x.first()? - width)));
    let x = chart.lines.iter().flat_map(|line| line.x.iter().copied()).chain(begins.into_iter().flatten());
    let x = chart.x.range_of(x, false);
    let seen = |line: &Line, index: usize| (x.low..=x.high).contains(&line.x[index]);
    let y_values = chart.lines.iter().flat_map(|line| {
        (0..line.x.len().min(line.y.len())).filter(move |index| seen(line, *index)).flat_map(|index| {
            let band = line.band.get(index).copied();
            [line.y[index], band.map_or(f64::NAN, |band| band.0), band.map_or(f64::NAN, |band| band.1)]
        })
    });
    let y = chart.y.range_of(y_values.chain(chart.bar_width.map(|_| 0.0)), true);
    let frame = frame::lay_out(size, &chart.x, x, &chart.y, y);
    let plot = frame.plot;
    frame.draw(&chart.name, |context, _| {
        for line in &chart.lines {
            draw_line(context, &plot, chart, line)?;
        }
        Ok(())
    })
}

fn draw_line(context: &mut Context<'_, '_>, plot: &Plot, chart: &LineChart, line: &Line) -> Result<(), Failed> {
    if let Some(width) = chart.bar_width {
        return bars(context, plot, line, width);
    }
    let smoothed = chart.smoothing > 0.0 && !line.is_reference;
    let has_band = line.band.len() == line.x.len() && !line.band.is_empty();
    let is_thin = line.weight == Weight::Thin;
    if has_band && !is_thin {
        band(context, plot, chart, line, if smoothed { 0.10 } else { 0.20 })?;
    }
    let (width, opacity) = if line.is_reference { (1.2, 1.0) } else { line.weight.stroke() };
    let main = stroke(line.role, width, opacity);
    // The bands of very many lines would be a fog: each line goes through its extremes itself.
    let reaching = (has_band && is_thin).then(|| through_extremes(line, plot));
    let raw = reaching.as_ref().unwrap_or(line);
    if smoothed {
        // Very many raw lines are a fog, too, but none of their spikes may be gone.
        stroke_line(context, plot, chart, raw, &raw.y, stroke(line.role, 1.0, if is_thin { 0.18 } else { 0.28 }))?;
        stroke_line(context, plot, chart, line, &smooth(&line.y, chart.smoothing), main)?;
    } else {
        stroke_line(context, plot, chart, raw, &raw.y, main)?;
    }
    odd_values(context, plot, line)
}

/// Extremes nearer than this to the line, in pixels, are on it.
const ON_THE_LINE: f64 = 0.5;

/// A line that reaches the least and the greatest value of each bucket on its way, the nearer one first, where its last
/// value is: after M4 (Jugel et al., 2014), for what of a bucket is known. So nothing that one point did is lost,
/// whatever the bucket holds.
fn through_extremes(line: &Line, plot: &Plot) -> Line {
    let (mut x, mut y) = (Vec::with_capacity(line.x.len()), Vec::with_capacity(line.x.len()));
    let mut before = f64::NAN;
    for ((at, last), (least, most)) in line.x.iter().copied().zip(line.y.iter().copied()).zip(line.band.iter().copied())
    {
        let is_apart = |extreme: &f64| {
            can_show(&plot.y, *extreme)
                && (!last.is_finite() || (plot.y_pixel(*extreme) - plot.y_pixel(last)).abs() > ON_THE_LINE)
        };
        let is_most_nearer = (most - before).abs() < (least - before).abs();
        let extremes = if is_most_nearer { [most, least] } else { [least, most] };
        for value in extremes.into_iter().filter(is_apart).chain([last]) {
            x.push(at);
            y.push(value);
        }
        before = last;
    }
    Line { band: Vec::new(), non_finite: Vec::new(), members: Vec::new(), x, y, ..line.clone() }
}

/// What was counted in each stretch, from zero up; nothing where nothing was.
fn bars(context: &mut Context<'_, '_>, plot: &Plot, line: &Line, width: f64) -> Result<(), Failed> {
    let style = fill(line.role, 0.8);
    let floor = plot.y.place(0.0_f64.clamp(plot.y.low, plot.y.high));
    let seen = line
        .x
        .iter()
        .copied()
        .zip(line.y.iter().copied())
        .filter(|(x, y)| can_show(&plot.y, *y) && *y != 0.0 && *x > plot.x.low && *x - width < plot.x.high);
    context.draw_series(seen.map(|(x, y)| {
        let (left, right) = (plot.x.place((x - width).max(plot.x.low)), plot.x.place(x.min(plot.x.high)));
        Rectangle::new([(left, floor), (right, plot.y.place(y.clamp(plot.y.low, plot.y.high)))], style)
    }))?;
    Ok(())
}

fn stroke_line(
    context: &mut Context<'_, '_>,
    plot: &Plot,
    chart: &LineChart,
    line: &Line,
    values: &[f64],
    style: ShapeStyle,
) -> Result<(), Failed> {
    let mut lone = Vec::new();
    for piece in pieces(line, values, plot, chart.gap) {
        if let [point] = piece.as_slice() {
            lone.push(*point);
        }
        for run in clip(&piece, plot) {
            // Of very many lines each dash would be a mark of its own.
            if line.is_dashed && line.weight == Weight::Thin {
                let color = line.role.dashed().mix(style.color.3);
                context.draw_series(LineSeries::new(run, ShapeStyle { color, ..style }))?;
            } else if line.is_dashed {
                for dash in dashes(&run, plot) {
                    context.draw_series(LineSeries::new(dash, style))?;
                }
            } else {
                context.draw_series(LineSeries::new(run, style))?;
            }
        }
    }
    let is_marked = line.x.len() <= MARKED && !line.is_reference && line.weight != Weight::Thin;
    let has_marks = chart.has_marks && is_marked;
    let marks: Vec<(f64, f64)> =
        if has_marks { pieces(line, values, plot, chart.gap).into_iter().flatten().collect() } else { lone };
    let dot = fill(line.role, 1.0);
    let inside = marks
        .into_iter()
        .filter(|(x, y)| (plot.x.low..=plot.x.high).contains(x) && (plot.y.low..=plot.y.high).contains(y));
    context.draw_series(inside.map(|(x, y)| Circle::new((plot.x.place(x), plot.y.place(y)), 22, dot)))?;
    Ok(())
}

/// Runs of points that are joined.
fn pieces(line: &Line, values: &[f64], plot: &Plot, gap: Option<f64>) -> Vec<Vec<(f64, f64)>> {
    let shown = |x: f64, value: f64| can_show(&plot.x, x) && can_show(&plot.y, value);
    let mut pieces = vec![Vec::new()];
    let mut last = None;
    for (x, value) in line.x.iter().copied().zip(values.iter().copied()) {
        let torn = gap.zip(last).is_some_and(|(gap, last)| x - last > gap);
        if (torn || !shown(x, value)) && pieces.last().is_some_and(|piece| !piece.is_empty()) {
            pieces.push(Vec::new());
        }
        last = Some(x);
        if shown(x, value)
            && let Some(piece) = pieces.last_mut()
        {
            piece.push((x, value));
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// What of a polyline lies inside of the plot, on the axes' even scale (Liang and Barsky, 1984).
fn clip(piece: &[(f64, f64)], plot: &Plot) -> Vec<Vec<(f64, f64)>> {
    let (left, right) = (plot.x.place(plot.x.low), plot.x.place(plot.x.high));
    let (bottom, top) = (plot.y.place(plot.y.low), plot.y.place(plot.y.high));
    let even: Vec<(f64, f64)> = piece.iter().map(|(x, y)| (plot.x.place(*x), plot.y.place(*y))).collect();
    let mut runs: Vec<Vec<(f64, f64)>> = Vec::new();
    for pair in even.windows(2) {
        let ((x, y), (dx, dy)) = (pair[0], (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1));
        let (mut from, mut to) = (0.0_f64, 1.0_f64);
        let mut is_outside = false;
        for (along, room) in [(-dx, x - left), (dx, right - x), (-dy, y - bottom), (dy, top - y)] {
            if along == 0.0 {
                is_outside |= room < 0.0;
            } else if along < 0.0 {
                from = from.max(room / along);
            } else {
                to = to.min(room / along);
            }
        }
        if is_outside || from > to {
            continue;
        }
        let start = (x + from * dx, y + from * dy);
        let end = (x + to * dx, y + to * dy);
        match runs.last_mut() {
            Some(run) if from == 0.0 && run.last() == Some(&start) => run.push(end),
            _ => runs.push(vec![start, end]),
        }
    }
    runs
}

const DASH: f64 = 4.0;
const SPACE: f64 = 3.0;

/// A polyline cut into dashes of even length in pixels.
fn dashes(run: &[(f64, f64)], plot: &Plot) -> Vec<Vec<(f64, f64)>> {
    let x_scale = plot.width / (plot.x.place(plot.x.high) - plot.x.place(plot.x.low));
    let y_scale = plot.height / (plot.y.place(plot.y.high) - plot.y.place(plot.y.low));
    let mut dashes = Vec::new();
    let mut done = 0.0;
    for pair in run.windows(2) {
        let (dx, dy) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
        let length = (dx * x_scale).hypot(dy * y_scale);
        if length <= 0.0 {
            continue;
        }
        let mut at = 0.0;
        while at < length {
            let phase = (done + at) % (DASH + SPACE);
            let left = if phase < DASH { DASH - phase } else { DASH + SPACE - phase };
            let end = (at + left.max(0.01)).min(length);
            if phase < DASH {
                let point = |along: f64| (pair[0].0 + dx * along / length, pair[0].1 + dy * along / length);
                dashes.push(vec![point(at), point(end)]);
            }
            at = end;
        }
        done += length;
    }
    dashes
}

fn band(
    context: &mut Context<'_, '_>,
    plot: &Plot,
    chart: &LineChart,
    line: &Line,
    opacity: f64,
) -> Result<(), Failed> {
    let (low, high) = (plot.y.place(plot.y.low), plot.y.place(plot.y.high));
    let mut runs: Vec<Vec<(f64, f64, f64)>> = vec![Vec::new()];
    let mut last = None;
    for (x, (least, most)) in line.x.iter().copied().zip(line.band.iter().copied()) {
        let torn = chart.gap.zip(last).is_some_and(|(gap, last)| x - last > gap);
        last = Some(x);
        // A band that reaches beneath what a log axis shows ends at its edge.
        let shown = least.is_finite() && can_show(&plot.y, most);
        if (torn || !shown) && runs.last().is_some_and(|run| !run.is_empty()) {
            runs.push(Vec::new());
        }
        if shown
            && can_show(&plot.x, x)
            && (plot.x.low..=plot.x.high).contains(&x)
            && let Some(run) = runs.last_mut()
        {
            run.push((plot.x.place(x), plot.y.place(least).clamp(low, high), plot.y.place(most).clamp(low, high)));
        }
    }
    for run in runs.into_iter().filter(|run| run.len() > 1) {
        let mut outline: Vec<(f64, f64)> = run.iter().map(|(x, _, most)| (*x, *most)).collect();
        outline.extend(run.iter().rev().map(|(x, least, _)| (*x, *least)));
        context.draw_series([Polygon::new(outline, fill(line.role, opacity))])?;
    }
    Ok(())
}

/// Marks of one kind closer than this, in pixels, are one.
const MARKS_APART: f64 = 3.0;

/// NaN as a cross at the lower edge, ±∞ as an arrow head at its edge, what is not positive on a log
/// axis as a faint one at the lower edge.
fn odd_values(context: &mut Context<'_, '_>, plot: &Plot, line: &Line) -> Result<(), Failed> {
    let (low, high) = (plot.y.place(plot.y.low), plot.y.place(plot.y.high));
    let mut drawn = [f64::NEG_INFINITY; 4];
    for (index, (x, y)) in line.x.iter().zip(&line.y).enumerate() {
        if !can_show(&plot.x, *x) || !(plot.x.low..=plot.x.high).contains(x) {
            continue;
        }
        let NonFinite { nan, plus, minus } = line.non_finite_at(index);
        let is_beneath = y.is_finite() && !can_show(&plot.y, *y);
        let pixel = plot.x_pixel(*x);
        for (kind, is_there) in [nan > 0, plus > 0, minus > 0, is_beneath].into_iter().enumerate() {
            if !is_there || (pixel - drawn[kind]).abs() < MARKS_APART {
                continue;
            }
            drawn[kind] = pixel;
            let style = stroke(if kind == 3 { Role::Faint } else { Role::Bad }, 1.4, 1.0);
            let at = (plot.x.place(*x), if kind == 1 { high } else { low });
            if kind == 0 {
                let mark = EmptyElement::at(at)
                    + PathElement::new(vec![(-30, -60), (30, 0)], style)
                    + PathElement::new(vec![(-30, 0), (30, -60)], style);
                context.draw_series([mark])?;
            } else {
                let tip = if kind == 1 { 0 } else { -1 };
                let wing = if kind == 1 { 50 } else { -50 };
                let mark = EmptyElement::at(at) + PathElement::new(vec![(-35, wing), (0, tip), (35, wing)], style);
                context.draw_series([mark])?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_far_from_the_others_presses_none_flat() {
        let x: Vec<f64> = (0..50).map(f64::from).collect();
        let line = |name: &str, at: fn(f64) -> f64| {
            Line::new(name, Role::series(0), x.clone(), x.iter().map(|x| at(*x)).collect())
        };
        let falling = |x: f64| 1.0 - x / 100.0;
        let lines = vec![line("a", falling), line("b", |x| 0.9 - x / 100.0), line("diverged", |x| 1.0 + x * 1e3)];
        let chart = LineChart { lines, ..LineChart::default() };
        assert_eq!((chart.far_lines(), chart.is_pressed_flat()), (1, true));
        let (low, high) = chart.usual_range().unwrap();
        assert!((0.3..0.5).contains(&low) && (0.9..1.2).contains(&high), "{low} {high}");
        // Bounded, nothing more is offered.
        let bounded = Axis { range: Some((low, high)), ..Axis::default() };
        assert!(!LineChart { y: bounded, ..chart.clone() }.is_pressed_flat());
        // Of two none is the outlier, nor are those that are but somewhat apart.
        let two = LineChart { lines: vec![chart.lines[0].clone(), chart.lines[2].clone()], ..LineChart::default() };
        assert_eq!(two.far_lines(), 0);
        let apart = vec![line("a", falling), line("b", falling), line("c", |x| 2.0 - x / 100.0)];
        let apart = LineChart { lines: apart, ..LineChart::default() };
        assert_eq!((apart.far_lines(), apart.is_pressed_flat()), (0, false));
        // A band that one of its runs tore open, around a mean like the others'.
        let torn = Line { band: x.iter().map(|_| (-1e4, 1e4)).collect(), ..line("a", falling) };
        assert!(LineChart { lines: vec![torn, line("b", falling)], ..LineChart::default() }.is_pressed_flat());
    }

    #[test]
    fn one_value_far_from_all_else_presses_none_flat() {
        let x: Vec<f64> = (0..200).map(f64::from).collect();
        let mut y: Vec<f64> = x.iter().map(|x| 1.0 + x / 200.0).collect();
        y[0] = 1e6;
        y[100] = f64::NAN;
        let line = Line::new("a", Role::Series(1), x, y);
        let mut chart = LineChart { lines: vec![line], ..LineChart::default() };
        let (low, high) = chart.usual_range().unwrap();
        assert!((0.9..1.1).contains(&low) && (1.9..2.1).contains(&high), "{low} {high}");
        assert!(
            draw(
                &LineChart { y: Axis { range: Some((low, high)), ..Axis::default() }, ..chart.clone() },
                Size { width: 300.0, height: 200.0 }
            )
            .plot
            .y
            .high
                < 3.0
        );
        // Of the part that is looked at.
        chart.x.range = Some((150.0, 199.0));
        assert!(chart.usual_range().unwrap().0 > 1.7);
        chart.x.range = None;
        chart.y.from_zero = true;
        assert_eq!(chart.usual_range().unwrap().0, 0.0);
        chart.y = Axis { scale: Scale::Log, ..Axis::default() };
        assert!(chart.usual_range().is_some_and(|(low, high)| low > 0.9 && high < 2.2));
        chart.lines[0].y = vec![0.5; 200];
        assert_eq!(chart.usual_range(), None, "all are the same");
        chart.lines.clear();
        assert_eq!(chart.usual_range(), None);
    }
}
