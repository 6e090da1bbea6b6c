use api::{
    evaluation::{CalibrationCurve, Curve},
    series::{NonFinite, Series},
};
use charts::{
    axis::Axis,
    bars::{self, Bars, Categories, Histogram},
    confusion, curves, export,
    heat::{self, Cell, HeatMap, Row},
    line::{self, Line, LineChart, Weight},
    plot::{Scale, Size},
    role::Role,
    scatter, spark,
};

const SIZE: Size = Size { width: 420.0, height: 190.0 };

/// Keeps a drawing; one element a line, so that a difference is readable.
fn check(name: &str, svg: &str) {
    insta::assert_snapshot!(name, svg.replace("><", ">\n<"));
}

fn falling(count: usize) -> (Vec<f64>, Vec<f64>) {
    (0..count)
        .map(|step| {
            (step as f64 * 10.0, 0.02 * (-(step as f64) / 8.0).exp() + 0.002 + 0.0008 * f64::from(step as u8 % 3))
        })
        .unzip()
}

#[test]
fn a_line_has_its_raw_values_faint_behind_the_smoothed_ones() {
    let (x, y) = falling(40);
    let chart = LineChart {
        name: "Loss".to_owned(),
        lines: vec![Line::new("training", Role::Series(1), x, y)],
        x: Axis::labelled("step"),
        smoothing: 0.8,
        ..LineChart::default()
    };
    let drawing = line::draw(&chart, SIZE);
    check("line", &drawing.svg);
    assert_eq!(drawing.svg.matches("r-1\"").count(), 2);
}

#[test]
fn a_lone_moment_stands_in_its_hour_with_the_time_below() {
    // 2026-11-23 22:30 UTC.
    let at = 1_795_473_000_000.0;
    let chart = LineChart {
        lines: vec![Line::new("answered", Role::Series(1), vec![at], vec![60.0])],
        x: Axis { scale: Scale::Time { offset_minutes: 60 }, ..Axis::default() },
        y: Axis { from_zero: true, ..Axis::default() },
        ..LineChart::default()
    };
    let svg = line::draw(&chart, SIZE).svg;
    assert!(svg.contains(">23:30<"), "{svg}");
    assert!(svg.contains("<circle"), "{svg}");
    // Where nothing was, no time is said.
    let empty = LineChart { lines: Vec::new(), ..chart };
    let svg = line::draw(&empty, SIZE).svg;
    assert!(!svg.contains(":30<") && !svg.contains(":00<"), "{svg}");
}

#[test]
fn a_pyramid_has_a_band_and_a_log_axis_has_powers_of_ten() {
    let x: Vec<f64> = (0..12).map(|step| f64::from(step) * 1000.0).collect();
    let y: Vec<f64> = (0..12).map(|step| 10_f64.powf(2.0 - f64::from(step) / 3.0)).collect();
    let mut line = Line::new("loss", Role::Series(2), x, y.clone());
    line.band = y.iter().map(|value| (value * 0.7, value * 1.4)).collect();
    let chart =
        LineChart { lines: vec![line], y: Axis { scale: Scale::Log, ..Axis::default() }, ..LineChart::default() };
    check("band", &line::draw(&chart, SIZE).svg);
}

#[test]
fn what_is_not_finite_inside_of_a_bucket_is_marked_though_its_value_is_drawn() {
    let odd = NonFinite { nan: 2, plus: 0, minus: 1 };
    let all = |value: f64| vec![value; 3];
    let series = Series {
        raw: false,
        step: vec![99.0, 199.0, 299.0],
        last: all(2.0),
        min: all(1.0),
        max: all(3.0),
        non_finite: vec![NonFinite::default(), odd, NonFinite::default()],
        ..Series::default()
    };
    let line = Line::of_series("loss", Role::Series(1), series.step.clone(), &series);
    assert_eq!((line.non_finite_at(0).is_none(), line.non_finite_at(1).to_string()), (true, "2 NaN, 1 −∞".to_owned()));
    let marks = |line: &Line| {
        let chart = LineChart { lines: vec![line.clone()], ..LineChart::default() };
        line::draw(&chart, SIZE).svg.matches("s r-bad").count()
    };
    // A cross of two strokes and an arrow head, and the line goes on beneath them.
    assert_eq!(marks(&line), 3);
    assert_eq!(marks(&Line { non_finite: Vec::new(), ..line }), 0);
}

