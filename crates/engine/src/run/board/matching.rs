//! A filter made ready for a table: each key is looked up once, each text is compared once.

use std::cell::OnceCell;

use api::{ExperimentId, tracking::Experiment};
use store::{Connection, run_input::DatasetHead};

use super::{
    Patience, Table,
    column::{Numbers, Texts},
    datasets::Datasets,
    rows::Run,
};
use crate::run::{
    address_in,
    filter::{
        Comparison, DatasetField, Field, Filter, Value,
        compare::{compares, is_at, is_within, passes},
    },
    mlflow_status,
};

/// Whether a row passes.
pub(super) enum Test<'t> {
    Always(bool),
    All(Vec<Self>),
    Not(Box<Self>),
    Numbers(&'t Numbers, Comparison, f64),
    /// By the number of the row's text.
    Texts(&'t Texts, Vec<bool>),
    Row(Box<dyn Fn(Run<'_>) -> bool + 't>),
    /// By the number of the dataset.
    Datasets(&'t Datasets, Vec<bool>),
    Any(Vec<Self>),
}

/// The experiment of a table: what is the same for all of its runs.
pub(super) struct Place<'c> {
    connection: &'c Connection,
    id: ExperimentId,
    /// Others are looked at with it, so that its name tells its runs apart from theirs.
    is_one_of_several: bool,
    /// Once it is asked for; `None` in it where it is gone.
    found: OnceCell<Option<Experiment>>,
}

impl<'c> Place<'c> {
    pub(super) fn of(connection: &'c Connection, id: ExperimentId, is_one_of_several: bool) -> Self {
        Self { connection, id, is_one_of_several, found: OnceCell::new() }
    }

    fn experiment(&self) -> store::Result<Option<&Experiment>> {
        if let Some(found) = self.found.get() {
            return Ok(found.as_ref());
        }
        let found = store::experiment::get(self.connection, self.id)?;
        Ok(self.found.get_or_init(|| found).as_ref())
    }

    fn folder(&self) -> store::Result<&str> {
        Ok(self.experiment()?.map_or("", |found| &found.folder))
    }
}

impl<'t> Test<'t> {
    pub(super) fn of(
        place: &Place<'_>,
        table: &'t Table,
        filter: &'t Filter,
        patience: &Patience<'_>,
    ) -> store::Result<Self> {
        patience.check()?;
        let of = |filter: &'t Filter| Self::of(place, table, filter, patience);
        Ok(match filter {
            Filter::All => Self::Always(true),
            Filter::And(all) => Self::All(all.iter().map(of).collect::<store::Result<_>>()?),
            Filter::Or(any) => Self::Any(any.iter().map(of).collect::<store::Result<_>>()?),
            Filter::Not(inner) => Self::Not(Box::new(of(inner)?)),
            Filter::Word(word) => Self::word(place, table, word, patience)?,
            Filter::Compare(Field::Dataset(field), comparison, value) => {
                let passes = passes(*comparison, value);
                let passes = |dataset: &DatasetHead| match field {
                    DatasetField::Name => passes(&dataset.name),
                    DatasetField::Digest => passes(&dataset.digest),
                    DatasetField::Context => dataset.context.as_deref().is_some_and(&passes),
                };
                Self::Datasets(&table.datasets, table.datasets.hits(passes, patience)?)
            }
            Filter::Compare(Field::ArtifactUri, comparison, value) => {
                let found = place.experiment()?;
                let (number, location) = found.map_or((0, None), |found| (found.number, found.location.clone()));
                let passes = passes(*comparison, value);
                Self::Row(Box::new(move |run| match run.address() {
                    Some(address) => passes(address),
                    None => passes(&address_in(number, location.as_deref(), run.id())),
                }))
            }
            Filter::Compare(Field::Experiment, comparison, value) => {
                let found = place.experiment()?;
                Self::Always(found.is_some_and(|found| passes(*comparison, value)(&found.name)))
            }
            Filter::Compare(Field::Folder, comparison, value) => {
                Self::Always(is_at(place.folder()?, *comparison, value))
            }
            Filter::Compare(Field::Within, comparison, value) => {
                Self::Always(is_within(place.folder()?, *comparison, value))
            }
            Filter::Compare(field, comparison, value) => Self::compare(table, field, *comparison, value, patience)?,
        })
    }

    fn word(place: &Place<'_>, table: &'t Table, word: &str, patience: &Patience<'_>) -> store::Result<Self> {
        let word = word.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&word);
        if place.is_one_of_several && place.experiment()?.is_some_and(|found| has(&found.name)) {
            return Ok(Self::Always(true));
        }
        let columns = table.params.iter().chain(table.tags.iter()).map(|(key, column)| {
            let key_has = has(key);
            Ok(Self::Texts(column, column.hits(false, |text| key_has || has(text), patience)?))
        });
        let mut any: Vec<Self> = columns.collect::<store::Result<_>>()?;
        for column in [&table.rows.names, &table.rows.models, &table.rows.notes] {
            any.push(Self::Texts(column, column.hits(false, has, patience)?));
        }
        let datasets = table.datasets.hits(|dataset| has(&dataset.name), patience)?;
        if datasets.contains(&true) {
            any.push(Self::Datasets(&table.datasets, datasets));
        }
        Ok(Self::Any(any))
    }

    fn compare(
        table: &'t Table,
        field: &Field,
        comparison: Comparison,
        value: &'t Value,
        patience: &Patience<'_>,
    ) -> store::Result<Self> {
        Ok(match field {
            Field::Metric(key) => Self::numbers(table.metrics.get(key), comparison, value),
            Field::Param(key) => Self::texts(table.params.get(key), comparison, value, patience)?,
            Field::Tag(key) => Self::texts(table.tags.get(key), comparison, value, patience)?,
            _ => match (table.rows.texts(field), table.rows.numbers(field)) {
                (Some(column), _) => Self::texts(Some(column), comparison, value, patience)?,
                (None, Some(column)) => Self::numbers(Some(column), comparison, value),
                (None, None) => Self::of_run(field, comparison, value),
            },
        })
    }

    fn numbers(column: Option<&'t Numbers>, comparison: Comparison, value: &Value) -> Self {
        let wanted = if let Value::Number(number) = value { *number } else { f64::NAN };
        match column {
            None => Self::Always(comparison == Comparison::IsNull),
            Some(column) => Self::Numbers(column, comparison, wanted),
        }
    }

    fn texts(
        column: Option<&'t Texts>,
        comparison: Comparison,
        value: &'t Value,
        patience: &Patience<'_>,
    ) -> store::Result<Self> {
        let missing = comparison == Comparison::IsNull;
        Ok(match column {
            None => Self::Always(missing),
            Some(column) => Self::Texts(column, column.hits(missing, passes(comparison, value), patience)?),
        })
    }

    /// What a run has of its own, and is no column.
    fn of_run(field: &Field, comparison: Comparison, value: &'t Value) -> Self {
        let texts = |of: fn(Run<'_>) -> &'static str| {
            let passes = passes(comparison, value);
            Self::Row(Box::new(move |run| passes(of(run))))
        };
        let numbers = |of: fn(Run<'_>) -> Option<f64>| {
            let wanted = if let Value::Number(number) = value { *number } else { f64::NAN };
            let missing = comparison == Comparison::IsNull;
            Self::Row(Box::new(move |run| of(run).map_or(missing, |own| compares(own, comparison, wanted))))
        };
        match field {
            Field::State => texts(|run| run.state().word()),
            Field::Status => texts(|run| mlflow_status(run.state())),
            Field::Kind => texts(|run| run.kind().word()),
            Field::Created => numbers(|run| Some(run.created_ms() as f64)),
            Field::Started => numbers(|run| Some(run.began_ms() as f64)),
            Field::Ended => numbers(|run| run.ended_ms().map(|ms| ms as f64)),
            Field::Duration => numbers(|run| run.duration()),
            Field::Id => {
                let passes = passes(comparison, value);
                Self::Row(Box::new(move |run| passes(&run.id().to_string())))
            }
            Field::Rank(key) => {
                let key = key.clone();
                let wanted = if let Value::Number(number) = value { *number } else { f64::NAN };
                Self::Row(Box::new(move |run| run.rank(&key).is_some_and(|own| compares(own, comparison, wanted))))
            }
            _ => Self::Always(false),
        }
    }

    /// Leaves of the rows from `first` on those that pass: a test goes over its column's stretch at once.
    ///
    /// # Errors
    /// Where that is not to go on.
    pub(super) fn narrow(
        &self,
        table: &Table,
        (first, rows): (usize, &mut [bool]),
        patience: &Patience<'_>,
    ) -> store::Result<()> {
        if !rows.contains(&true) {
            return Ok(());
        }
        match self {
            Self::All(tests) => return tests.iter().try_for_each(|test| test.narrow(table, (first, rows), patience)),
            Self::Any(tests) => {
                // What no test before took.
                let mut left = rows.to_vec();
                for test in tests {
                    let mut passing = left.clone();
                    test.narrow(table, (first, &mut passing), patience)?;
                    without(&mut left, &passing);
                }
                without(rows, &left);
                return Ok(());
            }
            Self::Not(inner) => {
                let mut passing = rows.to_vec();
                inner.narrow(table, (first, &mut passing), patience)?;
                without(rows, &passing);
                return Ok(());
            }
            _ => patience.check()?,
        }
        let mut each = |passes: &dyn Fn(usize) -> bool| {
            for (at, row) in rows.iter_mut().enumerate().filter(|(_, row)| **row) {
                *row = passes(first + at);
            }
        };
        match self {
            Self::Always(true) | Self::All(_) | Self::Any(_) | Self::Not(_) => {}
            Self::Always(false) => rows.fill(false),
            Self::Numbers(column, comparison, number) => {
                let missing = *comparison == Comparison::IsNull;
                column.narrow((first, rows), missing, |own| compares(own, *comparison, *number));
            }
            Self::Texts(column, hits) => column.narrow((first, rows), hits),
            Self::Row(passes) => each(&|row| passes(table.rows.run(row))),
            Self::Datasets(datasets, hits) => each(&|row| datasets.any(row, hits)),
        }
        Ok(())
    }
}

/// Takes from rows those that others are.
fn without(rows: &mut [bool], others: &[bool]) {
    for (row, other) in rows.iter_mut().zip(others) {
        *row &= !other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::board::{Moment, order, patience};

    #[test]
    fn what_some_pass_and_others_deny_is_asked_of_those_that_are_left() {
        let table = order::tests::table();
        let loss = table.metrics.get("loss").unwrap();
        let below = |bound: f64| Test::Numbers(loss, Comparison::Less, bound);
        let even = || Test::Row(Box::new(|run| run.created_ms() % 2 == 0));
        let (asked, asking) = patience::ask(Moment(0), Default::default());
        let passing = |test: Test<'_>| {
            let mut rows = [true, true, false];
            test.narrow(&table, (0, &mut rows), &asked.patience()).map(|()| rows)
        };
        // The second row has no loss, and the third is not asked for.
        for (test, expected) in [
            (below(1.0), [true, false, false]),
            (Test::Not(Box::new(below(1.0))), [false, true, false]),
            (Test::Any(vec![below(0.1), Test::Not(Box::new(below(1.0)))]), [false, true, false]),
            (Test::Any(vec![below(1.0), Test::Always(true)]), [true, true, false]),
            (Test::Any(Vec::new()), [false, false, false]),
            (Test::All(vec![Test::Always(true), below(1.0)]), [true, false, false]),
            (Test::All(Vec::new()), [true, true, false]),
            (Test::Numbers(loss, Comparison::IsNull, f64::NAN), [false, true, false]),
            // A row that an earlier test left out is not looked at: there is no run.
            (Test::All(vec![Test::Always(false), even()]), [false, false, false]),
        ] {
            assert_eq!(passing(test).unwrap(), expected);
        }
        drop(asking);
        assert!(passing(Test::Any(vec![below(1.0)])).is_err(), "nobody waits for it");
    }
}
