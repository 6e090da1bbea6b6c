//! Runs by their values: a scatter with or without contours, and parallel coordinates, as the window and the command
//! line draw them.
//!
//! Both fetch the cells of the run table by themselves; what becomes of them is said here once.

pub mod keys;
pub mod moment;

use std::collections::BTreeMap;

use api::{
    run_table::{RunCells, filled},
    table_view::{Plotted, field},
};

use crate::{
    axis::Axis,
    contour,
    export::{self, Sign},
    parallel::{self, Coordinate, Kind, Parallel},
    plot::{Drawing, Scale, Size},
    ramp::{self, Shade},
    role::Role,
    scatter::{self, Scatter},
    shape::Mark,
    text_table::csv_line,
};

/// Runs that are drawn at most: what whoever draws keeps the values of. Of many the charts draw where they lie close,
/// however many they are.
pub const MOST: u64 = 200_000;
/// Width of the key of the colours.
pub const KEY: f64 = 260.0;

/// What was fetched of the runs, in the order of the table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cells {
    pub ids: Vec<String>,
    pub names: Vec<String>,
    /// By the column's name.
    pub columns: BTreeMap<String, Vec<Option<String>>>,
    /// How many runs match in all.
    pub total: u64,
    /// What runs are known by beside the chart, one for each, or none.
    pub marks: Vec<Mark>,
    /// What a legend says of them.
    pub legend: Vec<(Mark, String)>,
    /// How many minutes the clock of whoever looks at them is ahead of UTC: times along an axis are theirs.
    pub zone_minutes: i32,
}

impl Cells {
    /// The columns that are asked of the table ([`api::run_table::TabulateRuns`]) for these names.
    pub fn asked(names: &[String]) -> Vec<String> {
        ["id", "name"].map(str::to_owned).into_iter().chain(names.iter().map(|name| field(name))).collect()
    }

    /// Takes a piece of the table that was asked for so. A chart shows a run's own figures, as a filter looks at them.
    pub fn add(&mut self, names: &[String], piece: RunCells) {
        for row in piece.own_rows() {
            let mut row = filled(row, names.len() + 2).into_iter();
            self.ids.push(row.next().flatten().unwrap_or_default());
            self.names.push(row.next().flatten().unwrap_or_default());
            for (name, cell) in names.iter().zip(row) {
                self.columns.entry(name.clone()).or_default().push(cell);
            }
        }
    }

    /// These columns of these runs as they were logged, a line a run.
    pub fn as_csv(&self, columns: &[String], runs: &[usize]) -> String {
        let head = ["id", "name"].map(str::to_owned).into_iter().chain(columns.iter().cloned());
        let row = |run: &usize| {
            let own = [&self.ids, &self.names].map(|texts| texts.get(*run).cloned().unwrap_or_default());
            let cell = |name: &String| self.column(name).get(*run).cloned().flatten().unwrap_or_default();
            csv_line(own.into_iter().chain(columns.iter().map(cell)))
        };
        csv_line(head) + &runs.iter().map(row).collect::<String>()
    }

    /// A column's cells; none of one that was not fetched.
    pub fn column(&self, name: &str) -> &[Option<String>] {
        self.columns.get(name).map_or(&[], Vec::as_slice)
    }

    /// A column's numbers, of moments their milliseconds; NaN where there is none.
    pub fn numbers(&self, name: &str) -> Vec<f64> {
        let read = |text: &String| {
            if moment::is_moment(name) { moment::read(text) } else { text.trim().parse().ok() }
        };
        let number = |cell: &Option<String>| cell.as_ref().and_then(read);
        self.column(name).iter().map(|cell| number(cell).unwrap_or(f64::NAN)).collect()
    }
}

/// A column that was fetched as an axis: of times where it has moments.
pub fn axis_of(cells: &Cells, name: &str, label: String, is_log: bool) -> Coordinate {
    if moment::is_moment(name) {
        let scale = Scale::Time { offset_minutes: cells.zone_minutes };
        return Coordinate::new(label, Kind::Numbers(scale), cells.numbers(name));
    }
    coordinate(label, cells.column(name), is_log)
}

