//! A key's values over all rows of a table.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    ops::Range,
};

use hashbrown::HashTable;

use super::Patience;

/// The bits of a NaN that no program computes: a row without the value.
pub(super) const MISSING: u64 = 0x7ff8_5115_5119_0001;

/// So many texts more than twice the rows a dictionary may hold.
const SPARE_TEXTS: usize = 1_024;
/// So many bytes of texts more than twice what was kept.
const SPARE_BYTES: usize = 8 << 20;
/// A column with fewer values than one in so many rows has no place for the others.
const SPREAD: usize = 8;
/// So many rows have a place each, however few have a value.
const SHORT: usize = 64;
/// Texts that are compared between two looks at the clock.
const TOGETHER: usize = 256;

/// Columns by key.
#[derive(Debug, Clone)]
pub(super) struct Columns<T> {
    at: HashMap<String, usize>,
    all: Vec<T>,
}

impl<T> Default for Columns<T> {
    fn default() -> Self {
        Self { at: HashMap::new(), all: Vec::new() }
    }
}

impl<T: Default> Columns<T> {
    pub(super) fn get(&self, key: &str) -> Option<&T> {
        self.at.get(key).map(|at| &self.all[*at])
    }

    /// The column of a key, an empty one where there was none. A table has a million values: a key that is known
    /// costs no memory.
    pub(super) fn named(&mut self, key: &str) -> &mut T {
        let at = match self.at.get(key) {
            Some(at) => *at,
            None => {
                self.at.insert(key.to_owned(), self.all.len());
                self.all.push(T::default());
                self.all.len() - 1
            }
        };
        &mut self.all[at]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &T)> {
        self.at.iter().map(|(key, at)| (key, &self.all[*at]))
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.all.iter_mut()
    }
}

/// What can stand in a row, and what stands there where it has nothing.
trait Value: Copy {
    fn missing() -> Self;
    fn is_missing(self) -> bool;
}

impl Value for f64 {
    fn missing() -> Self {
        Self::from_bits(MISSING)
    }

    fn is_missing(self) -> bool {
        self.to_bits() == MISSING
    }
}

/// The numbers of texts, of which 0 is none.
macro_rules! number {
    ($($number:ty),*) => {
        $(impl Value for $number {
            fn missing() -> Self {
                0
            }

            fn is_missing(self) -> bool {
                self == 0
            }
        })*
    };
}

number!(u8, u16, u32);

/// What stands in the rows of a column: of a hundred thousand keys each takes about as much as it has values, whatever
/// the number of runs between its first and its last.
#[derive(Debug, Clone)]
enum Places<T> {
    /// A place for each row from the first that has something to the last; `held` of them have.
    Stretch { first: usize, held: usize, values: Vec<T> },
    /// The rows that have something, in their order.
    Apart(Vec<(u32, T)>),
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self::Stretch { first: 0, held: 0, values: Vec::new() }
    }
}

impl<T: Value> Places<T> {
    fn get(&self, row: usize) -> Option<T> {
        let value = match self {
            Self::Stretch { first, values, .. } => *values.get(row.checked_sub(*first)?)?,
            Self::Apart(list) => list[place(list, row).ok()?].1,
        };
        (!value.is_missing()).then_some(value)
    }

    /// Leaves of the rows from `begin` on those whose value passes; `missing` is the answer for none.
    fn narrow(&self, (begin, rows): (usize, &mut [bool]), missing: bool, passes: impl Fn(T) -> bool) {
        match self {
            Self::Stretch { first, values, .. } => {
                let (before, rows) = rows.split_at_mut(first.saturating_sub(begin).min(rows.len()));
                let held = values.get(begin.saturating_sub(*first)..).unwrap_or_default();
                let (within, behind) = rows.split_at_mut(held.len().min(rows.len()));
                for (row, value) in within.iter_mut().zip(held) {
                    *row &= if value.is_missing() { missing } else { passes(*value) };
                }
                if !missing {
                    before.fill(false);
                    behind.fill(false);
                }
            }
            Self::Apart(_) => {
                for (at, row) in rows.iter_mut().enumerate().filter(|(_, row)| **row) {
                    *row = self.get(begin + at).map_or(missing, &passes);
                }
            }
        }
    }

