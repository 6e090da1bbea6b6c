//! What a column of text cells holds: decided over all of its cells, never over the first few.
//!
//! A [`Typing`] starts by believing everything possible and gives up each reading at the first cell
//! that contradicts it. What remains at the end is right for every row.

use std::{
    collections::HashSet,
    hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher},
};

use api::config::ColumnType;

use crate::datetime::{self, Order};

/// How the cells of a column are turned into values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    Boolean,
    Integer,
    Decimal,
    /// `1,5`: decimals of a file whose delimiter is not the comma.
    DecimalComma,
    Datetime(Order),
    /// Integers that a person called datetimes: seconds since the epoch, or milliseconds.
    EpochSeconds,
    EpochMilliseconds,
    Category,
    Text,
    /// Paths of images.
    Image,
}

impl Reading {
    pub fn kind(self) -> ColumnType {
        match self {
            Reading::Boolean => ColumnType::Boolean,
            Reading::Integer => ColumnType::Integer,
            Reading::Decimal | Reading::DecimalComma => ColumnType::Decimal,
            Reading::Datetime(_) | Reading::EpochSeconds | Reading::EpochMilliseconds => ColumnType::Datetime,
            Reading::Category => ColumnType::Category,
            Reading::Text => ColumnType::Text,
            Reading::Image => ColumnType::Image,
        }
    }

    /// What a cell should have been, for an error.
    pub fn expected(self) -> &'static str {
        match self {
            Reading::Boolean => "a boolean (true or false)",
            Reading::Integer => "an integer",
            Reading::Decimal => "a number",
            Reading::DecimalComma => "a number with a decimal comma",
            Reading::Datetime(_) => "a date in the column's order of day, month and year",
            Reading::EpochSeconds => "a time in seconds since 1970",
            Reading::EpochMilliseconds => "a time in milliseconds since 1970",
            Reading::Category | Reading::Text | Reading::Image => "text",
        }
    }
}

const BOOLEAN: u8 = 1;
const INTEGER: u8 = 1 << 1;
const DECIMAL: u8 = 1 << 2;
const DECIMAL_COMMA: u8 = 1 << 3;
const YEAR_MONTH_DAY: u8 = 1 << 4;
const MONTH_DAY_YEAR: u8 = 1 << 5;
const DAY_MONTH_YEAR: u8 = 1 << 6;
const ALL: u8 = (1 << 7) - 1;

/// Up to here text counts as a category where rows repeat their values.
const CATEGORY_VALUES: usize = 1_000;
/// Up to here it does in any case.
const FEW_VALUES: usize = 20;
const CATEGORY_MEAN_BYTES: u64 = 80;
const EXAMPLES: usize = 5;
const EXAMPLE_CHARACTERS: usize = 60;

/// What the cells seen so far can be.
#[derive(Debug, Clone)]
pub struct Typing {
    possible: u8,
    present: u64,
    missing: u64,
    bytes: u64,
    largest: i64,
    examples: Vec<String>,
    distinct: HashSet<u64, BuildHasherDefault<Identity>>,
    /// A value came twice before a thousand different ones were there.
    repeats: bool,
    /// Each whole number so far was greater than the one before, which this is.
    rises: bool,
    last: Option<i64>,
}

impl Default for Typing {
    fn default() -> Self {
        Self {
            possible: ALL,
            present: 0,
            missing: 0,
            bytes: 0,
            largest: 0,
            examples: Vec::new(),
            distinct: HashSet::default(),
            repeats: false,
            rises: true,
            last: None,
        }
    }
}

impl Typing {
    /// For a file with commas between fields, where `1,234` can't be a decimal comma.
    pub fn without_decimal_comma() -> Self {
        Self { possible: ALL & !DECIMAL_COMMA, ..Self::default() }
    }

    /// What fits the cells of both.
    pub fn merge(&mut self, other: &Self) {
        self.possible &= other.possible;
        self.present += other.present;
        self.missing += other.missing;
        self.bytes += other.bytes;
        self.largest = self.largest.max(other.largest);
        self.rises &= other.rises;
        self.last = self.last.or(other.last);
        self.repeats |= other.repeats;
        if self.distinct.len() <= CATEGORY_VALUES {
            let apart = self.distinct.len() + other.distinct.len();
            self.distinct.extend(&other.distinct);
            self.repeats |= self.distinct.len() < apart;
        }
    }

