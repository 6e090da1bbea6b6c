//! A filter made ready for a table: each key is looked up once, each text is compared once.

use api::{ExperimentId, run::seconds};
use store::{Connection, run_columns::RunHead, run_input::DatasetHead};

use super::{
    Patience, Table,
    column::{Numbers, Texts},
    datasets::Datasets,
};
use crate::run::{
    address_in,
    filter::{
        Comparison, DatasetField, Field, Filter, Value,
        compare::{compares, passes},
    },
    mlflow_status,
};

/// Whether a row passes.
pub(super) enum Test<'t> {
    Always(bool),
    All(Vec<Self>),
    Not(Box<Self>),
    Metric(&'t Numbers, Comparison, f64),
    /// By the number of the row's text.
    Texts(&'t Texts, Vec<bool>),
    Row(Box<dyn Fn(&RunHead) -> bool + 't>),
    /// By the number of the dataset.
    Datasets(&'t Datasets, Vec<bool>),
    Any(Vec<Self>),
}

impl<'t> Test<'t> {
    pub(super) fn of(
        connection: &Connection,
        experiment: ExperimentId,
        table: &'t Table,
        filter: &'t Filter,
        patience: &Patience<'_>,
    ) -> store::Result<Self> {
        patience.check()?;
        let of = |filter: &'t Filter| Self::of(connection, experiment, table, filter, patience);
        Ok(match filter {
            Filter::All => Self::Always(true),
            Filter::And(all) => Self::All(all.iter().map(of).collect::<store::Result<_>>()?),
            Filter::Or(any) => Self::Any(any.iter().map(of).collect::<store::Result<_>>()?),
            Filter::Not(inner) => Self::Not(Box::new(of(inner)?)),
            Filter::Word(word) => Self::word(table, word, patience)?,
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
                let found = store::experiment::get(connection, experiment)?;
                let (number, location) = found.map_or((0, None), |found| (found.number, found.location));
                let passes = passes(*comparison, value);
                Self::Row(Box::new(move |head| match &head.address {
                    Some(address) => passes(address),
                    None => passes(&address_in(number, location.as_deref(), head.id)),
                }))
            }
            Filter::Compare(Field::Experiment, comparison, value) => {
                let found = store::experiment::get(connection, experiment)?;
                Self::Always(found.is_some_and(|found| passes(*comparison, value)(&found.name)))
            }
            Filter::Compare(Field::Folder, comparison, value) => {
                let folder =
                    store::experiment::get(connection, experiment)?.map_or_else(String::new, |found| found.folder);
                Self::Always(match comparison {
                    Comparison::IsNull => folder.is_empty(),
                    Comparison::IsNotNull => !folder.is_empty(),
                    _ => passes(*comparison, value)(&folder),
                })
            }
            Filter::Compare(field, comparison, value) => Self::compare(table, field, *comparison, value, patience)?,
        })
    }

    fn word(table: &'t Table, word: &str, patience: &Patience<'_>) -> store::Result<Self> {
        let word = word.to_lowercase();
        let has = {
            let word = word.clone();
            move |text: &str| text.to_lowercase().contains(&word)
        };
        let columns = table.params.iter().chain(table.tags.iter()).map(|(key, column)| {
            let key_has = has(key);
            Ok(Self::Texts(column, column.hits(false, |text| key_has || has(text), patience)?))
        });
        let mut any: Vec<Self> = columns.collect::<store::Result<_>>()?;
        any.push(Self::Row(Box::new(move |head| {
            [Some(head.name.as_str()), head.model.as_deref(), Some(head.notes.as_str())]
                .into_iter()
                .flatten()
                .any(|text| text.to_lowercase().contains(&word))
        })));
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
            Field::Metric(key) => match (table.metrics.get(key), comparison, value) {
                (None, ..) => Self::Always(comparison == Comparison::IsNull),
                (Some(column), _, Value::Number(number)) => Self::Metric(column, comparison, *number),
                (Some(column), ..) => Self::Metric(column, comparison, f64::NAN),
            },
            Field::Param(key) => Self::texts(table.params.get(key), comparison, value, patience)?,
            Field::Tag(key) => Self::texts(table.tags.get(key), comparison, value, patience)?,
            _ => Self::own(field, comparison, value),
        })
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

    /// What stands in the run's own row.
    fn own(field: &Field, comparison: Comparison, value: &'t Value) -> Self {
        let texts = |of: fn(&RunHead) -> Option<&str>| {
            let passes = passes(comparison, value);
            let missing = comparison == Comparison::IsNull;
            Self::Row(Box::new(move |head: &RunHead| of(head).map_or(missing, &passes)))
        };
        let numbers = |of: fn(&RunHead) -> Option<f64>| {
            let wanted = if let Value::Number(number) = value { *number } else { f64::NAN };
            let missing = comparison == Comparison::IsNull;
            Self::Row(Box::new(move |head: &RunHead| of(head).map_or(missing, |own| compares(own, comparison, wanted))))
        };
        match field {
            Field::Name => texts(|head| Some(&head.name)),
            Field::State => texts(|head| Some(head.state.word())),
            Field::Status => texts(|head| Some(mlflow_status(head.state))),
            Field::Kind => texts(|head| Some(head.kind.word())),
            Field::Model => texts(|head| head.model.as_deref()),
            Field::Device => texts(|head| head.device.as_deref()),
            Field::Commit => texts(|head| head.commit.as_deref()),
            Field::User => texts(|head| head.user.as_deref()),
            Field::Notes => texts(|head| Some(head.notes.as_str()).filter(|notes| !notes.is_empty())),
            Field::Snapshot => numbers(|head| head.snapshot.map(f64::from)),
            Field::Created => numbers(|head| Some(head.created_ms as f64)),
            Field::Started => numbers(|head| Some(head.began_ms() as f64)),
            Field::Ended => numbers(|head| head.ended_ms.map(|ms| ms as f64)),
            Field::Duration => numbers(duration),
            Field::Cost => numbers(|head| head.cost),
            Field::Id => {
                let passes = passes(comparison, value);
                Self::Row(Box::new(move |head| passes(&head.id.to_string())))
            }
            Field::Rank(key) => {
                let key = key.clone();
                let wanted = if let Value::Number(number) = value { *number } else { f64::NAN };
                Self::Row(Box::new(move |head| {
                    let own = head.ranked.as_ref().filter(|(own, _)| *own == key).and_then(|(_, value)| *value);
                    own.is_some_and(|own| compares(own, comparison, wanted))
                }))
            }
            Field::Metric(_)
            | Field::Param(_)
            | Field::Tag(_)
            | Field::Experiment
            | Field::Folder
            | Field::ArtifactUri
            | Field::Dataset(_)
            | Field::Attribute(_) => Self::Always(false),
        }
    }

    pub(super) fn holds(&self, table: &Table, row: usize) -> bool {
        match self {
            Self::Always(answer) => *answer,
            Self::All(tests) => tests.iter().all(|test| test.holds(table, row)),
            Self::Not(inner) => !inner.holds(table, row),
            Self::Metric(column, comparison, number) => match column.get(row) {
                Some(value) => compares(value, *comparison, *number),
                None => *comparison == Comparison::IsNull,
            },
            Self::Texts(column, hits) => hits[column.number(row)],
            Self::Row(passes) => passes(&table.rows[row]),
            Self::Datasets(datasets, hits) => datasets.any(row, hits),
            Self::Any(tests) => tests.iter().any(|test| test.holds(table, row)),
        }
    }
}

/// Seconds; `None` of a run that is not over.
pub(super) fn duration(head: &RunHead) -> Option<f64> {
    Some(seconds(head.started_ms?, head.ended_ms?))
}
