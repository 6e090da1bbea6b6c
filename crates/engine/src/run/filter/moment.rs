//! Times in a filter as people write them: a date, or a date and a time.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::{Comparison, Field, Value};

/// When records of another kind than runs were made, and changed last, by the names that people use: what clients call so
/// is compared as MLflow compares it.
const OF_OTHERS: [&str; 2] = ["created", "updated"];

/// Whether a field is a time that can be asked for by a date.
pub(super) fn is_time(field: &Field) -> bool {
    match field {
        Field::Created | Field::Started | Field::Ended => true,
        Field::Attribute(name) => OF_OTHERS.contains(&name.as_str()),
        _ => false,
    }
}

/// The value, in milliseconds where a time is asked to be before or after a moment. One that says no zone is meant in this one,
/// and a date alone is its midnight. Equal to a moment is no run, so that this stays refused.
pub(super) fn in_milliseconds(
    field: &Field,
    comparison: Comparison,
    value: Value,
    zone: impl FnOnce() -> TimeZone,
) -> Value {
    let is_ordered = matches!(
        comparison,
        Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual
    );
    let moment = match &value {
        Value::Text(text) if is_ordered && is_time(field) => moment(text, zone),
        _ => None,
    };
    moment.map_or(value, |moment| Value::Number(moment.as_millisecond() as f64))
}

fn moment(text: &str, zone: impl FnOnce() -> TimeZone) -> Option<Timestamp> {
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    zone().to_timestamp(text.parse::<DateTime>().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_before_or_after_a_date() {
        let zone = || TimeZone::fixed(jiff::tz::offset(1));
        let read = |field: &Field, comparison, text: &str| {
            in_milliseconds(field, comparison, Value::Text(text.to_owned()), zone)
        };
        for (text, ms) in [
            ("2026-11-24", 1_795_474_800_000.0),
            ("2026-11-24 12:30", 1_795_519_800_000.0),
            ("2026-11-24T12:30:05", 1_795_519_805_000.0),
            ("2026-11-24T12:30:00Z", 1_795_523_400_000.0),
        ] {
            assert_eq!(read(&Field::Started, Comparison::GreaterOrEqual, text), Value::Number(ms), "{text}");
        }
        let stays = |field: &Field, comparison, text: &str| {
            assert_eq!(read(field, comparison, text), Value::Text(text.to_owned()), "{text}");
        };
        stays(&Field::Created, Comparison::Less, "yesterday");
        stays(&Field::Created, Comparison::Equal, "2026-11-24");
        stays(&Field::Name, Comparison::Less, "2026-11-24");
        let attribute = |name: &str| Field::Attribute(name.to_owned());
        let read = read(&attribute("updated"), Comparison::Less, "2026-11-24");
        assert_eq!(read, Value::Number(1_795_474_800_000.0));
        stays(&attribute("creation_time"), Comparison::Less, "2026-11-24");
    }
}
