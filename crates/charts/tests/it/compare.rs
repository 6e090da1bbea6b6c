//! What Compare draws: many runs by their parameters and metrics.

use charts::{
    axis::Axis,
    contour, distribution_steps as distribution,
    distribution_steps::{Distribution, Step},
    export::{self, Sign},
    group::{self, Spread},
    importance::{self, Importance},
    line::{self, Line, LineChart, Weight},
    parallel::{self, Brush, Coordinate, Kind, Parallel, Place},
    plot::{Drawing, Part, Scale, Size},
    ramp::{self, Shade},
    role::Role,
    scatter::{self, Scatter},
    shape::Shape,
    values::{self, Value},
};

const SIZE: Size = Size { width: 560.0, height: 240.0 };
const NARROW: Size = Size { width: 320.0, height: 220.0 };
const WIDE: Size = Size { width: 1200.0, height: 320.0 };

/// Evenly spread over 0 to 1, the same each time (Weyl's sequence).
fn spread(index: usize, by: f64) -> f64 {
    (index as f64 * by).fract()
}

fn runs(count: usize) -> Parallel {
    let column = |by: f64| (0..count).map(move |index| spread(index, by));
    let rate: Vec<f64> = column(0.618_034).map(|value| 10_f64.powf(-5.0 + 4.0 * value)).collect();
    let score: Vec<f64> =
        rate.iter().zip(column(0.7548)).map(|(rate, by)| 0.9 - (rate.log10() + 3.0).abs() * 0.1 - by * 0.1).collect();
    let dropout = column(0.5698).map(|value| if value < 0.15 { f64::NAN } else { value * 0.5 });
    let kinds = vec!["adam".to_owned(), "sgd".to_owned(), "größte Familie der Optimierer 最適化".to_owned()];
    let kind = column(0.3247).map(|value| (value * 3.0).floor());
    let coordinates = vec![
        Coordinate::new("learning_rate", Kind::Numbers(Scale::Log), rate),
        Coordinate::new("optimizer", Kind::Categories(kinds), kind.collect()),
        Coordinate::new("dropout of the last hidden layer", Kind::Numbers(Scale::Linear), dropout.collect()),
        Coordinate::new("accuracy", Kind::Numbers(Scale::Linear), score.clone()),
    ];
    let shade = Shade { name: "accuracy".to_owned(), values: score, ..Shade::default() };
    Parallel { name: "Runs".to_owned(), coordinates, shade: Some(shade), ..Parallel::default() }
}

fn points(count: usize) -> Scatter {
    let x: Vec<f64> = (0..count).map(|index| 10_f64.powf(-4.0 + 3.0 * spread(index, 0.618_034))).collect();
    let y: Vec<f64> = (0..count).map(|index| spread(index, 0.7548) * 0.5).collect();
    let values = x.iter().zip(&y).map(|(x, y)| 1.0 - (x.log10() + 2.5).powi(2) * 0.2 - (y - 0.2).abs()).collect();
    Scatter {
        name: "accuracy".to_owned(),
        x_name: "rate".to_owned(),
        y_name: "dropout".to_owned(),
        x_values: x,
        y_values: y,
        shade: Some(Shade { name: "accuracy".to_owned(), values, ..Shade::default() }),
        x: Axis { scale: Scale::Log, label: "rate".to_owned(), label_below: true, ..Axis::default() },
        ..Scatter::default()
    }
}

fn normal(x: f64) -> Step {
    let edges: Vec<f64> = (-20..=20).map(|edge| f64::from(edge) * 0.2 + x * 0.01).collect();
    let counts = (-20..20).map(|bin| (1000.0 * (-(f64::from(bin) * 0.2).powi(2)).exp()).floor()).collect();
    Step { x, edges, counts }
}

/// Every number of a path or mark is one.
fn is_sound(svg: &str) -> bool {
    !svg.contains("NaN") && !svg.contains("inf") && !svg.contains("2147483")
}

#[test]
fn a_line_goes_through_the_value_of_each_axis_and_pixels_lead_back() {
    let (drawing, layout) = parallel::draw(&runs(3), SIZE);
    insta::assert_snapshot!("parallel", drawing.svg.replace("><", ">\n<"));
    for value in [1e-5, 1e-4, 1e-3] {
        let Place::Value(found) = layout.axes[0].at(layout.axes[0].pixel(value)) else { panic!() };
        assert!((found / value - 1.0).abs() < 1e-6, "{found} of {value}");
    }
    let dropout = layout.axes[2];
    assert_eq!(layout.at(dropout.x + 3.0, dropout.missing), Some((2, Place::Missing)));
    assert_eq!(dropout.pixel(f64::NAN), dropout.missing);
    assert_eq!(dropout.brush(dropout.missing, dropout.missing), Brush::Missing);
    assert_eq!(dropout.pixel(f64::INFINITY), dropout.top);
    let Brush::Between(low, high) = dropout.brush(dropout.top, dropout.top + 20.0) else { panic!() };
    assert!(low.is_finite() && high == f64::INFINITY, "a brush to the end holds what lies beyond");
    assert_eq!(layout.axes[0].pixel(-1.0), dropout.missing, "a log axis has no place for it");
}

