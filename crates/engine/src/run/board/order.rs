//! The order of rows, over the tables of several experiments: MLflow's rules for what is missing and for equals.

use std::cmp::Ordering;

use super::{Order, Table};
use crate::run::{filter::Field, mlflow_status};

/// What a row is sorted by. NaN stands behind all numbers and a missing value behind that, whatever the direction.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Key<'a> {
    Number(f64),
    Text(&'a str),
    NotANumber,
    Missing,
}

impl Key<'_> {
    const fn group(self) -> u8 {
        match self {
            Self::Number(_) | Self::Text(_) => 0,
            Self::NotANumber => 1,
            Self::Missing => 2,
        }
    }

    fn compare(self, other: Self, descending: bool) -> Ordering {
        let within = match (self, other) {
            (Self::Number(left), Self::Number(right)) => left.total_cmp(&right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            _ => return self.group().cmp(&other.group()),
        };
        if descending { within.reverse() } else { within }
    }
}

fn number<'a>(value: Option<f64>) -> Key<'a> {
    match value {
        None => Key::Missing,
        Some(value) if value.is_nan() => Key::NotANumber,
        Some(value) => Key::Number(value),
    }
}

fn text(value: Option<&str>) -> Key<'_> {
    value.map_or(Key::Missing, Key::Text)
}

fn key<'a>(table: &'a Table, row: usize, field: &Field) -> Key<'a> {
    let head = &table.rows[row];
    match field {
        Field::Metric(name) => number(table.metric(name, row)),
        Field::Param(name) => text(table.params.get(name).and_then(|column| column.text(row))),
        Field::Tag(name) => text(table.tags.get(name).and_then(|column| column.text(row))),
        Field::Name => text(Some(&head.name)),
        Field::State => text(Some(super::matching::state(head.state))),
        Field::Status => text(Some(mlflow_status(head.state))),
        Field::Kind => text(Some(super::matching::kind(head.kind))),
        Field::Device => text(head.device.as_deref()),
        Field::Commit => text(head.commit.as_deref()),
        Field::User => text(head.user.as_deref()),
        Field::Notes => text(Some(head.notes.as_str()).filter(|notes| !notes.is_empty())),
        Field::Snapshot => number(head.snapshot.map(f64::from)),
        Field::Created => Key::Number(head.created_ms as f64),
        Field::Ended => number(head.ended_ms.map(|ms| ms as f64)),
        Field::Duration => number(super::matching::duration(head)),
        Field::Cost => number(head.cost),
        Field::Rank(wanted) => {
            number(head.ranked.as_ref().filter(|(key, _)| key == wanted).and_then(|(_, value)| *value))
        }
        // Ids and addresses sort as the id's bytes do, which the last comparison sees to; datasets have no order.
        Field::Id | Field::ArtifactUri | Field::Dataset(_) | Field::Attribute(_) => Key::Missing,
    }
}

/// The first `count` of the matched rows (table's index, row) in order.
pub(super) fn first(tables: &[&Table], matched: Vec<(usize, u32)>, orders: &[Order], count: u64) -> Vec<(usize, u32)> {
    let mut keyed: Vec<(Vec<Key<'_>>, (usize, u32))> = matched
        .into_iter()
        .map(|at| (orders.iter().map(|order| key(tables[at.0], at.1 as usize, &order.field)).collect(), at))
        .collect();
    let by_id = orders.iter().find(|order| matches!(order.field, Field::Id | Field::ArtifactUri));
    let compare = |left: &(Vec<Key<'_>>, (usize, u32)), right: &(Vec<Key<'_>>, (usize, u32))| {
        let keys = left.0.iter().zip(&right.0).zip(orders);
        let by_keys = keys.map(|((left, right), order)| left.compare(*right, order.descending));
        let head = |at: (usize, u32)| &tables[at.0].rows[at.1 as usize];
        let (one, other) = (head(left.1), head(right.1));
        let id = one.id.cmp(&other.id);
        if let Some(order) = by_id {
            return if order.descending { id.reverse() } else { id };
        }
        by_keys.fold(Ordering::Equal, Ordering::then).then_with(|| other.created_ms.cmp(&one.created_ms)).then(id)
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count < keyed.len() && count > 0 {
        // Only what is shown is sorted.
        keyed.select_nth_unstable_by(count - 1, compare);
        keyed.truncate(count);
    }
    keyed.sort_unstable_by(compare);
    keyed.into_iter().map(|(_, at)| at).collect()
}
