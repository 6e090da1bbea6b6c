//! The learning rate over a run: a linear warm-up, then half a cosine down to a hundredth
//! (Loshchilov & Hutter, 2017). It depends on the step alone, so a resume needs no state.

use std::f64::consts::PI;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    pub peak: f64,
    pub warm_up_steps: u64,
    pub total_steps: u64,
}

impl Schedule {
    /// Warms up over a twentieth of the steps, at most 200.
    pub fn new(peak: f64, total_steps: u64) -> Self {
        Self { peak, warm_up_steps: (total_steps / 20).min(200), total_steps }
    }

    /// The rate of a step, counted from 0.
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warm_up_steps {
            return self.peak * (step + 1) as f64 / self.warm_up_steps as f64;
        }
        let left = self.total_steps.saturating_sub(self.warm_up_steps).max(1);
        let done = ((step - self.warm_up_steps) as f64 / left as f64).min(1.0);
        let floor = self.peak / 100.0;
        floor + (self.peak - floor) * 0.5 * (1.0 + (PI * done).cos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_to_the_peak_and_falls_to_a_hundredth() {
        let schedule = Schedule::new(0.1, 1000);
        assert!((schedule.rate(0) - 0.1 / 50.0).abs() < 1e-12);
        assert!((schedule.rate(49) - 0.1).abs() < 1e-12);
        assert!((schedule.rate(50) - 0.1).abs() < 1e-12);
        assert!((schedule.rate(1000) - 0.001).abs() < 1e-12);
        assert!((50..999).all(|step| schedule.rate(step + 1) <= schedule.rate(step)));
        assert!(Schedule::new(0.1, 1).rate(0).is_finite());
    }
}
