//! What a drawing tells where it is pointed at.

use charts::{
    bars::{self, Bars, Categories, Histogram},
    confusion,
    plot::Size,
    role::Role,
    scatter,
};

const SIZE: Size = Size { width: 400.0, height: 200.0 };

fn bars(counts: &[u64]) -> Vec<Bars> {
    vec![Bars { name: "training".to_owned(), role: Role::Series(1), counts: counts.to_vec() }]
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
    let drawing = scatter::predicted_over_actual(&[1.0, 1.02, 100.0], &[1.0, 1.02, 90.0], "mg", SIZE);
    let (x, y) = (drawing.plot.x_pixel(100.0), drawing.plot.y_pixel(90.0));
    let point = drawing.spot_at(x + 1.0, y).map(|at| &drawing.spots[at]).expect("a point");
    assert_eq!(point.head, "actual 100 mg");
    assert_eq!(point.figures[1].words, "10 mg");
}
