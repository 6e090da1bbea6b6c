//! The values that runs have for a field, each with how many have it: what a filter can ask for.

use std::{
    borrow::Cow,
    cmp::Ordering,
    collections::{BTreeSet, HashMap},
};

use api::{
    ExperimentId,
    run_table::values::{RunValue, RunValues},
};
use store::{Connection, run_input::DatasetHead};

use super::{Asked, Board, Query, cells, groups::natural, matched};
use crate::run::filter::{DatasetField, Field};

/// Bytes of a value that is told.
const LONGEST: usize = 1_024;
/// Rows between two looks at the clock.
const TOGETHER: usize = 1_024;

impl Board {
    /// Of the runs that match the values with this part in any case, as many as asked for: those that begin with it stand
    /// first, then those that most runs have. Blocks.
    pub(crate) fn values(
        &self,
        connection: &Connection,
        asked: &Asked,
        query: &Query,
        (field, part, most): (&Field, &str, usize),
    ) -> store::Result<RunValues> {
        let tables = self.fresh(connection, asked.moment, &query.experiments)?;
        let (only, rows) = matched(connection, &tables, query, asked)?;
        let patience = asked.patience();
        let shared = only.iter().map(|table| of_experiment(connection, table.experiment, field));
        let shared: Vec<Vec<String>> = shared.collect::<store::Result<_>>()?;
        let mut counts: HashMap<Cow<'_, str>, u64> = HashMap::new();
        for (at, (index, row)) in rows.into_iter().enumerate() {
            if at % TOGETHER == 0 {
                patience.check()?;
            }
            let (table, row) = (only[index], row as usize);
            if let Field::Dataset(of) = field {
                // A run may have been given the same one twice.
                let own: BTreeSet<&str> =
                    table.datasets.in_row(row).filter_map(|dataset| of_dataset(dataset, *of)).collect();
                own.into_iter().for_each(|value| *counts.entry(Cow::Borrowed(value)).or_default() += 1);
                continue;
            }
            let shared = shared[index].iter().map(|value| Cow::Borrowed(value.as_str()));
            shared.chain(cells::text(table, row, field)).for_each(|value| *counts.entry(value).or_default() += 1);
        }
        Ok(found(counts, part, most))
    }
}

/// What all runs of an experiment have alike: it stands within its folder and each above that; at the top in none.
fn of_experiment(connection: &Connection, id: ExperimentId, field: &Field) -> store::Result<Vec<String>> {
    if !matches!(field, Field::Experiment | Field::Folder | Field::Within) {
        return Ok(Vec::new());
    }
    let Some(found) = store::experiment::get(connection, id)? else { return Ok(Vec::new()) };
    Ok(match field {
        Field::Experiment => vec![found.name],
        _ if found.folder.is_empty() => Vec::new(),
        Field::Within => with_above(&found.folder).map(str::to_owned).collect(),
        _ => vec![found.folder],
    })
}

/// The folders that a folder stands in, and itself.
fn with_above(folder: &str) -> impl Iterator<Item = &str> {
    folder.match_indices('/').map(|(at, _)| &folder[..at]).chain([folder])
}

fn of_dataset(dataset: &DatasetHead, field: DatasetField) -> Option<&str> {
    match field {
        DatasetField::Name => Some(&dataset.name),
        DatasetField::Digest => Some(&dataset.digest),
        DatasetField::Context => dataset.context.as_deref(),
    }
}

fn found(counts: HashMap<Cow<'_, str>, u64>, part: &str, most: usize) -> RunValues {
    let part = part.to_lowercase();
    // Where the part stands is looked for once in each.
    let place = |value: &str| value.to_lowercase().find(&part);
    let fitting = counts.into_iter().filter(|(value, _)| !value.is_empty() && value.len() <= LONGEST);
    let fitting = fitting.filter_map(|(value, runs)| Some((place(&value)? > 0, runs, value)));
    let mut all: Vec<(bool, u64, Cow<'_, str>)> = fitting.collect();
    let total = all.len() as u64;
    let order = |(later, runs, value): &(bool, u64, Cow<'_, str>), other: &(bool, u64, Cow<'_, str>)| -> Ordering {
        later.cmp(&other.0).then(other.1.cmp(runs)).then_with(|| natural(value, &other.2))
    };
    if all.len() > most && most > 0 {
        all.select_nth_unstable_by(most - 1, order);
    }
    all.truncate(most);
    all.sort_unstable_by(order);
    let values = all.into_iter().map(|(_, runs, value)| RunValue { value: value.into_owned(), runs }).collect();
    RunValues { values, total }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_within_all_above_it() {
        let all = |folder| with_above(folder).collect::<Vec<_>>();
        assert_eq!(all("vision/deep/50%"), ["vision", "vision/deep", "vision/deep/50%"]);
        assert_eq!(all("vision"), ["vision"]);
    }

    #[test]
    fn what_most_runs_have_stands_first_behind_what_begins_so() {
        let counts = || -> HashMap<Cow<'_, str>, u64> {
            [("resnet18", 3), ("ResNet50", 9), ("wide resnet", 40), ("vit", 5), ("16", 2), ("8", 2), ("", 1)]
                .map(|(value, runs)| (Cow::Borrowed(value), runs))
                .into()
        };
        let told = |part: &str, most: usize| {
            let RunValues { values, total } = found(counts(), part, most);
            (values.into_iter().map(|value| format!("{} {}", value.value, value.runs)).collect::<Vec<_>>(), total)
        };
        let all = ["wide resnet 40", "ResNet50 9", "vit 5", "resnet18 3", "8 2", "16 2"].map(str::to_owned);
        assert_eq!(told("", 50), (all.to_vec(), 6));
        assert_eq!(told("", 2), (all[..2].to_vec(), 6));
        assert_eq!(told("", 0), (Vec::new(), 6));
        let begun = ["ResNet50 9", "resnet18 3", "wide resnet 40"].map(str::to_owned);
        assert_eq!(told("RESN", 50), (begun.to_vec(), 3));
        assert_eq!(told("cnn", 50), (Vec::new(), 0));
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(found([(Cow::Borrowed(long.as_str()), 7)].into(), "", 50).total, 0, "a description is no value");
    }
}
