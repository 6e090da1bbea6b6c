//! Which metrics, params and tags a table of runs has, where nobody chose them.

use std::{cmp::Reverse, collections::BTreeMap};

use store::Connection;

use super::{Asked, Board, Query, cells, matched};
use crate::run::filter::{Field, fields_of};

/// The keys that stand in a table, and how many do not.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Commonest {
    /// Metrics, then params, then tags, each by its name.
    pub(crate) fields: Vec<Field>,
    pub(crate) left_out: u64,
    /// Whether programs show what runs below them have.
    pub(crate) has_lent: bool,
}

impl Board {
    /// All keys that occur, or of more than `most` those that the filter and the order name, and then those that most of the
    /// matching runs have, or runs below them in their place. Blocks.
    pub(crate) fn commonest(
        &self,
        connection: &Connection,
        asked: &Asked,
        query: &Query,
        most: usize,
    ) -> store::Result<Commonest> {
        let tables = self.fresh(connection, asked.moment, &query.experiments)?;
        let (only, matched) = matched(connection, &tables, query, asked)?;
        let patience = asked.patience();
        let lent = cells::lent(connection, &only, &matched, &patience)?;
        let mut rows: Vec<Vec<usize>> = vec![Vec::new(); only.len()];
        matched.into_iter().for_each(|(index, row)| rows[index].push(row as usize));
        // By kind, then by name.
        let mut counts: BTreeMap<(u8, &str), usize> = BTreeMap::new();
        for (table, rows) in only.iter().zip(&rows) {
            for (key, column) in table.metrics.iter().filter(|(_, column)| column.any()) {
                patience.check()?;
                *counts.entry((0, key)).or_default() += column.count(rows);
            }
            for (kind, columns) in [(1, &table.params), (2, &table.tags)] {
                for (key, column) in columns.iter().filter(|(_, column)| column.any()) {
                    patience.check()?;
                    *counts.entry((kind, key)).or_default() += column.count(rows);
                }
            }
        }
        for below in &lent {
            let metrics = below.metrics.keys().map(|key| (0, key.as_str()));
            for key in metrics.chain(below.params.keys().map(|key| (1, key.as_str()))) {
                *counts.entry(key).or_default() += 1;
            }
        }
        let left_out = counts.len().saturating_sub(most) as u64;
        let mut keys: Vec<((u8, &str), usize)> = counts.into_iter().collect();
        if left_out > 0 {
            let mut asked = fields_of(&query.filter);
            asked.extend(query.orders.iter().map(|order| &order.field));
            let named: Vec<(u8, &str)> = asked.into_iter().filter_map(key_of).collect();
            // Stable: among equals metrics stand first, and then the names in their order.
            keys.sort_by_key(|(key, count)| (!named.contains(key), Reverse(*count)));
            keys.truncate(most);
            keys.sort_unstable();
        }
        let fields = keys.into_iter().map(|((kind, key), _)| field(kind, key)).collect();
        Ok(Commonest { fields, left_out, has_lent: !lent.is_empty() })
    }
}

fn key_of(field: &Field) -> Option<(u8, &str)> {
    match field {
        Field::Metric(key) | Field::Rank(key) => Some((0, key)),
        Field::Param(key) => Some((1, key)),
        Field::Tag(key) => Some((2, key)),
        _ => None,
    }
}

fn field(kind: u8, key: &str) -> Field {
    match kind {
        0 => Field::Metric(key.to_owned()),
        1 => Field::Param(key.to_owned()),
        _ => Field::Tag(key.to_owned()),
    }
}
