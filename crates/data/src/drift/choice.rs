//! Which test a column gets, and from which value Evidently calls it drifted.
//!
//! Evidently 0.7.23, `legacy/calculations/stattests/registry.py`, `_get_default_stattest`: sizes are
//! those of the reference without missing values, distinct values those of both sides together.

use api::drift::DriftTest;

/// Above this, distances replace p-values, which find any difference at last.
pub const SMALL_REFERENCE: usize = 1000;
/// Numbers with at most as many distinct values are compared as categories.
pub const FEW_VALUES: usize = 5;

/// Evidently's default.
pub const fn default_test(numeric: bool, reference_rows: usize, distinct: usize) -> DriftTest {
    let as_numbers = numeric && distinct > FEW_VALUES;
    match (reference_rows <= SMALL_REFERENCE, as_numbers) {
        (true, true) => DriftTest::Ks,
        (true, false) if distinct > 2 => DriftTest::Chisquare,
        (true, false) => DriftTest::Z,
        (false, true) => DriftTest::Wasserstein,
        (false, false) => DriftTest::Jensenshannon,
    }
}

/// Whether a test can be asked of a column: those that order values need numbers.
pub const fn applies(test: DriftTest, numeric: bool) -> bool {
    numeric || !matches!(test, DriftTest::Ks | DriftTest::Wasserstein)
}

/// Evidently's default threshold.
pub const fn default_threshold(test: DriftTest) -> f64 {
    if test.is_p_value() { 0.05 } else { 0.1 }
}

/// Evidently's plain verdict. Its KS test takes `<=`, the other p-values `<`, distances `>=`.
pub fn evidently_verdict(test: DriftTest, value: f64, threshold: f64) -> bool {
    match test {
        DriftTest::Ks => value <= threshold,
        DriftTest::Chisquare | DriftTest::Z => value < threshold,
        DriftTest::Wasserstein | DriftTest::Jensenshannon | DriftTest::Psi => value >= threshold,
    }
}