    fn set(&mut self, row: usize, value: T) {
        match self {
            Self::Stretch { first, held, values } => {
                if values.is_empty() {
                    *first = row;
                }
                let end = (*first + values.len()).max(row + 1);
                if end - row.min(*first) > SPREAD * (*held + 1) + SHORT {
                    *self = Self::Apart(self.held());
                    return self.set(row, value);
                }
                if row < *first {
                    values.splice(0..0, std::iter::repeat_n(T::missing(), *first - row));
                    *first = row;
                }
                if values.len() < end - *first {
                    let more = end - *first - values.len();
                    room(values, more);
                    values.resize(end - *first, T::missing());
                }
                let own = &mut values[row - *first];
                *held += usize::from(own.is_missing());
                *own = value;
            }
            Self::Apart(list) => {
                match place(list, row) {
                    Ok(at) => list[at].1 = value,
                    Err(at) => list.insert(at, (row as u32, value)),
                }
                // Denser than where it is taken apart, or a column at that bound would go to and fro.
                if let [(first, _), .., (last, _)] = list[..]
                    && ((last - first) as usize) < SPREAD / 2 * list.len()
                {
                    *self = self.stretched();
                }
            }
        }
    }

    /// The same as a stretch.
    fn stretched(&self) -> Self {
        let (rows, all) = (self.rows(), self.held());
        let mut values = vec![T::missing(); rows.len()];
        for (row, value) in &all {
            values[*row as usize - rows.start] = *value;
        }
        Self::Stretch { first: rows.start, held: all.len(), values }
    }

    fn clear(&mut self, row: usize) {
        match self {
            Self::Stretch { first, held, values } => {
                let own = row.checked_sub(*first).and_then(|at| values.get_mut(at));
                if let Some(own) = own.filter(|own| !own.is_missing()) {
                    *own = T::missing();
                    *held -= 1;
                }
            }
            Self::Apart(list) => {
                if let Ok(at) = place(list, row) {
                    list.remove(at);
                }
            }
        }
    }

    fn any(&self) -> bool {
        match self {
            Self::Stretch { held, .. } => *held > 0,
            Self::Apart(list) => !list.is_empty(),
        }
    }

    /// How many places it takes.
    fn len(&self) -> usize {
        match self {
            Self::Stretch { values, .. } => values.len(),
            Self::Apart(list) => list.len(),
        }
    }

    /// Other rows have no value.
    fn rows(&self) -> Range<usize> {
        match self {
            Self::Stretch { first, values, .. } => *first..*first + values.len(),
            Self::Apart(list) => match (list.first(), list.last()) {
                (Some((first, _)), Some((last, _))) => *first as usize..*last as usize + 1,
                _ => 0..0,
            },
        }
    }

    /// The rows that have something, in their order.
    fn held(&self) -> Vec<(u32, T)> {
        match self {
            Self::Stretch { first, values, .. } => {
                let rows = values.iter().enumerate().map(|(at, value)| ((*first + at) as u32, *value));
                rows.filter(|(_, value)| !value.is_missing()).collect()
            }
            Self::Apart(list) => list.clone(),
        }
    }

    /// The same rows with what their values become: what is missing stays so.
    fn map<U: Value>(&self, widen: impl Fn(T) -> U) -> Places<U> {
        match self {
            Self::Stretch { first, held, values } => {
                let values = values.iter().map(|value| widen(*value)).collect();
                Places::Stretch { first: *first, held: *held, values }
            }
            Self::Apart(list) => Places::Apart(list.iter().map(|(row, value)| (*row, widen(*value))).collect()),
        }
    }

    /// How many of ascending rows have something: of a hundred thousand keys of one run the other runs' rows are not
    /// looked at.
    fn count(&self, rows: &[usize]) -> usize {
        match self {
            Self::Stretch { .. } => within(rows, self.rows()).iter().filter(|row| self.get(**row).is_some()).count(),
            Self::Apart(list) => list.iter().filter(|(row, _)| rows.binary_search(&(*row as usize)).is_ok()).count(),
        }
    }
}

/// Where a row stands, or would.
fn place<T>(list: &[(u32, T)], row: usize) -> Result<usize, usize> {
    list.binary_search_by(|(own, _)| (*own as usize).cmp(&row))
}

/// Those of ascending rows that are in a range.
fn within(rows: &[usize], range: Range<usize>) -> &[usize] {
    let place = |end: usize| rows.partition_point(|row| *row < end);
    &rows[place(range.start)..place(range.end)]
}

/// A metric's values.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers(Places<f64>);

impl Numbers {
    pub(super) fn set(&mut self, row: usize, value: f64) {
        // A NaN that came from outside is the plain one.
        self.0.set(row, if value.is_nan() { f64::NAN } else { value });
    }

    pub(super) fn get(&self, row: usize) -> Option<f64> {
        self.0.get(row)
    }