/// A column as an axis: of numbers where every value that is there is one, else of categories by their names.
pub fn coordinate(label: String, cells: &[Option<String>], is_log: bool) -> Coordinate {
    let number = |cell: &Option<String>| cell.as_ref().map_or(Some(f64::NAN), |text| text.trim().parse().ok());
    if let Some(numbers) = cells.iter().map(number).collect::<Option<Vec<f64>>>() {
        let scale = if is_log { Scale::Log } else { Scale::Linear };
        return Coordinate::new(label, Kind::Numbers(scale), numbers);
    }
    let mut names: Vec<&str> = cells.iter().flatten().map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let place = |cell: &Option<String>| {
        let at = cell.as_ref().and_then(|text| names.binary_search(&text.as_str()).ok());
        at.map_or(f64::NAN, |at| at as f64)
    };
    let values = cells.iter().map(place).collect();
    Coordinate::new(label, Kind::Categories(names.iter().map(|name| (*name).to_owned()).collect()), values)
}

/// Axes with a line a run. Runs that have colours keep them; of the others the last axis says which they have.
pub fn parallel_of(coordinates: Vec<Coordinate>, marks: &[Mark]) -> Parallel {
    let last = coordinates.last().filter(|last| marks.is_empty() && matches!(last.kind, Kind::Numbers(_)));
    let shade = last.map(|last| {
        let scale = if let Kind::Numbers(scale) = last.kind { scale } else { Scale::Linear };
        Shade { name: last.name.clone(), values: last.values.clone(), scale }
    });
    let roles = marks.iter().map(|mark| mark.role).collect();
    let dashed = marks.iter().map(|mark| mark.is_dashed).collect();
    Parallel {
        name: "Runs in parallel coordinates".to_owned(),
        coordinates,
        shade,
        roles,
        dashed,
        ..Parallel::default()
    }
}

/// Whether a column's axis is logarithmic: as a person chose, else where it is a param whose values are all positive and
/// span two decades, such as a learning rate.
pub fn is_log(cells: &Cells, now: &Plotted, name: &str) -> bool {
    const DECADES: f64 = 100.0;
    let spans_decades = || {
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for value in cells.numbers(name).into_iter().filter(|value| !value.is_nan()) {
            (least, most) = (least.min(value), most.max(value));
        }
        least > 0.0 && most.is_finite() && most / least >= DECADES
    };
    now.chosen_log(name).unwrap_or_else(|| name.starts_with(keys::PARAM) && spans_decades())
}

/// Runs by two columns, coloured by a third where it is not empty; `called` says what a column is called.
pub fn scatter_of(cells: &Cells, now: &Plotted, [x, y, colour]: [&str; 3], called: impl Fn(&str) -> String) -> Scatter {
    let scale = |name: &str| match is_log(cells, now, name) {
        _ if moment::is_moment(name) => Scale::Time { offset_minutes: cells.zone_minutes },
        true => Scale::Log,
        false => Scale::Linear,
    };
    let axis = |name: &str, label_below| Axis { scale: scale(name), label_below, ..Axis::labelled(called(name)) };
    let shade = (!colour.is_empty()).then(|| Shade {
        name: called(colour),
        values: cells.numbers(colour),
        scale: scale(colour),
    });
    Scatter {
        name: format!("{} over {}", called(y), called(x)),
        names: cells.names.clone(),
        x_name: called(x),
        y_name: called(y),
        x_values: cells.numbers(x),
        y_values: cells.numbers(y),
        shade,
        roles: cells.marks.iter().map(|mark| mark.role).collect(),
        shapes: cells.marks.iter().map(|mark| mark.shape).collect(),
        x: axis(x, true),
        y: axis(y, false),
        ..Scatter::default()
    }
}

/// Draws a scatter, over the contours of its colour where they are asked for and it has one.
pub fn draw_scatter(chart: &Scatter, has_contours: bool, size: Size) -> Drawing {
    if has_contours && chart.shade.is_some() { contour::draw(chart, size) } else { scatter::draw(chart, size) }
}