    pub fn see(&mut self, cell: &str) {
        if is_missing(cell) {
            self.missing += 1;
            return;
        }
        self.present += 1;
        self.bytes += cell.len() as u64;
        self.possible &= self.still_possible(cell);
        self.see_size(cell);
        self.see_value(cell);
    }

    /// Counts a value without letting it decide the type.
    pub fn see_value(&mut self, cell: &str) {
        if self.distinct.len() > CATEGORY_VALUES {
            return;
        }
        if self.rises {
            let value = cell.trim().parse().ok();
            self.rises = value > self.last;
            self.last = value;
        }
        let is_new = self.distinct.insert(hash(cell));
        self.repeats |= !is_new;
        if is_new && self.examples.len() < EXAMPLES {
            self.examples.push(cell.chars().take(EXAMPLE_CHARACTERS).collect());
        }
    }

    pub fn see_missing(&mut self, rows: u64) {
        self.missing += rows;
    }

    /// Rows of a source that says the type itself.
    pub fn see_typed(&mut self, kind: ColumnType, rows: u64, largest: i64) {
        self.present += rows;
        self.largest = self.largest.max(largest);
        self.possible &= match kind {
            ColumnType::Boolean => BOOLEAN,
            ColumnType::Integer => INTEGER | DECIMAL,
            ColumnType::Decimal => DECIMAL,
            ColumnType::Datetime => YEAR_MONTH_DAY,
            ColumnType::Category | ColumnType::Text | ColumnType::Image => 0,
        };
    }

    /// Text of a source that says itself that it is text: `"12"` stays text.
    pub fn see_text(&mut self, cell: &str) {
        self.possible = 0;
        self.see(cell);
    }

    /// Whether nothing but text fits (or nothing was seen).
    pub fn is_textual(&self) -> bool {
        self.possible == 0 || self.present == 0
    }

    /// Whether the cell would change nothing.
    pub fn fits(&self, cell: &str) -> bool {
        self.still_possible(cell) & self.possible != 0
    }

    /// How many different values there are, where that is a thousand at the most.
    pub fn distinct(&self) -> Option<u64> {
        (self.distinct.len() <= CATEGORY_VALUES).then_some(self.distinct.len() as u64)
    }

    /// Whether one of the first values, up to a thousand different ones, came twice.
    pub fn repeats(&self) -> bool {
        self.repeats
    }

    /// Whether the first values, up to a thousand, are whole numbers that rise from row to row, as a running number's do.
    pub fn rises(&self) -> bool {
        self.last.is_some() && self.rises
    }

    /// The first few different values.
    pub fn examples(&self) -> &[String] {
        &self.examples
    }

    pub fn present(&self) -> u64 {
        self.present
    }

    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// The narrowest reading that fits all cells, or the one for the kind that a person asked for.
    pub fn decide(&self, asked: Option<ColumnType>) -> Reading {
        match asked {
            Some(kind) => self.as_asked(kind),
            None => self.narrowest(),
        }
    }

    /// Whether each date fits both orders, so that one had to be assumed.
    pub fn is_ambiguous_date(&self) -> bool {
        self.present > 0 && self.possible & (MONTH_DAY_YEAR | DAY_MONTH_YEAR) == MONTH_DAY_YEAR | DAY_MONTH_YEAR
    }

    fn narrowest(&self) -> Reading {
        let can = |bit| self.possible & bit != 0;
        if self.present == 0 {
            Reading::Category
        } else if can(BOOLEAN) {
            Reading::Boolean
        } else if can(INTEGER) {
            Reading::Integer
        } else if can(DECIMAL) {
            Reading::Decimal
        } else if can(DECIMAL_COMMA) {
            Reading::DecimalComma
        } else if can(YEAR_MONTH_DAY) {
            Reading::Datetime(Order::YearMonthDay)
        } else if can(MONTH_DAY_YEAR) {
            Reading::Datetime(Order::MonthDayYear)
        } else if can(DAY_MONTH_YEAR) {
            Reading::Datetime(Order::DayMonthYear)
        } else {
            self.textual()
        }
    }

    fn textual(&self) -> Reading {
        let values = self.distinct.len();
        let repeats = values <= CATEGORY_VALUES && values as u64 * 2 <= self.present;
        let short = self.bytes <= self.present * CATEGORY_MEAN_BYTES;
        if short && (values <= FEW_VALUES || repeats) { Reading::Category } else { Reading::Text }
    }

