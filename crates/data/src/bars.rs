//! Where the bars of a distribution of numbers stand. Only for eyes: no statistic counts between these edges.

use crate::drift::statistic::edges_between;

/// Bars of equal width, at most.
const BINS: usize = 30;
/// Beyond the quartiles by so many times their distance, values lie far out (Tukey's outer fences).
const FENCES: f64 = 3.0;

/// The edges of at most thirty bars of equal width. Where values lie so far out that all the others would share a few of
/// these, they get an outermost bar of their own, which reaches to the smallest or to the largest value. Whole numbers have
/// bars that are whole numbers wide and stand around them. `quantile` is that of the values, and need not be exact.
pub(crate) fn edges(min: f64, max: f64, is_whole: bool, quantile: impl Fn(f64) -> f64) -> Vec<f64> {
    let is_whole = is_whole && has_halves(min.abs().max(max.abs()));
    // A bar for each number needs no room at the ends.
    let has_room = is_whole && max - min < BINS as f64;
    let (from, to) = if has_room { (min, max) } else { near(min, max, quantile) };
    let (mut edges, beyond) = if is_whole {
        (whole_edges(from.floor(), to.ceil()), 0.5)
    } else if from == to {
        (vec![from - 0.5, to + 0.5], 0.0)
    } else {
        (edges_between(from, to, BINS), 0.0)
    };
    if edges.first().is_some_and(|first| min - beyond < *first) {
        edges.insert(0, min - beyond);
    }
    if edges.last().is_some_and(|last| max + beyond > *last) {
        edges.push(max + beyond);
    }
    edges
}

/// From where to where the bars of equal width stand: over all values, unless that is over twice as far as between the
/// fences. A fence is moved to have at most 5 % of the values beyond it, and not to stand beyond the last 0.5 %.
fn near(min: f64, max: f64, quantile: impl Fn(f64) -> f64) -> (f64, f64) {
    let (first, third) = (quantile(0.25), quantile(0.75));
    let (least, most) = (quantile(0.005), quantile(0.995));
    let reach = FENCES * (third - first);
    let from = (first - reach).max(least).min(quantile(0.05));
    let to = (third + reach).min(most).max(quantile(0.95));
    // Nearly all have one value: only what is left has a width.
    let (from, to) = if to > from { (from, to) } else { (least, most) };
    let span = to - from;
    if span <= 0.0 || max - min <= 2.0 * span {
        return (min, max);
    }
    // An end that is near needs no bar of its own.
    let is_near = |distance: f64| distance <= span / 10.0;
    (if is_near(from - min) { min } else { from }, if is_near(max - to) { max } else { to })
}

/// On half-integers, each bar as many numbers wide, so that no bar is without a number.
fn whole_edges(low: f64, high: f64) -> Vec<f64> {
    let count = high - low + 1.0;
    let width = (count / BINS as f64).ceil().max(1.0);
    let bars = (count / width).ceil() as usize;
    (0..=bars.min(BINS)).map(|edge| low - 0.5 + width * edge as f64).collect()
}

/// Whether half-integers around whole numbers up to this size are numbers of their own.
const fn has_halves(size: f64) -> bool {
    size < (1_u64 << 51) as f64
}
