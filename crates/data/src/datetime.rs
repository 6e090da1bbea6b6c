//! Dates and times as they stand in files: ISO and the common forms, to milliseconds since the epoch.

/// A moment as text: `2026-11-23 14:05:09.250`, without what is zero at the end; a bare date for midnight.
pub fn show(_time_ms: i64) -> String {
    todo!()
}
