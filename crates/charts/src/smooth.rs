//! Smoothing for the eye: an exponential moving average without a start-up bias.

/// Each value as a mean of those before it, the newest weighing most; `weight` 0 changes nothing,
/// 0.99 is the smoothest. What is not finite neither counts nor is changed.
///
/// The bias of starting from zero is divided out, as Adam does (Kingma and Ba, 2015, section 3).
pub fn smooth(values: &[f64], weight: f64) -> Vec<f64> {
    let weight = weight.clamp(0.0, 0.999);
    let (mut mean, mut left) = (0.0, 1.0);
    values
        .iter()
        .map(|value| {
            if !value.is_finite() {
                return *value;
            }
            mean = weight * mean + (1.0 - weight) * value;
            left *= weight;
            mean / (1.0 - left)
        })
        .collect()
}