#[test]
fn what_is_brushed_keeps_its_colour_and_the_rest_is_faint() {
    let mut chart = runs(200);
    let all = parallel::draw(&chart, SIZE).0.svg.matches("s r-ramp-").count();
    chart.coordinates[1].brush = Some(Brush::Between(0.5, 1.5));
    let kept = (0..200).filter(|run| chart.is_brushed(*run)).count();
    let drawing = parallel::draw(&chart, SIZE).0;
    assert!(kept > 20 && kept < 180);
    assert_eq!((all, drawing.svg.matches("s r-ramp-").count()), (200, kept));
    chart.coordinates[2].brush = Some(Brush::Missing);
    assert!((0..200).filter(|run| chart.is_brushed(*run)).all(|run| chart.coordinates[2].value(run).is_nan()));
}

#[test]
fn the_run_under_the_pointer_is_found() {
    let chart = runs(50);
    let (_, layout) = parallel::draw(&chart, SIZE);
    let y = layout.axes[3].pixel(chart.coordinates[3].value(7));
    assert_eq!(chart.nearest(&layout, layout.axes[3].x, y, 4.0), Some(7));
    assert_eq!(chart.nearest(&layout, layout.axes[3].x, -50.0, 4.0), None);
}

#[test]
fn a_hundred_thousand_runs_take_no_more_marks_than_a_few_thousand() {
    let (drawing, _) = parallel::draw(&runs(100_000), WIDE);
    assert!(drawing.svg.matches("<path").count() < 8100, "{}", drawing.svg.matches("<path").count());
    let mut brushed = runs(100_000);
    brushed.coordinates[3].brush = Some(Brush::Between(0.89, 1.0));
    assert!(parallel::draw(&brushed, WIDE).0.svg.matches("<path").count() < 18_100);
    let moving = parallel::draw(&Parallel { is_moving: true, ..brushed }, WIDE).0.svg.matches("<path").count();
    assert!(moving < 4_600, "a frame while a brush is dragged: {moving}");
    let only = Parallel { coordinates: runs(100_000).coordinates.into_iter().take(1).collect(), ..Parallel::default() };
    let dashes = parallel::draw(&only, WIDE).0.svg.matches("<path").count();
    assert!((2..1_000).contains(&dashes), "one axis: {dashes}");
    let drawing = scatter::draw(&points(100_000), WIDE);
    assert!(drawing.spots.len() <= scatter::MOST * 11 / 10, "{}", drawing.spots.len());
    assert!(contour::draw(&points(100_000), WIDE).svg.len() < 2_000_000);
}

#[test]
fn a_part_that_is_looked_at_closer_has_its_points_one_by_one() {
    let all = Scatter { names: (0..100_000).map(|at| format!("r{at}")).collect(), ..points(100_000) };
    let part = Part { x: (1e-3, 1.2e-3), y: (0.2, 0.25) };
    let in_it = |index: &usize| {
        (part.x.0..=part.x.1).contains(&all.x_values[*index]) && (part.y.0..=part.y.1).contains(&all.y_values[*index])
    };
    let count = (0..100_000).filter(in_it).count();
    assert!((10..scatter::MOST).contains(&count), "{count}");
    let closer = all.within(part);
    let drawing = scatter::draw(&closer, WIDE);
    assert_eq!(drawing.spots.len(), count);
    assert!(drawing.spots.iter().all(|spot| spot.head.starts_with('r')), "each is a run's");
    assert_eq!((drawing.plot.x.low, drawing.plot.y.high), (1e-3, 0.25));
    assert_eq!(contour::draw(&closer, WIDE).spots.len(), count);
    assert_eq!(closer.left_out(), all.left_out(), "what lies elsewhere has its place there");
}

