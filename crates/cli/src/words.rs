//! Numbers, sizes, durations and times as people read them.

use std::{borrow::Cow, collections::BTreeMap};

pub(crate) use api::figure::{bytes, count};
use jiff::{Timestamp, tz::TimeZone};

/// "3 min 20 s".
pub(crate) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "–".to_owned();
    }
    if seconds < 1.0 {
        return api::figure::milliseconds(seconds);
    }
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours} h {minutes} min") } else { format!("{minutes} min {seconds} s") }
}

/// "0.9731"; small and large figures keep their digits.
pub(crate) fn figure(value: f64) -> String {
    let size = value.abs();
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "∞" } else { "-∞" }.to_owned()
    } else if value == value.trunc() && size < 1e15 {
        // Without the sign of a negative zero.
        format!("{:.0}", value + 0.0)
    } else if (1e-4..1e6).contains(&size) {
        let decimals = if size >= 100.0 { 2 } else { 4 };
        format!("{value:.decimals$}")
    } else {
        format!("{value:.3e}")
    }
}

/// "62 %".
pub(crate) fn percent(fraction: f64) -> String {
    format!("{:.0} %", fraction * 100.0)
}

/// "2026-11-24 00:31" in the user's time zone; a dash where no time is known, which is kept as 0.
pub(crate) fn time(at_ms: i64) -> String {
    if at_ms == 0 {
        return "–".to_owned();
    }
    match Timestamp::from_millisecond(at_ms) {
        Ok(at) => at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => "–".to_owned(),
    }
}

/// "2026-11-24T00:31:00Z", for programs; nothing where no time is known, which is kept as 0.
pub(crate) fn exact_time(at_ms: i64) -> String {
    if at_ms == 0 {
        return String::new();
    }
    Timestamp::from_millisecond(at_ms).map_or_else(|_| at_ms.to_string(), |at| at.to_string())
}

/// A number with all digits that tell it from its neighbours, for programs: also "NaN" and "-Infinity".
pub(crate) fn digits(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        _ => format!("{value:?}"),
    }
}

/// How far this machine's clock is east of Greenwich now.
pub(crate) fn offset_minutes() -> i32 {
    TimeZone::system().to_offset(Timestamp::now()).seconds() / 60
}

/// "2026-11-24 00:31:00" in UTC, as a table's own moments are read; a bare date for midnight.
pub(crate) fn moment(at_ms: f64) -> String {
    let form = if at_ms as i64 % 86_400_000 == 0 { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S" };
    Timestamp::from_millisecond(at_ms as i64).map_or_else(|_| "–".to_owned(), |at| at.strftime(form).to_string())
}

/// Milliseconds since the epoch, now.
pub(crate) fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Params or tags in one line; `None` where there are none.
pub(crate) fn joined(map: &BTreeMap<String, String>) -> Option<String> {
    let text = map.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
    Some(text).filter(|text| !text.is_empty())
}

/// A dash where there is nothing.
pub(crate) fn or_dash<T>(value: Option<T>, write: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "–".to_owned(), write)
}

/// A word of a command as a shell takes it for one: `'two words'`.
pub(crate) fn shell(word: &str) -> Cow<'_, str> {
    shlex::try_quote(word).unwrap_or(Cow::Borrowed(word))
}

/// A command as a shell takes it: `sh -c 'exit 3'`.
pub(crate) fn command(parts: &[String]) -> String {
    parts.iter().map(|part| shell(part)).collect::<Vec<_>>().join(" ")
}

/// A serde enum as its word ("running"), as JSON would have it.
pub(crate) fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word.replace('_', " "),
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(
            (count(0), count(999), count(1234), count(1234567)),
            ("0".into(), "999".into(), "1,234".into(), "1,234,567".into())
        );
        assert_eq!(
            (duration(0.25), duration(200.0), duration(3700.0)),
            ("250 ms".into(), "3 min 20 s".into(), "1 h 1 min".into())
        );
        assert_eq!(duration(0.0), "< 1 ms");
        assert_eq!((figure(0.97312), figure(3.0), figure(f64::NAN)), ("0.9731".into(), "3".into(), "NaN".into()));
        assert_eq!((figure(-0.0), figure(-3.0)), ("0".into(), "-3".into()));
        assert!(time(0) == "–" && time(1_795_928_400_000).starts_with("2026-11-"), "{}", time(1_795_928_400_000));
        assert_eq!((exact_time(0), exact_time(1_500)), (String::new(), "1970-01-01T00:00:01.5Z".to_owned()));
        assert_eq!(exact_time(i64::MAX), i64::MAX.to_string());
        assert_eq!(
            [0.1, 3.0, f64::NAN, f64::NEG_INFINITY].map(digits),
            ["0.1", "3.0", "NaN", "-Infinity"].map(str::to_owned)
        );
        assert_eq!(word(&api::run::RunState::Running), "running");
        assert_eq!((shell("churn:3"), shell("two words")), ("churn:3".into(), "'two words'".into()));
        assert_eq!(command(&["sh", "-c", "exit 3"].map(str::to_owned)), "sh -c 'exit 3'");
    }
}
