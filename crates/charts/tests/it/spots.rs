//! What a drawing tells where it is pointed at.

use charts::{
    axis::Axis,
    bars::{self, Bars, Categories, Histogram},
    confusion,
    plot::{Part, Size},
    role::Role,
    scatter,
};

const SIZE: Size = Size { width: 400.0, height: 200.0 };

fn bars(counts: &[u64]) -> Vec<Bars> {
    vec![Bars::counted("training", Role::Series(1), counts)]
}

#[test]
fn each_bar_tells_its_edges_its_count_and_its_share() {
    let chart = Histogram { edges: vec![0.0, 2.5, 5.0], sets: bars(&[1500, 500]), ..Histogram::default() };
    let drawing = bars::histogram(&chart, SIZE);
    let middle = |edge: f64| (drawing.plot.x_pixel(edge), drawing.plot.top + 20.0);
    let at = |edge: f64| drawing.spot_at(middle(edge).0, middle(edge).1).map(|at| &drawing.spots[at]);
    let first = at(1.0).expect("a bar is under the pointer");
    assert_eq!(first.head, "0 to 2.5");
    assert_eq!(first.figures[0].words, "1,500 · 75 %");
    assert_eq!(at(4.0).map(|spot| spot.figures[0].value), Some(500.0));
    assert!(at(-1.0).is_none(), "beside the bars nothing is told");
}

#[test]
fn an_axis_of_counts_has_whole_numbers() {
    let chart =
        Histogram { edges: vec![100.0, 250.0, 400.0], sets: bars(&[2, 1]), has_counts: true, ..Histogram::default() };
    let drawn = bars::histogram(&chart, SIZE).svg;
    let has = |label: &str| drawn.contains(&format!(">{label}<"));
    assert_eq!((has("2"), has("1.5"), has("1.0")), (true, false, false), "{drawn}");
}

#[test]
fn a_density_keeps_its_heights() {
    let sets = vec![Bars { name: "weights".to_owned(), role: Role::Series(1), counts: vec![0.4, 0.1, 0.0] }];
    let chart = Histogram { edges: vec![0.0, 1.0, 2.0, 3.0], sets, has_counts: true, ..Histogram::default() };
    let drawing = bars::histogram(&chart, SIZE);
    let told: Vec<&str> = drawing.spots.iter().map(|spot| spot.figures[0].words.as_str()).collect();
    assert_eq!(told, ["0.4 · 80 %", "0.1 · 20 %", "0 · 0 %"]);
    assert_eq!((drawing.plot.y.high, drawing.spots[0].figures[0].value), (0.4, 0.4));
}

#[test]
fn a_category_is_told_along_its_whole_line() {
    let chart =
        Categories { values: vec!["a".to_owned(), "b".to_owned()], sets: bars(&[1, 3]), ..Categories::default() };
    let drawing = bars::categories(&chart, SIZE);
    let second = drawing.spot_at(SIZE.width - 1.0, 45.0).map(|at| &drawing.spots[at]);
    assert_eq!(second.map(|spot| spot.head.as_str()), Some("b"));
}

#[test]
fn a_cell_of_the_matrix_tells_both_classes() {
    let classes = ["Adelie".to_owned(), "Gentoo".to_owned()];
    let drawing = confusion::draw(&classes, &[vec![9, 1], vec![0, 20]], SIZE);
    let cell = &drawing.spots[1];
    assert_eq!(cell.head, "actual Adelie, predicted Gentoo");
    assert_eq!(cell.figures.iter().map(|said| said.words.as_str()).collect::<Vec<_>>(), ["1", "10 %"]);
}

#[test]
fn the_nearest_of_two_points_is_told() {
    let drawing = scatter::predicted_over_actual(&[1.0, 1.02, 100.0], &[1.0, 1.02, 90.0], "mg", None, SIZE);
    let (x, y) = (drawing.plot.x_pixel(100.0), drawing.plot.y_pixel(90.0));
    let point = drawing.spot_at(x + 1.0, y).map(|at| &drawing.spots[at]).expect("a point");
    assert_eq!(point.head, "actual 100 mg");
    assert_eq!(point.figures[1].words, "10 mg");
}