    fn as_asked(&self, kind: ColumnType) -> Reading {
        let can = |bit| self.possible & bit != 0;
        match kind {
            ColumnType::Boolean => Reading::Boolean,
            ColumnType::Integer => Reading::Integer,
            ColumnType::Decimal if !can(DECIMAL) && can(DECIMAL_COMMA) => Reading::DecimalComma,
            ColumnType::Decimal => Reading::Decimal,
            // From 1973 on milliseconds have twelve digits, and seconds won't before the year 5138.
            ColumnType::Datetime if can(INTEGER) && self.present > 0 && self.largest >= 100_000_000_000 => {
                Reading::EpochMilliseconds
            }
            ColumnType::Datetime if can(INTEGER) && self.present > 0 => Reading::EpochSeconds,
            ColumnType::Datetime if can(DAY_MONTH_YEAR) && !can(MONTH_DAY_YEAR) => {
                Reading::Datetime(Order::DayMonthYear)
            }
            ColumnType::Datetime if can(MONTH_DAY_YEAR) && !can(YEAR_MONTH_DAY) => {
                Reading::Datetime(Order::MonthDayYear)
            }
            ColumnType::Datetime => Reading::Datetime(Order::YearMonthDay),
            ColumnType::Category => Reading::Category,
            ColumnType::Text => Reading::Text,
            ColumnType::Image => Reading::Image,
        }
    }

    fn still_possible(&self, cell: &str) -> u8 {
        let cell = cell.trim();
        let starts_like_number = cell
            .bytes()
            .next()
            .is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'i' | b'I' | b','));
        let mut still = 0;
        let mut test = |bit: u8, fits: &dyn Fn() -> bool| {
            if self.possible & bit != 0 && fits() {
                still |= bit;
            }
        };
        if starts_like_number {
            test(INTEGER, &|| integer(cell).is_some());
            test(DECIMAL, &|| decimal(cell).is_some());
            test(DECIMAL_COMMA, &|| decimal_comma(cell).is_some());
            test(YEAR_MONTH_DAY, &|| datetime::parse(cell, Order::YearMonthDay).is_some());
            test(MONTH_DAY_YEAR, &|| datetime::parse(cell, Order::MonthDayYear).is_some());
            test(DAY_MONTH_YEAR, &|| datetime::parse(cell, Order::DayMonthYear).is_some());
        } else {
            // Only the words themselves: a column of yes and no keeps its words as categories.
            test(BOOLEAN, &|| cell.eq_ignore_ascii_case("true") || cell.eq_ignore_ascii_case("false"));
        }
        still
    }

    /// Remembers how large integers get, which tells seconds from milliseconds.
    fn see_size(&mut self, cell: &str) {
        if self.possible & INTEGER != 0
            && let Some(value) = integer(cell.trim())
        {
            self.largest = self.largest.max(value);
        }
    }
}

/// What stands for "no value" in a file: nothing, or one of the words that pandas reads so too.
pub fn is_missing(cell: &str) -> bool {
    matches!(cell.trim(), "" | "NA" | "N/A" | "n/a" | "NaN" | "nan" | "NULL" | "null" | "None" | "<NA>" | "#N/A" | "?")
}

/// An integer; with a leading zero it is a code, not a number.
pub fn integer(cell: &str) -> Option<i64> {
    let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    if digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    cell.parse().ok()
}

/// A number with a decimal point; a row of digits beyond 64 bits is a code.
pub fn decimal(cell: &str) -> Option<f64> {
    let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return integer(cell).map(|value| value as f64);
    }
    cell.parse::<f64>().ok().filter(|value| !value.is_nan())
}

/// `1234,5`, without signs between thousands.
pub fn decimal_comma(cell: &str) -> Option<f64> {
    if cell.contains('.') || cell.matches(',').count() > 1 {
        return None;
    }
    decimal(&cell.replacen(',', ".", 1))
}

/// A boolean, with the words that a person may have overridden a type for.
pub fn boolean(cell: &str) -> Option<bool> {
    match cell.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "t" | "1" => Some(true),
        "false" | "no" | "n" | "f" | "0" => Some(false),
        _ => None,
    }
}

fn hash(cell: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    cell.hash(&mut hasher);
    hasher.finish()
}

/// The values are hashes already.
#[derive(Debug, Clone, Copy, Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}