#[test]
fn what_is_not_a_number_tears_the_line_and_is_marked() {
    let y = vec![1.0, 2.0, f64::NAN, 3.0, f64::INFINITY, 2.0, f64::NEG_INFINITY];
    let x: Vec<f64> = (0..7).map(f64::from).collect();
    let chart = LineChart { lines: vec![Line::new("loss", Role::Series(1), x, y)], ..LineChart::default() };
    let svg = line::draw(&chart, SIZE).svg;
    // A cross of two strokes, and two arrow heads.
    assert_eq!(svg.matches("s r-bad").count(), 4);
    // One piece of two points; the other two stand alone as dots.
    assert_eq!(svg.matches("s r-1").count(), 1);
    assert_eq!(svg.matches("<circle").count(), 2);
}

#[test]
fn a_gap_is_a_gap() {
    let x = vec![0.0, 1.0, 2.0, 9.0, 10.0];
    let y = vec![1.0, 2.0, 1.0, 2.0, 1.0];
    let chart = |gap| LineChart {
        lines: vec![Line::new("rate", Role::Series(1), x.clone(), y.clone())],
        gap,
        ..LineChart::default()
    };
    assert_eq!(line::draw(&chart(None), SIZE).svg.matches("s r-1").count(), 1);
    assert_eq!(line::draw(&chart(Some(2.0)), SIZE).svg.matches("s r-1").count(), 2);
}

#[test]
fn counts_are_bars_and_nothing_is_drawn_where_nothing_came() {
    let line = Line::new("requests", Role::Series(1), vec![1.0, 2.0, 9.0], vec![4.0, 0.0, 2.0]);
    let chart = LineChart { lines: vec![line], bar_width: Some(1.0), ..LineChart::default() };
    let drawing = line::draw(&chart, SIZE);
    assert_eq!(drawing.svg.matches("f r-1").count(), 2);
    assert_eq!(drawing.svg.matches("s r-1").count(), 0, "no line joins them");
}

#[test]
fn zooming_in_never_draws_outside_of_the_plot() {
    let x: Vec<f64> = (0..100).map(f64::from).collect();
    let y: Vec<f64> = x.iter().map(|x| (x / 3.0).sin() * 1e6).collect();
    let chart = LineChart {
        lines: vec![Line::new("wave", Role::Series(1), x, y)],
        x: Axis { range: Some((20.5, 31.25)), ..Axis::default() },
        y: Axis { range: Some((-10.0, 10.0)), ..Axis::default() },
        ..LineChart::default()
    };
    let drawing = line::draw(&chart, SIZE);
    let plot = drawing.plot;
    let paths = drawing.svg.split("<path d=\"").skip(1).filter(|path| path.contains("s r-1"));
    for path in paths {
        let inside = path.split('"').next().unwrap();
        for point in inside.split(['M', 'L']).filter(|point| !point.is_empty()) {
            let (x, y) = point.split_once(' ').unwrap();
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            assert!(x >= plot.left - 0.11 && x <= plot.left + plot.width + 0.11, "{x}");
            assert!(y >= plot.top - 0.11 && y <= plot.top + plot.height + 0.11, "{y}");
        }
    }
}

