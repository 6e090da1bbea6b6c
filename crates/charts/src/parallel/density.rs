//! More lines than can be told apart: what lies together between two axes is one mark. Each axis is gone through once, and
//! what is counted lies in an array, so that a hundred thousand runs are brushed without waiting.

use std::collections::BTreeMap;

use plotters::element::PathElement;

use super::Ink;
use crate::{
    frame::{Failed, Root, grid, stroke},
    ramp,
    role::Role,
};

/// Marks of a density, over all pairs of axes.
const MARKS: usize = 8000;
/// The same while a brush is dragged.
const MARKS_MOVING: usize = 2000;

/// Runs that lie together between two axes.
#[derive(Default, Clone, Copy)]
struct Bundle {
    count: f64,
    left: f64,
    right: f64,
    shade: f64,
    shaded: f64,
}

impl Ink<'_> {
    /// The bundles of `runs` between each two axes, the thinnest first.
    pub(super) fn density(&self, root: &Root<'_>, runs: &[usize], is_faint: bool) -> Result<(), Failed> {
        let axes = &self.layout.axes;
        let pairs = axes.len().saturating_sub(1).max(1);
        let marks = if self.chart.is_moving { MARKS_MOVING } else { MARKS };
        let bins = ((marks / pairs) as f64).sqrt().clamp(6.0, 40.0);
        let side = bins.ceil() as usize;
        let bottom = self.layout.missing.max(self.layout.top + self.layout.height);
        let bin =
            |pixel: f64| ((pixel - self.layout.top) / (bottom - self.layout.top).max(1.0) * (bins - 1.0)) as usize;
        let pixels = |index: usize| -> Vec<f64> {
            let (axis, coordinate) = (&axes[index], &self.chart.coordinates[index]);
            runs.iter().map(|run| axis.pixel(coordinate.value(*run))).collect()
        };
        if let [only] = axes.as_slice() {
            return self.dashes(root, only.x, runs.iter().copied().zip(pixels(0)), is_faint);
        }
        let shades: Vec<Option<f64>> = runs.iter().map(|run| self.value(*run)).collect();
        let mut before = if axes.is_empty() { Vec::new() } else { pixels(0) };
        for (index, pair) in axes.windows(2).enumerate() {
            let after = pixels(index + 1);
            let mut bundles = vec![Bundle::default(); side * side];
            for ((left, right), shade) in before.iter().zip(&after).zip(&shades) {
                let Some(bundle) = bundles.get_mut(bin(*left) * side + bin(*right)) else { continue };
                bundle.count += 1.0;
                bundle.left += left;
                bundle.right += right;
                if let Some(value) = shade {
                    bundle.shade += value;
                    bundle.shaded += 1.0;
                }
            }
            bundles.retain(|bundle| bundle.count > 0.0);
            bundles.sort_by(|left, right| left.count.total_cmp(&right.count));
            let most = bundles.last().map_or(1.0, |bundle| bundle.count);
            for bundle in bundles {
                let share = (1.0 + bundle.count).ln() / (1.0 + most).ln();
                let style = if is_faint {
                    stroke(Role::Faint, 1.0, 0.12 + 0.28 * share * share)
                } else {
                    stroke(self.mean_role(&bundle), 1.0 + 2.0 * share * share, 0.06 + 0.6 * share * share)
                };
                let ends = vec![
                    (grid(pair[0].x), grid(bundle.left / bundle.count)),
                    (grid(pair[1].x), grid(bundle.right / bundle.count)),
                ];
                root.draw(&PathElement::new(ends, style))?;
            }
            before = after;
        }
        Ok(())
    }

    /// Of a single axis a dash for each pixel that a run is at, in the colour of the first of those that are there.
    fn dashes(
        &self,
        root: &Root<'_>,
        x: f64,
        runs: impl Iterator<Item = (usize, f64)>,
        is_faint: bool,
    ) -> Result<(), Failed> {
        let mut rows = BTreeMap::<i32, usize>::new();
        for (run, pixel) in runs {
            rows.entry(grid(pixel.round())).or_insert(run);
        }
        for (y, run) in rows {
            let role = if is_faint { Role::Faint } else { self.role(run) };
            let ends = vec![(grid(x) - 40, y), (grid(x) + 40, y)];
            root.draw(&PathElement::new(ends, stroke(role, 1.0, 0.4)))?;
        }
        Ok(())
    }

    fn mean_role(&self, bundle: &Bundle) -> Role {
        match self.range {
            None => Role::Series(1),
            Some(range) if bundle.shaded > 0.0 => ramp::role(&range, range.at(bundle.shade / bundle.shaded)),
            Some(_) => Role::Faint,
        }
    }
}
