//! A key's values over all rows of a table.

use std::{collections::HashMap, ops::Range};

use super::Patience;

/// The bits of a NaN that no program computes: a row without the value.
pub(super) const MISSING: u64 = 0x7ff8_5115_5119_0001;

/// So many texts more than twice the rows a dictionary may hold.
const SPARE_TEXTS: usize = 1_024;
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

/// What stands in the rows from the first that has something to the last: of a hundred thousand keys of one run each takes
/// one place, whatever the number of runs.
#[derive(Debug, Clone)]
struct Stretch<T> {
    first: usize,
    values: Vec<T>,
}

impl<T> Default for Stretch<T> {
    fn default() -> Self {
        Self { first: 0, values: Vec::new() }
    }
}

impl<T: Copy> Stretch<T> {
    fn get(&self, row: usize) -> Option<T> {
        self.values.get(row.checked_sub(self.first)?).copied()
    }

    /// The place of a row; `missing` stands in those that are made on the way.
    fn place(&mut self, row: usize, missing: T) -> &mut T {
        if self.values.is_empty() {
            self.first = row;
        }
        if row < self.first {
            self.values.splice(0..0, std::iter::repeat_n(missing, self.first - row));
            self.first = row;
        }
        let at = row - self.first;
        if self.values.len() <= at {
            self.values.resize(at + 1, missing);
        }
        &mut self.values[at]
    }

    fn there(&mut self, row: usize) -> Option<&mut T> {
        self.values.get_mut(row.checked_sub(self.first)?)
    }

    /// Other rows have no value.
    fn rows(&self) -> Range<usize> {
        self.first..self.first + self.values.len()
    }
}

/// A metric's values.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbers(Stretch<f64>);

impl Numbers {
    pub(super) fn set(&mut self, row: usize, value: f64) {
        // A NaN that came from outside is the plain one.
        *self.0.place(row, f64::from_bits(MISSING)) = if value.is_nan() { f64::NAN } else { value };
    }

    pub(super) fn get(&self, row: usize) -> Option<f64> {
        self.0.get(row).filter(|value| value.to_bits() != MISSING)
    }

    pub(super) fn clear(&mut self, row: usize) {
        if let Some(value) = self.0.there(row) {
            *value = f64::from_bits(MISSING);
        }
    }

    pub(super) fn any(&self) -> bool {
        self.0.values.iter().any(|value| value.to_bits() != MISSING)
    }

    /// Other rows have no value.
    pub(super) fn rows(&self) -> Range<usize> {
        self.0.rows()
    }
}

/// Texts by their number in a dictionary: a filter looks at each text once, whatever the number of rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    /// 0 is no value, n the text n - 1.
    rows: Stretch<u32>,
    texts: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Texts {
    pub(super) fn set(&mut self, row: usize, text: &str) {
        let number = match self.numbers.get(text) {
            Some(number) => *number,
            None => {
                self.texts.push(text.to_owned());
                let number = self.texts.len() as u32;
                self.numbers.insert(text.to_owned(), number);
                number
            }
        };
        *self.rows.place(row, 0) = number;
        // A text that runs change all the time leaves those behind that no row has any more.
        if self.texts.len() > 2 * self.rows.values.len() + SPARE_TEXTS {
            self.compact();
        }
    }

    /// Forgets the texts that no row has.
    fn compact(&mut self) {
        let old = std::mem::take(self);
        for row in old.rows.rows() {
            if let Some(text) = old.text(row) {
                self.set(row, text);
            }
        }
    }

    pub(super) fn clear(&mut self, row: usize) {
        if let Some(number) = self.rows.there(row) {
            *number = 0;
        }
    }

    pub(super) fn any(&self) -> bool {
        self.rows.values.iter().any(|number| *number > 0)
    }

    /// Other rows have no value.
    pub(super) fn rows(&self) -> Range<usize> {
        self.rows.rows()
    }

    /// 0 where the row has no value.
    pub(super) fn number(&self, row: usize) -> usize {
        self.rows.get(row).unwrap_or(0) as usize
    }

    pub(super) fn text(&self, row: usize) -> Option<&str> {
        self.number(row).checked_sub(1).map(|at| self.texts[at].as_str())
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
        let mut hits = Vec::with_capacity(self.texts.len() + 1);
        hits.push(missing);
        for texts in self.texts.chunks(TOGETHER) {
            patience.check()?;
            hits.extend(texts.iter().map(|text| passes(text)));
        }
        Ok(hits)
    }
}

#[cfg(test)]
mod tests {
    use super::{Numbers, SPARE_TEXTS, Texts};

    #[test]
    fn a_column_takes_the_rows_from_its_first_value_to_its_last() {
        let mut column = Numbers::default();
        column.set(100_000, 1.0);
        assert_eq!(column.0.values.len(), 1);
        column.set(99_998, 2.0);
        column.set(100_001, f64::NAN);
        let rows = [0, 99_997, 99_998, 99_999, 100_000, 100_002];
        assert_eq!(rows.map(|row| column.get(row)), [None, None, Some(2.0), None, Some(1.0), None]);
        assert!(column.get(100_001).is_some_and(f64::is_nan));
        column.clear(7);
        column.clear(99_998);
        column.clear(100_000);
        column.clear(100_001);
        assert!(!column.any() && column.rows() == (99_998..100_002));
    }

    #[test]
    fn texts_that_no_row_has_any_more_are_forgotten() {
        let mut texts = Texts::default();
        texts.set(1, "kept");
        for at in 0..10 * SPARE_TEXTS {
            texts.set(0, &at.to_string());
        }
        assert!(texts.texts.len() <= SPARE_TEXTS + 4, "{} texts", texts.texts.len());
        assert_eq!(texts.text(0), Some((10 * SPARE_TEXTS - 1).to_string().as_str()));
        assert_eq!(texts.text(1), Some("kept"));
        assert_eq!(texts.text(2), None);
    }
}