    /// Leaves of the rows from the first number on those whose value passes; `missing` is the answer for none.
    pub(super) fn narrow(&self, rows: (usize, &mut [bool]), missing: bool, passes: impl Fn(f64) -> bool) {
        self.0.narrow(rows, missing, passes);
    }

    pub(super) fn clear(&mut self, row: usize) {
        self.0.clear(row);
    }

    pub(super) fn any(&self) -> bool {
        self.0.any()
    }

    /// How many of ascending rows have a value.
    pub(super) fn count(&self, rows: &[usize]) -> usize {
        self.0.count(rows)
    }
}

/// Makes room for more. A list that doubles is half empty, and a table has dozens of long ones.
pub(super) fn room<T>(values: &mut Vec<T>, more: usize) {
    if values.capacity() - values.len() < more {
        values.reserve_exact(more.max(values.len() / 8).max(4));
    }
}

/// The numbers of texts by row, as wide as the largest of them: most columns have fewer than 256 texts, and a table of a
/// hundred thousand runs has dozens of such columns.
#[derive(Debug, Clone)]
enum Numbered {
    Bytes(Places<u8>),
    Words(Places<u16>),
    Longs(Places<u32>),
}

impl Default for Numbered {
    fn default() -> Self {
        Self::Bytes(Places::default())
    }
}

/// The same of the places, whatever their width.
macro_rules! places {
    ($numbered:expr, $places:ident => $of:expr) => {
        match $numbered {
            Numbered::Bytes($places) => $of,
            Numbered::Words($places) => $of,
            Numbered::Longs($places) => $of,
        }
    };
}

impl Numbered {
    fn get(&self, row: usize) -> Option<u32> {
        match self {
            Self::Bytes(places) => places.get(row).map(u32::from),
            Self::Words(places) => places.get(row).map(u32::from),
            Self::Longs(places) => places.get(row),
        }
    }

    fn set(&mut self, row: usize, number: u32) {
        match self {
            Self::Bytes(places) => {
                if let Ok(number) = u8::try_from(number) {
                    return places.set(row, number);
                }
                *self = Self::Words(places.map(u16::from));
            }
            Self::Words(places) => {
                if let Ok(number) = u16::try_from(number) {
                    return places.set(row, number);
                }
                *self = Self::Longs(places.map(u32::from));
            }
            Self::Longs(places) => return places.set(row, number),
        }
        self.set(row, number);
    }

    fn clear(&mut self, row: usize) {
        places!(self, places => places.clear(row));
    }

    fn any(&self) -> bool {
        places!(self, places => places.any())
    }

    /// How many places it takes.
    fn len(&self) -> usize {
        places!(self, places => places.len())
    }

    /// The rows that have something, in their order.
    fn held(&self) -> Vec<(u32, u32)> {
        match self {
            Self::Bytes(places) => places.map(u32::from).held(),
            Self::Words(places) => places.map(u32::from).held(),
            Self::Longs(places) => places.held(),
        }
    }

    /// How many of ascending rows have something.
    fn count(&self, rows: &[usize]) -> usize {
        places!(self, places => places.count(rows))
    }
}

/// Texts by their number in a dictionary: a filter looks at each text once, whatever the number of rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    /// 0 is no value, n the text n - 1.
    rows: Numbered,
    all: Distinct,
    /// How many bytes of texts there were when those that no row had were last forgotten.
    kept_bytes: usize,
}

/// Texts, each once and one behind the other.
#[derive(Debug, Clone, Default)]
struct Distinct {
    bytes: String,
    /// Where each ends.
    ends: Vec<usize>,
    numbers: HashTable<u32>,
    hasher: RandomState,
}

impl Distinct {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, number: usize) -> &str {
        text_of(&self.bytes, &self.ends, number)
    }

    /// The number of a text, which is one of them from now on.
    fn number(&mut self, text: &str) -> u32 {
        let hash = self.hasher.hash_one(text);
        if let Some(number) = self.numbers.find(hash, |number| self.get(*number as usize) == text) {
            return *number;
        }
        let Self { bytes, ends, numbers, hasher } = self;
        if bytes.capacity() - bytes.len() < text.len() {
            bytes.reserve_exact(text.len().max(bytes.len() / 8));
        }
        bytes.push_str(text);
        room(ends, 1);
        ends.push(bytes.len());
        let number = ends.len() as u32 - 1;
        numbers.insert_unique(hash, number, |number| hasher.hash_one(text_of(bytes, ends, *number as usize)));
        number
    }
}

fn text_of<'t>(bytes: &'t str, ends: &[usize], number: usize) -> &'t str {
    let start = number.checked_sub(1).map_or(0, |before| ends[before]);
    &bytes[start..ends[number]]
}