#[test]
fn a_part_shows_its_points_alone_and_its_pixels_lead_to_its_values() {
    let (actual, predicted) = ([1.0, 2.0, 100.0], [1.1, 2.2, 90.0]);
    let whole = scatter::predicted_over_actual(&actual, &predicted, "", None, SIZE);
    let (low, high) =
        ((whole.plot.x_pixel(0.0), whole.plot.y_pixel(0.0)), (whole.plot.x_pixel(10.0), whole.plot.y_pixel(5.0)));
    let part = whole.plot.part(high, low);
    let is_near =
        |found: (f64, f64), wanted: (f64, f64)| (found.0 - wanted.0).abs() + (found.1 - wanted.1).abs() < 1e-6;
    assert!(is_near(part.x, (0.0, 10.0)) && is_near(part.y, (0.0, 5.0)), "{part:?}");
    let closer = scatter::predicted_over_actual(&actual, &predicted, "", Some(part), SIZE);
    assert_eq!((whole.spots.len(), closer.spots.len()), (3, 2));
    assert!(closer.spots[1].left - closer.spots[0].left > 5.0 * (whole.spots[1].left - whole.spots[0].left));
}

#[test]
fn a_part_of_a_histogram_has_its_bars_cut_at_the_plot_and_as_tall_as_there_is_room() {
    let part = Part { x: (3.0, 8.0), y: (0.0, 1.0) };
    let x = Axis { range: Some(part.x), ..Axis::default() };
    let chart =
        Histogram { edges: vec![0.0, 2.5, 5.0, 7.5, 10.0], sets: bars(&[900, 1, 2, 0]), x, ..Histogram::default() };
    let drawing = bars::histogram(&chart, SIZE);
    assert_eq!(
        drawing.spots.iter().map(|spot| spot.head.as_str()).collect::<Vec<_>>(),
        ["2.5 to 5", "5 to 7.5", "7.5 to 10"]
    );
    let (first, last) = (&drawing.spots[0], &drawing.spots[2]);
    let right = drawing.plot.left + drawing.plot.width;
    assert!(first.left == drawing.plot.left && (last.left + last.width - right).abs() < 1e-9, "{drawing:?}");
    assert_eq!(first.figures[0].words, "1 · 0.1 %", "a share of all, not of the part");
}

#[test]
fn a_bar_that_reaches_far_out_is_as_wide_as_the_others_and_told_in_full() {
    let edges: Vec<f64> = (0..=30).map(f64::from).chain([5000.0]).collect();
    let mut counts = vec![7; 30];
    counts.push(90);
    let chart = Histogram { edges, sets: bars(&counts), ..Histogram::default() };
    let drawing = bars::histogram(&chart, SIZE);
    assert_eq!((drawing.plot.x.low, drawing.plot.x.high), (0.0, 31.0));
    let (near, far) = (&drawing.spots[29], &drawing.spots[30]);
    assert!((near.width - far.width).abs() < 1e-6, "{} and {}", near.width, far.width);
    assert_eq!((far.head.as_str(), far.figures[0].words.as_str()), ("30 to 5,000", "90 · 30 %"));
    assert!(drawing.svg.contains(">last bar to 5,000<"), "{}", drawing.svg);
    // Looked at closer, it is as wide as it is.
    let x = Axis { range: Some((20.0, 3000.0)), ..Axis::default() };
    let closer = bars::histogram(&Histogram { x, ..chart }, SIZE);
    assert_eq!((closer.plot.x.high, closer.svg.contains("last bar")), (3000.0, false));
}

#[test]
fn a_bar_between_half_integers_is_named_by_its_whole_numbers() {
    assert_eq!(charts::bars::bar_name(&[-0.5, 0.5, 1.5], 0).unwrap(), "0");
    assert_eq!(charts::bars::bar_name(&[-4.5, -0.5, 3.5], 0).unwrap(), "−4 to −1");
    assert_eq!(charts::bars::bar_name(&[-4.5, -0.5, 3.5], 1).unwrap(), "0 to 3");
    assert_eq!(charts::bars::bar_name(&[0.5, 1.5, 2.0], 0).unwrap(), "0.5 to 1.5");
    assert_eq!(charts::bars::bar_name(&[0.5, 1.5], 1), None);
}
