//! A key's values over all rows of a table.

use std::collections::HashMap;

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

/// Rows beyond the column's end have no value either.
pub(super) fn set(column: &mut Vec<f64>, row: usize, value: f64) {
    if column.len() <= row {
        column.resize(row + 1, f64::from_bits(MISSING));
    }
    // A NaN that came from outside is the plain one.
    column[row] = if value.is_nan() { f64::NAN } else { value };
}

pub(super) fn number(column: &[f64], row: usize) -> Option<f64> {
    column.get(row).copied().filter(|value| value.to_bits() != MISSING)
}

pub(super) fn clear(column: &mut [f64], row: usize) {
    if let Some(value) = column.get_mut(row) {
        *value = f64::from_bits(MISSING);
    }
}

pub(super) fn any(column: &[f64]) -> bool {
    column.iter().any(|value| value.to_bits() != MISSING)
}

/// Texts by their number in a dictionary: a filter looks at each text once, whatever the number of rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Texts {
    /// 0 is no value, n the text n - 1.
    rows: Vec<u32>,
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
        if self.rows.len() <= row {
            self.rows.resize(row + 1, 0);
        }
        self.rows[row] = number;
        // A text that runs change all the time leaves those behind that no row has any more.
        if self.texts.len() > 2 * self.rows.len() + SPARE_TEXTS {
            self.compact();
        }
    }

    /// Forgets the texts that no row has.
    fn compact(&mut self) {
        let old = std::mem::take(self);
        self.rows = vec![0; old.rows.len()];
        for row in 0..old.rows.len() {
            if let Some(text) = old.text(row) {
                self.set(row, text);
            }
        }
    }

    pub(super) fn clear(&mut self, row: usize) {
        if let Some(number) = self.rows.get_mut(row) {
            *number = 0;
        }
    }

    pub(super) fn any(&self) -> bool {
        self.rows.iter().any(|number| *number > 0)
    }

    /// Rows from here on have no value.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// 0 where the row has no value.
    pub(super) fn number(&self, row: usize) -> usize {
        self.rows.get(row).copied().unwrap_or(0) as usize
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
    use super::{SPARE_TEXTS, Texts};

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
