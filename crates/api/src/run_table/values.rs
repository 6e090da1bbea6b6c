//! Which values runs have for a field: what a filter can ask for.

use serde::{Deserialize, Serialize};

use super::Listing;

/// The values that the runs of a list have for a field, as a filter compares it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListValues {
    /// Its order counts for nothing.
    pub list: Listing,
    /// `param.KEY`, `tag.KEY`, `name`, `state`, `status`, `kind`, `experiment`, `folder`, `within`, `model`, `device`,
    /// `commit`, `snapshot`, `user`, `dataset.name`, `dataset.digest`, `dataset.context`.
    pub field: String,
    /// Only values with this in them, in any case; those that begin with it stand first.
    #[serde(default)]
    pub part: String,
    /// At most 1,000, by default 50.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// Answer to [`ListValues`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunValues {
    /// Those that most runs have stand first. What is longer than 1,024 bytes is a text to read, and not among them.
    pub values: Vec<RunValue>,
    /// How many there are in all.
    pub total: u64,
}

/// A value, and how many runs have it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunValue {
    pub value: String,
    pub runs: u64,
}