#[test]
fn points_are_coloured_by_a_third_value_and_told() {
    let mut chart = points(12);
    (chart.baseline, chart.counts) = (Some(2), (1..=12).collect());
    chart.x_values[5] = 0.0;
    let drawing = scatter::draw(&chart, SIZE);
    insta::assert_snapshot!("scatter", drawing.svg.replace("><", ">\n<"));
    assert_eq!((drawing.spots.len(), chart.left_out()), (11, 1));
    let names: Vec<&str> = drawing.spots[1].figures.iter().map(|said| said.name.as_str()).collect();
    assert_eq!(names, ["rate", "dropout", "accuracy", "runs"]);
    assert!(drawing.spots[10].width > drawing.spots[0].width);
}

#[test]
fn contours_are_empty_far_from_every_run() {
    let mut chart = points(40);
    let full = contour::draw(&chart, SIZE).svg.matches("f r-ramp-").count();
    // All runs but one in the lower left corner.
    for index in 0..39 {
        (chart.x_values[index], chart.y_values[index]) =
            (1e-4 * (1.0 + spread(index, 0.618)), 0.02 * spread(index, 0.75));
    }
    let drawing = contour::draw(&chart, SIZE);
    assert!(full > 60 && drawing.svg.contains("f r-ramp-"));
    let plot = drawing.plot;
    let middle = (plot.left + plot.width * 0.5, plot.top + plot.height * 0.5);
    for rect in drawing.svg.split("<rect ").skip(1).filter(|rect| rect.contains("r-ramp-")) {
        let number = |name: &str| -> f64 {
            rect.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        let (x, y) = (number("x"), number("y"));
        let covers = (x..x + number("width")).contains(&middle.0) && (y..y + number("height")).contains(&middle.1);
        assert!(!covers, "{rect}");
    }
    assert_eq!(contour::draw(&points(2), SIZE).svg.matches("f r-ramp-").count(), 0);
}

#[test]
fn importance_says_the_sign_and_cuts_long_names() {
    let row = |name: &str, importance, correlation| Importance { name: name.to_owned(), importance, correlation };
    let rows = [
        row("learning_rate", 0.61, Some(-0.412)),
        row("a very long name of a parameter that no one can read to its end", 0.3, Some(0.2)),
        row("optimizer", f64::NAN, None),
    ];
    insta::assert_snapshot!("importance", importance::draw("Importance", &rows, 320.0).svg.replace("><", ">\n<"));
    let many: Vec<Importance> = (0..5000).map(|index| row(&format!("p{index}"), 0.1, None)).collect();
    let svg = importance::draw("Importance", &many, 320.0).svg;
    assert!(svg.contains("and 4,940 more") && svg.matches("<rect").count() == importance::MOST);
}

#[test]
fn percentiles_lie_within_their_bars() {
    let found = distribution::percentiles(&[0.0, 1.0, 2.0, 3.0], &[0.0, 10.0, 0.0]).unwrap();
    assert_eq!((found[0], found[4], found[8]), (1.0, 1.5, 2.0));
    assert!((found[1] - 1.0668).abs() < 1e-12);
    assert_eq!(distribution::percentiles(&[0.0, 1.0], &[0.0]), None);
    assert_eq!(distribution::percentiles(&[0.0, 1.0], &[1.0, 2.0]), None);
    assert_eq!(distribution::percentiles(&[0.0, f64::NAN], &[1.0]), None);
}

#[test]
fn a_distribution_over_steps_has_bands_and_gaps() {
    let mut steps: Vec<Step> = (0..6).map(|step| normal(f64::from(step) * 10.0)).collect();
    steps[3].counts.clear();
    steps.swap(0, 5);
    let chart = Distribution { name: "weights".to_owned(), steps, ..Distribution::default() };
    let drawing = distribution::draw(&chart, SIZE);
    insta::assert_snapshot!("distribution_steps", drawing.svg.replace("><", ">\n<"));
    assert_eq!(drawing.svg.matches("s r-1").count(), 2, "a median on either side of the gap");
    let many = Distribution { steps: (0..5000).map(|step| normal(f64::from(step))).collect(), ..chart };
    assert_eq!(distribution::draw(&many, SIZE).spots.len(), distribution::MOST);
}

#[test]
fn all_of_a_histogram_ends_at_its_last_bar_however_little_is_in_it() {
    let found = distribution::percentiles(&[-2.0, -1.0, 0.0, 1.0, 2.0], &[1e-40, 500.0, 500.0, 1e-40]).unwrap();
    assert_eq!((found[0], found[4], found[8]), (-2.0, 0.0, 2.0));
}

#[test]
fn a_group_is_its_mean_with_the_band_around_it() {
    let one = |x: &[f64], y: &[f64]| Line::over("", Role::Series(1), x, y);
    let lines = [one(&[0.0, 2.0], &[0.0, 2.0]), one(&[2.0, 0.0, 1.0], &[6.0, 2.0, f64::NAN]), one(&[1.0], &[4.0])];
    let mean = group::mean("g", Role::Series(2), &lines, Spread::Extremes);
    assert_eq!((mean.x, mean.y), (vec![0.0, 1.0, 2.0], vec![1.0, 3.0, 4.0]));
    assert_eq!(mean.band, [(0.0, 2.0), (1.0, 4.0), (2.0, 6.0)]);
    let deviation = group::mean("g", Role::Series(2), &lines[..2], Spread::Deviation);
    assert!((deviation.band[0].1 - (1.0 + 2.0_f64.sqrt())).abs() < 1e-12);
    let long: Vec<f64> = (0..5000).map(f64::from).collect();
    assert_eq!(group::mean("g", Role::Series(2), &[one(&long, &long)], Spread::Extremes).x.len(), group::MOST);
}

#[test]
fn a_log_axis_leaves_out_what_is_not_positive_and_says_how_much() {
    let x = [30.0, -1.0, 10.0, 20.0, f64::NAN, 0.0];
    let line = Line::over("loss", Role::Series(1), &x, &[0.3, 0.2, 0.1, -0.5, 1.0, 0.4]);
    assert_eq!(line.x, [-1.0, 0.0, 10.0, 20.0, 30.0]);
    let log = || Axis { scale: Scale::Log, ..Axis::default() };
    let chart = LineChart { lines: vec![line], x: log(), y: log(), ..LineChart::default() };
    assert_eq!(chart.left_out(), 3);
    let svg = line::draw(&chart, SIZE).svg;
    assert_eq!(svg.matches("s r-faint").count(), 1, "the value below zero is marked");
    assert_eq!(svg.matches("s r-1").count(), 0, "nothing is joined over it");
}

#[test]
fn the_scale_of_colours_has_its_ends_and_equal_values_have_a_step() {
    let shade = Shade { values: vec![1.0, 3.0, f64::NAN], ..Shade::default() };
    let range = shade.range();
    let role = |value| ramp::role(&range, value);
    assert_eq!([role(1.0), role(3.0), role(f64::NAN)], [Role::Ramp(0), Role::Ramp(6), Role::Faint]);
    let equal = Shade { values: vec![2.0; 4], ..Shade::default() };
    assert_eq!(ramp::role(&equal.range(), 2.0), Role::Ramp(3));
}

#[test]
fn a_saved_drawing_has_the_key_of_its_colours() {
    let chart = points(10);
    let shade = Shade { name: "accuracy".to_owned(), values: vec![0.5, 0.75], ..Shade::default() };
    let drawing = scatter::draw(&chart, WIDE);
    let svg = export::with_key(drawing.clone(), WIDE, &ramp::key(&shade, 260.0)).svg;
    let file = export::standalone(&svg, &export::LIGHT);
    assert!(file.contains(">accuracy<") && file.contains(">0.75") && !file.contains("class=\"f "), "{file}");
    assert_eq!(file.matches("<svg").count(), file.matches("</svg>").count());
    assert!(file.contains(&format!("height=\"{}\"", WIDE.height + ramp::KEY + 12.0)), "{file}");
}

#[test]
fn on_one_axis_very_many_runs_have_the_colours_that_its_key_names() {
    let last = || runs(5_000).coordinates.into_iter().skip(3).collect::<Vec<_>>();
    let svg = parallel::draw(&Parallel { coordinates: last(), ..runs(5_000) }, WIDE).0.svg;
    let steps = (0..16).filter(|step| svg.contains(&format!(" r-ramp-{step}\""))).count();
    assert!(steps > 3 && !svg.contains(" r-1\""), "{steps} steps: {svg}");
    let roles = vec![Role::Series(4); 5_000];
    let svg = parallel::draw(&Parallel { coordinates: last(), shade: None, roles, ..runs(5_000) }, WIDE).0.svg;
    assert!(svg.contains(" r-4\"") && !svg.contains(" r-1\""), "{svg}");
}

#[test]
fn runs_have_the_colours_that_they_have_elsewhere() {
    let roles = vec![Role::Series(2), Role::Series(7), Role::Series(2)];
    let lines = Parallel { shade: None, roles: roles.clone(), ..runs(3) };
    let dots = Scatter { shade: None, roles, ..points(3) };
    for svg in [parallel::draw(&lines, WIDE).0.svg, scatter::draw(&dots, WIDE).svg] {
        let of = |class: &str| svg.matches(class).count();
        assert_eq!((of(" r-2\""), of(" r-7\""), of(" r-1\"")), (2, 1, 0), "{svg}");
    }
}

#[test]
fn a_run_whose_colour_comes_again_is_dashed_or_has_another_shape() {
    let roles = vec![Role::Series(1), Role::Series(2), Role::Series(1)];
    let lines = Parallel { shade: None, roles: roles.clone(), dashed: vec![false, false, true], ..runs(3) };
    let svg = parallel::draw(&lines, WIDE).0.svg;
    assert_eq!((svg.matches("s r-1\"").count(), svg.matches("stroke-dasharray").count()), (2, 1), "{svg}");
    let shapes = vec![Shape::Circle, Shape::Square, Shape::Triangle];
    let dots = Scatter { shade: None, roles, shapes, ..points(3) };
    let svg = scatter::draw(&dots, WIDE).svg;
    assert_eq!((svg.matches("<circle").count(), svg.matches("Z\" class=\"f r-").count()), (1, 2), "{svg}");
    // Without shapes all are circles, as ever.
    let plain = scatter::draw(&Scatter { shapes: Vec::new(), ..dots }, WIDE).svg;
    assert_eq!(plain.matches("<circle").count(), 3);
}

#[test]
fn names_below_a_drawing_have_the_signs_of_what_is_drawn() {
    let named = |sign| (Role::Series(1), sign, "brisk-heron".to_owned());
    let names =
        [named(Sign::Line), named(Sign::Dashed), named(Sign::Point(Shape::Diamond)), named(Sign::Point(Shape::Circle))];
    let svg = export::with_names(&Drawing::default(), SIZE, &names);
    let file = export::standalone(&svg, &export::LIGHT);
    let of = |text: &str| file.matches(text).count();
    assert_eq!((of(">brisk-heron<"), of("stroke-dasharray"), of("Z\"/>"), of("<circle")), (4, 1, 1, 1), "{file}");
    assert!(!file.contains("class=\"f "), "{file}");
}

#[test]
fn a_name_below_a_drawing_ends_within_it() {
    let name = format!("{}-end", "a very long name of a run ".repeat(20));
    let svg = export::with_names(&Drawing::default(), SIZE, &[(Role::Series(1), Sign::Line, name.clone())]);
    assert!(!svg.contains(&name) && svg.contains("-end<") && svg.contains(">a very long"), "{svg}");
}

#[test]
fn a_thin_dashed_line_is_one_mark() {
    let x: Vec<f64> = (0..50).map(f64::from).collect();
    let line =
        |is_dashed| Line { is_dashed, weight: Weight::Thin, ..Line::new("r9", Role::Series(1), x.clone(), x.clone()) };
    let chart = LineChart { lines: vec![line(true), line(false)], ..LineChart::default() };
    let svg = line::draw(&chart, WIDE).svg;
    assert_eq!((svg.matches("s r-1").count(), svg.matches("stroke-dasharray").count()), (2, 1), "{svg}");
}

#[test]
fn whatever_there_is_to_draw_is_drawn_soundly() {
    for size in [NARROW, WIDE, Size { width: 0.0, height: 0.0 }] {
        for count in [0, 1, 10, 200, 5000] {
            assert!(is_sound(&parallel::draw(&runs(count), size).0.svg), "parallel of {count}");
            assert!(is_sound(&scatter::draw(&points(count), size).svg), "scatter of {count}");
            assert!(is_sound(&contour::draw(&points(count), size).svg), "contour of {count}");
        }
        let mut none = runs(20);
        none.coordinates.iter_mut().for_each(|coordinate| coordinate.values.fill(f64::NAN));
        assert!(is_sound(&parallel::draw(&none, size).0.svg));
        let mut equal = points(20);
        (equal.x_values, equal.y_values) = (vec![0.1; 20], vec![0.0; 20]);
        assert!(is_sound(&contour::draw(&equal, size).svg) && is_sound(&scatter::draw(&equal, size).svg));
        let lone = Distribution { steps: vec![normal(5.0)], ..Distribution::default() };
        assert!(is_sound(&distribution::draw(&lone, size).svg));
        assert!(is_sound(&distribution::draw(&Distribution::default(), size).svg));
        assert!(is_sound(&ramp::key(&Shade::default(), size.width).svg));
        assert!(importance::draw("", &[], size.width).svg.contains("no parameters"));
        let value = |value: f64| Value { name: "brisk-heron".to_owned(), role: Role::Series(1), value };
        assert!(is_sound(&values::draw("", &[value(f64::INFINITY), value(-1e300), value(0.0)], size.width).svg));
        assert!(is_sound(&parallel::draw(&Parallel::default(), size).0.svg));
    }
}