impl Texts {
    pub(super) fn set(&mut self, row: usize, text: &str) {
        let number = self.all.number(text) + 1;
        self.rows.set(row, number);
        // A text that runs change all the time leaves those behind that no row has any more.
        let too_many = self.all.len() > 2 * self.rows.len() + SPARE_TEXTS;
        if too_many || self.all.bytes.len() > 2 * self.kept_bytes + SPARE_BYTES {
            self.compact();
        }
    }

    /// Forgets the texts that no row has.
    fn compact(&mut self) {
        let old = std::mem::take(self);
        // Whatever it comes to, it is not done again on the way.
        self.kept_bytes = old.all.bytes.len();
        for (row, number) in old.rows.held() {
            self.set(row as usize, old.all.get(number as usize - 1));
        }
        self.kept_bytes = self.all.bytes.len();
    }

    pub(super) fn clear(&mut self, row: usize) {
        self.rows.clear(row);
    }

    pub(super) fn any(&self) -> bool {
        self.rows.any()
    }

    /// How many of ascending rows have a value.
    pub(super) fn count(&self, rows: &[usize]) -> usize {
        self.rows.count(rows)
    }

    /// 0 where the row has no value.
    pub(super) fn number(&self, row: usize) -> usize {
        self.rows.get(row).unwrap_or(0) as usize
    }

    /// Leaves of the rows from the first number on those that hit, as [`Self::hits`] says.
    pub(super) fn narrow(&self, rows: (usize, &mut [bool]), hits: &[bool]) {
        places!(&self.rows, places => places.narrow(rows, hits[0], |number| hits[number as usize]));
    }

    pub(super) fn text(&self, row: usize) -> Option<&str> {
        self.number(row).checked_sub(1).map(|at| self.all.get(at))
    }

    /// Whether each number's text passes; `missing` is the answer for no value.
    ///
    /// # Errors
    /// Where that is not to go on.
    pub(super) fn hits(
        &self,
        missing: bool,
        passes: impl Fn(&str) -> bool,
        patience: &Patience<'_>,
    ) -> store::Result<Vec<bool>> {
        let mut hits = Vec::with_capacity(self.all.len() + 1);
        hits.push(missing);
        for number in 0..self.all.len() {
            if number % TOGETHER == 0 {
                patience.check()?;
            }
            hits.push(passes(self.all.get(number)));
        }
        Ok(hits)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Numbered, Numbers, Places, SPARE_TEXTS, Texts, within};

    #[test]
    fn a_column_takes_the_rows_from_its_first_value_to_its_last() {
        let mut column = Numbers::default();
        column.set(100_000, 1.0);
        assert_eq!(column.0.len(), 1);
        column.set(99_998, 2.0);
        column.set(100_001, f64::NAN);
        let rows = [0, 99_997, 99_998, 99_999, 100_000, 100_002];
        assert_eq!(rows.map(|row| column.get(row)), [None, None, Some(2.0), None, Some(1.0), None]);
        assert!(column.get(100_001).is_some_and(f64::is_nan));
        assert_eq!(column.count(&[1, 99_998, 99_999, 100_001, 100_002]), 2);
        column.clear(7);
        column.clear(99_998);
        column.clear(100_000);
        column.clear(100_001);
        assert!(!column.any() && column.0.rows() == (99_998..100_002));
    }

    #[test]
    fn a_column_of_the_oldest_and_the_newest_run_takes_two_places() {
        let mut column = Numbers::default();
        column.set(0, 1.0);
        column.set(99_999, 2.0);
        assert_eq!((column.0.len(), column.0.rows()), (2, 0..100_000));
        assert_eq!([0, 1, 99_999].map(|row| column.get(row)), [Some(1.0), None, Some(2.0)]);
        column.set(5_000, f64::NAN);
        assert!(column.get(5_000).is_some_and(f64::is_nan));
        assert_eq!(column.count(&[0, 1, 5_000, 99_998]), 2);
        for row in [0, 1, 5_000, 99_999] {
            column.clear(row);
        }
        assert!(!column.any() && column.get(0).is_none());
    }

