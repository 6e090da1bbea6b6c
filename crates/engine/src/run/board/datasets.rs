//! The datasets that the runs of a table were given: their names, without what describes them, which may be megabytes.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use store::run_input::DatasetHead;

use super::Patience;

/// Datasets that are compared between two looks at the clock.
const TOGETHER: usize = 256;

/// Each dataset once: a filter looks at each once, whatever the number of runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Datasets {
    /// By the row, of those that have any.
    rows: HashMap<usize, Vec<u32>>,
    all: Vec<Arc<DatasetHead>>,
    numbers: HashMap<Arc<DatasetHead>, u32>,
}

impl Datasets {
    pub(super) fn add(&mut self, row: usize, dataset: DatasetHead) {
        let number = match self.numbers.get(&dataset) {
            Some(number) => *number,
            None => {
                let (dataset, number) = (Arc::new(dataset), self.all.len() as u32);
                self.all.push(Arc::clone(&dataset));
                self.numbers.insert(dataset, number);
                number
            }
        };
        self.rows.entry(row).or_default().push(number);
    }

    pub(super) fn clear(&mut self, row: usize) {
        self.rows.remove(&row);
    }

    /// Those of these rows, each once, in their order.
    pub(super) fn of(&self, is_there: impl Fn(usize) -> bool) -> BTreeSet<&DatasetHead> {
        let there = self.rows.iter().filter(|(row, _)| is_there(**row));
        there.flat_map(|(_, numbers)| numbers).map(|number| &*self.all[*number as usize]).collect()
    }

    /// Those of a row.
    pub(super) fn in_row(&self, row: usize) -> impl Iterator<Item = &DatasetHead> {
        self.rows.get(&row).into_iter().flatten().map(|number| &*self.all[*number as usize])
    }

    /// Whether each dataset passes, by its number.
    ///
    /// # Errors
    /// Where that is not to go on.
    pub(super) fn hits(
        &self,
        passes: impl Fn(&DatasetHead) -> bool,
        patience: &Patience<'_>,
    ) -> store::Result<Vec<bool>> {
        let mut hits = Vec::with_capacity(self.all.len());
        for datasets in self.all.chunks(TOGETHER) {
            patience.check()?;
            hits.extend(datasets.iter().map(|dataset| passes(dataset)));
        }
        Ok(hits)
    }

    /// Whether one of a row's datasets is among these.
    pub(super) fn any(&self, row: usize, hits: &[bool]) -> bool {
        self.rows.get(&row).is_some_and(|numbers| numbers.iter().any(|number| hits[*number as usize]))
    }
}
