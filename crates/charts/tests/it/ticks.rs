use charts::{
    plot::{Range, Scale},
    smooth::smooth,
    text::{self, Family},
    tick::ticks,
};

/// Labels of the finest ticks of which at most `most` stand on the axis.
fn check(low: f64, high: f64, scale: Scale, most: usize, expect: &[&str]) {
    let found = ticks(&Range { low, high, scale }, "", |ticks| ticks.len() <= most);
    let labels: Vec<&str> = found.iter().map(|tick| tick.label.as_str()).collect();
    assert_eq!(labels, expect, "{low} to {high}");
}

#[test]
fn ticks_are_round_and_their_labels_short() {
    check(0.0, 4230.0, Scale::Linear, 5, &["0", "1,000", "2,000", "3,000", "4,000"]);
    check(0.0, 1.0, Scale::Linear, 6, &["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    check(0.47, 0.84, Scale::Linear, 4, &["0.5", "0.6", "0.7", "0.8"]);
    check(-3.0, 3.0, Scale::Linear, 4, &["−2", "0", "2"]);
    check(0.0, 11.0, Scale::Linear, 5, &["0", "2.5", "5.0", "7.5", "10.0"]);
    check(0.0, 100.0, Scale::Linear, 5, &["0", "25", "50", "75", "100"]);
    check(0.0, 2.0e6, Scale::Linear, 5, &["0", "0.5 M", "1.0 M", "1.5 M", "2.0 M"]);
    check(0.0, 3.0e-6, Scale::Linear, 4, &["0", "1e−6", "2e−6", "3e−6"]);
}

#[test]
fn a_log_axis_has_powers() {
    check(0.001, 100.0, Scale::Log, 6, &["0.001", "0.01", "0.1", "1", "10", "100"]);
    check(1e-12, 1.0, Scale::Log, 7, &["1e−12", "1e−10", "1e−8", "1e−6", "0.0001", "0.01", "1"]);
    check(0.8, 1.2, Scale::Log, 5, &["0.8", "0.9", "1.0", "1.1", "1.2"]);
}

#[test]
fn times_stand_at_whole_hours_of_the_zone() {
    // 2026-11-23 22:30 UTC is half past eleven at night in Berlin.
    let start = 1_795_473_000_000.0;
    let zone = Scale::Time { offset_minutes: 60 };
    check(start, start + 3.0 * 3_600_000.0, zone, 4, &["24 Nov", "01:00", "02:00"]);
    check(start, start + 60_000.0, zone, 5, &["23:30:00", "23:30:15", "23:30:30", "23:30:45", "23:31:00"]);
    check(start, start + 20.0 * 86_400_000.0, zone, 4, &["26 Nov", "3 Dec", "10 Dec"]);
    check(start, start + 100.0 * 86_400_000.0, zone, 4, &["Dec 2026", "Jan 2027", "Feb 2027", "Mar 2027"]);
    check(
        start,
        start + 500.0 * 86_400_000.0,
        zone,
        6,
        &["Jan 2027", "Apr 2027", "Jul 2027", "Oct 2027", "Jan 2028", "Apr 2028"],
    );
    check(start, start + 20.0 * 365.25 * 86_400_000.0, zone, 5, &["2030", "2035", "2040", "2045"]);
    check(-start, start, zone, 6, &["1920", "1940", "1960", "1980", "2000", "2020"]);
    // Numbers that stand for "never" are no times that could be told.
    check(-9.2e18, 9.3e18, zone, 5, &[]);
}

#[test]
fn nothing_fits_where_nothing_fits() {
    check(0.0, 1.0, Scale::Linear, 0, &[]);
    check(1.0, 1.0, Scale::Linear, 9, &[]);
}

#[test]
fn text_is_as_wide_as_its_letters() {
    assert!((text::width("0.842", Family::Mono, 10.0) - 29.0).abs() < 1e-9);
    assert!(text::width("iiii", Family::Sans, 10.0) < text::width("mmmm", Family::Sans, 10.0));
    assert_eq!(text::cut("transactions", Family::Sans, 10.0, 1000.0), "transactions");
    let cut = text::cut("transactions", Family::Sans, 10.0, 40.0);
    assert!(cut.ends_with('…') && text::width(&cut, Family::Sans, 10.0) <= 40.0);
    let ends = text::cut_in_middle("transactions", Family::Sans, 10.0, 40.0);
    assert!(ends.starts_with('t') && ends.ends_with('s') && text::width(&ends, Family::Sans, 10.0) <= 40.0, "{ends}");
    assert_eq!(text::cut_in_middle("short", Family::Sans, 10.0, 40.0), "short");
}

#[test]
fn the_longest_name_has_the_room_that_was_reckoned_from_it() {
    for name in ["a", "short", "brisk-heron"] {
        // As a drawing does, which keeps it apart from what stands beside it.
        let room = text::width(name, Family::Sans, 12.0) + 12.0 - 12.0;
        assert_eq!(text::cut(name, Family::Sans, 12.0, room), name);
        assert_eq!(text::cut_in_middle(name, Family::Sans, 12.0, room), name);
    }
}

#[test]
fn smoothing_has_no_start_up_bias() {
    assert!(smooth(&[5.0; 10], 0.9).iter().all(|value| (value - 5.0).abs() < 1e-12));
    assert_eq!(smooth(&[1.0, 2.0, 3.0], 0.0), [1.0, 2.0, 3.0]);
    // 0.5·1 / 0.5, then (0.25·1 + 0.5·3) / 0.75.
    let two = smooth(&[1.0, 3.0], 0.5);
    assert!((two[0] - 1.0).abs() < 1e-12 && (two[1] - 7.0 / 3.0).abs() < 1e-12);
    let torn = smooth(&[1.0, f64::NAN, 1.0], 0.5);
    assert!(torn[1].is_nan() && (torn[2] - 1.0).abs() < 1e-12);
}