    #[test]
    fn whatever_is_set_and_cleared_is_what_a_map_says() {
        // Sparse, dense, and sparse again, by steps that come back to the same rows.
        for (rows, spread) in [(2_000, 997), (2_000, 1), (4_000, 37), (300, 7)] {
            let (mut column, mut texts, mut known) = (Numbers::default(), Texts::default(), BTreeMap::new());
            for at in 0..6_000_usize {
                let row = at * spread % rows;
                if at % 5 == 4 || at > 4_500 {
                    column.clear(row);
                    texts.clear(row);
                    known.remove(&row);
                } else {
                    column.set(row, at as f64);
                    texts.set(row, &(at % 7).to_string());
                    known.insert(row, at);
                }
                assert_eq!(column.any(), !known.is_empty());
            }
            for row in 0..rows + 10 {
                let at = known.get(&row).copied();
                assert_eq!(column.get(row), at.map(|at| at as f64), "row {row} of {rows} by {spread}");
                assert_eq!(texts.text(row), at.map(|at| (at % 7).to_string()).as_deref());
            }
            // Stretches that begin before, within and behind what there is.
            for first in (0..rows + 100).step_by(61) {
                for (missing, asked) in [(false, 2), (true, 3)] {
                    let asked: Vec<bool> = (first..first + 61).map(|row| row % asked > 0).collect();
                    let (mut numbers, mut texts_of) = (asked.clone(), asked.clone());
                    column.narrow((first, &mut numbers), missing, |own| own > 1_000.0);
                    let hits: Vec<bool> =
                        (0..=texts.all.len()).map(|at| if at == 0 { missing } else { at % 2 == 0 }).collect();
                    texts.narrow((first, &mut texts_of), &hits);
                    for (at, asked) in asked.into_iter().enumerate() {
                        let row = first + at;
                        let passes = column.get(row).map_or(missing, |own| own > 1_000.0);
                        assert_eq!(numbers[at], asked && passes, "row {row} of {rows} by {spread}");
                        assert_eq!(texts_of[at], asked && hits[texts.number(row)], "row {row} of {rows} by {spread}");
                    }
                }
            }
            let all: Vec<usize> = (0..rows).collect();
            assert_eq!([column.count(&all), texts.count(&all)], [known.len(); 2]);
        }
    }

    #[test]
    fn a_column_is_as_wide_as_its_texts_are_many() {
        let mut texts = Texts::default();
        for row in 0..255 {
            texts.set(row, &row.to_string());
        }
        assert!(matches!(texts.rows, Numbered::Bytes(_)));
        for row in 255..65_535 {
            texts.set(row, &row.to_string());
        }
        assert!(matches!(texts.rows, Numbered::Words(_)));
        texts.clear(7);
        texts.set(70_000, "a text more");
        texts.set(70_001, "254");
        assert!(matches!(texts.rows, Numbered::Longs(_)));
        assert!((0..65_535).all(|row| texts.text(row).map(str::to_owned) == (row != 7).then(|| row.to_string())));
        assert_eq!([70_000, 70_001, 69_999].map(|row| texts.text(row)), [Some("a text more"), Some("254"), None]);
    }

    #[test]
    fn a_sparse_column_that_fills_is_dense() {
        let mut column = Numbers::default();
        for row in [0, 9_999].into_iter().chain(1..9_999) {
            column.set(row, row as f64);
        }
        assert!(matches!(column.0, Places::Stretch { held: 10_000, .. }));
        assert!((0..10_000).all(|row| column.get(row) == Some(row as f64)));
    }

    #[test]
    fn only_rows_of_the_columns_stretch_are_counted() {
        let rows = [1, 3, 4, 9];
        assert_eq!(within(&rows, 3..5), [3, 4]);
        assert_eq!(within(&rows, 0..100), rows);
        assert!(within(&rows, 5..9).is_empty() && within(&rows, 0..0).is_empty() && within(&[], 0..9).is_empty());
    }

    #[test]
    fn long_texts_that_no_row_has_any_more_are_forgotten() {
        let mut texts = Texts::default();
        texts.set(1, "kept");
        for at in 0..20 {
            texts.set(0, &format!("{at}{}", "x".repeat(4 << 20)));
        }
        assert!(texts.all.len() <= 5, "{} texts", texts.all.len());
        assert_eq!(texts.text(1), Some("kept"));
        assert!(texts.text(0).is_some_and(|text| text.starts_with("19x")));
    }

    #[test]
    fn texts_that_no_row_has_any_more_are_forgotten() {
        let mut texts = Texts::default();
        texts.set(1, "kept");
        for at in 0..10 * SPARE_TEXTS {
            texts.set(0, &at.to_string());
        }
        assert!(texts.all.len() <= SPARE_TEXTS + 4, "{} texts", texts.all.len());
        assert_eq!(texts.text(0), Some((10 * SPARE_TEXTS - 1).to_string().as_str()));
        assert_eq!(texts.text(1), Some("kept"));
        assert_eq!(texts.text(2), None);
    }
}
