//! Dates and times as they stand in files: ISO and the common forms, to milliseconds since the epoch.
//!
//! Whether `03/04/2026` is in March or April is a property of a column, never of a cell: a caller
//! tries each [`Order`] on all cells and keeps what fits all of them. A time without a zone is read
//! as UTC.

use jiff::{SignedDuration, civil::Date};

/// In which order day, month and year stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `2026-11-23`, `2026/11/23`: ISO 8601.
    YearMonthDay,
    /// `23.11.2026`, `23/11/2026`.
    DayMonthYear,
    /// `11/23/2026`.
    MonthDayYear,
}

/// Milliseconds since the epoch, or `None` where the text is not a date in that order. Accepted
/// behind the date: `T` or a space, `h:mm`, seconds, a fraction, AM or PM, `Z`, `UTC` or an offset.
pub fn parse(text: &str, order: Order) -> Option<i64> {
    let bytes = text.as_bytes();
    // The shortest date is `1.1.2026`; what doesn't start with a digit is a word.
    if bytes.len() < 8 || bytes.len() > 40 || !bytes[0].is_ascii_digit() {
        return None;
    }
    let mut cursor = Cursor { bytes, at: 0 };
    let (first, first_width) = cursor.number(4)?;
    let separator = cursor.take(|byte| matches!(byte, b'-' | b'/' | b'.'))?;
    let (second, second_width) = cursor.number(2)?;
    cursor.take(|byte| byte == separator)?;
    let (third, third_width) = cursor.number(4)?;
    let widths_fit = match order {
        Order::YearMonthDay => first_width == 4 && third_width <= 2,
        Order::DayMonthYear | Order::MonthDayYear => first_width <= 2 && third_width == 4,
    };
    if !widths_fit || second_width > 2 {
        return None;
    }
    let (year, month, day) = match order {
        Order::YearMonthDay => (first, second, third),
        Order::DayMonthYear => (third, second, first),
        Order::MonthDayYear => (third, first, second),
    };
    let days = days(year, month, day)?;
    let within = if cursor.is_done() { 0 } else { time(&mut cursor)? };
    Some(days * 86_400_000 + within)
}

/// A moment as text: `2026-11-23 14:05:09.25`, without the fraction where it is zero, and a bare
/// date for midnight.
pub fn show(time_ms: i64) -> String {
    // Civil time, since jiff's timestamps end a day before the 9999-12-31 that stands for "never".
    let epoch = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    let Ok(civil) = epoch.checked_add(SignedDuration::from_millis(time_ms)) else { return time_ms.to_string() };
    if time_ms.rem_euclid(86_400_000) == 0 { civil.date().to_string() } else { civil.to_string().replacen('T', " ", 1) }
}

fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let date = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    // Howard Hinnant's days_from_civil; jiff checked that the date exists.
    let (year, month, day) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

/// Milliseconds since midnight UTC; an offset may make them negative or more than a day.
fn time(cursor: &mut Cursor<'_>) -> Option<i64> {
    cursor.take(|byte| matches!(byte, b'T' | b't' | b' '))?;
    let (mut hour, _) = cursor.number(2)?;
    cursor.take(|byte| byte == b':')?;
    let (minute, _) = cursor.number(2)?;
    let mut second = 0;
    let mut milliseconds = 0;
    if cursor.take(|byte| byte == b':').is_some() {
        second = cursor.number(2)?.0;
        if cursor.take(|byte| matches!(byte, b'.' | b',')).is_some() {
            milliseconds = cursor.fraction()?;
        }
    }
    let spaced = cursor.take(|byte| byte == b' ').is_some();
    if let Some(half) = cursor.half_of_day() {
        if !(1..=12).contains(&hour) {
            return None;
        }
        hour = hour % 12 + if half == b'P' { 12 } else { 0 };
    } else if spaced && cursor.is_done() {
        return None;
    }
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    cursor.take(|byte| byte == b' ');
    let offset_minutes = cursor.offset()?;
    cursor.is_done().then_some(((hour * 60 + minute - offset_minutes) * 60 + second) * 1000 + milliseconds)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn is_done(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn take(&mut self, wanted: impl Fn(u8) -> bool) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        wanted(byte).then(|| {
            self.at += 1;
            byte
        })
    }

    /// A number of one to `most` digits, and how many there were.
    fn number(&mut self, most: usize) -> Option<(i64, usize)> {
        let start = self.at;
        let mut value = 0;
        while let Some(digit) = self.take(|byte| byte.is_ascii_digit()) {
            value = value * 10 + i64::from(digit - b'0');
            if self.at - start > most {
                return None;
            }
        }
        (self.at > start).then_some((value, self.at - start))
    }

    fn fraction(&mut self) -> Option<i64> {
        let start = self.at;
        let (mut value, mut scale) = (0, 100);
        while let Some(digit) = self.take(|byte| byte.is_ascii_digit()) {
            value += i64::from(digit - b'0') * scale;
            scale /= 10;
        }
        (self.at > start).then_some(value)
    }

    fn half_of_day(&mut self) -> Option<u8> {
        let rest = self.bytes.get(self.at..self.at + 2)?;
        let half = rest[0].to_ascii_uppercase();
        if !matches!(half, b'A' | b'P') || !rest[1].eq_ignore_ascii_case(&b'M') {
            return None;
        }
        self.at += 2;
        Some(half)
    }

    /// Minutes east of UTC; 0 where nothing stands there.
    fn offset(&mut self) -> Option<i64> {
        if self.is_done() || self.take(|byte| matches!(byte, b'Z' | b'z')).is_some() {
            return Some(0);
        }
        if self.bytes[self.at..].eq_ignore_ascii_case(b"UTC") || self.bytes[self.at..].eq_ignore_ascii_case(b"GMT") {
            self.at = self.bytes.len();
            return Some(0);
        }
        let sign = if self.take(|byte| matches!(byte, b'+' | b'-'))? == b'-' { -1 } else { 1 };
        let hours = self.two_digits()?;
        let minutes = if self.is_done() {
            0
        } else {
            self.take(|byte| byte == b':');
            self.two_digits()?
        };
        (hours <= 18 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
    }

    fn two_digits(&mut self) -> Option<i64> {
        let tens = self.take(|byte| byte.is_ascii_digit())?;
        let ones = self.take(|byte| byte.is_ascii_digit())?;
        Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    }
}
