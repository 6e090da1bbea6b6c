//! Moments among the cells of the run table: texts in UTC, which an axis has as milliseconds since 1970.

use crate::tick::{civil, days};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Whether a column, as the table names it, is one of moments.
pub fn is_moment(name: &str) -> bool {
    ["created", "started", "ended"].contains(&name)
}

/// Milliseconds of "2026-11-24T00:31:00.5Z", as the engine writes a moment, of a date alone, or of such a number.
pub fn read(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(ms) = text.parse::<f64>() {
        return Some(ms).filter(|ms| ms.is_finite());
    }
    let (date, time) = text.trim_end_matches('Z').split_once(['T', ' ']).unwrap_or((text, "0:0"));
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.splitn(3, ':');
    let (hour, minute) = (time.next()?.parse::<i64>().ok()?, time.next()?.parse::<i64>().ok()?);
    let second = time.next().map_or(Some(0.0), |second| second.parse::<f64>().ok())?;
    let is_one = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0.0..61.0).contains(&second);
    let whole = days(year, month, day) * DAY + hour * HOUR + minute * MINUTE;
    is_one.then(|| whole as f64 + (second * 1000.0).round())
}

/// The moment as a text in UTC, to the second: what [`read`] reads.
pub fn written(ms: f64) -> String {
    let ms = ms as i64;
    let ((year, month, day), of_day) = (civil(ms.div_euclid(DAY)), ms.rem_euclid(DAY));
    let (hour, minute, second) = (of_day / HOUR, of_day / MINUTE % 60, of_day / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_as_the_engine_writes_it() {
        assert_eq!(read("1970-01-02T00:00:01.5Z"), Some(86_401_500.0));
        assert_eq!(read("2026-11-24T00:31:00Z").map(written).as_deref(), Some("2026-11-24T00:31:00Z"));
        assert_eq!(read("2026-11-24"), read("2026-11-24T00:00:00Z"));
        assert_eq!(read("2024-02-29 12:00"), read("2024-02-29T12:00:00Z"));
        assert_eq!(read("1764547200000").map(written).as_deref(), Some("2025-12-01T00:00:00Z"));
        for odd in ["", "soon", "2026-13-01", "2026-01-01T25:00:00Z", "NaN"] {
            assert_eq!(read(odd), None, "{odd}");
        }
        assert!(is_moment("started") && !is_moment("param.started") && !is_moment("duration"));
    }
}