/// The same for a file, with the key of its colours and the legend of its marks below it, and the size that it has then.
/// Over contours all points are alike, so that no legend tells them apart.
pub fn scatter_file(chart: &Scatter, has_contours: bool, legend: Vec<(Mark, String)>, size: Size) -> (Drawing, Size) {
    let y = Axis { label_above: true, ..chart.y.clone() };
    let drawing = draw_scatter(&Scatter { y, ..chart.clone() }, has_contours, size);
    let (drawing, size) = match &chart.shade {
        Some(shade) => (export::with_key(drawing, size, &ramp::key(shade, KEY)), export::size_with_key(size)),
        None => (drawing, size),
    };
    if legend.is_empty() || (has_contours && chart.shade.is_some()) {
        return (drawing, size);
    }
    let sign = |(mark, name): (Mark, String)| {
        let role = if chart.shade.is_some() { Role::Muted } else { mark.role };
        (role, Sign::Point(mark.shape), name)
    };
    let names: Vec<_> = legend.into_iter().map(sign).collect();
    let svg = export::with_names(&drawing, size, &names);
    (Drawing { svg, ..drawing }, export::size_with_names(size, names.len()))
}

/// Parallel coordinates for a file, with the legend of their lines below them.
pub fn parallel_file(chart: &Parallel, legend: Vec<(Mark, String)>, size: Size) -> Drawing {
    let drawing = parallel::draw(chart, size).0;
    if legend.is_empty() {
        return drawing;
    }
    let sign = |(mark, name): (Mark, String)| (mark.role, Sign::of_line(mark.is_dashed), name);
    let names: Vec<_> = legend.into_iter().map(sign).collect();
    Drawing { svg: export::with_names(&drawing, size, &names), ..drawing }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| Some((*text).to_owned()).filter(|text| !text.is_empty())).collect()
    }

    #[test]
    fn a_column_is_of_numbers_or_of_categories() {
        let rates = coordinate("lr".to_owned(), &cells(&["0.1", "", "1e-3"]), true);
        assert_eq!(rates.kind, Kind::Numbers(Scale::Log));
        assert!(rates.value(1).is_nan() && rates.value(2) == 0.001);
        let models = coordinate("model".to_owned(), &cells(&["trees", "", "linear", "trees"]), true);
        assert_eq!(models.kind, Kind::Categories(vec!["linear".to_owned(), "trees".to_owned()]));
        assert!(models.value(0) == 1.0 && models.value(1).is_nan());
    }

    fn two() -> Cells {
        let names = ["param.lr", "metric.loss"].map(str::to_owned);
        let text = |at: u32, text: &str| (at, text.to_owned());
        let piece = RunCells {
            columns: Vec::new(),
            left_out: 0,
            rows: vec![
                vec![text(0, "1"), text(1, "slow"), text(2, "0.1"), text(3, "4")],
                vec![text(0, "2"), text(1, "fast"), text(3, "0.5")],
            ],
            total: 2,
            looked_at: 2,
            notes: Vec::new(),
            // The second loss is of a run below: it is none of the chart's.
            below: vec![(1, 3)],
        };
        let mut cells = Cells { total: 2, ..Cells::default() };
        cells.add(&names, piece);
        cells
    }

    #[test]
    fn a_piece_of_the_table_becomes_columns_of_own_figures() {
        assert_eq!(Cells::asked(&["param.a key".to_owned()]), ["id", "name", "param.\"a key\""]);
        let two = two();
        assert_eq!((two.ids.len(), two.names[1].as_str()), (2, "fast"));
        assert_eq!(two.column("param.lr"), cells(&["0.1", ""]));
        let loss = two.numbers("metric.loss");
        assert!(loss[0] == 4.0 && loss[1].is_nan());
    }

    #[test]
    fn runs_lie_along_when_they_began_and_how_long_they_took() {
        let (started, took) = (cells(&["1970-01-01T00:00:02Z", ""]), cells(&["60", "90.5"]));
        let columns = [("started".to_owned(), started), ("duration".to_owned(), took)].into();
        let two = Cells { columns, zone_minutes: 60, ..two() };
        let now = Plotted { log: vec!["started".to_owned()], ..Plotted::default() };
        let chart = scatter_of(&two, &now, ["started", "duration", ""], str::to_owned);
        let clock = Scale::Time { offset_minutes: 60 };
        assert_eq!((chart.x.scale, chart.y.scale), (clock, Scale::Linear), "no clock has a logarithm");
        assert!(chart.x_values[0] == 2_000.0 && chart.x_values[1].is_nan());
        assert_eq!((chart.y_values.as_slice(), chart.left_out()), (&[60.0, 90.5][..], 1));
        let told = scatter::draw(&chart, Size { width: 400.0, height: 200.0 }).spots;
        assert_eq!(told[0].figures[0].words, "1 Jan 1970 01:00");
        let axis = axis_of(&two, "started", "Started".to_owned(), false);
        assert_eq!((axis.kind, axis.values[0]), (Kind::Numbers(clock), 2_000.0));
        let csv = two.as_csv(&["started".to_owned()], &[0]);
        assert!(csv.ends_with("1970-01-01T00:00:02Z\r\n"), "as it was written: {csv}");
    }

    #[test]
    fn axes_are_scaled_as_the_view_says_and_marks_are_kept() {
        let marks: Vec<Mark> = (0..2).map(Mark::series).collect();
        let cells = Cells { marks: marks.clone(), ..two() };
        let now = Plotted { log: vec!["param.lr".to_owned()], ..Plotted::default() };
        let chart = scatter_of(&cells, &now, ["param.lr", "metric.loss", ""], str::to_owned);
        assert_eq!((chart.x.scale, chart.y.scale), (Scale::Log, Scale::Linear));
        assert!(chart.shade.is_none() && chart.left_out() == 1);
        let axis = |name: &str| coordinate(name.to_owned(), cells.column(name), is_log(&cells, &now, name));
        let axes = || vec![axis("param.lr"), axis("metric.loss")];
        assert!(parallel_of(axes(), &marks).shade.is_none(), "runs that have colours keep them");
        assert_eq!(parallel_of(axes(), &[]).shade.map(|shade| shade.name), Some("metric.loss".to_owned()));
    }

    #[test]
    fn a_param_that_spans_decades_lies_on_a_logarithmic_axis_until_a_person_chooses() {
        let of = |texts: &[&str]| {
            let columns = [("param.lr".to_owned(), cells(texts)), ("metric.loss".to_owned(), cells(texts))].into();
            Cells { columns, ..two() }
        };
        let by_itself = |texts: &[&str]| is_log(&of(texts), &Plotted::default(), "param.lr");
        assert!(by_itself(&["0.001", "0.1"]) && by_itself(&["0.001", "", "1", "NaN"]));
        for texts in
            [&["0.0011", "0.1"][..], &["0", "1000"], &["-1", "1000"], &["1", "inf"], &["small", "large"], &[""]]
        {
            assert!(!by_itself(texts), "{texts:?}");
        }
        let decades = of(&["0.001", "0.1"]);
        assert!(!is_log(&decades, &Plotted::default(), "metric.loss"), "a metric's axis is asked for");
        let mut now = Plotted::default();
        let scale = |now: &Plotted| scatter_of(&decades, now, ["param.lr", "metric.loss", ""], str::to_owned).x.scale;
        assert_eq!(scale(&now), Scale::Log);
        now.choose_log("param.lr", false);
        assert_eq!(scale(&now), Scale::Linear);
    }

    #[test]
    fn a_file_says_below_it_what_its_colours_are() {
        let size = Size { width: 400.0, height: 200.0 };
        let legend = || vec![(Mark::series(0), "slow".to_owned())];
        let now = Plotted::default();
        let plain = scatter_of(&two(), &now, ["param.lr", "metric.loss", ""], str::to_owned);
        let (drawing, with_names) = scatter_file(&plain, false, legend(), size);
        assert!(drawing.svg.contains(">slow</text>") && with_names.height > size.height);
        assert!(drawing.svg.contains(">metric.loss</text>") && drawing.svg.contains(">param.lr</text>"));
        assert!(!draw_scatter(&plain, false, size).svg.contains(">metric.loss</text>"), "its card says it");
        let coloured = scatter_of(&two(), &now, ["param.lr", "metric.loss", "param.lr"], str::to_owned);
        let (drawing, with_key) = scatter_file(&coloured, true, legend(), size);
        assert!(!drawing.svg.contains(">slow</text>") && with_key == export::size_with_key(size));
    }
}
