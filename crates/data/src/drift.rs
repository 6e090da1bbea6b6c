//! Drift: whether rows that a model is asked about still look like the rows that it was judged on.
//!
//! [`compare::compare`] is the whole road for two sets of rows. Which test a column gets and from
//! which value Evidently would call it drifted stands in [`choice`]; the tests themselves, with
//! Evidently's and scipy's numbers, in [`statistic`]. Our own verdict adds two things, since false
//! alarms are the enemy: a distance must also exceed its [`floor`], and p-values are corrected over
//! the columns. [`window`] says when logged rows are compared, [`alert`] when that is worth a word.
//!
//! It knows nothing of the clock, deployments and the store: rows, times and seeds are given, and
//! [`floor::Floors`] is the caller's to keep.

pub mod alert;
pub mod choice;
pub mod compare;
pub mod describe;
pub mod floor;
pub mod kolmogorov;
pub mod part;
pub mod sample;
pub mod sampling;
pub mod statistic;
pub mod window;

/// Why rows can't be compared.
#[derive(Debug, thiserror::Error)]
pub enum DriftError {
    #[error("Can't compare the column \"{column}\": its values can't be read as {expected}: {source}.")]
    Column { column: String, expected: &'static str, source: arrow_schema::ArrowError },
    #[error(
        "Can't read monitoring.window = \"{text}\": expected a number and a unit, such as \"1 day\", \"6 hours\" or \"1000 rows\"."
    )]
    Window { text: String },
    #[error("It was cancelled.")]
    Cancelled,
}