#[test]
fn pixels_and_data_go_both_ways() {
    let (x, y) = falling(40);
    for scale in [Scale::Linear, Scale::Log] {
        let lines = vec![Line::new("loss", Role::Series(1), x.clone(), y.clone())];
        let chart = LineChart { lines, y: Axis { scale, ..Axis::default() }, ..LineChart::default() };
        let plot = line::draw(&chart, SIZE).plot;
        assert!((plot.x_value(plot.x_pixel(120.0)) - 120.0).abs() < 1e-9);
        assert!((plot.y_value(plot.y_pixel(0.007)) - 0.007).abs() < 1e-9);
    }
}

#[test]
fn curves_of_a_report() {
    let curve = Curve {
        class: "fraud".to_owned(),
        x: vec![0.0, 0.0, 0.1, 0.4, 1.0],
        y: vec![0.0, 0.6, 0.8, 0.95, 1.0],
        threshold: vec![1.0, 0.9, 0.5, 0.2, 0.0],
        area: 0.91,
    };
    check("roc", &line::draw(&curves::roc(std::slice::from_ref(&curve)), SIZE).svg);
    check("precision_recall", &line::draw(&curves::precision_recall(&[curve], Some(0.004)), SIZE).svg);
    let calibration = CalibrationCurve {
        class: "fraud".to_owned(),
        mean_predicted: vec![0.05, 0.3, 0.8],
        fraction_positive: vec![0.02, 0.35, 0.9],
        counts: vec![100, 20, 10],
    };
    check("calibration", &line::draw(&curves::calibration(&[calibration]), SIZE).svg);
}

#[test]
fn bars_over_each_other_are_shares() {
    let chart = Histogram {
        name: "amount".to_owned(),
        edges: vec![0.0, 10.0, 20.0, 30.0, 40.0],
        sets: vec![
            Bars::counted("training", Role::Series(8), &[10, 20, 30, 40]),
            Bars::counted("now", Role::Series(2), &[4000, 3000, 2000, 1000]),
        ],
        x: Axis { unit: "€".to_owned(), ..Axis::default() },
        has_counts: false,
    };
    check("histogram", &bars::histogram(&chart, SIZE).svg);
    let chart = Categories {
        name: "country".to_owned(),
        values: vec!["DE".to_owned(), "a very long name of a country indeed".to_owned()],
        sets: vec![
            Bars::counted("training", Role::Series(8), &[75, 25]),
            Bars::counted("now", Role::Series(2), &[1, 3]),
        ],
    };
    check("categories", &bars::categories(&chart, SIZE).svg);
    check("mini", &bars::mini(&[1, 0, 5, 1000], Role::Series(1), Size { width: 72.0, height: 22.0 }).svg);
}

#[test]
fn matrices_and_points() {
    let classes = vec!["0".to_owned(), "1".to_owned()];
    check("confusion", &confusion::draw(&classes, &[vec![56_000, 12], vec![40, 188]], SIZE).svg);
    check("residuals", &scatter::predicted_over_actual(&[1.0, 2.0, 3.0], &[1.2, 1.8, 3.3], "kg", None, SIZE).svg);
    check(
        "spark",
        &spark::draw(&[1.0, 3.0, f64::NAN, 2.0, 2.5], Role::Series(3), Size { width: 72.0, height: 18.0 }).svg,
    );
    let map = HeatMap {
        name: "Drift".to_owned(),
        rows: vec![
            Row {
                name: "amount".to_owned(),
                is_strong: true,
                cells: vec![Cell::Step(1), Cell::Step(4)],
                end: "0.31".to_owned(),
                state: Some(Role::Bad),
            },
            Row {
                name: "hour".to_owned(),
                is_strong: false,
                cells: vec![Cell::Undecided, Cell::Missing],
                end: "–".to_owned(),
                state: None,
            },
        ],
        columns: vec!["27 Oct".to_owned(), "28 Oct".to_owned()],
        chosen: Some((0, 1)),
    };
    let drawing = heat::draw(&map, 420.0);
    check("heat", &drawing.svg);
    assert_eq!(heat::cell_at(&map, &drawing.plot, drawing.plot.left + 3.0, 25.0), Some((1, 0)));
    assert_eq!(heat::cell_at(&map, &drawing.plot, 2.0, 25.0), None);
    // Whatever width it is given, its cells take it.
    let wide = heat::draw(&map, 600.0);
    assert_eq!((wide.plot.width - drawing.plot.width).round(), 180.0);
}

