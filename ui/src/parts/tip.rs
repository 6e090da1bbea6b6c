//! Where a drawing tells what is pointed at: beside it, on the side that has more room, and within the drawing. What
//! reached beyond it would make the page around it scroll.

/// Pixels between what is pointed at and what is told of it.
const APART: f64 = 10.0;

/// The style of the `at-part` that lies over a drawing and has a `tip` in it. What is pointed at reaches from one place to
/// another across the drawing, which is so wide; the tip begins at `top`. Where its room is too small it is moved over what
/// it is told of, and what is higher than the drawing reaches above it: nothing scrolls for that.
pub(crate) fn beside((from, to): (f64, f64), top: f64, width: f64) -> String {
    // A track in front of the tip is as long as there is room beside it, and gives way first.
    let rows = format!("minmax(0, {:.1}px) max-content minmax(0, 1fr)", top.max(0.0));
    let (left, right) = (from, width - to);
    let columns = if left > right {
        format!("minmax(0, 1fr) max-content minmax(0, {:.1}px)", (width - from + APART).clamp(0.0, width))
    } else {
        format!("minmax(0, {:.1}px) max-content minmax(0, 1fr)", (to + APART).clamp(0.0, width))
    };
    format!("grid-template: {rows} / {columns}; --room: {width:.1}px")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tip_stands_on_the_side_that_has_more_room() {
        let rows = "minmax(0, 40.0px) max-content minmax(0, 1fr)";
        let of = |columns: &str| format!("grid-template: {rows} / {columns}; --room: 400.0px");
        let at_right = of("minmax(0, 120.0px) max-content minmax(0, 1fr)");
        assert_eq!(beside((100.0, 110.0), 40.0, 400.0), at_right);
        let at_left = of("minmax(0, 1fr) max-content minmax(0, 110.0px)");
        assert_eq!(beside((300.0, 390.0), 40.0, 400.0), at_left);
    }

    #[test]
    fn what_is_told_at_an_edge_stays_within_the_drawing() {
        let wide = beside((0.0, 400.0), -6.0, 400.0);
        assert!(wide.contains("minmax(0, 0.0px) max-content minmax(0, 1fr) / minmax(0, 400.0px)"), "{wide}");
        let gone = beside((-2.0, 3.0), 0.0, 0.0);
        assert!(
            gone.contains("minmax(0, 1fr) max-content minmax(0, 0.0px)"),
            "no track is shorter than nothing: {gone}"
        );
    }
}
