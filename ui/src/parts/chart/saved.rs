//! What a chart's menu saves: the points as they were measured, all of those in view, and the lines as they are drawn.

use std::collections::{BTreeSet, HashSet};

use api::series::Viewport;
use charts::{line::LineChart, smooth::smooth, text_table::csv_line};

use crate::{
    client::wire,
    parts::{curves::InView, words},
};

/// Longer addresses are refused by the host.
const MOST_BYTES: usize = 60_000;

/// Points of series, which the host writes.
pub(super) struct Points {
    /// Where it does.
    pub(super) address: String,
    is_whole: bool,
    count: Option<u64>,
}

impl Points {
    /// Those of the lines that are not hidden.
    pub(super) fn of(points: Vec<InView>, hidden: &BTreeSet<String>) -> Self {
        let points = distinct(points, hidden);
        let address = format!("/api/blob/points?series={}", wire::encode(&asked(&points)));
        let is_whole =
            points.iter().all(|InView { asked, .. }| *asked == Viewport::whole(asked.run, asked.key.as_str()));
        Self { address, is_whole, count: points.iter().map(|point| point.count).sum() }
    }

    /// "Save points in view as CSV (12,345)".
    pub(super) fn label(&self) -> String {
        let which = if self.is_whole { "all points" } else { "points in view" };
        let count = self.count.map(|count| format!(" ({})", words::count(count))).unwrap_or_default();
        format!("Save {which} as CSV{count}")
    }

    /// Why they can't be saved.
    pub(super) fn blocked(&self) -> Option<String> {
        let why = "They are of too many series for one file: hide some, or export the runs.";
        (self.address.len() > MOST_BYTES).then(|| why.to_owned())
    }
}

/// Each series of the lines that are not hidden, once: what several lie along is one.
fn distinct(mut points: Vec<InView>, hidden: &BTreeSet<String>) -> Vec<InView> {
    let mut seen = HashSet::new();
    points.retain(|point| !hidden.contains(&point.name) && seen.insert((point.asked.run, point.asked.key.clone())));
    points
}

/// As the host reads it: an address has room for little, so that what is open is not said.
fn asked(points: &[InView]) -> String {
    let asked = points.iter().map(|InView { asked, .. }| {
        let mut one = serde_json::json!({"run": asked.run, "key": asked.key});
        let ends = [("from", asked.from), ("to", asked.to), ("from_ms", asked.from_ms), ("to_ms", asked.to_ms)];
        for (name, end) in ends {
            if let Some(end) = end {
                one[name] = end.into();
            }
        }
        one
    });
    serde_json::Value::Array(asked.collect()).to_string()
}

/// What the menu calls the lines; where there are no points beside them, they are all that there is.
pub(super) fn drawn_label(is_smoothed: bool, has_points: bool) -> &'static str {
    match (is_smoothed, has_points) {
        (true, _) => "Save drawn lines as CSV, with the smoothed values",
        (false, true) => "Save drawn lines as CSV",
        (false, false) => "Save as CSV",
    }
}

/// A chart's title in a picture of it, which says what was done to the lines.
pub(super) fn titled(title: &str, smoothing: f64) -> String {
    if smoothing > 0.0 { format!("{title}, smoothed {smoothing:.2}") } else { title.to_owned() }
}

/// One line a point and series as drawn: where a point stands for many, it is the last of them, with their least and their
/// greatest value. What is drawn smoothed stands beside it under that name.
pub(super) fn drawn(chart: &LineChart) -> String {
    let is_smoothed = chart.smoothing > 0.0;
    let mut head = vec!["series", "x", "value", "min", "max"];
    head.extend(is_smoothed.then_some("smoothed"));
    let mut text = csv_line(head);
    for line in &chart.lines {
        let smoothed = if is_smoothed && !line.is_reference { smooth(&line.y, chart.smoothing) } else { Vec::new() };
        for (index, (x, y)) in line.x.iter().zip(&line.y).enumerate() {
            let (least, most) = line.band.get(index).copied().unwrap_or((*y, *y));
            let mut cells = vec![line.name.clone()];
            cells.extend([*x, *y, least, most].map(|value| value.to_string()));
            // A line that is never smoothed has nothing there.
            cells.extend(is_smoothed.then(|| smoothed.get(index).map(f64::to_string).unwrap_or_default()));
            text.push_str(&csv_line(&cells));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use api::RunId;
    use charts::{line::Line, role::Role};

    use super::*;

    fn saved(count: Option<u64>, is_whole: bool) -> Points {
        Points { address: String::new(), is_whole, count }
    }

    #[test]
    fn a_menu_says_which_points_it_saves_and_how_many() {
        assert_eq!(saved(Some(12_345), true).label(), "Save all points as CSV (12,345)");
        assert_eq!(saved(Some(812), false).label(), "Save points in view as CSV (812)");
        // The host alone knows how many buckets hold.
        assert_eq!(saved(None, false).label(), "Save points in view as CSV");
        let long = Points { address: "x".repeat(MOST_BYTES + 1), ..saved(None, true) };
        assert!(long.blocked().is_some() && saved(None, true).blocked().is_none());
    }

    #[test]
    fn what_is_hidden_is_not_saved_and_what_is_asked_is_what_the_host_reads() {
        let run = RunId::from_bytes([1; 16]);
        let point = |name: &str, key: &str| {
            let asked = Viewport { from_ms: Some(5), ..Viewport::whole(run, key) };
            InView { name: name.to_owned(), asked, count: Some(2) }
        };
        let all = vec![point("a", "loss"), point("b", "accuracy"), point("a", "step"), point("a", "step")];
        let kept = distinct(all, &BTreeSet::from(["b".to_owned()]));
        let keys: Vec<&str> = kept.iter().map(|point| point.asked.key.as_str()).collect();
        assert_eq!(keys, ["loss", "step"]);
        let read: Vec<Viewport> = serde_json::from_str(&asked(&kept)).unwrap();
        assert_eq!(read, kept.iter().map(|point| point.asked.clone()).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_smoothed_is_called_so() {
        let line = Line::new("a", Role::Series(1), vec![0.0, 1.0], vec![1.0, 0.0]);
        let flat = Line::reference("floor", vec![0.0], vec![0.5]);
        let chart = LineChart { lines: vec![line, flat], ..LineChart::default() };
        assert_eq!(drawn(&chart), "series,x,value,min,max\r\na,0,1,1,1\r\na,1,0,0,0\r\nfloor,0,0.5,0.5,0.5\r\n");
        let smoothed = drawn(&LineChart { smoothing: 0.5, ..chart });
        let lines: Vec<&str> = smoothed.lines().collect();
        assert_eq!(
            (lines[0], lines[1], lines[3]),
            ("series,x,value,min,max,smoothed", "a,0,1,1,1,1", "floor,0,0.5,0.5,0.5,")
        );
        assert!(lines[2].starts_with("a,1,0,0,0,0.") && lines.len() == 4, "{}", lines[2]);
        assert_eq!((titled("Loss", 0.0), titled("Loss", 0.6)), ("Loss".to_owned(), "Loss, smoothed 0.60".to_owned()));
        assert_eq!(drawn_label(true, true), "Save drawn lines as CSV, with the smoothed values");
        assert_eq!(drawn_label(false, false), "Save as CSV");
    }
}
