//! When a window of logged rows closes.

use super::DriftError;

/// `monitoring.window` and `monitoring.min_rows`, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowRule {
    /// Closes at its interval if it then has `min_rows`, else when it has them.
    Time { interval_ms: i64, min_rows: u64 },
    /// Closes when it has as many rows; time doesn't count.
    Rows { rows: u64 },
}

impl WindowRule {
    /// Reads "1 day", "6 hours", "30 minutes", "2 weeks" or "1000 rows" (also "1,000 rows").
    pub fn parse(text: &str, min_rows: u64) -> Result<Self, DriftError> {
        let wrong = || DriftError::Window { text: text.to_owned() };
        let trimmed = text.trim();
        let unit_at = trimmed.find(|letter: char| letter.is_alphabetic()).ok_or_else(wrong)?;
        let (number, unit) = trimmed.split_at(unit_at);
        let digits: String = number.chars().filter(|digit| !matches!(digit, ',' | '_' | ' ')).collect();
        let count: i64 = digits.parse().ok().filter(|count| *count > 0).ok_or_else(wrong)?;
        let unit_ms: i64 = match unit.to_lowercase().trim_end_matches('s') {
            "row" => return Ok(Self::Rows { rows: count.unsigned_abs() }),
            "second" => 1_000,
            "minute" => 60_000,
            "hour" => 3_600_000,
            "day" => 86_400_000,
            "week" => 7 * 86_400_000,
            _ => return Err(wrong()),
        };
        let interval_ms = count.checked_mul(unit_ms).ok_or_else(wrong)?;
        Ok(Self::Time { interval_ms, min_rows })
    }

    /// How many more rows an open window takes before it must close; `None` where only time closes it.
    pub const fn room(self, rows: u64) -> Option<u64> {
        match self {
            Self::Rows { rows: most } => Some(most.saturating_sub(rows)),
            Self::Time { .. } => None,
        }
    }
}

/// Whether a window that was opened at `opened_ms` and has `rows` rows closes at `now_ms`.
pub const fn window_closes(now_ms: i64, opened_ms: i64, rows: u64, rule: WindowRule) -> bool {
    match rule {
        WindowRule::Rows { rows: needed } => rows >= needed,
        WindowRule::Time { interval_ms, min_rows } => {
            now_ms.saturating_sub(opened_ms) >= interval_ms && rows >= min_rows && rows > 0
        }
    }
}