#[test]
fn an_exported_drawing_needs_no_style_sheet() {
    let (x, y) = falling(10);
    let chart = LineChart {
        name: "a < b".to_owned(),
        lines: vec![Line::new("loss", Role::Series(1), x, y)],
        ..LineChart::default()
    };
    let svg = export::standalone(&line::draw(&chart, SIZE).svg, &export::DARK);
    assert!(svg.contains("stroke=\"#5aaeea\"") && svg.contains("a &lt; b"));
    assert_eq!(svg.matches("class=").count(), 1, "only the document's own class is left");
}

#[test]
fn nothing_to_draw_is_drawn_too() {
    let empty = LineChart::default();
    assert!(line::draw(&empty, SIZE).svg.contains("</svg>"));
    assert!(spark::draw(&[], Role::Series(1), SIZE).svg.contains("</svg>"));
    assert!(bars::histogram(&Histogram::default(), SIZE).svg.contains("</svg>"));
    assert!(confusion::draw(&[], &[], SIZE).svg.contains("</svg>"));
    assert!(heat::draw(&HeatMap::default(), 0.0).svg.contains("</svg>"));
}

#[test]
fn an_amount_of_nothing_lies_on_the_ground() {
    let nothing = Line::new("requests", Role::Series(1), vec![0.0, 1.0, 2.0], vec![0.0; 3]);
    let y = Axis { from_zero: true, ..Axis::default() };
    let drawing = line::draw(&LineChart { lines: vec![nothing], y, ..LineChart::default() }, SIZE);
    assert_eq!((drawing.plot.y.low, drawing.plot.y.high), (0.0, 1.0));
}

/// 40 series of 100,000 points in 256 buckets each, as they come for a chart of many lines; of one of them one point
/// is a spike.
fn many_with_a_spike() -> Vec<Line> {
    let (points, buckets) = (100_000_usize, 256);
    let value = |of: usize, at: usize| {
        if (of, at) == (17, 54_321) { 50.0 } else { of as f64 / 40.0 + (at % 7) as f64 * 0.01 }
    };
    let line = |of: usize| {
        let ends: Vec<usize> = (1..=buckets).map(|bucket| bucket * points / buckets).collect();
        let starts = [0].into_iter().chain(ends.iter().copied());
        let band = starts.zip(&ends).map(|(start, end)| {
            (start..*end)
                .map(|at| value(of, at))
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
        });
        let band = band.collect();
        let x = ends.iter().map(|end| (end - 1) as f64).collect();
        let y = ends.iter().map(|end| value(of, end - 1)).collect();
        Line { band, weight: Weight::Thin, ..Line::new(format!("r{of}"), Role::Series(1), x, y) }
    };
    (0..40).map(line).collect()
}

#[test]
fn a_spike_of_one_point_among_very_many_lines_is_drawn() {
    for smoothing in [0.0, 0.9] {
        let chart = LineChart { lines: many_with_a_spike(), smoothing, ..LineChart::default() };
        let drawing = line::draw(&chart, SIZE);
        let spike = drawing.plot.y_pixel(50.0);
        let strokes = drawing.svg.split("<path d=\"").filter(|path| path.contains("r-1\""));
        let heights = strokes.flat_map(|path| {
            let points = path.split('"').next().unwrap_or_default().trim_start_matches('M').split(['L', 'M']);
            points.filter_map(|point| point.split_once(' ')?.1.parse::<f64>().ok()).collect::<Vec<_>>()
        });
        let highest = heights.fold(f64::INFINITY, f64::min);
        assert!((highest - spike).abs() < 0.2, "smoothed by {smoothing}: {highest} instead of {spike}");
    }
}
